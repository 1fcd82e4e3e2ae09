/* Axes: from values to places, round ticks, and a range that few outliers cannot spoil. */
#include "pixsweep/metrics/axis.h"
#include "pixsweep/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Values beyond these count as these, so that no distance between two values is infinite or 0. */
#define MOST 1e100
#define LEAST 1e-100
#define FAR 1e6 /* units off the sheet: Cairo cannot count further */

double pxs_axis_at(const struct pxs_axis *axis, double value) {
    double low = axis->low, high = axis->high;
    if (isnan(value))
        return NAN;
    if (axis->log && value <= 0) /* infinitely far down */
        return axis->to > axis->from ? -INFINITY : INFINITY;
    if (axis->log) {
        value = log10(value);
        low = log10(low);
        high = log10(high);
    }
    const double at = axis->from + (value - low) / (high - low) * (axis->to - axis->from);
    return isfinite(at) ? fmin(fmax(at, -FAR), FAR) : at;
}

/* ---- ticks ---------------------------------------------------------------------------------- */

/* 0.001 and 1000 as such; beyond, as powers of ten. */
static void write_power(struct pxs_tick *tick, int factor, int exponent) {
    static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    struct pxs_text text = {0};
    char number[16];
    if (exponent >= -2 && exponent <= 3) {
        snprintf(tick->text, sizeof tick->text, "%.*f", exponent < 0 ? -exponent : 0, tick->value);
        return;
    }
    if (factor > 1)
        pxs_text_addf(&text, "%d·", factor);
    pxs_text_add(&text, "10");
    snprintf(number, sizeof number, "%d", exponent);
    for (const char *c = number; *c != '\0'; c++)
        pxs_text_add(&text, *c == '-' ? "⁻" : digits[*c - '0']);
    snprintf(tick->text, sizeof tick->text, "%s", pxs_text_str(&text));
    pxs_text_finish(&text);
}

static size_t log_ticks(const struct pxs_axis *axis, double apart, struct pxs_tick *ticks) {
    static const int few[] = {1}, some[] = {1, 3}, more[] = {1, 2, 5};
    const double decades = log10(axis->high / axis->low), room = fabs(axis->to - axis->from);
    const double each = room / decades; /* units for a decade */
    const int *factors = each * log10(2) >= apart ? more : each * log10(3) >= apart ? some : few;
    const size_t n_factors = factors == more ? 3 : factors == some ? 2 : 1;
    const int step = (int)ceil(apart / each), first = (int)floor(log10(axis->low));
    size_t n = 0;
    for (int e = first - (first % step + step) % step; e <= (int)ceil(log10(axis->high));
         e += step) {
        for (size_t i = 0; i < n_factors && n < PXS_TICKS; i++) {
            const double value = factors[i] * pow(10, e);
            if (value < axis->low * (1 - 1e-9) || value > axis->high * (1 + 1e-9))
                continue;
            ticks[n].value = value;
            write_power(&ticks[n++], factors[i], e);
        }
    }
    return n;
}

static size_t linear_ticks(const struct pxs_axis *axis, double apart, struct pxs_tick *ticks) {
    const double range = axis->high - axis->low, room = fabs(axis->to - axis->from);
    const double least = range * apart / room;
    double step = pow(10, floor(log10(least)));
    step *= step >= least ? 1 : 2 * step >= least ? 2 : 5 * step >= least ? 5 : 10;
    if (axis->whole && step < 1)
        step = 1;
    int decimals = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    size_t n = 0;
    for (double k = ceil(axis->low / step - 1e-9);
         k * step <= axis->high + 1e-9 * range && n < PXS_TICKS; k++) {
        ticks[n].value = k * step;
        if (fabs(ticks[n].value) >= 1e6 || decimals > 6)
            snprintf(ticks[n].text, sizeof ticks[n].text, "%.3g", ticks[n].value);
        else
            snprintf(ticks[n].text, sizeof ticks[n].text, "%.*f", decimals, ticks[n].value + 0.0);
        n++;
    }
    return n;
}

size_t pxs_axis_ticks(const struct pxs_axis *axis, double apart, struct pxs_tick ticks[PXS_TICKS]) {
    if (!axis->log)
        return linear_ticks(axis, apart, ticks);
    const size_t n = log_ticks(axis, apart, ticks);
    return n >= 2
               ? n
               : linear_ticks(axis, apart, ticks); /* less than a decade: round numbers do better */
}

/* ---- range ---------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The ends of the middle 95 % say where the curves are. An end that lies further off than twice
 * their distance is cut off. On a logarithmic axis that is measured in logarithms, and nothing is
 * cut off within six decades. */
static void cut_ends(struct pxs_axis *axis, const double *sorted, size_t n, bool *above,
                     bool *below) {
    double low = sorted[(size_t)((double)(n - 1) * 0.025)];
    double high = sorted[(size_t)ceil((double)(n - 1) * 0.975)];
    double first = axis->low, last = axis->high;
    if (axis->log) {
        if (last / first < 1e6)
            return;
        low = log10(low);
        high = log10(high);
        first = log10(first);
        last = log10(last);
    }
    const double range = high - low;
    if (range <= 0)
        return;
    *above = last - high > 2 * range;
    *below = low - first > 2 * range;
    if (*above)
        axis->high = axis->log ? pow(10, high + 0.25 * range) : high + 0.25 * range;
    if (*below)
        axis->low = axis->log ? pow(10, low - 0.25 * range) : low - 0.25 * range;
}

bool pxs_axis_range(struct pxs_axis *axis, double *values, size_t n, bool *above, bool *below) {
    size_t kept = 0;
    *above = *below = false;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i]))
            continue;
        const double value = fabs(values[i]) < LEAST ? 0 : fmin(fmax(values[i], -MOST), MOST);
        if (!axis->log || value > 0)
            values[kept++] = value;
    }
    if (kept == 0)
        return false;
    qsort(values, kept, sizeof *values, by_value);
    axis->low = values[0];
    axis->high = values[kept - 1];
    cut_ends(axis, values, kept, above, below);

    /* Some air above and below, where nothing is cut off; a linear axis does not pass 0 for it. */
    if (axis->log) {
        if (axis->high / axis->low < 1.5) {
            axis->low /= 1.5;
            axis->high *= 1.5;
        }
        const double air = pow(axis->high / axis->low, 0.06);
        axis->low /= *below ? 1 : air;
        axis->high *= *above ? 1 : air;
    } else {
        double air = 0.05 * (axis->high - axis->low);
        if (air <= 0)
            air = axis->high != 0 ? 0.1 * fabs(axis->high) : 1;
        axis->low -= *below ? 0 : axis->low >= 0 && axis->low < air ? axis->low : air;
        axis->high += *above ? 0 : air;
    }
    return true;
}
