/* Sample pictures cut into glyphs, and glyphs put beside each other. A sample picture is a grid
 * (docs/contracts.md, Training semantics, sample): cells of source, fake and target from top to
 * bottom, five a row, padding 2. */
#include "samples_priv.h"

#include <stdlib.h>
#include <string.h>

enum { PER_ROW = 5, PADDING = 2, LAYERS = 3 };

/* Where the layer of a glyph lies in the picture; false where there is no such cell. */
static bool place(const struct pxs_image *picture, const struct pxs_glyphs *g, size_t glyph,
                  int layer, int *x, int *y) {
    *x = PADDING + (int)(glyph % PER_ROW) * (g->width + PADDING);
    *y = PADDING + (int)(glyph / PER_ROW) * (LAYERS * g->height + PADDING) + layer * g->height;
    return *x + g->width + PADDING <= picture->width &&
           *y + (LAYERS - layer) * g->height + PADDING <= picture->height;
}

/* A grid's last row may have fewer cells than the others: what is left is black from top to
 * bottom. */
static bool is_black(const struct pxs_image *picture, int x, int y, int width, int height) {
    const size_t pixel = (size_t)picture->channels;
    for (int row = y; row < y + height; row++) {
        const uint8_t *at =
            picture->pixels + ((size_t)row * (size_t)picture->width + (size_t)x) * pixel;
        for (size_t i = 0; i < (size_t)width * pixel; i++) {
            if (at[i] != 0)
                return false;
        }
    }
    return true;
}

bool pxs_glyphs_fit(const struct pxs_image *picture, int width, int height) {
    return width > 0 && height > 0 && picture->width > PADDING && picture->height > PADDING &&
           (picture->width - PADDING) % (width + PADDING) == 0 &&
           (picture->height - PADDING) % (LAYERS * height + PADDING) == 0;
}

size_t pxs_glyphs_count(const struct pxs_image *picture, const struct pxs_glyphs *g) {
    size_t n = 0;
    for (int x, y; n < g->n && place(picture, g, n, 0, &x, &y); n++) {
        if (is_black(picture, x, y, g->width, LAYERS * g->height))
            break;
    }
    return n;
}

static void paste(struct pxs_image *to, int x, int y, const struct pxs_image *what) {
    const size_t pixel = (size_t)to->channels;
    for (int row = 0; row < what->height; row++)
        memcpy(to->pixels + ((size_t)(y + row) * (size_t)to->width + (size_t)x) * pixel,
               what->pixels + (size_t)row * (size_t)what->width * pixel,
               (size_t)what->width * pixel);
}

/* Every pixel becomes a square: small glyphs stay what they are. */
static enum pxs_status enlarge(const struct pxs_image *in, int times, struct pxs_image *out,
                               struct pxs_error *err) {
    const size_t pixel = (size_t)in->channels;
    PXS_TRY(pxs_image_create(out, in->width * times, in->height * times, in->channels, err));
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < out->width; x++)
            memcpy(out->pixels + ((size_t)y * (size_t)out->width + (size_t)x) * pixel,
                   in->pixels +
                       ((size_t)(y / times) * (size_t)in->width + (size_t)(x / times)) * pixel,
                   pixel);
    }
    return PXS_OK;
}

/* The size of a glyph as it is shown. */
static void shown_size(const struct pxs_glyphs *g, int *width, int *height, int *times) {
    const int longest = g->width > g->height ? g->width : g->height;
    *times = g->side > 0 && g->side >= 2 * longest ? g->side / longest : 1;
    *width = g->width * *times;
    *height = g->height * *times;
    if (g->side > 0 && longest > g->side) {
        *width = (int)((int64_t)g->width * g->side / longest);
        *height = (int)((int64_t)g->height * g->side / longest);
        *width = *width > 0 ? *width : 1;
        *height = *height > 0 ? *height : 1;
    }
}

static enum pxs_status cut_one(const struct pxs_image *picture, const struct pxs_glyphs *g,
                               size_t glyph, int layer, struct pxs_image *out,
                               struct pxs_error *err) {
    struct pxs_image cut;
    int x, y, width, height, times;
    shown_size(g, &width, &height, &times);
    if (!place(picture, g, glyph, layer, &x, &y))
        return pxs_fail(err, PXS_E_INTERNAL, "glyph %zu is not in the picture", glyph);
    PXS_TRY(pxs_image_crop(picture, x, y, g->width, g->height, &cut, err));
    const enum pxs_status status = times > 1 ? enlarge(&cut, times, out, err)
                                             : pxs_image_resize(&cut, width, height, out, err);
    pxs_image_finish(&cut);
    return status;
}

enum pxs_status pxs_glyphs_cut(const struct pxs_image *picture, const struct pxs_glyphs *g,
                               int layer, struct pxs_image *out, struct pxs_error *err) {
    int columns = 1, width, height, times;
    while ((size_t)(columns * columns) < g->n)
        columns++;
    const int rows = ((int)g->n + columns - 1) / columns;
    struct pxs_image sheet, one;
    shown_size(g, &width, &height, &times);
    PXS_TRY(pxs_image_create(&sheet, columns * (width + 1) - 1, rows * (height + 1) - 1, 3, err));
    memset(sheet.pixels, 255, (size_t)sheet.width * (size_t)sheet.height * 3);
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < g->n && status == PXS_OK; i++) {
        status = cut_one(picture, g, i, layer, &one, err);
        if (status != PXS_OK)
            break;
        paste(&sheet, (int)i % columns * (width + 1), (int)i / columns * (height + 1), &one);
        pxs_image_finish(&one);
    }
    if (status != PXS_OK)
        pxs_image_finish(&sheet);
    else
        *out = sheet;
    return status;
}

/* ---- strips --------------------------------------------------------------------------------- */

enum pxs_status pxs_sample_strip(const struct pxs_sample_row *row, size_t n_columns, int gap,
                                 void **png, size_t *bytes, struct pxs_error *err) {
    const struct pxs_image *source = &row->source;
    struct pxs_image strip;
    if (!source->pixels)
        return pxs_fail(err, PXS_E_NOT_FOUND, "%s: %s", row->label,
                        row->why ? row->why : "no picture");
    const int step = source->width + gap, n = (int)n_columns + 2;
    PXS_TRY(pxs_image_create(&strip, n * step - gap, source->height, 3, err));
    memset(strip.pixels, 255, (size_t)strip.width * (size_t)strip.height * 3);
    paste(&strip, 0, 0, source);
    for (size_t i = 0; i < n_columns; i++) {
        const struct pxs_image *cell = &row->cells[i].image;
        if (cell->pixels) {
            paste(&strip, (int)(i + 1) * step, 0, cell);
            continue;
        }
        for (int y = 0; y < strip.height; y++)
            memset(strip.pixels + ((size_t)y * (size_t)strip.width + (i + 1) * (size_t)step) * 3,
                   235, (size_t)source->width * 3);
    }
    paste(&strip, (n - 1) * step, 0, &row->target);
    const enum pxs_status status = pxs_image_encode_png(&strip, png, bytes, err);
    pxs_image_finish(&strip);
    return status;
}
