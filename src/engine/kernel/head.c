/* 4x4 stride-1 convolution to few channels, on an image or on its nearest x2 upsampling.
 *
 * t[m][tap][co] = x[m] . w[.][tap][co] for every input pixel m in one product, then each output
 * pixel adds up the taps that meet it. In one dimension, with pad 2 before and 1 after, output o
 * meets upsampled pixels o-2 .. o+1:
 *   scale 1: taps k0 k1 k2 k3 at inputs o-2 o-1 o o+1.
 *   scale 2: even o = 2i meets inputs i-1 (k0+k1) and i (k2+k3);
 *            odd o = 2i+1 meets i-1 (k0), i (k1+k2) and i+1 (k3): five collapsed taps. */
#include "kernel_priv.h"

#include <string.h>

#define T_BUDGET ((size_t)6 << 20) /* floats of t at a time */
enum { PIECES = 16 };

/* A (collapsed) tap in one dimension: which output phase it serves and at which input offset, and
 * which raw taps it sums. */
struct tap1 {
    int phase, offset, first, count;
};
static const struct tap1 taps_plain[] = {{0, -2, 0, 1}, {0, -1, 1, 1}, {0, 0, 2, 1}, {0, 1, 3, 1}};
static const struct tap1 taps_upsampled[] = {
    {0, -1, 0, 2}, {0, 0, 2, 2}, {1, -1, 0, 1}, {1, 0, 1, 2}, {1, 1, 3, 1}};

struct plan {
    const struct pxs_head_shape *s;
    const struct tap1 *taps;
    int n_taps, cols; /* taps in one dimension; floats of t for each pixel */
    int halo;
    float *weight, *dweight, *t;
    const float *bias, *dy;
    float *y;
    bool apply_tanh;
    int row0, row1, t_row0; /* rows of input pixels, counted over the batch */
};

/* Scratch: collapsed weights, their gradient, then t. */
static size_t weight_floats(const struct plan *p) {
    return (size_t)(pxs_ceil_div(p->s->c * p->cols, 16) * 16);
}

static struct plan make_plan(const struct pxs_head_shape *s) {
    struct plan p = {.s = s,
                     .taps = s->scale == 2 ? taps_upsampled : taps_plain,
                     .n_taps = s->scale == 2 ? 5 : 4,
                     .halo = 2};
    p.cols = p.n_taps * p.n_taps * s->co;
    return p;
}

static void use_scratch(struct plan *p, float *scratch) {
    p->weight = scratch;
    p->dweight = scratch + weight_floats(p);
    p->t = scratch + 2 * weight_floats(p);
}

static int slab_rows(const struct plan *p) {
    size_t all = (size_t)p->s->n * (size_t)p->s->h,
           rows = T_BUDGET / ((size_t)p->s->w * (size_t)p->cols);
    if (rows >= all)
        return (int)all;
    return rows > (size_t)(2 * p->halo + 1) ? (int)rows - 2 * p->halo : 1;
}

/* Floats of t, in whole cache lines. */
static size_t t_floats(const struct plan *p) {
    size_t all = (size_t)p->s->n * (size_t)p->s->h, rows = (size_t)(slab_rows(p) + 2 * p->halo);
    return (pxs_min_size(rows, all) * (size_t)p->s->w * (size_t)p->cols + 15) / 16 * 16;
}

/* The three products over input rows row0 .. of the batch. */
static struct pxs_gemm t_product(const struct plan *p, int row0, int rows, const float *x,
                                 size_t ld_x) {
    const struct pxs_head_shape *s = p->s;
    return (struct pxs_gemm){.m = rows * s->w,
                             .n = p->cols,
                             .k = s->c,
                             .a = x + (size_t)row0 * (size_t)s->w * ld_x,
                             .lda = ld_x,
                             .b = p->weight,
                             .ldb = (size_t)p->cols,
                             .c = p->t,
                             .ldc = (size_t)p->cols};
}
static struct pxs_gemm dx_product(const struct plan *p, int row0, int rows, float *dx,
                                  size_t ld_dx) {
    const struct pxs_head_shape *s = p->s;
    return (struct pxs_gemm){.trans_b = true,
                             .m = rows * s->w,
                             .n = s->c,
                             .k = p->cols,
                             .a = p->t,
                             .lda = (size_t)p->cols,
                             .b = p->weight,
                             .ldb = (size_t)p->cols,
                             .c = dx + (size_t)row0 * (size_t)s->w * ld_dx,
                             .ldc = ld_dx};
}
static struct pxs_gemm dw_product(const struct plan *p, int row0, int rows, const float *x,
                                  size_t ld_x) {
    const struct pxs_head_shape *s = p->s;
    return (struct pxs_gemm){.trans_a = true,
                             .m = s->c,
                             .n = p->cols,
                             .k = rows * s->w,
                             .a = x + (size_t)row0 * (size_t)s->w * ld_x,
                             .lda = ld_x,
                             .b = p->t,
                             .ldb = (size_t)p->cols,
                             .beta = row0 == 0 ? 0.0f : 1.0f,
                             .c = p->dweight,
                             .ldc = (size_t)p->cols};
}

