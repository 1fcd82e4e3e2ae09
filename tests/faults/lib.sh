# Shared by the fault tests: the real program under the preloaded library, and what must hold afterwards.
# Usage: lib.sh is sourced; the sourcing script is called with PIXSWEEP SHIM [fast|long]. The seed draws the calls that fail: the same in
# every fast run, another in every long one; PXS_TEST_SEED gives it. One fault by hand:
#   FAULT_ONLY='op=write,process=worker,match=*records.bin,n=7,errno=EIO' tests/faults/disk.sh build/src/cli/pixsweep \
#       build/tests/faults/libpxs_fault_shim.so
SHIM=$2
MODE=${3:-fast}
[ "$MODE" = long ] && SEED=${PXS_TEST_SEED:-$(date +%s)} || SEED=${PXS_TEST_SEED:-1}
. "$(dirname "$0")/../e2e/lib.sh"
SHIM=$(cd "$OLDPWD" && cd "$(dirname "$SHIM")" && pwd)/$(basename "$SHIM")
[ -f "$SHIM" ] || fail "no library $SHIM"
LIMIT=120 # seconds until a command counts as hanging

trials=0
missed=0

# shimmed RULES ARGS...: the program under the rules (shim_rules.c); its exit code is in $code, what it said in run.out and run.err
shimmed() {
    local rules=$1
    shift
    truncate -s 0 state && truncate -s 4096 state
    rm -f calls.log
    code=0
    { env FAULT="$rules" FAULT_STATE="$WORK/state" FAULT_LOG="$WORK/calls.log" FAULT_ROOT="$WORK/res" LD_PRELOAD="$SHIM" \
        timeout -k 5 $LIMIT "$PIXSWEEP" "$@" >run.out 2>run.err || code=$?; } 2>/dev/null # the shell tells of each kill
}

# seen [RULE], hit [RULE]: what the shim counted under rule 0, 1, ...
seen() { od -An -t u8 -j $((${1:-0} * 16)) -N 8 state | tr -d ' '; }
hit() { od -An -t u8 -j $((${1:-0} * 16 + 8)) -N 8 state | tr -d ' '; }

# wrong WORDS: a trial failed; says how to do it again
wrong() {
    echo "run.err:" >&2
    tail -n 20 run.err >&2
    find res -name worker.log -exec tail -n 5 {} + >&2 || true
    fail "FAULT_ONLY='$trial': $*"
}

# prepare [RUN_KEYS]: the experiment of the trials, small, and yet with all that a run writes; resume points after every batch
prepare() {
    make_data data 16 4
    experiment exp.yaml fault 'n_epochs: 4' 'sample_interval: 3' 'checkpoint_interval: 2' "run: {resume_every: 0s${1:-}}"
    rm -rf whole
    run 0 whole exp.yaml --jobs 1 --threads 1
    sound whole
    files_as_listed whole
    kept whole >whole.files
}

# kept RESULTS: every file of the runs that does not tell of times and processes, with its hash
kept() {
    (cd "$1" && find . -mindepth 2 -type f ! -name records.bin ! -name ends.txt ! -name worker.log ! -name '*.log' ! -name '.*' ! -name config.yaml ! -name job.json \
        -exec sha256sum {} + | sort -k 2)
}

# What the database says must be true: no run at work, no attempt open, every file that it lists is there as it says.
true_state() {
    [ -s res/pixsweep.db ] || return 0
    [ "$(sql res 'PRAGMA integrity_check')" = ok ] || wrong "the database is damaged"
    [ "$(sql res "SELECT count(*) FROM sqlite_master WHERE name = 'attempt'")" = 1 ] || return 0
    grep -q 'the database could not be written' run.out run.err && return # the next run takes the records in, and tells what became
    [ "$(sql res "SELECT (SELECT count(*) FROM run WHERE state = 'running') + (SELECT count(*) FROM attempt WHERE ended_ms IS NULL)")" = 0 ] ||
        wrong "a run is left running: $(sql res "SELECT state FROM run"), $(sql res 'SELECT * FROM attempt')"
    [ "$(sql res "SELECT count(*) FROM run r WHERE state = 'completed' AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.run_id = r.run_id AND outcome = 'completed')")" = 0 ] ||
        wrong "a run is completed without an attempt that completed it"
}

