"""A classifier of an imbalanced table, tuned by tailsweep: no images, no GPU, no diffusion model.

    pip install -r requirements.txt
    python3 train.py --steps=20                 # by hand, into ./run
    tailsweep run examples/sklearn.yaml         # the sweep

The table has four classes of 70, 20, 7 and 3 % of the rows. A step is one pass over the training
rows. `balance` says how much more the rows of rare classes count: 0 not at all, 1 by the inverse of their number.
"""

import pathlib
import sys

import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

# In a sweep both folders are below the one of the spec; by hand they are where the repository has them.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python"))
import tailsweep_trainer

CLASSES = np.arange(4)
SHARES = [0.7, 0.2, 0.07, 0.03]


def table():
    """Returns training rows and classes, then those held out. The table is the same for every trial."""
    x, y = make_classification(
        n_samples=12000, n_features=20, n_informative=8, n_redundant=4, n_classes=len(CLASSES), n_clusters_per_class=1,
        weights=SHARES, class_sep=0.8, flip_y=0.01, random_state=7,
    )  # fmt: skip
    x, held, y, held_y = train_test_split(x, y, test_size=0.4, stratify=y, random_state=7)
    scaler = StandardScaler().fit(x)
    return scaler.transform(x), y, scaler.transform(held), held_y


def results(model, x, y):
    """Returns the metrics of the rows x with the classes y, and their standard errors."""
    right = model.predict(x) == y
    count = np.bincount(y)
    recall = np.array([right[y == c].mean() for c in CLASSES])
    variance = recall * (1 - recall) / count  # of each recall, which is a share of independent rows
    values = {"balanced_accuracy": recall.mean(), "head_recall": recall[0], "tail_recall": recall[-1], "accuracy": right.mean()}
    errors = {
        "balanced_accuracy": np.sqrt(variance.sum()) / len(CLASSES),
        "head_recall": np.sqrt(variance[0]),
        "tail_recall": np.sqrt(variance[-1]),
        "accuracy": np.sqrt(right.mean() * (1 - right.mean()) / len(y)),
    }
    return values, errors


def main():
    job = tailsweep_trainer.job(steps=20, learning_rate=0.01, alpha=1e-4, balance=0.0)
    x, y, held, held_y = table()
    weight = (len(y) / np.bincount(y)[y]) ** float(job.parameters.balance)
    weight /= weight.mean()
    model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=job.parameters.learning_rate, alpha=job.parameters.alpha, shuffle=False)
    if job.resume:
        state = np.load(job.resume / "model.npz")
        model.partial_fit(x[:1], y[:1], CLASSES)  # makes the arrays, which the checkpoint's replace
        model.coef_, model.intercept_, model.t_ = state["coef"], state["intercept"], float(state["t"])

    @job.checkpoint
    def save(folder):
        np.savez(folder / "model.npz", coef=model.coef_, intercept=model.intercept_, t=model.t_)

    for step in job.steps():
        order = np.random.default_rng([job.seed, step]).permutation(len(y))  # a function of seed and step: there is no state to save
        try:
            model.partial_fit(x[order], y[order], CLASSES, sample_weight=weight[order])
        except ValueError as error:  # scikit-learn's message for weights that are not finite
            if "overflow" not in str(error):
                raise
            job.log(loss=float("inf"))
        shares = model.predict_proba(x)
        if not np.isfinite(shares).all():
            job.log(loss=float("nan"))
        job.log(loss=log_loss(y, shares, labels=CLASSES), tail_recall=results(model, x, y)[0]["tail_recall"])
    job.metrics(*results(model, held, held_y))


if __name__ == "__main__":
    main()
