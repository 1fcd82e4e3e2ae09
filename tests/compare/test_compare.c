/* compare's differences, words and corner cases, over sweeps made for each. */
#include "pixsweep/compare.h"
#include "report_tests.h"

#include <math.h>
#include <string.h>

static struct pxs_store *store;
static struct pxs_comparison c;
static struct pxs_text out;

static void setup(void) {
    out = (struct pxs_text){0};
    c = (struct pxs_comparison){0};
    store = NULL;
}

static void teardown(void) {
    pxs_comparison_finish(&c);
    pxs_text_finish(&out);
    if (store != NULL)
        drop_database(&store);
}

/* Compares those runs; the comparison is in `c`. */
static void compare(const struct planned *plan, size_t n,
                    const struct pxs_compare_options *options) {
    if (store == NULL)
        store = make_database_of(plan, n);
    pxs_comparison_finish(&c);
    ck_ok(pxs_compare(store, options, &c, &err));
}
#define COMPARE(plan, ...) \
    compare(plan, PXS_COUNT(plan), &(struct pxs_compare_options){__VA_ARGS__})

static double at(size_t row, const char *column) {
    const struct pxs_cell cell = pxs_table_at(&c.table, row, column);
    return cell.kind == PXS_CELL_NULL ? NAN : cell.real;
}

static const char *notes(void) {
    pxs_text_clear(&out);
    for (size_t i = 0; i < c.n_notes; i++)
        pxs_text_addf(&out, "%s\n", c.notes[i]);
    return pxs_text_str(&out);
}

static const char *table(const struct pxs_compare_options *options, int width) {
    pxs_text_clear(&out);
    ck_ok(pxs_report_compare(store, options, PXS_FORMAT_TABLE, width, &out, &err));
    return pxs_text_str(&out);
}

/* ---- who leads ------------------------------------------------------------------------------ */

/* By seed the first is better by 0.010, 0.011, 0.012 although the seeds themselves differ by 0.2:
 * only pairing sees it. */
static const struct planned paired[] = {
    R(25, 0, 0.20), R(25, 1, 0.30),  R(25, 2, 0.40),
    R(90, 0, 0.21), R(90, 1, 0.311), R(90, 2, 0.412),
};

START_TEST(pairs_separate_what_seeds_would_hide)
{
    COMPARE(paired, 0);
    ck_assert(c.separated);
    ck_assert_str_eq(pxs_table_at(&c.table, 1, "vs_best_design").text, "paired");
    ck_assert_double_eq_tol(at(1, "vs_best_diff"), 0.011, 1e-12);
    ck_assert_double_eq(at(1, "vs_best_n"), 3);
    /* 0.011 -+ t(0.975, 2) * 0.001 / sqrt(3), scipy */
    ck_assert_double_eq_tol(at(1, "vs_best_ci_low"), 0.011 - 4.302652729749464 * 0.001 / sqrt(3),
                            1e-12);
    ck_assert_double_eq_tol(at(1, "vs_best_p"), 0.002743489394425861, 1e-9);
    ck_assert(isnan(at(0, "vs_best_diff")));
    ck_has(c.verdict,
           "lrgd 25 leads with a mean best_val_loss of 0.3, 0.011 (3.5 %) below lrgd 90");
    ck_has(c.verdict, "the evidence separates the two (paired by seed, n = 3, 95 % interval of the "
                      "lead 0.00852 to "
                      "0.0135, p = 0.0027)");
}
END_TEST

START_TEST(without_shared_seeds_it_is_welch)
{
    static const struct planned plan[] = {
        R(25, 0, 0.20),  R(25, 1, 0.30),  R(25, 2, 0.40), R(90, 3, 0.21),
        R(90, 4, 0.311), R(90, 5, 0.412), R(90, 6, 0.3),
    };
    COMPARE(plan, 0);
    ck_assert(!c.separated);
    ck_assert_str_eq(pxs_table_at(&c.table, 1, "vs_best_design").text, "welch");
    ck_has(c.verdict,
           "the evidence does not separate the two (Welch's t test, n = 3 and 4, 95 % interval");
    ck_has(c.verdict, "not even 200 seeds of each would");
}
END_TEST

/* Two pairs of five runs each: as samples they say more. */
START_TEST(few_pairs_do_not_throw_the_rest_away)
{
    static const struct planned plan[] = {
        R(25, 0, 0.200), R(25, 1, 0.210), R(25, 2, 0.205), R(25, 3, 0.208), R(25, 4, 0.202),
        R(90, 3, 0.310), R(90, 4, 0.305), R(90, 5, 0.301), R(90, 6, 0.309), R(90, 7, 0.300),
    };
    COMPARE(plan, 0);
    ck_assert_str_eq(pxs_table_at(&c.table, 1, "vs_best_design").text, "welch");
    ck_assert(c.separated);
}
END_TEST

START_TEST(one_seed_is_no_winner)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(90, 0, 0.30)};
    COMPARE(plan, 0);
    ck_assert(!c.separated);
    ck_assert_str_eq(pxs_table_at(&c.table, 1, "vs_best_design").text, "none");
    ck_assert_double_eq_tol(at(1, "vs_best_diff"), 0.1, 1e-12);
    ck_assert(isnan(at(1, "vs_best_p")) && isnan(at(0, "best_val_loss_ci_low")));
    ck_has(c.verdict, "n = 1: one seed cannot tell a difference from luck");
    ck_has_not(c.verdict, "n = 1 for");
    ck_has_not(notes(), "Student");
}
END_TEST

START_TEST(one_seed_of_one_of_them)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.21), R(90, 0, 0.30)};
    COMPARE(plan, 0);
    ck_has(c.verdict, "n = 1 for lrgd 90: one seed cannot tell");
}
END_TEST

START_TEST(two_seeds_seldom_separate)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.25), R(90, 0, 0.23),
                                          R(90, 1, 0.32)};
    COMPARE(plan, 0);
    ck_assert(!c.separated);
    ck_has(c.verdict, "n = 2");
    ck_has(c.verdict, "; about 4 seeds of each would");
}
END_TEST

