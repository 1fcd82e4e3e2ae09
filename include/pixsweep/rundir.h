/* rundir: a run's folder. The names of its files, its config.yaml, its locks, what its records
 * tell, and its removal. */
#ifndef PIXSWEEP_RUNDIR_H
#define PIXSWEEP_RUNDIR_H

#include "pixsweep/base.h"
#include "pixsweep/params.h"
#include "pixsweep/records.h"
#include "pixsweep/records/files.h"
#include "pixsweep/records/reason.h"
#include "pixsweep/rundir/claim.h"
#include "pixsweep/store.h"

/* ---- how attempts ended (ends.c) ------------------------------------------------------------ */

/* ends.txt has a line for each attempt whose end a supervisor has judged, with all that the
 * database is to have of it. It is written whole (temporary file, fsync, rename) by the holder of
 * the supervisor's lock in the folder; ingest closes attempts from it. */

struct pxs_ended {
    struct pxs_store_attempt attempt; /* no, process, started_ms, host to kernels */
    /* outcome NONE: an older line, which tells the reason alone. The message is "" or points into
     * the file's text. */
    struct pxs_store_end end;
};
struct pxs_ends {
    struct pxs_ended *of; /* in the order of the file */
    size_t n;
    char *text;
};
/* Adds the line of an attempt (of it the fields named above). */
PXS_NODISCARD enum pxs_status pxs_ends_add(const char *dir, const struct pxs_store_attempt *attempt,
                                           const struct pxs_store_end *end, struct pxs_error *err);
/* No file reads as no lines; a line that cannot be read is passed over. To be finished where
 * PXS_OK. */
PXS_NODISCARD enum pxs_status pxs_ends_read(const char *dir, struct pxs_ends *out,
                                            struct pxs_error *err);
void pxs_ends_finish(struct pxs_ends *ends);
/* The last line of that attempt; NULL where there is none. */
const struct pxs_ended *pxs_ends_find(const struct pxs_ends *ends,
                                      const struct pxs_store_attempt *attempt);
/* The same process where both name one, else the same number. */
bool pxs_same_attempt(const struct pxs_store_attempt *a, const struct pxs_store_attempt *b);

/* ---- a run's config.yaml (run_config.c) ----------------------------------------------------- */

/* What a frozen config.yaml says in its comments about the content it was planned with. */
struct pxs_run_config_head {
    char name[256], data_hash[PXS_SHA256_HEX], weights_hash[PXS_SHA256_HEX];
    /* of the files of a data set with lossy pictures (pxs_dataset_info.files_hash); else "" */
    char files_hash[PXS_SHA256_HEX];
};
/* `own_val`: the data set brings its own val split, so val_fraction is left out. Appends to out. */
void pxs_run_config_text(const struct pxs_run_config_head *head, const char *name,
                         const struct pxs_params *params, bool own_val, struct pxs_text *out);
/* The head of such a text; what is not there is "". */
void pxs_run_config_read_head(const char *yaml, struct pxs_run_config_head *head);
/* The whole line of the top-level key `key` in such a text (equal lines mean equal values); false
 * if it is not there. */
bool pxs_run_config_line(const char *yaml, const char *key, const char **line, size_t *bytes);

/* Writes such a text into the run's folder `dir`. */
PXS_NODISCARD enum pxs_status pxs_run_config_write(const char *dir, const char *yaml,
                                                   struct pxs_error *err);
/* The parameters of the run in the file `path`, and the hash of the file's text (may be NULL).
 * `problems` (may be NULL) gets what is wrong with it, place by place; the message of the error
 * sums up. */
PXS_NODISCARD enum pxs_status pxs_run_config_read(const char *path, struct pxs_params *out,
                                                  char spec_hash[PXS_SHA256_HEX],
                                                  struct pxs_text *problems, struct pxs_error *err);

/* ---- what a folder tells (scan.c) ----------------------------------------------------------- */

struct pxs_run_records_attempt {
    struct pxs_store_attempt row; /* no and process as its BEGIN record says, else ends.txt */
    bool began;                   /* there is a BEGIN record */
    int64_t at;                   /* byte of that record */
    bool ended;                   /* there is an END record */
    enum pxs_outcome outcome;
    int64_t ended_ms; /* of its END record, else of the next BEGIN; 0 = not known */
    char message[1024];
    const struct pxs_ended *line; /* of ends.txt; NULL = none */
};
/* A record file, read to its end, and ends.txt. */
struct pxs_run_records {
    /* In the order of the file; attempts that ends.txt alone tells of stand among them by their
     * number. */
    struct pxs_run_records_attempt *attempts;
    size_t n;
    int64_t steps;                    /* recorded, from the first one on */
    int64_t bytes;                    /* to the end of the last whole record */
    int64_t torn;                     /* bytes behind it that are no whole record */
    char config_hash[PXS_SHA256_HEX]; /* of the last attempt that names one; "" = none does */
    /* Of the last attempt that names it; older records name none. */
    bool seed_known;
    int64_t seed;
    bool shorter;         /* its first steps were made by a shorter run */
    char damage[512];     /* why it could not be read to its end; "" */
    bool newer;           /* a newer pixsweep wrote it; `damage` says so */
    struct pxs_ends ends; /* empty where there is none that can be read */
};
/* Reads `dir`/records.bin and ends.txt. No file reads as empty, damage as its end. To be finished
 * in any case. */
