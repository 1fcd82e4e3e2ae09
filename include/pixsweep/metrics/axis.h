/* metrics: axes of plots and pages: from values to places, round ticks, ranges. */
#ifndef PIXSWEEP_METRICS_AXIS_H
#define PIXSWEEP_METRICS_AXIS_H

#include <stdbool.h>
#include <stddef.h>

struct pxs_axis {
    double low, high; /* values; low < high, and 0 < low where log */
    bool log, whole;  /* whole: ticks at whole numbers only */
    double from, to;  /* where they lie on the sheet */
};
double pxs_axis_at(const struct pxs_axis *axis,
                   double value); /* NaN for NaN; infinite where log and not above 0 */
#define PXS_TICKS 24
struct pxs_tick {
    double value;
    char text[24];
};
/* Round values, `apart` units from each other at least; how many. */
size_t pxs_axis_ticks(const struct pxs_axis *axis, double apart, struct pxs_tick ticks[PXS_TICKS]);
/* low and high for values of which `n` are given (they are sorted): all of them, unless some few
 * would press the rest flat. Whether that is so at the top (*above) or at the bottom (*below).
 * False where there is no value. */
bool pxs_axis_range(struct pxs_axis *axis, double *values, size_t n, bool *above, bool *below);

#endif
