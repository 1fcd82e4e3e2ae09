/* Claims: who works on a run, as a file in its folder (claim.c).
 *
 * Locks cannot say it where a folder is shared by machines: on many network disks a lock holds on
 * one machine only, or there is none. A file that only one process can make is the same everywhere:
 * the claim names its owner, the owner touches it twice a minute, and whoever finds it void (the
 * owner is dead, was requeued, or has not touched it for a quarter of an hour) breaks it. A claim
 * can be lost, so an owner looks at it again before it replaces a file of the run. */
#ifndef PIXSWEEP_RUNDIR_CLAIM_H
#define PIXSWEEP_RUNDIR_CLAIM_H

#include "pixsweep/base.h"

#define PXS_CLAIM_NONCE 21           /* 20 digits and NUL */
#define PXS_CLAIM_REFRESH_SECONDS 30 /* an owner touches its claim so often */
#define PXS_CLAIM_LEASE_SECONDS 900  /* one that is older is void, whoever made it */
#define PXS_CLAIM_BRIEF_SECONDS 3.0

/* The task of who only ingests or removes a run: such a claim is given back soon, and who wants the
 * run waits for that. */
#define PXS_CLAIM_BRIEF "ingest-or-rm"

struct pxs_claim_owner {
    /* Job and task of a batch system, the same after a requeue ("4711_12"), and how often it was
     * requeued; "" = a process that nobody requeues. */
    char task[96];
    int64_t restart;
    char host[256], boot_id[64];
    int64_t pid, pid_start;
};
/* This process on this machine. `task` may be NULL. */
void pxs_claim_owner_here(const char *task, int64_t restart, struct pxs_claim_owner *out);

struct pxs_claim {
    char path[PXS_PATH_MAX]; /* "" = not held */
    char nonce[PXS_CLAIM_NONCE];
    bool replaced; /* another one was in its place, whose owner has not given it back */
};

/* Claims the run in the folder `dir`. PXS_E_BUSY, naming the owner, where another's claim is good
 * (a brief one is waited for, up to PXS_CLAIM_BRIEF_SECONDS); one that is void is broken first.
 * Other errors: the folder cannot be written. */
PXS_NODISCARD enum pxs_status pxs_claim_take(const char *dir, const struct pxs_claim_owner *me,
                                             struct pxs_claim *out, struct pxs_error *err);
/* Touches a claim that is held. PXS_E_BUSY where it is another's by now, or gone: the owner must
 * write nothing more. Other errors: it could not be looked at. */
PXS_NODISCARD enum pxs_status pxs_claim_refresh(const struct pxs_claim *claim,
                                                struct pxs_error *err);
/* The same by nonce, without touching it: for a worker that was given its supervisor's claim. */
PXS_NODISCARD enum pxs_status pxs_claim_check(const char *dir, const char *nonce,
                                              struct pxs_error *err);
/* Gives it back; one that is another's by now stays. */
void pxs_claim_release(struct pxs_claim *claim);

/* Makes the claim with this nonce void, for an owner that is known to be gone without having given
 * it back; one that is another's by now stays. An owner that is there after all has lost it. */
PXS_NODISCARD enum pxs_status pxs_claim_break(const char *dir, const char *nonce,
                                              struct pxs_error *err);

/* For who reads or removes what a run has made: PXS_E_BUSY, naming the owner, where a process other
 * than this one has a good claim on the run in `dir`. Takes nothing. */
PXS_NODISCARD enum pxs_status pxs_claim_look(const char *dir, struct pxs_error *err);

/* Who has claimed the run in `dir`, and when it was last touched. PXS_E_NOT_FOUND: nobody.
 * PXS_E_CORRUPT: a claim that cannot be read. */
PXS_NODISCARD enum pxs_status pxs_claim_read(const char *dir, struct pxs_claim_owner *owner,
                                             char nonce[PXS_CLAIM_NONCE], int64_t *touched_ms,
                                             struct pxs_error *err);

#endif
