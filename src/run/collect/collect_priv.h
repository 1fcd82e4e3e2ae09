/* Inside collect. */
#ifndef PXS_COLLECT_PRIV_H
#define PXS_COLLECT_PRIV_H

#include "pixsweep/collect.h"
#include "pixsweep/collect/wishes.h"
#include "pixsweep/ingest.h"
#include "pixsweep/rundir.h"
#include "pixsweep/rundir/claim.h"

/* ---- one run (look.c) ----------------------------------------------------------------------- */

struct pxs_file_seen {
    int64_t size, changed_ns; /* -1 = there is none */
};
enum { PXS_FOLLOW_MARK = 32 };
/* A run whose folder is looked at. Zero-initialise, fill the first part. */
struct pxs_followed {
    int64_t run_id, seed, sweep_id;
    const char *name, *dir;
    char config_hash[PXS_SHA256_HEX];
    enum pxs_run_state state; /* in the database */

    double looked_at;   /* pxs_monotonic; 0 = never */
    double quiet_since; /* nothing works on it since then, and it has not said how it ended; 0 */
    bool at_work;       /* its claim is good */
    bool settled;       /* all that its folder says is in the database */
    char nonce[PXS_CLAIM_NONCE], host[256]; /* of its claim */
    int64_t touched_ms;
    struct pxs_file_seen records, ends;
    /* Where ingesting goes on, and the bytes before it, which are others once the file was cut
     * back. attempt_id 0: its whole file is to be read. */
    int64_t attempt_id, offset;
    unsigned char mark[PXS_FOLLOW_MARK];
    size_t n_mark;
    char trouble[256]; /* that was told: why it cannot be ingested; "" */
    bool there;        /* it was in the database at the last discovery */
    bool ended_now;    /* that it is over is in the database since this process looked */
};
/* What a look has found. */
struct pxs_looked {
    size_t records;    /* ingested */
    bool settled;      /* now */
    char trouble[256]; /* the folder's, new since the last look; "" */
};
/* Looks once. `quiet`: seconds for which a folder without claim may lack its end, since a shared
 * disk shows late what others wrote. Errors are the database's. */
PXS_NODISCARD enum pxs_status pxs_follow(struct pxs_store *store, struct pxs_followed *run,
                                         double now, double quiet, struct pxs_looked *out,
                                         struct pxs_error *err);

/* ---- its database (own_database.c) ---------------------------------------------------------- */

/* Opens the database `own`, which becomes or stays what the copy at `copy` is made of; the caller
 * holds the claim. `given`: the user named it. PXS_E_INVALID in words. */
PXS_NODISCARD enum pxs_status pxs_own_database_open(const char *own, bool given, const char *copy,
                                                    const struct pxs_collector *me,
                                                    const struct pxs_logger *logger,
                                                    struct pxs_store **out, struct pxs_error *err);

/* ---- all of it ------------------------------------------------------------------------------ */

/* A sweep of the results folder that was submitted. */
struct pxs_followed_sweep {
    char name[128];
    int64_t sweep_id;  /* 0: it is not in the database (any more) */
    char planned[160]; /* name of the newest submission whose plan is in the database; "" */
    char trouble[256]; /* of its own, as told last; "" */
};

/* What a submission's jobs do, as the launcher said last. */
struct pxs_followed_jobs {
    char sweep[128], dir[PXS_PATH_MAX];
    const char *name; /* of the jobs; NULL: nothing was submitted from this folder yet */
    struct pxs_launched_list list; /* those that live, once `known` */
    bool known;
    double asked_at; /* pxs_monotonic; 0 = never */
    int empty;       /* answers in a row that there are none */
    bool over;       /* no job will come back */
};

struct pxs_collection {
    const struct pxs_submit_options *options;
    const struct pxs_sweep_listener *listener;
    pxs_submitted_fn told;
    void *user;
    double began, look_every, ask_every; /* pxs_monotonic; seconds */

    /* The place, and whose it is. `store` is the own database while the claim is held, else NULL.
     */
    char results[PXS_PATH_MAX], copy[PXS_PATH_MAX], own[PXS_PATH_MAX], folder[PXS_PATH_MAX];
    bool given; /* the user named `own` */
    struct pxs_collector me;
    struct pxs_claim claim;
    double claim_touched_at;
    struct pxs_store *store;
    char other[512];             /* while another process collects: who; "" */
    const char *const *commands; /* that other machines may ask for */
    struct pxs_wishes *wishes;   /* while the claim is held */

