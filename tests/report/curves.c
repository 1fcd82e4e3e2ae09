/* A database with whole curves, filled the way the real one is: plan, attempts, record files. */
#include "report_tests.h"

#include "pixsweep/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

double curves_loss(const struct curve_shape *shape, int configuration, int seed, int64_t step) {
    const double at = (double)step / shape->batches;
    const double noise = 0.05 * sin(12.9898 * (double)(step + 1) + 7.0 * seed);
    if (configuration == 0 && seed == 0 && step == shape->spike_step && shape->spike_step > 0)
        return 40;
    if (configuration == 0 && seed == 1 && step == shape->gap_step && shape->gap_step > 0)
        return NAN;
    return 2 + 8 * exp(-0.5 * at) + 0.3 * configuration + noise;
}

double curves_val(int configuration, int seed, int epoch) {
    return 0.2 + 0.5 * exp(-0.2 * epoch) + 0.05 * configuration + 0.02 * (seed - 1);
}

static void put_batches(struct pxs_record_writer *w, const struct curve_shape *shape,
                        int configuration, int seed, int epoch, struct pxs_record *r) {
    for (int batch = 0; batch < shape->batches; batch++) {
        const int64_t step = (int64_t)epoch * shape->batches + batch;
        const double loss = curves_loss(shape, configuration, seed, step);
        *r = (struct pxs_record){.kind = PXS_RECORD_BATCH};
        r->batch = (struct pxs_record_batch){
            .step = step,
            .epoch = epoch,
            .batch = batch,
            .losses = {loss, loss / 4, loss / 15, 0.3 + loss / 100, 0.3, 0.3 + loss / 50},
            .lr_G = 1e-4 / (1 + epoch * configuration),
            .lr_D = 1e-4,
            .seconds = 0.1};
        ck_ok(pxs_record_write(w, r, &err));
    }
}

static void put_epoch(struct pxs_record_writer *w, const struct curve_shape *shape,
                      int configuration, int seed, int epoch, struct pxs_record *r) {
    const double loss = curves_loss(shape, configuration, 2, (int64_t)epoch * shape->batches);
    *r = (struct pxs_record){.kind = PXS_RECORD_EPOCH};
    r->epoch = (struct pxs_record_epoch){.epoch = epoch,
                                         .is_best = 1,
                                         .lr_G = 1e-4 / (1 + epoch * configuration),
                                         .lr_D = 1e-4,
                                         .avg_loss_G = loss,
                                         .avg_loss_GAN = loss / 4,
                                         .avg_loss_pixel = loss / 15,
                                         .avg_loss_D = 0.3,
                                         .avg_loss_real = 0.3,
                                         .avg_loss_fake = 0.3,
                                         .val_loss = curves_val(configuration, seed, epoch),
                                         .val_psnr = 10 + epoch,
                                         .val_ssim = NAN,
                                         .seconds = 2,
                                         .D_real = 0.75,
                                         .D_fake = 0.25};
    ck_ok(pxs_record_write(w, r, &err));
}

/* Seven glyphs of 32 x 32 pixels, each of one grey: a cell of the grid tells whose it is. */
static void put_picture(const char *path, int configuration, int epoch) {
    enum { GLYPHS = 7, SIDE = 32, FLOATS = GLYPHS * SIDE * SIDE * 3 };
    float *pixels = malloc(3 * sizeof *pixels * FLOATS);
    struct pxs_image picture;
    ck_assert_ptr_nonnull(pixels);
    for (int layer = 0; layer < 3; layer++) {
        for (int i = 0; i < FLOATS; i++) {
            const int glyph = i / (SIDE * SIDE * 3);
            const int grey = curves_grey(layer, glyph, configuration, epoch);
            pixels[layer * FLOATS + i] = (float)grey / 127.5f - 1;
        }
    }
    const float *const layers[] = {pixels, pixels + FLOATS, pixels + 2 * FLOATS};
    const struct pxs_grid grid = {.layers = layers,
                                  .n_layers = 3,
                                  .cells = GLYPHS,
                                  .height = SIDE,
                                  .width = SIDE,
                                  .channels = 3,
                                  .per_row = 5,
                                  .padding = 2};
    ck_ok(pxs_image_grid(&grid, &picture, &err));
    ck_ok(pxs_image_write_png(path, &picture, NULL, NULL, &err));
    pxs_image_finish(&picture);
    free(pixels);
}

