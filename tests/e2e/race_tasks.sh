#!/usr/bin/env bash
# A race by tasks side by side, which know each other's runs and looks from folders alone: the same decisions as by one local run, also where a
# task is killed; runs that never begin get no folder. Called with PIXSWEEP FREEZE.
. "$(dirname "$0")/tasks_lib.sh"
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
    '  points: [{learning_rate_G: 1e-9, ngf: 20, ndf: 16}, {learning_rate_G: 2e-3}, {learning_rate_G: 2e-3, learning_rate_D: 1e-2}]' \
    '  race: {confidence: 0.7, first: 3, max_seeds: 5}'
run 0 whole race.yaml --jobs 2

step "three tasks; two wait for a run that stands still in the third, which is killed"
freeze race.yaml three three/sub 1
[ "$(ls three/race | grep -c '^0')" -eq 9 ] || fail "folders of runs that may never begin"
task a three/sub
a=$task
until_there there 'three/race/0001-*/worker.log'
worker=$(pgrep -P $a)
kill -STOP $worker || fail "the run ended too early for this test"
task b three/sub
b=$task
task c three/sub
c=$task
until_there grep -q '0009-.*completed' b.out c.out
sleep 0.5
kill -0 $b $c || fail "a task ends although a look is to be judged: $(cat b.out c.out)"
kill -KILL $a $worker
wait $a 2>/dev/null || true
ends $b b
ends $c c
grep -q 'race: look 1, 3 seeds: .*1e-9.* is dropped' b.out c.out || fail "no task tells of look 1"
for task in b c; do says $task.out 'race: not separated'; done
same_as_whole three

step "half of it by a local run, the rest by jobs, collected"
cat >launcher <<'SH'
#!/bin/sh
case $1 in
submit)
    for i in $(seq "$3"); do
        PIXSWEEP_TASK=$PIXSWEEP_NAME.$i "$2/job.sh" </dev/null >>"$2/log/$i.log" 2>&1 &
        echo "$PIXSWEEP_NAME.$i"
        echo "$! $PIXSWEEP_NAME.$i" >>"$WORK/jobs"
    done ;;
alive) while read -r pid id; do ! kill -0 "$pid" 2>/dev/null || echo "$id running"; done <"$WORK/jobs" ;;
esac
SH
chmod 755 launcher
export WORK
on=(--set 'run.on=./launcher' --set 'run.launcher={cpus_per_task: 1, mem: none, look_every: 1s, ask_every: 1s}')
"$PIXSWEEP" plan race.yaml --results far "${on[@]}" --set sweep.race.max_seeds=40 >plan.out 2>plan.err || fail "plan --on: $(cat plan.err)"
says plan.out '39 jobs' # the last step is of 13 seeds
run 1 near race.yaml --set sweep.race.budget=10
says run.err 'race: the budget of 10 runs ended it: .* are left after 3 seeds'
mkdir far && mv near/race far/ # without its database: what was not begun gets other numbers
run 0 far race.yaml "${on[@]}" --set "run.on_done=echo \"said \$PIXSWEEP_RACE, spared \$PIXSWEEP_NOT_NEEDED\""
[ "$(wc -l <jobs)" -eq 2 ] || fail "not 2 jobs, as many as can be at work at once: $(cat jobs)"
says run.err 'race: look 2, 4 seeds'
says run.err 'said not separated: .*, spared 2'
expect far "SELECT count(*) FROM v_race" "$(sql whole "SELECT count(*) FROM v_race")"
diff -r whole/race/race far/race/race >&2 || fail "far was decided differently"
run 0 far race.yaml "${on[@]}"
[ "$(wc -l <jobs)" -eq 2 ] || fail "jobs for a race that has ended"
