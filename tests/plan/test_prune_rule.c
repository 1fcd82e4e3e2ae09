/* The rules of pruning as functions, and what `plan` says of them. */
#include "plan_tests.h"

#include <math.h>
#include <string.h>

#include "../../src/experiment/plan/plan_priv.h"

/* ---- the rules ------------------------------------------------------------------------------ */

static struct pxs_verdict_at_rung judge(enum pxs_prune_rule rule, double value, int n,
                                        const double *others) {
    struct pxs_prune_settings how = {.rule = rule, .eta = 3, .min_runs = 3};
    struct pxs_verdict_at_rung v;
    double copy[16];
    for (int i = 0; i < n; i++)
        copy[i] = others[i];
    pxs_prune_judge(&how, value, copy, (size_t)n, &v);
    return v;
}

START_TEST(test_median)
{
    const double odd[] = {0.5, 0.1, 0.3}, even[] = {0.4, 0.1, 0.2, 0.9};
    struct pxs_verdict_at_rung v = judge(PXS_PRUNE_MEDIAN, 9, 2, odd); /* too few to compare with */
    ck_assert(v.go_on && isnan(v.cutoff));
    v = judge(PXS_PRUNE_MEDIAN, 0.31, 3, odd);
    ck_assert(!v.go_on);
    ck_assert_double_eq(v.cutoff, 0.3);
    ck_assert_uint_eq(v.place, 3);
    ck_assert_uint_eq(v.of, 4);
    ck_assert(judge(PXS_PRUNE_MEDIAN, 0.3, 3, odd).go_on); /* equal goes on */
    v = judge(PXS_PRUNE_MEDIAN, 0.31, 4, even);
    ck_assert_double_eq_tol(v.cutoff, 0.3, 1e-15);
    ck_assert(!v.go_on);
    ck_assert(judge(PXS_PRUNE_MEDIAN, 0.29, 4, even).go_on);
}
END_TEST

START_TEST(test_asha)
{
    const double others[] = {0.5, 0.1, 0.3, 0.2, 0.6};
    struct pxs_verdict_at_rung v = judge(PXS_PRUNE_ASHA, 9, 0, others);
    ck_assert(v.go_on && isnan(v.cutoff));
    ck_assert(!judge(PXS_PRUNE_ASHA, 0.51, 1, others).go_on); /* fewer than eta: the best one */
    ck_assert(judge(PXS_PRUNE_ASHA, 0.49, 1, others).go_on);
    ck_assert(judge(PXS_PRUNE_ASHA, 0.5, 1, others).go_on); /* as good as the best one */
    v = judge(PXS_PRUNE_ASHA, 0.15, 5, others);             /* 6 runs: the best two */
    ck_assert(v.go_on);
    ck_assert_double_eq(v.cutoff, 0.15);
    ck_assert_uint_eq(v.place, 2);
    v = judge(PXS_PRUNE_ASHA, 0.25, 5, others);
    ck_assert(!v.go_on);
    ck_assert_double_eq(v.cutoff, 0.2);
    ck_assert_uint_eq(v.place, 3);
    ck_assert(judge(PXS_PRUNE_ASHA, 0.2, 5, others).go_on); /* shares the place */
    v = judge(PXS_PRUNE_ASHA, 0.15, 4, others);             /* 5 runs: the best one */
    ck_assert(!v.go_on);
    ck_assert_double_eq(v.cutoff, 0.1);
}
END_TEST

/* The cutoff is what separates: whoever is at or below it goes on, whoever is above does not. */
START_TEST(test_cutoff_separates)
{
    struct pxs_rng rng = pxs_rng_make(5, PXS_STREAM_SWEEP, (uint32_t)_i, 0);
    double others[16];
    int n = 3 + (int)pxs_rng_below(&rng, 13);
    for (int i = 0; i < n; i++)
        others[i] = pxs_rng_below(&rng, 8); /* with equal ones among them */
    for (int rule = PXS_PRUNE_MEDIAN; rule <= PXS_PRUNE_ASHA; rule++)
        for (double value = 0; value < 8; value += 0.5) {
            struct pxs_verdict_at_rung v = judge((enum pxs_prune_rule)rule, value, n, others);
            ck_assert_int_eq(v.go_on, value <= v.cutoff);
            size_t keep = (size_t)(n + 1) / 3;
            if (rule == PXS_PRUNE_ASHA)
                ck_assert_int_eq(v.go_on, v.place <= (keep > 1 ? keep : 1));
        }
}
END_TEST

/* ---- words ---------------------------------------------------------------------------------- */

START_TEST(test_plan_words)
{
    struct pxs_plan *plan = NULL;
    struct pxs_text text = {0};
    struct pxs_sweep_options options = {.file = in_folder("exp.yaml"),
                                        .results = in_folder("results")};
    struct pxs_error err;
    write_text("exp.yaml", PLAN_HEAD "sweep: {seeds: 6, prune: {rule: asha, rungs: [1, 2]}}\n");
    write_pairs("data/train/a.npy", 16, 1);
    write_pairs("data/val/a.npy", 4, 2);
    ck_assert_msg(pxs_plan_make(&options, &plan, &err) == PXS_OK, "%s", err.message);
    /* All but the first of six give up two of three epochs. */
    ck_assert_double_eq_tol(pxs_prune_most_saved(plan), 5.0 * 2 / (6 * 3), 1e-12);
    pxs_prune_words(plan, &text);
    ck_assert_ptr_nonnull(
        strstr(pxs_text_str(&text), "after 1 and 2 epochs; saves 56 % of the steps at most"));
    ck_assert_ptr_nonnull(strstr(pxs_text_str(&text), "pruning favours schedules that fall early"));
    pxs_text_finish(&text);
    pxs_plan_destroy(&plan);
}
END_TEST

START_TEST(test_plan_warns)
{
    struct pxs_plan *plan = NULL;
    struct pxs_text text = {0};
    struct pxs_sweep_options options = {.file = in_folder("exp.yaml"),
                                        .results = in_folder("results")};
    struct pxs_error err;
    write_text("exp.yaml", PLAN_HEAD "discriminator: n_layers\nnorm: batch\nsweep: {grid: "
                                     "{batch_size: [1, 2]}, seeds: 2}\n");
    write_pairs("data/train/a.npy", 16, 1);
    write_pairs("data/val/a.npy", 4, 2);
    ck_assert_msg(pxs_plan_make(&options, &plan, &err) == PXS_OK, "%s", err.message);
    pxs_plan_warnings(plan, &text);
    ck_assert_ptr_nonnull(
        strstr(pxs_text_str(&text), "warning: norm: batch with batch_size 1 (2 of 4 runs)"));
    pxs_text_finish(&text);
    pxs_plan_destroy(&plan);
}
END_TEST

TCase *prune_rule_case(void) {
    TCase *c = tcase_create("pruning");
    tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
    tcase_add_test(c, test_median);
    tcase_add_test(c, test_asha);
    tcase_add_loop_test(c, test_cutoff_separates, 0, 50);
    tcase_add_test(c, test_plan_words);
    tcase_add_test(c, test_plan_warns);
    return c;
}
