/* The lab's arrays: both formats and types, several in a row, and everything that can be wrong with
 * values. */
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
         "0..255"},
        {PAIR + 50, -1.0f,
         "%s cannot be used: train/a.npy[1]: the value -1 at row 1, column 0, channel 2 is not "
         "within "
         "0..255"},
        {2 * PAIR + 4, NAN,
         "%s cannot be used: train/a.npy[2]: the value nan at row 0, column 1, channel 1 is not "
         "within "
         "0..255"},
        {3 * PAIR - 1, INFINITY,
         "%s cannot be used: train/a.npy[2]: the value inf at row 7, column 15, channel 2 is not "
         "within "
         "0..255"},
    };
    put_f4("train/a.npy", 1, 0, 3, cases[_i].at, cases[_i].value);
    put_u1("val/x.npy", 1, 10, 1);
    struct pxs_dataset_options o = small_options();
    refuse(&o, cases[_i].message);
}
END_TEST

START_TEST(scaled_arrays_are_recognised)
{
    static float floats[3 * PAIR];
    for (int i = 0; i < 3 * PAIR; i++)
        floats[i] = (float)(i % 256) / 255.0f;
    put_npy("train/a.npy", 1, "<f4", "(3, 8, 16, 3)", floats, sizeof floats);
    put_u1("val/x.npy", 1, 10, 1);
    struct pxs_dataset_options o = small_options();
    refuse(&o, "%s cannot be used: train/a.npy[0]: its values lie within 0..1; pairs hold 0..255 "
               "(multiply "
               "by 255) (and 2 more pairs of this file)");
}
END_TEST

START_TEST(shapes_must_be_pairs)
{
    static const struct {
        const char *shape, *message;
        size_t bytes;
    } cases[] = {
        {"(8, 16, 3)",
         "%s cannot be used: train/a.npy: its shape is [8, 16, 3]; pairs are (N, H, 2W, 3); if it "
         "is one "
         "pair: save x[None]",
         PAIR},
        {"(1, 8, 48, 1)",
         "%s cannot be used: train/a.npy: its shape is [1, 8, 48, 1]; pairs are (N, H, 2W, 3); if "
         "it is "
         "grey: save numpy.repeat(x, 3, 3)",
         PAIR},
        {"(1, 3, 8, 16)",
         "%s cannot be used: train/a.npy: its shape is [1, 3, 8, 16]; pairs are (N, H, 2W, 3); if "
         "it is (N, "
         "3, H, 2W): save x.transpose(0, 2, 3, 1)",
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
    tcase_add_test(tc, scaled_arrays_are_recognised);
    tcase_add_loop_test(tc, shapes_must_be_pairs, 0, 5);
    tcase_add_test(tc, damage_is_named);
    return tc;
}
