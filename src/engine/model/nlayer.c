/* The discriminators of pytorch-CycleGAN-and-pix2pix: NLayerDiscriminator, n_layers_D halvings by
 * 4x4 convolutions, one of stride 1 and one to the predictions [N, H', W', 1]; and
 * PixelDiscriminator, 1x1 convolutions alone, a prediction for each pixel. */
#include "model_priv.h"

static struct pxs_layer_spec *add(struct pxs_layer_list *out, const char *module, int index,
                                  int c_in, int c_out) {
    struct pxs_layer_spec *l = &out->layer[out->n];
    *l = (struct pxs_layer_spec){.kind = PXS_LAYER_CONV,
                                 .upsample = 1,
                                 .c_in = c_in,
                                 .c_out = c_out,
                                 .zero_bias = true,
                                 .from = (int)out->n};
    out->n++;
    snprintf(l->label, sizeof l->label, "%zu", out->n);
    snprintf(l->name, sizeof l->name, "%s.%d", module, index);
    snprintf(l->norm_name, sizeof l->norm_name, "%s.%d", module, index + 1);
    return l;
}

static void describe_n_layers(const struct pxs_params *p, struct pxs_layer_list *out) {
    const int n = (int)p->n_layers_D, ndf = (int)p->ndf;
    int h = (int)p->img_height, w = (int)p->img_width, c = 2 * (int)p->channels;
    for (int k = 0; k <= n + 1; k++) {
        const bool first = k == 0, last = k == n + 1;
        const int c_out = last ? 1 : ndf << (k < 3 ? k : 3);
        struct pxs_layer_spec *l = add(out, "model", first ? 0 : 3 * k - 1, c, c_out);
        l->kernel = 4;
        l->stride = k < n ? 2 : 1;
        l->padding = 1;
        /* (side + 2 - 4) / stride + 1, rounded down */
        l->h = h = k < n ? h / 2 : h - 1;
        l->w = w = k < n ? w / 2 : w - 1;
        l->bias = first || last || model_bias(p);
        l->norm = first || last ? PXS_NORM_NONE : model_norm(p);
        l->activation = last ? PXS_ACTIVATION_NONE : PXS_ACTIVATION_LEAKY_RELU;
        l->slope = last ? 0 : LEAK;
        c = c_out;
    }
}

static void describe_pixel(const struct pxs_params *p, struct pxs_layer_list *out) {
    const int widths[] = {2 * (int)p->channels, (int)p->ndf, 2 * (int)p->ndf, 1};
    static const int index[] = {0, 2, 5};
    for (int k = 0; k < 3; k++) {
        struct pxs_layer_spec *l = add(out, "net", index[k], widths[k], widths[k + 1]);
        l->kernel = l->stride = 1;
        l->h = (int)p->img_height;
        l->w = (int)p->img_width;
        l->bias = k == 0 || model_bias(p);
        l->norm = k == 1 ? model_norm(p) : PXS_NORM_NONE;
        l->activation = k < 2 ? PXS_ACTIVATION_LEAKY_RELU : PXS_ACTIVATION_NONE;
        l->slope = k < 2 ? LEAK : 0;
    }
}

const struct pxs_net_kind pxs_n_layers = {.describe = describe_n_layers};
const struct pxs_net_kind pxs_pixel = {.describe = describe_pixel};
