/* image, inside: a format of pictures that are read. A new one is a file like png_read.c and its
 * row in format.c; what cannot be read is told by sniff.c. */
#ifndef PXS_IMAGE_FORMAT_PRIV_H
#define PXS_IMAGE_FORMAT_PRIV_H

#include "pixsweep/image.h"

enum { ENDINGS_MOST = 4 };

struct pxs_image_format {
    const char *name;
    /* Of its files, in lower case, without the dot; NULL behind the last. */
    const char *endings[ENDINGS_MOST + 1];
    /* Whether a file that begins so is meant to be one, damaged or not. */
    bool (*probe)(const uint8_t *head, size_t bytes);
    /* As pxs_image_decode. */
    enum pxs_status (*decode)(const uint8_t *data, size_t bytes, struct pxs_image *out,
                              struct pxs_image_info *info, struct pxs_error *err);
};

extern const struct pxs_image_format pxs_png_format;

#endif
