/* Direct convolution, tap by tap: for small maps, where a transform costs more than it saves.
 *
 * The big side is split into its four parities, q(y,x) = big[2y+py][2x+px], each as large as
 * the small side; tap ky meets parity py = (ky + 1) mod 2 at a distance dy = -1, 0, 0, +1 for ky =
 * 0 .. 3:
 *     D  small[i,j]  = sum over taps  q(i+dy, j+dx) w[tap]
 *     U  q(y,x)      = sum over the parity's four taps  small[y-dy, x-dx] w[tap]^T
 *     W  dw[tap]     = sum over pixels  q(i+dy, j+dx)^T small[i,j]
 * Pixels stand as [panel][y][x][image][16], the batch innermost, so those that a tap meets are runs
 * of rows of a matrix. Products with pixels beyond the border are left out, not multiplied by zero:
 * on a 2 x 2 map these are 28 of 64 products, on a 1 x 1 map 12 of 16 taps.
 *
 * Pieces: an output panel of 16 channels and a block of pixel rows. */
#include "kernel_priv.h"

#include <string.h>

/* Panels of K at a time, most small pixels of a piece, rows of W in one chain, segments of W at a
 * time, pieces that copying is cut into. */
enum { K_PANELS = 16, PIECE_PIXELS = 128, CHAIN = 256, MAX_SEGMENTS = 32, COPY_PIECES = 32 };

struct job {
    const struct pxs_isa *isa;
    struct pxs_conv_shape s;
    int cbp, csp, pixels; /* pixels of the small side, and of a parity, over the batch */
    float *q, *small_panels;
    size_t panel; /* floats of a panel of q and of small_panels */
    float *own;
    size_t own_floats;
    int block, blocks; /* pixel rows of a piece */
    const float *big, *small, *weight;
    float *out;
    size_t ld_big, ld_small;
    bool accumulate;
    bool turned; /* U: the weights are turned already */
    const struct pxs_update *update;
};

struct layout {
    size_t q, small, own, total;
};

static struct job make_job(const struct pxs_conv_shape *s) {
    struct job j = {
        .s = *s, .cbp = s->cb / PANEL, .csp = s->cs / PANEL, .pixels = s->n * s->h * s->w};
    j.panel = (size_t)(j.pixels | 1) * PANEL;
    j.block = pxs_min_int(s->h, pxs_max_int(1, PIECE_PIXELS / (s->n * s->w)));
    j.blocks = pxs_ceil_div(s->h, j.block);
    return j;
}

static struct layout lay_out(struct job *j, int threads) {
    struct layout l = {0};
    size_t at = 0, own = 0;
    l.q = pxs_take(&at, 4 * (size_t)j->cbp * j->panel);
    l.small = pxs_take(&at, (size_t)j->csp * j->panel);
    pxs_take(&own, (size_t)(j->block * j->s.w * j->s.n) * PANEL);
    pxs_take(&own, K_PANELS * PANEL * PANEL);
    j->own_floats = own > PXS_RUN_FLOATS ? own : PXS_RUN_FLOATS; /* U and D; W */
    l.own = pxs_take(&at, j->own_floats * (size_t)threads);
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
    j.q = ctx->scratch + l.q;
    j.small_panels = ctx->scratch + l.small;
    j.own = ctx->scratch + l.own;
    j.turned = ctx->turned;
    return j;
}

/* ---- taps ----------------------------------------------------------------------------------- */

static int parity_of(int k) {
    return (k + 1) % 2;
}
static int distance_of(int k) {
    return k == 0 ? -1 : k == 3 ? 1 : 0;
}

/* A run of pixels in [y][x][image] order: where the small side and the parity meet. */
struct run {
    size_t small, q;
    int len;
};

/* Iterates over the runs of a tap in small rows i0 .. i1-1. */
struct walk {
    const struct job *j;
    int dy, dx, i, end;
};

static struct walk walk_tap(const struct job *j, int tap, int i0, int i1) {
    struct walk w = {.j = j, .dy = distance_of(tap / 4), .dx = distance_of(tap % 4)};
    w.i = pxs_max_int(i0, w.dy < 0 ? 1 : 0);
    w.end = pxs_min_int(i1, w.dy > 0 ? j->s.h - 1 : j->s.h);
    return w;
}

static bool next_run(struct walk *w, struct run *r) {
    int width = w->j->s.w, n = w->j->s.n, x0 = w->dx < 0 ? 1 : 0,
        x1 = w->dx > 0 ? width - 1 : width;
    int rows = w->dx == 0 ? w->end - w->i : 1; /* whole rows make one run */
    if (w->i >= w->end || x0 >= x1)
        return false;
    r->small = (size_t)((w->i * width + x0) * n);
    r->q = (size_t)(((w->i + w->dy) * width + x0 + w->dx) * n);
    r->len = (rows - 1) * width * n + (x1 - x0) * n;
    w->i += rows;
    return true;
}

