/* The board of a sweep as the database tells it, for `watch` in another terminal. Nothing here
 * writes, and each query is a reading transaction by itself, so no other process waits for it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pixsweep/board.h"
#include "pixsweep/launcher.h"
#include "pixsweep/plan.h"
#include "board_texts.h"

/* What a board is made from. */
struct watching {
    struct pxs_table sweep, runs, since, pause;
    struct pxs_store_looks race;
    struct pxs_host here;
    bool copy;          /* a published one */
    bool abandoned;     /* whose collector has ended, here */
    bool several_hosts; /* some run is at work on another machine */
    int64_t *stale;
    size_t n_stale;
    double epoch_seconds; /* of this sweep's epochs so far; NaN = none yet */
};

/* ---- cells ---------------------------------------------------------------------------------- */

static double number(const struct pxs_table *t, size_t row, const char *column) {
    struct pxs_cell cell = pxs_table_at(t, row, column);
    return cell.kind == PXS_CELL_NULL ? NAN : cell.real;
}

static int64_t whole(const struct pxs_table *t, size_t row, const char *column, int64_t otherwise) {
    struct pxs_cell cell = pxs_table_at(t, row, column);
    return cell.kind == PXS_CELL_NULL ? otherwise : cell.integer;
}

static const char *word(const struct pxs_table *t, size_t row, const char *column) {
    const char *text = pxs_table_at(t, row, column).text;
    return text ? text : "";
}

static enum pxs_run_state state_of(const struct watching *w, size_t row) {
    return pxs_state_parse(pxs_table_at(&w->runs, row, "state").text);
}

/* ---- how long ------------------------------------------------------------------------------- */

/* Steps are counted over the whole run, so a position after the first epoch tells how many an epoch
 * has; a completed run does, too. */
static int64_t own_batches(const struct watching *w, size_t row) {
    int64_t epoch = whole(&w->runs, row, "epoch", 0),
            epochs = whole(&w->runs, row, "last_epoch", -1) + 1;
    if (epoch > 0)
        return (whole(&w->runs, row, "step", 0) - whole(&w->runs, row, "batch", 0)) / epoch;
    if (state_of(w, row) == PXS_STATE_COMPLETED && epochs > 0)
        return (whole(&w->runs, row, "last_step", -1) + 1) / epochs;
    return 0;
}

/* Batches an epoch, from the run itself or from another one with the same data and batch size; 0 =
 * not known yet. */
static int64_t batches_of(const struct watching *w, size_t row) {
    const struct pxs_table *t = &w->runs;
    int64_t n = own_batches(w, row);
    for (size_t i = 0; n == 0 && i < t->n_rows; i++)
        if (whole(t, row, "batch_size", 0) == whole(t, i, "batch_size", 0) &&
            strcmp(word(t, row, "dataset"), word(t, i, "dataset")) == 0 &&
            !(fabs(number(t, row, "val_fraction") - number(t, i, "val_fraction")) > 0))
            n = own_batches(w, i);
    return n;
}

/* Over all of the sweep's runs so far; an epoch that is not whole counts by its batches where their
 * number is known. */
static double mean_epoch_seconds(const struct watching *w) {
    double seconds = 0, epochs = 0;
    for (size_t i = 0; i < w->runs.n_rows; i++) {
        int64_t steps = whole(&w->runs, i, "last_step", -1) + 1;
        if (steps == 0 || isnan(number(&w->runs, i, "seconds")))
            continue;
        int64_t batches = batches_of(w, i);
        double done = batches > 0 ? (double)steps / (double)batches
                                  : (double)(whole(&w->runs, i, "last_epoch", -1) + 1);
        if (!(done > 0))
            continue;
        seconds += number(&w->runs, i, "seconds");
        epochs += done;
    }
    return epochs > 0 ? seconds / epochs : NAN;
}

