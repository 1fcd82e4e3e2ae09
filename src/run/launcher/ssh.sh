#!/bin/sh
# pixsweep's launcher for a few machines that share the results folder and let one log in by ssh without a password. The verbs
# are explained in slurm.sh. Keys: `hosts`, separated by commas or one a line; `extra`, arguments of ssh, one a line.
# Ids are HOST:PID:STARTTIME; what was started stands in DIR/ssh/NAME.NUMBER, written by the host itself, so that `alive` finds
# it also where a submit was cut off. No host needs anything but sh and /proc.
set -eu

say() { printf '%s\n' "$*" >&2; }

# The script that comes on stdin is run by sh, whatever the user's shell is there.
on_host() { # HOST
    host=$1
    set --
    while IFS= read -r argument; do
        [ -z "$argument" ] || set -- "$@" "$argument"
    done <<LINES
${PIXSWEEP_EXTRA:-}
LINES
    # Where an option is given twice, ssh takes the first.
    ssh "$@" -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=2 -- "$host" sh -s
}

# A word for the host's sh.
quote() {
    printf "'"
    printf '%s' "$1" | sed "s/'/'\\\\''/g"
    printf "'"
}

# What a host needs to say whether a process still is the one that was started; a zombie is not.
functions='
start_of() { sed "s/.*) //" "/proc/$1/stat" 2>/dev/null | while read -r state a b c d e f g h i j k l m n o p q r start rest; do
    [ "$state" = Z ] || echo "$start"; done; }
is_alive() { # HOST:PID:START
    start=${1##*:} pid=${1%:*}; pid=${pid##*:}
    [ -n "$start" ] && [ "$(start_of "$pid")" = "$start" ]
}'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

submit() { # DIR N
    dir=$1 count=$2
    [ -z "${PIXSWEEP_THROTTLE:-}" ] || [ "$PIXSWEEP_THROTTLE" -ge "$count" ] || count=$PIXSWEEP_THROTTLE
    printf '%s\n' "${PIXSWEEP_HOSTS:-}" | tr ', \t' '\n\n\n' | sed '/^$/d' >"$work/hosts"
    if ! [ -s "$work/hosts" ]; then
        say "no hosts: name them in the experiment file, run: {ssh: {hosts: pc1,pc2}}"
        exit 1
    fi
    if grep -v '^[A-Za-z0-9][A-Za-z0-9@._:-]*$' "$work/hosts" >"$work/bad"; then
        say "'$(head -n 1 "$work/bad")' is no name of a host"
        exit 1
    fi

    # Each host must see this very submission, before anything is started anywhere.
    number=0
    while IFS= read -r host; do
        number=$((number + 1))
        {
            code=0
            printf 'grep -qF -- %s %s/job.sh && echo seen || echo unseen\n' "$(quote "$PIXSWEEP_NAME")" "$(quote "$dir")" |
                on_host "$host" >"$work/seen.$number" 2>"$work/words.$number" || code=$?
            [ "$code" -eq 0 ] || echo silent >"$work/seen.$number"
        } &
    done <"$work/hosts"
    wait
    number=0
    : >"$work/good"
    while IFS= read -r host; do
        number=$((number + 1))
        case $(tail -n 1 "$work/seen.$number") in
        seen) printf '%s\n' "$host" >>"$work/good" ;;
        unseen)
            say "$host does not see $dir: the ssh launcher needs a results folder that all hosts share. Without one, call" \
                "pixsweep run on each host with a results folder of its own and bring them together with pixsweep merge"
            exit 1 ;;
        *) say "$host does not answer and is left out: $(tail -n 1 "$work/words.$number")" ;;
        esac
    done <"$work/hosts"
    hosts=$(grep -c '' "$work/good") || { say "no host answers"; exit 75; }

    mkdir -p "$dir/ssh"
    number=0
    while IFS= read -r host; do
        number=$((number + 1))
        jobs=$((count / hosts))
        [ "$number" -gt $((count % hosts)) ] || jobs=$((jobs + 1))
        [ "$jobs" -gt 0 ] || continue
        list=$dir/ssh/$PIXSWEEP_NAME.$number
        printf 'host %s\n' "$host" >"$list"
        {
            printf '%s\nhost=%s dir=%s list=%s number=%s jobs=%s\n' "$functions" "$(quote "$host")" "$(quote "$dir")" \
                "$(quote "$list")" "$number" "$jobs"
            cat <<'SCRIPT'
cd "$dir" || exit 3
i=0
while [ "$i" -lt "$jobs" ]; do
    i=$((i + 1))
    PIXSWEEP_HOST=$host setsid "$dir/job.sh" </dev/null >>"$dir/log/${host}_${number}_$i.log" 2>&1 &
    pid=$!
    id=$host:$pid:$(start_of "$pid")
    echo "$id" >>"$list"
    echo "$id"
done
SCRIPT
        } >"$work/script.$number"
        {
            code=0
            on_host "$host" <"$work/script.$number" >"$work/ids.$number" 2>"$work/words.$number" || code=$?
            echo "$code" >"$work/code.$number"
        } &
    done <"$work/good"
    wait
    failed=no
    for file in "$work"/code.*; do
        number=${file##*.}
        cat "$work/words.$number" >&2
        [ "$(cat "$file")" = 0 ] && cat "$work/ids.$number" || failed=yes
    done
    [ "$failed" = no ] || { say "a host failed while jobs were started on it"; exit 3; }
}