/* The means are over all runs, the evidence over the pairs: both leads are told. */
START_TEST(a_lead_over_pairs_only)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.22), R(25, 2, 0.10),
                                          R(90, 0, 0.23), R(90, 1, 0.26)};
    COMPARE(plan, 0);
    ck_has(c.verdict, "0.0717 (29 %) below lrgd 90");
    ck_has(c.verdict,
           "(paired by seed, n = 2, in these a lead of 0.035, 95 % interval of the lead ");
}
END_TEST

/* Two more seeds of one of them turn the means round: what the shared seeds say goes before. */
START_TEST(shared_seeds_may_say_the_reverse)
{
    static const struct planned plan[] = {R(25, 1, 0.301), R(25, 2, 0.402), R(25, 3, 0.353),
                                          R(25, 5, 0.10),  R(25, 7, 0.11),  R(90, 1, 0.300),
                                          R(90, 2, 0.400), R(90, 3, 0.350)};
    static const struct planned unclear[] = {R(25, 1, 0.301), R(25, 2, 0.402), R(25, 3, 0.353),
                                             R(90, 1, 0.300), R(90, 2, 0.403), R(90, 3, 0.330),
                                             R(90, 5, 0.60),  R(90, 7, 0.61)};
    COMPARE(plan, 0);
    ck_assert(!c.separated);
    ck_has(c.verdict, "lrgd 25 leads with a mean best_val_loss of 0.2532,");
    ck_has(
        c.verdict,
        "; but on the shared seeds the order is reversed: there lrgd 90 leads, and the evidence "
        "leaves it open (paired by seed, n = 3, in these a lead of 0.002, 95 % interval of the "
        "lead -0.000484 to 0.00448, p = 0.074); the mean of lrgd 25 comes from other seeds, too");
    ck_has_not(c.verdict, "of each would");
    drop_database(&store);
    compare(unclear, PXS_COUNT(unclear), &(struct pxs_compare_options){0});
    ck_has(c.verdict,
           "the order is reversed: there lrgd 90 leads, and the evidence leaves it open");
    ck_has(c.verdict, "; the mean of lrgd 90 comes from other seeds, too");
}
END_TEST

/* The reversal is told as what it is where the pairs prove it, also for what is better the higher
 * it is. */
START_TEST(evidence_of_the_reverse)
{
    static const struct planned plan[] = {
        R(25, 1, 0.3, .psnr = 10.0),  R(25, 2, 0.3, .psnr = 11.0), R(25, 3, 0.3, .psnr = 12.0),
        R(25, 5, 0.3, .psnr = 20),    R(25, 7, 0.3, .psnr = 21),   R(90, 1, 0.3, .psnr = 10.10),
        R(90, 2, 0.3, .psnr = 11.11), R(90, 3, 0.3, .psnr = 12.12)};
    COMPARE(plan, .metric = "psnr");
    ck_assert(!c.separated);
    ck_has(c.verdict, "lrgd 25 leads with a mean val_psnr of 14.8,");
    ck_has(c.verdict,
           "there lrgd 90 leads, and the evidence says so (paired by seed, n = 3, in these a lead "
           "of 0.11, 95 % interval of the lead 0.0852 to 0.135, p = 0.0027)");
}
END_TEST

/* With three configurations there are two comparisons, and each has to show more. */
START_TEST(seeds_for_several_comparisons)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.25), R(90, 0, 0.23),
                                          R(90, 1, 0.32), R(50, 0, 0.40), R(50, 1, 0.41)};
    COMPARE(plan, 0);
    ck_has(c.verdict, "; about 5 seeds of each would");
}
END_TEST

START_TEST(the_same_training_twice_is_level)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.25), R(90, 0, 0.20),
                                          R(90, 1, 0.25)};
    COMPARE(plan, 0);
    ck_assert(!c.separated);
    ck_has(c.verdict, "lrgd 25 and lrgd 90 are level: both have a mean best_val_loss of 0.225, the "
                      "same in every one of 2 "
                      "pairs");
}
END_TEST

/* What comes behind the best epoch is no part of best_val_loss. */
START_TEST(level_until_they_part)
{
    static const struct planned plan[] = {
        R(25, 0, 0.20),
        R(25, 1, 0.30),
        R(90, 0, 0.20, .later = 0.02),
        R(90, 1, 0.30, .later = 0.02),
    };
    static const struct planned once[] = {R(25, 0, 0.20), R(90, 0, 0.20, .later = 0.02)};
    static const char said[] =
        "but they did not train alike: their losses differ from epoch 21 on, after the best epoch, "
        "so best_val_loss cannot tell them apart (--metric final_val_loss can)";
    COMPARE(plan, 0);
    ck_has(c.verdict, "are level: both have a mean best_val_loss of 0.25, the same in every one of "
                      "2 pairs; but they did");
    ck_has(c.verdict, said);
    ck_has_not(c.verdict, "they trained alike");
    COMPARE(plan, .metric = "final_val_loss");
    ck_has(c.verdict, "lrgd 25 leads with a mean final_val_loss");
    drop_database(&store);
    COMPARE(once, 0);
    ck_has(c.verdict, said);
}
END_TEST

START_TEST(pairs_that_part_late_are_counted)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.30),
                                          R(90, 0, 0.20, .later = 0.02), R(90, 1, 0.31)};
    COMPARE(plan, 0);
    ck_has(c.verdict, "lrgd 25 leads");
    ck_has(notes(), "in 1 of 2 pairs of the first two best_val_loss is the same, although their "
                    "losses differ from epoch 21 on");
}
END_TEST

