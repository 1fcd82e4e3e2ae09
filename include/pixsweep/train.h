/* train: one run from its first step to its last: batches, epochs, validation, samples,
 * checkpoints. It writes records and files and knows nobody who reads them; semantics and files are
 * promised in docs/contracts.md (Training semantics, Files of a run). */
#ifndef PIXSWEEP_TRAIN_H
#define PIXSWEEP_TRAIN_H

#include "pixsweep/base.h"
#include "pixsweep/params.h"
#include "pixsweep/records.h"

/* A rung: after an epoch the run asks whether it goes on (sweep.prune). */
struct pxs_train_rung {
    int64_t epoch; /* in: 0-based, just trained and validated */
    double value;  /* in: its validation loss */
    bool go_on;    /* out */
    /* out: the largest value that goes on; NaN = there was nothing to compare with */
    double cutoff;
    char why[512]; /* out: for the user, where it does not go on */
};

struct pxs_train_job {
    const struct pxs_params *params;
    const char *dir; /* the run's folder; exists; images/ and saved_models/ are made inside */
    struct pxs_record_writer *records; /* positioned behind the BEGIN record of this attempt */
    struct pxs_pool *pool;             /* NULL = one thread */
    const char *kernels;               /* "auto" or a kernel set's name */
    /* content hash that the plan froze; a difference is an error naming both. NULL = not checked */
    const char *data_hash;
    struct pxs_stop *stop; /* looked at after every batch; NULL = never stops */
    struct pxs_logger log;
    /* Identity that stands in resume points; NULL = none are written. */
    const char *config_hash;
    /* seconds between resume points; 0 = after every batch */
    double resume_every;
    /* where to go on; NULL or its step -1 = from the start */
    const struct pxs_resume_point *resume;
    /* May be NULL. The disk is full and nothing can be recorded: why; NULL once work goes on. */
    void (*waiting)(void *user, const char *why);
    void *waiting_user;
    /* Epochs (0-based, before the last one) after which `ask` is called, a resume point written
     * before; it may take its time. PXS_OK: the rung's out-fields are filled in. PXS_E_STOPPED: the
     * stop flag rose before an answer came. NULL = never. A run that goes on from such a place asks
     * again, so the answer must be the same again. */
    const int64_t *rungs;
    size_t n_rungs;
    enum pxs_status (*ask)(void *user, struct pxs_train_rung *rung, struct pxs_error *err);
    void *ask_user;
};

/* Trains. On return the records end with an END record (completed, diverged, failed, pruned or
 * interrupted; the message says at which step and why) and are synced, whatever happened, unless
 * the record file itself could not be written. Status: PXS_OK completed, PXS_E_DIVERGED,
 * PXS_E_PRUNED and PXS_E_STOPPED (resumable), else failed; the message is for the user. */
PXS_NODISCARD enum pxs_status pxs_train_run(const struct pxs_train_job *job, struct pxs_error *err);

/* Before the night: loads the data, builds the networks with their first weights, trains one batch
 * and generates one of validation pairs; what they become is not looked at, and nothing is written
 * (dir, records and hashes of the job are not used). PXS_OK: such a run can begin. Else as
 * pxs_train_run, PXS_E_NOMEM where it does not fit. The peak memory of the process is that of a
 * worker, about. */
PXS_NODISCARD enum pxs_status pxs_train_probe(const struct pxs_train_job *job,
                                              struct pxs_error *err);

/* ---- resume points -------------------------------------------------------------------------- */

/* A run's folder holds `resume.safetensors` and, as long as it may be needed, the one before it.
 * Each vouches for a length of the record file: what stands behind it is done again, to the same
 * bits. */
struct pxs_resume_point {
    int64_t step; /* first step not done; -1 = there is none, the run starts from its first step */
    int64_t record_bytes;
    char path[PXS_PATH_MAX];
};
/* The newest point in `dir` that is whole and belongs to this configuration, made in the class of
 * bits that `kernels` gives `params` here (or in any, with `allow_mixed`, or with params NULL,
 * where nothing will be trained). The class is what decides the bits of these networks: methods,
 * FMA or not, OpenBLAS where it computes something, and the C library's functions that are called.
 * `notes`: a line for each one that was passed over, for a mixture that is allowed, and for other
 * kernels or another OpenBLAS that give the same bits: what, why, and what follows.
 * PXS_E_UNSUPPORTED where a newer pixsweep wrote the only one there is. */
PXS_NODISCARD enum pxs_status pxs_train_find_resume(const char *dir, const char *config_hash,
                                                    const struct pxs_params *params,
                                                    const char *kernels, bool allow_mixed,
                                                    struct pxs_resume_point *out,
                                                    struct pxs_text *notes, struct pxs_error *err);

/* Removes a run's resume points: it has nothing left to do. pxs_train_run does so at its end; this
 * is for whoever finds a run that was killed behind its last record. */
void pxs_train_drop_resume(const char *dir);

