/* Tables in the three formats, to the character. */
#include "pixsweep/table.h"
#include "support.h"
#include "pixsweep/base/json.h"

#include <math.h>
#include <string.h>

#define PM "\xc2\xb1"
#define DOTS "\xe2\x80\xa6"

static struct pxs_text out;

static void setup(void) {
    out = (struct pxs_text){0};
}

static void teardown(void) {
    pxs_text_finish(&out);
}

/* One row of one column. */
static struct pxs_table one_cell(const char *name, struct pxs_cell cell) {
    struct pxs_table t;
    ck_ok(pxs_table_make(&t, &name, 1, 1, &err));
    pxs_table_set(&t, 0, 0, cell);
    return t;
}

static struct pxs_table people(void) {
    static const char *const names[] = {"name", "n", "loss", "std", "first", "last", "seconds"};
    struct pxs_table t;
    ck_ok(pxs_table_make(&t, names, PXS_COUNT(names), 2, &err));
    const struct pxs_cell rows[2][7] = {
        {pxs_cell_text("halve"), pxs_cell_int(3), pxs_cell_real(0.261349), pxs_cell_real(0.00213),
         pxs_cell_real(1e-4), pxs_cell_real(2.5e-5), pxs_cell_real(250)},
        {pxs_cell_text("\xe6\x81\x92\xe5\xae\x9a"), pxs_cell_int(12), pxs_cell_real(1.5),
         pxs_cell_text(NULL), pxs_cell_real(1e-4), pxs_cell_real(1e-4), pxs_cell_text(NULL)},
    };
    for (size_t r = 0; r < 2; r++) {
        for (size_t c = 0; c < 7; c++)
            pxs_table_set(&t, r, c, rows[r][c]);
    }
    return t;
}

START_TEST(columns_are_aligned_and_joined)
{
    static const struct pxs_column columns[] = {
        {NULL, PXS_SHOW_PLAIN},      {NULL, PXS_SHOW_PLAIN}, {"best", PXS_SHOW_FIXED},
        {"std", PXS_SHOW_PLUSMINUS}, {"lr", PXS_SHOW_PLAIN}, {"last", PXS_SHOW_ARROW},
        {"time", PXS_SHOW_DURATION},
    };
    struct pxs_table t = people();
    ck_ok(pxs_report_table(&t, columns, PXS_FORMAT_TABLE, 0, &out, &err));
    ck_assert_str_eq(pxs_text_str(&out),
                     "name    n   best " PM " std        lr -> last        time\n"
                     "-----  --  -------------  ----------------  --------\n"
                     "halve   3  0.261 " PM " 0.002  0.0001 -> 2.5e-5  4 m 10 s\n"
                     "\xe6\x81\x92\xe5\xae\x9a   12  1.500          0.0001 -> 0.0001\n");
    pxs_table_finish(&t);
}
END_TEST

START_TEST(booleans_are_words_in_tables_alone)
{
    static const char *const names[] = {"flip", "ngf"};
    const struct pxs_column columns[] = {{NULL, pxs_show_of_key("flip")},
                                         {NULL, pxs_show_of_key("ngf")}};
    struct pxs_table t;
    ck_ok(pxs_table_make(&t, names, 2, 3, &err));
    for (size_t i = 0; i < 2; i++) {
        pxs_table_set(&t, i, 0, pxs_cell_int(i == 0));
        pxs_table_set(&t, i, 1, pxs_cell_int(1));
    }
    pxs_table_set(&t, 2, 0, pxs_cell_text(NULL)); /* no effect there */
    ck_ok(pxs_report_table(&t, columns, PXS_FORMAT_TABLE, 0, &out, &err));
    ck_assert_str_eq(pxs_text_str(&out), " flip  ngf\n-----  ---\n true    1\nfalse    1\n\n");
    pxs_text_clear(&out);
    ck_ok(pxs_report_table(&t, columns, PXS_FORMAT_CSV, 0, &out, &err));
    ck_assert_str_eq(pxs_text_str(&out), "flip,ngf\n1,1\n0,1\n,\n");
    pxs_table_finish(&t);
}
END_TEST

