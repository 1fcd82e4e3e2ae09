/* AVX2 with FMA: a panel is two registers. Compiled with the flags of
 * src/engine/kernel/meson.build; runs only where the CPU has it. */
#include <immintrin.h>
#include <stddef.h>

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
/* 8 x 8: pairs of rows interleaved by single and double floats, then halves moved to their
 * places. */
static inline void transpose_8(const float *src, size_t ld, float *dst) {
    __m256 in[8], quads[8];
    for (size_t i = 0; i < 8; i++)
        in[i] = v_load(src + i * ld);
    for (int i = 0; i < 8; i += 4) {
        const __m256 a = _mm256_unpacklo_ps(in[i], in[i + 1]),
                     b = _mm256_unpackhi_ps(in[i], in[i + 1]);
        const __m256 c = _mm256_unpacklo_ps(in[i + 2], in[i + 3]),
                     d = _mm256_unpackhi_ps(in[i + 2], in[i + 3]);
        quads[i] = _mm256_shuffle_ps(a, c, 0x44);
        quads[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        quads[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        quads[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    for (int j = 0; j < 4; j++) { /* quads[j]: columns j and j+4 of rows 0..3 */
        v_store(dst + (size_t)j * 16, _mm256_permute2f128_ps(quads[j], quads[4 + j], 0x20));
        v_store(dst + (size_t)(j + 4) * 16, _mm256_permute2f128_ps(quads[j], quads[4 + j], 0x31));
    }
}

#define HAVE_TRANSPOSE
static void transpose(const float *src, size_t ld, float *dst) {
    transpose_8(src, ld, dst);
    transpose_8(src + 8, ld, dst + 8 * 16);
    transpose_8(src + 8 * ld, ld, dst + 8);
    transpose_8(src + 8 * ld + 8, ld, dst + 8 * 16 + 8);
}

/* 12 accumulators, two registers for b, one for the broadcast; 16 registers */
#define STRIP 6
#define ISA pxs_isa_avx2
#define ISA_NAME "avx2"
#define FUSED true
#include "isa_body.h"
