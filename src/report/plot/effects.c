/* plot --effects: a panel a key. Of one that varies with all else equal the effects of its values
 * with their intervals, of a drawn one its draws. */
#include "pixsweep/compare/effects.h"
#include "plot_priv.h"

#include <math.h>
#include <string.h>

/* Units. */
enum { USUAL_WIDTH = 800, HEAD = 44, PANEL = 236, FOOT = 22 };
/* y is logarithmic where the highest draw is so many times the lowest: one that came to nothing
 * would press the others flat */
enum { LOG_FROM = 20 };

static const struct pxs_lettering heading = {.size = 14, .bold = true, .lightness = 0.1};
static const struct pxs_lettering title = {.size = 10.5, .bold = true, .lightness = 0.1};
static const struct pxs_lettering small = {.size = 8.5, .lightness = 0.35};
static const struct pxs_lettering right = {.size = 9, .anchor = 1, .lightness = 0.25};
static const struct pxs_lettering middle = {.size = 9, .anchor = 0.5, .lightness = 0.25};

/* Where a panel's frame stands. */
struct box {
    double left, right, top, bottom;
};

static void draw_text(struct pxs_canvas *c, const struct pxs_lettering *how, double x, double y,
                      double width, const char *text) {
    struct pxs_text fit = {0};
    pxs_canvas_fit(c, how, width, text, &fit);
    pxs_canvas_text(c, how, x, y, pxs_text_str(&fit));
    pxs_text_finish(&fit);
}

static void draw_dot(struct pxs_canvas *c, double x, double y, double size) {
    struct pxs_look look;
    pxs_look_of(0, &look);
    look.dash[0] = 0;
    const struct pxs_pen pen = pxs_pen_of(&look, 0.8, size);
    pxs_canvas_line(c, &pen, &x, &y, 1);
}

static void draw_frame(struct pxs_canvas *c, const struct box *b, const struct pxs_axis *y) {
    const struct pxs_pen thin = pxs_pen_grey(0.9, 0.6), frame = pxs_pen_grey(0.5, 0.8);
    struct pxs_tick ticks[PXS_TICKS];
    const size_t n = pxs_axis_ticks(y, 22, ticks);
    for (size_t i = 0; i < n; i++) {
        const double at = pxs_axis_at(y, ticks[i].value);
        pxs_canvas_segment(c, &thin, b->left, at, b->right, at);
        pxs_canvas_text(c, &right, b->left - 5, at, ticks[i].text);
    }
    pxs_canvas_box(c, &frame, b->left, b->top, b->right - b->left, b->bottom - b->top);
}

/* ---- a key that varies by itself ------------------------------------------------------------ */

static double number(const struct pxs_table *t, size_t row, const char *column) {
    const struct pxs_cell cell = pxs_table_at(t, row, column);
    return cell.kind == PXS_CELL_NULL ? NAN : cell.real;
}

static void draw_value(struct pxs_canvas *c, const struct pxs_table *t, size_t row,
                       const char *column, const char *behind, double x, double y, double width) {
    const struct pxs_cell cell = pxs_table_at(t, row, column);
    struct pxs_text text = {0};
    pxs_cell_show(&text, &cell, PXS_SHOW_PLAIN, -1);
    pxs_text_add(&text, behind);
    draw_text(c, &middle, x, y, width, pxs_text_str(&text));
    pxs_text_finish(&text);
}

/* The rows from `row` on that are effects of its key: over pairs, or between draws. */
static size_t count_values(const struct pxs_table *t, size_t row) {
    const struct pxs_cell first = pxs_table_at(t, row, "kind");
    size_t n = 0;
    if (strcmp(first.text, "effect") != 0 && strcmp(first.text, "unpaired") != 0)
        return 0;
    for (; row + n < t->n_rows; n++) {
        const struct pxs_cell kind = pxs_table_at(t, row + n, "kind"),
                              key = pxs_table_at(t, row + n, "key");
        if (strcmp(kind.text, first.text) != 0 ||
            strcmp(key.text, pxs_table_at(t, row, "key").text) != 0)
            break;
    }
    return n;
}