START_TEST(csv_has_every_digit_and_every_column)
{
    struct pxs_table t = people();
    ck_ok(pxs_report_table(&t, NULL, PXS_FORMAT_CSV, 20, &out, &err));
    ck_assert_str_eq(pxs_text_str(&out), "name,n,loss,std,first,last,seconds\n"
                                         "halve,3,0.261349,0.00213,0.0001,2.5e-5,250\n"
                                         "\xe6\x81\x92\xe5\xae\x9a,12,1.5,,0.0001,0.0001,\n");
    pxs_table_finish(&t);
}
END_TEST

START_TEST(csv_quotes_what_needs_it)
{
    static const struct {
        const char *text, *csv;
    } cases[] = {
        {"plain", "plain"},
        {"", "\"\""},
        {"a,b", "\"a,b\""},
        {"say \"x\"", "\"say \"\"x\"\"\""},
        {"two\nlines", "\"two\nlines\""},
        {" edge", "\" edge\""},
        {"cr\r", "\"cr\r\""},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        char expected[64];
        struct pxs_table t = one_cell("x", pxs_cell_text(cases[i].text));
        ck_ok(pxs_report_table(&t, NULL, PXS_FORMAT_CSV, 0, &out, &err));
        snprintf(expected, sizeof expected, "x\n%s\n", cases[i].csv);
        ck_assert_str_eq(pxs_text_str(&out), expected);
        pxs_text_clear(&out);
        pxs_table_finish(&t);
    }
}
END_TEST

START_TEST(csv_that_no_spreadsheet_computes)
{
    static const struct {
        const char *text, *csv;
    } cases[] = {
        {"=1+1", "\"'=1+1\""},
        {"+cmd|x", "\"'+cmd|x\""},
        {"-x\"y", "\"'-x\"\"y\""},
        {"@SUM(A1)", "\"'@SUM(A1)\""},
        {"\t=1", "\"'\t=1\""},
        {"\r=1", "\"'\r=1\""},
        {"\xef\xbc\x9d"
         "1",
         "\"'\xef\xbc\x9d"
         "1\""},
        {"-0.5", "-0.5"},
        {"+1e-3", "+1e-3"},
        {"-inf", "\"'-inf\""},
        {"a=b", "a=b"},
        {"", "\"\""},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        char expected[64];
        struct pxs_table t = one_cell("=x", pxs_cell_text(cases[i].text));
        ck_ok(pxs_report_table(&t, NULL, PXS_FORMAT_CSV_SAFE, 0, &out, &err));
        snprintf(expected, sizeof expected, "\"'=x\"\n%s\n", cases[i].csv);
        ck_assert_str_eq(pxs_text_str(&out), expected);
        pxs_text_clear(&out);
        pxs_table_finish(&t);
    }
    struct pxs_table t = one_cell("x", pxs_cell_real(-0.5)); /* numbers are never touched */
    ck_ok(pxs_report_table(&t, NULL, PXS_FORMAT_CSV_SAFE, 0, &out, &err));
    ck_assert_str_eq(pxs_text_str(&out), "x\n-0.5\n");
    pxs_table_finish(&t);
}
END_TEST

START_TEST(json_reads_back)
{
    struct pxs_table t = people();
    struct pxs_json_doc *doc = NULL;
    struct pxs_json row, value;
    double loss;
    ck_ok(pxs_report_table(&t, NULL, PXS_FORMAT_JSON, 0, &out, &err));
    ck_ok(pxs_json_parse(pxs_text_str(&out), out.len, "out", &doc, &err));
    ck_assert_uint_eq(pxs_json_count(pxs_json_root(doc)), 2);
    ck_assert(pxs_json_first(pxs_json_root(doc), &row));
    ck_ok(pxs_json_get(row, "loss", &value, &err));
    ck_ok(pxs_json_double(value, &loss, &err));
    ck_assert_double_eq(loss, 0.261349);
    ck_assert(pxs_json_next(&row));
    ck_ok(pxs_json_get(row, "std", &value, &err));
    ck_assert_int_eq(pxs_json_type(value), PXS_JSON_NULL);
    pxs_json_destroy(&doc);
    pxs_table_finish(&t);
}
END_TEST

