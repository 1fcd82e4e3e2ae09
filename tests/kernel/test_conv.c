/* What convolutions promise, whoever computes them: adjoint, linear, moving along, as far as a NaN
 * goes; and how sets are named. Numbers against the references: check_passes.c. */
#include "kernel_tests.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const int batches[] = {1, 2, 3, 5};

/* One layer with its tensors in f32 and double, and the sums of absolute products that the
 * tolerances scale with. */
struct layer {
    struct pxs_conv_shape s;
    size_t pixels_small, pixels_big, n_weight, ld_big, ld_small;
    float *big, *small, *weight;
    double *big64, *small64, *weight64, *big_abs, *small_abs, *weight_abs;
};

static struct layer make_layer(struct pxs_conv_shape s, int gap_big, int gap_small) {
    struct layer l = {
        .s = s, .ld_big = (size_t)(s.cb + gap_big), .ld_small = (size_t)(s.cs + gap_small)};
    l.pixels_small = (size_t)(s.n * s.h * s.w);
    l.pixels_big = 4 * l.pixels_small;
    l.n_weight = (size_t)(16 * s.cb * s.cs);
    l.big = buffer(l.pixels_big * l.ld_big, 0);
    l.small = buffer(l.pixels_small * l.ld_small, 0);
    l.weight = buffer(l.n_weight, 0);
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
    struct layer l = make_layer(s, 1, 2);
    struct pxs_kernel_context ctx = context(set, 2, pxs_kernels_scratch(set, &s, 0, 3));
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
                  SHAPE_FORMAT ": <D x,y> %.9g, <x,U y> %.9g, <w,W> %.9g (seed %llu)",
                  SHAPE_VALUES(set, &s), a, b, c, (unsigned long long)test_seed());
    buffers_done();
}

START_TEST(adjoint)
{
    random_start("adjoint");
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++)
        for (int k = 0; k < 9; k++) { /* for panels, thin, and none of them */
            int panels = 16 * random_int(1, 3), any = random_int(1, 40);
            check_adjoint(set, halving(RANDOM_OF(batches), random_int(1, 9), random_int(1, 9),
                                       k % 3 == 0 ? panels : any,
                                       k % 3 < 2 ? 16 * random_int(1, 3) : any));
        }
}
END_TEST

/* Powers of two and signs go through exactly: f(-4 x) has the bits of -4 f(x). Sums only nearly;
 * `loose` is how much larger the numbers in the middle of a Winograd pass are than its sums. */
static void check_linear(const struct pxs_kernels *set, struct pxs_conv_shape s, double loose) {
    struct layer l = make_layer(s, 0, 0), k = make_layer(s, 0, 0);
    size_t n_small = l.pixels_small * (size_t)s.cs, n_big = l.pixels_big * (size_t)s.cb;
    struct pxs_kernel_context ctx = context(set, 0, pxs_kernels_scratch(set, &s, 0, 3));
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
    ref_down(&s, magnitude, l.weight_abs, size);
    for (size_t e = 0; e < n_small; e++) {
        want[e] = (double)y[0][e] + (double)y[1][e];
        y[0][e] *= -4.0f;
    }
    expect_same(y[2], y[0], n_small * sizeof(float), "%s: D(-4 x)", pxs_kernels_name(set));
    expect_close(y[3], 1, n_small, 1, want, size, loose * sum_slack(16.0 * s.cb), "%s: D(a + b)",
                 pxs_kernels_name(set));
    buffers_done();
}

START_TEST(linear)
{
    random_start("linear");
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++) {
        check_linear(set, halving(2, 3, 5, 17, 20), 1.0);
        check_linear(set, halving(2, 3, 5, 16, 32), 4.0);
    }
}
END_TEST

/* Moved by two big pixels, the image moves by one small pixel; its frame is empty, so that nothing
 * falls off. */
