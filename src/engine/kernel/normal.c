/* Normally distributed numbers, many at a time: Philox and Box-Muller (1958) in single precision,
 * in loops that compilers turn into vector code. Sines, cosines and logarithms are polynomials of
 * our own, since the C library's are slow and differ between machines. */
#include "kernel_priv.h"

#include <math.h>
#include <string.h>

/* Calls of Philox at a time, four numbers each, and pieces that are shared out. */
enum { GROUPS = 64, PIECES = 64 };

struct normal {
    uint64_t seed;
    uint32_t layer;
    float mean, std;
    size_t n;
    float *w;
};

/* Philox4x32-10 (see pxs_philox) at counters (first + i, 0, layer, PXS_STREAM_INIT). */
PXS_CLONES static void philox_many(uint64_t seed, uint32_t first, uint32_t layer,
                                   uint32_t out[4][GROUPS]) {
    for (uint32_t i = 0; i < GROUPS; i++) {
        uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
        uint32_t c0 = first + i, c1 = 0, c2 = layer, c3 = PXS_STREAM_INIT;
        for (int round = 0; round < 10; round++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
            uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
            c1 = (uint32_t)p1;
            c3 = (uint32_t)p0;
            c0 = n0;
            c2 = n2;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        out[0][i] = c0;
        out[1][i] = c1;
        out[2][i] = c2;
        out[3][i] = c3;
    }
}

/* ln u for 0 < u <= 1: u = 2^e m with m around 1, ln m = 2 artanh((m - 1) / (m + 1)). */
static inline float log_of(float u) {
    int32_t bits;
    memcpy(&bits, &u, sizeof bits);
    bits -= 0x3f3504f3; /* sqrt(1/2) */
    float e = (float)(bits >> 23), m;
    bits = (bits & 0x7fffff) + 0x3f3504f3;
    memcpy(&m, &bits, sizeof m);
    float t = (m - 1.0f) / (m + 1.0f), q = t * t;
    return e * 0.693147181f +
           2.0f * t * (1.0f + q * (1.0f / 3 + q * (0.2f + q * (1.0f / 7 + q * (1.0f / 9)))));
}

/* Radius from a, angle from b: a quarter by its two highest bits, and a place within -pi/4 .. pi/4.
 * 24 bits of each are used. */
PXS_CLONES static void box_muller(const uint32_t a[GROUPS], const uint32_t b[GROUPS],
                                  float x[GROUPS], float y[GROUPS]) {
    for (int i = 0; i < GROUPS; i++) {
        float u = ((float)(int32_t)(a[i] >> 8) + 0.5f) * 0x1p-24f,
              radius = sqrtf(-2.0f * log_of(u));
        float t =
            ((float)(int32_t)((b[i] >> 8) & 0x3fffff) - 0x1p21f + 0.5f) * (1.57079633f * 0x1p-22f);
        float q = t * t;
        float sine =
            t *
            (1.0f + q * (-1.0f / 6 + q * (1.0f / 120 + q * (-1.0f / 5040 + q * (1.0f / 362880)))));
        float cosine =
            1.0f + q * (-0.5f + q * (1.0f / 24 + q * (-1.0f / 720 + q * (1.0f / 40320))));
        uint32_t quarter = b[i] >> 30;
        float c = quarter & 1 ? -sine : cosine, s = quarter & 1 ? cosine : sine;
        x[i] = radius * (quarter & 2 ? -c : c);
        y[i] = radius * (quarter & 2 ? -s : s);
    }
}

/* Four numbers a group: two pairs. */
static void fill(const struct normal *j, size_t group, size_t groups) {
    uint32_t r[4][GROUPS];
    float z[4][GROUPS];
    philox_many(j->seed, (uint32_t)group, j->layer, r);
    box_muller(r[0], r[1], z[0], z[1]);
    box_muller(r[2], r[3], z[2], z[3]);
    for (size_t i = 0; i < groups; i++)
        for (size_t k = 0; k < 4; k++) {
            size_t at = 4 * (group + i) + k;
            if (at < j->n)
                j->w[at] = j->mean + j->std * z[k][i];
        }
}

static void normal_piece(void *user, int piece, int thread) {
    const struct normal *j = user;
    (void)thread;
    size_t groups = (j->n + 3) / 4, blocks = (groups + GROUPS - 1) / GROUPS;
    size_t first = blocks * (size_t)piece / PIECES, end = blocks * ((size_t)piece + 1) / PIECES;
    for (size_t b = first; b < end; b++)
        fill(j, b * GROUPS, pxs_min_size(GROUPS, groups - b * GROUPS));
}

void pxs_fill_normal(const struct pxs_kernel_context *ctx, uint64_t seed, uint32_t layer,
                     float mean, float std, size_t n, float *w) {
    struct normal j = {seed, layer, mean, std, n, w};
    pxs_pool_run(ctx->pool, normal_piece, &j, PIECES);
}
