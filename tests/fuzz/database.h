/* A small database for harnesses that read one. */
#ifndef PXS_FUZZ_DATABASE_H
#define PXS_FUZZ_DATABASE_H

#include "pixsweep/store.h"

/* Puts a fresh copy of the same database at `name` in the harness's folder and opens it: one sweep
 * "fuzz" with runs 1 completed, 2 failed, 3 diverged and 4 queued, with epochs, batches, an
 * event. */
struct pxs_store *fuzz_database(const char *name);
/* The same without a run in it. */
struct pxs_store *fuzz_empty_database(const char *name);

#endif
