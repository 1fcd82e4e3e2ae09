/* table: any table as aligned text for people, or as CSV and JSON for programs. Everything goes
 * into a caller's pxs_text or sink. A table on a terminal rounds numbers and may shorten text; CSV
 * and JSON carry every digit. */
#ifndef PIXSWEEP_TABLE_H
#define PIXSWEEP_TABLE_H

#include "pixsweep/base.h"
#include "pixsweep/base/json.h"
#include "pixsweep/store.h"

/* ---- tables --------------------------------------------------------------------------------- */

enum pxs_format {
    PXS_FORMAT_TABLE,
    PXS_FORMAT_CSV,
    PXS_FORMAT_JSON,
    PXS_FORMAT_JSONL,
    PXS_FORMAT_CSV_SAFE /* CSV whose texts no spreadsheet takes for a formula: an apostrophe before
                           those that begin like one */
};

/* How a column looks in PXS_FORMAT_TABLE. CSV and JSON always have every column, by its name,
 * unrounded. */
enum pxs_show {
    PXS_SHOW_PLAIN, /* reals with six significant digits */
    PXS_SHOW_WHOLE, /* the same; a text is never shortened */
    /* reals of the column share their decimals: four significant digits of the largest */
    PXS_SHOW_FIXED,
    PXS_SHOW_SHORT,     /* reals with three significant digits */
    PXS_SHOW_DURATION,  /* seconds as "4 m 10 s" */
    PXS_SHOW_TIME,      /* UTC milliseconds as "2026-05-04 13:37:05" */
    PXS_SHOW_BYTES,     /* "1.4 MB" */
    PXS_SHOW_PLUSMINUS, /* joined to the FIXED column before it: "0.2613 ± 0.0021"; nothing where
                           NULL */
    PXS_SHOW_TO, /* joined to the FIXED column before it: "0.2590 to 0.2636"; nothing where NULL */
    PXS_SHOW_ARROW,   /* joined to the column before it: "0.0001 -> 2.5e-5"; nothing where NULL */
    PXS_SHOW_RATIO,   /* "1/4" where it is one over a whole number */
    PXS_SHOW_MARK,    /* "!" where the value is 0, nothing otherwise */
    PXS_SHOW_TICK,    /* "*" where the value is not 0, nothing otherwise */
    PXS_SHOW_BOOLEAN, /* "true" where an integer is not 0, else "false" */
    PXS_SHOW_HIDDEN   /* not in tables */
};
struct pxs_column {
    const char *title; /* in tables; NULL = the column's name */
    enum pxs_show show;
};

/* BOOLEAN for the name of a boolean hyperparameter, else PLAIN. */
enum pxs_show pxs_show_of_key(const char *key);

/* A table of NULL cells to be filled by pxs_table_set. `names` are borrowed. */
PXS_NODISCARD enum pxs_status pxs_table_make(struct pxs_table *table, const char *const *names,
                                             size_t n_columns, size_t n_rows,
                                             struct pxs_error *err);
void pxs_table_set(struct pxs_table *table, size_t row, size_t column, struct pxs_cell cell);

/* Appends the whole table. `columns`: n_columns of them, or NULL for PXS_SHOW_PLAIN throughout.
 * `width`: columns of the terminal, to which long text is shortened in tables; 0 = never. TABLE: a
 * header, a rule, a line a row; NULL is empty; line ends and control characters in cells are
 * escaped. CSV: RFC 4180 with \n; NULL is empty and an empty text is "". JSON: an array of objects,
 * a row a line (JSONL: the objects alone); a column name that comes twice gets _2; NaN and infinity
 * are null; text is UTF-8 whatever the cell holds. PXS_E_NOMEM. */
PXS_NODISCARD enum pxs_status pxs_report_table(const struct pxs_table *table,
                                               const struct pxs_column *columns,
                                               enum pxs_format format, int width,
                                               struct pxs_text *out, struct pxs_error *err);

/* Hides columns of numbers, from the right, until the table fits into `width` (0: none) with no
 * text below 12 columns, and appends a line that names them. */
