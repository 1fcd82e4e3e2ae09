/* The states of a run, and what each means. */
#include "pixsweep/records.h"

#include <string.h>

enum { STORED = 1, STARTABLE = 2, FINAL = 4, DONE = 8, LOST = 16 };

static const struct {
    const char *name;
    unsigned is;
} states[PXS_STATES] = {
    [PXS_STATE_NONE] = {"", 0},
    [PXS_STATE_NEW] = {"new", STARTABLE},
    [PXS_STATE_QUEUED] = {"queued", STORED | STARTABLE},
    [PXS_STATE_RUNNING] = {"running", STORED},
    [PXS_STATE_COMPLETED] = {"completed", STORED | FINAL | DONE},
    [PXS_STATE_DIVERGED] = {"diverged", STORED | FINAL | LOST},
    [PXS_STATE_FAILED] = {"failed", STORED | LOST},
    [PXS_STATE_INTERRUPTED] = {"interrupted", STORED | STARTABLE},
    [PXS_STATE_CANCELLED] = {"cancelled", STORED | LOST},
    [PXS_STATE_PRUNED] = {"pruned", STORED | DONE | LOST},
    [PXS_STATE_STALE] = {"running (stale)", 0},
    [PXS_STATE_REMOVED] = {"removed", 0},
    [PXS_STATE_NOT_NEEDED] = {"not needed", FINAL | DONE},
};

static bool is(enum pxs_run_state state, unsigned what) {
    return (size_t)state < PXS_STATES && (states[state].is & what) != 0;
}

const char *pxs_state_name(enum pxs_run_state state) {
    return (size_t)state < PXS_STATES ? states[state].name : "";
}

enum pxs_run_state pxs_state_parse(const char *name) {
    for (size_t i = 0; name && i < PXS_STATES; i++)
        if (strcmp(states[i].name, name) == 0)
            return (enum pxs_run_state)i;
    return PXS_STATE_NONE;
}

bool pxs_state_is_stored(enum pxs_run_state state) {
    return is(state, STORED);
}

bool pxs_state_is_startable(enum pxs_run_state state, bool prunes) {
    return is(state, STARTABLE) || (state == PXS_STATE_PRUNED && !prunes);
}

bool pxs_state_is_final(enum pxs_run_state state) {
    return is(state, FINAL);
}

bool pxs_state_is_done(enum pxs_run_state state) {
    return is(state, DONE);
}

bool pxs_state_is_lost(enum pxs_run_state state) {
    return is(state, LOST);
}

const enum pxs_run_state pxs_states_told[PXS_STATES_TOLD] = {
    PXS_STATE_PRUNED,    PXS_STATE_FAILED,     PXS_STATE_DIVERGED, PXS_STATE_INTERRUPTED,
    PXS_STATE_CANCELLED, PXS_STATE_NOT_NEEDED, PXS_STATE_QUEUED};

bool pxs_state_counts_add(const struct pxs_state_counts *counts, const enum pxs_run_state *order,
                          size_t n, const char *first, struct pxs_text *out) {
    const char *before = first;
    for (size_t i = 0; i < n; i++) {
        if (counts->of[order[i]] == 0)
            continue;
        pxs_text_addf(out, "%s%zu %s", before, counts->of[order[i]], pxs_state_name(order[i]));
        before = ", ";
    }
    return before != first;
}

enum pxs_run_state pxs_outcome_state(enum pxs_outcome outcome) {
    static const enum pxs_run_state of[] = {[PXS_OUTCOME_COMPLETED] = PXS_STATE_COMPLETED,
                                            [PXS_OUTCOME_DIVERGED] = PXS_STATE_DIVERGED,
                                            [PXS_OUTCOME_FAILED] = PXS_STATE_FAILED,
                                            [PXS_OUTCOME_INTERRUPTED] = PXS_STATE_INTERRUPTED,
                                            [PXS_OUTCOME_PRUNED] = PXS_STATE_PRUNED};
    return (size_t)outcome < PXS_COUNT(of) ? of[outcome] : PXS_STATE_NONE;
}
