/* metrics: what was measured, read out of the database to be compared or drawn: statistics
 * over seeds, configurations, curves, and how a configuration looks. */
#ifndef PIXSWEEP_METRICS_H
#define PIXSWEEP_METRICS_H

#include "pixsweep/base.h"
#include "pixsweep/base/statistics.h"
#include "pixsweep/measures.h"
#include "pixsweep/store.h"
#include "pixsweep/table.h"

/* ---- statistics ----------------------------------------------------------------------------- */

/* Intervals hold 95 %. */
#define PXS_ALPHA 0.05

/* Of those values that are not NaN: `n` of them. */
struct pxs_stats {
    size_t n;
    double mean, min, max; /* NaN where n is 0 */
    double std;            /* sample standard deviation, n - 1 below; NaN where n < 2 */
    double low, high;      /* 95 % interval of the mean by Student's t; NaN where n < 2 */
};
/* Two passes with the rounding of the mean corrected, so an offset costs no digits. Equal values
 * have exactly no spread. */
void pxs_stats_of(const double *values, size_t n, struct pxs_stats *out);

enum pxs_design {
    PXS_DESIGN_NONE, /* too few values: the difference of the means is all that is known */
    /* differences of runs that share what else varies, above all the seed: a t test on those */
    PXS_DESIGN_PAIRED,
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
/* Fills p_holm of n differences that were looked at together, and puts the list in their order;
 * those without p do not count. */
void pxs_holm(struct pxs_difference **differences, size_t n);
/* How many seeds of each would tell the two apart, if difference and spread stayed as they are and
 * `comparisons` are made (each at 0.05 divided by them, the most that Holm asks for): an order of
 * magnitude. 0 = cannot be told; PXS_SEEDS_MOST + 1 = more than that. */
#define PXS_SEEDS_MOST 200
size_t pxs_seeds_needed(const struct pxs_difference *difference, size_t comparisons);

/* What the error of an effect was taken from. */
enum pxs_effect_error {
    PXS_ERROR_NONE, /* too few blocks: nothing can be said of luck */
    PXS_ERROR_RUNS, /* seeds within settings: a block is an observation by itself */
    /* what a seed does is alike in all settings: a seed is one observation, however many blocks it
     * has */
    PXS_ERROR_SEEDS,
    PXS_ERROR_SETTINGS /* one seed each: how much settings differ stands in for luck */
};
/* A randomised block design: in each of n blocks (one setting of all else, one seed) the same
 * treatments were measured. */
struct pxs_block_test {
    size_t blocks, settings, seeds;
    enum pxs_effect_error error;
    double mean_square; /* of the error; NaN where there is none, as all below */
    double f, df1, df2, p;
    bool no_spread; /* blocks would do, but nothing varies: there is no test */
};
/* The effects z of `width` treatments in each of n blocks, block by block: what was measured less
 * what no effect could explain (the block's mean; for an interaction, its row's and column's, too),
 * so that they have df degrees of freedom. Tests that all of them are 0 in the mean, over the
 * settings as they are. `setting`, `seed`: of each block, any numbers below `ids`. `largest`: of
 * the measured values, by which rounding is told. */
PXS_NODISCARD enum pxs_status pxs_block_test(const double *z, size_t n, size_t width, double df,
                                             const size_t *setting, const size_t *seed, size_t ids,
                                             double largest, struct pxs_block_test *out,
                                             struct pxs_error *err);

/* Spearman's rank correlation, equal values by their mean rank. */
struct pxs_rank_correlation {
    size_t n;
    double rho, p; /* NaN where n < 3 or one side does not vary */
    bool exact;    /* p over all orders; else by Student's t with n - 2 degrees of freedom */
};
PXS_NODISCARD enum pxs_status pxs_spearman(const double *x, const double *y, size_t n,
                                           struct pxs_rank_correlation *out, struct pxs_error *err);

/* ---- runs without a living process ---------------------------------------------------------- */

/* The runs of a sweep (0: of all) that are stale now; finish it. */
struct pxs_stale {
    int64_t *run_ids;
    size_t n;
};
PXS_NODISCARD enum pxs_status pxs_stale_read(struct pxs_store *s, int64_t sweep_id,
                                             struct pxs_stale *out, struct pxs_error *err);
bool pxs_stale_has(const struct pxs_stale *stale, int64_t run_id);
void pxs_stale_finish(struct pxs_stale *stale);
/* What to do about n of them in this store, one line; nothing where there is none. */
void pxs_stale_say(const struct pxs_store *s, size_t n, struct pxs_text *out);

/* ---- which runs ----------------------------------------------------------------------------- */

#define PXS_SWEEPS_MAX 256 /* of their names in a heading */

/* Sweeps that are looked at as one. */
struct pxs_choice_options {
    const char *sweep;       /* NULL = the one worked on last */
    const char *const *more; /* beside it */
    size_t n_more;
    /* a condition over the columns of v_run; NULL = what the sweeps' files ask for */
    const char *where;
    bool all; /* without `where`: every run */
};
struct pxs_choice {
    int64_t *sweeps; /* each once */
    size_t n_sweeps;
    const char *name; /* "a and b" */
    int64_t *without; /* runs of these that are not looked at */
    size_t n_without;
    /* of those: */
    size_t n_unasked; /* no file asks for their configuration */
    size_t n_twice;   /* another sweep's run has their config_hash and seed, and counts */
    struct pxs_arena arena;
};
/* Finish it. PXS_E_NOT_FOUND: no such sweep, or no run that meets `where`;
 * PXS_E_INVALID: a mistake in it. */
PXS_NODISCARD enum pxs_status pxs_choose(struct pxs_store *s,
                                         const struct pxs_choice_options *options,
                                         struct pxs_choice *out, struct pxs_error *err);
void pxs_choice_finish(struct pxs_choice *choice);
/* Appends `sql`, in which each `sweep_id = ?1`, of table run or joined with it, is limited to the
 * chosen runs. ?1 is the first sweep. */
void pxs_choice_sql(const struct pxs_choice *choice, const char *sql, struct pxs_text *out);
/* pxs_store_select of that. */
PXS_NODISCARD enum pxs_status pxs_choice_select(struct pxs_store *s,
                                                const struct pxs_choice *choice, const char *sql,
                                                const struct pxs_cell *args, size_t n,
                                                struct pxs_table *out, struct pxs_error *err);

/* ---- configurations ------------------------------------------------------------------------- */

/* Keys that are no hyperparameters and stand in where those do not tell runs apart: "old log" or
 * "own run", and the first digits of config_hash. */
#define PXS_KEY_ORIGIN "origin"
#define PXS_KEY_HASH "config_hash"

/* Runs, by number, in groups of equal values of `keys`; groups by their first run.
 * Where no keys are asked for, a group is a configuration: what config_hash says, with data and
 * first weights by content. All in `arena`. */
struct pxs_groups {
    int64_t sweep_id; /* the first, where they are of several */
    char sweep[PXS_SWEEPS_MAX];
    const char **keys;
    const char **sql; /* of each key: its value as SQL over `run r`; it gave `values` */
    size_t n_keys;
    /* of each key: one column, a row a run; NULL where the key has no effect */
    struct pxs_table *values;
    size_t n_values; /* keys read so far */
    int64_t *run_ids;
    const char **places; /* of each run: "rates/0003" */
    int64_t *sweep_of;   /* of each run */
    size_t *group_of;    /* of each run */
    size_t n_runs;
    size_t *first; /* of each group: its first run's place among the runs */
    char **labels; /* of each group: "halve, lrgd 25"; the sweep's name where nothing differs */
    size_t n_groups;
    bool one_data_set; /* all runs have the same pictures, as far as is known */
    /* what a reader has to know of the groups: a sentence each, without a full stop */
    const char **notes;
    size_t n_notes;
    struct pxs_arena arena;
};
/* `by`: hyperparameters, NULL = what differs in the sweep, the seed apart. Runs with other data,
 * other first weights and runs from old logs are never in one group, whatever `by` says. `out` is
 * untouched on error. PXS_E_INVALID: no such hyperparameter. */
PXS_NODISCARD enum pxs_status pxs_groups_read(struct pxs_store *s, const struct pxs_choice *choice,
                                              const char *const *by, size_t n_by,
                                              struct pxs_groups *out, struct pxs_error *err);
void pxs_groups_finish(struct pxs_groups *groups);
bool pxs_groups_by(const struct pxs_groups *groups, const char *key); /* is it one of the keys? */

/* ---- series --------------------------------------------------------------------------------- */

/* Points by rising x, which counts epochs as the database does: what was measured of epoch e stands
 * at e, and its batches lie evenly spread over [e - 0.5, e + 0.5]. A y that is NaN is a gap: no
 * line leads over it. */
struct pxs_curve {
    size_t n;
    double *x, *y;
};

/* One column over the seeds of a configuration, epoch by epoch. Its runs are those that completed
 * or still may. */
struct pxs_band {
    size_t n;
    double *x, *mean, *min, *max;
    int64_t *runs; /* how many have a value there */
};

struct pxs_run_curves {
    int64_t run_id, number, seed;
    const char *name;
    enum pxs_run_state state;
    size_t configuration;                /* in pxs_curves */
    int64_t steps, last_epoch;           /* made so far; -1: no epoch is complete */
    int64_t batches_per_epoch;           /* 0: no batch yet */
    int64_t begun;                       /* epochs of which there is a batch */
    struct pxs_curve batch[PXS_BATCH_N]; /* thinned; n = 0 where not asked for */
    struct pxs_curve epoch[PXS_EPOCH_N];
};

struct pxs_configuration {
    const char *label; /* "halve, lrgd 25" */
    /* runs that its line is the mean of: those that have begun and are not lost */
    size_t n_begun;
    /* lost: diverged, failed, pruned, cancelled; open: any other */
    size_t n_runs, completed, lost, open;
    struct pxs_band band[PXS_EPOCH_N];
};

struct pxs_curves {
    char sweep[PXS_SWEEPS_MAX];
    int64_t sweep_id; /* the first */
    size_t n_sweeps;
    const char *const *keys; /* what differs */
    size_t n_keys;
    const char *const *notes; /* what a reader has to know of the configurations, a sentence each */
    size_t n_notes;
    /* all of the sweep, by first run: the same order everywhere */
    struct pxs_configuration *configurations;
    size_t n_configurations;
    struct pxs_run_curves *runs; /* by number */
    size_t n_runs;
    struct pxs_arena arena; /* of all that */
};

/* What is made of the rows while they are read, run by run in the order of pxs_curves.runs. */
struct pxs_reducer {
    /* Before the first row; of each run is known how far it has come. */
    enum pxs_status (*begin)(void *user, struct pxs_curves *curves, struct pxs_error *err);
    /* One epoch of runs[run]: its values in the order of enum pxs_epoch_column; NaN: none was
     * recorded. */
    void (*epoch)(void *user, size_t run, int64_t epoch, const double *values);
    /* One batch: its values of batch_columns, in the order of enum pxs_batch_column. */
    void (*batch)(void *user, size_t run, int64_t step, int64_t epoch, int64_t batch,
                  const double *values);
    /* Behind the last row of a run. */
    enum pxs_status (*end)(void *user, size_t run, struct pxs_error *err);
};

struct pxs_curves_options {
    const char *sweep;       /* NULL = the one worked on last */
    const char *const *more; /* sweeps beside it */
    size_t n_more;
    const char *const *by; /* as in pxs_compare_options */
    size_t n_by;
    int64_t run_id; /* only this one; 0 = all */
    /* only runs that meet this condition over the columns of v_run; NULL = those that the sweeps'
     * files ask for */
    const char *where;
    uint32_t batch_columns; /* bit 1 << PXS_BATCH_x for each that is wanted */
    size_t buckets;         /* of each run's steps, at least 1 where batch_columns is not 0 */
    int64_t epochs;         /* only the first so many, as if nothing had been made since; 0 = all */
    /* In place of the curves and bands: `user` makes something else of the rows. NULL = none. */
    const struct pxs_reducer *reducer;
    void *user;
    struct pxs_meter meter;
};

/* Reads the curves of a sweep. A run's steps are cut into `buckets` equal parts; of each part the
 * first, the lowest, the highest and the last value stay, at their own places, so that no spike is
 * lost, and one NaN where the part has a value that is none or infinite: at most 5 * buckets
 * points. Two million rows take 0.6 s for one column, 1.3 s for all. PXS_E_NOT_FOUND: no such
 * sweep; PXS_E_INVALID: no such hyperparameter, or a mistake in `where`. Finish it. */
PXS_NODISCARD enum pxs_status pxs_curves_read(struct pxs_store *s,
                                              const struct pxs_curves_options *options,
                                              struct pxs_curves *out, struct pxs_error *err);
void pxs_curves_finish(struct pxs_curves *curves);

#define PXS_LOOK_DASHES 4
/* How a configuration (its place in pxs_curves) is drawn, in plots and pages alike: seven colours
 * that colour-blind people tell apart, then the same dashed, dotted and both. */
struct pxs_look {
    uint8_t red, green, blue;
    /* on, off, ... in line widths; ends with the first 0; none = a solid line */
    double dash[PXS_LOOK_DASHES];
};
void pxs_look_of(size_t configuration, struct pxs_look *out);

/* Room for n points, zeroed. */
PXS_NODISCARD enum pxs_status pxs_curve_make(struct pxs_curve *out, size_t n,
                                             struct pxs_arena *arena, struct pxs_error *err);

#endif
