#include "kernel_tests.h"

#include <stdio.h>
#include <stdlib.h>

int main(void) {
    static TCase *(*const cases[])(void) = {support_case, reference_case, conv_case, golden_case,
                                            quality_case};
    int code = run_cases("kernel", cases, PXS_COUNT(cases), CK_NORMAL);
    if (code != EXIT_SUCCESS)
        printf("PXS_TEST_SEED=%llu\n", (unsigned long long)test_seed());
    pools_done();
    return code;
}