START_TEST(other_metrics_have_other_leaders)
{
    static const struct planned plan[] = {R(25, 0, 0.20, .later = 0.5, .psnr = 20),
                                          R(25, 1, 0.22, .later = 0.5, .psnr = 21),
                                          R(90, 0, 0.30, .psnr = 18),
                                          R(90, 1, 0.32, .psnr = 18),
                                          R(0, 0, 0.40, .psnr = 25),
                                          R(0, 1, 0.40, .psnr = 25)};
    COMPARE(plan, 0);
    ck_has(c.verdict, "; but halve, lrgd 90 leads by final_val_loss; constant by val_psnr");
    COMPARE(plan, .metric = "psnr");
    ck_has(c.verdict, "; but halve, lrgd 25 leads by best_val_loss; halve, lrgd 90 by "
                      "final_val_loss");
    COMPARE(plan, .metric = "final");
    ck_has(c.verdict, "; but halve, lrgd 25 leads by best_val_loss; constant by val_psnr");
    drop_database(&store);
    COMPARE(paired, 0);
    ck_has_not(c.verdict, "leads by");
}
END_TEST

START_TEST(overfitting_is_said)
{
    static const struct planned plan[] = {
        R(25, 0, 0.20, .overfits = true), R(25, 1, 0.20), R(90, 0, 0.30, .overfits = true),
        R(90, 1, 5, .overfits = true) /* rises by less than 5 % */};
    COMPARE(plan, 0);
    ck_has(notes(), "2 of 4 runs that count peaked early and then overfitted: from about epoch 21 "
                    "on their validation loss rises (at the end 1.38 times its lowest) while their "
                    "training loss falls");
    COMPARE(plan, .epochs = 21);
    ck_has_not(notes(), "overfitted");
}
END_TEST

START_TEST(seeds_without_effect_measure_no_luck)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.20), R(90, 0, 0.30),
                                          R(90, 1, 0.30)};
    COMPARE(plan, 0);
    ck_assert(!c.separated);
    ck_assert_double_eq(at(0, "best_val_loss_std"), 0);
    ck_has(c.verdict, "nothing varies from seed to seed");
}
END_TEST

START_TEST(one_configuration_has_no_rival)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.24)};
    COMPARE(plan, 0);
    ck_has(c.verdict, "one configuration only");
    ck_has(c.verdict, "0.22 (n = 2, 95 % interval -0.03412 to 0.4741)");
}
END_TEST

START_TEST(nothing_is_completed_yet)
{
    static const struct planned plan[] = {R(25, 0, 0.20, .waits = true),
                                          R(90, 0, 0.20, .waits = true)};
    COMPARE(plan, 0);
    ck_has(c.verdict, "no run is completed, so there is nothing to compare yet");
    ck_assert_uint_eq(c.n_open, 2);
    ck_has(table(&(struct pxs_compare_options){0}, 0), "lrgd");
}
END_TEST

START_TEST(only_one_has_come_through)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(90, 0, 0.20, .waits = true)};
    COMPARE(plan, 0);
    ck_has(c.verdict, "only lrgd 25 has completed runs");
    ck_has(c.verdict, "n = 1: one seed does not show the spread");
}
END_TEST

/* The third lies further off but varies more: the verdict must not sound as if it were settled. */
static const struct planned three[] = {
    R(25, 0, 0.200),  R(25, 1, 0.201), R(25, 2, 0.202), R(90, 0, 0.210), R(90, 1, 0.211),
    R(90, 2, 0.2123), R(0, 0, 0.21),   R(0, 1, 0.33),   R(0, 2, 0.25),
};

START_TEST(many_comparisons_are_corrected)
{
    COMPARE(three, 0);
    ck_assert(c.separated);
    ck_has(c.verdict, "corrected for 2 comparisons (Holm)");
    ck_has(c.verdict, "; 1 other is not yet told apart from it");
    ck_assert_double_eq_tol(at(1, "vs_best_p_holm"), 2 * at(1, "vs_best_p"), 1e-15);
    ck_assert_double_eq_tol(at(2, "vs_best_p_holm"), at(2, "vs_best_p"), 1e-15);
    ck_has(notes(), "the best of 3 means owes something to luck");
}
END_TEST

/* ---- what may not be passed over ------------------------------------------------------------ */

START_TEST(survivors_do_not_win_in_silence)
{
    static const struct planned plan[] = {
        R(25, 0, 0.20), R(25, 1, 0.21), R(25, 2, NAN, .outcome = PXS_OUTCOME_DIVERGED),
        R(90, 0, 0.23), R(90, 1, 0.24), R(90, 2, 0.31),
    };
    COMPARE(plan, 0);
    ck_assert_double_eq(at(0, "diverged"), 1);
    ck_assert_double_eq(at(0, "failed"), 1);
    ck_has(c.verdict, "; 1 of its runs failed or diverged and is not in that mean");
    ck_has(notes(), "lrgd 25 (1 of 3) lost runs that failed or diverged: a mean over those that "
                    "came through flatters");
}
END_TEST

START_TEST(pruned_runs_count_apart)
{
    static const struct planned plan[] = {
        R(25, 0, 0.20),
        R(25, 1, 0.21),
        R(90, 0, 0.23),
        R(90, 1, 0.10, .outcome = PXS_OUTCOME_PRUNED),
    };
    COMPARE(plan, 0);
    ck_assert_uint_eq(c.states.of[PXS_STATE_PRUNED], 1);
    ck_assert_uint_eq(c.states.of[PXS_STATE_COMPLETED], 3);
    ck_assert_uint_eq(c.n_open, 0);
    ck_assert_uint_eq(c.n_failed, 0);
    ck_assert_double_eq(at(1, "pruned"), 1);
    ck_assert_double_eq(at(1, "n"), 1);
    ck_has(notes(), "3 of 4 runs count: 1 pruned");
    ck_has(notes(), "favours schedules that fall early");
}
END_TEST

