/* plot --samples: a sample sheet with its words. Epochs stand above the columns, configurations
 * beside the rows. */
#include "canvas_priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Units; a glyph's pixel is a unit or a whole part of one, so that a PNG shows pixels as they
 * are. */
enum { EDGE = 12, GAP = 8, TOP = 62, WORDLESS = 60 };

static const struct pxs_lettering heading = {.size = 14, .bold = true, .lightness = 0.1};
static const struct pxs_lettering above = {.size = 10.5, .anchor = 0.5, .lightness = 0.2};
static const struct pxs_lettering beside = {.size = 10.5, .anchor = 1, .lightness = 0.1};
static const struct pxs_lettering grey = {.size = 9, .anchor = 1, .lightness = 0.4};
static const struct pxs_lettering small = {.size = 8.5, .anchor = 0.5, .lightness = 0.4};

struct sheet {
    struct pxs_canvas *canvas;
    const struct pxs_sample_sheet *in;
    double left;                    /* where the pictures begin */
    double cell_width, cell_height; /* of the largest */
    double width, height;
};

static double row_height(const struct sheet *s, const struct pxs_sample_row *row) {
    return row->source.pixels ? row->source.height + GAP : fmin(s->cell_height + GAP, WORDLESS);
}

/* ---- size ----------------------------------------------------------------------------------- */

static void measure(struct sheet *s, double label_width) {
    s->height = TOP + EDGE;
    for (size_t i = 0; i < s->in->n_rows; i++) {
        s->cell_width = fmax(s->cell_width, s->in->rows[i].source.width);
        s->cell_height = fmax(s->cell_height, s->in->rows[i].source.height);
    }
    for (size_t i = 0; i < s->in->n_rows; i++)
        s->height += row_height(s, &s->in->rows[i]);
    s->cell_width = fmax(s->cell_width, 46); /* "epoch 100" */
    s->left = EDGE + label_width + 12;
    s->width = s->left + (s->cell_width + GAP) * (double)(s->in->n_columns + 2) + GAP + EDGE;
}

/* Widths of words do not depend on the sheet: any will do to measure them. */
static enum pxs_status widest_label(const struct pxs_sample_sheet *in, double *out,
                                    struct pxs_error *err) {
    const struct pxs_canvas_options options = {
        .kind = PXS_PICTURE_PNG, .width = 8, .height = 8, .scale = 1};
    struct pxs_canvas *c = NULL;
    PXS_TRY(pxs_canvas_create(&options, &c, err));
    *out = 40;
    for (size_t i = 0; i < in->n_rows; i++)
        *out = fmax(*out, pxs_canvas_text_width(c, &beside, in->rows[i].label));
    *out = fmin(*out, 190);
    pxs_canvas_destroy(&c);
    return PXS_OK;
}

/* ---- drawing -------------------------------------------------------------------------------- */

static double column_at(const struct sheet *s, size_t column) {
    /* source and target stand a little apart from what was made */
    const double apart = column == 0 ? 0 : column <= s->in->n_columns ? GAP : 2 * GAP;
    return s->left + (double)column * (s->cell_width + GAP) + apart;
}

static void draw_fitting(struct sheet *s, const struct pxs_lettering *how, double width, double x,
                         double y, const char *text) {
    struct pxs_text fit = {0};
    pxs_canvas_fit(s->canvas, how, width, text, &fit);
    pxs_canvas_text(s->canvas, how, x, y, pxs_text_str(&fit));
    pxs_text_finish(&fit);
}

static void draw_heading(struct sheet *s) {
    struct pxs_text title = {0};
    pxs_text_add(&title, s->in->sweep);
    for (size_t i = 0; i < s->in->n_keys; i++)
        pxs_text_addf(&title, "%s%s",
                      i == 0                  ? ": by "
                      : i + 1 < s->in->n_keys ? ", "
                                              : " and ",
                      s->in->keys[i]);
    draw_fitting(s, &heading, s->width - 2 * EDGE, EDGE, 20, pxs_text_str(&title));
    pxs_text_finish(&title);
    for (size_t i = 0; i < s->in->n_columns + 2; i++) {
        char text[48] = "source";
        if (i == s->in->n_columns + 1)
            snprintf(text, sizeof text, "target");
        else if (i > 0 && s->in->epochs[i - 1] == PXS_SAMPLE_BEST)
            snprintf(text, sizeof text, "best");
        else if (i > 0)
            snprintf(text, sizeof text, "epoch %" PRId64, s->in->epochs[i - 1]);
        draw_fitting(s, &above, s->cell_width + GAP - 2, column_at(s, i) + s->cell_width / 2,
                     TOP - 12, text);
    }
}

