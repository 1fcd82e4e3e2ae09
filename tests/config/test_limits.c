/* Large and hostile files: handled or refused in words, in bounded time and memory. Files are made
 * here. */
#include "pixsweep/config.h"

#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MB ((size_t)1 << 20)

static struct pxs_text file;

static void setup(void) {
    test_folder_enter();
    pxs_text_clear(&file);
}

static void teardown(void) {
    test_folder_leave();
    pxs_text_finish(&file);
}

static void repeat(const char *text, size_t times) {
    size_t n = strlen(text);
    for (size_t i = 0; i < times; i++)
        pxs_text_add_n(&file, text, n);
}

/* Loads what stands in `file`; a refusal must say `words` (NULL: must load). Returns the config. */
static struct pxs_config *expect(const char *words) {
    struct pxs_config *c = NULL;
    struct pxs_text text = {0};
    struct pxs_error err = {0};
    ck_assert(!file.failed);
    write_bytes("x.yaml", file.text, file.len);
    enum pxs_status status = pxs_config_load("x.yaml", NULL, 0, &c, &text, &err);
    ck_assert_msg((status == PXS_OK) == (words == NULL), "%s", err.message);
    ck_assert_msg(!words || strstr(pxs_text_str(&text), words), "%.2000s", pxs_text_str(&text));
    ck_assert_msg(text.len < 60000, "%zu bytes of messages", text.len);
    pxs_text_finish(&text);
    return c;
}

static void expect_fine(void) {
    struct pxs_config *c = expect(NULL);
    ck_assert_uint_eq(pxs_config_count(c), 1);
    pxs_config_destroy(&c);
}

START_TEST(two_megabytes_of_comment)
{
    pxs_text_add(&file, "dataset: data\n");
    repeat("# a line of comment that says nothing at all, again and again and again\n",
           2 * MB / 72);
    ck_assert_uint_gt(file.len, 2 * MB - 100);
    expect_fine();
}
END_TEST

START_TEST(two_megabytes_in_one_value)
{
    pxs_text_add(&file, "dataset: data\nb1: '");
    repeat("x", 2 * MB);
    pxs_text_add(&file, "'\n");
    expect("b1 must be a number, at least 0 and below 1, not 'xxxx");
}
END_TEST

START_TEST(two_megabytes_of_brackets)
{
    pxs_text_add(&file, "dataset: data\nsweep: ");
    repeat("[", 2 * MB);
    expect("nested deeper than 64 levels");
}
END_TEST

START_TEST(two_megabytes_of_indentation)
{
    pxs_text_add(&file, "dataset: data\nsweep:\n");
    repeat(" ", 2 * MB);
    pxs_text_add(&file, "seeds: 1\n");
    expect_fine();
}
END_TEST

START_TEST(two_megabytes_of_unknown_keys)
{
    pxs_text_add(&file, "dataset: data\n");
    for (size_t i = 0; file.len < 2 * MB; i++)
        pxs_text_addf(&file, "key_%zu: 1\n", i);
    expect("\nand 1");
}
END_TEST

START_TEST(two_megabytes_of_the_same_key)
{
    repeat("dataset: data\n", 2 * MB / 14);
    expect("key 'dataset' stands twice: before in line 1");
}
END_TEST

START_TEST(two_megabytes_of_values)
{
    pxs_text_add(&file, "dataset: data\nsweep: {grid: {b1: [0.5");
    repeat(",0.5", 2 * MB / 4);
    pxs_text_add(&file, "]}}\n");
    expect("the list for b1 has 524289 values; a sweep has at most 100000 runs");
}
END_TEST

START_TEST(more_values_than_a_file_may_have)
{
    pxs_text_add(&file, "dataset: data\nsweep: {grid: {b1: [5");
    repeat(",5", 5 * MB);
    pxs_text_add(&file, "]}}\n");
    expect("more than 4000000 values in one file");
}
END_TEST

START_TEST(twenty_megabytes)
{
    repeat("# no\n", 4 * MB);
    expect("x.yaml: too large: an experiment file has at most 16 MB\n");
}
END_TEST

