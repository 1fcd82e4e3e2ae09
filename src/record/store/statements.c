/* Compiled statements, and values into and out of them. */
#include "store_priv.h"

#include <string.h>

static const char *const texts[] = {
#define TEXT(name, sql) [PXS_ST_##name] = sql,
    PXS_STORE_STATEMENTS(TEXT)};

enum pxs_status pxs_store_stmt(struct pxs_store *s, enum pxs_store_stmt which,
                               struct pxs_stmt **out, struct pxs_error *err) {
    if (!s->statements[which])
        PXS_TRY(pxs_sql_prepare(s->sql, texts[which], &s->statements[which], err));
    *out = s->statements[which];
    return PXS_OK;
}

void pxs_store_finish_statements(struct pxs_store *s) {
    for (size_t i = 0; i < PXS_ST_COUNT; i++)
        pxs_stmt_finish(&s->statements[i]);
}

enum pxs_status pxs_store_first(struct pxs_store *s, enum pxs_store_stmt which,
                                const struct pxs_cell *args, size_t n, struct pxs_stmt **out,
                                bool *row, struct pxs_error *err) {
    PXS_TRY(pxs_store_stmt(s, which, out, err));
    PXS_TRY(pxs_stmt_bind(*out, args, n, err));
    return pxs_stmt_step(*out, row, err);
}

enum pxs_status pxs_store_run_stmt(struct pxs_store *s, enum pxs_store_stmt which,
                                   const struct pxs_cell *args, size_t n, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row;
    PXS_TRY(pxs_store_first(s, which, args, n, &stmt, &row, err));
    pxs_stmt_reset(stmt);
    return PXS_OK;
}

enum pxs_status pxs_store_int(struct pxs_store *s, enum pxs_store_stmt which,
                              const struct pxs_cell *args, size_t n, int64_t missing,
                              int64_t *value, struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row, blob;
    PXS_TRY(pxs_store_first(s, which, args, n, &stmt, &row, err));
    *value = missing;
    if (row) {
        struct pxs_cell cell = pxs_stmt_cell(stmt, 0, &blob);
        if (cell.kind == PXS_CELL_INT)
            *value = cell.integer;
    }
    pxs_stmt_reset(stmt);
    return PXS_OK;
}

enum pxs_status pxs_store_value(struct pxs_store *s, const char *sql, int64_t *value,
                                struct pxs_error *err) {
    struct pxs_stmt *stmt;
    bool row;
    PXS_TRY(pxs_sql_prepare(s->sql, sql, &stmt, err));
    enum pxs_status status = pxs_stmt_step(stmt, &row, err);
    if (status == PXS_OK)
        *value = row ? pxs_column_int(stmt, 0) : 0;
    pxs_stmt_finish(&stmt);
    return status;
}

/* ---- values --------------------------------------------------------------------------------- */

struct pxs_cell pxs_cell_int(int64_t value) {
    return (struct pxs_cell){.kind = PXS_CELL_INT, .integer = value, .real = (double)value};
}

struct pxs_cell pxs_cell_real(double value) {
    return (struct pxs_cell){.kind = PXS_CELL_REAL, .real = value};
}

struct pxs_cell pxs_cell_text(const char *text) {
    if (!text)
        return (struct pxs_cell){.kind = PXS_CELL_NULL};
    return (struct pxs_cell){.kind = PXS_CELL_TEXT, .text = text, .bytes = strlen(text)};
}

struct pxs_cell pxs_cell_int_or_null(int64_t value) {
    return value ? pxs_cell_int(value) : pxs_cell_text(NULL);
}

struct pxs_cell pxs_cell_text_or_null(const char *text) {
    return pxs_cell_text(text && *text ? text : NULL);
}

struct pxs_cell pxs_cell_state(enum pxs_run_state state) {
    return pxs_cell_text_or_null(pxs_state_name(state));
}

int64_t pxs_column_int(const struct pxs_stmt *stmt, size_t column) {
    bool blob;
    return pxs_stmt_cell(stmt, column, &blob).integer;
}

double pxs_column_real(const struct pxs_stmt *stmt, size_t column) {
    bool blob;
    return pxs_stmt_cell(stmt, column, &blob).real;
}

void pxs_column_text(const struct pxs_stmt *stmt, size_t column, char *out, size_t size) {
    bool blob;
    struct pxs_cell cell = pxs_stmt_cell(stmt, column, &blob);
    size_t n = cell.text ? cell.bytes : 0;
    if (n >= size) {
        n = size - 1;
        while (n > 0 && ((unsigned char)cell.text[n] & 0xC0) == 0x80)
            n--;
    }
    if (n)
        memcpy(out, cell.text, n);
    out[n] = '\0';
}

enum pxs_run_state pxs_column_state(const struct pxs_stmt *stmt, size_t column) {
    bool blob;
    return pxs_state_parse(pxs_stmt_cell(stmt, column, &blob).text);
}
