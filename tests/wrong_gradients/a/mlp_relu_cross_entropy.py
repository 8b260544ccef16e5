"""Three-layer ReLU network with a residual connection, dict of parameters, one-hot cross-entropy.

The hidden layers are equally wide, so that a forgotten transpose is silent."""

import numpy as np


def relu(z):
    return np.maximum(z, 0)


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def loss(p, X, Y):
    h1 = relu(X @ p["W1"] + p["b1"])
    h2 = relu(h1 @ p["W2"] + p["b2"])
    r = h1 + h2
    logits = r @ p["W3"] + p["b3"]
    return -np.mean(np.sum(Y * log_softmax(logits), axis=1))


def gradient(p, X, Y):
    N = X.shape[0]
    z1 = X @ p["W1"] + p["b1"]
    h1 = relu(z1)
    z2 = h1 @ p["W2"] + p["b2"]
    h2 = relu(z2)
    r = h1 + h2
    logits = r @ p["W3"] + p["b3"]
    probs = np.exp(log_softmax(logits))

    W2, W3 = p["W2"], p["W3"]
    g = {}
    dlogits = (probs - Y) / N
    g["W3"] = r.T @ dlogits
    g["b3"] = dlogits.sum(axis=0)
    dr = dlogits @ W3.T
    dz2 = dr * (z2 > 0)
    g["W2"] = h1.T @ dz2
    g["b2"] = dz2.sum(axis=0)
    dh1 = dz2 @ W2.T
    dh1 = dh1 + dr
    dz1 = dh1 * (z1 > 0)
    g["W1"] = X.T @ dz1
    g["b1"] = dz1.sum(axis=0)
    dX = dz1 @ p["W1"].T
    return g, dX


def example(rng):
    p = {"W1": rng.normal(size=(5, 6)), "b1": rng.normal(size=6), "W2": 0.6 * rng.normal(size=(6, 6)),
         "b2": rng.normal(size=6), "W3": 0.6 * rng.normal(size=(6, 4)), "b3": rng.normal(size=4)}
    return p, rng.normal(size=(7, 5)), np.eye(4)[rng.integers(0, 4, 7)]


FIRST = ("p['W1']", "p['b1']", "X")
SECOND = ("p['W2']", "p['b2']") + FIRST
ALL = ("p['W3']", "p['b3']") + SECOND
MISTAKES = [
    ("W2 not transposed (it is square)", {"dz2 @ W2.T": "dz2 @ W2"}, "transpose", (), FIRST, "h2 = relu("),
    ("dW2 the wrong way round (square)", {"h1.T @ dz2": "dz2.T @ h1"}, "transpose", (), ("p['W2']",), "h2 = relu("),
    ("forgot the residual connection", {"    dh1 = dh1 + dr\n": ""}, "missing-path", ("missing-term",), FIRST, "r = h1 + h2"),
    ("residual's gradient overwrote the layer's", {"dh1 = dh1 + dr": "dh1 = dr"}, "missing-path", ("missing-term",), FIRST, "h2 = relu("),
    ("added the residual's gradient twice", {"dh1 = dh1 + dr": "dh1 = dh1 + dr + dr"}, "doubled-term", (), FIRST, "r = h1 + h2"),
    ("no ReLU mask in the second layer", {"dr * (z2 > 0)": "dr"}, "missing-local-derivative", (), SECOND, "h2 = relu("),
    ("mask of the first layer at the second", {"dr * (z2 > 0)": "dr * (z1 > 0)"}, "wrong-operand", ("wrong-argument",), SECOND, "h2 = relu("),
    ("multiplied by relu(z) where its derivative belongs", {"dh1 * (z1 > 0)": "dh1 * relu(z1)"}, "wrong-local-derivative", (), FIRST, "h1 = relu("),
    ("derivative of a leaky ReLU", {"dh1 * (z1 > 0)": "dh1 * np.where(z1 > 0, 1, 0.1)"}, "wrong-local-derivative", (), FIRST, "h1 = relu("),
    ("masked by the gradient, not by the input", {"dh1 * (z1 > 0)": "dh1 * (dh1 > 0)"}, "wrong-argument", ("wrong-operand",), FIRST, "h1 = relu("),
    ("only the mask, gradient not multiplied in", {"dh1 * (z1 > 0)": "1.0 * (z1 > 0)"}, "missing-incoming", (), FIRST, "h1 = relu("),
    ("one-hot minus probabilities", {"(probs - Y)": "(Y - probs)"}, "sign", (), ALL, "return -np.mean("),
    ("not divided by the batch size", {"(probs - Y) / N": "probs - Y"}, "factor", (), ALL, "return -np.mean("),
    ("divided by the classes as well", {"(probs - Y) / N": "(probs - Y) / Y.size"}, "factor", (), ALL, "return -np.mean("),
    ("h2 for the sum r in dW3", {"r.T @ dlogits": "h2.T @ dlogits"}, "wrong-operand", (), ("p['W3']",), "logits = r @"),
    ("W3 already updated", {"    dr = ": "    W3 = W3 - 0.5 * g[\"W3\"]\n    dr = "}, "stale", (), SECOND, "logits = r @"),
    ("b3 summed over the classes", {"dlogits.sum(axis=0)": "dlogits.sum(axis=1)"}, "wrong-axis", (), ("p['b3']",), "logits = r @"),
    ("b1 with keepdims", {"dz1.sum(axis=0)": "dz1.sum(axis=0, keepdims=True)"}, "shape", (), ("p['b1']",), "h1 = relu("),
    ("b2 averaged", {"dz2.sum(axis=0)": "dz2.mean(axis=0)"}, "mean-for-sum", ("factor",), ("p['b2']",), "h2 = relu("),
    ("pre-activation z1 for h1 in dW2", {"h1.T @ dz2": "z1.T @ dz2"}, "wrong-operand", (), ("p['W2']",), "h2 = relu("),
]
