/* export: any table or view, limited to the runs of some sweeps, row by row. Which tables there
 * are, and how each of them belongs to a sweep, is read from the schema, so that a table added
 * later can be exported at once. */
#include "pixsweep/inspect.h"
#include "pixsweep/metrics.h"
#include "pixsweep/table.h"

#include <string.h>

/* Which of the columns that tie a row to a sweep, a run or an attempt a table has. */
struct shape {
    bool has_sweep, has_run, has_attempt, has_first_run;
    struct pxs_text key; /* the primary key's columns, quoted; "" for a view */
};

static const char tables_sql[] = "SELECT name FROM pragma_table_list WHERE type IN ('table', "
                                 "'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
                                 " GROUP BY name ORDER BY name LIKE 'v\\_%' ESCAPE '\\' DESC, name";
static const char columns_sql[] = "SELECT name, pk FROM pragma_table_info(?1) ORDER BY pk, cid";

/* ---- which table ---------------------------------------------------------------------------- */

static enum pxs_status check_table(struct pxs_store *s, const char *name, struct pxs_error *err) {
    struct pxs_table tables = {0};
    struct pxs_text list = {0}, quoted = {0};
    PXS_TRY(pxs_store_select(s, tables_sql, NULL, 0, &tables, err));
    enum pxs_status status = PXS_E_NOT_FOUND;
    for (size_t i = 0; i < tables.n_rows; i++) {
        if (strcmp(tables.cells[i].text, name) == 0)
            status = PXS_OK;
    }
    if (status != PXS_OK) {
        for (size_t i = 0; i < tables.n_rows; i++)
            pxs_text_addf(&list, "%s%s", i > 0 ? ", " : "", tables.cells[i].text);

        pxs_text_add_quoted(&quoted, name);
        pxs_fail(err, status, "--table: there is no table %s; there are: %s", pxs_text_str(&quoted),
                 pxs_text_str(&list));
    }
    pxs_text_finish(&quoted);
    pxs_text_finish(&list);
    pxs_table_finish(&tables);
    return status;
}

static enum pxs_status read_shape(struct pxs_store *s, const char *name, struct shape *shape,
                                  struct pxs_error *err) {
    const struct pxs_cell arg = pxs_cell_text(name);
    struct pxs_table columns = {0};
    PXS_TRY(pxs_store_select(s, columns_sql, &arg, 1, &columns, err));
    for (size_t i = 0; i < columns.n_rows; i++) {
        const char *column = pxs_table_at(&columns, i, "name").text;
        shape->has_sweep = shape->has_sweep || strcmp(column, "sweep_id") == 0;
        shape->has_run = shape->has_run || strcmp(column, "run_id") == 0;
        shape->has_attempt = shape->has_attempt || strcmp(column, "attempt_id") == 0;
        shape->has_first_run = shape->has_first_run || strcmp(column, "first_run_id") == 0;
        if (pxs_table_at(&columns, i, "pk").integer > 0)
            pxs_text_addf(&shape->key, "%s\"%s\"", shape->key.len > 0 ? ", " : "", column);
    }
    pxs_table_finish(&columns);
    return pxs_text_status(&shape->key, err);
}

/* ---- the question --------------------------------------------------------------------------- */

/* `sweeps`: their ids, "1, 7". */
static enum pxs_status add_condition(const struct shape *shape, const char *table,
                                     const char *sweeps, struct pxs_text *sql,
                                     struct pxs_error *err) {
    if (shape->has_sweep)
        pxs_text_addf(sql, " WHERE sweep_id IN (%s)", sweeps);
    else if (shape->has_run)
        pxs_text_addf(sql, " WHERE run_id IN (SELECT run_id FROM run WHERE sweep_id IN (%s))",
                      sweeps);
    else if (shape->has_attempt)
        pxs_text_addf(
            sql,
            " WHERE attempt_id IN (SELECT a.attempt_id FROM attempt a JOIN run USING (run_id) "
            "WHERE sweep_id IN (%s))",
            sweeps);
    else
        return pxs_fail(err, PXS_E_UNSUPPORTED,
                        "--table: %s does not belong to sweeps; ask `pixsweep sql`", table);
    return PXS_OK;
}

