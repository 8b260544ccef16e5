"""Ridge regression: half the mean squared residual of X w + b (column vectors), plus lam * |w|^2."""

import numpy as np


def loss(w, b, X, y, lam):
    n = X.shape[0]
    pred = X.dot(w) + b
    resid = pred - y
    penalty = lam * np.sum(w ** 2)
    return np.sum(resid ** 2) / (2 * n) + penalty


def gradient(w, b, X, y, lam):
    n = X.shape[0]
    pred = X.dot(w) + b
    resid = pred - y
    grad_w = X.T.dot(resid) / n + 2 * lam * w
    grad_b = np.sum(resid) / n
    return grad_w, grad_b


def example(rng):
    return rng.normal(size=(4, 1)), rng.normal(), rng.normal(size=(6, 4)), rng.normal(size=(6, 1)), 0.3


MISTAKES = [
    ("no 1/n in the gradient of the weights", {"X.T.dot(resid) / n": "X.T.dot(resid)"}, "factor", (), ("w",), "np.sum(resid ** 2) / (2 * n)"),
    ("residual the wrong way round in the backward pass (y - pred)", {"resid = pred - y": "resid = y - pred"}, "sign", (), ("w", "b"), "resid = pred - y"),
    ("the 2 of the derivative of w^2 forgotten", {"2 * lam * w": "lam * w"}, "factor", (), ("w",), "lam * np.sum(w ** 2)"),
    ("forgot the ridge penalty", {" + 2 * lam * w": ""}, "missing-term", (), ("w",), "lam * np.sum(w ** 2)"),
    ("penalised the intercept as well", {"np.sum(resid) / n": "np.sum(resid) / n + 2 * lam * b"}, "extra-term", (), ("b",), "lam * np.sum(w ** 2)"),
    ("gave the residuals for the intercept without summing them", {"np.sum(resid) / n": "resid / n"}, "unreduced", (), ("b",), "pred = X.dot(w) + b"),
    ("took np.mean for the intercept and still divided by n", {"np.sum(resid) / n": "np.mean(resid) / n"}, "mean-for-sum", ("factor",), ("b",), "pred = X.dot(w) + b"),
    ("returned the weights' gradient flattened", {"return grad_w, grad_b": "return grad_w.ravel(), grad_b"}, "shape", (), ("w",), "pred = X.dot(w) + b"),
    ("multiplied X.T by the prediction, not by the residual", {"X.T.dot(resid)": "X.T.dot(pred)"}, "wrong-operand", ("missing-term",), ("w",), "resid = pred - y"),
    ("differentiated the penalty as if it were the lasso's", {"2 * lam * w": "lam * np.sign(w)"}, "wrong-local-derivative", (), ("w",), "lam * np.sum(w ** 2)"),
]
