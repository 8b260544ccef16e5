"""Residual block y = x + LayerNorm(x) over (batch, time, features), read out linearly; mean squared error."""

import numpy as np


class LayerNorm:
    eps = 1e-4

    def __init__(self, g, b):
        self.g = g
        self.b = b

    def forward(self, x):
        m = x.mean(axis=-1, keepdims=True)
        v = ((x - m) ** 2).mean(axis=-1, keepdims=True)
        xhat = (x - m) / np.sqrt(v + self.eps)
        return self.g * xhat + self.b


def loss(x, g, b, W, T):
    y = x + LayerNorm(g, b).forward(x)
    pred = y @ W
    return ((pred - T) ** 2).mean()


def gradient(x, g, b, W, T):
    m = x.mean(axis=-1, keepdims=True)
    v = x.var(axis=-1, keepdims=True)
    rstd = 1 / np.sqrt(v + LayerNorm.eps)
    xhat = (x - m) * rstd
    y = x + g * xhat + b
    pred = y @ W

    dpred = 2 * (pred - T) / pred.size
    dW = np.einsum('btd,btk->dk', y, dpred)
    dy = dpred @ W.T
    dg = (dy * xhat).sum(axis=(0, 1))
    db = dy.sum(axis=(0, 1))
    dxhat = dy * g
    dmean = dxhat.mean(axis=-1, keepdims=True)
    dvar = xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)
    dx = dy + rstd * (dxhat - dmean - dvar)
    return dx, dg, db, dW


def example(rng):
    return (rng.normal(size=(2, 3, 5)) + 0.5, rng.normal(size=5), rng.normal(size=5), rng.normal(size=(5, 4)),
            rng.normal(size=(2, 3, 4)))


MISTAKES = [
    ("forgot the skip connection", {"dx = dy + rstd": "dx = rstd"}, "missing-path", (), ("x",), "y = x + LayerNorm(g, b).forward(x)"),
    ("mean of dxhat over time instead of over the features", {"dxhat.mean(axis=-1, keepdims=True)": "dxhat.mean(axis=1, keepdims=True)"}, "wrong-axis", (), ("x",), "m = x.mean(axis=-1, keepdims=True)"),
    ("summed the gain over the batch only", {"(dy * xhat).sum(axis=(0, 1))": "(dy * xhat).sum(axis=0)"}, "unreduced", ("wrong-axis",), ("g",), "self.g * xhat + self.b"),
    ("summed the shift over the feature axis", {"dy.sum(axis=(0, 1))": "dy.sum(axis=(0, 2))"}, "wrong-axis", (), ("b",), "self.g * xhat + self.b"),
    ("the variance's term left out", {"(dxhat - dmean - dvar)": "(dxhat - dmean)"}, "missing-term", (), ("x",), "xhat = (x - m) / np.sqrt(v + self.eps)"),
    ("variance's term added instead of subtracted", {"- dmean - dvar": "- dmean + dvar"}, "sign", (), ("x",), "xhat = (x - m) / np.sqrt(v + self.eps)"),
    ("applied no gain in the backward pass", {"dxhat = dy * g": "dxhat = dy"}, "missing-local-derivative", ("factor",), ("x",), "self.g * xhat + self.b"),
    ("x for xhat in the inner product of the variance's term", {"(dxhat * xhat).mean": "(dxhat * x).mean"}, "wrong-operand", (), ("x",), "xhat = (x - m) / np.sqrt(v + self.eps)"),
    ("sum where the variance's term has the mean over the features", {"(dxhat * xhat).mean": "(dxhat * xhat).sum"}, "factor", (), ("x",), "v = ((x - m) ** 2).mean(axis=-1, keepdims=True)"),
    ("einsum's output letters swapped", {"btd,btk->dk": "btd,btk->kd"}, "transpose", (), ("W",), "pred = y @ W"),
]
