/* compare: which configuration did best, and whether that is luck. */
#ifndef PIXSWEEP_COMPARE_H
#define PIXSWEEP_COMPARE_H

#include "pixsweep/base.h"
#include "pixsweep/metrics.h"
#include "pixsweep/store.h"
#include "pixsweep/table.h"

/* ---- compare -------------------------------------------------------------------------------- */

struct pxs_compare_options {
    const char *sweep;       /* NULL = the one planned last */
    const char *const *more; /* sweeps beside it */
    size_t n_more;
    /* only runs that meet this condition over the columns of v_run; NULL = those that the
     * sweeps' files ask for */
    const char *where;
    bool where_is_plan; /* `where` says what the sweep's file asks for, nothing less */
    /* hyperparameters whose values make a group; NULL = what differs in the sweep */
    const char *const *by;
    size_t n_by;
    /* what ranks, and what differences are of: best_val_loss, final_val_loss, val_auc,
     * val_psnr, val_ssim, final_avg_loss_G, seconds, best_epoch. The higher val_psnr and val_ssim
     * the better. NULL: that of the sweep's race where a look was judged, else best_val_loss */
    const char *metric;
    /* validation loss (with those metrics PSNR or SSIM) to be reached; NULL = none */
    const double *target;
    /* a configuration: "key=value,..." of keys that differ, or its number; NULL = none */
    const char *baseline;
    const char *pareto;  /* metrics, "time,val_loss"; NULL = none */
    bool completed_only; /* the table is never a provisional one; the verdict may be */
    /* only the first so many of each run, as if it had ended with them; 0 = all */
    int64_t epochs;
};

/* One row a group, best mean of the metric first, groups without a completed run last. Where
 * completed runs do not rank two configurations yet, but more are under way, the comparison is
 * provisional: everything is as if all runs had ended with epoch `until`, the last one that all
 * configurations have, and the runs that have come as far count, completed or not. Columns: the
 * keys (none where nothing differs: then `sweep`), then, over the completed runs of each group: n
 * (completed, or those that count provisionally), failed (failed or diverged), open (neither those
 * nor pruned), diverged, pruned, imported (whatever their state); M_mean, _std (sample), _ci_low,
 * _ci_high (95 % t interval of the mean), _min, _max for each metric M (seconds and best_epoch: the
 * mean has the metric's name alone); val_auc is the area under the validation curve (trapezoids
 * over epochs) divided by the epochs it spans; val_psnr and val_ssim are those of the epoch with
 * the best validation loss, whose weights are kept; lr_G_first, lr_G_last, lr_G_ratio: NULL where
 * runs of the group differ; D_real_mean, D_fake_mean: the discriminator's outputs in the last
 * epoch; number: the row, from 1; configuration: in words; target_n: runs that reached the target,
 * target_epoch_mean and target_seconds_mean (of training until the end of that epoch) over those;
 *   vs_best_diff: this minus the first row, in the metric, with _ci_low, _ci_high, _n (pairs; the
 * smaller n for Welch), _design (paired, welch, none), _p, _p_holm (corrected for all comparisons
 * with the first row); vs_baseline_...: minus the baseline; pareto: 1 where no other group is as
 * good in all those metrics and better in one; until_epoch: `until`, where it is provisional. What
 * there is not is NULL: spread of one run, differences of a row from itself, target and pareto
 * without being asked. Where no run has the metric (validation: off), final_avg_loss_G stands
 * in. */
struct pxs_comparison {
    char sweep[PXS_SWEEPS_MAX]; /* "a and b" */
    size_t n_sweeps;
    char metric[32]; /* that ranks */
    bool higher_is_better;
    int64_t until; /* provisional, as of this epoch; -1: no */
    size_t n_runs;
    struct pxs_state_counts states;
    size_t n_failed;   /* or diverged */
    size_t n_open;     /* neither those nor completed or pruned */
    size_t n_stale;    /* of the open ones: in state running, but their process is gone */
    char kernels[256]; /* of completed runs, where they are not all the same: "auto-avx512,blas";
                          else "" */
    /* completed runs on several machines or with several numbers of threads: seconds are not
     * alike */
    bool mixed_machines;
    size_t n_keys; /* columns before `n` */
    struct pxs_table table;
    struct pxs_column *columns; /* table.n_columns of them, in the table's arena */
    /* of each row: its place in pxs_curves.configurations (read with the same `by`) */
    size_t *configurations;
    /* In the table's arena: one sentence that says who leads, by how much, and whether the evidence
     * separates the first two; and what a reader has to know beside it, a sentence each (without a
     * full stop). */
    const char *verdict;
    /* The statement that gave what is measured of each run, from which all of the table is
     * computed. */
    const char *sql;
    const char **notes;
    size_t n_notes;
    const char *race_note; /* the one on how a race gave out the seeds; NULL: no look was judged */
    bool separated;        /* the first row from the second, by p_holm < PXS_ALPHA */
};
/* PXS_E_NOT_FOUND: no such sweep or baseline; PXS_E_INVALID: no such hyperparameter or metric, a
 * baseline that is not one group. */
PXS_NODISCARD enum pxs_status pxs_compare(struct pxs_store *s,
                                          const struct pxs_compare_options *options,
                                          struct pxs_comparison *out, struct pxs_error *err);
void pxs_comparison_finish(struct pxs_comparison *comparison);
/* The comparison as text. TABLE shows the columns that answer the question, others as far as
 * `width` (0: 100) has room, with a line above, the notes below and the verdict as the last line.
 * CSV and JSON are the whole table. */
PXS_NODISCARD enum pxs_status pxs_report_compare(struct pxs_store *s,
                                                 const struct pxs_compare_options *options,
                                                 enum pxs_format format, int width,
                                                 struct pxs_text *out, struct pxs_error *err);

/* Its heading, table and verdict alone; nothing where there is one configuration. `where` as
 * above. */
PXS_NODISCARD enum pxs_status pxs_report_answer(struct pxs_store *s, const char *sweep,
                                                const char *where, int width, struct pxs_text *out,
                                                struct pxs_error *err);

#endif