static void draw_image(struct sheet *s, const struct pxs_image *image, size_t column, double y) {
    const struct pxs_pen edge = pxs_pen_grey(0.75, 0.5);
    if (!image->pixels)
        return;
    const double x = column_at(s, column) + floor((s->cell_width - image->width) / 2);
    pxs_canvas_image(s->canvas, image, x, y, image->width, image->height);
    pxs_canvas_box(s->canvas, &edge, x - 0.5, y - 0.5, image->width + 1.0, image->height + 1.0);
}

/* A label that is too long stands in several lines, a key in each. */
static void draw_label(struct sheet *s, const char *label, double y, const char *seed) {
    const double width = s->left - EDGE - 12, right = s->left - 12;
    const bool whole = pxs_canvas_text_width(s->canvas, &beside, label) <= width;
    double lines = 1;
    for (const char *c = strstr(label, ", "); c && !whole; c = strstr(c + 2, ", "))
        lines++;
    y -= 7 * lines - 1;
    while (*label != '\0') {
        const char *end = whole ? NULL : strstr(label, ", ");
        struct pxs_text line = {0};
        pxs_text_add_n(&line, label, end ? (size_t)(end - label) + 1 : strlen(label));
        draw_fitting(s, &beside, width, right, y, pxs_text_str(&line));
        pxs_text_finish(&line);
        label = end ? end + 2 : "";
        y += 14;
    }
    draw_fitting(s, &grey, width, right, y, seed);
}

static void draw_row(struct sheet *s, const struct pxs_sample_row *row, double y) {
    const struct pxs_pen light = pxs_pen_grey(0.95, 1),
                         white = {.red = 1, .green = 1, .blue = 1, .alpha = 0.85};
    const struct pxs_lettering left = {.size = 10, .lightness = 0.35};
    const double height = row_height(s, row) - GAP, middle = y + height / 2;
    char seed[64] = "";
    if (row->run_id != 0)
        snprintf(seed, sizeof seed, "seed %" PRId64 "%s%s", row->seed,
                 pxs_state_is_lost(row->state) ? ", " : "",
                 pxs_state_is_lost(row->state) ? pxs_state_name(row->state) : "");
    draw_label(s, row->label, middle, seed);
    if (!row->source.pixels) {
        draw_fitting(s, &left, s->width - s->left - EDGE, s->left, middle, row->why);
        return;
    }

    draw_image(s, &row->source, 0, y);
    for (size_t i = 0; i < s->in->n_columns; i++) {
        const struct pxs_sample_cell *cell = &row->cells[i];
        const struct pxs_image *size = &row->source;
        if (!cell->image.pixels) {
            const double x = column_at(s, i + 1) + floor((s->cell_width - size->width) / 2);
            pxs_canvas_fill(s->canvas, &light, x, y, size->width, size->height);
            draw_fitting(s, &small, size->width, x + size->width / 2.0, y + size->height / 2.0,
                         "none");
            continue;
        }
        draw_image(s, &cell->image, i + 1, y);
        if (cell->epoch != s->in->epochs[i]) { /* a picture of another epoch says of which */
            char text[32];
            snprintf(text, sizeof text, "epoch %" PRId64, cell->epoch);
            const double x = column_at(s, i + 1) + s->cell_width / 2,
                         width = pxs_canvas_text_width(s->canvas, &small, text);
            pxs_canvas_fill(s->canvas, &white, x - width / 2 - 2, y + height - 12, width + 4, 12);
            pxs_canvas_text(s->canvas, &small, x, y + height - 6, text);
        }
    }
    draw_image(s, &row->target, s->in->n_columns + 1, y);
}

