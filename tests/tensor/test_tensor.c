#include "tensor_tests.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[256];

void set_up(void) {
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/pxs_tensor.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

void tear_down(void) {
    DIR *d = opendir(dir);
    struct dirent *entry;
    while ((entry = readdir(d)))
        if (entry->d_name[0] != '.')
            unlink(in_dir(entry->d_name));
    closedir(d);
    ck_assert_int_eq(rmdir(dir), 0);
}

const char *in_dir(const char *name) {
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

const char *fixture(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", PXS_FIXTURES, name);
    return path;
}

void spill(const char *path, const void *data, size_t bytes) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
}

char *slurp(const char *path, size_t *bytes) {
    char *data = NULL;
    struct pxs_error err;
    ck_assert_msg(pxs_read_file(path, 1 << 20, &data, bytes, &err) == PXS_OK, "%s", err.message);
    return data;
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
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
