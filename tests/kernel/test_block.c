/* Norm, activation and dropout against the reference, on kind and on hostile numbers. */
#include "kernel_tests.h"

#include <math.h>
#include <string.h>

static const int batches[] = {1, 2, 3, 5}, sides[] = {1, 2, 3, 4, 7, 8, 12},
                 channels[] = {1, 3, 6, 8, 16, 17, 63, 64, 65, 100, 130};
static const int gaps[] = {0, 1, 3, 16}, shifts[] = {0, 0, 1, 3}, thread_counts[] = {0, 1, 2, 3};

struct layer {
    struct pxs_block_shape s;
    struct pxs_dropout drop;
    size_t n, pixels, ld;
    /* groups of images that share their statistics, and pixels of one */
    size_t groups, group_pixels;
    float *x; /* what forward leaves behind */
    double *x64;
    float *gamma, *beta;
    double *gamma64, *beta64;
    /* [n]: normalised value, its channel's 1/std, and mean |x| (0 and 1 without a norm); what the
     * activation sees */
    double *v, *rstd, *mean_abs, *z;
    double *keep;
};

static double kept(const struct layer *l, size_t i) {
    return l->keep ? l->keep[i] : 1.0;
}

static bool is_batch(const struct layer *l) {
    return l->s.norm == PXS_NORM_BATCH;
}

static double scale_of(const struct layer *l, size_t i) {
    return is_batch(l) ? fabs(l->gamma64[i % (size_t)l->s.c]) : 1.0;
}

/* What backward needs to know of each number besides the reference's results. */
static void normalise(struct layer *l) {
    size_t c_all = (size_t)l->s.c, m = l->group_pixels;
    for (size_t group = 0; group < l->groups; group++)
        for (size_t c = 0; c < c_all; c++) {
            const size_t first = group * m * c_all + c;
            double mean = 0, var = 0, size = 0;
            for (size_t k = 0; l->s.norm && k < m; k++) {
                mean += l->x64[first + k * c_all] / (double)m;
                size += fabs(l->x64[first + k * c_all]) / (double)m;
            }
            for (size_t k = 0; k < m; k++)
                var += pow(l->x64[first + k * c_all] - mean, 2) / (double)m;
            for (size_t k = 0, i = first; k < m; k++, i += c_all) {
                l->rstd[i] = l->s.norm ? 1.0 / sqrt(var + 1e-5) : 1.0;
                l->mean_abs[i] = size;
                l->v[i] = (l->x64[i] - mean) * l->rstd[i];
                l->z[i] = is_batch(l) ? l->v[i] * l->gamma64[c] + l->beta64[c] : l->v[i];
            }
        }
}

/* Error of the normalised value: the mean is off by roundings of mean |x|, the variance by a few
 * ulp. f32 runs are 64 long. */
static double value_error(const struct layer *l, size_t i) {
    return l->s.norm ? sum_slack(64) * (l->rstd[i] * l->mean_abs[i] + fabs(l->v[i])) : 0.0;
}

/* Of what the activation sees. */
static double seen_error(const struct layer *l, size_t i) {
    const double e = value_error(l, i) * scale_of(l, i);
    return is_batch(l)
               ? e + 4 * 0x1p-24 *
                         (fabs(l->v[i]) * scale_of(l, i) + fabs(l->beta64[i % (size_t)l->s.c]))
               : e;
}

/* Activations whose sign f32 may take differently from double would compare different formulas:
 * none stands so near its kink. */
static bool near_a_kink(const struct layer *l, size_t i) {
    return l->s.activation == PXS_ACTIVATION_LEAKY_RELU && (l->group_pixels > 1 || is_batch(l)) &&
           fabs(l->z[i]) < 2 * seen_error(l, i);
}

/* c numbers that are no multiples of a power of two, away from 0, and in double */
static float *channel_numbers(int c, double **wide) {
    float *p = buffer((size_t)c, 0);
    fill_random(p, 1, (size_t)c, 1, 1.0);
    for (int i = 0; i < c; i++)
        p[i] += p[i] < 0 ? -0.1f : 0.1f;
    freeze(p);
    *wide = widen(p, 1, (size_t)c, 1);
    return p;
}

