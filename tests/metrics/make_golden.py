#!/usr/bin/env python3
"""Reference numbers for Student's t (mpmath: scipy itself loses some for small t) and for the differences (scipy):
stats.golden. Usage: make_golden.py [FOLDER]; needs scipy and mpmath.

A line each, words apart by blanks:
  two_sided T DF P              P(|T| > t)
  critical P DF T               the t whose two-sided p is P
  mean N VALUES... MEAN STD LOW HIGH
  paired N A... B... MEAN LOW HIGH P
  welch N M A... B... MEAN LOW HIGH P DF
  holm N P... ADJUSTED...
"""
import os
import sys

import mpmath
import numpy as np
import scipy
from scipy import stats


def say(*items):
    return ' '.join(repr(float(i)) if isinstance(i, (float, np.floating)) else str(i) for i in items)


mpmath.mp.dps = 400  # complements cost digits


def two_sided(t, df):
    """I_x(df/2, 1/2) at x = df / (df + t^2), by its complement where t is small."""
    t, df = mpmath.mpf(t), mpmath.mpf(df)
    y = t * t / (df + t * t)
    if y < 0.5:
        return 1 - mpmath.betainc(0.5, df / 2, 0, y, regularized=True)
    return mpmath.betainc(df / 2, 0.5, 0, 1 - y, regularized=True)


def critical(p, df):
    """scipy's answer, polished by two of Newton's steps."""
    t = mpmath.mpf(float(stats.t.isf(p / 2, df)))
    for _ in range(2):
        density = 2 * mpmath.gamma((mpmath.mpf(df) + 1) / 2) / (
            mpmath.sqrt(df * mpmath.pi) * mpmath.gamma(mpmath.mpf(df) / 2)) * (1 + t * t / df) ** (-(mpmath.mpf(df) + 1) / 2)
        t += (two_sided(t, df) - mpmath.mpf(p)) / density
    return t


def holm(p):
    """Step-down: the running maximum of (m - rank) * p in rising order."""
    order = np.argsort(p)
    adjusted, largest = np.empty(len(p)), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = largest
    return adjusted


def lines():
    for df in (1, 1.5, 2, 3, 4.7, 9, 30, 99.5, 127, 129, 1000, 1e6):
        for t in (1e-8, 0.01, 0.5, 1.0, 1.96, 4.3, 12.7, 63.7, 1e3):
            p = float(two_sided(t, df))
            if p > 1e-250:
                yield say('two_sided', t, float(df), p)
        for p in (0.9, 0.5, 0.1, 0.05, 0.01, 1e-4, 1e-9):
            yield say('critical', p, float(df), float(critical(p, df)))
    rng = np.random.default_rng(5)
    for n in (2, 3, 5, 12):
        for offset, spread in ((0.26, 0.004), (1e6, 1e-3), (-3.0, 2.0)):
            a = offset + spread * rng.standard_normal(n)
            b = a + spread * (0.7 + 0.5 * rng.standard_normal(n))
            low, high = stats.t.interval(0.95, n - 1, a.mean(), stats.sem(a))
            yield say('mean', n, *a, a.mean(), a.std(ddof=1), low, high)
            test = stats.ttest_rel(a, b)
            ci = test.confidence_interval(0.95)
            yield say('paired', n, *a, *b, (a - b).mean(), ci.low, ci.high, test.pvalue)
            c = offset + 3 * spread * rng.standard_normal(n + 2)
            test = stats.ttest_ind(a, c, equal_var=False)
            ci = test.confidence_interval(0.95)
            yield say('welch', n, n + 2, *a, *c, a.mean() - c.mean(), ci.low, ci.high, test.pvalue, test.df)
    for p in ([0.01, 0.04, 0.03, 0.005], [0.02, 0.02, 0.5], [0.9], [0.001, 0.03, 0.012, 0.4, 0.8]):
        yield say('holm', len(p), *p, *holm(np.array(p)))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, 'stats.golden'), 'w', encoding='ascii') as f:
        f.write(f'# make_golden.py, scipy {scipy.__version__}, mpmath {mpmath.__version__}\n')
        f.writelines(line + '\n' for line in lines())


if __name__ == '__main__':
    main()
