/* The training step (docs/contracts.md, Training semantics): the generator first, then the
 * discriminator on the same, detached fake. D runs over the fake only once: it has not changed in
 * between, so its activations serve both updates. */
#include "model_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

float *model_floats(size_t n, bool *failed) {
    float *p = pxs_aligned_alloc(n * sizeof *p);
    if (!p)
        *failed = true;
    return p;
}

void model_describe(struct pxs_pix2pix *m) {
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++) {
        struct pxs_layer_list list;
        pxs_pix2pix_layers(&m->params, net, &list);
        m->net[net].n_layers = list.n;
        m->n_weights[net] = 0;
        for (size_t i = 0; i < list.n; i++) {
            struct pxs_layer *l = &m->net[net].layer[i];
            pxs_layer_describe(l, &list.layer[i]);
            m->n_weights[net] += pxs_layer_tensors(l, m->weights[net] + m->n_weights[net]);
        }
    }
}

/* D keeps the activations of two batches, the fake one and the real one. */
static size_t images_of(const struct pxs_params *p, enum pxs_net net) {
    return (size_t)p->batch_size * (net == PXS_NET_D ? 2 : 1);
}

/* Floats of what all layers share: the gradient of the largest weight, and scratch memory. */
static void shared_floats(const struct pxs_pix2pix *m, size_t *largest, size_t *scratch) {
    *largest = *scratch = 0;
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++)
        for (size_t i = 0; i < m->net[net].n_layers; i++) {
            const struct pxs_layer_spec *s = &m->net[net].layer[i].spec;
            const size_t floats =
                pxs_layer_scratch(&m->nn.kernel, s, (int)images_of(&m->params, net));
            *scratch = floats > *scratch ? floats : *scratch;
            if (net == PXS_NET_G) { /* pxs_pix2pix_show */
                struct pxs_kernel_context as = m->nn.kernel;
                as.as_batch = (int)m->params.batch_size;
                const size_t shown = pxs_layer_scratch(&as, s, as.as_batch);
                *scratch = shown > *scratch ? shown : *scratch;
            }
            *largest = pxs_layer_gradients(s) > *largest ? pxs_layer_gradients(s) : *largest;
        }
}

static enum pxs_status build(struct pxs_pix2pix *m, const char *kernels, struct pxs_error *err) {
    const struct pxs_params *p = &m->params;

    /* OpenBLAS is loaded only where these networks call it: not every run needs it installed. */
    struct pxs_bits bits;
    PXS_TRY(pxs_kernels_select(kernels, &m->nn.kernel.set, err));
    pxs_pix2pix_bits(p, m->nn.kernel.set, &bits);
    if (bits.blas)
        PXS_TRY(pxs_blas_load(pxs_pool_threads(m->nn.kernel.pool), &m->nn.kernel.blas, err));

    model_describe(m);
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++) {
        for (size_t i = 0; i < m->net[net].n_layers; i++)
            PXS_TRY(pxs_layer_init(&m->net[net].layer[i], true, err));
        PXS_TRY(network_create(&m->net[net], images_of(p, net), true, err));
    }

    size_t largest, scratch;
    shared_floats(m, &largest, &scratch);
    bool failed = false;
    m->nn.grad = model_floats(largest, &failed);
    m->nn.kernel.scratch_floats = scratch;
    m->nn.kernel.scratch = model_floats(scratch, &failed);

    const struct pxs_network *d = &m->net[PXS_NET_D];
    struct pxs_layer_spec half = d->layer[0].spec;
    half.c_in /= 2;
    half.bias = false;
    pxs_layer_describe(&m->image_half, &half);
    m->image_half.weight.value = model_floats(m->image_half.weight.count, &failed);

    const size_t batch = (size_t)p->batch_size;
    const size_t image = (size_t)p->img_height * (size_t)p->img_width * (size_t)p->channels;
    m->pred_size = pxs_layer_outputs(&d->layer[d->n_layers - 1].spec);
    m->fake = model_floats(batch * image, &failed);
    m->dfake = model_floats(batch * image, &failed);
    m->pairs = model_floats(2 * 2 * batch * image, &failed);
    m->pred = model_floats(2 * batch * m->pred_size, &failed);
    m->dpred = model_floats(2 * batch * m->pred_size, &failed);
    return failed ? pxs_fail_nomem(err) : PXS_OK;
}

