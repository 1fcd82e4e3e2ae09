# A sweep on a real Slurm: what its jobs recorded equals, to the last bit, what one machine records. $2 is pixsweep; $3 = smoke: two
# runs in a few seconds.
. "$(dirname "$0")/sweeps.sh"

if [[ ${3:-} == smoke ]]; then
    SLURM_NODES=1 cluster_up
    experiment few 1 'n_epochs: 2' 'checkpoint_interval: 1'
    pixsweep 0 run few.yaml --results far --detach
    says "2 runs to do, 2 jobs submitted"
    pixsweep 0 run few.yaml --results near --on here
    all_ended far/few
    pixsweep 0 merge far/few --results far
    pixsweep 0 show 1 --results far
    job=$(sed -n 's/^id //p' far/few/cluster/0001/submission)
    says " ${job}_"
    log=$(sed -n "s/^log of job ${job}_[01]: //p" out)
    grep -q '0001.*: completed' "$log" || fail "show names another log: $log"
    same_rows near far
    files_as_listed far
    step "well"
    exit 0
fi

cluster_up
step "six runs on three nodes"
experiment six 3 'n_epochs: 3' 'checkpoint_interval: 1'
pixsweep 0 run six.yaml --results near --on here
pixsweep 0 plan six.yaml --results far
says "6 runs to do, 6 jobs of 1 core"
says "1001 jobs in an array"
pixsweep 0 run six.yaml --results far --detach
says "6 jobs submitted"
says "squeue -n pixsweep-six-"
all_ended far/six
[[ ! -e far/pixsweep.db ]] || fail "a job has made a database"
is 6 sh -c "ls far/six/cluster/0001/log | wc -l"
pixsweep 0 run six.yaml --results far --detach
says "nothing to do"
pixsweep 0 merge far/six --results far
expect far "SELECT count(*) FROM run WHERE state = 'completed'" 6
expect far "SELECT count(*) FROM attempt" 6
same_rows near far
files_as_listed far
sound far

step "half here, half there, two jobs for six runs, one job cancelled on the way; the same command starts what is missing"
experiment half 3 'n_epochs: 30' 'checkpoint_interval: 1' 'sample_interval: 0'
pixsweep 0 run half.yaml --results near2 --on here --set sweep.seeds=1 # so that runs have the same numbers
pixsweep 0 run half.yaml --results near2 --on here
pixsweep 0 run half.yaml --results mixed --on here --set sweep.seeds=1
pixsweep 0 run half.yaml --results mixed --set run.slurm.tasks=2 --detach
says "4 runs to do, 2 jobs submitted (tasks: is 2)"
job=$(sed -n 's/^id //p' mixed/half/cluster/0001/submission)
soon 2 sh -c "ls mixed/half/*/records.bin | wc -l | awk '{print (\$1 >= 4) * 2}'"
scancel "${job}_0"
soon 1 living
pixsweep 0 run half.yaml --results mixed --set run.slurm.tasks=2 --detach
says "1 job submitted beside 1 that live"
all_ended mixed/half
pixsweep 0 merge mixed/half --results mixed
expect mixed "SELECT count(*) FROM run WHERE state = 'completed'" 6
same_rows near2 mixed
files_as_listed mixed
sound mixed
