# The launcher on a real Slurm in a few seconds: two jobs start, are listed, are cancelled.
. "$(dirname "$0")/lib.sh"

SLURM_NODES=1 cluster_up
submission one slurm
drive 0 one cpus=1 submit 2
says accepted
soon "0 2 0 0" counts one
soon 2 events one start
drive 0 one alive
grep -q -x "2 jobs at work on 1 node" err || fail "not said: $(cat err)"
read -r id rest < <("$DRIVE" "$WORK/one" alive)
grep -q -x "start $id 0 1" one/events || fail "PIXSWEEP_TASK is not the id $id: $(cat one/events)"
drive 0 one limits
says "1001 -1 5"
drive 0 one cancel "${id%_*}"
soon "0 0 0 0" counts one
is 2 events one term
step "well"
