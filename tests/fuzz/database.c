#include "database.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS = 4, EPOCHS = 3 };
static const enum pxs_outcome outcomes[RUNS] = {PXS_OUTCOME_COMPLETED, PXS_OUTCOME_FAILED,
                                                PXS_OUTCOME_DIVERGED, 0};

/* ---- filling it ----------------------------------------------------------------------------- */

static void write_records(const char *path, int run) {
    struct pxs_record_writer *w = NULL;
    struct pxs_error err;
    struct pxs_record r = {.kind = PXS_RECORD_BEGIN};
    fuzz_need(pxs_record_writer_open(path, 0, &w, &err), &err);
    r.begin = (struct pxs_record_begin){
        .attempt = 1, .at_ms = 1000, .resumed_from_step = -1, .text = "version=0.1.0\n"};
    fuzz_need(pxs_record_write(w, &r, &err), &err);
    for (int e = 0; e < EPOCHS; e++) {
        r = (struct pxs_record){.kind = PXS_RECORD_BATCH};
        r.batch = (struct pxs_record_batch){.step = e,
                                            .epoch = e,
                                            .losses = {3.0 - e, 1, 0.1, 1, 1, 1},
                                            .lr_G = 1e-4,
                                            .lr_D = 1e-4};
        fuzz_need(pxs_record_write(w, &r, &err), &err);
        r = (struct pxs_record){.kind = PXS_RECORD_EPOCH};
        r.epoch = (struct pxs_record_epoch){.epoch = e,
                                            .is_best = 1,
                                            .lr_G = 1e-4,
                                            .lr_D = 1e-4,
                                            .val_loss = 0.5 - 0.1 * e + 0.01 * run,
                                            .seconds = 1};
        fuzz_need(pxs_record_write(w, &r, &err), &err);
    }
    r = (struct pxs_record){.kind = PXS_RECORD_END};
    r.end =
        (struct pxs_record_end){.at_ms = 9000, .outcome = (int32_t)outcomes[run], .step = EPOCHS};
    fuzz_need(pxs_record_write(w, &r, &err), &err);
    pxs_record_writer_close(&w);
}

static void carry_out(struct pxs_store *s, int run, int64_t run_id) {
    struct pxs_store_attempt attempt = {
        .run_id = run_id, .host = "here", .threads = 1, .kernels = "auto", .started_ms = 1000};
    struct pxs_record_cursor *cursor = NULL;
    struct pxs_error err;
    const char *path = fuzz_path(7, "records.made");
    const struct pxs_store_end end = {
        .state = pxs_outcome_state(outcomes[run]), .ended_ms = 9000, .message = "as made"};
    write_records(path, run);
    fuzz_need(pxs_store_take(s, &attempt, &err), &err);
    fuzz_need(pxs_record_cursor_open(path, 0, &cursor, &err), &err);
    fuzz_need(pxs_store_intake(s, attempt.attempt_id, cursor, 1000, NULL, &err), &err);
    pxs_record_cursor_close(&cursor);
    fuzz_need(pxs_store_attempt_end(s, attempt.attempt_id, &end, &err), &err);
    fuzz_need(pxs_store_event(s, run_id, 2000, PXS_LOG_INFO, "made", "for a harness", &err), &err);
}

static void fill(struct pxs_store *s) {
    struct pxs_store_plan_run runs[RUNS] = {0};
    struct pxs_params params[RUNS];
    struct pxs_store_plan plan = {0};
    struct pxs_arena arena = {0};
    struct pxs_error err;
    for (int i = 0; i < RUNS; i++) {
        pxs_params_default(&params[i]);
        fuzz_need(pxs_params_set(&params[i], PXS_PARAM_dataset, "/data/kai", false, NULL, &err),
                  &err);
        fuzz_need(
            pxs_params_set(&params[i], PXS_PARAM_n_epochs, i % 2 ? "3" : "4", false, NULL, &err),
            &err);
        const char *name = pxs_arena_printf(&arena, "fuzz/%04d-base-s%d", i + 1, i / 2);
        runs[i] = (struct pxs_store_plan_run){
            .seed = i / 2,
            .new_number = i + 1,
            .new_name = name,
            .new_dir = pxs_arena_printf(&arena, "%s/other/%s", fuzz_folder(), name),
            .new_config_yaml = "name: fuzz\n",
            .params = &params[i]};
        memset(runs[i].config_hash, i % 2 ? 'a' : 'b', PXS_SHA256_HEX - 1);
    }
    fuzz_need(pxs_store_plan(s, "fuzz", "name: fuzz\n", "00", runs, RUNS, &plan, &err), &err);
    pxs_store_plan_finish(&plan);
    for (int i = 0; i < RUNS; i++)
        if (outcomes[i])
            carry_out(s, i, runs[i].run_id);
    pxs_arena_finish(&arena);
}

/* ---- copies --------------------------------------------------------------------------------- */

/* Kept as bytes, since making one takes longer than most inputs do. */
struct made {
    char *bytes;
    size_t n;
};
static struct made full, empty;

static void forget(void) {
    free(full.bytes);
    free(empty.bytes);
}

static void make(struct made *made, bool with_runs) {
    struct pxs_store *s = NULL;
    struct pxs_error err;
    const char *path = fuzz_path(6, "made.db");
    if (!full.bytes && !empty.bytes)
        atexit(forget);
    fuzz_need(pxs_store_open(path, &s, &err), &err);
    if (with_runs)
        fill(s);
    pxs_store_close(&s);
    fuzz_need(pxs_read_file(path, (size_t)16 << 20, &made->bytes, &made->n, &err), &err);
    fuzz_remove("made.db");
    fuzz_remove("made.db.lock");
}

static struct pxs_store *open_copy(struct made *made, bool with_runs, const char *name) {
    static const char *const beside[] = {"-wal", "-shm", "-journal"};
    struct pxs_store *s = NULL;
    struct pxs_error err;
    char side[256];
    if (!made->bytes)
        make(made, with_runs);
    for (size_t i = 0; i < PXS_COUNT(beside); i++) {
        snprintf(side, sizeof side, "%s%s", name, beside[i]);
        fuzz_remove(side);
    }
    fuzz_write(name, made->bytes, made->n);
    fuzz_need(pxs_store_open(fuzz_path(6, name), &s, &err), &err);
    return s;
}

struct pxs_store *fuzz_database(const char *name) {
    return open_copy(&full, true, name);
}

struct pxs_store *fuzz_empty_database(const char *name) {
    return open_copy(&empty, false, name);
}
