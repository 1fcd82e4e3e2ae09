# Shared by the tests on a real Slurm: a folder, a cluster that does not outlive the test, submissions whose jobs do as they are told.
# Usage: lib.sh is sourced; $1 of the sourcing script is the program launcher_drive.
set -euo pipefail

HERE=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
DRIVE=$(readlink -f "$1")

skip() {
    echo "skipped: $*"
    exit 77
}
[[ $(id -u) == 0 ]] || skip "a Slurm for tests needs root"
for program in ${NEEDED:-munged slurmctld slurmd sbatch}; do
    command -v "$program" >/dev/null || skip "there is no $program (tools/deps --slurm installs it)"
done

WORK=$(mktemp -d "${TMPDIR:-/tmp}/pixsweep-slurm.XXXXXX")
chmod 755 "$WORK" # munged insists
CLUSTER=$WORK/cluster
mkdir "$WORK/pids" # a file for each process that the test itself starts in the background
# However this test ends, nothing of it is left: clusters have a guard of their own, and go first.
setsid bash -c '
    tail --pid="$1" -f /dev/null
    kill -CONT $(cat "$2"/pids/*)
    kill -KILL $(cat "$2"/pids/*)
    for ((i = 0; i < 150; i++)); do compgen -G "$2/*/munge" || break; sleep 0.2; done
    rm -rf "$2"' guard "$$" "$WORK" </dev/null >/dev/null 2>&1 &
guard=$!
clean_up() {
    local code=$?
    cd /
    kill -CONT $(cat "$WORK"/pids/* 2>/dev/null) 2>/dev/null || true
    kill -KILL $(cat "$WORK"/pids/* 2>/dev/null) 2>/dev/null || true
    if [[ -d $CLUSTER ]]; then "$HERE/slurm_down.sh" "$CLUSTER" || true; fi
    rm -rf "$WORK"
    kill -- "-$guard" 2>/dev/null || true
    exit "$code"
}
trap clean_up EXIT
cd "$WORK"
# The user's own Slurm is none of our business.
for variable in $(compgen -e | grep -E '^(SLURM|SBATCH|SQUEUE|SCANCEL|PIXSWEEP)_' || true); do unset "$variable"; done

step() { echo "-- $*"; }

fail() {
    local log
    {
        echo "FAILED: $*"
        for log in "$WORK"/err "$WORK"/*/log/* "$WORK"/*/*/cluster/*/log/* "$WORK"/*/events; do
            if [[ -s $log ]]; then echo "== $log" && tail -n 20 "$log"; fi
        done
        if [[ -s $CLUSTER/slurmctld.log ]]; then echo "== slurmctld.log" && tail -n 10 "$CLUSTER/slurmctld.log"; fi
    } >&2
    exit 1
}

cluster_up() {
    SLURM_OWNER=$$ "$HERE/slurm_up.sh" "$CLUSTER" || fail "the cluster did not start"
    . "$CLUSTER/env"
}

# Each job notes its start, and SIGTERM and SIGUSR2; it ends once the file `end` is there or the folder is gone, or at SIGTERM.
submission() { # NAME ON: makes the folder $WORK/NAME
    "$DRIVE" "$WORK/$1" lay_out "$2" || fail "lay_out $2"
    cat >"$WORK/$1/pixsweep" <<'JOB'
#!/bin/bash
note() { echo "$1 $PIXSWEEP_TASK $PIXSWEEP_RESTART ${PIXSWEEP_CORES-}" >>"$dir/events"; }
[[ $1 == task ]] || exit 2
dir=$2
trap 'note term; exit 143' TERM
trap 'note usr2' USR2
note start
until [[ -e $dir/end || ! -d $dir ]]; do sleep 0.1; done
note end
JOB
    chmod 755 "$WORK/$1/pixsweep"
}

# drive CODE NAME ARGS...: launcher_drive on that folder must end with CODE; what it said is in $WORK/out and $WORK/err
drive() {
    local expected=$1 name=$2 code=0
    shift 2
    "$DRIVE" "$WORK/$name" "$@" >"$WORK/out" 2>"$WORK/err" || code=$?
    [[ $code == "$expected" ]] || fail "drive $name $* ended with $code, not $expected: $(cat "$WORK/out" "$WORK/err")"
}
says() { # TEXT: what drive said
    grep -q -F -- "$1" "$WORK/out" "$WORK/err" || fail "not said: \"$1\" but: $(cat "$WORK/out" "$WORK/err")"
}
# How many jobs are in this state.
count() { # NAME STATE
    "$DRIVE" "$WORK/$1" alive | awk -v state="$2" '$3 == state {n++} END {print n + 0}'
}
counts() { # NAME: "PENDING RUNNING ENDING UNKNOWN"
    "$DRIVE" "$WORK/$1" alive | awk '{n[$3]++} END {print n["pending"] + 0, n["running"] + 0, n["ending"] + 0, n["unknown"] + 0}'
}
reason() { # NAME TASK: why it is pending
    "$DRIVE" "$WORK/$1" alive | sed -n "s/^[^ ]* $2 pending //p"
}
events() { # NAME WORD: how many
    if [[ -e $WORK/$1/events ]]; then grep -c "^$2 " "$WORK/$1/events" || true; else echo 0; fi
}
is() { # VALUE COMMAND...
    local expected=$1 value
    shift
    value=$("$@") || fail "no answer: $*"
    [[ $value == "$expected" ]] || fail "$*: $value, not $expected"
}
# soon VALUE COMMAND...: prints VALUE within half a minute; PATIENCE=SECONDS where there is much to do before
soon() {
    local expected=$1 value= i
    shift
    for ((i = 0; i < ${PATIENCE:-30} * 10; i++)); do
        value=$("$@" 2>/dev/null) || value=none
        [[ $value == "$expected" ]] && return
        sleep 0.1
    done
    fail "never came true: $* is $value, not $expected"
}
