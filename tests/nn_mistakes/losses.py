"""Losses and penalties, as students write them, with the gradient of each."""

import numpy as np

RNG = np.random.default_rng(4)


def mse(p, y):
    return np.mean((p - y) ** 2)


def mse_gradient(p, y):
    dp = 2 * (p - y) / y.size
    return dp


def l1(p, y):
    return np.mean(np.abs(p - y))


def l1_gradient(p, y):
    dp = np.sign(p - y) / y.size
    return dp


def huber(p, y, delta=0.8):
    d = np.abs(p - y)
    return np.mean(np.where(d <= delta, 0.5 * d**2, delta * (d - 0.5 * delta)))


def huber_gradient(p, y, delta=0.8):
    d = p - y
    dp = np.where(np.abs(d) <= delta, d, delta * np.sign(d)) / y.size
    return dp


def hinge(s, y):
    return np.mean(np.maximum(0, 1 - y * s))


def hinge_gradient(s, y):
    margin = 1 - y * s
    ds = np.where(margin > 0, -y, 0) / len(y)
    return ds


def multi_margin(scores, y):
    n = len(y)
    own = scores[np.arange(n), y][:, None]
    margins = np.maximum(0, scores - own + 1)
    margins[np.arange(n), y] = 0
    return margins.sum() / n


def multi_margin_gradient(scores, y):
    n = len(y)
    own = scores[np.arange(n), y][:, None]
    ds = 1.0 * (scores - own + 1 > 0)
    ds[np.arange(n), y] = 0
    ds[np.arange(n), y] = -ds.sum(axis=1)
    return ds / n


