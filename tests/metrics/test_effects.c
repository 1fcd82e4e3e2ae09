/* Effects in blocks, Fisher's F and rank correlation against statsmodels, mpmath and scipy
 * (effects.golden), and where there is nothing to be told. */
#include "pixsweep/metrics.h"
#include "support.h"

#include <math.h>
#include <string.h>

enum { MOST = 512 };

static double next(FILE *f) {
    double value = NAN;
    ck_assert_int_eq(fscanf(f, "%lf", &value), 1);
    return value;
}

static void take(FILE *f, double *values, size_t n) {
    ck_assert_uint_le(n, MOST);
    for (size_t i = 0; i < n; i++)
        values[i] = next(f);
}

static void ck_near(const char *what, double value, double expected, double tolerance) {
    ck_assert_msg(fabs(value - expected) <= tolerance * fabs(expected), "%s: %.17g, not %.17g",
                  what, value, expected);
}

/* y[v][w][c][s] to effects block by block (w = 1: of one key). */
static void test_of(const double *y, size_t v, size_t w, size_t c, size_t s,
                    struct pxs_block_test *out) {
    static double z[MOST];
    size_t setting[MOST], seed[MOST];
    for (size_t block = 0; block < c * s; block++) {
        double mean = 0, rows[8] = {0}, columns[8] = {0};
        for (size_t i = 0; i < v * w; i++) {
            const double value = y[i * c * s + block];
            mean += value / (double)(v * w);
            rows[i / w] += value / (double)w;
            columns[i % w] += value / (double)v;
        }
        for (size_t i = 0; i < v * w; i++)
            z[block * v * w + i] =
                y[i * c * s + block] - (w > 1 ? rows[i / w] + columns[i % w] - mean : mean);
        setting[block] = block / s;
        seed[block] = block % s;
    }
    const double df = (double)(v - 1) * (w > 1 ? (double)(w - 1) : 1);
    ck_ok(pxs_block_test(z, c * s, v * w, df, setting, seed, c * s, 1, out, &err));
    ck_assert_uint_eq(out->blocks, c * s);
    ck_assert_uint_eq(out->settings, c);
    ck_assert_uint_eq(out->seeds, s);
}

static void check_effects(FILE *f) {
    static double y[MOST], two[MOST];
    struct pxs_block_test all, pair;
    const size_t v = (size_t)next(f), c = (size_t)next(f), s = (size_t)next(f);
    take(f, y, v * c * s);
    test_of(y, v, 1, c, s, &all);
    const double square_runs = next(f), df_runs = next(f), square_seeds = next(f),
                 df_seeds = next(f);
    const bool by_seeds = next(f) < 0.5;
    ck_assert_int_eq(all.error, by_seeds ? PXS_ERROR_SEEDS : PXS_ERROR_RUNS);
    ck_near("mean square", all.mean_square, by_seeds ? square_seeds : square_runs, 1e-9);
    ck_near("df", all.df2, by_seeds ? df_seeds : df_runs, 1e-12);
    ck_near("square of the key", all.f * all.mean_square, next(f), 1e-9);
    ck_near("df of the key", all.df1, next(f), 1e-12);
    ck_near("f", all.f, next(f), 1e-9);
    ck_near("p", all.p, next(f), 1e-8);

    /* the last value and the first alone */
    double sum = 0;
    memcpy(two, y, c * s * sizeof *y);
    memcpy(two + c * s, y + (v - 1) * c * s, c * s * sizeof *y);
    for (size_t i = 0; i < c * s; i++)
        sum += two[c * s + i] - two[i];
    test_of(two, 2, 1, c, s, &pair);
    const double mean = sum / (double)(c * s), half = pxs_student_critical(PXS_ALPHA, pair.df2) *
                                                      sqrt(2 * pair.mean_square / (double)(c * s));
    ck_near("mean", mean, next(f), 1e-9);
    ck_near("low", mean - half, next(f), 1e-7);
    ck_near("high", mean + half, next(f), 1e-7);
}

