/* ls and show of a sweep whose file asks for a race. */
#include "pixsweep/inspect.h"
#include "report_tests.h"

#include <math.h>

static struct pxs_store *store;
static struct pxs_text out;

static void setup(void) {
    out = (struct pxs_text){0};
    store = make_raced_database(0.001);
}

static void teardown(void) {
    pxs_text_finish(&out);
    drop_database(&store);
}

static const char *listed(const char *state) {
    pxs_text_clear(&out);
    ck_ok(pxs_report_list(store, &(struct pxs_list_options){.state = state}, PXS_FORMAT_CSV, 0,
                          &out, &err));
    return pxs_text_str(&out);
}

/* The row is still queued; what is shown says that nobody waits for it. */
START_TEST(runs_that_are_not_needed)
{
    ck_has(listed(NULL), "rates/0007-lrgd-10-s1,not needed,");
    ck_has(listed("not needed"), "rates/0007-lrgd-10-s1,not needed,");
    ck_has_not(listed("queued"), "rates/");
    ck_has_not(listed("not needed"), "completed");
}
END_TEST

START_TEST(show_of_a_sweep_is_its_race)
{
    ck_ok(pxs_report_show(store, "rates", PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(pxs_text_str(&out), "a race by best_val_loss: confidence 0.95, 2 to 4 seeds, "
                               "differences up to 0.001 do not matter\n"
                               "race: look 1 judged at 2 seeds, 2 of 4 left; next at 3 seeds\n");
    ck_has(pxs_text_str(&out),
           "look 1, 2 seeds: lrgd-10 is dropped (worse than lrgd-25 by 0.68, interval 0.4 to 0.96, "
           "1 of 2 seeds diverged), lrgd-90 is dropped (worse than lrgd-25 by 0.09, interval 0.05 "
           "to 0.13); 2 of 4 left\n");
    ck_has(pxs_text_str(&out), "against");
    ck_has(pxs_text_str(&out), "-0.0020 to 0.0100");
    pxs_text_clear(&out);
    ck_ok(pxs_report_show(store, "rates", PXS_FORMAT_CSV, 0, &out, &err));
    ck_has(pxs_text_str(&out), "look,seeds,configuration,n,diverged,pairs,mean,difference,low,high,"
                               "decision\n1,2,lrgd-25,2,0,2,0.22,0,0,0,leads\n1,2,"
                               "constant,2,0,2,0.225,0.005,-0.002,0.01,stays\n1,2,lrgd-90,");
    pxs_text_clear(&out);
    /* a run is a run */
    ck_ok(pxs_report_show(store, "rates/0003-lrgd-25-s0", PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has_not(pxs_text_str(&out), "race");
    /* and without a race, a sweep is none */
    pxs_text_clear(&out);
    ck_ok(pxs_store_set_race(store, 1, NULL, &err));
    ck_fails(pxs_report_show(store, "rates", PXS_FORMAT_TABLE, 0, &out, &err), PXS_E_INVALID,
             "rates");
}
END_TEST

/* A race of which nothing was judged yet. */
START_TEST(show_before_the_first_look)
{
    struct pxs_store_race race = {
        .race = "ba9876543210", .metric = "val_psnr", .confidence = 0.9, .first = 3};
    race.max_seeds = 40;
    race.budget_s = INFINITY;
    ck_ok(pxs_store_set_race(store, 1, &race, &err));
    ck_ok(pxs_report_show(store, "rates", PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(pxs_text_str(&out), "race: no look yet, the first is at 3 seeds\n");
    ck_has_not(pxs_text_str(&out), "decisions");
    /* a number of runs as its budget, which are made */
    pxs_text_clear(&out);
    race.budget_runs = 6;
    ck_ok(pxs_store_set_race(store, 1, &race, &err));
    ck_ok(pxs_report_show(store, "rates", PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(pxs_text_str(&out),
           "race: the budget of 6 runs ended it before the first look, the first is at 3 seeds\n");
    pxs_text_clear(&out);
    race.budget_runs = 7;
    ck_ok(pxs_store_set_race(store, 1, &race, &err));
    ck_ok(pxs_report_show(store, "rates", PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(pxs_text_str(&out), "race: no look yet");
    ck_has(pxs_text_str(&out), "confidence 0.9, 3 to 40 seeds, a budget of 7 runs\n");
    /* hours that do not reach it: `run` has paused the sweep for them */
    pxs_text_clear(&out);
    race.budget_runs = 0;
    race.budget_s = 3600;
    ck_ok(pxs_store_set_race(store, 1, &race, &err));
    ck_ok(pxs_store_sweep_state(store, 1, "paused", &err));
    ck_ok(pxs_report_show(store, "rates", PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(pxs_text_str(&out),
           "race: time ended it before the first look, the first is at 3 seeds\n");
    ck_has(pxs_text_str(&out), "3 to 40 seeds, a budget of 1 h 00 m of training\n");
}
END_TEST

/* The penalty is no mean for people; for programs it stays a number. */
START_TEST(all_seeds_diverged)
{
    struct pxs_race_entry entries[2] = {{.config_hash = "a",
                                         .label = "lrgd-25",
                                         .decision = PXS_RACE_LEADS,
                                         .n = 3,
                                         .pairs = 3,
                                         .mean = 0.22},
                                        {.config_hash = "b",
                                         .label = "constant",
                                         .decision = PXS_RACE_DROPPED,
                                         .n = 3,
                                         .diverged = 3,
                                         .pairs = 3,
                                         .mean = 0.8125,
                                         .difference = 0.6,
                                         .low = 0.5,
                                         .high = 0.7}};
    const struct pxs_race_record look = {.race = "0123456789ab",
                                         .look = 2,
                                         .seeds = 3,
                                         .metric = "best_val_loss",
                                         .level = 0.01,
                                         .penalty = 0.8125,
                                         .n = 2,
                                         .entries = entries};
    bool added;
    ck_ok(pxs_store_add_look(store, 1, &look, &added, &err));
    ck_ok(pxs_report_show(store, "rates", PXS_FORMAT_TABLE, 0, &out, &err));
    ck_has(pxs_text_str(&out), " 3         3      3  diverged ");
    ck_has_not(pxs_text_str(&out), "0.8125");
    pxs_text_clear(&out);
    ck_ok(pxs_report_show(store, "rates", PXS_FORMAT_CSV, 0, &out, &err));
    ck_has(pxs_text_str(&out), "2,3,constant,3,3,3,0.8125,0.6,0.5,0.7,dropped\n");
}
END_TEST

static Suite *race_suite(void) {
    Suite *suite = suite_create("inspect-race");
    TCase *t = tcase_create("race");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, runs_that_are_not_needed);
    tcase_add_test(t, show_of_a_sweep_is_its_race);
    tcase_add_test(t, show_before_the_first_look);
    tcase_add_test(t, all_seeds_diverged);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void) {
    return run_tests(race_suite(), CK_NORMAL);
}
