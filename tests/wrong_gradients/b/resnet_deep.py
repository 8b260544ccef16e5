"""Deep residual tanh network, weights stacked (layers, d, d); batch size equals the width on purpose."""

import numpy as np


def loss(W, b, V, c, X, T):
    H = X
    for l in range(W.shape[0]):
        Z = H @ W[l] + b[l]
        H = H + np.tanh(Z)
    out = H @ V + c
    return 0.5 * np.sum((out - T) ** 2) / X.shape[0]


def gradient(W, b, V, c, X, T):
    L, n = len(W), len(X)
    Hs, As = [X], []
    for l in range(L):
        As.append(np.tanh(Hs[-1] @ W[l] + b[l]))
        Hs.append(Hs[-1] + As[-1])
    dout = (Hs[-1] @ V + c - T) / n
    dV = Hs[-1].T @ dout
    dc = dout.sum(axis=0)
    dH = dout @ V.T
    dW, db = np.zeros_like(W), np.zeros_like(b)
    for l in reversed(range(L)):
        dZ = dH * (1 - As[l] ** 2)
        dW[l] = Hs[l].T @ dZ
        db[l] = dZ.sum(axis=0)
        dH = dH + dZ @ W[l].T
    return dW, db, dV, dc, dH


def example(rng):
    W = rng.normal(size=(3, 4, 4)) / 2
    b = rng.normal(size=(3, 4))
    return W, b, rng.normal(size=(4, 2)), rng.normal(size=2), rng.normal(size=(4, 4)), rng.normal(size=(4, 2))


MISTAKES = [
    ("skip connection forgotten in the backward pass", {"dH = dH + dZ @": "dH = dZ @"}, "missing-path", (), ("W", "b", "X"), "H = H + np.tanh(Z)"),
    ("gradient sent through the skip connection only", {"dH = dH + dZ @ W[l].T": "dH = dH"}, "missing-path", (), ("W", "b", "X"), "Z = H @ W[l] + b[l]"),
    ("W[l] not transposed going back", {"dZ @ W[l].T": "dZ @ W[l]"}, "transpose", (), ("W", "b", "X"), "Z = H @ W[l] + b[l]"),
    ("H not transposed in dW (batch and width happen to agree)", {"Hs[l].T @ dZ": "Hs[l] @ dZ"}, "transpose", (), ("W",), "Z = H @ W[l] + b[l]"),
    ("1 - H^2 with the block's output, after adding the skip", {"(1 - As[l] ** 2)": "(1 - Hs[l + 1] ** 2)"}, "wrong-argument", ("wrong-operand",), ("W", "b", "X"), "H = H + np.tanh(Z)"),
    ("tanh applied a second time inside the derivative", {"(1 - As[l] ** 2)": "(1 - np.tanh(As[l]) ** 2)"}, "wrong-argument", (), ("W", "b", "X"), "H = H + np.tanh(Z)"),
    ("layer's output for its input in dW: off by one", {"Hs[l].T @ dZ": "Hs[l + 1].T @ dZ"}, "index", ("wrong-operand",), ("W",), "Z = H @ W[l] + b[l]"),
    ("updated each layer before propagating through it", {"dH = dH + dZ @ W[l].T": "dH = dH + dZ @ (W[l] - 0.1 * dW[l]).T"}, "stale", (), ("W", "b", "X"), "Z = H @ W[l] + b[l]"),
    ("kept a 2 for the square although there is a 1/2", {"- T) / n": "- T) * 2 / n"}, "factor", (), ("W", "b", "V", "c", "X"), "0.5 * np.sum((out - T) ** 2)"),
    ("dH += dH + ...: the skip counted twice", {"dH = dH + dZ": "dH += dH + dZ"}, "doubled-term", ("factor",), ("W", "b", "X"), "H = H + np.tanh(Z)"),
    ("db summed over the features", {"dZ.sum(axis=0)": "dZ.sum(axis=1)"}, "wrong-axis", (), ("b",), "Z = H @ W[l] + b[l]"),
]
