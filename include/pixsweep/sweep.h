/* sweep: from an experiment file to finished runs. The plan (every run resolved, named and hashed),
 * the supervisor (one worker process per attempt, their record files taken into the store), the
 * worker's entry, and the live board as text. The only room where config and store meet. States and
 * files are promised in docs/contracts.md (Database, Files of a run). */
#ifndef PIXSWEEP_SWEEP_H
#define PIXSWEEP_SWEEP_H

#include "pixsweep/base.h"
#include "pixsweep/config.h"
#include "pixsweep/params.h"
#include "pixsweep/store.h"
#include "pixsweep/train.h"

/* ---- what the user asked for ----------------------------------------------------------------------------- */

/* All strings are borrowed. Zero-initialise, then set `file`; the rest has defaults. */
struct pxs_sweep_options {
    const char *file;       /* experiment file */
    const char *const *set; /* --set key=value, in order */
    size_t n_set;
    const char *results; /* --results; NULL = "results" */
    const char *db;      /* --db; NULL = <results>/pixsweep.db */
    const char *kernels; /* --kernels; NULL = "auto" */
    int64_t wal_limit;   /* bytes of the database's write-ahead log, see pxs_store_crowded; 0 = its default */
    bool
        allow_mixed; /* --allow-mixed: resume where kernels or OpenBLAS differ from those that a run began with */
    int jobs, threads; /* --jobs, --threads; 0 = auto (pxs_sweep_slots) */
    double
        store_patience; /* seconds to wait for a locked or full database when nothing else is left to do; 0 = 60 */
    double
        grace; /* seconds that a worker has to stop in good order, after a timeout, a cancel or its supervisor's death; 0 = 30 */
    const char *command; /* the command line as typed, for the environment table; NULL = "" */
    /* May be NULL. Receives what is wrong with the experiment file, problem by problem: place, source line, caret. Print it
     * before err->message, which sums up. */
    struct pxs_text *diagnostics;
    struct pxs_stop *stop;    /* raised by the first SIGINT/SIGTERM; may be NULL */
    struct pxs_logger logger; /* warnings of planning: overlap in the data, ...; may be zeroed */
    struct pxs_meter meter;   /* while planning reads data; may be zeroed */
};

/* Slots: jobs workers at a time with `threads` each. */
struct pxs_sweep_slots {
    int cores, jobs, threads;
    bool pinned;    /* each attempt has cores of its own: jobs * threads <= cores */
    bool auto_jobs; /* no more of them than there are runs and memory for */
    bool
        spread; /* `threads` is the least: an attempt also gets the cores of slots that will stay empty. Bits do not depend on it */
};
/* 0 = auto. What is given is obeyed. Both auto: as many jobs as cores, half as many above 16; jobs given: max(1, cores / jobs)
 * threads; threads given: max(1, cores / threads) jobs. Auto jobs become fewer where runs or memory are few. */
struct pxs_sweep_slots pxs_sweep_slots(int cores, int jobs, int threads);

/* Where --results and --db lead, normalised and absolute: what every other command opens. False if it does not fit. */
bool pxs_sweep_paths(const char *results, const char *db, char results_out[PXS_PATH_MAX],
                     char db_out[PXS_PATH_MAX]);

/* ---- plan ------------------------------------------------------------------------------------------------ */

/* What a schedule does to a rate over a run: in the first step and in the last one. */
struct pxs_plan_rate {
    double first, last;
    double ratio;            /* last / learning_rate, which is the first rate but for a warm-up */
    bool falls_to_hundredth; /* ratio <= 1/100, the lab's reading of a schedule that has done its work */
    bool constant;           /* policy is constant, without warm-up */
    bool never_fires;       /* halve, step or multistep, but nothing falls within n_epochs: equals constant */
    bool depends_on_losses; /* plateau: last and ratio are NaN, nothing is said of a hundredth */
};

