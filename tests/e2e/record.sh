#!/usr/bin/env bash
# A small sweep, and everything that must be in the record afterwards.
. "$(dirname "$0")/lib.sh"

make_data data 20 6
experiment exp.yaml rec 'n_epochs: 7' 'sample_interval: 4' 'checkpoint_interval: 3' 'learning_rate_G: 2e-3' 'sweep:' \
    '  points:' '    - {lr_policy_G: halve, lrgd: 3}' '    - {lr_policy_G: halve, lrgd: 1}' \
    '    - {lr_policy_G: constant, lr_policy_D: halve, lrdd: 2}' '  seeds: [0, 4]'

step "plan writes nothing"
"$PIXSWEEP" plan exp.yaml --results res >plan.out 2>plan.err || fail plan
says plan.out 'rec'
"$PIXSWEEP" run exp.yaml --dry-run --results res >dry.out 2>dry.err || fail "run --dry-run"
sed -i 's/ of [0-9.]* [kMGT]B free//' plan.out dry.out # other programs write, too
cmp plan.out dry.out || fail "--dry-run says something else than plan"
[ ! -e res ] || fail "plan made files"

step "run"
run 0 res exp.yaml
sound res
expect res "SELECT count(*) FROM run WHERE state = 'completed'" 6

step "batches x epochs rows (20 pairs, 8 a batch: 3 batches)"
expect res "SELECT count(*) FROM batch_loss" $((6 * 7 * 3))
expect res "SELECT count(*) FROM epoch" $((6 * 7))
expect res "SELECT count(*) FROM batch_loss WHERE step <> epoch * 3 + batch OR batch > 2 OR epoch > 6" 0
expect res "SELECT count(*) FROM batch_loss WHERE loss_G IS NULL OR loss_D IS NULL OR seconds <= 0" 0

step "averages are plain means, losses are made of their parts"
for loss in G GAN pixel D real fake; do
    expect res "SELECT count(*) FROM epoch e JOIN (SELECT run_id, epoch, avg(loss_$loss) a FROM batch_loss GROUP BY 1, 2)
                USING (run_id, epoch) WHERE abs(avg_loss_$loss - a) <= 1e-12" 42
done
expect res "SELECT count(*) FROM batch_loss WHERE abs(loss_G - (loss_GAN + 10 * loss_pixel)) > 1e-4 * loss_G
            OR abs(loss_D - 0.5 * (loss_real + loss_fake)) > 1e-5" 0

step "the halving rule, at the exact epochs"
expect res "SELECT count(*) FROM epoch e JOIN run r USING (run_id)
            LEFT JOIN param g ON g.run_id = r.run_id AND g.key = 'lrgd'
            LEFT JOIN param d ON d.run_id = r.run_id AND d.key = 'lrdd'
            WHERE lr_G = 2e-3 / (1 << CASE coalesce(g.value, 0) WHEN 0 THEN 0 WHEN 1 THEN epoch ELSE (epoch + 1) / g.value END)
            AND lr_D = 1e-4 / (1 << CASE coalesce(d.value, 0) WHEN 0 THEN 0 ELSE (epoch + 1) / d.value END)" 42
expect res "SELECT count(*) FROM batch_loss b JOIN epoch e USING (run_id, epoch) WHERE b.lr_G <> e.lr_G OR b.lr_D <> e.lr_D" 0
expect res "SELECT count(*) FROM param WHERE key = 'lrgd'" 4
expect res "SELECT count(*) FROM v_schedule WHERE n = 2" 3

step "best is the first minimum"
expect res "SELECT count(*) FROM epoch e WHERE is_best <> (val_loss < coalesce((SELECT min(val_loss) FROM epoch f WHERE
            f.run_id = e.run_id AND f.epoch < e.epoch), 9e99))" 0
expect res "SELECT count(*) FROM run_summary s WHERE best_val_loss = (SELECT min(val_loss) FROM epoch e WHERE e.run_id = s.run_id)
            AND best_epoch = (SELECT max(epoch) FROM epoch e WHERE e.run_id = s.run_id AND is_best)
            AND final_val_loss = (SELECT val_loss FROM epoch e WHERE e.run_id = s.run_id AND epoch = 6)
            AND last_step = 20 AND last_epoch = 6" 6
expect res "SELECT count(*) FROM checkpoint c JOIN run_summary s USING (run_id) WHERE kind = 'best' AND epoch = best_epoch" 12

step "samples and checkpoints when they are due, with their hashes"
expect res "SELECT group_concat(step) FROM (SELECT step FROM sample WHERE run_id = 1 ORDER BY step)" 0,4,8,12,16,20
expect res "SELECT group_concat(DISTINCT epoch) FROM checkpoint WHERE kind = 'periodic' AND path NOT LIKE '%_last.%'" 2,5
expect res "SELECT group_concat(DISTINCT epoch) FROM checkpoint WHERE path LIKE '%_last.safetensors'" 6
expect res "SELECT count(*) FROM checkpoint" $((6 * 8))
files_as_listed res

expect res "SELECT count(*) FROM best_sample b JOIN run_summary s USING (run_id) WHERE epoch = best_epoch AND step = 3 * epoch + 2
            AND path = 'images/best.png'" 6

step "a last picture in any case; the best one where something is validated"
run 0 few exp.yaml --set sample_interval=0 --set sweep.seeds=1
expect few "SELECT count(*) FROM sample WHERE step = 20 AND path = 'images/20.png'" 3
run 0 few exp.yaml --set sample_interval=0 --set sweep.seeds=1 --set validation=off
expect few "SELECT count(*) FROM sample WHERE step = 20" 6
expect few "SELECT count(*) FROM best_sample" 3
files_as_listed few

step "without validation one pair alone trains, and plan says what is held out"
make_data one 1 0
for pairs in 'one --set validation=off: 1 to train on, none held out (validation: off)' 'data: 20 to train on, 6 in val/'; do
    # shellcheck disable=SC2086
    "$PIXSWEEP" plan exp.yaml --results few --set dataset=${pairs%%:*} >plan.out || fail "plan of $pairs"
    says plan.out "pairs:${pairs#*:}"
done
run 0 alone exp.yaml --set dataset=one --set validation=off --set sweep.seeds=1
expect alone "SELECT count(*), min(n) FROM (SELECT count(*) AS n FROM batch_loss GROUP BY run_id)" '3|7'

step "the environment of each attempt"
for key in version commit cpu kernels openblas command data_hash; do
    expect res "SELECT count(*) FROM environment WHERE key = '$key' AND length(value) > 0" 6
done

step "a second run does nothing"
cp res/pixsweep.db before.db
run 0 res exp.yaml
expect res "SELECT count(*) FROM attempt" 6
says run.err 'nothing to do'

step "a run's own config.yaml is the same run"
run 0 again "$(ls -d res/rec/0001-*/config.yaml)"
[ "$(sql again 'SELECT config_hash FROM run')" = "$(sql res 'SELECT config_hash FROM run WHERE number = 1')" ] ||
    fail "config.yaml is another run"
expect again "SELECT count(*) FROM batch_loss" 21

step "reading commands agree"
"$PIXSWEEP" compare rec --results res >compare.out 2>compare.err || fail compare
"$PIXSWEEP" sql --results res --format csv 'SELECT count(*) AS n FROM batch_loss' >sql.out 2>sql.err || fail sql
says sql.out 126
