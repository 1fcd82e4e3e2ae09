/* From an older schema to this one. */
#include "store_priv.h"

#include <string.h>

/* [v]: from version v to v + 1. What stands here stays as it is: files out there have taken these very steps. */
static const char *const steps[PXS_SCHEMA_VERSION] = {
    /* Not WITHOUT ROWID: integrity_check of SQLite 3.40 sees NULLs there where key columns are not the first.
     * A user's `retry`: the budgets of the run count the attempts after the last of these. */
    [1] = "CREATE TABLE retry (\n"
          "  run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,\n"
          "  at_ms INTEGER NOT NULL,\n"
          "  after_no INTEGER NOT NULL, -- attempts made until then\n"
          "  PRIMARY KEY (run_id, after_no)\n"
          ") STRICT",
};

enum pxs_status pxs_schema_steps(struct pxs_store *s, int64_t from, struct pxs_error *err) {
    for (int64_t v = from; v < PXS_SCHEMA_VERSION; v++)
        PXS_TRY(pxs_sql_exec(s->sql, steps[v], err));
    return PXS_OK;
}

/* `<path>.v1.backup`, or the first of `<path>.v1.backup-2`, ... that is free. Nothing is overwritten. */
static enum pxs_status back_up(struct pxs_store *s, int64_t version, char *path, size_t size,
                               struct pxs_error *err) {
    enum pxs_status status = PXS_E_EXISTS;
    for (int i = 1; status == PXS_E_EXISTS && i < 1000; i++) {
        int n = snprintf(path, size, "%s.v%lld.backup", s->path, (long long)version);
        if (i > 1 && n > 0 && (size_t)n < size)
            n += snprintf(path + n, size - (size_t)n, "-%d", i);
        if (n < 0 || (size_t)n >= size)
            return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", s->path);
        status = pxs_store_copy(s, path, err);
    }
    return status;
}

static enum pxs_status take_steps(struct pxs_store *s, struct pxs_error *err) {
    char mark[60];
    int64_t version;
    snprintf(mark, sizeof mark, "PRAGMA user_version = %d", PXS_SCHEMA_VERSION);
    PXS_TRY(pxs_sql_exec(s->sql, "BEGIN IMMEDIATE", err));
    enum pxs_status status = pxs_store_value(s, "PRAGMA user_version", &version, err);
    if (status == PXS_OK && version < PXS_SCHEMA_VERSION)
        status = pxs_schema_steps(s, version, err);
    if (status == PXS_OK && version < PXS_SCHEMA_VERSION)
        status = pxs_sql_exec(s->sql, mark, err);
    if (status == PXS_OK)
        status = pxs_sql_exec(s->sql, "COMMIT", err);
    if (status != PXS_OK && pxs_sql_exec(s->sql, "ROLLBACK", NULL) != PXS_OK)
        return status; /* SQLite has rolled back already */
    return status;
}

enum pxs_status pxs_schema_migrate(struct pxs_store *s, int64_t from, struct pxs_error *err) {
    char backup[PXS_PATH_MAX];
    enum pxs_status status = back_up(s, from, backup, sizeof backup, err);
    if (status == PXS_OK)
        status = take_steps(s, err);
    if (status != PXS_OK) {
        pxs_error_prefix(err, "bringing %s from schema version %lld to %d", s->path, (long long)from,
                         PXS_SCHEMA_VERSION);
        return status;
    }
    snprintf(s->note, sizeof s->note,
             "the database was brought from schema version %lld to %d; as it was: %s", (long long)from,
             PXS_SCHEMA_VERSION, backup);
    return PXS_OK;
}
