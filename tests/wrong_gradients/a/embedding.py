"""Bag of words: embedding rows by (repeated) ids, mean pooling with a mask, linear layer, softmax cross-entropy."""

import numpy as np


def loss(E, W, b, ids, mask, y):
    tokens = E[ids]
    lengths = mask.sum(axis=1, keepdims=True)
    pooled = (tokens * mask[:, :, None]).sum(axis=1) / lengths
    logits = pooled @ W + b
    logZ = np.log(np.exp(logits).sum(axis=1))
    return np.mean(logZ - logits[np.arange(len(y)), y])


def gradient(E, W, b, ids, mask, y):
    n, T = ids.shape
    tokens = E[ids]
    lengths = mask.sum(axis=1, keepdims=True)
    pooled = (tokens * mask[:, :, None]).sum(axis=1) / lengths
    logits = pooled @ W + b
    P = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    onehot = np.eye(W.shape[1])[y]

    dlogits = (P - onehot) / n
    dW = pooled.T @ dlogits
    db = dlogits.sum(axis=0)
    dpooled = dlogits @ W.T
    dpooled = dpooled / lengths
    dtokens = np.repeat(dpooled[:, None, :], T, axis=1)
    dtokens = dtokens * mask[:, :, None]
    dE = np.zeros_like(E)
    np.add.at(dE, ids, dtokens)
    return dE, dW, db


def example(rng):
    ids = np.array([[1, 3, 3, 6], [0, 2, 1, 0], [5, 3, 7, 1], [2, 2, 2, 4], [8, 1, 0, 0], [4, 6, 3, 5]])
    mask = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 1.0]])
    return rng.normal(size=(9, 5)), rng.normal(size=(5, 3)), rng.normal(size=3), ids, mask, np.array([0, 2, 1, 1, 0, 2])


LOOK = "tokens = E[ids]"
POOL = "pooled = (tokens * mask[:, :, None]).sum(axis=1) / lengths"
LIN = "logits = pooled @ W + b"
CE = "return np.mean(logZ - logits[np.arange(len(y)), y])"
ALL = ("E", "W", "b")
MISTAKES = [
    ("dE[ids] = ...: the last occurrence of a word wins", {"np.add.at(dE, ids, dtokens)": "dE[ids] = dtokens"}, "index", ("missing-path",), ("E",), LOOK),
    ("dE[ids[:, t]] += ... per position: a word repeated in a column is added once", {"np.add.at(dE, ids, dtokens)": "for t in range(T):\n        dE[ids[:, t]] += dtokens[:, t]"}, "index", ("missing-path",), ("E",), LOOK),
    ("ids counted from one", {"np.add.at(dE, ids, dtokens)": "np.add.at(dE, ids - 1, dtokens)"}, "index", (), ("E",), LOOK),
    ("only the first word of every text gets a gradient", {"np.add.at(dE, ids, dtokens)": "np.add.at(dE, ids[:, 0], dtokens[:, 0])"}, "missing-path", ("partial", "missing-term"), ("E",), LOOK),
    ("row 0 kept at zero as if it were the padding word", {"    return dE": "    dE[0] = 0\n    return dE"}, "partial", (), ("E",), LOOK),
    ("gradients given per position, not scattered into the table", {"    return dE": "    dE = dtokens\n    return dE"}, "unreduced", ("shape",), ("E",), LOOK),
    ("mean pooling's 1/length forgotten", {"    dpooled = dpooled / lengths\n": ""}, "factor", (), ("E",), POOL),
    ("divided by the padded length", {"dpooled / lengths": "dpooled / T"}, "factor", (), ("E",), POOL),
    ("the mask not applied on the way back", {"    dtokens = dtokens * mask[:, :, None]\n": ""}, "missing-local-derivative", ("extra-term",), ("E",), POOL),
    ("updated W used for the words' gradient", {"    dpooled = dlogits": "    W = W - 0.5 * dW\n    dpooled = dlogits"}, "stale", (), ("E",), LIN),
    ("sum of the embeddings for their mean in dW", {"pooled.T @ dlogits": "tokens.sum(axis=1).T @ dlogits"}, "wrong-operand", (), ("W",), LIN),
    ("bias averaged", {"dlogits.sum(axis=0)": "dlogits.mean(axis=0)"}, "mean-for-sum", ("factor",), ("b",), LIN),
    ("bias per text", {"dlogits.sum(axis=0)": "dlogits"}, "unreduced", (), ("b",), LIN),
    ("batch mean forgotten", {"(P - onehot) / n": "P - onehot"}, "factor", (), ALL, CE),
    ("the log-partition's gradient left out", {"(P - onehot) / n": "-onehot / n"}, "missing-term", (), ALL, "logZ = np.log(np.exp(logits).sum(axis=1))"),
    ("label's part with the wrong sign", {"(P - onehot)": "(P + onehot)"}, "sign", (), ALL, CE),
    ("weight decay on the embedding rows that were looked up", {"    return dE": "    dE[np.unique(ids)] += 0.01 * E[np.unique(ids)]\n    return dE"}, "extra-term", (), ("E",), ""),
]
