/* Attempts: claiming a run, heartbeats, the end; events. */
#include "store_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- claiming ------------------------------------------------------------------------------- */

static enum pxs_status fail_not_free(struct pxs_store *s, int64_t run_id, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    char name[256];
    bool row;
    PXS_TRY(pxs_store_first(s, PXS_ST_RUN_STATE, PXS_ARGS(pxs_cell_int(run_id)), &stmt, &row, err));
    if (!row)
        return pxs_fail(err, PXS_E_NOT_FOUND, "there is no run %lld", (long long)run_id);
    enum pxs_run_state state = pxs_column_state(stmt, 0);
    pxs_column_text(stmt, 1, name, sizeof name);
    pxs_stmt_reset(stmt);
    return pxs_fail(err, PXS_E_BUSY, "run %s is %s, not queued, interrupted or pruned", name,
                    pxs_state_name(state));
}

enum pxs_status pxs_store_insert_attempt(struct pxs_store *s, struct pxs_store_attempt *a,
                                         int64_t no, struct pxs_error *err) {
    PXS_TRY(pxs_store_run_stmt(
        s, PXS_ST_ATTEMPT_INSERT,
        PXS_ARGS(pxs_cell_int(a->run_id), pxs_cell_int(no), pxs_cell_text_or_null(a->host),
                 pxs_cell_text_or_null(a->boot_id), pxs_cell_int_or_null(a->pid),
                 pxs_cell_int_or_null(a->pid_start), pxs_cell_text_or_null(a->cores),
                 pxs_cell_int_or_null(a->threads), pxs_cell_text_or_null(a->kernels),
                 pxs_cell_int(a->started_ms)),
        err));
    a->attempt_id = pxs_sql_last_id(s->sql);
    return PXS_OK;
}

static enum pxs_status claim(struct pxs_store *s, struct pxs_store_attempt *a,
                             struct pxs_error *err) {
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_RUN_CLAIM, PXS_ARGS(pxs_cell_int(a->run_id)), err));
    if (pxs_sql_changes(s->sql) != 1)
        return fail_not_free(s, a->run_id, err);
    int64_t next;
    PXS_TRY(
        pxs_store_int(s, PXS_ST_ATTEMPT_NEXT, PXS_ARGS(pxs_cell_int(a->run_id)), 1, &next, err));
    a->no = a->no > next ? a->no : next;
    return pxs_store_insert_attempt(s, a, a->no, err);
}

enum pxs_status pxs_store_take(struct pxs_store *s, struct pxs_store_attempt *attempt,
                               struct pxs_error *err) {
    struct pxs_store_attempt a = *attempt;
    if (!a.started_ms)
        a.started_ms = pxs_now_ms();
    PXS_TRY(pxs_store_begin(s, err));
    PXS_TRY(pxs_store_end(s, claim(s, &a, err), err));

    a.heartbeat_ms = a.started_ms;
    a.ended_ms = a.record_offset = 0;
    a.resumed_from_step = -1;
    a.outcome = PXS_STATE_NONE;
    a.message[0] = '\0';
    a.reason = PXS_REASON_NONE;
    *attempt = a;
    return PXS_OK;
}

/* ---- while it runs -------------------------------------------------------------------------- */

/* A transaction of one statement. */
static enum pxs_status run_alone(struct pxs_store *s, enum pxs_store_stmt which,
                                 const struct pxs_cell *args, size_t n, struct pxs_error *err) {
    PXS_TRY(pxs_store_begin(s, err));
    return pxs_store_end(s, pxs_store_run_stmt(s, which, args, n, err), err);
}

static enum pxs_status fail_no_attempt(int64_t attempt_id, struct pxs_error *err) {
    return pxs_fail(err, PXS_E_NOT_FOUND, "there is no attempt %lld", (long long)attempt_id);
}

