/* One panel: grid and axes, envelopes of batches, bands over seeds, mean lines, lost runs to their
 * end, and marks. */
#include "plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- places --------------------------------------------------------------------------------- */

/* Values turned into places on the sheet. */
struct places {
    double *x, *y, *z; /* z: a second line over the same x */
};

static bool make_places(struct places *p, size_t n) {
    p->x = malloc((3 * n + 1) * sizeof *p->x);
    if (!p->x)
        return false; /* the canvas will run out of memory as well and say so */
    p->y = p->x + n;
    p->z = p->x + 2 * n;
    return true;
}

static void put_places(const struct pxs_axis *axis, const double *values, size_t n, double *out) {
    for (size_t i = 0; i < n; i++)
        out[i] = pxs_axis_at(axis, values[i]);
}

static void draw_area(struct pxs_canvas *c, const struct pxs_scene *scene,
                      const struct pxs_panel *panel, const struct pxs_pen *pen, const double *x,
                      const double *low, const double *high, size_t n) {
    struct places p;
    if (n == 0 || !make_places(&p, n))
        return;
    put_places(&scene->x, x, n, p.x);
    put_places(&panel->y, low, n, p.y);
    put_places(&panel->y, high, n, p.z);
    pxs_canvas_area(c, pen, p.x, p.y, p.z, n);
    free(p.x);
}

static void draw_line(struct pxs_canvas *c, const struct pxs_scene *scene,
                      const struct pxs_panel *panel, const struct pxs_pen *pen, const double *x,
                      const double *y, size_t n) {
    struct places p;
    if (n == 0 || !make_places(&p, n))
        return;
    put_places(&scene->x, x, n, p.x);
    put_places(&panel->y, y, n, p.y);
    pxs_canvas_line(c, pen, p.x, p.y, n);
    free(p.x);
}

/* ---- axes ----------------------------------------------------------------------------------- */

static void draw_grid(struct pxs_canvas *c, const struct pxs_scene *scene,
                      const struct pxs_panel *panel, const struct pxs_frame *frame, bool is_last) {
    const struct pxs_pen thin = pxs_pen_grey(0.9, 0.6);
    const struct pxs_lettering right = {.size = 9.5, .anchor = 1, .lightness = 0.25};
    const struct pxs_lettering middle = {.size = 9.5, .anchor = 0.5, .lightness = 0.25};
    struct pxs_tick ticks[PXS_TICKS];
    const double bottom = panel->top + panel->height;
    size_t n = pxs_axis_ticks(&panel->y, 20, ticks);
    for (size_t i = 0; i < n; i++) {
        const double y = pxs_axis_at(&panel->y, ticks[i].value);
        pxs_canvas_segment(c, &thin, frame->left, y, frame->right, y);
        pxs_canvas_text(c, &right, frame->left - 6, y, ticks[i].text);
    }
    n = pxs_axis_ticks(&scene->x, 55, ticks);
    for (size_t i = 0; i < n; i++) {
        const double x = pxs_axis_at(&scene->x, ticks[i].value);
        pxs_canvas_segment(c, &thin, x, panel->top, x, bottom);
        if (is_last)
            pxs_canvas_text(c, &middle, x, bottom + 10, ticks[i].text);
    }
}

static void draw_titles(struct pxs_canvas *c, const struct pxs_panel *panel,
                        const struct pxs_frame *frame, bool is_last) {
    const struct pxs_lettering upright = {
        .size = 10.5, .anchor = 0.5, .upright = true, .lightness = 0.12};
    const struct pxs_lettering middle = {.size = 10.5, .anchor = 0.5, .lightness = 0.12};
    const char *log = panel->y.log ? ", log" : "";
    char title[96];
    snprintf(title, sizeof title, "%s%s", panel->metric->title, log);
    if (pxs_canvas_text_width(c, &upright, title) > panel->height + 8)
        snprintf(title, sizeof title, "%s%s", panel->metric->metric, log);
    pxs_canvas_text(c, &upright, 13, panel->top + panel->height / 2, title);
    if (is_last)
        pxs_canvas_text(c, &middle, (frame->left + frame->right) / 2,
                        panel->top + panel->height + 25, "epoch");
}

