"""What the tests of linear algebra share: matrices, weights, and central differences."""

from __future__ import annotations

import numpy as np

L = np.linalg
RNG = np.random.default_rng(11)
EPS = np.finfo(float).eps
STEP = EPS ** (1 / 3)  # the error of a central difference is about STEP² = EPS^(2/3)


def spd(n, *stack):
    """Well-conditioned symmetric matrices."""
    x = RNG.normal(size=(*stack, n, n))
    return x @ np.swapaxes(x, -1, -2) + n * np.eye(n)


def central(f, x):
    """The gradient of f by central differences, entry by entry."""
    g = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += STEP
        down[place] -= STEP
        g[place] = (f(up) - f(down)) / (2 * STEP)
    return g


def near(got, expected, rtol=1e-7, atol=1e-9):
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol)


WEIGHT = RNG.normal(size=(4, 4))
