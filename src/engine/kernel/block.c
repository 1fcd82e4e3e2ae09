/* Norm, activation and dropout, forward and backward (torch: InstanceNorm2d(affine=False) or
 * BatchNorm2d; LeakyReLU, ReLU or Tanh; Dropout). A group of images shares its statistics. They are
 * summed over runs of 64 pixels in f32, and over the runs of a group in order in double, whoever
 * sums a run: where groups and blocks of channels make enough pieces of work, one piece does all of
 * a group's block while it is in cache; elsewhere pieces of an image put the sums of their runs
 * into scratch memory first. */
#include "kernel_priv.h"

#include <math.h>
#include <string.h>

/* Channels of a piece: four cache lines of a pixel. Pixels that are summed in f32 before the sum is
 * added to a double. Pieces that are enough for any number of threads, and the floats of a layer so
 * small that it is not cut further. */
enum { CHANNELS = 64, RUN = 64, PIECES = 64, SMALL = 1 << 18, TOGETHER = 16 };
#define EPSILON 1e-5

struct block {
    const struct pxs_block_shape *s;
    const struct pxs_batch_norm *bn;
    const struct pxs_dropout *drop;
    float *x;
    const float *bias;
    float *stats;
    uint8_t *mask;
    float *y, *dx;
    const float *dy;
    size_t ld_y, ld_dy;
    double p;
    /* blocks of channels; images of a group; runs of an image; spans of an image, of span_runs */
    int blocks, groups, images, runs, spans, span_runs;
    /* rows of a group's statistics */
    int rows;
    /* [n][runs][C] in scratch memory: sums of runs; NULL where a piece does a whole group */
    float *sums, *dots;
    /* backward, [groups][2][C] in scratch memory: sums over a group, and their means */
    double *totals;
    float *means;
};

/* ---- how a layer is cut --------------------------------------------------------------------- */

static int groups_of(const struct pxs_block_shape *s) {
    return s->norm == PXS_NORM_BATCH ? pxs_max_int(s->groups, 1) : s->n;
}

static size_t floats_of(const struct pxs_block_shape *s) {
    return (size_t)s->n * (size_t)s->hw * (size_t)s->c;
}

static size_t run_sums(const struct pxs_block_shape *s) {
    return (size_t)s->n * (size_t)pxs_ceil_div(s->hw, RUN) * (size_t)s->c;
}

size_t pxs_block_scratch(const struct pxs_block_shape *s) {
    const size_t means = 2 * (size_t)groups_of(s) * (size_t)s->c;
    size_t at = 0;
    if (s->norm == PXS_NORM_NONE)
        return 0;
    pxs_take(&at, 2 * means); /* doubles */
    pxs_take(&at, means);
    pxs_take(&at, run_sums(s));
    pxs_take(&at, run_sums(s));
    return at;
}

/* Fills in what follows from the shape. own: statistics of these very images. */
static void cut(struct block *b, const struct pxs_kernel_context *ctx, bool own) {
    const struct pxs_block_shape *s = b->s;
    b->blocks = pxs_ceil_div(s->c, CHANNELS);
    b->groups = groups_of(s);
    b->images = b->groups > 0 ? s->n / b->groups : 0;
    b->runs = pxs_ceil_div(s->hw, RUN);
    b->rows = s->norm == PXS_NORM_BATCH ? 3 : 2;
    b->spans = pxs_min_int(b->runs, pxs_ceil_div(PIECES, pxs_max_int(1, s->n * b->blocks)));
    b->span_runs = pxs_ceil_div(b->runs, b->spans);
    b->spans = pxs_ceil_div(b->runs, b->span_runs);
    if (!own)
        return;
    const size_t means = 2 * (size_t)b->groups * (size_t)s->c;
    size_t at = 0;
    b->totals = (double *)(ctx->scratch + pxs_take(&at, 2 * means));
    b->means = ctx->scratch + pxs_take(&at, means);
    if (b->groups * b->blocks >= PIECES || floats_of(s) <= SMALL)
        return;
    b->sums = ctx->scratch + pxs_take(&at, run_sums(s));
    b->dots = ctx->scratch + pxs_take(&at, run_sums(s));
}

/* A block of channels of some pixels of an image. */
struct part {
    int image, c0, c, from, pixels;
    size_t first; /* index of its first float in the dense x */
};

