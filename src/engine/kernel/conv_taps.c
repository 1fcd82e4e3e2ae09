/* Convolutions of any kernel, stride and padding, tap by tap over rows of pixels.
 *
 * The big side is copied into panels row by row, each row with its padding on both sides (zeros, or
 * the mirrored edge) and split by the stride into phases, so that a tap meets a run of pixels:
 * column X = stride x' + phase of the padded row stands at [phase][x']. Small row i and tap (ky,
 * kx) meet the row at stride i - padding + ky; which one that is, or none, pxs_big_at says, so the
 * padding above and below is never made. With q = the run from x' = kx / stride in phase kx mod
 * stride:
 *     D  small[i]  = sum over taps  q w[tap]
 *     U  q        += small[i] w[tap]^T, in rows of one panel with their padding; mirrored rows are
 *                    summed with the row that they show, mirrored columns are added at the end
 *     W  dw[tap]   = sum over rows  q^T small[i]
 *
 * Pieces: an output panel of 16 channels and a block of pixel rows; W a panel of small channels and
 * a run of big ones. */
#include "kernel_priv.h"

#include <string.h>

/* Panels of K at a time, most pixels of a block (but at least a row), pixels of W in one chain and
 * its segments, pieces that copying is cut into. */
enum { K_PANELS = 16, BLOCK_PIXELS = 128, CHAIN = 256, MAX_SEGMENTS = 32, COPY_PIECES = 64 };

struct job {
    const struct pxs_isa *isa;
    struct pxs_conv_shape s;
    int cbp, csp, taps;
    int run;     /* pixels of a phase of a padded row */
    size_t line; /* floats of a padded row of one panel */
    float *q, *small_panels;
    size_t q_panel, small_panel; /* floats of a panel */
    float *own;
    size_t own_floats, own_turned;
    int block, blocks; /* rows of a piece, over the batch */
    int run_blocks;    /* W: 16 x 16 blocks of a piece */
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

static struct job make_job(const struct pxs_conv_shape *s, enum pxs_pass pass) {
    struct job j = {.s = *s, .cbp = s->cb / PANEL, .csp = s->cs / PANEL, .taps = pxs_taps(s)};
    j.run = pxs_max_int(s->w + (s->kernel - 1) / s->stride,
                        pxs_ceil_div(s->big_w + s->padding, s->stride));
    j.line = (size_t)(s->stride * j.run) * PANEL;
    j.q_panel = (size_t)(s->n * s->big_h) * j.line + PANEL;
    j.small_panel = (size_t)(s->n * s->h * s->w | 1) * PANEL;
    int rows = s->n * (pass == PXS_PASS_UP ? s->big_h : s->h);
    j.block = pxs_max_int(1, BLOCK_PIXELS / (pass == PXS_PASS_UP ? s->big_w : s->w));
    j.blocks = pxs_ceil_div(rows, j.block);
    j.run_blocks = pxs_run_blocks(s);
    return j;
}

static struct layout lay_out(struct job *j, int threads, enum pxs_pass pass) {
    struct layout l = {0};
    size_t at = 0, own = 0;
    l.q = pxs_take(&at, pass == PXS_PASS_UP ? 0 : (size_t)j->cbp * j->q_panel);
    l.small = pxs_take(&at, pass == PXS_PASS_DOWN ? 0 : (size_t)j->csp * j->small_panel);
    if (pass == PXS_PASS_DOWN)
        pxs_take(&own, (size_t)(j->block * j->s.w) * PANEL);
    else if (pass == PXS_PASS_UP)
        pxs_take(&own, (size_t)j->block * j->line);
    else
        pxs_take(&own, (size_t)(j->taps * j->run_blocks) * PANEL * PANEL);
    j->own_turned = pxs_take(&own, pass == PXS_PASS_UP ? K_PANELS * PANEL * PANEL : 0);
    j->own_floats = own;
    l.own = pxs_take(&at, own * (size_t)threads);
    l.total = at;
    return l;
}

static size_t scratch(const struct pxs_conv_shape *s, int threads) {
    size_t most = 0;
    for (enum pxs_pass pass = PXS_PASS_DOWN; pass <= PXS_PASS_WEIGHT; pass++) {
        struct job j = make_job(s, pass);
        size_t floats = lay_out(&j, threads, pass).total;
        most = floats > most ? floats : most;
    }
    return most;
}

static struct job begin(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                        enum pxs_pass pass) {
    struct job j = make_job(s, pass);
    struct layout l = lay_out(&j, pxs_pool_threads(ctx->pool), pass);
    j.isa = ctx->set->isa;
    j.q = ctx->scratch + l.q;
    j.small_panels = ctx->scratch + l.small;
    j.own = ctx->scratch + l.own;
    j.turned = ctx->turned;
    return j;
}

/* ---- into panels ---------------------------------------------------------------------------- */

/* The pixels of `phase` that lie within the big side: place x' of them, and the first one's column.
 */
struct inside {
    int first, n, x;
};

static struct inside inside_of(const struct job *j, int phase) {
    const struct pxs_conv_shape *s = &j->s;
    struct inside r = {.first = pxs_max_int(0, pxs_ceil_div(s->padding - phase, s->stride))};
    r.x = s->stride * r.first + phase - s->padding;
    r.n = pxs_min_int(j->run - r.first, pxs_ceil_div(s->big_w - r.x, s->stride));
    r.n = pxs_max_int(r.n, 0);
    return r;
}

static void big_row(const struct job *j, int row) {
    const struct pxs_conv_shape *s = &j->s;
    const float *src = j->big + (size_t)row * (size_t)s->big_w * j->ld_big;
    for (int b = 0; b < j->cbp; b++, src += PANEL)
        for (int phase = 0; phase < s->stride; phase++) {
            float *dst = j->q + (size_t)b * j->q_panel + (size_t)row * j->line +
                         (size_t)(phase * j->run) * PANEL;
            struct inside in = inside_of(j, phase);
            j->isa->copy(src + (ptrdiff_t)in.x * (ptrdiff_t)j->ld_big,
                         (size_t)s->stride * j->ld_big, in.n, dst + (size_t)in.first * PANEL, PANEL,
                         false);
            for (int at = 0; at < j->run; at++) {
                if (at == in.first && in.n > 0)
                    at += in.n;
                if (at >= j->run)
                    break;
                int x = pxs_big_at(s, s->stride * at + phase - s->padding, s->big_w);
                if (x >= 0)
                    memcpy(dst + (size_t)at * PANEL, src + (size_t)x * j->ld_big,
                           PANEL * sizeof *dst);
                else
                    memset(dst + (size_t)at * PANEL, 0, PANEL * sizeof *dst);
            }
        }
}

static void big_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int rows = j->s.n * j->s.big_h, pieces = pxs_min_int(COPY_PIECES, rows);
    (void)thread;
    for (int r = pxs_share(rows, pieces, piece); r < pxs_share(rows, pieces, piece + 1); r++)
        big_row(j, r);
}

