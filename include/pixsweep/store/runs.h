/* Sweeps and runs: what a plan puts in, what users set, what is stale, imported runs. */
#ifndef PIXSWEEP_STORE_RUNS_H
#define PIXSWEEP_STORE_RUNS_H

#include "pixsweep/race.h"
#include "pixsweep/store/database.h"

/* ---- plan ----------------------------------------------------------------------------------- */

struct pxs_store_plan_run {
    /* in: identity */
    char config_hash[PXS_SHA256_HEX];
    int64_t seed;
    /* in, for pxs_store_plan only: what a new row gets; ignored for a run that exists. All
     * borrowed. */
    int64_t new_number;
    const char *new_name;
    const char *new_dir; /* absolute; stored relative to the database's folder when inside it */
    const char *new_config_yaml;
    const struct pxs_params *params; /* effective keys become rows of `param` */
    /* out; name and dir are empty and the rest 0 where the run does not exist (lookup only) */
    int64_t run_id, number;
    char name[256], dir[PXS_PATH_MAX]; /* dir: absolute */
    enum pxs_run_state state;
    bool added; /* this call made the row */
};

struct pxs_store_plan {
    int64_t sweep_id;    /* 0: no such sweep yet (lookup only) */
    size_t added, found; /* runs that are new, runs that were there */
    int64_t next_number; /* the first run number that is free */
    /* runs of the sweep that are not among those given, oldest first; free with _finish */
    int64_t *gone;
    size_t n_gone;
};
void pxs_store_plan_finish(struct pxs_store_plan *plan);

/* What is there already: fills the out-fields of `runs` and *plan. Writes nothing; works on a
 * read-only store. */
PXS_NODISCARD enum pxs_status pxs_store_lookup(struct pxs_store *s, const char *sweep,
                                               struct pxs_store_plan_run *runs, size_t n,
                                               struct pxs_store_plan *plan, struct pxs_error *err);
/* Freezes a plan in one transaction: the sweep's row (created, or found by name: spec_yaml,
 * spec_hash and n_planned are updated) and a row, state queued, for each run whose (config_hash,
 * seed) is not there yet; the others stay as they are, and no row is ever removed. PXS_E_EXISTS,
 * and nothing done, where a new run's number or name is in use (another process planned in
 * between: look up and plan again); PXS_E_INVALID where two of `runs` are the same run. */
PXS_NODISCARD enum pxs_status pxs_store_plan(struct pxs_store *s, const char *sweep,
                                             const char *spec_yaml, const char *spec_hash,
                                             struct pxs_store_plan_run *runs, size_t n,
                                             struct pxs_store_plan *plan, struct pxs_error *err);

/* Keeps which configurations the sweep's file asks for: those of these runs and no others. */
PXS_NODISCARD enum pxs_status pxs_store_set_asked(struct pxs_store *s, int64_t sweep_id,
                                                  const struct pxs_store_plan_run *runs, size_t n,
                                                  struct pxs_error *err);

/* ---- race ----------------------------------------------------------------------------------- */

/* What the file of a sweep asks for in `sweep.race`. */
struct pxs_store_race {
    char race[13], metric[32];
    double confidence, indifference;
    int64_t first, max_seeds;
    double budget_s;     /* INFINITY: none */
    int64_t budget_runs; /* 0: none */
};
/* Makes this the sweep's race, with these options from now on; NULL: it has none. What was judged
 * of earlier races stays. */
PXS_NODISCARD enum pxs_status pxs_store_set_race(struct pxs_store *s, int64_t sweep_id,
                                                 const struct pxs_store_race *race,
                                                 struct pxs_error *err);
/* Where no plan has said yet whether the sweep races, the one race that looks were added of becomes
 * the sweep's; what its file asks for is not known then. */
PXS_NODISCARD enum pxs_status pxs_store_adopt_race(struct pxs_store *s, int64_t sweep_id,
                                                   struct pxs_error *err);
/* The rows of a judged look, in one transaction; *added false: they are there already, and stay. An
 * infinite or missing number is NULL. */
PXS_NODISCARD enum pxs_status pxs_store_add_look(struct pxs_store *s, int64_t sweep_id,
                                                 const struct pxs_race_record *look, bool *added,
                                                 struct pxs_error *err);
/* What the sweep's file asks for (*race; race->race "" = no race, and no looks), and the looks of
 * that race that were judged, in their order, as they were added; entries in the order of their
 * runs. Free with _finish. */
struct pxs_store_looks {
    char sweep[128];
    struct pxs_store_race race;
    struct pxs_race_record *looks;
    size_t n;
    /* its budget is spent: no run is at work, and the next one would go beyond it by the mean of
     * those that were made, or `run` has paused the sweep, of which no run failed */
    bool cut;
};
PXS_NODISCARD enum pxs_status pxs_store_looks(struct pxs_store *s, int64_t sweep_id,
                                              struct pxs_store_looks *out, struct pxs_error *err);
