/* The convolutions of every built set against the references: sizes by rule, wide pixels, unaligned pointers, exact scratch. */
#include "kernel_tests.h"

#include <math.h>
#include <string.h>

static const int batches[] = {1, 2, 3, 5}, sides[] = {1, 2, 3, 4, 7, 8},
                 channels[] = {1, 3, 6, 8, 16, 17, 64, 100};
static const int gaps[] = {0, 0, 1, 3, 16}, shifts[] = {0, 0, 1, 3}, thread_counts[] = {0, 1, 2, 3};

/* One layer with its tensors in f32 and double, and the sums of absolute products that the tolerances scale with. */
struct layer {
    struct pxs_conv_shape s;
    size_t pixels_small, pixels_big, n_weight, ld_big, ld_small;
    float *big, *small, *weight;
    double *big64, *small64, *weight64, *big_abs, *small_abs, *weight_abs;
};

static struct layer make_layer(struct pxs_conv_shape s, int gap_big, int gap_small, int shift) {
    struct layer l = {.s = s, .ld_big = (size_t)(s.cb + gap_big), .ld_small = (size_t)(s.cs + gap_small)};
    l.pixels_small = (size_t)(s.n * s.h * s.w);
    l.pixels_big = 4 * l.pixels_small;
    l.n_weight = (size_t)(16 * s.cb * s.cs);
    l.big = buffer(l.pixels_big * l.ld_big, shift);
    l.small = buffer(l.pixels_small * l.ld_small, shift);
    l.weight = buffer(l.n_weight, shift);
    double scale = ldexp(1.0, random_int(-8, 8));
    fill_random(l.big, l.ld_big, l.pixels_big, s.cb, scale);
    fill_random(l.small, l.ld_small, l.pixels_small, s.cs, 1.0 / scale);
    fill_random(l.weight, 1, l.n_weight, 1, 0.05);
    freeze(l.big);
    freeze(l.small);
    freeze(l.weight);
    l.big64 = widen(l.big, l.ld_big, l.pixels_big, s.cb);
    l.small64 = widen(l.small, l.ld_small, l.pixels_small, s.cs);
    l.weight64 = widen(plain_weight(&s, l.weight), 1, l.n_weight, 1);
    l.big_abs = magnitudes(l.big64, l.pixels_big * (size_t)s.cb);
    l.small_abs = magnitudes(l.small64, l.pixels_small * (size_t)s.cs);
    l.weight_abs = magnitudes(l.weight64, l.n_weight);
    return l;
}

#define SHAPE_FORMAT "%s n %d, %d x %d, %d/%d channels"
#define SHAPE_VALUES(set, s) pxs_kernels_name(set), (s)->n, (s)->h, (s)->w, (s)->cb, (s)->cs

static void check_down(const struct pxs_kernel_context *ctx, const struct layer *l, int shift) {
    size_t n = l->pixels_small * (size_t)l->s.cs;
    double *want = numbers(n), *sum = numbers(n);
    pxs_ref_down(&l->s, l->big64, l->weight64, want);
    pxs_ref_down(&l->s, l->big_abs, l->weight_abs, sum);
    float *got = buffer(l->pixels_small * l->ld_small, shift);
    spoil(ctx);
    pxs_conv_down(ctx, &l->s, l->big, l->ld_big, l->weight, got, l->ld_small);
    expect_close(got, l->ld_small, l->pixels_small, l->s.cs, want, sum, sum_slack(16.0 * l->s.cb),
                 "down " SHAPE_FORMAT, SHAPE_VALUES(ctx->set, &l->s));
}

static void check_up(const struct pxs_kernel_context *ctx, const struct layer *l, int shift,
                     bool accumulate) {
    size_t n = l->pixels_big * (size_t)l->s.cb;
    double *want = numbers(n), *sum = numbers(n);
    pxs_ref_up(&l->s, l->small64, l->weight64, want);
    pxs_ref_up(&l->s, l->small_abs, l->weight_abs, sum);
    float *got = buffer(l->pixels_big * l->ld_big, shift);
    if (accumulate) {
        fill_random(got, l->ld_big, l->pixels_big, l->s.cb, 1.0);
        const double *before = widen(got, l->ld_big, l->pixels_big, l->s.cb);
        for (size_t i = 0; i < n; i++) {
            want[i] += before[i];
            sum[i] += fabs(before[i]);
        }
    }
    spoil(ctx);
    pxs_conv_up(ctx, &l->s, l->small, l->ld_small, l->weight, got, l->ld_big, accumulate);
    expect_close(got, l->ld_big, l->pixels_big, l->s.cb, want, sum, sum_slack(4.0 * l->s.cs),
                 "up%s " SHAPE_FORMAT, accumulate ? " +=" : "", SHAPE_VALUES(ctx->set, &l->s));
}