static void check_interaction(FILE *f) {
    static double y[MOST];
    struct pxs_block_test test;
    const size_t v = (size_t)next(f), w = (size_t)next(f), c = (size_t)next(f), s = (size_t)next(f);
    take(f, y, v * w * c * s);
    test_of(y, v, w, c, s, &test);
    ck_near("square of the interaction", test.f * test.mean_square, next(f), 1e-9);
    ck_near("its df", test.df1, next(f), 1e-12);
    ck_near("its f", test.f, next(f), 1e-9);
    ck_near("its p", test.p, next(f), 1e-8);
}

static void check_spearman(FILE *f) {
    static double x[MOST], y[MOST];
    struct pxs_rank_correlation r;
    const size_t n = (size_t)next(f);
    take(f, x, n);
    take(f, y, n);
    ck_ok(pxs_spearman(x, y, n, &r, &err));
    ck_assert_uint_eq(r.n, n);
    ck_assert_int_eq(r.exact, n <= 8);
    ck_near("rho", r.rho, next(f), 1e-12);
    ck_near("p of rho", r.p, next(f), 1e-9);
}

START_TEST(as_the_golden_numbers)
{
    char what[32];
    int n = 0;
    FILE *f = fopen(PXS_EFFECTS_GOLDEN, "r");
    ck_assert_msg(f != NULL, "cannot open %s", PXS_EFFECTS_GOLDEN);
    ck_assert_int_eq(fscanf(f, "#%*[^\n]"), 0);
    for (; fscanf(f, "%31s", what) == 1; n++) {
        if (strcmp(what, "fisher") == 0) {
            const double x = next(f), df1 = next(f), df2 = next(f);
            ck_near(what, pxs_fisher_tail(x, df1, df2), next(f), 1e-10);
        } else if (strcmp(what, "spearman") == 0) {
            check_spearman(f);
        } else if (strcmp(what, "effects") == 0) {
            check_effects(f);
        } else {
            ck_assert_str_eq(what, "interaction");
            check_interaction(f);
        }
    }
    fclose(f);
    ck_assert_int_gt(n, 190);
}
END_TEST

/* A normal number of a counter. */
static double normal(uint32_t sweep, uint32_t which) {
    struct pxs_rng rng = pxs_rng_make(7, 99, sweep, which);
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += pxs_rng_uniform(&rng);
    return sum;
}

/* Of two values that are alike, how often is one said to be better? Differences of one seed share
 * part of their variance in all settings. */
START_TEST(the_error_is_kept_where_seeds_are_shared)
{
    enum { SWEEPS = 3000, SETTINGS = 3, SEEDS = 3 };
    static const double shared[] = {0, 0.2, 0.5, 0.8};
    for (size_t i = 0; i < PXS_COUNT(shared); i++) {
        int wrong = 0;
        for (uint32_t sweep = 0; sweep < SWEEPS; sweep++) {
            double y[2 * SETTINGS * SEEDS] = {0};
            struct pxs_block_test t;
            for (uint32_t block = 0; block < SETTINGS * SEEDS; block++)
                y[SETTINGS * SEEDS + block] = sqrt(shared[i]) * normal(sweep, block % SEEDS) +
                                              sqrt(1 - shared[i]) * normal(sweep, 100 + block);
            test_of(y, 2, 1, SETTINGS, SEEDS, &t);
            wrong += t.p < PXS_ALPHA;
        }
        /* the share's own error: 4 sd of 5 % */
        ck_assert_msg(wrong <= SWEEPS * PXS_ALPHA + 4 * sqrt(SWEEPS * PXS_ALPHA * (1 - PXS_ALPHA)),
                      "shared %g: %d of %d", shared[i], wrong, SWEEPS);
        ck_assert_int_gt(wrong, SWEEPS / 100);
    }
}
END_TEST

