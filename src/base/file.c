/* Files read and written whole, folders, locks. */
#include "pixsweep/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *kind_of(mode_t mode) {
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

enum pxs_status pxs_open_read(const char *path, int *fd, struct pxs_error *err) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return errno == ENXIO
                   ? pxs_fail(err, PXS_E_INVALID, "%s is a socket or a device, not a file", path)
                   : pxs_fail_errno(err, "cannot open %s", path);
    struct stat info;
    enum pxs_status status = PXS_OK;
    if (fstat(file, &info) != 0)
        status = pxs_fail_errno(err, "cannot read %s", path);
    else if (!S_ISREG(info.st_mode))
        status = pxs_fail(err, PXS_E_INVALID, "%s is %s, not a file", path, kind_of(info.st_mode));
    if (status == PXS_OK)
        *fd = file;
    else
        close(file);
    return status;
}

/* Reads to the end of the file and closes fd. */
static enum pxs_status read_open(int fd, const char *path, size_t max, char **data, size_t *bytes,
                                 struct pxs_error *err) {
    struct stat info;
    size_t cap = 4096, used = 0;
    enum pxs_status status = PXS_OK;
    char *block = NULL;

    /* A regular file tells its size; files of /proc say 0 and grow the block below. */
    if (fstat(fd, &info) == 0 && info.st_size > 0) {
        uint64_t size = (uint64_t)info.st_size;
        cap = (size_t)(size > max ? max : size) + 2;
        if (cap < 2)
            cap = 4096;
    }
    block = malloc(cap);
    if (!block) {
        status = pxs_fail_nomem(err);
        goto out;
    }

    /* Room for one byte more than `max`, which shows that the file is larger, and for the NUL. */
    for (ssize_t n = 1; n > 0 && used <= max;) {
        if (used + 1 >= cap) {
            char *larger = cap > SIZE_MAX / 2 ? NULL : realloc(block, cap * 2);
            if (!larger) {
                status = pxs_fail_nomem(err);
                goto out;
            }
            block = larger;
            cap *= 2;
        }
        do
            n = read(fd, block + used, cap - used - 1);
        while (n < 0 && errno == EINTR);
        if (n < 0) {
            status = pxs_fail_errno(err, "cannot read %s", path);
            goto out;
        }
        used += (size_t)n;
    }
    if (used > max) {
        status = pxs_fail(err, PXS_E_INVALID, "%s is larger than the %zu bytes allowed", path, max);
        goto out;
    }
    block[used] = '\0';
    *data = block;
    block = NULL;
    if (bytes)
        *bytes = used;
out:
    free(block);
    close(fd);
    return status;
}

enum pxs_status pxs_read_file(const char *path, size_t max_bytes, char **data, size_t *bytes,
                              struct pxs_error *err) {
    int fd = -1;
    PXS_TRY(pxs_open_read(path, &fd, err));
    return read_open(fd, path, max_bytes, data, bytes, err);
}

enum pxs_status pxs_read_beneath(const char *dir, const char *path, size_t max_bytes, char **data,
                                 size_t *bytes, struct pxs_error *err) {
    int fd = -1;
    char full[4096];
    PXS_TRY(pxs_open_beneath(dir, path, &fd, err));
    if (!pxs_path_join(full, sizeof full, dir, path))
        snprintf(full, sizeof full, "%.4000s", path);
    return read_open(fd, full, max_bytes, data, bytes, err);
}

static enum pxs_status write_whole(const char *path, const void *data, size_t bytes, bool unsynced,
                                   const struct pxs_file_guard *guard, struct pxs_error *err) {
    struct pxs_atomic_file f;
    PXS_TRY(pxs_atomic_open(&f, path, err));
    f.unsynced = unsynced;
    f.guard = guard;
    if (bytes && fwrite(data, 1, bytes, f.file) != bytes) {
        enum pxs_status status = pxs_fail_errno(err, "cannot write %s", path);
        pxs_atomic_abandon(&f);
        return status;
    }
    return pxs_atomic_commit(&f, err);
}

enum pxs_status pxs_write_file(const char *path, const void *data, size_t bytes,
                               struct pxs_error *err) {
    return write_whole(path, data, bytes, false, NULL, err);
}

enum pxs_status pxs_write_guarded(const char *path, const void *data, size_t bytes,
                                  const struct pxs_file_guard *guard, struct pxs_error *err) {
    return write_whole(path, data, bytes, false, guard, err);
}

enum pxs_status pxs_write_unsynced(const char *path, const void *data, size_t bytes,
                                   struct pxs_error *err) {
    return write_whole(path, data, bytes, true, NULL, err);
}

/* Names the file as the user knows it, not the temporary one; most often its folder is missing. */
static enum pxs_status fail_create(const char *path, struct pxs_error *err) {
    char dir[4096];
    struct stat info;
    const int number = errno;
    if (number == ENOENT && pxs_path_dir(dir, sizeof dir, path) && stat(dir, &info) != 0)
        return pxs_fail(err, PXS_E_NOT_FOUND,
                        "cannot create %s: there is no folder %s; make it first", path, dir);
    errno = number;
    return pxs_fail_errno(err, "cannot create %s", path);
}

