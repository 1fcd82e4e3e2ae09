/* Validation loss: plain L1 in [-1,1], over the whole validation split, or as the lab took it. */
#include "train_priv.h"

#include <math.h>

struct pass {
    enum pxs_split split;
    uint32_t n;
    uint32_t dropout_stream; /* 0 = off */
};

static double mean_l1(struct training *t, const struct pass *pass, int64_t epoch) {
    uint32_t batch = (uint32_t)t->p->batch_size, index[64],
             chunk = batch < PXS_COUNT(index) ? batch : (uint32_t)PXS_COUNT(index);
    double sum = 0;
    for (uint32_t at = 0, part = 0; at < pass->n; at += chunk, part++) {
        uint32_t n = pass->n - at < chunk ? pass->n - at : chunk;
        for (uint32_t i = 0; i < n; i++)
            index[i] = at + i;
        pxs_dataset_batch(t->data, pass->split, index, n, NULL, t->source, t->target);
        /* each part of a pass draws masks of its own: at most LAB_PAIRS parts */
        pxs_pix2pix_generate(t->model, t->source, (int)n, pass->dropout_stream,
                             (uint32_t)epoch * LAB_PAIRS + part, t->fake);
        sum += pxs_pix2pix_l1(t->model, t->fake, t->target, n * t->image_floats) * n;
    }
    return sum / pass->n;
}

double train_validate(struct training *t, int64_t epoch) {
    if (t->p->validation == PXS_VALIDATION_OFF)
        return NAN;
    if (t->p->validation == PXS_VALIDATION_FULL)
        return mean_l1(t, &(struct pass){.split = PXS_SPLIT_VAL, .n = t->n_val}, epoch);
    uint32_t n = t->n_train < LAB_PAIRS ? t->n_train : LAB_PAIRS;
    return mean_l1(t, &(struct pass){.split = PXS_SPLIT_TRAIN, .n = n, .dropout_stream = PXS_STREAM_VALIDATE},
                   epoch);
}
