/* The runs of a page: those that do not count and why, and each with its parameters and
 * environment. */
#include "page_priv.h"
#include "page_texts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- reading -------------------------------------------------------------------------------- */

static enum pxs_status read_lost(struct pxs_page *p, struct pxs_error *err) {
    static const struct pxs_column columns[] = {{"run", PXS_SHOW_PLAIN},
                                                {"state", PXS_SHOW_PLAIN},
                                                {"tries", PXS_SHOW_PLAIN},
                                                {"epochs", PXS_SHOW_PLAIN},
                                                {"reason", PXS_SHOW_PLAIN}};
    struct pxs_shown *lost = &p->shown[PXS_LOST];
    PXS_TRY(pxs_page_ask(p, PXS_SQL_LOST, pxs_page_lost_sql, &lost->table, err));
    if (lost->table.n_rows > 0)
        lost->how = (struct pxs_look_of_table){.id = "lost-table",
                                               .caption = "Runs that are not completed, and why",
                                               .columns = columns,
                                               .sql = pxs_page_sql_id(PXS_SQL_LOST)};
    else
        pxs_text_clear(&p->sql[PXS_SQL_LOST]);
    return PXS_OK;
}

static enum pxs_status read_results(struct pxs_page *p, struct pxs_error *err) {
    static const struct pxs_column usual[] = {
        {"run", PXS_SHOW_PLAIN},       {"state", PXS_SHOW_PLAIN},
        {"seed", PXS_SHOW_PLAIN},      {"epochs", PXS_SHOW_PLAIN},
        {"best val", PXS_SHOW_FIXED},  {"at epoch", PXS_SHOW_PLAIN},
        {"final val", PXS_SHOW_FIXED}, {"loss_G", PXS_SHOW_FIXED},
        {"time", PXS_SHOW_DURATION},   {"imported from", PXS_SHOW_PLAIN}};
    struct pxs_shown *runs = &p->shown[PXS_RUNS];
    PXS_TRY(pxs_page_ask(p, PXS_SQL_RUNS, pxs_page_runs_sql, &runs->table, err));
    if (runs->table.n_rows != p->groups.n_runs)
        return pxs_fail(err, PXS_E_BUSY,
                        "the sweep was planned anew while it was being read; ask again");
    struct pxs_column *columns = pxs_arena_alloc(&p->arena, sizeof usual);
    if (!columns)
        return pxs_fail_nomem(err);
    memcpy(columns, usual, sizeof usual);
    pxs_hide_empty(&runs->table, columns);
    runs->how = (struct pxs_look_of_table){.id = "runs-table",
                                           .caption = "Every run",
                                           .columns = columns,
                                           .configurations = p->groups.group_of,
                                           .sql = pxs_page_sql_id(PXS_SQL_RUNS)};
    return PXS_OK;
}

enum pxs_status pxs_page_read_runs(struct pxs_page *p, struct pxs_error *err) {
    PXS_TRY(read_results(p, err));
    PXS_TRY(read_lost(p, err));
    PXS_TRY(pxs_page_ask(p, PXS_SQL_PARAMS, pxs_page_params_sql, &p->params, err));
    return pxs_page_ask(p, PXS_SQL_FACTS, pxs_page_facts_sql, &p->facts, err);
}

/* ---- runs that do not count ----------------------------------------------------------------- */

void pxs_page_put_lost(struct pxs_page *p) {
    if (!p->shown[PXS_LOST].how.id)
        return;
    pxs_text_add(p->out, "<section id=\"lost\"><h2>Runs that do not count</h2>\n");
    pxs_html_put_table(p->out, &p->shown[PXS_LOST]);
    pxs_page_put_sql(p, PXS_SQL_LOST);
    pxs_text_add(p->out, "</section>\n");
}

/* ---- parameters and environment ------------------------------------------------------------- */

static bool is_boolean(const char *param, const struct pxs_cell *value) {
    enum pxs_param_key known;
    return value->kind == PXS_CELL_INT && pxs_param_find(param, &known) &&
           pxs_param_info((int)known)->type == PXS_TYPE_BOOL;
}

