/* What schema a file has, and how a new one gets it: tables.sql and views.sql as of version 1, then
 * the steps in migrate.c. */
#include "store_priv.h"
#include "store_texts.h"

#include <string.h>

/* ---- what a file is ------------------------------------------------------------------------- */

struct identity {
    int64_t application, version, objects;
};

static enum pxs_status identify(struct pxs_store *s, struct identity *id, struct pxs_error *err) {
    PXS_TRY(pxs_store_value(s, "PRAGMA application_id", &id->application, err));
    PXS_TRY(pxs_store_value(s, "PRAGMA user_version", &id->version, err));
    return pxs_store_value(s, "SELECT count(*) FROM sqlite_schema", &id->objects, err);
}

static bool is_empty(const struct identity *id) {
    return id->application == 0 && id->version == 0 && id->objects == 0;
}

static enum pxs_status judge(struct pxs_store *s, const struct identity *id,
                             struct pxs_error *err) {
    if (is_empty(id))
        return pxs_fail(err, PXS_E_NOT_FOUND, "%s is empty", s->path);
    if (id->application == PXS_PUBLISHED_ID && !s->published)
        return pxs_fail(err, PXS_E_BUSY, "%s has just been replaced by a published copy: ask again",
                        s->path);
    if ((id->application != PXS_APPLICATION_ID && !s->published) || id->version < 1)
        return pxs_fail(err, PXS_E_CORRUPT, "%s is a database of another program, not of pixsweep",
                        s->path);
    if (id->version > PXS_SCHEMA_VERSION)
        return pxs_fail(
            err, PXS_E_UNSUPPORTED,
            "%s has schema version %lld, this pixsweep knows version %d: use a newer pixsweep",
            s->path, (long long)id->version, PXS_SCHEMA_VERSION);
    return PXS_OK;
}

enum pxs_status pxs_schema_check(struct pxs_store *s, struct pxs_error *err) {
    struct identity id;
    PXS_TRY(identify(s, &id, err));
    return judge(s, &id, err);
}

/* ---- how it gets its schema ----------------------------------------------------------------- */

static enum pxs_status use_wal(struct pxs_store *s, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    char mode[16] = "";
    bool row;
    PXS_TRY(pxs_sql_prepare(s->sql, "PRAGMA journal_mode = WAL", &stmt, err));
    enum pxs_status status = pxs_stmt_step(stmt, &row, err);
    if (status == PXS_OK && row)
        pxs_column_text(stmt, 0, mode, sizeof mode);
    pxs_stmt_finish(&stmt);
    if (status == PXS_OK && strcmp(mode, "wal") != 0)
        return pxs_fail(
            err, PXS_E_UNSUPPORTED,
            "%s cannot be put into WAL mode (it stays in mode %s): name a file on a local "
            "disk with --db",
            s->path, mode);
    return status;
}

/* secure_delete: deleted rows need not be overwritten with zeros. journal_size_limit: the WAL
 * shrinks again after a burst. */
static const char settings[] =
    "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
    "PRAGMA cache_size = -20000; PRAGMA secure_delete = OFF;PRAGMA journal_size_limit = 16000000";

/* Within a transaction: another process may have created the schema since this one looked. */
static enum pxs_status create_if_empty(struct pxs_store *s, struct pxs_error *err) {
    struct identity id;
    char marks[100];
    PXS_TRY(identify(s, &id, err));
    if (!is_empty(&id))
        return judge(s, &id, err);
    PXS_TRY(pxs_sql_exec(s->sql, pxs_store_tables_sql, err));
    PXS_TRY(pxs_sql_exec(s->sql, pxs_store_views_sql, err));
    PXS_TRY(pxs_schema_steps(s, 1, err));
    snprintf(marks, sizeof marks, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             PXS_APPLICATION_ID, PXS_SCHEMA_VERSION);
    return pxs_sql_exec(s->sql, marks, err);
}

enum pxs_status pxs_schema_prepare(struct pxs_store *s, struct pxs_error *err) {
    struct identity id;
    PXS_TRY(identify(s, &id, err));
    bool empty = is_empty(&id);
    if (!empty)
        PXS_TRY(judge(s, &id, err));
    PXS_TRY(use_wal(s, err));
    PXS_TRY(pxs_sql_exec(s->sql, settings, err));
    if (empty) {
        PXS_TRY(pxs_sql_exec(s->sql, "BEGIN IMMEDIATE", err));
        return pxs_store_commit(s, create_if_empty(s, err), err);
    }
    return id.version < PXS_SCHEMA_VERSION ? pxs_schema_migrate(s, id.version, err) : PXS_OK;
}
