/* Shared by the kernel room's files only. */
#ifndef PXS_KERNEL_PRIV_H
#define PXS_KERNEL_PRIV_H

#include "isa.h"
#include "pixsweep/kernel.h"

/* Compile a loop for wider vectors too and pick one when the program starts. Without contraction and reassociation each clone gives the
 * same bits, so a result does not depend on the choice. Sanitizers cannot run before main, where the choice is made. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__) && defined(__GNUC__) && !defined(__clang__)
#define PXS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PXS_CLONES
#endif

/* A set of kernels: what it holds to, and with which instructions. */
struct pxs_kernels {
    const char *name;
    bool is_auto;
    enum pxs_method method;    /* unless is_auto */
    const struct pxs_isa *isa; /* NULL: blas */
};

/* One method's passes, and the scratch floats that they need. */
struct pxs_conv_method {
    size_t (*scratch)(const struct pxs_conv_shape *s, int threads);
    void (*down)(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s, const float *big,
                 size_t ld_big, const float *weight, float *small, size_t ld_small);
    void (*up)(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s, const float *small,
               size_t ld_small, const float *weight, float *big, size_t ld_big, bool accumulate);
    void (*weight)(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s, const float *big,
                   size_t ld_big, const float *small, size_t ld_small, float *dweight);
};
extern const struct pxs_conv_method pxs_conv_blas, pxs_conv_thin, pxs_conv_direct, pxs_conv_f2, pxs_conv_f4;

/* Pins OpenBLAS to one thread a call and multiplies two small matrices whose product is known. */
PXS_NODISCARD enum pxs_status pxs_blas_prepare(struct pxs_error *err);

static inline size_t pxs_min_size(size_t a, size_t b) {
    return a < b ? a : b;
}
static inline int pxs_min_int(int a, int b) {
    return a < b ? a : b;
}
static inline int pxs_max_int(int a, int b) {
    return a > b ? a : b;
}
static inline int pxs_ceil_div(int a, int b) {
    return (a + b - 1) / b;
}
/* Scratch memory is handed out in whole cache lines: the offset of `n` floats, and *at moves behind them. */
static inline size_t pxs_take(size_t *at, size_t n) {
    size_t here = *at;
    *at += (n + 15) / 16 * 16;
    return here;
}
/* The first job of piece `piece` of `pieces` that share `jobs` evenly. */
static inline int pxs_share(int jobs, int pieces, int piece) {
    return (int)((long long)jobs * piece / pieces);
}

/* A 16 x 16 block of weights turned, while the block `next` floats further is on its way: U reads a kilobyte here and there. */
static inline void pxs_transpose(const struct pxs_isa *isa, const float *src, float *dst, size_t next) {
    for (size_t i = 0; i < PANEL * PANEL; i += PANEL)
        __builtin_prefetch(src + next + i);
    isa->transpose(src, PANEL, dst);
}

#endif
