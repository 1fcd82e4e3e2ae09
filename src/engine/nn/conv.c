/* 4x4 stride-2 convolution and its transpose: two readings of the kernel room's canonical layer. */
#include "pixsweep/nn.h"

#include <stdio.h>

void pxs_conv_describe(struct pxs_conv *c, bool transposed, const char *name, int cb, int cs) {
    *c = (struct pxs_conv){.cb = cb, .cs = cs};
    struct pxs_weight *w = &c->weight;
    /* torch's Conv2d is [out,in,4,4] with out the small side; ConvTranspose2d is [in,out,4,4] with in the small side: the same shape. */
    *w = (struct pxs_weight){.kind = PXS_WEIGHT_CONV,
                             .rank = 4,
                             .dims = {cs, cb, 4, 4},
                             .fan_in = 16 * (transposed ? cs : cb),
                             .count = (size_t)cs * (size_t)cb * 16};
    snprintf(w->name, sizeof w->name, "%s", name);
}

enum pxs_status pxs_conv_init(struct pxs_conv *c, bool transposed, const char *name, int cb, int cs,
                              struct pxs_error *err) {
    pxs_conv_describe(c, transposed, name, cb, cs);
    return pxs_weight_init(&c->weight, err);
}

void pxs_conv_finish(struct pxs_conv *c) {
    pxs_weight_finish(&c->weight);
}

static struct pxs_conv_shape shape_of(const struct pxs_conv *c, int n, int h, int w) {
    return (struct pxs_conv_shape){.n = n, .h = h, .w = w, .cb = c->cb, .cs = c->cs};
}

size_t pxs_conv_scratch(const struct pxs_nn *nn, const struct pxs_conv *c, int n, int h, int w) {
    struct pxs_conv_shape s = shape_of(c, n, h, w);
    return pxs_kernels_scratch(nn->kernel.set, &s, pxs_pool_threads(nn->kernel.pool));
}

/* The weight gradient of a convolution, transposed or not, and the optimiser's step.
 *
 * Training takes the first way: pxs_conv_weight_adam uses the gradient up while it is in cache. Only
 * tests set on_gradient; they take the second way, where the whole gradient stands in memory first. So
 * a gradient that a test holds to PyTorch or to finite differences says nothing about the first way by
 * itself: kerncheck shows that both give the same bits (tests/kernel/test_threads.c). */
static void update(const struct pxs_nn *nn, struct pxs_conv *c, const struct pxs_conv_shape *s,
                   const float *big, size_t ld_big, const float *small, size_t ld_small) {
    struct pxs_weight *w = &c->weight;
    if (!nn->on_gradient) {
        pxs_conv_weight_adam(&nn->kernel, s, big, ld_big, small, ld_small, nn->grad, &nn->adam, w->value,
                             w->m, w->v);
        return;
    }
    pxs_conv_weight(&nn->kernel, s, big, ld_big, small, ld_small, nn->grad);
    pxs_optimise(nn, w);
}

void pxs_conv_forward(const struct pxs_nn *nn, const struct pxs_conv *c, int n, int h, int w, const float *x,
                      size_t ld_x, float *y, size_t ld_y) {
    struct pxs_conv_shape s = shape_of(c, n, h, w);
    pxs_conv_down(&nn->kernel, &s, x, ld_x, c->weight.value, y, ld_y);
}

void pxs_conv_backward(const struct pxs_nn *nn, const struct pxs_conv *c, int n, int h, int w,
                       const float *dy, size_t ld_dy, float *dx, size_t ld_dx, bool accumulate) {
    struct pxs_conv_shape s = shape_of(c, n, h, w);
    pxs_conv_up(&nn->kernel, &s, dy, ld_dy, c->weight.value, dx, ld_dx, accumulate);
}

void pxs_conv_update(const struct pxs_nn *nn, struct pxs_conv *c, int n, int h, int w, const float *x,
                     size_t ld_x, const float *dy, size_t ld_dy) {
    struct pxs_conv_shape s = shape_of(c, n, h, w);
    update(nn, c, &s, x, ld_x, dy, ld_dy);
}

void pxs_conv_transpose_forward(const struct pxs_nn *nn, const struct pxs_conv *c, int n, int h, int w,
                                const float *x, size_t ld_x, float *y, size_t ld_y) {
    struct pxs_conv_shape s = shape_of(c, n, h, w);
    pxs_conv_up(&nn->kernel, &s, x, ld_x, c->weight.value, y, ld_y, false);
}

void pxs_conv_transpose_backward(const struct pxs_nn *nn, const struct pxs_conv *c, int n, int h, int w,
                                 const float *dy, size_t ld_dy, float *dx, size_t ld_dx) {
    struct pxs_conv_shape s = shape_of(c, n, h, w);
    pxs_conv_down(&nn->kernel, &s, dy, ld_dy, c->weight.value, dx, ld_dx);
}

void pxs_conv_transpose_update(const struct pxs_nn *nn, struct pxs_conv *c, int n, int h, int w,
                               const float *x, size_t ld_x, const float *dy, size_t ld_dy) {
    struct pxs_conv_shape s = shape_of(c, n, h, w);
    update(nn, c, &s, dy, ld_dy, x, ld_x);
}
