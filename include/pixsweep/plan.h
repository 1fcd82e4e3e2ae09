/* plan: from an experiment file to runs that are resolved, named and hashed. Where an experiment
 * file, the data, the files of runs and the database meet; nothing here writes but
 * pxs_plan_store. */
#ifndef PIXSWEEP_PLAN_H
#define PIXSWEEP_PLAN_H

#include <sched.h>
#include "pixsweep/base.h"
#include "pixsweep/config.h"
#include "pixsweep/params.h"
#include "pixsweep/store.h"
#include "pixsweep/train.h"

/* ---- what the user asked for ---------------------------------------------------------------- */

/* All strings are borrowed. Zero-initialise, then set `file`; the rest has defaults. */
struct pxs_sweep_options {
    const char *file;       /* experiment file */
    const char *const *set; /* --set key=value, in order */
    size_t n_set;
    const char *results; /* --results; NULL = "results" */
    const char *db;      /* --db; NULL = <results>/pixsweep.db */
    const char *kernels; /* --kernels; NULL = "auto" */
    /* bytes of the database's WAL, see pxs_store_wal_backlog; 0 = its default */
    int64_t wal_limit;
    /* --allow-mixed: resume where kernels or OpenBLAS differ from those that a run began with */
    bool allow_mixed;
    int jobs, threads; /* --jobs, --threads; 0 = auto (pxs_sweep_slots) */
    /* seconds to wait for a locked or full database when nothing else is left to do; 0 = 60 */
    double store_patience;
    /* seconds for which a database cannot be written before runs start without it; 0 = 3 */
    double shut_after;
    /* seconds that a worker has to stop in good order, after a timeout, a cancel or its
     * supervisor's death; 0 = 30 */
    double grace;
    /* seconds between two touches of a claim; 0 = PXS_CLAIM_REFRESH_SECONDS. The lease is longer by
     * the same factor. */
    double claim_every;
    /* seconds that a run waits at a rung of sweep.prune before a task parks it; 0 = 60 */
    double park_after;
    const char *command; /* the command line as typed, for the environment table; NULL = "" */
    /* May be NULL. Receives what is wrong with the experiment file, problem by problem: place,
     * source line, caret. Print it before err->message, which sums up. */
    struct pxs_text *diagnostics;
    struct pxs_stop *stop;    /* raised by the first SIGINT/SIGTERM; may be NULL */
    struct pxs_logger logger; /* warnings of planning: overlap in the data, ...; may be zeroed */
    struct pxs_meter meter;   /* while planning reads data; may be zeroed */
};

/* Slots: jobs workers at a time with `threads` each. */
struct pxs_sweep_slots {
    int cores, jobs, threads;
    bool pinned;    /* each attempt has cores of its own: jobs * threads <= cores */
    bool auto_jobs; /* no more of them than there are runs and memory for */
    /* `threads` is the least: an attempt also gets the cores of slots that will stay empty. Bits do
     * not depend on it */
    bool spread;
};
/* 0 = auto. What is given is obeyed. Both auto: as many jobs as cores, half as many above 16; jobs
 * given: max(1, cores / jobs) threads; threads given: max(1, cores / threads) jobs. Auto jobs
 * become fewer where runs or memory are few. */
struct pxs_sweep_slots pxs_sweep_slots(int cores, int jobs, int threads);

/* Where --results and --db lead, normalised and absolute: what every other command opens. False if
 * it does not fit. */
bool pxs_sweep_paths(const char *results, const char *db, char results_out[PXS_PATH_MAX],
                     char db_out[PXS_PATH_MAX]);

/* ---- plan ----------------------------------------------------------------------------------- */

/* What a schedule does to a rate over a run: in the first step and in the last one. */
struct pxs_plan_rate {
    double first, last;
    double ratio; /* last / learning_rate, which is the first rate but for a warm-up */
    /* ratio <= 1/100, the lab's reading of a schedule that has done its work */
    bool falls_to_hundredth;
    bool constant; /* policy is constant, without warm-up */
    /* halve, step or multistep, but nothing falls within n_epochs: equals constant */
    bool never_fires;
    bool depends_on_losses; /* plateau: last and ratio are NaN, nothing is said of a hundredth */
};

