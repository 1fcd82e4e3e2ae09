/* What a plot shows, as numbers: which panels, and in each the lines, bands and envelopes of the
 * configurations. */
#include "plot_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Parts into which a run's steps are cut, and of the axis for envelopes: finer would not be
 * seen. */
enum { BUCKETS = 300 };

/* Short names, and those that `compare` has for the same. */
static const char *const other_names[][2] = {
    {"psnr", "val_psnr"},          {"ssim", "val_ssim"},           {"val", "val_loss"},
    {"best_val_loss", "val_loss"}, {"final_val_loss", "val_loss"}, {"final_avg_loss_G", "loss_G"},
    {"avg_D_real", "D_real"},      {"avg_D_fake", "D_fake"},       {"lr", "lr_G"},
    {"l1", "loss_pixel"},
};

bool pxs_plot_metric_find(const char *name, enum pxs_epoch_column *out) {
    for (size_t i = 0; i < PXS_COUNT(other_names); i++) {
        if (strcasecmp(other_names[i][0], name) == 0)
            name = other_names[i][1];
    }
    for (int c = 0; c < PXS_EPOCH_N; c++) {
        const struct pxs_epoch_info *info = pxs_epoch_info((enum pxs_epoch_column)c);
        if (info->rank == 0 ||
            (strcasecmp(info->metric, name) != 0 && strcasecmp(info->name, name) != 0))
            continue;
        *out = (enum pxs_epoch_column)c;
        return true;
    }
    return false;
}

/* The rates last. */
static enum pxs_status no_such_metric(const char *name, struct pxs_error *err) {
    struct pxs_text names = {0};
    const char *words[PXS_EPOCH_N + PXS_COUNT(other_names)];
    size_t n = 0;
    for (int rates = 0; rates < 2; rates++) {
        for (int c = 0; c < PXS_EPOCH_N; c++) {
            const struct pxs_epoch_info *info = pxs_epoch_info((enum pxs_epoch_column)c);
            if (info->rank > 0 && info->is_rate == (rates == 1))
                words[n++] = info->metric;
        }
    }
    for (size_t i = 0; i < n; i++)
        pxs_text_addf(&names, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " and ", words[i]);
    for (size_t i = 0; i < PXS_COUNT(other_names); i++)
        words[n++] = other_names[i][0];
    const char *near = pxs_nearest_word(name, words, n);
    const enum pxs_status status = pxs_fail(
        err, PXS_E_INVALID, "--metric: there is no '%.60s'%s%s%s; there are %s", name,
        near ? ", did you mean " : "", near ? near : "", near ? "?" : "", pxs_text_str(&names));
    pxs_text_finish(&names);
    return status;
}

/* ---- which panels --------------------------------------------------------------------------- */

static enum pxs_status add_panel(struct pxs_scene *scene, const char *name, struct pxs_error *err) {
    enum pxs_epoch_column column;
    if (!pxs_plot_metric_find(name, &column))
        return no_such_metric(name, err);
    for (size_t i = 0; i < scene->n_panels; i++) {
        if (scene->panels[i].column == column)
            return PXS_OK;
    }
    struct pxs_panel *panel = &scene->panels[scene->n_panels++];
    panel->column = column;
    panel->metric = pxs_epoch_info(column);
    panel->batch = pxs_epoch_behind(column);
    return PXS_OK;
}

static enum pxs_status choose_panels(struct pxs_scene *scene, const struct pxs_plot_options *o,
                                     struct pxs_error *err) {
    static const char *const usual[] = {"loss_G", "val_loss"};
    const char *const *names = o->metrics ? o->metrics : usual;
    const size_t n = o->metrics ? o->n_metrics : PXS_COUNT(usual);
    scene->panels = pxs_arena_alloc(&scene->arena, (PXS_EPOCH_N + 1) * sizeof *scene->panels);
    if (!scene->panels)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < n; i++)
        PXS_TRY(add_panel(scene, names[i], err));
    scene->n_asked = scene->n_panels;
    PXS_TRY(add_panel(scene, "lr_G", err));
    return add_panel(scene, "lr_D", err);
}

/* ---- envelopes of batches ------------------------------------------------------------------- */

/* Of the runs that are not lost. Parts of the axis without a step are left out, so that few long
 * epochs make one area, too. */
