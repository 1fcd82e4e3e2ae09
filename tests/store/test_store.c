#include "store_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a database ----------------------------------------------------------------------------- */

const char *db_path(void) {
    return in_folder("results/pixsweep.db");
}

const char *beside(const char *suffix) {
    char name[64];
    snprintf(name, sizeof name, "results/pixsweep.db%s", suffix);
    return in_folder(name);
}

struct pxs_store *open_store(void) {
    struct pxs_store *s;
    ck_ok(pxs_store_open(db_path(), &s, &err));
    return s;
}

struct pxs_store *open_reader(void) {
    struct pxs_store *s;
    ck_ok(pxs_store_open_readonly(db_path(), &s, &err));
    return s;
}

/* ---- runs ----------------------------------------------------------------------------------- */

struct pxs_params small_params(int config, int64_t seed) {
    struct pxs_params p;
    pxs_params_default(&p);
    strcpy(p.dataset, "/data/kai");
    p.n_epochs = 4;
    p.batch_size = 2;
    p.lrgd = 10 + config;
    p.learning_rate_G = 1.0 / 8192;
    p.seed = seed;
    return p;
}

void fill_plan_run(struct pxs_store_plan_run *r, int slot, const char *sweep, int64_t number,
                   int config, int64_t seed, const struct pxs_params *params) {
    static char names[64][128], dirs[64][PXS_PATH_MAX], yamls[64][64];
    memset(r, 0, sizeof *r);
    snprintf(r->config_hash, sizeof r->config_hash, "%064d", config);
    r->seed = seed;
    r->new_number = number;
    snprintf(names[slot], sizeof names[0], "%s/%04d-lrgd-%d-s%d", sweep, (int)number, 10 + config,
             (int)seed);
    snprintf(dirs[slot], sizeof dirs[0], "%s/results/%s", test_folder(), names[slot]);
    snprintf(yamls[slot], sizeof yamls[0], "lrgd: %d\n", 10 + config);
    r->new_name = names[slot];
    r->new_dir = dirs[slot];
    r->new_config_yaml = yamls[slot];
    r->params = params;
}

void plan_sweep(struct pxs_store *s, const char *sweep, int configs, int seeds, int64_t *ids) {
    struct pxs_store_plan_run runs[64];
    struct pxs_params *params = calloc((size_t)(configs * seeds), sizeof *params);
    struct pxs_store_plan plan;
    for (int i = 0; i < configs * seeds; i++) {
        params[i] = small_params(i / seeds, i % seeds);
        fill_plan_run(&runs[i], i, sweep, i + 1, i / seeds, i % seeds, &params[i]);
    }
    ck_ok(pxs_store_plan(s, sweep, "sweep: {}\n", "0123", runs, (size_t)(configs * seeds), &plan,
                         &err));
    for (int i = 0; i < configs * seeds; i++)
        ids[i] = runs[i].run_id;
    pxs_store_plan_finish(&plan);
    free(params);
}

int64_t take_run(struct pxs_store *s, int64_t run_id) {
    struct pxs_store_attempt a = {.run_id = run_id,
                                  .host = "labor",
                                  .boot_id = "b0",
                                  .pid = 4711,
                                  .pid_start = 99,
                                  .cores = "0,1",
                                  .threads = 2,
                                  .kernels = "avx2",
                                  .started_ms = pxs_now_ms()};
    ck_ok(pxs_store_take(s, &a, &err));
    return a.attempt_id;
}

void end_run(struct pxs_store *s, int64_t attempt_id, const char *state) {
    enum pxs_run_state of = pxs_state_parse(state);
    struct pxs_store_end end = {
        .outcome = of, .state = of, .exit_code = -1, .ended_ms = pxs_now_ms()};
    ck_ok(pxs_store_attempt_end(s, attempt_id, &end, &err));
}

/* ---- records -------------------------------------------------------------------------------- */

const char *record_path(int64_t run_id) {
    static char paths[64][300];
    snprintf(paths[run_id % 64], sizeof paths[0], "%s/records-%d.bin", test_folder(), (int)run_id);
    return paths[run_id % 64];
}

struct pxs_record_writer *open_writer(int64_t run_id, int64_t keep_bytes) {
    struct pxs_record_writer *w;
    ck_ok(pxs_record_writer_open(record_path(run_id), keep_bytes, &w, &err));
    return w;
}

