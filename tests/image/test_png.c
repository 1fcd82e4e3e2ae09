/* PNG in and out: every colour type and depth against values computed by hand here, and damage of
 * every sort. */
#include "image/png_fixture.h"
#include "image/test_image.h"

#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { W = 13, H = 9 }; /* not multiples of 8: odd ends in packed rows and interlace passes */

struct kind {
    int color_type, depth;
    bool interlaced, transparent; /* transparent: by tRNS */
};

static const struct kind kinds[] = {
    {PNG_COLOR_TYPE_GRAY, 1, false, false},        {PNG_COLOR_TYPE_GRAY, 2, false, false},
    {PNG_COLOR_TYPE_GRAY, 4, false, false},        {PNG_COLOR_TYPE_GRAY, 8, false, false},
    {PNG_COLOR_TYPE_GRAY, 16, false, false},       {PNG_COLOR_TYPE_RGB, 8, false, false},
    {PNG_COLOR_TYPE_RGB, 16, false, false},        {PNG_COLOR_TYPE_PALETTE, 1, false, false},
    {PNG_COLOR_TYPE_PALETTE, 2, false, false},     {PNG_COLOR_TYPE_PALETTE, 4, false, false},
    {PNG_COLOR_TYPE_PALETTE, 8, false, false},     {PNG_COLOR_TYPE_GRAY_ALPHA, 8, false, false},
    {PNG_COLOR_TYPE_GRAY_ALPHA, 16, false, false}, {PNG_COLOR_TYPE_RGB_ALPHA, 8, false, false},
    {PNG_COLOR_TYPE_RGB_ALPHA, 16, false, false},  {PNG_COLOR_TYPE_GRAY, 1, true, false},
    {PNG_COLOR_TYPE_PALETTE, 4, true, false},      {PNG_COLOR_TYPE_RGB, 8, true, false},
    {PNG_COLOR_TYPE_RGB_ALPHA, 16, true, false},   {PNG_COLOR_TYPE_GRAY, 2, false, true},
    {PNG_COLOR_TYPE_GRAY, 8, false, true},         {PNG_COLOR_TYPE_GRAY, 16, false, true},
    {PNG_COLOR_TYPE_RGB, 8, false, true},          {PNG_COLOR_TYPE_RGB, 16, true, true},
    {PNG_COLOR_TYPE_PALETTE, 2, false, true},      {PNG_COLOR_TYPE_PALETTE, 8, true, true},
};

static int samples(int color_type) {
    switch (color_type) {
    case PNG_COLOR_TYPE_GRAY_ALPHA:
        return 2;
    case PNG_COLOR_TYPE_RGB:
        return 3;
    case PNG_COLOR_TYPE_RGB_ALPHA:
        return 4;
    default:
        return 1;
    }
}

/* Sample k of pixel (x, y): any function that visits many values. */
static unsigned sample(const struct kind *kind, int x, int y, int k) {
    unsigned v = (unsigned)(x * 2654435 + y * 40503 + k * 7919 + 17) * 2654435761u;
    v >>= 8;
    return v & ((1u << kind->depth) - 1u);
}

static const uint8_t *palette_entry(unsigned i) {
    static uint8_t entry[256][4]; /* the same at every call: filled with constants */
    for (unsigned e = 0; e < 256; e++)
        for (unsigned k = 0; k < 4; k++)
            entry[e][k] = (uint8_t)(e * (37 + 16 * k) + 11 * k);
    return entry[i];
}

static void pack(const struct kind *kind, uint8_t *row, int y) {
    int n = samples(kind->color_type);
    for (int x = 0; x < W; x++)
        for (int k = 0; k < n; k++) {
            unsigned v = sample(kind, x, y, k);
            int i = x * n + k;
            if (kind->depth == 16) {
                row[2 * i] = (uint8_t)(v >> 8);
                row[2 * i + 1] = (uint8_t)v;
            } else {
                int bit = i * kind->depth;
                row[bit / 8] |= (uint8_t)(v << (8 - kind->depth - bit % 8));
            }
        }
}

