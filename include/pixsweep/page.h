/* page: a sweep as one HTML file that needs nothing beside itself. */
#ifndef PIXSWEEP_PAGE_H
#define PIXSWEEP_PAGE_H

#include "pixsweep/base.h"
#include "pixsweep/store.h"

/* ---- page ----------------------------------------------------------------------------------- */

struct pxs_page_options {
    const char *sweep;       /* NULL = the one planned last */
    const char *const *more; /* sweeps beside it */
    size_t n_more;
    const char *const *by; /* as in pxs_compare_options */
    size_t n_by;
    struct pxs_meter meter;
};
struct pxs_page_info {
    char sweep[256]; /* "a and b" */
    size_t n_runs;
};
/* Appends all that a page says of a sweep as one JSON document (its form: src/report/page/data.c):
 * question, answer, tables, runs, curves, and the SQL behind them; sample pictures apart. `epochs`:
 * as it was when every run had made so many, states and messages apart; 0 = as it is now. The same
 * database gives the same bytes. Errors as below. */
PXS_NODISCARD enum pxs_status pxs_page_data(struct pxs_store *s,
                                            const struct pxs_page_options *options, int64_t epochs,
                                            struct pxs_text *out, struct pxs_error *err);

/* Appends one self-contained HTML page about a sweep: the answer in words, the comparison, curves
 * to zoom into, pictures, every run, and the SQL behind all of it; its scripts read the document of
 * pxs_page_data. Loads nothing, runs only its own scripts; the same database gives the same bytes.
 * Two hundred runs of ten thousand batches stay below 5 MB. `info` may be NULL. PXS_E_NOT_FOUND: no
 * such sweep, or one without runs; PXS_E_INVALID: no such hyperparameter. */
PXS_NODISCARD enum pxs_status pxs_report_page(struct pxs_store *s,
                                              const struct pxs_page_options *options,
                                              struct pxs_page_info *info, struct pxs_text *out,
                                              struct pxs_error *err);

#endif
