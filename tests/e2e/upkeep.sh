#!/usr/bin/env bash
# retry, cancel, rm, backup, compact: what they change, what they say, and what they leave alone.
. "$(dirname "$0")/lib.sh"


make_data data 16 6
experiment exp.yaml up 'n_epochs: 2' 'sample_interval: 2' 'checkpoint_interval: 1' 'sweep:' \
    '  grid: {lrgd: [1, 2]}' '  seeds: [0, 1]'

step "nothing to work on is a mistake, and makes nothing"
for command in "retry up" "cancel up" "rm up --yes" compact "backup copy.db"; do
    does 2 'there is no database at' $command
done
[ ! -e res ] || fail "made a folder"

run 0 res exp.yaml
one=$(sql res "SELECT name FROM run WHERE number = 1")

step "retry: only what is over and not completed, one line, in words"
does 0 'up: 0 runs to try again' retry up
sqlite3 res/pixsweep.db "UPDATE run SET state = 'failed' WHERE number IN (1, 2); UPDATE run SET state = 'diverged' WHERE number = 3"
does 2 'no such column: lrx' retry up --where 'lrx > 1'
does 2 'there is: up' retry ub
does 0 'up: 1 run (1 failed) queued again' retry up --failed --where 'seed = 1'
expect res "SELECT group_concat(state) FROM (SELECT state FROM run ORDER BY number)" failed,queued,diverged,completed
does 0 'up: 2 runs (1 failed, 1 diverged) queued again' retry up
expect res "SELECT count(*) FROM retry" 3
expect res "SELECT count(*) FROM attempt" 4

step "cancel: queued runs are taken out; run leaves them; retry brings them back and run completes them"
does 0 'up: 3 runs (3 queued) cancelled, 1 over already' cancel up
does 0 'up: 0 runs cancelled, 4 over already' cancel up
run 1 res exp.yaml
expect res "SELECT count(*) FROM run WHERE state = 'cancelled'" 3
says run.out 'pixsweep retry'
does 0 "cancelled" cancel "$one"
does 2 'there is no run or sweep .*; the nearest is' cancel "${one}x"
does 0 '3 cancelled' retry up
run 0 res exp.yaml
sound res
expect res "SELECT count(*) FROM batch_loss" $((4 * 2 * 2))

step "backup: whole, and never over anything"
does 0 'copied to copy.db' backup copy.db
does 2 'exists already' backup copy.db
[ "$(sqlite3 copy.db 'PRAGMA integrity_check; SELECT count(*) FROM batch_loss')" = "$(printf 'ok\n16')" ] || fail "backup"

step "rm: asks, counts, removes a run with its files and nothing else"
dir=res/$one
[ -f "$dir/records.bin" ] || fail "no folder $dir"
echo mine >"$dir/notes.txt"
mkdir "$dir/images/more"
echo precious >precious.txt
rm "$dir/images/0.png"
ln -s "$PWD/precious.txt" "$dir/images/0.png"
before=$(find res -type f | grep -v "$dir" | grep -v pixsweep.db | sort | xargs sha256sum)
does 2 'would remove .* needs --yes' rm "$one"
does 2 'the nearest is' rm "${one}x" --yes
expect res "SELECT count(*) FROM run" 4
does 0 "removed $one: 1 run, 6 batch and epoch rows, .* 3 other files in their folders stay" rm "$one" --yes
expect res "SELECT count(*) FROM run" 3
expect res "SELECT count(*) FROM batch_loss" 12
[ "$(cat precious.txt)" = precious ] || fail "followed a link"
[ "$(find "$dir" ! -type d | sort)" = "$(printf '%s\n' "$dir/images/0.png" "$dir/notes.txt")" ] || fail "left: $(find "$dir")"
[ "$before" = "$(find res -type f | grep -v "$dir" | grep -v pixsweep.db | sort | xargs sha256sum)" ] ||
    fail "other runs' files changed"
sound res

