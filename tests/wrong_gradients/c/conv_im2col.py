"""Convolution (valid, stride 1) as im2col and a matrix product, ReLU, half the mean squared error to a target map."""

import numpy as np


def im2col(x, k):
    N, C, H, W = x.shape
    cols = []
    for i in range(H - k + 1):
        for j in range(W - k + 1):
            cols.append(x[:, :, i:i + k, j:j + k].reshape(N, C * k * k))
    return np.stack(cols, axis=1)


def loss(x, w, b, y):
    F, C, k, _ = w.shape
    cols = im2col(x, k)
    out = cols @ w.reshape(F, -1).T + b
    act = np.maximum(out, 0)
    return np.mean((act - y) ** 2) / 2


def gradient(x, w, b, y):
    N, C, H, W = x.shape
    F, _, k, _ = w.shape
    cols = im2col(x, k)
    wmat = w.reshape(F, -1)
    out = cols @ wmat.T + b
    act = np.maximum(out, 0)

    dact = (act - y) / act.size
    dout = dact * (out > 0)
    db = dout.sum(axis=(0, 1))
    flat = dout.reshape(-1, F)
    dw = (flat.T @ cols.reshape(-1, C * k * k)).reshape(w.shape)
    dcols = dout @ wmat
    dx = np.zeros_like(x)
    l = 0
    for i in range(H - k + 1):
        for j in range(W - k + 1):
            dx[:, :, i:i + k, j:j + k] += dcols[:, l].reshape(N, C, k, k)
            l += 1
    return dx, dw, db


def example(rng):
    return rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(6, 3, 2, 2)), rng.normal(size=6), rng.normal(size=(2, 12, 6))


MISTAKES = [
    ("col2im assigns where overlapping patches must be added", {"j:j + k] += dcols": "j:j + k] = dcols"}, "index", ("missing-path",), ("x",), "cols.append(x[:, :, i:i + k, j:j + k]"),
    ("no ReLU mask", {"dout = dact * (out > 0)": "dout = dact"}, "missing-local-derivative", (), ("x", "w", "b"), "act = np.maximum(out, 0)"),
    ("left the filters' gradient as the matrix (F, C k k)", {"C * k * k)).reshape(w.shape)": "C * k * k))"}, "shape", (), ("w",), "w.reshape(F, -1)"),
    ("cols^T dout, reshaped to the filters' shape all the same", {"(flat.T @ cols.reshape(-1, C * k * k))": "(cols.reshape(-1, C * k * k).T @ flat)"}, "transpose", (), ("w",), "out = cols @ w.reshape(F, -1).T + b"),
    ("bias summed over the images but not over the positions", {"dout.sum(axis=(0, 1))": "dout.sum(axis=0)"}, "unreduced", ("wrong-axis",), ("b",), "out = cols @ w.reshape(F, -1).T + b"),
    ("divided by the number of images only", {"/ act.size": "/ N"}, "factor", (), ("x", "w", "b"), "np.mean((act - y) ** 2) / 2"),
    ("rotated the kernel by 180 degrees although the patches need it as it is", {"dout @ wmat": "dout @ w[:, :, ::-1, ::-1].reshape(F, -1)"}, "wrong-operand", ("index", "transpose"), ("x",), "out = cols @ w.reshape(F, -1).T + b"),
    ("loop one row of positions short: H - k instead of H - k + 1", {"for i in range(H - k + 1)": "for i in range(H - k)"}, "partial", ("index",), ("x",), "for i in range(H - k + 1):"),
    ("target minus activation", {"(act - y) / act.size": "(y - act) / act.size"}, "sign", (), ("x", "w", "b"), "np.mean((act - y) ** 2) / 2"),
    ("averaged the bias over images and positions after the mean was already taken", {"dout.sum(axis=(0, 1))": "dout.mean(axis=(0, 1))"}, "mean-for-sum", ("factor",), ("b",), "out = cols @ w.reshape(F, -1).T + b"),
]
