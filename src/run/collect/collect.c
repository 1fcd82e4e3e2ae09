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
#define FIRST_ASK 3.0 /* after submitting: what is wrong with the jobs is told soon */
#define BOARD_SECONDS 1.0
#define WISH_SECONDS 10.0 /* at the end, for the command that is being carried out */

void pxs_collect_say(struct pxs_collection *c, enum pxs_log_level level, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    pxs_sayv(c->listener, level, fmt, ap);
    va_end(ap);
}

static bool is_stopped(const struct pxs_collection *c) {
    const struct pxs_stop *stop = c->options->sweep->stop;
    return stop && atomic_load(&stop->signal) != 0;
}

/* A sweep that has just begun is looked at more often: a short one is over soon. */
static double look_every(const struct pxs_collection *c, double now) {
    return fmin(c->look_every, fmax(1, (now - c->began) / 10));
}

/* ---- whose place it is ---------------------------------------------------------------------- */

/* Takes the claim and opens the own database. Another collector is no error: `store` stays NULL and
 * `other` says who it is. */
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
        return pxs_fail(err, PXS_E_INVALID, "%s", err->message);
    }
    c->changed = !pxs_store_is_published(c->copy);
    return PXS_OK;
}

/* Nothing more is published. What it has ingested, the other collector ingests from the folders. */
static void lose_claim(struct pxs_collection *c, const struct pxs_error *why) {
    pxs_collect_say(c, PXS_LOG_WARN, "another process collects now: %s", why->message);
    pxs_wishes_close(&c->wishes, 0);
    pxs_store_close(&c->store);
    c->claim.path[0] = '\0';
    snprintf(c->other, sizeof c->other, "%.500s", why->message);
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
    c->changed = status != PXS_OK;
    if (status != PXS_OK && !c->publish_failing)
        pxs_collect_say(c, PXS_LOG_WARN, "%s cannot be published now; trying again: %s", c->copy,
                        err.message);
    if (status == PXS_OK && c->publish_failing)
        pxs_collect_say(c, PXS_LOG_INFO, "%s is published again", c->copy);
    c->publish_failing = status != PXS_OK;
}

/* ---- submitting ----------------------------------------------------------------------------- */

static enum pxs_status submit(struct pxs_collection *c, struct pxs_error *err) {
    struct pxs_sweep_options sweep = *c->options->sweep;
    struct pxs_submit_options options = *c->options;
    sweep.db = c->store ? c->own : c->copy;
    options.sweep = &sweep;
    pxs_submitted_finish(&c->submitted);
    memset(&c->submitted, 0, sizeof c->submitted);
    const enum pxs_status status = pxs_submit(&options, &c->submitted, err);
    if (status != PXS_OK)
        return status;
    if (c->told)
        c->told(c->user, &c->submitted);
    c->records_since_submitted = 0;
    return PXS_OK;
}

/* The plan's runs get their rows, in the place of what a submission's file says of them. */
static enum pxs_status store_plan(struct pxs_collection *c, struct pxs_error *err) {
    struct pxs_plan *plan = c->submitted.plan;
    int64_t *numbers, sweep_id;
    size_t n;
    if (!c->store)
        return PXS_OK;
    PXS_TRY(pxs_plan_store(plan, c->store, &sweep_id, err));
    PXS_TRY(pxs_submission_numbers(c->results, plan->sweep, &numbers, &n, err));
    struct pxs_followed_sweep *sweep = pxs_collect_sweep(c, plan->sweep);
    if (sweep) {
        sweep->sweep_id = sweep_id;
        sweep->number = n > 0 ? numbers[n - 1] : 0;
    }
    free(numbers);
    c->changed = true;
    return sweep ? PXS_OK : pxs_fail_nomem(err);
}

/* ---- what became of the plan's runs --------------------------------------------------------- */

static bool is_at_work(const struct pxs_collection *c, int64_t run_id, const char **host) {
    for (size_t i = 0; i < c->n_runs; i++)
        if (c->runs[i].run_id == run_id) {
            *host = c->runs[i].host;
            return c->runs[i].at_work;
        }
    return false;
}

