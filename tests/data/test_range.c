/* Halves that are black to the network, or empty: said with their range and the remedy. Dark
 * pictures that are meant so: nothing. */
#include "data/data_tests.h"
#include "image/png_fixture.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, PAIRS = 4 };

static void setup(void) {
    test_folder_make();
}

static uint32_t noise(uint32_t n) {
    n = (n ^ 61u) ^ (n >> 16);
    n *= 9u;
    n = (n ^ (n >> 4)) * 0x27d4eb2du;
    return n ^ (n >> 15);
}

/* What a sample of pair n is, at x, y, channel k. */
typedef int (*sample_fn)(int n, int x, int y, int k);

static int photo(int n, int x, int y, int k) {
    return (int)(noise((uint32_t)(((n * SIDE + y) * SIDE + x) * 3 + k)) % 256);
}
static int coin(int n, int x, int y, int k) { /* labels 0 and 1, pixel by pixel */
    return (int)(noise((uint32_t)((n * SIDE + y) * SIDE + x)) % 2);
}
static int block(int n, int x, int y, int k) { /* areas of 16 x 16 pixels */
    return (n * 7 + x / 16 + 2 * (y / 16)) % 4;
}
static int classes_21(int n, int x, int y, int k) {
    return (n * 7 + x / 8 + 5 * (y / 8)) % 21;
}
static int classes_48(int n, int x, int y, int k) {
    return (n * 16 + x / 8 + 4 * (y / 8)) % 48;
}
static int ringed(int n, int x, int y, int k) { /* 255 between the areas: no label */
    return x % 8 == 0 ? 255 : classes_21(n, x, y, k);
}
static int red_label(int n, int x, int y, int k) {
    return k == 0 ? coin(n, x, y, k) : 0;
}
static int mask(int n, int x, int y, int k) {
    return coin(n, x / 4, y / 4, 0) * 255;
}
static int empty_but_one(int n, int x, int y, int k) { /* three masks of four are all background */
    return n == 2 ? mask(n, x, y, k) : 0;
}
static int night(int n, int x, int y, int k) { /* in colour, and no value above 24 */
    return (x + 2 * y + 7 * k + n) % 25;
}
static int night_grey(int n, int x, int y, int k) {
    return photo(n, x, y, 0) % 48;
}
static int night_slope(int n, int x, int y, int k) { /* smooth from top to bottom */
    return 2 * y > 40 ? 40 : 2 * y;
}
static int lamp(int n, int x, int y, int k) {
    return n == 1 && x == 5 && y == 5 ? 90 : coin(n, x, y, k);
}
static int paper(int n, int x, int y, int k) { /* black on white, the black a little uneven */
    return x % 4 != 0 ? 255 : coin(n, x, y, k) * 3;
}
static int black(int n, int x, int y, int k) {
    return 0;
}
static int red(int n, int x, int y, int k) {
    return k == 0 ? 200 : 10;
}
static int one_colour_each(int n, int x, int y, int k) {
    return n * 40;
}
static int some_labels(int n, int x, int y, int k) {
    return n == 1 || n == 3 ? coin(n, x, y, k) : mask(n, x, y, k);
}

static void put_pairs(const char *split, int pairs, sample_fn a, sample_fn b) {
    for (int n = 0; n < pairs; n++) {
        char name[64];
        struct pxs_image im;
        ck_assert_int_eq(pxs_image_create(&im, 2 * SIDE, SIDE, 3, NULL), PXS_OK);
        for (int i = 0; i < 2 * SIDE * SIDE; i++)
            for (int k = 0; k < 3; k++) {
                int x = i % (2 * SIDE), y = i / (2 * SIDE);
                im.pixels[i * 3 + k] = (uint8_t)(x < SIDE ? a(n, x, y, k) : b(n, x - SIDE, y, k));
            }
        snprintf(name, sizeof name, "%s/%d.png", split, n);
        put_png(name, &im);
        pxs_image_finish(&im);
    }
}

