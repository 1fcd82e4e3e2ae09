/* The references' gradients against central differences, in double. The loss is sum(r * y) for
 * random r. */
#include "kernel_tests.h"

#include <math.h>

#define STEP 1e-5
#define RELATIVE 1e-6

static double *random_numbers(size_t n) {
    double *p = numbers(n);
    for (size_t i = 0; i < n; i++)
        p[i] = random_unit();
    return p;
}

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* d loss / d x[i] by central differences for every i, against `grad`. */
static void expect_gradient(double (*loss)(const void *), const void *user, double *x, size_t n,
                            const double *grad, const char *what) {
    double scale = sqrt(dot(grad, grad, n) / (double)n);
    for (size_t i = 0; i < n; i++) {
        double at = x[i];
        x[i] = at + STEP;
        double high = loss(user);
        x[i] = at - STEP;
        double low = loss(user);
        x[i] = at;
        double slope = (high - low) / (2 * STEP);
        ck_assert_msg(fabs(slope - grad[i]) <= RELATIVE * (fabs(grad[i]) + scale),
                      "%s %zu: slope %.12g, gradient %.12g (seed %llu)", what, i, slope, grad[i],
                      (unsigned long long)test_seed());
    }
}

struct conv {
    struct pxs_conv_shape s;
    double *big, *small, *weight, *r, *y;
    size_t n_big, n_small, n_weight;
};

static double loss_down(const void *user) {
    const struct conv *c = user;
    ref_down(&c->s, c->big, c->weight, c->y);
    return dot(c->r, c->y, c->n_small);
}

static double loss_up(const void *user) {
    const struct conv *c = user;
    ref_up(&c->s, c->small, c->weight, c->y);
    return dot(c->r, c->y, c->n_big);
}

static const struct pxs_conv_shape conv_shapes[] = {HALVING(1, 1, 1, 1, 1),
                                                    HALVING(2, 1, 3, 2, 3),
                                                    HALVING(1, 3, 2, 3, 2),
                                                    HALVING(2, 4, 3, 2, 1),
                                                    CONVOLUTION(2, 5, 7, 2, 3, 4, 2, 1, false),
                                                    CONVOLUTION(1, 4, 5, 2, 1, 4, 1, 1, false),
                                                    CONVOLUTION(2, 2, 4, 2, 3, 3, 1, 1, true),
                                                    CONVOLUTION(1, 5, 4, 3, 2, 3, 2, 1, false),
                                                    CONVOLUTION(1, 4, 5, 2, 2, 7, 1, 3, true),
                                                    CONVOLUTION(2, 2, 3, 3, 2, 1, 1, 0, false),
                                                    CONVOLUTION(1, 6, 7, 1, 2, 2, 3, 0, false),
                                                    CONVOLUTION(1, 5, 5, 1, 2, 4, 2, 3, true)};

START_TEST(conv_gradients)
{
    random_start("conv_gradients");
    struct conv c = {.s = conv_shapes[_i]};
    c.n_small = small_pixels(&c.s) * (size_t)c.s.cs;
    c.n_big = big_pixels(&c.s) * (size_t)c.s.cb;
    c.n_weight = weight_count(&c.s);
    c.big = random_numbers(c.n_big);
    c.small = random_numbers(c.n_small);
    c.weight = random_numbers(c.n_weight);
    c.r = random_numbers(c.n_big + c.n_small);
    c.y = numbers(c.n_big + c.n_small);
    double *dbig = numbers(c.n_big), *dsmall = numbers(c.n_small), *dweight = numbers(c.n_weight);

    ref_up(&c.s, c.r, c.weight, dbig);
    expect_gradient(loss_down, &c, c.big, c.n_big, dbig, "down, big");
    ref_weight(&c.s, c.big, c.r, dweight);
    expect_gradient(loss_down, &c, c.weight, c.n_weight, dweight, "down, weight");

    ref_down(&c.s, c.r, c.weight, dsmall);
    expect_gradient(loss_up, &c, c.small, c.n_small, dsmall, "up, small");
    ref_weight(&c.s, c.r, c.small, dweight);
    expect_gradient(loss_up, &c, c.weight, c.n_weight, dweight, "up, weight");
}
END_TEST

struct head {
    struct pxs_head_shape s;
    double *x, *weight, *bias, *r, *y;
    size_t n_y;
};

