/* Texts and names as SQL has them. */
#include "pixsweep/table.h"

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
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] == '\0';
    if (plain)
        pxs_text_add(out, name);
    else
        put_quoted(out, name, '"');
}
