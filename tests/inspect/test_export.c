/* export: which rows, in which order, in which form. */
#include "pixsweep/inspect.h"
#include "report_tests.h"

#include "pixsweep/base/json.h"

#include <stdlib.h>
#include <string.h>

static struct pxs_store *s;
static struct pxs_text out;

static void set_up(void) {
    s = make_database();
    pxs_text_clear(&out);
}

static void tear_down(void) {
    drop_database(&s);
    pxs_text_finish(&out);
}

static enum pxs_status append(void *user, const char *text, size_t bytes, struct pxs_error *error) {
    (void)user;
    (void)error;
    pxs_text_add_n(&out, text, bytes);
    return PXS_OK;
}

static enum pxs_status full(void *user, const char *text, size_t bytes, struct pxs_error *error) {
    (void)user;
    (void)text;
    (void)bytes;
    return pxs_fail(error, PXS_E_NOSPC, "no room");
}

static uint64_t export(const char *table, enum pxs_format format) {
    const struct pxs_export_options o = {
        .sweep = "rates", .table = table, .format = format, .sink = {append, NULL}};
    uint64_t rows = 0;
    pxs_text_clear(&out);
    ck_ok(pxs_export(s, &o, &rows, &err));
    return rows;
}

static int64_t number(const char *sql) {
    struct pxs_table t = {0};
    ck_ok(pxs_store_select(s, sql, NULL, 0, &t, &err));
    const int64_t n = t.cells[0].integer;
    pxs_table_finish(&t);
    return n;
}

static size_t lines(void) {
    size_t n = 0;
    for (const char *p = pxs_text_str(&out); *p != '\0'; p++)
        n += *p == '\n';
    return n;
}

START_TEST(a_row_for_each_run_by_default)
{
    ck_assert_uint_eq(export(NULL, PXS_FORMAT_CSV), 7);
    ck_assert_uint_eq(lines(), 8);
    ck_has(out.text, "run_id,sweep,number,name,state");
    ck_has(out.text, "rates/0001-lrgd-90-s0");
}
END_TEST

static const char *const tables[] = {"batch_loss", "epoch",  "param",      "attempt",
                                     "run",        "sample", "checkpoint", "environment"};

START_TEST(every_row_of_a_table_once)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", tables[_i]);
    ck_assert_uint_eq(export(tables[_i], PXS_FORMAT_JSONL), (uint64_t)number(sql));
    ck_assert_uint_eq(lines(), (size_t)number(sql));
}
END_TEST

START_TEST(only_rows_of_the_sweep)
{
    struct pxs_params params;
    pxs_params_default(&params);
    struct pxs_store_plan_run other = {.new_number = 1,
                                       .new_name = "others/0001-x-s0",
                                       .new_dir = "/nowhere/others/0001-x-s0",
                                       .new_config_yaml = "",
                                       .params = &params,
                                       .config_hash = "0123"};
    ck_ok(pxs_store_add_run(s, "others", "", "", &other, &err));
    ck_assert_uint_eq(export("run", PXS_FORMAT_CSV), 7);
    ck_has_not(out.text, "others/");
    ck_assert_uint_eq(export("sweep", PXS_FORMAT_CSV), 1);
    export("param", PXS_FORMAT_CSV);
    ck_has_not(out.text, "\n8,");
}
END_TEST

START_TEST(rows_in_the_order_of_the_key)
{
    long run = 0, epoch = -1;
    export("epoch", PXS_FORMAT_CSV);
    for (const char *line = strchr(out.text, '\n') + 1; *line != '\0';
         line = strchr(line, '\n') + 1) {
        char *rest;
        const long r = strtol(line, &rest, 10), e = strtol(rest + 1, NULL, 10);
        ck_assert_msg(r > run || (r == run && e > epoch), "run %ld epoch %ld after %ld %ld", r, e,
                      run, epoch);
        run = r;
        epoch = e;
    }
    ck_assert_int_gt(run, 1);
}
END_TEST

