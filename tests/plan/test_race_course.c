/* How far a race has come, by its look files alone: which race it is, who may start, what is needed
 * no more, and what is no look of it. */
#include "pixsweep/records/race_look.h"
#include "plan_tests.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static void write_race(const char *grid, const char *race) {
    write_textf("exp.yaml", "%ssweep:\n  grid: {lambda_pixel: [%s]}\n  race: {%s}\n", PLAN_HEAD,
                grid, race);
    write_pairs("data/train/a.npy", 16, 1);
    write_pairs("data/val/a.npy", 4, 2);
}

static enum pxs_status try_plan(struct pxs_plan **plan, struct pxs_error *err) {
    const struct pxs_sweep_options options = {.file = in_folder("exp.yaml"),
                                              .results = in_folder("results")};
    return pxs_plan_make(&options, plan, err);
}

static struct pxs_plan *plan_race(const char *grid, const char *race) {
    struct pxs_plan *plan = NULL;
    write_race(grid, race);
    ck_ok(try_plan(&plan, &err));
    return plan;
}

/* A look at which the configurations of `who` (bits) were compared and those of `dropped` fell. */
static void write_look(const struct pxs_plan *plan, int look, int seeds, unsigned who,
                       unsigned dropped, double high) {
    struct pxs_race_entry entries[8];
    struct pxs_race_record r = {.look = look,
                                .seeds = seeds,
                                .metric = "best_val_loss",
                                .level = 0.01,
                                .penalty = NAN,
                                .entries = entries};
    memset(entries, 0, sizeof entries);
    memcpy(r.race, plan->course.race, sizeof r.race);
    for (unsigned c = 0; c < plan->n_configurations; c++) {
        struct pxs_race_entry *e = &entries[r.n];
        if (!(who & 1u << c))
            continue;
        memcpy(e->config_hash, plan->runs[c].config_hash, sizeof e->config_hash);
        e->n = e->pairs = (size_t)seeds;
        e->decision = dropped & 1u << c ? PXS_RACE_DROPPED
                      : r.n == 0        ? PXS_RACE_LEADS
                                        : PXS_RACE_STAYS;
        e->low = r.n == 0 ? 0 : -high;
        e->high = r.n == 0 ? 0 : high;
        r.n++;
    }
    ck_ok(pxs_race_look_write(in_folder("results/exp"), &r, &err));
}

START_TEST(looks_say_who_may_start)
{
    const char *rule = "first: 2, max_seeds: 6"; /* 2, 3, 4, 6 */
    struct pxs_plan *plan = plan_race("10, 20, 30", rule);
    ck_assert_uint_eq(plan->n, 18);
    ck_assert(pxs_race_goes_on(plan) && pxs_race_look_end(plan) == 6);
    ck_assert(pxs_race_allows(plan, 5) && !pxs_race_allows(plan, 6) && pxs_race_needs(plan, 17));
    ck_assert_uint_eq(pxs_plan_count_to_run(plan), 18);
    ck_assert_uint_eq(pxs_plan_at_once(plan), 6); /* first 2 x 3, last 2 x 3 */

    write_look(plan, 1, 2, 7, 2, 1);
    pxs_plan_destroy(&plan);
    plan = plan_race("10, 20, 30", rule);
    ck_assert_uint_eq(plan->course.judged, 1);
    ck_assert(pxs_race_goes_on(plan) && pxs_race_look_end(plan) == 9);
    ck_assert(pxs_race_allows(plan, 6) && !pxs_race_needs(plan, 7) && pxs_race_allows(plan, 8));
    ck_assert(!pxs_race_allows(plan, 9));
    ck_assert_int_eq(plan->runs[7].state, PXS_STATE_NOT_NEEDED);
    ck_assert_int_eq(plan->runs[8].state, PXS_STATE_NEW);
    ck_assert_uint_eq(pxs_plan_at_once(plan), 10); /* 2 seeds of 2, and all of the first look */
    ck_assert_uint_eq(pxs_race_runs_before(plan, 6), 6); /* all of the first look */
    ck_assert_uint_eq(pxs_race_runs_before(plan, 9), 8); /* without run 7 */
    ck_assert_uint_eq(pxs_race_runs_before(plan, 17), 13);

    write_look(plan, 2, 3, 5, 4, 1);
    pxs_plan_destroy(&plan);
    plan = plan_race("10, 20, 30", rule);
    ck_assert_int_eq(plan->course.state, PXS_RACE_WON);
    ck_assert(!pxs_race_goes_on(plan));
    /* Of what no look asked for. Runs that a look had are made where they are not there: 3 seeds of
     * those that were left at the second, 2 of the one that fell at the first. */
    for (size_t i = 0; i < plan->n; i++) {
        const bool had = i / 3 < (i % 3 == 1 ? 2 : 3);
        ck_assert_int_eq(plan->runs[i].state, had ? PXS_STATE_NEW : PXS_STATE_NOT_NEEDED);
        ck_assert(pxs_race_needs(plan, i) == had && pxs_race_allows(plan, i) == had);
        ck_assert(!pxs_race_compares(plan, i));
    }
    ck_assert_uint_eq(pxs_plan_count_to_run(plan), 8);
    pxs_plan_destroy(&plan);
}
END_TEST

