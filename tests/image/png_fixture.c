#include "image/png_fixture.h"

#include <check.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

struct sink {
    uint8_t *data;
    size_t bytes;
};

static void append(png_structp png, png_bytep from, size_t n) {
    struct sink *s = png_get_io_ptr(png);
    s->data = realloc(s->data, s->bytes + n);
    ck_assert_ptr_nonnull(s->data);
    memcpy(s->data + s->bytes, from, n);
    s->bytes += n;
}

static void set_transparency(png_structp png, png_infop info, const struct png_fixture *f) {
    if (f->palette_alpha != NULL)
        png_set_tRNS(png, info, f->palette_alpha, f->palette_size, NULL);
    if (f->transparent == NULL)
        return;
    const uint16_t *t = f->transparent;
    bool colour = f->color_type & PNG_COLOR_MASK_COLOR;
    png_color_16 c = {
        .gray = t[0], .red = t[0], .green = colour ? t[1] : 0, .blue = colour ? t[2] : 0};
    png_set_tRNS(png, info, NULL, 0, &c);
}

uint8_t *png_fixture_make(const struct png_fixture *f, size_t *bytes) {
    struct sink sink = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &sink, append, NULL);
    png_set_IHDR(png, info, (png_uint_32)f->width, (png_uint_32)f->height, f->depth, f->color_type,
                 f->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_color colours[256];
    for (int i = 0; i < f->palette_size; i++)
        colours[i] = (png_color){f->palette[i][0], f->palette[i][1], f->palette[i][2]};
    if (f->palette_size > 0)
        png_set_PLTE(png, info, colours, f->palette_size);
    set_transparency(png, info, f);
    png_write_info(png, info);
    png_write_image(png, (png_bytepp)(uintptr_t)f->rows);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    *bytes = sink.bytes;
    return sink.data;
}
