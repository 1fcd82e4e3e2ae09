/* Text and tables as HTML. */
#include "page_priv.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- text ----------------------------------------------------------------------------------- */

void pxs_html_text_n(struct pxs_text *out, const char *text, size_t bytes) {
    struct pxs_text shown = {0};
    pxs_text_add_lines(&shown, text, bytes);
    const char *from = pxs_text_str(&shown);
    for (const char *at; (at = strpbrk(from, "&<>\"'")) != NULL; from = at + 1) {
        pxs_text_add_n(out, from, (size_t)(at - from));
        pxs_text_add(out, *at == '&'   ? "&amp;"
                          : *at == '<' ? "&lt;"
                          : *at == '>' ? "&gt;"
                          : *at == '"' ? "&quot;"
                                       : "&#39;");
    }
    pxs_text_add(out, from);
    out->failed = out->failed || shown.failed;
    pxs_text_finish(&shown);
}

void pxs_html_text(struct pxs_text *out, const char *text) {
    pxs_html_text_n(out, text, strlen(text));
}

void pxs_html_put(struct pxs_text *out, const char *before, const char *text, const char *after) {
    pxs_text_add(out, before);
    pxs_html_text(out, text);
    pxs_text_add(out, after);
}

void pxs_html_textf(struct pxs_text *out, const char *fmt, ...) {
    struct pxs_text plain = {0};
    va_list ap;
    va_start(ap, fmt);
    pxs_text_addv(&plain, fmt, ap);
    va_end(ap);
    out->failed = out->failed || plain.failed;
    pxs_html_text_n(out, pxs_text_str(&plain), plain.len);
    pxs_text_finish(&plain);
}

/* ---- tables --------------------------------------------------------------------------------- */

static bool is_hidden(const struct pxs_look_of_table *how, size_t column) {
    return how->columns && how->columns[column].show == PXS_SHOW_HIDDEN;
}

static enum pxs_show show_of(const struct pxs_look_of_table *how, size_t column) {
    return how->columns ? how->columns[column].show : PXS_SHOW_PLAIN;
}

/* Numbers go flush right, and so do the headings above them. */
static bool is_number(const struct pxs_table *table, size_t column) {
    for (size_t row = 0; row < table->n_rows; row++) {
        if (table->cells[row * table->n_columns + column].kind == PXS_CELL_TEXT)
            return false;
    }
    return true;
}

static bool is_folded(const struct pxs_look_of_table *how, size_t column) {
    return how->folded && how->folded[column];
}

/* The classes of a cell, headings included. */
static void put_class(struct pxs_text *out, bool number, bool folded) {
    static const char *const classes[2][2] = {{"", " class=\"rest\""},
                                              {" class=\"number\"", " class=\"number rest\""}};
    pxs_text_add(out, classes[number][folded]);
}

/* A box to tick, which works without scripts, too. */
static void put_control(struct pxs_text *out, const struct pxs_table *table,
                        const struct pxs_look_of_table *how) {
    size_t shown = 0, rest = 0;
    for (size_t i = 0; i < table->n_columns; i++) {
        shown += !is_hidden(how, i);
        rest += !is_hidden(how, i) && is_folded(how, i);
    }
    if (rest > 0)
        pxs_text_addf(
            out,
            "<input type=\"checkbox\" class=\"unfold\" id=\"%s-all\" autocomplete=\"off\"> <label "
            "for=\"%s-all\">All %zu columns</label>\n",
            how->id, how->id, shown);
}

static void put_headings(struct pxs_text *out, const struct pxs_table *table,
                         const struct pxs_look_of_table *how) {
    pxs_text_add(out, "<thead><tr>");
    for (size_t i = 0; i < table->n_columns; i++) {
        if (is_hidden(how, i))
            continue;
        const char *title =
            how->columns && how->columns[i].title ? how->columns[i].title : table->columns[i];
        pxs_text_add(out, "<th scope=\"col\"");
        put_class(out, is_number(table, i), is_folded(how, i));
        pxs_text_add(out, " data-column=\"");
        pxs_html_text(out, table->columns[i]);
        pxs_text_add(out, "\" title=\"");
        pxs_html_text(out, table->columns[i]);
        pxs_text_add(out, "\">");
        pxs_html_text(out, title);
        pxs_text_add(out, "</th>");
    }
    pxs_text_add(out, "</tr></thead>\n");
}