static void check_shift(const struct pxs_kernels *set, struct pxs_conv_shape s) {
    size_t cb = (size_t)s.cb, cs = (size_t)s.cs;
    struct pxs_kernel_context ctx = context(set, 0, pxs_kernels_scratch(set, &s, 0, 3));
    float *a = buffer(16 * 16 * cb, 0), *b = buffer(16 * 16 * cb, 0),
          *weight = buffer(16 * cb * cs, 0);
    float *ya = buffer(64 * cs, 0), *yb = buffer(64 * cs, 0);
    memset(a, 0, 16 * 16 * cb * sizeof *a);
    memset(b, 0, 16 * 16 * cb * sizeof *b);
    fill_random(weight, 1, 16 * cb * cs, 1, 1.0);
    for (size_t y = 4; y < 11; y++)
        for (size_t x = 3; x < 10; x++)
            for (size_t c = 0; c < cb; c++)
                a[(y * 16 + x) * cb + c] = b[((y + 2) * 16 + x + 2) * cb + c] =
                    (float)random_unit();
    pxs_conv_down(&ctx, &s, a, cb, weight, ya, cs);
    pxs_conv_down(&ctx, &s, b, cb, weight, yb, cs);
    for (size_t y = 0; y < 7; y++)
        for (size_t x = 0; x < 7; x++)
            for (size_t c = 0; c < cs; c++)
                ck_assert_float_eq_tol(ya[(y * 8 + x) * cs + c], yb[((y + 1) * 8 + x + 1) * cs + c],
                                       4e-6f * (float)cb);
    buffers_done();
}

START_TEST(shifts_along)
{
    random_start("shifts_along");
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++) {
        check_shift(set, halving(1, 8, 8, 3, 5));
        check_shift(set, halving(1, 8, 8, 3, 16));
        check_shift(set, halving(1, 8, 8, 16, 16));
    }
}
END_TEST

/* A NaN reaches everything that it meets; beyond that at most the rest of a Winograd tile, in D. */
static void check_nan(const struct pxs_kernels *set, struct pxs_conv_shape s) {
    size_t cb = (size_t)s.cb, cs = (size_t)s.cs, width = 2 * (size_t)s.w,
           pixels = (size_t)(s.n * s.h * s.w);
    struct pxs_kernel_context ctx = context(set, 0, pxs_kernels_scratch(set, &s, 0, 3));
    float *big = buffer(4 * pixels * cb, 0), *weight = buffer(16 * cb * cs, 0),
          *y = buffer(pixels * cs, 0), *dweight = buffer(16 * cb * cs, 0);
    fill_random(big, 1, 4 * pixels * cb, 1, 1.0);
    fill_random(weight, 1, 16 * cb * cs, 1, 1.0);
    /* image 1, pixel (3,3): small rows and columns 1 and 2 */
    big[((size_t)(4 * s.h * s.w) + 3 * width + 3) * cb + 1] = NAN;
    pxs_conv_down(&ctx, &s, big, cb, weight, y, cs);
    enum pxs_method method = pxs_kernels_method(set, &s, PXS_PASS_DOWN);
    int tile = method == PXS_METHOD_F4 ? 4 : method == PXS_METHOD_F2 ? 2 : 1;
    for (int p = 0; p < s.n * s.h * s.w; p++) {
        int image = p / s.w / s.h, row = p / s.w % s.h, col = p % s.w;
        bool met = image == 1 && (row == 1 || row == 2) && (col == 1 || col == 2);
        bool near = image == 1 && row / tile <= 2 / tile && col / tile <= 2 / tile &&
                    row / tile >= 1 / tile && col / tile >= 1 / tile;
        for (size_t c = 0; c < cs; c++) {
            bool is = isnan(y[(size_t)p * cs + c]);
            ck_assert_msg(is ? near : !met, "%s: pixel %d", pxs_kernels_name(set), p);
        }
    }
    fill_random(y, 1, pixels * cs, 1, 1.0);
    pxs_conv_weight(&ctx, &s, big, cb, y, cs, dweight);
    for (int t = 0; t < 16; t++)
        for (int b = 0; b < s.cb; b++)
            for (int c = 0; c < s.cs; c++)
                ck_assert_msg(!isnan(dweight[pxs_weight_index(s.cb, s.cs, t, b, c)]) ==
                                  (b != 1 || (t / 4) % 2 != 0 || (t % 4) % 2 != 0),
                              "%s: tap %d, channels %d, %d", pxs_kernels_name(set), t, b, c);
    buffers_done();
}

START_TEST(nan_spreads_to_its_neighbours)
{
    random_start("nan_spreads");
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++) {
        check_nan(set, halving(2, 4, 4, 3, 5));
        check_nan(set, halving(2, 4, 5, 3, 32));
        check_nan(set, halving(3, 9, 7, 16, 32));
    }
}
END_TEST

static bool has_prefix(const char *text, const char *prefix) {
    return !strncmp(text, prefix, strlen(prefix));
}