/* ", best validation loss 0.9329 in epoch 1"; "" where there is none. */
static void add_best(struct pxs_store *store, int64_t run_id, struct pxs_text *out) {
    struct pxs_table t = {0};
    const struct pxs_cell id = pxs_cell_int(run_id);
    if (pxs_store_select(store,
                         "SELECT best_val_loss, best_epoch FROM run_summary WHERE run_id = ?1 "
                         "AND best_val_loss IS NOT NULL",
                         &id, 1, &t, NULL) == PXS_OK &&
        t.n_rows == 1)
        pxs_text_addf(out, ", best validation loss %.4g in epoch %lld",
                      pxs_table_at(&t, 0, "best_val_loss").real,
                      (long long)pxs_table_at(&t, 0, "best_epoch").integer);
    pxs_table_finish(&t);
}

/* Tells what has changed; counts. In the order of the plan. */
static enum pxs_status look_at_plan(struct pxs_collection *c, struct pxs_store *store,
                                    struct pxs_error *err) {
    struct pxs_plan *plan = c->submitted.plan;
    struct pxs_store_plan found = {0};
    struct pxs_store_plan_run *rows = calloc(plan->n + 1, sizeof *rows);
    const bool first = c->states == NULL;
    if (first)
        c->states = calloc(plan->n + 1, sizeof *c->states);
    enum pxs_status status = rows && c->states ? PXS_OK : pxs_fail_nomem(err);
    for (size_t i = 0; i < plan->n && status == PXS_OK; i++) {
        memcpy(rows[i].config_hash, plan->runs[i].config_hash, sizeof rows[i].config_hash);
        rows[i].seed = plan->runs[i].seed;
    }
    if (status == PXS_OK)
        status = pxs_store_lookup(store, plan->sweep, rows, plan->n, &found, err);
    for (size_t i = 0; i < plan->n && status == PXS_OK; i++) {
        const enum pxs_run_state state = rows[i].run_id ? rows[i].state : PXS_STATE_QUEUED,
                                 was = c->states[i];
        const char *host = "";
        plan->runs[i].run_id = rows[i].run_id;
        plan->runs[i].state = c->states[i] = state;
        if (first || state == was)
            continue;
        c->n_completed_now += state == PXS_STATE_COMPLETED;
        struct pxs_text line = {0};
        pxs_text_addf(&line, "%s: %s", plan->runs[i].name, pxs_state_name(state));
        if (state == PXS_STATE_COMPLETED)
            add_best(store, rows[i].run_id, &line);
        if (state == PXS_STATE_RUNNING && is_at_work(c, rows[i].run_id, &host) && host[0])
            pxs_text_addf(&line, " on %s", host);
        pxs_collect_say(c, state == PXS_STATE_FAILED ? PXS_LOG_WARN : PXS_LOG_INFO, "%s",
                        pxs_text_str(&line));
        pxs_text_finish(&line);
    }
    pxs_store_plan_finish(&found);
    free(rows);
    return status;
}

/* Runs that are not over, and those of them that some process works on. */
static size_t count_open(const struct pxs_collection *c, size_t *at_work, size_t *unsettled,
                         size_t *hosts) {
    const struct pxs_plan *plan = c->submitted.plan;
    const char **seen = calloc(plan->n + 1, sizeof *seen);
    size_t open = 0;
    *at_work = *unsettled = *hosts = 0;
    for (size_t i = 0; i < plan->n; i++) {
        const struct pxs_followed *run = NULL;
        for (size_t k = 0; k < c->n_runs && !run; k++)
            if (c->runs[k].run_id == plan->runs[i].run_id)
                run = &c->runs[k];
        const enum pxs_run_state state = plan->runs[i].state;
        const bool works = run && run->at_work;
        open += works || state == PXS_STATE_RUNNING || pxs_plan_will_run(plan, state);
        *unsettled += run && !run->settled;
        *at_work += works;
        size_t k = 0;
        while (works && seen && k < *hosts && strcmp(seen[k], run->host) != 0)
            k++;
        if (works && seen && k == *hosts)
            seen[(*hosts)++] = run->host;
    }
    free(seen);
    return open;
}

