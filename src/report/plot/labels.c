/* Which line is whose: labels at the ends of lines, that do not lie on each other, or a legend. */
#include "plot_priv.h"

#include <stdlib.h>

static const struct pxs_lettering lettering = {.size = 10, .lightness = 0.12};
enum { SAMPLE = 16, GAP = 5 }; /* of line before a label, and between the two */

/* ---- spreading ------------------------------------------------------------------------------ */

/* Neighbours that would touch form a block, which lies with its middle at the middle of their
 * wishes. */
struct block {
    double middle;
    size_t n;
};

static double keep_within(double middle, size_t n, double apart, double low, double high) {
    const double half = (double)(n - 1) * apart / 2;
    if (middle + half > high)
        middle = high - half;
    return middle - half < low ? low + half : middle;
}

void pxs_label_spread(double *at, size_t n, double apart, double low, double high) {
    struct block *blocks = calloc(n + 1, sizeof *blocks);
    size_t n_blocks = 0, next = 0;
    if (!blocks)
        return; /* labels that overlap are no reason to fail */
    for (size_t i = 0; i < n; i++) {
        struct block b = {keep_within(at[i], 1, apart, low, high), 1};
        while (n_blocks > 0) {
            const struct block *p = &blocks[n_blocks - 1];
            if (b.middle - p->middle >= (double)(p->n + b.n) / 2 * apart)
                break;
            const size_t both = p->n + b.n;
            const double middle =
                (p->middle * (double)p->n + b.middle * (double)b.n) / (double)both;
            b = (struct block){keep_within(middle, both, apart, low, high), both};
            n_blocks--;
        }
        blocks[n_blocks++] = b;
    }
    for (size_t b = 0; b < n_blocks; b++) {
        for (size_t i = 0; i < blocks[b].n; i++)
            at[next++] = blocks[b].middle + ((double)i - (double)(blocks[b].n - 1) / 2) * apart;
    }
    free(blocks);
}

/* ---- at the ends of lines ------------------------------------------------------------------- */

struct end {
    size_t configuration;
    double x, y; /* of the line, on the sheet */
};

static int by_height(const void *a, const void *b) {
    const struct end *p = a, *q = b;
    if (p->y != q->y)
        return p->y < q->y ? -1 : 1;
    return (p->configuration > q->configuration) - (p->configuration < q->configuration);
}

static double within(double y, const struct pxs_panel *panel) {
    return y < panel->top                   ? panel->top
           : y > panel->top + panel->height ? panel->top + panel->height
                                            : y;
}

/* Where the lines of a configuration end: its mean, or the last of its runs where all are lost. */
static bool find_end(const struct pxs_panel *panel, size_t configuration, double *x, double *y) {
    if (pxs_plot_series_end(&panel->all_series[configuration], x, y))
        return true;
    for (size_t i = panel->n_lost_runs; i > 0; i--) {
        const struct pxs_plot_lost_run *lost_run = &panel->lost_runs[i - 1];
        const struct pxs_plot_series line = {.n = lost_run->n, .x = lost_run->x, .y = lost_run->y};
        if (lost_run->configuration == configuration && pxs_plot_series_end(&line, x, y))
            return true;
    }
    return false;
}

static size_t find_ends(const struct pxs_scene *scene, const struct pxs_panel *panel,
                        struct end *ends) {
    size_t n = 0;
    double x, y;
    for (size_t i = 0; i < scene->curves.n_configurations; i++) {
        if (!find_end(panel, i, &x, &y))
            continue;
        ends[n++] =
            (struct end){i, pxs_axis_at(&scene->x, x), within(pxs_axis_at(&panel->y, y), panel)};
    }
    return n;
}

