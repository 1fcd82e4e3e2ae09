#!/usr/bin/env bash
# A sweep that jobs carry out and `run` collects, where something is wrong or changes meanwhile: jobs, folders, data, the file, the
# database, the results folder.
. "$(dirname "$0")/collect_lib.sh"

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