START_TEST(one_seed_has_the_settings_for_an_error)
{
    const double z[] = {-1, 1, -2, 2, -3, 3};
    const size_t setting[] = {0, 1, 2}, seed[] = {0, 0, 0};
    struct pxs_block_test t;
    ck_ok(pxs_block_test(z, 3, 2, 1, setting, seed, 3, 3, &t, &err));
    ck_assert_int_eq(t.error, PXS_ERROR_SETTINGS);
    ck_assert_double_eq(t.df2, 2);
    ck_assert_double_eq_tol(t.mean_square, 2, 1e-15); /* 2 * (1 + 0 + 1) / 2 */
    ck_assert_double_eq_tol(t.f, 12, 1e-12);          /* 3 * (4 + 4) / 2 */
    ck_ok(pxs_block_test(z, 1, 2, 1, setting, seed, 3, 3, &t, &err));
    ck_assert_int_eq(t.error, PXS_ERROR_NONE);
    ck_assert(isnan(t.p) && isnan(t.f));
    ck_ok(pxs_block_test(z, 0, 2, 1, setting, seed, 3, 3, &t, &err));
    ck_assert_int_eq(t.error, PXS_ERROR_NONE);
}
END_TEST

START_TEST(equal_effects_are_no_measure_of_luck)
{
    const double z[] = {-0.05, 0.05, 0.4 - 0.45, 0.5 - 0.45};
    const size_t setting[] = {0, 0}, seed[] = {0, 1};
    struct pxs_block_test t;
    ck_ok(pxs_block_test(z, 2, 2, 1, setting, seed, 2, 0.5, &t, &err));
    ck_assert(t.no_spread && isnan(t.p) && isnan(t.f));
}
END_TEST

/* Settings with several seeds have the error, those with one only an effect. */
START_TEST(missing_blocks_cost_degrees_of_freedom)
{
    const double z[] = {-1, 1, -2, 2, -9, 9};
    const size_t setting[] = {0, 0, 1}, seed[] = {0, 1, 0};
    struct pxs_block_test t;
    ck_ok(pxs_block_test(z, 3, 2, 1, setting, seed, 3, 9, &t, &err));
    ck_assert_int_eq(t.error, PXS_ERROR_RUNS);
    ck_assert_double_eq(t.df2, 1);
    ck_assert_double_eq_tol(t.mean_square, 1, 1e-15);
    ck_assert_double_eq_tol(t.f, 2 * 3 * 16, 1e-12);
}
END_TEST

START_TEST(too_few_values_have_no_rank_correlation)
{
    const double x[] = {1, 2, 3, NAN}, same[] = {5, 5, 5, 5}, y[] = {1, 2, NAN, 4};
    struct pxs_rank_correlation r;
    ck_ok(pxs_spearman(x, same, 4, &r, &err));
    ck_assert_uint_eq(r.n, 3);
    ck_assert(isnan(r.rho) && isnan(r.p));
    ck_ok(pxs_spearman(x, y, 4, &r, &err));
    ck_assert_uint_eq(r.n, 2);
    ck_assert(isnan(r.rho) && isnan(r.p));
    /* three in order: one of six orders each way */
    ck_ok(pxs_spearman(x, x, 4, &r, &err));
    ck_assert_double_eq(r.rho, 1);
    ck_assert_double_eq_tol(r.p, 1.0 / 3, 1e-15);
}
END_TEST

static Suite *effects_suite(void) {
    Suite *suite = suite_create("metrics-effects");
    TCase *c = tcase_create("effects");
    tcase_add_test(c, as_the_golden_numbers);
    tcase_add_test(c, the_error_is_kept_where_seeds_are_shared);
    tcase_add_test(c, one_seed_has_the_settings_for_an_error);
    tcase_add_test(c, equal_effects_are_no_measure_of_luck);
    tcase_add_test(c, missing_blocks_cost_degrees_of_freedom);
    tcase_add_test(c, too_few_values_have_no_rank_correlation);
    suite_add_tcase(suite, c);
    return suite;
}

int main(void) {
    return run_tests(effects_suite(), CK_NORMAL);
}
