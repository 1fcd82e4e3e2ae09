#!/usr/bin/env bash
# Looking on beside a sweep; what is left without anybody; signals that must not end a night.
. "$(dirname "$0")/lib.sh"

make_data data 16 4
experiment exp.yaml look 'n_epochs: 100000' 'sample_interval: 0' 'checkpoint_interval: 0' 'sweep:' '  seeds: 2'
experiment short.yaml short 'n_epochs: 80' 'sample_interval: 0' 'checkpoint_interval: 0' 'sweep:' '  seeds: 2'
under_way="SELECT count(*) > 10 FROM batch_loss"

gone() { # gone PID: becomes true within 20 s
    local i
    for i in $(seq 400); do
        grep -qs '^State:[[:space:]]*[RSDTtI]' "/proc/$1/status" || return 0
        sleep 0.05
    done
    fail "$1 is still there"
}

step "watch --once beside a running sweep changes nothing"
"$PIXSWEEP" run exp.yaml --results res --jobs 1 >run.out 2>run.err &
pid=$!
soon res "SELECT count(*) > 2 FROM epoch" 1
"$PIXSWEEP" watch --once --results res >once.out 2>once.err || fail "watch --once ended with $?"
says once.out '^0001-base-s0  epochs .*/100000  batches .*/2  G .*  D .*  val .*  lr 0.0001  .* img/s  ETA '
says once.out '^look: 0/2 done, 1 running, 1 queued  elapsed .*  ETA '
[ ! -s once.err ] || fail "watch --once says: $(cat once.err)"

step "eight watchers do no harm"
for i in 1 2 3 4 5 6 7 8; do
    for j in 1 2; do "$PIXSWEEP" watch look --once --results res >"once.$i" 2>&1 || echo "failed" >"once.failed"; done &
    watchers="${watchers-} $!"
done
for i in $watchers; do wait "$i"; done
[ ! -e once.failed ] || fail "a watcher failed: $(cat once.?)"
kill -0 $pid || fail "the supervisor is gone"
grep -q "warning" run.err && fail "the run minded: $(cat run.err)"

step "suspended and continued: nothing is stale"
kill -STOP $pid
sleep 1
"$PIXSWEEP" watch look --once --results res >once.out
grep -q stale once.out && fail "stale while suspended: $(cat once.out)"
kill -CONT $pid
before=$(sql res "SELECT count(*) FROM batch_loss")
soon res "SELECT count(*) > $before FROM batch_loss" 1

step "supervisor and worker killed: stale, and the next run ingests it"
worker=$(sql res "SELECT pid FROM attempt")
kill -KILL $pid "$worker"
wait $pid 2>/dev/null || true
gone "$worker"
"$PIXSWEEP" watch look --once --results res >once.out
says once.out '  stale$'
says once.out '^stale: no process works on it any more'
says once.out '^look: 0/2 done, 1 stale, 1 queued$'
"$PIXSWEEP" ls --results res >ls.out
says ls.out 'running (stale)'
says ls.out '^1 run is stale'
"$PIXSWEEP" show 1 --results res --format json >show.out
says show.out '"state": "running"'
says show.out '"stale": 1'
expect res "SELECT state FROM run WHERE run_id = 1" running
"$PIXSWEEP" plan exp.yaml --results res >plan.out 2>plan.err || fail "plan ended with $?"
says plan.out '^look: 2 runs (1 queued, 1 running (stale))$'
says plan.out 'running (stale)'
says plan.out '^to do: '
sqlite3 res/pixsweep.db "UPDATE run SET state = 'cancelled' WHERE run_id = 2" # `cancel` reaps
"$PIXSWEEP" plan exp.yaml --results res >plan.out 2>plan.err || fail "plan ended with $?"
says plan.out '^look: 2 runs (1 running (stale), 1 cancelled)$'
says plan.out '^to do: ' # the stale one alone is work, too
"$PIXSWEEP" run exp.yaml --results res --jobs 1 >run.out 2>run.err &
pid=$!
soon res "SELECT count(*) FROM attempt" 2
says run.err 'preflight: 1 shape, one batch of each'
says run.err 'look: 2 runs, 1 to do, '
kill -TERM $pid
wait $pid || true
"$PIXSWEEP" ls --results res >ls.out
grep -q stale ls.out && fail "still stale: $(cat ls.out)"
"$PIXSWEEP" watch look --once --results res >once.out
says once.out '^no process works on it now: `pixsweep run` goes on$'

step "SIGHUP: goes on, logging to a file"
env --default-signal=HUP "$PIXSWEEP" run short.yaml --results hup >run.out 2>run.err &
pid=$!
soon hup "$under_way" 1
kill -HUP $pid
kill -HUP "$(sql hup "SELECT pid FROM attempt ORDER BY attempt_id LIMIT 1")" 2>/dev/null || true # a worker does not mind, either
"$PIXSWEEP" watch short --results hup >watch.out 2>watch.err || fail "watch ended with $?"
says watch.out '^short: 2 of 2 runs completed$'
wait $pid || fail "run after SIGHUP ended with $?"
says hup/short/run.log 'the terminal was closed; going on'
says hup/short/run.log '^short/0002-base-s1: completed in'
says hup/short/run.log '^short: 2 of 2 runs completed'
expect hup "SELECT group_concat(outcome) FROM attempt" completed,completed

step "SIGUSR1: nobody stops"
"$PIXSWEEP" run short.yaml --results usr --jobs 2 >run.out 2>run.err &
pid=$!
soon usr "$under_way" 1
kill -USR1 $pid
wait $pid || fail "run after SIGUSR1 ended with $?"
says run.err 'to write a resume point and go on'
expect usr "SELECT group_concat(outcome) FROM attempt" completed,completed
same_rows hup usr

"$PIXSWEEP" run exp.yaml --results point --jobs 1 >run.out 2>run.err &
pid=$!
soon point "$under_way" 1
point=point/look/0001-base-s0/resume.safetensors # the next one by the clock is due in five minutes only
[ ! -e $point ] || fail "there is a resume point already"
kill -USR1 $pid
for i in $(seq 400); do [ -e $point ] && break; sleep 0.05; done
[ -e $point ] || fail "SIGUSR1 left no resume point"
kill -0 $pid || fail "SIGUSR1 ended the run"
kill -TERM $pid
wait $pid || true

step "a paused sweep is over for a watcher, in words"
sqlite3 -batch usr/pixsweep.db "UPDATE sweep SET state = 'paused'; UPDATE run SET state = 'queued' WHERE run_id = 2"
code=0
"$PIXSWEEP" watch --results usr >watch.out 2>watch.err || code=$?
[ $code -eq 1 ] || fail "watch of a paused sweep ended with $code, not 1"
says watch.out '^short: 1 of 2 runs completed, 1 queued$'
says watch.out '^paused: '
