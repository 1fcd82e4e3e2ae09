/* Statistics over seeds: one configuration's values, and the difference of two configurations. */
#include "metrics_priv.h"

#include <math.h>
#include <stdlib.h>

void pxs_stats_of(const double *values, size_t n, struct pxs_stats *out) {
    *out = (struct pxs_stats){
        .mean = NAN, .min = NAN, .max = NAN, .std = NAN, .low = NAN, .high = NAN};
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
    /* Equal values are their own mean, and have no spread: not that of a rounded sum. */
    const bool equal = out->min == out->max;
    out->mean = equal ? out->min : sum / (double)out->n;
    if (out->n < 2)
        return;
    /* The deviations from an exact mean would add up to zero; what they add up to instead is the
     * mean's rounding. */
    double squares = 0, rest = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(values[i]))
            continue;
        const double d = values[i] - out->mean;
        squares += d * d;
        rest += d;
    }
    const double m = (double)out->n;
    out->std = sqrt((squares - rest * rest / m) / (m - 1));
    const double half = pxs_student_critical(PXS_ALPHA, m - 1) * out->std / sqrt(m);
    out->low = out->mean - half;
    out->high = out->mean + half;
}

/* ---- differences ---------------------------------------------------------------------------- */

/* Interval and p of a difference with its standard error. Without any spread there is nothing that
 * luck could be measured by. */
static void judge(struct pxs_difference *d, double error, double df, bool spread) {
    d->df = df;
    d->low = d->high = d->p = d->p_holm = NAN;
    d->no_spread = !spread;
    if (!spread)
        return;
    const double half = pxs_student_critical(PXS_ALPHA, df) * error;
    d->low = d->mean - half;
    d->high = d->mean + half;
    d->p = d->p_holm = pxs_student_two_sided(d->mean / error, df);
}

static struct pxs_difference no_difference(void) {
    return (struct pxs_difference){
        .mean = NAN, .std = NAN, .low = NAN, .high = NAN, .p = NAN, .p_holm = NAN, .df = NAN};
}

void pxs_difference_paired(const double *a, const double *b, size_t n, struct pxs_difference *out) {
    struct pxs_difference d = no_difference();
    struct pxs_pairs pairs;
    pxs_pairs_of(a, b, n, &pairs);
    d.n_a = d.n_b = pairs.n;
    d.mean = pairs.mean;
    if (pairs.n > 1) {
        const double m = (double)pairs.n;
        d.design = PXS_DESIGN_PAIRED;
        d.std = pairs.std;
        judge(&d, d.std / sqrt(m), m - 1, !pairs.no_spread);
    }
    *out = d;
}

void pxs_difference_welch(const double *a, size_t n_a, const double *b, size_t n_b,
                          struct pxs_difference *out) {
    struct pxs_stats x, y;
    struct pxs_difference d = no_difference();
    pxs_stats_of(a, n_a, &x);
    pxs_stats_of(b, n_b, &y);
    d.n_a = x.n;
    d.n_b = y.n;
    d.mean = x.mean - y.mean;
    if (x.n < 2 || y.n < 2) {
        *out = d;
        return;
    }
    d.design = PXS_DESIGN_WELCH;
    /* Welch's error and Satterthwaite's degrees of freedom */
    const double v = x.std * x.std / (double)x.n, w = y.std * y.std / (double)y.n;
    d.std = sqrt(v + w);
    const double df = (v + w) * (v + w) / (v * v / (double)(x.n - 1) + w * w / (double)(y.n - 1));
    judge(&d, d.std, df, v + w > 0);
    *out = d;
}

static int by_p(const void *a, const void *b) {
    const struct pxs_difference *x = *(struct pxs_difference *const *)a,
                                *y = *(struct pxs_difference *const *)b;
    if (isnan(x->p) || isnan(y->p))
        return isnan(x->p) - isnan(y->p);
    return (x->p > y->p) - (x->p < y->p);
}

/* Holm's step-down procedure (1979): the smallest p stands against all of them, the next against
 * one less, ...; none comes out smaller than the one before it. */
void pxs_holm(struct pxs_difference **differences, size_t n) {
    size_t m = 0;
    double largest = 0;
    qsort(differences, n, sizeof *differences, by_p);
    while (m < n && !isnan(differences[m]->p))
        m++;
    for (size_t i = 0; i < n; i++) {
        if (i < m)
            largest = fmax(largest, fmin(1, (double)(m - i) * differences[i]->p));
        differences[i]->p_holm = i < m ? largest : NAN;
    }
}

size_t pxs_seeds_needed(const struct pxs_difference *d, size_t comparisons) {
    if (d->design == PXS_DESIGN_NONE || d->no_spread || d->mean == 0)
        return 0;
    const double n_now = (double)d->n_a < (double)d->n_b ? (double)d->n_a : (double)d->n_b;
    const double spread = d->design == PXS_DESIGN_PAIRED ? d->std : d->std * sqrt(n_now);
    for (size_t n = 2; n <= PXS_SEEDS_MOST; n++) {
        const double df = d->design == PXS_DESIGN_PAIRED ? (double)(n - 1) : 2 * (double)(n - 1);
        if (pxs_student_critical(PXS_ALPHA / (double)comparisons, df) * spread / sqrt((double)n) <
            fabs(d->mean))
            return n;
    }
    return PXS_SEEDS_MOST + 1;
}
