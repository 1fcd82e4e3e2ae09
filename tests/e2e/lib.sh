# Shared by the end-to-end tests: a folder of their own, tiny data from real fonts, words for what went wrong.
# Usage: lib.sh is sourced; $1 of the sourcing script is the pixsweep program.
set -eu
. "$(dirname "${BASH_SOURCE[0]}")/same.sh"

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
export PIXSWEEP_PROC="$WORK/no-proc" # nor is watch to find their sweeps

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

# does CODE WORDS ARGS...: pixsweep ARGS on the results folder res must end with CODE and say WORDS; stderr is in words.err
does() {
    local expected=$1 words=$2 code=0
    shift 2
    "$PIXSWEEP" "$@" --results res >words.out 2>words.err </dev/null || code=$?
    [ "$code" -eq "$expected" ] || fail "$* ended with $code, not $expected: $(cat words.out words.err)"
    cat words.out words.err >words.both
    says words.both "$words"
}

# until_there COMMAND...: becomes true within 30 s
until_there() {
    local i
    for i in $(seq 600); do
        "$@" 2>/dev/null && return
        sleep 0.05
    done
    fail "never came true: $*"
}
