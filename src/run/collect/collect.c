/* The collector: submits, then looks at folders in rounds until its sweep is over. */
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "collect_priv.h"

#define TICK_MS 200
#define SLICE_SECONDS 0.2 /* of looking, before the board and signals have their turn */
#define QUIET_ROUNDS 3    /* without claim and end before an attempt counts as lost */
#define COST_SHARE 20     /* publishing takes at most 1/20 of the time */
#define LOOK_SECONDS 30.0
#define ASK_SECONDS 60.0
#define FIRST_ASK 3.0     /* after submitting: what is wrong with the jobs is told soon */
#define WISH_SECONDS 10.0 /* at the end, for the command that is being carried out */

bool pxs_collect_is_stopped(const struct pxs_collection *c) {
    const struct pxs_stop *stop = c->options->sweep->stop;
    return stop && atomic_load(&stop->signal) != 0;
}

/* A sweep that has just begun is looked at more often: a short one is over soon. */
static double look_every(const struct pxs_collection *c, double now) {
    return fmin(c->look_every, fmax(1, (now - c->began) / 10));
}

/* ---- whose place it is ---------------------------------------------------------------------- */

/* Another database may know the plan's runs by other ids, or not at all. */
static void forget_ids(struct pxs_collection *c) {
    struct pxs_plan *plan = c->submitted.plan;
    for (size_t i = 0; plan && i < plan->n; i++)
        plan->runs[i].run_id = 0;
}

/* Takes the claim and opens the own database. Another collector is no error: `store` stays NULL and
 * `other` says who it is. PXS_E_BUSY: it has given the claim back, and lives; or runs are at work
 * that are recorded in the database. */
static enum pxs_status become_collector(struct pxs_collection *c, struct pxs_error *err) {
    struct pxs_claim_owner me;
    struct pxs_error why;
    PXS_TRY(pxs_make_dirs(c->folder, err));
    pxs_claim_owner_here(NULL, 0, &me);
    enum pxs_status status = pxs_claim_take(c->folder, &me, &c->claim, &why);
    if (status == PXS_E_BUSY) {
        snprintf(c->other, sizeof c->other, "%.500s", why.message);
        return PXS_OK;
    }
    if (status != PXS_OK)
        return pxs_fail(err, status, "%s", why.message);
    c->other[0] = '\0';
    c->claim_touched_at = pxs_monotonic();
    status = pxs_own_database_open(c->own, c->given, c->copy, &c->me, &c->options->sweep->logger,
                                   &c->store, err);
    const struct pxs_wishes_options asked = {.collector = c->folder,
                                             .results = c->results,
                                             .db = c->own,
                                             .commands = c->commands,
                                             .logger = c->options->sweep->logger};
    if (status == PXS_OK)
        status = pxs_wishes_open(&asked, &c->wishes, err);
    if (status != PXS_OK) {
        pxs_store_close(&c->store);
        pxs_claim_release(&c->claim);
        return pxs_fail(err, status == PXS_E_BUSY ? status : PXS_E_INVALID, "%s", err->message);
    }
    pxs_collect_forget(c);
    forget_ids(c);
    c->changed = !pxs_store_is_published(c->copy);
    return PXS_OK;
}

/* Nothing more is published. What it has ingested, the other collector ingests from the folders. */
static void lose_claim(struct pxs_collection *c, const struct pxs_error *why) {
    pxs_collect_say(c, PXS_LOG_WARN, "another process collects now: %s", why->message);
    pxs_wishes_close(&c->wishes, 0);
    pxs_store_close(&c->store);
    c->claim.path[0] = '\0';
    forget_ids(c);
    snprintf(c->other, sizeof c->other, "%.500s", why->message);
}

/* A `run` or `merge` here has made a database of its own where the copy was to stand, before there
 * was one. What jobs do is in their folders: it is collected into that database once that `run` has
 * ended.
 */
static void make_way(struct pxs_collection *c) {
    snprintf(c->other, sizeof c->other, "%.400s was made by another `pixsweep` here", c->copy);
    pxs_collect_say(c, PXS_LOG_WARN,
                    "%s; this process follows, and collects when that one has ended", c->other);
    pxs_wishes_close(&c->wishes, 0);
    pxs_store_close(&c->store);
    pxs_claim_release(&c->claim);
    forget_ids(c);
    c->given = c->changed = c->publish_failing = false;
}

