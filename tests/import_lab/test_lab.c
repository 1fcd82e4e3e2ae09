/* import lab: lines of the lab's logs, runs that stand in one file, values of three files brought
 * together. */
#include "../../src/report/import_lab/lab_priv.h"
#include "pixsweep/import_lab.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- lines ---------------------------------------------------------------------------------- */

static struct pxs_lab_batch batch;
static char why[PXS_LAB_WHY];

static bool reads(const char *text) {
    return pxs_lab_parse_batch(text, strlen(text), &batch, why);
}

static void ck_near(double got, double wanted) {
    ck_assert_msg(fabs(got - wanted) < 1e-12, "%g, not %g", got, wanted);
}

START_TEST(a_line_of_the_script)
{
    ck_assert(reads(
        "[Epoch: 3] [Dloss: 0.2413] [loss_pixel: 1.0312] [loss_GAN: 0.7021] [loss_real: 0.2301] "
        "[loss_fake: 0.2525] [Batch: 12/50] "));
    ck_assert_int_eq(batch.epoch, 3);
    ck_assert_int_eq(batch.batch, 12);
    ck_assert_int_eq(batch.batches, 50);
    ck_near(batch.loss_D, 0.2413);
    ck_near(batch.weighted_pixel, 1.0312);
    ck_near(batch.loss_GAN, 0.7021);
    ck_near(batch.loss_real, 0.2301);
    ck_near(batch.loss_fake, 0.2525);
    ck_assert_str_eq(batch.unknown, "");
}
END_TEST

static const char *const variants[] = {
    "[Epoch: 3] [Dloss: 0.2413] [loss_pixel: 1.0312] [loss_GAN: 0.7021] [Batch: 12/50]",
    "[Epoch: 3] [loss_D: 0.2413] [loss_pixel: 1.0312] [loss_GAN: 0.7021] [Batch: 12/50] ",
    "[Epoch 3] [Dloss 0.2413] [loss_pixel 1.0312] [loss_GAN 0.7021] [Batch 12/50]",
    "[Epoch=3] [Dloss=0.2413] [loss_pixel=1.0312] [loss_GAN=0.7021] [Batch=12/50]",
    "\r[Epoch 3/200] [Batch 12/50] [D loss: 0.241300] [ pixel: 1.031200, loss_GAN: 0.702100] ETA: "
    "0:12:01.5",
    "  [Batch: 12 / 50][loss_GAN: 0.7021][loss_pixel: 1.0312][Dloss: 2.413e-1][Epoch: 3]\r",
};

START_TEST(lines_of_its_versions)
{
    ck_assert_msg(reads(variants[_i]), "%s: %s", variants[_i], why);
    ck_assert(batch.epoch == 3 && batch.batch == 12 && batch.batches == 50);
    ck_near(batch.loss_D, 0.2413);
    ck_near(batch.weighted_pixel, 1.0312);
    ck_near(batch.loss_GAN, 0.7021);
    ck_assert(isnan(batch.loss_real) && isnan(batch.loss_fake));
}
END_TEST

START_TEST(losses_that_are_no_numbers)
{
    ck_assert(reads("[Epoch: 0] [Dloss: nan] [loss_pixel: inf] [loss_GAN: -inf] [Batch: 0/1]"));
    ck_assert(isnan(batch.loss_D));
    ck_assert(isinf(batch.weighted_pixel) && batch.weighted_pixel > 0);
    ck_assert(isinf(batch.loss_GAN) && batch.loss_GAN < 0);
}
END_TEST

START_TEST(an_unknown_field_is_named_and_left_out)
{
    ck_assert(
        reads("[Epoch: 0] [Dloss: 1] [loss_ink: 7] [loss_pixel: 1] [loss_GAN: 1] [Batch: 0/1]"));
    ck_assert_str_eq(batch.unknown, "loss_ink");
}
END_TEST

static const struct {
    const char *line, *why;
} unreadable[] = {
    {"Traceback (most recent call last):", "not of the form"},
    {"[Epoch: 3] [Dloss: 0.24", "not closed"},
    {"[Epoch: 3] [Dloss: 0.2[Batch: 1/2]", "not closed"},
    {"[Epoch: 3] [Dloss: 0.2413] [loss_pixel: 1.0312] [Batch: 12/50]", "there is no loss_GAN"},
    {"[Dloss: 0.2413] [loss_pixel: 1.0312] [loss_GAN: 1] [Batch: 12/50]", "there is no Epoch"},
    {"[Epoch: 3] [Dloss: 0.24l3] [loss_pixel: 1] [loss_GAN: 1] [Batch: 12/50]",
     "Dloss is no number: 0.24l3"},
    {"[Epoch: 3] [Dloss: 1] [loss_pixel: 1] [loss_GAN: 1] [Batch: 50/50]", "count from 0"},
    {"[Epoch: 3] [Dloss: 1] [loss_pixel: 1] [loss_GAN: 1] [Batch: 5]", "of how many"},
    {"[Epoch: -3] [Dloss: 1] [loss_pixel: 1] [loss_GAN: 1] [Batch: 5/50]", "Epoch is no number"},
    {"[Epoch: 99999999999] [Dloss: 1] [loss_pixel: 1] [loss_GAN: 1] [Batch: 5/50]",
     "Epoch is no number"},
    {"[Epoch: 3] [Epoch: 3] [Dloss: 1] [loss_pixel: 1] [loss_GAN: 1] [Batch: 5/50]",
     "Epoch stands there twice"},
    {"[Epoch: 3] [Dloss: ] [loss_pixel: 1] [loss_GAN: 1] [Batch: 5/50]", "no value"},
    {"[] [Epoch: 3]", "there is no"},
    {"[Epoch: 3] junk [Dloss: 1]", "not of the form"},
};

