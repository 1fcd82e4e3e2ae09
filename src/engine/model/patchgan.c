/* PyTorch-GAN's Discriminator: four 4x4 stride-2 convolutions and a 4x4 patch output [N, H/16, W/16, 1]. */
#include "model_priv.h"

#include <string.h>

static void describe_layer(struct patchgan *d, int k, int ndf) {
    /* state_dict indices: conv 0; conv 2, norm 3; conv 5, norm 6; conv 8, norm 9 */
    static const int index[PATCH_LAYERS] = {0, 2, 5, 8};
    struct patch_layer *l = &d->layer[k];
    int cin = k == 0 ? 2 * d->channels : d->layer[k - 1].c;
    l->h = d->height >> (k + 1);
    l->w = d->width >> (k + 1);
    l->c = ndf << k;
    l->norm = k > 0;
    char name[48];
    snprintf(name, sizeof name, "model.%d.weight", index[k]);
    pxs_conv_describe(&l->conv, false, name, cin, l->c);
    l->bias = (struct pxs_weight){.kind = PXS_WEIGHT_BIAS,
                                  .rank = 1,
                                  .dims = {l->c},
                                  .count = (size_t)l->c,
                                  .fan_in = 16 * cin,
                                  .constant = l->norm};
    snprintf(l->bias.name, sizeof l->bias.name, "model.%d.bias", index[k]);
}

enum pxs_status patchgan_init(struct patchgan *d, int batch, struct pxs_error *err) {
    bool failed = false;
    PXS_TRY(pxs_conv_init(&d->image_half, false, "", d->channels, d->layer[0].c, err));
    size_t n = 2 * (size_t)batch, pixels = n * (size_t)d->height * (size_t)d->width, largest = 0;
    d->input = model_floats(pixels * 2 * (size_t)d->channels, &failed);
    for (int k = 0; k < PATCH_LAYERS; k++) {
        struct patch_layer *l = &d->layer[k];
        size_t size = n * (size_t)l->h * (size_t)l->w * (size_t)l->c;
        l->raw = model_floats(size, &failed);
        l->act = model_floats(size, &failed);
        l->dact = model_floats(size, &failed);
        l->stats = model_floats(2 * n * (size_t)l->c, &failed);
        if (size > largest)
            largest = size;
    }
    d->draw = model_floats(largest, &failed);
    d->pred_size = (size_t)d->layer[PATCH_LAYERS - 1].h * (size_t)d->layer[PATCH_LAYERS - 1].w;
    d->pred = model_floats(n * d->pred_size, &failed);
    d->dpred = model_floats(n * d->pred_size, &failed);
    return failed ? pxs_fail_nomem(err) : PXS_OK;
}

void patchgan_describe(struct patchgan *d, const struct pxs_params *p) {
    d->height = (int)p->img_height;
    d->width = (int)p->img_width;
    d->channels = (int)p->channels;
    for (int k = 0; k < PATCH_LAYERS; k++)
        describe_layer(d, k, (int)p->ndf);
    pxs_head_describe(&d->last, "model.12", d->layer[PATCH_LAYERS - 1].c, 1, 1, false, false);
}

void patchgan_finish(struct patchgan *d) {
    for (int k = 0; k < PATCH_LAYERS; k++) {
        struct patch_layer *l = &d->layer[k];
        pxs_conv_finish(&l->conv);
        pxs_weight_finish(&l->bias);
        pxs_aligned_free(l->raw);
        pxs_aligned_free(l->act);
        pxs_aligned_free(l->dact);
        pxs_aligned_free(l->stats);
    }
    pxs_head_finish(&d->last);
    pxs_conv_finish(&d->image_half);
    pxs_aligned_free(d->input);
    pxs_aligned_free(d->draw);
    pxs_aligned_free(d->pred);
    pxs_aligned_free(d->dpred);
}

size_t patchgan_weights(struct patchgan *d, struct pxs_weight **out) {
    size_t n = 0;
    for (int k = 0; k < PATCH_LAYERS; k++) {
        out[n++] = &d->layer[k].conv.weight;
        out[n++] = &d->layer[k].bias;
    }
    out[n++] = &d->last.weight;
    return n;
}

size_t patchgan_scratch(const struct patchgan *d, const struct pxs_nn *nn, int n) {
    const struct patch_layer *end = &d->layer[PATCH_LAYERS - 1];
    size_t need = pxs_head_scratch_floats(nn, &d->last, 2 * n, end->h, end->w);
    for (int k = 0; k < PATCH_LAYERS; k++) {
        const struct patch_layer *l = &d->layer[k];
        size_t s = pxs_conv_scratch(nn, &l->conv, 2 * n, l->h, l->w);
        need = s > need ? s : need;
    }
    return need;
}