double loss_at(int64_t run_id, int64_t step) {
    return 2.0 / (1 + 0.1 * (double)step) + 0.01 * sin((double)(step * 7 + run_id * 13));
}

static struct pxs_losses losses_at(int64_t run_id, int64_t step) {
    double g = loss_at(run_id, step);
    return (struct pxs_losses){g, g * 0.1, g * 0.09, 0.25 + g * 0.01, 0.26, 0.24};
}

static void put(struct pxs_record_writer *w, const struct pxs_record *r) {
    ck_ok(pxs_record_write(w, r, &err));
}

void put_begin(struct pxs_record_writer *w, int64_t attempt, int64_t resumed_from_step) {
    struct pxs_record *r = calloc(1, sizeof *r);
    r->kind = PXS_RECORD_BEGIN;
    r->begin.attempt = attempt;
    r->begin.at_ms = pxs_now_ms();
    r->begin.resumed_from_step = resumed_from_step;
    ck_assert(pxs_record_begin_add(&r->begin, "version", "0.1.0"));
    ck_assert(pxs_record_begin_add(&r->begin, "cpu", "Model %d", (int)attempt));
    put(w, r);
    free(r);
}

/* Half the learning rate from epoch 2 on. */
static double rate_at(int epoch) {
    return epoch < 2 ? 1.0 / 8192 : 1.0 / 16384;
}

void put_batch(struct pxs_record_writer *w, int64_t run_id, int64_t step) {
    int epoch = (int)(step / BATCHES);
    struct pxs_record r = {.kind = PXS_RECORD_BATCH};
    r.batch = (struct pxs_record_batch){.step = step,
                                        .epoch = epoch,
                                        .batch = (int)(step % BATCHES),
                                        .losses = losses_at(run_id, step),
                                        .lr_G = rate_at(epoch),
                                        .lr_D = 1e-4,
                                        .seconds = 0.5};
    put(w, &r);
}

void put_epoch(struct pxs_record_writer *w, int64_t run_id, int epoch) {
    struct pxs_record r = {.kind = PXS_RECORD_EPOCH};
    struct pxs_record_epoch *e = &r.epoch;
    e->epoch = epoch;
    e->lr_G = rate_at(epoch);
    e->lr_D = 1e-4;
    for (int b = 0; b < BATCHES; b++) {
        struct pxs_losses l = losses_at(run_id, epoch * BATCHES + b);
        e->avg_loss_G += l.loss_G / BATCHES;
        e->avg_loss_GAN += l.loss_GAN / BATCHES;
        e->avg_loss_pixel += l.loss_pixel / BATCHES;
        e->avg_loss_D += l.loss_D / BATCHES;
        e->avg_loss_real += l.loss_real / BATCHES;
        e->avg_loss_fake += l.loss_fake / BATCHES;
    }
    /* Best in epoch 2, a little worse later: overfitting. */
    e->val_loss = 0.3 - 0.02 * (epoch < 3 ? epoch : 4 - epoch) + 0.001 * (double)(run_id % 7);
    e->is_best = epoch < 3;
    e->val_psnr = e->val_ssim = NAN;
    e->seconds = 3.0;
    e->D_real = 0.8 - 0.01 * epoch;
    e->D_fake = 0.3;
    put(w, &r);
}

void put_sample(struct pxs_record_writer *w, int64_t step) {
    struct pxs_record r = {.kind = PXS_RECORD_SAMPLE};
    r.sample.step = step;
    r.sample.epoch = (int)(step / BATCHES);
    snprintf(r.sample.path, sizeof r.sample.path, "images/%d.png", (int)step);
    memset(r.sample.sha256, 'a', 64);
    put(w, &r);
}

static void put_best_sample(struct pxs_record_writer *w, int epoch) {
    struct pxs_record r = {.kind = PXS_RECORD_BEST_SAMPLE};
    r.sample = (struct pxs_record_sample){.step = (epoch + 1) * BATCHES - 1, .epoch = epoch};
    snprintf(r.sample.path, sizeof r.sample.path, "images/best.png");
    memset(r.sample.sha256, 'a' + epoch, 64);
    put(w, &r);
}

