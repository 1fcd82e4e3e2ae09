/* plots, inside: axes, panels and what stands in them, in the order of the work: scene (numbers),
 * labels, drawing. */
#ifndef PXS_PLOT_PRIV_H
#define PXS_PLOT_PRIV_H

#include "canvas_priv.h"
#include "pixsweep/metrics/axis.h"

/* ---- scene.c -------------------------------------------------------------------------------- */

/* A value of epochs by its name for --metric, or another one; false where there is none of that
 * name. */
bool pxs_plot_metric_find(const char *name, enum pxs_epoch_column *out);

/* What a configuration shows in a panel. Arrays in the scene's arena. */
struct pxs_plot_series {
    size_t n; /* of the line: mean over seeds, with its band */
    double *x, *y, *low, *high;
    size_t sure;   /* so many points at its beginning have all the seeds */
    bool has_band; /* more than one seed */
    bool sparse;   /* so few batches that an area between the lowest and the highest has no body */
    size_t n_envelope;
    double *at, *least, *most; /* of the batches */
};
/* A run that is lost: drawn alone, to its end. */
struct pxs_plot_lost_run {
    size_t configuration;
    enum pxs_run_state state;
    size_t n;
    double *x, *y;
};
struct pxs_panel {
    enum pxs_epoch_column column;
    const struct pxs_epoch_info *metric;
    int batch; /* enum pxs_batch_column that is drawn behind it; -1: it is measured by epoch only */
    struct pxs_plot_series *all_series; /* of each configuration */
    struct pxs_plot_lost_run *lost_runs;
    size_t n_lost_runs;
    struct pxs_axis y;
    bool above, below; /* some values lie outside of the axis */
    double top, height;
};
struct pxs_scene {
    struct pxs_curves curves;
    struct pxs_panel *panels;
    size_t n_panels, n_asked; /* the first of them were asked for, rates follow */
    struct pxs_axis x;
    int64_t at_ms; /* when the sweep was planned */
    struct pxs_arena arena;
};
/* Reads and works out everything that is to be drawn but where. */
PXS_NODISCARD enum pxs_status pxs_scene_make(struct pxs_store *s,
                                             const struct pxs_plot_options *options,
                                             struct pxs_scene *out, struct pxs_error *err);
void pxs_scene_finish(struct pxs_scene *scene);
/* Its last point; false where the strand has none. */
bool pxs_plot_series_end(const struct pxs_plot_series *strand, double *x, double *y);
/* Is the configuration in the picture? */
bool pxs_scene_shows(const struct pxs_scene *scene, size_t configuration);

/* ---- labels.c ------------------------------------------------------------------------------- */

/* Moves n positions, sorted, so that neighbours are `apart` at least and all lie within low ..
 * high, by as little as possible. */
void pxs_label_spread(double *at, size_t n, double apart, double low, double high);

/* Where things are. */
struct pxs_frame {
    double left, right, top, bottom; /* of the panels */
    double width, height;            /* of the sheet */
    bool direct;                     /* labels stand at the ends of lines; else in a legend */
    double label_width;
};
#define PXS_LABEL_LINE 12.5 /* units from one label to the next */
/* Labels at the ends of a panel's lines. */
void pxs_label_panel(struct pxs_canvas *c, const struct pxs_scene *scene,
                     const struct pxs_panel *panel, const struct pxs_frame *frame);
/* Height of a legend in so much width. */
double pxs_legend_height(struct pxs_canvas *c, const struct pxs_scene *scene, double width);
void pxs_legend_draw(struct pxs_canvas *c, const struct pxs_scene *scene, double x, double y,
                     double width);

/* ---- panel.c -------------------------------------------------------------------------------- */

/* Frame, grid, bands, lines and marks of one panel; the ticks of x below it where it is the
 * last. */
void pxs_panel_draw(struct pxs_canvas *c, const struct pxs_scene *scene,
                    const struct pxs_panel *panel, const struct pxs_frame *frame, bool is_last);
/* The mark of a run that ended in this state: a cross, a bar or a square. */
void pxs_mark_draw(struct pxs_canvas *c, const struct pxs_pen *pen, enum pxs_run_state state,
                   double x, double y);

#endif
