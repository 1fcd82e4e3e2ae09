#!/usr/bin/env bash
# Commands that write where a collector lives: on its machine they go into its own database, on another one they are asked of it. The collector is a
# program of the tests, which looks like one of another machine where it is told so.
. "$(dirname "$0")/lib.sh"
ASKED=$(cd "$OLDPWD" && cd "$(dirname "$2")" && pwd)/$(basename "$2")

own() { sqlite3 -batch "file:$WORK/local/own.db?mode=ro" "$1"; }
copy_says() { # copy_says SQL VALUE: within 20 s
    for _ in $(seq 400); do [ "$(sqlite3 -batch "file:res/pixsweep.db?mode=ro" "$1" 2>/dev/null)" = "$2" ] && return; sleep 0.05; done
    fail "the copy never had: $1 = $2"
}
# begin_collector here|elsewhere [PROGRAM]
begin_collector() {
    "$ASKED" "$1" "$WORK/res" "$WORK/local/own.db" "${2:-$PIXSWEEP}" 2>collector.err & pid=$!
    copy_says 'SELECT pid FROM published' $pid
}
end_collector() { kill "$@" $pid; wait $pid 2>/dev/null || true; }
state_of() { own "SELECT state FROM run WHERE number = $1"; }
is() { [ "$2" = "$1" ] || fail "$2, not $1"; }

make_data data 16 4
experiment exp.yaml many 'n_epochs: 1' 'sweep:' '  seeds: 3'
mkdir local
run 0 res exp.yaml --db local/own.db
sqlite3 local/own.db "UPDATE run SET state = 'queued' WHERE number = 2"

step "on the collector's machine: its own database, said in one line, and the next copy has it"
begin_collector here
does 0 '1 run (1 queued) cancelled' cancel many/2
says words.err "res/pixsweep.db is a copy that process $pid publishes: this goes into its own database, $WORK/local/own.db, and into its next copy"
is 1 "$(wc -l <words.err)"
is cancelled "$(state_of 2)"
copy_says 'SELECT state FROM run WHERE number = 2' cancelled
does 0 '1 run (1 cancelled) queued again' retry many
copy_says 'SELECT state FROM run WHERE number = 2' queued
does 0 '' compact
does 0 '0 taken' merge res/many
does 0 '0 open attempts' reap
does 2 "is a copy that process $pid on .* publishes" run exp.yaml
end_collector
[ ! -e res/.collector/.claim ] || fail "the claim was not given back"

step "from another machine: the collector is asked, its words and its exit code are ours, and the next copy has it"
begin_collector elsewhere
does 0 '1 run (1 queued) cancelled' cancel many/2
says words.err "process $pid on elsewhere collects, and is asked to do it (Ctrl-C takes that back)"
is cancelled "$(state_of 2)"
copy_says 'SELECT state FROM run WHERE number = 2' cancelled
does 0 '1 run (1 cancelled) queued again' retry exp.yaml --cancelled --where 'seed = 1'
does 2 'no such column: nonsense' retry many --where nonsense
does 2 'there is no .*nothing' cancel nothing
does 0 'many/0002.*cancelled' cancel "$(echo res/many/0002-*)/config.yaml" # a path means the same there
does 0 '0 open attempts' reap
does 0 'before' compact
does 2 'needs --yes' rm many/3
does 0 'removed many/0003' rm many/3 --yes
[ ! -e res/many/0003-* ] || fail "the folder is there"
is 2 "$(own 'SELECT count(*) FROM run')"
is "" "$(ls res/.collector/wishes)"

step "what cannot be asked is refused: who collects, and where it can be given"
mkdir lab
printf '[Epoch: 0] [Dloss: 0.2500] [loss_pixel: 1.5000] [loss_GAN: 0.5000] [Batch: 0/1] \n' >lab/train_loss.txt
echo '[avg_loss: 2.0000] ' >lab/loss_time.txt
for command in 'merge res/many' 'import lab lab' 'run exp.yaml'; do does 2 "is a copy that process $pid on elsewhere publishes" $command; done

