/* The runs of a page: those that do not count and why, and each with its parameters and environment. */
#include "page_priv.h"

#include <inttypes.h>
#include <string.h>

/* ---- runs that do not count ------------------------------------------------------------------------------ */

static const char lost_words[] = "SQL: runs that are not completed, with the last attempt's message";

static void lost_sql(struct pxs_text *sql, const char *sweep) {
    pxs_text_add(sql, "SELECT r.name, r.state, r.attempts AS tries, r.last_epoch + 1 AS epochs,\n"
                      "  coalesce(r.message, (SELECT message FROM event e WHERE e.run_id = r.run_id\n"
                      "    ORDER BY at_ms DESC, event_id DESC LIMIT 1)) AS reason\n"
                      "FROM v_run r WHERE r.state <> 'completed' AND r.sweep = ");
    pxs_sql_literal(sql, sweep);
    pxs_text_add(sql, "\nORDER BY r.number");
}

enum pxs_status pxs_page_put_lost(struct pxs_page *p, struct pxs_error *err) {
    static const struct pxs_column columns[] = {{"run", PXS_SHOW_PLAIN},
                                                {"state", PXS_SHOW_PLAIN},
                                                {"tries", PXS_SHOW_PLAIN},
                                                {"epochs", PXS_SHOW_PLAIN},
                                                {"reason", PXS_SHOW_PLAIN}};
    struct pxs_text sql = {0};
    struct pxs_table lost = {0};
    lost_sql(&sql, p->comparison.sweep);
    const enum pxs_status status =
        sql.failed ? pxs_fail_nomem(err) : pxs_store_select(p->s, pxs_text_str(&sql), NULL, 0, &lost, err);
    if (status == PXS_OK && lost.n_rows > 0) {
        pxs_text_add(p->out, "<section id=\"lost\"><h2>Runs that do not count</h2>\n");
        pxs_html_put_table(p->out, &lost,
                           &(struct pxs_html_table){.id = "lost-table",
                                                    .caption = "Runs that are not completed, and why",
                                                    .columns = columns,
                                                    .sql = "sql-lost"});
        pxs_page_put_sql(p, "sql-lost", lost_words, pxs_text_str(&sql));
        pxs_text_add(p->out, "</section>\n");
    }
    pxs_table_finish(&lost);
    pxs_text_finish(&sql);
    return status;
}

/* ---- parameters and environment -------------------------------------------------------------------------- */

/* Rows run_id, key, value, common: common where all runs that have rows share the value. */
static const char pairs_sql[] =
    "WITH pair AS (%s),\n"
    "judged AS (SELECT *, count(*) OVER k = (SELECT count(DISTINCT run_id) FROM pair)\n"
    "    AND min(value) OVER k IS max(value) OVER k AND count(value) OVER k IN (0, count(*) OVER k) AS "
    "common\n"
    "  FROM pair WINDOW k AS (PARTITION BY key))\n"
    "SELECT run_id, key, value, common FROM judged ORDER BY run_id, key";
static const char params_sql[] =
    "SELECT run_id, key, value FROM param JOIN run USING (run_id) WHERE sweep_id = ";
static const char facts_sql[] =
    "SELECT run_id, key, value FROM environment JOIN attempt a USING (attempt_id) JOIN run USING (run_id)\n"
    "  WHERE a.no = (SELECT max(no) FROM attempt b WHERE b.run_id = a.run_id) AND sweep_id = ";

static enum pxs_status read_pairs(struct pxs_page *p, const char *source, struct pxs_text *sql,
                                  struct pxs_table *out, struct pxs_error *err) {
    struct pxs_text inner = {0};
    pxs_text_add(&inner, source);
    pxs_sql_sweep(&inner, p->comparison.sweep);
    pxs_text_addf(sql, pairs_sql, pxs_text_str(&inner));
    sql->failed = sql->failed || inner.failed;
    pxs_text_finish(&inner);
    return sql->failed ? pxs_fail_nomem(err) : pxs_store_select(p->s, pxs_text_str(sql), NULL, 0, out, err);
}

static void put_pair_value(struct pxs_text *out, const struct pxs_cell *key, const struct pxs_cell *value) {
    struct pxs_text plain = {0};
    enum pxs_param_key known;
    if (value->kind == PXS_CELL_TEXT) {
        pxs_html_text_n(out, value->text, value->bytes);
    } else if (value->kind == PXS_CELL_INT && pxs_param_find(key->text, &known) &&
               pxs_param_info((int)known)->type == PXS_TYPE_BOOL) {
        pxs_text_add(out, value->integer != 0 ? "true" : "false");
    } else {
        pxs_cell_show(&plain, value, PXS_SHOW_PLAIN, -1);
        pxs_html_text(out, value->kind == PXS_CELL_NULL ? "null" : pxs_text_str(&plain));
    }
    out->failed = out->failed || plain.failed;
    pxs_text_finish(&plain);
}

