/* train: one run from its first step to its last: batches, epochs, validation, samples,
 * checkpoints. It writes records and files and does not know who reads them; docs/contracts.md
 * defines both (Training semantics, Files of a run). */
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
    char why[512]; /* out: the reason for the user, where it does not go on */
};

/* A completed run that is equal in all but n_epochs, and has fewer of them. */
struct pxs_shorter {
    const char *dir, *name; /* its folder; the run's name */
    const char *config_hash;
    const struct pxs_params *params;
};
struct pxs_train_job {
    const struct pxs_params *params;
    const char *dir; /* the run's existing folder; images/ and saved_models/ are made in it */
    struct pxs_record_writer *records; /* positioned after the BEGIN record of this attempt */
    struct pxs_pool *pool;             /* NULL = one thread */
    const char *kernels;               /* "auto" or a kernel set's name */
    /* content hash of the data when the run was planned; other data are an error. NULL = not
     * checked */
    const char *data_hash;
    /* folder of the file that all jobs map in place of a copy each, for large data; NULL = none */
    const char *cache;
    /* that of its files where it has lossy pictures (pxs_dataset_info.files_hash): tells an error
     * of other data from one of another decoder. NULL or "": none */
    const char *files_hash;
    struct pxs_stop *stop; /* read after every batch; NULL = never stops */
    struct pxs_logger log;
    /* Identity that resume points carry; NULL = no resume points are written. */
    const char *config_hash;
    /* Of this attempt, as in its BEGIN record: resume points carry it, too. NULL = there is none.
     */
    const char *nonce;
    /* seconds between resume points; 0 = after every batch */
    double resume_every;
    /* where to continue; NULL or step -1 = from the start */
    const struct pxs_resume_point *resume;
    /* A run without a point begins with a copy of this one's epochs, if it has the same first steps
     * to the bit and all of its files; else with its first step, and an event says why. NULL =
     * none. */
    const struct pxs_shorter *shorter;
    /* A run that is completed keeps a point behind its last epoch, from which a longer one can
     * begin. */
    bool keep_final;
    /* Called with the reason when the disk is full and the run waits, and with NULL when it goes
     * on. May be NULL. */
    void (*waiting)(void *user, const char *why);
    void *waiting_user;
    /* Epochs (0-based, before the last one) after which a resume point is written and `ask` is
     * called, which may wait. PXS_OK: the rung's out-fields are filled in. PXS_E_STOPPED: the stop
     * flag was set before an answer came. NULL = never. A run that resumes there asks again, so the
     * answer must be the same. */
    const int64_t *rungs;
    size_t n_rungs;
    enum pxs_status (*ask)(void *user, struct pxs_train_rung *rung, struct pxs_error *err);
    void *ask_user;
    /* Asked when a resume point, a checkpoint or a picture is about to get its name, and before the
     * END record.
     * PXS_E_BUSY: the run is another process's by now. Training then ends at once with that status
     * and writes nothing more, no END record either. PXS_OK, and no other status: it goes on. May
     * be NULL. */
    enum pxs_status (*may_write)(void *user, struct pxs_error *err);
    void *may_write_user;
};

/* Trains the run to its end. On return, also after a failure, the records end with an END record
 * (completed, diverged, failed, pruned or interrupted; the message says at which step and why) and
 * are synced, unless the record file itself could not be written or `may_write` forbids it. Status:
 * PXS_OK completed, PXS_E_DIVERGED, PXS_E_PRUNED and PXS_E_STOPPED (resumable), PXS_E_BUSY from
 * `may_write`, else failed; the message is for the user. */
PXS_NODISCARD enum pxs_status pxs_train_run(const struct pxs_train_job *job, struct pxs_error *err);

/* Tries a run before the sweep starts: loads the data, creates the networks with their first
 * weights, trains one batch and generates one of validation pairs. Ignores the results and writes
 * nothing (dir, records and hashes of the job are not used). PXS_OK: such a run can start. Else as
 * pxs_train_run; PXS_E_NOMEM where it does not fit into memory. The process's peak memory is about
 * that of a worker. */