static double loss_head(const void *user) {
    const struct head *c = user;
    ref_head_forward(&c->s, c->x, c->weight, c->bias, c->y);
    return dot(c->r, c->y, c->n_y);
}

static const struct pxs_head_shape head_shapes[] = {{1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 2},
                                                    {2, 3, 4, 2, 1, 1}, {2, 4, 3, 2, 3, 2},
                                                    {1, 2, 5, 3, 2, 1}, {1, 5, 1, 1, 2, 2}};

START_TEST(head_gradients)
{
    random_start("head_gradients");
    struct head c = {.s = head_shapes[_i]};
    size_t n_x = (size_t)(c.s.n * c.s.h * c.s.w * c.s.c), n_weight = (size_t)(c.s.c * 16 * c.s.co),
           n_bias = (size_t)c.s.co;
    c.n_y = (size_t)(c.s.n * c.s.scale * c.s.h * c.s.scale * c.s.w * c.s.co);
    c.x = random_numbers(n_x);
    c.weight = random_numbers(n_weight);
    c.bias = random_numbers(n_bias);
    c.r = random_numbers(c.n_y);
    c.y = numbers(c.n_y);
    double *dx = numbers(n_x), *dweight = numbers(n_weight), *dbias = numbers(n_bias);
    ref_head_backward(&c.s, c.x, c.weight, c.r, dx, dweight, dbias);
    expect_gradient(loss_head, &c, c.x, n_x, dx, "head, x");
    expect_gradient(loss_head, &c, c.weight, n_weight, dweight, "head, weight");
    expect_gradient(loss_head, &c, c.bias, n_bias, dbias, "head, bias");
}
END_TEST

struct block {
    struct pxs_block_shape s;
    double *x, *keep, *r, *y, *gamma, *beta;
    size_t n;
};

static double loss_block(const void *user) {
    const struct block *c = user;
    ref_block_forward(&c->s, c->gamma, c->beta, c->x, c->keep, c->y);
    return dot(c->r, c->y, c->n);
}

/* Moves x until no activation stands within `gap` of its kink: without one the block hands
 * out what it sees. */
static void avoid_kinks(const struct block *c, double gap) {
    struct pxs_block_shape plain = c->s;
    plain.activation = PXS_ACTIVATION_NONE;
    for (bool moved = true; moved;) {
        moved = false;
        ref_block_forward(&plain, c->gamma, c->beta, c->x, NULL, c->y);
        for (size_t i = 0; i < c->n; i++)
            if (fabs(c->y[i]) < gap) {
                c->x[i] = random_unit();
                moved = true;
            }
    }
}

/* Two pixels under a norm are +-1 whatever they are, with gradients of the size of eps: the
 * smallest norms have three. */
static const struct pxs_block_shape block_shapes[] = {
    {1, 1, 3, PLAIN(0.2f)},
    {2, 6, 5, PLAIN(0.0f)},
    {2, 6, 5, PLAIN(0.2f)},
    {2, 3, 4, NORM(0.2f)},
    {1, 7, 3, NORM(0.0f)},
    {2, 16, 3, NORM(0.2f)},
    {1, 5, 2, NORM(1.0f)},
    {2, 6, 3, PXS_NORM_NONE, PXS_ACTIVATION_TANH, 0, 0},
    {2, 6, 3, PXS_NORM_INSTANCE, PXS_ACTIVATION_TANH, 0, 0},
    {2, 6, 3, PXS_NORM_INSTANCE, PXS_ACTIVATION_NONE, 0, 0},
    {3, 4, 3, BATCH_NORM(0.2f, 1)},
    {4, 5, 2, BATCH_NORM(0.0f, 2)},
    {3, 1, 4, BATCH_NORM(0.2f, 0)},
    {1, 7, 2, BATCH_NORM(1.0f, 1)},
    {2, 6, 3, PXS_NORM_BATCH, PXS_ACTIVATION_TANH, 0, 2}};

