/* Attempts, their events, and record files on their way into the rows. */
#ifndef PIXSWEEP_STORE_ATTEMPTS_H
#define PIXSWEEP_STORE_ATTEMPTS_H

#include "pixsweep/store/database.h"
#include "pixsweep/store/runs.h"

/* ---- attempts ------------------------------------------------------------------------------- */

struct pxs_store_attempt {
    /* in, for pxs_store_take; 0 and "" become NULL */
    int64_t run_id;
    char host[256], boot_id[64];
    int64_t pid, pid_start; /* of the worker; may be set later: pxs_store_attempt_pid */
    char cores[256];        /* "0,1" */
    int64_t threads;
    char kernels[64];
    int64_t started_ms;
    /* in and out: at least this number, and the one that it has */
    int64_t no;
    /* out */
    int64_t attempt_id;
    int64_t heartbeat_ms, ended_ms; /* 0 = none; ended_ms 0 = still open */
    int64_t resumed_from_step;      /* -1 = from the start or not begun */
    int64_t record_offset;          /* bytes of the record file that are ingested */
    /* from the END record or pxs_store_attempt_end; NONE = none yet */
    enum pxs_run_state outcome;
    char message[1024];         /* likewise; "" */
    enum pxs_end_reason reason; /* NONE while it is open */
};

/* Claims a run: queued, interrupted or pruned -> running (one conditional update, so two
 * supervisors never claim the same run) and its attempt's row. PXS_E_BUSY where the run is in any
 * other state (the message names it). Fills the out-fields. */
