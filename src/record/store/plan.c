/* Freezing a plan: a sweep and its runs, once. */
#include "store_priv.h"

#include <stdlib.h>
#include <string.h>

void pxs_store_plan_finish(struct pxs_store_plan *plan) {
    free(plan->gone);
    memset(plan, 0, sizeof *plan);
}

/* ---- what is there -------------------------------------------------------------------------- */

enum pxs_status pxs_store_find_identity(struct pxs_store *s, int64_t sweep_id,
                                        struct pxs_store_plan_run *run, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool found;
    run->run_id = run->number = 0;
    run->name[0] = run->dir[0] = '\0';
    run->state = PXS_STATE_NONE;
    run->added = false;
    PXS_TRY(pxs_store_first(
        s, PXS_ST_RUN_BY_IDENTITY,
        PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_text(run->config_hash), pxs_cell_int(run->seed)),
        &stmt, &found, err));
    if (!found)
        return PXS_OK;
    char dir[PXS_PATH_MAX];
    run->run_id = pxs_column_int(stmt, 0);
    run->number = pxs_column_int(stmt, 1);
    pxs_column_text(stmt, 2, run->name, sizeof run->name);
    pxs_column_text(stmt, 3, dir, sizeof dir);
    run->state = pxs_column_state(stmt, 4);
    pxs_stmt_reset(stmt);
    pxs_store_full_dir(s, dir, run->dir);
    return PXS_OK;
}

static int compare_ids(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The run_ids of `runs`, ascending; 0 for those that do not exist. NULL when out of memory. */
static int64_t *sorted_ids(const struct pxs_store_plan_run *runs, size_t n) {
    int64_t *ids = malloc((n + 1) * sizeof *ids);
    for (size_t i = 0; ids && i < n; i++)
        ids[i] = runs[i].run_id;
    if (ids)
        qsort(ids, n, sizeof *ids, compare_ids);
    return ids;
}

/* The runs of the sweep that are not among `ids`. */
static enum pxs_status find_gone(struct pxs_store *s, const int64_t *ids, size_t n,
                                 struct pxs_store_plan *plan, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row;
    PXS_TRY(pxs_store_first(s, PXS_ST_RUN_IDS, PXS_ARGS(pxs_cell_int(plan->sweep_id)), &stmt, &row,
                            err));
    enum pxs_status status = PXS_OK;
    while (status == PXS_OK && row) {
        int64_t id = pxs_column_int(stmt, 0);
        if (!bsearch(&id, ids, n, sizeof id, compare_ids)) {
            const size_t used = plan->n_gone;
            if ((used & (used - 1)) == 0) { /* full at every power of two */
                int64_t *more = realloc(plan->gone, (used ? 2 * used : 1) * sizeof *more);
                if (!more) {
                    status = pxs_fail_nomem(err);
                    break;
                }
                plan->gone = more;
            }
            plan->gone[plan->n_gone++] = id;
        }
        status = pxs_stmt_step(stmt, &row, err);
    }
    pxs_stmt_reset(stmt);
    return status;
}

/* Counts, gone runs and the next number, once every run's row is known. */
static enum pxs_status sum_up(struct pxs_store *s, const struct pxs_store_plan_run *runs, size_t n,
                              struct pxs_store_plan *plan, struct pxs_error *err) {
    for (size_t i = 0; i < n; i++) {
        plan->added += runs[i].added;
        plan->found += runs[i].run_id && !runs[i].added;
    }
    plan->next_number = 1;
    if (!plan->sweep_id)
        return PXS_OK;
    PXS_TRY(pxs_store_int(s, PXS_ST_NEXT_NUMBER, PXS_ARGS(pxs_cell_int(plan->sweep_id)), 1,
                          &plan->next_number, err));
    int64_t *ids = sorted_ids(runs, n);
    enum pxs_status status = ids ? find_gone(s, ids, n, plan, err) : pxs_fail_nomem(err);
    free(ids);
    return status;
}

static enum pxs_status look_up(struct pxs_store *s, const char *sweep,
                               struct pxs_store_plan_run *runs, size_t n,
                               struct pxs_store_plan *plan, struct pxs_error *err) {
    PXS_TRY(pxs_store_int(s, PXS_ST_SWEEP_BY_NAME, PXS_ARGS(pxs_cell_text(sweep)), 0,
                          &plan->sweep_id, err));
    for (size_t i = 0; i < n; i++)
        PXS_TRY(pxs_store_find_identity(s, plan->sweep_id, &runs[i], err));
    return sum_up(s, runs, n, plan, err);
}

enum pxs_status pxs_store_lookup(struct pxs_store *s, const char *sweep,
                                 struct pxs_store_plan_run *runs, size_t n,
                                 struct pxs_store_plan *plan, struct pxs_error *err) {
    enum pxs_status status = PXS_E_BUSY;
    for (int tries = 0; status == PXS_E_BUSY && tries < 3; tries++) {
        struct pxs_store_plan found = {0};
        PXS_TRY(pxs_store_refresh(s, err));
        status = look_up(s, sweep, runs, n, &found, err);
        status = pxs_store_unchanged(s, status, err);
        if (status == PXS_OK)
            *plan = found;
        else
            pxs_store_plan_finish(&found);
    }
    return status;
}

/* ---- freezing ------------------------------------------------------------------------------- */

struct pxs_cell pxs_param_cell(const struct pxs_param_value *v) {
    switch (v->kind) {
    case PXS_VALUE_INTEGER:
        return pxs_cell_int(v->integer);
    case PXS_VALUE_REAL:
        return pxs_cell_real(v->real);
    case PXS_VALUE_TEXT:
        return pxs_cell_text(v->text);
    case PXS_VALUE_NULL:
        break;
    }
    return pxs_cell_text(NULL);
}

enum pxs_status pxs_store_add_run_row(struct pxs_store *s, int64_t sweep_id,
                                      struct pxs_store_plan_run *run, struct pxs_error *err) {
    PXS_TRY(pxs_store_run_stmt(
        s, PXS_ST_RUN_INSERT,
        PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_int(run->new_number),
                 pxs_cell_text(run->new_name), pxs_cell_text(pxs_store_short_dir(s, run->new_dir)),
                 pxs_cell_text(run->config_hash), pxs_cell_text(run->new_config_yaml),
                 pxs_cell_int(run->seed)),
        err));
    const struct pxs_cell run_id = pxs_cell_int(pxs_sql_last_id(s->sql));
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        if (!pxs_params_effective(run->params, key))
            continue;
        const struct pxs_param_value value = pxs_params_get(run->params, key);
        const struct pxs_cell name = pxs_cell_text(pxs_param_info(key)->key);
        PXS_TRY(pxs_store_run_stmt(s, PXS_ST_PARAM_INSERT,
                                   PXS_ARGS(run_id, name, pxs_param_cell(&value)), err));
    }
    PXS_TRY(pxs_store_find_identity(s, sweep_id, run, err));
    run->added = true;
    return PXS_OK;
}