void pxs_store_looks_finish(struct pxs_store_looks *looks);
/* "race: " and where it stands (pxs_race_words_now); nothing without a race. */
void pxs_store_race_words(const struct pxs_store_looks *looks, struct pxs_text *out);

/* ---- runs ----------------------------------------------------------------------------------- */

struct pxs_store_run {
    int64_t run_id, sweep_id, number, seed;
    char name[256], sweep[128], dir[PXS_PATH_MAX] /* absolute */, config_hash[PXS_SHA256_HEX];
    enum pxs_run_state state;
    int64_t attempts; /* made so far */
};
/* The runs of a sweep (0: of all sweeps) by sweep and number; free(*out). */
PXS_NODISCARD enum pxs_status pxs_store_runs(struct pxs_store *s, int64_t sweep_id,
                                             struct pxs_store_run **out, size_t *n,
                                             struct pxs_error *err);
/* What a person may say for a run or a sweep, in this order: its name; a run_id, or SWEEP/NUMBER;
 * its folder, or anything in a run's folder; for a sweep also NAME.yaml; the beginning of one name
 * only. A slash at the end says that a sweep is meant ("1/", where there is a run 1, too).
 * PXS_E_INVALID where it could be several, which are named, or is one of the other kind. */
/* A RUN argument; the only run of a sweep may be named by the sweep. PXS_E_NOT_FOUND names the
 * nearest run of that sweep, if one is near. */
PXS_NODISCARD enum pxs_status pxs_store_find_run(struct pxs_store *s, const char *run,
                                                 struct pxs_store_run *out, struct pxs_error *err);
/* A SWEEP argument, or NULL for the one worked on last (planned or run). PXS_E_NOT_FOUND names the
 * sweeps there are. */
PXS_NODISCARD enum pxs_status pxs_store_find_sweep(struct pxs_store *s, const char *name,
                                                   int64_t *sweep_id, struct pxs_error *err);
struct pxs_store_target {
    int64_t sweep_id, run_id; /* run_id 0: the whole sweep */
    char name[256];
};
/* A RUN|SWEEP argument. PXS_E_INVALID where a number is a sweep's name and a run_id. */
PXS_NODISCARD enum pxs_status pxs_store_find_target(struct pxs_store *s, const char *text,
                                                    struct pxs_store_target *out,
                                                    struct pxs_error *err);
/* The frozen config.yaml of a run; free(*yaml). */
PXS_NODISCARD enum pxs_status pxs_store_run_config(struct pxs_store *s, int64_t run_id, char **yaml,
                                                   struct pxs_error *err);

/* ---- states that a user sets ---------------------------------------------------------------- */

struct pxs_store_run_state {
    int64_t run_id;
    enum pxs_run_state state;
};
/* The states of all runs of a sweep by run_id, in one query; free(*out). */
PXS_NODISCARD enum pxs_status pxs_store_run_states(struct pxs_store *s, int64_t sweep_id,
                                                   struct pxs_store_run_state **out, size_t *n,
                                                   struct pxs_error *err);
/* Sets a sweep's state: "open" or "paused". PXS_E_NOT_FOUND where there is no such sweep. */
PXS_NODISCARD enum pxs_status pxs_store_sweep_state(struct pxs_store *s, int64_t sweep_id,
                                                    const char *state, struct pxs_error *err);
/* The state that is set. */
PXS_NODISCARD enum pxs_status pxs_store_get_sweep_state(struct pxs_store *s, int64_t sweep_id,
                                                        char state[16], struct pxs_error *err);

/* What pxs_store_retry or _cancel did. */
struct pxs_store_changed {
    struct pxs_store_run_state *runs; /* changed, with the state that they were in; by run_id */
    size_t n;
    struct pxs_state_counts states; /* of those, as they were */
    size_t left;                    /* asked for but left as they were: see there */
};
void pxs_store_changed_finish(struct pxs_store_changed *changed);

/* Which runs to try again. */
#define PXS_RETRY_FAILED 1u
#define PXS_RETRY_DIVERGED 2u
#define PXS_RETRY_CANCELLED 4u
#define PXS_RETRY_ALL 7u
/* Queues runs of a sweep again whose state is in `what` and that meet `where` (NULL = all): the
 * user's SQL condition over v_run's columns, which can only read; a mistake in it is PXS_E_INVALID
 * in words. Their retry budgets begin anew (a row of `retry`); attempts, logs and events stay.
 * Completed, queued, interrupted and running runs are never touched. `left`: runs whose last worker
 * has not been seen to end (they were cancelled a moment ago, or its supervisor died), and runs
 * being removed. */
