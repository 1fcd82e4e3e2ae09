/* In which order runs are started. Their numbers and names do not depend on it. */
#include <stdlib.h>

#include "plan_priv.h"

/* Pruning compares runs by number. A run keeps its number even where the file was rearranged
 * since. */
static int by_number(const void *a, const void *b, void *user) {
    const struct pxs_plan_run *runs = user;
    int64_t x = runs[*(const size_t *)a].number, y = runs[*(const size_t *)b].number;
    return (x > y) - (x < y);
}

enum pxs_status pxs_order_make(const struct pxs_plan *plan, size_t **out, struct pxs_error *err) {
    size_t n = 0, *order = malloc(plan->n * sizeof *order);
    if (!order)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < plan->n; i++)
        order[i] = i;
    if (plan->prune.rule != PXS_PRUNE_NONE) {
        qsort_r(order, plan->n, sizeof *order, by_number, (void *)plan->runs);
    } else if (plan->how.order == PXS_ORDER_SEED_MAJOR) {
        /* Seeds are innermost in the file, so the runs of one seed are n_seeds apart. */
        for (size_t seed = 0; seed < plan->n_seeds; seed++)
            for (size_t i = seed; i < plan->n; i += plan->n_seeds)
                order[n++] = i;
    } else if (plan->how.order == PXS_ORDER_SHUFFLED) {
        struct pxs_rng rng = pxs_rng_make((uint64_t)plan->how.order_seed, PXS_STREAM_ORDER, 0, 0);
        uint32_t *drawn = malloc(plan->n * sizeof *drawn);
        if (!drawn) {
            free(order);
            return pxs_fail_nomem(err);
        }
        pxs_rng_permutation(&rng, drawn, (uint32_t)plan->n);
        for (size_t i = 0; i < plan->n; i++)
            order[i] = drawn[i];
        free(drawn);
    }
    *out = order;
    return PXS_OK;
}
