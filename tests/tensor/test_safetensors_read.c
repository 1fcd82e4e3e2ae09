#include "tensor_tests.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void check_floats(const float *data, size_t n) { /* as fixtures/make_fixtures.py */
    for (size_t i = 0; i < n; i++)
        ck_assert(data[i] == 0.5f * (float)i - 1);
}

START_TEST(reads_what_torch_saved)
{
    struct pxs_safetensors *f = NULL;
    struct pxs_error err;
    float out[96] = {0};
    enum pxs_status status = pxs_safetensors_open(fixture("torch.safetensors"), &f, &err);
    ck_assert_msg(status == PXS_OK, "%s", err.message);
    ck_assert_uint_eq(pxs_safetensors_count(f), 9);
    ck_assert_int_eq(
        pxs_safetensors_read(f, "down1.model.0.weight", 4, (int[]){2, 3, 4, 4}, out, &err), PXS_OK);
    check_floats(out, 96);
    ck_assert_int_eq(pxs_safetensors_read(f, "final.bias", 1, (int[]){3}, out, &err), PXS_OK);
    ck_assert_int_eq(pxs_safetensors_read(f, "one", 0, NULL, out, &err), PXS_OK);
    ck_assert(out[0] == -1);
    ck_assert_int_eq(pxs_safetensors_read(f, "none", 2, (int[]){0, 3}, out, &err), PXS_OK);
    ck_assert_int_eq(pxs_safetensors_read(f, "half", 1, (int[]){3}, out, &err), PXS_OK);
    check_floats(out, 3);
    out[0] = 7;
    ck_assert_int_eq(pxs_safetensors_read(f, "bfloat", 1, (int[]){3}, out, &err), PXS_OK);
    check_floats(out, 3);
    ck_assert_str_eq(pxs_safetensors_metadata(f, "epoch"), "3");
    ck_assert_str_eq(pxs_safetensors_metadata(f, "name"), "caf\xc3\xa9");
    const struct pxs_safetensors_info *steps = pxs_safetensors_find(f, "steps");
    ck_assert_str_eq(steps->dtype, "I64");
    ck_assert_uint_eq(steps->bytes, 24);
    int64_t values[3];
    memcpy(values, steps->data, sizeof values);
    ck_assert(values[0] == 1 && values[1] == -2 && values[2] == 3);
    ck_assert_str_eq(pxs_safetensors_find(f, "mask")->dtype, "U8");
    ck_assert_ptr_null(pxs_safetensors_find(f, "Mask"));
    pxs_safetensors_destroy(&f);
    ck_assert_int_eq(pxs_safetensors_open(fixture("nothing.safetensors"), &f, &err), PXS_OK);
    ck_assert_uint_eq(pxs_safetensors_count(f), 0);
    pxs_safetensors_destroy(&f);
}
END_TEST

START_TEST(asking_wrongly)
{
    struct pxs_safetensors *f = NULL;
    struct pxs_error err;
    float out[3] = {7, 7, 7};
    ck_assert_int_eq(pxs_safetensors_open(fixture("torch.safetensors"), &f, &err), PXS_OK);
    static const char *const other[][2] = {{"wide", "F64"}, {"steps", "I64"}, {"mask", "U8"}};
    for (size_t i = 0; i < PXS_COUNT(other); i++) {
        char want[100];
        snprintf(want, sizeof want, "torch.safetensors: tensor %s is %s, but only F32, F16",
                 other[i][0], other[i][1]);
        ck_assert_int_eq(pxs_safetensors_read(f, other[i][0], 1, (int[]){3}, out, &err),
                         PXS_E_UNSUPPORTED);
        ck_assert_msg(strstr(err.message, want) != NULL, "%s", err.message);
    }
    ck_assert_int_eq(pxs_safetensors_read(f, "final.bias", 1, (int[]){2}, out, &err),
                     PXS_E_INVALID);
    ck_assert_ptr_nonnull(
        strstr(err.message, "tensor final.bias has shape [3], but [2] is needed"));
    ck_assert_int_eq(pxs_safetensors_read(f, "final.bias", 2, (int[]){3, 1}, out, &err),
                     PXS_E_INVALID);
    ck_assert_int_eq(pxs_safetensors_read(f, "absent", 1, (int[]){3}, out, &err), PXS_E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, "torch.safetensors: no tensor named absent"));
    ck_assert(out[0] == 7 && out[1] == 7 && out[2] == 7);
    pxs_safetensors_destroy(&f);
}
END_TEST

