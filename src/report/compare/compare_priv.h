/* compare, inside: what is known of each run and configuration on the way from question to
 * answer. */
#ifndef PXS_COMPARE_PRIV_H
#define PXS_COMPARE_PRIV_H

#include "pixsweep/compare.h"
#include "pixsweep/metrics.h"
#include "pixsweep/table.h"

/* What is measured of each run (measures.def): what is known of the run, then what its epochs'
 * values say. M_best_val_loss,
 * ..., M_val_psnr, ...; columns of runs.sql have these names. */
enum measure {
#define MEASURE(name, ...) M_##name,
#define MEASURE_NOTHING(metric)
#define MEASURE_BEST(metric) M_##metric,
#define MEASURE_LAST(metric) M_##metric,
#define MEASURE_LARGEST(metric) M_##metric,
#define OF_EPOCHS(name, how, of, metric, since, unit, better, run, ...) MEASURE_##run(metric)
    PXS_RUN_MEASURES(MEASURE) PXS_EPOCH_MEASURES(OF_EPOCHS) MEASURES
#undef OF_EPOCHS
#undef MEASURE_LARGEST
#undef MEASURE_LAST
#undef MEASURE_BEST
#undef MEASURE_NOTHING
#undef MEASURE
};

/* What a measure is a figure of: the column `kin` of the table. */
enum kin { KIN_LOSS_G, KIN_LOSS_D, KIN_VALIDATION, KIN_OTHER };

struct metric {
    const char *name;
    enum measure measure;
    bool ranks;  /* configurations can be put in order by it */
    bool higher; /* is better */
    const char *unit, *head;
    enum kin kin;
};
/* By name, for --metric and --pareto ("time", "val_loss" and other short names included); NULL,
 * with the error filled, where there is none. `option` for the message. */
const struct metric *pxs_metric_find(const char *option, const char *name, struct pxs_error *err);
const struct metric *pxs_metric_of(enum measure measure);

struct group {
    size_t index; /* in pxs_groups */
    size_t first; /* a run of the group: its keys are the group's */
    struct pxs_state_counts states;
    size_t failed; /* or diverged */
    size_t open;   /* neither those nor completed or pruned */
    size_t imported;
    /* runs that the statistics are over: completed, as a rule */
    size_t counted;
    struct pxs_stats stats[MEASURES]; /* over those */
    /* this minus the first, minus the baseline, in the metric */
    struct pxs_difference best, baseline;
    bool has_best, has_baseline, front, has_front;
};

struct comparing {
    const struct pxs_compare_options *o;
    struct pxs_store *store;
    const struct pxs_choice *choice;
    struct pxs_table runs;    /* row for row as in `in` */
    size_t columns[MEASURES]; /* of each measure its place in `runs` */
    struct pxs_groups in;
    struct pxs_groups all;       /* by all that differs; empty where `in` is that already */
    struct metric asked, metric; /* that ranks: another one than asked for, where no run has that */
    struct group *groups;        /* best first */
    size_t n_groups;
    size_t ranked;   /* groups that have the metric; they come first */
    size_t baseline; /* place in groups; n_groups = none */
    /* provisional: nothing behind this epoch counts; -1 = completed runs, to their end */
    int64_t until;
    size_t begun; /* provisional: configurations that have an epoch */
    struct {
        size_t pairs, equal; /* of the first two; of these with the same value in the metric */
        size_t part;         /* of these whose losses are not the same in all epochs */
        int64_t from;        /* the first epoch where one of these differs */
    } parting;
    struct {
        size_t n;     /* runs that count whose validation loss rises while they go on training */
        int64_t from; /* the median of their first epochs in which it does */
        double risen; /* mean of last by best validation loss */
    } overfit;
    const char *race;  /* of these sweeps in words, where a look was judged; else NULL */
    bool raced;        /* the file of one of them asks for a race, judged or not */
    bool race_answers; /* what is asked for is what the race decides */
    struct pxs_arena arena;
};

/* ---- compare.c ------------------------------------------------------------------------------ */

/* Appends one paragraph, its lines broken between words at `width`; 0 = one line. */
void pxs_compare_put_paragraph(struct pxs_text *out, const char *words, int width);

/* ---- read.c: reading and measuring ---------------------------------------------------------- */

/* Columns of `runs` before the measures. */
enum { RUN_ID, RUN_STATE, RUN_SEED, RUN_IMPORTED, RUN_LSGAN, RUN_LAST_EPOCH, RUN_LAST_STEP };
PXS_NODISCARD enum pxs_status pxs_compare_read(struct comparing *c, struct pxs_error *err);
/* Before that: where the races of these sweeps stand, and the metric: what the options name, or
 * else that of the race. */
