/* Errors as values, logging, progress of long work, memory, the stop flag. */
#ifndef PIXSWEEP_BASE_STATUS_H
#define PIXSWEEP_BASE_STATUS_H

#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- errors as values ----------------------------------------------------------------------- */

enum pxs_status {
    PXS_OK = 0,
    PXS_E_NOMEM,       /* out of memory */
    PXS_E_IO,          /* a system call failed: message ends with strerror */
    PXS_E_NOSPC,       /* the disk or a quota is full: may work later */
    PXS_E_INVALID,     /* the user's input is wrong: message says what and the remedy */
    PXS_E_CORRUPT,     /* a file's content is damaged or of another kind */
    PXS_E_NOT_FOUND,   /* no such file, run, key */
    PXS_E_EXISTS,      /* already there */
    PXS_E_BUSY,        /* another process holds it */
    PXS_E_UNSUPPORTED, /* known, but not by this build or not on this machine */
    PXS_E_STOPPED,     /* the stop flag was raised; state is consistent */
    PXS_E_DIVERGED,    /* a loss became NaN or infinite */
    PXS_E_PRUNED,      /* pruning ended a run at a rung; state is consistent */
    PXS_E_INTERNAL     /* a bug in pixsweep */
};

/* Details of a failure, owned by the caller. `message` is for the user: one sentence without a
 * trailing newline, its arguments cleaned (pxs_text_add_words). A caller that does not need it
 * passes NULL. */
struct pxs_error {
    enum pxs_status status;
    char message[2048];
};

#define PXS_NODISCARD __attribute__((warn_unused_result))
#define PXS_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define PXS_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Fill `err` (may be NULL) and return `status`: `return pxs_fail(err, PXS_E_INVALID, "...",
 * ...);` */
enum pxs_status pxs_fail(struct pxs_error *err, enum pxs_status status, const char *fmt, ...)
    PXS_PRINTF(3, 4);
/* As pxs_fail with PXS_E_IO (PXS_E_NOT_FOUND for ENOENT, PXS_E_NOMEM for ENOMEM, PXS_E_NOSPC for
 * ENOSPC and EDQUOT); appends ": <strerror(errno)>" and the text of pxs_limit_words (not for
 * EAGAIN, which has many causes). */
enum pxs_status pxs_fail_errno(struct pxs_error *err, const char *fmt, ...) PXS_PRINTF(2, 3);
/* The same for a thread or a process that could not be started, where EAGAIN means a limit. */
enum pxs_status pxs_fail_start(struct pxs_error *err, const char *fmt, ...) PXS_PRINTF(2, 3);
/* "out of memory" and the text of pxs_limit_words */
enum pxs_status pxs_fail_nomem(struct pxs_error *err);
/* Put "<text>: " in front of the message and return its status (err NULL: PXS_E_INTERNAL, so keep
 * the status where NULL may come). */
enum pxs_status pxs_error_prefix(struct pxs_error *err, const char *fmt, ...) PXS_PRINTF(2, 3);
/* The limits of this process that may be the cause of an errno (EMFILE, EFBIG, ENOMEM; EAGAIN of a
 * thread or process that could not be started), each with the command that lifts it: " (`ulimit -n`
 * allows a process 10 open files; raise it where it is set: `ulimit -n 1024`)". Empty where no
 * limit is set. */
#define PXS_LIMIT_WORDS 512
void pxs_limit_words(int number, char out[PXS_LIMIT_WORDS]);
/* The same for a process that SIGXCPU or SIGKILL ended: the limit of CPU time, where one is set. */
void pxs_limit_cpu_words(char out[PXS_LIMIT_WORDS]);

/* Returns the status of a failed call: PXS_TRY(pxs_thing(..., err)). Only where nothing has to be
 * freed. */
#define PXS_TRY(call)                            \
    do {                                         \
        enum pxs_status pxs_try_status = (call); \
        if (pxs_try_status != PXS_OK)            \
            return pxs_try_status;               \
    } while (0)

/* ---- logging -------------------------------------------------------------------------------- */

enum pxs_log_level { PXS_LOG_DEBUG, PXS_LOG_INFO, PXS_LOG_WARN, PXS_LOG_ERROR };
/* Passed by value; a zeroed logger drops every message. `text` has no trailing newline; pxs_log has
 * cleaned its arguments. */
struct pxs_logger {
    void (*write)(void *user, enum pxs_log_level level, const char *text);
    void *user;
};
void pxs_log(struct pxs_logger logger, enum pxs_log_level level, const char *fmt, ...)
    PXS_PRINTF(3, 4);

/* ---- progress of long work ------------------------------------------------------------------ */

/* A callback that long work calls from time to time. Passed by value; a zeroed meter calls
 * nothing. */
struct pxs_meter {
    /* `what`: the work as a verb and its object ("reading train_loss.txt"); `done` of `total`, in
     * any unit; total 0 = not known. */
    void (*tell)(void *user, const char *what, double done, double total);
    void *user;
};
void pxs_meter_tell(struct pxs_meter meter, const char *what, double done, double total);

/* ---- memory --------------------------------------------------------------------------------- */

/* Zeroed memory for numbers, aligned to 64 bytes; blocks of 2 MiB and more are aligned to 2 MiB and
 * advised to be huge pages (madvise). NULL when out of memory; bytes 0 gives a valid pointer. Free
 * with pxs_aligned_free. */
void *pxs_aligned_alloc(size_t bytes);
void pxs_aligned_free(void *ptr);

/* Many small objects with one lifetime. Zero-initialise, allocate, finish once (finish of a zeroed
 * arena is a no-op). */
struct pxs_arena {
    struct pxs_arena_block *head;
};
/* zeroed, 16-byte aligned; NULL when out of memory */
void *pxs_arena_alloc(struct pxs_arena *arena, size_t bytes);
char *pxs_arena_strdup(struct pxs_arena *arena, const char *text);
char *pxs_arena_printf(struct pxs_arena *arena, const char *fmt, ...) PXS_PRINTF(2, 3);
void pxs_arena_finish(struct pxs_arena *arena);

/* ---- stop ----------------------------------------------------------------------------------- */

/* Set by a signal handler and read by loops at their next safe point. 0 = go on. */
struct pxs_stop {
    atomic_int signal;     /* number of the signal that asked, or 1 */
    atomic_int save;       /* not 0: write a resume point at the next safe point, then go on */
    atomic_int time_is_up; /* not 0: the time of this job is nearly over (SIGUSR2) */
    atomic_int suspend;    /* not 0: Ctrl-Z: pass it on to the children, then pxs_stand_still */
    /* not 0: a loop reads these flags several times a second; 0: the signal handler must act
     * itself */
    atomic_int was_handled;
};
/* Suspends this process, as SIGTSTP does by default, until it is continued. Safe in a signal
 * handler. */
void pxs_stand_still(void);

#endif