static struct part part_of(const struct block *b, int image, int block, int from, int pixels) {
    struct part p = {.image = image, .c0 = block * CHANNELS, .from = from, .pixels = pixels};
    p.c = pxs_min_int(CHANNELS, b->s->c - p.c0);
    p.first = ((size_t)image * (size_t)b->s->hw + (size_t)from) * (size_t)b->s->c + (size_t)p.c0;
    return p;
}

static struct part run_of(const struct block *b, int image, int block, int run) {
    return part_of(b, image, block, run * RUN, pxs_min_int(RUN, b->s->hw - run * RUN));
}

static struct part span_of(const struct block *b, int piece) {
    const int from = piece / b->blocks % b->spans * b->span_runs * RUN;
    return part_of(b, piece / b->blocks / b->spans, piece % b->blocks, from,
                   pxs_min_int(b->span_runs * RUN, b->s->hw - from));
}

static int all_spans(const struct block *b) {
    return b->s->n * b->spans * b->blocks;
}

static float *stats_of(const struct block *b, int group, int row, int c0) {
    return b->stats + (size_t)(group * b->rows + row) * (size_t)b->s->c + (size_t)c0;
}

static float *means_of(const struct block *b, int group, int row, int c0) {
    return b->means + (size_t)(group * 2 + row) * (size_t)b->s->c + (size_t)c0;
}

static float *of_run(const struct block *b, float *sums, const struct part *p) {
    return sums + ((size_t)p->image * (size_t)b->runs + (size_t)(p->from / RUN)) * (size_t)b->s->c +
           (size_t)p->c0;
}

/* ---- statistics ----------------------------------------------------------------------------- */

PXS_CLONES static void add_run(const float *x, size_t ld, int pixels, int c, float *sum) {
    for (int k = 0; k < pixels; k++, x += ld)
        for (int i = 0; i < c; i++)
            sum[i] += x[i];
}

PXS_CLONES static void add_square_run(const float *x, size_t ld, int pixels, int c,
                                      const float *mean, float *sum) {
    for (int k = 0; k < pixels; k++, x += ld)
        for (int i = 0; i < c; i++) {
            float d = x[i] - mean[i];
            sum[i] += d * d;
        }
}

/* Sums of one run: of x, or with `mean` of (x - mean)^2. */
static void sum_run(const struct block *b, const struct part *p, const float *mean, float *sum) {
    const size_t ld = (size_t)b->s->c;
    memset(sum, 0, (size_t)p->c * sizeof *sum);
    if (mean)
        add_square_run(b->x + p->first, ld, p->pixels, p->c, mean, sum);
    else
        add_run(b->x + p->first, ld, p->pixels, p->c, sum);
}

/* The same over a group. */
static void sum_group(const struct block *b, int group, int block, const float *mean,
                      double total[CHANNELS]) {
    memset(total, 0, CHANNELS * sizeof *total);
    for (int image = group * b->images; image < (group + 1) * b->images; image++)
        for (int run = 0; run < b->runs; run++) {
            float own[CHANNELS];
            const struct part p = run_of(b, image, block, run);
            const float *sum = b->sums ? of_run(b, b->sums, &p) : own;
            if (!b->sums)
                sum_run(b, &p, mean, own);
            for (int i = 0; i < p.c; i++)
                total[i] += (double)sum[i];
        }
}

static void find_means(const struct block *b, int group, int block) {
    const struct part p = part_of(b, 0, block, 0, 0);
    double total[CHANNELS];
    float *mean = stats_of(b, group, 0, p.c0);
    sum_group(b, group, block, NULL, total);
    for (int i = 0; i < p.c; i++)
        mean[i] = (float)(total[i] / (b->images * b->s->hw));
}

static void find_variances(const struct block *b, int group, int block) {
    const struct part p = part_of(b, 0, block, 0, 0);
    double total[CHANNELS];
    sum_group(b, group, block, stats_of(b, group, 0, p.c0), total);
    for (int i = 0; i < p.c; i++) {
        const double var = total[i] / (b->images * b->s->hw);
        stats_of(b, group, 1, p.c0)[i] = (float)(1.0 / sqrt(var + EPSILON));
        if (b->rows == 3)
            stats_of(b, group, 2, p.c0)[i] = (float)var;
    }
}

/* What turns x into the normalised value (x - mean) * rstd, and into what the activation sees: (x -
 * mean) * scale [+ shift]. */
