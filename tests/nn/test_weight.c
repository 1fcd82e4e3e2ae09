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

static const struct pxs_init normal = {PXS_INIT_NORMAL, 0.02};

static void randomise(const struct pxs_nn *nn, struct pxs_weight *w, uint64_t seed,
                      uint32_t layer) {
    ck_assert_int_eq(pxs_weight_randomise(nn, w, &normal, seed, layer, NULL), PXS_OK);
}

START_TEST(initial_weights)
{
    struct pxs_nn nn = nn_make(1);
    double mean, std, most;
    for (int kind = 0; kind < 2; kind++) { /* N(0, 0.02) */
        struct pxs_weight w =
            make(&(struct shape){kind ? PXS_WEIGHT_HEAD : PXS_WEIGHT_CONV, 64, 100});
        w.m[5] = w.v[6] = 1;
        randomise(&nn, &w, 1, 4);
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
        randomise(&nn, &w, 1, 4);
        moments(&w, &mean, &std, &most);
        ck_assert_double_eq_tol(mean, 0, 5 * bound / sqrt(3 * 20000.0));
        ck_assert_double_eq_tol(std, bound / sqrt(3), 0.01 * bound);
        ck_assert(most <= bound && most > 0.999 * bound);
        pxs_weight_finish(&w);
    }
    nn_finish(&nn);
}
END_TEST

static struct pxs_weight drawn(struct pxs_nn *nn, struct shape s, enum pxs_init_kind kind,
                               double gain) {
    struct pxs_weight w = make(&s);
    const struct pxs_init init = {kind, gain};
    ck_assert_int_eq(pxs_weight_randomise(nn, &w, &init, 3, 7, NULL), PXS_OK);
    return w;
}

/* torch's standard deviations; fans are those of the weight's shape [a, b, 4, 4]. */
START_TEST(init_types)
{
    struct pxs_nn nn = nn_make(1);
    const struct shape s = {PXS_WEIGHT_CONV, 64, 32};
    const struct {
        enum pxs_init_kind kind;
        double gain, std;
    } rows[] = {{PXS_INIT_NORMAL, 0.02, 0.02},
                {PXS_INIT_NORMAL, 1.5, 1.5},
                {PXS_INIT_XAVIER, 0.02, 0.02 * 0.036084391824351615}, /* sqrt(2 / (16 (64 + 32))) */
                {PXS_INIT_XAVIER, 1.0, 0.036084391824351615},
                {PXS_INIT_KAIMING, 0.02, 0.0625}}; /* sqrt(2 / (16 * 32)) */
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        struct pxs_weight w = drawn(&nn, s, rows[i].kind, rows[i].gain);
        double mean, std, most;
        moments(&w, &mean, &std, &most);
        ck_assert_double_eq_tol(mean, 0, 5 * rows[i].std / sqrt((double)w.count));
        ck_assert_double_eq_tol(std, rows[i].std, 5 * rows[i].std / sqrt(2 * (double)w.count));
        pxs_weight_finish(&w);
    }
    nn_finish(&nn);
}
END_TEST

/* Fans as torch.nn.init._calculate_fan_in_and_fan_out counts them for the weight of
 * Conv2d(c_in, c_out, kernel) and of ConvTranspose2d(c_in, c_out, kernel), and the standard
 * deviations of xavier_normal_ and kaiming_normal_(a=0, mode='fan_in') that follow, as torch 2.13
 * gives them. */
