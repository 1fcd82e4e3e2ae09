/* What the preloaded library injects, and where: rules in the environment, counters that outlive a
 * killed process. */
#ifndef PXS_TESTS_SHIM_H
#define PXS_TESTS_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shim_op {
    SHIM_OPEN,     /* for writing */
    SHIM_WRITE,    /* write, pwrite, writev and what stdio writes */
    SHIM_READ,     /* read, pread */
    SHIM_SYNC,     /* fsync, fdatasync */
    SHIM_RENAME,   /* by the new name */
    SHIM_TRUNCATE, /* ftruncate */
    SHIM_MKDIR,
    SHIM_UNLINK,
    SHIM_MMAP, /* of a file */
    SHIM_LOCK, /* flock */
    SHIM_ALLOC,
    SHIM_THREAD, /* pthread_create */
    SHIM_FORK,
    SHIM_CLOCK,   /* the time of day; `value`: seconds that it jumps */
    SHIM_STATFS,  /* `value`: the type of the file system */
    SHIM_STATVFS, /* `value`: free bytes */
    SHIM_CALL,    /* in rules only: any of those up to SHIM_LOCK */
    SHIM_OPS
};

enum shim_action {
    SHIM_PASS,  /* nothing is injected */
    SHIM_FAIL,  /* errno is set; the call is not made */
    SHIM_SHORT, /* half of the bytes are written, and that is the answer */
    SHIM_HALF,  /* half of the bytes are written, then SIGKILL */
    SHIM_AFTER  /* SIGKILL as soon as the call has been made */
};

/* Whether any rule looks at this kind of call (or all are logged): the path need not be found out
 * otherwise. */
bool shim_watches(enum shim_op op);

/* Counts a call on `path` (relative to the folder watched; "" where a call has none) and tells what
 * becomes of it. SIGKILL before the call does not return. */
enum shim_action shim_decide(enum shim_op op, const char *path);

/* As above for a path as given by the caller, or for an open file; SHIM_PASS outside the folder
 * watched. */
enum shim_action shim_decide_path(enum shim_op op, const char *path);
enum shim_action shim_decide_fd(enum shim_op op, int fd);

/* Kills whom the rule that decided last on this thread names. */
void shim_kill(void);

/* Whether a path lies in the folder watched. */
bool shim_inside(const char *path);

/* The next allocation, asked for from `caller`, fails. */
bool shim_starves(const void *caller);

/* How far the time of day has jumped by now, in seconds. */
int64_t shim_jump(void);

/* The `value` of the rule that decided last on this thread. */
int64_t shim_value(void);

#endif
