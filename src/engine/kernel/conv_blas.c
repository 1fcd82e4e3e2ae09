/* Convolutions as im2col + sgemm: for every shape and every CPU, and the method
 * that faster ones are compared with.
 *
 * col[m][ky][kx][cb], one row for each small pixel m, holds the big pixels that it meets. Then
 *   D: small = col W        U: col = small W^T, and big gathers from col        W: dW = col^T small
 * with W as the matrix [taps * Cb, Cs], which is copied from its panels first. Rows of small pixels
 * are computed in slabs, so that col stays within a budget. */
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
    return (size_t)s->w * (size_t)pxs_taps(s) * (size_t)s->cb;
}

/* U writes the big rows stride i .. stride i + stride - 1 with small row i: they meet small rows at
 * most this far from it. */
static int halo(const struct pxs_conv_shape *s) {
    int below = s->kernel - 1 - s->padding, far = pxs_max_int(s->padding, below) + s->stride - 1;
    return pxs_max_int(far / s->stride, s->reflect ? s->padding : 0);
}

/* Rows of small pixels in a slab, at least one, with room for `beside` more rows on each side. */
static int slab_rows(const struct pxs_conv_shape *s, int beside) {
    size_t rows = COL_BUDGET / row_floats(s);
    size_t all = (size_t)s->n * (size_t)s->h;
    if (rows >= all)
        return (int)all;
    return rows > (size_t)(2 * beside + 1) ? (int)rows - 2 * beside : 1;
}

static size_t conv_scratch(const struct pxs_conv_shape *s) {
    size_t all = (size_t)s->n * (size_t)s->h;
    size_t rows = (size_t)slab_rows(s, halo(s)) + 2 * (size_t)halo(s);
    return pxs_min_size(rows, all) * row_floats(s);
}

/* The kernel x Cb floats of big pixels x0 .. of a row. */
static void take_run(const struct pxs_conv_shape *s, const float *big_row, size_t ld, int x0,
                     float *out) {
    size_t c = (size_t)s->cb, k = (size_t)s->kernel;
    if (x0 >= 0 && x0 + s->kernel <= s->big_w && ld == c) {
        memcpy(out, big_row + (size_t)x0 * c, k * c * sizeof *out);
        return;
    }
    for (int kx = 0; kx < s->kernel; kx++, out += c) {
        int x = pxs_big_at(s, x0 + kx, s->big_w);
        if (x >= 0)
            memcpy(out, big_row + (size_t)x * ld, c * sizeof *out);
        else
            memset(out, 0, c * sizeof *out);
    }
}