START_TEST(block_gradients)
{
    random_start("block_gradients");
    for (int dropout = 0; dropout < 2; dropout++) {
        struct block c = {.s = block_shapes[_i]};
        c.n = (size_t)(c.s.n * c.s.hw * c.s.c);
        c.x = random_numbers(c.n);
        c.r = random_numbers(c.n);
        c.y = numbers(c.n);
        c.gamma = random_numbers((size_t)c.s.c);
        c.beta = random_numbers((size_t)c.s.c);
        if (dropout) {
            c.keep = numbers(c.n);
            for (size_t i = 0; i < c.n; i++)
                c.keep[i] = random_u32() % 4 ? 1.0 / 0.75 : 0.0;
        }
        avoid_kinks(&c, 1e-3);
        double *dx = numbers(c.n), *dgamma = numbers((size_t)c.s.c),
               *dbeta = numbers((size_t)c.s.c);
        ref_block_backward(&c.s, c.gamma, c.beta, c.x, c.keep, c.r, dx, dgamma, dbeta);
        expect_gradient(loss_block, &c, c.x, c.n, dx, "block, x");
        if (c.s.norm != PXS_NORM_BATCH)
            continue;
        expect_gradient(loss_block, &c, c.gamma, (size_t)c.s.c, dgamma, "block, gamma");
        expect_gradient(loss_block, &c, c.beta, (size_t)c.s.c, dbeta, "block, beta");
    }
}
END_TEST

/* The references are linear in each operand, and D, U, W are one trilinear form: <D(x), y> = <x,
 * U(y)> = <w, W(x, y)>. */
START_TEST(one_trilinear_form)
{
    random_start("one_trilinear_form");
    struct pxs_conv_shape s = conv_shapes[_i];
    size_t n_small = small_pixels(&s) * (size_t)s.cs, n_big = big_pixels(&s) * (size_t)s.cb,
           n_weight = weight_count(&s);
    double *big = random_numbers(n_big), *small = random_numbers(n_small),
           *weight = random_numbers(n_weight);
    double *down = numbers(n_small), *up = numbers(n_big), *dweight = numbers(n_weight);
    ref_down(&s, big, weight, down);
    ref_up(&s, small, weight, up);
    ref_weight(&s, big, small, dweight);
    double want = dot(down, small, n_small);
    ck_assert_double_eq_tol(dot(big, up, n_big), want, 1e-12 * (1 + fabs(want)));
    ck_assert_double_eq_tol(dot(weight, dweight, n_weight), want, 1e-12 * (1 + fabs(want)));
}
END_TEST

/* Known by hand: a single big pixel meets the taps that the header's formula says. */
START_TEST(taps_by_hand)
{
    struct pxs_conv_shape s = halving(1, 2, 2, 1, 1);
    double big[16] = {0}, weight[16], small[4];
    for (int t = 0; t < 16; t++)
        weight[t] = 1 + t;
    big[1 * 4 + 2] = 1; /* (1,2): 1 = 2i-1+ky, 2 = 2j-1+kx */
    ref_down(&s, big, weight, small);
    ck_assert_double_eq(small[0], weight[2 * 4 + 3]); /* i 0 ky 2, j 0 kx 3 */
    ck_assert_double_eq(small[1], weight[2 * 4 + 1]); /* i 0 ky 2, j 1 kx 1 */
    ck_assert_double_eq(small[2], weight[0 * 4 + 3]);
    ck_assert_double_eq(small[3], weight[0 * 4 + 1]);
    struct pxs_head_shape head = {1, 3, 3, 1, 1, 1};
    double x[9] = {0}, y[9];
    x[4] = 1; /* output (y,x) meets input (y-2+ky, x-2+kx) */
    ref_head_forward(&head, x, weight, NULL, y);
    for (int i = 0; i < 9; i++) {
        int ky = 3 - i / 3, kx = 3 - i % 3;
        ck_assert_double_eq(y[i], weight[ky * 4 + kx]);
    }
}
END_TEST

TCase *reference_case(void) {
    KERNEL_CASE("reference");
    tcase_add_loop_test(tcase, conv_gradients, 0, (int)PXS_COUNT(conv_shapes));
    tcase_add_loop_test(tcase, head_gradients, 0, (int)PXS_COUNT(head_shapes));
    tcase_add_loop_test(tcase, block_gradients, 0, (int)PXS_COUNT(block_shapes));
    tcase_add_loop_test(tcase, one_trilinear_form, 0, (int)PXS_COUNT(conv_shapes));
    tcase_add_test(tcase, taps_by_hand);
    return tcase;
}
