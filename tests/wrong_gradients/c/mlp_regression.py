"""Two-layer tanh network for regression, parameters in a dict, np.mean of the squared error over all entries."""

import numpy as np


def loss(p, X, Y):
    h = np.tanh(X @ p['W1'] + p['b1'])
    out = h @ p['W2'] + p['b2']
    return np.mean((out - Y) ** 2)


def gradient(p, X, Y):
    z = X @ p['W1'] + p['b1']
    h = np.tanh(z)
    out = h @ p['W2'] + p['b2']
    grads = {}
    dout = 2 * (out - Y) / out.size
    grads['W2'] = h.T @ dout
    grads['b2'] = dout.sum(axis=0)
    dh = dout @ p['W2'].T
    dz = dh * (1 - h ** 2)
    grads['W1'] = X.T @ dz
    grads['b1'] = dz.sum(axis=0)
    return grads


def example(rng):
    p = {'W1': rng.normal(size=(3, 5)), 'b1': rng.normal(size=5), 'W2': rng.normal(size=(5, 2)), 'b2': rng.normal(size=2)}
    return p, rng.normal(size=(7, 3)), rng.normal(size=(7, 2))


MISTAKES = [
    ("divided by the batch size only, but np.mean runs over the outputs too", {"out.size": "len(X)"}, "factor", (), ("p['W1']", "p['b1']", "p['W2']", "p['b2']"), "np.mean((out - Y) ** 2)"),
    ("no tanh derivative", {"dz = dh * (1 - h ** 2)": "dz = dh"}, "missing-local-derivative", (), ("p['W1']", "p['b1']"), "h = np.tanh("),
    ("1 - z^2 with the pre-activation", {"1 - h ** 2": "1 - z ** 2"}, "wrong-argument", (), ("p['W1']", "p['b1']"), "h = np.tanh("),
    ("sigmoid's derivative for the tanh layer", {"(1 - h ** 2)": "h * (1 - h)"}, "wrong-local-derivative", (), ("p['W1']", "p['b1']"), "h = np.tanh("),
    ("the output layer's weights come out transposed", {"h.T @ dout": "dout.T @ h"}, "transpose", (), ("p['W2']",), "out = h @ p['W2'] + p['b2']"),
    ("updated W2 before propagating to the hidden layer", {"grads['b2'] = dout.sum(axis=0)": "grads['b2'] = dout.sum(axis=0); p = dict(p, W2=p['W2'] - 0.1 * grads['W2'])"}, "stale", (), ("p['W1']", "p['b1']"), "out = h @ p['W2'] + p['b2']"),
    ("averaged the hidden bias although dz has 1/n already", {"dz.sum(axis=0)": "dz.mean(axis=0)"}, "mean-for-sum", ("factor",), ("p['b1']",), "X @ p['W1'] + p['b1']"),
    ("pre-activation for activation in the gradient of W2", {"h.T @ dout": "z.T @ dout"}, "wrong-operand", (), ("p['W2']",), "out = h @ p['W2'] + p['b2']"),
    ("wrote the tanh's derivative as the delta and never multiplied by what comes from above", {"dh * (1 - h ** 2)": "1 - h ** 2"}, "missing-incoming", (), ("p['W1']", "p['b1']"), "h = np.tanh("),
    ("output bias summed over the outputs, not over the samples", {"dout.sum(axis=0)": "dout.sum(axis=1)"}, "wrong-axis", (), ("p['b2']",), "out = h @ p['W2'] + p['b2']"),
]
