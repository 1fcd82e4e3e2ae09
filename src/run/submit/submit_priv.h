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
/* Adds those of these jobs that live to jobs->alive (not those that are ending), and marks the runs
 * that the frozen plan of their submission, in `dir`, has. */
PXS_NODISCARD enum pxs_status pxs_jobs_add_living(struct pxs_jobs *jobs,
                                                  const struct pxs_plan *plan, const char *dir,
                                                  const struct pxs_launched_list *list,
                                                  struct pxs_error *err);

/* ---- claims.c ------------------------------------------------------------------------------- */

struct pxs_job_claims {
    struct pxs_job_claim *list;
    size_t n;
};
/* The claims of jobs on runs that are not over. Read before the launcher is asked who lives: a job
 * that has one then and is not in the answer is gone. */
PXS_NODISCARD enum pxs_status
pxs_job_claims_read(const struct pxs_plan *plan, struct pxs_job_claims *out, struct pxs_error *err);
/* Removes those whose job is of this submission and does not live any more. */
void pxs_job_claims_break(const struct pxs_job_claims *claims, const struct pxs_submission *sub,
                          const struct pxs_launched_list *alive, struct pxs_logger log);
void pxs_job_claims_finish(struct pxs_job_claims *claims);

#endif
