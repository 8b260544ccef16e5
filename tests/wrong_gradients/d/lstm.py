"""LSTM unrolled over a few steps, gates stacked i f o g in one matrix, squared error on the last hidden state."""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class LSTMCell:
    def __init__(self, Wx, Wh, b):
        self.Wx, self.Wh, self.b = Wx, Wh, b

    def forward(self, x, h, c):
        H = h.shape[1]
        a = x @ self.Wx + h @ self.Wh + self.b
        i = sigmoid(a[:, :H])
        f = sigmoid(a[:, H:2 * H])
        o = sigmoid(a[:, 2 * H:3 * H])
        g = np.tanh(a[:, 3 * H:])
        c = f * c + i * g
        h = o * np.tanh(c)
        return h, c


def loss(Wx, Wh, b, h0, c0, xs, target):
    cell = LSTMCell(Wx, Wh, b)
    h, c = h0, c0
    for x in xs:
        h, c = cell.forward(x, h, c)
    return 0.5 * np.mean(np.sum((h - target) ** 2, axis=1))


def gradient(Wx, Wh, b, h0, c0, xs, target):
    N, H = h0.shape
    h, c, cache = h0, c0, []
    for x in xs:
        a = x @ Wx + h @ Wh + b
        i, f, o = (sigmoid(a[:, k * H:(k + 1) * H]) for k in range(3))
        g = np.tanh(a[:, 3 * H:])
        c_next = f * c + i * g
        cache.append((x, h, c, i, f, o, g, c_next))
        h, c = o * np.tanh(c_next), c_next

    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dh, dc = (h - target) / N, np.zeros_like(c)
    for x, h_prev, c_prev, i, f, o, g, c in reversed(cache):
        tc = np.tanh(c)
        do = dh * tc
        dc = dc + dh * o * (1 - tc ** 2)
        da = np.concatenate([
            dc * g * i * (1 - i),
            dc * c_prev * f * (1 - f),
            do * o * (1 - o),
            dc * i * (1 - g ** 2),
        ], axis=1)
        dWx += x.T @ da
        dWh += h_prev.T @ da
        db += da.sum(axis=0)
        dh = da @ Wh.T
        dc = dc * f
    return dWx, dWh, db, dh, dc


def example(rng):
    xs = rng.normal(size=(3, 2, 5))
    return (rng.normal(size=(5, 12)), rng.normal(size=(3, 12)), rng.normal(size=12), rng.normal(size=(2, 3)),
            rng.normal(size=(2, 3)), xs, rng.normal(size=(2, 3)))


ALL = ("Wx", "Wh", "b", "h0", "c0")

MISTAKES = [
    ("overwrote the cell's gradient that comes from the next step", {"dc = dc + dh * o": "dc = dh * o"}, "missing-path", (), ALL, "c = f * c + i * g"),
    ("1 - c² instead of 1 - tanh(c)²", {"(1 - tc ** 2)": "(1 - c ** 2)"}, "wrong-argument", (), ALL, "h = o * np.tanh(c)"),
    ("the candidate taken for one more sigmoid gate", {"(1 - g ** 2)": "g * (1 - g)"}, "wrong-local-derivative", (), ALL, "g = np.tanh(a[:, 3 * H:])"),
    ("the new cell state in the forget gate's gradient", {"dc * c_prev * f": "dc * c * f"}, "wrong-operand", ("index",), ALL, "c = f * c + i * g"),
    ("output gate's sigmoid not differentiated", {"do * o * (1 - o)": "do"}, "missing-local-derivative", (), ALL, "o = sigmoid(a[:, 2 * H:3 * H])"),
    ("nothing back to the previous hidden state", {"dh = da @ Wh.T": "dh = np.zeros_like(dh)"}, "missing-path", (), ALL, "a = x @ self.Wx + h @ self.Wh + self.b"),
    ("bias's gradient not summed over the batch", {"db += da.sum(axis=0)": "db = db + da"}, "unreduced", (), ("b",), "a = x @ self.Wx + h @ self.Wh + self.b"),
]
