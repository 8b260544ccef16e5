"""Logistic regression with labels -1 and 1, mean log(1 + exp(-y z)) plus lam/2 |w|^2; the data are float32."""

import numpy as np


def loss(w, b, X, y, lam):
    z = X @ w + b
    m = y * z
    data = np.mean(np.log1p(np.exp(-m)))
    return data + 0.5 * lam * (w @ w)


def gradient(w, b, X, y, lam):
    n = X.shape[0]
    m = y * (X @ w + b)
    s = 1 / (1 + np.exp(m))  # sigmoid(-m)
    dz = -y * s / n
    dw = X.T @ dz + lam * w
    db = np.sum(dz)
    return dw, db


def example(rng):
    X = rng.normal(size=(9, 4)).astype(np.float32)
    y = np.where(rng.normal(size=9) > 0, 1, -1).astype(np.float32)
    return rng.normal(size=4), np.float64(rng.normal()), X, y, 0.2


MISTAKES = [
    ("lost the minus of exp(-yz)", {"dz = -y * s": "dz = y * s"}, "sign", (), ("w", "b"), "np.log1p(np.exp(-m))"),
    ("sigmoid of the margin where sigmoid of minus the margin is due", {"(1 + np.exp(m))": "(1 + np.exp(-m))"}, "wrong-argument", ("wrong-local-derivative",), ("w", "b"), "np.log1p(np.exp(-m))"),
    ("derivative taken to the margin, the factor y forgotten", {"-y * s": "-s"}, "missing-local-derivative", (), ("w", "b"), "m = y * z"),
    ("used the formula p - y of labels 0 and 1", {"-y * s / n": "(1 / (1 + np.exp(-X @ w - b)) - y) / n"}, "wrong-local-derivative", (), ("w", "b"), "np.log1p(np.exp(-m))"),
    ("forgot the 1/n of the mean", {"s / n": "s"}, "factor", (), ("w", "b"), "np.mean"),
    ("averaged the bias's gradient a second time", {"np.sum(dz)": "np.mean(dz)"}, "mean-for-sum", ("factor",), ("b",), "z = X @ w + b"),
    ("keepdims gives (1,) for the scalar bias", {"np.sum(dz)": "np.sum(dz, keepdims=True)"}, "shape", (), ("b",), "z = X @ w + b"),
    ("bias's gradient not summed over the samples", {"np.sum(dz)": "dz"}, "unreduced", (), ("b",), "z = X @ w + b"),
    ("forgot the bias in the margin recomputed for the gradient", {"y * (X @ w + b)": "y * (X @ w)"}, "wrong-argument", ("wrong-operand",), ("w", "b"), "np.log1p(np.exp(-m))"),
    ("regularised the bias like the weights", {"db = np.sum(dz)": "db = np.sum(dz) + lam * b"}, "extra-term", (), ("b",), ""),
]
