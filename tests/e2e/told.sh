#!/usr/bin/env bash
# What a user wants of runs that are in the hands of jobs: cancel, retry and pause reach their submission's folder, and the jobs themselves. The
# launcher starts its jobs on this machine.
. "$(dirname "$0")/lib.sh"

mkdir state
cat >launcher <<'SH'
#!/bin/sh
state=$WORK/state
echo "$*" >>"$state/calls"
[ ! -e "$state/silent" ] || { echo "no answer from the controller" >&2; exit 3; }
case $1 in
submit) # jobs wait in the queue while state/hold is there
    i=0
    while [ $i -lt "$3" ]; do
        (
            while [ -e "$state/hold" ]; do sleep 0.05; done
            export PIXSWEEP_TASK=job_$i
            exec setsid "$2/job.sh"
        ) >>"$2/log/job_$i" 2>&1 &
        echo "$PIXSWEEP_NAME job_$i $!" >>"$state/jobs"
        echo "job_$i"
        i=$((i + 1))
    done ;;
alive)
    sed -n "s/^$PIXSWEEP_NAME //p" "$state/jobs" | while read -r id pid; do ! kill -0 "$pid" 2>/dev/null || echo "$id running"; done ;;
cancel) sed -n "s/^$PIXSWEEP_NAME //p" "$state/jobs" | while read -r id pid; do kill -TERM "$pid" 2>/dev/null || true; done ;;
*) exit 2 ;;
esac
SH
chmod 755 launcher
export WORK
make_data data 16 6
experiment exp.yaml many 'n_epochs: 10' 'sample_interval: 0' 'checkpoint_interval: 0' 'sweep: {seeds: 4}'
dir=res/many/cluster/0001

# no job of any submission lives any more
jobs_end() {
    local id name pid
    while read -r name id pid; do
        for _ in $(seq 600); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
        ! kill -0 "$pid" 2>/dev/null || fail "$id lives"
    done <state/jobs
}
states() { "$PIXSWEEP" sql "SELECT group_concat(number || ' ' || state, ', ') AS s FROM (SELECT * FROM run ORDER BY number)" --format csv --results res | tail -n 1 | tr -d '"'; }
is() { [ "$2" = "$1" ] || fail "$2, not $1"; }

submit() { run 0 res exp.yaml --on ./launcher --detach --set run.launcher.tasks=1 "$@"; }

step "a run that is cancelled before the jobs start is not started by them"
"$PIXSWEEP" run exp.yaml --jobs 1 --results res >run.out 2>run.err & runner=$!
soon res "SELECT count(*) FROM run" 4
kill -TERM $runner
wait $runner || true
: >state/hold
submit
does 0 'many/0003.*: 1 run (1 queued) cancelled' cancel many/3
is "$dir/cancel/3" "$(echo $dir/cancel/*)"
does 0 'many: 1 run (1 cancelled) queued again' retry many --cancelled
is "" "$(ls $dir/cancel)"
does 0 'cancelled' cancel many/3
rm state/hold
jobs_end
does 0 'taken' merge res/many
is "1 completed, 2 completed, 3 cancelled, 4 completed" "$(states)"
[ ! -e res/many/0003-*/records.bin ] || fail "the cancelled run was begun"

