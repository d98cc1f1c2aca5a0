"""The made-up features of frechet.py and manifold.py, which congruential in
frechet_test.go makes as well."""

import numpy as np


def features(seed, n, d, shift, mix):
    """Rows of float32 from a linear congruential generator, neighbours mixed."""
    state, rows = seed, np.empty((n, d))
    for i in range(n):
        for k in range(d):
            state = (state * 1103515245 + 12345) % 2**31
            rows[i, k] = state / 2**31 - 0.5
    rows = rows + mix * np.roll(rows, -1, axis=1) + shift * np.arange(d)
    return rows.astype(np.float32).astype(np.float64)
