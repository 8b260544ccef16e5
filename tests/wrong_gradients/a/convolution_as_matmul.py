"""3x3 convolution as a matrix product of image patches (slices), ReLU, mean squared error against a map."""

import numpy as np


def im2col(X, k=3):
    n, H, W = X.shape
    oh, ow = H - k + 1, W - k + 1
    cols = [X[:, i:i + oh, j:j + ow] for i in range(k) for j in range(k)]
    return np.stack(cols, axis=-1)


def loss(F, b, X, T):
    cols = im2col(X)
    Z = cols @ F + b
    A = np.maximum(Z, 0)
    return np.mean((A - T) ** 2)


def gradient(F, b, X, T):
    n, H, W = X.shape
    k = 3
    oh, ow = H - k + 1, W - k + 1
    cols = im2col(X)
    Z = cols @ F + b
    A = np.maximum(Z, 0)
    dA = 2 * (A - T) / T.size
    dZ = dA * (Z > 0)
    flat = dZ.reshape(-1, dZ.shape[-1])
    dF = cols.reshape(-1, k * k).T @ flat
    db = dZ.sum(axis=(0, 1, 2))
    dcols = dZ @ F.T
    dX = np.zeros_like(X)
    for i in range(k):
        for j in range(k):
            dX[:, i:i + oh, j:j + ow] += dcols[..., k * i + j]
    return dF, db, dX


def example(rng):
    return rng.normal(size=(9, 5)), rng.normal(size=5), rng.normal(size=(2, 6, 5)), rng.normal(size=(2, 4, 3, 5))


PATCH = "cols = [X[:, i:i + oh, j:j + ow]"
LIN = "Z = cols @ F + b"
MSE = "return np.mean((A - T) ** 2)"
RELU = "A = np.maximum(Z, 0)"
ALL = ("F", "b", "X")
MISTAKES = [
    ("overlapping patches overwrite each other (= for +=)", {"] += dcols": "] = dcols"}, "index", ("missing-path",), ("X",), PATCH),
    ("kernel rows and columns exchanged when folding back", {"k * i + j": "i + k * j"}, "index", ("transpose", "wrong-operand"), ("X",), PATCH),
    ("kernel flipped though the forward pass correlates", {"dcols[..., k * i + j]": "dcols[..., k * k - 1 - k * i - j]"}, "index", ("wrong-operand",), ("X",), PATCH),
    ("last row of the kernel not folded back", {"for i in range(k)": "for i in range(k - 1)"}, "partial", ("missing-path", "missing-term"), ("X",), PATCH),
    ("only the centre of the patch folded back", {"dX[:, i:i + oh, j:j + ow] += dcols[..., k * i + j]": "dX[:, 1:1 + oh, 1:1 + ow] = dcols[..., 4]"}, "missing-path", ("partial",), ("X",), PATCH),
    ("ReLU left out", {"dA * (Z > 0)": "dA"}, "missing-local-derivative", (), ALL, RELU),
    ("ReLU's mask from the gradient", {"dA * (Z > 0)": "dA * (dA > 0)"}, "wrong-argument", ("wrong-operand",), ALL, RELU),
    ("divided by the images only", {"/ T.size": "/ n"}, "factor", (), ALL, MSE),
    ("lost the 2 of the square", {"2 * (A - T)": "(A - T)"}, "factor", (), ALL, MSE),
    ("target minus activation", {"(A - T)": "(T - A)"}, "sign", (), ALL, MSE),
    ("bias summed over the images only", {"dZ.sum(axis=(0, 1, 2))": "dZ.sum(axis=0)"}, "unreduced", (), ("b",), LIN),
    ("bias averaged over the positions", {"dZ.sum(axis=(0, 1, 2))": "dZ.mean(axis=(0, 1, 2))"}, "mean-for-sum", ("factor",), ("b",), LIN),
    ("bias summed over the filters", {"dZ.sum(axis=(0, 1, 2))": "dZ.sum(axis=(1, 2, 3))"}, "wrong-axis", (), ("b",), LIN),
    ("bias as a column", {"dZ.sum(axis=(0, 1, 2))": "dZ.sum(axis=(0, 1, 2)).reshape(-1, 1)"}, "shape", ("transpose",), ("b",), LIN),
    ("filters' gradient transposed", {"return dF, db": "return dF.T, db"}, "transpose", (), ("F",), LIN),
    ("filters' gradient per image", {"cols.reshape(-1, k * k).T @ flat": "np.einsum('nijp,nijf->npf', cols, dZ)"}, "unreduced", (), ("F",), LIN),
    ("weight decay on the filters that the loss hasn't got", {".T @ flat": ".T @ flat + 5e-4 * F"}, "extra-term", (), ("F",), ""),
    ("filters' gradient averaged over the patches", {".T @ flat": ".T @ flat / len(flat)"}, "mean-for-sum", ("factor",), ("F",), LIN),
]