static void check_weight(const struct pxs_kernel_context *ctx, const struct layer *l, int shift) {
    double *want = numbers(l->n_weight), *sum = numbers(l->n_weight);
    pxs_ref_weight(&l->s, l->big64, l->small64, want);
    pxs_ref_weight(&l->s, l->big_abs, l->small_abs, sum);
    float *got = buffer(l->n_weight, shift);
    spoil(ctx);
    pxs_conv_weight(ctx, &l->s, l->big, l->ld_big, l->small, l->ld_small, got);
    expect_close(plain_weight(&l->s, got), 1, l->n_weight, 1, want, sum, sum_slack((double)l->pixels_small),
                 "weight " SHAPE_FORMAT, SHAPE_VALUES(ctx->set, &l->s));
}

/* All passes of every set on one shape; scratch is exactly what the set asks for, and NaN. */
static void check_shape(struct pxs_conv_shape s) {
    int shift = RANDOM_OF(shifts);
    struct layer l = make_layer(s, RANDOM_OF(gaps), RANDOM_OF(gaps), shift);
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++) {
        struct pxs_kernel_context ctx =
            context(set, RANDOM_OF(thread_counts), pxs_kernels_scratch(set, &s, 3));
        check_down(&ctx, &l, shift);
        check_up(&ctx, &l, shift, false);
        check_up(&ctx, &l, shift, true);
        check_weight(&ctx, &l, shift);
    }
    buffers_done();
}

START_TEST(sizes_by_rule)
{
    random_start("sizes_by_rule");
    for (int done = 0; done < 150;) {
        struct pxs_conv_shape s = {RANDOM_OF(batches), RANDOM_OF(sides), RANDOM_OF(sides),
                                   RANDOM_OF(channels), RANDOM_OF(channels)};
        if ((double)s.n * s.h * s.w * s.cb * s.cs > 1e5)
            continue;
        check_shape(s);
        done++;
    }
}
END_TEST

/* Every side and channel count at least once in each place. */
START_TEST(edges)
{
    random_start("edges");
    for (size_t a = 0; a < PXS_COUNT(sides); a++)
        for (size_t b = 0; b < PXS_COUNT(sides); b++)
            check_shape((struct pxs_conv_shape){2, sides[a], sides[b], 3, 5});
    for (size_t a = 0; a < PXS_COUNT(channels); a++)
        for (size_t b = 0; b < PXS_COUNT(channels); b++)
            check_shape((struct pxs_conv_shape){1, 2, 1, channels[a], channels[b]});
}
END_TEST

/* Deep layers (many channels, a pixel or few) and shapes that are worked off in several slabs, down to a row at a time. */
static const struct pxs_conv_shape large[] = {
    {2, 1, 1, 512, 96},  {1, 2, 2, 300, 257}, {4, 64, 64, 64, 2},
    {5, 40, 64, 100, 1}, {2, 2, 256, 512, 1}, {1, 3, 256, 700, 1},
};
START_TEST(large_shapes)
{
    random_start("large_shapes");
    check_shape(large[_i]);
}
END_TEST

static double inner(const float *a, size_t ld_a, const float *b, size_t ld_b, size_t rows, int cols,
                    double *size) {
    double sum = 0;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < (size_t)cols; c++) {
            double v = (double)a[r * ld_a + c] * (double)b[r * ld_b + c];
            sum += v;
            *size += fabs(v);
        }
    return sum;
}

