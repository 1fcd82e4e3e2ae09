/* compare --effects over small databases: what is paired with what, and what is said of it. */
#include "pixsweep/compare/effects.h"
#include "report_tests.h"

#include <math.h>
#include <string.h>

static struct pxs_store *store;
static struct pxs_effects x;

static void teardown(void) {
    pxs_effects_finish(&x);
    if (store != NULL)
        drop_database(&store);
}

static void read_of(const struct planned *plan, size_t n,
                    const struct pxs_compare_options *options) {
    store = make_database_of(plan, n);
    ck_ok(pxs_effects(store, options, &x, &err));
}
#define READ(plan, ...) read_of((plan), PXS_COUNT(plan), &(struct pxs_compare_options){__VA_ARGS__})

/* The line of that kind, key and value ("" = none); its row. */
static size_t row_of(const char *kind, const char *key, const char *value) {
    for (size_t row = 0; row < x.table.n_rows; row++) {
        struct pxs_text shown = {0};
        const struct pxs_cell cell = pxs_table_at(&x.table, row, "value");
        pxs_cell_show(&shown, &cell, PXS_SHOW_PLAIN, -1);
        const bool found = strcmp(pxs_table_at(&x.table, row, "kind").text, kind) == 0 &&
                           strcmp(pxs_table_at(&x.table, row, "key").text, key) == 0 &&
                           strcmp(pxs_text_str(&shown), value) == 0;
        pxs_text_finish(&shown);
        if (found)
            return row;
    }
    ck_abort_msg("no line %s of %s %s", kind, key, value);
    return 0;
}

static double at(size_t row, const char *column) {
    const struct pxs_cell cell = pxs_table_at(&x.table, row, column);
    return cell.kind == PXS_CELL_NULL ? NAN : cell.real;
}

static bool has_key(const char *key) {
    for (size_t row = 0; row < x.table.n_rows; row++) {
        if (strcmp(pxs_table_at(&x.table, row, "key").text, key) == 0)
            return true;
    }
    return false;
}

static bool has_note(const char *words) {
    for (size_t i = 0; i < x.n_notes; i++) {
        if (strstr(x.notes[i], words))
            return true;
    }
    return false;
}
#define ck_note(words) ck_assert_msg(has_note(words), "no note says '%s'", words)

/* batch_size 4 lowers by 0.02 within a little, lrgd by nothing that is sure; by seed all shift. */
static const struct planned grid[] = {
    R(25, 0, 0.300, .batch_size = 8), R(25, 1, 0.340, .batch_size = 8),
    R(25, 2, 0.320, .batch_size = 8), R(90, 0, 0.303, .batch_size = 8),
    R(90, 1, 0.338, .batch_size = 8), R(90, 2, 0.321, .batch_size = 8),
    R(25, 0, 0.281, .batch_size = 4), R(25, 1, 0.319, .batch_size = 4),
    R(25, 2, 0.301, .batch_size = 4), R(90, 0, 0.282, .batch_size = 4),
    R(90, 1, 0.317, .batch_size = 4), R(90, 2, 0.300, .batch_size = 4),
};

START_TEST(a_grid_is_paired_over_settings_and_seeds)
{
    READ(grid, 0);
    const size_t batch = row_of("effect", "batch_size", "4"), lrgd = row_of("effect", "lrgd", "90");
    ck_assert_double_eq(at(batch, "pairs"), 6);
    ck_assert_double_eq(at(batch, "missing"), 0);
    ck_assert_double_eq(at(batch, "settings"), 2);
    ck_assert_double_eq(at(batch, "seeds"), 3);
    ck_assert_double_eq(at(batch, "reference"), 8);
    /* (-19 - 21 - 19 - 21 - 21 - 21) / 6 thousandths */
    ck_assert_double_eq_tol(at(batch, "effect"), -0.122 / 6, 1e-12);
    ck_assert(at(batch, "ci_low") < -0.0203 && at(batch, "ci_high") > -0.0203);
    ck_assert(at(batch, "ci_high") < 0 && at(batch, "p_holm") < 0.05);
    ck_assert_double_eq(at(lrgd, "pairs"), 6);
    ck_assert_double_eq_tol(at(lrgd, "effect"), 0, 1e-12);
    ck_assert_double_eq(at(row_of("interaction", "batch_size", ""), "pairs"), 3);
    ck_has(x.verdict,
           "what matters by the evidence: batch_size (4 in place of 8 changes best_val_loss "
           "by -0.0203, better, ");
    ck_has(x.verdict, "6 pairs");
    ck_has(x.verdict, "Not separated from no effect: lrgd (90 in place of 25");
    ck_has(x.verdict, "No interaction is separated from luck");
}
END_TEST

