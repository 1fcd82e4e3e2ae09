/* Channels of pixels from one buffer to another: copied, added, rectified. */
#include "kernel_priv.h"

#include <string.h>

enum { PIECES = 64 };

struct job {
    const float *src, *other;
    float *dst;
    size_t ld_src, ld_other, ld_dst, pixels;
    size_t c;
    bool accumulate;
};

static struct job job_of(const float *src, size_t ld_src, float *dst, size_t ld_dst, size_t pixels,
                         int c) {
    return (struct job){.src = src,
                        .ld_src = ld_src,
                        .dst = dst,
                        .ld_dst = ld_dst,
                        .pixels = pixels,
                        .c = (size_t)c};
}

/* The first pixel of a piece. */
static size_t first_of(const struct job *j, int piece) {
    return j->pixels * (size_t)piece / PIECES;
}

static void copy_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    (void)thread;
    for (size_t p = first_of(j, piece); p < first_of(j, piece + 1); p++)
        memcpy(j->dst + p * j->ld_dst, j->src + p * j->ld_src, j->c * sizeof *j->dst);
}

void pxs_copy_channels(const struct pxs_kernel_context *ctx, const float *src, size_t ld_src,
                       float *dst, size_t ld_dst, size_t pixels, int c) {
    struct job j = job_of(src, ld_src, dst, ld_dst, pixels, c);
    pxs_pool_run(ctx->pool, copy_piece, &j, PIECES);
}

PXS_CLONES static void add_run(const float *restrict src, float *restrict dst, size_t n) {
    for (size_t i = 0; i < n; i++)
        dst[i] += src[i];
}

static void add_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    (void)thread;
    for (size_t p = first_of(j, piece); p < first_of(j, piece + 1); p++)
        add_run(j->src + p * j->ld_src, j->dst + p * j->ld_dst, j->c);
}

void pxs_add_channels(const struct pxs_kernel_context *ctx, const float *src, size_t ld_src,
                      float *dst, size_t ld_dst, size_t pixels, int c) {
    struct job j = job_of(src, ld_src, dst, ld_dst, pixels, c);
    pxs_pool_run(ctx->pool, add_piece, &j, PIECES);
}

/* NaN stays NaN, as torch's relu has it. */
PXS_CLONES static void rectify_run(const float *restrict src, float *restrict dst, size_t n) {
    for (size_t i = 0; i < n; i++)
        dst[i] = src[i] < 0.0f ? 0.0f : src[i];
}

static void rectify_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    (void)thread;
    for (size_t p = first_of(j, piece); p < first_of(j, piece + 1); p++)
        rectify_run(j->src + p * j->ld_src, j->dst + p * j->ld_dst, j->c);
}

void pxs_rectify(const struct pxs_kernel_context *ctx, const float *src, size_t ld_src, float *dst,
                 size_t ld_dst, size_t pixels, int c) {
    struct job j = job_of(src, ld_src, dst, ld_dst, pixels, c);
    pxs_pool_run(ctx->pool, rectify_piece, &j, PIECES);
}

PXS_CLONES static void mask_run(const float *restrict y, const float *restrict dy,
                                float *restrict dx, size_t n, bool accumulate) {
    if (accumulate)
        for (size_t i = 0; i < n; i++)
            dx[i] += y[i] > 0.0f ? dy[i] : 0.0f;
    else
        for (size_t i = 0; i < n; i++)
            dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

static void mask_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    (void)thread;
    for (size_t p = first_of(j, piece); p < first_of(j, piece + 1); p++)
        mask_run(j->other + p * j->ld_other, j->src + p * j->ld_src, j->dst + p * j->ld_dst, j->c,
                 j->accumulate);
}

void pxs_rectify_backward(const struct pxs_kernel_context *ctx, const float *y, size_t ld_y,
                          const float *dy, size_t ld_dy, float *dx, size_t ld_dx, size_t pixels,
                          int c, bool accumulate) {
    struct job j = job_of(dy, ld_dy, dx, ld_dx, pixels, c);
    j.other = y;
    j.ld_other = ld_y;
    j.accumulate = accumulate;
    pxs_pool_run(ctx->pool, mask_piece, &j, PIECES);
}
