/* Published copies: a database as it is read where several machines share a disk.
 *
 * SQLite's write-ahead log and locks need one machine, so on such a disk SQLite writes nothing. One
 * process, the collector, fills a database on a disk of its own machine and publishes whole copies
 * of it, each by a rename over the one before. A copy has no -wal and no -shm, may not be written
 * to, and is marked: its application_id is PXS_PUBLISHED_ID, and its table `published` names the
 * collector. Commands read it without locks; those that write refuse it. */
#ifndef PIXSWEEP_STORE_PUBLISHED_H
#define PIXSWEEP_STORE_PUBLISHED_H

#include "pixsweep/base.h"

struct pxs_store;

/* "pxsp", at byte 68 of the file, big-endian; the database's own is "pxsw". */
#define PXS_PUBLISHED_ID 0x70787370
/* Beside a copy, the folder whose claim (pixsweep/rundir/claim.h) the collector holds. */
#define PXS_COLLECTOR_DIR ".collector"
/* In it: the jobs of each sweep as the collector's launcher last said, a line each:
 * "SWEEP\tAT_MS\tWORDS\n" (pxs_launched_words), with PXS_NEVER_MARK before words that tell of jobs
 * which never start. */
#define PXS_COLLECTOR_JOBS "jobs"
#define PXS_NEVER_MARK '!'

struct pxs_collector {
    char host[256], boot_id[64];
    int64_t pid, pid_start;
    char db[PXS_PATH_MAX]; /* its own database, on a disk of that host */
    int64_t at_ms;         /* when the copy was published; filled by publishing */
};
/* This process, collecting in `db` (made absolute). PXS_E_INVALID: the path is too long. */
PXS_NODISCARD enum pxs_status pxs_collector_here(const char *db, struct pxs_collector *out,
                                                 struct pxs_error *err);
enum pxs_collector_life {
    PXS_COLLECTOR_ALIVE,  /* on this machine */
    PXS_COLLECTOR_GONE,   /* it was on this machine, since it was booted */
    PXS_COLLECTOR_UNKNOWN /* on another machine, or before this one was booted: its claim tells */
};
enum pxs_collector_life pxs_collector_life(const struct pxs_collector *c);

/* Whether there is a published copy at `path`; reads its header only. */
bool pxs_store_is_published(const char *path);
/* Who publishes the copy at `path`. PXS_E_NOT_FOUND where there is no published copy. */
PXS_NODISCARD enum pxs_status pxs_store_read_collector(const char *path, struct pxs_collector *out,
                                                       struct pxs_error *err);
/* Who publishes the copy that is open for reading; NULL: it is no copy. Lives until the store is
 * closed, and changes where a newer copy is read. */
const struct pxs_collector *pxs_store_collector(const struct pxs_store *s);
/* PXS_OK where the file at `path` is no published copy. Else PXS_E_INVALID: who publishes it, and
 * where and when the command can be given. */
PXS_NODISCARD enum pxs_status pxs_store_refuse_published(const char *path, struct pxs_error *err);

/* Replaces the copy at `path` by one of `s` as of one transaction, while others write and read.
 * SQLite works on the file `<database>.publish` beside the database only; its bytes are then copied
 * and synced. On failure the copy before it stays. run.dir is made relative where it lies in the
 * copy's folder. The caller holds the claim on the collector's folder, and has looked at it a
 * moment ago. PXS_E_EXISTS where a database stands there that is no copy; PXS_E_BUSY where another
 * process of this machine, which is alive, publishes it. */
PXS_NODISCARD enum pxs_status pxs_store_publish(struct pxs_store *s, const char *path,
                                                const struct pxs_collector *me,
                                                struct pxs_error *err);

/* The other way round, for a collector that begins: the database at `path` becomes a copy that `me`
 * publishes, in place. Whatever is in its write-ahead log is in the copy; -wal and -shm are
 * removed. Waits `seconds` at most for writers and for readers of an old snapshot. PXS_E_BUSY where
 * they stay, or where runs are at work that are recorded in it; PXS_E_NOT_FOUND where there is no
 * database, PXS_E_INVALID where it is a copy already. On failure the database stays as it was. */
PXS_NODISCARD enum pxs_status pxs_store_hand_over(const char *path, const struct pxs_collector *me,
                                                  double seconds, struct pxs_error *err);

/* Makes the copy at `path` an ordinary database again: in place (`to` NULL), or as a new file at
 * `to`, where the next collector goes on with it. Refused with PXS_E_BUSY where its collector is
 * alive on this machine, and where it was on another one unless the caller has `claimed`: holds the
 * claim on the collector's folder itself. A collector may take its own. PXS_E_UNSUPPORTED on a
 * network file system, PXS_E_EXISTS where something is at `to`. *was (may be NULL) is the collector
 * until now; its host is "" where the file is no copy (any more), which is PXS_OK in place. */
PXS_NODISCARD enum pxs_status pxs_store_take_over(const char *path, const char *to, bool claimed,
                                                  struct pxs_collector *was, struct pxs_error *err);

#endif
