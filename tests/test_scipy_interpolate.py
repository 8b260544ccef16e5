"""ag.scipy.interpolate against scipy.interpolate: straight lines between points."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.interpolate as si
from scipy_cases import check

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import NotDifferentiableError

ours = ag.scipy.interpolate
random = np.random.default_rng(2)
X = np.array([0.0, 2.0, 1.0, 3.5, 5.0])  # not in order
Y, MANY = random.normal(size=5), random.normal(size=(2, 5, 3))
POINTS = np.array([[0.3, 1.4], [4.0, 2.2]])


def test_lines_are_differentiable_in_points_heights_and_knots():
    """interp1d is SciPy's, and differentiable in the points asked for, in y and in x."""
    check(lambda x, y, q: ours.interp1d(x, y)(q), lambda x, y, q: si.interp1d(x, y)(q), X, Y,
          POINTS)


@pytest.mark.parametrize(("given", "points"), [
    ({"axis": 1}, POINTS), ({"axis": 1}, POINTS[0]),
    ({"axis": 1, "fill_value": "extrapolate"}, 2 * POINTS - 1),
    ({"axis": 1, "fill_value": (1.0, 2.0), "bounds_error": False}, 2 * POINTS - 1),
])
def test_several_lines_at_once(given, points):
    """y may have more axes; outside there is a filling, or the lines go on, as SciPy has it."""
    check(lambda y, q: ours.interp1d(X, y, **given)(q), lambda y, q: si.interp1d(X, y, **given)(q),
          MANY, points, single=False)


def test_a_knot_has_the_slope_to_the_right():
    """At a knot the slope is that of the line to the right, as for np.interp."""
    knots, heights = [0.0, 1.0, 3.0], [0.0, 2.0, 3.0]
    f = ours.interp1d(knots, heights)
    assert ag.grad(f)(1.0) == 0.5 == ag.grad(lambda x: np.interp(x, knots, heights))(1.0)
    assert isinstance(f(Value(0.5)), Value) and f(Value(0.5)).data == 1.0


def test_plain_numbers_are_scipys():
    """Of plain numbers it is SciPy's, of any kind, with SciPy's attributes and errors."""
    f = ours.interp1d(X, Y, kind="cubic")
    assert float(f(1.3)) == float(si.interp1d(X, Y, kind="cubic")(1.3))
    np.testing.assert_array_equal(f.x, np.sort(X))
    with pytest.raises(ValueError, match="above the interpolation range"):
        ours.interp1d(X, Y)(Value(9.0))
    assert ours.CubicSpline is si.CubicSpline and dir(ours) == ["interp1d"]


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: ours.interp1d(X, Y, kind="cubic")(Value(1.0)), NotDifferentiableError,
     r"kind='cubic'\) isn't differentiable here: of nodes only kind='linear' is"),
    (lambda: ours.interp1d(X, Tensor(Y), kind="nearest"), NotDifferentiableError, "nearest"),
    (lambda: ours.interp1d(X, Y, fill_value=Value(1.0)), NotDifferentiableError, "in fill_value"),
    (lambda: ours.foo, AttributeError, "it has: interp1d"),
])
def test_what_is_refused(call, error, message):
    """What isn't differentiable is refused by its name, with the cure."""
    with pytest.raises(error, match=message):
        call()


def test_a_program_holds_between_its_knots():
    """A compiled function is recorded again where a number lies between other knots."""
    f = ours.interp1d(X, Y)
    program = ag.compile(lambda x: f(x) * x)
    for x in (0.3, 0.6, 1.7, 4.4):
        assert program(x) == pytest.approx(float(f(x)) * x, rel=1e-14)
