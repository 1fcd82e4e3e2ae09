/* Pruning: the rules (plan/prune_rule.c), and what a supervisor knows of its runs' rungs
 * (prune_wait.c). */
#ifndef PXS_PRUNE_PRIV_H
#define PXS_PRUNE_PRIV_H

#include "pixsweep/config.h"
#include "pixsweep/plan.h"

/* What is known of a run at a rung. */
struct pxs_rung_cell {
    double value, cutoff; /* NaN = not known (yet) */
    enum { PXS_NOT_JUDGED, PXS_GOES_ON, PXS_IS_PRUNED } verdict;
};
struct pxs_rungs {
    struct pxs_rung_cell *cells; /* [run of the plan][rung]; NULL = nothing is pruned */
    double *others;              /* room for one comparison */
};

#endif
