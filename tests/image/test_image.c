/* Resize against Pillow, grey, crop, grid. */
#include "image/test_image.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct resize_case {
    bool ink;
    int channels, in_width, in_height, width, height;
    const char *sha256;
};
#include "image/resize_golden.h"

static struct pxs_image made(bool ink, int width, int height, int channels) {
    struct pxs_image im;
    ck_assert_int_eq(pxs_image_create(&im, width, height, channels, NULL), PXS_OK);
    uint32_t state = 12345;
    for (int i = 0; i < width * height * channels; i++) {
        state = (state * 1103515245u + 12345u) & 0x7fffffffu;
        uint8_t v = (uint8_t)(state >> 16);
        im.pixels[i] = !ink ? v : v >= 128 ? 255 : 0;
    }
    return im;
}

static void check_sha(const struct pxs_image *im, const char *expected) {
    char hex[PXS_SHA256_HEX];
    struct pxs_sha256 h;
    pxs_sha256_init(&h);
    pxs_sha256_update(&h, im->pixels,
                      (size_t)im->width * (size_t)im->height * (size_t)im->channels);
    pxs_sha256_hex(&h, hex);
    ck_assert_str_eq(hex, expected);
}

START_TEST(resize_is_pillows)
{
    const struct resize_case *c = &resize_cases[_i];
    struct pxs_image in = made(c->ink, c->in_width, c->in_height, c->channels), out;
    ck_assert_int_eq(pxs_image_resize(&in, c->width, c->height, &out, NULL), PXS_OK);
    ck_assert_int_eq(out.width, c->width);
    ck_assert_int_eq(out.height, c->height);
    check_sha(&out, c->sha256);
    pxs_image_finish(&in);
    pxs_image_finish(&out);
}
END_TEST

START_TEST(same_size_is_a_copy)
{
    struct pxs_image in = made(false, 31, 17, 3), out;
    ck_assert_int_eq(pxs_image_resize(&in, 31, 17, &out, NULL), PXS_OK);
    ck_assert_ptr_ne(in.pixels, out.pixels);
    ck_assert_mem_eq(in.pixels, out.pixels, 31 * 17 * 3);
    pxs_image_finish(&in);
    pxs_image_finish(&out);
}
END_TEST

START_TEST(grey_is_pillows)
{
    struct pxs_image in = made(false, 256, 256, 3), grey, small;
    ck_assert_int_eq(pxs_image_grey(&in, &grey, NULL), PXS_OK);
    ck_assert_int_eq(grey.channels, 1);
    check_sha(&grey, grey_golden);
    ck_assert_int_eq(pxs_image_resize(&grey, 64, 48, &small, NULL), PXS_OK);
    check_sha(&small, grey_then_resize_golden);
    pxs_image_finish(&in);
    pxs_image_finish(&grey);
    pxs_image_finish(&small);
}
END_TEST

START_TEST(crop)
{
    struct pxs_image in = made(false, 5, 4, 3), part;
    ck_assert_int_eq(pxs_image_crop(&in, 2, 1, 3, 2, &part, NULL), PXS_OK);
    for (int y = 0; y < 2; y++)
        ck_assert_mem_eq(part.pixels + y * 9, in.pixels + ((y + 1) * 5 + 2) * 3, 9);
    struct pxs_error err;
    struct pxs_image none;
    ck_assert_int_eq(pxs_image_crop(&in, 3, 0, 3, 2, &none, &err), PXS_E_INVALID);
    ck_assert_str_eq(err.message, "the rectangle 3 x 2 at (3, 0) leaves the picture of 5 x 4");
    ck_assert_int_eq(pxs_image_crop(&in, -1, 0, 3, 2, &none, NULL), PXS_E_INVALID);
    pxs_image_finish(&in);
    pxs_image_finish(&part);
}
END_TEST

