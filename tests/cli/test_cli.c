/* Runs the suites of room cli. */
#include "cli_tests.h"

int main(int argc, char **argv) {
    static Suite *(*const suites[])(void) = {usage_suite, work_suite, watch_suite, bench_suite};
    return run_shard(suites, PXS_COUNT(suites), argc > 1 ? argv[1] : NULL, CK_NORMAL);
}
