/* SHA-256 with the SHA instructions of x86 (about fifteen times the portable speed: a checkpoint is hashed while it is written).
 * Two registers hold the state in the order the instructions want, {a,b,e,f} and {c,d,g,h} from the top lane down. */
#include "hash_priv.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

/* clang-format off */
static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
/* clang-format on */

bool pxs_sha256_have_fast(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

#define TARGET __attribute__((target("ssse3,sse4.1,sha")))

TARGET static inline __m128i load_words(const uint8_t *p) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), big_endian);
}

TARGET static inline void one_block(__m128i *abef, __m128i *cdgh, const uint8_t *p) {
    __m128i w[4], s0 = *abef, s1 = *cdgh;
    for (int i = 0; i < 4; i++)
        w[i] = load_words(p + 16 * i);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) { /* four rounds each */
        __m128i wk =
            _mm_add_epi32(w[i & 3], _mm_load_si128((const __m128i *)(const void *)(round_constants + 4 * i)));
        s1 = _mm_sha256rnds2_epu32(s1, s0, wk);
        s0 = _mm_sha256rnds2_epu32(s0, s1, _mm_shuffle_epi32(wk, 0x0e));
        if (i < 12) { /* words 4i+16 .. 4i+19 take the place of 4i .. 4i+3 */
            __m128i early = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
            __m128i seven_back = _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4);
            w[i & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(early, seven_back), w[(i + 3) & 3]);
        }
    }
    *abef = _mm_add_epi32(*abef, s0);
    *cdgh = _mm_add_epi32(*cdgh, s1);
}

TARGET void pxs_sha256_fast(uint32_t state[8], const uint8_t *data, size_t blocks) {
    __m128i *out = (__m128i *)(void *)state;
    __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(out), 0xb1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(out + 1), 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
    __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; blocks > 0; blocks--, data += 64)
        one_block(&abef, &cdgh, data);
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128(out, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(out + 1, _mm_alignr_epi8(dchg, feba, 8));
}

#else

bool pxs_sha256_have_fast(void) {
    return false;
}

void pxs_sha256_fast(uint32_t state[8], const uint8_t *data, size_t blocks) {}

#endif