static void keep_claim(struct pxs_collection *c, double now) {
    struct pxs_error err;
    if (!c->store || now - c->claim_touched_at < PXS_CLAIM_REFRESH_SECONDS)
        return;
    c->claim_touched_at = now;
    if (pxs_claim_refresh(&c->claim, &err) == PXS_E_BUSY)
        lose_claim(c, &err);
}

/* ---- publishing ----------------------------------------------------------------------------- */

static void publish(struct pxs_collection *c, double now, bool last) {
    struct pxs_error err;
    if (!c->store)
        return;
    c->changed = pxs_store_changed_by_others(c->store) || c->changed;
    if (!c->changed ||
        (!last && now - c->published_at < fmax(look_every(c, now), COST_SHARE * c->publish_cost)))
        return;
    const double began = pxs_monotonic();
    c->published_at = now;
    enum pxs_status status = pxs_claim_refresh(&c->claim, &err);
    if (status == PXS_E_BUSY) {
        lose_claim(c, &err);
        return;
    }
    if (status == PXS_OK)
        status = pxs_store_publish(c->store, c->copy, &c->me, &err);
    c->publish_cost = pxs_monotonic() - began;
    if (status == PXS_E_EXISTS) {
        make_way(c);
        return;
    }
    c->changed = status != PXS_OK;
    if (status != PXS_OK && !c->publish_failing)
        pxs_collect_say(c, PXS_LOG_WARN, "%s cannot be published now; trying again: %s", c->copy,
                        err.message);
    if (status == PXS_OK && c->publish_failing)
        pxs_collect_say(c, PXS_LOG_INFO, "%s is published again", c->copy);
    c->publish_failing = status != PXS_OK;
}

/* ---- submitting ----------------------------------------------------------------------------- */

/* *planned: it failed after the file could be planned. */
static enum pxs_status submit(struct pxs_collection *c, bool *planned, struct pxs_error *err) {
    struct pxs_sweep_options sweep = *c->options->sweep;
    struct pxs_submit_options options = *c->options;
    sweep.db = c->store ? c->own : c->copy;
    options.sweep = &sweep;
    options.ingested = c->store != NULL;
    struct pxs_submitted submitted = {0};
    const enum pxs_status status = pxs_submit(&options, &submitted, err);
    *planned = submitted.plan != NULL;
    if (status != PXS_OK) {
        pxs_submitted_finish(&submitted);
        return status; /* the submission of before, if any, stays the last one */
    }
    pxs_submitted_finish(&c->submitted);
    c->submitted = submitted;
    if (c->told)
        c->told(c->user, &c->submitted);
    c->records_since_submitted = 0;
    return PXS_OK;
}

/* The file cannot be planned, since its data has changed or is gone: nothing is submitted, but what
 * jobs of before do is collected by the plan that they have. False: there is none, or the file
 * itself is wrong. */
static bool take_old_plan(struct pxs_collection *c, const struct pxs_error *why) {
    const struct pxs_sweep_options *sweep = c->options->sweep;
    struct pxs_config *config = NULL;
    struct pxs_plan *plan = NULL;
    if (!c->store ||
        pxs_config_load(sweep->file, sweep->set, sweep->n_set, &config, NULL, NULL) != PXS_OK)
        return false;
    const struct pxs_launch_settings *how = pxs_config_launch(config, c->options->on);
    c->look_every = (double)how->look_every;
    c->ask_every = (double)how->ask_every;
    const bool found = pxs_collect_old_plan(c, pxs_config_name(config), &plan, NULL) == PXS_OK;
    pxs_config_destroy(&config);
    if (!found)
        return false;
    c->submitted.plan = plan;
    c->submitted.n_total = plan->n;
    snprintf(c->submitted.sweep, sizeof c->submitted.sweep, "%s", plan->sweep);
    snprintf(c->refused, sizeof c->refused, "nothing was submitted: %.1900s", why->message);
    pxs_collect_say(c, PXS_LOG_WARN,
                    "nothing is submitted, and what jobs of before do is collected: %s",
                    why->message);
    return true;
}

