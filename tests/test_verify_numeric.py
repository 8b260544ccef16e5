"""Finite differences with an error bar, which is kept; kinks and the edge of a domain are seen."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini.verify.numeric import slope_along


@pytest.mark.parametrize(
    ("f", "x", "exact"),
    [(np.log, 1e-7, 1e7), (np.sin, 1e6, np.cos(1e6)), (np.exp, 1.0, np.e),
     (lambda x: 1e-8 * x**2, 3.0, 6e-8), (lambda x: x**2, 0.0, 0.0), (np.tanh, 20.0, None),
     (lambda x: 1 / x, 1e-7, -1e14), (np.sqrt, 1e10, 0.5e-5)],
)
def test_finite_differences_keep_within_their_error_bar(f, x, exact):
    """The stated error bar covers the true error, and is not idle: 1e-6 relative or better."""
    with np.errstate(all="ignore"):
        slope = slope_along(f, x)
    exact = 1 - np.tanh(x) ** 2 if exact is None else exact
    assert abs(slope.value - exact) <= 2 * slope.error + 1e-15
    assert slope.error <= 1e-6 * max(abs(exact), 1e-6) and not slope.kink


def test_kinks_are_seen():
    """One-sided slopes that stay apart as the step shrinks; a near miss is none."""
    assert slope_along(abs, 0.0).kink and not slope_along(abs, 1e-8).kink
    slope = slope_along(lambda x: max(3 * x, -x), 0.0)
    assert slope.kink and (slope.left, slope.right) == pytest.approx((-1.0, 3.0), rel=1e-6)


def test_outside_the_domain():
    """Where f isn't finite on either side there is no estimate, and the error bar is infinite."""
    slope = slope_along(lambda x: float("nan"), 1.0)
    assert np.isnan(slope.value) and slope.error == np.inf


@pytest.mark.parametrize("coarse", [
    lambda w, t: np.sum((np.asarray(w, np.float32) - np.float32(t)) ** 2)])
def test_a_loss_that_rounds_to_single_precision(coarse):
    """As one of JAX does: a right gradient of it isn't wrong, and a wrong one isn't right."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        w, t = rng.normal(size=(2, 3))
        assert ag.check_gradient(coarse, lambda w, t: 2 * (w - t), w, t, wrt="w").verdict != "wrong"
        assert ag.check_gradient(coarse, lambda w, t: 3 * (w - t), w, t, wrt="w").verdict == "wrong"
