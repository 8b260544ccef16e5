"""An LSTM cell unrolled over two steps (gates i, f, o, g in one matrix), squared error at every step."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step(x, h, c, Wx, Wh, b):
    H = h.shape[1]
    a = x @ Wx + h @ Wh + b
    i = sigmoid(a[:, :H])
    f = sigmoid(a[:, H:2 * H])
    o = sigmoid(a[:, 2 * H:3 * H])
    g = np.tanh(a[:, 3 * H:])
    c_next = f * c + i * g
    h_next = o * np.tanh(c_next)
    return h_next, c_next


def loss(Wx, Wh, b, h0, c0, X, Y):
    h, c = h0, c0
    total = 0.0
    for t in range(len(X)):
        h, c = lstm_step(X[t], h, c, Wx, Wh, b)
        total = total + 0.5 * np.sum((h - Y[t]) ** 2) / len(h)
    return total


def gradient(Wx, Wh, b, h0, c0, X, Y):
    n, H = h0.shape
    h, c = h0, c0
    cache = []
    for x in X:
        h_prev, c_prev = h, c
        a = x @ Wx + h_prev @ Wh + b
        i, f, o = (sigmoid(a[:, k * H:(k + 1) * H]) for k in range(3))
        g = np.tanh(a[:, 3 * H:])
        c = f * c_prev + i * g
        h = o * np.tanh(c)
        cache.append((x, h_prev, c_prev, a, i, f, o, g, c, h))
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dh_next, dc_next = np.zeros_like(h0), np.zeros_like(c0)
    for t in reversed(range(len(X))):
        x, h_prev, c_prev, a, i, f, o, g, c, h = cache[t]
        dh = (h - Y[t]) / n + dh_next
        tc = np.tanh(c)
        do = dh * tc
        dc = dh * o * (1 - tc ** 2) + dc_next
        di = dc * g
        df = dc * c_prev
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
    return dWx, dWh, db, dh_next, dc_next


def example(rng):
    return (0.5 * rng.normal(size=(5, 12)), 0.5 * rng.normal(size=(3, 12)), rng.normal(size=12),
            rng.normal(size=(7, 3)), rng.normal(size=(7, 3)), rng.normal(size=(2, 7, 5)), rng.normal(size=(2, 7, 3)))


ALL = ("Wx", "Wh", "b", "h0", "c0")
C = "c_next = f * c + i * g"
HN = "h_next = o * np.tanh(c_next)"
MISTAKES = [
    ("cell state's gradient from the next step not added", {" + dc_next": ""}, "missing-path", ("missing-term",), ALL, C),
    ("hidden state's gradient from the next step not added", {" + dh_next": ""}, "missing-path", ("missing-term",), ALL, "a = x @ Wx + h @ Wh + b"),
    ("tanh of the cell state not differentiated", {"dh * o * (1 - tc ** 2)": "dh * o"}, "missing-local-derivative", (), ALL, HN),
    ("1 - c^2 for 1 - tanh(c)^2", {"1 - tc ** 2": "1 - c ** 2"}, "wrong-argument", (), ALL, HN),
    ("output gate's gradient with c for tanh(c)", {"do = dh * tc": "do = dh * c"}, "wrong-operand", ("missing-local-derivative",), ALL, HN),
    ("input gate's gradient with i for g", {"di = dc * g": "di = dc * i"}, "wrong-operand", (), ALL, C),
    ("forget gate's gradient with the new cell state", {"df = dc * c_prev": "df = dc * c"}, "index", ("wrong-operand",), ALL, C),
    ("candidate's gradient through a sigmoid's derivative", {"dg * (1 - g ** 2)": "dg * g * (1 - g)"}, "wrong-local-derivative", (), ALL, "g = np.tanh(a[:, 3 * H:])"),
    ("input gate's sigmoid not differentiated", {"di * i * (1 - i)": "di"}, "missing-local-derivative", (), ALL, "i = sigmoid(a[:, :H])"),
    ("forget gate's sigmoid derivative at the pre-activation", {"df * f * (1 - f)": "df * a[:, H:2 * H] * (1 - a[:, H:2 * H])"}, "wrong-argument", (), ALL, "f = sigmoid(a[:, H:2 * H])"),
    ("previous cell state's gradient with i for f", {"dc_next = dc * f": "dc_next = dc * i"}, "wrong-operand", (), ALL, C),
    ("recurrent weights with this step's h", {"h_prev.T @ da": "h.T @ da"}, "index", ("wrong-operand",), ("Wh",), "a = x @ Wx + h @ Wh + b"),
    ("input weights overwritten at every step", {"dWx += ": "dWx = "}, "missing-path", (), ("Wx",), "a = x @ Wx + h @ Wh + b"),
    ("bias per sample", {"db += da.sum(axis=0)": "db = db + da"}, "unreduced", (), ("b",), "a = x @ Wx + h @ Wh + b"),
    ("bias averaged over the batch", {"da.sum(axis=0)": "da.mean(axis=0)"}, "mean-for-sum", ("factor",), ("b",), "a = x @ Wx + h @ Wh + b"),
    ("output gate's derivative alone, do not multiplied in", {"do * o * (1 - o)": "o * (1 - o)"}, "missing-incoming", (), ALL, "o = sigmoid(a[:, 2 * H:3 * H])"),
    ("not divided by the batch size", {"(h - Y[t]) / n": "(h - Y[t])"}, "factor", (), ALL, "total = total + 0.5"),
    ("gate blocks stacked in another order", {"[dai, daf, dao, dag]": "[dai, daf, dag, dao]"}, "wrong-operand", ("index",), ALL, ""),
]
