/* train: one run from its first step to its last: batches, epochs, validation, samples, checkpoints. It writes records
 * and files and knows nobody who reads them; semantics are DESIGN.md 4, files DESIGN.md 8. */
#ifndef PIXSWEEP_TRAIN_H
#define PIXSWEEP_TRAIN_H

#include "pixsweep/base.h"
#include "pixsweep/params.h"
#include "pixsweep/record.h"

struct pxs_train_job {
    const struct pxs_params *params;
    const char *dir; /* the run's folder; exists; images/ and saved_models/ are made inside */
    struct pxs_record_writer *records; /* positioned behind the BEGIN record of this attempt */
    struct pxs_pool *pool;             /* NULL = one thread */
    const char *kernels;               /* "auto" or a kernel set's name */
    const char *
        data_hash; /* content hash that the plan froze; a difference is an error naming both. NULL = not checked */
    struct pxs_stop *stop; /* looked at after every batch; NULL = never stops */
    struct pxs_logger log;
};

/* Trains. On return the records end with an END record (completed, diverged, failed or interrupted; the message says at which
 * step and why) and are synced, whatever happened, unless the record file itself could not be written. Status: PXS_OK completed,
 * PXS_E_DIVERGED, PXS_E_STOPPED (interrupted, resumable), else failed; the message is for the user. */
PXS_NODISCARD enum pxs_status pxs_train_run(const struct pxs_train_job *job, struct pxs_error *err);

/* What a run will cost, from its hyperparameters and the number of pairs. */
struct pxs_train_estimate {
    int64_t batches_per_epoch, steps;
    double gmac_per_step; /* multiply-accumulates of one training step, direct convolutions counted, in 1e9 */
    uint64_t memory_bytes;        /* of the worker at its peak, about */
    uint64_t disk_bytes;          /* checkpoints, samples and records of the whole run, about */
    int64_t weights_G, weights_D; /* trainable numbers */
};
void pxs_train_estimate(const struct pxs_params *params, int64_t n_train, int64_t n_val,
                        struct pxs_train_estimate *out);

/* Rates before epoch 0, and in the last epoch, for `plan`: rate[net] with net 0 = G, 1 = D. */
double pxs_train_rate(const struct pxs_params *params, int net, int64_t epoch);

/* "key=value\n" lines about the engine on this machine for the BEGIN record and the environment table: kernels (the set that
 * `kernels` = "auto" or a name selects), openblas (version and core), cpu. PXS_E_UNSUPPORTED with the remedy where the set is
 * unknown, not built yet, or where a self-test of OpenBLAS's sgemm on this CPU gives wrong numbers. */
PXS_NODISCARD enum pxs_status pxs_train_environment(const char *kernels, struct pxs_text *out,
                                                    struct pxs_error *err);

/* ---- bench ----------------------------------------------------------------------------------------------- */

/* One line of `pixsweep bench`: a layer's pass or the whole step. */
struct pxs_bench_row {
    char what[64];  /* "G down3 forward", "step", "sgemm 2048" ... */
    char shape[64]; /* "8x16x16 128-256" */
    double ms_median, ms_min;
    double gmac;   /* direct-convolution multiply-accumulates of one call, in 1e9; 0 = not a matrix job */
    double gflops; /* 2 * gmac / median seconds */
    double peak;   /* gflops / sgemm 2048 gflops of the same run */
};
/* Times each conv layer's passes and the whole step for `params` on random data, round-robin over `rounds`, interleaved with
 * sgemm 2048^3 (one-thread OpenBLAS calls on our own split). rows: malloc'ed, free() it. */
PXS_NODISCARD enum pxs_status pxs_train_bench(const struct pxs_params *params, struct pxs_pool *pool,
                                              const char *kernels, int rounds, struct pxs_stop *stop,
                                              struct pxs_bench_row **rows, size_t *n, struct pxs_error *err);

#endif
