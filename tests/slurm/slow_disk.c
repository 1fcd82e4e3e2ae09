/* A disk that takes its time, as one that is reached over a network: preloaded (LD_PRELOAD), this
 * library sleeps SLOW_MS milliseconds before each call that such a disk answers itself, for files
 * below SLOW_ROOT: those that open, look at, make, remove or rename a name, that sync, lock or cut,
 * and the close of a file that was written to. What is read, written or asked of an open file in
 * between is taken to be in memory. Each such call is appended to SLOW_LOG as "PROCESS CALL PATH",
 * PROCESS being the program's command (task, worker). */
#undef _FILE_OFFSET_BITS

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FDS = 4096 };

static char root[PATH_MAX], command[32] = "-";
static long nanoseconds;
static int log_fd = -1;
static _Atomic bool written[FDS];

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("SLOW_ROOT"), *ms = getenv("SLOW_MS"), *log = getenv("SLOW_LOG");
    char line[4096];
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? syscall(SYS_read, fd, line, sizeof line - 1) : 0;
    if (fd >= 0)
        syscall(SYS_close, fd);
    if (n > 0) {
        line[n] = '\0';
        const char *word = line + strlen(line) + 1;
        snprintf(command, sizeof command, "%.31s", word < line + n ? word : line);
    }
    if (folder)
        snprintf(root, sizeof root, "%s", folder);
    nanoseconds = ms ? (long)(atof(ms) * 1e6) : 0;
    if (log)
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
                              0666);
}

/* Where `path` leads, seen from the folder `dir`; "" where it is not below the root. */
static void find(int dir, const char *path, char out[PATH_MAX]) {
    char from[64], folder[PATH_MAX];
    out[0] = '\0';
    if (!root[0] || !path)
        return;
    if (path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
    } else {
        if (dir == AT_FDCWD)
            snprintf(from, sizeof from, "/proc/self/cwd");
        else
            snprintf(from, sizeof from, "/proc/self/fd/%d", dir);
        const ssize_t n = readlink(from, folder, sizeof folder - 1);
        if (n <= 0)
            return;
        folder[n] = '\0';
        if (path[0] == '\0')
            snprintf(out, PATH_MAX, "%s", folder);
        else if (snprintf(out, PATH_MAX, "%s/%s", folder, path) >= PATH_MAX)
            return;
    }
    const size_t bytes = strlen(root);
    if (strncmp(out, root, bytes) != 0 || (out[bytes] != '/' && out[bytes] != '\0'))
        out[0] = '\0';
}

static void slow(const char *call, int dir, const char *path) {
    const int error = errno;
    char where[PATH_MAX], line[PATH_MAX + 128];
    find(dir, path, where);
    if (where[0]) {
        if (log_fd >= 0) {
            const int n =
                snprintf(line, sizeof line, "%s %s %s\n", command, call, where + strlen(root));
            syscall(SYS_write, log_fd, line, (size_t)n);
        }
        nanosleep(&(struct timespec){nanoseconds / 1000000000, nanoseconds % 1000000000}, NULL);
    }
    errno = error;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define MODE(flags)                          \
    mode_t mode = 0;                         \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list ap;                          \
        va_start(ap, flags);                 \
        mode = va_arg(ap, mode_t);           \
        va_end(ap);                          \
    }

