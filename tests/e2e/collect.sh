#!/usr/bin/env bash
# A sweep that jobs carry out and `run` collects: here jobs are processes that a launcher of the test's own starts. $2 = full: also the
# steps that take longer.
. "$(dirname "$0")/lib.sh"

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

step "submitted and collected: the copy has all, a plain sqlite3 leaves nothing beside it"
collect 0 far exp.yaml
says run.err "many: 4 runs to do, 2 jobs submitted"
says run.err "many/0004-.*: completed, best validation loss"
says run.out "4 of 4 runs completed (4 now)\|4 of 4 runs completed;"
! grep -q 'runs done.*jobs\? at work' <(tail -n 1 run.err) || fail "jobs of a sweep that is over: $(cat run.err)"
[ ! -s far/.collector/jobs ] || fail "jobs of a sweep that is over: $(cat far/.collector/jobs)"
is_copy far
same_sweep many far
files_as_listed far
expect far "SELECT count(*) FROM run WHERE dir LIKE '/%'" 0
[ -z "$(find far -maxdepth 1 -name 'pixsweep.db-*')" ] || fail "side files: $(ls far)"
"$PIXSWEEP" compare many --results far >compare.out 2>compare.err || fail "compare on the copy"
collect 0 far exp.yaml
says run.err "many: 4 runs, nothing to do"
rm -r far own.db*

step "the collector is killed: jobs go on, and the same command collects what they did"
"$PIXSWEEP" run slow.yaml --results far --db own.db >one.out 2>one.err &
pid=$!
begun slow
kill -KILL $pid
wait $pid || true
no_jobs
collect 0 far slow.yaml
says run.err "slow: 4 runs, nothing to do"
says run.out "4 of 4 runs completed"
same_sweep slow far
expect far "SELECT count(*) FROM attempt" 4
rm -r far own.db*

step "the collector is killed, and commands write: the copy stays one, in the collector's place, and the same command collects on"
: >state/jobs
"$PIXSWEEP" run slow.yaml --results far --db own.db --set n_epochs=200 >one.out 2>one.err &
pid=$!
soon far "SELECT count(*) FROM run" 4
begun slow
soon far "SELECT count(*) > 0 FROM attempt" 1
kill -KILL $pid
wait $pid || true
there() { "$PIXSWEEP" "$@" --results far >words.out 2>words.err || fail "$*: $(cat words.err)"; is_copy far; }
there cancel slow/4
says words.err "is a copy, .* old, that process $pid on .* published; it has ended: this goes into $WORK/own.db, and into a new copy"
[ -e far/slow/cluster/0001/cancel/4 ] || fail "the jobs are not told"
expect far "SELECT state FROM run WHERE number = 4" cancelled
there retry slow
there cancel slow/4
there reap
says words.out "is claimed by process .*, task pixsweep-slow"
"$PIXSWEEP" ls --results far >words.out 2>words.err || fail ls
says words.err "the same .pixsweep run FILE --on ....* goes on collecting"
[ ! -e far/.collector/.claim ] || fail "the claim was not given back"
collect 1 far slow.yaml --set n_epochs=200
says run.out "3 of 4 runs completed, 1 cancelled"
expect far "SELECT count(*) FROM attempt" 3
[ -z "$(compgen -G 'own.db.before*')" ] || fail "databases of before: $(echo own.db*)"
rm -r far own.db*

step "run here makes it a database of its own while jobs live, and what they work on keeps no collector out"
: >state/jobs
"$PIXSWEEP" run slow.yaml --results far --db own.db --set n_epochs=200 >one.out 2>one.err &
pid=$!
begun slow
soon far "SELECT count(*) > 0 FROM attempt" 1
kill -KILL $pid
wait $pid || true
run 0 far exp.yaml --on here --set sweep.seeds=1
says run.err "the copy is a database of its own again"
expect far "SELECT count(*) > 0 FROM attempt WHERE ended_ms IS NULL" 1
: >own.db && rm own.db*
collect 0 far slow.yaml --set n_epochs=200
is_copy far
expect far "SELECT count(*) FROM attempt JOIN run USING (run_id) WHERE name LIKE 'slow/%'" 4
rm -r far own.db*

