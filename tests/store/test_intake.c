/* Records into rows: everything once, whatever is repeated; restart and resume; the summary. */
#include "../../src/record/store/store_priv.h"
#include "store_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct pxs_store *s;
static int64_t run, attempt;

/* A planned run that was taken. */
static void begin_run(void) {
    int64_t ids[2];
    s = open_store();
    plan_sweep(s, "a", 1, 2, ids);
    run = ids[1];
    attempt = take_run(s, run);
}

static char *all_rows(struct pxs_store *store) {
    static const char *const tables[] = {
        "SELECT * FROM batch_loss ORDER BY 1, 2",
        "SELECT * FROM epoch ORDER BY 1, 2",
        "SELECT * FROM sample ORDER BY 1, 2",
        "SELECT * FROM checkpoint ORDER BY 1, 2",
        "SELECT * FROM run_summary",
        "SELECT run_id, at_ms, kind, message FROM event",
        "SELECT * FROM environment ORDER BY 1, 2",
        "SELECT attempt_id, resumed_from_step, outcome, message FROM attempt"};
    struct pxs_text all = {0};
    for (size_t i = 0; i < PXS_COUNT(tables); i++) {
        char *one = sql_dump(store, tables[i]);
        pxs_text_add(&all, one);
        free(one);
    }
    return all.text;
}

START_TEST(records_become_rows)
{
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    put_begin(w, 1, -1);
    put_steps(w, run, 0, 2 * BATCHES);
    put_event(w, 500, "careful");
    put_end(w, PXS_OUTCOME_COMPLETED, "");
    int64_t bytes = pxs_record_writer_bytes(w);
    pxs_record_writer_close(&w);
    ck_assert_uint_eq(take_in(s, attempt, run, 0, 7), 1 + 2 * (BATCHES + 5) + 2);
    ck_assert_int_eq(sql_int(s, "SELECT record_offset FROM attempt"), bytes);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM batch_loss WHERE run_id = %d", (int)run),
                     2 * BATCHES);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM epoch"), 2);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM sample"), 2);
    ck_assert_str_eq(
        sql_text(s, "SELECT step || ' ' || epoch || ' ' || path || substr(sha256, 1, 2) FROM "
                    "best_sample"),
        "9 1 images/best.pngbb"); /* one row, the last */
    char *rows = sql_dump(s, "SELECT path, epoch, kind, net, bytes FROM checkpoint ORDER BY path");
    ck_assert_str_eq(rows, "saved_models/generator_0.safetensors|0|periodic|generator|1000\n"
                           "saved_models/generator_1.safetensors|1|periodic|generator|1001\n"
                           "saved_models/generator_min.safetensors|1|best|generator|1001\n");
    free(rows);
    ck_assert_double_eq(sql_real(s, "SELECT loss_G FROM batch_loss WHERE step = 7"),
                        loss_at(run, 7));
    ck_assert_double_eq_tol(
        sql_real(
            s, "SELECT max(abs(e.avg_loss_G - (SELECT avg(loss_G) FROM batch_loss b WHERE b.run_id "
               "= e.run_id AND b.epoch = e.epoch))) FROM epoch e"),
        0, 1e-12);
    ck_assert_int_eq(sql_int(s, "SELECT val_psnr IS NULL AND val_ssim IS NULL FROM epoch"), 1);
    ck_assert_str_eq(sql_text(s, "SELECT level || kind || message FROM event"), "warntestcareful");
    ck_assert_str_eq(sql_text(s, "SELECT group_concat(key || '=' || value) FROM environment"),
                     "version=0.1.0,cpu=Model 1");
    ck_assert_str_eq(
        sql_text(s, "SELECT outcome FROM attempt WHERE message IS NULL AND ended_ms IS NULL"),
        "completed");
    pxs_store_close(&s);
}
END_TEST

