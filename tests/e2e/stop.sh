#!/usr/bin/env bash
# Interrupted in every way: afterwards the record is that of a run that was never disturbed.
. "$(dirname "$0")/lib.sh"

make_data data 16 4
experiment exp.yaml stop 'n_epochs: 60' 'sample_interval: 20' 'checkpoint_interval: 20' 'validation: off' 'sweep:' '  seeds: 2'
under_way="SELECT count(*) > 10 FROM batch_loss"

run 0 whole exp.yaml

step "Ctrl-C, then the same command"
set -m # or the shell has its background jobs ignore SIGINT
"$PIXSWEEP" run exp.yaml --results int --jobs 1 >run.out 2>run.err &
pid=$!
soon int "$under_way" 1
kill -INT $pid
code=0
wait $pid || code=$?
set +m
[ $code -eq 130 ] || fail "interrupted run ended with $code, not 130"
sound int
expect int "SELECT state || count(*) FROM run WHERE state = 'interrupted'" interrupted1
expect int "SELECT outcome || exit_code FROM attempt" interrupted130
run 0 int exp.yaml
sound int
same_rows whole int
files_as_listed int
expect int "SELECT count(*) FROM attempt" 3

step "kill -9 of a worker: tried again"
"$PIXSWEEP" run exp.yaml --results kill --jobs 1 >run.out 2>run.err &
pid=$!
soon kill "$under_way" 1
kill -KILL "$(sql kill 'SELECT pid FROM attempt')"
wait $pid || fail "run after a killed worker ended with $?"
sound kill
says run.err 'killed by signal 9'
expect kill "SELECT group_concat(outcome || coalesce(signal, '')) FROM (SELECT * FROM attempt ORDER BY attempt_id)" \
    failed9,completed,completed
same_rows whole kill

step "kill -9 of the supervisor: its worker stops, the next run recovers"
"$PIXSWEEP" run exp.yaml --results dead --jobs 1 >run.out 2>run.err &
pid=$!
soon dead "$under_way" 1
worker=$(sql dead 'SELECT pid FROM attempt')
kill -KILL $pid
wait $pid 2>/dev/null || true
expect dead "SELECT count(*) FROM run WHERE state = 'running'" 1
run 0 dead exp.yaml
# (a dead process may wait a while for whoever adopted it)
grep -qs '^State:[[:space:]]*[RSDTtI]' "/proc/$worker/status" && fail "the worker $worker outlived its supervisor"
sound dead
expect dead "SELECT outcome FROM attempt ORDER BY attempt_id LIMIT 1" interrupted
same_rows whole dead
files_as_listed dead