size_t pxs_head_scratch(const struct pxs_kernels *set, const struct pxs_head_shape *s,
                        int threads) {
    struct plan p = make_plan(s);
    int rows = pxs_min_int(s->n * s->h, slab_rows(&p) + 2 * p.halo);
    float none = 0; /* only shapes matter here, but arithmetic on NULL is undefined */
    const struct pxs_gemm products[] = {t_product(&p, 0, rows, &none, 0),
                                        dx_product(&p, 0, rows, &none, 0),
                                        dw_product(&p, 0, rows, &none, 0)};
    size_t most = 0;
    for (size_t i = 0; i < PXS_COUNT(products); i++) {
        size_t floats = pxs_product_scratch(set, &products[i], threads);
        most = floats > most ? floats : most;
    }
    return 2 * weight_floats(&p) + t_floats(&p) + most;
}

/* w[c][ky][kx][co] -> collapsed [c][ty][tx][co] */
static void collapse(const struct plan *p, const float *w) {
    int co = p->s->co;
    float *out = p->weight;
    for (int c = 0; c < p->s->c; c++, w += 16 * co)
        for (int ty = 0; ty < p->n_taps; ty++)
            for (int tx = 0; tx < p->n_taps; tx++)
                for (int o = 0; o < co; o++) {
                    const struct tap1 *a = &p->taps[ty], *b = &p->taps[tx];
                    float sum = 0;
                    for (int ky = a->first; ky < a->first + a->count; ky++)
                        for (int kx = b->first; kx < b->first + b->count; kx++)
                            sum += w[(ky * 4 + kx) * co + o];
                    *out++ = sum;
                }
}

/* The adjoint: each raw tap's gradient is the sum over the collapsed taps that contain it. */
static void expand(const struct plan *p, float *dw) {
    int co = p->s->co;
    const float *in = p->dweight;
    memset(dw, 0, (size_t)p->s->c * 16 * (size_t)co * sizeof *dw);
    for (int c = 0; c < p->s->c; c++, dw += 16 * co)
        for (int ty = 0; ty < p->n_taps; ty++)
            for (int tx = 0; tx < p->n_taps; tx++)
                for (int o = 0; o < co; o++, in++) {
                    const struct tap1 *a = &p->taps[ty], *b = &p->taps[tx];
                    for (int ky = a->first; ky < a->first + a->count; ky++)
                        for (int kx = b->first; kx < b->first + b->count; kx++)
                            dw[(ky * 4 + kx) * co + o] += *in;
                }
}

static void pixel_sum(const struct plan *p, int image, int i, int j, int py, int px, float *y) {
    const struct pxs_head_shape *s = p->s;
    for (int o = 0; o < s->co; o++)
        y[o] = p->bias ? p->bias[o] : 0.0f;
    for (int ty = 0; ty < p->n_taps; ty++) {
        int ii = i + p->taps[ty].offset;
        if (p->taps[ty].phase != py || ii < 0 || ii >= s->h)
            continue;
        for (int tx = 0; tx < p->n_taps; tx++) {
            int jj = j + p->taps[tx].offset;
            if (p->taps[tx].phase != px || jj < 0 || jj >= s->w)
                continue;
            const float *t = p->t +
                             ((size_t)(image * s->h + ii - p->t_row0) * (size_t)s->w + (size_t)jj) *
                                 (size_t)p->cols +
                             (size_t)((ty * p->n_taps + tx) * s->co);
            for (int o = 0; o < s->co; o++)
                y[o] += t[o];
        }
    }
}

