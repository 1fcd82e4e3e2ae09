#!/usr/bin/env bash
# A run that another machine was at work on goes on here, to the bits of an undisturbed one, while a process of there writes on into the
# record file that it still has open. And a worker whose claim is another's by now ends without another word.
RECORDS=$(cd "$(dirname "$0")" && pwd)/records.py
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
make_data data 16 4
experiment exp.yaml taken 'n_epochs: 40' 'sample_interval: 20' 'checkpoint_interval: 20' 'run: {resume_every: 0s}'
dir=taken/0001-base-s0
run 0 whole exp.yaml

# stopped RESULTS: a run that was interrupted under way
stopped() {
    local pid code=0
    set -m # or the shell has its background jobs ignore SIGINT
    "$PIXSWEEP" run exp.yaml --results "$1" --jobs 1 >run.out 2>run.err &
    pid=$!
    soon "$1" "SELECT count(*) > 10 FROM batch_loss" 1
    kill -INT $pid
    wait $pid || code=$?
    set +m
    [ $code -eq 130 ] || fail "the interrupted run ended with $code"
}

# elsewhere RESULTS: its attempts were made on another machine
elsewhere() {
    python3 "$RECORDS" "$1/$dir/records.bin" other.bin host=elsewhere
    [ "$(stat -c %s other.bin)" = "$(stat -c %s "$1/$dir/records.bin")" ] || fail "the offsets are others"
    cat other.bin >"$1/$dir/records.bin"
}

stopped mid

step "on the same machine, after the same boot: in place"
cp -a mid here
file=$(stat -c %i here/$dir/records.bin)
run 0 here exp.yaml
[ "$(stat -c %i here/$dir/records.bin)" = "$file" ] || fail "the record file is another one"
same_rows whole here

for from in point start; do
    step "from another machine, from its $from: in a copy, while a process of there writes on"
    rm -rf there && cp -a mid there
    elsewhere there
    [ $from = point ] || rm there/$dir/resume*.safetensors
    # whole records, with right checksums, of an attempt that nobody made
    python3 "$RECORDS" - zombie.bin 'add=6:1,1,zombie,nobody reads this' 'add=6:2,1,zombie,nobody reads this'
    cp there/$dir/records.bin old.bin
    exec 8>>there/$dir/records.bin
    "$PIXSWEEP" run exp.yaml --results there >run.out 2>run.err &
    pid=$!
    i=0
    while kill -0 $pid 2>/dev/null; do
        # before the name changes, what it writes is cut off; so it begins when the attempt has begun
        if [ "$(stat -c %i there/$dir/records.bin)" != "$(stat -L -c %i /proc/$$/fd/8)" ]; then
            tail -c +17 zombie.bin >&8
            i=$((i + 1))
        fi
        sleep 0.02
    done
    wait $pid || fail "it ended with $?"
    exec 8>&-
    [ $i -gt 0 ] || fail "the record file was never replaced"
    sound there
    same_rows whole there
    files_as_listed there
    expect there "SELECT count(*) FROM event WHERE kind = 'zombie'" 0
    expect there "SELECT resumed_from_step >= 0 FROM attempt WHERE no = 2" $([ $from = point ] && echo 1 || echo 0)
    grep -q 'another machine' there/$dir/worker.log || fail "the worker does not say so: $(cat there/$dir/worker.log)"
    python3 "$RECORDS" --show there/$dir/records.bin >shown.txt
    ! grep -q zombie shown.txt || fail "the zombie's records stand in the file"
    "$PIXSWEEP" merge there --results merged-$from >/dev/null 2>merge.err || fail "merge: $(cat merge.err)"
    same_rows whole merged-$from
done

step "a claim that is replaced under a running worker"
set -m
"$PIXSWEEP" run exp.yaml --results lost --jobs 1 >run.out 2>run.err &
pid=$!
soon lost "SELECT count(*) > 10 FROM batch_loss" 1
for i in $(seq 400); do [ -e lost/$dir/resume.safetensors ] && break || sleep 0.05; done
sed -e 's/^nonce=.*/nonce=00000000000000000007/' -e 's/^host=.*/host=elsewhere/' lost/$dir/.claim >claim
cat claim >lost/$dir/claim.new
mv lost/$dir/claim.new lost/$dir/.claim
for i in $(seq 400); do
    grep -q 'writes nothing more' lost/$dir/worker.log && break
    sleep 0.05
done
says lost/$dir/worker.log 'claimed by process .* on elsewhere.*this worker ends and writes nothing more'
python3 "$RECORDS" --show lost/$dir/records.bin >shown.txt
! grep -q '^7 ' shown.txt || fail "there is an END record"
[ -e lost/$dir/resume.safetensors ] || fail "the resume point is gone"
kill -INT $pid
wait $pid || true
set +m
cmp -s claim lost/$dir/.claim || fail "the claim of the other was touched"
[ ! -e lost/$dir/ends.txt ] || ! grep -q '^1 ' lost/$dir/ends.txt || fail "the lost attempt has an end: $(cat lost/$dir/ends.txt)"

step "once that claim is gone, it goes on to the same bits"
rm lost/$dir/.claim
run 0 lost exp.yaml
sound lost
same_rows whole lost
files_as_listed lost
