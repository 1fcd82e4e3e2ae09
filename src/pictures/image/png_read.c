/* PNG in: every colour type and depth becomes RGB. libpng reports errors by longjmp; that stays
 * inside read_guarded. */
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
    uint8_t *rgba; /* height * width * 4, of 16-bit files first twice as much */
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

/* Asks libpng for RGBA whatever is stored, with 8 bits, or with 16 where there are as many: their
 * range is looked at before they become 8. */
static void read_header(struct reader *r) {
    png_uint_32 width, height;
    int depth, color_type;
    png_read_info(r->png, r->info);
    png_get_IHDR(r->png, r->info, &width, &height, &depth, &color_type, NULL, NULL, NULL);
    const bool alpha = color_type & PNG_COLOR_MASK_ALPHA;
    r->stored = (struct pxs_image_info){.width = (int)width, .height = (int)height, .depth = depth};
    r->stored.channels = (color_type & PNG_COLOR_MASK_COLOR ? 3 : 1) + (alpha ? 1 : 0);
    png_set_expand(r->png); /* palette, less than 8 bits, tRNS */
    png_set_gray_to_rgb(r->png);
    if (!alpha && !png_get_valid(r->png, r->info, PNG_INFO_tRNS))
        png_set_add_alpha(r->png, depth == 16 ? 0xffff : 0xff, PNG_FILLER_AFTER);
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
    size_t row = (size_t)r->stored.width * (r->stored.depth == 16 ? 8 : 4);
    if (png_get_rowbytes(r->png, r->info) != row)
        png_error(r->png, "unexpected pixel layout");
    r->rgba = calloc((size_t)r->stored.height, row);
    r->words.no_memory = !r->rgba;
    if (r->words.no_memory)
        return false;
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < r->stored.height; y++)
            png_read_row(r->png, r->rgba + (size_t)y * row, NULL);
    png_read_end(r->png, NULL);
    return true;
}

/* 16-bit samples become round(v / 257), in place; the range of the colours is noted. */
static void reduce_16_bit(struct reader *r) {
    struct pxs_image_info *s = &r->stored;
    size_t width = (size_t)s->width, n = width * (size_t)s->height * 4;
    s->low[0] = s->low[1] = UINT16_MAX;
    for (size_t i = 0; i < n; i++) {
        unsigned v = (unsigned)r->rgba[2 * i] << 8 | r->rgba[2 * i + 1];
        size_t half = i / 4 % width >= width / 2;
        if (i % 4 != 3 && v < s->low[half])
            s->low[half] = (uint16_t)v;
        if (i % 4 != 3 && v > s->high[half])
            s->high[half] = (uint16_t)v;
        r->rgba[i] = (uint8_t)((v * 255 + 32895) >> 16);
    }
}

static enum pxs_status finish_read(struct reader *r, struct pxs_image *out,
                                   struct pxs_image_info *info, struct pxs_error *err) {
    struct pxs_image rgb;
    if (r->stored.depth == 16)
        reduce_16_bit(r);
    PXS_TRY(pxs_image_create(&rgb, r->stored.width, r->stored.height, 3, err));
    /* Alpha over white, rounded. */
    const uint8_t *from = r->rgba;
    uint8_t *to = rgb.pixels;
    for (size_t n = (size_t)rgb.width * (size_t)rgb.height; n > 0; n--, from += 4, to += 3)
        for (int k = 0; k < 3; k++)
            to[k] = (uint8_t)((from[k] * from[3] + 255 * (255 - from[3]) + 127) / 255);
    *out = rgb;
    if (info)
        *info = r->stored;
    return PXS_OK;
}

static uint32_t big_endian(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
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
    if (width > PXS_IMAGE_MAX_SIDE || height > PXS_IMAGE_MAX_SIDE ||
        (uint64_t)width * height > PXS_IMAGE_MAX_PIXELS)
        return pxs_fail(err, PXS_E_CORRUPT,
                        "too large: %u x %u pixels (sides up to %d, at most %ld pixels)", width,
                        height, PXS_IMAGE_MAX_SIDE, PXS_IMAGE_MAX_PIXELS);

    struct reader r = {.data = data, .bytes = bytes};
    const struct png_words *words = &r.words;
    r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r.words, pxs_png_on_error,
                                     pxs_png_on_warning, &r.words, pxs_png_alloc, pxs_png_free);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    enum pxs_status status;
    if (!r.info)
        status = pxs_fail_nomem(err);
    else if (read_guarded(&r))
        status = finish_read(&r, out, info, err);
    else if (words->no_memory)
        status = pxs_fail_nomem(err);
    else if (words->warning[0] != '\0')
        status = pxs_fail(err, PXS_E_CORRUPT, "damaged PNG: %s (%s)", words->error, words->warning);
    else
        status = pxs_fail(err, PXS_E_CORRUPT, "damaged PNG: %s", words->error);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    free(r.rgba);
    return status;
}

const struct pxs_image_format pxs_png_format = {
    .name = "PNG", .endings = {"png"}, .probe = probe, .decode = decode};