step "nobody looks at the wishes: Ctrl-C takes it back; a collector that dies is told"
kill -STOP $pid
"$PIXSWEEP" cancel many/1 --results res >words.out 2>words.err & asker=$!
for _ in $(seq 400); do ls res/.collector/wishes/*.wish >/dev/null 2>&1 && break; sleep 0.05; done
kill -TERM $asker
code=0
wait $asker || code=$?
is 130 $code
says words.err 'taken back; nothing was done'
is "" "$(ls res/.collector/wishes)"
"$PIXSWEEP" cancel many/1 --results res >words.out 2>words.err & asker=$!
until_there grep -q 'asked to do it' words.err
end_collector -KILL
touch -d '1 hour ago' res/.collector/.claim # its lease is over
wait $asker || fail "it was not done here: $(cat words.err)"
says words.err 'the process that collects has ended, and nothing was done, so it is done here'
says words.out 'cancelled'
is "" "$(ls res/.collector/wishes)"
own=$(sed -n "s/.*on elsewhere published; it has ended: this goes into \(.*\), and into a new copy$/\1/p" words.err)
[ -s "$own" ] || fail "said otherwise: $(cat words.err)"
is "$own $(uname -n)" "$(sqlite3 res/pixsweep.db 'SELECT db, host FROM published' | tr '|' ' ')"
rm "$own"* && rmdir --ignore-fail-on-non-empty "$(dirname "$own")"
does 0 '' ls

step "a collector that is killed while it carries a wish out: not known, and the next one answers as well"
cat >slow <<'SH'
#!/bin/sh
echo $$ >begun
exec sleep 1000
SH
chmod 755 slow
rm -f res/pixsweep.db*
begin_collector elsewhere "$WORK/slow"
"$PIXSWEEP" cancel many/1 --results res >words.out 2>words.err & asker=$!
for _ in $(seq 400); do [ -s begun ] && break; sleep 0.05; done
child=$(cat begun)
end_collector -KILL
kill $child
touch -d '1 hour ago' res/.collector/.claim
code=0
wait $asker || code=$?
is 1 $code
says words.err 'has ended while it did this: whether it is done is not known; look, and give the command again'
begin_collector elsewhere
[ -e res/.collector/wishes/*.answer ] && [ ! -e res/.collector/wishes/*.begun ] || fail "no answer for who may still wait"
does 0 'many/0001.*0 runs cancelled, 1 over already' cancel many/1
end_collector

step "run --on carries wishes out, and what is given on its own machine goes on"
mkdir state
cat >launcher <<'SH'
#!/bin/sh
case $1 in
submit) setsid "$2/job.sh" </dev/null >>"$2/log/job" 2>&1 & echo $! | tee "$WORK/state/job" ;;
alive) ! kill -0 "$(cat "$WORK/state/job")" 2>/dev/null || echo "$(cat "$WORK/state/job") running" ;;
cancel) kill -TERM "$2" 2>/dev/null || true ;;
*) exit 2 ;;
esac
SH
chmod 755 launcher
export WORK
rm -rf res local
experiment long.yaml long 'n_epochs: 60' 'sample_interval: 0' 'checkpoint_interval: 0' 'sweep: {seeds: 4}' \
    'run: {on: ./launcher, launcher: {cpus_per_task: 1, mem: none, tasks: 1, look_every: 1s, ask_every: 1s}}'
"$PIXSWEEP" run long.yaml --results res --db "$WORK/local/own.db" >run.out 2>run.err & pid=$!
copy_says 'SELECT count(*) FROM run' 4
does 0 '1 run (1 queued) cancelled' cancel long/4
says words.err "this goes into its own database, $WORK/local/own.db"
if unshare --uts true 2>/dev/null; then
    unshare --uts sh -c 'hostname elsewhere; exec "$0" cancel long/3 --results res' "$PIXSWEEP" >words.out 2>words.err || fail "asked from elsewhere"
    says words.err "process $pid on .* collects, and is asked to do it"
else
    does 0 '' cancel long/3
fi
says words.out '1 run (1 queued) cancelled'
[ -e res/long/cluster/0001/cancel/3 ] && [ -e res/long/cluster/0001/cancel/4 ] || fail "the job was not told"
copy_says "SELECT group_concat(number) FROM run WHERE state = 'cancelled'" 3,4
code=0
wait $pid || code=$?
is 1 $code
says run.out 'long: 2 of 4 runs completed, 2 cancelled'
expect res "SELECT count(*) FROM run WHERE state = 'completed'" 2

step "a collector that is gone and not known to be: the jobs are told at once, and the command is done here once that is certain"
if unshare --uts true 2>/dev/null; then
    rm -rf res local
    "$PIXSWEEP" run long.yaml --results res --db "$WORK/local/own.db" --set n_epochs=20000 >run.out 2>run.err & pid=$!
    copy_says "SELECT count(*) FROM attempt" 1
    kill -KILL $pid
    wait $pid 2>/dev/null || true
    unshare --uts sh -c 'hostname elsewhere; exec "$0" cancel long/1 --results res' "$PIXSWEEP" >words.out 2>words.err & asker=$!
    until_there [ -e res/long/cluster/0001/cancel/1 ]
    until_there grep -q 'long/1: its jobs are told already that it is cancelled' words.err
    says words.err "asked to do it (Ctrl-C takes that back); its last sign of life was [0-9.]* m\?s ago"
    says words.err "no answer for 10 s, and its last sign of life was .* ago: where it has ended, that is certain at .*[0-9]:[0-9][0-9], and this is done here then"
    is "$(echo res/long/cluster/0001/cancel/1)" "$(echo res/long/cluster/0001/cancel/*)"
    until_there grep -q cancelled "$(echo res/long/0001-*)/ends.txt"
    touch -d '1 hour ago' res/.collector/.claim
    wait $asker || fail "not done: $(cat words.err)"
    own=$(sed -n "s/.*published; it has ended: this goes into \(.*\), and into a new copy$/\1/p" words.err)
    expect res "SELECT state FROM run WHERE number = 1" cancelled
    does 0 '' cancel long
    rm "$own"* && rmdir --ignore-fail-on-non-empty "$(dirname "$own")"
fi
