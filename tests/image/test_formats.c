/* JPEG and TIFF in and out: files of every kind against what Pillow makes of them
 * (make_fixtures.py), and damage of every sort. Where a build lacks a library, its format is
 * refused by name. */
#include "image/test_image.h"

#include <stdlib.h>
#include <string.h>

/* ---- files and what they must become -------------------------------------------------------- */

/* golden NULL: the file's own name, as .png; within: levels. */
static const struct {
    const char *file, *golden;
    int channels, depth, orientation, within;
    bool more_pages;
} files[] = {
    {"rgb444.jpg", NULL, 3, 8, 1, 2, false},
    {"rgb422.jpg", NULL, 3, 8, 1, 2, false},
    {"rgb420.jpg", NULL, 3, 8, 1, 2, false},
    {"progressive.jpg", NULL, 3, 8, 1, 2, false},
    {"restart.jpg", NULL, 3, 8, 1, 2, false},
    {"keep-rgb.jpg", NULL, 3, 8, 1, 2, false},
    {"grey.jpg", NULL, 1, 8, 1, 2, false},
    {"cmyk.jpg", NULL, 3, 8, 1, 2, false},
    {"ycck.jpg", NULL, 3, 8, 1, 2, false},
    {"orientation1.jpg", NULL, 3, 8, 1, 2, false},
    {"orientation2.jpg", NULL, 3, 8, 2, 2, false},
    {"orientation3.jpg", NULL, 3, 8, 3, 2, false},
    {"orientation4.jpg", NULL, 3, 8, 4, 2, false},
    {"orientation5.jpg", NULL, 3, 8, 5, 2, false},
    {"orientation6.jpg", NULL, 3, 8, 6, 2, false},
    {"orientation7.jpg", NULL, 3, 8, 7, 2, false},
    {"orientation8.jpg", NULL, 3, 8, 8, 2, false},
    {"raw.tif", "scene.png", 3, 8, 1, 0, false},
    {"lzw.tif", "scene.png", 3, 8, 1, 0, false},
    {"deflate.tif", "scene.png", 3, 8, 1, 0, false},
    {"packbits.tif", "scene.png", 3, 8, 1, 0, false},
    {"strips.tif", "scene.png", 3, 8, 1, 0, false},
    {"planes.tif", "scene.png", 3, 8, 1, 0, false},
    {"plane-tiles.tif", "scene.png", 3, 8, 1, 0, false},
    {"not-alpha.tif", "scene.png", 3, 8, 1, 0, false},
    {"pages.tif", "scene.png", 3, 8, 1, 0, true},
    {"tiff-jpeg.tif", NULL, 3, 8, 1, 2, false},
    {"tiff-cmyk.tif", NULL, 3, 8, 1, 0, false},
    {"cmyk-and-one.tif", NULL, 3, 8, 1, 0, false},
    {"grey8.tif", NULL, 1, 8, 1, 0, false},
    {"grey4.tif", NULL, 1, 4, 1, 0, false},
    {"bilevel.tif", NULL, 1, 1, 1, 0, false},
    {"white-is-zero.tif", NULL, 1, 8, 1, 0, false},
    {"palette.tif", NULL, 3, 8, 1, 0, false},
    {"palette4.tif", NULL, 3, 4, 1, 0, false},
    {"rgba.tif", NULL, 4, 8, 1, 0, false},
    {"grey-alpha.tif", NULL, 2, 8, 1, 0, false},
    {"premultiplied.tif", NULL, 4, 8, 1, 0, false},
    {"grey16.tif", NULL, 1, 16, 1, 0, false},
    {"grey16-motorola.tif", NULL, 1, 16, 1, 0, false},
    {"rgb16.tif", "scene.png", 3, 16, 1, 0, false},
    {"rgb16-tiles.tif", NULL, 3, 16, 5, 0, false},
    {"tiff-orientation3.tif", NULL, 3, 8, 3, 0, false},
    {"tiff-orientation6.tif", NULL, 3, 8, 6, 0, false},
};

static const char *fixture(const char *name) {
    static char path[4][PXS_PATH_MAX];
    static unsigned next;
    char *p = path[next++ % PXS_COUNT(path)];
    snprintf(p, PXS_PATH_MAX, "%s/fixtures/%s", TEST_DIR, name);
    return p;
}

