#!/usr/bin/env bash
# Ctrl-Z, and signals while nothing is at work yet: the workers stand still with the supervisor, and nobody is deaf to a first signal.
. "$(dirname "$0")/lib.sh"
make_data data 16 4
experiment long.yaml long 'n_epochs: 100000' 'run: {retries: 0}'

# stat_of PID: its state letter; "" where it is gone
stat_of() { sed 's/.*) //;s/ .*//' "/proc/$1/stat" 2>/dev/null || true; }
# becomes PID LETTER
becomes() {
    local i
    for i in $(seq 400); do
        [ "$(stat_of "$1")" = "$2" ] && return
        sleep 0.05
    done
    fail "process $1 is in state $(stat_of "$1"), not $2"
}

step "Ctrl-Z reaches the workers, and what it takes counts for nothing"
set -m # a job of its own, as in a terminal: without one the kernel ignores SIGTSTP
"$PIXSWEEP" run --results res long.yaml --jobs 1 --threads 1 >run.out 2>run.err &
pid=$!
set +m
soon res 'SELECT count(*) > 3 FROM epoch' 1
worker=$(sql res 'SELECT pid FROM attempt')
kill -TSTP "$pid"
becomes "$pid" T
becomes "$worker" T
before=$(wc -c <res/long/*/records.bin)
sleep 1
[ "$(wc -c <res/long/*/records.bin)" = "$before" ] || fail "the worker goes on"
kill -CONT "$pid"
soon res "SELECT count(*) > $(sql res 'SELECT count(*) FROM batch_loss') FROM batch_loss" 1
kill -TERM "$pid"
wait "$pid" || true
expect res "SELECT state FROM run" interrupted

step "a process that is frozen from outside"
rm -rf res
"$PIXSWEEP" run --results res long.yaml --jobs 1 --threads 1 --set run.timeout=11s >run.out 2>run.err &
pid=$!
soon res 'SELECT count(*) > 0 FROM epoch' 1
worker=$(sql res 'SELECT pid FROM attempt')
kill -STOP "$pid" "$worker"
sleep 11
kill -CONT "$worker" "$pid"
for i in $(seq 200); do
    grep -q 'stood still for' run.err && break
    sleep 0.05
done
says run.err 'stood still for 1'
sleep 1
kill -0 "$pid" || fail "the timeout counted the pause: $(cat run.err)"
kill -TERM "$pid"
wait "$pid" || true
grep -q 'timed out' run.err && fail "the timeout counted the pause"
expect res "SELECT count(*) FROM event WHERE kind = 'pause' AND message LIKE 'stood still for%'" 1
expect res 'SELECT count(*) FROM batch_loss WHERE seconds > 5' 0
