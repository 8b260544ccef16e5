"""Ridge regression with several outputs, the fit summed sample by sample; as many inputs as outputs."""

import numpy as np


def loss(W, b, X, T, lam):
    total = 0.0
    for x, t in zip(X, T):
        r = x @ W + b - t
        total = total + np.sum(r ** 2)
    ridge = lam * np.sum(W ** 2)
    return total / len(X) + ridge


def gradient(W, b, X, T, lam):
    n = len(X)
    R = X @ W + b - T
    dW = 2 * X.T @ R / n + 2 * lam * W
    db = 2 * R.sum(axis=0) / n
    return dW, db


def example(rng):
    return rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), 0.3


MISTAKES = [
    ("forgot the 2 of the ridge's square", {"2 * lam * W": "lam * W"}, "factor", (), ("W",), "ridge = lam * np.sum(W ** 2)"),
    ("left the ridge penalty out", {" + 2 * lam * W": ""}, "missing-term", (), ("W",), "ridge = lam * np.sum(W ** 2)"),
    ("took target minus prediction as the residual", {"R = X @ W + b - T": "R = T - (X @ W + b)"}, "sign", (), ("W", "b"), "r = x @ W + b - t"),
    ("decayed the bias too", {"R.sum(axis=0) / n": "R.sum(axis=0) / n + 2 * lam * b"}, "extra-term", (), ("b",), ""),
    ("wrote Rᵀ X for Xᵀ R", {"X.T @ R": "R.T @ X"}, "transpose", (), ("W",), "r = x @ W + b - t"),
    ("stepped W before working out the bias's gradient", {"    db = ": "    W = W - 0.1 * dW\n    R = X @ W + b - T\n    db = "}, "stale", (), ("b",), ""),
    ("summed the residuals over the outputs", {"R.sum(axis=0)": "R.sum(axis=1)"}, "wrong-axis", (), ("b",), "r = x @ W + b - t"),
]