/* Strings live as long as the plan. */
struct pxs_plan_run {
    int64_t number;   /* 1-based; an existing run keeps its own */
    const char *name; /* <sweep>/<NNNN>-<what differs>-s<seed> */
    /* "lrgd-90-learning_rate_G-2e-4": the middle of the name; "base" where nothing does */
    const char *differs;
    /* "halve, lrgd 90", as `compare` says it: of a race's runs with the first seed, else NULL */
    const char *configuration;
    const char *dir; /* absolute */
    int64_t seed;
    char config_hash[PXS_SHA256_HEX];
    /* config_hash from when validation: off still held pairs back; "" = the same */
    char before_hash[PXS_SHA256_HEX];
    const char *data_hash, *weights_hash; /* of dataset and init_from; "" without init_from */
    const char *files_hash;               /* of the files, where pictures are lossy; else "" */
    /* the data set has a val split of its own: val_fraction has no effect */
    bool own_val;
    enum pxs_run_state state; /* new, or the state in the database, or else what its folder tells */
    int64_t run_id;           /* 0 while new */
    /* state running, but no process works on it any more: `run` closes its attempt and goes on */
    bool stale;
    int64_t steps_scanned;        /* recorded in its folder, where the database has no row of it */
    struct pxs_plan_rate rate[2]; /* G, D */
    int64_t n_train, n_val;
    struct pxs_train_estimate estimate;
    double seconds; /* expected, of the whole run on one slot; 0 where nothing remains to be done */
    /* seconds that it has trained for, where nothing remains to be done; 0 = not known */
    double took;
    double spent; /* seconds that it has trained for so far, as the database has it */
    /* The completed run of the same configuration and seed with the most epochs, fewer than it has,
     * from whose final point it begins where it has no resume point: folder, name, epochs. NULL:
     * from its first step; then `no_shorter` says why a run `shorter_name` cannot be used (NULL:
     * there is none). */
    const char *shorter, *shorter_name, *no_shorter;
    int64_t shorter_epochs;
    /* Whether it will be made: 1, but for a share of imagined races in a race (pxs_plan_foresee) */
    double likely;
};

enum pxs_plan_time { PXS_TIME_MEASURED, PXS_TIME_CALIBRATED, PXS_TIME_GUESS };

/* ---- the race (race_course.c) -----------------------------------------------------------------
 */

/* How far the race of a plan has come: what the files of its looks say (records/race_look.h). */
struct pxs_race_course {
    char race[13];                  /* its id */
    int looks[PXS_RACE_LOOKS_MOST]; /* seeds at each look */
    size_t n_looks, judged;         /* of them */
    int *dropped_at;           /* of each configuration: the look, from 1; 0 = it is in the race */
    enum pxs_race_state state; /* after the last look that is judged, by the plan's indifference */
    struct pxs_race_record last; /* that look; n is 0 where none is judged */
};

struct pxs_plan {
    char sweep[128];
    char file[PXS_PATH_MAX], results[PXS_PATH_MAX], db[PXS_PATH_MAX]; /* absolute */
    struct pxs_plan_run *runs;
    size_t n;
    /* enum pxs_param_key of what differs, in the table's order, without the seed */
    const int *keys;
    size_t n_keys, n_seeds;
    size_t n_configurations; /* runs without their seeds: n / n_seeds */
    /* one per line: keys that were dropped because they have no effect, runs left out, the order;
     * "" */
    const char *notes;
    struct pxs_state_counts states;
    /* runs of this sweep in the database that the file no longer asks for; they are left alone */
    size_t n_left_out;
    const char *left_out[5]; /* names of the first of them */
    /* of those, which the file's runs were when validation: off held pairs back */
    size_t n_before;
    /* What is to do; in a race what is to be expected. */
    double runs_to_do;
    int64_t steps_to_do;
    struct pxs_sweep_slots slots;
    double seconds_spent; /* of training, by all runs of the sweep in the database */
    double seconds_to_do; /* of what `run` would take on, spread over the slots; wall clock */
    enum pxs_plan_time time_source;
    char time_basis[160]; /* "measured: 2.1 s per 1000 GMAC over the last 12 runs here with 2
                             threads" */
    uint64_t disk_to_do, disk_free, memory_each;
    struct pxs_memory memory; /* what there is of it */
    /* why the database could not be read, so that folders alone tell what is done; "" */
    char unread[600];
    bool is_changed;       /* by --set: pxs_config_is_changed */
    const char *spec_yaml; /* the experiment file's text */
    char spec_hash[PXS_SHA256_HEX];
    struct pxs_run_settings how; /* the file's `run:` */
    struct pxs_prune_settings prune;
    struct pxs_race_settings race; /* run i is configuration i % n_configurations */
    struct pxs_race_course course; /* of that race (pxs_plan_read_race) */
    /* How it may go on, and where each of n_configurations stands; NULL where there is no race. */
    struct pxs_race_forecast forecast;
    struct pxs_race_standing *standing;
    double seconds_first, seconds_most; /* as seconds_to_do: up to the first look, and all runs */
    struct pxs_config *config;          /* the runs' hyperparameters are made from it on demand */
    struct pxs_arena arena;
};

