/* Wishes: commands that write, given on another machine than the collector's.
 *
 * The collector's database is on a disk of its own machine. Who would write to it from another one
 * leaves a wish in the collector's folder (PXS_COLLECTOR_DIR) and waits for the answer:
 *
 *     wishes/ID.wish    the command, as JSON; whoever withdraws it removes this file
 *     wishes/ID.begun   the same file, once the collector carries it out
 *     wishes/ID.answer  its exit code and what it printed; whoever asked removes it
 *
 * The asking process touches its wish as long as it waits. All times are those of the disk, by the
 * collector's claim, which is touched twice a minute. */
#ifndef PIXSWEEP_COLLECT_WISHES_H
#define PIXSWEEP_COLLECT_WISHES_H

#include "pixsweep/base.h"
#include "pixsweep/rundir/claim.h"

#define PXS_WISHES "wishes"

/* ---- asking --------------------------------------------------------------------------------- */

struct pxs_wish {
    char dir[PXS_PATH_MAX]; /* of the wishes */
    char id[PXS_CLAIM_NONCE];
    char collector[PXS_PATH_MAX], nonce[PXS_CLAIM_NONCE]; /* whom it asks: the claim of then */
    double touched_at, looked_at;
    double made_at;  /* pxs_monotonic */
    int64_t made_ns; /* by the disk's clock */
};
/* What came of it. Free both texts. */
struct pxs_answer {
    int code; /* exit code of the command */
    char *out, *err;
};

/* Asks whoever holds the claim on the folder `collector`. `command` is the command's name
 * ("import lab" is one name), `options` and `names` (its other arguments) are ended by NULL,
 * without
 * --db and --results, and mean the same on each machine. PXS_E_NOT_FOUND: there is no claim. */
PXS_NODISCARD enum pxs_status pxs_wish_make(const char *collector, const char *command,
                                            const char *const *options, const char *const *names,
                                            struct pxs_wish *out, struct pxs_error *err);
/* To be called a few times a second. PXS_E_BUSY: no answer yet. PXS_OK: *out is filled. Else the
 * wish is over: PXS_E_NOT_FOUND where the collector has ended (or another one came) before it had
 * begun, and nothing was done; PXS_E_STOPPED where it ended while it carried the wish out: whether
 * it is done is not known. */
PXS_NODISCARD enum pxs_status pxs_wish_look(struct pxs_wish *wish, struct pxs_answer *out,
                                            struct pxs_error *err);
/* Whether the collector has begun to carry it out (or has answered). */
bool pxs_wish_has_begun(const struct pxs_wish *wish);
/* Seconds since the collector's last sign of life, which comes twice a minute, by the disk's clock;
 * < 0 where that is not known. */
double pxs_wish_silence(const struct pxs_wish *wish);
/* Takes it back: true where nothing was done and nothing will be. */
bool pxs_wish_withdraw(struct pxs_wish *wish);

/* ---- carrying out --------------------------------------------------------------------------- */

struct pxs_wishes_options {
    const char *collector;       /* the folder whose claim the caller holds */
    const char *results, *db;    /* what --results and --db are for the commands */
    const char *program;         /* that knows the commands; NULL = this one */
    const char *const *commands; /* names of those that may be asked for; ended by NULL */
    struct pxs_logger logger;
};
struct pxs_wishes;
/* Everything in the options is borrowed. Answers what a collector before this one had begun. */
PXS_NODISCARD enum pxs_status pxs_wishes_open(const struct pxs_wishes_options *options,
                                              struct pxs_wishes **out, struct pxs_error *err);
/* To be called about once a second; never waits. Begins the oldest wish where none is being carried
 * out, and answers one that was. True: the database may have changed since the last call. */
bool pxs_wishes_look(struct pxs_wishes *wishes);
/* Before the claim is given back: waits up to `seconds` for the one that is being carried out, then
 * ends it. Wishes that have not begun are withdrawn by those who asked. NULL and *NULL are fine. */
void pxs_wishes_close(struct pxs_wishes **wishes, double seconds);

#endif
