/* The views' figures, against the same worked out by hand. */
#include "store_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A completed run whose epochs have these validation losses. */
static void run_with(struct pxs_store *s, int64_t run, const double *val, int n,
                     const char *state) {
    int64_t attempt = take_run(s, run);
    struct pxs_record_writer *w = open_writer(run, 0);
    double best = INFINITY;
    put_begin(w, 1, -1);
    for (int i = 0; i < n; i++) {
        struct pxs_record r = {.kind = PXS_RECORD_EPOCH};
        r.epoch = (struct pxs_record_epoch){.epoch = i,
                                            .is_best = val[i] < best,
                                            .lr_G = i < 2 ? 1e-4 : 5e-5,
                                            .lr_D = 1e-4,
                                            .val_loss = val[i],
                                            .val_psnr = NAN,
                                            .val_ssim = NAN,
                                            .seconds = 2 + i};
        best = val[i] < best ? val[i] : best;
        ck_ok(pxs_record_write(w, &r, &err));
    }
    pxs_record_writer_close(&w);
    take_in(s, attempt, run, 0, 1000);
    end_run(s, attempt, state);
}

static const double a0[] = {0.31, 0.28, 0.29}, a1[] = {0.30, 0.26, 0.27}, a2[] = {0.33, 0.30, 0.25};
static const double b0[] = {0.40, 0.39, 0.20}, b1[] = {0.5, NAN, NAN};

/* Sweep lr: configuration 0 with three completed seeds, 1 with one completed and one diverged, 2
 * queued. */
static struct pxs_store *filled(int64_t ids[9]) {
    struct pxs_store *s = open_store();
    plan_sweep(s, "lr", 3, 3, ids);
    run_with(s, ids[0], a0, 3, "completed");
    run_with(s, ids[1], a1, 3, "completed");
    run_with(s, ids[2], a2, 3, "completed");
    run_with(s, ids[3], b0, 3, "completed");
    run_with(s, ids[4], b1, 1, "diverged");
    return s;
}

START_TEST(schedules)
{
    int64_t ids[9];
    struct pxs_store *s = filled(ids);
    struct pxs_table t;
    ck_ok(pxs_store_ask(s, PXS_QUERY_SCHEDULES, 1, &t, &err));
    ck_assert_uint_eq(t.n_rows, 3);
    /* Best mean first: configuration 1 has one seed at 0.20. */
    ck_assert_str_eq(pxs_table_at(&t, 0, "schedule").text, "lrgd-11");
    ck_assert_int_eq(pxs_table_at(&t, 0, "n").integer, 1);
    ck_assert_int_eq(pxs_table_at(&t, 0, "n_failed").integer, 1);
    ck_assert_int_eq(pxs_table_at(&t, 0, "n_runs").integer, 3);
    ck_assert_double_eq(pxs_table_at(&t, 0, "mean_best_val_loss").real, 0.20);
    ck_assert_int_eq(pxs_table_at(&t, 0, "std_best_val_loss").kind, PXS_CELL_NULL); /* of one */
    ck_assert_str_eq(pxs_table_at(&t, 1, "schedule").text, "lrgd-10");
    ck_assert_int_eq(pxs_table_at(&t, 1, "n").integer, 3);
    ck_assert_int_eq(pxs_table_at(&t, 1, "n_failed").integer, 0);
    const double best = (0.28 + 0.26 + 0.25) / 3, final = (0.29 + 0.27 + 0.25) / 3;
    const double std_best =
        sqrt((pow(0.28 - best, 2) + pow(0.26 - best, 2) + pow(0.25 - best, 2)) / 2);
    const double std_final =
        sqrt((pow(0.29 - final, 2) + pow(0.27 - final, 2) + pow(0.25 - final, 2)) / 2);
    ck_assert_double_eq_tol(pxs_table_at(&t, 1, "mean_best_val_loss").real, best, 1e-14);
    ck_assert_double_eq_tol(pxs_table_at(&t, 1, "std_best_val_loss").real, std_best, 1e-14);
    ck_assert_double_eq(pxs_table_at(&t, 1, "min_best_val_loss").real, 0.25);
    ck_assert_double_eq_tol(pxs_table_at(&t, 1, "mean_final_val_loss").real, final, 1e-14);
    ck_assert_double_eq_tol(pxs_table_at(&t, 1, "std_final_val_loss").real, std_final, 1e-14);
    ck_assert_double_eq(pxs_table_at(&t, 1, "min_final_val_loss").real, 0.25);
    ck_assert_double_eq_tol(pxs_table_at(&t, 1, "mean_best_epoch").real, 4.0 / 3, 1e-14);
    ck_assert_double_eq(pxs_table_at(&t, 1, "first_lr_G").real, 1e-4);
    ck_assert_double_eq(pxs_table_at(&t, 1, "last_lr_G").real, 5e-5);
    ck_assert_double_eq(pxs_table_at(&t, 1, "lr_ratio").real, 0.5);
    ck_assert_double_eq(pxs_table_at(&t, 1, "mean_seconds").real, 9);
    ck_assert_int_eq(pxs_table_at(&t, 1, "first_run_id").integer, ids[0]);
    ck_assert_str_eq(pxs_table_at(&t, 2, "schedule").text, "lrgd-12");
    ck_assert_int_eq(pxs_table_at(&t, 2, "n").integer, 0);
    ck_assert_int_eq(pxs_table_at(&t, 2, "mean_best_val_loss").kind, PXS_CELL_NULL);
    ck_assert_int_eq(pxs_table_at(&t, 2, "first_lr_G").kind, PXS_CELL_NULL);
    pxs_table_finish(&t);
    pxs_store_close(&s);
}
END_TEST