step "retry and the same command again: what was cancelled is carried out, also where its folder says that it was cancelled"
experiment long.yaml long 'n_epochs: 100' 'sample_interval: 0' 'checkpoint_interval: 0'
"$PIXSWEEP" run long.yaml --results res >run.out 2>run.err & runner=$!
soon res "SELECT count(*) > 2 FROM batch_loss WHERE run_id = (SELECT run_id FROM run WHERE name LIKE 'long/%')" 1
kill -STOP $runner # nobody sees the worker's end
does 0 'cancelled' cancel long
does 0 '1 left: their last worker has not been seen to end, so give the same command again in half a minute' retry long
does 1 'nothing was removed: .*pixsweep cancel long/0001.* stops what is at work, then the same command removes it' rm long/1 --yes
kill -CONT $runner
wait $runner || true
grep -q cancelled res/long/*/ends.txt || fail "the folder does not say that it was cancelled"
sqlite3 -batch res/pixsweep.db "UPDATE attempt SET message = NULL WHERE message LIKE 'cancelled at%'" # as where its end is not recorded yet
run 1 res long.yaml
says run.out 'long/0001-base-s0 cancelled: after [0-9]* epochs\?$'
does 0 'queued again' retry long
"$PIXSWEEP" run long.yaml --on ./launcher --detach --results res >run.out 2>run.err || fail "submit"
says run.out "1 run to do, 1 job submitted"
does 0 'queued again' retry many
submit
says run.out "1 run to do, 1 job submitted"
jobs_end
does 0 'taken' merge res/many res/long
is "1 completed, 1 completed, 2 completed, 3 completed, 4 completed" "$(states)"

step "a sweep that is cancelled: its jobs are asked to end, in words where the launcher is silent"
rm -rf res state/jobs
"$PIXSWEEP" run exp.yaml --jobs 1 --results res >run.out 2>run.err & runner=$!
soon res "SELECT count(*) FROM run" 4
kill -TERM $runner
wait $runner || true
: >state/hold
submit
: >state/silent
does 1 'no answer from the controller.*' cancel many
says words.both 'many: .* cancelled'
says words.both 'jobs may go on waiting, and end as soon as they start.*the same command asks for their end again'
is "1 2 3 4" "$(ls $dir/cancel | xargs)"
rm state/silent
does 0 'many: 0 runs cancelled, 4 over already; 1 job on other machines asked to end' cancel many
jobs_end
: >state/calls
does 0 'many: 0 runs cancelled, 4 over already$' cancel many
is "alive" "$(cat state/calls)"
rm state/hold

step "a job that pauses the sweep pauses it in the database; the same command goes on with it"
does 0 'queued again' retry many
submit
says run.out "4 runs to do, 1 job submitted"
jobs_end
rm -rf res/many/0004-*/{records.bin,ends.txt,job.json} # as if its job had ended before
echo 'paused: 5 runs failed in a row' >res/many/cluster/0002/paused
does 0 'a job has paused the sweep: paused: 5 runs failed in a row' cancel many/1
does 0 'paused' sql 'SELECT state FROM sweep'
[ -e $dir/paused ] || fail "the other submission is not paused"
submit
[ ! -e $dir/paused ] && [ ! -e res/many/cluster/0002/paused ] || fail "still paused"
jobs_end
does 0 'cancelled' cancel many/1
does 0 'open' sql 'SELECT state FROM sweep'

step "jobs that work on a sweep in an ordinary database: watch says what collects what they do"
does 0 'queued again' retry many
submit
jobs_end
does 0 '^jobs of it were submitted: the same .pixsweep run FILE --on ....* without --detach collects what they do' watch many --once

step "rm takes along what was told"
does 0 'removed many: 4 runs' rm many --yes
[ ! -e res/many ] || fail "left behind: $(find res/many)"

step "--detach without a database: commands say what helps, and cancel reaches the jobs"
rm -rf res state/jobs
: >state/hold
submit
for command in ls 'show 1' 'watch' 'watch many --once' 'cancel many/3' 'cancel 1' 'retry many' 'rm many --yes'; do
    does 2 'there is no database at .*res/pixsweep.db yet, but jobs of many were submitted with --detach: the same .pixsweep run FILE --on' $command
    says words.both 'without --detach collects what they do.*pixsweep cancel many'
done
[ ! -e $dir/cancel ] || fail "a run was cancelled"
does 2 'many were submitted' cancel other
: >state/silent
does 1 'many: its jobs are told that its 4 runs are cancelled.*' cancel many
says words.both 'jobs may go on waiting'
rm state/silent
does 0 'many: its jobs are told that its 4 runs are cancelled; 1 job on other machines asked to end; no database has the sweep yet' cancel man
is "1 2 3 4" "$(ls $dir/cancel | xargs)"
jobs_end
[ ! -e res/pixsweep.db ] || fail "a database was made"

step "run here waits for what a job works on, and names the job and its machine"
rm state/hold
experiment endless.yaml endless 'n_epochs: 1000000' 'sample_interval: 0' 'checkpoint_interval: 0'
"$PIXSWEEP" run endless.yaml --on ./launcher --detach --results res >run.out 2>run.err || fail "submit"
for _ in $(seq 400); do ls res/endless/0001-*/.claim >/dev/null 2>&1 && break; sleep 0.05; done
"$PIXSWEEP" run endless.yaml --results res >run.out 2>run.err & runner=$!
for _ in $(seq 400); do grep -q 'waiting for it' run.err && break; sleep 0.05; done
kill -TERM $runner
wait $runner || true
says run.err "is claimed by process .* on $(uname -n).*job_0"
does 0 '1 job on other machines asked to end' cancel endless
jobs_end
rm -r res
: >state/hold

step "--detach beside a database that does not know the sweep"
experiment many-more.yaml many-more 'n_epochs: 1' 'sample_interval: 0' 'checkpoint_interval: 0'
run 0 res many-more.yaml
submit
for name in many exp.yaml res/many; do # and not the sweep of the database whose name begins so
    rm -rf $dir/cancel
    does 0 'many: its jobs are told that its 4 runs are cancelled' cancel $name
    is "1 2 3 4" "$(ls $dir/cancel | xargs)"
done
jobs_end
rm state/hold
expect res "SELECT name || ' ' || state FROM run" "$(cd res && echo many-more/0*) completed"
does 0 'many-more: 0 runs cancelled, 1 over already' cancel many-more
