"""Logistic regression in the column convention (samples are columns), mean binary cross-entropy."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss(w, b, X, Y):
    m = X.shape[1]
    Z = w.T @ X + b
    A = sigmoid(Z)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    return cost


def gradient(w, b, X, Y):
    m = X.shape[1]
    Z = w.T @ X + b
    A = sigmoid(Z)
    dA = -(Y / A - (1 - Y) / (1 - A)) / m
    dZ = dA * A * (1 - A)
    dw = X @ dZ.T
    db = np.sum(dZ, axis=1, keepdims=True)
    return dw, db


def example(rng):
    Y = np.array([[1.0, 0, 0, 1, 1, 0, 1]])
    return 0.5 * rng.normal(size=(5, 1)), rng.normal(size=(1, 1)), rng.normal(size=(5, 7)), Y


COST = "cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m"
MISTAKES = [
    ("stopped before the sigmoid: dZ = dA", {"dA * A * (1 - A)": "dA"}, "missing-local-derivative", (), ("w", "b"), "A = sigmoid(Z)"),
    ("sigmoid's derivative with Z for A", {"dA * A * (1 - A)": "dA * Z * (1 - Z)"}, "wrong-argument", (), ("w", "b"), "A = sigmoid(Z)"),
    ("sigmoid applied again to its output in the derivative", {"dA * A * (1 - A)": "dA * sigmoid(A) * (1 - sigmoid(A))"}, "wrong-argument", (), ("w", "b"), "A = sigmoid(Z)"),
    ("derivative of tanh for the sigmoid", {"dA * A * (1 - A)": "dA * (1 - A ** 2)"}, "wrong-local-derivative", (), ("w", "b"), "A = sigmoid(Z)"),
    ("sigmoid's derivative without the incoming gradient", {"dA * A * (1 - A)": "A * (1 - A)"}, "missing-incoming", (), ("w", "b"), "A = sigmoid(Z)"),
    ("lost the minus of the cross-entropy", {"-(Y / A": "(Y / A"}, "sign", (), ("w", "b"), COST),
    ("plus for minus in the (1 - Y) log(1 - A) term", {"(Y / A - (1 - Y)": "(Y / A + (1 - Y)"}, "sign", (), ("w", "b"), COST),
    ("left out the (1 - Y) log(1 - A) term", {"(Y / A - (1 - Y) / (1 - A))": "(Y / A)"}, "missing-term", (), ("w", "b"), COST),
    ("forgot 1/m", {"(1 - A)) / m": "(1 - A))"}, "factor", (), ("w", "b"), COST),
    ("divided by m a second time in dw", {"X @ dZ.T": "X @ dZ.T / m"}, "factor", ("mean-for-sum",), ("w",), ""),
    ("dw as a row", {"X @ dZ.T": "dZ @ X.T"}, "transpose", ("shape",), ("w",), "Z = w.T @ X + b"),
    ("db as a scalar", {"np.sum(dZ, axis=1, keepdims=True)": "np.sum(dZ)"}, "shape", (), ("b",), "Z = w.T @ X + b"),
    ("db without keepdims", {"axis=1, keepdims=True": "axis=1"}, "shape", (), ("b",), "Z = w.T @ X + b"),
    ("db summed over the rows of the column convention", {"axis=1, keepdims=True": "axis=0, keepdims=True"}, "wrong-axis", ("unreduced",), ("b",), "Z = w.T @ X + b"),
    ("db averaged with 1/m already inside", {"np.sum(dZ, axis=1": "np.mean(dZ, axis=1"}, "mean-for-sum", ("factor",), ("b",), "Z = w.T @ X + b"),
    ("per-sample weight gradients", {"X @ dZ.T": "X * dZ"}, "unreduced", (), ("w",), "Z = w.T @ X + b"),
]
