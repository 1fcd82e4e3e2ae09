# The launcher for Slurm against a real Slurm: arrays, throttle, cancel, requeue, a controller that stands still, a user's settings.
. "$(dirname "$0")/lib.sh"

export SLURM_EXTRA='MessageTimeout=2
PrivateData=jobs'
cluster_up
controller() { kill "-$1" "$(cat "$CLUSTER/slurmctld.pid")"; }
# Jobs that Slurm has for a folder, asked of Slurm itself by their script's folder.
in_slurm() { squeue -h -r -o '%i %Z' | grep -c -F " $WORK/$1" || true; }
# Starts of a requeued job: "1" soon after. Slurm waits two minutes before, unless it is told otherwise, which it forgets while the old
# one ends; and a node refuses, for good, what starts within the second in which it has killed the old one.
requeued_at() { date -d '+4 seconds' +%Y-%m-%dT%H:%M:%S; }
again() { # NAME ID TIME
    scontrol update JobId="$2" StartTime="$3" 2>/dev/null || true
    grep -c "^start $2 1 " "$WORK/$1/events"
}

step "an array of five, two at a time"
submission five slurm
drive 0 five throttle=2 cpus=1 seconds=3600 mem_mb=100 submit 5
array=$(sed -n 2p out)
soon "3 2 0 0" counts five
soon JobArrayTaskLimit reason five 4
is "00:00 100M 1" sh -c "squeue -h -r -j ${array}_4 -o '%M %m %c' | sed 's/^0:/00:/'"
is 1:00:00 squeue -h -r -j "${array}_4" -o %l
soon 2 events five start
drive 0 five alive
grep -q -x "2 jobs at work on [12] nodes\?, 3 pending (JobArrayTaskLimit)" err || fail "not said: $(cat err)"

step "asked for again: nothing happens"
drive 0 five submit 5
says "$array"
is 5 in_slurm five

step "one is cancelled, the next starts"
drive 0 five cancel "${array}_0"
soon 3 events five start
grep -q "^term ${array}_0 0 1$" five/events || fail "no SIGTERM: $(cat five/events)"
soon "2 2 0 0" counts five
drive 0 five cancel "${array}_0" # gone: no error

step "requeued by hand: the id is the same, the restart is counted"
scontrol requeue "${array}_1"
soon 1 sh -c "squeue -h -r -j ${array}_1 -t pending -o %i | wc -l"
"$DRIVE" "$WORK/five" alive | grep -q "^${array}_1 1 pending " || fail "requeued, and not pending"
drive 0 five cancel "${array}_2" "${array}_3" # the throttle holds for it, too
soon 1 again five "${array}_1" "$(requeued_at)"

step "preempted: the same id, pending"
submission low slurm
drive 0 low partition=low cpus=2 submit 1
low=$(sed -n 2p out)
soon "0 1 0 0" counts low
node=$(squeue -h -r -j "${low}_0" -o %N)
high=$(sbatch --parsable -o /dev/null -p high -w "$node" -c 2 --wrap 'sleep 100')
soon "1 0 0 0" counts low
is 1 events low term
scancel "$high"
soon 1 again low "${low}_0" "$(requeued_at)"
drive 0 low cancel "$low"
soon "0 0 0 0" counts low

step "another user, from whom the cluster hides our jobs: nobody knows"
submission hidden slurm
drive 0 hidden submit 1
soon "0 1 0 0" counts hidden
real=$DRIVE
printf '#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups "%s" "$@"\n' "$WORK/real_drive" >user_drive
cp "$real" real_drive # where everybody may read it
chmod 755 user_drive real_drive
DRIVE=$WORK/user_drive
drive 75 hidden alive
says "only who has submitted can ask for them"
[[ ! -s out ]] || fail "it said something: $(cat out)"
drive 75 hidden cancel "$(awk '{print $2}' hidden/events)"
DRIVE=$real
touch hidden/end
soon "0 0 0 0" counts hidden

