/* child: processes that pixsweep starts, watches and ends: workers, the command of run.on_done,
 * PyTorch in a bench. Each leads a process group of its own, so that Ctrl-C reaches only pixsweep,
 * which can end the child together with all that it has started. */
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
    /* Our own variables whose names begin with this are not passed on; NULL = all are. */
    const char *without;
    /* Its stdin, stdout and stderr: descriptors above 2, which the caller still owns. -1 =
     * /dev/null. */
    int in, out, err;
    /* A signal that it ignores from the start; all others have their default action. 0 = none. */
    int ignored;
    /* NULL = the cores of the caller. */
    const cpu_set_t *cores;
};

/* Zero-initialise; reaped, it is zero again. */
struct pxs_child {
    pid_t pid;
    /* Start time: with the pid it is unique, also when the pid is reused. */
    int64_t pid_start;
    /* asked: pxs_child_end sent SIGTERM, at asked_at; killed: pxs_child_kill sent SIGKILL. */
    bool asked, killed;
    double asked_at;
};

/* How a child ended; `code` is the exit code or the number of the signal. PXS_LOST: the system did
 * not say. */
struct pxs_exit {
    enum { PXS_EXITED, PXS_SIGNALLED, PXS_LOST } how;
    int code;
};

/* Returns as soon as the program runs. PXS_E_NOT_FOUND where the program is missing; PXS_E_IO and
 * others where it cannot be started. */
PXS_NODISCARD enum pxs_status pxs_child_start(const struct pxs_child_spec *spec,
                                              struct pxs_child *out, struct pxs_error *err);

/* ---- ending --------------------------------------------------------------------------------- */

/* Sends a signal to the child's whole group; does nothing once the child has been reaped. */
void pxs_child_signal(const struct pxs_child *c, int signal);
void pxs_child_kill(struct pxs_child *c); /* SIGKILL, once */
/* Called repeatedly until the child ends: sends SIGTERM the first time and SIGKILL `grace` seconds
 * later, by the clock of `now`. */
void pxs_child_end(struct pxs_child *c, double now, double grace);
/* True, with *how filled, once the child has ended; it is then reaped. Does not wait. Processes
 * that the child left in the background go on. */
bool pxs_child_reap(struct pxs_child *c, struct pxs_exit *how);
/* Waits at most `seconds` for the child to end by itself, then kills what is left of its group and
 * reaps the child. A child that was never started, or that has been reaped, counts as exited with
 * 0. */
struct pxs_exit pxs_child_finish(struct pxs_child *c, double seconds);

/* ---- what it prints ------------------------------------------------------------------------- */

/* Reads lines from a pipe or a socket. Zero-initialise, then set `fd`, which must not block
 * (O_NONBLOCK) and which the caller still owns. */
struct pxs_lines {
    int fd;
    /* The other side is closed, and all lines have been returned. */
    bool ended;
    /* The last line was longer than `text`: its rest follows as the next line. */
    bool cut;
    /* Private. closed: end of file; held: bytes in `text`; used: those of them that have been
     * returned. */
    bool closed;
    size_t held, used;
    char text[4096];
};
/* The next line without its line end, valid until the next call; NULL where no whole line has come
 * yet, and at the end. A last line without a line end is returned, too. */
const char *pxs_lines_next(struct pxs_lines *l);
/* What has come so far of an unfinished line, for a caller that stops waiting; NULL = nothing. */
const char *pxs_lines_rest(struct pxs_lines *l);

#endif
