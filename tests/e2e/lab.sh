#!/usr/bin/env bash
# import lab and export through the program: old logs beside new runs, what is refused, what is left alone; rows out again.
. "$(dirname "$0")/lib.sh"


# train DIR EPOCHS BATCHES VAL: what the script appends in a run
train() {
    mkdir -p "$1"
    awk -v epochs="$2" -v n="$3" -v val="$4" -v dir="$1" 'BEGIN {
        dict = ""
        for (e = 0; e < epochs; e++) {
            sum = 0
            for (b = 0; b < n; b++) {
                g = sprintf("%.4f", 0.5 + ((e * 7 + b * 3 + val * 100) % 11) / 100)
                printf "[Epoch: %d] [Dloss: 0.2500] [loss_pixel: 1.5000] [loss_GAN: %s] [Batch: %d/%d] \n", e, g, b, n >> (dir "/train_loss.txt")
                sum += 1.5 + g
            }
            printf "[avg_loss: %.4f] \n", sum / n >> (dir "/loss_time.txt")
            dict = dict sprintf("%d: %.3f, ", e, val - e / 100)
        }
        printf "tloss_res: {%s\047min\047: %.3f, \047minepoch\047: %d} \n", dict, val - (epochs - 1) / 100, epochs - 1 >> (dir "/list_loss.txt")
    }'
}

step "nothing is made where there is nothing to ingest"
does 2 'there is lab' import
does 2 'needs DIR' import lab
does 2 'cannot look into' import lab nowhere
mkdir empty
does 2 'no train_loss.txt' import lab empty
train old/one 4 6 0.30
does 2 'did you mean lrgd' import lab old --set lrgdd=3
does 2 'cannot be a folder' import lab old --sweep a/b
does 2 'must be above 0' import lab old --lambda 0
[ ! -e res ] || fail "made a folder"

step "two runs in one file, one that broke off in another; twice is as good as once"
train old/one 4 6 0.28
train old/two 3 5 0.40
printf '[Epoch: 0] [Dloss: 0.25] [loss_pixel: 1.5] [loss_GAN: 0.5] [Batch: 0/5] \n[Epoch: 0] [Dlo' >>old/two/train_loss.txt
does 0 '4 runs into sweep old; 79 lines read, 1 unreadable' import lab old --set lrgd=90
says words.err 'two/train_loss.txt: line 17 cannot be read'
does 0 'nothing new: all 4 runs of 2 folders are in sweep old already' import lab old --set lrgd=90
expect res "SELECT group_concat(state) FROM (SELECT state FROM run ORDER BY number)" completed,completed,completed,failed
expect res "SELECT count(*), min(loss_pixel), max(loss_pixel) FROM batch_loss" '64|0.15|0.15'
expect res "SELECT round(best_val_loss, 3) FROM v_run ORDER BY number LIMIT 2" "0.27
0.25"
expect res "SELECT value FROM param WHERE key = 'lrgd' AND run_id = 1" 90

step "every reader knows what they are"
does 0 'completed, imported' ls
does 0 'imported    from' show 1
does 0 'imported' compare old
does 0 'old/0002-one-s-2' sql "SELECT name FROM run"

step "nobody tries to work on them"
does 0 'old: 0 runs to try again' retry old
does 0 '0 open attempts' reap
does 0 'old: 0/0 done' watch old --once

step "a sweep of the same name runs beside them"
make_data data 16 6
experiment exp.yaml old 'n_epochs: 1' 'sweep:' '  seeds: [0, 1]'
run 0 res exp.yaml
expect res "SELECT group_concat(number) FROM (SELECT number FROM run WHERE seed >= 0 ORDER BY number)" 5,6
run 0 res exp.yaml
expect res "SELECT count(*) FROM run" 6
does 0 'old: 2/2 done' watch old --once
does 0 'old/0006' ls

step "export says the same as the sqlite3 shell"
for table in batch_loss epoch run_summary; do
    does 0 rows export old --table $table -o rows.csv
    sqlite3 -csv -header -cmd '.separator , "\n"' res/pixsweep.db "SELECT * FROM $table" >shell.csv
    [ "$(wc -l <rows.csv)" -eq "$(wc -l <shell.csv)" ] || fail "$table: $(wc -l <rows.csv) lines"
    [ "$(head -1 rows.csv)" = "$(head -1 shell.csv)" ] || fail "$table: $(head -1 rows.csv)"
