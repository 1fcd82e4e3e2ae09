/* The 4x4 stride-1 convolution to few channels that ends both networks. */
#include "pixsweep/nn.h"

void pxs_head_apply(const struct pxs_nn *nn, const struct pxs_layer *l, int n, const float *x,
                    size_t ld_x, float *y) {
    const struct pxs_head_shape s = pxs_layer_head(&l->spec, n);
    pxs_head_forward(&nn->kernel, &s, x, ld_x, l->weight.value, l->bias.value,
                     l->spec.activation == PXS_ACTIVATION_TANH, y);
}

void pxs_head_gradient(const struct pxs_nn *nn, struct pxs_layer *l, int n, const float *x,
                       size_t ld_x, const float *y, float *dy, float *dx, size_t ld_dx,
                       bool update) {
    const struct pxs_head_shape s = pxs_layer_head(&l->spec, n);
    const size_t pixels = (size_t)n * (size_t)l->spec.h * (size_t)l->spec.w;
    if (l->spec.activation == PXS_ACTIVATION_TANH)
        pxs_tanh_backward(&nn->kernel, y, pixels * (size_t)s.co, dy);
    pxs_head_backward(&nn->kernel, &s, x, ld_x, l->weight.value, dy, dx, ld_dx,
                      update ? nn->grad : NULL);
    if (!update)
        return;
    pxs_optimise(nn, &l->weight, nn->grad);
    if (l->spec.bias) {
        pxs_sum_pixels(&nn->kernel, dy, pixels, s.co, nn->grad);
        pxs_optimise(nn, &l->bias, nn->grad);
    }
}
