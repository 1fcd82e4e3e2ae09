#include "rundir_tests.h"

int main(void) {
    static TCase *(*const cases[])(void) = {config_yaml_case, ends_case};
    return run_cases("rundir", cases, PXS_COUNT(cases), CK_NORMAL);
}