START_TEST(nan_is_null_and_infinity_stays)
{
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    struct pxs_record r = {.kind = PXS_RECORD_BATCH};
    r.batch = (struct pxs_record_batch){.losses = {NAN, INFINITY, -INFINITY, 3, 0.1, -0.0},
                                        .seconds = NAN};
    put_begin(w, 1, -1);
    ck_ok(pxs_record_write(w, &r, &err));
    pxs_record_writer_close(&w);
    take_in(s, attempt, run, 0, 10);
    ck_assert_int_eq(
        sql_int(
            s, "SELECT (loss_G IS NULL) + (loss_GAN = 9e999) + (loss_pixel = -9e999) + "
               "(typeof(loss_D) = 'real') + (loss_real = 0.1) + (seconds IS NULL) FROM batch_loss"),
        6);
    pxs_store_close(&s);
}
END_TEST

START_TEST(taking_in_twice_changes_nothing)
{
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    put_begin(w, 1, -1);
    put_steps(w, run, 0, 3 * BATCHES + 2);
    put_event(w, 500, "careful");
    put_end(w, PXS_OUTCOME_INTERRUPTED, "stopped");
    pxs_record_writer_close(&w);
    take_in(s, attempt, run, 0, 1000);
    char *once = all_rows(s);
    for (size_t max = 1; max < 9; max += 3) {
        take_in(s, attempt, run, 0, max);
        char *again = all_rows(s);
        ck_assert_str_eq(once, again);
        free(again);
    }
    free(once);
    pxs_store_close(&s);
}
END_TEST

START_TEST(verdicts_at_rungs)
{
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    put_begin(w, 1, -1);
    put_steps(w, run, 0, 2 * BATCHES);
    put_rung(w, 0, true, NAN);
    put_rung(w, 1, true, 0.5);
    put_rung(w, 1, false, 0.125); /* the last word counts */
    put_end(w, PXS_OUTCOME_PRUNED, "pruned: so");
    int64_t bytes = pxs_record_writer_bytes(w);
    take_in(s, attempt, run, 0, 1000);
    ck_assert_str_eq(
        sql_text(
            s, "SELECT group_concat(epoch || value || coalesce(cutoff, '-') || verdict) FROM rung"),
        "00.25-go_on,10.250.125pruned");
    ck_assert_str_eq(sql_text(s, "SELECT outcome FROM attempt"), "pruned");
    end_run(s, attempt, "pruned");
    ck_assert_str_eq(sql_text(s, "SELECT state FROM run WHERE run_id = %d", (int)run), "pruned");
    /* Taken up again behind the second epoch: both verdicts stay; from within it: only the
     * first. */
    attempt = take_run(s, run);
    put_begin(w, 2, 2 * BATCHES);
    take_in(s, attempt, run, bytes, 1000);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM rung"), 2);
    bytes = pxs_record_writer_bytes(w);
    put_begin(w, 2, BATCHES + 1);
    take_in(s, attempt, run, bytes, 1000);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM rung"), 1);
    pxs_record_writer_close(&w);
    pxs_store_close(&s);
}
END_TEST

/* From a place in the middle, without the BEGIN that would clear the way. */
START_TEST(steps_that_come_twice_count_once)
{
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    put_begin(w, 1, -1);
    put_steps(w, run, 0, BATCHES + 1);
    int64_t middle = pxs_record_writer_bytes(w);
    put_steps(w, run, BATCHES + 1, BATCHES + 4);
    pxs_record_writer_close(&w);
    take_in(s, attempt, run, 0, 1000);
    char *once = all_rows(s);
    take_in(s, attempt, run, middle, 1000);
    char *again = all_rows(s);
    ck_assert_str_eq(once, again);
    free(once);
    free(again);
    pxs_store_close(&s);
}
END_TEST

/* However the file is cut into transactions, the rows are the same: the summary's shortcuts
 * included. */
