"""Two-layer perceptron with tanh, half the mean squared error over all entries."""

import numpy as np


def loss(W1, b1, W2, b2, X, Y):
    z1 = X @ W1 + b1
    h = np.tanh(z1)
    out = h @ W2 + b2
    return 0.5 * np.mean((out - Y) ** 2)


def gradient(W1, b1, W2, b2, X, Y):
    # forward
    z1 = X @ W1 + b1
    h = np.tanh(z1)
    out = h @ W2 + b2
    # backward
    dout = (out - Y) / Y.size
    dW2 = h.T @ dout
    db2 = dout.sum(axis=0)
    dh = dout @ W2.T
    dz1 = dh * (1 - h ** 2)
    dW1 = X.T @ dz1
    db1 = dz1.sum(axis=0)
    return dW1, db1, dW2, db2


def example(rng):
    return (rng.normal(size=(5, 6)), rng.normal(size=6), rng.normal(size=(6, 3)), rng.normal(size=3),
            rng.normal(size=(7, 5)), rng.normal(size=(7, 3)))


TANH = "h = np.tanh(z1)"
ALL = ("W1", "b1", "W2", "b2")
MISTAKES = [
    ("1 - z1^2 for 1 - h^2", {"1 - h ** 2": "1 - z1 ** 2"}, "wrong-argument", (), ("W1", "b1"), TANH),
    ("tanh applied twice in the derivative", {"1 - h ** 2": "1 - np.tanh(h) ** 2"}, "wrong-argument", (), ("W1", "b1"), TANH),
    ("left out tanh's derivative", {"dh * (1 - h ** 2)": "dh"}, "missing-local-derivative", (), ("W1", "b1"), TANH),
    ("forgot the square: 1 - h", {"1 - h ** 2": "1 - h"}, "wrong-local-derivative", (), ("W1", "b1"), TANH),
    ("the sigmoid's derivative h(1-h)", {"(1 - h ** 2)": "h * (1 - h)"}, "wrong-local-derivative", (), ("W1", "b1"), TANH),
    ("tanh's derivative alone, dh not multiplied in", {"dh * (1 - h ** 2)": "(1 - h ** 2)"}, "missing-incoming", (), ("W1", "b1"), TANH),
    ("z1 for h in dW2", {"h.T @ dout": "z1.T @ dout"}, "wrong-operand", (), ("W2",), "out = h @ W2 + b2"),
    ("dh for dz1 in dW1", {"X.T @ dz1": "X.T @ dh"}, "wrong-operand", ("missing-local-derivative",), ("W1",), TANH),
    ("W2 updated before going further back", {"    dh = dout": "    W2 = W2 - 0.5 * dW2\n    dh = dout"}, "stale", (), ("W1", "b1"), "out = h @ W2 + b2"),
    ("divided by the batch only, not by the outputs", {"/ Y.size": "/ len(Y)"}, "factor", (), ALL, "return 0.5 * np.mean((out - Y) ** 2)"),
    ("a 2 in spite of the half", {"(out - Y) / Y.size": "2 * (out - Y) / Y.size"}, "factor", (), ALL, "return 0.5 * np.mean((out - Y) ** 2)"),
    ("target minus output", {"(out - Y)": "(Y - out)"}, "sign", (), ALL, "return 0.5 * np.mean((out - Y) ** 2)"),
    ("db1 per sample", {"dz1.sum(axis=0)": "dz1"}, "unreduced", (), ("b1",), "z1 = X @ W1 + b1"),
    ("db1 summed over the hidden units", {"dz1.sum(axis=0)": "dz1.sum(axis=1)"}, "wrong-axis", (), ("b1",), "z1 = X @ W1 + b1"),
    ("db2 averaged", {"dout.sum(axis=0)": "dout.mean(axis=0)"}, "mean-for-sum", ("factor",), ("b2",), "out = h @ W2 + b2"),
    ("dW1 as dz1^T X", {"X.T @ dz1": "dz1.T @ X"}, "transpose", (), ("W1",), "z1 = X @ W1 + b1"),
    ("the last hidden unit's row of dW2 not filled", {"    db2 =": "    dW2[-1] = 0\n    db2 ="}, "partial", (), ("W2",), "out = h @ W2 + b2"),
]