static bool is_read(const char *name) {
    return pxs_image_format_of(name) != NULL;
}

START_TEST(a_file_becomes_what_pillow_makes_of_it)
{
    char golden[64];
    struct pxs_image im, expected;
    struct pxs_image_info info;
    const char *name = files[_i].file;
    if (!is_read(name)) {
        char refusal[128];
        snprintf(refusal, sizeof refusal, "a %s picture, which this build does not read",
                 strstr(name, ".jpg") ? "JPEG" : "TIFF");
        ck_fails(pxs_image_read(fixture(name), &im, &info, &err), PXS_E_CORRUPT, refusal);
        return;
    }
    snprintf(golden, sizeof golden, "%.*s.png", (int)strcspn(name, "."), name);
    ck_ok(pxs_image_read(fixture(files[_i].golden ? files[_i].golden : golden), &expected, NULL,
                         &err));
    ck_ok(pxs_image_read(fixture(name), &im, &info, &err));
    ck_assert_int_eq(im.width, expected.width);
    ck_assert_int_eq(im.height, expected.height);
    ck_assert_int_eq(info.width, im.width);
    ck_assert_int_eq(info.height, im.height);
    ck_assert_int_eq(info.channels, files[_i].channels);
    ck_assert_int_eq(info.depth, files[_i].depth);
    ck_assert_int_eq(info.orientation, files[_i].orientation);
    ck_assert_int_eq(info.more_pages, files[_i].more_pages);
    ck_assert_int_eq(info.lossy, files[_i].within > 0);
    ck_assert_int_eq(info.high[0] > 255, info.depth == 16);
    for (int i = 0; i < im.width * im.height * 3; i++)
        ck_assert_msg(abs(im.pixels[i] - expected.pixels[i]) <= files[_i].within,
                      "%s, pixel (%d, %d), sample %d: %d, Pillow has %d", name, i / 3 % im.width,
                      i / 3 / im.width, i % 3, im.pixels[i], expected.pixels[i]);
    pxs_image_finish(&expected);
    pxs_image_finish(&im);
}
END_TEST

/* ---- damage --------------------------------------------------------------------------------- */

static enum pxs_status decode_copy(const char *file, size_t n, struct pxs_error *err) {
    struct pxs_image im;
    uint8_t *copy = malloc(n + 1); /* its own block: reading on shows under the sanitizers */
    copy = realloc(copy, n > 0 ? n : 1);
    memcpy(copy, file, n);
    enum pxs_status status = pxs_image_decode(copy, n, &im, NULL, err);
    if (status == PXS_OK)
        pxs_image_finish(&im);
    free(copy);
    return status;
}

/* Pillow's files end with their pixels or the end mark, TIFFs with the pixels or the directory. */
START_TEST(every_truncation_is_found)
{
    static const char *const whole[] = {"rgb420.jpg", "progressive.jpg", "cmyk.jpg",
                                        "lzw.tif",    "rgb16.tif",       "tiff-jpeg.tif"};
    const char *name = whole[_i];
    size_t bytes;
    struct pxs_error err;
    char *file = slurp(fixture(name), &bytes);
    for (size_t n = 0; n < bytes; n++) {
        ck_assert_msg(decode_copy(file, n, &err) == PXS_E_CORRUPT, "%s, %zu of %zu bytes", name, n,
                      bytes);
        ck_assert_msg(err.message[0] != '\0', "%s, %zu bytes: no words", name, n);
        if (n == bytes / 2 && is_read(name) && strstr(name, ".jpg"))
            ck_assert_str_eq(err.message, "the file ends too early (truncated)");
    }
    free(file);
}
END_TEST

/* No byte of these makes the reader stumble; what is no longer read says why. */
START_TEST(every_changed_byte_is_survived)
{
    static const char *const some[] = {"progressive.jpg", "orientation6.jpg", "palette4.tif",
                                       "rgb16-tiles.tif", "tiff-jpeg.tif",    "grey-alpha.tif"};
    size_t bytes;
    struct pxs_error err;
    char *file = slurp(fixture(some[_i]), &bytes);
    for (size_t i = 0; i < bytes && i < 700; i++) {
        const char was = file[i];
        for (int change = 0; change < 3; change++) {
            file[i] = (char)(change == 0 ? 0 : change == 1 ? 0xff : was ^ 1);
            err.message[0] = '\0';
            const enum pxs_status status = decode_copy(file, bytes, &err);
            ck_assert(status == PXS_OK || (status == PXS_E_CORRUPT && err.message[0] != '\0'));
        }
        file[i] = was;
    }
    free(file);
}
END_TEST

