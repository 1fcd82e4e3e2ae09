/* The stride-1 heads, plain and on the x2 upsampling, against the references. */
#include "kernel_tests.h"

#include <math.h>

static const int batches[] = {1, 2, 3, 5}, sides[] = {1, 2, 3, 4, 7, 8},
                 channels[] = {1, 3, 6, 8, 16, 17, 64, 100}, outs[] = {1, 2, 3};
static const int gaps[] = {0, 1, 3, 16}, shifts[] = {0, 0, 1, 3}, thread_counts[] = {0, 1, 2, 3};

struct layer {
    struct pxs_head_shape s;
    bool whole; /* numbers, so small that every sum is exact */
    size_t pixels, n_x, n_weight, n_y, ld;
    float *x, *weight, *bias, *dy;
    double *x64, *weight64, *bias64, *dy64;
};

static struct layer make_layer(struct pxs_head_shape s, int gap, int shift, bool whole) {
    struct layer l = {.s = s, .whole = whole, .ld = (size_t)(s.c + gap)};
    l.pixels = (size_t)(s.n * s.h * s.w);
    l.n_x = l.pixels * (size_t)s.c;
    l.n_weight = (size_t)(s.c * 16 * s.co);
    l.n_y = l.pixels * (size_t)(s.scale * s.scale * s.co);
    l.x = buffer(l.pixels * l.ld, shift);
    l.weight = buffer(l.n_weight, shift);
    l.bias = buffer((size_t)s.co, 0);
    l.dy = buffer(l.n_y, shift);
    fill_random(l.x, l.ld, l.pixels, s.c, 1.0);
    fill_random(l.weight, 1, l.n_weight, 1, 2.0 / (16.0 * s.c));
    fill_random(l.bias, 1, (size_t)s.co, 1, 1.0);
    fill_random(l.dy, 1, l.n_y, 1, ldexp(1.0, random_int(-12, 0)));
    if (whole) {
        fill_whole(l.x, l.ld, l.pixels, s.c, 2, 1, 1.0);
        fill_whole(l.weight, 1, l.n_weight, 1, 2, 1, 1.0);
        fill_whole(l.bias, 1, (size_t)s.co, 1, 2, 1, 1.0);
        fill_whole(l.dy, 1, l.n_y, 1, 2, 1, 1.0);
    }
    freeze(l.x);
    freeze(l.weight);
    freeze(l.bias);
    freeze(l.dy);
    l.x64 = widen(l.x, l.ld, l.pixels, s.c);
    l.weight64 = widen(l.weight, 1, l.n_weight, 1);
    l.bias64 = widen(l.bias, 1, (size_t)s.co, 1);
    l.dy64 = widen(l.dy, 1, l.n_y, 1);
    return l;
}

#define SHAPE_FORMAT "n %d, %d x %d, %d channels to %d, scale %d"
#define SHAPE_VALUES(s) (s)->n, (s)->h, (s)->w, (s)->c, (s)->co, (s)->scale

/* What comes out of one shape, and what the allowed error scales with: the same for every set. */
struct wanted {
    const float *bias; /* NULL: without */
    double *y, *y_size, *dx, *dx_size, *dweight, *dweight_size;
};

static struct wanted make_wanted(const struct layer *l, bool bias) {
    struct wanted w = {.bias = bias ? l->bias : NULL,
                       .y = numbers(l->n_y),
                       .y_size = numbers(l->n_y),
                       .dx = numbers(l->n_x),
                       .dx_size = numbers(l->n_x),
                       .dweight = numbers(l->n_weight),
                       .dweight_size = numbers(l->n_weight)};
    double *dbias = numbers((size_t)l->s.co);
    const double *x = magnitudes(l->x64, l->n_x), *weight = magnitudes(l->weight64, l->n_weight);
    ref_head_forward(&l->s, l->x64, l->weight64, bias ? l->bias64 : NULL, w.y);
    ref_head_forward(&l->s, x, weight, bias ? magnitudes(l->bias64, (size_t)l->s.co) : NULL,
                     w.y_size);
    ref_head_backward(&l->s, x, weight, magnitudes(l->dy64, l->n_y), w.dx_size, w.dweight_size,
                      dbias);
    ref_head_backward(&l->s, l->x64, l->weight64, l->dy64, w.dx, w.dweight, dbias);
    return w;
}

