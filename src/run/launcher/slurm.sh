#!/bin/sh
# pixsweep's launcher for Slurm. A launcher is an executable with these verbs:
#
#   submit DIR N    starts DIR/job.sh N times; prints one id a line, which may stand for many jobs. Exit 1: refused for good,
#                   nothing was started; 75: the same, but try later; anything else: nobody knows, look with `alive`
#   alive           prints "ID pending|running|ending|unknown [REASON]" for each job of PIXSWEEP_NAME that lives; behind
#                   "running" its node in place of a reason. What is not printed is gone. Exit not 0: nobody knows. ID is what
#                   PIXSWEEP_TASK is within the job
#   cancel ID...    ends these jobs; one that is gone is no error. Exit not 0: nobody knows
#   limits          may be left out (exit 2: no such verb); prints "KEY NUMBER" for max_array_size, max_submit_jobs, kill_wait
#
# It is told PIXSWEEP_NAME, which all jobs of a submission and no others have, PIXSWEEP_DIR, and where they are set
# PIXSWEEP_CPUS, _MEM_MB, _SECONDS (time of a job), _WARN (seconds before its end at which job.sh gets SIGUSR2), _THROTTLE
# (jobs at once), _EXTRA (arguments, one a line) and each key of the launcher's section of the experiment file as
# PIXSWEEP_KEY. Words for the user go to stderr. Jobs that it starts itself must lead a session of their own (setsid).
#
# Slurm's own SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT and so on hold where the experiment file says nothing.
set -eu

# Inside a job, its SLURM_* would be inherited. The user's SQUEUE_* and SCANCEL_* would filter and reformat, SBATCH_WAIT would
# wait, and another cluster's jobs would never be found again.
for variable in $(env | sed -n 's/^\(\(SLURM\|SQUEUE\|SCANCEL\)_[A-Za-z0-9_]*\)=.*/\1/p'); do
    [ "$variable" = SLURM_CONF ] || unset "$variable"
done
unset SBATCH_WAIT SBATCH_CLUSTERS SBATCH_ARRAY_INX

say() { printf '%s\n' "$*" >&2; }

need() { # COMMAND EXIT-CODE
    command -v "$1" >/dev/null || { say "there is no $1 here: is this a login node of a Slurm cluster?"; exit "$2"; }
}

# Some clusters show a user only the jobs of his own: all others would seem to be gone.
need_sight() {
    if [ "$(id -u)" -ne 0 ] && ! [ -O "$PIXSWEEP_DIR/submission" ]; then
        config=$(scontrol show config)
        if printf '%s\n' "$config" | grep -q '^PrivateData *=.*jobs'; then
            say "this cluster hides the jobs of other users: only who has submitted can ask for them"
            exit 3
        fi
    fi
}

submit() { # DIR N
    need sbatch 1
    dir=$1 count=$2
    # Slurm replaces %A and %a in the name of the log, in the folder's name, too.
    log=$(printf '%s' "$dir" | sed 's/%/%%/g')/log/%A_%a.log

    # What the user may change comes first in the experiment file's own words, then `extra`, then what must hold.
    set -- --signal="B:USR2@${PIXSWEEP_WARN:-300}"
    [ -z "${PIXSWEEP_CPUS:-}" ] || set -- "$@" --cpus-per-task="$PIXSWEEP_CPUS"
    [ -z "${PIXSWEEP_SECONDS:-}" ] || set -- "$@" --time="$(((PIXSWEEP_SECONDS + 59) / 60))"
    [ -z "${PIXSWEEP_PARTITION:-}" ] || set -- "$@" --partition="$PIXSWEEP_PARTITION"
    [ -z "${PIXSWEEP_ACCOUNT:-}" ] || set -- "$@" --account="$PIXSWEEP_ACCOUNT"
    [ -z "${PIXSWEEP_QOS:-}" ] || set -- "$@" --qos="$PIXSWEEP_QOS"
    [ -z "${PIXSWEEP_CONSTRAINT:-}" ] || set -- "$@" --constraint="$PIXSWEEP_CONSTRAINT"
    if [ -n "${PIXSWEEP_MEM_PER_CPU:-}" ]; then
        set -- "$@" --mem-per-cpu="$PIXSWEEP_MEM_PER_CPU"
    else
        case ${PIXSWEEP_MEM:-auto} in
        none) ;;
        auto) [ -z "${PIXSWEEP_MEM_MB:-}" ] || set -- "$@" --mem="${PIXSWEEP_MEM_MB}M" ;;
        *) set -- "$@" --mem="$PIXSWEEP_MEM" ;;
        esac
    fi
    while IFS= read -r argument; do
        [ -z "$argument" ] || set -- "$@" "$argument"
    done <<LINES