struct channels {
    float mean[CHANNELS], rstd[CHANNELS], scale[CHANNELS], shift_of[CHANNELS];
    const float *shift; /* NULL: none */
};

static void load_channels(const struct block *b, int group, int c0, int c, struct channels *out) {
    const struct pxs_batch_norm *bn = b->s->norm == PXS_NORM_BATCH ? b->bn : NULL;
    out->shift = bn ? out->shift_of : NULL;
    for (int i = 0; i < CHANNELS; i++) {
        out->mean[i] = 0.0f;
        out->rstd[i] = out->scale[i] = 1.0f;
    }
    if (b->s->norm == PXS_NORM_NONE)
        return;
    for (int i = 0; i < c; i++) {
        const bool running = bn && bn->running_mean;
        out->mean[i] = running ? bn->running_mean[c0 + i] : stats_of(b, group, 0, c0)[i];
        out->rstd[i] = running ? (float)(1.0 / sqrt((double)bn->running_var[c0 + i] + EPSILON))
                               : stats_of(b, group, 1, c0)[i];
        out->scale[i] = bn ? out->rstd[i] * bn->gamma[c0 + i] : out->rstd[i];
        out->shift_of[i] = bn ? bn->beta[c0 + i] : 0.0f;
    }
}

void pxs_batch_norm_track(const struct pxs_block_shape *s, const float *stats, float *running_mean,
                          float *running_var) {
    const double momentum = 0.1, m = (double)s->n * s->hw;
    for (int i = 0; i < s->c; i++) {
        const double mean = (double)stats[i],
                     var = (double)stats[2 * s->c + i] * (m > 1 ? m / (m - 1) : 1);
        running_mean[i] = (float)((1 - momentum) * (double)running_mean[i] + momentum * mean);
        running_var[i] = (float)((1 - momentum) * (double)running_var[i] + momentum * var);
    }
}

/* ---- forward -------------------------------------------------------------------------------- */

/* Element i of a layer is kept where the i-th number of the stream is at least p * 2^32. Philox
 * gives four numbers a call; a pixel may start within a group where C is no multiple of four. */
static void draw_mask(const struct pxs_dropout *d, size_t first, int n, uint8_t *mask) {
    uint32_t key[2] = {(uint32_t)d->seed, (uint32_t)(d->seed >> 32)}, r[4];
    uint64_t limit = (uint64_t)(d->p * 4294967296.0);
    size_t group = (size_t)-1;
    for (int k = 0; k < n; k++) {
        size_t i = first + (size_t)k;
        if (i / 4 != group) {
            group = i / 4;
            uint32_t counter[4] = {(uint32_t)group, d->b, d->a, d->stream};
            pxs_philox(key, counter, r);
        }
        mask[k] = r[i % 4] >= limit;
    }
}

/* The loops below run over a part's pixels and channels; whole blocks of channels have a constant
 * count, which compilers unroll. */
static inline void act_loop(const float *x, size_t ld, const float *mean, const float *scale,
                            const float *shift, float slope, int c, int pixels, float *y,
                            size_t ld_y) {
    for (int k = 0; k < pixels; k++, x += ld, y += ld_y)
        for (int i = 0; i < c; i++) {
            float v = (x[i] - mean[i]) * scale[i];
            if (shift)
                v += shift[i];
            y[i] = v > 0.0f ? v : slope * v;
        }
}

PXS_CLONES static void act_run(const float *x, size_t ld, const float *restrict mean,
                               const float *restrict scale, const float *restrict shift,
                               float slope, int c, int pixels, float *restrict y, size_t ld_y) {
    if (c == CHANNELS && !shift)
        act_loop(x, ld, mean, scale, NULL, slope, CHANNELS, pixels, y, ld_y);
    else if (c == CHANNELS)
        act_loop(x, ld, mean, scale, shift, slope, CHANNELS, pixels, y, ld_y);
    else
        act_loop(x, ld, mean, scale, shift, slope, c, pixels, y, ld_y);
}

PXS_CLONES static void bias_run(const float *bias, size_t ld, int c, int pixels, float *x) {
    for (int k = 0; k < pixels; k++, x += ld)
        for (int i = 0; i < c; i++)
            x[i] += bias[i];
}