static uint8_t *make(const struct kind *kind, size_t *bytes) {
    static const uint8_t zero[W * 8];
    uint8_t rows[H][W * 8], palette[256][3], alpha[256];
    const uint8_t *row[H];
    for (int y = 0; y < H; y++) {
        memcpy(rows[y], zero, sizeof zero);
        pack(kind, rows[y], y);
        row[y] = rows[y];
    }
    for (unsigned i = 0; i < 256; i++) {
        memcpy(palette[i], palette_entry(i), 3);
        alpha[i] = palette_entry(i)[3];
    }
    uint16_t colour[3];
    for (int k = 0; k < 3; k++)
        colour[k] = (uint16_t)sample(kind, 3, 2, k); /* the colour of one pixel that is there */
    bool indexed = kind->color_type == PNG_COLOR_TYPE_PALETTE;
    struct png_fixture f = {.width = W,
                            .height = H,
                            .depth = kind->depth,
                            .color_type = kind->color_type,
                            .interlaced = kind->interlaced,
                            .rows = row,
                            .palette = palette,
                            .palette_size = indexed ? 1 << kind->depth : 0,
                            .palette_alpha = indexed && kind->transparent ? alpha : NULL,
                            .transparent = !indexed && kind->transparent ? colour : NULL};
    return png_fixture_make(&f, bytes);
}

static double over_white(double v, double alpha) {
    return v * alpha / 255 + (255 - alpha);
}

/* What pixel (x, y) must become, in real numbers before rounding. */
static void expect(const struct kind *kind, int x, int y, double rgb[3]) {
    double top = (1u << kind->depth) - 1u, alpha = 255;
    int n = samples(kind->color_type);
    bool same = true;
    for (int k = 0; k < 3; k++) {
        rgb[k] = round(sample(kind, x, y, n < 3 ? 0 : k) / top * 255);
        same = same && (k >= n || sample(kind, x, y, k) == sample(kind, 3, 2, k));
    }
    if (n == 2 || n == 4)
        alpha = round(sample(kind, x, y, n - 1) / top * 255);
    if (kind->color_type == PNG_COLOR_TYPE_PALETTE) {
        const uint8_t *entry = palette_entry(sample(kind, x, y, 0));
        for (int k = 0; k < 3; k++)
            rgb[k] = entry[k];
        alpha = kind->transparent ? entry[3] : 255;
    } else if (kind->transparent && same) {
        alpha = 0;
    }
    for (int k = 0; k < 3; k++)
        rgb[k] = over_white(rgb[k], alpha);
}

START_TEST(every_kind_becomes_rgb)
{
    const struct kind *kind = &kinds[_i];
    size_t bytes;
    uint8_t *file = make(kind, &bytes);
    struct pxs_image im;
    struct pxs_image_info info;
    struct pxs_error err;
    ck_assert_msg(pxs_image_decode(file, bytes, &im, &info, &err) == PXS_OK, "%s", err.message);
    ck_assert_int_eq(im.width, W);
    ck_assert_int_eq(im.height, H);
    ck_assert_int_eq(im.channels, 3);
    ck_assert_int_eq(info.depth, kind->depth);
    ck_assert_int_eq(info.channels,
                     kind->color_type == PNG_COLOR_TYPE_PALETTE ? 3 : samples(kind->color_type));
    for (int i = 0; i < W * H; i++) {
        double rgb[3];
        expect(kind, i % W, i / W, rgb);
        for (int k = 0; k < 3; k++)
            ck_assert_msg(fabs(im.pixels[i * 3 + k] - rgb[k]) <= 0.5,
                          "pixel %d sample %d: %d, expected %g", i, k, im.pixels[i * 3 + k],
                          rgb[k]);
    }
    pxs_image_finish(&im);
    free(file);
}
END_TEST

