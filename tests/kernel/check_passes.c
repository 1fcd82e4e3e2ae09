/* The three passes of every set against the references: sizes by rule, wide pixels, unaligned
 * pointers, exact scratch.
 *
 * Each shape is computed on two kinds of numbers. Whole ones, so small and so sparse that every
 * step of every method is exact in f32 (weights are multiples of 36 or 576, since F(4,2) divides by
 * 6 twice and F(4,3) by 24): there each result has to be right to the last bit, and a wrong
 * constant, tap or border shows by far. And random ones, where the error must stay within what
 * rounding explains:
 *
 * - direct and im2col: sum_slack of the number of terms, times the sum of absolute products.
 * - Winograd: the products in the middle are sums of K terms. Rounding leaves a random error of at
 * most about u K r on each, u = 2^-24, where r is the root mean square of the terms (the K partial
 * sums grow like the root of k), and the transforms about 5 u sqrt(K) r. The last transform adds up
 * errors of different products. So the variance of the result, in units of u^2, is (K + 24) times
 * the same chain of transforms on squared matrices and numbers, AT' [(G' g' GT') * (BT' d' B')] A'
 * with x' = x x, summed over channels. WINOGRAD_SLACK standard deviations of that are allowed;
 * about half of them is the most that millions of results show. The chain on absolute values would
 * be sure for any numbers, but lies a hundred times higher, where errors that matter would hide. */
#include "kernel_tests.h"
#include "winograd.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WINOGRAD_SLACK (4 * 0x1p-24)

static const int gaps[] = {0, 0, 1, 3, 16}, shifts[] = {0, 0, 1, 3}, thread_counts[] = {0, 1, 2, 3};

enum { DOWN = 1, UP = 2, WEIGHT = 4, ALL = 7 };
enum yardstick { SUM, F2, F4, YARDSTICKS };

struct layer {
    struct pxs_conv_shape s;
    size_t pixels_small, pixels_big, n_small, n_big, n_weight, ld_big, ld_small;
    int shift;
};

/* One kind of numbers. `factor` meets `big` in W: of the exact kind, weights and it are multiples
 * of 36 or 576. */
struct numbers {
    bool exact;
    float *big, *small, *factor, *weight, *before;
    double *big64, *small64, *factor64, *weight64, *before64;
    double *want[3], *size[3][YARDSTICKS];
};

static struct layer make_layer(struct pxs_conv_shape s) {
    struct layer l = {.s = s, .shift = RANDOM_OF(shifts)};
    l.ld_big = (size_t)(s.cb + RANDOM_OF(gaps));
    l.ld_small = (size_t)(s.cs + RANDOM_OF(gaps));
    l.pixels_small = small_pixels(&s);
    l.pixels_big = big_pixels(&s);
    l.n_small = l.pixels_small * (size_t)s.cs;
    l.n_big = l.pixels_big * (size_t)s.cb;
    l.n_weight = weight_count(&s);
    return l;
}

static void widen_all(const struct layer *l, struct numbers *d) {
    float *const inputs[] = {d->big, d->small, d->factor, d->weight, d->before};
    for (size_t i = 0; i < PXS_COUNT(inputs); i++)
        if (i != 2 || d->factor != d->small)
            freeze(inputs[i]);
    d->big64 = widen(d->big, l->ld_big, l->pixels_big, l->s.cb);
    d->small64 = widen(d->small, l->ld_small, l->pixels_small, l->s.cs);
    d->factor64 = d->factor == d->small ? d->small64
                                        : widen(d->factor, l->ld_small, l->pixels_small, l->s.cs);
    d->weight64 = widen(plain_weight(&l->s, d->weight), 1, l->n_weight, 1);
    d->before64 = widen(d->before, l->ld_big, l->pixels_big, l->s.cb);
}

