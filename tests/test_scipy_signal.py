"""ag.scipy.signal against scipy.signal: values and derivatives, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal as ss
from hypothesis import given, strategies as st
from scipy_cases import check

import autograd_mini as ag
from autograd_mini import Tensor
from autograd_mini.errors import NotDifferentiableError, ShapeError

ours = ag.scipy.signal
random = np.random.default_rng(1)
x, k = random.normal(size=7), random.normal(size=4)
X, K = random.normal(size=(5, 4)), random.normal(size=(2, 3))
NUMERATOR, DENOMINATOR = np.array([0.5, 0.2, 0.1, 0.3]), np.array([1.3, 0.4, -0.2])


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("name", ["convolve", "fftconvolve"])
@pytest.mark.parametrize("pair", [(x, k), (k, x), (X, K)], ids=["long", "short", "two axes"])
def test_convolutions(mode, name, pair):
    """convolve and fftconvolve are SciPy's in each mode, whichever array is longer, and both
    differentiable."""
    check(lambda a, v: getattr(ours, name)(a, v, mode), lambda a, v: getattr(ss, name)(a, v, mode),
          *pair)


@given(shapes=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3),
       mode=st.sampled_from(["full", "same", "valid"]), seed=st.integers(0, 2**32 - 1))
def test_convolutions_of_any_shape(shapes, mode, seed):
    """A convolution of two arrays of any shape is SciPy's; its pullback is its transpose."""
    rng = np.random.default_rng(seed)
    a, v = (rng.normal(size=size) for size in zip(*shapes, strict=True))
    try:
        plain = ss.convolve(a, v, mode)
    except ValueError:
        with pytest.raises(ShapeError):
            ours.convolve(Tensor(a), v, mode)
        return
    g = rng.normal(size=plain.shape)
    y, pullback = ag.vjp(lambda a, v: ours.convolve(a, v, mode), a, v)
    np.testing.assert_allclose(y, plain, atol=1e-13)
    for got, moved in zip(pullback(g), (a, v), strict=True):  # ⟨g, y⟩ is linear in each
        assert np.sum(got * moved) == pytest.approx(np.sum(g * plain), rel=1e-11, abs=1e-11)


@pytest.mark.parametrize(("b", "a", "signal", "axis"), [
    (NUMERATOR, DENOMINATOR, x, -1), (NUMERATOR, DENOMINATOR, X, 0), (NUMERATOR, [2.0], x, -1),
    (NUMERATOR, DENOMINATOR, x[:2], -1), (NUMERATOR, DENOMINATOR, x[:1], -1),
], ids=["one axis", "along axis 0", "without poles", "shorter than the filter", "one number"])
def test_lfilter(b, a, signal, axis):
    """lfilter is SciPy's, and differentiable in both polynomials and in the signal."""
    check(lambda *v: ours.lfilter(*v, axis=axis), lambda *v: ss.lfilter(*v, axis=axis), b, a,
          signal)


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: ours.lfilter([1.0], [1.0, 0.5], Tensor(x), zi=[0.0]), NotDifferentiableError, "zi"),
    (lambda: ours.fftconvolve(Tensor(X), K, axes=0), NotDifferentiableError, "axes of length 1"),
    (lambda: ours.convolve(Tensor(x), K), ShapeError, "as many axes"),
    (lambda: ours.convolve(Tensor(X), np.ones((2, 9)), "valid"), ShapeError, "as long as the oth"),
    (lambda: ours.convolve(Tensor(x), k, "middle"), ValueError, "mode must be full, same or valid"),
    (lambda: ours.hilbert(Tensor(x)), NotDifferentiableError, "hilbert isn't differentiable here"),
    (lambda: ours.foo, AttributeError, "it has: convolve, fftconvolve, lfilter"),
])
def test_what_is_refused(call, error, message):
    """What isn't differentiable is refused by its name, with the cure."""
    with pytest.raises(error, match=message):
        call()


def test_lists_of_values():
    """Coefficients may be Values in a list; numbers of no axes are multiplied."""
    pole = ag.Value(-0.5)
    y = ours.lfilter([1.0], [1.0, pole], [1.0, 0.0, 0.0])
    assert ag.gradients(y[2], pole) == -1.0
    assert ours.convolve(Tensor(2.0), 3.0).item() == 6.0
    assert ours.detrend(x).shape == x.shape and "lfilter" in dir(ours)