gone() {
    step "jobs are gone with their machine: the collector says so soon, and the same command goes on at once"
    : >state/jobs
    "$PIXSWEEP" run slow.yaml --results far --db own.db --set n_epochs=200 >one.out 2>one.err &
    one=$!
    begun slow
    while read -r _ job _; do kill -STOP -- "-$job"; done <state/jobs
    claims=$(echo far/slow/*/.claim)
    for claim in $claims; do # as another machine would have made them
        sed 's/^host=.*/host=gone/' "$claim" >"$claim.new" && mv "$claim.new" "$claim"
    done
    kill_jobs KILL
    code=0
    wait $one || code=$?
    [ $code = 1 ] || fail "the collector ended with $code: $(cat one.err)"
    says one.err "its claim is void, since job pixsweep-slow-.* is gone"
    says one.out "no job is left for them"
    collect 0 far slow.yaml --set n_epochs=200
    expect far "SELECT count(*) FROM batch_loss" 1600
    expect far "SELECT count(*) > 4, sum(reason NOT IN ('completed', 'stopped', 'lost')) FROM attempt" "1|0"
    rm -r far own.db*
}
[ "${2:-}" != full ] || gone

step "A signal leaves; another process follows, and collects once the first is gone; another sweep is collected, too"
: >state/jobs
rm one.err
"$PIXSWEEP" run slow.yaml --results far --db own.db >one.out 2>one.err &
one=$!
for _ in $(seq 200); do grep -qs collecting one.err && break || sleep 0.1; done
"$PIXSWEEP" run slow.yaml --results far --db two.db >two.out 2>two.err &
two=$!
run 0 far exp.yaml --detach
begun slow
until_there grep -q 'running on' one.err
kill -TERM $one
code=0
wait $one || code=$?
[ $code = 130 ] || fail "the signal ended it with $code"
says one.out "jobs go on without this process"
says one.out "runs completed, .*[0-9] at work in jobs"
wait $two || fail "the second collector"
says two.err "this process follows"
says two.err "collecting from here on"
no_jobs
collect_all() { "$PIXSWEEP" run exp.yaml --results far --db two.db >run.out 2>run.err || fail "collecting the other sweep"; }
collect_all
same_sweep slow far
same_sweep many far
rm -r far *.db*

again() {
    step "jobs whose time is up are submitted again, as long as they get on"
    : >state/jobs
    "$PIXSWEEP" run slow.yaml --results far --db own.db --set n_epochs=150 --set sweep.seeds=1 >run.out 2>run.err &
    pid=$!
    begun slow
    while read -r _ job _; do kill -USR2 "$job" 2>/dev/null || true; done <state/jobs # as a batch system warns
    wait $pid || fail "the collector: $(cat run.err)"
    says run.err "the time of all jobs was up and . runs\\? \\(is\\|are\\) left: submitting again"
    expect far "SELECT count(*) > 2 FROM attempt" 1
    expect far "SELECT count(*) FROM batch_loss" 600
    no_jobs
    rm -r far own.db*
}
[ "${2:-}" != full ] || again

diverged() {
    step "a run that diverged is submitted again where the user queues it again, and only there"
    : >state/jobs
    diverging() { collect 1 far exp.yaml --set sweep.grid.lambda_pixel=[1e39] --set sweep.seeds=2 --set run.launcher.tasks=1; }
    diverging
    says run.out "diverged"
    rm far/pixsweep.db own.db*
    diverging
    says run.err "nothing to do"
    "$PIXSWEEP" retry many --diverged --results far --db own.db >retry.out 2>retry.err || fail "retry"
    diverging
    says run.err "2 runs to do, 1 job submitted"
    expect far "SELECT count(*) FROM attempt WHERE reason = 'diverged'" 4
    rm -r far own.db*
}
[ "${2:-}" != full ] || diverged

removed() {
    step "what is removed meanwhile is forgotten, though its number is given again; a sweep that comes again is collected"
    : >state/jobs
    "$PIXSWEEP" run slow.yaml --results far --db own.db --set run.launcher.tasks=1 --set n_epochs=20000 >one.out 2>one.err &
    pid=$!
    soon far "SELECT count(*) FROM run" 4
    "$PIXSWEEP" rm slow/4 --yes --results far >rm.out 2>rm.err || fail "rm of a run"
    for _ in 1 2; do
        run 0 far exp.yaml --detach
        for _ in $(seq 300); do
            [ "$(sql far "SELECT count(*) FROM run JOIN sweep s USING (sweep_id) WHERE s.name = 'many' AND run.state = 'completed'")" = 4 ] && break
            sleep 0.1
        done
        [ ! -e twice ] || break
        same_sweep many far
        : >twice
        no_jobs_of_many() { while read -r name job _; do case $name in *many*) kill -0 "$job" 2>/dev/null && return 1 ;; esac; done <state/jobs; }
        for _ in $(seq 300); do no_jobs_of_many && break || sleep 0.1; done
        "$PIXSWEEP" rm many --yes --results far >rm.out 2>rm.err || fail "rm of a sweep: $(cat rm.err)"
        soon far "SELECT count(*) FROM sweep WHERE name = 'many'" 0
    done
    "$PIXSWEEP" cancel slow --results far >cancel.out 2>cancel.err || fail "cancel: $(cat cancel.err)"
    code=0
    wait $pid || code=$?
    [ $code = 1 ] || fail "the collector ended with $code"
    says one.out "0 of 3 runs completed, 3 cancelled"
    same_sweep many far
    no_jobs
    rm -r far own.db*
}
[ "${2:-}" != full ] || removed

