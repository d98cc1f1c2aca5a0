"""The reference implementations, called on features in files.

    python reference.py FOLDER MEASURE REPEATS

FOLDER has x.f32 and y.f32 (float32, row by row), shape.json {"n", "m", "d"} and,
for kid, subsets.i64 (count, 2, size). It prints a JSON object: values, the seconds
and the processor time of each repeat, and by how many bytes the process grew.

prdc is imported. clean-fid and pytorch-fid import PyTorch for their networks,
which nothing here needs: the two functions are compiled from the installed
packages' own source files.
"""

import ast
import contextlib
import importlib.util
import io
import json
import pathlib
import resource
import sys
import time
import warnings

import numpy as np
from scipy import linalg

warnings.filterwarnings("ignore", category=DeprecationWarning)  # sqrtm's disp, which both packages pass


def from_source(package, module, function):
    """The function of an installed package's module, without its imports."""
    folder = pathlib.Path(importlib.util.find_spec(package).origin).parent
    tree = ast.parse((folder / module).read_text())
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function]
    names = {"np": np, "linalg": linalg}
    exec(compile(ast.Module(found, []), module, "exec"), names)
    return names[function]


def moments(x):
    return x.mean(axis=0), np.cov(x, rowvar=False)


def frechet(package, module, function):
    distance = from_source(package, module, function)
    return lambda x, y, subsets: {"fid": float(distance(*moments(x), *moments(y)))}


def kid():
    distance = from_source("cleanfid", "fid.py", "kernel_distance")

    def run(x, y, subsets):
        # clean-fid draws rows of its second argument first.
        draws = iter([rows for pair in subsets for rows in (pair[1], pair[0])])
        np.random.choice = lambda *args, **kwargs: next(draws)
        size = subsets.shape[2]
        return {"kid": distance(x, y, num_subsets=len(subsets), max_subset_size=size)}

    return run


def prdc(k):
    from prdc import compute_prdc

    def run(x, y, subsets):
        with contextlib.redirect_stdout(io.StringIO()):
            return {name: float(v) for name, v in compute_prdc(x, y, k).items()}

    return run


MEASURES = {
    "fid-clean": lambda: frechet("cleanfid", "fid.py", "frechet_distance"),
    "fid-pytorch": lambda: frechet("pytorch_fid", "fid_score.py", "calculate_frechet_distance"),
    "kid": kid,
    "prdc3": lambda: prdc(3),
    "prdc5": lambda: prdc(5),
}


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(folder, measure, repeats):
    folder = pathlib.Path(folder)
    shape = json.loads((folder / "shape.json").read_text())
    read = lambda name, n: np.fromfile(folder / name, np.float32).reshape(n, shape["d"]).astype(np.float64)
    x, y = read("x.f32", shape["n"]), read("y.f32", shape["m"])
    subsets = None
    if measure == "kid":
        subsets = np.fromfile(folder / "subsets.i64", np.int64).reshape(-1, 2, shape["subset"])
    run = MEASURES[measure]()
    before, seconds, processor = peak(), [], []
    for _ in range(int(repeats)):
        start, used = time.perf_counter(), time.process_time()
        values = run(x, y, subsets)
        seconds.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    print(json.dumps({"values": values, "seconds": seconds, "processor": processor, "bytes": peak() - before}))


if __name__ == "__main__":
    main(*sys.argv[1:])
