"""Gaussian process with an ARD squared-exponential kernel: negative log marginal likelihood by inv and slogdet."""

import numpy as np


def kernel(log_ell, log_sf, X):
    Xs = X / np.exp(log_ell)
    D2 = np.sum((Xs[:, None, :] - Xs[None, :, :]) ** 2, axis=2)
    return np.exp(2 * log_sf) * np.exp(-0.5 * D2)


def loss(log_ell, log_sf, log_sn, X, y):
    n = X.shape[0]
    K = kernel(log_ell, log_sf, X)
    Ky = K + np.exp(2 * log_sn) * np.eye(n)
    fit = 0.5 * (y @ np.linalg.inv(Ky) @ y)
    complexity = 0.5 * np.linalg.slogdet(Ky)[1]
    return fit + complexity + 0.5 * n * np.log(2 * np.pi)


def gradient(log_ell, log_sf, log_sn, X, y):
    n, d = X.shape
    ell, sn2 = np.exp(log_ell), np.exp(2 * log_sn)
    K = kernel(log_ell, log_sf, X)
    Ky = K + sn2 * np.eye(n)
    Kinv = np.linalg.inv(Ky)
    alpha = Kinv @ y
    G = 0.5 * (Kinv - np.outer(alpha, alpha))     # dL/dKy
    dlog_ell = np.zeros(d)
    for k in range(d):
        sq = (X[:, k][:, None] - X[:, k][None, :]) ** 2
        dlog_ell[k] = np.sum(G * K * sq) / ell[k] ** 2
    dlog_sf = np.sum(G * 2 * K)
    dlog_sn = 2 * sn2 * np.trace(G)
    return dlog_ell, dlog_sf, dlog_sn


def example(rng):
    return 0.3 * rng.normal(size=3), 0.2, -0.7, rng.normal(size=(6, 3)), rng.normal(size=6)


MISTAKES = [
    ("sign of the derivative of the inverse", {"Kinv - np.outer": "Kinv + np.outer"}, "sign", (), ("log_ell", "log_sf", "log_sn"), "np.linalg.inv(Ky)"),
    ("log-determinant forgotten", {"(Kinv - np.outer(alpha, alpha))": "-np.outer(alpha, alpha)"}, "missing-term", ("missing-path",), ("log_ell", "log_sf", "log_sn"), "np.linalg.slogdet(Ky)"),
    ("the 1/2 of the log-determinant forgotten", {"0.5 * (Kinv - np.outer(alpha, alpha))": "Kinv - 0.5 * np.outer(alpha, alpha)"}, "factor", (), ("log_ell", "log_sf", "log_sn"), "np.linalg.slogdet(Ky)"),
    ("one inverse missing in the derivative of the inverse", {"np.outer(alpha, alpha)": "np.outer(alpha, y)"}, "wrong-local-derivative", ("wrong-operand",), ("log_ell", "log_sf", "log_sn"), "np.linalg.inv(Ky)"),
    ("gradient to the length scale, not to its logarithm", {"/ ell[k] ** 2": "/ ell[k] ** 3"}, "missing-local-derivative", ("wrong-local-derivative",), ("log_ell",), "Xs = X / np.exp(log_ell)"),
    ("kernel with the noise for the kernel without in the amplitude", {"np.sum(G * 2 * K)": "np.sum(G * 2 * Ky)"}, "wrong-operand", (), ("log_sf",), "np.exp(2 * log_sf)"),
    ("forgot the 2 of exp(2 log sn)", {"2 * sn2 * np.trace(G)": "sn2 * np.trace(G)"}, "factor", (), ("log_sn",), "np.exp(2 * log_sn) * np.eye(n)"),
    ("derivative of the noise variance's exp left out", {"2 * sn2 * np.trace(G)": "2 * np.trace(G)"}, "missing-local-derivative", (), ("log_sn",), "np.exp(2 * log_sn) * np.eye(n)"),
    ("first length scale used for every dimension", {"/ ell[k] ** 2": "/ ell[0] ** 2"}, "wrong-operand", ("index", "partial"), ("log_ell",), "Xs = X / np.exp(log_ell)"),
    ("loop over the dimensions ends one early", {"for k in range(d):": "for k in range(d - 1):"}, "partial", ("index",), ("log_ell",), "Xs = X / np.exp(log_ell)"),
]
