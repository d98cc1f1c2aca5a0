"""Writes manifold.json: what clean-fid 0.1.35 (kid) and prdc 0.2 say of the sets
that manifold_test.go makes. With the environment of bench/eval:

    bench/eval/.venv/bin/python trainer/distance/testdata/manifold.py
"""

import json
import pathlib
import sys

import numpy as np

here = pathlib.Path(__file__).resolve()
sys.path += [str(here.parents[3] / "bench/eval/peers"), str(here.parent)]
import reference  # noqa: E402
from made import features  # noqa: E402


cases = [
    dict(seed_a=11, seed_b=12, n_a=60, n_b=50, d=3, shift=0.05, mix=0.3, subsets=4, subset=20),
    dict(seed_a=13, seed_b=14, n_a=601, n_b=523, d=5, shift=0.01, mix=0.4, subsets=3, subset=200),
    dict(seed_a=15, seed_b=16, n_a=200, n_b=333, d=64, shift=0.0, mix=0.1, subsets=2, subset=70),
]
for c in cases:
    x = features(c["seed_a"], c["n_a"], c["d"], 0.0, 0.0)
    y = features(c["seed_b"], c["n_b"], c["d"], c["shift"], c["mix"])
    # Subset s takes every third row of x from s on and every second of y, wrapped.
    rows = np.arange(c["subset"])
    subsets = np.array([[(s + 3 * rows) % c["n_a"], (s + 2 * rows) % c["n_b"]] for s in range(c["subsets"])])
    c["kid"] = reference.kid()(x, y, subsets)["kid"]
    c["k3"], c["k5"] = reference.prdc(3)(x, y, None), reference.prdc(5)(x, y, None)
    gaps = np.linalg.norm(y[:, None] - x[None], axis=-1)
    gaps.sort(axis=1)
    c["nearest"] = [float(v) for v in (gaps[:, 0].sum(), gaps[:, 1].sum())]
    within = np.linalg.norm(x[:, None] - x[None], axis=-1)
    c["spread"] = float(within.sum() / (len(x) * (len(x) - 1)))
here.with_suffix(".json").write_text(json.dumps(cases, indent=1) + "\n")
