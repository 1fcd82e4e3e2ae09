/* store: the SQLite record of sweeps, runs, attempts and everything that was measured
 * (docs/contracts.md, Database, has the schema, which is promised). The one room with sqlite3.h.
 * One writer at a time: every write transaction and every WAL checkpoint happens under one flock on
 * `<database>.lock`, waited for no longer than pxs_store_set_wait allows; then PXS_E_BUSY, nothing
 * changed, try again later. Reading never writes. A store belongs to one thread and must not be
 * carried across fork without exec.
 *
 * A disk that is full is PXS_E_IO, a damaged database PXS_E_CORRUPT; neither loses anything that a
 * record file holds. Every writing call is one transaction: done whole or not at all.
 *
 * One header a subject; this one brings them all. */
#ifndef PIXSWEEP_STORE_H
#define PIXSWEEP_STORE_H

#include "pixsweep/store/database.h"
#include "pixsweep/store/published.h"
#include "pixsweep/store/runs.h"
#include "pixsweep/store/attempts.h"

#endif
