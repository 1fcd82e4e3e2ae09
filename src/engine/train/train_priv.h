/* One run in progress. Shared by the train room's files only. */
#ifndef PXS_TRAIN_PRIV_H
#define PXS_TRAIN_PRIV_H

#include "pixsweep/data.h"
#include "pixsweep/model.h"
#include "pixsweep/nn.h"
#include "pixsweep/train.h"

/* Training pairs that `validation: lab` uses; pairs that a sample shows. */
enum { LAB_PAIRS = 20, SAMPLE_PAIRS = 10 };

/* The best epoch by early_stop_metric so far. */
struct train_early {
    double best;   /* the lowest score; a metric where higher is better is negated; +inf at first */
    int64_t epoch; /* -1 at first */
};

/* For each value of an epoch, the sum or maximum over its batches so far; values of how VALUE are
 * not used. NaN: unknown, since an older pixsweep made the first batches and did not measure it. */
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
    int64_t step, epoch, batch;            /* the next ones; batch == batches: the epoch's end */
    struct train_sums sums;                /* over this epoch's batches so far */
    double epoch_began;                    /* by train_clock, in this attempt */
    double looked_at, cpu_at, stood_still; /* of train_clock */
    /* seconds spent on this epoch by attempts before this one */
    double epoch_before;
    /* of the last resume point; -1 = there is none */
    int64_t saved_step, saved_epoch;
    /* by pxs_monotonic: when the last one was tried, at first the start of the attempt */
    double saved_at;
    bool saved_here;                 /* this attempt has saved one */
    bool waiting;                    /* the disk is full */
    struct pxs_file_guard guard;     /* asks train_may_write before a file gets its name */
    bool lost;                       /* the run is another process's by now */
    struct pxs_step_rates rates;     /* of the last step */
    struct pxs_schedule schedule[2]; /* G, D */
    struct pxs_plateau plateau[2];   /* changes under lr_policy plateau only */
    double best;                     /* lowest validation loss so far; +inf at first */
    struct train_early early;
    double val_loss; /* of the epoch before this one; NaN where an earlier attempt trained it */
};

/* OpenBLAS's version and core for the record. Where it cannot be loaded: "not loaded", and a status
 * that a run may ignore, since only some networks call OpenBLAS. */
enum pxs_status train_describe_blas(char *out, size_t size, struct pxs_error *err);
/* Loads the data set and checks that it is the planned one. */
PXS_NODISCARD enum pxs_status train_load_data(struct training *t, struct pxs_error *err);
/* Creates networks and buffers, and loads the first weights or the state of job->resume. */
PXS_NODISCARD enum pxs_status train_prepare(struct training *t, struct pxs_error *err);
/* Frees the data set, networks and buffers, also after a failure of the two above. */
void train_finish(struct training *t);
/* Mean abs(fake - target) over the pairs that `validation` names, and the means of PSNR and SSIM
 * over images; NaN where validation is off. */
struct train_quality {
    double loss, psnr, ssim;
};
struct train_quality train_validate(struct training *t, int64_t epoch);
/* Sets up the schedules. Called before the first step. */
void train_begin_rates(struct training *t);
/* The rates of batch `batch` of the current epoch. */
struct pxs_step_rates train_rates(const struct training *t, int64_t batch);
/* Gives the epoch's validation loss to schedules that follow losses (plateau). */
void train_follow_loss(struct training *t, double val_loss);
/* Writes images/<step>.png and its record. */
PXS_NODISCARD enum pxs_status train_sample(struct training *t, int64_t step, int64_t epoch,
                                           struct pxs_error *err);
/* Whether sample_interval asks for a sample after this step. */
bool train_is_sampled(const struct training *t, int64_t step);
/* Writes or replaces images/best.png, and its record. */
PXS_NODISCARD enum pxs_status train_best_sample(struct training *t, struct pxs_error *err);
/* Writes saved_models/generator_<suffix>.safetensors,
 * saved_models/d/discriminator_<suffix>.safetensors and their records. `suffix` "min" makes kind
 * "best". */
