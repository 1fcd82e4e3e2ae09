#!/usr/bin/env bash
# Runs that are handed to jobs of another engine, here a launcher that writes down what it is given and answers as the test wants.
. "$(dirname "$0")/lib.sh"

mkdir -p state
cat >launcher <<'SH'
#!/bin/sh
# Reads state/mood, once; counts its jobs as living.
state=$WORK/state
echo "$1 $3" >>"$state/calls"
case $1 in
submit)
    mood=$(cat "$state/mood" 2>/dev/null); rm -f "$state/mood"
    case $mood in
    refuse) echo "your account has no hours left" >&2; exit 1 ;;
    busy) echo "too busy" >&2; exit 75 ;;
    hang) sleep 60 ;;
    esac
    env | grep ^PIXSWEEP_ | sort >"$state/env"
    i=0
    while [ $i -lt "$3" ]; do echo "job_$i"; echo "$PIXSWEEP_NAME job_$i running" >>"$state/jobs"; i=$((i + 1)); done
    [ "$mood" != deaf ] || exit 3 ;;
alive)
    [ ! -e "$state/silent" ] || { echo "no answer from the controller" >&2; rm "$state/silent"; exit 3; }
    [ ! -s "$state/blink" ] || { sed "/$(head -n 1 "$state/blink")/d" "$state/jobs" | sed -n "s/^$PIXSWEEP_NAME //p"; sed -i 1d "$state/blink"; exit 0; }
    [ ! -e "$state/jobs" ] || sed -n "s/^$PIXSWEEP_NAME //p" "$state/jobs" ;;
limits) cat "$state/limits" 2>/dev/null || exit 2 ;;
*) exit 2 ;;
esac
SH
chmod 755 launcher
export WORK
settings=('n_epochs: 2' 'sample_interval: 0' 'checkpoint_interval: 0')
experiment exp.yaml many "${settings[@]}" 'sweep: {grid: {lambda_pixel: [10, 100]}, seeds: 3}' \
    'run: {launcher: {queue: long, time: 2h, setup: export SETUP=yes, extra: ["--a b", -c], array_throttle: 5}}'
make_data data 16 6
reset() { rm -rf state res; mkdir state; }
calls() { grep -c "^$1" state/calls || true; }
is() { [ "$2" = "$1" ] || fail "$2, not $1"; }
is_free() { [ ! -e res/pixsweep.db ] || fail "a database was made"; }

step "plan says jobs, limits and costs; --dry-run shows the script; nothing is written, nothing is submitted"
echo "max_array_size 4" >state/limits
"$PIXSWEEP" plan exp.yaml --on ./launcher --results res --dry-run >plan.out 2>plan.err || fail "plan --on"
says plan.out "6 runs to do, 4 jobs of 4 cores and 100 MB of memory, 1 run at a time in each"
says plan.out "no more jobs, since the largest array here is 4"
says plan.out "time: 2 h 00 m a job suffice"
says plan.out "a requeue costs at most 5 m 00 s of training"
says plan.out "disk: resume points of all jobs need up to"
says plan.out "^PIXSWEEP_QUEUE=long$"
says plan.out "^export SETUP=yes$"
says plan.out 'exec "$dir/pixsweep" task "$dir"'
[ ! -e res ] || fail "plan wrote something"
run 0 res exp.yaml --on ./launcher --detach --dry-run
cmp -s run.out plan.out || fail "run --dry-run says something else than plan"
is 0 "$(calls submit)"
"$PIXSWEEP" plan exp.yaml --on ./launcher --results res --set run.launcher.time=10m --set run.launcher.warn_before=599s \
    --set n_epochs=200000 --set run.launcher.mem=none --jobs 2 >plan.out 2>plan.err || fail "plan of long runs"
says plan.out "3 jobs of 4 cores, 2 runs at a time in each"
says plan.out "5 m 00 s before its end a job writes resume points and is requeued, about"
"$PIXSWEEP" plan exp.yaml --on slurm --results res >plan.out 2>plan.err || fail "plan without a time"
says plan.out "time limit of a job: the site's own, since run.slurm has no .time.; the longest run takes"

step "submitted: as many jobs as runs, told what the file says; no database"
reset
run 0 res exp.yaml --on ./launcher --detach
says run.out "many: 6 runs to do, 6 jobs submitted"
says run.out "launcher alive"
says run.out "launcher cancel job_0"
says run.out "collect: the same command without --detach"
is_free
dir=$WORK/res/many/cluster/0001
for line in "PIXSWEEP_CPUS=4" "PIXSWEEP_DIR=$dir" "PIXSWEEP_EXTRA=--a b" "PIXSWEEP_MEM_MB=100" "PIXSWEEP_QUEUE=long" "PIXSWEEP_SECONDS=7200" \
    "PIXSWEEP_THROTTLE=5" "PIXSWEEP_WARN=300"; do grep -qxF "$line" state/env || fail "not told: $line: $(cat state/env)"; done
