/* Inside of store: the handle, transactions under the flock, cached statements. */
#ifndef PXS_STORE_PRIV_H
#define PXS_STORE_PRIV_H

#include "sql_priv.h"
#include "store_texts.h"

#include <sys/types.h>

/* "pxsw": says whose SQLite file it is (file(1) shows it). */
#define PXS_APPLICATION_ID 0x70787377
#define PXS_SCHEMA_VERSION 10

/* Every statement that is run more than once, compiled at its first use. */
enum pxs_store_stmt {
#define PXS_ST_ENUM(name, sql) PXS_ST_##name,
    PXS_STORE_STATEMENTS(PXS_ST_ENUM)
#undef PXS_ST_ENUM
        PXS_ST_COUNT
};

/* What a file looked like, to see whether it was written to. */
struct pxs_file_mark {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec modified;
};

struct pxs_store {
    struct pxs_sql *sql;
    bool readonly, immutable;
    bool published;            /* a published copy, which is immutable */
    int lock;                  /* fd of <path>.lock, -1 = not open */
    double wait;               /* seconds */
    int checkpointed_at;       /* pages in the WAL at the last checkpoint */
    int64_t wal_limit;         /* bytes */
    double wal_backlog_at;     /* when pxs_store_wal_backlog last looked */
    struct pxs_file_mark mark; /* of the file when it was opened */
    int64_t data_version;      /* when pxs_store_changed_by_others looked last */
    struct pxs_stmt *statements[PXS_ST_COUNT];
    struct pxs_meter meter;         /* told while SQL is at work */
    const char *work;               /* what it is told */
    struct pxs_collector collector; /* of a published copy */
    char note[PXS_PATH_MAX + 600];  /* what opening did, or what was opened */
    char path[PXS_PATH_MAX], folder[PXS_PATH_MAX], lock_path[PXS_PATH_MAX];
};

/* ---- lock.c --------------------------------------------------------------------------------- */

/* The flock, waited for until pxs_monotonic() passes `deadline`. */
PXS_NODISCARD enum pxs_status pxs_store_lock(struct pxs_store *s, double deadline,
                                             struct pxs_error *err);
void pxs_store_unlock(struct pxs_store *s);
/* Begins a write transaction (flock, BEGIN IMMEDIATE); _end commits if `status` is PXS_OK, else
 * rolls back, and unlocks in any case. _end returns `status`, or what the commit said. */
