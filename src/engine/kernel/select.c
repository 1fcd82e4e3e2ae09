/* Which kernels run: the table of all sets, and the rule that chooses a method by shape. */
#include "kernel_priv.h"

#include <string.h>

static const struct pxs_kernels sets[] = {
#define SETS(isa_name)                                                        \
    {"auto-" #isa_name, true, PXS_METHOD_F4, &pxs_isa_##isa_name},            \
        {"direct-" #isa_name, false, PXS_METHOD_DIRECT, &pxs_isa_##isa_name}, \
        {"f2-" #isa_name, false, PXS_METHOD_F2, &pxs_isa_##isa_name}, {       \
        "f4-" #isa_name, false, PXS_METHOD_F4, &pxs_isa_##isa_name            \
    }
#ifdef PXS_HAVE_AVX512
    SETS(avx512),
#endif
#ifdef PXS_HAVE_AVX2
    SETS(avx2),
#endif
    SETS(base),
    {"blas", false, PXS_METHOD_BLAS, NULL},
};

static bool runs_here(const struct pxs_kernels *set, const struct pxs_cpu *cpu) {
    const char *isa = set->isa ? set->isa->name : "base";
    return !strcmp(isa, "avx512") ? cpu->avx512 && cpu->avx2_fma
           : !strcmp(isa, "avx2") ? cpu->avx2_fma
                                  : true;
}

const struct pxs_kernels *pxs_kernels_at(size_t i) {
    struct pxs_cpu cpu;
    pxs_cpu_detect(&cpu);
    for (size_t k = 0; k < PXS_COUNT(sets); k++)
        if (runs_here(&sets[k], &cpu) && i-- == 0)
            return &sets[k];
    return NULL;
}

const char *pxs_kernels_name(const struct pxs_kernels *set) {
    return set->name;
}

const struct pxs_kernels *pxs_kernels_known(const char *name) {
    for (size_t i = 0; i < PXS_COUNT(sets); i++)
        if (strcmp(sets[i].name, name) == 0)
            return &sets[i];
    return NULL;
}

/* "f4" and "f4-avx2" both mean set "f4-avx2": sets stand best first. */
static bool is_named(const struct pxs_kernels *set, const char *name) {
    size_t len = strcspn(set->name, "-");
    return !strcmp(set->name, name) || (strlen(name) == len && !strncmp(set->name, name, len));
}

enum pxs_status pxs_kernels_select(const char *name, const struct pxs_kernels **out,
                                   struct pxs_error *err) {
    struct pxs_cpu cpu;
    pxs_cpu_detect(&cpu);
    const struct pxs_kernels *known = NULL, *found = NULL;
    for (size_t i = PXS_COUNT(sets); i-- > 0;)
        if (is_named(&sets[i], name)) {
            known = &sets[i];
            if (runs_here(&sets[i], &cpu))
                found = &sets[i];
        }
    if (!known)
        return pxs_fail(
            err, PXS_E_INVALID,
            "unknown kernel set '%s'; use auto, blas, direct, f2 or f4, or all but blas for an "
            "instruction set, as auto-avx512, auto-avx2 or auto-base",
            name);
    if (!found)
        return pxs_fail(err, PXS_E_UNSUPPORTED,
                        "kernel set '%s' needs %s, which this CPU (%s) lacks; use auto", name,
                        !strcmp(known->isa->name, "avx2") ? "AVX2 and FMA" : "AVX-512", cpu.model);
    *out = found;
    return PXS_OK;
}

/* ---- by shape ------------------------------------------------------------------------------- */

static int least_side(const struct pxs_conv_shape *s) {
    return pxs_min_int(s->h, s->w);
}

/* What conv_winograd.c takes apart: kernels of 3x3 and 4x4 that reach the whole big side. */
static bool has_phases(const struct pxs_conv_shape *s) {
    const int reach = s->stride == 2 ? 4 : s->kernel;
    return (s->kernel == 3 || s->kernel == 4) && s->padding <= 1 &&
           (s->stride == 1 || (s->stride == 2 && !s->reflect)) &&
           s->big_h <= s->stride * (s->h - 1) + reach - s->padding &&
           s->big_w <= s->stride * (s->w - 1) + reach - s->padding;
}

/* The wanted method, or the next one that the shape allows: panels need multiples of 16 channels, a
 * Winograd tile a map of about its size. */
static enum pxs_method fitting(enum pxs_method wanted, const struct pxs_conv_shape *s) {
    const bool big = s->cb % PANEL == 0, small = s->cs % PANEL == 0;
    if (wanted == PXS_METHOD_BLAS || (!big && !small))
        return PXS_METHOD_BLAS;
    if (!small) /* pix2pix's own shape has few small channels only in widths that no one uses */
        return s->stride == 1 ? PXS_METHOD_THIN : PXS_METHOD_BLAS;
    if (!big)
        return PXS_METHOD_THIN;
    if (!pxs_is_halving(s))
        return wanted != PXS_METHOD_DIRECT && has_phases(s) && least_side(s) >= 2 ? wanted
                                                                                  : PXS_METHOD_TAPS;
    if (wanted == PXS_METHOD_F4 && least_side(s) < 3)
        wanted = PXS_METHOD_F2;
    if (wanted == PXS_METHOD_F2 && least_side(s) < 2)
        wanted = PXS_METHOD_DIRECT;
    return wanted;
}

/* A measured rule (docs/engine.md): the transform of the weights pays off where many tiles share
 * it; W, which transforms both sides instead, pays off with fewer. It is the same for every
 * instruction set, so that AVX2 and AVX-512 give the same bits. Training's bits are promised from
 * version to version, and with them its F4_TILES; pictures alone, which no weight follows, have the
 * rule that measures best now. */
enum { F4_TILES = 24, F4_TILES_PICTURES = 16, F4_TILES_WEIGHT = 8, F2_TILES = 16 };

static int tiles(const struct pxs_conv_shape *s, int m) {
    return s->n * pxs_ceil_div(s->h, m) * pxs_ceil_div(s->w, m);
}

static enum pxs_method fastest(const struct pxs_conv_shape *s, int f4_tiles) {
    if (least_side(s) <= 2)
        return PXS_METHOD_DIRECT;
    if (tiles(s, 4) >= f4_tiles)
        return PXS_METHOD_F4;
    return tiles(s, 2) >= F2_TILES ? PXS_METHOD_F2 : PXS_METHOD_DIRECT;
}

enum pxs_method pxs_kernels_method(const struct pxs_kernels *set, const struct pxs_conv_shape *s,
                                   enum pxs_pass pass) {
    const int f4_tiles = pass == PXS_PASS_WEIGHT ? F4_TILES_WEIGHT : F4_TILES;
    return fitting(set->is_auto ? fastest(s, f4_tiles) : set->method, s);
}

enum pxs_method pxs_kernels_product(const struct pxs_kernels *set) {
    return set->isa ? PXS_METHOD_DIRECT : PXS_METHOD_BLAS;
}

bool pxs_kernels_fused(const struct pxs_kernels *set) {
    return set->isa && set->isa->fused;
}

const char *pxs_method_name(enum pxs_method method) {
    static const char *const names[] = {"blas", "thin", "direct", "f2", "f4", "taps"};
    return names[method];
}

/* The method that a context gives. */
static const struct pxs_conv_method *method_in(const struct pxs_kernel_context *ctx,
                                               const struct pxs_conv_shape *s, enum pxs_pass pass) {
    static const struct pxs_conv_method *const methods[] = {&pxs_conv_blas,   &pxs_conv_thin,
                                                            &pxs_conv_direct, &pxs_conv_f2,
                                                            &pxs_conv_f4,     &pxs_conv_taps};
    struct pxs_conv_shape as = *s;
    if (ctx->as_batch > 0)
        as.n = ctx->as_batch;
    if (ctx->as_batch > 0 && ctx->set->is_auto && pass != PXS_PASS_WEIGHT)
        return methods[fitting(fastest(&as, F4_TILES_PICTURES), &as)];
    return methods[pxs_kernels_method(ctx->set, &as, pass)];
}

/* The method depends on the batch size, and a smaller batch may need more: the most that any batch
 * up to this one needs. */
size_t pxs_kernels_scratch(const struct pxs_kernels *set, const struct pxs_conv_shape *s,
                           int as_batch, int threads) {
    const struct pxs_kernel_context ctx = {.set = set, .as_batch = as_batch};
    size_t most = 0;
    struct pxs_conv_shape part = *s;
    for (part.n = 1; part.n <= s->n; part.n++)
        for (enum pxs_pass pass = PXS_PASS_DOWN; pass <= PXS_PASS_WEIGHT; pass++) {
            size_t floats = method_in(&ctx, &part, pass)->scratch(&part, threads);
            most = floats > most ? floats : most;
        }
    return most;
}

void pxs_conv_down(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                   const float *big, size_t ld_big, const float *weight, float *small,
                   size_t ld_small) {
    if (s->n > 0)
        method_in(ctx, s, PXS_PASS_DOWN)->down(ctx, s, big, ld_big, weight, small, ld_small);
}

void pxs_conv_up(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                 const float *small, size_t ld_small, const float *weight, float *big,
                 size_t ld_big, bool accumulate) {
    if (s->n > 0)
        method_in(ctx, s, PXS_PASS_UP)
            ->up(ctx, s, small, ld_small, weight, big, ld_big, accumulate);
}

bool pxs_conv_turns(const struct pxs_kernels *set, const struct pxs_conv_shape *s) {
    return set->isa && s->cb % PANEL == 0 && s->cs % PANEL == 0;
}

void pxs_conv_turn(const struct pxs_conv_shape *s, const float *weight, float *turned) {
    for (int tap = 0; tap < pxs_taps(s); tap++)
        for (int c0 = 0; c0 < s->cs; c0 += PANEL)
            for (int b0 = 0; b0 < s->cb; b0 += PANEL) {
                const float *from = weight + pxs_weight_index(s->cb, s->cs, tap, b0, c0);
                float *to = turned + pxs_weight_index(s->cs, s->cb, tap, c0, b0);
                for (int c = 0; c < PANEL; c++)
                    for (int b = 0; b < PANEL; b++)
                        to[c * PANEL + b] = from[b * PANEL + c];
            }
}

static void weight_pass(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                        const float *big, size_t ld_big, const float *small, size_t ld_small,
                        float *dweight, const struct pxs_update *update) {
    if (s->n > 0) {
        method_in(ctx, s, PXS_PASS_WEIGHT)
            ->weight(ctx, s, big, ld_big, small, ld_small, dweight, update);
        return;
    }
    memset(dweight, 0, (size_t)pxs_taps(s) * (size_t)s->cb * (size_t)s->cs * sizeof *dweight);
    if (update)
        pxs_update_all(ctx, s, dweight, update);
}

void pxs_conv_weight(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                     const float *big, size_t ld_big, const float *small, size_t ld_small,
                     float *dweight) {
    weight_pass(ctx, s, big, ld_big, small, ld_small, dweight, NULL);
}

void pxs_conv_weight_adam(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                          const float *big, size_t ld_big, const float *small, size_t ld_small,
                          float *dweight, const struct pxs_adam *adam, float *p, float *m,
                          float *v) {
    const struct pxs_update update = {pxs_adam_prepare(adam), p, m, v};
    weight_pass(ctx, s, big, ld_big, small, ld_small, dweight, &update);
}
