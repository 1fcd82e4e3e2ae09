/* Statistics over seeds. */
#include "pixsweep/report.h"

#include <math.h>

void pxs_stats_of(const double *values, size_t n, struct pxs_stats *out) {
    *out = (struct pxs_stats){.mean = NAN, .min = NAN, .max = NAN, .std = NAN};
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(values[i]))
            continue;
        sum += values[i];
        out->min = fmin(out->min, values[i]);
        out->max = fmax(out->max, values[i]);
        out->n++;
    }
    if (out->n == 0)
        return;
    out->mean = sum / (double)out->n;
    if (out->n < 2)
        return;
    /* The deviations from an exact mean would add up to zero; what they add up to instead is the mean's rounding. */
    double squares = 0, rest = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(values[i]))
            continue;
        const double d = values[i] - out->mean;
        squares += d * d;
        rest += d;
    }
    out->std = sqrt((squares - rest * rest / (double)out->n) / (double)(out->n - 1));
}
