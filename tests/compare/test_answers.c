/* compare over a small database. */
#include "pixsweep/compare.h"
#include "report_tests.h"
#include "pixsweep/base/json.h"

#include <math.h>
#include <string.h>

static struct pxs_store *store;
static struct pxs_text out;

static void setup(void) {
    out = (struct pxs_text){0};
    store = make_database();
}

static void teardown(void) {
    pxs_text_finish(&out);
    drop_database(&store);
}

/* ---- compare -------------------------------------------------------------------------------- */

static double at(const struct pxs_comparison *c, size_t row, const char *column) {
    const struct pxs_cell cell = pxs_table_at(&c->table, row, column);
    return cell.kind == PXS_CELL_NULL ? NAN : cell.real;
}

START_TEST(compare_groups_what_differs)
{
    struct pxs_comparison c = {0};
    const struct pxs_compare_options options = {0};
    ck_ok(pxs_compare(store, &options, &c, &err));
    ck_assert_str_eq(c.sweep, "rates");
    ck_assert_uint_eq(c.n_runs, 7);
    ck_assert_uint_eq(c.states.of[PXS_STATE_COMPLETED], 5);
    ck_assert_uint_eq(c.n_failed, 1);
    ck_assert_uint_eq(c.n_open, 1);
    ck_assert_uint_eq(c.table.n_rows, 4);
    ck_assert_str_eq(c.table.columns[0], "lr_policy_G");
    ck_assert_str_eq(c.table.columns[1], "lrgd");
    ck_assert_int_eq(pxs_table_at(&c.table, 0, "lrgd").integer, 25);
    ck_assert_int_eq(pxs_table_at(&c.table, 1, "lrgd").kind, PXS_CELL_NULL); /* constant has none */
    ck_assert_int_eq(pxs_table_at(&c.table, 2, "lrgd").integer, 90);
    ck_assert_int_eq(pxs_table_at(&c.table, 3, "lrgd").integer, 10);
    pxs_comparison_finish(&c);
    pxs_comparison_finish(&c);
}
END_TEST

START_TEST(compare_has_the_statistics_of_completed_runs)
{
    struct pxs_comparison c = {0};
    const struct pxs_compare_options options = {.sweep = "rates"};
    ck_ok(pxs_compare(store, &options, &c, &err));
    ck_assert_double_eq(at(&c, 0, "n"), 2);
    ck_assert_double_eq_tol(at(&c, 0, "best_val_loss_mean"), 0.22, 1e-12);
    ck_assert_double_eq_tol(at(&c, 0, "best_val_loss_std"), 0.04 / sqrt(2), 1e-12);
    ck_assert_double_eq_tol(at(&c, 0, "best_val_loss_min"), 0.20, 1e-12);
    ck_assert_double_eq_tol(at(&c, 0, "final_val_loss_mean"), 0.31, 1e-12);
    ck_assert_double_eq(at(&c, 0, "best_epoch"), 20);
    ck_assert_double_eq(at(&c, 0, "lr_G_first"), 1e-4);
    ck_assert_double_eq(at(&c, 0, "lr_G_last"), 0.5e-4);
    ck_assert_double_eq(at(&c, 0, "lr_G_ratio"), 0.5);
    ck_assert_double_eq(at(&c, 1, "n"), 1);
    ck_assert(isnan(at(&c, 1, "best_val_loss_std")));
    ck_assert_double_eq(at(&c, 3, "n"), 0);
    ck_assert_double_eq(at(&c, 3, "failed"), 1);
    ck_assert_double_eq(at(&c, 3, "open"), 1);
    ck_assert(isnan(at(&c, 3, "best_val_loss_mean")));
    pxs_comparison_finish(&c);
}
END_TEST

