"""Compiled programs give what their functions give, in whichever way they are called."""

from __future__ import annotations

import functools
import math
import threading
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.compiler import replay

EPS = np.finfo(float).eps


# ── random programs ──────────────────────────────────────────────────────────────────────────

UNARY = [np.tanh, np.sin, np.exp, ag.relu, np.abs, np.square, ag.sigmoid, np.negative]
BINARY = [np.add, np.subtract, np.multiply, np.maximum, np.minimum]


@st.composite
def programs(draw):
    """A function of three numbers: a random graph of sums, products, choices and reuse."""
    steps = draw(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 99), st.integers(0, 99),
                                    st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5])), max_size=14))

    def function(a, b, c):
        known = [a, b, c]
        for kind, i, j, k in steps:
            x, y = known[i % len(known)], known[j % len(known)]
            if kind < 8:
                known.append(np.tanh(UNARY[kind](0.5 * x)))
            elif kind < 13:
                known.append(BINARY[kind - 8](x, y * k if i % 2 else y))
        return ag.sum([known[-1], known[-2] * known[0], ag.dot(known[:3], known[-3:], 0.5)])

    return function


@pytest.mark.slow  # forty programs are compiled
@settings(max_examples=40, deadline=None)
@given(f=programs(), point=st.tuples(*[st.floats(-2, 2)] * 3), other=st.tuples(
    *[st.floats(-2, 2)] * 3))
def test_random_programs_agree_with_the_engine(f, point, other):
    """Recorded at one point and replayed at another: value, gradient, Hessian."""
    argnums = (0, 1, 2)
    value_and_grad = ag.value_and_grad(ag.compile(f), argnums)
    value_and_grad(*point)
    value, gradient = value_and_grad(*other)
    expected, slopes = ag.value_and_grad(f, argnums)(*other)
    size = 1.0 + abs(expected) + max(map(abs, slopes))
    assert value == pytest.approx(expected, abs=100 * EPS * size)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-11, atol=100 * EPS * size)
    second = np.array(ag.compile(ag.hessian(f, argnums))(*other))
    eager = np.array(ag.hessian(f, argnums)(*other))
    np.testing.assert_allclose(second, eager, rtol=1e-9, atol=1e4 * EPS * (1 + abs(eager).max()))


# ── transforms ───────────────────────────────────────────────────────────────────────────────


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.mark.slow  # several programs are compiled
def test_transforms_of_programs_and_programs_of_transforms(rng):
    """grad, value_and_grad, jacobian and hessian on either side of compile; arrays keep shape."""
    x = rng.normal(size=7)
    program = ag.compile(rosenbrock)
    assert program(x) == pytest.approx(rosenbrock(x), rel=1e-14)
    for name in ("grad", "value_and_grad", "hessian"):
        transform = getattr(ag, name)
        for compiled in (transform(program), ag.compile(transform(rosenbrock))):
            for got, want in zip(*map(np.atleast_1d, (compiled(x), transform(rosenbrock)(x)))
                                 if name != "value_and_grad" else (compiled(x), transform(
                                     rosenbrock)(x)), strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)
    outer = ag.jacobian(ag.compile(lambda x: x[:2] * x[2]))(x[:3])
    np.testing.assert_allclose(outer, [[x[2], 0, x[0]], [0, x[2], x[1]]])
    third = ag.grad(ag.grad(ag.grad(ag.compile(lambda t: t**5))))
    assert third(2.0) == pytest.approx(60 * 4.0, rel=1e-14)


@pytest.mark.slow  # several programs are compiled
def test_a_gradient_inside_a_program():
    """A function that calls ag.grad can be compiled: its backward sweep is recorded too."""
    def f(x, y):
        return ag.grad(lambda t: np.maximum(t, y) ** 3 + ag.relu(t) * y)(x)

    program = ag.compile(f)
    for x, y in [(2.0, 1.0), (1.0, 2.0), (-1.0, 2.0), (-2.0, -3.0), (1.5, 1.5)]:
        assert program(x, y) == f(x, y)


def test_a_program_called_with_values_is_the_function():
    """A program called with Values records its function, so that everything composes."""
    program = ag.compile(lambda x: x**3)
    x = Value(2.0)
    (program(x) * 2).backward()
    assert x.grad == 24.0
    assert ag.hvp(program, (2.0,), (1.0,)) == (12.0,)


def test_programs_inside_programs_and_transforms():
    """A program inside another, or in a transform, is its function, and may close over a node."""
    inner = ag.compile(lambda x: np.sum(x**2))
    x = np.array([2.0, 3.0])
    assert ag.compile(lambda x: inner(x) * 2)(x) == 26.0
    np.testing.assert_array_equal(ag.compile(ag.grad(lambda x: inner(x) * 2))(x), [8.0, 12.0])

    def closing(x):
        return ag.compile(lambda y: x * y)(2.0) * x

    program = ag.compile(closing)
    assert ag.grad(closing)(3.0) == 12.0
    assert [program(3.0), program(4.0)] == [18.0, 32.0]