step "an id is another job by now: only ours is cancelled"
other=$(sbatch --parsable -o /dev/null --wrap 'sleep 100')
drive 0 five cancel "$other" "${array}_4" 999999
soon running sh -c "squeue -h -j $other -o %T | tr A-Z a-z"
soon 0 sh -c "squeue -h -r -j ${array} -o %i | grep '_4$' | wc -l"
scancel "$other"

step "what the user has set for squeue and sbatch does not disturb"
real=$DRIVE
cat >user_drive <<WRAPPER
#!/bin/sh
export SQUEUE_FORMAT=%j SQUEUE_FORMAT2=jobid SQUEUE_STATES=FAILED SQUEUE_USERS=nobody SQUEUE_PARTITION=low SQUEUE_SORT=i
export SQUEUE_NAMES=none SCANCEL_STATE=PENDING SCANCEL_NAME=none SLURM_CLUSTERS=other SBATCH_CLUSTERS=other SBATCH_WAIT=1
export SLURM_TIME_FORMAT=relative SBATCH_NO_REQUEUE=1 SBATCH_JOB_NAME=other SBATCH_OPEN_MODE=truncate SBATCH_OUTPUT=/dev/null
exec "$real" "\$@"
WRAPPER
chmod 755 user_drive
submission user slurm
DRIVE=$WORK/user_drive
drive 0 user throttle=1 partition=high submit 2
soon "1 1 0 0" counts user
id=$(sed -n 2p out)
is high squeue -h -r -j "${id}_1" -o %P
is Requeue=1 sh -c "scontrol show job ${id}_1 | grep -o 'Requeue=.'"
drive 0 user cancel "$id"
soon "0 0 0 0" counts user
is 1 events user term
[[ -e user/log/${id}_0.log ]] || fail "no log"
DRIVE=$real

step "all are cancelled"
drive 0 five cancel "$array"
soon "0 0 0 0" counts five

step "arguments with spaces and quotes; a folder with what Slurm would replace"
submission "od d %A 'x'" slurm
drive 0 "od d %A 'x'" extra="--comment=it's two  words" extra=--begin=now+1hour submit 1
id=$(sed -n 2p out)
soon "1 0 0 0" counts "od d %A 'x'"
is "it's two  words" squeue -h -r -j "$id" -o %k
soon BeginTime reason "od d %A 'x'" 0
scontrol update JobId="$id" StartTime=now
soon "0 1 0 0" counts "od d %A 'x'"
soon 1 events "od d %A 'x'" start
[[ -e "od d %A 'x'/log/${id}_0.log" ]] || fail "no log: $(ls "od d %A 'x'/log")"
touch "od d %A 'x'/end"
soon "0 0 0 0" counts "od d %A 'x'"

step "a held job says why"
submission held slurm
drive 0 held extra=--hold submit 1
held=$(sed -n 2p out)
soon JobHeldUser reason held 0
drive 0 held alive
says "!1 job never starts (JobHeldUser: held: \`scontrol release\`)"
scontrol release "$held"
soon "0 1 0 0" counts held
scontrol requeuehold "${held}_0"
soon "job requeued in held state" reason held 0
drive 0 held alive
says "!1 job never starts (job requeued in held state: held after it failed: see the node, then \`scontrol release\`)"
drive 0 held cancel "$held"
soon "0 0 0 0" counts held

step "refused in Slurm's words"
submission bad slurm
drive 1 bad partition=nosuch submit 1
says "nvalid partition"
drive 1 bad throttle=1 submit 1002
says "nvalid job array"
drive 1 bad extra=--nosuch submit 1
is 0 in_slurm bad
drive 0 bad submit 1
drive 0 bad cancel "$(sed -n 2p out)"

