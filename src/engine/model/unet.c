/* PyTorch-GAN's GeneratorUNet, generalised: pxs_params_downs halvings with ngf x 1, 2, 4, 8, 8, ...
 * channels; the innermost has no norm; dropout follows down4 and deeper downs, and the ups that
 * lead back to their levels. */
#include "model_priv.h"

/* A network of n downs has n - 1 ups and the last layer. */
_Static_assert(2 * PXS_MAX_DOWNS <= PXS_LAYERS_MAX, "the deepest U-Net has room in a list");

/* Level k is the k-th halving of the image: down k + 1 leads to it, an up leads back to it (the
 * innermost has none). What leads on reads [up, skip]; both masks of a level have its number. */
static void describe(const struct pxs_params *p, struct pxs_layer_list *out) {
    const int height = (int)p->img_height, width = (int)p->img_width, channels = (int)p->channels;
    const int n = pxs_params_downs(p);
    int c[PXS_MAX_DOWNS] = {0};
    for (int k = 0; k < n; k++)
        c[k] = (int)p->ngf << (k < 3 ? k : 3);

    for (int k = 0; k < n; k++) {
        struct pxs_layer_spec *down = &out->layer[out->n];
        *down =
            (struct pxs_layer_spec){.kind = PXS_LAYER_CONV,
                                    .kernel = 4,
                                    .stride = 2,
                                    .padding = 1,
                                    .upsample = 1,
                                    .c_in = k == 0 ? channels : c[k - 1],
                                    .c_out = c[k],
                                    .h = height >> (k + 1),
                                    .w = width >> (k + 1),
                                    .norm = k > 0 && k < n - 1 ? PXS_NORM_INSTANCE : PXS_NORM_NONE,
                                    .activation = PXS_ACTIVATION_LEAKY_RELU,
                                    .slope = LEAK,
                                    .dropout = k < 3 ? 0.0 : p->dropout,
                                    .dropout_number = 2 * k,
                                    .from = (int)out->n};
        snprintf(down->label, sizeof down->label, "down%d", k + 1);
        snprintf(down->name, sizeof down->name, "down%d.model.0", k + 1);
        out->n++;
    }
    /* Up to level k from the level below, whose input has twice the channels because of the skip,
     * unless it is the innermost. */
    for (int k = n - 2; k >= 0; k--) {
        struct pxs_layer_spec *up = &out->layer[out->n];
        *up = (struct pxs_layer_spec){.kind = PXS_LAYER_CONV_TRANSPOSE,
                                      .kernel = 4,
                                      .stride = 2,
                                      .padding = 1,
                                      .upsample = 1,
                                      .c_in = c[k + 1] * (k == n - 2 ? 1 : 2),
                                      .c_out = c[k],
                                      .h = height >> (k + 1),
                                      .w = width >> (k + 1),
                                      .norm = PXS_NORM_INSTANCE,
                                      .activation = PXS_ACTIVATION_LEAKY_RELU,
                                      .dropout = k < 3 ? 0.0 : p->dropout,
                                      .dropout_number = 2 * k + 1,
                                      .from = (int)out->n,
                                      .beside = k == n - 2 ? 0 : k + 2};
        snprintf(up->label, sizeof up->label, "up%d", n - 1 - k);
        snprintf(up->name, sizeof up->name, "up%d.model.0", n - 1 - k);
        out->n++;
    }
    out->layer[out->n] = (struct pxs_layer_spec){.label = "final",
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
                                                 .activation = PXS_ACTIVATION_TANH,
                                                 .from = (int)out->n,
                                                 .beside = 1};
    out->n++;
}

/* PyTorch's 64 px generator, from which the lab's weights come, has a down7 that its forward pass
 * never calls. */
const struct pxs_net_kind pxs_unet = {.describe = describe,
                                      .unused_tensor = "down7.model.0.weight"};
