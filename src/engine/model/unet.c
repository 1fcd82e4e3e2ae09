/* PyTorch-GAN's GeneratorUNet, generalised: downs = log2(shorter side), channels ngf x 1, 2, 4, 8, 8, ...; the innermost without norm;
 * dropout after down4 and deeper and after the ups that come back to those levels. */
#include "model_priv.h"

#include <string.h>

static int level_count(int height, int width) {
    int n = 0;
    for (int side = height < width ? height : width; side > 1; side /= 2)
        n++;
    return n;
}

static void describe_level(struct unet *u, int k, int ngf) {
    struct unet_level *l = &u->level[k];
    bool innermost = k == u->n_levels - 1;
    l->h = u->height >> (k + 1);
    l->w = u->width >> (k + 1);
    l->c = ngf << (k < 3 ? k : 3);
    l->ld = (size_t)l->c * (innermost ? 1 : 2);
    l->norm = k > 0 && !innermost;
    l->drop = k >= 3 && u->dropout > 0;
    char name[48];
    snprintf(name, sizeof name, "down%d.model.0.weight", k + 1);
    pxs_conv_describe(&l->down, false, name, k == 0 ? u->channels : u->level[k - 1].c, l->c);
}

/* The up that comes back to level k, from level k + 1; the innermost pair is up1. */
static void describe_up(struct unet *u, int k) {
    char name[48];
    snprintf(name, sizeof name, "up%d.model.0.weight", u->n_levels - 1 - k);
    pxs_conv_describe(&u->level[k].up, true, name, u->level[k].c, (int)u->level[k + 1].ld);
}

enum pxs_status unet_init(struct unet *u, int batch, struct pxs_error *err) {
    bool failed = false;
    size_t largest = 0;
    for (int k = 0; k < u->n_levels; k++) {
        struct unet_level *l = &u->level[k];
        bool has_up = k < u->n_levels - 1;
        size_t pixels = (size_t)batch * (size_t)l->h * (size_t)l->w, c = (size_t)l->c;
        l->cat = model_floats(pixels * l->ld, &failed);
        l->dcat = model_floats(pixels * l->ld, &failed);
        l->down_raw = model_floats(pixels * c, &failed);
        l->down_stats = model_floats(2 * (size_t)batch * c, &failed);
        if (l->drop)
            l->down_mask = (uint8_t *)model_floats(pixels * c / 4 + 1, &failed);
        if (has_up) {
            l->up_raw = model_floats(pixels * c, &failed);
            l->up_stats = model_floats(2 * (size_t)batch * c, &failed);
        }
        if (has_up && l->drop)
            l->up_mask = (uint8_t *)model_floats(pixels * c / 4 + 1, &failed);
        if (pixels * c > largest)
            largest = pixels * c;
    }
    u->draw = model_floats(largest, &failed);
    return failed ? pxs_fail_nomem(err) : PXS_OK;
}

void unet_describe(struct unet *u, const struct pxs_params *p) {
    u->height = (int)p->img_height;
    u->width = (int)p->img_width;
    u->channels = (int)p->channels;
    u->dropout = p->dropout;
    u->n_levels = level_count(u->height, u->width);
    for (int k = 0; k < u->n_levels; k++)
        describe_level(u, k, (int)p->ngf);
    for (int k = 0; k < u->n_levels - 1; k++)
        describe_up(u, k);
    pxs_head_describe(&u->final, "final.2", (int)u->level[0].ld, u->channels, 2, true, true);
}

void unet_finish(struct unet *u) {
    for (int k = 0; k < MAX_DOWNS; k++) {
        struct unet_level *l = &u->level[k];
        pxs_conv_finish(&l->down);
        pxs_conv_finish(&l->up);
        void *buffers[] = {l->cat,        l->dcat,     l->down_raw,  l->up_raw,
                           l->down_stats, l->up_stats, l->down_mask, l->up_mask};
        for (size_t i = 0; i < PXS_COUNT(buffers); i++)
            pxs_aligned_free(buffers[i]);
    }
    pxs_head_finish(&u->final);
    pxs_aligned_free(u->draw);
}

