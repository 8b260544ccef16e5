"""Programs as straight-line Python: what it looks like, and that it is right to the last bit."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from python_machine import slow_machine

import autograd_mini as ag
from autograd_mini.compiler import replay, schedule
from autograd_mini.ops.facts import IN_PYTHON

NUMBERS = [0.0, -0.0, 1.0, -1.5, 2.5, 1e-310, 1e200, -1e308, math.inf, -math.inf, math.nan]


def bits(x):
    """The bits of numbers; all nans are one."""
    return np.where(np.isnan(x), np.nan, np.asarray(x, float)).tobytes()


def text_of(program):
    """The statements of a program."""
    return [line.strip() for line in str(program).splitlines()[1:]]


@pytest.mark.parametrize("row", IN_PYTHON, ids=lambda row: row.name)
def test_what_python_writes_is_the_twin_on_floats(row):
    """The text of an operation gives the bits of the row's own function, at edges too."""
    arity = len(row.slopes)
    function = eval(f"lambda a, b, c: {IN_PYTHON[row].format('a', 'b', 'c')}")
    for xs in itertools.product(NUMBERS, repeat=arity):
        try:
            given = function(*xs, *[0.0] * (3 - arity))
        except ArithmeticError as error:
            with pytest.raises(type(error)):
                row.scalar(*xs)
            continue
        assert bits(given) == bits(row.scalar(*xs)), xs


def test_constants_are_folded_and_alike_is_computed_once():
    """2·3 is 6.0 in the text, and x·y that is asked for twice is there once."""
    program = ag.compile(lambda x, y: (x * y + ag.tanh(0.5)) * (x * y) + 2.0 * ag.exp(0.0 * 1.0))
    program(0.5, 2.0)
    text = "\n".join(text_of(program))
    assert text.count("x0 * x1") == 1 and "tanh" not in text and "exp" not in text


@pytest.mark.parametrize("x", NUMBERS)
def test_constants_of_every_kind(x):
    """Infinities, nan and −0 as constants and as results are what they are in the function."""
    f = lambda v: (v * x, v + x, v - x, x, -x * v)
    with np.errstate(all="ignore"):
        expected = [y.data if isinstance(y, ag.Value) else y for y in f(ag.Value(3.0))]
    assert bits(ag.compile(f)(3.0)) == bits(expected)


@pytest.mark.parametrize("n", [1, 2, 40, 41, 5000])
def test_sums_of_any_length(n, rng):
    """A sum of thousands is one value; its terms are added in their order."""
    x = rng.normal(size=n)
    for f in (np.sum, lambda x: sum(list(x)), lambda x: x @ x, lambda x: -np.sum(x * x) + x[0]):
        program, slope = ag.compile(f), ag.compile(ag.grad(f))
        assert program(x) == pytest.approx(f(ag.Tensor(x)).data, rel=1e-12, abs=1e-12)
        np.testing.assert_allclose(slope(x), ag.grad(f)(x), rtol=1e-13)


def test_values_have_the_bits_of_the_engine(rng):
    """Where sums have three terms at most, nothing is rounded otherwise than in the function; in
    gradients a quotient may be a product.
    """
    def f(x, y):
        for _ in range(5):
            x, y = ag.tanh(x * y) + x / (y * y + 1.0), ag.sin(x) - y * ag.sigmoid(x)
        return x * y

    program, slope = ag.compile(f), ag.compile(ag.grad(f, (0, 1)))
    for x, y in rng.normal(size=(50, 2)).tolist():
        assert program(x, y) == f(x, y)
        assert slope(x, y) == pytest.approx(ag.grad(f, (0, 1))(x, y), rel=1e-12)


def test_a_comparison_stops_a_program_before_what_it_guards():
    """log isn't asked for a number that the comparison before it would have kept away."""
    asked = []
    row = ag.elementwise(np.log, lambda x: asked.append(x) or math.log(x), lambda y, x: 1 / x,
                         name="asked log")
    program = ag.compile(lambda x: row(x) if x > 0 else x * 2.0)
    assert program(2.0) == math.log(2.0) and program(-3.0) == -6.0 and min(asked) == 2.0
    del asked[:]
    assert program(-2.0) == -4.0 and program(4.0) == math.log(4.0) and min(asked) == 4.0


