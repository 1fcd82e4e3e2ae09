/* plot: curves by epoch. Title, panels above one another over one axis of epochs, labels, and notes
 * that say what is shown. */
#include "plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Units; MORE_HEIGHT for each panel past the third. */
enum { USUAL_WIDTH = 800, USUAL_HEIGHT = 700, MORE_HEIGHT = 160 };

enum pxs_status pxs_picture_of(const char *path, enum pxs_picture *out, struct pxs_error *err) {
    static const char *const ends[] = {
        [PXS_PICTURE_PNG] = ".png", [PXS_PICTURE_SVG] = ".svg", [PXS_PICTURE_PDF] = ".pdf"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < PXS_COUNT(ends); i++) {
        if (strcasecmp(dot, ends[i]) == 0) {
            *out = (enum pxs_picture)i;
            return PXS_OK;
        }
    }
    return pxs_fail(err, PXS_E_INVALID,
                    "%.200s: the end of the name says what the picture becomes: .png, .svg or .pdf",
                    path);
}

void pxs_drawing_finish(struct pxs_drawing *drawing) {
    free(drawing->data);
    free(drawing->notes);
    *drawing = (struct pxs_drawing){0};
}

/* ---- words ---------------------------------------------------------------------------------- */

static const struct pxs_lettering heading = {.size = 14, .bold = true, .lightness = 0.1};
static const struct pxs_lettering below = {.size = 10, .lightness = 0.35};
static const struct pxs_lettering small = {.size = 8.5, .lightness = 0.35};

static struct pxs_state_counts count_states(const struct pxs_curves *c) {
    struct pxs_state_counts counts = {0};
    for (size_t i = 0; i < c->n_runs; i++)
        counts.of[c->runs[i].state]++;
    return counts;
}

static void put_title(const struct pxs_curves *c, const struct pxs_plot_options *o,
                      struct pxs_text *out) {
    if (o->run_id != 0) {
        pxs_text_add(out, c->runs[0].name);
        return;
    }
    pxs_text_add(out, c->sweep);
    for (size_t i = 0; i < c->n_keys; i++)
        pxs_text_addf(out, "%s%s",
                      i == 0              ? ": by "
                      : i + 1 < c->n_keys ? ", "
                                          : " and ",
                      c->keys[i]);
}

static size_t shown_configurations(const struct pxs_scene *scene) {
    size_t n = 0;
    for (size_t i = 0; i < scene->curves.n_configurations; i++)
        n += pxs_scene_shows(scene, i);
    return n;
}

/* "5 configurations, 15 runs: 12 completed, 2 running, 1 diverged" */
static void put_subtitle(const struct pxs_scene *scene, struct pxs_text *out) {
    static const enum pxs_run_state order[] = {
        PXS_STATE_COMPLETED, PXS_STATE_RUNNING, PXS_STATE_INTERRUPTED, PXS_STATE_QUEUED,
        PXS_STATE_DIVERGED,  PXS_STATE_FAILED,  PXS_STATE_PRUNED,      PXS_STATE_CANCELLED};
    const struct pxs_curves *c = &scene->curves;
    const size_t n = shown_configurations(scene);
    const struct pxs_state_counts counts = count_states(c);
    if (c->n_runs == 1) {
        pxs_text_addf(out, "1 run, %s", pxs_state_name(c->runs[0].state));
        return;
    }
    pxs_text_addf(out, "%zu configuration%s, %zu runs", n, n == 1 ? "" : "s", c->n_runs);
    pxs_state_counts_add(&counts, order, PXS_COUNT(order), ": ", out);
}

/* What lines, bands and shades are. */
static void put_key(const struct pxs_scene *scene, struct pxs_text *out) {
    size_t fewest = SIZE_MAX, most = 0;
    bool shades = false, thin = false;
    for (size_t i = 0; i < scene->curves.n_configurations; i++) {
        const size_t n = scene->curves.configurations[i].n_begun;
        if (n == 0)
            continue;
        fewest = n < fewest ? n : fewest;
        most = n > most ? n : most;
    }
    for (size_t i = 0; i < scene->n_panels; i++) {
        for (size_t k = 0; k < scene->curves.n_configurations; k++) {
            const struct pxs_plot_series *s = &scene->panels[i].all_series[k];
            shades = shades || s->n_envelope > 0;
            thin = thin || s->sure < s->n;
        }
    }
    if (most > 1 && fewest == most)
        pxs_text_addf(out, "Line: mean over %zu runs. Band: from the lowest to the highest run.",
                      most);
    else if (most > 1)
        pxs_text_addf(out,
                      "Line: mean over %zu to %zu runs. Band: from the lowest to the highest run.",
                      fewest, most);
    else if (most == 1)
        pxs_text_add(out, "Line: one run, average of each epoch.");
    if (shades)
        pxs_text_add(out, " Behind it, light: the batches, from the lowest to the highest.");
    if (thin)
        pxs_text_add(out, " Thin line: fewer runs have come so far.");
}

