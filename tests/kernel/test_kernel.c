#include "kernel_tests.h"

#include <stdio.h>
#include <stdlib.h>

int main(void) {
    Suite *suite = suite_create("kernel");
    TCase *(*const cases[])(void) = {support_case, reference_case, conv_case, golden_case, quality_case};
    for (size_t i = 0; i < PXS_COUNT(cases); i++)
        suite_add_tcase(suite, cases[i]());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    if (failed)
        printf("PXS_TEST_SEED=%llu\n", (unsigned long long)test_seed());
    srunner_free(runner);
    pools_done();
    return failed ? 1 : 0;
}
