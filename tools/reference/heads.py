"""Writes tests/fixtures/head/*.json: small problems and what scikit-learn makes of them.

    python tools/reference/heads.py tests/fixtures/head

Needs numpy and scikit-learn (made with 1.9.1 and numpy 2.4).
"""

import json
import sys
from pathlib import Path

import numpy as np
import sklearn
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.covariance import ledoit_wolf, oas
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV


def problem(samples, channels, classes, seed):
    """Overlapping clusters on correlated channels of very different scale, as pooled activations are."""
    generator = np.random.default_rng(seed)
    mixing = generator.normal(size=(channels, channels)) / np.sqrt(channels)
    centres = generator.normal(size=(classes, channels)) * 0.8
    targets = np.arange(samples) % classes
    latent = centres[targets] + generator.normal(size=(samples, channels))
    features = np.maximum(latent @ mixing + 0.3, 0) * generator.uniform(0.1, 4, size=channels)
    return np.round(features, 3).astype(np.float32), targets


def rounded(values, digits=7):
    return np.round(np.asarray(values, dtype=np.float64), digits).tolist()


class Scaler:
    """StandardScaler with each channel's variance drawn towards the mean of all, by 20 / (20 + samples)."""

    def fit(self, features):
        variances, share = features.var(axis=0), 20 / (20 + len(features))
        self.mean_ = features.mean(axis=0)
        self.scale_ = np.sqrt((1 - share) * variances + share * variances[variances > 0].mean())
        return self

    def transform(self, features):
        return (features - self.mean_) / self.scale_


def raw_weights(scaler, weights, intercept):
    """Weights on standardised features brought back to raw ones."""
    weights = weights / scaler.scale_
    return weights, intercept - weights @ scaler.mean_


def softmax(features, targets, balance):
    scaler = Scaler().fit(features.astype(np.float64))
    standardised = scaler.transform(features.astype(np.float64))
    results = []
    for penalty in (100.0, 10.0, 1.0):
        model = LogisticRegression(
            C=1 / penalty, tol=1e-9, max_iter=10000, class_weight="balanced" if balance else None
        ).fit(standardised, targets)
        logits = standardised @ model.coef_.T + model.intercept_
        if len(model.classes_) == 2:
            raise ValueError("three or more classes: scikit-learn's binary form has half the weights")
        weight = np.ones(len(targets))
        if balance:
            counts = np.bincount(targets)
            weight = len(targets) / (len(counts) * counts[targets])
        loss = -(weight * log_softmax(logits, axis=1)[np.arange(len(targets)), targets]).sum()
        objective = (loss + penalty / 2 * (model.coef_**2).sum()) / weight.sum()
        results.append({"penalty": penalty, "objective": objective, "logits": rounded(logits[:8])})
    return results


def ridge(features, targets):
    scaler = Scaler().fit(features.astype(np.float64))
    standardised = scaler.transform(features.astype(np.float64))
    penalties = [1000.0, 100.0, 10.0, 1.0, 0.1]
    model = RidgeClassifierCV(alphas=penalties, store_cv_results=True).fit(standardised, targets)
    weights, intercept = raw_weights(scaler, model.coef_, model.intercept_)
    errors = model.cv_results_.mean(axis=(0, 1))
    return {
        "penalties": penalties,
        "errors": rounded(errors, 9),
        "penalty": model.alpha_,
        "weights": rounded(weights),
        "intercept": rounded(intercept),
    }


def lda(features, targets):
    scaler = Scaler().fit(features.astype(np.float64))
    standardised = scaler.transform(features.astype(np.float64))
    means = np.stack([standardised[targets == c].mean(axis=0) for c in np.unique(targets)])
    centred = standardised - means[targets]
    covariance, shrinkage = oas(centred, assume_centered=True)
    weights = np.linalg.solve(covariance, means.T).T
    priors = np.bincount(targets) / len(targets)
    intercept = -0.5 * np.einsum("kc,kc->k", means, weights) + np.log(priors)
    weights, intercept = raw_weights(scaler, weights, intercept)
    _, other = ledoit_wolf(centred, assume_centered=True)
    return {
        "shrinkage": shrinkage,
        "ledoit_wolf": other,
        "weights": rounded(weights),
        "intercept": rounded(intercept),
    }


def temperature(seed):
    """The inverse temperature of least loss against smoothed targets, and the calibration error before and after."""
    generator = np.random.default_rng(seed)
    samples, classes = 120, 4
    logits = np.round(generator.normal(size=(samples, classes)) * 4, 3)
    targets = np.where(generator.random(samples) < 0.7, logits.argmax(axis=1), generator.integers(classes, size=samples))
    smooth = np.full((samples, classes), 1 / (samples + classes))
    smooth[np.arange(samples), targets] += samples / (samples + classes)
    loss = lambda inverse: -(smooth * log_softmax(logits * inverse, axis=1)).sum()
    inverse = minimize_scalar(loss, bounds=(1e-3, 1e3), method="bounded", options={"xatol": 1e-12}).x

    def error(scale):
        probabilities = np.exp(log_softmax(logits * scale, axis=1))
        confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
        bins = np.minimum(np.ceil(confidence * 15) - 1, 14)
        gaps = [abs(right[bins == b].sum() - confidence[bins == b].sum()) for b in range(15)]
        return sum(gaps) / samples

    return {
        "logits": rounded(logits, 3),
        "targets": targets.tolist(),
        "temperature": 1 / inverse,
        "ece_before": error(1.0),
        "ece_after": error(inverse),
    }


def write(folder, name, content):
    content = {"made_by": f"tools/reference/heads.py, scikit-learn {sklearn.__version__}", **content}
    (folder / f"{name}.json").write_text(json.dumps(content) + "\n")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    # More samples than channels, and fewer: the two ways to solve.
    for name, shape in {"many_samples": (90, 12, 4), "many_channels": (30, 60, 3)}.items():
        features, targets = problem(*shape, seed=len(name))
        uneven = np.sort(np.random.default_rng(1).permutation(len(targets))[: len(targets) * 3 // 4])
        write(
            folder,
            name,
            {
                "features": rounded(features, 3),
                "targets": targets.tolist(),
                "softmax": softmax(features, targets, balance=False),
                "uneven_rows": uneven.tolist(),
                "softmax_balanced": softmax(features[uneven], targets[uneven], balance=True),
                "ridge": ridge(features, targets),
                "lda": lda(features, targets),
            },
        )
    write(folder, "temperature", temperature(seed=5))


if __name__ == "__main__":
    main()
