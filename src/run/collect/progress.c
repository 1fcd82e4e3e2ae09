/* What a collector tells: what became of the plan's runs, while it goes on and at its end. */
#include <stdlib.h>
#include <string.h>

#include "collect_priv.h"

#define BOARD_SECONDS 1.0

void pxs_collect_say(struct pxs_collection *c, enum pxs_log_level level, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    pxs_sayv(c->listener, level, fmt, ap);
    va_end(ap);
}

/* ---- what became of the plan's runs --------------------------------------------------------- */

/* NULL where it is not followed. */
static const struct pxs_followed *followed(const struct pxs_collection *c, int64_t run_id) {
    for (size_t i = 0; i < c->n_runs; i++)
        if (c->runs[i].run_id == run_id)
            return &c->runs[i];
    return NULL;
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

/* How the race has ended; nothing where it goes on. */
static void add_race_end(const struct pxs_plan *plan, struct pxs_text *out) {
    const struct pxs_race_course *course = &plan->course;
    if (plan->race.on && !pxs_race_goes_on(plan))
        pxs_race_words_now(&plan->race.rule, &course->last, plan->n_configurations, false, 0, out);
}

/* What tasks have judged since. */
static enum pxs_status look_at_race(struct pxs_collection *c, struct pxs_store *store, bool first,
                                    struct pxs_error *err) {
    struct pxs_plan *plan = c->submitted.plan;
    const size_t before = plan->course.judged;
    char dir[PXS_PATH_MAX];
    int64_t sweep_id;
    bool more = plan->race.on;
    if (first)
        PXS_TRY(pxs_plan_read_race(plan, err));
    while (more) {
        PXS_TRY(pxs_race_course_next(plan, &more, err));
        if (!more)
            break;
        struct pxs_text words = {0};
        pxs_race_words_look(&plan->course.last, &words);
        pxs_collect_say(c, PXS_LOG_INFO, "race: %s", pxs_text_str(&words));
        pxs_text_clear(&words);
        add_race_end(plan, &words);
        if (words.len > 0)
            pxs_collect_say(c, PXS_LOG_INFO, "race: %s", pxs_text_str(&words));
        pxs_text_finish(&words);
    }
    if (!plan->race.on || !c->store || store != c->store ||
        (!first && plan->course.judged == before) ||
        !pxs_path_join(dir, sizeof dir, plan->results, plan->sweep) ||
        pxs_store_find_sweep(store, plan->sweep, &sweep_id, err) != PXS_OK)
        return PXS_OK;
    PXS_TRY(pxs_race_ingest(store, sweep_id, dir, err));
    c->changed = true;
    return PXS_OK;
}

enum pxs_status pxs_collect_look_at_plan(struct pxs_collection *c, struct pxs_store *store,
                                         struct pxs_error *err) {
    struct pxs_plan *plan = c->submitted.plan;
    struct pxs_store_plan found = {0};
    struct pxs_store_plan_run *rows = calloc(plan->n + 1, sizeof *rows);
    const bool first = c->states == NULL;
    PXS_TRY(look_at_race(c, store, first, err));
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
        /* Without a row it is removed, or not in the other collector's copy yet. */
        const enum pxs_run_state missing =
            plan->runs[i].run_id != 0 ? PXS_STATE_REMOVED : PXS_STATE_QUEUED;
        const enum pxs_run_state was = c->states[i];
        enum pxs_run_state state = rows[i].run_id ? rows[i].state : missing;
        if (rows[i].run_id)
            plan->runs[i].run_id = rows[i].run_id;
        if (pxs_plan_will_run(plan, state) && !pxs_race_needs(plan, i))
            state = PXS_STATE_NOT_NEEDED; /* its row stays queued */
        plan->runs[i].state = c->states[i] = state;
        if (first || state == was || state == PXS_STATE_NOT_NEEDED)
            continue;
        const struct pxs_followed *run = followed(c, rows[i].run_id);
        c->n_completed_now += state == PXS_STATE_COMPLETED;
        struct pxs_text line = {0};
        pxs_text_addf(&line, "%s: %s", plan->runs[i].name, pxs_state_name(state));
        if (state == PXS_STATE_COMPLETED)
            add_best(store, rows[i].run_id, &line);
        if (state == PXS_STATE_RUNNING && run && run->at_work && run->host[0])
            pxs_text_addf(&line, " on %s", run->host);
        pxs_collect_say(c, state == PXS_STATE_FAILED ? PXS_LOG_WARN : PXS_LOG_INFO, "%s",
                        pxs_text_str(&line));
        pxs_text_finish(&line);
    }
    pxs_store_plan_finish(&found);
    free(rows);
    return status;
}

