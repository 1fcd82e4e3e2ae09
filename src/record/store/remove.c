/* Removing runs and sweeps: marked first, points in pieces, the run's row last. */
#include "store_priv.h"

#include <stdlib.h>
#include <time.h>

enum { PIECE = 10000 }; /* points in one transaction: about 20 ms of the lock */

/* ---- the mark ------------------------------------------------------------------------------- */

static enum pxs_status refuse_open(struct pxs_store *s, int64_t run_id, char name[256],
                                   struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row;
    char host[256];
    PXS_TRY(pxs_store_first(s, PXS_ST_RUN_OPEN_ATTEMPT, PXS_ARGS(pxs_cell_int(run_id)), &stmt, &row,
                            err));
    if (!row)
        return pxs_fail(err, PXS_E_NOT_FOUND, "there is no run %lld", (long long)run_id);
    pxs_column_text(stmt, 0, name, 256);
    int64_t no = pxs_column_int(stmt, 1), pid = pxs_column_int(stmt, 3);
    pxs_column_text(stmt, 2, host, sizeof host);
    pxs_stmt_reset(stmt);
    if (no == 0)
        return PXS_OK;
    char process[32] = "";
    if (pid > 0) /* else it has not begun */
        snprintf(process, sizeof process, "process %lld ", (long long)pid);
    return pxs_fail(
        err, PXS_E_BUSY,
        "run %s is running (attempt %lld, %son %s): `pixsweep cancel` stops it; if that "
        "process is gone, `pixsweep reap` closes its attempt",
        name, (long long)no, process, host);
}

static enum pxs_status mark_one(struct pxs_store *s, int64_t run_id, struct pxs_error *err) {
    char name[256], message[400];
    int64_t marked;
    PXS_TRY(refuse_open(s, run_id, name, err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_RUN_MARK, PXS_ARGS(pxs_cell_int(run_id)), err));
    PXS_TRY(
        pxs_store_int(s, PXS_ST_RUN_IS_MARKED, PXS_ARGS(pxs_cell_int(run_id)), 0, &marked, err));
    if (marked)
        return PXS_OK;
    snprintf(message, sizeof message,
             "rows and files are being removed; `pixsweep rm %s` finishes it", name);
    return pxs_store_run_stmt(s, PXS_ST_EVENT_ADD,
                              PXS_ARGS(pxs_cell_int(run_id), pxs_cell_int(pxs_now_ms()),
                                       pxs_cell_text(pxs_level_name(PXS_LOG_WARN)),
                                       pxs_cell_text("removing"), pxs_cell_text(message)),
                              err);
}

enum pxs_status pxs_store_mark_removed(struct pxs_store *s, const int64_t *run_ids, size_t n,
                                       struct pxs_error *err) {
    PXS_TRY(pxs_store_begin(s, err));
    enum pxs_status status = pxs_store_run_stmt(s, PXS_ST_IDS_KEEP, NULL, 0, err);
    for (size_t i = 0; status == PXS_OK && i < n; i++)
        status = mark_one(s, run_ids[i], err);
    return pxs_store_end(s, status, err);
}

/* ---- the rows ------------------------------------------------------------------------------- */

/* One transaction; *changed = rows that it removed, those removed by foreign keys included. */
static enum pxs_status remove_piece(struct pxs_store *s, enum pxs_store_stmt which,
                                    const struct pxs_cell *args, size_t n, int64_t *changed,
                                    struct pxs_error *err) {
    PXS_TRY(pxs_store_begin(s, err));
    int64_t before = pxs_sql_total_changes(s->sql);
    enum pxs_status status = pxs_store_run_stmt(s, which, args, n, err);
    int64_t gone = pxs_sql_total_changes(s->sql) - before;
    PXS_TRY(pxs_store_end(s, status, err));
    *changed = gone;
    return PXS_OK;
}

static enum pxs_status remove_points(struct pxs_store *s, int64_t run_id, int64_t *rows,
                                     struct pxs_error *err) {
    static const enum pxs_store_stmt kinds[] = {PXS_ST_REMOVE_BATCHES, PXS_ST_REMOVE_EPOCHS,
                                                PXS_ST_REMOVE_SAMPLES};
    struct pxs_cell args[] = {pxs_cell_int(run_id), pxs_cell_int(PIECE)};
    for (size_t i = 0; i < PXS_COUNT(kinds); i++) {
        int64_t changed = PIECE;
        while (changed >= PIECE) {
            PXS_TRY(remove_piece(s, kinds[i], args, PXS_COUNT(args), &changed, err));
            *rows += changed;
            if (changed >= PIECE) /* a waiter for the lock tries at least every 20 ms */
                nanosleep(&(struct timespec){.tv_nsec = 25000000}, NULL);
        }
    }
    return PXS_OK;
}

enum pxs_status pxs_store_remove_run(struct pxs_store *s, int64_t run_id, int64_t *rows,
                                     struct pxs_error *err) {
    int64_t unwanted = 0, *count = rows ? rows : &unwanted, changed;
    PXS_TRY(pxs_store_mark_removed(s, &run_id, 1, err));
    PXS_TRY(remove_points(s, run_id, count, err));
    PXS_TRY(remove_piece(s, PXS_ST_REMOVE_RUN, PXS_ARGS(pxs_cell_int(run_id)), &changed, err));
    *count += changed;
    return PXS_OK;
}

enum pxs_status pxs_store_remove_sweep(struct pxs_store *s, int64_t sweep_id, int64_t *rows,
                                       struct pxs_error *err) {
    struct pxs_store_run_state *runs;
    size_t n;
    char state[16];
    int64_t unwanted = 0, *count = rows ? rows : &unwanted, changed;
    PXS_TRY(pxs_store_get_sweep_state(s, sweep_id, state, err)); /* there is such a sweep */
    PXS_TRY(pxs_store_run_states(s, sweep_id, &runs, &n, err));

    /* All runs are marked before the first is removed. */
    enum pxs_status status = PXS_OK;
    int64_t *ids = malloc((n + 1) * sizeof *ids);
    if (!ids) {
        status = pxs_fail_nomem(err);
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        ids[i] = runs[i].run_id;
    status = pxs_store_mark_removed(s, ids, n, err);
    for (size_t i = 0; status == PXS_OK && i < n; i++)
        status = pxs_store_remove_run(s, ids[i], count, err);
    if (status != PXS_OK)
        goto out;

    status = remove_piece(s, PXS_ST_REMOVE_SWEEP, PXS_ARGS(pxs_cell_int(sweep_id)), &changed, err);
    if (status == PXS_OK && changed == 0)
        status =
            pxs_fail(err, PXS_E_BUSY, "runs were planned in this sweep meanwhile: they were left");
    else if (status == PXS_OK)
        *count += changed;
out:
    free(ids);
    free(runs);
    return status;
}
