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
length, signal, noise = np.array([0.4, 0.9, 0.7]), 1.3, 0.01


def k(a, b):
    diff = a - b
    diff[2] = float(diff[2] != 0)
    r = np.sqrt(((diff / length) ** 2).sum())
    return signal * (1 + 5**0.5 * r + 5 / 3 * r * r) * np.exp(-(5**0.5) * r)


K = np.array([[k(a.copy(), b) for b in x] for a in x]) + (noise + 1e-9 * signal) * np.eye(9)
points = [[0.1, 0.2, 0], [0.5, 0.5, 1], [0.95, 0.05, 2]]
means, sds = [], []
for p in points:
    ks = np.array([k(np.array(p, dtype=float), b) for b in x])
    means.append(float(ks @ np.linalg.solve(K, y)))
    sds.append(float(np.sqrt(signal - ks @ np.linalg.solve(K, ks))))


def log_ei(mean, sd, best):
    z = (mp.mpf(best) - mp.mpf(mean)) / mp.mpf(sd)
    h = mp.npdf(z) + z * mp.ncdf(z)
    return float(mp.log(mp.mpf(sd) * h))


cases = [(0, 1, 0), (0, 1, 3), (1, 0.5, 0), (3, 0.7, 0), (0, 0.1, -1), (10, 0.25, 0), (0, 1, -39.9), (0, 1, -40.1), (0, 1, -1000)]
print(json.dumps({
    "x": x.tolist(), "y": y.tolist(), "length": length.tolist(), "signal": signal, "noise": noise,
    "points": points, "mean": means, "sd": sds, "log_marginal_terms": float(0.5 * y @ np.linalg.solve(K, y) + 0.5 * np.linalg.slogdet(K)[1]),
    "ei": [{"mean": m, "sd": s, "best": b, "log_ei": log_ei(m, s, b)} for m, s, b in cases],
}, indent=1))
