"""Code as people write it, each with a mistake that one of the strategies finds."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag

RNG = np.random.default_rng(0)
X, T = RNG.normal(size=(7, 5)), RNG.normal(size=(7, 3))


class Net:
    """A class with a forward pass, as in many tutorials."""

    def __init__(self, p):
        self.p = p

    def forward(self, x):
        self.z = x.dot(self.p["W"]) + self.p["b"]
        self.a = 1 / (1 + np.exp(-self.z))
        return self.a


def class_loss(p, x, t):
    return np.mean((Net(p).forward(x) - t) ** 2)


def class_gradient(p, x, t):
    a = 1 / (1 + np.exp(-(x.dot(p["W"]) + p["b"])))
    d = 2 * (a - t) / t.size
    return {"W": x.T @ d, "b": d.sum(0)}


def loop_loss(w, b, xs, ts):
    errors = []
    for x, t in zip(xs, ts, strict=True):
        y = sum(w[k] * x[k] for k in range(3)) + b
        errors.append((y - t) ** 2)
    return sum(errors) / len(errors)


def loop_gradient(w, b, xs, ts):
    dw, db = np.zeros(3), 0.0
    for x, t in zip(xs, ts, strict=True):
        y = x @ w + b
        dw += 2 * (y - t) * x
        db += 2 * (y - t)
    return dw, db / len(xs)


def recurrent_loss(U, W, xs):
    h = np.zeros(4)
    for x in xs:
        h = np.tanh(x @ U + h @ W)
    return np.sum(h ** 2)


def recurrent_gradient(U, W, xs):
    hs = [np.zeros(4)]
    for x in xs:
        hs.append(np.tanh(x @ U + hs[-1] @ W))
    dU, dW, dh = np.zeros_like(U), np.zeros_like(W), 2 * hs[-1]
    for t in reversed(range(len(xs))):
        dz = dh * (1 - hs[t + 1])
        dU += np.outer(xs[t], dz)
        dW += np.outer(hs[t], dz)
        dh = W @ dz
    return dU, dW


PLAIN = [
    ("a class, a dict, X.dot", class_loss, class_gradient,
     ({"W": RNG.normal(size=(5, 3)), "b": RNG.normal(size=3)}, X, T), ("p",),
     "missing-local-derivative"),
    ("float32 data", class_loss, class_gradient,
     ({"W": RNG.normal(size=(5, 3)).astype(np.float32), "b": np.zeros(3, np.float32)},
      X.astype(np.float32), T.astype(np.float32)), ("p",), "missing-local-derivative"),
    ("loops over samples and features", loop_loss, loop_gradient,
     (RNG.normal(size=3), 0.3, X[:, :3], T[:, 0]), ("w", "b"), "factor"),
    ("a loop over time", recurrent_loss, recurrent_gradient,
     (RNG.normal(size=(3, 4)), 0.3 * RNG.normal(size=(4, 4)), X[:, :3]), ("U", "W"),
     "wrong-local-derivative"),
    ("Values", lambda a, b: (a * b + 1).tanh(), lambda a, b: (b, a), (0.3, -0.7), ("a", "b"),
     "missing-local-derivative"),
]


@pytest.mark.parametrize(("loss", "gradient", "args", "wrt", "kind"),
                         [pytest.param(*case[1:], id=case[0],
                                       marks=pytest.mark.slow if k % 2 else [])
                          for k, case in enumerate(PLAIN)])
def test_plain_code(loss, gradient, args, wrt, kind):
    """Losses as people write them: the mistake is found without a word of autograd in them."""
    report = ag.check_gradient(loss, gradient, *args, wrt=wrt)
    wrong = [e for e in report if e.verdict == "wrong"]
    assert wrong and all(e.suspects[0].kind == kind for e in wrong), str(report)


def test_softmax_and_its_targets():
    """softmax − target where the rows of the targets don't add up to 1; a shifted label."""

    def loss(z, y):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return -np.sum(y * np.log(e / e.sum(axis=1, keepdims=True))) / len(z)

    def softmax(z):
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)

    z, y = RNG.normal(size=(6, 4)), RNG.uniform(size=(6, 4))
    report = ag.check_gradient(loss, (softmax(z) - y) / 6, z, y)
    assert "sums to 1" in report["z"].suspects[0].message
    y = np.eye(4)[[0, 2, 1, 3, 3, 0]]
    report = ag.check_gradient(loss, (softmax(z) - np.roll(y, 1, axis=1)) / 6, z, y)
    assert report["z"].suspects[0].kind == "index"


def test_repeated_indices():
    """dE[idx] = d: of a word that occurs twice the last occurrence wins."""
    idx, c = np.array([1, 3, 1, 0]), RNG.normal(size=(4, 2))

    def gradient(E):
        dE = np.zeros_like(E)
        dE[idx] = c
        return dE

    report = ag.check_gradient(lambda E: np.sum(c * E[idx]), gradient, RNG.normal(size=(5, 2)))
    assert report["E"].suspects[0].kind == "index"


def test_a_forgotten_path():
    """A residual connection, of which one branch was forgotten."""
    def loss(x):
        y = x + np.tanh(x)
        return np.sum(y ** 3)

    x = RNG.normal(size=6)
    y = x + np.tanh(x)
    report = ag.check_gradient(loss, 3 * y**2 * (1 - np.tanh(x) ** 2), x)
    assert report["x"].suspects[0].kind == "missing-path"


def residual_loss(W, x):
    h = x
    for k in range(len(W)):
        z = h @ W[k]
        h = h + np.tanh(z)
    return np.sum(h ** 2)


def residual_gradient(W, x):
    hs, tanhs = [x], []
    for k in range(len(W)):
        tanhs.append(np.tanh(hs[-1] @ W[k]))
        hs.append(hs[-1] + tanhs[-1])
    dh, dW = 2 * hs[-1], np.zeros_like(W)
    for k in reversed(range(len(W))):
        dz = dh * (1 - hs[k + 1] ** 2)
        dW[k] = hs[k].T @ dz
        dh = dh + dz @ W[k].T
    return dW


def test_an_activations_derivative_at_another_steps_output():
    """1 − y² with the block's output in the place of the tanh's is named, and tied to the tanh."""
    W, x = RNG.normal(size=(3, 4, 4)) / 2, RNG.normal(size=(5, 4))
    first = ag.check_gradient(residual_loss, residual_gradient(W, x), W, x)["W"].suspects[0]
    assert first.kind == "wrong-argument" and "np.tanh(z)" in first.where, str(first)


@pytest.mark.slow  # several searches
def test_normalisers():
    """The mean and the variance of a normalisation are no constants."""
    c = RNG.normal(size=(4, 6))

    def loss(x):
        m = x.mean(axis=1, keepdims=True)
        v = x.var(axis=1, keepdims=True)
        xhat = (x - m) / np.sqrt(v + 1e-5)
        return np.sum(c * xhat)

    def forgot(x):
        return (c - c.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)

    report = ag.check_gradient(loss, forgot, RNG.normal(size=(4, 6)))
    assert report["x"].suspects[0].kind == "missing-term"
    assert "variance" in report["x"].suspects[0].message