int open(const char *path, int flags, ...) {
    MODE(flags)
    slow("open", AT_FDCWD, path);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    MODE(flags)
    slow("open", AT_FDCWD, path);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
int openat(int dir, const char *path, int flags, ...) {
    MODE(flags)
    slow("open", dir, path);
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}
int openat64(int dir, const char *path, int flags, ...) {
    MODE(flags)
    slow("open", dir, path);
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}
FILE *fopen(const char *path, const char *mode) {
    slow("open", AT_FDCWD, path);
    return NEXT(fopen)(path, mode);
}
FILE *fopen64(const char *path, const char *mode) {
    slow("open", AT_FDCWD, path);
    return NEXT(fopen64)(path, mode);
}
DIR *opendir(const char *path) {
    slow("readdir", AT_FDCWD, path);
    return NEXT(opendir)(path);
}
int scandir64(const char *path, struct dirent64 ***names, int (*take)(const struct dirent64 *),
              int (*order)(const struct dirent64 **, const struct dirent64 **)) {
    slow("readdir", AT_FDCWD, path);
    return NEXT(scandir64)(path, names, take, order);
}
ssize_t write(int fd, const void *data, size_t bytes) {
    if (fd >= 0 && fd < FDS)
        written[fd] = true;
    return syscall(SYS_write, fd, data, bytes);
}
ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) {
    if (fd >= 0 && fd < FDS)
        written[fd] = true;
    return syscall(SYS_pwrite64, fd, data, bytes, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset) {
    if (fd >= 0 && fd < FDS)
        written[fd] = true;
    return syscall(SYS_pwrite64, fd, data, bytes, offset);
}
/* Behind a sync there is nothing left to be written. */
static void sync_of(const char *call, int fd) {
    slow(call, fd, "");
    if (fd >= 0 && fd < FDS)
        written[fd] = false;
}
int close(int fd) {
    if (fd >= 0 && fd < FDS && written[fd])
        sync_of("close", fd);
    return (int)syscall(SYS_close, fd);
}
int fsync(int fd) {
    sync_of("fsync", fd);
    return (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd) {
    sync_of("fsync", fd);
    return (int)syscall(SYS_fdatasync, fd);
}
int syncfs(int fd) {
    slow("fsync", fd, "");
    return (int)syscall(SYS_syncfs, fd);
}
int ftruncate(int fd, off_t length) {
    slow("truncate", fd, "");
    return (int)syscall(SYS_ftruncate, fd, length);
}
int ftruncate64(int fd, off64_t length) {
    slow("truncate", fd, "");
    return (int)syscall(SYS_ftruncate, fd, length);
}
int flock(int fd, int how) {
    slow("lock", fd, "");
    return (int)syscall(SYS_flock, fd, how);
}
int rename(const char *from, const char *to) {
    slow("rename", AT_FDCWD, to);
    return (int)syscall(SYS_rename, from, to);
}
int link(const char *from, const char *to) {
    slow("link", AT_FDCWD, to);
    return (int)syscall(SYS_link, from, to);
}
int unlink(const char *path) {
    slow("unlink", AT_FDCWD, path);
    return (int)syscall(SYS_unlink, path);
}
int unlinkat(int dir, const char *path, int flags) {
    slow("unlink", dir, path);
    return (int)syscall(SYS_unlinkat, dir, path, flags);
}
int rmdir(const char *path) {
    slow("unlink", AT_FDCWD, path);
    return (int)syscall(SYS_rmdir, path);
}
int mkdir(const char *path, mode_t mode) {
    slow("mkdir", AT_FDCWD, path);
    return (int)syscall(SYS_mkdir, path, mode);
}
int access(const char *path, int mode) {
    slow("stat", AT_FDCWD, path);
    return (int)syscall(SYS_access, path, mode);
}
int faccessat(int dir, const char *path, int mode, int flags) {
    slow("stat", dir, path);
    return NEXT(faccessat)(dir, path, mode, flags);
}
int stat(const char *path, struct stat *info) {
    slow("stat", AT_FDCWD, path);
    return NEXT(stat)(path, info);
}
int stat64(const char *path, struct stat64 *info) {
    slow("stat", AT_FDCWD, path);
    return NEXT(stat64)(path, info);
}
int lstat(const char *path, struct stat *info) {
    slow("stat", AT_FDCWD, path);
    return NEXT(lstat)(path, info);
}
int lstat64(const char *path, struct stat64 *info) {
    slow("stat", AT_FDCWD, path);
    return NEXT(lstat64)(path, info);
}
int fstatat64(int dir, const char *path, struct stat64 *info, int flags) {
    slow("stat", dir, path);
    return NEXT(fstatat64)(dir, path, info, flags);
}
int statfs64(const char *path, struct statfs64 *info) {
    slow("stat", AT_FDCWD, path);
    return NEXT(statfs64)(path, info);
}
int statvfs64(const char *path, struct statvfs64 *info) {
    slow("stat", AT_FDCWD, path);
    return NEXT(statvfs64)(path, info);
}
int utimensat(int dir, const char *path, const struct timespec times[2], int flags) {
    slow("touch", dir, path);
    return (int)syscall(SYS_utimensat, dir, path, times, flags);
}
int futimens(int fd, const struct timespec times[2]) {
    slow("touch", fd, "");
    return (int)syscall(SYS_utimensat, fd, NULL, times, 0);
}
int chmod(const char *path, mode_t mode) {
    slow("touch", AT_FDCWD, path);
    return (int)syscall(SYS_chmod, path, mode);
}
int fchmod(int fd, mode_t mode) {
    slow("touch", fd, "");
    return (int)syscall(SYS_fchmod, fd, mode);
}
char *realpath(const char *path, char *out) {
    slow("stat", AT_FDCWD, path);
    return NEXT(realpath)(path, out);
}
