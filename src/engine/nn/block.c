/* What follows a convolution: bias, norm, activation, dropout. */
#include "pixsweep/nn.h"

size_t pxs_layer_stats(const struct pxs_layer_spec *s, int n) {
    return s->norm == PXS_NORM_NONE ? 0 : 2 * (size_t)n * (size_t)s->c_out;
}

void pxs_block_apply(const struct pxs_nn *nn, struct pxs_layer *l, int n,
                     const struct pxs_dropout *drop, const struct pxs_block_buffers *b) {
    const struct pxs_block_shape s = pxs_layer_block(&l->spec, n);
    pxs_block_forward(&nn->kernel, &s, drop, b->raw, l->spec.bias ? l->bias.value : NULL, b->stats,
                      b->mask, b->y, b->ld_y);
}

void pxs_block_gradient(const struct pxs_nn *nn, struct pxs_layer *l, int n,
                        const struct pxs_block_buffers *b, const float *dy, size_t ld_dy,
                        float *draw, bool update) {
    const struct pxs_block_shape s = pxs_layer_block(&l->spec, n);
    pxs_block_backward(&nn->kernel, &s, l->spec.dropout, b->raw, b->stats, b->mask, b->y, b->ld_y,
                       dy, ld_dy, draw);
    if (update && l->spec.bias && !l->bias.constant) {
        pxs_sum_pixels(&nn->kernel, draw, (size_t)n * (size_t)s.hw, s.c, nn->grad);
        pxs_optimise(nn, &l->bias);
    }
}