static void small_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    int rows = j->s.n * j->s.h, pieces = pxs_min_int(COPY_PIECES, rows), w = j->s.w;
    int first = pxs_share(rows, pieces, piece), end = pxs_share(rows, pieces, piece + 1);
    (void)thread;
    for (int c = 0; c < j->csp; c++)
        j->isa->copy(j->small + (size_t)(first * w) * j->ld_small + (size_t)c * PANEL, j->ld_small,
                     (end - first) * w,
                     j->small_panels + (size_t)c * j->small_panel + (size_t)(first * w) * PANEL,
                     PANEL, false);
}

static void pack_big(const struct pxs_kernel_context *ctx, struct job *j) {
    pxs_pool_run(ctx->pool, big_piece, j, pxs_min_int(COPY_PIECES, j->s.n * j->s.big_h));
}

static void pack_small(const struct pxs_kernel_context *ctx, struct job *j) {
    pxs_pool_run(ctx->pool, small_piece, j, pxs_min_int(COPY_PIECES, j->s.n * j->s.h));
}

/* The row of panel 0 that small row `row` of the batch meets at ky; NULL where there is none. */
static const float *line_of(const struct job *j, int row, int ky) {
    const struct pxs_conv_shape *s = &j->s;
    int y = pxs_big_at(s, s->stride * (row % s->h) - s->padding + ky, s->big_h);
    return y < 0 ? NULL : j->q + (size_t)(row / s->h * s->big_h + y) * j->line;
}

/* Floats from the start of a padded row to the run of tap kx. */
static size_t run_of(const struct job *j, int kx) {
    return (size_t)(kx % j->s.stride * j->run + kx / j->s.stride) * PANEL;
}