START_TEST(without_validation_it_says_so)
{
    static const struct planned plan[] = {R(25, 0, NAN), R(25, 1, NAN), R(90, 0, NAN)};
    COMPARE(plan, 0);
    ck_assert_str_eq(c.metric, "final_avg_loss_G");
    ck_has(c.verdict,
           "no run has a best_val_loss, so by final_avg_loss_G, the training loss, which says "
           "nothing of unseen");
    ck_has(table(&(struct pxs_compare_options){0}, 0), "lowest mean final_avg_loss_G first");
}
END_TEST

/* loss_G holds lambda_pixel and the kind of loss that gan_mode says: a lower one proves nothing
 * between such. */
START_TEST(other_losses_are_no_rivals)
{
    static const struct planned plan[] = {
        R(25, 0, 0.20, .lambda_pixel = 10),   R(25, 1, 0.30, .lambda_pixel = 10),
        R(25, 2, 0.40, .lambda_pixel = 10),   R(25, 0, 1.21, .lambda_pixel = 100),
        R(25, 1, 1.311, .lambda_pixel = 100), R(25, 2, 1.412, .lambda_pixel = 100),
    };
    static const char *const by[] = {"seed"};
    COMPARE(plan, .metric = "loss_G");
    ck_assert_str_eq(c.metric, "final_avg_loss_G");
    ck_assert(!c.separated);
    ck_assert(isnan(at(1, "vs_best_p")));
    ck_assert_double_eq_tol(at(1, "vs_best_diff"), 1.011, 1e-12);
    ck_has(c.verdict,
           "below lambda_pixel 100; but they differ in lambda_pixel, which is a factor in loss_G: "
           "this order is no evidence of which is better");
    ck_has_not(c.verdict, "p = ");
    ck_has_not(c.verdict, "n = ");
    COMPARE(plan, .metric = "loss_G", .baseline = "1");
    ck_has(notes(), "0 better and 0 worse by the evidence");
    /* in pairs of the same lambda_pixel they are alike */
    COMPARE(plan, .metric = "loss_G", .by = by, .n_by = 1);
    ck_has(c.verdict, "paired by lambda_pixel, n = 2");
    ck_has_not(c.verdict, "is a factor");
    COMPARE(plan, 0);
    ck_assert(c.separated);
    ck_has_not(c.verdict, "is a factor");
}
END_TEST

/* A third of another loss is neither tested nor waited for. */
START_TEST(one_of_another_loss_is_left_out)
{
    static const struct planned plan[] = {
        R(25, 0, 0.20, .lambda_pixel = 10),  R(25, 1, 0.30, .lambda_pixel = 10),
        R(25, 2, 0.40, .lambda_pixel = 10),  R(90, 0, 0.21, .lambda_pixel = 10),
        R(90, 1, 0.311, .lambda_pixel = 10), R(90, 2, 0.412, .lambda_pixel = 10),
        R(25, 0, 1.21, .lambda_pixel = 100), R(25, 1, 1.32, .lambda_pixel = 100),
    };
    COMPARE(plan, .metric = "loss_G");
    ck_assert(c.separated);
    ck_has(c.verdict, "p = 0.0027)");
    ck_has_not(c.verdict, "Holm");
    ck_has_not(c.verdict, "told apart");
    ck_assert(isnan(at(2, "vs_best_p")));
}
END_TEST

START_TEST(other_kinds_of_loss_are_no_rivals)
{
    static const struct planned plan[] = {R(25, 0, NAN), R(25, 1, NAN),
                                          R(25, 0, NAN, .vanilla = true),
                                          R(25, 1, NAN, .vanilla = true)};
    const double target = 0.25;
    COMPARE(plan, .target = &target);
    ck_has(c.verdict, "no run has a best_val_loss, so by final_avg_loss_G");
    ck_has(c.verdict,
           "; but they differ in gan_mode, which decides what the adversarial part of loss_G is: ");
    ck_has_not(c.verdict, "trained alike");
    ck_has(notes(), "target val_loss <= 0.25: no run has a val_loss, so none can reach it");
    ck_has_not(notes(), "reached by");
}
END_TEST

/* What another network judges is another loss; the validation loss is not. */
START_TEST(other_judges_are_no_rivals)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.21),
                                          R(25, 0, 0.30, .pixel = true),
                                          R(25, 1, 0.31, .pixel = true)};
    COMPARE(plan, .metric = "loss_G");
    ck_has(c.verdict, "; but they differ in discriminator, which decides what judges: ");
    COMPARE(plan, 0);
    ck_has_not(c.verdict, "which decides what judges");
}
END_TEST

/* A loss over 20 training pairs is no match for one over a validation split. */
START_TEST(other_pictures_are_no_rivals)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.21),
                                          R(90, 0, 0.30, .lab = true), R(90, 1, 0.32, .lab = true)};
    COMPARE(plan, 0);
    ck_has(c.verdict, "; but they differ in validation, which decides on which pairs it is "
                      "measured: this order is no "
                      "evidence of which is better");
    ck_assert(isnan(at(1, "vs_best_p")));
}
END_TEST

/* The first two compare well; the third is of another measure, and against it nobody is better. */
START_TEST(another_measure_behind_the_first_two)
{
    static const struct planned plan[] = {R(25, 0, 0.20),
                                          R(25, 1, 0.21),
                                          R(90, 0, 0.30),
                                          R(90, 1, 0.32),
                                          R(90, 0, 0.60, .lab = true),
                                          R(90, 1, 0.62, .lab = true)};
    COMPARE(plan, 0);
    ck_has(
        c.verdict,
        "; 1 other differs from it in validation, which decides on which pairs it is measured: its "
        "place in this order is no evidence");
    ck_assert(!isnan(at(1, "vs_best_p")));
    ck_assert(isnan(at(2, "vs_best_p")));
    COMPARE(plan, .baseline = "3");
    ck_has(notes(), "0 better and 0 worse by the evidence, of 2");
    ck_has(notes(), "2 whose best_val_loss is another measure are not tested");
}
END_TEST