static enum pxs_status make_envelope(struct pxs_scene *scene, size_t configuration, int column,
                                     struct pxs_plot_series *out, struct pxs_error *err) {
    double least[BUCKETS], most[BUCKETS];
    const double first = scene->x.low, last = scene->x.high;
    int64_t steps = 0;
    for (int i = 0; i < BUCKETS; i++)
        least[i] = most[i] = NAN;
    for (size_t i = 0; i < scene->curves.n_runs; i++) {
        const struct pxs_run_curves *run = &scene->curves.runs[i];
        if (run->configuration != configuration || pxs_state_is_lost(run->state))
            continue;
        const struct pxs_curve *curve = &run->batch[column];
        for (size_t k = 0; k < curve->n; k++) {
            if (isnan(curve->y[k]))
                continue;
            const double part = (curve->x[k] - first) / (last - first) * BUCKETS;
            const int at = part < 0 ? 0 : part >= BUCKETS ? BUCKETS - 1 : (int)part;
            least[at] = fmin(least[at], curve->y[k]);
            most[at] = fmax(most[at], curve->y[k]);
        }
        steps = run->steps > steps ? run->steps : steps;
    }
    out->sparse = steps < 4 * BUCKETS;
    double *numbers = pxs_arena_alloc(&scene->arena, 3 * BUCKETS * sizeof *numbers);
    if (!numbers)
        return pxs_fail_nomem(err);
    out->at = numbers;
    out->least = numbers + BUCKETS;
    out->most = numbers + 2 * BUCKETS;
    for (int i = 0; i < BUCKETS; i++) {
        if (isnan(least[i]))
            continue;
        out->at[out->n_envelope] = first + (i + 0.5) * (last - first) / BUCKETS;
        out->least[out->n_envelope] = least[i];
        out->most[out->n_envelope++] = most[i];
    }
    return PXS_OK;
}

/* ---- series ---------------------------------------------------------------------------------- */

static void show_band(struct pxs_plot_series *out, const struct pxs_band *band) {
    int64_t most = 0;
    *out = (struct pxs_plot_series){
        .n = band->n, .x = band->x, .y = band->mean, .low = band->min, .high = band->max};
    for (size_t i = 0; i < band->n; i++)
        most = band->runs[i] > most ? band->runs[i] : most;
    out->has_band = most > 1;
    for (out->sure = band->n; out->sure > 0 && band->runs[out->sure - 1] < most;)
        out->sure--;
}

/* A rate that keeps still for several points and then changes is drawn in steps, one that always
 * changes as a line. The thinned points have the first step of each new rate. */
static enum pxs_status show_steps(struct pxs_scene *scene, const struct pxs_curve *from,
                                  struct pxs_plot_series *out, struct pxs_error *err) {
    struct pxs_curve curve;
    size_t n = 0, changes = 0;
    PXS_TRY(pxs_curve_make(&curve, 2 * from->n, &scene->arena, err));
    for (size_t i = 1; i < from->n; i++)
        changes += from->y[i] != from->y[i - 1];
    for (size_t i = 0; i < from->n; i++) {
        if (i > 0 && from->y[i] != from->y[i - 1] && 3 * changes < from->n) {
            curve.x[n] = from->x[i];
            curve.y[n++] = from->y[i - 1];
        }
        curve.x[n] = from->x[i];
        curve.y[n++] = from->y[i];
    }
    *out = (struct pxs_plot_series){.n = n, .sure = n, .x = curve.x, .y = curve.y};
    return PXS_OK;
}

/* The rate is a plan, not a measurement: one run of the configuration shows it, the one that came
 * furthest. */
static enum pxs_status show_rate(struct pxs_scene *scene, size_t configuration,
                                 const struct pxs_panel *panel, struct pxs_plot_series *out,
                                 struct pxs_error *err) {
    const struct pxs_run_curves *best = NULL;
    for (size_t i = 0; i < scene->curves.n_runs; i++) {
        const struct pxs_run_curves *run = &scene->curves.runs[i];
        if (run->configuration == configuration && (!best || run->last_epoch > best->last_epoch))
            best = run;
    }
    if (!best)
        return PXS_OK;
    const struct pxs_curve *curve = &best->batch[panel->batch];
    return show_steps(scene, curve->n > 0 ? curve : &best->epoch[panel->column], out, err);
}

static enum pxs_status add_lost_runs(struct pxs_scene *scene, struct pxs_panel *panel,
                                     struct pxs_error *err) {
    const struct pxs_curves *c = &scene->curves;
    panel->lost_runs = pxs_arena_alloc(&scene->arena, (c->n_runs + 1) * sizeof *panel->lost_runs);
    if (!panel->lost_runs)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < c->n_runs && !panel->metric->is_rate; i++) {
        const struct pxs_run_curves *run = &c->runs[i];
        const struct pxs_curve *curve =
            panel->batch >= 0 ? &run->batch[panel->batch] : &run->epoch[panel->column];
        if (pxs_state_is_lost(run->state) && curve->n > 0)
            panel->lost_runs[panel->n_lost_runs++] = (struct pxs_plot_lost_run){
                run->configuration, run->state, curve->n, curve->x, curve->y};
    }
    return PXS_OK;
}

