/* The networks' sizes from the hyperparameters alone: for plans, estimates, bench and what decides their bits. */
#include "model_priv.h"

#include <string.h>

struct list {
    struct pxs_layer_info *out;
    size_t n;
};

static void add(struct list *l, int net, const char *name, int number, int h, int w, int cb, int cs,
                bool transposed, double passes) {
    struct pxs_layer_info *i = &l->out[l->n++];
    *i = (struct pxs_layer_info){
        .net = net, .h = h, .w = w, .cb = cb, .cs = cs, .transposed = transposed, .passes = passes};
    snprintf(i->name, sizeof i->name, "%s%d", name, number);
    i->mac = 16.0 * h * w * cb * cs;
}

static void add_head(struct list *l, int net, const char *name, int h, int w, int c, int co, int scale,
                     double passes) {
    struct pxs_layer_info *i = &l->out[l->n++];
    *i = (struct pxs_layer_info){
        .net = net, .h = h, .w = w, .cb = c, .cs = co, .head = true, .head_scale = scale, .passes = passes};
    snprintf(i->name, sizeof i->name, "%s", name);
    i->mac = 16.0 * h * w * scale * scale * c * co;
}

/* Passes over one batch that a step needs: G's layers forward, input gradient, weight gradient (down1 no input gradient); D's layers
 * forward on fake and real, input gradient for G, input and weight gradients on both (D 1: input gradient for G only, and only for the
 * image's half of the channels). */
size_t pxs_pix2pix_layers(const struct pxs_params *p, struct pxs_layer_info out[32]) {
    struct list l = {.out = out};
    int height = (int)p->img_height, width = (int)p->img_width, c = (int)p->channels, n = 0,
        widths[MAX_DOWNS] = {0};
    for (int side = height < width ? height : width; side > 1 && n < MAX_DOWNS; side /= 2, n++)
        widths[n] = (int)p->ngf << (n < 3 ? n : 3);
    for (int k = 0; k < n; k++)
        add(&l, PXS_NET_G, "G down", k + 1, height >> (k + 1), width >> (k + 1), k ? widths[k - 1] : c,
            widths[k], false, k ? 3 : 2);
    for (int k = n - 2; k >= 0; k--)
        add(&l, PXS_NET_G, "G up", n - 1 - k, height >> (k + 2), width >> (k + 2), widths[k],
            widths[k + 1] * (k == n - 2 ? 1 : 2), true, 3);
    add_head(&l, PXS_NET_G, "G final", height / 2, width / 2, 2 * widths[0], c, 2, 3);
    for (int k = 0; k < PATCH_LAYERS; k++)
        add(&l, PXS_NET_D, "D ", k + 1, height >> (k + 1), width >> (k + 1),
            k ? (int)p->ndf << (k - 1) : 2 * c, (int)p->ndf << k, false, k ? 7 : 4.5);
    add_head(&l, PXS_NET_D, "D patch", height / 16, width / 16, (int)p->ndf * 8, 1, 1, 7);
    return l.n;
}

static void add_method(struct pxs_bits *b, const struct pxs_kernels *set, enum pxs_method method) {
    const unsigned char byte = (unsigned char)method;
    b->methods = pxs_crc32c(b->methods, &byte, 1);
    if (method == PXS_METHOD_BLAS)
        b->blas = true;
    else
        b->fused = pxs_kernels_fused(set);
}

/* A last batch may be short, and D sees two batches at once. That the generator's gradient needs only half of D 1's big channels makes no
 * difference: neither half nor whole is a multiple of a panel. */
void pxs_pix2pix_bits(const struct pxs_params *p, const struct pxs_kernels *set, struct pxs_bits *out) {
    struct pxs_layer_info layers[32];
    const size_t n = pxs_pix2pix_layers(p, layers);
    *out = (struct pxs_bits){0};
    for (size_t i = 0; i < n; i++) {
        const struct pxs_layer_info *l = &layers[i];
        const int most = (int)p->batch_size * (l->net == PXS_NET_D ? 2 : 1);
        struct pxs_conv_shape s = {.h = l->h, .w = l->w, .cb = l->cb, .cs = l->cs};
        if (l->head)
            add_method(out, set, pxs_kernels_product(set));
        for (s.n = 1; s.n <= most && !l->head; s.n++)
            for (enum pxs_pass pass = PXS_PASS_DOWN; pass <= PXS_PASS_WEIGHT; pass++)
                add_method(out, set, pxs_kernels_method(set, &s, pass));
    }
}