/* Reads, expands, hashes (each distinct data set and init_from is read once) and looks up what is
 * there already. Writes nothing. Errors are the user's (PXS_E_INVALID, PXS_E_CORRUPT, ...);
 * err->message may have several lines; see options->diagnostics. */
PXS_NODISCARD enum pxs_status pxs_plan_make(const struct pxs_sweep_options *options,
                                            struct pxs_plan **out, struct pxs_error *err);
/* The plan's runs as a condition over v_run, where --set has changed the file: what to look at in
 * place of what the file asks for. NULL: it has not, or there is no memory. */
const char *pxs_plan_condition(const struct pxs_plan *plan, struct pxs_arena *arena);
void pxs_plan_destroy(struct pxs_plan **plan); /* NULL and *NULL are fine; nulls *plan */

/* The hyperparameters of run `index`, resolved; of a plan that was made from an experiment file. */
void pxs_plan_params(const struct pxs_plan *plan, size_t index, struct pxs_params *out);
/* The same of any plan: a frozen one reads them from the run's folder. */
PXS_NODISCARD enum pxs_status pxs_plan_read_params(const struct pxs_plan *plan, size_t index,
                                                   struct pxs_params *out, struct pxs_error *err);

/* What a plan's pruning does, at which rungs, how much it could save, and the warning that comes
 * with it: lines; nothing where the plan does not prune. Appended to out. */
void pxs_prune_words(const struct pxs_plan *plan, struct pxs_text *out);
/* Reads anew from the database how long the runs have trained, into `spent` and `seconds_spent`;
 * they stay on failure. */
PXS_NODISCARD enum pxs_status pxs_plan_read_spent(struct pxs_plan *plan, struct pxs_store *store,
                                                  struct pxs_error *err);
/* The budget of training in seconds: run.budget or sweep.race.budget, the smaller of both, and the
 * name of its key; INFINITY = none. */
double pxs_budget_seconds(const struct pxs_plan *plan, const char **key);
/* Seconds that a run which is to be done will still take. */
double pxs_seconds_left(const struct pxs_plan_run *run);
/* How far such a budget goes, one line; nothing where there is none. Appended to out. */
void pxs_budget_words(const struct pxs_plan *plan, struct pxs_text *out);
/* Looks anew, by the runs that are over, how the plan's race may go on; `store` may be NULL. Does
 * nothing where there is no race. pxs_plan_total then counts by it. */
PXS_NODISCARD enum pxs_status pxs_plan_foresee(struct pxs_plan *plan, struct pxs_store *store,
                                               struct pxs_error *err);
/* What a plan's race does and may cost: lines; nothing where there is none. Appended to out. */
void pxs_race_plan_words(const struct pxs_plan *plan, struct pxs_text *out);
/* Of a race that has begun nothing yet, "2 h to the first look, 22 h at most", else "22 h at most";
 * nothing where there is no race, or no range. Appended to out. */
void pxs_race_range_words(const struct pxs_plan *plan, struct pxs_text *out);
/* Lines "warning: ..." about hyperparameters that are allowed and seldom meant, appended to out. */
void pxs_plan_warnings(const struct pxs_plan *plan, struct pxs_text *out);

