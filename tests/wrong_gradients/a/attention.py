"""Single-head self-attention, softmax(Q K^T / sqrt(d)) V, squared error against a target."""

import numpy as np


def softmax(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


def loss(Wq, Wk, Wv, X, T):
    Q = X @ Wq
    K = X @ Wk
    V = X @ Wv
    d = Q.shape[-1]
    S = Q @ K.T / np.sqrt(d)
    A = softmax(S)
    O = A @ V
    return 0.5 * np.sum((O - T) ** 2) / len(X)


def gradient(Wq, Wk, Wv, X, T):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    d = Q.shape[-1]
    S = Q @ K.T / np.sqrt(d)
    A = softmax(S)
    O = A @ V

    dO = (O - T) / len(X)
    dV = A.T @ dO
    dA = dO @ V.T
    dS = A * (dA - (dA * A).sum(axis=1, keepdims=True))
    dS = dS / np.sqrt(d)
    dQ = dS @ K
    dK = dS.T @ Q
    dWq = X.T @ dQ
    dWk = X.T @ dK
    dWv = X.T @ dV
    dX = dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
    return dWq, dWk, dWv, dX


def example(rng):
    return (rng.normal(size=(5, 4)), rng.normal(size=(5, 4)), rng.normal(size=(5, 3)), rng.normal(size=(7, 5)),
            rng.normal(size=(7, 3)))


SOFT = "return E / E.sum(axis=-1, keepdims=True)"
SCORE = "S = Q @ K.T / np.sqrt(d)"
QKX = ("Wq", "Wk", "X")
MISTAKES = [
    ("1/sqrt(d) not carried back", {"    dS = dS / np.sqrt(d)\n": ""}, "factor", (), QKX, SCORE),
    ("divided by d, not by its root", {"dS / np.sqrt(d)": "dS / d"}, "factor", (), QKX, SCORE),
    ("the attention matrix not transposed in dV (square)", {"A.T @ dO": "A @ dO"}, "transpose", (), ("Wv", "X"), "O = A @ V"),
    ("dS not transposed for the keys (square)", {"dS.T @ Q": "dS @ Q"}, "transpose", (), ("Wk", "X"), SCORE),
    ("dS transposed for the queries (square)", {"dQ = dS @ K": "dQ = dS.T @ K"}, "transpose", (), ("Wq", "X"), SCORE),
    ("softmax passed over: dS = dA", {"dS = A * (dA - (dA * A).sum(axis=1, keepdims=True))": "dS = dA"}, "missing-local-derivative", (), QKX, SOFT),
    ("softmax's derivative as A(1 - A), without the cross terms", {"A * (dA - (dA * A).sum(axis=1, keepdims=True))": "dA * A * (1 - A)"}, "wrong-local-derivative", ("missing-term",), QKX, SOFT),
    ("softmax's denominator treated as a constant", {"(dA - (dA * A).sum(axis=1, keepdims=True))": "dA"}, "missing-term", (), QKX, SOFT),
    ("softmax's sum over the columns", {"(dA * A).sum(axis=1, keepdims=True)": "(dA * A).sum(axis=0, keepdims=True)"}, "wrong-axis", (), QKX, SOFT),
    ("softmax's derivative at the scores", {"dS = A * (dA - (dA * A)": "dS = S * (dA - (dA * S)"}, "wrong-argument", (), QKX, SOFT),
    ("Q and K exchanged in their gradients", {"dQ = dS @ K": "dQ = dS @ Q", "dS.T @ Q": "dS.T @ K"}, "wrong-operand", (), QKX, SCORE),
    ("dX without the path through the values", {" + dV @ Wv.T": ""}, "missing-path", ("missing-term",), ("X",), "V = X @ Wv"),
    ("dX without the path through the keys", {" + dK @ Wk.T": ""}, "missing-path", ("missing-term",), ("X",), "K = X @ Wk"),
    ("dX through the queries only", {" + dK @ Wk.T + dV @ Wv.T": ""}, "missing-path", ("missing-term",), ("X",), ""),
    ("a decay term for X that the loss hasn't got", {"+ dV @ Wv.T": "+ dV @ Wv.T + 0.1 * X"}, "extra-term", (), ("X",), ""),
    ("target minus output", {"(O - T)": "(T - O)"}, "sign", (), ("Wq", "Wk", "Wv", "X"), "return 0.5 * np.sum((O - T) ** 2) / len(X)"),
    ("wrong weights in the keys' path: Wq for Wk", {"dK @ Wk.T": "dK @ Wq.T"}, "wrong-operand", (), ("X",), "K = X @ Wk"),
    ("queries' path counted for the keys too", {"dQ @ Wq.T + dK": "2 * dQ @ Wq.T + dK"}, "doubled-term", ("factor",), ("X",), "Q = X @ Wq"),
]
