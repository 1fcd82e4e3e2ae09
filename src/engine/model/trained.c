/* A trained generator at work: forward passes alone, over pictures of any sides that it takes. */
#include "model_priv.h"

#include <stdlib.h>
#include <string.h>

struct pxs_trained {
    struct pxs_pix2pix m; /* of its discriminator nothing is allocated */
    /* OpenBLAS computes some pass, whose bits depend on the size of a product: one picture at a
     * time, then */
    bool one_by_one;
};

bool model_generates_by_blas(const struct pxs_pix2pix *m) {
    const struct pxs_network *net = &m->net[PXS_NET_G];
    const struct pxs_kernels *set = m->nn.kernel.set;
    for (size_t i = 0; i < net->n_layers; i++) {
        const struct pxs_layer_spec *s = &net->layer[i].spec;
        const struct pxs_conv_shape shape = pxs_layer_conv(s, (int)m->params.batch_size);
        const enum pxs_pass pass =
            s->kind == PXS_LAYER_CONV_TRANSPOSE ? PXS_PASS_UP : PXS_PASS_DOWN;
        const enum pxs_method method = s->kind == PXS_LAYER_HEAD
                                           ? pxs_kernels_product(set)
                                           : pxs_kernels_method(set, &shape, pass);
        if (method == PXS_METHOD_BLAS)
            return true;
    }
    return false;
}

static size_t scratch_floats(const struct pxs_pix2pix *m, int batch) {
    const struct pxs_network *net = &m->net[PXS_NET_G];
    size_t most = 0;
    for (size_t i = 0; i < net->n_layers; i++) {
        const size_t floats = pxs_layer_scratch(&m->nn.kernel, &net->layer[i].spec, batch);
        most = floats > most ? floats : most;
    }
    return most;
}

/* Halvings of a picture within the network. */
static int halvings(const struct pxs_network *net) {
    int n = 0;
    for (size_t i = 0; i < net->n_layers; i++)
        n += net->layer[i].spec.kind == PXS_LAYER_CONV && net->layer[i].spec.stride == 2;
    return n;
}

int pxs_trained_multiple(const struct pxs_trained *g) {
    return 1 << halvings(&g->m.net[PXS_NET_G]);
}

bool pxs_trained_has_batch_norm(const struct pxs_trained *g) {
    const struct pxs_network *net = &g->m.net[PXS_NET_G];
    for (size_t i = 0; i < net->n_layers; i++)
        if (net->layer[i].spec.norm == PXS_NORM_BATCH)
            return true;
    return false;
}

bool pxs_trained_has_dropout(const struct pxs_trained *g) {
    const struct pxs_network *net = &g->m.net[PXS_NET_G];
    for (size_t i = 0; i < net->n_layers; i++)
        if (net->layer[i].spec.dropout > 0)
            return true;
    return false;
}

/* The same layers for pictures of other sides. Every layer's sides are the picture's, halved some
 * times, so they grow with it; a description for the new sides could be of a deeper network. */
static void set_sides(struct pxs_pix2pix *m, int height, int width) {
    struct pxs_network *net = &m->net[PXS_NET_G];
    const int h = (int)m->params.img_height, w = (int)m->params.img_width;
    for (size_t i = 0; i < net->n_layers; i++) {
        struct pxs_layer_spec *s = &net->layer[i].spec;
        s->h = (int)((int64_t)s->h * height / h);
        s->w = (int)((int64_t)s->w * width / w);
        s->in_h = (int)((int64_t)s->in_h * height / h);
        s->in_w = (int)((int64_t)s->in_w * width / w);
    }
    m->params.img_height = height;
    m->params.img_width = width;
}

enum pxs_status pxs_trained_resize(struct pxs_trained *g, int height, int width, int batch,
                                   struct pxs_error *err) {
    struct pxs_pix2pix *m = &g->m;
    struct pxs_kernel_context *ctx = &m->nn.kernel;
    bool failed = false;
    network_release(&m->net[PXS_NET_G]);
    pxs_aligned_free(ctx->scratch);
    set_sides(m, height, width);
    ctx->scratch_floats = scratch_floats(m, batch);
    ctx->scratch = model_floats(ctx->scratch_floats, &failed);
    return failed ? pxs_fail_nomem(err)
                  : network_create(&m->net[PXS_NET_G], (size_t)batch, false, err);
}