static void draw_effects(struct pxs_canvas *c, const struct pxs_effects *x, size_t row, size_t n,
                         const struct box *b) {
    const struct pxs_table *t = &x->table;
    const struct pxs_pen whisker = pxs_pen_grey(0.35, 1.4), zero = pxs_pen_grey(0.5, 0.9);
    struct pxs_axis y = {.from = b->bottom, .to = b->top};
    const double slot = (b->right - b->left) / (double)(n + 1);
    for (size_t i = 0; i < n; i++) {
        const double effect = number(t, row + i, "effect");
        y.low = fmin(y.low, fmin(effect, number(t, row + i, "ci_low")));
        y.high = fmax(y.high, fmax(effect, number(t, row + i, "ci_high")));
    }
    const double room = y.high > y.low ? 0.08 * (y.high - y.low) : 1;
    y.low -= room;
    y.high += room;
    draw_frame(c, b, &y);
    pxs_canvas_segment(c, &zero, b->left, pxs_axis_at(&y, 0), b->right, pxs_axis_at(&y, 0));
    draw_dot(c, b->left + slot / 2, pxs_axis_at(&y, 0), 4);
    draw_value(c, t, row, "reference", "", b->left + slot / 2, b->bottom + 12, slot - 4);
    for (size_t i = 0; i < n; i++) {
        const double at = b->left + ((double)i + 1.5) * slot, low = number(t, row + i, "ci_low");
        if (!isnan(low))
            pxs_canvas_segment(c, &whisker, at, pxs_axis_at(&y, low), at,
                               pxs_axis_at(&y, number(t, row + i, "ci_high")));
        if (!isnan(number(t, row + i, "effect")))
            draw_dot(c, at, pxs_axis_at(&y, number(t, row + i, "effect")), 7);
        draw_value(c, t, row + i, "value", "", at, b->bottom + 12, slot - 4);
        const bool pairs = !isnan(number(t, row + i, "pairs"));
        draw_value(c, t, row + i, pairs ? "pairs" : "n",
                   !pairs                             ? " draws"
                   : number(t, row + i, "pairs") == 1 ? " pair"
                                                      : " pairs",
                   at, b->bottom + 25, slot - 4);
    }
}

/* ---- a drawn key ---------------------------------------------------------------------------- */

static void draw_scatter(struct pxs_canvas *c, const struct pxs_scatter *s, const struct box *b) {
    const struct pxs_pen thin = pxs_pen_grey(0.9, 0.6);
    struct pxs_tick ticks[PXS_TICKS];
    struct pxs_axis x = {.low = INFINITY,
                         .high = -INFINITY,
                         .whole = true,
                         .from = b->left,
                         .to = b->right},
                    y = {.low = INFINITY, .high = -INFINITY, .from = b->bottom, .to = b->top};
    for (size_t i = 0; i < s->n; i++) {
        x.low = fmin(x.low, s->x[i]);
        x.high = fmax(x.high, s->x[i]);
        x.whole = x.whole && s->x[i] == floor(s->x[i]);
        y.low = fmin(y.low, s->y[i]);
        y.high = fmax(y.high, s->y[i]);
    }
    x.log = s->log && x.low > 0;
    y.log = y.low > 0 && y.high >= LOG_FROM * y.low;
    for (struct pxs_axis *axis = &x;; axis = &y) {
        const double apart = axis->high > axis->low ? axis->high - axis->low : 1;
        const double room = axis->log ? pow(axis->high / axis->low, 0.06) : 0.06 * apart;
        axis->low = axis->log ? axis->low / room : axis->low - room;
        axis->high = axis->log ? axis->high * room : axis->high + room;
        if (axis == &y)
            break;
    }
    draw_frame(c, b, &y);
    const size_t n = pxs_axis_ticks(&x, 50, ticks);
    for (size_t i = 0; i < n; i++) {
        const double at = pxs_axis_at(&x, ticks[i].value);
        pxs_canvas_segment(c, &thin, at, b->top, at, b->bottom);
        pxs_canvas_text(c, &middle, at, b->bottom + 12, ticks[i].text);
    }
    for (size_t i = 0; i < s->n; i++)
        draw_dot(c, pxs_axis_at(&x, s->x[i]), pxs_axis_at(&y, s->y[i]), 5);
}

/* ---- the sheet ------------------------------------------------------------------------------ */