@pytest.mark.slow  # several programs are compiled
def test_a_wrapped_gradient_is_not_mistaken_for_one():
    """functools.wraps copies attributes; what a wrapper does counts all the same."""
    slope = ag.grad(lambda x: x**3)

    @functools.wraps(slope)
    def doubled(x):
        return 2 * slope(x)

    assert ag.compile(doubled)(2.0) == doubled(2.0) == 24.0


# ── arguments and results ────────────────────────────────────────────────────────────────────

Point = namedtuple("Point", "x y")


@pytest.mark.slow  # several programs are compiled
def test_trees_shapes_and_what_is_not_a_float():
    """Nested arguments and results; other shapes and other integers are other programs."""
    def f(tree, n, how="sum"):
        total = tree["p"].x * n + tree["list"][0][1, 0]
        return Point(total if n > 1 else -total, (tree["list"], [2.0]))

    tree = {"p": Point(2.0, np.float64(1.0)), "list": [np.arange(4).reshape(2, 2)]}
    program = ag.compile(f)
    assert program(tree, 3).x == 8.0 and program(tree, 1).x == -4.0
    result = program(tree, 3)
    assert isinstance(result, Point) and result.y[1] == [2.0]
    np.testing.assert_array_equal(result.y[0][0], tree["list"][0])
    gradient = ag.grad(ag.compile(lambda tree, n: f(tree, n).x))(tree, 3)
    assert gradient["p"] == Point(3.0, 0.0)
    np.testing.assert_array_equal(gradient["list"][0], [[0, 0], [1, 0]])
    assert ag.grad(ag.compile(lambda x: x**2))(3) == 6.0  # an integer to differentiate is a number


def test_the_form_of_the_arguments_counts():
    """Arguments of another form are another program: a list isn't a tuple, nor a dict."""
    program = ag.compile(lambda *args: args)
    assert program([1.0]) == ([1.0],)
    assert program((1.0,)) == ((1.0,),)
    assert program({0: 1.0}) == ({0: 1.0},)
    assert program(2.0, []) == (2.0, [])
    assert program([], 2.0) == ([], 2.0)


def test_results_belong_to_the_caller(rng):
    """A result can be changed without changing a later one, and later calls don't change it."""
    program = ag.compile(lambda x: x * 2)
    x = rng.normal(size=4)
    first = program(x)
    kept = first.copy()
    program(x + 1)
    np.testing.assert_array_equal(first, kept)
    first[:] = 0
    np.testing.assert_array_equal(program(x), kept)


def test_a_program_prints_readably():
    """The text of a program is the Python that it runs as, and its size in front."""
    program = ag.compile(lambda x, w: np.tanh(w * x + 1) if x > 0 else w)
    assert "not recorded yet" in repr(program)
    program(2.0, 3.0)
    assert repr(program) == (
        "<program <lambda>: 3 operations in Python, 2 inputs, 1 comparison>")
    head, *lines = str(program).splitlines()
    assert head == "# <lambda>: 3 operations in Python, 2 inputs, 1 comparison"
    assert lines == [
        "def run(numbers):", "    x0, x1 = numbers", "    if not x0 > 0.0: return GUARD_FAILED",
        "    v3 = x1 * x0", "    v5 = v3 + 1.0", "    v6 = tanh(v5)", "    return [v6]"]


@pytest.mark.slow  # a second
def test_a_row_that_numba_cannot_compile(on_the_machine, monkeypatch):
    """It runs in Python for ever, also in a large program; of a batch an error says why not."""
    row = ag.elementwise(np.sin, lambda x: math.sin(x) if x.hex() else 0.0,
                         lambda y, x: ag.cos(x), name="mixed")
    with pytest.raises(ag.errors.GraphError, match="Numba can't compile its function for floats"):
        ag.compile(lambda x: row(x), batched=0)(np.ones(2))
    program = ag.compile(lambda x: row(x))  # which would begin on the machine
    assert program(2.0) == math.sin(2.0) and "in Python" in repr(program)
    monkeypatch.undo()
    monkeypatch.setattr(replay, "MOST_IN_PYTHON", 2)
    monkeypatch.setattr(replay, "SMALL", 0)
    program = ag.compile(lambda x: row(x))
    for _ in range(5):
        assert program(2.0) == math.sin(2.0) and "in Python" in repr(program)


def test_a_program_on_the_machine_prints_readably(on_the_machine):
    """The text of a machine's program has one line for each operation, and its size in front."""
    program = ag.compile(lambda x, w: np.tanh(w * x + 1) if x > 0 else w)
    program(2.0, 3.0)
    head, *lines = str(program).splitlines()
    assert "3 operations in machine code, 2 inputs, 1 comparison, depth 3," in head
    assert head.endswith("bytes")
    assert lines[:2] == ["v0 = input", "v1 = input"]
    assert [line.split(" = ")[1] for line in lines[2:5]] == [
        "multiply(v1, v0)", "add(v3, 1)", "tanh(v5)"]
    assert lines[5:] == ["compared: gt(v0, 0)", "result: v6"]


