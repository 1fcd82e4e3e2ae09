/* store: the SQLite record of sweeps, runs, attempts and everything that was measured
 * (docs/contracts.md, Database, has the schema, which is promised). The one room with sqlite3.h.
 * One writer at a time: every write transaction and every WAL checkpoint happens under one flock on
 * `<database>.lock`, waited for no longer than pxs_store_set_wait allows; then PXS_E_BUSY, nothing
 * changed, try again later. Reading never writes. A store belongs to one thread and must not be
 * carried across fork without exec.
 *
 * A disk that is full is PXS_E_IO, a damaged database PXS_E_CORRUPT; neither loses anything that a
 * record file holds. Every writing call is one transaction: done whole or not at all. */
#ifndef PIXSWEEP_STORE_H
#define PIXSWEEP_STORE_H

#include "pixsweep/base.h"
#include "pixsweep/params.h"
#include "pixsweep/records.h"
#include "pixsweep/records/reason.h"

struct pxs_store;

/* ---- opening -------------------------------------------------------------------------------- */

/* For writing: creates the folder, the file and the schema where missing; an older schema is
 * migrated in one transaction after a backup `<path>.v<version>.backup` (pxs_store_note).
 * PXS_E_INVALID, with the remedy, where this user can never write to it; PXS_E_UNSUPPORTED for a
 * newer schema and for a network file system, PXS_E_CORRUPT for a damaged file and for one that is
 * no pixsweep database. */
PXS_NODISCARD enum pxs_status pxs_store_open(const char *path, struct pxs_store **out,
                                             struct pxs_error *err);
/* For reading, with or without a writer at work: PXS_E_NOT_FOUND with the remedy where there is no
 * database yet. An older schema is read as it stands. Changes nothing and creates nothing (one
 * exception: SQLite's index `-shm`, where somebody copied a `-wal` with content without it). */
PXS_NODISCARD enum pxs_status pxs_store_open_readonly(const char *path, struct pxs_store **out,
                                                      struct pxs_error *err);
void pxs_store_close(struct pxs_store **store);
const char *pxs_store_path(const struct pxs_store *store); /* absolute */
/* Whether the path still leads to the file that was opened: somebody may have removed or replaced
 * it, and SQLite would not notice. */
bool pxs_store_is_there(const struct pxs_store *store);
/* What opening did that its user should know, as a sentence fragment: an older schema was migrated,
 * and where its backup is.
 * "" = nothing. */
const char *pxs_store_note(const struct pxs_store *store);
/* As pxs_store_open, but waits `seconds` at most for the lock. */
PXS_NODISCARD enum pxs_status pxs_store_open_within(const char *path, double seconds,
                                                    struct pxs_store **out, struct pxs_error *err);
/* Whether a database could be opened for writing at `path`, as far as rights tell; makes nothing.
 * PXS_E_INVALID names what is in the way and the remedy. That it is busy, locked or full now is not
 * looked at. */
PXS_NODISCARD enum pxs_status pxs_store_check_place(const char *path, struct pxs_error *err);
/* Is this path on a network file system, where there can be no database? The folder need not
 * exist. */
bool pxs_store_on_network(const char *path);
/* From now on the meter is told `work` ("copying the database", borrowed) now and then while this
 * store's SQL is at work: how long that takes is not known, so there is no total. A zeroed meter
 * ends it. */
void pxs_store_set_meter(struct pxs_store *store, struct pxs_meter meter, const char *work);
/* How long a call may wait for the lock and for SQLite's own locks, in seconds (default 30). 0 = do
 * not wait. */
void pxs_store_set_wait(struct pxs_store *store, double seconds);

/* Is this failure of the database one that runs need not wait for: locked, full, read-only, on a
 * network file system? */
bool pxs_store_may_wait(enum pxs_status status, const char *db);

/* ---- plan ----------------------------------------------------------------------------------- */

