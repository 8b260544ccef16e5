"""Limits that exist are given; what has no number says so."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, nn
from autograd_mini.errors import NotDifferentiableError

INF = np.inf


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_softmax_of_infinite_logits_is_its_limit(dtype):
    """The infinite ones share 1 evenly, the others have 0, and nothing changes with a finite x."""
    for x, expected in (([1.0, INF], [0, 1]), ([INF, INF, 3.0], [0.5, 0.5, 0]),
                        ([-INF, 1.0], [0, 1]), ([[1.0, INF], [0.0, 0.0]], [[0, 1], [0.5, 0.5]])):
        x = np.array(x, dtype)
        y = ag.softmax(x)
        np.testing.assert_array_equal(y, expected)
        assert y.dtype == dtype
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(ag.log_softmax(x), np.log(expected), rtol=1e-6)
        weights = np.arange(x.size).reshape(x.shape)
        slope = ag.grad(lambda v, w=weights: np.sum(ag.softmax(v) * w))(x)
        rows = (np.atleast_2d(x) == INF).sum(axis=1) == 1
        np.testing.assert_array_equal(np.atleast_2d(slope)[rows], 0.0)
        assert slope.dtype == dtype


def test_a_right_infinite_logit_costs_nothing():
    """Binary cross-entropy of logit ∞ for 1 and −∞ for 0 is 0 with slope 0; wrong ones cost ∞."""
    loss = nn.binary_cross_entropy_with_logits
    z = Tensor([INF, -INF, 0.0])
    y = loss(z, np.array([1.0, 0.0, 1.0]))
    assert float(y) == pytest.approx(np.log(2) / 3)
    y.backward()
    np.testing.assert_allclose(z.grad, [0.0, 0.0, -0.5 / 3], rtol=1e-15)
    assert float(loss(Tensor([INF]), np.array([0.0]))) == INF
    assert float(nn.cross_entropy(Tensor([[INF, 1.0]]), np.array([0]))) == 0.0


def test_an_index_that_is_no_integer_is_refused():
    """np.take with 0.9 takes no entry; nor do other indices that aren't integers."""
    x = Tensor([1.0, 2.0, 3.0])
    with pytest.raises((NotDifferentiableError, IndexError), match="integers"):
        np.take(x, [0.9])
    assert np.take(x, []).shape == (0,) and np.take(x, [2, 0]).data.tolist() == [3.0, 1.0]
    for index in (0.9, [0.9], np.array([1.0])):
        with pytest.raises((IndexError, NotDifferentiableError, ag.errors.GraphError)):
            x[index]


def test_an_empty_mask_takes_nothing():
    """A mask of an empty array gives an empty vector, as NumPy's does."""
    t = Tensor(np.zeros((0, 3)))
    assert t[t > 0.3].shape == (0,)
    assert ag.grad(lambda v: np.sum(v[v > 0]))(np.zeros((0, 3))).shape == (0, 3)


def test_piecewise_of_one_number_and_of_none():
    """np.piecewise works on a Value, inside grad of a float, and on empty arrays."""
    f = lambda x: np.sum(np.piecewise(x, [x < 0, x >= 0], [lambda t: -t, lambda t: t * t]))
    assert ag.grad(f)(3.0) == 6.0 and ag.grad(f)(-3.0) == -1.0
    np.testing.assert_array_equal(ag.grad(f)(np.array([3.0, -3.0])), [6.0, -1.0])
    empty = np.zeros(0)
    assert np.piecewise(empty, [empty < 0], [lambda t: t]).shape == (0,)
    t = Tensor(empty)
    assert np.shape(np.piecewise(t, [t < 0], [lambda t: t])) == (0,)


def test_piecewise_keeps_the_sign_of_zero():
    """Of what a function gives; one that gives a single number gives it to all."""
    x = np.array([0.6, -1.3, -0.0, -1.4])
    f = lambda x: np.piecewise(x, [x > 0, x < -1], [lambda t: t * t, lambda t: 7.0, np.sin])
    for y in (f(ag.Tensor(x)).data, f(x)):
        np.testing.assert_array_equal(y, [0.36, 7.0, 0.0, 7.0])
        assert np.signbit(y).tolist() == [False, False, True, False]
    assert ag.grad(lambda x: np.sum(f(x)))(x).tolist() == [1.2, 0.0, 1.0, 0.0]


def test_piecewise_of_no_numbers_keeps_the_kind():
    """Where no condition holds, the result is a node of zeros, whose gradient is 0."""
    for x in (np.zeros(0), np.array([-1.0, 2.0]), np.array(-1.0)):
        y = np.piecewise(Tensor(x), [x > 5], [lambda t: t * t])
        assert type(y) is Tensor
        np.testing.assert_array_equal(y.data, np.zeros_like(x))
        slope = ag.grad(lambda x: np.sum(np.piecewise(x, [x > 5], [lambda t: t * t])))(x)
        np.testing.assert_array_equal(slope, np.zeros_like(x))


@pytest.mark.parametrize("ord", [None, 1, 2, np.inf, -2, "nuc", "fro"])
@pytest.mark.parametrize("size", [(0,), (0, 3), (3, 0)])
@np.errstate(divide="ignore")
def test_norms_of_nothing_are_numpys(size, ord):
    """The norm of an array without entries is what this NumPy says: 0, or its error."""
    x = np.zeros(size)
    try:
        expected = np.linalg.norm(x, ord)
    except ValueError as error:
        with pytest.raises((type(error), ag.errors.AutogradError)):
            np.linalg.norm(Tensor(x), ord)
    else:
        assert np.linalg.norm(Tensor(x), ord).data == expected
        assert ag.grad(lambda x: np.linalg.norm(x, ord))(x).shape == size


def test_logsumexp_of_nothing_is_minus_infinity():
    """log Σ eˣ over no numbers is log 0, as np.logaddexp.reduce says."""
    x = np.zeros((0, 2))
    got = np.logaddexp.reduce(Tensor(x))
    np.testing.assert_array_equal(got.data, np.logaddexp.reduce(x))
    assert ag.grad(lambda x: np.sum(np.logaddexp.reduce(x)))(x).shape == (0, 2)
