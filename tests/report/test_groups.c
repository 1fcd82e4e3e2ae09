/* What a configuration is: config_hash, with data and first weights by content, in every answer. */
#include "pixsweep/compare.h"
#include "pixsweep/inspect.h"
#include "pixsweep/metrics.h"
#include "pixsweep/page.h"
#include "report_tests.h"

#include <string.h>

static struct pxs_store *store;
static struct pxs_groups g;
static struct pxs_text out;

static void setup(void) {
    out = (struct pxs_text){0};
    g = (struct pxs_groups){0};
    store = NULL;
}

static void teardown(void) {
    pxs_groups_finish(&g);
    pxs_text_finish(&out);
    if (store != NULL)
        drop_database(&store);
}

static void read_groups(const struct planned *plan, size_t n, const char *by) {
    struct pxs_choice choice;
    if (store == NULL)
        store = make_database_of(plan, n);
    pxs_groups_finish(&g);
    ck_ok(pxs_choose(store, &(struct pxs_choice_options){.sweep = "rates"}, &choice, &err));
    ck_ok(pxs_groups_read(store, &choice, by != NULL ? &by : NULL, by != NULL, &g, &err));
    pxs_choice_finish(&choice);
}
#define GROUPS(plan, by) read_groups(plan, PXS_COUNT(plan), by)

static const char *notes(void) {
    pxs_text_clear(&out);
    for (size_t i = 0; i < g.n_notes; i++)
        pxs_text_addf(&out, "%s\n", g.notes[i]);
    return pxs_text_str(&out);
}

static const char *keys(void) {
    pxs_text_clear(&out);
    for (size_t i = 0; i < g.n_keys; i++)
        pxs_text_addf(&out, "%s%s", i > 0 ? "," : "", g.keys[i]);
    return pxs_text_str(&out);
}

static const char *compare(const struct pxs_compare_options *options) {
    pxs_text_clear(&out);
    ck_ok(pxs_report_compare(store, options, PXS_FORMAT_TABLE, 0, &out, &err));
    return pxs_text_str(&out);
}

/* Two machines, other pictures under one path. */
static const struct planned other_data[] = {
    R(25, 0, 0.20, .content = 'a'), R(25, 1, 0.22, .content = 'a'), R(90, 0, 0.30, .content = 'a'),
    R(90, 1, 0.33, .content = 'a'), R(25, 2, 0.60, .content = 'b'), R(25, 3, 0.62, .content = 'b'),
    R(90, 2, 0.70, .content = 'b'), R(90, 3, 0.73, .content = 'b'),
};

START_TEST(other_data_under_one_path_are_other_configurations)
{
    GROUPS(other_data, NULL);
    ck_assert_uint_eq(g.n_groups, 4);
    ck_assert(!g.one_data_set);
    ck_assert_str_eq(keys(), "dataset,lrgd");
    ck_assert_str_eq(g.labels[0], "lrgd 25, kai (aaaaaaaa)");
    ck_assert_str_eq(g.labels[3], "lrgd 90, kai (bbbbbbbb)");
    ck_has(notes(), "dataset /data/kai did not hold the same pictures for all runs (sha256 "
                    "aaaaaaaa... in 4 runs, "
                    "bbbbbbbb... in 4 runs)");
    const char *text = compare(&(struct pxs_compare_options){.sweep = "rates"});
    ck_has(text, "8 runs in 4 groups");
    ck_has(text, "did not hold the same pictures");
    ck_has(text, "\n 1  kai (aaaaaaaa)    25  2    0.2100");
}
END_TEST

/* The same JPEGs, which another version of the library decoded to other levels. */
static const struct planned decoded_otherwise[] = {
    R(25, 0, 0.20, .content = 'a', .files = 'f'), R(25, 1, 0.22, .content = 'a', .files = 'f'),
    R(25, 2, 0.60, .content = 'b', .files = 'f'), R(25, 3, 0.62, .content = 'b', .files = 'f')};

START_TEST(other_decoders_are_told_from_other_data)
{
    GROUPS(decoded_otherwise, NULL);
    ck_assert_uint_eq(g.n_groups, 2);
    ck_has(notes(), "dataset /data/kai held the same files for all runs, but lossy pictures (JPEG) "
                    "among them were decoded to other pixels (sha256 aaaaaaaa... in 2 runs, "
                    "bbbbbbbb... in 2 runs): these are configurations of their own, never pooled");
    pxs_text_clear(&out);
    ck_ok(pxs_report_diff(store, &(struct pxs_diff_options){.a = "2", .b = "3"}, PXS_FORMAT_TABLE,
                          120, &out, &err));
    ck_has(pxs_text_str(&out), "dataset: the same files, but lossy pictures (JPEG) among them were "
                               "decoded to other pixels");
}
END_TEST