enum pxs_status pxs_pix2pix_create(const struct pxs_params *params, struct pxs_pool *pool,
                                   const char *kernels, struct pxs_pix2pix **out,
                                   struct pxs_error *err) {
    struct pxs_pix2pix *m = calloc(1, sizeof *m);
    if (!m)
        return pxs_fail_nomem(err);
    m->params = *params;
    m->nn.kernel.pool = pool;
    const enum pxs_status status = build(m, kernels, err);
    if (status != PXS_OK)
        pxs_pix2pix_destroy(&m);
    else
        *out = m;
    return status;
}

void pxs_pix2pix_destroy(struct pxs_pix2pix **m) {
    if (!m || !*m)
        return;
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++)
        network_finish(&(*m)->net[net]);
    pxs_layer_finish(&(*m)->image_half);
    float *buffers[] = {
        (*m)->nn.grad, (*m)->nn.kernel.scratch, (*m)->fake, (*m)->dfake, (*m)->pairs, (*m)->pred,
        (*m)->dpred};
    for (size_t i = 0; i < PXS_COUNT(buffers); i++)
        pxs_aligned_free(buffers[i]);
    free(*m);
    *m = NULL;
}

void pxs_pix2pix_size(const struct pxs_params *p, struct pxs_pix2pix_size *out) {
    struct pxs_pix2pix m = {.params = *p};
    struct pxs_error none;
    size_t largest, scratch, floats = 0;
    *out = (struct pxs_pix2pix_size){0};
    model_describe(&m);
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++) {
        for (size_t i = 0; i < m.n_weights[net]; i++)
            out->weights[net] += m.weights[net][i]->fixed ? 0 : (int64_t)m.weights[net][i]->count;
        floats +=
            3 * (size_t)out->weights[net] + network_floats(&m.net[net], images_of(p, net), true);
    }
    if (pxs_kernels_select("auto", &m.nn.kernel.set, &none) == PXS_OK) {
        shared_floats(&m, &largest, &scratch);
        floats += largest + scratch;
    }
    const struct pxs_network *d = &m.net[PXS_NET_D];
    const size_t image = (size_t)p->img_height * (size_t)p->img_width * (size_t)p->channels;
    floats += images_of(p, PXS_NET_D) *
              (3 * image + 2 * pxs_layer_outputs(&d->layer[d->n_layers - 1].spec));
    out->bytes = sizeof(float) * (uint64_t)floats;
}

enum pxs_status pxs_pix2pix_randomise(struct pxs_pix2pix *m, uint64_t seed, struct pxs_error *err) {
    static const enum pxs_init_kind kinds[PXS_VALUES_init_type] = {
        [PXS_INIT_TYPE_NORMAL] = PXS_INIT_NORMAL,
        [PXS_INIT_TYPE_XAVIER] = PXS_INIT_XAVIER,
        [PXS_INIT_TYPE_KAIMING] = PXS_INIT_KAIMING,
        [PXS_INIT_TYPE_ORTHOGONAL] = PXS_INIT_ORTHOGONAL};
    const struct pxs_init init = {kinds[m->params.init_type], m->params.init_gain};
    uint32_t layer = 0;
    for (int net = 0; net < 2; net++)
        for (size_t i = 0; i < m->n_weights[net]; i++)
            PXS_TRY(pxs_weight_randomise(&m->nn, m->weights[net][i], &init, seed, layer++, err));
    return PXS_OK;
}

static void use_rate(struct pxs_pix2pix *m, double lr, int64_t step) {
    m->nn.adam = (struct pxs_adam){.lr = lr, .b1 = m->params.b1, .b2 = m->params.b2, .t = step + 1};
}