${PIXSWEEP_EXTRA:-}
LINES
    set -- "$@" --parsable --array="0-$((count - 1))${PIXSWEEP_THROTTLE:+%$PIXSWEEP_THROTTLE}" --job-name="$PIXSWEEP_NAME" \
        --requeue --open-mode=append --chdir="$dir" --output="$log" "$dir/job.sh"

    words=$(mktemp)
    trap 'rm -f "$words"' EXIT
    code=0
    id=$(sbatch "$@" 2>"$words") || code=$?
    cat "$words" >&2
    if [ "$code" -eq 0 ]; then
        case $id in
        *\;*) say "the jobs went to another cluster (${id#*;}), where pixsweep cannot find them: log in there"
            scancel -M "${id#*;}" "${id%%;*}"
            exit 1 ;;
        esac
        printf '%s\n' "$id"
        return
    fi
    # A controller that is busy or silent may have accepted the jobs all the same; one that answers has not.
    if grep -q -i -e 'resource temporarily unavailable' -e 'temporarily unable to accept' "$words"; then exit 75; fi
    if grep -q -i -e 'timed out' -e 'unable to contact slurm' -e 'connect failure' -e 'connection failure' -e 'connection re' \
        -e 'zero bytes were' -e 'message send' -e 'message receive' -e 'unexpected message' -e 'communication shutdown' \
        -e 'in standby mode' -e 'protocol authentication' -e 'munge encode' "$words"; then
        exit 3
    fi
    # Killed by a signal; 255 is sbatch's own, for arguments that it does not know.
    [ "$code" -le 128 ] || [ "$code" -eq 255 ] || exit 3
    exit 1
}

# By name: the exit code is 0 also when no job is left, an id that Slurm has used again does not matter, and jobs that a submit
# without an answer has started are found. All states are asked for: what is not known to be an end is alive.
alive() {
    need squeue 3
    need_sight
    out=$(squeue --noheader --array --name="$PIXSWEEP_NAME" --states=all --format='%i %T %R')
    printf '%s\n' "$out" | awk '
        NF == 0 || $2 ~ /^(COMPLETED|CANCELLED|FAILED|TIMEOUT|NODE_FAIL|PREEMPTED|BOOT_FAIL|DEADLINE|OUT_OF_MEMORY|REVOKED)$/ {
            next
        }
        {
            state = "running"
            if ($2 ~ /^(PENDING|CONFIGURING|REQUEUED|REQUEUE_.*|SPECIAL_EXIT|RESV_DEL_HOLD)$/) state = "pending"
            if ($2 ~ /^(COMPLETING|STAGE_OUT)$/) state = "ending"
            reason = $0
            sub(/^[^ ]+ +[^ ]+ */, "", reason)
            # A reason stands in parentheses, nodes do not.
            node = reason !~ /^\(.*\)$/
            if (!node) reason = substr(reason, 2, length(reason) - 2)
            if (node != (state == "running") || reason == "None") reason = ""
            print $1 " " state (reason == "" ? "" : " " reason)
        }'
}

# Only jobs of this name: an id may be another job by now.
cancel() {
    need scancel 3
    need_sight
    words=$(mktemp)
    trap 'rm -f "$words"' EXIT
    code=0
    scancel --name="$PIXSWEEP_NAME" "$@" 2>"$words" || code=$?
    # Gone is what they are to be.
    if grep -q -i -e 'invalid job id' -e 'already completing or completed' "$words" &&
        ! grep -q -v -i -e 'invalid job id' -e 'already completing or completed' "$words"; then
        code=0
    fi
    [ "$code" -eq 0 ] || { cat "$words" >&2; exit 3; }
}

limits() {
    need scontrol 3
    config=$(scontrol show config)
    printf '%s\n' "$config" | awk '
        $1 == "MaxArraySize" && $3 > 0 {print "max_array_size " $3}
        $1 == "KillWait" {print "kill_wait " $3}'
    # The limit of a user stands in the accounting database, where there is one. Several accounts: the smallest limit.
    if printf '%s\n' "$config" | grep -q '^AccountingStorageType *= *accounting_storage/slurmdbd' &&
        command -v sacctmgr >/dev/null; then
        sacctmgr --noheader --parsable2 show associations user="$(id -un)" ${PIXSWEEP_ACCOUNT:+account="$PIXSWEEP_ACCOUNT"} \
            format=MaxSubmitJobs 2>/dev/null |
            awk '$1 ~ /^[0-9]+$/ && (least == "" || $1 < least) {least = $1} END {if (least != "") print "max_submit_jobs " least}'
    fi
}

verb=${1:-}
[ $# -eq 0 ] || shift
case $verb in
submit | alive | cancel | limits) "$verb" "$@" ;;
*) say "launcher: unknown verb '$verb'"; exit 2 ;;
esac
