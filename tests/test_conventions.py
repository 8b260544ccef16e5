"""What is chosen at the edges: kinks, ties, infinities, empty arrays, for both kinds of node."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.numpy_api.conventions import EDGES

EPS = np.finfo(float).eps
INF, NAN = math.inf, math.nan


def same(got, expected):
    """Equal to rounding, with nan equal to nan and the infinities by sign."""
    return got == expected or (got != got and expected != expected) or (
        np.isfinite(expected) and abs(got - expected) <= 8 * EPS * abs(expected)
    )


@pytest.mark.parametrize("edge", EDGES, ids=lambda e: e.where)
def test_edges(edge):
    """At its edges each function has the derivative that the convention says, orders 1 and 2."""
    def f(x):
        return ag.sum(eval(edge.expression, {"np": np, "ag": ag, "x": x}))

    array = isinstance(edge.x, list)
    points = [np.array(edge.x)] if array else [edge.x, np.array([edge.x]), np.array(edge.x)]
    for point in points:  # for a number: a Value, and Tensors of two shapes
        with np.errstate(all="ignore"):
            one = np.ravel(ag.grad(f)(point))
            assert all(map(same, one, np.ravel(edge.first))), f"first derivative {one}"
            if edge.second is not None:
                two = np.ravel(ag.grad(lambda x: ag.sum(ag.grad(f)(x)))(point))
                assert all(map(same, two, np.ravel(edge.second))), f"second derivative {two}"


def test_convention_says_what_is_chosen():
    """ag.convention names the point, the slope and the reason; an unknown name is refused with a
    near one."""
    text = ag.convention("relu")
    assert "ag.relu(x) at x = 0.0: slope 0.0" in text and "least of the subgradients" in text
    assert "no case of its own is listed" in ag.convention("cosh")
    assert "no case of its own is listed" in ag.convention("ag.silu")
    assert ag.convention("np.fabs").startswith("fabs: np.abs(x) at x = 0.0: slope 0.0")
    assert "constant by nature" in ag.convention("floor")
    with pytest.raises(ag.errors.NotDifferentiableError, match="complex"):
        ag.convention("roots")
    with pytest.raises(ag.errors.NotDifferentiableError, match="did you mean 'maximum'"):
        ag.convention("maxmum")


def test_power_slope_in_the_exponent_only_if_a_node():
    """The slope of (−2)³ is exact for the base, and nan for the exponent, but only where that is a
    node."""
    assert ag.grad(lambda x: x**3)(-2.0) == 12.0
    with np.errstate(all="ignore"):
        assert math.isnan(ag.grad(lambda y: (-2.0) ** y)(3.0))
        assert ag.grad(lambda x, y: x**y)(-2.0, 3.0) == 12.0


def test_prod_is_exact_with_zeros():
    """The slope of a product is the product of the others, also where y/x would be nan."""
    x = np.array([2.0, 0.0, 3.0])
    assert ag.grad(ag.prod)(x).tolist() == [0, 6, 0]
    assert ag.grad(ag.prod)(np.zeros(3)).tolist() == [0, 0, 0]
    assert ag.hessian(ag.prod)(x).tolist() == [[0, 3, 0], [3, 0, 2], [0, 2, 0]]
    assert ag.jacobian(ag.hessian(ag.prod))(x)[0, 1, 2] == 1.0


def test_ties_of_max_are_shared():
    """Two largest entries get half of a maximum's gradient each, and two smallest half of a
    minimum's."""
    x = np.array([3.0, 1.0, 3.0, 1.0])
    assert ag.grad(ag.max)(x).tolist() == [0.5, 0, 0.5, 0]
    assert ag.grad(ag.min)(x).tolist() == [0, 0.5, 0, 0.5]
    assert np.isnan(ag.grad(ag.max)(np.array([1.0, NAN]))).all()


@pytest.mark.parametrize(
    ("x", "expected"),
    [([0.0, 0.0], [0.5, 0.5]), ([1e4, 0.0], [1.0, 0.0]), ([INF, 0.0], [1.0, 0.0]),
     ([INF, INF], [0.5, 0.5]), ([-INF, -INF], [0.0, 0.0]), ([-INF, 3.0], [0.0, 1.0])],
)
def test_logsumexp_edges(x, expected):
    """logsumexp never overflows, and at the infinities has the derivative of its limit."""
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(ag.grad(ag.logsumexp)(np.array(x)), expected)


