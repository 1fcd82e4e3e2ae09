#!/usr/bin/env bash
# Limits of the machine: address space, open files, processes, sizes of files, the memory of a control group; and no OpenBLAS.
. "$(dirname "$0")/lib.sh"
make_data data 16 4
experiment exp.yaml limits 'n_epochs: 2'

experiment wide.yaml wide 'n_epochs: 1'
sed -i 's/ngf: 4/ngf: 16/;s/ndf: 4/ndf: 16/' wide.yaml

# limited LIMIT CODE ARGS...: the program under `ulimit LIMIT` ends with CODE
limited() {
    local limit=$1 expected=$2 code=0
    shift 2
    (ulimit $limit && exec timeout -k 1 60 "$PIXSWEEP" "$@") >run.out 2>run.err || code=$?
    grep -q 'cannot allocate\|Sanitizer\|error while loading' run.err && { echo "skipped: this build needs more to begin at all"; exit 77; }
    [ $code = "$expected" ] || fail "$* under ulimit $limit ended with $code"
}

step "where nothing is computed, no limit is too low that lets the program be loaded"
for limit in '-v 60000' '-v 100000' '-d 8000' '-n 6'; do
    limited "$limit" 0 --help
    limited "$limit" 0 --version
    limited "$limit" 0 params
done
limited '-v 60000' 0 plan exp.yaml --results small --threads 1

step "too little address space is refused in words, at once"
for v in 100000 150000; do
    limited "-v $v" 2 run exp.yaml --results small --jobs 1 --threads 1
    says run.err 'address space are needed and ulimit -v allows'
done
limited '-d 60000' 2 run exp.yaml --results small --jobs 1 --threads 1
says run.err '`ulimit -d` allows a process 61.4 MB of data; raise it where it is set: `ulimit -d unlimited`'
[ ! -e small ] || [ -z "$(find small -name records.bin)" ] || fail "something was started"

step "threads that nobody asked for become fewer until a run fits"
limited '-v 220000' 0 run exp.yaml --results room
expect room "SELECT threads FROM attempt" 1
[ "$(nproc)" = 1 ] || says run.err 'preflight: 1 thread a run: ulimit -v has no room for more'

step "no file may be written: the limit is named"
(ulimit -f 0 && exec "$PIXSWEEP" run exp.yaml --results none 2>&1) | cat >run.err # into a file it could not say a word
says run.err '`ulimit -f` allows a file 0 B; raise it where it is set: `ulimit -f unlimited`'

step "OpenBLAS takes its room only where layers call it"
limited '-v 180000' 0 run wide.yaml --results wide --jobs 1 --threads 1
expect wide "SELECT count(*) FROM environment WHERE key = 'openblas' AND value LIKE 'OpenBLAS %core %'" 1

step "OpenBLAS that cannot be loaded"
mkdir broken && echo none >broken/libopenblas.so.0
export LD_LIBRARY_PATH="$PWD/broken"
run 2 unloaded exp.yaml
says run.err 'OpenBLAS cannot be loaded: .*tools/deps installs it'
run 0 unloaded wide.yaml
expect unloaded "SELECT value FROM environment WHERE key = 'openblas'" 'not loaded'
losses="SELECT group_concat(printf('%!.17g', loss_G)) FROM batch_loss"
expect unloaded "SELECT count(*) > 1 FROM batch_loss" 1
expect unloaded "$losses" "$(sql wide "$losses")"
unset LD_LIBRARY_PATH

step "too few open files"
for n in 4 6; do
    limited "-n $n" 2 run exp.yaml --results few --jobs 1 --threads 1
    says run.err "Too many open files (.ulimit -n. allows a process $n open files; raise it where it is set: .ulimit -n 1024.)"
done
limited '-n 4' 1 ls --results wide
says run.err 'ulimit -n 1024'

step "no threads and processes"
if [ "$(id -u)" != 0 ]; then
    other=()
elif chmod 755 . && other=(setpriv --reuid=65534 --regid=65534 --clear-groups) && "${other[@]}" "$PIXSWEEP" --version >/dev/null 2>&1; then
    mkdir -m 777 theirs
else
    other=(skipped)
    echo "skipped: to root ulimit -u does not apply, and nobody cannot run $PIXSWEEP"
fi
# alone CODE ARGS...: the program as a user who may not start anything ends with CODE
alone() {
    local expected=$1 code=0
    shift
    "${other[@]}" bash -c 'ulimit -u 0 && exec "$@"' bash "$PIXSWEEP" "$@" >run.out 2>run.err || code=$?
    [ $code = "$expected" ] || fail "$* under ulimit -u 0 ended with $code"
}
if [ "${other[*]}" != skipped ]; then
    alone 0 --help
    alone 2 ls --results theirs
    says run.err 'there is no database at'
    alone 2 run exp.yaml --results theirs --jobs 1 --threads 2
    says run.err 'cannot start .*(`ulimit -u` allows a user 0 processes and threads; raise it where it is set: `ulimit -u 1024`)'
    alone 1 bench --threads 2 --rounds 1
    says run.err 'ulimit -u 1024'