static const struct {
    enum pxs_layer_kind kind;
    int kernel, c_in, c_out;
    double xavier, kaiming;
} fans[] = {
    {PXS_LAYER_CONV, 4, 24, 40, 0.04419417382415922, 0.07216878364870323},           /* 384, 640 */
    {PXS_LAYER_CONV_TRANSPOSE, 4, 24, 40, 0.04419417382415922, 0.05590169943749474}, /* 640, 384 */
    {PXS_LAYER_CONV, 3, 24, 40, 0.05892556509887896, 0.09622504486493763},           /* 216, 360 */
    {PXS_LAYER_CONV_TRANSPOSE, 3, 24, 40, 0.05892556509887896, 0.07453559924999299}, /* 360, 216 */
    {PXS_LAYER_CONV, 7, 3, 64, 0.024681955016610288, 0.11664236870396087},           /* 147, 3136 */
    {PXS_LAYER_HEAD, 7, 64, 3, 0.024681955016610288, 0.02525381361380527},           /* 3136, 147 */
    {PXS_LAYER_CONV_TRANSPOSE, 4, 128, 3, 0.030890103160760775, 0.20412414523193154}, /* 48, 2048 */
    {PXS_LAYER_CONV, 1, 24, 40, 0.1767766952966369, 0.2886751345948129},              /* 24, 40 */
};

START_TEST(fans_of_layers)
{
    struct pxs_nn nn = nn_make(1);
    for (int i = 0; i < 2; i++) {
        const struct pxs_init init = {i ? PXS_INIT_KAIMING : PXS_INIT_XAVIER, 1.0};
        const double expected = i ? fans[_i].kaiming : fans[_i].xavier;
        struct pxs_layer l;
        double mean, std, most;
        pxs_layer_describe(&l, &(struct pxs_layer_spec){.name = "model.2",
                                                        .kind = fans[_i].kind,
                                                        .kernel = fans[_i].kernel,
                                                        .c_in = fans[_i].c_in,
                                                        .c_out = fans[_i].c_out});
        ck_assert_int_eq(pxs_layer_init(&l, true, NULL), PXS_OK);
        ck_assert_int_eq(pxs_weight_randomise(&nn, &l.weight, &init, 3, 7, NULL), PXS_OK);
        moments(&l.weight, &mean, &std, &most);
        const double n = (double)l.weight.count;
        ck_assert_double_eq_tol(mean, 0, 5 * expected / sqrt(n));
        ck_assert_double_eq_tol(std, expected, 4 * expected / sqrt(2 * n));
        pxs_layer_finish(&l);
    }
    nn_finish(&nn);
}
END_TEST

/* torch's elements [rows, cols] of a weight, and the normal numbers that it was made of. */
static void as_matrix(const struct pxs_nn *nn, const struct pxs_weight *w, float *torch,
                      float *normals) {
    pxs_weight_to_torch(w, w->value, torch);
    pxs_fill_normal(&nn->kernel, 3, 7, 0.0f, 1.0f, w->count, normals);
}

static double along(const float *a, const float *b, size_t n, size_t step) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i * step] * (double)b[i * step];
    return sum;
}

/* Rows, or columns where there are fewer, are orthogonal and of length gain; each lies in the span
 * of the normal ones up to it, on its side: so it is Q with torch's signs. */
static const struct shape orthogonal_shapes[] = {
    {PXS_WEIGHT_CONV, 70, 5}, {PXS_WEIGHT_CONV, 100, 3}, {PXS_WEIGHT_CONV, 32, 2},
    {PXS_WEIGHT_CONV, 16, 1}, {PXS_WEIGHT_CONV, 1, 9},   {PXS_WEIGHT_CONV, 20, 1},
    {PXS_WEIGHT_HEAD, 3, 40}, {PXS_WEIGHT_CONV, 64, 40}};

START_TEST(orthogonal)
{
    const struct shape s = orthogonal_shapes[_i];
    struct pxs_nn nn = nn_make(1), one = nn;
    one.kernel.pool = NULL;
    struct pxs_weight w = drawn(&nn, s, PXS_INIT_ORTHOGONAL, 0.5),
                      alone = drawn(&one, s, PXS_INIT_ORTHOGONAL, 0.5);
    ck_assert_mem_eq(w.value, alone.value, w.count * sizeof *w.value);
    const size_t rows = (size_t)s.a, cols = (size_t)s.b * 16, n = rows < cols ? rows : cols,
                 length = rows < cols ? cols : rows;
    const size_t vector = rows <= cols ? cols : 1, step = rows <= cols ? 1 : cols;
    float *q = calloc(w.count, sizeof *q), *z = calloc(w.count, sizeof *z);
    as_matrix(&nn, &w, q, z);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k <= i; k++) {
            const double product = along(q + i * vector, q + k * vector, length, step),
                         r = along(z + k * vector, q + i * vector, length, step);
            ck_assert_double_eq_tol(product, i == k ? 0.25 : 0.0, 1e-6);
            ck_assert_msg(i == k ? r > 0 : fabs(r) < 1e-5 * sqrt((double)length),
                          "rows %zu and %zu of %zu: %g", i, k, n, r);
        }
    free(q);
    free(z);
    pxs_weight_finish(&w);
    pxs_weight_finish(&alone);
    nn_finish(&nn);
}
END_TEST

