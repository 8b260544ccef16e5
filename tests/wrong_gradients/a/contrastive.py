"""CLIP-like contrastive loss: two linear encoders, cosine similarities, learned logit scale, InfoNCE both ways."""

import numpy as np


def normalise(A):
    return A / np.sqrt((A ** 2).sum(axis=1, keepdims=True))


def log_softmax(L, axis):
    L = L - L.max(axis=axis, keepdims=True)
    return L - np.log(np.exp(L).sum(axis=axis, keepdims=True))


def loss(Wi, Wt, scale, I, T):
    n = len(I)
    U = normalise(I @ Wi)
    V = normalise(T @ Wt)
    cos = U @ V.T
    logits = np.exp(scale) * cos
    rows = np.trace(log_softmax(logits, 1)) / n
    columns = np.trace(log_softmax(logits, 0)) / n
    return -(rows + columns) / 2


def gradient(Wi, Wt, scale, I, T):
    n = len(I)
    A, B = I @ Wi, T @ Wt
    na, nb = np.linalg.norm(A, axis=1, keepdims=True), np.linalg.norm(B, axis=1, keepdims=True)
    U, V = A / na, B / nb
    cos = U @ V.T
    logits = np.exp(scale) * cos
    P_rows = np.exp(log_softmax(logits, axis=1))
    P_cols = np.exp(log_softmax(logits, axis=0))
    eye = np.eye(n)
    dlogits = ((P_rows - eye) + (P_cols - eye)) / (2 * n)
    dscale = np.sum(dlogits * logits, keepdims=True)[0]
    dcos = dlogits * np.exp(scale)
    dU = dcos @ V
    dV = dcos.T @ U
    dA = (dU - U * (dU * U).sum(axis=1, keepdims=True)) / na
    dB = (dV - V * (V * dV).sum(axis=1, keepdims=True)) / nb
    dWi = I.T @ dA
    dWt = T.T @ dB
    return dWi, dWt, dscale


def example(rng):
    return (rng.normal(size=(5, 4)), rng.normal(size=(6, 4)), np.array([1.2]), rng.normal(size=(7, 5)), rng.normal(size=(7, 6)))


NORM = "return A / np.sqrt((A ** 2).sum(axis=1, keepdims=True))"
SCALE = "logits = np.exp(scale) * cos"
ROWS = "rows = np.trace(log_softmax(logits, 1)) / n"
COLS = "columns = np.trace(log_softmax(logits, 0)) / n"
TOTAL = "return -(rows + columns) / 2"
ALL = ("Wi", "Wt", "scale")
ENC = ("Wi", "Wt")
MISTAKES = [
    ("the norm treated as a constant", {"(dU - U * (dU * U).sum(axis=1, keepdims=True)) / na": "dU / na"}, "missing-term", ("missing-path",), ("Wi",), NORM),
    ("normalisation passed over", {"(dV - V * (V * dV).sum(axis=1, keepdims=True)) / nb": "dV"}, "missing-local-derivative", (), ("Wt",), NORM),
    ("projection but no division by the norm", {"(dU * U).sum(axis=1, keepdims=True)) / na": "(dU * U).sum(axis=1, keepdims=True))"}, "wrong-local-derivative", ("factor",), ("Wi",), NORM),
    ("plus for minus in the projection", {"dU - U": "dU + U"}, "sign", (), ("Wi",), NORM),
    ("projection summed over the batch", {"(V * dV).sum(axis=1, keepdims=True)": "(V * dV).sum(axis=0, keepdims=True)"}, "wrong-axis", (), ("Wt",), NORM),
    ("unnormalised vectors in the projection", {"U * (dU * U)": "A * (dU * A)"}, "wrong-argument", ("wrong-operand",), ("Wi",), NORM),
    ("similarities' gradient not transposed for the second encoder (square)", {"dcos.T @ U": "dcos @ U"}, "transpose", (), ("Wt",), "cos = U @ V.T"),
    ("U for V in the gradient of U", {"dcos @ V": "dcos @ U"}, "wrong-operand", (), ("Wi",), "cos = U @ V.T"),
    ("unnormalised B for V", {"dcos @ V": "dcos @ B"}, "wrong-operand", (), ("Wi",), "cos = U @ V.T"),
    ("only the image-to-text direction", {"((P_rows - eye) + (P_cols - eye))": "(P_rows - eye)"}, "missing-term", (), ALL, COLS),
    ("image-to-text direction counted for both", {"(P_cols - eye)": "(P_rows - eye)"}, "wrong-operand", ("wrong-axis",), ALL, COLS),
    ("the half of the two directions lost", {"/ (2 * n)": "/ n"}, "factor", (), ALL, TOTAL),
    ("identity subtracted for one direction only", {"(P_cols - eye)": "P_cols"}, "missing-term", (), ALL, COLS),
    ("temperature not applied on the way back", {"dlogits * np.exp(scale)": "dlogits"}, "factor", ("missing-local-derivative",), ENC, SCALE),
    ("divided by exp(scale) as by a temperature", {"dlogits * np.exp(scale)": "dlogits / np.exp(scale)"}, "wrong-local-derivative", ("factor",), ENC, SCALE),
    ("exp of the scale not differentiated", {"dlogits * logits": "dlogits * cos"}, "missing-local-derivative", ("factor",), ("scale",), SCALE),
    ("scale's gradient not summed over the pairs", {"np.sum(dlogits * logits, keepdims=True)[0]": "dlogits * logits"}, "unreduced", (), ("scale",), SCALE),
    ("scale's gradient averaged over the pairs", {"np.sum(dlogits * logits, keepdims=True)[0]": "np.mean(dlogits * logits, keepdims=True)[0]"}, "mean-for-sum", ("factor",), ("scale",), SCALE),
    ("scale's gradient from the positive pairs only", {"np.sum(dlogits * logits,": "np.sum(dlogits * logits * eye,"}, "partial", ("missing-path", "missing-term"), ("scale",), SCALE),
    ("scale's gradient without the incoming one", {"np.sum(dlogits * logits,": "np.sum(logits,"}, "missing-incoming", (), ("scale",), SCALE),
]
