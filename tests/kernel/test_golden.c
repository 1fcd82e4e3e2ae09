/* Kernels against PyTorch's layers. Reordering between torch's layouts and ours is written out
 * here, apart from src/engine/nn's. */
#include "kernel_tests.h"

#include "golden/golden.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct golden *golden;

static void open_golden(void) {
    golden = golden_open("layers.golden");
}

static void close_golden(void) {
    golden_close(golden);
    buffers_done();
}

/* [N,C,H,W] numbers of that name as NHWC. */
static float *input(const char *layer, const char *what, int n, int c, int pixels, float scale) {
    char name[64];
    snprintf(name, sizeof name, "%s/%s", layer, what);
    size_t count = (size_t)(n * c * pixels);
    float *nchw = buffer(count, 0), *nhwc = buffer(count, 0);
    golden_numbers(name, scale, count, nchw);
    golden_to_nhwc(nchw, (size_t)n, (size_t)c, (size_t)pixels, nhwc, (size_t)c);
    return nhwc;
}

/* got [N,H,W,C] against the stored [N,C,H,W]: off by at most slack * the largest value. */
static void expect_layer(const float *got, int n, int c, int pixels, const char *layer,
                         const char *what, double slack) {
    const double *want = golden_get(golden, (size_t)(n * c * pixels), "%s/%s", layer, what);
    double largest = 0;
    for (int i = 0; i < n * c * pixels; i++)
        largest = fmax(largest, fabs(want[i]));
    for (int i = 0; i < n; i++)
        for (int k = 0; k < c; k++)
            for (int p = 0; p < pixels; p++) {
                double w = want[(i * c + k) * pixels + p],
                       g = (double)got[(i * pixels + p) * c + k];
                ck_assert_msg(fabs(g - w) <= slack * largest,
                              "%s/%s: image %d channel %d pixel %d is %.9g, torch says %.9g", layer,
                              what, i, k, p, g, w);
            }
}

/* torch [A,B,4,4] -> ours: [tap][B][A] for the stride-2 layers, [B][tap][A] for heads; and the
 * comparison of a gradient. */
static size_t weight_at(bool head, int a, int b, int tap, int da, int db) {
    return (size_t)((head ? b * 16 + tap : tap * db + b) * da + a);
}

static float *weight_of(const char *layer, bool head, int da, int db, float scale) {
    char name[64];
    snprintf(name, sizeof name, "%s/w", layer);
    float *w = buffer((size_t)(da * db * 16), 0);
    for (int i = 0; i < da * db * 16; i++)
        w[weight_at(head, i / 16 / db, i / 16 % db, i % 16, da, db)] =
            golden_number(name, (size_t)i) * scale;
    return w;
}

static void expect_weight(const float *got, const char *layer, bool head, int da, int db) {
    const double *want = golden_get(golden, (size_t)(da * db * 16), "%s/dw", layer);
    double largest = 0;
    for (int i = 0; i < da * db * 16; i++)
        largest = fmax(largest, fabs(want[i]));
    for (int i = 0; i < da * db * 16; i++) {
        double g = (double)got[weight_at(head, i / 16 / db, i / 16 % db, i % 16, da, db)];
        ck_assert_msg(fabs(g - want[i]) <= 1e-6 * largest,
                      "%s/dw: element %d is %.9g, torch says %.9g", layer, i, g, want[i]);
    }
}

struct conv_case {
    const char *name;
    bool transposed;
    struct pxs_conv_shape s;
};
static const struct conv_case convs[] = {
    {"conv", false, HALVING(2, 4, 6, 3, 5)},
    {"conv_deep", false, HALVING(3, 2, 1, 17, 20)},
    {"conv_t", true, HALVING(2, 3, 4, 3, 5)},
    {"conv_t_deep", true, HALVING(3, 2, 1, 17, 20)},
};