/* Which runs begin from shorter ones, and why others cannot: lines; nothing where there are no
 * shorter ones. Appended to out. */
void pxs_shorter_words(const struct pxs_plan *plan, struct pxs_text *out);

/* ---- for the supervisor --------------------------------------------------------------------- */

/* The frozen config.yaml that run `index` has or would have, appended to out, and its
 * hyperparameters. */
PXS_NODISCARD enum pxs_status pxs_plan_run_config(const struct pxs_plan *plan, size_t index,
                                                  struct pxs_params *p, struct pxs_text *out,
                                                  struct pxs_error *err);
/* Writes the plan into the store; afterwards every run has its run_id and *sweep_id is set. */
PXS_NODISCARD enum pxs_status pxs_plan_store(struct pxs_plan *plan, struct pxs_store *store,
                                             int64_t *sweep_id, struct pxs_error *err);
/* Looks again for a shorter run that run `index` can begin from (pxs_plan_run.shorter), where runs
 * of this very plan keep their final points. What fails leaves it as it was. */
void pxs_plan_look_for_shorter(struct pxs_plan *plan, size_t index, struct pxs_store *store,
                               const char *kernels);
/* Other slots than those planned with: times follow. */
void pxs_plan_use_slots(struct pxs_plan *plan, struct pxs_sweep_slots slots);
/* Counts by state, time and disk of what is to be done. */
void pxs_plan_total(struct pxs_plan *plan);
/* Does `run` start runs in this state (pxs_state_is_startable)? */
bool pxs_plan_will_run(const struct pxs_plan *plan, enum pxs_run_state state);
/* Does `run` start this one? A stale run counts, although its row says running. */
bool pxs_plan_takes_run(const struct pxs_plan *plan, const struct pxs_plan_run *run);
size_t pxs_plan_count_to_run(const struct pxs_plan *plan); /* how many runs it starts */
/* How many of those can be at work at once: a race waits for its looks. */
size_t pxs_plan_at_once(const struct pxs_plan *plan);
/* The set's full name, as attempts record it, of "auto", a name, or NULL. */
PXS_NODISCARD enum pxs_status pxs_kernels_named(const char *kernels, char out[64],
                                                struct pxs_error *err);
/* How many times faster than one thread so many are (1.9 for each doubling, measured). */
double pxs_speedup(int threads);
/* Wall clock of jobs that share `slots`: the sum spread evenly, but no less than the longest. */
double pxs_spread(double sum, double longest, int slots);
/* All indices of the plan in the order of run.order; malloc'ed (run_order.c). */
PXS_NODISCARD enum pxs_status pxs_order_make(const struct pxs_plan *plan, size_t **out,
                                             struct pxs_error *err);

/* ---- the race (race_course.c): a plan without one needs and allows everything -----------------
 */

/* Reads plan->course anew from the files in the sweep's folder, and marks the runs that the race
 * needs no more. PXS_E_CORRUPT in words where a file is not as it was written. */
PXS_NODISCARD enum pxs_status pxs_plan_read_race(struct pxs_plan *plan, struct pxs_error *err);
/* Reads the look behind those that are known; *more false: it is not judged yet. */
PXS_NODISCARD enum pxs_status pxs_race_course_next(struct pxs_plan *plan, bool *more,
                                                   struct pxs_error *err);
void pxs_race_course_finish(struct pxs_race_course *course);
/* Is run `index` of those that a later look compares, as far as is known? */
bool pxs_race_compares(const struct pxs_plan *plan, size_t index);
/* Does or did a look ask for run `index`: is it to be made, now or later, where it is queued? One
 * that was lost and is queued again is made also after the looks that left it out. May it be made
 * now? */
bool pxs_race_needs(const struct pxs_plan *plan, size_t index);
bool pxs_race_allows(const struct pxs_plan *plan, size_t index);
/* Is there a race with a look that is to be judged yet? */
bool pxs_race_goes_on(const struct pxs_plan *plan);
/* The next look is judged over the runs before this index. */
size_t pxs_race_look_end(const struct pxs_plan *plan);
/* How many runs with a smaller index the race has needed. */
size_t pxs_race_runs_before(const struct pxs_plan *plan, size_t index);

