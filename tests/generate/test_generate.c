/* Pictures and arrays of every kind through a small generator: sizes, channels, halves of pairs,
 * and what is refused. */
#include <stdlib.h>

#include "pixsweep/generate.h"
#include "pixsweep/image.h"
#include "pixsweep/model.h"
#include "pixsweep/tensor.h"
#include "support.h"

static struct pxs_params params;
static char log_text[4096];

static void note(void *user, enum pxs_log_level level, const char *text) {
    (void)user;
    const size_t used = strlen(log_text);
    snprintf(log_text + used, sizeof log_text - used, "%s%s\n",
             level == PXS_LOG_ERROR ? "error: " : "", text);
}

/* Random weights for these channels, in g.safetensors. */
static void make_generator(int channels) {
    struct pxs_pix2pix *m = NULL;
    pxs_params_default(&params);
    params.img_height = params.img_width = 32;
    params.channels = channels;
    params.ngf = 4;
    params.ndf = 2;
    ck_ok(pxs_pix2pix_create(&params, NULL, "auto", &m, &err));
    ck_assert_int_eq(pxs_pix2pix_randomise(m, 7, NULL), PXS_OK);
    ck_ok(pxs_pix2pix_save(m, PXS_NET_G, in_folder("g.safetensors"), NULL, NULL, NULL, NULL, &err));
    pxs_pix2pix_destroy(&m);
    log_text[0] = '\0';
}

static struct pxs_generate_options options_for(const char *const *inputs, size_t n) {
    return (struct pxs_generate_options){.weights = "g.safetensors",
                                         .params = &params,
                                         .inputs = inputs,
                                         .n_inputs = n,
                                         .out = "out",
                                         .ending = "png",
                                         .batch = 3,
                                         .kernels = "auto",
                                         .log = {note, NULL}};
}

/* A picture of noise. */
static struct pxs_image noise(int width, int height, int channels, unsigned seed) {
    struct pxs_image image;
    struct pxs_rng rng = pxs_rng_make(seed, PXS_STREAM_ORDER, 0, 0);
    ck_ok(pxs_image_create(&image, width, height, channels, &err));
    for (int i = 0; i < width * height * channels; i++)
        image.pixels[i] = (uint8_t)pxs_rng_below(&rng, 256);
    return image;
}

static void put(const char *name, const struct pxs_image *image) {
    ck_ok(pxs_image_write_png(in_folder(name), image, NULL, NULL, &err));
}

static struct pxs_image got(const char *name, struct pxs_image_info *info) {
    struct pxs_image image = {.pixels = NULL};
    ck_ok(pxs_image_read(in_folder(name), &image, info, &err));
    return image;
}

static struct pxs_generate_report generate(struct pxs_generate_options o) {
    struct pxs_generate_report r;
    ck_ok(pxs_generate(&o, &r, &err));
    return r;
}

/* ---- sizes ---------------------------------------------------------------------------------- */

START_TEST(any_size)
{
    static const int sizes[][2] = {{1, 1}, {1, 70}, {33, 2}, {31, 64}, {100, 45}};
    const char *inputs[PXS_COUNT(sizes)];
    make_generator(3);
    for (size_t i = 0; i < PXS_COUNT(sizes); i++) {
        char name[16];
        struct pxs_image image = noise(sizes[i][0], sizes[i][1], 3, 1);
        snprintf(name, sizeof name, "%zu.png", i);
        put(name, &image);
        pxs_image_finish(&image);
        inputs[i] = in_folder(name);
    }
    for (int keep = 0; keep < 2; keep++) {
        struct pxs_generate_options o = options_for(inputs, PXS_COUNT(inputs));
        o.keep_size = keep;
        o.out = keep ? "kept" : "out";
        const struct pxs_generate_report r = generate(o);
        ck_assert_uint_eq(r.done, PXS_COUNT(inputs));
        ck_assert_uint_eq(r.failed, 0);
        ck_assert_uint_eq(r.resized, PXS_COUNT(inputs)); /* none is 32 x 32, none a multiple */
        for (size_t i = 0; i < PXS_COUNT(sizes); i++) {
            char name[32];
            snprintf(name, sizeof name, "%s/%zu.png", o.out, i);
            struct pxs_image image = got(name, NULL);
            ck_assert_int_eq(image.width, sizes[i][0]);
            ck_assert_int_eq(image.height, sizes[i][1]);
            pxs_image_finish(&image);
        }
    }
}
END_TEST

