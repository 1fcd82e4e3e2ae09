/* race: which configurations of a sweep are still worth another seed. Pure functions of the values
 * measured so far; nothing here knows of files, databases or processes. docs/race.md has the rule's
 * reasons and evidence.
 *
 * All configurations get `first` seeds, those that are left then get more, up to `max_seeds`. At
 * fixed numbers of seeds, the looks, every configuration is compared with the leader, seed by seed,
 * and those that are shown to be worse are dropped. With a probability of at least `confidence`, no
 * look drops the configuration that is truly best by its mean. That is proven for differences that
 * are normally distributed, whatever their spreads, and measured for the skewed ones in
 * docs/race.md. */
#ifndef PIXSWEEP_RACE_H
#define PIXSWEEP_RACE_H

#include "pixsweep/base.h"

#define PXS_RACE_SEEDS_MOST 1000
#define PXS_RACE_LOOKS_MOST 32
#define PXS_RACE_CONFIGURATIONS_MOST 10000

struct pxs_race_options {
    double confidence; /* 0.5 to 0.9999 */
    int first;         /* seeds at the first look, 2 to max_seeds */
    int max_seeds;     /* seeds at the last look, up to PXS_RACE_SEEDS_MOST */
    double
        indifference;   /* in units of the metric, at least 0: differences up to it do not matter */
    bool higher_better; /* else the lowest mean is best */
};
/* Confidence 0.95, 3 to 40 seeds, indifference 0, lower is better. */
void pxs_race_defaults(struct pxs_race_options *out);
/* PXS_E_INVALID names the option that is out of range, and its range. */
PXS_NODISCARD enum pxs_status pxs_race_check(const struct pxs_race_options *options,
                                             struct pxs_error *err);

/* The numbers of seeds at which is judged, rising: `first`, then a third more each time (rounded
 * up), at last max_seeds; a last step shorter than half of what it would be is joined to the one
 * before. 3 to 40: 3, 4, 6, 8, 11, 15, 20, 27, 40. Checks the options. */
PXS_NODISCARD enum pxs_status pxs_race_looks(const struct pxs_race_options *options,
                                             int looks[PXS_RACE_LOOKS_MOST], size_t *n,
                                             struct pxs_error *err);

/* A seed that diverged; NaN is one without a value: not made, or failed for a reason that is no
 * answer, so that its pairs are left out. */
#define PXS_RACE_DIVERGED INFINITY

enum pxs_race_decision {
    PXS_RACE_OUT,    /* was dropped before: the rest of its verdict is 0 */
    PXS_RACE_LEADS,  /* has the best mean so far: its difference is to itself, 0 */
    PXS_RACE_STAYS,  /* not shown to be worse than the leader */
    PXS_RACE_DROPPED /* at this look */
};
struct pxs_race_verdict {
    enum pxs_race_decision decision;
    size_t n, diverged; /* its seeds with a value, and how many of those diverged */
    double mean;        /* of its n; NaN where n is 0. A diverged one counts as `penalty` */
    size_t pairs;       /* seeds that both it and the leader have */
    /* Of its value minus the leader's over the pairs, in units of the metric. Each end of the
     * interval is wrong with a probability of at most `level`. With fewer than two pairs the
     * interval is infinite, without any the difference is NaN. */
    double difference, low, high;
    double level;
};

enum pxs_race_state {
    PXS_RACE_GOES_ON,
    PXS_RACE_WON,   /* one is left, the leader */
    PXS_RACE_EQUAL, /* the intervals of all that are left lie within +-indifference */
    PXS_RACE_OPEN   /* max_seeds are made, and more than one is left */
};
struct pxs_race_look {
    enum pxs_race_state state;
    int seeds;             /* of this look */
    size_t leader, left;   /* configurations; left: how many go on or remain */
    size_t dropped;        /* at this look */
    double level, penalty; /* of every comparison; penalty: NaN where nothing diverged */
};

/* Judges look number `look` (from 0) over k >= 1 configurations. values: a row a configuration,
 * `columns` (at least the look's seeds) values each, in the same order of seeds; only the look's
 * seeds are read. in_race: which configurations were left before (all at the first look), on
 * success those that are left now; at least one is. A verdict for each of the k.
 *
 * A diverged seed counts as worse than the worst finite value of those in the race by three times
 * the distance between their best and their worst. */
PXS_NODISCARD enum pxs_status pxs_race_judge(const struct pxs_race_options *options, size_t look,
                                             size_t k, const double *values, size_t columns,
                                             bool *in_race, struct pxs_race_verdict *verdicts,
                                             struct pxs_race_look *out, struct pxs_error *err);

/* ---- a look as it is kept -------------------------------------------------------------------- */

/* In the sweep's folder (records/race_look.h) and in the database (store/runs.h). */
struct pxs_race_entry {
    char config_hash[65]; /* of the configuration's run with the first seed */
    const char *label;    /* what it is called, for people; in `labels`, or borrowed */
    enum pxs_race_decision decision;
    size_t n, diverged, pairs;
    double mean, difference, low, high; /* as in struct pxs_race_verdict */
};
struct pxs_race_record {
    char race[13];   /* the race's id */
    int look, seeds; /* look: from 1 */
    char metric[32];
    double level, penalty;
    size_t n;
    struct pxs_race_entry *entries; /* those that were in the race before the look; owned */
    struct pxs_arena labels;
};
void pxs_race_record_finish(struct pxs_race_record *record);
/* "leads", "stays" or "dropped", as in files and rows. */
const char *pxs_race_decision_name(enum pxs_race_decision decision);
size_t pxs_race_record_left(const struct pxs_race_record *record);
/* Where the race stands after this look: as pxs_race_judge has it, from what is kept. */
enum pxs_race_state pxs_race_record_state(const struct pxs_race_record *record, double indifference,
                                          int max_seeds);
