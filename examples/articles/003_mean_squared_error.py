"""Formulas that are right: the mean squared error with ½, and gradient descent on it."""

import numpy as np

import autograd_mini as ag

rng = np.random.default_rng(0)
X, t = rng.normal(size=(50, 3)), rng.normal(size=50)


def loss(w, b):
    return np.sum((t - (X @ w + b)) ** 2) / (2 * len(t))


def published(w, b):
    d = (X @ w + b - t) / len(t)
    return X.T @ d, np.sum(d)


w, b = rng.normal(size=3), 0.5
print(ag.check_gradient(loss, published, w, b, wrt=("w", "b")))
assert ag.check_gradient(loss, published, w, b, wrt=("w", "b")).ok

for _ in range(500):
    dw, db = published(w, b)
    w, b = w - 0.1 * dw, b - 0.1 * db
best = np.linalg.lstsq(np.c_[X, np.ones(50)], t, rcond=None)[0]
print(f"\nafter 500 steps: w = {np.round(w, 4)}, b = {b:.4f}; least squares: {np.round(best, 4)}")
assert np.allclose([*w, b], best, atol=1e-6)