/* Takes out the lines about single pairs, which check alone looks for (test_check.c). */
static void drop_single_pairs(char *text) {
    for (char *line = text, *next; *line != '\0'; line = next) {
        char *marker = strstr(line, " pairs (train/"), *end = strchr(line, '\n');
        next = end + 1;
        if (marker && marker < end) {
            memmove(line, next, strlen(next) + 1);
            next = line;
        }
    }
}

/* What check says of splits, and that loading says the same and gives the data all the same. */
static void expect_lines(const char *expected) {
    static struct gathered log;
    struct pxs_check_summary s;
    struct pxs_dataset_options o = small_options();
    struct pxs_dataset_info info;
    struct pxs_error err;
    ck_assert_int_eq(pxs_dataset_check(o.path, NULL, gather(&log), (struct pxs_meter){0}, &s, NULL),
                     PXS_OK);
    drop_single_pairs(log.text);
    ck_assert_str_eq(log.text, expected);
    ck_assert_uint_eq(s.errors, 0);
    o.logger = gather(&log);
    ck_assert_msg(pxs_dataset_inspect(&o, &info, &err) == PXS_OK, "%s", err.message);
    ck_assert_int_eq(strstr(log.text, "half ") != NULL, expected[0] != '\0');
}

#define EYE ": black to the eye and to the network. Labels? multiply them by "
#define STRETCH "; dark pictures? stretch them to 0..255\n"

static const struct {
    sample_fn a, b;
    const char *expected;
} sets[] = {
    {photo, coin,
     "W half B (right) holds only 0 to 1 of 255 in all pairs of train/" EYE "255" STRETCH},
    {coin, photo,
     "W half A (left) holds only 0 to 1 of 255 in all pairs of train/" EYE "255" STRETCH},
    {photo, block,
     "W half B (right) holds only 0 to 3 of 255 in all pairs of train/" EYE "85" STRETCH},
    {photo, classes_21,
     "W half B (right) holds only 0 to 20 of 255 in all pairs of train/" EYE "12" STRETCH},
    {photo, classes_48,
     "W half B (right) holds only 0 to 47 of 255 in all pairs of train/" EYE "5" STRETCH},
    {photo, ringed,
     "W half B (right) holds only 0 to 20 of 255 (and 255 itself, \"no label\"?) in all pairs of "
     "train/" EYE "12" STRETCH},
    {photo, red_label,
     "W half B (right) holds only 0 to 1 of 255 in all pairs of train/" EYE "255" STRETCH},
    {photo, black,
     "W half B (right) is one colour (0, 0, 0) throughout in all pairs of train/: there is nothing "
     "to learn "
     "from it; are these the right files?\n"},
    {red, photo,
     "W half A (left) is one colour (200, 10, 10) throughout in all pairs of train/: there is "
     "nothing to "
     "learn from it; are these the right files?\n"},
    {photo, some_labels,
     "W train/1.png and 1 more: half B (right) holds only 0 and 1 of 255, where others reach "
     "further: "
     "labels? multiply them by 255\n"},
    {photo, mask, ""},
    {photo, empty_but_one, ""},
    {photo, night, ""},
    {night, night_grey, ""},
    {photo, night_slope, ""},
    {photo, paper, ""},
    {photo, one_colour_each, ""},
};

START_TEST(labels_and_empty_halves_are_told)
{
    put_pairs("train", PAIRS, sets[_i].a, sets[_i].b);
    expect_lines(sets[_i].expected);
}
END_TEST

/* A lamp in one of all pictures is enough; but pictures of 0 and 1 beside others are told. */
START_TEST(a_split_is_looked_at_as_a_whole)
{
    put_pairs("train", PAIRS, photo, lamp);
    expect_lines(
        "W train/0.png and 2 more: half B (right) holds only 0 and 1 of 255, where others reach "
        "further: labels? multiply them by 255\n");
}
END_TEST

START_TEST(both_splits_are_told_in_one_line)
{
    put_pairs("train", PAIRS, photo, coin);
    put_pairs("val", 2, red, coin);
    static struct gathered log;
    struct pxs_check_summary s;
    struct pxs_dataset_options o = small_options();
    ck_assert_int_eq(pxs_dataset_check(o.path, NULL, gather(&log), (struct pxs_meter){0}, &s, NULL),
                     PXS_OK);
    ck_assert_str_eq(log.text,
                     "W half A (left) is one colour (200, 10, 10) throughout in all pairs of val/: "
                     "there is nothing to learn from it; are these the right files?\n"
                     "W half B (right) holds only 0 to 1 of 255 in all pairs of train/ and val/" EYE
                     "255" STRETCH);
}
END_TEST

