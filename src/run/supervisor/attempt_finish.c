/* The end of an attempt: verdict, what comes next, ends.txt, words. */
#include <math.h>
#include <signal.h>
#include <string.h>

#include "supervisor_priv.h"

/* Crashes and timeouts have budgets of their own. "it is tried again ..." or "given up ..." goes
 * behind the message. */
static bool spend_budget(struct pxs_supervisor *s, const struct pxs_slot *slot,
                         struct pxs_verdict *v) {
    const struct pxs_super_run *run = &s->runs[slot->run];
    const bool timed_out = v->reason == PXS_REASON_TIMEOUT;
    const int64_t used = timed_out ? run->timeouts : run->crashes;
    size_t len = strlen(v->message);
    if (used < s->plan->how.retries)
        snprintf(v->message + len, sizeof v->message - len,
                 "; it is tried again (retry %lld of %lld%s)", (long long)(used + 1),
                 (long long)s->plan->how.retries, timed_out ? " after a timeout" : "");
    else if (used > 0)
        snprintf(v->message + len, sizeof v->message - len, "; given up after %lld attempts",
                 (long long)(run->crashes + run->timeouts + 1));
    return used < s->plan->how.retries;
}

/* What becomes of the run. Interrupted by a signal from outside: not started again in this session,
 * or it would never rest. */
static void decide(struct pxs_supervisor *s, const struct pxs_slot *slot, struct pxs_verdict *v,
                   enum pxs_run_state *state, enum pxs_place *place) {
    bool again = false;
    const bool crash = pxs_reason_is_crash(v->reason);
    if (crash &&
        slot->memory_short) { /* not its own fault, and never for ever: each time fewer run */
        size_t len = strlen(v->message);
        again = true;
        snprintf(v->message + len, sizeof v->message - len,
                 "; it is tried again, with %d job%s at a time", s->plan->slots.jobs,
                 s->plan->slots.jobs == 1 ? "" : "s");
    } else if (crash || v->reason == PXS_REASON_TIMEOUT)
        again = spend_budget(s, slot, v);
    *state = again ? PXS_STATE_QUEUED : v->outcome;
    bool stepped_back = slot->asked == PXS_ASKED_YIELD && v->outcome == PXS_STATE_INTERRUPTED;
    *place = again || stepped_back ? PXS_PLACE_TODO : PXS_PLACE_OVER;
}

/* The best epoch may have been that of an earlier attempt. */
static void find_best(struct pxs_supervisor *s, const struct pxs_slot *slot, double *loss,
                      int64_t *epoch) {
    struct pxs_table t = {0};
    struct pxs_cell id = pxs_cell_int(slot->row.run_id);
    *loss = slot->progress.best_val;
    *epoch = slot->progress.best_epoch;
    if (!s->store || slot->row.attempt_id == 0 ||
        pxs_store_select(
            s->store,
            "SELECT best_val_loss AS loss, best_epoch AS epoch FROM run_summary WHERE run_id = ?1 "
            "AND best_epoch IS NOT NULL",
            &id, 1, &t, NULL) != PXS_OK)
        return;
    /* A row that is behind says nothing better than what was seen. */
    if (t.n_rows > 0 && !(pxs_table_at(&t, 0, "loss").real >= *loss)) {
        *loss = pxs_table_at(&t, 0, "loss").real;
        *epoch = pxs_table_at(&t, 0, "epoch").integer;
    }
    pxs_table_finish(&t);
}

static void say_good(struct pxs_supervisor *s, const struct pxs_slot *slot, double now) {
    char took[32], best[96] = "";
    double loss;
    int64_t epoch;
    pxs_format_duration(took, now - slot->started);
    find_best(s, slot, &loss, &epoch);
    if (epoch >= 0)
        snprintf(best, sizeof best, ", best validation loss %.4f in epoch %lld", loss,
                 (long long)epoch);
    pxs_say(s, PXS_LOG_INFO, "%s: completed in %s%s", s->plan->runs[slot->run].name, took, best);
}

static void say_end(struct pxs_supervisor *s, const struct pxs_slot *slot,
                    const struct pxs_verdict *v, const char *message, double now) {
    if (v->outcome == PXS_STATE_COMPLETED)
        say_good(s, slot, now);
    else if (v->outcome == PXS_STATE_CANCELLED || v->outcome == PXS_STATE_PRUNED)
        pxs_say(s, PXS_LOG_INFO, "%s: %s%s", s->plan->runs[slot->run].name,
                v->outcome == PXS_STATE_PRUNED ? "pruned: " : "", v->message);
    else if (v->outcome == PXS_STATE_INTERRUPTED)
        pxs_say(s, PXS_LOG_WARN, "%s: interrupted: %s", s->plan->runs[slot->run].name, v->message);
    else
        pxs_say(s, PXS_LOG_ERROR, "%s: %s: %s", s->plan->runs[slot->run].name,
                pxs_state_name(v->outcome), message);
}

