/* The supervisor: plan, preflight, freeze, then a loop over slots until nothing is left to do. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor_priv.h"

/* ---- stopping ------------------------------------------------------------------------------- */

/* What is done so far is to be made safe (SIGUSR1, as from a batch system before its time
 * limit). */
static void save_on_signal(struct pxs_supervisor *s) {
    int asked = 0;
    if (!s->options->stop || atomic_exchange(&s->options->stop->save, 0) == 0)
        return;
    for (int i = 0; i < s->n_slots; i++) {
        if (!s->slots[i].busy)
            continue;
        pxs_child_signal(&s->slots[i].process.child, SIGUSR1);
        asked++;
    }
    pxs_say(s, PXS_LOG_INFO, "asked %d run%s to write a resume point and go on", asked,
            asked == 1 ? "" : "s");
}

static void stop_on_signal(struct pxs_supervisor *s, double now) {
    int signal = s->options->stop ? atomic_load(&s->options->stop->signal) : 0;
    if (signal == 0 && !pxs_task_time_is_up(s) && !s->superseded)
        return;
    if (!s->stopping && signal == 0 && s->superseded)
        pxs_say(s, PXS_LOG_INFO, "stopping: each run ends after its current batch");
    else if (!s->stopping && signal == 0)
        pxs_say(s, PXS_LOG_INFO, "the time is nearly up: each run stops after its current batch");
    else if (!s->stopping)
        pxs_say(s, PXS_LOG_WARN,
                "stopping: each run ends after its current batch (again to kill at once)");
    s->stopping = true;
    for (int i = 0; i < s->n_slots; i++)
        if (s->slots[i].busy)
            pxs_attempt_ask(&s->slots[i], PXS_ASKED_STOP, now);
    if ((signal & PXS_STOP_AGAIN) == 0)
        return;
    if (!s->killing)
        pxs_say(s, PXS_LOG_WARN, "killing the workers");
    s->killing = true;
    for (int i = 0; i < s->n_slots; i++)
        if (s->slots[i].busy)
            pxs_child_kill(&s->slots[i].process.child);
}

/* ---- standing still ------------------------------------------------------------------------- */

double pxs_work_clock(const struct pxs_supervisor *s) {
    return pxs_monotonic() - s->stood_still;
}

void pxs_handle_suspend(struct pxs_supervisor *s, const struct pxs_process *const processes[],
                        int n) {
    if (!s->options->stop || atomic_exchange(&s->options->stop->suspend, 0) == 0)
        return;
    /* They have groups of their own, so that the terminal's signal reached us alone; SIGSTOP cannot
     * be ignored. */
    for (int i = 0; i < n; i++)
        pxs_child_signal(&processes[i]->child, SIGSTOP);
    const double since = pxs_monotonic();
    pxs_stand_still();
    const double still = pxs_monotonic() - since;
    s->stood_still += still; /* however short */
    s->looked_at += still;
    for (int i = 0; i < n; i++)
        pxs_child_signal(&processes[i]->child, SIGCONT);
}

static void suspend_on_signal(struct pxs_supervisor *s, const struct pxs_process **processes) {
    int n = 0;
    for (int i = 0; i < s->n_slots; i++)
        if (s->slots[i].busy)
            processes[n++] = &s->slots[i].process;
    pxs_handle_suspend(s, processes, n);
}

/* ---- the loop ------------------------------------------------------------------------------- */

bool pxs_next_run(struct pxs_supervisor *s, double now, size_t *index) {
    size_t pending;
    s->budget.cut = false;
    for (size_t i = 0; i < s->plan->n; i++)
        if (s->runs[s->order[i]].place == PXS_PLACE_TODO &&
            now >= s->runs[s->order[i]].not_before && pxs_race_allows(s->plan, s->order[i]) &&
            !pxs_rungs_park(s, s->order[i], now, &pending)) {
            *index = s->order[i];
            return pxs_budget_allows(s, *index, now);
        }
    return false;
}

