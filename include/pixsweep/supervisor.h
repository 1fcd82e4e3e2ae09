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
    /* Of a run on this machine: the experiment file is right, and nothing was written yet. What
     * fails here ends the run. */
    enum pxs_status (*checked)(void *user, const struct pxs_plan *plan, struct pxs_error *err);
    /* The plan stands and is in the database; comes before anything is started. */
    void (*planned)(void *user, const struct pxs_plan *plan);
    /* Something happened: a run started, ended, failed (text of several lines: reason and log
     * tail), a warning. Without trailing newline. */
    void (*line)(void *user, enum pxs_log_level level, const char *text);
    /* The board changed, at most about five times a second: redraw it in place. When NULL (no
     * terminal), plain progress lines go to `line` (each epoch, at most every 10 s a run). */
    void (*board)(void *user, const struct pxs_board *board);
};

/* Says a formatted text to the listener, its control characters made visible. */
void pxs_sayv(const struct pxs_sweep_listener *listener, enum pxs_log_level level, const char *fmt,
              va_list ap) PXS_PRINTF(3, 0);

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
    const char *remedy;  /* what to do about them; "" */
    const char *verdict; /* how the race ended, in words; "" where there is none, or it goes on */
    const char *retry;   /* what `pixsweep retry` of the sweep does about them; NULL = nothing */
    const char *where;   /* pxs_plan_condition */
    bool by_jobs;        /* runs at work are jobs', on other machines */
    bool recorded;       /* the database holds all that this session did */
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

/* Why a run in `state` is not completed, by its last attempt, else how many epochs it has: one
 * line; NULL where nothing was recorded. */
const char *pxs_run_reason(struct pxs_store *store, int64_t run_id, enum pxs_run_state state,
                           struct pxs_arena *arena);
/* Runs `command` (run.on_done; NULL = none) with the summary in its environment, until it ends or
 * the stop flag rises. What it prints goes to the listener. */
void pxs_on_done(const char *command, const struct pxs_sweep_listener *listener,
                 const struct pxs_stop *stop, const struct pxs_sweep_summary *summary);

/* What pxs_sweep_run checks before its first run, for a plan that others carry out: kernels,
 * folders, disk, and with `probe` one batch of each shape on this machine. *need: bytes of memory
 * that the hungriest run took; 0 where none was tried. Makes the results folder and nothing else;
 * the plan may get fewer slots. */
PXS_NODISCARD enum pxs_status pxs_sweep_preflight(const struct pxs_sweep_options *options,
                                                  const struct pxs_sweep_listener *listener,
                                                  struct pxs_plan *plan, bool probe, uint64_t *need,
                                                  struct pxs_error *err);

/* ---- a task on another machine (task.c) ----------------------------------------------------- */

/* Beside plan.json in a submission's folder: runs by number that are to be stopped; a mark that
 * nothing is to be started, with the reason where a task made it; runs that were given up since the
 * last one was completed or pruned (PXS_TASK_FAILURE NUMBER); how often in a row a task has made no
 * step (PXS_TASK_IDLE TASK). */
#define PXS_TASK_CANCEL "cancel"
#define PXS_TASK_PAUSED "paused"
#define PXS_TASK_FAILURE "failed-"
#define PXS_TASK_IDLE "idle-"
/* Made by a task whose time was up and that nothing requeues: jobs are to be submitted again. */
#define PXS_TASK_AGAIN_MARK "again"

struct pxs_task_options {
    const char *dir; /* with a frozen plan */
    /* As whom it claims runs (struct pxs_claim_owner); NULL = a process that nobody requeues. */
    const char *task;
    int64_t restart;
    const char *log; /* where what it says goes, free of links; NULL = to no file */
    int cores;       /* 0 = those that it may run on */
    /* Its time from now on, and how long before its end it stops; 0 = it has all the time that it
     * wants, or is told by stop->time_is_up. */
    double seconds, warn;
    const char *requeue;   /* the job for `scontrol requeue` when the time is up; NULL = none */
    struct pxs_stop *stop; /* signal: stop for good; time_is_up. Not NULL */
};
/* Exit codes of a task (docs/contracts.md, Commands and exit codes). */
enum {
    PXS_TASK_NOTHING_LEFT = 0,
    PXS_TASK_FAILED = 1,
    PXS_TASK_AGAIN = 75, /* its time is up; it is to be submitted again */
    PXS_TASK_STOPPED = 130
};
/* Carries out what it can claim of the frozen plan, without a database, until nothing is left for
 * it. PXS_OK: *exit_code is set. Else nothing was started. */
PXS_NODISCARD enum pxs_status pxs_task_run(const struct pxs_task_options *task,
                                           const struct pxs_sweep_listener *listener,
                                           int *exit_code, struct pxs_error *err);

#endif
