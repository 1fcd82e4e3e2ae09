/* ends.txt: why attempts ended. */
#include "rundir_tests.h"

#include <stdlib.h>

/* A line counts for its process, for its number only where one side knows no process; what cannot
 * be read counts for nothing. */
START_TEST(test_why_attempts_ended)
{
    struct pxs_store_attempt first = {.no = 1, .pid = 7, .pid_start = 70, .boot_id = "b"},
                             other = first, unborn = {.no = 2},
                             third = {.no = 3, .pid = 9, .pid_start = 90};
    char *ends;
    other.pid_start = 71; /* number 1 again, while the database was shut */
    const char *dir = in_folder("0001-base-s0");
    ck_assert_int_eq(pxs_make_dirs(dir, NULL), PXS_OK);
    ck_assert_int_eq(pxs_ends_read(dir, &ends, NULL), PXS_OK);
    ck_assert_ptr_null(ends);
    ck_assert_int_eq(pxs_ends_find(ends, &first), PXS_REASON_NONE);
    ck_assert_int_eq(pxs_ends_add(dir, &first, PXS_REASON_TIMEOUT, NULL), PXS_OK);
    ck_assert_int_eq(pxs_ends_add(dir, &unborn, PXS_REASON_NO_SPACE, NULL), PXS_OK);
    ck_assert_int_eq(pxs_ends_read(dir, &ends, NULL), PXS_OK);
    ck_assert_str_eq(
        ends, "# attempt reason pid pid_start boot_id\n1 timeout 7 70 b\n2 no_space 0 0 -\n");
    ck_assert_int_eq(pxs_ends_find(ends, &first), PXS_REASON_TIMEOUT);
    ck_assert_int_eq(pxs_ends_find(ends, &other), PXS_REASON_NONE);
    ck_assert_int_eq(pxs_ends_find(ends, &unborn), PXS_REASON_NO_SPACE);
    ck_assert_int_eq(pxs_ends_find(ends, &third), PXS_REASON_NONE);
    free(ends);
    ck_assert_int_eq(pxs_ends_find("3 crash 9 90\n3 exploded 9 90 -", &third), PXS_REASON_NONE);
    ck_assert_int_eq(pxs_ends_find("\n\n3 crash 9 90 -\n3 lost 9 90 -", &third), PXS_REASON_LOST);
}
END_TEST

TCase *ends_case(void) {
    TCase *c = tcase_create("ends.txt");
    tcase_add_checked_fixture(c, test_folder_make, test_folder_remove);
    tcase_add_test(c, test_why_attempts_ended);
    return c;
}
