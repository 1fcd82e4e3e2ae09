/* report: results for people and for programs. Any table as aligned text, CSV or JSON; statistics over seeds; and the
 * answers of ls, show and compare. Everything goes into a caller's pxs_text or sink; nothing is printed here, and no
 * function keeps state. A table on a terminal rounds numbers and may shorten text; CSV and JSON carry every digit. */
#ifndef PIXSWEEP_REPORT_H
#define PIXSWEEP_REPORT_H

#include "pixsweep/base.h"
#include "pixsweep/image.h"
#include "pixsweep/store.h"

/* ---- tables ---------------------------------------------------------------------------------------------- */

enum pxs_format {
    PXS_FORMAT_TABLE,
    PXS_FORMAT_CSV,
    PXS_FORMAT_JSON,
    PXS_FORMAT_JSONL,
    PXS_FORMAT_CSV_SAFE /* CSV whose texts no spreadsheet takes for a formula: an apostrophe before those that begin like one */
};

/* How a column looks in PXS_FORMAT_TABLE. CSV and JSON always have every column, by its name, unrounded. */
enum pxs_show {
    PXS_SHOW_PLAIN,     /* reals with six significant digits */
    PXS_SHOW_FIXED,     /* reals of the column share their decimals: four significant digits of the largest */
    PXS_SHOW_SHORT,     /* reals with three significant digits */
    PXS_SHOW_DURATION,  /* seconds as "4 m 10 s" */
    PXS_SHOW_TIME,      /* UTC milliseconds as "2026-05-04 13:37:05" */
    PXS_SHOW_BYTES,     /* "1.4 MB" */
    PXS_SHOW_PLUSMINUS, /* joined to the FIXED column before it: "0.2613 ± 0.0021"; nothing where NULL */
    PXS_SHOW_TO,        /* joined to the FIXED column before it: "0.2590 to 0.2636"; nothing where NULL */
    PXS_SHOW_ARROW,     /* joined to the column before it: "0.0001 -> 2.5e-5"; nothing where NULL */
    PXS_SHOW_RATIO,     /* "1/4" where it is one over a whole number */
    PXS_SHOW_MARK,      /* "!" where the value is 0, nothing otherwise */
    PXS_SHOW_TICK,      /* "*" where the value is not 0, nothing otherwise */
    PXS_SHOW_BOOLEAN,   /* "true" where an integer is not 0, else "false" */
    PXS_SHOW_HIDDEN     /* not in tables */
};
/* BOOLEAN for the name of a boolean hyperparameter, else PLAIN. */
enum pxs_show pxs_show_of_key(const char *key);
struct pxs_column {
    const char *title; /* in tables; NULL = the column's name */
    enum pxs_show show;
};

/* A table of NULL cells to be filled by pxs_table_set. `names` are borrowed. */
PXS_NODISCARD enum pxs_status pxs_table_make(struct pxs_table *table, const char *const *names,
                                             size_t n_columns, size_t n_rows, struct pxs_error *err);
void pxs_table_set(struct pxs_table *table, size_t row, size_t column, struct pxs_cell cell);

/* Appends the whole table. `columns`: n_columns of them, or NULL for PXS_SHOW_PLAIN throughout. `width`: columns of the
 * terminal, to which long text is shortened in tables; 0 = never. TABLE: a header, a rule, a line a row; NULL is empty;
 * line ends and control characters in cells are escaped. CSV: RFC 4180 with \n; NULL is empty and an empty text is "".
 * JSON: an array of objects, a row a line (JSONL: the objects alone); a column name that comes twice gets _2; NaN and infinity are null; text is UTF-8 whatever
 * the cell holds. PXS_E_NOMEM. */
PXS_NODISCARD enum pxs_status pxs_report_table(const struct pxs_table *table,
                                               const struct pxs_column *columns, enum pxs_format format,
                                               int width, struct pxs_text *out, struct pxs_error *err);

/* Where a stream's text goes; a failure ends the stream and is passed on. */
struct pxs_sink {
    enum pxs_status (*write)(void *user, const char *text, size_t bytes, struct pxs_error *err);
    void *user;
};

