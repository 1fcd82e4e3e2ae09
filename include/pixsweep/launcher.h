/* launcher: starts copies of a job on other machines, asks which of them live, ends them.
 *
 * A launcher is an executable of a few verbs (docs: the head of src/run/launcher/slurm.sh). The
 * built-in ones, `slurm` and `ssh`, are sh scripts inside the program; a user may write another.
 * A submission has a folder of its own, and all that must outlive this process is in it:
 *
 *     launcher     the executable, as it was when the folder was made
 *     job.sh       what each job runs; it ends in `exec DIR/pixsweep task DIR`
 *     variables    what the launcher is told beside its folder and the name, each ended by a NUL
 *     submission   "accepted NAME", the number of jobs, and "id ID" for each line of submit's
 *     started      made by the first job that starts
 *     log/         what the jobs print
 *
 * One process at a time calls these functions on one folder; the caller sees to it. */
#ifndef PIXSWEEP_LAUNCHER_H
#define PIXSWEEP_LAUNCHER_H

#include "pixsweep/base.h"

/* ---- what to launch ------------------------------------------------------------------------- */

/* A key of the launcher's section in an experiment file: `partition: cpu` reaches the launcher as
 * PIXSWEEP_PARTITION=cpu. Lower case letters, digits and `_`; not one of the names below. */
struct pxs_launcher_key {
    const char *key, *value;
};

/* All borrowed. */
struct pxs_launcher {
    /* The submission's folder, absolute: PIXSWEEP_DIR. */
    const char *dir;
    /* Of the sweep; job names begin with it. */
    const char *sweep;
    /* What a job asks for, as PIXSWEEP_CPUS, _MEM_MB, _SECONDS; _WARN: seconds before its time is
     * up at which it gets SIGUSR2; _THROTTLE: jobs that run at once. 0 = not said. */
    int64_t cpus, mem_mb, seconds, warn, throttle;
    const struct pxs_launcher_key *keys;
    size_t n_keys;
    /* Arguments as they are, one a line of PIXSWEEP_EXTRA; ended by NULL. NULL = none. */
    const char *const *extra;
    /* Lines of bash that job.sh runs first. NULL = none. */
    const char *setup;
    /* What an earlier process told it, in place of all from cpus to extra: "NAME=value", ended by
     * NULL (pxs_launcher_recall). NULL = it is told what stands above. */
    const char *const *variables;

    /* Seconds: how long submit and cancel, and how long alive and limits may take before they are
     * killed (0 = 60 and 30), and how old a submission without an answer must be before `alive`
     * that does not know it proves that there is none (0 = 60). */
    double submit_seconds, query_seconds, settle_seconds;
    /* What a launcher that succeeds says on stderr comes as warnings. */
    struct pxs_logger logger;
    /* Once raised, a call that waits is ended with PXS_E_STOPPED. NULL = never. */
    const struct pxs_stop *stop;
};

/* Makes `dir` with log/ and the launcher `on`: "slurm", "ssh", or the path of an executable, which
 * is copied. Another launcher that is there is replaced. */
PXS_NODISCARD enum pxs_status pxs_launcher_lay_out(const char *dir, const char *on,
                                                   struct pxs_error *err);
/* Appends job.sh as a submission called `name` would get it. */
void pxs_launcher_job_script(const struct pxs_launcher *l, const char *name, struct pxs_text *out);
/* Appends what a launcher would be told of a submission called `name`: "PIXSWEEP_CPUS=4", a line
 * each. PXS_E_INVALID where a key or an argument cannot be told. */
PXS_NODISCARD enum pxs_status pxs_launcher_variables(const struct pxs_launcher *l, const char *name,
                                                     struct pxs_text *out, struct pxs_error *err);
/* Keeps what a launcher is told as a file in its folder, so that processes that know neither the
 * experiment file nor its keys can ask for living jobs and cancel them. */
PXS_NODISCARD enum pxs_status pxs_launcher_keep(const struct pxs_launcher *l,
                                                struct pxs_error *err);
/* The launcher in the folder `dir` (borrowed), to be told what was kept there; for every call but
 * submit. Logger, stop flag and time limits are the caller's to set; memory comes from `arena`. */
PXS_NODISCARD enum pxs_status pxs_launcher_recall(const char *dir, struct pxs_arena *arena,
                                                  struct pxs_launcher *out, struct pxs_error *err);
/* Writes the file `name` into the folder `dir`: executable, whole or not at all. */
PXS_NODISCARD enum pxs_status pxs_write_executable(const char *dir, const char *name,
                                                   const char *text, size_t bytes,
                                                   struct pxs_error *err);

/* ---- submit --------------------------------------------------------------------------------- */

enum pxs_submission_state {
    PXS_SUBMISSION_NONE,    /* never asked for, or the launcher said "try later": no job is there */
    PXS_SUBMISSION_UNKNOWN, /* asked for, and no answer came: jobs may be there */
    PXS_SUBMISSION_ACCEPTED, /* jobs were started; whether they live, pxs_launcher_alive says */
    PXS_SUBMISSION_REFUSED   /* for good: no job is there */
};

