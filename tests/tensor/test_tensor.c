#include "tensor_tests.h"

#include <dirent.h>
#include <limits.h>
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

START_TEST(create_and_destroy)
{
    struct pxs_tensor *t = NULL;
    struct pxs_error err;
    ck_assert_int_eq(pxs_tensor_create(4, (int[]){2, 3, 4, 5}, &t, &err), PXS_OK);
    ck_assert_uint_eq(pxs_tensor_count(t), 120);
    ck_assert_int_eq(t->rank, 4);
    ck_assert_int_eq(t->dims[3], 5);
    ck_assert_uint_eq((uintptr_t)t->data % 64, 0);
    for (size_t i = 0; i < 120; i++)
        ck_assert(t->data[i] == 0);
    pxs_tensor_destroy(&t);
    ck_assert_ptr_null(t);
    pxs_tensor_destroy(&t);
    pxs_tensor_destroy(NULL);
    ck_assert_int_eq(pxs_tensor_create(0, NULL, &t, &err), PXS_OK);
    ck_assert_uint_eq(pxs_tensor_count(t), 1);
    pxs_tensor_destroy(&t);
    ck_assert_int_eq(pxs_tensor_create(1, (int[]){0}, &t, &err), PXS_OK);
    ck_assert_uint_eq(pxs_tensor_count(t), 0);
    pxs_tensor_destroy(&t);
}
END_TEST

START_TEST(impossible_shapes)
{
    struct pxs_tensor *t = NULL;
    ck_assert_int_eq(pxs_tensor_create(5, (int[]){1, 1, 1, 1, 1}, &t, NULL), PXS_E_INVALID);
    ck_assert_int_eq(pxs_tensor_create(-1, NULL, &t, NULL), PXS_E_INVALID);
    ck_assert_int_eq(pxs_tensor_create(2, (int[]){3, -1}, &t, NULL), PXS_E_INVALID);
    ck_assert_int_eq(pxs_tensor_create(3, (int[]){INT_MAX, INT_MAX, INT_MAX}, &t, NULL), PXS_E_NOMEM);
    ck_assert_int_eq(pxs_tensor_create(2, (int[]){INT_MAX, INT_MAX}, &t, NULL), PXS_E_NOMEM);
    ck_assert_ptr_null(t);
}
END_TEST

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
    tcase_add_test(tc, create_and_destroy);
    tcase_add_test(tc, impossible_shapes);
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