PXS_CLONES static void drop_pixel(const uint8_t *mask, float scale, int c, float *y) {
    for (int i = 0; i < c; i++)
        y[i] = mask[i] ? y[i] * scale : 0.0f;
}

static void tanh_rows(float *y, size_t ld, int c, int pixels) {
    if (ld == (size_t)c)
        pxs_tanh_run(y, ld * (size_t)pixels);
    else
        for (int k = 0; k < pixels; k++)
            pxs_tanh_run(y + (size_t)k * ld, (size_t)c);
}

/* No activation is a leaky ReLU of slope 1. */
static float slope_of(const struct pxs_block_shape *s) {
    return s->activation == PXS_ACTIVATION_LEAKY_RELU ? s->slope : 1.0f;
}

/* Floats before a part in a tensor with ld floats a pixel. */
static size_t place(const struct block *b, const struct part *p, size_t ld) {
    return ((size_t)p->image * (size_t)b->s->hw + (size_t)p->from) * ld + (size_t)p->c0;
}

static void bias_and_act(const struct block *b, const float *bias, const struct channels *of, int c,
                         int pixels, float *x, size_t ld, float *y, size_t ld_y) {
    if (bias)
        bias_run(bias, ld, c, pixels, x);
    act_run(x, ld, of->mean, of->scale, of->shift, slope_of(b->s), c, pixels, y, ld_y);
}

/* The same for few channels that lie pixel after pixel, as a picture's: 16 pixels count as one of
 * so many channels, whose loops are long. Returns the pixels that are done. */
static int bias_and_act_together(const struct block *b, const float *bias,
                                 const struct channels *of, int c, int pixels, float *x, float *y) {
    struct channels wide = *of;
    float wide_bias[CHANNELS];
    const int n = c * TOGETHER;
    for (int i = 0; i < n; i++) {
        wide.mean[i] = of->mean[i % c];
        wide.scale[i] = of->scale[i % c];
        wide.shift_of[i] = of->shift_of[i % c];
        wide_bias[i] = bias ? bias[i % c] : 0.0f;
    }
    wide.shift = of->shift ? wide.shift_of : NULL;
    bias_and_act(b, bias ? wide_bias : NULL, &wide, n, pixels / TOGETHER, x, (size_t)n, y,
                 (size_t)n);
    return pixels / TOGETHER * TOGETHER;
}

static void apply(const struct block *b, const struct part *p, const struct channels *of) {
    const struct pxs_block_shape *s = b->s;
    const size_t c = (size_t)s->c;
    float *x = b->x + p->first, *y = b->y + place(b, p, b->ld_y);
    const float *bias = b->bias && s->norm == PXS_NORM_NONE ? b->bias + p->c0 : NULL;
    const size_t done = c * TOGETHER <= CHANNELS && b->ld_y == c
                            ? (size_t)bias_and_act_together(b, bias, of, p->c, p->pixels, x, y)
                            : 0;
    bias_and_act(b, bias, of, p->c, p->pixels - (int)done, x + done * c, c, y + done * b->ld_y,
                 b->ld_y);
    if (s->activation == PXS_ACTIVATION_TANH)
        tanh_rows(y, b->ld_y, p->c, p->pixels);
    const float keep = (float)(1.0 / (1.0 - b->drop->p));
    for (int k = 0; b->drop->p > 0 && k < p->pixels; k++) {
        uint8_t *mask = b->mask + p->first + (size_t)k * c;
        draw_mask(b->drop, p->first + (size_t)k * c, p->c, mask);
        drop_pixel(mask, keep, p->c, y + (size_t)k * b->ld_y);
    }
}

static void forward_group(void *user, int piece, int thread) {
    const struct block *b = user;
    const int group = piece / b->blocks, block = piece % b->blocks;
    struct channels of;
    (void)thread;
    find_means(b, group, block);
    find_variances(b, group, block);
    for (int image = group * b->images; image < (group + 1) * b->images; image++) {
        const struct part p = part_of(b, image, block, 0, b->s->hw);
        load_channels(b, group, p.c0, p.c, &of);
        apply(b, &p, &of);
    }
}

static void means_piece(void *user, int piece, int thread) {
    const struct block *b = user;
    (void)thread;
    find_means(b, piece / b->blocks, piece % b->blocks);
}

static void variances_piece(void *user, int piece, int thread) {
    const struct block *b = user;
    (void)thread;
    find_variances(b, piece / b->blocks, piece % b->blocks);
}

