# sweep.race over the nodes of a real Slurm, whose shared disk shows late what others have written: the same looks to the byte, and the same
# rows, as on one machine; also where a job is requeued in the middle of a look. race.sh DRIVE PIXSWEEP
. "$(dirname "$0")/sweeps.sh"

export SLURM_SHARED=$WORK/far SLURM_STALE=5
cluster_up
pixsweep 0 data glyphs --source DejaVuSans.ttf --target DejaVuSerif.ttf --chars ascii --size 32 --train 8 --val 4 --out few
cat >race.yaml <<'YAML'
name: race
dataset: few
img_height: 32
img_width: 32
ngf: 4
ndf: 4
batch_size: 8
n_epochs: 2
sample_interval: 0
checkpoint_interval: 0
sweep:
  points:
    - {learning_rate_G: 1e-9, ngf: 20, ndf: 16}
    - {learning_rate_G: 2e-3}
    - {learning_rate_G: 2e-3, learning_rate_D: 1e-2}
  race: {confidence: 0.7, first: 3, max_seeds: 5}
run: {on: slurm, resume_every: 0s, slurm: {cpus_per_task: 1, mem: none, tasks: 3}}
YAML
pixsweep 0 run race.yaml --results near --on here --jobs 2 --threads 1
[[ $(ls near/race/race | wc -l) -eq 3 ]] || fail "not three looks"
pixsweep 0 run race.yaml --results far --detach
says "15 runs to do, 3 jobs submitted"
first=$(echo "$WORK"/far/race/0001-*)
begun() { [[ -z $(workers "$first") ]] || echo yes; }
soon yes begun
held=$(workers "$first")
kill -STOP "$held" # it goes on once Slurm ends its job
echo "$held" >"$WORK/pids/$held"
step "all others wait for the first run, whose job is requeued"
soon 8 sh -c "grep -l . '$WORK'/far/race/000[2-9]-*/ends.txt | wc -l"
[[ ! -e far/race/race ]] || fail "a look was judged without its run"
job=$(sed -n 's/^task=//p' "$first/.claim")
scontrol requeue "$job"
soon PENDING state_of "$job"
scontrol update JobId="$job" StartTime=now
all_ended far/race
collect race
diff -r near/race/race far/race/race >&2 || fail "other decisions"
[[ $(sql far "SELECT count(*) FROM v_race") == "$(sql near "SELECT count(*) FROM v_race")" ]] || fail "other rows"
same_rows near far
sound far
[[ -z $(find far -name '.claim*') ]] || fail "claims are left: $(find far -name '.claim*')"
step "well"
