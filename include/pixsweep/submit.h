/* submit: a plan handed to jobs of a batch system or of other machines. Plans as `run` does, writes
 * what jobs need into a folder of its own, results/<sweep>/cluster/<NNNN>, and has a launcher start
 * them; each carries out `pixsweep task` on that folder. Nothing is written into any database. */
#ifndef PIXSWEEP_SUBMIT_H
#define PIXSWEEP_SUBMIT_H

#include "pixsweep/base.h"
#include "pixsweep/config.h"
#include "pixsweep/launcher.h"
#include "pixsweep/plan.h"
#include "pixsweep/store.h"

/* A sweep's folder of submissions, and files in each of them beside plan.json and the launcher's
 * own. */
#define PXS_CLUSTER_FOLDER "cluster"
#define PXS_PROGRAM_FILE "pixsweep" /* a copy of this program */
#define PXS_ON_FILE "on"            /* "slurm", "ssh" or the path of the launcher */

/* The numbers of a sweep's submissions, rising; malloc'ed. None where it has no such folder. */
PXS_NODISCARD enum pxs_status pxs_submission_numbers(const char *results, const char *sweep,
                                                     int64_t **numbers, size_t *n,
                                                     struct pxs_error *err);
/* The launcher has said, more than once, that no job of it lives: it is asked no more. */
void pxs_submission_note_end(const char *dir);
bool pxs_submission_has_ended(const char *dir);
PXS_NODISCARD enum pxs_status pxs_submission_folder(const char *results, const char *sweep,
                                                    int64_t number, char dir[PXS_PATH_MAX],
                                                    struct pxs_error *err);
/* Appends the path of the log in the submission's folder `dir` that was written to last, and its
 * last lines, 5 at most, each indented on a line of its own. False where no job has said anything.
 */
bool pxs_submission_last_log(const char *dir, struct pxs_text *out);

/* PXS_E_INVALID, with what to do, where the number (and so the folder) of a run without a row in
 * the database is another run's in the plan of an earlier submission: its jobs would find another
 * config.yaml than theirs, or have left results that no database knows. */
PXS_NODISCARD enum pxs_status pxs_submissions_check_numbers(const struct pxs_plan *plan,
                                                            struct pxs_error *err);

struct pxs_submit_options {
    const struct pxs_sweep_options *sweep;
    const char *on; /* "slurm", "ssh" or the absolute path of a launcher */
    bool no_probe;  /* try no batch of each shape on this machine */
    bool ingested;  /* the database has all that the runs' folders tell */
};

/* How a plan becomes jobs. Zero-initialise; finish once. */
struct pxs_jobs {
    const char *on; /* borrowed, as is `how` */
    const struct pxs_launch_settings *how;
    size_t runs;   /* to be done */
    int64_t alive; /* jobs of earlier submissions of this sweep */
    /* Of each run of the plan: given up before, and queued again since; jobs of earlier submissions
     * leave it as it is. */
    bool *again;
    bool *known; /* of each run of the plan: their plans have it; NULL = no job lives */
    /* Of `runs`: those that no job which lives will carry out, since it was submitted before they
     * were asked for. Without a job that lives, all of them. */
    size_t runs_new;
    int64_t most;  /* jobs that the runs can have at once */
    int64_t count; /* to start: what the new runs need, and what the others have too few of */
    const char
        *bound; /* what makes `most` less than the runs need: "tasks: is 8"; NULL = nothing */
    struct pxs_sweep_slots slots; /* of one job */
    uint64_t need;                /* bytes of memory of a run */
    int64_t mem_mb;               /* of a job; 0 = none is asked for */
    double seconds_each, longest; /* expected: of a job; of the longest run */
    uint64_t resume_bytes;        /* of all resume points of all jobs, while they are replaced */
    struct pxs_launcher_limits limits;
    char unknown[600]; /* why limits or living jobs are not known; "" */
    struct pxs_arena arena;
};

/* The jobs of a plan that pxs_plan_make made, whose slots become those of one job. Asks the
 * launcher for limits and living jobs; writes nothing below the results folder. `need`: measured
 * bytes of a run, 0 = as estimated. */
PXS_NODISCARD enum pxs_status pxs_jobs_plan(struct pxs_plan *plan,
                                            const struct pxs_submit_options *options, uint64_t need,
                                            struct pxs_jobs *out, struct pxs_error *err);
void pxs_jobs_finish(struct pxs_jobs *jobs);
/* Lines for people: jobs, time, memory, limits, what a requeue costs, disk. Appended to out. */
void pxs_jobs_words(const struct pxs_plan *plan, const struct pxs_jobs *jobs, struct pxs_text *out);
/* A line where runs_new of `runs` are known to no job that lives, of `count` that are submitted. */
void pxs_jobs_new_words(size_t runs, size_t runs_new, int64_t count, struct pxs_text *out);
/* What a submission would be: the launcher's call and variables, and the job script. */
PXS_NODISCARD enum pxs_status pxs_jobs_script(const struct pxs_plan *plan,
                                              const struct pxs_jobs *jobs, struct pxs_text *out,
                                              struct pxs_error *err);