# Failed runs go back to the queue, as a user would have them.
requeue() {
    if [ "$(sql res "SELECT count(*) FROM run WHERE state = 'failed'" 2>/dev/null || echo 0)" != 0 ]; then
        "$PIXSWEEP" retry fault --failed --db res/pixsweep.db >retry.out 2>retry.err || wrong "retry: $(cat retry.err)"
    fi
}

# Runs again, without faults, until all is done: once for each `run` that a user would type.
until_done() {
    local times=0
    while [ "$code" -ne 0 ]; do
        times=$((times + 1))
        [ $times -le 3 ] || wrong "still not completed after $times further runs: $(sql res 'SELECT name, state FROM run')"
        requeue
        code=0
        timeout -k 5 $LIMIT "$PIXSWEEP" run exp.yaml --results res --jobs 1 --threads 1 >again.out 2>again.err || code=$?
        [ $code -le 2 ] || wrong "the next run ended with $code: $(cat again.err)"
    done
}

# The record is the one of a run that was never disturbed, in every row and file.
as_undisturbed() {
    (sound res && same_rows whole res && files_as_listed res) || wrong "the record is another one"
    kept res >res.files
    diff whole.files res.files >&2 || wrong "other files than after an undisturbed run"
}

# trial RULES [WORDS]: one run under the rules, the state that it leaves, and the way to the end. WORDS must be said, if it does not end
# well, by the run or in the record. Counts the trials whose fault was never reached.
trial() {
    trial=$1
    trials=$((trials + 1))
    rm -rf res && mkdir res
    local began=$SECONDS
    shimmed "$trial" run exp.yaml --results res --jobs 1 --threads 1
    if [ "$(hit)" = 0 ]; then
        missed=$((missed + 1))
        [ $code -eq 0 ] || wrong "ended with $code though nothing was injected"
        return
    fi
    [ $SECONDS -lt $((began + LIMIT)) ] || wrong "hangs"
    case "$code,$trial" in
    [012],* | 130,*) ;;
    137,*who=parent* | 137,*who=both* | 137,*process=run*action=*) ;;
    *) wrong "ended with $code" ;;
    esac
    if [ $code -ne 0 ] && [ $code -ne 137 ] && [ -n "${2:-}" ]; then
        grep -q -e "$2" run.err || wrong "does not say \"$2\""
    fi
    [ $code -eq 137 ] || true_state
    until_done
    as_undisturbed
    [ $SECONDS -lt $((began + 20)) ] || echo "slow: $((SECONDS - began)) s for $trial"
}

# count_calls OP PROCESS: how many calls of a kind an undisturbed run makes, in $calls
count_calls() {
    rm -rf res && mkdir res
    shimmed "op=$1,process=$2" run exp.yaml --results res --jobs 1 --threads 1
    [ $code -eq 0 ] || fail "the counting run ended with $code"
    calls=$(seen)
    [ "$calls" -gt 0 ] || fail "no $1 in $2"
}

# every RULE PROCESS OP TRIALS: RULE with n=..., at about TRIALS points spread over all calls
every() {
    local n stride
    count_calls "$3" "$2"
    stride=$(((calls + $4 - 1) / $4))
    for n in $(seq $((1 + RANDOM % stride)) $stride "$calls"); do
        trial "op=$3,process=$2,n=$n,$1"
    done
}

# summary: how many trials there were; too many that were never reached would be a test of nothing
summary() {
    echo "$trials trials, $missed of them not reached"
    [ $((missed * 5)) -le $trials ] || fail "$missed of $trials faults were never reached"
}

RANDOM=$SEED
echo "seed $SEED ($MODE), again with PXS_TEST_SEED=$SEED"
