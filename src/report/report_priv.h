/* report, inside: text that fits a terminal, and single cells in the three formats. */
#ifndef PXS_REPORT_PRIV_H
#define PXS_REPORT_PRIV_H

#include "pixsweep/json.h"
#include "pixsweep/report.h"

/* ---- cell.c ---------------------------------------------------------------------------------------------- */

/* Same kind and same value. */
bool pxs_cell_same(const struct pxs_cell *a, const struct pxs_cell *b);
/* Decimals that give four significant digits of the column's largest value; -1: use exponents. */
int pxs_cell_decimals(const struct pxs_table *table, size_t column);
/* Appends one cell for people; `decimals` for PXS_SHOW_FIXED and PXS_SHOW_PLUSMINUS. */
void pxs_cell_show(struct pxs_text *out, const struct pxs_cell *cell, enum pxs_show show, int decimals);
/* `safe`: as PXS_FORMAT_CSV_SAFE. */
void pxs_cell_csv(struct pxs_text *out, const struct pxs_cell *cell, bool safe);
void pxs_cell_json(struct pxs_json_writer *w, const char *key, const struct pxs_cell *cell);
/* The column names, each once: a second `a` becomes `a_2`. In the arena; NULL when out of memory. */
const char **pxs_json_names(const char *const *columns, size_t n, struct pxs_arena *arena);
/* One row as an element of an array, or alone; `names` as pxs_json_names made them. */
void pxs_row_json(struct pxs_json_writer *w, const char *const *names, const struct pxs_cell *cells,
                  size_t n);
/* One line of CSV; with cells NULL the header. */
void pxs_row_csv(struct pxs_text *out, const char *const *columns, const struct pxs_cell *cells, size_t n,
                 bool safe);

/* ---- rows.c ------------------------------------------------------------------------------------------------ */

/* All rows of a table through a stream: what CSV and JSON look like is said once. */
PXS_NODISCARD enum pxs_status pxs_rows_pass(const struct pxs_table *table, enum pxs_format format,
                                            struct pxs_text *out, struct pxs_error *err);

/* ---- stale.c --------------------------------------------------------------------------------------------- */

#define PXS_STATE_STALE "running (stale)"
/* The runs of a sweep (0: of all) that are stale now; finish it. */
struct pxs_stale {
    int64_t *run_ids;
    size_t n;
};
PXS_NODISCARD enum pxs_status pxs_stale_read(struct pxs_store *s, int64_t sweep_id, struct pxs_stale *out,
                                             struct pxs_error *err);
bool pxs_stale_has(const struct pxs_stale *stale, int64_t run_id);
void pxs_stale_finish(struct pxs_stale *stale);
/* What to do about n of them, one line; nothing where there is none. */
void pxs_stale_say(size_t n, struct pxs_text *out);
/* Shortens a text to its first line (in tables, which honour `bytes`). */
void pxs_cell_first_line(struct pxs_cell *cell);

/* ---- sql_text.c ------------------------------------------------------------------------------------------ */

/* Appends a text as an SQL literal, a name as an SQL identifier. */
void pxs_sql_literal(struct pxs_text *out, const char *text);
void pxs_sql_name(struct pxs_text *out, const char *name);

/* ---- groups.c -------------------------------------------------------------------------------------------- */

/* Keys that are no hyperparameters and stand in where those do not tell runs apart: "old log" or "own run", and the first digits of
 * config_hash. */
#define PXS_KEY_ORIGIN "origin"
#define PXS_KEY_HASH "config_hash"
/* SHA-256 of a run's data set, and of the weights it starts from, as SQL over `run r`: its frozen file begins with them. NULL where
 * nobody knows (old logs) or there are none. */
#define PXS_HEAD_SQL(mark) \
    "substr(r.config_yaml, nullif(instr(r.config_yaml, '" mark " '), 0) + length('" mark " '), 64)"
#define PXS_DATA_HASH_SQL PXS_HEAD_SQL("# data sha256")
#define PXS_WEIGHTS_HASH_SQL PXS_HEAD_SQL("# init_from sha256")

/* The runs of a sweep, by number, in groups of equal values of `keys`; groups by their first run. Where nobody asked for keys, a group is a
 * configuration: what config_hash says, with data and first weights by content. All in `arena`. */
