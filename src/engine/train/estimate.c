/* Estimates memory, disk and steps of a run from its hyperparameters. */
#include "train_priv.h"

/* Bytes of a batch's record with its frame, and of a compressed sample pixel: measured on glyph
 * runs. */
#define RECORD_BYTES 130
#define SAMPLE_BYTES_PER_VALUE 0.25
/* The program and its libraries. */
#define FIXED_BYTES ((uint64_t)32 << 20)

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
    int64_t n = 2; /* the last one, and the best or, without validation, that of the last epoch */
    for (int64_t e = 1; p->checkpoint_interval > 0 && e < p->n_epochs; e++)
        n += (e + 1) % p->checkpoint_interval == 0;
    return n;
}

void pxs_train_estimate(const struct pxs_params *p, int64_t n_train, int64_t n_val,
                        struct pxs_train_estimate *out) {
    struct pxs_pix2pix_size size;
    pxs_pix2pix_size(p, &size);
    int64_t batches = (n_train + p->batch_size - 1) / p->batch_size,
            all = size.weights[PXS_NET_G] + size.weights[PXS_NET_D];
    double pixels = (double)(p->img_height * p->img_width * p->channels);
    int64_t samples =
        p->sample_interval > 0 ? (batches * p->n_epochs - 1) / p->sample_interval + 1 : 0;
    samples += 1 + (p->validation != PXS_VALIDATION_OFF); /* the last and the best one */
    *out = (struct pxs_train_estimate){.batches_per_epoch = batches,
                                       .steps = batches * p->n_epochs,
                                       .gmac_per_step = pxs_pix2pix_gmac(p) * (double)p->batch_size,
                                       .weights_G = size.weights[PXS_NET_G],
                                       .weights_D = size.weights[PXS_NET_D]};
    out->memory_bytes = FIXED_BYTES + size.bytes;
    const uint64_t data = data_bytes(p, n_train, n_val);
    if (data >= PXS_DATASET_SHARED_FROM)
        out->shared_bytes = data;
    else
        out->memory_bytes += data;
    out->disk_bytes =
        (uint64_t)(4 * all * checkpoints(p)) + (uint64_t)(out->steps * RECORD_BYTES) +
        (uint64_t)(SAMPLE_BYTES_PER_VALUE * 3 * SAMPLE_PAIRS * pixels * (double)samples);
}