static struct layer make_layer(struct pxs_block_shape s, double p, double scale, double offset,
                               int gap, int shift) {
    struct layer l = {
        .s = s,
        .drop = {.p = p, .seed = test_seed(), .stream = PXS_STREAM_DROPOUT, .a = 7, .b = 3}};
    l.pixels = (size_t)(s.n * s.hw);
    l.n = l.pixels * (size_t)s.c;
    l.ld = (size_t)(s.c + gap);
    l.x = buffer(l.n, shift);
    l.v = numbers(l.n);
    l.rstd = numbers(l.n);
    l.x64 = numbers(l.n);
    l.mean_abs = numbers(l.n);
    l.z = numbers(l.n);
    l.groups = (size_t)(is_batch(&l) ? s.groups > 0 ? s.groups : 1 : s.n);
    l.group_pixels = l.pixels / l.groups;
    if (is_batch(&l)) {
        l.gamma = channel_numbers(s.c, &l.gamma64);
        l.beta = channel_numbers(s.c, &l.beta64);
    }
    for (size_t i = 0; i < l.n; i++)
        l.x[i] = (float)(offset + scale * random_unit());
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < l.n; i++)
            l.x64[i] = (double)l.x[i];
        normalise(&l);
        for (size_t i = 0; i < l.n; i++)
            if (near_a_kink(&l, i)) {
                l.x[i] = (float)(offset + scale * random_unit());
                moved = true;
            }
    }
    if (p > 0) {
        struct pxs_rng rng = pxs_rng_make(l.drop.seed, PXS_STREAM_DROPOUT, l.drop.a, l.drop.b);
        l.keep = numbers(l.n);
        for (size_t i = 0; i < l.n; i++) /* in order: element i has the i-th number of the stream */
            l.keep[i] = (double)pxs_rng_u32(&rng) >= p * 0x1p32 ? 1.0 / (1.0 - p) : 0.0;
    }
    return l;
}

#define SHAPE_FORMAT "n %d, %d pixels, %d channels, norm %d in %d, activation %d, slope %g, p %g"
#define SHAPE_VALUES(l)                                                                     \
    (l)->s.n, (l)->s.hw, (l)->s.c, (int)(l)->s.norm, (l)->s.groups, (int)(l)->s.activation, \
        (double)(l)->s.slope, (l)->drop.p

/* Mean, 1/std and, of a batch norm, the variance of each group. */
static void check_stats(const struct layer *l, const float *stats) {
    const size_t rows = is_batch(l) ? 3 : 2, c_all = (size_t)l->s.c;
    for (size_t group = 0; l->s.norm && group < l->groups; group++)
        for (size_t c = 0; c < c_all; c++) {
            const size_t i = group * l->group_pixels * c_all + c;
            const float *got = stats + group * rows * c_all + c;
            double mean, var;
            ref_statistics(&l->s, l->x64, (int)(group * (size_t)l->s.n / l->groups), (int)c, &mean,
                           &var);
            const double slack = sum_slack(64);
            const bool right = fabs((double)got[0] - mean) <= slack * l->mean_abs[i] &&
                               fabs((double)got[c_all] - l->rstd[i]) <=
                                   slack * l->rstd[i] * (1 + l->mean_abs[i] * l->rstd[i]) &&
                               (rows < 3 || fabs((double)got[2 * c_all] - var) <=
                                                slack * (var + sqrt(var) * l->mean_abs[i]) + 1e-30);
            ck_assert_msg(right, "statistics of group %zu, channel %zu, " SHAPE_FORMAT, group, c,
                          SHAPE_VALUES(l));
        }
}

