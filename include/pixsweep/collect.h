/* collect: a sweep on other machines, from here. Submits what is missing, and fills the database
 * from the folders that jobs write, until the sweep is over or the user leaves.
 *
 * Nothing depends on this process: jobs go on without it, and any later one goes on collecting. It
 * holds the claim on results/.collector, fills a database on a disk of its own machine and
 * publishes copies of it as results/pixsweep.db (pixsweep/store/published.h). Where another process
 * holds the claim, it follows that one's copies, and collects once the claim is free. */
#ifndef PIXSWEEP_COLLECT_H
#define PIXSWEEP_COLLECT_H

#include "pixsweep/base.h"
#include "pixsweep/rundir/claim.h"
#include "pixsweep/store/published.h"
#include "pixsweep/submit.h"
#include "pixsweep/supervisor.h"

/* The database that a collector of the results folder (absolute) fills where none was named:
 * /var/tmp/pixsweep-UID/HASH.db, on a disk of this machine. */
PXS_NODISCARD enum pxs_status pxs_collector_database(const char *results, char db[PXS_PATH_MAX],
                                                     struct pxs_error *err);

/* Submits, then collects until every run of the plan is over, no job is left that could carry out
 * the others, or the stop flag rises. Of the summary, `db` is the published copy. Codes and errors
 * as pxs_sweep_run's. `told` (may be NULL) hears of each submission. `wishes`: commands that other
 * machines may ask a collector for (pixsweep/collect/wishes.h), ended by NULL. */
typedef void (*pxs_submitted_fn)(void *user, const struct pxs_submitted *submitted);
PXS_NODISCARD enum pxs_status pxs_collect(const struct pxs_submit_options *options,
                                          const struct pxs_sweep_listener *listener,
                                          pxs_submitted_fn told, void *user,
                                          const char *const *wishes,
                                          struct pxs_sweep_summary *summary, struct pxs_error *err);

/* A collector for as long as one command writes, where none lives: the copy stays a copy, and the
 * collector's database goes on. Zero-initialise. */
struct pxs_turn {
    char copy[PXS_PATH_MAX], own[PXS_PATH_MAX];
    struct pxs_collector me;
    struct pxs_claim claim;
    bool moved;              /* the copy was of another database */
    struct pxs_store *store; /* NULL: there is no turn */
};
/* Takes the claim beside the published copy at `copy` and opens, on this machine, the database that
 * the copy is of (turn->own, where the command is to write): the collector's where that is here,
 * else a new one made of the copy. *was: who published it. PXS_E_BUSY: another process has the
 * claim. PXS_E_NOT_FOUND: it is no copy (any more). PXS_E_INVALID: its collector lives, in words.
 */
PXS_NODISCARD enum pxs_status pxs_turn_begin(const char *copy, const struct pxs_logger *logger,
                                             struct pxs_turn *turn, struct pxs_collector *was,
                                             struct pxs_error *err);
/* Publishes what was written since, and gives the claim back; the turn is over in any case. On
 * failure it stands in turn->own, and the next collector of this machine publishes it. */
PXS_NODISCARD enum pxs_status pxs_turn_end(struct pxs_turn *turn, struct pxs_error *err);

#endif
