/* Sample pictures: what the generator makes of the first validation pairs, with dropout off. */
#include "train_priv.h"

#include "pixsweep/image.h"

#include <inttypes.h>

enum { PER_ROW = 5, PADDING = 2 };

/* Makes the picture of the current weights, fills in r->sample.sha256 and writes the record. */
static enum pxs_status make_picture(struct training *t, struct pxs_record *r,
                                    struct pxs_error *err) {
    const enum pxs_split split = t->n_val > 0 ? PXS_SPLIT_VAL : PXS_SPLIT_TRAIN;
    const uint32_t have = t->n_val > 0 ? t->n_val : t->n_train,
                   n = have < SAMPLE_PAIRS ? have : SAMPLE_PAIRS,
                   batch = (uint32_t)t->p->batch_size;
    const size_t image_floats = t->image_floats, layer = n * image_floats;
    struct pxs_image image = {0};
    char path[PXS_PATH_MAX], folder[PXS_PATH_MAX];
    enum pxs_status status;
    float *pixels = pxs_aligned_alloc(3 * layer * sizeof *pixels);
    if (!pixels)
        return pxs_fail_nomem(err);

    /* Source, fake and target of the pairs: [3][n,H,W,C]. */
    uint32_t index[SAMPLE_PAIRS];
    for (uint32_t i = 0; i < n; i++)
        index[i] = i;
    pxs_dataset_batch(t->data, split, index, n, NULL, pixels, pixels + 2 * layer);
    for (uint32_t at = 0; at < n; at += batch)
        pxs_pix2pix_show(t->model, pixels + at * image_floats,
                         (int)(n - at < batch ? n - at : batch),
                         pixels + layer + at * image_floats);

    const float *const layers[] = {pixels, pixels + layer, pixels + 2 * layer};
    const struct pxs_grid grid = {.layers = layers,
                                  .n_layers = 3,
                                  .cells = (int)n,
                                  .height = (int)t->p->img_height,
                                  .width = (int)t->p->img_width,
                                  .channels = (int)t->p->channels,
                                  .per_row = PER_ROW,
                                  .padding = PADDING};
    status = pxs_image_grid(&grid, &image, err);
    if (status != PXS_OK)
        goto out;
    if (!pxs_path_join(folder, sizeof folder, t->job->dir, PXS_IMAGES) ||
        !pxs_path_join(path, sizeof path, t->job->dir, r->sample.path)) {
        status = pxs_fail(err, PXS_E_INVALID, "%s: path is too long", t->job->dir);
        goto out;
    }
    status = pxs_make_dirs(folder, err);
    if (status != PXS_OK)
        goto out;
    status = pxs_image_write_png(path, &image, &t->guard, r->sample.sha256, err);
    if (status != PXS_OK)
        goto out;
    status = pxs_record_write(t->job->records, r, err);
out:
    pxs_image_finish(&image);
    pxs_aligned_free(pixels);
    return status;
}

enum pxs_status train_sample(struct training *t, int64_t step, int64_t epoch,
                             struct pxs_error *err) {
    struct pxs_record r = {.kind = PXS_RECORD_SAMPLE,
                           .sample = {.step = step, .epoch = (int32_t)epoch}};
    snprintf(r.sample.path, sizeof r.sample.path, PXS_SAMPLE_FILE("%" PRId64), step);
    return make_picture(t, &r, err);
}

bool train_is_sampled(const struct training *t, int64_t step) {
    return t->p->sample_interval > 0 && step % t->p->sample_interval == 0;
}

enum pxs_status train_best_sample(struct training *t, struct pxs_error *err) {
    struct pxs_record r = {.kind = PXS_RECORD_BEST_SAMPLE,
                           .sample = {.step = t->step - 1, .epoch = (int32_t)t->epoch}};
    snprintf(r.sample.path, sizeof r.sample.path, "%s", PXS_BEST_SAMPLE_FILE);
    return make_picture(t, &r, err);
}