/* Returns y. */
static float *check_forward(const struct pxs_kernel_context *ctx, struct layer *l, float *stats,
                            uint8_t *mask, int shift) {
    const struct pxs_batch_norm bn = {.gamma = l->gamma, .beta = l->beta};
    double *want = numbers(l->n), *allowed = numbers(l->n);
    ref_block_forward(&l->s, l->gamma64, l->beta64, l->x64, l->keep, want);
    for (size_t i = 0; i < l->n; i++)
        allowed[i] = (seen_error(l, i) + 4 * 0x1p-24 * fabs(l->z[i])) * kept(l, i);
    float *y = buffer(l->pixels * l->ld, shift);
    pxs_block_forward(ctx, &l->s, is_batch(l) ? &bn : NULL, l->drop.p > 0 ? &l->drop : NULL, l->x,
                      NULL, stats, mask, y, l->ld);
    tamper("block_forward", y, l->ld, l->pixels, l->s.c);
    freeze(y);
    expect_close(y, l->ld, l->pixels, l->s.c, want, allowed, 1.0, "block forward " SHAPE_FORMAT,
                 SHAPE_VALUES(l));
    check_stats(l, stats);
    size_t wrong = 0; /* not an assertion each: check writes a line for every one */
    for (size_t i = 0; mask && i < l->n; i++)
        wrong += mask[i] != (l->keep[i] > 0);
    ck_assert_msg(wrong == 0, "%zu wrong elements in a mask, " SHAPE_FORMAT, wrong,
                  SHAPE_VALUES(l));
    for (size_t i = 0; i < l->n; i++)
        wrong += l->x64[i] != (double)l->x[i];
    ck_assert_msg(wrong == 0, "x changed in %zu places, " SHAPE_FORMAT, wrong, SHAPE_VALUES(l));
    return y;
}

/* The gradient behind the activation: its size, and its error. */
static double gradient_size(const struct layer *l, const double *dy64, size_t i) {
    return fabs(dy64[i]) * kept(l, i);
}
static double gradient_error(const struct layer *l, const double *dy64, size_t i) {
    const double g = gradient_size(l, dy64, i);
    if (l->s.activation != PXS_ACTIVATION_TANH)
        return 4 * 0x1p-24 * g;
    return g * (2 * seen_error(l, i) + 16 * 0x1p-24); /* from y */
}

static void check_backward(const struct pxs_kernel_context *ctx, const struct layer *l,
                           const float *stats, const uint8_t *mask, const float *y, int shift) {
    const size_t c_all = (size_t)l->s.c, m = l->group_pixels;
    const double slack = sum_slack(64);
    float *dy = buffer(l->pixels * l->ld, shift), *dx = buffer(l->n, shift),
          *dgamma = buffer(c_all, 0), *dbeta = buffer(c_all, 0);
    const struct pxs_batch_norm bn = {
        .gamma = l->gamma, .beta = l->beta, .dgamma = dgamma, .dbeta = dbeta};
    fill_random(dy, l->ld, l->pixels, l->s.c, ldexp(1.0, random_int(-12, 4)));
    freeze(dy);
    double *dy64 = widen(dy, l->ld, l->pixels, l->s.c), *want = numbers(l->n),
           *allowed = numbers(l->n), *want_gamma = numbers(c_all), *want_beta = numbers(c_all),
           *far_gamma = numbers(c_all), *far_beta = numbers(c_all);
    ref_block_backward(&l->s, l->gamma64, l->beta64, l->x64, l->keep, dy64, want, want_gamma,
                       want_beta);
    for (size_t first = 0; first < l->n; first++) {
        if (first % (m * c_all) >= c_all)
            continue;
        double g_mean = 0, dot_mean = 0, g_far = 0, dot_far = 0; /* of the absolute values */
        for (size_t k = 0, i = first; k < m; k++, i += c_all) {
            const double g = gradient_size(l, dy64, i), e = gradient_error(l, dy64, i);
            g_mean += g / (double)m;
            dot_mean += g * fabs(l->v[i]) / (double)m;
            g_far += (e + slack * g) / (double)m;
            dot_far += ((e + slack * g) * fabs(l->v[i]) + g * value_error(l, i)) / (double)m;
        }
        for (size_t k = 0, i = first; k < m; k++, i += c_all) {
            const double g = gradient_size(l, dy64, i), far = gradient_error(l, dy64, i),
                         e = value_error(l, i), v = fabs(l->v[i]);
            allowed[i] = far;
            if (l->s.norm)
                allowed[i] = scale_of(l, i) * l->rstd[i] *
                             (far + g_far + v * dot_far + slack * (g + g_mean + v * dot_mean) +
                              e * (dot_mean + v * g_mean));
        }
        far_gamma[first % c_all] += dot_far * (double)m;
        far_beta[first % c_all] += g_far * (double)m;
    }
    pxs_block_backward(ctx, &l->s, is_batch(l) ? &bn : NULL, l->drop.p, l->x, stats, mask, y, l->ld,
                       dy, l->ld, dx);
    tamper("block_backward", dx, 1, l->n, 1);
    expect_close(dx, 1, l->n, 1, want, allowed, 1.0, "block backward " SHAPE_FORMAT,
                 SHAPE_VALUES(l));
    if (!is_batch(l))
        return;
    tamper("block_dgamma", dgamma, 1, c_all, 1);
    tamper("block_dbeta", dbeta, 1, c_all, 1);
    expect_close(dgamma, 1, c_all, 1, want_gamma, far_gamma, 1.0, "dgamma " SHAPE_FORMAT,
                 SHAPE_VALUES(l));
    expect_close(dbeta, 1, c_all, 1, want_beta, far_beta, 1.0, "dbeta " SHAPE_FORMAT,
                 SHAPE_VALUES(l));
}