static struct numbers random_numbers(const struct layer *l) {
    struct numbers d = {.exact = false};
    double scale = ldexp(1.0, random_int(-8, 8));
    d.big = buffer(l->pixels_big * l->ld_big, l->shift);
    d.small = d.factor = buffer(l->pixels_small * l->ld_small, l->shift);
    d.weight = buffer(l->n_weight, l->shift);
    d.before = buffer(l->pixels_big * l->ld_big, 0);
    fill_random(d.big, l->ld_big, l->pixels_big, l->s.cb, scale);
    fill_random(d.small, l->ld_small, l->pixels_small, l->s.cs, 1.0 / scale);
    fill_random(d.weight, 1, l->n_weight, 1, 0.05);
    fill_random(d.before, l->ld_big, l->pixels_big, l->s.cb, 1.0 / scale);
    widen_all(l, &d);
    return d;
}

/* ---- whole numbers -------------------------------------------------------------------------- */

enum { MOST_WEIGHT = 2, MOST_BEFORE = 8 };
#define EXACT_LIMIT 0x1p22

/* What weights and factors are multiples of: F(4,2) divides by 6 twice, F(4,3) by 24. */
static int unit_of(const struct pxs_conv_shape *s) {
    return s->kernel == 3 && s->stride == 1 ? 576 : 36;
}

/* The sum of absolute values over the channels of each pixel. */
static double *collapse(const float *p, size_t ld, size_t pixels, int channels) {
    double *sum = numbers(pixels);
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < (size_t)channels; c++)
            sum[i] += fabs((double)p[i * ld + c]);
    return sum;
}

/* Whether a Winograd method may compute this shape. */
static bool has_phases(const struct pxs_conv_shape *s) {
    return (s->kernel == 3 || s->kernel == 4) && s->padding <= 1 &&
           (s->stride == 1 || (s->stride == 2 && !s->reflect));
}

/* No step of D or U on these numbers exceeds this: the chain of F(4,2) on absolute values where it
 * may run, or the plain sums; with the largest weight in place of all. */
static double largest_step(const struct layer *l, enum pxs_pass pass, const float *p) {
    struct pxs_conv_shape s = l->s;
    s.cb = s.cs = 1;
    bool down = pass == PXS_PASS_DOWN;
    size_t n_out = down ? l->pixels_small : l->pixels_big;
    double weight[PXS_MAX_KERNEL * PXS_MAX_KERNEL], *out = numbers(n_out), most = 0;
    double *in = down ? collapse(p, l->ld_big, l->pixels_big, l->s.cb)
                      : collapse(p, l->ld_small, l->pixels_small, l->s.cs);
    for (size_t i = 0; i < PXS_COUNT(weight); i++)
        weight[i] = MOST_WEIGHT * unit_of(&s);
    if (has_phases(&s)) {
        struct tiling t = make_tiling(&s, 4, 1);
        (down ? chain_down : chain_up)(&t, in, weight, out, &most);
    } else {
        (down ? ref_down : ref_up)(&s, in, weight, out);
    }
    for (size_t i = 0; i < n_out; i++)
        most = fmax(most, out[i]);
    return most;
}

/* The largest sum of squares of a channel. */
static double channel_squares(const float *p, size_t ld, size_t pixels, int channels) {
    double most = 0;
    for (int c = 0; c < channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < pixels; i++)
            sum += pow((double)p[i * ld + (size_t)c], 2);
        most = fmax(most, sum);
    }
    return most;
}

/* Sums of squares over the tiles, the largest of all channels, for each point. */
static void squares(const struct tiling *t, const double *points, size_t channels, double *most) {
    size_t tiles = (size_t)t->tiles;
    for (size_t xi = 0; xi < (size_t)t->nxi; xi++)
        for (size_t c = 0; c < channels; c++) {
            double sum = 0;
            for (size_t k = 0; k < tiles; k++)
                sum += pow(points[(xi * tiles + k) * channels + c], 2);
            most[xi] = fmax(most[xi], sum);
        }
}

/* The same for W; sums over tiles by Cauchy and Schwarz. */
static double largest_weight_step(const struct layer *l, const float *big, const float *factor) {
    if (!has_phases(&l->s)) /* mirrored, a pixel may meet a tap up to four times */
        return 2 * sqrt(channel_squares(big, l->ld_big, l->pixels_big, l->s.cb) *
                        channel_squares(factor, l->ld_small, l->pixels_small, l->s.cs));
    struct tiling t = make_tiling(&l->s, 4, 1);
    double of_big[36] = {0}, of_small[36] = {0}, most = 0;
    squares(&t,
            points_of_big(&t, magnitudes(widen(big, l->ld_big, l->pixels_big, l->s.cb), l->n_big)),
            (size_t)(t.phases * l->s.cb), of_big);
    squares(&t,
            points_of_small(
                &t, magnitudes(widen(factor, l->ld_small, l->pixels_small, l->s.cs), l->n_small)),
            (size_t)l->s.cs, of_small);
    for (int xi = 0; xi < t.nxi; xi++)
        most = fmax(most, 2 * sqrt(of_big[xi] * of_small[xi]));
    return most;
}

