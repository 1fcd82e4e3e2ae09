/* samples: what runs made of the same pairs, cut out of their sample pictures. */
#ifndef PIXSWEEP_SAMPLES_H
#define PIXSWEEP_SAMPLES_H

#include "pixsweep/base.h"
#include "pixsweep/image.h"
#include "pixsweep/metrics.h"
#include "pixsweep/store.h"

/* ---- samples -------------------------------------------------------------------------------- */

/* What one configuration made of the same pairs, by its best weights and epoch by epoch: a row a
 * configuration, a column an epoch. */
/* In `epochs`, the column of the best weights; it comes first, if any run has such a picture. */
#define PXS_SAMPLE_BEST (-1)
struct pxs_sample_cell {
    /* RGB, the glyphs of the row beside and below each other; no pixels: there is none */
    struct pxs_image image;
    int64_t epoch, step; /* when it was made: the column's epoch, or the last picture before it */
};
struct pxs_sample_row {
    size_t configuration; /* as in pxs_curves */
    const char *label;
    int64_t run_id, seed; /* run_id 0: the configuration has no run with that seed */
    const char *run;
    enum pxs_run_state state;
    const char *why; /* there is no picture, in words; else NULL */
    struct pxs_image source, target;
    struct pxs_sample_cell *cells; /* of each column */
};
struct pxs_sample_sheet {
    char sweep[PXS_SWEEPS_MAX];
    const char *const *keys; /* what differs */
    size_t n_keys;
    int64_t *epochs; /* of each column; PXS_SAMPLE_BEST */
    size_t n_columns;
    struct pxs_sample_row *rows;
    size_t n_rows;
    struct pxs_arena arena;
};
struct pxs_samples_options {
    const char *sweep;       /* NULL = the one worked on last */
    const char *const *more; /* sweeps beside it */
    size_t n_more;
    const char *const *by; /* as in pxs_compare_options */
    size_t n_by;
    int64_t run_id; /* only this one; 0 = the first seed of each configuration */
    /* only runs that meet this condition over the columns of v_run; NULL = those that the
     * sweeps' files ask for */
    const char *where;
    const int64_t *seed; /* this one in place of the first; NULL = the first */
    /* columns, rising, none later than the last epoch of all runs; NULL = `columns` of them, evenly
     * over the epochs that have pictures. The best one comes besides */
    const int64_t *epochs;
    size_t n_epochs;
    size_t columns; /* 0 = 6 */
    size_t glyphs;  /* of each picture, from the first on; 0 = 4 */
    struct pxs_meter meter;
    /* glyphs with longer sides than this are made smaller, and small ones enlarged up to it; 0 = as
     * they are */
    int side;
};
/* Cuts the cells out of the runs' sample pictures. A run without pictures keeps its row, with the
 * reason. PXS_E_NOT_FOUND: no such sweep, no run with this seed, an epoch that no run has come to
 * (the message names which there are), or no run has one picture; PXS_E_INVALID as in
 * pxs_curves_read. Finish it. */
PXS_NODISCARD enum pxs_status pxs_samples_read(struct pxs_store *s,
                                               const struct pxs_samples_options *options,
                                               struct pxs_sample_sheet *out, struct pxs_error *err);
void pxs_sample_sheet_finish(struct pxs_sample_sheet *sheet);
/* A row as one PNG: source, the columns' cells, target side by side, `gap` white pixels between
 * them; a missing cell is light grey. free(*png). PXS_E_NOT_FOUND where the row has no picture. */
PXS_NODISCARD enum pxs_status pxs_sample_strip(const struct pxs_sample_row *row, size_t n_columns,
                                               int gap, void **png, size_t *bytes,
                                               struct pxs_error *err);

#endif
