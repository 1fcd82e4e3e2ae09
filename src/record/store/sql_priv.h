/* SQLite as the rest of store sees it: connections and statements with errors as values. Only sql.c
 * knows sqlite3.h. */
#ifndef PXS_SQL_PRIV_H
#define PXS_SQL_PRIV_H

#include "pixsweep/store.h"

struct pxs_sql;
struct pxs_stmt;

enum pxs_sql_mode {
    PXS_SQL_WRITE,    /* read and write, created where missing */
    PXS_SQL_READ,     /* read only, beside writers */
    PXS_SQL_IMMUTABLE /* read only, no locks, no -shm: for a file without a writer */
};

/* Opens with the settings of its mode (WAL, synchronous and so on are the caller's). `path` is
 * absolute. */
PXS_NODISCARD enum pxs_status pxs_sql_open(const char *path, enum pxs_sql_mode mode,
                                           struct pxs_sql **out, struct pxs_error *err);
void pxs_sql_close(struct pxs_sql **sql);
/* How long SQLite's own locks are waited for. */
void pxs_sql_set_wait(struct pxs_sql *sql, int ms);
/* Calls `fn` again and again while statements of this connection are at work; NULL: no more. */
void pxs_sql_on_work(struct pxs_sql *sql, void (*fn)(void *user), void *user);
/* Pages in the WAL after the last commit of this connection. */
int pxs_sql_wal_pages(const struct pxs_sql *sql);
/* Checkpoints as far as readers allow; with truncate, empties the WAL if there is no reader. Never
 * waits. */
PXS_NODISCARD enum pxs_status pxs_sql_checkpoint(struct pxs_sql *sql, bool truncate,
                                                 struct pxs_error *err);
/* Checkpoints everything, waiting `ms` for readers that still need the WAL, so that the next commit
 * begins the WAL anew. *done: it does. Readers that come meanwhile do not need it, so short ones
 * cannot hold this up for ever. */
PXS_NODISCARD enum pxs_status pxs_sql_restart_wal(struct pxs_sql *sql, int ms, bool *done,
                                                  struct pxs_error *err);
/* Whether the call that failed last met a full disk. */
bool pxs_sql_was_full(const struct pxs_sql *sql);
/* Between _begin and _end of reading, the connection refuses everything that is not reading, in
 * words. */
void pxs_sql_reading(struct pxs_sql *sql, bool on);

/* Off: statements may write into sqlite_schema, as a migration must for a CHECK. On from the
 * start. */
void pxs_sql_guard_schema(struct pxs_sql *sql, bool on);
/* One or more statements, without reading their rows. */
PXS_NODISCARD enum pxs_status pxs_sql_exec(struct pxs_sql *sql, const char *text,
                                           struct pxs_error *err);
/* One statement of ours, kept for long. */
PXS_NODISCARD enum pxs_status pxs_sql_prepare(struct pxs_sql *sql, const char *text,
                                              struct pxs_stmt **out, struct pxs_error *err);
/* One statement of the user's: exactly one, and a reading one (pxs_sql_reading is on). Mistakes are
 * PXS_E_INVALID with a caret under the place. */
PXS_NODISCARD enum pxs_status pxs_sql_prepare_user(struct pxs_sql *sql, const char *text,
                                                   struct pxs_stmt **out, struct pxs_error *err);
void pxs_stmt_finish(struct pxs_stmt **stmt);
/* sql_near.c: appends what may be meant where SQLite's `message` about `text` (at `at` in it; NULL:
 * it does not say) is that there is no such table or column: the nearest name, single quotes, and
 * what there is. */
void pxs_sql_add_near(struct pxs_sql *sql, const char *text, const char *at, const char *message,
                      struct pxs_text *out);

/* Binds ?1 ... ?n; texts are borrowed until the next reset. A NaN is NULL. */
PXS_NODISCARD enum pxs_status pxs_stmt_bind(struct pxs_stmt *stmt, const struct pxs_cell *args,
                                            size_t n, struct pxs_error *err);
/* The next row (*row) or the end; a statement that failed or ended is reset. */
PXS_NODISCARD enum pxs_status pxs_stmt_step(struct pxs_stmt *stmt, bool *row,
                                            struct pxs_error *err);
void pxs_stmt_reset(struct pxs_stmt *stmt);
size_t pxs_stmt_columns(const struct pxs_stmt *stmt);
const char *pxs_stmt_column_name(const struct pxs_stmt *stmt, size_t column);
/* A value of the row; its text lives until the next step. A BLOB is PXS_CELL_TEXT with bytes that
 * are no text: *blob is set. */
struct pxs_cell pxs_stmt_cell(const struct pxs_stmt *stmt, size_t column, bool *blob);
/* Whether a transaction is open: one that failed and could not be rolled back. */
bool pxs_sql_in_transaction(const struct pxs_sql *sql);
/* Rows changed by the statement that ran last, and the rowid it inserted. */
int64_t pxs_sql_changes(const struct pxs_sql *sql);
/* Rows changed since opening, those that foreign keys changed included. */
int64_t pxs_sql_total_changes(const struct pxs_sql *sql);
int64_t pxs_sql_last_id(const struct pxs_sql *sql);

#endif