/* The first place of some bytes in a file. */
static char *find(char *file, size_t bytes, const char *what, size_t n) {
    for (size_t i = 0; i + n <= bytes; i++)
        if (memcmp(file + i, what, n) == 0)
            return file + i;
    ck_abort_msg("not in the file");
}

START_TEST(huge_sizes_are_refused)
{
    size_t bytes;
    struct pxs_error err;
    char *file = slurp(fixture("rgb444.jpg"), &bytes);
    if (is_read("x.jpg")) {
        memcpy(find(file, bytes, "\xff\xc0", 2) + 5, "\xff\xff\x00\x01", 4); /* height, width */
        ck_assert_int_eq(decode_copy(file, bytes, &err), PXS_E_CORRUPT);
        ck_has(err.message, "too large: ");
        memcpy(find(file, bytes, "\xff\xc0", 2) + 5, "\x60\x00\x60\x00", 4);
        ck_assert_int_eq(decode_copy(file, bytes, &err), PXS_E_CORRUPT);
        ck_has(err.message, "too large: 24576 x 24576 pixels");
    }
    free(file);
    file = slurp(fixture("rgb16.tif"), &bytes);
    if (is_read("x.tif")) {
        memcpy(find(file, bytes, "\0\1\4\0\1\0\0\0", 8) + 8, "\0\0\1\0", 4); /* width */
        ck_assert_int_eq(decode_copy(file, bytes, &err), PXS_E_CORRUPT);
        ck_has(err.message, "too large: 65536 x 13 pixels");
    }
    free(file);
    file = slurp(fixture("rgb16-tiles.tif"), &bytes);
    if (is_read("x.tif")) {
        memcpy(find(file, bytes, "\1\x42\0\4\0\0\0\1", 8) + 8, "\0\1\0\0", 4); /* tile width */
        ck_assert_int_eq(decode_copy(file, bytes, &err), PXS_E_CORRUPT);
        ck_has(err.message, "too large: 65536 x 16 pixels");
    }
    free(file);
}
END_TEST

/* The tag of a TIFF (little-endian, a single number) gets another value. */
static void set_tag(char *file, size_t bytes, int tag, int value) {
    const char head[] = {(char)tag, (char)(tag >> 8)};
    for (size_t i = 10; i + 12 <= bytes; i += 12)
        if (memcmp(file + i, head, 2) == 0) {
            file[i + 8] = (char)value;
            file[i + 9] = (char)(value >> 8);
            return;
        }
    ck_abort_msg("no tag %d", tag);
}

/* Kinds of TIFF that are not read are refused in words; nothing comes out as something else. */
START_TEST(other_kinds_of_tiff_are_named)
{
    static const struct {
        int tag, value;
        const char *words, *file;
    } changes[] = {
        {258, 32, "a TIFF of 32 bits, which is not read; save it with 8 or 16 bits",
         "grey-alpha.tif"},
        {258, 12, "a TIFF of 12 bits", "grey-alpha.tif"},
        {262, 8, "a TIFF whose colours are of kind 8", "grey-alpha.tif"},
        {262, 6, "a TIFF in YCbCr without JPEG compression", "planes.tif"},
        {262, 5, "a TIFF of 2 samples a pixel", "grey-alpha.tif"},
        {259, 34712, "a TIFF of compression 34712", "grey-alpha.tif"},
    };
    struct pxs_error err;
    for (size_t i = 0; i < PXS_COUNT(changes) && is_read("x.tif"); i++) {
        size_t bytes;
        char *file = slurp(fixture(changes[i].file), &bytes);
        set_tag(file, bytes, changes[i].tag, changes[i].value);
        if (changes[i].tag == 258) /* two values of two bytes stand in the entry */
            memcpy(find(file, bytes, "\2\1\3\0\2\0\0\0", 8) + 10, &changes[i].value, 2);
        ck_assert_msg(decode_copy(file, bytes, &err) == PXS_E_CORRUPT, "%s", changes[i].words);
        ck_has(err.message, changes[i].words);
        free(file);
    }
}
END_TEST

