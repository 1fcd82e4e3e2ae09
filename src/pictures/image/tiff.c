/* TIFF in and out by libtiff, from and to memory. Its errors and warnings are caught for each file
 * (4.5 and newer can), so nothing is printed and nothing is global. */
#include "format_priv.h"

#include <stdlib.h>
#include <string.h>

#include <tiffio.h>

/* Limits beside those of image.h, all far above what there is. */
enum { MOST_SAMPLES = 16 };
#define MOST_BLOCK_BYTES ((uint64_t)1 << 29)
#define MOST_LIBRARY_BYTES ((tmsize_t)1 << 30)

/* ---- the file in memory --------------------------------------------------------------------- */

/* What libtiff reads or writes, and what it said first. */
struct memory {
    const uint8_t *data; /* reading */
    uint64_t bytes, at;
    struct pxs_text *file; /* writing: may be written again before its end */
    bool pixels;           /* pixels are read: a warning then says that some are guessed */
    char words[256];
};

static tmsize_t read_memory(thandle_t handle, void *to, tmsize_t n) {
    struct memory *m = handle;
    const uint64_t left = m->at < m->bytes ? m->bytes - m->at : 0;
    const uint64_t taken = (uint64_t)n < left ? (uint64_t)n : left;
    memcpy(to, m->data + m->at, taken);
    m->at += taken;
    return (tmsize_t)taken;
}

static tmsize_t write_nothing(thandle_t handle, void *from, tmsize_t n) {
    return 0;
}

static tmsize_t read_nothing(thandle_t handle, void *to, tmsize_t n) {
    return 0;
}

static tmsize_t write_memory(thandle_t handle, void *from, tmsize_t n) {
    struct memory *m = handle;
    struct pxs_text *file = m->file;
    while (file->len < m->at && !file->failed) /* libtiff seeks a byte beyond the end at most */
        pxs_text_add_n(file, "", 1);
    const size_t within = file->len - m->at < (size_t)n ? file->len - m->at : (size_t)n;
    if (file->failed)
        return 0;
    if (within > 0)
        memcpy(file->text + m->at, from, within);
    pxs_text_add_n(file, (const char *)from + within, (size_t)n - within);
    m->at += (uint64_t)n;
    return file->failed ? 0 : n;
}

static toff_t seek_memory(thandle_t handle, toff_t offset, int whence) {
    struct memory *m = handle;
    const uint64_t end = m->file ? m->file->len : m->bytes;
    m->at = offset + (whence == SEEK_CUR ? m->at : whence == SEEK_END ? end : 0);
    return m->at;
}

static toff_t size_of_memory(thandle_t handle) {
    struct memory *m = handle;
    return m->file ? m->file->len : m->bytes;
}

static int keep_memory(thandle_t handle) {
    return 0;
}

static int no_map(thandle_t handle, void **base, toff_t *size) {
    return 0;
}

static void no_unmap(thandle_t handle, void *base, toff_t size) {}

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list words) {
    struct memory *m = user;
    if (m->words[0] == '\0')
        vsnprintf(m->words, sizeof m->words, format, words);
    return 1; /* nobody else need hear it */
}

/* Old LZW is told of by a warning that concerns no pixel. */
static int on_warning(TIFF *tiff, void *user, const char *module, const char *format,
                      va_list words) {
    const struct memory *m = user;
    return m->pixels && !(module && strcmp(module, "LZWPreDecode") == 0)
               ? on_error(tiff, user, module, format, words)
               : 1;
}