/* A file of one tensor "w" of all 65536 numbers of a 16-bit type. */
static void open_all(const char *dtype, struct pxs_safetensors **f) {
    static unsigned char file[8 + 96 + 2 * 65536];
    const uint64_t length = 96;
    memset(file, ' ', 8 + 96);
    memcpy(file, &length, 8);
    const int n =
        snprintf((char *)file + 8, 96,
                 "{\"w\":{\"dtype\":\"%s\",\"shape\":[65536],\"data_offsets\":[0,131072]}}", dtype);
    file[8 + n] = ' ';
    for (unsigned i = 0; i < 65536; i++) {
        const uint16_t bits = (uint16_t)i;
        memcpy(file + 8 + 96 + 2 * i, &bits, 2);
    }
    write_bytes("f", file, sizeof file);
    ck_assert_int_eq(pxs_safetensors_open(in_folder("f"), f, NULL), PXS_OK);
}

/* Against the definition: (-1)^s * 2^(e - bias) * 1.fraction, or subnormal. */
START_TEST(every_short_float)
{
    static const struct {
        const char *dtype;
        int fraction, bias;
    } types[] = {{"F16", 10, 15}, {"BF16", 7, 127}};
    static float out[65536];
    for (size_t t = 0; t < PXS_COUNT(types); t++) {
        struct pxs_safetensors *f = NULL;
        open_all(types[t].dtype, &f);
        ck_assert_int_eq(pxs_safetensors_read(f, "w", 1, (int[]){65536}, out, NULL), PXS_OK);
        const int k = types[t].fraction, top = (1 << (15 - k)) - 1;
        for (int i = 0; i < 65536; i++) {
            const int fraction = i & ((1 << k) - 1), exponent = (i >> k) & top;
            const float value = out[i];
            ck_assert_int_eq(signbit(value) != 0, i >> 15);
            if (exponent == top) {
                ck_assert(fraction ? isnan(value) != 0 : isinf(value) != 0);
                continue;
            }
            const double want = exponent ? ldexp(1 + ldexp(fraction, -k), exponent - types[t].bias)
                                         : ldexp(fraction, 1 - types[t].bias - k);
            ck_assert_msg((double)fabsf(value) == want, "%s %04x: %g", types[t].dtype, i,
                          (double)value);
        }
        pxs_safetensors_destroy(&f);
    }
}
END_TEST

/* torch's DataParallel names each tensor module.NAME; a module of that name among others is one. */
START_TEST(wrapped_names)
{
    static const float zero[1] = {0};
    struct pxs_safetensors_entry e[2] = {
        {.name = "module.a", .rank = 1, .dims = {1}, .data = zero},
        {.name = "module.b", .rank = 1, .dims = {1}, .data = zero}};
    for (int wrapped = 1; wrapped >= 0; wrapped--) {
        struct pxs_safetensors *f = NULL;
        e[1].name = wrapped ? "module.b" : "b";
        ck_assert_int_eq(pxs_safetensors_write(in_folder("f"), e, 2, NULL, NULL, NULL, NULL, NULL),
                         PXS_OK);
        ck_assert_int_eq(pxs_safetensors_open(in_folder("f"), &f, NULL), PXS_OK);
        ck_assert_ptr_nonnull(pxs_safetensors_find(f, wrapped ? "a" : "module.a"));
        ck_assert_ptr_nonnull(pxs_safetensors_find(f, "b"));
        pxs_safetensors_destroy(&f);
    }
}
END_TEST

/* A file of this header (length as it is, or as stated) and so many data bytes. */
static enum pxs_status open_made(const char *header, uint64_t length, size_t data,
                                 struct pxs_error *err) {
    static unsigned char file[4096];
    size_t n = strlen(header);
    ck_assert_uint_le(8 + n + data, sizeof file);
    memcpy(file, &length, 8);
    memcpy(file + 8, header, n);
    memset(file + 8 + n, 0, data);
    write_bytes("f", file, 8 + n + data);
    struct pxs_safetensors *f = NULL;
    enum pxs_status status = pxs_safetensors_open(in_folder("f"), &f, err);
    ck_assert((f != NULL) == (status == PXS_OK));
    pxs_safetensors_destroy(&f);
    return status;
}

#define ONE(dtype, shape, offsets) \
    "{\"w\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

