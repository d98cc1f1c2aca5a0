"""Writes testdata/reference.json: values of the functions of bench/search/problems by an
independent implementation in numpy, from the papers that the Go files name.

    pip install numpy && python bench/search/problems/testdata/reference.py

The BBOB functions come with their own random rotations, which the test hands to
the Go functions.
"""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(4)


def listed(a):
    return np.asarray(a, dtype=float).tolist()


# --- classics, unshifted ---

def ackley(x):
    return -20 * np.exp(-0.2 * np.sqrt(np.mean(x**2))) - np.exp(np.mean(np.cos(2 * np.pi * x))) + 20 + np.e


def levy(x):
    w = 1 + (x - 1) / 4
    return (np.sin(np.pi * w[0]) ** 2 + np.sum((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2))
            + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2))


def rastrigin(x):
    return 10 * len(x) + np.sum(x**2 - 10 * np.cos(2 * np.pi * x))


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def griewank(x):
    return 1 + np.sum(x**2) / 4000 - np.prod(np.cos(x / np.sqrt(np.arange(1, len(x) + 1))))


def styblinski(x):
    return np.sum(x**4 - 16 * x**2 + 5 * x) / 2


def michalewicz(x):
    return -np.sum(np.sin(x) * np.sin(np.arange(1, len(x) + 1) * x**2 / np.pi) ** 20)


def branin(x):
    return (x[1] - 5.1 / (4 * np.pi**2) * x[0] ** 2 + 5 / np.pi * x[0] - 6) ** 2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x[0]) + 10


# --- BBOB (RR-6829), f_opt = 0 ---

def orthogonal(d):
    q, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return q


def lam(alpha, d):
    return np.diag(alpha ** (0.5 * np.arange(d) / (d - 1)))


def t_osz(x):
    x = np.atleast_1d(np.asarray(x, dtype=float))
    h = np.where(x != 0, np.log(np.abs(np.where(x == 0, 1, x))), 0)
    c1, c2 = np.where(x > 0, 10, 5.5), np.where(x > 0, 7.9, 3.1)
    return np.sign(x) * np.exp(h + 0.049 * (np.sin(c1 * h) + np.sin(c2 * h)))


def t_asy(x, beta):
    e = 1 + beta * np.arange(len(x)) / (len(x) - 1) * np.sqrt(np.maximum(x, 0))
    return np.where(x > 0, np.abs(x) ** e, x)


def ellipsoid(x, o, r, q):
    z = t_osz(r @ (x - o))
    return np.sum(1e6 ** (np.arange(len(x)) / (len(x) - 1)) * z**2)


def attractive_sector(x, o, r, q):
    z = q @ lam(10, len(x)) @ r @ (x - o)
    s = np.where(z * o > 0, 100, 1)
    return t_osz(np.sum((s * z) ** 2))[0] ** 0.9


def step_ellipsoid(x, o, r, q):
    d = len(x)
    hat = lam(10, d) @ r @ (x - o)
    tilde = np.where(np.abs(hat) > 0.5, np.floor(0.5 + hat), np.floor(0.5 + 10 * hat) / 10)
    z = q @ tilde
    return 0.1 * max(abs(hat[0]) / 1e4, np.sum(10 ** (2 * np.arange(d) / (d - 1)) * z**2))


def sharp_ridge(x, o, r, q):
    z = q @ lam(10, len(x)) @ r @ (x - o)
    return z[0] ** 2 + 100 * np.sqrt(np.sum(z[1:] ** 2))


def different_powers(x, o, r, q):
    z = r @ (x - o)
    return np.sqrt(np.sum(np.abs(z) ** (2 + 4 * np.arange(len(x)) / (len(x) - 1))))


def weierstrass(x, o, r, q):
    z = r @ lam(0.01, len(x)) @ q @ t_osz(r @ (x - o))
    k = np.arange(12)
    f0 = np.sum(0.5**k * np.cos(2 * np.pi * 3.0**k / 2))
    return 10 * (np.mean([np.sum(0.5**k * np.cos(2 * np.pi * 3.0**k * (v + 0.5))) for v in z]) - f0) ** 3


