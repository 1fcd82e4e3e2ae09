/* The small jobs: tanh, copies, sums over pixels, normal numbers, Adam. */
#include "kernel_tests.h"

#include <math.h>
#include <string.h>

static const int counts[] = {1, 2, 3, 5, 31, 32, 33, 100, 1000, 4097, 70000};
static const int channels[] = {1, 3, 6, 8, 16, 17, 63, 64, 65, 100, 130};

START_TEST(tanh_gradient)
{
    random_start("tanh_gradient");
    for (size_t k = 0; k < PXS_COUNT(counts); k++) {
        size_t n = (size_t)counts[k];
        int shift = random_int(0, 3);
        float *y = buffer(n, shift), *dx = buffer(n, shift);
        fill_random(y, 1, n, 1, 1.0);
        fill_random(dx, 1, n, 1, 1.0);
        y[0] = 1.0f;
        y[n - 1] = -1.0f;
        freeze(y);
        double *want = widen(dx, 1, n, 1), *size = numbers(n);
        for (size_t i = 0; i < n; i++) {
            size[i] = fabs(want[i]); /* 1 - y*y: rounded at the size of 1 */
            want[i] *= 1.0 - (double)y[i] * (double)y[i];
        }
        struct pxs_kernel_context ctx = context(NULL, random_int(0, 3), 0);
        pxs_tanh_backward(&ctx, y, n, dx);
        tamper("tanh", dx, 1, n, 1);
        expect_close(dx, 1, n, 1, want, size, 3 * 0x1p-24, "tanh backward of %zu", n);
        buffers_done();
    }
}
END_TEST

START_TEST(copies)
{
    random_start("copies");
    for (int k = 0; k < 200; k++) {
        int c = RANDOM_OF(channels);
        size_t pixels = (size_t)random_int(0, 200), ld_src = (size_t)(c + random_int(0, 9)),
               ld_dst = (size_t)(c + random_int(0, 9));
        float *src = buffer(pixels * ld_src, random_int(0, 3)),
              *dst = buffer(pixels * ld_dst, random_int(0, 3));
        fill_random(src, ld_src, pixels, c, 1.0);
        freeze(src);
        double *want = widen(src, ld_src, pixels, c), *none = numbers(pixels * (size_t)c);
        struct pxs_kernel_context ctx = context(NULL, random_int(0, 3), 0);
        pxs_copy_channels(&ctx, src, ld_src, dst, ld_dst, pixels, c);
        tamper("copies", dst, ld_dst, pixels, c);
        expect_close(dst, ld_dst, pixels, c, want, none, 0, "copy of %zu pixels, %d channels",
                     pixels, c);
        buffers_done();
    }
}
END_TEST

/* dst += src; dst = max(0, src) and its gradient, overwritten or added. */
START_TEST(sums_and_rectified)
{
    random_start("sums_and_rectified");
    for (int k = 0; k < 200; k++) {
        const int c = RANDOM_OF(channels), what = k % 4;
        const size_t pixels = (size_t)random_int(0, 200), n = pixels * (size_t)c;
        const size_t ld_src = (size_t)(c + random_int(0, 9)), ld_y = (size_t)(c + random_int(0, 9)),
                     ld_dst = (size_t)(c + random_int(0, 9));
        float *src = buffer(pixels * ld_src, random_int(0, 3)),
              *y = buffer(pixels * ld_y, random_int(0, 3)),
              *dst = buffer(pixels * ld_dst, random_int(0, 3));
        fill_random(src, ld_src, pixels, c, 1.0);
        fill_random(y, ld_y, pixels, c, 1.0);
        fill_random(dst, ld_dst, pixels, c, 1.0);
        freeze(src);
        freeze(y);
        double *x = widen(src, ld_src, pixels, c), *mask = widen(y, ld_y, pixels, c),
               *want = widen(dst, ld_dst, pixels, c), *size = numbers(n);
        for (size_t i = 0; i < n; i++) {
            const double gated = mask[i] > 0 ? x[i] : 0;
            want[i] = what == 0   ? want[i] + x[i]
                      : what == 1 ? fmax(0, x[i])
                      : what == 2 ? gated
                                  : want[i] + gated;
            size[i] = fabs(want[i]);
        }
        struct pxs_kernel_context ctx = context(NULL, random_int(0, 3), 0);
        if (what == 0)
            pxs_add_channels(&ctx, src, ld_src, dst, ld_dst, pixels, c);
        else if (what == 1)
            pxs_rectify(&ctx, src, ld_src, dst, ld_dst, pixels, c);
        else
            pxs_rectify_backward(&ctx, y, ld_y, src, ld_src, dst, ld_dst, pixels, c, what == 3);
        tamper("sums", dst, ld_dst, pixels, c);
        expect_close(dst, ld_dst, pixels, c, want, size, 0x1p-23,
                     "case %d, %zu pixels, %d channels", what, pixels, c);
        buffers_done();
    }
}
END_TEST

