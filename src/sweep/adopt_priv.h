/* Bringing record files home: what a run's folder tells, and taking it into a store. */
#ifndef PXS_SWEEP_ADOPT_PRIV_H
#define PXS_SWEEP_ADOPT_PRIV_H

#include "plan_priv.h"

/* ---- what a folder tells (folder.c) ---------------------------------------------------------------------- */

struct pxs_found_attempt {
    struct pxs_store_attempt row; /* no and process as its BEGIN record says */
    int64_t at;                   /* byte of that record */
    bool ended;                   /* it left a last word */
    enum pxs_outcome outcome;
    int64_t ended_ms; /* of its END record, else of the next BEGIN; 0 = not known */
    char message[1024];
};
/* A record file, read to its end. */
struct pxs_found {
    struct pxs_found_attempt *attempts; /* in the order of the file */
    size_t n;
    int64_t steps;                    /* recorded, from the first one on */
    int64_t bytes;                    /* to the end of the last whole record */
    int64_t torn;                     /* bytes behind it that are no whole record */
    char config_hash[PXS_SHA256_HEX]; /* of the last attempt that names one; "" = none does */
    char damage[512];                 /* why it could not be read to its end; "" */
};
/* Reads `dir`/records.bin. No file reads as empty, damage as its end. To be finished in any case. */
PXS_NODISCARD enum pxs_status pxs_found_read(const char *dir, struct pxs_found *out, struct pxs_error *err);
void pxs_found_finish(struct pxs_found *found);
/* The state that the last attempt leaves the run in: its own last word, "interrupted" without one, "new" where none began. */
const char *pxs_found_state(const struct pxs_found *found);
int64_t pxs_found_last_no(const struct pxs_found *found); /* the highest attempt number; 0 = none */

/* Whose folder it is, by its config.yaml. */
struct pxs_folder {
    char dir[PXS_PATH_MAX]; /* absolute */
    char name[256];         /* of the run */
    char sweep[128];
    int64_t number;
    char config_hash[PXS_SHA256_HEX], spec_hash[PXS_SHA256_HEX];
    struct pxs_params params;
    char *yaml;
};
/* PXS_E_INVALID in words where config.yaml is none that `run` wrote, or was changed since. To be finished where PXS_OK. */
PXS_NODISCARD enum pxs_status pxs_folder_read(const char *dir, struct pxs_folder *out, struct pxs_error *err);
void pxs_folder_finish(struct pxs_folder *folder);
/* "0007-base-s3" -> 7 and 3; false if it is no run's folder, by its characters, too. */
bool pxs_folder_numbers(const char *base, int64_t *number, int64_t *seed);

/* Both locks in a run's folder. A folder that cannot be written has nobody at work in it, and needs none. */
struct pxs_folder_locks {
    struct pxs_lock guard, worker;
    bool supervised; /* where busy: by a supervisor; else by an old worker */
};
/* PXS_E_BUSY where somebody is at work there. */
PXS_NODISCARD enum pxs_status pxs_folder_lock(const char *dir, struct pxs_folder_locks *locks,
                                              struct pxs_error *err);
void pxs_folder_unlock(struct pxs_folder_locks *locks);

/* ---- into a store (adopt.c) ------------------------------------------------------------------------------ */

struct pxs_adopted {
    int64_t run_id;
    char name[256], state[16];
    size_t records;   /* taken now */
    size_t closed;    /* attempts */
    bool added;       /* the run was not in the database */
    bool moved;       /* the database had it from another folder, which had less or is gone */
    int64_t torn;     /* bytes of a last record that is not whole */
    char damage[512]; /* of the record file; what stands before it is taken; "" */
    char kept[256];   /* why nothing was taken although there is something; "" */
};

/* Takes in what the store lacks of a run that it knows, from the run's folder, and closes its attempts: as their last record says, else
 * as interrupted. The caller holds the folder's locks (or knows that the folder is gone). Twice is as good as once.
 * PXS_E_EXISTS where the folder's records are another configuration's. */
PXS_NODISCARD enum pxs_status pxs_adopt_run(struct pxs_store *store, int64_t run_id, struct pxs_adopted *out,
                                            struct pxs_error *err);
/* Takes in any run's folder by what its config.yaml says; the caller holds its locks. Of a run that the store has from another folder
 * it takes whichever got further, or this one where that folder is gone and the records are the same. PXS_E_BUSY where somebody
 * is at work in that other folder. */
PXS_NODISCARD enum pxs_status pxs_adopt_folder(struct pxs_store *store, const char *dir,
                                               struct pxs_adopted *out, struct pxs_error *err);
/* Rows for all attempts of a run that is still at work; *offset: where taking in goes on. The rows of `found` are filled in. */
PXS_NODISCARD enum pxs_status pxs_adopt_rows(struct pxs_store *store, int64_t run_id, struct pxs_found *found,
                                             int64_t *offset, struct pxs_error *err);

#endif
