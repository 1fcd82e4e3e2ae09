/* Runs the suites of room cli. */
#include "cli_tests.h"

#include <stdlib.h>

int main(void) {
    SRunner *runner = srunner_create(usage_suite());
    srunner_add_suite(runner, work_suite());
    srunner_add_suite(runner, watch_suite());
    srunner_add_suite(runner, bench_suite());
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
