"""A network of two layers, its gradient by hand, and the same with mistakes edited into it."""

from __future__ import annotations

import inspect
import linecache

import numpy as np

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(7, 5)), RNG.normal(size=(7, 3))
W1, B1, W2, B2 = (RNG.normal(size=s) for s in ((5, 6), 6, (6, 3), 3))
MLP = (W1, B1, W2, B2)
WRT = ("W1", "b1", "W2", "b2")


def mlp(W1, b1, W2, b2):
    z = X @ W1 + b1
    h = np.tanh(z)
    out = h @ W2 + b2
    return np.mean(np.sum((out - T) ** 2, axis=1)) + 0.1 * np.sum(W1 ** 2)


def by_hand(W1, b1, W2, b2):
    z = X @ W1 + b1
    h = np.tanh(z)
    out = h @ W2 + b2
    d = 2 * (out - T) / len(X)
    dW2 = h.T @ d
    db2 = d.sum(axis=0)
    dh = d @ W2.T
    dz = dh * (1 - h ** 2)
    dW1 = X.T @ dz + 0.2 * W1
    db1 = dz.sum(axis=0)
    return dW1, db1, dW2, db2


def edited(edits):
    """by_hand with other text, and its source where inspect finds it."""
    text = inspect.getsource(by_hand)
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new, 1)
    file = f"edited_{abs(hash(text))}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    space = dict(globals())
    exec(compile(text, file, "exec"), space)
    return space["by_hand"]