enum pxs_status pxs_atomic_open(struct pxs_atomic_file *f, const char *path,
                                struct pxs_error *err) {
    f->file = NULL;
    f->temp[0] = '\0';
    f->unsynced = false;
    f->guard = NULL;
    if (path[0] == '\0')
        return pxs_fail(err, PXS_E_INVALID, "a file without a name cannot be written");
    if (strlen(path) >= sizeof f->path)
        return pxs_fail(err, PXS_E_INVALID, "path is longer than %zu bytes: %.80s...",
                        sizeof f->path - 1, path);
    strcpy(f->path, path);
    char temp[sizeof f->temp];
    snprintf(temp, sizeof temp, "%s.tmp.%ld", path, (long)getpid());
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = open(temp, flags, 0666);
    if (fd < 0 && errno == EEXIST) {
        unlink(
            temp); /* left by a killed process of the same pid, or a link that others put there */
        fd = open(temp, flags, 0666);
    }
    f->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f->file) {
        enum pxs_status status = fail_create(path, err);
        if (fd >= 0) { /* no memory for the stream */
            close(fd);
            unlink(temp);
        }
        return status;
    }
    strcpy(f->temp, temp);
    return PXS_OK;
}

/* File systems that cannot sync a folder say EINVAL. */
enum pxs_status pxs_sync_folder_of(const char *path, struct pxs_error *err) {
    char dir[4096];
    if (!pxs_path_dir(dir, sizeof dir, path))
        return pxs_fail(err, PXS_E_INTERNAL, "path too long: %s", path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return pxs_fail_errno(err, "cannot open folder %s", dir);
    enum pxs_status status = PXS_OK;
    if (fsync(fd) != 0 && errno != EINVAL)
        status = pxs_fail_errno(err, "cannot sync folder %s", dir);
    close(fd);
    return status;
}

enum pxs_status pxs_atomic_commit(struct pxs_atomic_file *f, struct pxs_error *err) {
    enum pxs_status status = PXS_OK;
    if (!f->file)
        return pxs_fail(err, PXS_E_INTERNAL, "commit of a file that is not open");

    /* The contents reach the disk before the name does. */
    errno = EIO; /* for a stream that failed earlier and says no more */
    bool good =
        fflush(f->file) == 0 && !ferror(f->file) && (f->unsynced || fsync(fileno(f->file)) == 0);
    int number = errno;
    if (fclose(f->file) != 0 && good) {
        good = false;
        number = errno;
    }
    f->file = NULL;
    errno = number;
    if (!good)
        status = pxs_fail_errno(err, "cannot write %s", f->path);
    else if (f->guard)
        status = f->guard->may_commit(f->guard->user, err);
    if (status == PXS_OK && rename(f->temp, f->path) != 0)
        status = pxs_fail_errno(err, "cannot rename the finished file to %s", f->path);
    if (status != PXS_OK)
        unlink(f->temp);
    f->temp[0] = '\0';
    PXS_TRY(status);
    return f->unsynced ? PXS_OK : pxs_sync_folder_of(f->path, err);
}

void pxs_atomic_abandon(struct pxs_atomic_file *f) {
    if (f->file)
        fclose(f->file);
    f->file = NULL;
    if (f->temp[0])
        unlink(f->temp);
    f->temp[0] = '\0';
}

/* The finished file `temp` gets the name `path` unless there is one: where the disk has no second
 * names, by a rename that replaces nothing, and where it has none either, by any. */
static enum pxs_status name_first(const char *temp, const char *path, struct pxs_error *err) {
    int failed = link(temp, path) == 0 ? 0 : errno;
    if (failed == EPERM || failed == EOPNOTSUPP || failed == ENOSYS)
        failed = renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0 ? 0 : errno;
    if (failed == EINVAL || failed == ENOSYS)
        failed = rename(temp, path) == 0 ? 0 : errno;
    if (failed == 0)
        return PXS_OK;
    errno = failed;
    return failed == EEXIST ? pxs_fail(err, PXS_E_EXISTS, "there is a file %s already", path)
                            : pxs_fail_errno(err, "cannot name the finished file %s", path);
}

enum pxs_status pxs_write_first(const char *path, const void *data, size_t bytes,
                                struct pxs_error *err) {
    char temp[PXS_PATH_MAX + 32];
    uint32_t number;
    /* no process of another machine has the same name by chance */
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return pxs_fail_errno(err, "no random number for a file beside %s", path);
    if ((size_t)snprintf(temp, sizeof temp, "%s.tmp.%u", path, number) >= sizeof temp - 1)
        return pxs_fail(err, PXS_E_INVALID, "the path %s is too long", path);
    const int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail_create(path, err);
    enum pxs_status status = PXS_OK;
    for (size_t at = 0; at < bytes && status == PXS_OK;) {
        const ssize_t n = write(fd, (const char *)data + at, bytes - at);
        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno != EINTR)
            status = pxs_fail_errno(err, "cannot write %s", path);
    }
    if (status == PXS_OK && fsync(fd) != 0)
        status = pxs_fail_errno(err, "cannot write %s", path);
    if (close(fd) != 0 && status == PXS_OK)
        status = pxs_fail_errno(err, "cannot write %s", path);
    if (status == PXS_OK)
        status = name_first(temp, path, err);
    unlink(temp);
    return status == PXS_OK ? pxs_sync_folder_of(path, err) : status;
}