PXS_NODISCARD enum pxs_status pxs_store_begin(struct pxs_store *s, struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_store_end(struct pxs_store *s, enum pxs_status status,
                                            struct pxs_error *err);
/* Commits if `status` is PXS_OK, else rolls back; for transactions of one who holds the flock
 * already. Returns as _end. */
PXS_NODISCARD enum pxs_status pxs_store_commit(struct pxs_store *s, enum pxs_status status,
                                               struct pxs_error *err);
/* Checkpoints under the flock, waited for `wait` seconds. */
PXS_NODISCARD enum pxs_status pxs_store_checkpoint(struct pxs_store *s, bool truncate, double wait,
                                                   struct pxs_error *err);
/* Name of a file system that SQLite's WAL must not stand on ("NFS"), by statfs's f_type; NULL if it
 * may. */
const char *pxs_store_network_fs(unsigned long type);

/* ---- schema.c ------------------------------------------------------------------------------- */

/* Creates the schema in an empty file, migrates an older one. Within the flock, outside a
 * transaction. */
PXS_NODISCARD enum pxs_status pxs_schema_prepare(struct pxs_store *s, struct pxs_error *err);
/* For a connection that reads a file of an older version: what that version lacks, empty and
 * temporary, so that every query works. */
PXS_NODISCARD enum pxs_status pxs_schema_stand_in(struct pxs_store *s, struct pxs_error *err);
/* PXS_OK where the file has this version's schema or an older one. PXS_E_NOT_FOUND: nothing in it
 * yet. */
PXS_NODISCARD enum pxs_status pxs_schema_check(struct pxs_store *s, struct pxs_error *err);

/* ---- migrate.c ------------------------------------------------------------------------------ */

/* The steps from schema `from` to this one, within a transaction. A new file takes them, too, so
 * that it ends like an old one. */
PXS_NODISCARD enum pxs_status pxs_schema_steps(struct pxs_store *s, int64_t from,
                                               struct pxs_error *err);
/* Brings a file of an older version up: a backup, then all steps in one transaction. Within the
 * flock. */
PXS_NODISCARD enum pxs_status pxs_schema_migrate(struct pxs_store *s, int64_t from,
                                                 struct pxs_error *err);

/* ---- upkeep.c ------------------------------------------------------------------------------- */

/* A consistent copy of the database at `path`: whole or not at all. PXS_E_EXISTS where something is
 * there. */
PXS_NODISCARD enum pxs_status pxs_store_copy(struct pxs_store *s, const char *path,
                                             struct pxs_error *err);
/* The same into the file `temp`, which is not there or empty, in one read transaction and without
 * syncing it. `path`: its name in messages. */
PXS_NODISCARD enum pxs_status pxs_store_vacuum_into(struct pxs_store *s, const char *temp,
                                                    const char *path, struct pxs_error *err);

/* ---- publish.c ------------------------------------------------------------------------------ */

/* Makes the database `file`, to which no other process has a connection, a copy that `collector`
 * publishes now, or, where that is NULL, a database of its own. `from` and `to` are the folders of
 * the database that it was copied from and of the place where it will stand: run.dir is relative to
 * them. */
PXS_NODISCARD enum pxs_status pxs_published_mark(const char *file,
                                                 const struct pxs_collector *collector,
                                                 const char *from, const char *to,
                                                 struct pxs_error *err);
/* Who publishes the copy that is open. */
PXS_NODISCARD enum pxs_status pxs_published_read(struct pxs_store *s, struct pxs_collector *out,
                                                 struct pxs_error *err);

/* ---- open.c --------------------------------------------------------------------------------- */

/* A store without a connection yet. */
PXS_NODISCARD enum pxs_status pxs_store_make(const char *path, struct pxs_store **out,
                                             struct pxs_error *err);
/* PXS_E_UNSUPPORTED where its folder is on a network file system. */
PXS_NODISCARD enum pxs_status pxs_store_refuse_network(const struct pxs_store *s,
                                                       struct pxs_error *err);
/* After reading a file without locks with the result `status`: returns it while the file is as it
 * was when opened, and where it is a published copy that was replaced (what was read is the one
 * before, whole). Else the file is opened anew, for the next query, and PXS_E_BUSY. */
PXS_NODISCARD enum pxs_status pxs_store_unchanged(struct pxs_store *s, enum pxs_status status,
                                                  struct pxs_error *err);
/* Before a read: a file that was read without locks may have a writer by now, and another file may
 * stand in its place. */
PXS_NODISCARD enum pxs_status pxs_store_refresh(struct pxs_store *s, struct pxs_error *err);

/* ---- statements.c --------------------------------------------------------------------------- */

/* The compiled statement; owned by the store. */
PXS_NODISCARD enum pxs_status pxs_store_stmt(struct pxs_store *s, enum pxs_store_stmt which,
                                             struct pxs_stmt **out, struct pxs_error *err);
/* Binds and runs a statement, without reading its rows. */
PXS_NODISCARD enum pxs_status pxs_store_run_stmt(struct pxs_store *s, enum pxs_store_stmt which,
                                                 const struct pxs_cell *args, size_t n,
                                                 struct pxs_error *err);
/* Binds, steps to the first row; `*row` false if there is none. The caller reads cells and resets
 * it. */
PXS_NODISCARD enum pxs_status pxs_store_first(struct pxs_store *s, enum pxs_store_stmt which,
                                              const struct pxs_cell *args, size_t n,
                                              struct pxs_stmt **out, bool *row,
                                              struct pxs_error *err);
/* As _first, for one integer: `*value` is `missing` where there is no row or it is NULL. */
PXS_NODISCARD enum pxs_status pxs_store_int(struct pxs_store *s, enum pxs_store_stmt which,
                                            const struct pxs_cell *args, size_t n, int64_t missing,
                                            int64_t *value, struct pxs_error *err);
/* One integer of any statement of ours, not kept; 0 where there is none. */
PXS_NODISCARD enum pxs_status pxs_store_value(struct pxs_store *s, const char *sql, int64_t *value,
                                              struct pxs_error *err);
void pxs_store_finish_statements(struct pxs_store *s);

/* Values as an array and its length: pxs_store_run_stmt(s, which, PXS_ARGS(pxs_cell_int(1)),
 * err). */
#define PXS_ARGS(...)                 \
    (struct pxs_cell[]){__VA_ARGS__}, \
        sizeof((struct pxs_cell[]){__VA_ARGS__}) / sizeof(struct pxs_cell)
/* 0 and "" that mean NULL. */
struct pxs_cell pxs_cell_int_or_null(int64_t value);
struct pxs_cell pxs_cell_text_or_null(const char *text);
/* Its name; NULL where it is none. */
struct pxs_cell pxs_cell_state(enum pxs_run_state state);
/* A column of the current row. NULL is 0 or "". Texts are cut to the array at a character's
 * border. */
int64_t pxs_column_int(const struct pxs_stmt *stmt, size_t column);
double pxs_column_real(const struct pxs_stmt *stmt, size_t column);
void pxs_column_text(const struct pxs_stmt *stmt, size_t column, char *out, size_t size);
enum pxs_run_state pxs_column_state(const struct pxs_stmt *stmt, size_t column);

/* ---- plan.c --------------------------------------------------------------------------------- */

/* Fills the out-fields of a run by its identity; run_id 0 = it is not there. */
PXS_NODISCARD enum pxs_status pxs_store_find_identity(struct pxs_store *s, int64_t sweep_id,
                                                      struct pxs_store_plan_run *run,
                                                      struct pxs_error *err);
/* A row for a run whose number and name are free, within a transaction. */
PXS_NODISCARD enum pxs_status pxs_store_add_run_row(struct pxs_store *s, int64_t sweep_id,
                                                    struct pxs_store_plan_run *run,
                                                    struct pxs_error *err);

/* A hyperparameter's value as it stands in `param`. */
struct pxs_cell pxs_param_cell(const struct pxs_param_value *v);

/* ---- adopt.c -------------------------------------------------------------------------------- */

/* The sweep of that name; added with the other values where there is none, within a transaction. */
PXS_NODISCARD enum pxs_status pxs_store_sweep_row(struct pxs_store *s, const char *sweep,
                                                  const char *spec_yaml, const char *spec_hash,
                                                  size_t n_planned, int64_t *sweep_id,
                                                  struct pxs_error *err);

/* ---- intake.c ------------------------------------------------------------------------------- */

/* "key=value\n" lines as rows of `environment`, within a transaction; `text` is cut up. */
PXS_NODISCARD enum pxs_status pxs_store_put_environment(struct pxs_store *s, int64_t attempt_id,
                                                        char *text, struct pxs_error *err);
/* Rows and summary of the BATCH and EPOCH records that `next` hands out, within a transaction. */
PXS_NODISCARD enum pxs_status pxs_store_put_records(struct pxs_store *s, int64_t run_id,
                                                    pxs_store_next_fn next, void *user,
                                                    struct pxs_error *err);

/* ---- attempts.c ----------------------------------------------------------------------------- */

/* The row of an attempt with number `no`; sets a->attempt_id. */
PXS_NODISCARD enum pxs_status pxs_store_insert_attempt(struct pxs_store *s,
                                                       struct pxs_store_attempt *a, int64_t no,
                                                       struct pxs_error *err);
/* "debug", "info", "warn", "error": the words of event.level. */
const char *pxs_level_name(enum pxs_log_level level);

/* ---- runs.c --------------------------------------------------------------------------------- */

/* run.dir as stored (relative to the database's folder when inside it) and back to an absolute
 * path. */
const char *pxs_store_short_dir(const struct pxs_store *s, const char *dir);
void pxs_store_full_dir(const struct pxs_store *s, const char *dir, char out[PXS_PATH_MAX]);

/* One run; *found says whether there is one. */
PXS_NODISCARD enum pxs_status pxs_store_run_by_id(struct pxs_store *s, int64_t run_id,
                                                  struct pxs_store_run *out, bool *found,
                                                  struct pxs_error *err);

/* ---- summary.c ------------------------------------------------------------------------------ */

/* What run_summary will say, kept while records of one run are ingested. */
struct pxs_summary {
    int64_t run_id, last_step; /* -1 = no step yet */
    double seconds;
    bool again; /* cannot be carried on: count again from the rows */
};
PXS_NODISCARD enum pxs_status pxs_summary_load(struct pxs_store *s, int64_t run_id,
                                               struct pxs_summary *out, struct pxs_error *err);
void pxs_summary_batch(struct pxs_summary *m, int64_t step, double seconds);
PXS_NODISCARD enum pxs_status pxs_summary_save(struct pxs_store *s, struct pxs_summary *m,
                                               struct pxs_error *err);
/* Removes what a run measured at and after `step` (-1 or 0: everything). */
PXS_NODISCARD enum pxs_status pxs_store_forget(struct pxs_store *s, int64_t run_id, int64_t step,
                                               struct pxs_error *err);

#endif
