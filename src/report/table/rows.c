/* A result row by row. CSV and JSON flow through; a table is collected first. */
#include "pixsweep/table.h"

#include <stdlib.h>
#include <string.h>

#define FLUSH_BYTES 65536
#define CELL_WIDTH 80 /* columns of a text in a table that goes into a file or pipe */

struct pxs_rows {
    enum pxs_format format;
    int width;
    struct pxs_sink sink;
    struct pxs_text pending;
    const char **names; /* for JSON */
    size_t n_rows;
    struct pxs_table table; /* for TABLE: rows so far */
    size_t cap;             /* rows that table.cells has room for; malloc'ed until the end */
    struct pxs_cell *cells;
};

enum pxs_status pxs_rows_create(enum pxs_format format, int width, struct pxs_sink sink,
                                struct pxs_rows **out, struct pxs_error *err) {
    struct pxs_rows *s = calloc(1, sizeof *s);
    if (!s)
        return pxs_fail_nomem(err);
    s->format = format;
    s->width = width;
    s->sink = sink;
    *out = s;
    return PXS_OK;
}

static enum pxs_status flush(struct pxs_rows *s, struct pxs_error *err) {
    if (s->pending.failed)
        return pxs_fail_nomem(err);
    if (s->pending.len == 0)
        return PXS_OK;
    const enum pxs_status status =
        s->sink.write(s->sink.user, s->pending.text, s->pending.len, err);
    pxs_text_clear(&s->pending);
    return status;
}

static bool is_csv(const struct pxs_rows *s) {
    return s->format == PXS_FORMAT_CSV || s->format == PXS_FORMAT_CSV_SAFE;
}

/* The names come first and live until the caller's next step only, so they are copied. */
static enum pxs_status take_names(struct pxs_rows *s, const char *const *columns, size_t n,
                                  struct pxs_error *err) {
    const char **copies = pxs_arena_alloc(&s->table.arena, (n + 1) * sizeof *copies);
    if (!copies)
        return pxs_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        copies[i] = pxs_arena_strdup(&s->table.arena, columns[i]);
        if (!copies[i])
            return pxs_fail_nomem(err);
    }
    s->table.columns = copies;
    s->table.n_columns = n;
    s->names = pxs_json_names(copies, n, &s->table.arena);
    if (!s->names)
        return pxs_fail_nomem(err);
    if (is_csv(s))
        pxs_row_csv(&s->pending, copies, NULL, n, s->format == PXS_FORMAT_CSV_SAFE);
    else if (s->format == PXS_FORMAT_JSON)
        pxs_text_add(&s->pending, "[");
    return PXS_OK;
}

static enum pxs_status collect(struct pxs_rows *s, const struct pxs_cell *cells, size_t n,
                               struct pxs_error *err) {
    if (s->n_rows == s->cap) {
        const size_t cap = s->cap > 0 ? 2 * s->cap : 64;
        struct pxs_cell *grown = realloc(s->cells, (cap * n + 1) * sizeof *grown);
        if (!grown)
            return pxs_fail_nomem(err);
        s->cells = grown;
        s->cap = cap;
    }
    for (size_t i = 0; i < n; i++) {
        struct pxs_cell *cell = &s->cells[s->n_rows * n + i];
        *cell = cells[i];
        if (cell->kind != PXS_CELL_TEXT)
            continue;
        char *copy = pxs_arena_alloc(&s->table.arena, cells[i].bytes + 1);
        if (!copy)
            return pxs_fail_nomem(err);
        memcpy(copy, cells[i].text, cells[i].bytes);
        cell->text = copy;
    }
    return PXS_OK;
}