@pytest.mark.parametrize(("f", "x"), [
    (lambda x: ag.where(x > 0, np.log(np.maximum(x, 0.0)), 2.0 * x), -1.0),
    (lambda x: ag.where(x > 0, np.log(x), x), -1.0),
    (lambda x: 1.0 / x, 0.0), (lambda x: x ** 0.5, -1.0), (lambda x: np.exp(x), 1000.0),
    (lambda x: ag.where(x, 1.0 / x, 3.0 * x), 0.0), (lambda x: np.minimum(1.0 / x, 5.0), 0.0),
    (lambda x: np.tanh(1.0 / x), 0.0), (lambda x: x ** -3.0, 0.0), (lambda x: np.arccos(x), 2.0),
], ids=str)
def test_what_raises_in_python_is_as_ieee_754_has_it(f, x):
    """1/0, log 0 and e¹⁰⁰⁰ on the way are inf, as in the function; also in its gradient."""
    values, slopes = ag.compile(f), ag.compile(ag.grad(f))
    with np.errstate(all="ignore"):
        for point in (0.5, x, 0.25):
            assert bits(values(point)) == bits(f(ag.Value(point)).data)
            assert bits(slopes(point)) == bits(ag.grad(f)(point))


def test_a_branch_not_taken_does_not_send_a_program_to_the_engine(monkeypatch):
    """Where an unused branch raises, the program does it as IEEE 754 has it, and stays quick."""
    program = ag.compile(ag.grad(lambda x: ag.where(ag.relu(x), np.log(x), 2.0 * x)))
    assert program(2.0) == 0.5
    (run,) = program._replays[float,]
    monkeypatch.setattr(run, "_interpreted", None)
    assert program(-1.0) == 2.0 and program(4.0) == 0.25


def test_a_slope_out_of_range_whose_operands_are_not_computed(interpreted):
    """The gradient doesn't need sin x, so whether g/b² is exact is for the engine to find out."""
    row = ag.elementwise(lambda a, b: a / b / b, lambda a, b: a / b / b,
                         lambda y, a, b: 1 / (b * b), lambda y, a, b: -2 * y / b,
                         name="over b²", pullbacks=(lambda g, y, a, b: g / b / b, None))
    f = lambda x, b: row(np.sin(x), b) * 1e250
    program = ag.compile(ag.grad(f))
    for b in (2.0, 1e170, -3.0):
        assert program(0.6, b) == pytest.approx(ag.grad(f)(0.6, b), rel=1e-14)


@pytest.mark.parametrize(("h", "first", "x"), [
    (lambda x: ag.grad(lambda t: ag.relu(np.log(t)))(x), 2.0, 0.0),
    (lambda x: ag.grad(lambda t: t * np.clip(t, -1.0, 5.0))(x) * 3, 0.5, -math.inf),
    (lambda x: ag.grad(lambda t: np.maximum(np.sqrt(t), 1.0))(x), 4.0, 0.0),
    (lambda x: np.fmax(ag.grad(lambda t: ag.relu(np.log(t)))(x), -5.0), 2.0, 0.0),
    (lambda x: ag.where(ag.grad(lambda t: ag.relu(np.log(t)))(x) > 1.0, 2.0, x), 0.5, 0.0),
], ids=["relu", "clip", "maximum", "a nan is eaten", "a nan is compared"])
def test_a_gradient_inside_that_masks_another_branch_later(h, first, x, interpreted):
    """Recorded where a branch is chosen, it is right where it isn't, and its slope infinite."""
    program = ag.compile(h)
    with np.errstate(all="ignore"):
        assert program(first) == h(first) and program(x) == h(x)


def test_a_row_without_a_function_of_floats():
    """It runs by its function of arrays, on float64."""
    row = ag.elementwise(lambda x: np.cos(x), None, lambda y, x: -ag.sin(x), name="no twin")
    assert ag.compile(ag.grad(lambda x: row(x) * x))(0.5) == pytest.approx(
        math.cos(0.5) - 0.5 * math.sin(0.5), rel=1e-15)