/* n counts runs that are completed; those without the metric are no part of its mean. */
START_TEST(runs_without_the_metric_are_counted_out)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.21), R(25, 2, NAN),
                                          R(90, 0, 0.30), R(90, 1, 0.32)};
    COMPARE(plan, 0);
    ck_has(notes(), "1 of 5 runs that count has no best_val_loss: means, spreads and tests are "
                    "over the others");
}
END_TEST

START_TEST(discriminators_that_teach_nothing_are_named)
{
    static const struct planned plan[] = {
        R(25, 0, 0.2, .d_real = 0.5, .d_fake = 0.495),
        R(25, 1, 0.2, .d_real = 0.995, .d_fake = 0.004),
        R(90, 0, 0.2, .d_real = 0.6, .d_fake = 0.4),
    };
    COMPARE(plan, 0);
    ck_has(notes(), "discriminator collapsed in run rates/0001 (0.50 and 0.49)");
    ck_has(notes(),
           "discriminator saturated, so that it teaches little, in run rates/0002 (0.99 and 0.00)");
    ck_assert_double_eq_tol(at(0, "D_real_mean"), 0.7475, 1e-12);
}
END_TEST

/* ---- other metrics -------------------------------------------------------------------------- */

START_TEST(the_higher_the_better_where_it_is_so)
{
    static const struct planned plan[] = {
        R(25, 0, 0.20, .psnr = 15),
        R(25, 1, 0.21, .psnr = 16),
        R(90, 0, 0.23, .psnr = 18),
        R(90, 1, 0.24, .psnr = 19.5),
    };
    COMPARE(plan, .metric = "val_psnr");
    ck_assert_str_eq(c.metric, "val_psnr");
    ck_assert(c.higher_is_better);
    ck_assert_double_eq_tol(at(0, "val_psnr_mean"), 18.75, 1e-12);
    ck_assert_int_eq(pxs_table_at(&c.table, 0, "lrgd").integer, 90);
    ck_assert_double_eq_tol(at(1, "vs_best_diff"), -3.25, 1e-12);
    ck_has(c.verdict, "lrgd 90 leads with a mean val_psnr of 18.75, 3.25 dB above lrgd 25");
    ck_has(c.verdict, "interval of the lead 0.0734 to 6.43");
    ck_has(notes(), "val_psnr is that of the epoch with the best validation loss");
    COMPARE(plan, .metric = "final_val_loss");
    ck_assert_int_eq(pxs_table_at(&c.table, 0, "lrgd").integer, 25);
    ck_fails(pxs_compare(store, &(struct pxs_compare_options){.metric = "val_pnsr"}, &c, &err),
             PXS_E_INVALID, "did you mean 'val_psnr'?");
}
END_TEST

/* 20 epochs fall by 0.01 each, 9 rise again: two triangles above the best. */
START_TEST(area_under_the_curve)
{
    static const struct planned plan[] = {R(25, 0, 0.20)};
    COMPARE(plan, 0);
    ck_assert_double_eq_tol(at(0, "val_auc_mean"), 0.20 + (0.2 * 20 / 2 + 0.09 * 9 / 2) / 29,
                            1e-12);
}
END_TEST

START_TEST(targets)
{
    /* best + 0.01 * (20 - e) <= 0.25: in epochs 15 and 19 of the first, never in the second */
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.24), R(90, 0, 0.30),
                                          R(90, 1, 0.31)};
    const double target = 0.25;
    COMPARE(plan, .target = &target);
    ck_assert_double_eq(at(0, "target_n"), 2);
    ck_assert_double_eq(at(0, "target_epoch_mean"), 17);
    ck_assert_double_eq(at(0, "target_seconds_mean"), 2 * (16 + 20) / 2);
    ck_assert_double_eq(at(1, "target_n"), 0);
    ck_assert(isnan(at(1, "target_epoch_mean")));
    ck_has(notes(), "target val_loss <= 0.25: reached by 2 of 4 completed runs; epoch and time are "
                    "means over those");
}
END_TEST

/* ---- a baseline ----------------------------------------------------------------------------- */

START_TEST(differences_from_a_baseline)
{
    COMPARE(three, .baseline = "lrgd=90");
    ck_assert_double_eq_tol(at(0, "vs_baseline_diff"), -0.0101, 1e-12);
    ck_assert(isnan(at(1, "vs_baseline_diff")));
    ck_assert_double_eq_tol(at(2, "vs_baseline_diff"), (0.79 - 0.6333) / 3, 1e-12);
    ck_has(notes(),
           "against the baseline 2, halve, lrgd 90: 1 better and 0 worse by the evidence, of 2");
    const char *text = table(&(struct pxs_compare_options){.baseline = "2"}, 0);
    ck_has(text, "vs baseline");
    ck_has(text, "-0.0101   -0.0105 to -0.0097      3  1.96e-04\n");
}
END_TEST

START_TEST(baselines_are_named_in_several_ways)
{
    static const struct {
        const char *name;
        enum pxs_status status;
        const char *word;
    } cases[] = {
        {"lr_policy_G=halve, lrgd=2.5e1", PXS_OK, NULL},
        {"3", PXS_OK, NULL},
        {"lr_policy_G=constant", PXS_OK, NULL},
        {"lrgd=null", PXS_OK, NULL},
        {"0", PXS_E_NOT_FOUND, "the table has 1 to 3"},
        {"lr_policy_G=halve", PXS_E_INVALID,
         "fits 2 configurations: 1 (halve, lrgd 25), 2 (halve, lrgd 90)"},
        {"lrgd=7", PXS_E_NOT_FOUND, "no configuration of this sweep has lrgd=7"},
        {"lrgdd=7", PXS_E_INVALID, "lr_policy_G, lrgd"},
        {"", PXS_E_INVALID, "neither"},
    };
    COMPARE(three, 0);
    for (size_t i = 0; i < PXS_COUNT(cases); i++) {
        const struct pxs_compare_options options = {.baseline = cases[i].name};
        struct pxs_comparison other = {0};
        if (cases[i].status == PXS_OK)
            ck_ok(pxs_compare(store, &options, &other, &err));
        else
            ck_fails(pxs_compare(store, &options, &other, &err), cases[i].status, cases[i].word);
        pxs_comparison_finish(&other);
    }
}
END_TEST

