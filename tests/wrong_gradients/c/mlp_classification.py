"""Two-layer ReLU classifier, integer labels, mean NLL and half-squared weight decay; as many hidden units as classes."""

import numpy as np


class Dense:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        return x.dot(self.W) + self.b


def relu(x):
    return np.maximum(0, x)


def loss(W1, b1, W2, b2, X, y, reg):
    hidden = relu(Dense(W1, b1).forward(X))
    logits = Dense(W2, b2).forward(hidden)
    shifted = logits - logits.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    nll = -logp[np.arange(len(y)), y].mean()
    return nll + 0.5 * reg * ((W1 ** 2).sum() + (W2 ** 2).sum())


def gradient(W1, b1, W2, b2, X, y, reg):
    N = len(y)
    pre = X.dot(W1) + b1
    hidden = relu(pre)
    logits = hidden.dot(W2) + b2
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)

    dlogits = probs.copy()
    dlogits[np.arange(N), y] -= 1
    dlogits /= N
    dW2 = hidden.T.dot(dlogits) + reg * W2
    db2 = dlogits.sum(axis=0)
    dhidden = dlogits.dot(W2.T)
    dpre = dhidden * (pre > 0)
    dW1 = X.T.dot(dpre) + reg * W1
    db1 = dpre.sum(axis=0)
    return dW1, db1, dW2, db2


def example(rng):
    return (rng.normal(size=(5, 4)), rng.normal(size=4), rng.normal(size=(4, 4)), rng.normal(size=4),
            rng.normal(size=(7, 5)), np.array([3, 0, 1, 1, 2, 3, 0]), 0.1)


MISTAKES = [
    ("forgot dlogits /= N", {"    dlogits /= N\n": ""}, "factor", (), ("W1", "b1", "W2", "b2"), "[np.arange(len(y)), y].mean()"),
    ("ReLU passed through", {"dhidden * (pre > 0)": "dhidden"}, "missing-local-derivative", (), ("W1", "b1"), "hidden = relu("),
    ("masked with the sign of the incoming gradient: ReLU applied to dhidden", {"dhidden * (pre > 0)": "relu(dhidden)"}, "wrong-argument", ("wrong-local-derivative",), ("W1", "b1"), "hidden = relu("),
    ("dlogits[:, y] instead of dlogits[np.arange(N), y]", {"dlogits[np.arange(N), y]": "dlogits[:, y]"}, "index", (), ("W1", "b1", "W2", "b2"), "logp[np.arange(len(y)), y]"),
    ("no weight decay on the first layer", {"X.T.dot(dpre) + reg * W1": "X.T.dot(dpre)"}, "missing-term", (), ("W1",), "0.5 * reg * ((W1 ** 2).sum()"),
    ("normalised the softmax over the batch in the backward pass", {"probs.sum(axis=1, keepdims=True)": "probs.sum(axis=0, keepdims=True)"}, "wrong-axis", (), ("W1", "b1", "W2", "b2"), "np.log(np.exp(shifted).sum(axis=1, keepdims=True))"),
    ("W2 not transposed on the way back (square, so nothing crashes)", {"dlogits.dot(W2.T)": "dlogits.dot(W2)"}, "transpose", (), ("W1", "b1"), "Dense(W2, b2).forward(hidden)"),
    ("took the SGD step on W2 before using it for the hidden layer", {"    dhidden = ": "    W2 = W2 - 0.5 * dW2\n    dhidden = "}, "stale", (), ("W1", "b1"), "Dense(W2, b2).forward(hidden)"),
    ("weight decay on the hidden bias", {"dpre.sum(axis=0)": "dpre.sum(axis=0) + reg * b1"}, "extra-term", (), ("b1",), "0.5 * reg * ("),
    ("added 1 at the true class", {"y] -= 1": "y] += 1"}, "sign", (), ("W1", "b1", "W2", "b2"), "nll = -logp["),
]