/* Zero-initialise; finish once. */
struct pxs_submitted {
    char sweep[128], results[PXS_PATH_MAX], dir[PXS_PATH_MAX]; /* dir: "" = nothing was started */
    size_t n_total, runs;                                      /* of the sweep; to be done */
    int64_t alive, count;
    size_t runs_new;   /* of runs, where jobs live: those that they will not carry out */
    const char *bound; /* as in struct pxs_jobs */
    struct pxs_submission submission; /* of dir */
    struct pxs_plan *plan;            /* that was made; NULL where that failed */
    struct pxs_arena arena;
};
/* Submits what is missing: as many jobs as the plan needs less those of earlier submissions that
 * live, which count for the runs that they know. Calls the launcher until it has an answer, with
 * words in between. PXS_OK, also where nothing had to be started. PXS_E_STOPPED: the stop flag; the
 * same call goes on later, and starts nothing twice. PXS_E_INVALID: refused, by the launcher's
 * words too. `out` is to be finished in any case.
 */
PXS_NODISCARD enum pxs_status pxs_submit(const struct pxs_submit_options *options,
                                         struct pxs_submitted *out, struct pxs_error *err);
void pxs_submitted_finish(struct pxs_submitted *submitted);

/* Removes the claims that jobs of the submission in `dir` have on runs of the plan that are not
 * over. The caller knows from the launcher that none of these jobs lives. */
PXS_NODISCARD enum pxs_status pxs_submission_break_claims(const struct pxs_plan *plan,
                                                          const char *dir, struct pxs_logger log,
                                                          struct pxs_error *err);

/* ---- what users want reaches jobs (mirror.c) ------------------------------------------------- */

/* Of the user who goes on with a paused sweep, in the folder of submissions. */
#define PXS_RESUMED_FILE "resumed"

struct pxs_mirrored {
    size_t submissions; /* whose jobs may live */
    size_t changed;     /* files that were made or removed */
    bool paused;        /* a task has paused the sweep, and now the database says so, too */
    char reason[600];   /* in that task's words, one line */
};
/* Makes the files that tasks look for in each submission of the sweep (supervisor.h) agree with
 * the database, which is the master: `cancel/<number>` is there for a run that is cancelled,
 * `paused` while the sweep is paused. Files of runs that the database does not know stay. A
 * `paused` that a task has written pauses the sweep in the database; pxs_submissions_resume ends
 * that. Where nothing differs, nothing is written. PXS_OK where there is no submission. */
PXS_NODISCARD enum pxs_status pxs_submissions_mirror(struct pxs_store *store, const char *results,
                                                     int64_t sweep_id, struct pxs_mirrored *out,
                                                     struct pxs_error *err);
/* The user goes on with a paused sweep: no submission is paused any more, whoever paused it. Unless
 * that is `in_database` already, the next mirror opens the sweep there. PXS_OK where there is no
 * submission. */
PXS_NODISCARD enum pxs_status pxs_submissions_resume(const char *results, const char *sweep,
                                                     bool in_database, struct pxs_error *err);

/* Where no database knows a sweep yet: its submissions alone do. */

/* The sweeps of the results folder with a submission whose jobs may live, by name; malloc'ed, the
 * texts from `arena`. None where there is no such folder. */
PXS_NODISCARD enum pxs_status pxs_submitted_sweeps(const char *results, struct pxs_arena *arena,
                                                   const char ***out, size_t *n,
                                                   struct pxs_error *err);
/* Makes `cancel/<number>` for `run` (its hash and seed; NULL: for every run) in each submission of
 * the sweep whose jobs may live. *runs: of the plan that has most of them. */
PXS_NODISCARD enum pxs_status pxs_submissions_cancel(const char *results, const char *sweep,
                                                     const struct pxs_numbered *run, size_t *runs,
                                                     struct pxs_error *err);

/* The jobs of a sweep, as far as its launchers say. */
struct pxs_sweep_jobs {
    size_t jobs;    /* that live and are not ending */
    size_t unknown; /* submissions whose launcher did not answer: the logger got its words */
};
/* Asks the launchers of the sweep's submissions for all jobs that live, and, with `end`, has them
 * end those. PXS_E_STOPPED: `stop`, which may be NULL. */
PXS_NODISCARD enum pxs_status
pxs_submissions_jobs(const char *results, const char *sweep, bool end, const struct pxs_stop *stop,
                     struct pxs_logger logger, struct pxs_sweep_jobs *out, struct pxs_error *err);

#endif
