/* import_lab: the text logs of the lab's training script become runs in the database. */
#ifndef PIXSWEEP_IMPORT_LAB_H
#define PIXSWEEP_IMPORT_LAB_H

#include "pixsweep/base.h"
#include "pixsweep/store.h"
#include "pixsweep/table.h"

/* ---- import lab ----------------------------------------------------------------------------- */

struct pxs_lab_options {
    const char *dir; /* a folder of the lab's logs, or one with many below it */
    /* Name of the sweep for these runs, made if it is not there; NULL: the folder's name. */
    const char *sweep;
    /* lambda_pixel of these logs, as text; NULL: 10, the constant of the lab's script */
    const char *lambda;
    const char *const *sets; /* "key=value" of hyperparameters that the logs do not tell */
    size_t n_sets;
    struct pxs_meter meter;
};
/* What came of it. Columns of `table`: run, name, added (1, or 0 where the run was there already),
 * state, epochs, batches, first_line, last_line, unreadable, best_val_loss, source. */
struct pxs_lab_result {
    char sweep[128];
    struct pxs_table table;
    struct pxs_column *columns; /* in the table's arena */
    /* a line each: what could not be read, what was ambiguous and what was done about it */
    struct pxs_text notes;
    size_t folders, added, known;
    int64_t lines, unreadable;
};
/* What can be said against it before there is a database: options, names, no logs. Errors as
 * below. */
PXS_NODISCARD enum pxs_status pxs_lab_check(const struct pxs_lab_options *options,
                                            struct pxs_error *err);
/* Takes the lab's text logs in as runs, a transaction each. A run that broke off is `failed`, one
 * whose losses ended as no numbers `diverged`, any other `completed`. What cannot be read is
 * counted and noted. `result` is filled as far as things came, also where an error is returned;
 * finish it. PXS_E_NOT_FOUND: no such logs; PXS_E_INVALID: an option or a name; PXS_E_CORRUPT: not
 * one line of them can be read. */
PXS_NODISCARD enum pxs_status pxs_lab_import(struct pxs_store *s,
                                             const struct pxs_lab_options *options,
                                             struct pxs_lab_result *result, struct pxs_error *err);
void pxs_lab_result_finish(struct pxs_lab_result *result);

#endif
