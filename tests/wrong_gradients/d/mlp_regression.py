"""Two-layer softplus network for regression, parameters in a dict; as many hidden units as outputs."""

import numpy as np


def softplus(a):
    return np.log(1 + np.exp(a))


def forward(p, X):
    a = X @ p["W1"] + p["b1"]
    h = softplus(a)
    return h @ p["W2"] + p["b2"]


def loss(p, X, T):
    err = forward(p, X) - T
    return np.mean(err ** 2)


def gradient(p, X, T):
    W2 = p["W2"]
    a = X @ p["W1"] + p["b1"]
    h = softplus(a)
    out = h @ W2 + p["b2"]
    grads = {}
    dout = 2 * (out - T) / out.size
    grads["W2"] = h.T @ dout
    grads["b2"] = dout.sum(0)
    dh = dout @ W2.T
    da = dh / (1 + np.exp(-a))
    grads["W1"] = X.T @ da
    grads["b1"] = da.sum(0)
    return grads


def example(rng):
    p = {
        "W1": rng.normal(size=(3, 4)),
        "b1": rng.normal(size=4),
        "W2": rng.normal(size=(4, 4)),
        "b2": rng.normal(size=4),
    }
    return p, rng.normal(size=(7, 3)), rng.normal(size=(7, 4))


MISTAKES = [
    ("divided by the batch size although the mean is over the outputs too", {"out.size": "len(X)"}, "factor", (), ("p['W1']", "p['b1']", "p['W2']", "p['b2']"), "np.mean(err ** 2)"),
    ("softplus' derivative, the sigmoid, at h rather than a", {"np.exp(-a)": "np.exp(-h)"}, "wrong-argument", (), ("p['W1']", "p['b1']"), "h = softplus(a)"),
    ("forgot the activation on the way back", {"da = dh / (1 + np.exp(-a))": "da = dh"}, "missing-local-derivative", (), ("p['W1']", "p['b1']"), "h = softplus(a)"),
    ("W2 not transposed", {"dout @ W2.T": "dout @ W2"}, "transpose", (), ("p['W1']", "p['b1']"), 'h @ p["W2"] + p["b2"]'),
    ("W2 had its update before the error went through it", {"    dh = dout": "    W2 = W2 - 0.5 * grads[\"W2\"]\n    dh = dout"}, "stale", (), ("p['W1']", "p['b1']"), 'h @ p["W2"] + p["b2"]'),
    ("hidden bias's gradient kept per sample", {"da.sum(0)": "da"}, "unreduced", (), ("p['b1']",), 'a = X @ p["W1"] + p["b1"]'),
    ("pre-activation in place of the hidden layer in dW2", {"h.T @ dout": "a.T @ dout"}, "wrong-operand", (), ("p['W2']",), 'h @ p["W2"] + p["b2"]'),
]
