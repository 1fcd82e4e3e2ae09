/* Mean and spread of the differences of pairs. */
#include "pixsweep/base/statistics.h"

#include <float.h>
#include <math.h>

void pxs_pairs_of(const double *a, const double *b, size_t n, struct pxs_pairs *out) {
    struct pxs_pairs d = {.mean = NAN, .std = NAN};
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(a[i]) || isnan(b[i]))
            continue;
        sum += a[i] - b[i];
        d.largest = fmax(d.largest, fmax(fabs(a[i]), fabs(b[i])));
        d.n++;
    }
    const double m = (double)d.n;
    if (d.n > 0)
        d.mean = sum / m;
    if (d.n > 1) {
        /* The deviations from an exact mean would add up to zero; what they add up to instead is
         * the mean's rounding. */
        double squares = 0, rest = 0;
        for (size_t i = 0; i < n; i++) {
            if (isnan(a[i]) || isnan(b[i]))
                continue;
            const double off = a[i] - b[i] - d.mean;
            squares += off * off;
            rest += off;
        }
        d.std = sqrt((squares - rest * rest / m) / (m - 1));
        /* Equal differences of rounded numbers are equal to a few units in the last place only. */
        d.no_spread = !(d.std > 4 * DBL_EPSILON * d.largest);
    }
    *out = d;
}
