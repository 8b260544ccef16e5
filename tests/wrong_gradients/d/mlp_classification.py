"""Two-layer ReLU classifier, samples in columns, softmax over rows, L2 penalty lam / 2m as in the course notes."""

import numpy as np


def softmax(Z):
    E = np.exp(Z - np.max(Z, axis=0, keepdims=True))
    return E / np.sum(E, axis=0, keepdims=True)


def loss(W1, b1, W2, b2, X, Y, lam):
    m = X.shape[1]
    Z1 = np.dot(W1, X) + b1
    A1 = np.maximum(0, Z1)
    Z2 = np.dot(W2, A1) + b2
    A2 = softmax(Z2)
    cost = -(1 / m) * np.sum(Y * np.log(A2))
    l2 = lam / (2 * m) * (np.sum(W1 ** 2) + np.sum(W2 ** 2))
    return cost + l2


def gradient(W1, b1, W2, b2, X, Y, lam):
    m = X.shape[1]
    Z1 = np.dot(W1, X) + b1
    A1 = np.maximum(0, Z1)
    Z2 = np.dot(W2, A1) + b2
    A2 = softmax(Z2)
    dZ2 = (A2 - Y) / m
    dW2 = np.dot(dZ2, A1.T) + lam / m * W2
    db2 = np.sum(dZ2, axis=1, keepdims=True)
    dA1 = np.dot(W2.T, dZ2)
    dZ1 = dA1 * (Z1 > 0)
    dW1 = np.dot(dZ1, X.T) + lam / m * W1
    db1 = np.sum(dZ1, axis=1, keepdims=True)
    return dW1, db1, dW2, db2


def example(rng):
    Y = np.eye(3)[:, rng.integers(0, 3, 8)]
    return (rng.normal(size=(5, 4)), rng.normal(size=(5, 1)), rng.normal(size=(3, 5)), rng.normal(size=(3, 1)),
            rng.normal(size=(4, 8)), Y, 0.7)


MISTAKES = [
    ("summed the hidden bias's gradient over the units instead of the samples", {"np.sum(dZ1, axis=1": "np.sum(dZ1, axis=0"}, "wrong-axis", (), ("b1",), "Z1 = np.dot(W1, X) + b1"),
    ("forgot that the penalty is divided by m", {"lam / m * W2": "lam * W2"}, "factor", (), ("W2",), "l2 = lam / (2 * m)"),
    ("tanh's derivative although the units are ReLUs", {"(Z1 > 0)": "(1 - A1 ** 2)"}, "wrong-local-derivative", (), ("W1", "b1"), "A1 = np.maximum(0, Z1)"),
    ("left the ReLU's mask out", {"dZ1 = dA1 * (Z1 > 0)": "dZ1 = dA1"}, "missing-local-derivative", (), ("W1", "b1"), "A1 = np.maximum(0, Z1)"),
    ("added the penalty's gradient again at the end", {"    return": "    dW1 += lam / m * W1\n    return"}, "doubled-term", ("factor",), ("W1",), "l2 = lam / (2 * m)"),
    ("only the ReLU's mask, without the error from above", {"dA1 * (Z1 > 0)": "1.0 * (Z1 > 0)"}, "missing-incoming", (), ("W1", "b1"), "A1 = np.maximum(0, Z1)"),
    ("Z1 for A1 in dW2", {"np.dot(dZ2, A1.T)": "np.dot(dZ2, Z1.T)"}, "wrong-operand", (), ("W2",), "Z2 = np.dot(W2, A1) + b2"),
]