START_TEST(json_keeps_integers_and_odd_text)
{
    static const char *const names[] = {"a", "a", "a"};
    struct pxs_table t;
    ck_ok(pxs_table_make(&t, names, 3, 1, &err));
    pxs_table_set(&t, 0, 0, pxs_cell_int(INT64_MAX));
    pxs_table_set(&t, 0, 1, pxs_cell_real(INFINITY));
    pxs_table_set(&t, 0, 2, pxs_cell_text("q\"\\\n\x01\xff"));
    ck_ok(pxs_report_table(&t, NULL, PXS_FORMAT_JSON, 0, &out, &err));
    ck_has(pxs_text_str(&out), "9223372036854775807");
    ck_has(pxs_text_str(&out), "\"a_2\":");
    ck_has(pxs_text_str(&out), "\"a_3\":");
    ck_has(pxs_text_str(&out), "\\u0001\xef\xbf\xbd");
    struct pxs_json_doc *doc = NULL;
    ck_ok(pxs_json_parse(pxs_text_str(&out), out.len, "out", &doc, &err));
    pxs_json_destroy(&doc);
    pxs_table_finish(&t);
}
END_TEST

START_TEST(nothing_found)
{
    static const char *const names[] = {"a", "b"};
    static const char *const expected[] = {"a  b\n-  -\n", "a,b\n", "[]\n"};
    for (int f = PXS_FORMAT_TABLE; f <= PXS_FORMAT_JSON; f++) {
        struct pxs_table t;
        ck_ok(pxs_table_make(&t, names, 2, 0, &err));
        ck_ok(pxs_report_table(&t, NULL, (enum pxs_format)f, 0, &out, &err));
        ck_assert_str_eq(pxs_text_str(&out), expected[f]);
        pxs_text_clear(&out);
        pxs_table_finish(&t);
    }
}
END_TEST

START_TEST(long_text_gives_way_on_a_terminal_and_numbers_never)
{
    static const char *const names[] = {"name", "number"};
    struct pxs_table t;
    ck_ok(pxs_table_make(&t, names, 2, 1, &err));
    pxs_table_set(&t, 0, 0, pxs_cell_text("lr_schedules/0003-lrgd-25-learning_rate_G-2e-4-s1"));
    pxs_table_set(&t, 0, 1, pxs_cell_real(123456.5));
    ck_ok(pxs_report_table(&t, NULL, PXS_FORMAT_TABLE, 30, &out, &err));
    ck_has(pxs_text_str(&out), DOTS);
    ck_has(pxs_text_str(&out), "\nlr_schedu");
    ck_has(pxs_text_str(&out), "-s1 ");
    ck_has(pxs_text_str(&out), "123456");
    for (const char *line = pxs_text_str(&out); *line != '\0'; line = strchr(line, '\n') + 1)
        ck_assert_uint_le(pxs_text_width(line, strcspn(line, "\n")), 30);
    pxs_table_finish(&t);
}
END_TEST

/* Columns of numbers go, the last ones first; a name that is wanted whole stays so. */
START_TEST(columns_give_way_before_names)
{
    static const char *const names[] = {"name", "state", "epochs", "loss", "std"};
    static const char name[] = "lr_schedules/0003-lrgd-25-s1";
    struct pxs_column columns[] = {{NULL, PXS_SHOW_WHOLE},
                                   {NULL, PXS_SHOW_PLAIN},
                                   {NULL, PXS_SHOW_PLAIN},
                                   {NULL, PXS_SHOW_FIXED},
                                   {NULL, PXS_SHOW_PLUSMINUS}};
    struct pxs_text left_out = {0};
    struct pxs_table t;
    ck_ok(pxs_table_make(&t, names, 5, 1, &err));
    pxs_table_set(&t, 0, 0, pxs_cell_text(name));
    pxs_table_set(&t, 0, 1, pxs_cell_text("completed, imported"));
    pxs_table_set(&t, 0, 2, pxs_cell_int(40));
    pxs_table_set(&t, 0, 3, pxs_cell_real(0.25));
    pxs_table_set(&t, 0, 4, pxs_cell_real(0.5));
    ck_ok(pxs_hide_to_fit(&t, columns, 0, &left_out, &err));
    ck_assert_uint_eq(left_out.len, 0);
    ck_ok(pxs_hide_to_fit(&t, columns, 50, &left_out, &err));
    ck_assert_str_eq(pxs_text_str(&left_out),
                     "loss, std found no room (--format csv has everything)\n");
    ck_ok(pxs_report_table(&t, columns, PXS_FORMAT_TABLE, 50, &out, &err));
    ck_has(pxs_text_str(&out), name);
    ck_has(pxs_text_str(&out), "  epochs\n");
    pxs_text_clear(&left_out);
    ck_ok(pxs_hide_to_fit(&t, columns, 10, &left_out, &err)); /* a name is never cut */
    ck_has(pxs_text_str(&left_out), "epochs found no room");
    pxs_text_clear(&out);
    ck_ok(pxs_report_table(&t, columns, PXS_FORMAT_TABLE, 10, &out, &err));
    ck_has(pxs_text_str(&out), name);
    pxs_text_finish(&left_out);
    pxs_table_finish(&t);
}
END_TEST

