/* The one file with cairo.h: paths, text and pictures on a sheet that becomes a PNG, an SVG or a
 * PDF. */
#include "canvas_priv.h"

#include <cairo-ft.h>
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <fontconfig/fontconfig.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct face {
    cairo_font_face_t *cairo;
    FcPattern *pattern;
};

struct pxs_canvas {
    struct pxs_canvas_options options;
    cairo_surface_t *surface;
    cairo_t *cairo;
    FcConfig *fonts;
    struct face regular, bold;
    struct face other;    /* for characters that those lack; the one used last */
    struct pxs_text file; /* SVG, PDF */
    /* of each script below: some of its characters that no font here has */
    struct pxs_text lacking[3];
    bool no_memory;
};

/* Characters by what Debian calls the fonts that have them; the last one is the rest. */
static const struct {
    uint32_t first, last;
    int script;
} scripts[] = {
    {0x1100, 0x11ff, 0},   {0x2e80, 0xa4cf, 0}, {0xa960, 0xa97f, 0}, {0xac00, 0xd7ff, 0},
    {0xf900, 0xfaff, 0},   {0xfe30, 0xfe4f, 0}, {0xff00, 0xffef, 0}, {0x1b000, 0x1b2ff, 0},
    {0x20000, 0x3ffff, 0}, {0x2600, 0x27bf, 1}, {0x2b00, 0x2bff, 1}, {0x1f000, 0x1faff, 1},
};
static const struct {
    const char *what, *packages;
} missing_fonts[] = {
    {"Chinese, Japanese or Korean characters", "fonts-noto-cjk or fonts-wqy-microhei"},
    {"pictures", "fonts-noto-color-emoji"},
    {"letters of other scripts", "fonts-noto-core"},
};
enum { LACKING_SHOWN = 5 };

/* ---- fonts ---------------------------------------------------------------------------------- */

/* The font that comes nearest to this one; with `needed`, one that has these characters. */
static struct face find_face(struct pxs_canvas *c, bool bold, FcCharSet *needed) {
    struct face face = {0};
    FcResult result;
    FcPattern *wanted = FcPatternCreate();
    if (!wanted)
        return face;
    FcPatternAddString(wanted, FC_FAMILY,
                       (const FcChar8 *)(!needed ? "DejaVu Sans" : "sans-serif"));
    FcPatternAddInteger(wanted, FC_WEIGHT, bold ? FC_WEIGHT_BOLD : FC_WEIGHT_NORMAL);
    FcPatternAddInteger(wanted, FC_SLANT, FC_SLANT_ROMAN);
    if (needed)
        FcPatternAddCharSet(wanted, FC_CHARSET, needed);
    FcConfigSubstitute(c->fonts, wanted, FcMatchPattern);
    FcDefaultSubstitute(wanted);
    face.pattern = FcFontMatch(c->fonts, wanted, &result);
    FcPatternDestroy(wanted);
    if (face.pattern)
        face.cairo = cairo_ft_font_face_create_for_pattern(face.pattern);
    return face;
}

static void drop_face(struct face *face) {
    if (face->cairo)
        cairo_font_face_destroy(face->cairo);
    if (face->pattern)
        FcPatternDestroy(face->pattern);
    *face = (struct face){0};
}

/* The characters of a text that a face has no glyphs for; NULL where it has them all. */
static FcCharSet *missing_in(const struct face *face, const char *text) {
    FcCharSet *has, *missing = NULL;
    if (FcPatternGetCharSet(face->pattern, FC_CHARSET, 0, &has) != FcResultMatch)
        return NULL;
    for (size_t length; *text != '\0'; text += length) {
        uint32_t code;
        length = pxs_utf8_decode(text, strlen(text), &code);
        if (length == 0)
            length = 1;
        else if (FcCharSetHasChar(has, code) || pxs_char_width(code) == 0)
            continue;
        if (!missing && (missing = FcCharSetCreate()) == NULL)
            return NULL;
        FcCharSetAddChar(missing, (FcChar32)code);
    }
    return missing;
}

static int script_of(uint32_t code) {
    for (size_t i = 0; i < PXS_COUNT(scripts); i++) {
        if (code >= scripts[i].first && code <= scripts[i].last)
            return scripts[i].script;
    }
    return 2;
}

