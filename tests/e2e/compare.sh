#!/usr/bin/env bash
# Which schedule won, asked of real runs: compare with its options, diff of two runs.
. "$(dirname "$0")/lib.sh"

make_data data 16 6
# halve with lrgd 9 never fires in 3 epochs: the same training as constant, and both must say so
experiment exp.yaml rates 'n_epochs: 3' 'sample_interval: 0' 'checkpoint_interval: 0' 'sweep:' '  points:' \
    '    - {lr_policy_G: constant}' '    - {lr_policy_G: halve, lrgd: 9}' '    - {lr_policy_G: halve, lrgd: 2}' '  seeds: 2'
run 0 res exp.yaml --jobs 1 --threads 1

step "run ends with the answer; quiet and for programs it does not"
tail -n 1 run.out | grep -qE "^(constant|halve, lrgd [29]) (leads with a mean best_val_loss|and .* are level)" || fail "$(cat run.out)"
says run.out "rates: 6 runs in 3 groups, lowest mean best_val_loss first"
[ "$(grep -cE '^ [123]  ' run.out)" = 3 ] || fail "no table: $(cat run.out)"
run 0 res exp.yaml --quiet
[ "$(wc -l <run.out)" = 2 ] || fail "quiet: $(cat run.out)"
run 0 res exp.yaml --format csv
[ "$(wc -l <run.out)" = 2 ] || fail "csv: $(cat run.out)"
run 0 one exp.yaml --set 'sweep={"seeds": 1}' --set n_epochs=1
if grep -q leads run.out; then fail "one configuration: $(cat run.out)"; fi

ask() { "$PIXSWEEP" "$@" --results res >ask.out 2>ask.err || fail "$* ended with $?"; }
refuse() { ! "$PIXSWEEP" "$@" --results res >ask.out 2>ask.err || fail "$* was not refused"; }

step "the verdict is the last line"
ask compare rates
says ask.out "rates: 6 runs in 3 groups, lowest mean best_val_loss first"
tail -n 1 ask.out >last.out
grep -qE "^(constant|halve, lrgd [29]) (leads with a mean best_val_loss|and .* are level)" last.out || fail "$(cat last.out)"

step "the table's numbers are the database's"
ask compare rates --format csv --by lr_policy_G,lrgd
mean=$(sql res "SELECT printf('%.12g', avg(best_val_loss)) FROM v_run WHERE lrgd = 2")
awk -F, -v m="$mean" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
    $1 == "halve" && $2 == 2 { d = $at["best_val_loss_mean"] - m; ok = $at["n"] == 2 && d < 1e-9 && d > -1e-9 }
    END { exit !ok }' ask.out || fail "mean $mean is not in: $(cat ask.out)"

