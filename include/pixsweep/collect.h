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

#endif