START_TEST(refuses_bad_headers)
{
    static const struct {
        const char *header;
        size_t data;
        const char *message; /* NULL: good */
    } rows[] = {
        {ONE("\"F32\"", "[2]", "[0,8]"), 8, NULL},
        {ONE("\"F32\"", "[0,9007199254740992,9007199254740992]", "[0,0]"), 0, NULL},
        {ONE("\"F4\"", "[2]", "[0,1]"), 1, NULL}, /* not known: listed */
        {"{\"__metadata__\":{}}  ", 0, NULL},
        {ONE("\"F32\"", "[2]", "[0,8]"), 7,
         "$.w.data_offsets ends at byte 8 of the data, but the file holds 7: cut off?"},
        {ONE("\"F32\"", "[2]", "[0,8]"), 9, "1 bytes behind the last tensor"},
        {ONE("\"F32\"", "[2]", "[4,12]"), 12, "tensor w has a gap in front"},
        {ONE("\"F32\"", "[2]", "[8,0]"), 8, "$.w.data_offsets begins after its end"},
        {ONE("\"F32\"", "[2]", "[0,4]"), 4,
         "$.w is F32 [2], which is 8 bytes, but its offsets hold 4"},
        {ONE("\"F64\"", "[1]", "[0,4]"), 4, "$.w is F64 [1], which is 8 bytes"},
        {ONE("\"F32\"", "[-2]", "[0,8]"), 8, "$.w.shape[0] must not be negative"},
        {ONE("\"F32\"", "[1.5]", "[0,8]"), 8, "$.w.shape[0] must be an integer"},
        /* 2^64 x 4 = 0 */
        {ONE("\"F32\"", "[4294967296,4294967296]", "[0,0]"), 0, "impossible shape"},
        {ONE("\"F32\"", "[4611686018427387904]", "[0,0]"), 0,
         "$.w.shape[0] must be an integer within 2^53"},
        {ONE("\"F32\"", "[2]", "[0]"), 8, "$.w.data_offsets must be [begin, end]"},
        {ONE("\"F32\"", "[2]", "[0,8,8]"), 8, "must be [begin, end]"},
        {ONE("\"F32\"", "[2]", "[0,1e300]"), 8, "must be an integer within"},
        {ONE("\"F32\"", "[2]", "[-8,0]"), 8, "$.w.data_offsets[0] must not be negative"},
        {ONE("\"F32\"", "2", "[0,8]"), 8, "$.w.shape must be an array, not a number"},
        {ONE("4", "[2]", "[0,8]"), 8, "$.w.dtype must be a string, not a number"},
        {"{\"w\":3}", 0, "$.w must be an object"},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "$.w has no \"data_offsets\""},
        {"{\"w\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "$.w has no \"dtype\""},
        {"{\"__metadata__\":{\"a\":1}}", 0, "$.__metadata__.a must be a string"},
        {"{\"__metadata__\":[]}", 0, "$.__metadata__ must be an object"},
        {"[]", 0, "not a safetensors file"},
        {"{\"w\":", 0, "not valid JSON"},
        {"", 1, "not a safetensors file"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}}",
         7, "tensor b overlaps"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
         8, "two members named \"a\""},
    };
    for (size_t i = 0; i < PXS_COUNT(rows); i++) {
        struct pxs_error err = {0};
        enum pxs_status status =
            open_made(rows[i].header, strlen(rows[i].header), rows[i].data, &err);
        if (!rows[i].message) {
            ck_assert_msg(status == PXS_OK, "%s", err.message);
            continue;
        }
        ck_assert_int_eq(status, PXS_E_CORRUPT);
        ck_assert_msg(strstr(err.message, rows[i].message) && strstr(err.message, in_folder("f")),
                      "row %zu: %s", i, err.message);
    }
}
END_TEST

START_TEST(refuses_bad_lengths)
{
    struct pxs_error err;
    ck_assert_int_eq(open_made("{}", 3, 0, &err), PXS_E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.message, "a header of 3 bytes expected, 2 found"));
    ck_assert_int_eq(open_made("{}", UINT64_MAX, 0, &err), PXS_E_CORRUPT);
    ck_assert_int_eq(open_made("{}", UINT64_MAX - 7, 0, &err), PXS_E_CORRUPT);
    ck_assert_int_eq(open_made("{}", 0, 0, &err), PXS_E_CORRUPT);
    ck_assert_int_eq(open_made("", 0, 0, &err), PXS_E_CORRUPT);
    struct pxs_safetensors *f = NULL;
    write_bytes("f", "1234567", 7);
    ck_assert_int_eq(pxs_safetensors_open(in_folder("f"), &f, &err), PXS_E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(err.message, "plain text, not a safetensors file; "));
    write_bytes("f", "", 0);
    ck_assert_int_eq(pxs_safetensors_open(in_folder("f"), &f, &err), PXS_E_CORRUPT);
    ck_assert_ptr_nonnull(
        strstr(err.message, "an empty file, not a safetensors file; copy or download it again"));
    static const char pointer[] =
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    write_bytes("f", pointer, sizeof pointer - 1);
    ck_assert_int_eq(pxs_safetensors_open(in_folder("f"), &f, &err), PXS_E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(
        err.message,
        "f: a Git LFS pointer, not a safetensors file; fetch the file itself: `git lfs pull`"));
    write_bytes("f", "PK\3\4torch", 9);
    ck_assert_int_eq(pxs_safetensors_open(in_folder("f"), &f, &err), PXS_E_CORRUPT);
    ck_assert_ptr_nonnull(strstr(
        err.message, "if torch.save wrote it, save the weights with safetensors.torch.save_file"));
    ck_assert_int_eq(pxs_safetensors_open(in_folder("f"), &f, NULL), PXS_E_CORRUPT);
    ck_assert_int_eq(pxs_safetensors_open(in_folder("none"), &f, &err), PXS_E_NOT_FOUND);
    ck_assert_int_eq(pxs_safetensors_open(PXS_FIXTURES, &f, &err), PXS_E_INVALID);
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
    ck_assert_int_eq(pxs_safetensors_open(in_folder("pipe"), &f, &err), PXS_E_INVALID);
    ck_assert_ptr_null(f);
}
END_TEST

