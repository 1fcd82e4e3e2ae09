#include "data/data_tests.h"

#include <stdlib.h>
#include <string.h>

struct pxs_image picture(int n, int width, int height, int channels) {
    struct pxs_image im;
    ck_assert_int_eq(pxs_image_create(&im, width, height, channels, NULL), PXS_OK);
    uint32_t state = (uint32_t)n * 2654435761u + 1;
    for (int i = 0; i < width * height * channels; i++) {
        state = state * 1664525u + 1013904223u;
        im.pixels[i] = (uint8_t)(state >> 24);
    }
    return im;
}

void put_png(const char *name, const struct pxs_image *image) {
    void *data;
    size_t bytes;
    ck_assert_int_eq(pxs_image_encode_png(image, &data, &bytes, NULL), PXS_OK);
    write_bytes(name, data, bytes);
    free(data);
}

void put_pair(const char *name, int n) {
    struct pxs_image im = picture(n, 16, 8, 3);
    put_png(name, &im);
    pxs_image_finish(&im);
}

void put_npy(const char *name, int version, const char *descr, const char *shape, const void *data,
             size_t bytes) {
    char head[256];
    int start = version == 1 ? 10 : 12;
    int n = snprintf(head + start, sizeof head - (size_t)start,
                     "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
    int padded = (start + n + 1 + 63) / 64 * 64 - start;
    memset(head + start + n, ' ', (size_t)(padded - n));
    head[start + padded - 1] = '\n';
    memcpy(head, "\x93NUMPY", 6);
    memcpy(head + 6, (char[]){(char)version, 0, (char)padded, (char)(padded >> 8), 0, 0},
           (size_t)start - 6);
    char *all = malloc((size_t)(start + padded) + bytes);
    ck_assert_ptr_nonnull(all);
    memcpy(all, head, (size_t)(start + padded));
    memcpy(all + start + padded, data, bytes);
    write_bytes(name, all, (size_t)(start + padded) + bytes);
    free(all);
}

struct pxs_dataset_options small_options(void) {
    return (struct pxs_dataset_options){
        .path = test_folder(), .img_height = 8, .img_width = 8, .channels = 3, .val_fraction = 0.1};
}

struct pxs_dataset *load(const struct pxs_dataset_options *options) {
    struct pxs_dataset *set = NULL;
    struct pxs_error err = {0};
    enum pxs_status status = pxs_dataset_load(options, &set, &err);
    ck_assert_msg(status == PXS_OK, "%s", err.message);
    return set;
}

void refuse(const struct pxs_dataset_options *options, const char *message) {
    struct pxs_dataset *set = NULL;
    struct pxs_dataset_info info;
    struct pxs_error err = {0};
    struct pxs_text expected = {0};
    for (const char *p = message; *p != '\0'; p++) {
        if (strncmp(p, "%s", 2) == 0) {
            pxs_text_add(&expected, test_folder());
            p++;
        } else {
            pxs_text_add_n(&expected, p, 1);
        }
    }
    ck_assert_int_ne(pxs_dataset_load(options, &set, &err), PXS_OK);
    ck_assert_ptr_null(set);
    ck_assert_str_eq(err.message, expected.text);
    ck_assert_int_ne(pxs_dataset_inspect(options, &info, &err), PXS_OK);
    ck_assert_str_eq(err.message, expected.text);
    pxs_text_finish(&expected);
}

static void take_line(void *user, enum pxs_log_level level, const char *text) {
    struct gathered *g = user;
    size_t n = strlen(g->text);
    snprintf(g->text + n, sizeof g->text - n, "%c %s\n",
             level == PXS_LOG_ERROR  ? 'E'
             : level == PXS_LOG_WARN ? 'W'
                                     : 'I',
             text);
}

struct pxs_logger gather(struct gathered *g) {
    g->text[0] = '\0';
    return (struct pxs_logger){take_line, g};
}

int main(void) {
    Suite *suite = suite_create("data");
    suite_add_tcase(suite, load_tests());
    suite_add_tcase(suite, split_tests());
    suite_add_tcase(suite, batch_tests());
    suite_add_tcase(suite, check_tests());
    suite_add_tcase(suite, npy_tests());
    suite_add_tcase(suite, range_tests());
    suite_add_tcase(suite, cache_tests());
    suite_add_tcase(suite, make_tests());
    suite_add_tcase(suite, glyph_tests());
    return run_tests(suite, CK_ENV);
}
