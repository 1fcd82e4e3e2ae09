/* Layers with torch's weights against PyTorch: forward, backward, and the gradients that the
 * optimiser gets. */
#include "nn_tests.h"

#include "golden/golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct golden *golden;

static void open_golden(void) {
    golden = golden_open("layers.golden");
}

static void close_golden(void) {
    golden_close(golden);
}

static float *floats(size_t n) {
    float *p = pxs_aligned_alloc(n * sizeof *p);
    ck_assert_ptr_nonnull(p);
    memset(p, 0xff, n * sizeof *p); /* NaN: what is not written shows */
    return p;
}

/* [N,C,H,W] numbers of that name as [N,H,W,C] with ld floats a pixel. */
static float *input(const char *layer, const char *what, int n, int c, int pixels, size_t ld) {
    char name[64];
    snprintf(name, sizeof name, "%s/%s", layer, what);
    size_t count = (size_t)(n * c * pixels);
    float *nchw = floats(count), *nhwc = floats((size_t)(n * pixels) * ld);
    golden_numbers(name, 1.0f, count, nchw);
    golden_to_nhwc(nchw, (size_t)n, (size_t)c, (size_t)pixels, nhwc, ld);
    pxs_aligned_free(nchw);
    return nhwc;
}

/* got - before [N,H,W,C] against the stored [N,C,H,W]. */
static void expect_layer(const float *got, size_t ld, double before, int n, int c, int pixels,
                         const char *layer, const char *what) {
    const double *want = golden_get(golden, (size_t)(n * c * pixels), "%s/%s", layer, what);
    double largest = before;
    for (int i = 0; i < n * c * pixels; i++)
        largest = fmax(largest, fabs(want[i]));
    for (int i = 0; i < n * c * pixels; i++) {
        int image = i / pixels / c, k = i / pixels % c, p = i % pixels;
        double g = (double)got[(size_t)(image * pixels + p) * ld + (size_t)k] - before;
        ck_assert_msg(fabs(g - want[i]) <= 1e-6 * largest,
                      "%s/%s: element %d is %.9g, torch says %.9g", layer, what, i, g, want[i]);
    }
}

static void set_weight(struct pxs_weight *w, const char *layer, float scale) {
    char name[64];
    snprintf(name, sizeof name, "%s/w", layer);
    float *torch = floats(w->count);
    golden_numbers(name, scale, w->count, torch);
    pxs_weight_from_torch(w, torch, w->value);
    pxs_aligned_free(torch);
}

/* The gradient that comes by is the stored one; the value is still the one of forward. */
static void check_gradient(void *user, const struct pxs_weight *w, const float *grad) {
    const char *layer = user;
    const double *want =
        golden_get(golden, w->count, "%s/%s", layer, w->kind == PXS_WEIGHT_BIAS ? "db" : "dw");
    float *torch = floats(w->count);
    double largest = 0;
    pxs_weight_to_torch(w, grad, torch);
    for (size_t i = 0; i < w->count; i++)
        largest = fmax(largest, fabs(want[i]));
    for (size_t i = 0; i < w->count; i++)
        ck_assert_msg(fabs((double)torch[i] - want[i]) <= 1e-6 * largest,
                      "%s: gradient %zu of %s is %.9g, torch says %.9g", layer, i, w->name,
                      (double)torch[i], want[i]);
    pxs_aligned_free(torch);
}

struct conv_case {
    const char *name;
    bool transposed;
    int n, h, w, cb, cs; /* h, w: of the small side */
};
static const struct conv_case convs[] = {{"conv", false, 2, 4, 6, 3, 5},
                                         {"conv_deep", false, 3, 2, 1, 17, 20},
                                         {"conv_t", true, 2, 3, 4, 3, 5},
                                         {"conv_t_deep", true, 3, 2, 1, 17, 20}};

