"""Gaussian mixture with diagonal covariances, mean negative log-likelihood through logsumexp."""

import numpy as np


def logsumexp(A, axis):
    m = np.max(A, axis=axis, keepdims=True)
    return np.squeeze(m, axis=axis) + np.log(np.sum(np.exp(A - m), axis=axis))


def loss(logits, mu, logsig, X):
    n, D = X.shape
    logpi = logits - logsumexp(logits, 0)
    diff = X[:, None, :] - mu[None, :, :]
    z = diff / np.exp(logsig)
    quad = -0.5 * np.sum(z ** 2, axis=2)
    logdet = -np.sum(logsig, axis=1)
    A = logpi + quad + logdet - 0.5 * D * np.log(2 * np.pi)
    return -np.sum(logsumexp(A, 1)) / n


def gradient(logits, mu, logsig, X):
    n, D = X.shape
    pi = np.exp(logits - logits.max())
    pi /= pi.sum()
    sig = np.exp(logsig)
    z = (X[:, None, :] - mu) / sig
    A = np.log(pi) - 0.5 * np.sum(z ** 2, axis=2) - np.sum(logsig, axis=1)
    R = np.exp(A - A.max(axis=1, keepdims=True))
    R = R / R.sum(axis=1, keepdims=True)      # responsibilities
    G = -R / n
    dlogits = G.sum(axis=0) - pi * G.sum()
    dmu = np.sum(G[:, :, None] * z / sig, axis=0)
    dlogsig = np.einsum("nk,nkd->kd", G, z ** 2 - 1)
    return dlogits, dmu, dlogsig


def example(rng):
    return rng.normal(size=3), rng.normal(size=(3, 2)), 0.3 * rng.normal(size=(3, 2)), rng.normal(size=(7, 2))


MISTAKES = [
    ("x - mu differentiated by mu as +1", {"np.sum(G[:, :, None] * z": "-np.sum(G[:, :, None] * z"}, "sign", (), ("mu",), "diff = X[:, None, :] - mu"),
    ("forgot the log-determinant in the gradient of log sigma", {"z ** 2 - 1": "z ** 2"}, "missing-term", ("missing-path",), ("logsig",), "logdet = -np.sum(logsig"),
    ("softmax's denominator of the mixture weights treated as constant", {"G.sum(axis=0) - pi * G.sum()": "G.sum(axis=0)"}, "missing-term", ("missing-path",), ("logits",), "logpi = logits"),
    ("responsibilities normalised over the samples", {"R / R.sum(axis=1, keepdims=True)": "R / R.sum(axis=0, keepdims=True)"}, "wrong-axis", (), ("logits", "mu", "logsig"), "logsumexp(A, 1)"),
    ("forgot the 1/n", {"G = -R / n": "G = -R"}, "factor", (), ("logits", "mu", "logsig"), "-np.sum(logsumexp(A, 1)) / n"),
    ("gradient to sigma given for the one to log sigma", {"G, z ** 2 - 1": "G, (z ** 2 - 1) / sig"}, "missing-local-derivative", ("wrong-local-derivative",), ("logsig",), "np.exp(logsig)"),
    ("z / sigma^2 where (x - mu) / sigma^2 is due", {"z / sig, axis=0": "z / sig ** 2, axis=0"}, "wrong-operand", ("wrong-local-derivative",), ("mu",), "z = diff / np.exp(logsig)"),
    ("hard assignment: the maximum's derivative for logsumexp's", {"R / R.sum(axis=1, keepdims=True)": "np.eye(R.shape[1])[R.argmax(axis=1)]"}, "wrong-local-derivative", (), ("logits", "mu", "logsig"), "logsumexp(A, 1)"),
    ("mixture weights left out of the responsibilities", {"A = np.log(pi) - 0.5 *": "A = -0.5 *"}, "wrong-argument", ("wrong-operand",), ("logits", "mu", "logsig"), "logsumexp(A, 1)"),
    ("gradient of the weights given per sample", {"G.sum(axis=0) - pi * G.sum()": "G - pi * G.sum(axis=1, keepdims=True)"}, "unreduced", (), ("logits",), "A = logpi + quad + logdet"),
    ("last component's weight treated as determined by the others", {"    dmu = np.sum": "    dlogits[-1] = 0\n    dmu = np.sum"}, "partial", (), ("logits",), "logpi = logits"),
]