PXS_NODISCARD enum pxs_status pxs_run_records_read(const char *dir, struct pxs_run_records *out,
                                                   struct pxs_error *err);
void pxs_run_records_finish(struct pxs_run_records *found);
/* PXS_E_EXISTS, in words, where the records in `dir` are of another configuration or another seed
 * than this run's. */
PXS_NODISCARD enum pxs_status pxs_found_check(const struct pxs_run_records *found, const char *dir,
                                              const char *config_hash, int64_t seed,
                                              struct pxs_error *err);
/* The state that the last attempt leaves the run in: as ends.txt says, else its END record;
 * interrupted without either, new where there is no attempt. */
enum pxs_run_state pxs_run_records_state(const struct pxs_run_records *found);
/* All about an attempt's end as ends.txt has it; NULL where it does not. That an attempt completed,
 * diverged or was pruned is believed only where an END record says so, too. */
const struct pxs_store_end *pxs_run_records_end(const struct pxs_run_records_attempt *attempt);
/* The last attempt with a BEGIN record; NULL = none. */
const struct pxs_run_records_attempt *
pxs_run_records_last_begun(const struct pxs_run_records *found);
/* The highest number of an attempt; 0 = none. */
int64_t pxs_run_records_last_no(const struct pxs_run_records *found);

/* Which run a folder is of, by its config.yaml. */
struct pxs_folder {
    char dir[PXS_PATH_MAX]; /* absolute */
    char name[256];         /* of the run */
    char sweep[128];
    int64_t number;
    char config_hash[PXS_SHA256_HEX], spec_hash[PXS_SHA256_HEX];
    struct pxs_params params;
    char *yaml;
};
/* PXS_E_INVALID in words where config.yaml is none that `run` wrote, or was changed since. To be
 * finished where PXS_OK. */
PXS_NODISCARD enum pxs_status pxs_folder_read(const char *dir, struct pxs_folder *out,
                                              struct pxs_error *err);
void pxs_folder_finish(struct pxs_folder *folder);
/* "0007-base-s3" -> 7 and 3; false if it is no run's folder, by its characters, too. */
bool pxs_folder_numbers(const char *base, int64_t *number, int64_t *seed);

/* Both locks in a run's folder. In a folder that cannot be written no process is at work, and none
 * is needed. */
struct pxs_folder_locks {
    struct pxs_lock guard, worker;
    struct pxs_claim claim;
    /* Where busy: by a supervisor; by a claim (rundir/claim.h), which the error names; else by an
     * old worker. */
    bool supervised, claimed;
};
/* For who will read or write the run: claims it, too. PXS_E_BUSY where a process is at work there.
 */
PXS_NODISCARD enum pxs_status pxs_folder_lock(const char *dir, struct pxs_folder_locks *locks,
                                              struct pxs_error *err);
/* For who only looks: the same without a claim of its own, which would keep others from it. */
PXS_NODISCARD enum pxs_status pxs_folder_look(const char *dir, struct pxs_folder_locks *locks,
                                              struct pxs_error *err);
void pxs_folder_unlock(struct pxs_folder_locks *locks);

/* ---- a run's files -------------------------------------------------------------------------- */

struct pxs_run_files {
    size_t files; /* that a run makes */
    size_t kept;  /* others in its folder: they and the folder stay */
    /* runs whose folder is not below the results folder: nothing of them is touched */
    size_t outside;
    size_t absent;   /* runs whose folder is not there */
    uint64_t bytes;  /* on the disk */
    char names[400]; /* of the first of `kept`, ", " between them */
};
/* Counts (adding to *sum) or removes the files that a run has made in its folder `dir` and the
 * folder, if nothing else is in it. Both paths absolute and normalised. Links are never followed. A
 * folder that is not there counts as absent. PXS_E_BUSY while another process works in it;
 * PXS_E_INVALID, with the command that mends it, where a part of the path from `results` to it is a
 * link, and, as far as rights tell, where something in it could not be removed: counting before
 * removing keeps a run from being removed by half. */
PXS_NODISCARD enum pxs_status pxs_run_files(const char *results, const char *dir, bool remove,
                                            struct pxs_run_files *sum, struct pxs_error *err);

/* The same for what commands have written into the sweep's own folder (the page, pictures, the log
 * of a run without its terminal). */
/* `submissions_too`: also what submissions have left there. */
PXS_NODISCARD enum pxs_status pxs_sweep_files(const char *results, const char *sweep,
                                              bool submissions_too, bool remove,
                                              struct pxs_run_files *sum, struct pxs_error *err);
/* The folders of a sweep's runs that were handed to other machines and never began: of all that a
 * run makes, they have its config.yaml alone. Absolute, from `arena`; in any order. */
PXS_NODISCARD enum pxs_status pxs_sweep_frozen(const char *results, const char *sweep,
                                               struct pxs_arena *arena, const char ***dirs,
                                               size_t *n, struct pxs_error *err);
/* Whether `path` (absolute, without links) is one of the files that a run makes, by its name and
 * place in a run's folder. */
bool pxs_is_run_file(const char *path);
/* Whether a file that a run makes in `dir` is the one of that device and inode. */
bool pxs_run_has_file(const char *dir, uint64_t dev, uint64_t ino);

#endif