static void forward_piece(void *user, int piece, int thread) {
    const struct plan *p = user;
    const struct pxs_head_shape *s = p->s;
    (void)thread;
    int step = pxs_ceil_div(p->row1 - p->row0, PIECES),
        end = pxs_min_int(p->row1, p->row0 + (piece + 1) * step);
    for (int row = p->row0 + piece * step; row < end; row++)
        for (int py = 0; py < s->scale; py++) {
            float *y = p->y + (size_t)(row * s->scale + py) * (size_t)(s->scale * s->w * s->co);
            int width = s->scale * s->w;
            for (int x = 0; x < width; x++)
                pixel_sum(p, row / s->h, row % s->h, x / s->scale, py, x % s->scale, y + x * s->co);
            if (p->apply_tanh)
                pxs_tanh_run(y, (size_t)(width * s->co));
        }
}

void pxs_head_forward(const struct pxs_kernel_context *ctx, const struct pxs_head_shape *s,
                      const float *x, size_t ld_x, const float *weight, const float *bias,
                      bool apply_tanh, float *y) {
    struct plan p = make_plan(s);
    use_scratch(&p, ctx->scratch);
    p.bias = bias;
    p.y = y;
    p.apply_tanh = apply_tanh;
    collapse(&p, weight);
    int all = s->n * s->h, step = slab_rows(&p);
    for (int r = 0; r < all; r += step) {
        p.row0 = r;
        p.row1 = pxs_min_int(all, r + step);
        p.t_row0 = pxs_max_int(0, r - p.halo);
        int hi = pxs_min_int(all, p.row1 + p.halo);
        struct pxs_gemm g = t_product(&p, p.t_row0, hi - p.t_row0, x, ld_x);
        pxs_product_run(ctx, &g, p.t + t_floats(&p));
        pxs_pool_run(ctx->pool, forward_piece, &p, PIECES);
    }
}

/* dt[m][tap][co]: every collapsed tap of an input pixel meets exactly one output pixel. */
static void backward_row(const struct plan *p, int row) {
    const struct pxs_head_shape *s = p->s;
    int image = row / s->h, i = row % s->h, height = s->scale * s->h, width = s->scale * s->w;
    float *t = p->t + (size_t)(row - p->t_row0) * (size_t)s->w * (size_t)p->cols;
    for (int j = 0; j < s->w; j++)
        for (int ty = 0; ty < p->n_taps; ty++)
            for (int tx = 0; tx < p->n_taps; tx++, t += s->co) {
                int y = s->scale * (i - p->taps[ty].offset) + p->taps[ty].phase;
                int x = s->scale * (j - p->taps[tx].offset) + p->taps[tx].phase;
                bool inside = y >= 0 && y < height && x >= 0 && x < width;
                const float *dy =
                    p->dy +
                    (((size_t)image * (size_t)height + (size_t)(inside ? y : 0)) * (size_t)width +
                     (size_t)(inside ? x : 0)) *
                        (size_t)s->co;
                for (int o = 0; o < s->co; o++)
                    t[o] = inside ? dy[o] : 0.0f;
            }
}

static void backward_piece(void *user, int piece, int thread) {
    const struct plan *p = user;
    (void)thread;
    int step = pxs_ceil_div(p->row1 - p->row0, PIECES),
        end = pxs_min_int(p->row1, p->row0 + (piece + 1) * step);
    for (int row = p->row0 + piece * step; row < end; row++)
        backward_row(p, row);
}

void pxs_head_backward(const struct pxs_kernel_context *ctx, const struct pxs_head_shape *s,
                       const float *x, size_t ld_x, const float *weight, const float *dy, float *dx,
                       size_t ld_dx, float *dweight) {
    struct plan p = make_plan(s);
    use_scratch(&p, ctx->scratch);
    p.dy = dy;
    collapse(&p, weight);
    int all = s->n * s->h, step = slab_rows(&p);
    for (int r = 0; r < all; r += step) {
        p.row0 = p.t_row0 = r;
        p.row1 = pxs_min_int(all, r + step);
        pxs_pool_run(ctx->pool, backward_piece, &p, PIECES);
        if (dx) {
            struct pxs_gemm g = dx_product(&p, r, p.row1 - r, dx, ld_dx);
            pxs_product_run(ctx, &g, p.t + t_floats(&p));
        }
        if (dweight) {
            struct pxs_gemm g = dw_product(&p, r, p.row1 - r, x, ld_x);
            pxs_product_run(ctx, &g, p.t + t_floats(&p));
        }
    }
    if (dweight)
        expand(&p, dweight);
}
