"""Contributions of several uses are all added up, whatever their kinds and their order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, Value

# Uses of one node: linear ones send plain numbers, the others nodes when a graph is created.
USES = {
    "2x": lambda x: 2 * x, "-x": lambda x: -x, "x/2": lambda x: x / 2, "x + x": lambda x: x + x,
    "exp": np.exp, "sin": np.sin, "x²": lambda x: x * x, "tanh": np.tanh,
    "x·c": lambda x: x * np.array([0.5, -2.0]), "x[::-1]": lambda x: x[::-1],
    "clip": lambda x: np.clip(x, -0.4, 0.8), "cumsum": np.cumsum,
}
programs = st.lists(st.sampled_from(sorted(USES)), min_size=3, max_size=7)


def sums(names, x):
    """Σ of each use, added from the left."""
    total = np.sum(USES[names[0]](x))
    for name in names[1:]:
        total = total + np.sum(USES[name](x))
    return total


@given(names=programs, inner=st.sampled_from(["x²", "sin", "exp", "2x"]))
def test_a_recorded_gradient_is_the_gradient(names, inner):
    """`create_graph=True` returns the same numbers, for a leaf and for a node used many times."""
    x = Tensor([0.5, 1.0])
    for node in (x, USES[inner](x)):
        y = sums(names, node)
        plain, recorded = ag.gradients(y, x), ag.gradients(y, x, create_graph=True)
        np.testing.assert_allclose(recorded.data, plain, rtol=1e-15, atol=1e-15)


@pytest.mark.slow  # many programs
@given(names=programs, inner=st.sampled_from(["x²", "sin", "exp"]))
def test_second_and_third_orders_are_those_of_each_use(names, inner):
    """The derivatives of a sum of uses are the sums of theirs, each taken alone, to order three."""
    x, v = np.array([0.5, 1.0]), np.array([0.3, -0.7])

    def along(f):
        return lambda t: f(USES[inner](x + t * v))

    whole, parts = along(lambda s: sums(names, s)), [
        along(lambda s, u=USES[name]: np.sum(u(s))) for name in names]
    for _ in range(3):
        whole, parts = ag.grad(whole), [ag.grad(part) for part in parts]
        expected = [part(0.0) for part in parts]
        size = 1.0 + sum(map(abs, expected))
        assert whole(0.0) == pytest.approx(sum(expected), abs=1e-13 * size)


def test_the_hessian_of_a_node_used_linearly_twice_and_once_not():
    """∇² of Σ(3s + sin s − s/2) at s = x² is 5 + 2 cos s − 4s·sin s on the diagonal."""
    def f(x):
        s = x**2
        return np.sum(3 * s + np.sin(s) - s / 2)

    x = np.array([0.5, 1.0])
    s = x**2
    expected = np.diag(5 + 2 * np.cos(s) - 4 * s * np.sin(s))
    np.testing.assert_allclose(ag.hessian(f)(x), expected, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(ag.hvp(f, (x,), (np.ones(2),))[0], expected.sum(1), rtol=1e-14)
    scalar = ag.grad(ag.grad(lambda v: 3 * v**2 + np.sin(v**2) - v**2 / 2))
    assert scalar(0.5) == pytest.approx(expected[0, 0], rel=1e-14)
    assert ag.gradients(Value(1.0) * 2.0 + 1.0, [], create_graph=True) == []