START_TEST(convolutions)
{
    const struct conv_case *t = &convs[_i];
    struct pxs_layer c;
    pxs_layer_describe(&c, &(struct pxs_layer_spec){.name = "some",
                                                    .kind = t->transposed ? PXS_LAYER_CONV_TRANSPOSE
                                                                          : PXS_LAYER_CONV,
                                                    .kernel = 4,
                                                    .stride = 2,
                                                    .padding = 1,
                                                    .upsample = 1,
                                                    .c_in = t->transposed ? t->cs : t->cb,
                                                    .c_out = t->transposed ? t->cb : t->cs,
                                                    .h = t->transposed ? 2 * t->h : t->h,
                                                    .w = t->transposed ? 2 * t->w : t->w,
                                                    .in_h = t->transposed ? t->h : 2 * t->h,
                                                    .in_w = t->transposed ? t->w : 2 * t->w});
    ck_assert_int_eq(pxs_layer_init(&c, true, NULL), PXS_OK);
    ck_assert_str_eq(c.weight.name, "some.weight");
    ck_assert_str_eq(c.bias.name, "");
    ck_assert_int_eq(c.weight.fan_in, 16 * c.spec.c_in);
    ck_assert(c.weight.rank == 4 && c.weight.dims[0] == t->cs && c.weight.dims[1] == t->cb &&
              c.weight.dims[2] == 4 && c.weight.dims[3] == 4);
    struct pxs_nn nn = nn_make(c.weight.count);
    nn_scratch(&nn, pxs_layer_scratch(&nn.kernel, &c.spec, t->n));
    nn.on_gradient = check_gradient;
    nn.user = (void *)t->name;
    set_weight(&c.weight, t->name, 1.0f);
    int small = t->h * t->w, big = 4 * small, cx = t->transposed ? t->cs : t->cb,
        cy = t->transposed ? t->cb : t->cs;
    int px = t->transposed ? small : big, py = t->transposed ? big : small;
    size_t ld_x = (size_t)cx + 2, ld_y = (size_t)cy + 3;
    float *x = input(t->name, "x", t->n, cx, px, ld_x),
          *dy = input(t->name, "dy", t->n, cy, py, ld_y);
    float *y = floats((size_t)(t->n * py) * ld_y), *dx = floats((size_t)(t->n * px) * ld_x);
    if (t->transposed) {
        pxs_conv_transpose_forward(&nn, &c, t->n, x, ld_x, y, ld_y);
        pxs_conv_transpose_backward(&nn, &c, t->n, dy, ld_y, dx, ld_x);
        pxs_conv_transpose_update(&nn, &c, t->n, x, ld_x, dy, ld_y);
    } else {
        pxs_conv_forward(&nn, &c, t->n, x, ld_x, y, ld_y);
        pxs_conv_backward(&nn, &c, t->n, dy, ld_y, dx, ld_x, false);
        expect_layer(dx, ld_x, 0, t->n, cx, px, t->name, "dx");
        for (size_t i = 0; i < (size_t)(t->n * px) * ld_x; i++)
            dx[i] = 1.0f;
        pxs_conv_backward(&nn, &c, t->n, dy, ld_y, dx, ld_x, true);
        pxs_conv_update(&nn, &c, t->n, x, ld_x, dy, ld_y);
    }
    expect_layer(y, ld_y, 0, t->n, cy, py, t->name, "y");
    expect_layer(dx, ld_x, t->transposed ? 0 : 1, t->n, cx, px, t->name, "dx");
    ck_assert(c.weight.m[5 * t->cb * t->cs] !=
              0); /* tap (1,1) always meets something: the optimiser was here */
    float *all[] = {x, y, dx, dy};
    for (size_t i = 0; i < PXS_COUNT(all); i++)
        pxs_aligned_free(all[i]);
    pxs_layer_finish(&c);
    pxs_layer_finish(&c);
    nn_finish(&nn);
}
END_TEST

START_TEST(heads)
{
    bool up = _i == 1;
    const char *name = up ? "head_up" : "head_patch";
    int n = 2, h = 4, w = up ? 5 : 3, c = up ? 6 : 9, co = up ? 3 : 1, pixels = h * w,
        out = pixels * (up ? 4 : 1);
    struct pxs_layer l;
    pxs_layer_describe(
        &l, &(struct pxs_layer_spec){.name = "final.2",
                                     .kind = PXS_LAYER_HEAD,
                                     .kernel = 4,
                                     .stride = 1,
                                     .padding = 1,
                                     .upsample = up ? 2 : 1,
                                     .c_in = c,
                                     .c_out = co,
                                     .h = up ? 2 * h : h,
                                     .w = up ? 2 * w : w,
                                     .bias = up,
                                     .activation = up ? PXS_ACTIVATION_TANH : PXS_ACTIVATION_NONE});
    ck_assert_int_eq(pxs_layer_init(&l, true, NULL), PXS_OK);
    ck_assert_str_eq(l.weight.name, "final.2.weight");
    ck_assert_str_eq(l.bias.name, up ? "final.2.bias" : "");
    struct pxs_nn nn = nn_make(l.weight.count);
    nn_scratch(&nn, pxs_layer_scratch(&nn.kernel, &l.spec, n));
    nn.on_gradient = check_gradient;
    nn.user = (void *)name;
    set_weight(&l.weight, name, up ? 0.125f : 1.0f);
    if (up)
        golden_numbers("head_up/b", 1.0f, 3, l.bias.value);
    size_t ld = (size_t)c + 1, n_y = (size_t)(n * out * co);
    float *x = input(name, "x", n, c, pixels, ld), *dy = input(name, "dy", n, co, out, (size_t)co),
          *kept = floats(n_y);
    float *y = floats(n_y), *dx = floats((size_t)(n * pixels) * ld),
          *before = floats(l.weight.count);
    memcpy(kept, dy, n_y * sizeof *dy);
    memcpy(before, l.weight.value, l.weight.count * sizeof *before);
    pxs_head_apply(&nn, &l, n, x, ld, y);
    expect_layer(y, (size_t)co, 0, n, co, out, name, "y");
    nn.grad[0] = 5;
    pxs_head_gradient(&nn, &l, n, x, ld, y, dy, dx, ld, false); /* frozen: only through */
    ck_assert_float_eq(nn.grad[0], 5);
    expect_layer(dx, ld, 0, n, c, pixels, name, "dx");
    ck_assert_mem_eq(before, l.weight.value, l.weight.count * sizeof *before);
    memcpy(dy, kept, n_y * sizeof *dy);
    memset(dx, 0xff, (size_t)(n * pixels) * ld * sizeof *dx);
    pxs_head_gradient(&nn, &l, n, x, ld, y, dy, dx, ld, true);
    expect_layer(dx, ld, 0, n, c, pixels, name, "dx");
    ck_assert(l.weight.m[0] != 0 && (!up || l.bias.m[0] != 0));
    float *all[] = {x, y, dx, dy, kept, before};
    for (size_t i = 0; i < PXS_COUNT(all); i++)
        pxs_aligned_free(all[i]);
    pxs_layer_finish(&l);
    pxs_layer_finish(&l);
    nn_finish(&nn);
}
END_TEST

