/* compare: what each hyperparameter does, with all else equal. */
#ifndef PIXSWEEP_COMPARE_EFFECTS_H
#define PIXSWEEP_COMPARE_EFFECTS_H

#include "pixsweep/compare.h"

/* Of pxs_compare_options `sweep`, `more`, `where`, `by` (these keys; NULL: all that vary),
 * `metric`, `baseline`
 * ("key=value,...": the values that others are compared with; NULL: each key's first in the file)
 * and `epochs` count. */

/* A key whose values were drawn, against the metric: a point a draw, its mean over what else varies
 * and the seeds. */
struct pxs_scatter {
    const char *key;
    bool log;     /* x is drawn on a logarithmic axis */
    bool guessed; /* from the values alone: the sweep's text does not say how they were drawn */
    size_t n;
    double *x, *y;
    const char **labels; /* of each point: a configuration in words */
    struct pxs_rank_correlation rank;
};

/* One row a line. Columns: `kind`: effect (value minus reference, over pairs of runs that differ in
 * the key alone), overall (all values of a key at once), unpaired (of drawn values without an
 * order, by Welch's t test over draws), rank (Spearman's correlation over draws), interaction (of
 * two keys, whose names stand in key and with); key, with, value, reference; pairs (blocks where
 * all values are compared), missing (pairs that were planned, but a run of which has no value,
 * unless the race did not need it), settings (of all else) and seeds in them; effect, ci_low,
 * ci_high (95 %); f, df1, df2; rho, n (draws), p, p_holm (corrected for all tests of the table;
 * interactions for interactions); error: what luck is measured by: runs, seeds, settings, as enum
 * pxs_effect_error. What there is not is NULL. */
struct pxs_effects {
    char sweep[PXS_SWEEPS_MAX];
    char metric[32];
    bool higher_is_better;
    size_t n_runs, n_counted;
    size_t n_keys; /* that have lines */
    struct pxs_table table;
    struct pxs_column *columns; /* of `table`; in `arena`, as all below */
    /* What matters, the largest interaction, what shows no effect. */
    const char *verdict;
    const char **notes; /* a sentence each, without a full stop */
    size_t n_notes;
    struct pxs_scatter *scatters;
    size_t n_scatters;
    struct pxs_arena arena;
};
/* Over completed runs. Errors as pxs_compare. */
PXS_NODISCARD enum pxs_status pxs_effects(struct pxs_store *s,
                                          const struct pxs_compare_options *options,
                                          struct pxs_effects *out, struct pxs_error *err);
void pxs_effects_finish(struct pxs_effects *effects);
/* As text: the lines with tests, notes and verdict; CSV and JSON are the whole table. */
PXS_NODISCARD enum pxs_status pxs_report_effects(struct pxs_store *s,
                                                 const struct pxs_compare_options *options,
                                                 enum pxs_format format, int width,
                                                 struct pxs_text *out, struct pxs_error *err);

#endif