uint64_t pxs_trained_bytes(const struct pxs_trained *g, int height, int width, int batch) {
    struct pxs_pix2pix sized = g->m;
    set_sides(&sized, height, width);
    return sizeof(float) * (uint64_t)(network_floats(&sized.net[PXS_NET_G], (size_t)batch, false) +
                                      scratch_floats(&sized, batch));
}

/* Turns the weights of transposed convolutions, once for all pictures. `room` for the largest. */
static void turn_weights(struct pxs_pix2pix *m, float *room) {
    struct pxs_network *net = &m->net[PXS_NET_G];
    for (size_t i = 0; i < net->n_layers; i++) {
        struct pxs_layer *l = &net->layer[i];
        const struct pxs_conv_shape shape = pxs_layer_conv(&l->spec, 1);
        if (l->spec.kind != PXS_LAYER_CONV_TRANSPOSE || !pxs_conv_turns(m->nn.kernel.set, &shape))
            continue;
        memcpy(room, l->weight.value, l->weight.count * sizeof *room);
        pxs_conv_turn(&shape, room, l->weight.value);
        l->turned = true;
    }
}

static enum pxs_status build(struct pxs_trained *g, const char *path, const char *kernels,
                             struct pxs_error *err) {
    struct pxs_pix2pix *m = &g->m;
    struct pxs_network *net = &m->net[PXS_NET_G];
    PXS_TRY(pxs_kernels_select(kernels, &m->nn.kernel.set, err));
    model_describe(m);
    g->one_by_one = model_generates_by_blas(m);
    if (g->one_by_one)
        PXS_TRY(pxs_blas_load(pxs_pool_threads(m->nn.kernel.pool), &m->nn.kernel.blas, err));
    size_t largest = 0;
    for (size_t i = 0; i < net->n_layers; i++)
        PXS_TRY(pxs_layer_init(&net->layer[i], false, err));
    for (size_t i = 0; i < m->n_weights[PXS_NET_G]; i++)
        if (m->weights[PXS_NET_G][i]->count > largest)
            largest = m->weights[PXS_NET_G][i]->count;

    bool failed = false;
    float *room = model_floats(largest, &failed);
    enum pxs_status status = failed ? pxs_fail_nomem(err) : PXS_OK;
    if (status == PXS_OK && path)
        status = model_load(m, PXS_NET_G, path, room, err);
    static const struct pxs_init init = {PXS_INIT_NORMAL, 0.02};
    for (size_t i = 0; !path && i < m->n_weights[PXS_NET_G] && status == PXS_OK; i++)
        status = pxs_weight_randomise(&m->nn, m->weights[PXS_NET_G][i], &init, 0, (uint32_t)i, err);
    if (status == PXS_OK)
        turn_weights(m, room);
    pxs_aligned_free(room);
    return status;
}

enum pxs_status pxs_trained_create(const struct pxs_params *params, const char *path,
                                   struct pxs_pool *pool, const char *kernels,
                                   struct pxs_trained **out, struct pxs_error *err) {
    struct pxs_trained *g = calloc(1, sizeof *g);
    if (!g)
        return pxs_fail_nomem(err);
    g->m.params = *params;
    g->m.nn.kernel.pool = pool;
    g->m.nn.kernel.as_batch = (int)params->batch_size;
    const enum pxs_status status = build(g, path, kernels, err);
    if (status != PXS_OK)
        pxs_trained_destroy(&g);
    else
        *out = g;
    return status;
}

void pxs_trained_destroy(struct pxs_trained **g) {
    if (!g || !*g)
        return;
    network_finish(&(*g)->m.net[PXS_NET_G]);
    pxs_aligned_free((*g)->m.nn.kernel.scratch);
    free(*g);
    *g = NULL;
}

void pxs_trained_run(struct pxs_trained *g, const float *source, int n,
                     enum pxs_statistics statistics, bool dropout, uint64_t seed, float *fake) {
    const struct pxs_net_dropout drop = {.seed = seed, .stream = dropout ? PXS_STREAM_GENERATE : 0};
    const size_t floats =
        (size_t)(g->m.params.img_height * g->m.params.img_width * g->m.params.channels);
    const int step = g->one_by_one || dropout || statistics == PXS_STATISTICS_BATCH ? 1 : n;
    for (int at = 0; at < n; at += step)
        network_forward(&g->m.net[PXS_NET_G], &g->m.nn, source + (size_t)at * floats, 0, step,
                        statistics, &drop, fake + (size_t)at * floats);
}
