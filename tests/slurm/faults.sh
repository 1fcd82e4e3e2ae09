# Faults of a cluster, each on a Slurm of its own: a sweep goes on from each, and afterwards every row, picture and weight equals the
# undisturbed local run's. faults.sh DRIVE PIXSWEEP SCENARIO [SHIM]
SHIM=${4:+$(readlink -f "$4")}
. "$(dirname "$0")/sweeps.sh"

# sweep NAME SEEDS EPOCHS KEYS: an experiment of 2 * SEEDS short runs with a resume point after each batch, and what one machine makes
# of it
sweep() {
    local keys=${4:-tasks: 1}
    [[ $keys == *ask_every* ]] || keys+=', ask_every: 1s'
    experiment "$1" "$2" "n_epochs: $3" 'sample_interval: 20' 'checkpoint_interval: 10' \
        "run: {on: slurm, resume_every: 0s, slurm: {cpus_per_task: 1, mem: none, look_every: 1s, $keys}}"
    pixsweep 0 run "$1.yaml" --results near --on here --jobs 2 --threads 1
    far=$WORK/far/$1 first=$WORK/far/$1/0001-lambda_pixel-10-s0 second=$WORK/far/$1/0002-lambda_pixel-10-s1
}
submit() { pixsweep 0 run "$1.yaml" --results far --detach; }
said() { cat "$far"/cluster/*/log/"$1.log" | grep -c -F "$2" || true; } # JOB TEXT: in how many lines of its log
# How often the job has begun. A requeued one starts soon after. Slurm waits two minutes before, unless it is told otherwise, which it
# forgets while the old one ends; and a node refuses, for good, what starts within the second in which it has killed the old one.
lives() { # JOB
    local start
    start=$(scontrol show job "$1" | sed -n 's/^ *StartTime=\([-0-9T:]*\) .*/\1/p')
    if [[ $(state_of "$1") == PENDING && $(date -d "${start:-now}" +%s) -gt $(date -d '+10 seconds' +%s) ]]; then
        scontrol update JobId="$1" StartTime="$(date -d '+4 seconds' +%Y-%m-%dT%H:%M:%S)" || true
    fi
    said "$1" "task $1 on"
}

# Undisturbed: 24 runs, an array of six jobs on three nodes.
array() {
    cluster_up
    sweep many 12 6 'tasks: 6'
    follow many
    told "24 runs to do, 6 jobs submitted"
    PATIENCE=300 followed 0
    told "24 of 24 runs completed"
    all_ended "$far"
    equal many 24
    attempts "completed 24"
    is 6 sh -c "cat $far/cluster/0001/log/* | grep -c ': 24 of 24 runs done, 0 failed here\|: [0-9]* of 24 runs done, 0 failed here, [0-5] at work'"
}

# One job is cancelled, then all, and the collector says what is to be done; the same command goes on.
cancel() {
    cluster_up
    sweep some 3 40 'tasks: 3'
    follow some
    job=$(array_of "$far")
    hold "$first"
    owner=$(sed -n 's/^task=//p' "$first/.claim")
    scancel "$owner"
    soon 2 living
    hold "$far"/0006-*
    scancel "$job"
    PATIENCE=120 followed 1
    told "no job is left for them; the same command submits them"
    all_ended "$far"
    follow some
    told "[1-6] runs* to do, [123] jobs* submitted"
    PATIENCE=120 followed 0
    all_ended "$far"
    equal some 6
    expect far "SELECT count(*) FROM attempt WHERE reason NOT IN ('completed', 'stopped')" 0
    expect far "SELECT count(*) > 1 FROM attempt WHERE resumed_from_step > 0" 1
}

# Requeued by hand, and preempted: the job goes on exactly, which is no retry.
requeue() {
    cluster_up
    sweep some 1 60 'tasks: 1, partition: low'
    follow some
    job=$(array_of "$far")_0
    step "by hand"
    hold "$first"
    scontrol requeue "$job"
    soon PENDING state_of "$job"
    soon 2 lives "$job"
    step "by jobs that come first"
    hold "$first"
    for node in n1 n2 n3; do sbatch -o /dev/null -p high -w "$node" -c 2 --wrap 'sleep 1000' >>high; done
    soon PENDING state_of "$job"
    scancel -p high
    soon 3 lives "$job"
    PATIENCE=120 followed 0
    all_ended "$far"
    equal some 2
    attempts "completed 2, stopped 2"
    expect far "SELECT count(*) FROM attempt WHERE resumed_from_step > 0" 2
}