/* Of a run that waits: its epochs at the sweep's mean pace. */
static double expected(const struct watching *w, size_t row) {
    int64_t left =
        whole(&w->runs, row, "n_epochs", 0) - (whole(&w->runs, row, "last_epoch", -1) + 1);
    return w->epoch_seconds * (double)(left > 0 ? left : 0);
}

/* What is left of the runs at work and of those that will be started, spread over as many slots as
 * are busy now. */
static double sweep_eta(const struct watching *w, const struct pxs_watch *out) {
    double sum = 0, longest = 0;
    for (size_t i = 0; i < out->board.n_running; i++) {
        const struct pxs_board_run *r = &out->board.running[i];
        if (r->stale)
            continue;
        double left = isnan(r->eta) ? w->epoch_seconds * (double)r->n_epochs : r->eta;
        sum += left;
        longest = fmax(longest, left);
    }
    for (size_t i = 0; i < w->runs.n_rows; i++)
        if (pxs_state_is_startable(state_of(w, i), true)) {
            sum += expected(w, i);
            longest = fmax(longest, expected(w, i));
        }
    return out->n_live > 0 && isfinite(sum) ? pxs_spread(sum, longest, (int)out->n_live) : NAN;
}

/* ---- jobs on other machines ----------------------------------------------------------------- */

#define JOBS_ARE_NEW_MS 180000 /* they are asked for once a minute */
#define JOBS_FILE_MAX (1 << 20)

/* What the collector has written down of the sweep's jobs; old words of a sweep with nothing to do
 * (`done`) say nothing any more. *alive: there are some. */
static enum pxs_status read_jobs(const char *db, int64_t now_ms, bool done, struct pxs_board *b,
                                 bool *alive, struct pxs_error *err) {
    char folder[PXS_PATH_MAX], path[PXS_PATH_MAX], at[32], *text, *rest;
    size_t bytes;
    if (!pxs_path_dir(folder, sizeof folder, db) ||
        !pxs_path_join(path, sizeof path, folder, PXS_COLLECTOR_DIR "/" PXS_COLLECTOR_JOBS))
        return PXS_OK;
    const enum pxs_status status = pxs_read_file(path, JOBS_FILE_MAX, &text, &bytes, err);
    if (status != PXS_OK) /* there is none, or it cannot be read now */
        return status == PXS_E_NOMEM ? status : PXS_OK;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *when = strchr(line, '\t'), *words = when ? strchr(when + 1, '\t') : NULL;
        int64_t at_ms;
        if (!words || (size_t)(when - line) != strlen(b->sweep) ||
            memcmp(line, b->sweep, strlen(b->sweep)) != 0)
            continue;
        *when++ = *words++ = '\0';
        if (!pxs_parse_int(when, &at_ms) || (done && now_ms - at_ms > JOBS_ARE_NEW_MS))
            continue;
        *alive = strcmp(words, PXS_NO_JOBS) != 0;
        b->jobs_never = *words == PXS_NEVER_MARK;
        words += b->jobs_never;
        if (now_ms - at_ms > JOBS_ARE_NEW_MS) {
            pxs_format_local(at, at_ms, now_ms);
            snprintf(b->jobs, sizeof b->jobs, "at %s: %s", at, words);
        } else
            snprintf(b->jobs, sizeof b->jobs, "%s", words);
    }
    free(text);
    return PXS_OK;
}

/* ---- the board ------------------------------------------------------------------------------ */

