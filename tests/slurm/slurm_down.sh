#!/usr/bin/env bash
# Ends the cluster that slurm_up.sh has started in DIR, with its jobs and mounts, and removes DIR. Usage: slurm_down.sh DIR
set -uo pipefail

D=${1:?usage: slurm_down.sh DIR}
[[ -d $D ]] || exit 0
D=$(cd "$D" && pwd -P)
[[ -e $D/munge ]] || { echo "slurm_down: $D holds no cluster" >&2; exit 1; }
export SLURM_CONF=$D/slurm.conf

# Faults of a test end first: a daemon that stands still ends nothing.
daemons=()
note() { # PIDFILE NAME
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 0
    [[ $(cat "/proc/$pid/comm" 2>/dev/null) == "$2" ]] || return 0
    kill -CONT "$pid" && daemons+=("$pid")
}
for file in "$D"/fuse.*.pid; do note "$file" bindfs; done
disks=("${daemons[@]}")
daemons=()
for file in "$D"/slurmd.*.pid; do note "$file" slurmd; done
note "$D/slurmctld.pid" slurmctld
note "$D/munge/pid" munged

# Whole processes of jobs have this cluster and a job in their environment, slurmstepd at least this cluster.
job_processes() {
    local file
    while read -r file; do
        if grep -q -z '^SLURM_JOB_ID=' "$file" || [[ $(cat "${file%/environ}/comm") == slurmstepd ]]; then
            file=${file#/proc/} && echo "${file%/environ}"
        fi
    done < <(grep -l -z -x -F "SLURM_CONF=$SLURM_CONF" /proc/[0-9]*/environ)
}
gone() { # PID...: waits; false where one is left
    local i pid left
    for ((i = 0; i < 100; i++)); do
        left=no
        for pid in "$@"; do [[ -e /proc/$pid && $(awk '/^State:/ {print $2}' "/proc/$pid/status" 2>/dev/null) != Z ]] && left=yes; done
        [[ $left == no ]] && return 0
        sleep 0.05
    done
    return 1
}
# Nothing is worth an end in good order: the folder goes, too. Once the daemons are dead, nothing new starts.
for pid in "${daemons[@]}"; do kill -KILL "$pid" 2>/dev/null; done
gone "${daemons[@]}"
for ((i = 0; i < 20; i++)); do
    mapfile -t jobs < <(job_processes 2>/dev/null)
    [[ ${#jobs[@]} -gt 0 ]] || break
    for pid in "${jobs[@]}"; do [[ $pid == "$$" ]] || kill -KILL "$pid" 2>/dev/null; done
    sleep 0.05
done
for pid in "${disks[@]}"; do kill -TERM "$pid" 2>/dev/null; done
while read -r mount; do umount -l "$mount" 2>/dev/null; done < <(awk -v d="$D/disk" '$1 == d && $3 ~ /^fuse/ {print $2}' /proc/self/mounts)
gone "${disks[@]}" || for pid in "${disks[@]}"; do kill -KILL "$pid" 2>/dev/null; done

ports=${TMPDIR:-/tmp}/pixsweep-slurm-ports
if [[ -s $D/port ]] && [[ $(cat "$ports/$(cat "$D/port")/owner" 2>/dev/null) == "$D" ]]; then
    rm -r "${ports:?}/$(cat "$D/port")"
    rmdir "$ports" 2>/dev/null
fi
# The guard waits for its owner; where it is what called us, it ends by itself.
guard=$(cat "$D/guard.pid" 2>/dev/null)
if [[ -n $guard && $guard != "$$" ]] && tr '\0' ' ' <"/proc/$guard/cmdline" 2>/dev/null | grep -q -F " guard "; then
    kill -- "-$guard" 2>/dev/null
fi
rm -rf "$D"
exit 0
