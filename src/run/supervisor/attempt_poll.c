/* One attempt at work: its records, its limits, its death. How it ends is in attempt_finish.c. */
#include <math.h>
#include <signal.h>
#include <string.h>

#include "supervisor_priv.h"

/* Records of an earlier attempt may still stand in the file until the worker has cut it back. */
static bool open_cursors(struct pxs_slot *slot) {
    int64_t offset;
    struct pxs_error err;
    if (slot->tail)
        return true;
    if (pxs_record_find_attempt(slot->records, slot->row.no, &offset, &err) != PXS_OK ||
        pxs_record_cursor_open(slot->records, offset, &slot->intake, &err) != PXS_OK)
        return false;
    if (pxs_record_cursor_open(slot->records, offset, &slot->tail, &err) == PXS_OK)
        return true;
    pxs_record_cursor_close(&slot->intake);
    return false;
}

/* Where it goes on from, and why not from elsewhere. */
static void say_resumed(struct pxs_supervisor *s, const struct pxs_slot *slot,
                        const struct pxs_record *r) {
    const char *name = s->plan->runs[slot->run].name;
    if (r->kind == PXS_RECORD_BEGIN && r->begin.resumed_from_step > 0)
        pxs_say(s, PXS_LOG_INFO, "%s: goes on from step %lld of %lld", name,
                (long long)r->begin.resumed_from_step, (long long)slot->progress.steps);
    if (r->kind == PXS_RECORD_EVENT && strcmp(r->event.kind, "resume") == 0)
        pxs_say(s, PXS_LOG_WARN, "%s: %s", name, r->event.message);
}

static void read_tail(struct pxs_supervisor *s, struct pxs_slot *slot, double now) {
    struct pxs_record r;
    struct pxs_error err;
    bool more = true;
    while (more && slot->damage[0] == '\0') {
        enum pxs_status status = pxs_record_next(slot->tail, &r, &more, &err);
        if (status != PXS_OK) {
            snprintf(slot->damage, sizeof slot->damage, "%.500s", err.message);
            return;
        }
        if (!more)
            return;
        pxs_progress_see(&slot->progress, &r, now);
        pxs_rungs_see(s, slot->run, &r);
        say_resumed(s, slot, &r);
    }
}

/* True once everything that the file holds is in the store. */
static bool take_in(struct pxs_supervisor *s, struct pxs_slot *slot, double now) {
    size_t taken = PXS_INTAKE_RECORDS;
    struct pxs_error err;
    if (slot->row.attempt_id == 0)
        return true; /* pxs_ingest_run reads it from the file */
    if (!pxs_store_ready(s, now))
        return false;
    while (taken == PXS_INTAKE_RECORDS) {
        enum pxs_status status = pxs_store_intake(s->store, slot->row.attempt_id, slot->intake,
                                                  PXS_INTAKE_RECORDS, &taken, &err);
        if (slot->damage[0] != '\0' && (status == PXS_E_CORRUPT || status == PXS_E_NOT_FOUND))
            return true; /* what stands before the damage is in */
        if (status != PXS_OK) {
            pxs_store_trouble(s, &err, now);
            return false;
        }
        if (taken > 0) /* nothing was written otherwise, so nothing is known */
            pxs_store_fine(s);
    }
    return true;
}

void pxs_attempt_ask(struct pxs_slot *slot, enum pxs_asked why, double now) {
    if (slot->asked != PXS_ASKED_NOTHING || slot->dead)
        return;
    slot->asked = why;
    pxs_child_end(&slot->process.child, now, INFINITY);
}

double pxs_grace(const struct pxs_supervisor *s) {
    return s->options->grace > 0 ? s->options->grace : PXS_GRACE_SECONDS;
}

static void keep_limits(struct pxs_supervisor *s, struct pxs_slot *slot, double now) {
    slot->waited += slot->disk_full || slot->question.open ? now - slot->limits_at : 0;
    slot->limits_at = now;
    if (now - slot->started - slot->waited > pxs_time_limit(s, slot->run, slot->threads))
        pxs_attempt_ask(slot, PXS_ASKED_TIMEOUT, now);
    if (slot->damage[0] != '\0') /* nothing that it does from here on can be kept */
        pxs_attempt_ask(slot, PXS_ASKED_STOP, now);
    bool ends = slot->asked == PXS_ASKED_TIMEOUT || slot->asked == PXS_ASKED_CANCEL;
    if (ends)
        pxs_child_end(&slot->process.child, now, pxs_grace(s));
    /* It has said its last word, all is synced, and yet it does not go. */
    if (slot->progress.ended && isnan(slot->ended_at))
        slot->ended_at = now;
    if (now - slot->ended_at > pxs_grace(s))
        pxs_child_kill(&slot->process.child);
}

void pxs_attempt_poll(struct pxs_supervisor *s, struct pxs_slot *slot, double now) {
    struct pxs_error err;
    bool done = true;
    /* Death first, then the file: nothing is written after it. */
    bool lived = !slot->dead, killed_by_us = slot->process.child.killed;
    if (lived)
        slot->dead = pxs_process_reap(&slot->process, &slot->exit);
    if (lived && slot->dead && !killed_by_us && slot->exit.how == PXS_SIGNALLED &&
        slot->exit.code == SIGKILL)
        pxs_kills_explain(s, slot);
    if (!slot->dead)
        keep_limits(s, slot, now);
    if (open_cursors(slot)) {
        read_tail(s, slot, now);
        done = false;
        if (slot->dead || (now - slot->intake_at >= PXS_INTAKE_SECONDS && !pxs_records_wait(s))) {
            done = take_in(s, slot, now);
            slot->intake_at = now;
        }
    }
    pxs_plain_progress(s, slot, now);
    bool alone = slot->row.attempt_id == 0 || pxs_store_shut(s, now);
    if (!slot->dead || (!alone && (!done || !pxs_store_ready(s, now))))
        return;
    if (pxs_attempt_close(s, slot, now, &err) != PXS_OK)
        pxs_store_trouble(s, &err, now);
    else if (!alone)
        pxs_store_fine(s);
}