static void fill_run(const struct watching *w, size_t row, int64_t now_ms,
                     struct pxs_board_run *r) {
    const struct pxs_table *t = &w->runs;
    *r = (struct pxs_board_run){.epoch = -1, .batch = -1, .eta = NAN};
    for (size_t i = 0; i < w->n_stale; i++)
        r->stale = r->stale || w->stale[i] == whole(t, row, "run_id", 0);
    snprintf(r->name, sizeof r->name, "%s", word(t, row, "name"));
    if (w->several_hosts)
        snprintf(r->host, sizeof r->host, "%s", word(t, row, "host"));
    r->attempt = whole(t, row, "no", 0);
    r->n_epochs = whole(t, row, "n_epochs", 0);
    r->n_batches = batches_of(w, row);
    r->steps = r->n_batches * r->n_epochs;
    /* Before the attempt has begun, the position in the row is that of the attempt before it. */
    if (whole(t, row, "begun", 0) != 0) {
        r->epoch = whole(t, row, "epoch", -1);
        r->epochs_done = whole(t, row, "last_epoch", -1) + 1;
        r->batch = whole(t, row, "batch", -1);
        r->steps_done = whole(t, row, "step", -1) + 1;
    }
    r->loss_G = number(t, row, "loss_G");
    r->loss_D = number(t, row, "loss_D");
    r->lr_G = number(t, row, "lr_G");
    r->val_loss = number(t, row, "val_loss");

    double step_seconds = number(t, row, "step_seconds");
    r->images_per_s =
        step_seconds > 0 && !r->stale ? number(t, row, "batch_size") / step_seconds : NAN;
    double since = (double)(now_ms - whole(t, row, "started_ms", now_ms)) / 1000;
    double steps = (double)(r->steps_done - whole(t, row, "first_step", 0));
    if (r->epoch >= 0 && !r->stale && since > 0 && steps > 0 && r->steps > 0)
        r->eta = since / steps * (double)(r->steps - r->steps_done);
}

/* Of a sweep that is paused: what goes on with it. An event says why, unless a task paused it. */
static void add_pause(const struct watching *w, struct pxs_text *out) {
    const char *message = word(&w->pause, 0, "message");
    const bool told = w->pause.n_rows > 0;
    if (told && strcmp(word(&w->pause, 0, "kind"), "budget") == 0)
        /* what the budget is and what of it is spent */
        pxs_text_addf(out, "%.*s: the same command with a larger budget goes on",
                      (int)strcspn(message, ";"), message);
    else if (!told && w->race.cut)
        pxs_text_add(out, "paused: `pixsweep run` with a larger budget goes on");
    else
        pxs_text_addf(out, "paused: the next `pixsweep run` goes on%s",
                      told ? "" : ", after a spent budget with a larger one");
}

static enum pxs_status fill(struct watching *w, const char *db, int64_t now_ms,
                            struct pxs_watch *out, struct pxs_error *err) {
    struct pxs_board *b = &out->board;
    const bool paused = strcmp(word(&w->sweep, 0, "state"), "paused") == 0;
    struct pxs_board_run *running =
        pxs_arena_alloc(&out->arena, (w->runs.n_rows + 1) * sizeof *running);
    if (!running)
        return pxs_fail_nomem(err);
    b->running = running;
    for (size_t i = 0; i < w->runs.n_rows; i++) {
        const char *host = word(&w->runs, i, "host");
        w->several_hosts = w->several_hosts || (host[0] && strcmp(host, w->here.name) != 0);
    }
    b->now_ms = now_ms;
    snprintf(b->sweep, sizeof b->sweep, "%s", word(&w->sweep, 0, "name"));
    for (size_t i = 0; i < w->runs.n_rows; i++) {
        b->n_total++;
        b->states.of[state_of(w, i)]++;
        if (state_of(w, i) != PXS_STATE_RUNNING)
            continue;
        struct pxs_board_run *r = &running[b->n_running++];
        fill_run(w, i, now_ms, r);
        out->n_stale += r->stale;
        out->n_live += !r->stale;
    }
    w->epoch_seconds = mean_epoch_seconds(w);
    b->eta = sweep_eta(w, out);
    b->elapsed =
        out->n_live > 0 ? (double)now_ms / 1000 - number(&w->since, 0, "started_ms") / 1000 : NAN;

    struct pxs_text race = {0};
    pxs_store_race_words(&w->race, &race);
    snprintf(b->race, sizeof b->race, "%s", pxs_text_str(&race));
    pxs_text_finish(&race);

    const size_t queued = b->states.of[PXS_STATE_QUEUED];
    const char *note = "";
    struct pxs_text pause = {0};
    bool jobs = false;
    if (w->copy)
        PXS_TRY(read_jobs(
            db, now_ms,
            out->n_live + out->n_stale + queued + b->states.of[PXS_STATE_INTERRUPTED] == 0, b,
            &jobs, err));
    if (out->n_stale > 0 && w->abandoned)
        note = "stale: no process works on it any more; the same `pixsweep run FILE --on ...` "
               "ingests it";
    else if (out->n_stale > 0 && w->copy)
        note = "stale: not heard of for five minutes; the next job goes on with it";
    else if (out->n_stale > 0)
        note = "stale: no process works on it any more; `pixsweep reap` or the next `pixsweep run` "
               "ingests it";
    else if (paused) {
        add_pause(w, &pause);
        note = pxs_text_str(&pause);
    } else if (out->n_live == 0 && !jobs && queued + b->states.of[PXS_STATE_INTERRUPTED] > 0) {
        out->idle = true;
        note = b->jobs[0] ? "no job works on it now: the same `pixsweep run FILE --on ...` starts "
                            "what is missing"
                          : "no process works on it now: `pixsweep run` goes on";
    }
    snprintf(b->note, sizeof b->note, "%s", note);
    pxs_text_finish(&pause);
    out->over = out->n_live == 0 && !jobs && (queued == 0 || paused);
    return PXS_OK;
}

