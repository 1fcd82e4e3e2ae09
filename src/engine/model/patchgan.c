/* PyTorch-GAN's Discriminator: four 4x4 stride-2 convolutions and a 4x4 patch output [N, H/16,
 * W/16, 1]. */
#include "model_priv.h"

#include <stdlib.h>
#include <string.h>

/* The convolutions; the patch output follows them. */
enum { CONVS = 4 };

struct patch_buffers {
    float *raw, *act, *dact, *stats;
};

struct patchgan {
    struct patch_buffers of[CONVS];
    /* [image, source] of both batches */
    float *input;
    /* gradient of a raw output, any layer's */
    float *draw;
    /* The first layer with only the image's channels in its weights and input: the generator's
     * gradient needs no more. */
    struct pxs_layer image_half;
};

/* ---- its layers ----------------------------------------------------------------------------- */

static void describe(const struct pxs_params *p, struct pxs_layer_list *out) {
    /* state_dict indices: conv 0; conv 2, norm 3; conv 5, norm 6; conv 8, norm 9; conv 12 */
    static const int index[CONVS] = {0, 2, 5, 8};
    const int height = (int)p->img_height, width = (int)p->img_width, ndf = (int)p->ndf;
    for (int k = 0; k < CONVS; k++) {
        struct pxs_layer_spec *conv = &out->layer[out->n++];
        *conv = (struct pxs_layer_spec){.kind = PXS_LAYER_CONV,
                                        .kernel = 4,
                                        .stride = 2,
                                        .padding = 1,
                                        .upsample = 1,
                                        .c_in = k == 0 ? 2 * (int)p->channels : ndf << (k - 1),
                                        .c_out = ndf << k,
                                        .h = height >> (k + 1),
                                        .w = width >> (k + 1),
                                        .bias = true,
                                        .norm = k > 0,
                                        .activation = PXS_ACTIVATION_LEAKY_RELU,
                                        .slope = LEAK};
        snprintf(conv->label, sizeof conv->label, "%d", k + 1);
        snprintf(conv->name, sizeof conv->name, "model.%d", index[k]);
    }
    out->layer[out->n++] = (struct pxs_layer_spec){.label = "patch",
                                                   .name = "model.12",
                                                   .kind = PXS_LAYER_HEAD,
                                                   .kernel = 4,
                                                   .stride = 1,
                                                   .padding = 1,
                                                   .upsample = 1,
                                                   .c_in = ndf << (CONVS - 1),
                                                   .c_out = 1,
                                                   .h = height >> CONVS,
                                                   .w = width >> CONVS};
}

/* ---- its buffers ---------------------------------------------------------------------------- */

static void destroy(struct pxs_network *net) {
    struct patchgan *d = net->own;
    if (!d)
        return;
    for (int k = 0; k < CONVS; k++) {
        struct patch_buffers *b = &d->of[k];
        float *buffers[] = {b->raw, b->act, b->dact, b->stats};
        for (size_t i = 0; i < PXS_COUNT(buffers); i++)
            pxs_aligned_free(buffers[i]);
    }
    pxs_layer_finish(&d->image_half);
    pxs_aligned_free(d->input);
    pxs_aligned_free(d->draw);
    free(d);
    net->own = NULL;
}

static enum pxs_status create(struct pxs_network *net, const struct pxs_params *p,
                              struct pxs_error *err) {
    struct patchgan *d = net->own = calloc(1, sizeof *d);
    if (!d)
        return pxs_fail_nomem(err);
    const size_t n = 2 * (size_t)p->batch_size;
    bool failed = false;
    size_t largest = 0;
    for (int k = 0; k < CONVS; k++) {
        struct patch_buffers *b = &d->of[k];
        const size_t floats = n * pxs_layer_outputs(&net->layer[k].spec);
        b->raw = model_floats(floats, &failed);
        b->act = model_floats(floats, &failed);
        b->dact = model_floats(floats, &failed);
        b->stats = model_floats(2 * n * (size_t)net->layer[k].spec.c_out, &failed);
        if (floats > largest)
            largest = floats;
    }
    struct pxs_layer_spec half = net->layer[0].spec;
    d->input =
        model_floats(n * (size_t)p->img_height * (size_t)p->img_width * (size_t)half.c_in, &failed);
    d->draw = model_floats(largest, &failed);
    half.c_in /= 2;
    half.bias = false;
    pxs_layer_describe(&d->image_half, &half);
    d->image_half.weight.value = model_floats(d->image_half.weight.count, &failed);
    return failed ? pxs_fail_nomem(err) : PXS_OK;
}

