#include "tensor_tests.h"

#include <stdlib.h>
#include <string.h>

static const float few[6] = {1, -2, 0.5f, 0, 3e-30f, 1e30f};

static void fill_count(const void *user, float *out) {
    const int *n = user;
    for (int i = 0; i < *n; i++)
        out[i] = (float)(*n * 100 + i);
}

START_TEST(exact_bytes)
{
    struct pxs_safetensors_entry entries[] = {
        {.name = "b.w", .rank = 2, .dims = {2, 3}, .data = few},
        {.name = "a", .rank = 0, .data = few}};
    const char *const metadata[] = {"epoch", "7", NULL};
    static const char header[] =
        "{\"__metadata__\":{\"epoch\":\"7\"},\"b.w\":{\"dtype\":\"F32\",\"shape\":[2,3],"
        "\"data_offsets\":[0,24]},\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[24,28]}}";
    size_t padded = (sizeof header - 1 + 7) / 8 * 8, bytes = 0;
    char sha[PXS_SHA256_HEX], file_sha[PXS_SHA256_HEX];
    uint64_t size = 0;
    struct pxs_error err;
    ck_assert_int_eq(
        pxs_safetensors_write(in_folder("w"), entries, 2, metadata, NULL, sha, &size, &err),
        PXS_OK);
    char *file = slurp(in_folder("w"), &bytes);
    ck_assert_uint_eq(bytes, 8 + padded + 28);
    ck_assert_uint_eq(size, bytes);
    uint64_t length;
    memcpy(&length, file, 8);
    ck_assert_uint_eq(length, padded);
    ck_assert_mem_eq(file + 8, header, sizeof header - 1);
    for (size_t i = sizeof header - 1; i < padded; i++)
        ck_assert_int_eq(file[8 + i], ' ');
    ck_assert_mem_eq(file + 8 + padded, few, 24);
    ck_assert_mem_eq(file + 8 + padded + 24, few, 4);
    ck_assert_int_eq(pxs_sha256_file(in_folder("w"), file_sha, NULL, &err), PXS_OK);
    ck_assert_str_eq(sha, file_sha);
    free(file);
}
END_TEST