    /* What the user asked for. */
    struct pxs_submitted submitted;
    enum pxs_run_state *states; /* of the plan's runs, as told last */
    size_t n_completed_now;
    size_t records_since_submitted;
    char refused[2048]; /* why the file cannot be planned, while an earlier plan is collected; "" */

    /* What is followed. */
    struct pxs_followed_sweep *sweeps;
    size_t n_sweeps;
    struct pxs_followed *runs;
    size_t n_runs, next; /* next: of the round that is on; n_runs = none is */
    double round_at;
    struct pxs_arena arena; /* texts of runs and jobs */
    bool changed;           /* something is in the database that no copy has */
    double published_at, publish_cost;
    bool publish_failing, store_failing;

    /* Jobs. */
    struct pxs_followed_jobs *jobs;
    size_t n_jobs, asked, n_asked; /* asked: whose question is open; n_asked: questions so far */
    struct pxs_launcher_question *question;
    struct pxs_arena question_arena;
    double asked_at;
    char launcher_trouble[256], said[512]; /* as told last */
    double board_at;
};

void pxs_collect_say(struct pxs_collection *c, enum pxs_log_level level, const char *fmt, ...)
    PXS_PRINTF(3, 4);

/* Whether the user has asked it to leave. */
bool pxs_collect_is_stopped(const struct pxs_collection *c);

/* ---- progress.c ----------------------------------------------------------------------------- */

/* Reads the states of the plan's runs from the own database or the copy, and tells what has
 * changed. */
PXS_NODISCARD enum pxs_status
pxs_collect_look_at_plan(struct pxs_collection *c, struct pxs_store *store, struct pxs_error *err);
/* Runs of the plan that are not over, those of them that some process works on, and those whose
 * folder has more to tell. */
size_t pxs_collect_count_open(const struct pxs_collection *c, size_t *at_work, size_t *unsettled);
/* At most once a second, but for the `final` one. */
void pxs_collect_show_board(struct pxs_collection *c, struct pxs_store *store, double now,
                            bool final);
/* One line where there is no board, and only where it says something new. */
void pxs_collect_say_progress(struct pxs_collection *c);
/* For `watch`, wherever it is called, but nothing of the sweep `over` (NULL: none), which has no
 * run left. What cannot be written is written the next time. */
void pxs_collect_write_jobs(struct pxs_collection *c, const char *over);
/* Whether runs of the plan wait until jobs of earlier submissions, which do not know them, have
 * ended and others may be started. */
bool pxs_collect_waits(const struct pxs_collection *c);
void pxs_collect_summarise(struct pxs_collection *c, struct pxs_sweep_summary *out);

/* ---- sweeps.c ------------------------------------------------------------------------------- */

/* Finds sweeps and submissions of the results folder: plans that the database lacks get their
 * rows, runs and jobs that are new are followed from now on. */
PXS_NODISCARD enum pxs_status pxs_collect_discover(struct pxs_collection *c, struct pxs_error *err);
/* What is wrong with one sweep keeps no other one waiting, and is told once. */
void pxs_collect_sweep_trouble(struct pxs_collection *c, struct pxs_followed_sweep *sweep,
                               const char *what, const struct pxs_error *why);
/* Nothing of what another database said holds for this one. */
void pxs_collect_forget(struct pxs_collection *c);
/* The plan of the sweep's newest submission, with its rows in the database; pxs_plan_destroy it.
 * PXS_E_NOT_FOUND: nothing was submitted. */
PXS_NODISCARD enum pxs_status pxs_collect_old_plan(struct pxs_collection *c, const char *sweep,
                                                   struct pxs_plan **out, struct pxs_error *err);
/* The plan of the newest submission is in the database: its own runs, just now. */
PXS_NODISCARD enum pxs_status pxs_collect_is_planned(struct pxs_collection *c, const char *sweep,
                                                     int64_t sweep_id, struct pxs_error *err);

/* ---- jobs.c --------------------------------------------------------------------------------- */

/* Asks the launcher of one submission after the other, one call every ask_every seconds, and never
 * waits for it. True where an answer has come. */
bool pxs_collect_ask(struct pxs_collection *c, double now);
void pxs_collect_stop_asking(struct pxs_collection *c);
/* Appends what the sweep's jobs do (pxs_launched_words); false where nothing is known. */
bool pxs_collect_jobs_words(const struct pxs_collection *c, const char *sweep, struct pxs_text *out,
                            bool *never);
/* Jobs of the sweep that live and are not ending; -1 = not known. */
int64_t pxs_collect_jobs_alive(const struct pxs_collection *c, const char *sweep);
/* Whether the launcher has said that no job of the sweep is left. */
bool pxs_collect_jobs_gone(const struct pxs_collection *c, const char *sweep);

#endif