START_TEST(the_baseline_names_references)
{
    READ(grid, .baseline = "batch_size=4,lrgd=90");
    ck_assert_double_eq_tol(at(row_of("effect", "batch_size", "8"), "effect"), 0.122 / 6, 1e-12);
    ck_assert_double_eq(at(row_of("effect", "lrgd", "25"), "reference"), 90);
    static const struct pxs_compare_options wrong[] = {
        {.baseline = "lrgd=7"}, {.baseline = "3"}, {.baseline = "ngf=3"}};
    struct pxs_effects none;
    ck_fails(pxs_effects(store, &wrong[0], &none, &err), PXS_E_NOT_FOUND,
             "no run of this sweep has lrgd=7");
    ck_fails(pxs_effects(store, &wrong[1], &none, &err), PXS_E_INVALID, "takes KEY=VALUE,...");
    ck_fails(pxs_effects(store, &wrong[2], &none, &err), PXS_E_INVALID,
             "ngf does not vary in this sweep");
}
END_TEST

START_TEST(by_chooses_keys_and_pairs_hold_all_else)
{
    static const char *const by[] = {"lrgd"};
    READ(grid, .by = by, .n_by = 1);
    ck_assert_double_eq(at(row_of("effect", "lrgd", "90"), "pairs"), 6);
    ck_assert_uint_eq(x.n_keys, 1);
    for (size_t row = 0; row < x.table.n_rows; row++)
        ck_assert(strcmp(pxs_table_at(&x.table, row, "kind").text, "effect") != 0 ||
                  strcmp(pxs_table_at(&x.table, row, "key").text, "lrgd") == 0);
}
END_TEST

START_TEST(a_pair_without_its_partner_is_missing_and_said)
{
    struct planned plan[PXS_COUNT(grid)];
    memcpy(plan, grid, sizeof plan);
    plan[4].outcome = PXS_OUTCOME_DIVERGED; /* lrgd 90, batch 8, seed 1 */
    plan[11].waits = true;                  /* lrgd 90, batch 4, seed 2 */
    READ(plan, 0);
    const size_t batch = row_of("effect", "batch_size", "4");
    ck_assert_double_eq(at(batch, "pairs"), 4);
    ck_assert_double_eq(at(batch, "missing"), 2);
    ck_assert_double_eq_tol(at(batch, "effect"), -0.080 / 4, 1e-12);
    ck_assert_double_eq(at(row_of("effect", "lrgd", "90"), "pairs"), 4);
    ck_note("4 pairs that the sweep has are missing");
    ck_note("lrgd 90 lost 1 of 6 runs");
    ck_note("batch_size 8 lost 1 of 6 runs");
    ck_note("1 run is not completed yet");
}
END_TEST

START_TEST(one_seed_says_what_its_interval_is)
{
    static const struct planned plan[] = {
        R(25, 0, 0.300, .batch_size = 8), R(90, 0, 0.311, .batch_size = 8),
        R(25, 0, 0.281, .batch_size = 4), R(90, 0, 0.290, .batch_size = 4),
        R(25, 0, 0.251, .batch_size = 2), R(90, 0, 0.258, .batch_size = 2)};
    READ(plan, 0);
    const size_t lrgd = row_of("effect", "lrgd", "90");
    ck_assert_double_eq(at(lrgd, "pairs"), 3);
    ck_assert_double_eq_tol(at(lrgd, "effect"), 0.009, 1e-12);
    /* 0.009 +- 4.303 * 0.002 / sqrt(3) */
    ck_assert_double_eq_tol(at(lrgd, "ci_low"), 0.009 - 4.302652729911275 * 0.002 / sqrt(3), 1e-9);
    ck_assert_str_eq(pxs_table_at(&x.table, lrgd, "error").text, "settings");
    ck_note("no setting has two seeds");
    ck_has(x.verdict, "Whether keys act on each other cannot be told from luck here");
    /* a key of three values: each against the first, and all at once */
    ck_assert_double_eq(at(row_of("effect", "batch_size", "2"), "pairs"), 2);
    ck_assert_double_eq(at(row_of("overall", "batch_size", ""), "df1"), 2);
}
END_TEST