START_TEST(pieces_do_not_matter)
{
    char *reference = NULL;
    for (size_t max = 1; max < 40; max = max * 2 + 1) {
        begin_run();
        struct pxs_record_writer *w = open_writer(run, 0);
        put_begin(w, 1, -1);
        put_steps(w, run, 0, 2 * BATCHES + 3);
        pxs_record_writer_close(&w);
        take_in(s, attempt, run, 0, max);
        char *rows = all_rows(s);
        if (reference)
            ck_assert_str_eq(rows, reference);
        free(reference);
        reference = rows;
        pxs_store_close(&s);
        test_folder_remove();
        test_folder_make();
    }
    free(reference);
}
END_TEST

START_TEST(the_summary_follows)
{
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    put_begin(w, 1, -1);
    put_steps(w, run, 0, 3);
    take_in(s, attempt, run, 0, 2);
    int64_t offset = pxs_record_writer_bytes(w);
    char *row = sql_dump(s, "SELECT last_step, last_epoch, best_val_loss, best_epoch, "
                            "final_val_loss, final_avg_loss_G, "
                            "seconds, images_per_s FROM run_summary");
    ck_assert_str_eq(row, "2||||||1.5|4\n"); /* 2 images in half a second */
    free(row);
    put_steps(w, run, 3, 4 * BATCHES + 1);
    pxs_record_writer_close(&w);
    take_in(s, attempt, run, offset, 100);
    ck_assert_int_eq(sql_int(s, "SELECT last_step FROM run_summary"), 4 * BATCHES);
    ck_assert_int_eq(sql_int(s, "SELECT last_epoch * 10 + best_epoch FROM run_summary"), 32);
    ck_assert_double_eq(sql_real(s, "SELECT best_val_loss FROM run_summary"),
                        sql_real(s, "SELECT min(val_loss) FROM epoch"));
    ck_assert_double_eq(sql_real(s, "SELECT final_val_loss FROM run_summary"),
                        sql_real(s, "SELECT val_loss FROM epoch WHERE epoch = 3"));
    ck_assert_double_eq(sql_real(s, "SELECT final_avg_loss_G FROM run_summary"),
                        sql_real(s, "SELECT avg_loss_G FROM epoch WHERE epoch = 3"));
    ck_assert_double_eq(sql_real(s, "SELECT seconds FROM run_summary"), 4 * 3.0 + 0.5);
    pxs_store_close(&s);
}
END_TEST

START_TEST(without_validation_there_is_no_best)
{
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    struct pxs_record r = {.kind = PXS_RECORD_EPOCH};
    r.epoch = (struct pxs_record_epoch){
        .val_loss = NAN, .val_psnr = NAN, .val_ssim = NAN, .seconds = 1, .avg_loss_G = 2};
    put_begin(w, 1, -1);
    ck_ok(pxs_record_write(w, &r, &err));
    pxs_record_writer_close(&w);
    take_in(s, attempt, run, 0, 10);
    char *row = sql_dump(s, "SELECT last_step, last_epoch, best_val_loss, best_epoch, "
                            "final_val_loss, final_avg_loss_G, "
                            "seconds, images_per_s FROM run_summary");
    ck_assert_str_eq(row, "|0||||2|1|\n");
    free(row);
    pxs_store_close(&s);
}
END_TEST

/* ---- restart and resume --------------------------------------------------------------------- */

/* The rows of an uninterrupted run of `epochs` epochs, without attempts and environment. */
static char *measured(struct pxs_store *store) {
    static const char *const tables[] = {"SELECT * FROM batch_loss ORDER BY 1, 2",
                                         "SELECT * FROM epoch ORDER BY 1, 2",
                                         "SELECT * FROM sample ORDER BY 1, 2",
                                         "SELECT * FROM checkpoint ORDER BY 1, 2",
                                         "SELECT * FROM best_sample",
                                         "SELECT * FROM run_summary"};
    struct pxs_text all = {0};
    for (size_t i = 0; i < PXS_COUNT(tables); i++) {
        char *one = sql_dump(store, tables[i]);
        pxs_text_add(&all, one);
        free(one);
    }
    return all.text;
}

