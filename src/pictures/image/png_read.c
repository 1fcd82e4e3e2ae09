/* PNG in: every colour type and depth. libpng reports errors by longjmp; that stays inside
 * read_guarded. */
#include "format_priv.h"
#include "png_priv.h"

#include <stdlib.h>
#include <string.h>

void pxs_png_on_error(png_structp png, png_const_charp text) {
    struct png_words *words = png_get_error_ptr(png);
    snprintf(words->error, sizeof words->error, "%s", text);
    png_longjmp(png, 1);
}

void pxs_png_on_warning(png_structp png, png_const_charp text) {
    struct png_words *words = png_get_error_ptr(png);
    snprintf(words->warning, sizeof words->warning, "%s", text);
}

png_voidp pxs_png_alloc(png_structp png, png_alloc_size_t bytes) {
    struct png_words *words = png_get_mem_ptr(png);
    void *block = malloc(bytes);
    words->no_memory = words->no_memory || !block;
    return block;
}

void pxs_png_free(png_structp png, png_voidp block) {
    (void)png;
    free(block);
}

/* Everything that must survive a longjmp lives here, not in local variables. */
struct reader {
    png_structp png;
    png_infop info;
    const uint8_t *data;
    size_t bytes, at;
    struct pxs_samples samples;
    struct pxs_image_info stored;
    struct png_words words;
};

static void take(png_structp png, png_bytep to, size_t n) {
    struct reader *r = png_get_io_ptr(png);
    if (n > r->bytes - r->at)
        png_error(png, "the file ends too early (truncated)");
    memcpy(to, r->data + r->at, n);
    r->at += n;
}

/* Asks libpng for RGBA whatever is stored, with 8 bits, or with 16 where there are as many. */
static void read_header(struct reader *r) {
    png_uint_32 width, height;
    int depth, color_type;
    png_read_info(r->png, r->info);
    png_get_IHDR(r->png, r->info, &width, &height, &depth, &color_type, NULL, NULL, NULL);
    const bool alpha = color_type & PNG_COLOR_MASK_ALPHA;
    r->stored = (struct pxs_image_info){.depth = depth};
    r->samples = (struct pxs_samples){
        .width = (int)width, .height = (int)height, .wide = depth == 16, .orientation = 1};
    r->stored.channels = (color_type & PNG_COLOR_MASK_COLOR ? 3 : 1) + (alpha ? 1 : 0);
    png_set_expand(r->png); /* palette, less than 8 bits, tRNS */
    png_set_gray_to_rgb(r->png);
    if (!alpha && !png_get_valid(r->png, r->info, PNG_INFO_tRNS))
        png_set_add_alpha(r->png, depth == 16 ? 0xffff : 0xff, PNG_FILLER_AFTER);
    if (depth == 16 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
        png_set_swap(r->png);
}

/* False where libpng gave up or memory ran out; r->words tell. */
static bool read_guarded(struct reader *r) {
    if (setjmp(png_jmpbuf(r->png)))
        return false;
    png_set_read_fn(r->png, r, take);
    png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    read_header(r);
    int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    size_t row = (size_t)r->samples.width * (r->samples.wide ? 8 : 4);
    if (png_get_rowbytes(r->png, r->info) != row)
        png_error(r->png, "unexpected pixel layout");
    r->words.no_memory = pxs_samples_create(&r->samples, NULL) != PXS_OK;
    if (r->words.no_memory)
        return false;
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < r->samples.height; y++)
            png_read_row(r->png, r->samples.pixels + (size_t)y * row, NULL);
    png_read_end(r->png, NULL);
    return true;
}

static uint32_t big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* What the chunk eXIf says, which may stand before or behind the pixels. libpng has looked at
 * lengths and checksums. */
static int orientation_of(const uint8_t *data, size_t bytes) {
    for (size_t at = 8; at + 12 <= bytes;) {
        const uint32_t length = big_endian(data + at);
        if (length > bytes - at - 12)
            break;
        if (memcmp(data + at + 4, "eXIf", 4) == 0)
            return pxs_exif_orientation(data + at + 8, length);
        at += 12 + (size_t)length;
    }
    return 1;
}

/* A beginning that is cut short counts as a PNG. CgBI is a variant of Apple, which libpng
 * does not read. */
static bool probe(const uint8_t *p, size_t n) {
    return n > 0 && png_sig_cmp(p, 0, n < 8 ? n : 8) == 0 &&
           !(n >= 16 && memcmp(p + 12, "CgBI", 4) == 0);
}

static enum pxs_status decode(const uint8_t *data, size_t bytes, struct pxs_image *out,
                              struct pxs_image_info *info, struct pxs_error *err) {
    /* The size before libpng sees anything, so that the common mistakes get plain messages. */
    if (bytes < 24)
        return pxs_fail(err, PXS_E_CORRUPT, "the file ends too early (truncated)");
    const uint32_t width = big_endian(data + 16), height = big_endian(data + 20);
    if (width > 0 && height > 0) /* libpng says what is wrong with 0 */
        PXS_TRY(pxs_image_check_size(width, height, err));

    struct reader r = {.data = data, .bytes = bytes};
    const struct png_words *words = &r.words;
    r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r.words, pxs_png_on_error,
                                     pxs_png_on_warning, &r.words, pxs_png_alloc, pxs_png_free);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    enum pxs_status status;
    if (!r.info) {
        status = pxs_fail_nomem(err);
    } else if (read_guarded(&r)) {
        r.samples.orientation = orientation_of(data, bytes);
        status = pxs_samples_finish(&r.samples, &r.stored, out, err);
        if (status == PXS_OK && info)
            *info = r.stored;
    } else if (words->no_memory) {
        status = pxs_fail_nomem(err);
    } else if (words->warning[0] != '\0') {
        status = pxs_fail(err, PXS_E_CORRUPT, "damaged PNG: %s (%s)", words->error, words->warning);
    } else {
        status = pxs_fail(err, PXS_E_CORRUPT, "damaged PNG: %s", words->error);
    }
    png_destroy_read_struct(&r.png, &r.info, NULL);
    free(r.samples.pixels);
    return status;
}

static void version(char *text, size_t size) {
    snprintf(text, size, "libpng=%s", png_get_libpng_ver(NULL));
}

const struct pxs_image_format pxs_png_format = {.name = "PNG",
                                                .endings = {"png"},
                                                .probe = probe,
                                                .decode = decode,
                                                .encode = pxs_image_encode_png,
                                                .version = version};
