# A request whose answer was lost may be carried out late, beside the one that replaced it: the jobs of a submission that does not
# count do nothing. On a network disk the file may be seen late, too.
for ((i = 0; ; i++)); do
    said=
    { IFS= read -r said <"$dir/submission"; } 2>/dev/null
    [[ $said == "unknown $name" || $said == "accepted $name" ]] && break
    if ((i >= settle)); then
        echo "pixsweep: $name is not the submission of $dir (${said:-it cannot be read})" >&2
        [[ -n $said ]] || exit 75
        exit 0
    fi
    sleep 1
done
: >>"$dir/started" || exit 75

# The name of this job while it lives, as the launcher's `alive` prints it.
if [[ -z ${PIXSWEEP_TASK:-} ]]; then
    if [[ -n ${SLURM_ARRAY_JOB_ID:-} ]]; then
        PIXSWEEP_TASK=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
    elif [[ -n ${SLURM_JOB_ID:-} ]]; then
        PIXSWEEP_TASK=$SLURM_JOB_ID
    else
        stat=$(</proc/$$/stat)
        read -ra stat <<<"${stat##*) }"
        PIXSWEEP_TASK=${PIXSWEEP_HOST:-$(uname -n)}:$$:${stat[19]}
    fi
fi
PIXSWEEP_RESTART=${SLURM_RESTART_COUNT:-${PIXSWEEP_RESTART:-0}}
PIXSWEEP_CORES=${SLURM_CPUS_ON_NODE:-$cores}
export PIXSWEEP_TASK PIXSWEEP_RESTART PIXSWEEP_CORES
[[ -n $PIXSWEEP_CORES ]] || unset PIXSWEEP_CORES