PXS_NODISCARD enum pxs_status pxs_store_retry(struct pxs_store *s, int64_t sweep_id, unsigned what,
                                              const char *where, struct pxs_store_changed *out,
                                              struct pxs_error *err);
/* Cancels runs that are queued, interrupted or running. A running one's attempt stays open: records
 * still come in, its supervisor stops the worker and closes the attempt. `left`: runs that are over
 * already. PXS_E_NOT_FOUND, and nothing done, where one does not exist. */
PXS_NODISCARD enum pxs_status pxs_store_cancel(struct pxs_store *s, const int64_t *run_ids,
                                               size_t n, struct pxs_store_changed *out,
                                               struct pxs_error *err);
/* The closed attempts of a run that failed since it was last put back by pxs_store_retry: by
 * timeout (attempt.reason) and otherwise. */
PXS_NODISCARD enum pxs_status pxs_store_failures(struct pxs_store *s, int64_t run_id,
                                                 int64_t *crashes, int64_t *timeouts,
                                                 struct pxs_error *err);

/* ---- imported runs -------------------------------------------------------------------------- */

/* A run of another program, read from its logs. Everything is borrowed. */
struct pxs_store_imported {
    /* in */
    const char *sweep;       /* name; created where there is none */
    const char *config_hash; /* of the content: the same run is not imported twice into one sweep */
    bool seed_known;         /* else the seed becomes -number: a seed that no other run has */
    int64_t seed;
    const char *what;                /* the middle of the run's name, [A-Za-z0-9._=-] */
    const char *config_yaml;         /* what is known of it, as text */
    const struct pxs_params *params; /* those in `known` become rows of `param` */
    const bool *known;               /* PXS_PARAM_COUNT of them */
    const char *label;               /* `dataset` where that is not known; NULL: none */
    enum pxs_outcome outcome;        /* of its one attempt; the run's state */
    const char *message;             /* why; NULL: none */
    int64_t at_ms;                   /* when it ended, as far as known */
    const char *environment;         /* "key=value\n" lines */
    const char *source;              /* file, for `imported` */
    int64_t first_line, last_line, unreadable;
    const char *event; /* message of an event of kind "imported" */
    /* out */
    int64_t run_id, number;
    char name[256];
    bool added; /* false: it was there already, and nothing was done */
};
/* The next of a run's BATCH and EPOCH records; *more false: that was all. */
typedef enum pxs_status (*pxs_store_next_fn)(void *user, struct pxs_record *r, bool *more,
                                             struct pxs_error *err);
/* All of a run in one transaction: its rows, one closed attempt, `imported`, an event, and the
 * records that `next` hands out, summed up in `run_summary` without seconds, which no log tells.
 * Where anything fails, nothing is there. An imported run has no folder: run.dir leads to where one
 * would be. It belongs to no plan (it is not `gone`), and neither retry nor cancel touches it. */
PXS_NODISCARD enum pxs_status pxs_store_import(struct pxs_store *s, struct pxs_store_imported *run,
                                               pxs_store_next_fn next, void *user,
                                               struct pxs_error *err);

/* ---- stale ---------------------------------------------------------------------------------- */

/* So long without a heartbeat is stale, where neither the lock nor the process can be seen. */
#define PXS_STALE_MS 300000
/* What tells whether an open attempt is still worked on. "" and 0 = not known. */
struct pxs_attempt_life {
    const char *host, *boot_id;
    int64_t pid, pid_start;   /* of the worker */
    int64_t supervisor;       /* its pid */
    int64_t seen_ms;          /* last heartbeat, or its start */
    enum pxs_lock_look guard; /* of its supervisor's lock; asked on this host alone */
};
/* On this host: booted since, or its supervisor's lock is free and its worker is gone or never
 * began. Where the lock cannot be seen: neither its worker nor its supervisor is alive. On another
 * host, or where no process is known either: no heartbeat for PXS_STALE_MS. */
bool pxs_attempt_is_stale(const struct pxs_attempt_life *a, const struct pxs_host *here,
                          int64_t now_ms);
/* The runs in state running whose open attempt is stale, of a sweep or of all (0), by sweep and
 * number. Reads only; the state in the database stays what it is until the run is ingested. In a
 * published copy they are stale as of its publishing.
 * free(*run_ids). */
PXS_NODISCARD enum pxs_status pxs_store_stale_runs(struct pxs_store *s, int64_t sweep_id,
                                                   const struct pxs_host *here, int64_t now_ms,
                                                   int64_t **run_ids, size_t *n,
                                                   struct pxs_error *err);

#endif
