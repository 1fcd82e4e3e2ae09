/* Inside submit. */
#ifndef PXS_SUBMIT_PRIV_H
#define PXS_SUBMIT_PRIV_H

#include "pixsweep/submit.h"

/* ---- jobs.c --------------------------------------------------------------------------------- */

/* What the launcher is told for the folder `dir`; memory comes from `arena`. */
PXS_NODISCARD enum pxs_status
pxs_jobs_launcher(const struct pxs_plan *plan, const struct pxs_launch_settings *how,
                  const char *dir, const struct pxs_sweep_options *options, struct pxs_arena *arena,
                  struct pxs_launcher *out, struct pxs_error *err);
/* All of pxs_jobs_plan but what depends on living jobs. */
PXS_NODISCARD enum pxs_status pxs_jobs_shape(struct pxs_plan *plan,
                                             const struct pxs_submit_options *options,
                                             uint64_t need, struct pxs_jobs *jobs,
                                             struct pxs_error *err);
/* Sets most, count, bound and the times, once runs, limits and alive are known. */
void pxs_jobs_count(struct pxs_jobs *jobs, const struct pxs_plan *plan);
/* The launcher of an earlier submission, with the settings that the experiment file has for it. */
PXS_NODISCARD enum pxs_status pxs_jobs_earlier(const struct pxs_plan *plan, const char *dir,
                                               const struct pxs_sweep_options *options,
                                               struct pxs_arena *arena, struct pxs_launcher *out,
                                               struct pxs_error *err);
/* How many jobs of a submission that was accepted live; those that are ending do not count. */
PXS_NODISCARD enum pxs_status pxs_jobs_alive(const struct pxs_launcher *l, const char *name,
                                             int64_t *out, struct pxs_error *err);

#endif
