"""Negative log-likelihood of linearly mapped data: X M^T ~ N(mu, S), with log det S and the map's Jacobian log |det M|."""

import numpy as np


def mahalanobis(diff, S):
    P = np.linalg.inv(S)
    return np.einsum('ni,ij,nj->', diff, P, diff)


def loss(mu, S, M, X):
    n, d = X.shape
    diff = X @ M.T - mu
    quad = 0.5 * mahalanobis(diff, S)
    logdet = 0.5 * n * np.linalg.slogdet(S)[1]
    jac = n * np.linalg.slogdet(M)[1]
    return quad + logdet - jac + 0.5 * n * d * np.log(2 * np.pi)


def gradient(mu, S, M, X):
    n, d = X.shape
    diff = X @ M.T - mu
    P = np.linalg.inv(S)
    Pd = diff @ P
    dmu = -Pd.sum(axis=0)
    dS = 0.5 * n * P - 0.5 * Pd.T @ Pd
    dM = Pd.T @ X - n * np.linalg.inv(M).T
    return dmu, dS, dM


def example(rng):
    B = rng.normal(size=(3, 3))
    return rng.normal(size=3), B @ B.T + np.eye(3), rng.normal(size=(3, 3)) + 2 * np.eye(3), rng.normal(size=(6, 3))


MISTAKES = [
    ("inverse without the transpose for the gradient of log|det M|", {"np.linalg.inv(M).T": "np.linalg.inv(M)"}, "transpose", (), ("M",), "jac = n * np.linalg.slogdet(M)[1]"),
    ("Jacobian term ignored", {" - n * np.linalg.inv(M).T": ""}, "missing-term", (), ("M",), "jac = n * np.linalg.slogdet(M)[1]"),
    ("derivative of the inverse without its minus", {"n * P - 0.5 * Pd.T": "n * P + 0.5 * Pd.T"}, "sign", (), ("S",), "P = np.linalg.inv(S)"),
    ("log det S counted once instead of n times", {"0.5 * n * P": "0.5 * P"}, "factor", (), ("S",), "logdet = 0.5 * n * np.linalg.slogdet(S)[1]"),
    ("differentiated the inverse as minus the identity: scatter matrix without the P on both sides", {"Pd.T @ Pd": "diff.T @ diff"}, "wrong-local-derivative", ("missing-local-derivative", "wrong-operand"), ("S",), "P = np.linalg.inv(S)"),
    ("sign of the inner derivative of x - mu forgotten", {"dmu = -Pd": "dmu = Pd"}, "sign", (), ("mu",), "diff = X @ M.T - mu"),
    ("X^T P d instead of (P d)^T X", {"Pd.T @ X": "X.T @ Pd"}, "transpose", (), ("M",), "diff = X @ M.T - mu"),
    ("averaged the samples for mu though the loss sums them", {"Pd.sum(axis=0)": "Pd.mean(axis=0)"}, "mean-for-sum", ("factor",), ("mu",), "diff = X @ M.T - mu"),
    ("matrix-cookbook formula for symmetric S: off-diagonal entries counted twice", {"return dmu, dS, dM": "return dmu, 2 * dS - np.diag(np.diag(dS)), dM"}, "doubled-term", ("partial", "factor"), ("S",), ""),
    ("1/det M for the derivative of log|det M|", {"np.linalg.inv(M).T": "np.eye(d) / np.linalg.det(M)"}, "wrong-local-derivative", (), ("M",), "jac = n * np.linalg.slogdet(M)[1]"),
]
