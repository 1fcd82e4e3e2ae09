#!/usr/bin/env bash
# A published copy in place of the database, as a sweep on several machines has it: who reads, who is refused and in which words, and the way
# there and back without losing a row. The collector is a program of the tests and a process that sleeps.
. "$(dirname "$0")/lib.sh"
COLLECTOR=$(cd "$OLDPWD" && cd "$(dirname "$2")" && pwd)/$(basename "$2")

collector() { "$COLLECTOR" "$@" 2>collector.err || fail "store_collector $*"; }
refused() { # refused WORDS ARGS...: the store's own words
    local words=$1
    shift
    "$COLLECTOR" "$@" 2>collector.err && fail "store_collector $* did it"
    says collector.err "$words"
}
claim() { # of a collector on another machine
    mkdir -p res/.collector
    printf '%s\n' nonce=00000000000000000001 task= restart=0 host=elsewhere boot_id=another pid=1 pid_start=1 >res/.collector/.claim
}
begin_collector() { sleep 1000 & pid=$!; }
end_collector() { kill $pid; wait $pid 2>/dev/null || true; }
# Everything but the mark. run.dir differs where the databases stand in different folders.
dump() { sqlite3 -batch "file:$1?mode=ro" .dump | grep -v 'published'; }
beside() { (cd res && echo pixsweep.db*); }

make_data data 16 4
experiment exp.yaml first 'n_epochs: 2' 'sample_interval: 4' 'sweep:' '  seeds: 2'
experiment more.yaml second 'n_epochs: 1'
run 0 res exp.yaml
cp -r res whole
mkdir local

step "the database is handed over: a marked copy without -wal and -shm, with the same rows"
sqlite3 res/pixsweep.db .dump >before.sql
begin_collector
collector hand_over res/pixsweep.db local/own.db $pid
[ "$(beside)" = 'pixsweep.db pixsweep.db.lock' ] || fail "there are: $(beside)"
dump res/pixsweep.db | grep -v 'CREATE TABLE\|^  \|^)' >copy.sql
grep -v 'CREATE TABLE\|^  \|^)' before.sql | diff - copy.sql >&2 || fail "the copy holds something else"
[ "$(sqlite3 res/pixsweep.db 'PRAGMA journal_mode; PRAGMA integrity_check; SELECT count(*) FROM batch_loss')" = "$(printf 'delete\nok\n8')" ] ||
    fail "a plain sqlite3 reads something else"
[ "$(beside)" = 'pixsweep.db pixsweep.db.lock' ] || fail "a plain sqlite3 left: $(beside)"

step "commands that read work, without files of their own, and say how old the copy is after two minutes"
readers=(ls "show 1" "compare first" "sql 'SELECT count(*) FROM run'" "plan exp.yaml" "watch first" "watch --once" "report -o report.html"
    "plot first -o plot.png")
for command in "${readers[@]}"; do
    eval does 0 "''" "$command"
    [ ! -s words.err ] || fail "$command said: $(cat words.err)"
done
does 0 'copied to backup.db' backup backup.db
[ "$(sqlite3 backup.db 'PRAGMA application_id')" = $((0x70787377)) ] || fail "the backup is marked"
chmod u+w res/pixsweep.db
sqlite3 res/pixsweep.db 'UPDATE published SET at_ms = at_ms - 600000'
for command in "${readers[@]}"; do # all is done: what would be new?
    eval does 0 "''" "$command"
    [ ! -s words.err ] || fail "$command said: $(cat words.err)"
done
cp res/pixsweep.db done.db
sqlite3 res/pixsweep.db "UPDATE run SET state = 'interrupted' WHERE number = 2"
unset 'readers[5]' # watch first: it fails where a run is not completed
for command in "${readers[@]}"; do
    eval does 0 "''" "$command"
    says words.err "res/pixsweep.db is a copy of .*[0-9][0-9]:[0-9][0-9], 10 m .* old; process $pid on [^ ]* collects$"
    [ "$(wc -l <words.err)" = 1 ] || fail "$command said: $(cat words.err)"
done
[ "$(beside)" = 'pixsweep.db pixsweep.db.lock' ] || fail "reading left: $(beside)"

mv done.db res/pixsweep.db

step "commands that write are refused while the collector lives: who it is, and where they can be given"
cp res/pixsweep.db copy.db
words="is a copy that process $pid on .* publishes from $WORK/local/own.db .*: give the command with --db $WORK/local/own.db, or once that process has ended"
mkdir lab
printf '[Epoch: 0] [Dloss: 0.2500] [loss_pixel: 1.5000] [loss_GAN: 0.5000] [Batch: 0/1] \n' >lab/train_loss.txt
echo '[avg_loss: 2.0000] ' >lab/loss_time.txt
for command in 'run more.yaml' 'run exp.yaml'; do # --db is no help there: the sweep was likely handed to jobs
    does 2 "is a copy that process $pid on .* publishes from $WORK/local/own.db: with .--on ....* the same command goes on beside it" $command