/* ---- telling -------------------------------------------------------------------------------- */

static void show_board(struct pxs_collection *c, struct pxs_store *store, double now, bool final) {
    struct pxs_watch watch;
    struct pxs_error err;
    struct pxs_text jobs = {0};
    bool never;
    if (!c->listener->board || !store || (!final && now - c->board_at < BOARD_SECONDS))
        return;
    c->board_at = now;
    if (pxs_watch_read(store, c->submitted.plan->sweep, pxs_now_ms(), &watch, &err) != PXS_OK)
        return;
    if (pxs_collect_jobs_words(c, c->submitted.plan->sweep, &jobs, &never)) {
        snprintf(watch.board.jobs, sizeof watch.board.jobs, "%s", pxs_text_str(&jobs));
        watch.board.jobs_never = never;
    }
    /* What runs is known here by claims, and by the launcher. */
    if (watch.n_stale == 0)
        watch.board.note[0] = '\0';
    if (c->launcher_trouble[0])
        snprintf(watch.board.note, sizeof watch.board.note, "%.150s", c->launcher_trouble);
    pxs_text_finish(&jobs);
    watch.board.stopping = is_stopped(c);
    c->listener->board(c->listener->user, &watch.board);
    pxs_watch_finish(&watch);
}

/* One line where there is no board, and only where it says something new. */
static void say_progress(struct pxs_collection *c) {
    const struct pxs_plan *plan = c->submitted.plan;
    size_t at_work, unsettled, hosts, done = 0, running = 0;
    struct pxs_text words = {0};
    bool never;
    if (c->listener->board)
        return;
    count_open(c, &at_work, &unsettled, &hosts);
    for (size_t i = 0; i < plan->n; i++) {
        done += pxs_state_is_done(plan->runs[i].state);
        running += plan->runs[i].state == PXS_STATE_RUNNING;
    }
    pxs_text_addf(&words, "%s: %zu of %zu runs done, %zu at work", plan->sweep, done, plan->n,
                  c->store ? at_work : running);
    if (hosts > 0)
        pxs_text_addf(&words, " on %zu node%s", hosts, hosts == 1 ? "" : "s");
    pxs_text_add(&words, "; ");
    if (!pxs_collect_jobs_words(c, plan->sweep, &words, &never))
        words.text[words.len -= 2] = '\0';
    if (!words.failed && strcmp(pxs_text_str(&words), c->said) != 0) {
        snprintf(c->said, sizeof c->said, "%s", pxs_text_str(&words));
        pxs_collect_say(c, never ? PXS_LOG_WARN : PXS_LOG_INFO, "%s", c->said);
    }
    pxs_text_finish(&words);
}

