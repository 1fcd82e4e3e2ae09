/* The parts that a plan is put together from. */
#ifndef PXS_PLAN_PRIV_H
#define PXS_PLAN_PRIV_H

#include "pixsweep/config.h"
#include "pixsweep/data.h"
#include "pixsweep/store.h"
#include "pixsweep/model.h"
#include "pixsweep/plan.h"
#include "pixsweep/rundir.h"

/* ---- content of what paths lead to (content_hash.c) ----------------------------------------- */

/* One data set as the runs see it. The hash does not depend on how it is read, the number of pairs
 * does. */
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

/* Every data set and weights file of a plan, read once each. Zero-initialise; memory comes from
 * `arena`. */
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
PXS_NODISCARD enum pxs_status
pxs_contents_data(struct pxs_contents *c, const struct pxs_config *config, size_t index,
                  const struct pxs_params *params, const struct pxs_sweep_options *options,
                  const struct pxs_dataset_info **out, struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_contents_weights(struct pxs_contents *c,
                                                   const struct pxs_config *config, size_t index,
                                                   const struct pxs_params *params,
                                                   const char **hash, struct pxs_error *err);

/* ---- what it costs (time_estimate.c) -------------------------------------------------------- */

/* Seconds per 1e9 multiply-accumulates, measured on runs that are finished. */
struct pxs_speed {
    double gmac_per_step, seconds_per_gmac;
    bool brief; /* its start and what a step costs beside arithmetic decide: tells of its like only
                 */
};
struct pxs_speeds {
    enum pxs_plan_time source;
    struct pxs_speed *known; /* NULL where source is a guess */
    size_t n;
    int threads;  /* with which they were measured */
    double guess; /* seconds per GMAC where nothing is known */
};
/* What the last finished runs on this machine with so many threads, or else with another count, and
 * the same kernels (their full name) took; store may be NULL. Only want of memory is a failure:
 * an estimate from a part of the runs would show the same plan differently. */
PXS_NODISCARD enum pxs_status pxs_speeds_find(struct pxs_store *store, int threads,
                                              const char *kernels, struct pxs_arena *arena,
                                              struct pxs_speeds *out, struct pxs_error *err);
bool pxs_speed_is_brief(double seconds, int64_t steps);
/* Whether a known run tells of this one: of about its size, or not brief. */
bool pxs_speeds_tell(const struct pxs_speeds *speeds, const struct pxs_train_estimate *estimate);
/* Seconds of a run, by the known run that tells of it and whose step is nearest in size; else by
 * the guess. */
double pxs_speeds_seconds(const struct pxs_speeds *speeds,
                          const struct pxs_train_estimate *estimate);
struct pxs_plan_rate pxs_rate_of(const struct pxs_params *params, int net, int64_t batches);

/* ---- the plan and the database (match_db.c) ------------------------------------------------- */

/* The runs as the store takes them; params and yaml are NULL. */
PXS_NODISCARD enum pxs_status pxs_plan_rows(const struct pxs_plan *plan,
                                            struct pxs_store_plan_run **out, struct pxs_error *err);
/* Looks up what is there already (store NULL: nothing), names and numbers what is new. */
PXS_NODISCARD enum pxs_status pxs_plan_match_db(struct pxs_plan *plan, struct pxs_store *store,
                                                struct pxs_error *err);
/* PXS_E_INVALID naming both hashes where a planned path has runs of other data in the sweep, and
 * none of what it holds now. */
PXS_NODISCARD enum pxs_status pxs_plan_same_data(const struct pxs_plan *plan,
                                                 struct pxs_store *store,
                                                 const struct pxs_store_plan *found,
                                                 struct pxs_error *err);
/* Gives planned runs that have no row (run_id 0) the folder below results/<sweep> that holds them
 * already: number, name, dir, and the state that its records tell (match_folders.c). *highest: the
 * highest number of any folder. */
PXS_NODISCARD enum pxs_status pxs_plan_match_folders(struct pxs_plan *plan, int64_t *highest,
                                                     struct pxs_error *err);

/* ---- shorter runs (shorter.c) --------------------------------------------------------------- */

/* Looks for shorter runs that the runs to do can begin from; store may be NULL. */
PXS_NODISCARD enum pxs_status pxs_plan_find_shorter(struct pxs_plan *plan, struct pxs_store *store,
                                                    const char *kernels, struct pxs_error *err);
/* Steps that a run begins with, made by a shorter one. */
int64_t pxs_steps_begun(const struct pxs_plan_run *run);

/* ---- one run (run_params.c) ----------------------------------------------------------------- */

/* Under validation: off nothing is held back. Earlier versions did: such runs have val_fraction in
 * their frozen config.yaml and identity, and workers follow it, so that they stay as they were. */
/* naming.c: what the configurations of a race are called. */
PXS_NODISCARD enum pxs_status pxs_plan_name_race(struct pxs_plan *plan, struct pxs_error *err);
void pxs_hold_nothing_back(const struct pxs_plan_run *run, struct pxs_params *p);

#endif
