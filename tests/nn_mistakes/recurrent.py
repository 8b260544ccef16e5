"""Cells over a few steps, and self-attention, as students write them."""

import numpy as np

RNG = np.random.default_rng(2)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def rnn(x, h0, Wx, Wh, b):
    h, hs = h0, []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ Wx + h @ Wh + b)
        hs.append(h)
    return np.stack(hs, axis=1)


def rnn_backward(dout, x, h0, Wx, Wh, b):
    out = rnn(x, h0, Wx, Wh, b)
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dh_next = np.zeros_like(h0)
    for t in range(x.shape[1] - 1, -1, -1):
        h, h_prev = out[:, t], out[:, t - 1] if t > 0 else h0
        dh = dout[:, t] + dh_next
        dz = dh * (1 - h**2)
        dWx += x[:, t].T @ dz
        dWh += h_prev.T @ dz
        db += dz.sum(axis=0)
        dx[:, t] = dz @ Wx.T
        dh_next = dz @ Wh.T
    return dx, dh_next, dWx, dWh, db


def lstm_cell(x, h, c, W, U, b):
    z = x @ W + h @ U + b
    n = h.shape[1]
    i, f, o = sigmoid(z[:, :n]), sigmoid(z[:, n:2 * n]), sigmoid(z[:, 2 * n:3 * n])
    g = np.tanh(z[:, 3 * n:])
    c_next = f * c + i * g
    h_next = o * np.tanh(c_next)
    return h_next, c_next


def lstm_cell_backward(dout, x, h, c, W, U, b):
    z = x @ W + h @ U + b
    n = h.shape[1]
    i, f, o = sigmoid(z[:, :n]), sigmoid(z[:, n:2 * n]), sigmoid(z[:, 2 * n:3 * n])
    g = np.tanh(z[:, 3 * n:])
    c_next = f * c + i * g
    dh_next, dc_next = dout
    do = dh_next * np.tanh(c_next)
    dc_next = dc_next + dh_next * o * (1 - np.tanh(c_next) ** 2)
    df = dc_next * c
    di = dc_next * g
    dg = dc_next * i
    dc = dc_next * f
    dz = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)])
    return dz @ W.T, dz @ U.T, dc, x.T @ dz, h.T @ dz, dz.sum(axis=0)


def gru_cell(x, h, Wz, Uz, Wr, Ur, Wn, Un):
    z = sigmoid(x @ Wz + h @ Uz)
    r = sigmoid(x @ Wr + h @ Ur)
    n = np.tanh(x @ Wn + (r * h) @ Un)
    return (1 - z) * n + z * h


def gru_cell_backward(dout, x, h, Wz, Uz, Wr, Ur, Wn, Un):
    z = sigmoid(x @ Wz + h @ Uz)
    r = sigmoid(x @ Wr + h @ Ur)
    n = np.tanh(x @ Wn + (r * h) @ Un)
    da_n = dout * (1 - z) * (1 - n**2)
    da_z = dout * (h - n) * z * (1 - z)
    drh = da_n @ Un.T
    da_r = drh * h * r * (1 - r)
    dx = da_n @ Wn.T + da_z @ Wz.T + da_r @ Wr.T
    dh = dout * z + drh * r + da_z @ Uz.T + da_r @ Ur.T
    dWz, dWr, dWn = x.T @ da_z, x.T @ da_r, x.T @ da_n
    dUz, dUr, dUn = h.T @ da_z, h.T @ da_r, (r * h).T @ da_n
    return dx, dh, dWz, dUz, dWr, dUr, dWn, dUn


# ── self-attention ───────────────────────────────────────────────────────────────────────────


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(x, Wq, Wk, Wv, mask):
    Q, K, V = x @ Wq, x @ Wk, x @ Wv
    scores = Q @ K.T / np.sqrt(Q.shape[1])
    A = softmax(np.where(mask, scores, -1e9))
    return A @ V


