/* How far a budget of training goes: run.budget and sweep.race.budget. */
#include <math.h>
#include <stdlib.h>

#include "plan_priv.h"
#include "plan_texts.h"

/* Rows are in the order of run_id. */
static double seconds_of(const struct pxs_table *rows, int64_t run_id) {
    size_t low = 0, high = rows->n_rows;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (pxs_table_at(rows, middle, "run_id").integer < run_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rows->n_rows && pxs_table_at(rows, low, "run_id").integer == run_id
               ? pxs_table_at(rows, low, "seconds").real
               : 0;
}

enum pxs_status pxs_plan_read_spent(struct pxs_plan *plan, struct pxs_store *store,
                                    struct pxs_error *err) {
    struct pxs_table rows = {0};
    const struct pxs_cell name = pxs_cell_text(plan->sweep);
    PXS_TRY(pxs_store_select(store, pxs_plan_spent_sql, &name, 1, &rows, err));
    plan->seconds_spent = 0;
    for (size_t row = 0; row < rows.n_rows; row++)
        plan->seconds_spent += pxs_table_at(&rows, row, "seconds").real;
    for (size_t i = 0; i < plan->n; i++)
        plan->runs[i].spent =
            plan->runs[i].run_id != 0 ? seconds_of(&rows, plan->runs[i].run_id) : 0;
    pxs_table_finish(&rows);
    return PXS_OK;
}

double pxs_budget_seconds(const struct pxs_plan *plan, const char **key) {
    const double of_run = plan->how.budget_s,
                 of_race = plan->race.on ? plan->race.budget_s : INFINITY;
    *key = of_race < of_run ? "sweep.race.budget" : "run.budget";
    return fmin(of_run, of_race);
}

double pxs_seconds_left(const struct pxs_plan_run *run) {
    return fmax(run->seconds - run->spent, 0);
}

/* How many seeds a race may make, all runs of them, with `expected` as it is foreseen, else with
 * nothing dropped. `runs`: counted in runs, those that are made included; else in seconds that are
 * left. */
static size_t seeds_within(const struct pxs_plan *plan, double budget, bool runs, bool expected) {
    double sum = runs ? 0 : plan->seconds_spent;
    const size_t k = plan->n_configurations;
    for (size_t i = 0; i < plan->n; i++) {
        const struct pxs_plan_run *run = &plan->runs[i];
        const double share = expected ? run->likely : run->state != PXS_STATE_NOT_NEEDED;
        if (runs)
            sum += share;
        else if (run->state == PXS_STATE_RUNNING || pxs_plan_takes_run(plan, run))
            sum += share * pxs_seconds_left(run);
        if (sum > budget)
            return i / k;
    }
    return plan->n / k;
}

static void add_seeds(const struct pxs_plan *plan, double budget, bool runs, struct pxs_text *out) {
    const size_t all = plan->n / plan->n_configurations,
                 sure = seeds_within(plan, budget, runs, false);
    if (!plan->forecast.known)
        pxs_text_addf(out, "%zu of %zu seeds fit where no configuration is dropped\n", sure, all);
    else if (seeds_within(plan, budget, runs, true) == all)
        pxs_text_addf(out,
                      "the race fits into it if it goes as expected; %zu of %zu seeds where no "
                      "more configurations are dropped\n",
                      sure, all);
    else
        pxs_text_addf(out,
                      "%zu of %zu seeds fit if the race goes as expected, %zu where no more "
                      "configurations are dropped\n",
                      seeds_within(plan, budget, runs, true), all, sure);
}

/* How far sweep.race.budget goes that is a number of runs. */
static void add_runs(const struct pxs_plan *plan, struct pxs_text *out) {
    if (!plan->race.on || plan->race.budget_runs == 0)
        return;
    if (!pxs_race_goes_on(plan)) { /* it has said how it ended */
        pxs_text_addf(out, "sweep.race.budget: %lld runs\n", (long long)plan->race.budget_runs);
        return;
    }
    pxs_text_addf(out, "sweep.race.budget: %lld runs; ", (long long)plan->race.budget_runs);
    add_seeds(plan, (double)plan->race.budget_runs, true, out);
}

void pxs_budget_words(const struct pxs_plan *plan, struct pxs_text *out) {
    const char *key;
    const double budget = pxs_budget_seconds(plan, &key);
    add_runs(plan, out);
    char limit[32], spent[32], each[32];
    double sum = plan->seconds_spent;
    size_t fit = 0, left = 0, first = 0;
    size_t *order;
    struct pxs_error err;
    if (isinf(budget) || pxs_order_make(plan, &order, &err) != PXS_OK)
        return;
    for (size_t i = 0; i < plan->n; i++)
        if (plan->runs[i].state == PXS_STATE_RUNNING && !plan->runs[i].stale)
            sum += pxs_seconds_left(&plan->runs[i]);
    for (size_t i = 0; i < plan->n; i++) {
        const struct pxs_plan_run *run = &plan->runs[order[i]];
        if (!pxs_plan_takes_run(plan, run))
            continue;
        sum += pxs_seconds_left(run);
        if (left == 0 && sum <= budget)
            fit++;
        else if (left++ == 0)
            first = order[i];
    }
    free(order);
    pxs_format_duration(limit, budget);
    pxs_format_duration(spent, plan->seconds_spent);
    pxs_text_addf(out, "%s: %s of training", key, limit);
    if (plan->seconds_spent > 0)
        pxs_text_addf(out, ", of which %s are spent", spent);
    if (plan->race.on && pxs_race_goes_on(plan)) {
        pxs_text_add(out, "; ");
        add_seeds(plan, budget, false, out);
        if (plan->course.judged == 0 &&
            seeds_within(plan, budget, false, false) < (size_t)plan->race.rule.first)
            pxs_text_addf(out,
                          "warning: %s is too little for the first look, %zu configurations with "
                          "%d seeds: a larger budget?\n",
                          key, plan->n_configurations, plan->race.rule.first);
        return;
    }
    if (left == 0) {
        pxs_text_add(out, fit > 0 ? "; what is to do fits into it\n" : "\n");
        return;
    }
    pxs_format_duration(each, pxs_seconds_left(&plan->runs[first]));
    pxs_text_addf(out,
                  "; %zu of %zu runs to do fit into it, the first that does not is %s (about %s)\n",
                  fit, fit + left, plan->runs[first].name, each);
}