/* ---- grouping by less than what differs ----------------------------------------------------- */

START_TEST(pairs_share_all_that_makes_no_group)
{
    static const struct planned plan[] = {
        R(25, 0, 0.20, .batch_size = 4), R(25, 0, 0.30, .batch_size = 8),
        R(25, 1, 0.22, .batch_size = 4), R(90, 0, 0.21, .batch_size = 4),
        R(90, 0, 0.32, .batch_size = 8), R(90, 1, 0.24, .batch_size = 4),
    };
    static const char *const by[] = {"lrgd"};
    COMPARE(plan, .by = by, .n_by = 1);
    ck_assert_double_eq_tol(at(1, "vs_best_diff"), (0.01 + 0.02 + 0.02) / 3, 1e-12);
    ck_assert_double_eq(at(1, "vs_best_n"), 3);
    ck_has(c.verdict, "paired by seed and batch_size, n = 3");
    ck_has(notes(), "the runs of a line differ in batch_size, too");
    static const char *const seed[] = {"seed"};
    COMPARE(plan, .by = seed, .n_by = 1);
    ck_has(c.verdict, "n = 2 and 4");
    ck_has_not(c.verdict, "seeds of each");
}
END_TEST

/* ---- Pareto --------------------------------------------------------------------------------- */

START_TEST(the_front)
{
    static const struct planned plan[] = {
        R(25, 0, 0.20, .psnr = 10),
        R(90, 0, 0.25, .psnr = 20),
        R(10, 0, 0.26, .psnr = 12),
        R(0, 0, NAN, .outcome = PXS_OUTCOME_FAILED),
    };
    COMPARE(plan, .pareto = "val_loss,val_psnr");
    ck_assert_double_eq(at(0, "pareto"), 1);
    ck_assert_double_eq(at(1, "pareto"), 1);
    ck_assert_double_eq(at(2, "pareto"), 0);
    ck_assert(isnan(at(3, "pareto")));
    ck_has(notes(),
           "1 (halve, lrgd 25), 2 (halve, lrgd 90): no other configuration is as good in every one "
           "of val_loss,val_psnr");
    ck_fails(pxs_compare(store, &(struct pxs_compare_options){.pareto = "time"}, &c, &err),
             PXS_E_INVALID, "two metrics or more");
    ck_fails(pxs_compare(store, &(struct pxs_compare_options){.pareto = "time,los"}, &c, &err),
             PXS_E_INVALID, "--pareto: there is no metric 'los'");
}
END_TEST

/* ---- on a terminal -------------------------------------------------------------------------- */

START_TEST(narrow_terminals_get_what_answers_the_question)
{
    const struct pxs_compare_options options = {.baseline = "1"};
    COMPARE(three, 0);
    for (int width = 80; width <= 160; width += 20) {
        const char *text = table(&options, width);
        for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
            ck_assert_msg(pxs_text_width(line, strcspn(line, "\n")) <= (size_t)width, "%d: %s",
                          width, text);
        ck_has(text, "vs baseline");
        ck_has(text, "best val");
    }
    ck_has(table(&options, 200), "lr_G first -> last");
    ck_has_not(pxs_text_str(&out), "found");
    ck_has(table(&options, 80), "found");
}
END_TEST

START_TEST(the_last_line_is_the_verdict)
{
    COMPARE(three, 0);
    const char *text = table(&(struct pxs_compare_options){0}, 0), *last = text + strlen(text) - 1;
    while (last > text && last[-1] != '\n')
        last--;
    ck_assert_int_eq(strncmp(last, c.verdict, strlen(c.verdict)), 0);
    ck_assert_str_eq(last + strlen(c.verdict), "\n");
}
END_TEST

/* The metric that ranks has its column, by whatever name it was asked for. */
START_TEST(short_names_of_metrics)
{
    static const char *const names[] = {"psnr", "PSNR", "val_psnr"};
    static const struct planned plan[] = {R(25, 0, 0.2, .psnr = 20), R(25, 1, 0.2, .psnr = 21),
                                          R(90, 0, 0.3, .psnr = 22), R(90, 1, 0.3, .psnr = 22.5)};
    for (size_t i = 0; i < PXS_COUNT(names); i++) {
        COMPARE(plan, .metric = names[i]);
        ck_assert_str_eq(c.metric, "val_psnr");
        const char *text = table(&(struct pxs_compare_options){.metric = names[i]}, 60);
        ck_has(text, "highest mean val_psnr first\n\nno  lrgd  n   PSNR \xc2\xb1 std");
        ck_has(text, "\n 1    90  2  22.25 \xc2\xb1 0.35");
        const char *first = strstr(text, "PSNR");
        ck_assert_ptr_null(strstr(first + 1, "PSNR  ")); /* once */
    }
    COMPARE(plan, .metric = "time");
    ck_assert_str_eq(c.metric, "seconds");
    ck_fails(pxs_compare(store, &(struct pxs_compare_options){.metric = "pnsr"}, &c, &err),
             PXS_E_INVALID, "did you mean 'psnr'?");
}
END_TEST

/* ---- under way ------------------------------------------------------------------------------ */

#define YOUNG(lrgd, seed, best, n) \
    R(lrgd, seed, best, .outcome = PXS_OUTCOME_INTERRUPTED, .epochs = (n))

