/* PNG out: 8-bit grey or RGB, no ancillary chunks, so that the same pixels give the same bytes. */
#include "png_priv.h"

#include <stdlib.h>
#include <string.h>

/* Everything that must survive a longjmp lives here. */
struct writer {
    png_structp png;
    png_infop info;
    const struct pxs_image *image;
    uint8_t *data;
    size_t bytes, cap;
    struct png_words words;
};

static void give(png_structp png, png_bytep from, size_t n) {
    struct writer *w = png_get_io_ptr(png);
    if (n > w->cap - w->bytes) {
        size_t cap = (w->cap + n) * 2;
        uint8_t *data = realloc(w->data, cap);
        w->words.no_memory = !data;
        if (!data)
            png_error(png, "out of memory");
        w->data = data;
        w->cap = cap;
    }
    memcpy(w->data + w->bytes, from, n);
    w->bytes += n;
}

static void no_flush(png_structp png) {}

static bool write_guarded(struct writer *w) {
    if (setjmp(png_jmpbuf(w->png)))
        return false;
    const struct pxs_image *im = w->image;
    png_set_write_fn(w->png, w, give, no_flush);
    png_set_compression_level(w->png, 6);
    png_set_filter(w->png, PNG_FILTER_TYPE_BASE, PNG_ALL_FILTERS);
    png_set_IHDR(w->png, w->info, (png_uint_32)im->width, (png_uint_32)im->height, 8,
                 im->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
    size_t row = (size_t)im->width * (size_t)im->channels;
    for (int y = 0; y < im->height; y++)
        png_write_row(w->png, im->pixels + (size_t)y * row);
    png_write_end(w->png, NULL);
    return true;
}

enum pxs_status pxs_image_encode_png(const struct pxs_image *image, void **data, size_t *bytes,
                                     struct pxs_error *err) {
    struct writer w = {.image = image};
    w.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &w.words, pxs_png_on_error,
                                      pxs_png_on_warning, &w.words, pxs_png_alloc, pxs_png_free);
    w.info = w.png ? png_create_info_struct(w.png) : NULL;
    bool written = w.info && write_guarded(&w);
    png_destroy_write_struct(&w.png, &w.info);
    if (!written) {
        free(w.data);
        if (w.words.error[0] == '\0' || w.words.no_memory)
            return pxs_fail_nomem(err);
        return pxs_fail(err, PXS_E_INTERNAL, "cannot encode a PNG: %s", w.words.error);
    }
    *data = w.data;
    *bytes = w.bytes;
    return PXS_OK;
}