"$dir/pixsweep" --version >version.out || fail "the program's copy does not run"
"$PIXSWEEP" --version | cmp -s - version.out || fail "the program's copy is another version"
[ "$(ls res/many | grep -c '^00')" = 6 ] && [ -s res/many/0006-*/config.yaml ] && [ -s "$dir/plan.json" ] || fail "no runs for the jobs"
bash -n "$dir/job.sh" || fail "job.sh is no script"

step "the same command again starts only what is missing"
run 0 res exp.yaml --on ./launcher --detach
says run.out "6 jobs of earlier submissions at work or waiting: no more are started"
! grep -q preflight run.err || fail "a batch was tried for nothing"
[ ! -e res/many/cluster/0002 ] || fail "a second submission"
sed -i 's/job_[01] running/& x/; s/running x/ending/; /job_2/d' state/jobs
run 0 res exp.yaml --on ./launcher --detach --format json
says run.out '"to_do":6,"alive":3,"submitted":3'
[ -s res/many/cluster/0002/plan.json ] || fail "no second submission"
run 0 res exp.yaml --on ./launcher --detach --set run.launcher.tasks=4
says run.out "no more are started; tasks: is 4"

step "a job is warned no earlier than in the middle of its time, as tasks have it"
reset
run 0 res exp.yaml --on ./launcher --detach --set run.launcher.time=8m --set run.launcher.warn_before=479s
grep -qx "PIXSWEEP_WARN=240" state/env || fail "not told: $(cat state/env)"

step "the claim of a job that is gone is void after two answers in a row without it, and not after one"
reset
run 0 res exp.yaml --on ./launcher --detach
for n in 1 2; do
    printf 'nonce=0000000000000000000%d\ntask=job_%d\nrestart=0\nhost=far\nboot_id=other\npid=1\npid_start=1\n' $n $n >"$(echo res/many/000$n-*)/.claim"
done
for missing in 'job_1\n' 'job_1\njob_2\n'; do # in the first answer, and then in the second one
    printf "$missing" >state/blink
    : >state/calls
    run 0 res exp.yaml --on ./launcher --detach --set run.launcher.tasks=5
    says run.out "no more are started"
    is 2 "$(calls alive)"
    grep -qx task=job_1 res/many/0001-*/.claim && grep -qx task=job_2 res/many/0002-*/.claim || fail "one answer was believed"
done
sed -i /job_2/d state/jobs
: >state/calls
run 0 res exp.yaml --on ./launcher --detach
says run.err "many/0002-.*: its claim is void, since job job_2 is gone"
says run.out "1 job submitted"
is 2 "$(calls alive)"
grep -qx task=job_1 res/many/0001-*/.claim && ! grep -qx task=job_2 res/many/0002-*/.claim || fail "the wrong claim: $(cat res/many/*/.claim)"

step "an answer that does not come is no answer: nothing is submitted before there is one"
: >state/silent
run 0 res exp.yaml --on ./launcher --detach
says run.err "no answer from the controller.*trying again in 2 s"
says run.out "no more are started"

step "runs that are completed are not submitted again, without a database and beside one"
reset
run 0 res exp.yaml --set sweep.seeds=1
rm res/pixsweep.db*
run 0 res exp.yaml --on ./launcher --detach
says run.out "4 runs to do, 4 jobs submitted"
is_free
reset
run 0 res exp.yaml --set sweep.seeds=1
sum=$(sha256sum res/pixsweep.db)
run 0 res exp.yaml --on ./launcher --detach
says run.out "4 runs to do, 4 jobs submitted"
is "$sum" "$(sha256sum res/pixsweep.db)"
[ ! -s res/pixsweep.db-wal ] || fail "something was written beside the database"
run 0 res exp.yaml --on ./launcher --detach --set sweep.seeds=1
says run.out "many: 2 runs, nothing to do"

