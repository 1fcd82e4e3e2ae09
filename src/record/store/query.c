/* Reading: the user's SQL row by row, results in memory, the named questions. */
#include "store_priv.h"

#include <stdlib.h>
#include <string.h>

/* ---- row by row ----------------------------------------------------------------------------- */

/* Hands each row of the statement to `row`: first the names, then the cells. */
static enum pxs_status each_row(struct pxs_stmt *stmt, pxs_row_fn row, void *user,
                                struct pxs_error *err) {
    const size_t n = pxs_stmt_columns(stmt);
    const char **names = calloc(n + 1, sizeof *names);
    struct pxs_cell *cells = calloc(n + 1, sizeof *cells);
    struct pxs_text *hex = calloc(n + 1, sizeof *hex); /* texts of BLOBs */
    bool more = true;
    enum pxs_status status = names && cells && hex ? PXS_OK : pxs_fail_nomem(err);
    if (status != PXS_OK)
        goto out;
    for (size_t i = 0; i < n; i++)
        names[i] = pxs_stmt_column_name(stmt, i);
    status = row(user, names, NULL, n, err);
    while (status == PXS_OK) {
        status = pxs_stmt_step(stmt, &more, err);
        if (status != PXS_OK || !more)
            break;
        for (size_t i = 0; i < n; i++) {
            bool blob;
            cells[i] = pxs_stmt_cell(stmt, i, &blob);
            if (blob) {
                pxs_text_clear(&hex[i]);
                pxs_text_add(&hex[i], "");
                for (size_t b = 0; b < cells[i].bytes; b++)
                    pxs_text_addf(&hex[i], "%02x", (unsigned char)cells[i].text[b]);
                cells[i].text = pxs_text_str(&hex[i]);
                cells[i].bytes = hex[i].len;
            }
        }
        status = row(user, names, cells, n, err);
    }
out:
    for (size_t i = 0; hex && i < n; i++)
        pxs_text_finish(&hex[i]);
    free(hex);
    free(cells);
    free(names);
    return status;
}

static enum pxs_status run_query(struct pxs_store *s, const char *sql, const struct pxs_cell *args,
                                 size_t n_args, pxs_row_fn row, void *user, struct pxs_error *err) {
    struct pxs_stmt *stmt = NULL;
    PXS_TRY(pxs_store_refresh(s, err));
    pxs_sql_reading(s->sql, true);
    enum pxs_status status = pxs_sql_prepare_user(s->sql, sql, &stmt, err);
    if (status == PXS_OK)
        status = pxs_stmt_bind(stmt, args, n_args, err);
    if (status == PXS_OK)
        status = each_row(stmt, row, user, err);
    pxs_stmt_finish(&stmt);
    pxs_sql_reading(s->sql, false);
    return pxs_store_unchanged(s, status, err);
}

enum pxs_status pxs_store_query(struct pxs_store *s, const char *sql, pxs_row_fn row, void *user,
                                struct pxs_error *err) {
    return run_query(s, sql, NULL, 0, row, user, err);
}

/* ---- in memory ------------------------------------------------------------------------------ */

struct filling {
    struct pxs_table *table;
    size_t room; /* rows */
};

static enum pxs_status fill_row(void *user, const char *const *columns,
                                const struct pxs_cell *cells, size_t n, struct pxs_error *err) {
    struct filling *f = user;
    struct pxs_table *t = f->table;
    if (!cells) {
        t->n_columns = n;
        t->columns = pxs_arena_alloc(&t->arena, (n + 1) * sizeof *t->columns);
        if (!t->columns)
            return pxs_fail_nomem(err);
        for (size_t i = 0; i < n; i++)
            if (!(t->columns[i] = pxs_arena_strdup(&t->arena, columns[i])))
                return pxs_fail_nomem(err);
        return PXS_OK;
    }
    if (t->n_rows == f->room) {
        f->room = f->room ? 2 * f->room : 16;
        struct pxs_cell *more = realloc(t->cells, (f->room * n + 1) * sizeof *more);
        if (!more)
            return pxs_fail_nomem(err);
        t->cells = more;
    }
    struct pxs_cell *row = t->cells + t->n_rows++ * n;
    for (size_t i = 0; i < n; i++) {
        row[i] = cells[i];
        if (cells[i].kind != PXS_CELL_TEXT)
            continue;
        char *copy = pxs_arena_alloc(&t->arena, cells[i].bytes + 1);
        if (!copy)
            return pxs_fail_nomem(err);
        memcpy(copy, cells[i].text, cells[i].bytes);
        row[i].text = copy;
    }
    return PXS_OK;
}