step "differences from a baseline, by seed"
ask compare rates --baseline lr_policy_G=constant --format json
difference=$(sql res "SELECT printf('%.9f', avg(b.best_val_loss - a.best_val_loss)) FROM v_run a JOIN v_run b USING (seed)
    WHERE a.lr_policy_G = 'constant' AND b.lrgd = 2")
grep '"lrgd":2,' ask.out | sed 's/.*"vs_baseline_diff":\([^,]*\),.*"vs_baseline_design":"paired".*/\1/' >value.out
awk -v d="$difference" '{ exit !($1 - d < 1e-8 && $1 - d > -1e-8) }' value.out || fail "$(cat value.out) is not $difference"
grep '"lrgd":9,' ask.out >nine.out
says nine.out '"vs_baseline_diff":0,'

step "a target, a front, another metric"
ask compare rates --target 100 --pareto time,val_loss --metric final_val_loss
says ask.out "target val_loss <= 100: reached by 6 of 6 completed runs"
says ask.out "no other configuration is as good in every one of time,val_loss"
says ask.out "lowest mean final_val_loss first"
refuse compare rates --target much
says ask.err "must be a number"
refuse compare rates --baseline lr_policy_G=halve
says ask.err "fits 2 configurations"

for name in psnr val_psnr; do
    ask compare rates --metric $name
    says ask.out "highest mean val_psnr first"
    says ask.out "  PSNR ± std"
done

step "two runs side by side"
first=$(sql res "SELECT min(step) FROM batch_loss WHERE epoch = 1")
ask diff "$(sql res "SELECT run_id FROM v_run WHERE lr_policy_G = 'constant' AND seed = 0")" \
    "$(sql res "SELECT name FROM v_run WHERE lrgd = 2 AND seed = 0")"
# lrgd 2 halves before epoch 1; losses of its first batch are still those of the same weights
says ask.out "the first $first steps are the same, bit by bit; from step $first (epoch 1) on they differ"
says ask.out "configuration  lr_policy_G"
ask diff 1 3
says ask.out "steps that both have are the same, bit by bit"

step "only runs that meet a condition"
ask compare rates --where "lrgd = 2 OR lr_policy_G = 'constant'"
says ask.out "rates: 4 runs in 2 groups"
ask compare rates --where "lrgd > 0"
says ask.out "no  lrgd  n " # what differs among those
refuse compare rates --where "lrgd = 77"
says ask.err "no run of rates meets lrgd = 77"
refuse compare rates --where "lrgdd = 2"
says ask.err "no such column: lrgdd"

step "several sweeps as one: what has the same config_hash and seed counts once, pairs are by seed across them"
experiment more.yaml more 'n_epochs: 3' 'sample_interval: 5' 'checkpoint_interval: 0' 'lr_policy_G: constant' 'sweep: {seeds: [1, 2]}'
experiment longer.yaml longer 'n_epochs: 4' 'sample_interval: 0' 'checkpoint_interval: 0' 'lr_policy_G: constant' 'sweep: {seeds: [0, 1]}'
run 0 res more.yaml --jobs 1 --threads 1 --quiet
run 0 res longer.yaml --jobs 1 --threads 1 --quiet
ask compare rates more
says ask.out "rates and more: 7 runs in 3 groups" # sample_interval is no part of what a run is
says ask.out "1 run is also in another of these sweeps (the same config_hash and seed) and counts once"
says ask.out "constant .*  3  "
ask compare more longer rates --baseline lr_policy_G=constant,n_epochs=4 --format json
grep '"lr_policy_G":"constant","lrgd":null,"n_epochs":3,"n":3,' ask.out >three.out || fail "$(cat ask.out)"
says three.out '"vs_baseline_n":2,"vs_baseline_design":"paired"'
ask compare more longer
says ask.out "the sweeps differ in n_epochs (3, 4), in the order in which they were named"
ask plot rates more longer
says ask.out "^.*res/curves.png: 4 configurations, 9 runs"
ask report rates more longer
says ask.out "res/report.html: "
says res/report.html "in rates, more and longer"
ask export rates more longer
[ "$(wc -l <ask.out)" = 11 ] || fail "export has $(wc -l <ask.out) lines" # all runs, those that are there twice, too
refuse compare rates none
says ask.err "there is no sweep none"

step "a try with --set is named after it, counted and left out; its own answer is about itself"
run 0 res exp.yaml n_epochs=2 --jobs 1 --threads 1
says run.out "rates: 6 runs in 3 groups"
expect res "SELECT count(*) FROM v_run WHERE n_epochs = 2 AND name LIKE '%_n_epochs-2-s_'" 6
ask compare rates
says ask.out "rates: 6 runs in 3 groups"
says ask.out "6 runs of configurations that the experiment file does not ask for are left out (--where true shows all)"
ask compare rates --where true
says ask.out "rates: 12 runs in 6 groups"
run 0 res exp.yaml --seeds 3 --jobs 1 --threads 1 --quiet # more seeds are no other configurations
ask compare rates
says ask.out "rates: 9 runs in 3 groups"

step "old logs beside new runs: what they do not tell is unknown, not different"
mkdir -p old/one
for e in 0 1; do
    for b in 0 1; do
        echo "[Epoch: $e] [Dloss: 0.2] [loss_pixel: 1.0] [loss_GAN: 0.7] [loss_real: 0.2] [loss_fake: 0.2] [Batch: $b/2] "
    done
done >old/one/train_loss.txt
printf '%s\n' '[avg_loss: 1.8] ' '[avg_loss: 1.7] ' >old/one/loss_time.txt
printf '%s\n' "tloss_res: {0: 0.021, 1: 0.019, 'min': 0.019, 'minepoch': 1} " >old/one/list_loss.txt
ask import lab old --sweep rates --set lrgd=90
ask compare rates --format csv
head -n 1 ask.out >head.out
if grep -qE '(^|,)(b1|ngf|dropout),' head.out; then fail "keys that logs do not tell: $(cat head.out)"; fi
says head.out "^dataset,lr_policy_G,lrgd,n_epochs,validation,n,"
ask compare rates
says ask.out "1 run is imported from old logs"
says ask.out "differ in validation, which decides on which pairs it is measured"
says ask.out "differ in dataset, so they may not have been validated on the same pictures"

step "a sweep under way is ranked provisionally, at the last epoch that all have"
experiment slow.yaml slow 'n_epochs: 5000' 'sample_interval: 0' 'checkpoint_interval: 0' 'sweep:' \
    '  grid: {lambda_pixel: [10, 100]}'
"$PIXSWEEP" run --results res slow.yaml --jobs 2 --threads 1 >slow.out 2>slow.err &
soon res "SELECT count(*) FROM run_summary JOIN run USING (run_id) JOIN sweep USING (sweep_id)
    WHERE sweep.name = 'slow' AND last_epoch >= 0" 2
ask compare slow
says ask.out "slow: 2 runs in 2 groups, lowest mean best_val_loss first, provisionally: as of epoch [0-9]"
tail -n 1 ask.out | grep -qE "^provisionally, as of epoch [0-9]+, the last that all 2 configurations have: lambda_pixel 100? " ||
    fail "$(cat ask.out)"
ask report slow -o slow.html
says slow.html "provisionally, as of epoch"
kill -TERM $!
wait $! || [ $? = 130 ] || fail "run ended with $?: $(cat slow.err)"
if grep -q provisionally slow.out; then fail "an interrupted run needs no answer: $(cat slow.out)"; fi
ask compare slow
says ask.out "provisionally"
