#include "base_tests.h"
#include "pixsweep/base.h"

#include <string.h>
#include <unistd.h>

START_TEST(joins)
{
    static const struct {
        const char *dir, *rel, *want;
    } rows[] = {
        {"a", "b", "a/b"},         {"a/../b", "", "b"},  {"a", "..", "."},
        {"a", "../..", ".."},      {"", "x", "x"},       {NULL, "x", "x"},
        {NULL, "", "."},           {".", ".", "."},      {"a/", "./b//c/", "a/b/c"},
        {"a", "/b", "/b"},         {"/", "..", "/"},     {"/a", "../../b", "/b"},
        {"..", "../x", "../../x"}, {"../a", "..", ".."}, {"configs", "../data/kai", "data/kai"},
        {"/a/b", "c", "/a/b/c"},   {"..a", "..", "."},   {"/", "a", "/a"},
        {"a/..", "../b", "../b"},  {"//x", "y", "/x/y"},
    };
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        char out[64];
        ck_assert(pxs_path_join(out, sizeof out, rows[i].dir, rows[i].rel));
        ck_assert_str_eq(out, rows[i].want);
    }
}
END_TEST

START_TEST(too_long_is_refused)
{
    char out[8];
    ck_assert(pxs_path_join(out, sizeof out, "abc", "def"));
    ck_assert(!pxs_path_join(out, sizeof out, "abc", "defg"));
    ck_assert(!pxs_path_join(out, 1, "", ""));
    ck_assert(!pxs_path_dir(out, 4, "abcd/e"));
    ck_assert(!pxs_path_absolute(out, 2, "/ab"));
}
END_TEST

START_TEST(absolute)
{
    char here[4096], out[4200], want[4200];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert(pxs_path_absolute(out, sizeof out, "x/../y"));
    snprintf(want, sizeof want, "%s/y", here);
    ck_assert_str_eq(out, want);
    ck_assert(pxs_path_absolute(out, sizeof out, "/p/./q"));
    ck_assert_str_eq(out, "/p/q");
}
END_TEST

START_TEST(folder_part)
{
    static const char *const rows[][2] = {{"a/b", "a"},     {"a", "."},    {"/a", "/"}, {"/", "/"},
                                          {"a/b/", "a"},    {"a//b", "a"}, {"", "."},   {"//", "/"},
                                          {"a/b/c", "a/b"}, {"a/", "."}};
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        char out[16];
        ck_assert(pxs_path_dir(out, sizeof out, rows[i][0]));
        ck_assert_str_eq(out, rows[i][1]);
    }
}
END_TEST

TCase *path_case(void) {
    TCase *tc = tcase_create("path");
    tcase_add_test(tc, joins);
    tcase_add_test(tc, too_long_is_refused);
    tcase_add_test(tc, absolute);
    tcase_add_test(tc, folder_part);
    return tc;
}