START_TEST(pixel_sums)
{
    random_start("pixel_sums");
    for (int k = 0; k < 100; k++) {
        int c = RANDOM_OF(channels);
        size_t pixels = k % 10 ? (size_t)(RANDOM_OF(counts) % 5000) : 0;
        float *dx = buffer(pixels * (size_t)c, random_int(0, 3)),
              *sum = buffer((size_t)c, random_int(0, 3));
        fill_random(dx, 1, pixels * (size_t)c, 1, 1.0);
        freeze(dx);
        double *want = numbers((size_t)c), *size = numbers((size_t)c);
        for (size_t i = 0; i < pixels * (size_t)c; i++) {
            want[i % (size_t)c] += (double)dx[i];
            size[i % (size_t)c] += fabs((double)dx[i]);
        }
        struct pxs_kernel_context ctx = context(NULL, random_int(0, 3), 0);
        pxs_sum_pixels(&ctx, dx, pixels, c, sum);
        tamper("pixel_sums", sum, 1, (size_t)c, 1);
        expect_close(sum, 1, (size_t)c, 1, want, size, sum_slack(64),
                     "sum over %zu pixels of %d channels", pixels, c);
        buffers_done();
    }
}
END_TEST

/* Element i: the (i % 2)-th of the pair that Box-Muller makes of numbers i/2*2 and i/2*2+1 of the
 * stream. */
START_TEST(normal_numbers)
{
    random_start("normal_numbers");
    for (size_t k = 0; k < PXS_COUNT(counts); k++) {
        size_t n = (size_t)counts[k];
        uint64_t seed = (uint64_t)random_u32() << 32 | random_u32();
        uint32_t layer = random_u32() % 100;
        float *w = buffer(n, random_int(0, 3));
        struct pxs_kernel_context ctx = context(NULL, random_int(0, 3), 0);
        pxs_fill_normal(&ctx, seed, layer, 0.25f, 0.02f, n, w);
        tamper("normal", w, 1, n, 1);
        struct pxs_rng rng = pxs_rng_make(seed, PXS_STREAM_INIT, layer, 0);
        double *want = numbers(n + 1), *size = numbers(n + 1);
        for (size_t i = 0; i < n; i += 2) {
            /* 24 bits for the radius, rounded as floats are; two for the quarter, 22 for the place
             * in it, -pi/4 .. pi/4 */
            double u = (double)((float)(pxs_rng_u32(&rng) >> 8) + 0.5f) / 0x1p24;
            uint32_t b = pxs_rng_u32(&rng);
            double angle = acos(-1.0) / 2 *
                           ((b >> 30) + ((double)((b >> 8) & 0x3fffff) - 0x1p21 + 0.5) / 0x1p22);
            double r = sqrt(-2 * log(u));
            want[i] = 0.25 + 0.02 * r * cos(angle);
            want[i + 1] = 0.25 + 0.02 * r * sin(angle);
            size[i] = size[i + 1] = 0.25 + 0.02 * r;
        }
        expect_close(w, 1, n, 1, want, size, 4 * 0x1p-24, "%zu normal numbers", n);
        buffers_done();
    }
}
END_TEST

START_TEST(normal_moments)
{
    enum { N = 200000 };
    struct pxs_kernel_context ctx = context(NULL, 2, 0);
    float *w = buffer(N, 0), *other = buffer(N, 0);
    pxs_fill_normal(&ctx, 3, 1, 0.0f, 0.02f, N, w);
    double mean = 0, var = 0, skew = 0, kurt = 0, beyond = 0;
    for (int i = 0; i < N; i++) {
        double z = (double)w[i] / 0.02;
        mean += z / N;
        var += z * z / N;
        skew += z * z * z / N;
        kurt += z * z * z * z / N;
        beyond += (fabs(z) > 3.0) / (double)N;
    }
    ck_assert_double_eq_tol(mean, 0, 5 / sqrt(N));
    ck_assert_double_eq_tol(var, 1, 5 * sqrt(2.0 / N));
    ck_assert_double_eq_tol(skew, 0, 5 * sqrt(15.0 / N));
    ck_assert_double_eq_tol(kurt, 3, 5 * sqrt(96.0 / N));
    ck_assert_double_eq_tol(beyond, 0.0027, 0.0006);
    for (int k = 0; k < 3;
         k++) { /* other layer, other seed, other high half of the seed: uncorrelated */
        pxs_fill_normal(&ctx,
                        k == 0   ? 3
                        : k == 1 ? 4
                                 : 3 + ((uint64_t)1 << 32),
                        k == 0 ? 2 : 1, 0.0f, 0.02f, N, other);
        double corr = 0;
        for (int i = 0; i < N; i++)
            corr += (double)w[i] * (double)other[i] / (0.0004 * N);
        ck_assert_double_eq_tol(corr, 0, 5 / sqrt(N));
    }
}
END_TEST

