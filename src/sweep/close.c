/* The end of an attempt: verdict, database, words. */
#include <string.h>

#include "supervisor_priv.h"

/* Attempts of this run that ended in failure before this one. */
static int64_t earlier_failures(struct pxs_supervisor *s, const struct pxs_slot *slot) {
    struct pxs_table t = {0};
    struct pxs_cell args[] = {pxs_cell_int(slot->row.run_id), pxs_cell_int(slot->row.attempt_id)};
    int64_t n = 0;
    for (size_t i = 0; i < s->n_late; i++)
        n += s->late[i].run == slot->run && strcmp(s->late[i].outcome, "failed") == 0;
    if (s->store &&
        pxs_store_select(
            s->store,
            "SELECT count(*) AS n FROM attempt WHERE run_id = ?1 AND attempt_id <> ?2 AND outcome = 'failed'",
            args, PXS_COUNT(args), &t, NULL) == PXS_OK)
        n += pxs_table_at(&t, 0, "n").integer;
    pxs_table_finish(&t);
    return n;
}

static void judge(struct pxs_supervisor *s, struct pxs_slot *slot, struct pxs_verdict *v) {
    const struct pxs_progress *p = &slot->progress;
    struct pxs_death death = {.wait_status = slot->wait_status,
                              .ended = p->ended,
                              .end = p->end,
                              .end_message = p->end_message,
                              .asked = slot->asked,
                              .timeout = s->plan->how.timeout_s,
                              .step = p->steps_done,
                              .damage = slot->damage[0] ? slot->damage : NULL};
    pxs_judge(&death, v);
}

/* What becomes of the run. Interrupted by somebody else's signal: not taken again in this session, or it would never rest. */
static void decide(struct pxs_supervisor *s, struct pxs_slot *slot, struct pxs_verdict *v, const char **state,
                   enum pxs_place *place) {
    *state = v->outcome;
    *place = PXS_PLACE_OVER;
    if (!v->crash)
        return;
    int64_t failures = earlier_failures(s, slot);
    size_t used = strlen(v->message);
    if (failures < s->plan->how.retries) {
        *state = "queued";
        *place = PXS_PLACE_TODO;
        snprintf(v->message + used, sizeof v->message - used, "; it is tried again (retry %lld of %lld)",
                 (long long)(failures + 1), (long long)s->plan->how.retries);
    } else if (failures > 0)
        snprintf(v->message + used, sizeof v->message - used, "; given up after %lld attempts",
                 (long long)(failures + 1));
}

static void say_good(struct pxs_supervisor *s, const struct pxs_slot *slot, double now) {
    const struct pxs_progress *p = &slot->progress;
    char took[32], best[96] = "";
    pxs_format_duration(took, now - slot->started);
    if (p->best_epoch >= 0)
        snprintf(best, sizeof best, ", best validation loss %.4f in epoch %lld", p->best_val,
                 (long long)p->best_epoch);
    pxs_say(s, PXS_LOG_INFO, "%s: completed in %s%s", s->plan->runs[slot->run].name, took, best);
}

static void say_end(struct pxs_supervisor *s, const struct pxs_slot *slot, const struct pxs_verdict *v,
                    const char *message, double now) {
    if (strcmp(v->outcome, "completed") == 0)
        say_good(s, slot, now);
    else if (strcmp(v->outcome, "interrupted") == 0)
        pxs_say(s, PXS_LOG_WARN, "%s: interrupted: %s", s->plan->runs[slot->run].name, v->message);
    else
        pxs_say(s, PXS_LOG_ERROR, "%s: %s: %s", s->plan->runs[slot->run].name, v->outcome, message);
}

static void leave(struct pxs_slot *slot) {
    pxs_record_cursor_close(&slot->tail);
    pxs_record_cursor_close(&slot->intake);
    pxs_process_close(&slot->process);
    pxs_lock_release(&slot->guard);
    slot->busy = false;
}

static void learn_speed(struct pxs_supervisor *s, const struct pxs_slot *slot, double now) {
    const struct pxs_plan_run *run = &s->plan->runs[slot->run];
    s->measured_seconds += now - slot->started;
    s->measured_gmac += run->estimate.gmac_per_step * (double)run->estimate.steps;
}

static enum pxs_status record_end(struct pxs_supervisor *s, const struct pxs_slot *slot,
                                  const struct pxs_verdict *v, const char *state, const char *message,
                                  struct pxs_error *err) {
    struct pxs_store_end end = {.outcome = v->outcome,
                                .state = state,
                                .exit_code = v->exit_code,
                                .signal = v->signal,
                                .message = message,
                                .ended_ms = pxs_now_ms()};
    if (slot->row.attempt_id == 0 || pxs_store_shut(s, pxs_monotonic()))
        return pxs_late_add(s, slot, &end, err);
    enum pxs_status status = pxs_store_attempt_end(s->store, slot->row.attempt_id, &end, err);
    return status == PXS_E_EXISTS ? PXS_OK : status;
}

enum pxs_status pxs_attempt_close(struct pxs_supervisor *s, struct pxs_slot *slot, double now,
                                  struct pxs_error *err) {
    struct pxs_verdict v;
    const char *state;
    enum pxs_place place;
    judge(s, slot, &v);
    decide(s, slot, &v, &state, &place);
    bool good = strcmp(v.outcome, "completed") == 0;
    struct pxs_text message = {0}, tail = {0};
    pxs_text_add(&message, v.message);
    if (strcmp(v.outcome, "failed") == 0 && slot->asked != PXS_ASKED_TIMEOUT)
        pxs_log_tail(slot->log, slot->process.log_start, PXS_TAIL_LINES, &tail);
    if (tail.len > 0)
        pxs_text_addf(&message, "\n  the end of %s:\n%s", slot->log, pxs_text_str(&tail));
    enum pxs_status status = record_end(s, slot, &v, state, pxs_text_str(&message), err);
    if (status == PXS_OK) {
        snprintf(s->plan->runs[slot->run].state, sizeof s->plan->runs[slot->run].state, "%s", state);
        s->runs[slot->run].place = place;
        s->runs[slot->run].completed_here = good;
        s->runs[slot->run].failed_here += strcmp(v.outcome, "failed") == 0;
        say_end(s, slot, &v, pxs_text_str(&message), now);
        if (good)
            learn_speed(s, slot, now);
        leave(slot);
    }
    pxs_text_finish(&tail);
    pxs_text_finish(&message);
    return status;
}
