/* How long an attempt may take: run.timeout as it stands, or as a share of the sweep's median
 * finished run.
 *
 * A share is scaled by the work of a run (multiply-accumulates of all its steps) and by the threads
 * of the attempt, so that a run which is larger by its configuration is not killed for it. The
 * limit holds for each attempt by itself: one that goes on from a resume point is given the whole
 * time again. Before anything is finished there is no limit. A task looks into one run's folder a
 * second, in turn, for runs that others have finished. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor_priv.h"
#include "supervisor_texts.h"

#define LOOK_SECONDS 1.0

static double work_of(const struct pxs_plan_run *run) {
    return run->estimate.gmac_per_step * (double)run->estimate.steps;
}

/* Where in the sorted values `pace` belongs, and there it goes; without memory it is not
 * learned. */
static void insert(struct pxs_paces *p, double pace) {
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 64;
        double *more = realloc(p->values, cap * sizeof *more);
        if (!more)
            return;
        p->values = more;
        p->cap = cap;
    }
    size_t at = p->n;
    while (at > 0 && p->values[at - 1] > pace)
        at--;
    memmove(&p->values[at + 1], &p->values[at], (p->n - at) * sizeof *p->values);
    p->values[at] = pace;
    p->n++;
}

void pxs_paces_finish(struct pxs_paces *p) {
    free(p->values);
    memset(p, 0, sizeof *p);
}

/* All attempts of a run count: what an interrupted one did, the last one did not have to do
 * again. */
struct effort {
    double seconds, steps; /* of a run that stopped early, what it has done */
    int64_t threads;       /* the most of an attempt */
};

static bool ask_store(struct pxs_supervisor *s, size_t index, struct effort *out) {
    struct pxs_table t = {0};
    struct pxs_cell id = pxs_cell_int(s->plan->runs[index].run_id);
    if (pxs_store_select(s->store, pxs_supervisor_run_pace_sql, &id, 1, &t, NULL) != PXS_OK)
        return false;
    *out = (struct effort){pxs_table_at(&t, 0, "seconds").real, pxs_table_at(&t, 0, "steps").real,
                           pxs_table_at(&t, 0, "threads").integer};
    pxs_table_finish(&t);
    return true;
}

/* The same from the folder of a completed run; ends.txt is read first, as it is small. */
static bool ask_folder(const char *dir, struct effort *out) {
    struct pxs_run_records found = {0};
    struct pxs_ends ends = {0};
    struct pxs_error err;
    *out = (struct effort){.threads = 1};
    bool completed = pxs_ends_read(dir, &ends, &err) == PXS_OK && ends.n > 0 &&
                     ends.of[ends.n - 1].end.state == PXS_STATE_COMPLETED;
    pxs_ends_finish(&ends);
    if (!completed)
        return false;
    completed = pxs_run_records_read(dir, &found, &err) == PXS_OK &&
                pxs_run_records_state(&found) == PXS_STATE_COMPLETED;
    for (size_t i = 0; completed && i < found.n; i++) {
        const struct pxs_run_records_attempt *a = &found.attempts[i];
        const struct pxs_store_end *end = pxs_run_records_end(a);
        const int64_t ended_ms = end ? end->ended_ms : a->ended_ms,
                      threads = a->line ? a->line->attempt.threads : a->row.threads;
        if (ended_ms > 0)
            out->seconds += (double)(ended_ms - a->row.started_ms) / 1000;
        if (threads > out->threads)
            out->threads = threads;
    }
    out->steps =
        found.shorter ? 0 : (double)found.steps; /* its time is not that of all its steps */
    pxs_run_records_finish(&found);
    return completed;
}

void pxs_paces_learn(struct pxs_supervisor *s, size_t index) {
    struct pxs_super_run *here = &s->runs[index];
    struct effort e;
    if (!(s->plan->how.timeout_share > 0) || here->pace_known)
        return;
    here->pace_known = s->task    ? ask_folder(s->plan->runs[index].dir, &e)
                       : s->store ? ask_store(s, index, &e)
                                  : false;
    double work = here->pace_known ? s->plan->runs[index].estimate.gmac_per_step * e.steps : 0;
    if (work > 0 && e.seconds > 0) /* a clock that was put back says nothing */
        insert(&s->paces, e.seconds * pxs_speedup((int)e.threads) / work);
}

void pxs_paces_look(struct pxs_supervisor *s, double now) {
    struct pxs_paces *p = &s->paces;
    if (!s->task || !(s->plan->how.timeout_share > 0) || now - p->looked_at < LOOK_SECONDS)
        return;
    p->looked_at = now;
    for (size_t tried = 0; tried < s->plan->n; tried++) {
        const size_t i = p->next++ % s->plan->n;
        if (s->runs[i].pace_known || s->runs[i].place == PXS_PLACE_HERE)
            continue;
        pxs_paces_learn(s, i);
        return;
    }
}

void pxs_paces_load(struct pxs_supervisor *s) {
    for (size_t i = 0; i < s->plan->n; i++)
        if (s->plan->runs[i].state == PXS_STATE_COMPLETED)
            pxs_paces_learn(s, i);
}

double pxs_time_limit(const struct pxs_supervisor *s, size_t index, int threads) {
    const struct pxs_paces *p = &s->paces;
    double work = work_of(&s->plan->runs[index]);
    if (!(s->plan->how.timeout_share > 0))
        return s->plan->how.timeout_s;
    if (p->n == 0 || !(work > 0))
        return INFINITY;
    double median =
        p->n % 2 ? p->values[p->n / 2] : (p->values[p->n / 2 - 1] + p->values[p->n / 2]) / 2;
    return s->plan->how.timeout_share * median * work / pxs_speedup(threads);
}
