"""Feed-forward block with the tanh approximation of GELU, float32 inputs; squared error summed over outputs, mean over the batch."""

import numpy as np

C = np.sqrt(2 / np.pi)


def gelu(v):
    inner = C * (v + 0.044715 * v ** 3)
    return 0.5 * v * (1 + np.tanh(inner))


def loss(W1, b1, W2, b2, X, Y):
    a = gelu(X @ W1 + b1)
    out = a @ W2 + b2
    per_sample = np.sum((out - Y) ** 2, axis=1)
    return per_sample.mean()


def gradient(W1, b1, W2, b2, X, Y):
    def gelu_prime(v):
        u = C * (v + 0.044715 * v ** 3)
        t = np.tanh(u)
        du = C * (1 + 3 * 0.044715 * v ** 2)
        return 0.5 * (1 + t) + 0.5 * v * (1 - t ** 2) * du

    z = X @ W1 + b1
    a = gelu(z)
    out = a @ W2 + b2
    dout = 2 * (out - Y) / len(X)
    dW2 = a.T @ dout
    db2 = dout.sum(axis=0, keepdims=True)
    da = dout @ W2.T
    dz = da * gelu_prime(z)
    dW1 = X.T @ dz
    db1 = dz.sum(axis=0, keepdims=True)
    return dW1, db1, dW2, db2


def example(rng):
    X = rng.normal(size=(8, 3)).astype(np.float32)
    Y = rng.normal(size=(8, 2)).astype(np.float32)
    return rng.normal(size=(3, 6)), rng.normal(size=(1, 6)), rng.normal(size=(6, 2)), rng.normal(size=(1, 2)), X, Y


MISTAKES = [
    ("forgot the 3 from the cube", {"3 * 0.044715": "0.044715"}, "factor", ("wrong-local-derivative",), ("W1", "b1"), "inner = C * (v + 0.044715 * v ** 3)"),
    ("only the first half of the product rule", {" + 0.5 * v * (1 - t ** 2) * du": ""}, "missing-term", ("missing-path", "wrong-local-derivative"), ("W1", "b1"), "return 0.5 * v * (1 + np.tanh(inner))"),
    ("stopped the chain rule at the tanh: inner derivative missing", {"(1 - t ** 2) * du": "(1 - t ** 2)"}, "missing-local-derivative", (), ("W1", "b1"), "inner = C * (v + 0.044715 * v ** 3)"),
    ("tanh's derivative as 1 - u^2", {"1 - t ** 2": "1 - u ** 2"}, "wrong-argument", (), ("W1", "b1"), "return 0.5 * v * (1 + np.tanh(inner))"),
    ("ReLU's step function for GELU", {"gelu_prime(z)": "(z > 0)"}, "wrong-local-derivative", (), ("W1", "b1"), "a = gelu(X @ W1 + b1)"),
    ("GELU's derivative at the activation", {"gelu_prime(z)": "gelu_prime(a)"}, "wrong-argument", (), ("W1", "b1"), "a = gelu(X @ W1 + b1)"),
    ("hidden delta without what comes from the output layer", {"dz = da * gelu_prime(z)": "dz = gelu_prime(z)"}, "missing-incoming", (), ("W1", "b1"), "a = gelu(X @ W1 + b1)"),
    ("did not sum the hidden bias over the batch", {"dz.sum(axis=0, keepdims=True)": "dz"}, "unreduced", (), ("b1",), "a = gelu(X @ W1 + b1)"),
    ("keepdims dropped: (2,) for the bias of shape (1, 2)", {"dout.sum(axis=0, keepdims=True)": "dout.sum(axis=0)"}, "shape", (), ("b2",), "out = a @ W2 + b2"),
    ("weights of the output layer already stepped when the hidden delta is formed", {"da = dout @ W2.T": "da = dout @ (W2 - 0.05 * dW2).T"}, "stale", (), ("W1", "b1"), "out = a @ W2 + b2"),
]
