"""word2vec skip-gram with negative sampling: mean over the pairs, separate input and output embeddings."""

import numpy as np


def log_sigmoid(x):
    return -np.log1p(np.exp(-x))


def loss(U, V, center, context, negative):
    vc = U[center]
    uo = V[context]
    un = V[negative]
    pos = np.sum(vc * uo, axis=1)
    neg = np.einsum("nd,nkd->nk", vc, un)
    good = log_sigmoid(pos)
    bad = np.sum(log_sigmoid(-neg), axis=1)
    return -np.mean(good + bad)


def gradient(U, V, center, context, negative):
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    n = len(center)
    vc, uo, un = U[center], V[context], V[negative]
    pos = np.sum(vc * uo, axis=1)
    neg = np.einsum("nd,nkd->nk", vc, un)
    dpos = (sigmoid(pos) - 1) / n
    dneg = sigmoid(neg) / n
    dvc = dpos[:, None] * uo + np.einsum("nk,nkd->nd", dneg, un)
    dU = np.zeros_like(U)
    np.add.at(dU, center, dvc)
    dV = np.zeros_like(V)
    np.add.at(dV, context, dpos[:, None] * vc)
    np.add.at(dV, negative, dneg[:, :, None] * vc[:, None, :])
    return dU, dV


def example(rng):
    center = np.array([0, 2, 2, 4, 0, 5])
    context = np.array([2, 0, 4, 2, 5, 0])
    negative = np.array([[1, 3, 6], [6, 6, 1], [3, 0, 5], [1, 1, 0], [3, 2, 6], [4, 1, 2]])
    return rng.normal(size=(7, 4)), rng.normal(size=(7, 4)), center, context, negative


MISTAKES = [
    ("rows assigned: a centre word seen twice keeps its last gradient", {"np.add.at(dU, center, dvc)": "dU[center] = dvc"}, "index", (), ("U",), "vc = U[center]"),
    ("fancy += for the negatives drops repeated draws", {"np.add.at(dV, negative, dneg[:, :, None] * vc[:, None, :])": "dV[negative] += dneg[:, :, None] * vc[:, None, :]"}, "index", (), ("V",), "un = V[negative]"),
    ("sign of the negative samples", {"dneg = sigmoid(neg)": "dneg = -sigmoid(neg)"}, "sign", (), ("U", "V"), "log_sigmoid(-neg)"),
    ("sigmoid(-x) for sigmoid(x) at the negatives", {"sigmoid(neg) / n": "sigmoid(-neg) / n"}, "wrong-argument", ("wrong-local-derivative",), ("U", "V"), "log_sigmoid(-neg)"),
    ("centre word gets the positive pair's gradient only", {" + np.einsum(\"nk,nkd->nd\", dneg, un)": ""}, "missing-path", ("missing-term",), ("U",), "neg = np.einsum"),
    ("negative samples' rows never updated", {"    np.add.at(dV, negative, dneg[:, :, None] * vc[:, None, :])\n": ""}, "missing-path", ("missing-term",), ("V",), "un = V[negative]"),
    ("output vectors' gradient with centre vectors already stepped", {"    dV = np.zeros_like(V)\n": "    dV = np.zeros_like(V)\n    vc = (U - 0.025 * dU)[center]\n"}, "stale", (), ("V",), "vc = U[center]"),
    ("output vector itself for the centre vector", {"dpos[:, None] * vc)": "dpos[:, None] * uo)"}, "wrong-operand", (), ("V",), "pos = np.sum(vc * uo, axis=1)"),
    ("averaged over the negative samples as well", {"sigmoid(neg) / n": "sigmoid(neg) / neg.size"}, "factor", (), ("U", "V"), "bad = np.sum(log_sigmoid(-neg), axis=1)"),
    ("derivative of sigmoid for that of log sigmoid", {"(sigmoid(pos) - 1) / n": "-sigmoid(pos) * (1 - sigmoid(pos)) / n"}, "wrong-local-derivative", ("missing-local-derivative",), ("U", "V"), "good = log_sigmoid(pos)"),
    ("word 0 treated as padding, its output row left zero", {"    return dU": "    dV[0] = 0\n    return dU"}, "partial", (), ("V",), ""),
]
