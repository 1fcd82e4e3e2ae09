/* How a sweep went: counts, and a reason for each run that is not completed. */
#include <stdlib.h>
#include <string.h>

#include "supervisor_priv.h"

void pxs_sweep_summary_finish(struct pxs_sweep_summary *summary) {
    if (!summary)
        return;
    pxs_arena_finish(&summary->arena);
    memset(summary, 0, sizeof *summary);
}

static void count(const struct pxs_supervisor *s, size_t i, struct pxs_sweep_summary *out) {
    const char *state = s->plan->runs[i].state;
    out->n_completed += strcmp(state, "completed") == 0;
    out->n_completed_now += s->runs[i].completed_here;
    out->n_failed += strcmp(state, "failed") == 0;
    out->n_diverged += strcmp(state, "diverged") == 0;
    out->n_interrupted += strcmp(state, "interrupted") == 0;
    out->n_cancelled += strcmp(state, "cancelled") == 0;
    out->n_pruned += strcmp(state, "pruned") == 0;
    out->n_queued += strcmp(state, "queued") == 0;
    out->n_elsewhere += strcmp(state, "running") == 0;
}

/* First line of what the last attempt left as its message. */
static const char *reason_of(struct pxs_supervisor *s, size_t i, struct pxs_arena *arena) {
    struct pxs_table t = {0};
    struct pxs_cell id = pxs_cell_int(s->plan->runs[i].run_id);
    char *reason = NULL;
    if (s->runs[i].reason[0])
        return pxs_arena_strdup(arena, s->runs[i].reason);
    if (strcmp(s->plan->runs[i].state, "running") == 0)
        return s->runs[i].place == PXS_PLACE_ELSEWHERE ? "runs under another `pixsweep run`"
                                                       : "its end could not be written into the database yet";
    for (size_t k = s->n_late; k-- > 0;)
        if (s->late[k].run == i)
            return pxs_arena_printf(arena, "%.*s", (int)strcspn(s->late[k].message, "\n"),
                                    s->late[k].message);
    if (s->store &&
        pxs_store_select(
            s->store,
            "SELECT message FROM attempt WHERE run_id = ?1 AND message IS NOT NULL ORDER BY no DESC LIMIT 1",
            &id, 1, &t, NULL) == PXS_OK) {
        const char *text = pxs_table_at(&t, 0, "message").text;
        text = text ? pxs_without_outcome(text, s->plan->runs[i].state) : NULL;
        if (text && text[0])
            reason = pxs_arena_printf(arena, "%.*s", (int)strcspn(text, "\n"), text);
    }
    pxs_table_finish(&t);
    return reason ? reason : "not started";
}

static void add_problem(struct pxs_supervisor *s, size_t i, struct pxs_sweep_summary *out) {
    struct pxs_sweep_problem *p = &out->problems[out->n_problems];
    const char *reason = reason_of(s, i, &out->arena);
    snprintf(p->name, sizeof p->name, "%s", s->plan->runs[i].name);
    snprintf(p->state, sizeof p->state, "%s", s->plan->runs[i].state);
    p->reason = reason ? reason : "";
    out->n_problems++;
}

static const char *paused(const struct pxs_supervisor *s, struct pxs_sweep_summary *out) {
    const char *text = pxs_arena_strdup(&out->arena, s->brake.reason);
    return text ? text : "the sweep is paused";
}

static const char *not_home(const struct pxs_supervisor *s) {
    if (s->store_status ==
        PXS_E_UNSUPPORTED) /* a network file system: it will not open the next time either */
        return "the database was not written; nothing is lost: the records stand in the runs' folders, and "
               "`pixsweep merge` with that folder and --db on a local disk takes them in";
    return "the database could not be written; nothing is lost: the records stand in the runs' folders and "
           "the "
           "next `pixsweep run` takes them in";
}

static const char *remedy(const struct pxs_supervisor *s, struct pxs_sweep_summary *out) {
    if (!out->recorded)
        return not_home(s);
    if (s->brake.paused)
        return paused(s, out);
    if (out->n_failed + out->n_diverged + out->n_cancelled > 0)
        return "failed, diverged and cancelled runs are left as they are: `pixsweep retry SWEEP` queues them "
               "again (--failed, "
               "--diverged, --cancelled, --where choose)";
    if (out->n_interrupted + out->n_queued > 0)
        return "the same command goes on with what is interrupted or queued";
    if (out->n_pruned > 0)
        return "pruned runs keep their resume points: the same file without sweep.prune takes them up again";
    return "";
}

/* As it was asked for. */
static bool is_done(const char *state) {
    return strcmp(state, "completed") == 0 || strcmp(state, "pruned") == 0;
}

/* Nobody misses what was removed while the others ran. */
static bool is_removed(const struct pxs_supervisor *s, size_t i) {
    return strcmp(s->plan->runs[i].state, "removed") == 0;
}

void pxs_summarise(struct pxs_supervisor *s, struct pxs_sweep_summary *out) {
    snprintf(out->sweep, sizeof out->sweep, "%s", s->plan->sweep);
    snprintf(out->db, sizeof out->db, "%s", s->plan->db);
    snprintf(out->results, sizeof out->results, "%s", s->plan->results);
    out->n_total = s->plan->n;
    out->seconds = pxs_work_clock(s) - s->started;
    for (size_t i = 0; i < s->plan->n; i++)
        count(s, i, out);
    for (size_t i = 0; i < s->plan->n; i++)
        out->n_total -= is_removed(s, i);
    size_t open = out->n_total - out->n_completed - out->n_pruned;
    out->problems = open > 0 ? pxs_arena_alloc(&out->arena, open * sizeof *out->problems) : NULL;
    for (size_t i = 0; out->problems && i < s->plan->n; i++)
        if (!is_done(s->plan->runs[i].state) && !is_removed(s, i))
            add_problem(s, i, out);
    out->recorded =
        s->store && pxs_store_is_there(s->store) && !s->store_lost && !s->left_behind && s->n_late == 0;
    out->remedy = remedy(s, out);
    bool resumable = out->n_interrupted + out->n_queued + out->n_elsewhere > 0;
    out->exit_code = s->stopping && resumable ? 130 : open > 0 || !out->recorded ? 1 : 0;
}
