/* The board of a sweep as the database tells it, for somebody who looks on from another terminal.
 * Nothing here writes, and each question is a reading transaction of its own, so nobody waits for a
 * watcher. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pixsweep/board.h"
#include "pixsweep/plan.h"
#include "board_texts.h"

/* What is read before it becomes a board. */
struct watching {
    struct pxs_table sweep, runs, since;
    int64_t *stale;
    size_t n_stale;
    double epoch_seconds; /* of this sweep's epochs so far; NaN = none yet */
};

static void finish_reading(struct watching *w) {
    pxs_table_finish(&w->sweep);
    pxs_table_finish(&w->runs);
    pxs_table_finish(&w->since);
    free(w->stale);
}

static enum pxs_status read_all(struct pxs_store *s, const char *sweep, int64_t now_ms,
                                struct watching *w, struct pxs_error *err) {
    int64_t sweep_id;
    struct pxs_host here;
    PXS_TRY(pxs_store_find_sweep(s, sweep, &sweep_id, err));
    const struct pxs_cell id = pxs_cell_int(sweep_id);
    pxs_host_detect(&here);
    PXS_TRY(pxs_store_select(s, "SELECT name, state FROM sweep WHERE sweep_id = ?1", &id, 1,
                             &w->sweep, err));
    PXS_TRY(pxs_store_select(s, pxs_board_watch_runs_sql, &id, 1, &w->runs, err));
    PXS_TRY(pxs_store_select(s, pxs_board_watch_since_sql, &id, 1, &w->since, err));
    return pxs_store_stale_runs(s, sweep_id, &here, now_ms, &w->stale, &w->n_stale, err);
}

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

static bool is_stale(const struct watching *w, size_t row) {
    int64_t id = whole(&w->runs, row, "run_id", 0);
    for (size_t i = 0; i < w->n_stale; i++)
        if (w->stale[i] == id)
            return true;
    return false;
}

/* ---- how long ------------------------------------------------------------------------------- */

/* Steps are counted through, so a position behind the first epoch tells how many make one; a
 * completed run tells, too. */
static int64_t own_batches(const struct watching *w, size_t row) {
    int64_t epoch = whole(&w->runs, row, "epoch", 0),
            epochs = whole(&w->runs, row, "last_epoch", -1) + 1;
    if (epoch > 0)
        return (whole(&w->runs, row, "step", 0) - whole(&w->runs, row, "batch", 0)) / epoch;
    if (state_of(w, row) == PXS_STATE_COMPLETED && epochs > 0)
        return (whole(&w->runs, row, "last_step", -1) + 1) / epochs;
    return 0;
}

static bool same_batches(const struct pxs_table *t, size_t a, size_t b) {
    return whole(t, a, "batch_size", 0) == whole(t, b, "batch_size", 0) &&
           strcmp(word(t, a, "dataset"), word(t, b, "dataset")) == 0 &&
           !(fabs(number(t, a, "val_fraction") - number(t, b, "val_fraction")) > 0);
}

/* Batches an epoch, from the run itself or from another one with the same data and batch size; 0 =
 * not known yet. */
static int64_t batches_of(const struct watching *w, size_t row) {
    int64_t n = own_batches(w, row);
    for (size_t i = 0; n == 0 && i < w->runs.n_rows; i++)
        if (same_batches(&w->runs, row, i))
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

/* What is left of everything that those at work will get to, spread over as many slots as are busy
 * now. */
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

/* ---- the board ------------------------------------------------------------------------------ */

static double run_eta(const struct watching *w, size_t row, const struct pxs_board_run *r,
                      int64_t now_ms) {
    double since = (double)(now_ms - whole(&w->runs, row, "started_ms", now_ms)) / 1000;
    double steps = (double)(r->steps_done - whole(&w->runs, row, "first_step", 0));
    return since > 0 && steps > 0 && r->steps > 0
               ? since / steps * (double)(r->steps - r->steps_done)
               : NAN;
}

static void fill_run(const struct watching *w, size_t row, int64_t now_ms,
                     struct pxs_board_run *r) {
    const struct pxs_table *t = &w->runs;
    bool begun = whole(t, row, "begun", 0) != 0;
    double step_seconds = number(t, row, "step_seconds");
    *r = (struct pxs_board_run){.epoch = -1, .batch = -1, .eta = NAN, .stale = is_stale(w, row)};
    snprintf(r->name, sizeof r->name, "%s", word(t, row, "name"));
    r->attempt = whole(t, row, "no", 0);
    r->n_epochs = whole(t, row, "n_epochs", 0);
    r->n_batches = batches_of(w, row);
    r->steps = r->n_batches * r->n_epochs;
    if (begun) { /* before, what stands there is the attempt's before it */
        r->epoch = whole(t, row, "epoch", -1);
        r->epochs_done = whole(t, row, "last_epoch", -1) + 1;
        r->batch = whole(t, row, "batch", -1);
        r->steps_done = whole(t, row, "step", -1) + 1;
    }
    r->loss_G = number(t, row, "loss_G");
    r->loss_D = number(t, row, "loss_D");
    r->lr_G = number(t, row, "lr_G");
    r->val_loss = number(t, row, "val_loss");
    r->images_per_s =
        step_seconds > 0 && !r->stale ? number(t, row, "batch_size") / step_seconds : NAN;
    if (r->epoch >= 0 && !r->stale)
        r->eta = run_eta(w, row, r, now_ms);
}

static void add_note(const struct watching *w, struct pxs_watch *out) {
    const char *note = "";
    if (out->n_stale > 0)
        note = "stale: nobody works on it any more; `pixsweep reap` or the next `pixsweep run` "
               "ingests it";
    else if (strcmp(word(&w->sweep, 0, "state"), "paused") == 0)
        note = "paused: the next `pixsweep run` goes on";
    else if (out->n_live == 0 &&
             out->board.states.of[PXS_STATE_QUEUED] + out->board.states.of[PXS_STATE_INTERRUPTED] >
                 0)
        note = "nobody works on it now: `pixsweep run` goes on";
    snprintf(out->board.note, sizeof out->board.note, "%s", note);
}

static enum pxs_status fill(struct watching *w, int64_t now_ms, struct pxs_watch *out,
                            struct pxs_error *err) {
    struct pxs_board *b = &out->board;
    struct pxs_board_run *running =
        pxs_arena_alloc(&out->arena, (w->runs.n_rows + 1) * sizeof *running);
    if (!running)
        return pxs_fail_nomem(err);
    b->running = running;
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
    add_note(w, out);
    out->over = out->n_live == 0 && (b->states.of[PXS_STATE_QUEUED] == 0 ||
                                     strcmp(word(&w->sweep, 0, "state"), "paused") == 0);
    return PXS_OK;
}

enum pxs_status pxs_watch_read(struct pxs_store *s, const char *sweep, int64_t now_ms,
                               struct pxs_watch *out, struct pxs_error *err) {
    struct watching w = {0};
    struct pxs_watch made = {0};
    enum pxs_status status = read_all(s, sweep, now_ms, &w, err);
    if (status == PXS_OK)
        status = fill(&w, now_ms, &made, err);
    finish_reading(&w);
    if (status == PXS_OK)
        *out = made;
    else
        pxs_watch_finish(&made);
    return status;
}

void pxs_watch_finish(struct pxs_watch *watch) {
    pxs_arena_finish(&watch->arena);
    memset(watch, 0, sizeof *watch);
}
