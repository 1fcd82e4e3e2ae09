#!/usr/bin/env python3
"""Reference numbers for effects in blocks (statsmodels' ANOVA), Fisher's F (mpmath) and rank correlation (scipy, and counting over all
orders): effects.golden. Usage: make_effects.py [FOLDER]; needs statsmodels, scipy, pandas and mpmath.

A line each, words apart by blanks:
  fisher F DF1 DF2 P
  spearman N X... Y... RHO P
  effects V C S Y[v][c][s]...   SQUARE_RUNS DF_RUNS SQUARE_SEEDS DF_SEEDS P_SEEDS   SQUARE_KEY DF_KEY F P   MEAN LOW HIGH
      one key of V values, C settings of all else, S seeds: the mean squares of the two strata (seeds within settings, key by seed) and
      the chance of the second over the rest; the key's mean square (in the usual two-way ANOVA of key and settings), its F and p
      over the stratum that counts; the last value minus the first with its 95 % interval
  interaction V W C S Y[v][w][c][s]...   SQUARE DF F P
      two keys of V and W values: their interaction's mean square in the usual ANOVA, F and p over the stratum that counts
"""
import itertools
import os
import sys

import mpmath
import numpy as np
import pandas as pd
import scipy
import statsmodels
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

mpmath.mp.dps = 50


def say(*items):
    return ' '.join(repr(float(i)) if isinstance(i, (float, np.floating)) else str(i) for i in items)


def fisher(f, df1, df2):
    x = mpmath.mpf(df2) / (df2 + mpmath.mpf(df1) * f)
    return float(mpmath.betainc(mpmath.mpf(df2) / 2, mpmath.mpf(df1) / 2, 0, x, regularized=True))


def exact(x, y):
    """The share of all orders of y with a correlation at least as large."""
    a, b = stats.rankdata(x) * 2, stats.rankdata(y) * 2
    a, b = a - a.mean(), b - b.mean()
    found = abs((a * b).sum()) - 1e-9
    return float(np.mean([abs((a * np.array(o)).sum()) >= found for o in itertools.permutations(b)]))


def frame(y, names):
    index = np.indices(y.shape).reshape(y.ndim, -1)
    table = pd.DataFrame({name: index[i] for i, name in enumerate(names)})
    table['y'] = y.reshape(-1)
    table['block'] = table['c'] * 1000 + table['s']
    return table


def square(table, formula, term):
    rows = anova_lm(ols(formula, table).fit(), typ=1)
    return rows.loc[term, 'sum_sq'] / rows.loc[term, 'df'], rows.loc[term, 'df']


def strata(table, key):
    """Of the effects of `key` ("C(v)", "C(v):C(w)"): seeds within settings; by seed, with its chance over the rest."""
    own = {'C(v)': 'y ~ C(block) + C(v) + C(v):C(c)',
           'C(v):C(w)': 'y ~ C(block)*C(v) + C(block)*C(w) + C(v):C(w) + C(v):C(w):C(c)'}[key]
    runs = ols(own, table).fit()
    both = ols(f'{own} + {key}:C(s)', table).fit()
    seeds_df = runs.df_resid - both.df_resid
    by_seeds = (runs.ssr - both.ssr) / seeds_df
    p = fisher(by_seeds / (both.ssr / both.df_resid), seeds_df, both.df_resid) if both.df_resid > 0 else 1.0
    return runs.ssr / runs.df_resid, runs.df_resid, by_seeds, seeds_df, p


def choose(runs, df_runs, seeds, df_seeds, p):
    return (seeds, df_seeds) if p < 0.5 else (runs, df_runs)


def lines():
    for df1 in (1, 2, 3, 7, 20):
        for df2 in (1, 2, 5, 12.5, 40, 600):
            for f in (1e-3, 0.4, 1.0, 3.3, 12.0, 250.0):
                p = fisher(f, df1, df2)
                if p > 1e-200:
                    yield say('fisher', f, df1, float(df2), p)
    rng = np.random.default_rng(11)
    for n, share, ties in ((3, 1.0, 0), (5, 0.5, 0), (6, 0.5, 3), (8, 0.8, 0), (8, -0.4, 4), (9, 0.3, 0), (20, 0.5, 0), (40, -0.2, 7),
                           (40, 0.9, 0)):
        x = rng.standard_normal(n)
        y = share * x + rng.standard_normal(n) * (1 - abs(share))
        if ties:
            x, y = np.round(x * ties) / ties, np.round(y * 2) / 2
        r = stats.spearmanr(x, y)
        yield say('spearman', n, *x, *y, r.statistic, exact(x, y) if n <= 8 else r.pvalue)
    for v, c, s, shared in ((2, 2, 2, 0), (2, 3, 3, 0), (2, 3, 3, 1.5), (3, 3, 3, 0), (3, 3, 3, 1.5), (4, 2, 5, 0.3), (3, 1, 4, 0),
                            (2, 9, 3, 1)):
        y = 0.3 + 0.01 * (rng.standard_normal((v, c, s)) + rng.standard_normal((1, 1, s)) * 3 +
                          np.arange(v)[:, None, None] + rng.standard_normal((v, c, 1)) + shared * rng.standard_normal((v, 1, s)))
        table = frame(y, ('v', 'c', 's'))
        if c > 1:
            found = strata(table, 'C(v)')
            key = square(table, 'y ~ C(v)*C(c)', 'C(v)')
        else:
            fit = ols('y ~ C(block) + C(v)', table).fit()
            found = (fit.ssr / fit.df_resid, fit.df_resid) * 2 + (1.0,)
            key = square(table, 'y ~ C(v)', 'C(v)')
        error, df = choose(*found)
        mean = (y[-1] - y[0]).mean()
        pair = frame(y[[0, -1]], ('v', 'c', 's'))
        if c > 1:
            error_pair, df_pair = choose(*strata(pair, 'C(v)'))
        else:
            fit = ols('y ~ C(block) + C(v)', pair).fit()
            error_pair, df_pair = fit.ssr / fit.df_resid, fit.df_resid
        half = stats.t.isf(0.025, df_pair) * np.sqrt(2 * error_pair / (c * s))
        yield say('effects', v, c, s, *y.reshape(-1), *found, *key, key[0] / error, fisher(key[0] / error, key[1], df), mean,
                  mean - half, mean + half)
    for v, w, c, s, shared in ((2, 2, 2, 3, 0), (2, 3, 2, 2, 0), (3, 3, 2, 3, 2)):
        y = 0.3 + 0.01 * (rng.standard_normal((v, w, c, s)) + 3 * rng.standard_normal((1, 1, 1, s)) +
                          rng.standard_normal((v, w, 1, 1)) + shared * rng.standard_normal((v, w, 1, s)))
        table = frame(y, ('v', 'w', 'c', 's'))
        error, df = choose(*strata(table, 'C(v):C(w)'))
        key = square(table, 'y ~ C(v)*C(w)', 'C(v):C(w)')
        yield say('interaction', v, w, c, s, *y.reshape(-1), *key, key[0] / error, fisher(key[0] / error, key[1], df))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, 'effects.golden'), 'w', encoding='ascii') as f:
        f.write(f'# make_effects.py, statsmodels {statsmodels.__version__}, scipy {scipy.__version__}, mpmath {mpmath.__version__}\n')
        f.writelines(line + '\n' for line in lines())


if __name__ == '__main__':
    main()