/* The order of configurations, indifference and a budget leave a race what it is; its end is that
 * of the indifference of now. */
START_TEST(the_same_race)
{
    struct pxs_plan *plan = plan_race("10, 20", "first: 2, max_seeds: 6"), *other;
    write_look(plan, 1, 2, 3, 0, 0.5);
    other = plan_race("20, 10", "first: 2, max_seeds: 6, indifference: 0.4, budget: 20");
    ck_assert_str_eq(plan->course.race, other->course.race);
    ck_assert_uint_eq(other->course.judged, 1);
    ck_assert(pxs_race_goes_on(other));
    pxs_plan_destroy(&other);
    other = plan_race("10, 20", "first: 2, max_seeds: 6, indifference: 0.6");
    ck_assert_int_eq(other->course.state, PXS_RACE_EQUAL);
    pxs_plan_destroy(&other);

    static const char *const others[][2] = {{"10, 20", "first: 2, max_seeds: 7"},
                                            {"10, 20", "first: 3, max_seeds: 6"},
                                            {"10, 20", "first: 2, max_seeds: 6, confidence: 0.9"},
                                            {"10, 20", "first: 2, max_seeds: 6, metric: val_auc"},
                                            {"10, 20, 30", "first: 2, max_seeds: 6"}};
    for (size_t i = 0; i < PXS_COUNT(others); i++) {
        other = plan_race(others[i][0], others[i][1]);
        ck_assert_str_ne(plan->course.race, other->course.race);
        ck_assert_uint_eq(other->course.judged, 0);
        pxs_plan_destroy(&other);
    }
    pxs_plan_destroy(&plan);
}
END_TEST

/* Looks of other configurations, of another number of seeds, and one that was judged without those
 * that are left. */
START_TEST(what_does_not_go_together)
{
    const char *rule = "first: 2, max_seeds: 6";
    struct pxs_plan *plan = plan_race("10, 20, 30", rule), *none = NULL;
    struct pxs_error err;
    write_look(plan, 1, _i == 0 ? 3 : 2, _i == 1 ? 3 : 7, 1, 1);
    if (_i == 2)
        write_look(plan, 2, 3, 7, 0, 1);
    ck_assert_int_eq(try_plan(&none, &err), PXS_E_CORRUPT);
    ck_has(err.message, "does not go with the looks before it");
    ck_has(err.message, "remove the files");
    pxs_plan_destroy(&plan);
}
END_TEST

/* Another machine carries out later seeds from the first one's config.yaml, to the same text. */
START_TEST(later_seeds_have_no_folder)
{
    struct pxs_plan *plan = plan_race("10, 20", "first: 2, max_seeds: 6"), *frozen;
    struct pxs_sweep_options told = {0};
    struct pxs_params params;
    ck_ok(pxs_make_dirs(in_folder("job"), &err));
    ck_ok(pxs_plan_freeze(plan, &told, in_folder("job"), &err));
    ck_ok(pxs_plan_thaw(in_folder("job"), &frozen, &told, &err));
    for (size_t i = 0; i < plan->n; i++) {
        struct pxs_text here = {0}, there = {0};
        char path[PXS_PATH_MAX];
        ck_assert(pxs_path_join(path, sizeof path, plan->runs[i].dir, PXS_CONFIG_FILE));
        ck_assert_int_eq(access(path, F_OK) == 0, i < 4);
        ck_ok(pxs_plan_run_config(plan, i, &params, &here, &err));
        ck_ok(pxs_plan_run_config(frozen, i, &params, &there, &err));
        ck_assert_int_eq(params.seed, (int64_t)i / 2);
        ck_assert_str_eq(pxs_text_str(&here), pxs_text_str(&there));
        pxs_text_finish(&here);
        pxs_text_finish(&there);
    }
    pxs_plan_destroy(&frozen);
    pxs_plan_destroy(&plan);
}
END_TEST

TCase *race_course_case(void) {
    TCase *t = tcase_create("race course");
    tcase_add_checked_fixture(t, test_folder_make, test_folder_remove);
    tcase_add_test(t, looks_say_who_may_start);
    tcase_add_test(t, the_same_race);
    tcase_add_loop_test(t, what_does_not_go_together, 0, 3);
    tcase_add_test(t, later_seeds_have_no_folder);
    return t;
}