static bool is_temp(const char *name) {
    const char *tail = strstr(name, ".tmp.");
    size_t digits = tail ? strspn(tail + 5, "0123456789") : 0;
    return digits > 0 && tail[5 + digits] == '\0' && tail > name;
}

void pxs_remove_temps(const char *dir) {
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *e = readdir(d); e; e = readdir(d))
        if (is_temp(e->d_name))
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

enum pxs_status pxs_make_dirs(const char *path, struct pxs_error *err) {
    char part[4096];
    struct stat info;
    size_t length = strlen(path);
    if (length >= sizeof part)
        return pxs_fail(err, PXS_E_INVALID, "path is longer than %zu bytes: %.80s...",
                        sizeof part - 1, path);
    /* Most often it is there, or only its last part is missing. */
    if ((stat(path, &info) == 0 && S_ISDIR(info.st_mode)) || mkdir(path, 0777) == 0)
        return PXS_OK;
    for (size_t i = 1; i <= length; i++) {
        if ((path[i] != '/' && path[i] != '\0') || path[i - 1] == '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) == 0)
            continue;
        int number = errno;
        if (number == EEXIST && stat(part, &info) == 0) {
            if (S_ISDIR(info.st_mode))
                continue;
            number = ENOTDIR;
        }
        errno = number;
        return pxs_fail_errno(err, "cannot make folder %s", part);
    }
    return PXS_OK;
}

/* Whether the open file is still the one at `path`: another process may have removed it before we
 * got the lock. */
static bool is_current(int fd, const char *path) {
    struct stat mine, there;
    return fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev;
}

/* flock, called again where a signal interrupts it. */
static bool lock_file(int fd, int how) {
    int rc;
    do {
        rc = flock(fd, how);
    } while (rc != 0 && errno == EINTR);
    return rc == 0;
}

/* After a failed exclusive lock: whether its holder only looks (pxs_lock_look shares the lock for
 * an instant). Keeps errno. */
static bool is_looked_at(int fd) {
    const int number = errno;
    const bool shared = number == EWOULDBLOCK && lock_file(fd, LOCK_SH | LOCK_NB);
    errno = number;
    return shared;
}

bool pxs_locks_lack(int number) {
    return number == ENOLCK || number == EOPNOTSUPP || number == ENOSYS || number == EINVAL;
}

/* PXS_E_EXISTS: the caller tries again, since the file was removed (and perhaps replaced) in
 * between or another process looks at the lock. */
static enum pxs_status lock_once(struct pxs_lock *lock, const char *path, bool wait,
                                 struct pxs_error *err) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (fd < 0 && errno == ELOOP)
        return pxs_fail(err, PXS_E_INVALID, "cannot open lock %s: it is a symbolic link; remove it",
                        path);
    if (fd < 0)
        return pxs_fail_errno(err, "cannot open lock %s", path);
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return pxs_fail(err, PXS_E_INVALID, "cannot open lock %s: it is no regular file; remove it",
                        path);
    }
    enum pxs_status status = PXS_OK;
    if (!lock_file(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) && !pxs_locks_lack(errno))
        status = is_looked_at(fd) ? PXS_E_EXISTS
                 : errno == EWOULDBLOCK
                     ? pxs_fail(err, PXS_E_BUSY, "%s is locked by another process", path)
                     : pxs_fail_errno(err, "cannot lock %s", path);
    else if (!is_current(fd, path))
        status = PXS_E_EXISTS;
    if (status == PXS_OK)
        lock->fd = fd;
    else
        close(fd);
    return status;
}

enum pxs_status pxs_lock_take(struct pxs_lock *lock, const char *path, bool wait,
                              struct pxs_error *err) {
    enum pxs_status status = PXS_E_EXISTS;
    for (int tries = 0; status == PXS_E_EXISTS && tries < 10; tries++) {
        if (tries > 0)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        status = lock_once(lock, path, wait, err);
    }
    return status == PXS_E_EXISTS
               ? pxs_fail(err, PXS_E_BUSY, "%s is being removed, or looked at", path)
               : status;
}

void pxs_lock_release(struct pxs_lock *lock) {
    if (lock->fd >= 0)
        close(lock->fd);
    lock->fd = -1;
}

enum pxs_lock_look pxs_lock_look(const char *path) {
    struct stat info;
    enum pxs_lock_look seen = PXS_LOCK_UNKNOWN;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? PXS_LOCK_FREE : PXS_LOCK_UNKNOWN;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
        if (lock_file(fd, LOCK_SH | LOCK_NB))
            seen = PXS_LOCK_FREE;
        else if (errno == EWOULDBLOCK)
            seen = PXS_LOCK_HELD;
    }
    close(fd);
    return seen;
}
