/* What follows from the description of a layer alone: names and shapes of its weights, its sizes,
 * its costs. */
#include "pixsweep/nn.h"

#include <stdio.h>

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
    if (!spec->bias)
        return;
    l->bias = (struct pxs_weight){.kind = PXS_WEIGHT_BIAS,
                                  .rank = 1,
                                  .dims = {spec->c_out},
                                  .count = (size_t)spec->c_out,
                                  .fan_in = fan_in,
                                  .constant = spec->norm != PXS_NORM_NONE};
    snprintf(l->bias.name, sizeof l->bias.name, "%s.bias", spec->name);
}

enum pxs_status pxs_layer_init(struct pxs_layer *l, bool trains, struct pxs_error *err) {
    PXS_TRY(pxs_weight_init(&l->weight, trains, err));
    if (!l->spec.bias)
        return PXS_OK;
    enum pxs_status status = pxs_weight_init(&l->bias, trains, err);
    if (status != PXS_OK)
        pxs_layer_finish(l);
    return status;
}

void pxs_layer_finish(struct pxs_layer *l) {
    pxs_weight_finish(&l->weight);
    pxs_weight_finish(&l->bias);
}

size_t pxs_layer_weights(const struct pxs_layer_spec *s) {
    return (size_t)s->kernel * (size_t)s->kernel * (size_t)s->c_in * (size_t)s->c_out;
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
    return pxs_kernels_scratch(ctx->set, &conv, ctx->as_batch, threads);
}