/* Notes the characters that the font in use lacks: they are drawn as boxes. */
static void note_lacking(struct pxs_canvas *c, const struct face *face, const char *text) {
    FcCharSet *missing = missing_in(face, text);
    for (size_t length; missing && *text != '\0'; text += length) {
        uint32_t code;
        char sign[8];
        length = pxs_utf8_decode(text, strlen(text), &code);
        if (length == 0) {
            length = 1;
            continue;
        }
        struct pxs_text *seen = &c->lacking[script_of(code)];
        snprintf(sign, sizeof sign, "%.*s", (int)length, text);
        if (!FcCharSetHasChar(missing, code) || strstr(pxs_text_str(seen), sign))
            continue;
        pxs_text_addf(seen, "%s%s", seen->len > 0 ? " " : "", sign);
        c->no_memory = c->no_memory || seen->failed;
    }
    if (missing)
        FcCharSetDestroy(missing);
}

/* A piece of text is written in one font: DejaVu Sans, or one that has the characters which that
 * lacks. */
static cairo_font_face_t *face_for(struct pxs_canvas *c, bool bold, const char *text) {
    const struct face *usual = bold ? &c->bold : &c->regular;
    FcCharSet *missing = missing_in(usual, text);
    if (!missing)
        return usual->cairo;
    drop_face(&c->other);
    c->other = find_face(c, bold, missing);
    FcCharSetDestroy(missing);
    note_lacking(c, c->other.cairo ? &c->other : usual, text);
    return c->other.cairo ? c->other.cairo : usual->cairo;
}

static bool has_file(const struct face *face) {
    FcChar8 *file;
    return face->cairo && FcPatternGetString(face->pattern, FC_FILE, 0, &file) == FcResultMatch;
}

/* ---- sheets --------------------------------------------------------------------------------- */