/* For `watch`, wherever it is called. What cannot be written is written the next time. */
static void write_jobs(struct pxs_collection *c) {
    struct pxs_text text = {0};
    struct pxs_error err;
    char path[PXS_PATH_MAX];
    for (size_t i = 0; i < c->n_sweeps; i++) {
        struct pxs_text words = {0};
        bool never;
        if (pxs_collect_jobs_words(c, c->sweeps[i].name, &words, &never))
            pxs_text_addf(&text, "%s\t%lld\t%s%s\n", c->sweeps[i].name, (long long)pxs_now_ms(),
                          never ? (const char[]){PXS_NEVER_MARK, '\0'} : "", pxs_text_str(&words));
        pxs_text_finish(&words);
    }
    if (pxs_path_join(path, sizeof path, c->folder, PXS_COLLECTOR_JOBS) &&
        pxs_write_file(path, pxs_text_str(&text), text.len, &err) != PXS_OK)
        pxs_log(c->options->sweep->logger, PXS_LOG_DEBUG, "%s", err.message);
    pxs_text_finish(&text);
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

/* Runs of this round, for a slice of time. False once the round is done. */
static bool look_on(struct pxs_collection *c, double now, struct pxs_error *err,
                    enum pxs_status *status) {
    const double until = pxs_monotonic() + SLICE_SECONDS;
    *status = PXS_OK;
    while (c->next < c->n_runs) {
        struct pxs_followed *run = &c->runs[c->next];
        struct pxs_looked looked = {0};
        if (run->state != PXS_STATE_COMPLETED || !run->settled) {
            *status = pxs_follow(c->store, run, now, QUIET_ROUNDS * c->look_every, &looked, err);
            if (*status != PXS_OK)
                return true;
        }
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
static enum pxs_status mirror(struct pxs_collection *c, struct pxs_error *err) {
    for (size_t i = 0; i < c->n_sweeps; i++) {
        struct pxs_mirrored told;
        if (c->sweeps[i].sweep_id == 0)
            continue;
        PXS_TRY(pxs_submissions_mirror(c->store, c->results, c->sweeps[i].sweep_id, &told, err));
        if (!told.paused)
            continue;
        c->changed = true;
        pxs_collect_say(c, PXS_LOG_WARN, "%s: %s", c->sweeps[i].name, told.reason);
    }
    return PXS_OK;
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
    if (look_on(c, now, err, &status))
        return status;
    PXS_TRY(beat(c, err));
    PXS_TRY(mirror(c, err));
    PXS_TRY(look_at_plan(c, c->store, err));
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
    PXS_TRY(become_collector(c, err));
    if (c->store) {
        pxs_collect_say(c, PXS_LOG_INFO, "the other process has ended; collecting from here on");
        return store_plan(c, err);
    }
    struct pxs_error why;
    if (pxs_store_open_readonly(c->copy, &copy, &why) != PXS_OK)
        return PXS_OK; /* not published yet */
    const enum pxs_status status = look_at_plan(c, copy, err);
    show_board(c, copy, now, true);
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

/* After a round: every run is over, or no job is left for those that are not. */
static enum pxs_status is_over(struct pxs_collection *c, bool *over, struct pxs_error *err) {
    size_t at_work, unsettled, hosts;
    const size_t open = count_open(c, &at_work, &unsettled, &hosts);
    *over = open == 0;
    if (open == 0 || !c->store || at_work > 0 || unsettled > 0 ||
        !pxs_collect_jobs_gone(c, c->submitted.plan->sweep))
        return PXS_OK;
    if (take_again_mark(c) && c->records_since_submitted > 0) {
        pxs_collect_say(c, PXS_LOG_INFO,
                        "the time of all jobs was up and %zu run%s left: submitting again", open,
                        open == 1 ? " is" : "s are");
        PXS_TRY(submit(c, err));
        free(c->states);
        c->states = NULL;
        return store_plan(c, err);
    }
    *over = true;
    return PXS_OK;
}

static bool is_paused(const char *sweep, struct pxs_store *store) {
    int64_t sweep_id;
    char state[16];
    struct pxs_error err;
    return store && pxs_store_find_sweep(store, sweep, &sweep_id, &err) == PXS_OK &&
           pxs_store_get_sweep_state(store, sweep_id, state, &err) == PXS_OK &&
           strcmp(state, "paused") == 0;
}

static void summarise(struct pxs_collection *c, struct pxs_sweep_summary *out) {
    struct pxs_plan *plan = c->submitted.plan;
    struct pxs_store *copy = NULL, *store = c->store;
    struct pxs_error err;
    if (!store && pxs_store_open_readonly(c->copy, &copy, &err) == PXS_OK)
        store = copy;
    snprintf(out->sweep, sizeof out->sweep, "%s", plan->sweep);
    snprintf(out->db, sizeof out->db, "%s", c->copy);
    snprintf(out->results, sizeof out->results, "%s", plan->results);
    out->seconds = pxs_monotonic() - c->began;
    out->n_total = plan->n;
    out->n_completed_now = c->n_completed_now;
    out->problems = pxs_arena_alloc(&out->arena, (plan->n + 1) * sizeof *out->problems);
    for (size_t i = 0; i < plan->n; i++) {
        struct pxs_plan_run *run = &plan->runs[i];
        run->state = c->states ? c->states[i] : run->state;
        out->states.of[run->state]++;
        if (pxs_state_is_done(run->state) || !out->problems)
            continue;
        struct pxs_sweep_problem *p = &out->problems[out->n_problems++];
        snprintf(p->name, sizeof p->name, "%s", run->name);
        p->state = run->state;
        const char *reason = run->state == PXS_STATE_RUNNING ? "a job works on it"
                             : store ? pxs_run_reason(store, run->run_id, run->state, &out->arena)
                                     : NULL;
        p->reason = reason ? reason : "not started";
    }
    out->recorded = store && !c->store_failing && !c->changed;
    const bool paused = is_paused(plan->sweep, store);
    pxs_store_close(&copy);
    const size_t *of = out->states.of;
    const size_t open = plan->n - of[PXS_STATE_COMPLETED] - of[PXS_STATE_PRUNED];
    out->remedy = "";
    if (is_stopped(c) && of[PXS_STATE_QUEUED] + of[PXS_STATE_INTERRUPTED] + of[PXS_STATE_RUNNING])
        out->remedy = "jobs go on without this process; the same command goes on collecting";
    else if (paused)
        out->remedy = "the sweep is paused; the same command goes on";
    else if (of[PXS_STATE_QUEUED] + of[PXS_STATE_INTERRUPTED] > 0)
        out->remedy = "no job is left for them; the same command submits them";
    else if (open > 0)
        out->remedy = "failed, diverged and cancelled runs are left as they are: `pixsweep retry "
                      "SWEEP` queues them again, and the same command submits them";
    out->exit_code = is_stopped(c) && open > 0 ? 130 : open > 0 || !out->recorded ? 1 : 0;
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
    while (!over && !is_stopped(c)) {
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
        if (pxs_collect_ask(c, now) && collects)
            write_jobs(c);
        if (round && status == PXS_OK) {
            say_progress(c);
            PXS_TRY(is_over(c, &over, err));
        }
        c->changed = (c->wishes && pxs_wishes_look(c->wishes)) || c->changed;
        publish(c, now, false);
        show_board(c, c->store, now, false);
        if (!over && (c->next >= c->n_runs || c->store_failing))
            poll(NULL, 0, TICK_MS);
    }
    show_board(c, c->store, pxs_monotonic(), true);
    return PXS_OK;
}

static enum pxs_status collect(struct pxs_collection *c, struct pxs_sweep_summary *summary,
                               struct pxs_error *err) {
    PXS_TRY(find_places(c, err));
    PXS_TRY(become_collector(c, err));
    PXS_TRY(submit(c, err));
    PXS_TRY(store_plan(c, err));
    const struct pxs_plan *plan = c->submitted.plan;
    const struct pxs_launch_settings *how = pxs_config_launch(plan->config, c->options->on);
    c->look_every = how->look_every > 0 ? (double)how->look_every : LOOK_SECONDS;
    c->ask_every = how->ask_every > 0 ? (double)how->ask_every : ASK_SECONDS;
    c->round_at = c->published_at = -INFINITY;
    c->asked_at = pxs_monotonic() + FIRST_ASK - c->ask_every;
    if (c->listener->planned)
        c->listener->planned(c->listener->user, plan);
    if (c->store)
        pxs_collect_say(c, PXS_LOG_INFO,
                        "collecting into %s, published as %s; jobs need nothing "
                        "of this process (Ctrl-C leaves them at work)",
                        c->own, c->copy);
    else
        pxs_collect_say(c, PXS_LOG_INFO,
                        "%s; this process follows, and collects when that one has ended (Ctrl-C "
                        "leaves)",
                        c->other);
    PXS_TRY(loop(c, err));
    pxs_wishes_close(&c->wishes, WISH_SECONDS);
    publish(c, pxs_monotonic(), true);
    summarise(c, summary);
    if (c->submitted.runs > 0 && !is_stopped(c) && c->store)
        pxs_on_done(plan->how.on_done, c->listener, c->options->sweep->stop, summary);
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
                               .began = pxs_monotonic()};
    memset(summary, 0, sizeof *summary);
    const enum pxs_status status = collect(&c, summary, err);
    if (status != PXS_OK && !(status == PXS_E_STOPPED && summary->n_total > 0))
        summary->exit_code = status == PXS_E_STOPPED ? 130 : 2;
    pxs_collect_stop_asking(&c);
    pxs_wishes_close(&c.wishes, 0);
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
