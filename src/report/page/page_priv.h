/* report, inside: the page. page.c puts it together from the parts here; the others write one kind of thing each. */
#ifndef PXS_PAGE_PRIV_H
#define PXS_PAGE_PRIV_H

#include "pixsweep/compare.h"
#include "pixsweep/inspect.h"
#include "pixsweep/base/json.h"
#include "pixsweep/metrics.h"
#include "pixsweep/page.h"
#include "pixsweep/samples.h"
#include "pixsweep/table.h"

/* ---- buckets.c ------------------------------------------------------------------------------------------- */

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
/* ---- page.c ---------------------------------------------------------------------------------------------- */

/* Everything that the parts of a page are written from. */
struct pxs_page {
    struct pxs_store *s;
    const struct pxs_page_options *options;
    struct pxs_comparison comparison;
    struct pxs_groups groups;
    struct pxs_curves curves; /* the runs and how far they have come; their rows are in the buckets */
    struct pxs_buckets by_epoch, by_batch;
    struct pxs_table sweep;  /* one row */
    struct pxs_table runs;   /* by number, as in groups */
    struct pxs_table params; /* run_id, key, value */
    struct pxs_table facts;  /* run_id, key, value: environment of each run's last attempt */
    struct pxs_text runs_sql, params_sql, facts_sql; /* that gave them */
    struct pxs_text *out;
};

/* Fills p->curves, p->by_epoch and p->by_batch (buckets.c). */
PXS_NODISCARD enum pxs_status pxs_page_read_curves(struct pxs_page *p, struct pxs_error *err);

/* ---- html.c ----------------------------------------------------------------------------------------------- */

/* Appends text as it may stand in an element or a quoted attribute; what is not to be shown becomes an escape (\\x1b). */
void pxs_html_text(struct pxs_text *out, const char *text);
void pxs_html_text_n(struct pxs_text *out, const char *text, size_t bytes);
/* Appends `before`, the text escaped, `after`. */
void pxs_html_put(struct pxs_text *out, const char *before, const char *text, const char *after);
void pxs_html_textf(struct pxs_text *out, const char *fmt, ...) PXS_PRINTF(2, 3);

/* What a column of a table of the page is. */
enum pxs_html_mark {
    PXS_HTML_FIRST,    /* always there */
    PXS_HTML_REST,     /* unfolds with the control above the table */
    PXS_HTML_COMPUTED, /* always there, and not one that the table's SQL gives */
};
/* How a table of the page looks. `columns`: as for pxs_report_table, of table->n_columns; `marks`: as many, or NULL where all are
 * always there. */
struct pxs_html_table {
    const char *id, *caption;
    const struct pxs_column *columns;
    const enum pxs_html_mark *marks;
    const size_t *configurations; /* of each row: a swatch before its first cell; NULL = none */
    const char *sql;              /* id of the statement whose rows these are */
};
/* A table whose cells bear their exact value in data-v, under headings that table.js makes sortable. */
void pxs_html_put_table(struct pxs_text *out, const struct pxs_table *table,
                        const struct pxs_html_table *how);

/* ---- sql.c ------------------------------------------------------------------------------------------------ */

/* Appends "(SELECT sweep_id FROM sweep WHERE name = '...')". */
void pxs_sql_sweep(struct pxs_text *out, const char *sweep);
/* Appends the statement that gives the rows of the comparison's table: `columns` of it, keys and measures by their names. */
void pxs_sql_comparison(struct pxs_text *out, const struct pxs_page *p, const char *const *columns,
                        size_t n_columns);
/* Appends the statement that gives the differences from the comparison's first row, paired by seed. */
void pxs_sql_differences(struct pxs_text *out, const struct pxs_page *p);
/* Whether it knows a measure of that name. */
bool pxs_sql_has_measure(const char *column);
/* A collapsed block that shows a statement, to be copied; `id` is what data-sql of a table refers to. */
void pxs_page_put_sql(struct pxs_page *p, const char *id, const char *words, const char *sql);

/* ---- runs.c ----------------------------------------------------------------------------------------------- */

/* Reads p->runs, p->params and p->facts. */
PXS_NODISCARD enum pxs_status pxs_page_read_runs(struct pxs_page *p, struct pxs_error *err);
/* A section of the runs that are not completed, and why; nothing where all are. */
PXS_NODISCARD enum pxs_status pxs_page_put_lost(struct pxs_page *p, struct pxs_error *err);
/* Every run: its results, its parameters and its environment. */
void pxs_page_put_runs(struct pxs_page *p);

/* ---- comparison.c ---------------------------------------------------------------------------------------- */

PXS_NODISCARD enum pxs_status pxs_page_put_comparison(struct pxs_page *p, struct pxs_error *err);

/* ---- samples.c ------------------------------------------------------------------------------------------- */

/* A section with the configurations' sample pictures; nothing where there are none. */
PXS_NODISCARD enum pxs_status pxs_page_put_samples(struct pxs_page *p, struct pxs_error *err);

/* ---- series.c --------------------------------------------------------------------------------------------- */

/* Appends the curves as JSON, safe within a script element (see there for its form). */
PXS_NODISCARD enum pxs_status pxs_page_put_series(struct pxs_page *p, struct pxs_error *err);

/* ---- pack.c ----------------------------------------------------------------------------------------------- */

/* Appends bytes in base64, with padding. */
void pxs_base64(struct pxs_text *out, const void *data, size_t bytes);
/* Appends numbers, four characters each: the upper 24 bits of the rounded float, base64. Relative error at most 1.6e-5; NaN stays NaN. */
void pxs_pack_numbers(struct pxs_text *out, const double *values, size_t n);
/* Appends 'sha256-...' of a text, as a Content-Security-Policy names a script. */
void pxs_csp_hash(struct pxs_text *out, const char *text, size_t bytes);

#endif