static cairo_status_t add_bytes(void *user, const unsigned char *data, unsigned int length) {
    struct pxs_text *file = user;
    pxs_text_add_n(file, (const char *)data, length);
    return file->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

enum pxs_status pxs_canvas_create(const struct pxs_canvas_options *options, struct pxs_canvas **out,
                                  struct pxs_error *err) {
    struct pxs_canvas *c = calloc(1, sizeof *c);
    enum pxs_status status;
    if (!c)
        return pxs_fail_nomem(err);
    c->options = *options;

    c->fonts = FcInitLoadConfigAndFonts();
    if (!c->fonts) {
        status = pxs_fail_nomem(err);
        goto failed;
    }
    c->regular = find_face(c, false, NULL);
    c->bold = find_face(c, true, NULL);
    if (!has_file(&c->regular) || !has_file(&c->bold)) {
        status = pxs_fail(
            err, PXS_E_NOT_FOUND,
            "cannot write into a picture: this system has no font (install fonts-dejavu-core)");
        goto failed;
    }

    const double width = options->width * options->scale, height = options->height * options->scale;
    char utc[32];
    switch (options->kind) {
    case PXS_PICTURE_PNG:
        c->surface =
            cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)lround(width), (int)lround(height));
        break;
    case PXS_PICTURE_SVG:
        c->surface = cairo_svg_surface_create_for_stream(add_bytes, &c->file, width, height);
        break;
    case PXS_PICTURE_PDF:
        c->surface = cairo_pdf_surface_create_for_stream(add_bytes, &c->file, width, height);
        pxs_format_utc(utc, options->at_ms);
        utc[10] = 'T';
        memcpy(utc + 19, "Z", 2);
        cairo_pdf_surface_set_metadata(c->surface, CAIRO_PDF_METADATA_CREATE_DATE, utc);
        cairo_pdf_surface_set_metadata(c->surface, CAIRO_PDF_METADATA_TITLE, options->title);
        break;
    }
    c->cairo = cairo_create(c->surface);

    /* Glyphs lie where the layout puts them, whatever the output and the user's font settings. */
    cairo_font_options_t *fonts = cairo_font_options_create();
    cairo_font_options_set_antialias(fonts, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(fonts, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(fonts, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(c->cairo, fonts);
    cairo_font_options_destroy(fonts);

    cairo_set_line_join(c->cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_scale(c->cairo, options->scale, options->scale);
    cairo_set_source_rgb(c->cairo, 1, 1, 1);
    cairo_paint(c->cairo);
    *out = c;
    return PXS_OK;
failed:
    pxs_canvas_destroy(&c);
    return status;
}

void pxs_canvas_destroy(struct pxs_canvas **canvas) {
    if (!canvas || *canvas == NULL)
        return;
    struct pxs_canvas *c = *canvas;
    if (c->cairo)
        cairo_destroy(c->cairo);
    if (c->surface)
        cairo_surface_destroy(c->surface);
    drop_face(&c->regular);
    drop_face(&c->bold);
    drop_face(&c->other);
    if (c->fonts)
        FcConfigDestroy(c->fonts);
    pxs_text_finish(&c->file);
    for (size_t i = 0; i < PXS_COUNT(c->lacking); i++)
        pxs_text_finish(&c->lacking[i]);
    free(c);
    *canvas = NULL;
}

/* ---- the file ------------------------------------------------------------------------------- */

static enum pxs_status encode_png(struct pxs_canvas *c, void **data, size_t *bytes,
                                  struct pxs_error *err) {
    const int width = cairo_image_surface_get_width(c->surface);
    const int height = cairo_image_surface_get_height(c->surface);
    const unsigned char *from = cairo_image_surface_get_data(c->surface);
    const size_t stride = (size_t)cairo_image_surface_get_stride(c->surface);
    struct pxs_image image;
    PXS_TRY(pxs_image_create(&image, width, height, 3, err));
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint32_t pixel; /* 0x00RRGGBB in the machine's byte order */
            memcpy(&pixel, from + (size_t)y * stride + (size_t)x * 4, 4);
            uint8_t *to = image.pixels + ((size_t)y * (size_t)width + (size_t)x) * 3;
            to[0] = (uint8_t)(pixel >> 16);
            to[1] = (uint8_t)(pixel >> 8);
            to[2] = (uint8_t)pixel;
        }
    }
    const enum pxs_status status = pxs_image_encode_png(&image, data, bytes, err);
    pxs_image_finish(&image);
    return status;
}

void pxs_canvas_lacking(const struct pxs_canvas *c, char *out, size_t size) {
    struct pxs_text words = {0};
    for (size_t i = 0; i < PXS_COUNT(c->lacking); i++) {
        const char *signs = pxs_text_str(&c->lacking[i]), *end = signs;
        if (*signs == '\0')
            continue;
        for (int n = 0; end && n < LACKING_SHOWN; n++)
            end = strchr(end + (n > 0), ' ');
        pxs_text_addf(&words, "%sno font here has the %s %.*s%s, so they are boxes: install %s",
                      words.len > 0 ? "; " : "", missing_fonts[i].what,
                      (int)(end ? (size_t)(end - signs) : strlen(signs)), signs, end ? " ..." : "",
                      missing_fonts[i].packages);
    }
    pxs_copy_clean(out, size, pxs_text_str(&words), words.len, false);
    pxs_text_finish(&words);
}

enum pxs_status pxs_canvas_end(struct pxs_canvas *c, void **data, size_t *bytes,
                               struct pxs_error *err) {
    cairo_status_t bad = cairo_status(c->cairo);
    cairo_surface_flush(c->surface);
    if (bad == CAIRO_STATUS_SUCCESS && c->options.kind != PXS_PICTURE_PNG)
        cairo_surface_finish(c->surface);
    if (bad == CAIRO_STATUS_SUCCESS)
        bad = cairo_surface_status(c->surface);
    if (bad == CAIRO_STATUS_NO_MEMORY || c->no_memory || c->file.failed)
        return pxs_fail_nomem(err);
    if (bad != CAIRO_STATUS_SUCCESS)
        return pxs_fail(err, PXS_E_INTERNAL, "cannot draw: %s", cairo_status_to_string(bad));
    if (c->options.kind == PXS_PICTURE_PNG)
        return encode_png(c, data, bytes, err);
    *data = c->file.text; /* malloc'ed, and the caller's from now on */
    *bytes = c->file.len;
    c->file = (struct pxs_text){0};
    return PXS_OK;
}

/* ---- lines and areas ------------------------------------------------------------------------ */

struct pxs_pen pxs_pen_grey(double lightness, double width) {
    return (struct pxs_pen){
        .red = lightness, .green = lightness, .blue = lightness, .alpha = 1, .width = width};
}

struct pxs_pen pxs_pen_of(const struct pxs_look *look, double alpha, double width) {
    struct pxs_pen pen = {.red = look->red / 255.0,
                          .green = look->green / 255.0,
                          .blue = look->blue / 255.0,
                          .alpha = alpha,
                          .width = width};
    memcpy(pen.dash, look->dash, sizeof pen.dash);
    return pen;
}

static void set_colour(struct pxs_canvas *c, const struct pxs_pen *pen) {
    cairo_set_source_rgba(c->cairo, pen->red, pen->green, pen->blue, pen->alpha);
}

static void set_pen(struct pxs_canvas *c, const struct pxs_pen *pen) {
    double dash[PXS_LOOK_DASHES];
    int n = 0;
    for (; n < PXS_LOOK_DASHES && pen->dash[n] > 0; n++)
        dash[n] = pen->dash[n] * pen->width;
    set_colour(c, pen);
    cairo_set_line_width(c->cairo, pen->width);
    cairo_set_dash(c->cairo, dash, n, 0);
    cairo_set_line_cap(c->cairo, n > 0 ? CAIRO_LINE_CAP_BUTT : CAIRO_LINE_CAP_ROUND);
}

void pxs_canvas_line(struct pxs_canvas *c, const struct pxs_pen *pen, const double *x,
                     const double *y, size_t n) {
    bool open = false;
    set_pen(c, pen);
    cairo_new_path(c->cairo);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(y[i])) {
            open = false;
            continue;
        }
        if (open)
            cairo_line_to(c->cairo, x[i], y[i]);
        else
            cairo_move_to(c->cairo, x[i], y[i]);
        if (!open && (i + 1 == n || !isfinite(y[i + 1])))
            cairo_line_to(c->cairo, x[i], y[i]); /* with its round caps a dot */
        open = true;
    }
    cairo_stroke(c->cairo);
}