START_TEST(convolutions)
{
    const struct conv_case *t = &convs[_i];
    const struct pxs_conv_shape *s = &t->s;
    int small = s->h * s->w, big = 4 * small;
    const struct pxs_kernels *set;
    for (size_t k = 0; (set = kernel_set(k)); k++) {
        struct pxs_kernel_context ctx = context(set, 2, pxs_kernels_scratch(set, s, 0, 2));
        float *w = weight_of(t->name, false, s->cs, s->cb, 1.0f),
              *dw = buffer((size_t)(16 * s->cb * s->cs), 0);
        float *of_big = buffer((size_t)(s->n * big * s->cb), 0),
              *of_small = buffer((size_t)(s->n * small * s->cs), 0);
        size_t ld_big = (size_t)s->cb, ld_small = (size_t)s->cs;
        float *on_big = input(t->name, t->transposed ? "dy" : "x", s->n, s->cb, big, 1.0f);
        float *on_small = input(t->name, t->transposed ? "x" : "dy", s->n, s->cs, small, 1.0f);
        pxs_conv_down(&ctx, s, on_big, ld_big, w, of_small, ld_small);
        pxs_conv_up(&ctx, s, on_small, ld_small, w, of_big, ld_big, false);
        pxs_conv_weight(&ctx, s, on_big, ld_big, on_small, ld_small, dw);
        expect_layer(of_small, s->n, s->cs, small, t->name, t->transposed ? "dx" : "y", 1e-6);
        expect_layer(of_big, s->n, s->cb, big, t->name, t->transposed ? "y" : "dx", 1e-6);
        expect_weight(dw, t->name, false, s->cs, s->cb);
    }
}
END_TEST

START_TEST(heads)
{
    for (int up = 0; up < 2; up++) {
        const char *name = up ? "head_up" : "head_patch";
        struct pxs_head_shape s = up ? (struct pxs_head_shape){2, 4, 5, 6, 3, 2}
                                     : (struct pxs_head_shape){2, 4, 3, 9, 1, 1};
        int pixels = s.h * s.w, out = pixels * s.scale * s.scale;
        struct pxs_kernel_context ctx =
            context(kernel_set(0), 2, pxs_head_scratch(kernel_set(0), &s, 2));
        float *x = input(name, "x", s.n, s.c, pixels, 1.0f),
              *w = weight_of(name, true, s.co, s.c, up ? 0.125f : 1.0f), bias[3];
        float *y = buffer((size_t)(s.n * out * s.co), 0),
              *dy = input(name, "dy", s.n, s.co, out, 1.0f);
        float *dx = buffer((size_t)(s.n * pixels * s.c), 0),
              *dw = buffer((size_t)(s.co * s.c * 16), 0), dbias[3];
        golden_numbers("head_up/b", 1.0f, 3, bias);
        pxs_head_forward(&ctx, &s, x, (size_t)s.c, w, up ? bias : NULL, up, y);
        expect_layer(y, s.n, s.co, out, name, "y", 1e-6);
        if (up)
            pxs_tanh_backward(&ctx, y, (size_t)(s.n * out * s.co), dy);
        pxs_head_backward(&ctx, &s, x, (size_t)s.c, w, dy, dx, (size_t)s.c, dw);
        expect_layer(dx, s.n, s.c, pixels, name, "dx", 1e-6);
        expect_weight(dw, name, true, s.co, s.c);
        if (!up)
            continue;
        pxs_sum_pixels(&ctx, dy, (size_t)(s.n * out), s.co, dbias);
        expect_layer(dbias, 1, s.co, 1, name, "db", 1e-6);
    }
}
END_TEST

struct block_case {
    const char *name;
    struct pxs_block_shape s;
    double p;
};
static const struct block_case block_cases[] = {
    {"norm_leaky", {2, 24, 5, NORM(0.2f)}, 0},
    {"norm_relu", {2, 9, 5, NORM(0.0f)}, 0},
    {"leaky", {2, 9, 5, PLAIN(0.2f)}, 0},
    {"bias_leaky", {2, 9, 5, PLAIN(0.2f)}, 0},
    {"norm_leaky_dropout_0.5", {2, 35, 5, NORM(0.2f)}, 0.5},
    {"norm_leaky_dropout_0.3", {2, 35, 5, NORM(0.2f)}, 0.3},
};