static void fill_slots(struct pxs_supervisor *s, double now) {
    size_t index;
    s->no_core = false;
    for (int i = 0; i < s->n_slots && !s->stopping; i++)
        while (!s->slots[i].busy && pxs_open_slots(s) > 0 &&
               (pxs_store_shut(s, now) || pxs_store_ready(s, now)) &&
               pxs_next_run(s, now, &index)) {
            if (pxs_task_passes_over(s, index))
                continue;
            if (pxs_task_is_paused(s) || !pxs_pause_allows(s, index))
                break;
            if (!pxs_attempt_start(s, &s->slots[i], index, now)) {
                s->no_core = true;
                return;
            }
        }
}

static void note_disk(struct pxs_supervisor *s, struct pxs_slot *slot, bool full) {
    if (slot->disk_full == full)
        return;
    slot->disk_full = full;
    if (full)
        pxs_recorder_event(s, slot->row.run_id, "disk", "waits: the disk of its folder is full");
    if (full)
        pxs_say(s, PXS_LOG_WARN,
                "%s: the disk of its folder is full; it waits for space (its %s says more)",
                s->plan->runs[slot->run].name, PXS_LOG_FILE);
    else
        pxs_say(s, PXS_LOG_INFO, "%s: there is space again, it goes on",
                s->plan->runs[slot->run].name);
}

/* Hears what a worker says; closes the lifeline where it has nothing to say any more. */
static void listen_to(struct pxs_supervisor *s, struct pxs_slot *slot) {
    struct pxs_message message;
    while (pxs_process_hear(&slot->process, &message))
        if (message.what == PXS_MESSAGE_RUNG)
            pxs_rungs_hear(s, slot, &message, pxs_work_clock(s));
        else
            note_disk(s, slot, message.what == PXS_MESSAGE_DISK_FULL);
    if (pxs_process_hung_up(&slot->process))
        pxs_process_close(&slot->process);
}

/* A worker's death wakes us at once; everything else can wait for a tick. */
static void sleep_a_tick(struct pxs_supervisor *s, struct pollfd *fds) {
    nfds_t n = 0;
    int timeout = PXS_TICK_MS;
    for (int i = 0; i < s->n_slots; i++) {
        struct pxs_slot *slot = &s->slots[i];
        if (!slot->busy)
            continue;
        if (slot->process.lifeline >= 0)
            listen_to(s, slot);
        if (slot->process.lifeline >= 0)
            fds[n++] = (struct pollfd){.fd = slot->process.lifeline, .events = POLLIN};
        /* its socket is closed: it is dead within a moment */
        else
            timeout = 2;
    }
    poll(fds, n, timeout);
}

static bool anything_left(struct pxs_supervisor *s, double now) {
    size_t working = 0, open = 0;
    pxs_budget_ends(s, now);
    if (s->task)
        return pxs_task_goes_on(s, now);
    for (int i = 0; i < s->n_slots; i++)
        working += s->slots[i].busy;
    open = working;
    open += s->pause.paused && !s->pause.stored;
    for (size_t i = 0; i < s->plan->n && !s->stopping && !s->pause.paused; i++) {
        const bool todo = s->runs[i].place == PXS_PLACE_TODO && !pxs_race_blocks(s, i);
        open += todo || s->runs[i].place == PXS_PLACE_OTHER;
        working += todo; /* is about to, also without the database */
    }
    if (!s->stopping && !s->pause.paused)
        open += pxs_race_is_open(s);
    open += s->race.rows_due;
    /* Who asks to stop does not wait for another process that holds such a folder. */
    if (!s->stopping || !isnan(s->store_failing_since))
        open += pxs_recorder_marks(s);
    if (open == 0)
        return false;
    for (size_t i = 0; i < s->plan->n && !s->stopping && pxs_store_shut(s, now); i++)
        working += s->runs[i].place == PXS_PLACE_OTHER;
    /* Nothing runs and the database stays shut: the next `run` ingests the records. Who asks to
     * stop does not want to wait. */
    double patience =
        s->options->store_patience > 0 ? s->options->store_patience : PXS_STORE_PATIENCE;
    if (s->stopping || (s->store_status != PXS_E_BUSY && s->store_status != PXS_E_NOSPC))
        patience = fmin(patience, 2 * PXS_STORE_RETRY);
    if (working == 0 && !isnan(s->store_failing_since) && now - s->store_failing_since > patience)
        s->store_lost = true;
    return !s->store_lost;
}