done
for command in 'retry first' 'cancel first' 'rm first --yes' 'merge whole' reap compact 'import lab lab'; do
    does 2 "$words" $command
done
cmp res/pixsweep.db copy.db || fail "something was written"
[ ! -e res/second ] || fail "something was made"
refused "process $pid on .* publishes" take_over res/pixsweep.db local/other.db

step "watch: runs on other machines with their names, the jobs as the collector last wrote them, again at each look"
cp res/pixsweep.db quiet.db
sqlite3 res/pixsweep.db "UPDATE published SET at_ms = 1000 * strftime('%s', 'now'); UPDATE run SET state = 'running' WHERE number = 1;
    UPDATE run SET state = 'queued' WHERE number = 2;
    UPDATE attempt SET ended_ms = NULL, host = 'n17', heartbeat_ms = 1000 * strftime('%s', 'now') WHERE run_id = 1"
does 0 '^0001-base-s0  n17  epochs .*2/2 ' watch --once
says words.out '^first: 0/2 done, 1 running, 1 queued '
[ "$(wc -l <words.both)" = 2 ] || fail "watch says more: $(cat words.both)"
mkdir -p res/.collector
jobs_say() { printf 'firs\t%s\twrong\nfirst\t%s\t%s\nfirst2\t%s\twrong\n' "$1" "$1" "$2" "$1" >res/.collector/jobs; }
now() { echo $(($(date +%s) * 1000)); }
jobs_say "$(now)" '1 job at work on 1 node, 3 pending (Priority)'
does 0 '^1 job at work on 1 node, 3 pending (Priority)$' watch --once
jobs_say "$(now)" '!3 jobs never start (BadConstraints: x)'
does 0 '^3 jobs never start (BadConstraints: x)$' watch --once
jobs_say 1000000000000 '1 job at work on 1 node'
does 0 '^at 2001-09-0.*: 1 job at work on 1 node$' watch --once
printf 'first\nfirst\t\nfirst\tx\ty\n' >res/.collector/jobs
does 0 '^first: 0/2 done' watch --once
# A job here that has just ended: the collector tells at its next look, and nobody is to reap.
ended() { # COLLECTOR'S PID
    sqlite3 res/pixsweep.db "UPDATE attempt SET host = (SELECT host FROM published), boot_id = (SELECT boot_id FROM published), pid = 999999999 WHERE run_id = 1;
        UPDATE published SET pid = $1, host = '$(uname -n)', boot_id = '$(cat /proc/sys/kernel/random/boot_id)'"
}
ended $pid
does 0 '^first: 0/2 done, 1 running' watch --once
does 0 'running' ls
! grep -q 'stale\|reap' words.both || fail "ls calls it stale: $(cat words.both)"
ended 999999999
does 0 '^stale: no process works on it any more; the same .pixsweep run FILE --on ....* ingests it' watch --once
does 0 '^1 run is stale: no process works on it any more; the same .pixsweep run FILE --on ....* ingests what it left' ls
ended $pid
sqlite3 res/pixsweep.db "UPDATE attempt SET heartbeat_ms = heartbeat_ms - 1000000, started_ms = 0 WHERE run_id = 1"
does 0 '^stale: not heard of for five minutes; the next job goes on with it' watch --once
does 0 '^1 run is stale: not heard of for five minutes; the next job goes on with it' ls
sqlite3 res/pixsweep.db "UPDATE attempt SET ended_ms = 1; UPDATE run SET state = 'interrupted' WHERE number = 1"
jobs_say "$(now)" '2 jobs pending (Priority)'
does 0 '^2 jobs pending' watch --once
[ "$(wc -l <words.both)" = 2 ] || fail "watch says more: $(cat words.both)"
jobs_say "$(now)" 'no jobs'
does 0 '^no job works on it now: the same .pixsweep run FILE --on ....* starts what is missing' watch --once
# One that looks on sees the copy that is put in its place, and does not end while jobs live.
sqlite3 res/pixsweep.db "UPDATE run SET state = 'completed' WHERE number = 2"
jobs_say "$(now)" '1 job pending (BeginTime)'
"$PIXSWEEP" watch first --results res >watch.out 2>watch.err & watcher=$!
sleep 4 # longer than it waits for something to move
kill -0 $watcher || fail "watch has ended although a job lives: $(cat watch.out watch.err)"
cp quiet.db next.db
chmod u+w next.db
sqlite3 next.db "UPDATE published SET at_ms = 1000 * strftime('%s', 'now')"
mv next.db res/pixsweep.db
jobs_say "$(now)" 'no jobs'
wait $watcher || fail "watch ended with $?: $(cat watch.out watch.err)"
says watch.out '^first: 2 of 2 runs completed$'
jobs_say 1000000000000 '4 jobs at work on 2 nodes'
does 0 '^first: 2/2 done' watch --once
[ "$(wc -l <words.both)" = 1 ] || fail "watch says more: $(cat words.both)"
rm -r res/.collector
mv quiet.db res/pixsweep.db

