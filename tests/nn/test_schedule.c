/* The lab's halving rule, against the rule itself run epoch by epoch. */
#include "nn_tests.h"

START_TEST(halves_as_the_rule_says)
{
    for (int64_t every = 0; every <= 100; every++) {
        double rate = 1e-4;
        for (int64_t epoch = 0; epoch < 400; epoch++) {
            if (every > 0 && epoch > 0 && (epoch + 1) % every == 0)
                rate = rate * 0.5;
            ck_assert_msg(pxs_schedule_halve(1e-4, every, epoch) == rate,
                          "every %d, epoch %d: %.17g, not %.17g", (int)every, (int)epoch,
                          pxs_schedule_halve(1e-4, every, epoch), rate);
        }
    }
}
END_TEST

START_TEST(known_schedules)
{
    ck_assert_double_eq(pxs_schedule_halve(1e-4, 90, 88), 1e-4); /* the lab's: before epochs 89 and 179 */
    ck_assert_double_eq(pxs_schedule_halve(1e-4, 90, 89), 5e-5);
    ck_assert_double_eq(pxs_schedule_halve(1e-4, 90, 178), 5e-5);
    ck_assert_double_eq(pxs_schedule_halve(1e-4, 90, 179), 2.5e-5);
    ck_assert_double_eq(pxs_schedule_halve(1e-4, 90, 199),
                        2.5e-5); /* so 200 epochs end at a quarter, not at 1/100 */
    ck_assert_double_eq(pxs_schedule_halve(1e-4, 10, 9), 5e-5);
    ck_assert_double_eq(pxs_schedule_halve(1.0, 1, 0), 1.0); /* epoch 0 never */
    ck_assert_double_eq(pxs_schedule_halve(1.0, 1, 1), 0.5);
    ck_assert_double_eq(pxs_schedule_halve(1.0, 2, 1), 0.5);
    ck_assert_double_eq(pxs_schedule_halve(1.0, 200, 198), 1.0);
    ck_assert_double_eq(pxs_schedule_halve(1.0, 1000, 199), 1.0); /* never within the run */
    ck_assert_double_eq(pxs_schedule_halve(0.3, 0, 1000), 0.3);
}
END_TEST

TCase *schedule_case(void) {
    TCase *tcase = tcase_create("schedule");
    tcase_add_test(tcase, halves_as_the_rule_says);
    tcase_add_test(tcase, known_schedules);
    return tcase;
}
