# A sweep on two machines that ssh reaches: what their jobs recorded equals, to the last bit, what one machine records. $2 is pixsweep.
NEEDED="sshd ssh ssh-keygen unshare"
PIXSWEEP=$(readlink -f "$2")
. "$(dirname "$0")/lib.sh"
. "$HERE/../e2e/same.sh"
command -v sqlite3 >/dev/null || skip "no sqlite3 shell (tools/deps installs it)"
[[ -n $(find /usr/share/fonts -name DejaVuSans.ttf 2>/dev/null) ]] || skip "no DejaVu fonts"
. "$HERE/ssh_hosts.sh"
export PIXSWEEP_CORE_LOCKS=$WORK/cores

pixsweep() { # CODE ARGS...: what it said is in $WORK/out and $WORK/err
    local expected=$1 code=0
    shift
    "$PIXSWEEP" "$@" >"$WORK/out" 2>"$WORK/err" || code=$?
    [[ $code == "$expected" ]] || fail "pixsweep $* ended with $code, not $expected: $(cat "$WORK/out" "$WORK/err")"
}
experiment() { # NAME HOSTS EPOCHS
    printf '%s\n' "name: $1" 'dataset: data' 'img_height: 32' 'img_width: 32' 'ngf: 4' 'ndf: 4' 'batch_size: 8' "n_epochs: $3" \
        'checkpoint_interval: 10' 'sweep: {grid: {lambda_pixel: [10, 100]}, seeds: 2}' \
        "run: {on: ssh, ssh: {hosts: [$2], cpus_per_task: 1, tasks: 2, look_every: 1s, ask_every: 1s, extra: [-F, $WORK/ssh_config]}}" >"$1.yaml"
}
cd share
pixsweep 0 data glyphs --source DejaVuSans.ttf --target DejaVuSerif.ttf --chars ascii --size 32 --train 16 --val 6 --out data
experiment lab "pc1, pc2" 10
pixsweep 0 run lab.yaml --results near --on here

step "four runs on two machines, collected here"
pixsweep 0 run lab.yaml --results far --db "$WORK/own.db"
grep -q '4 runs to do, 2 jobs submitted' ../err || fail "$(cat ../err)"
grep -q '4 of 4 runs completed' ../out || fail "$(cat ../out)"
same_rows near far
files_as_listed far
expect far "SELECT count(*) FROM attempt" 4

step "cancelled while it trains: its job stops it, and the other runs are completed"
experiment long "pc1, pc2" 3000
"$PIXSWEEP" run long.yaml --results far --db "$WORK/own.db" >../one.out 2>../one.err &
soon 2 sql far "SELECT count(*) FROM run JOIN sweep USING (sweep_id) WHERE sweep.name = 'long' AND run.state = 'running'"
pixsweep 0 cancel long --results far
code=0
wait $! || code=$?
[[ $code == 1 ]] || fail "the collector ended with $code: $(cat ../one.err)"
expect far "SELECT count(*) FROM run JOIN sweep USING (sweep_id) WHERE sweep.name = 'long' AND run.state = 'cancelled'" 4
expect far "SELECT count(*) FROM attempt WHERE ended_ms IS NULL" 0

step "a machine without the shared folder is named, and nothing is started"
experiment apart "pc1, pc3" 10
pixsweep 2 run apart.yaml --results apart --db "$WORK/apart.db"
grep -q 'pc3 does not see' ../err || fail "$(cat ../err)"
step "well"