step "jobs that live keep the plan that they were submitted with: runs that are new since get jobs of their own"
reset
run 0 res exp.yaml --on ./launcher --detach --set sweep.seeds=1
says run.out "2 runs to do, 2 jobs submitted"
! grep -q "jobs submitted now" run.out || fail "says something of new runs: $(cat run.out)"
"$PIXSWEEP" plan exp.yaml --on ./launcher --results res >plan.out 2>plan.err || fail "plan --on"
says plan.out "2 jobs of earlier submissions live, so 4 would be submitted"
says plan.out "jobs of earlier submissions know 2 of these runs; the 4 new ones are for jobs submitted now"
PIXSWEEP_TASK=job_0 "$dir/pixsweep" task "$dir" >task.out || fail "the job failed: $(cat task.out)"
run 0 res exp.yaml --on ./launcher --detach --set sweep.seeds=2 --set run.launcher.tasks=2
says run.out "2 runs to do, 2 jobs of earlier submissions at work or waiting: no more are started"
says run.out "know 0 of these runs; the 2 new ones are for jobs of the .run. that collects, or of the same command again"
run 0 res exp.yaml --on ./launcher --detach --format json
says run.out '"to_do":4,"alive":2,"submitted":4'
run 0 res exp.yaml --on ./launcher --detach
says run.out "4 runs to do, 6 jobs of earlier submissions at work or waiting: no more are started"
! grep -q "new one" run.out || fail "says that runs are new: $(cat run.out)"

step "the file is changed before anybody collects: numbers of runs that jobs have are never another run's"
reset
run 0 res exp.yaml --on ./launcher --detach
configs=$(sha256sum res/many/0*/config.yaml)
changed() { run "$1" res exp.yaml --on ./launcher --detach --set n_epochs=3; }
refused() {
    changed 2
    says run.err "run 1 of sweep many is another one in the jobs of .*/cluster/0001.*the same command with --on and without --detach"
    is "$configs" "$(sha256sum res/many/0*/config.yaml)"
    [ ! -e res/many/cluster/0002 ] || fail "a second submission"
}
refused
PIXSWEEP_TASK=job_0 "$dir/pixsweep" task "$dir" >task.out || fail "the job failed: $(cat task.out)"
rm state/jobs
refused
"$PIXSWEEP" run exp.yaml --on ./launcher --results res --db own.db --set n_epochs=3 >one.out 2>one.err &
pid=$!
for _ in $(seq 300); do grep -q "collecting into" one.err && break || sleep 0.1; done
kill -TERM $pid
code=0
wait $pid || code=$?
is 130 "$code"
says one.err "6 runs to do, 6 jobs submitted"
expect res "SELECT group_concat(number) FROM run WHERE state = 'completed'" 1,2,3,4,5,6
is 12 "$(ls res/many | grep -c '^00')"
changed 0
says run.out "no more are started"
rm -f own.db*
reset
echo refuse >state/mood
run 2 res exp.yaml --on ./launcher --detach
changed 0 # no job has those of a submission that was refused
says run.out "6 jobs submitted"

step "refused for good: the launcher's words and the keys that it was told; the same folder is used again"
reset
echo refuse >state/mood
run 2 res exp.yaml --on ./launcher --detach
says run.err "your account has no hours left"
says run.err "run.launcher in $WORK/exp.yaml (or --set): queue: long, mem: 100M (auto), time: 2 h 00 m, array_throttle: 5, extra: --a b -c, cpus_per_task: 4"
mkdir bin
printf '#!/bin/sh\necho "sbatch: error: invalid partition specified: nosuch" >&2\nexit 1\n' >bin/sbatch
chmod 755 bin/sbatch
PATH=$WORK/bin:$PATH run 2 slurm exp.yaml --on slurm --detach --set run.slurm.partition=nosuch --set run.slurm.mem=9000G
says run.err "invalid partition specified: nosuch.*run.slurm in $WORK/exp.yaml (or --set): partition: nosuch, mem: 9000G, cpus_per_task: 4; the rest by SBATCH_"
run 0 res exp.yaml --on ./launcher --detach
says run.out "6 jobs submitted"
is 1 "$(ls -d res/many/cluster/0* | wc -l)"

step "busy: tried again"
reset
echo busy >state/mood
run 0 res exp.yaml --on ./launcher --detach
says run.err "too busy.*trying again in 2 s"
is 2 "$(calls submit)"

step "accepted without an answer: looked up by its name, not started twice; a signal meanwhile leaves"
reset
echo deaf >state/mood
run 0 res exp.yaml --on ./launcher --detach
says run.err "not known yet"
is 1 "$(calls submit)"
says run.out "6 jobs submitted"
reset
echo hang >state/mood
"$PIXSWEEP" run exp.yaml --on ./launcher --detach --results res >run.out 2>run.err &
pid=$!
for _ in $(seq 300); do [ "$(calls submit 2>/dev/null)" = 1 ] && break || sleep 0.1; done
kill -TERM $pid
code=0
wait $pid || code=$?
is 130 "$code"
says run.err "the same command goes on"
grep -q "^unknown " res/many/cluster/0001/submission || fail "not unknown: $(cat res/many/cluster/0001/submission)"

