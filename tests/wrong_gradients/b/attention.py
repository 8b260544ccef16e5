"""Pre-norm block: RMS norm, causal multi-head self-attention, residual connection; half the squared error, summed."""

import numpy as np


def softmax(S):
    E = np.exp(S - np.max(S, axis=-1, keepdims=True))
    return E / np.sum(E, axis=-1, keepdims=True)


def loss(g, Wq, Wk, Wv, Wo, X, T, heads):
    n, d = X.shape
    rms = np.sqrt(np.mean(X ** 2, axis=1, keepdims=True) + 1e-5)
    N = X / rms * g

    def split(M):
        return np.transpose(np.reshape(M, (n, heads, -1)), (1, 0, 2))

    Q = split(N @ Wq)
    K = split(N @ Wk)
    V = split(N @ Wv)
    S = Q @ np.transpose(K, (0, 2, 1)) / np.sqrt(Q.shape[2])
    S = np.where(np.tril(np.ones((n, n))) > 0, S, -1e9)
    P = softmax(S)
    O = np.reshape(np.transpose(P @ V, (1, 0, 2)), (n, -1))
    Y = X + O @ Wo
    return 0.5 * np.sum((Y - T) ** 2)


def gradient(g, Wq, Wk, Wv, Wo, X, T, heads):
    n, d = X.shape

    def split(M):
        return M.reshape(n, heads, -1).transpose(1, 0, 2)

    def merge(M):
        return M.transpose(1, 0, 2).reshape(n, -1)

    rms = np.sqrt((X ** 2).mean(axis=1, keepdims=True) + 1e-5)
    N = X / rms * g
    Q, K, V = split(N @ Wq), split(N @ Wk), split(N @ Wv)
    dk = Q.shape[2]
    S = np.einsum("hid,hjd->hij", Q, K) / np.sqrt(dk)
    S = np.where(np.tri(n) > 0, S, -1e9)
    P = softmax(S)
    O = merge(P @ V)
    dY = X + O @ Wo - T

    dWo = O.T @ dY
    dO = split(dY @ Wo.T)
    dV = np.einsum("hij,hid->hjd", P, dO)
    dP = np.einsum("hid,hjd->hij", dO, V)
    dS = P * (dP - np.sum(dP * P, axis=-1, keepdims=True))
    dS = dS / np.sqrt(dk)
    dQ = np.einsum("hij,hjd->hid", dS, K)
    dK = np.einsum("hij,hid->hjd", dS, Q)
    dq, dk_, dv = merge(dQ), merge(dK), merge(dV)
    dWq, dWk, dWv = N.T @ dq, N.T @ dk_, N.T @ dv
    dN = dq @ Wq.T + dk_ @ Wk.T + dv @ Wv.T

    dg = (dN * X / rms).sum(axis=0)
    dXn = dN * g
    dX = dXn / rms - X * np.sum(dXn * X, axis=1, keepdims=True) / (d * rms ** 3)
    dX += dY
    return dg, dWq, dWk, dWv, dWo, dX


def example(rng):
    n, d, inner = 5, 6, 4
    return (1 + 0.3 * rng.normal(size=d), rng.normal(size=(d, inner)), rng.normal(size=(d, inner)),
            rng.normal(size=(d, inner)), rng.normal(size=(inner, d)), rng.normal(size=(n, d)), rng.normal(size=(n, d)), 2)


MISTAKES = [
    ("softmax's denominator treated as constant", {"P * (dP - np.sum(dP * P, axis=-1, keepdims=True))": "P * dP"}, "missing-term", ("wrong-local-derivative",), ("g", "Wq", "Wk", "X"), "E / np.sum(E, axis=-1"),
    ("diagonal of the softmax Jacobian only: P (1 - P)", {"P * (dP - np.sum(dP * P, axis=-1, keepdims=True))": "dP * P * (1 - P)"}, "wrong-local-derivative", ("missing-term",), ("g", "Wq", "Wk", "X"), "E / np.sum(E, axis=-1"),
    ("softmax's backward sum over the queries", {"np.sum(dP * P, axis=-1, keepdims=True)": "np.sum(dP * P, axis=-2, keepdims=True)"}, "wrong-axis", (), ("g", "Wq", "Wk", "X"), "E / np.sum(E, axis=-1"),
    ("forgot the 1/sqrt(dk)", {"    dS = dS / np.sqrt(dk)\n": ""}, "factor", (), ("g", "Wq", "Wk", "X"), "/ np.sqrt(Q.shape[2])"),
    ("P not transposed in dV", {'np.einsum("hij,hid->hjd", P, dO)': "P @ dO"}, "transpose", (), ("g", "Wv", "X"), "P @ V"),
    ("queries for keys in dQ", {'"hij,hjd->hid", dS, K': '"hij,hjd->hid", dS, Q'}, "wrong-operand", (), ("g", "Wq", "X"), "np.transpose(K, (0, 2, 1))"),
    ("values' path into the normed input forgotten", {" + dv @ Wv.T": ""}, "missing-path", (), ("g", "X"), "V = split(N @ Wv)"),
    ("residual connection forgotten", {"    dX += dY\n": ""}, "missing-path", (), ("X",), "Y = X + O @ Wo"),
    ("heads merged without moving their axis back", {"merge(dQ), merge": "dQ.reshape(n, -1), merge"}, "transpose", ("wrong-axis", "index"), ("g", "Wq", "X"), "np.transpose(np.reshape(M, (n, heads, -1))"),
    ("rms treated as constant", {" - X * np.sum(dXn * X, axis=1, keepdims=True) / (d * rms ** 3)": ""}, "missing-term", ("missing-path",), ("X",), "rms = np.sqrt"),
    ("subtracted the mean's path as in a layer norm", {"dX += dY": "dX += dY - np.mean(dXn / rms, axis=1, keepdims=True)"}, "extra-term", (), ("X",), ""),
]
