/* Few big channels: the first layers (3 and 6), and widths that are no multiple of 16 on the big
 * side.
 *
 * All 16 taps of all Cb channels are one K, k = tap * Cb + cb, of Cb panels: col[m][k] holds the
 * big pixels that small pixel m meets. Then
 *     D  small = col w
 *     U  col = small w^T, and big gathers from it
 *     W  dw = col^T small
 * as in conv_blas.c, but for a block of rows at a time that stays in cache, in panels, and with no
 * call to OpenBLAS.
 *
 * Pieces: blocks of rows of small pixels. W sums each of 16 runs of rows, then these sums in their
 * order. */
#include "kernel_priv.h"

#include <string.h>

/* The most small pixels of a block (but at least one row), and the runs of rows that W sums. */
enum { BLOCK_PIXELS = 256, PARTS = 16 };

struct job {
    const struct pxs_isa *isa;
    struct pxs_conv_shape s;
    int csp, rows, block; /* rows of small pixels in all, and of a block */
    size_t panel;         /* floats of a panel of a block's col */
    float *packed;        /* weights: D [Cs/16][K][16], U [K/16][Cs][16] */
    float *parts;         /* W: [part][Cs/16][K][16] */
    int n_parts;
    float *own;
    size_t own_floats, own_col;
    const float *big, *small, *weight;
    float *out;
    size_t ld_big, ld_small;
    bool accumulate;
};

struct layout {
    size_t packed, own, total;
};

static struct job make_job(const struct pxs_conv_shape *s) {
    struct job j = {.s = *s, .csp = s->cs / PANEL, .rows = s->n * s->h};
    j.block = pxs_min_int(j.rows, pxs_max_int(1, BLOCK_PIXELS / s->w));
    j.n_parts = pxs_min_int(PARTS, j.rows);
    j.panel = (size_t)((j.block + 2) * s->w | 1) * PANEL;
    return j;
}

static size_t k_of(const struct job *j) {
    return 16 * (size_t)j->s.cb;
}

static struct layout lay_out(struct job *j, int threads) {
    struct layout l = {0};
    size_t at = 0, own = 0, matrix = k_of(j) * (size_t)j->s.cs;
    l.packed = pxs_take(&at, matrix * (size_t)j->n_parts);
    pxs_take(&own, (size_t)pxs_max_int(j->s.cb, j->csp) * j->panel);          /* panels */
    j->own_col = pxs_take(&own, (size_t)((j->block + 2) * j->s.w) * k_of(j)); /* rows */
    j->own_floats = own;
    l.own = pxs_take(&at, own * (size_t)threads);
    l.total = at;
    return l;
}

static size_t scratch(const struct pxs_conv_shape *s, int threads) {
    struct job j = make_job(s);
    return lay_out(&j, threads).total;
}

static struct job begin(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s) {
    struct job j = make_job(s);
    struct layout l = lay_out(&j, pxs_pool_threads(ctx->pool));
    j.isa = ctx->set->isa;
    j.packed = j.parts = ctx->scratch + l.packed;
    j.own = ctx->scratch + l.own;
    return j;
}

static int blocks_of(const struct job *j) {
    return pxs_ceil_div(j->rows, j->block);
}

/* ---- col ------------------------------------------------------------------------------------ */

/* A run of 4 pixels; the sizes of 3 and 6 channels are known to the compiler. */
static inline void copy_run(float *dst, const float *src, size_t n) {
    if (n == 12)
        memcpy(dst, src, 12 * sizeof *dst);
    else if (n == 24)
        memcpy(dst, src, 24 * sizeof *dst);
    else
        memcpy(dst, src, n * sizeof *dst);
}

/* Row [16][Cb] of one small pixel; what lies outside is zero. */
static void column(const struct job *j, int image, int i, int x, float *row) {
    const struct pxs_conv_shape *s = &j->s;
    int height = 2 * s->h, width = 2 * s->w, x0 = 2 * x - 1;
    size_t cb = (size_t)s->cb;
    bool together = x0 >= 0 && x0 + 4 <= width && j->ld_big == cb;
    for (int ky = 0; ky < 4; ky++, row += 4 * cb) {
        int y = 2 * i - 1 + ky;
        if (y < 0 || y >= height) {
            memset(row, 0, 4 * cb * sizeof *row);
            continue;
        }
        const float *src =
            j->big + ((size_t)image * (size_t)height + (size_t)y) * (size_t)width * j->ld_big;
        if (together) {
            copy_run(row, src + (size_t)x0 * cb, 4 * cb);
            continue;
        }
        for (int kx = 0; kx < 4; kx++)
            if (x0 + kx >= 0 && x0 + kx < width)
                memcpy(row + (size_t)kx * cb, src + (size_t)(x0 + kx) * j->ld_big,
                       cb * sizeof *row);
            else
                memset(row + (size_t)kx * cb, 0, cb * sizeof *row);
    }
}

