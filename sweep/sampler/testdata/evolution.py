"""Makes evolution.json: three generations of the package cmaes, for evolution_test.go.

    python3 evolution.py > evolution.json      (cmaes 0.13.1, numpy 2)

The package has no 1/4 in the numerator of c_mu (equation 58 of the tutorial,
arXiv 1604.00772v2); c_mu and the weights that follow from it are set here.
"""
import json

import numpy as np
from cmaes import CMA

n, lam = 4, 8
cma = CMA(mean=np.full(n, 0.5), sigma=0.1, population_size=lam)
prime = np.log((lam + 1) / 2) - np.log(np.arange(1, lam + 1))
up, down = prime[prime >= 0], prime[prime < 0]
mueff, mueff_minus = up.sum() ** 2 / (up**2).sum(), down.sum() ** 2 / (down**2).sum()
c1 = 2 / ((n + 1.3) ** 2 + mueff)
cmu = min(1 - c1, 2 * (0.25 + mueff + 1 / mueff - 2) / ((n + 2) ** 2 + mueff))
total = min(1 + c1 / cmu, 1 + 2 * mueff_minus / (mueff_minus + 2), (1 - c1 - cmu) / (n * cmu))
cma._cmu = cmu
cma._weights = np.where(prime >= 0, prime / up.sum(), prime / -down.sum() * total)

rng = np.random.default_rng(3)
out = []
for _ in range(3):
    x = 0.5 + 0.08 * rng.standard_normal((lam, n)).clip(-1.5, 1.5)
    cma.tell([(p, float(i)) for i, p in enumerate(x)])
    out.append({"points": x.tolist(), "mean": cma._mean.tolist(), "sigma": float(cma._sigma), "c": cma._C.tolist(),
                "p_c": cma._pc.tolist(), "p_sigma": cma._p_sigma.tolist()})
print(json.dumps({"weights": cma._weights.tolist(), "generations": out}, indent=1))
