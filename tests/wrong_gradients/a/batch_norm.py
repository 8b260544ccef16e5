"""Batch normalisation (training mode) with gamma and beta, followed by a mean squared error."""

import numpy as np

EPS = 1e-5


def batchnorm(x, gamma, beta):
    mu = x.mean(axis=0)
    var = ((x - mu) ** 2).mean(axis=0)
    xhat = (x - mu) / np.sqrt(var + EPS)
    return gamma * xhat + beta


def loss(x, gamma, beta, target):
    out = batchnorm(x, gamma, beta)
    return ((out - target) ** 2).mean()


def gradient(x, gamma, beta, target):
    N, D = x.shape
    mu = x.mean(axis=0)
    xc = x - mu
    var = (xc ** 2).mean(axis=0)
    std = np.sqrt(var + EPS)
    xhat = xc / std
    out = gamma * xhat + beta
    dout = 2 * (out - target) / out.size
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dxhat = dout * gamma
    dvar = (dxhat * xc * -0.5 * std ** -3).sum(axis=0)
    dmu = (-dxhat / std).sum(axis=0)
    dx = dxhat / std + dvar * 2 * xc / N + dmu / N
    return dx, dgamma, dbeta


def example(rng):
    return 2 * rng.normal(size=(7, 5)) + 1, rng.normal(size=5) + 2, rng.normal(size=5), rng.normal(size=(7, 5))


MEAN = "mu = x.mean(axis=0)"
VAR = "var = ((x - mu) ** 2).mean(axis=0)"
XHAT = "xhat = (x - mu) / np.sqrt(var + EPS)"
OUT = "return gamma * xhat + beta"
MISTAKES = [
    ("variance treated as a constant", {" + dvar * 2 * xc / N": ""}, "missing-term", ("missing-path",), ("x",), XHAT),
    ("mean treated as a constant", {" + dmu / N": ""}, "missing-term", ("missing-path",), ("x",), XHAT),
    ("mean and variance both treated as constants", {"dxhat / std + dvar * 2 * xc / N + dmu / N": "dxhat / std"}, "missing-term", ("missing-path",), ("x",), XHAT),
    ("only the paths through the statistics, the direct one lost", {"dx = dxhat / std + dvar": "dx = dvar"}, "missing-path", ("missing-term",), ("x",), XHAT),
    ("lost the 2 of the squared deviations", {"dvar * 2 * xc / N": "dvar * xc / N"}, "factor", (), ("x",), VAR),
    ("1/N of the mean forgotten", {"+ dmu / N": "+ dmu"}, "factor", (), ("x",), MEAN),
    ("N - 1 in the variance's derivative", {"xc / N": "xc / (N - 1)"}, "factor", (), ("x",), VAR),
    ("sign of the variance path", {"xc * -0.5": "xc * 0.5"}, "sign", (), ("x",), XHAT),
    ("power -1/2 not lowered to -3/2", {"-0.5 * std ** -3": "-0.5 * std ** -1"}, "wrong-local-derivative", (), ("x",), XHAT),
    ("x for the centred x in the variance's gradient", {"dxhat * xc * -0.5": "dxhat * x * -0.5"}, "wrong-operand", (), ("x",), XHAT),
    ("dgamma with x for the normalised x", {"dout * xhat": "dout * x"}, "wrong-operand", (), ("gamma",), OUT),
    ("dgamma not summed over the batch", {"(dout * xhat).sum(axis=0)": "dout * xhat"}, "unreduced", (), ("gamma",), OUT),
    ("dgamma summed over the features", {"(dout * xhat).sum(axis=0)": "(dout * xhat).sum(axis=1)"}, "wrong-axis", (), ("gamma",), OUT),
    ("dbeta as the derivative of out alone: the number of samples", {"dout.sum(axis=0)": "np.ones_like(dout).sum(axis=0)"}, "missing-incoming", (), ("beta",), OUT),
    ("dbeta averaged over the batch", {"dout.sum(axis=0)": "dout.mean(axis=0)"}, "mean-for-sum", ("factor",), ("beta",), OUT),
    ("gamma not multiplied in on the way to xhat", {"dout * gamma": "dout"}, "missing-local-derivative", ("factor",), ("x",), OUT),
    ("dbeta as (1, D)", {"dout.sum(axis=0)": "dout.sum(axis=0, keepdims=True)"}, "shape", (), ("beta",), OUT),
    ("mean path subtracted again although dmu has it already", {"+ dmu / N": "+ dmu / N - dxhat.mean(axis=0) / std"}, "doubled-term", (), ("x",), MEAN),
]
