/* What a run will cost, before it exists. */
#include "train_priv.h"

/* Bytes of a batch's record with its frame, and of a compressed sample pixel: measured on glyph runs. */
#define RECORD_BYTES 130
#define SAMPLE_BYTES_PER_VALUE 0.25
/* Scratch that does not grow with the batch, the program and its libraries. */
#define FIXED_BYTES ((uint64_t)32 << 20)

static int64_t weights_of(const struct pxs_layer_info *l) {
    return 16 * (int64_t)l->cb * l->cs;
}

/* Activations, raw outputs and their gradients of one image: about six values an output value in G, six (two batches) in D. */
static double activation_bytes(const struct pxs_layer_info *l) {
    double side = l->transposed ? 4.0 * l->h * l->w * l->cb : 1.0 * l->h * l->w * l->cs;
    return 4.0 * side * (l->net == PXS_NET_G ? 3.5 : 6.5);
}

static int64_t checkpoints(const struct pxs_params *p) {
    int64_t n = 1; /* the best one, or without validation the last */
    for (int64_t e = 1; p->checkpoint_interval > 0 && e < p->n_epochs; e++)
        n += (e + 1) % p->checkpoint_interval == 0;
    return n;
}

void pxs_train_estimate(const struct pxs_params *p, int64_t n_train, int64_t n_val,
                        struct pxs_train_estimate *out) {
    struct pxs_layer_info layers[32];
    size_t n = pxs_pix2pix_layers(p, layers);
    double gmac = 0, activations = 0;
    int64_t weights[2] = {p->channels, 15 * p->ndf},
            largest = 0; /* the biases: final; ndf x (1 + 2 + 4 + 8) */
    for (size_t i = 0; i < n; i++) {
        gmac += layers[i].mac * layers[i].passes * 1e-9;
        activations += layers[i].head ? 0 : activation_bytes(&layers[i]);
        weights[layers[i].net] += weights_of(&layers[i]);
        largest = weights_of(&layers[i]) > largest ? weights_of(&layers[i]) : largest;
    }
    int64_t batches = (n_train + p->batch_size - 1) / p->batch_size, all = weights[0] + weights[1];
    double pixels = (double)(p->img_height * p->img_width * p->channels);
    int64_t samples = p->sample_interval > 0 ? (batches * p->n_epochs - 1) / p->sample_interval + 1 : 0;
    samples += 1 + (p->validation != PXS_VALIDATION_OFF); /* the last and the best one */
    *out = (struct pxs_train_estimate){.batches_per_epoch = batches,
                                       .steps = batches * p->n_epochs,
                                       .gmac_per_step = gmac * (double)p->batch_size,
                                       .weights_G = weights[0],
                                       .weights_D = weights[1]};
    out->memory_bytes = FIXED_BYTES + (uint64_t)(12 * all + 4 * largest) +
                        (uint64_t)(activations * (double)p->batch_size) +
                        (uint64_t)(2.0 * pixels * (double)(n_train + n_val));
    out->disk_bytes = (uint64_t)(4 * all * checkpoints(p)) + (uint64_t)(out->steps * RECORD_BYTES) +
                      (uint64_t)(SAMPLE_BYTES_PER_VALUE * 3 * SAMPLE_PAIRS * pixels * (double)samples);
}