START_TEST(tiffs_that_are_refused)
{
    static const struct {
        const char *file, *words;
    } refused[] = {
        {"preview.tif", "a TIFF whose first page is a preview or a mask of another one"},
        {"floats.tif", "a TIFF of floats, which is not read; save it with 8 or 16 bits"},
        {"signed.tif", "a TIFF of signed or complex numbers"},
        {"many.tif", "a TIFF of 17 samples a pixel"},
    };
    struct pxs_image im;
    for (size_t i = 0; i < PXS_COUNT(refused) && is_read("x.tif"); i++)
        ck_fails(pxs_image_read(fixture(refused[i].file), &im, NULL, &err), PXS_E_CORRUPT,
                 refused[i].words);
}
END_TEST

/* Pixels that a library guesses, with a warning alone, are damage. */
START_TEST(guessed_pixels_are_damage)
{
    static const struct {
        const char *file, *words;
    } both[] = {
        {"rgb420.jpg", "damaged JPEG: Corrupt JPEG data: premature end of data segment"},
        {"tiff-jpeg.tif", "damaged TIFF: Corrupt JPEG data: premature end of data segment"},
    };
    struct pxs_error err;
    for (size_t i = 0; i < PXS_COUNT(both); i++) {
        size_t bytes;
        char *file = slurp(fixture(both[i].file), &bytes);
        char *scan = find(file, bytes, "\xff\xda", 2), *end = scan;
        while (memcmp(end, "\xff\xd9", 2) != 0)
            end++;
        memcpy(scan + (end - scan) / 2, "\xff\xd9", 2);
        if (is_read(both[i].file)) {
            ck_assert_int_eq(decode_copy(file, bytes, &err), PXS_E_CORRUPT);
            ck_has(err.message, both[i].words);
        }
        free(file);
    }
}
END_TEST

/* Frame headers of other kinds of JPEG (12 bits, lossless), and wrong ones. */
START_TEST(other_kinds_of_jpeg_are_named)
{
    static const struct {
        int at;
        char value;
        const char *words;
    } changes[] = {
        {4, 12, "a JPEG of a kind that is not read (Unsupported JPEG data precision 12"},
        {1, '\xc3', "a JPEG of a kind that is not read (Unsupported JPEG process"},
        {10, '\x7f', "damaged JPEG: "}, /* 7 x 15 samples a block */
        {1, '\xfe', "damaged JPEG: "},  /* a comment in its place */
    };
    struct pxs_error err;
    for (size_t i = 0; i < PXS_COUNT(changes) && is_read("x.jpg"); i++) {
        size_t bytes;
        char *file = slurp(fixture("rgb444.jpg"), &bytes);
        find(file, bytes, "\xff\xc0", 2)[changes[i].at] = changes[i].value;
        ck_assert_int_eq(decode_copy(file, bytes, &err), PXS_E_CORRUPT);
        ck_has(err.message, changes[i].words);
        free(file);
    }
}
END_TEST

/* ---- EXIF ----------------------------------------------------------------------------------- */

/* A PNG says it in a chunk of its own. */
START_TEST(a_png_is_turned_too)
{
    static const char chunk[] = "\0\0\0\x1a"
                                "eXIfMM\0*\0\0\0\x8\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
                                "\xd6gKi";
    size_t bytes;
    struct pxs_image im, plain;
    struct pxs_image_info info;
    char *file = slurp(fixture("scene.png"), &bytes);
    ck_ok(pxs_image_decode(file, bytes, &plain, NULL, &err));
    for (int behind = 0; behind < 2; behind++) { /* in front of the pixels, behind them */
        const size_t at = behind ? bytes - 12 : 33, n = sizeof chunk - 1;
        char *with = malloc(bytes + n);
        memcpy(with, file, at);
        memcpy(with + at, chunk, n);
        memcpy(with + at + n, file + at, bytes - at);
        ck_ok(pxs_image_decode(with, bytes + n, &im, &info, &err));
        ck_assert_int_eq(info.orientation, 6);
        ck_assert_int_eq(im.width, plain.height);
        for (int y = 0; y < plain.height; y++)
            for (int x = 0; x < plain.width; x++)
                ck_assert_mem_eq(im.pixels + (x * im.width + plain.height - 1 - y) * 3,
                                 plain.pixels + (y * plain.width + x) * 3, 3);
        pxs_image_finish(&im);
        free(with);
    }
    pxs_image_finish(&plain);
    free(file);
}
END_TEST