static struct numbers whole_numbers(const struct layer *l, int passes) {
    struct numbers d = {.exact = true};
    double density;
    d.big = buffer(l->pixels_big * l->ld_big, l->shift);
    d.small = buffer(l->pixels_small * l->ld_small, l->shift);
    d.factor = buffer(l->pixels_small * l->ld_small, l->shift);
    d.weight = buffer(l->n_weight, l->shift);
    d.before = buffer(l->pixels_big * l->ld_big, 0);
    fill_whole(d.weight, 1, l->n_weight, 1, MOST_WEIGHT, unit_of(&l->s), 1.0);
    fill_whole(d.before, l->ld_big, l->pixels_big, l->s.cb, MOST_BEFORE, 1, 1.0);
    for (density = 1.0;; density *= 0.6) {
        fill_whole(d.big, l->ld_big, l->pixels_big, l->s.cb, 3, 1, density);
        if (!(passes & DOWN) || largest_step(l, PXS_PASS_DOWN, d.big) < EXACT_LIMIT)
            break;
    }
    for (density = 1.0;; density *= 0.6) {
        fill_whole(d.small, l->ld_small, l->pixels_small, l->s.cs, 3, 1, density);
        if (!(passes & UP) || largest_step(l, PXS_PASS_UP, d.small) < EXACT_LIMIT)
            break;
    }
    for (density = 1.0;; density *= 0.6) {
        fill_whole(d.factor, l->ld_small, l->pixels_small, l->s.cs, 1, unit_of(&l->s), density);
        if (!(passes & WEIGHT) || largest_weight_step(l, d.big, d.factor) < EXACT_LIMIT)
            break;
    }
    widen_all(l, &d);
    return d;
}

/* ---- what should come out ------------------------------------------------------------------- */

static void reference(const struct layer *l, enum pxs_pass pass, const double *big,
                      const double *small, const double *weight, double *out) {
    if (pass == PXS_PASS_DOWN)
        ref_down(&l->s, big, weight, out);
    else if (pass == PXS_PASS_UP)
        ref_up(&l->s, small, weight, out);
    else
        ref_weight(&l->s, big, small, out);
}

static size_t count_of(const struct layer *l, enum pxs_pass pass) {
    return pass == PXS_PASS_DOWN ? l->n_small : pass == PXS_PASS_UP ? l->n_big : l->n_weight;
}

static const double *wanted(const struct layer *l, struct numbers *d, enum pxs_pass pass) {
    if (!d->want[pass]) {
        d->want[pass] = numbers(count_of(l, pass));
        reference(l, pass, d->big64, pass == PXS_PASS_WEIGHT ? d->factor64 : d->small64,
                  d->weight64, d->want[pass]);
    }
    return d->want[pass];
}

static double *squared(const double *a, size_t n) {
    double *out = numbers(n);
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] * a[i];
    return out;
}

/* Terms of a sum: of a number of the result, or of a product in the middle of a Winograd pass. */
static double terms_of(const struct layer *l, enum pxs_pass pass, const struct tiling *t) {
    const struct pxs_conv_shape *s = &l->s;
    int across = (s->kernel + s->stride - 1) / s->stride * (s->reflect ? 3 : 1);
    if (pass == PXS_PASS_DOWN)
        return (double)(t ? t->phases : s->kernel * s->kernel) * s->cb;
    if (pass == PXS_PASS_UP)
        return (t ? 1.0 : (double)(across * across)) * s->cs;
    return t ? t->tiles : (double)l->pixels_small;
}

