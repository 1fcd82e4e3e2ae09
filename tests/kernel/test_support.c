/* What the other suites rest on must be able to fail. */
#include "kernel_tests.h"

#include <math.h>

START_TEST(close_finds_what_is_far)
{
    float got[6] = {1, 2, 0, 3, 4, 0};
    double want[4] = {1, 2, 3, 4}, magnitude[4] = {1, 2, 3, 4};
    got[2] = buffer(1, 0)[0];
    ck_assert_int_eq(first_far(got, 3, 2, 2, want, magnitude, 1e-7), -1);
    got[3] = 3.00001f;
    ck_assert_int_eq(first_far(got, 3, 2, 2, want, magnitude, 1e-7), 3);
    ck_assert_int_eq(first_far(got, 3, 2, 2, want, magnitude, 1e-5), -1);
    got[3] = NAN;
    ck_assert_int_eq(first_far(got, 3, 2, 2, want, magnitude, 1e-5), 3);
    got[3] = INFINITY;
    ck_assert_int_eq(first_far(got, 3, 2, 2, want, magnitude, 1e-5), 3);
    got[3] = buffer(1, 0)[0]; /* never written */
    ck_assert_int_eq(first_far(got, 3, 2, 2, want, magnitude, 1e-5), 3);
    got[3] = 3;
    got[2] = 0; /* the gap between two pixels */
    ck_assert_int_eq(first_far(got, 3, 2, 2, want, magnitude, 1e-5), 2);
}
END_TEST

START_TEST(buffers_notice)
{
    size_t torn, changed;
    float *p = buffer(5, 1), *q = buffer(3, 0);
    freeze(q);
    buffers_release(&torn, &changed);
    ck_assert_uint_eq(torn, 0);
    ck_assert_uint_eq(changed, 0);
    p = buffer(5, 1);
    p[5] = 1;
    p[-1] = 1;
    q = buffer(3, 0);
    freeze(q);
    q[2] = 1;
    uint8_t *bytes = byte_buffer(3);
    bytes[3] = 0;
    buffers_release(&torn, &changed);
    ck_assert_uint_eq(torn, 9);
    ck_assert_uint_eq(changed, 1);
}
END_TEST

START_TEST(slack_stays_small)
{ /* one wrong term of a sum must show at every size in use */
    for (double terms = 1; terms <= 4096; terms *= 2)
        ck_assert_double_lt(sum_slack(terms), 0.2 / terms);
}
END_TEST

TCase *support_case(void) {
    KERNEL_CASE("support");
    tcase_add_test(tcase, close_finds_what_is_far);
    tcase_add_test(tcase, buffers_notice);
    tcase_add_test(tcase, slack_stays_small);
    return tcase;
}
