/* What the files of room ingest tell each other. */
#ifndef PXS_INGEST_PRIV_H
#define PXS_INGEST_PRIV_H

#include "pixsweep/ingest.h"

/* The folder that was looked into last; zero-initialised. */
struct pxs_race_seen {
    int64_t sweep_id;
    char folder[PXS_PATH_MAX];
};
/* race.c: pxs_race_ingest of the folder that the run's folder `dir` lies in, where that is not the
 * one of before. */
PXS_NODISCARD enum pxs_status pxs_race_ingest_beside(struct pxs_store *store,
                                                     const struct pxs_store_run *run,
                                                     const char *dir, struct pxs_race_seen *seen,
                                                     struct pxs_error *err);

#endif