PXS_NODISCARD enum pxs_status pxs_hide_to_fit(const struct pxs_table *table,
                                              struct pxs_column *columns, int width,
                                              struct pxs_text *left_out, struct pxs_error *err);

/* Where a stream's text goes; a failure ends the stream and is passed on. */
struct pxs_sink {
    enum pxs_status (*write)(void *user, const char *text, size_t bytes, struct pxs_error *err);
    void *user;
};

/* A result row by row, for pxs_store_query(..., pxs_rows_row, stream, err): CSV, JSON and JSONL
 * pass through in constant memory; TABLE is collected until the end, since widths depend on every
 * row. */
struct pxs_rows;
PXS_NODISCARD enum pxs_status pxs_rows_create(enum pxs_format format, int width,
                                              struct pxs_sink sink, struct pxs_rows **out,
                                              struct pxs_error *err);
enum pxs_status pxs_rows_row(void *stream, const char *const *columns, const struct pxs_cell *cells,
                             size_t n, struct pxs_error *err);
PXS_NODISCARD enum pxs_status pxs_rows_end(struct pxs_rows *stream, struct pxs_error *err);
void pxs_rows_destroy(struct pxs_rows **stream); /* NULL and *NULL are fine; nulls *stream */

/* ---- single cells and lines ----------------------------------------------------------------- */

/* Same kind and same value. */
bool pxs_cell_same(const struct pxs_cell *a, const struct pxs_cell *b);
/* Decimals that give four significant digits of the column's largest value; -1: use exponents. */
int pxs_cell_decimals(const struct pxs_table *table, size_t column);
/* Appends one cell for people; `decimals` for PXS_SHOW_FIXED and PXS_SHOW_PLUSMINUS. */
void pxs_cell_show(struct pxs_text *out, const struct pxs_cell *cell, enum pxs_show show,
                   int decimals);
/* `safe`: as PXS_FORMAT_CSV_SAFE. */
void pxs_cell_csv(struct pxs_text *out, const struct pxs_cell *cell, bool safe);
void pxs_cell_json(struct pxs_json_writer *w, const char *key, const struct pxs_cell *cell);
/* The column names, each once: a second `a` becomes `a_2`. In the arena; NULL when out of
 * memory. */
const char **pxs_json_names(const char *const *columns, size_t n, struct pxs_arena *arena);
/* One row as an element of an array, or alone; `names` as pxs_json_names made them. */
void pxs_row_json(struct pxs_json_writer *w, const char *const *names, const struct pxs_cell *cells,
                  size_t n);
/* One line of CSV; with cells NULL the header. */
void pxs_row_csv(struct pxs_text *out, const char *const *columns, const struct pxs_cell *cells,
                 size_t n, bool safe);

/* All rows of a table through a stream: what CSV and JSON look like is said once. */
PXS_NODISCARD enum pxs_status pxs_rows_pass(const struct pxs_table *table, enum pxs_format format,
                                            struct pxs_text *out, struct pxs_error *err);

/* Appends the aligned table. */
PXS_NODISCARD enum pxs_status pxs_table_lay_out(const struct pxs_table *table,
                                                const struct pxs_column *columns, int width,
                                                struct pxs_text *out, struct pxs_error *err);

/* Hides the columns that are NULL in every row: in a table they say nothing. */
void pxs_hide_empty(const struct pxs_table *t, struct pxs_column *columns);

/* PXS_OK, or out of memory where `out` has failed. */
PXS_NODISCARD enum pxs_status pxs_text_status(const struct pxs_text *out, struct pxs_error *err);

/* Shortens a text to its first line (in tables, which honour `bytes`). */
void pxs_cell_first_line(struct pxs_cell *cell);

/* ---- text in SQL ---------------------------------------------------------------------------- */

/* Appends a text as an SQL literal, a name as an SQL identifier. */
void pxs_sql_literal(struct pxs_text *out, const char *text);
void pxs_sql_name(struct pxs_text *out, const char *name);
/* Appends a statement with args[N - 1] written out in the place of each parameter ?N, up to ?9, so
 * that it can be run as it is; texts, quoted names and comments stay. */
void pxs_sql_filled(struct pxs_text *out, const char *sql, const struct pxs_cell *args, size_t n);

#endif
