/* AVX-512: a panel is one register. Compiled with the flags of src/engine/kernel/meson.build; runs
 * only where the CPU has it. */
#include <immintrin.h>
#include <stddef.h>

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
/* 16 x 16: pairs of rows interleaved by single, double and quadruple floats, then quarters moved to
 * their places. */
static inline void transpose_4(const __m512 *in, __m512 *out) {
    const __m512 a = _mm512_unpacklo_ps(in[0], in[1]), b = _mm512_unpackhi_ps(in[0], in[1]);
    const __m512 c = _mm512_unpacklo_ps(in[2], in[3]), d = _mm512_unpackhi_ps(in[2], in[3]);
#define DOUBLES(lo_or_hi, x, y) \
    _mm512_castpd_ps(_mm512_unpack##lo_or_hi##_pd(_mm512_castps_pd(x), _mm512_castps_pd(y)))
    out[0] = DOUBLES(lo, a, c);
    out[1] = DOUBLES(hi, a, c);
    out[2] = DOUBLES(lo, b, d);
    out[3] = DOUBLES(hi, b, d);
#undef DOUBLES
}

#define HAVE_TRANSPOSE
static void transpose(const float *src, size_t ld, float *dst) {
    __m512 in[16], quads[16];
    for (size_t i = 0; i < 16; i++)
        in[i] = v_load(src + i * ld);
    for (int i = 0; i < 16; i += 4)
        transpose_4(in + i, quads + i);
    for (int j = 0; j < 4;
         j++) { /* quads[j]: columns j, j+4, j+8, j+12 of rows 0..3, one a quarter */
        const __m512 a = _mm512_shuffle_f32x4(quads[j], quads[4 + j], 0x88),
                     b = _mm512_shuffle_f32x4(quads[8 + j], quads[12 + j], 0x88),
                     c = _mm512_shuffle_f32x4(quads[j], quads[4 + j], 0xdd),
                     d = _mm512_shuffle_f32x4(quads[8 + j], quads[12 + j], 0xdd);
        v_store(dst + (size_t)j * 16, _mm512_shuffle_f32x4(a, b, 0x88));
        v_store(dst + (size_t)(j + 8) * 16, _mm512_shuffle_f32x4(a, b, 0xdd));
        v_store(dst + (size_t)(j + 4) * 16, _mm512_shuffle_f32x4(c, d, 0x88));
        v_store(dst + (size_t)(j + 12) * 16, _mm512_shuffle_f32x4(c, d, 0xdd));
    }
}

/* 16 accumulators, a broadcast in each multiplication's memory operand */
#define STRIP 16
#define ISA pxs_isa_avx512
#define ISA_NAME "avx512"
#define FUSED true
#include "isa_body.h"
