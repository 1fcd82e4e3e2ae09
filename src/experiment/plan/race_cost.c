/* A plan's race: what its runs have measured so far, and how it may go on. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan_priv.h"

/* ---- values of runs -------------------------------------------------------------------------- */

struct place {
    int64_t run_id;
    size_t index;
};

static int by_run_id(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    return (x->run_id > y->run_id) - (x->run_id < y->run_id);
}

static double real_or_nan(const struct pxs_table *t, size_t row, size_t column) {
    const struct pxs_cell *cell = &t->cells[row * t->n_columns + column];
    return cell->kind == PXS_CELL_REAL  ? cell->real
           : cell->kind == PXS_CELL_INT ? (double)cell->integer
                                        : NAN;
}

/* Sets the values of completed runs, which stand in rows of seeds. */
static enum pxs_status read_values(const struct pxs_plan *plan, struct pxs_store *store,
                                   double *values, struct pxs_error *err) {
    static const char sql[] =
        "SELECT run_id, epoch, avg_loss_G, val_loss, val_psnr, val_ssim FROM epoch "
        "JOIN run USING (run_id) JOIN sweep USING (sweep_id) "
        "WHERE sweep.name = ?1 AND run.state = 'completed' ORDER BY run_id, epoch";
    const size_t k = plan->n_configurations;
    const struct pxs_cell name = pxs_cell_text(plan->sweep);
    struct pxs_table t = {0};
    struct place *places = calloc(plan->n, sizeof *places);
    if (!places)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < plan->n; i++)
        places[i] = (struct place){plan->runs[i].run_id, i};
    qsort(places, plan->n, sizeof *places, by_run_id);
    const enum pxs_status status = pxs_store_select(store, sql, &name, 1, &t, err);
    for (size_t row = 0; status == PXS_OK && row < t.n_rows;) {
        const struct place key = {.run_id = t.cells[row * t.n_columns].integer};
        const struct place *place = bsearch(&key, places, plan->n, sizeof *places, by_run_id);
        struct pxs_race_score score;
        pxs_race_score_begin(&score, plan->race.metric);
        for (; row < t.n_rows && t.cells[row * t.n_columns].integer == key.run_id; row++)
            pxs_race_score_epoch(&score, t.cells[row * t.n_columns + 1].integer,
                                 real_or_nan(&t, row, 2), real_or_nan(&t, row, 3),
                                 real_or_nan(&t, row, 4), real_or_nan(&t, row, 5));
        if (place && key.run_id != 0)
            values[place->index % k * (plan->n / k) + place->index / k] =
                pxs_race_score_value(&score);
    }
    if (status == PXS_OK)
        pxs_table_finish(&t);
    free(places);
    /* Where the epochs cannot be read the plan only says less. */
    return status == PXS_E_NOMEM ? status : PXS_OK;
}

enum pxs_status pxs_plan_foresee(struct pxs_plan *plan, struct pxs_store *store,
                                 struct pxs_error *err) {
    const size_t k = plan->n_configurations, seeds = plan->n / k;
    if (!plan->race.on)
        return PXS_OK;
    double *values = calloc(plan->n, sizeof *values), *likely = calloc(plan->n, sizeof *likely);
    bool *made = calloc(plan->n, sizeof *made);
    enum pxs_status status = PXS_OK;
    if (!plan->standing)
        plan->standing = pxs_arena_alloc(&plan->arena, k * sizeof *plan->standing);
    if (!values || !likely || !made || !plan->standing) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    for (size_t i = 0; i < plan->n; i++) {
        const size_t at = i % k * seeds + i / k;
        const enum pxs_run_state state = plan->runs[i].state;
        values[at] = state == PXS_STATE_DIVERGED ? PXS_RACE_DIVERGED : NAN;
        made[at] = state == PXS_STATE_COMPLETED || state == PXS_STATE_DIVERGED ||
                   state == PXS_STATE_FAILED || state == PXS_STATE_CANCELLED;
    }
    if (store)
        status = read_values(plan, store, values, err);
    const struct pxs_race_start start = {.judged = plan->course.judged,
                                         .state = plan->course.state,
                                         .dropped_at = plan->course.dropped_at};
    if (status == PXS_OK)
        status = pxs_race_foresee(&plan->race.rule, k, values, made, &start, likely, plan->standing,
                                  &plan->forecast, err);
    for (size_t i = 0; i < plan->n && status == PXS_OK; i++)
        plan->runs[i].likely = likely[i % k * seeds + i / k];
out:
    free(values);
    free(likely);
    free(made);
    return status;
}

