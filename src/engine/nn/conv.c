/* Convolutions and their transposes, by the three passes of kernel.h. */
#include "pixsweep/nn.h"

/* The weight gradient of a convolution, transposed or not, and the optimiser's step.
 *
 * Training runs pxs_conv_weight_adam, which uses the gradient while it is in cache. Only tests set
 * on_gradient; for them the whole gradient is computed into memory first. So a test that compares
 * gradients with PyTorch or finite differences does not check the fused pass; kerncheck shows that
 * both give the same bits (tests/kernel/test_threads.c). */
static void update(const struct pxs_nn *nn, struct pxs_layer *l, int n, const float *big,
                   size_t ld_big, const float *small, size_t ld_small) {
    const struct pxs_conv_shape s = pxs_layer_conv(&l->spec, n);
    struct pxs_weight *w = &l->weight;
    if (!nn->on_gradient) {
        pxs_conv_weight_adam(&nn->kernel, &s, big, ld_big, small, ld_small, nn->grad, &nn->adam,
                             w->value, w->m, w->v);
        return;
    }
    pxs_conv_weight(&nn->kernel, &s, big, ld_big, small, ld_small, nn->grad);
    pxs_optimise(nn, w, nn->grad);
}

void pxs_conv_forward(const struct pxs_nn *nn, const struct pxs_layer *l, int n, const float *x,
                      size_t ld_x, float *y, size_t ld_y) {
    const struct pxs_conv_shape s = pxs_layer_conv(&l->spec, n);
    pxs_conv_down(&nn->kernel, &s, x, ld_x, l->weight.value, y, ld_y);
}

void pxs_conv_backward(const struct pxs_nn *nn, const struct pxs_layer *l, int n, const float *dy,
                       size_t ld_dy, float *dx, size_t ld_dx, bool accumulate) {
    const struct pxs_conv_shape s = pxs_layer_conv(&l->spec, n);
    pxs_conv_up(&nn->kernel, &s, dy, ld_dy, l->weight.value, dx, ld_dx, accumulate);
}

void pxs_conv_update(const struct pxs_nn *nn, struct pxs_layer *l, int n, const float *x,
                     size_t ld_x, const float *dy, size_t ld_dy) {
    update(nn, l, n, x, ld_x, dy, ld_dy);
}

void pxs_conv_transpose_forward(const struct pxs_nn *nn, const struct pxs_layer *l, int n,
                                const float *x, size_t ld_x, float *y, size_t ld_y) {
    const struct pxs_conv_shape s = pxs_layer_conv(&l->spec, n);
    struct pxs_kernel_context ctx = nn->kernel;
    ctx.turned = l->turned;
    pxs_conv_up(&ctx, &s, x, ld_x, l->weight.value, y, ld_y, false);
}

void pxs_conv_transpose_backward(const struct pxs_nn *nn, const struct pxs_layer *l, int n,
                                 const float *dy, size_t ld_dy, float *dx, size_t ld_dx) {
    const struct pxs_conv_shape s = pxs_layer_conv(&l->spec, n);
    pxs_conv_down(&nn->kernel, &s, dy, ld_dy, l->weight.value, dx, ld_dx);
}

void pxs_conv_transpose_update(const struct pxs_nn *nn, struct pxs_layer *l, int n, const float *x,
                               size_t ld_x, const float *dy, size_t ld_dy) {
    update(nn, l, n, dy, ld_dy, x, ld_x);
}
