/* metrics, inside: curves of few points out of many (decimate.c). */
#ifndef PXS_METRICS_PRIV_H
#define PXS_METRICS_PRIV_H

#include "pixsweep/metrics.h"

struct pxs_point {
    double x, y;
};

/* What pxs_spikes_reducer works on: it fills the curves of the runs. Finish it. */
struct pxs_decimator;
struct pxs_spikes {
    struct pxs_decimator *decimator;
    size_t n_columns;
    enum pxs_batch_column columns[PXS_BATCH_N];
    struct pxs_curves *curves;
};
extern const struct pxs_reducer pxs_spikes_reducer;
PXS_NODISCARD enum pxs_status pxs_spikes_begin(struct pxs_spikes *s,
                                               const struct pxs_curves_options *options,
                                               struct pxs_error *err);
void pxs_spikes_finish(struct pxs_spikes *s);

#endif
