/* Instance norm, activation and dropout as one pass, forward and backward (torch:
 * InstanceNorm2d(affine=False), LeakyReLU, ReLU or Tanh, Dropout). A piece owns an image and a
 * block of channels, so each statistic is summed by one piece, row after row. */
#include "kernel_priv.h"

#include <math.h>
#include <string.h>

/* Channels of a piece: four cache lines of a pixel. Pixels that are summed in f32 before the sum is
 * added to a double. */
enum { CHANNELS = 64, RUN = 64 };
#define EPSILON 1e-5

struct block {
    const struct pxs_block_shape *s;
    const struct pxs_dropout *drop;
    float *x;
    const float *bias;
    float *stats;
    uint8_t *mask;
    float *y, *dx;
    const float *dy;
    size_t ld_y, ld_dy;
    double p;
};

/* No activation is a leaky ReLU of slope 1. */
static float slope_of(const struct pxs_block_shape *s) {
    return s->activation == PXS_ACTIVATION_LEAKY_RELU ? s->slope : 1.0f;
}

static int pieces(const struct pxs_block_shape *s) {
    return s->n * pxs_ceil_div(s->c, CHANNELS);
}

/* What a piece owns. */
struct part {
    int image, c0, c;
    size_t first; /* index of its first float in the dense x */
};
static struct part part_of(const struct pxs_block_shape *s, int piece) {
    int blocks = pxs_ceil_div(s->c, CHANNELS);
    struct part p = {.image = piece / blocks, .c0 = piece % blocks * CHANNELS};
    p.c = pxs_min_int(CHANNELS, s->c - p.c0);
    p.first = (size_t)p.image * (size_t)s->hw * (size_t)s->c + (size_t)p.c0;
    return p;
}

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

static void statistics(const struct pxs_block_shape *s, const float *x, const struct part *p,
                       float *mean, float *rstd) {
    double total[CHANNELS] = {0};
    for (int at = 0; at < s->hw; at += RUN) {
        float sum[CHANNELS] = {0};
        add_run(x + (size_t)at * (size_t)s->c, (size_t)s->c, pxs_min_int(RUN, s->hw - at), p->c,
                sum);
        for (int i = 0; i < p->c; i++)
            total[i] += (double)sum[i];
    }
    for (int i = 0; i < p->c; i++)
        mean[i] = (float)(total[i] / s->hw);
    memset(total, 0, sizeof total);
    for (int at = 0; at < s->hw; at += RUN) {
        float sum[CHANNELS] = {0};
        add_square_run(x + (size_t)at * (size_t)s->c, (size_t)s->c, pxs_min_int(RUN, s->hw - at),
                       p->c, mean, sum);
        for (int i = 0; i < p->c; i++)
            total[i] += (double)sum[i];
    }
    for (int i = 0; i < p->c; i++)
        rstd[i] = (float)(1.0 / sqrt(total[i] / s->hw + EPSILON));
}

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
static inline void act_loop(const float *x, size_t ld, const float *mean, const float *rstd,
                            float slope, int c, int pixels, float *y, size_t ld_y) {
    for (int k = 0; k < pixels; k++, x += ld, y += ld_y)
        for (int i = 0; i < c; i++) {
            float v = (x[i] - mean[i]) * rstd[i];
            y[i] = v > 0.0f ? v : slope * v;
        }
}

