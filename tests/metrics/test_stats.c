/* Statistics against values worked out by hand, and against scipy's (stats.golden). */
#include "pixsweep/metrics.h"
#include "support.h"

#include <math.h>
#include <string.h>

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
    ck_assert_double_eq(s.std, 0);
    ck_assert_double_eq(s.mean, 0.1);
    ck_assert_double_eq(s.low, 0.1);
    ck_assert_double_eq(s.high, 0.1);
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

/* ---- against scipy and mpmath --------------------------------------------------------------- */

static double next(FILE *f) {
    double value = NAN;
    ck_assert_int_eq(fscanf(f, "%lf", &value), 1);
    return value;
}

static void take(FILE *f, double *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        values[i] = next(f);
}

/* `scale`: of the values that a small figure is the difference of. */
static void ck_near(const char *what, double value, double expected, double tolerance,
                    double scale) {
    ck_assert_msg(fabs(value - expected) <= tolerance * fmax(fabs(expected), scale),
                  "%s: %.17g, not %.17g", what, value, expected);
}

static void check_t(FILE *f, const char *what) {
    const double a = next(f), df = next(f), expected = next(f);
    ck_near(what,
            strcmp(what, "critical") == 0 ? pxs_student_critical(a, df)
                                          : pxs_student_two_sided(a, df),
            expected, fmax(1e-12, 1e-16 * df), 0);
}

static void check_mean(FILE *f) {
    double a[32];
    struct pxs_stats s;
    const size_t n = (size_t)next(f);
    take(f, a, n);
    pxs_stats_of(a, n, &s);
    ck_near("mean", s.mean, next(f), 1e-14, 0);
    ck_near("std", s.std, next(f), 1e-12, fabs(s.mean) * 1e-4);
    ck_near("low", s.low, next(f), 1e-13, 0);
    ck_near("high", s.high, next(f), 1e-13, 0);
}

static void check_difference(FILE *f, bool paired) {
    double a[32], b[32];
    struct pxs_difference d;
    const size_t n = (size_t)next(f), m = paired ? n : (size_t)next(f);
    take(f, a, n);
    take(f, b, m);
    if (paired)
        pxs_difference_paired(a, b, n, &d);
    else
        pxs_difference_welch(a, n, b, m, &d);
    const double scale = fabs(a[0]) * 1e-3; /* differences of large numbers have fewer digits */
    ck_assert_int_eq(d.design, paired ? PXS_DESIGN_PAIRED : PXS_DESIGN_WELCH);
    ck_assert_uint_eq(d.n_a, n);
    ck_assert_uint_eq(d.n_b, m);
    ck_near("difference", d.mean, next(f), 1e-12, scale);
    ck_near("low", d.low, next(f), 1e-11, scale);
    ck_near("high", d.high, next(f), 1e-11, scale);
    ck_near("p", d.p, next(f), fabs(a[0]) > 1e3 ? 1e-5 : 1e-10, 0);
    if (!paired)
        ck_near("df", d.df, next(f), fabs(a[0]) > 1e3 ? 1e-5 : 1e-10, 0);
    else
        ck_assert_double_eq(d.df, (double)(n - 1));
}

static void check_holm(FILE *f) {
    double p[32];
    struct pxs_difference d[32], *list[32];
    const size_t n = (size_t)next(f);
    take(f, p, n);
    for (size_t i = 0; i < n; i++) {
        d[i] = (struct pxs_difference){.p = p[i]};
        list[i] = &d[i];
    }
    pxs_holm(list, n);
    for (size_t i = 0; i < n; i++)
        ck_near("holm", d[i].p_holm, next(f), 1e-14, 0);
}

START_TEST(as_the_golden_numbers)
{
    char what[32];
    int n = 0;
    FILE *f = fopen(PXS_STATS_GOLDEN, "r");
    ck_assert_msg(f != NULL, "cannot open %s", PXS_STATS_GOLDEN);
    ck_assert_int_eq(fscanf(f, "#%*[^\n]"), 0);
    for (; fscanf(f, "%31s", what) == 1; n++) {
        if (strcmp(what, "two_sided") == 0 || strcmp(what, "critical") == 0)
            check_t(f, what);
        else if (strcmp(what, "mean") == 0)
            check_mean(f);
        else if (strcmp(what, "holm") == 0)
            check_holm(f);
        else
            check_difference(f, strcmp(what, "paired") == 0);
    }
    fclose(f);
    ck_assert_int_gt(n, 200);
}
END_TEST

