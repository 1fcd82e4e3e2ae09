/* Student's t and Fisher's F distribution, for intervals and tests over seeds. Student's tail is a
 * regularised incomplete beta function, P(|T| > t) = I_x(df/2, 1/2) with x = df / (df + t^2)
 * (DLMF 8.17; Abramowitz and Stegun 26.7.1), by its continued fraction (DLMF 8.17.22) in Lentz's
 * way. Degrees of freedom need not be whole: Welch's are not. */
#include "pixsweep/base/statistics.h"

#include <math.h>

/* Gamma(a + 1/2) / Gamma(a): by the library below 64, above it by Stirling's series, where the
 * gammas themselves would overflow. */
static double half_step(double a) {
    if (a < 64)
        return tgamma(a + 0.5) / tgamma(a);
    const double r = 1 / a;
    return sqrt(a) *
           (1 + r * (-1.0 / 8 +
                     r * (1.0 / 128 +
                          r * (5.0 / 1024 + r * (-21.0 / 32768 +
                                                 r * (-399.0 / 262144 + r * 869.0 / 4194304))))));
}

/* The continued fraction of I_x(a, b), to be multiplied by x^a (1-x)^b / (a B(a, b)); converges
 * fast for x < (a+1) / (a+b+2). */
static double fraction(double x, double a, double b) {
    static const double tiny = 1e-300;
    double c = 1, d = 1 / fmax(1 - (a + b) * x / (a + 1), tiny), h = d;
    for (int m = 1; m < 100000; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / (1 + even * d);
        c = 1 + even / c;
        h *= d * c;
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / (1 + odd * d);
        c = 1 + odd / c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-16)
            break;
    }
    return h;
}

double pxs_student_two_sided(double t, double df) {
    if (isnan(t) || !(df > 0))
        return NAN;
    if (isinf(t))
        return 0;
    const double a = df / 2, square = t * t / df; /* x = 1 / (1 + square) */
    if (square == 0)
        return 1;
    const double x = 1 / (1 + square), rest = square / (1 + square);
    /* x^a (1-x)^(1/2) / B(a, 1/2), with B = Gamma(a) sqrt(pi) / Gamma(a + 1/2) */
    const double front = exp(-a * log1p(square)) * sqrt(rest) * half_step(a) / sqrt(acos(-1));
    if (x < (a + 1) / (a + 2.5))
        return front * fraction(x, a, 0.5) / a;
    return 1 - front * fraction(rest, 0.5, a) / 0.5;
}

double pxs_fisher_tail(double f, double df1, double df2) {
    if (isnan(f) || !(df1 > 0) || !(df2 > 0))
        return NAN;
    if (f <= 0 || isinf(f))
        return f <= 0;
    if (df1 == 1) /* the more exact way */
        return pxs_student_two_sided(sqrt(f), df2);
    /* P(F > f) = I_x(a, b) */
    const double a = df2 / 2, b = df1 / 2, x = df2 / (df2 + df1 * f),
                 rest = df1 * f / (df2 + df1 * f);
    int sign;
    const double log_beta = lgamma_r(a, &sign) + lgamma_r(b, &sign) - lgamma_r(a + b, &sign);
    const double front = exp(a * log(x) + b * log(rest) - log_beta);
    if (x < (a + 1) / (a + b + 2))
        return front * fraction(x, a, b) / a;
    return 1 - front * fraction(rest, b, a) / b;
}

/* The tail falls with t, so halving an interval around the answer finds it to the last bit that the
 * tail itself is good for. */
double pxs_student_critical(double p, double df) {
    if (!(p > 0 && p < 1) || !(df > 0))
        return NAN;
    double low = 0, high = 1;
    while (pxs_student_two_sided(high, df) > p && high < 1e300)
        low = high, high *= 2;
    for (int i = 0; i < 200; i++) {
        const double middle = low + (high - low) / 2;
        if (middle == low || middle == high)
            break;
        if (pxs_student_two_sided(middle, df) > p)
            low = middle;
        else
            high = middle;
    }
    return high;
}