static void sum_span(const struct block *b, int piece, bool squares) {
    const struct part span = span_of(b, piece);
    for (int at = span.from; at < span.from + span.pixels; at += RUN) {
        const struct part p = run_of(b, span.image, span.c0 / CHANNELS, at / RUN);
        sum_run(b, &p, squares ? stats_of(b, p.image / b->images, 0, p.c0) : NULL,
                of_run(b, b->sums, &p));
    }
}

static void sums_piece(void *user, int piece, int thread) {
    (void)thread;
    sum_span(user, piece, false);
}

static void squares_piece(void *user, int piece, int thread) {
    (void)thread;
    sum_span(user, piece, true);
}

static void apply_piece(void *user, int piece, int thread) {
    const struct block *b = user;
    const struct part p = span_of(b, piece);
    struct channels of;
    (void)thread;
    load_channels(b, b->images > 0 ? p.image / b->images : 0, p.c0, p.c, &of);
    apply(b, &p, &of);
}

void pxs_block_forward(const struct pxs_kernel_context *ctx, const struct pxs_block_shape *s,
                       const struct pxs_batch_norm *bn, const struct pxs_dropout *drop, float *x,
                       const float *bias, float *stats, uint8_t *mask, float *y, size_t ld_y) {
    static const struct pxs_dropout none = {0};
    struct block b = {.s = s,
                      .bn = bn,
                      .drop = drop ? drop : &none,
                      .x = x,
                      .bias = bias,
                      .stats = stats,
                      .mask = mask,
                      .y = y,
                      .ld_y = ld_y};
    const bool own =
        s->norm == PXS_NORM_INSTANCE || (s->norm == PXS_NORM_BATCH && !bn->running_mean);
    cut(&b, ctx, own);
    const int groups = b.groups * b.blocks, spans = all_spans(&b);
    if (own && !b.sums) {
        pxs_pool_run(ctx->pool, forward_group, &b, groups);
        return;
    }
    if (own) {
        pxs_pool_run(ctx->pool, sums_piece, &b, spans);
        pxs_pool_run(ctx->pool, means_piece, &b, groups);
        pxs_pool_run(ctx->pool, squares_piece, &b, spans);
        pxs_pool_run(ctx->pool, variances_piece, &b, groups);
    }
    pxs_pool_run(ctx->pool, apply_piece, &b, spans);
}

/* ---- backward ------------------------------------------------------------------------------- */

/* g = dy * dropout factor * act' for a run of pixels, and its sums under a norm: g and g * xhat. y:
 * the output of a tanh, else NULL. */
static inline void grad_loop(const float *x, const float *y, const float *dy, const uint8_t *mask,
                             float *g, size_t ld, size_t ld_y, size_t ld_dy,
                             const struct channels *of, float slope, float keep, int c, int pixels,
                             const float *shift, float *sum, float *dot) {
    const float *mean = of->mean, *rstd = of->rstd, *scale = of->scale;
    for (int k = 0; k < pixels; k++, x += ld, dy += ld_dy, g += ld) {
        if (y)
            for (int i = 0; i < c; i++) {
                float out = y[(size_t)k * ld_y + (size_t)i];
                g[i] = dy[i] * (1.0f - out * out);
            }
        else
            for (int i = 0; i < c; i++) { /* both products first: compilers make no branch then */
                float v = (x[i] - mean[i]) * scale[i], full = dy[i], part = slope * full;
                if (shift)
                    v += shift[i];
                g[i] = v > 0.0f ? full : part;
            }
        if (mask)
            for (int i = 0; i < c; i++)
                g[i] = mask[(size_t)k * ld + (size_t)i] ? g[i] * keep : 0.0f;
        if (sum)
            for (int i = 0; i < c; i++) {
                sum[i] += g[i];
                dot[i] += g[i] * ((x[i] - mean[i]) * rstd[i]);
            }
    }
}

