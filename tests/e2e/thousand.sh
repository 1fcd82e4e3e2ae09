#!/usr/bin/env bash
# A thousand tiny runs: planned at once, each done once, with a supervisor whose memory does not grow.
# What it took is printed; nothing here depends on it.
. "$(dirname "$0")/lib.sh"

make_data data 8 2
experiment exp.yaml many 'n_epochs: 1' 'sample_interval: 0' 'checkpoint_interval: 0' 'validation: off' 'sweep:' \
    '  grid: {learning_rate_G: [1e-4, 2e-4, 3e-4, 4e-4]}' '  seeds: 250'

step "plan"
began=$(date +%s%N)
"$PIXSWEEP" plan exp.yaml --results res --format csv >plan.out 2>plan.err || fail plan
echo "planned in $((($(date +%s%N) - began) / 1000000)) ms"
[ "$(wc -l <plan.out)" = 1001 ] || fail "$(wc -l <plan.out) lines of plan"

step "run"
"$PIXSWEEP" run exp.yaml --results res --jobs 2 --threads 1 --quiet >run.out 2>run.err &
pid=$!
memory() { awk '/^VmRSS/ {print $2}' "/proc/$pid/status" 2>/dev/null || true; }
done_now() { sql res "SELECT count(*) FROM run WHERE state = 'completed'" 2>/dev/null || echo 0; }
for want in 100 600; do
    while kill -0 $pid 2>/dev/null && [ "$(done_now)" -lt $want ]; do sleep 0.2; done
    [ $want = 100 ] && early=$(memory) || late=$(memory)
done
wait $pid || fail "run ended with $?"
[ -n "$early" ] && [ -n "$late" ] || fail "the supervisor was not seen at work"
echo "supervisor: $early kB after 100 runs, $late kB after 600"
[ "$late" -le $((early + 4096)) ] || fail "the supervisor grew from $early kB to $late kB"

sound res
expect res "SELECT count(*) FROM run WHERE state = 'completed'" 1000
expect res "SELECT count(*) FROM attempt WHERE outcome = 'completed'" 1000
expect res "SELECT count(*) FROM attempt" 1000
expect res "SELECT count(*) FROM batch_loss" 1000
expect res "SELECT count(*) FROM epoch" 1000
echo "a run, start to end: $(sql res 'SELECT (max(ended_ms) - min(started_ms)) * 2 / 1000 FROM attempt') ms of a slot," \
    "of which training $(sql res 'SELECT round(sum(seconds)) FROM batch_loss') ms"

step "again: nothing to do"
run 0 res exp.yaml
says run.err 'nothing to do'
expect res "SELECT count(*) FROM attempt" 1000