/* Panels, at most; draws them where there is a canvas. */
static size_t draw_panels(struct pxs_canvas *c, const struct pxs_effects *x, double width,
                          size_t columns) {
    size_t panels = 0;
    const double column = width / (double)columns;
    for (size_t row = 0, next; row < x->table.n_rows + x->n_scatters; row = next) {
        const bool drawn = row >= x->table.n_rows;
        const size_t n = drawn ? 1 : count_values(&x->table, row);
        const struct pxs_scatter *s = drawn ? &x->scatters[row - x->table.n_rows] : NULL;
        next = row + (n > 0 ? n : 1);
        if (n == 0 || (drawn && s->n == 0))
            continue;
        const double left = (double)(panels % columns) * column,
                     top = HEAD + (double)(panels / columns) * PANEL;
        const struct box box = {left + 62, left + column - 14, top + 24, top + PANEL - 40};
        panels++;
        if (!c)
            continue;
        struct pxs_text words = {0};
        pxs_text_add(&words, drawn ? s->key : pxs_table_at(&x->table, row, "key").text);
        if (drawn && !isnan(s->rank.rho))
            pxs_text_addf(&words, ": rank correlation %.2f over %zu draws%s", s->rank.rho, s->n,
                          s->guessed ? " (a guess)" : "");
        draw_text(c, &title, box.left, top + 10, box.right - box.left, pxs_text_str(&words));
        pxs_text_finish(&words);
        if (drawn)
            draw_scatter(c, s, &box);
        else
            draw_effects(c, x, row, n, &box);
    }
    return panels;
}

static void draw_words(struct pxs_canvas *c, const struct pxs_effects *x, double width,
                       double height) {
    struct pxs_text words = {0};
    pxs_text_addf(&words, "%s: what each key does to %s (%s is better)", x->sweep, x->metric,
                  x->higher_is_better ? "more" : "less");
    draw_text(c, &heading, 62, 18, width - 74, pxs_text_str(&words));
    pxs_text_clear(&words);
    for (size_t row = 0; row < x->table.n_rows && words.len == 0; row++) {
        if (count_values(&x->table, row) > 0)
            pxs_text_add(&words,
                         "Effects against the first value, with 95 % interval: means over pairs of "
                         "runs that differ in the key alone, or differences between draws. ");
    }
    if (x->n_scatters > 0)
        pxs_text_add(&words, "Dots: a draw each, its mean over its seeds.");
    draw_text(c, &small, 62, height - 12, width - 74, pxs_text_str(&words));
    pxs_text_finish(&words);
}

static enum pxs_status draw(const struct pxs_effects *x, int64_t at_ms, enum pxs_picture kind,
                            int width, int height, struct pxs_drawing *out, struct pxs_error *err) {
    const size_t panels = draw_panels(NULL, x, USUAL_WIDTH, 1);
    if (panels == 0)
        return pxs_fail(err, PXS_E_NOT_FOUND, "there is no effect to draw: %s", x->verdict);
    const size_t columns = panels > 1 ? 2 : 1, rows = (panels + columns - 1) / columns;
    const int times = kind == PXS_PICTURE_PNG ? 2 : 1, usual = HEAD + (int)rows * PANEL + FOOT;
    struct pxs_canvas *c = NULL;
    out->width = width > 0 ? width : times * USUAL_WIDTH;
    out->height = height > 0 ? height : times * usual;
    const double scale = fmin((double)out->width / USUAL_WIDTH, (double)out->height / usual);
    const struct pxs_canvas_options canvas = {.kind = kind,
                                              .width = out->width / scale,
                                              .height = out->height / scale,
                                              .scale = scale,
                                              .at_ms = at_ms,
                                              .title = x->sweep};
    PXS_TRY(pxs_canvas_create(&canvas, &c, err));
    draw_words(c, x, canvas.width, canvas.height);
    draw_panels(c, x, canvas.width, columns);
    pxs_canvas_lacking(c, out->lacking, sizeof out->lacking);
    const enum pxs_status status = pxs_canvas_end(c, &out->data, &out->bytes, err);
    pxs_canvas_destroy(&c);
    out->n_configurations = panels;
    out->n_runs = x->n_counted;
    return status;
}

enum pxs_status pxs_plot_effects(struct pxs_store *s, const struct pxs_compare_options *options,
                                 enum pxs_picture kind, int width, int height,
                                 struct pxs_drawing *out, struct pxs_error *err) {
    struct pxs_drawing made = {0};
    struct pxs_effects x;
    struct pxs_table t = {0};
    int64_t sweep_id;
    PXS_TRY(pxs_effects(s, options, &x, err));
    enum pxs_status status = pxs_store_find_sweep(s, options->sweep, &sweep_id, err);
    if (status == PXS_OK) {
        const struct pxs_cell id = pxs_cell_int(sweep_id);
        status = pxs_store_select(s, "SELECT created_ms FROM sweep WHERE sweep_id = ?1", &id, 1, &t,
                                  err);
    }
    if (status == PXS_OK)
        status =
            draw(&x, pxs_table_at(&t, 0, "created_ms").integer, kind, width, height, &made, err);
    pxs_table_finish(&t);
    pxs_effects_finish(&x);
    if (status == PXS_OK)
        *out = made;
    else
        pxs_drawing_finish(&made);
    return status;
}
