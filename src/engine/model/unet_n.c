/* The U-Net of pytorch-CycleGAN-and-pix2pix (UnetGenerator), of 5 to 8 halvings with ngf x 1, 2, 4,
 * 8, 8, ... channels. Its blocks begin with their activation; here the activation ends the layer
 * before, which is the same. A skip holds what came out of the LeakyReLU, since there it is applied
 * in place, and the ReLU in front of the next transposed convolution rectifies it. */
#include "model_priv.h"

/* Module of block `depth`: the outermost is "model.model", each deeper one is nested in it. */
static void module_of(int depth, char out[88]) {
    size_t n = (size_t)snprintf(out, 96, "model.model");
    for (int k = 1; k <= depth; k++)
        n += (size_t)snprintf(out + n, 96 - n, k == 1 ? ".1.model" : ".3.model");
}

static void describe(const struct pxs_params *p, struct pxs_layer_list *out) {
    const int height = (int)p->img_height, width = (int)p->img_width, channels = (int)p->channels;
    const int n = pxs_params_downs(p), innermost = n - 1;
    const enum pxs_norm norm = model_norm(p);
    const bool bias = model_bias(p);
    int c[PXS_MAX_DOWNS] = {0};
    for (int k = 0; k < n; k++)
        c[k] = (int)p->ngf << (k < 3 ? k : 3);

    for (int k = 0; k < n; k++) {
        struct pxs_layer_spec *down = &out->layer[out->n];
        char module[88];
        module_of(k, module);
        *down = (struct pxs_layer_spec){.kind = PXS_LAYER_CONV,
                                        .kernel = 4,
                                        .stride = 2,
                                        .padding = 1,
                                        .upsample = 1,
                                        .c_in = k == 0 ? channels : c[k - 1],
                                        .c_out = c[k],
                                        .h = height >> (k + 1),
                                        .w = width >> (k + 1),
                                        .bias = bias,
                                        .zero_bias = true,
                                        .norm = k > 0 && k < innermost ? norm : PXS_NORM_NONE,
                                        .activation = PXS_ACTIVATION_LEAKY_RELU,
                                        .slope = k < innermost ? LEAK : 0,
                                        .from = (int)out->n};
        snprintf(down->label, sizeof down->label, "down%d", k + 1);
        snprintf(down->name, sizeof down->name, "%s.%d", module, k == 0 ? 0 : 1);
        snprintf(down->norm_name, sizeof down->norm_name, "%s.2", module);
        out->n++;
    }
    /* Up to the sides of down k, or of the picture. */
    for (int k = innermost; k >= 0; k--) {
        struct pxs_layer_spec *up = &out->layer[out->n];
        char module[88];
        module_of(k, module);
        *up = (struct pxs_layer_spec){.kind = PXS_LAYER_CONV_TRANSPOSE,
                                      .kernel = 4,
                                      .stride = 2,
                                      .padding = 1,
                                      .upsample = 1,
                                      .c_in = c[k] * (k == innermost ? 1 : 2),
                                      .c_out = k == 0 ? channels : c[k - 1],
                                      .h = height >> k,
                                      .w = width >> k,
                                      .bias = bias || k == 0,
                                      .zero_bias = true,
                                      .norm = k > 0 ? norm : PXS_NORM_NONE,
                                      .activation =
                                          k > 0 ? PXS_ACTIVATION_LEAKY_RELU : PXS_ACTIVATION_TANH,
                                      .dropout = k >= 4 && k < innermost ? p->dropout : 0.0,
                                      .dropout_number = k,
                                      .from = k == innermost ? (int)out->n : k + 1,
                                      .beside = k == innermost ? 0 : (int)out->n,
                                      .rectify = k < innermost};
        snprintf(up->label, sizeof up->label, "up%d", n - k);
        snprintf(up->name, sizeof up->name, "%s.%d", module, k == 0 ? 3 : k == innermost ? 3 : 5);
        snprintf(up->norm_name, sizeof up->norm_name, "%s.%d", module, k == innermost ? 4 : 6);
        out->n++;
    }
}

const struct pxs_net_kind pxs_unet_n = {.describe = describe};
