/* inspect: runs as tables: ls, show, diff and export. */
#ifndef PIXSWEEP_INSPECT_H
#define PIXSWEEP_INSPECT_H

#include "pixsweep/base.h"
#include "pixsweep/store.h"
#include "pixsweep/table.h"

/* ---- ls ------------------------------------------------------------------------------------- */

struct pxs_list_options {
    const char *sweep; /* NULL = all sweeps */
    const char *state; /* NULL = any */
};
/* One row a run, by sweep and number. `stale` is 1 where a run is in state running but its process
 * is gone (see pxs_store_stale_runs); a table says so in its state column and what to do about it
 * below. `imported` is 1 for a run that `import` took from old logs. PXS_E_NOT_FOUND for an unknown
 * sweep, PXS_E_INVALID for a state that there is not. */
PXS_NODISCARD enum pxs_status pxs_report_list(struct pxs_store *s,
                                              const struct pxs_list_options *options,
                                              enum pxs_format format, int width,
                                              struct pxs_text *out, struct pxs_error *err);

/* ---- show ----------------------------------------------------------------------------------- */

/* Of a sweep with a race: where it stands and what was decided, look by look; CSV and JSON are the
 * decisions. Else everything about one run (a run_id or a name): state, parameters, attempts,
 * epochs (condensed in TABLE), files, events. JSON is one object of these; CSV is the epoch table.
 */
PXS_NODISCARD enum pxs_status pxs_report_show(struct pxs_store *s, const char *run,
                                              enum pxs_format format, int width,
                                              struct pxs_text *out, struct pxs_error *err);

/* ---- diff ----------------------------------------------------------------------------------- */

struct pxs_diff_options {
    const char *a, *b; /* run_id or name */
    bool all;          /* also rows that are equal in both runs */
};
/* Two runs side by side: a row a fact, with columns part (run, configuration, environment, result),
 * key, a, b and change (b - a, of results that are numbers). A fact that one of them lacks is NULL
 * there. TABLE says which runs these are, and from which step on their losses differ.
 * PXS_E_NOT_FOUND names the nearest run; PXS_E_INVALID where both are the same one. */
PXS_NODISCARD enum pxs_status pxs_report_diff(struct pxs_store *s,
                                              const struct pxs_diff_options *options,
                                              enum pxs_format format, int width,
                                              struct pxs_text *out, struct pxs_error *err);

/* ---- export --------------------------------------------------------------------------------- */

struct pxs_export_options {
    const char *sweep;       /* NULL = the one worked on last */
    const char *const *more; /* sweeps beside it */
    size_t n_more;
    const char *table;      /* a table or view; NULL = v_run */
    enum pxs_format format; /* not TABLE */
    struct pxs_sink sink;
    struct pxs_meter meter; /* in rows */
};
/* The rows of a table that belong to the sweeps' runs, in the order of the primary key (views: of
 * their runs), in one read of the database and constant memory. *rows = how many. PXS_E_NOT_FOUND
 * names the tables or sweeps that there are; PXS_E_BUSY as in pxs_store_query: rows may have been
 * given to the sink already. */
PXS_NODISCARD enum pxs_status pxs_export(struct pxs_store *s,
                                         const struct pxs_export_options *options, uint64_t *rows,
                                         struct pxs_error *err);

#endif