START_TEST(t_at_its_limits)
{
    ck_assert_double_eq(pxs_student_two_sided(0, 3), 1);
    ck_assert_double_eq(pxs_student_two_sided(INFINITY, 3), 0);
    ck_assert_double_eq(pxs_student_two_sided(-2, 3), pxs_student_two_sided(2, 3));
    ck_assert(isnan(pxs_student_two_sided(1, 0)) && isnan(pxs_student_two_sided(NAN, 1)));
    ck_assert(isnan(pxs_student_critical(0, 3)) && isnan(pxs_student_critical(1, 3)));
    /* df = 1 is Cauchy's distribution */
    ck_assert_double_eq_tol(pxs_student_critical(0.05, 1), tan(acos(-1) * 0.475), 1e-12);
}
END_TEST

START_TEST(differences_without_enough_values)
{
    const double a[] = {1, 2, NAN}, b[] = {3, NAN, 4};
    struct pxs_difference d;
    pxs_difference_paired(a, b, 3, &d);
    ck_assert_int_eq(d.design, PXS_DESIGN_NONE);
    ck_assert_uint_eq(d.n_a, 1);
    ck_assert_double_eq(d.mean, -2);
    ck_assert(isnan(d.low) && isnan(d.p) && isnan(d.p_holm));
    pxs_difference_welch(a, 2, b, 1, &d);
    ck_assert_int_eq(d.design, PXS_DESIGN_NONE);
    ck_assert_double_eq(d.mean, -1.5);
    ck_assert_uint_eq(pxs_seeds_needed(&d, 1), 0);
    pxs_difference_paired(a, b, 0, &d);
    ck_assert(isnan(d.mean));
}
END_TEST

/* 0.3 - 0.2 and 0.7 - 0.6 differ in their last bit only: that is no spread. */
START_TEST(equal_differences_give_no_interval)
{
    const double a[] = {0.3, 0.7, 0.5}, b[] = {0.2, 0.6, 0.4}, same[] = {0.25, 0.25, 0.25};
    struct pxs_difference d;
    pxs_difference_paired(a, b, 3, &d);
    ck_assert(d.no_spread && isnan(d.p) && isnan(d.low));
    ck_assert_double_eq_tol(d.mean, 0.1, 1e-15);
    pxs_difference_welch(same, 3, same, 3, &d);
    ck_assert(d.no_spread && isnan(d.p));
    ck_assert_double_eq(d.mean, 0);
}
END_TEST

/* Differences 0.01 +- 0.01: n with t(n - 1) * 0.01 / sqrt(n) < 0.01 is 7 (t = 2.447
 * against 2.646; 2.571 against 2.449 for 6). */
START_TEST(seeds_that_would_do)
{
    const double a[] = {0.10, 0.11, 0.12}, b[] = {0.10, 0.10, 0.10};
    struct pxs_difference d;
    pxs_difference_paired(a, b, 3, &d);
    ck_assert_uint_eq(pxs_seeds_needed(&d, 1), 7);
    ck_assert_uint_eq(pxs_seeds_needed(&d, 12),
                      13); /* t at 0.05 / 12: 3.527 against 3.606; 3.600 against 3.464 for 12 */
    d.mean = 1e-6;
    ck_assert_uint_eq(pxs_seeds_needed(&d, 1), PXS_SEEDS_MOST + 1);
}
END_TEST

static Suite *stats_suite(void) {
    Suite *suite = suite_create("report-stats");
    TCase *c = tcase_create("stats");
    tcase_add_test(c, mean_and_sample_deviation);
    tcase_add_test(c, an_offset_costs_no_digits);
    tcase_add_test(c, equal_values_have_no_spread);
    tcase_add_test(c, one_value_has_a_mean_but_no_deviation);
    tcase_add_test(c, missing_values_do_not_count);
    tcase_add_test(c, as_the_golden_numbers);
    tcase_add_test(c, t_at_its_limits);
    tcase_add_test(c, differences_without_enough_values);
    tcase_add_test(c, equal_differences_give_no_interval);
    tcase_add_test(c, seeds_that_would_do);
    suite_add_tcase(suite, c);
    return suite;
}

int main(void) {
    return run_tests(stats_suite(), CK_NORMAL);
}