/* The first of all sets that run here whose name begins so. */
static const struct pxs_kernels *first_named(const char *prefix) {
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++)
        if (has_prefix(pxs_kernels_name(set), prefix))
            return set;
    return NULL;
}

START_TEST(selects_by_name)
{
    static const char *const bare[] = {"auto", "blas", "direct", "f2", "f4"}, *const suffixes[] = {
                                                                                  "", "-avx512",
                                                                                  "-avx2", "-base"};
    struct pxs_error err;
    size_t n_known = 0, n_here = 0;
    while (kernel_set(n_here))
        n_here++;
    for (size_t k = 0; k < PXS_COUNT(bare); k++)
        for (size_t i = 0; i < PXS_COUNT(suffixes); i++) {
            char name[32];
            snprintf(name, sizeof name, "%s%s", bare[k], suffixes[i]);
            const struct pxs_kernels *set = NULL, *before = kernel_set(0);
            set = before;
            enum pxs_status status = pxs_kernels_select(name, &set, &err);
            if (!strcmp(bare[k], "blas") && i > 0) { /* OpenBLAS chooses for itself */
                ck_assert_int_eq(status, PXS_E_INVALID);
                ck_assert_ptr_eq(set, before);
                continue;
            }
            if (status != PXS_OK) { /* another CPU, or built for another kind of CPU */
                ck_assert(i == 1 || i == 2);
                ck_assert(status == PXS_E_UNSUPPORTED || status == PXS_E_INVALID);
                ck_assert_ptr_eq(set, before);
                ck_assert_ptr_null(first_named(name));
                ck_assert_ptr_nonnull(strstr(err.message, name));
                ck_assert_ptr_nonnull(strstr(err.message, "auto"));
                continue;
            }
            n_known += i > 0 || k == 1;
            /* without a suffix: the best, which stands first */
            ck_assert_ptr_eq(set, first_named(name));
            const struct pxs_kernels *same = NULL;
            ck_assert_int_eq(pxs_kernels_select(pxs_kernels_name(set), &same, NULL), PXS_OK);
            ck_assert_ptr_eq(set, same);
        }
    ck_assert_uint_eq(n_known, n_here);
    static const char *const unknown[] = {"mkl",   "",       "AUTO",    "blas ",     "f",
                                          "f2-",   "f2-avx", "f4-AVX2", "auto-avx5", "auto-base2",
                                          "-avx2", "-base",  "thin"};
    for (size_t i = 0; i < PXS_COUNT(unknown); i++) {
        const struct pxs_kernels *set = NULL;
        ck_assert_msg(pxs_kernels_select(unknown[i], &set, &err) == PXS_E_INVALID, "'%s'",
                      unknown[i]);
        ck_assert_ptr_null(set);
        ck_assert_ptr_nonnull(strstr(err.message, unknown[i]));
        ck_assert_ptr_nonnull(strstr(err.message, "auto"));
        ck_assert_int_eq(pxs_kernels_select(unknown[i], &set, NULL), PXS_E_INVALID);
    }
}
END_TEST

/* U from turned weights, by every method that reads panels. */
START_TEST(turned_weights_give_the_same_bits)
{
    enum { CB = 32, CS = 48 };
    const struct pxs_conv_shape shapes[] = {halving(2, 2, 1, CB, CS), halving(1, 8, 6, CB, CS),
                                            halving(1, 8, 6, 5, CS),
                                            CONVOLUTION(1, 12, 13, CB, CS, 3, 2, 1, false),
                                            CONVOLUTION(2, 9, 12, CB, CS, 7, 1, 3, true)};
    const struct pxs_kernels *set;
    random_start("turned_weights_give_the_same_bits");
    for (size_t i = 0; (set = kernel_set(i)); i++)
        for (size_t k = 0; k < PXS_COUNT(shapes); k++) {
            const struct pxs_conv_shape *s = &shapes[k];
            const size_t small = (size_t)(s->n * s->h * s->w) * CS,
                         big = (size_t)(s->n * s->big_h * s->big_w * s->cb),
                         weights = (size_t)(s->kernel * s->kernel * s->cb * s->cs);
            ck_assert_int_eq(pxs_conv_turns(set, s),
                             s->cb == CB && strcmp(pxs_kernels_name(set), "blas") != 0);
            if (!pxs_conv_turns(set, s))
                continue;
            struct pxs_kernel_context ctx = context(set, 0, pxs_kernels_scratch(set, s, 0, 1));
            float *y = buffer(small, 0), *w = buffer(weights, 0), *turned = buffer(weights, 0),
                  *want = buffer(big, 0), *got = buffer(big, 0);
            fill_random(y, 1, small, 1, 1.0);
            fill_random(w, 1, weights, 1, 1.0);
            pxs_conv_up(&ctx, s, y, CS, w, want, CB, false);
            pxs_conv_turn(s, w, turned);
            ctx.turned = true;
            spoil(&ctx);
            pxs_conv_up(&ctx, s, y, CS, turned, got, CB, false);
            expect_same(got, want, big * sizeof(float), "%s: shape %zu", pxs_kernels_name(set), k);
            buffers_done();
        }
}
END_TEST

