#include "sweep_tests.h"

#include <stdlib.h>
#include <string.h>

/* The supervisor starts this very program again: then it is a worker (worker_main.c). */
int worker_main(int argc, char **argv);

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return worker_main(argc - 2, argv + 2);
    SRunner *runner = srunner_create(pure_suite());
    srunner_add_suite(runner, process_suite());
    srunner_add_suite(runner, plan_suite());
    srunner_add_suite(runner, run_suite());
    srunner_add_suite(runner, trouble_suite());
    srunner_add_suite(runner, home_suite());
    srunner_add_suite(runner, watch_suite());
    srunner_add_suite(runner, queue_suite());
    srunner_add_suite(runner, shapes_suite());
    srunner_add_suite(runner, prune_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