/* Mirroring: a picture and its own mirrored continuation to the multiple give the same corner. */
START_TEST(keep_mirrors)
{
    const char *const inputs[] = {"a.png", "whole.png"};
    make_generator(3);
    struct pxs_image a = noise(20, 30, 3, 2), whole = noise(32, 32, 3, 3), corner;
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 32; x++)
            memcpy(whole.pixels + 3 * (32 * y + x),
                   a.pixels + 3 * (20 * (y < 30 ? y : 58 - y) + (x < 20 ? x : 38 - x)), 3);
    put("a.png", &a);
    put("whole.png", &whole);
    struct pxs_generate_options o = options_for(inputs, 2);
    o.keep_size = true;
    generate(o);
    struct pxs_image small = got("out/a.png", NULL), large = got("out/whole.png", NULL);
    ck_ok(pxs_image_crop(&large, 0, 0, 20, 30, &corner, &err));
    ck_assert_mem_eq(small.pixels, corner.pixels, 20 * 30 * 3);
    struct pxs_image *all[] = {&a, &whole, &corner, &small, &large};
    for (size_t i = 0; i < PXS_COUNT(all); i++)
        pxs_image_finish(all[i]);
}
END_TEST

START_TEST(sides_that_do_not_fit)
{
    const char *const inputs[] = {"a.png"};
    struct pxs_generate_report r;
    make_generator(3);
    params.generator = PXS_GENERATOR_UNET_32;
    params.img_width = 40;
    struct pxs_generate_options o = options_for(inputs, 1);
    ck_fails(pxs_generate(&o, &r, &err), PXS_E_INVALID, "img_width: 40 does not fit");
}
END_TEST

/* ---- channels and halves -------------------------------------------------------------------- */

START_TEST(grey_network)
{
    const char *const inputs[] = {"colour.png"};
    struct pxs_image_info info;
    make_generator(1);
    struct pxs_image colour = noise(32, 32, 3, 4);
    put("colour.png", &colour);
    ck_assert_uint_eq(generate(options_for(inputs, 1)).done, 1);
    struct pxs_image out = got("out/colour.png", &info);
    ck_assert_int_eq(info.channels, 1);
    ck_assert_int_eq(info.depth, 8);
    pxs_image_finish(&out);
    pxs_image_finish(&colour);
}
END_TEST

START_TEST(source_half)
{
    static const char *const inputs[] = {"pair.png"}, *const halves[] = {"left.png", "right.png"};
    make_generator(3);
    struct pxs_image pair = noise(64, 32, 3, 5), half;
    put("pair.png", &pair);
    for (int k = 0; k < 2; k++) {
        ck_ok(pxs_image_crop(&pair, 32 * k, 0, 32, 32, &half, &err));
        put(halves[k], &half);
        pxs_image_finish(&half);
    }
    generate(options_for(halves, 2));
    for (int k = 0; k < 2; k++) {
        params.direction = k == 0 ? PXS_DIRECTION_ATOB : PXS_DIRECTION_BTOA;
        struct pxs_generate_options o = options_for(inputs, 1);
        o.pairs = true;
        generate(o);
        struct pxs_image one = got("out/pair.png", NULL),
                         other = got(k == 0 ? "out/left.png" : "out/right.png", NULL);
        ck_assert_mem_eq(one.pixels, other.pixels, 32 * 32 * 3);
        pxs_image_finish(&one);
        pxs_image_finish(&other);
    }
    pxs_image_finish(&pair);

    struct pxs_image odd = noise(33, 32, 3, 6);
    put("pair.png", &odd);
    pxs_image_finish(&odd);
    struct pxs_generate_options o = options_for(inputs, 1);
    o.pairs = true;
    ck_assert_uint_eq(generate(o).failed, 1);
    ck_has(log_text, "error: pair.png is 33 pixels wide");
}
END_TEST