/* One image of 16 x 16 has 16 tiles of F4: enough in a context for pictures, too few in training,
 * whose bits stay. */
START_TEST(pictures_take_f4_sooner)
{
    enum { C = 16, SIDE = 32 };
    static const struct pxs_conv_shape shapes[] = {
        CONVOLUTION(1, 16, 16, C, C, 3, 1, 1, true),
        CONVOLUTION(1, SIDE, SIDE, C, C, 4, 2, 1, false)};
    const struct pxs_conv_shape *s = &shapes[_i];
    const size_t big = (size_t)(s->big_h * s->big_w) * C, small = 256 * C;
    float *x = buffer(big, 0), *y = buffer(small, 0), *weight = buffer(16 * C * C, 0), *out[4];
    random_start("pictures_take_f4_sooner");
    fill_random(x, 1, big, 1, 1.0);
    fill_random(y, 1, small, 1, 1.0);
    fill_random(weight, 1, 16 * C * C, 1, 1.0);
    for (enum pxs_pass pass = PXS_PASS_DOWN; pass <= PXS_PASS_UP; pass++) {
        const size_t floats = pass == PXS_PASS_DOWN ? small : big;
        for (int k = 0; k < 4; k++) {
            const struct pxs_kernels *set = first_named(k < 2 ? "auto" : k == 2 ? "f4" : "f2");
            const int as_batch = k == 0 ? 1 : 0;
            struct pxs_kernel_context ctx =
                context(set, 0, pxs_kernels_scratch(set, s, as_batch, 1));
            ctx.as_batch = as_batch;
            out[k] = buffer(floats, 0);
            if (pass == PXS_PASS_DOWN)
                pxs_conv_down(&ctx, s, x, C, weight, out[k], C);
            else
                pxs_conv_up(&ctx, s, y, C, weight, out[k], C, false);
        }
        expect_same(out[0], out[2], floats * sizeof(float), "pictures, pass %d", (int)pass);
        expect_same(out[1], out[3], floats * sizeof(float), "training, pass %d", (int)pass);
        ck_assert_int_ne(memcmp(out[0], out[1], floats * sizeof(float)), 0);
    }
    buffers_done();
}
END_TEST

/* Sets hold to their method where it fits the shape: panels want 16 channels, tiles a map of about
 * their size. */
