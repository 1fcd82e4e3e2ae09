/* records: the states of a run, what each means, and how many runs are in each. */
#ifndef PIXSWEEP_RECORDS_STATE_H
#define PIXSWEEP_RECORDS_STATE_H

#include "pixsweep/base.h"

enum pxs_run_state {
    /* No state, or none that this pixsweep knows; its name is "". */
    PXS_STATE_NONE,
    /* Of the plan only: there is no row of it yet. */
    PXS_STATE_NEW,
    /* What run.state may hold. All but the first two are also outcomes of an attempt. */
    PXS_STATE_QUEUED,
    PXS_STATE_RUNNING,
    PXS_STATE_COMPLETED,
    PXS_STATE_DIVERGED,
    PXS_STATE_FAILED,
    PXS_STATE_INTERRUPTED,
    PXS_STATE_CANCELLED,
    PXS_STATE_PRUNED,
    /* As shown: the database says running, but no process works on it any more. */
    PXS_STATE_STALE,
    /* Of a supervisor's plan only: the run was removed from the database meanwhile. */
    PXS_STATE_REMOVED,
    /* Of a plan, and as shown: the sweep's race has dropped its configuration, or has ended. Its
     * row stays queued or interrupted. */
    PXS_STATE_NOT_NEEDED,
    PXS_STATES
};

/* The word that stands in the database, in tables, CSV and JSON. */
const char *pxs_state_name(enum pxs_run_state state);
/* The state of that name; PXS_STATE_NONE for any other text and for NULL. */
enum pxs_run_state pxs_state_parse(const char *name);

/* May run.state hold it? */
bool pxs_state_is_stored(enum pxs_run_state state);
/* Does `run` start runs in this state: new, queued, interrupted, and pruned ones where the sweep
 * does not prune (any more)? */
bool pxs_state_is_startable(enum pxs_run_state state, bool prunes);
/* completed, diverged: another attempt would end with the same bits; not needed. */
bool pxs_state_is_final(enum pxs_run_state state);
/* completed, pruned, not needed: it ended as it was meant to. */
bool pxs_state_is_done(enum pxs_run_state state);
/* diverged, failed, cancelled, pruned: it is over before its end, and its curve counts in no
 * mean. */
bool pxs_state_is_lost(enum pxs_run_state state);

struct pxs_state_counts {
    size_t of[PXS_STATES];
};
/* Appends ", 3 failed, 1 pruned": the states of `order` that occur, `first` in front of the first
 * of them and ", " between. True where there was one. */
bool pxs_state_counts_add(const struct pxs_state_counts *counts, const enum pxs_run_state *order,
                          size_t n, const char *first, struct pxs_text *out);
/* The order in which a summary names them: pruned, failed, diverged, interrupted, cancelled,
 * not needed, queued. */
enum { PXS_STATES_TOLD = 7 };
extern const enum pxs_run_state pxs_states_told[PXS_STATES_TOLD];

#endif