static void check_shape(struct pxs_block_shape s, double p, double scale, double offset) {
    int shift = RANDOM_OF(shifts);
    struct layer l = make_layer(s, p, scale, offset, RANDOM_OF(gaps), shift);
    struct pxs_kernel_context ctx = context(NULL, RANDOM_OF(thread_counts), pxs_block_scratch(&s));
    const size_t rows = is_batch(&l) ? 3 : 2;
    float *stats = s.norm ? buffer(l.groups * rows * (size_t)s.c, shift) : NULL;
    uint8_t *mask = p > 0 ? byte_buffer(l.n) : NULL;
    const float *y = check_forward(&ctx, &l, stats, mask, shift);
    freeze(l.x);
    if (stats)
        freeze(stats);
    if (mask)
        freeze(mask);
    check_backward(&ctx, &l, stats, mask, y, shift);
    buffers_done();
}

static const double rates[] = {0.0, 0.0, 0.5, 0.1, 0.75};
static const enum pxs_norm norms[] = {PXS_NORM_NONE, PXS_NORM_INSTANCE, PXS_NORM_BATCH};
static const enum pxs_activation activations[] = {
    PXS_ACTIVATION_LEAKY_RELU, PXS_ACTIVATION_LEAKY_RELU, PXS_ACTIVATION_TANH, PXS_ACTIVATION_NONE};
static const float slopes[] = {0.2f, 0.0f, 1.0f};

START_TEST(sizes_by_rule)
{
    random_start("block_sizes_by_rule");
    for (int i = 0; i < 150; i++) {
        struct pxs_block_shape s = {RANDOM_OF(batches),
                                    RANDOM_OF(sides) * RANDOM_OF(sides),
                                    RANDOM_OF(channels),
                                    norms[random_u32() % PXS_COUNT(norms)],
                                    activations[random_u32() % PXS_COUNT(activations)],
                                    slopes[random_u32() % PXS_COUNT(slopes)],
                                    0};
        s.groups = random_u32() & 1 ? s.n : (int)(random_u32() & 1);
        const bool tanh = s.activation == PXS_ACTIVATION_TANH;
        check_shape(s, tanh ? 0 : rates[random_u32() % PXS_COUNT(rates)],
                    ldexp(1.0, random_int(-6, tanh ? 1 : 6)), 0.0);
    }
}
END_TEST