START_TEST(lines_that_cannot_be_read)
{
    ck_assert_msg(!reads(unreadable[_i].line), "%s", unreadable[_i].line);
    ck_has(why, unreadable[_i].why);
}
END_TEST

START_TEST(any_beginning_of_a_line_is_read_or_refused)
{
    const size_t whole = strlen(variants[0]);
    for (size_t n = 0; n < whole; n++)
        ck_assert_msg(!pxs_lab_parse_batch(variants[0], n, &batch, why), "%.*s", (int)n,
                      variants[0]);
}
END_TEST

START_TEST(an_average)
{
    double value;
    ck_assert(pxs_lab_parse_average("[avg_loss: 1.8123] ", 19, &value, why));
    ck_near(value, 1.8123);
    ck_assert(pxs_lab_parse_average("avg_loss: nan", 13, &value, why));
    ck_assert(isnan(value));
    ck_assert(!pxs_lab_parse_average("[avg_loss: 1.8", 14, &value, why));
    ck_assert(!pxs_lab_parse_average("[loss: 1.8]", 11, &value, why));
    ck_assert(!pxs_lab_parse_average("[avg_loss: x]", 13, &value, why));
    static const char far[] =
        "[Epoch: 1000000] [Dloss: 1] [loss_pixel: 1] [loss_GAN: 1] [Batch: 0/2]";
    /* more epochs than any run has */
    ck_assert(!pxs_lab_parse_batch(far, sizeof far - 1, &batch, why));
}
END_TEST

START_TEST(dictionaries)
{
    struct pxs_lab_point *p = NULL;
    size_t n = 0;
    const char *text = "tloss_res: {1: 0.19, 0: 0.21, 'min': 0.19, 'minepoch': 1, 2: nan} ";
    ck_assert_msg(pxs_lab_parse_validation(text, strlen(text), &p, &n, why), "%s", why);
    ck_assert_uint_eq(n, 3);
    ck_assert(p[0].epoch == 0 && p[1].epoch == 1 && p[2].epoch == 2);
    ck_near(p[0].value, 0.21);
    ck_near(p[1].value, 0.19);
    ck_assert(isnan(p[2].value));
    free(p);
    static const char *const bad[] = {"tloss_res: {0: 0.21, 1: 0.1", "tloss_res: {}",
                                      "tloss_res: {0: 0.2, 0: 0.3}", "tloss_res: {0: x}",
                                      "tloss_res: {'min': 1}",       "{0 0.2}"};
    for (size_t i = 0; i < PXS_COUNT(bad); i++)
        ck_assert_msg(!pxs_lab_parse_validation(bad[i], strlen(bad[i]), &p, &n, why), "%s", bad[i]);
}
END_TEST

/* ---- files ---------------------------------------------------------------------------------- */

static struct pxs_text batches, averages, validation;

static void set_up(void) {
    test_folder_make();
    ck_assert_int_eq(mkdir(in_folder("exp"), 0755), 0);
}

static void tear_down(void) {
    test_folder_remove();
    pxs_text_finish(&batches);
    pxs_text_finish(&averages);
    pxs_text_finish(&validation);
}

static double loss_GAN(int seed, int epoch, int b) {
    return 0.5 + 0.01 * ((seed * 7 + epoch * 13 + b * 3) % 17);
}

/* What the script writes in `epochs` epochs from `first` on, until it dies before (stop_epoch,
 * stop_batch). */
static void train(int seed, int first, int epochs, int n, int stop_epoch, int stop_batch) {
    for (int e = first; e < epochs; e++) {
        double sum = 0;
        for (int b = 0; b < n; b++) {
            if (e == stop_epoch && b == stop_batch)
                return;
            pxs_text_addf(&batches,
                          "[Epoch: %d] [Dloss: 0.2500] [loss_pixel: 1.0000] [loss_GAN: %.4f] "
                          "[Batch: %d/%d] \n",
                          e, loss_GAN(seed, e, b), b, n);
            sum += 1 + loss_GAN(seed, e, b);
        }
        pxs_text_addf(&averages, "[avg_loss: %.4f] \n", sum / n);
    }
    pxs_text_add(&validation, "tloss_res: {");
    for (int e = first; e < epochs; e++)
        pxs_text_addf(&validation, "%d: %.3f, ", e, 0.1 * seed + 0.01 * ((e * 2) % 3));
    pxs_text_addf(&validation, "'min': 0, 'minepoch': %d} \n", first);
}

static void write_one(const char *name, const struct pxs_text *text) {
    if (text->len > 0)
        ck_ok(pxs_write_file(in_folder(name), text->text, text->len, &err));
}

static void write_logs(void) {
    write_one("exp/train_loss.txt", &batches);
    write_one("exp/loss_time.txt", &averages);
    write_one("exp/list_loss.txt", &validation);
}