/* torch's formula in double from f32 state, step by step; the state goes on in f32. */
static void adam_reference(const struct pxs_adam *o, double g, double *p, double *m, double *v) {
    *m = o->b1 * *m + (1 - o->b1) * g;
    *v = o->b2 * *v + (1 - o->b2) * g * g;
    *p -= o->lr / (1 - pow(o->b1, (double)o->t)) * *m /
          (sqrt(*v) / sqrt(1 - pow(o->b2, (double)o->t)) + 1e-8);
}

START_TEST(adam_formula)
{
    random_start("adam_formula");
    for (size_t k = 0; k < PXS_COUNT(counts); k++) {
        size_t n = (size_t)counts[k];
        int shift = random_int(0, 3);
        struct pxs_adam o = {.lr = 2e-4, .b1 = k % 2 ? 0.5 : 0.9, .b2 = 0.999};
        float *g = buffer(n, shift), *p = buffer(n, shift), *m = buffer(n, shift),
              *v = buffer(n, shift);
        fill_random(p, 1, n, 1, 0.05);
        memset(m, 0, n * sizeof *m);
        memset(v, 0, n * sizeof *v);
        struct pxs_kernel_context ctx = context(NULL, random_int(0, 3), 0);
        for (o.t = 1; o.t <= 4; o.t++) {
            fill_random(g, 1, n, 1, 1.0);
            for (size_t i = 0; i < n; i++) /* from far below eps to far above */
                g[i] *= ldexpf(1.0f, (int)(i % 70) - 60);
            double *wp = widen(p, 1, n, 1), *wm = widen(m, 1, n, 1), *wv = widen(v, 1, n, 1);
            double *sp = numbers(n), *sm = numbers(n), *sv = numbers(n);
            for (size_t i = 0; i < n; i++) {
                sm[i] = fabs(wm[i]) + fabs((double)g[i]);
                /* below that, f32 loses digits */
                sv[i] = wv[i] + (double)g[i] * (double)g[i] + 1e-30;
                sp[i] = fabs(wp[i]) + 16 * o.lr;
                adam_reference(&o, (double)g[i], &wp[i], &wm[i], &wv[i]);
            }
            pxs_adam_step(&ctx, &o, n, g, p, m, v);
            tamper("adam_m", m, 1, n, 1);
            tamper("adam_v", v, 1, n, 1);
            tamper("adam", p, 1, n, 1);
            expect_close(m, 1, n, 1, wm, sm, 4 * 0x1p-24, "adam m of %zu", n);
            expect_close(v, 1, n, 1, wv, sv, 6 * 0x1p-24, "adam v of %zu", n);
            expect_close(p, 1, n, 1, wp, sp, 2 * 0x1p-24, "adam p of %zu", n);
        }
        buffers_done();
    }
}
END_TEST

START_TEST(nothing_to_do)
{
    random_start("nothing_to_do");
    struct pxs_kernel_context ctx = context(NULL, 2, 0);
    float *none = buffer(0, 0);
    pxs_tanh_backward(&ctx, none, 0, none);
    pxs_fill_normal(&ctx, 1, 2, 0.0f, 1.0f, 0, none);
    pxs_copy_channels(&ctx, none, 0, none, 0, 5, 0);
    pxs_adam_step(&ctx, &(struct pxs_adam){.lr = 1, .b1 = 0.5, .b2 = 0.999, .t = 1}, 0, none, none,
                  none, none);
}
END_TEST

START_TEST(adam_edges)
{
    struct pxs_kernel_context ctx = context(NULL, 0, 0);
    struct pxs_adam o = {.lr = 1e-3, .b1 = 0.5, .b2 = 0.999, .t = 1};
    float g[4] = {0.0f, NAN, 1e-20f, 1.0f}, p[4] = {1, 1, 1, 1}, m[4] = {0}, v[4] = {0};
    pxs_adam_step(&ctx, &o, 0, NULL, NULL, NULL, NULL);
    pxs_adam_step(&ctx, &o, 4, g, p, m, v);
    ck_assert_float_eq(p[0], 1.0f); /* no gradient, no step */
    ck_assert_float_nan(p[1]);      /* shown, not hidden */
    ck_assert_float_eq(p[2], 1.0f);
    ck_assert_float_eq_tol(p[3], 1.0f - 1e-3f, 1e-7f); /* the first step is lr * sign(g) */
    o.lr = 0;
    o.t = 100000000; /* b1^t, b2^t are 0 */
    pxs_adam_step(&ctx, &o, 4, g, p, m, v);
    ck_assert_float_eq(p[0], 1.0f);
    ck_assert_float_eq_tol(p[3], 1.0f - 1e-3f, 1e-7f);
}
END_TEST

TCase *element_case(void) {
    KERNEL_CASE("element");
    tcase_add_test(tcase, tanh_gradient);
    tcase_add_test(tcase, copies);
    tcase_add_test(tcase, sums_and_rectified);
    tcase_add_test(tcase, pixel_sums);
    tcase_add_test(tcase, normal_numbers);
    tcase_add_test(tcase, normal_moments);
    tcase_add_test(tcase, adam_formula);
    tcase_add_test(tcase, nothing_to_do);
    tcase_add_test(tcase, adam_edges);
    return tcase;
}