/* Columns of rows row0 .. row1-1 of small pixels, in panels; `row` has room for one. */
static void columns(const struct job *j, int row0, int row1, float *col, float *row) {
    for (int r = row0; r < row1; r++)
        for (int x = 0; x < j->s.w; x++, col += PANEL) {
            column(j, r / j->s.h, r % j->s.h, x, row);
            for (size_t p = 0; p < (size_t)j->s.cb; p++)
                memcpy(col + p * j->panel, row + p * PANEL, PANEL * sizeof *col);
        }
}

/* ---- weights -------------------------------------------------------------------------------- */

/* [16][Cs/16][Cb][16] -> panel c of [Cs/16][K][16], and back. */
static void copy_panel(const struct job *j, int c, const float *from, float *to, bool pack) {
    size_t run = (size_t)j->s.cb * PANEL;
    for (size_t tap = 0; tap < 16; tap++) {
        size_t ours = (tap * (size_t)j->csp + (size_t)c) * run,
               packed = ((size_t)c * 16 + tap) * run;
        memcpy(to + (pack ? packed : ours), from + (pack ? ours : packed), run * sizeof *to);
    }
}

static void pack_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    (void)thread;
    copy_panel(j, piece, j->weight, j->packed, true);
}

/* Panel of K -> [Cs][16]: packed[kp][c][k%16] = w[k][c] */
static void pack_turned_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    (void)thread;
    float *out = j->packed + (size_t)piece * PANEL * (size_t)j->s.cs;
    for (int i = 0; i < PANEL; i++) {
        size_t k = (size_t)piece * PANEL + (size_t)i, tap = k / (size_t)j->s.cb,
               b = k % (size_t)j->s.cb;
        for (int c = 0; c < j->csp; c++) {
            const float *w =
                j->weight + ((tap * (size_t)j->csp + (size_t)c) * (size_t)j->s.cb + b) * PANEL;
            for (int l = 0; l < PANEL; l++)
                out[(size_t)(c * PANEL + l) * PANEL + (size_t)i] = w[l];
        }
    }
}

/* ---- D -------------------------------------------------------------------------------------- */

static void down_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int row0 = piece * j->block, row1 = pxs_min_int(j->rows, row0 + j->block);
    float *col = j->own + (size_t)thread * j->own_floats;
    columns(j, row0, row1, col, col + j->own_col);
    for (int c = 0; c < j->csp; c++)
        j->isa->rows((row1 - row0) * j->s.w, j->s.cb, col, j->panel,
                     j->packed + (size_t)c * k_of(j) * PANEL,
                     j->out + (size_t)row0 * (size_t)j->s.w * j->ld_small + (size_t)c * PANEL,
                     j->ld_small, false);
}

static void down(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                 const float *big, size_t ld_big, const float *weight, float *small,
                 size_t ld_small) {
    struct job j = begin(ctx, s);
    j.big = big;
    j.ld_big = ld_big;
    j.weight = weight;
    j.out = small;
    j.ld_small = ld_small;
    pxs_pool_run(ctx->pool, pack_piece, &j, j.csp);
    pxs_pool_run(ctx->pool, down_piece, &j, blocks_of(&j));
}

/* ---- U -------------------------------------------------------------------------------------- */

/* Big row y gathers from the columns of small rows row0 .. : (i, k) = (y/2, 1 or 2) and a
 * neighbour. */
