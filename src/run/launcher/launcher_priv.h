/* launcher, within the room: one call of the launcher, and what it is told. */
#ifndef PXS_LAUNCHER_PRIV_H
#define PXS_LAUNCHER_PRIV_H

#include "pixsweep/base/child.h"
#include "pixsweep/launcher.h"

#define PXS_SUBMIT_SECONDS 60.0
#define PXS_QUERY_SECONDS 30.0
#define PXS_SETTLE_SECONDS 60.0

/* ---- environment.c -------------------------------------------------------------------------- */

/* "NAME=value" of all that the launcher is told, ended by NULL. PXS_E_INVALID where a key or a
 * value cannot be told so. */
PXS_NODISCARD enum pxs_status pxs_launcher_environment(const struct pxs_launcher *l,
                                                       const char *name, struct pxs_arena *arena,
                                                       const char *const **out,
                                                       struct pxs_error *err);

/* ---- call.c --------------------------------------------------------------------------------- */

#define PXS_EXIT_REFUSED 1
#define PXS_EXIT_NO_VERB 2
#define PXS_EXIT_LATER 75 /* EX_TEMPFAIL of sysexits.h */

/* Zero-initialise, start, finish once. */
struct pxs_call {
    const char *dir, *verb; /* for messages; borrowed */
    struct pxs_logger logger;
    const struct pxs_stop *stop;
    struct pxs_child child;
    int out, err; /* our ends of its pipes, once it was started */
    struct pxs_text said, words;
    double seconds, until; /* how long it may take; by pxs_monotonic */
    bool started, ended;
    enum { PXS_IN_TIME, PXS_TOO_LATE, PXS_TOO_MUCH, PXS_ASKED_TO_STOP } killed;
    struct pxs_exit how;
};
/* DIR/launcher with these arguments, verb first; ended by NULL. */
PXS_NODISCARD enum pxs_status pxs_call_start(const struct pxs_launcher *l, const char *name,
                                             const char *const *arguments, double seconds,
                                             struct pxs_call *c, struct pxs_error *err);
/* Reads what is there, waits `ms` at most; true once it has ended or was given up. */
bool pxs_call_look(struct pxs_call *c, int ms);
/* Its exit code; -1 where it has none. */
int pxs_call_code(const struct pxs_call *c);
/* PXS_OK where it succeeded: then its stderr has gone to the logger. Else PXS_E_STOPPED or
 * `status`, with what it said on stderr and how it ended. */
PXS_NODISCARD enum pxs_status pxs_call_check(struct pxs_call *c, enum pxs_status status,
                                             struct pxs_error *err);
void pxs_call_finish(struct pxs_call *c);
/* Start and wait to its end; PXS_OK where it ran, whatever it answered. */
PXS_NODISCARD enum pxs_status pxs_call(const struct pxs_launcher *l, const char *name,
                                       const char *const *arguments, double seconds,
                                       struct pxs_call *c, struct pxs_error *err);
/* The lines that it printed, one a call, cut out of *rest, which is NULL before the first. NULL at
 * the end. */
char *pxs_call_line(struct pxs_call *c, char **rest);

#endif
