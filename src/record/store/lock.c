/* The flock beside the database, the transactions under it, and the file systems where neither can
 * be trusted. */
#include "store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    /* A WAL of this length is checkpointed after the commit that reached it, and again this much
     * later. */
    CHECKPOINT_PAGES = 1000,
    /* Beyond this length, readers that overlap have kept the WAL from beginning anew. Readers are
     * then waited for: this many ms, as many again for each further RESTART_PAGES, at most
     * LONGEST_MS. */
    RESTART_PAGES = 4000,
    RESTART_MS = 20,
    LONGEST_MS = 500
};

/* ---- the flock ------------------------------------------------------------------------------ */

/* One try. PXS_E_BUSY: another process holds the lock. */
static enum pxs_status try_lock(struct pxs_store *s, struct pxs_error *err) {
    struct stat mine, there;
    if (s->lock < 0)
        s->lock = open(s->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (s->lock < 0 && errno == ELOOP)
        return pxs_fail(err, PXS_E_INVALID, "cannot open %s: it is a symbolic link; remove it",
                        s->lock_path);
    if (s->lock < 0)
        return pxs_fail_errno(err, "cannot open %s", s->lock_path);
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK || errno == EINTR)
            return PXS_E_BUSY;
        return pxs_fail_errno(err, "cannot lock %s", s->lock_path);
    }
    if (fstat(s->lock, &mine) == 0 && stat(s->lock_path, &there) == 0 &&
        mine.st_ino == there.st_ino && mine.st_dev == there.st_dev)
        return PXS_OK;
    /* The file was removed or replaced meanwhile: its lock keeps no process out. */
    close(s->lock);
    s->lock = -1;
    return PXS_E_BUSY;
}

enum pxs_status pxs_store_lock(struct pxs_store *s, double deadline, struct pxs_error *err) {
    long pause_ns = 500000;
    for (;;) {
        enum pxs_status status = try_lock(s, err);
        if (status != PXS_E_BUSY)
            return status;
        if (pxs_monotonic() >= deadline)
            return pxs_fail(err, PXS_E_BUSY,
                            "another pixsweep is writing to %s (%s has been locked for %.1f s); "
                            "try again later",
                            s->path, s->lock_path, s->wait);
        nanosleep(&(struct timespec){.tv_nsec = pause_ns}, NULL);
        pause_ns = pause_ns < 20000000 ? pause_ns * 2 : pause_ns;
    }
}

void pxs_store_unlock(struct pxs_store *s) {
    flock(s->lock, LOCK_UN);
}

/* ---- transactions --------------------------------------------------------------------------- */

enum pxs_status pxs_store_begin(struct pxs_store *s, struct pxs_error *err) {
    if (s->readonly)
        return pxs_fail(err, PXS_E_INTERNAL, "%s is open for reading only", s->path);
    double deadline = pxs_monotonic() + s->wait;
    PXS_TRY(pxs_store_lock(s, deadline, err));
    /* The database was handed over to a collector: what would be written would be in no file. */
    if (!pxs_store_is_there(s) && pxs_store_is_published(s->path)) {
        pxs_store_unlock(s);
        return pxs_fail(err, PXS_E_BUSY,
                        "%s was handed over to a collector and is a published copy now", s->path);
    }

    /* SQLite waits, too, for programs that do not know the flock, such as a sqlite3 shell. */
    double left = deadline - pxs_monotonic();
    pxs_sql_set_wait(s->sql, left > 0 ? (int)(left * 1000) + 1 : 0);
    enum pxs_status status = PXS_OK;
    /* A transaction is still open where an earlier one failed and its ROLLBACK did, too, for want
     * of memory. */
    if (pxs_sql_in_transaction(s->sql))
        status = pxs_sql_exec(s->sql, "ROLLBACK", err);
    if (status == PXS_OK)
        status = pxs_sql_exec(s->sql, "BEGIN IMMEDIATE", err);
    if (status != PXS_OK)
        pxs_store_unlock(s);
    return status;
}

static int restart_ms(const struct pxs_store *s) {
    int ms = pxs_sql_wal_pages(s->sql) / RESTART_PAGES * RESTART_MS;
    return ms < LONGEST_MS ? ms : LONGEST_MS;
}

