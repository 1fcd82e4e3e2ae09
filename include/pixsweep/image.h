/* image: 8-bit pictures in memory, PNG, JPEG and TIFF in and out, the few operations that pair sets
 * and samples need, and what the first bytes of a file say it is. Pixels are bytes in the order
 * height, width, channel, rows without gaps. The one room that knows the formats' libraries; those
 * of JPEG and TIFF may be missing (Meson features jpeg and tiff). */
#ifndef PIXSWEEP_IMAGE_H
#define PIXSWEEP_IMAGE_H

#include "pixsweep/base.h"

/* No side above this, no picture above PXS_IMAGE_MAX_PIXELS: larger files are refused before memory
 * is taken. */
#define PXS_IMAGE_MAX_SIDE 32768
#define PXS_IMAGE_MAX_PIXELS (64L * 1024 * 1024)

/* Owns `pixels` (height * width * channels bytes; channels 1 = grey, 3 = RGB). Zero-initialise;
 * finish once. */
struct pxs_image {
    int width, height, channels;
    uint8_t *pixels;
};

/* Zeroed (black) picture. `out` need not be initialised; untouched on error. */
PXS_NODISCARD enum pxs_status pxs_image_create(struct pxs_image *out, int width, int height,
                                               int channels, struct pxs_error *err);
void pxs_image_finish(struct pxs_image *image); /* frees and zeroes; a zeroed picture is fine */

/* ---- reading -------------------------------------------------------------------------------- */

/* What a picture's file holds before it is turned into RGB. */
struct pxs_image_info {
    int width, height; /* as read: turned as `orientation` asks */
    /* As stored: 1 grey, 2 grey + alpha, 3 RGB, palette or CMYK, 4 RGB + alpha; a PNG's
     * transparency by tRNS not counted. */
    int channels;
    /* Bits per sample as stored: 1, 2, 4, 8 or 16. */
    int depth;
    /* Depth 16: lowest and highest colour sample as stored, of the left and the right half as read
     * (a middle column is right); else, and of CMYK, 0. */
    uint16_t low[2], high[2];
    int orientation; /* EXIF's, obeyed: 1 as stored, 2 to 8 turned or mirrored */
    bool lossy;      /* JPEG or the like: pixels may differ by a level with the decoder's version */
    char sha256[PXS_SHA256_HEX]; /* lossy: of the file's bytes, which do not; else "" */
    bool more_pages;             /* a TIFF of several pages, of which the first is read */
};

/* What the formats that are read are called in messages. */
#define PXS_PICTURE_WORDS "a PNG, JPEG or TIFF"

/* The format that a file's name promises ("PNG", by the ending in any case); NULL: none that this
 * build reads. */
const char *pxs_image_format_of(const char *name);
/* What to do about damage of a file, whatever its format: "; copy it again"; "" where the reason
 * has a remedy ("reason; remedy") or is none of the file's. */
const char *pxs_damage_remedy(enum pxs_status status, const struct pxs_error *why);
/* Its place in the order of preference, from 0 on: where pictures have one name but for the ending,
 * the lowest is used. PNG, TIFF, JPEG; behind them what is not read. */
int pxs_image_rank(const char *name);
/* The n-th ending that such a file has ("png", "PNG", "tif"), without the dot; false behind the
 * last. */
bool pxs_image_ending(size_t n, char *ending, size_t size);
/* Appends the libraries that decode, a line each: "libpng=1.6.39". */
void pxs_image_environment(struct pxs_text *out);

/* Reads a picture in any format of the table in format.c, by its first bytes, as 3-channel RGB: of
 * PNG and JPEG all there is, of TIFF 1 to 16 bits unsigned, grey, RGB, palette and CMYK, in strips
 * or tiles, the first page. Grey is repeated, 16-bit samples become round(v / 257), alpha is
 * blended over white, CMYK becomes RGB as Pillow does it, EXIF's orientation is obeyed, gamma and
 * colour profiles are ignored. `info` may be NULL. PXS_E_CORRUPT names the file and the reason
 * (damaged, truncated, not a format that is read, too large). Never prints. */
PXS_NODISCARD enum pxs_status pxs_image_read(const char *path, struct pxs_image *out,
                                             struct pxs_image_info *info, struct pxs_error *err);
/* The same from memory; messages say the reason only, without a file name. */
PXS_NODISCARD enum pxs_status pxs_image_decode(const void *data, size_t bytes,
                                               struct pxs_image *out, struct pxs_image_info *info,
                                               struct pxs_error *err);

