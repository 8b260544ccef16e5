"""Linear map, layer normalisation (a class), residual connection, linear read-out, mean squared error."""

import numpy as np


class LayerNorm:
    def __init__(self, gamma, beta, eps=1e-5):
        self.gamma, self.beta, self.eps = gamma, beta, eps

    def forward(self, h):
        mean = np.mean(h, axis=-1, keepdims=True)
        centred = h - mean
        var = np.mean(centred ** 2, axis=-1, keepdims=True)
        xhat = centred / np.sqrt(var + self.eps)
        return self.gamma * xhat + self.beta


def loss(W, gamma, beta, v, X, t):
    h = X @ W
    y = LayerNorm(gamma, beta).forward(h)
    out = y + h
    pred = out @ v
    return np.mean((pred - t) ** 2)


def gradient(W, gamma, beta, v, X, t):
    h = X @ W
    mean = h.mean(axis=-1, keepdims=True)
    var = h.var(axis=-1, keepdims=True)
    std = np.sqrt(var + 1e-5)
    xhat = (h - mean) / std
    y = gamma * xhat + beta
    out = y + h
    pred = out @ v

    dpred = 2 * (pred - t) / len(t)
    dv = out.T @ dpred
    dout = np.outer(dpred, v)
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxhat = dout * gamma
    m1 = np.mean(dxhat, axis=-1, keepdims=True)
    m2 = np.mean(dxhat * xhat, axis=-1, keepdims=True)
    dh = (dxhat - m1 - xhat * m2) / std
    dh = dh + dout
    dW = X.T @ dh
    return dW, dgamma, dbeta, dv


def example(rng):
    return (rng.normal(size=(5, 6)), 1 + 0.5 * rng.normal(size=6), rng.normal(size=6), rng.normal(size=6),
            rng.normal(size=(7, 5)).astype(np.float32), rng.normal(size=7))


XHAT = "xhat = centred / np.sqrt(var + self.eps)"
SCALE = "return self.gamma * xhat + self.beta"
MISTAKES = [
    ("left out the mean's term", {"(dxhat - m1 - xhat * m2)": "(dxhat - xhat * m2)"}, "missing-term", ("missing-path",), ("W",), "centred = h - mean"),
    ("left out the variance's term", {"(dxhat - m1 - xhat * m2)": "(dxhat - m1)"}, "missing-term", ("missing-path",), ("W",), XHAT),
    ("statistics as constants: gamma / std only", {"(dxhat - m1 - xhat * m2) / std": "dxhat / std"}, "missing-term", ("missing-path",), ("W",), XHAT),
    ("averages taken over the batch as in batch norm", {"m1 = np.mean(dxhat, axis=-1, keepdims=True)": "m1 = np.mean(dxhat, axis=0)", "m2 = np.mean(dxhat * xhat, axis=-1, keepdims=True)": "m2 = np.mean(dxhat * xhat, axis=0)"}, "wrong-axis", (), ("W",), "mean = np.mean(h, axis=-1, keepdims=True)"),
    ("plus before the variance's term", {"- xhat * m2": "+ xhat * m2"}, "sign", (), ("W",), XHAT),
    ("sum for mean in the variance's term (number of features lost)", {"np.mean(dxhat * xhat": "np.sum(dxhat * xhat"}, "factor", (), ("W",), "var = np.mean(centred ** 2, axis=-1, keepdims=True)"),
    ("divided by the variance, not by its root", {"xhat * m2) / std": "xhat * m2) / var"}, "wrong-local-derivative", ("wrong-operand",), ("W",), XHAT),
    ("h for xhat in front of the variance's term", {"- xhat * m2": "- h * m2"}, "wrong-operand", (), ("W",), XHAT),
    ("gamma forgotten", {"dout * gamma": "dout"}, "missing-local-derivative", ("factor",), ("W",), SCALE),
    ("residual connection forgotten", {"    dh = dh + dout\n": ""}, "missing-path", ("missing-term",), ("W",), "out = y + h"),
    ("residual overwrote the normalised path", {"dh = dh + dout": "dh = dout"}, "missing-path", ("missing-term",), ("W",), "y = LayerNorm(gamma, beta).forward(h)"),
    ("residual added twice", {"dh = dh + dout": "dh = dh + dout + dout"}, "doubled-term", (), ("W",), "out = y + h"),
    ("dgamma per sample", {"np.sum(dout * xhat, axis=0)": "dout * xhat"}, "unreduced", (), ("gamma",), SCALE),
    ("dbeta summed over the axis that was normalised", {"np.sum(dout, axis=0)": "np.sum(dout, axis=-1)"}, "wrong-axis", (), ("beta",), SCALE),
    ("dbeta averaged", {"np.sum(dout, axis=0)": "np.mean(dout, axis=0)"}, "mean-for-sum", ("factor",), ("beta",), SCALE),
    ("read-out's gradient with y, without the residual", {"out.T @ dpred": "y.T @ dpred"}, "wrong-operand", ("missing-term",), ("v",), "pred = out @ v"),
    ("read-out's gradient as a column", {"out.T @ dpred": "out.T @ dpred[:, None]"}, "shape", (), ("v",), "pred = out @ v"),
]
