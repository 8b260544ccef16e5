"""Gaussian negative log-likelihood after a linear flow: z = (x - mu) M^T, covariance S = A A^T + diag(exp(s)).

Mean over the samples of z^T S^-1 z / 2 + log det S / 2 - log |det M|; M is square and not symmetric."""

import numpy as np


def loss(mu, M, A, s, X):
    n = X.shape[0]
    Z = (X - mu) @ M.T
    S = A @ A.T + np.diag(np.exp(s))
    quad = np.sum(Z * np.linalg.solve(S, Z.T).T) / (2 * n)
    logdet_S = np.log(np.linalg.det(S))
    sign, logdet_M = np.linalg.slogdet(M)
    return quad + 0.5 * logdet_S - logdet_M


def gradient(mu, M, A, s, X):
    n = X.shape[0]
    R = X - mu
    Z = R @ M.T
    S = A @ A.T + np.diag(np.exp(s))
    Sinv = np.linalg.inv(S)
    dZ = Z @ Sinv / n
    dM = dZ.T @ R
    dM -= np.linalg.inv(M).T
    dR = dZ @ M
    dmu = -dR.sum(axis=0)
    cov = Z.T @ Z / n
    dS = 0.5 * Sinv - 0.5 * Sinv @ cov @ Sinv
    dA = (dS + dS.T) @ A
    ds = np.diag(dS) * np.exp(s)
    return dmu, dM, dA, ds


def example(rng):
    return (rng.normal(size=4), 2 * np.eye(4) + 0.5 * rng.normal(size=(4, 4)), rng.normal(size=(4, 3)),
            0.5 * rng.normal(size=4), rng.normal(size=(7, 4)))


QUAD = "quad = np.sum(Z * np.linalg.solve(S, Z.T).T) / (2 * n)"
COV = "S = A @ A.T + np.diag(np.exp(s))"
DETS = "logdet_S = np.log(np.linalg.det(S))"
DETM = "sign, logdet_M = np.linalg.slogdet(M)"
FLOW = "Z = (X - mu) @ M.T"
TOTAL = "return quad + 0.5 * logdet_S - logdet_M"
MISTAKES = [
    ("log det M's gradient without the transpose", {"np.linalg.inv(M).T": "np.linalg.inv(M)"}, "transpose", (), ("M",), DETM),
    ("Jacobian's log-determinant left out", {"    dM -= np.linalg.inv(M).T\n": ""}, "missing-term", (), ("M",), TOTAL),
    ("Jacobian's log-determinant added", {"dM -= ": "dM += "}, "sign", (), ("M",), TOTAL),
    ("log det S left out", {"0.5 * Sinv - 0.5": "-0.5"}, "missing-term", (), ("A", "s"), TOTAL),
    ("quadratic form's part with a plus (d S^-1 = -S^-1 dS S^-1)", {"0.5 * Sinv - 0.5": "0.5 * Sinv + 0.5"}, "sign", (), ("A", "s"), QUAD),
    ("quadratic form's part left out", {" - 0.5 * Sinv @ cov @ Sinv": ""}, "missing-term", ("missing-path",), ("A", "s"), QUAD),
    ("the second S^-1 forgotten", {"Sinv @ cov @ Sinv": "Sinv @ cov"}, "wrong-local-derivative", (), ("A", "s"), QUAD),
    ("derivative of log det S as 1 / S entry by entry on the diagonal", {"0.5 * Sinv - 0.5": "0.5 * np.diag(1 / np.diag(S)) - 0.5"}, "wrong-local-derivative", (), ("A", "s"), DETS),
    ("derivative of log det S as 1 / det S", {"0.5 * Sinv - 0.5": "0.5 / np.linalg.det(S) - 0.5"}, "wrong-local-derivative", (), ("A", "s"), DETS),
    ("the half of log det S lost", {"0.5 * Sinv - 0.5": "Sinv - 0.5"}, "factor", (), ("A", "s"), TOTAL),
    ("the covariance not divided by n", {"cov = Z.T @ Z / n": "cov = Z.T @ Z"}, "factor", (), ("A", "s"), QUAD),
    ("A A^T differentiated in one factor only", {"(dS + dS.T) @ A": "dS @ A"}, "missing-path", ("factor", "missing-term"), ("A",), COV),
    ("exp(s) not differentiated", {"np.diag(dS) * np.exp(s)": "np.diag(dS)"}, "missing-local-derivative", (), ("s",), COV),
    ("s's gradient as the whole matrix", {"np.diag(dS) * np.exp(s)": "dS * np.exp(s)"}, "shape", (), ("s",), COV),
    ("minus of x - mu forgotten", {"dmu = -dR": "dmu = dR"}, "sign", (), ("mu",), FLOW),
    ("mu's gradient per sample", {"-dR.sum(axis=0)": "-dR"}, "unreduced", (), ("mu",), FLOW),
    ("mu's gradient averaged with 1/n already inside", {"-dR.sum(axis=0)": "-dR.mean(axis=0)"}, "mean-for-sum", ("factor",), ("mu",), FLOW),
    ("M transposed on the way to mu (square)", {"dZ @ M": "dZ @ M.T"}, "transpose", (), ("mu",), FLOW),
    ("S for its inverse in the quadratic form", {"dZ = Z @ Sinv / n": "dZ = Z @ S / n"}, "wrong-operand", (), ("mu", "M"), QUAD),
    ("X for X - mu in dM", {"dZ.T @ R": "dZ.T @ X"}, "wrong-operand", (), ("M",), FLOW),
]
