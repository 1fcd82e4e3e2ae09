/* Opening and closing a store, for writing and for reading. */
#include "store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { DEFAULT_WAIT = 30, DEFAULT_WAL_LIMIT = 256000000 };

enum pxs_status pxs_store_refuse_network(const struct pxs_store *s, struct pxs_error *err) {
    struct statfs info;
    if (statfs(s->folder, &info) != 0)
        return pxs_fail_errno(err, "cannot look at %s", s->folder);
    const char *name = pxs_store_network_fs((unsigned long)info.f_type);
    if (!name)
        return PXS_OK;
    return pxs_fail(err, PXS_E_UNSUPPORTED,
                    "%s is on a network file system (%s), where SQLite's write-ahead log is not "
                    "safe: name a file on a local disk with --db; the runs' own folders may stay "
                    "where they are",
                    s->path, name);
}

bool pxs_store_on_network(const char *path) {
    struct statfs info;
    char dir[PXS_PATH_MAX], parent[PXS_PATH_MAX];
    if (!pxs_path_absolute(dir, sizeof dir, path))
        return false;
    while (statfs(dir, &info) != 0) {
        pxs_path_dir(parent, sizeof parent, dir);
        if (strcmp(parent, dir) == 0)
            return false;
        strcpy(dir, parent);
    }
    return pxs_store_network_fs((unsigned long)info.f_type);
}

enum pxs_status pxs_store_make(const char *path, struct pxs_store **out, struct pxs_error *err) {
    struct pxs_store *s = calloc(1, sizeof *s);
    if (!s)
        return pxs_fail_nomem(err);
    s->lock = -1;
    s->wait = DEFAULT_WAIT;
    s->wal_limit = DEFAULT_WAL_LIMIT;
    if (!pxs_path_absolute(s->path, sizeof s->path - sizeof ".lock", path)) {
        free(s);
        return pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", path);
    }
    pxs_path_dir(s->folder, sizeof s->folder, s->path);
    snprintf(s->lock_path, sizeof s->lock_path, "%.*s.lock",
             (int)(sizeof s->lock_path - sizeof ".lock"), s->path);
    *out = s;
    return PXS_OK;
}

void pxs_store_close(struct pxs_store **store) {
    struct pxs_store *s = store ? *store : NULL;
    if (!s)
        return;
    if (s->sql && !s->readonly && s->lock >= 0) {
        /* Where another process holds the lock, it checkpoints when it closes. */
        enum pxs_status ignored = pxs_store_checkpoint(s, true, 0, NULL);
        (void)ignored;
    }
    pxs_store_finish_statements(s);
    pxs_sql_close(&s->sql);
    if (s->lock >= 0)
        close(s->lock);
    free(s);
    *store = NULL;
}

const char *pxs_store_path(const struct pxs_store *store) {
    return store->path;
}

const char *pxs_store_note(const struct pxs_store *store) {
    return store->note;
}

bool pxs_store_is_there(const struct pxs_store *store) {
    struct stat info;
    return stat(store->path, &info) == 0 && info.st_dev == store->mark.dev &&
           info.st_ino == store->mark.ino;
}

bool pxs_store_changed_by_others(struct pxs_store *store) {
    int64_t now;
    if (pxs_store_value(store, "PRAGMA data_version", &now, NULL) != PXS_OK)
        return true;
    const bool changed = now != store->data_version;
    store->data_version = now;
    return changed;
}

static void tell_meter(void *user) {
    const struct pxs_store *s = user;
    pxs_meter_tell(s->meter, s->work, 0, 0);
}

/* For each new connection. */
static void attach_meter(struct pxs_store *s) {
    pxs_sql_on_work(s->sql, s->meter.tell ? tell_meter : NULL, s);
}

void pxs_store_set_meter(struct pxs_store *store, struct pxs_meter meter, const char *work) {
    store->meter = meter;
    store->work = work;
    if (store->sql)
        attach_meter(store);
}

void pxs_store_set_wait(struct pxs_store *store, double seconds) {
    store->wait = seconds;
    if (store->sql)
        pxs_sql_set_wait(store->sql, (int)(seconds * 1000));
}

static enum pxs_status mark_file(const struct pxs_store *s, struct pxs_file_mark *mark,
                                 struct pxs_error *err) {
    struct stat info;
    if (stat(s->path, &info) != 0)
        return pxs_fail_errno(err, "cannot look at %s", s->path);
    *mark = (struct pxs_file_mark){info.st_dev, info.st_ino, info.st_size, info.st_mtim};
    return PXS_OK;
}

/* ---- for writing ---------------------------------------------------------------------------- */

