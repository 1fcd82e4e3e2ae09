/* Tries one batch of a run before the sweep starts: whether its data and first weights can be
 * loaded and everything fits into memory. Writes nothing. */
#include "train_priv.h"

#include <stdlib.h>

/* Puts 0 .. n-1 into `order`: the first pairs, as many as a batch holds. Returns n. */
static size_t first_pairs(const struct training *t, uint32_t pairs, uint32_t *order) {
    const size_t n = pairs < (uint32_t)t->p->batch_size ? pairs : (size_t)t->p->batch_size;
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    return n;
}

/* Does not check whether the losses are finite; training does. */
static void one_batch(struct training *t, uint32_t *order) {
    struct pxs_step_result result;
    const struct pxs_augment augment = {
        .flip = t->p->flip, .jitter = t->p->jitter > 0, .seed = (uint64_t)t->p->seed};
    const struct pxs_step_rates rates = train_rates(t, 0);
    size_t n = first_pairs(t, t->n_train, order);
    pxs_dataset_batch(t->data, PXS_SPLIT_TRAIN, order, n, &augment, t->source, t->target);
    pxs_pix2pix_step(t->model, t->source, t->target, (int)n, rates, 0, &result);
    n = first_pairs(t, t->n_val, order);
    if (n == 0)
        return;
    pxs_dataset_batch(t->data, PXS_SPLIT_VAL, order, n, NULL, t->source, t->target);
    pxs_pix2pix_generate(t->model, t->source, (int)n, PXS_STATISTICS_RUNNING, 0, 0, t->fake);
}

enum pxs_status pxs_train_probe(const struct pxs_train_job *job, struct pxs_error *err) {
    struct training t = {.job = job, .p = job->params};
    char blas[256];
    enum pxs_status status;
    /* A run loads OpenBLAS to name it in its records, and the library takes address space. */
    train_describe_blas(blas, sizeof blas, NULL);
    uint32_t *order = malloc((size_t)job->params->batch_size * sizeof *order);
    if (!order) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    status = train_load_data(&t, err);
    if (status != PXS_OK)
        goto out;
    status = train_prepare(&t, err);
    if (status != PXS_OK)
        goto out;
    if (train_stopped(&t)) {
        status = pxs_fail(err, PXS_E_STOPPED, "stopped before the first batch");
        goto out;
    }
    one_batch(&t, order);
out:
    train_finish(&t);
    free(order);
    return status;
}
