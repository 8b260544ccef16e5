"""Ridge regression written with loops over samples and features: half the mean squared error plus lam |w|^2."""

import numpy as np


def loss(w, b, X, y, lam):
    n = len(y)
    total = 0.0
    for i in range(n):
        r = X[i] @ w + b - y[i]
        total = total + r ** 2
    penalty = lam * np.sum(w ** 2)
    return total / (2 * n) + penalty


def gradient(w, b, X, y, lam):
    n, d = X.shape
    dw = np.zeros(d)
    db = 0.0
    for i in range(n):
        r = X[i] @ w + b - y[i]
        for j in range(d):
            dw[j] += r * X[i, j]
        db += r
    dw = dw / n + 2 * lam * w
    db = db / n
    return dw, db


def example(rng):
    return rng.normal(size=5), rng.normal(), rng.normal(size=(8, 5)), rng.normal(size=8), 0.3


MISTAKES = [
    ("took 2r although the loss has a 1/2 in front", {"dw[j] += r *": "dw[j] += 2 * r *", "db += r": "db += 2 * r"}, "factor", (), ("w", "b"), "(2 * n)"),
    ("forgot the penalty", {" + 2 * lam * w": ""}, "missing-term", (), ("w",), "lam * np.sum(w ** 2)"),
    ("wrote lam w for the derivative of lam |w|^2 (there is no 1/2)", {"2 * lam * w": "lam * w"}, "factor", (), ("w",), "lam * np.sum(w ** 2)"),
    ("divided the penalty by n as well", {"dw / n + 2 * lam * w": "(dw + 2 * lam * w) / n"}, "factor", (), ("w",), "lam * np.sum(w ** 2)"),
    ("decayed the intercept too", {"db = db / n": "db = db / n + 2 * lam * b"}, "extra-term", (), ("b",), ""),
    ("residual the other way round, y - prediction", {"r = X[i] @ w + b - y[i]": "r = y[i] - (X[i] @ w + b)"}, "sign", (), ("w", "b"), "r = X[i] @ w + b - y[i]"),
    ("inner loop starts at 1 as if column 0 were the intercept's", {"for j in range(d)": "for j in range(1, d)"}, "partial", ("index",), ("w",), "r = X[i] @ w + b - y[i]"),
    ("feature index shifted by one (1-based formula)", {"r * X[i, j]": "r * X[i, j - 1]"}, "index", ("wrong-operand",), ("w",), "r = X[i] @ w + b - y[i]"),
    ("= for += in the accumulation over samples", {"dw[j] += r": "dw[j] = r"}, "missing-path", ("index",), ("w",), "r = X[i] @ w + b - y[i]"),
    ("stepped w before taking the intercept's gradient", {"db = db / n": "w = w - 0.1 * dw\n    db = np.mean(X @ w + b - y)"}, "stale", (), ("b",), "r = X[i] @ w + b - y[i]"),
]
