"""Ridge regression: mean squared error of X w + b plus an L2 penalty on w (lam is an argument)."""

import numpy as np


def loss(w, b, X, y, lam):
    pred = X @ w + b
    err = pred - y
    mse = np.mean(err ** 2)
    reg = 0.5 * lam * np.sum(w ** 2)
    return mse + reg


def gradient(w, b, X, y, lam):
    n = X.shape[0]
    err = X @ w + b - y
    dpred = 2 * err / n
    dw = X.T @ dpred + lam * w
    db = np.sum(dpred, keepdims=True)
    return dw, db


def example(rng):
    X = rng.normal(size=(7, 5))
    return rng.normal(size=5), rng.normal(size=1), X, rng.normal(size=7), 0.3


MISTAKES = [
    ("lost the 2 of the square", {"2 * err / n": "err / n"}, "factor", (), ("w", "b"), "np.mean(err ** 2)"),
    ("forgot to divide by n", {"2 * err / n": "2 * err"}, "factor", (), ("w", "b"), "np.mean(err ** 2)"),
    ("divided by 2n as if the loss had the customary half", {"2 * err / n": "err / (2 * n)"}, "factor", (), ("w", "b"), "np.mean(err ** 2)"),
    ("residual the other way round (y - prediction)", {"err = X @ w + b - y": "err = y - (X @ w + b)"}, "sign", (), ("w", "b"), "err = pred - y"),
    ("forgot the derivative of the penalty", {" + lam * w": ""}, "missing-term", (), ("w",), "reg = 0.5 * lam * np.sum(w ** 2)"),
    ("overlooked the half in the penalty", {"+ lam * w": "+ 2 * lam * w"}, "factor", ("doubled-term",), ("w",), "reg = 0.5 * lam * np.sum(w ** 2)"),
    ("divided the penalty's gradient by n too", {"+ lam * w": "+ lam * w / n"}, "factor", (), ("w",), "reg = 0.5 * lam * np.sum(w ** 2)"),
    ("subtracted the penalty's gradient", {"+ lam * w": "- lam * w"}, "sign", (), ("w",), "reg = 0.5 * lam * np.sum(w ** 2)"),
    ("penalty as if it were the L1 norm", {"+ lam * w": "+ lam * np.sign(w)"}, "wrong-local-derivative", (), ("w",), "reg = 0.5 * lam * np.sum(w ** 2)"),
    ("lambda left out of the penalty's gradient", {"+ lam * w": "+ w"}, "factor", (), ("w",), "reg = 0.5 * lam * np.sum(w ** 2)"),
    ("weight decay on the bias as well", {"np.sum(dpred, keepdims=True)": "np.sum(dpred, keepdims=True) + lam * b"}, "extra-term", (), ("b",), ""),
    ("averaged the bias's gradient though 1/n is already there", {"np.sum(dpred, keepdims=True)": "np.mean(dpred, keepdims=True)"}, "mean-for-sum", ("factor",), ("b",), "pred = X @ w + b"),
    ("bias's gradient not summed over the samples", {"np.sum(dpred, keepdims=True)": "dpred"}, "unreduced", (), ("b",), "pred = X @ w + b"),
    ("bias's gradient as a scalar", {"np.sum(dpred, keepdims=True)": "np.sum(dpred)"}, "shape", (), ("b",), "pred = X @ w + b"),
    ("first weight not penalised, as if it were the intercept", {"+ lam * w": "+ lam * np.r_[0.0, w[1:]]"}, "partial", ("missing-term",), ("w",), "reg = 0.5 * lam * np.sum(w ** 2)"),
    ("bias's gradient computed after the weights were updated", {"    db = np.sum(dpred, keepdims=True)": "    w = w - 0.1 * dw\n    db = np.sum(2 * (X @ w + b - y) / n, keepdims=True)"}, "stale", (), ("b",), ""),
]