/* NULL where it is no TIFF or memory ran out; m->words tell. */
static TIFF *open_memory(struct memory *m, const char *mode) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MOST_LIBRARY_BYTES);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, m);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, m);
    TIFF *tiff = TIFFClientOpenExt("memory", mode, m, m->file ? read_nothing : read_memory,
                                   m->file ? write_memory : write_nothing, seek_memory, keep_memory,
                                   size_of_memory, no_map, no_unmap, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

/* ---- in ------------------------------------------------------------------------------------- */

struct reader {
    struct memory memory;
    TIFF *tiff;
    struct pxs_samples samples;
    struct pxs_image_info stored;
    uint16_t photometric, compression, depth, per_pixel, planar;
    int colours, alpha; /* samples that are colours; which one is alpha, -1: none */
    uint16_t *map[3];   /* the palette */
};

static enum pxs_status damaged(const struct reader *r, struct pxs_error *err) {
    return pxs_fail(err, PXS_E_CORRUPT, "damaged TIFF: %s",
                    r->memory.words[0] ? r->memory.words : "it cannot be read");
}

static enum pxs_status not_read(struct pxs_error *err, const char *what) {
    return pxs_fail(err, PXS_E_CORRUPT,
                    "a TIFF %s, which is not read; save it with 8 or 16 bits in grey or RGB, or "
                    "convert it to PNG",
                    what);
}

/* How many samples of a pixel are colours. */
static enum pxs_status look_at_colours(struct reader *r, struct pxs_error *err) {
    uint16_t ink = INKSET_CMYK;
    char what[64];
    switch (r->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
        r->colours = 1;
        break;
    case PHOTOMETRIC_PALETTE:
        r->colours = 1;
        if (r->depth > 8)
            return not_read(err, "with a palette of more than 256 colours");
        if (TIFFGetField(r->tiff, TIFFTAG_COLORMAP, &r->map[0], &r->map[1], &r->map[2]) != 1)
            return pxs_fail(err, PXS_E_CORRUPT, "damaged TIFF: its palette is missing");
        break;
    case PHOTOMETRIC_RGB:
        r->colours = 3;
        break;
    case PHOTOMETRIC_SEPARATED:
        r->colours = 4;
        TIFFGetFieldDefaulted(r->tiff, TIFFTAG_INKSET, &ink);
        if (ink != INKSET_CMYK)
            return not_read(err, "in other inks than CMYK");
        break;
    case PHOTOMETRIC_YCBCR:
        r->colours = 3;
        if (r->compression != COMPRESSION_JPEG || r->planar != PLANARCONFIG_CONTIG)
            return not_read(err, "in YCbCr without JPEG compression");
        TIFFSetField(r->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        break;
    default:
        snprintf(what, sizeof what, "whose colours are of kind %u", r->photometric);
        return not_read(err, what);
    }
    if (r->per_pixel < r->colours || r->per_pixel > MOST_SAMPLES) {
        snprintf(what, sizeof what, "of %u samples a pixel", r->per_pixel);
        return not_read(err, what);
    }
    return PXS_OK;
}

/* The first of the samples that are no colours which is said to be alpha. */
static void look_at_alpha(struct reader *r) {
    uint16_t n = 0, *kinds = NULL;
    r->alpha = -1;
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_EXTRASAMPLES, &n, &kinds);
    for (int i = 0; i < n && r->colours < 4 && r->alpha < 0 && r->colours + i < r->per_pixel; i++)
        if (kinds[i] == EXTRASAMPLE_ASSOCALPHA || kinds[i] == EXTRASAMPLE_UNASSALPHA) {
            r->alpha = r->colours + i;
            r->samples.premultiplied = kinds[i] == EXTRASAMPLE_ASSOCALPHA;
        }
}

static enum pxs_status look_at_header(struct reader *r, struct pxs_error *err) {
    uint32_t width = 0, height = 0, subfile = 0;
    uint16_t format = SAMPLEFORMAT_UINT, orientation = ORIENTATION_TOPLEFT;
    char what[64];
    TIFFGetField(r->tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(r->tiff, TIFFTAG_IMAGELENGTH, &height);
    PXS_TRY(pxs_image_check_size(width, height, err));
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_SUBFILETYPE, &subfile);
    if (subfile & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK))
        return not_read(err, "whose first page is a preview or a mask of another one (cameras' raw "
                             "files are such)");
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_SAMPLEFORMAT, &format);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_BITSPERSAMPLE, &r->depth);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_SAMPLESPERPIXEL, &r->per_pixel);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_PLANARCONFIG, &r->planar);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_COMPRESSION, &r->compression);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ORIENTATION, &orientation);
    if (TIFFGetField(r->tiff, TIFFTAG_PHOTOMETRIC, &r->photometric) != 1)
        return pxs_fail(err, PXS_E_CORRUPT,
                        "damaged TIFF: it does not say what its values mean "
                        "(PhotometricInterpretation is missing)");
    if (format == SAMPLEFORMAT_IEEEFP)
        return not_read(err, "of floats");
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID)
        return not_read(err, "of signed or complex numbers");
    if (r->depth != 1 && r->depth != 2 && r->depth != 4 && r->depth != 8 && r->depth != 16) {
        snprintf(what, sizeof what, "of %u bits", r->depth);
        return not_read(err, what);
    }
    if (!TIFFIsCODECConfigured(r->compression)) {
        snprintf(what, sizeof what, "of compression %u", r->compression);
        return not_read(err, what);
    }
    PXS_TRY(look_at_colours(r, err));
    look_at_alpha(r);
    r->stored.channels = (r->colours == 1 && !r->map[0] ? 1 : 3) + (r->alpha >= 0 ? 1 : 0);
    r->stored.depth = r->depth;
    r->stored.lossy = r->compression == COMPRESSION_JPEG || r->compression == COMPRESSION_WEBP;
    r->stored.more_pages = !TIFFLastDirectory(r->tiff);
    r->samples.width = (int)width;
    r->samples.height = (int)height;
    r->samples.wide = r->depth == 16;
    r->samples.cmyk = r->colours == 4;
    r->samples.orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
    return PXS_OK;
}