/* ---- a plan as a file (frozen_plan.c) -------------------------------------------------------- */

#define PXS_PLAN_FILE "plan.json"
/* Writes plan.json into the folder `dir`, and the config.yaml of every run that is to be done (of a
 * race, up to its next look) into its folder, for supervisors on other machines. Of the options it
 * keeps kernels, command, jobs, threads, grace, park_after and allow_mixed. */
PXS_NODISCARD enum pxs_status pxs_plan_freeze(const struct pxs_plan *plan,
                                              const struct pxs_sweep_options *options,
                                              const char *dir, struct pxs_error *err);
/* Reads it: runs without run_id, in the states of that time, and no experiment file (`config` is
 * NULL): their hyperparameters come from their folders (pxs_plan_read_params). The kept members of
 * *options are set; its strings live as long as the plan. PXS_E_CORRUPT in words where it is no
 * such file. */
PXS_NODISCARD enum pxs_status pxs_plan_thaw(const char *dir, struct pxs_plan **out,
                                            struct pxs_sweep_options *options,
                                            struct pxs_error *err);
/* Of such a file only which run has which number there; free(*out). */
struct pxs_numbered {
    int64_t number, seed;
    char config_hash[PXS_SHA256_HEX];
};
PXS_NODISCARD enum pxs_status pxs_plan_numbers(const char *dir, struct pxs_numbered **out,
                                               size_t *n, struct pxs_error *err);

/* ---- slots (slots.c) ------------------------------------------------------------------------ */

/* Auto jobs: no more than `most`, and the cores are shared among those. */
void pxs_slots_fit(struct pxs_sweep_slots *slots, size_t most);
/* So many jobs from now on, even where the user gave another number. */
void pxs_slots_reduce(struct pxs_sweep_slots *slots, int jobs);
/* How many runs of `need` bytes each the available memory is for; SIZE_MAX where either is unknown
 * (0). */
size_t pxs_slots_memory(uint64_t need, uint64_t available);
/* Threads and cores of an attempt that starts now: `used` = cores of attempts at work, `waiting` =
 * runs to be started, `open` = free slots, both with this one. Pinned slots draw cores of their own
 * out of `allowed`, others have all of them. 0 threads: no core is free although a slot is, because
 * a run at work has more than one slot's. */
int pxs_slot_draw(const struct pxs_sweep_slots *slots, const cpu_set_t *allowed,
                  const cpu_set_t *used, size_t waiting, int open, cpu_set_t *out);

/* ---- pruning (prune_rule.c) ----------------------------------------------------------------- */

struct pxs_verdict_at_rung {
    bool go_on;
    double cutoff; /* the largest value that goes on; NaN = nothing to compare with yet */
    size_t place;  /* 1 = the best of `of`, itself included; equal values share the better place */
    size_t of;
};
/* Judges a run at a rung. `value` is its validation loss there, `others` (n of them, in any order;
 * sorted on return) are those of the runs of lower number that have come as far, whether they went
 * on or not. Nothing else counts, neither time nor what later runs do, so the verdict is the same
 * whichever run is first. Equal to the cutoff goes on: runs whose schedules have not parted yet are
 * equal.
 *
 * median: given up where `value` is above the median of `others` (the mean of the middle two where
 * n is even), but never with fewer than min_runs of them. Golovin et al. 2017 (Google
 * Vizier, 3.2.2) compare a trial's best value so far with the median of the running averages of
 * completed trials; here it is the value at the rung against those of lower number at the same
 * rung. asha: goes on among the best max(1, floor((n + 1) / eta)) of `others` and itself. Li et al.
 * 2020 (ASHA, algorithm 2) promote the best 1/eta of a rung whenever a worker is free, so that a
 * run may wait there and be promoted later; here it is judged once, at its turn. */
void pxs_prune_judge(const struct pxs_prune_settings *how, double value, double *others, size_t n,
                     struct pxs_verdict_at_rung *out);

/* The largest share of training steps of the plan's runs to do that pruning could save: all but
 * those that go on whatever they measure (the first min_runs under median, the first under asha)
 * given up at their first rung. 0 to 1. */
double pxs_prune_most_saved(const struct pxs_plan *plan);

#endif
