"""Gaussian encoder with KL to the unit normal plus InfoNCE of the normalised sample against a bank of keys."""

import numpy as np


def kl(mu, logvar):
    per_dim = 1 + logvar - mu ** 2 - np.exp(logvar)
    return -0.5 * np.sum(per_dim) / len(mu)


def info_nce(u, keys, tau):
    sim = u @ keys.T
    S = sim / tau
    lse = np.log(np.sum(np.exp(S), axis=1))
    return np.mean(lse - np.diag(S))


def loss(mu, logvar, keys, eps, tau, beta):
    sd = np.exp(0.5 * logvar)
    z = mu + sd * eps
    norm = np.linalg.norm(z, axis=1, keepdims=True)
    u = z / norm
    return info_nce(u, keys, tau) + beta * kl(mu, logvar)


def gradient(mu, logvar, keys, eps, tau, beta):
    n = len(mu)
    sd = np.exp(0.5 * logvar)
    z = mu + sd * eps
    norm = np.linalg.norm(z, axis=1, keepdims=True)
    u = z / norm
    E = np.exp(u @ keys.T / tau)
    P = E / E.sum(axis=1, keepdims=True)
    dsim = (P - np.eye(n)) / n / tau
    dkeys = dsim.T @ u
    du = dsim @ keys
    dz = (du - u * np.sum(u * du, axis=1, keepdims=True)) / norm
    dmu = dz + beta * mu / n
    dlogvar = 0.5 * dz * eps * sd + 0.5 * beta * (np.exp(logvar) - 1) / n
    return dmu, dlogvar, dkeys


def example(rng):
    return (rng.normal(size=(5, 3)), 0.5 * rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=(5, 3)),
            0.4, 0.6)


MISTAKES = [
    ("the KL's log-variance part with its sign turned", {"(np.exp(logvar) - 1)": "(1 - np.exp(logvar))"}, "sign", (), ("logvar",), "-0.5 * np.sum(per_dim)"),
    ("norm held constant in the normalisation", {"(du - u * np.sum(u * du, axis=1, keepdims=True))": "du"}, "missing-term", ("missing-path",), ("mu", "logvar"), "norm = np.linalg.norm("),
    ("temperature forgotten", {" / n / tau": " / n"}, "factor", (), ("mu", "logvar", "keys"), "S = sim / tau"),
    ("log-variance only through the KL, not through the sample", {"0.5 * dz * eps * sd + ": ""}, "missing-path", ("missing-term",), ("logvar",), "sd = np.exp(0.5 * logvar)"),
    ("forgot the half inside exp(logvar / 2)", {"0.5 * dz * eps": "dz * eps"}, "factor", (), ("logvar",), "sd = np.exp(0.5 * logvar)"),
    ("similarities not transposed for the keys", {"dsim.T @ u": "dsim @ u"}, "transpose", (), ("keys",), "sim = u @ keys.T"),
    ("positives on the diagonal one further", {"np.eye(n)": "np.eye(n, k=1)"}, "index", (), ("mu", "logvar", "keys"), "np.diag(S)"),
]