START_TEST(blocks)
{
    const struct block_case *t = &block_cases[_i];
    const struct pxs_block_shape *s = &t->s;
    size_t count = (size_t)(s->n * s->hw * s->c);
    struct pxs_kernel_context ctx = context(NULL, 2, pxs_block_scratch(s));
    struct pxs_dropout drop = {
        .p = t->p, .seed = 9 + ((uint64_t)5 << 32), .stream = PXS_STREAM_DROPOUT, .a = 3, .b = 6};
    float *x = input(t->name, "x", s->n, s->c, s->hw, 1.0f),
          *dy = input(t->name, "dy", s->n, s->c, s->hw, 1.0f);
    float bias[5], dbias[5], stats[20], *y = buffer(count, 0), *dx = buffer(count, 0);
    uint8_t *mask = byte_buffer(count);
    bool has_bias = !strcmp(t->name, "bias_leaky");
    golden_numbers("bias_leaky/b", 1.0f, 5, bias);
    for (size_t i = 0; _i == 0 && i < count; i++)
        x[i] += 4.0f * golden_number("norm_leaky/shift", i % 5);
    pxs_block_forward(&ctx, s, NULL, &drop, x, has_bias ? bias : NULL, stats, mask, y,
                      (size_t)s->c);
    expect_layer(y, s->n, s->c, s->hw, t->name, "y", 1e-6);
    pxs_block_backward(&ctx, s, NULL, t->p, x, stats, mask, y, (size_t)s->c, dy, (size_t)s->c, dx);
    expect_layer(dx, s->n, s->c, s->hw, t->name, "dx", 3e-6);
    pxs_sum_pixels(&ctx, dx, (size_t)(s->n * s->hw), s->c, dbias);
    if (has_bias)
        expect_layer(dbias, 1, s->c, 1, t->name, "db", 1e-6);
}
END_TEST

START_TEST(batch_norm)
{
    const struct pxs_block_shape s = {3, 8, 5, BATCH_NORM(0.2f, 1)};
    struct pxs_kernel_context ctx = context(NULL, 2, pxs_block_scratch(&s));
    float gamma[5], beta[5], dgamma[5], dbeta[5], stats[15], mean[5] = {0},
                                                             var[5] = {1, 1, 1, 1, 1};
    float *y = buffer(120, 0), *dx = buffer(120, 0), *dy = input("batch_norm", "dy", 3, 5, 8, 1.0f);
    const struct pxs_batch_norm
        train = {.gamma = gamma, .beta = beta, .dgamma = dgamma, .dbeta = dbeta},
        evaluate = {.gamma = gamma, .beta = beta, .running_mean = mean, .running_var = var};
    golden_numbers("batch_norm/gamma", 1.0f, 5, gamma);
    golden_numbers("batch_norm/beta", 1.0f, 5, beta);
    float *x = input("batch_norm", "x", 3, 5, 8, 1.0f),
          *x2 = input("batch_norm", "x2", 3, 5, 8, 1.0f);
    pxs_block_forward(&ctx, &s, &train, NULL, x, NULL, stats, NULL, y, 5);
    expect_layer(y, 3, 5, 8, "batch_norm", "y", 1e-6);
    pxs_block_backward(&ctx, &s, &train, 0, x, stats, NULL, y, 5, dy, 5, dx);
    expect_layer(dx, 3, 5, 8, "batch_norm", "dx", 3e-6);
    expect_layer(dgamma, 1, 5, 1, "batch_norm", "dgamma", 1e-6);
    expect_layer(dbeta, 1, 5, 1, "batch_norm", "dbeta", 1e-6);
    pxs_batch_norm_track(&s, stats, mean, var);
    pxs_block_forward(&ctx, &s, &train, NULL, x2, NULL, stats, NULL, y, 5);
    pxs_batch_norm_track(&s, stats, mean, var);
    expect_layer(mean, 1, 5, 1, "batch_norm", "mean", 1e-6);
    expect_layer(var, 1, 5, 1, "batch_norm", "var", 1e-6);
    pxs_block_forward(&ctx, &s, &evaluate, NULL, x, NULL, stats, NULL, y, 5);
    expect_layer(y, 3, 5, 8, "batch_norm", "eval", 1e-6);
}
END_TEST