static void im2col_row(const struct slab *b, int row) {
    const struct pxs_conv_shape *s = b->s;
    int image = row / s->h, i = row % s->h;
    size_t run = (size_t)(s->kernel * s->cb), line = (size_t)s->big_w * b->ld;
    float *out = b->col + (size_t)(row - b->col_row0) * row_floats(s);
    for (int j = 0; j < s->w; j++)
        for (int ky = 0; ky < s->kernel; ky++, out += run) {
            int y = pxs_big_at(s, s->stride * i - s->padding + ky, s->big_h);
            if (y >= 0)
                take_run(s, b->src + (size_t)(image * s->big_h + y) * line, b->ld,
                         s->stride * j - s->padding, out);
            else
                memset(out, 0, run * sizeof *out);
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

PXS_CLONES static void add(const float *from, int n, bool accumulate, float *to) {
    if (accumulate)
        for (int i = 0; i < n; i++)
            to[i] += from[i];
    else
        memcpy(to, from, (size_t)n * sizeof *to);
}

/* Where a big row or column meets the small side, tap by tap. */
struct meetings {
    int n, at[3 * PXS_MAX_KERNEL], tap[3 * PXS_MAX_KERNEL];
};

static struct meetings meetings_of(const struct pxs_conv_shape *s, int at, int big, int small) {
    struct meetings m = {0};
    for (int k = 0; k < s->kernel; k++)
        for (int i = 0, found[3], n = pxs_small_at(s, at, big, k, small, found); i < n; i++) {
            m.at[m.n] = found[i];
            m.tap[m.n++] = k;
        }
    return m;
}

/* Big pixel (y, x) of an image: over the rows that it meets, the sums over their columns. `sum` has
 * room for two pixels. */
static void gather_pixel(const struct slab *b, int image, const struct meetings *rows,
                         const struct meetings *columns, float *sum, float *out) {
    const struct pxs_conv_shape *s = b->s;
    const size_t cb = (size_t)s->cb, k = (size_t)pxs_taps(s) * cb;
    float *line = sum + cb;
    if (rows->n == 0 || columns->n == 0)
        memset(sum, 0, cb * sizeof *sum);
    for (int r = 0; r < rows->n && columns->n > 0; r++) {
        const float *col = b->col + (size_t)((image * s->h + rows->at[r] - b->col_row0) * s->w) * k;
        float *to = r == 0 ? sum : line;
        for (int c = 0; c < columns->n; c++) {
            size_t tap = (size_t)(rows->tap[r] * s->kernel + columns->tap[c]);
            add(col + (size_t)columns->at[c] * k + tap * cb, s->cb, c > 0, to);
        }
        if (r > 0)
            add(line, s->cb, true, sum);
    }
    add(sum, s->cb, b->accumulate, out);
}

/* The big rows that belong to a row of small pixels; the last one has what is left. */
static void gather_row(const struct slab *b, int row, float *sum) {
    const struct pxs_conv_shape *s = b->s;
    int image = row / s->h, i = row % s->h;
    int end = i == s->h - 1 ? s->big_h : pxs_min_int(s->big_h, s->stride * (i + 1));
    for (int y = s->stride * i; y < end; y++) {
        float *out = b->dst + (size_t)(image * s->big_h + y) * (size_t)s->big_w * b->ld;
        struct meetings rows = meetings_of(s, y, s->big_h, s->h);
        for (int x = 0; x < s->big_w; x++, out += b->ld) {
            struct meetings columns = meetings_of(s, x, s->big_w, s->w);
            gather_pixel(b, image, &rows, &columns, sum, out);
        }
    }
}

struct gather {
    const struct slab *b;
    float *sum; /* of the threads */
};

static size_t sum_floats(const struct pxs_conv_shape *s) {
    return (size_t)pxs_ceil_div(2 * s->cb, 16) * 16;
}

static void gather_piece(void *user, int piece, int thread) {
    const struct gather *g = user;
    int rows = g->b->row1 - g->b->row0, step = pxs_ceil_div(rows, COPY_PIECES);
    int end = pxs_min_int(rows, (piece + 1) * step);
    for (int r = piece * step; r < end; r++)
        gather_row(g->b, g->b->row0 + r, g->sum + (size_t)thread * sum_floats(g->b->s));
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
    return is_matrix(s) ? 0 : (size_t)pxs_taps(s) * (size_t)s->cb * (size_t)s->cs;
}

static const float *matrix_of(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                              const float *weight) {
    struct matrix m = {s->cb, s->cs, weight, ctx->scratch, false};
    if (is_matrix(s))
        return weight;
    pxs_pool_run(ctx->pool, matrix_piece, &m, pxs_taps(s));
    return m.to;
}

/* ---- the passes ----------------------------------------------------------------------------- */

static void conv_down(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                      const float *big, size_t ld_big, const float *weight, float *small,
                      size_t ld_small) {
    int all = s->n * s->h, step = slab_rows(s, 0), k = pxs_taps(s) * s->cb;
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
    const float *matrix = matrix_of(ctx, s, weight);
    float *sum = ctx->scratch + matrix_floats(s),
          *col = sum + (size_t)pxs_pool_threads(ctx->pool) * sum_floats(s);
    int all = s->n * s->h, step = slab_rows(s, halo(s)), k = pxs_taps(s) * s->cb;
    for (int r = 0; r < all; r += step) {
        int end = pxs_min_int(all, r + step), lo = pxs_max_int(0, r - halo(s)),
            hi = pxs_min_int(all, end + halo(s));
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
        struct gather job = {&b, sum};
        pxs_pool_run(ctx->pool, gather_piece, &job, COPY_PIECES);
    }
}

static void conv_weight(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                        const float *big, size_t ld_big, const float *small, size_t ld_small,
                        float *dweight, const struct pxs_update *update) {
    int all = s->n * s->h, step = slab_rows(s, 0), k = pxs_taps(s) * s->cb;
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
        pxs_pool_run(ctx->pool, matrix_piece, &m, pxs_taps(s));
    if (update)
        pxs_update_all(ctx, s, dweight, update);
}

static size_t scratch_floats(const struct pxs_conv_shape *s, int threads) {
    return matrix_floats(s) + conv_scratch(s) + (size_t)threads * sum_floats(s);
}

const struct pxs_conv_method pxs_conv_blas = {scratch_floats, conv_down, conv_up, conv_weight};
