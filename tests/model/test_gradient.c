/* Every network's gradients against finite differences of its loss, tensor by tensor. */
#include "model_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sanitizers see every layer in the first step; each tensor's slope is found without them. */
enum { MAX_WEIGHTS_SEEN = 192, TENSOR_STRIDE = PXS_SANITIZED ? 5 : 1 };

/* The gradients of one step, in the order in which they are computed. */
struct gradients {
    const struct pxs_weight *weight[MAX_WEIGHTS_SEEN];
    float *grad[MAX_WEIGHTS_SEEN];
    int n;
};

static void keep(void *user, const struct pxs_weight *w, const float *grad) {
    struct gradients *g = user;
    ck_assert_int_lt(g->n, MAX_WEIGHTS_SEEN);
    g->weight[g->n] = w;
    g->grad[g->n] = malloc(w->count * sizeof *grad);
    memcpy(g->grad[g->n++], grad, w->count * sizeof *grad);
}

struct problem {
    struct pxs_pix2pix *m;
    const float *source, *target;
    int n;
};

/* The losses of both networks where they stand: at rate 0 a step changes nothing. */
static void losses_of(const struct problem *p, double loss[2]) {
    struct pxs_step_result l;
    pxs_pix2pix_step(p->m, p->source, p->target, p->n, (struct pxs_step_rates){0, 0}, 0, &l);
    loss[PXS_NET_G] = l.loss_G;
    loss[PXS_NET_D] = l.loss_D;
}

/* The slope of the loss along the gradient of one tensor, which is the gradient's length. */
static void check_tensor(const struct problem *p, enum pxs_net net, struct pxs_weight *w,
                         const float *grad, const char *what) {
    double length = 0, size = 0, loss[2][2];
    float *before = malloc(w->count * sizeof *before);
    memcpy(before, w->value, w->count * sizeof *before);
    for (size_t i = 0; i < w->count; i++) {
        length += (double)grad[i] * grad[i];
        size += (double)before[i] * before[i];
    }
    length = sqrt(length);
    /* Kinks of ReLU and L1 and norms over four pixels bend a long step, rounding spoils a short
     * one: one of several must fit. Gradients that are nothing but rounding are left out. */
    static const double steps[] = {2e-3, 5e-4, 2e-4, 5e-5};
    double closest = INFINITY, slope = 0;
    for (size_t k = 0; k < PXS_COUNT(steps) && length > 1e-5 && closest > 0.02 * length; k++) {
        const double step = steps[k] * (sqrt(size) + 0.05);
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < w->count; i++)
                w->value[i] = (float)(before[i] + (side ? step : -step) * grad[i] / length);
            losses_of(p, loss[side]);
        }
        const double found = (loss[1][net] - loss[0][net]) / (2 * step);
        if (fabs(found - length) < closest) {
            closest = fabs(found - length);
            slope = found;
        }
    }
    ck_assert_msg(length <= 1e-5 || closest <= 0.05 * length + 2e-3,
                  "%s, %s: the loss rises by %g along a gradient of length %g", what, w->name,
                  slope, length);
    memcpy(w->value, before, w->count * sizeof *before);
    free(before);
}

static void check_networks(struct pxs_params *p, const char *what) {
    struct problem problem = {.m = model_create(p, 0, "auto"), .n = (int)p->batch_size};
    const size_t floats = (size_t)problem.n * image_floats(p);
    struct gradients g = {0};
    double loss[2];
    float *source = random_pixels("fd/source", floats),
          *target = random_pixels("fd/target", floats);
    problem.source = source;
    problem.target = target;
    ck_assert_int_eq(pxs_pix2pix_randomise(problem.m, 7, NULL), PXS_OK);
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++) {
        struct pxs_weight **w;
        const size_t n = pxs_pix2pix_weights(problem.m, net, &w);
        for (size_t i = 0; i < n; i++) /* so that gradients reach every layer */
            for (size_t k = 0; k < w[i]->count && w[i]->rank > 1; k++)
                w[i]->value[k] *= 2;
    }
    pxs_pix2pix_on_gradient(problem.m, keep, &g);
    losses_of(&problem, loss);
    pxs_pix2pix_on_gradient(problem.m, NULL, NULL);
    ck_assert_int_gt(g.n, 4);
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++) {
        struct pxs_weight **w;
        const size_t n = pxs_pix2pix_weights(problem.m, net, &w);
        for (size_t i = 0; i < n; i += TENSOR_STRIDE)
            for (int k = 0; k < g.n; k++)
                if (g.weight[k] == w[i])
                    check_tensor(&problem, net, w[i], g.grad[k], what);
    }
    for (int k = 0; k < g.n; k++)
        free(g.grad[k]);
    free(source);
    free(target);
    model_destroy(&problem.m);
}

/* Networks that share no description; golden numbers see to the others. */
static const int generators[] = {PXS_GENERATOR_UNET, PXS_GENERATOR_UNET_32, PXS_GENERATOR_RESNET_6};

START_TEST(gradients_are_slopes)
{
    char what[96];
    struct pxs_params p =
        smallest(generators[_i / PXS_VALUES_discriminator], _i % PXS_VALUES_discriminator);
    p.dropout = 0.3;
    p.ngf = p.ndf = 4;
    p.batch_size = 2;
    snprintf(what, sizeof what, "%s, %s", pxs_param_info(PXS_PARAM_generator)->names[p.generator],
             pxs_param_info(PXS_PARAM_discriminator)->names[p.discriminator]);
    check_networks(&p, what);
}
END_TEST

TCase *gradient_case(void) {
    TCase *tcase = tcase_create("gradient");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, gradients_are_slopes, 0,
                        (int)PXS_COUNT(generators) * PXS_VALUES_discriminator);
    return tcase;
}