size_t pxs_collect_count_open(const struct pxs_collection *c, size_t *at_work, size_t *unsettled) {
    const struct pxs_plan *plan = c->submitted.plan;
    size_t open = 0;
    *at_work = *unsettled = 0;
    for (size_t i = 0; i < plan->n; i++) {
        const struct pxs_followed *run = followed(c, plan->runs[i].run_id);
        const enum pxs_run_state state = plan->runs[i].state;
        const bool works = run && run->at_work;
        open += works || state == PXS_STATE_RUNNING || pxs_plan_will_run(plan, state);
        *unsettled += run && !run->settled;
        *at_work += works;
    }
    /* The task that has ended the last run judges the look behind it. */
    return open > 0 ? open : pxs_race_goes_on(plan);
}

/* ---- telling -------------------------------------------------------------------------------- */

void pxs_collect_show_board(struct pxs_collection *c, struct pxs_store *store, double now,
                            bool final) {
    struct pxs_watch watch;
    struct pxs_error err;
    struct pxs_text jobs = {0};
    bool never;
    if (!c->listener->board || !store || (!final && now - c->board_at < BOARD_SECONDS))
        return;
    c->board_at = now;
    if (pxs_watch_read(store, c->submitted.plan->sweep, pxs_now_ms(), &watch, &err) != PXS_OK)
        return;
    size_t at_work, unsettled;
    const bool over = pxs_collect_count_open(c, &at_work, &unsettled) == 0;
    if (!over && pxs_collect_jobs_words(c, c->submitted.plan->sweep, &jobs, &never)) {
        snprintf(watch.board.jobs, sizeof watch.board.jobs, "%s", pxs_text_str(&jobs));
        watch.board.jobs_never = never;
    }
    /* What runs is known here by claims, and by the launcher; a look tells how it ended. */
    snprintf(watch.board.note, sizeof watch.board.note, "%s",
             watch.n_stale > 0 ? "stale: its process has ended or is not heard of; the next looks "
                                 "at its folder tell more"
                               : "");
    if (c->launcher_trouble[0])
        snprintf(watch.board.note, sizeof watch.board.note, "%.150s", c->launcher_trouble);
    pxs_text_finish(&jobs);
    watch.board.leaving = pxs_collect_is_stopped(c);
    c->listener->board(c->listener->user, &watch.board);
    pxs_watch_finish(&watch);
}

void pxs_collect_say_progress(struct pxs_collection *c) {
    const struct pxs_plan *plan = c->submitted.plan;
    size_t at_work, unsettled, done = 0, running = 0;
    struct pxs_text words = {0}, jobs = {0};
    bool never = false;
    if (c->listener->board)
        return;
    const size_t open = pxs_collect_count_open(c, &at_work, &unsettled);
    for (size_t i = 0; i < plan->n; i++) {
        done += pxs_state_is_done(plan->runs[i].state);
        running += plan->runs[i].state == PXS_STATE_RUNNING;
    }
    pxs_text_addf(&words, "%s: %zu of %zu runs done, %zu at work", plan->sweep, done, plan->n,
                  c->store ? at_work : running);
    if (open > 0 && pxs_collect_jobs_words(c, plan->sweep, &jobs, &never))
        pxs_text_addf(&words, "; %s", pxs_text_str(&jobs));
    if (pxs_collect_waits(c))
        pxs_text_addf(&words, "; %zu wait for a job of before to end%s%s%s", c->submitted.runs_new,
                      c->submitted.bound ? " (" : "", c->submitted.bound ? c->submitted.bound : "",
                      c->submitted.bound ? ")" : "");
    if (!words.failed && strcmp(pxs_text_str(&words), c->said) != 0) {
        snprintf(c->said, sizeof c->said, "%s", pxs_text_str(&words));
        pxs_collect_say(c, never ? PXS_LOG_WARN : PXS_LOG_INFO, "%s", c->said);
    }
    pxs_text_finish(&jobs);
    pxs_text_finish(&words);
}