def bce(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def bce_gradient(p, y):
    dp = (p - y) / (p * (1 - p)) / y.size
    return dp


def bce_logits(z, y):
    p = 1 / (1 + np.exp(-z))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def bce_logits_gradient(z, y):
    p = 1 / (1 + np.exp(-z))
    dz = (p - y) / y.size
    return dz


# ── cross-entropy ────────────────────────────────────────────────────────────────────────────


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def cross_entropy(z, y):
    p = softmax(z)
    return -np.mean(np.log(p[np.arange(len(y)), y]))


def cross_entropy_gradient(z, y):
    dz = softmax(z)
    dz[np.arange(len(y)), y] -= 1
    return dz / len(y)


def weighted(z, y, w):
    p = softmax(z)
    return -np.sum(w[y] * np.log(p[np.arange(len(y)), y])) / np.sum(w[y])


def weighted_gradient(z, y, w):
    dz = softmax(z)
    dz[np.arange(len(y)), y] -= 1
    return dz * w[y][:, None] / np.sum(w[y])


def ignoring(z, y):
    keep = y >= 0
    logp = np.log(softmax(z))[np.arange(len(y)), y]
    return -np.sum(logp * keep) / keep.sum()


def ignoring_gradient(z, y):
    keep = y >= 0
    dz = softmax(z)
    dz[np.arange(len(y)), y] -= 1
    return dz * keep[:, None] / keep.sum()


def of_sequences(z, y):
    n, T, C = z.shape
    p = softmax(z.reshape(n * T, C))
    return -np.mean(np.log(p[np.arange(n * T), y.ravel()]))


def of_sequences_gradient(z, y):
    n, T, C = z.shape
    dz = softmax(z.reshape(n * T, C))
    dz[np.arange(n * T), y.ravel()] -= 1
    return dz.reshape(n, T, C) / (n * T)


# ── penalties ────────────────────────────────────────────────────────────────────────────────


def penalised(w, X, y, lam):
    return np.mean((X @ w - y) ** 2) + lam * np.sum(np.abs(w))


def penalised_gradient(w, X, y, lam):
    dw = 2 * X.T @ (X @ w - y) / len(y)
    dw = dw + lam * np.sign(w)
    return dw


def decayed(w, b, X, y, lam):
    return np.mean((X @ w + b - y) ** 2) + 0.5 * lam * np.sum(w**2)


def decayed_gradient(w, b, X, y, lam):
    d = 2 * (X @ w + b - y) / len(y)
    dw = X.T @ d + lam * w
    db = d.sum()
    return dw, db


P, T = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))
PROBABILITIES, BITS = RNG.uniform(0.1, 0.9, (5, 3)), 1.0 * (RNG.random((5, 3)) > 0.5)
CLASSES = np.array([2, 0, 3, 3, 1])
X, Y, W = RNG.normal(size=(6, 4)), RNG.normal(size=6), RNG.normal(size=4)
LOCAL, TERM = "wrong-local-derivative", "missing-term"
OWN = "dz[np.arange(len(y)), y] -= 1"
LAYERS = {
    "mse": (mse, mse_gradient, (P, T), [
        ({" / y.size": ""}, "factor"), ({"2 * ": ""}, "factor"),
        ({" / y.size": " / y.size**2"}, "factor"), ({"/ y.size": "/ len(y)"}, "factor"),
        ({"p - y": "y - p"}, "sign")]),
    "l1": (l1, l1_gradient, (P, T), [
        ({"np.sign(p - y)": "(p - y)"}, LOCAL),
        ({"np.sign(p - y)": "np.ones_like(p)"}, f"{LOCAL} missing-local-derivative sign"),
        ({" / y.size": ""}, "factor"), ({"p - y": "y - p"}, "sign")]),
    "huber": (huber, huber_gradient, (P, T), [
        ({"delta * np.sign(d)": "np.sign(d)"}, f"factor missing-local-derivative {LOCAL}"),
        ({"delta * np.sign(d)": "delta"}, f"sign missing-local-derivative {LOCAL}"),
        ({"np.where(np.abs(d) <= delta, d, delta * np.sign(d))": "d"}, f"{LOCAL} missing-path"),
        ({"<= delta, d,": "<= delta, 2 * d,"}, "factor doubled-term")]),
    "hinge": (hinge, hinge_gradient, (
        np.array([2.0, 0.3, -1.5, 0.6, -0.2, 1.7]), np.array([1.0, -1, 1, 1, 1, -1])), [
        ({"np.where(margin > 0, -y, 0)": "-y"}, f"missing-local-derivative {LOCAL}"),
        ({"-y, 0": "-1, 0"}, "missing-local-derivative factor"),
        ({"margin > 0": "s > 0"}, f"wrong-argument {LOCAL}"),
        ({"margin > 0": "margin < 0"}, LOCAL)]),
    "multi-margin": (multi_margin, multi_margin_gradient, (P, np.array([2, 0, 1, 1, 2])), [
        ({"    ds[np.arange(n), y] = -ds.sum(axis=1)\n": ""}, "missing-path missing-term"),
        ({"= -ds.sum(axis=1)": "= -1"}, "factor missing-incoming"),
        ({"    ds[np.arange(n), y] = 0\n": ""}, "missing-path extra-term"),
        ({"ds / n": "ds"}, "factor")]),
    "binary cross-entropy": (bce, bce_gradient, (PROBABILITIES, BITS), [
        ({" / (p * (1 - p))": ""}, f"missing-local-derivative {LOCAL}"),
        ({"(p - y) / (p * (1 - p))": "-y / p"}, TERM),
        ({"p - y": "y - p"}, "sign"),
        ({"(p - y) / (p * (1 - p))": "(-y / p + (1 - y) / p)"}, f"wrong-argument {LOCAL}")]),
    "binary cross-entropy of logits": (bce_logits, bce_logits_gradient, (P, BITS), [
        ({"(p - y)": "(p - y) * p * (1 - p)"}, LOCAL),
        ({"(p - y)": "(p - y) / (p * (1 - p))"}, f"missing-local-derivative {LOCAL}"),
        ({"(p - y)": "(z - y)"}, "wrong-argument"),
        ({" / y.size": ""}, "factor")]),
    "cross-entropy": (cross_entropy, cross_entropy_gradient, (RNG.normal(size=(5, 4)), CLASSES), [
        ({f"    {OWN}\n": ""}, TERM), ({"-= 1": "+= 1"}, "sign"), ({" / len(y)": ""}, "factor"),
        ({OWN: "dz[:, y] -= 1"}, "index"),
        ({"dz / len(y)": "dz * softmax(z) / len(y)"}, f"{LOCAL} extra-term")]),
    "cross-entropy, weighted": (weighted, weighted_gradient, (
        RNG.normal(size=(5, 4)), CLASSES, np.array([0.5, 2.0, 1.0, 3.0])), [
        ({"dz * w[y][:, None]": "dz"}, "missing-local-derivative factor"),
        ({"/ np.sum(w[y])": "/ len(y)"}, "factor"),
        ({"/ np.sum(w[y])": "/ np.sum(w)"}, "factor"),
        ({"dz * w[y][:, None]": "dz * w"}, "wrong-operand wrong-axis index")]),
    "cross-entropy, ignore_index": (ignoring, ignoring_gradient, (
        RNG.normal(size=(6, 4)), np.array([2, -1, 3, 0, -1, 1])), [
        ({"/ keep.sum()": "/ len(y)"}, "factor"),
        ({"dz * keep[:, None]": "dz"}, f"missing-local-derivative factor {LOCAL} partial"),
        ({f"    {OWN}\n": ""}, TERM)]),
    "cross-entropy of sequences": (of_sequences, of_sequences_gradient, (
        RNG.normal(size=(2, 3, 4)), np.array([[2, 0, 3], [3, 3, 1]])), [
        ({"/ (n * T)": "/ n"}, "factor"),
        ({"/ (n * T)": "/ T"}, "factor"),
        ({"    dz[np.arange(n * T), y.ravel()] -= 1\n": ""}, TERM),
        ({"y.ravel()": "y.T.ravel()"}, "index transpose")]),
    "L1 penalty": (penalised, penalised_gradient, (W, X, Y, 0.3), [
        ({"lam * np.sign(w)": "lam * w"}, LOCAL),
        ({"lam * np.sign(w)": "lam"}, f"missing-local-derivative {LOCAL} sign"),
        ({"    dw = dw + lam * np.sign(w)\n": ""}, TERM),
        ({"lam * np.sign(w)": "np.sign(w)"}, "factor missing-local-derivative")]),
    "L2 penalty": (decayed, decayed_gradient, (W, 0.4, X, Y, 0.3), [
        ({"lam * w": "2 * lam * w"}, "factor doubled-term"), ({" + lam * w": ""}, TERM),
        ({"db = d.sum()": "db = d.sum() + lam * b"}, "extra-term"),
        ({"+ lam * w": "- lam * w"}, "sign")]),
}
