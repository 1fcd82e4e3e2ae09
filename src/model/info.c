/* The networks' sizes from the hyperparameters alone: for plans, estimates and bench. */
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
