#!/usr/bin/env bash
# The queue through the real program: order, slots, the preflight of real networks, the pause after failures, on_done.
. "$(dirname "$0")/lib.sh"

make_data data 16 4
order="SELECT group_concat(number) FROM (SELECT number FROM attempt JOIN run USING (run_id) ORDER BY attempt_id)"

step "seed-major; the plan lists runs as written; on_done has the counts"
experiment exp.yaml queue 'n_epochs: 2' 'sweep:' '  grid: {learning_rate_G: [1e-4, 2e-4]}' '  seeds: 2' \
    'run:' '  order: seed_major' '  resume_every: 1m' \
    "  on_done: 'echo \"\$PIXSWEEP_SWEEP \$PIXSWEEP_COMPLETED of \$PIXSWEEP_TOTAL\" >done.txt; echo mailed'"
"$PIXSWEEP" plan exp.yaml --results res >plan.out 2>plan.err || fail plan
says plan.out 'order: seed_major'
run 0 res exp.yaml --jobs 1
expect res "$order" 1,3,2,4
says run.err 'preflight: 1 shape, one batch of each'
says run.err 'on_done: mailed'
[ "$(cat done.txt)" = "queue 4 of 4" ] || fail "on_done wrote: $(cat done.txt)"

step "auto: the cores are shared by the runs that there are, to the same bits"
run 0 auto exp.yaml --set run.on_done=none
same_rows res auto
if [ "$(nproc)" -eq 2 ]; then
    expect auto "SELECT group_concat(DISTINCT threads) FROM attempt" 1
    run 0 one exp.yaml --set sweep.seeds=1 --set sweep.grid.learning_rate_G=[1e-4] --set run.on_done=none
    expect one "SELECT threads FROM attempt" 2
fi

step "weights that do not belong, and a batch that no machine holds: refused before anything starts"
run 2 bad exp.yaml --set ngf=8 --set init_from="$(ls res/queue/0001-*/saved_models/generator_min.safetensors)"
says run.err 'init_from: .*has shape .*; here are ngf 8 and channels 3: give the values'
! grep -q preflight run.err || fail "not by the plan"
weights=$(ls -d res/queue/0001-*/saved_models)
echo words >words.safetensors
for given in ndf=8:$weights/generator_min.safetensors:'/d/discriminator_min.*here are ndf 8' \
    ngf=4:$weights/d/discriminator_min.safetensors:'the weights of a discriminator patch .*; give those of the generator' \
    ngf=4:words.safetensors:'not a safetensors file'; do
    IFS=: read -r key file words <<<"$given"
    code=0
    "$PIXSWEEP" plan exp.yaml --results bad --set "$key" --set "init_from=$file" >plan.out 2>plan.err || code=$?
    [ $code -eq 2 ] || fail "plan of $given ended with $code"
    says plan.err "init_from: .*$words"
done
run 2 bad exp.yaml --set batch_size=4000 --set img_height=512 --set img_width=512 --set ngf=64
says run.err 'preflight: run queue/0001-.*does not fit'
[ ! -e bad/pixsweep.db ] || fail "something was started"

step "the pause after failures: one failure, and the rest waits; then it goes on"
experiment exp.yaml paused 'n_epochs: 2' 'sweep:' '  seeds: 3' 'run: {max_failures: 1, retries: 0, on_done: echo paused}'
mkdir -p paused/paused/0001-base-s0/images/0.png # a picture cannot be written where a folder is
run 1 paused exp.yaml --jobs 1
says run.err 'paused: 1 run failed in a row'
says run.out '^Nothing else is started\. When the cause' # a line of its own
says run.out 'the same command goes on with the rest'
says run.err 'on_done: paused'
expect paused "SELECT state FROM sweep" paused
expect paused "SELECT group_concat(state) FROM (SELECT state FROM run ORDER BY number)" failed,queued,queued
run 1 paused exp.yaml --jobs 1
expect paused "SELECT state FROM sweep" open
expect paused "SELECT group_concat(state) FROM (SELECT state FROM run ORDER BY number)" failed,completed,completed

step "a run that is removed while it waits is left out, and the others go on; one that runs can be cancelled"
experiment exp.yaml gone 'n_epochs: 200' 'validation: off' 'sample_interval: 0' 'sweep:' '  seeds: 3'
"$PIXSWEEP" run exp.yaml --results gone --jobs 1 --threads 1 >run.out 2>run.err &
pid=$!
soon gone "SELECT count(*) > 10 FROM batch_loss" 1
"$PIXSWEEP" rm --results gone --yes gone/0002-base-s1 >rm.out 2>rm.err || fail "rm of a queued run"
"$PIXSWEEP" cancel --results gone gone/0001-base-s0 >cancel.out 2>cancel.err || fail "cancel"
code=0
wait $pid || code=$?
[ $code -eq 1 ] || fail "ended with $code, not 1"
says run.err 'gone/0002-base-s1: removed from the database'
expect gone "SELECT group_concat(number || state) FROM (SELECT number, state FROM run ORDER BY number)" 1cancelled,3completed
expect gone "SELECT group_concat(outcome) FROM attempt" cancelled,completed
sound gone