/* "look 2, 4 seeds: halve_90 is dropped (worse than constant by 0.0123, interval 0.004 to 0.021); 4
 * of 5 left". */
void pxs_race_words_look(const struct pxs_race_record *record, struct pxs_text *out);
/* Where a race of `n` configurations stands after its last look (NULL: none): "no look yet, the
 * first is at 3 seeds", "look 3 judged at 6 seeds, 4 of 6 left; next at 8 seeds", or how it ended.
 * `cut` and `budget_runs` as below. */
void pxs_race_words_now(const struct pxs_race_options *options, const struct pxs_race_record *last,
                        size_t n, bool cut, int64_t budget_runs, struct pxs_text *out);
/* How the race ended, from its last look: "constant wins: ...", "constant and linear are equal to
 * within 0.001, either will do: ...", "not separated: ...". `cut`: a budget let no more runs start,
 * of that many runs, or of time where budget_runs is 0 ("the budget of 12 runs ended it: ...",
 * "time ended it: ..."). That is said where the race goes on; without one there is nothing to say
 * then.
 */
void pxs_race_words_end(const struct pxs_race_record *record, double indifference, int max_seeds,
                        bool cut, int64_t budget_runs, struct pxs_text *out);

/* ---- what is compared ------------------------------------------------------------------------ */

/* One number a run, with the names and definitions of `compare --metric`. `seconds` is not among
 * them: it is not the same twice. */
enum pxs_race_metric {
    PXS_RACE_BEST_VAL_LOSS,
    PXS_RACE_BEST_EPOCH,
    PXS_RACE_FINAL_VAL_LOSS,
    PXS_RACE_FINAL_AVG_LOSS_G,
    PXS_RACE_VAL_AUC,
    PXS_RACE_VAL_PSNR,
    PXS_RACE_VAL_SSIM,
    PXS_RACE_METRICS
};
struct pxs_race_metric_info {
    const char *name;
    bool higher_better;
    bool of_validation; /* there is none under validation: off */
};
const struct pxs_race_metric_info *pxs_race_metric_info(enum pxs_race_metric metric); /* static */
/* False where no metric has that name. */
bool pxs_race_metric_find(const char *name, enum pxs_race_metric *out);

/* A run's number, from its epochs: begin, then each epoch once, in their order. */
struct pxs_race_score {
    enum pxs_race_metric metric;
    double best_loss, last_loss, last_loss_G; /* NaN = none */
    double best_psnr, best_ssim;              /* of the epoch with the best loss */
    int64_t best_epoch;
    double area, area_loss; /* area_loss: the last one known, at area_end */
    int64_t area_begin, area_end;
};
void pxs_race_score_begin(struct pxs_race_score *score, enum pxs_race_metric metric);
/* NaN where the epoch has no such value. */
void pxs_race_score_epoch(struct pxs_race_score *score, int64_t epoch, double avg_loss_G,
                          double val_loss, double val_psnr, double val_ssim);
/* The same to the bit as `compare` has it; NaN = none. */
double pxs_race_score_value(const struct pxs_race_score *score);

/* ---- how it may go on (forecast.c) ----------------------------------------------------------- */

/* How far a race has come. */
struct pxs_race_start {
    size_t judged; /* looks */
    enum pxs_race_state state;
    const int *dropped_at; /* of each configuration: the look, from 1; 0 = it is in the race; NULL:
                              all are */
};
struct pxs_race_standing {
    size_t made, diverged; /* its seeds with a value */
    double mean;           /* of the finite ones; NaN = none */
    int dropped_at;        /* seeds of the look that dropped it; 0 = it is in the race */
    double seeds;          /* that it will have had in the end, on average */
};
struct pxs_race_forecast {
    /* All that are in the race have two finite values at least, which tell of differences and
     * spread. Else nothing below is known, but for `tell` */
    bool known;
    size_t tell, racing;    /* how many have, of how many */
    double runs, low, high; /* of the whole race: mean, and 8 of 10 races need from low to high */
    double won, equal;      /* shares of races that end so; the rest is not separated */
};
/* Races from here on with seeds that are drawn from a normal distribution with the means and the
 * covariances that the values show, by the rule itself; the same numbers each time.
 *
 * values: k rows of max_seeds, as for pxs_race_judge; made: the same shape, whether a run is over,
 * be it without a value. Results: likely, of the same shape, is the share of races that make that
 * run; where the forecast is not known, 1 up to the next look and 0 behind it. `standing` has k. */
PXS_NODISCARD enum pxs_status pxs_race_foresee(const struct pxs_race_options *options, size_t k,
                                               const double *values, const bool *made,
                                               const struct pxs_race_start *start, double *likely,
                                               struct pxs_race_standing *standing,
                                               struct pxs_race_forecast *out,
                                               struct pxs_error *err);

#endif
