"""Two-layer network with the tanh approximation of GELU, binary labels in {-1, +1}, logistic loss."""

import numpy as np

C = np.sqrt(2 / np.pi)


def gelu(x):
    u = C * (x + 0.044715 * x ** 3)
    return 0.5 * x * (1 + np.tanh(u))


def loss(W1, b1, w2, X, y):
    a = X @ W1.T + b1
    h = gelu(a)
    s = h @ w2
    return np.log(1 + np.exp(-y * s)).mean()


def gradient(W1, b1, w2, X, y):
    a = X @ W1.T + b1
    u = C * (a + 0.044715 * a ** 3)
    t = np.tanh(u)
    h = 0.5 * a * (1 + t)
    s = h @ w2
    ds = -y / (1 + np.exp(y * s)) / len(y)
    dw2 = h.T @ ds
    dh = ds[:, None] * w2
    du = C * (1 + 3 * 0.044715 * a ** 2)
    da = dh * (0.5 * (1 + t) + 0.5 * a * (1 - t ** 2) * du)
    dW1 = da.T @ X
    db1 = da.sum(0)
    return dW1, db1, dw2


def example(rng):
    return rng.normal(size=(6, 5)), rng.normal(size=6), rng.normal(size=6), rng.normal(size=(7, 5)), np.array([1.0, -1, -1, 1, 1, -1, 1])


G = "return 0.5 * x * (1 + np.tanh(u))"
U = "u = C * (x + 0.044715 * x ** 3)"
LOG = "return np.log(1 + np.exp(-y * s)).mean()"
HID = ("W1", "b1")
ALL = ("W1", "b1", "w2")
FULL = "0.5 * (1 + t) + 0.5 * a * (1 - t ** 2) * du"
MISTAKES = [
    ("product rule: the tanh treated as a constant", {" + 0.5 * a * (1 - t ** 2) * du": ""}, "missing-term", ("wrong-local-derivative",), HID, G),
    ("product rule: the factor x treated as a constant", {"0.5 * (1 + t) + 0.5": "0.5"}, "missing-term", ("wrong-local-derivative", "missing-path"), HID, G),
    ("GELU passed over", {"dh * (%s)" % FULL: "dh"}, "missing-local-derivative", (), HID, "h = gelu(a)"),
    ("ReLU's derivative for GELU's", {"dh * (%s)" % FULL: "dh * (a > 0)"}, "wrong-local-derivative", (), HID, ""),
    ("the logistic approximation's derivative", {"da = dh * (%s)" % FULL: "q = 1 / (1 + np.exp(-1.702 * a))\n    da = dh * (q + 1.702 * a * q * (1 - q))"}, "wrong-local-derivative", (), HID, ""),
    ("the 3 of the cube lost", {"3 * 0.044715": "0.044715"}, "factor", ("wrong-local-derivative",), HID, U),
    ("cube differentiated to 3 x", {"3 * 0.044715 * a ** 2": "3 * 0.044715 * a"}, "wrong-local-derivative", (), HID, U),
    ("inner derivative's sqrt(2/pi) forgotten", {"du = C * (1": "du = (1"}, "factor", (), HID, U),
    ("inner derivative forgotten", {" * (1 - t ** 2) * du": " * (1 - t ** 2)"}, "missing-local-derivative", (), HID, U),
    ("1 - u^2 for 1 - tanh(u)^2", {"1 - t ** 2": "1 - u ** 2"}, "wrong-argument", (), HID, G),
    ("GELU's derivative at h", {"    da = dh": "    a, t, du = h, np.tanh(C * (h + 0.044715 * h ** 3)), C * (1 + 3 * 0.044715 * h ** 2)\n    da = dh"}, "wrong-argument", (), HID, "h = gelu(a)"),
    ("GELU's derivative alone", {"da = dh * (": "da = ("}, "missing-incoming", (), HID, "h = gelu(a)"),
    ("minus of the logistic loss lost", {"-y / (1": "y / (1"}, "sign", (), ALL, LOG),
    ("sigmoid of the wrong side: exp(-y s)", {"np.exp(y * s)": "np.exp(-y * s)"}, "wrong-local-derivative", ("sign", "wrong-argument"), ALL, LOG),
    ("not averaged over the batch", {" / len(y)": ""}, "factor", (), ALL, LOG),
    ("pre-activation for h in dw2", {"h.T @ ds": "a.T @ ds"}, "wrong-operand", (), ("w2",), "s = h @ w2"),
    ("w2 updated first", {"    dh = ds": "    w2 = w2 - 0.5 * dw2\n    dh = ds"}, "stale", (), HID, "s = h @ w2"),
    ("dW1 in the (inputs, hidden) layout", {"da.T @ X": "X.T @ da"}, "transpose", (), ("W1",), "a = X @ W1.T + b1"),
    ("db1 averaged", {"da.sum(0)": "da.mean(0)"}, "mean-for-sum", ("factor",), ("b1",), "a = X @ W1.T + b1"),
    ("db1 decayed", {"da.sum(0)": "da.sum(0) + 0.01 * b1"}, "extra-term", (), ("b1",), ""),
]
