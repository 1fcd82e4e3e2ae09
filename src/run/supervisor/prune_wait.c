/* Rungs: a worker asks whether its run goes on; the answer waits until all runs of lower number
 * have come as far, been pruned or ended, so that it does not depend on who was first.
 *
 * No circle of waiting: a run waits for lower numbers only, those are started first, and the lowest
 * one that is open never waits. Where a lower one is to be done but every slot is taken by runs
 * that wait, the highest of them steps back into the queue; where a lower one is not done in this
 * session, those that wait for it end as interrupted.
 *
 * In a task, lower runs may be at work in other tasks, and their folders tell of them. A run that
 * has waited for a minute is parked: it leaves its slot to a run that can be worked on. Whether a
 * run is parked stands in no file: it has come to a rung, and the answer is not there yet. No task
 * takes such a run, so none goes round in circles, and each takes it once the answer is there. A
 * task with nothing but parked runs waits: whoever has the run that they all wait for will come to
 * them, but would carry them out alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pixsweep/rundir/claim.h"
#include "supervisor_priv.h"

#define PARK_SECONDS 60.0 /* at a rung, where the options do not say */
#define LOOK_SECONDS 15.0 /* a task looks at a folder at least so often, at first more often */

enum stand { STILL_TO_COME, HAS_COME, NEVER_COMES };

static struct pxs_rung_cell *cell_of(const struct pxs_supervisor *s, size_t run, size_t rung) {
    return &s->rungs.cells[run * s->plan->prune.n_rungs + rung];
}

/* The rung after an epoch (0-based); false where there is none. */
static bool find_rung(const struct pxs_supervisor *s, int64_t epoch, size_t *rung) {
    for (size_t i = 0; s->rungs.cells && i < s->plan->prune.n_rungs; i++)
        if (s->plan->prune.rungs[i] == epoch + 1) {
            *rung = i;
            return true;
        }
    return false;
}

enum pxs_status pxs_rungs_make(struct pxs_supervisor *s, struct pxs_error *err) {
    size_t n = s->plan->n * s->plan->prune.n_rungs;
    if (s->plan->prune.rule == PXS_PRUNE_NONE || n == 0)
        return PXS_OK;
    s->rungs.cells = malloc(n * sizeof *s->rungs.cells);
    s->rungs.others = malloc(s->plan->n * sizeof *s->rungs.others);
    if (!s->rungs.cells || !s->rungs.others)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < n; i++)
        s->rungs.cells[i] = (struct pxs_rung_cell){.value = NAN, .cutoff = NAN};
    return PXS_OK;
}

void pxs_rungs_finish(struct pxs_supervisor *s) {
    free(s->rungs.cells);
    free(s->rungs.others);
    s->rungs = (struct pxs_rungs){0};
}

void pxs_rungs_tell(const struct pxs_plan *plan, struct pxs_job *job) {
    job->n_rungs = plan->prune.rule == PXS_PRUNE_NONE ? 0 : plan->prune.n_rungs;
    for (size_t i = 0; i < job->n_rungs; i++)
        job->rungs[i] = plan->prune.rungs[i] - 1;
}

/* ---- what is known -------------------------------------------------------------------------- */

void pxs_rungs_see(struct pxs_supervisor *s, size_t run, const struct pxs_record *r) {
    size_t rung;
    if (r->kind == PXS_RECORD_EPOCH && find_rung(s, r->epoch.epoch, &rung)) {
        if (isnan(cell_of(s, run, rung)->value))
            s->runs[run].look_every = 0;
        cell_of(s, run, rung)->value = r->epoch.val_loss;
    }
    if (r->kind != PXS_RECORD_RUNG || !find_rung(s, r->rung.epoch, &rung))
        return;
    struct pxs_rung_cell *c = cell_of(s, run, rung);
    if (c->verdict == PXS_NOT_JUDGED)
        *c = (struct pxs_rung_cell){.value = r->rung.value,
                                    .cutoff = r->rung.cutoff,
                                    .verdict = r->rung.go_on ? PXS_GOES_ON : PXS_IS_PRUNED};
}

static void see_row(struct pxs_supervisor *s, size_t run, const struct pxs_table *t, size_t row) {
    size_t rung;
    struct pxs_cell value = pxs_table_at(t, row, "val_loss"),
                    cutoff = pxs_table_at(t, row, "cutoff"),
                    verdict = pxs_table_at(t, row, "verdict");
    if (!find_rung(s, pxs_table_at(t, row, "epoch").integer, &rung))
        return;
    struct pxs_rung_cell *c = cell_of(s, run, rung);
    if (value.kind == PXS_CELL_REAL)
        c->value = value.real;
    if (!verdict.text || c->verdict != PXS_NOT_JUDGED)
        return;
    c->verdict = strcmp(verdict.text, "pruned") == 0 ? PXS_IS_PRUNED : PXS_GOES_ON;
    c->cutoff = cutoff.kind == PXS_CELL_REAL ? cutoff.real : NAN;
}

