/* Published copies: marking, publishing, handing a database over to a collector and taking it
 * over from one that is gone. */
#include "store_priv.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- who collects --------------------------------------------------------------------------- */

enum pxs_status pxs_collector_here(const char *db, struct pxs_collector *out,
                                   struct pxs_error *err) {
    struct pxs_host host;
    memset(out, 0, sizeof *out);
    if (!pxs_path_absolute(out->db, sizeof out->db, db))
        return pxs_fail(err, PXS_E_INVALID, "path is too long: %.80s...", db);
    pxs_host_detect(&host);
    snprintf(out->host, sizeof out->host, "%s", host.name);
    snprintf(out->boot_id, sizeof out->boot_id, "%s", host.boot_id);
    out->pid = getpid();
    out->pid_start = pxs_pid_start(out->pid);
    return PXS_OK;
}

enum pxs_collector_life pxs_collector_life(const struct pxs_collector *c) {
    struct pxs_host host;
    pxs_host_detect(&host);
    if (strcmp(c->host, host.name) != 0 || strcmp(c->boot_id, host.boot_id) != 0)
        return PXS_COLLECTOR_UNKNOWN;
    return pxs_pid_alive(c->pid, c->pid_start) ? PXS_COLLECTOR_ALIVE : PXS_COLLECTOR_GONE;
}

static bool same_process(const struct pxs_collector *a, const struct pxs_collector *b) {
    return strcmp(a->host, b->host) == 0 && strcmp(a->boot_id, b->boot_id) == 0 &&
           a->pid == b->pid && a->pid_start == b->pid_start;
}

/* ---- the mark ------------------------------------------------------------------------------- */

bool pxs_store_is_published(const char *path) {
    unsigned char head[72];
    int fd;
    if (pxs_open_read(path, &fd, NULL) != PXS_OK)
        return false;
    const ssize_t n = pread(fd, head, sizeof head, 0);
    close(fd);
    return n == (ssize_t)sizeof head && memcmp(head, "SQLite format 3", 16) == 0 &&
           memcmp(head + 68, "pxsp", 4) == 0;
}

enum pxs_status pxs_published_read(struct pxs_store *s, struct pxs_collector *out,
                                   struct pxs_error *err) {
    struct pxs_stmt *stmt = NULL;
    bool row = false;
    memset(out, 0, sizeof *out);
    enum pxs_status status = pxs_sql_prepare(
        s->sql, "SELECT host, boot_id, pid, pid_start, db, at_ms FROM published", &stmt, err);
    if (status == PXS_OK)
        status = pxs_stmt_step(stmt, &row, err);
    if (status == PXS_OK && !row)
        status = pxs_fail(err, PXS_E_CORRUPT,
                          "%s is marked as a published copy and does not say who publishes it: "
                          "remove it and fill a new one (`pixsweep merge`)",
                          s->path);
    if (status == PXS_OK) {
        pxs_column_text(stmt, 0, out->host, sizeof out->host);
        pxs_column_text(stmt, 1, out->boot_id, sizeof out->boot_id);
        out->pid = pxs_column_int(stmt, 2);
        out->pid_start = pxs_column_int(stmt, 3);
        pxs_column_text(stmt, 4, out->db, sizeof out->db);
        out->at_ms = pxs_column_int(stmt, 5);
    }
    pxs_stmt_finish(&stmt);
    return status;
}

enum pxs_status pxs_store_read_collector(const char *path, struct pxs_collector *out,
                                         struct pxs_error *err) {
    struct pxs_store *s = NULL;
    memset(out, 0, sizeof *out);
    if (!pxs_store_is_published(path))
        return pxs_fail(err, PXS_E_NOT_FOUND, "there is no published copy at %s", path);
    PXS_TRY(pxs_store_open_readonly(path, &s, err));
    *out = s->collector;
    pxs_store_close(&s);
    if (!out->host[0])
        return pxs_fail(err, PXS_E_NOT_FOUND, "%s is no published copy any more", path);
    return PXS_OK;
}

