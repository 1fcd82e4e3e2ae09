#!/usr/bin/env bash
# What goes wrong: before anything starts (exit 2, nothing made), or in one run of several (recorded, the rest goes on).
. "$(dirname "$0")/lib.sh"

make_data data 16 4
nothing_made() { [ ! -e res/pixsweep.db ] || fail "something was started"; }

step "a diverging run is recorded with its step and not repeated; the others go on"
experiment exp.yaml div 'n_epochs: 2' 'sweep:' '  grid: {lambda_pixel: [1e39, 10]}'
run 1 div exp.yaml
sound div
expect div "SELECT group_concat(state) FROM (SELECT state FROM run ORDER BY number)" diverged,completed
expect div "SELECT count(*) FROM attempt WHERE outcome = 'diverged' AND exit_code = 3 AND message LIKE '%step%'" 1
expect div "SELECT count(*) FROM batch_loss JOIN run USING (run_id) WHERE number = 2" 4
says run.err 'diverged'
run 1 div exp.yaml
expect div "SELECT count(*) FROM attempt" 2
says run.out 'diverged'

step "files that cannot be read are named, all of them, before anything starts"
experiment exp.yaml bad 'n_epochs: 2'
cp -r data good
set -- data/train/*.png
head -c 100 "$1" >torn && mv torn "$1"
echo hello >"$2"
run 2 res exp.yaml
says run.err "$(basename "$1")"
says run.err "$(basename "$2")"
nothing_made
rm -r data && mv good data

step "mistakes in the file and on the command line"
experiment exp.yaml bad 'n_epochs: 2' 'learning_rte_G: 1e-4'
run 2 res exp.yaml
says run.err 'exp.yaml:9:1'
says run.err 'learning_rate_G'
experiment exp.yaml bad 'n_epochs: 2'
for set in n_epochs=many run.resume_every=soon run.order=sorted run.max_failures=-1 run.timeout=90% "run.on_done=''"; do
    run 2 res exp.yaml --set "$set"
    key=${set%%=*}
    says run.err "${key#run.}"
done
run 2 res exp.yaml --kernels quantum
says run.err quantum
run 2 res missing.yaml
says run.err missing.yaml
nothing_made

step "data that changed since planning"
run 0 res exp.yaml
cp data/train/"$(ls data/train | head -n 1)" data/train/zz.png
run 2 res exp.yaml
says run.err 'changed since run bad/0001-base-s0 was planned'
says run.err "$(sql res "SELECT value FROM environment WHERE key = 'data_hash'")"
expect res "SELECT count(*) FROM attempt" 1

step "a folder in the way, a worker started by hand"
rm data/train/zz.png res/pixsweep.db
run 2 res exp.yaml --set lambda_pixel=33
says run.err 'move that folder away'
code=0
"$PIXSWEEP" worker >worker.out 2>worker.err || code=$?
[ $code -eq 2 ] || fail "worker by hand ended with $code"

step "an older database put back: what it lacks is taken from the folders"
experiment exp.yaml old 'n_epochs: 2'
run 0 old exp.yaml
records=$(sha256sum <old/old/0001-base-s0/records.bin)
batches=$(sql old "SELECT count(*) FROM batch_loss")
sqlite3 -batch old/pixsweep.db "DELETE FROM environment; DELETE FROM attempt; DELETE FROM batch_loss; UPDATE run SET state = 'queued'"
run 0 old exp.yaml
says run.err 'that the database lacked: taken in'
[ "$records" = "$(sha256sum <old/old/0001-base-s0/records.bin)" ] || fail "the records were touched"
expect old "SELECT state FROM run" completed
expect old "SELECT count(*) FROM batch_loss" "$batches"
