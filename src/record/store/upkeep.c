/* Looking after the file: copies of it, and giving back what it does not need. */
#include "store_priv.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

/* ---- copies --------------------------------------------------------------------------------- */

static enum pxs_status refuse_existing(const char *path, struct pxs_error *err) {
    struct stat info;
    if (lstat(path, &info) == 0)
        return pxs_fail(err, PXS_E_EXISTS, "%s exists already and is not overwritten", path);
    return errno == ENOENT ? PXS_OK : pxs_fail_errno(err, "cannot look at %s", path);
}

enum pxs_status pxs_store_vacuum_into(struct pxs_store *s, const char *temp, const char *path,
                                      struct pxs_error *err) {
    struct pxs_stmt *stmt = NULL;
    bool row;
    /* One read transaction: writers go on meanwhile, and what they commit is not in the copy. A
     * reader's connection otherwise refuses to write into any file, the new one included. */
    enum pxs_status status = pxs_sql_exec(s->sql, "PRAGMA query_only = OFF", err);
    if (status == PXS_OK)
        status = pxs_sql_prepare(s->sql, "VACUUM INTO ?1", &stmt, err);
    if (status == PXS_OK)
        status = pxs_stmt_bind(stmt, PXS_ARGS(pxs_cell_text(temp)), err);
    if (status == PXS_OK)
        status = pxs_stmt_step(stmt, &row, err);
    if (status != PXS_OK && pxs_sql_was_full(s->sql))
        status = pxs_fail(err, PXS_E_NOSPC, "cannot write the copy %s: the disk is full", path);
    pxs_stmt_finish(&stmt);
    if (s->readonly && pxs_sql_exec(s->sql, "PRAGMA query_only = ON", NULL) != PXS_OK &&
        status == PXS_OK)
        status = pxs_fail(err, PXS_E_INTERNAL, "%s: query_only cannot be set", s->path);
    return pxs_store_unchanged(s, status, err);
}

enum pxs_status pxs_store_copy(struct pxs_store *s, const char *path, struct pxs_error *err) {
    struct pxs_atomic_file f;
    PXS_TRY(refuse_existing(path, err));
    PXS_TRY(pxs_atomic_open(&f, path, err));
    /* It appears where the database did not change meanwhile and nothing else has the name. A copy
     * of a published copy is a database of its own. */
    enum pxs_status status = pxs_store_vacuum_into(s, f.temp, path, err);
    if (status == PXS_OK && s->published)
        status = pxs_published_mark(f.temp, NULL, s->folder, s->folder, err);
    if (status == PXS_OK)
        status = refuse_existing(path, err);
    if (status == PXS_OK)
        status = pxs_atomic_commit(&f, err);
    pxs_atomic_abandon(&f);
    return status;
}

enum pxs_status pxs_store_backup(struct pxs_store *s, const char *path, struct pxs_error *err) {
    char full[PXS_PATH_MAX];
    if (!pxs_path_absolute(full, sizeof full, path))
        return pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", path);
    PXS_TRY(pxs_store_refresh(s, err));
    return pxs_store_copy(s, full, err);
}

/* ---- compacting ----------------------------------------------------------------------------- */

static int64_t bytes_of(const struct pxs_store *s, const char *suffix) {
    char path[PXS_PATH_MAX + 8];
    struct stat info;
    snprintf(path, sizeof path, "%s%s", s->path, suffix);
    return stat(path, &info) == 0 ? (int64_t)info.st_size : 0;
}

/* VACUUM puts its copy into a temporary file, not into memory: databases may be larger. In WAL mode
 * the new pages go through the WAL, so readers keep what they see. */
static enum pxs_status vacuum(struct pxs_store *s, struct pxs_error *err) {
    enum pxs_status status = pxs_sql_exec(s->sql, "PRAGMA temp_store = FILE; VACUUM", err);
    if (status != PXS_OK && pxs_sql_was_full(s->sql))
        status = pxs_fail(
            err, PXS_E_NOSPC,
            "there is no room to compact %s: it needs %lld bytes free beside it and as many in "
            "/var/tmp (or in the folder that SQLITE_TMPDIR names); nothing was changed",
            s->path, (long long)bytes_of(s, ""));
    if (status == PXS_OK)
        status = pxs_sql_exec(s->sql, "PRAGMA analysis_limit = 400; PRAGMA optimize", err);
    if (pxs_sql_exec(s->sql, "PRAGMA temp_store = MEMORY", NULL) != PXS_OK && status == PXS_OK)
        status = pxs_fail(err, PXS_E_INTERNAL, "%s: temp_store cannot be set", s->path);
    return status;
}

enum pxs_status pxs_store_compact(struct pxs_store *s, struct pxs_store_space *out,
                                  struct pxs_error *err) {
    if (s->readonly)
        return pxs_fail(err, PXS_E_INTERNAL, "%s is open for reading only", s->path);
    struct pxs_store_space space;
    PXS_TRY(pxs_store_lock(s, pxs_monotonic() + s->wait, err));
    space.before = bytes_of(s, "") + bytes_of(s, "-wal");
    pxs_sql_set_wait(s->sql, (int)(s->wait * 1000));
    enum pxs_status status = vacuum(s, err);
    pxs_store_unlock(s);
    PXS_TRY(status);

    /* The file shrinks with the checkpoint. A reader's snapshot may hold that up: it is waited for
     * as for any lock. */
    const double deadline = pxs_monotonic() + s->wait;
    for (;;) {
        double left = deadline - pxs_monotonic();
        PXS_TRY(pxs_store_checkpoint(s, true, left > 0 ? left : 0, err));
        if (bytes_of(s, "-wal") == 0 || pxs_monotonic() >= deadline)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    space.waiting = bytes_of(s, "-wal") > 0;
    space.after = bytes_of(s, "") + bytes_of(s, "-wal");
    *out = space;
    return PXS_OK;
}