static bool is_in_planes(const struct reader *r) {
    return r->planar == PLANARCONFIG_SEPARATE && r->per_pixel > 1;
}

/* Sample `index` of a row; what has less than 8 bits is stretched to 0..255, unless it is a number
 * of a palette. */
static unsigned sample_at(const struct reader *r, const uint8_t *row, size_t index) {
    if (r->depth == 16)
        return ((const uint16_t *)(const void *)row)[index];
    if (r->depth == 8)
        return row[index];
    const size_t bit = index * r->depth;
    const unsigned top = (1u << r->depth) - 1u;
    const unsigned v = row[bit / 8] >> (8 - r->depth - bit % 8) & top;
    return r->map[0] ? v : v * 255 / top;
}

/* n pixels of a row, from (x, y) on: all samples of each, or those of one plane. Colours go to
 * where they are in RGBA or CMYK, alpha goes last. */
static void put_row(struct reader *r, const uint8_t *row, int x, int y, int n, int plane) {
    const bool planes = is_in_planes(r);
    const size_t at = ((size_t)y * (size_t)r->samples.width + (size_t)x) * 4;
    uint8_t *bytes = r->samples.pixels + at;
    uint16_t *words = (uint16_t *)(void *)r->samples.pixels + at;
    for (int k = 0; k <= r->colours; k++) {
        const int sample = k < r->colours ? k : r->alpha, slot = k < r->colours ? k : 3;
        if (sample < 0 || (planes && sample != plane))
            continue;
        for (int i = 0; i < n; i++) {
            const size_t index = planes ? (size_t)i : (size_t)i * r->per_pixel + (size_t)sample;
            const unsigned v = sample_at(r, row, index);
            if (r->samples.wide)
                words[4 * i + slot] = (uint16_t)v;
            else
                bytes[4 * i + slot] = (uint8_t)v;
        }
    }
}

