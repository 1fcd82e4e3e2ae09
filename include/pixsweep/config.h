/* config: experiment files. Reads YAML with positions, follows `extends`, applies --set, checks
 * everything in one pass, and expands the sweep into an ordered list of resolved runs
 * (docs/contracts.md, Experiment files, is the grammar). A loaded config is immutable: any number
 * of threads may read it. Runs are made on demand, so 100,000 of them cost little memory. */
#ifndef PIXSWEEP_CONFIG_H
#define PIXSWEEP_CONFIG_H

#include "pixsweep/base.h"
#include "pixsweep/params.h"
#include "pixsweep/race.h"

#define PXS_CONFIG_MAX_RUNS 100000
#define PXS_NAME_MAX 100 /* bytes of an experiment's name */
#define PXS_LABEL_MAX 60 /* bytes of what differs in a run's name */

/* Whether this can be an experiment's name: letters of any script, digits and . _ = -, not
 * beginning with . or -, at most PXS_NAME_MAX bytes. So it can be a folder's name, and it is not
 * that of a file of pixsweep's. */
bool pxs_name_allowed(const char *text);

struct pxs_config;

/* Loads `path`; `sets` are the texts of --set options, "key=value" (dotted keys such as
 * sweep.seeds, run.timeout; name; any hyperparameter), relative paths in them belonging to the
 * working directory. On failure *out is untouched, err holds one summarising line, and
 * `diagnostics` (may be NULL) receives every problem found, in the order of files and lines:
 * `file:line:col: message`, the source line, a caret. PXS_E_INVALID, or PXS_E_NOT_FOUND / PXS_E_IO
 * where the file itself cannot be read. */
PXS_NODISCARD enum pxs_status pxs_config_load(const char *path, const char *const *sets,
                                              size_t n_sets, struct pxs_config **out,
                                              struct pxs_text *diagnostics, struct pxs_error *err);
void pxs_config_destroy(struct pxs_config **config); /* NULL and *NULL are fine; nulls *config */

/* The name of the sweep that an experiment file is about, though it may be faulty otherwise.
 * PXS_E_INVALID, PXS_E_NOT_FOUND, PXS_E_IO. */
PXS_NODISCARD enum pxs_status pxs_config_file_name(const char *path, char name[PXS_NAME_MAX + 1],
                                                   struct pxs_error *err);

/* Where `path` is no file: the experiment file that was likely meant, of the same name with another
 * ending or nearly of that name, in the same folder or in experiments/ there. False where there is
 * none. */
bool pxs_config_near_file(const char *path, char out[PXS_PATH_MAX]);

/* Whether `text` is one number of a FLOAT key with a decimal comma, "0,0002", and cannot be two of
 * its values, as "10,50" can; `number` then has the point. */
#define PXS_DECIMAL_MAX 64
bool pxs_config_decimal_comma(int key, const char *text, char number[PXS_DECIMAL_MAX]);

const char *pxs_config_name(const struct pxs_config *c); /* `name`, or the file's stem */
const char *pxs_config_path(const struct pxs_config *c); /* absolute */
/* For sweep.spec_yaml: the file's own text, with the --set options as comments at its end. */
const char *pxs_config_spec_yaml(const struct pxs_config *c);
/* How a sweep's file says that a key varies. */
enum pxs_varies_by {
    PXS_VARIES_UNSAID, /* nowhere in this text: it is the same everywhere, or another file says it
                        */
    PXS_VARIES_GRID,
    PXS_VARIES_ZIP,
    PXS_VARIES_POINTS,
    PXS_VARIES_RANDOM
};
struct pxs_varies {
    enum pxs_varies_by by;
    bool log; /* drawn evenly over the logarithm */
};
/* Of each key, from a text of pxs_config_spec_yaml; files that it extends are not read. A text that
 * is no experiment file says nothing. PXS_E_NOMEM. */
