/* PyTorch-GAN's Discriminator: four 4x4 stride-2 convolutions and a 4x4 patch output [N, H/16,
 * W/16, 1]. */
#include "model_priv.h"

/* The convolutions; the patch output follows them. */
enum { CONVS = 4 };

static void describe(const struct pxs_params *p, struct pxs_layer_list *out) {
    /* state_dict indices: conv 0; conv 2, norm 3; conv 5, norm 6; conv 8, norm 9; conv 12 */
    static const int index[CONVS] = {0, 2, 5, 8};
    const int height = (int)p->img_height, width = (int)p->img_width, ndf = (int)p->ndf;
    for (int k = 0; k < CONVS; k++) {
        struct pxs_layer_spec *conv = &out->layer[out->n];
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
                                        .norm = k > 0 ? PXS_NORM_INSTANCE : PXS_NORM_NONE,
                                        .activation = PXS_ACTIVATION_LEAKY_RELU,
                                        .slope = LEAK,
                                        .from = (int)out->n};
        snprintf(conv->label, sizeof conv->label, "%d", k + 1);
        snprintf(conv->name, sizeof conv->name, "model.%d", index[k]);
        out->n++;
    }
    out->layer[out->n] = (struct pxs_layer_spec){.label = "patch",
                                                 .name = "model.12",
                                                 .kind = PXS_LAYER_HEAD,
                                                 .kernel = 4,
                                                 .stride = 1,
                                                 .padding = 1,
                                                 .upsample = 1,
                                                 .c_in = ndf << (CONVS - 1),
                                                 .c_out = 1,
                                                 .h = height >> CONVS,
                                                 .w = width >> CONVS,
                                                 .from = (int)out->n};
    out->n++;
}

const struct pxs_net_kind pxs_patchgan = {.describe = describe};
