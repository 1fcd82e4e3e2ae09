#!/usr/bin/env bash
# A real Slurm on one machine for tests: munged, slurmctld and several slurmd, as root, without systemd.
#
#   slurm_up.sh DIR          starts what does not run yet; all of it lives in DIR (config, keys, state, logs, pids), nothing in /etc
#   . DIR/env                then sbatch, squeue, scancel, scontrol talk to this cluster only
#   slurm_down.sh DIR        ends it and removes DIR
#
# Several clusters run side by side, each on a range of ports of its own. Set by the environment:
#   SLURM_OWNER=PID          once this process is gone, however it died, the cluster is ended and DIR is removed
#   SLURM_NODES (3)          nodes n1, n2, ...; SLURM_CPUS (2): CPUs a node; SLURM_EXTRA: further lines of slurm.conf
#   SLURM_KILL_WAIT (5), SLURM_GRACE (5), SLURM_MIN_JOB_AGE (30), SLURM_MAX_ARRAY (1001), SLURM_SLURMD_TIMEOUT (10)
#   SLURM_SHARED=FOLDER      a disk as bad as NFS at FOLDER for the login (this machine) and each node, which then has a host name,
#                            a mount namespace and a bindfs mount of its own: flock and fcntl hold on one node only, sizes and names
#                            are up to SLURM_STALE (10) seconds old. Partitions low and high: low is preempted and requeued.
# Faults, by the pid files in DIR: kill -STOP of slurmctld.pid: the controller does not answer. kill -KILL of slurmd.n2.pid: Slurm loses
# n2, whose jobs go on until slurm_up.sh starts it again. kill -STOP or -KILL of fuse.n2.pid: n2's disk hangs or is gone.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
D=${1:?usage: slurm_up.sh DIR}
nodes=${SLURM_NODES:-3} cpus=${SLURM_CPUS:-2} shared=${SLURM_SHARED:-} stale=${SLURM_STALE:-10}
ports_dir=${TMPDIR:-/tmp}/pixsweep-slurm-ports # BASE/owner: the folder of the cluster that has the ports BASE to BASE + 99

say() { printf 'slurm_up: %s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}
wait_for() { # SECONDS WORDS COMMAND...
    local end=$((SECONDS + $1)) words=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= end)); then
            say "$words: not there in time"
            return 1
        fi
        sleep 0.05
    done
}
# Whether the process of a pid file lives and is the program that it should be.
alive() { # PIDFILE NAME
    local pid
    pid=$(cat "$1" 2>/dev/null) && [[ -n $pid ]] &&
        [[ $(awk '/^Name:/ {n = $2} /^State:/ {s = $2} END {print n, (s == "Z")}' "/proc/$pid/status" 2>/dev/null) == "$2 0" ]]
}

[[ $(id -u) == 0 ]] || die "needs root"
for program in munged slurmctld slurmd sbatch ${shared:+bindfs}; do
    command -v "$program" >/dev/null || die "there is no $program: tools/deps --slurm"
done
mkdir -p "$D/state" "$D/munge" "$D/sock"
D=$(cd "$D" && pwd -P)
chmod 755 "$D" "$D/state" "$D/sock"
chmod 700 "$D/munge"
host=$(uname -n)
host=${host%%.*}

# The cluster does not outlive its owner, even one that was killed and could not clean up.
if [[ -n ${SLURM_OWNER:-} ]] && ! alive "$D/guard.pid" bash; then
    setsid bash -c 'tail --pid="$1" -f /dev/null; exec "$2" "$3"' guard "$SLURM_OWNER" "$here/slurm_down.sh" "$D" \
        </dev/null >/dev/null 2>&1 &
    echo $! >"$D/guard.pid"
fi

# munged: a key and a socket of its own.
[[ -s $D/munge/key ]] || (umask 077 && head -c 1024 /dev/urandom >"$D/munge/key")
if ! alive "$D/munge/pid" munged; then
    rm -f "$D/munge/pid"
    munged --key-file="$D/munge/key" --socket="$D/sock/munge" --pid-file="$D/munge/pid" --log-file="$D/munge/log" \
        --seed-file="$D/munge/seed" --num-threads=2
fi
wait_for 20 munged munge --socket="$D/sock/munge" --no-input

# A range of ports below those of outgoing connections, that no other cluster has and nothing listens on.
listening() { awk 'FNR > 1 && $4 == "0A" {split($2, a, ":"); print a[2]}' /proc/net/tcp /proc/net/tcp6 2>/dev/null; }
choose_ports() {
    local base owner
    mkdir -p "$ports_dir"
    for base in $(seq 17000 100 31900 | shuf); do
        if ! mkdir "$ports_dir/$base" 2>/dev/null; then
            owner=$(cat "$ports_dir/$base/owner" 2>/dev/null) || continue # it is just being made
            { alive "$owner/munge/pid" munged || alive "$owner/slurmctld.pid" slurmctld; } && continue
        fi
        echo "$D" >"$ports_dir/$base/owner"
        listening | awk -v base="$base" 'BEGIN {h = "0123456789ABCDEF"}
            {n = 0; for (i = 1; i <= 4; i++) n = n * 16 + index(h, substr($1, i, 1)) - 1; if (n >= base && n < base + 100) exit 1}' &&
            echo "$base" && return
        rm -r "${ports_dir:?}/$base"
    done
    return 1
}
[[ -s $D/port ]] || choose_ports >"$D/port" || die "no range of 100 free ports"
port=$(cat "$D/port")

