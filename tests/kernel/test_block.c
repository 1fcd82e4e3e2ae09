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
    float *x, *bias; /* x is what forward leaves behind (with the bias on it) */
    double *x64;     /* the same */
    /* [n]: normalised value, its channel's 1/std, and mean |x| (0 and 1 without a norm) */
    double *v, *rstd, *mean_abs;
    double *keep;
};

static double kept(const struct layer *l, size_t i) {
    return l->keep ? l->keep[i] : 1.0;
}

/* What backward needs to know of each number besides the reference's results. */
static void normalise(struct layer *l) {
    size_t c_all = (size_t)l->s.c, hw = (size_t)l->s.hw;
    for (size_t image = 0; image < (size_t)l->s.n; image++)
        for (size_t c = 0; c < c_all; c++) {
            const size_t first = image * hw * c_all + c;
            double mean = 0, var = 0, size = 0;
            for (size_t k = 0; l->s.norm && k < hw; k++) {
                mean += l->x64[first + k * c_all] / (double)hw;
                size += fabs(l->x64[first + k * c_all]) / (double)hw;
            }
            for (size_t k = 0; k < hw; k++)
                var += pow(l->x64[first + k * c_all] - mean, 2) / (double)hw;
            for (size_t k = 0, i = first; k < hw; k++, i += c_all) {
                l->rstd[i] = l->s.norm ? 1.0 / sqrt(var + 1e-5) : 1.0;
                l->mean_abs[i] = size;
                l->v[i] = (l->x64[i] - mean) * l->rstd[i];
            }
        }
}

/* Error of the normalised value: the mean is off by roundings of mean |x|, the variance by a few
 * ulp. f32 runs are 64 long. */
static double value_error(const struct layer *l, size_t i) {
    return l->s.norm ? sum_slack(64) * (l->rstd[i] * l->mean_abs[i] + fabs(l->v[i])) : 0.0;
}

/* Activations whose sign f32 may take differently from double would compare different formulas:
 * none stands so near its kink. */
