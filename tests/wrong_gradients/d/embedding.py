"""Next-word model: averaged embeddings, a tanh layer, and the same embeddings as output weights."""

import numpy as np


def log_softmax(S):
    S = S - S.max(axis=1, keepdims=True)
    return S - np.log(np.exp(S).sum(axis=1, keepdims=True))


def loss(E, W, b, tokens, nxt):
    vecs = E[tokens]
    pooled = vecs.mean(axis=1)
    pre = pooled @ W
    hid = np.tanh(pre)
    S = hid @ E.T + b
    logp = log_softmax(S)
    return -np.mean(logp[np.arange(len(nxt)), nxt])


def gradient(E, W, b, tokens, nxt):
    n, L = tokens.shape
    pooled = E[tokens].mean(axis=1)
    hid = np.tanh(pooled @ W)
    expS = np.exp(hid @ E.T + b)
    dS = expS / expS.sum(axis=1, keepdims=True)
    dS[np.arange(n), nxt] -= 1
    dS /= n
    db = dS.sum(axis=0)
    dE = dS.T @ hid
    dhid = dS @ E
    dpre = dhid * (1 - hid ** 2)
    dW = pooled.T @ dpre
    dpooled = dpre @ W.T
    dvecs = np.repeat(dpooled[:, None, :] / L, L, axis=1)
    np.add.at(dE, tokens, dvecs)
    return dE, dW, db


def example(rng):
    tokens = np.array([[1, 4, 4], [0, 2, 1], [6, 4, 2], [3, 3, 0], [5, 1, 6]])
    nxt = np.array([2, 0, 5, 5, 3])
    return rng.normal(size=(7, 4)), rng.normal(size=(4, 4)), rng.normal(size=7), tokens, nxt


MISTAKES = [
    ("fancy-indexed += where words repeat", {"np.add.at(dE, tokens, dvecs)": "dE[tokens] += dvecs"}, "index", (), ("E",), "vecs = E[tokens]"),
    ("forgot that the embeddings are the output weights too", {"dE = dS.T @ hid": "dE = np.zeros_like(E)"}, "missing-path", (), ("E",), "S = hid @ E.T + b"),
    ("forgot the average over the context", {"dpooled[:, None, :] / L": "dpooled[:, None, :]"}, "factor", (), ("E",), "pooled = vecs.mean(axis=1)"),
    ("W not transposed", {"dpre @ W.T": "dpre @ W"}, "transpose", (), ("E",), "pre = pooled @ W"),
    ("zeroed row 0 as padding, which the loss doesn't", {"    return": "    dE[0] = 0\n    return"}, "partial", (), ("E",), ""),
    ("softmax normalised over the batch", {"expS.sum(axis=1": "expS.sum(axis=0"}, "wrong-axis", (), ("E", "W", "b"), "np.exp(S).sum(axis=1, keepdims=True)"),
    ("tanh's derivative alone, without the error", {"dhid * (1 - hid ** 2)": "1 - hid ** 2"}, "missing-incoming", (), ("E", "W"), "hid = np.tanh(pre)"),
]
