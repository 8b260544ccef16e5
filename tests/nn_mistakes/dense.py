"""The linear layer, activations, dropout and embeddings, as students write them."""

import numpy as np

RNG = np.random.default_rng(0)


def linear(x, W, b):
    return x @ W + b


def linear_backward(dout, x, W, b):
    dx = dout @ W.T
    dW = x.T @ dout
    db = dout.sum(axis=0)
    return dx, dW, db


# ── activations ──────────────────────────────────────────────────────────────────────────────


def relu(z):
    return np.maximum(0, z)


def relu_backward(dout, z):
    a = np.maximum(0, z)  # noqa: F841  which some take for z
    dz = dout * (z > 0)
    return dz


def leaky_relu(z, slope=0.1):
    return np.where(z > 0, z, slope * z)


def leaky_relu_backward(dout, z, slope=0.1):
    dz = np.where(z > 0, dout, slope * dout)
    return dz


def elu(z, alpha=0.7):
    return np.where(z > 0, z, alpha * (np.exp(z) - 1))


def elu_backward(dout, z, alpha=0.7):
    a = np.where(z > 0, z, alpha * (np.exp(z) - 1))
    dz = dout * np.where(z > 0, 1, a + alpha)
    return dz


def gelu(z):
    u = np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)
    return 0.5 * z * (1 + np.tanh(u))


def gelu_backward(dout, z):
    u = np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)
    t = np.tanh(u)
    du = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z**2)
    dz = dout * (0.5 * (1 + t) + 0.5 * z * (1 - t**2) * du)
    return dz


def silu(z):
    return z / (1 + np.exp(-z))


def silu_backward(dout, z):
    s = 1 / (1 + np.exp(-z))
    dz = dout * (s + z * s * (1 - s))
    return dz


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_backward(dout, z):
    a = sigmoid(z)
    dz = dout * a * (1 - a)
    return dz


def tanh(z):
    return np.tanh(z)


def tanh_backward(dout, z):
    a = np.tanh(z)
    dz = dout * (1 - a**2)
    return dz


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(dout, z):
    p = softmax(z)
    dz = p * (dout - np.sum(dout * p, axis=1, keepdims=True))
    return dz


# ── dropout, embeddings ──────────────────────────────────────────────────────────────────────


def dropout(x, mask, p):
    return x * mask / (1 - p)


def dropout_backward(dout, mask, p):
    dx = dout * mask / (1 - p)
    return dx


def embedding(E, words):
    return E[words]


def embedding_backward(dout, E, words):
    dE = np.zeros_like(E)
    np.add.at(dE, words, dout)
    return dE


Z = RNG.normal(size=(5, 4))
LOCAL = "wrong-local-derivative"
LAYERS = {
    "Linear": (linear, linear_backward,
               (RNG.normal(size=(5, 4)), RNG.normal(size=(4, 4)), RNG.normal(size=4)), [
        ({"dout.sum(axis=0)": "dout.sum(axis=1)"}, "wrong-axis"),
        ({"dout.sum(axis=0)": "dout"}, "unreduced"),
        ({"dout @ W.T": "dout @ W"}, "transpose"),
        ({"dout.sum(axis=0)": "dout.mean(axis=0)"}, "mean-for-sum"),
        ({"x.T @ dout": "x.T @ dout / len(x)"}, "factor")]),
    "ReLU": (relu, relu_backward, (Z,), [
        ({"dout * (z > 0)": "dout * (dout > 0)"}, "wrong-argument"),
        ({"(z > 0)": "(a >= 0)"}, f"wrong-argument {LOCAL} missing-local-derivative"),
        ({"dout * (z > 0)": "dout * a"}, LOCAL),
        ({"dout * (z > 0)": "1.0 * (z > 0)"}, "missing-incoming")]),
    "LeakyReLU": (leaky_relu, leaky_relu_backward, (Z,), [
        ({"slope * dout": "0"}, LOCAL),
        ({"slope * dout": "slope"}, f"missing-incoming {LOCAL}"),
        ({"z > 0": "z < 0"}, f"{LOCAL} sign"),
        ({"slope * dout": "slope * z * dout"}, LOCAL)]),
    "ELU": (elu, elu_backward, (Z,), [
        ({"a + alpha": "a"}, f"{LOCAL} missing-term"),
        ({"a + alpha": "a + 1"}, f"{LOCAL} missing-term factor"),
        ({"a + alpha": "0"}, LOCAL),
        ({"a + alpha": "np.exp(z)"}, f"{LOCAL} factor")]),
    "GELU": (gelu, gelu_backward, (Z,), [
        ({" + 0.5 * z * (1 - t**2) * du": ""}, f"missing-term {LOCAL}"),
        ({" * du": ""}, f"missing-local-derivative {LOCAL}"),
        ({"1 - t**2": "1 - u**2"}, f"wrong-argument {LOCAL}"),
        ({"3 * 0.044715": "0.044715"}, f"factor {LOCAL}")]),
    "SiLU": (silu, silu_backward, (Z,), [
        ({"s + z * s * (1 - s)": "s"}, f"missing-term {LOCAL}"),
        ({"s + z * s * (1 - s)": "z * s * (1 - s)"}, f"missing-term {LOCAL}"),
        ({"s + z * s * (1 - s)": "s * (1 - s)"}, LOCAL)]),
    "Sigmoid": (sigmoid, sigmoid_backward, (Z,), [
        ({"a * (1 - a)": "z * (1 - z)"}, "wrong-argument"),
        ({"a * (1 - a)": "sigmoid(a) * (1 - sigmoid(a))"}, "wrong-argument"),
        ({"a * (1 - a)": "(1 - a**2)"}, LOCAL),
        ({"dout * a": "a"}, "missing-incoming")]),
    "Tanh": (tanh, tanh_backward, (Z,), [
        ({"1 - a**2": "1 - z**2"}, "wrong-argument"),
        ({"(1 - a**2)": "(1 - a) ** 2"}, LOCAL),
        ({"1 - a**2": "1 - a"}, LOCAL),
        ({"(1 - a**2)": "a * (1 - a)"}, LOCAL)]),
    "Softmax": (softmax, softmax_backward, (Z,), [
        ({"p * (dout - np.sum(dout * p, axis=1, keepdims=True))": "dout * p * (1 - p)"}, LOCAL),
        ({"axis=1": "axis=0"}, "wrong-axis"),
        ({"np.sum(dout * p,": "np.sum(dout,"}, LOCAL),
        ({" - np.sum(dout * p, axis=1, keepdims=True)": ""}, f"missing-term {LOCAL}")]),
    "Dropout": (dropout, dropout_backward, (Z, 1.0 * (RNG.random((5, 4)) > 0.4), 0.4), [
        ({"dout * mask": "dout"}, f"missing-local-derivative {LOCAL} factor"),
        ({" / (1 - p)": ""}, "factor missing-local-derivative"),
        ({"/ (1 - p)": "/ p"}, "factor wrong-operand"),
        ({"/ (1 - p)": "* (1 - p)"}, "factor wrong-local-derivative")]),
    "Embedding": (embedding, embedding_backward,
                  (RNG.normal(size=(6, 3)), np.array([[1, 4, 1], [0, 4, 3]])), [
        ({"np.add.at(dE, words, dout)": "dE[words] = dout"}, "index"),
        ({"np.add.at(dE, words, dout)": "dE[words] += dout"}, "index"),
        ({"words, dout)": "words - 1, dout)"}, "index")]),
}