def attention_backward(dout, x, Wq, Wk, Wv, mask):
    Q, K, V = x @ Wq, x @ Wk, x @ Wv
    d = Q.shape[1]
    A = softmax(np.where(mask, Q @ K.T / np.sqrt(d), -1e9))
    dV = A.T @ dout
    dA = dout @ V.T
    dS = A * (dA - (dA * A).sum(axis=-1, keepdims=True))
    dQ = dS @ K / np.sqrt(d)
    dK = dS.T @ Q / np.sqrt(d)
    dx = dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
    return dx, x.T @ dQ, x.T @ dK, x.T @ dV


def masked_after(S, V, mask):
    return softmax(S) * mask @ V


def masked_after_backward(dout, S, V, mask):
    P = softmax(S)
    dV = (P * mask).T @ dout
    dP = dout @ V.T * mask
    dS = P * (dP - (dP * P).sum(axis=-1, keepdims=True))
    return dS, dV


def _normal(*shapes):
    return tuple(0.8 * RNG.normal(size=s) for s in shapes)


LOCAL = "wrong-local-derivative"
SUM = " - (dA * A).sum(axis=-1, keepdims=True)"
CAUSAL = np.tril(np.ones((4, 4), bool))
LAYERS = {
    "RNN": (rnn, rnn_backward, _normal((2, 4, 3), (2, 3), (3, 3), (3, 3), 3), [
        ({"dh = dout[:, t] + dh_next": "dh = dout[:, t]"}, "missing-path missing-term"),
        ({"1 - h**2": "1 - h_prev**2"}, "wrong-argument wrong-operand"),
        ({"h_prev.T @ dz": "h.T @ dz"}, "wrong-operand"),
        ({"dWx += x": "dWx = x"}, "missing-path"),
        ({"dz @ Wh.T": "dz @ Wh"}, "transpose"),
        ({"dz @ Wh.T": "dh @ Wh.T"}, "missing-local-derivative")]),
    "LSTM cell": (lstm_cell, lstm_cell_backward,
                  _normal((2, 3), (2, 3), (2, 3), (3, 12), (3, 12), 12), [
        ({"df = dc_next * c\n": "df = dc_next * c_next\n"}, "wrong-operand"),
        ({"dc = dc_next * f": "dc = dc_next"}, "missing-local-derivative factor"),
        ({"dc_next + dh_next * o": "dh_next * o"}, "missing-path missing-term"),
        ({"dh_next * np.tanh(c_next)\n": "dh_next * c_next\n"},
         f"missing-local-derivative {LOCAL} wrong-operand wrong-argument"),
        ({"(1 - np.tanh(c_next) ** 2)": "(1 - c_next**2)"}, "wrong-argument"),
        ({"dg * (1 - g**2)": "dg * g * (1 - g)"}, LOCAL)]),
    "GRU cell": (gru_cell, gru_cell_backward,
                 _normal((2, 3), (2, 3), *[(3, 3)] * 6), [
        ({"dout * (h - n)": "dout * (n - h)"}, "sign"),
        ({"dout * z + drh * r": "drh * r"}, "missing-path missing-term"),
        ({"drh * r + da_z": "drh + da_z"}, "missing-local-derivative factor"),
        ({"drh * h * r": "drh * r"}, "missing-local-derivative factor"),
        ({"(r * h).T": "h.T"}, "wrong-operand missing-local-derivative")]),
    "Self-attention": (attention, attention_backward,
                       (*_normal((4, 3), (3, 3), (3, 3), (3, 3)), CAUSAL), [
        ({"dS @ K / np.sqrt(d)": "dS @ K", "dS.T @ Q / np.sqrt(d)": "dS.T @ Q"}, "factor"),
        ({f"A * (dA{SUM})": "A * (1 - A) * dA"}, LOCAL),
        ({"dS.T @ Q": "dS @ Q"}, "transpose"),
        ({"A.T @ dout": "A @ dout"}, "transpose"),
        ({" + dV @ Wv.T": ""}, "missing-path")]),
    "Masked after the softmax": (masked_after, masked_after_backward,
                                 (*_normal((4, 4), (4, 3)), 1.0 * CAUSAL), [
        ({"V.T * mask": "V.T"}, f"missing-local-derivative factor {LOCAL}"),
        ({"(P * mask).T": "P.T"}, "wrong-operand missing-local-derivative"),
        ({"dP - (dP * P)": "dP - dP"}, LOCAL)]),
}