/* Strings live as long as the plan. */
struct pxs_plan_run {
    int64_t number;   /* 1-based; an existing run keeps its own */
    const char *name; /* <sweep>/<NNNN>-<what differs>-s<seed> */
    const char
        *differs;    /* "lrgd-90-learning_rate_G-2e-4": the middle of the name; "base" where nothing does */
    const char *dir; /* absolute */
    int64_t seed;
    char config_hash[PXS_SHA256_HEX];
    char before_hash
        [PXS_SHA256_HEX]; /* config_hash of the time when validation: off held pairs back; "" = the same */
    const char *data_hash, *weights_hash; /* of dataset and init_from; "" without init_from */
    bool own_val;                 /* the data set has a val split of its own: val_fraction has no effect */
    char state[16];               /* "new", or the state in the database, or else what its folder tells */
    int64_t run_id;               /* 0 while new */
    int64_t steps_found;          /* recorded in its folder, where the database has no row of it */
    struct pxs_plan_rate rate[2]; /* G, D */
    int64_t n_train, n_val;
    struct pxs_train_estimate estimate;
    double seconds; /* expected, of the whole run on one slot; 0 where nothing remains to be done */
    double took;    /* seconds that it has trained for, where nothing remains to be done; 0 = not known */
};

enum pxs_plan_time { PXS_TIME_MEASURED, PXS_TIME_CALIBRATED, PXS_TIME_GUESS };

struct pxs_plan {
    char sweep[128];
    char file[PXS_PATH_MAX], results[PXS_PATH_MAX], db[PXS_PATH_MAX]; /* absolute */
    struct pxs_plan_run *runs;
    size_t n;
    const int *keys; /* enum pxs_param_key of what differs, in the table's order, without the seed */
    size_t n_keys, n_seeds;
    const char *
        notes; /* one per line: keys that were dropped because they have no effect, runs left out, the order; "" */
    size_t n_new, n_queued, n_interrupted, n_running, n_completed, n_failed, n_diverged, n_cancelled,
        n_pruned;
    size_t
        n_left_out; /* runs of this sweep in the database that the file no longer asks for; they are left alone */
    const char *left_out[5]; /* names of the first of them */
    size_t n_before;         /* of those, which the file's runs were when validation: off held pairs back */
    int64_t steps_to_do;
    struct pxs_sweep_slots slots;
    double seconds_to_do; /* of what `run` would take on, spread over the slots; wall clock */
    enum pxs_plan_time time_source;
    char time_basis[160]; /* "measured: 2.1 s per 1000 GMAC over the last 12 runs here with 2 threads" */
    uint64_t disk_to_do, disk_free, memory_each;
    struct pxs_memory memory; /* what there is of it */
    char unread[600]; /* why the database could not be read, so that folders alone tell what is done; "" */
    const char *spec_yaml; /* the experiment file's text */
    char spec_hash[PXS_SHA256_HEX];
    struct pxs_run_settings how; /* the file's `run:` */
    struct pxs_prune_settings prune;
    struct pxs_config *config; /* the runs' hyperparameters are made from it on demand */
    struct pxs_arena arena;
};

/* Reads, expands, hashes (each distinct data set and init_from is read once) and looks up what is there already. Writes nothing.
 * Errors are the user's (PXS_E_INVALID, PXS_E_CORRUPT, ...); err->message may have several lines; see options->diagnostics. */
PXS_NODISCARD enum pxs_status pxs_plan_make(const struct pxs_sweep_options *options, struct pxs_plan **out,
                                            struct pxs_error *err);
void pxs_plan_destroy(struct pxs_plan **plan); /* NULL and *NULL are fine; nulls *plan */

/* The hyperparameters of run `index`, resolved. */
void pxs_plan_params(const struct pxs_plan *plan, size_t index, struct pxs_params *out);
/* One of them as text ("0.0001", "halve"), "" where the key has no effect in that run. Returns buf. */
const char *pxs_plan_value(const struct pxs_plan *plan, size_t index, int key, char *buf, size_t size);

/* What a plan's pruning does, at which rungs, how much it could save, and the warning that comes with it: lines; nothing where the plan
 * does not prune. Appended to out. */
void pxs_prune_words(const struct pxs_plan *plan, struct pxs_text *out);

/* ---- the live board -------------------------------------------------------------------------------------- */

/* NaN = not known (yet). */
struct pxs_board_run {
    char name[256];
    /* 0-based positions; -1 before the first batch; n_batches 0 = not known */
    int64_t attempt, epoch, n_epochs, batch, n_batches;
    int64_t epochs_done; /* whole ones, as far as is known; those before `epoch` are in any case */
    int64_t steps_done, steps;
    double loss_G, loss_D, val_loss, lr_G, images_per_s, eta;
    bool stopping, waiting; /* asked to stop; waits for another process that still holds its folder */
    bool disk_full;         /* waits until its disk has space again */
    bool at_rung;           /* waits for runs of lower number to come as far (sweep.prune) */
    bool stale;             /* said to be running, but nobody works on it any more */
};

