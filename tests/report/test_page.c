/* The page: what it holds, that nothing of the database can break out of its place, that it loads nothing. How it looks and works
 * in a browser is tests/page. */
#include "report_tests.h"

#include <stdlib.h>
#include <string.h>

static const struct curve_shape shape = {.configurations = 3,
                                         .seeds = 2,
                                         .epochs = 6,
                                         .batches = 20,
                                         .spike_step = 50,
                                         .one_diverges = true,
                                         .pictures = true};
static struct pxs_store *store;
static struct pxs_text out;

static void setup(void) {
    store = make_curves(&shape);
    out = (struct pxs_text){0};
}

static void teardown(void) {
    pxs_text_finish(&out);
    drop_curves(&store);
}

static const char *page(void) {
    pxs_text_clear(&out);
    ck_ok(pxs_report_page(store, &(struct pxs_page_options){.sweep = NULL}, NULL, &out, &err));
    return pxs_text_str(&out);
}

static size_t count(const char *text, const char *part) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
        n++;
    return n;
}

START_TEST(it_says_what_compare_says)
{
    struct pxs_comparison c;
    ck_ok(pxs_compare(store, &(struct pxs_compare_options){.sweep = "curves"}, &c, &err));
    const char *text = page();
    ck_has(text, "<h1>Which lr_policy_G and lrgd did best in curves?</h1>");
    ck_has(text, c.verdict);
    for (size_t i = 0; i < c.n_notes; i++) {
        if (strpbrk(c.notes[i], "<>&'\"") == NULL)
            ck_has(text, c.notes[i]);
    }
    ck_has(text, "6 runs in 3 configurations with 2 seeds");
    pxs_comparison_finish(&c);
}
END_TEST

START_TEST(it_has_every_part)
{
    const char *text = page();
    static const char *const parts[] = {"id=\"comparison-table\"",
                                        "id=\"curves-data\"",
                                        "id=\"lost-table\"",
                                        "id=\"runs-table\"",
                                        "id=\"samples\"",
                                        "id=\"shared\"",
                                        "Permission is hereby granted, free of charge"};
    for (size_t i = 0; i < PXS_COUNT(parts); i++)
        ck_has(text, parts[i]);
    ck_assert_uint_eq(count(text, "<img alt="), 3);
    ck_assert_uint_eq(count(text, "<details class=\"run\""), 6);
    ck_has_not(text, "{{policy}}");
}
END_TEST

START_TEST(every_table_and_the_curves_have_their_sql)
{
    const char *text = page();
    static const char *const ids[] = {"sql-comparison", "sql-lost",   "sql-runs",   "sql-params",
                                      "sql-facts",      "sql-epochs", "sql-batches"};
    for (size_t i = 0; i < PXS_COUNT(ids); i++) {
        char part[64];
        snprintf(part, sizeof part, "<details class=\"sql\" id=\"%s\">", ids[i]);
        ck_has(text, part);
    }
}
END_TEST

START_TEST(it_loads_nothing)
{
    const char *text = page();
    static const char *const loads[] = {"src=\"http", "src=\"//", "href=\"http", "@import",
                                        "url(http",   "<link",    "<iframe"};
    for (size_t i = 0; i < PXS_COUNT(loads); i++)
        ck_has_not(text, loads[i]);
    ck_has(text, "content=\"default-src 'none'; script-src 'sha256-");
    ck_has_not(text, "script-src 'unsafe-inline'");
}
END_TEST

START_TEST(the_same_data_give_the_same_bytes)
{
    struct pxs_text first = {0};
    pxs_text_add(&first, page());
    ck_assert_str_eq(page(), pxs_text_str(&first));
    pxs_text_finish(&first);
}
END_TEST

START_TEST(it_groups_by_what_is_asked_for)
{
    const char *const by[] = {"lr_policy_G"};
    ck_ok(pxs_report_page(store, &(struct pxs_page_options){.by = by, .n_by = 1}, NULL, &out, &err));
    ck_has(pxs_text_str(&out), "6 runs in 2 configurations");
    ck_has(pxs_text_str(&out), "<h1>Which lr_policy_G did best in curves?</h1>");
}
END_TEST

START_TEST(before_anything_is_recorded_it_says_so)
{
    const struct curve_shape none = {.configurations = 2, .seeds = 1, .epochs = 1, .batches = 1, .queued = 2};
    drop_curves(&store);
    store = make_curves(&none);
    const char *text = page();
    ck_has(text, "No run has recorded anything yet.");
    ck_has(text, "2 runs in 2 configurations with 1 seed;");
    ck_has_not(text, "id=\"samples\"");
    ck_has(text, "<tr><th scope=\"row\" data-v=\"curves/0001-lrgd-0-s0\">");
}
END_TEST

START_TEST(it_refuses_in_words)
{
    const char *const by[] = {"lrgdd"};
    struct pxs_page_options options = {.sweep = "nowhere"};
    ck_assert_int_eq(pxs_report_page(store, &options, NULL, &out, &err), PXS_E_NOT_FOUND);
    ck_has(err.message, "curves");
    options = (struct pxs_page_options){.by = by, .n_by = 1};
    ck_assert_int_eq(pxs_report_page(store, &options, NULL, &out, &err), PXS_E_INVALID);
    ck_has(err.message, "lrgd");
}
END_TEST

Suite *page_suite(void) {
    Suite *suite = suite_create("report-page");
    TCase *c = tcase_create("page");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, it_says_what_compare_says);
    tcase_add_test(c, it_has_every_part);
    tcase_add_test(c, every_table_and_the_curves_have_their_sql);
    tcase_add_test(c, it_loads_nothing);
    tcase_add_test(c, the_same_data_give_the_same_bytes);
    tcase_add_test(c, it_groups_by_what_is_asked_for);
    tcase_add_test(c, before_anything_is_recorded_it_says_so);
    tcase_add_test(c, it_refuses_in_words);
    suite_add_tcase(suite, c);
    return suite;
}