/* ---- arrays --------------------------------------------------------------------------------- */

static void write_array(const char *name, enum pxs_npy_type type, int rank, const int64_t *dims,
                        const void *data, size_t n) {
    struct pxs_npy_writer w;
    ck_ok(pxs_npy_write_open(&w, in_folder(name), type, rank, dims, &err));
    ck_ok(pxs_npy_write_put(&w, data, n, &err));
    ck_ok(pxs_npy_write_commit(&w, &err));
}

/* The same pictures as (N, H, W, 3), (N, 3, H, W), floats of 0..1, one by one, and as pictures. */
START_TEST(arrays_of_every_kind)
{
    enum { N = 5, H = 30, W = 40, ALL = N * H * W * 3 };
    static uint8_t bytes[ALL], planar[ALL];
    static float unit[ALL];
    static const char *const inputs[] = {"nhwc.npy", "nchw.npy", "unit.npy", "one.npy", "one.png"};
    make_generator(3);
    struct pxs_image image = noise(W, H * N, 3, 8);
    memcpy(bytes, image.pixels, ALL);
    pxs_image_finish(&image);
    for (int n = 0; n < N; n++)
        for (int i = 0; i < H * W; i++)
            for (int c = 0; c < 3; c++)
                planar[(n * 3 + c) * H * W + i] = bytes[(n * H * W + i) * 3 + c];
    for (int i = 0; i < ALL; i++)
        unit[i] = (float)bytes[i] / 255;
    write_array("nhwc.npy", PXS_NPY_U1, 4, (const int64_t[]){N, H, W, 3}, bytes, ALL);
    write_array("nchw.npy", PXS_NPY_U1, 4, (const int64_t[]){N, 3, H, W}, planar, ALL);
    write_array("unit.npy", PXS_NPY_F4, 4, (const int64_t[]){N, H, W, 3}, unit, ALL);
    write_array("one.npy", PXS_NPY_U1, 3, (const int64_t[]){H, W, 3}, bytes, ALL / N);
    put("one.png", &(struct pxs_image){W, H, 3, bytes});
    const struct pxs_generate_report r = generate(options_for(inputs, 5));
    ck_assert_uint_eq(r.done, 3 * N + 2);
    ck_assert_str_eq(log_text, "");

    struct pxs_npy out[4];
    struct pxs_image picture = got("out/one.png", NULL);
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "out/%s", inputs[i]);
        ck_ok(pxs_npy_open(in_folder(name), &out[i], &err));
        ck_assert_int_eq(out[i].type, PXS_NPY_U1);
        ck_assert_int_eq(out[i].rank, i == 3 ? 3 : 4);
    }
    ck_assert_mem_eq(out[2].data, out[0].data, ALL);
    ck_assert_mem_eq(out[3].data, out[0].data, ALL / N);
    ck_assert_mem_eq(picture.pixels, out[0].data, ALL / N);
    ck_assert_int_eq((int)out[1].dims[1], 3);
    const uint8_t *of = out[0].data, *from = out[1].data;
    for (int n = 0; n < N; n++)
        for (int i = 0; i < H * W; i++)
            for (int c = 0; c < 3; c++)
                ck_assert_int_eq(from[(n * 3 + c) * H * W + i], of[(n * H * W + i) * 3 + c]);
    for (int i = 0; i < 4; i++)
        pxs_npy_finish(&out[i]);
    pxs_image_finish(&picture);
}
END_TEST

/* (3, H, W) is one colour picture to PyTorch and three grey ones to us: a colour network is not
 * left to guess, a grey one has none to mistake. */
