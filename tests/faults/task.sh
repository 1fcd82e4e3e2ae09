#!/usr/bin/env bash
# Three tasks at once on one results folder whose disk has no locks: claims alone keep them apart.
# Called with PIXSWEEP SHIM fast FREEZE.
FREEZE=$(realpath "$4")
. "$(dirname "$0")/lib.sh"
unset "${!SLURM_@}"

make_data data 16 4
experiment exp.yaml task 'n_epochs: 6' 'sample_interval: 4' 'checkpoint_interval: 3' \
    'sweep: {grid: {lambda_pixel: [10, 100]}, seeds: 4}'
run 0 whole exp.yaml --jobs 2 --threads 1

step "eight runs, none twice, and every row and file as in a local run"
"$FREEZE" exp.yaml res res/sub 1 || fail "freeze"
truncate -s 4096 state
for i in 0 1 2; do
    env FAULT='op=lock,match=*/.*.lock,n=1,count=0,errno=ENOLCK' FAULT_ROOT="$WORK/res" FAULT_STATE="$WORK/state" \
        LD_PRELOAD="$SHIM" PIXSWEEP_TASK=5_$i "$PIXSWEEP" task res/sub >task.$i 2>&1 &
    pids[i]=$!
done
for i in 0 1 2; do
    code=0
    wait "${pids[i]}" || code=$?
    [ $code -eq 0 ] || fail "task $i ended with $code: $(cat task.$i)"
    grep -q 'started (pid' task.$i || echo "task $i had nothing to do"
done
[ "$(cat task.? | grep -c 'started (pid')" = 8 ] || fail "not 8 attempts: $(cat task.?)"
[ "$(cat task.? | grep -c ': completed in')" = 8 ] || fail "not 8 completed: $(cat task.?)"
[ "$(hit)" -ge 24 ] || fail "only $(hit) locks failed: two of the supervisor's and the worker's a run were to"
[ -z "$(find res -name '.claim*')" ] || fail "claims are left"
"$PIXSWEEP" merge res --results res >merge.out 2>merge.err || fail "merge"
expect res "SELECT count(*) || ',' || sum(state = 'completed') FROM run" 8,8
expect res "SELECT count(*) FROM attempt" 8
sound res
same_rows whole res
files_as_listed res