PXS_CLONES static void grad_run(const float *x, const float *y, const float *dy,
                                const uint8_t *mask, float *restrict g, size_t ld, size_t ld_y,
                                size_t ld_dy, const struct channels *restrict of, float slope,
                                float keep, int c, int pixels, float *restrict sum,
                                float *restrict dot) {
    if (c == CHANNELS && !of->shift)
        grad_loop(x, y, dy, mask, g, ld, ld_y, ld_dy, of, slope, keep, CHANNELS, pixels, NULL, sum,
                  dot);
    else if (c == CHANNELS)
        grad_loop(x, y, dy, mask, g, ld, ld_y, ld_dy, of, slope, keep, CHANNELS, pixels, of->shift,
                  sum, dot);
    else
        grad_loop(x, y, dy, mask, g, ld, ld_y, ld_dy, of, slope, keep, c, pixels, of->shift, sum,
                  dot);
}

/* dx = scale * (g - mean(g) - xhat * mean(g * xhat)) */
static inline void norm_loop(const float *x, size_t ld, const struct channels *of, const float *sum,
                             const float *dot, int c, int pixels, float *g) {
    const float *mean = of->mean, *rstd = of->rstd, *scale = of->scale;
    for (int k = 0; k < pixels; k++, x += ld, g += ld)
        for (int i = 0; i < c; i++)
            g[i] = scale[i] * ((g[i] - sum[i]) - (x[i] - mean[i]) * rstd[i] * dot[i]);
}

PXS_CLONES static void norm_run(const float *x, size_t ld, const struct channels *restrict of,
                                const float *restrict sum, const float *restrict dot, int c,
                                int pixels, float *restrict g) {
    if (c == CHANNELS)
        norm_loop(x, ld, of, sum, dot, CHANNELS, pixels, g);
    else
        norm_loop(x, ld, of, sum, dot, c, pixels, g);
}

/* g of a run into dx; under a norm also its sums. */
static void gradient(const struct block *b, const struct part *p, const struct channels *of,
                     float *sum, float *dot) {
    const struct pxs_block_shape *s = b->s;
    const float *y = s->activation == PXS_ACTIVATION_TANH ? b->y + place(b, p, b->ld_y) : NULL;
    const float keep = (float)(1.0 / (1.0 - b->p));
    if (sum) {
        memset(sum, 0, (size_t)p->c * sizeof *sum);
        memset(dot, 0, (size_t)p->c * sizeof *dot);
    }
    grad_run(b->x + p->first, y, b->dy + place(b, p, b->ld_dy),
             b->p > 0 ? b->mask + p->first : NULL, b->dx + p->first, (size_t)s->c, b->ld_y,
             b->ld_dy, of, slope_of(s), keep, p->c, p->pixels, sum, dot);
}

static void normalised(const struct block *b, const struct part *p, const struct channels *of) {
    const int group = p->image / b->images;
    norm_run(b->x + p->first, (size_t)b->s->c, of, means_of(b, group, 0, p->c0),
             means_of(b, group, 1, p->c0), p->c, p->pixels, b->dx + p->first);
}

/* A group's sums over its runs, which `gradient` finds here or has left in scratch memory. */
static void total_group(const struct block *b, int group, int block) {
    const struct part whole = part_of(b, 0, block, 0, 0);
    struct channels of;
    double sum[CHANNELS] = {0}, dot[CHANNELS] = {0};
    load_channels(b, group, whole.c0, whole.c, &of);
    for (int image = group * b->images; image < (group + 1) * b->images; image++)
        for (int run = 0; run < b->runs; run++) {
            const struct part p = run_of(b, image, block, run);
            float own_sum[CHANNELS], own_dot[CHANNELS];
            const float *run_sum = b->sums ? of_run(b, b->sums, &p) : own_sum,
                        *run_dot = b->dots ? of_run(b, b->dots, &p) : own_dot;
            if (!b->sums)
                gradient(b, &p, &of, own_sum, own_dot);
            for (int i = 0; i < p.c; i++) {
                sum[i] += (double)run_sum[i];
                dot[i] += (double)run_dot[i];
            }
        }
    const size_t c = (size_t)b->s->c;
    double *totals = b->totals + (size_t)group * 2 * c + (size_t)whole.c0;
    for (int i = 0; i < whole.c; i++) {
        totals[i] = sum[i];
        totals[c + (size_t)i] = dot[i];
        means_of(b, group, 0, whole.c0)[i] = (float)(sum[i] / (b->images * b->s->hw));
        means_of(b, group, 1, whole.c0)[i] = (float)(dot[i] / (b->images * b->s->hw));
    }
}

