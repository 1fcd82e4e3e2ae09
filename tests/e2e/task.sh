#!/usr/bin/env bash
# Tasks: supervisors without a database that share a results folder and the frozen plan of a submission.
# Called with PIXSWEEP FREEZE.
FREEZE=$(realpath "$2")
. "$(dirname "$0")/lib.sh"
unset "${!SLURM_@}" PIXSWEEP_TASK PIXSWEEP_RESTART PIXSWEEP_CORES PIXSWEEP_SECONDS PIXSWEEP_WARN
task() { # CODE DIR: must end with CODE; what it said is in task.out and task.err
    local code=0
    "$PIXSWEEP" task "$2" >task.out 2>task.err || code=$?
    [ "$code" -eq "$1" ] || fail "task $2 ended with $code, not $1: $(cat task.out task.err)"
}
freeze() { "$FREEZE" "$@" 2>freeze.err || fail "freeze $*: $(cat freeze.err)"; }
goes_on() { # a task of term that is in the background; two in a row without a step would be given up
    until_there grep -q 'goes on from step' a.out
    touch mark
    until_there test term/$first/resume.safetensors -nt mark
}
trains() { [ "$(stat -c %s "$1"/records.bin)" -gt 4000 ] && [ -f "$1"/resume.safetensors ]; }
ends() { # PID CODE
    local code=0
    wait "$1" || code=$?
    [ "$code" -eq "$2" ] || fail "a task ended with $code, not $2: $(cat a.out)"
}
no_claims() { [ -z "$(find "$1" -name '.claim*')" ] || fail "claims are left: $(find "$1" -name '.claim*')"; }
merged() { # RESULTS: what the folders have is what an undisturbed local run has
    "$PIXSWEEP" merge "$1" --results "$1" >merge.out 2>merge.err || fail "merge: $(cat merge.err)"
    expect "$1" "SELECT count(*) || ',' || sum(state = 'completed') FROM run" "$runs,$runs"
    sound "$1"
    same_rows whole "$1"
    files_as_listed "$1"
}

make_data data 16 4
runs=2
experiment exp.yaml task 'n_epochs: 30' 'sample_interval: 20' 'checkpoint_interval: 30' 'run: {resume_every: 0s}' \
    'sweep: {grid: {lambda_pixel: [10, 100]}}'
run 0 whole exp.yaml --jobs 2 --threads 1
first=task/0001-lambda_pixel-10-s0

step "a file stops a run while it trains, and keeps another one from beginning"
experiment long.yaml long 'n_epochs: 100000' 'sample_interval: 0' 'checkpoint_interval: 0' 'sweep: {seeds: 2}'
freeze long.yaml stopped stopped/sub 2
mkdir stopped/sub/cancel
touch stopped/sub/cancel/2
"$PIXSWEEP" task stopped/sub >stopped.out 2>&1 &
cancelled=$!
until_there grep -q '0002-base-s1: cancelled' stopped.out
until_there test -f stopped/long/0001-base-s0/resume.safetensors -o -f stopped/long/0001-base-s0/records.bin
touch stopped/sub/cancel/1

step "one task does it all, and its database is the local run's"
freeze exp.yaml res res/sub 2
task 0 res/sub
says task.out "task: 2 of 2 runs done, 0 failed here, 0 at work elsewhere, 0 left"
[ ! -e res/pixsweep.db ] || fail "a task made a database"
no_claims res
merged res
expect res "SELECT count(*) FROM attempt" 2
task 0 res/sub
says task.out "2 of 2 runs done"
run 0 res exp.yaml
says run.err "nothing to do"

step "killed with its worker: another task of this machine takes the run over and resumes it"
job=killed/task/cluster/0001
mkdir -p $job/log
freeze exp.yaml killed $job 1
PIXSWEEP_TASK=7_0 "$PIXSWEEP" task $job >>$job/log/7_0.log 2>a.out &
a=$!
until_there trains killed/$first
says killed/$first/.claim "task=7_0"
kill -STOP $a
worker=$(pgrep -P $a)
kill -KILL $a $worker
wait $a 2>/dev/null || true
[ -f killed/$first/.claim ] || fail "the dead task's claim is gone"
ln -s killed linked # jobs may be told another name of the same folder
PIXSWEEP_TASK=7_1 PIXSWEEP_RESTART=2 "$PIXSWEEP" task linked/task/cluster/0001 >>$job/log/7_1.log 2>a.out || fail "the second task failed"
says $job/log/7_1.log "$first: goes on from step"
merged killed
expect killed "SELECT count(*) FROM attempt WHERE resumed_from_step > 0" 1
expect killed "SELECT group_concat(coalesce(reason, '')) FROM (SELECT reason FROM attempt WHERE run_id = 1 ORDER BY no)" "lost,completed"
no_claims killed
step "show names the job of each attempt, how often it was requeued, and its log; nothing of a local run"
"$PIXSWEEP" show 1 --results killed >show.out
says show.out "host *job *requeued *pid"
says show.out " 7_0 *0 "
says show.out " 7_1 *2 "
says show.out "^log of job 7_0: $WORK/killed/task/cluster/0001/log/7_0.log$"
says show.out "^log of job 7_1: .*/log/7_1.log$"
[ -s "$(sed -n 's/^log of job 7_1: //p' show.out)" ] || fail "there is no such log"
"$PIXSWEEP" show 1 --results killed --format json >show.out
for said in '"task": "7_0"' '"task": "7_1"' '"restart": 2' '"task_log": "../cluster/0001/log/7_1.log"'; do says show.out "$said"; done
"$PIXSWEEP" show 1 --results whole >show.out
! grep -q -e '[ _]job' -e requeued show.out || fail "a local run names a job: $(cat show.out)"

