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

step "several values, seeds, files and names as people type them"
experiment own.yaml own 'n_epochs: 1'
does() { # CODE TEXT ARGS...
    local expected=$1 text=$2 code=0
    shift 2
    "$PIXSWEEP" "$@" >does.out 2>&1 || code=$?
    [ "$code" -eq "$expected" ] || fail "$* ended with $code, not $expected: $(cat does.out)"
    says does.out "$text"
}
does 0 'own: 6 runs (6 new)' plan own.yaml lrgd=5,10 --seeds 3
does 0 'own: 2 runs (2 new)' plan own seed=4,7
does 0 'own: 4 runs (4 new)' plan own.yaml 'lrgd=[5,10]' seeds=2
does 0 'own: 1 run (1 new)' plan own lr_policy_G=multistep milestones=5,9 gamma=0.5
does 2 "FILE first, then settings as KEY=VALUE" plan own.yaml lrgd
does 2 'here it is learning_rate_G and learning_rate_D' plan own.yaml lr=1e-4,2e-4
does 2 'here it is n_epochs' plan own.yaml --epochs 5
does 2 'pixsweep trains on the CPU' run own.yaml --device cuda
cp -r data other && rm "$(find other/train -name '*.png' | head -n 1)"
does 0 'own: 4 runs (4 new)' plan own.yaml dataset=data,other flip=true,false
says does.out ' false '
mkdir data,other # a path that is there is one value
does 2 'data,other has no train/ folder' plan own.yaml dataset=data,other
rm -r other data,other
does 2 "to try each: --set 'sweep.grid.lrgd=\[5, 10\]'" plan own.yaml --set lrgd=5,10
does 2 'there is no experiment file owl, nor owl.yaml' run owl
mkdir experiments && cp own.yaml experiments/ && sed -i 's/^name: own/name: two/' own.yaml
does 2 'own could be own.yaml or experiments/own.yaml' run own
rm own.yaml && sed -i 's|dataset: data|dataset: ../data|' experiments/own.yaml
does 0 'own: 2 of 2 runs completed' run own --seeds 2 --results res
for name in own own/ ow own.yaml experiments/own.yaml res/own res/own/ "$PWD/res/own"; do
    does 0 'own/0001-base-s0' ls --results res --sweep "$name"
    does 0 'own' compare --results res "$name"
done
for name in 2 own/2 own/0002 res/own/0002-base-s1 res/own/0002-base-s1/config.yaml; do
    does 0 'own/0002-base-s1' show --results res "$name"
done
does 2 'res/own is a folder, and own.yaml is not beside it: .*perhaps pixsweep run experiments/own.yaml' run res/own --results res --seeds 2
says <(sql res "SELECT count(*) || ' runs' FROM run") '^2 runs'
(cd res && does 2 "perhaps pixsweep run $WORK/experiments/own.yaml" run own --results .)
does 2 'own is a sweep of 2 runs' show own.yaml --results res
(cd experiments && sed 's/^name: own/name: 1/' own.yaml >1.yaml)
does 0 '1: 1 of 1 runs completed' run 1 --results res
does 2 'say 1/ for the sweep' cancel 1 --results res
does 0 '0 runs cancelled, 1 over already' cancel 1/ --results res
does 0 '0 runs cancelled, 1 over already' cancel 1.yaml --results res
does 0 '0 runs cancelled, 1 over already' cancel res/1 --results res
rm -r res experiments

step "an experiment is a regular file; a data set that is not there is shown with its line"
experiment own.yaml own 'n_epochs: 1'
mkfifo pipe
does 2 'save it to one' plan pipe
does 2 'save it to one' plan /dev/stdin </dev/null
cat own.yaml | does 2 'save it to one' run /dev/stdin
printf 'extends: pipe\n' >ext.yaml
does 2 'ext.yaml:1:10: extends takes a file' plan ext.yaml
does 2 'pixsweep: --set dataset=nowhere: no dataset at' plan own.yaml --set dataset=nowhere
sed -i 's/^dataset: data/dataset: nowhere/' own.yaml
printf 'extends: own.yaml\nname: ext\n' >ext.yaml
does 2 'own.yaml:2:1: no dataset at' plan ext.yaml
says does.out '^    dataset: nowhere'
nothing_made

step "paths that are not UTF-8 are refused before anything is written"
bad=$(printf 'caf\351')
mkdir "$bad" && cp -r data "$bad/data" && experiment "$bad/exp.yaml" exp 'n_epochs: 1'
(cd "$bad" && does 2 'caf\\xe9/data' plan exp.yaml; does 2 'caf\\xe9/data' run exp.yaml; does 2 'no database' ls; [ ! -e results ])
experiment own.yaml own 'n_epochs: 1'
does 2 'caf\\xe9' run own.yaml --results "$bad/results"
does 2 'caf\\xe9' run own.yaml --db "$bad/x.db"
does 2 'caf\\xe9' run own.yaml --set "dataset=$bad/data"
[ ! -e "$bad/results" ] && [ ! -e "$bad/x.db" ] || fail "something was written"
rm -r "$bad" ext.yaml pipe

step "paths that are too long, or have a line break in them"
long=$(printf 'd%.0s' $(seq 200))
for i in 1 2 3 4 5; do long=$long/$long; done
does 2 'too long' plan "$long/own.yaml"
does 2 'too long' plan own.yaml --results "$long"
does 2 'too long' plan own.yaml --set "dataset=$long"
folder=$(printf 'two\nlines')
mkdir "$folder" && cp -r data own.yaml "$folder"
(cd "$folder" && does 0 'own: 1 of 1 runs completed' run own && does 0 'own/0001-base-s0' show results/own/0001-base-s0)
rm -r "$folder" own.yaml

step "data that changed since planning"
run 0 res exp.yaml
cp data/train/"$(ls data/train | head -n 1)" data/train/zz.png
run 2 res exp.yaml
says run.err 'changed since run bad/0001-base-s0 was planned'
says run.err "$(sql res "SELECT value FROM environment WHERE key = 'data_hash'")"
expect res "SELECT count(*) FROM attempt" 1

step "a folder in the way, a worker started by hand"
rm data/train/zz.png res/pixsweep.db
echo 'lambda_pixel: 33' >>exp.yaml
run 2 res exp.yaml
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
says run.err 'that the database lacked: ingested'
[ "$records" = "$(sha256sum <old/old/0001-base-s0/records.bin)" ] || fail "the records were touched"
expect old "SELECT state FROM run" completed
expect old "SELECT count(*) FROM batch_loss" "$batches"
run 0 old exp.yaml --db "$WORK/beside.db"
says run.err 'old: 1 run is whole in its folder, and only recorded here'
says run.err 'old: 1 run, nothing to train'