PXS_NODISCARD enum pxs_status pxs_compare_read_asked(struct comparing *c, struct pxs_error *err);
/* Appends the statement that gave `runs`. */
void pxs_compare_put_sql(const struct comparing *c, struct pxs_text *out);
/* Whether a run counts: it is completed, or has come as far as a provisional comparison looks. */
bool pxs_compare_counts(const struct comparing *c, size_t run);
/* The last epoch that all configurations have, of those that have one at all (so many
 * *configurations; completed ones have all that they need). False where nothing is under way, or
 * nothing is there to be compared with. */
bool pxs_compare_common(const struct comparing *c, int64_t *epoch, size_t *configurations);
double pxs_compare_value(const struct comparing *c, size_t run, enum measure m);
/* The values of one measure in a group's completed runs; NULL is NaN, which statistics leave
 * out. */
size_t pxs_compare_gather(const struct comparing *c, const struct group *g, enum measure m,
                          double *values);

/* ---- rank.c: which are better, and is that luck? -------------------------------------------- */

/* Orders the groups and fills best, baseline and front. */
PXS_NODISCARD enum pxs_status pxs_compare_judge(struct comparing *c, struct pxs_error *err);

/* Two runs that share everything that does not make the groups: the seed, and with --by what else
 * differs. */
bool pxs_compare_is_pair(const struct comparing *c, size_t a, size_t b);

/* Hyperparameters that a metric is computed from: with another value it is another measure. */
struct loss_part {
    const char *key, *role;
    unsigned of; /* the kins of measures (bit 1 << enum kin) for which that is so */
};
enum { LOSS_PARTS = 9 };
extern const struct loss_part pxs_loss_parts[LOSS_PARTS];
/* Whether the metric is computed from that part and runs of x and y that are compared differ in it.
 * `paired`: run by run, among runs that share what makes no group. */
bool pxs_compare_loss_differs(const struct comparing *c, const struct group *x,
                              const struct group *y, const struct loss_part *part, bool paired);
/* In none of the parts. */
bool pxs_compare_same_loss(const struct comparing *c, const struct group *x, const struct group *y,
                           bool paired);

/* ---- beyond.c: what the metric does not see ------------------------------------------------- */

/* Fills parting and overfit, of what was judged. */
PXS_NODISCARD enum pxs_status pxs_compare_look_beyond(struct comparing *c, struct pxs_error *err);
/* Appends from which epoch on the first two, level in the metric, differ. */
void pxs_compare_say_parting(const struct comparing *c, struct pxs_text *out);
/* Appends "; but B leads by final_val_loss and val_psnr; C by val_ssim"; nothing where no metric
 * has another leader. */
void pxs_compare_say_other_leaders(const struct comparing *c, struct pxs_text *out);

/* ---- baseline.c ----------------------------------------------------------------------------- */

/* The group that `text` names: its number in the table, or values of keys. */
PXS_NODISCARD enum pxs_status pxs_compare_find(const struct comparing *c, const char *text,
                                               size_t *place, struct pxs_error *err);

/* ---- table.c -------------------------------------------------------------------------------- */

PXS_NODISCARD enum pxs_status pxs_compare_fill(const struct comparing *c,
                                               struct pxs_comparison *out, struct pxs_error *err);

/* ---- verdict_text.c ------------------------------------------------------------------------- */

const char *pxs_compare_label(const struct comparing *c, const struct group *g);
/* The statistics that rank. */
const struct pxs_stats *pxs_compare_metric(const struct comparing *c, const struct group *g);
size_t pxs_compare_lost(const struct group *g); /* runs that failed or diverged */
/* Appends what differs beside the keys that make the groups. */
void pxs_compare_name_others(const struct comparing *c, struct pxs_text *out);
/* Appends "A leads with a mean best_val_loss of 0.27, 0.003 (1 %) below B", or that the two are
 * level; false where they are. */
bool pxs_compare_say_means(const struct comparing *c, struct pxs_text *out);
/* Fills verdict and separated. */
PXS_NODISCARD enum pxs_status pxs_compare_say(const struct comparing *c, struct pxs_comparison *out,
                                              struct pxs_error *err);

/* ---- notes.c -------------------------------------------------------------------------------- */

/* Fills notes. `provisional`: a provisional comparison of more configurations than `c` can rank, or
 * NULL. */
PXS_NODISCARD enum pxs_status pxs_compare_note(const struct comparing *c,
                                               const struct comparing *provisional,
                                               struct pxs_comparison *out, struct pxs_error *err);

/* ---- columns.c ------------------------------------------------------------------------------ */

/* Appends the table for people; `left_out` is told the titles of what found no room. */
PXS_NODISCARD enum pxs_status pxs_compare_show(const struct pxs_comparison *c,
                                               const struct pxs_compare_options *o, int width,
                                               struct pxs_text *out, struct pxs_text *left_out,
                                               struct pxs_error *err);

#endif
