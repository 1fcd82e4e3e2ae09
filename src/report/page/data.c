/* All that a page says of a sweep as one JSON document, which the page bears for its scripts:
 *
 *   {"format": 1, "sweep", "epochs": limit | null, "question", "comment", "facts", "verdict",
 * "notes": [text], "configurations": [{"label", "colour", "dash": [on, off, ... in line widths]}],
 * "order": [configuration, best first], "runs": [{"run_id", "name", "number", "seed", "state",
 * "configuration"}], "tables": [{"id", "caption", "sql": id of the statement, "columns": [{"name",
 * "title", "show", "decimals", "folded"}], "configurations": [of each row] | null, "rows": [[exact
 * value]]}], "params", "environment": {"common": {key: value}, "runs": [{key: value}, of each
 * run]}, "sql": {id: statement}, "experiment": the file's text, "metrics": see curves.c}
 *
 * Texts are as they may be shown (control characters as escapes). Sample pictures are not in it:
 * they are files of their own. */
#include "page_priv.h"

#include <string.h>

/* A text that the page shows, on one line; or of several lines. */
static void put_shown(struct pxs_json_writer *w, const char *key, const char *text) {
    struct pxs_text clean = {0};
    pxs_text_add_clean(&clean, text, strlen(text));
    pxs_json_put_string(w, key, pxs_text_str(&clean));
    w->out->failed = w->out->failed || clean.failed;
    pxs_text_finish(&clean);
}

static void put_lines(struct pxs_json_writer *w, const char *key, const char *text) {
    struct pxs_text clean = {0};
    pxs_text_add_lines(&clean, text, strlen(text));
    pxs_json_put_string(w, key, pxs_text_str(&clean));
    w->out->failed = w->out->failed || clean.failed;
    pxs_text_finish(&clean);
}

static void put_words(struct pxs_json_writer *w, const struct pxs_page *p) {
    const struct pxs_comparison *c = &p->comparison;
    pxs_json_put_int(w, "format", 1);
    put_shown(w, "sweep", c->sweep);
    if (p->epochs > 0)
        pxs_json_put_int(w, "epochs", p->epochs);
    else
        pxs_json_put_null(w, "epochs");
    put_shown(w, "question", pxs_text_str(&p->heading));
    put_shown(w, "comment", pxs_text_str(&p->comment));
    put_shown(w, "facts", pxs_text_str(&p->facts_line));
    put_shown(w, "verdict", c->verdict);
    pxs_json_put_array(w, "notes");
    for (size_t i = 0; i < c->n_notes; i++)
        put_shown(w, NULL, c->notes[i]);
    pxs_json_end(w);
}

static void put_runs(struct pxs_json_writer *w, const struct pxs_page *p) {
    const struct pxs_groups *g = &p->groups;
    pxs_json_put_array(w, "configurations");
    for (size_t i = 0; i < g->n_groups; i++) {
        struct pxs_look look;
        char colour[8];
        pxs_look_of(i, &look);
        snprintf(colour, sizeof colour, "#%02x%02x%02x", look.red, look.green, look.blue);
        pxs_json_put_object(w, NULL);
        put_shown(w, "label", g->labels[i]);
        pxs_json_put_string(w, "colour", colour);
        pxs_json_put_array(w, "dash");
        for (size_t k = 0; k < PXS_LOOK_DASHES && look.dash[k] > 0; k++)
            pxs_json_put_double(w, NULL, look.dash[k]);
        pxs_json_end(w);
        pxs_json_end(w);
    }
    pxs_json_end(w);
    pxs_json_put_array(w, "order");
    for (size_t i = 0; i < p->comparison.table.n_rows; i++)
        pxs_json_put_int(w, NULL, (int64_t)p->comparison.configurations[i]);
    pxs_json_end(w);
    pxs_json_put_array(w, "runs");
    for (size_t i = 0; i < g->n_runs; i++) {
        pxs_json_put_object(w, NULL);
        pxs_json_put_int(w, "run_id", p->curves.runs[i].run_id);
        put_shown(w, "name", p->curves.runs[i].name);
        pxs_json_put_int(w, "number", p->curves.runs[i].number);
        pxs_json_put_int(w, "seed", p->curves.runs[i].seed);
        pxs_json_put_string(w, "state", pxs_state_name(p->curves.runs[i].state));
        pxs_json_put_int(w, "configuration", (int64_t)g->group_of[i]);
        pxs_json_end(w);
    }
    pxs_json_end(w);
}

/* ---- tables --------------------------------------------------------------------------------- */

