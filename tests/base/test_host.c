/* Who this process and this machine are. */
#include "base_tests.h"

#include <string.h>
#include <unistd.h>

START_TEST(test_pid_start)
{
    int64_t own = pxs_pid_start(getpid());
    ck_assert_int_gt(own, 0);
    ck_assert_int_eq(own, pxs_pid_start(getpid()));
    ck_assert_int_eq(pxs_pid_start(0), 0);
    ck_assert_int_eq(pxs_pid_start(1 << 30), 0);
}
END_TEST

START_TEST(test_host)
{
    struct pxs_host host;
    pxs_host_detect(&host);
    ck_assert_uint_gt(strlen(host.name), 0);
    ck_assert_uint_eq(strlen(host.boot_id), 36);
    struct pxs_memory memory;
    pxs_memory_look("", &memory);
    ck_assert_uint_gt(memory.available, 1000000);
}
END_TEST

TCase *host_case(void) {
    TCase *c = tcase_create("host");
    tcase_add_test(c, test_pid_start);
    tcase_add_test(c, test_host);
    return c;
}
