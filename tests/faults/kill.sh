#!/usr/bin/env bash
# SIGKILL at the exact call: of the worker, of the supervisor, of both. Run again, the record is that of an undisturbed run.
. "$(dirname "$0")/lib.sh"
prepare

if [ -n "${FAULT_ONLY:-}" ]; then
    trial "$FAULT_ONLY"
    cat run.err
    exit
fi

# some PROCESS WHO TRIALS: at random calls of any kind
some() {
    local i n actions=(kill half after)
    count_calls call "$1"
    for i in $(seq "$3"); do
        n=$((1 + (RANDOM * 32768 + RANDOM) % calls))
        trial "op=call,process=$1,n=$n,action=${actions[RANDOM % 3]},who=$2"
    done
}

step "a worker, in the middle of a record, a checkpoint, a picture, and between a file and its record"
trial 'op=write,process=worker,match=*/records.bin,n=8,action=half'
trial 'op=write,process=worker,match=*/generator_min*,n=5,action=half'
trial 'op=rename,process=worker,match=*/generator_min.safetensors,n=2,action=after'
trial 'op=sync,process=worker,match=*/d/discriminator_1*,n=1,action=kill'
trial 'op=write,process=worker,match=*/images/3.png.tmp,n=1,action=half'
says run.err 'killed by signal 9'

step "the supervisor, in the middle of a commit; both at once"
trial 'op=write,process=run,match=pixsweep.db-wal,n=70,action=half,who=self'
trial 'op=sync,process=run,match=pixsweep.db,n=1,action=kill,who=self'
trial 'op=write,process=worker,match=*/records.bin,n=6,action=kill,who=parent'
trial 'op=rename,process=worker,match=*/d/discriminator_min.safetensors,n=1,action=after,who=both'

step "random moments"
case $MODE in
fast) some worker self 2 && some run self 2 && some worker both 1 ;;
long)
    some worker self 20
    some run self 20
    some worker parent 20
    some worker both 20
    step "every call"
    every action=kill worker call 150
    every action=half worker write 60
    every action=kill run call 80
    every action=after,who=both worker call 60
    ;;
esac
summary
