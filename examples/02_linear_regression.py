"""Least squares by gradient descent: why a step diverges, and what the gradient is.

The data and the two mistakes are those of a published tutorial: its gradient has the wrong sign,
and its step is four times too large for these data even with the sign mended.
"""

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


w = np.array([0.3, -0.2])
print(ag.check_gradient(loss, published, w))
print()
print(ag.check_gradient(loss, mended, w))

largest = np.linalg.eigvalsh(ag.hessian(loss)(w))[-1]
print(f"\nsteps below 2/λ = {2 / largest:.4f} converge; the tutorial's was 0.1")

w = np.zeros(2)
for _ in range(1000):
    w = w - 0.01 * ag.grad(loss)(w)
print(f"after 1000 steps of 0.01: w = {np.round(w, 3)}, loss {loss(w):.1e}")
