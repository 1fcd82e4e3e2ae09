#!/usr/bin/env bash
# A race with real training: the same decisions and rows for any --jobs, after kill -9 at any point and after an interrupt; one line where it
# has ended; an edited file goes on with it as far as it is the same.
. "$(dirname "$0")/lib.sh"

make_data data 8 4
# the first never learns: it is dropped at the first look; the other two differ by little
race=('n_epochs: 2' 'sample_interval: 0' 'checkpoint_interval: 0' 'run: {retries: 20}' 'sweep:'
      '  points: [{learning_rate_G: 1e-9}, {learning_rate_G: 2e-3}, {learning_rate_G: 2e-3, learning_rate_D: 1e-2}]')
experiment race.yaml race "${race[@]}" '  race: {confidence: 0.7, first: 3, max_seeds: 5}'

decisions() { # RESULTS: all that was decided, as rows and as files
    sql "$1" "SELECT race, look, configuration, n, pairs, mean, difference, low, high, decision, level FROM race_decision
              JOIN race_look USING (sweep_id, race, look) ORDER BY race, look, configuration"
    sha256sum "$1"/race/race/* | sed "s|$1/||"
}
same_race() {
    decisions "$1" >"$1.txt"
    decisions "$2" >"$2.txt"
    diff "$1.txt" "$2.txt" >&2 || fail "$1 and $2 were decided differently"
    same_rows "$1" "$2"
}
made() { sql "$1" "SELECT group_concat(number) FROM (SELECT number FROM run WHERE state = 'completed' ORDER BY number)"; }

step "any number of jobs"
run 0 one race.yaml --jobs 1
says run.err 'race: look 1, 3 seeds: .*1e-9.* is dropped (worse than'
says run.err 'race: look 3, 5 seeds'
says run.err 'race: not separated: .* are left after 5 seeds'
[ "$(made one)" = 1,2,3,4,5,6,7,8,9,11,12,14,15 ] || fail "other runs were made: $(made one)"
expect one "SELECT count(*) FROM run WHERE state = 'queued'" 2
expect one "SELECT count(*) FROM race_look" 3
expect one "SELECT n_left || state FROM v_race_state" 2open
expect one "SELECT not_needed FROM v_progress" 2
[ "$(ls one/race | grep -c '^0')" -eq 13 ] || fail "folders of runs that never began: $(ls one/race)"
run 0 three race.yaml --jobs 3
same_race one three

step "ended"
run 0 one race.yaml
says run.err 'race: not separated'
says run.err 'nothing to do'
expect one "SELECT count(*) FROM attempt" 13

step "killed at any point, and interrupted"
for i in 1 8 11; do
    "$PIXSWEEP" run race.yaml --results killed --jobs 2 >kill.out 2>kill.err &
    pid=$!
    soon killed "SELECT count(*) >= $i FROM run WHERE state = 'completed'" 1
    kill -KILL $pid 2>/dev/null || true
    wait $pid 2>/dev/null || true
done
run 0 killed race.yaml --jobs 2
sound killed
same_race one killed
"$PIXSWEEP" run race.yaml --results killed --jobs 2 >run.out 2>run.err || fail "an ended race"

step "without its rows, and without the last look"
sqlite3 killed/pixsweep.db "DELETE FROM race_decision; DELETE FROM race_look"
rm killed/race/race/*-03.json
run 0 killed race.yaml --jobs 2
same_race one killed

step "rows from files alone: reap, and merge into a database that knew nothing"
cp -r one reaped
sqlite3 reaped/pixsweep.db "DELETE FROM race_decision; DELETE FROM race_look"
"$PIXSWEEP" reap --results reaped >reap.out 2>reap.err || fail "reap of a race"
same_race one reaped
for i in 1 2; do
    "$PIXSWEEP" merge one/race --results merged >merge.out 2>merge.err || fail "merge of a race"
    expect merged "SELECT count(*) || ' ' || sum(difference) FROM v_race" "$(sql one "SELECT count(*) || ' ' || sum(difference) FROM v_race")"
done
"$PIXSWEEP" show race --results merged >merged.show 2>&1 || fail "show of a merged race"
says merged.show '^race: look 3 judged at 5 seeds, 2 of 3 left$'
"$PIXSWEEP" show race --results one >one.show 2>&1 || fail "show of a race"
says one.show '^race: not separated: .* are left after 5 seeds'
"$PIXSWEEP" watch race --results one --once >one.watch 2>&1 || fail "watch of a race"
says one.watch '^race: 13/15 done, 2 not needed$'
"$PIXSWEEP" watch race --results one >one.watch 2>&1 || fail "an ended race is not over for watch"
says one.watch 'race: 13 of 15 runs completed, 2 not needed'

step "names are those of compare"
"$PIXSWEEP" compare race --results one --format csv >one.csv 2>one.err || fail "compare of a race"
for name in 'learning_rate_G 1e-9, learning_rate_D 0.0001' 'learning_rate_G 0.002, learning_rate_D 0.0001' \
    'learning_rate_G 0.002, learning_rate_D 0.01'; do
    says one.csv "\"$name\""
    expect one "SELECT count(*) > 0 FROM v_race WHERE configuration = '$name'" 1
done

step "another indifference, and more seeds"
cp -r one edited
run 0 edited race.yaml --set sweep.race.indifference=10
says run.err 'race: .* are equal to within 10, either will do'
expect edited "SELECT count(*) FROM attempt" 13
run 0 edited race.yaml --jobs 2 --set sweep.race.max_seeds=6
expect edited "SELECT count(DISTINCT race) FROM race_look" 2
run 0 fresh race.yaml --jobs 2 --set sweep.race.max_seeds=6
expect edited "SELECT count(*) FROM v_race" "$(sql fresh "SELECT count(*) FROM v_race")"
cmp edited/race/race/"$(sql fresh "SELECT race FROM sweep")"-01.json fresh/race/race/*-01.json || fail "the larger race begins otherwise"

step "one that diverges loses; one that cannot be read is told"
experiment wild.yaml wild 'n_epochs: 2' 'sample_interval: 0' 'checkpoint_interval: 0' 'sweep:' \
    '  grid: {lambda_pixel: [1e39, 10]}' '  race: {confidence: 0.8, first: 3, max_seeds: 5}'
run 1 wild wild.yaml --jobs 2
says run.err 'race: look 1, 3 seeds: .*3 of 3 seeds diverged'
says run.err 'wins: the others were dropped within 3 seeds'
expect wild "SELECT count(*) FROM attempt" 6
echo '{' >"$(ls wild/wild/race/*-01.json)"
run 2 wild wild.yaml
says run.err 'remove it, and the next'

step "into another folder, retried behind the end, and removed"
"$PIXSWEEP" merge one --results merged >merge.out 2>merge.err || fail "merge: $(cat merge.err)"
expect merged "SELECT count(*) FROM race_decision" 7
run 0 merged race.yaml
diff -r one/race/race merged/race/race >&2 || fail "decided differently from merged runs"
expect merged "SELECT count(*) FROM attempt" 13
"$PIXSWEEP" retry wild --diverged --results wild >retry.out 2>retry.err || fail "retry: $(cat retry.err)"
rm -r wild/wild/race
sqlite3 wild/pixsweep.db "DELETE FROM race_decision; DELETE FROM race_look"
run 1 wild wild.yaml # they are made again, since the look is to be judged
expect wild "SELECT count(*) FROM attempt" 9
"$PIXSWEEP" retry wild --diverged --results wild >retry.out 2>retry.err || fail "retry: $(cat retry.err)"
run 1 wild wild.yaml # and behind the end, which stays, since a look had them
says run.err 'wins: the others were dropped within 3 seeds'
says run.out '4 not needed'
expect wild "SELECT count(*) FROM attempt" 12
expect wild "SELECT count(*) FROM race_look" 1
"$PIXSWEEP" rm race --results one --yes >rm.out 2>rm.err || fail "rm: $(cat rm.err)"
[ ! -e one/race ] || fail "rm leaves $(ls one/race): $(cat rm.out)"
! grep -q "stay" rm.out || fail "rm calls looks foreign files: $(cat rm.out)"
