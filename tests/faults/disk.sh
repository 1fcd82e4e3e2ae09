#!/usr/bin/env bash
# Disks that are full or fail, in every kind of call on every file that a run writes, in workers and in the supervisor.
. "$(dirname "$0")/lib.sh"
prepare

if [ -n "${FAULT_ONLY:-}" ]; then
    trial "$FAULT_ONLY"
    cat run.err
    exit
fi

step "a worker's files"
trial 'op=write,process=worker,match=*/records.bin,n=7,errno=EIO,count=0' 'records.bin: Input/output error'
trial 'op=write,process=worker,match=*/records.bin,n=9,action=short;op=write,process=worker,match=*/records.bin,n=10,errno=EIO'
trial 'op=sync,process=worker,match=*/records.bin,n=2,errno=EIO,count=0' 'records.bin: Input/output error'
trial 'op=write,process=worker,match=*/images/*,n=1,errno=EIO,count=0' '3.png: Input/output error\|0.png: Input/output error'
trial 'op=mkdir,process=worker,match=*/saved_models,n=1,errno=EACCES,count=0' 'saved_models: Permission denied'
trial 'op=sync,process=worker,match=*/saved_models,n=1,errno=EIO'
trial 'op=thread,process=worker,n=1,errno=EAGAIN,count=0'

step "the supervisor's files"
trial 'op=open,process=run,match=*/config.yaml.tmp,n=1,errno=ENOSPC' 'config.yaml: No space left'
trial 'op=write,process=run,match=pixsweep.db-wal,n=30,errno=ENOSPC' 'the disk is full'
trial 'op=write,process=run,match=pixsweep.db-wal,n=90,action=short;op=write,process=run,match=pixsweep.db-wal,n=91,errno=ENOSPC'
trial 'op=lock,process=run,match=pixsweep.db.lock,n=3,errno=ENOLCK'
trial 'op=mmap,process=run,n=1,errno=ENOMEM'
trial 'op=fork,process=run,n=1,errno=EAGAIN' 'cannot start a worker process'

step "a disk without locks: claims decide"
trial='op=lock,match=*/.*.lock,n=1,count=0,errno=ENOLCK'
rm -rf res && mkdir res
shimmed "$trial" run exp.yaml --results res --jobs 1 --threads 1
[ $code -eq 0 ] && [ "$(hit)" -ge 3 ] || wrong "ended with $code, after $(hit) locks that failed"
as_undisturbed
[ -z "$(find res -name '.claim*')" ] || wrong "a claim is left: $(find res -name '.claim*')"

if [ "$MODE" = long ]; then
    step "more files, and calls that write less than they are asked to"
    trial 'op=write,process=worker,match=*/records.bin,n=7,errno=EIO' 'records.bin: Input/output error'
    trial 'op=write,process=worker,match=*/records.bin,n=3,action=short,count=0'
    trial 'op=write,process=worker,match=*/d/discriminator_min*,n=2,action=short,count=0'
    trial 'op=rename,process=worker,match=*/generator_1.safetensors,n=1,errno=EIO,count=0' 'generator_1.safetensors: Input/output error'
    trial 'op=open,process=worker,match=*/saved_models/*,n=3,errno=EDQUOT'
    trial 'op=sync,process=run,match=*/job.json.tmp,n=1,errno=ENOSPC' 'job.json: No space left'
    trial 'op=write,process=run,match=pixsweep.db-wal,n=62,errno=EIO'
    trial 'op=write,process=run,match=pixsweep.db*,n=40,action=short,count=0'
    trial 'op=open,process=run,match=*/worker.log,n=1,errno=EMFILE' 'worker.log: Too many open files'
    for process in worker run; do
        step "$process: every kind of call"
        for op in open write sync rename truncate mkdir lock; do
            every errno=EIO $process $op 40
            every errno=ENOSPC,count=2 $process $op 12 # a worker waits a second for each
        done
        every action=short,count=0 $process write 20
        every errno=EIO,count=3 $process read 30
    done
    every errno=EIO,count=0 worker call 40
fi
summary
