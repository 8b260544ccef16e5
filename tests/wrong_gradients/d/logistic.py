"""Logistic regression with a weight on the positives and an L2 penalty on w; the bias has shape (1,)."""

import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def loss(w, b, X, y, pw, lam):
    z = X @ w + b
    p = sigmoid(z)
    pos = pw * y * np.log(p)
    neg = (1 - y) * np.log(1 - p)
    bce = -np.mean(pos + neg)
    return bce + 0.5 * lam * (w @ w)


def gradient(w, b, X, y, pw, lam):
    n = X.shape[0]
    z = X @ w + b
    p = sigmoid(z)
    dp = (-pw * y / p + (1 - y) / (1 - p)) / n
    dz = dp * p * (1 - p)
    dw = X.T @ dz + lam * w
    db = np.array([dz.sum()])
    return dw, db


def example(rng):
    y = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
    X = rng.normal(size=(8, 5)).astype(np.float32)
    return rng.normal(size=5), rng.normal(size=1), X, y, 2.5, 0.2


MISTAKES = [
    ("forgot the inner minus of log(1 - p)", {"+ (1 - y) / (1 - p)": "- (1 - y) / (1 - p)"}, "sign", (), ("w", "b"), "np.log(1 - p)"),
    ("sigmoid's derivative written with z: z (1 - z)", {"dp * p * (1 - p)": "dp * z * (1 - z)"}, "wrong-argument", (), ("w", "b"), "p = sigmoid(z)"),
    ("went straight through the sigmoid", {"dz = dp * p * (1 - p)": "dz = dp"}, "missing-local-derivative", (), ("w", "b"), "p = sigmoid(z)"),
    ("forgot the positives' weight", {"-pw * y / p": "-y / p"}, "factor", (), ("w", "b"), "pos = pw * y * np.log(p)"),
    ("gave a scalar for the bias's (1,)", {"np.array([dz.sum()])": "dz.sum()"}, "shape", (), ("b",), "z = X @ w + b"),
    ("didn't sum the bias's gradient over the samples", {"np.array([dz.sum()])": "dz"}, "unreduced", (), ("b",), "z = X @ w + b"),
    ("penalised the bias as well", {"np.array([dz.sum()])": "np.array([dz.sum()]) + lam * b"}, "extra-term", (), ("b",), ""),
]