step "jobs that end without a step: the end of the last log says why"
: >state/jobs
collect 1 far exp.yaml --set 'run.launcher.setup=echo no such module >&2; exit 3'
says run.err "jobs have ended without a step of training; .*/cluster/0001/log/[01].log"
says run.err "no such module"
rm -r far own.db*

step "a sweep whose folders are broken is told once, and keeps no other one waiting"
: >state/jobs
run 0 far slow.yaml --detach
begun slow
kill_jobs KILL
no_jobs
rm far/slow/0004-*/config.yaml
rm -rf far/slow/cluster/0001/cancel && : >far/slow/cluster/0001/cancel
collect 0 far exp.yaml
[ "$(grep -c 'warning: slow: runs of its newest plan are not collected: .*0004.*config.yaml is missing' run.err)" = 1 ] || fail "told otherwise: $(cat run.err)"
[ "$(grep -c 'warning: slow: its jobs cannot be told what users want: .*cancel' run.err)" = 1 ] || fail "told otherwise: $(cat run.err)"
[ "$(grep -c '^warning: ' run.err)" = 2 ] || fail "more is wrong: $(cat run.err)"
expect far "SELECT group_concat(number) FROM (SELECT number FROM run WHERE name LIKE 'slow/%' ORDER BY number)" 1,2,3
same_sweep many far
rm -r far own.db*

step "the data set has changed, or is gone: nothing is submitted, and what jobs of before do is collected"
: >state/jobs
run 0 far slow.yaml --detach
begun slow
cp -r data kept
rm "$(find data/train -type f | sort | tail -n 1)"
collect 2 far slow.yaml
says run.err "warning: nothing is submitted, and what jobs of before do is collected: .*its content changed since run slow/000"
says run.err "pixsweep: nothing was submitted: .*its content changed"
says run.out "slow: [12] of 4 runs completed, [23] failed" # those that begin after that
expect far "SELECT count(*) FROM run WHERE state IN ('completed', 'failed')" 4
rm -r far own.db* data && mv kept data
: >state/jobs
run 0 far exp.yaml --detach
no_jobs
mv data gone
collect 2 far exp.yaml
says run.err "pixsweep: nothing was submitted: .*no dataset at "
says run.out "many: 4 of 4 runs completed"
collect 2 far exp.yaml --set n_epohcs=3 # a file that is wrong is refused as ever
! grep -q collected run.err && [ ! -s run.out ] || fail "collected: $(cat run.err)"
mv gone data
same_sweep many far
rm -r far own.db*

step "a file that was changed while all jobs that may be are at work: its runs wait for one to end"
: >state/jobs
run 0 far slow.yaml --detach --set run.launcher.tasks=1
begun slow
run 2 far slow.yaml --on here --set n_epochs=2 # their folders are those of the jobs
says run.err "run 1 of sweep slow is another one in the jobs of .*slow/cluster/0001.*the same command with --on"
collect 0 far slow.yaml --set n_epochs=2 --set run.launcher.tasks=1
says run.err "4 runs to do, 1 job of earlier submissions at work or waiting: no more are started; tasks: is 1"
says run.err "0 of 4 runs done.*; 4 wait for a job of before to end (tasks: is 1)"
says run.err "4 runs to do, 1 job submitted"
says run.out "slow: 4 of 4 runs completed"
expect far "SELECT count(*) FROM run WHERE state = 'completed'" 8
rm -r far own.db*