step "two at once: together as many jobs as runs"
reset
"$PIXSWEEP" run exp.yaml --on ./launcher --detach --results res >one.out 2>one.err &
pid=$!
"$PIXSWEEP" run exp.yaml --on ./launcher --detach --results res >two.out 2>two.err || fail "the second of two: $(cat two.err)"
wait $pid || fail "the first of two: $(cat one.err)"
is 6 "$(wc -l <state/jobs)"
says one.out "6 runs to do"

step "options that mean nothing here, and words that are no place"
run 2 res exp.yaml --on here --no-probe
says run.err "no-probe goes with --on slurm"
run 2 res exp.yaml --on slrum
says run.err "did you mean slurm"
run 2 res exp.yaml --on ./none --detach
says run.err "there is no $WORK/none"
"$PIXSWEEP" plan exp.yaml --dry-run >plan.out 2>plan.err && fail "plan --dry-run without --on"
says plan.err "does nothing anyway"
reset
run 2 res exp.yaml --on ssh --detach
says run.err "no hosts"

step "the file says where; --on here is stronger; --no-probe tries no batch"
reset
run 0 res exp.yaml --set run.on=./launcher --detach --no-probe
says run.out "6 jobs submitted"
! grep -q preflight run.err || fail "a batch was tried"
rm -rf res
run 0 res exp.yaml --set run.on=./launcher --set sweep.seeds=1 --on here
expect res "SELECT count(*) FROM run WHERE state = 'completed'" 2

step "back here with another file: merge brings in what jobs have left, and the new runs get other numbers"
reset
run 0 res exp.yaml --on ./launcher --detach --set sweep.seeds=1
PIXSWEEP_TASK=job_0 "$dir/pixsweep" task "$dir" >task.out || fail "the job failed: $(cat task.out)"
"$PIXSWEEP" plan exp.yaml --results res --set sweep.seeds=1 --set n_epochs=3 >plan.out 2>plan.err || fail plan
says plan.out "^warning: run 1 of sweep many is another one in the jobs of"
run 2 res exp.yaml --set sweep.seeds=1 --set n_epochs=3
says run.err "run 1 of sweep many is another one in the jobs of .*when those jobs have ended, .pixsweep merge $WORK/res/many."
"$PIXSWEEP" merge "$WORK/res/many" --results res >merge.out 2>merge.err || fail "merge"
run 0 res exp.yaml --set sweep.seeds=1 --set n_epochs=3
expect res "SELECT group_concat(number) FROM run WHERE state = 'completed'" 1,2,3,4

step "back here: the runs that were handed out keep their folders; rm takes the submissions along, and nothing else"
reset
run 0 res exp.yaml --on ./launcher --detach --set sweep.seeds=2
run 0 res exp.yaml --set sweep.seeds=2
expect res "SELECT group_concat(number) FROM run WHERE state = 'completed'" 1,2,3,4
is 4 "$(ls res/many | grep -c '^00')"
echo mine >res/many/cluster/0001/log/notes.txt # what a job's program may write
echo mine >res/many/cluster/0001/notes.txt
mkdir res/many/cluster/0001/other
code=0
"$PIXSWEEP" rm many --yes --results res >rm.out 2>rm.err || code=$?
is 1 $code
says rm.err "nothing was removed: 4 jobs of the sweep live on other machines; .pixsweep cancel many --results res. ends them"
[ -s res/many/0001-*/records.bin ] || fail "something was removed"
rm state/jobs
"$PIXSWEEP" rm many --yes --results res >rm.out 2>rm.err || fail "rm"
is "res/many/cluster/0001/notes.txt res/many/cluster/0001/other" "$(find res/many -type f -o -type d -empty | sort | xargs)"
rm -r res/many/cluster/0001/notes.txt res/many/cluster/0001/other
run 0 res exp.yaml --on ./launcher --detach --set sweep.seeds=2
run 0 res exp.yaml --set sweep.seeds=1
rm state/jobs
"$PIXSWEEP" rm many --yes --results res >rm.out 2>rm.err || fail "rm" # two of the four folders have no row
[ ! -e res/many ] || fail "left behind: $(find res/many)"
run 0 res exp.yaml --on ./launcher --detach --set sweep.seeds=2
run 0 res exp.yaml --set sweep.seeds=1
: >state/silent
"$PIXSWEEP" rm many --yes --results res >rm.out 2>rm.err || fail "rm"
says rm.err "no answer from the controller"
says rm.out "removed many: 2 runs.*res/many/cluster and runs that no job has begun stay, since it is not known whether jobs live"
is 2 "$(ls -d res/many/0*/config.yaml | wc -l)"
[ -s res/many/cluster/0001/plan.json ] || fail "the submission is gone"
