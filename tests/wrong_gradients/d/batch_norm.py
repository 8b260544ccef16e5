"""Batch normalisation under a weighted sum of tanh, backward stage by stage."""

import numpy as np

EPS = 1e-3


def batchnorm(x, gamma, beta):
    mu = x.mean(axis=0)
    xc = x - mu
    var = (xc ** 2).mean(axis=0)
    std = np.sqrt(var + EPS)
    xhat = xc / std
    return gamma * xhat + beta


def loss(x, gamma, beta, R):
    out = batchnorm(x, gamma, beta)
    return np.sum(R * np.tanh(out))


def gradient(x, gamma, beta, R):
    n = x.shape[0]
    mu = x.mean(axis=0)
    xc = x - mu
    var = (xc ** 2).mean(axis=0)
    std = np.sqrt(var + EPS)
    xhat = xc / std
    out = gamma * xhat + beta

    dout = R * (1 - np.tanh(out) ** 2)
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dxhat = dout * gamma
    dxc = dxhat / std
    dstd = -(dxhat * xc).sum(axis=0) / std ** 2
    dvar = 0.5 * dstd / std
    dxc += 2 * xc * dvar / n
    dmu = -dxc.sum(axis=0)
    dx = dxc + dmu / n
    return dx, dgamma, dbeta


def example(rng):
    return 1.0 + 2 * rng.normal(size=(6, 4)), rng.normal(size=4), rng.normal(size=4), rng.normal(size=(6, 4))


MISTAKES = [
    ("variance treated as a constant", {"    dxc += 2 * xc * dvar / n\n": ""}, "missing-term", ("missing-path",), ("x",), "var = (xc ** 2).mean(axis=0)"),
    ("batch mean treated as a constant", {"dx = dxc + dmu / n": "dx = dxc"}, "missing-term", ("missing-path",), ("x",), "mu = x.mean(axis=0)"),
    ("forgot the 1/n of the batch mean", {"dmu / n": "dmu"}, "factor", (), ("x",), "mu = x.mean(axis=0)"),
    ("x itself for x̂ in dgamma", {"(dout * xhat)": "(dout * x)"}, "wrong-operand", (), ("gamma",), "gamma * xhat + beta"),
    ("dbeta summed over the features", {"dbeta = dout.sum(axis=0)": "dbeta = dout.sum(axis=1)"}, "wrong-axis", (), ("beta",), "gamma * xhat + beta"),
    ("the square root's derivative times std instead of over it", {"0.5 * dstd / std": "0.5 * dstd * std"}, "wrong-local-derivative", (), ("x",), "std = np.sqrt(var + EPS)"),
    ("lost the minus of the quotient rule", {"-(dxhat * xc)": "(dxhat * xc)"}, "sign", (), ("x",), "xhat = xc / std"),
]
