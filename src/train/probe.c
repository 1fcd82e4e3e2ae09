/* One batch of a run, before the night: does it load, does it fit, do its first weights? Nothing is written. */
#include "train_priv.h"

#include <stdlib.h>

static enum pxs_status load(struct training *t, struct pxs_error *err) {
    const struct pxs_train_job *job = t->job;
    const struct pxs_dataset_options o = {.path = t->p->dataset,
                                          .img_height = (int)t->p->img_height,
                                          .img_width = (int)t->p->img_width,
                                          .channels = (int)t->p->channels,
                                          .a_to_b = t->p->direction == PXS_DIRECTION_ATOB,
                                          .jitter = (int)t->p->jitter,
                                          .val_fraction = t->p->val_fraction,
                                          .pool = job->pool,
                                          .stop = job->stop};
    PXS_TRY(pxs_dataset_load(&o, &t->data, err));
    t->n_train = (uint32_t)pxs_dataset_info(t->data)->train;
    t->n_val = (uint32_t)pxs_dataset_info(t->data)->val;
    if (t->p->validation == PXS_VALIDATION_FULL && t->n_val == 0)
        return pxs_fail(
            err, PXS_E_INVALID,
            "%s has no validation pairs: add val/, set val_fraction above 0, or set validation: off",
            t->p->dataset);
    return PXS_OK;
}

static enum pxs_status build(struct training *t, struct pxs_error *err) {
    const size_t batch = (size_t)t->p->batch_size, pairs = t->n_train > t->n_val ? t->n_train : t->n_val;
    t->image_floats = (size_t)t->p->img_height * (size_t)t->p->img_width * (size_t)t->p->channels;
    t->order = calloc(pairs + batch, sizeof *t->order);
    t->source = pxs_aligned_alloc(batch * t->image_floats * sizeof(float));
    t->target = pxs_aligned_alloc(batch * t->image_floats * sizeof(float));
    t->fake = pxs_aligned_alloc(batch * t->image_floats * sizeof(float));
    if (!t->order || !t->source || !t->target || !t->fake)
        return pxs_fail_nomem(err);
    PXS_TRY(pxs_pix2pix_create(t->p, t->job->pool, t->job->kernels, &t->model, err));
    return train_first_weights(t, err);
}

static size_t first_pairs(struct training *t, uint32_t pairs) {
    const size_t n = pairs < (uint32_t)t->p->batch_size ? pairs : (size_t)t->p->batch_size;
    for (size_t i = 0; i < n; i++)
        t->order[i] = (uint32_t)i;
    return n;
}

/* Whether the losses are finite is for training itself to say. */
static void one_batch(struct training *t) {
    struct pxs_losses losses;
    const struct pxs_augment augment = {
        .flip = t->p->flip, .jitter = t->p->jitter > 0, .seed = (uint64_t)t->p->seed};
    const struct pxs_step_rates rates = {pxs_train_rate(t->p, PXS_NET_G, 0),
                                         pxs_train_rate(t->p, PXS_NET_D, 0)};
    size_t n = first_pairs(t, t->n_train);
    pxs_dataset_batch(t->data, PXS_SPLIT_TRAIN, t->order, n, &augment, t->source, t->target);
    pxs_pix2pix_step(t->model, t->source, t->target, (int)n, rates, 0, &losses);
    n = first_pairs(t, t->n_val);
    if (n == 0)
        return;
    pxs_dataset_batch(t->data, PXS_SPLIT_VAL, t->order, n, NULL, t->source, t->target);
    pxs_pix2pix_generate(t->model, t->source, (int)n, 0, 0, t->fake);
}

enum pxs_status pxs_train_probe(const struct pxs_train_job *job, struct pxs_error *err) {
    struct training t = {.job = job, .p = job->params};
    enum pxs_status status = load(&t, err);
    if (status == PXS_OK)
        status = build(&t, err);
    if (status == PXS_OK && train_stopped(&t))
        status = pxs_fail(err, PXS_E_STOPPED, "stopped before the first batch");
    if (status == PXS_OK)
        one_batch(&t);
    pxs_pix2pix_destroy(&t.model);
    pxs_dataset_destroy(&t.data);
    free(t.order);
    pxs_aligned_free(t.source);
    pxs_aligned_free(t.target);
    pxs_aligned_free(t.fake);
    return status;
}