void pxs_canvas_area(struct pxs_canvas *c, const struct pxs_pen *pen, const double *x,
                     const double *low, const double *high, size_t n) {
    size_t from = 0;
    set_colour(c, pen);
    for (size_t to = 0; to <= n; to++) {
        if (to < n && isfinite(low[to]) && isfinite(high[to]))
            continue;
        if (to > from) {
            cairo_new_path(c->cairo);
            for (size_t i = from; i < to; i++)
                cairo_line_to(c->cairo, x[i], high[i]);
            for (size_t i = to; i > from; i--)
                cairo_line_to(c->cairo, x[i - 1], low[i - 1]);
            cairo_close_path(c->cairo);
            cairo_fill(c->cairo);
        }
        from = to + 1;
    }
}

void pxs_canvas_segment(struct pxs_canvas *c, const struct pxs_pen *pen, double x0, double y0,
                        double x1, double y1) {
    set_pen(c, pen);
    cairo_move_to(c->cairo, x0, y0);
    cairo_line_to(c->cairo, x1, y1);
    cairo_stroke(c->cairo);
}

void pxs_canvas_box(struct pxs_canvas *c, const struct pxs_pen *pen, double x, double y,
                    double width, double height) {
    set_pen(c, pen);
    cairo_rectangle(c->cairo, x, y, width, height);
    cairo_stroke(c->cairo);
}

void pxs_canvas_fill(struct pxs_canvas *c, const struct pxs_pen *pen, double x, double y,
                     double width, double height) {
    set_colour(c, pen);
    cairo_rectangle(c->cairo, x, y, width, height);
    cairo_fill(c->cairo);
}

void pxs_canvas_clip(struct pxs_canvas *c, double x, double y, double width, double height) {
    cairo_save(c->cairo);
    cairo_rectangle(c->cairo, x, y, width, height);
    cairo_clip(c->cairo);
}

void pxs_canvas_unclip(struct pxs_canvas *c) {
    cairo_restore(c->cairo);
}

/* ---- pictures ------------------------------------------------------------------------------- */

static cairo_surface_t *surface_of(const struct pxs_image *image) {
    cairo_surface_t *s =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, image->width, image->height);
    unsigned char *to = cairo_image_surface_get_data(s);
    const size_t stride = (size_t)cairo_image_surface_get_stride(s), n = (size_t)image->channels;
    cairo_surface_flush(s);
    for (int y = 0; to && y < image->height; y++) {
        for (int x = 0; x < image->width; x++) {
            const uint8_t *from =
                image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * n;
            const uint32_t pixel =
                (uint32_t)from[0] << 16 | (uint32_t)from[n > 1] << 8 | from[n > 1 ? 2 : 0];
            memcpy(to + (size_t)y * stride + (size_t)x * 4, &pixel, 4);
        }
    }
    cairo_surface_mark_dirty(s);
    return s;
}

