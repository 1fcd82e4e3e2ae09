/* Pruning: the rules (prune.c), and what a supervisor knows of its runs' rungs (rungs.c). */
#ifndef PXS_SWEEP_PRUNE_PRIV_H
#define PXS_SWEEP_PRUNE_PRIV_H

#include "pixsweep/config.h"
#include "pixsweep/sweep.h"

struct pxs_verdict_at_rung {
    bool go_on;
    double cutoff; /* the largest value that goes on; NaN = nothing to compare with yet */
    size_t place;  /* 1 = the best of `of`, itself included; equal values share the better place */
    size_t of;
};
/* Judges a run at a rung. `value` is its validation loss there, `others` (n of them, in any order; sorted on return) are those of the
 * runs of lower number that have come as far, whether they went on or not. Nothing else counts, neither time nor what later runs do, so
 * the verdict is the same whoever is first. Equal to the cutoff goes on: runs whose schedules have not parted yet are equal.
 *
 * median: given up where `value` is above the median of `others` (the mean of the middle two where n is even), but never with fewer
 * than min_runs of them. Golovin et al. 2017 (Google Vizier, 3.2.2) compare a trial's best value so far with the median of the running
 * averages of completed trials; here it is the value at the rung against those of lower number at the same rung.
 * asha: goes on among the best max(1, floor((n + 1) / eta)) of `others` and itself. Li et al. 2020 (ASHA, algorithm 2) promote the best
 * 1/eta of a rung whenever a worker is free, so that a run may wait there and be promoted later; here it is judged once, at its turn. */
void pxs_prune_judge(const struct pxs_prune_settings *how, double value, double *others, size_t n,
                     struct pxs_verdict_at_rung *out);

/* The largest share of training steps of the plan's runs to do that pruning could save: all but those that go on whatever they measure
 * (the first min_runs under median, the first under asha) given up at their first rung. 0 to 1. */
double pxs_prune_most_saved(const struct pxs_plan *plan);
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
