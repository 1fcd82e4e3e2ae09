/* supervisor: carries a plan out. One worker process an attempt; their record files are read into
 * the store. */
#ifndef PIXSWEEP_SUPERVISOR_H
#define PIXSWEEP_SUPERVISOR_H

#include "pixsweep/base.h"
#include "pixsweep/board.h"
#include "pixsweep/plan.h"

/* ---- running -------------------------------------------------------------------------------- */

/* Where progress goes; any function may be NULL, and each may be changed while it runs. Called from
 * the thread that called pxs_sweep_run. */
struct pxs_sweep_listener {
    void *user;
    /* The plan stands and is in the database; comes before anything is started. */
    void (*planned)(void *user, const struct pxs_plan *plan);
    /* Something happened: a run started, ended, failed (text of several lines: reason and log
     * tail), a warning. Without trailing newline. */
    void (*line)(void *user, enum pxs_log_level level, const char *text);
    /* The board changed, at most about five times a second: redraw it in place. When NULL (no
     * terminal), plain progress lines go to `line` (each epoch, at most every 10 s a run). */
    void (*board)(void *user, const struct pxs_board *board);
};

/* A run that is not completed, and why. */
struct pxs_sweep_problem {
    char name[256];
    enum pxs_run_state state;
    const char *reason; /* one line */
};

struct pxs_sweep_summary {
    char sweep[128], db[PXS_PATH_MAX], results[PXS_PATH_MAX];
    size_t n_total;
    struct pxs_state_counts states; /* running: under another process */
    size_t n_completed_now;
    struct pxs_sweep_problem *problems; /* neither completed nor pruned, in plan order */
    size_t n_problems;
    const char *remedy; /* what to do about them; "" */
    bool recorded;      /* the database holds all that this session did */
    double seconds;
    /* 0 all completed or pruned, 1 some run did not, 2 nothing started, 130 interrupted
     * (docs/contracts.md, Commands and exit codes) */
    int exit_code;
    struct pxs_arena arena;
};
void pxs_sweep_summary_finish(struct pxs_sweep_summary *summary);

/* Plans, freezes the plan into the store and carries out what is queued or interrupted, until
 * nothing is left or the stop flag rises (first signal: workers are asked to stop and waited for;
 * with PXS_STOP_AGAIN in stop->signal they are killed). Where stop->save rises, every worker is
 * asked for a resume point and goes on (SIGUSR1); it is lowered again. Preflight comes first: data
 * load, disk, folder and kernels are in order, or nothing starts. PXS_OK: went through; some runs
 * may have failed (summary). PXS_E_STOPPED: interrupted, summary is valid (n_total is 0 where
 * planning itself was interrupted). Else:
 * nothing started and summary->exit_code is 2 (or, where the store was lost on the way, 1 with a
 * valid summary). summary is always initialised and to be finished. Installs no signal handlers;
 * reaps only its own workers. */
PXS_NODISCARD enum pxs_status pxs_sweep_run(const struct pxs_sweep_options *options,
                                            const struct pxs_sweep_listener *listener,
                                            struct pxs_sweep_summary *summary,
                                            struct pxs_error *err);

/* What pxs_sweep_run checks before its first run, for a plan that others carry out: kernels,
 * folders, disk, and with `probe` one batch of each shape on this machine. *need: bytes of memory
 * that the hungriest run took; 0 where none was tried. Makes the results folder and nothing else;
 * the plan may get fewer slots. */
PXS_NODISCARD enum pxs_status pxs_sweep_preflight(const struct pxs_sweep_options *options,
                                                  const struct pxs_sweep_listener *listener,
                                                  struct pxs_plan *plan, bool probe, uint64_t *need,
                                                  struct pxs_error *err);

#endif