/* Up to 4 channels, as a picture has: 16 pixels at a time, and what is left of them. */
START_TEST(few_channels)
{
    random_start("few_channels");
    static const int pixels[] = {15, 16, 33, 83};
    for (int c = 1; c <= 5; c++)
        for (size_t i = 0; i < PXS_COUNT(pixels); i++) {
            struct pxs_block_shape s = {2, pixels[i], c, PLAIN(0.2f)};
            check_shape(s, 0.5, 1.0, 0.0);
            s.activation = PXS_ACTIVATION_TANH;
            check_shape(s, 0, 1.0, 0.0);
            check_shape((struct pxs_block_shape){2, pixels[i], c, NORM(0.2f)}, 0, 1.0, 0.5);
            check_shape((struct pxs_block_shape){2, pixels[i], c, BATCH_NORM(0.2f, 2)}, 0, 1.0,
                        0.5);
        }
}
END_TEST

/* Far from zero with little spread; spread near and below sqrt(eps); many pixels. */
START_TEST(hostile_numbers)
{
    random_start("hostile_numbers");
    struct pxs_block_shape s = {2, 100, 5, NORM(0.2f)};
    check_shape(s, 0, 0.01, 100.0);
    check_shape(s, 0, 1.0, -1e4);
    check_shape(s, 0, 1e-3, 0.5);
    check_shape(s, 0.5, 1e-5, 0.0);
    check_shape(s, 0, 1e-12, 0.0);
    check_shape(s, 0, 1e6, 1e6);
    check_shape((struct pxs_block_shape){1, 128 * 128, 3, NORM(0.0f)}, 0, 1.0, 1.0);
    check_shape((struct pxs_block_shape){1, 256 * 256, 1, NORM(0.2f)}, 0, 1.0, 30.0);
    check_shape((struct pxs_block_shape){1, 129, 66, NORM(0.2f)}, 0.5, 1.0, 0.3);
    s = (struct pxs_block_shape){4, 50, 5, BATCH_NORM(0.2f, 2)};
    check_shape(s, 0, 0.01, 100.0);
    check_shape(s, 0, 1.0, -1e4);
    check_shape(s, 0.5, 1e-5, 0.0);
    check_shape(s, 0, 1e-12, 0.0);
    check_shape(s, 0, 1e6, 1e6);
}
END_TEST

/* So large that several pieces share a group's statistics. */
static const struct pxs_block_shape large[] = {
    {1, 4300, 65, NORM(0.2f)},
    {2, 3000, 67, NORM(0.0f)},
    {3, 1500, 64, BATCH_NORM(0.2f, 1)},
    {4, 1100, 70, BATCH_NORM(0.0f, 2)},
    {1, 90000, 3, PXS_NORM_NONE, PXS_ACTIVATION_TANH, 0, 0}};

START_TEST(large_layers)
{
    random_start("large_layers");
    const bool tanh = large[_i].activation == PXS_ACTIVATION_TANH;
    check_shape(large[_i], tanh ? 0 : 0.5, 1.0, 0.3);
}
END_TEST

/* However a layer is cut: its first channels alone, which are few enough for one piece a group,
 * have the same bits. */
