/* Estimates memory, disk and steps of a run from its hyperparameters. */
#include "train_priv.h"

/* Bytes of a batch's record with its frame, and of a compressed sample pixel: measured on glyph
 * runs. */
#define RECORD_BYTES 130
#define SAMPLE_BYTES_PER_VALUE 0.25
/* The program, its libraries, and scratch memory that does not grow with the batch. */
#define FIXED_BYTES ((uint64_t)32 << 20)

/* Activations, raw outputs and their gradients for one image of a batch: 3.5 floats for each output
 * value in G, 6.5 in D, which gets two batches. */
static double activation_bytes(const struct pxs_layer_spec *l, enum pxs_net net) {
    if (l->kind == PXS_LAYER_HEAD)
        return 0;
    return 4.0 * (double)pxs_layer_outputs(l) * (net == PXS_NET_G ? 3.5 : 6.5);
}

/* Which pairs of train/ validate is not known: held-out ones count with their enlarged halves as
 * if they lay in val/. */
static uint64_t data_bytes(const struct pxs_params *p, int64_t n_train, int64_t n_val) {
    const struct pxs_dataset_options o = {.img_height = (int)p->img_height,
                                          .img_width = (int)p->img_width,
                                          .channels = (int)p->channels,
                                          .jitter = (int)p->jitter};
    return pxs_dataset_bytes(&o, (uint64_t)n_train, (uint64_t)n_val);
}

static int64_t checkpoints(const struct pxs_params *p) {
    int64_t n = 1; /* the best one, or without validation the last */
    for (int64_t e = 1; p->checkpoint_interval > 0 && e < p->n_epochs; e++)
        n += (e + 1) % p->checkpoint_interval == 0;
    return n;
}

void pxs_train_estimate(const struct pxs_params *p, int64_t n_train, int64_t n_val,
                        struct pxs_train_estimate *out) {
    double activations = 0;
    int64_t weights[2] = {0, 0}, largest = 0;
    for (enum pxs_net net = PXS_NET_G; net <= PXS_NET_D; net++) {
        struct pxs_layer_list list;
        pxs_pix2pix_layers(p, net, &list);
        for (size_t i = 0; i < list.n; i++) {
            const struct pxs_layer_spec *l = &list.layer[i];
            const int64_t weight = (int64_t)pxs_layer_weights(l);
            activations += activation_bytes(l, net);
            weights[net] +=
                weight + (l->bias ? l->c_out : 0) + (l->norm == PXS_NORM_BATCH ? 2 * l->c_out : 0);
            largest = weight > largest ? weight : largest;
        }
    }
    int64_t batches = (n_train + p->batch_size - 1) / p->batch_size, all = weights[0] + weights[1];
    double pixels = (double)(p->img_height * p->img_width * p->channels);
    int64_t samples =
        p->sample_interval > 0 ? (batches * p->n_epochs - 1) / p->sample_interval + 1 : 0;
    samples += 1 + (p->validation != PXS_VALIDATION_OFF); /* the last and the best one */
    *out = (struct pxs_train_estimate){.batches_per_epoch = batches,
                                       .steps = batches * p->n_epochs,
                                       .gmac_per_step = pxs_pix2pix_gmac(p) * (double)p->batch_size,
                                       .weights_G = weights[0],
                                       .weights_D = weights[1]};
    out->memory_bytes = FIXED_BYTES + (uint64_t)(12 * all + 4 * largest) +
                        (uint64_t)(activations * (double)p->batch_size);
    const uint64_t data = data_bytes(p, n_train, n_val);
    if (data >= PXS_DATASET_SHARED_FROM)
        out->shared_bytes = data;
    else
        out->memory_bytes += data;
    out->disk_bytes =
        (uint64_t)(4 * all * checkpoints(p)) + (uint64_t)(out->steps * RECORD_BYTES) +
        (uint64_t)(SAMPLE_BYTES_PER_VALUE * 3 * SAMPLE_PAIRS * pixels * (double)samples);
}