START_TEST(one_pair_has_no_interval)
{
    static const struct planned plan[] = {R(25, 0, 0.300), R(90, 0, 0.311)};
    READ(plan, 0);
    const size_t lrgd = row_of("effect", "lrgd", "90");
    ck_assert_double_eq(at(lrgd, "pairs"), 1);
    ck_assert(isnan(at(lrgd, "ci_low")) && isnan(at(lrgd, "p")));
    ck_has(x.verdict, "no key has a test");
    ck_has(x.verdict, "by 0.011, no interval, 1 pair");
}
END_TEST

/* constant has no lrgd: halve stands for the mean over its two, of which each seed needs both. */
START_TEST(a_policy_is_the_mean_over_its_own_keys)
{
    static const struct planned plan[] = {
        R(0, 0, 0.30),  R(0, 1, 0.31),  R(0, 2, 0.32),
        R(25, 0, 0.26), R(25, 1, 0.28), R(25, 2, 0.29),
        R(90, 0, 0.28), R(90, 1, 0.30), R(90, 2, 0.29, .outcome = PXS_OUTCOME_DIVERGED)};
    READ(plan, 0);
    const size_t policy = row_of("effect", "lr_policy_G", "halve");
    ck_assert_double_eq(at(policy, "pairs"), 2);
    ck_assert_double_eq(at(policy, "missing"), 1);
    ck_assert_double_eq_tol(at(policy, "effect"), (-0.03 - 0.02) / 2, 1e-12);
    const size_t lrgd = row_of("effect", "lrgd", "90");
    ck_assert_double_eq(at(lrgd, "pairs"), 2);
    ck_assert_double_eq_tol(at(lrgd, "effect"), 0.02, 1e-12);
    ck_note("lrgd belongs to values of lr_policy_G");
    ck_note("lrgd has an effect only under lr_policy_G halve");
    for (size_t row = 0; row < x.table.n_rows; row++)
        ck_assert_str_ne(pxs_table_at(&x.table, row, "kind").text, "interaction");
}
END_TEST

START_TEST(keys_that_change_only_together_share_a_line)
{
    static const struct planned plan[] = {R(25, 0, 0.30, .batch_size = 4, .vanilla = true),
                                          R(25, 1, 0.31, .batch_size = 4, .vanilla = true),
                                          R(25, 0, 0.27, .batch_size = 8),
                                          R(25, 1, 0.29, .batch_size = 8)};
    READ(plan, 0);
    const size_t both = row_of("effect", "batch_size + gan_mode", "8 + lsgan");
    ck_assert_double_eq(at(both, "pairs"), 2);
    ck_assert_str_eq(pxs_table_at(&x.table, both, "reference").text, "4 + vanilla");
    ck_note("batch_size + gan_mode change only together");
}
END_TEST

START_TEST(a_key_that_never_varies_alone_is_said)
{
    static const struct planned plan[] = {
        R(25, 0, 0.30, .batch_size = 4), R(90, 0, 0.31, .batch_size = 8),
        R(10, 0, 0.31, .batch_size = 8), R(25, 1, 0.30, .batch_size = 4),
        R(90, 1, 0.32, .batch_size = 8), R(10, 1, 0.33, .batch_size = 8)};
    READ(plan, 0);
    ck_note("batch_size: no two runs with the same seed differ in it alone");
    ck_assert(!has_key("batch_size"));
    ck_assert(!has_key("lrgd")); /* 25, that the others are set against, has no pair */
    ck_note("values without a line: 2 of lrgd: no run differs in such a value alone");
}
END_TEST

