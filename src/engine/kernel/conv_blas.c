/* The 4x4 stride-2 convolutions as im2col + sgemm: for every shape and every CPU, and the method
 * that faster ones are compared with.
 *
 * col[m][ky][kx][cb], one row for each small pixel m, holds the 16 big pixels that it meets. Then
 *   D: small = col W        U: col = small W^T, and big gathers from col        W: dW = col^T small
 * with W as the matrix [16*Cb, Cs], which is copied from its panels first. Rows of small pixels are
 * computed in slabs, so that col stays within a budget. */
#include "kernel_priv.h"

#include <string.h>

/* Floats of col at a time: 24 MB, within a common last-level cache. */
#define COL_BUDGET ((size_t)6 << 20)
/* Pieces that copying is cut into. */
enum { COPY_PIECES = 16 };

struct slab {
    const struct pxs_conv_shape *s;
    int row0, row1; /* rows of small pixels, counted over the whole batch: row = n * h + i */
    float *col;
    int col_row0; /* the row that col starts with */
    const float *src;
    float *dst;
    size_t ld;
    bool accumulate;
};

static size_t row_floats(const struct pxs_conv_shape *s) {
    return (size_t)s->w * 16 * (size_t)s->cb;
}

/* Rows of small pixels in a slab, at least one; U needs one more row on each side. */
static int slab_rows(const struct pxs_conv_shape *s, int halo) {
    size_t rows = COL_BUDGET / row_floats(s);
    size_t all = (size_t)s->n * (size_t)s->h;
    if (rows >= all)
        return (int)all;
    return rows > (size_t)(2 * halo + 1) ? (int)rows - 2 * halo : 1;
}

static size_t conv_scratch(const struct pxs_conv_shape *s) {
    size_t all = (size_t)s->n * (size_t)s->h, rows = (size_t)slab_rows(s, 1) + 2;
    return pxs_min_size(rows, all) * row_floats(s);
}

/* The 4 x Cb floats of big pixels (y, x0 .. x0+3); zero outside. */
static void take_run(const float *big_row, size_t ld, int width, int x0, int cb, float *out) {
    size_t c = (size_t)cb;
    if (x0 >= 0 && x0 + 4 <= width && ld == c) {
        memcpy(out, big_row + (size_t)x0 * c, 4 * c * sizeof *out);
        return;
    }
    for (int k = 0; k < 4; k++) {
        if (x0 + k >= 0 && x0 + k < width)
            memcpy(out + (size_t)k * c, big_row + (size_t)(x0 + k) * ld, c * sizeof *out);
        else
            memset(out + (size_t)k * c, 0, c * sizeof *out);
    }
}

static void im2col_row(const struct slab *b, int row) {
    const struct pxs_conv_shape *s = b->s;
    int image = row / s->h, i = row % s->h, height = 2 * s->h, width = 2 * s->w;
    size_t run = 4 * (size_t)s->cb;
    float *out = b->col + (size_t)(row - b->col_row0) * row_floats(s);
    for (int j = 0; j < s->w; j++)
        for (int ky = 0; ky < 4; ky++, out += run) {
            int y = 2 * i - 1 + ky;
            if (y < 0 || y >= height)
                memset(out, 0, run * sizeof *out);
            else
                take_run(b->src +
                             ((size_t)image * (size_t)height + (size_t)y) * (size_t)width * b->ld,
                         b->ld, width, 2 * j - 1, s->cb, out);
        }
}

static void im2col_piece(void *user, int piece, int thread) {
    const struct slab *b = user;
    (void)thread;
    int rows = b->row1 - b->row0, step = pxs_ceil_div(rows, COPY_PIECES);
    int end = pxs_min_int(rows, (piece + 1) * step);
    for (int r = piece * step; r < end; r++)
        im2col_row(b, b->row0 + r);
}

static void im2col(const struct pxs_kernel_context *ctx, const struct slab *b) {
    pxs_pool_run(ctx->pool, im2col_piece, (void *)b, COPY_PIECES);
}