/* ---- the sheet ------------------------------------------------------------------------------ */

struct sheet {
    struct pxs_canvas *canvas;
    struct pxs_scene *scene;
    const struct pxs_plot_options *options;
    struct pxs_frame frame;
    double legend_top, notes_top;
};

static double share_of(const struct pxs_panel *panel) {
    return panel->metric->is_rate ? 0.62 : 1;
}

/* Heights of the panels in the room between top and bottom. */
static double stack(struct sheet *s) {
    double shares = 0, at = s->frame.top, least = INFINITY;
    const double gap = 12,
                 room = s->frame.bottom - s->frame.top - gap * (double)(s->scene->n_panels - 1);
    for (size_t i = 0; i < s->scene->n_panels; i++)
        shares += share_of(&s->scene->panels[i]);
    for (size_t i = 0; i < s->scene->n_panels; i++) {
        struct pxs_panel *panel = &s->scene->panels[i];
        panel->top = at;
        panel->height = room * share_of(panel) / shares;
        panel->y.from = panel->top + panel->height;
        panel->y.to = panel->top;
        at += panel->height + gap;
        least = fmin(least, panel->height);
    }
    return least;
}

/* Labels stand at the lines where they fit; else the panels become wider and a legend stands
 * below. */
static void lay_out(struct sheet *s, size_t n_notes) {
    const struct pxs_lettering how = {.size = 10};
    struct pxs_frame *f = &s->frame;
    const size_t n = shown_configurations(s->scene);
    const double notes = 11.5 * (double)n_notes + 6;
    double widest = 0;
    for (size_t i = 0; i < s->scene->curves.n_configurations; i++) {
        if (pxs_scene_shows(s->scene, i))
            widest = fmax(widest, pxs_canvas_text_width(s->canvas, &how,
                                                        s->scene->curves.configurations[i].label));
    }
    f->left = 66;
    f->top = 50;
    f->label_width = widest + 24; /* with the piece of line before it */
    f->bottom = f->height - 38 - notes;
    f->direct = f->label_width <= 0.3 * f->width && stack(s) >= (double)n * PXS_LABEL_LINE;
    f->right = f->direct ? f->width - f->label_width - 24 : f->width - 14;
    if (!f->direct) {
        const double legend = pxs_legend_height(s->canvas, s->scene, f->right - f->left) + 8;
        f->bottom -= legend;
        stack(s);
        s->legend_top = f->bottom + 38;
    }
    s->notes_top = f->height - notes;
    s->scene->x.from = f->left;
    s->scene->x.to = f->right;
}

static void draw_fitting(struct sheet *s, const struct pxs_lettering *how, double x, double y,
                         const char *text) {
    struct pxs_text fit = {0};
    pxs_canvas_fit(s->canvas, how, s->frame.width - x - 12, text, &fit);
    pxs_canvas_text(s->canvas, how, x, y, pxs_text_str(&fit));
    pxs_text_finish(&fit);
}

/* Marks of lost runs and what they mean, those that occur. */
static void draw_mark_key(struct sheet *s, double y) {
    static const enum pxs_run_state marked[] = {PXS_STATE_DIVERGED, PXS_STATE_FAILED,
                                                PXS_STATE_PRUNED, PXS_STATE_CANCELLED};
    const struct pxs_state_counts counts = count_states(&s->scene->curves);
    const struct pxs_pen pen = pxs_pen_grey(0.25, 1.4);
    double x = s->frame.left + 4;
    for (size_t i = 0; i < PXS_COUNT(marked); i++) {
        const char *name = pxs_state_name(marked[i]);
        if (counts.of[marked[i]] == 0)
            continue;
        pxs_mark_draw(s->canvas, &pen, marked[i], x, y);
        pxs_canvas_text(s->canvas, &small, x + 8, y, name);
        x += 24 + pxs_canvas_text_width(s->canvas, &small, name);
    }
    if (x > s->frame.left + 4)
        pxs_canvas_text(s->canvas, &small, x - 6, y,
                        "(thin lines of their own, in no mean and no band)");
}

