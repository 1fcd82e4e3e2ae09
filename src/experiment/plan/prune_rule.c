/* Which runs go on at a rung: pure functions of what has been measured. */

#include <math.h>
#include <stdlib.h>

#include "plan_priv.h"

static int by_value(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(const double *sorted, size_t n) {
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* The k-th smallest (from 1) of `sorted` and `value`. */
static double kth(const double *sorted, size_t n, double value, size_t k) {
    size_t below = 0;
    while (below < n && sorted[below] < value)
        below++;
    if (k <= below)
        return sorted[k - 1];
    return k == below + 1 ? value : sorted[k - 2];
}

void pxs_prune_judge(const struct pxs_prune_settings *how, double value, double *others, size_t n,
                     struct pxs_verdict_at_rung *out) {
    size_t better = 0, keep = (n + 1) / (size_t)how->eta;
    qsort(others, n, sizeof *others, by_value);
    while (better < n && others[better] < value)
        better++;
    *out = (struct pxs_verdict_at_rung){.cutoff = NAN, .place = better + 1, .of = n + 1};
    if (how->rule == PXS_PRUNE_MEDIAN && n > 0 && n >= (size_t)how->min_runs)
        out->cutoff = median(others, n);
    else if (how->rule == PXS_PRUNE_ASHA && n > 0)
        out->cutoff = kth(others, n, value, keep > 1 ? keep : 1);
    out->go_on = isnan(out->cutoff) || value <= out->cutoff;
}

/* ---- in words ------------------------------------------------------------------------------- */

double pxs_prune_most_saved(const struct pxs_plan *plan) {
    const struct pxs_prune_settings *how = &plan->prune;
    double all = 0, saved = 0;
    size_t first = 0, safe = how->rule == PXS_PRUNE_MEDIAN ? (size_t)how->min_runs : 1;
    for (size_t i = 0; i < plan->n; i++) {
        const struct pxs_plan_run *run = &plan->runs[i];
        double steps = (double)run->estimate.steps,
               kept = (double)(how->rungs[0] * run->estimate.batches_per_epoch);
        bool comes_there = how->rule != PXS_PRUNE_NONE && kept < steps;
        bool judged = comes_there && first >= safe;
        first += comes_there;
        if (!pxs_plan_takes_run(plan, run))
            continue;
        all += steps;
        saved += judged ? steps - kept : 0;
    }
    return all > 0 ? saved / all : 0;
}

void pxs_prune_words(const struct pxs_plan *plan, struct pxs_text *out) {
    const struct pxs_prune_settings *how = &plan->prune;
    if (how->rule == PXS_PRUNE_NONE)
        return;
    if (how->rule == PXS_PRUNE_MEDIAN)
        pxs_text_addf(out,
                      "prune: median, a run is given up where its validation loss is above the "
                      "median of the runs before it, once there are %lld,",
                      (long long)how->min_runs);
    else
        pxs_text_addf(out, "prune: asha, a run goes on among the best 1/%lld of those so far,",
                      (long long)how->eta);
    pxs_text_add(out, " after");
    for (size_t i = 0; i < how->n_rungs; i++)
        pxs_text_addf(out, "%s%lld",
                      i == 0                 ? " "
                      : i + 1 < how->n_rungs ? ", "
                                             : " and ",
                      (long long)how->rungs[i]);
    pxs_text_addf(out, " epochs; saves %.0f %% of the steps at most\n",
                  100 * pxs_prune_most_saved(plan));
    pxs_text_add(out, "warning: pruning favours schedules that fall early: a high rate keeps the "
                      "loss up until it falls, so a slow schedule is given up before its time\n");
}
