/* PyTorch-GAN's GeneratorUNet, generalised: log2(shorter side) downs with ngf x 1, 2, 4, 8, 8, ...
 * channels; the innermost has no norm; dropout follows down4 and deeper downs, and the ups that
 * lead back to their levels. */
#include "model_priv.h"

#include <stdlib.h>

/* 512 px need nine downs. */
enum { MAX_DOWNS = 9 };
/* A network of n downs has n - 1 ups and the last layer. */
_Static_assert(2 * MAX_DOWNS <= PXS_LAYERS_MAX, "the deepest U-Net has room in a list");

/* Level k is the k-th halving of the image: `down` leads to it, `up` leads back to it (the
 * innermost has none). Their outputs stand side by side in `cat` [N,h,w,2C] as [up, skip], so that
 * torch.cat needs no copy; the innermost level has only its skip half, [N,h,w,C]. */
struct unet_level {
    struct pxs_layer *down, *up;
    /* channels of one output, and of cat */
    size_t c, ld;
    float *cat, *dcat;
    /* before norm and activation */
    float *down_raw, *up_raw;
    float *down_stats, *up_stats;
    uint8_t *down_mask, *up_mask;
};

struct unet {
    int n_levels;
    struct unet_level level[MAX_DOWNS];
    struct pxs_layer *final;
    /* gradient of a raw output, any level's */
    float *draw;
};

/* ---- its layers ----------------------------------------------------------------------------- */

static void describe(const struct pxs_params *p, struct pxs_layer_list *out) {
    const int height = (int)p->img_height, width = (int)p->img_width, channels = (int)p->channels;
    int n = 0, c[MAX_DOWNS] = {0};
    for (int side = height < width ? height : width; side > 1 && n < MAX_DOWNS; side /= 2, n++)
        c[n] = (int)p->ngf << (n < 3 ? n : 3);

    for (int k = 0; k < n; k++) {
        struct pxs_layer_spec *down = &out->layer[out->n++];
        *down = (struct pxs_layer_spec){.kind = PXS_LAYER_CONV,
                                        .kernel = 4,
                                        .stride = 2,
                                        .padding = 1,
                                        .upsample = 1,
                                        .c_in = k == 0 ? channels : c[k - 1],
                                        .c_out = c[k],
                                        .h = height >> (k + 1),
                                        .w = width >> (k + 1),
                                        .norm = k > 0 && k < n - 1,
                                        .activation = PXS_ACTIVATION_LEAKY_RELU,
                                        .slope = LEAK,
                                        .dropout = k < 3 ? 0.0 : p->dropout};
        snprintf(down->label, sizeof down->label, "down%d", k + 1);
        snprintf(down->name, sizeof down->name, "down%d.model.0", k + 1);
    }
    /* Up to level k from the level below, whose input has twice the channels because of the skip,
     * unless it is the innermost. */
    for (int k = n - 2; k >= 0; k--) {
        struct pxs_layer_spec *up = &out->layer[out->n++];
        *up = (struct pxs_layer_spec){.kind = PXS_LAYER_CONV_TRANSPOSE,
                                      .kernel = 4,
                                      .stride = 2,
                                      .padding = 1,
                                      .upsample = 1,
                                      .c_in = c[k + 1] * (k == n - 2 ? 1 : 2),
                                      .c_out = c[k],
                                      .h = height >> (k + 1),
                                      .w = width >> (k + 1),
                                      .norm = true,
                                      .activation = PXS_ACTIVATION_LEAKY_RELU,
                                      .dropout = k < 3 ? 0.0 : p->dropout};
        snprintf(up->label, sizeof up->label, "up%d", n - 1 - k);
        snprintf(up->name, sizeof up->name, "up%d.model.0", n - 1 - k);
    }
    out->layer[out->n++] = (struct pxs_layer_spec){.label = "final",
                                                   .name = "final.2",
                                                   .kind = PXS_LAYER_HEAD,
                                                   .kernel = 4,
                                                   .stride = 1,
                                                   .padding = 1,
                                                   .upsample = 2,
                                                   .c_in = 2 * c[0],
                                                   .c_out = channels,
                                                   .h = height,
                                                   .w = width,
                                                   .bias = true,
                                                   .activation = PXS_ACTIVATION_TANH};
}

/* ---- its buffers ---------------------------------------------------------------------------- */

static void destroy(struct pxs_network *net) {
    struct unet *u = net->own;
    if (!u)
        return;
    for (int k = 0; k < u->n_levels; k++) {
        struct unet_level *l = &u->level[k];
        void *buffers[] = {l->cat,        l->dcat,     l->down_raw,  l->up_raw,
                           l->down_stats, l->up_stats, l->down_mask, l->up_mask};
        for (size_t i = 0; i < PXS_COUNT(buffers); i++)
            pxs_aligned_free(buffers[i]);
    }
    pxs_aligned_free(u->draw);
    free(u);
    net->own = NULL;
}

