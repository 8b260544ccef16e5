"""Activations on arrays, to the last digits, and recorded without what isn't needed."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, ops

mp = mpmath.mp.clone()
mp.dps = 40
TAILS = [-38.4, -37.5, -30.0, -9.0, -5.0, -3.9, -1.5, -1.0, -1e-3, -1e-300, 0.0, 1e-8, 0.3, 1.0,
         2.5, 6.0, 8.0, 39.0, 1e300]


def ops_before(node):
    """The names of the rows that a result is made by."""
    return sorted(n.op.name for n in ag.graph.topological_order(node) if n.op is not None)


@pytest.mark.parametrize("n", [1, 15_999, 16_001])
def test_the_normal_distribution_has_its_last_digits(n):
    """Φ(x) is right to ten units in the last place in both tails, wherever it lies in an array."""
    exact = [mp.erfc(-mp.mpf(x) / mp.sqrt(2)) / 2 for x in TAILS]
    got = ops.ndtr(np.resize(TAILS, (n, len(TAILS))))
    for y, true in zip(got[-1], exact, strict=True):
        assert abs(float(y) - true) <= 10 * math.ulp(float(true))
    assert np.array_equal(got[0], got[-1])


def test_the_normal_distribution_at_the_infinities_and_of_nan():
    """Φ(±∞) is 1 and 0, nan stays nan; a number, an array and float32 keep their kinds."""
    y = ops.ndtr(np.array([np.inf, -np.inf, np.nan]))
    np.testing.assert_array_equal(y, [1.0, 0.0, np.nan])
    assert type(ops.ndtr(np.float64(0.0))) is np.float64
    assert ops.ndtr(np.array([0, 1])).dtype == np.float64
    x = np.linspace(-12, 12, 200, dtype=np.float32).reshape(2, 100)[:, ::2]
    assert ops.ndtr(x).dtype == np.float32 and ops.ndtr(x).shape == x.shape
    np.testing.assert_array_equal(ops.ndtr(x), ops.ndtr(x.astype(float)).astype(np.float32))
    assert ops.ndtr(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sigmoid_is_one_division_to_the_bit(dtype):
    """σ is 1/(1 + e⁻ˣ) from 0 on and eˣ/(1 + eˣ) below, to the bit, and nan for nan."""
    x = np.array([-np.inf, -1e30, -745.0, -40.0, -1.5, -0.0, 0.0, 1e-9, 2.0, 40.0, np.inf, np.nan],
                 dtype)
    e = np.exp(-np.abs(x))
    y = ag.sigmoid(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, np.where(x >= 0, 1 / (1 + e), e / (1 + e)))
    for one, of in zip(x, y, strict=True):
        np.testing.assert_array_equal(ag.sigmoid(one), of)


@pytest.mark.parametrize("form", [
    "none", pytest.param("tanh", marks=pytest.mark.slow)])  # a machine is compiled for it
def test_gelu_is_clipped_where_it_must_be(form):
    """Numbers within ±64 aren't clipped; beyond, and in a program, they are, with the limits."""
    near, far = Tensor([-64.0, 0.5, 64.0]), Tensor([-1e200, 0.5, 1e200])
    assert "clip" not in ops_before(ag.gelu(near, form))
    y = ag.gelu(far, form)
    assert "clip" in ops_before(y)
    np.testing.assert_array_equal(y.data[[0, 2]], [0.0, 1e200])
    g = ag.gradients(ag.sum(y), far)
    np.testing.assert_array_equal(g[[0, 2]], [0.0, 1.0])
    assert g[1] == ag.gradients(ag.sum(ag.gelu(near, form)), near)[1]
    program = ag.compile(ag.value_and_grad(lambda x: ag.gelu(x, form)))
    for x in (0.5, 1e200, -1e200):
        np.testing.assert_allclose(program(x), ag.value_and_grad(lambda x: ag.gelu(x, form))(x),
                                   rtol=1e-14)
    assert ag.gelu(Tensor(np.zeros((0, 2))), form).shape == (0, 2)
    assert np.isnan(ag.gelu(Tensor([np.nan, 1.0]), form).data[0])


@pytest.mark.parametrize("form", ["none", "tanh"])
def test_gelu_at_infinity(form):
    """At +∞ gelu is ∞ with the slope 1."""
    x = Tensor([np.inf, 0.5])
    y = ag.gelu(x, form)
    assert y.data[0] == np.inf and ag.gradients(ag.sum(y), x)[0] == 1.0


def test_a_rule_writes_to_no_array_of_the_graph():
    """Slopes are multiplied in place; a second pass, and the values, are what they were."""
    x = Tensor(np.linspace(-3.0, 3.0, 7))
    for f in (ag.sigmoid, ag.tanh, ag.gelu, ag.softplus, np.arctan, ops.ndtr):
        y = f(x)
        before, seed = y.data.copy(), np.linspace(1.0, 2.0, 7)
        first = ag.gradients(y, x, seed=seed)
        again = ag.gradients(y, x, seed=seed)
        np.testing.assert_array_equal(first, again)
        np.testing.assert_array_equal(y.data, before)
        np.testing.assert_array_equal(seed, np.linspace(1.0, 2.0, 7))
        np.testing.assert_array_equal(x.data, np.linspace(-3.0, 3.0, 7))
