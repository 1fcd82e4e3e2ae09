/* Budgets: run.budget and sweep.race.budget. No run is started that would not finish by its
 * estimate; what runs is let finish. Runs are started in their order, so the first that does not
 * fit ends it, also where a later one would fit.
 *
 * A `run` counts the seconds that the database has of every run of the sweep. A task, and a `run`
 * without its database, count from the start of each attempt to its end, as ends.txt of the plan's
 * runs has them; what tasks begin at the same moment none of them counts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor_priv.h"

#define LOOK_SECONDS 1.0
#define LOOK_FOLDERS_SECONDS 30.0

static void ask_folders(struct pxs_supervisor *s) {
    s->plan->seconds_spent = 0;
    for (size_t i = 0; i < s->plan->n; i++) {
        struct pxs_plan_run *run = &s->plan->runs[i];
        struct pxs_ends ends = {0};
        if (!s->runs[i].spent_settled && pxs_ends_read(run->dir, &ends, NULL) == PXS_OK) {
            run->spent = 0;
            for (size_t k = 0; k < ends.n; k++) {
                const int64_t ms = ends.of[k].end.ended_ms - ends.of[k].attempt.started_ms;
                run->spent += ms > 0 && ends.of[k].attempt.started_ms > 0 ? (double)ms / 1000 : 0;
            }
            s->runs[i].spent_settled =
                ends.n > 0 && pxs_state_is_final(ends.of[ends.n - 1].end.state);
        }
        pxs_ends_finish(&ends);
        s->plan->seconds_spent += run->spent;
    }
}

static void look(struct pxs_supervisor *s, double now) {
    struct pxs_budget *b = &s->budget;
    const double every = s->task ? LOOK_FOLDERS_SECONDS : LOOK_SECONDS;
    if (now - b->looked_at < every)
        return;
    b->looked_at = now;
    struct pxs_error err;
    b->by_folders = !s->store;
    if (s->store && pxs_plan_read_spent(s->plan, s->store, &err) != PXS_OK) {
        pxs_store_trouble(s, &err, now);
        b->by_folders = true; /* old figures would let too much begin */
    }
    if (b->by_folders)
        ask_folders(s);
}

static double left_of(const struct pxs_supervisor *s, size_t index) {
    return fmax(pxs_expected_seconds(s, index) - s->plan->runs[index].spent, 0);
}

/* Seconds that what is at work will still take, by itself or since they were counted. */
static double committed(const struct pxs_supervisor *s, double now) {
    double sum = 0;
    for (int i = 0; i < s->n_slots; i++) {
        const struct pxs_slot *slot = &s->slots[i];
        if (!slot->busy)
            continue;
        const double eta = pxs_progress_eta(&slot->progress, now);
        if (s->budget.by_folders) /* this attempt is in no ends.txt yet */
            sum += fmax(now - slot->started - slot->waited, 0);
        sum += isnan(eta) ? left_of(s, slot->run) : eta;
    }
    for (size_t i = 0; i < s->plan->n; i++)
        if (s->runs[i].place == PXS_PLACE_OTHER)
            sum += left_of(s, i);
    return sum;
}

/* How many runs are made or begun when this one is: all before it that the race does not spare. The
 * same whoever asks. */
static int64_t place_in_race(const struct pxs_supervisor *s, size_t index) {
    return (int64_t)pxs_race_runs_before(s->plan, index) + 1;
}

bool pxs_budget_allows(struct pxs_supervisor *s, size_t index, double now) {
    struct pxs_budget *b = &s->budget;
    const struct pxs_race_settings *race = &s->plan->race;
    b->cut = false;
    if (race->on && race->budget_runs > 0 && place_in_race(s, index) > race->budget_runs) {
        b->key = NULL;
        b->cut = true;
    } else if (isfinite(b->seconds = pxs_budget_seconds(s->plan, &b->key))) {
        look(s, now);
        b->cut = s->plan->seconds_spent + committed(s, now) + left_of(s, index) > b->seconds;
    }
    b->first = index;
    if (b->cut && !b->said && b->key && pxs_open_slots(s) < s->plan->slots.jobs)
        pxs_say(s, PXS_LOG_INFO,
                "%s: nothing more is started unless what runs ends sooner than expected", b->key);
    b->said = b->said || b->cut;
    return !b->cut;
}

/* "run.budget: 12 h of training, of which 11 h 58 m are spent" */
static void add_budget(const struct pxs_supervisor *s, struct pxs_text *out) {
    char limit[32], spent[32];
    if (!s->budget.key) {
        pxs_text_addf(out, "sweep.race.budget: %lld runs are made",
                      (long long)s->plan->race.budget_runs);
        return;
    }
    pxs_format_duration(limit, s->budget.seconds);
    pxs_format_duration(spent, s->plan->seconds_spent);
    pxs_text_addf(out, "%s: %s of training", s->budget.key, limit);
    if (s->plan->seconds_spent > 0)
        pxs_text_addf(out, ", of which %s are spent", spent);
}

bool pxs_budget_ends(struct pxs_supervisor *s, double now) {
    struct pxs_budget *b = &s->budget;
    struct pxs_text text = {0};
    char each[32];
    size_t index, left = 0;
    bool others = false;
    for (int i = 0; i < s->n_slots; i++)
        if (s->slots[i].busy)
            return false;
    for (size_t i = 0; i < s->plan->n; i++) {
        others = others || s->runs[i].place == PXS_PLACE_OTHER;
        left += s->runs[i].place == PXS_PLACE_TODO;
    }
    if (!b->cut || left == 0 || s->stopping || s->pause.paused || (others && !s->task))
        return false;
    b->looked_at = -INFINITY; /* with what has ended since */
    if (pxs_next_run(s, now, &index) || !b->cut)
        return false;
    if (others)
        return true; /* the last task says so */
    add_budget(s, &text);
    pxs_format_duration(each, left_of(s, b->first));
    pxs_text_addf(&text,
                  "; %s%zu run%s not started, the first is %s (about %s)\n"
                  "The same command with a larger budget (--set %s=...) goes on with them",
                  s->plan->race.on ? "at most " : "", left, left == 1 ? " is" : "s are",
                  s->plan->runs[b->first].name, each, b->key ? b->key : "sweep.race.budget");
    snprintf(s->pause.reason, sizeof s->pause.reason, "%s", pxs_text_str(&text));
    pxs_text_finish(&text);
    s->pause.paused = s->pause.by_budget = true;
    s->pause.run = b->first;
    pxs_say(s, PXS_LOG_WARN, "%s", s->pause.reason);
    pxs_race_say_end(s);
    if (s->task)
        pxs_task_pause(s);
    return true;
}
