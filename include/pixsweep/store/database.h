/* Opening a database, reading it, its upkeep. */
#ifndef PIXSWEEP_STORE_DATABASE_H
#define PIXSWEEP_STORE_DATABASE_H

#include "pixsweep/base.h"
#include "pixsweep/params.h"
#include "pixsweep/records.h"
#include "pixsweep/records/reason.h"

struct pxs_store;

/* ---- opening -------------------------------------------------------------------------------- */

/* For writing: creates the folder, the file and the schema where missing; an older schema is
 * migrated in one transaction after a backup `<path>.v<version>.backup` (pxs_store_note).
 * PXS_E_INVALID, with the remedy, where this user can never write to it and where it is a published
 * copy (published.h); PXS_E_UNSUPPORTED for a newer schema and for a network file system,
 * PXS_E_CORRUPT for a damaged file and for one that is no pixsweep database. */
PXS_NODISCARD enum pxs_status pxs_store_open(const char *path, struct pxs_store **out,
                                             struct pxs_error *err);
/* For reading, with or without a writer at work: PXS_E_NOT_FOUND with the remedy where there is no
 * database yet. An older schema is read as it stands. Changes nothing and creates nothing (one
 * exception: SQLite's index `-shm`, where a `-wal` with content was copied without it). */
PXS_NODISCARD enum pxs_status pxs_store_open_readonly(const char *path, struct pxs_store **out,
                                                      struct pxs_error *err);
void pxs_store_close(struct pxs_store **store);
const char *pxs_store_path(const struct pxs_store *store); /* absolute */
/* Whether the path still leads to the file that was opened: where it was removed or replaced,
 * SQLite does not notice. */
bool pxs_store_is_there(const struct pxs_store *store);
/* Whether another process has written to the database since the last call, or since it was opened
 * for writing. True where that cannot be told. */
bool pxs_store_changed_by_others(struct pxs_store *store);
/* What opening did or found that its user should know, as a sentence fragment: an older schema was
 * migrated, and where its backup is; a published copy is older than a minute, and who publishes it.
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

/* Whether runs go on without the database after this failure of it (locked, full, read-only, on a
 * network file system): their records wait in files. */
bool pxs_store_may_wait(enum pxs_status status, const char *db);

/* ---- upkeep --------------------------------------------------------------------------------- */

/* A consistent copy of the database, compacted, at `path`, while others write; works on a read-only
 * store, too. Whole or not at all, synced. PXS_E_EXISTS where something is there; PXS_E_NOSPC where
 * the disk is full. */
PXS_NODISCARD enum pxs_status pxs_store_backup(struct pxs_store *s, const char *path,
                                               struct pxs_error *err);

struct pxs_store_space {
    int64_t before, after; /* bytes of the file and its write-ahead log */
    /* a reader held an old snapshot: the rest is given back once it is gone */
    bool waiting;
};
/* Gives free pages back to the file system and orders the rest anew. Readers go on; writers wait
 * (records stay in their files meanwhile). Needs free space of once the file's size beside it and
 * once in SQLite's folder for temporary files. */
PXS_NODISCARD enum pxs_status pxs_store_compact(struct pxs_store *s, struct pxs_store_space *out,
                                                struct pxs_error *err);

/* Removing begins: in one transaction, the runs become `cancelled` and get an event of kind
 * "removing", so that they are neither started nor queued again. PXS_E_BUSY, and nothing done,
 * where the last attempt of one is open; PXS_E_NOT_FOUND where one does not exist. */
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