/* ---- what is off the scale ------------------------------------------------------------------ */

/* The highest value there is, and where. */
static void find_top(const struct pxs_scene *scene, const struct pxs_panel *panel, double sign,
                     double *x, double *y) {
    *y = -INFINITY;
    *x = 0;
    for (size_t i = 0; i < scene->curves.n_configurations; i++) {
        const struct pxs_plot_series *s = &panel->all_series[i];
        const double *extreme = sign > 0 ? s->most : s->least, *band = sign > 0 ? s->high : s->low;
        for (size_t k = 0; k < s->n_envelope; k++) {
            if (sign * extreme[k] > *y) {
                *y = sign * extreme[k];
                *x = s->at[k];
            }
        }
        for (size_t k = 0; k < s->n && band; k++) {
            if (sign * band[k] > *y) {
                *y = sign * band[k];
                *x = s->x[k];
            }
        }
    }
    for (size_t i = 0; i < panel->n_lost_runs; i++) {
        const struct pxs_plot_lost_run *s = &panel->lost_runs[i];
        for (size_t k = 0; k < s->n; k++) {
            if (sign * s->y[k] > *y) {
                *y = sign * s->y[k];
                *x = s->x[k];
            }
        }
    }
    *y *= sign;
}

static void draw_beyond(struct pxs_canvas *c, const struct pxs_scene *scene,
                        const struct pxs_panel *panel, const struct pxs_frame *frame, double sign) {
    const struct pxs_lettering how = {.size = 8.5, .anchor = 1, .lightness = 0.3};
    const struct pxs_pen white = {.red = 1, .green = 1, .blue = 1, .alpha = 0.8};
    double x, y;
    char text[96];
    find_top(scene, panel, sign, &x, &y);
    snprintf(text, sizeof text, "off the scale: %s %.4g in epoch %.0f",
             sign > 0 ? "up to" : "down to", y, fmax(0, round(x)));
    const double width = pxs_canvas_text_width(c, &how, text);
    const double at = sign > 0 ? panel->top + 8 : panel->top + panel->height - 8;
    pxs_canvas_fill(c, &white, frame->right - 6 - width - 3, at - 6, width + 6, 12);
    pxs_canvas_text(c, &how, frame->right - 6, at, text);
}

/* ---- curves --------------------------------------------------------------------------------- */

void pxs_mark_draw(struct pxs_canvas *c, const struct pxs_pen *pen, enum pxs_run_state state,
                   double x, double y) {
    const double r = 3.5;
    struct pxs_pen solid = *pen;
    solid.dash[0] = 0;
    solid.alpha = 1;
    solid.width = 1.6;
    if (state == PXS_STATE_DIVERGED) {
        pxs_canvas_segment(c, &solid, x - r, y - r, x + r, y + r);
        pxs_canvas_segment(c, &solid, x - r, y + r, x + r, y - r);
    } else if (state == PXS_STATE_PRUNED) {
        pxs_canvas_segment(c, &solid, x, y - r - 1, x, y + r + 1);
    } else {
        pxs_canvas_fill(c, &solid, x - r + 1, y - r + 1, 2 * r - 2, 2 * r - 2);
    }
}

/* A run that is lost: a thin line to its end, and a mark there. */
static void draw_lost_run(struct pxs_canvas *c, const struct pxs_scene *scene,
                          const struct pxs_panel *panel, const struct pxs_plot_lost_run *lost_run) {
    struct pxs_look look;
    size_t last = lost_run->n;
    pxs_look_of(lost_run->configuration, &look);
    const struct pxs_pen pen = pxs_pen_of(&look, 0.75, 0.8);
    draw_line(c, scene, panel, &pen, lost_run->x, lost_run->y, lost_run->n);
    while (last > 0 && isnan(lost_run->y[last - 1]))
        last--;
    if (last == 0)
        return;
    const double low = panel->top + 5, high = panel->top + panel->height - 5;
    const double y = pxs_axis_at(&panel->y, lost_run->y[last - 1]);
    pxs_mark_draw(c, &pen, lost_run->state, pxs_axis_at(&scene->x, lost_run->x[last - 1]),
                  y > high || isnan(y) ? high
                  : y < low            ? low
                                       : y);
}

