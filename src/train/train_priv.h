/* One run in progress. Shared by the train room's files only. */
#ifndef PXS_TRAIN_PRIV_H
#define PXS_TRAIN_PRIV_H

#include "pixsweep/data.h"
#include "pixsweep/model.h"
#include "pixsweep/train.h"

/* `validation: lab` looks at this many training pairs; a sample shows this many. */
enum { LAB_PAIRS = 20, SAMPLE_PAIRS = 10 };

struct training {
    const struct pxs_train_job *job;
    const struct pxs_params *p;
    struct pxs_dataset *data;
    struct pxs_pix2pix *model;
    uint32_t n_train, n_val;
    int64_t batches;        /* in an epoch */
    uint32_t *order;        /* [n_train] of this epoch */
    float *source, *target; /* [batch_size,H,W,C] */
    float *fake;            /* likewise; validation and samples */
    size_t image_floats;    /* H*W*C */
    int64_t step;           /* next to do */
    struct pxs_step_rates rates;
    double best; /* lowest validation loss so far; +inf at first */
};

/* Mean abs(fake - target) by the run's `validation`; NaN where it is off. */
double train_validate(struct training *t, int64_t epoch);
/* images/<step>.png and its record. */
PXS_NODISCARD enum pxs_status train_sample(struct training *t, int64_t step, int64_t epoch,
                                           struct pxs_error *err);
/* saved_models/generator_<suffix>.safetensors, saved_models/d/discriminator_<suffix>.safetensors and their records. `suffix` "min"
 * makes kind "best". */
PXS_NODISCARD enum pxs_status train_checkpoint(struct training *t, const char *suffix, int64_t epoch,
                                               struct pxs_error *err);
/* First weights: drawn from the seed, then `init_from` over them. */
PXS_NODISCARD enum pxs_status train_first_weights(struct training *t, struct pxs_error *err);

#endif
