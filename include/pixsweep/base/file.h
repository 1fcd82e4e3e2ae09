/* Files that appear whole or not at all, locks, paths. */
#ifndef PIXSWEEP_BASE_FILE_H
#define PIXSWEEP_BASE_FILE_H

#include "pixsweep/base/status.h"
#include "pixsweep/base/text.h"

/* ---- files ---------------------------------------------------------------------------------- */

#define PXS_PATH_MAX 4096 /* bytes of a path with its NUL */

/* Opens a regular file for reading and follows links. A FIFO, socket, device or folder is
 * PXS_E_INVALID at once, without waiting for it. The caller closes `*fd`. */
PXS_NODISCARD enum pxs_status pxs_open_read(const char *path, int *fd, struct pxs_error *err);
/* The same for a file at `path` below the folder `dir`, whose contents are not trusted: no link
 * below `dir` is followed, and a path that leaves `dir` is PXS_E_INVALID. PXS_E_NOT_FOUND where
 * there is no such file. */
PXS_NODISCARD enum pxs_status pxs_open_beneath(const char *dir, const char *path, int *fd,
                                               struct pxs_error *err);
/* Opens a file for appending and creates it where it is missing; a link, FIFO, device or folder in
 * its place is PXS_E_INVALID. */
PXS_NODISCARD enum pxs_status pxs_open_append(const char *path, int *fd, struct pxs_error *err);
/* Whether this process may read and write an existing file, or write into an existing folder.
 * PXS_E_INVALID: the message says why not and gives the command that changes it, for `files` and
 * all files whose names begin so (NULL: for `path` alone). */
PXS_NODISCARD enum pxs_status pxs_check_writable(const char *path, const char *files,
                                                 struct pxs_error *err);
/* Whether a folder could be made at `path`, or exists and may be written to; makes nothing.
 * PXS_E_INVALID, with the reason, otherwise. */
PXS_NODISCARD enum pxs_status pxs_check_place(const char *path, struct pxs_error *err);
/* The whole file with a NUL behind it; free() *data. `bytes`, without the NUL, may be NULL.
 * PXS_E_INVALID where it is larger than max_bytes. */
PXS_NODISCARD enum pxs_status pxs_read_file(const char *path, size_t max_bytes, char **data,
                                            size_t *bytes, struct pxs_error *err);
/* The same for a file below a folder, see pxs_open_beneath. */
PXS_NODISCARD enum pxs_status pxs_read_beneath(const char *dir, const char *path, size_t max_bytes,
                                               char **data, size_t *bytes, struct pxs_error *err);
/* Writes a file whole or not at all: writes `<path>.tmp.<pid>` in the same folder (never through a
 * link), syncs it, renames it to `path` and syncs the folder. */
PXS_NODISCARD enum pxs_status pxs_write_file(const char *path, const void *data, size_t bytes,
                                             struct pxs_error *err);
/* Asked when a file is finished, just before it gets its name: unless PXS_OK, it is removed in
 * place of that. A write may have taken long. */
struct pxs_file_guard {
    enum pxs_status (*may_commit)(void *user, struct pxs_error *err);
    void *user;
};
/* The same with a guard, which may be NULL. */
PXS_NODISCARD enum pxs_status pxs_write_guarded(const char *path, const void *data, size_t bytes,
                                                const struct pxs_file_guard *guard,
                                                struct pxs_error *err);
/* As pxs_write_file without waiting for the disk: after a power failure it may be the one before,
 * empty or gone. For files that are of no use then. */
PXS_NODISCARD enum pxs_status pxs_write_unsynced(const char *path, const void *data, size_t bytes,
                                                 struct pxs_error *err);
/* As pxs_write_file, but never over another file: of all that write it at once, here or on other
 * machines, one wins, and PXS_E_EXISTS tells the others. */
PXS_NODISCARD enum pxs_status pxs_write_first(const char *path, const void *data, size_t bytes,
                                              struct pxs_error *err);
/* fsync of the folder that holds the file: a new file's entry in it is data, too. */
PXS_NODISCARD enum pxs_status pxs_sync_folder_of(const char *path, struct pxs_error *err);
/* pxs_write_file in steps, for writers that stream: write to `file`, then commit or abandon (both
 * close it). */
struct pxs_atomic_file {
    FILE *file;
    char path[4096], temp[4128];
    bool unsynced;                      /* the caller sets it: commit does not wait for the disk */
    const struct pxs_file_guard *guard; /* the caller sets it; NULL */
};
PXS_NODISCARD enum pxs_status pxs_atomic_open(struct pxs_atomic_file *f, const char *path,
                                              struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_atomic_commit(struct pxs_atomic_file *f, struct pxs_error *err);
/* removes the temporary file; after commit a no-op */
void pxs_atomic_abandon(struct pxs_atomic_file *f);
/* Removes temporary files ("NAME.tmp.PID") that killed processes left in a folder. The caller holds
 * the folder's lock. */
void pxs_remove_temps(const char *dir);
PXS_NODISCARD enum pxs_status pxs_make_dirs(const char *path, struct pxs_error *err); /* mkdir -p */
/* Join and normalise lexically ("a/../b" -> "b", no trailing slash); `rel` absolute replaces `dir`;
 * dir NULL or "" = ".". False if it does not fit. `out` may not overlap the others. */
bool pxs_path_join(char *out, size_t size, const char *dir, const char *rel);
/* Absolute and normalised (working directory in front); does not resolve links. False if it does
 * not fit. */
bool pxs_path_absolute(char *out, size_t size, const char *path);
/* Folder part of a path, "." if none ("a/b/" -> "a"). False if it does not fit. */
bool pxs_path_dir(char *out, size_t size, const char *path);

/* A lock that ends with the process: flock(LOCK_EX) on `path`, which is created. PXS_E_BUSY where
 * another process holds it (with `wait`, waits for it instead); PXS_E_INVALID where a link, FIFO,
 * device or folder stands in its place. Held by nobody and yet PXS_OK where the file system has no
 * locks, as some network disks: there the run's claim alone decides (rundir/claim.h). */
struct pxs_lock {
    int fd; /* -1 when not held; set it so before use */
};
PXS_NODISCARD enum pxs_status pxs_lock_take(struct pxs_lock *lock, const char *path, bool wait,
                                            struct pxs_error *err);
void pxs_lock_release(struct pxs_lock *lock);
/* Does this errno of flock mean that the file system has no locks? */
bool pxs_locks_lack(int number);
/* Whether a process holds the lock at `path`. Creates nothing, and does not make a process fail
 * that wants the lock at the same moment. FREE where there is no such file; UNKNOWN where it may
 * not be read. */
enum pxs_lock_look { PXS_LOCK_UNKNOWN, PXS_LOCK_FREE, PXS_LOCK_HELD };
enum pxs_lock_look pxs_lock_look(const char *path);

/* Free bytes of the file system where `path` is or would be; UINT64_MAX = unknown. */
uint64_t pxs_disk_free(const char *path);

#endif