static struct pxs_lab_log look(void) {
    struct pxs_lab_log *logs = NULL, log;
    size_t n = 0;
    ck_ok(pxs_lab_find(test_folder(), &logs, &n, &err));
    ck_assert_uint_eq(n, 1);
    log = logs[0];
    free(logs);
    struct pxs_error err;
    const enum pxs_status status = pxs_lab_split(&log, (struct pxs_meter){0}, &err);
    ck_assert_msg(status == PXS_OK || status == PXS_E_NOT_FOUND, "%s", err.message);
    ck_assert_msg(pxs_lab_match(&log, &err) == PXS_OK, "%s", err.message);
    return log;
}

static const struct pxs_lab_epoch *epoch_of(const struct pxs_lab_log *log, size_t run,
                                            size_t epoch) {
    ck_assert_uint_lt(run, log->n_runs);
    ck_assert_uint_lt(epoch, log->runs[run].n);
    return &log->epochs[log->runs[run].first + epoch];
}

START_TEST(one_run)
{
    train(1, 0, 3, 4, -1, -1);
    write_logs();
    struct pxs_lab_log log = look();
    ck_assert_uint_eq(log.n_runs, 1);
    ck_assert_int_eq(log.runs[0].rows, 12);
    ck_assert_int_eq(log.lines, 12 + 3 + 1);
    ck_assert_str_eq(pxs_text_str(&log.notes), "");
    for (size_t e = 0; e < 3; e++) {
        const struct pxs_lab_epoch *epoch = epoch_of(&log, 0, e);
        ck_assert(epoch->ended && epoch->has_average && epoch->has_value && epoch->n == 4);
        ck_assert_double_lt(fabs(epoch->average - epoch->sums.loss_G / 4), 1e-4);
        ck_near(epoch->value, 0.1 + 0.01 * ((int)(e * 2) % 3));
    }
    pxs_lab_log_finish(&log);
}
END_TEST

START_TEST(runs_in_one_file)
{
    train(1, 0, 3, 4, -1, -1);
    train(2, 0, 3, 4, 1, 2); /* dies in epoch 1 */
    train(3, 0, 1, 4, 0, 1); /* dies at once: (0, 0) again */
    train(4, 0, 3, 4, -1, -1);
    train(5, 2, 3, 4, -1, -1); /* goes on from epoch 2 */
    train(6, 3, 5, 8, -1, -1); /* another batch size, and no step back */
    write_logs();
    struct pxs_lab_log log = look();
    ck_assert_uint_eq(log.n_runs, 6);
    static const int64_t rows[] = {12, 6, 1, 12, 4, 16}, lines[] = {1, 13, 19, 20, 32, 36};
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(log.runs[i].rows, rows[i]);
        ck_assert_int_eq(log.runs[i].first_line, lines[i]);
        ck_assert_int_eq(log.runs[i].missing, 0);
    }
    ck_assert(epoch_of(&log, 1, 0)->ended && !epoch_of(&log, 1, 1)->ended &&
              !epoch_of(&log, 2, 0)->ended);
    /* As many averages as epochs that ended: each has its own. */
    ck_assert(epoch_of(&log, 1, 0)->has_average && epoch_of(&log, 5, 1)->has_average);
    ck_near(epoch_of(&log, 5, 1)->value, 0.6 + 0.01 * 2);
    ck_near(epoch_of(&log, 4, 0)->value, 0.5 + 0.01);
    ck_assert(!epoch_of(&log, 1, 0)->has_value);
    ck_has(log.notes.text, "line 32 begins a run, since the batch counter goes back, with epoch 2");
    ck_has(log.notes.text, "line 36 begins a run, since the number of batches changes");
    pxs_lab_log_finish(&log);
}
END_TEST

START_TEST(a_dictionary_that_could_belong_to_two_runs_is_left_out)
{
    train(1, 0, 3, 4, -1, -1);
    pxs_text_clear(&validation); /* it never came to be */
    train(2, 0, 3, 4, -1, -1);
    train(3, 0, 5, 4, -1, -1);
    write_logs();
    struct pxs_lab_log log = look();
    ck_assert_uint_eq(log.n_runs, 3);
    ck_assert(!epoch_of(&log, 0, 0)->has_value && !epoch_of(&log, 1, 0)->has_value);
    ck_assert(epoch_of(&log, 2, 4)->has_value);
    ck_has(log.notes.text, "line 1 (epochs 0 to 2) could belong to more than one run");
    pxs_lab_log_finish(&log);
}
END_TEST

START_TEST(a_dictionary_that_fits_nothing)
{
    train(1, 0, 3, 4, -1, -1);
    pxs_text_add(&validation, "tloss_res: {0: 1, 1: 1, 2: 1, 3: 1}\n");
    write_logs();
    struct pxs_lab_log log = look();
    ck_has(log.notes.text, "line 2 (epochs 0 to 3) fits no run");
    ck_assert(epoch_of(&log, 0, 2)->has_value);
    pxs_lab_log_finish(&log);
}
END_TEST

START_TEST(averages_of_other_runs_are_told_apart_by_value)
{
    pxs_text_add(&averages, "[avg_loss: 9.0000] \n[avg_loss: 8.0000] \n");
    train(1, 0, 3, 4, -1, -1);
    write_logs();
    struct pxs_lab_log log = look();
    for (size_t e = 0; e < 3; e++) {
        ck_assert(epoch_of(&log, 0, e)->has_average);
        ck_assert_double_lt(epoch_of(&log, 0, e)->average, 2);
    }
    ck_has(log.notes.text,
           "5 averages for 3 epochs that came to their end: 3 were matched by their value");
    pxs_lab_log_finish(&log);
}
END_TEST

