#!/usr/bin/env bash
# Resume points that are damaged, foreign or newer: refused by name and reason, the one before is used where there is one, and the run
# ends in the bits of one that was never stopped.
. "$(dirname "$0")/lib.sh"
prepare
writes='op=write,process=worker,match=*/records.bin,action=kill'
dir=fault/0001-base-s0

# Two points, before steps 2 and 4, then worker and supervisor die.
rm -rf res && mkdir res
shimmed "$writes,n=7,signal=USR1;$writes,n=11,signal=USR1;$writes,n=15,who=both" run exp.yaml --results res --jobs 1 --threads 1
[ $code -eq 137 ] || fail "the supervisor ended with $code"
[ -e res/$dir/resume.previous.safetensors ] || fail "there are no two resume points"
mv res stopped

step_of() { head -c 4096 "$1" | grep -ao '"step":"[0-9]*"' | tr -dc 0-9; }
newest=$(step_of stopped/$dir/resume.safetensors)
before=$(step_of stopped/$dir/resume.previous.safetensors)
[ "$newest" -gt "$before" ] || fail "points at steps $newest and $before"

# goes_on FROM [WORDS]: res is run to its end from step FROM (-1: the first), saying WORDS of a point that it does not use
goes_on() {
    trial="a changed resume point ($2)"
    trials=$((trials + 1))
    run 0 res exp.yaml --jobs 1 --threads 1
    as_undisturbed
    expect res "SELECT resumed_from_step FROM attempt ORDER BY attempt_id DESC LIMIT 1" "$1"
    if [ -n "${2:-}" ]; then
        says run.err "resume.*safetensors.*$2"
        expect res "SELECT count(*) > 0 FROM event WHERE kind = 'resume' AND message LIKE '%resume%safetensors%'" 1
    fi
}

fresh() { rm -rf res && cp -a stopped res; }

# flip FILE OFFSET: another byte there
flip() {
    local old
    old=$(od -An -t u1 -j "$2" -N 1 "$1" | tr -d ' ')
    printf "\\x$(printf %02x $((old ^ 4)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
point=res/$dir/resume.safetensors

step "whole"
fresh
goes_on "$newest" ''

step "cut off"
size=$(stat -c %s stopped/$dir/resume.safetensors)
lengths=(0 $((size / 2)))
[ "$MODE" = fast ] || lengths+=(7 500 $((size - 1)))
for bytes in "${lengths[@]}"; do
    fresh
    truncate -s "$bytes" $point
    goes_on "$before" .
done

step "one bit of the weights, of the fields, of the header's length"
offsets=($((size / 2)) 68 0)
[ "$MODE" = fast ] || offsets+=($((size - 1)))
for at in "${offsets[@]}"; do
    fresh
    flip $point "$at"
    goes_on "$before" .
done
fresh
sed -i "s/\"step\":\"$newest\"/\"step\":\"$((newest + 1))\"/" $point
goes_on "$before" checksum

step "a newer version's, another configuration's, a folder"
fresh
sed -i 's/"resume_format":"[0-9]"/"resume_format":"9"/' $point
goes_on "$before" 'a newer pixsweep'
experiment other.yaml fault 'n_epochs: 5' 'sample_interval: 3' 'checkpoint_interval: 2'
rm -rf res && mkdir res
shimmed "$writes,n=7,signal=USR1;$writes,n=11,who=both" run other.yaml --results res --jobs 1 --threads 1
mv res/$dir/resume.safetensors foreign
fresh
mv foreign $point
goes_on "$before" 'another configuration'
fresh
rm $point && mkdir $point
goes_on "$before" .

step "both unusable: from the first step, in words"
fresh
flip $point $((size - 1))
truncate -s 100 res/$dir/resume.previous.safetensors
goes_on -1 .
says run.err 'starts again from its first step'

step "the record file is shorter than the point says"
fresh
truncate -s 40 res/$dir/records.bin
goes_on -1 'needs the first'
summary
