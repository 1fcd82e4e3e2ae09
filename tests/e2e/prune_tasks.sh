#!/usr/bin/env bash
# Pruning by tasks side by side, which know each other's runs from their folders alone: the same runs are given up, with the same rows and
# words, as by one local run; also where runs are parked and a task is killed. Called with PIXSWEEP FREEZE.
. "$(dirname "$0")/tasks_lib.sh"
verdicts() {
    sql "$1" "SELECT number, state, (SELECT count(*) FROM batch_loss b WHERE b.run_id = r.run_id) FROM run r ORDER BY number;
              SELECT number, epoch, value, cutoff, verdict FROM rung JOIN run USING (run_id) ORDER BY number, epoch;
              SELECT number, message FROM event JOIN run USING (run_id) WHERE kind = 'pruned' ORDER BY number"
}
merged() { # RESULTS: the same as the local run in whole
    "$PIXSWEEP" merge "$1" --results "$1" >merge.out 2>merge.err || fail "merge: $(cat merge.err)"
    sound "$1"
    verdicts whole >whole.txt
    verdicts "$1" >"$1.txt"
    diff whole.txt "$1.txt" >&2 || fail "$1 was pruned differently"
    same_rows whole "$1"
    files_as_listed "$1"
}

make_data data 16 4
experiment exp.yaml prune 'n_epochs: 4' 'sample_interval: 0' 'checkpoint_interval: 2' 'run: {resume_every: 0s, retries: 20}' 'sweep:' \
    '  points:' '    - {learning_rate_G: 1e-6, ngf: 20, ndf: 16}' '    - {learning_rate_G: 1e-3}' '    - {learning_rate_G: 2e-3}' \
    '    - {learning_rate_G: 1e-4}' '    - {learning_rate_G: 1e-2}' '    - {learning_rate_G: 5e-4}' '  prune: {rule: asha, rungs: [1, 2]}'
run 0 whole exp.yaml --jobs 2
expect whole "SELECT count(*) > 0 FROM run WHERE state = 'pruned'" 1
expect whole "SELECT count(*) > 1 FROM run WHERE state = 'completed'" 1

step "three tasks; the lowest run stands still until others are parked for it"
freeze exp.yaml three three/sub 1 0.2
task t1 three/sub
pids[1]=$task
until_there there 'three/prune/0001-*/worker.log'
worker=$(pgrep -P $task)
kill -STOP $worker
for i in 2 3; do
    task t$i three/sub
    pids[$i]=$task
done
until_there grep -q 'parked after 1 epochs until prune/0001' t2.out t3.out
kill -CONT $worker
for i in 1 2 3; do ends "${pids[$i]}" t$i; done
merged three
expect three "SELECT count(*) > 0 FROM attempt WHERE reason = 'yielded'" 1

step "two tasks, two runs at a time; one is killed with its workers, and comes again"
freeze exp.yaml two two/sub 2 0.2
task a two/sub
a=$task
until_there there 'two/prune/0001-*/records.bin'
task b two/sub
b=$task
until_there there 'two/prune/0003-*/resume.safetensors'
kill -STOP $a
workers=$(pgrep -P $a || true)
kill -KILL $a $workers
wait $a 2>/dev/null || true
task a two/sub
a=$task
ends $a a
ends $b b
merged two

step "begun by a local run, gone on with by a task beside another local run"
"$PIXSWEEP" run exp.yaml --results half --jobs 2 >run.out 2>run.err &
here=$!
soon half "SELECT count(*) > 0 FROM rung" 1
kill -TERM $here
wait $here || true
freeze exp.yaml half half/sub 1 0.2
task h half/sub
run 0 half exp.yaml --jobs 1
ends $task h
merged half

step "runs that are done are compared by their folders: jobs are not submitted without them"
printf '#!/bin/sh\ncase $1 in submit) echo job_1 ;; esac\n' >launcher
chmod +x launcher
more=(--set 'sweep.points=[{learning_rate_G: 1e-3}, {learning_rate_G: 0.1}]' --no-probe)
run 0 free exp.yaml --set 'sweep.points=[{learning_rate_G: 1e-3}]'
run=$(echo free/prune/0001-*)
mv "$run"/records.bin away.bin
run 2 free exp.yaml --on ./launcher --detach "${more[@]}"
says run.err "0001-.* is completed, but .*/records.bin is missing.*--set sweep.prune=none, or --on here"
mv away.bin "$run"/records.bin
run 0 free exp.yaml --on ./launcher --detach "${more[@]}"
says run.out "1 run to do, 1 job submitted"