START_TEST(averages_that_are_no_means)
{
    train(1, 0, 3, 4, -1, -1);
    averages.text[11] = '7'; /* [avg_loss: 7.x] */
    write_logs();
    struct pxs_lab_log log = look();
    ck_assert(!epoch_of(&log, 0, 0)->has_average && epoch_of(&log, 0, 1)->has_average);
    ck_has(log.notes.text, "1 of 3 averages are not the mean");
    pxs_lab_log_finish(&log);
}
END_TEST

START_TEST(broken_lines_are_counted_and_named)
{
    pxs_text_add(&batches, "\xef\xbb\xbf");
    train(1, 0, 2, 4, -1, -1);
    /* A process died within a line, and the next one's text was glued to it. */
    pxs_text_add(&batches, "[Epoch: 2] [Dloss: 0.25");
    train(2, 0, 1, 4, -1, -1);
    for (int i = 0; i < 7; i++)
        pxs_text_addf(&batches, "\r\njunk %d\r\n", i);
    pxs_text_add_n(&batches, "zero\0byte\n", 10);
    pxs_text_add(&batches, "[Epoch: 1] [Dloss: 0.2500] [loss_pi");
    write_logs();
    struct pxs_lab_log log = look();
    ck_assert_uint_eq(log.n_runs, 2);
    ck_assert_int_eq(log.runs[0].rows, 8);
    ck_assert_int_eq(log.runs[1].rows, 4);
    ck_assert_int_eq(log.runs[1].first_line, 9);
    ck_assert_int_eq(log.runs[0].unreadable, 1);
    ck_assert_int_eq(log.unreadable, 10);
    ck_has(log.notes.text,
           "line 9 cannot be read (a bracket is not closed): [Epoch: 2] [Dloss: 0.25\n");
    ck_has(log.notes.text, "junk 3");
    ck_has_not(log.notes.text, "junk 4");
    ck_has(log.notes.text, "5 more lines cannot be read");
    pxs_lab_log_finish(&log);
}
END_TEST

START_TEST(a_batch_in_the_middle_that_is_missing)
{
    train(1, 0, 2, 4, -1, -1);
    char *third = strstr(batches.text, "[Batch: 2/4]");
    memcpy(third, "[Batch: 2/x]", 12);
    write_logs();
    struct pxs_lab_log log = look();
    ck_assert_uint_eq(log.n_runs, 1);
    ck_assert_int_eq(log.runs[0].missing, 1);
    /* Its mean is not to be had from the batches, so the average counts. */
    ck_assert(epoch_of(&log, 0, 0)->has_average && epoch_of(&log, 0, 0)->n == 3);
    ck_has(log.notes.text, "lacks 1 batches");
    pxs_lab_log_finish(&log);
}
END_TEST

START_TEST(dictionaries_alone)
{
    train(1, 0, 3, 4, -1, -1);
    train(2, 0, 2, 4, -1, -1);
    pxs_text_clear(&batches);
    write_logs();
    struct pxs_lab_log log = look();
    ck_assert_uint_eq(log.n_runs, 2);
    ck_assert(log.runs[0].n == 3 && log.runs[1].n == 2 && log.runs[0].rows == 0);
    ck_assert(epoch_of(&log, 1, 1)->has_value && epoch_of(&log, 1, 1)->has_average);
    pxs_lab_log_finish(&log);
}
END_TEST

START_TEST(a_line_longer_than_any_buffer)
{
    train(1, 0, 1, 4, -1, -1);
    FILE *f = fopen(in_folder("exp/train_loss.txt"), "we");
    ck_assert_ptr_nonnull(f);
    for (int i = 0; i < (70 << 20); i++)
        putc_unlocked('x', f);
    fprintf(f, "\n%s", batches.text);
    ck_assert_int_eq(fclose(f), 0);
    struct pxs_lab_log log = look();
    ck_assert_uint_eq(log.n_runs, 1);
    ck_assert_int_eq(log.runs[0].first_line, 2);
    ck_assert_int_eq(log.runs[0].rows, 4);
    ck_has(log.notes.text, "line 1 cannot be read (far too long)");
    pxs_lab_log_finish(&log);
}
END_TEST

/* ---- into the database ---------------------------------------------------------------------- */

static struct pxs_store *s;
static struct pxs_lab_result result;

static void set_up_store(void) {
    set_up();
    ck_ok(pxs_store_open(in_folder("pixsweep.db"), &s, &err));
}

static void tear_down_store(void) {
    pxs_lab_result_finish(&result);
    pxs_store_close(&s);
    tear_down();
}

static enum pxs_status import(const char *const *sets, size_t n, struct pxs_error *err) {
    const struct pxs_lab_options options = {
        .dir = in_folder("exp"), .sweep = "old", .sets = sets, .n_sets = n};
    pxs_lab_result_finish(&result);
    return pxs_lab_import(s, &options, &result, err);
}

static double value(const char *sql) {
    struct pxs_table t = {0};
    ck_ok(pxs_store_select(s, sql, NULL, 0, &t, &err));
    const double v = t.n_rows == 0 || t.cells[0].kind == PXS_CELL_NULL ? -77 : t.cells[0].real;
    pxs_table_finish(&t);
    return v;
}