static char *uninterrupted(void) {
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    put_begin(w, 1, -1);
    put_steps(w, run, 0, 4 * BATCHES);
    pxs_record_writer_close(&w);
    take_in(s, attempt, run, 0, 1000);
    char *rows = measured(s);
    pxs_store_close(&s);
    test_folder_remove();
    test_folder_make();
    return rows;
}

/* Interrupted after `done` steps; starts again from the first step, for longer or shorter than
 * before. */
START_TEST(starting_again_leaves_nothing_behind)
{
    char *reference = uninterrupted();
    static const int done[] = {0, 1, BATCHES, 2 * BATCHES + 2, 4 * BATCHES};
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    put_begin(w, 1, -1);
    put_steps(w, run, 0, done[_i]);
    put_end(w, PXS_OUTCOME_INTERRUPTED, "stopped");
    pxs_record_writer_close(&w);
    take_in(s, attempt, run, 0, 1000);
    end_run(s, attempt, "interrupted");
    int64_t second = take_run(s, run);
    w = open_writer(run, 0);
    put_begin(w, 2, -1);
    take_in(s, second, run, 0, 1000);
    ck_assert_int_eq(sql_int(s, "SELECT (SELECT count(*) FROM batch_loss) + (SELECT count(*) FROM "
                                "epoch) + (SELECT count(*) "
                                "FROM sample) + (SELECT count(*) FROM best_sample) + (SELECT "
                                "count(*) FROM checkpoint) + "
                                "(SELECT count(last_step) FROM "
                                "run_summary)"),
                     0);
    int64_t offset = pxs_record_writer_bytes(w);
    put_steps(w, run, 0, 4 * BATCHES);
    pxs_record_writer_close(&w);
    take_in(s, second, run, offset, 1000);
    char *rows = measured(s);
    ck_assert_str_eq(rows, reference);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM attempt"), 2);
    ck_assert_str_eq(sql_text(s,
                              "SELECT value FROM environment WHERE attempt_id = %d AND key = 'cpu'",
                              (int)second),
                     "Model 2");
    free(rows);
    free(reference);
    pxs_store_close(&s);
}
END_TEST

/* Goes on from step `from` after the database had ingested more than the resume point vouches
 * for. */
START_TEST(going_on_leaves_one_row_a_step)
{
    char *reference = uninterrupted();
    static const int from[] = {1, BATCHES - 1, BATCHES, 2 * BATCHES + 2, 3 * BATCHES, 4 * BATCHES};
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    put_begin(w, 1, -1);
    put_steps(w, run, 0, from[_i]);
    int64_t keep = pxs_record_writer_bytes(w);
    put_steps(w, run, from[_i], from[_i] + (from[_i] < 3 * BATCHES ? BATCHES + 1 : 0));
    pxs_record_writer_close(&w);
    take_in(s, attempt, run, 0, 1000);
    end_run(s, attempt, "interrupted");
    int64_t second = take_run(s, run), offset;
    w = open_writer(run, keep);
    put_begin(w, 2, from[_i]);
    take_in(s, second, run, keep, 1000);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM batch_loss"), from[_i]);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM sample"), (from[_i] + BATCHES - 1) / BATCHES);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM epoch"), from[_i] / BATCHES);
    put_steps(w, run, from[_i], 4 * BATCHES);
    pxs_record_writer_close(&w);
    ck_ok(pxs_record_find_attempt(record_path(run), 2, &offset, &err));
    ck_assert_int_eq(offset, keep);
    take_in(s, second, run, offset, 3);
    char *rows = measured(s);
    ck_assert_str_eq(rows, reference);
    ck_assert_int_eq(sql_int(s, "SELECT resumed_from_step FROM attempt WHERE no = 2"), from[_i]);
    free(rows);
    take_in(s, second, run, 0, 1000); /* and so it is when the whole file is ingested again */
    rows = measured(s);
    ck_assert_str_eq(rows, reference);
    free(rows);
    free(reference);
    pxs_store_close(&s);
}
END_TEST