step "a collector that has ended is told at once, one on another machine by its claim"
end_collector
cp res/pixsweep.db copy.db
sqlite3 res/pixsweep.db "UPDATE published SET at_ms = 1000 * strftime('%s', 'now'); UPDATE run SET state = 'interrupted' WHERE number = 2"
for command in "${readers[@]}"; do
    eval does 0 "''" "$command"
    says words.err "process $pid on .*, which collected, has ended: the same .pixsweep run FILE --on ....* goes on collecting"
done
sqlite3 res/pixsweep.db "UPDATE published SET host = 'elsewhere'"
does 0 'has ended' ls
claim
does 0 '' ls
[ ! -s words.err ] || fail "ls said: $(cat words.err)"
rm -r res/.collector
mv copy.db res/pixsweep.db

step "the collector's database and its copies: runs are found from both, also while it is written"
collector take_over res/pixsweep.db local/own.db
[ "$(sqlite3 local/own.db "SELECT dir LIKE '$WORK/res/first/%' FROM run WHERE number = 1")" = 1 ] || fail "no absolute folder in the collector's database"
sleep 1000 & pid=$!
"$PIXSWEEP" run more.yaml --results res --db local/own.db >run.out 2>run.err & runner=$!
while kill -0 $runner 2>/dev/null; do
    collector publish local/own.db res/pixsweep.db $pid
    [ "$(sqlite3 res/pixsweep.db 'PRAGMA integrity_check; SELECT count(*) >= 8 FROM batch_loss')" = "$(printf 'ok\n1')" ] || fail "half a copy"
done
wait $runner || fail "the run beside the publisher ended with $?"
collector publish local/own.db res/pixsweep.db $pid
expect res "SELECT group_concat(dir) FROM (SELECT dir FROM run ORDER BY name)" "$(cd res && echo first/0001* first/0002* second/0001* | tr ' ' ,)"
does 0 second/0001 show second

step "the claim of a collector that has published nothing yet is respected"
end_collector
claim
does 2 'is claimed by process 1 on elsewhere' merge whole
touch -d '1 hour ago' res/.collector/.claim

step "an experiment file that is wrong changes nothing"
cp res/pixsweep.db copy.db
sed 's/n_epochs/n_epohcs/' more.yaml >typo.yaml
does 2 'did you mean n_epochs' run typo.yaml
cmp res/pixsweep.db copy.db || fail "it was taken over"

step "run takes over by itself from a collector that has ended, says so, and goes on"
experiment more.yaml second 'n_epochs: 1' 'sweep:' '  seeds: 2'
run 0 res more.yaml
says run.err "was a copy, .* old, that process $pid on .* published; it has ended, and the copy is a database of its own again"
sound res
expect res "SELECT count(*) FROM run WHERE state = 'completed'" 4
[ "$(sqlite3 res/pixsweep.db 'PRAGMA application_id; PRAGMA journal_mode')" = "$(printf "$((0x70787377))\nwal")" ] || fail "it is still marked"
[ ! -e res/.collector/.claim ] || fail "the claim was not given back"

step "every other command that writes does so in the place of one that has ended: its database goes on, and there is a new copy; two sweeps survive it"
rm local/own.db*
begin_collector
collector hand_over res/pixsweep.db local/own.db $pid
end_collector
does 0 '0 open attempts' reap
says words.err "is a copy, .* old, that process $pid on .* published; it has ended: this goes into $WORK/local/own.db, and into a new copy"
[ ! -e res/.collector/.claim ] || fail "the claim was not given back"
does 0 'first: 0 runs to try again' retry first
expect res "SELECT count(*) FROM run WHERE state = 'completed'" 4
does 0 'removed second: 2 runs' rm second --yes
[ "$(sqlite3 res/pixsweep.db 'PRAGMA application_id')" = $((0x70787370)) ] || fail "it is no copy any more"
[ "$(sqlite3 local/own.db 'SELECT count(*) FROM sweep')" = 1 ] || fail "the collector's database has not lost it"
same_rows whole res
files_as_listed res

step "rows in the write-ahead log of a killed run are handed over"
run 0 res more.yaml
"$PIXSWEEP" run more.yaml 'sweep.seeds=4' 'n_epochs=4000' --results res >run.out 2>run.err & runner=$!
soon res "SELECT count(*) > 100 FROM batch_loss" 1
refused 'at work and recorded in' hand_over res/pixsweep.db local/own.db $$
soon res "SELECT count(*) > 300 FROM batch_loss" 1
kill -KILL $runner
wait $runner 2>/dev/null || true
for lock in res/second/*/.worker.lock; do flock "$lock" true; done # its workers write resume points and end
rows=$("$PIXSWEEP" sql "SELECT count(*) AS n FROM batch_loss" --format csv --results res | tail -n 1)
[ -s res/pixsweep.db-wal ] || fail "nothing in the log"
collector hand_over res/pixsweep.db local/own.db 999999999
expect res 'SELECT count(*) FROM batch_loss' "$rows"
rm local/own.db*
does 0 '' reap
says words.err 'into a new copy'
sound res
