/* JPEG in and out by libjpeg-turbo. It reports errors by longjmp; that stays inside read_guarded
 * and write_guarded. */
#include "format_priv.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

/* Each scan of a progressive file goes over the whole picture again; encoders make about ten. */
enum { MOST_SCANS = 500 };

/* libjpeg's errors as values: what it said last, and where to go then. */
struct trouble {
    struct jpeg_error_mgr errors; /* first: libjpeg hands over its address */
    jmp_buf leave;
    int code; /* JERR_*, JWRN_* */
    char words[JMSG_LENGTH_MAX];
};

_Noreturn static void on_error(j_common_ptr common) {
    struct trouble *t = (struct trouble *)(void *)common->err;
    t->code = t->errors.msg_code;
    t->errors.format_message(common, t->words);
    longjmp(t->leave, 1);
}

/* A warning says that pixels are guessed, and then the file is damaged. These alone concern no
 * pixel; cameras and old programs leave such files. */
static void on_message(j_common_ptr common, int level) {
    const int code = common->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM &&
        code != JWRN_JFIF_MAJOR)
        on_error(common);
}

static void say_nothing(j_common_ptr common) {}

static struct jpeg_error_mgr *silence(struct trouble *t) {
    jpeg_std_error(&t->errors);
    t->errors.error_exit = on_error;
    t->errors.emit_message = on_message;
    t->errors.output_message = say_nothing;
    return &t->errors;
}

/* ---- in ------------------------------------------------------------------------------------- */

/* Everything that must survive a longjmp lives here, not in local variables. */
struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_progress_mgr progress;
    struct trouble trouble;
    const uint8_t *data;
    size_t bytes;
    struct pxs_image rgb;
    uint8_t *cmyk; /* a row */
    struct pxs_image_info stored;
    enum pxs_status status; /* of what failed here, not in libjpeg */
    struct pxs_error err;
};

static void count_scans(j_common_ptr common) {
    struct reader *r = common->client_data;
    if (r->jpeg.input_scan_number > MOST_SCANS) {
        r->status = pxs_fail(&r->err, PXS_E_CORRUPT, "it has more than %d scans", MOST_SCANS);
        longjmp(r->trouble.leave, 1);
    }
}

static void find_orientation(struct reader *r) {
    r->stored.orientation = 1;
    for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m; m = m->next)
        if (m->data_length >= 6 && memcmp(m->data, "Exif\0\0", 6) == 0) {
            r->stored.orientation = pxs_exif_orientation(m->data, m->data_length);
            return;
        }
}

/* One row of CMYK as Adobe's programs write it, the one kind that there is: 255 is no ink. */
static void put_cmyk(struct reader *r, uint8_t *rgb) {
    for (int x = 0; x < r->rgb.width; x++) {
        uint8_t *p = r->cmyk + 4 * x;
        for (int k = 0; k < 4; k++)
            p[k] = (uint8_t)(255 - p[k]);
        pxs_cmyk_to_rgb(p, rgb + 3 * x);
    }
}