/* What a run will cost, from its hyperparameters and the number of pairs. */
struct pxs_train_estimate {
    int64_t batches_per_epoch, steps;
    /* multiply-accumulates of one training step, direct convolutions counted, in 1e9 */
    double gmac_per_step;
    uint64_t memory_bytes;        /* of the worker at its peak, about */
    uint64_t disk_bytes;          /* checkpoints, samples and records of the whole run, about */
    int64_t weights_G, weights_D; /* trainable numbers */
};
void pxs_train_estimate(const struct pxs_params *params, int64_t n_train, int64_t n_val,
                        struct pxs_train_estimate *out);

/* A network's learning-rate schedule, resolved from the hyperparameters: what `plan` draws and
 * training follows. Members are the keys of one network; what its policy does not read is not in
 * force. */
struct pxs_schedule {
    /* enum pxs_lr_policy */
    int policy;
    /* the learning rate at the start */
    double base;
    /* of the run, warm-up included; batches of an epoch */
    int64_t n_epochs, batches;
    int64_t warmup_epochs;
    int64_t halve_every, step_size, n_decay, T_0, T_mult, patience;
    double gamma, power, max_lr, pct_start, factor, threshold, min_lr;
    int64_t milestones[PXS_INTS_MAX];
    size_t n_milestones;
};
/* net: 0 = G, 1 = D. */
void pxs_schedule_resolve(const struct pxs_params *params, int net, int64_t batches,
                          struct pxs_schedule *out);
/* The rate of a step. `batch` in the epoch is read by what moves with every batch: warm-up,
 * one_cycle. `plateau` depends on losses, too: its rate as long as it has not been reduced. */
double pxs_schedule_rate(const struct pxs_schedule *s, int64_t epoch, int64_t batch);

/* "key=value\n" lines about the engine on this machine for the BEGIN record and the environment
 * table: kernels (the set that `kernels` = "auto" or a name selects), openblas (version and core,
 * or "not loaded" where it cannot be), cpu. PXS_E_INVALID or PXS_E_UNSUPPORTED with the remedy
 * where the set is unknown or not for this CPU. */
PXS_NODISCARD enum pxs_status pxs_train_environment(const char *kernels, struct pxs_text *out,
                                                    struct pxs_error *err);

/* ---- bench ---------------------------------------------------------------------------------- */

#define PXS_BENCH_ROUNDS 101 /* at most */

/* One line of `pixsweep bench`: a layer's pass, Adam over all weights, the whole step, the
 * yardstick. What does not apply is 0 or "". */
struct pxs_bench_row {
    char what[64];   /* "G down3 forward", "Adam", "training step", "sgemm 2048^3" */
    char method[16]; /* what computed it: pxs_method_name, or "head" */
    char shape[64];  /* "8x16x16 128-256" */
    double ms_median, ms_min;
    double gmac;     /* direct-convolution multiply-accumulates of one call, in 1e9 */
    double gflops;   /* 2 * gmac / median seconds */
    double of_sgemm; /* gflops / gflops of sgemm 2048^3 in the same rounds */
    /* that a call must move: weights that meet a pixel and both activations, each once (a weight
     * pass writes its gradient in place of reading weights); Adam 28 a weight. 0 for step and
     * sgemm */
    double bytes;
    /* 1e-9 *bytes / median seconds, where gmac *2e9 < PXS_BENCH_INTENSITY *bytes; else 0 */
    double gb_per_s;
};
/* Fewer floating-point operations a byte than this, and memory, not arithmetic, is the likely
 * limit. */
#define PXS_BENCH_INTENSITY 32

enum pxs_bench_scope {
    PXS_BENCH_STEP, /* the training step alone, with no more memory than training itself takes */
    PXS_BENCH_ALL   /* and each layer's passes, Adam, sgemm 2048^3 (one-thread OpenBLAS calls on our
                       own split) */
};
struct pxs_bench;
/* Networks and operands for `params`, filled with random numbers. `pool` is borrowed. */
PXS_NODISCARD enum pxs_status pxs_bench_create(const struct pxs_params *params,
                                               struct pxs_pool *pool, const char *kernels,
                                               enum pxs_bench_scope scope, struct pxs_bench **out,
                                               struct pxs_error *err);
void pxs_bench_destroy(struct pxs_bench **b); /* NULL and *NULL are fine; nulls *b */
/* Times everything once, one after the other. The first round warms up and does not count.
 * PXS_E_INVALID beyond PXS_BENCH_ROUNDS. */
PXS_NODISCARD enum pxs_status pxs_bench_round(struct pxs_bench *b, const struct pxs_stop *stop,
                                              struct pxs_error *err);
/* One training step by itself: updates of both networks and the record of its losses. Its
 * milliseconds. */
double pxs_bench_step(struct pxs_bench *b);
/* After at least one counted round; step and sgemm come last. rows: malloc'ed, free() it. */
PXS_NODISCARD enum pxs_status pxs_bench_rows(const struct pxs_bench *b, struct pxs_bench_row **rows,
                                             size_t *n, struct pxs_error *err);

#endif
