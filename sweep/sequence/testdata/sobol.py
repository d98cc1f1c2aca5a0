"""Makes sobol.json: points of the unscrambled Sobol sequence, for sobol_test.go.

    python3 sobol.py > sobol.json      (scipy 1.17)
"""
import json

from scipy.stats import qmc

points = qmc.Sobol(64, scramble=False, bits=32).random_base2(10)
index = [0, 1, 2, 3, 4, 5, 100, 511, 1023]
print(json.dumps({"index": index, "points": [points[i].tolist() for i in index]}, separators=(",", ":")))