/* torch's num_batches_tracked, beside floats. */
START_TEST(counts)
{
    const int64_t tracked = INT64_MAX - 7;
    int64_t back = 0;
    struct pxs_safetensors_entry e[] = {{.name = "n", .count = &tracked},
                                        {.name = "x", .rank = 1, .dims = {6}, .data = few}};
    struct pxs_safetensors *f = NULL;
    struct pxs_error err;
    ck_assert_int_eq(pxs_safetensors_write(in_folder("w"), e, 2, NULL, NULL, NULL, NULL, &err),
                     PXS_OK);
    ck_assert_int_eq(pxs_safetensors_open(in_folder("w"), &f, &err), PXS_OK);
    ck_assert_str_eq(pxs_safetensors_find(f, "n")->dtype, "I64");
    ck_assert_int_eq(pxs_safetensors_find(f, "n")->rank, 0);
    ck_assert_int_eq(pxs_safetensors_read_count(f, "n", &back, &err), PXS_OK);
    ck_assert(back == tracked);
    ck_assert_int_eq(pxs_safetensors_read_count(f, "x", &back, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(
        strstr(err.message, "tensor x is F32 of 24 bytes, but one I64 is needed"));
    ck_assert_int_eq(pxs_safetensors_read_count(f, "y", &back, &err), PXS_E_NOT_FOUND);
    ck_assert(back == tracked);
    pxs_safetensors_destroy(&f);
    e[0].rank = 1;
    ck_assert_int_eq(pxs_safetensors_write(in_folder("w"), e, 2, NULL, NULL, NULL, NULL, &err),
                     PXS_E_INTERNAL);
}
END_TEST

START_TEST(round_trip)
{
    static float big[300 * 1000]; /* more than one chunk */
    for (size_t i = 0; i < PXS_COUNT(big); i++)
        big[i] = (float)i * 0.25f;
    int n5 = 5, n9 = 9;
    struct pxs_safetensors_entry entries[] = {
        {.name = "five", .rank = 1, .dims = {5}, .fill = fill_count, .user = &n5},
        {.name = "big", .rank = 2, .dims = {300, 1000}, .data = big},
        {.name = "none", .rank = 2, .dims = {0, 7}},
        {.name = "nine \"quoted\"\n",
         .rank = 4,
         .dims = {3, 1, 3, 1},
         .fill = fill_count,
         .user = &n9},
    };
    const char *const metadata[] = {"k\"1", "v\n\xc3\xa9", "", "", NULL};
    struct pxs_safetensors *f = NULL;
    struct pxs_error err;
    static float back[300 * 1000];
    ck_assert_int_eq(
        pxs_safetensors_write(in_folder("w"), entries, 4, metadata, NULL, NULL, NULL, &err),
        PXS_OK);
    enum pxs_status status = pxs_safetensors_open(in_folder("w"), &f, &err);
    ck_assert_msg(status == PXS_OK, "%s", err.message);
    ck_assert_uint_eq(pxs_safetensors_count(f), 4);
    ck_assert_str_eq(pxs_safetensors_at(f, 0)->name, "five");
    ck_assert_int_eq(pxs_safetensors_read(f, "big", 2, (int[]){300, 1000}, back, &err), PXS_OK);
    ck_assert_int_eq(memcmp(back, big, sizeof big), 0);
    ck_assert_int_eq(pxs_safetensors_read(f, "five", 1, &n5, back, &err), PXS_OK);
    ck_assert(back[0] == 500 && back[4] == 504);
    ck_assert_int_eq(
        pxs_safetensors_read(f, "nine \"quoted\"\n", 4, (int[]){3, 1, 3, 1}, back, &err), PXS_OK);
    ck_assert(back[8] == 908);
    ck_assert_int_eq(pxs_safetensors_read(f, "none", 2, (int[]){0, 7}, back, &err), PXS_OK);
    ck_assert_str_eq(pxs_safetensors_metadata(f, "k\"1"), "v\n\xc3\xa9");
    ck_assert_str_eq(pxs_safetensors_metadata(f, ""), "");
    ck_assert_ptr_null(pxs_safetensors_metadata(f, "K\"1"));
    pxs_safetensors_destroy(&f);
    ck_assert_ptr_null(f);
}
END_TEST

START_TEST(nothing_at_all)
{
    struct pxs_safetensors *f = NULL;
    uint64_t bytes = 0;
    ck_assert_int_eq(pxs_safetensors_write(in_folder("w"), NULL, 0, NULL, NULL, NULL, &bytes, NULL),
                     PXS_OK);
    ck_assert_uint_eq(bytes, 16);
    ck_assert_int_eq(pxs_safetensors_open(in_folder("w"), &f, NULL), PXS_OK);
    ck_assert_uint_eq(pxs_safetensors_count(f), 0);
    ck_assert_ptr_null(pxs_safetensors_at(f, 0));
    ck_assert_ptr_null(pxs_safetensors_metadata(f, "x"));
    pxs_safetensors_destroy(&f);
    pxs_safetensors_destroy(&f);
    pxs_safetensors_destroy(NULL);
}
END_TEST

static void refuse(const struct pxs_safetensors_entry *entries, size_t n,
                   const char *const *metadata, enum pxs_status want, const char *part) {
    struct pxs_error err = {0};
    char sha[PXS_SHA256_HEX] = "kept", *data = NULL;
    uint64_t bytes = 77;
    ck_assert_int_eq(
        pxs_safetensors_write(in_folder("w"), entries, n, metadata, NULL, sha, &bytes, &err), want);
    ck_assert_msg(strstr(err.message, part) && strstr(err.message, in_folder("w")), "%s",
                  err.message);
    ck_assert_str_eq(sha, "kept");
    ck_assert_uint_eq(bytes, 77);
    ck_assert_int_eq(pxs_read_file(in_folder("w"), 10, &data, NULL, NULL), PXS_E_NOT_FOUND);
}

START_TEST(refuses)
{
    struct pxs_safetensors_entry twins[] = {{.name = "x", .rank = 1, .dims = {1}, .data = few},
                                            {.name = "y", .rank = 1, .dims = {1}, .data = few},
                                            {.name = "x", .rank = 1, .dims = {1}, .data = few}};
    refuse(twins, 3, NULL, PXS_E_INVALID, "two tensors named x");
    struct pxs_safetensors_entry reserved = {
        .name = "__metadata__", .rank = 1, .dims = {1}, .data = few};
    refuse(&reserved, 1, NULL, PXS_E_INVALID, "__metadata__");
    struct pxs_safetensors_entry rank = {.name = "r", .rank = 5, .data = few};
    refuse(&rank, 1, NULL, PXS_E_INVALID, "tensor r has rank 5");
    struct pxs_safetensors_entry minus = {.name = "m", .rank = 1, .dims = {-1}, .data = few};
    refuse(&minus, 1, NULL, PXS_E_INVALID, "tensor m has an impossible shape");
    struct pxs_safetensors_entry huge = {
        .name = "h", .rank = 4, .dims = {1 << 30, 1 << 30, 1 << 30, 1}, .data = few};
    refuse(&huge, 1, NULL, PXS_E_INVALID, "tensor h has an impossible shape");
    struct pxs_safetensors_entry bare = {.name = "n", .rank = 1, .dims = {1}};
    refuse(&bare, 1, NULL, PXS_E_INTERNAL, "tensor n has neither data nor fill");
    refuse(twins, 2, (const char *const[]){"a", "1", "a", "2", NULL}, PXS_E_INVALID,
           "two metadata keys named a");
    refuse(twins, 2, (const char *const[]){"a", NULL}, PXS_E_INTERNAL,
           "metadata key a has no value");
    ck_assert_int_eq(
        pxs_safetensors_write(in_folder("no/w"), twins, 2, NULL, NULL, NULL, NULL, NULL),
        PXS_E_NOT_FOUND);
}
END_TEST

TCase *safetensors_write_case(void) {
    TCase *tc = tcase_create("safetensors writing");
    tcase_add_checked_fixture(tc, test_folder_make, test_folder_remove);
    tcase_add_test(tc, exact_bytes);
    tcase_add_test(tc, counts);
    tcase_add_test(tc, round_trip);
    tcase_add_test(tc, nothing_at_all);
    tcase_add_test(tc, refuses);
    return tc;
}
