/* The one file with sqlite3.h: connections, statements, SQLite's errors as ours. */
#include "sql_priv.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct pxs_sql {
    sqlite3 *db;
    void (*on_work)(void *user);
    void *on_work_user;
    int wal_pages;
    char denied[128]; /* what the user's statement wanted to do and may not */
    bool pragma;      /* it is a PRAGMA that only reads */
    char path[PXS_PATH_MAX];
};

struct pxs_stmt {
    sqlite3_stmt *stmt;
    struct pxs_sql *sql;
    bool user; /* the user typed it: its mistakes are the user's */
};

/* ---- errors --------------------------------------------------------------------------------- */

/* Why the call that failed last did, as an error of ours. `user`: the statement is the user's. */
static enum pxs_status fail(struct pxs_sql *sql, bool user, struct pxs_error *err) {
    int code = sqlite3_extended_errcode(sql->db);
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return pxs_fail_nomem(err);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return pxs_fail(err, PXS_E_BUSY, "%s is locked by another program that writes to it",
                        sql->path);
    case SQLITE_FULL:
        return pxs_fail(err, PXS_E_IO,
                        "cannot write %s: the disk is full; nothing is lost (the runs' record "
                        "files hold it), free some space",
                        sql->path);
    case SQLITE_READONLY:
        return pxs_fail(err, PXS_E_IO, "%s may not be written to", sql->path);
    case SQLITE_CORRUPT:
        return pxs_fail(
            err, PXS_E_CORRUPT,
            "%s is damaged (%s): move it away and fill a new one from the runs' record files",
            sql->path, sqlite3_errmsg(sql->db));
    case SQLITE_NOTADB:
        return pxs_fail(err, PXS_E_CORRUPT, "%s is no SQLite database", sql->path);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM: {
        char limit[PXS_LIMIT_WORDS];
        int number = sqlite3_system_errno(sql->db);
        /* SQLite does not always report the errno of a write that the file size limit cut off. */
        pxs_limit_words((code & 0xff) == SQLITE_IOERR ? EFBIG : number, limit);
        return pxs_fail(err, PXS_E_IO, "%s: %s%s%s%s", sql->path, sqlite3_errstr(code),
                        number ? ": " : "", number ? strerror(number) : "", limit);
    }
    case SQLITE_INTERRUPT:
        return pxs_fail(err, PXS_E_STOPPED, "the query was stopped");
    default:
        return pxs_fail(err, user ? PXS_E_INVALID : PXS_E_INTERNAL, "%s: %s",
                        user ? "SQL" : sql->path, sqlite3_errmsg(sql->db));
    }
}

/* ---- aggregates ----------------------------------------------------------------------------- */

/* The numbers of a group; NULLs are passed over, as by avg(). */
struct sample {
    double *values;
    size_t n;
    bool failed;
};

static void sample_step(sqlite3_context *context, int n_args, sqlite3_value **args) {
    struct sample *sample = sqlite3_aggregate_context(context, sizeof *sample);
    const int type = sqlite3_value_numeric_type(args[0]);
    (void)n_args;
    if (!sample || type == SQLITE_NULL || sample->failed)
        return;
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) {
        sample->failed = true;
        sqlite3_result_error(context, "stddev() and median() are for numbers, and here is text",
                             -1);
        return;
    }
    if ((sample->n & (sample->n - 1)) == 0) { /* full at every power of two */
        double *more =
            realloc(sample->values, (sample->n ? 2 * sample->n : 1) * sizeof *sample->values);
        if (!more) {
            sample->failed = true;
            sqlite3_result_error_nomem(context);
            return;
        }
        sample->values = more;
    }
    sample->values[sample->n++] = sqlite3_value_double(args[0]);
}

/* Of the sample, by deviations from its mean; NULL for fewer than two numbers. */
static void stddev_final(sqlite3_context *context) {
    struct sample *sample = sqlite3_aggregate_context(context, 0);
    double sum = 0, squares = 0;
    for (size_t i = 0; sample && i < sample->n; i++)
        sum += sample->values[i];
    for (size_t i = 0; sample && i < sample->n; i++) {
        const double off = sample->values[i] - sum / (double)sample->n;
        squares += off * off;
    }
    if (sample && !sample->failed && sample->n > 1)
        sqlite3_result_double(context, sqrt(squares / (double)(sample->n - 1)));
    if (sample)
        free(sample->values);
}