/* ---- D, U, W -------------------------------------------------------------------------------- */

static void down_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    const struct pxs_conv_shape *s = &j->s;
    int panel = piece % j->csp, row0 = piece / j->csp * j->block,
        row1 = pxs_min_int(s->n * s->h, row0 + j->block);
    float *c = j->own + (size_t)thread * j->own_floats;
    memset(c, 0, (size_t)((row1 - row0) * s->w) * PANEL * sizeof *c);
    for (int tap = 0; tap < j->taps; tap++) {
        const float *w =
            j->weight + ((size_t)tap * (size_t)j->csp + (size_t)panel) * (size_t)s->cb * PANEL;
        if (!pxs_tap_is_live(s, tap))
            continue;
        for (int b = 0; b < j->cbp; b += K_PANELS)
            for (int row = row0; row < row1; row++) {
                const float *line = line_of(j, row, tap / s->kernel);
                if (line)
                    j->isa->rows(s->w, pxs_min_int(K_PANELS, j->cbp - b),
                                 line + (size_t)b * j->q_panel + run_of(j, tap % s->kernel),
                                 j->q_panel, w + (size_t)b * PANEL * PANEL,
                                 c + (size_t)((row - row0) * s->w) * PANEL, PANEL, true);
            }
    }
    j->isa->copy(c, PANEL, (row1 - row0) * s->w,
                 j->out + (size_t)(row0 * s->w) * j->ld_small + (size_t)panel * PANEL, j->ld_small,
                 false);
}

static void down(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                 const float *big, size_t ld_big, const float *weight, float *small,
                 size_t ld_small) {
    struct job j = begin(ctx, s, PXS_PASS_DOWN);
    j.big = big;
    j.ld_big = ld_big;
    j.weight = weight;
    j.out = small;
    j.ld_small = ld_small;
    pack_big(ctx, &j);
    pxs_pool_run(ctx->pool, down_piece, &j, j.csp * j.blocks);
}

/* A finished padded row of one panel to the big side. */
static void emit_row(const struct job *j, int row, int panel, float *line) {
    const struct pxs_conv_shape *s = &j->s;
    float *out = j->out + (size_t)row * (size_t)s->big_w * j->ld_big + (size_t)panel * PANEL;
    for (int at = 0; s->reflect && at < s->stride * j->run; at++) {
        int x = at - s->padding, shown = pxs_big_at(s, x, s->big_w), to = shown + s->padding;
        if (shown >= 0 && shown != x)
            j->isa->copy(line + (size_t)(at % s->stride * j->run + at / s->stride) * PANEL, PANEL,
                         1, line + (size_t)(to % s->stride * j->run + to / s->stride) * PANEL,
                         PANEL, true);
    }
    for (int phase = 0; phase < s->stride; phase++) {
        struct inside in = inside_of(j, phase);
        j->isa->copy(line + (size_t)(phase * j->run + in.first) * PANEL, PANEL, in.n,
                     out + (ptrdiff_t)in.x * (ptrdiff_t)j->ld_big, (size_t)s->stride * j->ld_big,
                     j->accumulate);
    }
}

static void up_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    const struct pxs_conv_shape *s = &j->s;
    int panel = piece % j->cbp, row0 = piece / j->cbp * j->block,
        row1 = pxs_min_int(s->n * s->big_h, row0 + j->block);
    float *c = j->own + (size_t)thread * j->own_floats, *turned = c + j->own_turned;
    memset(c, 0, (size_t)(row1 - row0) * j->line * sizeof *c);
    for (int tap = 0; tap < j->taps; tap++) {
        int ky = tap / s->kernel;
        if (!pxs_tap_is_live(s, tap))
            continue;
        for (int k0 = 0; k0 < j->csp; k0 += K_PANELS) {
            int k = pxs_min_int(K_PANELS, j->csp - k0);
            bool is_turned = j->turned; /* with a stride, not every row meets the tap */
            const float *w =
                j->turned ? pxs_turned_at(s, j->weight, tap, panel, k0 * PANEL) : turned;
            for (int row = row0; row < row1; row++) {
                int at[3], n = pxs_small_at(s, row % s->big_h, s->big_h, ky, s->h, at);
                for (int p = 0; n > 0 && !is_turned && p < k; p++)
                    pxs_transpose(j->isa,
                                  j->weight + (((size_t)tap * (size_t)j->csp + (size_t)(k0 + p)) *
                                                   (size_t)s->cb +
                                               (size_t)panel * PANEL) *
                                                  PANEL,
                                  turned + (size_t)p * PANEL * PANEL, (size_t)s->cb * PANEL);
                is_turned = is_turned || n > 0;
                for (int i = 0; i < n; i++)
                    j->isa->rows(s->w, k,
                                 j->small_panels + (size_t)k0 * j->small_panel +
                                     (size_t)((row / s->big_h * s->h + at[i]) * s->w) * PANEL,
                                 j->small_panel, w,
                                 c + (size_t)(row - row0) * j->line + run_of(j, tap % s->kernel),
                                 PANEL, true);
            }
        }
    }
    for (int row = row0; row < row1; row++)
        emit_row(j, row, panel, c + (size_t)(row - row0) * j->line);
}

