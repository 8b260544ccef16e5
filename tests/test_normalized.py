"""A softmax is one node, and four operations where they are looked at, with the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, debug
from autograd_mini.functions.normalized import softmax

RNG = np.random.default_rng(0)
CASES = [((5, 7), -1), ((5, 7), 0), ((2, 3, 4), (1, 2)), ((6,), -1), ((3, 1), -1), ((4, 5), None)]


def ops_before(node):
    """The names of the rows that a result is made by."""
    return sorted(n.op.name for n in ag.graph.topological_order(node) if n.op is not None)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("shape", "axis"), CASES)
def test_one_node_is_its_operations(shape, axis, dtype):
    """The values are the same to the bit, the gradients but for rounding, also far from 0."""
    for offset in (0.0, 1e6):
        x = Tensor(RNG.normal(size=shape).astype(dtype) * 3 + dtype(offset))
        seed = RNG.normal(size=shape).astype(dtype)
        y = softmax(x, axis)
        assert ops_before(y) == ["ag.softmax"] and y.dtype == dtype
        with debug.detect_anomaly():
            parts = softmax(x, axis)
        assert "exp" in ops_before(parts) and "ag.softmax" not in ops_before(parts)
        np.testing.assert_array_equal(y.data, parts.data)
        g, of_parts = (ag.gradients(v, x, seed=seed) for v in (y, parts))
        assert g.dtype == dtype
        np.testing.assert_allclose(g, of_parts, atol=20 * np.finfo(dtype).eps)


def test_orders_one_to_three_of_a_softmax():
    """Σw·softmax(x) to the third order, against the same of eˣ/Σeˣ."""
    x, w, v = RNG.normal(size=(3, 4))
    for one, other in zip(derivatives(lambda x: ag.softmax(x), x, w, v),
                          derivatives(lambda x: np.exp(x) / np.sum(np.exp(x)), x, w, v),
                          strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)


def derivatives(f, x, w, v):
    """The gradient, its derivative along v, and that one's along v."""
    first = ag.grad(lambda x: np.sum(w * f(x)))
    second = ag.grad(lambda x: np.sum(v * first(x)))
    third = ag.grad(lambda x: np.sum(v * second(x)))
    return first(x), second(x), third(x)


def test_a_softmax_of_infinite_numbers_has_its_limits():
    """−∞ in a row gets 0 and sends nothing; a row of +∞ is composed; nan stays in its row."""
    x = Tensor([[-np.inf, 0.0, 1.0], [2.0, 3.0, 4.0]])
    y = ag.softmax(x)
    assert ops_before(y) == ["ag.softmax"] and y.data[0, 0] == 0.0
    g = ag.gradients(y, x, seed=np.ones((2, 3)) * [1.0, 2.0, 3.0])
    assert g[0, 0] == 0.0 and np.isfinite(g).all()
    np.testing.assert_array_equal(ag.softmax(Tensor([[np.inf, 1.0], [0.0, 0.0]])).data,
                                  [[1.0, 0.0], [0.5, 0.5]])
    nan = ag.softmax(Tensor([[np.nan, 1.0], [0.0, 0.0]])).data
    assert np.isnan(nan[0]).all() and (nan[1] == 0.5).all()


def test_rows_of_a_softmax_that_are_not_used_send_nothing():
    """0·∞ from a row whose softmax isn't used is 0, not nan."""
    x = Tensor([[0.0, 1.0], [2.0, 3.0]])
    with np.errstate(divide="ignore"):
        y = ag.softmax(np.log(x))[1, 0]
    g = ag.gradients(y, x)
    np.testing.assert_array_equal(g[0], [0.0, 0.0])
    np.testing.assert_allclose(g[1], [0.12, -0.08], rtol=1e-14)


def test_the_rounding_of_a_softmax_is_no_mistake():
    """Where the terms in the rule cancel, what rounding leaves is called right, a mistake wrong."""
    def loss(z):
        return np.sum(ag.softmax(z))

    z = np.array([0.1, 0.2, 0.3])
    for error, verdict in ((1e-16, "right"), (1e-3, "wrong")):
        assert ag.check_gradient(loss, np.array([error, -error, 0.0]), z).verdict == verdict
