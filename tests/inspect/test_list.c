/* ls and show over a small database. */
#include "pixsweep/inspect.h"
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

/* ---- ls ------------------------------------------------------------------------------------- */

static size_t lines(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

START_TEST(ls_lists_runs)
{
    ck_ok(pxs_report_list(store, &(struct pxs_list_options){0}, PXS_FORMAT_CSV, 0, &out, &err));
    ck_assert_uint_eq(lines(pxs_text_str(&out)), 8);
    ck_has(pxs_text_str(&out), "run_id,name,state,attempts,epochs,n_epochs,best_val_loss");
    ck_has(pxs_text_str(&out), "rates/0003-lrgd-25-s0,completed,1,30,30,0.2,20,");
    ck_has(pxs_text_str(&out), "rates/0007-lrgd-10-s1,queued,0,,30,,");
    ck_has(pxs_text_str(&out), "loss_G became nan at step 7");
}
END_TEST

static enum pxs_status no_records(void *user, struct pxs_record *r, bool *more,
                                  struct pxs_error *err) {
    *more = false;
    return PXS_OK;
}

START_TEST(an_imported_run_is_marked)
{
    struct pxs_params params;
    bool known[PXS_PARAM_COUNT] = {false};
    struct pxs_store_imported run = {.sweep = "old",
                                     .config_hash = "00",
                                     .what = "x",
                                     .config_yaml = "",
                                     .params = &params,
                                     .known = known,
                                     .outcome = PXS_OUTCOME_COMPLETED,
                                     .environment = "",
                                     .source = "train_loss.txt",
                                     .first_line = 1,
                                     .last_line = 12,
                                     .event = "x"};
    const struct pxs_list_options all = {.sweep = "old"};
    pxs_params_default(&params);
    ck_ok(pxs_store_import(store, &run, no_records, NULL, &err));
    ck_ok(pxs_report_list(store, &all, PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(out.text, "completed, imported");
    pxs_text_clear(&out);
    ck_ok(pxs_report_list(store, &all, PXS_FORMAT_JSON, 0, &out, &err));
    ck_has(out.text, "\"state\":\"completed\"");
    ck_has(out.text, "\"imported\":1");
    pxs_text_clear(&out);
    ck_ok(pxs_report_show(store, run.name, PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(out.text, "imported    from ");
    ck_has(out.text, "train_loss.txt, lines 1 to 12");
}
END_TEST

START_TEST(ls_filters)
{
    ck_ok(pxs_report_list(store, &(struct pxs_list_options){.sweep = "rates", .state = "diverged"},
                          PXS_FORMAT_CSV, 0, &out, &err));
    ck_assert_uint_eq(lines(pxs_text_str(&out)), 2);
    ck_fails(pxs_report_list(store, &(struct pxs_list_options){.state = "complete"}, PXS_FORMAT_CSV,
                             0, &out, &err),
             PXS_E_INVALID, "'completed'");
    ck_fails(pxs_report_list(store, &(struct pxs_list_options){.sweep = "nope"}, PXS_FORMAT_CSV, 0,
                             &out, &err),
             PXS_E_NOT_FOUND, "");
}
END_TEST

START_TEST(ls_as_a_table_leaves_out_what_is_empty)
{
    ck_ok(pxs_report_list(store, &(struct pxs_list_options){.state = "queued"}, PXS_FORMAT_TABLE, 0,
                          &out, &err));
    ck_has_not(pxs_text_str(&out), "best val");
    ck_has(pxs_text_str(&out), "rates/0007-lrgd-10-s1");
}
END_TEST

/* ---- show ----------------------------------------------------------------------------------- */

START_TEST(show_by_name_and_number)
{
    ck_ok(pxs_report_show(store, "rates/0003-lrgd-25-s0", PXS_FORMAT_TABLE, 0, &out, &err));
    const char *text = pxs_text_str(&out);
    ck_has(text, "state       completed");
    ck_has(text, "val_loss 0.2 at epoch 20");
    ck_has(text, "lrgd");
    ck_has(text, "first, best and last of 30");
    ck_has(text, "generator_min.safetensors");
    ck_has(text, "1.4 MB");
    ck_has(text, "\nshuffle");
    ck_has(text, "true\n");
    struct pxs_text again = {0};
    ck_ok(pxs_report_show(store, "3", PXS_FORMAT_TABLE, 0, &again, &err));
    ck_assert_str_eq(pxs_text_str(&again), text);
    pxs_text_finish(&again);
}
END_TEST

START_TEST(show_as_json_is_one_object)
{
    struct pxs_json_doc *doc = NULL;
    struct pxs_json value;
    ck_ok(pxs_report_show(store, "3", PXS_FORMAT_JSON, 0, &out, &err));
    ck_ok(pxs_json_parse(pxs_text_str(&out), out.len, "show", &doc, &err));
    ck_ok(pxs_json_get(pxs_json_root(doc), "epochs", &value, &err));
    ck_assert_uint_eq(pxs_json_count(value), 30);
    ck_ok(pxs_json_get(pxs_json_root(doc), "params", &value, &err));
    ck_ok(pxs_json_get(value, "lrgd", &value, &err));
    int64_t lrgd;
    ck_ok(pxs_json_int(value, &lrgd, &err));
    ck_assert_int_eq(lrgd, 25);
    pxs_json_destroy(&doc);
}
END_TEST

START_TEST(show_as_csv_is_every_epoch)
{
    ck_ok(pxs_report_show(store, "3", PXS_FORMAT_CSV, 0, &out, &err));
    ck_assert_uint_eq(lines(pxs_text_str(&out)), 31);
}
END_TEST

START_TEST(show_an_unknown_run)
{
    ck_fails(pxs_report_show(store, "rates/0099", PXS_FORMAT_TABLE, 0, &out, &err), PXS_E_NOT_FOUND,
             "");
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(show_a_run_that_never_started)
{
    ck_ok(pxs_report_show(store, "7", PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(pxs_text_str(&out), "state       queued");
    ck_has_not(pxs_text_str(&out), "epochs (");
}
END_TEST

static Suite *list_suite(void) {
    Suite *suite = suite_create("inspect-list");
    TCase *c = tcase_create("list");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, ls_lists_runs);
    tcase_add_test(c, ls_filters);
    tcase_add_test(c, an_imported_run_is_marked);
    tcase_add_test(c, ls_as_a_table_leaves_out_what_is_empty);
    tcase_add_test(c, show_by_name_and_number);
    tcase_add_test(c, show_as_json_is_one_object);
    tcase_add_test(c, show_as_csv_is_every_epoch);
    tcase_add_test(c, show_an_unknown_run);
    tcase_add_test(c, show_a_run_that_never_started);
    suite_add_tcase(suite, c);
    return suite;
}

int main(void) {
    return run_tests(list_suite(), CK_NORMAL);
}