# The time is up: Slurm says so beforehand, the job stops with resume points and requeues itself.
time_limit() {
    cluster_up
    sweep some 2 40 'tasks: 1, time: 10m, warn_before: 55s'
    submit some
    job=$(array_of "$far")_0
    hold "$first"
    scontrol update JobId="$job" TimeLimit=1
    PATIENCE=90 soon 1 said "$job" "the time is nearly up"
    scontrol update JobId="$job" TimeLimit=10
    release "$held"
    soon PENDING state_of "$job"
    is 1 said "$job" "requeued as job $job"
    soon 2 lives "$job"
    all_ended "$far"
    equal some 4
    attempts "completed 4, stopped 1"
}

# A node's slurmd dies and comes back soon: its job does not notice.
slurmd() {
    cluster_up
    sweep some 1 40 'tasks: 1'
    submit some
    job=$(array_of "$far")_0
    hold "$first"
    node=$(squeue -h -r -j "$job" -o %N)
    kill -KILL "$(cat "$CLUSTER/slurmd.$node.pid")"
    cluster_up
    is RUNNING state_of "$job"
    release "$held"
    all_ended "$far"
    is 1 lives "$job"
    equal some 2
    attempts "completed 2"
}

# The controller stands still while `run` submits, and while it asks what lives: one submission.
frozen() {
    local pid
    export SLURM_EXTRA='MessageTimeout=2'
    cluster_up
    sweep some 2 10 'tasks: 2'
    kill -STOP "$(cat "$CLUSTER/slurmctld.pid")"
    "$PIXSWEEP" run some.yaml --results far --detach >one.out 2>one.err &
    pid=$!
    PATIENCE=120 soon 1 sh -c 'grep -c -m 1 "not known yet" one.err'
    kill -CONT "$(cat "$CLUSTER/slurmctld.pid")"
    wait $pid || fail "run ended with $?: $(cat one.err)"
    grep -q "4 runs to do, 2 jobs submitted" one.out || fail "said: $(cat one.out)"
    is 1 sh -c "ls $far/cluster | grep -c '^0'"
    all_ended "$far"
    is 2 sh -c "ls $far/cluster/0001/log | wc -l"
    is 2 sh -c "grep -c . $CLUSTER/jobcomp.txt"
    equal some 4
    attempts "completed 4"

    step "while it asks what lives"
    sweep other 1 60 'tasks: 1'
    submit other
    hold "$first"
    kill -STOP "$(cat "$CLUSTER/slurmctld.pid")"
    "$PIXSWEEP" run other.yaml --results far --detach >one.out 2>one.err &
    pid=$!
    PATIENCE=120 soon 1 sh -c 'grep -c -m 1 "trying again in" one.err'
    kill -CONT "$(cat "$CLUSTER/slurmctld.pid")"
    wait $pid || fail "run ended with $?: $(cat one.err)"
    grep -q "no more are started" one.out || fail "said: $(cat one.out)"
    release "$held"
    all_ended "$far"
    is 3 sh -c "grep -c . $CLUSTER/jobcomp.txt"
    equal other 6
}

# The controller stands still while it is asked by a collector: nothing is concluded and nothing submitted, and records come in.
polling() {
    local began asked
    export SLURM_EXTRA='MessageTimeout=2'
    cluster_up
    sweep some 3 40 'tasks: 2'
    count_calls
    PATH=$WORK/bin:$PATH follow some
    told "6 runs to do, 2 jobs submitted"
    hold "$first"
    kill -STOP "$(cat "$CLUSTER/slurmctld.pid")"
    asked=$(wc -l <asked)
    PATIENCE=120 soon yes sh -c "[ \$(wc -l <asked) -ge $((asked + 4)) ] && echo yes"
    PATIENCE=120 soon 5 collected
    is 1 sh -c "ls $far/cluster | grep -c '^0'"
    grep "no job is left\|submitting again\|claim is void" collector.err && fail "something was concluded"
    kill -TERM "$collector" # it leaves, though its question has no answer
    followed 130
    told "jobs go on without this process"
    kill -CONT "$(cat "$CLUSTER/slurmctld.pid")"

    step "once a minute"
    : >asked
    began=$SECONDS
    PATH=$WORK/bin:$PATH follow some --set run.slurm.ask_every=60s
    told "nothing to do"
    PATIENCE=20 soon 1 grep -c . asked # the first one
    kill -STOP "$(cat "$CLUSTER/slurmctld.pid")"
    PATIENCE=90 soon 2 grep -c . asked
    kill -CONT "$(cat "$CLUSTER/slurmctld.pid")"
    release "$held"
    followed 0
    echo "asked squeue $(grep -c . asked) times in $((SECONDS - began)) s"
    (($(grep -c . asked) <= 1 + (SECONDS - began) / 60)) || fail "squeue was asked too often: $(cat asked)"
    all_ended "$far"
    is 2 sh -c "grep -c . $CLUSTER/jobcomp.txt"
    equal some 6
    attempts "completed 6"
}

