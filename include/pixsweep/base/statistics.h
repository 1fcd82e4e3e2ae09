/* Statistics that are needed below the reports: Student's t, Fisher's F, and
 * differences of pairs. */
#ifndef PIXSWEEP_BASE_STATISTICS_H
#define PIXSWEEP_BASE_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

/* Student's t with df > 0 degrees of freedom, which need not be whole: P(|T| > t), and the t > 0
 * for which that is p (p = 0.05: the 95 % interval's factor). NaN outside of 0 < p < 1. To 1e-12
 * relative up to df = 10,000. */
double pxs_student_two_sided(double t, double df);
double pxs_student_critical(double p, double df);

/* Fisher's F with df1 > 0 and df2 > 0 degrees of freedom: P(F > f). To 1e-10 relative up to a
 * thousand of each. */
double pxs_fisher_tail(double f, double df1, double df2);

/* a - b over those pairs in which neither is NaN: `n` of them. */
struct pxs_pairs {
    size_t n;
    double mean;    /* NaN where n is 0 */
    double std;     /* sample standard deviation, n - 1 below; NaN where n < 2 */
    double largest; /* the largest |a| or |b| of the pairs: what rounding is measured by */
    bool no_spread; /* n >= 2, but the differences are equal but for rounding */
};
void pxs_pairs_of(const double *a, const double *b, size_t n, struct pxs_pairs *out);

#endif