/* ---- words ----------------------------------------------------------------------------------- */

/* "3, 4, 6 and 8" */
static void add_looks(const struct pxs_race_options *rule, struct pxs_text *out) {
    int looks[PXS_RACE_LOOKS_MOST];
    size_t n = 0;
    struct pxs_error err;
    if (pxs_race_looks(rule, looks, &n, &err) != PXS_OK)
        return;
    for (size_t i = 0; i < n; i++)
        pxs_text_addf(out, "%s%d", i == 0 ? "" : i + 1 < n ? ", " : " and ", looks[i]);
}

/* What earlier runs let expect. */
static void add_forecast(const struct pxs_plan *plan, struct pxs_text *out) {
    const struct pxs_race_forecast *f = &plan->forecast;
    size_t made = 0;
    for (size_t c = 0; c < plan->n_configurations; c++)
        made += plan->standing[c].made;
    if (plan->course.state != PXS_RACE_GOES_ON) {
        pxs_text_add(out, "race: ");
        pxs_race_words_end(&plan->course.last, plan->race.rule.indifference,
                           plan->race.rule.max_seeds, false, 0, out);
        pxs_text_add(out, "\n");
        return;
    }
    if (!f->known) {
        pxs_text_addf(out,
                      "race: what it costs in all is said once each configuration has two seeds "
                      "that tell of its spread (%zu of %zu have)\n",
                      f->tell, f->racing);
        return;
    }
    const struct {
        double share;
        const char *words;
    } ends[] = {{f->won, "one winner"},
                {f->equal, "equal ones"},
                {1 - f->won - f->equal, "nothing separated"}};
    bool first = true;
    pxs_text_addf(
        out,
        "race: if differences and spread are as the %zu runs so far show, about %.0f runs "
        "in all",
        made, f->runs);
    if (f->high > f->low)
        pxs_text_addf(out, " (8 of 10 such races: %.0f to %.0f)", f->low, f->high);
    for (size_t i = 0; i < PXS_COUNT(ends); i++) {
        if (!(ends[i].share > 1e-9))
            continue;
        pxs_text_addf(out, "%s%s in %.0f %%", first ? "; ends with " : ", ", ends[i].words,
                      100 * ends[i].share);
        first = false;
    }
    pxs_text_add(out, "\n");
}

void pxs_race_plan_words(const struct pxs_plan *plan, struct pxs_text *out) {
    const struct pxs_race_settings *race = &plan->race;
    const struct pxs_race_metric_info *metric = pxs_race_metric_info(race->metric);
    if (!race->on)
        return;
    pxs_text_addf(out, "race: %zu configurations by %s (%s is better), confidence %g, ",
                  plan->n_configurations, metric->name, metric->higher_better ? "higher" : "lower",
                  race->rule.confidence);
    if (race->rule.indifference > 0)
        pxs_text_addf(out, "differences up to %g do not matter", race->rule.indifference);
    else
        pxs_text_add(out, "any difference matters (sweep.race.indifference is 0)");
    pxs_text_add(out, "; judged at ");
    add_looks(&race->rule, out);
    pxs_text_addf(out, " seeds: %zu runs to the first look, %zu at most\n",
                  plan->n_configurations * (size_t)race->rule.first, plan->n);
    add_forecast(plan, out);
}

void pxs_race_range_words(const struct pxs_plan *plan, struct pxs_text *out) {
    char first[32], most[32];
    if (!plan->race.on || plan->seconds_most <= 0)
        return;
    pxs_format_duration(first, plan->seconds_first);
    pxs_format_duration(most, plan->seconds_most);
    if (plan->seconds_first > 0)
        pxs_text_addf(out, "%s to the first look, ", first);
    pxs_text_addf(out, "%s at most", most);
}