START_TEST(unaligned_data)
{
    static const char header[] =
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}";
    for (size_t pad = 0; pad < 8; pad++) {
        char file[128];
        uint64_t length = sizeof header - 1 + pad;
        float values[3] = {-1, -0.5f, 0}, out[3];
        memcpy(file, &length, 8);
        memset(file + 8, ' ', sizeof file - 8);
        memcpy(file + 8, header, sizeof header - 1);
        memcpy(file + 8 + length, values, 12);
        write_bytes("f", file, 8 + length + 12);
        struct pxs_safetensors *f = NULL;
        ck_assert_int_eq(pxs_safetensors_open(in_folder("f"), &f, NULL), PXS_OK);
        ck_assert_int_eq(pxs_safetensors_read(f, "w", 1, (int[]){3}, out, NULL), PXS_OK);
        check_floats(out, 3);
        pxs_safetensors_destroy(&f);
    }
}
END_TEST

/* Opens a damaged file; if it is taken all the same, everything it hands out must be there to
 * read. */
static bool survive(const char *data, size_t bytes) {
    struct pxs_safetensors *f = NULL;
    write_bytes("f", data, bytes);
    if (pxs_safetensors_open(in_folder("f"), &f, NULL) != PXS_OK)
        return false;
    uint64_t total = 0;
    unsigned sum = 0;
    for (size_t i = 0; i < pxs_safetensors_count(f); i++) {
        const struct pxs_safetensors_info *info = pxs_safetensors_at(f, i);
        const unsigned char *p = info->data;
        ck_assert_uint_gt(strlen(info->dtype) + 1, 0);
        for (uint64_t k = 0; k < info->bytes; k++)
            sum += p[k];
        for (int k = 0; k < info->rank; k++)
            sum += (unsigned)info->dims[k];
        total += info->bytes;
    }
    ck_assert_uint_lt(total, bytes + (sum == 12345));
    pxs_safetensors_destroy(&f);
    return true;
}

START_TEST(every_cut_is_noticed)
{
    size_t bytes;
    char *data = slurp(fixture("torch.safetensors"), &bytes);
    ck_assert(survive(data, bytes));
    for (size_t n = 0; n < bytes; n++)
        ck_assert(!survive(data, n));
    free(data);
}
END_TEST

START_TEST(every_flip_is_survived)
{
    size_t bytes, header = 8 + 616;
    char *data = slurp(fixture("torch.safetensors"), &bytes);
    int taken = 0;
    uint64_t length;
    memcpy(&length, data, 8);
    ck_assert_uint_eq(length, header - 8);
    for (size_t i = 0; i < header; i++)
        for (int bit = 0; bit < 8; bit++) {
            data[i] = (char)(data[i] ^ 1 << bit);
            taken += survive(data, bytes);
            data[i] = (char)(data[i] ^ 1 << bit);
        }
    /* names, padding and metadata may differ and make sense */
    ck_assert_int_lt(taken, (int)header * 4);
    free(data);
}
END_TEST

TCase *safetensors_read_case(void) {
    TCase *tc = tcase_create("safetensors reading");
    tcase_add_checked_fixture(tc, test_folder_make, test_folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, reads_what_torch_saved);
    tcase_add_test(tc, asking_wrongly);
    tcase_add_test(tc, every_short_float);
    tcase_add_test(tc, wrapped_names);
    tcase_add_test(tc, refuses_bad_headers);
    tcase_add_test(tc, refuses_bad_lengths);
    tcase_add_test(tc, unaligned_data);
    tcase_add_test(tc, every_cut_is_noticed);
    tcase_add_test(tc, every_flip_is_survived);
    return tc;
}
