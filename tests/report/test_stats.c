/* Statistics against values worked out by hand. */
#include "report_tests.h"

#include <math.h>

START_TEST(mean_and_sample_deviation)
{
    const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct pxs_stats s;
    pxs_stats_of(values, 8, &s);
    ck_assert_uint_eq(s.n, 8);
    ck_assert_double_eq(s.mean, 5);
    ck_assert_double_eq_tol(s.std, sqrt(32.0 / 7.0), 1e-15);
    ck_assert_double_eq(s.min, 2);
    ck_assert_double_eq(s.max, 9);
}
END_TEST

/* The sum of squares alone would leave nothing of these. */
START_TEST(an_offset_costs_no_digits)
{
    const double values[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
    struct pxs_stats s;
    pxs_stats_of(values, 4, &s);
    ck_assert_double_eq_tol(s.std, sqrt(30), 1e-12);
    ck_assert_double_eq(s.mean, 1e9 + 10);
}
END_TEST

START_TEST(equal_values_have_no_spread)
{
    const double values[] = {0.1, 0.1, 0.1};
    struct pxs_stats s;
    pxs_stats_of(values, 3, &s);
    ck_assert_double_le(s.std, 1e-17);
}
END_TEST

START_TEST(one_value_has_a_mean_but_no_deviation)
{
    const double value = 0.25;
    struct pxs_stats s;
    pxs_stats_of(&value, 1, &s);
    ck_assert_double_eq(s.mean, 0.25);
    ck_assert(isnan(s.std));
}
END_TEST

START_TEST(missing_values_do_not_count)
{
    const double values[] = {NAN, 1, NAN, 3};
    struct pxs_stats s;
    pxs_stats_of(values, 4, &s);
    ck_assert_uint_eq(s.n, 2);
    ck_assert_double_eq(s.mean, 2);
    ck_assert_double_eq_tol(s.std, sqrt(2), 1e-15);
    pxs_stats_of(values, 1, &s);
    ck_assert_uint_eq(s.n, 0);
    ck_assert(isnan(s.mean) && isnan(s.min) && isnan(s.max) && isnan(s.std));
    pxs_stats_of(NULL, 0, &s);
    ck_assert_uint_eq(s.n, 0);
}
END_TEST

Suite *stats_suite(void) {
    Suite *suite = suite_create("report-stats");
    TCase *c = tcase_create("stats");
    tcase_add_test(c, mean_and_sample_deviation);
    tcase_add_test(c, an_offset_costs_no_digits);
    tcase_add_test(c, equal_values_have_no_spread);
    tcase_add_test(c, one_value_has_a_mean_but_no_deviation);
    tcase_add_test(c, missing_values_do_not_count);
    suite_add_tcase(suite, c);
    return suite;
}