/* As junyanz's networks end. */
START_TEST(bias_and_tanh)
{
    const struct pxs_block_shape s = {2, 9, 3, PXS_NORM_NONE, PXS_ACTIVATION_TANH, 0, 0};
    struct pxs_kernel_context ctx = context(NULL, 2, 0);
    float bias[3], dbias[3], *x = input("bias_tanh", "x", 2, 3, 9, 1.0f), *y = buffer(54, 0),
                             *dy = input("bias_tanh", "dy", 2, 3, 9, 1.0f), *dx = buffer(54, 0);
    golden_numbers("bias_tanh/b", 1.0f, 3, bias);
    pxs_block_forward(&ctx, &s, NULL, NULL, x, bias, NULL, NULL, y, 3);
    expect_layer(y, 2, 3, 9, "bias_tanh", "y", 1e-6);
    pxs_block_backward(&ctx, &s, NULL, 0, x, NULL, NULL, y, 3, dy, 3, dx);
    expect_layer(dx, 2, 3, 9, "bias_tanh", "dx", 1e-6);
    pxs_sum_pixels(&ctx, dx, 18, 3, dbias);
    expect_layer(dbias, 1, 3, 1, "bias_tanh", "db", 1e-6);
}
END_TEST

START_TEST(concatenation)
{ /* [up, skip] side by side in a wider pixel */
    struct pxs_kernel_context ctx = context(NULL, 0, 0);
    float *up = input("concat", "up", 2, 3, 4, 1.0f),
          *skip = input("concat", "skip", 2, 5, 4, 1.0f), *y = buffer(64, 0);
    float *dy = input("concat", "dy", 2, 8, 4, 1.0f), *dup = buffer(24, 0), *dskip = buffer(40, 0);
    pxs_copy_channels(&ctx, up, 3, y, 8, 8, 3);
    pxs_copy_channels(&ctx, skip, 5, y + 3, 8, 8, 5);
    expect_layer(y, 2, 8, 4, "concat", "y", 0);
    pxs_copy_channels(&ctx, dy, 8, dup, 3, 8, 3);
    pxs_copy_channels(&ctx, dy + 3, 8, dskip, 5, 8, 5);
    expect_layer(dup, 2, 3, 4, "concat", "dup", 0);
    expect_layer(dskip, 2, 5, 4, "concat", "dskip", 0);
}
END_TEST

START_TEST(tanh_alone)
{
    struct pxs_kernel_context ctx = context(NULL, 0, 0);
    float *y = buffer(100, 0), *dx = buffer(100, 0);
    const double *want = golden_get(golden, 100, "tanh/y");
    golden_numbers("tanh/dy", 1.0f, 100, dx);
    for (int i = 0; i < 100; i++)
        y[i] = (float)want[i];
    pxs_tanh_backward(&ctx, y, 100, dx);
    expect_layer(dx, 1, 100, 1, "tanh", "dx", 3e-7);
}
END_TEST

