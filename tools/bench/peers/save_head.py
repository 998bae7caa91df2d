"""Fits a linear head on cached features and saves it with its class names, for predict.py."""

import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import store

database, target = sys.argv[1:]
features, targets, names = store.training_set(database)
scaler, model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)).fit(features, targets)
weights, intercept = model.coef_ / scaler.scale_, model.intercept_ - (model.coef_ * scaler.mean_ / scaler.scale_).sum(1)
if len(names) == 2:
    weights, intercept = np.concatenate([-weights, weights]), np.concatenate([-intercept, intercept])
np.savez(target, weights=weights.astype(np.float32), intercept=intercept.astype(np.float32), names=names)
