#include "worker_tests.h"

int main(void) {
    static TCase *(*const cases[])(void) = {job_case, supervisor_link_case};
    return run_cases("worker", cases, PXS_COUNT(cases), CK_NORMAL);
}
