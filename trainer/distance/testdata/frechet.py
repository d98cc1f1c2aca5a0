"""Writes frechet.json: what numpy and scipy say of the distances that
frechet_test.go computes. Made with numpy 2.4.6 and scipy 1.17.1:

    pip install numpy scipy && python frechet.py
"""

import json
import pathlib

import numpy as np
from made import features
from scipy import linalg


def frechet(a, b):
    """The textbook form: a general matrix square root, its real part."""
    sa, sb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(sa @ sb)
    difference = a.mean(axis=0) - b.mean(axis=0)
    return float(difference @ difference + np.trace(sa) + np.trace(sb) - 2 * np.trace(root).real)


cases = [
    dict(seed_a=1, seed_b=2, n_a=40, n_b=50, d=4, shift=0.1, mix=0.5),
    dict(seed_a=3, seed_b=4, n_a=400, n_b=300, d=16, shift=0.0, mix=0.9),
    dict(seed_a=5, seed_b=6, n_a=500, n_b=2000, d=64, shift=0.01, mix=0.3),
    dict(seed_a=7, seed_b=8, n_a=128, n_b=128, d=64, shift=0.0, mix=0.0),
]
for c in cases:
    a = features(c["seed_a"], c["n_a"], c["d"], 0.0, 0.0)
    b = features(c["seed_b"], c["n_b"], c["d"], c["shift"], c["mix"])
    c["mean_b_last"] = float(b.mean(axis=0)[-1])
    c["cov_b_01"] = float(np.cov(b, rowvar=False)[0, 1])
    c["frechet"] = frechet(a, b)
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(cases, indent=1) + "\n")