static enum pxs_status read_all(struct pxs_store *s, const char *sweep, int64_t now_ms,
                                struct watching *w, struct pxs_error *err) {
    int64_t sweep_id;
    PXS_TRY(pxs_store_find_sweep(s, sweep, &sweep_id, err));
    const struct pxs_cell id = pxs_cell_int(sweep_id);
    pxs_host_detect(&w->here);
    const struct pxs_collector *collector = pxs_store_collector(s);
    w->copy = collector != NULL;
    w->abandoned = collector && pxs_collector_life(collector) == PXS_COLLECTOR_GONE;
    PXS_TRY(pxs_store_select(s, "SELECT name, state FROM sweep WHERE sweep_id = ?1", &id, 1,
                             &w->sweep, err));
    PXS_TRY(pxs_store_select(s, pxs_board_watch_runs_sql, &id, 1, &w->runs, err));
    PXS_TRY(pxs_store_looks(s, sweep_id, &w->race, err));
    PXS_TRY(pxs_store_select(s, pxs_board_watch_since_sql, &id, 1, &w->since, err));
    PXS_TRY(pxs_store_select(s,
                             "SELECT e.kind, e.message FROM event e JOIN run r USING (run_id) "
                             "WHERE r.sweep_id = ?1 AND e.kind IN ('paused', 'budget') "
                             "ORDER BY e.event_id DESC LIMIT 1",
                             &id, 1, &w->pause, err));
    return pxs_store_stale_runs(s, sweep_id, &w->here, now_ms, &w->stale, &w->n_stale, err);
}

enum pxs_status pxs_watch_read(struct pxs_store *s, const char *sweep, int64_t now_ms,
                               struct pxs_watch *out, struct pxs_error *err) {
    struct watching w = {0};
    struct pxs_watch made = {0};
    enum pxs_status status = read_all(s, sweep, now_ms, &w, err);
    if (status == PXS_OK)
        status = fill(&w, pxs_store_path(s), now_ms, &made, err);
    if (status == PXS_OK)
        *out = made;
    else
        pxs_watch_finish(&made);
    pxs_table_finish(&w.sweep);
    pxs_table_finish(&w.runs);
    pxs_table_finish(&w.since);
    pxs_table_finish(&w.pause);
    pxs_store_looks_finish(&w.race);
    free(w.stale);
    return status;
}

void pxs_watch_finish(struct pxs_watch *watch) {
    pxs_arena_finish(&watch->arena);
    memset(watch, 0, sizeof *watch);
}
