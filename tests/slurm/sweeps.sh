# Shared by the tests of sweeps on a real Slurm: experiments, jobs, workers that stand still while something happens to them, and
# whether all that was recorded equals, to the last bit, what one machine records undisturbed.
# Usage: sweeps.sh is sourced; $1 of the sourcing script is launcher_drive, $2 pixsweep.
PIXSWEEP=$(readlink -f "$2")
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib.sh"
. "$HERE/../e2e/same.sh"
command -v sqlite3 >/dev/null || skip "no sqlite3 shell (tools/deps installs it)"
[[ -n $(find /usr/share/fonts -name DejaVuSans.ttf 2>/dev/null) ]] || skip "no DejaVu fonts"
export PIXSWEEP_CORE_LOCKS=$WORK/cores

pixsweep() { # CODE ARGS...: what it said is in $WORK/out and $WORK/err
    local expected=$1 code=0
    shift
    "$PIXSWEEP" "$@" >"$WORK/out" 2>"$WORK/err" || code=$?
    [[ $code == "$expected" ]] || fail "pixsweep $* ended with $code, not $expected: $(cat "$WORK/out" "$WORK/err")"
}
experiment() { # NAME SEEDS LINES...: 2 * SEEDS runs
    printf '%s\n' "name: $1" 'dataset: data' 'img_height: 32' 'img_width: 32' 'ngf: 4' 'ndf: 4' 'batch_size: 8' \
        "${@:3}" "sweep: {grid: {lambda_pixel: [10, 100]}, seeds: $2}" >"$1.yaml"
    grep -q '^run:' "$1.yaml" || echo 'run: {on: slurm, slurm: {cpus_per_task: 1, mem: none}}' >>"$1.yaml"
}
pixsweep 0 data glyphs --source DejaVuSans.ttf --target DejaVuSerif.ttf --chars ascii --size 32 --train 16 --val 6 --out data

# ---- jobs ----

living() { squeue -h -r -o %j | grep -c '^pixsweep-' || true; }
all_ended() { # SWEEP-FOLDER
    PATIENCE=500 soon 0 living
    if grep -h -q -i -e 'command not found' -e 'unknown command' "$1"/cluster/*/log/*; then fail "jobs could not run"; fi
}
array_of() { sed -n 's/^id //p' "$1/cluster/${2:-0001}/submission"; } # SWEEP-FOLDER [NUMBER]
state_of() { squeue -h -r -j "$1" -o %T; }                            # JOB_TASK

# ---- workers ----

workers() { # RUN-FOLDER [NODE]: their process ids
    local pid
    for pid in $(pgrep -f "^pixsweep worker $1\$"); do
        if [[ -z ${2:-} ]] || grep -q -z -x "SLURMD_NODENAME=$2" "/proc/$pid/environ" 2>/dev/null; then echo "$pid"; fi
    done
}
trains() { # RUN-FOLDER: yes, once its last attempt has written a resume point and has not ended
    local dir=$1
    [[ -z ${SLURM_SHARED:-} ]] || dir=$CLUSTER/disk${dir#"$SLURM_SHARED"} # where it is not stale
    grep -q 'resume point before' "$dir/worker.log" && compgen -G "$dir/resume*.safetensors" >/dev/null && [[ -n $(workers "$1") ]] && echo yes
}
# The worker of a run stands still in the middle of its training, so that what happens next happens there, however quick the machine is.
# Slurm lets it go on when it ends a job.
hold() { # RUN-FOLDER [NODE]: $held is the worker's process id, $held_run the folder
    soon yes trains "$1"
    held=$(workers "$@")
    held_run=$1
    kill -STOP "$held"
    echo "$held" >"$WORK/pids/$held"
    soon T sh -c "sed 's/.*) //' /proc/$held/stat | cut -c 1"
    is yes trains "$1" # a run that ends has no resume point any more
}
release() { kill -CONT "$1" || fail "process $1 is gone"; } # PID

# ---- the collector ----

# In the foreground, as a user has it, while something happens to the jobs. Its database is on a disk of this machine: in the folder
# $OWN.
OWN=own
LOGIN=() # a command that runs another one on another login node
follow() { # NAME ARGS...: $collector is its process id; what it says is in $WORK/collector.out and .err
    mkdir -p "$OWN"
    setsid "${LOGIN[@]}" "$PIXSWEEP" run "$1.yaml" --results far --db "$WORK/$OWN/pixsweep.db" "${@:2}" >collector.out 2>collector.err &
    collector=$!
    echo "$collector" >"$WORK/pids/collector"
    soon 1 sh -c 'grep -c -m 1 -e "submitted" -e "no more are started" -e "nothing to do" collector.err'
}
collected() { sqlite3 "file:$OWN/pixsweep.db?mode=ro" "SELECT count(*) FROM run WHERE state = 'completed'"; }
# Puts a squeue into $WORK/bin that notes each call.
count_calls() {
    mkdir bin
    : >asked
    printf '#!/bin/sh\necho "$*" >>"%s"\nexec "%s" "$@"\n' "$WORK/asked" "$(command -v squeue)" >bin/squeue
    chmod 755 bin/squeue
}
told() { # TEXT: the collector
    grep -q -e "$1" collector.out collector.err || fail "the collector did not say \"$1\" but: $(cat collector.out collector.err)"
}
followed() { # CODE: it ends by itself
    local code=0
    soon gone sh -c "[ -e /proc/$collector ] && grep -q '^State:.[^Z]' /proc/$collector/status || echo gone"
    wait "$collector" || code=$?
    rm "$WORK/pids/collector"
    [[ $code == "$1" ]] || fail "the collector ended with $code, not $1: $(cat collector.out collector.err)"
}

# ---- what is recorded ----

# The same command again has nothing to start, and collects what there is.
collect() { # NAME
    mkdir -p "$OWN"
    pixsweep 0 run "$1.yaml" --results far --db "$OWN/pixsweep.db"
    says "nothing to do"
}
# equal NAME RUNS: all is recorded once, and as in $WORK/near; `far` has the collector's published copy
equal() {
    collect "$1"
    expect far "SELECT count(*) || ' ' || sum(state = 'completed') FROM run" "$2 $2"
    expect far "PRAGMA application_id" 1886942064
    same_rows near far
    files_as_listed far
    sound far
    [[ -z $(find far -name '.claim*' -o -name 'pixsweep.db-*') ]] || fail "claims or side files are left: $(find far -name '.claim*' -o -name 'pixsweep.db-*')"
}
attempts() { # "REASON N, REASON N"
    expect far "SELECT group_concat(reason || ' ' || n, ', ') FROM (SELECT reason, count(*) AS n FROM attempt GROUP BY reason ORDER BY reason)" "$1"
}