START_TEST(other_runs_are_left_alone)
{
    begin_run();
    int64_t other = run - 1;
    whole_run(s, other, 4, "completed");
    char *before = measured(s);
    struct pxs_record_writer *w = open_writer(run, 0);
    put_begin(w, 1, -1);
    pxs_record_writer_close(&w);
    take_in(s, attempt, run, 0, 10);
    /* the empty summary of the run that has just begun */
    ck_ok(pxs_sql_exec(s->sql, "DELETE FROM run_summary WHERE last_step IS NULL", &err));
    char *after = measured(s);
    ck_assert_str_eq(before, after);
    free(before);
    free(after);
    pxs_store_close(&s);
}
END_TEST

/* An END of an earlier attempt that is read again must not close the mouth of the present one. */
START_TEST(last_words_belong_to_their_attempt)
{
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    put_begin(w, 1, -1);
    put_end(w, PXS_OUTCOME_INTERRUPTED, "stopped");
    take_in(s, attempt, run, 0, 10);
    end_run(s, attempt, "interrupted");
    struct pxs_store_attempt second = {.run_id = run, .started_ms = pxs_now_ms() + 100000};
    ck_ok(pxs_store_take(s, &second, &err));
    take_in(s, second.attempt_id, run, 0, 10);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM attempt WHERE no = 2 AND outcome IS NULL"),
                     1);
    struct pxs_record r = {.kind = PXS_RECORD_END};
    r.end = (struct pxs_record_end){
        .at_ms = second.started_ms + 5, .outcome = PXS_OUTCOME_DIVERGED, .message = "nan"};
    put_begin(w, 2, 0);
    ck_ok(pxs_record_write(w, &r, &err));
    pxs_record_writer_close(&w);
    take_in(s, second.attempt_id, run, 0, 10);
    ck_assert_str_eq(sql_text(s, "SELECT outcome || message FROM attempt WHERE no = 2"),
                     "divergednan");
    ck_assert_str_eq(sql_text(s, "SELECT outcome FROM attempt WHERE no = 1"), "interrupted");
    /* The supervisor's word without an outcome of its own keeps the worker's. */
    struct pxs_store_end end = {.state = PXS_STATE_DIVERGED, .exit_code = 3};
    ck_ok(pxs_store_attempt_end(s, second.attempt_id, &end, &err));
    ck_assert_str_eq(
        sql_text(s, "SELECT outcome || message || exit_code FROM attempt WHERE no = 2"),
        "divergednan3");
    pxs_store_close(&s);
}
END_TEST

/* ---- what goes wrong ------------------------------------------------------------------------ */

START_TEST(damage_lets_through_what_stands_before_it)
{
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    struct pxs_record_cursor *c;
    unsigned char *data;
    size_t bytes, taken = 99;
    put_begin(w, 1, -1);
    put_batch(w, run, 0);
    int64_t damage = pxs_record_writer_bytes(w);
    put_batch(w, run, 1);
    put_batch(w, run, 2);
    pxs_record_writer_close(&w);
    ck_ok(pxs_read_file(record_path(run), 1 << 20, (char **)&data, &bytes, &err));
    data[damage + 30] ^= 1;
    ck_ok(pxs_write_file(record_path(run), data, bytes, &err));
    free(data);
    ck_ok(pxs_record_cursor_open(record_path(run), 0, &c, &err));
    ck_ok(pxs_store_intake(s, attempt, c, 100, &taken, &err));
    ck_assert_uint_eq(taken, 2);
    ck_assert_int_eq(sql_int(s, "SELECT record_offset FROM attempt"), damage);
    ck_fails(pxs_store_intake(s, attempt, c, 100, &taken, &err), PXS_E_CORRUPT,
             "damaged from byte");
    ck_assert_uint_eq(taken, 2);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM batch_loss"), 1);
    pxs_record_cursor_close(&c);
    pxs_store_close(&s);
}
END_TEST