struct pxs_board {
    char sweep[128];
    size_t n_total, n_completed, n_failed, n_diverged, n_interrupted, n_cancelled, n_pruned, n_queued,
        n_elsewhere;
    double elapsed, eta; /* of the whole sweep */
    int64_t now_ms;      /* for the time of day at which it ends; 0 = do not say */
    bool stopping;
    bool store_trouble; /* the database cannot be written for now */
    char note[160];     /* something else worth a line: that the sweep is paused, ...; "" */
    const struct pxs_board_run *running;
    size_t n_running;
};

/* The board as lines, each ended by '\n' and at most `width` columns wide (width >= 20): one a running run,
 * one for store_trouble and for a note, then one for the sweep. No state; appends to out. Returns the number of lines. */
size_t pxs_board_render(const struct pxs_board *board, int width, struct pxs_text *out);

/* ---- watching -------------------------------------------------------------------------------------------- */

/* A sweep as it stands in the database, whoever works on it. */
struct pxs_watch {
    struct pxs_board board; /* board.running: those in state running, the stale ones too */
    size_t n_live, n_stale; /* of board.running */
    bool over;              /* nobody works on it, and nothing waits in the queue or the sweep is paused */
    struct pxs_arena arena;
};
/* Reads the sweep of that name (NULL: the one worked on last) at the time `now_ms`. Works on a read-only store, in short reading
 * transactions; writes nothing. PXS_E_NOT_FOUND: there is no such sweep. Finish *out after PXS_OK. */
PXS_NODISCARD enum pxs_status pxs_watch_read(struct pxs_store *s, const char *sweep, int64_t now_ms,
                                             struct pxs_watch *out, struct pxs_error *err);
void pxs_watch_finish(struct pxs_watch *watch);

/* ---- running --------------------------------------------------------------------------------------------- */

/* Where progress goes; any function may be NULL, and each may be changed while it runs. Called from the thread that called
 * pxs_sweep_run. */
struct pxs_sweep_listener {
    void *user;
    /* The plan stands and is in the database; comes before anything is started. */
    void (*planned)(void *user, const struct pxs_plan *plan);
    /* Something happened: a run started, ended, failed (text of several lines: reason and log tail), a warning. Without trailing newline. */
    void (*line)(void *user, enum pxs_log_level level, const char *text);
    /* The board changed, at most about five times a second: redraw it in place. When NULL (no terminal), plain
     * progress lines go to `line` (each epoch, at most every 10 s a run). */
    void (*board)(void *user, const struct pxs_board *board);
};

/* A run that is not completed, and why. */
struct pxs_sweep_problem {
    char name[256], state[16];
    const char *reason; /* one line */
};

struct pxs_sweep_summary {
    char sweep[128], db[PXS_PATH_MAX], results[PXS_PATH_MAX];
    size_t n_total, n_completed, n_completed_now, n_failed, n_diverged, n_interrupted, n_cancelled, n_pruned,
        n_queued, n_elsewhere;
    struct pxs_sweep_problem *problems; /* neither completed nor pruned, in plan order */
    size_t n_problems;
    const char *remedy; /* what to do about them; "" */
    bool recorded;      /* the database holds all that this session did */
    double seconds;
    /* 0 all completed or pruned, 1 some run did not, 2 nothing started, 130 interrupted
     * (docs/contracts.md, Commands and exit codes) */
    int exit_code;
    struct pxs_arena arena;
};
void pxs_sweep_summary_finish(struct pxs_sweep_summary *summary);

/* Plans, freezes the plan into the store and carries out what is queued or interrupted, until nothing is left or the stop flag
 * rises (first signal: workers are asked to stop and waited for; with PXS_STOP_AGAIN in stop->signal they are killed). Where
 * stop->save rises, every worker is asked for a resume point and goes on (SIGUSR1); it is lowered again. Preflight comes first: data load, disk, folder and kernels are in order, or nothing starts.
 * PXS_OK: went through; some runs may have failed (summary). PXS_E_STOPPED: interrupted, summary is valid (n_total is 0 where
 * planning itself was interrupted). Else:
 * nothing started and summary->exit_code is 2 (or, where the store was lost on the way, 1 with a valid summary).
 * summary is always initialised and to be finished. Installs no signal handlers; reaps only its own workers. */
