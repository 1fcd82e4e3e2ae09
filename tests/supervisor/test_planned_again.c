/* Plans of sweeps that have run before: what is known of them, and content that changed since. */
#include "../../src/record/store/store_priv.h"
#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pxs_plan *plan_with(const char *kernels) {
    struct pxs_sweep_options options = {
        .file = in_folder("exp.yaml"), .results = in_folder("results"), .kernels = kernels};
    struct pxs_plan *plan = NULL;
    struct pxs_error err;
    enum pxs_status status = pxs_plan_make(&options, &plan, &err);
    ck_assert_msg(status == PXS_OK, "%s", err.message);
    return plan;
}

static struct pxs_plan *plan_exp(void) {
    return plan_with(NULL);
}

static void expect_refused(const char *words) {
    struct pxs_sweep_options options = {.file = in_folder("exp.yaml"),
                                        .results = in_folder("results")};
    struct pxs_plan *plan = NULL;
    struct pxs_error err;
    ck_assert_int_ne(pxs_plan_make(&options, &plan, &err), PXS_OK);
    ck_assert_ptr_null(plan);
    ck_assert_msg(strstr(err.message, words) != NULL, "%s", err.message);
}

START_TEST(test_known)
{
    write_experiment(3, FAKE_GOOD, "sweep:\n  grid: {learning_rate_G: [1e-4, 2e-4]}\n");
    struct outcome o = run_exp();
    ck_assert_msg(o.status == PXS_OK, "%s", o.err.message);
    outcome_finish(&o);
    write_experiment(3, FAKE_GOOD, "sweep:\n  grid: {learning_rate_G: [3e-4, 2e-4]}\n");
    struct pxs_plan *plan = plan_exp();
    ck_assert_int_eq(plan->runs[0].state, PXS_STATE_NEW);
    ck_assert_int_eq(plan->runs[0].number, 3);
    ck_assert_int_eq(plan->runs[1].state, PXS_STATE_COMPLETED);
    ck_assert_int_eq(plan->runs[1].number, 2);
    ck_assert_uint_eq(plan->n_left_out, 1);
    ck_assert_ptr_nonnull(
        strstr(plan->notes, "1 run of exp in the database is no longer in the file; left as it is: "
                            "exp/0001-learning_rate_G-0.0001-s0"));
    ck_assert_int_ne(plan->time_source, PXS_TIME_GUESS);
    ck_assert_int_eq(plan->steps_to_do, 12);
    pxs_plan_destroy(&plan);
    plan = plan_with("fake-slow"); /* other kernels, other times */
    ck_assert_int_eq(plan->time_source, PXS_TIME_GUESS);
    pxs_plan_destroy(&plan);
    struct pxs_sweep_options unknown = {
        .file = in_folder("exp.yaml"), .results = in_folder("results"), .kernels = "quantum"};
    struct pxs_error err;
    ck_assert_int_eq(pxs_plan_make(&unknown, &plan, &err), PXS_E_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.message, "quantum"));
    expect_sql("SELECT count(*) FROM run", 2);
}
END_TEST

START_TEST(test_data_changed)
{
    write_experiment(3, FAKE_GOOD, "learning_rate_G: 1e-4\n");
    struct outcome o = run_exp();
    ck_assert_msg(o.status == PXS_OK, "%s", o.err.message);
    outcome_finish(&o);
    write_pairs("data/train/a.npy", 16, 3);
    expect_refused("its content changed since run exp/0001-base-s0 was planned");
    expect_refused("now  sha256");
    /* The old content under another name is no change. */
    write_pairs("data/train/a.npy", 16, 1);
    ck_assert_int_eq(rename(in_folder("data/train/a.npy"), in_folder("data/train/z.npy")), 0);
    struct pxs_plan *plan = plan_exp();
    ck_assert_int_eq(plan->runs[0].state, PXS_STATE_COMPLETED);
    pxs_plan_destroy(&plan);
}
END_TEST