/* A record with values from the ends of what its fields can hold. */
static void extreme_record(struct pxs_rng *rng, struct pxs_record *r) {
    static const int64_t whole[] = {INT64_MIN, -2, -1, 0, 1, 2, 1000000, 1000000000000, INT64_MAX};
    static const double real[] = {NAN, INFINITY, -INFINITY, -1, 0, 5e-324, 0.5, 1e100, 1.7e308};
    static const char *const words[] = {"",    "best", "periodic", "generator", "discriminator",
                                        "a/b", "/a",   "a=\n",     "\351"};
#define WHOLE whole[pxs_rng_below(rng, PXS_COUNT(whole))]
#define SMALL (int32_t) WHOLE
#define REAL real[pxs_rng_below(rng, PXS_COUNT(real))]
#define WORD(field) \
    snprintf(field, sizeof(field), "%s", words[pxs_rng_below(rng, PXS_COUNT(words))])
    memset(r, 0, sizeof *r);
    r->kind = (enum pxs_record_kind)(1 + pxs_rng_below(rng, PXS_RECORD_BEST_SAMPLE));
    switch (r->kind) {
    case PXS_RECORD_BEGIN:
        r->begin =
            (struct pxs_record_begin){.attempt = 1, .at_ms = WHOLE, .resumed_from_step = WHOLE};
        WORD(r->begin.text);
        break;
    case PXS_RECORD_BATCH:
        r->batch =
            (struct pxs_record_batch){WHOLE, SMALL, SMALL, {REAL, REAL, 1, 1, 1, 1}, REAL, 1, REAL};
        break;
    case PXS_RECORD_EPOCH:
        r->epoch = (struct pxs_record_epoch){.epoch = SMALL, .is_best = SMALL};
#define SOME(name, ...) r->epoch.name = REAL;
        PXS_EPOCH_MEASURES(SOME)
#undef SOME
        break;
    case PXS_RECORD_SAMPLE:
    case PXS_RECORD_BEST_SAMPLE:
        r->sample = (struct pxs_record_sample){.step = WHOLE, .epoch = SMALL};
        WORD(r->sample.path);
        memset(r->sample.sha256, 'a', 64);
        break;
    case PXS_RECORD_CHECKPOINT:
        r->checkpoint = (struct pxs_record_checkpoint){.epoch = SMALL, .bytes = WHOLE};
        WORD(r->checkpoint.path);
        WORD(r->checkpoint.kind);
        WORD(r->checkpoint.net);
        memset(r->checkpoint.sha256, 'a', 64);
        break;
    case PXS_RECORD_EVENT:
        r->event = (struct pxs_record_event){.at_ms = WHOLE, .level = SMALL};
        WORD(r->event.kind);
        WORD(r->event.message);
        break;
    case PXS_RECORD_END:
        r->end = (struct pxs_record_end){
            .at_ms = WHOLE, .outcome = (int32_t)pxs_rng_below(rng, 7), .step = WHOLE};
        WORD(r->end.message);
        break;
    case PXS_RECORD_RUNG:
        r->rung = (struct pxs_record_rung){SMALL, SMALL, REAL, REAL};
        break;
    }
#undef WHOLE
#undef SMALL
#undef REAL
#undef WORD
}

/* The codec is where records are judged: one that it lets through and the store refused would block
 * its sweep for ever. */