static void up(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
               const float *small, size_t ld_small, const float *weight, float *big, size_t ld_big,
               bool accumulate) {
    struct job j = begin(ctx, s, PXS_PASS_UP);
    j.small = small;
    j.ld_small = ld_small;
    j.weight = weight;
    j.out = big;
    j.ld_big = ld_big;
    j.accumulate = accumulate;
    pack_small(ctx, &j);
    pxs_pool_run(ctx->pool, up_piece, &j, j.cbp * j.blocks);
}

/* Rows row0 .. row1-1 of one 16 x 16 block of a tap's gradient. */
static void weight_block(const struct job *j, int tap, int panel, int b, int row0, int row1,
                         float *out) {
    const struct pxs_conv_shape *s = &j->s;
    struct pxs_segment seg[MAX_SEGMENTS];
    int n = 0;
    for (int row = row0; row < row1; row++) {
        const float *line = line_of(j, row, tap / s->kernel);
        if (line)
            seg[n++] = (struct pxs_segment){
                line + (size_t)b * j->q_panel + run_of(j, tap % s->kernel),
                j->small_panels + (size_t)panel * j->small_panel + (size_t)(row * s->w) * PANEL,
                s->w};
    }
    if (n > 0)
        j->isa->outer(n, seg, PANEL, PANEL, out, true);
}

/* A block of rows serves all taps while it is in cache. */
static void weight_piece(void *user, int piece, int thread) {
    const struct job *j = user;
    const struct pxs_conv_shape *s = &j->s;
    struct pxs_weight_run run = {.s = s,
                                 .panel = piece % j->csp,
                                 .b0 = piece / j->csp * j->run_blocks,
                                 .buffer = j->own + (size_t)thread * j->own_floats};
    run.blocks = pxs_min_int(j->run_blocks, j->cbp - run.b0);
    memset(run.buffer, 0, (size_t)(j->taps * run.blocks) * PANEL * PANEL * sizeof *run.buffer);
    int rows = s->n * s->h, step = pxs_max_int(1, pxs_min_int(MAX_SEGMENTS, CHAIN / s->w));
    for (int row = 0; row < rows; row += step)
        for (int b = 0; b < run.blocks; b++)
            for (int tap = 0; tap < j->taps; tap++)
                if (pxs_tap_is_live(s, tap))
                    weight_block(j, tap, run.panel, run.b0 + b, row, pxs_min_int(rows, row + step),
                                 pxs_run_block(&run, tap, b));
    pxs_run_finish(&run, j->out, false, j->update);
}

static void weight_gradient(const struct pxs_kernel_context *ctx, const struct pxs_conv_shape *s,
                            const float *big, size_t ld_big, const float *small, size_t ld_small,
                            float *dweight, const struct pxs_update *update) {
    struct job j = begin(ctx, s, PXS_PASS_WEIGHT);
    j.big = big;
    j.ld_big = ld_big;
    j.small = small;
    j.ld_small = ld_small;
    j.out = dweight;
    j.update = update;
    pack_big(ctx, &j);
    pack_small(ctx, &j);
    pxs_pool_run(ctx->pool, weight_piece, &j, j.csp * pxs_ceil_div(j.cbp, j.run_blocks));
}

const struct pxs_conv_method pxs_conv_taps = {scratch, down, up, weight_gradient};
