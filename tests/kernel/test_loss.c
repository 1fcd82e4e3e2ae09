/* Losses and their gradients: formulas in double, differences, extremes, NaN. */
#include "kernel_tests.h"

#include <float.h>
#include <math.h>

enum kind { MSE, BCE, L1, HINGE, NEGATIVE_MEAN, KINDS };
static const char *const kind_names[] = {"mse", "bce", "l1", "hinge", "negative_mean"};

/* y of a hinge is 0 or 1, as everywhere here: its sign. */
static double sign_of(double y) {
    return y > 0 ? 1 : -1;
}

static double softplus(double x) {
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

/* The loss of one number against y. */
static double value(enum kind kind, double x, double y) {
    if (kind == MSE)
        return (x - y) * (x - y);
    if (kind == L1)
        return fabs(x - y);
    if (kind == HINGE)
        return fmax(0, 1 - sign_of(y) * x);
    if (kind == NEGATIVE_MEAN)
        return -x;
    return y * softplus(-x) + (1 - y) * softplus(x); /* -y log s(x) - (1-y) log(1 - s(x)) */
}

static double slope(enum kind kind, double x, double y) {
    if (kind == MSE)
        return 2 * (x - y);
    if (kind == L1)
        return x > y ? 1 : x < y ? -1 : 0;
    if (kind == HINGE)
        return 1 - sign_of(y) * x > 0 ? -sign_of(y) : 0;
    if (kind == NEGATIVE_MEAN)
        return -1;
    return 1 / (1 + exp(-x)) - y;
}

static double run(const struct pxs_kernel_context *ctx, enum kind kind, const float *x,
                  const float *target, size_t n, float label, float weight, float *dx) {
    if (kind == MSE)
        return pxs_mse_constant(ctx, x, n, label, weight, dx);
    if (kind == BCE)
        return pxs_bce_constant(ctx, x, n, label, weight, dx);
    if (kind == HINGE)
        return pxs_hinge(ctx, x, n, (float)sign_of((double)label), weight, dx);
    if (kind == NEGATIVE_MEAN)
        return pxs_negative_mean(ctx, x, n, weight, dx);
    return pxs_l1(ctx, x, target, n, weight, dx, false);
}

START_TEST(formulas_against_differences)
{
    random_start("formulas_against_differences");
    for (int kind = 0; kind < KINDS; kind++)
        for (int i = 0; i < 200; i++) {
            double x = 4 * random_unit(),
                   y = kind == L1 ? random_unit() : (double)(random_u32() & 1), h = 1e-5;
            if ((kind == L1 && fabs(x - y) < 2 * h) ||
                (kind == HINGE && fabs(1 - sign_of(y) * x) < 2 * h))
                continue;
            double want = (value(kind, x + h, y) - value(kind, x - h, y)) / (2 * h);
            ck_assert_double_eq_tol(slope(kind, x, y), want, 1e-6 * (1 + fabs(want)));
        }
}
END_TEST

static const int counts[] = {1, 2, 3, 5, 31, 32, 33, 100, 1000, 4097, 70000};

START_TEST(against_formulas)
{
    random_start("losses_against_formulas");
    for (int k = 0; k < KINDS * (int)PXS_COUNT(counts) * 2; k++) {
        enum kind kind = (enum kind)(k % KINDS);
        size_t n = (size_t)counts[k / KINDS % (int)PXS_COUNT(counts)];
        int shift = random_int(0, 3);
        float *x = buffer(n, shift), *target = buffer(n, shift), *dx = buffer(n, shift),
              label = (float)(random_u32() & 1);
        float weight = (float)(random_unit() * 10);
        fill_random(x, 1, n, 1, ldexp(1.0, random_int(-4, 4)));
        fill_random(target, 1, n, 1, 1.0);
        freeze(x);
        freeze(target);
        double *want = numbers(n), *size = numbers(n), sum = 0, sum_size = 0;
        for (size_t i = 0; i < n; i++) {
            double y = kind == L1 ? (double)target[i] : (double)label;
            sum += value(kind, (double)x[i], y);
            /* x - y rounds once */
            sum_size += fabs((double)x[i]) + fabs(y) + fabs(value(kind, (double)x[i], y));
            want[i] = (double)weight * slope(kind, (double)x[i], y) / (double)n;
            size[i] = fabs(want[i]) + (kind == BCE ? 1e-9 * fabs((double)weight) / (double)n : 0);
        }
        struct pxs_kernel_context ctx = context(NULL, random_int(0, 3), 0);
        double got = run(&ctx, kind, x, target, n, label, weight, dx);
        tamper(kind_names[kind], dx, 1, n, 1);
        ck_assert_msg(fabs(got - sum / (double)n) <= 3 * 0x1p-24 * sum_size / (double)n,
                      "%s of %zu: %.17g, not %.17g (seed %llu)", kind_names[kind], n, got,
                      sum / (double)n, (unsigned long long)test_seed());
        expect_close(dx, 1, n, 1, want, size, 5 * 0x1p-24, "%s gradient of %zu", kind_names[kind],
                     n);
        double alone = run(&ctx, kind, x, target, n, label, weight, NULL);
        expect_same(&alone, &got, sizeof got, "%s without a gradient", kind_names[kind]);
        buffers_done();
    }
}
END_TEST

/* What is added to a gradient that stands there is the one that overwrites it. */
START_TEST(l1_accumulates)
{
    random_start("l1_accumulates");
    for (size_t k = 0; k < PXS_COUNT(counts); k++) {
        size_t n = (size_t)counts[k];
        float *x = buffer(n, 1), *target = buffer(n, 2), *dx = buffer(n, 3), *sum = buffer(n, 0);
        fill_random(x, 1, n, 1, 1.0);
        fill_random(target, 1, n, 1, 1.0);
        fill_random(sum, 1, n, 1, 1.0);
        struct pxs_kernel_context ctx = context(NULL, random_int(0, 3), 0);
        double want = pxs_l1(&ctx, x, target, n, 7.0f, dx, false);
        for (size_t i = 0; i < n; i++)
            dx[i] = sum[i] + dx[i];
        double got = pxs_l1(&ctx, x, target, n, 7.0f, sum, true);
        expect_same(&got, &want, sizeof want, "l1 of %zu", n);
        expect_same(sum, dx, n * sizeof *dx, "l1 gradient of %zu, added", n);
        buffers_done();
    }
}
END_TEST

START_TEST(extreme_logits)
{
    float x[] = {1e30f, -1e30f, FLT_MAX, -FLT_MAX, 100.0f, -100.0f, 1000.0f, 0.0f, -0.0f, 1e-30f},
          dx[10];
    struct pxs_kernel_context ctx = context(NULL, 0, 0);
    for (int label = 0; label < 2; label++)
        for (size_t i = 0; i < PXS_COUNT(x); i++) {
            double got = pxs_bce_constant(&ctx, &x[i], 1, (float)label, 1.0f, dx);
            double want = value(BCE, (double)x[i], label);
            ck_assert_msg(isfinite(got) && got >= 0, "bce(%g, %d) = %g", (double)x[i], label, got);
            ck_assert_double_eq_tol(got, want, 1e-12 * (want + fabs((double)x[i])));
            ck_assert_float_eq_tol(dx[0], (float)slope(BCE, (double)x[i], label), 1e-7f);
        }
    ck_assert_double_eq_tol(pxs_bce_constant(&ctx, x + 7, 1, 1.0f, 1.0f, NULL), log(2), 1e-15);
}
END_TEST

START_TEST(equal_has_no_gradient)
{
    float x[] = {0.0f, -0.0f, 1.0f, -1.0f, 0.1f}, y[] = {-0.0f, 0.0f, 1.0f, -1.0f, 0.1f}, dx[5];
    struct pxs_kernel_context ctx = context(NULL, 0, 0);
    ck_assert_double_eq(pxs_l1(&ctx, x, y, 5, 10.0f, dx, false), 0.0);
    for (int i = 0; i < 5; i++)
        ck_assert_float_eq(dx[i], 0.0f);
    float above = nextafterf(0.1f, 1.0f);
    ck_assert_double_gt(pxs_l1(&ctx, &above, y + 4, 1, 10.0f, dx, false), 0.0);
    ck_assert_float_eq(dx[0], 10.0f);
    ck_assert_double_eq(pxs_mse_constant(&ctx, x + 2, 1, 1.0f, 1.0f, dx), 0.0);
    ck_assert_float_eq(dx[0], 0.0f);
}
END_TEST

START_TEST(nan_and_infinity_show)
{
    random_start("losses_nan");
    struct pxs_kernel_context ctx = context(NULL, 2, 0);
    enum { N = 1000 };
    float *x = buffer(N, 0), *target = buffer(N, 0), *dx = buffer(N, 0);
    for (int kind = 0; kind < KINDS; kind++)
        for (int at = 0; at < N; at += 333)
            for (int infinite = 0; infinite < 2; infinite++) {
                fill_random(x, 1, N, 1, 1.0);
                fill_random(target, 1, N, 1, 1.0);
                x[at] = infinite ? INFINITY : NAN;
                double got = run(&ctx, (enum kind)kind, x, target, N, 0.0f, 1.0f, dx);
                ck_assert_msg(infinite ? !isfinite(got) : isnan(got), "%s: %g", kind_names[kind],
                              got);
                for (int i = 0; i < N; i++)
                    ck_assert(infinite || kind == NEGATIVE_MEAN || !isnan(dx[i]) == (i != at));
                x[at] = 0.5f;
                target[at] = NAN;
                ck_assert(kind != L1 || isnan(run(&ctx, L1, x, target, N, 0.0f, 1.0f, dx)));
                ck_assert(kind != L1 || isnan(dx[at]));
            }
}
END_TEST

TCase *loss_case(void) {
    KERNEL_CASE("loss");
    tcase_add_test(tcase, formulas_against_differences);
    tcase_add_test(tcase, against_formulas);
    tcase_add_test(tcase, l1_accumulates);
    tcase_add_test(tcase, extreme_logits);
    tcase_add_test(tcase, equal_has_no_gradient);
    tcase_add_test(tcase, nan_and_infinity_show);
    return tcase;
}