/* The rows are committed: a checkpoint that cannot be done now is done after a later commit. A
 * reader with an old snapshot can stop any checkpoint, and each one looks through the whole WAL, so
 * they come at a distance. */
static void checkpoint_when_due(struct pxs_store *s) {
    int pages = pxs_sql_wal_pages(s->sql);
    bool done;
    if (pages < s->checkpointed_at)
        s->checkpointed_at = 0; /* the WAL has begun anew */
    if (pages < s->checkpointed_at + CHECKPOINT_PAGES)
        return;
    s->checkpointed_at = pages;
    enum pxs_status ignored = pages < RESTART_PAGES
                                  ? pxs_sql_checkpoint(s->sql, false, NULL)
                                  : pxs_sql_restart_wal(s->sql, restart_ms(s), &done, NULL);
    (void)ignored;
    pxs_sql_set_wait(s->sql, (int)(s->wait * 1000));
}

enum pxs_status pxs_store_commit(struct pxs_store *s, enum pxs_status status,
                                 struct pxs_error *err) {
    if (status == PXS_OK)
        status = pxs_sql_exec(s->sql, "COMMIT", err);
    if (status != PXS_OK) {
        /* After some failures (disk full) SQLite has rolled back already and says so; that is no
         * second failure. */
        enum pxs_status ignored = pxs_sql_exec(s->sql, "ROLLBACK", NULL);
        (void)ignored;
    }
    return status;
}

enum pxs_status pxs_store_end(struct pxs_store *s, enum pxs_status status, struct pxs_error *err) {
    status = pxs_store_commit(s, status, err);
    if (status == PXS_OK)
        checkpoint_when_due(s);
    pxs_store_unlock(s);
    return status;
}

enum pxs_status pxs_store_checkpoint(struct pxs_store *s, bool truncate, double wait,
                                     struct pxs_error *err) {
    PXS_TRY(pxs_store_lock(s, pxs_monotonic() + wait, err));
    enum pxs_status status = pxs_sql_checkpoint(s->sql, truncate, err);
    pxs_sql_set_wait(s->sql, (int)(s->wait * 1000));
    pxs_store_unlock(s);
    return status;
}

/* ---- a WAL that cannot be checkpointed ------------------------------------------------------ */

void pxs_store_set_wal_limit(struct pxs_store *s, int64_t bytes) {
    s->wal_limit = bytes;
}

bool pxs_store_wal_backlog(struct pxs_store *s) {
    double now = pxs_monotonic();
    bool done;
    if (s->readonly || (int64_t)pxs_sql_wal_pages(s->sql) * PAGE <= s->wal_limit)
        return false;
    if (now - s->wal_backlog_at < 1 || pxs_store_lock(s, now, NULL) != PXS_OK)
        return true;
    s->wal_backlog_at = now;
    enum pxs_status status = pxs_sql_restart_wal(s->sql, restart_ms(s), &done, NULL);
    pxs_sql_set_wait(s->sql, (int)(s->wait * 1000));
    pxs_store_unlock(s);
    return status != PXS_OK || !done;
}

/* ---- file systems --------------------------------------------------------------------------- */

/* SQLite's WAL is shared memory and needs one machine; flock on most of these is one machine's,
 * too. */
const char *pxs_store_network_fs(unsigned long type) {
    static const struct {
        unsigned long type;
        const char *name;
    } table[] = {{0x6969, "NFS"},      {0xFF534D42, "CIFS"},   {0xFE534D42, "SMB2"},
                 {0x517B, "SMB"},      {0x0BD00BD0, "Lustre"}, {0x65735546, "FUSE"},
                 {0x5346414F, "AFS"},  {0x6B414653, "AFS"},    {0x00C36400, "Ceph"},
                 {0x47504653, "GPFS"}, {0x19830326, "BeeGFS"}, {0xAAD7AAEA, "PanFS"},
                 {0x01021997, "9p"},   {0x73757245, "Coda"},   {0x7461636F, "OCFS2"},
                 {0x01161970, "GFS2"}, {0x564C, "NCP"},        {0x20030528, "OrangeFS"}};
    for (size_t i = 0; i < PXS_COUNT(table); i++)
        if (table[i].type == (type & 0xFFFFFFFF))
            return table[i].name;
    return NULL;
}
