/* First weights, as torch.nn.init's functions draw them. */
#include "pixsweep/nn.h"

#include <math.h>
#include <stdlib.h>

static void fill(struct pxs_weight *w, float value) {
    for (size_t i = 0; i < w->count; i++)
        w->value[i] = value;
}

static void fill_bias(struct pxs_weight *w, uint64_t seed, uint32_t layer) {
    struct pxs_rng rng = pxs_rng_make(seed, PXS_STREAM_INIT, layer, 0);
    const double bound = 1.0 / sqrt((double)w->fan_in);
    for (size_t i = 0; i < w->count; i++)
        w->value[i] = (float)((2.0 * pxs_rng_uniform(&rng) - 1.0) * bound);
}

/* torch orthogonal_: Q of the QR decomposition of a normal matrix [dims[0], rest], with a positive
 * diagonal in R. Rows are made orthonormal where there are fewer of them, else columns. */
static enum pxs_status fill_orthogonal(const struct pxs_nn *nn, struct pxs_weight *w, double gain,
                                       uint64_t seed, uint32_t layer, struct pxs_error *err) {
    const size_t rows = (size_t)w->dims[0], cols = w->count / rows;
    const bool wide = rows <= cols;
    float *torch = malloc(w->count * sizeof *torch);
    double *v = malloc(w->count * sizeof *v);
    enum pxs_status status = PXS_OK;
    if (!torch || !v) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    pxs_fill_normal(&nn->kernel, seed, layer, 0.0f, 1.0f, w->count, torch);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            v[wide ? r * cols + c : c * rows + r] = (double)torch[r * cols + c];
    pxs_orthogonal_rows(&nn->kernel, (int)(wide ? rows : cols), (int)(wide ? cols : rows), v);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            torch[r * cols + c] = (float)(gain * v[wide ? r * cols + c : c * rows + r]);
    pxs_weight_from_torch(w, torch, w->value);
out:
    free(torch);
    free(v);
    return status;
}

/* torch's fans are those of [dims[0], dims[1], k, k], also for a transposed convolution, where its
 * fan_in is that of the output. */
static double deviation(const struct pxs_weight *w, const struct pxs_init *init) {
    const double taps = (double)w->dims[2] * w->dims[3], fan_in = w->dims[1] * taps,
                 fan_out = w->dims[0] * taps;
    return init->kind == PXS_INIT_XAVIER    ? init->gain * sqrt(2.0 / (fan_in + fan_out))
           : init->kind == PXS_INIT_KAIMING ? sqrt(2.0 / fan_in)
                                            : init->gain;
}

enum pxs_status pxs_weight_randomise(const struct pxs_nn *nn, struct pxs_weight *w,
                                     const struct pxs_init *init, uint64_t seed, uint32_t layer,
                                     struct pxs_error *err) {
    pxs_weight_forget(w);
    switch (w->kind) {
    case PXS_WEIGHT_CONV:
    case PXS_WEIGHT_HEAD:
        if (init->kind == PXS_INIT_ORTHOGONAL)
            return fill_orthogonal(nn, w, init->gain, seed, layer, err);
        pxs_fill_normal(&nn->kernel, seed, layer, 0.0f, (float)deviation(w, init), w->count,
                        w->value);
        break;
    case PXS_WEIGHT_BIAS:
        if (w->zero)
            fill(w, 0.0f);
        else
            fill_bias(w, seed, layer);
        break;
    case PXS_WEIGHT_GAMMA:
        pxs_fill_normal(&nn->kernel, seed, layer, 1.0f, (float)init->gain, w->count, w->value);
        break;
    case PXS_WEIGHT_BETA:
    case PXS_WEIGHT_RUNNING_MEAN:
        fill(w, 0.0f);
        break;
    case PXS_WEIGHT_RUNNING_VAR:
        fill(w, 1.0f);
        break;
    case PXS_WEIGHT_BATCHES:
        w->batches = 0;
        break;
    }
    return PXS_OK;
}
