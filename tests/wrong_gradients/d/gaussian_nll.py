"""Mean negative log-likelihood of a Gaussian with covariance A Aᵀ + jitter."""

import numpy as np

JITTER = 0.5


def covariance(A):
    return A @ A.T + JITTER * np.eye(A.shape[0])


def loss(mu, A, X):
    k = X.shape[1]
    S = covariance(A)
    D = X - mu
    prec = np.linalg.inv(S)
    _, logdet = np.linalg.slogdet(S)
    maha = np.einsum("ni,ij,nj->n", D, prec, D)
    return 0.5 * logdet + 0.5 * np.mean(maha) + 0.5 * k * np.log(2 * np.pi)


def gradient(mu, A, X):
    n = X.shape[0]
    S = covariance(A)
    prec = np.linalg.inv(S)
    V = (X - mu) @ prec
    dmu = -V.mean(axis=0)
    dS = 0.5 * prec - 0.5 * (V.T @ V) / n
    dA = 2 * dS @ A
    return dmu, dA


def example(rng):
    return rng.normal(size=3), rng.normal(size=(3, 3)), rng.normal(size=(8, 3))


MISTAKES = [
    ("lost the minus of X - mu", {"-V.mean(axis=0)": "V.mean(axis=0)"}, "sign", (), ("mu",), "D = X - mu"),
    ("log-determinant forgotten", {"0.5 * prec - 0.5": "-0.5"}, "missing-term", (), ("A",), "np.linalg.slogdet(S)"),
    ("derivative of the inverse without its minus", {"prec - 0.5": "prec + 0.5"}, "sign", (), ("A",), "prec = np.linalg.inv(S)"),
    ("differentiated only one of the two A's of A Aᵀ", {"2 * dS @ A": "dS @ A"}, "missing-path", ("factor",), ("A",), "A @ A.T + JITTER"),
    ("A transposed in the last product", {"dS @ A": "dS @ A.T"}, "transpose", (), ("A",), "A @ A.T + JITTER"),
    ("forgot the half before the log-determinant", {"0.5 * prec": "prec"}, "factor", (), ("A",), "0.5 * logdet"),
    ("derivative of log|S| taken as 1/|S|", {"0.5 * prec": "0.5 / np.linalg.det(S)"}, "wrong-local-derivative", (), ("A",), "np.linalg.slogdet(S)"),
]