static void check_forward(const struct pxs_kernel_context *ctx, const struct layer *l,
                          const struct wanted *w, bool tanh_on) {
    double *want = w->y, *size = w->y_size;
    if (tanh_on) { /* it shrinks errors, and rounds once more */
        want = numbers(l->n_y);
        size = numbers(l->n_y);
        for (size_t i = 0; i < l->n_y; i++) {
            want[i] = tanh(w->y[i]);
            size[i] = w->y_size[i] + 1.0;
        }
    }
    float *got = buffer(l->n_y, 0);
    spoil(ctx);
    pxs_head_forward(ctx, &l->s, l->x, l->ld, l->weight, w->bias, tanh_on, got);
    tamper("head_forward", got, 1, l->n_y, 1);
    expect_close(got, 1, l->n_y, 1, want, size,
                 l->whole && !tanh_on ? 0 : sum_slack(16.0 * l->s.c + 9),
                 "head forward " SHAPE_FORMAT "%s%s", SHAPE_VALUES(&l->s), w->bias ? ", bias" : "",
                 tanh_on ? ", tanh" : "");
}

static void check_backward(const struct pxs_kernel_context *ctx, const struct layer *l,
                           const struct wanted *w, int shift) {
    float *dx = buffer(l->pixels * l->ld, shift), *dweight = buffer(l->n_weight, shift);
    spoil(ctx);
    pxs_head_backward(ctx, &l->s, l->x, l->ld, l->weight, l->dy, dx, l->ld, dweight);
    tamper("head_dx", dx, l->ld, l->pixels, l->s.c);
    tamper("head_dweight", dweight, 1, l->n_weight, 1);
    expect_close(dx, l->ld, l->pixels, l->s.c, w->dx, w->dx_size,
                 l->whole ? 0 : sum_slack(36.0 * l->s.co), "head backward dx " SHAPE_FORMAT,
                 SHAPE_VALUES(&l->s));
    expect_close(dweight, 1, l->n_weight, 1, w->dweight, w->dweight_size,
                 l->whole ? 0 : sum_slack((double)l->pixels * 4),
                 "head backward dweight " SHAPE_FORMAT, SHAPE_VALUES(&l->s));
    /* Either may be left out, without changing the other. */
    float *dx_alone = buffer(l->pixels * l->ld, shift), *dweight_alone = buffer(l->n_weight, shift);
    spoil(ctx);
    pxs_head_backward(ctx, &l->s, l->x, l->ld, l->weight, l->dy, dx_alone, l->ld, NULL);
    spoil(ctx);
    pxs_head_backward(ctx, &l->s, l->x, l->ld, l->weight, l->dy, NULL, 0, dweight_alone);
    expect_same(dx_alone, dx, l->pixels * l->ld * sizeof *dx, "head backward without dweight");
    expect_same(dweight_alone, dweight, l->n_weight * sizeof *dweight, "head backward without dx");
}

static void check_shape(struct pxs_head_shape s) {
    int shift = RANDOM_OF(shifts);
    struct layer l = make_layer(s, RANDOM_OF(gaps), shift, random_u32() & 1);
    struct wanted w = make_wanted(&l, random_u32() & 1);
    const struct pxs_kernels *set;
    for (size_t i = 0; (set = kernel_set(i)); i++) {
        if (strncmp(pxs_kernels_name(set), "auto", 4) != 0 &&
            strcmp(pxs_kernels_name(set), "blas") != 0)
            continue; /* heads differ by instruction set only */
        int threads = RANDOM_OF(thread_counts);
        struct pxs_kernel_context ctx =
            context(set, threads, pxs_head_scratch(set, &s, threads > 0 ? threads : 1));
        check_forward(&ctx, &l, &w, false);
        check_forward(&ctx, &l, &w, true);
        check_backward(&ctx, &l, &w, shift);
    }
    buffers_done();
}

START_TEST(sizes_by_rule)
{
    random_start("head_sizes_by_rule");
    for (int i = 0; i < (is_brief() ? 20 : 80); i++)
        check_shape((struct pxs_head_shape){RANDOM_OF(batches), RANDOM_OF(sides), RANDOM_OF(sides),
                                            RANDOM_OF(channels), RANDOM_OF(outs),
                                            random_int(1, 2)});
}
END_TEST

