/* Texts and names as SQL has them. */
#include "pixsweep/table.h"

#include <inttypes.h>
#include <string.h>

static void put_quoted(struct pxs_text *out, const char *text, char quote) {
    pxs_text_add_n(out, &quote, 1);
    for (const char *c = text; *c != '\0'; c++) {
        pxs_text_add_n(out, c, 1);
        if (*c == quote)
            pxs_text_add_n(out, c, 1);
    }
    pxs_text_add_n(out, &quote, 1);
}

void pxs_sql_literal(struct pxs_text *out, const char *text) {
    put_quoted(out, text, '\'');
}

void pxs_sql_name(struct pxs_text *out, const char *name) {
    const bool plain =
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] ==
        '\0';
    if (plain)
        pxs_text_add(out, name);
    else
        put_quoted(out, name, '"');
}

/* Where a text, a quoted name or a comment that begins at `at` ends; `at` itself where none
 * does. */
static const char *end_of_quoted(const char *at) {
    if (at[0] == '-' && at[1] == '-')
        return at + strcspn(at, "\n");
    if (*at != '\'' && *at != '"')
        return at;
    const char *end = strchr(at + 1, *at);
    return end ? end + 1 : at + strlen(at);
}

static void put_value(struct pxs_text *out, const struct pxs_cell *value) {
    char buf[32];
    if (value->kind == PXS_CELL_TEXT)
        pxs_sql_literal(out, value->text);
    else if (value->kind == PXS_CELL_INT)
        pxs_text_addf(out, "%" PRId64, value->integer);
    else
        pxs_text_add(out,
                     value->kind == PXS_CELL_NULL ? "NULL" : pxs_format_double(buf, value->real));
}

void pxs_sql_filled(struct pxs_text *out, const char *sql, const struct pxs_cell *args, size_t n) {
    while (*sql != '\0') {
        const char *end = end_of_quoted(sql);
        const size_t which =
            sql[0] == '?' && sql[1] >= '1' && sql[1] <= '9' ? (size_t)(sql[1] - '1') : n;
        if (end > sql)
            pxs_text_add_n(out, sql, (size_t)(end - sql));
        else if (which < n)
            put_value(out, &args[which]);
        else
            pxs_text_add_n(out, sql, 1);
        sql = end > sql ? end : sql + (which < n ? 2 : 1);
    }
}
