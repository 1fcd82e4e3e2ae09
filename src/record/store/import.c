/* Runs that other programs made, read from their logs. */
#include "store_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- the run -------------------------------------------------------------------------------- */

static enum pxs_status add_run(struct pxs_store *s, int64_t sweep_id,
                               struct pxs_store_imported *run, struct pxs_error *err) {
    PXS_TRY(pxs_store_int(s, PXS_ST_NEXT_NUMBER, PXS_ARGS(pxs_cell_int(sweep_id)), 1, &run->number,
                          err));
    if (!run->seed_known)
        run->seed = -run->number;
    const int n = snprintf(run->name, sizeof run->name, "%s/%04lld-%.60s-s%lld", run->sweep,
                           (long long)run->number, run->what, (long long)run->seed);
    if (n < 0 || (size_t)n >= sizeof run->name)
        return pxs_fail(err, PXS_E_INVALID, "the name of the sweep is too long: %.100s",
                        run->sweep);
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_RUN_INSERT,
                               PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_int(run->number),
                                        pxs_cell_text(run->name), pxs_cell_text(run->name),
                                        pxs_cell_text(run->config_hash),
                                        pxs_cell_text(run->config_yaml), pxs_cell_int(run->seed)),
                               err));
    run->run_id = pxs_sql_last_id(s->sql);
    return PXS_OK;
}

static enum pxs_status add_params(struct pxs_store *s, const struct pxs_store_imported *run,
                                  struct pxs_error *err) {
    const struct pxs_cell id = pxs_cell_int(run->run_id);
    for (int key = 0; key < PXS_PARAM_COUNT; key++) {
        const struct pxs_param_value value = pxs_params_get(run->params, key);
        const struct pxs_cell name = pxs_cell_text(pxs_param_info(key)->key);
        if (run->known[key])
            PXS_TRY(pxs_store_run_stmt(s, PXS_ST_PARAM_INSERT,
                                       PXS_ARGS(id, name, pxs_param_cell(&value)), err));
        else if (key == PXS_PARAM_dataset && run->label)
            PXS_TRY(pxs_store_run_stmt(s, PXS_ST_PARAM_INSERT,
                                       PXS_ARGS(id, name, pxs_cell_text(run->label)), err));
    }
    return PXS_OK;
}

/* ---- its attempt ---------------------------------------------------------------------------- */

/* The one attempt of the run, closed, with its environment. */
static enum pxs_status add_attempt(struct pxs_store *s, const struct pxs_store_imported *run,
                                   struct pxs_error *err) {
    struct pxs_store_attempt a = {.run_id = run->run_id, .started_ms = run->at_ms};
    const char *outcome = pxs_state_name(pxs_outcome_state(run->outcome));
    const enum pxs_end_reason reason = pxs_reason_of_outcome(run->outcome);
    PXS_TRY(pxs_store_insert_attempt(s, &a, 1, err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_ATTEMPT_END,
                               PXS_ARGS(pxs_cell_int(a.attempt_id), pxs_cell_int(run->at_ms),
                                        pxs_cell_text(outcome), pxs_cell_text(NULL),
                                        pxs_cell_text(NULL), pxs_cell_text(run->message),
                                        pxs_cell_text_or_null(pxs_reason_name(reason))),
                               err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_RUN_SET_STATE,
                               PXS_ARGS(pxs_cell_int(run->run_id), pxs_cell_text(outcome)), err));

    char *environment = strdup(run->environment);
    if (!environment)
        return pxs_fail_nomem(err);
    const enum pxs_status status = pxs_store_put_environment(s, a.attempt_id, environment, err);
    free(environment);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static enum pxs_status import(struct pxs_store *s, struct pxs_store_imported *run,
                              pxs_store_next_fn next, void *user, struct pxs_error *err) {
    static const char spec[] = "# no experiment file: imported from logs\n";
    struct pxs_stmt *stmt;
    struct pxs_sha256 sha;
    char spec_hash[PXS_SHA256_HEX];
    int64_t sweep_id;
    bool there;

    /* Nothing is done where the run was imported before. */
    pxs_sha256_init(&sha);
    pxs_sha256_update(&sha, spec, strlen(spec));
    pxs_sha256_hex(&sha, spec_hash);
    PXS_TRY(pxs_store_sweep_row(s, run->sweep, spec, spec_hash, 0, &sweep_id, err));
    PXS_TRY(pxs_store_first(s, PXS_ST_IMPORTED_FIND,
                            PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_text(run->config_hash)),
                            &stmt, &there, err));
    if (there) {
        run->run_id = pxs_column_int(stmt, 0);
        run->number = pxs_column_int(stmt, 1);
        pxs_column_text(stmt, 2, run->name, sizeof run->name);
        pxs_stmt_reset(stmt);
        return PXS_OK;
    }

    PXS_TRY(add_run(s, sweep_id, run, err));
    PXS_TRY(add_params(s, run, err));
    PXS_TRY(add_attempt(s, run, err));

    /* Where it comes from. */
    const struct pxs_cell id = pxs_cell_int(run->run_id), now = pxs_cell_int(pxs_now_ms());
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_IMPORTED_INSERT,
                               PXS_ARGS(id, pxs_cell_text(run->source),
                                        pxs_cell_int(run->first_line), pxs_cell_int(run->last_line),
                                        pxs_cell_int(run->unreadable), now),
                               err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_EVENT_ADD,
                               PXS_ARGS(id, now, pxs_cell_text(pxs_level_name(PXS_LOG_INFO)),
                                        pxs_cell_text("imported"), pxs_cell_text(run->event)),
                               err));

    /* What it measured. */
    PXS_TRY(pxs_store_put_records(s, run->run_id, next, user, err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_SUMMARY_WITHOUT_TIME, &id, 1, err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_SWEEP_IMPORTED, PXS_ARGS(pxs_cell_int(sweep_id)), err));
    run->added = true;
    return PXS_OK;
}

enum pxs_status pxs_store_import(struct pxs_store *s, struct pxs_store_imported *run,
                                 pxs_store_next_fn next, void *user, struct pxs_error *err) {
    struct pxs_store_imported made = *run;
    made.added = false;
    PXS_TRY(pxs_store_begin(s, err));
    PXS_TRY(pxs_store_end(s, import(s, &made, next, user, err), err));
    *run = made;
    return PXS_OK;
}