/* ---- other depths --------------------------------------------------------------------------- */

/* A grey picture of `depth` bits, or a palette picture, of what `value` says at x, y. */
static void put_deep(const char *name, int width, int depth, const uint8_t (*palette)[3],
                     int colours, int n, sample_fn value) {
    uint8_t *rows[SIDE];
    size_t bytes;
    for (int y = 0; y < SIDE; y++) {
        rows[y] = calloc((size_t)width, 2);
        for (int x = 0; x < width; x++) {
            int v = value(n, x, y, 0);
            if (depth == 16) {
                rows[y][2 * x] = (uint8_t)(v >> 8);
                rows[y][2 * x + 1] = (uint8_t)v;
            } else {
                rows[y][x * depth / 8] |= (uint8_t)(v << (8 - depth - x * depth % 8));
            }
        }
    }
    struct png_fixture f = {.width = width,
                            .height = SIDE,
                            .depth = depth,
                            .color_type =
                                palette != NULL ? PNG_COLOR_TYPE_PALETTE : PNG_COLOR_TYPE_GRAY,
                            .rows = (const uint8_t *const *)rows,
                            .palette = palette,
                            .palette_size = colours};
    uint8_t *file = png_fixture_make(&f, &bytes);
    write_bytes(name, file, bytes);
    free(file);
    for (int y = 0; y < SIDE; y++)
        free(rows[y]);
}

static int bits_12(int n, int x, int y, int k) {
    return x == 3 && y == 3 ? 4095 : photo(n, x, y, 0) * 12;
}
static int bits_14(int n, int x, int y, int k) {
    return 4 * bits_12(n, x, y, k);
}
static int bits_16(int n, int x, int y, int k) {
    return photo(n, x, y, 0) * 257;
}
static int above_14_bits(int n, int x, int y, int k) {
    return x == 3 && y == 3 ? 16384 : 7;
}

#define WORDS " in all pairs of train/: black to the eye and to the network; "

START_TEST(sixteen_bits_are_looked_at_as_stored)
{
    static const struct {
        sample_fn b;
        const char *expected;
    } cases[] = {
        {bits_12, "W half B (B/) holds only 0 to 4095 of 65535" WORDS
                  "12-bit data in 16-bit files? multiply them by 16\n"},
        {bits_14, "W half B (B/) holds only 0 to 16380 of 65535" WORDS
                  "14-bit data in 16-bit files? multiply them by 4\n"},
        {photo, "W half B (B/) holds only 0 to 255 of 65535" WORDS
                "8-bit values in 16-bit files? multiply them by 257, or save them with 8 bits\n"},
        {classes_21,
         "W half B (B/) holds only 0 to 20 of 65535" WORDS "labels? multiply them by 3276\n"},
        {bits_16, ""},
        {above_14_bits, ""},
        {black, "W half B (B/) is one colour (0, 0, 0) throughout in all pairs of train/: there is "
                "nothing "
                "to learn from it; are these the right files?\n"},
    };
    for (int n = 0; n < PAIRS; n++) {
        char name[2][64];
        for (int k = 0; k < 2; k++)
            snprintf(name[k], sizeof name[k], "train/%c/%d.png", "AB"[k], n);
        put_deep(name[0], SIDE, 8, NULL, 0, n, photo);
        put_deep(name[1], SIDE, 16, NULL, 0, n, cases[_i].b);
    }
    expect_lines(cases[_i].expected);
}
END_TEST

static int photo_and_12(int n, int x, int y, int k) {
    return x < SIDE ? bits_16(n, x, y, k) : bits_12(n, x - SIDE, y, k);
}

/* Side by side, each half has its own range. */
START_TEST(sixteen_bits_side_by_side)
{
    for (int n = 0; n < PAIRS; n++) {
        char name[64];
        snprintf(name, sizeof name, "train/%d.png", n);
        put_deep(name, 2 * SIDE, 16, NULL, 0, n, photo_and_12);
    }
    expect_lines("W half B (right) holds only 0 to 4095 of 65535" WORDS
                 "12-bit data in 16-bit files? multiply them by 16\n");
}
END_TEST