static int compare_values(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The one in the middle, or the mean of the two there; NULL without numbers. */
static void median_final(sqlite3_context *context) {
    struct sample *sample = sqlite3_aggregate_context(context, 0);
    if (!sample)
        return;
    if (!sample->failed && sample->n > 0) {
        qsort(sample->values, sample->n, sizeof *sample->values, compare_values);
        const double high = sample->values[sample->n / 2],
                     low = sample->values[(sample->n - 1) / 2];
        sqlite3_result_double(context, low + (high - low) / 2);
    }
    free(sample->values);
}

static int add_aggregates(sqlite3 *db) {
    static const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    const int code = sqlite3_create_function_v2(db, "stddev", 1, flags, NULL, NULL, sample_step,
                                                stddev_final, NULL);
    return code != SQLITE_OK ? code
                             : sqlite3_create_function_v2(db, "median", 1, flags, NULL, NULL,
                                                          sample_step, median_final, NULL);
}

/* ---- connections ---------------------------------------------------------------------------- */

static int note_wal(void *user, sqlite3 *db, const char *name, int pages) {
    (void)db, (void)name;
    ((struct pxs_sql *)user)->wal_pages = pages;
    return SQLITE_OK;
}

static int open_db(struct pxs_sql *sql, enum pxs_sql_mode mode) {
    if (mode == PXS_SQL_WRITE)
        return sqlite3_open_v2(sql->path, &sql->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                               NULL);
    if (mode == PXS_SQL_READ)
        return sqlite3_open_v2(sql->path, &sql->db, SQLITE_OPEN_READONLY, NULL);

    /* "file:<path>?immutable=1" with the characters that mean something in a URI escaped. */
    struct pxs_text uri = {0};
    pxs_text_add(&uri, "file:");
    for (const char *c = sql->path; *c; c++) {
        if (strchr("%?#", *c))
            pxs_text_addf(&uri, "%%%02X", (unsigned char)*c);
        else
            pxs_text_add_n(&uri, c, 1);
    }
    pxs_text_add(&uri, "?immutable=1");
    int code = uri.failed ? SQLITE_NOMEM
                          : sqlite3_open_v2(uri.text, &sql->db,
                                            SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
    pxs_text_finish(&uri);
    return code;
}

void pxs_sql_guard_schema(struct pxs_sql *sql, bool on) {
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, on ? 1 : 0, NULL);
}

enum pxs_status pxs_sql_open(const char *path, enum pxs_sql_mode mode, struct pxs_sql **out,
                             struct pxs_error *err) {
    struct pxs_sql *sql = calloc(1, sizeof *sql);
    if (!sql)
        return pxs_fail_nomem(err);
    snprintf(sql->path, sizeof sql->path, "%s", path);
    if (open_db(sql, mode) != SQLITE_OK || add_aggregates(sql->db) != SQLITE_OK) {
        enum pxs_status status = sql->db ? fail(sql, false, err) : pxs_fail_nomem(err);
        pxs_sql_close(&sql);
        return status;
    }
    sqlite3_extended_result_codes(sql->db, 1);
    /* Checkpoints happen under the flock only, so neither by themselves nor on closing. */
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_wal_autocheckpoint(sql->db, 0);
    sqlite3_wal_hook(sql->db, note_wal, sql);
    /* Views and tables of a file from another machine are not trusted. */
    pxs_sql_guard_schema(sql, true);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    *out = sql;
    return PXS_OK;
}

void pxs_sql_close(struct pxs_sql **sql) {
    if (!sql || !*sql)
        return;
    sqlite3_close_v2((*sql)->db);
    free(*sql);
    *sql = NULL;
}

void pxs_sql_set_wait(struct pxs_sql *sql, int ms) {
    sqlite3_busy_timeout(sql->db, ms);
}

static int tell_work(void *user) {
    const struct pxs_sql *sql = user;
    sql->on_work(sql->on_work_user);
    return 0; /* go on */
}

/* Some milliseconds' worth of the virtual machine's steps. */
#define STEPS_BETWEEN 200000

void pxs_sql_on_work(struct pxs_sql *sql, void (*fn)(void *user), void *user) {
    sql->on_work = fn;
    sql->on_work_user = user;
    sqlite3_progress_handler(sql->db, STEPS_BETWEEN, fn ? tell_work : NULL, sql);
}

int pxs_sql_wal_pages(const struct pxs_sql *sql) {
    return sql->wal_pages;
}

enum pxs_status pxs_sql_checkpoint(struct pxs_sql *sql, bool truncate, struct pxs_error *err) {
    int in_wal = 0, moved = 0;
    if (sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_wal, &moved) !=
        SQLITE_OK)
        return fail(sql, false, err);
    if (in_wal >= 0 && in_wal == moved)
        sql->wal_pages = 0;
    if (!truncate)
        return PXS_OK;
    /* A reader's snapshot is no reason to wait: the WAL stays as it is. */
    sqlite3_busy_timeout(sql->db, 0);
    int code = sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return code == SQLITE_OK || code == SQLITE_BUSY ? PXS_OK : fail(sql, false, err);
}