/* <D(x), y> = <x, U(y)> = <w, W(x, y)>: no oracle needed. */
static void check_adjoint(const struct pxs_kernels *set, struct pxs_conv_shape s) {
    struct layer l = make_layer(s, 1, 2, 0);
    struct pxs_kernel_context ctx = context(set, 2, pxs_kernels_scratch(set, &s, 3));
    float *down = buffer(l.pixels_small * l.ld_small, 0), *up = buffer(l.pixels_big * l.ld_big, 0),
          *dweight = buffer(l.n_weight, 0);
    pxs_conv_down(&ctx, &s, l.big, l.ld_big, l.weight, down, l.ld_small);
    pxs_conv_up(&ctx, &s, l.small, l.ld_small, l.weight, up, l.ld_big, false);
    pxs_conv_weight(&ctx, &s, l.big, l.ld_big, l.small, l.ld_small, dweight);
    double size = 0, a = inner(down, l.ld_small, l.small, l.ld_small, l.pixels_small, s.cs, &size);
    double b = inner(up, l.ld_big, l.big, l.ld_big, l.pixels_big, s.cb, &size);
    double c = inner(dweight, 1, l.weight, 1, l.n_weight, 1, &size);
    double allowed = sum_slack(16.0 * s.cb + s.cs) * size;
    ck_assert_msg(fabs(a - b) <= allowed && fabs(a - c) <= allowed,
                  SHAPE_FORMAT ": <D x,y> %.9g, <x,U y> %.9g, <w,W> %.9g (seed %llu)", SHAPE_VALUES(set, &s),
                  a, b, c, (unsigned long long)test_seed());
    buffers_done();
}

START_TEST(adjoint)
{
    random_start("adjoint");
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++)
        for (int k = 0; k < 20; k++)
            check_adjoint(set, (struct pxs_conv_shape){RANDOM_OF(batches), random_int(1, 9), random_int(1, 9),
                                                       random_int(1, 40), random_int(1, 40)});
}
END_TEST

/* Powers of two and signs go through exactly: f(-4 x) has the bits of -4 f(x). Sums only nearly. */
START_TEST(linear)
{
    random_start("linear");
    struct pxs_conv_shape s = {2, 3, 5, 17, 20};
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++) {
        struct layer l = make_layer(s, 0, 0, 0), k = make_layer(s, 0, 0, 0);
        size_t n_small = l.pixels_small * (size_t)s.cs, n_big = l.pixels_big * (size_t)s.cb;
        struct pxs_kernel_context ctx = context(set, 0, pxs_kernels_scratch(set, &s, 3));
        float *scaled = buffer(n_big, 0), *sum = buffer(n_big, 0);
        for (size_t e = 0; e < n_big; e++) {
            scaled[e] = -4.0f * l.big[e];
            sum[e] = l.big[e] + k.big[e];
        }
        float *y[4];
        const float *x[4] = {l.big, k.big, scaled, sum};
        for (int e = 0; e < 4; e++) {
            y[e] = buffer(n_small, 0);
            pxs_conv_down(&ctx, &s, x[e], (size_t)s.cb, l.weight, y[e], (size_t)s.cs);
        }
        double *size = numbers(n_small), *want = numbers(n_small);
        double *magnitude = magnitudes(widen(sum, 1, n_big, 1), n_big);
        for (size_t e = 0; e < n_big; e++)
            magnitude[e] += l.big_abs[e] + k.big_abs[e];
        pxs_ref_down(&s, magnitude, l.weight_abs, size);
        for (size_t e = 0; e < n_small; e++) {
            want[e] = (double)y[0][e] + (double)y[1][e];
            y[0][e] *= -4.0f;
        }
        expect_same(y[2], y[0], n_small * sizeof(float), "%s: D(-4 x)", pxs_kernels_name(set));
        expect_close(y[3], 1, n_small, 1, want, size, sum_slack(16.0 * s.cb), "%s: D(a + b)",
                     pxs_kernels_name(set));
    }
}
END_TEST

/* Moved by two big pixels, the image moves by one small pixel; its frame is empty, so that nothing falls off. */
START_TEST(shifts_along)
{
    random_start("shifts_along");
    struct pxs_conv_shape s = {1, 8, 8, 3, 5};
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++) {
        struct pxs_kernel_context ctx = context(set, 0, pxs_kernels_scratch(set, &s, 3));
        float *a = buffer(16 * 16 * 3, 0), *b = buffer(16 * 16 * 3, 0), *weight = buffer(16 * 15, 0);
        float *ya = buffer(64 * 5, 0), *yb = buffer(64 * 5, 0);
        memset(a, 0, 16 * 16 * 3 * sizeof *a);
        memset(b, 0, 16 * 16 * 3 * sizeof *b);
        fill_random(weight, 1, 16 * 15, 1, 1.0);
        for (int y = 4; y < 11; y++)
            for (int x = 3; x < 10; x++)
                for (int c = 0; c < 3; c++)
                    a[(y * 16 + x) * 3 + c] = b[((y + 2) * 16 + x + 2) * 3 + c] = (float)random_unit();
        pxs_conv_down(&ctx, &s, a, 3, weight, ya, 5);
        pxs_conv_down(&ctx, &s, b, 3, weight, yb, 5);
        for (int y = 0; y < 7; y++)
            for (int x = 0; x < 7; x++)
                for (int c = 0; c < 5; c++)
                    ck_assert_float_eq_tol(ya[(y * 8 + x) * 5 + c], yb[((y + 1) * 8 + x + 1) * 5 + c], 1e-5f);
    }
}
END_TEST