int curves_grey(int layer, int glyph, int configuration, int epoch) {
    return layer == 1 ? 100 + 20 * configuration + epoch : 10 + 10 * glyph + 100 * (layer == 2);
}

/* A picture behind the last batch of an epoch. */
static void put_sample(struct pxs_record_writer *w, const struct curve_shape *shape,
                       const char *dir, int configuration, int epoch, bool best,
                       struct pxs_record *r) {
    char path[1024];
    *r = (struct pxs_record){.kind = best ? PXS_RECORD_BEST_SAMPLE : PXS_RECORD_SAMPLE};
    r->sample.step = (int64_t)(epoch + 1) * shape->batches - 1;
    r->sample.epoch = epoch;
    snprintf(r->sample.path, sizeof r->sample.path, "images/%d.png", (int)r->sample.step);
    if (best)
        strcpy(r->sample.path, "images/best.png");
    snprintf(path, sizeof path, "%s/images", dir);
    ck_ok(pxs_make_dirs(path, &err));
    snprintf(path, sizeof path, "%s/%s", dir, r->sample.path);
    put_picture(path, configuration, epoch);
    ck_ok(pxs_record_write(w, r, &err));
}

static bool diverges(const struct curve_shape *shape, int configuration, int seed) {
    return shape->one_diverges && configuration == shape->configurations - 1 &&
           seed == shape->seeds - 1;
}

static void write_records(const char *path, const struct curve_shape *shape, const char *dir,
                          int configuration, int seed) {
    struct pxs_record_writer *w = NULL;
    struct pxs_record *r = calloc(1, sizeof *r);
    const bool lost = diverges(shape, configuration, seed);
    ck_ok(pxs_record_writer_open(path, 0, &w, &err));
    *r = (struct pxs_record){.kind = PXS_RECORD_BEGIN};
    r->begin = (struct pxs_record_begin){.attempt = 1, .at_ms = 1000, .resumed_from_step = -1};
    ck_ok(pxs_record_write(w, r, &err));
    for (int epoch = 0; epoch < (lost ? shape->epochs / 2 : shape->epochs); epoch++) {
        put_batches(w, shape, configuration, seed, epoch, r);
        put_epoch(w, shape, configuration, seed, epoch, r);
        if (shape->pictures)
            put_sample(w, shape, dir, configuration, epoch, false, r);
        if (shape->best_pictures && epoch <= 3 + configuration)
            put_sample(w, shape, dir, configuration, epoch, true, r);
    }
    *r = (struct pxs_record){.kind = PXS_RECORD_END};
    r->end = (struct pxs_record_end){
        .at_ms = 61000, .outcome = lost ? PXS_OUTCOME_DIVERGED : PXS_OUTCOME_COMPLETED};
    ck_ok(pxs_record_write(w, r, &err));
    pxs_record_writer_close(&w);
    free(r);
}

