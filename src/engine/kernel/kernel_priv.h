/* Shared by the kernel room's files only. */
#ifndef PXS_KERNEL_PRIV_H
#define PXS_KERNEL_PRIV_H

#include "isa.h"
#include "pixsweep/kernel.h"

/* Compiles a loop also for wider vectors; the loader chooses one before main, where sanitizers
 * cannot run. Without contraction and reassociation all clones give the same bits, so a result does
 * not depend on the choice. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(PXS_BASE_ONLY) &&             \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__GNUC__) && \
    !defined(__clang__)
#define PXS_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PXS_CLONES
#endif

/* A set of kernels: its method, and its instruction set. */
struct pxs_kernels {
    const char *name;
    bool is_auto;
    enum pxs_method method;    /* unless is_auto */
    const struct pxs_isa *isa; /* NULL: blas */
};

/* torch.optim.Adam's constants of one step; pxs_adam_run makes the step on n numbers in the calling
 * thread. */
struct pxs_adam_constants {
    float b1, b2, c1, c2, step_size, bias2_sqrt;
};
struct pxs_adam_constants pxs_adam_prepare(const struct pxs_adam *o);
void pxs_adam_run(const struct pxs_adam_constants *o, const float *restrict g, float *restrict p,
                  float *restrict m, float *restrict v, size_t n);

/* The same on many numbers, shared among the threads of the pool. */
void pxs_adam_pieces(const struct pxs_kernel_context *ctx, const struct pxs_adam_constants *o,
                     size_t n, const float *g, float *p, float *m, float *v);

/* What a weight pass does with each block of the gradient while it is in cache: Adam's step on the
 * same place of p, m and v. */
struct pxs_update {
    struct pxs_adam_constants adam;
    float *p, *m, *v;
};

/* One method's passes, and the scratch floats that they need. */
struct pxs_conv_method {
    size_t (*scratch)(const struct pxs_conv_shape *s, int threads);
    void (*down)(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                 const float *big, size_t ld_big, const float *weight, float *small,
                 size_t ld_small);
    void (*up)(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
               const float *small, size_t ld_small, const float *weight, float *big, size_t ld_big,
               bool accumulate);
    void (*weight)(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                   const float *big, size_t ld_big, const float *small, size_t ld_small,
                   float *dweight,
                   /* NULL: the gradient only; else dweight is left undefined */
                   const struct pxs_update *update);
};
extern const struct pxs_conv_method pxs_conv_blas, pxs_conv_thin, pxs_conv_direct, pxs_conv_f2,
    pxs_conv_f4, pxs_conv_taps;

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
/* Reserves `n` floats of scratch memory, in whole cache lines: returns their offset and moves *at
 * behind them. */
static inline size_t pxs_take(size_t *at, size_t n) {
    size_t here = *at;
    *at += (n + 15) / 16 * 16;
    return here;
}
/* The first job of piece `piece` of `pieces` that share `jobs` evenly. */
static inline int pxs_share(int jobs, int pieces, int piece) {
    return (int)((long long)jobs * piece / pieces);
}

/* ---- where the two sides of a convolution meet ---------------------------------------------- */

static inline int pxs_taps(const struct pxs_conv_shape *s) {
    return s->kernel * s->kernel;
}
/* Whether this is pix2pix's own 4x4 convolution of stride 2, whose big side is twice the small
 * one. */
static inline bool pxs_is_halving(const struct pxs_conv_shape *s) {
    return s->kernel == 4 && s->stride == 2 && s->padding == 1 && !s->reflect &&
           s->big_h == 2 * s->h && s->big_w == 2 * s->w;
}
/* The big row (or column) of `length` that lies at place `at`; -1 where there is none. */
static inline int pxs_big_at(const struct pxs_conv_shape *s, int at, int length) {
    if (s->reflect && at < 0 && at >= -s->padding)
        at = -at;
    if (s->reflect && at >= length && at < length + s->padding)
        at = 2 * (length - 1) - at;
    return at >= 0 && at < length ? at : -1;
}
/* The adjoint: the small rows of `small` whose tap k meets big row `at` of `length`; reflected, up
 * to three. */
static inline int pxs_small_at(const struct pxs_conv_shape *s, int at, int length, int k, int small,
                               int out[3]) {
    const int places[3] = {at, -at, 2 * (length - 1) - at};
    int n = 0;
    for (int i = 0; i < (s->reflect ? 3 : 1); i++) {
        int t = places[i] + s->padding - k;
        bool outside = i == 0 || places[i] < 0 || places[i] >= length;
        if (outside && t >= 0 && t % s->stride == 0 && t / s->stride < small)
            out[n++] = t / s->stride;
    }
    return n;
}

/* Transposes a 16 x 16 block of weights and prefetches the block `next` floats further, since U
 * reads blocks of a kilobyte that are far apart. */
static inline void pxs_transpose(const struct pxs_isa *isa, const float *src, float *dst,
                                 size_t next) {
    for (size_t i = 0; i < PANEL * PANEL; i += PANEL)
        __builtin_prefetch(src + next + i);
    isa->transpose(src, PANEL, dst);
}

/* Big panel `panel` of small channels c .. of the weights that pxs_conv_turn has made. */
static inline const float *pxs_turned_at(const struct pxs_conv_shape *s, const float *weight,
                                         int tap, int panel, int c) {
    return weight + pxs_weight_index(s->cs, s->cb, tap, c, panel * PANEL);
}

/* The taps of a panel of small channels, at big channels b0 .. of a layer: where a weight pass puts
 * `blocks` blocks of 16 x 16 a tap. A buffer holds them as [taps][blocks][16][16]. */
struct pxs_weight_run {
    const struct pxs_conv_shape *s;
    int panel, b0, blocks;
    float *buffer;
};
/* Floats of the buffer that a run of at most PXS_RUN_BLOCKS blocks of 16 taps takes. */
enum { PXS_RUN_BLOCKS = 8, PXS_RUN_FLOATS = 16 * PXS_RUN_BLOCKS * PANEL * PANEL };
/* Blocks of a run: as many as leave 64 runs for the threads, at least one. */
static inline int pxs_run_blocks(const struct pxs_conv_shape *s) {
    const int blocks = (s->cb / PANEL) * (s->cs / PANEL);
    return pxs_min_int(PXS_RUN_BLOCKS, pxs_max_int(1, blocks / 64));
}
static inline float *pxs_run_block(const struct pxs_weight_run *r, int tap, int b) {
    return r->buffer + (size_t)((tap * r->blocks + b) * PANEL * PANEL);
}
/* Stores the finished buffer in dweight or, with `add`, adds it; with `update` makes Adam's step
 * with the result instead. */
void pxs_run_finish(const struct pxs_weight_run *r, float *dweight, bool add,
                    const struct pxs_update *update);

/* Adam's step on a whole gradient in memory, without dead taps, for methods without runs. */
void pxs_update_all(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                    const float *dweight, const struct pxs_update *update);

/* pxs_gemm_run in panels where the set has an instruction set, else by OpenBLAS: C = A op(B), or C
 * = A^T B + beta C (there op(B) is B, and without trans_a beta is 0). */
void pxs_product_run(const struct pxs_kernel_context *ctx, const struct pxs_gemm *g,
                     float *scratch);
size_t pxs_product_scratch(const struct pxs_kernels *set, const struct pxs_gemm *g, int threads);

/* y = tanh y */
void pxs_tanh_run(float *y, size_t n);

#endif