static void ck_word(const char *sql, const char *wanted) {
    struct pxs_table t = {0};
    ck_ok(pxs_store_select(s, sql, NULL, 0, &t, &err));
    ck_assert_uint_eq(t.n_rows, 1);
    ck_assert_str_eq(t.cells[0].text, wanted);
    pxs_table_finish(&t);
}

START_TEST(rows_as_of_a_run_of_ours)
{
    static const char *const sets[] = {"lrgd=25", "learning_rate_G=2e-4"};
    train(1, 0, 3, 4, -1, -1);
    write_logs();
    ck_ok(import(sets, 2, &err));
    ck_assert(result.added == 1 && result.known == 0 && result.lines == 16 &&
              result.unreadable == 0);
    ck_word("SELECT name FROM run", "old/0001-exp-s-1");
    ck_word("SELECT state FROM run", "completed");
    ck_near(value("SELECT count(*) FROM batch_loss"), 12);
    ck_near(value("SELECT step FROM batch_loss WHERE epoch = 2 AND batch = 1"), 9);
    ck_near(value("SELECT loss_pixel FROM batch_loss WHERE step = 5"), 0.1);
    ck_near(value("SELECT loss_G FROM batch_loss WHERE step = 5"), 1 + loss_GAN(1, 1, 1));
    ck_near(value("SELECT loss_real FROM batch_loss WHERE step = 5"), -77);
    ck_near(value("SELECT val_loss FROM epoch WHERE epoch = 1"), 0.12);
    ck_near(value("SELECT sum(is_best) FROM epoch"), 1);
    ck_near(value("SELECT best_val_loss FROM run_summary"), 0.1);
    ck_near(value("SELECT last_step FROM run_summary"), 11);
    ck_near(value("SELECT last_epoch FROM run_summary"), 2);
    ck_near(value("SELECT seconds FROM run_summary"), -77);
    ck_near(value("SELECT value FROM param WHERE key = 'lrgd'"), 25);
    ck_near(value("SELECT value FROM param WHERE key = 'learning_rate_G'"), 2e-4);
    ck_near(value("SELECT value FROM param WHERE key = 'lambda_pixel'"), 10);
    ck_near(value("SELECT value FROM param WHERE key = 'n_epochs'"), 3);
    ck_word("SELECT value FROM param WHERE key = 'lr_policy_G'", "halve");
    ck_word("SELECT value FROM param WHERE key = 'validation'", "lab");
    ck_word("SELECT value FROM param WHERE key = 'dataset'", "exp");
    ck_near(value("SELECT count(*) FROM param"), 7);
    ck_near(value("SELECT last_line FROM imported"), 12);
    ck_near(value("SELECT n_planned FROM sweep"), 1);
    ck_near(value("SELECT count(*) FROM event WHERE kind = 'imported'"), 1);
    ck_near(value("SELECT count(*) FROM environment WHERE key = 'imported_from'"), 1);
    ck_near(value("SELECT count(*) FROM attempt WHERE ended_ms IS NULL"), 0);
}
END_TEST

START_TEST(twice_adds_nothing_and_a_grown_log_adds_what_is_new)
{
    train(1, 0, 3, 4, -1, -1);
    train(2, 0, 3, 4, 1, 0);
    write_logs();
    ck_ok(import(NULL, 0, &err));
    ck_assert(result.added == 2 && result.known == 0);
    ck_ok(import(NULL, 0, &err));
    ck_assert(result.added == 0 && result.known == 2);
    ck_near(value("SELECT count(*) FROM run"), 2);
    train(3, 0, 2, 4, -1, -1);
    write_logs();
    ck_ok(import(NULL, 0, &err));
    ck_assert(result.added == 1 && result.known == 2);
    /* The last run goes on: what was imported is its beginning. */
    pxs_text_add(&batches, "[Epoch: 2] [Dloss: 1] [loss_pixel: 1] [loss_GAN: 1] [Batch: 0/4]\n");
    write_logs();
    ck_ok(import(NULL, 0, &err));
    ck_assert(result.added == 1 && result.known == 2);
    ck_has(result.notes.text,
           "old/0003-exp-s-3 was imported from the same place when it ended in line 24");
}
END_TEST

START_TEST(how_runs_ended)
{
    train(1, 0, 3, 4, 2, 2);
    train(2, 0, 3, 4, -1, -1);
    pxs_text_add(&batches,
                 "[Epoch: 0] [Dloss: 1] [loss_pixel: 1] [loss_GAN: 1] [Batch: 0/2]\n"
                 "[Epoch: 0] [Dloss: nan] [loss_pixel: nan] [loss_GAN: 1] [Batch: 1/2]\n");
    write_logs();
    static const char *const sets[] = {"n_epochs=4"};
    ck_ok(import(sets, 1, &err));
    ck_word("SELECT state FROM run WHERE number = 1", "failed");
    ck_word("SELECT message FROM attempt a JOIN run USING (run_id) WHERE number = 1",
            "the log breaks off in epoch 2, after 2 of its 4 batches");
    ck_word("SELECT message FROM attempt a JOIN run USING (run_id) WHERE number = 2",
            "the log ends after 3 of 4 epochs");
    ck_word("SELECT state FROM run WHERE number = 3", "diverged");
    ck_near(
        value(
            "SELECT loss_D FROM batch_loss JOIN run USING (run_id) WHERE number = 3 AND step = 1"),
        -77);
    ck_near(value("SELECT count(*) FROM epoch JOIN run USING (run_id) WHERE number = 1"), 2);
}
END_TEST

