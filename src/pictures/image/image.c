/* Pictures as plain bytes: making, freeing, grey, crop, flip. */
#include "pixsweep/image.h"

#include <stdlib.h>
#include <string.h>

enum pxs_status pxs_image_create(struct pxs_image *out, int width, int height, int channels,
                                 struct pxs_error *err) {
    if (width < 1 || height < 1 || width > PXS_IMAGE_MAX_SIDE || height > PXS_IMAGE_MAX_SIDE ||
        (int64_t)width * height > PXS_IMAGE_MAX_PIXELS)
        return pxs_fail(
            err, PXS_E_INVALID,
            "a picture of %d x %d pixels is out of bounds (sides 1 to %d, at most %ld pixels)",
            width, height, PXS_IMAGE_MAX_SIDE, PXS_IMAGE_MAX_PIXELS);
    if (channels != 1 && channels != 3)
        return pxs_fail(err, PXS_E_INTERNAL, "a picture has 1 or 3 channels, not %d", channels);
    uint8_t *pixels = calloc((size_t)width * (size_t)height, (size_t)channels);
    if (!pixels)
        return pxs_fail_nomem(err);
    *out = (struct pxs_image){width, height, channels, pixels};
    return PXS_OK;
}

void pxs_image_finish(struct pxs_image *image) {
    free(image->pixels);
    *image = (struct pxs_image){0};
}

enum pxs_status pxs_image_grey(const struct pxs_image *in, struct pxs_image *out,
                               struct pxs_error *err) {
    struct pxs_image grey;
    PXS_TRY(pxs_image_create(&grey, in->width, in->height, 1, err));
    size_t n = (size_t)in->width * (size_t)in->height;
    if (in->channels == 1) {
        memcpy(grey.pixels, in->pixels, n);
    } else {
        const uint8_t *p = in->pixels;
        for (size_t i = 0; i < n; i++, p += 3)
            grey.pixels[i] =
                (uint8_t)((19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 32768u) >> 16);
    }
    *out = grey;
    return PXS_OK;
}

enum pxs_status pxs_image_crop(const struct pxs_image *in, int x, int y, int width, int height,
                               struct pxs_image *out, struct pxs_error *err) {
    if (x < 0 || y < 0 || width < 1 || height < 1 || width > in->width - x ||
        height > in->height - y)
        return pxs_fail(err, PXS_E_INVALID,
                        "the rectangle %d x %d at (%d, %d) leaves the picture of %d x %d", width,
                        height, x, y, in->width, in->height);
    struct pxs_image part;
    PXS_TRY(pxs_image_create(&part, width, height, in->channels, err));
    size_t c = (size_t)in->channels, row = (size_t)width * c;
    for (int i = 0; i < height; i++) {
        size_t from = ((size_t)(y + i) * (size_t)in->width + (size_t)x) * c;
        memcpy(part.pixels + (size_t)i * row, in->pixels + from, row);
    }
    *out = part;
    return PXS_OK;
}