fi

step "and so are more threads than it has room for"
code=0
(ulimit -v 1500000 && exec timeout -k 1 60 "$PIXSWEEP" run exp.yaml --results small --jobs 1 --threads 16) >run.out 2>run.err || code=$?
[ $code = 2 ] || fail "16 threads ended with $code"
says run.err 'for each of 16 threads'

step "ulimit -f is told, and nothing half-written stays"
code=0
(ulimit -f 40 && exec timeout -k 1 60 "$PIXSWEEP" run exp.yaml --results files) >run.out 2>run.err || code=$?
[ $code = 1 ] || [ $code = 2 ] || fail "under ulimit -f it ended with $code"
grep -q 'ulimit -f' run.err || fail "ulimit -f is not told: $(cat run.err)"
[ $code = 2 ] || grep -q '^  the end of its log:$' run.err || fail "the log's end has no lines of its own: $(cat run.err)"
[ -z "$(find files -name '*.tmp.*' 2>/dev/null)" ] || fail "half-written: $(find files -name '*.tmp.*')"

step "a database that can be claimed in, and not written to any more: what ended is told, and the rest is stale at once"
code=0
(ulimit -f 232 && exec timeout -k 1 60 "$PIXSWEEP" run exp.yaml --results claimed) >run.out 2>run.err || code=$?
[ $code = 1 ] || fail "it ended with $code"
says run.err 'the database cannot be written'
says run.err 'limits/0001-base-s0: failed: cannot write'
says run.out '0 of 1 runs completed, 1 failed;'
says run.out 'the next `pixsweep run` ingests them'
"$PIXSWEEP" ls --results claimed >ls.out 2>ls.err || fail "ls"
[ "$(sql claimed "SELECT count(*) FROM attempt WHERE ended_ms IS NULL")" = 0 ] || says ls.out 'running (stale)'
run 1 claimed exp.yaml
says run.err 'nobody wrote into the database how attempt 1 ended; its records are ingested (.*), it is failed'
sound claimed

step "the memory of a control group"
group=
if [ -w /sys/fs/cgroup/memory/cgroup.procs ]; then
    group=/sys/fs/cgroup/memory/pixsweep-test-$$ limit=memory.limit_in_bytes
elif [ -w /sys/fs/cgroup/cgroup.procs ] && grep -qw memory /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null; then
    group=/sys/fs/cgroup/pixsweep-test-$$ limit=memory.max
fi
if [ -z "$group" ] || ! mkdir $group 2>/dev/null; then
    echo "the rest is skipped: control groups cannot be made here (it takes root and a writable /sys/fs/cgroup)"
    exit 0
fi
# It can go once its last process is gone.
remove_group() {
    local i
    for i in $(seq 200); do
        rmdir $group 2>/dev/null && return
        sleep 0.05
    done
}
trap 'remove_group; cleanup' EXIT
# grouped BYTES ARGS...: the program in a group with so much memory; without swap, where that can be said
grouped() {
    local bytes=$1
    shift
    echo "$bytes" >$group/$limit || { echo "the rest is skipped: $group/$limit cannot be set"; exit 0; }
    [ ! -e $group/memory.swap.max ] || echo 0 >$group/memory.swap.max
    code=0
    (echo $BASHPID >$group/cgroup.procs && exec timeout -k 1 100 "$PIXSWEEP" "$@") >run.out 2>run.err || code=$?
}
experiment big.yaml big 'n_epochs: 1' 'sweep: {seeds: 3}' 'run: {retries: 0}'
sed -i 's/ngf: 4/ngf: 48/;s/ndf: 4/ndf: 48/' big.yaml
grouped 2000000000 run big.yaml --results free --jobs 1 --threads 1
[ $code = 0 ] || fail "with room for it, it ended with $code"
mb=$(sed -n 's/.*up to \([0-9]*\)[.0-9]* MB of memory a run.*/\1/p' run.err)
[ "${mb:-0}" -gt 50 ] || fail "no measure: $(cat run.err)"
grouped $((mb * 500000)) run big.yaml --results none
[ $code = 2 ] || fail "with half of what it needs it ended with $code"
says run.err "does not fit"
says run.err "in control group /.*pixsweep-test-$$"
[ "$(nproc)" = 1 ] || {
    grouped $((mb * 1700000)) run big.yaml --results one
    [ $code = 0 ] || fail "with room for one it ended with $code"
    says run.err '1 job at a time'
    # Two are asked for, one fits: the kernel kills, and one at a time it goes on to the end.
    grouped $((mb * 1600000)) run big.yaml --results two --jobs 2 --threads 1
    if grep -q 'killed by signal 9' run.err; then
        says run.err 'out of memory: 1 job at a time from now on'
        expect two "SELECT count(*) > 0 FROM attempt WHERE signal = 9 AND message LIKE '%out of memory, by the kernel%'" 1
    fi
    [ $code = 0 ] || fail "it did not go on one at a time: $code"
}