enum pxs_status pxs_sql_restart_wal(struct pxs_sql *sql, int ms, bool *done,
                                    struct pxs_error *err) {
    sqlite3_busy_timeout(sql->db, ms);
    int code = sqlite3_wal_checkpoint_v2(sql->db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    *done = code == SQLITE_OK;
    if (*done)
        sql->wal_pages = 0;
    return code == SQLITE_OK || code == SQLITE_BUSY ? PXS_OK : fail(sql, false, err);
}

bool pxs_sql_was_full(const struct pxs_sql *sql) {
    return (sqlite3_errcode(sql->db) & 0xff) == SQLITE_FULL;
}

int64_t pxs_sql_total_changes(const struct pxs_sql *sql) {
    return sqlite3_total_changes64(sql->db);
}

bool pxs_sql_in_transaction(const struct pxs_sql *sql) {
    return !sqlite3_get_autocommit(sql->db);
}

int64_t pxs_sql_changes(const struct pxs_sql *sql) {
    return sqlite3_changes64(sql->db);
}

int64_t pxs_sql_last_id(const struct pxs_sql *sql) {
    return sqlite3_last_insert_rowid(sql->db);
}

/* ---- reading only --------------------------------------------------------------------------- */

/* Pragmas that only read; those above the line take an argument that names a table or a limit. */
static const char *const reading_pragmas[] = {
    "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo",
    "foreign_key_list", "foreign_key_check", "integrity_check", "quick_check",
    /* ---- */
    "application_id", "collation_list", "compile_options", "database_list", "encoding",
    "foreign_keys", "freelist_count", "function_list", "journal_mode", "module_list", "page_count",
    "page_size", "pragma_list", "query_only", "schema_version", "synchronous", "user_version"};
enum { PRAGMAS_WITH_ARGUMENT = 10 };

static bool pragma_reads(const char *name, const char *argument) {
    for (size_t i = 0; i < PXS_COUNT(reading_pragmas); i++)
        if (sqlite3_stricmp(name, reading_pragmas[i]) == 0)
            return !argument || i < PRAGMAS_WITH_ARGUMENT;
    return false;
}

static const char *action_word(int action, const char *table) {
    /* CREATE TEMP ... first asks for a row in this table. */
    if (table && sqlite3_stricmp(table, "sqlite_temp_master") == 0)
        return "to make a temporary table or view";
    switch (action) {
    case SQLITE_INSERT:
        return "INSERT";
    case SQLITE_UPDATE:
        return "UPDATE";
    case SQLITE_DELETE:
        return "DELETE";
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return "ATTACH or DETACH";
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
        return "a transaction";
    case SQLITE_PRAGMA:
        return "this PRAGMA";
    case SQLITE_FUNCTION:
        return "this function";
    default:
        return "a change of the schema";
    }
}

static int authorize(void *user, int action, const char *a, const char *b, const char *db,
                     const char *view) {
    struct pxs_sql *sql = user;
    (void)db, (void)view;
    /* A table-valued function (json_each, dbstat, pragma_...) declares its columns as if into the
     * schema; SQLite itself keeps statements from writing there. */
    bool declares = (action == SQLITE_UPDATE || action == SQLITE_INSERT) && a &&
                    strcmp(a, "sqlite_master") == 0;
    bool fine = action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_RECURSIVE ||
                declares ||
                (action == SQLITE_FUNCTION && b && sqlite3_stricmp(b, "load_extension") != 0) ||
                (action == SQLITE_PRAGMA && a && pragma_reads(a, b));
    sql->pragma = sql->pragma || (fine && action == SQLITE_PRAGMA);
    if (fine)
        return SQLITE_OK;
    snprintf(sql->denied, sizeof sql->denied, "%s", action_word(action, a));
    return SQLITE_DENY;
}

void pxs_sql_reading(struct pxs_sql *sql, bool on) {
    sqlite3_set_authorizer(sql->db, on ? authorize : NULL, on ? sql : NULL);
}

#define READING_REMEDY                                                        \
    "WITH name AS (SELECT ...) gives a part of a query a name; for anything " \
    "else take a copy, `pixsweep backup COPY.db`, and open it with sqlite3"

/* The line of the mistake with a caret under it, if SQLite knows the place. */
static void add_place(struct pxs_text *out, const char *text, int offset) {
    if (offset < 0 || !*text || (size_t)offset > strlen(text))
        return;
    const char *start = text + offset;
    while (start > text && start[-1] != '\n')
        start--;
    pxs_text_add(out, "\n  ");
    pxs_text_add_n(out, start, strcspn(start, "\r\n"));
    pxs_text_add(out, "\n  ");
    for (const char *c = start; c < text + offset; c++)
        if (((unsigned char)*c & 0xC0) != 0x80)
            pxs_text_add(out, *c == '\t' ? "\t" : " ");
    pxs_text_add(out, "^");
}

static enum pxs_status fail_user(struct pxs_sql *sql, const char *text, struct pxs_error *err) {
    int code = sqlite3_errcode(sql->db);
    if (sql->denied[0])
        return pxs_fail(err, PXS_E_INVALID,
                        "only reading is allowed here (SELECT, WITH, VALUES, EXPLAIN, schema "
                        "PRAGMAs), and %s is not reading; " READING_REMEDY,
                        sql->denied);
    if (code != SQLITE_ERROR)
        return fail(sql, true, err);
    struct pxs_text message = {0}, said = {0};
    const int offset = sqlite3_error_offset(sql->db);
    pxs_text_add(&said, sqlite3_errmsg(sql->db)); /* before anything else is asked */
    pxs_text_add(&message, "SQL: ");
    pxs_text_add_clean(&message, pxs_text_str(&said), said.len);
    const char *at = offset >= 0 && (size_t)offset < strlen(text) ? text + offset : NULL;
    pxs_sql_add_near(sql, text, at, pxs_text_str(&said), &message);
    add_place(&message, text, offset);
    pxs_text_finish(&said);
    enum pxs_status status = pxs_fail(err, PXS_E_INVALID, "%s", pxs_text_str(&message));
    pxs_text_finish(&message);
    return status;
}

/* ---- statements ----------------------------------------------------------------------------- */

enum pxs_status pxs_sql_exec(struct pxs_sql *sql, const char *text, struct pxs_error *err) {
    if (sqlite3_exec(sql->db, text, NULL, NULL, NULL) != SQLITE_OK)
        return fail(sql, false, err);
    return PXS_OK;
}

static enum pxs_status wrap(struct pxs_sql *sql, sqlite3_stmt *inner, bool user,
                            struct pxs_stmt **out, struct pxs_error *err) {
    struct pxs_stmt *stmt = calloc(1, sizeof *stmt);
    if (!stmt) {
        sqlite3_finalize(inner);
        return pxs_fail_nomem(err);
    }
    *stmt = (struct pxs_stmt){inner, sql, user};
    *out = stmt;
    return PXS_OK;
}

enum pxs_status pxs_sql_prepare(struct pxs_sql *sql, const char *text, struct pxs_stmt **out,
                                struct pxs_error *err) {
    sqlite3_stmt *stmt;
    if (sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
        return fail(sql, false, err);
    return wrap(sql, stmt, false, out, err);
}

/* Whether anything but blanks, semicolons and comments follows. */
static bool only_one(struct pxs_sql *sql, const char *rest) {
    while (*rest) {
        sqlite3_stmt *more = NULL;
        const char *next = rest;
        int code = sqlite3_prepare_v2(sql->db, rest, -1, &more, &next);
        bool empty = code == SQLITE_OK && !more;
        sqlite3_finalize(more);
        if (!empty)
            return false;
        if (next == rest)
            break;
        rest = next;
    }
    return true;
}

enum pxs_status pxs_sql_prepare_user(struct pxs_sql *sql, const char *text, struct pxs_stmt **out,
                                     struct pxs_error *err) {
    sqlite3_stmt *stmt = NULL;
    const char *rest = text;
    sql->denied[0] = '\0';
    sql->pragma = false;
    while (!stmt && *rest) { /* leading semicolons and comments are statements without content */
        const char *from = rest;
        if (sqlite3_prepare_v2(sql->db, from, -1, &stmt, &rest) != SQLITE_OK)
            return fail_user(sql, from, err);
        if (rest == from)
            break;
    }
    if (!stmt)
        return pxs_fail(err, PXS_E_INVALID, "there is no SQL to run");
    /* VACUUM is not stopped by the authorizer. (journal_mode counts as writing even where it only
     * reads.) */
    if (!sqlite3_stmt_readonly(stmt) && !sql->pragma) {
        sqlite3_finalize(stmt);
        return pxs_fail(err, PXS_E_INVALID, "only reading is allowed here; " READING_REMEDY);
    }
    if (!only_one(sql, rest)) {
        sqlite3_finalize(stmt);
        return pxs_fail(err, PXS_E_INVALID, "one statement at a time, please");
    }
    return wrap(sql, stmt, true, out, err);
}

void pxs_stmt_finish(struct pxs_stmt **stmt) {
    if (!stmt || !*stmt)
        return;
    sqlite3_finalize((*stmt)->stmt);
    free(*stmt);
    *stmt = NULL;
}

static int bind_one(sqlite3_stmt *stmt, int i, const struct pxs_cell *cell) {
    switch (cell->kind) {
    case PXS_CELL_INT:
        return sqlite3_bind_int64(stmt, i, cell->integer);
    case PXS_CELL_REAL:
        return isnan(cell->real) ? sqlite3_bind_null(stmt, i)
                                 : sqlite3_bind_double(stmt, i, cell->real);
    case PXS_CELL_TEXT:
        return sqlite3_bind_text64(stmt, i, cell->text, cell->bytes, SQLITE_STATIC, SQLITE_UTF8);
    case PXS_CELL_NULL:
        break;
    }
    return sqlite3_bind_null(stmt, i);
}

enum pxs_status pxs_stmt_bind(struct pxs_stmt *stmt, const struct pxs_cell *args, size_t n,
                              struct pxs_error *err) {
    if ((size_t)sqlite3_bind_parameter_count(stmt->stmt) != n)
        return pxs_fail(err, stmt->user ? PXS_E_INVALID : PXS_E_INTERNAL,
                        "the statement has %d parameters, %zu values are given",
                        sqlite3_bind_parameter_count(stmt->stmt), n);
    for (size_t i = 0; i < n; i++)
        if (bind_one(stmt->stmt, (int)i + 1, &args[i]) != SQLITE_OK)
            return fail(stmt->sql, stmt->user, err);
    return PXS_OK;
}

enum pxs_status pxs_stmt_step(struct pxs_stmt *stmt, bool *row, struct pxs_error *err) {
    stmt->sql->denied[0] = '\0';
    int code = sqlite3_step(stmt->stmt);
    *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW)
        return PXS_OK;
    enum pxs_status status = PXS_OK;
    if (code != SQLITE_DONE)
        status = stmt->user ? fail_user(stmt->sql, "", err) : fail(stmt->sql, false, err);
    sqlite3_reset(stmt->stmt);
    return status;
}

void pxs_stmt_reset(struct pxs_stmt *stmt) {
    sqlite3_reset(stmt->stmt);
}

size_t pxs_stmt_columns(const struct pxs_stmt *stmt) {
    return (size_t)sqlite3_column_count(stmt->stmt);
}

const char *pxs_stmt_column_name(const struct pxs_stmt *stmt, size_t column) {
    const char *name = sqlite3_column_name(stmt->stmt, (int)column);
    return name ? name : "";
}

struct pxs_cell pxs_stmt_cell(const struct pxs_stmt *stmt, size_t column, bool *blob) {
    int i = (int)column, type = sqlite3_column_type(stmt->stmt, i);
    *blob = type == SQLITE_BLOB;
    struct pxs_cell cell = {.kind = PXS_CELL_NULL};
    if (type == SQLITE_INTEGER)
        return pxs_cell_int(sqlite3_column_int64(stmt->stmt, i));
    if (type == SQLITE_FLOAT)
        return pxs_cell_real(sqlite3_column_double(stmt->stmt, i));
    if (type == SQLITE_NULL)
        return cell;
    cell.kind = PXS_CELL_TEXT;
    cell.text = type == SQLITE_BLOB ? sqlite3_column_blob(stmt->stmt, i)
                                    : (const char *)sqlite3_column_text(stmt->stmt, i);
    cell.bytes = (size_t)sqlite3_column_bytes(stmt->stmt, i);
    if (!cell.text) /* an empty BLOB */
        cell.text = "";
    return cell;
}