START_TEST(many_anchors)
{
    pxs_text_add(&file, "dataset: data\nsweep:\n  grid:\n    b1:\n");
    for (size_t i = 0; i < 1001; i++)
        pxs_text_addf(&file, "      - &a%zu 0.5\n", i);
    expect("more than 1000 anchors in one file");
}
END_TEST

/* Each level twice the one below: harmless as long as nobody walks it, and 2^18 is still
 * allowed. */
START_TEST(a_modest_alias_tower)
{
    pxs_text_add(&file, "dataset: data\nsweep: {points: [{}]}\nrun:\n  retries: &a0 1\n");
    pxs_text_add(&file, "name: tower\n");
    for (size_t i = 1; i <= 18; i++)
        pxs_text_addf(&file, "k%zu: &a%zu [*a%zu, *a%zu]\n", i, i, i - 1, i - 1);
    expect("unknown key 'k1'");
}
END_TEST

START_TEST(many_runs)
{
    pxs_text_addf(
        &file,
        "dataset: data\nsweep: {random: {samples: %d, b1: {uniform: [0.1, 0.9]}}, seeds: 100}\n",
        MANY_RUNS / 100);
    struct pxs_config *c = expect(NULL);
    static struct pxs_point point;
    ck_assert_uint_eq(pxs_config_count(c), MANY_RUNS);
    pxs_config_point(c, MANY_RUNS - 1, &point);
    ck_assert_int_eq(point.params.seed, 99);
    pxs_config_destroy(&c);
}
END_TEST

START_TEST(many_points)
{
    pxs_text_add(&file, "dataset: data\nsweep:\n  points:\n");
    for (size_t i = 0; i < MANY_POINTS; i++)
        pxs_text_addf(&file, "    - {lr_policy_G: halve, lrgd: %zu}\n", i + 1);
    struct pxs_config *c = expect(NULL);
    ck_assert_uint_eq(pxs_config_count(c), MANY_POINTS);
    pxs_config_destroy(&c);
    repeat("    - {}\n", 100001 - MANY_POINTS);
    expect("the list for points has 100001 values");
}
END_TEST

/* Every byte of a small file broken in turn: an answer, never a crash. */
START_TEST(any_broken_byte)
{
    static const char text[] = "dataset: d\nlrgd: &a 5\nsweep: {grid: {b1: [.5, 0.9]}, points: "
                               "[{ngf: *a}, {}], seeds: 2}\n"
                               "run: {timeout: 8h}\n\"b2\": 0.9\n";
    static const char bytes[] = "\0\t\n :,[]{}&*#?|-<>=!%@\\\"'`x5.\x80\xff";
    for (size_t at = 0; at < sizeof text - 1; at++) {
        for (size_t b = 0; b < sizeof bytes - 1; b++) {
            struct pxs_config *c = NULL;
            struct pxs_error err = {0};
            struct pxs_text out = {0};
            char broken[sizeof text];
            memcpy(broken, text, sizeof text);
            broken[at] = bytes[b];
            write_bytes("x.yaml", broken, sizeof text - 1);
            enum pxs_status status = pxs_config_load("x.yaml", NULL, 0, &c, &out, &err);
            ck_assert_msg((status == PXS_OK) == (out.len == 0), "byte %zu", at);
            pxs_config_destroy(&c);
            pxs_text_finish(&out);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("config limits");
    TCase *tc = tcase_create("limits");
    tcase_set_timeout(tc, 100);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, two_megabytes_of_comment);
    tcase_add_test(tc, two_megabytes_in_one_value);
    tcase_add_test(tc, two_megabytes_of_brackets);
    tcase_add_test(tc, two_megabytes_of_indentation);
    tcase_add_test(tc, two_megabytes_of_unknown_keys);
    tcase_add_test(tc, two_megabytes_of_the_same_key);
    tcase_add_test(tc, two_megabytes_of_values);
    tcase_add_test(tc, more_values_than_a_file_may_have);
    tcase_add_test(tc, twenty_megabytes);
    tcase_add_test(tc, many_anchors);
    tcase_add_test(tc, a_modest_alias_tower);
    tcase_add_test(tc, many_runs);
    tcase_add_test(tc, many_points);
    tcase_add_test(tc, any_broken_byte);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
