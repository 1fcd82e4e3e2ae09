/* What follows from the description of a layer alone: names and shapes of its weights, its sizes,
 * its costs. */
#include "pixsweep/nn.h"

#include <stdio.h>

static void vector(struct pxs_weight *w, enum pxs_weight_kind kind, const char *module,
                   const char *name, int c) {
    *w = (struct pxs_weight){.kind = kind, .rank = 1, .dims = {c}, .count = (size_t)c};
    snprintf(w->name, sizeof w->name, "%s.%s", module, name);
}

/* torch's Conv2d weight is [out,in,k,k], its ConvTranspose2d weight [in,out,k,k]. */
void pxs_layer_describe(struct pxs_layer *l, const struct pxs_layer_spec *spec) {
    const bool transposed = spec->kind == PXS_LAYER_CONV_TRANSPOSE;
    const int k = spec->kernel, fan_in = k * k * spec->c_in;
    *l = (struct pxs_layer){.spec = *spec};
    l->weight = (struct pxs_weight){.kind = spec->kind == PXS_LAYER_HEAD ? PXS_WEIGHT_HEAD
                                                                         : PXS_WEIGHT_CONV,
                                    .rank = 4,
                                    .dims = {transposed ? spec->c_in : spec->c_out,
                                             transposed ? spec->c_out : spec->c_in, k, k},
                                    .fan_in = fan_in,
                                    .count = pxs_layer_weights(spec)};
    snprintf(l->weight.name, sizeof l->weight.name, "%s.weight", spec->name);
    if (spec->norm == PXS_NORM_BATCH) {
        l->spec.bias = false;
        vector(&l->gamma, PXS_WEIGHT_GAMMA, spec->norm_name, "weight", spec->c_out);
        vector(&l->beta, PXS_WEIGHT_BETA, spec->norm_name, "bias", spec->c_out);
        vector(&l->running_mean, PXS_WEIGHT_RUNNING_MEAN, spec->norm_name, "running_mean",
               spec->c_out);
        vector(&l->running_var, PXS_WEIGHT_RUNNING_VAR, spec->norm_name, "running_var",
               spec->c_out);
        l->running_mean.fixed = l->running_var.fixed = true;
        l->batches = (struct pxs_weight){.kind = PXS_WEIGHT_BATCHES, .fixed = true};
        snprintf(l->batches.name, sizeof l->batches.name, "%s.num_batches_tracked",
                 spec->norm_name);
    }
    if (l->spec.bias) {
        vector(&l->bias, PXS_WEIGHT_BIAS, spec->name, "bias", spec->c_out);
        l->bias.fan_in = fan_in;
        l->bias.zero = spec->zero_bias;
        l->bias.constant = spec->norm == PXS_NORM_INSTANCE;
    }
}

size_t pxs_layer_tensors(struct pxs_layer *l, struct pxs_weight *out[PXS_LAYER_TENSORS]) {
    struct pxs_weight *all[PXS_LAYER_TENSORS] = {
        &l->weight, &l->bias, &l->gamma, &l->beta, &l->running_mean, &l->running_var, &l->batches};
    size_t n = 0;
    for (size_t i = 0; i < PXS_LAYER_TENSORS; i++)
        if (all[i]->name[0])
            out[n++] = all[i];
    return n;
}

enum pxs_status pxs_layer_init(struct pxs_layer *l, bool trains, struct pxs_error *err) {
    struct pxs_weight *w[PXS_LAYER_TENSORS];
    const size_t n = pxs_layer_tensors(l, w);
    for (size_t i = 0; i < n; i++) {
        const enum pxs_status status = pxs_weight_init(w[i], trains, err);
        if (status != PXS_OK) {
            pxs_layer_finish(l);
            return status;
        }
    }
    return PXS_OK;
}

void pxs_layer_finish(struct pxs_layer *l) {
    struct pxs_weight *w[PXS_LAYER_TENSORS];
    const size_t n = pxs_layer_tensors(l, w);
    for (size_t i = 0; i < n; i++)
        pxs_weight_finish(w[i]);
}

size_t pxs_layer_weights(const struct pxs_layer_spec *s) {
    return (size_t)s->kernel * (size_t)s->kernel * (size_t)s->c_in * (size_t)s->c_out;
}

size_t pxs_layer_gradients(const struct pxs_layer_spec *s) {
    const size_t weights = pxs_layer_weights(s), channels = 2 * (size_t)s->c_out;
    return weights > channels ? weights : channels;
}

size_t pxs_layer_outputs(const struct pxs_layer_spec *s) {
    return (size_t)s->h * (size_t)s->w * (size_t)s->c_out;
}

/* Each pixel of the output is multiplied with the whole weight; in a transposed convolution each
 * pixel of the input. */
double pxs_layer_macs(const struct pxs_layer_spec *s) {
    const double pixels =
        s->kind == PXS_LAYER_CONV_TRANSPOSE ? (double)s->in_h * s->in_w : (double)s->h * s->w;
    return (double)pxs_layer_weights(s) * pixels;
}

struct pxs_conv_shape pxs_layer_conv(const struct pxs_layer_spec *s, int n) {
    struct pxs_conv_shape conv = {.n = n,
                                  .h = s->h,
                                  .w = s->w,
                                  .cb = s->c_in,
                                  .cs = s->c_out,
                                  .big_h = s->in_h,
                                  .big_w = s->in_w,
                                  .kernel = s->kernel,
                                  .stride = s->stride,
                                  .padding = s->padding,
                                  .reflect = s->reflect};
    if (s->kind == PXS_LAYER_CONV_TRANSPOSE) { /* its input is the small side */
        conv.h = s->in_h;
        conv.w = s->in_w;
        conv.cb = s->c_out;
        conv.cs = s->c_in;
        conv.big_h = s->h;
        conv.big_w = s->w;
    }
    return conv;
}

struct pxs_head_shape pxs_layer_head(const struct pxs_layer_spec *s, int n) {
    return (struct pxs_head_shape){.n = n,
                                   .h = s->h / s->upsample,
                                   .w = s->w / s->upsample,
                                   .c = s->c_in,
                                   .co = s->c_out,
                                   .scale = s->upsample};
}

struct pxs_block_shape pxs_layer_block(const struct pxs_layer_spec *s, int n) {
    return (struct pxs_block_shape){.n = n,
                                    .hw = s->h * s->w,
                                    .c = s->c_out,
                                    .norm = s->norm,
                                    .activation = s->activation,
                                    .slope = s->slope};
}

size_t pxs_layer_scratch(const struct pxs_kernel_context *ctx, const struct pxs_layer_spec *s,
                         int n) {
    const int threads = pxs_pool_threads(ctx->pool);
    if (s->kind == PXS_LAYER_HEAD) {
        const struct pxs_head_shape head = pxs_layer_head(s, n);
        return pxs_head_scratch(ctx->set, &head, threads);
    }
    const struct pxs_conv_shape conv = pxs_layer_conv(s, n);
    struct pxs_block_shape block = pxs_layer_block(s, n);
    block.groups = 2; /* the most passes that go back at once */
    const size_t a = pxs_kernels_scratch(ctx->set, &conv, ctx->as_batch, threads),
                 b = pxs_block_scratch(&block);
    return a > b ? a : b;
}