static double *winograd_size(const struct layer *l, const struct numbers *d, enum pxs_pass pass,
                             int m) {
    struct tiling t = make_tiling(&l->s, m, 2);
    size_t n = count_of(l, pass);
    double *out = numbers(n), *big = squared(d->big64, l->n_big),
           *small = squared(d->small64, l->n_small), *weight = squared(d->weight64, l->n_weight);
    if (pass == PXS_PASS_DOWN)
        chain_down(&t, big, weight, out, NULL);
    else if (pass == PXS_PASS_UP)
        chain_up(&t, small, weight, out, NULL);
    else
        chain_weight(&t, big, small, out);
    for (size_t i = 0; i < n; i++)
        out[i] = sqrt((terms_of(l, pass, &t) + 24) * out[i]) + fabs(d->want[pass][i]);
    return out;
}

/* What the allowed error scales with. */
static const double *size_of(const struct layer *l, struct numbers *d, enum pxs_pass pass,
                             enum yardstick y) {
    size_t n = count_of(l, pass);
    double **size = &d->size[pass][y];
    if (*size)
        return *size;
    if (d->exact || y == SUM)
        *size = numbers(n);
    if (!d->exact && y == SUM)
        reference(l, pass, magnitudes(d->big64, l->n_big), magnitudes(d->small64, l->n_small),
                  magnitudes(d->weight64, l->n_weight), *size);
    if (!d->exact && y != SUM)
        *size = winograd_size(l, d, pass, y == F2 ? 2 : 4);
    return *size;
}

/* ---- running -------------------------------------------------------------------------------- */

#define SHAPE_FORMAT                                                                            \
    "%s (%s) n %d, %d x %d of %d x %d, %d/%d channels, kernel %d, stride %d, padding %d%s, %s " \
    "numbers"
#define SHAPE_VALUES                                                                        \
    pxs_kernels_name(ctx->set), pxs_method_name(pxs_kernels_method(ctx->set, &l->s, pass)), \
        l->s.n, l->s.h, l->s.w, l->s.big_h, l->s.big_w, l->s.cb, l->s.cs, l->s.kernel,      \
        l->s.stride, l->s.padding, l->s.reflect ? " reflected" : "", d->exact ? "whole" : "random"

static void check_pass(const struct pxs_kernel_context *ctx, const struct layer *l,
                       struct numbers *d, enum pxs_pass pass, bool accumulate) {
    enum pxs_method method = pxs_kernels_method(ctx->set, &l->s, pass);
    enum yardstick y = method == PXS_METHOD_F2 ? F2 : method == PXS_METHOD_F4 ? F4 : SUM;
    const double *want = wanted(l, d, pass), *size = size_of(l, d, pass, y);
    double slack = d->exact ? 0 : y == SUM ? sum_slack(terms_of(l, pass, NULL)) : WINOGRAD_SLACK;
    const struct pxs_conv_shape *s = &l->s;
    spoil(ctx);
    if (pass == PXS_PASS_DOWN) {
        float *got = buffer(l->pixels_small * l->ld_small, l->shift);
        pxs_conv_down(ctx, s, d->big, l->ld_big, d->weight, got, l->ld_small);
        tamper("down", got, l->ld_small, l->pixels_small, s->cs);
        expect_close(got, l->ld_small, l->pixels_small, s->cs, want, size, slack,
                     "down " SHAPE_FORMAT, SHAPE_VALUES);
    } else if (pass == PXS_PASS_UP) {
        float *got = buffer(l->pixels_big * l->ld_big, l->shift);
        if (accumulate) {
            double *sum = numbers(l->n_big), *sum_size = numbers(l->n_big);
            memcpy(got, d->before, l->pixels_big * l->ld_big * sizeof *got);
            for (size_t i = 0; i < l->n_big; i++) {
                sum[i] = want[i] + d->before64[i];
                sum_size[i] = size[i] + (d->exact ? 0 : fabs(d->before64[i]));
            }
            want = sum;
            size = sum_size;
        }
        pxs_conv_up(ctx, s, d->small, l->ld_small, d->weight, got, l->ld_big, accumulate);
        tamper("up", got, l->ld_big, l->pixels_big, s->cb);
        expect_close(got, l->ld_big, l->pixels_big, s->cb, want, size, slack, "up%s " SHAPE_FORMAT,
                     accumulate ? " +=" : "", SHAPE_VALUES);
    } else {
        float *got = buffer(l->n_weight, l->shift);
        pxs_conv_weight(ctx, s, d->big, l->ld_big, d->factor, l->ld_small, got);
        tamper("weight", got, 1, l->n_weight, 1);
        expect_close(plain_weight(s, got), 1, l->n_weight, 1, want, size, slack,
                     "weight " SHAPE_FORMAT, SHAPE_VALUES);
    }
}

