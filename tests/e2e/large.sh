#!/usr/bin/env bash
# Data that all jobs share: one file of pixels, the same bits as in memory, removable at any time.
. "$(dirname "$0")/lib.sh"
make_data data 36 4
# As 256 pixels, and enlarged by as many, these small pairs are 72 MB.
experiment exp.yaml large 'jitter: 256' 'n_epochs: 1' 'sweep:' '  seeds: 2'
sed -i 's/img_height: 32/img_height: 256/; s/img_width: 32/img_width: 256/; s/batch_size: 8/batch_size: 12/' exp.yaml

losses() { sql "$1" 'SELECT b.run_id, b.step, b.loss_G, b.loss_D FROM batch_loss b ORDER BY 1, 2'; }
hashes() { grep -h data_hash res/*/*/job.json | sort -u; }
file_of() { find "$1/.cache" -name '*.pixels'; }

step "plan says place and size, and makes nothing"
"$PIXSWEEP" plan --results res exp.yaml >plan.out 2>plan.err || fail "plan"
says plan.out 'pictures: decoded once into a file of 72.4 MB that all jobs map, in .*/res/.cache (may be removed at any time)'
[ ! -e res ] || fail "plan made res/"

step "both runs map one file"
run 0 res exp.yaml --jobs 2
[ "$(file_of res | wc -l)" = 1 ] || fail "not one file: $(ls -a res/.cache)"
for log in res/large/*/worker.log; do says "$log" 'pictures: 72.4 MB in .*/res/.cache/256x256x3-.*.pixels, shared by all jobs'; done
[ -z "$(find res/.cache -name '*.tmp.*')" ] || fail "something was left behind"

step "in memory, where there can be no file, the losses are the same to the bit"
mkdir apart && touch apart/.cache
run 0 apart exp.yaml --jobs 2
says apart/large/0001-*/worker.log 'each job decodes the pictures into its own memory, since there can be no file for all'
[ "$(losses res)" = "$(losses apart)" ] || fail "other losses"
[ "$(hashes | wc -l)" = 1 ] || fail "data of other hashes: $(hashes)"

step "a plan with the file reads no picture, and sees the same data"
inode=$(stat -c %i "$(file_of res)")
run 0 res exp.yaml --set n_epochs=2 --set sweep.seeds=1
[ "$(stat -c %i "$(file_of res)")" = "$inode" ] || fail "the file was made anew"
[ "$(hashes | wc -l)" = 1 ] || fail "data of other hashes: $(hashes)"

step "removed, it is made anew; changed data are other data"
rm -r res/.cache
run 0 res exp.yaml --set n_epochs=2 --set sweep.seeds=1 --set flip=true
[ -n "$(file_of res)" ] || fail "it is not there"
[ "$(hashes | wc -l)" = 1 ] || fail "data of other hashes: $(hashes)"
cp "$(ls data/train/*.png | head -1)" data/train/zz.png
run 0 res exp.yaml --set sweep.seeds=1 --set name=more
[ "$(hashes | wc -l)" = 2 ] || fail "not two hashes: $(hashes)"
