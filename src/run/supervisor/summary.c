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
    out->states.of[s->plan->runs[i].state]++;
    out->n_completed_now += s->runs[i].completed_here;
}

const char *pxs_run_reason(struct pxs_store *store, int64_t run_id, enum pxs_run_state state,
                           struct pxs_arena *arena) {
    struct pxs_table t = {0};
    const struct pxs_cell id = pxs_cell_int(run_id);
    char *reason = NULL;
    if (pxs_store_select(store,
                         "SELECT coalesce((SELECT message FROM event WHERE run_id = ?1 "
                         "AND kind = 'removing'), (SELECT message FROM attempt WHERE "
                         "run_id = ?1 AND message IS NOT "
                         "NULL ORDER BY no DESC LIMIT 1)) AS message, coalesce((SELECT last_epoch "
                         "FROM run_summary WHERE run_id = ?1), -1) + 1 AS epochs",
                         &id, 1, &t, NULL) == PXS_OK) {
        const long long epochs = (long long)pxs_table_at(&t, 0, "epochs").integer;
        const char *text = pxs_table_at(&t, 0, "message").text;
        text = text ? pxs_without_outcome(text, state) : NULL;
        if (text && text[0])
            reason = pxs_arena_printf(arena, "%.*s", (int)strcspn(text, "\n"), text);
        else if (epochs > 0)
            reason = pxs_arena_printf(arena, "after %lld epoch%s", epochs, epochs == 1 ? "" : "s");
    }
    pxs_table_finish(&t);
    return reason;
}

/* First line of what the last attempt left as its message. */
static const char *reason_of(struct pxs_supervisor *s, size_t i, struct pxs_arena *arena) {
    const char *reason = NULL;
    if (s->runs[i].reason[0])
        return pxs_arena_strdup(arena, s->runs[i].reason);
    if (s->plan->runs[i].state == PXS_STATE_RUNNING)
        return "runs under another `pixsweep run`";
    struct pxs_ends ends = {0};
    if (s->runs[i].ingest_from && pxs_ends_read(s->runs[i].ingest_from, &ends, NULL) == PXS_OK &&
        ends.n > 0 && ends.of[ends.n - 1].end.message) {
        const char *text = ends.of[ends.n - 1].end.message;
        reason = pxs_arena_printf(arena, "%.*s", (int)strcspn(text, "\n"), text);
    }
    pxs_ends_finish(&ends);
    if (!reason && s->store)
        reason = pxs_run_reason(s->store, s->plan->runs[i].run_id, s->plan->runs[i].state, arena);
    return reason ? reason : "not started";
}

static void add_problem(struct pxs_supervisor *s, size_t i, struct pxs_sweep_summary *out) {
    struct pxs_sweep_problem *p = &out->problems[out->n_problems];
    const char *reason = reason_of(s, i, &out->arena);
    snprintf(p->name, sizeof p->name, "%s", s->plan->runs[i].name);
    p->state = s->plan->runs[i].state;
    p->reason = reason ? reason : "";
    out->n_problems++;
}

static const char *paused(const struct pxs_supervisor *s, struct pxs_sweep_summary *out) {
    const char *text = pxs_arena_strdup(&out->arena, s->pause.reason);
    return text ? text : "the sweep is paused";
}

static const char *not_home(const struct pxs_supervisor *s) {
    if (s->store_status ==
        PXS_E_UNSUPPORTED) /* a network file system: it will not open the next time either */
        return "the database was not written; nothing is lost: the records stand in the runs' "
               "folders, and `pixsweep merge` with that folder and --db on a local disk ingests "
               "them";
    return "the database could not be written; nothing is lost: the records stand in the runs' "
           "folders and the next `pixsweep run` ingests them";
}

static const char *remedy(const struct pxs_supervisor *s, struct pxs_sweep_summary *out) {
    const size_t *of = out->states.of;
    if (!out->recorded)
        return not_home(s);
    if (s->pause.paused)
        return paused(s, out);
    if (of[PXS_STATE_FAILED] + of[PXS_STATE_DIVERGED] + of[PXS_STATE_CANCELLED] > 0) {
        out->retry = "queues them again (--failed, --diverged, --cancelled, --where choose)";
        return "failed, diverged and cancelled runs are left as they are";
    }
    if (of[PXS_STATE_INTERRUPTED] + of[PXS_STATE_QUEUED] > 0)
        return "the same command goes on with what is interrupted or queued";
    if (of[PXS_STATE_PRUNED] > 0)
        return "pruned runs keep their resume points: the same file without sweep.prune takes them "
               "up again";
    return "";
}

void pxs_summarise(struct pxs_supervisor *s, struct pxs_sweep_summary *out) {
    snprintf(out->sweep, sizeof out->sweep, "%s", s->plan->sweep);
    snprintf(out->db, sizeof out->db, "%s", s->plan->db);
    snprintf(out->results, sizeof out->results, "%s", s->plan->results);
    out->where = pxs_plan_condition(s->plan, &out->arena);
    out->seconds = pxs_work_clock(s) - s->started;
    for (size_t i = 0; i < s->plan->n; i++)
        count(s, i, out);
    /* Runs that were removed meanwhile do not count as open. */
    const size_t *of = out->states.of;
    out->n_total = s->plan->n - of[PXS_STATE_REMOVED];
    size_t open =
        out->n_total - of[PXS_STATE_COMPLETED] - of[PXS_STATE_PRUNED] - of[PXS_STATE_NOT_NEEDED];
    out->problems = open > 0 ? pxs_arena_alloc(&out->arena, open * sizeof *out->problems) : NULL;
    for (size_t i = 0; out->problems && i < s->plan->n; i++)
        if (!pxs_state_is_done(s->plan->runs[i].state) &&
            s->plan->runs[i].state != PXS_STATE_REMOVED)
            add_problem(s, i, out);
    out->recorded = s->store && pxs_store_is_there(s->store) && !s->store_lost && !s->left_behind &&
                    pxs_recorder_marks(s) == 0 && !s->race.rows_due;
    struct pxs_text verdict = {0};
    pxs_race_end_words(s, &verdict);
    out->verdict = pxs_arena_strdup(&out->arena, pxs_text_str(&verdict));
    pxs_text_finish(&verdict);
    out->remedy = remedy(s, out);
    bool resumable = of[PXS_STATE_INTERRUPTED] + of[PXS_STATE_QUEUED] + of[PXS_STATE_RUNNING] > 0;
    out->exit_code = s->stopping && resumable                                  ? 130
                     : open > 0 || !out->recorded || pxs_race_goes_on(s->plan) ? 1
                                                                               : 0;
}