START_TEST(same_bits_however_cut)
{
    random_start("same_bits_however_cut");
    enum { C = 64, FEW = 16, PIXELS = 4400 };
    for (int batch = 0; batch < 2; batch++) {
        struct pxs_block_shape s = {2, PIXELS / 2, C, NORM(0.2f)}, few;
        s.norm = batch ? PXS_NORM_BATCH : PXS_NORM_INSTANCE;
        few = s;
        few.c = FEW;
        const struct pxs_kernel_context ctx = context(NULL, 3, pxs_block_scratch(&s));
        float *x = buffer(PIXELS * C, 0), *x_few = buffer(PIXELS * FEW, 0);
        float *y = buffer(PIXELS * C, 0), *y_few = buffer(PIXELS * FEW, 0);
        float *dx = buffer(PIXELS * C, 0), *dx_few = buffer(PIXELS * FEW, 0);
        float *stats = buffer(6 * C, 0), *channel = buffer(6 * C, 0);
        const struct pxs_batch_norm bn = {.gamma = channel,
                                          .beta = channel + C,
                                          .dgamma = channel + 2 * C,
                                          .dbeta = channel + 3 * C},
                                    bn_few = {.gamma = channel,
                                              .beta = channel + C,
                                              .dgamma = channel + 4 * C,
                                              .dbeta = channel + 5 * C};
        fill_random(x, 1, PIXELS * C, 1, 1.0);
        fill_random(channel, 1, 2 * C, 1, 1.0);
        for (int i = 0; i < PIXELS; i++)
            memcpy(x_few + (size_t)i * FEW, x + (size_t)i * C, FEW * sizeof *x);
        pxs_block_forward(&ctx, &s, &bn, NULL, x, NULL, stats, NULL, y, C);
        pxs_block_backward(&ctx, &s, &bn, 0, x, stats, NULL, NULL, 0, x, C, dx);
        pxs_block_forward(&ctx, &few, &bn_few, NULL, x_few, NULL, stats, NULL, y_few, FEW);
        pxs_block_backward(&ctx, &few, &bn_few, 0, x_few, stats, NULL, NULL, 0, x_few, FEW, dx_few);
        for (int i = 0; i < PIXELS; i++) {
            expect_same(y + (size_t)i * C, y_few + (size_t)i * FEW, FEW * sizeof *y, "y, batch %d",
                        batch);
            expect_same(dx + (size_t)i * C, dx_few + (size_t)i * FEW, FEW * sizeof *y,
                        "dx, batch %d", batch);
        }
        for (int k = 0; batch && k < 2; k++)
            expect_same(channel + (2 + k) * C, channel + (4 + k) * C, FEW * sizeof *channel,
                        k ? "dbeta" : "dgamma");
    }
}
END_TEST

/* Running statistics in place of the images' own, which are not computed. */
START_TEST(running_statistics)
{
    random_start("running_statistics");
    struct pxs_block_shape s = {3, 5, 70, BATCH_NORM(0.2f, 0)};
    struct pxs_kernel_context ctx = context(NULL, 2, pxs_block_scratch(&s));
    const size_t n = 3 * 5 * 70;
    float *x = buffer(n, 0), *y = buffer(n, 0), *stats = buffer(3 * 70, 0), *mean = buffer(70, 0),
          *var = buffer(70, 0);
    double *gamma64, *beta64;
    const float *gamma = channel_numbers(70, &gamma64), *beta = channel_numbers(70, &beta64);
    const struct pxs_batch_norm bn = {gamma, beta, mean, var, NULL, NULL};
    fill_random(x, 1, n, 1, 1.0);
    fill_random(mean, 1, 70, 1, 1.0);
    for (int i = 0; i < 70; i++)
        var[i] = ldexpf(1.3f, i % 20 - 15);
    freeze(mean);
    freeze(var);
    freeze(stats);
    pxs_block_forward(&ctx, &s, &bn, NULL, x, NULL, stats, NULL, y, 70);
    for (size_t i = 0; i < n; i++) {
        const size_t c = i % 70;
        const double scale = gamma64[c] / sqrt((double)var[c] + 1e-5),
                     v = ((double)x[i] - (double)mean[c]) * scale;
        const double z = v + beta64[c], want = z > 0 ? z : 0.2 * z;
        ck_assert_double_eq_tol((double)y[i], want, 8 * 0x1p-24 * (fabs(v) + fabs(beta64[c])));
    }
}
END_TEST

