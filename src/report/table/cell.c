/* One cell, one row: for people, as CSV, as JSON. */
#include "pixsweep/table.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum pxs_status pxs_text_status(const struct pxs_text *out, struct pxs_error *err) {
    return out->failed ? pxs_fail_nomem(err) : PXS_OK;
}

bool pxs_cell_same(const struct pxs_cell *a, const struct pxs_cell *b) {
    if (a->kind != b->kind)
        return false;
    if (a->kind == PXS_CELL_TEXT)
        return strcmp(a->text, b->text) == 0;
    return a->kind == PXS_CELL_NULL ||
           (a->kind == PXS_CELL_INT ? a->integer == b->integer : a->real == b->real);
}

/* ---- for people ----------------------------------------------------------------------------- */

int pxs_cell_decimals(const struct pxs_table *table, size_t column) {
    double largest = 0;
    for (size_t row = 0; row < table->n_rows; row++) {
        const struct pxs_cell *cell = &table->cells[row * table->n_columns + column];
        if (cell->kind == PXS_CELL_REAL && isfinite(cell->real) && fabs(cell->real) > largest)
            largest = fabs(cell->real);
    }
    if (largest == 0)
        return 4;
    const int exponent = (int)floor(log10(largest));
    if (exponent < -3 || exponent > 6)
        return -1;
    return exponent >= 3 ? 0 : exponent >= 0 ? 3 - exponent : 4;
}

static bool is_fixed(enum pxs_show show) {
    return show == PXS_SHOW_FIXED || show == PXS_SHOW_PLUSMINUS || show == PXS_SHOW_TO;
}

static void show_real(struct pxs_text *out, double value, enum pxs_show show, int decimals) {
    char buf[64];
    if (!isfinite(value)) {
        pxs_text_add(out, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    } else if (show == PXS_SHOW_DURATION) {
        pxs_format_duration(buf, value);
        pxs_text_add(out, buf);
    } else if (show == PXS_SHOW_BYTES) {
        pxs_format_bytes(buf, value > 0 ? (uint64_t)value : 0);
        pxs_text_add(out, buf);
    } else if (show == PXS_SHOW_TIME) {
        pxs_format_utc(buf, (int64_t)value);
        pxs_text_add(out, buf);
    } else if (show == PXS_SHOW_SHORT) {
        const double size = fabs(value);
        if (size != 0 && (size < 0.001 || size >= 1e6))
            pxs_text_addf(out, "%.2e", value);
        else
            pxs_text_addf(out, "%.*f", size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3, value);
    } else if (show == PXS_SHOW_RATIO) {
        const double over = value > 0 ? 1 / value : NAN, whole = round(over);
        /* a thousandth and less are read more easily as numbers, and may have any size */
        if (whole >= 2 && whole < 1000 && fabs(over - whole) < 1e-6 * whole)
            pxs_text_addf(out, "1/%.0f", whole);
        else
            pxs_text_addf(out, "%.3g", value);
    } else if (is_fixed(show) && decimals >= 0) {
        pxs_text_addf(out, "%.*f", decimals, value);
    } else if (is_fixed(show)) {
        pxs_text_addf(out, "%.3e", value);
    } else {
        pxs_text_add(out, pxs_format_six(buf, value));
    }
}

enum pxs_show pxs_show_of_key(const char *key) {
    enum pxs_param_key param;
    return pxs_param_find(key, &param) && pxs_param_info((int)param)->type == PXS_TYPE_BOOL
               ? PXS_SHOW_BOOLEAN
               : PXS_SHOW_PLAIN;
}

void pxs_cell_show(struct pxs_text *out, const struct pxs_cell *cell, enum pxs_show show,
                   int decimals) {
    const bool measured =
        show == PXS_SHOW_DURATION || show == PXS_SHOW_BYTES || show == PXS_SHOW_TIME;
    if (cell->kind == PXS_CELL_TEXT)
        pxs_text_add_clean(out, cell->text, cell->bytes);
    else if (cell->kind == PXS_CELL_NULL)
        return;
    else if (show == PXS_SHOW_MARK)
        pxs_text_add(out, cell->real == 0 ? "!" : "");
    else if (show == PXS_SHOW_TICK)
        pxs_text_add(out, cell->real != 0 ? "*" : "");
    else if (cell->kind == PXS_CELL_REAL)
        show_real(out, cell->real, show, decimals);
    else if (show == PXS_SHOW_BOOLEAN)
        pxs_text_add(out, cell->integer != 0 ? "true" : "false");
    else if (measured)
        show_real(out, (double)cell->integer, show, decimals);
    else
        pxs_text_addf(out, "%" PRId64, cell->integer);
}

/* ---- CSV ------------------------------------------------------------------------------------ */

/* What a spreadsheet would compute (OWASP, CSV injection): = + - @ and their full-width forms, tab,
 * carriage return and line feed at the beginning. A number is none. */
static bool looks_computed(const char *text, size_t bytes) {
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
                                       "\xef\xbc\xa0"};
    double number;
    if (bytes == 0)
        return false;
    for (size_t i = 0; i < PXS_COUNT(wide); i++) {
        if (bytes >= 3 && memcmp(text, wide[i], 3) == 0)
            return true;
    }
    return memchr("=+-@\t\r\n", text[0], 7) &&
           !(strlen(text) == bytes && pxs_parse_double(text, &number));
}

