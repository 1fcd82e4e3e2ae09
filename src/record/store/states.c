/* States that a user sets: pausing a sweep, trying runs again, cancelling them; and what a
 * supervisor asks about them. */
#include "store_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- looking -------------------------------------------------------------------------------- */

static enum pxs_status append(struct pxs_store_run_state **list, size_t *n, int64_t run_id,
                              enum pxs_run_state state, struct pxs_error *err) {
    if ((*n & (*n - 1)) == 0) { /* full at every power of two */
        struct pxs_store_run_state *more = realloc(*list, (*n ? 2 * *n : 1) * sizeof *more);
        if (!more)
            return pxs_fail_nomem(err);
        *list = more;
    }
    (*list)[(*n)++] = (struct pxs_store_run_state){.run_id = run_id, .state = state};
    return PXS_OK;
}

enum pxs_status pxs_store_run_states(struct pxs_store *s, int64_t sweep_id,
                                     struct pxs_store_run_state **out, size_t *n,
                                     struct pxs_error *err) {
    struct pxs_store_run_state *list = NULL;
    struct pxs_stmt *stmt;
    size_t used = 0;
    bool row;
    PXS_TRY(pxs_store_refresh(s, err));
    PXS_TRY(
        pxs_store_first(s, PXS_ST_RUN_STATES, PXS_ARGS(pxs_cell_int(sweep_id)), &stmt, &row, err));
    enum pxs_status status = PXS_OK;
    while (status == PXS_OK && row) {
        status = append(&list, &used, pxs_column_int(stmt, 0), pxs_column_state(stmt, 1), err);
        if (status == PXS_OK)
            status = pxs_stmt_step(stmt, &row, err);
    }
    pxs_stmt_reset(stmt);
    if (status != PXS_OK) {
        free(list);
        return status;
    }
    *out = list;
    *n = used;
    return PXS_OK;
}

enum pxs_status pxs_store_failures(struct pxs_store *s, int64_t run_id, int64_t *crashes,
                                   int64_t *timeouts, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row;
    PXS_TRY(pxs_store_refresh(s, err));
    PXS_TRY(pxs_store_first(s, PXS_ST_FAILURES, PXS_ARGS(pxs_cell_int(run_id)), &stmt, &row, err));
    *crashes = pxs_column_int(stmt, 0);
    *timeouts = pxs_column_int(stmt, 1);
    pxs_stmt_reset(stmt);
    return PXS_OK;
}

/* ---- a sweep -------------------------------------------------------------------------------- */

static enum pxs_status fail_no_sweep(int64_t sweep_id, struct pxs_error *err) {
    return pxs_fail(err, PXS_E_NOT_FOUND, "there is no sweep %lld", (long long)sweep_id);
}

enum pxs_status pxs_store_get_sweep_state(struct pxs_store *s, int64_t sweep_id, char state[16],
                                          struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row;
    PXS_TRY(pxs_store_refresh(s, err));
    PXS_TRY(
        pxs_store_first(s, PXS_ST_SWEEP_STATE, PXS_ARGS(pxs_cell_int(sweep_id)), &stmt, &row, err));
    if (!row)
        return fail_no_sweep(sweep_id, err);
    pxs_column_text(stmt, 0, state, 16);
    pxs_stmt_reset(stmt);
    return PXS_OK;
}

enum pxs_status pxs_store_sweep_state(struct pxs_store *s, int64_t sweep_id, const char *state,
                                      struct pxs_error *err) {
    if (strcmp(state, "open") != 0 && strcmp(state, "paused") != 0)
        return pxs_fail(err, PXS_E_INTERNAL, "a sweep cannot be %s", state);
    PXS_TRY(pxs_store_begin(s, err));
    enum pxs_status status = pxs_store_run_stmt(
        s, PXS_ST_SWEEP_SET_STATE, PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_text(state)), err);
    if (status == PXS_OK && pxs_sql_changes(s->sql) != 1)
        status = fail_no_sweep(sweep_id, err);
    return pxs_store_end(s, status, err);
}

/* ---- trying again --------------------------------------------------------------------------- */

void pxs_store_changed_finish(struct pxs_store_changed *changed) {
    free(changed->runs);
    memset(changed, 0, sizeof *changed);
}

/* Which states `what` asks for. */
static const struct {
    unsigned bit;
    enum pxs_run_state state;
} retried[] = {{PXS_RETRY_FAILED, PXS_STATE_FAILED},
               {PXS_RETRY_DIVERGED, PXS_STATE_DIVERGED},
               {PXS_RETRY_CANCELLED, PXS_STATE_CANCELLED}};

/* The user's condition is on lines of its own, so a comment at its end does not reach our text, and
 * the caret of an error is under what was typed. */
