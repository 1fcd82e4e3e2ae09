/* Arrays: formats, types, shapes and scales, several in a row, and everything that can be wrong
 * with values. */
#include "data/data_tests.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { PAIR = 16 * 8 * 3 };

static void setup(void) {
    test_folder_make();
}

/* Pairs number first .. first + n - 1 as bytes or floats. */
static void bytes_of(int first, int n, uint8_t *to) {
    for (int i = 0; i < n; i++) {
        struct pxs_image im = picture(first + i, 16, 8, 3);
        memcpy(to + i * PAIR, im.pixels, PAIR);
        pxs_image_finish(&im);
    }
}

static void put_u1(const char *name, int version, int first, int n) {
    uint8_t data[8 * PAIR];
    char shape[64];
    bytes_of(first, n, data);
    snprintf(shape, sizeof shape, "(%d, 8, 16, 3)", n);
    put_npy(name, version, "|u1", shape, data, (size_t)n * PAIR);
}

static void put_f4(const char *name, int version, int first, int n, int spoil_at, float spoil) {
    uint8_t data[8 * PAIR];
    static float floats[8 * PAIR];
    char shape[64];
    bytes_of(first, n, data);
    for (int i = 0; i < n * PAIR; i++)
        floats[i] = data[i];
    if (spoil_at >= 0)
        floats[spoil_at] = spoil;
    snprintf(shape, sizeof shape, "(%d, 8, 16, 3)", n);
    put_npy(name, version, "<f4", shape, floats, (size_t)n * PAIR * sizeof(float));
}

/* The same set as pairs: hash and every name decide. */
START_TEST(arrays_follow_each_other)
{
    for (int i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "train/%d.png", i);
        put_pair(name, i);
    }
    put_pair("val/0.png", 10);
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset_info as_png, as_npy;
    ck_assert_int_eq(pxs_dataset_inspect(&o, &as_png, NULL), PXS_OK);
    test_folder_remove();
    test_folder_make();
    put_u1("train/a.npy", 1, 0, 2);
    put_f4("train/b.npy", 2, 2, 3, -1, 0);
    put_f4("train/c.npy", 1, 5, 1, -1, 0);
    put_u1("val/x.npy", 2, 10, 1);
    o = small_options();
    struct pxs_error err;
    ck_assert_msg(pxs_dataset_inspect(&o, &as_npy, &err) == PXS_OK, "%s", err.message);
    ck_assert_str_eq(as_npy.hash, as_png.hash);
    struct pxs_dataset *set = load(&o);
    ck_assert_uint_eq(pxs_dataset_count(set, PXS_SPLIT_TRAIN), 6);
    ck_assert_str_eq(pxs_dataset_name(set, PXS_SPLIT_TRAIN, 1), "train/a.npy[1]");
    ck_assert_str_eq(pxs_dataset_name(set, PXS_SPLIT_TRAIN, 4), "train/b.npy[2]");
    pxs_dataset_destroy(&set);
}
END_TEST

START_TEST(fractions_are_cut_off_as_a_cast_does)
{
    put_f4("train/a.npy", 1, 0, 2, 24, 77.9f); /* right half's first sample: the source */
    put_u1("val/x.npy", 1, 10, 1);
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset *set = load(&o);
    float source[192], target[192];
    pxs_dataset_batch(set, PXS_SPLIT_TRAIN, (uint32_t[]){0}, 1, NULL, source, target);
    ck_assert(source[0] == (77.0f / 255.0f - 0.5f) / 0.5f);
    pxs_dataset_destroy(&set);
}
END_TEST

