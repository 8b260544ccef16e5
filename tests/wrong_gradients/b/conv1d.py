"""1-D convolution (correlation) over windows, ReLU, max pooling by two, linear read-out; squared error over the batch."""

import numpy as np


def loss(K, b, V, c, x, T):
    n, C, L = x.shape
    F, _, w = K.shape
    steps = L - w + 1
    windows = np.stack([x[:, :, t:t + w] for t in range(steps)], axis=1)
    Z = np.einsum("ntcw,fcw->ntf", windows, K) + b
    A = np.maximum(Z, 0)
    M = np.max(np.reshape(A, (n, steps // 2, 2, F)), axis=2)
    flat = np.reshape(M, (n, -1))
    out = flat @ V + c
    return np.sum((out - T) ** 2) / n


def gradient(K, b, V, c, x, T):
    n, C, L = x.shape
    F, _, w = K.shape
    steps = L - w + 1
    windows = np.stack([x[:, :, t:t + w] for t in range(steps)], axis=1)
    Z = np.einsum("ntcw,fcw->ntf", windows, K) + b
    A = np.maximum(Z, 0).reshape(n, steps // 2, 2, F)
    M = A.max(axis=2)
    flat = M.reshape(n, -1)
    dout = 2 * (flat @ V + c - T) / n
    dV = flat.T @ dout
    dc = dout.sum(axis=0)
    dM = (dout @ V.T).reshape(M.shape)
    dA = (A == M[:, :, None]) * dM[:, :, None]
    dZ = dA.reshape(Z.shape) * (Z > 0)
    dK = np.einsum("ntf,ntcw->fcw", dZ, windows)
    db = dZ.sum(axis=(0, 1))
    dx = np.zeros_like(x)
    for t in range(steps):
        dx[:, :, t:t + w] += np.einsum("nf,fcw->ncw", dZ[:, t], K)
    return dK, db, dV, dc, dx


def example(rng):
    return (rng.normal(size=(4, 2, 3)), rng.normal(size=4), rng.normal(size=(12, 2)), rng.normal(size=2),
            rng.normal(size=(5, 2, 8)), rng.normal(size=(5, 2)))


MISTAKES = [
    ("overlapping windows overwritten in dx", {"dx[:, :, t:t + w] += ": "dx[:, :, t:t + w] = "}, "index", ("missing-path",), ("x",), "windows = np.stack"),
    ("kernel flipped in dx as for a true convolution", {"dZ[:, t], K)": "dZ[:, t], K[:, :, ::-1])"}, "wrong-operand", ("transpose", "index", "wrong-local-derivative"), ("x",), "windows, K) + b"),
    ("pooling passed through: both of a pair get the gradient", {"(A == M[:, :, None]) * dM[:, :, None]": "np.repeat(dM, 2, axis=1)"}, "missing-local-derivative", (), ("K", "b", "x"), "M = np.max("),
    ("average pooling's derivative for max pooling's", {"(A == M[:, :, None]) * dM[:, :, None]": "np.repeat(dM, 2, axis=1) / 2"}, "wrong-local-derivative", (), ("K", "b", "x"), "M = np.max("),
    ("pooling's mask alone, without dM", {"(A == M[:, :, None]) * dM[:, :, None]": "(A == M[:, :, None]) * 1.0"}, "missing-incoming", (), ("K", "b", "x"), "M = np.max("),
    ("no ReLU mask", {"dA.reshape(Z.shape) * (Z > 0)": "dA.reshape(Z.shape)"}, "missing-local-derivative", (), ("K", "b", "x"), "A = np.maximum(Z, 0)"),
    ("bias summed over the batch but not over the positions", {"dZ.sum(axis=(0, 1))": "dZ.sum(axis=0)"}, "unreduced", (), ("b",), "windows, K) + b"),
    ("bias averaged over batch and positions", {"dZ.sum(axis=(0, 1))": "dZ.mean(axis=(0, 1))"}, "mean-for-sum", ("factor",), ("b",), "windows, K) + b"),
    ("output bias summed over the outputs", {"dc = dout.sum(axis=0)": "dc = dout.sum(axis=1)"}, "wrong-axis", (), ("c",), "out = flat @ V + c"),
    ("read-out weights left in the pooled map's shape", {"dV = flat.T @ dout": "dV = np.tensordot(M, dout, axes=(0, 0))"}, "shape", (), ("V",), "out = flat @ V + c"),
    ("last window left out of dx", {"for t in range(steps):": "for t in range(steps - 1):"}, "partial", ("missing-path", "index"), ("x",), "windows = np.stack"),
]