step "from inside a job nothing of it is inherited"
submission inner slurm
sbatch -o "$WORK/outer.log" -c 2 --mem 200 --export=ALL,SBATCH_EXPORT=ALL --wrap "'$DRIVE' '$WORK/inner' submit 1; sleep 1" >/dev/null
soon 1 events inner start
is "start" sh -c "sed 's/ .*//' $WORK/inner/events"
grep -q " 0 1$" inner/events || fail "the outer job's cores: $(cat inner/events)"
tr '\0' '\n' <"/proc/$(pgrep -f "$WORK/inner/pixsweep" | head -n 1)/environ" >env.inner
grep -q '^SLURM_MEM_PER_NODE=200' env.inner && fail "the outer job's memory was inherited"
touch inner/end

step "the controller stands still during submit: unknown, found by name, one submission"
submission frozen slurm
controller STOP
drive 75 frozen settle_seconds=300 submit 3
says "is not known yet"
says unknown
name=$(awk '{print $2}' out)
drive 75 frozen settle_seconds=300 submit 3
controller CONT
soon 3 in_slurm frozen
drive 0 frozen settle_seconds=300 submit 3
says "accepted $name"
soon 3 events frozen start
is 3 in_slurm frozen
id=$(grep -m 1 -o '[0-9]*_[0-9]*' frozen/events)

step "and while it is asked who lives: nobody knows, never gone"
controller STOP
drive 75 frozen alive
[[ ! -s out ]] || fail "it said something: $(cat out)"
drive 75 frozen cancel "$id"
drive 75 frozen limits
controller CONT
soon "0 3 0 0" counts frozen
touch frozen/end
soon "0 0 0 0" counts frozen

step "the controller is dead at submit and alive later: asked for again, once"
submission dead slurm
scontrol shutdown slurmctld 2>/dev/null || controller KILL
soon no sh -c "scontrol ping >/dev/null 2>&1 && echo yes || echo no"
drive 75 dead settle_seconds=1 submit 2
name=$(awk '{print $2}' out)
drive 75 dead settle_seconds=1 submit 2
cluster_up
drive 0 dead settle_seconds=1 submit 2
says accepted
grep -q "$name" out && fail "under the old name"
soon 2 events dead start
is 2 in_slurm dead

step "a request that was carried out late does nothing"
cp dead/job.sh late.sh
sed -i "s/^name=.*/name='$name'/; s/^settle=.*/settle=1/" late.sh
late=$(sbatch --parsable -o "$WORK/late.log" -J "$name" late.sh)
soon 0 sh -c "squeue -h -j $late -t pending,running,completing -o %i | wc -l"
grep -q "is not the submission of" late.log || fail "it ran: $(cat late.log)"
is 2 events dead start
touch dead/end
soon "0 0 0 0" counts dead

step "ended before anybody asked: it was there"
submission short slurm
touch short/end
controller STOP
drive 75 short settle_seconds=0.01 submit 1
controller CONT
soon 1 events short end
soon "0 0 0 0" counts short
drive 0 short settle_seconds=0.01 submit 1
says accepted
is 1 events short start

step "another cluster beside this one, whose nodes share a disk as bad as NFS"
(
    CLUSTER=$WORK/second
    trap '"$HERE/slurm_down.sh" "$CLUSTER"' EXIT
    SLURM_SHARED=$WORK/nfs SLURM_NODES=2 cluster_up
    submission nfs/sweep slurm
    drive 0 nfs/sweep cpus=2 submit 2
    soon "0 2 0 0" counts nfs/sweep
    soon 2 events nfs/sweep start
    is "n1 n2" sh -c "echo \$(squeue -h -r -t running -o %N | sort)"
    # What makes it bad: a lock holds on one node only.
    flock "$WORK/nfs/lock" sleep 100 &
    locker=$!
    soon locked sh -c "flock -n $WORK/nfs/lock true || echo locked"
    is free nsenter --mount --target "$(cat "$CLUSTER/fuse.n1.pid")" sh -c "flock -n $WORK/nfs/lock echo free"
    kill "$locker"
    touch nfs/sweep/end
    soon "0 0 0 0" counts nfs/sweep
) || fail "on a shared disk"
squeue -h >/dev/null || fail "the first cluster went with the second"
step "well"
