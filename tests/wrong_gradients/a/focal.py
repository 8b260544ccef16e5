"""Multi-class focal loss -alpha_y (1 - p_y)^gamma log p_y of a linear softmax classifier, mean over the batch."""

import numpy as np

GAMMA = 2.0
ALPHA = np.array([0.5, 1.0, 2.0, 1.5])


def softmax(Z):
    E = np.exp(Z - np.max(Z, axis=1, keepdims=True))
    return E / np.sum(E, axis=1, keepdims=True)


def loss(W, b, X, y):
    Z = X @ W + b
    P = softmax(Z)
    py = P[np.arange(len(y)), y]
    weight = (1 - py) ** GAMMA
    return np.mean(-ALPHA[y] * weight * np.log(py))


def gradient(W, b, X, y):
    n = len(y)
    idx = np.arange(n)
    Z = X @ W + b
    P = softmax(Z)
    py = P[idx, y]
    # d/dp of -(1-p)^g log p, by the product rule
    dweight = GAMMA * (1 - py) ** (GAMMA - 1) * np.log(py)
    dlog = -(1 - py) ** GAMMA / py
    dpy = ALPHA[y] * (dweight + dlog) / n
    dZ = -P * (dpy * py)[:, None]
    dZ[idx, y] += dpy * py
    dW = np.zeros_like(W)
    for k in range(n):
        dW += np.outer(X[k], dZ[k])
    db = dZ.sum(0)
    return dW, db


def example(rng):
    return rng.normal(size=(5, 4)), rng.normal(size=4), 0.7 * rng.normal(size=(7, 5)), np.array([2, 0, 3, 1, 1, 0, 2])


WEIGHT = "weight = (1 - py) ** GAMMA"
FOCAL = "return np.mean(-ALPHA[y] * weight * np.log(py))"
SOFT = "return E / np.sum(E, axis=1, keepdims=True)"
PICK = "py = P[np.arange(len(y)), y]"
LIN = "Z = X @ W + b"
BOTH = ("W", "b")
MISTAKES = [
    ("focal weight treated as a constant (product rule)", {"(dweight + dlog)": "dlog"}, "missing-term", ("missing-path",), BOTH, WEIGHT),
    ("logarithm treated as a constant (product rule)", {"(dweight + dlog)": "dweight"}, "missing-term", ("missing-path",), BOTH, FOCAL),
    ("sign of the weight's derivative: inner -1 of 1 - p lost", {"dweight = GAMMA": "dweight = -GAMMA"}, "sign", (), BOTH, WEIGHT),
    ("power's exponent not lowered", {"** (GAMMA - 1)": "** GAMMA"}, "wrong-local-derivative", (), BOTH, WEIGHT),
    ("gamma not brought down", {"dweight = GAMMA * ": "dweight = "}, "factor", ("wrong-local-derivative",), BOTH, WEIGHT),
    ("p for 1 - p in the weight's derivative", {"GAMMA * (1 - py) ** (": "GAMMA * py ** ("}, "wrong-argument", ("wrong-operand",), BOTH, WEIGHT),
    ("log's derivative 1/p forgotten", {"-(1 - py) ** GAMMA / py": "-(1 - py) ** GAMMA"}, "missing-local-derivative", (), BOTH, FOCAL),
    ("class weights forgotten", {"ALPHA[y] * (dweight": "(dweight"}, "factor", (), BOTH, FOCAL),
    ("class weights by position, not by label", {"ALPHA[y]": "ALPHA[idx % 4]"}, "index", ("wrong-operand",), BOTH, FOCAL),
    ("not divided by n", {"(dweight + dlog) / n": "(dweight + dlog)"}, "factor", (), BOTH, FOCAL),
    ("softmax's off-diagonal entries left out", {"-P * (dpy * py)[:, None]": "np.zeros_like(P)", "] += dpy * py": "] += dpy * py * (1 - py)"}, "partial", ("missing-term", "wrong-local-derivative"), BOTH, SOFT),
    ("softmax's denominator treated as a constant", {"-P * (dpy * py)[:, None]": "np.zeros_like(P)"}, "missing-term", (), BOTH, SOFT),
    ("label's entry overwritten: = for +=", {"dZ[idx, y] += dpy": "dZ[idx, y] = dpy"}, "missing-path", ("missing-term",), BOTH, SOFT),
    ("softmax derivative without dL/dp", {"(dpy * py)[:, None]": "py[:, None]", "+= dpy * py": "+= py"}, "missing-incoming", (), BOTH, PICK),
    ("the loop over the samples begins at the second", {"for k in range(n)": "for k in range(1, n)"}, "partial", ("missing-term", "missing-path"), ("W",), LIN),
    ("samples overwrite each other in the loop", {"dW += ": "dW = "}, "missing-path", (), ("W",), LIN),
    ("bias summed over the classes", {"dZ.sum(0)": "dZ.sum(1)"}, "wrong-axis", (), ("b",), LIN),
    ("bias with a leading 1", {"dZ.sum(0)": "dZ.sum(0)[None]"}, "shape", (), ("b",), LIN),
]