/* The loop stood still for a while: that time does not count. */
static void notice_gap(struct pxs_supervisor *s) {
    const double now = pxs_monotonic(), gap = now - s->looked_at;
    char text[32], words[96];
    s->looked_at = now;
    if (gap <= PXS_GAP_SECONDS)
        return;
    s->stood_still += gap;
    pxs_format_duration(text, gap);
    snprintf(words, sizeof words, "stood still for %s, which counts for no duration and no timeout",
             text);
    pxs_say(s, PXS_LOG_WARN, "%s", words);
    for (int i = 0; i < s->n_slots; i++)
        if (s->slots[i].busy)
            pxs_recorder_event(s, s->slots[i].row.run_id, "pause", words);
}

static void loop(struct pxs_supervisor *s, struct pollfd *fds,
                 const struct pxs_process **processes) {
    s->looked_at = pxs_monotonic();
    pxs_kills_look(s, INFINITY);
    double now = pxs_work_clock(s);
    while (anything_left(s, now)) {
        notice_gap(s);
        pxs_kills_look(s, now);
        stop_on_signal(s, now);
        save_on_signal(s);
        suspend_on_signal(s, processes);
        pxs_recorder_sync(s, now);
        pxs_task_look(s, now);
        pxs_paces_look(s, now);
        if (!s->stopping) /* also where the sweep is paused: what runs may be cancelled */
            pxs_other_supervisors_look(s, now);
        if (!s->stopping)
            pxs_race_look(s, now);
        fill_slots(s, now);
        pxs_rungs_answer(s, now);
        pxs_pause_store(s, now);
        pxs_show_board(s, now, false);
        sleep_a_tick(s, fds);
        notice_gap(s);
        now = pxs_work_clock(s);
        for (int i = 0; i < s->n_slots; i++)
            if (s->slots[i].busy)
                pxs_attempt_poll(s, &s->slots[i], now);
        now = pxs_work_clock(s);
    }
    pxs_show_board(s, now, true);
}

enum pxs_status pxs_supervise(struct pxs_supervisor *s, struct pxs_error *err) {
    struct pollfd *fds = calloc((size_t)s->n_slots, sizeof *fds);
    const struct pxs_process **processes = calloc((size_t)s->n_slots, sizeof *processes);
    struct pxs_stop *stop = s->options->stop;
    enum pxs_status status = fds && processes ? PXS_OK : pxs_fail_nomem(err);
    if (status == PXS_OK) {
        if (stop)
            atomic_store(&stop->was_handled, 1);
        loop(s, fds, processes);
    }
    free(fds);
    free(processes);
    return status;
}

/* ---- set-up --------------------------------------------------------------------------------- */

static void place_runs(struct pxs_supervisor *s) {
    for (size_t i = 0; i < s->plan->n; i++) {
        const enum pxs_run_state state = s->plan->runs[i].state;
        s->runs[i].waiting_since = NAN;
        s->runs[i].looked_at = s->runs[i].parked_until = -INFINITY;
        s->runs[i].over_since = s->runs[i].old_since = NAN;
        s->runs[i].not_before = -INFINITY;
        s->runs[i].place = pxs_plan_will_run(s->plan, state) ? PXS_PLACE_TODO
                           : state == PXS_STATE_RUNNING      ? PXS_PLACE_OTHER
                                                             : PXS_PLACE_OVER;
        s->had_work = s->had_work || s->runs[i].place != PXS_PLACE_OVER;
    }
}

static void say_reaped(void *user, const struct pxs_ingest_line *line) {
    if (line->changed || line->problem)
        pxs_say(user, line->problem ? PXS_LOG_WARN : PXS_LOG_INFO, "%s: %s", line->name,
                line->text);
}