# The machine of the collector dies; jobs go on to their end, and the same command on another login node collects what they did.
some_collected() { [[ $(collected) -ge 1 ]] && echo yes; }
login_node() {
    export SLURM_SHARED=$WORK/far SLURM_CPUS=1
    cluster_up
    sweep some 3 40 'tasks: 2'
    follow some
    hold "$first"
    soon yes some_collected
    pkill -KILL -s "$collector"
    followed 137
    release "$held"
    all_ended "$far"
    [[ $(collected) -lt 6 ]] || fail "nothing was left to collect"
    OWN=other # with a view of the shared disk of its own
    LOGIN=(nsenter --mount --target "$(cat "$CLUSTER/fuse.n3.pid")" unshare --uts sh -c 'hostname login2 && cd "$0" && exec "$@"' "$WORK")
    follow some
    told "nothing to do"
    told "claimed by process $collector on \|this process follows"
    touch -d '-16 minutes' far/.collector/.claim # so long after the last sign of life
    PATIENCE=60 followed 0
    told "collecting from here on"
    LOGIN=()
    OWN=third
    equal some 6
    attempts "completed 6"
}

# Two users give the same command at once: together as many jobs as there are runs, and no run twice; one collects, the other follows.
two_users() {
    local pid
    cluster_up
    sweep some 4 20 'tasks: 5'
    umask 000 # a folder of a group
    mkdir -m 777 far user
    cp "$PIXSWEEP" user_pixsweep && chmod 755 user_pixsweep # where everybody may read it
    setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/ PIXSWEEP_CORE_LOCKS=/dev/null "$WORK/user_pixsweep" run some.yaml --results far --db "$WORK/user/own.db" >one.out 2>one.err &
    pid=$!
    echo "$pid" >"$WORK/pids/user"
    follow some
    PATIENCE=120 followed 0
    wait $pid || fail "the other user's run ended with $?: $(cat one.out one.err)"
    cat one.err collector.err >both
    [[ $(grep -c "5 jobs submitted" both) == 1 ]] || fail "said: $(cat both)"
    [[ $(grep -c "this process follows" both) == 1 && $(grep -c "^collecting into" both) == 1 ]] || fail "said: $(cat both)"
    all_ended "$far"
    is 5 sh -c "grep -c . $CLUSTER/jobcomp.txt"
    OWN=next
    equal some 8
    attempts "completed 8"
}

# Begun here, continued on Slurm, and the other way.
mixed() {
    local pid
    cluster_up
    sweep some 2 40 'tasks: 2'
    "$PIXSWEEP" run some.yaml --results far --on here --jobs 1 --threads 1 >one.out 2>one.err &
    pid=$!
    hold "$second"
    kill -TERM $pid
    release "$held"
    wait $pid && fail "it was not interrupted: $(cat one.err)"
    follow some
    told "3 runs to do, 2 jobs submitted"
    hold "$second"
    scancel "$(array_of "$far")"
    PATIENCE=120 followed 1
    all_ended "$far"
    pixsweep 0 run some.yaml --results far --on here --jobs 2 --threads 1
    expect far "PRAGMA application_id" 1886942071
    OWN=next
    equal some 4
    expect far "SELECT count(*) FROM attempt WHERE reason NOT IN ('completed', 'stopped')" 0
    expect far "SELECT count(*) FROM attempt WHERE run_id = 2 AND resumed_from_step > 0" 2
}