/* ---- writing -------------------------------------------------------------------------------- */

static struct pxs_image slopes(int width, int height, int channels) {
    struct pxs_image im;
    ck_ok(pxs_image_create(&im, width, height, channels, &err));
    for (int i = 0; i < width * height; i++)
        for (int k = 0; k < channels; k++)
            im.pixels[i * channels + k] =
                (uint8_t)((i % width * 200 / width + i / width * 50 / height) * (k + 1) / channels);
    return im;
}

START_TEST(writing_round_trips)
{
    static const struct {
        const char *name;
        int within;
    } kinds[] = {{"x.png", 0}, {"x.TIF", 0}, {"x.tiff", 0}, {"x.jpg", 3}, {"x.JPEG", 3}};
    test_folder_make();
    for (size_t i = 0; i < PXS_COUNT(kinds); i++)
        for (int channels = 1; channels <= 3; channels += 2) {
            char sha[PXS_SHA256_HEX], again[PXS_SHA256_HEX];
            struct pxs_image im = slopes(300, 117, channels), back;
            struct pxs_image_info info;
            const char *path = in_folder(kinds[i].name);
            uint64_t bytes;
            if (is_read(kinds[i].name)) {
                ck_ok(pxs_image_write(path, &im, NULL, sha, &err));
                ck_ok(pxs_sha256_file(path, again, &bytes, &err));
                ck_assert_str_eq(sha, again);
                ck_ok(pxs_image_write(path, &im, NULL, again, &err));
                ck_assert_str_eq(sha, again);
                ck_ok(pxs_image_read(path, &back, &info, &err));
                ck_assert_int_eq(info.channels, channels);
                ck_assert_int_eq(info.orientation, 1);
                for (int k = 0; k < 300 * 117 * 3; k++)
                    ck_assert_int_le(abs(back.pixels[k] - im.pixels[channels == 3 ? k : k / 3]),
                                     kinds[i].within);
                pxs_image_finish(&back);
            } else {
                ck_fails(pxs_image_write(path, &im, NULL, sha, &err), PXS_E_INVALID,
                         "its ending names no format that this build writes; these do: .png");
            }
            pxs_image_finish(&im);
        }
    struct pxs_image im = slopes(2, 2, 3);
    void *data;
    size_t bytes;
    ck_fails(pxs_image_encode("x.gif", &im, &data, &bytes, &err), PXS_E_INVALID,
             "x.gif: its ending names no format that this build writes; these do: .png");
    ck_fails(pxs_image_encode("x", &im, &data, &bytes, &err), PXS_E_INVALID, "x: its ending");
    pxs_image_finish(&im);
    test_folder_remove();
}
END_TEST

START_TEST(libraries_are_named)
{
    struct pxs_text text = {0};
    pxs_image_environment(&text);
    ck_has(pxs_text_str(&text), "libpng=1.");
    ck_assert_int_eq(strstr(pxs_text_str(&text), "libjpeg=") != NULL, is_read("x.jpg"));
    ck_assert_int_eq(strstr(pxs_text_str(&text), "libtiff=4.") != NULL, is_read("x.tif"));
    pxs_text_finish(&text);
}
END_TEST

TCase *formats_tests(void) {
    TCase *tc = tcase_create("formats");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_file_becomes_what_pillow_makes_of_it, 0, (int)PXS_COUNT(files));
    tcase_add_loop_test(tc, every_truncation_is_found, 0, 6);
    tcase_add_loop_test(tc, every_changed_byte_is_survived, 0, 6);
    tcase_add_test(tc, huge_sizes_are_refused);
    tcase_add_test(tc, other_kinds_of_tiff_are_named);
    tcase_add_test(tc, tiffs_that_are_refused);
    tcase_add_test(tc, other_kinds_of_jpeg_are_named);
    tcase_add_test(tc, guessed_pixels_are_damage);
    tcase_add_test(tc, a_png_is_turned_too);
    tcase_add_test(tc, writing_round_trips);
    tcase_add_test(tc, libraries_are_named);
    return tc;
}
