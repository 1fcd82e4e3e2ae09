#!/usr/bin/env bash
# A night without a database: everything is trained, nothing is lost, and it all is ingested.
. "$(dirname "$0")/lib.sh"

make_data data 16 4
experiment exp.yaml ingest 'n_epochs: 4' 'sample_interval: 4' 'checkpoint_interval: 2' 'sweep:' '  seeds: 2'

run 0 whole exp.yaml

step "nobody can write the database: runs go on, the next run ingests them"
mkdir -p res/pixsweep.db.lock # no lock can be had where a folder stands
run 1 res exp.yaml
says run.out '2 of 2 runs completed'
[ "$(grep -c 'cannot be written for now' run.err)" = 1 ] || fail "the reason was not said once"
[ -e res/pixsweep.db ] && fail "there should be no database"
rmdir res/pixsweep.db.lock
run 0 res exp.yaml
says run.out '(0 now)'
sound res
same_rows whole res
files_as_listed res
expect res "SELECT count(*) FROM attempt WHERE outcome = 'completed'" 2

step "merge: into another database, in any order, twice"
"$PIXSWEEP" merge --results other res/ingest/0002-base-s1 >merge.out 2>merge.err || fail "merge ended with $?"
"$PIXSWEEP" merge --results other res whole >merge.out 2>merge.err || fail "merge ended with $?"
says merge.out 'ingest/0001-base-s0: taken'
says merge.out 'the database has as much of it'
before=$(sqlite3 -batch other/pixsweep.db .dump | sha256sum)
"$PIXSWEEP" merge --results other res whole >merge.out 2>merge.err || fail "merge again ended with $?"
[ "$before" = "$(sqlite3 -batch other/pixsweep.db .dump | sha256sum)" ] || fail "a second merge changed something"
same_rows whole other
sound other
code=0
"$PIXSWEEP" merge --results other data nowhere >merge.out 2>merge.err || code=$?
[ $code -eq 2 ] || fail "merge of nothing ended with $code"
says merge.err 'data holds no run'

step "reap: a supervisor and its worker are killed"
experiment exp.yaml reap 'n_epochs: 5000' 'validation: off' 'sample_interval: 0' 'checkpoint_interval: 0'
"$PIXSWEEP" run exp.yaml --results res >run.out 2>run.err &
pid=$!
soon res "SELECT count(*) > 0 FROM batch_loss JOIN run USING (run_id) WHERE name LIKE 'reap/%'" 1
worker=$(sql res "SELECT pid FROM attempt WHERE ended_ms IS NULL")
"$PIXSWEEP" reap --results res >reap.out || fail "reap ended with $?"
says reap.out 'runs under a `pixsweep run`'
kill -KILL $pid "$worker"
wait $pid 2>/dev/null || true
for i in $(seq 200); do
    "$PIXSWEEP" reap --results res --dry-run >reap.out || fail "reap --dry-run ended with $?"
    grep -q 'would be ingested: \|: 1 would be' reap.out && break
    sleep 0.05
done
says reap.out '1 would be ingested'
expect res "SELECT state FROM run WHERE name LIKE 'reap/%'" running
"$PIXSWEEP" reap --results res >reap.out || fail "reap ended with $?"
expect res "SELECT state FROM run WHERE name LIKE 'reap/%'" interrupted
sound res
