/* Rows for what record files tell of: runs made on other machines, and attempts made while the
 * database could not be written. */
#include "store_priv.h"

#include <string.h>

/* ---- runs ----------------------------------------------------------------------------------- */

/* Adds the run under its own number and name where they are free, else under the next number and
 * the name that goes with it. */
static enum pxs_status add_renumbered(struct pxs_store *s, int64_t sweep_id, const char *sweep,
                                      struct pxs_store_plan_run *run, struct pxs_error *err) {
    int64_t namesake, next;
    char name[256];
    PXS_TRY(pxs_store_int(s, PXS_ST_RUN_NAMESAKE,
                          PXS_ARGS(pxs_cell_text(run->new_name), pxs_cell_int(sweep_id),
                                   pxs_cell_int(run->new_number)),
                          0, &namesake, err));
    if (!namesake)
        return pxs_store_add_run_row(s, sweep_id, run, err);

    PXS_TRY(pxs_store_int(s, PXS_ST_NEXT_NUMBER, PXS_ARGS(pxs_cell_int(sweep_id)), 1, &next, err));
    const char *base = strrchr(run->new_name, '/'),
               *rest = strchr(base ? base : run->new_name, '-');
    int n = snprintf(name, sizeof name, "%s/%04lld%s", sweep, (long long)next, rest ? rest : "");
    if (n < 0 || (size_t)n >= sizeof name)
        return pxs_fail(err, PXS_E_INVALID, "the name %.100s is too long for another number",
                        run->new_name);

    /* The caller's run keeps the number and name that it asked for. */
    struct pxs_store_plan_run renamed = *run;
    renamed.new_name = name;
    renamed.new_number = next;
    PXS_TRY(pxs_store_add_run_row(s, sweep_id, &renamed, err));
    renamed.new_name = run->new_name;
    renamed.new_number = run->new_number;
    *run = renamed;
    return PXS_OK;
}

static enum pxs_status add_run(struct pxs_store *s, const char *sweep, const char *spec_yaml,
                               const char *spec_hash, struct pxs_store_plan_run *run,
                               struct pxs_error *err) {
    int64_t sweep_id;
    PXS_TRY(pxs_store_sweep_row(s, sweep, spec_yaml, spec_hash, 0, &sweep_id, err));
    PXS_TRY(pxs_store_find_identity(s, sweep_id, run, err));
    if (run->run_id)
        return PXS_OK;
    PXS_TRY(add_renumbered(s, sweep_id, sweep, run, err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_ASKED_ADOPT,
                               PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_text(run->config_hash)),
                               err));
    return pxs_store_run_stmt(s, PXS_ST_SWEEP_GROWN, PXS_ARGS(pxs_cell_int(sweep_id)), err);
}

enum pxs_status pxs_store_add_run(struct pxs_store *s, const char *sweep, const char *spec_yaml,
                                  const char *spec_hash, struct pxs_store_plan_run *run,
                                  struct pxs_error *err) {
    PXS_TRY(pxs_store_begin(s, err));
    return pxs_store_end(s, add_run(s, sweep, spec_yaml, spec_hash, run, err), err);
}

enum pxs_status pxs_store_move_run(struct pxs_store *s, int64_t run_id, const char *dir,
                                   struct pxs_error *err) {
    PXS_TRY(pxs_store_begin(s, err));
    enum pxs_status status = pxs_store_run_stmt(
        s, PXS_ST_RUN_MOVE,
        PXS_ARGS(pxs_cell_int(run_id), pxs_cell_text(pxs_store_short_dir(s, dir))), err);
    if (status == PXS_OK)
        status = pxs_store_run_stmt(s, PXS_ST_ATTEMPT_FORGET_OFFSETS,
                                    PXS_ARGS(pxs_cell_int(run_id)), err);
    return pxs_store_end(s, status, err);
}

/* ---- processes ------------------------------------------------------------------------------ */

static int64_t line_number(const char *lines, const char *key) {
    char text[32];
    int64_t value;
    return pxs_line_value(lines, key, text, sizeof text) && pxs_parse_int(text, &value) ? value : 0;
}