START_TEST(three_planes_are_asked_about)
{
    static const uint8_t zeros[3 * 32 * 32];
    write_array("planes.npy", PXS_NPY_U1, 3, (const int64_t[]){3, 32, 32}, zeros, sizeof zeros);
    write_array("pair.npy", PXS_NPY_U1, 3, (const int64_t[]){2, 32, 32}, zeros, 2 * 32 * 32);
    write_array("one.npy", PXS_NPY_U1, 4, (const int64_t[]){1, 3, 32, 32}, zeros, sizeof zeros);
    static const char *const inputs[] = {"planes.npy", "pair.npy", "one.npy"};
    make_generator(3);
    struct pxs_generate_report r = generate(options_for(inputs, 3));
    ck_assert_uint_eq(r.failed, 1);
    ck_assert_uint_eq(r.done, 3);
    ck_has(log_text, "planes.npy: its shape is [3, 32, 32], which is one colour picture or three "
                     "grey ones: save the one as (1, 3, 32, 32) or (32, 32, 3), the three as (3, "
                     "32, 32, 1)");
    make_generator(1);
    r = generate(options_for(inputs, 1));
    ck_assert_uint_eq(r.done, 3);
    ck_assert_str_eq(log_text, "");
}
END_TEST

START_TEST(arrays_that_are_none)
{
    static const float zeros[4 * 4 * 4 * 5], odd[4] = {-0.5f, 0.5f, 1, 0}, far[4] = {300, 0, 1, 2};
    static const char *const inputs[] = {"shape.npy", "minus.npy", "far.npy", "none.npy"};
    make_generator(3);
    write_array("shape.npy", PXS_NPY_F4, 4, (const int64_t[]){4, 4, 4, 5}, zeros, 320);
    write_array("minus.npy", PXS_NPY_F4, 2, (const int64_t[]){2, 2}, odd, 4);
    write_array("far.npy", PXS_NPY_F4, 2, (const int64_t[]){2, 2}, far, 4);
    const struct pxs_generate_report r = generate(options_for(inputs, 4));
    ck_assert_uint_eq(r.done, 0);
    ck_assert_uint_eq(r.failed, 4);
    ck_has(log_text, "shape.npy: its shape is [4, 4, 4, 5]; pictures are (N, H, W, C)");
    ck_has(log_text, "minus.npy: its values reach from -0.5 to 1; pictures are 0..255 or 0..1: "
                     "save (x + 1) * 127.5");
    ck_has(log_text, "far.npy: its values reach from 0 to 300");
    ck_has(log_text, "none.npy");
    for (size_t i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "out/%s", inputs[i]);
        ck_assert(!exists(name));
    }
}
END_TEST

/* ---- stopping ------------------------------------------------------------------------------- */

START_TEST(stops_between_pictures)
{
    const char *const inputs[] = {"a.png"};
    struct pxs_stop stop = {.signal = 1};
    struct pxs_generate_report r;
    make_generator(3);
    struct pxs_image image = noise(32, 32, 3, 9);
    put("a.png", &image);
    pxs_image_finish(&image);
    struct pxs_generate_options o = options_for(inputs, 1);
    o.stop = &stop;
    ck_fails(pxs_generate(&o, &r, &err), PXS_E_STOPPED, "stopped");
    ck_assert_uint_eq(r.done, 0);
    ck_assert(!exists("out/a.png"));
}
END_TEST

static TCase *generate_case(void) {
    TCase *tcase = tcase_create("generate");
    tcase_add_checked_fixture(tcase, test_folder_enter, test_folder_leave);
    tcase_add_test(tcase, any_size);
    tcase_add_test(tcase, keep_mirrors);
    tcase_add_test(tcase, sides_that_do_not_fit);
    tcase_add_test(tcase, grey_network);
    tcase_add_test(tcase, source_half);
    tcase_add_test(tcase, arrays_of_every_kind);
    tcase_add_test(tcase, three_planes_are_asked_about);
    tcase_add_test(tcase, arrays_that_are_none);
    tcase_add_test(tcase, stops_between_pictures);
    return tcase;
}

int main(void) {
    static TCase *(*const cases[])(void) = {generate_case};
    return run_cases("generate", cases, PXS_COUNT(cases), CK_NORMAL);
}