PXS_NODISCARD enum pxs_status pxs_train_probe(const struct pxs_train_job *job,
                                              struct pxs_error *err);

/* ---- resume points -------------------------------------------------------------------------- */

/* A run's folder holds `final.safetensors` where it is completed and was to keep that. While it is
 * not, it holds `resume.safetensors` and, as long as it may be needed, the point before it.
 * A point names the length that the record file had: the steps of later records are done again,
 * with the same bits. It names the attempt that wrote it, too, and counts only where that attempt's
 * records stand before that length: a process that was cut off may leave a point beside records
 * that another one has made since. */
struct pxs_resume_point {
    int64_t step; /* the next step; -1 = there is no point, the run starts from its first step */
    int64_t record_bytes; /* length of the record file before that step */
    char path[PXS_PATH_MAX];
    bool there; /* some point is, though perhaps none to go on from */
};
/* Finds the newest point in `dir` that is whole, belongs to this configuration and to the records
 * in the folder (points before format 6 do not name an attempt) and has the class of
 * bits that `kernels` gives `params` on this machine (any class with `allow_mixed`, or with params
 * NULL, where nothing will be trained). The class is what decides the bits of these networks:
 * methods, FMA or not, OpenBLAS where it computes something, and the C library's functions that are
 * called. `notes` gets a line for each point that is not used, for a mixture that is allowed, and
 * for other kernels or another OpenBLAS that give the same bits. PXS_E_UNSUPPORTED where a newer
 * pixsweep wrote the only point. */
PXS_NODISCARD enum pxs_status pxs_train_find_resume(const char *dir, const char *config_hash,
                                                    const struct pxs_params *params,
                                                    const char *kernels, bool allow_mixed,
                                                    struct pxs_resume_point *out,
                                                    struct pxs_text *notes, struct pxs_error *err);

/* Whether a run of these hyperparameters makes the same first steps, rows and files as `shorter`,
 * which is equal but for keys that are not part of the identity and n_epochs. `batches` of an
 * epoch; `rungs` as in pxs_train_job. Else `why` gets the reason. */
bool pxs_train_shorter_fits(const struct pxs_params *p, const struct pxs_params *shorter,
                            int64_t batches, const int64_t *rungs, size_t n_rungs,
                            struct pxs_text *why);
/* Whether it has a final point of the class of bits that `kernels` gives it here: by the file's
 * head alone, without its records. PXS_E_NOT_FOUND where it has none, PXS_E_INVALID where the bits
 * differ, PXS_E_CORRUPT, PXS_E_UNSUPPORTED. */
PXS_NODISCARD enum pxs_status pxs_train_has_final(const struct pxs_shorter *shorter,
                                                  const char *kernels, struct pxs_error *err);

/* Removes the resume points of a run that has ended. pxs_train_run does so itself; callers use this
 * for a run whose process was killed after its END record. */
void pxs_train_drop_resume(const char *dir);

/* Estimated cost of a run, from its hyperparameters and the number of pairs. */
struct pxs_train_estimate {
    int64_t batches_per_epoch, steps;
    /* multiply-accumulates of one training step, counted as direct convolutions, in 1e9 */
    double gmac_per_step;
    uint64_t memory_bytes; /* peak of the worker, about; with the data, unless they are shared */
    uint64_t shared_bytes; /* of the file of pixels that all jobs share; 0 = there is none */
    uint64_t disk_bytes;   /* checkpoints, samples and records of the whole run, about */
    int64_t weights_G, weights_D; /* count of trainable numbers */
};
void pxs_train_estimate(const struct pxs_params *params, int64_t n_train, int64_t n_val,
                        struct pxs_train_estimate *out);

/* A network's learning-rate schedule, resolved from the hyperparameters; `plan` draws it and
 * training follows it. Members are the keys of one network; those that its policy does not read
 * have no effect. */
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
/* The rate of a step. `batch`, in the epoch, matters where the rate changes with every batch:
 * warm-up, one_cycle. For `plateau`, which depends on losses, the rate before any reduction. */