PXS_CLONES static void add4(const float *a, const float *b, const float *c, const float *d, int n,
                            bool accumulate, float *out) {
    if (accumulate)
        for (int i = 0; i < n; i++)
            out[i] += (a[i] + b[i]) + (c[i] + d[i]);
    else
        for (int i = 0; i < n; i++)
            out[i] = (a[i] + b[i]) + (c[i] + d[i]);
}

/* col at small pixel (i, j) of `image`, tap (ky, kx); zeros outside. */
static const float *tap(const struct slab *b, int image, int i, int j, int ky, int kx,
                        const float *zeros) {
    const struct pxs_conv_shape *s = b->s;
    if (i < 0 || i >= s->h || j < 0 || j >= s->w)
        return zeros;
    size_t row = (size_t)(image * s->h + i - b->col_row0);
    return b->col + (row * (size_t)s->w + (size_t)j) * 16 * (size_t)s->cb +
           (size_t)(ky * 4 + kx) * (size_t)s->cb;
}

/* The two big rows 2i and 2i+1 that belong to a row of small pixels. Big row 2i meets (i, ky 1) and
 * (i-1, ky 3); 2i+1 meets (i, 2) and (i+1, 0); columns alike. */
static void gather_row(const struct slab *b, int row, const float *zeros) {
    const struct pxs_conv_shape *s = b->s;
    int image = row / s->h, i = row % s->h;
    for (int py = 0; py < 2; py++) {
        int i2 = py ? i + 1 : i - 1, k1 = py ? 2 : 1, k2 = py ? 0 : 3;
        float *out =
            b->dst + ((size_t)(image * 2 * s->h + 2 * i + py) * (size_t)(2 * s->w)) * b->ld;
        for (int x = 0; x < 2 * s->w; x++, out += b->ld) {
            int j = x / 2, px = x % 2, j2 = px ? j + 1 : j - 1, l1 = px ? 2 : 1, l2 = px ? 0 : 3;
            add4(tap(b, image, i, j, k1, l1, zeros), tap(b, image, i, j2, k1, l2, zeros),
                 tap(b, image, i2, j, k2, l1, zeros), tap(b, image, i2, j2, k2, l2, zeros), s->cb,
                 b->accumulate, out);
        }
    }
}

struct gather {
    const struct slab *b;
    const float *zeros;
};

static void gather_piece(void *user, int piece, int thread) {
    const struct gather *g = user;
    (void)thread;
    int rows = g->b->row1 - g->b->row0, step = pxs_ceil_div(rows, COPY_PIECES);
    int end = pxs_min_int(rows, (piece + 1) * step);
    for (int r = piece * step; r < end; r++)
        gather_row(g->b, g->b->row0 + r, g->zeros);
}

/* ---- weights as a matrix -------------------------------------------------------------------- */

struct matrix {
    int cb, cs;
    const float *from;
    float *to;
    bool pack;
};

static void matrix_piece(void *user, int piece, int thread) {
    const struct matrix *m = user;
    size_t p = (size_t)pxs_panel_width(m->cs), cb = (size_t)m->cb, cs = (size_t)m->cs;
    (void)thread;
    for (size_t panel = 0; panel < cs / p; panel++)
        for (size_t b = 0; b < cb; b++) {
            size_t ours = (((size_t)piece * (cs / p) + panel) * cb + b) * p,
                   dense = ((size_t)piece * cb + b) * cs + panel * p;
            memcpy(m->to + (m->pack ? ours : dense), m->from + (m->pack ? dense : ours),
                   p * sizeof *m->to);
        }
}

static bool is_matrix(const struct pxs_conv_shape *s) {
    return pxs_panel_width(s->cs) == s->cs;
}

static size_t matrix_floats(const struct pxs_conv_shape *s) {
    return is_matrix(s) ? 0 : 16 * (size_t)s->cb * (size_t)s->cs;
}

static const float *matrix_of(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                              const float *weight) {
    struct matrix m = {s->cb, s->cs, weight, ctx->scratch, false};
    if (is_matrix(s))
        return weight;
    pxs_pool_run(ctx->pool, matrix_piece, &m, 16);
    return m.to;
}

/* ---- the passes ----------------------------------------------------------------------------- */