step "on_done is for the process that finds the last run's end, though all was over when it began, and for no later one"
: >state/jobs
mailed=(--set "run.on_done=echo \$PIXSWEEP_COMPLETED >>$WORK/mailed")
run 0 far exp.yaml --detach "${mailed[@]}"
no_jobs
collect 0 far exp.yaml "${mailed[@]}"
collect 0 far exp.yaml "${mailed[@]}"
[ "$(cat mailed)" = 4 ] || fail "on_done: $(cat mailed)"
rm -r far own.db*

step "a run here and one with --on at once, where there is no database yet: one of them waits for the other, and the rows are complete"
: >state/jobs
"$PIXSWEEP" run slow.yaml --results far --on here --set sweep.seeds=1 >one.out 2>one.err &
one=$!
"$PIXSWEEP" run exp.yaml --results far --db own.db >two.out 2>two.err &
two=$!
code=0
wait $one || code=$?
[ $code = 0 ] || [ $code = 2 ] || fail "run here ended with $code"
wait $two || fail "run --on ended with $?"
is_copy far
[ $code = 0 ] || says one.err "far/pixsweep.db .*a copy that "
expect far "SELECT count(*) FROM run WHERE state = 'completed' AND name LIKE 'many/%'" 4
rm -r far own.db*

step "a database that is made before the first copy: the collector makes way, and goes on in it"
: >state/jobs
: >state/hold
"$PIXSWEEP" run exp.yaml --results far --db own.db >one.out 2>one.err &
one=$!
until_there [ -e far/many/cluster/0001/plan.json ]
"$PIXSWEEP" merge near/slow --results far >merge.out 2>merge.err || fail "merge: $(cat merge.err)"
rm state/hold
wait $one || fail "the collector: $(cat one.err)"
says one.err "far/pixsweep.db was made by another .pixsweep. here; this process follows"
says one.err "collecting from here on"
is_copy far
same_sweep many far
expect far "SELECT count(*) FROM run WHERE state = 'completed' AND name LIKE 'slow/%'" 4
rm -r far own.db*

step "a run that was removed, and a results folder that was moved: nothing is said to be missing"
: >state/jobs
collect 0 far exp.yaml
"$PIXSWEEP" rm many/2 --yes --results far >rm.out 2>rm.err || fail "rm: $(cat rm.err)"
collect 0 far slow.yaml --set n_epochs=1 --set sweep.seeds=1
! grep -q '^warning' run.err || fail "after rm: $(cat run.err)"
expect far "SELECT count(*) FROM run WHERE name LIKE 'many/%'" 3
mv far moved
run 2 moved slow.yaml --db "$WORK/own.db" --set n_epochs=1 --set sweep.seeds=1
says run.err "give --db a name that is free"
"$PIXSWEEP" rm many/3 --yes --results moved >rm.out 2>rm.err || fail "rm: $(cat rm.err)"
says rm.err "the results folder was moved since"
[ -z "$(compgen -G 'moved/many/0003-*')" ] || fail "rm has removed nothing"
run 0 moved slow.yaml --db "$WORK/own.db" --set n_epochs=1 --set sweep.seeds=1
! grep -q '^warning' run.err || fail "after mv: $(cat run.err)"
expect moved "SELECT count(*) FROM run WHERE state = 'completed' AND dir NOT LIKE '/%'" 4
rm -r moved own.db*

step "back and forth: a local sweep first, then jobs, then here, then jobs again; the collector's own database is on this machine"
run 0 far exp.yaml --on here --set sweep.seeds=1
run 0 far slow.yaml --set sweep.seeds=1
own=$(sed -n 's/^collecting into \(.*\.db\), published.*/\1/p' run.err)
[ -s "$own" ] && [ "$(stat -c %a "$(dirname "$own")")" = 700 ] || fail "no database at '$own'"
own_gone() { rm -f "$own" "$own"-* "$own".*; rmdir "$(dirname "$own")" 2>/dev/null || true; }
is_copy far
expect far "SELECT count(*) FROM run WHERE state = 'completed'" 4
run 0 far exp.yaml --on here
says run.err "the copy is a database of its own again"
expect far "PRAGMA application_id" 1886942071
run 2 far slow.yaml --db "$own"
says run.err "give --db a name that is free"
run 0 far slow.yaml
says run.err "so the collector's database of before is now $own.before"
is_copy far
expect far "SELECT count(*) FROM batch_loss" "$(sql near "SELECT count(*) FROM batch_loss")"
expect far "SELECT count(*) FROM run WHERE state = 'completed'" 8
files_as_listed far
own_gone