START_TEST(an_interaction_is_put_into_words)
{
    static const struct planned plan[] = {
        R(25, 0, 0.300, .batch_size = 8), R(25, 1, 0.340, .batch_size = 8),
        R(25, 2, 0.320, .batch_size = 8), R(90, 0, 0.301, .batch_size = 8),
        R(90, 1, 0.338, .batch_size = 8), R(90, 2, 0.321, .batch_size = 8),
        R(25, 0, 0.281, .batch_size = 4), R(25, 1, 0.319, .batch_size = 4),
        R(25, 2, 0.301, .batch_size = 4), R(90, 0, 0.382, .batch_size = 4),
        R(90, 1, 0.417, .batch_size = 4), R(90, 2, 0.400, .batch_size = 4)};
    READ(plan, 0);
    ck_assert(at(row_of("interaction", "batch_size", ""), "p_holm") < 0.001);
    ck_has(x.verdict,
           "lrgd matters only at batch_size 4, as far as this evidence goes: 90 in place of 25 "
           "changes best_val_loss by 0.0993 at 4 (");
    ck_has(x.verdict, ", 3 pairs), by 0 at 8 (");
}
END_TEST

START_TEST(more_may_be_better)
{
    static const struct planned plan[] = {R(25, 0, 0.3, .psnr = 20), R(25, 1, 0.3, .psnr = 21),
                                          R(25, 2, 0.3, .psnr = 22), R(90, 0, 0.3, .psnr = 23.1),
                                          R(90, 1, 0.3, .psnr = 24), R(90, 2, 0.3, .psnr = 25)};
    READ(plan, .metric = "psnr");
    ck_assert(x.higher_is_better);
    ck_has(x.verdict, "lrgd (90 in place of 25 changes val_psnr by 3.03, better, ");
}
END_TEST

START_TEST(a_key_that_makes_another_loss_is_not_tested)
{
    static const struct planned plan[] = {
        R(25, 0, 0.30, .lambda_pixel = 10), R(90, 0, 0.31, .lambda_pixel = 10),
        R(25, 0, 0.32, .lambda_pixel = 50), R(90, 0, 0.35, .lambda_pixel = 50)};
    READ(plan, .metric = "final_avg_loss_G");
    ck_assert(!has_key("lambda_pixel") && has_key("lrgd"));
    ck_note("lambda_pixel is a factor in loss_G, so runs that differ in it have another "
            "final_avg_loss_G");
}
END_TEST

START_TEST(nothing_to_tell_is_said)
{
    static const struct planned plan[] = {R(25, 0, NAN, .waits = true),
                                          R(90, 0, NAN, .waits = true)};
    READ(plan, 0);
    ck_assert_str_eq(x.verdict, "no run is completed, so nothing can be said yet");
}
END_TEST

START_TEST(seeds_alone_are_no_effect)
{
    static const struct planned plan[] = {R(25, 0, 0.30), R(25, 1, 0.31)};
    READ(plan, 0);
    ck_assert_str_eq(x.verdict,
                     "nothing but the seed differs in rates, so there is no effect to tell");
    ck_assert_uint_eq(x.table.n_rows, 0);
}
END_TEST

START_TEST(drawn_values_are_guessed_without_the_files_word)
{
    static const struct planned plan[] = {
        R(2, 0, 0.30),  R(5, 0, 0.31),  R(11, 0, 0.29), R(19, 0, 0.26),
        R(37, 0, 0.25), R(60, 0, 0.27), R(88, 0, 0.24), R(99, 0, NAN, .waits = true)};
    struct planned two[2 * PXS_COUNT(plan)];
    for (size_t i = 0; i < PXS_COUNT(plan); i++) {
        two[i] = two[i + PXS_COUNT(plan)] = plan[i];
        two[i].batch_size = two[i + PXS_COUNT(plan)].batch_size = (int)(8 + i * 5 % 7);
        two[i + PXS_COUNT(plan)].seed = 1;
    }
    READ(two, 0);
    const size_t lrgd = row_of("rank", "lrgd", "");
    ck_assert_double_eq(at(lrgd, "n"), 7);
    ck_assert_double_eq(at(lrgd, "missing"), 1);
    ck_assert(at(lrgd, "rho") < -0.8 && at(lrgd, "p") < 0.05);
    ck_note("is a guess from their values");
    ck_assert_uint_eq(x.n_scatters, 2);
    ck_assert(x.scatters[1].guessed && x.scatters[1].log && x.scatters[1].n == 7);
    ck_assert_str_eq(x.scatters[1].key, "lrgd");
    ck_assert(!x.scatters[0].log);
}
END_TEST

