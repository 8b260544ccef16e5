"""LSTM over three steps, gates stacked as [i, f, o, g] in one matrix; half squared error at every step, mean over the batch."""

import numpy as np


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def loss(Wx, Wh, b, xs, targets):
    T, N, D = xs.shape
    H = Wh.shape[0]
    h = np.zeros((N, H))
    c = np.zeros((N, H))
    total = 0.0
    for t in range(T):
        a = xs[t] @ Wx + h @ Wh + b
        i = sigmoid(a[:, :H])
        f = sigmoid(a[:, H:2 * H])
        o = sigmoid(a[:, 2 * H:3 * H])
        g = np.tanh(a[:, 3 * H:])
        c = f * c + i * g
        h = o * np.tanh(c)
        total = total + 0.5 * np.sum((h - targets[t]) ** 2)
    return total / N


def gradient(Wx, Wh, b, xs, targets):
    T, N, D = xs.shape
    H = Wh.shape[0]
    h, c = np.zeros((N, H)), np.zeros((N, H))
    cache = []
    for t in range(T):
        h_prev, c_prev = h, c
        a = xs[t] @ Wx + h_prev @ Wh + b
        i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H:2 * H]), sigmoid(a[:, 2 * H:3 * H])
        g = np.tanh(a[:, 3 * H:])
        c = f * c_prev + i * g
        h = o * np.tanh(c)
        cache.append((xs[t], h_prev, c_prev, i, f, o, g, c, h))

    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dh_next, dc_next = np.zeros((N, H)), np.zeros((N, H))
    for t in reversed(range(T)):
        x, h_prev, c_prev, i, f, o, g, c, h = cache[t]
        tc = np.tanh(c)
        dh = (h - targets[t]) / N + dh_next
        do = dh * tc
        dc = dh * o * (1 - tc ** 2) + dc_next
        df = dc * c_prev
        di = dc * g
        dg = dc * i
        dai = di * i * (1 - i)
        daf = df * f * (1 - f)
        dao = do * o * (1 - o)
        dag = dg * (1 - g ** 2)
        da = np.hstack([dai, daf, dao, dag])
        dWx += x.T @ da
        dWh += h_prev.T @ da
        db += da.sum(axis=0)
        dh_next = da @ Wh.T
        dc_next = dc * f
    return dWx, dWh, db


def example(rng):
    return (rng.normal(size=(3, 16)), rng.normal(size=(4, 16)), rng.normal(size=16), rng.normal(size=(3, 2, 3)),
            rng.normal(size=(3, 2, 4)))


MISTAKES = [
    ("no gradient from the next step's hidden state", {"/ N + dh_next": "/ N"}, "missing-path", (), ("Wx", "Wh", "b"), "a = xs[t] @ Wx + h @ Wh + b"),
    ("overlooked the cell state's way to the next step", {"(1 - tc ** 2) + dc_next": "(1 - tc ** 2)"}, "missing-path", (), ("Wx", "Wh", "b"), "c = f * c + i * g"),
    ("1 - c^2 where 1 - tanh(c)^2 is due", {"1 - tc ** 2": "1 - c ** 2"}, "wrong-argument", (), ("Wx", "Wh", "b"), "h = o * np.tanh(c)"),
    ("candidate's tanh not differentiated", {"dg * (1 - g ** 2)": "dg"}, "missing-local-derivative", (), ("Wx", "Wh", "b"), "g = np.tanh(a[:, 3 * H:])"),
    ("candidate treated as a sigmoid gate like the other three", {"dg * (1 - g ** 2)": "dg * g * (1 - g)"}, "wrong-local-derivative", (), ("Wx", "Wh", "b"), "g = np.tanh(a[:, 3 * H:])"),
    ("forget gate left out when handing dc to the step before", {"dc_next = dc * f": "dc_next = dc"}, "missing-local-derivative", ("factor",), ("Wx", "Wh", "b"), "c = f * c + i * g"),
    ("dWx overwritten at every step", {"dWx += x.T @ da": "dWx = x.T @ da"}, "missing-path", ("index",), ("Wx",), "a = xs[t] @ Wx + h @ Wh + b"),
    ("new hidden state with the recurrent weights, not the previous one", {"h_prev.T @ da": "h.T @ da"}, "wrong-operand", ("index",), ("Wh",), "a = xs[t] @ Wx + h @ Wh + b"),
    ("dh_next accumulated over the steps (+=), so later steps are counted again", {"dh_next = da @ Wh.T": "dh_next += da @ Wh.T"}, "doubled-term", (), ("Wx", "b"), "a = xs[t] @ Wx + h @ Wh + b"),
    ("averaged the bias over the batch in every step", {"da.sum(axis=0)": "da.mean(axis=0)"}, "mean-for-sum", ("factor",), ("b",), "a = xs[t] @ Wx + h @ Wh + b"),
]
