/* Random numbers that are a function of (seed, stream, position), and hashes. */
#ifndef PIXSWEEP_BASE_RANDOM_H
#define PIXSWEEP_BASE_RANDOM_H

#include "pixsweep/base/status.h"

/* ---- random numbers ------------------------------------------------------------------------- */

/* Philox4x32-10 (Salmon et al., SC 2011): a pure function of key and counter, so any thread can
 * compute any number in any order. */
void pxs_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

/* What a stream of random numbers is used for. The values decide the bits of a run: append only. */
enum pxs_stream {
    PXS_STREAM_INIT = 1,     /* a = layer: initial weights */
    PXS_STREAM_SHUFFLE = 2,  /* a = epoch: order of the training pairs */
    PXS_STREAM_AUGMENT = 3,  /* a = epoch, b = position in the epoch: jitter and flip */
    PXS_STREAM_DROPOUT = 4,  /* a = step, b = layer: masks */
    PXS_STREAM_SWEEP = 5,    /* a = draw, b = hash of the key: random search */
    PXS_STREAM_GLYPHS = 6,   /* choice of characters */
    PXS_STREAM_VALIDATE = 7, /* a = epoch, b = layer: dropout of `validation: lab` */
    PXS_STREAM_ORDER = 8,    /* order in which the runs of a sweep are started */
    PXS_STREAM_GENERATE = 9, /* b = layer: dropout of `generate` */
    PXS_STREAM_RACE = 10     /* a = race: seeds of a race that is only imagined */
};

/* Reads the stream (seed, stream, a, b) in order: key = seed, counter = (index, b, a, stream). */
struct pxs_rng {
    uint32_t key[2], counter[4], block[4];
    unsigned used; /* numbers of `block` already returned; 4 = none left */
};
struct pxs_rng pxs_rng_make(uint64_t seed, enum pxs_stream stream, uint32_t a, uint32_t b);
uint32_t pxs_rng_u32(struct pxs_rng *rng);
/* [0, 1) with 53 bits (two u32). */
double pxs_rng_uniform(struct pxs_rng *rng);
/* 0 .. n-1 without bias (rejection); n > 0. */
uint32_t pxs_rng_below(struct pxs_rng *rng, uint32_t n);
/* Fisher-Yates over 0..n-1 into `order`. */
void pxs_rng_permutation(struct pxs_rng *rng, uint32_t *order, uint32_t n);

/* ---- hashing -------------------------------------------------------------------------------- */

#define PXS_SHA256_HEX 65 /* 64 lower-case digits and NUL */
struct pxs_sha256 {
    _Alignas(8) unsigned char opaque[256];
};
void pxs_sha256_init(struct pxs_sha256 *h);
void pxs_sha256_update(struct pxs_sha256 *h, const void *data, size_t bytes);
void pxs_sha256_hex(struct pxs_sha256 *h, char hex[PXS_SHA256_HEX]); /* finishes h */
PXS_NODISCARD enum pxs_status pxs_sha256_file(const char *path, char hex[PXS_SHA256_HEX],
                                              uint64_t *bytes, struct pxs_error *err);
/* CRC-32C (Castagnoli, as in iSCSI); start with crc = 0, chain by passing the previous result. */
uint32_t pxs_crc32c(uint32_t crc, const void *data, size_t bytes);

#endif