size_t unet_weights(struct unet *u, struct pxs_weight **out) {
    size_t n = 0;
    for (int k = 0; k < u->n_levels; k++)
        out[n++] = &u->level[k].down.weight;
    for (int k = u->n_levels - 2; k >= 0; k--)
        out[n++] = &u->level[k].up.weight;
    out[n++] = &u->final.weight;
    out[n++] = &u->final.bias;
    return n;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

size_t unet_scratch(const struct unet *u, const struct pxs_nn *nn, int n) {
    size_t need = pxs_head_scratch_floats(nn, &u->final, n, u->level[0].h, u->level[0].w);
    for (int k = 0; k < u->n_levels; k++) {
        const struct unet_level *l = &u->level[k];
        need = larger(need, pxs_conv_scratch(nn, &l->down, n, l->h, l->w));
        if (k < u->n_levels - 1)
            need = larger(need, pxs_conv_scratch(nn, &l->up, n, u->level[k + 1].h, u->level[k + 1].w));
    }
    return need;
}

static struct pxs_block_shape block(const struct unet_level *l, int n, bool norm, float slope) {
    return (struct pxs_block_shape){.n = n, .hw = l->h * l->w, .c = l->c, .norm = norm, .slope = slope};
}

/* Where level k's down output stands: the second half of cat, or all of it in the innermost. */
static size_t skip_offset(const struct unet_level *l) {
    return l->ld - (size_t)l->c;
}

/* Dropout of one layer: layers are numbered 2k (down of level k) and 2k + 1 (up to it). */
static struct pxs_dropout dropout(const struct unet *u, const struct unet_level *l, struct unet_dropout d,
                                  uint32_t layer) {
    return (struct pxs_dropout){.p = l->drop && d.stream ? u->dropout : 0.0,
                                .seed = d.seed,
                                .stream = d.stream,
                                .a = d.a,
                                .b = layer};
}

void unet_forward(struct unet *u, const struct pxs_nn *nn, const float *source, int n,
                  struct unet_dropout drop, float *fake) {
    const float *x = source;
    size_t ld = (size_t)u->channels;
    for (int k = 0; k < u->n_levels; k++) {
        struct unet_level *l = &u->level[k];
        struct pxs_dropout d = dropout(u, l, drop, 2 * (uint32_t)k);
        struct pxs_block_shape s = block(l, n, l->norm, LEAK);
        pxs_conv_forward(nn, &l->down, n, l->h, l->w, x, ld, l->down_raw, (size_t)l->c);
        pxs_block_forward(&nn->kernel, &s, &d, l->down_raw, NULL, l->down_stats, l->down_mask,
                          l->cat + skip_offset(l), l->ld);
        x = l->cat + skip_offset(l);
        ld = l->ld;
    }
    for (int k = u->n_levels - 2; k >= 0; k--) {
        struct unet_level *l = &u->level[k], *below = &u->level[k + 1];
        struct pxs_dropout d = dropout(u, l, drop, 2 * (uint32_t)k + 1);
        struct pxs_block_shape s = block(l, n, true, 0.0f);
        pxs_conv_transpose_forward(nn, &l->up, n, below->h, below->w, below->cat, below->ld, l->up_raw,
                                   (size_t)l->c);
        pxs_block_forward(&nn->kernel, &s, &d, l->up_raw, NULL, l->up_stats, l->up_mask, l->cat, l->ld);
    }
    pxs_head_apply(nn, &u->final, n, u->level[0].h, u->level[0].w, u->level[0].cat, u->level[0].ld, fake);
}

void unet_backward(struct unet *u, const struct pxs_nn *nn, const float *source, int n, bool dropped,
                   const float *fake, float *dfake) {
    struct unet_level *top = &u->level[0];
    pxs_head_gradient(nn, &u->final, n, top->h, top->w, top->cat, top->ld, fake, dfake, top->dcat, top->ld,
                      true);
    for (int k = 0; k < u->n_levels - 1; k++) {
        struct unet_level *l = &u->level[k], *below = &u->level[k + 1];
        struct pxs_block_shape s = block(l, n, true, 0.0f);
        double p = l->drop && dropped ? u->dropout : 0.0;
        size_t c = (size_t)l->c;
        pxs_block_backward(&nn->kernel, &s, p, l->up_raw, l->up_stats, l->up_mask, l->dcat, l->ld, u->draw);
        pxs_conv_transpose_backward(nn, &l->up, n, below->h, below->w, u->draw, c, below->dcat, below->ld);
        pxs_conv_transpose_update(nn, &l->up, n, below->h, below->w, below->cat, below->ld, u->draw, c);
    }
    for (int k = u->n_levels - 1; k >= 0; k--) {
        struct unet_level *l = &u->level[k], *above = k > 0 ? &u->level[k - 1] : NULL;
        struct pxs_block_shape s = block(l, n, l->norm, LEAK);
        double p = l->drop && dropped ? u->dropout : 0.0;
        size_t c = (size_t)l->c;
        pxs_block_backward(&nn->kernel, &s, p, l->down_raw, l->down_stats, l->down_mask,
                           l->dcat + skip_offset(l), l->ld, u->draw);
        if (above) /* the skip's gradient stands there already */
            pxs_conv_backward(nn, &l->down, n, l->h, l->w, u->draw, c, above->dcat + skip_offset(above),
                              above->ld, true);
        const float *x = above ? above->cat + skip_offset(above) : source;
        pxs_conv_update(nn, &l->down, n, l->h, l->w, x, above ? above->ld : (size_t)u->channels, u->draw, c);
    }
}