/* The plan's runs get their rows, in the place of what a submission's file says of them. */
static enum pxs_status store_plan(struct pxs_collection *c, struct pxs_error *err) {
    struct pxs_plan *plan = c->submitted.plan;
    int64_t sweep_id;
    if (!c->store)
        return PXS_OK;
    PXS_TRY(pxs_plan_store(plan, c->store, &sweep_id, err));
    c->changed = true;
    return pxs_collect_is_planned(c, plan->sweep, sweep_id, err);
}

/* ---- rounds --------------------------------------------------------------------------------- */

static void note_store(struct pxs_collection *c, enum pxs_status status,
                       const struct pxs_error *err) {
    if (status != PXS_OK && !c->store_failing)
        pxs_collect_say(c, PXS_LOG_WARN,
                        "the database %s cannot be written for now; jobs go on, and their records "
                        "wait in their folders: %s",
                        c->own, err->message);
    if (status == PXS_OK && c->store_failing)
        pxs_collect_say(c, PXS_LOG_INFO, "the database can be written again");
    c->store_failing = status != PXS_OK;
}

static bool is_final(enum pxs_run_state state) {
    return pxs_state_is_done(state) || pxs_state_is_final(state);
}

/* Runs of this round, for a slice of time. False once the round is done. */
static bool look_on(struct pxs_collection *c, double now, double quiet, struct pxs_error *err,
                    enum pxs_status *status) {
    const double until = pxs_monotonic() + SLICE_SECONDS;
    *status = PXS_OK;
    while (c->next < c->n_runs) {
        struct pxs_followed *run = &c->runs[c->next];
        struct pxs_looked looked = {0};
        const enum pxs_run_state was = run->state;
        if (run->state != PXS_STATE_COMPLETED || !run->settled) {
            *status = pxs_follow(c->store, run, now, quiet, &looked, err);
            if (*status != PXS_OK)
                return true;
        }
        run->ended_now = run->ended_now || (is_final(run->state) && !is_final(was));
        c->records_since_submitted += looked.records;
        c->changed = c->changed || looked.records > 0 || looked.settled;
        if (looked.trouble[0])
            pxs_collect_say(c, PXS_LOG_WARN, "%s: %s", run->name, looked.trouble);
        c->next++;
        if (pxs_monotonic() >= until)
            return true;
    }
    return false;
}

static enum pxs_status beat(struct pxs_collection *c, struct pxs_error *err) {
    int64_t *ids = malloc((c->n_runs + 1) * sizeof *ids);
    size_t n = 0;
    if (!ids)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < c->n_runs; i++)
        if (c->runs[i].at_work && c->runs[i].attempt_id != 0)
            ids[n++] = c->runs[i].attempt_id;
    const enum pxs_status status =
        n > 0 ? pxs_store_heartbeat(c->store, ids, n, pxs_now_ms(), err) : PXS_OK;
    c->changed = c->changed || n > 0;
    free(ids);
    return status;
}

/* What users want reaches tasks, and a sweep that a task has paused is paused. */
static void mirror(struct pxs_collection *c) {
    for (size_t i = 0; i < c->n_sweeps; i++) {
        struct pxs_followed_sweep *sweep = &c->sweeps[i];
        struct pxs_mirrored told;
        struct pxs_error why;
        if (sweep->sweep_id == 0)
            continue;
        if (pxs_submissions_mirror(c->store, c->results, sweep->sweep_id, &told, &why) != PXS_OK) {
            pxs_collect_sweep_trouble(c, sweep, "its jobs cannot be told what users want", &why);
            continue;
        }
        if (!told.paused)
            continue;
        c->changed = true;
        pxs_collect_say(c, PXS_LOG_WARN, "%s: %s", sweep->name, told.reason);
    }
}

/* Where the claim is held: a slice of a round, or the next one begins. *round: it has ended. */
static enum pxs_status collect_on(struct pxs_collection *c, double now, bool *round,
                                  struct pxs_error *err) {
    enum pxs_status status = PXS_OK;
    *round = false;
    if (c->next >= c->n_runs) {
        if (now - c->round_at < look_every(c, now))
            return PXS_OK;
        c->round_at = now;
        PXS_TRY(pxs_collect_discover(c, err));
        c->next = 0;
    }
    if (look_on(c, now, QUIET_ROUNDS * c->look_every, err, &status))
        return status;
    PXS_TRY(beat(c, err));
    mirror(c);
    PXS_TRY(pxs_collect_look_at_plan(c, c->store, err));
    *round = true;
    return PXS_OK;
}

