"""Softmax regression with integer labels (indexing), mean cross-entropy and 0.5 reg ||W||^2 (CS231n style)."""

import numpy as np

REG = 0.2


def loss(W, b, X, y):
    n = X.shape[0]
    scores = X @ W + b
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    exps = np.exp(shifted)
    probs = exps / np.sum(exps, axis=1, keepdims=True)
    nll = -np.log(probs[np.arange(n), y])
    data_loss = np.sum(nll) / n
    reg_loss = 0.5 * REG * np.sum(W * W)
    return data_loss + reg_loss


def gradient(W, b, X, y):
    n = X.shape[0]
    scores = X @ W + b
    exps = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    probs = exps / np.sum(exps, axis=1)[:, None]
    dscores = probs.copy()
    dscores[np.arange(n), y] -= 1
    dscores /= n
    dW = X.T @ dscores
    dW += REG * W
    db = np.sum(dscores, axis=0)
    return dW, db


def example(rng):
    y = np.array([2, 0, 3, 1, 1, 0, 2])
    return rng.normal(size=(5, 4)), rng.normal(size=4), rng.normal(size=(7, 5)).astype(np.float32), y


MISTAKES = [
    ("forgot to divide by the number of samples", {"    dscores /= n\n": ""}, "factor", (), ("W", "b"), "data_loss = np.sum(nll) / n"),
    ("forgot to subtract one at the label", {"    dscores[np.arange(n), y] -= 1\n": ""}, "missing-term", (), ("W", "b"), "probs[np.arange(n), y]"),
    ("added one at the label", {"y] -= 1": "y] += 1"}, "sign", (), ("W", "b"), "probs[np.arange(n), y]"),
    ("subtracted one with [:, y] from whole columns", {"dscores[np.arange(n), y] -= 1": "dscores[:, y] -= 1"}, "index", (), ("W", "b"), "probs[np.arange(n), y]"),
    ("labels taken as counted from one", {"dscores[np.arange(n), y] -= 1": "dscores[np.arange(n), y - 1] -= 1"}, "index", (), ("W", "b"), "probs[np.arange(n), y]"),
    ("no gradient of the regulariser", {"    dW += REG * W\n": ""}, "missing-term", (), ("W",), "reg_loss = 0.5 * REG * np.sum(W * W)"),
    ("regulariser with 2 REG W despite the half", {"REG * W": "2 * REG * W"}, "factor", ("doubled-term",), ("W",), "reg_loss = 0.5 * REG * np.sum(W * W)"),
    ("regulariser added in the product and again afterwards", {"dW = X.T @ dscores": "dW = X.T @ dscores + REG * W"}, "doubled-term", ("factor",), ("W",), "reg_loss = 0.5 * REG * np.sum(W * W)"),
    ("bias decayed like the weights", {"db = np.sum(dscores, axis=0)": "db = np.sum(dscores, axis=0) + REG * b"}, "extra-term", (), ("b",), ""),
    ("probabilities normalised over the batch", {"np.sum(exps, axis=1)[:, None]": "np.sum(exps, axis=0)"}, "wrong-axis", (), ("W", "b"), "probs = exps / np.sum(exps, axis=1, keepdims=True)"),
    ("bias's gradient summed over the classes", {"np.sum(dscores, axis=0)": "np.sum(dscores, axis=1)"}, "wrong-axis", (), ("b",), "scores = X @ W + b"),
    ("bias's gradient averaged", {"np.sum(dscores, axis=0)": "np.mean(dscores, axis=0)"}, "mean-for-sum", ("factor",), ("b",), "scores = X @ W + b"),
    ("returned dW transposed", {"return dW, db": "return dW.T, db"}, "transpose", (), ("W",), "scores = X @ W + b"),
    ("softmax's denominator treated as a constant", {"dscores = probs.copy()": "dscores = np.zeros_like(probs)"}, "missing-term", (), ("W", "b"), "probs = exps / np.sum(exps, axis=1, keepdims=True)"),
    ("softmax differentiated like a sigmoid: p(1-p) on the diagonal only", {"    dscores[np.arange(n), y] -= 1\n": "    dprobs = np.zeros_like(probs)\n    dprobs[np.arange(n), y] = -1 / probs[np.arange(n), y]\n    dscores = dprobs * probs * (1 - probs)\n"}, "wrong-local-derivative", ("missing-term", "partial"), ("W", "b"), "probs = exps / np.sum(exps, axis=1, keepdims=True)"),
    ("last class forgotten in the loop over classes", {"    dW += REG * W": "    dW[:, 3] = 0\n    dW += REG * W"}, "partial", (), ("W",), "scores = X @ W + b"),
]
