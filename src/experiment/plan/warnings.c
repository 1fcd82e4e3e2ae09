/* What is allowed and seldom meant. */
#include "pixsweep/plan.h"

#include <inttypes.h>

void pxs_plan_warnings(const struct pxs_plan *plan, struct pxs_text *out) {
    struct pxs_params p;
    size_t n = 0, n_large = 0;
    int64_t n_train = 0;
    for (size_t i = 0; i < plan->n; i++) {
        pxs_plan_params(plan, i, &p);
        if (p.batch_size > plan->runs[i].n_train && n_large++ == 0)
            n_train = plan->runs[i].n_train;
        n += p.norm == PXS_NETWORK_NORM_BATCH && p.batch_size == 1;
    }
    if (n > 0)
        pxs_text_addf(out,
                      "warning: norm: batch with batch_size 1 (%zu of %zu run%s) trains on the "
                      "statistics of one picture at a time, and validates with running ones, which "
                      "fit no picture well: norm: instance, or a larger batch_size?\n",
                      n, plan->n, plan->n == 1 ? "" : "s");
    if (n_large > 0)
        pxs_text_addf(
            out,
            "warning: batch_size is larger than the %" PRId64
            " pair%s to train on (%zu of %zu run%s): an epoch is one step of all of them; "
            "a smaller batch_size, or more pairs?\n",
            n_train, n_train == 1 ? "" : "s", n_large, plan->n, plan->n == 1 ? "" : "s");
}
