/* Spearman's rank correlation: Pearson's of the ranks. Few values have few orders, over which p is
 * counted; more have Student's t. */
#include "pixsweep/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXACT_MOST = 8 }; /* 8! = 40320 orders */

struct entry {
    double value;
    size_t at;
};

static int by_value(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* Ranks from 1, less their mean. */
static void rank(const double *values, size_t n, struct entry *entries, double *ranks) {
    for (size_t i = 0; i < n; i++)
        entries[i] = (struct entry){values[i], i};
    qsort(entries, n, sizeof *entries, by_value);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && entries[end].value == entries[i].value;)
            end++;
        for (size_t k = i; k < end; k++)
            ranks[entries[k].at] = (double)(i + end + 1) / 2 - (double)(n + 1) / 2;
    }
}

static double product(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* The share of all orders of b in which |a b| is as large: Heap's way through them. Ranks are
 * halves, so the sums are exact. */
static double share_of_orders(const double *a, double *b, size_t n, double found) {
    size_t turn[EXACT_MOST] = {0};
    double as_large = fabs(product(a, b, n)) >= found, all = 1;
    for (size_t i = 1; i < n;) {
        if (turn[i] < i) {
            const size_t other = i % 2 == 0 ? 0 : turn[i];
            const double swap = b[other];
            b[other] = b[i];
            b[i] = swap;
            as_large += fabs(product(a, b, n)) >= found;
            all++;
            turn[i]++;
            i = 1;
        } else {
            turn[i++] = 0;
        }
    }
    return as_large / all;
}

enum pxs_status pxs_spearman(const double *x, const double *y, size_t n,
                             struct pxs_rank_correlation *out, struct pxs_error *err) {
    struct pxs_rank_correlation r = {.rho = NAN, .p = NAN};
    double *a = malloc((n + 1) * sizeof *a), *b = malloc((n + 1) * sizeof *b),
           *ranks = malloc((2 * n + 1) * sizeof *ranks);
    struct entry *entries = malloc((n + 1) * sizeof *entries);
    const bool room = a && b && ranks && entries;
    for (size_t i = 0; room && i < n; i++) {
        if (isnan(x[i]) || isnan(y[i]))
            continue;
        a[r.n] = x[i];
        b[r.n++] = y[i];
    }
    if (room && r.n > 2) {
        rank(a, r.n, entries, ranks);
        rank(b, r.n, entries, ranks + r.n);
        const double both = product(ranks, ranks + r.n, r.n), xx = product(ranks, ranks, r.n),
                     yy = product(ranks + r.n, ranks + r.n, r.n), df = (double)(r.n - 2);
        if (xx > 0 && yy > 0) {
            r.rho = both / sqrt(xx * yy);
            r.exact = r.n <= EXACT_MOST;
            r.p = r.exact ? share_of_orders(ranks, ranks + r.n, r.n, fabs(both))
                          : pxs_student_two_sided(
                                r.rho * sqrt(df / fmax((1 - r.rho) * (1 + r.rho), 1e-300)), df);
        }
    }
    free(a);
    free(b);
    free(ranks);
    free(entries);
    if (!room)
        return pxs_fail_nomem(err);
    *out = r;
    return PXS_OK;
}
