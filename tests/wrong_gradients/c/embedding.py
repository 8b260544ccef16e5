"""CBOW with tied weights: averaged context embeddings, a square tanh layer, logits by the same table; mean cross-entropy."""

import numpy as np


def log_softmax(logits):
    top = np.max(logits, axis=1, keepdims=True)
    return logits - top - np.log(np.sum(np.exp(logits - top), axis=1, keepdims=True))


def loss(E, U, b, ctx, word):
    avg = np.mean(E[ctx], axis=1)
    h = np.tanh(avg @ U)
    logits = h @ E.T + b
    logp = log_softmax(logits)
    total = 0.0
    for n, k in enumerate(word):
        total = total - logp[n, k]
    return total / len(word)


def gradient(E, U, b, ctx, word):
    N, L = ctx.shape
    avg = E[ctx].mean(axis=1)
    h = np.tanh(avg @ U)
    dlogits = np.exp(log_softmax(h @ E.T + b))
    dlogits[np.arange(N), word] -= 1
    dlogits /= N
    db = dlogits.sum(axis=0)
    dE = dlogits.T @ h
    dh = dlogits @ E
    dpre = dh * (1 - h * h)
    dU = avg.T @ dpre
    davg = dpre @ U.T
    demb = np.repeat(davg[:, None, :], L, axis=1) / L
    np.add.at(dE, ctx, demb)
    return dE, dU, db


def example(rng):
    ctx = np.array([[0, 3, 1], [3, 3, 5], [2, 0, 6], [4, 1, 3], [5, 6, 0]])
    return rng.normal(size=(7, 4)), rng.normal(size=(4, 4)), rng.normal(size=7), ctx, np.array([1, 2, 2, 0, 6])


MISTAKES = [
    ("dE[ctx] += ... although words repeat", {"np.add.at(dE, ctx, demb)": "dE[ctx] += demb"}, "index", (), ("E",), "E[ctx]"),
    ("started a fresh table for the inputs and lost the output layer's part", {"np.add.at(dE, ctx, demb)": "dE = np.zeros_like(E); np.add.at(dE, ctx, demb)"}, "missing-path", (), ("E",), "logits = h @ E.T + b"),
    ("the table's use as input ignored (only the output softmax)", {"    np.add.at(dE, ctx, demb)\n": ""}, "missing-path", (), ("E",), "E[ctx]"),
    ("1/L of the context average forgotten", {"L, axis=1) / L": "L, axis=1)"}, "factor", (), ("E",), "avg = np.mean(E[ctx], axis=1)"),
    ("U instead of U^T (square)", {"dpre @ U.T": "dpre @ U"}, "transpose", (), ("E",), "h = np.tanh(avg @ U)"),
    ("no derivative of the tanh", {"dpre = dh * (1 - h * h)": "dpre = dh"}, "missing-local-derivative", (), ("E", "U"), "h = np.tanh(avg @ U)"),
    ("scattered to the row before each word", {"np.add.at(dE, ctx, demb)": "np.add.at(dE, ctx - 1, demb)"}, "index", (), ("E",), "E[ctx]"),
    ("set row 0 to zero as padding, but the loss has no padding word", {"return dE, dU, db": "dE[0] = 0; return dE, dU, db"}, "partial", (), ("E",), "E[ctx]"),
    ("output bias summed over the vocabulary instead of over the batch", {"dlogits.sum(axis=0)": "dlogits.sum(axis=1)"}, "wrong-axis", (), ("b",), "logits = h @ E.T + b"),
    ("divided each word's input gradient by the number of its occurrences", {"np.add.at(dE, ctx, demb)": "tmp = np.zeros_like(E); np.add.at(tmp, ctx, demb); dE += tmp / np.maximum(1, np.bincount(ctx.ravel(), minlength=len(E)))[:, None]"}, "mean-for-sum", (), ("E",), "E[ctx]"),
]