struct pxs_store_plan_run {
    /* in: identity */
    char config_hash[PXS_SHA256_HEX];
    int64_t seed;
    /* in, for pxs_store_plan only: what a new row gets; ignored for a run that exists. All
     * borrowed. */
    int64_t new_number;
    const char *new_name;
    const char *new_dir; /* absolute; stored relative to the database's folder when inside it */
    const char *new_config_yaml;
    const struct pxs_params *params; /* effective keys become rows of `param` */
    /* out; name and dir are empty and the rest 0 where the run does not exist (lookup only) */
    int64_t run_id, number;
    char name[256], dir[PXS_PATH_MAX]; /* dir: absolute */
    enum pxs_run_state state;
    bool added; /* this call made the row */
};

struct pxs_store_plan {
    int64_t sweep_id;    /* 0: no such sweep yet (lookup only) */
    size_t added, found; /* runs that are new, runs that were there */
    int64_t next_number; /* the first run number that is free */
    /* runs of the sweep that are not among those given, oldest first; free with _finish */
    int64_t *gone;
    size_t n_gone;
};
void pxs_store_plan_finish(struct pxs_store_plan *plan);

/* What is there already: fills the out-fields of `runs` and *plan. Writes nothing; works on a
 * read-only store. */
PXS_NODISCARD enum pxs_status pxs_store_lookup(struct pxs_store *s, const char *sweep,
                                               struct pxs_store_plan_run *runs, size_t n,
                                               struct pxs_store_plan *plan, struct pxs_error *err);
/* Freezes a plan in one transaction: the sweep's row (created, or found by name: spec_yaml,
 * spec_hash and n_planned are updated) and a row, state queued, for each run whose (config_hash,
 * seed) is not there yet; the others stay as they are, and no row is ever removed. PXS_E_EXISTS,
 * and nothing done, where a new run's number or name is taken (somebody else planned in between:
 * look up and plan again); PXS_E_INVALID where two of `runs` are the same run. */
PXS_NODISCARD enum pxs_status pxs_store_plan(struct pxs_store *s, const char *sweep,
                                             const char *spec_yaml, const char *spec_hash,
                                             struct pxs_store_plan_run *runs, size_t n,
                                             struct pxs_store_plan *plan, struct pxs_error *err);

/* ---- runs ----------------------------------------------------------------------------------- */

struct pxs_store_run {
    int64_t run_id, sweep_id, number, seed;
    char name[256], sweep[128], dir[PXS_PATH_MAX] /* absolute */, config_hash[PXS_SHA256_HEX];
    enum pxs_run_state state;
    int64_t attempts; /* made so far */
};
/* The runs of a sweep (0: of all sweeps) by sweep and number; free(*out). */
PXS_NODISCARD enum pxs_status pxs_store_runs(struct pxs_store *s, int64_t sweep_id,
                                             struct pxs_store_run **out, size_t *n,
                                             struct pxs_error *err);
/* What a person may say for a run or a sweep, in this order: its name; a run_id, or SWEEP/NUMBER;
 * its folder, or anything in a run's folder; for a sweep also NAME.yaml; the beginning of one name
 * only. A slash at the end says that a sweep is meant ("1/", where there is a run 1, too).
 * PXS_E_INVALID where it could be several, which are named, or is one of the other kind. */
/* A RUN argument; the only run of a sweep may be named by the sweep. PXS_E_NOT_FOUND names the
 * nearest run of the sweep that was named, if one is near. */
PXS_NODISCARD enum pxs_status pxs_store_find_run(struct pxs_store *s, const char *run,
                                                 struct pxs_store_run *out, struct pxs_error *err);
/* A SWEEP argument, or NULL for the one worked on last (planned or run). PXS_E_NOT_FOUND names the
 * sweeps there are. */
PXS_NODISCARD enum pxs_status pxs_store_find_sweep(struct pxs_store *s, const char *name,
                                                   int64_t *sweep_id, struct pxs_error *err);
struct pxs_store_target {
    int64_t sweep_id, run_id; /* run_id 0: the whole sweep */
    char name[256];
};
/* A RUN|SWEEP argument. PXS_E_INVALID where a number is a sweep's name and a run_id. */
PXS_NODISCARD enum pxs_status pxs_store_find_target(struct pxs_store *s, const char *text,
                                                    struct pxs_store_target *out,
                                                    struct pxs_error *err);
/* The frozen config.yaml of a run; free(*yaml). */
PXS_NODISCARD enum pxs_status pxs_store_run_config(struct pxs_store *s, int64_t run_id, char **yaml,
                                                   struct pxs_error *err);