/* PXS_E_INVALID where this user can never write; that it is busy or full now is not looked at. */
static enum pxs_status check_writable(const struct pxs_store *s, struct pxs_error *err) {
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    char path[PXS_PATH_MAX + 16];
    bool missing = false;
    struct stat info;
    PXS_TRY(pxs_store_refuse_published(s->path, err));
    for (size_t i = 0; i < PXS_COUNT(suffixes); i++) {
        snprintf(path, sizeof path, "%s%s", s->path, suffixes[i]);
        if (lstat(path, &info) != 0) {
            missing = true;
            continue;
        }
        if (stat(path, &info) != 0)
            continue;
        if (i == 0 && !S_ISREG(info.st_mode))
            return pxs_fail(err, PXS_E_INVALID,
                            "%s is not a regular file, as a database must be: name another with "
                            "--db",
                            path);
        if (S_ISREG(info.st_mode))
            PXS_TRY(pxs_check_writable(path, s->path, err));
    }
    return missing ? pxs_check_place(s->folder, err) : PXS_OK;
}

enum pxs_status pxs_store_check_place(const char *path, struct pxs_error *err) {
    struct pxs_store *s;
    PXS_TRY(pxs_store_make(path, &s, err));
    enum pxs_status status = check_writable(s, err);
    pxs_store_close(&s);
    return status;
}

static enum pxs_status open_for_writing(struct pxs_store *s, struct pxs_error *err) {
    PXS_TRY(check_writable(s, err));
    PXS_TRY(pxs_make_dirs(s->folder, err));
    PXS_TRY(pxs_store_refuse_network(s, err));
    PXS_TRY(pxs_store_lock(s, pxs_monotonic() + s->wait, err));
    enum pxs_status status = pxs_store_refuse_published(s->path, err);
    if (status != PXS_OK)
        goto out;

    /* SQLite would create the file for its owner alone to write. It finds one that was made by the
     * umask, as every other file is; -wal and -shm take the database's mode. */
    int fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0)
        close(fd);
    else if (errno != EEXIST)
        status = pxs_fail_errno(err, "cannot make %s", s->path);
    if (status != PXS_OK)
        goto out;

    status = pxs_sql_open(s->path, PXS_SQL_WRITE, &s->sql, err);
    if (status != PXS_OK)
        goto out;
    pxs_sql_set_wait(s->sql, (int)(s->wait * 1000));
    attach_meter(s);
    status = pxs_schema_prepare(s, err);
    if (status == PXS_OK)
        status = mark_file(s, &s->mark, err);
    if (status == PXS_OK)
        status = pxs_store_value(s, "PRAGMA data_version", &s->data_version, err);
out:
    pxs_store_unlock(s);
    return status;
}

enum pxs_status pxs_store_open(const char *path, struct pxs_store **out, struct pxs_error *err) {
    return pxs_store_open_within(path, DEFAULT_WAIT, out, err);
}

enum pxs_status pxs_store_open_within(const char *path, double seconds, struct pxs_store **out,
                                      struct pxs_error *err) {
    struct pxs_store *s;
    PXS_TRY(pxs_store_make(path, &s, err));
    s->wait = seconds;
    enum pxs_status status = open_for_writing(s, err);
    if (status == PXS_OK) {
        *out = s;
        return PXS_OK;
    }
    pxs_sql_close(&s->sql);
    pxs_store_close(&s);
    return status;
}

/* ---- for reading ---------------------------------------------------------------------------- */

/* Size of a file beside the database, -1 if there is none. */
static int64_t side_file(const struct pxs_store *s, const char *suffix) {
    char path[PXS_PATH_MAX + 16];
    struct stat info;
    snprintf(path, sizeof path, "%s%s", s->path, suffix);
    return stat(path, &info) == 0 ? (int64_t)info.st_size : -1;
}

/* A WAL database is read through its -wal and -shm; SQLite creates them where they are missing,
 * which reading must not. Our writers leave both behind (a sqlite3 shell that closes last removes
 * them). Without them the file is complete and has no writer: it is read as it is, without locks,
 * and looked at again afterwards (pxs_store_unchanged). */
static bool is_alone(const struct pxs_store *s) {
    if (side_file(s, "-journal") >= 0)
        return false;
    int64_t wal = side_file(s, "-wal");
    return wal < 0 || (wal == 0 && side_file(s, "-shm") < 0);
}