/* Also of runs that are no longer in the experiment file. */
static void reap(struct pxs_supervisor *s) {
    struct pxs_ingest_counts counts = {0};
    struct pxs_error err;
    if (s->store &&
        pxs_sweep_reap(s->store, s->sweep_id, false, say_reaped, s, &counts, &err) != PXS_OK)
        pxs_store_trouble(s, &err, pxs_work_clock(s));
    pxs_other_supervisors_look(s, pxs_work_clock(s)); /* what was reaped can be taken */
}

enum pxs_status pxs_supervisor_prepare(struct pxs_supervisor *s, struct pxs_error *err) {
    PXS_TRY(pxs_order_make(s->plan, &s->order, err));
    s->n_slots = s->plan->slots.jobs;
    s->runs = calloc(s->plan->n + 1, sizeof *s->runs);
    s->slots = calloc((size_t)s->n_slots, sizeof *s->slots);
    if (!s->runs || !s->slots)
        return pxs_fail_nomem(err);
    PXS_TRY(pxs_race_make(s, err));
    place_runs(s);
    return pxs_rungs_make(s, err);
}

static enum pxs_status set_up(struct pxs_supervisor *s, struct pxs_error *err) {
    PXS_TRY(pxs_plan_make(s->options, &s->plan, err));
    if (s->listener->checked)
        PXS_TRY(s->listener->checked(s->listener->user, s->plan, err));
    PXS_TRY(pxs_store_check_place(s->plan->db, err));
    PXS_TRY(pxs_preflight(s->plan, s->options, s->kernels, err));
    PXS_TRY(pxs_probe_shapes(s, err));
    enum pxs_status status = pxs_recorder_open(s, pxs_shut_after(s), err);
    if (pxs_store_may_wait(status, s->plan->db))
        pxs_store_trouble(s, err, pxs_work_clock(s));
    else
        PXS_TRY(status);
    PXS_TRY(pxs_supervisor_prepare(s, err));
    reap(s);
    pxs_paces_load(s);
    return PXS_OK;
}

/* Each line by itself: warnings, what pruning does, and what it does to the comparison. */
static void say_words(struct pxs_supervisor *s) {
    static const char warning[] = "warning: ";
    struct pxs_text words = {0};
    pxs_plan_warnings(s->plan, &words);
    pxs_shorter_words(s->plan, &words);
    pxs_prune_words(s->plan, &words);
    if (pxs_race_goes_on(s->plan))
        pxs_race_plan_words(s->plan, &words);
    pxs_budget_words(s->plan, &words);
    for (const char *at = pxs_text_str(&words); *at;) {
        size_t n = strcspn(at, "\n");
        bool warns = strncmp(at, warning, strlen(warning)) == 0;
        size_t skip = warns ? strlen(warning) : 0; /* the listener says so itself */
        pxs_say(s, warns ? PXS_LOG_WARN : PXS_LOG_INFO, "%.*s", (int)(n - skip), at + skip);
        at += n + (at[n] == '\n');
    }
    pxs_text_finish(&words);
}

static void say_plan(struct pxs_supervisor *s) {
    const struct pxs_plan *p = s->plan;
    size_t todo = 0, recorded = 0; /* whole in their folders, and the database lacks them */
    char expected[80];
    pxs_plan_total(s->plan);
    if (p->notes[0])
        pxs_say(s, PXS_LOG_INFO, "%s", p->notes);
    say_words(s);
    pxs_race_say_end(s);
    for (size_t i = 0; i < p->n; i++) {
        const bool whole = p->runs[i].seconds == 0 && p->runs[i].steps_scanned > 0;
        todo += s->runs[i].place == PXS_PLACE_TODO && !whole;
        recorded += s->runs[i].place == PXS_PLACE_TODO && whole;
    }
    if (recorded > 0)
        pxs_say(s, PXS_LOG_INFO, "%s: %zu run%s in %s, and only recorded here", p->sweep, recorded,
                recorded == 1 ? " is whole" : "s are whole",
                recorded == 1 ? "its folder" : "their folders");
    struct pxs_text range = {0};
    pxs_race_range_words(p, &range);
    pxs_expected_text(expected, p->seconds_to_do, pxs_now_ms());
    if (todo == 0)
        pxs_say(s, PXS_LOG_INFO, "%s: %zu run%s, nothing to %s", p->sweep, p->n,
                p->n == 1 ? "" : "s", recorded > 0 ? "train" : "do");
    else
        pxs_say(s, PXS_LOG_INFO,
                "%s: %zu run%s, %s%zu to do, %d at a time with %d thread%s each, about %s (%s%s%s)",
                p->sweep, p->n, p->n == 1 ? "" : "s", p->race.on ? "at most " : "", todo,
                p->slots.jobs, p->slots.threads, p->slots.threads == 1 ? "" : "s", expected,
                pxs_text_str(&range), range.len > 0 ? "; " : "", p->time_basis);
    pxs_text_finish(&range);
}

