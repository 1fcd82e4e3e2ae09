/* Pausing a sweep: after too many failures in a row, or with too little disk space, nothing new is
 * started. What runs is let finish, the sweep is marked as paused, and the next `run` goes on with
 * it. */
#include <math.h>
#include <string.h>

#include "supervisor_priv.h"

#define KILL_SECONDS 5.0 /* a process that is killed for want of memory is dead by then */

static void pause_sweep(struct pxs_supervisor *s, size_t run) {
    s->pause.paused = true;
    s->pause.run = run;
    pxs_say(s, PXS_LOG_ERROR, "%s", s->pause.reason);
}

/* Tasks count together: it is one sweep. */
static bool counts_over_tasks(const struct pxs_supervisor *s) {
    return s->task && s->plan->how.max_failures > 0;
}

void pxs_pause_count_completed(struct pxs_supervisor *s) {
    s->pause.failures = 0;
    if (counts_over_tasks(s))
        pxs_task_forget_failures(s);
}

void pxs_pause_count_failure(struct pxs_supervisor *s, size_t index, const char *why) {
    bool waiting = false;
    s->pause.failures =
        counts_over_tasks(s) ? pxs_task_count_failure(s, index) : s->pause.failures + 1;
    if (s->plan->how.max_failures == 0 || s->pause.failures < s->plan->how.max_failures ||
        s->pause.paused)
        return;
    for (size_t i = 0; i < s->plan->n && !waiting; i++)
        waiting = s->runs[i].place == PXS_PLACE_TODO && (!s->task || pxs_task_waits(s, i));
    if (!waiting)
        return; /* nothing is left that could be spared */
    snprintf(
        s->pause.reason, sizeof s->pause.reason,
        "paused: %lld run%s failed in a row (run.max_failures), the last one is %s: %.*s\n"
        "Nothing else is started. When the cause is found, the same command goes on with the rest; "
        "run.max_failures: 0 is without this brake",
        (long long)s->pause.failures, s->pause.failures == 1 ? "" : "s", s->plan->runs[index].name,
        (int)(strcspn(why, "\n") < 160 ? strcspn(why, "\n") : 160), why);
    pause_sweep(s, index);
    if (s->task)
        pxs_task_pause(s);
}

void pxs_pause_disk_full(struct pxs_supervisor *s, size_t index, const char *why) {
    if (s->pause.paused)
        return;
    snprintf(s->pause.reason, sizeof s->pause.reason,
             "paused: no run can be started: %.200s\nMake room, then the same command goes on with "
             "the rest",
             why);
    pause_sweep(s, index);
}

double pxs_disk_floor(const struct pxs_plan *plan, size_t index) {
    const struct pxs_train_estimate *e = &plan->runs[index].estimate;
    double weights = (double)(e->weights_G + e->weights_D);
    /* 4 bytes a weight in a checkpoint, 12 with both moments in a resume point, of which two stand
     * while one is replaced, or beside the final one */
    const int points = plan->how.keep_final ? 3 : 2;
    return PXS_DISK_FLOOR + (double)plan->slots.jobs * (4 + points * 12) * weights;
}

bool pxs_pause_allows(struct pxs_supervisor *s, size_t index) {
    if (s->pause.paused)
        return false;
    double need = pxs_disk_floor(s->plan, index);
    uint64_t have = pxs_disk_free(s->plan->results);
    if ((double)have >= need)
        return true;
    char need_text[32], have_text[32];
    pxs_format_bytes(need_text, (uint64_t)need);
    pxs_format_bytes(have_text, have);
    snprintf(s->pause.reason, sizeof s->pause.reason,
             "paused: %.200s has %s free, and %s must be for checkpoints and resume points before "
             "another run starts\n"
             "Make room, then the same command goes on with the rest",
             s->plan->results, have_text, need_text);
    pause_sweep(s, index);
    return false;
}

void pxs_pause_store(struct pxs_supervisor *s, double now) {
    struct pxs_error err;
    if (!s->pause.paused || s->pause.stored || !s->store || !pxs_store_ready(s, now))
        return;
    if (pxs_store_sweep_state(s->store, s->sweep_id, "paused", &err) == PXS_OK) {
        char first_line[sizeof s->pause.reason];
        snprintf(first_line, sizeof first_line, "%.*s", (int)strcspn(s->pause.reason, "\n"),
                 s->pause.reason);
        pxs_recorder_event(s, s->plan->runs[s->pause.run].run_id,
                           s->pause.by_budget ? "budget" : "paused", first_line);
        s->pause.stored = true;
        pxs_store_fine(s);
    } else
        pxs_store_trouble(s, &err, now);
}

/* ---- want of memory ------------------------------------------------------------------------- */

int pxs_open_slots(const struct pxs_supervisor *s) {
    int open = s->plan->slots.jobs;
    for (int i = 0; i < s->n_slots; i++)
        open -= s->slots[i].busy;
    return open > 0 ? open : 0;
}

void pxs_kills_look(struct pxs_supervisor *s, double now) {
    struct pxs_kill_watch *k = &s->kills;
    const bool first = isinf(now);
    struct pxs_cgroup groups;
    if (!first && now - k->looked_at < KILL_SECONDS)
        return;
    pxs_cgroup_look("", &groups);
    if (first)
        k->last = groups.oom_kills;
    if (k->last > k->known)
        k->known = k->last;
    k->last = groups.oom_kills;
    k->looked_at = first ? pxs_work_clock(s) : now;
}

/* Those that still run have shown that they fit. */
static void run_fewer(struct pxs_supervisor *s, struct pxs_slot *slot) {
    struct pxs_sweep_slots slots = s->plan->slots;
    struct pxs_memory memory;
    int live = 0, before = slots.jobs;
    for (int i = 0; i < s->n_slots; i++)
        live += s->slots[i].busy && &s->slots[i] != slot;
    pxs_slots_reduce(&slots, live < before ? live : before - 1);
    slot->memory_short = slots.jobs < before;
    if (!slot->memory_short)
        return;
    pxs_plan_use_slots(s->plan, slots);
    pxs_memory_look("", &memory);
    snprintf(s->kills.note, sizeof s->kills.note,
             "out of memory: %d job%s at a time from now on%s%.100s", slots.jobs,
             slots.jobs == 1 ? "" : "s", memory.limited ? "; " : "",
             memory.limited ? memory.from : "");
    pxs_say(s, PXS_LOG_WARN, "%s: killed by the kernel for want of memory; %s",
            s->plan->runs[slot->run].name, s->kills.note);
}

void pxs_kills_explain(struct pxs_supervisor *s, struct pxs_slot *slot) {
    struct pxs_cgroup groups;
    pxs_cgroup_look("", &groups);
    slot->kill = groups.oom_kills < 0                ? PXS_KILL_UNKNOWN
                 : groups.oom_kills > s->kills.known ? PXS_KILL_FOR_MEMORY
                                                     : PXS_KILL_BY_SOMEBODY;
    if (slot->kill != PXS_KILL_FOR_MEMORY)
        return;
    s->kills.known++;
    run_fewer(s, slot);
}