void pxs_store_begun(const struct pxs_record_begin *begin, struct pxs_store_attempt *out) {
    memset(out, 0, sizeof *out);
    out->no = begin->attempt;
    out->started_ms = begin->at_ms;
    out->pid = line_number(begin->text, "pid");
    out->pid_start = line_number(begin->text, "pid_start");
    out->threads = line_number(begin->text, "threads");
    pxs_line_value(begin->text, "host", out->host, sizeof out->host);
    pxs_line_value(begin->text, "boot_id", out->boot_id, sizeof out->boot_id);
    pxs_line_value(begin->text, "cores", out->cores, sizeof out->cores);
    pxs_line_value(begin->text, "kernels", out->kernels, sizeof out->kernels);
}

/* ---- attempts ------------------------------------------------------------------------------- */

enum pxs_status pxs_store_attempt_of(struct pxs_store *s, int64_t run_id,
                                     const struct pxs_store_attempt *process, int64_t *attempt_id,
                                     struct pxs_error *err) {
    if (process->pid == 0)
        return pxs_store_int(s, PXS_ST_ATTEMPT_BY_NO,
                             PXS_ARGS(pxs_cell_int(run_id), pxs_cell_int(process->no)), 0,
                             attempt_id, err);
    PXS_TRY(pxs_store_int(s, PXS_ST_ATTEMPT_BY_PROCESS,
                          PXS_ARGS(pxs_cell_int(run_id), pxs_cell_text_or_null(process->boot_id),
                                   pxs_cell_int(process->pid),
                                   pxs_cell_int_or_null(process->pid_start)),
                          0, attempt_id, err));
    if (*attempt_id)
        return PXS_OK;
    return pxs_store_int(s, PXS_ST_ATTEMPT_WITHOUT_PROCESS,
                         PXS_ARGS(pxs_cell_int(run_id), pxs_cell_int(process->no)), 0, attempt_id,
                         err);
}

/* Finds the attempt's row, or adds one, and sets a->attempt_id. */
static enum pxs_status adopt_attempt(struct pxs_store *s, struct pxs_store_attempt *a,
                                     struct pxs_error *err) {
    int64_t next;
    PXS_TRY(pxs_store_attempt_of(s, a->run_id, a, &a->attempt_id, err));
    if (a->attempt_id && a->pid)
        return pxs_store_run_stmt(s, PXS_ST_ATTEMPT_SET_PROCESS,
                                  PXS_ARGS(pxs_cell_int(a->attempt_id),
                                           pxs_cell_text_or_null(a->host),
                                           pxs_cell_text_or_null(a->boot_id), pxs_cell_int(a->pid),
                                           pxs_cell_int_or_null(a->pid_start)),
                                  err);
    if (a->attempt_id)
        return PXS_OK;

    /* Later in the file is later in the table: intake relies on that order. */
    PXS_TRY(
        pxs_store_int(s, PXS_ST_ATTEMPT_NEXT, PXS_ARGS(pxs_cell_int(a->run_id)), 1, &next, err));
    return pxs_store_insert_attempt(s, a, a->no >= next ? a->no : next, err);
}

static enum pxs_status adopt_all(struct pxs_store *s, int64_t run_id,
                                 struct pxs_store_attempt *attempts, size_t n,
                                 struct pxs_error *err) {
    for (size_t i = 0; i < n; i++) {
        attempts[i].run_id = run_id;
        PXS_TRY(adopt_attempt(s, &attempts[i], err));
    }
    return pxs_store_run_stmt(s, PXS_ST_RUN_SET_RUNNING, PXS_ARGS(pxs_cell_int(run_id)), err);
}

enum pxs_status pxs_store_adopt_attempts(struct pxs_store *s, int64_t run_id,
                                         struct pxs_store_attempt *attempts, size_t n,
                                         struct pxs_error *err) {
    PXS_TRY(pxs_store_begin(s, err));
    PXS_TRY(pxs_store_end(s, adopt_all(s, run_id, attempts, n, err), err));
    for (size_t i = 0; i < n; i++)
        PXS_TRY(pxs_store_attempt(s, attempts[i].attempt_id, &attempts[i], err));
    return PXS_OK;
}

enum pxs_status pxs_store_ingested(struct pxs_store *s, int64_t run_id, int64_t *no,
                                   int64_t *offset, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row;
    PXS_TRY(pxs_store_refresh(s, err));
    PXS_TRY(pxs_store_first(s, PXS_ST_ATTEMPT_INGESTED, PXS_ARGS(pxs_cell_int(run_id)), &stmt, &row,
                            err));
    *no = row ? pxs_column_int(stmt, 0) : 0;
    *offset = row ? pxs_column_int(stmt, 1) : 0;
    pxs_stmt_reset(stmt);
    return PXS_OK;
}