# The node is lost to Slurm, which starts its job again on another one, while the old process trains on: fenced, it writes nothing.
lost_node() {
    local log node zombie supervisor
    export SLURM_SHARED=$WORK/far SLURM_STALE=2 SLURM_SLURMD_TIMEOUT=5 SLURM_NODES=2
    cluster_up
    sweep some 2 60 'tasks: 1'
    follow some
    job=$(array_of "$far")_0
    log=$far/cluster/0001/log/$job.log
    hold "$first"
    zombie=$held
    supervisor=$(awk '/^PPid:/ {print $2}' "/proc/$zombie/status")
    kill -STOP "$supervisor"
    echo "$supervisor" >"$WORK/pids/supervisor"
    node=$(squeue -h -r -j "$job" -o %N)
    kill -KILL "$(cat "$CLUSTER/slurmd.$node.pid")"
    PATIENCE=90 soon PENDING state_of "$job"
    PATIENCE=90 soon 2 lives "$job"
    [[ $(squeue -h -r -j "$job" -o %N) != "$node" ]] || fail "it runs on $node, which is lost"
    PATIENCE=90 soon 1 said "$job" "goes on from step"
    hold "$first" "$(squeue -h -r -j "$job" -o %N)"

    step "both are there: the worker of the lost node goes on, and ends where it would write"
    kill -CONT "$zombie"
    soon gone sh -c "[ -e /proc/$zombie ] && grep -q '^State:.[^Z]' /proc/$zombie/status || echo gone"
    kill -CONT "$supervisor"
    soon 1 said "$job" "its claim is lost, it is stopped here"
    release "$held"
    PATIENCE=90 soon gone sh -c "[ -e /proc/$supervisor ] || echo gone"
    grep -h "writes nothing more" "$first"/worker*.log | sort | uniq -c >said
    [[ $(wc -l <said) -ge 1 ]] || fail "the old worker did not say why it ended"
    step "and the node is back"
    cluster_up
    PATIENCE=120 followed 0
    all_ended "$far"
    is 1 said "$job" "task $job was started again and works on $(sed -n "s/.*task $job on \(n.\),.*/\1/p" "$log" | tail -n 1): this one ends"
    equal some 4
    attempts "completed 4, lost 1"
}

# Three nodes, a job on each, whose disk is as bad as NFS. No job is left once two answers say so, and the disk shows by then what the
# last one wrote.
shared() { # SEEDS EPOCHS
    export SLURM_SHARED=$WORK/far SLURM_CPUS=1
    cluster_up
    sweep some "$1" "$2" 'tasks: 3, ask_every: 12s'
}
# The run at which a node is.
run_on() { # NODE
    local pid
    for pid in $(pgrep -f "^pixsweep worker $far/"); do
        if grep -q -z -x "SLURMD_NODENAME=$1" "/proc/$pid/environ"; then tr '\0' '\n' <"/proc/$pid/cmdline" | tail -n 1; fi
    done
}
on_n1() { trains "$(run_on n1)"; }

# Sizes and names are ten seconds old: a job may not see yet that a run was completed elsewhere, and make it again, to the same bits.
stale() {
    shared 5 20
    submit some
    all_ended "$far"
    equal some 10
    attempts "completed 10"
}

# The disk of a node does not answer for a while; the other nodes do the rest.
hung() {
    shared 3 40
    follow some
    soon yes on_n1
    kill -STOP "$(cat "$CLUSTER/fuse.n1.pid")"
    PATIENCE=120 soon 1 living
    kill -CONT "$(cat "$CLUSTER/fuse.n1.pid")"
    PATIENCE=120 followed 0
    all_ended "$far"
    equal some 6
    attempts "completed 6"
}

# The disk of a node is gone; the other nodes do the rest, and the same command the run that was cut off.
gone() {
    shared 3 40
    follow some
    soon yes on_n1
    hold "$(run_on n1)"
    kill -KILL "$(cat "$CLUSTER/fuse.n1.pid")"
    release "$held"
    PATIENCE=120 followed 1
    told "its claim is void, since job $(array_of "$far")_"
    told "no job is left for them; the same command submits them"
    all_ended "$far"
    scontrol update NodeName=n1 State=DRAIN Reason=disk
    follow some
    told "1 run to do, 1 job submitted"
    PATIENCE=120 followed 0
    all_ended "$far"
    if grep "does not show yet" "$far"/cluster/0002/log/*; then fail "the job has waited for the end of an attempt that was cut off"; fi
    equal some 6
    expect far "SELECT count(*) FROM attempt WHERE reason NOT IN ('completed', 'lost')" 0
}

# A disk without locks is no error: claims alone keep the jobs apart.
no_locks() {
    [[ -n $SHIM ]] || fail "which library injects faults?"
    cluster_up
    truncate -s 4096 state
    sweep some 3 10 "tasks: 3, setup: \"export FAULT='op=lock,match=*/.*.lock,n=1,count=0,errno=ENOLCK' FAULT_ROOT=$WORK/far FAULT_STATE=$WORK/state LD_PRELOAD=$SHIM\""
    submit some
    all_ended "$far"
    [[ $(od -A n -t d8 -N 8 state) -ge 12 ]] || fail "hardly a lock failed: $(od -A n -t d8 -N 8 state)"
    equal some 6
    attempts "completed 6"
}

