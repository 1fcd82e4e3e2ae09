/* Weights: the border to torch's layouts, initial values, the optimiser's step. */
#include "nn_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct shape {
    enum pxs_weight_kind kind;
    int a, b;
};
static const struct shape shapes[] = {
    {PXS_WEIGHT_CONV, 1, 1},   {PXS_WEIGHT_CONV, 5, 3},   {PXS_WEIGHT_CONV, 64, 3},
    {PXS_WEIGHT_CONV, 33, 17}, {PXS_WEIGHT_CONV, 3, 40},  {PXS_WEIGHT_HEAD, 1, 64},
    {PXS_WEIGHT_HEAD, 3, 8},   {PXS_WEIGHT_HEAD, 17, 33}, {PXS_WEIGHT_BIAS, 1, 1},
    {PXS_WEIGHT_BIAS, 100, 1},
};

static struct pxs_weight make(const struct shape *s) {
    struct pxs_weight w = {
        .kind = s->kind, .rank = 4, .dims = {s->a, s->b, 4, 4}, .fan_in = 16 * s->b};
    w.count = (size_t)(s->a * s->b * 16);
    if (s->kind == PXS_WEIGHT_BIAS) {
        w.rank = 1;
        w.count = (size_t)s->a;
    }
    ck_assert_int_eq(pxs_weight_init(&w, true, NULL), PXS_OK);
    return w;
}

START_TEST(starts_with_zeros)
{
    struct pxs_weight w = make(&shapes[1]);
    for (size_t i = 0; i < w.count; i++)
        ck_assert(w.value[i] == 0 && w.m[i] == 0 && w.v[i] == 0);
    pxs_weight_finish(&w);
    pxs_weight_finish(&w);
    pxs_weight_finish(&(struct pxs_weight){0});
}
END_TEST

/* Element [a][b][ky][kx] of torch stands at [ky][kx][a/16][b][a%16] (conv; [ky][kx][b][a] where a
 * is no multiple of 16) or [b][ky][kx][a] (head), and nowhere else. */
START_TEST(layouts)
{
    const struct shape *s = &shapes[_i];
    struct pxs_weight w = make(s);
    float *torch = malloc(w.count * sizeof *torch), *ours = malloc(w.count * sizeof *ours),
          *back = malloc(w.count * sizeof *back);
    for (size_t i = 0; i < w.count; i++)
        torch[i] = (float)i;
    memset(ours, 0xff, w.count * sizeof *ours);
    memset(back, 0xff, w.count * sizeof *back);
    pxs_weight_from_torch(&w, torch, ours);
    for (size_t i = 0; i < w.count; i++) {
        size_t tap = i % 16, b = i / 16 % (size_t)s->b, a = i / 16 / (size_t)s->b,
               da = (size_t)s->a, db = (size_t)s->b, width = da % 16 ? da : 16;
        size_t at = s->kind == PXS_WEIGHT_CONV
                        ? ((tap * (da / width) + a / width) * db + b) * width + a % width
                    : s->kind == PXS_WEIGHT_HEAD ? (b * 16 + tap) * da + a
                                                 : i;
        ck_assert_float_eq(ours[at], torch[i]);
    }
    pxs_weight_to_torch(&w, ours, back);
    ck_assert_mem_eq(back, torch, w.count * sizeof *torch);
    free(torch);
    free(ours);
    free(back);
    pxs_weight_finish(&w);
}
END_TEST

static void moments(const struct pxs_weight *w, double *mean, double *std, double *most) {
    *mean = *std = *most = 0;
    for (size_t i = 0; i < w->count; i++) {
        *mean += (double)w->value[i] / (double)w->count;
        *most = fmax(*most, fabs((double)w->value[i]));
    }
    for (size_t i = 0; i < w->count; i++)
        *std += pow((double)w->value[i] - *mean, 2) / (double)w->count;
    *std = sqrt(*std);
}

