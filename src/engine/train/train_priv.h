/* One run in progress. Shared by the train room's files only. */
#ifndef PXS_TRAIN_PRIV_H
#define PXS_TRAIN_PRIV_H

#include "pixsweep/data.h"
#include "pixsweep/model.h"
#include "pixsweep/nn.h"
#include "pixsweep/train.h"

/* `validation: lab` looks at this many training pairs; a sample shows this many. */
enum { LAB_PAIRS = 20, SAMPLE_PAIRS = 10 };

/* The best epoch by early_stop_metric so far. */
struct train_early {
    double best;   /* less is better: negated where more is; +inf at first */
    int64_t epoch; /* -1 at first */
};

/* What an epoch's batches done have given so far to each value that is made of them; those of how
 * VALUE stay as they are. NaN: not known, since the attempt that made the first batches did not
 * look. */
struct train_sums {
    PXS_EPOCH_MEASURES(PXS_MEASURE_MEMBER)
};

struct training {
    const struct pxs_train_job *job;
    const struct pxs_params *p;
    struct pxs_dataset *data;
    struct pxs_pix2pix *model;
    uint32_t n_train, n_val;
    int64_t batches;                       /* in an epoch */
    uint32_t *order;                       /* [n_train] of this epoch */
    float *source, *target;                /* [batch_size,H,W,C] */
    float *fake;                           /* likewise; validation and samples */
    size_t image_floats;                   /* H*W*C */
    int64_t step, epoch, batch;            /* next to do; batch == batches: the epoch's end */
    struct train_sums sums;                /* over this epoch's batches done */
    double epoch_began;                    /* by train_clock, in this attempt */
    double looked_at, cpu_at, stood_still; /* of train_clock */
    /* seconds spent on this epoch by attempts before this one */
    double epoch_before;
    /* where the last resume point stands; -1 = there is none */
    int64_t saved_step, saved_epoch;
    /* monotonic: when one was last tried, or the attempt began */
    double saved_at;
    bool saved_here;                 /* by this attempt */
    bool waiting;                    /* the disk is full */
    struct pxs_step_rates rates;     /* of the last step made */
    struct pxs_schedule schedule[2]; /* G, D */
    struct pxs_plateau plateau[2];   /* moves under lr_policy plateau only */
    double best;                     /* lowest validation loss so far; +inf at first */
    struct train_early early;
    double val_loss; /* of the epoch before this one; NaN where an earlier attempt has made it */
};

/* OpenBLAS's version and core for the record, and where it cannot be loaded "not loaded" and why
 * not: only some networks call it. */
enum pxs_status train_describe_blas(char *out, size_t size, struct pxs_error *err);
/* The data set, as planned; networks and buffers, with the weights that the run begins or goes on
 * with; an end to all of it. */
PXS_NODISCARD enum pxs_status train_load_data(struct training *t, struct pxs_error *err);
PXS_NODISCARD enum pxs_status train_prepare(struct training *t, struct pxs_error *err);
void train_finish(struct training *t);
/* Over the pairs of the run's `validation`: mean abs(fake - target), and the means of PSNR and SSIM
 * over images; NaN where it is off. */
struct train_quality {
    double loss, psnr, ssim;
};
struct train_quality train_validate(struct training *t, int64_t epoch);
/* The schedules, before the first step; the rates of the next step; what policies with a memory
 * learn from an epoch's validation loss. */
void train_begin_rates(struct training *t);
struct pxs_step_rates train_rates(const struct training *t, int64_t batch);
void train_follow_loss(struct training *t, double val_loss);
/* images/<step>.png and its record; is it due after this step, whatever comes next?
 * images/best.png, replaced with the best weights. */
PXS_NODISCARD enum pxs_status train_sample(struct training *t, int64_t step, int64_t epoch,
                                           struct pxs_error *err);
bool train_is_sampled(const struct training *t, int64_t step);
PXS_NODISCARD enum pxs_status train_best_sample(struct training *t, struct pxs_error *err);
/* saved_models/generator_<suffix>.safetensors, saved_models/d/discriminator_<suffix>.safetensors
 * and their records. `suffix` "min" makes kind "best". */
PXS_NODISCARD enum pxs_status train_checkpoint(struct training *t, const char *suffix,
                                               int64_t epoch, struct pxs_error *err);
/* Wall clock of the current epoch, all attempts together. */
double train_epoch_seconds(struct training *t);
/* Seconds, without those that this process stood still (Ctrl-Z, a frozen control group): they
 * belong to no batch and no epoch. */
double train_clock(struct training *t);
bool train_stopped(const struct training *t);

/* ---- resume points (resume.c) --------------------------------------------------------------- */

/* Between two batches, everything before this step recorded. */
void train_save_resume(struct training *t);
/* Removes the point before the last one, where the last one stands for this very step. */
void train_keep_one_resume(const struct training *t);
/* The state that job->resume holds, into a model that was just made. */
PXS_NODISCARD enum pxs_status train_load_resume(struct training *t, struct pxs_error *err);

/* ---- early stopping (early.c) --------------------------------------------------------------- */

/* At the end of epoch t->epoch: what it brought. Between epochs: has the run's patience ended
 * before its epochs have? */
void train_watch_progress(struct training *t, const struct train_quality *q, double avg_loss_G);
bool train_stops_early(const struct training *t);
/* The event that says so. */
PXS_NODISCARD enum pxs_status train_tell_early_stop(struct training *t, struct pxs_error *err);

/* ---- rungs (rung.c) ------------------------------------------------------------------------- */

/* Between two epochs: asks whether the run goes on, where that is to be asked. PXS_E_PRUNED: it
 * does not. */
PXS_NODISCARD enum pxs_status train_pass_rung(struct training *t, struct pxs_error *err);

/* ---- a full disk (wait.c) ------------------------------------------------------------------- */

/* After a call that wrote: true where the disk was full and the call is to be made again, after a
 * while. Otherwise *status is final: PXS_E_STOPPED where the wait was broken off. */
bool train_again(struct training *t, enum pxs_status *status, struct pxs_error *err);
/* Leaves with the status of a call that writes, made until it is not the disk that refuses. */
#define TRAIN_PATIENTLY(t, call, err)                   \
    do {                                                \
        enum pxs_status train_status;                   \
        do                                              \
            train_status = (call);                      \
        while (train_again((t), &train_status, (err))); \
        if (train_status != PXS_OK)                     \
            return train_status;                        \
    } while (0)

/* First weights: drawn from the seed, then `init_from` over them. */
PXS_NODISCARD enum pxs_status train_first_weights(struct training *t, struct pxs_error *err);

#endif