done
"$PIXSWEEP" export old --results res --table imported --format json >rows.json
[ "$(sqlite3 :memory: "SELECT count(*), max(value ->> 'last_line') FROM json_each(readfile('rows.json'))")" = '4|48' ] ||
    fail "rows.json"
"$PIXSWEEP" export old --results res --table batch_loss --format json >rows.json
same=$(sql res "SELECT count(*) FROM json_each(readfile('rows.json')) j JOIN batch_loss b ON b.run_id = value ->> 'run_id' AND
    b.step = value ->> 'step' WHERE b.loss_G IS value ->> 'loss_G' AND b.lr_G IS value ->> 'lr_G'")
[ "$same" = "$(sql res 'SELECT count(*) FROM batch_loss')" ] || fail "$same batch rows are as they were"
"$PIXSWEEP" export old --results res --table epoch --format jsonl | while read -r line; do
    [ "$(sqlite3 :memory: "SELECT json_valid('$line')")" = 1 ] || fail "$line"
done
does 2 'there are: v_not_needed, v_progress' export old --table losses
does 2 'csv, json or jsonl' export old --format table
does 2 'nowhere/rows.csv' export old -o nowhere/rows.csv
[ -z "$(find . -name '*.tmp.*')" ] || fail "left a temporary file"

step "rm takes them away, and they can be ingested anew"
does 0 'removed old/0001-one-s-1' rm old/0001-one-s-1 --yes
does 0 '1 run into sweep old, 3 there already' import lab old --lambda 5
expect res "SELECT max(loss_pixel) FROM batch_loss JOIN run USING (run_id) WHERE number = 7" 0.3
expect res "SELECT count(*) FROM pragma_foreign_key_check" 0

step "logs of other trainers, and one in UTF-16"
mkdir -p gan cycle utf16
for e in 0 1; do
    for b in 0 1 2; do
        printf '\r[Epoch %d/2] [Batch %d/3] [D loss: 0.250000] [G loss: 30.900000, pixel: 0.300000, adv: 0.900000] ETA: 0:00:01.5' $e $b
    done
done >gan/train_loss.txt
does 2 'say --lambda 100' import lab gan
does 0 '1 run into sweep gan' import lab gan --lambda 100
expect res "SELECT count(*), max(abs(loss_pixel - 0.3)) < 1e-6, max(loss_GAN) FROM batch_loss JOIN run USING (run_id) WHERE name LIKE 'gan/%'" '6|1|0.9'
{
    echo '================ Training Loss (Tue Mar  1 12:00:00 2022) ================'
    for e in 1 2; do
        for i in 100 200; do
            echo "(epoch: $e, iters: $i, time: 0.1, data: 0.2) G_GAN: 0.9 G_L1: 30.0 D_real: 0.6 D_fake: 0.2 "
        done
    done
} >cycle/loss_log.txt
does 0 '1 run into sweep cycle' import lab cycle
expect res "SELECT count(*), max(loss_pixel), max(loss_D) FROM batch_loss JOIN run USING (run_id) WHERE name LIKE 'cycle/%'" '4|0.3|0.4'
iconv -f UTF-8 -t UTF-16 gan/train_loss.txt >utf16/train_loss.txt
does 1 'train_loss.txt is UTF-16' import lab utf16

step "killed in the middle: whole runs or none"
train big/log 300 400 0.5
for delay in 0.15 0.3 0.45; do
    "$PIXSWEEP" import lab big --results half >/dev/null 2>kill.err &
    pid=$!
    sleep $delay
    kill -KILL $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
    [ ! -e half/pixsweep.db ] || [ "$(sqlite3 half/pixsweep.db 'SELECT count(*) FROM run' 2>/dev/null)" = '' ] ||
        case $(sqlite3 half/pixsweep.db "SELECT (SELECT count(*) FROM run) || ' ' || (SELECT count(*) FROM batch_loss) || ' ' || (SELECT count(*) FROM epoch)") in
        '0 0 0' | '1 120000 300') ;;
        *) fail "half a run" ;;
        esac
done
"$PIXSWEEP" import lab big --results half >/dev/null || fail "import after kills"
expect half "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM batch_loss)" '1|120000'
echo passed
