/* Makes a database with whole curves for the tests of the page. Usage: page_database CONFIGURATIONS
 * SEEDS EPOCHS BATCHES Prints its folder, which it makes in TMPDIR. The run of configuration 0 and
 * seed 0 has a spike, that of seed 1 a gap, the last run diverges; pictures up to 50 epochs. It is
 * a test itself, since its makers check what they do. */
#include "../report/report_tests.h"

#include <math.h>
#include <stdlib.h>

static char **sizes;

/* Of configurations that are in no plan: what is shown of a race is what was judged. */
static void add_race(struct pxs_store *store) {
    const struct pxs_store_race race = {.race = "x",
                                        .metric = "best_val_loss",
                                        .confidence = 0.95,
                                        .first = 2,
                                        .max_seeds = 4,
                                        .budget_s = INFINITY};
    struct pxs_race_entry entries[] = {
        {.config_hash = "a", .label = "first", .decision = PXS_RACE_LEADS, .n = 2, .pairs = 2},
        {.config_hash = "b",
         .label = "<second>",
         .decision = PXS_RACE_DROPPED,
         .n = 2,
         .pairs = 2}};
    const struct pxs_race_record look = {.race = "x",
                                         .look = 1,
                                         .seeds = 2,
                                         .metric = "best_val_loss",
                                         .n = PXS_COUNT(entries),
                                         .entries = entries};
    bool added;
    entries[0].mean = 0.25;
    entries[1].mean = 1.0 / 3;
    entries[1].difference = 1.0 / 12;
    entries[1].low = 0.01;
    entries[1].high = 0.15;
    ck_ok(pxs_store_set_race(store, 1, &race, &err));
    ck_ok(pxs_store_add_look(store, 1, &look, &added, &err));
}

START_TEST(make)
{
    const struct curve_shape shape = {.configurations = atoi(sizes[0]),
                                      .seeds = atoi(sizes[1]),
                                      .epochs = atoi(sizes[2]),
                                      .batches = atoi(sizes[3]),
                                      .spike_step = 50,
                                      .gap_step = 70,
                                      .one_diverges = true,
                                      .pictures = atoi(sizes[2]) <= 50};
    struct pxs_store *store = make_curves(&shape);
    add_race(store);
    pxs_store_close(&store);
    printf("%s\n", test_folder());
}
END_TEST

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: page_database CONFIGURATIONS SEEDS EPOCHS BATCHES\n");
        return 2;
    }
    sizes = argv + 1;
    Suite *suite = suite_create("page-database");
    TCase *c = tcase_create("make");
    tcase_set_timeout(c, 0);
    tcase_add_test(c, make);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_SILENT);
    const int failed = srunner_ntests_failed(runner);
    if (failed > 0) {
        TestResult **results = srunner_failures(runner);
        fprintf(stderr, "page_database: %s\n", tr_msg(results[0]));
        free(results);
    }
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