/* A result row by row, for pxs_store_query(..., pxs_rows_row, stream, err): CSV, JSON and JSONL pass through in constant
 * memory; TABLE is collected until the end, since widths depend on every row. */
struct pxs_rows;
PXS_NODISCARD enum pxs_status pxs_rows_create(enum pxs_format format, int width, struct pxs_sink sink,
                                              struct pxs_rows **out, struct pxs_error *err);
enum pxs_status pxs_rows_row(void *stream, const char *const *columns, const struct pxs_cell *cells, size_t n,
                             struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_rows_end(struct pxs_rows *stream, struct pxs_error *err);
void pxs_rows_destroy(struct pxs_rows **stream); /* NULL and *NULL are fine; nulls *stream */

/* ---- statistics ------------------------------------------------------------------------------------------ */

/* Intervals hold 95 %. */
#define PXS_ALPHA 0.05

/* Of those values that are not NaN: `n` of them. */
struct pxs_stats {
    size_t n;
    double mean, min, max; /* NaN where n is 0 */
    double std;            /* sample standard deviation, n - 1 below; NaN where n < 2 */
    double low, high;      /* 95 % interval of the mean by Student's t; NaN where n < 2 */
};
/* Two passes with the rounding of the mean corrected, so an offset costs no digits. Equal values have exactly no spread. */
void pxs_stats_of(const double *values, size_t n, struct pxs_stats *out);

/* Student's t with df > 0 degrees of freedom, which need not be whole: P(|T| > t), and the t > 0 for which that is p (p = 0.05: the
 * 95 % interval's factor). NaN outside of 0 < p < 1. To 1e-12 relative up to df = 10,000. */
double pxs_student_two_sided(double t, double df);
double pxs_student_critical(double p, double df);

enum pxs_design {
    PXS_DESIGN_NONE, /* too few values: the difference of the means is all that is known */
    PXS_DESIGN_PAIRED, /* differences of runs that share what else varies, above all the seed: a t test on those */
    PXS_DESIGN_WELCH /* two independent samples of unequal variance */
};
/* a - b. What could not be computed is NaN. */
struct pxs_difference {
    enum pxs_design design;
    size_t n_a, n_b;     /* values of each; the pairs, where paired */
    double mean, std;    /* std: of the differences where paired, else the mean's standard error */
    double low, high, p; /* 95 % interval and two-sided p; NaN where there is none */
    double p_holm;       /* p corrected for the comparisons that were made beside it, by Holm */
    double df;           /* degrees of freedom */
    bool no_spread;      /* n would do, but nothing varies: there is no interval and no p */
};
/* Pairs with a NaN do not count. */
void pxs_difference_paired(const double *a, const double *b, size_t n, struct pxs_difference *out);
void pxs_difference_welch(const double *a, size_t n_a, const double *b, size_t n_b,
                          struct pxs_difference *out);
/* Fills p_holm of n differences that were looked at together, and puts the list in their order; those without p do not count. */
void pxs_holm(struct pxs_difference **differences, size_t n);
/* How many seeds of each would tell the two apart, if difference and spread stayed as they are and `comparisons` are made (each at 0.05
 * divided by them, the most that Holm asks for): an order of magnitude.
 * 0 = cannot be told; PXS_SEEDS_MOST + 1 = more than that. */
#define PXS_SEEDS_MOST 200
size_t pxs_seeds_needed(const struct pxs_difference *difference, size_t comparisons);

/* ---- series ---------------------------------------------------------------------------------------------- */

/* Columns of `batch_loss`, and of `epoch` and `d_output`, that can be read as curves. */
#define PXS_BATCH_COLUMNS(X) \
    X(loss_G)                \
    X(loss_GAN)              \
    X(loss_pixel)            \
    X(loss_D)                \
    X(loss_real)             \
    X(loss_fake)             \
    X(lr_G)                  \
    X(lr_D)
#define PXS_EPOCH_COLUMNS(X) \
    X(avg_loss_G)            \
    X(avg_loss_GAN)          \
    X(avg_loss_pixel)        \
    X(avg_loss_D)            \
    X(avg_loss_real)         \
    X(avg_loss_fake)         \
    X(val_loss)              \
    X(val_psnr)              \
    X(val_ssim)              \
    X(lr_G)                  \
    X(lr_D)                  \
    X(avg_D_real)            \
    X(avg_D_fake)
enum pxs_batch_column {
#define PXS_BATCH_ENUM(name) PXS_BATCH_##name,
    PXS_BATCH_COLUMNS(PXS_BATCH_ENUM)
#undef PXS_BATCH_ENUM
        PXS_BATCH_N
};
enum pxs_epoch_column {
#define PXS_EPOCH_ENUM(name) PXS_EPOCH_##name,
    PXS_EPOCH_COLUMNS(PXS_EPOCH_ENUM)
#undef PXS_EPOCH_ENUM
        PXS_EPOCH_N
};
const char *pxs_batch_column_name(enum pxs_batch_column column);
const char *pxs_epoch_column_name(enum pxs_epoch_column column);

/* Points by rising x, which counts epochs as the database does: what was measured of epoch e stands at e, and its batches
 * lie evenly spread over [e - 0.5, e + 0.5]. A y that is NaN is a gap: no line leads over it. */
struct pxs_curve {
    size_t n;
    double *x, *y;
};

/* One column over the seeds of a configuration, epoch by epoch. Its runs are those that completed or still may. */
struct pxs_band {
    size_t n;
    double *x, *mean, *min, *max;
    int64_t *runs; /* how many have a value there */
};

struct pxs_run_curves {
    int64_t run_id, number, seed;
    const char *name, *state;
    size_t configuration;                /* in pxs_curves */
    int64_t steps, last_epoch;           /* made so far; -1: no epoch is complete */
    int64_t batches_per_epoch;           /* 0: no batch yet */
    struct pxs_curve batch[PXS_BATCH_N]; /* thinned; n = 0 where not asked for */
    struct pxs_curve epoch[PXS_EPOCH_N];
};

struct pxs_configuration {
    const char *label; /* "halve, lrgd 25" */
    size_t n_begun;    /* runs that its line is the mean of: those that have begun and are not lost */
    size_t n_runs, completed, lost, open; /* lost: diverged, failed, pruned, cancelled; open: any other */
    struct pxs_band band[PXS_EPOCH_N];
};

struct pxs_curves {
    char sweep[128];
    int64_t sweep_id;
    const char *const *keys; /* what differs */
    size_t n_keys;
    const char *const *notes; /* what a reader has to know of the configurations, a sentence each */
    size_t n_notes;
    struct pxs_configuration *configurations; /* all of the sweep, by first run: the same order everywhere */
    size_t n_configurations;
    struct pxs_run_curves *runs; /* by number */
    size_t n_runs;
    struct pxs_arena arena; /* of all that */
};

struct pxs_curves_options {
    const char *sweep;     /* NULL = the one worked on last */
    const char *const *by; /* as in pxs_compare_options */
    size_t n_by;
    int64_t run_id;         /* only this one; 0 = all */
    const char *where;      /* only runs that meet this condition over the columns of v_run; NULL = all */
    uint32_t batch_columns; /* bit 1 << PXS_BATCH_x for each that is wanted */
    size_t buckets;         /* of each run's steps, at least 1 where batch_columns is not 0 */
    struct pxs_meter meter;
};

/* Reads the curves of a sweep. A run's steps are cut into `buckets` equal parts; of each part the first, the lowest, the
 * highest and the last value stay, at their own places, so that no spike is lost, and one NaN where the part has a value
 * that is none or infinite: at most 5 * buckets points. Two million rows take 0.6 s for one column, 1.3 s for all.
 * PXS_E_NOT_FOUND: no such sweep; PXS_E_INVALID: no such hyperparameter, or a mistake in `where`. Finish it. */
PXS_NODISCARD enum pxs_status pxs_curves_read(struct pxs_store *s, const struct pxs_curves_options *options,
                                              struct pxs_curves *out, struct pxs_error *err);
void pxs_curves_finish(struct pxs_curves *curves);

#define PXS_LOOK_DASHES 4
/* How a configuration (its place in pxs_curves) is drawn, in plots and pages alike: seven colours that colour-blind people tell apart,
 * then the same dashed, dotted and both. */
struct pxs_look {
    uint8_t red, green, blue;
    double
        dash[PXS_LOOK_DASHES]; /* on, off, ... in line widths; ends with the first 0; none = a solid line */
};
void pxs_look_of(size_t configuration, struct pxs_look *out);

/* ---- samples --------------------------------------------------------------------------------------------- */

/* What one configuration made of the same pairs, by its best weights and epoch by epoch: a row a configuration, a column an epoch. */
#define PXS_SAMPLE_BEST \
    (-1) /* in place of a column's epoch: the first column, where a run has such a picture */
struct pxs_sample_cell {
    struct pxs_image
        image; /* RGB, the glyphs of the row beside and below each other; no pixels: there is none */
    int64_t epoch, step; /* when it was made: the column's epoch, or the last picture before it */
};
struct pxs_sample_row {
    size_t configuration; /* as in pxs_curves */
    const char *label;
    int64_t run_id, seed; /* run_id 0: the configuration has no run with that seed */
    const char *run, *state;
    const char *why; /* there is no picture, in words; else NULL */
    struct pxs_image source, target;
    struct pxs_sample_cell *cells; /* of each column */
};
struct pxs_sample_sheet {
    char sweep[128];
    const char *const *keys; /* what differs */
    size_t n_keys;
    int64_t *epochs; /* of each column; PXS_SAMPLE_BEST */
    size_t n_columns;
    struct pxs_sample_row *rows;
    size_t n_rows;
    struct pxs_arena arena;
};
struct pxs_samples_options {
    const char *sweep;     /* NULL = the one worked on last */
    const char *const *by; /* as in pxs_compare_options */
    size_t n_by;
    int64_t run_id;      /* only this one; 0 = the first seed of each configuration */
    const char *where;   /* only runs that meet this condition over the columns of v_run; NULL = all */
    const int64_t *seed; /* this one in place of the first; NULL = the first */
    const int64_t *
        epochs; /* columns, rising; NULL = `columns` of them, evenly over the epochs that have pictures. The best one comes besides */
    size_t n_epochs;
    size_t columns; /* 0 = 6 */
    size_t glyphs;  /* of each picture, from the first on; 0 = 4 */
    struct pxs_meter meter;
    int side; /* glyphs with longer sides than this are made smaller, and small ones enlarged up to it; 0 = as they are */
};
/* Cuts the cells out of the runs' sample pictures. A run without pictures keeps its row, with the reason. PXS_E_NOT_FOUND: no such
 * sweep, or no run has one picture; PXS_E_INVALID as in pxs_curves_read. Finish it. */
PXS_NODISCARD enum pxs_status pxs_samples_read(struct pxs_store *s, const struct pxs_samples_options *options,
                                               struct pxs_sample_sheet *out, struct pxs_error *err);
void pxs_sample_sheet_finish(struct pxs_sample_sheet *sheet);
/* A row as one PNG: source, the columns' cells, target side by side, `gap` white pixels between them; a missing cell is light
 * grey. free(*png). PXS_E_NOT_FOUND where the row has no picture. */
PXS_NODISCARD enum pxs_status pxs_sample_strip(const struct pxs_sample_row *row, size_t n_columns, int gap,
                                               void **png, size_t *bytes, struct pxs_error *err);

/* ---- pictures -------------------------------------------------------------------------------------------- */

enum pxs_picture { PXS_PICTURE_PNG, PXS_PICTURE_SVG, PXS_PICTURE_PDF };
/* By the end of a file's name: .png, .svg or .pdf, in capitals or not. PXS_E_INVALID names these. */
PXS_NODISCARD enum pxs_status pxs_picture_of(const char *path, enum pxs_picture *out, struct pxs_error *err);

struct pxs_plot_options {
    const char *sweep;     /* NULL = the one worked on last */
    const char *const *by; /* as in pxs_compare_options */
    size_t n_by;
    int64_t run_id;    /* only this one; 0 = all */
    const char *where; /* only runs that meet this condition over the columns of v_run; NULL = all */
    /* A panel each: loss_G, loss_GAN, loss_pixel, loss_D, loss_real, loss_fake, val_loss, val_psnr, val_ssim, D_real, D_fake, lr_D.
     * NULL = loss_G and val_loss. The rate of G follows by itself. */
    const char *const *metrics;
    size_t n_metrics;
    bool log; /* losses on a logarithmic axis */
    int width,
        height; /* pixels (PNG) or points (SVG, PDF); 0 = 1600 x 1400, or 800 x 700; more panels are higher */
    enum pxs_picture kind;
    struct pxs_meter meter;
};
/* A picture as a file's bytes. Finish it. */
struct pxs_drawing {
    void *data;
    size_t bytes;
    int width, height;               /* as above */
    size_t n_runs, n_configurations; /* shown */
    char *notes; /* of curves: what a reader has to know of the configurations, a line each; NULL = nothing */
    char lacking[640]; /* characters that no font here has, and the packages to install; "" = none */
};
void pxs_drawing_finish(struct pxs_drawing *drawing);
/* Curves by epoch, one panel a metric above one another: the mean over the seeds of a configuration in its band from the lowest to the
 * highest seed, batches as an envelope from the lowest to the highest; the learning rate below. The range of an axis leaves out
 * what would press everything else flat, and says so. The same data give the same bytes (the first drawing of a process, in
 * SVG). PXS_E_NOT_FOUND: no such sweep, or nothing to draw yet; PXS_E_INVALID: no such metric, or as pxs_curves_read. */
PXS_NODISCARD enum pxs_status pxs_plot_curves(struct pxs_store *s, const struct pxs_plot_options *options,
                                              struct pxs_drawing *out, struct pxs_error *err);
/* A sample sheet with its words: see pxs_samples_read, whose errors it has. width, height: pixels or points at most; 0 = 2400 or
 * 1200 wide, as high as it becomes. PXS_E_INVALID, too, where it does not fit. */
PXS_NODISCARD enum pxs_status pxs_plot_samples(struct pxs_store *s, const struct pxs_samples_options *options,
                                               enum pxs_picture kind, int width, int height,
                                               struct pxs_drawing *out, struct pxs_error *err);

/* ---- ls -------------------------------------------------------------------------------------------------- */

struct pxs_list_options {
    const char *sweep; /* NULL = all sweeps */
    const char *state; /* NULL = any */
};
/* One row a run, by sweep and number. `stale` is 1 where a run is in state running but its process is gone (see
 * pxs_store_stale_runs); a table says so in its state column and what to do about it below. `imported` is 1 for a run that
 * `import` took from old logs. PXS_E_NOT_FOUND for an unknown sweep, PXS_E_INVALID for a state that there is not. */
PXS_NODISCARD enum pxs_status pxs_report_list(struct pxs_store *s, const struct pxs_list_options *options,
                                              enum pxs_format format, int width, struct pxs_text *out,
                                              struct pxs_error *err);

/* ---- show ------------------------------------------------------------------------------------------------ */

/* Everything about one run (a run_id or a name): state, parameters, attempts, epochs (condensed in TABLE), files, events.
 * JSON is one object of these; CSV is the epoch table. */
PXS_NODISCARD enum pxs_status pxs_report_show(struct pxs_store *s, const char *run, enum pxs_format format,
                                              int width, struct pxs_text *out, struct pxs_error *err);

/* ---- diff ------------------------------------------------------------------------------------------------ */

struct pxs_diff_options {
    const char *a, *b; /* run_id or name */
    bool all;          /* also what is the same */
};
/* Two runs side by side: a row a fact, with columns part (run, configuration, environment, result), key, a, b and change (b - a, of
 * results that are numbers). A fact that one of them lacks is NULL there. TABLE says which runs these are, and from which step on
 * their losses differ. PXS_E_NOT_FOUND names the nearest run; PXS_E_INVALID where both are the same one. */
PXS_NODISCARD enum pxs_status pxs_report_diff(struct pxs_store *s, const struct pxs_diff_options *options,
                                              enum pxs_format format, int width, struct pxs_text *out,
                                              struct pxs_error *err);

/* ---- compare --------------------------------------------------------------------------------------------- */

struct pxs_compare_options {
    const char *sweep;     /* NULL = the one planned last */
    const char *const *by; /* hyperparameters whose values make a group; NULL = what differs in the sweep */
    size_t n_by;
    const char *
        metric; /* what ranks, and what differences are of: best_val_loss (NULL), final_val_loss, val_auc, val_psnr,
                           * val_ssim, final_avg_loss_G, seconds, best_epoch. The higher val_psnr and val_ssim the better */
    const double *target; /* validation loss (with those metrics PSNR or SSIM) to be reached; NULL = none */
    const char
        *baseline;      /* a configuration: "key=value,..." of keys that differ, or its number; NULL = none */
    const char *pareto; /* metrics, "time,val_loss"; NULL = none */
    bool completed_only; /* the table is never a provisional one; the verdict may be */
};

/* One row a group, best mean of the metric first, groups without a completed run last. Where completed runs do not rank two configurations
 * yet, but more are under way, the comparison is provisional: everything is as if all runs had ended with epoch `until`, the last one that all
 * configurations have, and the runs that have come as far count, completed or not. Columns: the keys (none where nothing differs:
 * then `sweep`), then, over the completed runs of each group:
 *   n (completed, or those that count provisionally), failed (failed or diverged), open (neither those nor pruned), diverged, pruned, imported (whatever their state);
 *   M_mean, _std (sample), _ci_low, _ci_high (95 % t interval of the mean), _min, _max for each metric M (seconds and
 *   best_epoch: the mean has the metric's name alone); val_auc is the area under the validation curve (trapezoids over epochs) divided
 *   by the epochs it spans; val_psnr and val_ssim are those of the epoch with the best validation loss, whose weights are kept;
 *   lr_G_first, lr_G_last, lr_G_ratio: NULL where runs of the group differ; D_real_mean, D_fake_mean: the discriminator's outputs in the
 *   last epoch; number: the row, from 1; configuration: in words;
 *   target_n: runs that reached the target, target_epoch_mean and target_seconds_mean (of training until the end of that epoch)
 *   over those;
 *   vs_best_diff: this minus the first row, in the metric, with _ci_low, _ci_high, _n (pairs; the smaller n for Welch), _design
 *   (paired, welch, none), _p, _p_holm (corrected for all comparisons with the first row); vs_baseline_...: minus the baseline;
 *   pareto: 1 where no other group is as good in all those metrics and better in one; until_epoch: `until`, where it is provisional.
 * What there is not is NULL: spread of one run, differences of a row from itself, target and pareto without being asked.
 * Where no run has the metric (validation: off), final_avg_loss_G stands in. */
struct pxs_comparison {
    char sweep[128];
    char metric[32]; /* that ranks */
    bool higher_is_better;
    int64_t until; /* provisional, as of this epoch; -1: no */
    size_t n_runs, n_completed, n_failed /* or diverged */, n_pruned, n_open;
    size_t n_stale;    /* of the open ones: in state running, but nobody works on them */
    char kernels[256]; /* of completed runs, where they are not all the same: "auto-avx512,blas"; else "" */
    bool
        mixed_machines; /* completed runs on several machines or with several numbers of threads: seconds are not alike */
    size_t n_keys; /* columns before `n` */
    struct pxs_table table;
    struct pxs_column *columns; /* table.n_columns of them, in the table's arena */
    size_t
        *configurations; /* of each row: its place in pxs_curves.configurations (read with the same `by`) */
    /* In the table's arena: one sentence that says who leads, by how much, and whether the evidence separates the first two;
     * and what a reader has to know beside it, a sentence each (without a full stop). */
    const char *verdict;
    const char **notes;
    size_t n_notes;
    bool separated; /* the first row from the second, by p_holm < PXS_ALPHA */
};
/* PXS_E_NOT_FOUND: no such sweep or baseline; PXS_E_INVALID: no such hyperparameter or metric, a baseline that is not one group. */
PXS_NODISCARD enum pxs_status pxs_compare(struct pxs_store *s, const struct pxs_compare_options *options,
                                          struct pxs_comparison *out, struct pxs_error *err);
void pxs_comparison_finish(struct pxs_comparison *comparison);
/* The comparison as text. TABLE shows the columns that answer the question, others as far as `width` (0: 100) has room, with a line
 * above, the notes below and the verdict as the last line. CSV and JSON are the whole table. */
PXS_NODISCARD enum pxs_status pxs_report_compare(struct pxs_store *s,
                                                 const struct pxs_compare_options *options,
                                                 enum pxs_format format, int width, struct pxs_text *out,
                                                 struct pxs_error *err);

/* Its heading, table and verdict alone; nothing where the sweep has one configuration. */
PXS_NODISCARD enum pxs_status pxs_report_answer(struct pxs_store *s, const char *sweep, int width,
                                                struct pxs_text *out, struct pxs_error *err);

/* ---- export ---------------------------------------------------------------------------------------------- */

struct pxs_export_options {
    const char *sweep;      /* NULL = the one worked on last */
    const char *table;      /* a table or view; NULL = v_run */
    enum pxs_format format; /* not TABLE */
    struct pxs_sink sink;
    struct pxs_meter meter; /* in rows */
};
/* The rows of a table that belong to the sweep's runs, in the order of the primary key (views: of their runs), in one read of the
 * database and constant memory. *rows = how many. PXS_E_NOT_FOUND names the tables or sweeps that there are; PXS_E_BUSY as in
 * pxs_store_query: rows may have been given to the sink already. */
PXS_NODISCARD enum pxs_status pxs_export(struct pxs_store *s, const struct pxs_export_options *options,
                                         uint64_t *rows, struct pxs_error *err);

/* ---- page ------------------------------------------------------------------------------------------------ */

struct pxs_page_options {
    const char *sweep;     /* NULL = the one planned last */
    const char *const *by; /* as in pxs_compare_options */
    size_t n_by;
    struct pxs_meter meter;
};
struct pxs_page_info {
    char sweep[128];
    size_t n_runs;
};
/* Appends one self-contained HTML page about a sweep: the answer in words, the comparison, curves to zoom into, pictures, every run, and
 * the SQL behind all of it. Loads nothing, runs only its own scripts; the same database gives the same bytes. Two hundred runs
 * of ten thousand batches stay below 5 MB. `info` may be NULL. PXS_E_NOT_FOUND: no such sweep, or one without runs;
 * PXS_E_INVALID: no such hyperparameter. */
PXS_NODISCARD enum pxs_status pxs_report_page(struct pxs_store *s, const struct pxs_page_options *options,
                                              struct pxs_page_info *info, struct pxs_text *out,
                                              struct pxs_error *err);

/* ---- import lab ------------------------------------------------------------------------------------------ */

struct pxs_lab_options {
    const char *dir;    /* a folder of the lab's logs, or one with many below it */
    const char *sweep;  /* that the runs go into, made where there is none; NULL: called after the folder */
    const char *lambda; /* lambda_pixel of these logs, as text; NULL: 10, the constant of the lab's script */
    const char *const *sets; /* "key=value" of hyperparameters that the logs do not tell */
    size_t n_sets;
    struct pxs_meter meter;
};
/* What came of it. Columns of `table`: run, name, added (1, or 0 where the run was there already), state, epochs, batches, first_line, last_line,
 * unreadable, best_val_loss, source. */
struct pxs_lab_result {
    char sweep[128];
    struct pxs_table table;
    struct pxs_column *columns; /* in the table's arena */
    struct pxs_text
        notes; /* a line each: what could not be read, what was ambiguous and what was done about it */
    size_t folders, added, known;
    int64_t lines, unreadable;
};
/* What can be said against it before there is a database: options, names, no logs. Errors as below. */
PXS_NODISCARD enum pxs_status pxs_lab_check(const struct pxs_lab_options *options, struct pxs_error *err);
/* Takes the lab's text logs in as runs, a transaction each. A run that broke off is `failed`, one whose losses ended as no numbers
 * `diverged`, any other `completed`. What cannot be read is counted and noted. `result` is filled as far as things came, also where an error is
 * returned; finish it. PXS_E_NOT_FOUND: no such logs; PXS_E_INVALID: an option or a name; PXS_E_CORRUPT: not one line of them can be read. */
PXS_NODISCARD enum pxs_status pxs_lab_import(struct pxs_store *s, const struct pxs_lab_options *options,
                                             struct pxs_lab_result *result, struct pxs_error *err);
void pxs_lab_result_finish(struct pxs_lab_result *result);

#endif
