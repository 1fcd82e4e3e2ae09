/* How long an attempt may take: run.timeout as it stands, or as a share of the sweep's median
 * finished run.
 *
 * A share is scaled by the work of a run (multiply-accumulates of all its steps) and by the threads
 * of the attempt, so that a run which is larger by its configuration is not killed for it. The
 * limit holds for each attempt by itself: one that goes on from a resume point is given the whole
 * time again. Before anything is finished there is no limit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor_priv.h"
#include "supervisor_texts.h"

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
void pxs_paces_learn(struct pxs_supervisor *s, size_t index) {
    const struct pxs_plan_run *run = &s->plan->runs[index];
    struct pxs_table t = {0};
    struct pxs_cell id = pxs_cell_int(run->run_id);
    if (!(s->plan->how.timeout_share > 0) || !s->store)
        return;
    if (pxs_store_select(s->store, pxs_supervisor_run_pace_sql, &id, 1, &t, NULL) != PXS_OK)
        return;
    double seconds = pxs_table_at(&t, 0, "seconds").real;
    int64_t threads = pxs_table_at(&t, 0, "threads").integer;
    /* Of a run that stopped early, what it has done. */
    double work = run->estimate.gmac_per_step * pxs_table_at(&t, 0, "steps").real;
    if (seconds > 0 && work > 0) /* a clock that was put back says nothing */
        insert(&s->paces, seconds * pxs_speedup((int)threads) / work);
    pxs_table_finish(&t);
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
