#!/usr/bin/env bash
# A run that begins with a shorter one's epochs is killed, or fails, in the middle of the copy: in the end it is the run from
# scratch, and the shorter run is as it was.
. "$(dirname "$0")/lib.sh"
prepare
short=(exp.yaml --set n_epochs=2 --jobs 1 --threads 1)
rm -rf whole
run 0 base "${short[@]}" --set run.keep_final=true
run 0 whole "${short[@]}"
run 0 whole exp.yaml --jobs 1 --threads 1
expect whole "SELECT count(*) FROM event WHERE kind = 'shorter'" 0
kept whole >whole.files
kept base >base.files

# copying RULES: as trial, with the shorter run there
begun=0
copying() {
    trial=$1
    trials=$((trials + 1))
    rm -rf res && cp -r base res
    shimmed "$trial" run exp.yaml --results res --jobs 1 --threads 1
    [ "$(hit)" != 0 ] || missed=$((missed + 1))
    case $code in [012] | 137) ;; *) wrong "ended with $code" ;; esac
    [ $code -eq 137 ] || true_state
    until_done
    kept res | grep 0001- | diff base.files - >&2 || wrong "the shorter run was changed"
    rm res/fault/0001-*/final.safetensors
    as_undisturbed
    begun=$((begun + $(sql res "SELECT count(*) FROM event WHERE kind = 'shorter' AND level = 'info'")))
}

if [ -n "${FAULT_ONLY:-}" ]; then
    copying "$FAULT_ONLY"
    exit
fi

step "a worker is killed in the middle of a record, a checkpoint, a picture, and its first resume point"
copying 'op=write,process=worker,match=*/0002*/records.bin,n=5,action=half'
copying 'op=rename,process=worker,match=*/0002*/generator_min.safetensors,n=1,action=after'
copying 'op=write,process=worker,match=*/0002*/images/3.png*,n=1,action=half'
copying 'op=sync,process=worker,match=*/0002*/resume.safetensors*,n=1,action=kill'
step "files that cannot be read or written, and a full disk"
copying 'op=open,process=worker,match=*/0001*/final.safetensors,n=2,errno=EIO'
copying 'op=write,process=worker,match=*/0002*/discriminator_1*,n=1,errno=EIO'
copying 'op=write,process=worker,match=*/0002*/images/best.png*,n=1,errno=ENOSPC'
step "random moments"
count_calls call worker
[ "$MODE" = fast ] && tries=2 || tries=60
for i in $(seq $tries); do
    copying "op=call,process=worker,n=$((1 + (RANDOM * 32768 + RANDOM) % calls)),action=kill"
done
[ $begun -ge $trials ] || fail "of $trials runs only $begun began with the shorter one's epochs"
summary