/* ---- states that a user sets ---------------------------------------------------------------- */

struct pxs_store_run_state {
    int64_t run_id;
    enum pxs_run_state state;
};
/* The states of all runs of a sweep by run_id, in one query; free(*out). */
PXS_NODISCARD enum pxs_status pxs_store_run_states(struct pxs_store *s, int64_t sweep_id,
                                                   struct pxs_store_run_state **out, size_t *n,
                                                   struct pxs_error *err);
/* Sets a sweep's state: "open" or "paused". PXS_E_NOT_FOUND where there is no such sweep. */
PXS_NODISCARD enum pxs_status pxs_store_sweep_state(struct pxs_store *s, int64_t sweep_id,
                                                    const char *state, struct pxs_error *err);
/* Reads it. */
PXS_NODISCARD enum pxs_status pxs_store_get_sweep_state(struct pxs_store *s, int64_t sweep_id,
                                                        char state[16], struct pxs_error *err);

/* What pxs_store_retry or _cancel did. */
struct pxs_store_changed {
    struct pxs_store_run_state *runs; /* changed, with the state that they were in; by run_id */
    size_t n;
    struct pxs_state_counts states; /* of those, as they were */
    size_t left;                    /* asked for but left as they were: see there */
};
void pxs_store_changed_finish(struct pxs_store_changed *changed);

/* Which runs to try again. */
#define PXS_RETRY_FAILED 1u
#define PXS_RETRY_DIVERGED 2u
#define PXS_RETRY_CANCELLED 4u
#define PXS_RETRY_ALL 7u
/* Queues runs of a sweep again whose state is in `what` and that meet `where` (NULL = all): the
 * user's SQL condition over v_run's columns, which can only read; a mistake in it is PXS_E_INVALID
 * in words. Their retry budgets begin anew (a row of `retry`); attempts, logs and events stay.
 * Completed, queued, interrupted and running runs are never touched. `left`: runs whose last worker
 * has not been seen to end (they were cancelled a moment ago, or its supervisor died), and runs
 * being removed. */
PXS_NODISCARD enum pxs_status pxs_store_retry(struct pxs_store *s, int64_t sweep_id, unsigned what,
                                              const char *where, struct pxs_store_changed *out,
                                              struct pxs_error *err);
/* Cancels runs that are queued, interrupted or running. A running one's attempt stays open: records
 * still come in, its supervisor stops the worker and closes the attempt. `left`: runs that are over
 * already. PXS_E_NOT_FOUND, and nothing done, where one does not exist. */
PXS_NODISCARD enum pxs_status pxs_store_cancel(struct pxs_store *s, const int64_t *run_ids,
                                               size_t n, struct pxs_store_changed *out,
                                               struct pxs_error *err);
/* The closed attempts of a run that failed since it was last put back by pxs_store_retry: by
 * timeout (attempt.reason) and otherwise. */
PXS_NODISCARD enum pxs_status pxs_store_failures(struct pxs_store *s, int64_t run_id,
                                                 int64_t *crashes, int64_t *timeouts,
                                                 struct pxs_error *err);

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
    /* out */
    int64_t attempt_id, no;
    int64_t heartbeat_ms, ended_ms; /* 0 = none; ended_ms 0 = still open */
    int64_t resumed_from_step;      /* -1 = from the start or not begun */
    int64_t record_offset;          /* bytes of the record file that are ingested */
    /* from the END record or pxs_store_attempt_end; NONE = none yet */
    enum pxs_run_state outcome;
    char message[1024];         /* likewise; "" */
    enum pxs_end_reason reason; /* NONE while it is open */
};

/* Takes a run: queued, interrupted or pruned -> running (one conditional update, so two supervisors
 * never take the same run) and its attempt's row. PXS_E_BUSY where the run is in any other state
 * (the message names it). Fills the out-fields. */
