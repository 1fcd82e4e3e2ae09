#include "base_tests.h"
#include "pixsweep/base.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <string.h>

START_TEST(formats)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-2.5, "-2.5"},
        {200, "200"},
        {0.1, "0.1"},
        {0.0001, "0.0001"},
        {0.0002, "0.0002"},
        {0.00001, "1e-5"},
        {1e-10, "1e-10"},
        {1.5e-8, "1.5e-8"},
        {0.999, "0.999"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {123456.789, "123456.789"},
        {999999999999999.0, "999999999999999"},
        {1e14, "100000000000000"},
        {1e15, "1e15"},
        {1e22, "1e22"},
        {9007199254740993.0, "9.007199254740992e15"},
        {-1.25e-7, "-1.25e-7"},
        {DBL_MAX, "1.7976931348623157e308"},
        {-DBL_MIN, "-2.2250738585072014e-308"},
        {4.9406564584124654e-324, "5e-324"},
        {NAN, "nan"},
        {-NAN, "nan"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {0.1f, "0.10000000149011612"},
    };
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        char buf[32];
        ck_assert_ptr_eq(pxs_format_double(buf, rows[i].value), buf);
        ck_assert_str_eq(buf, rows[i].text);
    }
}
END_TEST

START_TEST(any_double_comes_back)
{
    struct pxs_rng rng = pxs_rng_make(1, PXS_STREAM_SWEEP, 0, 0);
    for (int i = 0; i < 20000; i++) {
        union {
            uint64_t bits;
            double value;
        } u = {.bits = (uint64_t)pxs_rng_u32(&rng) << 32 | pxs_rng_u32(&rng)};
        if (!isfinite(u.value))
            continue;
        char buf[32];
        double back = 0;
        pxs_format_double(buf, u.value);
        ck_assert_uint_lt(strlen(buf), 32);
        ck_assert_msg(pxs_parse_double(buf, &back) && back == u.value, "%s from %a", buf, u.value);
    }
}
END_TEST

START_TEST(doubles_read)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {{"1e-4", 1e-4},      {".0001", 1e-4},    {"1E-4", 1e-4},       {"0.0001", 1e-4},
                {"+3", 3},           {"-3.", -3},        {"2e1", 20},          {"0", 0},
                {"007", 7},          {".inf", INFINITY}, {"-.INF", -INFINITY}, {"+.Inf", INFINITY},
                {"1e999", INFINITY}, {"1e-999", 0}};
    static const char *const bad[] = {"",      " 1",  "1 ",       "1_000", "0x10", "0o7",
                                      "1e",    "1e+", ".",        "+",     "-.",   "e5",
                                      "1.2.3", "inf", "nan",      "-.nan", ".iNf", "1,5",
                                      "--1",   "1d3", "infinity", "0x1p3", "1f"};
    double value;
    for (size_t i = 0; i < PXS_COUNT(good); i++)
        ck_assert_msg(pxs_parse_double(good[i].text, &value) && value == good[i].value, "%s",
                      good[i].text);
    for (size_t i = 0; i < PXS_COUNT(bad); i++) {
        value = 42;
        ck_assert_msg(!pxs_parse_double(bad[i], &value) && value == 42, "%s", bad[i]);
    }
    ck_assert(pxs_parse_double(".nan", &value) && isnan(value));
}
END_TEST

START_TEST(integers_read)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"200", 200},
                {"2e1", 20},
                {"2.50e1", 25},
                {"1200e-2", 12},
                {"+5.000", 5},
                {"00012", 12},
                {".5e1", 5},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN},
                {"9.223372036854775807e18", INT64_MAX},
                {"9007199254740993", 9007199254740993},
                {"0e99999999999", 0},
                {"0.0e-5", 0},
                {"1e18", 1000000000000000000}};
    static const char *const bad[] = {"",
                                      "1.5",
                                      "2e-1",
                                      "1e-999999999999",
                                      "9223372036854775808",
                                      "1e19",
                                      "-9223372036854775809",
                                      ".inf",
                                      ".nan",
                                      "12a",
                                      "1e99999999999",
                                      "0x10",
                                      "25e-1",
                                      "true"};
    int64_t value;
    for (size_t i = 0; i < PXS_COUNT(good); i++)
        ck_assert_msg(pxs_parse_int(good[i].text, &value) && value == good[i].value, "%s",
                      good[i].text);
    for (size_t i = 0; i < PXS_COUNT(bad); i++) {
        value = 42;
        ck_assert_msg(!pxs_parse_int(bad[i], &value) && value == 42, "%s", bad[i]);
    }
}
END_TEST

START_TEST(locale_does_not_matter)
{
    static const char *const comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8"};
    for (size_t i = 0; i < PXS_COUNT(comma); i++)
        if (setlocale(LC_ALL, comma[i]))
            break;
    char buf[32];
    double value;
    ck_assert_str_eq(pxs_format_double(buf, 1234.5), "1234.5");
    ck_assert_str_eq(pxs_format_rounded(buf, 8.095238095238096e-5, 4), "8.095e-5");
    ck_assert_str_eq(pxs_format_rounded(buf, 0.0001, 4), "0.0001");
    ck_assert_str_eq(pxs_format_rounded(buf, -999.96, 4), "-1000");
    ck_assert_str_eq(pxs_format_rounded(buf, 1.0 / 21, 1), "0.05");
    ck_assert_str_eq(pxs_format_rounded(buf, NAN, 3), "nan");
    ck_assert_str_eq(pxs_format_rounded(buf, -INFINITY, 3), "-inf");
    ck_assert(pxs_parse_double("1.5", &value) && value == 1.5);
    ck_assert(!pxs_parse_double("1,5", &value));
    setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(edit_distance)
{
    ck_assert_uint_eq(pxs_edit_distance("", ""), 0);
    ck_assert_uint_eq(pxs_edit_distance("abc", ""), 3);
    ck_assert_uint_eq(pxs_edit_distance("", "ab"), 2);
    ck_assert_uint_eq(pxs_edit_distance("kitten", "sitting"), 3);
    ck_assert_uint_eq(pxs_edit_distance("learning_rate_G", "learning_rate_D"), 1);
    ck_assert_uint_eq(pxs_edit_distance("flaw", "lawn"), 2);
    ck_assert_uint_eq(pxs_edit_distance("lrdg", "lrgd"), 1); /* a swap of neighbours is one error */
    ck_assert_uint_eq(pxs_edit_distance("sede", "seed"), 1);
    ck_assert_uint_eq(pxs_edit_distance("ca", "abc"), 3);        /* but what was swapped stays so */
    ck_assert_uint_eq(pxs_edit_distance("bacdfe", "abcdef"), 2); /* two swaps */
}
END_TEST

TCase *number_case(void) {
    TCase *tc = tcase_create("number");
    tcase_add_test(tc, formats);
    tcase_add_test(tc, any_double_comes_back);
    tcase_add_test(tc, doubles_read);
    tcase_add_test(tc, integers_read);
    tcase_add_test(tc, locale_does_not_matter);
    tcase_add_test(tc, edit_distance);
    return tc;
}
