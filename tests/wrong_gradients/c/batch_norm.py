"""Batch normalisation backward, one node of the graph at a time; half the squared distance of the output to a target."""

import numpy as np


def loss(x, gamma, beta, target, eps):
    N, D = x.shape
    mu = 1. / N * np.sum(x, axis=0)
    xmu = x - mu
    var = 1. / N * np.sum(xmu ** 2, axis=0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1. / sqrtvar
    xhat = xmu * ivar
    out = gamma * xhat + beta
    return 0.5 * np.sum((out - target) ** 2)


def gradient(x, gamma, beta, target, eps):
    N, D = x.shape
    mu = 1. / N * np.sum(x, axis=0)
    xmu = x - mu
    var = 1. / N * np.sum(xmu ** 2, axis=0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1. / sqrtvar
    xhat = xmu * ivar
    out = gamma * xhat + beta

    dout = out - target
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1. / (sqrtvar ** 2) * divar
    dvar = 0.5 / sqrtvar * dsqrtvar
    dsq = 1. / N * np.ones((N, D)) * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -np.sum(dx1, axis=0)
    dx2 = 1. / N * np.ones((N, D)) * dmu
    dx = dx1 + dx2
    return dx, dgamma, dbeta


def example(rng):
    return rng.normal(size=(6, 3)) * 1.7 + 0.4, rng.normal(size=3), rng.normal(size=3), rng.normal(size=(6, 3)), 1e-3


MISTAKES = [
    ("treated the batch mean as a constant", {"dx = dx1 + dx2": "dx = dx1"}, "missing-term", (), ("x",), "xmu = x - mu"),
    ("treated the batch variance as a constant", {"dx1 = dxmu1 + dxmu2": "dx1 = dxmu1"}, "missing-term", (), ("x",), "xhat = xmu * ivar"),
    ("x in place of xhat in dgamma", {"dout * xhat": "dout * x"}, "wrong-operand", (), ("gamma",), "out = gamma * xhat + beta"),
    ("dgamma not summed over the batch", {"np.sum(dout * xhat, axis=0)": "dout * xhat"}, "unreduced", (), ("gamma",), "out = gamma * xhat + beta"),
    ("dgamma summed over the features", {"np.sum(dout * xhat, axis=0)": "np.sum(dout * xhat, axis=1)"}, "wrong-axis", (), ("gamma",), "out = gamma * xhat + beta"),
    ("forgot gamma on the way from out to xhat", {"dxhat = dout * gamma": "dxhat = dout"}, "missing-local-derivative", ("factor",), ("x",), "out = gamma * xhat + beta"),
    ("the half in the square root's derivative missing", {"0.5 / sqrtvar": "1. / sqrtvar"}, "factor", ("wrong-local-derivative",), ("x",), "sqrtvar = np.sqrt(var + eps)"),
    ("lost the minus of the derivative of 1/s", {"-1. / (sqrtvar ** 2)": "1. / (sqrtvar ** 2)"}, "sign", (), ("x",), "ivar = 1. / sqrtvar"),
    ("derivative of 1/s written as -1/s", {"-1. / (sqrtvar ** 2)": "-1. / sqrtvar"}, "wrong-local-derivative", (), ("x",), "ivar = 1. / sqrtvar"),
    ("1/(2 sqrt(v)) with v where its root belongs", {"0.5 / sqrtvar": "0.5 / (var + eps)"}, "wrong-argument", ("wrong-local-derivative", "wrong-operand"), ("x",), "sqrtvar = np.sqrt(var + eps)"),
]