/* A batch norm's tensors, and a bias that starts at 0. */
START_TEST(norms_and_zero_biases)
{
    struct pxs_nn nn = nn_make(1);
    struct pxs_layer l;
    pxs_layer_describe(&l, &(struct pxs_layer_spec){.name = "model.2",
                                                    .norm_name = "model.3",
                                                    .kernel = 1,
                                                    .c_in = 1,
                                                    .c_out = 20000,
                                                    .bias = true,
                                                    .norm = PXS_NORM_BATCH});
    ck_assert_int_eq(pxs_layer_init(&l, true, NULL), PXS_OK);
    static const char *const names[] = {"model.2.weight",      "model.3.weight",
                                        "model.3.bias",        "model.3.running_mean",
                                        "model.3.running_var", "model.3.num_batches_tracked"};
    struct pxs_weight *w[PXS_LAYER_TENSORS];
    ck_assert_uint_eq(pxs_layer_tensors(&l, w), PXS_COUNT(names)); /* no bias beside it */
    const struct pxs_init init = {PXS_INIT_XAVIER, 0.1};
    for (size_t i = 0; i < PXS_COUNT(names); i++) {
        ck_assert_str_eq(w[i]->name, names[i]);
        ck_assert_int_eq(w[i]->fixed, i >= 3);
        ck_assert((w[i]->m == NULL) == (i >= 3));
        w[i]->batches = 5;
        ck_assert_int_eq(pxs_weight_randomise(&nn, w[i], &init, 3, 7, NULL), PXS_OK);
    }
    double mean, std, most;
    moments(&l.gamma, &mean, &std, &most);
    ck_assert_double_eq_tol(mean, 1, 5 * 0.1 / sqrt(20000));
    ck_assert_double_eq_tol(std, 0.1, 5 * 0.1 / sqrt(40000));
    for (size_t i = 0; i < 20000; i++)
        ck_assert(l.beta.value[i] == 0 && l.running_mean.value[i] == 0 &&
                  l.running_var.value[i] == 1);
    ck_assert_int_eq(l.batches.batches, 0);
    pxs_layer_finish(&l);

    struct pxs_weight bias = make(&shapes[9]);
    bias.zero = true;
    bias.value[3] = 1;
    randomise(&nn, &bias, 1, 2);
    for (size_t i = 0; i < bias.count; i++)
        ck_assert(bias.value[i] == 0 && !signbit(bias.value[i]));
    pxs_weight_finish(&bias);
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
        randomise(&nn, &w, 5, 1);
        randomise(&one, &other, 5, 1);
        ck_assert_mem_eq(w.value, other.value,
                         w.count * sizeof *w.value); /* same seed, other threads: same bits */
        for (int k = 0; k < 3; k++) {
            randomise(&nn, &other,
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
    tcase_add_test(tcase, init_types);
    tcase_add_loop_test(tcase, fans_of_layers, 0, (int)PXS_COUNT(fans));
    tcase_add_loop_test(tcase, orthogonal, 0, (int)PXS_COUNT(orthogonal_shapes));
    tcase_add_test(tcase, norms_and_zero_biases);
    tcase_add_test(tcase, seeds_and_layers_differ);
    tcase_add_test(tcase, optimiser);
    return tcase;
}