PXS_NODISCARD enum pxs_status pxs_store_take(struct pxs_store *s, struct pxs_store_attempt *attempt,
                                             struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_store_attempt_pid(struct pxs_store *s, int64_t attempt_id,
                                                    int64_t pid, int64_t pid_start,
                                                    struct pxs_error *err);
/* Sets heartbeat_ms of the attempts given, in one transaction. */
PXS_NODISCARD enum pxs_status pxs_store_heartbeat(struct pxs_store *s, const int64_t *attempt_ids,
                                                  size_t n, int64_t at_ms, struct pxs_error *err);

struct pxs_store_end {
    enum pxs_run_state outcome; /* of the attempt; NONE = keep END's */
    enum pxs_run_state state;   /* of the run from now on (queued: it is to be tried again) */
    int exit_code;              /* -1 = none (killed, unknown) */
    int signal;                 /* 0 = none */
    enum pxs_end_reason reason;
    const char *message; /* why, with the tail of the log; NULL = keep what the END record said */
    int64_t ended_ms;
};
/* Closes an attempt and sets its run's state; a run that was cancelled meanwhile stays so unless it
 * is completed or diverged. PXS_E_EXISTS where it is closed already (nothing changes). */
PXS_NODISCARD enum pxs_status pxs_store_attempt_end(struct pxs_store *s, int64_t attempt_id,
                                                    const struct pxs_store_end *end,
                                                    struct pxs_error *err);
/* An attempt that was closed as lost is open again: its folder tells its end after all. */
PXS_NODISCARD enum pxs_status pxs_store_attempt_reopen(struct pxs_store *s, int64_t attempt_id,
                                                       struct pxs_error *err);
/* The attempts that are open, of a sweep or of all (0): what a supervisor that starts must look
 * after. free(*out). */
PXS_NODISCARD enum pxs_status pxs_store_open_attempts(struct pxs_store *s, int64_t sweep_id,
                                                      struct pxs_store_attempt **out, size_t *n,
                                                      struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_store_attempt(struct pxs_store *s, int64_t attempt_id,
                                                struct pxs_store_attempt *out,
                                                struct pxs_error *err);

/* ---- ingesting ------------------------------------------------------------------------------ */

/* The row of a run that a folder tells of (its new_* fields): found by its identity, or added, with
 * its sweep where there is none of that name (spec_yaml and spec_hash are for that case). Where
 * another run has its number or name, it gets the next free number. Fills the out-fields. */
PXS_NODISCARD enum pxs_status pxs_store_add_run(struct pxs_store *s, const char *sweep,
                                                const char *spec_yaml, const char *spec_hash,
                                                struct pxs_store_plan_run *run,
                                                struct pxs_error *err);
/* The run is in another folder from now on: nothing of that folder's record file counts as
 * ingested. */
PXS_NODISCARD enum pxs_status pxs_store_move_run(struct pxs_store *s, int64_t run_id,
                                                 const char *dir, struct pxs_error *err);
/* Rows for attempts that a record file tells of, in the order of the file. In: no as in the BEGIN
 * record, host to kernels, started_ms. Found by process (boot id, pid and its start), or by number
 * where pid is 0 or the row has none yet; else added, with the next number where that one is taken.
 * All fields are filled in; a run with an open attempt is `running` then, unless it is completed or
 * cancelled. */
PXS_NODISCARD enum pxs_status pxs_store_adopt_attempts(struct pxs_store *s, int64_t run_id,
                                                       struct pxs_store_attempt *attempts, size_t n,
                                                       struct pxs_error *err);
/* The process that a BEGIN record names in its text: host, boot_id, pid, pid_start, cores, threads,
 * kernels, and no and started_ms; the rest is zeroed. */
void pxs_store_begun(const struct pxs_record_begin *begin, struct pxs_store_attempt *out);
/* The attempt_id of such a process, 0 where it has no row. */
PXS_NODISCARD enum pxs_status pxs_store_attempt_of(struct pxs_store *s, int64_t run_id,
                                                   const struct pxs_store_attempt *process,
                                                   int64_t *attempt_id, struct pxs_error *err);
/* How far a run's record file is ingested: up to `offset` as the file was in attempt `no`, the last
 * one of which anything is ingested; 0 and 0 = nothing is. */
PXS_NODISCARD enum pxs_status pxs_store_ingested(struct pxs_store *s, int64_t run_id, int64_t *no,
                                                 int64_t *offset, struct pxs_error *err);

/* ---- events --------------------------------------------------------------------------------- */

/* Something worth knowing, at at_ms; run_id 0 = not about one run. The same event twice is one
 * row. */
PXS_NODISCARD enum pxs_status pxs_store_event(struct pxs_store *s, int64_t run_id, int64_t at_ms,
                                              enum pxs_log_level level, const char *kind,
                                              const char *message, struct pxs_error *err);

/* ---- intake --------------------------------------------------------------------------------- */

/* Ingests up to `max` records from the cursor into the attempt's run: rows, summary, heartbeat and
 * attempt.record_offset in one transaction, so each record is ingested exactly once whatever dies
 * when. *taken (may be NULL) = how many; fewer than max: the end for now. On failure nothing is
 * committed and the cursor is where it was: call again.
 *
 * BEGIN: rows at and after its resumed_from_step are removed (all, and the summary, at -1);
 * `environment` of the attempt of that process, or with that number where it names none; the
 * attempt must exist.
 * BATCH, EPOCH, SAMPLE, CHECKPOINT, RUNG: upserts on the primary key; NaN becomes NULL.
 * EVENT: a row unless the same is there.
 * END: outcome and message of the attempt that was running at its time; it stays open until
 * pxs_store_attempt_end.
 *
 * A damaged record file: what is before the damage is ingested, the next call fails with
 * PXS_E_CORRUPT. */
PXS_NODISCARD enum pxs_status pxs_store_intake(struct pxs_store *s, int64_t attempt_id,
                                               struct pxs_record_cursor *cursor, size_t max,
                                               size_t *taken, struct pxs_error *err);

/* Whether the WAL has passed `limit` bytes (default 256 MB) because a reader's old snapshot stops
 * checkpoints. SQLite sets no bound there; callers should let records wait in their files, which
 * costs nothing. Other writes (attempts that begin and end) go on. Tries about once a second
 * whether the reader is gone. */
bool pxs_store_wal_backlog(struct pxs_store *s);
void pxs_store_set_wal_limit(struct pxs_store *s, int64_t bytes);

#endif
