/* In which order runs are started. Their numbers and names do not depend on it. */
#include <stdlib.h>

#include "plan_priv.h"

/* Seeds are innermost in the file, so the runs of one seed stand n_seeds apart. */
static void seed_major(const struct pxs_plan *plan, size_t *order) {
    size_t n = 0;
    for (size_t seed = 0; seed < plan->n_seeds; seed++)
        for (size_t i = seed; i < plan->n; i += plan->n_seeds)
            order[n++] = i;
}

static enum pxs_status shuffled(const struct pxs_plan *plan, size_t *order, struct pxs_error *err) {
    struct pxs_rng rng = pxs_rng_make((uint64_t)plan->how.order_seed, PXS_STREAM_ORDER, 0, 0);
    uint32_t *drawn = malloc(plan->n * sizeof *drawn);
    if (!drawn)
        return pxs_fail_nomem(err);
    pxs_rng_permutation(&rng, drawn, (uint32_t)plan->n);
    for (size_t i = 0; i < plan->n; i++)
        order[i] = drawn[i];
    free(drawn);
    return PXS_OK;
}

/* Pruning decides in the order of numbers; a file that was rearranged since keeps those that its
 * runs got. */
static int by_number(const void *a, const void *b, void *user) {
    const struct pxs_plan_run *runs = user;
    int64_t x = runs[*(const size_t *)a].number, y = runs[*(const size_t *)b].number;
    return (x > y) - (x < y);
}

enum pxs_status pxs_order_make(const struct pxs_plan *plan, size_t **out, struct pxs_error *err) {
    size_t *order = malloc(plan->n * sizeof *order);
    enum pxs_status status = order ? PXS_OK : pxs_fail_nomem(err);
    for (size_t i = 0; order && i < plan->n; i++)
        order[i] = i;
    if (status == PXS_OK && plan->prune.rule != PXS_PRUNE_NONE)
        qsort_r(order, plan->n, sizeof *order, by_number, (void *)plan->runs);
    else if (status == PXS_OK && plan->how.order == PXS_ORDER_SEED_MAJOR)
        seed_major(plan, order);
    else if (status == PXS_OK && plan->how.order == PXS_ORDER_SHUFFLED)
        status = shuffled(plan, order, err);
    if (status == PXS_OK)
        *out = order;
    else
        free(order);
    return status;
}
