#!/usr/bin/env bash
# Runs of two machines, merged: a configuration is what config_hash says, with data and first weights by content.
. "$(dirname "$0")/lib.sh"

ask() { "$PIXSWEEP" "$@" >ask.out 2>ask.err || fail "$* ended with $?"; }
says_not() { ! grep -q -- "$2" "$1" || fail "$1 says \"$2\": $(cat "$1")"; }
settings=('n_epochs: 2' 'sample_interval: 0' 'checkpoint_interval: 0' 'lr_policy_G: constant')
# sweep FILE SEEDS [LINE...]
sweep() {
    local file=$1 seeds=$2
    shift 2
    experiment "$file" mm "${settings[@]}" "$@" "sweep: {grid: {lambda_pixel: [10, 100]}, seeds: $seeds}"
}

step "the same pictures under another path are one data set: n = 4, one comparison"
mkdir lab home
make_data lab/data 16 6
cp -r lab/data home/data
mv home/data home/pairs
sweep lab/mm.yaml '[0, 1]'
sweep home/mm.yaml '[2, 3]'
sed -i 's/^dataset: data$/dataset: pairs/' home/mm.yaml
run 0 lab/res lab/mm.yaml
run 0 home/res home/mm.yaml
ask merge home/res --results lab/res
ask compare mm --results lab/res
says ask.out "mm: 8 runs in 2 groups"
says ask.out "n = 4"
says_not ask.out "Holm"
says_not ask.out "dataset"
says_not ask.out "pairs)"
cp ask.out default.out
ask compare mm --by lambda_pixel --results lab/res
cmp -s ask.out default.out || fail "--by lambda_pixel has another answer: $(cat ask.out)"
expect lab/res "SELECT group_concat(n) FROM v_schedule" 4,4
ask diff 1 5 --results lab/res
says ask.out "dataset: the same pictures under both paths"
ask plot mm --results lab/res -o same.png
says ask.out "same.png: 2 configurations, 8 runs"
ask report mm --results lab/res -o same.html
says same.html "8 runs in 2 configurations with 4 seeds"

step "other pictures under the same path are other configurations, and a line says so"
mv lab/data first
"$PIXSWEEP" data glyphs --source DejaVuSerif.ttf --target DejaVuSans.ttf --chars ascii --size 32 --train 16 --val 6 \
    --out lab/data >/dev/null 2>glyphs.err || fail "data glyphs"
sweep lab/mm.yaml '[4, 5]'
run 0 other lab/mm.yaml
ask merge other --results lab/res
ask compare mm --results lab/res
says ask.out "mm: 12 runs in 4 groups"
says ask.out "dataset $WORK/lab/data did not hold the same pictures for all runs (sha256 .* in 4 runs, .* in 4 runs)" # those of this path; as many lie under the other one
sed -n '/^ 1 /,/^ 4 /p' ask.out >rows.out
[ "$(wc -l <rows.out)" = 4 ] && [ "$(grep -cE ' data \([0-9a-f]{8}\) ' rows.out)" = 4 ] || fail "$(cat ask.out)"
ask compare mm --by lambda_pixel --results lab/res
says ask.out "makes 4 groups in place of 2, since runs with other pictures (dataset) are never pooled"
ask compare mm --by lambda_pixel --format csv --results lab/res
means=$(sql lab/res "SELECT group_concat(printf('%.9f', mean_best_val_loss)) FROM (SELECT * FROM v_schedule ORDER BY 6)")
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } NR > 1 { printf "%s%.9f", (NR > 2 ? "," : ""), $at["best_val_loss_mean"] }' \
    ask.out >means.out
[ "$(cat means.out)" = "$means" ] || fail "$(cat means.out) is not v_schedule's $means"
ask diff 1 9 --results lab/res
says ask.out "dataset: other pictures under the same path"
ask plot mm --results lab/res -o other.svg
says ask.out "other.svg: 4 configurations, 12 runs"
says ask.out "dataset $WORK/lab/data did not hold the same pictures"
ask report mm --results lab/res -o other.html
says other.html "did not hold the same pictures for all runs"

step "the merged sweep goes on with either content, and not with a third"
sweep lab/mm.yaml '[4, 5, 6]'
run 0 lab/res lab/mm.yaml
expect lab/res "SELECT count(*) || ',' || sum(state = 'completed') FROM run WHERE sweep_id = 1" 14,14
mv lab/data second
mv first lab/data
sweep lab/mm.yaml '[0, 1]'
"$PIXSWEEP" plan lab/mm.yaml --results lab/res >plan.out 2>&1 || fail "plan: $(cat plan.out)"
says plan.out "10 runs of mm in the database are no longer in the file"
mv lab/data first
make_data lab/data 12 6
if "$PIXSWEEP" plan lab/mm.yaml --results lab/res >plan.out 2>&1; then fail "a third content is taken: $(cat plan.out)"; fi
says plan.out "its content changed since run mm/"
rm -r lab/data
mv second lab/data

step "runs from old logs join no others, even where the path is given"
mkdir -p old
for b in 0 1; do
    echo "[Epoch: 0] [Dloss: 0.2] [loss_pixel: 1.0] [loss_GAN: 0.7] [loss_real: 0.2] [loss_fake: 0.2] [Batch: $b/2] "
done >old/train_loss.txt
printf '%s\n' '[avg_loss: 1.8] ' >old/loss_time.txt
ask import lab old --sweep mm --set lambda_pixel=10 --set "dataset=$WORK/lab/data" --results lab/res
for by in '' '--by lambda_pixel'; do
    ask compare mm --results lab/res --format json $by
    grep -v '"imported":0,' ask.out | grep '"imported":' >old.out || true
    [ "$(wc -l <old.out)" = 1 ] || fail "$by: old logs are in $(wc -l <old.out) groups: $(cat ask.out)"
    says old.out '"n":1,'
    says old.out '"imported":1,'
done

step "first weights go by content, too"
cp -r "$(dirname "$(find lab/res -name generator_min.safetensors | head -n 1)")" weights
experiment from.yaml from "${settings[@]}" 'init_from: weights/generator_min.safetensors' 'sweep: {seeds: [0]}'
sed -i 's|^dataset: data|dataset: first|' from.yaml
run 0 one from.yaml
cp -r weights copy
sed -i 's|weights/|copy/|; s/\[0\]/[1]/' from.yaml
run 0 one from.yaml
ask compare from --results one
says ask.out "from: 2 runs in 1 group,"
says_not ask.out "init_from"
cp "$(find lab/res -name generator_min.safetensors | tail -n 1)" copy/
sed -i 's/\[1\]/[2]/' from.yaml
run 0 two from.yaml
ask merge two --results one
run 0 one from.yaml
ask compare from --results one
says ask.out "2 runs of configurations that the experiment file does not ask for are left out" # other weights
ask compare from --results one --where true
says ask.out "from: 3 runs in 2 groups,"
says ask.out "init_from $WORK/copy/generator_min.safetensors did not hold the same first weights"
