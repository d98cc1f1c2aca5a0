"""Prints the one-sided 95 % points of Dunnett's test for contest_test.go.

    python3 dunnett.py      (numpy 2, SciPy 1.17)

Adaptive quadrature over Z_0 and over S, where the Go code takes fixed nodes.
"""
import numpy as np
from scipy import integrate, optimize, stats


def probability(d, m, f):
    def given(s):
        return integrate.quad(lambda z: stats.norm.pdf(z) * stats.norm.cdf(z + 2**0.5 * d * s) ** m, -8, 8, epsabs=1e-11)[0]

    low, high = np.sqrt(stats.chi2.ppf([1e-12, 1 - 1e-12], f) / f)
    return integrate.quad(lambda s: given(s) * stats.chi.pdf(s * f**0.5, f) * f**0.5, low, high, epsabs=1e-9, limit=200)[0]


for m, f in [(1, 10), (5, 10), (9, 10), (9, 1000), (60, 4), (60, 20), (1000, 8), (9, 2), (2, 2)]:
    print(m, f, round(optimize.brentq(lambda d: probability(d, m, f) - 0.95, 0.5, 30, xtol=1e-9), 4))
