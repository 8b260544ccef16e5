"""LSTM over several steps (gates i, f, o, g in one matrix), read out after the last step; learnt initial state."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def loss(Wx, Wh, b, V, h0, c0, X, Y):
    H = Wh.shape[0]
    n = Y.shape[0]
    h, c = h0 + np.zeros((n, H)), c0 + np.zeros((n, H))
    for t in range(len(X)):
        z = X[t] @ Wx + h @ Wh + b
        i = sigmoid(z[:, :H])
        f = sigmoid(z[:, H:2 * H])
        o = sigmoid(z[:, 2 * H:3 * H])
        g = np.tanh(z[:, 3 * H:])
        c = f * c + i * g
        h = o * np.tanh(c)
    out = h @ V
    return 0.5 * np.sum((out - Y) ** 2) / n


def gradient(Wx, Wh, b, V, h0, c0, X, Y):
    H = Wh.shape[0]
    n = Y.shape[0]
    h, c = np.tile(h0, (n, 1)), np.tile(c0, (n, 1))
    cache = []
    for t in range(len(X)):
        z = X[t] @ Wx + h @ Wh + b
        i, f, o = sigmoid(z[:, :H]), sigmoid(z[:, H:2 * H]), sigmoid(z[:, 2 * H:3 * H])
        g = np.tanh(z[:, 3 * H:])
        c_prev, h_prev = c, h
        c = f * c_prev + i * g
        h = o * np.tanh(c)
        cache.append((i, f, o, g, c_prev, c, h_prev, h))
    dout = (h @ V - Y) / n
    dV = h.T @ dout
    dh = dout @ V.T
    dc = np.zeros_like(c)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    for t in reversed(range(len(X))):
        i, f, o, g, c_prev, c, h_prev, h = cache[t]
        tc = np.tanh(c)
        do = dh * tc
        dc = dc + dh * o * (1 - tc ** 2)
        di = dc * g
        dg = dc * i
        df = dc * c_prev
        dz = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g ** 2)])
        dWx += X[t].T @ dz
        dWh += h_prev.T @ dz
        db += dz.sum(axis=0)
        dh = dz @ Wh.T
        dc = dc * f
    return dWx, dWh, db, dV, dh.sum(axis=0), dc.sum(axis=0)


def example(rng):
    return (rng.normal(size=(2, 12)), rng.normal(size=(3, 12)), rng.normal(size=12), rng.normal(size=(3, 2)),
            rng.normal(size=3), rng.normal(size=3), rng.normal(size=(4, 5, 2)), rng.normal(size=(5, 2)))


ALL = ("Wx", "Wh", "b", "h0", "c0")

MISTAKES = [
    ("cell gradient from the later step overwritten", {"dc = dc + dh * o": "dc = dh * o"}, "missing-path", (), ALL, "c = f * c + i * g"),
    ("tanh of the cell passed through as the identity", {"dh * o * (1 - tc ** 2)": "dh * o"}, "missing-local-derivative", (), ALL, "h = o * np.tanh(c)"),
    ("1 - c^2 for 1 - tanh(c)^2", {"(1 - tc ** 2)": "(1 - c ** 2)"}, "wrong-argument", (), ALL, "h = o * np.tanh(c)"),
    ("cell gradient handed to the step before without the forget gate", {"dc = dc * f": "dc = dc"}, "missing-local-derivative", ("wrong-local-derivative",), ALL, "c = f * c + i * g"),
    ("new cell state for the old one in the forget gate's gradient", {"df = dc * c_prev": "df = dc * c"}, "wrong-operand", ("index",), ALL, "c = f * c + i * g"),
    ("candidate treated like the sigmoid gates", {"dg * (1 - g ** 2)": "dg * g * (1 - g)"}, "wrong-local-derivative", (), ALL, "g = np.tanh(z[:, 3 * H:])"),
    ("dWh = for dWh +=", {"dWh += h_prev.T": "dWh = h_prev.T"}, "missing-path", (), ("Wh",), "z = X[t] @ Wx + h @ Wh + b"),
    ("current hidden state for the previous one in dWh", {"dWh += h_prev.T @": "dWh += h.T @"}, "index", ("wrong-operand",), ("Wh",), "z = X[t] @ Wx + h @ Wh + b"),
    ("hidden state's recurrent path cut", {"dh = dz @ Wh.T": "dh = np.zeros_like(dh)"}, "missing-path", (), ALL, "z = X[t] @ Wx + h @ Wh + b"),
    ("bias averaged over the batch at each step", {"dz.sum(axis=0)": "dz.mean(axis=0)"}, "mean-for-sum", ("factor",), ("b",), "z = X[t] @ Wx + h @ Wh + b"),
    ("initial hidden state's gradient left per sample", {"dV, dh.sum(axis=0)": "dV, dh"}, "unreduced", (), ("h0",), "h, c = h0 + np.zeros"),
]