PXS_NODISCARD enum pxs_status pxs_config_varies(const char *spec_yaml,
                                                struct pxs_varies out[PXS_PARAM_COUNT],
                                                struct pxs_error *err);
/* For sweep.spec_hash: SHA-256 over the name-free list of resolved runs, so comments and layout do
 * not change it. */
const char *pxs_config_spec_hash(const struct pxs_config *c);

/* ---- how to run ----------------------------------------------------------------------------- */

/* In which order runs are started; their numbers stay as written. */
enum pxs_order {
    PXS_ORDER_AS_WRITTEN,
    PXS_ORDER_SEED_MAJOR, /* everything with the first seed, then everything with the next one */
    PXS_ORDER_SHUFFLED    /* by order_seed */
};
struct pxs_run_settings {
    int64_t retries;  /* of a crash, and as many again of a timeout */
    double timeout_s; /* of one attempt; INFINITY = none */
    /* the same as a share of the median finished run of the sweep: 3 = 300 %; 0 = none */
    double timeout_share;
    double resume_every_s; /* 0 = every batch */
    int64_t max_failures;  /* runs in a row that may fail before the sweep pauses; 0 = no limit */
    enum pxs_order order;
    int64_t order_seed;
    double budget_s;     /* of training, over all calls of the sweep; INFINITY = none */
    bool keep_final;     /* completed runs keep their final point, for longer ones to begin from */
    const char *on_done; /* for /bin/sh -c at the sweep's end; NULL = nothing */
};
const struct pxs_run_settings *pxs_config_run(const struct pxs_config *c);
/* "90s", "5m", "8h", "1d", "1h30m" in seconds; "none" is INFINITY where `none_allowed`. False if it
 * is no duration. */
bool pxs_parse_duration(const char *text, bool none_allowed, double *seconds);

/* ---- where to run --------------------------------------------------------------------------- */

/* A key that only the launcher knows. */
struct pxs_launch_key {
    const char *key, *value;
};
#define PXS_MEM_AUTO (-1)
/* run.slurm, run.ssh or run.launcher. Strings live as long as the config. */
struct pxs_launch_settings {
    int64_t cpus_per_task;    /* 4 */
    int64_t runs_per_task;    /* side by side; 1; 0 = as many as cores and memory allow */
    int64_t tasks;            /* jobs at most; 0 = as many as there are runs */
    int64_t array_throttle;   /* jobs that run at once; 0 = no limit */
    int64_t seconds;          /* `time` of a job; 0 = as the site has it */
    int64_t warn_before;      /* 300: seconds before its end at which a job is warned */
    int64_t look_every;       /* 30: seconds between two looks of the collector at a run's folder */
    int64_t ask_every;        /* 60: seconds between two calls of the launcher while it collects */
    int64_t mem_mb;           /* of a job; PXS_MEM_AUTO; 0 = is not asked for */
    const char *setup;        /* lines of bash before the program; NULL = none */
    const char *const *extra; /* arguments for sbatch or ssh, ended by NULL; NULL = none */
    const struct pxs_launch_key *keys;
    size_t n_keys;
};
/* `run.on`: "here", "slurm", "ssh" or the absolute path of a launcher. */
const char *pxs_config_on(const struct pxs_config *c);
/* The same of a file that is not loaded otherwise: its sweep is not looked at. */
PXS_NODISCARD enum pxs_status pxs_config_file_on(const char *path, const char *const *sets,
                                                 size_t n_sets, char on[PXS_PATH_MAX],
                                                 struct pxs_error *err);
/* The section that belongs to such a word; defaults where the file has none. */
const struct pxs_launch_settings *pxs_config_launch(const struct pxs_config *c, const char *on);
/* Whether `text` may be said for `on`: one of the words, or a path with a '/' in it. */
bool pxs_on_allowed(const char *text);
/* Appends what is wrong where it may not: "must be ..., not 'slrum'; did you mean slurm?" */
void pxs_on_explain(const char *text, struct pxs_text *out);