/* The statement for the rows, and one that counts them. Rows stand in the order of the primary key;
 * those of views, which have none, in the order of their runs. */
static enum pxs_status make_sql(struct pxs_store *s, const char *table, const char *sweeps,
                                struct pxs_text *rows, struct pxs_text *count,
                                struct pxs_error *err) {
    struct shape shape = {0};
    enum pxs_status status = read_shape(s, table, &shape, err);
    if (status != PXS_OK)
        goto out;
    pxs_text_addf(rows, "SELECT * FROM \"%s\"", table);
    pxs_text_addf(count, "SELECT count(*) FROM \"%s\"", table);
    status = add_condition(&shape, table, sweeps, rows, err);
    if (status == PXS_OK)
        status = add_condition(&shape, table, sweeps, count, err);
    if (status != PXS_OK)
        goto out;
    if (shape.key.len > 0)
        pxs_text_addf(rows, " ORDER BY %s", pxs_text_str(&shape.key));
    else if (shape.has_run || shape.has_first_run)
        pxs_text_addf(rows, " ORDER BY %s", shape.has_run ? "run_id" : "first_run_id");
    if (rows->failed || count->failed)
        status = pxs_fail_nomem(err);
out:
    pxs_text_finish(&shape.key);
    return status;
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct export {
    struct pxs_rows *rows;
    struct pxs_meter meter;
    uint64_t n;
    double total;
    char what[96];
};

static enum pxs_status each_row(void *user, const char *const *columns,
                                const struct pxs_cell *cells, size_t n, struct pxs_error *err) {
    struct export *e = user;
    if (cells && e->n++ % 4096 == 0)
        pxs_meter_tell(e->meter, e->what, (double)e->n, e->total);
    return pxs_rows_row(e->rows, columns, cells, n, err);
}

static enum pxs_status find_sweeps(struct pxs_store *s, const struct pxs_export_options *o,
                                   struct pxs_text *ids, struct pxs_error *err) {
    for (size_t i = 0; i < 1 + o->n_more; i++) {
        int64_t id;
        PXS_TRY(pxs_store_find_sweep(s, i == 0 ? o->sweep : o->more[i - 1], &id, err));
        pxs_text_addf(ids, "%s%lld", i > 0 ? ", " : "", (long long)id);
    }
    return pxs_text_status(ids, err);
}

enum pxs_status pxs_export(struct pxs_store *s, const struct pxs_export_options *options,
                           uint64_t *n, struct pxs_error *err) {
    const char *table = options->table ? options->table : "v_run";
    struct export e = {.meter = options->meter};
    struct pxs_text rows = {0}, count = {0};
    struct pxs_table counted = {0};
    struct pxs_text sweeps = {0};
    if (options->format == PXS_FORMAT_TABLE)
        return pxs_fail(err, PXS_E_INVALID, "--format must be csv, json or jsonl");
    enum pxs_status status = find_sweeps(s, options, &sweeps, err);
    if (status == PXS_OK)
        status = check_table(s, table, err);
    if (status == PXS_OK)
        status = make_sql(s, table, pxs_text_str(&sweeps), &rows, &count, err);
    if (status != PXS_OK)
        goto out;

    /* The number of rows is for the progress bar; counting takes time, so it is left out without
     * one. */
    snprintf(e.what, sizeof e.what, "exporting %.60s", table);
    if (e.meter.tell) {
        status = pxs_store_select(s, pxs_text_str(&count), NULL, 0, &counted, err);
        if (status != PXS_OK)
            goto out;
        e.total = (double)counted.cells[0].integer;
    }

    status = pxs_rows_create(options->format, 0, options->sink, &e.rows, err);
    if (status == PXS_OK)
        status = pxs_store_query(s, pxs_text_str(&rows), each_row, &e, err);
    if (status == PXS_OK)
        status = pxs_rows_end(e.rows, err);
    if (status == PXS_OK)
        *n = e.n;
out:
    pxs_rows_destroy(&e.rows);
    pxs_table_finish(&counted);
    pxs_text_finish(&rows);
    pxs_text_finish(&count);
    pxs_text_finish(&sweeps);
    return status;
}
