/* What follows a convolution: bias, norm, activation, dropout. */
#include "pixsweep/nn.h"

size_t pxs_layer_stats(const struct pxs_layer_spec *s, int n) {
    const size_t c = (size_t)s->c_out;
    return s->norm == PXS_NORM_NONE ? 0 : s->norm == PXS_NORM_BATCH ? 3 * c : 2 * (size_t)n * c;
}

void pxs_block_apply(const struct pxs_nn *nn, struct pxs_layer *l, int n,
                     enum pxs_statistics statistics, const struct pxs_dropout *drop,
                     const struct pxs_block_buffers *b) {
    const struct pxs_block_shape s = pxs_layer_block(&l->spec, n);
    const bool running = statistics == PXS_STATISTICS_RUNNING;
    const struct pxs_batch_norm bn = {.gamma = l->gamma.value,
                                      .beta = l->beta.value,
                                      .running_mean = running ? l->running_mean.value : NULL,
                                      .running_var = running ? l->running_var.value : NULL};
    pxs_block_forward(&nn->kernel, &s, &bn, drop, b->raw, l->bias.value, b->stats, b->mask, b->y,
                      b->ld_y);
    if (statistics == PXS_STATISTICS_TRAIN)
        pxs_block_track(l, n, b->stats);
}

void pxs_block_track(struct pxs_layer *l, int n, const float *stats) {
    const struct pxs_block_shape s = pxs_layer_block(&l->spec, n);
    if (s.norm != PXS_NORM_BATCH)
        return;
    pxs_batch_norm_track(&s, stats, l->running_mean.value, l->running_var.value);
    l->batches.batches++;
}

void pxs_block_gradient(const struct pxs_nn *nn, struct pxs_layer *l, int n, int passes,
                        const struct pxs_block_buffers *b, const float *dy, size_t ld_dy,
                        float *draw, bool update) {
    struct pxs_block_shape s = pxs_layer_block(&l->spec, n);
    s.groups = passes;
    const bool batch = s.norm == PXS_NORM_BATCH;
    const struct pxs_batch_norm bn = {.gamma = l->gamma.value,
                                      .beta = l->beta.value,
                                      .dgamma = update ? nn->grad : NULL,
                                      .dbeta = update ? nn->grad + s.c : NULL};
    pxs_block_backward(&nn->kernel, &s, &bn, l->spec.dropout, b->raw, b->stats, b->mask, b->y,
                       b->ld_y, dy, ld_dy, draw);
    if (update && batch) {
        pxs_optimise(nn, &l->gamma, bn.dgamma);
        pxs_optimise(nn, &l->beta, bn.dbeta);
    }
    if (update && l->spec.bias && !l->bias.constant) {
        pxs_sum_pixels(&nn->kernel, draw, (size_t)n * (size_t)s.hw, s.c, nn->grad);
        pxs_optimise(nn, &l->bias, nn->grad);
    }
}
