/* image, inside: a format of pictures that are read. A new one is a file like png_read.c and its
 * row in format.c; what cannot be read is told by sniff.c. The rules that all formats share (16
 * bits, alpha, CMYK, orientation) stand in colour.c, turn.c and exif.c. */
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
    /* As pxs_image_encode. */
    enum pxs_status (*encode)(const struct pxs_image *image, void **data, size_t *bytes,
                              struct pxs_error *err);
    /* Its library and that one's version, "libpng=1.6.39". */
    void (*version)(char *text, size_t size);
};

/* The last two only where the build has their library (Meson features jpeg and tiff). */
extern const struct pxs_image_format pxs_png_format, pxs_jpeg_format, pxs_tiff_format;

/* The format that reads a file which begins so; NULL: none. */
const struct pxs_image_format *pxs_image_format_by_bytes(const uint8_t *head, size_t bytes);

/* Fails in plain words for a picture without pixels, and for one above the limits of image.h: to be
 * asked before memory is taken. */
PXS_NODISCARD enum pxs_status pxs_image_check_size(uint64_t width, uint64_t height,
                                                   struct pxs_error *err);

/* ---- what all formats share ----------------------------------------------------------------- */

/* The orientation (1 to 8) that an EXIF block states, with or without "Exif\0\0" in front; 1 (as
 * stored) where it states none or cannot be read. */
int pxs_exif_orientation(const uint8_t *exif, size_t bytes);

/* Turns and mirrors pixels of `pixel` bytes as `orientation` asks, so that they stand as they are
 * looked at: the block that *pixels names is replaced, and the sides swapped where it needs that.
 */
PXS_NODISCARD enum pxs_status pxs_image_turn(uint8_t **pixels, int *width, int *height,
                                             size_t pixel, int orientation, struct pxs_error *err);

/* A decoded picture before the shared rules: as stored, in four samples a pixel, RGBA or CMYK. */
struct pxs_samples {
    int width, height;
    bool wide;          /* samples are uint16_t, else uint8_t */
    bool cmyk;          /* C, M, Y, K; 0 is no ink */
    bool premultiplied; /* the colours are already multiplied by alpha */
    int orientation;
    uint8_t *pixels; /* owned */
};
PXS_NODISCARD enum pxs_status pxs_samples_create(struct pxs_samples *s, struct pxs_error *err);
/* Makes the RGB picture: turned, 16 bits to 8 by round(v / 257), alpha over white, CMYK to RGB.
 * Frees s->pixels in any case; sets width, height, orientation and the range in `info`. */
PXS_NODISCARD enum pxs_status pxs_samples_finish(struct pxs_samples *s, struct pxs_image_info *info,
                                                 struct pxs_image *out, struct pxs_error *err);

/* As Pillow: R = (255 - K) - (255 - K) * C / 255, rounded; 255 is full ink. */
void pxs_cmyk_to_rgb(const uint8_t cmyk[4], uint8_t rgb[3]);

#endif