void pxs_canvas_image(struct pxs_canvas *c, const struct pxs_image *image, double x, double y,
                      double width, double height) {
    cairo_surface_t *s = surface_of(image);
    cairo_save(c->cairo);
    cairo_translate(c->cairo, x, y);
    cairo_scale(c->cairo, width / image->width, height / image->height);
    cairo_set_source_surface(c->cairo, s, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(c->cairo), CAIRO_FILTER_NEAREST);
    cairo_paint(c->cairo);
    cairo_restore(c->cairo);
    cairo_surface_destroy(s);
}

/* ---- text ----------------------------------------------------------------------------------- */

/* Cuts off the first piece of *text that goes into one font, into `piece`; false at its end. */
static bool next_piece(struct pxs_canvas *c, bool bold, const char **text, struct pxs_text *piece) {
    const struct face *usual = bold ? &c->bold : &c->regular;
    FcCharSet *has;
    /* of the piece: -1: the usual font has it; else a script. Marks stay with their letter */
    int kind = -2;
    size_t at = 0, length;
    pxs_text_clear(piece);
    if (FcPatternGetCharSet(usual->pattern, FC_CHARSET, 0, &has) != FcResultMatch)
        at = strlen(*text);
    for (; (*text)[at] != '\0'; at += length) {
        uint32_t code = 0;
        length = pxs_utf8_decode(*text + at, strlen(*text + at), &code);
        if (length == 0 || (kind != -2 && pxs_char_width(code) == 0)) {
            length = length > 0 ? length : 1;
            continue;
        }
        const int own = FcCharSetHasChar(has, code) ? -1 : script_of(code);
        if (kind != -2 && own != kind)
            break;
        kind = own;
    }
    pxs_text_add_n(piece, *text, at);
    *text += at;
    c->no_memory = c->no_memory || piece->failed;
    return at > 0 && !piece->failed;
}

static void set_font(struct pxs_canvas *c, const struct pxs_lettering *how, const char *text) {
    cairo_set_font_face(c->cairo, face_for(c, how->bold, text));
    cairo_set_font_size(c->cairo, how->size);
}

double pxs_canvas_text_width(struct pxs_canvas *c, const struct pxs_lettering *how,
                             const char *text) {
    struct pxs_text piece = {0};
    double width = 0;
    while (next_piece(c, how->bold, &text, &piece)) {
        cairo_text_extents_t extents;
        set_font(c, how, pxs_text_str(&piece));
        cairo_text_extents(c->cairo, pxs_text_str(&piece), &extents);
        width += extents.x_advance;
    }
    pxs_text_finish(&piece);
    return width;
}

void pxs_canvas_text(struct pxs_canvas *c, const struct pxs_lettering *how, double x, double y,
                     const char *text) {
    struct pxs_text piece = {0};
    const double before = how->anchor * pxs_canvas_text_width(c, how, text),
                 down = 0.36 * how->size;
    cairo_save(c->cairo);
    cairo_translate(c->cairo, x, y);
    if (how->upright)
        cairo_rotate(c->cairo, -1.5707963267948966);
    cairo_move_to(c->cairo, -before, down);
    cairo_set_source_rgb(c->cairo, how->lightness, how->lightness, how->lightness);
    while (next_piece(c, how->bold, &text, &piece)) {
        set_font(c, how, pxs_text_str(&piece));
        cairo_show_text(c->cairo, pxs_text_str(&piece)); /* goes on where the piece before ended */
    }
    cairo_restore(c->cairo);
    pxs_text_finish(&piece);
}

void pxs_canvas_fit(struct pxs_canvas *c, const struct pxs_lettering *how, double width,
                    const char *text, struct pxs_text *out) {
    struct pxs_text shorter = {0};
    pxs_text_add_clean(&shorter, text, strlen(text));
    for (size_t n = pxs_text_width(text, strlen(text));
         n > 1 && pxs_canvas_text_width(c, how, pxs_text_str(&shorter)) > width; n--) {
        pxs_text_clear(&shorter);
        pxs_text_add_short(&shorter, text, n - 1);
    }
    pxs_text_add(out, pxs_text_str(&shorter));
    c->no_memory = c->no_memory || shorter.failed;
    pxs_text_finish(&shorter);
}
