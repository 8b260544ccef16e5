"""Plain NumPy with linear algebra in it: a Gaussian process learns how far its data reach.

The logarithm of the marginal likelihood (Rasmussen and Williams 2006, equation 2.30) needs a
Cholesky factor and a solution; their gradients are rows of the table.
"""

from __future__ import annotations

import numpy as np

import autograd_mini as ag

rng = np.random.default_rng(0)
x = np.sort(rng.uniform(0.0, 10.0, 25))
y = np.sin(x) + 0.1 * rng.normal(size=25)


def negative_log_likelihood(log_parameters):
    """Of the data, given the logarithms of length, height and noise."""
    length, height, noise = np.exp(log_parameters)
    distance = (x[:, None] - x[None, :]) / length
    K = height**2 * np.exp(-0.5 * distance**2) + noise**2 * np.eye(len(x))
    L = np.linalg.cholesky(K)
    a = np.linalg.solve(L, y)
    return 0.5 * np.sum(a**2) + np.sum(np.log(np.diagonal(L))) + 0.5 * len(x) * np.log(2 * np.pi)


p = np.log([3.0, 1.0, 0.5])
for step in range(60):  # gradient descent, each step no longer than a tenth
    value, g = ag.value_and_grad(negative_log_likelihood)(p)
    p = p - 0.1 * g / max(1.0, np.linalg.norm(g))
    if step % 20 == 0:
        print(f"step {step}: negative log likelihood {value:.2f}")
length, height, noise = np.exp(p)
print(f"length {length:.2f}, height {height:.2f}, noise {noise:.2f} (0.1 was added)")
