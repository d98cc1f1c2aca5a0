"""Writes ddim.json: DDIM with guidance and clipping, in float64, for a denoiser
that is a formula. Run: python3 ddim.py > ddim.json (needs numpy)."""
import json

import numpy as np

T = 1000
abar = np.cumprod(1 - np.linspace(1e-4, 0.02, T))
C, S = 3, 4  # classes (label 3 is null), side


def eps(x, t, label):
    return (0.6 + 0.1 * label) * x + 0.2 * np.sin(t / 50.0) - 0.05 * label


def ddim(x, label, w, count):
    steps = [int(np.floor(T - k * T / count + 0.5)) - 1 for k in range(count)] + [-1]
    for t, s in zip(steps, steps[1:]):
        e = eps(x, t, label)
        e = e + w * (e - eps(x, t, C))
        a, b = abar[t], abar[s] if s >= 0 else 1.0
        x0 = np.clip((x - np.sqrt(1 - a) * e) / np.sqrt(a), -1, 1)
        e = (x - np.sqrt(a) * x0) / np.sqrt(1 - a)
        x = np.sqrt(b) * x0 + np.sqrt(1 - b) * e
    return x


x = np.random.default_rng(7).standard_normal((C, S, S))
cases = [
    {"w": w, "steps": n, "out": [ddim(x[c], c, w, n).ravel().tolist() for c in range(C)]}
    for w, n in [(0, 1), (0, 10), (1, 7), (2.5, 50)]
]
print(json.dumps({
    "abar": {str(t): abar[t] for t in (0, 1, 250, 500, 999)},
    "noise": [x[c].ravel().tolist() for c in range(C)],
    "cases": cases,
}))