/* Strips and tiles alike: blocks, each decoded whole. */
static enum pxs_status read_blocks(struct reader *r, struct pxs_error *err) {
    const int w = r->samples.width, h = r->samples.height;
    const bool tiled = TIFFIsTiled(r->tiff);
    const int planes = !is_in_planes(r) ? 1 : r->alpha >= 0 ? r->alpha + 1 : r->colours;
    uint32_t block_w = (uint32_t)w, block_h = 0;
    if (tiled) {
        TIFFGetField(r->tiff, TIFFTAG_TILEWIDTH, &block_w);
        TIFFGetField(r->tiff, TIFFTAG_TILELENGTH, &block_h);
        PXS_TRY(pxs_image_check_size(block_w, block_h, err));
    } else {
        TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ROWSPERSTRIP, &block_h);
        block_h = block_h == 0 || block_h > (uint32_t)h ? (uint32_t)h : block_h;
    }
    const uint64_t bytes = tiled ? TIFFTileSize64(r->tiff) : TIFFStripSize64(r->tiff);
    const uint64_t row = tiled ? TIFFTileRowSize64(r->tiff) : TIFFScanlineSize64(r->tiff);
    const uint64_t needed =
        ((uint64_t)block_w * (is_in_planes(r) ? 1 : r->per_pixel) * r->depth + 7) / 8;
    if (bytes == 0 || row < needed || bytes < row * block_h)
        return damaged(r, err);
    if (bytes > MOST_BLOCK_BYTES)
        return pxs_fail(err, PXS_E_CORRUPT, "too large: a strip or tile of it has %llu bytes",
                        (unsigned long long)bytes);
    uint8_t *block = malloc(bytes);
    if (!block)
        return pxs_fail_nomem(err);
    bool good = true;
    r->memory.pixels = true;
    for (int plane = 0; plane < planes && good; plane++)
        for (int y = 0; y < h && good; y += (int)block_h)
            for (int x = 0; x < w && good; x += (int)block_w) {
                tmsize_t got =
                    tiled ? TIFFReadEncodedTile(r->tiff,
                                                TIFFComputeTile(r->tiff, (uint32_t)x, (uint32_t)y,
                                                                0, (uint16_t)plane),
                                                block, (tmsize_t)bytes)
                          : TIFFReadEncodedStrip(
                                r->tiff, TIFFComputeStrip(r->tiff, (uint32_t)y, (uint16_t)plane),
                                block, (tmsize_t)bytes);
                const int rows = (int)block_h < h - y ? (int)block_h : h - y;
                const int n = (int)block_w < w - x ? (int)block_w : w - x;
                good = got >= (tmsize_t)(row * (uint64_t)rows) && r->memory.words[0] == '\0';
                for (int i = 0; i < rows && good; i++)
                    put_row(r, block + (size_t)i * row, x, y + i, n, plane);
            }
    free(block);
    return good ? PXS_OK : damaged(r, err);
}

/* A palette states 16 bits, of which the upper ones count; old programs fill the lower ones alone.
 */
static void look_up_palette(const struct reader *r, uint8_t *pixel, int shift) {
    const unsigned v = pixel[0];
    for (int k = 0; k < 3; k++)
        pixel[k] = (uint8_t)(r->map[k][v] >> shift);
}

static int palette_shift(const struct reader *r) {
    for (int k = 0; k < 3; k++)
        for (unsigned v = 0; v < 1u << r->depth; v++)
            if (r->map[k][v] > 255)
                return 8;
    return 0;
}

/* What stands in the first slot becomes RGB, and what has no alpha is opaque. */
static void spread(struct reader *r) {
    const size_t n = (size_t)r->samples.width * (size_t)r->samples.height;
    const int shift = r->map[0] ? palette_shift(r) : 0;
    const uint16_t top = r->samples.wide ? UINT16_MAX : UINT8_MAX;
    const bool inverted = r->photometric == PHOTOMETRIC_MINISWHITE;
    uint8_t *bytes = r->samples.pixels;
    uint16_t *words = (uint16_t *)(void *)bytes;
    for (size_t i = 0; i < n && r->colours < 4; i++, bytes += 4, words += 4) {
        if (r->map[0])
            look_up_palette(r, bytes, shift);
        for (int k = 0; k < 4; k++) {
            const int from = r->colours == 1 && !r->map[0] && k < 3 ? 0 : k;
            if (r->samples.wide)
                words[k] = k == 3 && r->alpha < 0 ? top : words[from];
            else
                bytes[k] = k == 3 && r->alpha < 0 ? (uint8_t)top : bytes[from];
        }
        for (int k = 0; k < 3 && inverted; k++) {
            if (r->samples.wide)
                words[k] = (uint16_t)(top - words[k]);
            else
                bytes[k] = (uint8_t)(top - bytes[k]);
        }
    }
}

