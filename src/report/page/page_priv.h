/* report, inside: the page. page.c puts it together from the parts here; the others write one kind
 * of thing each. */
#ifndef PXS_PAGE_PRIV_H
#define PXS_PAGE_PRIV_H

#include "pixsweep/compare.h"
#include "pixsweep/compare/effects.h"
#include "pixsweep/inspect.h"
#include "pixsweep/base/json.h"
#include "pixsweep/metrics.h"
#include "pixsweep/page.h"
#include "pixsweep/samples.h"
#include "pixsweep/table.h"

/* ---- buckets.c ------------------------------------------------------------------------------ */

struct pxs_bucket {
    double sum, low, high;
    int64_t n;
};
/* Curves of all runs by epoch, or by batch. */
struct pxs_buckets {
    bool batches;
    size_t n_measures;
    int measures[PXS_EPOCH_N]; /* enum pxs_epoch_column or pxs_batch_column of each */
    int columns[PXS_EPOCH_N];  /* of each, its place among the values of a row */
    size_t n_runs, n;          /* n: buckets */
    int64_t epochs;            /* that the buckets share: those of the longest run */
    struct pxs_bucket *all;    /* runs x measures x n */
    const struct pxs_curves *curves;
};
struct pxs_bucket *pxs_buckets_of(const struct pxs_buckets *b, size_t run, size_t measure);

/* ---- tables and statements ------------------------------------------------------------------ */

/* How a table of the page looks. */
struct pxs_look_of_table {
    const char *id, *caption;
    /* As for pxs_report_table, one for each column. */
    const struct pxs_column *columns;
    /* Of each column, whether it unfolds with the control above the table; NULL = all are always
     * there. */
    const bool *folded;
    /* Of each row: a swatch before its first cell; NULL = none. */
    const size_t *configurations;
    /* The statement below it, from whose rows these are made. */
    const char *sql;
};
/* A table and how it looks; without an id it is not there. */
struct pxs_shown {
    struct pxs_table table;
    struct pxs_look_of_table how;
};
enum {
    PXS_COMPARISON,
    PXS_DIFFERENCES,
    PXS_RACE_TABLE,
    PXS_EFFECTS,
    PXS_LOST,
    PXS_RUNS,
    PXS_SHOWN_N
};

/* The statements that the page shows. */
enum pxs_page_sql {
    PXS_SQL_CONFIGURATIONS,
    PXS_SQL_COMPARISON,
    PXS_SQL_EPOCHS,
    PXS_SQL_BATCHES,
    PXS_SQL_RACE,
    PXS_SQL_LOST,
    PXS_SQL_RUNS,
    PXS_SQL_PARAMS,
    PXS_SQL_FACTS,
    PXS_SQL_N
};

/* ---- page.c --------------------------------------------------------------------------------- */

/* Everything that is said of a sweep: what the JSON document (data.c) and the page are written
 * from. */
struct pxs_page {
    struct pxs_store *s;
    const struct pxs_page_options *options;
    struct pxs_choice choice;
    /* Only the first so many epochs count; 0 = all. */
    int64_t epochs;
    struct pxs_comparison comparison;
    struct pxs_effects effects;
    struct pxs_store_looks *races; /* of each chosen sweep, in the arena */
    size_t n_races;
    struct pxs_groups groups;
    /* The runs and how far they have come; their rows are in the buckets. */
    struct pxs_curves curves;
    struct pxs_buckets by_epoch, by_batch;
    /* One row. */
    struct pxs_table sweep;
    /* run_id, key, value, common: hyperparameters; environment of each run's last attempt. */
    struct pxs_table params, facts;
    struct pxs_shown shown[PXS_SHOWN_N];
    /* Each as it can be run; empty: there is none. */
    struct pxs_text sql[PXS_SQL_N];
    /* Plain text: the question, what the author of the experiment file says of it, numbers of
     * runs. */
    struct pxs_text heading, comment, facts_line;
    struct pxs_arena arena;
    /* The page. */
    struct pxs_text *out;
};

/* Appends the statement, limited to the page's runs and with values for its parameters. */
void pxs_page_fill_sql(const struct pxs_page *p, const char *sql, const struct pxs_cell *args,
                       size_t n, struct pxs_text *out);
/* Asks a statement of the sweep (?1; ?2: the last epoch that counts, or NULL) and keeps it as it
 * can be shown. */