def schaffers(x, o, r, q):
    z = lam(10, len(x)) @ q @ t_asy(r @ (x - o), 0.5)
    s = np.sqrt(z[:-1] ** 2 + z[1:] ** 2)
    return np.mean(np.sqrt(s) + np.sqrt(s) * np.sin(50 * s**0.2) ** 2) ** 2


def gallagher(x, peaks, r):
    d = len(x)
    best = max(p["w"] * np.exp(-(x - p["at"]) @ r.T @ np.diag(p["scale"]) @ r @ (x - p["at"]) / (2 * d)) for p in peaks)
    return t_osz(10 - best)[0] ** 2


# --- several objectives; s is where the distance is 0 ---

def zdt1(x, s):
    g = 1 + 9 * np.mean(np.abs(x - s)[1:] / np.maximum(s, 1 - s)[1:])
    return [x[0], g * (1 - np.sqrt(x[0] / g))]


def zdt3(x, s):
    g = 1 + 9 * np.mean(np.abs(x - s)[1:] / np.maximum(s, 1 - s)[1:])
    return [x[0], g * (1 - np.sqrt(x[0] / g) - x[0] / g * np.sin(10 * np.pi * x[0]))]


def dtlz2_3(x, s):
    g = np.sum((x - s)[2:] ** 2)
    a, b = x[0] * np.pi / 2, x[1] * np.pi / 2
    return [(1 + g) * np.cos(a) * np.cos(b), (1 + g) * np.cos(a) * np.sin(b), (1 + g) * np.sin(a)]


def kursawe(x):
    return [np.sum(-10 * np.exp(-0.2 * np.sqrt(x[:-1] ** 2 + x[1:] ** 2))), np.sum(np.abs(x) ** 0.8 + 5 * np.sin(x**3))]


def main():
    out = {"plain": [], "bbob": [], "fronts": []}
    for f, d, low, high in [(ackley, 5, -30, 30), (levy, 6, -10, 10), (rastrigin, 4, -5, 5), (rosenbrock, 4, -5, 10),
                            (griewank, 5, -600, 600), (styblinski, 4, -5, 5), (michalewicz, 5, 0, np.pi), (branin, 2, -5, 10)]:
        for _ in range(3):
            x = rng.uniform(low, high, d)
            out["plain"].append({"name": f.__name__, "x": listed(x), "f": float(f(x))})
    for f in (ellipsoid, attractive_sector, step_ellipsoid, sharp_ridge, different_powers, weierstrass, schaffers):
        for _ in range(3):
            d = 4
            o, r, q, x = rng.uniform(-4, 4, d), orthogonal(d), orthogonal(d), rng.uniform(-5, 5, d)
            if f is step_ellipsoid:
                x = o + rng.uniform(-0.4, 0.4, d)
            out["bbob"].append({"name": f.__name__, "x": listed(x), "opt": listed(o), "r": listed(r), "q": listed(q), "f": float(f(x, o, r, q))})
    for _ in range(3):
        d = 3
        r, x = orthogonal(d), rng.uniform(-5, 5, d)
        peaks = [{"at": rng.uniform(-5, 5, d), "scale": rng.uniform(0.01, 0.2, d), "w": float(w)} for w in (10, 5, 8)]
        out["bbob"].append({"name": "gallagher", "x": listed(x), "r": listed(r), "f": float(gallagher(x, peaks, r)),
                            "peaks": [{"at": listed(p["at"]), "scale": listed(p["scale"]), "w": p["w"]} for p in peaks]})
    for f, d in (zdt1, 6), (zdt3, 6), (dtlz2_3, 7):
        for _ in range(2):
            x, s = rng.uniform(0, 1, d), rng.uniform(0.2, 0.8, d)
            out["fronts"].append({"name": f.__name__, "x": listed(x), "s": listed(s), "f": listed(f(x, s))})
    for _ in range(2):
        x = rng.uniform(-5, 5, 3)
        out["fronts"].append({"name": "kursawe", "x": listed(x), "f": listed(kursawe(x))})
    (pathlib.Path(__file__).parent / "reference.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