START_TEST(keys_that_are_asked_for_never_pool_other_data)
{
    GROUPS(other_data, "lrgd");
    ck_assert_uint_eq(g.n_groups, 4);
    ck_has(notes(), "--by lrgd makes 4 groups in place of 2, since runs with other pictures "
                    "(dataset) are never pooled");
    GROUPS(other_data, "dataset");
    ck_assert_uint_eq(g.n_groups, 2);
    ck_has_not(notes(), "--by");
}
END_TEST

/* Half of the seeds on another machine, the same pictures under another path. */
static const struct planned moved[] = {
    R(25, 0, 0.20, .content = 'a'),
    R(25, 1, 0.22, .content = 'a'),
    R(90, 0, 0.30, .content = 'a'),
    R(90, 1, 0.33, .content = 'a'),
    R(25, 2, 0.21, .content = 'a', .data = "/home/pairs"),
    R(25, 3, 0.23, .content = 'a', .data = "/home/pairs"),
    R(90, 2, 0.31, .content = 'a', .data = "/home/pairs"),
    R(90, 3, 0.34, .content = 'a', .data = "/home/pairs"),
};

START_TEST(the_same_data_under_another_path_are_one)
{
    GROUPS(moved, NULL);
    ck_assert_uint_eq(g.n_groups, 2);
    ck_assert(g.one_data_set);
    ck_assert_str_eq(keys(), "lrgd");
    ck_assert_uint_eq(g.n_notes, 0);
    const char *text = compare(&(struct pxs_compare_options){.sweep = "rates"});
    ck_has(text, "8 runs in 2 groups");
    ck_has(text, "paired by seed, n = 4");
    ck_has_not(text, "Holm");
    ck_has_not(text, "dataset");
    ck_has_not(text, "pairs)");
    /* the same seeds on another machine: they are pairs all the same */
    text = compare(
        &(struct pxs_compare_options){.sweep = "rates", .by = (const char *[]){"lrgd"}, .n_by = 1});
    ck_has(text, "paired by seed, n = 4");
    ck_has_not(text, "never pooled");
}
END_TEST

START_TEST(first_weights_go_by_content)
{
    static const struct planned plan[] = {
        R(25, 0, 0.20, .content = 'a', .init_from = "/w/generator_min.safetensors", .weights = 'c'),
        R(25, 1, 0.22, .content = 'a', .init_from = "/v/generator_min.safetensors", .weights = 'c'),
        R(25, 2, 0.30, .content = 'a', .init_from = "/w/generator_min.safetensors", .weights = 'd'),
        R(90, 3, 0.40, .content = 'a', .init_from = "/w/generator_min.safetensors", .weights = 'd'),
        R(90, 4, 0.50, .content = 'a'),
    };
    GROUPS(plan, NULL);
    ck_assert_uint_eq(g.n_groups, 4);
    ck_assert_uint_eq(g.group_of[0], g.group_of[1]);
    ck_assert_str_eq(keys(), "lrgd,init_from");
    ck_has(notes(), "init_from /w/generator_min.safetensors did not hold the same first weights");
    GROUPS(plan, "lrgd");
    ck_assert_uint_eq(g.n_groups, 4);
    ck_has(notes(), "runs with other first weights (init_from) are never pooled");
}
END_TEST

/* Old databases do not tell contents: the path stands in, and config_hash has the last word. */
START_TEST(contents_that_nobody_knows)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.22),
                                          R(25, 2, 0.3, .version = 1), R(25, 3, 0.3, .version = 1),
                                          R(90, 0, 0.4)};
    GROUPS(plan, NULL);
    ck_assert_uint_eq(g.n_groups, 3);
    ck_assert_str_eq(keys(), "lrgd,config_hash");
    ck_assert_str_eq(g.labels[1], "lrgd 25, config_hash 00000001");
    ck_has(notes(), "the same hyperparameters but another config_hash");
}
END_TEST

START_TEST(how_to_run_makes_no_groups)
{
    static const struct planned plan[] = {R(25, 0, 0.20, .content = 'a'),
                                          R(25, 1, 0.22, .content = 'a', .sample_interval = 7),
                                          R(90, 0, 0.3, .content = 'a', .sample_interval = 9)};
    GROUPS(plan, NULL);
    ck_assert_uint_eq(g.n_groups, 2);
    ck_assert_str_eq(keys(), "lrgd");
    GROUPS(plan, "sample_interval"); /* who asks, gets it */
    ck_assert_uint_eq(g.n_groups, 3);
}
END_TEST

