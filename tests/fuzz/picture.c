/* A picture that may be one: read, looked at, written, read again. */
#include "picture.h"

#include "pixsweep/image.h"

#include <stdlib.h>
#include <string.h>

/* What loses nothing comes back the same. */
static void write_and_read(const char *name, const struct pxs_image *image) {
    void *data;
    size_t bytes;
    struct pxs_image again;
    struct pxs_error err;
    if (!pxs_image_format_of(name))
        return; /* a build without this library */
    fuzz_need(pxs_image_encode(name, image, &data, &bytes, &err), &err);
    fuzz_need(pxs_image_decode(data, bytes, &again, NULL, &err), &err);
    fuzz_require(again.width == image->width && again.height == image->height,
                 "a picture that is written has the same size when it is read");
    fuzz_require(strcmp(name, "x.jpg") == 0 ||
                     memcmp(again.pixels, image->pixels,
                            (size_t)image->width * (size_t)image->height * 3) == 0,
                 "a picture that is written reads the same");
    free(data);
    pxs_image_finish(&again);
}

static void look_at(const struct pxs_image *image, const struct pxs_image_info *info) {
    struct pxs_image grey, small, part;
    struct pxs_error err;
    fuzz_require(image->width > 0 && image->height > 0 && image->channels == 3, "a picture is RGB");
    fuzz_require(image->width == info->width && image->height == info->height,
                 "it has the size that it states");
    fuzz_require(info->depth >= 1 && info->depth <= 16 && info->channels >= 1 &&
                     info->channels <= 4 && info->orientation >= 1 && info->orientation <= 8,
                 "depth, channels and orientation are what they may be");
    if ((int64_t)image->width * image->height > 65536)
        return; /* the rest takes long */
    fuzz_need(pxs_image_grey(image, &grey, &err), &err);
    fuzz_need(pxs_image_resize(image, 1 + image->height % 40, 1 + image->width % 40, &small, &err),
              &err);
    fuzz_need(pxs_image_crop(image, image->width / 2, 0, image->width - image->width / 2,
                             image->height, &part, &err),
              &err);
    write_and_read("x.png", image);
    write_and_read("x.jpg", &small);
    write_and_read("x.tif", image);
    pxs_image_finish(&part);
    pxs_image_finish(&small);
    pxs_image_finish(&grey);
}

void fuzz_picture(const uint8_t *data, size_t size) {
    struct pxs_image image;
    struct pxs_image_info info;
    struct pxs_error err;
    if (fuzz_answer(pxs_image_decode(data, size, &image, &info, &err), &err)) {
        look_at(&image, &info);
        pxs_image_finish(&image);
    }
}