/* Averages alone: the last one tells. */
START_TEST(averages_that_are_no_numbers)
{
    pxs_text_add(&averages, "[avg_loss: 1.5] \n[avg_loss: nan] \n");
    write_one("exp/loss_time.txt", &averages);
    ck_ok(import(NULL, 0, &err));
    ck_word("SELECT state FROM run", "diverged");
    ck_word("SELECT message FROM attempt", "epoch 1, the last one, has no loss that is a number");
}
END_TEST

START_TEST(nobody_works_on_imported_runs)
{
    struct pxs_store_changed changed = {0};
    struct pxs_store_plan plan = {0};
    int64_t *stale = NULL, id = 0;
    size_t n = 0;
    struct pxs_host here;
    train(1, 0, 3, 4, 2, 2);
    write_logs();
    ck_ok(import(NULL, 0, &err));
    ck_ok(pxs_store_find_sweep(s, "old", &id, &err));
    ck_ok(pxs_store_retry(s, id, PXS_RETRY_ALL, NULL, &changed, &err));
    ck_assert(changed.n == 0 && changed.left == 0);
    pxs_store_changed_finish(&changed);
    ck_ok(pxs_store_lookup(s, "old", NULL, 0, &plan, &err));
    ck_assert(plan.n_gone == 0 && plan.next_number == 2);
    pxs_store_plan_finish(&plan);
    pxs_host_detect(&here);
    ck_ok(pxs_store_stale_runs(s, id, &here, pxs_now_ms(), &stale, &n, &err));
    ck_assert_uint_eq(n, 0);
    free(stale);
    ck_ok(pxs_store_remove_sweep(s, id, NULL, &err));
    ck_near(value("SELECT (SELECT count(*) FROM run) + (SELECT count(*) FROM imported) + (SELECT "
                  "count(*) "
                  "FROM batch_loss)"),
            0);
}
END_TEST

/* Hands out some records and fails. */
static enum pxs_status breaks_off(void *user, struct pxs_record *r, bool *more,
                                  struct pxs_error *error) {
    int *left = user;
    *more = true;
    r->kind = PXS_RECORD_BATCH;
    r->batch = (struct pxs_record_batch){.step = *left};
    return --*left > 0 ? PXS_OK : pxs_fail(error, PXS_E_IO, "the disk went away");
}

START_TEST(nothing_is_half_imported)
{
    struct pxs_params params;
    bool known[PXS_PARAM_COUNT] = {false};
    int left = 5;
    pxs_params_default(&params);
    struct pxs_store_imported run = {.sweep = "old",
                                     .config_hash = "00",
                                     .what = "x",
                                     .config_yaml = "",
                                     .params = &params,
                                     .known = known,
                                     .outcome = PXS_OUTCOME_COMPLETED,
                                     .environment = "",
                                     .source = "x",
                                     .event = "x"};
    ck_fails(pxs_store_import(s, &run, breaks_off, &left, &err), PXS_E_IO, "");
    ck_assert_int_eq(run.run_id, 0);
    ck_near(value("SELECT (SELECT count(*) FROM run) + (SELECT count(*) FROM sweep) + (SELECT "
                  "count(*) FROM "
                  "batch_loss)"),
            0);
}
END_TEST

START_TEST(a_log_that_changes_under_the_import)
{
    train(1, 0, 3, 4, -1, -1);
    write_logs();
    struct pxs_lab_log log = look();
    struct pxs_lab_rows *rows = NULL;
    struct pxs_record *r = calloc(1, sizeof *r);
    bool more = true;
    strstr(batches.text, "loss_GAN: 0")[10] = '8';
    write_logs();
    ck_ok(pxs_lab_rows_open(&log, &log.runs[0], 10, (struct pxs_meter){0}, 0, 12, &rows, &err));
    struct pxs_error err;
    enum pxs_status status = PXS_OK;
    while (status == PXS_OK && more)
        status = pxs_lab_rows_next(rows, r, &more, &err);
    ck_assert_int_eq(status, PXS_E_BUSY);
    ck_has(err.message, "has changed while it was being imported");
    pxs_lab_rows_close(&rows);
    free(r);
    pxs_lab_log_finish(&log);
}
END_TEST

static const struct {
    const char *set, *words;
} wrong[] = {{"lrgdd=3", "did you mean lrgd"},
             {"lrgd", "key=value"},
             {"lrgd=x", "lrgd"},
             {"lambda_pixel=0", "above 0"},
             {"lrdd=3", "lrdd has no effect under lr_policy_D: constant"}};

START_TEST(set_is_checked)
{
    train(1, 0, 1, 4, -1, -1);
    write_logs();
    ck_fails(import(&wrong[_i].set, 1, &err), PXS_E_INVALID, wrong[_i].words);
    ck_near(value("SELECT count(*) FROM sweep"), 0);
}
END_TEST