/* ---- into panels and out of them ------------------------------------------------------------ */

/* Row y of the big side into its parities, or of the small side. */
static void big_row(const struct job *j, int y) {
    const struct pxs_conv_shape *s = &j->s;
    for (int parity = 0; parity < 2; parity++)
        for (int b = 0; b < j->cbp; b++)
            for (int image = 0; image < s->n; image++) {
                const float *src =
                    j->big +
                    (((size_t)image * (size_t)(2 * s->h) + (size_t)y) * (size_t)(2 * s->w) +
                     (size_t)parity) *
                        j->ld_big +
                    (size_t)b * PANEL;
                float *dst = j->q + (size_t)((2 * (y % 2) + parity) * j->cbp + b) * j->panel +
                             (size_t)(y / 2 * s->w * s->n + image) * PANEL;
                j->isa->copy(src, 2 * j->ld_big, s->w, dst, (size_t)s->n * PANEL, false);
            }
}

static void small_row(const struct job *j, int y) {
    const struct pxs_conv_shape *s = &j->s;
    for (int c = 0; c < j->csp; c++)
        for (int image = 0; image < s->n; image++) {
            const float *src =
                j->small + ((size_t)image * (size_t)s->h + (size_t)y) * (size_t)s->w * j->ld_small +
                (size_t)c * PANEL;
            float *dst =
                j->small_panels + (size_t)c * j->panel + (size_t)(y * s->w * s->n + image) * PANEL;
            j->isa->copy(src, j->ld_small, s->w, dst, (size_t)s->n * PANEL, false);
        }
}

static int copy_pieces(int rows) {
    return pxs_min_int(COPY_PIECES, rows);
}

static void big_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int rows = 2 * j->s.h, pieces = copy_pieces(rows);
    (void)thread;
    for (int y = pxs_share(rows, pieces, piece); y < pxs_share(rows, pieces, piece + 1); y++)
        big_row(j, y);
}

static void small_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int rows = j->s.h, pieces = copy_pieces(rows);
    (void)thread;
    for (int y = pxs_share(rows, pieces, piece); y < pxs_share(rows, pieces, piece + 1); y++)
        small_row(j, y);
}

/* ---- D, U, W -------------------------------------------------------------------------------- */

static void down_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    const struct pxs_conv_shape *s = &j->s;
    int panel = piece / j->blocks, i0 = piece % j->blocks * j->block,
        i1 = pxs_min_int(s->h, i0 + j->block);
    size_t first = (size_t)(i0 * s->w * s->n);
    float *c = j->own + (size_t)thread * j->own_floats;
    memset(c, 0, (size_t)((i1 - i0) * s->w * s->n) * PANEL * sizeof *c);
    for (int tap = 0; tap < 16; tap++) {
        const float *q =
            j->q + (size_t)((2 * parity_of(tap / 4) + parity_of(tap % 4)) * j->cbp) * j->panel;
        const float *w =
            j->weight + ((size_t)tap * (size_t)j->csp + (size_t)panel) * (size_t)s->cb * PANEL;
        for (int b = 0; b < j->cbp; b += K_PANELS) {
            struct walk walk = walk_tap(j, tap, i0, i1);
            for (struct run r; next_run(&walk, &r);)
                j->isa->rows(r.len, pxs_min_int(K_PANELS, j->cbp - b),
                             q + (size_t)b * j->panel + r.q * PANEL, j->panel,
                             w + (size_t)b * PANEL * PANEL, c + (r.small - first) * PANEL, PANEL,
                             true);
        }
    }
    for (int i = i0; i < i1; i++)
        for (int image = 0; image < s->n; image++)
            j->isa->copy(
                c + (size_t)((i - i0) * s->w * s->n + image) * PANEL, (size_t)s->n * PANEL, s->w,
                j->out + ((size_t)image * (size_t)s->h + (size_t)i) * (size_t)s->w * j->ld_small +
                    (size_t)panel * PANEL,
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
    pxs_pool_run(ctx->pool, big_piece, &j, copy_pieces(2 * s->h));
    pxs_pool_run(ctx->pool, down_piece, &j, j.csp * j.blocks);
}