static void expect_corrupt(const uint8_t *data, size_t bytes, const char *part) {
    struct pxs_image im = {.width = 77};
    struct pxs_error err;
    ck_assert_int_eq(pxs_image_decode(data, bytes, &im, NULL, &err), PXS_E_CORRUPT);
    ck_assert_msg(strstr(err.message, part) != NULL, "\"%s\" does not say \"%s\"", err.message,
                  part);
    ck_assert_int_eq(im.width, 77);
}

START_TEST(every_truncation_is_found)
{
    size_t bytes;
    uint8_t *file = make(&kinds[5], &bytes);
    for (size_t n = 0; n < bytes; n++) {
        uint8_t *cut = malloc(n + 1); /* its own block: an overrun shows under the sanitizers */
        memcpy(cut, file, n);
        expect_corrupt(cut, n, n == 0 ? "empty" : n < 8 ? "" : "truncated");
        free(cut);
    }
    free(file);
}
END_TEST

/* One flipped bit anywhere must not go through unnoticed: CRCs cover all but the chunk lengths and
 * the signature. */
START_TEST(every_flipped_bit_is_found)
{
    size_t bytes;
    uint8_t *file = make(&kinds[22], &bytes);
    for (size_t i = 0; i < bytes * 8; i++) {
        file[i / 8] ^= (uint8_t)(1u << i % 8);
        struct pxs_image im;
        ck_assert_msg(pxs_image_decode(file, bytes, &im, NULL, NULL) == PXS_E_CORRUPT, "bit %zu",
                      i);
        file[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    free(file);
}
END_TEST

START_TEST(other_files_are_named)
{
    expect_corrupt((const uint8_t *)"GIF89a..", 8,
                   "a GIF picture, not a PNG, JPEG or TIFF; convert ");
    expect_corrupt((const uint8_t *)"hello, world", 12, "plain text, not a PNG, JPEG or TIFF; ");
    size_t bytes;
    uint8_t *file = make(&kinds[3], &bytes);
    memcpy(file + 12, "CgBI", 4);
    expect_corrupt(file, bytes, "CgBI");
    free(file);
}
END_TEST

START_TEST(huge_sizes_are_refused)
{
    size_t bytes;
    uint8_t *file = make(&kinds[3], &bytes);
    memcpy(file + 16, "\x00\x01\x00\x00\x00\x00\x00\x01", 8);
    expect_corrupt(file, bytes, "too large: 65536 x 1 pixels");
    memcpy(file + 16, "\x00\x00\x60\x00\x00\x00\x60\x00", 8);
    expect_corrupt(file, bytes, "too large: 24576 x 24576 pixels");
    free(file);
}
END_TEST

START_TEST(writing_round_trips)
{
    char sha[PXS_SHA256_HEX], again[PXS_SHA256_HEX];
    test_folder_make();
    const char *path = in_folder("x.png");
    for (int channels = 1; channels <= 3; channels += 2) {
        struct pxs_image im, back;
        struct pxs_image_info info;
        struct pxs_error err;
        uint64_t bytes;
        ck_assert_int_eq(pxs_image_create(&im, 33, 7, channels, NULL), PXS_OK);
        for (int i = 0; i < 33 * 7 * channels; i++)
            im.pixels[i] = (uint8_t)(i * 31);
        ck_assert_msg(pxs_image_write_png(path, &im, NULL, sha, &err) == PXS_OK, "%s", err.message);
        ck_assert_int_eq(pxs_sha256_file(path, again, &bytes, NULL), PXS_OK);
        ck_assert_str_eq(sha, again);
        ck_assert_int_eq(pxs_image_write_png(path, &im, NULL, again, NULL), PXS_OK);
        ck_assert_str_eq(sha, again);
        ck_assert_int_eq(pxs_image_read(path, &back, &info, NULL), PXS_OK);
        ck_assert_int_eq(info.channels, channels);
        for (int i = 0; i < 33 * 7 * 3; i++)
            ck_assert_int_eq(back.pixels[i], im.pixels[channels == 3 ? i : i / 3]);
        pxs_image_finish(&im);
        pxs_image_finish(&back);
    }
    test_folder_remove();
}
END_TEST

START_TEST(files_are_named)
{
    struct pxs_image im;
    struct pxs_error err;
    ck_assert_int_eq(pxs_image_read("/nonexistent/x.png", &im, NULL, &err), PXS_E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, "/nonexistent/x.png"));
    test_folder_make();
    const char *path = in_folder("x.png");
    write_text(path, "not a picture");
    char expected[PXS_PATH_MAX + 100];
    snprintf(expected, sizeof expected,
             "%s: plain text, not a PNG, JPEG or TIFF; look into it: an error message or a link in "
             "place of the file?",
             path);
    ck_assert_int_eq(pxs_image_read(path, &im, NULL, &err), PXS_E_CORRUPT);
    ck_assert_str_eq(err.message, expected);
    ck_assert_int_eq(pxs_image_read(path, &im, NULL, NULL), PXS_E_CORRUPT);
    test_folder_remove();
    ck_assert_int_eq(pxs_image_create(&im, 2, 2, 3, NULL), PXS_OK);
    ck_assert_int_ne(pxs_image_write_png("/nonexistent/x.png", &im, NULL, NULL, &err), PXS_OK);
    pxs_image_finish(&im);
}
END_TEST

/* A name promises a format by its ending in any case; every ending that a file may have is such a
 * promise. */
START_TEST(names_promise_a_format)
{
    static const char *const promising[] = {"x.png", "x.PNG", "a.b.Png"};
    static const char *const others[] = {"x.gif", "png", "x.pngx", "x.", "", "x.png.txt"};
    char ending[16], name[32];
    size_t n = 0;
    for (size_t i = 0; i < PXS_COUNT(promising); i++)
        ck_assert_str_eq(pxs_image_format_of(promising[i]), "PNG");
    for (size_t i = 0; i < PXS_COUNT(others); i++)
        ck_assert_ptr_null(pxs_image_format_of(others[i]));
    for (; pxs_image_ending(n, ending, sizeof ending); n++) {
        snprintf(name, sizeof name, "x.%s", ending);
        ck_assert_ptr_nonnull(pxs_image_format_of(name));
    }
    const bool jpeg = pxs_image_format_of("x.jpg"), tiff = pxs_image_format_of("x.Tif");
    ck_assert_uint_eq(n, 2 + (jpeg ? 8 : 0) + (tiff ? 4 : 0));
    ck_assert_int_lt(pxs_image_rank("x.png"), pxs_image_rank("x.gif"));
    ck_assert_int_eq(pxs_image_rank("x.tif") < pxs_image_rank("x.gif"), tiff);
    ck_assert_int_eq(pxs_image_rank("x.jpe") < pxs_image_rank("x.gif"), jpeg);
    ck_assert_int_le(pxs_image_rank("x.tif"), pxs_image_rank("x.gif"));
    ck_assert(!jpeg || !tiff || pxs_image_rank("x.tiff") < pxs_image_rank("x.jpg"));
}
END_TEST

TCase *png_tests(void) {
    TCase *tc = tcase_create("png");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, every_kind_becomes_rgb, 0, (int)PXS_COUNT(kinds));
    tcase_add_test(tc, every_truncation_is_found);
    tcase_add_test(tc, every_flipped_bit_is_found);
    tcase_add_test(tc, other_files_are_named);
    tcase_add_test(tc, huge_sizes_are_refused);
    tcase_add_test(tc, writing_round_trips);
    tcase_add_test(tc, files_are_named);
    tcase_add_test(tc, names_promise_a_format);
    return tc;
}
