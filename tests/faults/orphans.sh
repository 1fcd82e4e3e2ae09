#!/usr/bin/env bash
# SIGKILL of the supervisor at every stage of its workers: none of them is left behind, and the same command goes on.
. "$(dirname "$0")/lib.sh"
prepare

# Every process that works for us has the test's folder as its working directory.
left_behind() {
    local p
    for p in /proc/[0-9]*; do
        [ "$(readlink "$p/exe" 2>/dev/null)" = "$PIXSWEEP" ] && [ "$(readlink "$p/cwd" 2>/dev/null)" = "$WORK" ] &&
            grep -q . "$p/cmdline" 2>/dev/null && echo "${p#/proc/}"
    done
    return 0
}

# orphans RULES ARGS...: the supervisor dies where the rules say; its workers follow it
orphans() {
    local rules=$1 i
    shift
    trials=$((trials + 1))
    rm -rf res && mkdir res
    shimmed "$rules" run "$@" --results res --threads 1
    [ "$code" = 137 ] || fail "$rules: ended with $code, not killed"
    for i in $(seq 800); do
        [ -z "$(left_behind)" ] && return
        sleep 0.05
    done
    fail "$rules: left behind: $(left_behind | xargs -r ps -o pid,etimes,args -p)"
}

step "the preflight's batch"
orphans 'op=alloc,process=worker,n=40,action=kill,who=parent' exp.yaml
[ -z "$(find res -name records.bin)" ] || fail "this was no preflight"
step "a worker that starts"
orphans 'op=open,process=worker,match=*/records.bin,n=1,action=kill,who=parent' exp.yaml
step "training"
orphans 'op=write,process=worker,match=*/records.bin,n=6,action=kill,who=parent' exp.yaml
step "a checkpoint, a resume point"
orphans 'op=write,process=worker,match=*/generator_*,n=2,action=kill,who=parent' exp.yaml
orphans 'op=rename,process=worker,match=*/resume.safetensors,n=2,action=kill,who=parent' exp.yaml
step "waiting at a rung"
experiment rung.yaml rung 'n_epochs: 40' 'sweep: {grid: {learning_rate_G: [1e-4, 1e-3, 1e-5]}, prune: {rule: asha, rungs: [1]}}' \
    'run: {resume_every: 0s}'
"$PIXSWEEP" run rung.yaml --results res2 --jobs 2 --threads 1 >run.out 2>run.err &
pid=$!
soon res2 "SELECT count(*) > 0 FROM epoch WHERE run_id = 2" 1
kill -KILL $pid
wait $pid 2>/dev/null || true
for i in $(seq 800); do
    [ -z "$(left_behind)" ] && break
    sleep 0.05
done
[ -z "$(left_behind)" ] || fail "left behind at a rung: $(left_behind)"

step "the same command goes on"
code=137
until_done
as_undisturbed
echo "$trials trials"
