/* run_summary, kept while records come in, so that lists never scan points; and forgetting what is
 * repeated. */
#include "store_priv.h"

#include <math.h>

enum pxs_status pxs_summary_load(struct pxs_store *s, int64_t run_id, struct pxs_summary *out,
                                 struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row, blob;
    PXS_TRY(
        pxs_store_first(s, PXS_ST_SUMMARY_GET, PXS_ARGS(pxs_cell_int(run_id)), &stmt, &row, err));
    struct pxs_summary m = {.run_id = run_id, .last_step = -1};
    if (row && pxs_stmt_cell(stmt, 0, &blob).kind == PXS_CELL_INT)
        m.last_step = pxs_column_int(stmt, 0);
    if (row)
        m.seconds = pxs_column_real(stmt, 1);
    pxs_stmt_reset(stmt);
    *out = m;
    return PXS_OK;
}

void pxs_summary_batch(struct pxs_summary *m, int64_t step, double seconds) {
    if (step != m->last_step + 1)
        m->again = true;
    m->last_step = step;
    m->seconds += isfinite(seconds) ? seconds : 0;
}

/* Seconds of the whole epochs, and of the steps behind the last of them. */
static enum pxs_status count_again(struct pxs_store *s, struct pxs_summary *m,
                                   struct pxs_error *err) {
    struct pxs_stmt *stmt;
    struct pxs_cell run = pxs_cell_int(m->run_id);
    bool row, blob;
    PXS_TRY(pxs_store_int(s, PXS_ST_SUMMARY_LAST_STEP, &run, 1, -1, &m->last_step, err));
    PXS_TRY(pxs_store_first(s, PXS_ST_SUMMARY_EPOCHS, &run, 1, &stmt, &row, err));
    struct pxs_cell last = pxs_stmt_cell(stmt, 0, &blob);
    int64_t last_epoch = last.kind == PXS_CELL_INT ? last.integer : -1;
    m->seconds = pxs_column_real(stmt, 1);
    pxs_stmt_reset(stmt);
    PXS_TRY(pxs_store_first(s, PXS_ST_SUMMARY_BACKWARDS, &run, 1, &stmt, &row, err));
    enum pxs_status status = PXS_OK;
    while (status == PXS_OK && row && pxs_column_int(stmt, 0) > last_epoch) {
        m->seconds += pxs_column_real(stmt, 1);
        status = pxs_stmt_step(stmt, &row, err);
    }
    pxs_stmt_reset(stmt);
    return status;
}

enum pxs_status pxs_summary_save(struct pxs_store *s, struct pxs_summary *m,
                                 struct pxs_error *err) {
    bool again = m->again;
    m->again = false;
    if (again)
        PXS_TRY(count_again(s, m, err));
    struct pxs_cell run = pxs_cell_int(m->run_id),
                    step = m->last_step < 0 ? pxs_cell_text(NULL) : pxs_cell_int(m->last_step);
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_SUMMARY_SPEED,
                               PXS_ARGS(run, step, pxs_cell_real(m->seconds)), err));
    return again ? pxs_store_run_stmt(s, PXS_ST_SUMMARY_VALUES, &run, 1, err) : PXS_OK;
}

enum pxs_status pxs_store_forget(struct pxs_store *s, int64_t run_id, int64_t step,
                                 struct pxs_error *err) {
    struct pxs_cell from[] = {pxs_cell_int(run_id), pxs_cell_int(step)},
                    epochs[] = {from[0], from[1]};
    /* Steps from here on belong to epochs that are not whole any more; with nothing behind `step`,
     * none is touched. */
    int64_t epoch = INT64_MIN;
    if (step > 0)
        PXS_TRY(pxs_store_int(s, PXS_ST_FORGET_EPOCH, from, 2, INT64_MAX, &epoch, err));
    epochs[1] = pxs_cell_int(epoch);
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_FORGET_BATCHES, from, 2, err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_FORGET_SAMPLES, from, 2, err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_FORGET_BEST_SAMPLE, epochs, 2, err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_FORGET_EPOCHS, epochs, 2, err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_FORGET_RUNGS, epochs, 2, err));
    PXS_TRY(pxs_store_run_stmt(s, PXS_ST_FORGET_CHECKPOINTS, epochs, 2, err));
    if (step > 0) {
        struct pxs_summary m = {.run_id = run_id, .again = true};
        return pxs_summary_save(s, &m, err);
    }
    return pxs_store_run_stmt(s, PXS_ST_SUMMARY_CLEAR, from, 1, err);
}