START_TEST(values_must_be_samples)
{
    static const struct {
        int at;
        float value;
        const char *message;
    } cases[] = {
        {0, 255.5f,
         "%s cannot be used: train/a.npy[0]: the value 255.5 at row 0, column 0, channel 0 is not "
         "within "
         "0..255; save numpy.clip(x, 0, 255)"},
        {PAIR + 50, -1.0f,
         "%s cannot be used: train/a.npy[1]: the value -1 at row 1, column 0, channel 2 is not "
         "within "
         "0..255; save numpy.clip(x, 0, 255)"},
        {2 * PAIR + 4, NAN,
         "%s cannot be used: train/a.npy[2]: the value nan at row 0, column 1, channel 1 is not "
         "within "
         "0..255; save numpy.nan_to_num(x), or leave the array out"},
        {3 * PAIR - 1, INFINITY,
         "%s cannot be used: train/a.npy[2]: the value inf at row 7, column 15, channel 2 is not "
         "within "
         "0..255; save numpy.nan_to_num(x), or leave the array out"},
    };
    put_f4("train/a.npy", 1, 0, 3, cases[_i].at, cases[_i].value);
    put_u1("val/x.npy", 1, 10, 1);
    struct pxs_dataset_options o = small_options();
    refuse(&o, cases[_i].message);
}
END_TEST

/* ---- kinds ---------------------------------------------------------------------------------- */

/* Hash of the set in the test's folder. */
static const char *hash_of_folder(void) {
    static struct pxs_dataset_info info;
    struct pxs_dataset_options o = small_options();
    struct pxs_error err;
    ck_assert_msg(pxs_dataset_inspect(&o, &info, &err) == PXS_OK, "%s", err.message);
    return info.hash;
}

/* IEEE's half of 0, or of a value from 2^-14 to 65504; clang 14 has no _Float16 on x86. */
static uint16_t half_of(double value) {
    int exponent;
    if (value == 0)
        return 0;
    const double mantissa = 2 * frexp(value, &exponent) - 1;
    return (uint16_t)((exponent + 14) * 1024 + (int)nearbyint(mantissa * 1024));
}

/* The value as numpy stores it. */
static size_t put_value(const char *descr, double value, uint8_t *to) {
    uint8_t bytes[8];
    size_t n = 1;
    const float f4 = (float)value;
    if (strcmp(descr + 1, "f8") == 0) {
        memcpy(bytes, &value, n = 8);
    } else if (strcmp(descr + 1, "f4") == 0) {
        memcpy(bytes, &f4, n = 4);
    } else if (strcmp(descr + 1, "f2") == 0) {
        const uint16_t f2 = half_of(value);
        memcpy(bytes, &f2, n = 2);
    } else {
        bytes[0] = (uint8_t)value;
    }
    for (size_t i = 0; i < n; i++)
        to[i] = bytes[descr[0] == '>' ? n - 1 - i : i];
    return n;
}

/* Pairs first .. first + n - 1 in this dtype; planar (N, 3, H, 2W); divided by `divisor`. */
static void put_kind(const char *name, const char *descr, int first, int n, bool planar,
                     double divisor) {
    static uint8_t file[8 * PAIR * 8];
    uint8_t data[8 * PAIR];
    char shape[64];
    size_t bytes = 0;
    bytes_of(first, n, data);
    for (int i = 0; i < n * PAIR; i++) {
        const int in = i % PAIR, plane = 16 * 8;
        const int at = planar ? i - in + in % plane * 3 + in / plane : i;
        bytes += put_value(descr, data[at] / divisor, file + bytes);
    }
    snprintf(shape, sizeof shape, planar ? "(%d, 3, 8, 16)" : "(%d, 8, 16, 3)", n);
    put_npy(name, 1, descr, shape, file, bytes);
}