def test_threads_share_a_program(rng):
    """Threads that call one program at the same time each get the results of their own numbers."""
    program = ag.grad(ag.compile(rosenbrock))
    points = rng.normal(size=(200, 10))
    expected = [program(x) for x in points]
    wrong = []

    def work():
        for x, want in zip(points, expected, strict=True):
            if not np.array_equal(program(x), want):
                wrong.append(x)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ── refusals ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: ag.compile(lambda x: Tensor([1.0, 2.0]).sum() * 1.0)(2.0), "GraphError",
     "a Tensor that is a leaf"),
    (lambda: ag.compile(lambda x: np.linalg.norm(x))(np.ones(2)), "NotDifferentiableError",
     "np.linalg.norm doesn't take an array of Values"),
    (lambda: ag.compile(lambda x: x, reduce="mean"), "GraphError", "which arguments are batched"),
    (lambda: ag.compile(lambda x: x, branches="guess"), "GraphError", "branches is"),
    (lambda: ag.compile(lambda x, y: x * y, batched=(0, 1))(np.ones(3), np.ones(4)), "ShapeError",
     "differ in their numbers of samples"),
    (lambda: ag.compile(lambda x: x, batched=0)(2.0), "ShapeError", "argument 0 is batched"),
    (lambda: ag.grad(ag.compile(lambda x: x * 2))(np.ones(3)), "ShapeError", "one number"),
    (lambda: ag.grad(ag.compile(lambda x: x * 2, batched=0))(np.ones(3)), "ShapeError",
     "reduce='mean'"),
    (lambda: ag.compile(lambda x: x * 2, batched=0, reduce="sum")(np.ones((3, 2))), "ShapeError",
     "one number"),
    (lambda: ag.compile(ag.grad(lambda x: x), parameters=[Value(1.0)]), "GraphError",
     "compile(f, parameters=…) first"),
    (lambda: ag.compile(lambda x: x).flat(), "GraphError", "without parameters="),
    (lambda: ag.compile(lambda x: x * 2)(np.array([1j])), "DTypeError", "complex"),
], ids=range(12))
def test_refusals(make, error, message):
    """A function or call that can't be compiled is refused, and the message says what to do."""
    with pytest.raises(getattr(ag.errors, error)) as caught:
        make()
    assert message in str(caught.value)


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: ag.compile(lambda x: ag.gradients(x * x, x))(2.0), "GraphError", "plain gradient"),
    (lambda: ag.compile(lambda x: None)(2.0), "GraphError", "the result is a NoneType"),
    (lambda: ag.compile(ag.grad(lambda x: x.data))(2.0), "GraphError", "has no gradient"),
    (lambda: ag.compile(ag.grad(lambda x: x, (0, 0)))(2.0), "ShapeError", "twice"),
    (lambda: ag.compile(ag.grad(lambda x: x, 3))(2.0), "ShapeError", "argnums 3"),
    (lambda: ag.compile(ag.grad(lambda x, s: x, 1))(2.0, "a"), "DTypeError", "no gradient"),
    (lambda: ag.compile(lambda x, s: x)(2.0, {1}), "GraphError", "hashable"),
    (lambda: ag.compile(lambda x: x, batched=-1), "GraphError", "counted from 0"),
    (lambda: ag.compile(lambda x: x, batched=0)(np.ones(0)), "ShapeError", "one at least"),
    (lambda: ag.compile(lambda x: x * Tensor([1.0]).data[0])(2.0), "GraphError", "of a Tensor"),
    (lambda: ag.compile(lambda x: x, parameters=[1.0]), "DTypeError", "not float"),
    (lambda: ag.compile(lambda x: x, parameters=[Value(1.0)])(np.ones(2), 1.0), "ShapeError",
     "has 1 parameters"),
    (lambda: ag.jacobian(ag.compile(lambda w, x: w * x, batched=1))(2.0, np.ones(3)),
     "ShapeError", "what all samples share"),
    (lambda: ag.compile(lambda x: np.floor(x))(np.ones(2)), "NotDifferentiableError", "np.floor"),
], ids=range(14))
def test_refusals_of_edge_cases(make, error, message):
    """Where an obscure error or a wrong number used to be, the message says what is wrong."""
    with pytest.raises(getattr(ag.errors, error)) as caught:
        make()
    assert message in str(caught.value)


def test_an_error_inside_leaves_nothing_behind():
    """After a function has failed while it was recorded, the engine is as before."""
    program = ag.compile(lambda x: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        program(2.0)
    x = Value(3.0)
    (x * x if x > 0 else x).backward()
    assert x.grad == 6.0
