"""SiLU, parametric ELU and Mish layers in turn, then a linear output and the Huber loss (mean over samples)."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def silu(z):
    return z * sigmoid(z)


def elu(z, alpha):
    return np.where(z > 0, z, alpha * (np.exp(z) - 1))


def mish(z):
    sp = np.log1p(np.exp(z))
    return z * np.tanh(sp)


def huber(r, delta):
    return np.where(np.abs(r) <= delta, 0.5 * r ** 2, delta * (np.abs(r) - 0.5 * delta))


def loss(p, alpha, X, y, delta):
    a1 = silu(X @ p["W1"] + p["b1"])
    a2 = elu(a1 @ p["W2"] + p["b2"], alpha)
    a3 = mish(a2 @ p["W3"] + p["b3"])
    r = a3 @ p["w4"] - y
    return np.mean(huber(r, delta))


def gradient(p, alpha, X, y, delta):
    n = len(y)
    z1 = X @ p["W1"] + p["b1"]
    s1 = sigmoid(z1)
    a1 = z1 * s1
    z2 = a1 @ p["W2"] + p["b2"]
    a2 = elu(z2, alpha)
    z3 = a2 @ p["W3"] + p["b3"]
    sp3 = np.log1p(np.exp(z3))
    t3 = np.tanh(sp3)
    a3 = z3 * t3
    r = a3 @ p["w4"] - y

    g = {}
    dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / n
    g["w4"] = a3.T @ dr
    da3 = np.outer(dr, p["w4"])
    dz3 = da3 * (t3 + z3 * (1 - t3 ** 2) * sigmoid(z3))
    g["W3"] = a2.T @ dz3
    g["b3"] = dz3.sum(axis=0)
    da2 = dz3 @ p["W3"].T
    dalpha = np.sum(da2 * np.where(z2 > 0, 0, np.exp(z2) - 1))
    dz2 = da2 * np.where(z2 > 0, 1, alpha * np.exp(z2))
    g["W2"] = a1.T @ dz2
    g["b2"] = dz2.sum(axis=0)
    da1 = dz2 @ p["W2"].T
    dz1 = da1 * (s1 + z1 * s1 * (1 - s1))
    g["W1"] = X.T @ dz1
    g["b1"] = dz1.sum(axis=0)
    return g, dalpha


def example(rng):
    p = {"W1": rng.normal(size=(3, 6)), "b1": rng.normal(size=6), "W2": rng.normal(size=(6, 5)), "b2": rng.normal(size=5),
         "W3": rng.normal(size=(5, 4)), "b3": rng.normal(size=4), "w4": rng.normal(size=4)}
    return p, 0.8, rng.normal(size=(7, 3)), 2 * rng.normal(size=7), 1.5


L1 = ("p['W1']", "p['b1']")
L2 = ("p['W2']", "p['b2']")
L3 = ("p['W3']", "p['b3']")
W4 = ("p['w4']",)

MISTAKES = [
    ("SiLU: only sigmoid(z), the z sigmoid' part forgotten", {"(s1 + z1 * s1 * (1 - s1))": "s1"}, "missing-path", ("missing-term", "wrong-local-derivative"), L1, "z * sigmoid(z)"),
    ("dz1 without da1", {"dz1 = da1 * (s1": "dz1 = (s1"}, "missing-incoming", (), L1, "z * sigmoid(z)"),
    ("ELU's derivative at the activation", {"alpha * np.exp(z2))": "alpha * np.exp(a2))"}, "wrong-argument", (), L1 + L2, "alpha * (np.exp(z) - 1)"),
    ("ReLU's derivative for ELU's", {"1, alpha * np.exp(z2))": "1, 0)"}, "wrong-local-derivative", ("partial",), L1 + L2, "alpha * (np.exp(z) - 1)"),
    ("ELU passed through", {"dz2 = da2 * np.where(z2 > 0, 1, alpha * np.exp(z2))": "dz2 = da2"}, "missing-local-derivative", (), L1 + L2, "alpha * (np.exp(z) - 1)"),
    ("alpha's gradient not summed", {"np.sum(da2 * np.where(z2 > 0, 0, np.exp(z2) - 1))": "da2 * np.where(z2 > 0, 0, np.exp(z2) - 1)"}, "unreduced", (), ("alpha",), "alpha * (np.exp(z) - 1)"),
    ("Mish: softplus' derivative, the sigmoid, left out", {"(1 - t3 ** 2) * sigmoid(z3)": "(1 - t3 ** 2)"}, "missing-local-derivative", (), L1 + L2 + L3 + ("alpha",), "sp = np.log1p(np.exp(z))"),
    ("Mish: 1 - softplus^2 for 1 - tanh(softplus)^2", {"(1 - t3 ** 2)": "(1 - sp3 ** 2)"}, "wrong-argument", (), L1 + L2 + L3 + ("alpha",), "z * np.tanh(sp)"),
    ("squared error's derivative for Huber's", {"np.where(np.abs(r) <= delta, r, delta * np.sign(r)) / n": "r / n"}, "wrong-local-derivative", ("partial",), L1 + L2 + L3 + W4 + ("alpha",), "delta * (np.abs(r) - 0.5 * delta)"),
    ("weight decay that the loss doesn't have", {'g["W1"] = X.T @ dz1': 'g["W1"] = X.T @ dz1 + 1e-2 * p["W1"]'}, "extra-term", (), ("p['W1']",), ""),
]
