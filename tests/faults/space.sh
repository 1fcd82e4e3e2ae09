#!/usr/bin/env bash
# A disk that is full for a while: the worker waits with a word, goes on when there is space, and nothing shows in the record.
. "$(dirname "$0")/lib.sh"
prepare

# while_full RULE: the run waits while the disk is full in this way, in one attempt
while_full() {
    trial="$1"
    trials=$((trials + 1))
    rm -rf res && mkdir res
    : >full
    rm -f run.err
    shimmed "$1,errno=ENOSPC,count=0,while=$WORK/full" run exp.yaml --results res --jobs 1 --threads 1 &
    local job=$! i
    for i in $(seq 600); do
        grep -qs "disk of its folder is full" run.err && break
        sleep 0.05
    done
    grep -q "disk of its folder is full" run.err || wrong "the board has no word of it"
    [ "$(sql res 'SELECT state FROM run')" = running ] || wrong "it does not wait"
    rm full
    wait $job
    [ "$(sql res "SELECT state || (SELECT count(*) FROM attempt) FROM run")" = completed1 ] || wrong "it did not go on"
    as_undisturbed
}

step "records, pictures, weights, folders"
while_full 'op=write,process=worker,match=*/records.bin,n=5'
while_full 'op=write,process=worker,match=*/images/*,n=1'
if [ "$MODE" = long ]; then
    while_full 'op=sync,process=worker,match=*/records.bin,n=1'
    while_full 'op=open,process=worker,match=*/saved_models/*,n=1'
    while_full 'op=rename,process=worker,match=*/images/*,n=1'
    while_full 'op=mkdir,process=worker,match=*/saved_models,n=1'
fi

step "little space between two runs: the sweep pauses, and goes on with the next command"
trial="low disk"
trials=$((trials + 1))
rm -rf res && mkdir res
# asked while planning, for the preflight, and before each start
shimmed 'op=statvfs,process=run,n=3,count=0,value=1000000' run exp.yaml --results res --jobs 1 --threads 1 --set sweep.seeds=2
[ $code -eq 1 ] || wrong "exit code $code"
says run.err 'paused: .* has 999 kB free'
expect res "SELECT group_concat(state) FROM (SELECT state FROM run ORDER BY number)" completed,queued
expect res "SELECT state FROM sweep" paused
run 0 res exp.yaml --jobs 1 --threads 1 --set sweep.seeds=2
expect res "SELECT count(*) FROM attempt WHERE outcome = 'completed'" 2
expect res "SELECT state FROM sweep" open

step "a disk that is really full, if one can be mounted: a stopped worker finds it so"
rm -rf res && mkdir res
if mount -t tmpfs -o size=540m tmpfs res 2>/dev/null; then
    trap 'umount -l "$WORK/res" 2>/dev/null; cleanup' EXIT
    trials=$((trials + 1))
    trial="a full tmpfs"
    rm -f run.err
    shimmed 'op=write,process=worker,match=*/records.bin,n=6,action=kill,signal=STOP' run exp.yaml --results res --jobs 1 --threads 1 &
    job=$!
    soon res "SELECT count(*) FROM attempt WHERE pid IS NOT NULL" 1
    worker=$(sql res 'SELECT pid FROM attempt')
    for i in $(seq 600); do
        grep -q '^State:[[:space:]]*T' "/proc/$worker/status" && break
        sleep 0.05
    done
    dd if=/dev/zero of=res/filler bs=1M status=none 2>/dev/null || true
    dd if=/dev/zero of=res/filler2 bs=4k status=none 2>/dev/null || true
    kill -CONT "$worker"
    for i in $(seq 600); do
        grep -qs "disk of its folder is full" run.err && break
        sleep 0.05
    done
    grep -q "disk of its folder is full" run.err || wrong "no word of a full disk"
    rm res/filler res/filler2
    wait $job
    code=1
    until_done
    as_undisturbed
    expect res "SELECT count(*) FROM attempt" 1
    umount -l res
    trap cleanup EXIT
else
    echo "skipped: nothing can be mounted here"
fi
summary