step "rm: a run's folder that is a link is left alone, and nothing else is removed of the run"
two=$(sql res "SELECT name FROM run WHERE number = 2")
mv "res/$two" other
ln -s "$PWD/other" "res/$two"
does 2 "is a link, and what it leads to is left alone: .rm $PWD/res/$two. (" rm "$two" --yes
does 2 'nothing was removed' rm up --yes
expect res "SELECT count(*) FROM run WHERE state = 'completed'" 3
[ -f other/records.bin ] || fail "followed a link to a folder"
rm "res/$two"
mv other "res/$two"

step "rm: not while it is at work"
exec 9>"res/$two/.worker.lock"
flock 9
does 1 'another process works in' rm "$two" --yes
exec 9>&-
expect res "SELECT count(*) FROM run WHERE state = 'completed'" 3

step "a run that is being removed: the command that finishes it is told wherever the run shows"
sqlite3 res/pixsweep.db "UPDATE run SET state = 'cancelled' WHERE number = 2; INSERT INTO event (run_id, at_ms, level, kind, message) SELECT run_id, 1, 'warn', 'removing', 'rows and files are being removed; \`pixsweep rm ' || name || '\` finishes it' FROM run WHERE number = 2"
does 0 "pixsweep rm $two. finishes it" ls
does 0 "up: 0 runs to try again; 1 left, being removed: .pixsweep rm $two --results res. finishes it" retry up
does 1 "$two cancelled: .*pixsweep rm $two. finishes it" run exp.yaml

step "rm: the whole sweep; compact gives the space back"
rm -r "$dir"
does 0 'removed up: 4 runs' rm up --yes
expect res "SELECT (SELECT count(*) FROM sweep) + (SELECT count(*) FROM run) + (SELECT count(*) FROM attempt)" 0
[ ! -e res/up ] || fail "left: $(find res/up)"
does 0 'before, .* now' compact
expect res "PRAGMA freelist_count" 0

step "a database of schema version 1 is migrated once, with a backup, and says so"
for view in v_not_needed v_race_state v_race v_progress v_run; do
    sqlite3 copy.db "DROP VIEW $view"
done
sqlite3 copy.db "DROP TABLE asked; DROP TABLE race_decision; DROP TABLE race_look; DROP TABLE race; ALTER TABLE sweep DROP COLUMN race"
sqlite3 copy.db "CREATE VIEW v_run AS SELECT 1; CREATE VIEW v_progress AS SELECT 1"
sqlite3 copy.db "DROP TABLE retry; DROP VIEW d_output; DROP TABLE rung; DROP TABLE imported; DROP TABLE best_sample; DROP TABLE highest_id; ALTER TABLE attempt DROP COLUMN reason; PRAGMA user_version = 1"
for column in $(sqlite3 copy.db "SELECT name FROM pragma_table_info('epoch') WHERE cid > 14"); do
    sqlite3 copy.db "ALTER TABLE epoch DROP COLUMN $column"
done
mkdir old
mv copy.db old/pixsweep.db
"$PIXSWEEP" ls --results old >old.out 2>old.err || fail "ls of an old database"
[ "$(sqlite3 old/pixsweep.db 'PRAGMA user_version')" = 1 ] || fail "a reading command wrote"
cp -r old reaped
"$PIXSWEEP" reap --results reaped >old.out 2>old.err || fail "reap in an old database"
says old.err 'from schema version 1 to [0-9]*; as it was: .*reaped/pixsweep.db.v1.backup'
"$PIXSWEEP" retry up --results old >old.out 2>old.err || fail "retry in an old database"
says old.err 'from schema version 1 to [0-9]*; as it was: .*pixsweep.db.v1.backup'
"$PIXSWEEP" retry up --results old >old.out 2>old.err || fail "retry again"
[ ! -s old.err ] || fail "said it again: $(cat old.err)"
[ "$(sqlite3 old/pixsweep.db.v1.backup 'PRAGMA user_version')" = 1 ] || fail "no backup"
