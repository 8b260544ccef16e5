"""Linear layer, batch normalisation, ReLU, linear layer; squared error summed over outputs, averaged over the batch."""

import numpy as np

EPS = 1e-3


def loss(W1, gamma, beta, W2, b2, X, Y):
    Z = X @ W1
    mu = np.mean(Z, axis=0)
    var = np.mean((Z - mu) ** 2, axis=0)
    Zhat = (Z - mu) / np.sqrt(var + EPS)
    U = gamma * Zhat + beta
    A = np.maximum(U, 0)
    out = A @ W2 + b2
    return np.mean(np.sum((out - Y) ** 2, axis=1))


def gradient(W1, gamma, beta, W2, b2, X, Y):
    n = X.shape[0]
    Z = X @ W1
    mu, var = Z.mean(0), Z.var(0)
    istd = (var + EPS) ** -0.5
    Zhat = (Z - mu) * istd
    U = gamma * Zhat + beta
    A = np.maximum(U, 0)
    out = A @ W2 + b2

    dout = 2 * (out - Y) / n
    dW2 = A.T @ dout
    db2 = dout.sum(0)
    dU = (dout @ W2.T) * (U > 0)
    dgamma = (dU * Zhat).sum(0)
    dbeta = dU.sum(0)
    dZhat = dU * gamma
    dvar = np.sum(dZhat * (Z - mu), axis=0) * -0.5 * istd ** 3
    dmu = -np.sum(dZhat * istd, axis=0)
    dZ = dZhat * istd + dvar * 2 * (Z - mu) / n + dmu / n
    dW1 = X.T @ dZ
    return dW1, dgamma, dbeta, dW2, db2


def example(rng):
    return (rng.normal(size=(3, 5)), rng.normal(size=5) + 1, rng.normal(size=5), rng.normal(size=(5, 2)),
            rng.normal(size=2), rng.normal(size=(8, 3)) + 0.5, rng.normal(size=(8, 2)))


MISTAKES = [
    ("mean treated as a constant", {" + dmu / n": ""}, "missing-term", ("missing-path",), ("W1",), "mu = np.mean(Z, axis=0)"),
    ("variance treated as a constant", {" + dvar * 2 * (Z - mu) / n": ""}, "missing-term", ("missing-path",), ("W1",), "var = np.mean((Z - mu) ** 2"),
    ("no ReLU mask", {"(dout @ W2.T) * (U > 0)": "dout @ W2.T"}, "missing-local-derivative", (), ("W1", "gamma", "beta"), "A = np.maximum(U, 0)"),
    ("ReLU mask from the normalised values, before scale and shift", {"(U > 0)": "(Zhat > 0)"}, "wrong-argument", ("wrong-operand",), ("W1", "gamma", "beta"), "A = np.maximum(U, 0)"),
    ("un-normalised values in the gradient of gamma", {"(dU * Zhat).sum(0)": "(dU * Z).sum(0)"}, "wrong-operand", (), ("gamma",), "U = gamma * Zhat + beta"),
    ("wrong power: derivative of (var + eps)^-1/2 with the power -1/2", {"-0.5 * istd ** 3": "-0.5 * istd"}, "wrong-local-derivative", (), ("W1",), "np.sqrt(var + EPS)"),
    ("n - 1 for n in the variance's path", {"(Z - mu) / n + dmu": "(Z - mu) / (n - 1) + dmu"}, "factor", (), ("W1",), "var = np.mean((Z - mu) ** 2"),
    ("gamma forgotten on the way back", {"dZhat = dU * gamma": "dZhat = dU"}, "missing-local-derivative", (), ("W1",), "U = gamma * Zhat + beta"),
    ("gamma's gradient summed over the features", {"(dU * Zhat).sum(0)": "(dU * Zhat).sum(1)"}, "wrong-axis", (), ("gamma",), "U = gamma * Zhat + beta"),
    ("sign of the power -1/2 lost", {"* -0.5 *": "* 0.5 *"}, "sign", (), ("W1",), "np.sqrt(var + EPS)"),
    ("dU is the ReLU mask alone, without what arrives from above", {"(dout @ W2.T) * (U > 0)": "(U > 0) * 1.0"}, "missing-incoming", (), ("W1", "gamma", "beta"), "A = np.maximum(U, 0)"),
]