void pxs_page_put_value(struct pxs_json_writer *w, const char *key, const char *param,
                        const struct pxs_cell *value) {
    struct pxs_text name = {0}, text = {0};
    if (key)
        pxs_text_add_clean(&name, key, strlen(key));
    if (value->kind == PXS_CELL_TEXT)
        pxs_text_add_lines(&text, value->text, value->bytes);
    else if (value->kind == PXS_CELL_REAL && isinf(value->real))
        /* PSNR of equal pictures; JSON has no number for it */
        pxs_text_add(&text, value->real > 0 ? "inf" : "-inf");
    w->out->failed = w->out->failed || name.failed || text.failed;
    const char *as = key ? pxs_text_str(&name) : NULL;
    if (value->kind == PXS_CELL_TEXT || text.len > 0)
        pxs_json_put_string(w, as, pxs_text_str(&text));
    else if (is_boolean(param, value))
        pxs_json_put_bool(w, as, value->integer != 0);
    else
        pxs_cell_json(w, as, value);
    pxs_text_finish(&name);
    pxs_text_finish(&text);
}

static void put_pair_value(struct pxs_text *out, const struct pxs_cell *key,
                           const struct pxs_cell *value) {
    struct pxs_text plain = {0};
    if (value->kind == PXS_CELL_TEXT) {
        pxs_html_text_n(out, value->text, value->bytes);
    } else if (is_boolean(key->text, value)) {
        pxs_text_add(out, value->integer != 0 ? "true" : "false");
    } else {
        pxs_cell_show(&plain, value, PXS_SHOW_PLAIN, -1);
        pxs_html_text(out, value->kind == PXS_CELL_NULL ? "null" : pxs_text_str(&plain));
    }
    out->failed = out->failed || plain.failed;
    pxs_text_finish(&plain);
}

/* The pairs of a run, whose rows begin at `from`, that are the same in all runs (`common`), or that
 * are not. */
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

/* ---- all runs ------------------------------------------------------------------------------- */

void pxs_page_put_runs(struct pxs_page *p) {
    const struct pxs_table *params = &p->params, *facts = &p->facts;
    pxs_html_put_table(p->out, &p->shown[PXS_RUNS]);
    pxs_page_put_sql(p, PXS_SQL_RUNS);

    pxs_text_add(p->out, "<details id=\"shared\"><summary>What all runs have in "
                         "common</summary>\n<div class=\"pair\">");
    if (params->n_rows > 0)
        put_pairs(p->out, params, 0, params->cells[0].integer, true, "Parameters");
    if (facts->n_rows > 0)
        put_pairs(p->out, facts, 0, facts->cells[0].integer, true, "Environment");
    pxs_text_add(p->out, "</div></details>\n");

    pxs_text_add(p->out,
                 "<details id=\"each-run\"><summary>What each run has of its own</summary>\n");
    for (size_t row = 0; row < p->groups.n_runs; row++) {
        const int64_t run_id = p->groups.run_ids[row];
        pxs_text_addf(p->out,
                      "<details class=\"run\" id=\"run-%" PRId64
                      "\"><summary><span class=\"swatch\" data-configuration=\"%zu\"></span>",
                      run_id, p->groups.group_of[row]);
        pxs_html_text(p->out, p->curves.runs[row].name);
        pxs_text_add(p->out, "</summary>\n<div class=\"pair\">");
        put_pairs(p->out, params, first_row(params, run_id), run_id, false,
                  "Parameters that are not the same in all runs");
        put_pairs(p->out, facts, first_row(facts, run_id), run_id, false,
                  "Environment that is not the same in all runs");
        pxs_text_add(p->out, "</div></details>\n");
    }
    pxs_text_add(p->out, "</details>\n");
    pxs_page_put_sql(p, PXS_SQL_PARAMS);
    pxs_page_put_sql(p, PXS_SQL_FACTS);
}