PXS_NODISCARD enum pxs_status pxs_sweep_run(const struct pxs_sweep_options *options,
                                            const struct pxs_sweep_listener *listener,
                                            struct pxs_sweep_summary *summary, struct pxs_error *err);

/* ---- bringing records home ------------------------------------------------------------------------------- */

/* What became of one run's folder or attempt. */
struct pxs_home_line {
    const char *dir, *name, *state; /* name and state may be "" where they are not known */
    size_t records;                 /* taken in now */
    bool problem;                   /* it could not be taken in, or not to its end */
    bool changed;                   /* something was taken or closed */
    const char *text;               /* one line for the user */
};
typedef void (*pxs_home_fn)(void *user, const struct pxs_home_line *line);
struct pxs_home_counts {
    size_t found, changed, problems;
    size_t records;
};
/* Takes in every run's folder (config.yaml beside records.bin) in `dir` or up to three levels below it, in order of their paths: into
 * the rows of the same run (sweep, config_hash, seed), or new ones. Nothing twice, in any order; where the database has the run from
 * another folder, whichever got further stays, or the one that is there where the other was moved. `line` is called for
 * each, and for a link to a folder, which is not followed (`dir` itself may be one). Adds to *counts. PXS_E_NOT_FOUND where there is no such
 * folder or no run in it; other errors are the store's. */
struct pxs_store;
PXS_NODISCARD enum pxs_status pxs_sweep_merge(struct pxs_store *store, const char *dir, pxs_home_fn line,
                                              void *user, struct pxs_home_counts *counts,
                                              struct pxs_error *err);
/* Looks at every open attempt of a sweep (0: of all): where its folder's locks are free and its process is gone, its records are taken
 * in and it becomes what its last record says, or interrupted. An attempt of another host is left alone unless its folder is here, its
 * locks are free and nothing was heard of it for an hour. `dry`: only tells. */
PXS_NODISCARD enum pxs_status pxs_sweep_reap(struct pxs_store *store, int64_t sweep_id, bool dry,
                                             pxs_home_fn line, void *user, struct pxs_home_counts *counts,
                                             struct pxs_error *err);

/* A second signal while stop->signal is raised already: the handler stores (signal | PXS_STOP_AGAIN). */
#define PXS_STOP_AGAIN 0x1000

/* ---- a run's files --------------------------------------------------------------------------------------- */

struct pxs_run_files {
    size_t files;    /* that a run makes */
    size_t kept;     /* others in its folder: they and the folder stay */
    size_t outside;  /* runs whose folder is not below the results folder: nothing of them is touched */
    size_t absent;   /* runs whose folder is not there */
    uint64_t bytes;  /* on the disk */
    char names[400]; /* of the first of `kept`, ", " between them */
};
/* Counts (adding to *sum) or removes the files that a run has made in its folder `dir` and the folder, if nothing else is in it. Both paths
 * absolute and normalised. Links are never followed. A folder that is not there counts as absent. PXS_E_BUSY while another process
 * works in it, when removing; PXS_E_INVALID where a part of the way from `results` to it is a link. */
PXS_NODISCARD enum pxs_status pxs_run_files(const char *results, const char *dir, bool remove,
                                            struct pxs_run_files *sum, struct pxs_error *err);

/* The same for what commands have written into the sweep's own folder (the page, pictures, the log of a run without its terminal). */
PXS_NODISCARD enum pxs_status pxs_sweep_files(const char *results, const char *sweep, bool remove,
                                              struct pxs_run_files *sum, struct pxs_error *err);
/* Whether `path` (absolute, without links) is one of the files that a run makes, by its name and place in a run's folder. */
bool pxs_is_run_file(const char *path);
/* Whether a file that a run makes in `dir` is the one of that device and inode. */
bool pxs_run_has_file(const char *dir, uint64_t dev, uint64_t ino);

/* ---- worker ---------------------------------------------------------------------------------------------- */

/* Carries out one attempt: `argv` are the arguments behind `pixsweep worker`, an agreement between supervisor and worker only.
 * cli has installed handlers that raise `stop` (SIGTERM, SIGINT) beforehand. Returns the exit code of the process. `log` goes to
 * stderr, which is the run's worker.log. */
int pxs_sweep_worker(int argc, char *const argv[], struct pxs_stop *stop, struct pxs_logger log);

#endif