/* False where libjpeg gave up (r->trouble) or something failed here (r->status). */
static bool read_guarded(struct reader *r) {
    struct jpeg_decompress_struct *j = &r->jpeg;
    if (setjmp(r->trouble.leave))
        return false;
    jpeg_create_decompress(j);
    jpeg_mem_src(j, (unsigned char *)(uintptr_t)r->data, (unsigned long)r->bytes);
    jpeg_save_markers(j, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(j, TRUE);
    r->status = pxs_image_check_size(j->image_width, j->image_height, &r->err);
    if (r->status != PXS_OK)
        return false;
    if (j->num_components != 1 && j->num_components != 3 && j->num_components != 4) {
        r->status = pxs_fail(&r->err, PXS_E_CORRUPT,
                             "a JPEG of %d colours; grey, RGB and CMYK are read, convert it to PNG",
                             j->num_components);
        return false;
    }
    const bool cmyk = j->num_components == 4;
    find_orientation(r);
    r->stored.channels = j->num_components == 1 ? 1 : 3;
    r->stored.depth = 8;
    r->stored.lossy = true;
    j->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    j->dct_method = JDCT_ISLOW; /* the exact one, as Pillow */
    j->do_fancy_upsampling = TRUE;
    r->progress.progress_monitor = count_scans;
    j->progress = &r->progress;

    r->status = pxs_image_create(&r->rgb, (int)j->image_width, (int)j->image_height, 3, &r->err);
    if (r->status == PXS_OK && cmyk) {
        r->cmyk = malloc((size_t)j->image_width * 4);
        r->status = r->cmyk ? PXS_OK : pxs_fail_nomem(&r->err);
    }
    if (r->status != PXS_OK)
        return false;
    jpeg_start_decompress(j);
    while (j->output_scanline < j->output_height) {
        uint8_t *to = r->rgb.pixels + (size_t)j->output_scanline * j->output_width * 3;
        uint8_t *row = cmyk ? r->cmyk : to;
        jpeg_read_scanlines(j, &row, 1);
        if (cmyk)
            put_cmyk(r, to);
    }
    jpeg_finish_decompress(j);
    return true;
}

static enum pxs_status fail_as_jpeg_says(const struct trouble *t, struct pxs_error *err) {
    switch (t->code) {
    case JERR_OUT_OF_MEMORY:
        return pxs_fail_nomem(err);
    case JWRN_JPEG_EOF:
    case JERR_INPUT_EMPTY:
    case JERR_INPUT_EOF:
        return pxs_fail(err, PXS_E_CORRUPT, "the file ends too early (truncated)");
    case JERR_IMAGE_TOO_BIG:
        return pxs_fail(err, PXS_E_CORRUPT, "too large: a side of more than %d pixels",
                        PXS_IMAGE_MAX_SIDE);
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_SOF_UNSUPPORTED:
        return pxs_fail(err, PXS_E_CORRUPT,
                        "a JPEG of a kind that is not read (%s); convert it to PNG", t->words);
    default:
        return pxs_fail(err, PXS_E_CORRUPT, "damaged JPEG: %s", t->words);
    }
}

static enum pxs_status decode(const uint8_t *data, size_t bytes, struct pxs_image *out,
                              struct pxs_image_info *info, struct pxs_error *err) {
    struct reader *r = calloc(1, sizeof *r);
    if (!r)
        return pxs_fail_nomem(err);
    r->data = data;
    r->bytes = bytes;
    r->jpeg.err = silence(&r->trouble);
    r->jpeg.client_data = r;
    enum pxs_status status = PXS_OK;
    if (!read_guarded(r))
        status = r->status != PXS_OK ? pxs_fail(err, r->status, "%s", r->err.message)
                                     : fail_as_jpeg_says(&r->trouble, err);
    if (status == PXS_OK)
        status = pxs_image_turn(&r->rgb.pixels, &r->rgb.width, &r->rgb.height, 3,
                                r->stored.orientation, err);
    if (status == PXS_OK) {
        r->stored.width = r->rgb.width;
        r->stored.height = r->rgb.height;
        *out = r->rgb;
        r->rgb.pixels = NULL;
        if (info)
            *info = r->stored;
    }
    jpeg_destroy_decompress(&r->jpeg);
    free(r->rgb.pixels);
    free(r->cmyk);
    free(r);
    return status;
}

static bool probe(const uint8_t *p, size_t n) {
    return n >= 2 && p[0] == 0xff && p[1] == 0xd8 && (n == 2 || p[2] == 0xff);
}

/* ---- out ------------------------------------------------------------------------------------ */

struct writer {
    struct jpeg_compress_struct jpeg;
    struct jpeg_destination_mgr to;
    struct trouble trouble;
    const struct pxs_image *image;
    JOCTET block[16384];
    struct pxs_text file;
};

static void begin_block(j_compress_ptr j) {
    struct writer *w = j->client_data;
    w->to.next_output_byte = w->block;
    w->to.free_in_buffer = sizeof w->block;
}

static boolean put_block(j_compress_ptr j) {
    struct writer *w = j->client_data;
    pxs_text_add_n(&w->file, (const char *)w->block, sizeof w->block);
    begin_block(j);
    return TRUE;
}

static void put_last_block(j_compress_ptr j) {
    struct writer *w = j->client_data;
    pxs_text_add_n(&w->file, (const char *)w->block, sizeof w->block - w->to.free_in_buffer);
}

static bool write_guarded(struct writer *w) {
    struct jpeg_compress_struct *j = &w->jpeg;
    const struct pxs_image *im = w->image;
    if (setjmp(w->trouble.leave))
        return false;
    jpeg_create_compress(j);
    w->to = (struct jpeg_destination_mgr){.init_destination = begin_block,
                                          .empty_output_buffer = put_block,
                                          .term_destination = put_last_block};
    j->dest = &w->to;
    j->image_width = (JDIMENSION)im->width;
    j->image_height = (JDIMENSION)im->height;
    j->input_components = im->channels;
    j->in_color_space = im->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(j);
    jpeg_set_quality(j, PXS_JPEG_QUALITY, TRUE);
    j->comp_info[0].h_samp_factor = j->comp_info[0].v_samp_factor = 1;
    j->dct_method = JDCT_ISLOW;
    jpeg_start_compress(j, TRUE);
    const size_t row = (size_t)im->width * (size_t)im->channels;
    while (j->next_scanline < j->image_height) {
        JSAMPROW from = im->pixels + (size_t)j->next_scanline * row;
        jpeg_write_scanlines(j, &from, 1);
    }
    jpeg_finish_compress(j);
    return true;
}

static enum pxs_status encode(const struct pxs_image *image, void **data, size_t *bytes,
                              struct pxs_error *err) {
    struct writer *w = calloc(1, sizeof *w);
    if (!w)
        return pxs_fail_nomem(err);
    w->image = image;
    w->jpeg.err = silence(&w->trouble);
    w->jpeg.client_data = w;
    const bool written = write_guarded(w);
    enum pxs_status status = PXS_OK;
    if (w->file.failed || w->trouble.code == JERR_OUT_OF_MEMORY) {
        status = pxs_fail_nomem(err);
    } else if (!written) {
        status = pxs_fail(err, PXS_E_INTERNAL, "cannot encode a JPEG: %s", w->trouble.words);
    } else {
        *data = w->file.text;
        *bytes = w->file.len;
        w->file = (struct pxs_text){0};
    }
    pxs_text_finish(&w->file);
    jpeg_destroy_compress(&w->jpeg);
    free(w);
    return status;
}

/* libjpeg itself does not tell at run time which it is. */
static void version(char *text, size_t size) {
#ifdef LIBJPEG_TURBO_VERSION
#define WORDS_OF(x) #x
#define WORDS(x) WORDS_OF(x)
    snprintf(text, size, "libjpeg=turbo %s", WORDS(LIBJPEG_TURBO_VERSION));
#else
    snprintf(text, size, "libjpeg=%d", JPEG_LIB_VERSION);
#endif
}

const struct pxs_image_format pxs_jpeg_format = {.name = "JPEG",
                                                 .endings = {"jpg", "jpeg", "jpe", "jfif"},
                                                 .probe = probe,
                                                 .decode = decode,
                                                 .encode = encode,
                                                 .version = version};