enum pxs_status pxs_store_refuse_published(const char *path, struct pxs_error *err) {
    struct pxs_collector c;
    struct pxs_error why;
    if (!pxs_store_is_published(path))
        return PXS_OK;
    enum pxs_status status = pxs_store_read_collector(path, &c, &why);
    if (status != PXS_OK)
        return status == PXS_E_NOT_FOUND ? PXS_OK : pxs_fail(err, status, "%s", why.message);
    const enum pxs_collector_life life = pxs_collector_life(&c);
    if (life == PXS_COLLECTOR_GONE)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s is a copy that process %lld on %s published from %s and that is not "
                        "written to; the process is gone: `pixsweep run FILE` here takes it over",
                        path, (long long)c.pid, c.host, c.db);
    if (life == PXS_COLLECTOR_ALIVE)
        return pxs_fail(err, PXS_E_INVALID,
                        "%s is a copy that process %lld on %s publishes from %s and that is not "
                        "written to: give the command with --db %s, or once that process has ended",
                        path, (long long)c.pid, c.host, c.db, c.db);
    return pxs_fail(err, PXS_E_INVALID,
                    "%s is a copy that process %lld on %s publishes from %s and that is not "
                    "written to: give the command on %s with --db %s, or here once that process "
                    "has ended",
                    path, (long long)c.pid, c.host, c.db, c.host, c.db);
}

const struct pxs_collector *pxs_store_collector(const struct pxs_store *s) {
    return s->published ? &s->collector : NULL;
}

/* A folder with its slash. */
static void prefix_of(const char *folder, char out[PXS_PATH_MAX + 1]) {
    snprintf(out, PXS_PATH_MAX + 1, "%s%s", folder, strcmp(folder, "/") == 0 ? "" : "/");
}

/* run.dir is relative to the database's folder where it lies in it. */
static enum pxs_status move_dirs(struct pxs_sql *sql, const char *from, const char *to,
                                 struct pxs_error *err) {
    char old[PXS_PATH_MAX + 1], new[PXS_PATH_MAX + 1];
    struct pxs_stmt *stmt = NULL;
    bool row;
    prefix_of(from, old);
    prefix_of(to, new);
    PXS_TRY(pxs_sql_prepare(
        sql,
        "WITH full AS (SELECT run_id, iif(substr(dir, 1, 1) = '/', dir, ?1 || dir) AS dir FROM run)"
        "UPDATE run SET dir = iif(substr(f.dir, 1, length(?2)) = ?2 AND length(f.dir) > length(?2),"
        "  substr(f.dir, length(?2) + 1), f.dir) FROM full f WHERE f.run_id = run.run_id",
        &stmt, err));
    enum pxs_status status =
        pxs_stmt_bind(stmt, PXS_ARGS(pxs_cell_text(old), pxs_cell_text(new)), err);
    if (status == PXS_OK)
        status = pxs_stmt_step(stmt, &row, err);
    pxs_stmt_finish(&stmt);
    return status;
}

static enum pxs_status put_collector(struct pxs_sql *sql, const struct pxs_collector *c,
                                     struct pxs_error *err) {
    struct pxs_stmt *stmt = NULL;
    bool row;
    PXS_TRY(pxs_sql_exec(sql,
                         "CREATE TABLE published (\n"
                         "  host TEXT NOT NULL, -- of the collector, as its boot_id and pid\n"
                         "  boot_id TEXT NOT NULL,\n"
                         "  pid INTEGER NOT NULL,\n"
                         "  pid_start INTEGER NOT NULL,\n"
                         "  db TEXT NOT NULL, -- the collector's own database\n"
                         "  at_ms INTEGER NOT NULL\n"
                         ") STRICT",
                         err));
    PXS_TRY(
        pxs_sql_prepare(sql, "INSERT INTO published VALUES (?1, ?2, ?3, ?4, ?5, ?6)", &stmt, err));
    enum pxs_status status = pxs_stmt_bind(
        stmt,
        PXS_ARGS(pxs_cell_text(c->host), pxs_cell_text(c->boot_id), pxs_cell_int(c->pid),
                 pxs_cell_int(c->pid_start), pxs_cell_text(c->db), pxs_cell_int(pxs_now_ms())),
        err);
    if (status == PXS_OK)
        status = pxs_stmt_step(stmt, &row, err);
    pxs_stmt_finish(&stmt);
    return status;
}

enum pxs_status pxs_published_mark(const char *file, const struct pxs_collector *collector,
                                   const char *from, const char *to, struct pxs_error *err) {
    struct pxs_sql *sql = NULL;
    char text[60];
    PXS_TRY(pxs_sql_open(file, PXS_SQL_WRITE, &sql, err));
    /* The file is thrown away where this fails, and synced by its caller. */
    enum pxs_status status =
        pxs_sql_exec(sql,
                     "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; BEGIN IMMEDIATE;"
                     "DROP TABLE IF EXISTS published",
                     err);
    if (status == PXS_OK && collector)
        status = put_collector(sql, collector, err);
    if (status == PXS_OK && strcmp(from, to) != 0)
        status = move_dirs(sql, from, to, err);
    snprintf(text, sizeof text, "PRAGMA application_id = %d; COMMIT",
             collector ? PXS_PUBLISHED_ID : PXS_APPLICATION_ID);
    if (status == PXS_OK)
        status = pxs_sql_exec(sql, text, err);
    if (status != PXS_OK && pxs_sql_was_full(sql))
        status = pxs_fail(err, PXS_E_NOSPC, "cannot write %s: the disk is full", file);
    pxs_sql_close(&sql);
    return status;
}