static void put_label(struct pxs_canvas *c, const struct pxs_scene *scene, size_t configuration,
                      double x, double y, double width) {
    struct pxs_look look;
    struct pxs_text text = {0};
    pxs_look_of(configuration, &look);
    const struct pxs_pen pen = pxs_pen_of(&look, 1, 2);
    pxs_canvas_segment(c, &pen, x, y, x + SAMPLE, y);
    pxs_canvas_fit(c, &lettering, width - SAMPLE - GAP,
                   scene->curves.configurations[configuration].label, &text);
    pxs_canvas_text(c, &lettering, x + SAMPLE + GAP, y, pxs_text_str(&text));
    pxs_text_finish(&text);
}

void pxs_label_panel(struct pxs_canvas *c, const struct pxs_scene *scene,
                     const struct pxs_panel *panel, const struct pxs_frame *frame) {
    const size_t room = scene->curves.n_configurations + 1;
    struct end *ends = calloc(room, sizeof *ends);
    double *at = calloc(room, sizeof *at);
    const size_t n = ends && at ? find_ends(scene, panel, ends) : 0;
    if (n > 0)
        qsort(ends, n, sizeof *ends, by_height);
    for (size_t i = 0; i < n; i++)
        at[i] = ends[i].y;
    if (n > 0)
        pxs_label_spread(at, n, PXS_LABEL_LINE, panel->top + 3, panel->top + panel->height - 3);
    for (size_t i = 0; i < n; i++) {
        struct pxs_look look;
        pxs_look_of(ends[i].configuration, &look);
        struct pxs_pen pen = pxs_pen_of(&look, 0.55, 0.7);
        pen.dash[0] = 0;
        pxs_canvas_segment(c, &pen, ends[i].x + 3, ends[i].y, frame->right + 4, ends[i].y);
        pxs_canvas_segment(c, &pen, frame->right + 4, ends[i].y, frame->right + 14, at[i]);
        put_label(c, scene, ends[i].configuration, frame->right + 15, at[i], frame->label_width);
    }
    free(ends);
    free(at);
}

/* ---- legend --------------------------------------------------------------------------------- */

enum { MOST = 60 }; /* entries; more would not be read */

struct legend {
    size_t shown, left_out;
    double column; /* width */
    size_t columns;
};

static struct legend lay_out(struct pxs_canvas *c, const struct pxs_scene *scene, double width) {
    struct legend l = {.column = 40};
    for (size_t i = 0; i < scene->curves.n_configurations; i++) {
        if (!pxs_scene_shows(scene, i))
            continue;
        if (l.shown == MOST) {
            l.left_out++;
            continue;
        }
        const double w =
            SAMPLE + GAP + 14 +
            pxs_canvas_text_width(c, &lettering, scene->curves.configurations[i].label);
        l.column = w > l.column ? w : l.column;
        l.shown++;
    }
    l.column = l.column > width ? width : l.column;
    l.columns = (size_t)(width / l.column);
    return l;
}

static size_t legend_rows(const struct legend *l) {
    return (l->shown + l->columns - 1) / l->columns;
}

double pxs_legend_height(struct pxs_canvas *c, const struct pxs_scene *scene, double width) {
    const struct legend l = lay_out(c, scene, width);
    return (double)(legend_rows(&l) + (l.left_out > 0)) * PXS_LABEL_LINE;
}

void pxs_legend_draw(struct pxs_canvas *c, const struct pxs_scene *scene, double x, double y,
                     double width) {
    const struct legend l = lay_out(c, scene, width);
    const size_t rows = legend_rows(&l);
    size_t n = 0;
    for (size_t i = 0; i < scene->curves.n_configurations && n < l.shown; i++) {
        if (!pxs_scene_shows(scene, i))
            continue;
        put_label(c, scene, i, x + (double)(n / rows) * l.column,
                  y + ((double)(n % rows) + 0.5) * PXS_LABEL_LINE, l.column - 12);
        n++;
    }
    if (l.left_out > 0) {
        char text[64];
        snprintf(text, sizeof text, "and %zu more", l.left_out);
        pxs_canvas_text(c, &lettering, x, y + ((double)rows + 0.5) * PXS_LABEL_LINE, text);
    }
}
