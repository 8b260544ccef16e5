"""Layer normalisation over the features of (batch, position, feature), then a square projection, in einsum."""

import numpy as np


def normalise(x):
    m = np.mean(x, axis=-1, keepdims=True)
    v = np.var(x, axis=-1, keepdims=True)
    return (x - m) / np.sqrt(v + 1e-5)


def loss(X, gain, shift, W, T):
    xhat = normalise(X)
    y = gain * xhat + shift
    out = np.einsum("bsd,de->bse", y, W)
    return 0.5 * np.sum((out - T) ** 2) / X.shape[0]


def gradient(X, gain, shift, W, T):
    m = X.mean(-1, keepdims=True)
    rstd = 1 / np.sqrt(X.var(-1, keepdims=True) + 1e-5)
    xhat = (X - m) * rstd
    y = gain * xhat + shift
    dout = (np.einsum("bsd,de->bse", y, W) - T) / X.shape[0]
    dW = np.einsum("bsd,bse->de", y, dout)
    dy = np.einsum("bse,de->bsd", dout, W)
    dgain = (dy * xhat).sum(axis=(0, 1))
    dshift = dy.sum(axis=(0, 1))
    dxhat = dy * gain
    c1 = dxhat.mean(axis=-1, keepdims=True)
    c2 = (dxhat * xhat).mean(axis=-1, keepdims=True)
    dX = (dxhat - c1 - xhat * c2) * rstd
    return dX, dgain, dshift, dW


def example(rng):
    return (rng.normal(size=(2, 3, 5)), rng.normal(size=5), rng.normal(size=5), rng.normal(size=(5, 5)),
            rng.normal(size=(2, 3, 5)))


MISTAKES = [
    ("nothing through the variance", {" - xhat * c2": ""}, "missing-term", ("missing-path",), ("X",), "v = np.var(x, axis=-1, keepdims=True)"),
    ("summed the shift's gradient over the batch only", {"dy.sum(axis=(0, 1))": "dy.sum(axis=0)"}, "unreduced", (), ("shift",), "y = gain * xhat + shift"),
    ("the mean's path averaged over the batch, as in batch norm", {"dxhat.mean(axis=-1": "dxhat.mean(axis=0"}, "wrong-axis", (), ("X",), "m = np.mean(x, axis=-1, keepdims=True)"),
    ("forgot the gain on the way back", {"dxhat = dy * gain": "dxhat = dy"}, "missing-local-derivative", ("factor",), ("X",), "y = gain * xhat + shift"),
    ("x̂ in place of the layer's output in dW", {'"bsd,bse->de", y': '"bsd,bse->de", xhat'}, "wrong-operand", (), ("W",), 'out = np.einsum("bsd,de->bse", y, W)'),
    ("forgot the 1/d of the variance", {"(dxhat * xhat).mean(": "(dxhat * xhat).sum("}, "factor", (), ("X",), "v = np.var(x, axis=-1, keepdims=True)"),
    ("einsum's letters of W the wrong way round", {'"bse,de->bsd"': '"bse,ed->bsd"'}, "transpose", (), ("X", "gain", "shift"), 'out = np.einsum("bsd,de->bse", y, W)'),
]