static bool ask_store(struct pxs_supervisor *s, size_t run, double now) {
    struct pxs_table t = {0};
    struct pxs_error err;
    struct pxs_cell id = pxs_cell_int(s->plan->runs[run].run_id);
    if (!pxs_store_ready(s, now))
        return false;
    if (pxs_store_select(
            s->store,
            "SELECT e.epoch, e.val_loss, g.cutoff, g.verdict FROM epoch e LEFT JOIN rung g "
            "USING (run_id, epoch) WHERE e.run_id = ?1",
            &id, 1, &t, &err) != PXS_OK) {
        pxs_store_trouble(s, &err, now);
        return false;
    }
    for (size_t row = 0; row < t.n_rows; row++)
        see_row(s, run, &t, row);
    pxs_table_finish(&t);
    return true;
}

/* Without the database, the run's own record file tells. While one attempt holds the claim, the
 * file only grows, and is read on from where the last look ended; else from its beginning. */
static bool ask_folder(struct pxs_supervisor *s, size_t run) {
    const char *dir = s->plan->runs[run].dir;
    struct pxs_super_run *here = &s->runs[run];
    struct pxs_claim_owner owner;
    int64_t touched_ms;
    char path[PXS_PATH_MAX], nonce[PXS_CLAIM_NONCE];
    struct pxs_record_cursor *cursor = NULL;
    struct pxs_record *r = malloc(sizeof *r);
    bool more = r;
    if (pxs_claim_read(dir, &owner, nonce, &touched_ms, NULL) != PXS_OK)
        nonce[0] = '\0';
    if (nonce[0] == '\0')
        here->claimed_until = 0; /* it may be free */
    if (nonce[0] == '\0' || strcmp(nonce, here->read_under) != 0)
        here->read_to = 0;
    memcpy(here->read_under, nonce, sizeof nonce);
    here->read_to_end = here->read_to_end && here->read_to > 0;
    if (!more || !pxs_path_join(path, sizeof path, dir, PXS_RECORDS_FILE) ||
        pxs_record_cursor_open(path, here->read_to, &cursor, NULL) != PXS_OK) {
        here->read_to = 0;
        free(r);
        return true; /* there is nothing */
    }
    enum pxs_status status;
    while ((status = pxs_record_next(cursor, r, &more, NULL)) == PXS_OK && more) {
        pxs_rungs_see(s, run, r);
        here->read_to_end = r->kind == PXS_RECORD_END;
    }
    here->read_to = status == PXS_OK ? pxs_record_cursor_offset(cursor) : 0;
    pxs_record_cursor_close(&cursor);
    free(r);
    return true;
}

bool pxs_rungs_look_up(struct pxs_supervisor *s, size_t run, double now) {
    struct pxs_super_run *r = &s->runs[run];
    bool over = r->place == PXS_PLACE_OVER;
    if (!s->rungs.cells || (over && r->settled))
        return true;
    if (!over)
        r->over_since = NAN;
    else if (isnan(r->over_since)) {
        r->over_since = now;
        r->looked_at = -INFINITY;
    }
    if ((s->task || !over) && now - r->looked_at < r->look_every)
        return false;
    r->looked_at = now;
    r->look_every = s->task ? fmin(1.5 * r->look_every, LOOK_SECONDS) : 0;
    r->look_every = fmax(r->look_every, PXS_OTHERS_SECONDS);
    bool apart = pxs_store_shut(s, now) || s->plan->runs[run].run_id == 0;
    r->settled = (apart ? ask_folder(s, run) : ask_store(s, run, now)) && over;
    /* Without an END record, the records may be older than the news that it is over. */
    if (s->task && !r->read_to_end && now - r->over_since < PXS_STALE_SECONDS)
        r->settled = false;
    return r->settled;
}

/* Where a run stands towards a rung that a higher one has come to. */
static enum stand stand_of(struct pxs_supervisor *s, size_t run, size_t rung, double now) {
    const struct pxs_train_estimate *e = &s->plan->runs[run].estimate;
    bool over = s->runs[run].place == PXS_PLACE_OVER;
    s->runs[run].settled = s->runs[run].settled && over;
    if (!isnan(cell_of(s, run, rung)->value))
        return HAS_COME;
    if (e->steps < s->plan->prune.rungs[rung] * e->batches_per_epoch)
        return NEVER_COMES;
    bool settled = pxs_rungs_look_up(s, run, now);
    if (!isnan(cell_of(s, run, rung)->value))
        return HAS_COME;
    return over && settled && !pxs_plan_will_run(s->plan, s->plan->runs[run].state) ? NEVER_COMES
                                                                                    : STILL_TO_COME;
}

