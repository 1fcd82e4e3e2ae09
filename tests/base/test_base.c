#include "base_tests.h"

int main(void) {
    static TCase *(*const cases[])(void) = {
        status_case, memory_case, number_case, random_case, hash_case,  clock_case, threads_case,
        file_case,   path_case,   cgroup_case, text_case,   child_case, host_case};
    return run_cases("base", cases, PXS_COUNT(cases), CK_NORMAL);
}