static enum pxs_status carry_out(struct pxs_supervisor *s, struct pxs_sweep_summary *summary,
                                 struct pxs_error *err) {
    struct pxs_stop *stop = s->options->stop;
    if (s->listener->planned)
        s->listener->planned(s->listener->user, s->plan);
    say_plan(s);
    PXS_TRY(pxs_supervise(s, err));
    pxs_summarise(s, summary);
    if (s->had_work && !s->stopping)
        pxs_on_done(s->plan->how.on_done, s->listener, stop, summary);
    if (stop)
        atomic_store(&stop->was_handled, 0);
    return summary->exit_code == 130
               ? pxs_fail(err, PXS_E_STOPPED, "interrupted; the same command goes on")
               : PXS_OK;
}

void pxs_supervisor_end(struct pxs_supervisor *s) {
    for (int i = 0; s->slots && i < s->n_slots; i++) {
        pxs_record_cursor_close(&s->slots[i].tail);
        pxs_record_cursor_close(&s->slots[i].intake);
        pxs_cores_let_go(s, &s->slots[i]);
        if (s->slots[i].busy)
            pxs_attempt_leave(&s->slots[i]);
    }
    for (size_t i = 0; s->runs && i < s->plan->n; i++)
        free(s->runs[i].ingest_from);
    pxs_store_close(&s->store);
    pxs_race_finish(s);
    pxs_plan_destroy(&s->plan);
    pxs_paces_finish(&s->paces);
    pxs_rungs_finish(s);
    free(s->order);
    free(s->runs);
    free(s->slots);
}

void pxs_supervisor_begin(struct pxs_supervisor *s, const struct pxs_sweep_options *options,
                          const struct pxs_sweep_listener *listener) {
    static const struct pxs_sweep_listener silent;
    *s = (struct pxs_supervisor){.options = options,
                                 .listener = listener ? listener : &silent,
                                 .started = pxs_monotonic(),
                                 .started_ms = pxs_now_ms(),
                                 .board_at = -INFINITY,
                                 .budget = {.looked_at = -INFINITY},
                                 .others_at = -INFINITY,
                                 .store_failed_at = NAN,
                                 .store_failing_since = NAN};
    pxs_host_detect(&s->host);
    pxs_claim_owner_here(NULL, 0, &s->claimant);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        s->core_locks[cpu] = -1;
    s->heartbeat_at = s->started;
    if (sched_getaffinity(0, sizeof s->allowed, &s->allowed) != 0) /* more than a set holds */
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
            CPU_SET(cpu, &s->allowed);
}

enum pxs_status pxs_sweep_run(const struct pxs_sweep_options *options,
                              const struct pxs_sweep_listener *listener,
                              struct pxs_sweep_summary *summary, struct pxs_error *err) {
    struct pxs_supervisor s;
    pxs_supervisor_begin(&s, options, listener);
    memset(summary, 0, sizeof *summary);
    summary->remedy = "";
    snprintf(summary->sweep, sizeof summary->sweep, "%.100s", options->file);
    summary->exit_code = 2;
    enum pxs_status status = set_up(&s, err);
    if (status == PXS_OK)
        status = carry_out(&s, summary, err);
    else if (status == PXS_E_STOPPED) /* while the data were being read */
        summary->exit_code = 130;
    pxs_supervisor_end(&s);
    return status;
}
