/* The worker's state, and its parts. */
#ifndef PXS_WORKER_PRIV_H
#define PXS_WORKER_PRIV_H

#include <pthread.h>

#include "pixsweep/config.h"
#include "pixsweep/params.h"
#include "pixsweep/records.h"
#include "pixsweep/rundir.h"
#include "pixsweep/train.h"
#include "pixsweep/worker.h"

struct pxs_lifeline;
struct pxs_worker {
    struct pxs_job job;
    const char *dir; /* the run's folder */
    struct pxs_stop *stop;
    struct pxs_logger log;
    struct pxs_lock lock;
    struct pxs_record_writer *records;
    struct pxs_params params; /* of config.yaml, where it could be read: */
    bool configured;
    char files_hash[PXS_SHA256_HEX]; /* that config.yaml has (pxs_run_config_head) */
    struct pxs_resume_point resume;
    char nonce[PXS_RECORD_NONCE]; /* of this attempt */
    struct pxs_lifeline *lifeline;
    bool lost, unseen; /* the supervisor's claim: another's by now; it could not be looked at */
};

/* BEGIN with the environment, then an event for each line of `notes`; END for an attempt that did
 * not get to training. */
PXS_NODISCARD enum pxs_status pxs_worker_begin(struct pxs_worker *w, const char *notes,
                                               struct pxs_error *err);
/* An event of level warn. */
PXS_NODISCARD enum pxs_status pxs_worker_note(struct pxs_worker *w, const char *kind,
                                              const char *note, struct pxs_error *err);
void pxs_worker_end(struct pxs_worker *w, enum pxs_outcome outcome, const char *message);

/* Asks the supervisor at a rung whether the run goes on, and waits for the answer
 * (pxs_train_job.ask); `user` is the lifeline. */
enum pxs_status pxs_worker_ask(void *user, struct pxs_train_rung *rung, struct pxs_error *err);
/* Tells the supervisor over the socket that is our stdin: the disk is full (why), or has space
 * again (NULL). */
void pxs_worker_waiting(void *user, const char *why);

/* SIGTERM when the supervisor dies. False where it died before the kernel could be asked for
 * that. */
bool pxs_bind_to_parent(int64_t parent);
/* A thread that receives answers, and raises `stop` when the other end of our stdin closes; if the
 * lifeline is not stopped within `grace` seconds after that, it ends the process. */
struct pxs_lifeline {
    pthread_t thread;
    int quit; /* eventfd */
    struct pxs_stop *stop;
    double grace;
    bool started;
    pthread_mutex_t lock; /* over what follows */
    bool answered;
    struct pxs_reply reply;
};
PXS_NODISCARD enum pxs_status pxs_lifeline_start(struct pxs_lifeline *w, struct pxs_stop *stop,
                                                 double grace, struct pxs_error *err);
void pxs_lifeline_stop(struct pxs_lifeline *w);

/* Carries out a preflight; returns the exit code of the process. */
int pxs_probe_worker(const struct pxs_job *job, struct pxs_stop *stop, struct pxs_logger log);

#endif