/* Some or all passes of every set on one shape, on either kind of numbers; scratch is exactly what
 * the set asks for, and NaN. */
static void check_shape(struct pxs_conv_shape s, int passes, bool whole, bool random) {
    struct layer l = make_layer(s);
    struct numbers kinds[2];
    int n_kinds = 0;
    if (is_brief()) /* kernels do not branch on numbers */
        random = random && !whole;
    if (whole)
        kinds[n_kinds++] = whole_numbers(&l, passes);
    if (random)
        kinds[n_kinds++] = random_numbers(&l);
    struct ran ran[3][MAX_RAN];
    size_t n_ran[3] = {0};
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++) {
        int threads = RANDOM_OF(thread_counts);
        size_t floats = pxs_kernels_scratch(set, &s, 0, threads ? threads : 1);
        struct pxs_kernel_context ctx = {0};
        for (enum pxs_pass pass = PXS_PASS_DOWN; pass <= PXS_PASS_WEIGHT; pass++) {
            if (!(passes & 1 << pass) || !is_new(ran[pass], &n_ran[pass], set, &s, pass))
                continue;
            if (!ctx.set)
                ctx = context(set, threads, floats);
            for (int k = 0; k < n_kinds; k++) {
                check_pass(&ctx, &l, &kinds[k], pass, false);
                if (pass == PXS_PASS_UP)
                    check_pass(&ctx, &l, &kinds[k], pass, true);
            }
        }
    }
    buffers_done();
}

/* ---- shapes --------------------------------------------------------------------------------- */

static const int batches[] = {1, 2, 3, 5, 8}, sides[] = {1, 2, 3, 4, 5, 7, 8, 9},
                 channels[] = {1, 3, 6, 8, 15, 16, 17, 31, 32, 33, 48, 64, 80};

/* Each shape of a list has random numbers of its own. */
static void start(const char *test, int i) {
    char name[64];
    snprintf(name, sizeof name, "passes_%s_%d", test, i);
    random_start(name);
}

/* Every map at the edges of tiles, dead taps among them. */
START_TEST(maps)
{
    start("maps", _i);
    int h = sides[(size_t)_i / PXS_COUNT(sides)], w = sides[(size_t)_i % PXS_COUNT(sides)],
        n = h * w > 16 ? random_int(1, 2) : RANDOM_OF(batches);
    check_shape(halving(n, h, w, 16 * random_int(1, 2), 16 * random_int(1, 2)), ALL, true, true);
}
END_TEST

/* Every pair of channel counts. */
START_TEST(widths)
{
    start("widths", _i);
    for (size_t k = 0; k < PXS_COUNT(channels); k++)
        check_shape(halving(random_int(1, 2), random_int(1, 4), random_int(1, 5), channels[_i],
                            channels[k]),
                    ALL, true, true);
}
END_TEST

/* Long and thin, primes, just past a multiple of a tile; thin layers of several blocks; K of
 * several blocks. */
static const struct pxs_conv_shape odd_shapes[] = {
    HALVING(1, 3, 37, 16, 16),  HALVING(2, 31, 5, 16, 32), HALVING(1, 13, 17, 32, 16),
    HALVING(1, 2, 67, 16, 16),  HALVING(3, 41, 2, 16, 16), HALVING(2, 1, 40, 16, 16),
    HALVING(1, 3, 140, 16, 16), HALVING(2, 19, 17, 3, 16), HALVING(1, 33, 16, 6, 32),
    HALVING(1, 2, 300, 3, 16),  HALVING(5, 7, 11, 1, 16),  HALVING(1, 4, 3, 272, 16),
    HALVING(1, 3, 4, 16, 272),  HALVING(2, 2, 2, 80, 272), HALVING(1, 1, 1, 272, 288),
    HALVING(8, 1, 2, 48, 64),   HALVING(3, 23, 19, 7, 5),  HALVING(1, 5, 5, 96, 80),
    HALVING(1, 1, 3, 300, 96),
};
START_TEST(odd)
{
    start("odd", _i);
    check_shape(odd_shapes[_i], ALL, true, true);
}
END_TEST