/* ---- deciding ------------------------------------------------------------------------------- */

static void say_why(const struct pxs_supervisor *s, const struct pxs_rung_cell *c, size_t rung,
                    const struct pxs_verdict_at_rung *v, char *why, size_t size) {
    const struct pxs_prune_settings *how = &s->plan->prune;
    int n = snprintf(why, size, "validation loss %.6g after %lld epoch%s is above %.6g, ", c->value,
                     (long long)how->rungs[rung], how->rungs[rung] == 1 ? "" : "s", c->cutoff);
    if (n < 0 || (size_t)n >= size)
        return;
    if (v->of == 0)
        snprintf(why + n, size - (size_t)n, "as was decided before");
    else if (how->rule == PXS_PRUNE_MEDIAN)
        snprintf(why + n, size - (size_t)n, "the median of the %zu run%s before it", v->of - 1,
                 v->of == 2 ? "" : "s");
    else
        snprintf(why + n, size - (size_t)n, "the last of the best 1/%lld (place %zu of %zu)",
                 (long long)how->eta, v->place, v->of);
}

/* False where a run of lower number is still to come: *pending is the first of them. */
static bool compare(struct pxs_supervisor *s, size_t run, size_t rung, double now,
                    struct pxs_verdict_at_rung *v, size_t *pending) {
    size_t n = 0;
    for (size_t i = 0; s->order[i] != run; i++) {
        enum stand stand = stand_of(s, s->order[i], rung, now);
        *pending = s->order[i];
        if (stand == STILL_TO_COME)
            return false;
        if (stand == HAS_COME)
            s->rungs.others[n++] = cell_of(s, s->order[i], rung)->value;
    }
    pxs_prune_judge(&s->plan->prune, cell_of(s, run, rung)->value, s->rungs.others, n, v);
    return true;
}

static bool judge(struct pxs_supervisor *s, size_t run, size_t rung, double now,
                  struct pxs_verdict_at_rung *v, size_t *pending) {
    struct pxs_rung_cell *c = cell_of(s, run, rung);
    *v = (struct pxs_verdict_at_rung){0};
    if (c->verdict != PXS_NOT_JUDGED)
        return true; /* stored, or told before: never anew */
    if (!compare(s, run, rung, now, v, pending))
        return false;
    c->verdict = v->go_on ? PXS_GOES_ON : PXS_IS_PRUNED;
    c->cutoff = v->cutoff;
    return true;
}

bool pxs_rungs_park(struct pxs_supervisor *s, size_t run, double now, size_t *pending) {
    struct pxs_super_run *here = &s->runs[run];
    struct pxs_verdict_at_rung v;
    if (!s->task || !s->rungs.cells)
        return false;
    if (now < here->parked_until) {
        *pending = here->waits_for;
        return true;
    }
    size_t rung = 0;
    for (bool looked = false;; looked = true) {
        while (rung < s->plan->prune.n_rungs && cell_of(s, run, rung)->verdict != PXS_NOT_JUDGED)
            rung++;
        if (rung == s->plan->prune.n_rungs)
            return false;
        if (!isnan(cell_of(s, run, rung)->value) && !compare(s, run, rung, now, &v, pending)) {
            here->waits_for = *pending;
            here->parked_until = now + PXS_OTHERS_SECONDS;
            return true;
        }
        if (looked)
            return false;
        /* Another task may have brought it further. */
        here->look_every = fmin(here->look_every, PXS_OTHERS_SECONDS);
        pxs_rungs_look_up(s, run, now);
    }
}

static void answer(struct pxs_supervisor *s, struct pxs_slot *slot, size_t rung,
                   const struct pxs_verdict_at_rung *v, double now) {
    const struct pxs_rung_cell *c = cell_of(s, slot->run, rung);
    struct pxs_reply a = {.version = PXS_MESSAGE_VERSION,
                          .go_on = c->verdict == PXS_GOES_ON,
                          .epoch = slot->question.epoch,
                          .cutoff = c->cutoff};
    if (!a.go_on)
        say_why(s, c, rung, v, a.why, sizeof a.why);
    if (!pxs_process_reply(&slot->process, &a))
        return; /* it asks again, or is dead */
    slot->question.open = false;
    slot->progress.first_time += now - slot->question.asked_at; /* waiting is no sign of its pace */
}

/* ---- what is waited for --------------------------------------------------------------------- */