static bool near_a_kink(const struct layer *l, size_t i) {
    return l->s.activation == PXS_ACTIVATION_LEAKY_RELU && l->s.hw > 1 &&
           fabs(l->v[i]) < 2 * value_error(l, i);
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

#define SHAPE_FORMAT "n %d, %d pixels, %d channels, norm %d, activation %d, slope %g, p %g"
#define SHAPE_VALUES(l)                                                                            \
    (l)->s.n, (l)->s.hw, (l)->s.c, (int)(l)->s.norm, (int)(l)->s.activation, (double)(l)->s.slope, \
        (l)->drop.p

/* Returns y. */
static float *check_forward(const struct pxs_kernel_context *ctx, struct layer *l, float *stats,
                            uint8_t *mask, int shift) {
    double *want = numbers(l->n), *allowed = numbers(l->n);
    ref_block_forward(&l->s, l->x64, l->keep, want);
    for (size_t i = 0; i < l->n; i++)
        allowed[i] = (value_error(l, i) + 4 * 0x1p-24 * fabs(l->v[i])) * kept(l, i);
    float *y = buffer(l->pixels * l->ld, shift);
    pxs_block_forward(ctx, &l->s, l->drop.p > 0 ? &l->drop : NULL, l->x, NULL, stats, mask, y,
                      l->ld);
    tamper("block_forward", y, l->ld, l->pixels, l->s.c);
    freeze(y);
    expect_close(y, l->ld, l->pixels, l->s.c, want, allowed, 1.0, "block forward " SHAPE_FORMAT,
                 SHAPE_VALUES(l));
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

static void check_backward(const struct pxs_kernel_context *ctx, const struct layer *l,
                           const float *stats, const uint8_t *mask, const float *y, int shift) {
    float *dy = buffer(l->pixels * l->ld, shift), *dx = buffer(l->n, shift);
    fill_random(dy, l->ld, l->pixels, l->s.c, ldexp(1.0, random_int(-12, 4)));
    freeze(dy);
    double *dy64 = widen(dy, l->ld, l->pixels, l->s.c), *want = numbers(l->n),
           *allowed = numbers(l->n);
    ref_block_backward(&l->s, l->x64, l->keep, dy64, want);
    size_t c_all = (size_t)l->s.c, hw = (size_t)l->s.hw;
    for (size_t first = 0; first < l->n; first++) {
        if (first % (hw * c_all) >= c_all)
            continue;
        double g_mean = 0, dot_mean = 0; /* of the absolute values */
        for (size_t k = 0, i = first; k < hw; k++, i += c_all) {
            double g = fabs(dy64[i]) * kept(l, i);
            g_mean += g / (double)hw;
            dot_mean += g * fabs(l->v[i]) / (double)hw;
        }
        for (size_t k = 0, i = first; k < hw; k++, i += c_all) {
            double g = fabs(dy64[i]) * kept(l, i), e = value_error(l, i);
            allowed[i] = 4 * 0x1p-24 * g;
            if (l->s.activation == PXS_ACTIVATION_TANH) /* from y */
                g *= 1 + 2 * (e + 4 * 0x1p-24) / sum_slack(64), allowed[i] = 16 * 0x1p-24 * g;
            if (l->s.norm)
                allowed[i] = l->rstd[i] * (sum_slack(64) * (g + g_mean + fabs(l->v[i]) * dot_mean) +
                                           e * (dot_mean + fabs(l->v[i]) * g_mean));
        }
    }
    pxs_block_backward(ctx, &l->s, l->drop.p, l->x, stats, mask, y, l->ld, dy, l->ld, dx);
    tamper("block_backward", dx, 1, l->n, 1);
    expect_close(dx, 1, l->n, 1, want, allowed, 1.0, "block backward " SHAPE_FORMAT,
                 SHAPE_VALUES(l));
}

static void check_shape(struct pxs_block_shape s, double p, double scale, double offset) {
    int shift = RANDOM_OF(shifts);
    struct layer l = make_layer(s, p, scale, offset, RANDOM_OF(gaps), shift);
    struct pxs_kernel_context ctx = context(NULL, RANDOM_OF(thread_counts), 0);
    float *stats = s.norm ? buffer((size_t)s.n * 2 * (size_t)s.c, shift) : NULL;
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
static const enum pxs_norm norms[] = {PXS_NORM_NONE, PXS_NORM_INSTANCE};
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
                                    slopes[random_u32() % PXS_COUNT(slopes)]};
        const bool tanh = s.activation == PXS_ACTIVATION_TANH;
        check_shape(s, tanh ? 0 : rates[random_u32() % PXS_COUNT(rates)],
                    ldexp(1.0, random_int(-6, tanh ? 1 : 6)), 0.0);
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
}
END_TEST

/* An even patch has no variance: zeros and finite gradients, in training as in white margins. */
START_TEST(constant_images)
{
    struct pxs_block_shape s = {1, 64, 3, NORM(0.2f)};
    struct pxs_kernel_context ctx = context(NULL, 0, 0);
    float *x = buffer(192, 0), *stats = buffer(6, 0), *y = buffer(192, 0), *dy = buffer(192, 0),
          *dx = buffer(192, 0);
    random_start("constant_images");
    for (int i = 0; i < 192; i++)
        x[i] = i % 3 == 0 ? 1.0f : i % 3 == 1 ? -0.1f : 0.0f;
    fill_random(dy, 1, 192, 1, 1.0);
    pxs_block_forward(&ctx, &s, NULL, x, NULL, stats, NULL, y, 3);
    pxs_block_backward(&ctx, &s, 0, x, stats, NULL, NULL, 0, dy, 3, dx);
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
    struct pxs_kernel_context ctx = context(NULL, 2, 0);
    for (int norm = 0; norm < 2; norm++) {
        struct pxs_block_shape s = {2, 6, 70, PLAIN(0.2f)};
        s.norm = norm ? PXS_NORM_INSTANCE : PXS_NORM_NONE;
        size_t n = 2 * 6 * 70;
        float *x = buffer(n, 0), *before = buffer(n, 0), *bias = buffer(70, 1), *y = buffer(n, 0),
              *y2 = buffer(n, 0);
        float *stats = buffer(280, 0);
        fill_random(x, 1, n, 1, 1.0);
        fill_random(bias, 1, 70, 1, 1.0);
        freeze(bias);
        memcpy(before, x, n * sizeof *x);
        pxs_block_forward(&ctx, &s, NULL, x, bias, stats, NULL, y, 70);
        for (size_t i = 0; !norm && i < n; i++)
            before[i] += bias[i % 70];
        expect_same(x, before, n * sizeof *x, "x after a bias, norm %d", norm);
        pxs_block_forward(&ctx, &s, NULL, before, NULL, stats, NULL, y2, 70);
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
    struct pxs_kernel_context ctx = context(NULL, 3, 0);
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
    pxs_block_forward(&ctx, &s, &base, x, NULL, NULL, mask, y, 100);
    double kept_share = 0;
    for (size_t i = 0; i < n; i++) {
        kept_share += mask[i] / (double)n;
        ck_assert_float_eq(y[i], mask[i] ? (float)(1.0 / 0.7) : 0.0f);
    }
    ck_assert_double_eq_tol(kept_share, 0.7, 5 * sqrt(0.21 / (double)n));
    for (int k = 0; k < 5; k++) {
        pxs_block_forward(&ctx, &s, &other[k], x, NULL, NULL, mask2, y, 100);
        double equal = 0;
        for (size_t i = 0; i < n; i++)
            equal += (mask[i] == mask2[i]) / (double)n;
        /* 0.7^2 + 0.3^2: independent */
        ck_assert_double_eq_tol(equal, 0.58, 5 * sqrt(0.25 / (double)n));
    }
    struct pxs_block_shape wide = {1, 1000, 100, NORM(0.2f)}; /* the same elements, cut otherwise */
    float *stats = buffer(200, 0);
    pxs_block_forward(&ctx, &wide, &base, x, NULL, stats, mask2, y, 100);
    expect_same(mask2, mask, n, "mask of another cut");
}
END_TEST

START_TEST(nan_stays_in_its_channel)
{
    random_start("nan_stays");
    struct pxs_block_shape s = {2, 9, 70, NORM(0.2f)};
    size_t n = 2 * 9 * 70;
    struct pxs_kernel_context ctx = context(NULL, 0, 0);
    float *x = buffer(n, 0), *y = buffer(n, 0), *stats = buffer(280, 0), *dx = buffer(n, 0),
          *dy = buffer(n, 0);
    fill_random(x, 1, n, 1, 1.0);
    fill_random(dy, 1, n, 1, 1.0);
    x[9 * 70 + 3 * 70 + 66] = NAN; /* image 1, channel 66 */
    pxs_block_forward(&ctx, &s, NULL, x, NULL, stats, NULL, y, 70);
    pxs_block_backward(&ctx, &s, 0, x, stats, NULL, NULL, 0, dy, 70, dx);
    for (size_t i = 0; i < n; i++) {
        bool met = i >= 9 * 70 && i % 70 == 66;
        ck_assert(!isnan(y[i]) == !met);
        ck_assert(!isnan(dx[i]) == !met);
    }
    s.norm = PXS_NORM_NONE;
    pxs_block_forward(&ctx, &s, NULL, x, NULL, NULL, NULL, y, 70);
    for (size_t i = 0; i < n; i++)
        ck_assert(!isnan(y[i]) == !isnan(x[i]));
}
END_TEST

TCase *block_case(void) {
    KERNEL_CASE("block");
    tcase_add_test(tcase, sizes_by_rule);
    tcase_add_test(tcase, hostile_numbers);
    tcase_add_test(tcase, constant_images);
    tcase_add_test(tcase, bias_before_the_norm);
    tcase_add_test(tcase, masks);
    tcase_add_test(tcase, nan_stays_in_its_channel);
    return tcase;
}
