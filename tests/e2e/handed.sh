#!/usr/bin/env bash
# Run folders that somebody else hands over, with right checksums and contents that no pixsweep writes: what is wrong is told by place and
# reason, the rest is taken, and nothing of it stands in the way of other runs and later commands. Usage: handed.sh PIXSWEEP [long]; without
# `long`, of the cases in tables each third.
RECORDS=$(cd "$(dirname "$0")" && pwd)/records.py
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
WORDS=$WORK/words.err
MODE=${2:-fast}
# cases: of the lines of a table, those for this mode
cases() { if [ "$MODE" = long ]; then cat; else sed -n '1~3p'; fi; }

# does CODE ARGS...: pixsweep ARGS must end with CODE; what it said is in $WORDS
does() {
    local expected=$1 code=0
    shift
    "$PIXSWEEP" "$@" >"$WORDS" 2>&1 </dev/null || code=$?
    [ "$code" -eq "$expected" ] || fail "${edit:-} $* ended with $code, not $expected: $(cat "$WORDS")"
}

make_data data 8 4
experiment exp.yaml h 'n_epochs: 2' 'sample_interval: 1' 'checkpoint_interval: 1' 'sweep:' '  seeds: [0, 1]'
run 0 made exp.yaml
bad=0001-base-s0 good=0002-base-s1

# handed EDIT...: both runs' folders as from another machine, with these changes in the records of the first
handed() {
    rm -rf from res
    mkdir -p from
    cp -r made/h from/h
    python3 "$RECORDS" made/h/$bad/records.bin from/h/$bad/records.bin "$@"
}

step "one record that cannot be: the run ends before it, the others are taken, no later command is held up"
while read -r taken edit words; do
    handed "$edit"
    does 1 merge from --results res
    says "$WORDS" "$words"
    expect res "SELECT state FROM run WHERE seed = 1" completed
    expect res "SELECT count(*) FROM attempt WHERE ended_ms IS NULL" 0
    if [ "$taken" = none ]; then
        expect res "SELECT count(*) FROM run" 1
    else
        expect res "SELECT state FROM run WHERE seed = 0" interrupted
        expect res "SELECT count(*) FROM event WHERE kind = 'damage' AND level = 'error'" 1
    fi
    does 0 reap --results res
    does 0 cancel h --results res
