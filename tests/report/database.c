/* A small database, filled the way the real one is: plan, attempts, record files. */
#include "report_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EPOCHS = 30 };

static const struct planned usual[] = {
    R(90, 0, 0.30),
    R(90, 1, 0.32),
    R(25, 0, 0.20),
    R(25, 1, 0.24),
    R(0, 0, 0.25),
    R(10, 0, NAN, .outcome = PXS_OUTCOME_DIVERGED),
    R(10, 1, NAN, .waits = true),
};

static enum pxs_outcome outcome_of(const struct planned *p) {
    return p->outcome != 0 ? p->outcome : PXS_OUTCOME_COMPLETED;
}

static double rate(const struct planned *p, int epoch) {
    return p->lrgd == 0 ? 1e-4 : 1e-4 * pow(0.5, (epoch + 1) / p->lrgd);
}

static void set_params(struct pxs_params *params, const struct planned *p) {
    char text[32];
    pxs_params_default(params);
    ck_ok(pxs_params_set(params, PXS_PARAM_dataset, p->data != NULL ? p->data : "/data/kai", false,
                         NULL, &err));
    if (p->init_from != NULL)
        ck_ok(pxs_params_set(params, PXS_PARAM_init_from, p->init_from, false, NULL, &err));
    ck_ok(pxs_params_set(params, PXS_PARAM_n_epochs, "30", false, NULL, &err));
    snprintf(text, sizeof text, "%d", (int)p->seed);
    ck_ok(pxs_params_set(params, PXS_PARAM_seed, text, false, NULL, &err));
    snprintf(text, sizeof text, "%d", p->lrgd);
    if (p->lrgd > 0)
        ck_ok(pxs_params_set(params, PXS_PARAM_lrgd, text, false, NULL, &err));
    else
        ck_ok(pxs_params_set(params, PXS_PARAM_lr_policy_G, "constant", false, NULL, &err));
    if (p->batch_size > 0) {
        snprintf(text, sizeof text, "%d", p->batch_size);
        ck_ok(pxs_params_set(params, PXS_PARAM_batch_size, text, false, NULL, &err));
    }
    if (p->lambda_pixel > 0) {
        snprintf(text, sizeof text, "%d", p->lambda_pixel);
        ck_ok(pxs_params_set(params, PXS_PARAM_lambda_pixel, text, false, NULL, &err));
    }
    if (p->vanilla)
        ck_ok(pxs_params_set(params, PXS_PARAM_gan_mode, "vanilla", false, NULL, &err));
    if (p->pixel)
        ck_ok(pxs_params_set(params, PXS_PARAM_discriminator, "pixel", false, NULL, &err));
    if (p->sample_interval > 0) {
        snprintf(text, sizeof text, "%d", (int)p->sample_interval);
        ck_ok(pxs_params_set(params, PXS_PARAM_sample_interval, text, false, NULL, &err));
    }
    if (p->lab)
        ck_ok(pxs_params_set(params, PXS_PARAM_validation, "lab", false, NULL, &err));
    pxs_params_drop_ineffective(params);
}

static void write_epochs(struct pxs_record_writer *w, const struct planned *p,
                         struct pxs_record *r) {
    for (int e = 0; e < (p->epochs > 0 ? p->epochs : EPOCHS); e++) {
        /* Falls to `best` in epoch 20 and rises a little after it. */
        const double val = p->best + 0.01 * abs(e - 20) + (e > 20 ? p->later : 0);
        const double trained = p->overfits ? p->best + 0.01 * (20 - e) : val;
        *r = (struct pxs_record){.kind = PXS_RECORD_EPOCH};
        r->epoch = (struct pxs_record_epoch){
            .epoch = e,
            .is_best = e <= 20,
            .lr_G = rate(p, e),
            .lr_D = 1e-4,
            .avg_loss_G = isnan(val) ? 4 + 0.1 * (double)p->seed : 3 + trained,
            .val_loss = val,
            .val_psnr = p->psnr > 0 ? p->psnr - 0.1 * abs(e - 20) : NAN,
            .val_ssim = NAN,
            .D_real = p->d_real != 0 ? p->d_real : 0.7,
            .D_fake = p->d_real != 0 ? p->d_fake : 0.3,
            .seconds = 2};
        ck_ok(pxs_record_write(w, r, &err));
    }
}

