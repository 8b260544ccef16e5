"""Single-head self-attention with a residual connection, mean squared error."""

import numpy as np


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    tot = e.sum(axis=-1, keepdims=True)
    return e / tot


def loss(X, Wq, Wk, Wv, T):
    Q = X @ Wq
    K = X @ Wk
    V = X @ Wv
    scores = Q @ K.T
    scaled = scores / np.sqrt(Wq.shape[1])
    A = softmax(scaled)
    O = A @ V
    Y = X + O
    return np.mean((Y - T) ** 2)


def gradient(X, Wq, Wk, Wv, T):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    A = softmax(Q @ K.T / np.sqrt(Wq.shape[1]))
    Y = X + A @ V
    dY = 2 * (Y - T) / Y.size
    dV = A.T @ dY
    dA = dY @ V.T
    dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True))
    dS = dS / np.sqrt(Wk.shape[1])
    dQ = dS @ K
    dK = dS.T @ Q
    dX = dY + dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
    return dX, X.T @ dQ, X.T @ dK, X.T @ dV


def example(rng):
    return (rng.normal(size=(6, 5)), rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=(5, 5)),
            rng.normal(size=(6, 5)))


MISTAKES = [
    ("scaled the scores forward only", {"    dS = dS / np.sqrt(Wk.shape[1])\n": ""}, "factor", ("missing-local-derivative",), ("X", "Wq", "Wk"), "scaled = scores / np.sqrt(Wq.shape[1])"),
    ("softmax backward without the sum: its denominator held fixed", {"(dA - np.sum(dA * A, axis=1, keepdims=True))": "dA"}, "missing-term", ("wrong-local-derivative",), ("X", "Wq", "Wk"), "tot = e.sum(axis=-1, keepdims=True)"),
    ("dS not transposed for the keys", {"dS.T @ Q": "dS @ Q"}, "transpose", (), ("X", "Wk"), "scores = Q @ K.T"),
    ("attention weights not transposed for the values", {"A.T @ dY": "A @ dY"}, "transpose", (), ("X", "Wv"), "O = A @ V"),
    ("the keys' way back to X forgotten", {" + dK @ Wk.T": ""}, "missing-path", (), ("X",), "K = X @ Wk"),
    ("softmax backward summed down the columns", {"np.sum(dA * A, axis=1": "np.sum(dA * A, axis=0"}, "wrong-axis", (), ("X", "Wq", "Wk"), "tot = e.sum(axis=-1, keepdims=True)"),
    ("residual connection forgotten", {"dX = dY + dQ": "dX = dQ"}, "missing-path", (), ("X",), "Y = X + O"),
]
