#!/usr/bin/env bash
# What users hand over as data: each mistake in words, with a remedy that works, in `data check`, `plan` and `run`.
. "$(dirname "$0")/lib.sh"

make_data data 16 4

# check CODE DIR: `data check` must end with CODE; what it said is in check.out
check() {
    local code=0
    "$PIXSWEEP" data check "$2" >check.out 2>&1 || code=$?
    [ "$code" -eq "$1" ] || fail "data check $2 ended with $code, not $1: $(cat check.out)"
}
# plan CODE ARGS...: what it said is in plan.out
plan() {
    local expected=$1 code=0
    shift
    "$PIXSWEEP" plan --results res "$@" >plan.out 2>&1 || code=$?
    [ "$code" -eq "$expected" ] || fail "plan $* ended with $code, not $expected: $(cat plan.out)"
}
pointer='version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'

step "a Git LFS pointer in the place of a picture or of weights is told by name, by check, plan and run"
experiment exp.yaml lfs 'n_epochs: 1'
cp -r data good
set -- data/train/*.png
printf "$pointer" >"$1"
check 1 data
says check.out "$(basename "$1"): a Git LFS pointer, not a PNG; fetch the file itself: .git lfs pull"
plan 2 exp.yaml
says plan.out 'a Git LFS pointer, not a PNG'
run 2 res exp.yaml
says run.err 'a Git LFS pointer, not a PNG'
rm -r data && mv good data
printf "$pointer" >generator_min.safetensors
experiment exp.yaml lfs 'n_epochs: 1' 'init_from: generator_min.safetensors'
plan 2 exp.yaml
says plan.out 'init_from: .*generator_min.safetensors: a Git LFS pointer, not a safetensors file; .*git lfs pull'
run 2 res exp.yaml
says run.err 'a Git LFS pointer, not a safetensors file'
[ ! -e res/pixsweep.db ] || fail "something was started"

step "a pipe among the pictures is refused at once, what a NAS leaves is passed over"
mkfifo data/train/zz.png
mkdir data/train/@eaDir
check 1 data
says check.out 'error: train/zz.png: a pipe, not a file'
says check.out 'note: passed over: train/@eaDir/'
rm data/train/zz.png
check 0 data