START_TEST(whatever_can_be_read_can_be_stored)
{
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    struct pxs_rng rng = pxs_rng_make(7, PXS_STREAM_SWEEP, 0, 0);
    size_t written = 1, kinds[PXS_RECORD_BEST_SAMPLE + 1] = {0};
    put_begin(w, 1, -1);
    for (int i = 0; i < 60000; i++) {
        struct pxs_record r;
        extreme_record(&rng, &r);
        if (pxs_record_write(w, &r, NULL) == PXS_OK) {
            kinds[r.kind]++;
            written++;
        }
    }
    pxs_record_writer_close(&w);
    for (int kind = PXS_RECORD_BEGIN; kind <= PXS_RECORD_BEST_SAMPLE; kind++)
        ck_assert_uint_gt(kinds[kind], 20);
    ck_assert_uint_eq(take_in(s, attempt, run, 0, 1000), written);
    for (int query = 0; query < PXS_QUERY_COUNT; query++) {
        struct pxs_table t = {0};
        ck_ok(pxs_store_ask(s, (enum pxs_query)query, query < PXS_QUERY_RUN ? 0 : run, &t, &err));
        pxs_table_finish(&t);
    }
    pxs_store_close(&s);
}
END_TEST

START_TEST(unknown_attempts_are_refused)
{
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    struct pxs_record_cursor *c;
    put_begin(w, 7, -1);
    pxs_record_writer_close(&w);
    ck_ok(pxs_record_cursor_open(record_path(run), 0, &c, &err));
    ck_fails(pxs_store_intake(s, attempt, c, 100, NULL, &err), PXS_E_CORRUPT,
             "attempt 7 begins here, which the database does not know");
    ck_fails(pxs_store_intake(s, 99, c, 100, NULL, &err), PXS_E_NOT_FOUND, "no attempt 99");
    pxs_record_cursor_close(&c);
    pxs_store_close(&s);
}
END_TEST

START_TEST(records_are_taken_in_pieces)
{
    begin_run();
    struct pxs_record_writer *w = open_writer(run, 0);
    struct pxs_record_cursor *c;
    size_t taken;
    put_begin(w, 1, -1);
    put_steps(w, run, 0, BATCHES);
    ck_ok(pxs_record_cursor_open(record_path(run), 0, &c, &err));
    ck_ok(pxs_store_intake(s, attempt, c, 4, &taken, &err));
    ck_assert_uint_eq(taken, 4);
    ck_ok(pxs_store_intake(s, attempt, c, 0, &taken, &err));
    ck_assert_uint_eq(taken, 0);
    ck_ok(pxs_store_intake(s, attempt, c, 100, &taken, &err));
    ck_assert_uint_eq(taken, 1 + BATCHES + 5 - 4);
    ck_assert_int_eq(pxs_record_cursor_offset(c), pxs_record_writer_bytes(w));
    ck_ok(pxs_store_intake(s, attempt, c, 100, &taken, &err));
    ck_assert_uint_eq(taken, 0);
    pxs_record_writer_close(&w);
    pxs_record_cursor_close(&c);
    pxs_store_close(&s);
}
END_TEST

TCase *intake_case(void) {
    TCase *c = tcase_create("intake");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, records_become_rows);
    tcase_add_test(c, nan_is_null_and_infinity_stays);
    tcase_add_test(c, taking_in_twice_changes_nothing);
    tcase_add_test(c, verdicts_at_rungs);
    tcase_add_test(c, steps_that_come_twice_count_once);
    tcase_add_test(c, pieces_do_not_matter);
    tcase_add_test(c, the_summary_follows);
    tcase_add_test(c, without_validation_there_is_no_best);
    tcase_add_loop_test(c, starting_again_leaves_nothing_behind, 0, 5);
    tcase_add_loop_test(c, going_on_leaves_one_row_a_step, 0, 6);
    tcase_add_test(c, other_runs_are_left_alone);
    tcase_add_test(c, last_words_belong_to_their_attempt);
    tcase_add_test(c, damage_lets_through_what_stands_before_it);
    tcase_add_test(c, whatever_can_be_read_can_be_stored);
    tcase_add_test(c, unknown_attempts_are_refused);
    tcase_add_test(c, records_are_taken_in_pieces);
    return c;
}