START_TEST(edges)
{
    random_start("head_edges");
    for (int scale = 1; scale <= 2; scale++)
        for (size_t a = 0; a < PXS_COUNT(sides); a++)
            for (size_t b = 0; b < PXS_COUNT(sides); b++)
                check_shape((struct pxs_head_shape){2, sides[a], sides[b], 3, 3, scale});
}
END_TEST

/* Worked off in several slabs, images ending inside a slab; and the deepest head of all. */
static const struct pxs_head_shape large[] = {{3, 150, 256, 2, 3, 2}, {2, 300, 700, 1, 1, 1},
                                              {1, 40, 512, 1, 16, 2}, {1, 5, 4100, 1, 16, 2},
                                              {2, 2, 2, 1024, 3, 2},  {2, 4, 4, 512, 1, 1}};
START_TEST(large_shapes)
{
    random_start("head_large_shapes");
    check_shape(large[_i]);
}
END_TEST

/* <H(x), y> = <x, H'(y)> = <w, dW> without a bias. */
START_TEST(adjoint)
{
    random_start("head_adjoint");
    for (int k = 0; k < (is_brief() ? 5 : 30); k++) {
        struct pxs_head_shape s = {RANDOM_OF(batches), random_int(1, 9), random_int(1, 9),
                                   random_int(1, 40),  random_int(1, 4), random_int(1, 2)};
        struct layer l = make_layer(s, 0, 0, false);
        struct pxs_kernel_context ctx =
            context(kernel_set(0), 2, pxs_head_scratch(kernel_set(0), &s, 2));
        float *y = buffer(l.n_y, 0), *dx = buffer(l.n_x, 0), *dweight = buffer(l.n_weight, 0);
        pxs_head_forward(&ctx, &s, l.x, l.ld, l.weight, NULL, false, y);
        pxs_head_backward(&ctx, &s, l.x, l.ld, l.weight, l.dy, dx, l.ld, dweight);
        double a = 0, b = 0, c = 0, size = 0;
        for (size_t i = 0; i < l.n_y; i++)
            a += (double)y[i] * l.dy64[i];
        for (size_t i = 0; i < l.n_x; i++) {
            b += (double)dx[i] * l.x64[i];
            size += fabs((double)dx[i] * l.x64[i]);
        }
        for (size_t i = 0; i < l.n_weight; i++)
            c += (double)dweight[i] * l.weight64[i];
        double allowed = 4 * sum_slack(16.0 * s.c + 36.0 * s.co) * size;
        ck_assert_msg(fabs(a - b) <= allowed && fabs(a - c) <= allowed,
                      SHAPE_FORMAT ": %.9g %.9g %.9g (seed %llu)", SHAPE_VALUES(&s), a, b, c,
                      (unsigned long long)test_seed());
        buffers_done();
    }
}
END_TEST

START_TEST(nan_reaches_the_output)
{
    random_start("head_nan");
    for (int scale = 1; scale <= 2; scale++) {
        struct pxs_head_shape s = {1, 6, 6, 3, 2, scale};
        struct layer l = make_layer(s, 0, 0, false);
        struct pxs_kernel_context ctx =
            context(kernel_set(0), 0, pxs_head_scratch(kernel_set(0), &s, 1));
        float *x = buffer(l.n_x, 0), *y = buffer(l.n_y, 0);
        fill_random(x, 1, l.n_x, 1, 1.0);
        x[(3 * 6 + 2) * 3] = NAN;
        pxs_head_forward(&ctx, &s, x, 3, l.weight, l.bias, true, y);
        int count = 0;
        for (size_t i = 0; i < l.n_y; i++)
            count += isnan(y[i]);
        ck_assert_int_eq(count, scale == 1 ? 16 * 2 : 25 * 2); /* the taps that read the pixel */
    }
}
END_TEST

TCase *head_case(void) {
    KERNEL_CASE("head");
    tcase_add_test(tcase, sizes_by_rule);
    tcase_add_test(tcase, edges);
    tcase_add_loop_test(tcase, large_shapes, 0, (int)PXS_COUNT(large));
    tcase_add_test(tcase, adjoint);
    tcase_add_test(tcase, nan_reaches_the_output);
    return tcase;
}
