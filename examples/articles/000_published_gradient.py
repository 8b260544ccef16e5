"""Linear regression by gradient descent: a published gradient that climbs."""

import numpy as np

import autograd_mini as ag

X = np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0], [4.0, 5.0]])
y = np.array([3.0, 5.0, 7.0, 9.0])


def loss(w):
    return 0.5 * np.sum((y - X @ w) ** 2)


def published(w):
    return X.T @ (y - X @ w)


def mended(w):
    return X.T @ (X @ w - y)


def descend(gradient, step, steps):
    """The loss before each of so many steps, and the weights after them."""
    w, losses = np.zeros(2), []
    for _ in range(steps):
        losses.append(loss(w))
        w = w - step * gradient(w)
    return losses, w


w = np.array([0.3, -0.2])
report = ag.check_gradient(loss, published, w)
print(report)
assert report["w"].suspects[0].kind == "sign"

print("\nas published:", *(f"{value:.2f}" for value in descend(published, 0.1, 3)[0]))
largest = np.linalg.eigvalsh(X.T @ X).max()
print(f"the sign mended, a step of 0.1 still diverges: it must be below {2 / largest:.4f}")
losses, w = descend(mended, 0.01, 1000)
assert ag.check_gradient(loss, mended, w).ok and losses[-1] < 1e-4
print(f"with 0.01: w = {np.round(w, 3)}, loss {losses[-1]:.0e}")


# Its text also says: of L = ½ f² the gradient is ∇f. The outer derivative, f, is forgotten.
def squared(w, x, t):
    return 0.5 * (t - w @ x) ** 2


report = ag.check_gradient(squared, lambda w, x, t: -x, w, X[0], 1.0)
print(f"\n∇(½f²) = ∇f? {report.hint(3)}")
assert report["w"].suspects[0].kind in ("missing-local-derivative", "missing-incoming")
