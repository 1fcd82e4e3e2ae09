/* child: processes that pixsweep starts, watches and ends: workers, the command of run.on_done,
 * PyTorch in a bench. Each leads a process group of its own, so that Ctrl-C reaches us alone and we
 * can end it with all that it has started. */
#ifndef PIXSWEEP_CHILD_H
#define PIXSWEEP_CHILD_H

#include <sys/types.h>

#include "pixsweep/base.h"

/* ---- starting ------------------------------------------------------------------------------- */

/* All borrowed. */
struct pxs_child_spec {
    /* For messages: "cannot start <what>: ...". */
    const char *what;
    /* A path, or a name that is looked up in PATH. */
    const char *program;
    /* Its arguments, program name first; ended by NULL. */
    const char *const *argv;
    /* "NAME=value", in place of our own variables of these names; ended by NULL. NULL = none. */
    const char *const *set;
    /* Our own variables whose names begin so are left out; NULL = all others are handed on. */
    const char *without;
    /* Its stdin, stdout and stderr: descriptors above 2, which stay the caller's. -1 =
     * /dev/null. */
    int in, out, err;
    /* A signal that it ignores from the start on; all others are as a new process has them. 0 =
     * none. */
    int ignored;
    /* NULL = where the caller runs. */
    const cpu_set_t *cores;
};

/* Zero-initialise; reaped, it is zero again. */
struct pxs_child {
    pid_t pid;
    /* With the pid it names the process for good. */
    int64_t pid_start;
    /* pxs_child_end asked it, at this time; SIGKILL was sent by us. */
    bool asked, killed;
    double asked_at;
};

/* How a child ended; `code` is the exit code or the number of the signal. Lost: the system could
 * not tell. */
struct pxs_exit {
    enum { PXS_EXITED, PXS_SIGNALLED, PXS_LOST } how;
    int code;
};

/* Returns when the program runs. PXS_E_NOT_FOUND where there is none, PXS_E_IO and others in words
 * where it cannot be started. */
PXS_NODISCARD enum pxs_status pxs_child_start(const struct pxs_child_spec *spec,
                                              struct pxs_child *out, struct pxs_error *err);

/* ---- ending --------------------------------------------------------------------------------- */

/* To its whole group; nothing where it has been reaped. */
void pxs_child_signal(const struct pxs_child *c, int signal);
void pxs_child_kill(struct pxs_child *c); /* SIGKILL, once */
/* Called again and again: SIGTERM the first time, SIGKILL once `grace` seconds have gone by since,
 * by the clock of `now`. */
void pxs_child_end(struct pxs_child *c, double now, double grace);
/* True, and *how filled, once it is dead; then it is reaped. Does not wait. What it has left in the
 * background goes on. */
bool pxs_child_reap(struct pxs_child *c, struct pxs_exit *how);
/* Waits `seconds` at most for it to end by itself, then kills it and all that is left of its group,
 * and reaps it. A child that never was, or that has been reaped, has exited with 0. */
struct pxs_exit pxs_child_finish(struct pxs_child *c, double seconds);

/* ---- what it prints ------------------------------------------------------------------------- */

/* The lines that come from a pipe or a socket. Zero-initialise, then set `fd`, which must not block
 * (O_NONBLOCK) and stays the caller's. */
struct pxs_lines {
    int fd;
    /* The other side is closed, and all has been handed out. */
    bool ended;
    /* The line handed out last was longer than `text`: its rest follows as the next one. */
    bool cut;
    /* Private: the file is at its end; bytes in `text`, and how many of them have been handed
     * out. */
    bool closed;
    size_t held, used;
    char text[4096];
};
/* The next line without its end, valid until the next call; NULL where none is there (yet). A last
 * line without an end counts. */
const char *pxs_lines_next(struct pxs_lines *l);
/* What has come so far of the next line, for whoever waits no longer; NULL where nothing has. */
const char *pxs_lines_rest(struct pxs_lines *l);

#endif
