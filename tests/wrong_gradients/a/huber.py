"""Robust regression: Huber loss plus a smooth L1 (sqrt) penalty on the slopes, multiplied by a learned scale exp(-s),
with the regulariser s: heteroscedastic noise as in Kendall and Gal."""

import numpy as np

DELTA = 0.8
LAM = 0.05


def huber(r):
    a = np.abs(r)
    return np.where(a <= DELTA, 0.5 * r ** 2, DELTA * (a - 0.5 * DELTA))


def loss(W, b, s, X, Y):
    pred = X @ W + b
    r = pred - Y
    per_output = huber(r).mean(axis=0)
    nll = np.sum(np.exp(-s) * per_output + s)
    penalty = LAM * np.sum(np.sqrt(W ** 2 + 1e-2))
    return nll + penalty


def gradient(W, b, s, X, Y):
    n = len(X)
    r = X @ W + b - Y
    inside = np.abs(r) <= DELTA
    per_output = np.where(inside, 0.5 * r ** 2, DELTA * (np.abs(r) - 0.5 * DELTA)).mean(axis=0)
    ds = 1 - np.exp(-s) * per_output
    dr = np.where(inside, r, DELTA * np.sign(r))
    dr = dr * np.exp(-s) / n
    dW = X.T @ dr
    dW = dW + LAM * W / np.sqrt(W ** 2 + 1e-2)
    db = np.sum(dr, axis=0)
    return dW, db, ds


def example(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=3), 0.5 * rng.normal(size=3), rng.normal(size=(7, 5)), rng.normal(size=(7, 3))


HUBER = "return np.where(a <= DELTA, 0.5 * r ** 2, DELTA * (a - 0.5 * DELTA))"
NLL = "nll = np.sum(np.exp(-s) * per_output + s)"
PEN = "penalty = LAM * np.sum(np.sqrt(W ** 2 + 1e-2))"
LIN = "pred = X @ W + b"
BOTH = ("W", "b")
MISTAKES = [
    ("outliers' branch without delta", {"DELTA * np.sign(r))": "np.sign(r))"}, "factor", ("wrong-local-derivative",), BOTH, HUBER),
    ("outliers' branch without the sign", {"DELTA * np.sign(r))": "DELTA)"}, "wrong-local-derivative", ("sign", "missing-local-derivative"), BOTH, HUBER),
    ("squared error's derivative also outside delta", {"np.where(inside, r, DELTA * np.sign(r))": "r"}, "wrong-local-derivative", ("partial",), BOTH, HUBER),
    ("2 r inside, in spite of the half", {"np.where(inside, r,": "np.where(inside, 2 * r,"}, "factor", ("wrong-local-derivative",), BOTH, HUBER),
    ("outliers given no gradient", {"DELTA * np.sign(r))": "0)"}, "partial", ("missing-path", "wrong-local-derivative"), BOTH, HUBER),
    ("branches exchanged", {"np.where(inside, r, DELTA * np.sign(r))": "np.where(inside, DELTA * np.sign(r), r)"}, "wrong-local-derivative", (), BOTH, HUBER),
    ("residual the other way round", {"np.where(inside, r, DELTA * np.sign(r))": "np.where(inside, -r, -DELTA * np.sign(r))"}, "sign", (), BOTH, "r = pred - Y"),
    ("not averaged over the batch", {"np.exp(-s) / n": "np.exp(-s)"}, "factor", (), BOTH, "per_output = huber(r).mean(axis=0)"),
    ("precision exp(-s) not carried back", {"dr * np.exp(-s) / n": "dr / n"}, "missing-local-derivative", ("factor",), BOTH, NLL),
    ("exp(s) for exp(-s)", {"dr * np.exp(-s)": "dr * np.exp(s)"}, "wrong-argument", ("wrong-operand", "sign"), BOTH, NLL),
    ("minus of exp(-s) forgotten in ds", {"1 - np.exp(-s)": "1 + np.exp(-s)"}, "sign", (), ("s",), NLL),
    ("the regularising + s left out of ds", {"1 - np.exp(-s)": "-np.exp(-s)"}, "missing-term", (), ("s",), NLL),
    ("ds without the losses it multiplies", {"np.exp(-s) * per_output": "np.exp(-s)"}, "missing-incoming", ("factor", "missing-local-derivative"), ("s",), NLL),
    ("penalty's gradient as that of the plain square", {"LAM * W / np.sqrt(W ** 2 + 1e-2)": "2 * LAM * W"}, "missing-local-derivative", ("wrong-local-derivative",), ("W",), PEN),
    ("half of the root's derivative, chain rule's 2 W forgotten", {"LAM * W / np.sqrt": "LAM * 0.5 / np.sqrt"}, "missing-local-derivative", (), ("W",), PEN),
    ("no gradient of the penalty", {"    dW = dW + LAM * W / np.sqrt(W ** 2 + 1e-2)\n": ""}, "missing-term", (), ("W",), PEN),
    ("penalty's gradient added to itself", {"LAM * W /": "2 * LAM * W /"}, "doubled-term", ("factor",), ("W",), PEN),
    ("bias penalised too", {"np.sum(dr, axis=0)": "np.sum(dr, axis=0) + LAM * b / np.sqrt(b ** 2 + 1e-2)"}, "extra-term", (), ("b",), ""),
    ("bias averaged", {"np.sum(dr, axis=0)": "np.mean(dr, axis=0)"}, "mean-for-sum", ("factor",), ("b",), LIN),
    ("bias summed over everything", {"np.sum(dr, axis=0)": "np.sum(dr)"}, "wrong-axis", ("shape",), ("b",), LIN),
    ("residuals of the second backward pass at updated weights", {"    db = ": "    W = W - 0.5 * dW\n    r = X @ W + b - Y\n    dr = np.clip(r, -DELTA, DELTA) * np.exp(-s) / n\n    db = "}, "stale", (), ("b",), ""),
]
