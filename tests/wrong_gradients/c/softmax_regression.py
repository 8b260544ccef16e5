"""Softmax regression in loops over samples and classes, integer labels, temperature T, weight decay reg * sum(W * W)."""

import numpy as np


def loss(W, b, X, y, reg, T):
    num_train = X.shape[0]
    total = 0.0
    for i in range(num_train):
        scores = (X[i].dot(W) + b) / T
        scores = scores - np.max(scores)
        p = np.exp(scores) / np.sum(np.exp(scores))
        total = total - np.log(p[y[i]])
    total = total / num_train
    return total + reg * np.sum(W * W)


def gradient(W, b, X, y, reg, T):
    num_train = X.shape[0]
    dW = np.zeros_like(W)
    db = np.zeros_like(b)
    for i in range(num_train):
        scores = (X[i].dot(W) + b) / T
        scores -= np.max(scores)
        p = np.exp(scores) / np.sum(np.exp(scores))
        for j in range(W.shape[1]):
            dscore = p[j] - (1 if j == y[i] else 0)
            dW[:, j] += X[i] * dscore / T
            db[j] += dscore / T
    dW = dW / num_train + 2 * reg * W
    db = db / num_train
    return dW, db


def example(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=(6, 4)), np.array([0, 2, 1, 1, 0, 2]), 0.05, 0.7


MISTAKES = [
    ("never subtracted 1 at the correct class", {"p[j] - (1 if j == y[i] else 0)": "p[j]"}, "missing-term", (), ("W", "b"), "np.log(p[y[i]])"),
    ("= instead of += for the columns of dW, so only the last sample counts", {"dW[:, j] += X[i]": "dW[:, j] = X[i]"}, "missing-path", ("index",), ("W",), "X[i].dot(W)"),
    ("temperature left out of the backward pass", {"X[i] * dscore / T": "X[i] * dscore", "db[j] += dscore / T": "db[j] += dscore"}, "factor", ("missing-local-derivative",), ("W", "b"), "+ b) / T"),
    ("multiplied by the temperature instead of dividing", {"X[i] * dscore / T": "X[i] * dscore * T"}, "factor", (), ("W",), "+ b) / T"),
    ("forgot to average dW over the training set", {"dW / num_train": "dW"}, "factor", (), ("W",), "total = total / num_train"),
    ("took reg * W for the gradient of reg * sum(W * W)", {"2 * reg * W": "reg * W"}, "factor", (), ("W",), "reg * np.sum(W * W)"),
    ("skipped the correct class altogether (as in the SVM loop)", {"p[j] - (1 if j == y[i] else 0)": "p[j] if j != y[i] else 0.0"}, "partial", ("missing-term", "missing-path"), ("W", "b"), "np.log(p[y[i]])"),
    ("indicator minus probability: gradient of the log-likelihood", {"p[j] - (1 if j == y[i] else 0)": "(1 if j == y[i] else 0) - p[j]"}, "sign", (), ("W", "b"), "total = total - np.log(p[y[i]])"),
    ("treated the labels as 1-based", {"j == y[i]": "j == y[i] - 1"}, "index", (), ("W", "b"), "np.log(p[y[i]])"),
    ("divided the bias by the number of classes", {"db / num_train": "db / W.shape[1]"}, "factor", (), ("b",), "total = total / num_train"),
]