void pxs_table_finish(struct pxs_table *table) {
    free(table->cells);
    pxs_arena_finish(&table->arena);
    memset(table, 0, sizeof *table);
}

struct pxs_cell pxs_table_at(const struct pxs_table *table, size_t row, const char *column) {
    for (size_t i = 0; row < table->n_rows && i < table->n_columns; i++)
        if (strcmp(table->columns[i], column) == 0)
            return table->cells[row * table->n_columns + i];
    return pxs_cell_text(NULL);
}

enum pxs_status pxs_store_select(struct pxs_store *s, const char *sql, const struct pxs_cell *args,
                                 size_t n_args, struct pxs_table *out, struct pxs_error *err) {
    enum pxs_status status = PXS_E_BUSY;
    /* A file that changed while it was read without locks is read again, now with locks. */
    for (int tries = 0; status == PXS_E_BUSY && tries < 3; tries++) {
        struct pxs_table table = {0};
        struct filling f = {.table = &table};
        status = run_query(s, sql, args, n_args, fill_row, &f, err);
        if (status == PXS_OK)
            *out = table;
        else
            pxs_table_finish(&table);
    }
    return status;
}

/* ---- the named questions -------------------------------------------------------------------- */

static const char *const questions[PXS_QUERY_COUNT] = {
    [PXS_QUERY_PROGRESS] = "SELECT * FROM v_progress WHERE ?1 IN (0, sweep_id) ORDER BY created_ms "
                           "DESC, sweep_id DESC",
    [PXS_QUERY_RUNS] =
        "SELECT * FROM v_run WHERE ?1 IN (0, sweep_id) ORDER BY sweep_id, number, run_id",
    [PXS_QUERY_RUN] = "SELECT * FROM v_run WHERE run_id = ?1",
    [PXS_QUERY_SCHEDULES] = "SELECT * FROM v_schedule WHERE ?1 IN (0, sweep_id) "
                            "ORDER BY sweep_id, mean_best_val_loss NULLS LAST, first_run_id",
    [PXS_QUERY_SWEEP_PARAMS] =
        "SELECT run_id, key, value FROM param JOIN run USING (run_id) WHERE sweep_id = ?1 "
        "ORDER BY run_id, key",
    [PXS_QUERY_PARAMS] = "SELECT key, value FROM param WHERE run_id = ?1 ORDER BY key",
    [PXS_QUERY_ATTEMPTS] = "SELECT * FROM attempt WHERE run_id = ?1 ORDER BY no",
    [PXS_QUERY_ENVIRONMENT] =
        "SELECT key, value FROM environment WHERE attempt_id = (SELECT attempt_id FROM attempt "
        "WHERE run_id = ?1 ORDER BY no DESC LIMIT 1) ORDER BY key",
    [PXS_QUERY_EPOCHS] = "SELECT * FROM epoch WHERE run_id = ?1 ORDER BY epoch",
    [PXS_QUERY_BATCHES] = "SELECT * FROM batch_loss WHERE run_id = ?1 ORDER BY step",
    [PXS_QUERY_SAMPLES] = "SELECT * FROM sample WHERE run_id = ?1 ORDER BY step",
    [PXS_QUERY_CHECKPOINTS] =
        "SELECT * FROM checkpoint WHERE run_id = ?1 ORDER BY epoch, net, path",
    [PXS_QUERY_EVENTS] = "SELECT * FROM event WHERE run_id = ?1 ORDER BY at_ms, event_id",
};

enum pxs_status pxs_store_ask(struct pxs_store *s, enum pxs_query query, int64_t id,
                              struct pxs_table *out, struct pxs_error *err) {
    if ((size_t)query >= PXS_QUERY_COUNT)
        return pxs_fail(err, PXS_E_INTERNAL, "query %d", (int)query);
    struct pxs_cell arg = pxs_cell_int(id);
    return pxs_store_select(s, questions[query], &arg, 1, out, err);
}
