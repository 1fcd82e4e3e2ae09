#!/usr/bin/env bash
# A look of a race is judged once, wherever the supervisor dies or its disk is full: the same files and decisions as of an undisturbed race.
. "$(dirname "$0")/lib.sh"

make_data data 8 4
experiment exp.yaml fault 'n_epochs: 1' 'sample_interval: 0' 'checkpoint_interval: 0' 'sweep:' '  grid: {lambda_pixel: [10, 20]}' \
    '  race: {confidence: 0.7, first: 2, max_seeds: 3}'
run 0 whole exp.yaml --jobs 1 --threads 1
kept whole >whole.files
[ "$(grep -c '/race/.*-0[12].json' whole.files)" -eq 2 ] || fail "not two looks: $(cat whole.files)"
decided() { sql "$1" "SELECT look, configuration, n, mean, difference, low, high, decision FROM v_race ORDER BY 1, 2"; }

# judged RULES [WORDS]
judged() {
    trial "$@"
    [ "$(decided res)" = "$(decided whole)" ] || wrong "other decisions: $(decided res)"
}

if [ -n "${FAULT_ONLY:-}" ]; then
    judged "$FAULT_ONLY"
    cat run.err
    exit
fi

step "killed in the middle of a look's file, before and after it has its name"
judged 'op=write,process=run,match=*/race/*.json.tmp,n=1,action=half,who=self'
judged 'op=rename,process=run,match=*/race/*.json*,n=2,action=kill,who=self'
judged 'op=rename,process=run,match=*/race/*.json*,n=1,action=after,who=self'

step "a full disk, and one that has no second names"
judged 'op=write,process=run,match=*/race/*.json.tmp,n=1,errno=ENOSPC'
judged 'op=rename,process=run,match=*/race/*.json*,n=1,errno=EPERM'
case $MODE in
long)
    step "every call"
    every action=kill,who=self run call 80
    every action=after,who=self run call 80
    [ "$(decided res)" = "$(decided whole)" ] || fail "other decisions"
    ;;
esac
summary
