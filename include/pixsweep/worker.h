/* worker: one attempt in a process of its own, and what it says to its supervisor. */
#ifndef PIXSWEEP_WORKER_H
#define PIXSWEEP_WORKER_H

#include "pixsweep/base.h"
#include "pixsweep/config.h"

/* ---- its job (job.c) ------------------------------------------------------------------------ */

/* What a worker is told to do: an attempt at a run, or one batch of a configuration, to see that it
 * works and how much memory it takes. The file is JSON with a version; all members of its
 * kind must be there. */
struct pxs_job {
    enum pxs_job_kind { PXS_JOB_ATTEMPT, PXS_JOB_PREFLIGHT } kind;
    /* A pid: the worker's parent, or it ends at once. */
    int64_t supervisor;
    int64_t threads;
    const char *kernels;
    /* Folder of the file that all jobs on the same large data map (data.h). "" = none; NULL is
     * written as "". */
    const char *cache;

    /* Of an attempt: its number, what the run was planned with, and the command line that is
     * recorded. */
    int64_t attempt;
    const char *config_hash, *data_hash, *command;
    /* Nonce of the supervisor's claim on the run (rundir/claim.h): where the claim in its folder is
     * another one, the worker writes nothing more. "" = there is none; NULL is written as "". */
    const char *claim;
    /* The job of a batch system whose supervisor this is, how often it was requeued, and its log,
     * relative to the run's folder or absolute; all are recorded. "" = none; NULL is written as "".
     */
    const char *task, *task_log;
    int64_t restart;
    /* Seconds: between resume points, and to stop in when the supervisor is dead. */
    double resume_every, grace;
    /* A resume point of other kernels or another OpenBLAS is used, too. */
    bool allow_mixed;
    /* A completed run keeps its final point. */
    bool keep_final;
    /* Folder of a completed run of the same configuration with fewer epochs, from whose final point
     * this one may begin. "" = none; NULL is written as "". */
    const char *shorter;
    /* Epochs (0-based) after which it asks whether the run goes on. */
    int64_t rungs[PXS_RUNGS_MAX];
    size_t n_rungs;

    /* Of a preflight: an experiment file with one run, and the bytes of memory that there are (0 =
     * not known). */
    const char *config;
    int64_t memory;

    /* Where it was read from a file: what the strings point into. */
    struct pxs_json_doc *text;
};
/* Appends the file's text. */
PXS_NODISCARD enum pxs_status pxs_job_print(const struct pxs_job *job, struct pxs_text *out,
                                            struct pxs_error *err);
/* Writes job.json into the run's folder `dir`, whole or not at all. */
PXS_NODISCARD enum pxs_status pxs_job_write(const struct pxs_job *job, const char *dir,
                                            struct pxs_error *err);
/* Reads job.json in the run's folder `path`, or the file `path`. PXS_E_UNSUPPORTED where another
 * version of pixsweep wrote it, PXS_E_CORRUPT where it is no job. To be finished where PXS_OK. */
PXS_NODISCARD enum pxs_status pxs_job_read(const char *path, struct pxs_job *out,
                                           struct pxs_error *err);
void pxs_job_finish(struct pxs_job *job);

/* ---- worker --------------------------------------------------------------------------------- */

/* Carries out the job that `argv` behind `pixsweep worker` names: a run's folder, or a file. cli
 * has installed handlers that raise `stop` (SIGTERM, SIGINT) beforehand. Returns the exit code of
 * the process. `log` goes to stderr, which is the run's worker.log. */
int pxs_sweep_worker(int argc, char *const argv[], struct pxs_stop *stop, struct pxs_logger log);

/* ---- what worker and supervisor say to each other ------------------------------------------- */

/* How long a worker has to write a resume point and end, once it is asked to, its supervisor is
 * dead or its END is recorded. */
#define PXS_GRACE_SECONDS 30.0

/* Over the socket that is the worker's stdin, a packet each. Both ends are one program on one
 * machine; a packet of another size or version is dropped. */
#define PXS_MESSAGE_VERSION 1

/* From the worker. */
struct pxs_message {
    uint32_t version;
    uint32_t what; /* enum pxs_message_kind */
    int64_t epoch;
    double value;
};
enum pxs_message_kind {
    /* Its disk is full and it waits; its disk has space again. */
    PXS_MESSAGE_DISK_FULL = 1,
    PXS_MESSAGE_DISK_OK = 2,
    /* It has trained `epoch` (0-based) with validation loss `value` and asks whether it goes on;
       sent again until it is answered. */
    PXS_MESSAGE_RUNG = 3
};
/* The answer to a PXS_MESSAGE_RUNG. */
struct pxs_reply {
    uint32_t version;
    uint32_t go_on;
    int64_t epoch;
    double cutoff;
    char why[256]; /* where it does not go on */
};
_Static_assert(sizeof(struct pxs_message) == 24 && sizeof(struct pxs_reply) == 280,
               "no padding: they are sent as they are");

/* Exit codes of a worker. */
enum {
    PXS_EXIT_COMPLETED = 0,
    PXS_EXIT_FAILED = 1,
    PXS_EXIT_USAGE = 2,
    PXS_EXIT_DIVERGED = 3,
    PXS_EXIT_PRUNED = 4,
    /* The claim of its supervisor is another's, or gone. There is no END record. */
    PXS_EXIT_CLAIM_LOST = 5,
    PXS_EXIT_STOPPED = 130
};

/* ---- what a preflight prints ---------------------------------------------------------------- */

/* One of these at the beginning of a line, then its value or reason up to the line's end. */
#define PXS_PROBE_TOOK "preflight took bytes " /* of memory, of address space */
#define PXS_PROBE_NOMEM "preflight ran out of memory: "
#define PXS_PROBE_REFUSED "preflight refused: "

#endif
