/* One attempt at work: its records, its limits, its death. How it ends is in attempt_finish.c. */
#include <math.h>
#include <signal.h>
#include <string.h>

#include "supervisor_priv.h"

/* Records of an earlier attempt may still stand in the file until the worker has cut it back. */
static bool open_tail(struct pxs_slot *slot) {
    struct pxs_error err;
    return slot->tail ||
           (pxs_record_find_attempt(slot->records, slot->row.no, &slot->begins_at, &err) ==
                PXS_OK &&
            pxs_record_cursor_open(slot->records, slot->begins_at, &slot->tail, &err) == PXS_OK);
}

/* Where it goes on from, and why not from another place. */
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

void pxs_attempt_ask(struct pxs_slot *slot, enum pxs_asked why, double now) {
    if (slot->asked != PXS_ASKED_NOTHING)
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
    /* Its END record is synced, and yet it does not exit. */
    if (slot->progress.ended && isnan(slot->ended_at))
        slot->ended_at = now;
    if (now - slot->ended_at > pxs_grace(s))
        pxs_child_kill(&slot->process.child);
}

/* A claim that cannot be looked at now (a disk that hangs or is gone) may still be ours until its
 * lease is over. */
static void keep_claim(struct pxs_supervisor *s, struct pxs_slot *slot) {
    const double now = pxs_monotonic(),
                 lease = pxs_claim_every(s) * PXS_CLAIM_LEASE_SECONDS / PXS_CLAIM_REFRESH_SECONDS;
    struct pxs_error err;
    if (slot->claim_lost || now < slot->claim_due)
        return;
    enum pxs_status status = pxs_claim_refresh(&slot->claim, &err);
    slot->claim_due = now + (status == PXS_OK ? pxs_claim_every(s) : pxs_claim_retry(s));
    if (status == PXS_OK)
        slot->claim_good = now;
    slot->claim_lost = status == PXS_E_BUSY || now - slot->claim_good > lease;
    if (!slot->claim_lost)
        return;
    pxs_say(s, PXS_LOG_WARN, "%s: its claim is lost, it is stopped here: %s",
            s->plan->runs[slot->run].name, err.message);
    pxs_task_look_for_next_life(s, s->plan->runs[slot->run].dir);
    pxs_child_kill(&slot->process.child);
}

void pxs_attempt_poll(struct pxs_supervisor *s, struct pxs_slot *slot, double now) {
    /* Death first, then the file: nothing is written after it. */
    bool killed_by_us = slot->process.child.killed;
    bool dead = pxs_process_reap(&slot->process, &slot->exit);
    if (!dead) {
        keep_limits(s, slot, now);
        keep_claim(s, slot);
    } else if (!killed_by_us && slot->exit.how == PXS_SIGNALLED && slot->exit.code == SIGKILL)
        pxs_kills_explain(s, slot);
    if (dead && !slot->claim_lost) { /* a last look: it may have gone since the one before */
        slot->claim_due = 0;
        keep_claim(s, slot);
    }
    if (dead && !slot->claim_lost && slot->exit.how == PXS_EXITED &&
        slot->exit.code == PXS_EXIT_CLAIM_LOST) { /* and cannot be looked at now */
        slot->claim_lost = true;
        pxs_say(s, PXS_LOG_WARN, "%s: its worker found the claim lost, and ended (exit code %d)",
                s->plan->runs[slot->run].name, PXS_EXIT_CLAIM_LOST);
    }
    if (!slot->claim_lost && open_tail(slot))
        read_tail(s, slot, now);
    s->made_step = s->made_step || !isnan(slot->progress.first_time);
    pxs_plain_progress(s, slot, now);
    if (dead)
        pxs_attempt_close(s, slot, now);
    else if (!slot->claim_lost)
        pxs_recorder_follow(s, slot, now);
}