static enum pxs_status decode(const uint8_t *data, size_t bytes, struct pxs_image *out,
                              struct pxs_image_info *info, struct pxs_error *err) {
    struct reader r = {.memory = {.data = data, .bytes = bytes}};
    r.tiff = open_memory(&r.memory, "rm");
    if (!r.tiff)
        return damaged(&r, err);
    enum pxs_status status = look_at_header(&r, err);
    if (status == PXS_OK)
        status = pxs_samples_create(&r.samples, err);
    if (status == PXS_OK)
        status = read_blocks(&r, err);
    if (status == PXS_OK) {
        spread(&r);
        status = pxs_samples_finish(&r.samples, &r.stored, out, err);
    }
    if (status == PXS_OK && info)
        *info = r.stored;
    free(r.samples.pixels);
    TIFFClose(r.tiff);
    return status;
}

/* Classic and BigTIFF. Canon's raw pictures begin like one. */
static bool probe(const uint8_t *p, size_t n) {
    return n >= 4 &&
           (memcmp(p, "II*\0", 4) == 0 || memcmp(p, "MM\0*", 4) == 0 ||
            memcmp(p, "II+\0", 4) == 0 || memcmp(p, "MM\0+", 4) == 0) &&
           !(n >= 11 && memcmp(p + 8, "CR\2", 3) == 0);
}

/* ---- out ------------------------------------------------------------------------------------ */

static bool write_strips(TIFF *tiff, const struct pxs_image *im) {
    const uint16_t channels = (uint16_t)im->channels;
    const size_t row = (size_t)im->width * channels;
    const int rows = row < 65536 ? (int)(65536 / row) : 1;
    bool good = TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, (uint32_t)im->width) &&
                TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, (uint32_t)im->height) &&
                TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 8) &&
                TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, channels) &&
                TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC,
                             channels == 1 ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB) &&
                TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) &&
                TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT) &&
                TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE) &&
                TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL) &&
                TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, (uint32_t)rows);
    uint8_t *strip = malloc(row * (size_t)rows); /* libtiff may change what it writes */
    good = good && strip;
    for (int y = 0, n = 0; y < im->height && good; y += rows, n++) {
        const size_t bytes = row * (size_t)(rows < im->height - y ? rows : im->height - y);
        memcpy(strip, im->pixels + (size_t)y * row, bytes);
        good = TIFFWriteEncodedStrip(tiff, (uint32_t)n, strip, (tmsize_t)bytes) >= 0;
    }
    free(strip);
    return good && TIFFFlush(tiff);
}

static enum pxs_status encode(const struct pxs_image *image, void **data, size_t *bytes,
                              struct pxs_error *err) {
    struct pxs_text file = {0};
    struct memory memory = {.file = &file};
    TIFF *tiff = open_memory(&memory, "wl");
    const bool good = tiff && write_strips(tiff, image);
    if (tiff)
        TIFFClose(tiff);
    if (good && !file.failed) {
        *data = file.text;
        *bytes = file.len;
        return PXS_OK;
    }
    const bool no_memory = file.failed || memory.words[0] == '\0';
    pxs_text_finish(&file);
    return no_memory ? pxs_fail_nomem(err)
                     : pxs_fail(err, PXS_E_INTERNAL, "cannot encode a TIFF: %s", memory.words);
}

static void version(char *text, size_t size) {
    const char *version = TIFFGetVersion(); /* "LIBTIFF, Version 4.5.0\nCopyright ..." */
    version = strstr(version, "Version ") ? strstr(version, "Version ") + 8 : version;
    snprintf(text, size, "libtiff=%.*s", (int)strcspn(version, "\n"), version);
}

const struct pxs_image_format pxs_tiff_format = {.name = "TIFF",
                                                 .endings = {"tif", "tiff"},
                                                 .probe = probe,
                                                 .decode = decode,
                                                 .encode = encode,
                                                 .version = version};
