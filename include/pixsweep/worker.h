/* worker: one attempt in a process of its own, and what it says to its supervisor. */
#ifndef PIXSWEEP_WORKER_H
#define PIXSWEEP_WORKER_H

#include "pixsweep/base.h"

/* ---- worker ---------------------------------------------------------------------------------------------- */

/* Carries out one attempt: `argv` are the arguments behind `pixsweep worker`, an agreement between supervisor and worker only.
 * cli has installed handlers that raise `stop` (SIGTERM, SIGINT) beforehand. Returns the exit code of the process. `log` goes to
 * stderr, which is the run's worker.log. */
int pxs_sweep_worker(int argc, char *const argv[], struct pxs_stop *stop, struct pxs_logger log);

/* ---- what worker and supervisor say to each other ----------------------------------------------------------- */

#define PXS_GRACE_SECONDS \
    30.0 /* for a worker to write a resume point and end, once it is asked to, its supervisor is dead or its END is recorded */

/* What a worker says over its lifeline, a packet each. */
struct pxs_word {
    enum {
        PXS_WORD_WAITS = 1, /* its disk is full and it waits */
        PXS_WORD_GOES_ON,   /* there is space again */
        PXS_WORD_RUNG /* it has trained `epoch` (0-based) and asks whether it goes on; said again until it is answered */
    } what;
    int64_t epoch;
    double value; /* its validation loss there */
};
/* What the supervisor says to a rung. */
struct pxs_answer {
    int64_t epoch;
    double cutoff;
    bool go_on;
    char why[256]; /* where it does not */
};

/* Exit codes of a worker. */
enum {
    PXS_EXIT_COMPLETED = 0,
    PXS_EXIT_FAILED = 1,
    PXS_EXIT_USAGE = 2,
    PXS_EXIT_DIVERGED = 3,
    PXS_EXIT_PRUNED = 4,
    PXS_EXIT_STOPPED = 130
};

/* ---- the preflight of shapes -------------------------------------------------------------------------------- */

#define PXS_PROBE_OPTION "--probe" /* the first argument, with 1 */
/* One of these, at the beginning of a line, and what belongs to it up to the end. */
#define PXS_PROBE_TOOK "preflight took bytes " /* of memory, of address space */
#define PXS_PROBE_NOMEM "preflight ran out of memory: "
#define PXS_PROBE_REFUSED "preflight refused: "

#endif