/* Rows y0 .. y1-1 of parity q; small row y - dy meets them. */
static void up_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    const struct pxs_conv_shape *s = &j->s;
    int block = piece % j->blocks, parity = piece / j->blocks % 4, panel = piece / j->blocks / 4;
    int y0 = block * j->block, y1 = pxs_min_int(s->h, y0 + j->block);
    size_t first = (size_t)(y0 * s->w * s->n);
    float *c = j->own + (size_t)thread * j->own_floats,
          *turned = c + (size_t)(j->block * s->w * s->n) * PANEL;
    memset(c, 0, (size_t)((y1 - y0) * s->w * s->n) * PANEL * sizeof *c);
    for (int tap = 0; tap < 16; tap++) {
        if (2 * parity_of(tap / 4) + parity_of(tap % 4) != parity || !pxs_tap_is_live(s, tap))
            continue;
        int dy = distance_of(tap / 4);
        for (int k0 = 0; k0 < j->csp; k0 += K_PANELS) {
            int k = pxs_min_int(K_PANELS, j->csp - k0);
            for (int p = 0; p < k && !j->turned; p++)
                pxs_transpose(
                    j->isa,
                    j->weight + (((size_t)tap * (size_t)j->csp + (size_t)(k0 + p)) * (size_t)s->cb +
                                 (size_t)panel * PANEL) *
                                    PANEL,
                    turned + (size_t)p * PANEL * PANEL, (size_t)s->cb * PANEL);
            struct walk walk = walk_tap(j, tap, y0 - dy, y1 - dy);
            for (struct run r; next_run(&walk, &r);)
                j->isa->rows(
                    r.len, k, j->small_panels + (size_t)k0 * j->panel + r.small * PANEL, j->panel,
                    j->turned ? pxs_turned_at(s, j->weight, tap, panel, k0 * PANEL) : turned,
                    c + (r.q - first) * PANEL, PANEL, true);
        }
    }
    for (int y = y0; y < y1; y++)
        for (int image = 0; image < s->n; image++)
            j->isa->copy(c + (size_t)((y - y0) * s->w * s->n + image) * PANEL, (size_t)s->n * PANEL,
                         s->w,
                         j->out +
                             (((size_t)image * (size_t)(2 * s->h) + (size_t)(2 * y + parity / 2)) *
                                  (size_t)(2 * s->w) +
                              (size_t)(parity % 2)) *
                                 j->ld_big +
                             (size_t)panel * PANEL,
                         2 * j->ld_big, j->accumulate);
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
    pxs_pool_run(ctx->pool, small_piece, &j, copy_pieces(s->h));
    pxs_pool_run(ctx->pool, up_piece, &j, j.cbp * 4 * j.blocks);
}

/* One 16 x 16 block of a tap's gradient, over all its runs. */
static void weight_block(const struct job *j, int tap, int panel, int b, float *out) {
    const float *q =
        j->q + (size_t)((2 * parity_of(tap / 4) + parity_of(tap % 4)) * j->cbp + b) * j->panel;
    const float *small = j->small_panels + (size_t)panel * j->panel;
    struct pxs_segment seg[MAX_SEGMENTS];
    int n = 0, rows = 0;
    bool add = false;
    struct walk walk = walk_tap(j, tap, 0, j->s.h);
    for (struct run r; next_run(&walk, &r);)
        for (int at = 0; at < r.len;) {
            int len = pxs_min_int(r.len - at, CHAIN - rows);
            seg[n++] = (struct pxs_segment){q + (r.q + (size_t)at) * PANEL,
                                            small + (r.small + (size_t)at) * PANEL, len};
            at += len;
            rows += len;
            if (rows == CHAIN || n == MAX_SEGMENTS) {
                j->isa->outer(n, seg, PANEL, PANEL, out, add);
                add = true;
                n = rows = 0;
            }
        }
    if (n > 0 || !add) /* where no run exists, this writes zeros */
        j->isa->outer(n, seg, PANEL, PANEL, out, add);
}

static void weight_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    struct pxs_weight_run run = {.s = &j->s,
                                 .panel = piece % j->csp,
                                 .b0 = piece / j->csp * pxs_run_blocks(&j->s),
                                 .buffer = j->own + (size_t)thread * j->own_floats};
    run.blocks = pxs_min_int(pxs_run_blocks(&j->s), j->cbp - run.b0);
    for (int tap = 0; tap < 16; tap++)
        for (int b = 0; b < run.blocks && (pxs_tap_is_live(&j->s, tap) || !j->update); b++)
            weight_block(j, tap, run.panel, run.b0 + b, pxs_run_block(&run, tap, b));
    pxs_run_finish(&run, j->out, false, j->update);
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
    j.update = update;
    pxs_pool_run(ctx->pool, big_piece, &j, copy_pieces(2 * s->h));
    pxs_pool_run(ctx->pool, small_piece, &j, copy_pieces(s->h));
    pxs_pool_run(ctx->pool, weight_piece, &j, j.csp * pxs_ceil_div(j.cbp, pxs_run_blocks(s)));
}

const struct pxs_conv_method pxs_conv_direct = {scratch, down, up, weight_gradient};