/* D's predictions of n pairs [image, source], as images first .. first+n-1 of its buffers. */
static void discriminate(struct pxs_pix2pix *m, const float *image, const float *source, int first,
                         int n) {
    static const struct pxs_net_dropout none = {0};
    const struct pxs_params *p = &m->params;
    const size_t c = (size_t)p->channels,
                 pixels = (size_t)n * (size_t)p->img_height * (size_t)p->img_width;
    float *pairs = m->pairs + (size_t)first * (pixels / (size_t)n) * 2 * c;
    pxs_copy_channels(&m->nn.kernel, image, c, pairs, 2 * c, pixels, (int)c);
    pxs_copy_channels(&m->nn.kernel, source, c, pairs + c, 2 * c, pixels, (int)c);
    network_forward(&m->net[PXS_NET_D], &m->nn, pairs, first, n, PXS_STATISTICS_TRAIN, &none,
                    m->pred + (size_t)first * m->pred_size);
}

/* dpred of images 0 .. n-1 -> dimage [n,H,W,C], overwritten; no weight of D changes. */
static void discriminator_gradient(struct pxs_pix2pix *m, int n, float *dimage) {
    struct pxs_network *d = &m->net[PXS_NET_D];
    const struct pxs_layer *l = &d->layer[0];
    const int c = m->image_half.spec.c_in;
    network_backward(d, &m->nn, m->pairs, n, 1, m->pred, m->dpred, false);
    /* Copies the weights of the first half of the big channels, in each tap and panel. */
    const size_t panel = (size_t)pxs_panel_width(l->spec.c_out), half = (size_t)c * panel;
    for (size_t i = 0; i < l->weight.count / (2 * half); i++)
        memcpy(m->image_half.weight.value + i * half, l->weight.value + i * 2 * half,
               half * sizeof(float));
    pxs_conv_backward(&m->nn, &m->image_half, n, d->draw, (size_t)l->spec.c_out, dimage, (size_t)c,
                      false);
}

static enum pxs_adversarial adversarial(const struct pxs_params *p) {
    static const enum pxs_adversarial of[PXS_VALUES_gan_mode] = {
        [PXS_GAN_LSGAN] = PXS_ADVERSARIAL_LSGAN,
        [PXS_GAN_VANILLA] = PXS_ADVERSARIAL_VANILLA,
        [PXS_GAN_HINGE] = PXS_ADVERSARIAL_HINGE};
    return of[p->gan_mode];
}

/* loss_G = loss_GAN + lambda_pixel * loss_pixel; dfake is the sum of both gradients. */
static void step_generator(struct pxs_pix2pix *m, const float *source, const float *target, int n,
                           int64_t step, struct pxs_step_result *out) {
    const struct pxs_params *p = &m->params;
    const struct pxs_nn *nn = &m->nn;
    size_t floats = (size_t)n * (size_t)p->img_height * (size_t)p->img_width * (size_t)p->channels;
    struct pxs_network *g = &m->net[PXS_NET_G];
    const struct pxs_net_dropout drop = {
        .seed = (uint64_t)p->seed, .stream = PXS_STREAM_DROPOUT, .a = (uint32_t)step};
    network_forward(g, nn, source, 0, n, PXS_STATISTICS_TRAIN, &drop, m->fake);
    discriminate(m, m->fake, source, 0, n);
    out->loss_GAN = pxs_gan_loss(nn, adversarial(p), PXS_JUDGED_GENERATOR, m->pred,
                                 (size_t)n * m->pred_size, 1.0f, m->dpred);
    discriminator_gradient(m, n, m->dfake);
    out->loss_pixel =
        pxs_l1(&nn->kernel, m->fake, target, floats, (float)p->lambda_pixel, m->dfake, true);
    out->loss_G = out->loss_GAN + p->lambda_pixel * out->loss_pixel;
    network_backward(g, nn, source, n, 1, m->fake, m->dfake, true);
}

/* Mean output over `n` patches; `logits`: as a probability. */
static double mean_output(const float *pred, size_t n, bool logits) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += logits ? 1.0 / (1.0 + exp(-(double)pred[i])) : (double)pred[i];
    return sum / (double)n;
}