/* The exact value, for sorting and for programs that read the page; nothing where NULL. */
static void put_value(struct pxs_text *out, const struct pxs_cell *cell) {
    char buf[32];
    if (cell->kind == PXS_CELL_NULL || (cell->kind == PXS_CELL_REAL && isnan(cell->real)))
        return;
    pxs_text_add(out, " data-v=\"");
    if (cell->kind == PXS_CELL_INT)
        pxs_text_addf(out, "%" PRId64, cell->integer);
    else if (cell->kind == PXS_CELL_REAL)
        pxs_text_add(out, pxs_format_double(buf, cell->real));
    else
        pxs_html_text_n(out, cell->text, cell->bytes);
    pxs_text_add(out, "\"");
}

static void put_shown(struct pxs_text *out, const struct pxs_cell *cell, enum pxs_show show,
                      int decimals) {
    struct pxs_text plain = {0};
    if (cell->kind == PXS_CELL_TEXT) {
        pxs_html_text_n(out, cell->text, cell->bytes);
        return;
    }
    if (cell->kind != PXS_CELL_NULL && show == PXS_SHOW_PLUSMINUS)
        pxs_text_add(out, "\xc2\xb1\xc2\xa0");
    if (cell->kind != PXS_CELL_NULL && show == PXS_SHOW_TO)
        pxs_text_add(out, "to\xc2\xa0");
    if (cell->kind != PXS_CELL_NULL && show == PXS_SHOW_ARROW)
        pxs_text_add(out, "\xe2\x86\x92\xc2\xa0");
    pxs_cell_show(&plain, cell, show, decimals);
    out->failed = out->failed || plain.failed;
    pxs_html_text_n(out, pxs_text_str(&plain), plain.len);
    pxs_text_finish(&plain);
}

/* A mean, its deviation and its interval have the decimals of the mean. */
int pxs_shown_decimals(const struct pxs_shown *shown, size_t column) {
    const struct pxs_look_of_table *how = &shown->how;
    for (; column > 0; column--) {
        const bool ends =
            show_of(how, column) == PXS_SHOW_PLUSMINUS || show_of(how, column) == PXS_SHOW_TO;
        const bool begins =
            column + 1 < shown->table.n_columns && show_of(how, column + 1) == PXS_SHOW_TO;
        if (!ends && !begins)
            break;
    }
    return pxs_cell_decimals(&shown->table, column);
}

static void put_row(struct pxs_text *out, const struct pxs_table *table,
                    const struct pxs_look_of_table *how, size_t row, const bool *number,
                    const int *decimals) {
    bool first = true;
    pxs_text_add(out, "<tr>");
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct pxs_cell *cell = &table->cells[row * table->n_columns + i];
        if (is_hidden(how, i))
            continue;
        pxs_text_add(out, first ? "<th scope=\"row\"" : "<td");
        put_class(out, number[i], is_folded(how, i));
        put_value(out, cell);
        pxs_text_add(out, ">");
        if (first && how->configurations)
            pxs_text_addf(out, "<span class=\"swatch\" data-configuration=\"%zu\"></span>",
                          how->configurations[row]);
        put_shown(out, cell, show_of(how, i), decimals[i]);
        pxs_text_add(out, first ? "</th>" : "</td>");
        first = false;
    }
    pxs_text_add(out, "</tr>\n");
}

void pxs_html_put_table(struct pxs_text *out, const struct pxs_shown *shown) {
    const struct pxs_table *table = &shown->table;
    const struct pxs_look_of_table *how = &shown->how;
    if (!how->id)
        return;
    struct pxs_arena arena = {0};
    bool *number = pxs_arena_alloc(&arena, (table->n_columns + 1) * sizeof *number);
    int *decimals = pxs_arena_alloc(&arena, (table->n_columns + 1) * sizeof *decimals);
    if (!number || !decimals) {
        out->failed = true;
        pxs_arena_finish(&arena);
        return;
    }
    for (size_t i = 0; i < table->n_columns; i++) {
        number[i] = is_number(table, i);
        decimals[i] = pxs_shown_decimals(shown, i);
    }
    put_control(out, table, how);
    pxs_text_add(out, "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"");
    pxs_html_text(out, how->caption);
    pxs_text_addf(out, "\"><table class=\"sortable\" id=\"%s\" data-sql=\"%s\">\n<caption>",
                  how->id, how->sql);
    pxs_html_text(out, how->caption);
    pxs_text_add(out, "</caption>\n");
    put_headings(out, table, how);
    pxs_text_add(out, "<tbody>\n");
    for (size_t row = 0; row < table->n_rows; row++)
        put_row(out, table, how, row, number, decimals);
    pxs_text_add(out, "</tbody></table></div>\n");
    pxs_arena_finish(&arena);
}