START_TEST(cells_stay_on_their_line)
{
    struct pxs_table t = one_cell("x", pxs_cell_text("a\nb\t\x1b[31mred\xff"));
    ck_ok(pxs_report_table(&t, NULL, PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(pxs_text_str(&out), "\na\\nb\\t\\x1b[31mred\\xff\n");
    pxs_table_finish(&t);
}
END_TEST

START_TEST(numbers_for_people)
{
    static const struct {
        double value;
        enum pxs_show show;
        const char *text;
    } cases[] = {
        {0.123456789, PXS_SHOW_PLAIN, "0.123457"},
        {0.25, PXS_SHOW_RATIO, "1/4"},
        {1.0 / 128, PXS_SHOW_RATIO, "1/128"},
        {1.0 / 999, PXS_SHOW_RATIO, "1/999"},
        {0.001, PXS_SHOW_RATIO, "0.001"},
        {1 / 6739986666787659948e48, PXS_SHOW_RATIO, "1.48e-67"},
        {0.3, PXS_SHOW_RATIO, "0.3"},
        {1, PXS_SHOW_RATIO, "1"},
        {0, PXS_SHOW_RATIO, "0"},
        {123.456, PXS_SHOW_FIXED, "123.5"},
        {0.2, PXS_SHOW_FIXED, "0.2000"},
        {54321, PXS_SHOW_FIXED, "54321"},
        {1.5e-7, PXS_SHOW_FIXED, "1.500e-07"},
        {1400000, PXS_SHOW_BYTES, "1.4 MB"},
        {0, PXS_SHOW_TIME, "1970-01-01 00:00:00"},
        {0.04567, PXS_SHOW_SHORT, "0.046"},
        {27.73, PXS_SHOW_SHORT, "27.7"},
        {204.66, PXS_SHOW_SHORT, "205"},
        {0, PXS_SHOW_SHORT, "0.000"},
        {1e-5, PXS_SHOW_SHORT, "1.00e-05"},
        {1234567, PXS_SHOW_PLAIN, "1234567"},
        {INFINITY, PXS_SHOW_FIXED, "inf"},
        {0, PXS_SHOW_MARK, "!"},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        const struct pxs_column column = {"x", cases[i].show};
        struct pxs_table t = one_cell("x", pxs_cell_real(cases[i].value));
        ck_ok(pxs_report_table(&t, &column, PXS_FORMAT_TABLE, 0, &out, &err));
        char line[64]; /* behind the header and the rule, flush right */
        snprintf(line, sizeof line, "-\n%s\n", cases[i].text);
        ck_has(pxs_text_str(&out), line);
        pxs_text_clear(&out);
        pxs_table_finish(&t);
    }
}
END_TEST

START_TEST(widths)
{
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {
        {"abc", 3},      {"\xe6\x81\x92", 2},     {"e\xcc\x81", 1},
        {"\xc2\xb1", 1}, {"\xf0\x9f\x98\x80", 2}, {"\xff\xfe", 2},
        {"", 0},         {"\xe6\x81", 2},
    };
    for (size_t i = 0; i < PXS_COUNT(cases); i++)
        ck_assert_uint_eq(pxs_text_width(cases[i].text, strlen(cases[i].text)), cases[i].width);
}
END_TEST

/* A sink that takes so many bytes and then refuses. */
struct bucket {
    struct pxs_text text;
    size_t room;
    int calls;
};

static enum pxs_status pour(void *user, const char *text, size_t bytes, struct pxs_error *e) {
    struct bucket *b = user;
    b->calls++;
    if (b->text.len + bytes > b->room)
        return pxs_fail(e, PXS_E_IO, "full");
    pxs_text_add_n(&b->text, text, bytes);
    return PXS_OK;
}

static enum pxs_status stream(struct bucket *b, enum pxs_format format, int n,
                              struct pxs_error *error) {
    static const char *const names[] = {"i", "t"};
    struct pxs_rows *rows = NULL;
    ck_ok(pxs_rows_create(format, 0, (struct pxs_sink){pour, b}, &rows, &err));
    enum pxs_status status = pxs_rows_row(rows, names, NULL, 2, error);
    for (int i = 0; i < n && status == PXS_OK; i++) {
        char text[16];
        /* gone after this step: the stream must have copied it */
        snprintf(text, sizeof text, "row %d", i);
        const struct pxs_cell cells[] = {pxs_cell_int(i), pxs_cell_text(text)};
        status = pxs_rows_row(rows, names, cells, 2, error);
        memset(text, '#', sizeof text);
    }
    if (status == PXS_OK)
        status = pxs_rows_end(rows, error);
    pxs_rows_destroy(&rows);
    ck_assert_ptr_null(rows);
    pxs_rows_destroy(&rows);
    return status;
}

START_TEST(a_stream_says_what_a_table_says)
{
    for (int f = PXS_FORMAT_TABLE; f <= PXS_FORMAT_JSON; f++) {
        static const char *const names[] = {"i", "t"};
        struct bucket b = {.room = SIZE_MAX};
        struct pxs_table t;
        ck_ok(stream(&b, (enum pxs_format)f, 100, &err));
        ck_ok(pxs_table_make(&t, names, 2, 100, &err));
        for (size_t i = 0; i < 100; i++) {
            pxs_table_set(&t, i, 0, pxs_cell_int((int64_t)i));
            pxs_table_set(&t, i, 1, pxs_cell_text(pxs_arena_printf(&t.arena, "row %zu", i)));
        }
        pxs_text_clear(&out);
        ck_ok(pxs_report_table(&t, NULL, (enum pxs_format)f, 0, &out, &err));
        ck_assert_str_eq(pxs_text_str(&b.text), pxs_text_str(&out));
        pxs_text_finish(&b.text);
        pxs_table_finish(&t);
    }
}
END_TEST

START_TEST(a_stream_ends_where_its_sink_does)
{
    struct bucket b = {.room = 70000};
    ck_fails(stream(&b, PXS_FORMAT_CSV, 1000000, &err), PXS_E_IO, "full");
    ck_assert_int_eq(b.calls, 2);
    pxs_text_finish(&b.text);
}
END_TEST

/* A statement with its values can be run as it is; what is no parameter stays. */
START_TEST(a_statement_is_filled_with_its_values)
{
    static const char sql[] = "-- run ?1 isn't\nSELECT ?1, ?2, '?1', \"a?2\", 'it''s ?3', ?3, ?4, "
                              "?9, ?5 FROM t WHERE x=?2";
    const struct pxs_cell args[] = {pxs_cell_int(-7), pxs_cell_text("it's"), pxs_cell_real(0.1),
                                    pxs_cell_text(NULL)};
    struct pxs_text filled = {0};
    pxs_sql_filled(&filled, sql, args, PXS_COUNT(args));
    ck_assert_str_eq(
        pxs_text_str(&filled),
        "-- run ?1 isn't\nSELECT -7, 'it''s', '?1', \"a?2\", 'it''s ?3', 0.1, NULL, ?9, ?5 FROM t "
        "WHERE x='it''s'");
    pxs_text_finish(&filled);
}
END_TEST

static Suite *table_suite(void) {
    Suite *suite = suite_create("report-table");
    TCase *c = tcase_create("table");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, columns_are_aligned_and_joined);
    tcase_add_test(c, booleans_are_words_in_tables_alone);
    tcase_add_test(c, csv_has_every_digit_and_every_column);
    tcase_add_test(c, csv_quotes_what_needs_it);
    tcase_add_test(c, csv_that_no_spreadsheet_computes);
    tcase_add_test(c, json_reads_back);
    tcase_add_test(c, json_keeps_integers_and_odd_text);
    tcase_add_test(c, nothing_found);
    tcase_add_test(c, long_text_gives_way_on_a_terminal_and_numbers_never);
    tcase_add_test(c, columns_give_way_before_names);
    tcase_add_test(c, cells_stay_on_their_line);
    tcase_add_test(c, numbers_for_people);
    tcase_add_test(c, widths);
    tcase_add_test(c, a_stream_says_what_a_table_says);
    tcase_add_test(c, a_stream_ends_where_its_sink_does);
    tcase_add_test(c, a_statement_is_filled_with_its_values);
    suite_add_tcase(suite, c);
    return suite;
}

int main(void) {
    return run_tests(table_suite(), CK_NORMAL);
}