/* ---- its passes ----------------------------------------------------------------------------- */

static void forward(struct pxs_network *net, const struct pxs_nn *nn, const float *image,
                    const float *source, int first, int n, float *pred) {
    struct patchgan *d = net->own;
    const struct pxs_layer_spec *one = &net->layer[0].spec;
    const size_t c = (size_t)one->c_in / 2, pixels = 4 * (size_t)one->h * (size_t)one->w;
    float *input = d->input + (size_t)first * pixels * 2 * c;
    pxs_copy_channels(&nn->kernel, image, c, input, 2 * c, (size_t)n * pixels, (int)c);
    pxs_copy_channels(&nn->kernel, source, c, input + c, 2 * c, (size_t)n * pixels, (int)c);
    const float *x = input;
    size_t ld = 2 * c;
    for (int k = 0; k < CONVS; k++) {
        const struct pxs_layer *l = &net->layer[k];
        const struct pxs_block_shape s = pxs_layer_block(&l->spec, n);
        const size_t before = (size_t)first * pxs_layer_outputs(&l->spec),
                     c_out = (size_t)l->spec.c_out;
        float *raw = d->of[k].raw + before, *act = d->of[k].act + before;
        float *stats = d->of[k].stats + 2 * (size_t)first * c_out;
        pxs_conv_forward(nn, l, n, x, ld, raw, c_out);
        pxs_block_forward(&nn->kernel, &s, NULL, raw, l->bias.value, stats, NULL, act, c_out);
        x = act;
        ld = c_out;
    }
    pxs_head_apply(nn, &net->layer[CONVS], n, x, ld, pred);
}

/* From dpred back to d->draw of the first layer, the gradient at its convolution's output.
 * `update`: also updates each layer's weights. */
static void backward(struct pxs_network *net, const struct pxs_nn *nn, int n, float *dpred,
                     bool update) {
    struct patchgan *d = net->own;
    struct pxs_layer *last = &net->layer[CONVS];
    const size_t ld = (size_t)last->spec.c_in;
    pxs_head_gradient(nn, last, n, d->of[CONVS - 1].act, ld, NULL, dpred, d->of[CONVS - 1].dact, ld,
                      update);
    for (int k = CONVS - 1; k >= 0; k--) {
        struct pxs_layer *l = &net->layer[k];
        struct patch_buffers *b = &d->of[k], *above = k > 0 ? &d->of[k - 1] : NULL;
        const struct pxs_block_shape s = pxs_layer_block(&l->spec, n);
        const size_t c = (size_t)l->spec.c_out, c_in = (size_t)l->spec.c_in;
        pxs_block_backward(&nn->kernel, &s, 0.0, b->raw, b->stats, NULL, b->dact, c, d->draw);
        if (above)
            pxs_conv_backward(nn, l, n, d->draw, c, above->dact, c_in, false);
        if (!update)
            continue;
        pxs_conv_update(nn, l, n, above ? above->act : d->input, c_in, d->draw, c);
        if (!l->bias.constant) {
            pxs_sum_pixels(&nn->kernel, d->draw, (size_t)n * (size_t)s.hw, s.c, nn->grad);
            pxs_optimise(nn, &l->bias);
        }
    }
}

static void input_gradient(struct pxs_network *net, const struct pxs_nn *nn, int n, float *dpred,
                           float *dimage) {
    struct patchgan *d = net->own;
    const struct pxs_layer *l = &net->layer[0];
    const int c = d->image_half.spec.c_in;
    backward(net, nn, n, dpred, false);
    /* copy the weights of the first half of the big channels, in each tap and panel */
    const size_t panel = (size_t)pxs_panel_width(l->spec.c_out), half = (size_t)c * panel;
    for (size_t i = 0; i < l->weight.count / (2 * half); i++)
        memcpy(d->image_half.weight.value + i * half, l->weight.value + i * 2 * half,
               half * sizeof(float));
    pxs_conv_backward(nn, &d->image_half, n, d->draw, (size_t)l->spec.c_out, dimage, (size_t)c,
                      false);
}

static void update(struct pxs_network *net, const struct pxs_nn *nn, int n, float *dpred) {
    backward(net, nn, n, dpred, true);
}

const struct pxs_discriminator_impl pxs_patchgan = {
    .net = {.describe = describe, .create = create, .destroy = destroy},
    .forward = forward,
    .input_gradient = input_gradient,
    .update = update};
