"""scikit-learn's heads on the features that edgetl cached.

Both standardise the features first, inside the measured time, as edgetl does. The objective is that of a softmax head
with penalty `p`, scikit-learn's 1 / C: mean cross-entropy + p / 2N * |W|^2, the intercept free.
"""

import argparse
import json
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, RidgeClassifierCV
from sklearn.preprocessing import StandardScaler

import store


def objective(weights, intercept, features, targets, penalty):
    logits = features.astype(np.float64) @ weights.T.astype(np.float64) + intercept
    logits -= logits.max(axis=1, keepdims=True)
    nll = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(targets)), targets]
    return float(nll.mean() + penalty / (2 * len(targets)) * np.square(weights, dtype=np.float64).sum())


def fit_softmax(features, targets, arguments):
    model = LogisticRegression(C=1 / arguments.penalty, max_iter=1000, tol=arguments.tolerance)
    start = time.perf_counter()
    scaled = StandardScaler().fit_transform(features)
    model.fit(scaled, targets)
    seconds = time.perf_counter() - start
    weights, intercept = model.coef_, model.intercept_
    if len(weights) == 1:
        raise SystemExit("expected three classes or more: with two, scikit-learn has one logit and another penalty")
    value = objective(weights, intercept, scaled, targets, arguments.penalty)
    return {"seconds": seconds, "objective": value, "iterations": int(model.n_iter_[0])}


def fit_ridge(features, targets, arguments):
    model = RidgeClassifierCV(alphas=arguments.alphas)
    start = time.perf_counter()
    model.fit(StandardScaler().fit_transform(features), targets)
    return {"seconds": time.perf_counter() - start, "alpha": float(model.alpha_), "score": float(model.best_score_)}


def fit_cross_validated(features, targets, arguments):
    """Four penalties by five folds, as fit-head's softmax tries them."""
    model = LogisticRegressionCV(
        Cs=[1e-3, 1e-2, 1e-1, 1],
        cv=5,
        l1_ratios=(0,),
        scoring="neg_log_loss",
        max_iter=1000,
        use_legacy_attributes=False,
    )
    start = time.perf_counter()
    model.fit(StandardScaler().fit_transform(features), targets)
    return {"seconds": time.perf_counter() - start, "C": float(model.C_)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("database")
    parser.add_argument("--head", choices=["softmax", "ridge", "cross-validated"], required=True)
    parser.add_argument("--penalty", type=float, default=100)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--alphas", type=float, nargs="+", default=[10, 100, 1000, 10000, 100000])
    arguments = parser.parse_args()
    warnings.filterwarnings("error", category=ConvergenceWarning)
    features, targets, _ = store.training_set(arguments.database)
    fit = {"softmax": fit_softmax, "ridge": fit_ridge, "cross-validated": fit_cross_validated}[arguments.head]
    print(json.dumps(fit(features, targets, arguments)))


if __name__ == "__main__":
    main()