static bool same_mark(const struct pxs_file_mark *a, const struct pxs_file_mark *b) {
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

static bool same_file(const struct pxs_file_mark *a, const struct pxs_file_mark *b) {
    return a->dev == b->dev && a->ino == b->ino;
}

/* How a file is opened depends on its mark, and another file may be put in its place meanwhile. */
static enum pxs_status open_as_marked(struct pxs_store *s, struct pxs_error *err) {
    enum { TRIES = 20 };
    for (int i = 0; i < TRIES; i++) {
        struct pxs_file_mark now = {0};
        PXS_TRY(mark_file(s, &s->mark, err));
        s->published = pxs_store_is_published(s->path);
        s->immutable = s->published || is_alone(s);
        if (!s->immutable)
            PXS_TRY(pxs_store_refuse_network(s, err));
        PXS_TRY(
            pxs_sql_open(s->path, s->immutable ? PXS_SQL_IMMUTABLE : PXS_SQL_READ, &s->sql, err));
        PXS_TRY(mark_file(s, &now, err));
        if (same_file(&now, &s->mark))
            return PXS_OK;
        pxs_sql_close(&s->sql);
    }
    return pxs_fail(err, PXS_E_BUSY, "%s is replaced again and again: ask again", s->path);
}

static enum pxs_status connect(struct pxs_store *s, struct pxs_error *err) {
    PXS_TRY(open_as_marked(s, err));
    pxs_sql_set_wait(s->sql, (int)(s->wait * 1000));
    attach_meter(s);
    PXS_TRY(pxs_sql_exec(s->sql, "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -20000", err));
    PXS_TRY(pxs_schema_stand_in(s, err));
    s->note[0] = '\0';
    memset(&s->collector, 0, sizeof s->collector);
    if (s->published)
        PXS_TRY(pxs_published_read(s, &s->collector, err));
    return pxs_sql_exec(s->sql, "PRAGMA query_only = ON", err);
}

static enum pxs_status reconnect(struct pxs_store *s, struct pxs_error *err) {
    pxs_store_finish_statements(s);
    pxs_sql_close(&s->sql);
    return connect(s, err);
}

enum pxs_status pxs_store_unchanged(struct pxs_store *s, enum pxs_status status,
                                    struct pxs_error *err) {
    struct pxs_file_mark now = {0};
    /* On some network disks a file that was replaced cannot be read to its end. */
    const bool cut_off = s->published && status == PXS_E_IO;
    if (!s->immutable || (status != PXS_OK && !cut_off))
        return status;
    if (cut_off && mark_file(s, &now, NULL) != PXS_OK)
        return status;
    if (!cut_off)
        PXS_TRY(mark_file(s, &now, err));
    if (same_mark(&now, &s->mark) || (s->published && !cut_off && !same_file(&now, &s->mark)))
        return status;
    PXS_TRY(reconnect(s, err));
    return pxs_fail(err, PXS_E_BUSY, "%s changed while it was read: ask again", s->path);
}

enum pxs_status pxs_store_refresh(struct pxs_store *s, struct pxs_error *err) {
    struct pxs_file_mark now = {0};
    if (!s->sql)
        return connect(s, err);
    if (!s->readonly)
        return PXS_OK;
    if (!s->immutable)
        return pxs_store_is_there(s) || access(s->path, F_OK) != 0 ? PXS_OK : reconnect(s, err);
    PXS_TRY(mark_file(s, &now, err));
    return same_mark(&now, &s->mark) && (s->published || is_alone(s)) ? PXS_OK : reconnect(s, err);
}

static enum pxs_status fail_missing(const struct pxs_store *s, struct pxs_error *err) {
    if (access(s->path, F_OK) != 0 &&
        access("pixsweep.db", F_OK) == 0) /* called from within the results folder */
        return pxs_fail(err, PXS_E_NOT_FOUND,
                        "there is no database at %s, but pixsweep.db is here: say --results .",
                        s->path);
    return pxs_fail(err, PXS_E_NOT_FOUND,
                    "there is no database at %s yet: `pixsweep run FILE` makes one (another one is "
                    "named with --db)",
                    s->path);
}

/* The process that made the database was killed before its first commit: the rollback journal says
 * that there were no pages before. Opening the file for writing rolls that back; for reading there
 * is nothing yet. */
static bool is_half_made(const struct pxs_store *s) {
    unsigned char head[20];
    char path[PXS_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s-journal", s->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, head, sizeof head) : 0;
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)sizeof head && head[0] == 0xd9 && memcmp(head + 16, "\0\0\0", 4) == 0;
}

static enum pxs_status open_for_reading(struct pxs_store *s, struct pxs_error *err) {
    struct stat info;
    if (stat(s->path, &info) != 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? fail_missing(s, err)
                   : pxs_fail_errno(err, "cannot look at %s", s->path);
    if (!S_ISREG(info.st_mode))
        return pxs_fail(err, PXS_E_INVALID, "%s is not a regular file", s->path);
    if (is_half_made(s))
        return fail_missing(s, err);
    PXS_TRY(connect(s, err));
    enum pxs_status status = pxs_schema_check(s, err);
    return status == PXS_E_NOT_FOUND ? fail_missing(s, err) : status;
}

enum pxs_status pxs_store_open_readonly(const char *path, struct pxs_store **out,
                                        struct pxs_error *err) {
    struct pxs_store *s;
    PXS_TRY(pxs_store_make(path, &s, err));
    s->readonly = true;
    enum pxs_status status = open_for_reading(s, err);
    if (status == PXS_OK)
        *out = s;
    else
        pxs_store_close(&s);
    return status;
}

bool pxs_store_may_wait(enum pxs_status status, const char *db) {
    return status == PXS_E_BUSY || status == PXS_E_IO || status == PXS_E_NOSPC ||
           (status == PXS_E_UNSUPPORTED && pxs_store_on_network(db));
}
