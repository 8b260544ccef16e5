"""Three-layer sigmoid MLP (a class with forward) and binary cross-entropy; both hidden layers have 4 units."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class MLP:
    def __init__(self, params):
        self.params = params

    def forward(self, X):
        p = self.params
        self.z1 = X @ p["W1"] + p["b1"]
        self.a1 = sigmoid(self.z1)
        self.z2 = self.a1 @ p["W2"] + p["b2"]
        self.a2 = sigmoid(self.z2)
        self.z3 = self.a2 @ p["W3"] + p["b3"]
        self.a3 = sigmoid(self.z3)
        return self.a3


def loss(params, X, y):
    net = MLP(params)
    out = net.forward(X)
    ce = y * np.log(out) + (1 - y) * np.log(1 - out)
    return -np.mean(ce)


def gradient(params, X, y):
    net = MLP(params)
    out = net.forward(X)
    n = X.shape[0]
    grads = {}
    dz3 = (out - y) / n
    grads["W3"] = net.a2.T @ dz3
    grads["b3"] = np.sum(dz3, axis=0, keepdims=True)
    da2 = dz3 @ params["W3"].T
    dz2 = da2 * net.a2 * (1 - net.a2)
    grads["W2"] = net.a1.T @ dz2
    grads["b2"] = np.sum(dz2, axis=0, keepdims=True)
    da1 = dz2 @ params["W2"].T
    dz1 = da1 * net.a1 * (1 - net.a1)
    grads["W1"] = X.T @ dz1
    grads["b1"] = np.sum(dz1, axis=0, keepdims=True)
    dX = dz1 @ params["W1"].T
    return grads, dX


def example(rng):
    params = {
        "W1": rng.normal(size=(3, 4)), "b1": rng.normal(size=(1, 4)),
        "W2": rng.normal(size=(4, 4)), "b2": rng.normal(size=(1, 4)),
        "W3": rng.normal(size=(4, 1)), "b3": rng.normal(size=(1, 1)),
    }
    return params, rng.normal(size=(6, 3)), rng.integers(0, 2, size=(6, 1)).astype(float)


W1, B1, W2, B2, W3, B3 = (f"params['{k}']" for k in ("W1", "b1", "W2", "b2", "W3", "b3"))

MISTAKES = [
    ("forgot to divide by the number of samples", {"(out - y) / n": "out - y"}, "factor", (), (W1, B1, W2, B2, W3, B3, "X"), "-np.mean(ce)"),
    ("y - p for p - y", {"(out - y) / n": "(y - out) / n"}, "sign", (), (W1, B1, W2, B2, W3, B3, "X"), "ce = y * np.log(out)"),
    ("multiplied p - y by p (1 - p) again, as for the squared error", {"(out - y) / n": "(out - y) * out * (1 - out) / n"}, "wrong-local-derivative", (), (W1, B1, W2, B2, W3, B3, "X"), "ce = y * np.log(out)"),
    ("differentiated only y log p, not (1 - y) log(1 - p)", {"(out - y) / n": "-y * (1 - out) / n"}, "missing-term", (), (W1, B1, W2, B2, W3, B3, "X"), "ce = y * np.log(out)"),
    ("sigmoid's derivative from the pre-activation: z (1 - z)", {"da2 * net.a2 * (1 - net.a2)": "da2 * net.z2 * (1 - net.z2)"}, "wrong-argument", (), (W1, B1, W2, B2, "X"), "self.a2 = sigmoid(self.z2)"),
    ("no sigmoid derivative in the first layer", {"dz1 = da1 * net.a1 * (1 - net.a1)": "dz1 = da1"}, "missing-local-derivative", (), (W1, B1, "X"), "self.a1 = sigmoid(self.z1)"),
    ("pre-activations where the activations belong in dW3", {"net.a2.T @ dz3": "net.z2.T @ dz3"}, "wrong-operand", (), (W3,), "self.z3 = self.a2 @"),
    ("keepdims left out for b2", {"np.sum(dz2, axis=0, keepdims=True)": "np.sum(dz2, axis=0)"}, "shape", (), (B2,), "self.z2 = self.a1 @"),
    ("W2 not transposed on the way back", {'params["W2"].T': 'params["W2"]'}, "transpose", (), (W1, B1, "X"), "self.z2 = self.a1 @"),
    ("mean over the batch for b1 although dz1 has the 1/n", {"np.sum(dz1, axis=0, keepdims=True)": "np.mean(dz1, axis=0, keepdims=True)"}, "mean-for-sum", ("factor",), (B1,), "self.z1 = X @"),
    ("dz1 is the sigmoid's derivative alone", {"dz1 = da1 * net.a1": "dz1 = net.a1"}, "missing-incoming", (), (W1, B1, "X"), "self.a1 = sigmoid(self.z1)"),
]