enum pxs_status pxs_store_attempt_pid(struct pxs_store *s, int64_t attempt_id, int64_t pid,
                                      int64_t pid_start, struct pxs_error *err) {
    PXS_TRY(run_alone(s, PXS_ST_ATTEMPT_PID,
                      PXS_ARGS(pxs_cell_int(attempt_id), pxs_cell_int_or_null(pid),
                               pxs_cell_int_or_null(pid_start)),
                      err));
    return pxs_sql_changes(s->sql) == 1 ? PXS_OK : fail_no_attempt(attempt_id, err);
}

enum pxs_status pxs_store_heartbeat(struct pxs_store *s, const int64_t *attempt_ids, size_t n,
                                    int64_t at_ms, struct pxs_error *err) {
    if (n == 0)
        return PXS_OK;
    PXS_TRY(pxs_store_begin(s, err));
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; status == PXS_OK && i < n; i++)
        status =
            pxs_store_run_stmt(s, PXS_ST_ATTEMPT_HEARTBEAT,
                               PXS_ARGS(pxs_cell_int(attempt_ids[i]), pxs_cell_int(at_ms)), err);
    return pxs_store_end(s, status, err);
}

/* ---- the end -------------------------------------------------------------------------------- */

static enum pxs_status end_attempt(struct pxs_store *s, int64_t attempt_id,
                                   const struct pxs_store_end *end, struct pxs_error *err) {
    int64_t run_id;
    PXS_TRY(
        pxs_store_int(s, PXS_ST_ATTEMPT_RUN, PXS_ARGS(pxs_cell_int(attempt_id)), 0, &run_id, err));
    if (!run_id)
        return fail_no_attempt(attempt_id, err);
    PXS_TRY(pxs_store_run_stmt(
        s, PXS_ST_ATTEMPT_END,
        PXS_ARGS(pxs_cell_int(attempt_id),
                 pxs_cell_int(end->ended_ms ? end->ended_ms : pxs_now_ms()),
                 pxs_cell_state(end->outcome),
                 end->exit_code < 0 ? pxs_cell_text(NULL) : pxs_cell_int(end->exit_code),
                 pxs_cell_int_or_null(end->signal), pxs_cell_text_or_null(end->message),
                 pxs_cell_text_or_null(pxs_reason_name(end->reason))),
        err));
    if (pxs_sql_changes(s->sql) != 1)
        return pxs_fail(err, PXS_E_EXISTS, "attempt %lld has been closed already",
                        (long long)attempt_id);
    return pxs_store_run_stmt(s, PXS_ST_RUN_CLOSE,
                              PXS_ARGS(pxs_cell_int(run_id), pxs_cell_state(end->state)), err);
}

enum pxs_status pxs_store_attempt_end(struct pxs_store *s, int64_t attempt_id,
                                      const struct pxs_store_end *end, struct pxs_error *err) {
    PXS_TRY(pxs_store_begin(s, err));
    return pxs_store_end(s, end_attempt(s, attempt_id, end, err), err);
}

