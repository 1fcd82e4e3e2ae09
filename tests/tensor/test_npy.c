#include "tensor_tests.h"

#include <stdlib.h>
#include <string.h>

static void check_values(const struct pxs_npy *npy) { /* as fixtures/make_fixtures.py */
    for (uint64_t i = 0; i < npy->count; i++) {
        double value;
        pxs_npy_values(npy, i, 1, &value);
        ck_assert(value == (npy->type == PXS_NPY_U1 ? (double)(i * 7 % 256) : 0.5 * (double)i - 1));
    }
}

START_TEST(reads_what_numpy_saved)
{
    static const struct {
        const char *name;
        enum pxs_npy_type type;
        int rank;
        int64_t dims[4];
        uint64_t count;
    } rows[] = {
        {"u1_v1.npy", PXS_NPY_U1, 4, {3, 2, 4, 3}, 72},
        {"f4_v1.npy", PXS_NPY_F4, 4, {2, 2, 4, 3}, 48},
        {"f4_v2.npy", PXS_NPY_F4, 2, {2, 3}, 6},
        {"f4_v3.npy", PXS_NPY_F4, 1, {5}, 5},
        {"scalar.npy", PXS_NPY_F4, 0, {0}, 1},
        {"empty.npy", PXS_NPY_F4, 2, {0, 4}, 0},
        {"f8.npy", PXS_NPY_F8, 2, {2, 3}, 6},
        {"f2.npy", PXS_NPY_F2, 2, {2, 3}, 6},
        {"big_endian.npy", PXS_NPY_F4, 2, {2, 3}, 6},
        {"big_endian_f2.npy", PXS_NPY_F2, 1, {5}, 5},
        {"big_endian_f8.npy", PXS_NPY_F8, 1, {5}, 5},
    };
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        struct pxs_npy npy = {0};
        struct pxs_error err;
        enum pxs_status status = pxs_npy_open(fixture(rows[i].name), &npy, &err);
        ck_assert_msg(status == PXS_OK, "%s", err.message);
        ck_assert_int_eq(npy.type, rows[i].type);
        ck_assert_int_eq(npy.rank, rows[i].rank);
        ck_assert_mem_eq(npy.dims, rows[i].dims, sizeof npy.dims);
        ck_assert_uint_eq(npy.count, rows[i].count);
        check_values(&npy);
        pxs_npy_finish(&npy);
        pxs_npy_finish(&npy);
        ck_assert_ptr_null(npy.data);
    }
}
END_TEST

static void expect_refusal(const char *path, enum pxs_status want, const char *part) {
    struct pxs_npy npy = {.rank = 77};
    struct pxs_error err = {0};
    ck_assert_int_eq(pxs_npy_open(path, &npy, &err), want);
    ck_assert_int_eq(npy.rank, 77);
    ck_assert_msg(strstr(err.message, part) && strstr(err.message, path), "%s", err.message);
}

START_TEST(refuses_in_words)
{
    expect_refusal(fixture("i4.npy"), PXS_E_UNSUPPORTED,
                   "holds <i4, but only u1, f2, f4 and f8 are read: save x.astype");
    expect_refusal(fixture("records.npy"), PXS_E_UNSUPPORTED, "holds records");
    expect_refusal(fixture("fortran.npy"), PXS_E_UNSUPPORTED,
                   "Fortran order: save numpy.ascontiguousarray(x)");
    expect_refusal(fixture("rank5.npy"), PXS_E_UNSUPPORTED, "has 5 dimensions: at most 4");
    expect_refusal(fixture("torch.safetensors"), PXS_E_CORRUPT,
                   "a safetensors file, not a .npy file");
    expect_refusal(fixture("none.npy"), PXS_E_NOT_FOUND, "No such file");
    expect_refusal(PXS_FIXTURES, PXS_E_INVALID, "is a folder, not a file");
}
END_TEST

/* Version 1.0 around any dict. */
static void spill_dict(const char *dict, size_t data) {
    unsigned char file[512] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    size_t n = strlen(dict);
    ck_assert_uint_le(10 + n + data, sizeof file);
    file[8] = (unsigned char)n;
    file[9] = (unsigned char)(n >> 8);
    memcpy(file + 10, dict, n);
    float value = -1;
    for (size_t i = 0; i + 4 <= data; i += 4, value += 0.5f)
        memcpy(file + 10 + n + i, &value, 4);
    write_bytes("f.npy", file, 10 + n + data);
}