START_TEST(gan_losses)
{
    struct pxs_nn nn = nn_make(1);
    float x[70], dx[70];
    for (int vanilla = 0; vanilla < 2; vanilla++)
        for (int real = 0; real < 2; real++) {
            char name[16];
            snprintf(name, sizeof name, "%s_%d", vanilla ? "bce" : "mse", real);
            golden_numbers(vanilla ? "bce/x" : "mse/x", 4.0f, 70, x);
            double got =
                       pxs_gan_loss(&nn, vanilla ? PXS_ADVERSARIAL_VANILLA : PXS_ADVERSARIAL_LSGAN,
                                    real ? PXS_JUDGED_REAL : PXS_JUDGED_FAKE, x, 70, 0.5f, dx),
                   want = *golden_get(golden, 1, "%s/value", name);
            ck_assert_double_eq_tol(got, want, 1e-7 * want);
            expect_layer(dx, 1, 0, 1, 70, 1, name, "dx");
        }
    nn_finish(&nn);
}
END_TEST

/* The kernels' view of layers whose sides are no twice one another: torch's Conv2d rounds down, and
 * the small side of a ConvTranspose2d is its input. */
START_TEST(sides_of_convolutions)
{
    struct pxs_layer_spec s = {.kind = PXS_LAYER_CONV,
                               .kernel = 4,
                               .stride = 2,
                               .padding = 1,
                               .upsample = 1,
                               .c_in = 6,
                               .c_out = 64,
                               .h = 4,
                               .w = 5,
                               .in_h = 9,
                               .in_w = 11};
    struct pxs_conv_shape c = pxs_layer_conv(&s, 3);
    ck_assert(c.n == 3 && c.h == 4 && c.w == 5 && c.big_h == 9 && c.big_w == 11);
    ck_assert(c.cb == 6 && c.cs == 64 && c.kernel == 4 && c.stride == 2 && c.padding == 1);
    ck_assert_double_eq(pxs_layer_macs(&s), 16.0 * 6 * 64 * 4 * 5);
    ck_assert(!c.reflect);
    s.kind = PXS_LAYER_CONV_TRANSPOSE;
    s.kernel = 3;
    s.reflect = true;
    s.in_h = 2;
    s.in_w = 3;
    c = pxs_layer_conv(&s, 1);
    ck_assert(c.h == 2 && c.w == 3 && c.big_h == 4 && c.big_w == 5 && c.reflect);
    ck_assert(c.cb == 64 && c.cs == 6 && c.kernel == 3);
    ck_assert_double_eq(pxs_layer_macs(&s), 9.0 * 6 * 64 * 2 * 3);
}
END_TEST

TCase *layer_case(void) {
    TCase *tcase = tcase_create("layer");
    tcase_add_checked_fixture(tcase, open_golden, close_golden);
    tcase_add_loop_test(tcase, convolutions, 0, (int)PXS_COUNT(convs));
    tcase_add_loop_test(tcase, heads, 0, 2);
    tcase_add_test(tcase, sides_of_convolutions);
    tcase_add_test(tcase, gan_losses);
    return tcase;
}