static void carry_out(struct pxs_store *s, const struct curve_shape *shape, int i, const char *dir,
                      int64_t run_id) {
    char path[512];
    const int configuration = i / shape->seeds, seed = i % shape->seeds;
    struct pxs_record_cursor *cursor = NULL;
    struct pxs_store_attempt attempt = {
        .run_id = run_id, .host = "here", .threads = 2, .started_ms = 1000};
    snprintf(path, sizeof path, "%s/records.bin", test_folder());
    write_records(path, shape, dir, configuration, seed);
    ck_ok(pxs_store_take(s, &attempt, &err));
    ck_ok(pxs_record_cursor_open(path, 0, &cursor, &err));
    for (size_t taken = 10000; taken == 10000;)
        ck_ok(pxs_store_intake(s, attempt.attempt_id, cursor, 10000, &taken, &err));
    pxs_record_cursor_close(&cursor);
    const struct pxs_store_end end = {
        .state = diverges(shape, configuration, seed) ? PXS_STATE_DIVERGED : PXS_STATE_COMPLETED,
        .ended_ms = 61000};
    ck_ok(pxs_store_attempt_end(s, attempt.attempt_id, &end, &err));
    unlink(path);
}

/* Configuration 0 is constant, the others are lrgd 10, 20, ... */
static void set_params(struct pxs_params *params, int configuration, int seed) {
    char text[32];
    pxs_params_default(params);
    ck_ok(pxs_params_set(params, PXS_PARAM_dataset, "/data/kai", false, NULL, &err));
    ck_ok(pxs_params_set(params, PXS_PARAM_img_width, "32", false, NULL, &err));
    ck_ok(pxs_params_set(params, PXS_PARAM_img_height, "32", false, NULL, &err));
    snprintf(text, sizeof text, "%d", seed);
    ck_ok(pxs_params_set(params, PXS_PARAM_seed, text, false, NULL, &err));
    snprintf(text, sizeof text, "%d", 10 * configuration);
    if (configuration > 0)
        ck_ok(pxs_params_set(params, PXS_PARAM_lrgd, text, false, NULL, &err));
    else
        ck_ok(pxs_params_set(params, PXS_PARAM_lr_policy_G, "constant", false, NULL, &err));
    pxs_params_drop_ineffective(params);
}

static void plan_runs(const struct curve_shape *shape, struct pxs_store_plan_run *runs,
                      struct pxs_params *params, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const int configuration = (int)i / shape->seeds, seed = (int)i % shape->seeds;
        char *name = malloc(64), *dir = malloc(512);
        ck_assert(name != NULL && dir != NULL);
        snprintf(name, 64, "curves/%04d-lrgd-%d-s%d", (int)i + 1, 10 * configuration, seed);
        snprintf(dir, 512, "%s/%s", test_folder(), name);
        set_params(&params[i], configuration, seed);
        runs[i] = (struct pxs_store_plan_run){.seed = seed,
                                              .new_number = (int64_t)i + 1,
                                              .new_name = name,
                                              .new_dir = dir,
                                              .new_config_yaml = "name: curves\n",
                                              .params = &params[i]};
        snprintf(runs[i].config_hash, sizeof runs[i].config_hash, "%064d", configuration);
    }
}

struct pxs_store *make_curves(const struct curve_shape *shape) {
    const size_t n = (size_t)(shape->configurations * shape->seeds);
    char path[512];
    struct pxs_store *s = NULL;
    struct pxs_store_plan done = {0};
    struct pxs_store_plan_run *runs = calloc(n, sizeof *runs);
    struct pxs_params *params = calloc(n, sizeof *params);
    test_folder_make();
    snprintf(path, sizeof path, "%s/pixsweep.db", test_folder());
    ck_ok(pxs_store_open(path, &s, &err));
    plan_runs(shape, runs, params, n);
    ck_ok(pxs_store_plan(s, "curves", "name: curves\n", "00", runs, n, &done, &err));
    pxs_store_plan_finish(&done);
    for (size_t i = 0; i < n; i++) {
        if ((int)i < (int)n - shape->queued)
            carry_out(s, shape, (int)i, runs[i].new_dir, runs[i].run_id);
        free((char *)runs[i].new_name);
        free((char *)runs[i].new_dir);
    }
    free(params);
    free(runs);
    return s;
}

void drop_curves(struct pxs_store **store) {
    pxs_store_close(store);
    test_folder_remove();
}
