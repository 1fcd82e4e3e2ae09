/* ingest: reads the folders of runs into the store, wherever they were made. */
#ifndef PIXSWEEP_INGEST_H
#define PIXSWEEP_INGEST_H

#include "pixsweep/base.h"
#include "pixsweep/rundir.h"
#include "pixsweep/store.h"

#define PXS_INTAKE_RECORDS 1000 /* in one transaction */

/* ---- merge and reap ------------------------------------------------------------------------- */

/* What became of one run's folder or attempt. */
struct pxs_ingest_line {
    const char *dir, *name; /* name may be "" where it is not known */
    size_t records;         /* ingested now */
    bool problem;           /* it could not be ingested, or not to its end */
    bool changed;           /* something was taken or closed */
    const char *text;       /* one line for the user */
};
typedef void (*pxs_ingest_fn)(void *user, const struct pxs_ingest_line *line);
struct pxs_ingest_counts {
    size_t found, changed, problems;
    size_t records;
};
/* Ingests every run's folder (config.yaml beside records.bin) in `dir` or up to three levels below
 * it, in order of their paths: into the rows of the same run (sweep, config_hash, seed), or new
 * ones. Nothing twice, in any order; where the database has the run from another folder, whichever
 * got further stays, or the one that is there where the other was moved. `line` is called for each.
 * and for a link to a folder, which is not followed (`dir` itself may be one). Adds to *counts.
 * PXS_E_NOT_FOUND where there is no such folder or no run in it; other errors are the store's. */
struct pxs_store;
PXS_NODISCARD enum pxs_status pxs_sweep_merge(struct pxs_store *store, const char *dir,
                                              pxs_ingest_fn line, void *user,
                                              struct pxs_ingest_counts *counts,
                                              struct pxs_error *err);
/* Looks at every open attempt of a sweep (0: of all): where its folder's locks are free and its
 * process is gone, its records are ingested and it becomes what its last record says, or
 * interrupted. An attempt of another host is left alone unless its folder is here, its locks are
 * free and nothing was heard of it for an hour. `dry`: only tells. */
PXS_NODISCARD enum pxs_status pxs_sweep_reap(struct pxs_store *store, int64_t sweep_id, bool dry,
                                             pxs_ingest_fn line, void *user,
                                             struct pxs_ingest_counts *counts,
                                             struct pxs_error *err);

/* The looks of races in a sweep's folder that are not in the store yet. */
PXS_NODISCARD enum pxs_status pxs_race_ingest(struct pxs_store *store, int64_t sweep_id,
                                              const char *folder, struct pxs_error *err);

/* A second signal while stop->signal is raised already: the handler stores (signal |
 * PXS_STOP_AGAIN). */
#define PXS_STOP_AGAIN 0x1000

/* ---- into a store (ingest.c) ---------------------------------------------------------------- */

struct pxs_ingested {
    int64_t run_id;
    char name[256];
    enum pxs_run_state state;
    size_t records;   /* taken now */
    size_t closed;    /* attempts */
    int64_t last_no;  /* the highest number of an attempt in the folder; 0 = none */
    bool added;       /* the run was not in the database */
    bool moved;       /* the database had it from another folder, which had less or is gone */
    int64_t torn;     /* bytes of a last record that is not whole */
    char damage[512]; /* of the record file; what stands before it is taken; "" */
    /* a whole run's worth of reason to think that these records are another run's; "" */
    char doubt[600];
    char kept[256]; /* why nothing was taken although there is something; "" */
};

/* Ingests what the store lacks of a run that it knows, from the run's folder, and closes its
 * attempts: as ends.txt says, else their last record, else as interrupted. The caller holds the
 * folder's locks (or knows that the folder is gone). Twice is as good as once. PXS_E_EXISTS where
 * the folder's records are another configuration's. */
PXS_NODISCARD enum pxs_status pxs_ingest_run(struct pxs_store *store, int64_t run_id,
                                             struct pxs_ingested *out, struct pxs_error *err);
/* Ingests any run's folder by what its config.yaml says; the caller holds its locks. Of a run that
 * the store has from another folder it takes whichever got further, or this one where that folder
 * is gone and the records are the same. PXS_E_BUSY where a process is at work in that other
 * folder. */
PXS_NODISCARD enum pxs_status pxs_ingest_folder(struct pxs_store *store, const char *dir,
                                                struct pxs_ingested *out, struct pxs_error *err);
/* Rows for all attempts of a run that is still at work, those before the last closed as ends.txt
 * says (the last one's end tells the run's state, which is not known before its process has let
 * go); *offset: where ingesting goes on. The rows of `found` are filled in. */
PXS_NODISCARD enum pxs_status pxs_ingest_rows(struct pxs_store *store, int64_t run_id,
                                              struct pxs_run_records *found, int64_t *offset,
                                              struct pxs_error *err);

#endif