START_TEST(a_folder_called_after_its_hyperparameters)
{
    static struct pxs_lab_params p;
    const struct pxs_lab_options none = {0};
    ck_ok(pxs_lab_params(&none, &p, &err));
    pxs_lab_params_from_path(&p, "/x/pic2pic/lrG0.0002lrD1e-05bs16ep100/train/log");
    ck_assert(p.known[PXS_PARAM_learning_rate_G] && p.known[PXS_PARAM_batch_size] &&
              p.known[PXS_PARAM_n_epochs]);
    ck_near(p.values.learning_rate_G, 2e-4);
    ck_near(p.values.learning_rate_D, 1e-5);
    ck_assert(p.values.batch_size == 16 && p.values.n_epochs == 100 && !p.known[PXS_PARAM_lrgd]);
    ck_ok(pxs_lab_params(&none, &p, &err));
    pxs_lab_params_from_path(&p, "/x/bs16/ep100x/lrG/ep1-old/train");
    ck_assert(!p.known[PXS_PARAM_batch_size] && !p.known[PXS_PARAM_n_epochs]);
}
END_TEST

START_TEST(many_folders)
{
    char name[64];
    train(1, 0, 2, 4, -1, -1);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "exp/%c", 'a' + i);
        ck_assert_int_eq(mkdir(in_folder(name), 0755), 0);
        snprintf(name, sizeof name, "exp/%c/train_loss.txt", 'a' + i);
        batches.text[strlen(batches.text) - 17] = (char)('0' + i); /* another loss_GAN */
        write_one(name, &batches);
    }
    ck_assert_int_eq(symlink(test_folder(), in_folder("exp/loop")), 0);
    ck_ok(import(NULL, 0, &err));
    ck_assert(result.folders == 3 && result.added == 3);
    ck_word("SELECT group_concat(value) FROM (SELECT value FROM param WHERE key = 'dataset' ORDER "
            "BY run_id)",
            "a,b,c");
}
END_TEST

/* ---- other trainers ------------------------------------------------------------------------- */

/* PyTorch-GAN's stdout: carriage returns, adv, and an L1 without its weight. */
START_TEST(stdout_of_pytorch_gan)
{
    static const char *const lambda[] = {"lambda_pixel=100"};
    for (int e = 0; e < 2; e++)
        for (int b = 0; b < 3; b++)
            pxs_text_addf(&batches,
                          "\r[Epoch %d/2] [Batch %d/3] [D loss: 0.250000] [G loss: %.6f, pixel: "
                          "%.6f, adv: 0.700000] ETA: 0:00:%02d.123456",
                          e, b, 0.7 + 100 * (0.3 + 0.01 * b), 0.3 + 0.01 * b, 9 - b);
    write_logs();
    ck_fails(import(NULL, 0, &err), PXS_E_INVALID,
             "in line 1 G loss is adv and 100 times pixel, so lambda_pixel was 100 there, not 10: "
             "say --lambda 100");
    ck_near(value("SELECT count(*) FROM run"), 0);
    ck_ok(import(lambda, 1, &err));
    ck_assert(result.added == 1 && result.unreadable == 0);
    ck_near(value("SELECT count(*) FROM batch_loss"), 6);
    ck_assert_double_eq_tol(value("SELECT loss_pixel FROM batch_loss WHERE step = 4"), 0.31, 1e-6);
    ck_assert_double_eq_tol(value("SELECT loss_GAN FROM batch_loss WHERE step = 4"), 0.7, 1e-9);
    ck_assert_double_eq_tol(value("SELECT loss_G FROM batch_loss WHERE step = 4"), 31.7, 1e-6);
    ck_word("SELECT state FROM run", "completed");
}
END_TEST

/* loss_log.txt: 450 images, a line every 100 of all, so every second epoch begins with 50. */
static void write_loss_log(int epochs, const char *more) {
    struct pxs_text text = {0};
    pxs_text_add(&text,
                 "================ Training Loss (Tue Mar  1 12:00:00 2022) ================\n");
    for (int total = 100; total <= 450 * epochs; total += 100) {
        const int epoch = (total - 1) / 450;
        pxs_text_addf(&text,
                      "(epoch: %d, iters: %d, time: 0.123, data: 0.004) G_GAN: 0.900 G_L1: %d.000 "
                      "D_real: 0.600 D_fake: 0.400 \n",
                      epoch + 1, total - 450 * epoch, 20 + epoch);
    }
    pxs_text_add(&text, more);
    write_one("exp/loss_log.txt", &text);
    pxs_text_finish(&text);
}

START_TEST(loss_log_of_junyanz)
{
    write_loss_log(4, "");
    ck_ok(import(NULL, 0, &err));
    ck_assert(result.added == 1 && result.unreadable == 0);
    ck_has(result.notes.text, "G_L1 is divided by 100");
    ck_near(value("SELECT count(*) FROM batch_loss"), 18);
    ck_near(value("SELECT count(*) FROM epoch"), 4);
    ck_near(value("SELECT max(epoch) FROM epoch"), 3);
    ck_near(value("SELECT avg_loss_pixel FROM epoch WHERE epoch = 2"), 0.22);
    ck_near(value("SELECT loss_D FROM batch_loss LIMIT 1"), 0.5);
    ck_near(value("SELECT loss_real FROM batch_loss LIMIT 1"), 0.6);
    ck_near(value("SELECT value FROM param WHERE key = 'lambda_pixel'"), 100);
    ck_near(value("SELECT count(*) FROM param WHERE key = 'validation'"), 0);
    ck_word("SELECT state FROM run", "completed");
    ck_word("SELECT substr(source, -16) FROM imported", "exp/loss_log.txt");
    ck_ok(import(NULL, 0, &err));
    ck_assert(result.added == 0 && result.known == 1);
}
END_TEST