MASKED = [
    ("a list of Values", lambda x: np.stack([x * 2, np.sqrt(x)])[0], 0.0, 2.0),
    ("where over a stack", lambda x: ag.sum(np.where([True, False], np.stack([x, ag.log(x)]), 0.0)),
     0.0, 1.0),
    ("rows of a product", lambda x: ag.sum((np.sqrt(x) @ np.ones((2, 2)))[1:]),
     np.array([[0.0, 0.0], [1.0, 4.0]]), np.array([[0.0, 0.0], [1.0, 0.5]])),
    ("rows of a softmax", lambda x: ag.softmax(np.log(x))[1, 0],
     np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[0.0, 0.0], [0.25, -0.25]])),
    ("a part of a product", lambda x: ag.prod(1 / x, axis=1)[1],
     np.array([[0.0, 1.0], [1.0, 2.0]]), np.array([[0.0, 0.0], [-0.5, -0.25]])),
    ("a slice of a concatenation", lambda x: ag.sum(np.concatenate([x, np.sqrt(x)])[:2]),
     np.array([0.0, 1.0]), np.array([1.0, 1.0])),
    ("broadcast, then masked", lambda x: ag.sum(np.where(np.eye(2) > 0, np.sqrt(x), 0.0)[1]),
     np.array([0.0, 1.0]), np.array([0.0, 0.5])),
]


@pytest.mark.parametrize(("function", "x", "expected"),
                         [pytest.param(*case[1:], id=case[0]) for case in MASKED])
def test_what_is_not_chosen_never_poisons(function, x, expected):
    """An infinite slope behind a branch, row or slice that isn't used adds exactly 0."""
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(ag.grad(function)(x), expected, rtol=1e-14)


def test_a_real_nan_is_not_hidden():
    """inf − inf, 0·inf of arithmetic and nan in the data give nan, masks or not."""
    with np.errstate(all="ignore"):
        x = np.array([0.0, 1.0])
        assert np.isnan(ag.grad(lambda t: ag.sum(ag.sqrt(t) ** 2))(x)).tolist() == [True, False]
        bad = np.array([np.nan, 1.0])
        assert np.isnan(ag.grad(lambda t: ag.sum(np.where(bad > 0, t * bad, t * bad)))(x))[0]


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_one_number_has_an_axis_too(kind):
    """A scalar can be reduced over axis 0 or −1, forward and back, as NumPy lets it be."""
    for f in (lambda t: np.sum(t, axis=0), lambda t: np.mean(t, axis=-1),
              lambda t: np.prod(t, axis=0), lambda t: ag.logsumexp(t, axis=-1)):
        x = kind(3.0)
        f(x).backward()
        assert float(np.asarray(x.grad)) == 1.0


def test_empty_reductions():
    """A sum and a product of nothing have an empty gradient."""
    assert ag.grad(np.prod)(np.zeros(0)).shape == (0,)
    assert ag.grad(np.sum)(np.zeros((2, 0))).shape == (2, 0)


def test_poles_are_ieee_in_arrays_and_at_second_order():
    """A division by a plain 0 gives inf or nan, not an exception, also for arrays and order 2."""
    with np.errstate(all="ignore"):
        assert ag.grad(lambda t: np.sum(t / 0))(np.ones(2)).tolist() == [INF, INF]
        assert ag.gradients(np.sum(Tensor([1.0]) / (v := Value(0.0))), v) == -INF
        assert not np.isfinite(ag.grad(ag.grad(lambda x: x * x / 0.0))(1.0))


def test_small_integers_do_not_wrap():
    """Integer constants are floats to a rule: b − 1 of an int8 −128 is −129."""
    t = np.array([1.5])
    exact = -128 * 1.5**-129
    got = ag.grad(lambda x: np.sum(x ** np.array([-128], np.int8)))(t)
    np.testing.assert_allclose(got, exact, rtol=1e-14)


def test_softmax_is_shift_invariant():
    """Large common offsets cost a softmax no digits."""
    np.testing.assert_allclose(ag.softmax(1e15 + np.array([0.0, 1.0])),
                               ag.softmax(np.array([0.0, 1.0])), rtol=1e-15)


def test_std_at_zero_has_slope_zero():
    """The standard deviation of equal numbers is a kink: the least subgradient is 0."""
    assert ag.grad(ag.std)(np.array([2.0, 2.0, 2.0])).tolist() == [0, 0, 0]