/* lrgd 90 is ahead where it stands, but behind at the last epoch that both have. */
START_TEST(runs_under_way_are_looked_at_in_the_same_epoch)
{
    static const struct planned plan[] = {YOUNG(25, 0, 0.30, 11), YOUNG(25, 1, 0.31, 12),
                                          YOUNG(90, 0, 0.32, 19), YOUNG(90, 1, 0.33, 7),
                                          R(10, 0, 0.1, .waits = true)};
    COMPARE(plan, 0);
    ck_assert_int_eq(c.until, 11);
    ck_assert(!c.separated);
    ck_assert_double_eq(at(0, "until_epoch"), 11);
    ck_assert_double_eq(at(0, "n"), 1); /* seed 1 alone has epoch 11 */
    ck_assert_double_eq(at(1, "n"), 1);
    ck_assert_double_eq(at(0, "open"), 2);
    /* 0.31 and 0.32, 9 epochs before their best */
    ck_assert_double_eq_tol(at(0, "best_val_loss_mean"), 0.40, 1e-12);
    ck_assert_double_eq_tol(at(1, "best_val_loss_mean"), 0.41, 1e-12);
    ck_assert_double_eq_tol(at(1, "final_val_loss_mean"), 0.41, 1e-12);
    ck_assert_double_eq(at(1, "best_epoch"), 11);
    ck_assert_double_eq(at(1, "seconds"), 2 * 12);
    ck_assert_str_eq(
        c.verdict,
        "provisionally, as of epoch 11, the last that all 2 configurations that have begun "
        "have: lrgd 25 leads with "
        "a mean best_val_loss of 0.4, 0.01 (2.4 %) below lrgd 90; the sweep is not "
        "done, and what falls early "
        "leads early");
    ck_has(notes(), "2 of 5 runs count, those that have come as far: 5 not completed yet");
    ck_has(table(&(struct pxs_compare_options){0}, 0),
           "rates: 5 runs in 3 groups, lowest mean best_val_loss first, provisionally: as of epoch "
           "11\n");
}
END_TEST

START_TEST(one_is_completed_and_the_others_are_not)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(25, 1, 0.22), YOUNG(90, 0, 0.10, 5),
                                          YOUNG(90, 1, 0.12, 5)};
    COMPARE(plan, 0);
    ck_assert_int_eq(c.until, 4);
    ck_has(c.verdict, "as of epoch 4, the last that all 2 configurations have: lrgd 90 leads with "
                      "a mean best_val_loss of "
                      "0.27, 0.1 (27 %) below lrgd 25;");
    ck_assert_double_eq(at(0, "n"), 2);
    /* the page's table has completed runs, and its answer says what is under way */
    COMPARE(plan, .completed_only = true);
    ck_assert_int_eq(c.until, -1);
    ck_assert_double_eq_tol(at(0, "best_val_loss_mean"), 0.21, 1e-12);
    ck_has(c.verdict, "provisionally, as of epoch 4");
}
END_TEST

/* Two are done and ranked; the third gets a line. */
START_TEST(what_is_completed_goes_first)
{
    static const struct planned plan[] = {R(25, 0, 0.20), R(90, 0, 0.25), YOUNG(10, 0, 0.15, 9)};
    COMPARE(plan, 0);
    ck_assert_int_eq(c.until, -1);
    ck_has(c.verdict, "lrgd 25 leads with a mean best_val_loss of 0.2,");
    ck_has(notes(), "provisionally, as of epoch 8, the last that all 3 configurations have: lrgd "
                    "10 leads with a mean "
                    "best_val_loss of 0.27, 0.05 (16 %) below lrgd 25");
}
END_TEST

START_TEST(what_is_lost_is_not_under_way)
{
    static const struct planned plan[] = {
        R(25, 0, 0.30, .outcome = PXS_OUTCOME_FAILED, .epochs = 9), YOUNG(90, 0, 0.32, 19)};
    COMPARE(plan, 0);
    ck_assert_int_eq(c.until, -1);
    ck_has(c.verdict, "no run is completed, so there is nothing to compare yet");
}
END_TEST

/* ---- a race --------------------------------------------------------------------------------- */

/* What it needs no more is nothing that is still to come. */
START_TEST(a_race_says_how_n_came_about)
{
    store = make_raced_database(0.01);
    ck_ok(pxs_compare(store, &(struct pxs_compare_options){0}, &c, &err));
    ck_assert_uint_eq(c.n_open, 0);
    ck_assert_uint_eq(c.n_runs, 6);
    ck_assert_int_eq(c.until, -1);
    ck_assert_str_eq(c.verdict, "race: lrgd-25 and constant are equal to within 0.01, either will "
                                "do: shown by 2 seeds (pixsweep show rates)");
    ck_has(notes(), "n differs by selection: ");
    ck_has(notes(), "the plain mean of a dropped one is biased for the worse");
    ck_has(c.race_note, "p and intervals of means are those of a fixed number of seeds");
    pxs_comparison_finish(&c);
    ck_ok(pxs_store_set_race(store, 1, NULL, &err));
    ck_ok(pxs_compare(store, &(struct pxs_compare_options){0}, &c, &err));
    ck_assert_uint_eq(c.n_open, 1);
    ck_has_not(notes(), "race");
}
END_TEST

/* By another metric, or of fewer runs, it is another question than the race's; and where the race
 * gives out the seeds, nobody is told to ask for more of them. */
START_TEST(what_a_race_does_not_answer)
{
    static const struct pxs_compare_options others[] = {{.metric = "final_val_loss"},
                                                        {.where = "seed < 2"}};
    static const struct planned one_seed[] = {R(25, 0, 0.30), R(90, 0, 0.32)};
    const struct pxs_store_race race = {.race = "0123456789ab",
                                        .metric = "best_val_loss",
                                        .confidence = 0.95,
                                        .first = 2,
                                        .max_seeds = 4,
                                        .budget_s = INFINITY};
    store = make_raced_database(0.001);
    for (size_t i = 0; i < PXS_COUNT(others); i++) {
        ck_ok(pxs_compare(store, &others[i], &c, &err));
        ck_assert_ptr_null(strstr(c.verdict, "race: "));
        ck_has_not(c.verdict, "seeds of each would");
        ck_has(notes(), "race: look 1 judged at 2 seeds, 2 of 4 left; next at 3 seeds (pixsweep "
                        "show rates). n differs by selection: ");
        pxs_comparison_finish(&c);
    }
    drop_database(&store);
    store = make_database_of(one_seed, PXS_COUNT(one_seed));
    ck_ok(pxs_store_set_race(store, 1, &race, &err));
    ck_ok(pxs_compare(store, &(struct pxs_compare_options){0}, &c, &err));
    ck_has(c.verdict, "n = 1: one seed cannot tell a difference from luck");
    ck_has_not(c.verdict, "sweep: seeds");
}
END_TEST