static void backward_group(void *user, int piece, int thread) {
    const struct block *b = user;
    const int group = piece / b->blocks, block = piece % b->blocks;
    struct channels of;
    (void)thread;
    total_group(b, group, block);
    for (int image = group * b->images; image < (group + 1) * b->images; image++) {
        const struct part p = part_of(b, image, block, 0, b->s->hw);
        load_channels(b, group, p.c0, p.c, &of);
        normalised(b, &p, &of);
    }
}

static void totals_piece(void *user, int piece, int thread) {
    const struct block *b = user;
    (void)thread;
    total_group(b, piece / b->blocks, piece % b->blocks);
}

static void gradient_piece(void *user, int piece, int thread) {
    const struct block *b = user;
    const struct part span = span_of(b, piece);
    struct channels of;
    (void)thread;
    load_channels(b, span.image / b->images, span.c0, span.c, &of);
    for (int at = span.from; at < span.from + span.pixels; at += RUN) {
        const struct part p = run_of(b, span.image, span.c0 / CHANNELS, at / RUN);
        gradient(b, &p, &of, b->sums ? of_run(b, b->sums, &p) : NULL,
                 b->dots ? of_run(b, b->dots, &p) : NULL);
    }
}

static void normalised_piece(void *user, int piece, int thread) {
    const struct block *b = user;
    const struct part p = span_of(b, piece);
    struct channels of;
    (void)thread;
    load_channels(b, p.image / b->images, p.c0, p.c, &of);
    normalised(b, &p, &of);
}

void pxs_block_backward(const struct pxs_kernel_context *ctx, const struct pxs_block_shape *s,
                        const struct pxs_batch_norm *bn, double p, const float *x,
                        const float *stats, const uint8_t *mask, const float *y, size_t ld_y,
                        const float *dy, size_t ld_dy, float *dx) {
    struct block b = {.s = s,
                      .bn = bn,
                      .x = (float *)x,
                      .stats = (float *)stats,
                      .mask = (uint8_t *)mask,
                      .y = (float *)y,
                      .ld_y = ld_y,
                      .dy = dy,
                      .ld_dy = ld_dy,
                      .dx = dx,
                      .p = p};
    cut(&b, ctx, s->norm != PXS_NORM_NONE);
    const int groups = b.groups * b.blocks, spans = all_spans(&b);
    if (s->norm == PXS_NORM_NONE) {
        pxs_pool_run(ctx->pool, gradient_piece, &b, spans);
    } else if (!b.sums) {
        pxs_pool_run(ctx->pool, backward_group, &b, groups);
    } else {
        pxs_pool_run(ctx->pool, gradient_piece, &b, spans);
        pxs_pool_run(ctx->pool, totals_piece, &b, groups);
        pxs_pool_run(ctx->pool, normalised_piece, &b, spans);
    }
    if (s->norm != PXS_NORM_BATCH || !bn->dgamma)
        return;
    for (int i = 0; i < s->c; i++) {
        double sum = 0, dot = 0;
        for (int group = 0; group < b.groups; group++) {
            sum += b.totals[group * 2 * s->c + i];
            dot += b.totals[(group * 2 + 1) * s->c + i];
        }
        bn->dbeta[i] = (float)sum;
        bn->dgamma[i] = (float)dot;
    }
}

struct pixel_sum {
    const float *dx;
    size_t pixels;
    int c;
    float *sum;
};

static void sum_piece(void *user, int piece, int thread) {
    const struct pixel_sum *j = user;
    (void)thread;
    int c0 = piece * CHANNELS, c = pxs_min_int(CHANNELS, j->c - c0);
    double total[CHANNELS] = {0};
    for (size_t at = 0; at < j->pixels; at += RUN) {
        float sum[CHANNELS] = {0};
        add_run(j->dx + at * (size_t)j->c + (size_t)c0, (size_t)j->c,
                (int)pxs_min_size(RUN, j->pixels - at), c, sum);
        for (int i = 0; i < c; i++)
            total[i] += (double)sum[i];
    }
    for (int i = 0; i < c; i++)
        j->sum[c0 + i] = (float)total[i];
}

void pxs_sum_pixels(const struct pxs_kernel_context *ctx, const float *dx, size_t pixels, int c,
                    float *sum) {
    struct pixel_sum j = {dx, pixels, c, sum};
    pxs_pool_run(ctx->pool, sum_piece, &j, pxs_ceil_div(c, CHANNELS));
}