enum pxs_status pxs_rows_row(void *stream, const char *const *columns, const struct pxs_cell *cells,
                             size_t n, struct pxs_error *err) {
    struct pxs_rows *s = stream;
    if (!cells)
        return take_names(s, columns, n, err);
    if (s->format == PXS_FORMAT_TABLE) {
        PXS_TRY(collect(s, cells, n, err));
    } else if (is_csv(s)) {
        pxs_row_csv(&s->pending, columns, cells, n, s->format == PXS_FORMAT_CSV_SAFE);
    } else {
        const bool lines = s->format == PXS_FORMAT_JSONL;
        struct pxs_json_writer w = {.out = &s->pending};
        pxs_text_add(&s->pending, lines ? "" : s->n_rows > 0 ? ",\n  " : "\n  ");
        pxs_row_json(&w, s->names, cells, n);
        pxs_text_add(&s->pending, lines ? "\n" : "");
    }
    s->n_rows++;
    return s->pending.failed || s->pending.len >= FLUSH_BYTES ? flush(s, err) : PXS_OK;
}

/* Without a terminal's width to fit, one long text among others would widen every line. One column
 * is taken whole: nothing stands beside it. */
static enum pxs_status shorten(struct pxs_rows *s, struct pxs_error *err) {
    const size_t n = s->width > 0 || s->table.n_columns < 2 ? 0 : s->n_rows * s->table.n_columns;
    struct pxs_text clean = {0}, cut = {0};
    enum pxs_status status = PXS_OK;
    for (size_t i = 0; i < n && status == PXS_OK; i++) {
        struct pxs_cell *cell = &s->cells[i];
        if (cell->kind != PXS_CELL_TEXT || cell->bytes <= CELL_WIDTH)
            continue;
        pxs_text_clear(&clean);
        pxs_text_clear(&cut);
        pxs_text_add_clean(&clean, cell->text, cell->bytes);
        pxs_text_add_short(&cut, pxs_text_str(&clean), CELL_WIDTH);
        const char *kept = clean.failed || cut.failed
                               ? NULL
                               : pxs_arena_strdup(&s->table.arena, pxs_text_str(&cut));
        if (kept)
            *cell = pxs_cell_text(kept);
        else
            status = pxs_fail_nomem(err);
    }
    pxs_text_finish(&clean);
    pxs_text_finish(&cut);
    return status;
}

enum pxs_status pxs_rows_end(struct pxs_rows *s, struct pxs_error *err) {
    if (s->format == PXS_FORMAT_JSON) {
        pxs_text_add(&s->pending, !s->names ? "[]\n" : s->n_rows > 0 ? "\n]\n" : "]\n");
    } else if (s->format == PXS_FORMAT_TABLE && s->names) {
        PXS_TRY(shorten(s, err));
        s->table.n_rows = s->n_rows;
        s->table.cells = s->cells;
        PXS_TRY(pxs_table_lay_out(&s->table, NULL, s->width, &s->pending, err));
    }
    return flush(s, err);
}

static enum pxs_status append(void *user, const char *text, size_t bytes, struct pxs_error *err) {
    pxs_text_add_n(user, text, bytes);
    return pxs_text_status(user, err);
}

enum pxs_status pxs_rows_pass(const struct pxs_table *table, enum pxs_format format,
                              struct pxs_text *out, struct pxs_error *err) {
    struct pxs_rows *rows = NULL;
    const struct pxs_sink sink = {append, out};
    PXS_TRY(pxs_rows_create(format, 0, sink, &rows, err));
    enum pxs_status status = pxs_rows_row(rows, table->columns, NULL, table->n_columns, err);
    for (size_t row = 0; row < table->n_rows && status == PXS_OK; row++)
        status = pxs_rows_row(rows, table->columns, table->cells + row * table->n_columns,
                              table->n_columns, err);
    if (status == PXS_OK)
        status = pxs_rows_end(rows, err);
    pxs_rows_destroy(&rows);
    return status;
}

void pxs_rows_destroy(struct pxs_rows **stream) {
    if (!stream || *stream == NULL)
        return;
    struct pxs_rows *s = *stream;
    free(s->cells);
    pxs_text_finish(&s->pending);
    pxs_arena_finish(&s->table.arena);
    free(s);
    *stream = NULL;
}