static void conv_down(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                      const float *big, size_t ld_big, const float *weight, float *small,
                      size_t ld_small) {
    int all = s->n * s->h, step = slab_rows(s, 0), k = 16 * s->cb;
    const float *matrix = matrix_of(ctx, s, weight);
    float *col = ctx->scratch + matrix_floats(s);
    for (int r = 0; r < all; r += step) {
        int end = pxs_min_int(all, r + step);
        struct slab b = {
            .s = s, .row0 = r, .row1 = end, .col = col, .col_row0 = r, .src = big, .ld = ld_big};
        im2col(ctx, &b);
        struct pxs_gemm g = {.m = (end - r) * s->w,
                             .n = s->cs,
                             .k = k,
                             .a = b.col,
                             .lda = (size_t)k,
                             .b = matrix,
                             .ldb = (size_t)s->cs,
                             .c = small + (size_t)r * (size_t)s->w * ld_small,
                             .ldc = ld_small};
        pxs_gemm_run(ctx, &g);
    }
}

static void conv_up(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                    const float *small, size_t ld_small, const float *weight, float *big,
                    size_t ld_big, bool accumulate) {
    /* a pixel of zeros stands before col: what lies outside the image */
    const float *matrix = matrix_of(ctx, s, weight);
    float *zeros = ctx->scratch + matrix_floats(s), *col = zeros + pxs_ceil_div(s->cb, 16) * 16;
    memset(zeros, 0, (size_t)s->cb * sizeof *zeros);
    int all = s->n * s->h, step = slab_rows(s, 1), k = 16 * s->cb;
    for (int r = 0; r < all; r += step) {
        int end = pxs_min_int(all, r + step), lo = pxs_max_int(0, r - 1),
            hi = pxs_min_int(all, end + 1);
        struct pxs_gemm g = {.trans_b = true,
                             .m = (hi - lo) * s->w,
                             .n = k,
                             .k = s->cs,
                             .a = small + (size_t)lo * (size_t)s->w * ld_small,
                             .lda = ld_small,
                             .b = matrix,
                             .ldb = (size_t)s->cs,
                             .c = col,
                             .ldc = (size_t)k};
        pxs_gemm_run(ctx, &g);
        struct slab b = {.s = s,
                         .row0 = r,
                         .row1 = end,
                         .col = col,
                         .col_row0 = lo,
                         .dst = big,
                         .ld = ld_big,
                         .accumulate = accumulate};
        struct gather job = {&b, zeros};
        pxs_pool_run(ctx->pool, gather_piece, &job, COPY_PIECES);
    }
}

static void conv_weight(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                        const float *big, size_t ld_big, const float *small, size_t ld_small,
                        float *dweight, const struct pxs_update *update) {
    int all = s->n * s->h, step = slab_rows(s, 0), k = 16 * s->cb;
    struct matrix m = {s->cb, s->cs, ctx->scratch, dweight, true};
    float *matrix = is_matrix(s) ? dweight : ctx->scratch, *col = ctx->scratch + matrix_floats(s);
    for (int r = 0; r < all; r += step) {
        int end = pxs_min_int(all, r + step);
        struct slab b = {
            .s = s, .row0 = r, .row1 = end, .col = col, .col_row0 = r, .src = big, .ld = ld_big};
        im2col(ctx, &b);
        struct pxs_gemm g = {.trans_a = true,
                             .m = k,
                             .n = s->cs,
                             .k = (end - r) * s->w,
                             .a = b.col,
                             .lda = (size_t)k,
                             .b = small + (size_t)r * (size_t)s->w * ld_small,
                             .ldb = ld_small,
                             .c = matrix,
                             .ldc = (size_t)s->cs,
                             .beta = r == 0 ? 0.0f : 1.0f};
        pxs_gemm_run(ctx, &g);
    }
    if (!is_matrix(s))
        pxs_pool_run(ctx->pool, matrix_piece, &m, 16);
    if (update)
        pxs_update_all(ctx, s, dweight, update);
}

static size_t scratch_floats(const struct pxs_conv_shape *s, int threads) {
    (void)threads;
    return matrix_floats(s) + conv_scratch(s) + (size_t)(pxs_ceil_div(s->cb, 16) * 16);
}

const struct pxs_conv_method pxs_conv_blas = {scratch_floats, conv_down, conv_up, conv_weight};