START_TEST(compare_names_different_kernels)
{
    struct pxs_store_attempt a = {.run_id = 7, .kernels = "blas", .started_ms = 1000};
    const struct pxs_store_end end = {
        .outcome = PXS_STATE_COMPLETED, .state = PXS_STATE_COMPLETED, .ended_ms = 2000};
    const struct pxs_compare_options options = {0};
    ck_ok(pxs_report_compare(store, &options, PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has_not(pxs_text_str(&out), "kernels");
    ck_ok(pxs_store_take(store, &a, &err));
    ck_ok(pxs_store_attempt_end(store, a.attempt_id, &end, &err));
    pxs_text_clear(&out);
    ck_ok(pxs_report_compare(store, &options, PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(pxs_text_str(&out), "runs of different kernels (auto-avx2,blas)");
}
END_TEST

START_TEST(compare_by_other_keys)
{
    static const char *const by[] = {"lr_policy_G"}, *const seed[] = {"seed"};
    struct pxs_comparison c = {0};
    ck_ok(pxs_compare(store, &(struct pxs_compare_options){.by = by, .n_by = 1}, &c, &err));
    ck_assert_uint_eq(c.table.n_rows, 2);
    ck_assert_str_eq(pxs_table_at(&c.table, 0, "lr_policy_G").text, "constant");
    ck_assert_double_eq(at(&c, 1, "n"), 4);
    ck_assert(isnan(at(&c, 1, "lr_G_last"))); /* the group's runs end at different rates */
    pxs_comparison_finish(&c);
    ck_ok(pxs_compare(store, &(struct pxs_compare_options){.by = seed, .n_by = 1}, &c, &err));
    ck_assert_uint_eq(c.table.n_rows, 2);
    ck_assert_int_eq(pxs_table_at(&c.table, 0, "seed").integer, 0);
    pxs_comparison_finish(&c);
}
END_TEST

START_TEST(compare_without_keys_is_one_group)
{
    struct pxs_comparison c = {0};
    const char *const none[1] = {NULL};
    ck_ok(pxs_compare(store, &(struct pxs_compare_options){.by = none, .n_by = 0}, &c, &err));
    ck_assert_uint_eq(c.table.n_rows, 1);
    ck_assert_str_eq(pxs_table_at(&c.table, 0, "sweep").text, "rates");
    ck_assert_double_eq(at(&c, 0, "n"), 5);
    pxs_comparison_finish(&c);
}
END_TEST

START_TEST(compare_refuses_in_words)
{
    static const char *const wrong[] = {"lrgdd"}, *const other[] = {"beta1"};
    struct pxs_comparison c = {0};
    ck_fails(pxs_compare(store, &(struct pxs_compare_options){.by = wrong, .n_by = 1}, &c, &err),
             PXS_E_INVALID, "lrgd");
    ck_fails(pxs_compare(store, &(struct pxs_compare_options){.by = other, .n_by = 1}, &c, &err),
             PXS_E_INVALID, "b1");
    ck_fails(pxs_compare(store, &(struct pxs_compare_options){.sweep = "rattes"}, &c, &err),
             PXS_E_NOT_FOUND, "rates");
    ck_assert_uint_eq(c.table.n_rows, 0);
}
END_TEST

START_TEST(compare_as_a_table)
{
    ck_ok(pxs_report_compare(store, &(struct pxs_compare_options){0}, PXS_FORMAT_TABLE, 0, &out,
                             &err));
    const char *text = pxs_text_str(&out);
    ck_has(text, "rates: 7 runs in 4 groups");
    ck_has(text, "0.2200 \xc2\xb1 0.0283");
    ck_has(text, "1/2");
    ck_has(text, "5 of 7 runs count: 1 failed or diverged, 1 not completed yet");
    ck_has_not(text, "nan");
}
END_TEST

START_TEST(compare_as_csv)
{
    ck_ok(
        pxs_report_compare(store, &(struct pxs_compare_options){0}, PXS_FORMAT_CSV, 0, &out, &err));
    ck_has(pxs_text_str(&out),
           "lr_policy_G,lrgd,n,failed,open,best_val_loss_mean,best_val_loss_std,best_val_loss_min,"
           "best_epoch,final_val_loss_mean,final_val_loss_std,final_avg_loss_G_mean,lr_G_first,"
           "lr_G_last,lr_G_ratio,seconds,number,configuration,");
    ck_has(pxs_text_str(&out), "\nhalve,10,0,1,1,,,,,,,,,,,,4,\"halve, lrgd 10\",1,0,0,,");
}
END_TEST

static Suite *answers_suite(void) {
    Suite *suite = suite_create("report-answers");
    TCase *c = tcase_create("answers");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, compare_groups_what_differs);
    tcase_add_test(c, compare_has_the_statistics_of_completed_runs);
    tcase_add_test(c, compare_names_different_kernels);
    tcase_add_test(c, compare_by_other_keys);
    tcase_add_test(c, compare_without_keys_is_one_group);
    tcase_add_test(c, compare_refuses_in_words);
    tcase_add_test(c, compare_as_a_table);
    tcase_add_test(c, compare_as_csv);
    suite_add_tcase(suite, c);
    return suite;
}

int main(void) {
    return run_tests(answers_suite(), CK_NORMAL);
}
