"""A sigmoid unit under mean squared error: 2/n forgotten, and a text without g′."""

import warnings

import numpy as np

import autograd_mini as ag

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 2))
row = 0.5 * X @ np.array([1.0, -1.0]) + 0.5
column = row[:, None]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss(w, y):
    return np.mean((sigmoid(X @ w) - y) ** 2)


def published(w, y):
    p = sigmoid(X @ w)
    return X.T @ ((p - y) * p * (1 - p))


def mended(w, y):
    p = sigmoid(X @ w)
    return 2 / len(X) * X.T @ ((p - y) * p * (1 - p))


w = rng.normal(size=(2, 1))
print("— the gradient, with its σ′ inside the product (outside, it can't be computed) —")
report = ag.check_gradient(loss, published, w, column)
print(report)
assert report["w"].suspects[0].kind == "factor" and ag.check_gradient(loss, mended, w, column).ok
np.testing.assert_allclose(report["w"].given, 50 * report["w"].expected)

print("\n— with targets of shape (100,) the loss is another —")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ag.errors.BroadcastWarning)  # it says what the note says
    print(f"{loss(w, row):.4f} instead of {loss(w, column):.4f}", *ag.check_gradient(
        loss, ag.grad(loss)(w, row), w, row).notes, sep="\n")

print("\n— the derivative x(1 − x) given z —")


def at_z(w, y):
    z = X @ w
    return 2 / len(X) * X.T @ ((sigmoid(z) - y) * z * (1 - z))


print(ag.check_gradient(loss, at_z, w, column).hint(3))

print("\n— the text: ∂E/∂y = g′(c), and ∂E/∂a = Σ w ∂E/∂y without g′ —")
x, V, u, t = X[:3], rng.normal(size=(2, 4)), rng.normal(size=(4, 3)), rng.normal(size=(3, 3))


def network():
    a = np.tanh(x @ ag.Tensor(V, label="V"))
    c = a @ ag.Tensor(u, label="u")
    y = sigmoid(c)
    loss = 0.5 * np.sum((y - t) ** 2)
    return locals()


p = sigmoid(np.tanh(x @ V) @ u)
report = ag.check_chain(network, dy=p - t, dc=p * (1 - p), da=(p - t) @ u.T)
print(report)
assert report.blamed == ("dc", "da")
assert report["dc"].suspects[0].kind == "missing-incoming"

for _ in range(3000):
    w = w - 0.5 * mended(w, column)
print(f"\nmended, after 3000 steps: loss {loss(w, column):.4f}, w = {np.round(w.ravel(), 2)}")
assert loss(w, column) < 0.11  # a sigmoid stays between 0 and 1, and the targets don't