START_TEST(dicts)
{
    static const struct {
        const char *dict;
        size_t data;
        const char *message; /* NULL: good */
    } rows[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8, NULL},
        {"{ \"shape\" :(2L , 1L,),\"fortran_order\":False,\"descr\":\"<f4\"}\n", 8, NULL},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, NULL},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9999999999999999, "
         "9999999999999999), }",
         0, NULL},
        {"{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }", 2,
         "read: save x.astype(numpy.uint8) * 255"},
        {"{'descr': '<u2', 'fortran_order': False, 'shape': (2,), }", 4,
         "read: save (x // 257).astype(numpy.uint8)"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 4, "save numpy.stack(list)"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2), }", 8, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3), }", 24, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", 8, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 8,
         "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (,), }", 8, "damaged"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }", 8, "damaged"},
        {"{'descr': '<f4', 'shape': (2,), }", 8, "damaged"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}", 8, "damaged"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", 8, "damaged"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}", 8, "damaged"},
        {"{'descr': [('a', '<f4'), 'fortran_order': False, 'shape': (2,)}", 8, "damaged"},
        {"", 8, "damaged"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,)}", 16, "holds |O"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", 0,
         "impossible shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387900,)}", 0,
         "impossible shape"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807, 2)}", 0,
         "impossible shape"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (4611686018427387904, 3)}", 0,
         "cut off"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1)}", 8,
         "cut off: 79 bytes expected for <f4 [3, 1], 75 found"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 12,
         "too long: 73 bytes expected for <f4 [2], 77 found"},
    };
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        spill_dict(rows[i].dict, rows[i].data);
        struct pxs_npy npy = {0};
        struct pxs_error err = {0};
        enum pxs_status status = pxs_npy_open(in_folder("f.npy"), &npy, &err);
        if (rows[i].message) {
            ck_assert_msg(status != PXS_OK && strstr(err.message, rows[i].message), "row %zu: %s",
                          i, err.message);
            continue;
        }
        ck_assert_msg(status == PXS_OK, "%s", err.message);
        check_values(&npy);
        pxs_npy_finish(&npy);
    }
}
END_TEST

START_TEST(alignment_does_not_matter)
{
    for (int pad = 0; pad < 8; pad++) {
        char dict[100];
        snprintf(dict, sizeof dict, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}%*s",
                 pad, "");
        spill_dict(dict, 12);
        struct pxs_npy npy = {0};
        ck_assert_int_eq(pxs_npy_open(in_folder("f.npy"), &npy, NULL), PXS_OK);
        check_values(&npy);
        pxs_npy_finish(&npy);
    }
}
END_TEST

static bool survive(const char *data, size_t bytes) {
    struct pxs_npy npy = {0};
    struct pxs_error err;
    write_bytes("f.npy", data, bytes);
    if (pxs_npy_open(in_folder("f.npy"), &npy, &err) != PXS_OK)
        return false;
    unsigned sum = 0;
    const unsigned char *p = npy.data;
    uint64_t total = npy.count * (npy.type == PXS_NPY_F4 ? 4 : 1);
    for (uint64_t i = 0; i < total; i++)
        sum += p[i];
    ck_assert_uint_lt(total, bytes + (sum == 12345));
    pxs_npy_finish(&npy);
    return true;
}

START_TEST(damage_is_noticed)
{
    static const char *const names[] = {"u1_v1.npy", "f4_v2.npy"};
    for (size_t k = 0; k < PXS_COUNT(names); k++) {
        size_t bytes;
        char *data = slurp(fixture(names[k]), &bytes);
        ck_assert(survive(data, bytes));
        for (size_t n = 0; n < bytes; n++)
            ck_assert(!survive(data, n));
        for (size_t i = 0; i < 128; i++)
            for (int bit = 0; bit < 8; bit++) {
                data[i] = (char)(data[i] ^ 1 << bit);
                survive(data, bytes);
                data[i] = (char)(data[i] ^ 1 << bit);
            }
        free(data);
    }
}
END_TEST