/* torch's rule, and that 1000 like batches lead to their statistics. */
START_TEST(tracked)
{
    struct pxs_block_shape s = {2, 3, 2, BATCH_NORM(0.2f, 0)};
    const float stats[6] = {3.0f, -1.0f, 0, 0, 5.0f, 0.5f}; /* mean, (1/std), biased variance */
    float mean[2] = {1.0f, 0}, var[2] = {1.0f, 1.0f};
    pxs_batch_norm_track(&s, stats, mean, var);
    ck_assert_float_eq_tol(mean[0], 1.2f, 1e-6f); /* 0.9 * 1 + 0.1 * 3 */
    ck_assert_float_eq_tol(mean[1], -0.1f, 1e-7f);
    ck_assert_float_eq_tol(var[0], 1.5f, 1e-6f); /* 0.9 + 0.1 * 5 * 6 / 5 */
    ck_assert_float_eq_tol(var[1], 0.96f, 1e-6f);
    for (int i = 0; i < 1000; i++)
        pxs_batch_norm_track(&s, stats, mean, var);
    ck_assert_float_eq_tol(mean[0], 3.0f, 1e-5f);
    ck_assert_float_eq_tol(var[0], 6.0f, 1e-5f);
    s.n = s.hw = 1; /* a single number has no unbiased variance */
    pxs_batch_norm_track(&s, stats, mean, var);
    ck_assert(isfinite(var[0]) && isfinite(var[1]));
}
END_TEST

/* An even patch has no variance: zeros and finite gradients, in training as in white margins. */
START_TEST(constant_images)
{
    struct pxs_block_shape s = {1, 64, 3, NORM(0.2f)};
    struct pxs_kernel_context ctx = context(NULL, 0, pxs_block_scratch(&s));
    float *x = buffer(192, 0), *stats = buffer(6, 0), *y = buffer(192, 0), *dy = buffer(192, 0),
          *dx = buffer(192, 0);
    random_start("constant_images");
    for (int i = 0; i < 192; i++)
        x[i] = i % 3 == 0 ? 1.0f : i % 3 == 1 ? -0.1f : 0.0f;
    fill_random(dy, 1, 192, 1, 1.0);
    pxs_block_forward(&ctx, &s, NULL, NULL, x, NULL, stats, NULL, y, 3);
    pxs_block_backward(&ctx, &s, NULL, 0, x, stats, NULL, NULL, 0, dy, 3, dx);
    for (int i = 0; i < 192; i++) {
        ck_assert_float_eq_tol(y[i], 0.0f, 1e-4f);
        ck_assert(isfinite(dx[i]));
    }
    for (int c = 0; c < 3; c++)
        ck_assert_float_eq_tol(stats[3 + c], 316.2278f, 0.01f); /* 1 / sqrt(eps) */
}
END_TEST

/* Without a norm the bias goes onto x; under a norm it has no effect, and x stays. */
START_TEST(bias_before_the_norm)
{
    random_start("bias_before_the_norm");
    for (int norm = 0; norm < 2; norm++) {
        struct pxs_block_shape s = {2, 6, 70, NORM(0.2f)};
        struct pxs_kernel_context ctx = context(NULL, 2, pxs_block_scratch(&s));
        s.norm = norm ? PXS_NORM_INSTANCE : PXS_NORM_NONE;
        size_t n = 2 * 6 * 70;
        float *x = buffer(n, 0), *before = buffer(n, 0), *bias = buffer(70, 1), *y = buffer(n, 0),
              *y2 = buffer(n, 0);
        float *stats = buffer(280, 0);
        fill_random(x, 1, n, 1, 1.0);
        fill_random(bias, 1, 70, 1, 1.0);
        freeze(bias);
        memcpy(before, x, n * sizeof *x);
        pxs_block_forward(&ctx, &s, NULL, NULL, x, bias, stats, NULL, y, 70);
        for (size_t i = 0; !norm && i < n; i++)
            before[i] += bias[i % 70];
        expect_same(x, before, n * sizeof *x, "x after a bias, norm %d", norm);
        pxs_block_forward(&ctx, &s, NULL, NULL, before, NULL, stats, NULL, y2, 70);
        expect_same(y, y2, n * sizeof *y, "y after a bias, norm %d", norm);
    }
}
END_TEST

/* Masks: the promised share is kept, they differ by step, layer, seed and stream, and depend on
 * nothing else. */
