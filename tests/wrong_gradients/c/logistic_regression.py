"""Logistic regression with the samples in columns (A = sigmoid(w^T X + b)), mean cross-entropy, L2 with lam / 2m."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss(w, b, X, Y, lam):
    m = X.shape[1]
    A = sigmoid(np.dot(w.T, X) + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    L2_cost = lam / (2 * m) * np.sum(np.square(w))
    return cost + L2_cost


def gradient(w, b, X, Y, lam):
    m = X.shape[1]
    Z = np.dot(w.T, X) + b
    A = sigmoid(Z)
    dA = -(Y / A - (1 - Y) / (1 - A))
    dZ = dA * A * (1 - A)
    dw = np.dot(X, dZ.T) / m + lam / m * w
    db = np.sum(dZ, axis=1, keepdims=True) / m
    return dw, db


def example(rng):
    Y = np.array([[1, 0, 0, 1, 1, 0, 1, 0]])
    return rng.normal(size=(5, 1)), rng.normal(size=(1, 1)), rng.normal(size=(5, 8)), Y, 0.8


MISTAKES = [
    ("did not go back through the sigmoid", {"dZ = dA * A * (1 - A)": "dZ = dA"}, "missing-local-derivative", (), ("w", "b"), "A = sigmoid(np.dot(w.T, X) + b)"),
    ("used A - Y as dA and multiplied by the sigmoid's derivative once more (squared error's formula)", {"dZ = dA * A": "dZ = (A - Y) * A"}, "wrong-local-derivative", (), ("w", "b"), "cost = -1 / m * np.sum("),
    ("forgot that the inner derivative of log(1 - A) is negative", {"Y / A - (1 - Y)": "Y / A + (1 - Y)"}, "sign", ("wrong-local-derivative",), ("w", "b"), "(1 - Y) * np.log(1 - A)"),
    ("sigmoid's derivative z(1 - z) evaluated at the pre-activation", {"dA * A * (1 - A)": "dA * Z * (1 - Z)"}, "wrong-argument", (), ("w", "b"), "A = sigmoid(np.dot(w.T, X) + b)"),
    ("weight decay not divided by m", {"lam / m * w": "lam * w"}, "factor", (), ("w",), "L2_cost = lam / (2 * m)"),
    ("row vector for the column w (dZ X^T)", {"np.dot(X, dZ.T) / m + lam / m * w": "np.dot(dZ, X.T) / m + lam / m * w.T"}, "transpose", (), ("w",), "np.dot(w.T, X)"),
    ("summed the bias over axis 0 although samples are in columns", {"axis=1": "axis=0"}, "wrong-axis", ("unreduced",), ("b",), "np.dot(w.T, X) + b"),
    ("only the positive examples' half of the cross-entropy", {" - (1 - Y) / (1 - A)": ""}, "missing-term", (), ("w", "b"), "(1 - Y) * np.log(1 - A)"),
    ("left the first weight out of the decay, as if it were the intercept", {"lam / m * w": "lam / m * np.vstack([np.zeros((1, 1)), w[1:]])"}, "partial", ("missing-term",), ("w",), "L2_cost = lam / (2 * m)"),
    ("bias summed to a scalar, for a (1, 1) parameter", {"np.sum(dZ, axis=1, keepdims=True) / m": "np.sum(dZ) / m"}, "shape", (), ("b",), "np.dot(w.T, X) + b"),
]