/* Every other kind of convolution that networks have, and a few that no one has: kernel, stride,
 * padding, whether it reflects. */
static const struct kind {
    int kernel, stride, padding;
    bool reflect;
} kinds[] = {
    {4, 2, 1, false}, {4, 1, 1, false}, {3, 1, 1, true},  {3, 1, 1, false}, {3, 2, 1, false},
    {7, 1, 3, true},  {7, 1, 3, false}, {1, 1, 0, false}, {3, 2, 1, true},  {2, 3, 0, false},
    {4, 2, 3, true},  {5, 1, 2, true},  {4, 1, 2, true},  {1, 2, 0, false}, {4, 1, 1, true},
    {3, 1, 0, false}, {4, 2, 0, false}, {3, 2, 0, false},
};
static const int big_sides[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 17};

/* A big side of about these sides; of every second one the transposed kind, with output padding or
 * without. */
static struct pxs_conv_shape of_kind(const struct kind *k, int n, int h, int w, int cb, int cs,
                                     int turn) {
    int least = k->reflect ? k->padding + 1 : k->kernel - 2 * k->padding;
    h = h < least ? least : h;
    w = w < least ? least : w;
    struct pxs_conv_shape s =
        CONVOLUTION(n, h, w, cb, cs, k->kernel, k->stride, k->padding, k->reflect);
    if (turn % 2 && !k->reflect) {
        int output_padding = turn / 2 % k->stride;
        s.big_h = (s.h - 1) * k->stride + k->kernel - 2 * k->padding + output_padding;
        s.big_w = (s.w - 1) * k->stride + k->kernel - 2 * k->padding + output_padding;
        if (s.big_h < 1 || s.big_w < 1)
            s.big_h = h, s.big_w = w;
    }
    return s;
}

START_TEST(kinds_of_kernels)
{
    start("kinds", _i);
    for (int k = 0; k < 16; k++) {
        int cb = RANDOM_OF(channels), cs = RANDOM_OF(channels);
        if (k < 8) { /* panels */
            cb = 16 * random_int(1, 3);
            cs = 16 * random_int(1, 3);
        }
        struct pxs_conv_shape s = of_kind(&kinds[_i], random_int(1, 3), RANDOM_OF(big_sides),
                                          RANDOM_OF(big_sides), cb, cs, k);
        if (k % 8 > 1 && (double)s.n * s.h * s.w * cb * cs * s.kernel * s.kernel > 4e6)
            continue;
        check_shape(s, ALL, k % 2 == 0, k % 2 != 0);
    }
}
END_TEST

/* More than a block of rows, of K and of pixels in a row. */
static const struct pxs_conv_shape wide_shapes[] = {
    CONVOLUTION(1, 12, 70, 16, 32, 3, 1, 1, true),  CONVOLUTION(1, 4, 300, 16, 16, 3, 1, 1, true),
    CONVOLUTION(1, 3, 4, 272, 16, 3, 1, 1, true),   CONVOLUTION(1, 4, 5, 16, 288, 4, 1, 1, false),
    CONVOLUTION(2, 35, 37, 16, 16, 3, 2, 1, false), CONVOLUTION(1, 40, 41, 3, 16, 7, 1, 3, true),
    CONVOLUTION(1, 33, 34, 16, 3, 7, 1, 3, true),   CONVOLUTION(1, 31, 31, 64, 1, 4, 1, 1, false),
    CONVOLUTION(2, 20, 20, 6, 16, 1, 1, 0, false),  CONVOLUTION(1, 300, 5, 5, 3, 4, 1, 1, false),
    CONVOLUTION(4, 64, 64, 20, 2, 4, 1, 1, false),  CONVOLUTION(1, 9, 129, 700, 1, 3, 1, 1, true),
};
START_TEST(wide)
{
    start("wide", _i);
    check_shape(wide_shapes[_i], ALL, _i % 2 == 0, _i % 2 != 0);
}
END_TEST

