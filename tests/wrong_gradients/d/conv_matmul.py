"""Convolution of one-channel images by im2col and a matrix product, ReLU, squared error."""

import numpy as np


def im2col(x, kh, kw):
    n, H, W = x.shape
    cols = []
    for i in range(H - kh + 1):
        for j in range(W - kw + 1):
            cols.append(x[:, i:i + kh, j:j + kw].reshape(n, kh * kw))
    return np.stack(cols, axis=1)


def loss(x, F, b, T):
    kh, kw, m = F.shape
    cols = im2col(x, kh, kw)
    Z = cols @ F.reshape(kh * kw, m) + b
    A = np.maximum(Z, 0)
    return 0.5 * np.sum((A - T) ** 2) / len(x)


def gradient(x, F, b, T):
    n, H, W = x.shape
    kh, kw, m = F.shape
    cols = im2col(x, kh, kw)
    Z = cols @ F.reshape(kh * kw, m) + b
    dA = (np.maximum(Z, 0) - T) / n
    dZ = dA * (Z > 0)
    db = dZ.sum(axis=(0, 1))
    dF = np.einsum("npk,npm->km", cols, dZ).reshape(kh, kw, m)
    dcols = dZ @ F.reshape(kh * kw, m).T
    dx = np.zeros_like(x)
    for i in range(H - kh + 1):
        for j in range(W - kw + 1):
            patch = dcols[:, i * (W - kw + 1) + j].reshape(n, kh, kw)
            dx[:, i:i + kh, j:j + kw] += patch
    return dx, dF, db


def example(rng):
    return rng.normal(size=(2, 4, 6)), rng.normal(size=(2, 3, 5)), rng.normal(size=5), rng.normal(size=(2, 12, 5))


MISTAKES = [
    ("col2im that overwrites where patches overlap", {"] += patch": "] = patch"}, "index", ("missing-path",), ("x",), "cols.append(x[:, i:i + kh, j:j + kw]"),
    ("left the filters' gradient as a matrix", {".reshape(kh, kw, m)": ""}, "shape", (), ("F",), "Z = cols @ F.reshape(kh * kw, m) + b"),
    ("the ReLU passed through", {"dZ = dA * (Z > 0)": "dZ = dA"}, "missing-local-derivative", (), ("x", "F", "b"), "A = np.maximum(Z, 0)"),
    ("averaged the bias's gradient over the positions", {"dZ.sum(axis=(0, 1))": "dZ.sum(axis=0).mean(axis=0)"}, "mean-for-sum", ("factor",), ("b",), "Z = cols @ F.reshape(kh * kw, m) + b"),
    ("col2im stops before the last column of windows", {"for j in range(W - kw + 1)": "for j in range(W - kw)"}, "partial", ("index",), ("x",), "cols.append(x[:, i:i + kh, j:j + kw]"),
    ("summed the bias's gradient over batch and filters", {"dZ.sum(axis=(0, 1))": "dZ.sum(axis=(0, 2))"}, "wrong-axis", (), ("b",), "Z = cols @ F.reshape(kh * kw, m) + b"),
    ("the ReLU's mask taken from the gradient's sign, not the input's", {"dA * (Z > 0)": "dA * (dA > 0)"}, "wrong-argument", ("wrong-operand",), ("x", "F", "b"), "A = np.maximum(Z, 0)"),
]