static void write_records(const char *path, const struct planned *p) {
    struct pxs_record_writer *w = NULL;
    struct pxs_record *r = calloc(1, sizeof *r);
    ck_ok(pxs_record_writer_open(path, 0, &w, &err));
    *r = (struct pxs_record){.kind = PXS_RECORD_BEGIN};
    r->begin = (struct pxs_record_begin){.attempt = 1, .at_ms = 1000, .resumed_from_step = -1};
    pxs_record_begin_add(&r->begin, "version", "%s", "0.1.0");
    ck_ok(pxs_record_write(w, r, &err));
    if (outcome_of(p) == PXS_OUTCOME_COMPLETED || p->epochs > 0)
        write_epochs(w, p, r);
    *r = (struct pxs_record){.kind = PXS_RECORD_CHECKPOINT};
    r->checkpoint = (struct pxs_record_checkpoint){.epoch = 20,
                                                   .kind = "best",
                                                   .net = "generator",
                                                   .path = "saved_models/generator_min.safetensors",
                                                   .sha256 = "00",
                                                   .bytes = 1400000};
    ck_ok(pxs_record_write(w, r, &err));
    *r = (struct pxs_record){.kind = PXS_RECORD_END};
    r->end = (struct pxs_record_end){.at_ms = 61000, .outcome = outcome_of(p)};
    if (p->outcome == PXS_OUTCOME_DIVERGED)
        snprintf(r->end.message, sizeof r->end.message, "loss_G became nan at step 7");
    ck_ok(pxs_record_write(w, r, &err));
    pxs_record_writer_close(&w);
    free(r);
}

static void carry_out(struct pxs_store *s, const struct planned *p, int64_t run_id) {
    char path[512];
    size_t taken = 0;
    struct pxs_record_cursor *cursor = NULL;
    struct pxs_store_attempt attempt = {
        .run_id = run_id, .host = "here", .threads = 2, .kernels = "auto-avx2", .started_ms = 1000};
    snprintf(path, sizeof path, "%s/records-%d.bin", test_folder(), (int)run_id);
    write_records(path, p);
    ck_ok(pxs_store_take(s, &attempt, &err));
    ck_ok(pxs_record_cursor_open(path, 0, &cursor, &err));
    ck_ok(pxs_store_intake(s, attempt.attempt_id, cursor, 1000, &taken, &err));
    ck_assert_uint_gt(taken, 0);
    pxs_record_cursor_close(&cursor);
    const struct pxs_store_end end = {
        .state = pxs_outcome_state(outcome_of(p)), .exit_code = 0, .ended_ms = 61000};
    ck_ok(pxs_store_attempt_end(s, attempt.attempt_id, &end, &err));
}

static void fill(char hash[65], char digit) {
    memset(hash, digit, 64);
    hash[64] = '\0';
}

/* As the sweep freezes it: its head names the contents. */
static const char *frozen_of(const struct planned *p, struct pxs_arena *arena) {
    char data[65], weights[65], files[65];
    fill(data, p->content);
    fill(weights, p->weights);
    if (p->content == '\0')
        return "name: rates\n";
    fill(files, p->files);
    if (p->files != '\0')
        return pxs_arena_printf(
            arena,
            "# pixsweep run rates/1\n# data sha256 %s\n# data files sha256 %s\nname: rates\n", data,
            files);
    if (p->weights == '\0')
        return pxs_arena_printf(arena, "# pixsweep run rates/1\n# data sha256 %s\nname: rates\n",
                                data);
    return pxs_arena_printf(
        arena, "# pixsweep run rates/1\n# data sha256 %s\n# init_from sha256 %s\nname: rates\n",
        data, weights);
}

struct pxs_store *make_database(void) {
    return make_database_of(usual, PXS_COUNT(usual));
}

struct pxs_store *make_database_of(const struct planned *plan, size_t n) {
    return make_database_as(plan, n, "name: rates\n");
}

