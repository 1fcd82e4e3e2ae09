# Shared by the tests of sweeps that jobs carry out and `run` collects: a launcher of the test's own, whose jobs are processes, and two
# sweeps, many and slow, which near has from a run here. Sourced in place of lib.sh.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mkdir state
cat >launcher <<'SH2'
#!/bin/sh
state=$WORK/state
echo "$1" >>"$state/calls"
case $1 in
submit)
    while [ -e "$state/hold" ]; do sleep 0.05; done
    i=0
    while [ $i -lt "$3" ]; do
        PIXSWEEP_TASK=$PIXSWEEP_NAME.$i setsid "$2/job.sh" </dev/null >>"$2/log/$i.log" 2>&1 &
        echo "$PIXSWEEP_NAME.$i"
        echo "$PIXSWEEP_NAME $! $PIXSWEEP_NAME.$i" >>"$state/jobs"
        i=$((i + 1))
    done ;;
alive)
    [ ! -e "$state/silent" ] || { echo "no answer from the controller" >&2; exit 3; }
    sed -n "s/^$PIXSWEEP_NAME //p" "$state/jobs" | while read -r pid id; do
        case $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) in '' | Z*) ;; *) echo "$id running" ;; esac
    done ;;
cancel)
    shift
    for id; do kill -TERM "$(sed -n "s/.* \(.*\) $id\$/\1/p" "$state/jobs")" 2>/dev/null || true; done ;;
*) exit 2 ;;
esac
SH2
chmod 755 launcher
export WORK
kill_jobs() { # SIGNAL
    while read -r _ pid _; do kill "-$1" -- "-$pid" 2>/dev/null || true; done <state/jobs
}
own_gone() { :; }
trap 'code=$?; own_gone; kill_jobs KILL; (exit $code); cleanup' EXIT
: >state/jobs
no_jobs() {
    local i
    for i in $(seq 600); do
        [ -z "$(while read -r _ pid _; do kill -0 "$pid" 2>/dev/null && echo "$pid"; done <state/jobs)" ] && return
        sleep 0.1
    done
    fail "jobs do not end"
}
settings=('sample_interval: 4' 'checkpoint_interval: 1')
experiment exp.yaml many 'n_epochs: 3' "${settings[@]}" 'sweep: {grid: {lambda_pixel: [10, 100]}, seeds: 2}' \
    'run: {on: ./launcher, launcher: {cpus_per_task: 1, mem: none, tasks: 2, look_every: 1s, ask_every: 1s}}'
sed 's/^name: many/name: slow/; s/^n_epochs: 3/n_epochs: 60/; s/^checkpoint_interval: 1/checkpoint_interval: 0/; s/^sample_interval: 4/sample_interval: 0/' exp.yaml >slow.yaml
make_data data 16 6

run 0 near exp.yaml --on here
run 0 near slow.yaml --on here
begun() { # SWEEP: a job trains
    local i
    for i in $(seq 600); do compgen -G "far/$1/0*/records.bin" >/dev/null && return; sleep 0.05; done
    fail "no job begins"
}
collect() { local code=$1; shift; run "$code" "$@" --db "$WORK/own.db"; }
is_copy() { expect "$1" "PRAGMA application_id" 1886942064; }
# The sweep's rows of both databases; near has both sweeps.
same_sweep() { # SWEEP RESULTS
    rm -rf a b && mkdir a b
    cp "near/pixsweep.db" a/ && cp "$2/pixsweep.db" b/ && chmod u+w b/pixsweep.db
    for folder in a b; do sqlite3 $folder/pixsweep.db "PRAGMA foreign_keys = ON; DELETE FROM sweep WHERE name <> '$1'"; done
    same_rows a b
}
