#!/usr/bin/env bash
# Eight readers in a loop beside four workers, for so many seconds: nobody fails, nothing waits, nothing is lost.
# Usage: readers.sh PIXSWEEP SECONDS
. "$(dirname "$0")/lib.sh"
SECONDS_LONG=$2

make_data data 16 6
experiment exp.yaml busy 'n_epochs: 100000' 'sample_interval: 0' 'checkpoint_interval: 0' 'sweep:' '  seeds: 4'

# reader NAME ARGS...: asks until `stop` is there; a line for each answer in NAME.ok, what went wrong in NAME.bad
reader() {
    local name=$1
    shift
    while [ ! -e stop ]; do
        if "$@" >"$name.last" 2>"$name.said" && [ -s "$name.last" ] && [ ! -s "$name.said" ]; then
            echo >>"$name.ok"
        else
            { echo "$* ended badly:"; cat "$name.said" "$name.last"; } >>"$name.bad"
        fi
    done
}

"$PIXSWEEP" run exp.yaml --jobs 4 --threads 1 --results res >run.out 2>run.err &
run=$!
soon res "SELECT count(*) FROM (SELECT DISTINCT run_id FROM batch_loss)" 4

readers=
start() { reader "$@" & readers="$readers $!"; }
step "8 readers, $SECONDS_LONG s"
start ls "$PIXSWEEP" ls --results res
start watch "$PIXSWEEP" watch busy --once --results res
start compare "$PIXSWEEP" compare busy --results res
start show "$PIXSWEEP" show 1 --results res
start sql "$PIXSWEEP" sql --results res 'SELECT count(*), avg(loss_G) FROM batch_loss'
start points "$PIXSWEEP" sql --results res --format csv 'SELECT * FROM batch_loss WHERE run_id = 2'
start shell sqlite3 -batch 'file:res/pixsweep.db?mode=ro' 'SELECT * FROM v_schedule; SELECT * FROM v_progress'
start whole sqlite3 -batch 'file:res/pixsweep.db?mode=ro' \
    "SELECT count(*) FROM batch_loss a JOIN epoch b USING (run_id, epoch) JOIN run USING (run_id)"

before=$(sql res "SELECT count(*) FROM batch_loss")
largest=0
for _ in $(seq $((SECONDS_LONG * 2))); do
    sleep 0.5
    kill -0 $run 2>/dev/null || fail "run has ended: $(cat run.err)"
    wal=$(stat -c %s res/pixsweep.db-wal)
    [ "$wal" -le "$largest" ] || largest=$wal
done
after=$(sql res "SELECT count(*) FROM batch_loss")
touch stop
wait $readers
kill -TERM $run # bash starts what it puts into the background with SIGINT ignored
code=0
wait $run || code=$?

step "what they say"
[ $code -eq 130 ] || fail "run ended with $code: $(cat run.err)"
for name in ls watch compare show sql points shell whole; do
    [ ! -e $name.bad ] || fail "$(head -n 20 $name.bad)"
    [ -s $name.ok ] || fail "$name never got an answer"
    echo "$name: $(wc -l <$name.ok) answers"
done
if grep -qE 'cannot be written|records wait|error|failed' run.err; then fail "run was held up: $(cat run.err)"; fi
[ "$after" -gt "$before" ] || fail "no batches came in"
[ "$largest" -lt 64000000 ] || fail "the write-ahead log grew to $largest bytes"
echo "$((after - before)) batches, largest log $largest bytes"

step "nothing is lost"
sound res
expect res "SELECT count(*) FROM (SELECT run_id FROM batch_loss GROUP BY run_id HAVING count(*) <> max(step) + 1)" 0
expect res "SELECT count(*) FROM run_summary s WHERE last_step <> (SELECT max(step) FROM batch_loss b WHERE b.run_id = s.run_id)" 0
expect res "SELECT count(*) FROM run WHERE state <> 'interrupted'" 0
