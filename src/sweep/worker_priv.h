/* The worker's own state, and its parts. */
#ifndef PXS_SWEEP_WORKER_PRIV_H
#define PXS_SWEEP_WORKER_PRIV_H

#include <pthread.h>

#include "pixsweep/record.h"
#include "pixsweep/sweep.h"

struct pxs_worker {
    const char *dir, *kernels, *data_hash, *config_hash, *command;
    int64_t attempt, parent, threads;
    struct pxs_stop *stop;
    struct pxs_logger log;
    struct pxs_lock lock;
    struct pxs_record_writer *records;
    struct pxs_params params;
};

/* BEGIN with the environment; END for an attempt that never came to training. */
PXS_NODISCARD enum pxs_status pxs_worker_begin(struct pxs_worker *w, struct pxs_error *err);
void pxs_worker_end(struct pxs_worker *w, enum pxs_outcome outcome, const char *message);

/* SIGTERM when the supervisor dies. False where it died before the kernel could be asked for that. */
bool pxs_bind_to_parent(int64_t parent);
/* A thread that raises `stop` when the other end of our stdin closes. */
struct pxs_lifeline {
    pthread_t thread;
    int quit; /* eventfd */
    struct pxs_stop *stop;
    bool started;
};
void pxs_lifeline_start(struct pxs_lifeline *w, struct pxs_stop *stop);
void pxs_lifeline_stop(struct pxs_lifeline *w);

#endif