/* Where another process collects: its copy tells, and its place may be free. */
static enum pxs_status follow_on(struct pxs_collection *c, double now, bool *round,
                                 struct pxs_error *err) {
    struct pxs_store *copy = NULL;
    *round = false;
    if (now - c->round_at < look_every(c, now))
        return PXS_OK;
    c->round_at = now;
    enum pxs_status status = become_collector(c, err);
    if (status == PXS_E_BUSY)
        return PXS_OK; /* it has given the claim back, and is about to end */
    PXS_TRY(status);
    if (c->store) {
        pxs_collect_say(c, PXS_LOG_INFO, "the other process has ended; collecting from here on");
        return store_plan(c, err);
    }
    struct pxs_error why;
    if (pxs_store_open_readonly(c->copy, &copy, &why) != PXS_OK)
        return PXS_OK; /* not published yet */
    status = pxs_collect_look_at_plan(c, copy, err);
    pxs_collect_show_board(c, copy, now, true);
    pxs_store_close(&copy);
    *round = status == PXS_OK;
    return status;
}

/* ---- the end -------------------------------------------------------------------------------- */

/* Jobs whose time was up and that nothing requeues leave this mark: they are to be submitted
 * again. */
static bool take_again_mark(struct pxs_collection *c) {
    bool again = false;
    for (size_t i = 0; i < c->n_jobs; i++) {
        char path[PXS_PATH_MAX];
        if (strcmp(c->jobs[i].sweep, c->submitted.plan->sweep) == 0 &&
            pxs_path_join(path, sizeof path, c->jobs[i].dir, PXS_TASK_AGAIN_MARK))
            again = remove(path) == 0 || again;
    }
    return again;
}

/* Claims of jobs that are gone would keep their runs at work until the lease is over. */
static void break_claims(struct pxs_collection *c) {
    struct pxs_error err;
    for (size_t i = 0; i < c->n_jobs; i++)
        if (strcmp(c->jobs[i].sweep, c->submitted.plan->sweep) == 0 && c->jobs[i].name &&
            pxs_submission_break_claims(c->submitted.plan, c->jobs[i].dir,
                                        c->options->sweep->logger, &err) != PXS_OK)
            pxs_log(c->options->sweep->logger, PXS_LOG_DEBUG, "%s", err.message);
}

/* Jobs that have ended without a step say why in their logs. */
static void say_last_log(struct pxs_collection *c) {
    struct pxs_text text = {0};
    for (size_t i = c->n_jobs; i-- > 0;)
        if (strcmp(c->jobs[i].sweep, c->submitted.plan->sweep) == 0) {
            if (pxs_submission_last_log(c->jobs[i].dir, &text))
                pxs_collect_say(c, PXS_LOG_WARN, "jobs have ended without a step of training; %s",
                                pxs_text_str(&text));
            break;
        }
    pxs_text_finish(&text);
}

/* Nothing of the plan is lost where this fails: then runs are left. */
static bool submit_again(struct pxs_collection *c) {
    struct pxs_error why;
    bool planned;
    enum pxs_status status = submit(c, &planned, &why);
    if (status != PXS_OK) {
        if (status != PXS_E_STOPPED)
            pxs_collect_say(c, PXS_LOG_ERROR, "%s", why.message);
        c->submitted.runs_new = 0; /* it is not tried again */
        return false;
    }
    free(c->states);
    c->states = NULL;
    /* What cannot be written now, the next discovery finds in the submission. */
    status = store_plan(c, &why);
    note_store(c, status, &why);
    return true;
}

/* After a round: every run is over, or no job is left for those that are not. */
static bool is_over(struct pxs_collection *c) {
    size_t at_work, unsettled;
    const size_t open = pxs_collect_count_open(c, &at_work, &unsettled);
    if (open == 0)
        return true;
    if (!c->store || !pxs_collect_jobs_gone(c, c->submitted.plan->sweep))
        return false;
    if (at_work > 0)
        break_claims(c);
    if (at_work > 0 || unsettled > 0)
        return false;
    if (c->refused[0])
        return true;
    if (pxs_collect_waits(c) && submit_again(c))
        return false;
    if (take_again_mark(c) && c->records_since_submitted > 0) {
        pxs_collect_say(c, PXS_LOG_INFO,
                        "the time of all jobs was up and %zu run%s left: submitting again", open,
                        open == 1 ? " is" : "s are");
        if (submit_again(c))
            return false;
    }
    if (c->records_since_submitted == 0)
        say_last_log(c);
    return true;
}