static void draw_sheet(struct sheet *s) {
    struct pxs_text title = {0}, subtitle = {0}, key = {0};
    bool marks = false;
    for (size_t i = 0; i < s->scene->n_panels; i++)
        marks = marks || s->scene->panels[i].n_lost_runs > 0;
    put_title(&s->scene->curves, s->options, &title);
    put_subtitle(s->scene, &subtitle);
    put_key(s->scene, &key);
    const struct pxs_curves *curves = &s->scene->curves;
    lay_out(s, (size_t)(key.len > 0) + marks + curves->n_notes);
    draw_fitting(s, &heading, s->frame.left, 18, pxs_text_str(&title));
    draw_fitting(s, &below, s->frame.left, 36, pxs_text_str(&subtitle));
    for (size_t i = 0; i < s->scene->n_panels; i++)
        pxs_panel_draw(s->canvas, s->scene, &s->scene->panels[i], &s->frame,
                       i + 1 == s->scene->n_panels);
    if (!s->frame.direct)
        pxs_legend_draw(s->canvas, s->scene, s->frame.left, s->legend_top,
                        s->frame.right - s->frame.left);
    draw_fitting(s, &small, s->frame.left, s->notes_top + 2, pxs_text_str(&key));
    double y = s->notes_top + 2 + (key.len > 0 ? 11.5 : 0);
    for (size_t i = 0; i < curves->n_notes; i++, y += 11.5)
        draw_fitting(s, &small, s->frame.left, y, curves->notes[i]);
    if (marks)
        draw_mark_key(s, y);
    pxs_text_finish(&title);
    pxs_text_finish(&subtitle);
    pxs_text_finish(&key);
}

static enum pxs_status draw(struct pxs_scene *scene, const struct pxs_plot_options *o,
                            struct pxs_drawing *out, struct pxs_error *err) {
    /* The sheet's units keep their proportions to the picture: letters grow with it. In a small
     * picture legible letters are worth more than air. */
    const int times = o->kind == PXS_PICTURE_PNG ? 2 : 1,
              more = scene->n_panels > 3 ? (int)scene->n_panels - 3 : 0;
    const int height = USUAL_HEIGHT + more * MORE_HEIGHT;
    out->width = o->width > 0 ? o->width : times * USUAL_WIDTH;
    out->height = o->height > 0 ? o->height : times * height;
    double scale = fmin((double)out->width / USUAL_WIDTH, (double)out->height / height);
    if (scale < 0.75)
        scale = fmin(0.75, scale * 1.3);
    struct sheet sheet = {.scene = scene,
                          .options = o,
                          .frame = {.width = out->width / scale, .height = out->height / scale}};
    const struct pxs_canvas_options canvas = {.kind = o->kind,
                                              .width = sheet.frame.width,
                                              .height = sheet.frame.height,
                                              .scale = scale,
                                              .at_ms = scene->at_ms,
                                              .title = scene->curves.sweep};
    PXS_TRY(pxs_canvas_create(&canvas, &sheet.canvas, err));
    draw_sheet(&sheet);
    pxs_canvas_lacking(sheet.canvas, out->lacking, sizeof out->lacking);
    const enum pxs_status status = pxs_canvas_end(sheet.canvas, &out->data, &out->bytes, err);
    pxs_canvas_destroy(&sheet.canvas);
    return status;
}

static enum pxs_status keep_notes(const struct pxs_curves *c, struct pxs_drawing *out,
                                  struct pxs_error *err) {
    struct pxs_text text = {0};
    for (size_t i = 0; i < c->n_notes; i++)
        pxs_text_addf(&text, "%s\n", c->notes[i]);
    const bool failed =
        text.failed || (text.len > 0 && (out->notes = strdup(pxs_text_str(&text))) == NULL);
    pxs_text_finish(&text);
    return failed ? pxs_fail_nomem(err) : PXS_OK;
}

enum pxs_status pxs_plot_curves(struct pxs_store *s, const struct pxs_plot_options *options,
                                struct pxs_drawing *out, struct pxs_error *err) {
    struct pxs_scene scene;
    struct pxs_drawing made = {0};
    PXS_TRY(pxs_scene_make(s, options, &scene, err));
    enum pxs_status status = draw(&scene, options, &made, err);
    if (status == PXS_OK)
        status = keep_notes(&scene.curves, &made, err);
    made.n_runs = scene.curves.n_runs;
    made.n_configurations = shown_configurations(&scene);
    pxs_scene_finish(&scene);
    if (status == PXS_OK)
        *out = made;
    else
        pxs_drawing_finish(&made);
    return status;
}
