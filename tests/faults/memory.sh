#!/usr/bin/env bash
# The n-th allocation fails: never a crash, a hang or a false state; "out of memory" is said, and running again ends in the same record.
. "$(dirname "$0")/lib.sh"
prepare
points=$([ "$MODE" = long ] && echo ${POINTS:-150} || echo 3)

if [ -n "${FAULT_ONLY:-}" ]; then
    trial "$FAULT_ONLY" 'out of memory\|[Cc]annot allocate memory\|Resource temporarily unavailable'
    cat run.err
    exit
fi

# reading ARGS...: a command that writes nothing; it gives its whole answer or says that memory ran out
reading() {
    local n stride
    rm -rf res && cp -r whole res
    shimmed "op=alloc,process=$1" "$@" --db res/pixsweep.db
    [ $code -eq 0 ] || fail "$* ended with $code"
    mv run.out answer
    calls=$(seen)
    [ "$calls" -gt 10 ] || fail "$* allocates $calls times only"
    stride=$(((calls + points - 1) / points))
    for n in $(seq $((1 + RANDOM % stride)) $stride "$calls"); do
        trial="op=alloc,process=$1,n=$n"
        trials=$((trials + 1))
        shimmed "$trial" "$@" --db res/pixsweep.db
        case $code in
        0) cmp answer run.out >&2 || wrong "$*: another answer" ;;
        [12]) grep -qi 'out of memory\|cannot allocate memory' run.err || wrong "$* does not say why" ;;
        *) wrong "$* ended with $code" ;;
        esac
    done
    same_rows whole res
}

step "commands that read"
reading plan exp.yaml
reading ls
reading show 1
reading compare fault
reading sql 'SELECT * FROM v_run'

# starving PROCESS RULE: the supervisor or the worker, at points spread over all its allocations. A thread that finds no memory fails with
# EAGAIN (pthread_create).
starving() {
    local n stride
    count_calls alloc "$1"
    stride=$(((calls + points - 1) / points))
    for n in $(seq $((1 + RANDOM % stride)) $stride "$calls"); do
        trial "op=alloc,process=$1,n=$n$2" 'out of memory\|[Cc]annot allocate memory\|Resource temporarily unavailable'
    done
}

step "the supervisor, the worker"
starving run ''
starving run ',count=3'
starving worker ''
starving worker ',each=1'
summary