/* ---- the story ------------------------------------------------------------------------------ */

static enum pxs_status find_places(struct pxs_collection *c, struct pxs_error *err) {
    const struct pxs_sweep_options *sweep = c->options->sweep;
    char ignored[PXS_PATH_MAX];
    c->given = sweep->db != NULL;
    if (!pxs_sweep_paths(sweep->results, NULL, c->results, c->copy) ||
        !pxs_sweep_paths(sweep->results, sweep->db, ignored, c->own) ||
        !pxs_path_join(c->folder, sizeof c->folder, c->results, PXS_COLLECTOR_DIR))
        return pxs_fail(err, PXS_E_INVALID, "--db or --results: the path is too long");
    if (!c->given)
        PXS_TRY(pxs_collector_database(c->results, c->own, err));
    return pxs_collector_here(c->own, &c->me, err);
}

static enum pxs_status loop(struct pxs_collection *c, struct pxs_error *err) {
    bool over = false;
    while (!over && !pxs_collect_is_stopped(c)) {
        const double now = pxs_monotonic();
        bool round;
        struct pxs_error why;
        keep_claim(c, now);
        const bool collects = c->store != NULL;
        const enum pxs_status status =
            collects ? collect_on(c, now, &round, &why) : follow_on(c, now, &round, &why);
        if (collects && (status != PXS_OK || round))
            note_store(c, status, &why);
        if (status != PXS_OK && !collects)
            return pxs_fail(err, status, "%s", why.message);
        if (pxs_collect_ask(c, now) && collects) {
            pxs_collect_write_jobs(c, NULL);
            const int64_t alive = pxs_collect_jobs_alive(c, c->submitted.plan->sweep);
            if (pxs_collect_waits(c) && alive >= 0 && alive < c->submitted.alive)
                submit_again(c);
        }
        if (round && status == PXS_OK) {
            pxs_collect_say_progress(c);
            over = is_over(c);
        }
        c->changed = (c->wishes && pxs_wishes_look(c->wishes)) || c->changed;
        publish(c, now, false);
        pxs_collect_show_board(c, c->store, now, false);
        if (!over && (c->next >= c->n_runs || c->store_failing))
            poll(NULL, 0, TICK_MS);
    }
    pxs_collect_show_board(c, c->store, pxs_monotonic(), true);
    return PXS_OK;
}

/* What jobs did while no process collected is in the database before the plan asks it what is to be
 * done; runs whose jobs are gone are to be done, and an end that the disk shows later counts when
 * it comes. */
static enum pxs_status catch_up(struct pxs_collection *c, struct pxs_error *err) {
    enum pxs_status status = PXS_OK;
    PXS_TRY(pxs_collect_discover(c, err));
    c->next = 0;
    while (status == PXS_OK && c->store && !pxs_collect_is_stopped(c) &&
           look_on(c, pxs_monotonic(), 0, err, &status))
        keep_claim(c, pxs_monotonic());
    c->next = c->n_runs;
    return status;
}

static bool has_ended_now(const struct pxs_collection *c) {
    for (size_t i = 0; i < c->n_runs; i++)
        for (size_t k = 0; c->runs[i].ended_now && k < c->n_sweeps; k++)
            if (c->sweeps[k].sweep_id == c->runs[i].sweep_id &&
                strcmp(c->sweeps[k].name, c->submitted.plan->sweep) == 0)
                return true;
    return false;
}

