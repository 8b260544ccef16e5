"""How the functions of ag.scipy are compared with SciPy's."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.verify.numeric import slope_along


def check(ours, theirs, *arrays, rtol=1e-12, orders=2, single=True):
    """ours is theirs: its value, in both dtypes; and its derivatives, to order 2, along a random
    direction of each argument, which for the first are central differences of SciPy's numbers."""
    rng = np.random.default_rng(7)
    arrays = [np.asarray(x, float) for x in arrays]
    plain = np.asarray(theirs(*arrays))
    node = ours(*map(Tensor, arrays))
    assert isinstance(node, Tensor) and node.shape == plain.shape
    np.testing.assert_allclose(node.data, plain, rtol=rtol, atol=rtol)
    kept = ours(*arrays)
    assert type(kept) is type(theirs(*arrays)) and np.array_equal(kept, plain)
    if single:
        halves = [x.astype(np.float32) for x in arrays]
        small = ours(*map(Tensor, halves))
        assert small.dtype == np.float32
        np.testing.assert_allclose(small.data, theirs(*halves), rtol=2e-3, atol=2e-3)
    weight = rng.normal(size=plain.shape)
    for i, x in enumerate(arrays):
        direction = rng.normal(size=x.shape)
        along(ours, theirs, arrays, i, direction, weight, orders)


def along(ours, theirs, arrays, i, direction, weight, orders):
    """The first and second derivative of Σ weight·f² along a direction of one argument."""
    def moved(s):
        return [*arrays[:i], arrays[i] + s * direction, *arrays[i + 1:]]

    def f(s):
        return ag.sum(ours(*moved(s)) ** 2 * weight)

    first = slope_along(lambda s: float(np.sum(theirs(*moved(s)) ** 2 * weight)), 0.0)
    slope = ag.grad(f)(0.0)
    assert first.error <= 1e-5 * max(abs(slope), 1.0)
    assert slope == near(first.value, 10 * first.error + 1e-9 * abs(slope) + 1e-11)
    if orders > 1:
        second = slope_along(ag.grad(f), 0.0)
        curvature = ag.grad(ag.grad(f))(0.0)
        bar = 10 * second.error + 1e-8 * abs(curvature) + 1e-9
        assert curvature == near(second.value, bar)


def near(value, bar):
    """pytest.approx with an absolute tolerance alone."""
    return pytest.approx(value, abs=bar, rel=0)