/* Two machines had other pictures under one path, and their runs came together in one database. */
START_TEST(test_data_of_two_machines)
{
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: [0, 1]\n");
    struct outcome o = run_exp();
    ck_assert_msg(o.status == PXS_OK, "%s", o.err.message);
    outcome_finish(&o);
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: [2, 3]\n");
    write_pairs("data/train/a.npy", 16, 3);
    o = run_with((struct pxs_sweep_options){.results = in_folder("other")});
    ck_assert_msg(o.status == PXS_OK, "%s", o.err.message);
    outcome_finish(&o);
    expect_refused("its content changed since run exp/0001-base-s0 was planned");
    struct pxs_store *store = NULL;
    struct pxs_ingest_counts counts = {0};
    struct pxs_error err;
    ck_assert_int_eq(pxs_store_open(in_folder("results/pixsweep.db"), &store, &err), PXS_OK);
    enum pxs_status status = pxs_sweep_merge(store, in_folder("other"), NULL, NULL, &counts, &err);
    ck_assert_msg(status == PXS_OK && counts.changed == 2, "%s", err.message);
    pxs_store_close(&store);
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: [0, 1, 2]\n");
    write_pairs("data/train/a.npy", 16, 3);
    struct pxs_plan *plan = plan_exp(); /* with the second content */
    ck_assert_uint_eq(plan->n_left_out, 3);
    ck_assert_int_eq(plan->runs[0].state, PXS_STATE_NEW);
    ck_assert_int_eq(plan->runs[1].state, PXS_STATE_NEW);
    ck_assert_int_eq(plan->runs[2].state, PXS_STATE_COMPLETED);
    pxs_plan_destroy(&plan);
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: [7]\n");
    write_pairs("data/train/a.npy", 16, 3);
    plan = plan_exp(); /* nothing that is planned is there, the content is */
    ck_assert_uint_eq(plan->n_left_out, 4);
    pxs_plan_destroy(&plan);
    write_experiment(3, FAKE_GOOD, "sweep:\n  seeds: [0, 1, 2]\n");
    plan = plan_exp(); /* with the first */
    ck_assert_int_eq(plan->runs[0].state, PXS_STATE_COMPLETED);
    ck_assert_int_eq(plan->runs[1].state, PXS_STATE_COMPLETED);
    ck_assert_int_eq(plan->runs[2].state, PXS_STATE_NEW);
    pxs_plan_destroy(&plan);
    write_pairs("data/train/a.npy", 16, 5);
    expect_refused("its content changed since run exp/"); /* a third content is nobody's */
}
END_TEST

/* ---- validation: off ------------------------------------------------------------------------ */

static void write_unvalidated(const char *rest) {
    char head[200];
    snprintf(head, sizeof head, "validation: off\n%s", rest);
    write_experiment(3, FAKE_GOOD, head);
    ck_assert_int_eq(unlink(in_folder("data/val/a.npy")) + rmdir(in_folder("data/val")), 0);
}

/* A run that was interrupted when `off` held pairs back is another one: it stays as it is, and is
 * told. */
START_TEST(test_off_of_before_is_another_run)
{
    char sql[400], old[PXS_SHA256_HEX];
    write_unvalidated("");
    struct pxs_plan *plan = plan_exp();
    memcpy(old, plan->runs[0].before_hash, sizeof old);
    pxs_plan_destroy(&plan);
    struct outcome o = run_exp();
    ck_assert_msg(o.status == PXS_OK, "%s", o.err.message);
    outcome_finish(&o);
    struct pxs_store *s;
    ck_assert_int_eq(pxs_store_open(in_folder("results/pixsweep.db"), &s, NULL), PXS_OK);
    snprintf(sql, sizeof sql,
             "UPDATE run SET config_hash = '%s', state = 'interrupted', config_yaml = "
             "replace(config_yaml, "
             "'val_fraction: 0', 'val_fraction: 0.1')",
             old);
    ck_assert_int_eq(pxs_sql_exec(s->sql, sql, NULL), PXS_OK);
    pxs_store_close(&s);
    char command[600];
    /* it tells the new hash */
    snprintf(command, sizeof command, "rm -r '%s'", in_folder("results/exp"));
    ck_assert_int_eq(system(command), 0);
    o = run_exp();
    ck_assert_msg(o.status == PXS_OK, "%s", o.err.message);
    ck_assert_msg(strstr(pxs_text_str(&o.lines), "1 of the runs no longer in the file was made "
                                                 "when validation: off held val_fraction of the "
                                                 "pairs back") != NULL,
                  "%s", pxs_text_str(&o.lines));
    outcome_finish(&o);
    expect_text("SELECT group_concat(number || state, ' ') FROM run", "1interrupted 2completed");
    expect_sql("SELECT count(DISTINCT config_hash) FROM run", 2);
    expect_sql("SELECT count(*) FROM attempt WHERE run_id = 1", 1);
}
END_TEST

Suite *planned_again_suite(void) {
    Suite *suite = suite_create("planned again");
    TCase *c = tcase_create("planned again");
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, fixture_set_up, test_folder_remove);
    tcase_add_test(c, test_known);
    tcase_add_test(c, test_data_changed);
    tcase_add_test(c, test_data_of_two_machines);
    tcase_add_test(c, test_off_of_before_is_another_run);
    suite_add_tcase(suite, c);
    return suite;
}
