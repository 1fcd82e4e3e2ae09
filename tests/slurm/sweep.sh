# A sweep on a real Slurm: what its jobs recorded equals, to the last bit, what one machine records. $2 is pixsweep; $3 = smoke: two
# runs in a few seconds.
PIXSWEEP=$(readlink -f "$2")
. "$(dirname "$0")/lib.sh"
. "$HERE/../e2e/same.sh"
command -v sqlite3 >/dev/null || skip "no sqlite3 shell (tools/deps installs it)"
[[ -n $(find /usr/share/fonts -name DejaVuSans.ttf 2>/dev/null) ]] || skip "no DejaVu fonts"
export PIXSWEEP_CORE_LOCKS=$WORK/cores

pixsweep() { # CODE ARGS...: what it said is in $WORK/out and $WORK/err
    local expected=$1 code=0
    shift
    "$PIXSWEEP" "$@" >"$WORK/out" 2>"$WORK/err" || code=$?
    [[ $code == "$expected" ]] || fail "pixsweep $* ended with $code, not $expected: $(cat "$WORK/out" "$WORK/err")"
}
living() { squeue -h -r -o %j | grep -c '^pixsweep-' || true; }
all_ended() {
    soon 0 living
    if grep -h -q -i -e 'command not found' -e 'unknown command' "$1"/cluster/*/log/*; then fail "jobs could not run"; fi
}
experiment() { # NAME SEEDS LINES...
    printf '%s\n' "name: $1" 'dataset: data' 'img_height: 32' 'img_width: 32' 'ngf: 4' 'ndf: 4' 'batch_size: 8' \
        'checkpoint_interval: 1' "${@:3}" "sweep: {grid: {lambda_pixel: [10, 100]}, seeds: $2}" \
        'run: {on: slurm, slurm: {cpus_per_task: 1, mem: none}}' >"$1.yaml"
}
pixsweep 0 data glyphs --source DejaVuSans.ttf --target DejaVuSerif.ttf --chars ascii --size 32 --train 16 --val 6 --out data

if [[ ${3:-} == smoke ]]; then
    SLURM_NODES=1 cluster_up
    experiment few 1 'n_epochs: 2'
    pixsweep 0 run few.yaml --results far
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
experiment six 3 'n_epochs: 3'
pixsweep 0 run six.yaml --results near --on here
pixsweep 0 plan six.yaml --results far
says "6 runs to do, 6 jobs of 1 core"
says "1001 jobs in an array"
pixsweep 0 run six.yaml --results far
says "6 jobs submitted"
says "squeue -n pixsweep-six-"
all_ended far/six
[[ ! -e far/pixsweep.db ]] || fail "a job has made a database"
is 6 sh -c "ls far/six/cluster/0001/log | wc -l"
pixsweep 0 run six.yaml --results far
says "nothing to do"
pixsweep 0 merge far/six --results far
expect far "SELECT count(*) FROM run WHERE state = 'completed'" 6
expect far "SELECT count(*) FROM attempt" 6
same_rows near far
files_as_listed far
sound far

step "half here, half there, two jobs for six runs, one job cancelled on the way; the same command starts what is missing"
experiment half 3 'n_epochs: 30' 'sample_interval: 0'
pixsweep 0 run half.yaml --results near2 --on here --set sweep.seeds=1 # so that runs have the same numbers
pixsweep 0 run half.yaml --results near2 --on here
pixsweep 0 run half.yaml --results mixed --on here --set sweep.seeds=1
pixsweep 0 run half.yaml --results mixed --set run.slurm.tasks=2
says "4 runs to do, 2 jobs submitted (tasks: is 2)"
job=$(sed -n 's/^id //p' mixed/half/cluster/0001/submission)
soon 2 sh -c "ls mixed/half/*/records.bin | wc -l | awk '{print (\$1 >= 4) * 2}'"
scancel "${job}_0"
soon 1 living
pixsweep 0 run half.yaml --results mixed --set run.slurm.tasks=2
says "1 job submitted beside 1 that live"
all_ended mixed/half
pixsweep 0 merge mixed/half --results mixed
expect mixed "SELECT count(*) FROM run WHERE state = 'completed'" 6
same_rows near2 mixed
files_as_listed mixed
sound mixed