static struct pxs_block_shape block(const struct patch_layer *l, int n) {
    return (struct pxs_block_shape){.n = n, .hw = l->h * l->w, .c = l->c, .norm = l->norm, .slope = LEAK};
}

static size_t image_floats(const struct patch_layer *l) {
    return (size_t)l->h * (size_t)l->w * (size_t)l->c;
}

void patchgan_forward(struct patchgan *d, const struct pxs_nn *nn, const float *image, const float *source,
                      int first, int n) {
    size_t c = (size_t)d->channels, pixels = (size_t)d->height * (size_t)d->width;
    float *input = d->input + (size_t)first * pixels * 2 * c;
    pxs_copy_channels(&nn->kernel, image, c, input, 2 * c, (size_t)n * pixels, d->channels);
    pxs_copy_channels(&nn->kernel, source, c, input + c, 2 * c, (size_t)n * pixels, d->channels);
    const float *x = input;
    size_t ld = 2 * c;
    for (int k = 0; k < PATCH_LAYERS; k++) {
        struct patch_layer *l = &d->layer[k];
        struct pxs_block_shape s = block(l, n);
        float *raw = l->raw + (size_t)first * image_floats(l),
              *act = l->act + (size_t)first * image_floats(l);
        float *stats = l->stats + 2 * (size_t)first * (size_t)l->c;
        pxs_conv_forward(nn, &l->conv, n, l->h, l->w, x, ld, raw, (size_t)l->c);
        pxs_block_forward(&nn->kernel, &s, NULL, raw, l->bias.value, stats, NULL, act, (size_t)l->c);
        x = act;
        ld = (size_t)l->c;
    }
    const struct patch_layer *end = &d->layer[PATCH_LAYERS - 1];
    pxs_head_apply(nn, &d->last, n, end->h, end->w, x, ld, d->pred + (size_t)first * d->pred_size);
}

/* From dpred down to draw of layer 0, the gradient at its convolution's output. With `update`, each layer's weights follow. */
static void backward(struct patchgan *d, const struct pxs_nn *nn, int n, bool update) {
    struct patch_layer *end = &d->layer[PATCH_LAYERS - 1];
    pxs_head_gradient(nn, &d->last, n, end->h, end->w, end->act, (size_t)end->c, d->pred, d->dpred, end->dact,
                      (size_t)end->c, update);
    for (int k = PATCH_LAYERS - 1; k >= 0; k--) {
        struct patch_layer *l = &d->layer[k], *above = k > 0 ? &d->layer[k - 1] : NULL;
        struct pxs_block_shape s = block(l, n);
        size_t c = (size_t)l->c;
        pxs_block_backward(&nn->kernel, &s, 0.0, l->raw, l->stats, NULL, l->dact, c, d->draw);
        if (above)
            pxs_conv_backward(nn, &l->conv, n, l->h, l->w, d->draw, c, above->dact, (size_t)above->c, false);
        if (!update)
            continue;
        pxs_conv_update(nn, &l->conv, n, l->h, l->w, above ? above->act : d->input,
                        above ? (size_t)above->c : 2 * (size_t)d->channels, d->draw, c);
        if (!l->bias.constant) {
            pxs_sum_pixels(&nn->kernel, d->draw, (size_t)n * (size_t)l->h * (size_t)l->w, l->c, nn->grad);
            pxs_optimise(nn, &l->bias);
        }
    }
}

void patchgan_input_gradient(struct patchgan *d, const struct pxs_nn *nn, int n, float *dimage) {
    backward(d, nn, n, false);
    const struct patch_layer *l = &d->layer[0];
    size_t cs = (size_t)l->c;
    /* the first half of the big channels of each tap and panel */
    const size_t panel = (size_t)pxs_panel_width(l->c), half = (size_t)d->channels * panel;
    for (size_t i = 0; i < 16 * cs / panel; i++)
        memcpy(d->image_half.weight.value + i * half, l->conv.weight.value + i * 2 * half,
               half * sizeof(float));
    pxs_conv_backward(nn, &d->image_half, n, l->h, l->w, d->draw, cs, dimage, (size_t)d->channels, false);
}

void patchgan_update(struct patchgan *d, const struct pxs_nn *nn, int n) {
    backward(d, nn, n, true);
}