/* Beyond the budgets of conv_winograd.c (2^21 floats of V, of Y, or of both), conv_blas.c (6 * 2^20
 * of col, down to a row at a time). */
static const struct {
    struct pxs_conv_shape s;
    int passes;
} large[] = {
    {HALVING(44, 5, 5, 128, 16), DOWN | WEIGHT}, /* F(4,2): 4 tiles of 25 pixels in 64 */
    {HALVING(60, 3, 3, 256, 16), DOWN | WEIGHT}, /* F(2,2) */
    {HALVING(53, 5, 5, 16, 416), UP},
    {HALVING(80, 3, 3, 16, 752), UP},
    {CONVOLUTION(27, 9, 9, 256, 16, 3, 1, 1, true), DOWN | WEIGHT}, /* F(4,3) */
    {CONVOLUTION(27, 9, 9, 16, 256, 3, 1, 1, true), UP},
    {CONVOLUTION(1, 150, 18, 16, 16, 3, 1, 1, true), ALL},
    {CONVOLUTION(1, 150, 18, 16, 16, 3, 1, 1, false), ALL},
    {CONVOLUTION(1, 150, 18, 16, 16, 4, 1, 1, false), ALL},
    /* batches of more tile rows than one; a row of tiles beyond MAX_TILES */
    {HALVING(2, 5, 129, 64, 16), ALL},
    {HALVING(2, 9, 270, 16, 16), ALL}, /* the same for F(4,2) */
    {HALVING(4, 64, 64, 60, 2), ALL},
    {HALVING(2, 2, 256, 512, 1), ALL},
    {HALVING(1, 3, 256, 700, 1), ALL},
};
START_TEST(chunks)
{
    start("chunks", _i);
    check_shape(large[_i].s, large[_i].passes, true, false);
}
END_TEST

START_TEST(live_taps)
{
    for (int h = 1; h <= 5; h++)
        for (int w = 1; w <= 5; w++) {
            struct pxs_conv_shape s = of_kind(&kinds[_i], 1, h, w, 1, 1, h + w);
            double *big = numbers(big_pixels(&s)), *small = numbers(small_pixels(&s)), dweight[49];
            for (size_t i = 0; i < big_pixels(&s); i++)
                big[i] = 1.0;
            for (size_t i = 0; i < small_pixels(&s); i++)
                small[i] = 1.0;
            ref_weight(&s, big, small, dweight);
            for (int tap = 0; tap < s.kernel * s.kernel; tap++)
                ck_assert_msg(pxs_tap_is_live(&s, tap) == (dweight[tap] > 0),
                              "tap %d of %d x %d at %d x %d", tap, s.kernel, s.kernel, h, w);
            buffers_done();
        }
}
END_TEST

/* Anything, small. */
START_TEST(random_shapes)
{
    start("random", 0);
    for (int done = 0; done < 60;) {
        struct pxs_conv_shape s = halving(RANDOM_OF(batches), RANDOM_OF(sides), RANDOM_OF(sides),
                                          RANDOM_OF(channels), RANDOM_OF(channels));
        if ((double)s.n * s.h * s.w * s.cb * s.cs > 1e5)
            continue;
        check_shape(s, ALL, done % 2 == 0, done % 2 != 0);
        done++;
    }
}
END_TEST

TCase *passes_case(void) {
    KERNEL_CASE("conv");
    tcase_add_loop_test(tcase, maps, 0, (int)(PXS_COUNT(sides) * PXS_COUNT(sides)));
    tcase_add_loop_test(tcase, widths, 0, (int)PXS_COUNT(channels));
    tcase_add_loop_test(tcase, odd, 0, (int)PXS_COUNT(odd_shapes));
    tcase_add_loop_test(tcase, chunks, 0, (int)PXS_COUNT(large));
    tcase_add_test(tcase, random_shapes);
    tcase_add_loop_test(tcase, kinds_of_kernels, 0, (int)PXS_COUNT(kinds));
    tcase_add_loop_test(tcase, wide, 0, (int)PXS_COUNT(wide_shapes));
    tcase_add_loop_test(tcase, live_taps, 0, (int)PXS_COUNT(kinds));
    return tcase;
}