/* The file's word: drawn over a logarithm, though its few values look like a list's. */
START_TEST(drawn_values_are_taken_from_the_files_word)
{
    static const struct planned plan[] = {R(2, 0, 0.30, .vanilla = true),
                                          R(2, 1, 0.32, .vanilla = true),
                                          R(11, 0, 0.29),
                                          R(11, 1, 0.27),
                                          R(60, 0, 0.22),
                                          R(60, 1, 0.24),
                                          R(88, 0, 0.25, .vanilla = true),
                                          R(88, 1, 0.20, .vanilla = true)};
    store =
        make_database_as(plan, PXS_COUNT(plan),
                         "name: rates\nsweep: {random: {samples: 4, learning_rate_G: {log_uniform: "
                         "[1, 2]}, gan_mode: {choice: [lsgan, vanilla]}}}\n"
                         "# --set sweep.random.lrgd={log_uniform: [1, 100]}\n");
    ck_ok(pxs_effects(store, &(struct pxs_compare_options){0}, &x, &err));
    const size_t lrgd = row_of("rank", "lrgd", ""), mode = row_of("unpaired", "gan_mode", "lsgan");
    ck_assert_double_eq(at(lrgd, "n"), 4);
    ck_assert_double_eq_tol(at(lrgd, "rho"), -1, 1e-12); /* means 0.31 0.28 0.23 0.225 */
    ck_assert_double_eq_tol(at(lrgd, "p"), 2.0 / 24, 1e-12);
    ck_assert_double_eq(at(mode, "n"), 4);
    ck_assert_double_eq_tol(at(mode, "effect"), 0.255 - 0.2675, 1e-12);
    ck_assert_uint_eq(x.n_scatters, 1);
    ck_assert(x.scatters[0].log && !x.scatters[0].guessed);
    ck_assert(!has_note("guess"));
}
END_TEST

START_TEST(a_value_that_always_diverges_is_named)
{
    struct planned plan[PXS_COUNT(grid)];
    memcpy(plan, grid, sizeof plan);
    for (size_t i = 0; i < PXS_COUNT(plan); i++) {
        if (plan[i].lrgd == 90)
            plan[i].outcome = PXS_OUTCOME_DIVERGED;
    }
    plan[6].outcome = PXS_OUTCOME_FAILED;
    READ(plan, 0);
    ck_has(x.verdict, "no run with lrgd 90 came through (6 failed or diverged)");
    ck_has(x.verdict, "2 pairs, without 4 of its 6 runs, which failed or diverged");
    ck_assert_double_eq(at(row_of("effect", "lrgd", "90"), "pairs"), 0);
}
END_TEST

START_TEST(a_race_is_said)
{
    static const struct pxs_store_race race = {.race = "0123456789ab",
                                               .metric = "best_val_loss",
                                               .confidence = 0.95,
                                               .first = 2,
                                               .max_seeds = 9};
    store = make_database_of(grid, PXS_COUNT(grid));
    ck_ok(pxs_store_set_race(store, 1, &race, &err));
    ck_ok(pxs_effects(store, &(struct pxs_compare_options){0}, &x, &err));
    ck_note("a race gave out the seeds");
}
END_TEST

/* Points that share little: a line stands only where runs are planned for it. Of pairs that are not
 * there, those that the race spared are named so. */
START_TEST(lines_without_pairs_are_left_out)
{
    static const struct planned points[] = {
        R(25, 0, 0.300, .batch_size = 8), R(25, 1, 0.340, .batch_size = 8),
        R(90, 0, 0.303, .batch_size = 8), R(90, 1, 0.338, .batch_size = 8),
        R(50, 0, 0.281, .batch_size = 4), R(50, 1, 0.319, .batch_size = 4)};
    READ(points, 0);
    ck_assert_double_eq(at(row_of("effect", "lrgd", "90"), "pairs"), 2);
    for (size_t row = 0; row < x.table.n_rows; row++)
        ck_assert(at(row, "pairs") + at(row, "missing") > 0);
    ck_note("values without a line: 1 of lrgd: no run differs in such a value alone");
    ck_note("batch_size: no two runs with the same seed differ in it alone");
    pxs_effects_finish(&x);
    drop_database(&store);

    store = make_raced_database(0.01); /* of constant and lrgd 10, 25 and 90, one run not needed */
    ck_ok(pxs_effects(store, &(struct pxs_compare_options){0}, &x, &err));
    ck_note("2 pairs that the sweep has are missing, since a run of them has no best_val_loss");
    ck_note("1 pair will not come: the race did not need a run of it");
}
END_TEST