/* ---- files ---------------------------------------------------------------------------------- */

/* What killed processes have left of a file that was to stand at `path`. */
static void remove_leftovers(const struct pxs_store *s) {
    DIR *d = opendir(s->folder);
    const char *name = strrchr(s->path, '/') + 1;
    const size_t n = strlen(name);
    if (!d)
        return;
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        if (strncmp(e->d_name, name, n) == 0 && strncmp(e->d_name + n, ".tmp.", 5) == 0)
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

/* A -wal or -journal beside a file is taken by SQLite for the file's own, so those of another file
 * must be gone before it is replaced. */
static enum pxs_status remove_side_files(const char *path, struct pxs_error *err) {
    static const char *const suffixes[] = {"-journal", "-wal", "-shm"};
    char side[PXS_PATH_MAX + 16];
    for (size_t i = 0; i < PXS_COUNT(suffixes); i++) {
        snprintf(side, sizeof side, "%s%s", path, suffixes[i]);
        if (unlink(side) != 0 && errno != ENOENT)
            return pxs_fail_errno(err, "cannot remove %s", side);
    }
    return PXS_OK;
}

static enum pxs_status copy_bytes(const char *from, struct pxs_atomic_file *to,
                                  struct pxs_error *err) {
    enum { PIECE = 1 << 20 };
    int fd = -1;
    ssize_t n = 0;
    char *piece = malloc(PIECE);
    enum pxs_status status = piece ? pxs_open_read(from, &fd, err) : pxs_fail_nomem(err);
    while (status == PXS_OK && (n = read(fd, piece, PIECE)) > 0)
        if (fwrite(piece, 1, (size_t)n, to->file) != (size_t)n)
            status = pxs_fail_errno(err, "cannot write %s", to->path);
    if (status == PXS_OK && n < 0)
        status = pxs_fail_errno(err, "cannot read %s", from);
    if (status == PXS_OK && fflush(to->file) != 0)
        status = pxs_fail_errno(err, "cannot write %s", to->path);
    if (fd >= 0)
        close(fd);
    free(piece);
    return status;
}

/* A published copy is for reading: a shell that would write to it is told so. */
static enum pxs_status make_readonly(struct pxs_atomic_file *f, struct pxs_error *err) {
    struct stat info;
    if (fstat(fileno(f->file), &info) == 0 && fchmod(fileno(f->file), info.st_mode & 0444) == 0)
        return PXS_OK;
    return pxs_fail_errno(err, "cannot change the mode of %s", f->temp);
}

/* ---- publishing ----------------------------------------------------------------------------- */

/* PXS_OK where `me` may replace what stands there. */
static enum pxs_status check_target(const struct pxs_store *target, const struct pxs_collector *me,
                                    struct pxs_error *err) {
    struct pxs_collector other;
    struct stat info;
    if (lstat(target->path, &info) != 0)
        return errno == ENOENT ? PXS_OK : pxs_fail_errno(err, "cannot look at %s", target->path);
    if (!pxs_store_is_published(target->path))
        return pxs_fail(err, PXS_E_EXISTS,
                        "%s exists already and is no published copy, so it is not overwritten",
                        target->path);
    PXS_TRY(pxs_store_read_collector(target->path, &other, err));
    if (!same_process(&other, me) && pxs_collector_life(&other) == PXS_COLLECTOR_ALIVE)
        return pxs_fail(err, PXS_E_BUSY, "process %lld on %s publishes %s, from %s",
                        (long long)other.pid, other.host, target->path, other.db);
    return PXS_OK;
}

/* Within the lock of the target, where the disk has locks. */
static enum pxs_status replace(const struct pxs_store *target, const char *stage,
                               const struct pxs_collector *me, struct pxs_error *err) {
    struct pxs_atomic_file f;
    PXS_TRY(check_target(target, me, err));
    remove_leftovers(target);
    PXS_TRY(pxs_atomic_open(&f, target->path, err));
    enum pxs_status status = copy_bytes(stage, &f, err);
    if (status == PXS_OK)
        status = make_readonly(&f, err);
    if (status == PXS_OK)
        status = remove_side_files(target->path, err);
    if (status == PXS_OK)
        status = pxs_atomic_commit(&f, err);
    pxs_atomic_abandon(&f);
    return status;
}

enum pxs_status pxs_store_publish(struct pxs_store *s, const char *path,
                                  const struct pxs_collector *me, struct pxs_error *err) {
    struct pxs_store *target = NULL;
    char stage[PXS_PATH_MAX + 16];
    PXS_TRY(pxs_store_make(path, &target, err));
    snprintf(stage, sizeof stage, "%s.publish", s->path);
    unlink(stage); /* left by a killed process */
    enum pxs_status status = check_target(target, me, err);
    if (status == PXS_OK)
        status = pxs_store_refresh(s, err);
    if (status == PXS_OK)
        status = pxs_store_vacuum_into(s, stage, stage, err);
    if (status == PXS_OK)
        status = pxs_published_mark(stage, me, s->folder, target->folder, err);
    /* The lock keeps a command of this machine from taking the copy over meanwhile. Where the disk
     * has no locks, the claim of the collector does. */
    if (status == PXS_OK &&
        pxs_store_lock(target, pxs_monotonic() + target->wait, err) == PXS_E_BUSY)
        status = PXS_E_BUSY;
    if (status == PXS_OK)
        status = replace(target, stage, me, err);
    unlink(stage);
    pxs_store_close(&target);
    return status;
}

/* ---- handing over --------------------------------------------------------------------------- */

/* PXS_E_BUSY where processes of this machine are at work that record into this database. Jobs, and
 * what runs on other machines, record into their folders alone. */
static enum pxs_status refuse_at_work(struct pxs_store *s, struct pxs_error *err) {
    struct pxs_host here;
    struct pxs_table t = {0};
    int64_t *stale = NULL;
    size_t n, at_work = 0;
    pxs_host_detect(&here);
    const struct pxs_cell host = pxs_cell_text(here.name);
    PXS_TRY(pxs_store_stale_runs(s, 0, &here, pxs_now_ms(), &stale, &n, err));
    const enum pxs_status status = pxs_store_select(
        s,
        "SELECT run_id FROM attempt a JOIN run USING (run_id) WHERE ended_ms IS NULL AND "
        "state = 'running' AND host = ?1 AND NOT EXISTS (SELECT 1 FROM environment e WHERE "
        "e.attempt_id = a.attempt_id AND e.key = 'task')",
        &host, 1, &t, err);
    for (size_t i = 0; i < t.n_rows; i++) {
        size_t k = 0;
        while (k < n && stale[k] != t.cells[i * t.n_columns].integer)
            k++;
        at_work += k == n;
    }
    pxs_table_finish(&t);
    free(stale);
    PXS_TRY(status);
    if (at_work > 0)
        return pxs_fail(err, PXS_E_BUSY,
                        "%zu run%s at work and recorded in %s: wait for the end, or stop the "
                        "`pixsweep run` that works on them; `pixsweep watch` shows them",
                        at_work, at_work == 1 ? " is" : "s are", s->path);
    return PXS_OK;
}

static bool wal_is_empty(const struct pxs_store *s) {
    char wal[PXS_PATH_MAX + 16];
    struct stat info;
    snprintf(wal, sizeof wal, "%s-wal", s->path);
    return stat(wal, &info) != 0 || info.st_size == 0;
}

/* All of the write-ahead log into the file, while readers with an old snapshot are waited for. */
static enum pxs_status empty_wal(struct pxs_store *s, double deadline, struct pxs_error *err) {
    for (;;) {
        PXS_TRY(pxs_sql_checkpoint(s->sql, true, err));
        if (wal_is_empty(s))
            return PXS_OK;
        if (pxs_monotonic() >= deadline)
            return pxs_fail(err, PXS_E_BUSY,
                            "another program reads %s in one long transaction: end it, and try "
                            "again",
                            s->path);
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
}

enum pxs_status pxs_store_hand_over(const char *path, const struct pxs_collector *me,
                                    double seconds, struct pxs_error *err) {
    struct pxs_store *s = NULL;
    struct pxs_atomic_file f = {0};
    const double deadline = pxs_monotonic() + seconds;
    PXS_TRY(pxs_store_open_readonly(path, &s, err)); /* says what to do where there is none */
    pxs_store_close(&s);
    PXS_TRY(pxs_store_open_within(path, seconds, &s, err));
    enum pxs_status status = pxs_store_lock(s, deadline, err);
    if (status != PXS_OK)
        goto out;
    status = pxs_store_refuse_published(s->path, err);
    if (status == PXS_OK)
        status = refuse_at_work(s, err);
    if (status == PXS_OK)
        status = empty_wal(s, deadline, err);
    if (status != PXS_OK)
        goto out;
    remove_leftovers(s);
    status = pxs_atomic_open(&f, s->path, err);
    if (status == PXS_OK)
        status = pxs_store_vacuum_into(s, f.temp, s->path, err);
    if (status == PXS_OK)
        status = pxs_published_mark(f.temp, me, s->folder, s->folder, err);
    if (status == PXS_OK)
        status = make_readonly(&f, err);
    /* Programs that do not know the lock may have written since: their rows are not in the copy. */
    if (status == PXS_OK && !wal_is_empty(s))
        status = pxs_fail(err, PXS_E_BUSY, "another program writes to %s: end it, and try again",
                          s->path);
    if (status != PXS_OK)
        goto out;

    /* From here on the connection has no name for its files. The log is empty, so nothing is lost
     * where this ends between the two steps. */
    pxs_store_finish_statements(s);
    pxs_sql_close(&s->sql);
    status = remove_side_files(s->path, err);
    if (status == PXS_OK)
        status = pxs_atomic_commit(&f, err);
    /* A reader that came in between has made them anew. */
    if (status == PXS_OK)
        status = remove_side_files(s->path, err);
out:
    pxs_atomic_abandon(&f);
    pxs_store_close(&s);
    return status;
}

/* ---- taking over ---------------------------------------------------------------------------- */

static enum pxs_status check_gone(const char *path, const struct pxs_collector *c, bool claimed,
                                  struct pxs_error *err) {
    const enum pxs_collector_life life = pxs_collector_life(c);
    struct pxs_error why;
    if (life == PXS_COLLECTOR_GONE || (life == PXS_COLLECTOR_ALIVE && c->pid == getpid()) ||
        (life == PXS_COLLECTOR_UNKNOWN && claimed))
        return PXS_OK;
    enum pxs_status status = pxs_store_refuse_published(path, &why);
    return pxs_fail(err, PXS_E_BUSY, "%s",
                    status == PXS_OK ? "it has changed: ask again" : why.message);
}

/* Within the lock of `target`, which is ->path itself or a new file. */
static enum pxs_status take(const struct pxs_store *copy, const struct pxs_store *target,
                            bool claimed, struct pxs_collector *was, struct pxs_error *err) {
    struct pxs_atomic_file f = {0};
    struct stat info;
    const bool in_place = strcmp(copy->path, target->path) == 0;
    if (in_place && !pxs_store_is_published(copy->path))
        return PXS_OK; /* another process took it over while this one waited for the lock */
    PXS_TRY(pxs_store_read_collector(copy->path, was, err));
    PXS_TRY(check_gone(copy->path, was, claimed, err));
    if (!in_place && lstat(target->path, &info) == 0)
        return pxs_fail(err, PXS_E_EXISTS, "%s exists already and is not overwritten",
                        target->path);
    remove_leftovers(target);
    PXS_TRY(pxs_atomic_open(&f, target->path, err));
    enum pxs_status status = copy_bytes(copy->path, &f, err);
    if (status == PXS_OK)
        status = pxs_published_mark(f.temp, NULL, copy->folder, target->folder, err);
    if (status == PXS_OK)
        status = remove_side_files(target->path, err);
    if (status == PXS_OK)
        status = pxs_atomic_commit(&f, err);
    pxs_atomic_abandon(&f);
    return status;
}

enum pxs_status pxs_store_take_over(const char *path, const char *to, bool claimed,
                                    struct pxs_collector *was, struct pxs_error *err) {
    struct pxs_store *copy = NULL, *target = NULL;
    struct pxs_collector ignored;
    was = was ? was : &ignored;
    memset(was, 0, sizeof *was);
    PXS_TRY(pxs_store_make(path, &copy, err));
    enum pxs_status status = pxs_store_make(to ? to : path, &target, err);
    if (status == PXS_OK)
        status = pxs_make_dirs(target->folder, err);
    if (status == PXS_OK)
        status = pxs_store_refuse_network(target, err);
    if (status == PXS_OK)
        status = pxs_store_lock(target, pxs_monotonic() + target->wait, err);
    if (status == PXS_OK)
        status = take(copy, target, claimed, was, err);
    pxs_store_close(&target);
    pxs_store_close(&copy);
    return status;
}
