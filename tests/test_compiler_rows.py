"""Every row of the table runs in a program, with its slopes, on every side of its kinks."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.compiler import replay
from autograd_mini.ops import special_functions
from autograd_mini.primitive import PRIMITIVES, Elementwise, _built_in as BUILT_IN

EPS = np.finfo(float).eps
special_functions._spherical(1)  # the slope of sinc, made when it is needed
ROWS = [row for row in PRIMITIVES.values()
        if isinstance(row, Elementwise) and row.name in BUILT_IN and row.scalar is not None]
POINTS = [
    (0.3, 0.7, 0.9, 0.5), (-0.3, 0.7, 0.5, 0.2), (0.0, 0.0, 1.0, 0.0), (1.0, 2.0, 1.5, 1.5),
    (2.0, 2.0, 2.0, 2.0), (-1.5, 2.0, -1.0, 3.0), (0.5, -0.5, 0.1, 0.2), (1e3, 2.0, 1.0, 1.0),
    (-800.0, 0.5, 1.0, 2.0), (math.inf, 1.0, 2.0, 3.0), (math.nan, 1.0, 2.0, 3.0),
    (1.0, 1.0, 1.0, 1.0), (-1.0, 3.0, 1.0, 1.0), (0.0, -1.0, 0.0, 0.0), (-0.0, 1.0, 2.0, 3.0),
]


def every(x, y, z, w):
    """All scalar rows."""
    return [row(*(x, y, z, w)[: len(row.slopes)]) for row in ROWS]


@pytest.fixture(scope="module")
def on_machine():
    """All scalar rows in one program of the machine, and their slopes in another."""
    programs = ag.compile(every), ag.compile(ag.jacobian(every, (0, 1, 2, 3)))
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(replay, "LARGE", -1)
        for program in programs:
            program(*POINTS[0])
            assert "in machine code" in repr(program)
    return programs


def test_every_scalar_row_has_a_function_of_floats():
    """Every elementwise row of the table has a function of floats, which programs need."""
    missing = [row.name for row in PRIMITIVES.values()
               if isinstance(row, Elementwise) and row.name in BUILT_IN and row.scalar is None]
    assert not missing and len(ROWS) >= 70


@pytest.mark.slow  # one program of all rows is compiled
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_every_scalar_row_runs_on_the_machine(on_machine, point):
    """Values and slopes agree but for the digit or two that libm's differ by, also at edges."""
    with np.errstate(all="ignore"):
        _agree(*on_machine, point)


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_every_scalar_row_runs_in_python(point):
    """Values and slopes agree, also at edges, whatever the point of the recording was."""
    values, slopes = ag.compile(every), ag.compile(ag.jacobian(every, (0, 1, 2, 3)))
    with np.errstate(all="ignore"):
        for numbers in (point, POINTS[0], POINTS[4]):
            _agree(values, slopes, numbers)
    assert "in Python" in repr(values) and "in Python" in repr(slopes)


def _agree(values, slopes, point):
    expected = [y.data for y in every(*map(Value, point))]
    for row, got, want in zip(ROWS, values(*point), expected, strict=True):
        assert got == pytest.approx(want, rel=1e-13, nan_ok=True), row.name
    for row, got in zip(ROWS, slopes(*point), strict=True):
        k = len(row.slopes)
        want = ag.grad(lambda *xs, row=row: row(*xs), tuple(range(k)))(*point[:k])
        np.testing.assert_allclose(got[:k], want, rtol=1e-12, err_msg=row.name)
        assert got[k:] == (0.0,) * (4 - k)


@pytest.mark.slow  # several programs are compiled
def test_rows_that_differ_only_in_what_they_capture():
    """Machines whose rows differ only in defaults or captured variables are told apart."""
    rows = [ag.elementwise(lambda x, k=k: x * k, lambda x, k=k: x * k, lambda y, x, k=k: k,
                           name=f"times {k}") for k in (2, 5)]
    assert [ag.compile(lambda x, row=row: row(x))(3.0) for row in rows] == [6.0, 15.0]


def test_a_slope_that_decides_by_numbers_is_refused():
    """A user's row whose rule decides by the number it is fed can't be recorded."""
    row = ag.elementwise(lambda x: abs(x), lambda x: abs(x),
                         lambda y, x: 1.0 if x > 0 else -1.0, name="my abs")
    program = ag.compile(lambda x: row(x))
    assert program(-2.0) == 2.0
    with pytest.raises(ag.errors.GraphError, match="slope of my abs looks at plain numbers"):
        ag.grad(program)(-2.0)


# ── kinks ────────────────────────────────────────────────────────────────────────────────────

OTHERS = (0.7, 1.5, -0.25)