/* The pairs of a run, starting at row *from, that are common (or are not); *from moves behind the run's rows. */
static void put_pairs(struct pxs_text *out, const struct pxs_table *t, size_t from, int64_t run_id,
                      bool common, const char *caption) {
    bool any = false;
    for (size_t i = from; i < t->n_rows; i++) {
        const struct pxs_cell *row = &t->cells[i * t->n_columns];
        if (row[0].integer != run_id)
            break;
        if ((row[3].integer != 0) != common)
            continue;
        if (!any)
            pxs_text_addf(out, "<table class=\"pairs\"><caption>%s</caption><tbody>\n", caption);
        any = true;
        pxs_text_add(out, "<tr><th scope=\"row\">");
        pxs_html_text(out, row[1].text);
        pxs_text_add(out, "</th><td>");
        put_pair_value(out, &row[1], &row[2]);
        pxs_text_add(out, "</td></tr>\n");
    }
    if (any)
        pxs_text_add(out, "</tbody></table>\n");
}

static size_t first_row(const struct pxs_table *t, int64_t run_id) {
    size_t i = 0;
    while (i < t->n_rows && t->cells[i * t->n_columns].integer != run_id)
        i++;
    return i;
}

static void put_shared(struct pxs_page *p) {
    const struct pxs_table *params = &p->params, *facts = &p->facts;
    pxs_text_add(
        p->out,
        "<details id=\"shared\"><summary>What all runs have in common</summary>\n<div class=\"pair\">");
    if (params->n_rows > 0)
        put_pairs(p->out, params, 0, params->cells[0].integer, true, "Parameters");
    if (facts->n_rows > 0)
        put_pairs(p->out, facts, 0, facts->cells[0].integer, true, "Environment");
    pxs_text_add(p->out, "</div></details>\n");
}

static void put_one_run(struct pxs_page *p, size_t row) {
    const int64_t run_id = p->groups.run_ids[row];
    const char *name = pxs_table_at(&p->runs, row, "name").text;
    pxs_text_addf(p->out,
                  "<details class=\"run\" id=\"run-%" PRId64 "\"><summary><span class=\"swatch\" "
                  "data-configuration=\"%zu\"></span>",
                  run_id, p->groups.group_of[row]);
    pxs_html_text(p->out, name);
    pxs_text_add(p->out, "</summary>\n<div class=\"pair\">");
    put_pairs(p->out, &p->params, first_row(&p->params, run_id), run_id, false,
              "Parameters that are not the same in all runs");
    put_pairs(p->out, &p->facts, first_row(&p->facts, run_id), run_id, false,
              "Environment that is not the same in all runs");
    pxs_text_add(p->out, "</div></details>\n");
}

/* ---- all runs -------------------------------------------------------------------------------------------- */

static void runs_sql(struct pxs_text *sql, const char *sweep) {
    pxs_text_add(
        sql,
        "SELECT name, state, seed, last_epoch + 1 AS epochs, best_val_loss, best_epoch, final_val_loss,\n"
        "  final_avg_loss_G, seconds,\n  (SELECT source FROM imported i WHERE i.run_id = v_run.run_id) AS "
        "imported\nFROM v_run WHERE sweep = ");
    pxs_sql_literal(sql, sweep);
    pxs_text_add(sql, " ORDER BY number, run_id");
}

enum pxs_status pxs_page_read_runs(struct pxs_page *p, struct pxs_error *err) {
    runs_sql(&p->runs_sql, p->comparison.sweep);
    if (p->runs_sql.failed)
        return pxs_fail_nomem(err);
    PXS_TRY(pxs_store_select(p->s, pxs_text_str(&p->runs_sql), NULL, 0, &p->runs, err));
    if (p->runs.n_rows != p->groups.n_runs)
        return pxs_fail(err, PXS_E_BUSY, "the sweep was planned anew while it was being read; ask again");
    PXS_TRY(read_pairs(p, params_sql, &p->params_sql, &p->params, err));
    return read_pairs(p, facts_sql, &p->facts_sql, &p->facts, err);
}

static void put_runs_table(struct pxs_page *p) {
    struct pxs_column columns[] = {{"run", PXS_SHOW_PLAIN},       {"state", PXS_SHOW_PLAIN},
                                   {"seed", PXS_SHOW_PLAIN},      {"epochs", PXS_SHOW_PLAIN},
                                   {"best val", PXS_SHOW_FIXED},  {"at epoch", PXS_SHOW_PLAIN},
                                   {"final val", PXS_SHOW_FIXED}, {"loss_G", PXS_SHOW_FIXED},
                                   {"time", PXS_SHOW_DURATION},   {"imported from", PXS_SHOW_PLAIN}};
    pxs_hide_empty(&p->runs, columns);
    pxs_html_put_table(p->out, &p->runs,
                       &(struct pxs_html_table){.id = "runs-table",
                                                .caption = "Every run",
                                                .columns = columns,
                                                .configurations = p->groups.group_of,
                                                .sql = "sql-runs"});
    pxs_page_put_sql(p, "sql-runs", "SQL: every run", pxs_text_str(&p->runs_sql));
}

void pxs_page_put_runs(struct pxs_page *p) {
    put_runs_table(p);
    put_shared(p);
    pxs_text_add(p->out, "<details id=\"each-run\"><summary>What each run has of its own</summary>\n");
    for (size_t row = 0; row < p->runs.n_rows; row++)
        put_one_run(p, row);
    pxs_text_add(p->out, "</details>\n");
    pxs_page_put_sql(p, "sql-params", "SQL: the runs' parameters", pxs_text_str(&p->params_sql));
    pxs_page_put_sql(p, "sql-facts", "SQL: the runs' environment", pxs_text_str(&p->facts_sql));
}
