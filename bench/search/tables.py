"""Writes the tables of bench/search/problems/tables/: cross-validated losses of small
scikit-learn models over grids of their hyper-parameters.

    pip install scikit-learn==1.7.2 numpy==2.4.6 scipy==1.17.1
    python bench/search/tables.py [svm_digits forest_cancer boosting_diabetes mlp_digits]

The data sets come with scikit-learn. It takes some minutes of one CPU. A
table is {"name", "made", "axes": [{"name", "values", "log", "int"} | {"name",
"choices"}], "values": losses, the last axis fastest}.
"""

import itertools
import json
import pathlib
import sys
import time
import warnings

import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingRegressor
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

warnings.simplefilter("ignore")
FOLDER = pathlib.Path(__file__).parent / "problems" / "tables"


def grid(name, low, high, count, log=False, integer=False):
    values = np.geomspace(low, high, count) if log else np.linspace(low, high, count)
    if integer:
        values = np.round(values)
    return {"name": name, "values": [float(f"{v:.6g}") for v in values], "log": log, "int": integer}


def choices(name, *words):
    return {"name": name, "choices": list(words)}


def points(axes):
    names = [a["name"] for a in axes]
    for values in itertools.product(*(a.get("values", a.get("choices")) for a in axes)):
        yield dict(zip(names, values))


def error(model, x, y, folds):
    """Mean share of wrong labels; x is scaled within each fold."""
    wrong = []
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=0).split(x, y):
        scaler = StandardScaler().fit(x[train])
        model.fit(scaler.transform(x[train]), y[train])
        wrong.append(np.mean(model.predict(scaler.transform(x[test])) != y[test]))
    return float(np.mean(wrong))


def svm_digits():
    x, y = load_digits(return_X_y=True)
    x, y = x[:600], y[:600]
    axes = [choices("kernel", "poly", "rbf", "sigmoid"), grid("c", 1e-2, 1e3, 11, log=True), grid("gamma", 1e-5, 1, 11, log=True)]
    return axes, [error(SVC(C=p["c"], gamma=p["gamma"], kernel=p["kernel"]), x, y, 3) for p in points(axes)]


def forest_cancer():
    x, y = load_breast_cancer(return_X_y=True)
    axes = [choices("criterion", "entropy", "gini"), grid("depth", 1, 12, 6, integer=True),
            grid("features", 0.05, 1, 6), grid("leaf", 1, 21, 6, integer=True)]
    return axes, [error(ExtraTreesClassifier(15, criterion=p["criterion"], max_depth=int(p["depth"]), max_features=p["features"],
                                             min_samples_leaf=int(p["leaf"]), random_state=0), x, y, 3) for p in points(axes)]


def boosting_diabetes():
    x, y = load_diabetes(return_X_y=True)
    axes = [grid("depth", 1, 4, 4, integer=True), grid("rate", 0.003, 0.5, 7, log=True),
            grid("subsample", 0.25, 1, 4), grid("trees", 5, 160, 6, log=True, integer=True)]
    trees = [int(v) for v in axes[3]["values"]]
    losses = []
    for p in points(axes[:3]):
        squares = np.zeros(len(trees))
        for train, test in KFold(3, shuffle=True, random_state=0).split(x):
            model = GradientBoostingRegressor(max_depth=int(p["depth"]), learning_rate=p["rate"], subsample=p["subsample"],
                                              n_estimators=trees[-1], random_state=0).fit(x[train], y[train])
            stages = list(model.staged_predict(x[test]))
            squares += [np.sum((stages[n - 1] - y[test]) ** 2) for n in trees]
        losses += [float(v) for v in np.sqrt(squares / len(y))]
    return axes, losses


def mlp_digits():
    x, y = load_digits(return_X_y=True)
    x, y = x[:400], y[:400]
    axes = [choices("activation", "relu", "tanh"), grid("alpha", 1e-4, 10, 5, log=True),
            grid("rate", 1e-4, 0.3, 7, log=True), grid("width", 4, 64, 4, log=True, integer=True)]
    return axes, [error(MLPClassifier((int(p["width"]),), activation=p["activation"], alpha=p["alpha"], learning_rate_init=p["rate"],
                                      max_iter=15, random_state=0), x, y, 3) for p in points(axes)]


def main():
    FOLDER.mkdir(exist_ok=True)
    for table in svm_digits, forest_cancer, boosting_diabetes, mlp_digits:
        if sys.argv[1:] and table.__name__ not in sys.argv[1:]:
            continue
        began = time.process_time()
        axes, values = table()
        name = table.__name__.replace("_", "-")
        text = json.dumps({"name": name, "made": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}", "axes": axes,
                           "values": [float(f"{v:.6g}") for v in values]})
        (FOLDER / f"{name}.json").write_text(text + "\n")
        print(f"{name}: {len(values)} points from {min(values):.4g} to {max(values):.4g}, {time.process_time() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