PXS_NODISCARD enum pxs_status pxs_store_take(struct pxs_store *s, struct pxs_store_attempt *attempt,
                                             struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_store_attempt_pid(struct pxs_store *s, int64_t attempt_id,
                                                    int64_t pid, int64_t pid_start,
                                                    struct pxs_error *err);
/* Proof of life, one update for all attempts given. */
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
/* The attempts that nobody has closed, of a sweep or of all (0): what a supervisor that starts has
 * to look after. free(*out). */
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
/* The run lives in another folder from now on: nothing of that folder's record file counts as
 * taken. */
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
 * one of which anything is taken; 0 and 0 = nothing is. */
PXS_NODISCARD enum pxs_status pxs_store_ingested(struct pxs_store *s, int64_t run_id, int64_t *no,
                                                 int64_t *offset, struct pxs_error *err);

/* ---- events --------------------------------------------------------------------------------- */

/* Something worth knowing, at at_ms; run_id 0 = not about one run. The same event twice is one
 * row. */
PXS_NODISCARD enum pxs_status pxs_store_event(struct pxs_store *s, int64_t run_id, int64_t at_ms,
                                              enum pxs_log_level level, const char *kind,
                                              const char *message, struct pxs_error *err);

/* ---- runs of before ------------------------------------------------------------------------- */

/* A run that was made by another program and stands in its logs. Everything borrowed. */
struct pxs_store_imported {
    /* in */
    const char *sweep;       /* name; created where there is none */
    const char *config_hash; /* of the content: the same run is not imported twice into one sweep */
    bool seed_known;         /* else the seed becomes -number: a seed that no other run has */
    int64_t seed;
    const char *what;                /* the middle of the run's name, [A-Za-z0-9._=-] */
    const char *config_yaml;         /* what is known of it, as text */
    const struct pxs_params *params; /* those in `known` become rows of `param` */
    const bool *known;               /* PXS_PARAM_COUNT of them */
    const char *label;               /* `dataset` where that is not known; NULL: none */
    enum pxs_outcome outcome;        /* of its one attempt; the run's state */
    const char *message;             /* why; NULL: none */
    int64_t at_ms;                   /* when it ended, as well as anybody knows */
    const char *environment;         /* "key=value\n" lines */
    const char *source;              /* file, for `imported` */
    int64_t first_line, last_line, unreadable;
    const char *event; /* message of an event of kind "imported" */
    /* out */
    int64_t run_id, number;
    char name[256];
    bool added; /* false: it was there already, and nothing was done */
};
/* The next of a run's BATCH and EPOCH records; *more false: that was all. */
typedef enum pxs_status (*pxs_store_next_fn)(void *user, struct pxs_record *r, bool *more,
                                             struct pxs_error *err);
/* All of a run in one transaction: its rows, one closed attempt, `imported`, an event, and the
 * records that `next` hands out, summed up in `run_summary` without seconds, which no log tells.
 * Where anything fails, nothing is there. An imported run has no folder: run.dir leads to where one
 * would be. It belongs to no plan (it is not `gone`), and neither retry nor cancel touches it. */
PXS_NODISCARD enum pxs_status pxs_store_import(struct pxs_store *s, struct pxs_store_imported *run,
                                               pxs_store_next_fn next, void *user,
                                               struct pxs_error *err);

/* ---- stale ---------------------------------------------------------------------------------- */

#define PXS_STALE_MS \
    300000 /* without a heartbeat where neither its lock nor the process itself can be seen */
/* What tells whether somebody still works on an open attempt. "" and 0 = not known. */
struct pxs_attempt_life {
    const char *host, *boot_id;
    int64_t pid, pid_start;   /* of the worker */
    int64_t supervisor;       /* its pid */
    int64_t seen_ms;          /* last heartbeat, or its start */
    enum pxs_lock_look guard; /* of its supervisor's lock; asked on this host alone */
};
/* On this host: booted since, or nobody holds its supervisor's lock and its worker is gone or never
 * began. Where the lock cannot be seen: no such process and nobody about to say how it ended. On
 * another host, or where no process is known either: no heartbeat for PXS_STALE_MS. */
bool pxs_attempt_is_stale(const struct pxs_attempt_life *a, const struct pxs_host *here,
                          int64_t now_ms);
/* The runs in state running whose open attempt is stale, of a sweep or of all (0), by sweep and
 * number. Reads only; the state in the database stays what it is until somebody takes the run home.
 * free(*run_ids). */
PXS_NODISCARD enum pxs_status pxs_store_stale_runs(struct pxs_store *s, int64_t sweep_id,
                                                   const struct pxs_host *here, int64_t now_ms,
                                                   int64_t **run_ids, size_t *n,
                                                   struct pxs_error *err);

/* ---- intake --------------------------------------------------------------------------------- */

/* Takes up to `max` records from the cursor into the attempt's run: rows, summary, heartbeat and
 * attempt.record_offset in one transaction, so each record is taken exactly once whatever dies
 * when. *taken (may be NULL) = how many; fewer than max: the end for now. On failure nothing is
 * committed and the cursor stands where it stood: call again.
 *
 *   BEGIN   rows at and after its resumed_from_step are removed (all, and the summary, at -1);
 * `environment` of the attempt of that process, or with that number where it names none, which must
 * exist BATCH, EPOCH, SAMPLE, CHECKPOINT   upserts on the primary key; NaN becomes NULL RUNG    an
 * upsert, likewise EVENT   a row unless the same is there END     outcome and message of the
 * attempt that was running at its time; it stays open until pxs_store_attempt_end
 *
 * A damaged record file: what stands before the damage is taken, the next call fails with
 * PXS_E_CORRUPT. */
PXS_NODISCARD enum pxs_status pxs_store_intake(struct pxs_store *s, int64_t attempt_id,
                                               struct pxs_record_cursor *cursor, size_t max,
                                               size_t *taken, struct pxs_error *err);

/* Whether the write-ahead log has passed `limit` bytes (default 256 MB) because a reader holds on
 * to an old state, so that nothing can be folded in. SQLite sets no bound there; callers should let
 * records wait in their files, which cost nothing. What is written all the same (attempts that
 * begin and end) goes on. Tries about once a second whether the reader has gone. */
bool pxs_store_wal_backlog(struct pxs_store *s);
void pxs_store_set_wal_limit(struct pxs_store *s, int64_t bytes);

/* ---- upkeep --------------------------------------------------------------------------------- */

/* A consistent copy of the database, compacted, at `path`, while others write; works on a read-only
 * store, too. Whole or not at all, synced. PXS_E_EXISTS where something is there; PXS_E_NOSPC where
 * the disk is full. */
PXS_NODISCARD enum pxs_status pxs_store_backup(struct pxs_store *s, const char *path,
                                               struct pxs_error *err);

struct pxs_store_space {
    int64_t before, after; /* bytes of the file and its write-ahead log */
    /* a reader held on to the old state: the rest is given back when it has gone */
    bool waiting;
};
/* Gives free pages back to the file system and orders the rest anew. Readers go on; writers wait
 * (records stay in their files meanwhile). Needs free space of once the file's size beside it and
 * once in SQLite's folder for temporary files. */
PXS_NODISCARD enum pxs_status pxs_store_compact(struct pxs_store *s, struct pxs_store_space *out,
                                                struct pxs_error *err);

/* Removing begins: in one transaction, the runs become `cancelled` and get an event of kind
 * "removing", so that nobody takes them or queues them again. PXS_E_BUSY, and nothing done, where
 * the last attempt of one is open; PXS_E_NOT_FOUND where one does not exist. */
PXS_NODISCARD enum pxs_status pxs_store_mark_removed(struct pxs_store *s, const int64_t *run_ids,
                                                     size_t n, struct pxs_error *err);
/* Removes everything about a run, the run's row last, in transactions of at most 10,000 points so
 * that others get their turn. Begins with pxs_store_mark_removed. Stopped in the middle, it can be
 * called again. *rows (may be NULL) is increased by the rows removed. */
PXS_NODISCARD enum pxs_status pxs_store_remove_run(struct pxs_store *s, int64_t run_id,
                                                   int64_t *rows, struct pxs_error *err);
/* Removes all runs of a sweep and the sweep. */
PXS_NODISCARD enum pxs_status pxs_store_remove_sweep(struct pxs_store *s, int64_t sweep_id,
                                                     int64_t *rows, struct pxs_error *err);

/* ---- reading -------------------------------------------------------------------------------- */

enum pxs_cell_kind { PXS_CELL_NULL, PXS_CELL_INT, PXS_CELL_REAL, PXS_CELL_TEXT };
/* One value. BLOBs come as TEXT in hexadecimal. */
struct pxs_cell {
    enum pxs_cell_kind kind;
    int64_t integer;  /* INT */
    double real;      /* REAL, and INT converted */
    const char *text; /* TEXT, NUL-terminated; else NULL */
    size_t bytes;     /* of text */
};
struct pxs_cell pxs_cell_int(int64_t value);
struct pxs_cell pxs_cell_real(double value);
struct pxs_cell pxs_cell_text(const char *text); /* borrowed; NULL is a NULL cell */

/* A result in memory. Zero-initialise or let a query fill it; then finish. */
struct pxs_table {
    size_t n_columns, n_rows;
    const char **columns;   /* names */
    struct pxs_cell *cells; /* n_rows x n_columns, row after row; malloc'ed */
    struct pxs_arena arena;
};
void pxs_table_finish(struct pxs_table *table);
/* The cell, or a NULL cell where there is no such row or column. */
struct pxs_cell pxs_table_at(const struct pxs_table *table, size_t row, const char *column);

/* The questions of ls, show and compare. X(NAME, argument, what it answers). Columns are those of
 * the view or table unless named. */
#define PXS_QUERIES(X)                                                                        \
    X(PROGRESS, "0 or sweep_id", "v_progress: one row a sweep, newest first")                 \
    X(RUNS, "0 or sweep_id", "v_run, by sweep and number")                                    \
    X(RUN, "run_id", "v_run, one row")                                                        \
    X(SCHEDULES, "0 or sweep_id", "v_schedule, best mean first")                              \
    X(SWEEP_PARAMS, "sweep_id", "run_id, key, value: every effective parameter of every run") \
    X(DIFFERING, "sweep_id",                                                                  \
      "key, n: parameters that are not the same in all runs that tell them, seed apart")      \
    X(PARAMS, "run_id", "key, value")                                                         \
    X(ATTEMPTS, "run_id", "attempt, by no")                                                   \
    X(ENVIRONMENT, "run_id", "key, value of the last attempt")                                \
    X(EPOCHS, "run_id", "epoch, by epoch")                                                    \
    X(BATCHES, "run_id", "batch_loss, by step")                                               \
    X(SAMPLES, "run_id", "sample, by step")                                                   \
    X(CHECKPOINTS, "run_id", "checkpoint, by epoch and net")                                  \
    X(EVENTS, "run_id", "event, by time")

enum pxs_query {
#define PXS_QUERY_ENUM(name, arg, help) PXS_QUERY_##name,
    PXS_QUERIES(PXS_QUERY_ENUM)
#undef PXS_QUERY_ENUM
        PXS_QUERY_COUNT
};
PXS_NODISCARD enum pxs_status pxs_store_ask(struct pxs_store *s, enum pxs_query query, int64_t id,
                                            struct pxs_table *out, struct pxs_error *err);

/* Any reading statement, for other rooms and for tests. `args` are bound to ?1, ?2, ... Same rules
 * and errors as pxs_store_query. */
PXS_NODISCARD enum pxs_status pxs_store_select(struct pxs_store *s, const char *sql,
                                               const struct pxs_cell *args, size_t n_args,
                                               struct pxs_table *out, struct pxs_error *err);

/* Called first with cells NULL (the names), then for each row; what it is given lives until it
 * returns. Anything but PXS_OK ends the query and is returned. */
typedef enum pxs_status (*pxs_row_fn)(void *user, const char *const *columns,
                                      const struct pxs_cell *cells, size_t n,
                                      struct pxs_error *err);
/* The user's own SQL, row by row: exactly one SELECT, WITH, VALUES, EXPLAIN or schema PRAGMA;
 * anything that could write, attach or change a setting is PXS_E_INVALID in words, as is a mistake
 * in the SQL (with the place marked by a caret). On a read-only store, PXS_E_BUSY where the file
 * changed under a reader that had no lock to hold (no -wal beside it): ask again. */
PXS_NODISCARD enum pxs_status pxs_store_query(struct pxs_store *s, const char *sql, pxs_row_fn row,
                                              void *user, struct pxs_error *err);

#endif
