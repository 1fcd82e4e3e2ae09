/* Looking after the file: copies of it. */
#include "store_priv.h"

#include <errno.h>
#include <sys/stat.h>

/* ---- copies ---------------------------------------------------------------------------------------------- */

static enum pxs_status refuse_existing(const char *path, struct pxs_error *err) {
    struct stat info;
    if (lstat(path, &info) == 0)
        return pxs_fail(err, PXS_E_EXISTS, "%s exists already and is not overwritten", path);
    return errno == ENOENT ? PXS_OK : pxs_fail_errno(err, "cannot look at %s", path);
}

/* One read transaction: writers go on meanwhile, and what they commit is not in the copy. */
static enum pxs_status vacuum_into(struct pxs_store *s, const char *path, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row;
    PXS_TRY(pxs_sql_prepare(s->sql, "VACUUM INTO ?1", &stmt, err));
    enum pxs_status status = pxs_stmt_bind(stmt, PXS_ARGS(pxs_cell_text(path)), err);
    if (status == PXS_OK)
        status = pxs_stmt_step(stmt, &row, err);
    pxs_stmt_finish(&stmt);
    return status;
}

enum pxs_status pxs_store_copy(struct pxs_store *s, const char *path, struct pxs_error *err) {
    struct pxs_atomic_file f;
    PXS_TRY(refuse_existing(path, err));
    PXS_TRY(pxs_atomic_open(&f, path, err));
    /* For a reader's connection, which otherwise refuses to write into any file, the new one included. */
    enum pxs_status status = pxs_sql_exec(s->sql, "PRAGMA query_only = OFF", err);
    if (status == PXS_OK)
        status = vacuum_into(s, f.temp, err);
    if (s->readonly && pxs_sql_exec(s->sql, "PRAGMA query_only = ON", NULL) != PXS_OK && status == PXS_OK)
        status = pxs_fail(err, PXS_E_INTERNAL, "%s: query_only cannot be set", s->path);
    if (status == PXS_OK)
        status = refuse_existing(path, err);
    if (status == PXS_OK)
        status = pxs_atomic_commit(&f, err);
    pxs_atomic_abandon(&f);
    return status;
}
