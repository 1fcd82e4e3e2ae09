#include "tensor_tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *fixture(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", PXS_FIXTURES, name);
    return path;
}

START_TEST(shapes_as_text)
{
    char text[32], small[5];
    pxs_format_shape(text, sizeof text, 4, (int64_t[]){64, 3, 4, 4});
    ck_assert_str_eq(text, "[64, 3, 4, 4]");
    pxs_format_shape(text, sizeof text, 0, NULL);
    ck_assert_str_eq(text, "[]");
    pxs_format_shape(small, sizeof small, 2, (int64_t[]){100, 200});
    ck_assert_str_eq(small, "[100");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tensor");
    TCase *tc = tcase_create("tensor");
    tcase_add_test(tc, shapes_as_text);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, safetensors_write_case());
    suite_add_tcase(suite, safetensors_read_case());
    suite_add_tcase(suite, npy_case());
    return run_tests(suite, CK_NORMAL);
}