static enum pxs_status freeze_runs(struct pxs_store *s, int64_t sweep_id,
                                   struct pxs_store_plan_run *runs, size_t n,
                                   struct pxs_error *err) {
    for (size_t i = 0; i < n; i++) {
        struct pxs_store_plan_run *run = &runs[i];
        int64_t namesake;
        PXS_TRY(pxs_store_find_identity(s, sweep_id, run, err));
        if (run->run_id)
            continue;
        PXS_TRY(pxs_store_int(s, PXS_ST_RUN_NAMESAKE,
                              PXS_ARGS(pxs_cell_text(run->new_name), pxs_cell_int(sweep_id),
                                       pxs_cell_int(run->new_number)),
                              0, &namesake, err));
        if (namesake)
            return pxs_fail(err, PXS_E_EXISTS,
                            "run %lld has the number or the name of new run %s: plan again",
                            (long long)namesake, run->new_name);
        PXS_TRY(pxs_store_add_run_row(s, sweep_id, run, err));
    }

    int64_t *ids = sorted_ids(runs, n);
    if (!ids)
        return pxs_fail_nomem(err);
    enum pxs_status status = PXS_OK;
    for (size_t i = 1; status == PXS_OK && i < n; i++)
        if (ids[i] == ids[i - 1])
            status =
                pxs_fail(err, PXS_E_INVALID,
                         "two of the planned runs are the same: same configuration, same seed");
    free(ids);
    return status;
}

/* The sweep's row, the runs' rows, what there is now. */
static enum pxs_status freeze(struct pxs_store *s, const char *sweep, const char *spec_yaml,
                              const char *spec_hash, struct pxs_store_plan_run *runs, size_t n,
                              struct pxs_store_plan *plan, struct pxs_error *err) {
    PXS_TRY(pxs_store_sweep_row(s, sweep, spec_yaml, spec_hash, n, &plan->sweep_id, err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_SWEEP_UPDATE,
                               PXS_ARGS(pxs_cell_int(plan->sweep_id), pxs_cell_text(spec_yaml),
                                        pxs_cell_text(spec_hash), pxs_cell_int((int64_t)n)),
                               err));
    PXS_TRY(freeze_runs(s, plan->sweep_id, runs, n, err));
    return sum_up(s, runs, n, plan, err);
}

enum pxs_status pxs_store_plan(struct pxs_store *s, const char *sweep, const char *spec_yaml,
                               const char *spec_hash, struct pxs_store_plan_run *runs, size_t n,
                               struct pxs_store_plan *plan, struct pxs_error *err) {
    struct pxs_store_plan made = {0};
    PXS_TRY(pxs_store_begin(s, err));
    enum pxs_status status =
        pxs_store_end(s, freeze(s, sweep, spec_yaml, spec_hash, runs, n, &made, err), err);
    if (status == PXS_OK)
        *plan = made;
    else
        pxs_store_plan_finish(&made);
    return status;
}

static enum pxs_status set_asked(struct pxs_store *s, int64_t sweep_id,
                                 const struct pxs_store_plan_run *runs, size_t n,
                                 struct pxs_error *err) {
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_ASKED_CLEAR, PXS_ARGS(pxs_cell_int(sweep_id)), err));
    for (size_t i = 0; i < n; i++)
        PXS_TRY(pxs_store_run_stmt(
            s, PXS_ST_ASKED_INSERT,
            PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_text(runs[i].config_hash)), err));
    return PXS_OK;
}

enum pxs_status pxs_store_set_asked(struct pxs_store *s, int64_t sweep_id,
                                    const struct pxs_store_plan_run *runs, size_t n,
                                    struct pxs_error *err) {
    PXS_TRY(pxs_store_begin(s, err));
    return pxs_store_end(s, set_asked(s, sweep_id, runs, n, err), err);
}
