/* The 4x4 stride-1 convolution to few channels that ends both networks. */
#include "pixsweep/nn.h"

#include <stdio.h>

void pxs_head_describe(struct pxs_head *l, const char *name, int c, int co, int scale, bool has_bias,
                       bool has_tanh) {
    *l = (struct pxs_head){.c = c, .co = co, .scale = scale, .has_bias = has_bias, .has_tanh = has_tanh};
    l->weight = (struct pxs_weight){.kind = PXS_WEIGHT_HEAD,
                                    .rank = 4,
                                    .dims = {co, c, 4, 4},
                                    .fan_in = 16 * c,
                                    .count = (size_t)co * (size_t)c * 16};
    snprintf(l->weight.name, sizeof l->weight.name, "%s.weight", name);
    if (!has_bias)
        return;
    l->bias = (struct pxs_weight){
        .kind = PXS_WEIGHT_BIAS, .rank = 1, .dims = {co}, .fan_in = 16 * c, .count = (size_t)co};
    snprintf(l->bias.name, sizeof l->bias.name, "%s.bias", name);
}

enum pxs_status pxs_head_init(struct pxs_head *l, const char *name, int c, int co, int scale, bool has_bias,
                              bool has_tanh, struct pxs_error *err) {
    pxs_head_describe(l, name, c, co, scale, has_bias, has_tanh);
    PXS_TRY(pxs_weight_init(&l->weight, err));
    if (!has_bias)
        return PXS_OK;
    enum pxs_status status = pxs_weight_init(&l->bias, err);
    if (status != PXS_OK)
        pxs_head_finish(l);
    return status;
}

void pxs_head_finish(struct pxs_head *l) {
    pxs_weight_finish(&l->weight);
    pxs_weight_finish(&l->bias);
}

static struct pxs_head_shape shape_of(const struct pxs_head *l, int n, int h, int w) {
    return (struct pxs_head_shape){.n = n, .h = h, .w = w, .c = l->c, .co = l->co, .scale = l->scale};
}

size_t pxs_head_scratch_floats(const struct pxs_nn *nn, const struct pxs_head *l, int n, int h, int w) {
    struct pxs_head_shape s = shape_of(l, n, h, w);
    return pxs_head_scratch(nn->kernel.set, &s, pxs_pool_threads(nn->kernel.pool));
}

void pxs_head_apply(const struct pxs_nn *nn, const struct pxs_head *l, int n, int h, int w, const float *x,
                    size_t ld_x, float *y) {
    struct pxs_head_shape s = shape_of(l, n, h, w);
    pxs_head_forward(&nn->kernel, &s, x, ld_x, l->weight.value, l->bias.value, l->has_tanh, y);
}

void pxs_head_gradient(const struct pxs_nn *nn, struct pxs_head *l, int n, int h, int w, const float *x,
                       size_t ld_x, const float *y, float *dy, float *dx, size_t ld_dx, bool update) {
    struct pxs_head_shape s = shape_of(l, n, h, w);
    size_t pixels = (size_t)n * (size_t)(l->scale * h) * (size_t)(l->scale * w);
    if (l->has_tanh)
        pxs_tanh_backward(&nn->kernel, y, pixels * (size_t)l->co, dy);
    pxs_head_backward(&nn->kernel, &s, x, ld_x, l->weight.value, dy, dx, ld_dx, update ? nn->grad : NULL);
    if (!update)
        return;
    pxs_optimise(nn, &l->weight);
    if (l->has_bias) {
        pxs_sum_pixels(&nn->kernel, dy, pixels, l->co, nn->grad);
        pxs_optimise(nn, &l->bias);
    }
}