static enum pxs_status ask_which(struct pxs_store *s, int64_t sweep_id, unsigned what,
                                 const char *where, struct pxs_table *out, struct pxs_error *err) {
    struct pxs_text sql = {0};
    pxs_text_addf(
        &sql,
        "SELECT run_id, state FROM v_run WHERE sweep_id = ?1 AND state IN (?2, ?3, ?4) AND run_id "
        "NOT IN (SELECT run_id FROM imported) AND (\n%s\n) ORDER BY run_id",
        where ? where : "1");
    struct pxs_cell args[1 + PXS_COUNT(retried)] = {pxs_cell_int(sweep_id)};
    for (size_t i = 0; i < PXS_COUNT(retried); i++)
        args[1 + i] = pxs_cell_state(what & retried[i].bit ? retried[i].state : PXS_STATE_NONE);
    enum pxs_status status = sql.failed
                                 ? pxs_fail_nomem(err)
                                 : pxs_store_select(s, sql.text, args, PXS_COUNT(args), out, err);
    pxs_text_finish(&sql);
    return status;
}

static enum pxs_status note_changed(struct pxs_store_changed *out, int64_t run_id,
                                    enum pxs_run_state state, struct pxs_error *err) {
    out->states.of[state]++;
    return append(&out->runs, &out->n, run_id, state, err);
}

static enum pxs_status retry_all(struct pxs_store *s, int64_t sweep_id, unsigned what,
                                 const struct pxs_table *which, struct pxs_store_changed *out,
                                 struct pxs_error *err) {
    for (size_t i = 0; i < which->n_rows; i++) {
        struct pxs_cell id = pxs_table_at(which, i, "run_id");
        enum pxs_run_state state = pxs_state_parse(pxs_table_at(which, i, "state").text);
        /* A condition that breaks out of its brackets may bring rows of anything: only what is
         * asked for counts. */
        bool asked = false;
        for (size_t w = 0; w < PXS_COUNT(retried); w++)
            asked = asked || ((what & retried[w].bit) && state == retried[w].state);
        if (!asked || id.kind != PXS_CELL_INT)
            continue;
        PXS_TRY(pxs_store_run_stmt(
            s, PXS_ST_RUN_RETRY, PXS_ARGS(id, pxs_cell_int(sweep_id), pxs_cell_state(state)), err));
        if (pxs_sql_changes(s->sql) != 1) {
            out->left++;
            continue;
        }
        PXS_TRY(pxs_store_run_stmt(s, PXS_ST_RETRY_INSERT, PXS_ARGS(id, pxs_cell_int(pxs_now_ms())),
                                   err));
        PXS_TRY(note_changed(out, id.integer, state, err));
    }
    return PXS_OK;
}

enum pxs_status pxs_store_retry(struct pxs_store *s, int64_t sweep_id, unsigned what,
                                const char *where, struct pxs_store_changed *out,
                                struct pxs_error *err) {
    struct pxs_store_changed changed = {0};
    struct pxs_table which;
    PXS_TRY(ask_which(s, sweep_id, what, where, &which, err));
    enum pxs_status status = pxs_store_begin(s, err);
    if (status == PXS_OK)
        status = pxs_store_end(s, retry_all(s, sweep_id, what, &which, &changed, err), err);
    pxs_table_finish(&which);
    if (status == PXS_OK)
        *out = changed;
    else
        pxs_store_changed_finish(&changed);
    return status;
}

/* ---- cancelling ----------------------------------------------------------------------------- */

static enum pxs_status cancel_one(struct pxs_store *s, int64_t run_id,
                                  struct pxs_store_changed *out, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row;
    PXS_TRY(pxs_store_first(s, PXS_ST_RUN_STATE, PXS_ARGS(pxs_cell_int(run_id)), &stmt, &row, err));
    if (!row)
        return pxs_fail(err, PXS_E_NOT_FOUND, "there is no run %lld", (long long)run_id);
    enum pxs_run_state state = pxs_column_state(stmt, 0);
    pxs_stmt_reset(stmt);
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_RUN_CANCEL, PXS_ARGS(pxs_cell_int(run_id)), err));
    if (pxs_sql_changes(s->sql) == 1)
        return note_changed(out, run_id, state, err);
    out->left++;
    return PXS_OK;
}

enum pxs_status pxs_store_cancel(struct pxs_store *s, const int64_t *run_ids, size_t n,
                                 struct pxs_store_changed *out, struct pxs_error *err) {
    struct pxs_store_changed changed = {0};
    PXS_TRY(pxs_store_begin(s, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; status == PXS_OK && i < n; i++)
        status = cancel_one(s, run_ids[i], &changed, err);
    status = pxs_store_end(s, status, err);
    if (status == PXS_OK)
        *out = changed;
    else
        pxs_store_changed_finish(&changed);
    return status;
}
