#!/usr/bin/env bash
# A race by tasks side by side, which know each other's runs and looks from folders alone: the same decisions as by one local run, also where a
# task is killed; runs that never begin get no folder. Called with PIXSWEEP FREEZE.
FREEZE=$(realpath "$2")
. "$(dirname "$0")/lib.sh"
unset "${!SLURM_@}" "${!PIXSWEEP_@}"
export PIXSWEEP_CORE_LOCKS="$WORK/cores"

freeze() { "$FREEZE" "$@" 2>freeze.err || fail "freeze $*: $(cat freeze.err)"; }
task() { # NAME DIR: in the background; its words go to NAME.out, its pid is $task
    PIXSWEEP_TASK=$1 "$PIXSWEEP" task "$2" >"$1.out" 2>&1 &
    task=$!
}
ends() { # PID NAME: with 0
    local code=0
    wait "$1" || code=$?
    [ "$code" -eq 0 ] || fail "$2 ended with $code: $(cat "$2.out")"
}
there() { [ -n "$(find . -path "./$1")" ]; } # PATTERN
same_as_whole() { # RESULTS
    (cd whole/race && sha256sum race/* 0*/config.yaml) >whole.txt
    (cd "$1"/race && sha256sum race/* 0*/config.yaml) >"$1.txt"
    diff whole.txt "$1.txt" >&2 || fail "$1 was decided differently, or other runs were made"
    "$PIXSWEEP" merge "$1" --results "$1" >merge.out 2>merge.err || fail "merge: $(cat merge.err)"
    run 0 "$1" race.yaml
    says run.err 'race: not separated'
    sound "$1"
    same_rows whole "$1"
    expect "$1" "SELECT count(*) FROM v_race" "$(sql whole "SELECT count(*) FROM v_race")"
}

make_data data 8 4
experiment race.yaml race 'n_epochs: 2' 'sample_interval: 0' 'checkpoint_interval: 0' 'run: {retries: 20}' 'sweep:' \
    '  points: [{learning_rate_G: 1e-9}, {learning_rate_G: 2e-3}, {learning_rate_G: 2e-3, learning_rate_D: 1e-2}]' \
    '  race: {confidence: 0.7, first: 3, max_seeds: 5}'
run 0 whole race.yaml --jobs 2

step "three tasks"
freeze race.yaml three three/sub 1
[ "$(ls three/race | grep -c '^0')" -eq 9 ] || fail "folders of runs that may never begin"
for i in 1 2 3; do
    task t$i three/sub
    pids[$i]=$task
done
for i in 1 2 3; do ends "${pids[$i]}" t$i; done
grep -q 'race: look 1, 3 seeds: .*1e-9.* is dropped' t1.out t2.out t3.out || fail "no task tells of look 1"
for i in 1 2 3; do says t$i.out 'race: not separated'; done
same_as_whole three

step "one task waits for a run that stands still in another, which is killed"
freeze race.yaml two two/sub 1
task a two/sub
a=$task
until_there there 'two/race/0009-*/records.bin'
worker=$(pgrep -P $a)
kill -STOP $worker
task b two/sub
b=$task
until_there grep -q 'task b' b.out
sleep 1
kill -0 $b || fail "the task ends although a look is to be judged: $(cat b.out)"
kill -KILL $a $worker
wait $a 2>/dev/null || true
ends $b b
same_as_whole two

step "half of it by a local run"
run 1 half race.yaml --set sweep.race.budget=10
freeze race.yaml half half/sub 2
task c half/sub
ends $task c
same_as_whole half