START_TEST(initial_weights)
{
    struct pxs_nn nn = nn_make(1);
    double mean, std, most;
    for (int kind = 0; kind < 2; kind++) { /* N(0, 0.02) */
        struct pxs_weight w =
            make(&(struct shape){kind ? PXS_WEIGHT_HEAD : PXS_WEIGHT_CONV, 64, 100});
        w.m[5] = w.v[6] = 1;
        pxs_weight_randomise(&nn, &w, 1, 4);
        moments(&w, &mean, &std, &most);
        ck_assert_double_eq_tol(mean, 0, 5 * 0.02 / sqrt((double)w.count));
        ck_assert_double_eq_tol(std, 0.02, 5 * 0.02 / sqrt(2 * (double)w.count));
        ck_assert(most > 0.07 && most < 0.13);
        for (size_t i = 0; i < w.count; i++)
            ck_assert(w.m[i] == 0 && w.v[i] == 0);
        pxs_weight_finish(&w);
    }
    for (int fan = 1; fan <= 512; fan *= 8) { /* U(-1/sqrt(fan_in), 1/sqrt(fan_in)) */
        struct pxs_weight w = make(&(struct shape){PXS_WEIGHT_BIAS, 20000, fan});
        double bound = 1 / sqrt(16.0 * fan);
        pxs_weight_randomise(&nn, &w, 1, 4);
        moments(&w, &mean, &std, &most);
        ck_assert_double_eq_tol(mean, 0, 5 * bound / sqrt(3 * 20000.0));
        ck_assert_double_eq_tol(std, bound / sqrt(3), 0.01 * bound);
        ck_assert(most <= bound && most > 0.999 * bound);
        pxs_weight_finish(&w);
    }
    nn_finish(&nn);
}
END_TEST

START_TEST(seeds_and_layers_differ)
{
    struct pxs_nn nn = nn_make(1), one = nn;
    one.kernel.pool = NULL;
    for (int kind = 0; kind < 3; kind++) {
        struct shape s = {(enum pxs_weight_kind)kind, 30, 20};
        struct pxs_weight w = make(&s), other = make(&s);
        pxs_weight_randomise(&nn, &w, 5, 1);
        pxs_weight_randomise(&one, &other, 5, 1);
        ck_assert_mem_eq(w.value, other.value,
                         w.count * sizeof *w.value); /* same seed, other threads: same bits */
        for (int k = 0; k < 3; k++) {
            pxs_weight_randomise(&nn, &other,
                                 k == 0   ? 6
                                 : k == 1 ? 5
                                          : 5 + ((uint64_t)1 << 32),
                                 k == 1 ? 2 : 1);
            size_t equal = 0;
            for (size_t i = 0; i < w.count; i++)
                equal += w.value[i] == other.value[i];
            ck_assert_uint_le(equal, w.count / 100);
        }
        pxs_weight_finish(&w);
        pxs_weight_finish(&other);
    }
    nn_finish(&nn);
}
END_TEST

static void see_gradient(void *user, const struct pxs_weight *w, const float *grad) {
    float *seen = user;
    seen[0] = grad[0];
    seen[1] = w->value[0]; /* before the step */
}

START_TEST(optimiser)
{
    struct pxs_nn nn = nn_make(100);
    struct pxs_weight w = make(&shapes[9]);
    float seen[2] = {0}, value[100], m[100] = {0}, v[100] = {0};
    for (int i = 0; i < 100; i++) {
        nn.grad[i] = (float)(i - 30);
        value[i] = w.value[i] = (float)i;
    }
    nn.on_gradient = see_gradient;
    nn.user = seen;
    pxs_optimise(&nn, &w, nn.grad);
    ck_assert_float_eq(seen[0], -30);
    ck_assert_float_eq(seen[1], 0);
    ck_assert_float_eq_tol(w.value[0], 1e-3f, 1e-9f); /* against the gradient */
    pxs_adam_step(&nn.kernel, &nn.adam, 100, nn.grad, value, m, v);
    ck_assert_mem_eq(w.value, value, sizeof value);
    ck_assert_mem_eq(w.m, m, sizeof m);
    ck_assert_mem_eq(w.v, v, sizeof v);
    pxs_weight_finish(&w);
    nn_finish(&nn);
}
END_TEST

TCase *weight_case(void) {
    TCase *tcase = tcase_create("weight");
    tcase_add_test(tcase, starts_with_zeros);
    tcase_add_loop_test(tcase, layouts, 0, (int)PXS_COUNT(shapes));
    tcase_add_test(tcase, initial_weights);
    tcase_add_test(tcase, seeds_and_layers_differ);
    tcase_add_test(tcase, optimiser);
    return tcase;
}