# What a newer pixsweep has written is refused in words by jobs and by merge, and stays as it is.
versions() {
    local sum
    cluster_up
    sweep some 1 10 'tasks: 1'
    submit some
    all_ended "$far"
    cp "$first/records.bin" whole.bin
    printf 'pxsrec\r\n\3\0\0\0\x2d\x31\x94\x62' | dd of="$first/records.bin" conv=notrunc status=none
    sum=$(sha256sum "$first/records.bin")
    pixsweep 1 merge far/some --results far
    says "has format version 3, and this pixsweep"
    says "a newer pixsweep wrote it"
    expect far "SELECT count(*) FROM run" 1
    submit some
    says "1 run to do, 1 job submitted"
    all_ended "$far"
    grep -q "a newer pixsweep wrote it" "$far"/cluster/0002/log/* || fail "the job said: $(cat "$far"/cluster/0002/log/*)"
    grep -q "1 of 2 runs done.* 1 left" "$far"/cluster/0002/log/* || fail "the job said: $(cat "$far"/cluster/0002/log/*)"
    is "$sum" sha256sum "$first/records.bin"
    cp whole.bin "$first/records.bin"
    equal some 2
}

# Commands while jobs are at work: they see what is done, and leave alone what is claimed.
commands() {
    local before
    export SLURM_SHARED=$WORK/far SLURM_CPUS=1 SLURM_NODES=2 SLURM_STALE=1
    cluster_up
    sweep some 2 40 'tasks: 2'
    submit some
    soon yes on_n1
    hold "$(run_on n1)"
    PATIENCE=120 soon 1 living
    before=$(sha256sum "$held_run/records.bin")
    mkdir db
    local where=(--results far --db db/pixsweep.db) claimed="is claimed by process .* on n1, task $(array_of "$far")_"
    pixsweep 1 merge far/some "${where[@]}"
    says "4 runs: 3 taken"
    grep -q "${held_run##*/}: not taken: .*$claimed" err || fail "merge said: $(cat err)"
    pixsweep 0 show some/4 "${where[@]}"
    says completed
    pixsweep 0 backup copy.db "${where[@]}"
    is 3 sqlite3 copy.db "SELECT count(*) FROM run WHERE state = 'completed'"
    pixsweep 0 retry some "${where[@]}"
    says "0 runs to try again"
    pixsweep 0 reap "${where[@]}"
    pixsweep 1 rm some --yes "${where[@]}"
    grep -q "nothing was removed: 1 job of the sweep lives on other machines; .pixsweep cancel some" err || fail "rm said: $(cat err)"
    is "$before" sha256sum "$held_run/records.bin"
    release "$held"
    all_ended "$far"
    equal some 4
    attempts "completed 4"
}

# 1,000 tiny runs in 40 jobs: how often Slurm is asked, and how many files there are.
thousand() {
    local began
    export SLURM_CPUS=14
    cluster_up
    experiment many 500 'n_epochs: 1' 'sample_interval: 0' 'checkpoint_interval: 0' \
        'run: {on: slurm, slurm: {cpus_per_task: 1, mem: none, tasks: 40}}'
    pixsweep 0 run many.yaml --results near --on here --jobs 2 --threads 1
    far=$WORK/far/many
    count_calls
    began=$SECONDS
    PATH=$WORK/bin:$PATH follow many
    told "1000 runs to do, 40 jobs submitted"
    PATIENCE=20 soon 1 sh -c "ls $far/*/.claim | head -n 1 | wc -l"
    PATH=$WORK/bin:$PATH submit many
    says "no more are started"
    PATIENCE=400 followed 0
    told "1000 of 1000 runs completed"
    echo "asked squeue $(grep -c . asked) times in $((SECONDS - began)) s"
    (($(grep -c . asked) <= 1 + (SECONDS - began) / 60 + 1)) || fail "squeue was asked too often: $(cat asked)"
    all_ended "$far"
    is 40 sh -c "grep -c . $CLUSTER/jobcomp.txt"
    is "$(find near/many -type f | wc -l)" sh -c "find $far -type f ! -path '*/cluster/*' | wc -l"
    echo "$(find "$far/cluster" -type f | wc -l) files of the submission"
    (($(find "$far/cluster" -type f | wc -l) <= 4 * 40)) || fail "too many files: $(find "$far/cluster" -type f)"
    equal many 1000
    attempts "completed 1000"
}

"${3:?which scenario}"
step "well"