START_TEST(bad_sizes_are_refused)
{
    struct pxs_image im;
    ck_assert_int_eq(pxs_image_create(&im, 0, 4, 3, NULL), PXS_E_INVALID);
    ck_assert_int_eq(pxs_image_create(&im, 4, -1, 3, NULL), PXS_E_INVALID);
    ck_assert_int_eq(pxs_image_create(&im, PXS_IMAGE_MAX_SIDE + 1, 1, 1, NULL), PXS_E_INVALID);
    ck_assert_int_eq(pxs_image_create(&im, 32768, 32768, 1, NULL), PXS_E_INVALID);
    struct pxs_image in = made(false, 4, 4, 1);
    ck_assert_int_eq(pxs_image_resize(&in, 0, 3, &im, NULL), PXS_E_INVALID);
    pxs_image_finish(&in);
}
END_TEST

/* Seven cells of 3 x 2 pixels in two layers, five a row: the design's arithmetic, seen pixel by
 * pixel. */
START_TEST(grid_places_cells)
{
    enum { CELLS = 7, H = 2, W = 3 };
    float a[CELLS * H * W], b[CELLS * H * W];
    for (int i = 0; i < CELLS * H * W; i++) {
        a[i] = (float)(i + 1) / 50.0f;
        b[i] = -a[i];
    }
    const float *layers[] = {a, b};
    struct pxs_grid g = {layers, 2, CELLS, H, W, 1, 5, 2};
    struct pxs_image im;
    ck_assert_int_eq(pxs_image_grid(&g, &im, NULL), PXS_OK);
    ck_assert_int_eq(im.width, 5 * (W + 2) + 2);
    ck_assert_int_eq(im.height, 2 * (2 * H + 2) + 2);
    int shown = 0;
    for (int i = 0; i < CELLS * 2 * H * W; i++) {
        int cell = i / (2 * H * W), y = i / W % (2 * H), x = i % W;
        int px = 2 + cell % 5 * (W + 2) + x, py = 2 + cell / 5 * (2 * H + 2) + y;
        float v = (y < H ? a : b)[cell * H * W + y % H * W + x];
        ck_assert_int_eq(im.pixels[py * im.width + px], (int)floorf((v + 1) / 2 * 255 + 0.5f));
        shown += im.pixels[py * im.width + px] != 0;
    }
    int lit = 0;
    for (int i = 0; i < im.width * im.height; i++)
        lit += im.pixels[i] != 0;
    ck_assert_int_eq(lit, shown); /* everything else is padding: black */
    pxs_image_finish(&im);
}
END_TEST

START_TEST(grid_rounds_and_clamps)
{
    const float v[] = {-1.0f, 1.0f, 0.0f, -7.0f, 7.0f, NAN, INFINITY, -0.9961f};
    const uint8_t expected[] = {0, 255, 128, 0, 255, 0, 255, 0};
    const float *layers[] = {v};
    struct pxs_grid g = {layers, 1, 1, 1, 8, 1, 5, 0};
    struct pxs_image im;
    ck_assert_int_eq(pxs_image_grid(&g, &im, NULL), PXS_OK);
    ck_assert_int_eq(im.width, 8);
    ck_assert_mem_eq(im.pixels, expected, 8);
    pxs_image_finish(&im);
    g.cells = 0;
    ck_assert_int_eq(pxs_image_grid(&g, &im, NULL), PXS_E_INTERNAL);
}
END_TEST

static Suite *image_suite(void) {
    Suite *suite = suite_create("image");
    TCase *tc = tcase_create("operations");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, resize_is_pillows, 0, (int)PXS_COUNT(resize_cases));
    tcase_add_test(tc, same_size_is_a_copy);
    tcase_add_test(tc, grey_is_pillows);
    tcase_add_test(tc, crop);
    tcase_add_test(tc, bad_sizes_are_refused);
    tcase_add_test(tc, grid_places_cells);
    tcase_add_test(tc, grid_rounds_and_clamps);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, png_tests());
    suite_add_tcase(suite, formats_tests());
    suite_add_tcase(suite, sniff_tests());
    return suite;
}

int main(void) {
    return run_tests(image_suite(), CK_ENV);
}