cat >"$D/slurm.conf.new" <<CONF
ClusterName=pixtest
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$D/sock/munge
StateSaveLocation=$D/state
SlurmctldPidFile=$D/slurmctld.pid
SlurmctldLogFile=$D/slurmctld.log
SlurmdSpoolDir=$D/spool/%n
SlurmdPidFile=$D/slurmd.%n.pid
SlurmdLogFile=$D/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$D/jobcomp.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=${SLURM_KILL_WAIT:-5}
MinJobAge=${SLURM_MIN_JOB_AGE:-30}
MaxArraySize=${SLURM_MAX_ARRAY:-1001}
SlurmctldTimeout=10
SlurmdTimeout=${SLURM_SLURMD_TIMEOUT:-10}
InactiveLimit=0
Waittime=0
ReturnToService=2
JobRequeue=1
MpiDefault=none
MailProg=/bin/true
SlurmdDebug=info
SlurmctldDebug=info
SlurmdParameters=config_overrides
NodeName=n[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + nodes))] CPUs=$cpus RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=60 PriorityTier=5 PreemptMode=OFF State=UP
PartitionName=low Nodes=ALL MaxTime=INFINITE DefaultTime=60 PriorityTier=1 PreemptMode=REQUEUE GraceTime=${SLURM_GRACE:-5} State=UP
PartitionName=high Nodes=ALL MaxTime=INFINITE DefaultTime=60 PriorityTier=10 PreemptMode=OFF State=UP
${SLURM_EXTRA:-}
CONF
changed=no
if ! cmp -s "$D/slurm.conf.new" "$D/slurm.conf"; then changed=yes; fi
mv "$D/slurm.conf.new" "$D/slurm.conf"
printf 'export SLURM_CONF=%q MUNGE_SOCKET=%q\n' "$D/slurm.conf" "$D/sock/munge" >"$D/env"
export SLURM_CONF=$D/slurm.conf

if ! alive "$D/slurmctld.pid" slurmctld; then
    rm -f "$D/slurmctld.pid"
    slurmctld -f "$D/slurm.conf"
elif [[ $changed == yes ]]; then
    scontrol reconfigure
fi
wait_for 20 slurmctld scontrol ping

# The shared disk: the login's mount, which each node hides behind one of its own that only its namespace sees.
mount_disk() { # NAME
    setsid bindfs -f --no-allow-other -o "attr_timeout=$stale,entry_timeout=$stale,negative_timeout=$stale" "$D/disk" "$shared" \
        >"$D/fuse.$1.log" 2>&1 </dev/null &
    echo $! >"$D/fuse.$1.pid"
}
mounted() { grep -q " $shared fuse" /proc/self/mounts && ls "$shared" >/dev/null; }
if [[ -n $shared ]]; then
    mkdir -p "$D/disk" "$shared"
    shared=$(cd "$shared" && pwd -P)
    if ! alive "$D/fuse.login.pid" bindfs; then
        umount -l "$shared" 2>/dev/null || true
        mount_disk login
    fi
    wait_for 20 "the shared disk" mounted
fi
start_node() { # NAME
    if [[ -z $shared ]]; then
        slurmd -N "$1" -f "$D/slurm.conf"
    elif alive "$D/fuse.$1.pid" bindfs; then # its namespace is there still
        nsenter --mount --uts --target "$(cat "$D/fuse.$1.pid")" slurmd -N "$1" -f "$D/slurm.conf"
    else
        export D shared stale
        export -f mount_disk mounted wait_for say
        unshare --mount --uts --propagation private bash -c '
            hostname "$1"
            umount -l "$shared"
            mount_disk "$1"
            wait_for 20 "the shared disk of $1" mounted || exit 1
            exec slurmd -N "$1" -f "$D/slurm.conf"' node "$1"
    fi
}
start_missing() {
    local i
    for i in $(seq "$nodes"); do
        alive "$D/slurmd.n$i.pid" slurmd && continue
        rm -f "$D/slurmd.n$i.pid"
        mkdir -p "$D/spool/n$i"
        start_node "n$i"
        wait_for 20 "the pid of n$i" test -s "$D/slurmd.n$i.pid"
    done
}
all_up() {
    local i
    for i in $(seq "$nodes"); do alive "$D/slurmd.n$i.pid" slurmd || return 1; done
    [[ $(sinfo -h -N -p main -o '%N %t' | grep -c -E ' (idle|alloc|mix)$') == "$nodes" ]]
}
# A slurmd that was killed a moment ago may still look alive, and the controller may not have noticed: until it holds twice.
end=$((SECONDS + 60)) good=0
while ((good < 2)); do
    start_missing
    if all_up; then good=$((good + 1)); else good=0; fi
    if ((SECONDS >= end)); then
        sinfo -N -l >&2 || true
        die "not all nodes are up: see $D/slurmd.*.log"
    fi
    sleep 0.05
done
say "$nodes nodes of $cpus CPUs are up: . $D/env"