static void learn(struct pxs_supervisor *s, const struct pxs_slot *slot, double now) {
    const struct pxs_plan_run *run = &s->plan->runs[slot->run];
    int64_t steps = slot->progress.steps_done - slot->progress.first_step + 1; /* of this attempt */
    if (!isnan(slot->progress.first_time)) {
        s->measured_seconds += now - slot->started - slot->waited;
        s->measured_gmac += run->estimate.gmac_per_step * (double)steps;
    }
}

/* A clock that was put back in between makes no attempt end before it could. */
static int64_t end_time(const struct pxs_supervisor *s, const struct pxs_slot *slot) {
    int64_t by_clock = pxs_now_ms(),
            by_work = slot->row.started_ms + (int64_t)(1000 * (pxs_work_clock(s) - slot->started));
    return by_clock > by_work ? by_clock : by_work;
}

void pxs_attempt_ended(struct pxs_supervisor *s, struct pxs_slot *slot,
                       const struct pxs_store_end *end) {
    char dir[PXS_PATH_MAX];
    struct pxs_error err;
    pxs_path_dir(dir, sizeof dir, slot->records);
    bool written = pxs_ends_add(dir, &slot->row, end, &err) == PXS_OK;
    if (!written)
        pxs_say(s, PXS_LOG_WARN,
                "%s: how its attempt ended could not be written into its folder: %s",
                s->plan->runs[slot->run].name, err.message);
    pxs_recorder_ended(s, slot, written ? NULL : end);
}

static void free_slot(struct pxs_supervisor *s, struct pxs_slot *slot) {
    pxs_cores_let_go(s, slot);
    pxs_record_cursor_close(&slot->tail);
    pxs_record_cursor_close(&slot->intake);
    pxs_process_close(&slot->process);
    pxs_attempt_leave(slot);
    slot->busy = false;
}

/* The run is another's: neither its folder nor its row is touched. */
static void give_up(struct pxs_supervisor *s, struct pxs_slot *slot, double now) {
    struct pxs_super_run *run = &s->runs[slot->run];
    s->plan->runs[slot->run].state = PXS_STATE_RUNNING;
    run->place = PXS_PLACE_OTHER;
    run->claimed_until = now + pxs_claim_retry(s);
    free_slot(s, slot);
}

void pxs_attempt_close(struct pxs_supervisor *s, struct pxs_slot *slot, double now) {
    if (slot->claim_lost) {
        give_up(s, slot, now);
        return;
    }
    struct pxs_super_run *run = &s->runs[slot->run];
    struct pxs_verdict v;
    enum pxs_run_state state;
    enum pxs_place place;
    struct pxs_text message = {0}, tail = {0};
    const struct pxs_progress *p = &slot->progress;
    const struct pxs_death death = {.exit = slot->exit,
                                    .kill = slot->kill,
                                    .ended = p->ended,
                                    .end = p->end,
                                    .end_message = p->end_message,
                                    .asked = slot->asked,
                                    .timeout = pxs_time_limit(s, slot->run, slot->threads),
                                    .timeout_share = s->plan->how.timeout_share,
                                    .step = p->steps_done,
                                    .damage = slot->damage[0] ? slot->damage : NULL};
    pxs_judge(&death, &v);
    decide(s, slot, &v, &state, &place);
    pxs_text_add(&message, v.message);
    if (v.outcome == PXS_STATE_FAILED && slot->asked != PXS_ASKED_TIMEOUT)
        pxs_log_tail(slot->log, slot->process.log_start, PXS_TAIL_LINES, &tail);
    if (tail.len > 0)
        pxs_text_addf(&message, "\n  the end of its log:\n%s", pxs_text_str(&tail));

    s->plan->runs[slot->run].state = state;
    run->place = place;
    run->looked_at = run->over_since =
        -INFINITY; /* nothing is newer than its folder as seen here */
    run->completed_here = v.outcome == PXS_STATE_COMPLETED;
    if (v.outcome == PXS_STATE_FAILED)
        ++*(v.reason == PXS_REASON_TIMEOUT ? &run->timeouts : &run->crashes);
    const struct pxs_store_end end = {.outcome = v.outcome,
                                      .state = state,
                                      .exit_code = v.exit_code,
                                      .signal = v.signal,
                                      .reason = v.reason,
                                      .message = pxs_text_str(&message),
                                      .ended_ms = end_time(s, slot)};
    pxs_attempt_ended(s, slot, &end);

    say_end(s, slot, &v, end.message, now);
    if (run->completed_here)
        learn(s, slot, now);
    if (run->completed_here && s->task)
        pxs_paces_learn(s, slot->run);
    /* A run that is stopped from outside has not failed; a SIGKILL from outside may come again and
     * again. */
    bool stopped = slot->asked == PXS_ASKED_NOTHING && v.signal == SIGTERM;
    if (pxs_state_is_done(state))
        pxs_pause_count_completed(s);
    else if (state == PXS_STATE_FAILED && !stopped)
        pxs_pause_count_failure(s, slot->run, v.message);
    /* It may have died between its last record and the end of its clearing up. */
    if (pxs_state_is_final(state))
        pxs_train_drop_resume(s->plan->runs[slot->run].dir);

    s->budget.looked_at = -INFINITY;
    free_slot(s, slot);
    pxs_text_finish(&tail);
    pxs_text_finish(&message);
}