START_TEST(keys_that_cannot_have_an_effect_are_refused)
{
    static const char *const by[] = {"ngf", "lrgdd"};
    struct pxs_effects none;
    store = make_database_of(grid, PXS_COUNT(grid));
    ck_fails(pxs_effects(store, &(struct pxs_compare_options){.by = by, .n_by = 1}, &none, &err),
             PXS_E_INVALID, "--by: ngf does not vary among these runs");
    ck_fails(
        pxs_effects(store, &(struct pxs_compare_options){.by = by + 1, .n_by = 1}, &none, &err),
        PXS_E_INVALID, "did you mean lrgd?");
}
END_TEST

START_TEST(text_csv_and_json)
{
    struct pxs_text out = {0};
    store = make_database_of(grid, PXS_COUNT(grid));
    ck_ok(pxs_report_effects(store, &(struct pxs_compare_options){0}, PXS_FORMAT_TABLE, 100, &out,
                             &err));
    ck_has(pxs_text_str(&out),
           "rates: what 2 keys do to best_val_loss, of which less is better; 12 of 12 runs count");
    ck_has(pxs_text_str(&out), "batch_size      4        8      6  -0.0203   -0.0218 to -0.0189");
    ck_has_not(pxs_text_str(&out), "nan");
    pxs_text_clear(&out);
    ck_ok(
        pxs_report_effects(store, &(struct pxs_compare_options){0}, PXS_FORMAT_CSV, 0, &out, &err));
    ck_has(pxs_text_str(&out), "kind,key,with,value,reference,pairs,missing,settings,seeds,effect,"
                               "ci_low,ci_high,f,df1,df2,"
                               "rho,n,p,p_holm,error\neffect,batch_size,,4,8,6,0,2,3,-0.02033");
    pxs_text_clear(&out);
    ck_ok(pxs_report_effects(store, &(struct pxs_compare_options){0}, PXS_FORMAT_JSON, 0, &out,
                             &err));
    ck_has(pxs_text_str(&out),
           "\"kind\":\"interaction\",\"key\":\"batch_size\",\"with\":\"lrgd\",\"value\":null");
    pxs_text_finish(&out);
}
END_TEST

static Suite *effects_suite(void) {
    Suite *suite = suite_create("compare-effects");
    TCase *c = tcase_create("effects");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, a_grid_is_paired_over_settings_and_seeds);
    tcase_add_test(c, the_baseline_names_references);
    tcase_add_test(c, by_chooses_keys_and_pairs_hold_all_else);
    tcase_add_test(c, a_pair_without_its_partner_is_missing_and_said);
    tcase_add_test(c, one_seed_says_what_its_interval_is);
    tcase_add_test(c, one_pair_has_no_interval);
    tcase_add_test(c, a_policy_is_the_mean_over_its_own_keys);
    tcase_add_test(c, keys_that_change_only_together_share_a_line);
    tcase_add_test(c, a_key_that_never_varies_alone_is_said);
    tcase_add_test(c, an_interaction_is_put_into_words);
    tcase_add_test(c, more_may_be_better);
    tcase_add_test(c, a_key_that_makes_another_loss_is_not_tested);
    tcase_add_test(c, nothing_to_tell_is_said);
    tcase_add_test(c, seeds_alone_are_no_effect);
    tcase_add_test(c, drawn_values_are_guessed_without_the_files_word);
    tcase_add_test(c, drawn_values_are_taken_from_the_files_word);
    tcase_add_test(c, a_value_that_always_diverges_is_named);
    tcase_add_test(c, a_race_is_said);
    tcase_add_test(c, lines_without_pairs_are_left_out);
    tcase_add_test(c, keys_that_cannot_have_an_effect_are_refused);
    tcase_add_test(c, text_csv_and_json);
    suite_add_tcase(suite, c);
    return suite;
}

int main(void) {
    return run_tests(effects_suite(), CK_NORMAL);
}
