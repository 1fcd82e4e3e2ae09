/* Sample pictures: the first validation pairs through the generator, dropout off. */
#include "train_priv.h"

#include "pixsweep/image.h"

#include <inttypes.h>

enum { PER_ROW = 5, PADDING = 2 };

/* source, fake and target of the first n pairs, [3][n,H,W,C] behind one another in `out` */
static void render(struct training *t, enum pxs_split split, uint32_t n, float *out) {
    size_t layer = n * t->image_floats;
    uint32_t index[SAMPLE_PAIRS], batch = (uint32_t)t->p->batch_size;
    for (uint32_t i = 0; i < n; i++)
        index[i] = i;
    pxs_dataset_batch(t->data, split, index, n, NULL, out, out + 2 * layer);
    for (uint32_t at = 0; at < n; at += batch) {
        uint32_t part = n - at < batch ? n - at : batch;
        pxs_pix2pix_generate(t->model, out + at * t->image_floats, (int)part, 0, 0,
                             out + layer + at * t->image_floats);
    }
}

static enum pxs_status write_grid(struct training *t, const float *pixels, uint32_t n,
                                  struct pxs_record_sample *r, struct pxs_error *err) {
    size_t layer = n * t->image_floats;
    const float *const layers[] = {pixels, pixels + layer, pixels + 2 * layer};
    struct pxs_grid grid = {.layers = layers,
                            .n_layers = 3,
                            .cells = (int)n,
                            .height = (int)t->p->img_height,
                            .width = (int)t->p->img_width,
                            .channels = (int)t->p->channels,
                            .per_row = PER_ROW,
                            .padding = PADDING};
    struct pxs_image image = {0};
    PXS_TRY(pxs_image_grid(&grid, &image, err));
    char path[PXS_PATH_MAX], folder[PXS_PATH_MAX];
    enum pxs_status status = PXS_OK;
    if (!pxs_path_join(folder, sizeof folder, t->job->dir, PXS_IMAGES) ||
        !pxs_path_join(path, sizeof path, t->job->dir, r->path))
        status = pxs_fail(err, PXS_E_INVALID, "%s: path is too long", t->job->dir);
    if (status == PXS_OK)
        status = pxs_make_dirs(folder, err);
    if (status == PXS_OK)
        status = pxs_image_write_png(path, &image, r->sha256, err);
    pxs_image_finish(&image);
    return status;
}

/* The picture of the weights as they are now: r->path and r->sha256 of a record of this kind. */
static enum pxs_status make_picture(struct training *t, struct pxs_record *r,
                                    struct pxs_error *err) {
    enum pxs_split split = t->n_val > 0 ? PXS_SPLIT_VAL : PXS_SPLIT_TRAIN;
    uint32_t have = t->n_val > 0 ? t->n_val : t->n_train,
             n = have < SAMPLE_PAIRS ? have : SAMPLE_PAIRS;
    float *pixels = pxs_aligned_alloc(3 * n * t->image_floats * sizeof *pixels);
    if (!pixels)
        return pxs_fail_nomem(err);
    render(t, split, n, pixels);
    enum pxs_status status = write_grid(t, pixels, n, &r->sample, err);
    pxs_aligned_free(pixels);
    return status == PXS_OK ? pxs_record_write(t->job->records, r, err) : status;
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