/* loss_D = (loss_real + loss_fake) / 2. D still holds the activations of the fake pairs as images
 * 0 .. n-1; the real pairs become images n .. 2n-1. */
static void step_discriminator(struct pxs_pix2pix *m, const float *source, const float *target,
                               int n, struct pxs_step_result *out) {
    const struct pxs_nn *nn = &m->nn;
    const enum pxs_adversarial kind = adversarial(&m->params);
    const bool logits = kind == PXS_ADVERSARIAL_VANILLA;
    struct pxs_network *d = &m->net[PXS_NET_D];
    size_t preds = (size_t)n * m->pred_size;
    discriminate(m, target, source, n, n);
    network_track(d, n); /* torch runs D over the fake pairs again, after the real ones */
    out->loss_fake = pxs_gan_loss(nn, kind, PXS_JUDGED_FAKE, m->pred, preds, 0.5f, m->dpred);
    out->loss_real =
        pxs_gan_loss(nn, kind, PXS_JUDGED_REAL, m->pred + preds, preds, 0.5f, m->dpred + preds);
    out->D_real = mean_output(m->pred + preds, preds, logits);
    out->D_fake = mean_output(m->pred, preds, logits);
    out->loss_D = 0.5 * (out->loss_real + out->loss_fake);
    network_backward(d, nn, m->pairs, 2 * n, 2, m->pred, m->dpred, true);
}

void pxs_pix2pix_step(struct pxs_pix2pix *m, const float *source, const float *target, int n,
                      struct pxs_step_rates rates, int64_t step, struct pxs_step_result *out) {
    use_rate(m, rates.lr_G, step);
    step_generator(m, source, target, n, step, out);
    use_rate(m, rates.lr_D, step);
    step_discriminator(m, source, target, n, out);
}

void pxs_pix2pix_generate(struct pxs_pix2pix *m, const float *source, int n,
                          enum pxs_statistics statistics, uint32_t dropout_stream, uint32_t a,
                          float *fake) {
    const struct pxs_net_dropout drop = {
        .seed = (uint64_t)m->params.seed, .stream = dropout_stream, .a = a};
    network_forward(&m->net[PXS_NET_G], &m->nn, source, 0, n, statistics, &drop, fake);
}

void pxs_pix2pix_show(struct pxs_pix2pix *m, const float *source, int n, float *fake) {
    static const struct pxs_net_dropout none = {0};
    const size_t floats = (size_t)(m->params.img_height * m->params.img_width * m->params.channels);
    const int step = model_generates_by_blas(m) ? 1 : n;
    m->nn.kernel.as_batch = (int)m->params.batch_size;
    for (int at = 0; at < n; at += step)
        network_forward(&m->net[PXS_NET_G], &m->nn, source + (size_t)at * floats, 0, step,
                        PXS_STATISTICS_RUNNING, &none, fake + (size_t)at * floats);
    m->nn.kernel.as_batch = 0;
}

void pxs_pix2pix_quality(struct pxs_pix2pix *m, const float *x, const float *y, int n, double *psnr,
                         double *ssim) {
    const struct pxs_params *p = &m->params;
    pxs_image_quality(&m->nn.kernel, x, y, n, (int)p->img_height, (int)p->img_width,
                      (int)p->channels, psnr, ssim);
}

double pxs_pix2pix_l1(struct pxs_pix2pix *m, const float *x, const float *y, size_t n) {
    return pxs_l1(&m->nn.kernel, x, y, n, 1.0f, NULL, false);
}

size_t pxs_pix2pix_weights(struct pxs_pix2pix *m, enum pxs_net net, struct pxs_weight ***out) {
    *out = m->weights[net];
    return m->n_weights[net];
}

void pxs_pix2pix_on_gradient(struct pxs_pix2pix *m,
                             void (*fn)(void *, const struct pxs_weight *, const float *),
                             void *user) {
    m->nn.on_gradient = fn;
    m->nn.user = user;
}