def of_one(row, i, arity):
    """The row as a function of its argument i alone."""
    def function(x):
        return row(*OTHERS[:i], x, *OTHERS[i : arity - 1])

    return function


FUNCTIONS = {
    **{f"{row.name} in {i}": of_one(row, i, len(row.slopes))
       for row in ROWS for i in range(len(row.slopes))},
    **{name: getattr(ag, name) for name in (
        "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "logsigmoid", "hardtanh", "relu6",
        "hardsigmoid", "clip")},
    "gelu by tanh": lambda x: ag.gelu(x, "tanh"), "clip between": lambda x: ag.clip(x, -1.0, 2.0),
    "nan_to_num": np.nan_to_num, "float_power": lambda x: np.float_power(x, 3.0),
    "ldexp": lambda x: np.ldexp(x, 3), "hinge": lambda x: ag.relu(1 - x) ** 2,
}
KINKS = [1.5, -1.2, 0.0, -0.0, 0.3, -3.0, 3.0, 6.0, 7.5, -1.0, 1.0, 2.0, -4.5, 40.0, -70.0,
         math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_program_holds_on_every_side_of_every_kink(interpreted, name):
    """Recorded at one number, values and slopes are right at all others, also in a batch."""
    f = FUNCTIONS[name]
    program, slope = ag.compile(f), ag.grad(ag.compile(f))
    slope_inside = ag.compile(ag.grad(lambda x: f(x)))
    with np.errstate(all="ignore"):
        values = [f(Value(x)).data for x in KINKS]
        slopes = [ag.grad(lambda x: f(x) + 0 * x)(x) if math.isfinite(x) else ag.grad(
            lambda x: ag.where(1.0, f(x), x))(x) for x in KINKS]
        np.testing.assert_allclose([program(x) for x in KINKS], values, rtol=1e-13, atol=EPS)
        np.testing.assert_allclose([slope(x) for x in KINKS], slopes, rtol=1e-12)
        np.testing.assert_allclose([slope_inside(x) for x in KINKS], slopes, rtol=1e-12)
        assert len(program._replays[float,]) == 1  # it wasn't recorded again
        X = np.array(KINKS)
        np.testing.assert_allclose(ag.compile(f, batched=0)(X), values, rtol=1e-13,
                                   atol=EPS)
        batch = ag.grad(ag.compile(f, batched=0, reduce="sum"))(X)
        np.testing.assert_allclose(batch, slopes, rtol=1e-12)


# ── masked branches ──────────────────────────────────────────────────────────────────────────


@pytest.mark.slow  # each of eight is compiled for batches
@pytest.mark.parametrize(("f", "x"), [
    (lambda x: ag.where(ag.relu(x), np.sqrt(np.maximum(x, 0.0)), 0.0 * x), 0.0),
    (lambda x: ag.relu(-np.sqrt(x)), 0.0),
    (lambda x: np.maximum(1.0, np.log(x)), 0.0),
    (lambda x: ag.where(x, 1 / x, 3.0), 0.0),
    (lambda x: ag.clip(np.sqrt(x), 1.0, 2.0), 0.0),
    (lambda x: 0.0 * np.sqrt(x), 0.0),
], ids=str)
def test_a_masked_branch_sends_no_gradient(f, x):
    """0·inf behind a branch that wasn't chosen is 0; by arithmetic it is nan: as in the engine."""
    with np.errstate(all="ignore"):
        eager = ag.grad(f)(x)
        assert ag.grad(ag.compile(f))(x) == pytest.approx(eager, nan_ok=True)
        batched = ag.grad(ag.compile(f, batched=0, reduce="sum"))
        for got in batched(np.array([x, 4.0, x]))[[0, 2]]:
            assert got == pytest.approx(eager, nan_ok=True)


@pytest.mark.slow  # each of seven is compiled twice over
@pytest.mark.parametrize("f", [
    lambda x: ag.where(ag.relu(x), ag.sqrt(x), 0.0), lambda x: ag.relu(np.log(x)),
    lambda x: np.maximum(1.0, np.sqrt(x)), lambda x: ag.clip(1 / x, 0.0, 1.0),
    lambda x: ag.where(ag.sqrt(x), x, 2 * x) * x, lambda x: np.copysign(x * 0 + 1.0, np.log(x)) * x,
    lambda x: ag.grad(lambda t: ag.where(ag.relu(t), ag.sqrt(t), t * t))(x) + x,
])
def test_a_masked_branch_sends_no_second_derivative(f):
    """A branch that wasn't chosen sends nothing in a derivative of a derivative either."""
    with np.errstate(all="ignore"):
        for transform in (ag.grad, ag.hessian):
            assert ag.compile(transform(f))(0.0) == transform(f)(0.0)
