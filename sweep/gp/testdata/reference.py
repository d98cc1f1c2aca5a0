"""Makes reference.json: the same formulas in numpy, for gp_test.go.

    python3 reference.py > reference.json      (numpy 2, mpmath 1.3)
"""
import json

import mpmath as mp
import numpy as np

mp.mp.dps = 60
rng = np.random.default_rng(7)
x = rng.random((9, 3))
x[:, 2] = rng.integers(0, 3, 9)
y = np.sin(5 * x[:, 0]) + 0.3 * x[:, 2] + 0.1 * rng.standard_normal(9)
y = (y - y.mean()) / y.std(ddof=1)
weight = np.array([1.0, 2, 1, 1, 3, 1, 1, 1, 2])
length, signal, noise = np.array([0.4, 0.9, 0.7]), 1.3, 0.01
points = [[0.1, 0.2, 0], [0.5, 0.5, 1], [0.95, 0.05, 2]]


def matern(r):
    return (1 + 5**0.5 * r + 5 / 3 * r * r) * np.exp(-(5**0.5) * r)


def kernel(additive):
    def k(a, b):
        diff = np.array(a, dtype=float) - b
        diff[2] = float(diff[2] != 0)
        each = np.abs(diff / length)
        return signal * ((1 - additive) * matern(np.sqrt((each**2).sum())) + additive * matern(each).mean())

    return k


def process(additive):
    k = kernel(additive)
    K = np.array([[k(a, b) for b in x] for a in x]) + np.diag(noise / weight + 1e-9 * signal)
    means, sds = [], []
    for p in points:
        ks = np.array([k(p, b) for b in x])
        means.append(float(ks @ np.linalg.solve(K, y)))
        sds.append(float(np.sqrt(signal - ks @ np.linalg.solve(K, ks))))
    return {"additive": additive, "mean": means, "sd": sds,
            "log_marginal_terms": float(0.5 * y @ np.linalg.solve(K, y) + 0.5 * np.linalg.slogdet(K)[1])}


def log_ei(mean, sd, best):
    z = (mp.mpf(best) - mp.mpf(mean)) / mp.mpf(sd)
    h = mp.npdf(z) + z * mp.ncdf(z)
    return float(mp.log(mp.mpf(sd) * h))


cases = [(0, 1, 0), (0, 1, 3), (1, 0.5, 0), (3, 0.7, 0), (0, 0.1, -1), (0, 1, -4.99), (0, 1, -5.01), (10, 0.25, 0),
         (0, 1, -39.9), (0, 1, -40.1), (0, 1, -1000)]
print(json.dumps({
    "x": x.tolist(), "y": y.tolist(), "weight": weight.tolist(), "length": length.tolist(), "signal": signal, "noise": noise,
    "points": points, "processes": [process(0), process(0.4)],
    "ei": [{"mean": m, "sd": s, "best": b, "log_ei": log_ei(m, s, b)} for m, s, b in cases],
    "log_cdf": [{"z": z, "value": float(mp.log(mp.ncdf(z)))} for z in (3, 0, -0.99, -1.01, -4.99, -5.01, -20, -1000)],
}, indent=1))
