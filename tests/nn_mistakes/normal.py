"""Normalisation over the samples, the features and the channels, as students write it."""

import numpy as np

RNG = np.random.default_rng(1)


def batch_norm(x, gamma, beta, eps=1e-3):
    mu = x.mean(axis=0)
    var = x.var(axis=0)
    xhat = (x - mu) / np.sqrt(var + eps)
    return gamma * xhat + beta


def batch_norm_backward(dout, x, gamma, beta, eps=1e-3):
    N = len(x)
    mu, var = x.mean(axis=0), x.var(axis=0)
    std = np.sqrt(var + eps)
    xhat = (x - mu) / std
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xhat).sum(axis=0)
    dxhat = dout * gamma
    dx = (dxhat - dxhat.sum(axis=0) / N - xhat * (dxhat * xhat).sum(axis=0) / N) / std
    return dx, dgamma, dbeta


def in_steps(dout, x, gamma, beta, eps=1e-3):
    N = len(x)
    mu = x.mean(axis=0)
    xmu = x - mu
    var = (xmu**2).mean(axis=0)
    istd = 1 / np.sqrt(var + eps)
    dbeta = dout.sum(axis=0)
    dgamma = (dout * xmu * istd).sum(axis=0)
    dxhat = dout * gamma
    dvar = np.sum(dxhat * xmu * -0.5 * istd**3, axis=0)
    dmu = np.sum(-dxhat * istd, axis=0)
    dx = dxhat * istd + dvar * 2 * xmu / N + dmu / N
    return dx, dgamma, dbeta


def layer_norm(x, gamma, beta):
    mu = x.mean(axis=-1, keepdims=True)
    var = np.mean((x - mu) ** 2, axis=-1, keepdims=True)
    return gamma * (x - mu) / np.sqrt(var + 1e-5) + beta


def layer_norm_backward(dout, x, gamma, beta):
    mu = x.mean(axis=-1, keepdims=True)
    std = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    y = (x - mu) / std
    dgamma = np.sum(dout * y, axis=0)
    dbeta = np.sum(dout, axis=0)
    dy = dout * gamma
    m1 = dy.mean(axis=-1, keepdims=True)
    m2 = (dy * y).mean(axis=-1, keepdims=True)
    dx = (dy - m1 - y * m2) / std
    return dx, dgamma, dbeta


def channel_norm(x, gamma, beta):
    mu = x.mean(axis=(0, 2, 3), keepdims=True)
    var = x.var(axis=(0, 2, 3), keepdims=True)
    xhat = (x - mu) / np.sqrt(var + 1e-5)
    return gamma[:, None, None] * xhat + beta[:, None, None]


def channel_norm_backward(dout, x, gamma, beta):
    m = x.size / x.shape[1]
    mu = x.mean(axis=(0, 2, 3), keepdims=True)
    std = np.sqrt(x.var(axis=(0, 2, 3), keepdims=True) + 1e-5)
    xhat = (x - mu) / std
    dbeta = dout.sum(axis=(0, 2, 3))
    dgamma = (dout * xhat).sum(axis=(0, 2, 3))
    d = dout * gamma[:, None, None]
    s1 = d.sum(axis=(0, 2, 3), keepdims=True)
    s2 = (d * xhat).sum(axis=(0, 2, 3), keepdims=True)
    dx = (d - s1 / m - xhat * s2 / m) / std
    return dx, dgamma, dbeta


X = 2 * RNG.normal(size=(6, 4)) + 1
SCALE, SHIFT = RNG.normal(size=4) + 2, RNG.normal(size=4)
BOTH = " - dxhat.sum(axis=0) / N - xhat * (dxhat * xhat).sum(axis=0) / N"
LOCAL = "wrong-local-derivative"
LAYERS = {
    "BatchNorm": (batch_norm, batch_norm_backward, (X, SCALE, SHIFT), [
        ({BOTH: ""}, "missing-term"),
        ({" - xhat * (dxhat * xhat).sum(axis=0) / N": ""}, "missing-term"),
        ({"np.sqrt(var + eps)": "np.sqrt(var)"}, "missing-term wrong-argument wrong-operand"),
        ({"dxhat = dout * gamma": "dxhat = dout"}, "missing-local-derivative factor"),
        ({"dbeta = dout.sum(axis=0)": "dbeta = dout.sum(axis=1)"}, "wrong-axis"),
        ({"N = len(x)": "N = len(x) - 1"}, "factor"),
        ({"(dout * xhat).sum(axis=0)": "(dout * x).sum(axis=0)"}, "wrong-operand")]),
    "BatchNorm in steps": (batch_norm, in_steps, (X, SCALE, SHIFT), [
        ({" + dvar * 2 * xmu / N": ""}, "missing-term"),
        ({" + dmu / N": ""}, "missing-term"),
        ({"2 * xmu / N": "2 * xmu / (N - 1)"}, "factor"),
        ({"istd**3": "istd"}, LOCAL),
        ({"-0.5 *": "0.5 *"}, "sign")]),
    "LayerNorm": (layer_norm, layer_norm_backward, (X, SCALE, SHIFT), [
        ({"m1 = dy.mean(axis=-1,": "m1 = dy.mean(axis=0,",
          "m2 = (dy * y).mean(axis=-1,": "m2 = (dy * y).mean(axis=0,"},
         "wrong-axis"),
        ({"np.sum(dout * y, axis=0)": "np.sum(dout * y, axis=-1)"}, "wrong-axis shape"),
        ({"dy = dout * gamma": "dy = dout",
          "(dy - m1 - y * m2) / std": "gamma * (dy - m1 - y * m2) / std"},
         f"wrong-operand missing-local-derivative {LOCAL}"),
        ({" - m1": ""}, "missing-term"),
        ({" - m1 - y * m2": ""}, "missing-term")]),
    "BatchNorm2d": (channel_norm, channel_norm_backward,
                    (RNG.normal(size=(2, 3, 2, 4)) + 1, RNG.normal(size=3) + 2,
                     RNG.normal(size=3)), [
        ({"m = x.size / x.shape[1]": "m = len(x)"}, "factor"),
        ({"dbeta = dout.sum(axis=(0, 2, 3))": "dbeta = dout.sum(axis=(0, 1, 2))"}, "wrong-axis"),
        ({" - xhat * s2 / m": ""}, "missing-term"),
        ({"d = dout * gamma[:, None, None]": "d = dout"}, "missing-local-derivative factor")]),
}
