/* Philox4x32-10, and sequential readers of its streams. */
#include "pixsweep/base.h"

void pxs_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) {
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

struct pxs_rng pxs_rng_make(uint64_t seed, enum pxs_stream stream, uint32_t a, uint32_t b) {
    return (struct pxs_rng){
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .counter = {0, b, a, (uint32_t)stream},
        .used = 4,
    };
}

uint32_t pxs_rng_u32(struct pxs_rng *rng) {
    if (rng->used >= 4) {
        pxs_philox(rng->key, rng->counter, rng->block);
        rng->counter[0]++;
        rng->used = 0;
    }
    return rng->block[rng->used++];
}

double pxs_rng_uniform(struct pxs_rng *rng) {
    uint64_t high = pxs_rng_u32(rng) >> 5, low = pxs_rng_u32(rng) >> 6; /* 27 + 26 bits */
    return (double)(high << 26 | low) * 0x1p-53;
}

uint32_t pxs_rng_below(struct pxs_rng *rng, uint32_t n) {
    /* 2^32 mod n: from here on the values are a multiple of n in number */
    uint32_t reject = (0u - n) % n;
    uint32_t value;
    do {
        value = pxs_rng_u32(rng);
    } while (value < reject);
    return value % n;
}

void pxs_rng_permutation(struct pxs_rng *rng, uint32_t *order, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = pxs_rng_below(rng, i), held = order[i - 1];
        order[i - 1] = order[j];
        order[j] = held;
    }
}
