/* The tables of networks, and what follows from a network's layers alone: its costs, and what
 * decides its bits. */
#include "model_priv.h"

/* A row for each value of the two keys. */
static const struct pxs_net_kind *const generators[PXS_VALUES_generator] = {
    [PXS_GENERATOR_UNET] = &pxs_unet,       [PXS_GENERATOR_UNET_32] = &pxs_unet_n,
    [PXS_GENERATOR_UNET_64] = &pxs_unet_n,  [PXS_GENERATOR_UNET_128] = &pxs_unet_n,
    [PXS_GENERATOR_UNET_256] = &pxs_unet_n, [PXS_GENERATOR_RESNET_6] = &pxs_resnet,
    [PXS_GENERATOR_RESNET_9] = &pxs_resnet,
};
static const struct pxs_net_kind *const discriminators[PXS_VALUES_discriminator] = {
    [PXS_DISCRIMINATOR_PATCH] = &pxs_patchgan,
    [PXS_DISCRIMINATOR_N_LAYERS] = &pxs_n_layers,
    [PXS_DISCRIMINATOR_PIXEL] = &pxs_pixel,
};

/* The norm of the networks that leave the choice. */
enum pxs_norm model_norm(const struct pxs_params *p) {
    static const enum pxs_norm of[PXS_VALUES_network_norm] = {
        [PXS_NETWORK_NORM_INSTANCE] = PXS_NORM_INSTANCE,
        [PXS_NETWORK_NORM_BATCH] = PXS_NORM_BATCH,
        [PXS_NETWORK_NORM_NONE] = PXS_NORM_NONE};
    return of[p->norm];
}

bool model_bias(const struct pxs_params *p) {
    return model_norm(p) == PXS_NORM_INSTANCE;
}

const struct pxs_net_kind *model_net_kind(const struct pxs_params *p, enum pxs_net net) {
    return net == PXS_NET_G ? generators[p->generator] : discriminators[p->discriminator];
}

void pxs_pix2pix_layers(const struct pxs_params *p, enum pxs_net net, struct pxs_layer_list *out) {
    out->n = 0;
    model_net_kind(p, net)->describe(p, out);
    for (size_t i = 0; i < out->n; i++) {
        struct pxs_layer_spec *s = &out->layer[i];
        s->in_h = s->from ? out->layer[s->from - 1].h : (int)p->img_height;
        s->in_w = s->from ? out->layer[s->from - 1].w : (int)p->img_width;
    }
}

/* Passes over one batch that a training step makes through a layer. Of G: forward, input gradient,
 * weight gradient; its first layer needs no input gradient. Of D: forward on fake and real, input
 * gradient for G, input and weight gradients on both; its first layer needs an input gradient for G
 * only, and only for the image's half of the channels. */
static double passes(enum pxs_net net, bool first) {
    if (net == PXS_NET_G)
        return first ? 2 : 3;
    return first ? 4.5 : 7;
}

double pxs_pix2pix_gmac(const struct pxs_params *p) {
    double gmac = 0;
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++) {
        struct pxs_layer_list list;
        pxs_pix2pix_layers(p, net, &list);
        for (size_t i = 0; i < list.n; i++)
            gmac += pxs_layer_macs(&list.layer[i]) * passes(net, i == 0) * 1e-9;
    }
    return gmac;
}

static void add_method(struct pxs_bits *b, const struct pxs_kernels *set, enum pxs_method method) {
    const unsigned char byte = (unsigned char)method;
    b->methods = pxs_crc32c(b->methods, &byte, 1);
    if (method == PXS_METHOD_BLAS)
        b->blas = true;
    else
        b->fused = pxs_kernels_fused(set);
}

/* The last batch of an epoch may be smaller, and D gets two batches at once, so every batch size up
 * to the largest counts. The pass through D's first layer for the generator's gradient uses half of
 * its big channels; it needs no entry of its own, since neither half nor all of them are a multiple
 * of a panel. */
void pxs_pix2pix_bits(const struct pxs_params *p, const struct pxs_kernels *set,
                      struct pxs_bits *out) {
    *out = (struct pxs_bits){0};
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++) {
        const int most = (int)p->batch_size * (net == PXS_NET_D ? 2 : 1);
        struct pxs_layer_list list;
        pxs_pix2pix_layers(p, net, &list);
        for (size_t i = 0; i < list.n; i++) {
            const struct pxs_layer_spec *l = &list.layer[i];
            if (l->kind == PXS_LAYER_HEAD) {
                add_method(out, set, pxs_kernels_product(set));
                continue;
            }
            for (int n = 1; n <= most; n++) {
                const struct pxs_conv_shape s = pxs_layer_conv(l, n);
                for (enum pxs_pass pass = PXS_PASS_DOWN; pass <= PXS_PASS_WEIGHT; pass++)
                    add_method(out, set, pxs_kernels_method(set, &s, pass));
            }
        }
    }
}
