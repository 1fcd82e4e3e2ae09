#!/usr/bin/env bash
# The same bits whatever the jobs and threads; two `run` commands on one sweep share it.
. "$(dirname "$0")/lib.sh"

make_data data 16 4
experiment exp.yaml jobs 'n_epochs: 6' 'sample_interval: 5' 'checkpoint_interval: 3' 'jitter: 2' 'sweep:' '  seeds: 4'

step "one job, two jobs, more threads than cores"
run 0 one exp.yaml --jobs 1 --threads 1
run 0 two exp.yaml --jobs 2
run 0 many exp.yaml --jobs 1 --threads 5
same_rows one two
same_rows one many
expect many "SELECT DISTINCT threads FROM attempt" 5
if [ "$(nproc)" -ge 2 ]; then
    expect two "SELECT count(DISTINCT cores) FROM attempt" 2
fi
# --jobs 2 means that attempts overlap in time
expect two "SELECT count(*) > 0 FROM attempt a JOIN attempt b ON a.attempt_id < b.attempt_id AND b.started_ms < a.ended_ms" 1

step "two supervisors at once"
"$PIXSWEEP" run exp.yaml --results both >a.out 2>a.err &
a=$!
"$PIXSWEEP" run exp.yaml --results both >b.out 2>b.err &
b=$!
wait $a || fail "the first of two ended with $?"
wait $b || fail "the second of two ended with $?"
sound both
expect both "SELECT count(*) FROM attempt" 4
expect both "SELECT count(*) FROM run WHERE state = 'completed'" 4
same_rows one both
files_as_listed both
