/* What the supervisor tells the user while it works. */
#include <math.h>
#include <string.h>

#include "supervisor_priv.h"

void pxs_sayv(const struct pxs_sweep_listener *listener, enum pxs_log_level level, const char *fmt,
              va_list ap) {
    struct pxs_text raw = {0}, text = {0};
    char start[1024]; /* of what is said where there is no memory for all of it */
    va_list again;
    va_copy(again, ap);
    vsnprintf(start, sizeof start, fmt, again);
    va_end(again);
    pxs_text_addv(&raw, fmt, ap);
    /* A failed run's message brings the end of its log: lines of their own. No run's name has a
     * line end. */
    pxs_text_add_lines(&text, pxs_text_str(&raw), raw.len);
    bool whole = !raw.failed && !text.failed;
    if (listener->line)
        listener->line(listener->user, level, whole ? pxs_text_str(&text) : start);
    pxs_text_finish(&text);
    pxs_text_finish(&raw);
}

void pxs_say(struct pxs_supervisor *s, enum pxs_log_level level, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    pxs_sayv(s->listener, level, fmt, ap);
    va_end(ap);
}

static void count_runs(const struct pxs_supervisor *s, struct pxs_board *b) {
    for (size_t i = 0; i < s->plan->n; i++) {
        enum pxs_run_state state = s->plan->runs[i].state;
        switch (s->runs[i].place) {
        case PXS_PLACE_TODO:
            b->states.of[PXS_STATE_QUEUED]++;
            break;
        case PXS_PLACE_OTHER:
            b->n_other_supervisors++;
            break;
        case PXS_PLACE_OVER: /* startable, but not by this session any more */
            b->states.of[pxs_state_is_startable(state, true) ? PXS_STATE_INTERRUPTED : state]++;
            break;
        case PXS_PLACE_HERE:
            break;
        }
    }
}

double pxs_expected_seconds(const struct pxs_supervisor *s, size_t index) {
    const struct pxs_plan_run *run = &s->plan->runs[index];
    if (s->measured_gmac > 0)
        return s->measured_seconds / s->measured_gmac * run->estimate.gmac_per_step *
               (double)run->estimate.steps;
    return run->seconds;
}

/* The pace of a running attempt tells more about the others than any estimate. */
static double eta_of_queued(const struct pxs_supervisor *s, double pace_ratio, double *longest) {
    double sum = 0;
    for (size_t i = 0; i < s->plan->n; i++)
        if (s->runs[i].place == PXS_PLACE_TODO || s->runs[i].place == PXS_PLACE_OTHER) {
            double seconds = s->plan->runs[i].likely * pxs_expected_seconds(s, i) * pace_ratio;
            sum += seconds;
            *longest = fmax(*longest, seconds);
        }
    return sum;
}

static double sweep_eta(const struct pxs_supervisor *s, double now) {
    double sum = 0, longest = 0, ratio_sum = 0, ratios = 0;
    for (int i = 0; i < s->n_slots; i++) {
        const struct pxs_slot *slot = &s->slots[i];
        if (!slot->busy)
            continue;
        double eta = pxs_progress_eta(&slot->progress, now),
               guess = pxs_expected_seconds(s, slot->run);
        double pace = pxs_progress_pace(&slot->progress, now);
        if (!isnan(pace) && guess > 0) {
            ratio_sum += pace * (double)slot->progress.steps / guess;
            ratios++;
        }
        eta = isnan(eta) ? guess : eta;
        sum += eta;
        longest = fmax(longest, eta);
    }
    sum += eta_of_queued(s, ratios > 0 ? ratio_sum / ratios : 1, &longest);
    return pxs_spread(sum, longest, s->plan->slots.jobs);
}

void pxs_show_board(struct pxs_supervisor *s, double now, bool final) {
    if (!s->listener->board || (!final && now - s->board_at < PXS_BOARD_SECONDS))
        return;
    s->board_at = now;
    struct pxs_board_run *running = NULL;
    struct pxs_arena arena = {0};
    struct pxs_board b = {.n_total = s->plan->n,
                          .elapsed = now - s->started,
                          .eta = NAN,
                          .now_ms = pxs_now_ms(),
                          .stopping = s->stopping,
                          .store_trouble = !isnan(s->store_failing_since)};
    running = pxs_arena_alloc(&arena, (size_t)s->n_slots * sizeof *running);
    for (int i = 0; running && i < s->n_slots; i++) {
        const struct pxs_slot *slot = &s->slots[i];
        if (!slot->busy)
            continue;
        struct pxs_board_run *r = &running[b.n_running++];
        snprintf(r->name, sizeof r->name, "%s", s->plan->runs[slot->run].name);
        r->attempt = slot->row.no;
        r->stopping = slot->asked != PXS_ASKED_NOTHING;
        r->disk_full = slot->disk_full;
        r->at_rung = slot->question.open;
        pxs_progress_board(&slot->progress, now, r);
    }
    snprintf(b.sweep, sizeof b.sweep, "%s", s->plan->sweep);
    if (s->pause.paused) /* its first line */
        snprintf(b.note, sizeof b.note, "%.*s", (int)strcspn(s->pause.reason, "\n"),
                 s->pause.reason);
    else
        snprintf(b.note, sizeof b.note, "%s", s->kills.note);
    if (s->plan->race.on) {
        const struct pxs_race_course *course = &s->plan->course;
        struct pxs_text words = {0};
        pxs_text_add(&words, "race: ");
        pxs_race_words_now(&s->plan->race.rule, course->last.n > 0 ? &course->last : NULL,
                           s->plan->n_configurations, s->pause.paused && s->budget.cut,
                           s->budget.key ? 0 : s->plan->race.budget_runs, &words);
        snprintf(b.race, sizeof b.race, "%s", pxs_text_str(&words));
        pxs_text_finish(&words);
    }
    b.running = running;
    count_runs(s, &b);
    b.n_total -= b.states.of[PXS_STATE_NOT_NEEDED];
    if (b.n_running + b.states.of[PXS_STATE_QUEUED] + b.n_other_supervisors > 0)
        b.eta = sweep_eta(s, now);
    s->listener->board(s->listener->user, &b);
    pxs_arena_finish(&arena);
}

void pxs_plain_progress(struct pxs_supervisor *s, struct pxs_slot *slot, double now) {
    struct pxs_progress *p = &slot->progress;
    if (s->listener->board || p->epoch < 0 || now - slot->said_at < PXS_PLAIN_SECONDS)
        return;
    bool new_epoch = p->epochs_done > slot->epochs_said;
    if (!new_epoch && now - slot->said_at < 3 * PXS_PLAIN_SECONDS)
        return;
    struct pxs_text line = {0};
    pxs_progress_line(p, now, &line);
    pxs_say(s, PXS_LOG_INFO, "%s: %s", s->plan->runs[slot->run].name, pxs_text_str(&line));
    pxs_text_finish(&line);
    slot->said_at = now;
    slot->epochs_said = p->epochs_done;
}
