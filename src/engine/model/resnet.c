/* The ResNet of pytorch-CycleGAN-and-pix2pix (ResnetGenerator): 7x7, two halvings, 6 or 9 blocks
 * that add to what they read, two doublings, 7x7. Padding reflects in the 7x7 and in the blocks. */
#include "model_priv.h"

enum { HALVINGS = 2 };

/* A convolution that keeps the sides, or of stride 2 halves or doubles them. */
static struct pxs_layer_spec conv(enum pxs_layer_kind kind, int kernel, int stride, int c_in,
                                  int c_out, int h, int w) {
    return (struct pxs_layer_spec){.kind = kind,
                                   .kernel = kernel,
                                   .stride = stride,
                                   .padding = kernel / 2,
                                   .reflect = stride == 1,
                                   .upsample = 1,
                                   .c_in = c_in,
                                   .c_out = c_out,
                                   .h = h,
                                   .w = w,
                                   .zero_bias = true,
                                   .activation = PXS_ACTIVATION_LEAKY_RELU};
}

/* Adds a layer that reads the one before; its convolution is module model.AT, or
 * model.AT.conv_block. WITHIN, and its norm the next module. */
static struct pxs_layer_spec *add(const struct pxs_params *p, struct pxs_layer_list *out,
                                  struct pxs_layer_spec spec, int at, int within) {
    struct pxs_layer_spec *l = &out->layer[out->n];
    *l = spec;
    l->from = (int)out->n++;
    l->bias = model_bias(p);
    l->norm = model_norm(p);
    if (within) {
        snprintf(l->name, sizeof l->name, "model.%d.conv_block.%d", at, within);
        snprintf(l->norm_name, sizeof l->norm_name, "model.%d.conv_block.%d", at, within + 1);
    } else {
        snprintf(l->name, sizeof l->name, "model.%d", at);
        snprintf(l->norm_name, sizeof l->norm_name, "model.%d", at + 1);
    }
    return l;
}

static void describe(const struct pxs_params *p, struct pxs_layer_list *out) {
    const int height = (int)p->img_height, width = (int)p->img_width, channels = (int)p->channels;
    const int ngf = (int)p->ngf, wide = ngf << HALVINGS;
    const int blocks = p->generator == PXS_GENERATOR_RESNET_6 ? 6 : 9;
    struct pxs_layer_spec *l;
    int at = 1;
    l = add(p, out, conv(PXS_LAYER_CONV, 7, 1, channels, ngf, height, width), at, 0);
    snprintf(l->label, sizeof l->label, "first");
    for (int k = 1; k <= HALVINGS; k++) {
        at += 3;
        l = add(p, out,
                conv(PXS_LAYER_CONV, 3, 2, ngf << (k - 1), ngf << k, height >> k, width >> k), at,
                0);
        snprintf(l->label, sizeof l->label, "down%d", k);
    }
    at += 3;

    /* Where there is dropout it is a module of the block, and the numbers after it are one higher.
     */
    const int second = p->dropout > 0 ? 6 : 5;
    const struct pxs_layer_spec inner =
        conv(PXS_LAYER_CONV, 3, 1, wide, wide, height >> HALVINGS, width >> HALVINGS);
    for (int k = 0; k < blocks; k++, at++) {
        const int read = (int)out->n;
        l = add(p, out, inner, at, 1);
        l->dropout = p->dropout;
        l->dropout_number = k;
        snprintf(l->label, sizeof l->label, "block%d.1", k + 1);
        l = add(p, out, inner, at, second);
        l->activation = PXS_ACTIVATION_NONE;
        l->add = read;
        snprintf(l->label, sizeof l->label, "block%d.2", k + 1);
    }

    for (int k = HALVINGS - 1; k >= 0; k--, at += 3) {
        l = add(
            p, out,
            conv(PXS_LAYER_CONV_TRANSPOSE, 3, 2, ngf << (k + 1), ngf << k, height >> k, width >> k),
            at, 0);
        snprintf(l->label, sizeof l->label, "up%d", HALVINGS - k);
    }
    l = add(p, out, conv(PXS_LAYER_CONV, 7, 1, ngf, channels, height, width), at + 1, 0);
    l->bias = true;
    l->norm = PXS_NORM_NONE;
    l->activation = PXS_ACTIVATION_TANH;
    snprintf(l->label, sizeof l->label, "last");
}

const struct pxs_net_kind pxs_resnet = {.describe = describe};
