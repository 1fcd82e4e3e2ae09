/* Runs: listing them, and what is kept of each. */
#include "store_priv.h"

#include <stdlib.h>
#include <string.h>

const char *pxs_store_short_dir(const struct pxs_store *s, const char *dir) {
    size_t n = strcmp(s->folder, "/") == 0 ? 0 : strlen(s->folder);
    return strncmp(dir, s->folder, n) == 0 && dir[n] == '/' && dir[n + 1] ? dir + n + 1 : dir;
}

void pxs_store_full_dir(const struct pxs_store *s, const char *dir, char out[PXS_PATH_MAX]) {
    if (!pxs_path_join(out, PXS_PATH_MAX, s->folder, dir))
        snprintf(out, PXS_PATH_MAX, "%s", dir);
}

/* ---- listing -------------------------------------------------------------------------------- */

/* All runs, or those of a sweep, or one run (the other argument 0). */
static enum pxs_status list_runs(struct pxs_store *s, int64_t sweep_id, int64_t run_id,
                                 struct pxs_store_run **out, size_t *n, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    struct pxs_store_run *runs = NULL;
    size_t used = 0, room = 0;
    char dir[PXS_PATH_MAX];
    bool row;
    PXS_TRY(pxs_store_first(s, PXS_ST_RUN_LIST,
                            PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_int(run_id)), &stmt, &row,
                            err));
    enum pxs_status status = PXS_OK;
    while (row) {
        if (used == room) {
            room = room ? 2 * room : 16;
            struct pxs_store_run *more = realloc(runs, room * sizeof *more);
            if (!more) {
                status = pxs_fail_nomem(err);
                goto out;
            }
            runs = more;
        }
        struct pxs_store_run *run = &runs[used++];
        run->run_id = pxs_column_int(stmt, 0);
        run->sweep_id = pxs_column_int(stmt, 1);
        run->number = pxs_column_int(stmt, 2);
        run->seed = pxs_column_int(stmt, 3);
        pxs_column_text(stmt, 4, run->name, sizeof run->name);
        pxs_column_text(stmt, 5, run->sweep, sizeof run->sweep);
        pxs_column_text(stmt, 6, dir, sizeof dir);
        pxs_store_full_dir(s, dir, run->dir);
        pxs_column_text(stmt, 7, run->config_hash, sizeof run->config_hash);
        run->state = pxs_column_state(stmt, 8);
        run->attempts = pxs_column_int(stmt, 9);
        status = pxs_stmt_step(stmt, &row, err);
        if (status != PXS_OK)
            goto out;
    }
    *out = runs;
    *n = used;
    runs = NULL;
out:
    pxs_stmt_reset(stmt);
    free(runs);
    return status;
}

enum pxs_status pxs_store_runs(struct pxs_store *s, int64_t sweep_id, struct pxs_store_run **out,
                               size_t *n, struct pxs_error *err) {
    PXS_TRY(pxs_store_refresh(s, err));
    return list_runs(s, sweep_id, 0, out, n, err);
}

enum pxs_status pxs_store_run_by_id(struct pxs_store *s, int64_t run_id, struct pxs_store_run *out,
                                    bool *found, struct pxs_error *err) {
    struct pxs_store_run *runs = NULL;
    size_t n = 0;
    PXS_TRY(list_runs(s, 0, run_id, &runs, &n, err));
    *found = n > 0;
    if (n > 0)
        *out = runs[0];
    free(runs);
    return PXS_OK;
}

enum pxs_status pxs_store_run_config(struct pxs_store *s, int64_t run_id, char **yaml,
                                     struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row, blob;
    PXS_TRY(pxs_store_refresh(s, err));
    PXS_TRY(
        pxs_store_first(s, PXS_ST_RUN_CONFIG, PXS_ARGS(pxs_cell_int(run_id)), &stmt, &row, err));
    if (!row)
        return pxs_fail(err, PXS_E_NOT_FOUND, "there is no run %lld", (long long)run_id);
    struct pxs_cell cell = pxs_stmt_cell(stmt, 0, &blob);
    char *text = strndup(cell.text, cell.bytes);
    pxs_stmt_reset(stmt);
    if (!text)
        return pxs_fail_nomem(err);
    *yaml = text;
    return PXS_OK;
}