static enum pxs_status fill_panel(struct pxs_scene *scene, struct pxs_panel *panel,
                                  struct pxs_error *err) {
    const size_t n = scene->curves.n_configurations;
    panel->all_series = pxs_arena_alloc(&scene->arena, (n + 1) * sizeof *panel->all_series);
    if (!panel->all_series)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        struct pxs_plot_series *series = &panel->all_series[i];
        if (panel->metric->is_rate) {
            PXS_TRY(show_rate(scene, i, panel, series, err));
            continue;
        }
        show_band(series, &scene->curves.configurations[i].band[panel->column]);
        if (panel->batch >= 0)
            PXS_TRY(make_envelope(scene, i, panel->batch, series, err));
    }
    return add_lost_runs(scene, panel, err);
}

bool pxs_plot_series_end(const struct pxs_plot_series *series, double *x, double *y) {
    for (size_t i = series->n; i > 0; i--) {
        if (!isnan(series->y[i - 1])) {
            *x = series->x[i - 1];
            *y = series->y[i - 1];
            return true;
        }
    }
    if (series->n_envelope == 0)
        return false;
    *x = series->at[series->n_envelope - 1]; /* in its first epoch */
    *y = (series->least[series->n_envelope - 1] + series->most[series->n_envelope - 1]) / 2;
    return true;
}

bool pxs_scene_shows(const struct pxs_scene *scene, size_t configuration) {
    double x, y;
    for (size_t i = 0; i < scene->n_panels; i++) {
        const struct pxs_panel *panel = &scene->panels[i];
        if (pxs_plot_series_end(&panel->all_series[configuration], &x, &y))
            return true;
        for (size_t k = 0; k < panel->n_lost_runs; k++) {
            if (panel->lost_runs[k].configuration == configuration)
                return true;
        }
    }
    return false;
}

/* ---- ranges --------------------------------------------------------------------------------- */

static enum pxs_status find_range(const struct pxs_scene *scene, struct pxs_panel *panel, bool *any,
                                  struct pxs_error *err) {
    size_t room = 1;
    for (size_t i = 0; i < scene->curves.n_configurations; i++)
        room += 3 * panel->all_series[i].n + 2 * panel->all_series[i].n_envelope;
    for (size_t i = 0; i < panel->n_lost_runs; i++)
        room += panel->lost_runs[i].n;
    double *values = malloc(room * sizeof *values);
    if (!values)
        return pxs_fail_nomem(err);

    /* Everything that is drawn. */
    size_t n = 0;
    for (size_t i = 0; i < scene->curves.n_configurations; i++) {
        const struct pxs_plot_series *s = &panel->all_series[i];
        for (size_t k = 0; k < s->n; k++) {
            values[n++] = s->y[k];
            values[n++] = s->has_band ? s->low[k] : NAN;
            values[n++] = s->has_band ? s->high[k] : NAN;
        }
        for (size_t k = 0; k < s->n_envelope; k++) {
            values[n++] = s->least[k];
            values[n++] = s->most[k];
        }
    }
    for (size_t i = 0; i < panel->n_lost_runs; i++) {
        for (size_t k = 0; k < panel->lost_runs[i].n; k++)
            values[n++] = panel->lost_runs[i].y[k];
    }

    /* An axis of rates has a decade at least, so that a small change does not look like a large
     * one. */
    *any = pxs_axis_range(&panel->y, values, n, &panel->above, &panel->below);
    if (*any && panel->metric->is_rate && panel->y.high < 12 * panel->y.low)
        panel->y.low = panel->y.high / 12;
    free(values);
    return PXS_OK;
}

/* Do the rates of this panel differ between configurations? */
static bool rates_differ(const struct pxs_scene *scene, const struct pxs_panel *panel) {
    double low = NAN, high = NAN;
    for (size_t i = 0; i < scene->curves.n_configurations; i++) {
        const struct pxs_plot_series *s = &panel->all_series[i];
        double least = NAN, most = NAN;
        for (size_t k = 0; k < s->n; k++) {
            least = fmin(least, s->y[k]);
            most = fmax(most, s->y[k]);
        }
        if (isnan(least))
            continue;
        if (!isnan(low) && (least != low || most != high))
            return true;
        low = least;
        high = most;
    }
    return false;
}

/* ---- all together --------------------------------------------------------------------------- */

