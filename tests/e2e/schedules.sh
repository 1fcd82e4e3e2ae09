#!/usr/bin/env bash
# Every schedule through the real binary: what plan says is what the steps were made with, for both networks.
. "$(dirname "$0")/lib.sh"

make_data data 20 6
experiment exp.yaml rates 'n_epochs: 8' 'sample_interval: 0' 'checkpoint_interval: 0' 'learning_rate_G: 2e-3' 'learning_rate_D: 1e-3' \
    'sweep:' '  points:' \
    '    - {lr_policy_G: step, step_size: 3, gamma: 0.1, lr_policy_D: cosine}' \
    '    - {lr_policy_G: multistep, milestones: [2, 5], gamma: 0.5, lr_policy_D: linear, n_epochs_decay_D: 4}' \
    '    - {lr_policy_G: exponential, gamma: 0.8, lr_policy_D: multistep, milestones_D: [7], gamma_D: 0.25}' \
    '    - {lr_policy_G: linear, n_epochs_decay: 8, lr_policy_D: step, step_size_D: 2, gamma_D: 0.5}' \
    '    - {lr_policy_G: cosine, min_lr: 1e-5, warmup_epochs: 2, lr_policy_D: polynomial, power_D: 2}' \
    '    - {lr_policy_G: cosine_restarts, T_0: 2, T_mult: 2, warmup_epochs_D: 3}' \
    '    - {lr_policy_G: polynomial, lr_policy_D: one_cycle, max_lr_D: 5e-3, pct_start_D: 0.5}' \
    '    - {lr_policy_G: one_cycle, max_lr: 4e-3, lr_policy_D: exponential, gamma_D: 0.9}'

step "plan draws each schedule once and names its keys"
"$PIXSWEEP" plan exp.yaml --results res >plan.out 2>plan.err || fail plan
[ "$(grep -c '█.*(run ' plan.out)" -ge 12 ] || fail "curves are missing"
says plan.out 'one_cycle, max_lr 0.004, pct_start 0.3  (run 0008)'
says plan.out 'cosine, min_lr 1e-5, after 2 epochs of warm-up  (run 0005)'
"$PIXSWEEP" plan exp.yaml --results res --format csv >plan.csv 2>/dev/null || fail "plan as csv"

step "a curve is drawn once, under all of its names, with what else is swept"
experiment same.yaml same 'n_epochs: 8' 'sweep:' '  points:' '    - {lr_policy_G: constant, learning_rate_G: 1e-3}' \
    '    - {lr_policy_G: halve, lrgd: 50, learning_rate_G: 1e-3}' '    - {lr_policy_G: halve, lrgd: 2, learning_rate_G: 1e-3, lambda_pixel: 50}' \
    '    - {lr_policy_G: constant, learning_rate_G: 5e-4}' '  grid: {batch_size: [4, 8]}'
"$PIXSWEEP" plan same.yaml --results res >same.out 2>same.err || fail "plan same"
[ "$(grep -c 'lr_G [0-9].* -> ' same.out)" -eq 3 ] || fail "not three curves: $(cat same.out)"
says same.out '  constant = halve, lrgd 50, lambda_pixel 10, learning_rate_G 0.001  (runs 0001-0004)$'
says same.out '  halve, lrgd 2, lambda_pixel 50, learning_rate_G 0.001  (runs 0005-0006)$'
says same.out '  constant, lambda_pixel 10, learning_rate_G 0.0005  (runs 0007-0008)$'