static enum pxs_status create(struct pxs_network *net, const struct pxs_params *p,
                              struct pxs_error *err) {
    struct unet *u = net->own = calloc(1, sizeof *u);
    if (!u)
        return pxs_fail_nomem(err);
    const size_t batch = (size_t)p->batch_size;
    bool failed = false;
    size_t largest = 0;
    u->n_levels = (int)net->n_layers / 2;
    u->final = &net->layer[net->n_layers - 1];
    for (int k = 0; k < u->n_levels; k++) {
        struct unet_level *l = &u->level[k];
        const bool innermost = k == u->n_levels - 1;
        l->down = &net->layer[k];
        l->up = innermost ? NULL : &net->layer[2 * u->n_levels - 2 - k];
        l->c = (size_t)l->down->spec.c_out;
        l->ld = l->c * (innermost ? 1 : 2);
        const size_t floats = batch * pxs_layer_outputs(&l->down->spec), mask = floats / 4 + 1;
        l->cat = model_floats(floats / l->c * l->ld, &failed);
        l->dcat = model_floats(floats / l->c * l->ld, &failed);
        l->down_raw = model_floats(floats, &failed);
        l->down_stats = model_floats(2 * batch * l->c, &failed);
        if (l->down->spec.dropout > 0)
            l->down_mask = (uint8_t *)model_floats(mask, &failed);
        if (l->up) {
            l->up_raw = model_floats(floats, &failed);
            l->up_stats = model_floats(2 * batch * l->c, &failed);
        }
        if (l->up && l->up->spec.dropout > 0)
            l->up_mask = (uint8_t *)model_floats(mask, &failed);
        if (floats > largest)
            largest = floats;
    }
    u->draw = model_floats(largest, &failed);
    return failed ? pxs_fail_nomem(err) : PXS_OK;
}

/* ---- its passes ----------------------------------------------------------------------------- */

/* Offset of a level's down output in cat: it is the second half, or all of it in the innermost
 * level. */
static size_t skip_offset(const struct unet_level *l) {
    return l->ld - l->c;
}

/* Dropout of one layer: layers are numbered 2k (down of level k) and 2k + 1 (up to it). */
static struct pxs_dropout dropout(const struct pxs_layer *l, struct pxs_net_dropout d,
                                  uint32_t number) {
    return (struct pxs_dropout){.p = d.stream ? l->spec.dropout : 0.0,
                                .seed = d.seed,
                                .stream = d.stream,
                                .a = d.a,
                                .b = number};
}

static void forward(struct pxs_network *net, const struct pxs_nn *nn, const float *source, int n,
                    struct pxs_net_dropout drop, float *fake) {
    struct unet *u = net->own;
    const float *x = source;
    size_t ld = (size_t)u->level[0].down->spec.c_in;
    for (int k = 0; k < u->n_levels; k++) {
        struct unet_level *l = &u->level[k];
        const struct pxs_dropout d = dropout(l->down, drop, 2 * (uint32_t)k);
        const struct pxs_block_shape s = pxs_layer_block(&l->down->spec, n);
        pxs_conv_forward(nn, l->down, n, x, ld, l->down_raw, l->c);
        pxs_block_forward(&nn->kernel, &s, &d, l->down_raw, NULL, l->down_stats, l->down_mask,
                          l->cat + skip_offset(l), l->ld);
        x = l->cat + skip_offset(l);
        ld = l->ld;
    }
    for (int k = u->n_levels - 2; k >= 0; k--) {
        struct unet_level *l = &u->level[k], *below = &u->level[k + 1];
        const struct pxs_dropout d = dropout(l->up, drop, 2 * (uint32_t)k + 1);
        const struct pxs_block_shape s = pxs_layer_block(&l->up->spec, n);
        pxs_conv_transpose_forward(nn, l->up, n, below->cat, below->ld, l->up_raw, l->c);
        pxs_block_forward(&nn->kernel, &s, &d, l->up_raw, NULL, l->up_stats, l->up_mask, l->cat,
                          l->ld);
    }
    pxs_head_apply(nn, u->final, n, u->level[0].cat, u->level[0].ld, fake);
}

static void backward(struct pxs_network *net, const struct pxs_nn *nn, const float *source, int n,
                     const float *fake, float *dfake) {
    struct unet *u = net->own;
    struct unet_level *top = &u->level[0];
    pxs_head_gradient(nn, u->final, n, top->cat, top->ld, fake, dfake, top->dcat, top->ld, true);
    for (int k = 0; k < u->n_levels - 1; k++) {
        struct unet_level *l = &u->level[k], *below = &u->level[k + 1];
        const struct pxs_block_shape s = pxs_layer_block(&l->up->spec, n);
        pxs_block_backward(&nn->kernel, &s, l->up->spec.dropout, l->up_raw, l->up_stats, l->up_mask,
                           l->dcat, l->ld, u->draw);
        pxs_conv_transpose_backward(nn, l->up, n, u->draw, l->c, below->dcat, below->ld);
        pxs_conv_transpose_update(nn, l->up, n, below->cat, below->ld, u->draw, l->c);
    }
    for (int k = u->n_levels - 1; k >= 0; k--) {
        struct unet_level *l = &u->level[k], *above = k > 0 ? &u->level[k - 1] : NULL;
        const struct pxs_block_shape s = pxs_layer_block(&l->down->spec, n);
        pxs_block_backward(&nn->kernel, &s, l->down->spec.dropout, l->down_raw, l->down_stats,
                           l->down_mask, l->dcat + skip_offset(l), l->ld, u->draw);
        if (above) /* added to the gradient of the skip, which is there already */
            pxs_conv_backward(nn, l->down, n, u->draw, l->c, above->dcat + skip_offset(above),
                              above->ld, true);
        const float *x = above ? above->cat + skip_offset(above) : source;
        pxs_conv_update(nn, l->down, n, x, above ? above->ld : (size_t)l->down->spec.c_in, u->draw,
                        l->c);
    }
}

/* PyTorch's 64 px generator, from which the lab's weights come, has a down7 that its forward pass
 * never calls. */
const struct pxs_generator_impl pxs_unet = {.net = {.describe = describe,
                                                    .create = create,
                                                    .destroy = destroy,
                                                    .unused_tensor = "down7.model.0.weight"},
                                            .forward = forward,
                                            .backward = backward};