/* ---- writing -------------------------------------------------------------------------------- */

/* What JPEG is written with; colours are not subsampled. */
#define PXS_JPEG_QUALITY 95

/* A file of the format that the ending of `name` promises (PNG; JPEG; TIFF of 8 bits, deflated),
 * grey or RGB by `image->channels`; the same pixels give the same bytes (no time, no text).
 * PXS_E_INVALID names the endings where it promises none. free(*data). */
PXS_NODISCARD enum pxs_status pxs_image_encode(const char *name, const struct pxs_image *image,
                                               void **data, size_t *bytes, struct pxs_error *err);
/* The same into a file, whole or not at all (pxs_write_guarded). `sha256` (of the file's bytes) may
 * be NULL. */
PXS_NODISCARD enum pxs_status pxs_image_write(const char *path, const struct pxs_image *image,
                                              const struct pxs_file_guard *guard,
                                              char sha256[PXS_SHA256_HEX], struct pxs_error *err);

/* PNG, whatever the name. */
PXS_NODISCARD enum pxs_status pxs_image_encode_png(const struct pxs_image *image, void **data,
                                                   size_t *bytes, struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_image_write_png(const char *path, const struct pxs_image *image,
                                                  const struct pxs_file_guard *guard,
                                                  char sha256[PXS_SHA256_HEX],
                                                  struct pxs_error *err);

/* ---- what a file is ------------------------------------------------------------------------- */

/* What a reader needed and did not get. */
enum pxs_wanted {
    PXS_WANTED_PICTURE,
    PXS_WANTED_NPY,
    PXS_WANTED_WEIGHTS,
    PXS_WANTED_TEXT,
    PXS_WANTED_FONT
};

/* What the first bytes of a file say it is, as a noun ("a JPEG picture", "a Git LFS pointer", "a
 * web page (HTML)"); NULL: unknown. The first 4096 bytes are enough. */
const char *pxs_sniff_name(const void *data, size_t bytes);
/* Always fails, PXS_E_CORRUPT: what the bytes are in place of what was wanted, and the remedy: "a
 * JPEG picture, not a PNG; convert it to PNG: ..."; of unknown bytes "not a PNG file; ...". */
enum pxs_status pxs_sniff_refuse(const void *data, size_t bytes, enum pxs_wanted wanted,
                                 struct pxs_error *err);
/* The same of a file's beginning; where it cannot be opened or is no file, that is what it says. */
enum pxs_status pxs_sniff_refuse_file(const char *path, enum pxs_wanted wanted,
                                      struct pxs_error *err);

/* ---- operations (each makes a new picture; `out` must not be `in`) -------------------------- */

/* ITU-601: (19595 R + 38470 G + 7471 B + 32768) >> 16; a grey picture is copied. */
PXS_NODISCARD enum pxs_status pxs_image_grey(const struct pxs_image *in, struct pxs_image *out,
                                             struct pxs_error *err);
/* Byte for byte Pillow's resize(..., BICUBIC): antialiased, a = -0.5, 8-bit fixed point, horizontal
 * pass first. */
PXS_NODISCARD enum pxs_status pxs_image_resize(const struct pxs_image *in, int width, int height,
                                               struct pxs_image *out, struct pxs_error *err);
/* The rectangle must lie inside (PXS_E_INVALID otherwise). */
PXS_NODISCARD enum pxs_status pxs_image_crop(const struct pxs_image *in, int x, int y, int width,
                                             int height, struct pxs_image *out,
                                             struct pxs_error *err);

/* ---- samples -------------------------------------------------------------------------------- */

/* A grid of `cells` cells, `per_row` a row. A cell stacks `layers` pictures from top to bottom
 * without gaps: layers[k] is [cells, height, width, channels] f32 in [-1, 1], shown as
 * (x + 1) / 2 * 255 rounded and clamped (NaN is black). `padding` black pixels around and between
 * cells. docs/contracts.md, Training semantics: layers source, fake, target; per_row 5; padding
 * 2. */
struct pxs_grid {
    const float *const *layers;
    int n_layers, cells, height, width, channels, per_row, padding;
};
PXS_NODISCARD enum pxs_status pxs_image_grid(const struct pxs_grid *grid, struct pxs_image *out,
                                             struct pxs_error *err);

#endif