void pxs_collect_write_jobs(struct pxs_collection *c, const char *over) {
    struct pxs_text text = {0};
    struct pxs_error err;
    char path[PXS_PATH_MAX];
    for (size_t i = 0; i < c->n_sweeps; i++) {
        struct pxs_text words = {0};
        bool never;
        if ((!over || strcmp(c->sweeps[i].name, over) != 0) &&
            pxs_collect_jobs_words(c, c->sweeps[i].name, &words, &never))
            pxs_text_addf(&text, "%s\t%lld\t%s%s\n", c->sweeps[i].name, (long long)pxs_now_ms(),
                          never ? (const char[]){PXS_NEVER_MARK, '\0'} : "", pxs_text_str(&words));
        pxs_text_finish(&words);
    }
    if (pxs_path_join(path, sizeof path, c->folder, PXS_COLLECTOR_JOBS) &&
        pxs_write_file(path, pxs_text_str(&text), text.len, &err) != PXS_OK)
        pxs_log(c->options->sweep->logger, PXS_LOG_DEBUG, "%s", err.message);
    pxs_text_finish(&text);
}

/* ---- the end -------------------------------------------------------------------------------- */

bool pxs_collect_waits(const struct pxs_collection *c) {
    return c->submitted.runs_new > 0 && c->submitted.count == 0;
}

static bool is_paused(const char *sweep, struct pxs_store *store) {
    int64_t sweep_id;
    char state[16];
    struct pxs_error err;
    return store && pxs_store_find_sweep(store, sweep, &sweep_id, &err) == PXS_OK &&
           pxs_store_get_sweep_state(store, sweep_id, state, &err) == PXS_OK &&
           strcmp(state, "paused") == 0;
}

void pxs_collect_summarise(struct pxs_collection *c, struct pxs_sweep_summary *out) {
    struct pxs_plan *plan = c->submitted.plan;
    struct pxs_store *copy = NULL, *store = c->store;
    struct pxs_error err;
    if (!store && pxs_store_open_readonly(c->copy, &copy, &err) == PXS_OK)
        store = copy;
    snprintf(out->sweep, sizeof out->sweep, "%s", plan->sweep);
    snprintf(out->db, sizeof out->db, "%s", c->copy);
    snprintf(out->results, sizeof out->results, "%s", plan->results);
    out->where = pxs_plan_condition(plan, &out->arena);
    out->seconds = pxs_monotonic() - c->began;
    out->n_completed_now = c->n_completed_now;
    out->problems = pxs_arena_alloc(&out->arena, (plan->n + 1) * sizeof *out->problems);
    for (size_t i = 0; i < plan->n; i++) {
        struct pxs_plan_run *run = &plan->runs[i];
        run->state = c->states ? c->states[i] : run->state;
        out->states.of[run->state]++;
        if (pxs_state_is_done(run->state) || run->state == PXS_STATE_REMOVED || !out->problems)
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
    out->n_total = plan->n - of[PXS_STATE_REMOVED];
    const size_t open =
        out->n_total - of[PXS_STATE_COMPLETED] - of[PXS_STATE_PRUNED] - of[PXS_STATE_NOT_NEEDED];
    struct pxs_text verdict = {0};
    add_race_end(plan, &verdict);
    out->verdict = pxs_arena_strdup(&out->arena, pxs_text_str(&verdict));
    pxs_text_finish(&verdict);
    out->remedy = "";
    if (pxs_collect_is_stopped(c) &&
        of[PXS_STATE_QUEUED] + of[PXS_STATE_INTERRUPTED] + of[PXS_STATE_RUNNING])
        out->remedy = "jobs go on without this process; the same command goes on collecting";
    else if (paused)
        out->remedy =
            "the sweep is paused; the same command goes on, after a spent budget with a larger one";
    else if (of[PXS_STATE_QUEUED] + of[PXS_STATE_INTERRUPTED] > 0)
        out->remedy = c->refused[0] ? "no job is left for them, and nothing was submitted"
                                    : "no job is left for them; the same command submits them";
    else if (open == 0 && pxs_race_goes_on(plan))
        out->remedy = "no job has judged the last look of the race; the same command with --on "
                      "here does";
    else if (open > 0) {
        out->remedy = "failed, diverged and cancelled runs are left as they are";
        out->retry = "queues them again, and the same command submits them";
    } else if (!out->recorded)
        out->remedy = pxs_arena_printf(&out->arena,
                                       "all of it is in %s, which could not be published; the same "
                                       "command publishes it",
                                       c->own);
    out->by_jobs = true;
    out->remedy = out->remedy ? out->remedy : "";
    out->exit_code = pxs_collect_is_stopped(c) && open > 0                  ? 130
                     : open > 0 || !out->recorded || pxs_race_goes_on(plan) ? 1
                                                                            : 0;
}