START_TEST(the_metric_is_that_of_the_race)
{
    struct pxs_race_entry entries[2] = {
        {.decision = PXS_RACE_LEADS, .label = "a", .config_hash = "a"},
        {.decision = PXS_RACE_DROPPED, .label = "b", .config_hash = "b"}};
    struct pxs_race_record look = {.race = "0123456789ab",
                                   .look = 1,
                                   .seeds = 2,
                                   .metric = "final_val_loss",
                                   .n = 2,
                                   .entries = entries};
    const struct pxs_store_race race = {.race = "0123456789ab",
                                        .metric = "final_val_loss",
                                        .confidence = 0.95,
                                        .first = 2,
                                        .max_seeds = 4,
                                        .budget_s = INFINITY};
    static const struct planned plan[] = {R(25, 0, 0.30), R(90, 0, 0.32)};
    struct pxs_text text = {0};
    bool added;
    store = make_database_of(plan, PXS_COUNT(plan));
    ck_ok(pxs_store_set_race(store, 1, &race, &err));
    ck_ok(pxs_store_add_look(store, 1, &look, &added, &err));
    ck_ok(pxs_compare(store, &(struct pxs_compare_options){0}, &c, &err));
    ck_assert_str_eq(c.metric, "final_val_loss");
    ck_has(c.verdict, "race: a wins: the others were dropped within 2 seeds");
    pxs_comparison_finish(&c);
    ck_ok(pxs_compare(store, &(struct pxs_compare_options){.metric = "best_val_loss"}, &c, &err));
    ck_assert_str_eq(c.metric, "best_val_loss");
    ck_has(c.verdict, "lrgd 25 leads with a mean best_val_loss");

    ck_ok(pxs_report_answer(store, NULL, "1", 0, &text, &err));
    ck_has(pxs_text_str(&text), "lowest mean final_val_loss first");
    ck_has(pxs_text_str(&text), "\nn differs by selection: ");
    ck_has(pxs_text_str(&text), "\nrace: a wins: the others were dropped within 2 seeds");
    pxs_text_finish(&text);
}
END_TEST

static Suite *compare_suite(void) {
    Suite *suite = suite_create("report-compare");
    TCase *t = tcase_create("compare");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, pairs_separate_what_seeds_would_hide);
    tcase_add_test(t, without_shared_seeds_it_is_welch);
    tcase_add_test(t, few_pairs_do_not_throw_the_rest_away);
    tcase_add_test(t, one_seed_is_no_winner);
    tcase_add_test(t, one_seed_of_one_of_them);
    tcase_add_test(t, two_seeds_seldom_separate);
    tcase_add_test(t, a_lead_over_pairs_only);
    tcase_add_test(t, shared_seeds_may_say_the_reverse);
    tcase_add_test(t, evidence_of_the_reverse);
    tcase_add_test(t, seeds_for_several_comparisons);
    tcase_add_test(t, the_same_training_twice_is_level);
    tcase_add_test(t, level_until_they_part);
    tcase_add_test(t, pairs_that_part_late_are_counted);
    tcase_add_test(t, other_metrics_have_other_leaders);
    tcase_add_test(t, overfitting_is_said);
    tcase_add_test(t, seeds_without_effect_measure_no_luck);
    tcase_add_test(t, one_configuration_has_no_rival);
    tcase_add_test(t, nothing_is_completed_yet);
    tcase_add_test(t, only_one_has_come_through);
    tcase_add_test(t, many_comparisons_are_corrected);
    tcase_add_test(t, survivors_do_not_win_in_silence);
    tcase_add_test(t, pruned_runs_count_apart);
    tcase_add_test(t, without_validation_it_says_so);
    tcase_add_test(t, other_judges_are_no_rivals);
    tcase_add_test(t, other_pictures_are_no_rivals);
    tcase_add_test(t, another_measure_behind_the_first_two);
    tcase_add_test(t, runs_without_the_metric_are_counted_out);
    tcase_add_test(t, other_losses_are_no_rivals);
    tcase_add_test(t, one_of_another_loss_is_left_out);
    tcase_add_test(t, other_kinds_of_loss_are_no_rivals);
    tcase_add_test(t, discriminators_that_teach_nothing_are_named);
    tcase_add_test(t, the_higher_the_better_where_it_is_so);
    tcase_add_test(t, area_under_the_curve);
    tcase_add_test(t, targets);
    tcase_add_test(t, differences_from_a_baseline);
    tcase_add_test(t, baselines_are_named_in_several_ways);
    tcase_add_test(t, pairs_share_all_that_makes_no_group);
    tcase_add_test(t, the_front);
    tcase_add_test(t, narrow_terminals_get_what_answers_the_question);
    tcase_add_test(t, the_last_line_is_the_verdict);
    tcase_add_test(t, short_names_of_metrics);
    tcase_add_test(t, runs_under_way_are_looked_at_in_the_same_epoch);
    tcase_add_test(t, one_is_completed_and_the_others_are_not);
    tcase_add_test(t, what_is_completed_goes_first);
    tcase_add_test(t, what_is_lost_is_not_under_way);
    tcase_add_test(t, a_race_says_how_n_came_about);
    tcase_add_test(t, what_a_race_does_not_answer);
    tcase_add_test(t, the_metric_is_that_of_the_race);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void) {
    return run_tests(compare_suite(), CK_NORMAL);
}