START_TEST(an_object_a_line)
{
    struct pxs_json_doc *doc = NULL;
    struct pxs_json value;
    export("epoch", PXS_FORMAT_JSONL);
    size_t n = 0;
    for (char *line = out.text, *end; *line != '\0'; line = end + 1, n++) {
        end = strchr(line, '\n');
        ck_ok(pxs_json_parse(line, (size_t)(end - line), "a line", &doc, &err));
        ck_ok(pxs_json_get(pxs_json_root(doc), "val_psnr", &value, &err));
        ck_assert_int_eq(pxs_json_type(value), PXS_JSON_NULL);
        pxs_json_destroy(&doc);
    }
    ck_assert_uint_gt(n, 100);
}
END_TEST

START_TEST(json_is_one_array)
{
    struct pxs_json_doc *doc = NULL;
    const uint64_t rows = export("epoch", PXS_FORMAT_JSON);
    ck_ok(pxs_json_parse(out.text, out.len, "all", &doc, &err));
    ck_assert_uint_eq(pxs_json_count(pxs_json_root(doc)), rows);
    pxs_json_destroy(&doc);
}
END_TEST

static void fails(const struct pxs_export_options *o, enum pxs_status status, const char *words) {
    uint64_t rows = 99;
    ck_fails(pxs_export(s, o, &rows, &err), status, words);
    ck_assert_uint_eq(rows, 99);
}

START_TEST(what_cannot_be_exported)
{
    struct pxs_export_options o = {
        .sweep = "rates", .format = PXS_FORMAT_CSV, .sink = {append, NULL}};
    o.table = "losses";
    fails(&o, PXS_E_NOT_FOUND,
          "there is no table 'losses'; there are: v_not_needed, v_progress, v_race, v_race_state, "
          "v_run, v_schedule, asked, attempt,");
    o.table = "run\"; DROP TABLE run; --";
    fails(&o, PXS_E_NOT_FOUND, "there is no table");
    o.table = "sqlite_schema";
    fails(&o, PXS_E_NOT_FOUND, "there is no table");
    o.table = NULL;
    o.sweep = "rats";
    fails(&o, PXS_E_NOT_FOUND, "rates");
    o.sweep = "rates";
    o.sink.write = full;
    fails(&o, PXS_E_NOSPC, "no room");
    o.format = PXS_FORMAT_TABLE;
    fails(&o, PXS_E_INVALID, "csv, json or jsonl");
}
END_TEST

struct told {
    double last, total;
};

static void tell(void *user, const char *what, double done, double total) {
    struct told *t = user;
    ck_assert_str_eq(what, "exporting epoch");
    t->last = done;
    t->total = total;
}

START_TEST(the_meter_knows_the_whole)
{
    struct told told = {0};
    const struct pxs_export_options o = {.sweep = "rates",
                                         .table = "epoch",
                                         .format = PXS_FORMAT_CSV,
                                         .sink = {append, NULL},
                                         .meter = {tell, &told}};
    uint64_t rows;
    ck_ok(pxs_export(s, &o, &rows, &err));
    ck_assert(told.total == (double)rows && told.last >= 1);
}
END_TEST

static Suite *export_suite(void) {
    Suite *suite = suite_create("export");
    TCase *tc = tcase_create("export");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_row_for_each_run_by_default);
    tcase_add_loop_test(tc, every_row_of_a_table_once, 0, PXS_COUNT(tables));
    tcase_add_test(tc, only_rows_of_the_sweep);
    tcase_add_test(tc, rows_in_the_order_of_the_key);
    tcase_add_test(tc, an_object_a_line);
    tcase_add_test(tc, json_is_one_array);
    tcase_add_test(tc, what_cannot_be_exported);
    tcase_add_test(tc, the_meter_knows_the_whole);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void) {
    return run_tests(export_suite(), CK_NORMAL);
}