/* A small spread far from zero: a naive sum of squares would lose it. */
START_TEST(deviations_keep_their_digits)
{
    static const double v[3] = {1e6 + 1e-3, 1e6 + 2e-3, 1e6 + 3e-3};
    int64_t ids[3];
    struct pxs_store *s = open_store();
    plan_sweep(s, "lr", 1, 3, ids);
    for (int i = 0; i < 3; i++)
        run_with(s, ids[i], &v[i], 1, "completed");
    ck_assert_double_eq_tol(sql_real(s, "SELECT std_best_val_loss FROM v_schedule"), 1e-3, 1e-9);
    pxs_store_close(&s);
}
END_TEST

/* A seed that did not come through has a best loss too; it must not enter the figures. */
START_TEST(only_completed_seeds_count)
{
    static const double v[3][1] = {{0.2}, {0.4}, {7.0}};
    int64_t ids[3];
    struct pxs_store *s = open_store();
    plan_sweep(s, "lr", 1, 3, ids);
    for (int i = 0; i < 3; i++)
        run_with(s, ids[i], v[i], 1, i == 2 ? "interrupted" : "completed");
    ck_assert_int_eq(sql_int(s, "SELECT n * 100 + n_runs * 10 + n_failed FROM v_schedule"), 230);
    ck_assert_double_eq_tol(sql_real(s, "SELECT mean_best_val_loss FROM v_schedule"), 0.3, 1e-14);
    ck_assert_double_eq_tol(sql_real(s, "SELECT std_best_val_loss FROM v_schedule"), sqrt(0.02),
                            1e-14);
    ck_assert_double_eq_tol(sql_real(s, "SELECT std_final_val_loss FROM v_schedule"), sqrt(0.02),
                            1e-14);
    pxs_store_close(&s);
}
END_TEST

START_TEST(names_without_a_difference)
{
    struct pxs_store *s = open_store();
    struct pxs_params p = small_params(0, 12);
    struct pxs_store_plan_run run;
    struct pxs_store_plan plan;
    fill_plan_run(&run, 0, "one", 1, 0, 12, &p);
    run.new_name = "one/0001-s12";
    ck_ok(pxs_store_plan(s, "one", "x", "x", &run, 1, &plan, &err));
    ck_assert_str_eq(sql_text(s, "SELECT schedule FROM v_schedule"), "");
    run.seed = -3;
    run.new_number = 12345;
    run.new_name = "one/12345-b1-0.5_lr-2e-4-s-3";
    strcpy(run.config_hash, "other");
    pxs_store_plan_finish(&plan);
    ck_ok(pxs_store_plan(s, "one", "x", "x", &run, 1, &plan, &err));
    ck_assert_str_eq(sql_text(s, "SELECT schedule FROM v_schedule WHERE config_hash = 'other'"),
                     "b1-0.5_lr-2e-4");
    pxs_store_plan_finish(&plan);
    pxs_store_close(&s);
}
END_TEST

