/* Inside submit. */
#ifndef PXS_SUBMIT_PRIV_H
#define PXS_SUBMIT_PRIV_H

#include "pixsweep/submit.h"

/* ---- jobs.c --------------------------------------------------------------------------------- */

/* Seconds before its end at which a job is warned: warn_before, and no more than half of its time,
 * as a task has it. */
int64_t pxs_jobs_warning(const struct pxs_launch_settings *how);
/* The section of the experiment file that belongs to `on`: "run.slurm". */
const char *pxs_jobs_section(const char *on);
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
/* Sets slots and memory of one job, where `need` is known now: bytes of a run, 0 = as estimated. */
void pxs_jobs_size(struct pxs_plan *plan, const struct pxs_submit_options *options, uint64_t need,
                   struct pxs_jobs *jobs);
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

/* ---- words.c -------------------------------------------------------------------------------- */

/* What a launcher that refuses was told, by the keys of the experiment file: "run.slurm in FILE:
 * partition: nosuch, cpus_per_task: 4". Appended to out. */
void pxs_launcher_told_words(const struct pxs_plan *plan, const char *on,
                             const struct pxs_launcher *l, struct pxs_text *out);

/* ---- claims.c ------------------------------------------------------------------------------- */

struct pxs_job_claims {
    struct pxs_job_claim *list;
    size_t n;
};
/* The claims of jobs on runs that are not over. Read before the launcher is asked who lives: a job
 * that has one then and is not in two answers is gone. */
PXS_NODISCARD enum pxs_status
pxs_job_claims_read(const struct pxs_plan *plan, struct pxs_job_claims *out, struct pxs_error *err);
/* Notes an answer; returns how many jobs of this submission have a claim and are not in it. One
 * that is being requeued may be missing in a single answer. */
size_t pxs_job_claims_doubt(struct pxs_job_claims *claims, const struct pxs_submission *sub,
                            const struct pxs_launched_list *alive);
/* Makes those void whose job is of this submission and was missing in two answers in a row. */
void pxs_job_claims_break(const struct pxs_job_claims *claims, const struct pxs_submission *sub,
                          struct pxs_logger log);
void pxs_job_claims_finish(struct pxs_job_claims *claims);

#endif
