#include "support_sql.h"

#include "support.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static struct pxs_table ask(struct pxs_store *s, const char *fmt, va_list ap) {
    char sql[4000];
    struct pxs_table t = {0};
    vsnprintf(sql, sizeof sql, fmt, ap);
    ck_ok(pxs_store_select(s, sql, NULL, 0, &t, &err));
    ck_assert_msg(t.n_rows > 0 && t.n_columns > 0, "no row: %s", sql);
    return t;
}

#define ASK(s, fmt)                       \
    va_list ap;                           \
    va_start(ap, fmt);                    \
    struct pxs_table t = ask(s, fmt, ap); \
    va_end(ap)

int64_t sql_int(struct pxs_store *s, const char *fmt, ...) {
    ASK(s, fmt);
    ck_assert_int_eq(t.cells[0].kind, PXS_CELL_INT);
    int64_t value = t.cells[0].integer;
    pxs_table_finish(&t);
    return value;
}

double sql_real(struct pxs_store *s, const char *fmt, ...) {
    ASK(s, fmt);
    double value = t.cells[0].kind == PXS_CELL_NULL ? NAN : t.cells[0].real;
    pxs_table_finish(&t);
    return value;
}

const char *sql_text(struct pxs_store *s, const char *fmt, ...) {
    static char text[4000];
    ASK(s, fmt);
    ck_assert_int_eq(t.cells[0].kind, PXS_CELL_TEXT);
    snprintf(text, sizeof text, "%s", t.cells[0].text);
    pxs_table_finish(&t);
    return text;
}

char *sql_dump(struct pxs_store *s, const char *sql) {
    struct pxs_table t = {0};
    struct pxs_text out = {0};
    char number[32];
    ck_ok(pxs_store_select(s, sql, NULL, 0, &t, &err));
    pxs_text_add(&out, "");
    for (size_t i = 0; i < t.n_rows * t.n_columns; i++) {
        const struct pxs_cell *c = &t.cells[i];
        if (c->kind == PXS_CELL_TEXT)
            pxs_text_add(&out, c->text);
        else if (c->kind != PXS_CELL_NULL)
            pxs_text_add(&out, pxs_format_double(number, c->real));
        pxs_text_add(&out, (i + 1) % t.n_columns ? "|" : "\n");
    }
    pxs_table_finish(&t);
    return out.text;
}
