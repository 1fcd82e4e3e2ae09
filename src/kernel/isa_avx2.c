/* AVX2 with FMA: a panel is two registers. Compiled with the flags of src/kernel/meson.build; runs only where the CPU has it. */
#include <immintrin.h>

typedef __m256 vec;
enum { LANES = 8 };
#define VECS 2
#define v_zero _mm256_setzero_ps
#define v_load _mm256_loadu_ps
#define v_store _mm256_storeu_ps
#define v_all _mm256_set1_ps
#define v_add _mm256_add_ps
#define v_sub _mm256_sub_ps
#define v_mul _mm256_mul_ps
#define v_fma _mm256_fmadd_ps
/* 12 accumulators, two registers of b, one for the broadcast: of 16 */
#define STRIP 6
#define ISA pxs_isa_avx2
#define ISA_NAME "avx2"
#include "isa_body.h"