START_TEST(writes_as_numpy_does)
{
    static const char *const names[] = {"u1_v1.npy", "f4_v1.npy", "scalar.npy", "empty.npy"};
    for (size_t k = 0; k < PXS_COUNT(names);
         k++) { /* copied in two pieces, the bytes are the same */
        struct pxs_npy npy = {0};
        static struct pxs_npy_writer w;
        struct pxs_error err;
        ck_assert_int_eq(pxs_npy_open(fixture(names[k]), &npy, &err), PXS_OK);
        ck_assert_int_eq(
            pxs_npy_write_open(&w, in_folder("w.npy"), npy.type, npy.rank, npy.dims, &err), PXS_OK);
        size_t half = (size_t)npy.count / 2, each = npy.type == PXS_NPY_F4 ? 4 : 1;
        ck_assert_int_eq(pxs_npy_write_put(&w, npy.data, half, &err), PXS_OK);
        const char *rest = (const char *)npy.data + half * each;
        ck_assert_int_eq(pxs_npy_write_put(&w, rest, (size_t)npy.count - half, &err), PXS_OK);
        ck_assert_int_eq(pxs_npy_write_put(&w, npy.data, 1, &err), PXS_E_INTERNAL);
        ck_assert_int_eq(pxs_npy_write_commit(&w, &err), PXS_OK);
        pxs_npy_write_abandon(&w);
        pxs_npy_finish(&npy);
        size_t a, b;
        char *theirs = slurp(fixture(names[k]), &a), *ours = slurp(in_folder("w.npy"), &b);
        ck_assert_uint_eq(a, b);
        ck_assert_mem_eq(theirs, ours, a);
        free(theirs);
        free(ours);
    }
}
END_TEST

START_TEST(unfinished_files_do_not_appear)
{
    static struct pxs_npy_writer w;
    struct pxs_error err;
    char *data = NULL;
    ck_assert_int_eq(
        pxs_npy_write_open(&w, in_folder("w.npy"), PXS_NPY_U1, 1, (int64_t[]){4}, &err), PXS_OK);
    ck_assert_int_eq(pxs_npy_write_put(&w, "abc", 3, &err), PXS_OK);
    ck_assert_int_eq(pxs_npy_write_commit(&w, &err), PXS_E_INTERNAL);
    ck_assert_ptr_nonnull(strstr(err.message, "1 bytes of its shape are missing"));
    ck_assert_int_eq(
        pxs_npy_write_open(&w, in_folder("w.npy"), PXS_NPY_U1, 1, (int64_t[]){4}, &err), PXS_OK);
    pxs_npy_write_abandon(&w);
    ck_assert_int_eq(pxs_read_file(in_folder("w.npy"), 10, &data, NULL, NULL), PXS_E_NOT_FOUND);
    ck_assert_int_eq(
        pxs_npy_write_open(&w, in_folder("w.npy"), PXS_NPY_F4, 5, (int64_t[5]){0}, &err),
        PXS_E_INVALID);
    ck_assert_int_eq(
        pxs_npy_write_open(&w, in_folder("w.npy"), PXS_NPY_F4, 1, (int64_t[]){-1}, &err),
        PXS_E_INVALID);
    ck_assert_int_eq(
        pxs_npy_write_open(&w, in_folder("no/w.npy"), PXS_NPY_F4, 1, (int64_t[]){1}, &err),
        PXS_E_NOT_FOUND);
    pxs_npy_write_abandon(&w);
}
END_TEST

TCase *npy_case(void) {
    TCase *tc = tcase_create("npy");
    tcase_add_checked_fixture(tc, test_folder_make, test_folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, reads_what_numpy_saved);
    tcase_add_test(tc, refuses_in_words);
    tcase_add_test(tc, dicts);
    tcase_add_test(tc, alignment_does_not_matter);
    tcase_add_test(tc, damage_is_noticed);
    tcase_add_test(tc, writes_as_numpy_does);
    tcase_add_test(tc, unfinished_files_do_not_appear);
    return tc;
}
