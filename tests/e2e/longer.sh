#!/usr/bin/env bash
# A longer run begins with the epochs of a shorter one that has kept its final point, to the rows, files and bits of a run
# from scratch. Called with PIXSWEEP FREEZE.
FREEZE=$(realpath "$2")
. "$(dirname "$0")/lib.sh"

make_data data 20 6
# Everything that carries state: dropout, jitter, shuffle, batch norm's statistics, falling rates, a warm-up, early stopping.
lines=('sample_interval: 4' 'checkpoint_interval: 2' 'jitter: 2' 'flip: true' 'generator: unet_32' 'norm: batch'
    'lr_policy_G: halve' 'lrgd: 2' 'warmup_epochs_D: 1' 'lr_policy_D: plateau' 'factor_D: 0.5' 'patience_D: 0'
    'run: {keep_final: true}' 'sweep: {seeds: 2}')
for n in 2 4 6; do experiment "$n.yaml" longer "n_epochs: $n" "${lines[@]}"; done

# rows RESULTS: everything that is recorded of the runs with 6 epochs, seconds apart
rows() {
    sql "$1" "SELECT 'batch', seed, step, epoch, batch, quote(loss_G), quote(loss_GAN), quote(loss_pixel), quote(loss_D), quote(loss_real),
            quote(loss_fake), quote(lr_G), quote(lr_D) FROM batch_loss JOIN v_run USING (run_id) WHERE n_epochs = 6 ORDER BY seed, step;
        SELECT 'epoch', seed, epoch, quote(e.lr_G), quote(e.lr_D), quote(avg_loss_G), quote(avg_loss_D), quote(val_loss), quote(val_psnr),
            quote(val_ssim), is_best, quote(D_real), quote(D_fake), quote(max_loss_G), quote(max_loss_D)
            FROM epoch e JOIN v_run USING (run_id) WHERE n_epochs = 6 ORDER BY seed, epoch;
        SELECT 'sample', seed, s.step, s.epoch, s.path, s.sha256 FROM sample s JOIN v_run USING (run_id) WHERE n_epochs = 6 ORDER BY seed, step;
        SELECT 'best', seed, s.step, s.epoch, s.path, s.sha256 FROM best_sample s JOIN v_run USING (run_id) WHERE n_epochs = 6 ORDER BY seed;
        SELECT 'file', seed, c.path, c.epoch, kind, net, c.sha256, bytes FROM checkpoint c JOIN v_run USING (run_id) WHERE n_epochs = 6
            ORDER BY seed, path;
        SELECT 'run', seed, state, last_step, last_epoch, quote(best_val_loss), best_epoch, quote(final_val_loss), quote(final_avg_loss_G)
            FROM v_run WHERE n_epochs = 6 ORDER BY seed"
}
# files RESULTS: hashes of what the runs with 6 epochs have made, by seed
files() {
    local seed
    for seed in 0 1; do
        (cd "$1/$(sql "$1" "SELECT dir FROM v_run WHERE n_epochs = 6 AND seed = $seed")" &&
            find images saved_models -type f | sort | xargs sha256sum | sed "s/^/$seed /")
    done
}
state_of() { (cd "$1" && find . -type f ! -name '.*' | sort | xargs sha256sum); }

step "a run from scratch; a completed run keeps its final point, and without the key none"
run 0 whole 6.yaml --set run.keep_final=false --jobs 2
[ -z "$(find whole -name '*final*' -o -name 'resume*')" ] || fail "a point is left: $(find whole -name '*final*' -o -name 'resume*')"
rows whole >whole.rows
files whole >whole.files
run 0 res 2.yaml --jobs 2
[ "$(find res -name final.safetensors | wc -l)" = 2 ] || fail "there are no final points"
[ -z "$(find res -name 'resume*')" ] || fail "a resume point is left"
first=$(ls -d res/longer/0001-*)
state_of "$first" >first.files

step "chains: 2 epochs, 4 of them, 6 of those: the longest wins, plan and run say so; older runs are untouched"
does 0 '2 runs begin with the 2 of their 4 epochs that longer/0001-base-s0 and 1 other have trained' plan 4.yaml
says words.out 'to do: 12 steps'
"$PIXSWEEP" plan 4.yaml --results res --format csv >plan.csv || fail plan
[ "$(sed -n 's/.*,//p' plan.csv | paste -sd' ')" = "begins_with longer/0001-base-s0 longer/0002-base-s1" ] || fail "$(cat plan.csv)"
run 0 res 4.yaml --jobs 2
says run.err '2 runs begin with the 2 of their 4 epochs'
does 0 '2 runs begin with the 4 of their 6 epochs that longer/0003-base-s0 and 1 other have trained' plan 6.yaml
run 0 res 6.yaml --jobs 2
rows res | diff whole.rows - >diff.out || fail "other rows: $(head -n 5 diff.out)"
files res | diff whole.files - >diff.out || fail "other files: $(head -n 5 diff.out)"
expect res "SELECT count(*) FROM event WHERE kind = 'shorter' AND level = 'info'" 4
expect res "SELECT count(*) FROM attempt" 6
does 0 'begins with the first 4 epochs of longer/0003-base-s0 (steps 0 to 11), from its final point' show longer/5
state_of "$first" | diff first.files - || fail "the shorter run was changed"
sound res