START_TEST(runs)
{
    int64_t ids[9];
    struct pxs_store *s = filled(ids);
    struct pxs_table t;
    ck_ok(pxs_store_ask(s, PXS_QUERY_RUN, ids[0], &t, &err));
    ck_assert_str_eq(pxs_table_at(&t, 0, "sweep").text, "lr");
    ck_assert_str_eq(pxs_table_at(&t, 0, "name").text, "lr/0001-lrgd-10-s0");
    ck_assert_str_eq(pxs_table_at(&t, 0, "state").text, "completed");
    ck_assert_double_eq(pxs_table_at(&t, 0, "best_val_loss").real, 0.28);
    ck_assert_int_eq(pxs_table_at(&t, 0, "best_epoch").integer, 1);
    ck_assert_double_eq(pxs_table_at(&t, 0, "final_val_loss").real, 0.29);
    ck_assert_double_eq(pxs_table_at(&t, 0, "first_lr_G").real, 1e-4);
    ck_assert_double_eq(pxs_table_at(&t, 0, "last_lr_G").real, 5e-5);
    ck_assert_double_eq(pxs_table_at(&t, 0, "seconds").real, 9);
    ck_assert_int_eq(pxs_table_at(&t, 0, "attempts").integer, 1);
    ck_assert_int_eq(pxs_table_at(&t, 0, "n_epochs").integer, 4);
    ck_assert_int_eq(pxs_table_at(&t, 0, "batch_size").integer, 2);
    ck_assert_double_eq(pxs_table_at(&t, 0, "learning_rate_G").real, 1.0 / 8192);
    ck_assert_str_eq(pxs_table_at(&t, 0, "lr_policy_G").text, "halve");
    ck_assert_int_eq(pxs_table_at(&t, 0, "lrgd").integer, 10);
    ck_assert_int_eq(pxs_table_at(&t, 0, "lrdd").kind, PXS_CELL_NULL);
    ck_assert_str_eq(pxs_table_at(&t, 0, "dataset").text, "/data/kai");
    pxs_table_finish(&t);
    ck_assert_int_eq(sql_int(s, "SELECT count(*) FROM v_run"), 9);
    ck_assert_int_eq(
        sql_int(s, "SELECT count(*) FROM v_run WHERE best_val_loss IS NULL AND state = 'queued'"),
        4);
    pxs_store_close(&s);
}
END_TEST

START_TEST(progress)
{
    int64_t ids[9], other[1];
    struct pxs_store *s = filled(ids);
    struct pxs_table t;
    plan_sweep(s, "later", 1, 1, other);
    ck_ok(pxs_store_ask(s, PXS_QUERY_PROGRESS, 1, &t, &err));
    ck_assert_uint_eq(t.n_rows, 1);
    ck_assert_int_eq(pxs_table_at(&t, 0, "n_planned").integer, 9);
    ck_assert_int_eq(pxs_table_at(&t, 0, "n_runs").integer, 9);
    ck_assert_int_eq(pxs_table_at(&t, 0, "completed").integer, 4);
    ck_assert_int_eq(pxs_table_at(&t, 0, "diverged").integer, 1);
    ck_assert_int_eq(pxs_table_at(&t, 0, "queued").integer, 4);
    ck_assert_int_eq(pxs_table_at(&t, 0, "running").integer, 0);
    ck_assert_int_eq(pxs_table_at(&t, 0, "epochs_done").integer, 13);
    /* The completed ones stopped after 3 of 4 epochs: nothing of them is left. */
    ck_assert_int_eq(pxs_table_at(&t, 0, "epochs_planned").integer, 4 * 4 + 4 * 3 + 1);
    ck_assert_double_eq(pxs_table_at(&t, 0, "seconds").real, 4 * 9 + 2);
    ck_assert_double_eq_tol(pxs_table_at(&t, 0, "seconds_left").real, 16.0 * 38 / 13, 1e-12);
    pxs_table_finish(&t);
    ck_ok(pxs_store_ask(s, PXS_QUERY_PROGRESS, 0, &t, &err));
    ck_assert_uint_eq(t.n_rows, 2);
    ck_assert_str_eq(pxs_table_at(&t, 0, "sweep").text, "later");
    ck_assert_int_eq(pxs_table_at(&t, 0, "seconds_left").kind, PXS_CELL_NULL);
    pxs_table_finish(&t);
    pxs_store_close(&s);
}
END_TEST

TCase *views_case(void) {
    TCase *c = tcase_create("views");
    tcase_add_test(c, schedules);
    tcase_add_test(c, deviations_keep_their_digits);
    tcase_add_test(c, only_completed_seeds_count);
    tcase_add_test(c, names_without_a_difference);
    tcase_add_test(c, runs);
    tcase_add_test(c, progress);
    return c;
}
