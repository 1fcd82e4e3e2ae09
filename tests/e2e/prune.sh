#!/usr/bin/env bash
# Pruning with real training: the same runs are given up, with the same rows, for any --jobs, after kill -9 of workers and supervisors;
# and a pruned run that is taken up again ends as one that never was. A run that stops early is completed.
. "$(dirname "$0")/lib.sh"

make_data data 16 4
prune=('n_epochs: 6' 'sample_interval: 0' 'checkpoint_interval: 2' 'run: {resume_every: 0s, retries: 20}' 'sweep:'
       '  grid: {learning_rate_G: [1e-3, 1e-4, 5e-3]}' '  seeds: 2' '  prune: {rule: asha, rungs: [2, 4]}')
experiment exp.yaml prune "${prune[@]}"

# verdicts RESULTS: what was decided about whom, and where each run ended
verdicts() {
    sql "$1" "SELECT number, state, (SELECT count(*) FROM batch_loss b WHERE b.run_id = r.run_id) FROM run r ORDER BY number;
              SELECT number, epoch, value, cutoff, verdict FROM rung JOIN run USING (run_id) ORDER BY number, epoch"
}
same_verdicts() {
    verdicts "$1" >"$1.txt"
    verdicts "$2" >"$2.txt"
    diff "$1.txt" "$2.txt" >&2 || fail "$1 and $2 were pruned differently"
}

step "any number of jobs"
run 0 one exp.yaml --jobs 1
says run.err "pruning favours schedules that fall early"
says run.out "pruned"
expect one "SELECT count(*) > 0 FROM run WHERE state = 'pruned'" 1
expect one "SELECT count(*) > 2 FROM run WHERE state = 'completed'" 1
expect one "SELECT count(*) FROM event WHERE kind = 'pruned'" "$(sql one "SELECT count(*) FROM run WHERE state = 'pruned'")"
run 0 two exp.yaml --jobs 2
run 0 three exp.yaml --jobs 3
for other in two three; do
    same_verdicts one $other
    same_rows one $other
done

step "workers and supervisors killed"
for i in 1 2 3; do
    "$PIXSWEEP" run exp.yaml --results killed --jobs 3 >kill.out 2>kill.err &
    run=$!
    soon killed "SELECT count(*) >= $((2 * i)) FROM epoch" 1
    worker=$(sql killed "SELECT pid FROM attempt WHERE ended_ms IS NULL AND pid IS NOT NULL ORDER BY attempt_id LIMIT 1")
    [ -z "$worker" ] || kill -KILL "$worker" 2>/dev/null || true
    soon killed "SELECT count(*) >= $((2 * i + 2)) FROM epoch" 1
    kill -KILL $run 2>/dev/null || true
    wait $run 2>/dev/null || true
done
run 0 killed exp.yaml --jobs 2
sound killed
same_verdicts one killed
same_rows one killed
files_as_listed killed

step "taken up again without pruning"
run 0 free exp.yaml --set sweep.prune=none
run 0 two exp.yaml --set sweep.prune=none
expect two "SELECT count(*) FROM run WHERE state = 'completed'" 6
same_rows free two
files_as_listed two

step "a run that stops early"
experiment early.yaml early 'n_epochs: 40' 'early_stop_patience: 1' 'learning_rate_G: 0.02' 'sample_interval: 0' \
    'checkpoint_interval: 0' 'sweep:' '  seeds: 2'
run 0 early early.yaml
expect early "SELECT count(*) FROM run WHERE state = 'completed'" 2
expect early "SELECT count(*) FROM event WHERE kind = 'early_stop'" 2
expect early "SELECT max(last_epoch) < 39 FROM run_summary" 1
expect early "SELECT epochs_planned = epochs_done FROM v_progress" 1
run 0 early early.yaml
expect early "SELECT count(*) FROM attempt" 2