/* Zero-initialise; finish once. */
struct pxs_submission {
    enum pxs_submission_state state;
    const char *name; /* of all its jobs, and of no others; NULL before the first */
    int64_t count;    /* jobs that were asked for */
    /* As printed by the launcher; none where only a look found the jobs. */
    const char *const *ids;
    size_t n_ids;
    struct pxs_arena arena;
};
/* What `dir` says; NONE where it says nothing. PXS_E_CORRUPT where it cannot be understood. */
PXS_NODISCARD enum pxs_status pxs_submission_read(const char *dir, struct pxs_submission *out,
                                                  struct pxs_error *err);
void pxs_submission_finish(struct pxs_submission *sub);

/* Starts `count` jobs, once: a folder whose submission is accepted stays as it is, and one without
 * an answer is looked up by its name before anything is asked for again. So a caller calls until it
 * is not PXS_E_BUSY any more, about once a minute, in this process or a later one.
 * PXS_OK: accepted. PXS_E_INVALID: refused for good, with the launcher's words. PXS_E_BUSY: nobody
 * knows yet, or the launcher said "try later". PXS_E_STOPPED: the stop flag; call again later.
 * `out` is filled in all of these cases. */
PXS_NODISCARD enum pxs_status pxs_launcher_submit(const struct pxs_launcher *l, int64_t count,
                                                  struct pxs_submission *out,
                                                  struct pxs_error *err);

/* ---- alive ---------------------------------------------------------------------------------- */

enum pxs_launched_state {
    PXS_LAUNCHED_PENDING,
    PXS_LAUNCHED_RUNNING,
    PXS_LAUNCHED_ENDING,
    PXS_LAUNCHED_UNKNOWN /* its host does not answer */
};
struct pxs_launched {
    const char *id; /* as cancel takes it, and as PIXSWEEP_TASK within the job: "4711_3" */
    int64_t task;   /* the number behind its last `_`; -1 = none */
    enum pxs_launched_state state;
    const char *reason; /* why it is pending, or the node that it runs on; "" where none was said */
};
/* Zero-initialise; finish once. */
struct pxs_launched_list {
    struct pxs_launched *jobs;
    size_t n;
    struct pxs_arena arena;
};
void pxs_launched_finish(struct pxs_launched_list *list);

/* The jobs of the submission `name` that live; what is not in the list is gone. PXS_E_BUSY: nobody
 * knows, in words: nothing may be concluded. */
PXS_NODISCARD enum pxs_status pxs_launcher_alive(const struct pxs_launcher *l, const char *name,
                                                 struct pxs_launched_list *out,
                                                 struct pxs_error *err);

/* Appends "12 jobs at work on 9 nodes, 30 pending (Priority)", without a line's end; PXS_NO_JOBS
 * where there are none. *never: some are pending for a reason that never ends, which is named
 * first, with what it means. */
#define PXS_NO_JOBS "no jobs"
void pxs_launched_words(const struct pxs_launched_list *list, struct pxs_text *out, bool *never);

/* The same for a loop that must not wait. */
struct pxs_launcher_question;
PXS_NODISCARD enum pxs_status pxs_launcher_ask(const struct pxs_launcher *l, const char *name,
                                               struct pxs_launcher_question **out,
                                               struct pxs_error *err);
/* True once it is answered, or its time is up. Waits `ms` at most. */
bool pxs_launcher_is_answered(struct pxs_launcher_question *q, int ms);
/* As pxs_launcher_alive; frees `q`, and ends the launcher where it still runs. */
PXS_NODISCARD enum pxs_status pxs_launcher_answer(struct pxs_launcher_question *q,
                                                  struct pxs_launched_list *out,
                                                  struct pxs_error *err);

/* ---- cancel, limits ------------------------------------------------------------------------- */

/* Asks the jobs of `name` with these ids to stop: ids of pxs_launched, or those of a submission for
 * all of it. One that is gone is no error. PXS_E_BUSY: nobody knows whether all were reached. */
PXS_NODISCARD enum pxs_status pxs_launcher_cancel(const struct pxs_launcher *l, const char *name,
                                                  const char *const *ids, size_t n,
                                                  struct pxs_error *err);

/* What the engine allows; -1 = not known. */
struct pxs_launcher_limits {
    int64_t max_array_size;  /* jobs in a submission */
    int64_t max_submit_jobs; /* jobs of this user, pending or running */
    int64_t kill_wait;       /* seconds from SIGTERM to SIGKILL */
};
/* The verb is optional: all -1 where the launcher has no such verb (exit 2). */
PXS_NODISCARD enum pxs_status pxs_launcher_limits(const struct pxs_launcher *l,
                                                  struct pxs_launcher_limits *out,
                                                  struct pxs_error *err);

#endif
