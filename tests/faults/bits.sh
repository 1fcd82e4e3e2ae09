#!/usr/bin/env bash
# Resume points and classes of bits: what gives the same bits goes on to the end of a run that was never stopped, the rest is refused
# with its reason. Another OpenBLAS core and another C library are real ones here: both can be told not to use what the CPU has.
. "$(dirname "$0")/lib.sh"
[ "$(uname -m)" = x86_64 ] || { echo "skipped: how to choose an OpenBLAS core is known for x86-64 only"; exit 77; }
writes='op=write,process=worker,match=*/records.bin,action=kill'
prepare

# stop_at WIDTH: an undisturbed run and one that was killed behind a resume point, at this width
stop_at() {
    rm -rf whole res stopped
    experiment exp.yaml fault 'n_epochs: 4' 'sample_interval: 3' 'checkpoint_interval: 2' 'run: {resume_every: 0s}'
    sed -i "s/^\(n[gd]f\): .*/\1: $1/" exp.yaml
    run 0 whole exp.yaml --jobs 1 --threads 1
    kept whole >whole.files
    mkdir res
    shimmed "$writes,n=7,signal=USR1;$writes,n=11,who=both" run exp.yaml --results res --jobs 1 --threads 1
    [ $code -eq 137 ] || fail "the supervisor ended with $code"
    [ -e res/fault/0001-base-s0/resume.safetensors ] || fail "there is no resume point"
    mv res stopped
}

# ends FROM ENVIRONMENT...: goes on there, from the point or from the first step (-1)
ends() {
    local from=$1
    shift
    trial="goes on with $*"
    trials=$((trials + 1))
    rm -rf res && cp -a stopped res
    code=0
    env "$@" "$PIXSWEEP" run exp.yaml --results res --jobs 1 --threads 1 >run.out 2>run.err || code=$?
    [ $code -eq 0 ] || wrong "ended with $code"
    if [ "$from" = -1 ]; then
        expect res "SELECT resumed_from_step FROM attempt ORDER BY attempt_id DESC LIMIT 1" -1
    else
        expect res "SELECT resumed_from_step > 0 FROM attempt ORDER BY attempt_id DESC LIMIT 1" 1
    fi
}

other=Nehalem
case $(sql whole "SELECT value FROM environment WHERE key = 'openblas'") in
*"core $other") other=Prescott ;;
esac

step "OpenBLAS computes layers: another core is refused"
stop_at 4
ends -1 OPENBLAS_CORETYPE=$other
says run.err 'since OpenBLAS computes layers'
ends 1 PXS_NOTHING=1
as_undisturbed

step "it computes none: another core goes on, to the same bits"
stop_at 16
ends 1 OPENBLAS_CORETYPE=$other
says run.err "core $other), which give these networks the same bits"
as_undisturbed
expect res "SELECT count(DISTINCT value) FROM environment WHERE key = 'openblas'" 2
expect res "SELECT count(*) FROM event WHERE kind = 'resume' AND message LIKE '%the same bits%'" 1

step "other kernels"
rm -rf res && cp -a stopped res
run 0 res exp.yaml --jobs 1 --threads 1 --kernels direct
says run.err 'since layers are computed by other methods'
expect res "SELECT resumed_from_step FROM attempt ORDER BY attempt_id DESC LIMIT 1" -1
rm -rf res && cp -a stopped res
run 0 res exp.yaml --jobs 1 --threads 1 --kernels direct --allow-mixed
expect res "SELECT resumed_from_step > 0 FROM attempt ORDER BY attempt_id DESC LIMIT 1" 1
if grep -q ' fma ' /proc/cpuinfo; then
    rm -rf res && cp -a stopped res
    run 0 res exp.yaml --jobs 1 --threads 1 --kernels auto-base
    says run.err 'since only one of them has FMA'
fi
if grep -q avx512f /proc/cpuinfo; then
    rm -rf res && cp -a stopped res
    run 0 res exp.yaml --jobs 1 --threads 1 --kernels auto-avx2
    says run.err 'goes on with auto-avx2'
    expect res "SELECT resumed_from_step > 0 FROM attempt ORDER BY attempt_id DESC LIMIT 1" 1
    as_undisturbed
fi

step "the C library without FMA has other last digits"
plain=GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable,-FMA4_Usable
if grep -q ' fma ' /proc/cpuinfo && getconf GNU_LIBC_VERSION >/dev/null 2>&1; then
    ends -1 $plain
    says run.err "since the C library's pow"
fi
summary