/* The same pixels in every type, byte order, order of axes and scale are the same set. */
START_TEST(kinds_hold_the_same_set)
{
    static const struct {
        const char *descr;
        bool planar;
        double divisor;
    } kinds[] = {{"<f2", false, 1},  {">f2", true, 1},   {"<f4", true, 1},   {">f4", false, 1},
                 {"<f8", false, 1},  {">f8", true, 1},   {"|u1", true, 1},   {"<f4", false, 255},
                 {">f4", true, 255}, {"<f8", true, 255}, {">f2", false, 255}};
    char expected[PXS_SHA256_HEX];
    put_kind("train/a.npy", "|u1", 0, 4, false, 1);
    put_kind("val/a.npy", "|u1", 10, 2, false, 1);
    strcpy(expected, hash_of_folder());
    put_kind("train/a.npy", kinds[_i].descr, 0, 4, kinds[_i].planar, kinds[_i].divisor);
    put_kind("val/a.npy", kinds[_i].descr, 10, 2, kinds[_i].planar, kinds[_i].divisor);
    ck_assert_str_eq(hash_of_folder(), expected);
    put_kind("val/a.npy", "|u1", 10, 2, false, 1); /* bytes beside floats of any scale */
    ck_assert_str_eq(hash_of_folder(), expected);
}
END_TEST

/* A file a pair, in each shape that it may have. */
START_TEST(one_array_a_pair)
{
    uint8_t data[2 * PAIR], grey[2 * 128];
    char expected[PXS_SHA256_HEX];
    bytes_of(0, 2, data);
    put_npy("train/a.npy", 1, "|u1", "(2, 8, 16, 3)", data, sizeof data);
    strcpy(expected, hash_of_folder());
    ck_assert_int_eq(unlink(in_folder("train/a.npy")), 0);
    put_npy("train/a.npy", 1, "|u1", "(8, 16, 3)", data, PAIR);
    put_npy("train/b.npy", 1, "|u1", "(8, 16, 3)", data + PAIR, PAIR);
    ck_assert_str_eq(hash_of_folder(), expected);
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset *set = load(&o);
    ck_assert_str_eq(pxs_dataset_name(set, PXS_SPLIT_TRAIN, 0), "train/b.npy");
    pxs_dataset_destroy(&set);

    memcpy(grey, data, sizeof grey);
    for (size_t i = 0; i < sizeof grey; i++)
        memset(data + 3 * i, grey[i], 3);
    static const char *const shapes[] = {"(2, 8, 16)", "(2, 8, 16, 1)", "(2, 1, 8, 16)"};
    ck_assert_int_eq(unlink(in_folder("train/b.npy")), 0);
    put_npy("train/a.npy", 1, "|u1", "(2, 8, 16, 3)", data, sizeof data);
    strcpy(expected, hash_of_folder());
    for (size_t i = 0; i < PXS_COUNT(shapes); i++) {
        put_npy("train/a.npy", 1, "|u1", shapes[i], grey, sizeof grey);
        ck_assert_str_eq(hash_of_folder(), expected);
    }
    put_npy("train/a.npy", 1, "|u1", "(8, 16)", grey, 128);
    put_npy("train/b.npy", 1, "|u1", "(8, 16, 1)", grey + 128, 128);
    ck_assert_str_eq(hash_of_folder(), expected);
}
END_TEST

/* The first pair with any other value than 0 and 1 says what the floats of the set mean. */
START_TEST(a_set_is_of_one_scale)
{
    float masks[2 * PAIR];
    for (int i = 0; i < 2 * PAIR; i++)
        masks[i] = (float)(i / 7 % 2);
    struct pxs_dataset_options o = small_options();
    put_npy("train/a.npy", 1, "<f4", "(2, 8, 16, 3)", masks, sizeof masks);
    put_kind("train/b.npy", "<f4", 0, 2, false, 255);
    put_kind("train/c.npy", "<f4", 2, 2, false, 1);
    refuse(&o, "%s cannot be used: train/c.npy[0]: the value 71 at row 0, column 0, channel 0 is "
               "not within 0..1, as train/b.npy[0] is; save all arrays in the same range (and 1 "
               "more pairs of this file)");
    ck_assert_int_eq(unlink(in_folder("train/c.npy")), 0);
    struct pxs_dataset *set = load(&o);
    float source[192], target[192];
    pxs_dataset_batch(set, PXS_SPLIT_TRAIN, (uint32_t[]){0}, 1, NULL, source, target);
    for (int i = 0; i < 192; i++)
        ck_assert(target[i] == 1.0f || target[i] == -1.0f);
    pxs_dataset_destroy(&set);
    put_kind("train/b.npy", "<f4", 2, 2, false, 1);
    put_kind("train/c.npy", "<f4", 0, 2, false, 255);
    refuse(&o, "%s cannot be used: train/c.npy[0]: its values lie within 0..1; pairs hold 0..255 "
               "(multiply by 255) (and 1 more pairs of this file)");
}
END_TEST

