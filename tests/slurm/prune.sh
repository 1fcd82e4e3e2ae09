# sweep.prune over the nodes of a real Slurm, whose shared disk shows late what others have written: the same runs are given up, with the
# same rows and words, as on one machine; also where a job is requeued in the middle. prune.sh DRIVE PIXSWEEP
. "$(dirname "$0")/sweeps.sh"

verdicts() { # DB
    sql "$1" "SELECT number, state FROM run ORDER BY number;
              SELECT number, epoch, value, cutoff, verdict FROM rung JOIN run USING (run_id) ORDER BY number, epoch;
              SELECT number, message FROM event JOIN run USING (run_id) WHERE kind = 'pruned' ORDER BY number"
}
export SLURM_SHARED=$WORK/far SLURM_STALE=5
cluster_up
cat >rungs.yaml <<'YAML'
name: rungs
dataset: data
img_height: 32
img_width: 32
ngf: 4
ndf: 4
batch_size: 8
n_epochs: 6
sample_interval: 0
checkpoint_interval: 3
sweep:
  points:
    - {learning_rate_G: 1e-6, ngf: 20, ndf: 16}
    - {learning_rate_G: 1e-3}
    - {learning_rate_G: 2e-3}
    - {learning_rate_G: 1e-4}
    - {learning_rate_G: 1e-2}
    - {learning_rate_G: 5e-4}
    - {learning_rate_G: 3e-3}
    - {learning_rate_G: 2e-4}
  prune: {rule: asha, rungs: [1, 3]}
run: {on: slurm, resume_every: 0s, slurm: {cpus_per_task: 1, mem: none, tasks: 3}}
YAML
pixsweep 0 run rungs.yaml --results near --on here --jobs 2 --threads 1
verdicts near >near.txt
[[ $(grep -c '|pruned$' near.txt) -ge 4 && $(grep -c '|completed$' near.txt) -ge 2 ]] || fail "no such sweep: $(cat near.txt)"
pixsweep 0 run rungs.yaml --results far --detach
says "8 runs to do, 3 jobs submitted"
first=$(echo "$WORK"/far/rungs/0001-*)
begun() { [[ -z $(workers "$first") ]] || echo yes; }
soon yes begun
held=$(workers "$first")
kill -STOP "$held" # it goes on once Slurm ends its job
echo "$held" >"$WORK/pids/$held"
step "all others wait for the first run, whose job is requeued"
soon 2 sh -c "ls '$WORK'/far/rungs/000[2-8]-*/resume.safetensors | wc -l"
job=$(sed -n 's/^task=//p' "$first/.claim")
scontrol requeue "$job"
soon PENDING state_of "$job"
scontrol update JobId="$job" StartTime=now
all_ended far/rungs
collect rungs
verdicts far >far.txt
diff near.txt far.txt >&2 || fail "other runs were pruned"
same_rows near far
files_as_listed far
sound far
[[ -z $(find far -name '.claim*') ]] || fail "claims are left: $(find far -name '.claim*')"
step "well"