PXS_NODISCARD enum pxs_status train_checkpoint(struct training *t, const char *suffix,
                                               int64_t epoch, struct pxs_error *err);
/* One network of these. */
PXS_NODISCARD enum pxs_status train_checkpoint_net(struct training *t, enum pxs_net net,
                                                   const char *suffix, int64_t epoch,
                                                   struct pxs_error *err);
/* Seconds of the current epoch, all attempts together. */
double train_epoch_seconds(struct training *t);
/* A clock in seconds that does not count time while the process is suspended (Ctrl-Z, a frozen
 * control group), which belongs to no batch and no epoch. */
double train_clock(struct training *t);
bool train_stopped(const struct training *t);
/* Asks job->may_write. After PXS_E_BUSY, t->lost holds and nothing more is written. */
PXS_NODISCARD enum pxs_status train_may_write(struct training *t, struct pxs_error *err);

/* ---- resume points (resume.c) --------------------------------------------------------------- */

/* Saves a point. Called between two batches, when everything before this step is recorded. Training
 * goes on where that fails, but for PXS_E_BUSY of train_may_write. */
PXS_NODISCARD enum pxs_status train_save_resume(struct training *t, struct pxs_error *err);
/* Removes the previous point, where the last one is of the current step. */
void train_keep_one_resume(const struct training *t);
/* Loads the state of a point. */
PXS_NODISCARD enum pxs_status
train_load_point(struct training *t, const struct pxs_resume_point *point, struct pxs_error *err);
/* Saves the final point, behind the last epoch. */
PXS_NODISCARD enum pxs_status train_save_final(struct training *t, struct pxs_error *err);
/* The final point of a shorter run: PXS_OK where it is whole, belongs to the run's records and has
 * this machine's class of bits (as pxs_train_has_final says, else). */
PXS_NODISCARD enum pxs_status train_find_final(const struct pxs_shorter *shorter,
                                               const char *kernels, struct pxs_resume_point *out,
                                               struct pxs_error *err);

/* ---- a run that begins from a shorter one (shorter.c) --------------------------------------- */

/* Copies job->shorter's epochs and goes on behind them; where that cannot be done nothing has
 * changed, and an event says why. */
PXS_NODISCARD enum pxs_status train_begin_from_shorter(struct training *t, struct pxs_error *err);

/* ---- early stopping (early.c) --------------------------------------------------------------- */

/* Called at the end of epoch t->epoch with its values. */
void train_watch_progress(struct training *t, const struct train_quality *q, double avg_loss_G);
/* Between epochs: whether early_stop_patience epochs have passed without an improvement. */
bool train_stops_early(const struct training *t);
/* Records the event that says so. */
PXS_NODISCARD enum pxs_status train_tell_early_stop(struct training *t, struct pxs_error *err);

/* ---- rungs (rung.c) ------------------------------------------------------------------------- */

/* Between two epochs: where the last one is a rung, asks whether the run goes on. PXS_E_PRUNED: it
 * does not. */
PXS_NODISCARD enum pxs_status train_pass_rung(struct training *t, struct pxs_error *err);

/* ---- a full disk (wait.c) ------------------------------------------------------------------- */

/* After a call that writes: where the disk is full, waits a while and returns true, so that the
 * call is repeated. Otherwise *status is final: PXS_E_STOPPED if the stop flag ended the wait. */
bool train_again(struct training *t, enum pxs_status *status, struct pxs_error *err);
/* Repeats a call that writes while the disk is full; returns its status where it fails. */
#define TRAIN_PATIENTLY(t, call, err)                   \
    do {                                                \
        enum pxs_status train_status;                   \
        do                                              \
            train_status = (call);                      \
        while (train_again((t), &train_status, (err))); \
        if (train_status != PXS_OK)                     \
            return train_status;                        \
    } while (0)

/* Draws the first weights from the seed, then loads those of `init_from`. */
PXS_NODISCARD enum pxs_status train_first_weights(struct training *t, struct pxs_error *err);

#endif
