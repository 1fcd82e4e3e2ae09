/* The calls that the preloaded library stands in front of. What libc calls inside itself does not
 * come by here: therefore files that stdio writes are opened as streams of our own, which write
 * through our write(). */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE

#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* ---- opening -------------------------------------------------------------------------------- */

static bool writes(int flags) {
    return (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0;
}

static int open_at(int dir, const char *path, int flags, va_list ap) {
    mode_t mode =
        (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? (mode_t)va_arg(ap, unsigned) : 0;
    enum shim_action action = writes(flags) ? shim_decide_path(SHIM_OPEN, path) : SHIM_PASS;
    if (action == SHIM_FAIL)
        return -1;
    long fd = syscall(SYS_openat, dir, path, flags, mode);
    if (action != SHIM_PASS)
        shim_kill();
    return (int)fd;
}

int open(const char *path, int flags, ...) {
    va_list ap;
    va_start(ap, flags);
    int fd = open_at(AT_FDCWD, path, flags, ap);
    va_end(ap);
    return fd;
}

int open64(const char *path, int flags, ...) {
    va_list ap;
    va_start(ap, flags);
    int fd = open_at(AT_FDCWD, path, flags, ap);
    va_end(ap);
    return fd;
}

int openat(int dir, const char *path, int flags, ...) {
    va_list ap;
    va_start(ap, flags);
    int fd = open_at(dir, path, flags, ap);
    va_end(ap);
    return fd;
}

int openat64(int dir, const char *path, int flags, ...) {
    va_list ap;
    va_start(ap, flags);
    int fd = open_at(dir, path, flags, ap);
    va_end(ap);
    return fd;
}

/* ---- writing and reading -------------------------------------------------------------------- */

/* Never nothing: no file system answers that. */
static size_t cut(enum shim_action action, size_t bytes) {
    return action == SHIM_SHORT || action == SHIM_HALF ? (bytes + 1) / 2 : bytes;
}

static ssize_t done(enum shim_action action, long n) {
    if (action == SHIM_HALF || action == SHIM_AFTER)
        shim_kill();
    return n;
}

ssize_t write(int fd, const void *data, size_t bytes) {
    enum shim_action action = shim_decide_fd(SHIM_WRITE, fd);
    return action == SHIM_FAIL ? -1
                               : done(action, syscall(SYS_write, fd, data, cut(action, bytes)));
}

static ssize_t write_at(int fd, const void *data, size_t bytes, int64_t offset) {
    enum shim_action action = shim_decide_fd(SHIM_WRITE, fd);
    return action == SHIM_FAIL
               ? -1
               : done(action, syscall(SYS_pwrite64, fd, data, cut(action, bytes), offset));
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset) {
    return write_at(fd, data, bytes, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t offset) {
    return write_at(fd, data, bytes, offset);
}

/* Short: all but the last of its pieces. */
ssize_t writev(int fd, const struct iovec *pieces, int n) {
    enum shim_action action = shim_decide_fd(SHIM_WRITE, fd);
    int fewer = n > 1 && cut(action, 2) == 1 ? n - 1 : n;
    return action == SHIM_FAIL ? -1 : done(action, syscall(SYS_writev, fd, pieces, fewer));
}

ssize_t read(int fd, void *data, size_t bytes) {
    enum shim_action action = shim_decide_fd(SHIM_READ, fd);
    return action == SHIM_FAIL ? -1 : done(action, syscall(SYS_read, fd, data, cut(action, bytes)));
}

static ssize_t read_at(int fd, void *data, size_t bytes, int64_t offset) {
    enum shim_action action = shim_decide_fd(SHIM_READ, fd);
    return action == SHIM_FAIL
               ? -1
               : done(action, syscall(SYS_pread64, fd, data, cut(action, bytes), offset));
}

ssize_t pread(int fd, void *data, size_t bytes, off_t offset) {
    return read_at(fd, data, bytes, offset);
}

ssize_t pread64(int fd, void *data, size_t bytes, off64_t offset) {
    return read_at(fd, data, bytes, offset);
}

/* ---- streams -------------------------------------------------------------------------------- */

enum { STREAMS = 64 };
static struct stream {
    FILE *file;
    int fd;
} streams[STREAMS];
static pthread_mutex_t streams_lock = PTHREAD_MUTEX_INITIALIZER;

static struct stream *find_stream(const FILE *file) {
    for (int i = 0; i < STREAMS; i++)
        if (streams[i].file == file)
            return &streams[i];
    return NULL;
}

/* As libc's own streams do: on after a short write, until an error. */
static ssize_t stream_write(void *cookie, const char *data, size_t bytes) {
    size_t n = 0;
    while (n < bytes) {
        ssize_t some = write((int)(intptr_t)cookie - 1, data + n, bytes - n);
        if (some <= 0)
            break;
        n += (size_t)some;
    }
    return (ssize_t)n;
}

static int stream_seek(void *cookie, off64_t *offset, int whence) {
    long at = syscall(SYS_lseek, (int)(intptr_t)cookie - 1, *offset, whence);
    if (at < 0)
        return -1;
    *offset = at;
    return 0;
}

static int stream_close(void *cookie) {
    int fd = (int)(intptr_t)cookie - 1;
    pthread_mutex_lock(&streams_lock);
    for (int i = 0; i < STREAMS; i++)
        if (streams[i].file && streams[i].fd == fd)
            streams[i].file = NULL;
    pthread_mutex_unlock(&streams_lock);
    return (int)syscall(SYS_close, fd);
}

static FILE *stream_over(int fd, const char *mode) {
    FILE *file =
        fopencookie((void *)(intptr_t)(fd + 1), mode,
                    (cookie_io_functions_t){NULL, stream_write, stream_seek, stream_close});
    pthread_mutex_lock(&streams_lock);
    struct stream *free_one = file ? find_stream(NULL) : NULL;
    if (free_one)
        *free_one = (struct stream){file, fd};
    pthread_mutex_unlock(&streams_lock);
    if (!free_one && file)
        errno = EMFILE;
    return free_one ? file : NULL;
}

static FILE *open_stream(const char *path, const char *mode) {
    int flags = O_WRONLY | O_CREAT | (mode[0] == 'a' ? O_APPEND : O_TRUNC) |
                (strchr(mode, 'e') ? O_CLOEXEC : 0);
    int fd = open(path, flags, 0666);
    FILE *file = fd < 0 ? NULL : stream_over(fd, mode);
    if (fd >= 0 && !file) {
        int error = errno;
        syscall(SYS_close, fd);
        errno = error;
    }
    return file;
}

static FILE *any_fopen(const char *path, const char *mode) {
    if ((mode[0] == 'w' || mode[0] == 'a') && !strchr(mode, '+') && shim_inside(path))
        return open_stream(path, mode);
    FILE *(*real)(const char *, const char *) =
        (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "fopen64");
    return real(path, mode);
}

FILE *fopen(const char *path, const char *mode) {
    return any_fopen(path, mode);
}

FILE *fopen64(const char *path, const char *mode) {
    return any_fopen(path, mode);
}

FILE *fdopen(int fd, const char *mode) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = mode[0] == 'w' || mode[0] == 'a' ? readlink(link, path, sizeof path - 1) : -1;
    path[n < 0 ? 0 : n] = '\0';
    if (n > 0 && !strchr(mode, '+') && shim_inside(path))
        return stream_over(fd, mode);
    FILE *(*real)(int, const char *) = (FILE * (*)(int, const char *)) dlsym(RTLD_NEXT, "fdopen");
    return real(fd, mode);
}

int fileno(FILE *file) {
    pthread_mutex_lock(&streams_lock);
    const struct stream *s = find_stream(file);
    int fd = s ? s->fd : -1;
    pthread_mutex_unlock(&streams_lock);
    if (s)
        return fd;
    int (*real)(FILE *) = (int (*)(FILE *))dlsym(RTLD_NEXT, "fileno");
    return real(file);
}

/* ---- names, lengths, locks ------------------------------------------------------------------ */

static int finish(enum shim_action action, long result) {
    if (action != SHIM_PASS)
        shim_kill();
    return (int)result;
}

int fsync(int fd) {
    enum shim_action action = shim_decide_fd(SHIM_SYNC, fd);
    return action == SHIM_FAIL ? -1 : finish(action, syscall(SYS_fsync, fd));
}

int fdatasync(int fd) {
    enum shim_action action = shim_decide_fd(SHIM_SYNC, fd);
    return action == SHIM_FAIL ? -1 : finish(action, syscall(SYS_fdatasync, fd));
}

int ftruncate(int fd, off_t length) {
    enum shim_action action = shim_decide_fd(SHIM_TRUNCATE, fd);
    return action == SHIM_FAIL ? -1 : finish(action, syscall(SYS_ftruncate, fd, length));
}

int ftruncate64(int fd, off64_t length) {
    enum shim_action action = shim_decide_fd(SHIM_TRUNCATE, fd);
    return action == SHIM_FAIL ? -1 : finish(action, syscall(SYS_ftruncate, fd, length));
}

int rename(const char *from, const char *to) {
    enum shim_action action = shim_decide_path(SHIM_RENAME, to);
    return action == SHIM_FAIL ? -1 : finish(action, syscall(SYS_rename, from, to));
}

int link(const char *from, const char *to) {
    enum shim_action action = shim_decide_path(SHIM_RENAME, to);
    return action == SHIM_FAIL ? -1 : finish(action, syscall(SYS_link, from, to));
}

int mkdir(const char *path, mode_t mode) {
    enum shim_action action = shim_decide_path(SHIM_MKDIR, path);
    return action == SHIM_FAIL ? -1 : finish(action, syscall(SYS_mkdir, path, mode));
}

int unlink(const char *path) {
    enum shim_action action = shim_decide_path(SHIM_UNLINK, path);
    return action == SHIM_FAIL ? -1 : finish(action, syscall(SYS_unlink, path));
}

int flock(int fd, int how) {
    enum shim_action action = shim_decide_fd(SHIM_LOCK, fd);
    return action == SHIM_FAIL ? -1 : finish(action, syscall(SYS_flock, fd, how));
}

/* ---- memory --------------------------------------------------------------------------------- */

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *ptr, size_t bytes);
void *__libc_memalign(size_t align, size_t bytes);

void *malloc(size_t bytes) {
    return shim_starves(__builtin_return_address(0)) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes) {
    return shim_starves(__builtin_return_address(0)) ? NULL : __libc_calloc(n, bytes);
}

void *realloc(void *ptr, size_t bytes) {
    return shim_starves(__builtin_return_address(0)) ? NULL : __libc_realloc(ptr, bytes);
}

void *aligned_alloc(size_t align, size_t bytes) {
    return shim_starves(__builtin_return_address(0)) ? NULL : __libc_memalign(align, bytes);
}

int posix_memalign(void **out, size_t align, size_t bytes) {
    void *block = shim_starves(__builtin_return_address(0)) ? NULL : __libc_memalign(align, bytes);
    if (!block)
        return ENOMEM;
    *out = block;
    return 0;
}

static void *map(void *at, size_t bytes, int protect, int flags, int fd, int64_t offset,
                 const void *caller) {
    bool fails =
        flags & MAP_ANONYMOUS ? shim_starves(caller) : shim_decide_fd(SHIM_MMAP, fd) == SHIM_FAIL;
    return fails ? MAP_FAILED : (void *)syscall(SYS_mmap, at, bytes, protect, flags, fd, offset);
}

void *mmap(void *at, size_t bytes, int protect, int flags, int fd, off_t offset) {
    return map(at, bytes, protect, flags, fd, offset, __builtin_return_address(0));
}

void *mmap64(void *at, size_t bytes, int protect, int flags, int fd, off64_t offset) {
    return map(at, bytes, protect, flags, fd, offset, __builtin_return_address(0));
}

/* ---- processes, threads --------------------------------------------------------------------- */

pid_t fork(void) {
    if (shim_watches(SHIM_FORK) && shim_decide(SHIM_FORK, "") == SHIM_FAIL)
        return -1;
    pid_t (*real)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
    return real();
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
                   void *user) {
    if (shim_watches(SHIM_THREAD) && shim_decide(SHIM_THREAD, "") == SHIM_FAIL)
        return errno;
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(
            RTLD_NEXT, "pthread_create");
    return real(thread, attr, start, user);
}

/* ---- the time of day, and what file systems say of themselves ------------------------------- */

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += shim_jump();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int result = (int)syscall(SYS_gettimeofday, now, zone);
    now->tv_sec += shim_jump();
    return result;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int statfs64(const char *path, struct statfs64 *info) {
    int result = (int)syscall(SYS_statfs, path, info);
    if (result == 0 && shim_decide_path(SHIM_STATFS, path) == SHIM_FAIL)
        info->f_type = shim_value();
    return result;
}

int statvfs64(const char *path, struct statvfs64 *info) {
    int (*real)(const char *, struct statvfs64 *) =
        (int (*)(const char *, struct statvfs64 *))dlsym(RTLD_NEXT, "statvfs64");
    int result = real(path, info);
    if (result == 0 && shim_decide_path(SHIM_STATVFS, path) == SHIM_FAIL)
        info->f_bavail = (fsblkcnt64_t)shim_value() / info->f_frsize;
    return result;
}
