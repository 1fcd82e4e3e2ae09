/* Runs and sweeps: listing and finding them. */
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

/* ---- listing --------------------------------------------------------------------------------------------- */

static void read_run(const struct pxs_store *s, const struct pxs_stmt *stmt, struct pxs_store_run *run) {
    char dir[PXS_PATH_MAX];
    run->run_id = pxs_column_int(stmt, 0);
    run->sweep_id = pxs_column_int(stmt, 1);
    run->number = pxs_column_int(stmt, 2);
    run->seed = pxs_column_int(stmt, 3);
    pxs_column_text(stmt, 4, run->name, sizeof run->name);
    pxs_column_text(stmt, 5, run->sweep, sizeof run->sweep);
    pxs_column_text(stmt, 6, dir, sizeof dir);
    pxs_column_text(stmt, 7, run->config_hash, sizeof run->config_hash);
    pxs_column_text(stmt, 8, run->state, sizeof run->state);
    run->attempts = pxs_column_int(stmt, 9);
    pxs_store_full_dir(s, dir, run->dir);
}

/* All runs, or those of a sweep, or one run (the other argument 0). */
static enum pxs_status list_runs(struct pxs_store *s, int64_t sweep_id, int64_t run_id,
                                 struct pxs_store_run **out, size_t *n, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    struct pxs_store_run *runs = NULL;
    size_t used = 0, room = 0;
    bool row;
    PXS_TRY(pxs_store_first(s, PXS_ST_RUN_LIST, PXS_ARGS(pxs_cell_int(sweep_id), pxs_cell_int(run_id)), &stmt,
                            &row, err));
    enum pxs_status status = PXS_OK;
    while (status == PXS_OK && row) {
        if (used == room) {
            room = room ? 2 * room : 16;
            struct pxs_store_run *more = realloc(runs, room * sizeof *more);
            if (!more) {
                status = pxs_fail_nomem(err);
                break;
            }
            runs = more;
        }
        read_run(s, stmt, &runs[used++]);
        status = pxs_stmt_step(stmt, &row, err);
    }
    pxs_stmt_reset(stmt);
    if (status != PXS_OK) {
        free(runs);
        return status;
    }
    *out = runs;
    *n = used;
    return PXS_OK;
}

enum pxs_status pxs_store_runs(struct pxs_store *s, int64_t sweep_id, struct pxs_store_run **out, size_t *n,
                               struct pxs_error *err) {
    PXS_TRY(pxs_store_refresh(s, err));
    return list_runs(s, sweep_id, 0, out, n, err);
}

/* ---- finding --------------------------------------------------------------------------------------------- */

enum pxs_status pxs_store_nearest(struct pxs_store *s, enum pxs_store_stmt which, const char *wanted,
                                  char nearest[256], struct pxs_error *err) {
    struct pxs_stmt *stmt;
    size_t best = SIZE_MAX;
    bool row;
    nearest[0] = '\0';
    PXS_TRY(pxs_store_first(s, which, NULL, 0, &stmt, &row, err));
    enum pxs_status status = PXS_OK;
    while (status == PXS_OK && row) {
        char name[256];
        pxs_column_text(stmt, 0, name, sizeof name);
        size_t distance = pxs_edit_distance(wanted, name);
        if (distance < best) {
            best = distance;
            memcpy(nearest, name, sizeof name);
        }
        status = pxs_stmt_step(stmt, &row, err);
    }
    pxs_stmt_reset(stmt);
    return status;
}

static enum pxs_status fail_no_run(struct pxs_store *s, const char *run, struct pxs_error *err) {
    char nearest[256];
    PXS_TRY(pxs_store_nearest(s, PXS_ST_RUN_NAMES, run, nearest, err));
    if (!nearest[0])
        return pxs_fail(err, PXS_E_NOT_FOUND, "there is no run %.100s: the database holds no runs yet", run);
    return pxs_fail(err, PXS_E_NOT_FOUND,
                    "there is no run %.100s; the nearest is %s (`pixsweep ls` lists all)", run, nearest);
}

enum pxs_status pxs_store_find_run(struct pxs_store *s, const char *run, struct pxs_store_run *out,
                                   struct pxs_error *err) {
    int64_t id = 0;
    PXS_TRY(pxs_store_refresh(s, err));
    PXS_TRY(pxs_store_int(s, PXS_ST_RUN_BY_NAME, PXS_ARGS(pxs_cell_text(run)), 0, &id, err));
    if (!id && strspn(run, "0123456789") == strlen(run) && !pxs_parse_int(run, &id))
        id = 0;
    struct pxs_store_run *found = NULL;
    size_t n = 0;
    if (id > 0)
        PXS_TRY(list_runs(s, 0, id, &found, &n, err));
    if (n == 0) {
        free(found);
        return fail_no_run(s, run, err);
    }
    *out = found[0];
    free(found);
    return PXS_OK;
}