static void gather_row(const struct job *j, int image, int y, int row0, const float *col) {
    const struct pxs_conv_shape *s = &j->s;
    size_t cb = (size_t)s->cb, k_all = k_of(j);
    float *out =
        j->out + ((size_t)image * (size_t)(2 * s->h) + (size_t)y) * (size_t)(2 * s->w) * j->ld_big;
    for (int x = 0; x < 2 * s->w; x++, out += j->ld_big) {
        if (!j->accumulate)
            memset(out, 0, cb * sizeof *out);
        for (int a = 0; a < 2; a++)
            for (int b = 0; b < 2; b++) {
                int ky = (y + 1) % 2 + 2 * a, kx = (x + 1) % 2 + 2 * b;
                int i = (y + 1 - ky) / 2, at = (x + 1 - kx) / 2;
                if (y + 1 < ky || i >= s->h || x + 1 < kx || at >= s->w)
                    continue;
                const float *src = col + (size_t)((image * s->h + i - row0) * s->w + at) * k_all +
                                   (size_t)(4 * ky + kx) * cb;
                for (size_t c = 0; c < cb; c++)
                    out[c] += src[c];
            }
    }
}

static void up_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    const struct pxs_conv_shape *s = &j->s;
    int row0 = piece * j->block, row1 = pxs_min_int(j->rows, row0 + j->block);
    int lo = pxs_max_int(0, row0 - 1), hi = pxs_min_int(j->rows, row1 + 1),
        pixels = (hi - lo) * s->w;
    float *panels = j->own + (size_t)thread * j->own_floats, *col = panels + j->own_col;
    for (int c = 0; c < j->csp; c++)
        j->isa->copy(j->small + (size_t)lo * (size_t)s->w * j->ld_small + (size_t)c * PANEL,
                     j->ld_small, pixels, panels + (size_t)c * j->panel, PANEL, false);
    for (int p = 0; p < s->cb; p++)
        j->isa->rows(pixels, j->csp, panels, j->panel,
                     j->packed + (size_t)p * PANEL * (size_t)s->cs, col + (size_t)p * PANEL,
                     k_of(j), false);
    for (int row = row0; row < row1; row++)
        for (int half = 0; half < 2; half++)
            gather_row(j, row / s->h, 2 * (row % s->h) + half, lo, col);
}

static void up(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
               const float *small, size_t ld_small, const float *weight, float *big, size_t ld_big,
               bool accumulate) {
    struct job j = begin(ctx, s);
    j.small = small;
    j.ld_small = ld_small;
    j.weight = weight;
    j.out = big;
    j.ld_big = ld_big;
    j.accumulate = accumulate;
    pxs_pool_run(ctx->pool, pack_turned_piece, &j, s->cb);
    pxs_pool_run(ctx->pool, up_piece, &j, blocks_of(&j));
}

/* ---- W -------------------------------------------------------------------------------------- */

static void weight_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int first = pxs_share(j->rows, j->n_parts, piece),
        end = pxs_share(j->rows, j->n_parts, piece + 1);
    float *col = j->own + (size_t)thread * j->own_floats,
          *part = j->parts + (size_t)piece * k_of(j) * (size_t)j->s.cs;
    for (int row = first; row < end; row += j->block) {
        int row1 = pxs_min_int(end, row + j->block);
        columns(j, row, row1, col, col + j->own_col);
        for (int c = 0; c < j->csp; c++)
            for (int p = 0; p < j->s.cb; p++) {
                struct pxs_segment seg = {col + (size_t)p * j->panel,
                                          j->small + (size_t)row * (size_t)j->s.w * j->ld_small +
                                              (size_t)c * PANEL,
                                          (row1 - row) * j->s.w};
                j->isa->outer(1, &seg, PANEL, j->ld_small,
                              part + ((size_t)c * k_of(j) + (size_t)p * PANEL) * PANEL,
                              row > first);
            }
    }
}

static void sum_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    size_t rows = k_of(j), at = (size_t)piece * rows * PANEL;
    (void)thread;
    for (int part = 1; part < j->n_parts; part++)
        j->isa->copy(j->parts + (size_t)part * rows * (size_t)j->s.cs + at, PANEL, (int)rows,
                     j->parts + at, PANEL, true);
    copy_panel(j, piece, j->parts, j->out, false);
}

static void weight_gradient(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                            const float *big, size_t ld_big, const float *small, size_t ld_small,
                            float *dweight, const struct pxs_update *update) {
    struct job j = begin(ctx, s);
    j.big = big;
    j.ld_big = ld_big;
    j.small = small;
    j.ld_small = ld_small;
    j.out = dweight;
    pxs_pool_run(ctx->pool, weight_piece, &j, j.n_parts);
    pxs_pool_run(ctx->pool, sum_piece, &j, j.csp);
    if (update)
        pxs_update_all(ctx, s, dweight, update);
}

const struct pxs_conv_method pxs_conv_thin = {scratch, down, up, weight_gradient};