step "why others cannot: a schedule over n_epochs, other intervals, no final point, other kernels"
run 0 out 2.yaml --set lr_policy_G=linear --set n_epochs_decay=1 --set sweep.seeds=1
run 0 out 2.yaml --set run.keep_final=false --set sweep.seeds=1
cannot() {
    local words=$1
    shift
    "$PIXSWEEP" plan 4.yaml --results out --set sweep.seeds=1 "$@" >plan.out 2>&1 || fail "plan $*"
    says plan.out "$words"
}
cannot 'lr_policy_G: linear depends on n_epochs: its rates over 4 epochs differ from those over 2 from epoch 1 on' \
    --set lr_policy_G=linear --set n_epochs_decay=1
cannot 'it has kept no final point (run.keep_final: true keeps one)'
for set in sample_interval=5 checkpoint_interval=0; do
    "$PIXSWEEP" plan 4.yaml --results res --set name=longer --set n_epochs=5 --set $set >plan.out 2>&1 || fail "plan $set"
    says plan.out "cannot begin with the 4 of their 5 epochs .*${set%=*} was . there and is"
done

step "what plan could not see: a picture of the shorter run is gone; the run begins with its first step and says why"
cp -r res damaged
rm damaged/longer/0003-*/images/8.png damaged/longer/0001-*/final.safetensors
run 0 damaged 6.yaml --set n_epochs=5 --set sweep.seeds=1
says run.err 'run 7 begins with the 4 of its 5 epochs that longer/0003-base-s0 has trained'
expect damaged "SELECT level FROM event JOIN run USING (run_id) WHERE kind = 'shorter' AND number = 7" warn
does 0 'begins with its first step, not from longer/0003-base-s0: .*images/8.png' show longer/7 --db damaged/pixsweep.db

step "runs of one file begin with each other as they are completed; rm takes the final points, too"
run 0 one 2.yaml --set sweep.seeds=1 --set 'sweep.grid.n_epochs=[2,4,6]' --jobs 1
expect one "SELECT group_concat(number) FROM event JOIN run USING (run_id) WHERE kind = 'shorter' AND level = 'info'" 2,3
grep -v '^[a-z]*|1|' whole.rows >whole.0
rows one | diff whole.0 - >diff.out || fail "other rows: $(head -n 5 diff.out)"
"$PIXSWEEP" rm longer --yes --results one >rm.out 2>&1 || fail "rm: $(cat rm.out)"
[ ! -e one/longer ] || fail "left behind: $(find one/longer)"

step "a task on another machine begins so, by the plan that it was given, wherever the results have gone"
run 0 there 4.yaml
"$FREEZE" 6.yaml there there/longer/cluster/0001 2 2>freeze.err || fail "freeze: $(cat freeze.err)"
mv there moved
"$PIXSWEEP" task moved/longer/cluster/0001 >task.out 2>task.err || fail "task: $(cat task.out task.err)"
"$PIXSWEEP" merge moved --results moved >merge.out 2>&1 || fail "merge: $(cat merge.out)"
[ "$(find moved -name final.safetensors | wc -l)" = 4 ] || fail "the task has not kept final points: $(find moved -name final.safetensors)"
expect moved "SELECT count(*) FROM event WHERE kind = 'shorter' AND level = 'info'" 2
rows moved | diff whole.rows - >diff.out || fail "other rows: $(head -n 5 diff.out)"
files moved | diff whole.files - >diff.out || fail "other files: $(head -n 5 diff.out)"

step "pruning: rungs before the shorter run's end were not asked at; the one at its end is, by the longer run"
pruned=(6.yaml --set n_epochs=5 --set 'sweep.prune={rule: asha, rungs: [2]}' --jobs 1)
"$PIXSWEEP" plan "${pruned[@]}" --results res --set 'sweep.prune.rungs=[1]' >plan.out 2>&1 || fail "plan prune"
says plan.out 'sweep.prune compares it after 1 epoch, where the shorter run did not ask'
run 0 res "${pruned[@]}"
says run.err '2 runs begin with the 2 of their 5 epochs that longer/0001-base-s0 and 1 other have trained'
run 0 scratch "${pruned[@]}"
rungs() {
    sql "$1" "SELECT seed, epoch, quote(value), quote(cutoff), verdict, state, last_epoch FROM rung JOIN v_run USING (run_id) ORDER BY 1, 2"
}
[ "$(rungs res)" = "$(rungs scratch)" ] && [ "$(rungs res | wc -l)" = 2 ] || fail "other rungs: $(rungs res; rungs scratch)"