/* Appended by a second call, beside the lab's own logs, with lines that are none. */
START_TEST(loss_log_with_two_runs)
{
    write_loss_log(
        2, "================ Training Loss (again) ================\n"
           "(epoch: 1, iters: 100, time: 1, data: 1) G_GAN: nan G_L1: 3 D_real: 1 D_fake: 1\n"
           "(epoch: 1, iters: 200, time: 1, data: 1) D_A: 1 G_A: 2\n"
           "(epoch: 1, iters\n");
    train(1, 0, 3, 4, -1, -1);
    write_logs();
    static const char *const lambda[] = {"lambda_pixel=50"};
    ck_ok(import(lambda, 1, &err));
    ck_assert(result.added == 3 && result.unreadable == 2);
    ck_has(result.notes.text, "there is no G_GAN: is it a log of pix2pix?");
    ck_near(
        value("SELECT loss_pixel FROM batch_loss JOIN imported USING (run_id) WHERE source LIKE "
              "'%loss_log.txt' LIMIT 1"),
        0.4);
    ck_near(value("SELECT count(*) FROM run WHERE state = 'diverged'"), 1);
}
END_TEST

START_TEST(utf_16_is_named)
{
    static const char *const begins[] = {"\xff\xfe[\0E\0p\0", "\xfe\xff\0[\0E\0p", "[\0E\0p\0o\0",
                                         "\0[\0E\0p\0o"};
    for (size_t i = 0; i < PXS_COUNT(begins); i++) {
        struct pxs_error err = {.message = ""};
        write_bytes("exp/train_loss.txt", begins[i], 8);
        ck_assert_int_eq(import(NULL, 0, &err), PXS_E_CORRUPT);
        ck_has(err.message, "train_loss.txt is UTF-16, as Windows PowerShell writes it behind `>`: "
                            "`iconv -f UTF-16 -t UTF-8 '");
        ck_has(err.message, "exp/train_loss.txt' > NEW` makes a file that can be read");
    }
}
END_TEST

START_TEST(nothing_to_import)
{
    ck_fails(import(NULL, 0, &err), PXS_E_NOT_FOUND,
             "no train_loss.txt, loss_time.txt, list_loss.txt or loss_log.txt in ");
    pxs_text_add(&batches, "nothing\n");
    write_logs();
    ck_fails(import(NULL, 0, &err), PXS_E_CORRUPT, "");
    ck_has(result.notes.text, "not one line of its logs can be read");
    ck_near(value("SELECT count(*) FROM sweep"), 0);
}
END_TEST

static Suite *lab_suite(void) {
    Suite *suite = suite_create("lab");
    TCase *lines = tcase_create("lines"), *files = tcase_create("files"),
          *store = tcase_create("store");
    tcase_add_test(lines, a_line_of_the_script);
    tcase_add_loop_test(lines, lines_of_its_versions, 0, PXS_COUNT(variants));
    tcase_add_test(lines, losses_that_are_no_numbers);
    tcase_add_test(lines, an_unknown_field_is_named_and_left_out);
    tcase_add_loop_test(lines, lines_that_cannot_be_read, 0, PXS_COUNT(unreadable));
    tcase_add_test(lines, any_beginning_of_a_line_is_read_or_refused);
    tcase_add_test(lines, an_average);
    tcase_add_test(lines, dictionaries);
    suite_add_tcase(suite, lines);
    tcase_add_checked_fixture(files, set_up, tear_down);
    tcase_set_timeout(files, 60);
    tcase_add_test(files, one_run);
    tcase_add_test(files, runs_in_one_file);
    tcase_add_test(files, a_dictionary_that_could_belong_to_two_runs_is_left_out);
    tcase_add_test(files, a_dictionary_that_fits_nothing);
    tcase_add_test(files, averages_of_other_runs_are_told_apart_by_value);
    tcase_add_test(files, averages_that_are_no_means);
    tcase_add_test(files, broken_lines_are_counted_and_named);
    tcase_add_test(files, a_batch_in_the_middle_that_is_missing);
    tcase_add_test(files, dictionaries_alone);
    tcase_add_test(files, a_line_longer_than_any_buffer);
    tcase_add_test(files, a_log_that_changes_under_the_import);
    suite_add_tcase(suite, files);
    tcase_add_checked_fixture(store, set_up_store, tear_down_store);
    tcase_set_timeout(store, 60);
    tcase_add_test(store, rows_as_of_a_run_of_ours);
    tcase_add_test(store, twice_adds_nothing_and_a_grown_log_adds_what_is_new);
    tcase_add_test(store, how_runs_ended);
    tcase_add_test(store, averages_that_are_no_numbers);
    tcase_add_test(store, nobody_works_on_imported_runs);
    tcase_add_test(store, nothing_is_half_imported);
    tcase_add_loop_test(store, set_is_checked, 0, PXS_COUNT(wrong));
    tcase_add_test(store, a_folder_called_after_its_hyperparameters);
    tcase_add_test(store, many_folders);
    tcase_add_test(store, stdout_of_pytorch_gan);
    tcase_add_test(store, loss_log_of_junyanz);
    tcase_add_test(store, loss_log_with_two_runs);
    tcase_add_test(store, utf_16_is_named);
    tcase_add_test(store, nothing_to_import);
    suite_add_tcase(suite, store);
    return suite;
}

int main(void) {
    return run_tests(lab_suite(), CK_NORMAL);
}
