# For tests of tasks side by side: a folder of tests/e2e/lib.sh, and tasks in the background. Sourced with PIXSWEEP FREEZE as arguments.
FREEZE=$(realpath "$2")
. "$(dirname "$0")/lib.sh"
unset "${!SLURM_@}" "${!PIXSWEEP_@}"
export PIXSWEEP_CORE_LOCKS="$WORK/cores" PIXSWEEP_PROC="$WORK/no-proc"

freeze() { "$FREEZE" "$@" 2>freeze.err || fail "freeze $*: $(cat freeze.err)"; }
task() { # NAME DIR: in the background; its words go to NAME.out, its pid is $task
    PIXSWEEP_TASK=$1 "$PIXSWEEP" task "$2" >"$1.out" 2>&1 &
    task=$!
}
ends() { # PID NAME: with 0
    local code=0
    wait "$1" || code=$?
    [ "$code" -eq 0 ] || fail "$2 ended with $code: $(cat "$2.out")"
}
there() { [ -n "$(find . -path "./$1")" ]; } # PATTERN