def test_the_sum_of_nothing_is_a_number_of_numpys():
    """x @ x of no entries is 0 with NumPy's attributes, in a program as in the function."""
    assert ag.compile(lambda x: (x @ x).T)(np.zeros(0)) == 0.0


@pytest.mark.parametrize("f", [
    np.sum, np.mean, lambda x: np.sum(x * 1.0), np.cumsum, np.prod, lambda x: np.sum(np.sum(x)),
    lambda x: sum(list(x)), lambda x: x @ x, lambda x: np.add.reduce(x), lambda x: ag.sum(x[0]),
    lambda x: np.mean(x[0]), np.diff, lambda x: np.dot(x, 1.0 - x), lambda x: np.outer(x, x)[0, 0],
], ids=str)
@pytest.mark.parametrize("x", [[-0.0], [-0.0, -0.0], [-0.0, 0.0]], ids=str)
def test_sums_have_the_sign_of_zero_that_numpy_has(f, x):
    """NumPy adds to 0.0, so a sum of −0.0 is 0.0, whose arctan2 and reciprocal are others."""
    x = np.array(x)
    assert bits(ag.compile(f)(x)) == bits(np.asarray(ag.jvp(f, (x,), (x,))[0]))


def test_names_of_rows_cannot_disturb_the_text():
    """A row may be called like a variable, a keyword, a constant, or no word at all."""
    rows = [ag.elementwise(lambda x, k=k: x + k, lambda x, k=k: x + k, 1, name=name)
            for k, name in enumerate(("x0", "v2", "run", "lambda", "inf", "tiny", "numbers", "a/b",
                                      "a²", "σ″", "nan", "GUARD_FAILED", "isfinite", "x; y",
                                      "__debug__", "__builtins__"))]
    f = lambda x: [row(x) for row in rows] + [math.inf * x, math.nan * x]
    given = ag.compile(f)(1.0)
    assert given[:-2] == [1.0 + k for k in range(len(rows))]
    assert given[-2] == math.inf and math.isnan(given[-1])


def test_two_rows_of_one_name():
    """Defined twice, as in a notebook, both are themselves in a program that has both."""
    first, second = (ag.elementwise(lambda x, k=k: x * k, lambda x, k=k: x * k,
                                    lambda y, x, k=k: k, name="again") for k in (2.0, 3.0))
    assert ag.compile(ag.grad(lambda x: first(second(first(x)))))(1.0) == 12.0


# ── from Python to the machine ───────────────────────────────────────────────────────────────


def many(x):
    """Some two hundred operations, with sums."""
    for _ in range(40):
        x = x + 0.1 * np.sin(x) - 0.01 * np.sum(x)
    return np.sum(x * x)


@pytest.mark.parametrize("calls", [1, 5])
def test_a_program_goes_over_to_the_machine_after_so_many_operations(calls, monkeypatch, rng):
    """It is counted, not timed, so the same call changes over each time; the numbers agree."""
    pytest.importorskip("numba", reason="the fast extra isn't installed")
    monkeypatch.setattr(schedule, "machine", slow_machine)
    x = rng.normal(size=3)
    first = ag.compile(ag.grad(many))
    expected = first(x)
    (run,) = first._replays[(3,),]
    monkeypatch.setattr(replay, "MOST_IN_PYTHON", calls * run.work)
    for _ in range(2):
        program = ag.compile(ag.grad(many))
        for _ in range(calls):
            assert "machine" not in repr(program)
            assert program(x).tolist() == expected.tolist()
        assert f"{run.operations} operations in machine code" in repr(program)
        np.testing.assert_allclose(program(x), expected, rtol=1e-12)


def test_a_small_program_stays_in_python(monkeypatch):
    """For a few operations the machine isn't quicker, however often they run."""
    monkeypatch.setattr(replay, "MOST_IN_PYTHON", 10)
    program = ag.compile(lambda x: x * x + 1.0)
    for _ in range(20):
        program(2.0)
    assert "2 operations in Python" in repr(program)