static enum pxs_status fail_no_sweep(struct pxs_store *s, const char *name, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    struct pxs_text names = {0};
    char nearest[256] = "";
    bool row;
    if (name)
        PXS_TRY(pxs_store_nearest(s, PXS_ST_SWEEP_NAMES, name, nearest, err));
    PXS_TRY(pxs_store_first(s, PXS_ST_SWEEP_NAMES, NULL, 0, &stmt, &row, err));
    enum pxs_status status = PXS_OK;
    for (int i = 0; status == PXS_OK && row; i++) {
        char one[128];
        pxs_column_text(stmt, 0, one, sizeof one);
        if (i < 20)
            pxs_text_addf(&names, "%s%s", i ? ", " : "", one);
        else if (i == 20)
            pxs_text_add(&names, ", ...");
        status = pxs_stmt_step(stmt, &row, err);
    }
    pxs_stmt_reset(stmt);
    if (status == PXS_OK && !name)
        status =
            pxs_fail(err, PXS_E_NOT_FOUND, "%s holds no sweep yet: `pixsweep run FILE` makes one", s->path);
    else if (status == PXS_OK)
        status = pxs_fail(err, PXS_E_NOT_FOUND, "there is no sweep %.100s in %s (there %s: %s%s%s)", name,
                          s->path, names.len ? "are" : "is", names.len ? pxs_text_str(&names) : "none",
                          strchr(pxs_text_str(&names), ',') ? "; the nearest is " : "",
                          strchr(pxs_text_str(&names), ',') ? nearest : "");
    pxs_text_finish(&names);
    return status;
}

enum pxs_status pxs_store_find_sweep(struct pxs_store *s, const char *name, int64_t *sweep_id,
                                     struct pxs_error *err) {
    int64_t id;
    PXS_TRY(pxs_store_refresh(s, err));
    if (name)
        PXS_TRY(pxs_store_int(s, PXS_ST_SWEEP_BY_NAME, PXS_ARGS(pxs_cell_text(name)), 0, &id, err));
    else
        PXS_TRY(pxs_store_int(s, PXS_ST_SWEEP_RECENT, NULL, 0, 0, &id, err));
    if (!id)
        return fail_no_sweep(s, name, err);
    *sweep_id = id;
    return PXS_OK;
}

static enum pxs_status fail_no_target(struct pxs_store *s, const char *text, struct pxs_error *err) {
    char nearest[256];
    PXS_TRY(pxs_store_nearest(s, PXS_ST_ALL_NAMES, text, nearest, err));
    if (!nearest[0])
        return pxs_fail(err, PXS_E_NOT_FOUND, "there is no run or sweep %.100s: the database holds none yet",
                        text);
    return pxs_fail(err, PXS_E_NOT_FOUND, "there is no run or sweep %.100s; the nearest is %s", text,
                    nearest);
}

enum pxs_status pxs_store_find_target(struct pxs_store *s, const char *text, struct pxs_store_target *out,
                                      struct pxs_error *err) {
    struct pxs_store_run run = {0};
    int64_t sweep_id;
    PXS_TRY(pxs_store_refresh(s, err));
    PXS_TRY(pxs_store_int(s, PXS_ST_SWEEP_BY_NAME, PXS_ARGS(pxs_cell_text(text)), 0, &sweep_id, err));
    enum pxs_status status = pxs_store_find_run(s, text, &run, err);
    if (status != PXS_OK && status != PXS_E_NOT_FOUND)
        return status;
    if (status == PXS_OK && sweep_id)
        return pxs_fail(err, PXS_E_INVALID, "%s is a sweep and the number of run %s: name the run", text,
                        run.name);
    if (status != PXS_OK && !sweep_id)
        return fail_no_target(s, text, err);
    *out = (struct pxs_store_target){sweep_id ? sweep_id : run.sweep_id, run.run_id, ""};
    snprintf(out->name, sizeof out->name, "%s", sweep_id ? text : run.name);
    return PXS_OK;
}

enum pxs_status pxs_store_run_config(struct pxs_store *s, int64_t run_id, char **yaml,
                                     struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row, blob;
    PXS_TRY(pxs_store_refresh(s, err));
    PXS_TRY(pxs_store_first(s, PXS_ST_RUN_CONFIG, PXS_ARGS(pxs_cell_int(run_id)), &stmt, &row, err));
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
