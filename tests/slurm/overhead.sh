#!/usr/bin/env bash
# What runs on other machines cost beside their training, as a table. By hand, on a machine that has nothing else to do:
#
#   tests/slurm/overhead.sh BUILD [start|run|collector]     BUILD: the build folder; without a word, all three
#
#   start       from the start of the job script to the end of the first training step
#   run         of one run in a job, beyond its epochs: calls that a network disk answers, and time
#   collector   of one that collects a hundred runs, each of which records 10 batches a second
#
# Disks are those of this machine, and the same with MS (5) milliseconds before each such call (slow_disk.c). No Slurm is needed: the
# launcher says that jobs are there, and the test is the jobs.
set -euo pipefail

BUILD=$(readlink -f "${1:?usage: overhead.sh BUILD [start|run|collector]}")
only=${2:-}
pixsweep=$BUILD/src/cli/pixsweep slow=$BUILD/tests/slurm/libpxs_slow_disk.so
ms=${MS:-5} seconds=${SECONDS_OF_COLLECTING:-60}
work=$(mktemp -d "${TMPDIR:-/tmp}/pixsweep-overhead.XXXXXX")
started=()
clean_up() {
    kill -KILL "${started[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
cd "$work"
export PIXSWEEP_CORE_LOCKS=$work/cores

cat >launcher <<'SH'
#!/bin/sh
case $1 in
submit) echo "$3" >"$PIXSWEEP_DIR/count"; echo "1_[0-$(($3 - 1))]" ;;
alive) i=0; while [ $i -lt "$(cat "$PIXSWEEP_DIR/count")" ]; do echo "1_$i running replayed$((i % 10))"; i=$((i + 1)); done ;;
cancel) ;;
*) exit 2 ;;
esac
SH
chmod 755 launcher
data() { # DIR SIZE PAIRS
    "$pixsweep" data glyphs --source DejaVuSans.ttf --target DejaVuSerif.ttf --chars ascii --size "$2" --train "$3" --val 6 \
        --out "$1" >/dev/null
}
experiment() { # NAME LINES...
    printf '%s\n' "name: $1" 'batch_size: 8' 'sample_interval: 0' 'checkpoint_interval: 0' "${@:2}" \
        'run: {on: ./launcher, launcher: {cpus_per_task: 1}}' >"$1.yaml"
}
tiny=('dataset: small' 'img_height: 32' 'img_width: 32' 'ngf: 4' 'ndf: 4')
submitted() { # NAME FOLDER: what jobs of this experiment need
    "$pixsweep" run "$1.yaml" --results "$2" --no-probe --detach >said 2>&1 || { cat said >&2; exit 1; }
}
job() { # MS FOLDER NAME: a job of it, with the program in its place
    env LD_PRELOAD="$slow" SLOW_ROOT="$work/$2" SLOW_MS="$1" SLOW_LOG="$work/calls" PIXSWEEP_TASK=1_0 \
        bash "$work/$2/$3/cluster/0001/job.sh"
}
row() { printf '%-58s %12s %12s\n' "$@"; }
row '' 'local disk' "$ms ms a call"

if [[ -z $only || $only == start ]]; then
    data small 32 16
    data large 64 16
    experiment narrow "${tiny[@]}" 'n_epochs: 1000'
    experiment lab64 'dataset: large' 'img_height: 64' 'img_width: 64' 'n_epochs: 1000'
    for name in narrow lab64; do
        took=()
        for delay in 0 "$ms"; do
            rm -rf res
            submitted $name res
            # The second record of a run that starts is that of its first batch.
            took+=("$(python3 - "$work" $name "$slow" "$delay" <<'PY'
import glob, os, subprocess, sys, time
work, name, slow, delay = sys.argv[1:]
folder = f'{work}/res/{name}'
script = f'{folder}/cluster/0001/job.sh'
env = dict(os.environ, LD_PRELOAD=slow, SLOW_ROOT=f'{work}/res', SLOW_MS=delay, PIXSWEEP_TASK='1_0')
began = time.monotonic()
job = subprocess.Popen(['bash', script], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while True:
    files = glob.glob(f'{folder}/0001-*/records.bin')
    text = open(files[0], 'rb').read() if files else b''
    if text.count(b'PXR\n') >= 2:
        break
    if job.poll() is not None:
        sys.exit('the job has ended without a step')
    time.sleep(0.001)
print(f'{time.monotonic() - began:.2f} s')
job.terminate()
job.wait()
PY
)")
        done
        row "job script to first step, $name" "${took[@]}"
    done
fi

if [[ -z $only || $only == run ]]; then
    runs=20
    [[ -d small ]] || data small 32 16
    experiment cost "${tiny[@]}" 'n_epochs: 2' "sweep: {seeds: $runs}"
    cost=() calls=() whole=()
    for delay in 0 "$ms"; do
        rm -rf res calls
        submitted cost res
        began=$(date +%s%N)
        job "$delay" res cost >said 2>&1 || { cat said >&2; exit 1; }
        took=$((($(date +%s%N) - began) / 1000000))
        rm -f res/pixsweep.db*
        "$pixsweep" merge res --db own.db >/dev/null
        trained=$(sqlite3 own.db 'SELECT CAST(sum(seconds) * 1000 AS INTEGER) FROM epoch')
        rm -f own.db*
        whole+=("$((took / runs)) ms") cost+=("$(((took - trained) / runs)) ms") calls+=("$(($(wc -l <calls) / runs))")
    done
    row 'calls of one run, its supervisor included' "${calls[@]}"
    row 'one run of two epochs' "${whole[@]}"
    row 'of that beyond its epochs' "${cost[@]}"
fi

if [[ -z $only || $only == collector ]]; then
    [[ -d small ]] || data small 32 16
    data many 32 80
    experiment hundred "${tiny[@]}" 'n_epochs: 100000' 'sweep: {seeds: 100}'
    sed -i 's/dataset: small/dataset: many/' hundred.yaml
    rm -rf res
    "$pixsweep" run hundred.yaml --results res --no-probe --db "$work/own.db" >said 2>&1 &
    collector=$!
    started+=($collector)
    until grep -qs '^accepted' res/hundred/cluster/0001/submission; do
        kill -0 $collector 2>/dev/null || { cat said >&2; exit 1; }
        sleep 0.05
    done
    "$BUILD/tests/slurm/replay" res/hundred/cluster/0001 10 "$seconds" >replayed &
    started+=($!)
    sleep 10 # the first look at each run
    ticks() { awk '{sub(/.*\) /, ""); print $12 + $13 + $14 + $15}' "/proc/$collector/stat"; }
    before=$(ticks) from=$(date +%s%N)
    sleep $((seconds - 12))
    used=$((($(ticks) - before) * 1000 / $(getconf CLK_TCK))) passed=$((($(date +%s%N) - from) / 1000000))
    row 'a collector of 100 runs at 10 batches a second, of a core' "$(awk "BEGIN {printf \"%.1f %%\", 100 * $used / $passed}")" ''
    wait "${started[-1]}" || true
    cat replayed
    sleep 32 # a last look at each run
    kill -TERM $collector # a script's background processes do not hear SIGINT
    wait $collector || true
    echo "$(sqlite3 own.db 'SELECT count(*) FROM batch_loss') batches are in the collector's database"
fi
