"""Single-head self-attention with an output projection and a skip connection (einsum), half the squared error."""

import numpy as np


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def loss(X, Wq, Wk, Wv, Wo, T):
    Q = np.einsum('bnd,dk->bnk', X, Wq)
    K = np.einsum('bnd,dk->bnk', X, Wk)
    V = np.einsum('bnd,dv->bnv', X, Wv)
    S = np.einsum('bqk,bsk->bqs', Q, K) / np.sqrt(Q.shape[-1])
    A = softmax(S)
    O = np.einsum('bqs,bsv->bqv', A, V)
    Y = X + O @ Wo
    return 0.5 * np.sum((Y - T) ** 2)


def gradient(X, Wq, Wk, Wv, Wo, T):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    d_k = Q.shape[-1]
    A = softmax(np.einsum('bqk,bsk->bqs', Q, K) / np.sqrt(d_k))
    O = A @ V
    dY = X + O @ Wo - T

    dWo = np.einsum('bqv,bqd->vd', O, dY)
    dO = np.einsum('bqd,vd->bqv', dY, Wo)
    dA = np.einsum('bqv,bsv->bqs', dO, V)
    dV = np.einsum('bqs,bqv->bsv', A, dO)
    dS = A * (dA - np.sum(dA * A, axis=-1, keepdims=True))
    dS = dS / np.sqrt(d_k)
    dQ = np.einsum('bqs,bsk->bqk', dS, K)
    dK = np.einsum('bqs,bqk->bsk', dS, Q)
    dWq = np.einsum('bnd,bnk->dk', X, dQ)
    dWk = np.einsum('bnd,bnk->dk', X, dK)
    dWv = np.einsum('bnd,bnv->dv', X, dV)
    dX = dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T + dY
    return dX, dWq, dWk, dWv, dWo


def example(rng):
    return (rng.normal(size=(2, 4, 5)), 0.6 * rng.normal(size=(5, 3)), 0.6 * rng.normal(size=(5, 3)),
            rng.normal(size=(5, 6)), rng.normal(size=(6, 5)), rng.normal(size=(2, 4, 5)))


MISTAKES = [
    ("softmax differentiated elementwise like a sigmoid", {"A * (dA - np.sum(dA * A, axis=-1, keepdims=True))": "dA * A * (1 - A)"}, "wrong-local-derivative", ("missing-term",), ("X", "Wq", "Wk"), "A = softmax(S)"),
    ("forgot the 1/sqrt(d_k) in the backward pass", {"    dS = dS / np.sqrt(d_k)\n": ""}, "factor", ("missing-local-derivative",), ("X", "Wq", "Wk"), "/ np.sqrt(Q.shape[-1])"),
    ("dS not transposed for the keys", {"'bqs,bqk->bsk', dS, Q": "'bsq,bqk->bsk', dS, Q"}, "transpose", (), ("X", "Wk"), "S = np.einsum('bqk,bsk->bqs', Q, K)"),
    ("A instead of its transpose for the values", {"'bqs,bqv->bsv', A, dO": "'bsq,bqv->bsv', A, dO"}, "transpose", (), ("X", "Wv"), "O = np.einsum('bqs,bsv->bqv', A, V)"),
    ("the values' share of dX forgotten", {" + dV @ Wv.T": ""}, "missing-path", (), ("X",), "V = np.einsum('bnd,dv->bnv', X, Wv)"),
    ("softmax's denominator treated as a constant", {"(dA - np.sum(dA * A, axis=-1, keepdims=True))": "dA"}, "missing-term", (), ("X", "Wq", "Wk"), "A = softmax(S)"),
    ("summed over the queries in the softmax's gradient", {"np.sum(dA * A, axis=-1, keepdims=True)": "np.sum(dA * A, axis=1, keepdims=True)"}, "wrong-axis", (), ("X", "Wq", "Wk"), "A = softmax(S)"),
    ("queries' own activations in dQ, where the keys belong", {"'bqs,bsk->bqk', dS, K": "'bqs,bsk->bqk', dS, Q"}, "wrong-operand", (), ("X", "Wq"), "S = np.einsum('bqk,bsk->bqs', Q, K)"),
    ("gradient of Wv kept per sequence of the batch", {"bnd,bnv->dv": "bnd,bnv->bdv"}, "unreduced", (), ("Wv",), "V = np.einsum('bnd,dv->bnv', X, Wv)"),
    ("skip connection's gradient added twice", {"dV @ Wv.T + dY": "dV @ Wv.T + dY + dY"}, "doubled-term", ("factor",), ("X",), "Y = X + O @ Wo"),
]