START_TEST(paths_with_one_last_part_are_told_apart)
{
    static const struct planned plan[] = {R(25, 0, 0.20, .content = 'a', .data = "/a/kai"),
                                          R(25, 0, 0.22, .content = 'b', .data = "/b/kai"),
                                          R(25, 1, 0.22, .content = 'b', .data = "/a/kai")};
    GROUPS(plan, NULL);
    ck_assert_uint_eq(g.n_groups, 2);
    ck_assert_str_eq(g.labels[0], "/a/kai");
    ck_assert_str_eq(g.labels[1], "/b/kai");
    /* of the runs that name this path, whatever others found under it */
    ck_has(
        notes(),
        "dataset /a/kai did not hold the same pictures for all runs (sha256 aaaaaaaa... in 1 run, "
        "bbbbbbbb... in 1 run)");
    const char *text =
        compare(&(struct pxs_compare_options){.sweep = "rates", .baseline = "dataset=/a/kai"});
    ck_has(text, "\n 1  /a/kai ");
    ck_has(text, "against the baseline 1, /a/kai");
}
END_TEST

START_TEST(labels_begin_with_the_policy)
{
    static const struct planned plan[] = {R(25, 0, 0.20, .batch_size = 4),
                                          R(0, 0, 0.22, .batch_size = 2)};
    GROUPS(plan, NULL);
    ck_assert_str_eq(g.labels[0], "halve, lrgd 25, batch_size 4");
    ck_assert_str_eq(g.labels[1], "constant, batch_size 2");
    /* columns keep the order of `pixsweep params` */
    ck_assert_str_eq(keys(), "batch_size,lr_policy_G,lrgd");
}
END_TEST

START_TEST(curves_and_pages_have_the_same_groups)
{
    struct pxs_curves curves;
    struct pxs_text page = {0};
    GROUPS(other_data, NULL);
    ck_ok(pxs_curves_read(store, &(struct pxs_curves_options){.sweep = "rates"}, &curves, &err));
    ck_assert_uint_eq(curves.n_configurations, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_str_eq(curves.configurations[i].label, g.labels[i]);
        ck_assert_uint_eq(curves.configurations[i].n_runs, 2);
    }
    pxs_curves_finish(&curves);
    ck_ok(pxs_report_page(store, &(struct pxs_page_options){.sweep = "rates"}, NULL, &page, &err));
    ck_has(pxs_text_str(&page), "8 runs in 4 configurations with 4 seeds; recorded");
    ck_has(pxs_text_str(&page), "did not hold the same pictures for all runs");
    pxs_text_finish(&page);
}
END_TEST

START_TEST(two_runs_and_what_their_paths_held)
{
    store = make_database_of(moved, PXS_COUNT(moved));
    ck_ok(pxs_report_diff(store, &(struct pxs_diff_options){"1", "5", false}, PXS_FORMAT_TABLE, 0,
                          &out, &err));
    ck_has(pxs_text_str(&out), "dataset: the same pictures under both paths\n");
    ck_has(pxs_text_str(&out), "the configuration is the same; the seed is not");
    drop_database(&store);
    store = make_database_of(other_data, PXS_COUNT(other_data));
    pxs_text_clear(&out);
    ck_ok(pxs_report_diff(store, &(struct pxs_diff_options){"1", "5", false}, PXS_FORMAT_TABLE, 0,
                          &out, &err));
    ck_has(pxs_text_str(&out), "dataset: other pictures under the same path\n");
    ck_has(pxs_text_str(&out), "dataset_sha256    aaaaaaaaaaaa  bbbbbbbbbbbb");
}
END_TEST

static Suite *groups_suite(void) {
    Suite *suite = suite_create("report-groups");
    TCase *t = tcase_create("groups");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, other_data_under_one_path_are_other_configurations);
    tcase_add_test(t, other_decoders_are_told_from_other_data);
    tcase_add_test(t, keys_that_are_asked_for_never_pool_other_data);
    tcase_add_test(t, the_same_data_under_another_path_are_one);
    tcase_add_test(t, first_weights_go_by_content);
    tcase_add_test(t, contents_that_nobody_knows);
    tcase_add_test(t, how_to_run_makes_no_groups);
    tcase_add_test(t, paths_with_one_last_part_are_told_apart);
    tcase_add_test(t, labels_begin_with_the_policy);
    tcase_add_test(t, curves_and_pages_have_the_same_groups);
    tcase_add_test(t, two_runs_and_what_their_paths_held);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void) {
    return run_tests(groups_suite(), CK_NORMAL);
}
