#!/usr/bin/env bash
# The time of day jumps, in the supervisor or in the worker, at its start or later: durations, limits and heartbeats do not care.
. "$(dirname "$0")/lib.sh"
prepare ', timeout: 100s'

# What was measured is still what a run of a second takes.
sane_times() {
    [ "$(sql res 'SELECT (SELECT count(*) FROM batch_loss WHERE seconds IS NULL OR seconds < 0 OR seconds > 60)
        + (SELECT count(*) FROM epoch WHERE seconds IS NULL OR seconds < 0 OR seconds > 60)
        + (SELECT count(*) FROM run_summary WHERE seconds IS NULL OR seconds < 0 OR seconds > 100 OR images_per_s IS NULL OR images_per_s <= 0)')" = 0 ] ||
        wrong "times that cannot be"
    [ "$(sql res 'SELECT count(*) FROM attempt')" = "$1" ] || wrong "not $1 attempts: $(sql res 'SELECT * FROM attempt')"
    for command in ls 'show 1' 'compare fault'; do
        # shellcheck disable=SC2086 # words
        "$PIXSWEEP" $command --db res/pixsweep.db >said.out 2>said.err || wrong "$command: $(cat said.err)"
        ! grep -E "(^| )-[0-9.]+ (ms|s|m|h|d)( |$)" said.out >&2 || wrong "$command tells of a time that cannot be"
    done
}

# jumping RULES ATTEMPTS
jumping() {
    trial "$1"
    grep -q 'ended with\|timed out' run.err && wrong "somebody was stopped"
    sane_times "$2"
}

jumps=(-315360000 31536000)
calls=(2)
[ "$MODE" = fast ] || jumps+=(-3600) calls+=(1)
for seconds in "${jumps[@]}"; do
    step "$seconds s"
    for process in run worker; do
        for n in "${calls[@]}"; do jumping "op=clock,process=$process,n=$n,count=0,value=$seconds" 1; done
    done
    jumping "op=clock,n=4,count=0,value=$seconds" 1
done

step "there and back, between a crashed attempt and the next"
jumping 'op=clock,n=3,count=0,value=-86400;op=write,process=worker,match=*/records.bin,n=7,action=kill' 2
jumping 'op=clock,n=2,count=0,value=31536000;op=clock,n=5,count=0,value=-63072000;op=write,process=worker,match=*/records.bin,n=7,action=kill' 2
summary
