#!/usr/bin/env bash
# A sweep that jobs carry out and `run` collects: collectors that are killed, leave and follow one another. $2 = full: also the steps
# that take longer.
. "$(dirname "$0")/collect_lib.sh"

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