/* The mean line; thin from where fewer runs have come. */
static void draw_mean(struct pxs_canvas *c, const struct pxs_scene *scene,
                      const struct pxs_panel *panel, const struct pxs_plot_series *s,
                      const struct pxs_look *look) {
    const struct pxs_pen sure =
        pxs_pen_of(look, 1, scene->curves.n_configurations > 14 ? 1.2 : 1.8);
    struct pxs_pen rest = sure;
    draw_line(c, scene, panel, &sure, s->x, s->y, s->sure);
    if (s->sure == s->n)
        return;
    const size_t from = s->sure > 0 ? s->sure - 1 : 0;
    rest.width = 1;
    rest.alpha = 0.8;
    draw_line(c, scene, panel, &rest, s->x + from, s->y + from, s->n - from);
}

/* The ranges of batches, and in front of them the bands over seeds. */
static void draw_shades(struct pxs_canvas *c, const struct pxs_scene *scene,
                        const struct pxs_panel *panel) {
    struct pxs_look look;
    const size_t n = scene->curves.n_configurations;
    const double strength = n <= 3 ? 1 : n <= 8 ? 0.75 : 0.5;
    for (size_t i = 0; i < n; i++) {
        const struct pxs_plot_series *s = &panel->all_series[i];
        pxs_look_of(i, &look);
        const struct pxs_pen shade = pxs_pen_of(&look, 0.16 * strength, 0);
        draw_area(c, scene, panel, &shade, s->at, s->least, s->most, s->n_envelope);
        struct pxs_pen edge = pxs_pen_of(&look, 0.35 * strength, 0.6);
        edge.dash[0] = 0;
        if (s->sparse) {
            draw_line(c, scene, panel, &edge, s->at, s->least, s->n_envelope);
            draw_line(c, scene, panel, &edge, s->at, s->most, s->n_envelope);
        }
    }
    for (size_t i = 0; i < n; i++) {
        const struct pxs_plot_series *s = &panel->all_series[i];
        pxs_look_of(i, &look);
        const struct pxs_pen shade = pxs_pen_of(&look, 0.22 * strength, 0),
                             edge = pxs_pen_of(&look, 0.5, 0.5);
        if (!s->has_band)
            continue;
        draw_area(c, scene, panel, &shade, s->x, s->low, s->high, s->n);
        draw_line(c, scene, panel, &edge, s->x, s->low,
                  s->n); /* bands that lie on each other keep their edges */
        draw_line(c, scene, panel, &edge, s->x, s->high, s->n);
    }
}

void pxs_panel_draw(struct pxs_canvas *c, const struct pxs_scene *scene,
                    const struct pxs_panel *panel, const struct pxs_frame *frame, bool is_last) {
    const struct pxs_pen edge = pxs_pen_grey(0.55, 0.8);
    const double width = frame->right - frame->left;
    struct pxs_look look;
    draw_grid(c, scene, panel, frame, is_last);
    pxs_canvas_clip(c, frame->left, panel->top, width, panel->height);
    draw_shades(c, scene, panel);
    for (size_t i = 0; i < panel->n_lost_runs; i++)
        draw_lost_run(c, scene, panel, &panel->lost_runs[i]);
    for (size_t i = scene->curves.n_configurations; i > 0; i--) {
        pxs_look_of(i - 1, &look);
        draw_mean(c, scene, panel, &panel->all_series[i - 1], &look);
    }
    pxs_canvas_unclip(c);
    pxs_canvas_box(c, &edge, frame->left, panel->top, width, panel->height);
    if (panel->above)
        draw_beyond(c, scene, panel, frame, 1);
    if (panel->below)
        draw_beyond(c, scene, panel, frame, -1);
    draw_titles(c, panel, frame, is_last);
    if (frame->direct)
        pxs_label_panel(c, scene, panel, frame);
}