PXS_NODISCARD enum pxs_status pxs_page_ask(struct pxs_page *p, enum pxs_page_sql which,
                                           const char *sql, struct pxs_table *out,
                                           struct pxs_error *err);
/* Appends a collapsed block that shows a statement, to be copied; nothing where it is empty. */
void pxs_page_put_sql(struct pxs_page *p, enum pxs_page_sql which);
/* "sql-comparison": its id on the page, and in the document. */
const char *pxs_page_sql_id(enum pxs_page_sql which);

/* ---- buckets.c, curves.c -------------------------------------------------------------------- */

/* Fills p->curves, p->by_epoch, p->by_batch and their statements. */
PXS_NODISCARD enum pxs_status pxs_page_read_curves(struct pxs_page *p, struct pxs_error *err);
/* The members "metrics". */
void pxs_page_put_curves(struct pxs_json_writer *w, const struct pxs_page *p);

/* ---- data.c --------------------------------------------------------------------------------- */

/* Writes the whole document (see there for its form). */
void pxs_page_put_data(struct pxs_json_writer *w, const struct pxs_page *p);

/* ---- html.c --------------------------------------------------------------------------------- */

/* Appends text as it may stand in an element or a quoted attribute; what is not to be shown becomes
 * an escape (\\x1b). */
void pxs_html_text(struct pxs_text *out, const char *text);
void pxs_html_text_n(struct pxs_text *out, const char *text, size_t bytes);
/* Appends `before`, the text escaped, `after`. */
void pxs_html_put(struct pxs_text *out, const char *before, const char *text, const char *after);
void pxs_html_textf(struct pxs_text *out, const char *fmt, ...) PXS_PRINTF(2, 3);

/* A table whose cells bear their exact value in data-v, under headings that table.js makes
 * sortable; nothing where it is not there. */
void pxs_html_put_table(struct pxs_text *out, const struct pxs_shown *shown);
/* Decimals that all cells of a column share. */
int pxs_shown_decimals(const struct pxs_shown *shown, size_t column);

/* ---- runs.c --------------------------------------------------------------------------------- */

/* Fills p->params, p->facts and the tables of runs. */
PXS_NODISCARD enum pxs_status pxs_page_read_runs(struct pxs_page *p, struct pxs_error *err);
/* A section of the runs that are not completed, and why; nothing where all are. */
void pxs_page_put_lost(struct pxs_page *p);
/* Every run: its results, its parameters and its environment. */
void pxs_page_put_runs(struct pxs_page *p);
/* A value as JSON: booleans by name, texts as they may be shown. */
void pxs_page_put_value(struct pxs_json_writer *w, const char *key, const char *param,
                        const struct pxs_cell *value);

/* ---- comparison.c --------------------------------------------------------------------------- */

/* Fills the tables of the comparison from p->comparison. */
PXS_NODISCARD enum pxs_status pxs_page_make_comparison(struct pxs_page *p, struct pxs_error *err);
void pxs_page_put_comparison(struct pxs_page *p);

/* ---- effects.c ------------------------------------------------------------------------------ */

/* Fills p->effects and its table. */
PXS_NODISCARD enum pxs_status pxs_page_make_effects(struct pxs_page *p, struct pxs_error *err);
/* A section on what each key does; nothing where no line can be told. */
void pxs_page_put_effects(struct pxs_page *p);

/* ---- race.c --------------------------------------------------------------------------------- */

/* Fills p->races and the table of decisions. */
PXS_NODISCARD enum pxs_status pxs_page_read_race(struct pxs_page *p, struct pxs_error *err);
/* A section on the race; nothing where no sweep has one. */
void pxs_page_put_race(struct pxs_page *p);

/* ---- samples.c ------------------------------------------------------------------------------ */

/* A section with the configurations' sample pictures; nothing where there are none. */
PXS_NODISCARD enum pxs_status pxs_page_put_samples(struct pxs_page *p, struct pxs_error *err);

/* ---- pack.c --------------------------------------------------------------------------------- */

/* Appends bytes in base64, with padding. */
void pxs_base64(struct pxs_text *out, const void *data, size_t bytes);
/* Appends numbers, four characters each: the upper 24 bits of the rounded float, base64. Relative
 * error at most 1.6e-5; NaN stays NaN. */
void pxs_pack_numbers(struct pxs_text *out, const double *values, size_t n);
/* Appends 'sha256-...' of a text, as a Content-Security-Policy names a script. */
void pxs_csp_hash(struct pxs_text *out, const char *text, size_t bytes);

#endif
