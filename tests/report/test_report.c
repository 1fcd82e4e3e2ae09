/* Runs the suites of room report. */
#include "report_tests.h"

#include <stdlib.h>

struct pxs_error err;

int main(void) {
    SRunner *runner = srunner_create(table_suite());
    srunner_add_suite(runner, stats_suite());
    srunner_add_suite(runner, answers_suite());
    srunner_add_suite(runner, compare_suite());
    srunner_add_suite(runner, diff_suite());
    srunner_add_suite(runner, groups_suite());
    srunner_add_suite(runner, stale_suite());
    srunner_add_suite(runner, series_suite());
    srunner_add_suite(runner, samples_suite());
    srunner_add_suite(runner, plot_suite());
    srunner_add_suite(runner, export_suite());
    srunner_add_suite(runner, lab_suite());
    srunner_add_suite(runner, page_suite());
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