START_TEST(shapes_must_be_pairs)
{
    static const struct {
        const char *shape, *message;
        size_t bytes;
    } cases[] = {
        {"(3, 8, 16)",
         "%s cannot be used: train/a.npy: its shape is [3, 8, 16]; pairs are (N, H, 2W, 3); three "
         "grey pairs? save x[..., None]; one pair in colour? save x.transpose(1, 2, 0)",
         PAIR},
        {"(1, 6, 16, 4)",
         "%s cannot be used: train/a.npy: its shape is [1, 6, 16, 4]; pairs are (N, H, 2W, 3); if "
         "the last is RGBA: save x[..., :3]",
         PAIR},
        {"(6, 16, 4)",
         "%s cannot be used: train/a.npy: its shape is [6, 16, 4]; pairs are (N, H, 2W, 3); if "
         "the last is RGBA: save x[..., :3]",
         PAIR},
        {"(1, 2, 8, 24)",
         "%s cannot be used: train/a.npy: its shape is [1, 2, 8, 24]; pairs are (N, H, 2W, 3); if "
         "it is (N, 2, H, W), grey A and B: save numpy.concatenate([x[:, 0], x[:, 1]], 2)",
         PAIR},
        {"(384,)",
         "%s cannot be used: train/a.npy: its shape is [384]; pairs are (N, H, 2W, 3); save "
         "numpy.stack(pairs), each of shape (H, 2W, 3)",
         PAIR},
        {"(1, 16, 5, 3)",
         "%s cannot be used: train/a.npy: its shape is [1, 16, 5, 3]: a pair is two halves of the "
         "same width "
         "side by side",
         240},
        {"(0, 8, 16, 3)",
         "%s cannot be used: train/a.npy: its shape is [0, 8, 16, 3]: it holds no pairs", 0},
    };
    uint8_t data[PAIR] = {0};
    put_npy("train/a.npy", 1, "|u1", cases[_i].shape, data, cases[_i].bytes);
    put_u1("val/x.npy", 1, 10, 1);
    struct pxs_dataset_options o = small_options();
    refuse(&o, cases[_i].message);
}
END_TEST

/* Damage is the reader's business; here it must only come through with the file's name. */
START_TEST(damage_is_named)
{
    put_u1("train/a.npy", 1, 0, 2);
    put_u1("val/x.npy", 1, 10, 1);
    ck_assert_int_eq(truncate(in_folder("train/a.npy"), 500), 0);
    write_text("train/b.npy", "no array");
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset *set;
    struct pxs_error err;
    ck_assert_int_eq(pxs_dataset_load(&o, &set, &err), PXS_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, " cannot be used:\n  train/a.npy: "));
    ck_assert_ptr_nonnull(strstr(err.message, "\n  train/b.npy: "));
}
END_TEST

TCase *npy_tests(void) {
    TCase *tc = tcase_create("npy");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, test_folder_remove);
    tcase_add_test(tc, arrays_follow_each_other);
    tcase_add_test(tc, fractions_are_cut_off_as_a_cast_does);
    tcase_add_loop_test(tc, values_must_be_samples, 0, 4);
    tcase_add_loop_test(tc, kinds_hold_the_same_set, 0, 11);
    tcase_add_test(tc, one_array_a_pair);
    tcase_add_test(tc, a_set_is_of_one_scale);
    tcase_add_loop_test(tc, shapes_must_be_pairs, 0, 7);
    tcase_add_test(tc, damage_is_named);
    return tc;
}