START_TEST(masks)
{
    random_start("masks");
    struct pxs_block_shape s = {2, 500, 100, PLAIN(1.0f)};
    size_t n = 100000;
    struct pxs_kernel_context ctx = context(NULL, 3, 1000000);
    float *x = buffer(n, 0), *y = buffer(n, 0);
    for (size_t i = 0; i < n; i++)
        x[i] = 1.0f;
    struct pxs_dropout base = {.p = 0.3, .seed = 5, .stream = PXS_STREAM_DROPOUT, .a = 1, .b = 2},
                       other[5];
    for (int k = 0; k < 5; k++)
        other[k] = base;
    other[0].a++;
    other[1].b++;
    other[2].seed++;
    other[3].stream = PXS_STREAM_VALIDATE;
    other[4].seed += (uint64_t)1 << 32;
    uint8_t *mask = byte_buffer(n), *mask2 = byte_buffer(n);
    pxs_block_forward(&ctx, &s, NULL, &base, x, NULL, NULL, mask, y, 100);
    double kept_share = 0;
    for (size_t i = 0; i < n; i++) {
        kept_share += mask[i] / (double)n;
        ck_assert_float_eq(y[i], mask[i] ? (float)(1.0 / 0.7) : 0.0f);
    }
    ck_assert_double_eq_tol(kept_share, 0.7, 5 * sqrt(0.21 / (double)n));
    for (int k = 0; k < 5; k++) {
        pxs_block_forward(&ctx, &s, NULL, &other[k], x, NULL, NULL, mask2, y, 100);
        double equal = 0;
        for (size_t i = 0; i < n; i++)
            equal += (mask[i] == mask2[i]) / (double)n;
        /* 0.7^2 + 0.3^2: independent */
        ck_assert_double_eq_tol(equal, 0.58, 5 * sqrt(0.25 / (double)n));
    }
    struct pxs_block_shape wide = {1, 1000, 100, NORM(0.2f)}; /* the same elements, cut otherwise */
    float *stats = buffer(200, 0);
    pxs_block_forward(&ctx, &wide, NULL, &base, x, NULL, stats, mask2, y, 100);
    expect_same(mask2, mask, n, "mask of another cut");
}
END_TEST

START_TEST(nan_stays_in_its_channel)
{
    random_start("nan_stays");
    struct pxs_block_shape s = {2, 9, 70, NORM(0.2f)};
    size_t n = 2 * 9 * 70;
    struct pxs_kernel_context ctx = context(NULL, 0, pxs_block_scratch(&s));
    float *x = buffer(n, 0), *y = buffer(n, 0), *stats = buffer(280, 0), *dx = buffer(n, 0),
          *dy = buffer(n, 0);
    fill_random(x, 1, n, 1, 1.0);
    fill_random(dy, 1, n, 1, 1.0);
    x[9 * 70 + 3 * 70 + 66] = NAN; /* image 1, channel 66 */
    pxs_block_forward(&ctx, &s, NULL, NULL, x, NULL, stats, NULL, y, 70);
    pxs_block_backward(&ctx, &s, NULL, 0, x, stats, NULL, NULL, 0, dy, 70, dx);
    for (size_t i = 0; i < n; i++) {
        bool met = i >= 9 * 70 && i % 70 == 66;
        ck_assert(!isnan(y[i]) == !met);
        ck_assert(!isnan(dx[i]) == !met);
    }
    s.norm = PXS_NORM_NONE;
    pxs_block_forward(&ctx, &s, NULL, NULL, x, NULL, NULL, NULL, y, 70);
    for (size_t i = 0; i < n; i++)
        ck_assert(!isnan(y[i]) == !isnan(x[i]));
}
END_TEST

TCase *block_case(void) {
    KERNEL_CASE("block");
    tcase_add_test(tcase, sizes_by_rule);
    tcase_add_test(tcase, few_channels);
    tcase_add_test(tcase, hostile_numbers);
    tcase_add_loop_test(tcase, large_layers, 0, (int)PXS_COUNT(large));
    tcase_add_test(tcase, same_bits_however_cut);
    tcase_add_test(tcase, running_statistics);
    tcase_add_test(tcase, tracked);
    tcase_add_test(tcase, constant_images);
    tcase_add_test(tcase, bias_before_the_norm);
    tcase_add_test(tcase, masks);
    tcase_add_test(tcase, nan_stays_in_its_channel);
    return tcase;
}