step "SIGTERM is for good: never requeued"
mkdir bin
printf '#!/bin/sh\necho "$*" >>"%s/scontrol.said"\nexit ${SCONTROL_CODE:-0}\n' "$WORK" >bin/scontrol
chmod +x bin/scontrol
freeze exp.yaml term term/sub 1
PATH=$WORK/bin:$PATH SLURM_JOB_ID=99 "$PIXSWEEP" task term/sub >a.out 2>&1 &
a=$!
until_there trains term/$first
kill -TERM $a
ends $a 130
[ ! -e scontrol.said ] || fail "scontrol was called: $(cat scontrol.said)"
says term/$first/ends.txt interrupted
no_claims term

step "SIGUSR2: resume points, then 75 without Slurm, and a requeue of this very job with it"
"$PIXSWEEP" task term/sub >a.out 2>&1 &
a=$!
goes_on
kill -USR2 $a
ends $a 75
says a.out "the time is nearly up"
says a.out " [12] left"
for code in 0 1; do
    SCONTROL_CODE=$code PATH=$WORK/bin:$PATH SLURM_JOB_ID=99 SLURM_ARRAY_JOB_ID=95 SLURM_ARRAY_TASK_ID=3 PIXSWEEP_TASK=95_3 \
        "$PIXSWEEP" task term/sub >a.out 2>&1 &
    a=$!
    goes_on
    kill -USR2 $a
    if [ $code = 0 ]; then ends $a 130; else ends $a 75; fi
done
says a.out "scontrol requeue 95_3. did not work (exit 1)"
[ "$(cat scontrol.said)" = "$(printf 'requeue 95_3\nrequeue 95_3')" ] || fail "scontrol was told: $(cat scontrol.said)"
rm -f scontrol.said
PATH=$WORK/bin:$PATH SLURM_JOB_ID=99 "$PIXSWEEP" task term/sub >a.out 2>&1 &
a=$!
goes_on
kill -USR2 $a
ends $a 130
says scontrol.said "^requeue 99$"

step "a limit of its own does the same"
freeze long.yaml limit limit/sub 1
PIXSWEEP_SECONDS=1 task 75 limit/sub
says task.out "the time is nearly up"
PIXSWEEP_SECONDS=soon task 2 term/sub
says task.err "PIXSWEEP_SECONDS is 'soon'"

step "after all of it, every row is as if nothing had happened"
task 0 term/sub
merged term

step "paused: nothing is claimed"
experiment short.yaml task 'n_epochs: 2' 'sweep: {grid: {lambda_pixel: [10, 100]}, seeds: 2}'
freeze short.yaml paused paused/sub 2
touch paused/sub/paused
task 0 paused/sub
says task.out "paused: .*sub/paused is there"
says task.out "0 of 4 runs done, 0 failed here, 0 at work elsewhere, 4 left"
[ -z "$(find paused -name records.bin)" ] || fail "a run was started"
rm paused/sub/paused

step "a run that another machine has claimed is its own: left alone by task, merge and rm"
printf 'nonce=%020d\ntask=8_1\nrestart=0\nhost=far\nboot_id=x\npid=1\npid_start=1\n' 7 >paused/$first/.claim
task 0 paused/sub
says task.out "3 of 4 runs done, 0 failed here, 1 at work elsewhere, 0 left"
[ ! -e paused/$first/records.bin ] || fail "it was started all the same"
cp -r res claimed
cp paused/$first/.claim claimed/$first/
"$PIXSWEEP" merge claimed --db merged.db >merge.out 2>merge.err && fail "merge says nothing"
says merge.err "is claimed by process 1 on far, task 8_1"
[ "$(sqlite3 merged.db 'SELECT count(*) FROM run')" = 1 ] || fail "merge took it"
cp paused/$first/.claim res/$first/
"$PIXSWEEP" rm task --yes --results res >rm.out 2>rm.err && fail "rm removed it"
says rm.err "is claimed by process 1 on far, task 8_1"
[ -f res/$first/records.bin ] || fail "rm removed files"
expect res "SELECT count(*) FROM run" 2

step "a run that cannot be carried out: exit 1"
rm paused/$first/.claim
echo "not a run" >paused/$first/config.yaml
task 1 paused/sub
says task.out "1 failed here"
task 2 data
says task.err "plan.json"

step "the file of the beginning has stopped its run"
ends $cancelled 0
says stopped.out "0001-base-s0: cancelled at step"
says stopped/long/0001-base-s0/ends.txt cancelled