void put_checkpoint(struct pxs_record_writer *w, int epoch, const char *kind, const char *net) {
    struct pxs_record r = {.kind = PXS_RECORD_CHECKPOINT};
    struct pxs_record_checkpoint *c = &r.checkpoint;
    c->epoch = epoch;
    snprintf(c->kind, sizeof c->kind, "%s", kind);
    snprintf(c->net, sizeof c->net, "%s", net);
    const char *sub = strcmp(net, "generator") == 0 ? "" : "d/";
    if (strcmp(kind, "best") == 0)
        snprintf(c->path, sizeof c->path, "saved_models/%s%s_min.safetensors", sub, net);
    else
        snprintf(c->path, sizeof c->path, "saved_models/%s%s_%d.safetensors", sub, net, epoch);
    memset(c->sha256, 'b', 64);
    c->bytes = 1000 + epoch;
    put(w, &r);
}

void put_event(struct pxs_record_writer *w, int64_t at_ms, const char *message) {
    struct pxs_record r = {.kind = PXS_RECORD_EVENT};
    r.event.at_ms = at_ms;
    r.event.level = PXS_LOG_WARN;
    snprintf(r.event.kind, sizeof r.event.kind, "test");
    snprintf(r.event.message, sizeof r.event.message, "%s", message);
    put(w, &r);
}

void put_rung(struct pxs_record_writer *w, int epoch, bool go_on, double cutoff) {
    struct pxs_record r = {.kind = PXS_RECORD_RUNG};
    r.rung =
        (struct pxs_record_rung){.epoch = epoch, .go_on = go_on, .value = 0.25, .cutoff = cutoff};
    put(w, &r);
}

void put_end(struct pxs_record_writer *w, enum pxs_outcome outcome, const char *message) {
    struct pxs_record r = {.kind = PXS_RECORD_END};
    r.end.at_ms = pxs_now_ms();
    r.end.outcome = outcome;
    snprintf(r.end.message, sizeof r.end.message, "%s", message);
    put(w, &r);
}

void put_steps(struct pxs_record_writer *w, int64_t run_id, int64_t from, int64_t to) {
    for (int64_t step = from; step < to; step++) {
        int epoch = (int)(step / BATCHES);
        put_batch(w, run_id, step);
        if (step % BATCHES == 0)
            put_sample(w, step);
        if (step % BATCHES < BATCHES - 1)
            continue;
        put_epoch(w, run_id, epoch);
        put_checkpoint(w, epoch, "periodic", "generator");
        if (epoch < 3) {
            put_checkpoint(w, epoch, "best", "generator");
            put_best_sample(w, epoch);
        }
    }
}

size_t take_in(struct pxs_store *s, int64_t attempt_id, int64_t run_id, int64_t offset,
               size_t max) {
    struct pxs_record_cursor *c;
    size_t all = 0, n = max;
    ck_ok(pxs_record_cursor_open(record_path(run_id), offset, &c, &err));
    while (n == max) {
        ck_ok(pxs_store_intake(s, attempt_id, c, max, &n, &err));
        all += n;
    }
    pxs_record_cursor_close(&c);
    return all;
}

void whole_run(struct pxs_store *s, int64_t run_id, int epochs, const char *state) {
    int64_t attempt_id = take_run(s, run_id);
    struct pxs_record_writer *w = open_writer(run_id, 0);
    put_begin(w, 1, -1);
    put_steps(w, run_id, 0, epochs * BATCHES);
    put_rung(w, epochs - 1, true, 0.5);
    enum pxs_outcome outcome = PXS_OUTCOME_COMPLETED;
    while (pxs_outcome_state(outcome) != pxs_state_parse(state) && outcome < PXS_OUTCOME_PRUNED)
        outcome++;
    ck_assert_int_eq(pxs_outcome_state(outcome), pxs_state_parse(state));
    put_end(w, outcome, outcome == PXS_OUTCOME_COMPLETED ? "" : "loss_G is nan at step 20");
    pxs_record_writer_close(&w);
    take_in(s, attempt_id, run_id, 0, 1000);
    end_run(s, attempt_id, state);
}

int main(void) {
    Suite *suite = suite_create("store");
    TCase *(*const cases[])(void) = {open_case,   schema_case,    plan_case,    attempts_case,
                                     intake_case, processes_case, query_case,   views_case,
                                     size_case,   docs_case,      states_case,  migrate_case,
                                     upkeep_case, remove_case,    publish_case, race_case};
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        TCase *c = cases[i]();
        tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
        suite_add_tcase(suite, c);
    }
    return run_tests(suite, CK_NORMAL);
}
