# Shared by the end-to-end tests: a folder of their own, tiny data from real fonts, words for what went wrong.
# Usage: lib.sh is sourced; $1 of the sourcing script is the pixsweep program.
set -eu

PIXSWEEP=$1
[ -x "$PIXSWEEP" ] || { echo "usage: $0 PIXSWEEP" >&2; exit 2; }
PIXSWEEP=$(cd "$(dirname "$PIXSWEEP")" && pwd)/$(basename "$PIXSWEEP")
command -v sqlite3 >/dev/null || { echo "skipped: no sqlite3 shell (tools/deps installs it)"; exit 77; }
[ -n "$(find /usr/share/fonts -name DejaVuSans.ttf 2>/dev/null)" ] || { echo "skipped: no DejaVu fonts"; exit 77; }

WORK=$(mktemp -d "${TMPDIR:-/tmp}/pixsweep-e2e.XXXXXX")
cleanup() {
    code=$?
    for job in $(jobs -p); do kill -KILL "$job" 2>/dev/null || true; done
    cd / && rm -rf "$WORK"
    exit $code
}
trap cleanup EXIT
cd "$WORK"
export PIXSWEEP_CORE_LOCKS="$WORK/cores" # tests that run beside each other are not to share out the cores

step() { echo "-- $*"; }

fail() {
    echo "FAILED: $*" >&2
    for log in "$WORK"/*.err; do [ -s "$log" ] && { echo "== $log" >&2; tail -n 30 "$log" >&2; }; done
    exit 1
}

# make_data DIR TRAIN VAL: letters in two styles, 32 pixels
make_data() {
    "$PIXSWEEP" data glyphs --source DejaVuSans.ttf --target DejaVuSerif.ttf --chars ascii --size 32 \
        --train "$2" --val "$3" --out "$1" >/dev/null 2>glyphs.err || fail "data glyphs"
}

# experiment FILE NAME LINES...: a narrow network on data/ above the lines given
experiment() {
    local file=$1 name=$2
    shift 2
    {
        printf 'name: %s\ndataset: data\nimg_height: 32\nimg_width: 32\nngf: 4\nndf: 4\nbatch_size: 8\n' "$name"
        printf '%s\n' "$@"
    } >"$file"
}

# run CODE RESULTS ARGS...: pixsweep run must end with CODE; what it said is in run.out and run.err
run() {
    local expected=$1 results=$2 code=0
    shift 2
    "$PIXSWEEP" run --results "$results" "$@" >run.out 2>run.err || code=$?
    [ "$code" -eq "$expected" ] || fail "run $* ended with $code, not $expected"
}

sql() { sqlite3 -batch "file:$1/pixsweep.db?mode=ro" "$2"; }

# expect RESULTS SQL VALUE
expect() {
    local value
    value=$(sql "$1" "$2") || fail "no answer to: $2"
    [ "$value" = "$3" ] || fail "$2: $value, not $3"
}

# soon RESULTS SQL VALUE: becomes true within 20 s
soon() {
    local value= i
    for i in $(seq 400); do
        value=$(sql "$1" "$2" 2>/dev/null) || true
        [ "$value" = "$3" ] && return
        sleep 0.05
    done
    fail "never came true: $2 = $3 (is $value)"
}

says() { grep -q -- "$2" "$1" || fail "$1 does not say \"$2\": $(cat "$1")"; }

# same_rows A B: both databases hold the same of everything that is measured, to the last bit, seconds apart
same_rows() {
    local table columns
    while read -r table columns; do
        for pair in "main other" "other main"; do
            set -- "$1" "$2" $pair
            local differing
            differing=$(sqlite3 -batch "$1/pixsweep.db" "ATTACH '$2/pixsweep.db' AS other;
                SELECT count(*) FROM (SELECT r.number, $columns FROM $3.$table JOIN $3.run r USING (run_id)
                EXCEPT SELECT r.number, $columns FROM $4.$table JOIN $4.run r USING (run_id))")
            [ "$differing" = 0 ] || fail "$differing rows of $table are in $3 only ($1, $2)"
        done
    done <<TABLES
batch_loss step, epoch, batch, loss_G, loss_GAN, loss_pixel, loss_D, loss_real, loss_fake, lr_G, lr_D
epoch epoch, lr_G, lr_D, avg_loss_G, avg_loss_GAN, avg_loss_pixel, avg_loss_D, avg_loss_real, avg_loss_fake, val_loss, is_best
sample step, epoch, path, sha256
best_sample step, epoch, path, sha256
checkpoint path, epoch, kind, net, sha256, bytes
TABLES
}

# files_as_listed RESULTS: every picture and checkpoint in the database is there with its hash
files_as_listed() {
    local n
    sql "$1" "SELECT sha256 || '  $1/' || dir || '/' || path FROM (SELECT run_id, path, sha256 FROM sample
              UNION ALL SELECT run_id, path, sha256 FROM best_sample UNION ALL SELECT run_id, path, sha256 FROM checkpoint) JOIN run USING (run_id)" >listed.txt
    n=$(wc -l <listed.txt)
    [ "$n" -gt 0 ] || fail "no files are listed"
    sha256sum --quiet -c listed.txt >&2 || fail "listed files differ from those in $1"
}

sound() {
    expect "$1" "PRAGMA integrity_check" ok
    expect "$1" "SELECT count(*) FROM pragma_foreign_key_check" 0
    expect "$1" "SELECT count(*) FROM run WHERE state = 'running'" 0
    expect "$1" "SELECT count(*) FROM attempt WHERE ended_ms IS NULL" 0
}
