#include "supervisor_tests.h"

#include <string.h>

#include "pixsweep/base.h"

/* The supervisor starts this very program again: then it is a worker (worker_main.c). */
int worker_main(int argc, char **argv);

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return worker_main(argc - 2, argv + 2);
    /* The slow ones (run, trouble, offline, prune) lie in different shards. */
    static Suite *(*const suites[])(void) = {
        verdict_suite, run_suite,   trouble_suite, offline_suite, prune_suite, planned_again_suite,
        queue_suite,   watch_suite, shapes_suite,  claims_suite,  task_suite};
    return run_shard(suites, PXS_COUNT(suites), argc > 1 ? argv[1] : NULL, CK_ENV);
}
