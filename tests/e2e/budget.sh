#!/usr/bin/env bash
# Budgets: no run starts that would not finish within run.budget by its estimate, sweep.race.budget counts runs, and a larger budget goes
# on; tasks agree on it.
FREEZE=$(realpath "$2")
. "$(dirname "$0")/lib.sh"

make_data data 8 2
lines=('n_epochs: 2' 'sample_interval: 0' 'checkpoint_interval: 0')
experiment exp.yaml exp "${lines[@]}" 'run: {budget: 2500s}' 'sweep: {seeds: 2}'
experiment race.yaml race "${lines[@]}" 'sweep:' '  grid: {lambda_pixel: [10, 11]}' \
    '  race: {first: 2, max_seeds: 4, budget: 4}'

# plans WORDS ARGS...
plans() {
    local words=$1
    shift
    "$PIXSWEEP" plan "$@" --jobs 1 --threads 1 >plan.out 2>plan.err || fail "plan $*"
    says plan.out "$words"
}

step "seconds"
run 0 one exp.yaml --jobs 1 --threads 1
expect one "SELECT count(*) FROM run WHERE state = 'completed'" 2
# now as if each of them had taken 1000 s
sqlite3 one/pixsweep.db "UPDATE run_summary SET seconds = 1000; UPDATE attempt SET ended_ms = started_ms + 1000000"
more=(exp.yaml --results one --set sweep.seeds=6)
plans 'run.budget: 41 m 40 s of training, of which 33 m 20 s are spent; 0 of 4 runs to do fit into it, the first that does not is exp/0003-base-s2 (about 16 m 40 s)' "${more[@]}"
plans '; 2 of 4 runs to do fit into it, the first that does not is exp/0005-base-s4' "${more[@]}" --set run.budget=4500s
plans 'what is to do fits into it' "${more[@]}" --set run.budget=6001s
run 1 one exp.yaml --jobs 2 --threads 1 --set sweep.seeds=6
says run.out 'run.budget: 41 m 40 s of training, of which 33 m 20 s are spent; 4 runs are not started, the first is exp/0003-base-s2'
says run.out 'The same command with a larger budget (--set run.budget=...) goes on with them'
expect one "SELECT count(*) FROM attempt" 2
expect one "SELECT state FROM sweep" paused
expect one "SELECT r.number || ' ' || e.kind FROM event e JOIN run r USING (run_id)" '3 budget'
watched() { # RESULTS SWEEP WORDS: a board that is over, since the same command would make nothing
    "$PIXSWEEP" watch "$2" --results "$1" >watch.out 2>&1 || true
    says watch.out "$3"
    ! grep -q 'the next `pixsweep run`' watch.out || fail "watch says that the next run goes on: $(cat watch.out)"
}
watched one exp 'run.budget: 41 m 40 s of training, of which 33 m 20 s are spent: the same command with a larger budget goes on'
# the rest takes less than its estimate, so all of it fits once the first does
run 0 one exp.yaml --jobs 1 --threads 1 --set sweep.seeds=6 --set run.budget=3500s
expect one "SELECT count(*) FROM run WHERE state = 'completed'" 6
expect one "SELECT state FROM sweep" open

step "runs of a race"
plans 'race: 2 configurations by best_val_loss (lower is better), confidence 0.95, any difference matters' race.yaml --results two
says plan.out 'judged at 2, 3 and 4 seeds: 4 runs to the first look, 8 at most'
says plan.out 'two seeds that tell of its spread (0 of 2 have)'
says plan.out 'sweep.race.budget: 4 runs; 2 of 4 seeds fit where no configuration is dropped'
says plan.out '^to do: about 4 runs'
plans 'warning: sweep.race.budget is too little for the first look, 2 configurations with 2 seeds' race.yaml --results two --set sweep.race.budget=0.01s
[ "$(grep -c '^ *[12]  ' plan.out)" -eq 2 ] || fail "the plan of a race has a row for each configuration"
[ "$("$PIXSWEEP" plan race.yaml --results two --format csv | wc -l)" -eq 9 ] || fail "CSV has a row for each run"
run 1 two race.yaml --jobs 2
says run.out 'sweep.race.budget: 4 runs are made'
watched two race 'sweep.race.budget: 4 runs are made: the same command with a larger budget goes on'
expect two "SELECT group_concat(number) FROM (SELECT number FROM run WHERE state = 'completed' ORDER BY number)" 1,2,3,4
run 1 two race.yaml --jobs 2 --set sweep.race.budget=6
expect two "SELECT group_concat(number) FROM (SELECT number FROM run WHERE state = 'completed' ORDER BY number)" 1,2,3,4,5,6
plans 'race: if differences and spread are as the 6 runs so far show, about .* runs in all' race.yaml --results two
grep '^race: ' plan.out >before.out
plans 'most' race.yaml --results two
grep '^race: ' plan.out | cmp - before.out || fail "the same plan reads differently"

step "tasks"
"$FREEZE" race.yaml three three/sub 1 || fail "freeze"
"$PIXSWEEP" task three/sub >task.out 2>&1 || fail "the task ended with $?"
says task.out 'sweep.race.budget: 4 runs are made; at most 4 runs are not started, the first is race/0005'
says three/sub/paused 'goes on with them'
[ "$(ls -d three/race/*/records.bin | wc -l)" -eq 4 ] || fail "not 4 runs were made"
