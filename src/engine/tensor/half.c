/* The two 16-bit floats of weight files: every one is an f32, too, so nothing is rounded. */
#include "tensor_priv.h"

#include <string.h>

/* IEEE binary16 as the bits of an f32. */
static uint32_t widen(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, fraction = half & 0x3ff;
    const uint32_t exponent = (half >> 10) & 0x1f;
    if (exponent == 31) /* infinite, or NaN */
        return sign | 0x7f800000 | fraction << 13;
    if (exponent > 0)
        return sign | (exponent + 127 - 15) << 23 | fraction << 13;
    /* Zero, or fraction * 2^-24: subnormal as a half, but not as an f32. */
    const float value = (float)fraction * 0x1p-24f;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return sign | bits;
}

void pxs_widen_f16(const unsigned char *data, uint64_t n, float *out) {
    for (uint64_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, data + 2 * i, sizeof half);
        const uint32_t bits = widen(half);
        memcpy(&out[i], &bits, sizeof bits);
    }
}

void pxs_widen_bf16(const unsigned char *data, uint64_t n, float *out) {
    for (uint64_t i = 0; i < n; i++) {
        uint16_t upper;
        memcpy(&upper, data + 2 * i, sizeof upper);
        const uint32_t bits = (uint32_t)upper << 16;
        memcpy(&out[i], &bits, sizeof bits);
    }
}
