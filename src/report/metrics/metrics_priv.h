/* metrics, inside: making curves of few points out of many (decimate.c). */
#ifndef PXS_METRICS_PRIV_H
#define PXS_METRICS_PRIV_H

#include "pixsweep/metrics.h"

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

#endif