enum pxs_status pxs_store_attempt_reopen(struct pxs_store *s, int64_t attempt_id,
                                         struct pxs_error *err) {
    PXS_TRY(pxs_store_begin(s, err));
    return pxs_store_end(
        s, pxs_store_run_stmt(s, PXS_ST_ATTEMPT_REOPEN, PXS_ARGS(pxs_cell_int(attempt_id)), err),
        err);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void read_attempt(const struct pxs_stmt *stmt, struct pxs_store_attempt *a) {
    bool blob;
    memset(a, 0, sizeof *a);
    a->attempt_id = pxs_column_int(stmt, 0);
    a->run_id = pxs_column_int(stmt, 1);
    a->no = pxs_column_int(stmt, 2);
    pxs_column_text(stmt, 3, a->host, sizeof a->host);
    pxs_column_text(stmt, 4, a->boot_id, sizeof a->boot_id);
    a->pid = pxs_column_int(stmt, 5);
    a->pid_start = pxs_column_int(stmt, 6);
    pxs_column_text(stmt, 7, a->cores, sizeof a->cores);
    a->threads = pxs_column_int(stmt, 8);
    pxs_column_text(stmt, 9, a->kernels, sizeof a->kernels);
    a->started_ms = pxs_column_int(stmt, 10);
    a->heartbeat_ms = pxs_column_int(stmt, 11);
    a->ended_ms = pxs_column_int(stmt, 12);
    struct pxs_cell resumed = pxs_stmt_cell(stmt, 13, &blob);
    a->resumed_from_step = resumed.kind == PXS_CELL_INT ? resumed.integer : -1;
    a->record_offset = pxs_column_int(stmt, 14);
    a->outcome = pxs_column_state(stmt, 15);
    pxs_column_text(stmt, 16, a->message, sizeof a->message);
    a->reason = pxs_reason_parse(pxs_stmt_cell(stmt, 17, &blob).text);
}

static enum pxs_status list_attempts(struct pxs_store *s, enum pxs_store_stmt which, int64_t id,
                                     struct pxs_store_attempt **out, size_t *n,
                                     struct pxs_error *err) {
    struct pxs_stmt *stmt;
    struct pxs_store_attempt *list = NULL;
    size_t used = 0;
    bool row;
    PXS_TRY(pxs_store_refresh(s, err));
    PXS_TRY(pxs_store_first(s, which, PXS_ARGS(pxs_cell_int(id)), &stmt, &row, err));
    enum pxs_status status = PXS_OK;
    while (row) {
        struct pxs_store_attempt *more = realloc(list, (used + 1) * sizeof *more);
        if (!more) {
            status = pxs_fail_nomem(err);
            goto out;
        }
        list = more;
        read_attempt(stmt, &list[used++]);
        status = pxs_stmt_step(stmt, &row, err);
        if (status != PXS_OK)
            goto out;
    }
    *out = list;
    *n = used;
    list = NULL;
out:
    pxs_stmt_reset(stmt);
    free(list);
    return status;
}

enum pxs_status pxs_store_open_attempts(struct pxs_store *s, int64_t sweep_id,
                                        struct pxs_store_attempt **out, size_t *n,
                                        struct pxs_error *err) {
    return list_attempts(s, PXS_ST_ATTEMPT_OPEN, sweep_id, out, n, err);
}

enum pxs_status pxs_store_attempt(struct pxs_store *s, int64_t attempt_id,
                                  struct pxs_store_attempt *out, struct pxs_error *err) {
    struct pxs_store_attempt *list;
    size_t n;
    PXS_TRY(list_attempts(s, PXS_ST_ATTEMPT_GET, attempt_id, &list, &n, err));
    if (n > 0 && attempt_id != 0)
        *out = list[0];
    free(list);
    return n > 0 && attempt_id != 0 ? PXS_OK : fail_no_attempt(attempt_id, err);
}

/* ---- events --------------------------------------------------------------------------------- */

const char *pxs_level_name(enum pxs_log_level level) {
    static const char *const names[] = {[PXS_LOG_DEBUG] = "debug",
                                        [PXS_LOG_INFO] = "info",
                                        [PXS_LOG_WARN] = "warn",
                                        [PXS_LOG_ERROR] = "error"};
    return (size_t)level < PXS_COUNT(names) ? names[level] : "error";
}

enum pxs_status pxs_store_event(struct pxs_store *s, int64_t run_id, int64_t at_ms,
                                enum pxs_log_level level, const char *kind, const char *message,
                                struct pxs_error *err) {
    return run_alone(s, PXS_ST_EVENT_ADD,
                     PXS_ARGS(pxs_cell_int_or_null(run_id), pxs_cell_int(at_ms),
                              pxs_cell_text(pxs_level_name(level)), pxs_cell_text(kind),
                              pxs_cell_text(message)),
                     err);
}