static enum pxs_status draw(struct sheet *s, enum pxs_picture kind, double scale,
                            struct pxs_drawing *out, struct pxs_error *err) {
    const struct pxs_canvas_options canvas = {.kind = kind,
                                              .width = s->width,
                                              .height = s->height,
                                              .scale = scale,
                                              .title = s->in->sweep};
    if (s->width * scale > PXS_IMAGE_MAX_SIDE || s->height * scale > PXS_IMAGE_MAX_SIDE)
        return pxs_fail(err, PXS_E_INVALID,
                        "a sheet of %.0f x %.0f pixels is too large: choose runs (--where), fewer "
                        "epochs or glyphs",
                        s->width * scale, s->height * scale);
    PXS_TRY(pxs_canvas_create(&canvas, &s->canvas, err));
    draw_heading(s);
    double y = TOP;
    for (size_t i = 0; i < s->in->n_rows; i++) {
        draw_row(s, &s->in->rows[i], y);
        y += row_height(s, &s->in->rows[i]);
    }
    pxs_canvas_lacking(s->canvas, out->lacking, sizeof out->lacking);
    const enum pxs_status status = pxs_canvas_end(s->canvas, &out->data, &out->bytes, err);
    pxs_canvas_destroy(&s->canvas);
    out->width = (int)lround(s->width * scale);
    out->height = (int)lround(s->height * scale);
    out->n_runs = out->n_configurations = s->in->n_rows;
    return status;
}

/* ---- all together --------------------------------------------------------------------------- */

enum { LEAST_SIDE = 16, MOST_SIDE = 256 };

/* The side of a glyph with which n cells of this many glyphs fit into so many units. */
static int side_for(double units, size_t n, size_t glyphs) {
    const double side = (units / (double)n - GAP) / (double)glyphs - 1;
    return side < LEAST_SIDE ? LEAST_SIDE : side > MOST_SIDE ? MOST_SIDE : (int)side;
}

/* Cut for the width that is expected; cut again where the best column comes besides, or that many
 * rows are too high. */
static enum pxs_status read_fitting(struct pxs_store *s, const struct pxs_samples_options *options,
                                    double width, double height, struct pxs_sample_sheet *out,
                                    struct pxs_error *err) {
    struct pxs_samples_options o = *options;
    const size_t shown = o.glyphs > 0 ? o.glyphs : 4;
    size_t across = 1;
    while (across * across < shown)
        across++;
    const size_t columns = o.epochs ? o.n_epochs : o.columns > 0 ? o.columns : 6;
    if (o.side > 0)
        return pxs_samples_read(s, &o, out, err);
    o.side = side_for(width - 250, columns + 2, across);
    PXS_TRY(pxs_samples_read(s, &o, out, err));
    const int high = side_for(height - TOP - EDGE, out->n_rows, (shown + across - 1) / across);
    const int wide =
        out->n_columns > columns ? side_for(width - 250, out->n_columns + 2, across) : o.side;
    const int fitting = high < wide ? high : wide;
    if (fitting >= o.side)
        return PXS_OK;
    o.side = fitting;
    pxs_sample_sheet_finish(out);
    return pxs_samples_read(s, &o, out, err);
}

enum pxs_status pxs_plot_samples(struct pxs_store *s, const struct pxs_samples_options *options,
                                 enum pxs_picture kind, int width, int height,
                                 struct pxs_drawing *out, struct pxs_error *err) {
    /* A PNG is drawn at twice its size where there is room for it. */
    const double scale = kind != PXS_PICTURE_PNG ? 1
                         : width == 0            ? 2
                                                 : fmin(2, fmax(1, width / 1200.0));
    struct pxs_sample_sheet in;
    struct pxs_drawing made = {0};
    double label_width;
    PXS_TRY(read_fitting(s, options, width > 0 ? width / scale : 1200,
                         height > 0 ? height / scale : 1e9, &in, err));
    struct sheet sheet = {.in = &in};
    enum pxs_status status = widest_label(&in, &label_width, err);
    if (status == PXS_OK) {
        measure(&sheet, label_width);
        if ((width > 0 && sheet.width * scale > width) ||
            (height > 0 && sheet.height * scale > height))
            status = pxs_fail(err, PXS_E_INVALID,
                              "%zu rows of %zu pictures do not fit into %d x %d: they need %.0f x "
                              "%.0f (or choose fewer)",
                              in.n_rows, in.n_columns + 2, width, height, ceil(sheet.width * scale),
                              ceil(sheet.height * scale));
        else
            status = draw(&sheet, kind, scale, &made, err);
    }
    pxs_sample_sheet_finish(&in);
    if (status == PXS_OK)
        *out = made;
    return status;
}
