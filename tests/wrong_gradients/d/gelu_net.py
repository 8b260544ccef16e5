"""Transformer feed-forward block x + gelu(x W1 + b1) W2 + b2 with the tanh form of GELU."""

import numpy as np

C = np.sqrt(2 / np.pi)


def gelu(h):
    u = C * (h + 0.044715 * h ** 3)
    t = np.tanh(u)
    return 0.5 * h * (1 + t)


def loss(x, W1, b1, W2, b2, y):
    h = x @ W1 + b1
    a = gelu(h)
    f = a @ W2 + b2
    out = x + f
    return ((out - y) ** 2).mean()


def gradient(x, W1, b1, W2, b2, y):
    h = x @ W1 + b1
    u = C * (h + 0.044715 * h ** 3)
    t = np.tanh(u)
    a = 0.5 * h * (1 + t)
    out = x + a @ W2 + b2
    dout = 2 * (out - y) / out.size
    dW2 = a.T @ dout
    db2 = dout.sum(0)
    da = dout @ W2.T
    du = C * (1 + 3 * 0.044715 * h ** 2)
    dh = da * (0.5 * (1 + t) + 0.5 * h * (1 - t ** 2) * du)
    dW1 = x.T @ dh
    db1 = dh.sum(0)
    dx = dout + dh @ W1.T
    return dx, dW1, db1, dW2, db2


def example(rng):
    return (rng.normal(size=(5, 4)), rng.normal(size=(4, 7)), rng.normal(size=7), rng.normal(size=(7, 4)),
            rng.normal(size=4), rng.normal(size=(5, 4)))


MISTAKES = [
    ("product rule stopped after its first half", {" + 0.5 * h * (1 - t ** 2) * du": ""}, "missing-term", ("wrong-local-derivative",), ("x", "W1", "b1"), "0.5 * h * (1 + t)"),
    ("lost the 3 of the cube's derivative", {"3 * 0.044715 * h ** 2": "0.044715 * h ** 2"}, "factor", ("wrong-local-derivative",), ("x", "W1", "b1"), "u = C * (h + 0.044715 * h ** 3)"),
    ("1 - u² with u before the tanh", {"(1 - t ** 2)": "(1 - u ** 2)"}, "wrong-argument", (), ("x", "W1", "b1"), "t = np.tanh(u)"),
    ("the ReLU's derivative kept after changing to GELU", {"(0.5 * (1 + t) + 0.5 * h * (1 - t ** 2) * du)": "(h > 0)"}, "wrong-local-derivative", (), ("x", "W1", "b1"), "a = gelu(h)"),
    ("counted the skip connection twice", {"dx = dout + dh": "dx = dout + dout + dh"}, "doubled-term", (), ("x",), "out = x + f"),
    ("W2 stepped before it was used for the hidden error", {"    da = dout": "    W2 = W2 - 0.2 * dW2\n    da = dout"}, "stale", (), ("x", "W1", "b1"), "f = a @ W2 + b2"),
    ("took the mean for the hidden bias", {"dh.sum(0)": "dh.mean(0)"}, "mean-for-sum", ("factor",), ("b1",), "h = x @ W1 + b1"),
]