/* ---- pruning -------------------------------------------------------------------------------- */

#define PXS_RUNGS_MAX 16
/* `sweep.prune`. At each rung a run is compared with the runs of lower number that came as far
 * (pxs_prune_judge of room plan). */
enum pxs_prune_rule { PXS_PRUNE_NONE, PXS_PRUNE_MEDIAN, PXS_PRUNE_ASHA };
struct pxs_prune_settings {
    enum pxs_prune_rule rule;
    /* epochs trained when a run is judged, rising, all below the longest run's n_epochs; where none
     * are listed: min_epochs (a tenth of the longest run, rounded up), and eta times as many
     * each */
    int64_t rungs[PXS_RUNGS_MAX];
    size_t n_rungs;
    int64_t eta; /* 3: under asha, the best 1/eta goes on */
    /* 3: under median, so many others must have come as far before one is pruned */
    int64_t min_runs;
};
const struct pxs_prune_settings *pxs_config_prune(const struct pxs_config *c);

/* ---- the race ------------------------------------------------------------------------------- */

/* `sweep.race`: only configurations that may still be best get more seeds (room race). */
struct pxs_race_settings {
    bool on;
    struct pxs_race_options rule; /* higher_better is the metric's */
    enum pxs_race_metric metric;
    int64_t budget_runs; /* 0 = none */
    double budget_s;     /* of training, over all calls of the sweep; INFINITY = none */
};
const struct pxs_race_settings *pxs_config_race(const struct pxs_config *c);

/* ---- the runs ------------------------------------------------------------------------------- */

/* Number of runs, at least 1. Order: the sweep's parts as written, first key slowest, seeds
 * innermost; in a race they are outermost, so that run i is configuration i % K with seed i / K. */
size_t pxs_config_count(const struct pxs_config *c);

struct pxs_point {
    struct pxs_params params; /* resolved and checked; ineffective keys are at their defaults */
    /* What differs, or --set changes, "lr_policy_G-halve_lrgd-90" of [A-Za-z0-9._=-]; "base" if
     * nothing does. Where one run's would be too long, all runs have the keys' initials
     * ("lpG-halve_lrgd-90"), then numbers of four digits; what then does not fit is left out. So a
     * label is unique only together with the run's number. */
    char label[PXS_LABEL_MAX + 1];
};
/* Run `index`, 0 .. count-1. */
void pxs_config_point(const struct pxs_config *c, size_t index, struct pxs_point *point);
/* Keys that differ between the runs, in table order, without the seed; *n of them. */
const int *pxs_config_varying(const struct pxs_config *c, size_t *n);
/* Whether --set changes which configurations there are: a hyperparameter's value in the file, or a
 * part of its sweep beside the seeds, pruning and a race. */
bool pxs_config_is_changed(const struct pxs_config *c);
/* Number of different seeds. */
size_t pxs_config_seeds(const struct pxs_config *c);
/* Where run `index` has the value of `key` from, appended to `out`: "lab64.yaml:12", "sweep
 * (lr.yaml:7)", "--set" or "default". */
void pxs_config_origin(const struct pxs_config *c, size_t index, int key, struct pxs_text *out);

/* Appends `message` about the value that run `index` has for `key`, with its file, line and caret
 * as in a diagnostic; just the message where it is the default. No newline at the end. */
void pxs_config_point_at(const struct pxs_config *c, size_t index, int key, const char *message,
                         struct pxs_text *out);

/* What is right but worth a line in `plan`: keys that a higher layer made ineffective ("lrgd 25
 * (lab64.yaml:12) is dropped: no effect under lr_policy_G: constant"), each different line once,
 * with the number of runs it holds for. */
size_t pxs_config_notes(const struct pxs_config *c);
const char *pxs_config_note(const struct pxs_config *c, size_t index);

#endif
