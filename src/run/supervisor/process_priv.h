/* Worker processes: starting, watching and describing them. */
#ifndef PXS_PROCESS_PRIV_H
#define PXS_PROCESS_PRIV_H

#include <sched.h>

#include "pixsweep/base.h"
#include "pixsweep/base/child.h"
#include "pixsweep/records.h"
#include "pixsweep/records/reason.h"
#include "pixsweep/worker.h"

/* ---- a worker (process.c) ------------------------------------------------------------------- */

struct pxs_process_spec {
    /* Program name first; ended by NULL. */
    const char *const *argv;
    /* stdout and stderr, appended to; NULL: log_fd, which stays the caller's. */
    const char *log;
    int log_fd;
    /* NULL = where the caller runs. */
    const cpu_set_t *cores;
};
struct pxs_process {
    struct pxs_child child;
    /* Our end of the socket that is the worker's stdin: closed by either death; -1 = closed. */
    int lifeline;
    /* Length of the log before this worker. */
    int64_t log_start;
};
/* Starts this very program (/proc/self/exe) again, with one BLAS thread. */
PXS_NODISCARD enum pxs_status pxs_process_start(const struct pxs_process_spec *spec,
                                                struct pxs_process *out, struct pxs_error *err);
/* As pxs_child_reap; the lifeline goes with it. */
bool pxs_process_reap(struct pxs_process *p, struct pxs_exit *how);
/* The next thing that the worker has said; false where there is nothing (yet). */
bool pxs_process_hear(struct pxs_process *p, struct pxs_message *message);
/* Has the other end been closed? True only once everything that was said has been heard. */
bool pxs_process_hung_up(const struct pxs_process *p);
/* False where it cannot be said now. */
bool pxs_process_reply(const struct pxs_process *p, const struct pxs_reply *reply);
void pxs_process_close(struct pxs_process *p); /* the lifeline only */

/* The last `max_lines` lines (at most 8 KB) of a log from `start` on, each behind "  | "; "" where
 * there is nothing. */
void pxs_log_tail(const char *path, int64_t start, int max_lines, struct pxs_text *out);

/* ---- what its death means (verdict.c) ------------------------------------------------------- */

/* YIELD: to leave its slot to a run of lower number, and to come again. */
enum pxs_asked {
    PXS_ASKED_NOTHING,
    PXS_ASKED_STOP,
    PXS_ASKED_TIMEOUT,
    PXS_ASKED_CANCEL,
    PXS_ASKED_YIELD
};

/* Whether the kernel killed it for want of memory, as its control group counts. */
enum pxs_memory_kill { PXS_KILL_UNKNOWN, PXS_KILL_BY_SOMEBODY, PXS_KILL_FOR_MEMORY };

struct pxs_death {
    struct pxs_exit exit;
    enum pxs_memory_kill kill; /* of a SIGKILL that was not ours */
    bool ended;                /* there is an END record */
    enum pxs_outcome end;
    const char *end_message;
    enum pxs_asked asked;
    double timeout;       /* seconds allowed, for the message */
    double timeout_share; /* what share of the median run that is; 0 = run.timeout is a duration */
    int64_t step;         /* first step not recorded; for the message */
    const char *damage;   /* the record file is damaged: how; NULL = it is not */
};
struct pxs_verdict {
    enum pxs_run_state outcome;
    /* crashes and a timeout are worth another try, each of its own kind */
    enum pxs_end_reason reason;
    int exit_code, signal; /* -1 and 0 = none */
    char message[1400];
};
/* No good end is believed without an END record, whatever the exit code says. */
void pxs_judge(const struct pxs_death *death, struct pxs_verdict *out);

/* "diverged: loss ..." -> "loss ...": messages stand behind their outcome wherever they are
 * shown. */
const char *pxs_without_outcome(const char *message, enum pxs_run_state outcome);

#endif