START_TEST(methods_by_shape)
{
    static const struct {
        struct pxs_conv_shape s;
        enum pxs_method direct, f2, f4;
    } cases[] = {
        {HALVING(1, 8, 8, 16, 17), PXS_METHOD_BLAS, PXS_METHOD_BLAS, PXS_METHOD_BLAS},
        {HALVING(1, 8, 8, 17, 16), PXS_METHOD_THIN, PXS_METHOD_THIN, PXS_METHOD_THIN},
        {HALVING(1, 1, 8, 16, 16), PXS_METHOD_DIRECT, PXS_METHOD_DIRECT, PXS_METHOD_DIRECT},
        {HALVING(1, 8, 2, 16, 16), PXS_METHOD_DIRECT, PXS_METHOD_F2, PXS_METHOD_F2},
        {HALVING(1, 3, 3, 16, 16), PXS_METHOD_DIRECT, PXS_METHOD_F2, PXS_METHOD_F4},
        {HALVING(8, 64, 64, 64, 128), PXS_METHOD_DIRECT, PXS_METHOD_F2, PXS_METHOD_F4},
        {CONVOLUTION(1, 8, 8, 16, 16, 3, 1, 1, true), PXS_METHOD_TAPS, PXS_METHOD_F2,
         PXS_METHOD_F4},
        {CONVOLUTION(1, 8, 9, 16, 16, 4, 1, 1, false), PXS_METHOD_TAPS, PXS_METHOD_F2,
         PXS_METHOD_F4},
        {CONVOLUTION(1, 9, 8, 16, 16, 3, 2, 1, false), PXS_METHOD_TAPS, PXS_METHOD_F2,
         PXS_METHOD_F4},
        {CONVOLUTION(1, 9, 8, 16, 16, 3, 2, 1, true), PXS_METHOD_TAPS, PXS_METHOD_TAPS,
         PXS_METHOD_TAPS},
        {CONVOLUTION(1, 8, 8, 16, 16, 7, 1, 3, true), PXS_METHOD_TAPS, PXS_METHOD_TAPS,
         PXS_METHOD_TAPS},
        {CONVOLUTION(1, 8, 8, 16, 17, 3, 1, 1, true), PXS_METHOD_THIN, PXS_METHOD_THIN,
         PXS_METHOD_THIN},
        {CONVOLUTION(1, 8, 8, 17, 16, 3, 2, 1, false), PXS_METHOD_THIN, PXS_METHOD_THIN,
         PXS_METHOD_THIN},
        {CONVOLUTION(1, 8, 8, 16, 17, 3, 2, 1, false), PXS_METHOD_BLAS, PXS_METHOD_BLAS,
         PXS_METHOD_BLAS},
        {CONVOLUTION(1, 8, 8, 17, 17, 3, 1, 1, true), PXS_METHOD_BLAS, PXS_METHOD_BLAS,
         PXS_METHOD_BLAS},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++)
        for (enum pxs_pass pass = PXS_PASS_DOWN; pass <= PXS_PASS_WEIGHT; pass++) {
            const struct pxs_conv_shape *s = &cases[i].s;
            ck_assert_int_eq(pxs_kernels_method(first_named("blas"), s, pass), PXS_METHOD_BLAS);
            ck_assert_int_eq(pxs_kernels_method(first_named("direct"), s, pass), cases[i].direct);
            ck_assert_int_eq(pxs_kernels_method(first_named("f2"), s, pass), cases[i].f2);
            ck_assert_int_eq(pxs_kernels_method(first_named("f4"), s, pass), cases[i].f4);
        }
}
END_TEST

/* An empty batch: nothing is read or written, and the gradient is zero. */
START_TEST(empty_batch)
{
    struct pxs_conv_shape s = halving(0, 4, 4, _i ? 16 : 3, 16);
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++) {
        struct pxs_kernel_context ctx = context(set, 2, pxs_kernels_scratch(set, &s, 0, 2));
        size_t n = (size_t)(16 * s.cb * s.cs);
        float *none = buffer(0, 0), *weight = buffer(n, 0), *dweight = buffer(n, 0);
        pxs_conv_down(&ctx, &s, none, (size_t)s.cb, weight, none, (size_t)s.cs);
        pxs_conv_up(&ctx, &s, none, (size_t)s.cs, weight, none, (size_t)s.cb, false);
        pxs_conv_weight(&ctx, &s, none, (size_t)s.cb, none, (size_t)s.cs, dweight);
        for (size_t k = 0; k < n; k++)
            ck_assert(dweight[k] == 0.0f);
        buffers_done();
    }
}
END_TEST

/* Buffers are made for the largest batch; the method changes on the way there, at 24 tiles and at
 * others. */
START_TEST(scratch_serves_smaller_batches)
{
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++) {
        size_t before = 0;
        for (int n = 0; n <= 40; n++) {
            struct pxs_conv_shape s = halving(n, 4, 4, 256, 1024);
            size_t floats = pxs_kernels_scratch(set, &s, 0, 2);
            ck_assert_msg(floats >= before, "%s: %zu floats for n %d, %zu for n %d",
                          pxs_kernels_name(set), floats, n, before, n - 1);
            before = floats;
        }
    }
}
END_TEST

TCase *conv_case(void) {
    KERNEL_CASE("conv");
    tcase_add_test(tcase, adjoint);
    tcase_add_test(tcase, linear);
    tcase_add_test(tcase, shifts_along);
    tcase_add_test(tcase, nan_spreads_to_its_neighbours);
    tcase_add_test(tcase, selects_by_name);
    tcase_add_test(tcase, methods_by_shape);
    tcase_add_test(tcase, turned_weights_give_the_same_bits);
    tcase_add_loop_test(tcase, pictures_take_f4_sooner, 0, 2);
    tcase_add_loop_test(tcase, empty_batch, 0, 2);
    tcase_add_test(tcase, scratch_serves_smaller_batches);
    return tcase;
}
