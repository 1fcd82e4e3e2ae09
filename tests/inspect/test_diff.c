/* diff: two runs side by side. */
#include "pixsweep/inspect.h"
#include "report_tests.h"
#include "pixsweep/base/json.h"

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

static const char *diff(const char *a, const char *b, bool all, enum pxs_format format) {
    pxs_text_clear(&out);
    ck_ok(pxs_report_diff(store, &(struct pxs_diff_options){a, b, all}, format, 0, &out, &err));
    return pxs_text_str(&out);
}

START_TEST(only_what_differs)
{
    const char *text = diff("3", "rates/0005-constant-s0", false, PXS_FORMAT_CSV);
    ck_has(text, "part,key,a,b,change\n");
    ck_has(text, "\nconfiguration,lr_policy_G,halve,constant,\n");
    ck_has(text, "\nconfiguration,lrgd,25,,\n");
    ck_has(text, "\nresult,best_val_loss,0.2,0.25,");
    ck_has(text, ",0.04999999999999999\n");
    ck_has_not(text, "lambda_pixel");
    ck_has_not(text, "seed");
    ck_has_not(text, "best_epoch"); /* 20 in both */
}
END_TEST

START_TEST(all_shows_what_is_the_same_too)
{
    const char *text = diff("3", "5", true, PXS_FORMAT_CSV);
    ck_has(text, "\nconfiguration,lambda_pixel,10,10,\n");
    ck_has(text, "\nrun,seed,0,0,\n");
    ck_has(text, "\nenvironment,host,here,here,\n");
    ck_has(text, "\nresult,best_epoch,20,20,0\n");
    ck_has(text, "\nenvironment,version,0.1.0,0.1.0,\n");
}
END_TEST

START_TEST(as_a_table_with_its_words)
{
    const char *text = diff("3", "4", false, PXS_FORMAT_TABLE);
    ck_has(text, "a  run 3  rates/0003-lrgd-25-s0\nb  run 4  rates/0004-lrgd-25-s1\n");
    ck_has(text, "the configuration is the same; the seed is not");
    ck_has(text, "facts are the same in both (--all shows them)");
    ck_has(text, "no step that both have");
    ck_has_not(text, "config_hash");
    text = diff("3", "4", true, PXS_FORMAT_TABLE);
    ck_has(text, "000000000000  000000000000\n"); /* a hash, shortened */
    ck_has(text, "true ");
    ck_has_not(text, "--all");
}
END_TEST

START_TEST(as_json)
{
    struct pxs_json_doc *doc = NULL;
    const char *text = diff("3", "5", false, PXS_FORMAT_JSON);
    ck_has(text,
           "{\"part\":\"configuration\",\"key\":\"lrgd\",\"a\":25,\"b\":null,\"change\":null}");
    ck_ok(pxs_json_parse(text, out.len, "out", &doc, &err));
    ck_assert_int_eq(pxs_json_type(pxs_json_root(doc)), PXS_JSON_ARRAY);
    pxs_json_destroy(&doc);
}
END_TEST

/* A run that never began has a configuration and nothing else. */
START_TEST(against_a_run_that_waits)
{
    const char *text = diff("1", "7", false, PXS_FORMAT_CSV);
    ck_has(text, "\nrun,state,completed,queued,\n");
    ck_has(text, "\nresult,best_val_loss,0.3,,\n");
    ck_has(text, "\nconfiguration,lrgd,90,10,\n");
}
END_TEST

START_TEST(refusals)
{
    const struct pxs_diff_options same = {"3", "rates/0003-lrgd-25-s0", false},
                                  unknown = {"3", "99", false};
    ck_fails(pxs_report_diff(store, &same, PXS_FORMAT_TABLE, 0, &out, &err), PXS_E_INVALID,
             "are the same run");
    ck_fails(pxs_report_diff(store, &unknown, PXS_FORMAT_TABLE, 0, &out, &err), PXS_E_NOT_FOUND,
             "");
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

/* Runs with steps: configuration k's losses lie 0.3 k above, from the first step on; rates differ
 * from epoch 1 on. */
START_TEST(where_losses_begin_to_differ)
{
    const struct curve_shape shape = {
        .configurations = 1, .seeds = 2, .epochs = 3, .batches = 5, .gap_step = 7};
    struct pxs_store *curves = make_curves(&shape);
    const struct pxs_diff_options options = {"1", "2", false};
    ck_ok(pxs_report_diff(curves, &options, PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(pxs_text_str(&out), "their losses differ from the first step on");
    drop_curves(&curves);
}
END_TEST

static Suite *diff_suite(void) {
    Suite *suite = suite_create("report-diff");
    TCase *t = tcase_create("diff");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, only_what_differs);
    tcase_add_test(t, all_shows_what_is_the_same_too);
    tcase_add_test(t, as_a_table_with_its_words);
    tcase_add_test(t, as_json);
    tcase_add_test(t, against_a_run_that_waits);
    tcase_add_test(t, refusals);
    tcase_add_test(t, where_losses_begin_to_differ);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void) {
    return run_tests(diff_suite(), CK_NORMAL);
}