PXS_CLONES static void act_run(const float *x, size_t ld, const float *restrict mean,
                               const float *restrict rstd, float slope, int c, int pixels,
                               float *restrict y, size_t ld_y) {
    if (c == CHANNELS)
        act_loop(x, ld, mean, rstd, slope, CHANNELS, pixels, y, ld_y);
    else
        act_loop(x, ld, mean, rstd, slope, c, pixels, y, ld_y);
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

static void forward_piece(void *user, int piece, int thread) {
    const struct block *b = user;
    const struct pxs_block_shape *s = b->s;
    struct part p = part_of(s, piece);
    (void)thread;
    float mean[CHANNELS] = {0}, rstd[CHANNELS];
    for (int i = 0; i < CHANNELS; i++)
        rstd[i] = 1.0f;
    if (s->norm == PXS_NORM_INSTANCE) {
        statistics(s, b->x + p.first, &p, mean, rstd);
        float *out = b->stats + (size_t)p.image * 2 * (size_t)s->c + (size_t)p.c0;
        memcpy(out, mean, (size_t)p.c * sizeof *out);
        memcpy(out + s->c, rstd, (size_t)p.c * sizeof *out);
    }
    size_t c = (size_t)s->c;
    float *y = b->y + (size_t)p.image * (size_t)s->hw * b->ld_y + (size_t)p.c0;
    if (b->bias && s->norm == PXS_NORM_NONE)
        bias_run(b->bias + p.c0, c, p.c, s->hw, b->x + p.first);
    act_run(b->x + p.first, c, mean, rstd, slope_of(s), p.c, s->hw, y, b->ld_y);
    if (s->activation == PXS_ACTIVATION_TANH)
        tanh_rows(y, b->ld_y, p.c, s->hw);
    if (b->drop->p > 0) {
        float keep = (float)(1.0 / (1.0 - b->drop->p));
        for (int k = 0; k < s->hw; k++) {
            uint8_t *mask = b->mask + p.first + (size_t)k * c;
            draw_mask(b->drop, p.first + (size_t)k * c, p.c, mask);
            drop_pixel(mask, keep, p.c, y + (size_t)k * b->ld_y);
        }
    }
}

void pxs_block_forward(const struct pxs_kernel_context *ctx, const struct pxs_block_shape *s,
                       const struct pxs_dropout *drop, float *x, const float *bias, float *stats,
                       uint8_t *mask, float *y, size_t ld_y) {
    static const struct pxs_dropout none = {0};
    struct block b = {.s = s,
                      .drop = drop ? drop : &none,
                      .x = x,
                      .bias = bias,
                      .stats = stats,
                      .mask = mask,
                      .y = y,
                      .ld_y = ld_y};
    pxs_pool_run(ctx->pool, forward_piece, &b, pieces(s));
}

/* g = dy * dropout factor * act'(xhat) for a run of pixels, and its sums under a norm: g and g *
 * xhat. y: the output of a tanh, else NULL. */
static inline void grad_loop(const float *x, const float *y, const float *dy, const uint8_t *mask,
                             float *g, size_t ld, size_t ld_y, size_t ld_dy, const float *mean,
                             const float *rstd, float slope, float keep, int c, int pixels,
                             float *sum, float *dot) {
    for (int k = 0; k < pixels; k++, x += ld, dy += ld_dy, g += ld) {
        for (int i = 0; y && i < c; i++)
            g[i] =
                dy[i] * (1.0f - y[(size_t)k * ld_y + (size_t)i] * y[(size_t)k * ld_y + (size_t)i]);
        for (int i = 0; !y && i < c; i++) {
            float v = (x[i] - mean[i]) * rstd[i];
            g[i] = v > 0.0f ? dy[i] : slope * dy[i];
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
                                size_t ld_dy, const float *restrict mean,
                                const float *restrict rstd, float slope, float keep, int c,
                                int pixels, float *restrict sum, float *restrict dot) {
    if (c == CHANNELS)
        grad_loop(x, y, dy, mask, g, ld, ld_y, ld_dy, mean, rstd, slope, keep, CHANNELS, pixels,
                  sum, dot);
    else
        grad_loop(x, y, dy, mask, g, ld, ld_y, ld_dy, mean, rstd, slope, keep, c, pixels, sum, dot);
}

/* dx = rstd * (g - mean(g) - xhat * mean(g * xhat)) */
static inline void norm_loop(const float *x, size_t ld, const float *mean, const float *rstd,
                             const float *sum, const float *dot, int c, int pixels, float *g) {
    for (int k = 0; k < pixels; k++, x += ld, g += ld)
        for (int i = 0; i < c; i++)
            g[i] = rstd[i] * ((g[i] - sum[i]) - (x[i] - mean[i]) * rstd[i] * dot[i]);
}

PXS_CLONES static void norm_run(const float *x, size_t ld, const float *restrict mean,
                                const float *restrict rstd, const float *restrict sum,
                                const float *restrict dot, int c, int pixels, float *restrict g) {
    if (c == CHANNELS)
        norm_loop(x, ld, mean, rstd, sum, dot, CHANNELS, pixels, g);
    else
        norm_loop(x, ld, mean, rstd, sum, dot, c, pixels, g);
}

static void backward_piece(void *user, int piece, int thread) {
    const struct block *b = user;
    const struct pxs_block_shape *s = b->s;
    struct part p = part_of(s, piece);
    (void)thread;
    float mean[CHANNELS] = {0}, rstd[CHANNELS], keep = (float)(1.0 / (1.0 - b->p));
    double sum[CHANNELS] = {0}, dot[CHANNELS] = {0};
    for (int i = 0; i < CHANNELS; i++)
        rstd[i] = 1.0f;
    if (s->norm == PXS_NORM_INSTANCE) {
        const float *in = b->stats + (size_t)p.image * 2 * (size_t)s->c + (size_t)p.c0;
        memcpy(mean, in, (size_t)p.c * sizeof *in);
        memcpy(rstd, in + s->c, (size_t)p.c * sizeof *in);
    }
    size_t c = (size_t)s->c;
    const float *dy = b->dy + (size_t)p.image * (size_t)s->hw * b->ld_dy + (size_t)p.c0;
    const float *y = s->activation == PXS_ACTIVATION_TANH
                         ? b->y + (size_t)p.image * (size_t)s->hw * b->ld_y + (size_t)p.c0
                         : NULL;
    float run_sum[CHANNELS], run_dot[CHANNELS];
    for (int k = 0; k < s->hw; k += RUN) {
        size_t at = p.first + (size_t)k * c;
        memset(run_sum, 0, sizeof run_sum);
        memset(run_dot, 0, sizeof run_dot);
        grad_run(b->x + at, y ? y + (size_t)k * b->ld_y : NULL, dy + (size_t)k * b->ld_dy,
                 b->p > 0 ? b->mask + at : NULL, b->dx + at, c, b->ld_y, b->ld_dy, mean, rstd,
                 slope_of(s), keep, p.c, pxs_min_int(RUN, s->hw - k),
                 s->norm == PXS_NORM_NONE ? NULL : run_sum, run_dot);
        for (int i = 0; i < p.c; i++) {
            sum[i] += (double)run_sum[i];
            dot[i] += (double)run_dot[i];
        }
    }
    if (s->norm == PXS_NORM_NONE)
        return;
    for (int i = 0; i < p.c; i++) {
        run_sum[i] = (float)(sum[i] / s->hw);
        run_dot[i] = (float)(dot[i] / s->hw);
    }
    norm_run(b->x + p.first, c, mean, rstd, run_sum, run_dot, p.c, s->hw, b->dx + p.first);
}

void pxs_block_backward(const struct pxs_kernel_context *ctx, const struct pxs_block_shape *s,
                        double p, const float *x, const float *stats, const uint8_t *mask,
                        const float *y, size_t ld_y, const float *dy, size_t ld_dy, float *dx) {
    struct block b = {.s = s,
                      .x = (float *)x,
                      .stats = (float *)stats,
                      .mask = (uint8_t *)mask,
                      .y = (float *)y,
                      .ld_y = ld_y,
                      .dy = dy,
                      .ld_dy = ld_dy,
                      .dx = dx,
                      .p = p};
    pxs_pool_run(ctx->pool, backward_piece, &b, pieces(s));
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
