"""XOR with a hidden layer: three mistakes sit on one gradient, and the verifier names all three."""

import warnings

import numpy as np

import autograd_mini as ag

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
row, column = np.array([0.0, 1.0, 1.0, 0.0]), np.array([[0.0], [1.0], [1.0], [0.0]])
WRT = ("w1", "b1", "w2", "b2")


def loss(w1, b1, w2, b2, y):
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    return -np.mean(y * np.log(a2) + (1 - y) * np.log(1 - a2))


def published(w1, b1, w2, b2, y):
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    d = a2 - y
    dz1 = (w2.T @ d) * (1 - a1) ** 2
    return X.T @ dz1, dz1.sum(axis=0, keepdims=True), a1.T @ d, np.sum(d, keepdims=True)


def mended(w1, b1, w2, b2, y):
    a1 = np.tanh(X @ w1 + b1)
    a2 = 1 / (1 + np.exp(-(a1 @ w2 + b2)))
    d = (a2 - y) / len(y)
    dz1 = (d @ w2.T) * (1 - a1 ** 2)
    return (X.T @ dz1, dz1.sum(axis=0, keepdims=True), a1.T @ d,
            d.sum(axis=0, keepdims=True))


rng = np.random.default_rng(0)
parameters = [rng.normal(size=shape) for shape in ((2, 4), (1, 4), (4, 1), (1, 1))]

print("— as printed, with targets of shape (4,) —")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ag.errors.BroadcastWarning)  # it says what the note says
    report = ag.check_gradient(loss, published, *parameters, row, wrt=WRT)
print(report.hint(3), *report.notes, sep="\n")
assert report["w2"].suspects[0].kind == "unreduced" and "broadcast to (4, 4)" in report.notes[0]

print("\n— with the targets as a column —")
report = ag.check_gradient(loss, published, *parameters, column, wrt=WRT)
print(report)
assert report["w2"].suspects[0].kind == report["b2"].suspects[0].kind == "factor"
first = report["w1"].suspects[0]
kinds = {first.kind, *(more.kind for more in first.also)}
assert kinds == {"wrong-operand", "wrong-local-derivative", "factor"}

assert ag.check_gradient(loss, mended, *parameters, column, wrt=WRT).ok
print("\n— mended (and with -= instead of +=) it learns —")
for epoch in range(2001):
    if epoch % 500 == 0:
        print(f"epoch {epoch:4}: loss {loss(*parameters, column):.3f}")
    gradients = mended(*parameters, column)
    parameters = [p - 0.5 * g for p, g in zip(parameters, gradients, strict=True)]
assert loss(*parameters, column) < 0.05