static enum pxs_status collect(struct pxs_collection *c, struct pxs_sweep_summary *summary,
                               struct pxs_error *err) {
    PXS_TRY(find_places(c, err));
    PXS_TRY(pxs_check_place(c->results, err));
    PXS_TRY(pxs_check_place(c->folder, err));
    PXS_TRY(become_collector(c, err));
    if (c->store)
        PXS_TRY(catch_up(c, err));
    bool planned;
    struct pxs_error why;
    const enum pxs_status status = submit(c, &planned, &why);
    if (status != PXS_OK && (planned || status == PXS_E_STOPPED || !take_old_plan(c, &why)))
        return pxs_fail(err, status, "%s", why.message);
    const struct pxs_plan *plan = c->submitted.plan;
    if (status == PXS_OK) {
        PXS_TRY(store_plan(c, err));
        const struct pxs_launch_settings *how = pxs_config_launch(plan->config, c->options->on);
        c->look_every = (double)how->look_every;
        c->ask_every = (double)how->ask_every;
    }
    c->round_at = c->published_at = -INFINITY;
    c->asked_at = pxs_monotonic() + FIRST_ASK - c->ask_every;
    if (c->listener->planned && status == PXS_OK)
        c->listener->planned(c->listener->user, plan);
    if (c->store)
        pxs_collect_say(c, PXS_LOG_INFO, "collecting into %s, published as %s%s", c->own, c->copy,
                        c->submitted.runs == 0 ? ""
                                               : "; jobs need nothing of this process (Ctrl-C "
                                                 "leaves them at work)");
    else
        pxs_collect_say(c, PXS_LOG_INFO,
                        "%s; this process follows, and collects when that one has ended, or has "
                        "given no sign of life for %d min (Ctrl-C leaves)",
                        c->other, PXS_CLAIM_LEASE_SECONDS / 60);
    PXS_TRY(loop(c, err));
    size_t at_work, unsettled;
    if (c->store && pxs_collect_count_open(c, &at_work, &unsettled) == 0)
        pxs_collect_write_jobs(c, plan->sweep);
    pxs_wishes_close(&c->wishes, WISH_SECONDS);
    publish(c, pxs_monotonic(), true);
    pxs_collect_summarise(c, summary);
    /* By the process that has seen the last run end, perhaps only in its folder. */
    if (!c->refused[0] && (c->submitted.runs > 0 || has_ended_now(c)) &&
        !pxs_collect_is_stopped(c) && c->store)
        pxs_on_done(c->submitted.plan->how.on_done, c->listener, c->options->sweep->stop, summary);
    if (c->refused[0] && summary->exit_code != 130)
        return pxs_fail(err, PXS_E_INVALID, "%s", c->refused);
    return summary->exit_code == 130
               ? pxs_fail(err, PXS_E_STOPPED,
                          "interrupted; jobs go on, and the same command goes "
                          "on collecting")
               : PXS_OK;
}

/* Commands of this machine write into the own database, too, and look afterwards whether the claim
 * is still held: what was written before that is published. */
static void give_back(struct pxs_collection *c) {
    struct pxs_claim_owner me;
    pxs_claim_owner_here(NULL, 0, &me);
    pxs_claim_release(&c->claim);
    while (c->store && pxs_store_changed_by_others(c->store) &&
           pxs_claim_take(c->folder, &me, &c->claim, NULL) == PXS_OK) {
        c->changed = true;
        publish(c, pxs_monotonic(), true);
        if (c->store)
            pxs_claim_release(&c->claim);
    }
}

enum pxs_status pxs_collect(const struct pxs_submit_options *options,
                            const struct pxs_sweep_listener *listener, pxs_submitted_fn told,
                            void *user, const char *const *wishes,
                            struct pxs_sweep_summary *summary, struct pxs_error *err) {
    static const struct pxs_sweep_listener silent;
    struct pxs_collection c = {.options = options,
                               .listener = listener ? listener : &silent,
                               .told = told,
                               .user = user,
                               .commands = wishes,
                               .began = pxs_monotonic(),
                               .look_every = LOOK_SECONDS,
                               .ask_every = ASK_SECONDS};
    memset(summary, 0, sizeof *summary);
    const enum pxs_status status = collect(&c, summary, err);
    if (status != PXS_OK && !(status == PXS_E_STOPPED && summary->n_total > 0))
        summary->exit_code = status == PXS_E_STOPPED ? 130 : 2;
    pxs_collect_stop_asking(&c);
    pxs_wishes_close(&c.wishes, 0);
    /* What was found before the file was refused; nothing where nothing was submitted yet. */
    if (status != PXS_OK && c.n_sweeps > 0)
        publish(&c, pxs_monotonic(), true);
    if (c.claim.path[0])
        give_back(&c);
    pxs_store_close(&c.store);
    pxs_submitted_finish(&c.submitted);
    pxs_arena_finish(&c.arena);
    free(c.states);
    free(c.sweeps);
    free(c.runs);
    for (size_t i = 0; i < c.n_jobs; i++)
        pxs_launched_finish(&c.jobs[i].list);
    free(c.jobs);
    return status;
}