static const char *name_of(enum pxs_show show) {
    static const char *const names[] = {
        [PXS_SHOW_PLAIN] = "plain",         [PXS_SHOW_FIXED] = "fixed",
        [PXS_SHOW_SHORT] = "short",         [PXS_SHOW_DURATION] = "duration",
        [PXS_SHOW_TIME] = "time",           [PXS_SHOW_BYTES] = "bytes",
        [PXS_SHOW_PLUSMINUS] = "plusminus", [PXS_SHOW_TO] = "to",
        [PXS_SHOW_ARROW] = "arrow",         [PXS_SHOW_RATIO] = "ratio",
        [PXS_SHOW_MARK] = "mark",           [PXS_SHOW_TICK] = "tick",
        [PXS_SHOW_BOOLEAN] = "boolean",     [PXS_SHOW_HIDDEN] = "hidden",
    };
    return names[show];
}

static void put_columns(struct pxs_json_writer *w, const struct pxs_shown *shown) {
    const struct pxs_look_of_table *how = &shown->how;
    pxs_json_put_array(w, "columns");
    for (size_t i = 0; i < shown->table.n_columns; i++) {
        const char *name = shown->table.columns[i], *title = how->columns[i].title;
        pxs_json_put_object(w, NULL);
        put_shown(w, "name", name);
        put_shown(w, "title", title ? title : name);
        pxs_json_put_string(w, "show", name_of(how->columns[i].show));
        pxs_json_put_int(w, "decimals", pxs_shown_decimals(shown, i));
        pxs_json_put_bool(w, "folded", how->folded && how->folded[i]);
        pxs_json_end(w);
    }
    pxs_json_end(w);
}

static void put_table(struct pxs_json_writer *w, const struct pxs_shown *shown) {
    const struct pxs_table *t = &shown->table;
    const struct pxs_look_of_table *how = &shown->how;
    pxs_json_put_object(w, NULL);
    pxs_json_put_string(w, "id", how->id);
    pxs_json_put_string(w, "caption", how->caption);
    pxs_json_put_string(w, "sql", how->sql);
    put_columns(w, shown);
    if (how->configurations) {
        pxs_json_put_array(w, "configurations");
        for (size_t row = 0; row < t->n_rows; row++)
            pxs_json_put_int(w, NULL, (int64_t)how->configurations[row]);
        pxs_json_end(w);
    } else {
        pxs_json_put_null(w, "configurations");
    }
    pxs_json_put_array(w, "rows");
    for (size_t row = 0; row < t->n_rows; row++) {
        pxs_json_put_array(w, NULL);
        for (size_t i = 0; i < t->n_columns; i++)
            pxs_page_put_value(w, NULL, "", &t->cells[row * t->n_columns + i]);
        pxs_json_end(w);
    }
    pxs_json_end(w);
    pxs_json_end(w);
}

/* ---- all together --------------------------------------------------------------------------- */

/* Rows run_id, key, value, common. */
static void put_pairs(struct pxs_json_writer *w, const char *name, const struct pxs_page *p,
                      const struct pxs_table *t) {
    pxs_json_put_object(w, name);
    pxs_json_put_object(w, "common");
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct pxs_cell *row = &t->cells[i * t->n_columns];
        if (row[3].integer != 0 && row[0].integer == t->cells[0].integer)
            pxs_page_put_value(w, row[1].text, row[1].text, &row[2]);
    }
    pxs_json_end(w);
    pxs_json_put_array(w, "runs");
    for (size_t run = 0; run < p->groups.n_runs; run++) {
        pxs_json_put_object(w, NULL);
        for (size_t i = 0; i < t->n_rows; i++) {
            const struct pxs_cell *row = &t->cells[i * t->n_columns];
            if (row[3].integer == 0 && row[0].integer == p->groups.run_ids[run])
                pxs_page_put_value(w, row[1].text, row[1].text, &row[2]);
        }
        pxs_json_end(w);
    }
    pxs_json_end(w);
    pxs_json_end(w);
}

void pxs_page_put_data(struct pxs_json_writer *w, const struct pxs_page *p) {
    const char *yaml = pxs_table_at(&p->sweep, 0, "spec_yaml").text;
    pxs_json_put_object(w, NULL);
    put_words(w, p);
    put_runs(w, p);
    pxs_json_put_array(w, "tables");
    for (size_t i = 0; i < PXS_SHOWN_N; i++) {
        if (p->shown[i].how.id)
            put_table(w, &p->shown[i]);
    }
    pxs_json_end(w);
    put_pairs(w, "params", p, &p->params);
    put_pairs(w, "environment", p, &p->facts);
    pxs_json_put_object(w, "sql");
    for (int i = 0; i < PXS_SQL_N; i++) {
        if (p->sql[i].len > 0)
            put_lines(w, pxs_page_sql_id((enum pxs_page_sql)i), pxs_text_str(&p->sql[i]));
    }
    pxs_json_end(w);
    put_lines(w, "experiment", yaml ? yaml : "");
    pxs_page_put_curves(w, p);
    pxs_json_end(w);
}