/* A metric of which no run has a value is left out, unless it was asked for by name. */
static enum pxs_status fill_panels(struct pxs_scene *scene, const struct pxs_plot_options *o,
                                   struct pxs_error *err) {
    size_t kept = 0;
    bool any = false;
    for (size_t i = 0; i < scene->n_panels; i++) {
        struct pxs_panel *panel = &scene->panels[kept];
        *panel = (struct pxs_panel){.column = scene->panels[i].column,
                                    .metric = scene->panels[i].metric,
                                    .batch = scene->panels[i].batch};
        panel->y.log = panel->metric->is_rate || o->log;
        PXS_TRY(fill_panel(scene, panel, err));
        PXS_TRY(find_range(scene, panel, &any, err));
        if (!any && o->metrics && i < scene->n_asked)
            return pxs_fail(err, PXS_E_NOT_FOUND, "%s: no run has a value of %s%s yet",
                            scene->curves.sweep, panel->metric->metric, o->log ? " above 0" : "");
        /* D's rate is mostly the same everywhere, and then says nothing. */
        if (any && i >= scene->n_asked && panel->column == PXS_EPOCH_lr_D &&
            !rates_differ(scene, panel))
            any = false;
        kept += any;
    }
    scene->n_panels = kept;
    if (kept == 0 || (scene->panels[0].metric->is_rate && !o->metrics))
        return pxs_fail(err, PXS_E_NOT_FOUND,
                        "%s has nothing to draw yet: none of its %zu run%s has made a step "
                        "(pixsweep ls --sweep %s)",
                        scene->curves.sweep, scene->curves.n_runs,
                        scene->curves.n_runs == 1 ? "" : "s", scene->curves.sweep);
    return PXS_OK;
}

static enum pxs_status read_curves(struct pxs_store *s, struct pxs_scene *scene,
                                   const struct pxs_plot_options *o, struct pxs_error *err) {
    struct pxs_curves_options options = {.sweep = o->sweep,
                                         .more = o->more,
                                         .n_more = o->n_more,
                                         .by = o->by,
                                         .n_by = o->n_by,
                                         .run_id = o->run_id,
                                         .where = o->where,
                                         .buckets = BUCKETS,
                                         .meter = o->meter};
    for (size_t i = 0; i < scene->n_panels; i++) {
        if (scene->panels[i].batch >= 0)
            options.batch_columns |= 1u << scene->panels[i].batch;
    }
    PXS_TRY(pxs_curves_read(s, &options, &scene->curves, err));
    if (scene->curves.n_runs == 0)
        return pxs_fail(err, PXS_E_NOT_FOUND, "%s has no such run", scene->curves.sweep);
    const struct pxs_cell id = pxs_cell_int(scene->curves.sweep_id);
    struct pxs_table t = {0};
    PXS_TRY(
        pxs_store_select(s, "SELECT created_ms FROM sweep WHERE sweep_id = ?1", &id, 1, &t, err));
    scene->at_ms = pxs_table_at(&t, 0, "created_ms").integer;
    pxs_table_finish(&t);
    return PXS_OK;
}

/* Where lines are means over different numbers of runs, each says over how many. */
static enum pxs_status label_numbers(struct pxs_scene *scene, struct pxs_error *err) {
    size_t fewest = SIZE_MAX, most = 0;
    for (size_t i = 0; i < scene->curves.n_configurations; i++) {
        const size_t n = scene->curves.configurations[i].n_begun;
        if (!pxs_scene_shows(scene, i))
            continue;
        fewest = n < fewest ? n : fewest;
        most = n > most ? n : most;
    }
    for (size_t i = 0; i < scene->curves.n_configurations && fewest < most; i++) {
        struct pxs_configuration *c = &scene->curves.configurations[i];
        c->label = pxs_arena_printf(&scene->curves.arena, "%s (n = %zu)", c->label, c->n_begun);
        if (!c->label)
            return pxs_fail_nomem(err);
    }
    return PXS_OK;
}

enum pxs_status pxs_scene_make(struct pxs_store *s, const struct pxs_plot_options *options,
                               struct pxs_scene *out, struct pxs_error *err) {
    struct pxs_scene scene = {.x = {.low = -0.5, .high = 0.5, .whole = true}};
    enum pxs_status status = choose_panels(&scene, options, err);
    if (status == PXS_OK)
        status = read_curves(s, &scene, options, err);

    /* The axis of epochs reaches to the end of the run that came furthest. */
    for (size_t i = 0; status == PXS_OK && i < scene.curves.n_runs; i++) {
        const struct pxs_run_curves *run = &scene.curves.runs[i];
        double end = (double)run->last_epoch + 0.5;
        if (run->batches_per_epoch > 0)
            end = fmax(end, (double)run->steps / (double)run->batches_per_epoch - 0.5);
        scene.x.high = fmax(scene.x.high, end);
    }
    if (status == PXS_OK)
        status = fill_panels(&scene, options, err);
    if (status == PXS_OK)
        status = label_numbers(&scene, err);
    if (status != PXS_OK)
        pxs_scene_finish(&scene);
    else
        *out = scene;
    return status;
}

void pxs_scene_finish(struct pxs_scene *scene) {
    pxs_curves_finish(&scene->curves);
    pxs_arena_finish(&scene->arena);
    *scene = (struct pxs_scene){0};
}