struct pxs_groups {
    int64_t sweep_id;
    char sweep[128];
    const char **keys;
    const char **sql; /* of each key: its value as SQL over `run r`; it gave `values` */
    size_t n_keys;
    struct pxs_table *values; /* of each key: one column, a row a run; NULL where the key has no effect */
    size_t n_values;          /* keys read so far */
    int64_t *run_ids;
    size_t *group_of; /* of each run */
    size_t n_runs;
    size_t *first; /* of each group: its first run's place among the runs */
    char **labels; /* of each group: "halve, lrgd 25"; the sweep's name where nothing differs */
    size_t n_groups;
    bool one_data_set;  /* all runs have the same pictures, as far as is known */
    const char **notes; /* what a reader has to know of the groups: a sentence each, without a full stop */
    size_t n_notes;
    struct pxs_arena arena;
};
/* `by`: hyperparameters, NULL = what differs in the sweep, the seed apart. Runs with other data, other first weights and runs from old logs
 * are never in one group, whatever `by` says. `out` is untouched on error. PXS_E_INVALID: no such
 * hyperparameter. */
PXS_NODISCARD enum pxs_status pxs_groups_read(struct pxs_store *s, int64_t sweep_id, const char *const *by,
                                              size_t n_by, struct pxs_groups *out, struct pxs_error *err);
void pxs_groups_finish(struct pxs_groups *groups);
const char *pxs_path_tail(const char *path);                          /* its last part, which a label shows */
bool pxs_groups_by(const struct pxs_groups *groups, const char *key); /* is it one of the keys? */

/* ---- glyphs.c -------------------------------------------------------------------------------------------- */

/* What is to be cut out of sample pictures: the first n glyphs, of width x height pixels there, shown with sides of up to
 * `side` pixels (0 = as they are). */
struct pxs_glyphs {
    size_t n;
    int width, height, side;
};
/* Whether a sample picture can be a grid of such glyphs. */
bool pxs_glyphs_fit(const struct pxs_image *picture, int width, int height);
/* How many of the first g->n glyphs it has. */
size_t pxs_glyphs_count(const struct pxs_image *picture, const struct pxs_glyphs *g);
/* One layer (0 source, 1 fake, 2 target) of the first g->n glyphs, in as many columns as rows, 1 white pixel between them. */
PXS_NODISCARD enum pxs_status pxs_glyphs_cut(const struct pxs_image *picture, const struct pxs_glyphs *g,
                                             int layer, struct pxs_image *out, struct pxs_error *err);

/* ---- series.c -------------------------------------------------------------------------------------------- */

/* It will not be completed, as it stands: such runs belong to no band. */
bool pxs_run_is_lost(const char *state);

/* ---- thin.c ---------------------------------------------------------------------------------------------- */

struct pxs_point {
    double x, y;
};
/* Thins several columns of one run at a time: begin, add by rising step, end each column. */
struct pxs_thinner;
PXS_NODISCARD enum pxs_status pxs_thinner_create(size_t n_columns, size_t buckets, struct pxs_thinner **out,
                                                 struct pxs_error *err);
void pxs_thinner_destroy(struct pxs_thinner **thinner); /* NULL and *NULL are fine; nulls *thinner */
/* `steps` of the run: what the buckets share. Later steps go into the last one. */
void pxs_thinner_begin(struct pxs_thinner *t, int64_t steps);
void pxs_thinner_add(struct pxs_thinner *t, int64_t step, double x, const double *values);
PXS_NODISCARD enum pxs_status pxs_thinner_end(struct pxs_thinner *t, size_t column, struct pxs_arena *arena,
                                              struct pxs_curve *out, struct pxs_error *err);
/* Room for n points, zeroed. */
PXS_NODISCARD enum pxs_status pxs_curve_make(struct pxs_curve *out, size_t n, struct pxs_arena *arena,
                                             struct pxs_error *err);

/* ---- table.c --------------------------------------------------------------------------------------------- */

/* Appends the aligned table. */
PXS_NODISCARD enum pxs_status pxs_table_lay_out(const struct pxs_table *table,
                                                const struct pxs_column *columns, int width,
                                                struct pxs_text *out, struct pxs_error *err);

/* Hides the columns that are NULL in every row: in a table they say nothing. */
void pxs_hide_empty(const struct pxs_table *t, struct pxs_column *columns);

/* PXS_OK, or out of memory where `out` has failed. */
PXS_NODISCARD enum pxs_status pxs_text_status(const struct pxs_text *out, struct pxs_error *err);

#endif