done < <(cases <<'CASES'
none 1.0.0=0 attempt is 0
none 1.0.0=-9223372036854775808 attempt is
none 1.0.1=9223372036854775807 at_ms is
none 1.0.3=nothing is not key=value
none 1.0.3=pid=-1 pid is -1
none 1.0.3=a=\xe9\xe9 is not UTF-8
none 1.0.kind=99 does not know that kind
some 2.1.kind=77 does not know that kind
some 2.1.0=9223372036854775807 step is 9223372036854775807
some 2.1.0=-1 step is -1
some 2.1.1=2147483647 epoch is 2147483647
some 2.1.11=1e300 seconds is 1e+300
some 2.1.11=inf seconds is inf
some 2.1.cut=8 its length does not fit
some 2.1.cut=-8 its length does not fit
some 3.1.0=-1 epoch is -1
some 3.1.1=7 is_best is 7
some 4.0.0=1000000000001 step is
some 4.0.2=../../../data/train.npy does not lead to a file below
some 4.0.2=/etc/passwd does not lead to a file below
some 4.0.2=images/\x1b[2J.png does not lead to a file below
some 4.0.3=0x sha256 is none
some 5.0.1=final its kind is neither
some 5.0.2=both its net is neither
some 5.0.3=saved_models/../../x does not lead to a file below
some 5.0.5=-5 bytes is -5
some 7.0.1=99 outcome 99 is none
some 2.1.0=7 it is step 7 where step 1 comes next
some 2.1.0=0 it is step 0 where step 1 comes next
some 2.1.1=0 step 1 is not batch 0 of epoch 0
some 2.1.drop epoch 1 cannot end before step 1
some 3.0.drop step 1 is not batch 0 of epoch 1
some 3.1.drop it says completed, but
some 3.0.0=1 epoch 1 cannot end before step 1
some 7.0.3=\xc3\x28 is not UTF-8
CASES
)

step "what stands behind the END record, or beyond the run's epochs, is damage, and the run is what it was before"
while read -r state words edits; do
    handed $edits
    does 1 merge from --results res
    says "$WORDS" "${words//_/ }"
    expect res "SELECT state FROM run WHERE seed = 0" "$state"
    expect res "SELECT count(*) FROM batch_loss WHERE run_id = (SELECT run_id FROM run WHERE seed = 0)" 2
    expect res "SELECT state FROM run WHERE seed = 1" completed
    does 1 merge from --results res
    expect res "SELECT count(*) FROM event WHERE kind = 'damage'" 1
done < <(cases <<'CASES'
completed behind_the_END_record add=7:1800000000000,3,2,again
completed behind_the_END_record add=2:2,2,0,1,1,1,1,1,1,1e-4,1e-4,0.1
completed behind_the_END_record add=6:1800000000000,1,note,later
completed goes_on_from_step_9 add=1:2,1800000000000,9,version=0.1.0
interrupted and_the_run_has_2 7.0.drop add=2:2,2,0,1,1,1,1,1,1,1e-4,1e-4,0.1
CASES
)
handed 7.0.1=4 add=1:2,1800000000000,1,version=0.1.0
does 0 merge from/h/$bad --results res
expect res "SELECT count(*) FROM event WHERE kind = 'damage'" 0

step "another seed's records are refused; where older ones name no seed, losses that are the same are told, once"
handed
cp made/h/$good/records.bin from/h/$bad/records.bin
does 1 merge from --results res
says "$WORDS" 'holds records of another seed (1, this run.s is 0)'
expect res "SELECT name FROM run" h/$good
unnamed="1.0.3=config_hash=$(sql made 'SELECT config_hash FROM run WHERE seed = 0')\x0a"
handed "$unnamed"
does 0 merge from --results res
handed "$unnamed"
python3 "$RECORDS" made/h/$good/records.bin from/h/$bad/records.bin "$unnamed"
does 0 merge from/h/$bad --results res
python3 "$RECORDS" made/h/$good/records.bin from/h/$good/records.bin "$unnamed"
does 1 merge from --results res
says "$WORDS" "warning: its losses are those of h/$bad in every step"
expect res "SELECT level FROM event WHERE kind = 'merge'" warn
does 0 merge from --results res

step "a run's folder without config.yaml, and one that is a link, are not passed over"
handed
rm from/h/$bad/config.yaml
does 1 merge from --results res
says "$WORDS" 'has no config.yaml, which tells whose records these are'
expect res "SELECT name FROM run" h/$good
handed
mv from/h/$bad linked && ln -s "$WORK/linked" from/h/$bad
does 1 merge from --results res
says "$WORDS" 'links are not followed'
expect res "SELECT name FROM run" h/$good

step "run goes on with what was closed, and rm removes it"
handed 5.0.1=final
does 1 merge from --results res
run 0 res exp.yaml
expect res "SELECT group_concat(state) FROM run" completed,completed
does 0 rm h --yes --results res
expect res "SELECT count(*) FROM run" 0

step "a record file that was damaged in the database's own folder holds up no run"
rm -rf res
cp -r made res
python3 "$RECORDS" made/h/$bad/records.bin res/h/$bad/records.bin 5.0.1=final
sqlite3 res/pixsweep.db "UPDATE run SET state = 'running' WHERE seed = 0; UPDATE attempt SET ended_ms = NULL, outcome = NULL, record_offset = 0 WHERE run_id = 1"
run 0 res exp.yaml
expect res "SELECT group_concat(state) FROM run" completed,completed
says run.err 'its kind is neither periodic nor best'

step "numbers that a diverged run may have are taken"
handed 2.1.3=nan 2.1.4=inf 2.0.3=1e300 3.1.10=nan 3.1.11=inf
does 0 merge from --results res
expect res "SELECT count(*) FROM batch_loss WHERE loss_G IS NULL" 1
does 0 compare h --results res
does 0 plot h --results res
does 0 report h --results res

step "names are those of an experiment file"
while read -r name; do
    handed
    sed -i "1s|.*|# pixsweep run $(printf '%b' "$name")|" from/h/$bad/config.yaml
    does 1 merge from --results res
    says "$WORDS" 'no run.s name'
    expect res "SELECT count(*) FROM run" 1
    expect res "SELECT name FROM sweep" h
done < <(cases <<CASES
../../evil/0001-base-s0
/tmp/0001-base-s0
a/b/0001-base-s0
../0001-base-s0
.hidden/0001-base-s0
-x/0001-base-s0
pixsweep.db/0001-base-s0
h/..
h/evil
h/0001-base
h/99999999999-base-s0
h/0001-b\\\\\\\\x1b[31m-s0
h\\\\033[2J/0001-base-s0
h/0001-base s-s0
$(printf 'n%.0s' $(seq 101))/0001-base-s0
CASES
)

step "links and pipes in the place of files lead nowhere"
one=from/h/$bad
for what in records.bin config.yaml; do
    handed
    does 0 merge from/h/$good --results res
    mv $one/$what outside && ln -s "$WORK/outside" $one/$what
    does 1 merge from/h --results res
    says "$WORDS" 'links are not followed'
    expect res "SELECT count(*) FROM run" 1
    rm $one/$what && mkfifo $one/$what
    does 1 merge $one --results res
    says "$WORDS" 'is no regular file'
    expect res "SELECT count(*) FROM run" 1
done
handed
rm $one/records.bin
does 1 merge from/h --results res
says "$WORDS" 'is missing or empty, though weights stand beside it'
expect res "SELECT count(*) FROM run" 1
handed
rm -r $one/images/* && ln -s "$WORK/made/h/$good/images/0.png" $one/images/0.png
ln -s "$WORK/made/h/$good/images/1.png" $one/images/1.png
does 0 merge from/h/$bad --results res
does 2 plot h --samples --results res
says "$WORDS" 'links are not followed'
does 0 report h --results res
! grep -q '<figure>' res/h/report.html || fail "the page shows a picture from outside the folder"
rm -r $one/images && ln -s "$WORK/made/h/$good/images" $one/images
does 2 plot h --samples --results res
says "$WORDS" 'links are not followed'

step "a link in the place of a lock keeps rm from nothing"
rm -rf res && cp -r made res && rm res/h/$bad/.worker.lock && ln -s "$WORK/made/h/$bad/.worker.lock" res/h/$bad/.worker.lock
does 0 rm h --yes --results res
[ -e made/h/$bad/.worker.lock ] && [ ! -e res/h ] || fail "left: $(find res/h)"

step "run writes through no link that stands in a run's folder"
for what in worker.log ends.txt records.bin images saved_models saved_models/d; do
    handed
    rm -rf res outside $one/$what && mkdir -p res outside && echo mine >outside/file
    cp -r from/h res/h
    target=outside/file
    case $what in images|saved_models*) target=outside ;; esac
    ln -s "$WORK/$target" res/h/$bad/$what
    python3 "$RECORDS" made/h/$bad/records.bin records 7.0.drop
    [ "$what" = records.bin ] || cp records res/h/$bad/records.bin
    case $what in
    worker.log) expected=0 ;;  # the last attempt's log is put away as it is
    ends.txt) expected=0 ;;    # the run goes without it, and says so
    records.bin) expected=0 ;; # whose folder it is cannot be told: the run gets another
    *) expected=1 ;;
    esac
    run $expected res exp.yaml
    [ "$(find outside | sort | tr '\n' ' ')" = "outside outside/file " ] || fail "$what: $(find outside)"
    [ "$(cat outside/file)" = mine ] || fail "$what: written through"
    expect res "SELECT state FROM run WHERE seed = 1" completed
done