step "the steps were made with these rates"
run 0 res exp.yaml
sound res
cp res/pixsweep.db with.db
sqlite3 with.db ".mode csv" ".import plan.csv planned"
off=$(sqlite3 with.db "
    WITH ends AS (SELECT run_id, min(step) AS a, max(step) AS z FROM batch_loss GROUP BY run_id)
    SELECT count(*) FROM ends JOIN run USING (run_id) JOIN planned p ON p.number = run.number
    JOIN batch_loss a ON a.run_id = ends.run_id AND a.step = ends.a JOIN batch_loss z ON z.run_id = ends.run_id AND z.step = ends.z
    WHERE a.lr_G = p.lr_G_first + 0.0 AND z.lr_G = p.lr_G_last + 0.0 AND a.lr_D = p.lr_D_first + 0.0 AND z.lr_D = p.lr_D_last + 0.0")
[ "$off" = 8 ] || fail "$off of 8 runs have the planned rates"
rm -f with.db
expect res "SELECT count(*) FROM batch_loss JOIN run USING (run_id) WHERE number = 1 AND abs(lr_G - 2e-3 * pow(0.1, epoch / 3)) < 1e-15" 24
expect res "SELECT count(*) FROM batch_loss JOIN run USING (run_id) WHERE number = 2
            AND abs(lr_G - 2e-3 / (1 << ((epoch >= 2) + (epoch >= 5)))) < 1e-15
            AND abs(lr_D - 1e-3 * (1 - max(0, epoch + 1 - 4) / 5.0)) < 1e-15" 24
expect res "SELECT count(*) FROM batch_loss JOIN run USING (run_id) WHERE number = 6 AND abs(lr_D - 1e-3 * min(9, step + 1) / 9) < 1e-15" 24

step "plan shows what finished runs took"
"$PIXSWEEP" plan exp.yaml --results res --format csv >plan.csv 2>/dev/null || fail "plan of what is done"
cp res/pixsweep.db with.db
sqlite3 with.db ".mode csv" ".import plan.csv planned"
off=$(sqlite3 with.db "SELECT count(*) FROM planned p JOIN run ON run.name = p.name JOIN run_summary s USING (run_id)
    WHERE p.state = 'completed' AND abs(p.seconds - s.seconds) < 1e-9 AND s.seconds > 0")
[ "$off" = 8 ] || fail "$off of 8 runs have their time"
rm -f with.db

step "an epoch's row holds the rate of its last batch, and quality and outputs are there"
expect res "SELECT count(*) FROM epoch e JOIN batch_loss b ON b.run_id = e.run_id AND b.step = e.epoch * 3 + 2
            WHERE e.lr_G = b.lr_G AND e.lr_D = b.lr_D AND val_psnr > 0 AND val_ssim BETWEEN -1 AND 1" 64
expect res "SELECT count(*) FROM d_output d JOIN epoch e USING (run_id, epoch)
            WHERE (avg_D_real - 1) * (avg_D_real - 1) <= avg_loss_real AND avg_D_fake * avg_D_fake <= avg_loss_fake" 64

expect res "SELECT count(*) FROM epoch e JOIN (SELECT run_id, epoch, max(loss_G) AS g, max(loss_D) AS d FROM batch_loss GROUP BY 1, 2)
            USING (run_id, epoch) WHERE max_loss_G = g AND max_loss_D = d" 64

step "the largest losses are compared and drawn"
"$PIXSWEEP" compare rates --results res --metric max_loss_G --format csv >largest.csv 2>compare.err || fail "compare by max_loss_G"
[ "$(sed -n 2p largest.csv | wc -l)" = 1 ] || fail "no configuration: $(cat largest.csv)"
sqlite3 best.db ".mode csv" ".import largest.csv compared"
least=$(sqlite3 best.db "SELECT max_loss_G_mean FROM compared LIMIT 1")
expect res "SELECT abs(min(g) - $least) < 1e-12 FROM (SELECT max(max_loss_G) AS g FROM epoch GROUP BY run_id)" 1
rm -f best.db
"$PIXSWEEP" plot rates --results res --metric max_loss_G,max_loss_D -o largest.svg 2>plot.err || fail "plot of max_loss_G"

step "plateau: what it has seen survives a stop"
experiment flat.yaml flat 'n_epochs: 50' 'sample_interval: 0' 'learning_rate_G: 1e-3' 'lr_policy_G: plateau' 'patience: 0' 'factor: 0.5' \
    'threshold: 0.999'
run 0 whole flat.yaml
expect whole "SELECT group_concat(lr_G, ' ') FROM epoch WHERE epoch < 6" "0.001 0.001 0.0005 0.00025 0.000125 6.25e-05"
"$PIXSWEEP" run flat.yaml --results cut --set run.resume_every=0s >cut.out 2>cut.err &
pid=$!
soon cut "SELECT count(*) > 3 FROM epoch" 1
kill -TERM $pid
wait $pid || true
run 0 cut flat.yaml
expect cut "SELECT count(*) FROM attempt WHERE resumed_from_step > 0" 1
for db in whole cut; do
    sqlite3 $db/pixsweep.db "SELECT step, loss_G, loss_D, lr_G FROM batch_loss; SELECT epoch, val_loss, val_psnr, val_ssim, lr_G FROM epoch;
                             SELECT epoch, avg_D_real, avg_D_fake FROM d_output" >$db.rows
done
cmp whole.rows cut.rows || fail "the resumed run differs"

step "compare shows what differs, not the defaults of keys that only some policies have"
"$PIXSWEEP" compare rates --results res --format csv >compare.csv 2>compare.err || fail compare
head -1 compare.csv >keys
says keys ',min_lr,'
for silent in min_lr_D T_mult_D power, pct_start,; do
    ! grep -q "$silent" keys || fail "compare shows $silent at its default: $(cat keys)"
done