START_TEST(losses)
{
    struct pxs_kernel_context ctx = context(NULL, 0, 0);
    float x[210], y[210], dx[210];
    for (int k = 0; k < 4; k++) {
        static const char *const names[] = {"mse_0", "mse_1", "bce_0", "bce_1"};
        golden_numbers(k < 2 ? "mse/x" : "bce/x", 4.0f, 70, x);
        double got = k < 2 ? pxs_mse_constant(&ctx, x, 70, (float)(k % 2), 0.5f, dx)
                           : pxs_bce_constant(&ctx, x, 70, (float)(k % 2), 0.5f, dx);
        double want = *golden_get(golden, 1, "%s/value", names[k]);
        ck_assert_double_eq_tol(got, want, 1e-7 * want);
        expect_layer(dx, 1, 70, 1, names[k], "dx", 2e-7);
    }
    golden_numbers("hinge/x", 4.0f, 70, x);
    for (int k = 0; k < 3; k++) {
        static const char *const names[] = {"hinge_real", "hinge_fake", "hinge_G"};
        double got = k == 2 ? pxs_negative_mean(&ctx, x, 70, 0.5f, dx)
                            : pxs_hinge(&ctx, x, 70, k ? -1.0f : 1.0f, 0.5f, dx);
        double want = *golden_get(golden, 1, "%s/value", names[k]);
        ck_assert_double_eq_tol(got, want, 1e-7 * fabs(want));
        expect_layer(dx, 1, 70, 1, names[k], "dx", 1e-7);
    }
    golden_numbers("l1/x", 1.0f, 210, x);
    golden_numbers("l1/y", 1.0f, 210, y);
    for (int i = 0; i < 210; i += 10)
        x[i] = y[i];
    double got = pxs_l1(&ctx, x, y, 210, 10.0f, dx, false),
           want = *golden_get(golden, 1, "l1/value");
    ck_assert_double_eq_tol(got, want, 1e-7 * want);
    expect_layer(dx, 1, 210, 1, "l1", "dx", 1e-7);
}
END_TEST

START_TEST(adam_five_steps)
{
    enum { N = 200 };
    struct pxs_kernel_context ctx = context(NULL, 0, 0);
    struct pxs_adam o = {.lr = 2e-4, .b1 = 0.5, .b2 = 0.999};
    float p[N], g[N], m[N] = {0}, v[N] = {0};
    golden_numbers("adam/p", 0.0625f, N, p);
    for (o.t = 1; o.t <= 5; o.t++) {
        char name[16];
        snprintf(name, sizeof name, "adam/g%d", (int)o.t);
        for (int i = 0; i < N; i++)
            g[i] = i % 50 ? ldexpf(golden_number(name, (size_t)i), -(i % 36)) : 0.0f;
        pxs_adam_step(&ctx, &o, N, g, p, m, v);
        const double *want = golden_get(golden, N, "adam/p%d", (int)o.t);
        for (int i = 0; i < N; i++) /* a rounding of p and a few of the step, each time */
            ck_assert_double_eq_tol((double)p[i], want[i],
                                    (double)o.t * (0x1p-24 * 0.0625 + 6 * 0x1p-24 * o.lr));
    }
    const double *want_m = golden_get(golden, N, "adam/m5"),
                 *want_v = golden_get(golden, N, "adam/v5");
    for (int i = 0; i < N; i++) {
        double size = ldexp(1.0, -(i % 36));
        ck_assert_double_eq_tol((double)m[i], want_m[i], 4e-7 * size);
        ck_assert_double_eq_tol((double)v[i], want_v[i], 4e-7 * 1e-2 * size * size);
    }
}
END_TEST

TCase *golden_case(void) {
    TCase *tcase = tcase_create("golden");
    tcase_add_checked_fixture(tcase, open_golden, close_golden);
    tcase_add_loop_test(tcase, convolutions, 0, (int)PXS_COUNT(convs));
    tcase_add_test(tcase, heads);
    tcase_add_loop_test(tcase, blocks, 0, (int)PXS_COUNT(block_cases));
    tcase_add_test(tcase, batch_norm);
    tcase_add_test(tcase, bias_and_tanh);
    tcase_add_test(tcase, concatenation);
    tcase_add_test(tcase, tanh_alone);
    tcase_add_test(tcase, losses);
    tcase_add_test(tcase, adam_five_steps);
    return tcase;
}