/* A NaN reaches everything that it meets, and nothing else. */
START_TEST(nan_spreads_to_its_neighbours)
{
    random_start("nan_spreads");
    struct pxs_conv_shape s = {2, 4, 4, 3, 5};
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++) {
        struct pxs_kernel_context ctx = context(set, 0, pxs_kernels_scratch(set, &s, 3));
        float *big = buffer(2 * 64 * 3, 0), *weight = buffer(16 * 15, 0), *y = buffer(2 * 16 * 5, 0),
              *dweight = buffer(16 * 15, 0);
        fill_random(big, 1, 2 * 64 * 3, 1, 1.0);
        fill_random(weight, 1, 16 * 15, 1, 1.0);
        big[(size_t)(64 + 3 * 8 + 3) * 3 + 1] =
            NAN; /* image 1, pixel (3,3): small rows and columns 1 and 2 */
        pxs_conv_down(&ctx, &s, big, 3, weight, y, 5);
        for (int p = 0; p < 32; p++) {
            int row = p % 16 / 4, col = p % 4;
            bool met = p >= 16 && (row == 1 || row == 2) && (col == 1 || col == 2);
            for (int c = 0; c < 5; c++)
                ck_assert_msg(!isnan(y[p * 5 + c]) == !met, "%s: pixel %d", pxs_kernels_name(set), p);
        }
        fill_random(y, 1, 2 * 16 * 5, 1, 1.0);
        pxs_conv_weight(&ctx, &s, big, 3, y, 5, dweight);
        for (int t = 0; t < 16; t++)
            for (int b = 0; b < 3; b++)
                ck_assert(!isnan(dweight[(t * 3 + b) * 5]) ==
                          (b != 1 || (t / 4) % 2 != 0 || (t % 4) % 2 != 0));
    }
}
END_TEST

START_TEST(selects_by_name)
{
    const struct pxs_kernels *set = NULL, *same = NULL;
    struct pxs_error err;
    ck_assert_int_eq(pxs_kernels_select("auto", &set, &err), PXS_OK);
    ck_assert_ptr_nonnull(set);
    ck_assert_int_eq(pxs_kernels_select(pxs_kernels_name(set), &same, NULL), PXS_OK);
    ck_assert_ptr_eq(set, same);
    static const char *const planned[] = {"direct", "f2", "f4"};
    for (size_t i = 0; i < PXS_COUNT(planned); i++) {
        same = set;
        enum pxs_status status = pxs_kernels_select(planned[i], &same, &err);
        if (status == PXS_OK)
            continue; /* built meanwhile */
        ck_assert_int_eq(status, PXS_E_UNSUPPORTED);
        ck_assert_ptr_eq(set, same);
        ck_assert_ptr_nonnull(strstr(err.message, planned[i]));
        ck_assert_ptr_nonnull(strstr(err.message, "planned"));
        ck_assert_ptr_nonnull(strstr(err.message, "auto"));
    }
    static const char *const unknown[] = {"mkl", "", "AUTO", "blas "};
    for (size_t i = 0; i < PXS_COUNT(unknown); i++) {
        ck_assert_int_eq(pxs_kernels_select(unknown[i], &same, &err), PXS_E_INVALID);
        ck_assert_ptr_nonnull(strstr(err.message, unknown[i]));
        ck_assert_ptr_nonnull(strstr(err.message, "auto"));
        ck_assert_int_eq(pxs_kernels_select(unknown[i], &same, NULL), PXS_E_INVALID);
    }
}
END_TEST

TCase *conv_case(void) {
    KERNEL_CASE("conv");
    tcase_add_test(tcase, sizes_by_rule);
    tcase_add_test(tcase, edges);
    tcase_add_loop_test(tcase, large_shapes, 0, (int)PXS_COUNT(large));
    tcase_add_test(tcase, adjoint);
    tcase_add_test(tcase, linear);
    tcase_add_test(tcase, shifts_along);
    tcase_add_test(tcase, nan_spreads_to_its_neighbours);
    tcase_add_test(tcase, selects_by_name);
    return tcase;
}
