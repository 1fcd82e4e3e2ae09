/* A room's suites in one program that Meson starts several times: most of such tests wait, so their shards run side by side. */
#ifndef PIXSWEEP_TESTS_SHARD_H
#define PIXSWEEP_TESTS_SHARD_H

#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* Runs every n-th of the suites, from the k-th on, where `shard` is "k/n"; all of them where it is NULL. Returns main's exit code. */
static inline int run_shard(Suite *(*const suites[])(void), size_t count, const char *shard,
                            enum print_output print) {
    unsigned k = 1, n = 1;
    if (shard && (sscanf(shard, "%u/%u", &k, &n) != 2 || k < 1 || k > n)) {
        fprintf(stderr, "a shard is k/n, such as 1/4, not %s\n", shard);
        return EXIT_FAILURE;
    }
    SRunner *runner = srunner_create(NULL);
    for (size_t i = k - 1; i < count; i += n)
        srunner_add_suite(runner, suites[i]());
    srunner_run_all(runner, print);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