static void csv_text(struct pxs_text *out, const char *text, size_t bytes, bool safe) {
    const char *guard = safe && looks_computed(text, bytes) ? "'" : "";
    bool quote = bytes == 0 || *guard != '\0';
    for (size_t i = 0; i < bytes && !quote; i++)
        quote = strchr(",\"\r\n", text[i]);
    quote = quote || (bytes > 0 && (text[0] == ' ' || text[bytes - 1] == ' '));
    if (!quote) {
        pxs_text_add_n(out, text, bytes);
        return;
    }
    pxs_text_addf(out, "\"%s", guard);
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '"')
            pxs_text_add(out, "\"");
        pxs_text_add_n(out, text + i, 1);
    }
    pxs_text_add(out, "\"");
}

void pxs_cell_csv(struct pxs_text *out, const struct pxs_cell *cell, bool safe) {
    char buf[32];
    if (cell->kind == PXS_CELL_INT)
        pxs_text_addf(out, "%" PRId64, cell->integer);
    else if (cell->kind == PXS_CELL_REAL && !isnan(cell->real))
        pxs_text_add(out, pxs_format_double(buf, cell->real));
    else if (cell->kind == PXS_CELL_TEXT)
        csv_text(out, cell->text, cell->bytes, safe);
}

void pxs_row_csv(struct pxs_text *out, const char *const *columns, const struct pxs_cell *cells,
                 size_t n, bool safe) {
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            pxs_text_add(out, ",");
        if (cells)
            pxs_cell_csv(out, &cells[i], safe);
        else
            csv_text(out, columns[i], strlen(columns[i]), safe);
    }
    pxs_text_add(out, "\n");
}

/* ---- JSON ----------------------------------------------------------------------------------- */

void pxs_cell_json(struct pxs_json_writer *w, const char *key, const struct pxs_cell *cell) {
    if (cell->kind == PXS_CELL_INT)
        pxs_json_put_int(w, key, cell->integer);
    else if (cell->kind == PXS_CELL_REAL)
        pxs_json_put_double(w, key, cell->real);
    else
        pxs_json_put_string(w, key, cell->text);
}

const char **pxs_json_names(const char *const *columns, size_t n, struct pxs_arena *arena) {
    const char **names = pxs_arena_alloc(arena, (n + 1) * sizeof *names);
    for (size_t i = 0; names && i < n; i++) {
        size_t times = 1;
        for (size_t k = 0; k < i; k++)
            times += strcmp(columns[k], columns[i]) == 0;
        names[i] = times == 1 ? columns[i] : pxs_arena_printf(arena, "%s_%zu", columns[i], times);
        if (!names[i])
            return NULL;
    }
    return names;
}

void pxs_row_json(struct pxs_json_writer *w, const char *const *names, const struct pxs_cell *cells,
                  size_t n) {
    pxs_json_put_object(w, NULL);
    for (size_t i = 0; i < n; i++)
        pxs_cell_json(w, names[i], &cells[i]);
    pxs_json_end(w);
}

void pxs_cell_first_line(struct pxs_cell *cell) {
    if (cell->kind != PXS_CELL_TEXT || !memchr(cell->text, '\n', cell->bytes))
        return;
    cell->bytes = strcspn(cell->text, "\n");
}