struct pxs_store *make_database_as(const struct planned *plan, size_t n, const char *spec_yaml) {
    char path[512];
    struct pxs_store *s = NULL;
    struct pxs_store_plan done = {0};
    struct pxs_arena arena = {0};
    struct pxs_store_plan_run *runs = calloc(n, sizeof *runs);
    struct pxs_params *params = calloc(n, sizeof *params);
    test_folder_make();
    snprintf(path, sizeof path, "%s/pixsweep.db", test_folder());
    ck_ok(pxs_store_open(path, &s, &err));
    for (size_t i = 0; i < n; i++) {
        const struct planned *p = &plan[i];
        const char *label = p->lrgd > 0 ? pxs_arena_printf(&arena, "lrgd-%d", p->lrgd) : "constant";
        const char *name =
            pxs_arena_printf(&arena, "rates/%04zu-%s-s%d", i + 1, label, (int)p->seed);
        set_params(&params[i], p);
        runs[i] = (struct pxs_store_plan_run){
            .seed = p->seed,
            .new_number = (int64_t)i + 1,
            .new_name = name,
            .new_dir = pxs_arena_printf(&arena, "%s/%s", test_folder(), name),
            .new_config_yaml = frozen_of(p, &arena),
            .params = &params[i]};
        snprintf(runs[i].config_hash, sizeof runs[i].config_hash, "%08d%c%c%022d%032d", p->version,
                 p->content != '\0' ? p->content : '0', p->weights != '\0' ? p->weights : '0',
                 p->batch_size + 1000 * p->lab + 10000 * p->vanilla + 100000 * p->lambda_pixel +
                     50000000 * p->pixel,
                 p->lrgd);
    }
    ck_ok(pxs_store_plan(s, "rates", spec_yaml, "00", runs, n, &done, &err));
    pxs_store_plan_finish(&done);
    for (size_t i = 0; i < n; i++) {
        if (!plan[i].waits)
            carry_out(s, &plan[i], runs[i].run_id);
    }
    pxs_arena_finish(&arena);
    free(params);
    free(runs);
    return s;
}

struct pxs_store *make_raced_database(double indifference) {
    static const struct {
        const char *label;
        enum pxs_race_decision decision;
        double mean, difference, low, high;
    } decided[] = {{"constant", PXS_RACE_STAYS, 0.225, 0.005, -0.002, 0.01},
                   {"lrgd-10", PXS_RACE_DROPPED, 0.9, 0.68, 0.4, 0.96},
                   {"lrgd-25", PXS_RACE_LEADS, 0.22, 0, 0, 0},
                   {"lrgd-90", PXS_RACE_DROPPED, 0.31, 0.09, 0.05, 0.13}};
    struct pxs_store *s = make_database();
    struct pxs_store_race race = {.race = "0123456789ab",
                                  .metric = "best_val_loss",
                                  .confidence = 0.95,
                                  .indifference = indifference,
                                  .first = 2,
                                  .max_seeds = 4,
                                  .budget_s = INFINITY};
    struct pxs_race_entry entries[PXS_COUNT(decided)] = {0};
    struct pxs_race_record look = {.race = "0123456789ab",
                                   .look = 1,
                                   .seeds = 2,
                                   .metric = "best_val_loss",
                                   .level = 0.01,
                                   .penalty = 0.9,
                                   .n = PXS_COUNT(decided),
                                   .entries = entries};
    struct pxs_table hashes;
    bool added;
    ck_ok(pxs_store_select(s, "SELECT config_hash, label FROM v_run WHERE seed = 0 ORDER BY label",
                           NULL, 0, &hashes, &err));
    ck_assert_uint_eq(hashes.n_rows, PXS_COUNT(decided));
    for (size_t i = 0; i < PXS_COUNT(decided); i++) {
        entries[i] = (struct pxs_race_entry){.decision = decided[i].decision,
                                             .n = 2,
                                             .diverged = i == 1,
                                             .pairs = 2,
                                             .mean = decided[i].mean,
                                             .difference = decided[i].difference,
                                             .low = decided[i].low,
                                             .high = decided[i].high};
        ck_assert_str_eq(pxs_table_at(&hashes, i, "label").text, decided[i].label);
        entries[i].label = decided[i].label;
        snprintf(entries[i].config_hash, sizeof entries[i].config_hash, "%s",
                 pxs_table_at(&hashes, i, "config_hash").text);
    }
    pxs_table_finish(&hashes);
    ck_ok(pxs_store_set_race(s, 1, &race, &err));
    ck_ok(pxs_store_add_look(s, 1, &look, &added, &err));
    return s;
}

void drop_database(struct pxs_store **store) {
    pxs_store_close(store);
    test_folder_remove();
}
