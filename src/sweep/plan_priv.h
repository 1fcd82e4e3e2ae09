/* The parts that a plan is put together from. */
#ifndef PXS_SWEEP_PLAN_PRIV_H
#define PXS_SWEEP_PLAN_PRIV_H

#include "pixsweep/config.h"
#include "pixsweep/data.h"
#include "pixsweep/store.h"
#include "pixsweep/sweep.h"

/* ---- content of what paths lead to (content.c) ----------------------------------------------------------- */

/* One data set as the runs see it. The hash does not depend on how it is read, the number of pairs does. */
struct pxs_data_seen {
    const char *path;
    double val_fraction;
    bool stated;
    struct pxs_dataset_info info;
};

struct pxs_weights_seen {
    struct pxs_params params; /* init_from, and the shape that it was looked at for */
    char hash[PXS_SHA256_HEX];
};

/* Every data set and weights file of a plan, read once each. Zero-initialise; memory comes from `arena`. */
struct pxs_contents {
    struct pxs_arena *arena;
    struct pxs_data_seen *data;
    size_t n_data, cap_data;
    struct pxs_weights_seen *weights;
    size_t n_weights, cap_weights;
    enum pxs_status problem; /* of the first thing that cannot be used; its information is empty */
    char problems[1900];     /* what is wrong with each, one or more lines each */
};
/* The content of run `index`, read now or remembered. What cannot be used goes into c->problems. */
PXS_NODISCARD enum pxs_status pxs_contents_data(struct pxs_contents *c, const struct pxs_config *config,
                                                size_t index, const struct pxs_params *params,
                                                const struct pxs_sweep_options *options,
                                                const struct pxs_dataset_info **out, struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_contents_weights(struct pxs_contents *c, const struct pxs_config *config,
                                                   size_t index, const struct pxs_params *params,
                                                   const char **hash, struct pxs_error *err);
/* SHA-256 over the generator's file and, if it is there, the discriminator's beside it. */
PXS_NODISCARD enum pxs_status pxs_weights_hash(const char *path, char hash[PXS_SHA256_HEX],
                                               struct pxs_error *err);

/* ---- text of a run's config.yaml (frozen.c) -------------------------------------------------------------- */

/* What a frozen config.yaml says in its comments about the content it was planned with. */
struct pxs_frozen_head {
    char name[256], data_hash[PXS_SHA256_HEX], weights_hash[PXS_SHA256_HEX];
};
/* `own_val`: the data set brings its own val split, so val_fraction is left out. Appends to out. */
void pxs_frozen_write(const struct pxs_frozen_head *head, const char *name, const struct pxs_params *params,
                      bool own_val, struct pxs_text *out);
/* The head of such a text; what is not there is "". */
void pxs_frozen_read(const char *yaml, struct pxs_frozen_head *head);
/* The whole line of the top-level key `key` in such a text (equal lines mean equal values); false if it is not there. */
bool pxs_frozen_line(const char *yaml, const char *key, const char **line, size_t *bytes);

/* ---- what it costs (cost.c) ------------------------------------------------------------------------------ */

/* Seconds per 1e9 multiply-accumulates, measured on runs that are finished. */
struct pxs_speed {
    double gmac_per_step, seconds_per_gmac;
};
struct pxs_speeds {
    enum pxs_plan_time source;
    struct pxs_speed *known; /* NULL where source is a guess */
    size_t n;
    int threads;  /* with which they were measured */
    double guess; /* seconds per GMAC where nothing is known */
};
/* What the last finished runs on this machine with so many threads, or else with another count, and the same kernels (their full name)
 * say; store may be NULL. */
void pxs_speeds_find(struct pxs_store *store, int threads, const char *kernels, struct pxs_arena *arena,
                     struct pxs_speeds *out);
/* The set's full name, as attempts record it, of "auto", a name, or NULL (preflight.c). */
PXS_NODISCARD enum pxs_status pxs_kernels_named(const char *kernels, char out[64], struct pxs_error *err);
/* Seconds of a run, by the known run whose step is nearest in size. */
double pxs_speeds_seconds(const struct pxs_speeds *speeds, const struct pxs_train_estimate *estimate);
/* How many times faster than one thread so many are (1.9 for each doubling, measured). */
double pxs_speedup(int threads);
/* Wall clock of jobs that share `slots`: the sum spread evenly, but no less than the longest. */
double pxs_spread(double sum, double longest, int slots);
struct pxs_plan_rate pxs_rate_of(const struct pxs_params *params, int net, int64_t batches);

/* ---- the plan and the database (known.c) ----------------------------------------------------------------- */

/* Runs in the shape that the store wants them; params and yaml are NULL. */
PXS_NODISCARD enum pxs_status pxs_plan_rows(const struct pxs_plan *plan, struct pxs_store_plan_run **out,
                                            struct pxs_error *err);
/* Looks up what is there already (store NULL: nothing), names and numbers what is new. */
PXS_NODISCARD enum pxs_status pxs_plan_known(struct pxs_plan *plan, struct pxs_store *store,
                                             struct pxs_error *err);
/* PXS_E_INVALID naming both hashes where a planned path has runs of other data in the sweep, and none of what it holds now. */
PXS_NODISCARD enum pxs_status pxs_plan_same_data(const struct pxs_plan *plan, struct pxs_store *store,
                                                 const struct pxs_store_plan *found, struct pxs_error *err);
/* The frozen config.yaml that run `index` has or would have, appended to out; *p is room to work in. */
PXS_NODISCARD enum pxs_status pxs_plan_frozen(const struct pxs_plan *plan, size_t index, struct pxs_params *p,
                                              struct pxs_text *out, struct pxs_error *err);
/* Gives planned runs that have no row (run_id 0) the folder below results/<sweep> that holds them already: number, name, dir, and the
 * state that its records tell (homecoming.c). *highest: the highest number of any folder. */
PXS_NODISCARD enum pxs_status pxs_plan_folders(struct pxs_plan *plan, int64_t *highest,
                                               struct pxs_error *err);
/* Writes the plan into the store; afterwards every run has its run_id and *sweep_id is set. */
PXS_NODISCARD enum pxs_status pxs_plan_freeze(struct pxs_plan *plan, struct pxs_store *store,
                                              int64_t *sweep_id, struct pxs_error *err);
/* Other slots than those planned with: times follow. */
void pxs_plan_use_slots(struct pxs_plan *plan, struct pxs_sweep_slots slots);
/* Counts by state, time and disk of what is to be done. */
void pxs_plan_total(struct pxs_plan *plan);
/* Is this failure of the database one that runs need not wait for: locked, full, read-only, on a network file system? */
bool pxs_store_may_wait(enum pxs_status status, const char *db);
/* Bytes free where `path` is or would be; UINT64_MAX = unknown (plan.c). */
uint64_t pxs_disk_free(const char *path);
bool pxs_state_takeable(const char *state); /* new, queued, interrupted */
/* Is there something to do of a run in this state? The same, and pruned where the plan does not prune. */
bool pxs_plan_takes(const struct pxs_plan *plan, const char *state);
size_t pxs_plan_to_do(const struct pxs_plan *plan); /* how many runs it takes */
bool pxs_state_final(
    const char *state); /* completed, diverged: another attempt would end with the same bits */

#endif