# One ssh a host. A host that does not answer leaves only its own jobs unknown.
alive() {
    # Where the folder cannot be seen, nobody knows.
    grep -q -F -- "$PIXSWEEP_NAME" "$PIXSWEEP_DIR/job.sh" || { say "$PIXSWEEP_DIR is not there or is another submission's"; exit 3; }
    number=0
    for list in "$PIXSWEEP_DIR/ssh/$PIXSWEEP_NAME".*; do
        [ -e "$list" ] || continue
        number=$((number + 1))
        sed 1d "$list" >"$work/asked.$number"
        [ -s "$work/asked.$number" ] || continue
        {
            echo "$functions"
            while IFS= read -r id; do
                printf 'is_alive %s && echo %s running %s\n' "$(quote "$id")" "$(quote "$id")" "$(quote "${id%:*:*}")"
            done <"$work/asked.$number"
            echo 'echo end'
        } >"$work/script.$number"
        {
            host=$(sed -n '1s/^host //p' "$list")
            on_host "$host" <"$work/script.$number" >"$work/alive.$number" 2>"$work/words.$number" || true
            if [ "$(tail -n 1 "$work/alive.$number")" != end ]; then
                sed "s/\$/ unknown $host does not answer/" "$work/asked.$number" >"$work/alive.$number"
            fi
        } &
    done
    wait
    [ "$number" -eq 0 ] || cat "$work"/alive.* 2>/dev/null | grep -v -x end || true
}

# The whole session of a job gets SIGTERM; it is the supervisor's to stop its workers in order.
cancel() { # ID...
    : >"$work/ids"
    for id in "$@"; do
        printf '%s\n' "$id" | grep '^[A-Za-z0-9][A-Za-z0-9@._:-]*:[0-9][0-9]*:[0-9][0-9]*$' >>"$work/ids" ||
            { say "'$id' is no id of a job: HOST:PID:STARTTIME"; exit 1; }
    done
    failed=no
    for host in $(sed 's/:[0-9]*:[0-9]*$//' "$work/ids" | sort -u); do
        {
            printf '%s\ncode=0\n' "$functions"
            while IFS= read -r id; do
                [ "${id%:*:*}" = "$host" ] || continue
                pid=${id%:*}
                pid=${pid##*:}
                printf '! is_alive %s || kill -s TERM -- -%s || ! is_alive %s || code=3\n' "$id" "$pid" "$id"
            done <"$work/ids"
            echo 'exit $code'
        } | on_host "$host" || { say "$host does not answer or does not obey: its jobs go on"; failed=yes; }
    done
    [ "$failed" = no ] || exit 3
}

verb=${1:-}
[ $# -eq 0 ] || shift
case $verb in
submit | alive | cancel) "$verb" "$@" ;;
*) say "launcher: unknown verb '$verb'"; exit 2 ;;
esac
