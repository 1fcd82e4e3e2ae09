/* AVX-512: a panel is one register. Compiled with the flags of src/kernel/meson.build; runs only where the CPU has it. */
#include <immintrin.h>

typedef __m512 vec;
enum { LANES = 16 };
#define VECS 1
#define v_zero _mm512_setzero_ps
#define v_load _mm512_loadu_ps
#define v_store _mm512_storeu_ps
#define v_all _mm512_set1_ps
#define v_add _mm512_add_ps
#define v_sub _mm512_sub_ps
#define v_mul _mm512_mul_ps
#define v_fma _mm512_fmadd_ps
/* 16 accumulators, a broadcast in each multiplication's memory operand */
#define STRIP 16
#define ISA pxs_isa_avx512
#define ISA_NAME "avx512"
#include "isa_body.h"
