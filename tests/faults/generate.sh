#!/usr/bin/env bash
# A full disk and kills while pictures are generated: every file under its name is whole, and the same command again makes all.
. "$(dirname "$0")/lib.sh"

make_data data 16 4
experiment exp.yaml fault 'n_epochs: 1'
run 0 trained exp.yaml
weights=$(ls trained/fault/*/saved_models/generator_min.safetensors)
mkdir many res
for i in 1 2 3 4 5; do for file in data/*/*.png; do cp "$file" "many/$i$(basename "$file")"; done; done
cp many/* data/
"$PIXSWEEP" generate "$weights" many -o whole --quiet 2>whole.err || fail "generate"

# whole_files: nothing but what an undisturbed run makes stands under a result's name
whole_files() {
    local file
    [ -d res/out ] || return 0
    for file in res/out/*; do
        case $file in *.tmp.* | 'res/out/*') continue ;; esac
        cmp -s "$file" "whole/$(basename "$file")" || wrong "$file is not whole"
    done
}

# try RULE CODE: generate under the rule ends with CODE (or any, "-"), leaves whole files, and can be done again
try() {
    trial=$1
    rm -rf res/out
    shimmed "$1" generate "$weights" many -o res/out --threads 2
    [ "$(hit)" -gt 0 ] || { missed=$((missed + 1)); return; }
    [ "$2" = - ] || [ "$code" -eq "$2" ] || wrong "ended with $code"
    whole_files
    trials=$((trials + 1))
    "$PIXSWEEP" generate "$weights" many -o res/out --quiet 2>again.err || wrong "could not be done again"
    rm -f res/out/*.tmp.*
    diff -r res/out whole >&2 || wrong "another result"
}

step "a full disk ends it with words; what is there is whole"
for n in 1 40 99; do
    try "op=write,match=*out/*,n=$n,count=0,errno=ENOSPC" 1
    says run.err 'No space left on device'
done
try "op=rename,match=*out/*,n=7,errno=EIO" 1
try "op=write,match=*out/*,n=5,action=short" -

step "killed at any call"
for n in 2 33 77; do
    try "op=write,match=*out/*,n=$n,action=kill" -
    try "op=rename,match=*out/*,n=$n,action=kill" -
done
[ "$trials" -ge 8 ] && [ "$missed" -eq 0 ] || fail "$trials trials, $missed rules hit nothing"