/* Few bits are stretched by the reader; palettes count by their colours. */
START_TEST(few_bits_and_palettes)
{
    static const uint8_t colours[4][3] = {{0, 0, 0}, {128, 0, 0}, {0, 128, 0}, {128, 128, 0}},
                         labels[4][3] = {{0, 0, 0}, {1, 1, 1}, {2, 2, 2}, {3, 3, 3}};
    const uint8_t(*palette)[3] = _i == 0 ? NULL : _i == 1 ? colours : labels;
    for (int n = 0; n < PAIRS; n++) {
        char name[2][64];
        for (int k = 0; k < 2; k++)
            snprintf(name[k], sizeof name[k], "train/%c/%d.png", "AB"[k], n);
        put_deep(name[0], SIDE, 8, NULL, 0, n, photo);
        if (_i == 0)
            put_deep(name[1], SIDE, 1, NULL, 0, n, coin);
        else
            put_deep(name[1], SIDE, 8, palette, 4, n, block);
    }
    expect_lines(_i < 2 ? ""
                        : "W half B (B/) holds only 0 to 3 of 255 in all pairs of train/" EYE
                          "85" STRETCH);
}
END_TEST

/* ---- arrays --------------------------------------------------------------------------------- */

static float half_in_one(int n, int x, int y, int k) {
    return (float)photo(n, x, y, k) / 255;
}

/* Floats of 0.0 and 1.0, and one half of 0..1 beside one of 0..255, whose fractions a cast cuts
 * off. */
START_TEST(floats_of_0_to_1)
{
    static float v[PAIRS * SIDE * 2 * SIDE * 3];
    for (int i = 0; i < PAIRS * SIDE * 2 * SIDE * 3; i++) {
        int k = i % 3, x = i / 3 % (2 * SIDE), y = i / 3 / (2 * SIDE) % SIDE,
            n = i / 3 / (2 * SIDE) / SIDE;
        v[i] = x < SIDE  ? (float)photo(n, x, y, k)
               : _i == 0 ? (float)coin(n, x, y, k)
                         : half_in_one(n, x, y, k);
    }
    put_npy("train/a.npy", 1, "<f4", "(4, 32, 64, 3)", v, sizeof v);
    expect_lines(
        "W half B (right) holds only 0 to 1 in all pairs of train/, where 0 to 255 are expected: "
        "black to the eye and to the network; multiply by 255\n");
}
END_TEST

START_TEST(floats_of_minus_1_to_1_are_refused_with_the_remedy)
{
    static float v[SIDE * 2 * SIDE * 3];
    for (size_t i = 0; i < PXS_COUNT(v); i++)
        v[i] = (float)(i % 5) / 2 - 1;
    put_npy("train/a.npy", 1, "<f4", "(1, 32, 64, 3)", v, sizeof v);
    struct pxs_dataset_options o = small_options();
    refuse(&o, "%s cannot be used: train/a.npy[0]: the value -1 at row 0, column 0, channel 0 is "
               "not within "
               "0..255; its values lie within -1..1: save (x + 1) * 127.5");
}
END_TEST

TCase *range_tests(void) {
    TCase *tc = tcase_create("range");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, test_folder_remove);
    tcase_add_loop_test(tc, labels_and_empty_halves_are_told, 0, (int)PXS_COUNT(sets));
    tcase_add_test(tc, a_split_is_looked_at_as_a_whole);
    tcase_add_test(tc, both_splits_are_told_in_one_line);
    tcase_add_loop_test(tc, sixteen_bits_are_looked_at_as_stored, 0, 7);
    tcase_add_test(tc, sixteen_bits_side_by_side);
    tcase_add_loop_test(tc, few_bits_and_palettes, 0, 3);
    tcase_add_loop_test(tc, floats_of_0_to_1, 0, 2);
    tcase_add_test(tc, floats_of_minus_1_to_1_are_refused_with_the_remedy);
    return tc;
}
