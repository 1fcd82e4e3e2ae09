#include "plan_tests.h"

int main(void) {
    static TCase *(*const cases[])(void) = {new_plan_case, prune_rule_case, slots_case,
                                            race_course_case};
    return run_cases("plan", cases, PXS_COUNT(cases), CK_NORMAL);
}