double pxs_schedule_rate(const struct pxs_schedule *s, int64_t epoch, int64_t batch);

/* "key=value\n" lines about the engine on this machine for the BEGIN record and the environment
 * table: kernels (the set that `kernels` = "auto" or a name selects), openblas (version and core,
 * or "not loaded" where it cannot be), cpu. PXS_E_INVALID or PXS_E_UNSUPPORTED with the remedy
 * where the set is unknown or not for this CPU. */
PXS_NODISCARD enum pxs_status pxs_train_environment(const char *kernels, struct pxs_text *out,
                                                    struct pxs_error *err);

/* ---- bench ---------------------------------------------------------------------------------- */

#define PXS_BENCH_ROUNDS 101 /* at most */

/* One line of `pixsweep bench`: a layer's pass, Adam over all weights, the whole step, or sgemm
 * 2048^3. Values that do not apply are 0 or "". */
struct pxs_bench_row {
    char what[64];   /* "G down3 forward", "Adam", "training step", "sgemm 2048^3" */
    char method[16]; /* what computed it: pxs_method_name, or "head" */
    char shape[128]; /* "8x16x16 128-256" */
    double ms_median, ms_min;
    double gmac;     /* direct-convolution multiply-accumulates of one call, in 1e9 */
    double gflops;   /* 2 * gmac / median seconds */
    double of_sgemm; /* gflops / gflops of sgemm 2048^3 in the same rounds */
    /* bytes that a call must move: weights that meet a pixel and both activations, each once (a
     * weight pass writes its gradient instead of reading weights); Adam 28 for each weight. 0 for
     * step and sgemm */
    double bytes;
    /* 1e-9 * bytes / median seconds, where gmac * 2e9 < PXS_BENCH_INTENSITY * bytes; else 0 */
    double gb_per_s;
};
/* With fewer floating-point operations for each byte than this, memory is the likely limit, not
 * arithmetic. */
#define PXS_BENCH_INTENSITY 32

enum pxs_bench_scope {
    /* the training step alone, in no more memory than training takes */
    PXS_BENCH_STEP,
    /* a trained generator alone: pxs_bench_step makes batch_size pictures; there are no rounds */
    PXS_BENCH_GENERATE,
    /* and each layer's passes, Adam, sgemm 2048^3 (one-thread OpenBLAS calls, split by us) */
    PXS_BENCH_ALL
};
struct pxs_bench;
/* Networks and operands for `params`, filled with random numbers. `pool` is borrowed. */
PXS_NODISCARD enum pxs_status pxs_bench_create(const struct pxs_params *params,
                                               struct pxs_pool *pool, const char *kernels,
                                               enum pxs_bench_scope scope, struct pxs_bench **out,
                                               struct pxs_error *err);
void pxs_bench_destroy(struct pxs_bench **b); /* NULL and *NULL are fine; nulls *b */
/* Times everything once. The first round is for warm-up and does not count.
 * PXS_E_INVALID beyond PXS_BENCH_ROUNDS. */
PXS_NODISCARD enum pxs_status pxs_bench_round(struct pxs_bench *b, const struct pxs_stop *stop,
                                              struct pxs_error *err);
/* Makes one training step, with updates of both networks and the record of its losses; returns its
 * milliseconds. */
double pxs_bench_step(struct pxs_bench *b);
/* Of PXS_BENCH_GENERATE: reads as much as the generator's weights that meet a pixel from memory,
 * with all threads: `bytes`; returns the milliseconds. */
double pxs_bench_read(struct pxs_bench *b, double *bytes);
/* After at least one counted round; step and sgemm come last. rows: malloc'ed, free() it. */
PXS_NODISCARD enum pxs_status pxs_bench_rows(const struct pxs_bench *b, struct pxs_bench_row **rows,
                                             size_t *n, struct pxs_error *err);

#endif