static void say_waits(struct pxs_supervisor *s, struct pxs_slot *slot, size_t pending, double now) {
    if (slot->question.said || now - slot->question.asked_at < PXS_PLAIN_SECONDS)
        return;
    slot->question.said = true;
    pxs_say(s, PXS_LOG_INFO, "%s: waits after %lld epochs until %s has come as far",
            s->plan->runs[slot->run].name, (long long)slot->question.epoch + 1,
            s->plan->runs[pending].name);
}

/* Will it be worked on in this session, or is it over and only its rungs are not known yet? */
static bool comes_to_work(const struct pxs_supervisor *s, size_t run) {
    enum pxs_place place = s->runs[run].place;
    return place == PXS_PLACE_HERE || place == PXS_PLACE_OTHER ||
           (place == PXS_PLACE_TODO && !s->pause.paused && !s->task_paused) ||
           (place == PXS_PLACE_OVER && !pxs_plan_will_run(s->plan, s->plan->runs[run].state));
}

static bool steps_back(const struct pxs_supervisor *s) {
    for (int i = 0; i < s->n_slots; i++)
        if (s->slots[i].busy && s->slots[i].asked == PXS_ASKED_YIELD)
            return true;
    return false;
}

/* The waiting run of the highest number above `run`; NULL where none waits. */
static struct pxs_slot *highest_waiting(struct pxs_supervisor *s, size_t run) {
    struct pxs_slot *found = NULL;
    for (int i = 0; i < s->n_slots; i++) {
        struct pxs_slot *slot = &s->slots[i];
        int64_t number = s->plan->runs[slot->run].number;
        if (slot->busy && slot->question.open && slot->asked == PXS_ASKED_NOTHING &&
            number > s->plan->runs[run].number &&
            (!found || number > s->plan->runs[found->run].number))
            found = slot;
    }
    return found;
}

static void keep_going(struct pxs_supervisor *s, struct pxs_slot *slot, size_t pending,
                       double now) {
    const char *name = s->plan->runs[slot->run].name, *of = s->plan->runs[pending].name;
    size_t other;
    if (!comes_to_work(s, pending)) {
        pxs_say(
            s, PXS_LOG_WARN,
            "%s: ends for now: %s, which it is to be compared with, does not go on in this session",
            name, of);
        pxs_attempt_ask(slot, PXS_ASKED_STOP, now);
        return;
    }
    if ((pxs_open_slots(s) > 0 && !s->no_core) || steps_back(s))
        return;
    if (s->runs[pending].place == PXS_PLACE_TODO && !pxs_rungs_park(s, pending, now, &other)) {
        struct pxs_slot *last = highest_waiting(s, pending);
        if (!last)
            return;
        pxs_say(s, PXS_LOG_INFO, "%s: steps back into the queue for %s",
                s->plan->runs[last->run].name, of);
        pxs_attempt_ask(last, PXS_ASKED_YIELD, now);
        return;
    }
    const double patience = s->options->park_after > 0 ? s->options->park_after : PARK_SECONDS;
    if (!s->task || now - slot->question.asked_at < patience || !pxs_next_run(s, now, &other))
        return;
    pxs_say(s, PXS_LOG_INFO, "%s: parked after %lld epochs until %s has come as far; %s is next",
            name, (long long)slot->question.epoch + 1, of, s->plan->runs[other].name);
    pxs_attempt_ask(slot, PXS_ASKED_YIELD, now);
}

void pxs_rungs_hear(struct pxs_supervisor *s, struct pxs_slot *slot,
                    const struct pxs_message *message, double now) {
    size_t rung;
    if (slot->question.open && slot->question.epoch == message->epoch)
        return; /* it asks again, to be sure */
    if (!find_rung(s, message->epoch, &rung))
        return;
    cell_of(s, slot->run, rung)->value = message->value;
    slot->question = (struct pxs_question){.open = true, .epoch = message->epoch, .asked_at = now};
}

void pxs_rungs_answer(struct pxs_supervisor *s, double now) {
    for (int i = 0; s->rungs.cells && i < s->n_slots; i++) {
        struct pxs_slot *slot = &s->slots[i];
        struct pxs_verdict_at_rung v;
        size_t rung, pending = 0;
        if (!slot->busy || !slot->question.open || !find_rung(s, slot->question.epoch, &rung))
            continue;
        if (judge(s, slot->run, rung, now, &v, &pending)) {
            answer(s, slot, rung, &v, now);
            continue;
        }
        say_waits(s, slot, pending, now);
        if (slot->asked == PXS_ASKED_NOTHING && !s->stopping)
            keep_going(s, slot, pending, now);
    }
}
