"""Programs: whatever is recorded, differentiated and replayed gives what the engine gives."""

from __future__ import annotations

import copy
import functools
import math
import os
import random
import subprocess
import sys
import textwrap
import threading
from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.ops import elementary
from autograd_mini.primitive import PRIMITIVES, Elementwise, _built_in as BUILT_IN

EPS = np.finfo(float).eps
elementary._spherical(1)  # the slope of sinc, made when it is needed
ROWS = [row for row in PRIMITIVES.values()
        if isinstance(row, Elementwise) and row.name in BUILT_IN and row.scalar is not None]
POINTS = [
    (0.3, 0.7, 0.9, 0.5), (-0.3, 0.7, 0.5, 0.2), (0.0, 0.0, 1.0, 0.0), (1.0, 2.0, 1.5, 1.5),
    (2.0, 2.0, 2.0, 2.0), (-1.5, 2.0, -1.0, 3.0), (0.5, -0.5, 0.1, 0.2), (1e3, 2.0, 1.0, 1.0),
    (-800.0, 0.5, 1.0, 2.0), (math.inf, 1.0, 2.0, 3.0), (math.nan, 1.0, 2.0, 3.0),
    (1.0, 1.0, 1.0, 1.0), (-1.0, 3.0, 1.0, 1.0), (0.0, -1.0, 0.0, 0.0), (-0.0, 1.0, 2.0, 3.0),
]


@pytest.fixture(scope="module")
def all_rows():
    """All scalar rows in one program, and their slopes in another."""
    def every(x, y, z, w):
        return [row(*(x, y, z, w)[: len(row.slopes)]) for row in ROWS]

    return every, ag.compile(every), ag.compile(ag.jacobian(every, (0, 1, 2, 3)))


def test_every_scalar_row_has_a_function_of_floats():
    """A row of the table without one couldn't be on the tape."""
    missing = [row.name for row in PRIMITIVES.values()
               if isinstance(row, Elementwise) and row.name in BUILT_IN and row.scalar is None]
    assert not missing and len(ROWS) >= 70


@pytest.mark.slow  # one program of all rows is compiled
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_every_scalar_row_runs_on_the_tape(all_rows, point):
    """Values to the digit or two that libm's differ by, slopes too; at edges, inf and nan."""
    every, values, slopes = all_rows
    with np.errstate(all="ignore"):
        _agree(every, values, slopes, point)


def _agree(every, values, slopes, point):
    expected = [y.data for y in every(*map(Value, point))]
    for row, got, want in zip(ROWS, values(*point), expected, strict=True):
        assert got == pytest.approx(want, rel=1e-13, nan_ok=True), row.name
    for row, got in zip(ROWS, slopes(*point), strict=True):
        k = len(row.slopes)
        want = ag.grad(lambda *xs, row=row: row(*xs), tuple(range(k)))(*point[:k])
        np.testing.assert_allclose(got[:k], want, rtol=1e-12, err_msg=row.name)
        assert got[k:] == (0.0,) * (4 - k)


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
    """A function that differentiates on its own: its backward sweep is recorded too."""
    def f(x, y):
        return ag.grad(lambda t: np.maximum(t, y) ** 3 + ag.relu(t) * y)(x)

    program = ag.compile(f)
    for x, y in [(2.0, 1.0), (1.0, 2.0), (-1.0, 2.0), (-2.0, -3.0), (1.5, 1.5)]:
        assert program(x, y) == f(x, y)


def test_a_program_called_with_values_is_the_function():
    """Inside other code it records itself, so that everything composes."""
    program = ag.compile(lambda x: x**3)
    x = Value(2.0)
    (program(x) * 2).backward()
    assert x.grad == 24.0
    assert ag.hvp(program, (2.0,), (1.0,)) == (12.0,)


# ── what was not chosen ──────────────────────────────────────────────────────────────────────

@pytest.mark.slow  # each of eight is compiled for batches
@pytest.mark.parametrize(("f", "x"), [
    (lambda x: ag.where(ag.relu(x), np.sqrt(np.maximum(x, 0.0)), 0.0 * x), 0.0),
    (lambda x: ag.relu(-np.sqrt(x)), 0.0),
    (lambda x: np.maximum(1.0, np.log(x)), 0.0),
    (lambda x: ag.where(x, 1 / x, 3.0), 0.0),
    (lambda x: ag.clip(np.sqrt(x), 1.0, 2.0), 0.0),
    (lambda x: 0.0 * np.sqrt(x), 0.0),
], ids=str)
def test_silence_is_not_zero(f, x):
    """0·inf behind a branch not taken is 0; made by arithmetic it is nan: as in the engine."""
    with np.errstate(all="ignore"):
        eager = ag.grad(f)(x)
        assert ag.grad(ag.compile(f))(x) == pytest.approx(eager, nan_ok=True)
        batched = ag.grad(ag.compile(f, batched=0, reduce="sum"))
        for got in batched(np.array([x, 4.0, x]))[[0, 2]]:
            assert got == pytest.approx(eager, nan_ok=True)


# ── branches ─────────────────────────────────────────────────────────────────────────────────

def stairs(x, y):
    """Code that looks at its numbers in every way Python has."""
    if x > 1:
        return x * y
    if x:
        return sorted([x, y])[0] * 3
    return max(x, y) + (y if y == 2 else -y)


def test_other_branches_are_recorded():
    """A comparison that comes out differently is no reason to lie."""
    program, slope = ag.compile(stairs), ag.grad(ag.compile(stairs), (0, 1))
    for x, y in [(2.0, 3.0), (3.0, 2.0), (0.5, 4.0), (0.5, 0.1), (0.0, 2.0), (0.0, 3.0),
                 (0.0, -1.0), (2.0, 5.0)]:
        assert program(x, y) == stairs(x, y)
        assert slope(x, y) == ag.grad(stairs, (0, 1))(x, y)
    assert len(repr(program).split(";")) == 6  # ways


def test_or_raise():
    """branches='raise' says so instead."""
    program = ag.compile(stairs, branches="raise")
    program(2.0, 3.0)
    assert program(5.0, 1.0) == 5.0
    with pytest.raises(ag.errors.GraphError, match="comparison came out differently"):
        program(0.5, 1.0)


def test_numbers_taken_out_must_be_the_same():
    """v.data is a constant of the program, so it is recorded again for another one."""
    program = ag.compile(lambda x: x * x.data)
    assert [program(x) for x in (2.0, 3.0, 2.0, 0.5)] == [4.0, 9.0, 4.0, 0.25]
    assert ag.grad(ag.compile(lambda x: x * x.data))(3.0) == 3.0


def test_newton_in_a_loop():
    """A loop that ends when it is accurate enough takes as many turns as it needs."""
    def root(a):
        x = a
        while abs(x * x - a) > 1e-12 * a:
            x = (x + a / x) / 2
        return x

    program = ag.value_and_grad(ag.compile(root))
    for a in (2.0, 3.0, 100.0, 2.5):
        value, slope = program(a)
        assert value == pytest.approx(math.sqrt(a), rel=1e-12)
        assert slope == ag.grad(root)(a)


# ── batches ──────────────────────────────────────────────────────────────────────────────────

def sample_loss(w, x, t):
    """A small network with a shared vector w, one sample x (3 numbers) and its target."""
    h = np.tanh(x * w[:3] + w[3:6])
    return (h @ w[6:9] + w[9] * t) ** 2 + 0.1 * np.sum(w * w)


@pytest.mark.slow  # machines for batches are compiled
@pytest.mark.parametrize("n", [1, 2, 7, 8, 127, 128, 129, 300])
def test_a_batch_is_a_loop(n, rng):
    """Values, mean, gradients to what is shared and to each sample, for any number of samples."""
    w, X, t = rng.normal(size=10), rng.normal(size=(n, 3)), rng.normal(size=n)
    objects = [(w.astype(object), x.astype(object), float(s)) for x, s in zip(X, t, strict=True)]
    each = np.array([float(sample_loss(w, x, s)) for x, s in zip(X, t, strict=True)])
    np.testing.assert_allclose(ag.compile(sample_loss, batched=(1, 2))(w, X, t), each, rtol=1e-13)
    slopes = [ag.grad(sample_loss, (0, 1, 2))(*one) for one in objects]
    for reduce, weight in (("mean", 1 / n), ("sum", 1.0)):
        program = ag.compile(sample_loss, batched=(1, 2), reduce=reduce)
        value, (gw, gx, gt) = ag.value_and_grad(program, (0, 1, 2))(w, X, t)
        assert value == pytest.approx(each.sum() * weight, rel=1e-12)
        expected = np.sum([np.array(s[0], float) for s in slopes], axis=0) * weight
        np.testing.assert_allclose(gw, expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(gx, [np.array(s[1], float) * weight for s in slopes],
                                   rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(gt, [s[2] * weight for s in slopes], rtol=1e-11)


@pytest.mark.slow  # machines for batches are compiled
def test_second_order_over_a_batch(rng):
    """The Hessian of a mean over samples, whose gradient is a sum over all of them."""
    w, X = rng.normal(size=3), rng.normal(size=(150, 3))
    program = ag.compile(lambda w, x: ag.softplus(x @ w), batched=1, reduce="mean")
    got = ag.hessian(program)(w, X)
    s = 1 / (1 + np.exp(-X @ w))
    np.testing.assert_allclose(got, X.T @ (X * (s * (1 - s))[:, None]) / 150, rtol=1e-11)


@pytest.mark.slow  # machines for batches are compiled
def test_outputs_of_a_batch_that_all_samples_share(rng):
    """What doesn't depend on the sample has one number, given to each; trees keep their form."""
    program = ag.compile(lambda w, x: {"w": w * 2, "xw": (x * w, [x, 3.0])}, batched=1)
    got = program(2.0, np.array([1.0, 5.0]))
    np.testing.assert_array_equal(got["w"], [4.0, 4.0])
    np.testing.assert_array_equal(got["xw"][0], [2.0, 10.0])
    np.testing.assert_array_equal(got["xw"][1][1], [3.0, 3.0])
    total = ag.compile(lambda w, x: w * w, batched=1, reduce="sum")
    assert ag.value_and_grad(total)(3.0, np.zeros(5)) == (45.0, 30.0)


@pytest.mark.slow  # machines for batches are compiled
def test_samples_on_different_ways_are_refused():
    """The machine runs all samples alike; ag.where and ag.maximum choose for each."""
    program = ag.compile(lambda x: x if x > 0 else -x, batched=0)
    np.testing.assert_array_equal(program(np.array([1.0, 2.0])), [1.0, 2.0])
    np.testing.assert_array_equal(program(np.array([-1.0, -2.0])), [1.0, 2.0])
    with pytest.raises(ag.errors.GraphError, match=r"samples of this batch take different ways"):
        program(np.array([1.0, -2.0]))


# ── parameters, and what is outside ──────────────────────────────────────────────────────────

@pytest.mark.slow  # several programs are compiled
def test_training_a_network_of_values(rng):
    """Flat parameters: the same steps as the eager engine's, and stored back at the end."""
    random.seed(3)
    model = nn.MLP(2, [5, 1])
    X = rng.normal(size=(30, 2))
    y = np.where(X[:, 0] * X[:, 1] > 0, 1.0, -1.0)

    def loss(x, t):
        return ag.relu(1 - t * model(x))

    program = ag.value_and_grad(ag.compile(loss, batched=(0, 1), reduce="mean",
                                           parameters=model.parameters()))
    numbers = program.flat()
    for _ in range(20):
        value, slope = program(numbers, X, y)
        total = ag.sum([loss([Value(v) for v in x], t)
                        for x, t in zip(X.tolist(), y.tolist(), strict=True)]) / 30
        model.zero_grad()
        total.backward()
        assert value == pytest.approx(total.data, rel=1e-12)
        np.testing.assert_allclose(slope, [p.grad for p in model.parameters()], atol=1e-14)
        numbers -= 0.1 * slope
        program.store(numbers)
    assert [p.data for p in model.parameters()] == numbers.tolist()
    with pytest.raises(ag.errors.ShapeError, match="21 numbers are needed"):
        program.store(numbers[:3])


def test_values_from_outside_are_read_in_each_call():
    """A parameter that the function closes over may change; a Value made inside is a constant."""
    w = Value(2.0)
    program = ag.value_and_grad(ag.compile(lambda x: w * x * Value(5.0)))
    assert program(3.0) == (30.0, 10.0)
    w.data = 4.0
    assert program(3.0) == (60.0, 20.0)


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


def test_results_are_the_callers(rng):
    """Nobody's array is kept: results can be changed, and later calls don't change them."""
    program = ag.compile(lambda x: x * 2)
    x = rng.normal(size=4)
    first = program(x)
    kept = first.copy()
    program(x + 1)
    np.testing.assert_array_equal(first, kept)
    first[:] = 0
    np.testing.assert_array_equal(program(x), kept)


@pytest.mark.slow  # fifteen programs are compiled
def test_functions_of_arrays_of_values(rng):
    """Products, sums along an axis, choices, broadcasting, and what only moves entries."""
    A, b = rng.normal(size=(3, 4)), rng.normal(size=4)
    for f in [
        lambda A, b: A @ b, lambda A, b: A @ A.T, lambda A, b: np.dot(b, b) * A[0, 0],
        lambda A, b: np.sum(A * b, axis=0), lambda A, b: A.mean(axis=1, keepdims=True) - A,
        lambda A, b: np.where(A > b, A, np.exp(b)), lambda A, b: np.max(A, axis=1),
        lambda A, b: np.clip(A, -0.5, 0.5).sum(), lambda A, b: np.concatenate([A[0], b[::-1]]),
        lambda A, b: np.stack([b, A[1]]).T, lambda A, b: b[0] * A - A / b[1],
        lambda A, b: ag.tanh(A).reshape(2, 6) ** 2, lambda A, b: np.linspace(0, 1, 4) @ b,
        lambda A, b: np.mean(np.abs(A)) + A.min(), lambda A, b: np.arctan2(A, b),
    ]:
        np.testing.assert_allclose(ag.compile(f)(A, b), f(A, b), rtol=1e-13, atol=1e-14)


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
    """What can't be compiled is refused, and the message says what to do."""
    with pytest.raises(getattr(ag.errors, error)) as caught:
        make()
    assert message in str(caught.value)


def test_a_slope_that_looks_at_numbers_is_refused():
    """A user's row whose rule decides by the number it is fed can't be recorded."""
    row = ag.elementwise(lambda x: abs(x), lambda x: abs(x),
                         lambda y, x: 1.0 if x > 0 else -1.0, name="my abs")
    program = ag.compile(lambda x: row(x))
    assert program(-2.0) == 2.0
    with pytest.raises(ag.errors.GraphError, match="slope of my abs looks at plain numbers"):
        ag.grad(program)(-2.0)


def test_an_error_inside_leaves_nothing_behind():
    """After a function has failed while it was recorded, the engine is as before."""
    program = ag.compile(lambda x: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        program(2.0)
    x = Value(3.0)
    (x * x if x > 0 else x).backward()
    assert x.grad == 6.0


def test_threads_share_a_program(rng):
    """Each call has its own numbers."""
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


# ── what it says, and what it keeps ──────────────────────────────────────────────────────────

def test_it_prints_readably():
    """One line an operation; nodes, inputs, depth and memory in front."""
    program = ag.compile(lambda x, w: np.tanh(w * x + 1) if x > 0 else w)
    assert "not recorded yet" in repr(program)
    program(2.0, 3.0)
    head, *lines = str(program).splitlines()
    assert "3 operations, 2 inputs, depth 3, 1 comparison," in head and "bytes" in head
    assert lines[:2] == ["v0 = input", "v1 = input"]
    assert [line.split(" = ")[1] for line in lines[2:5]] == [
        "multiply(v1, v0)", "add(v3, 1)", "tanh(v5)"]
    assert lines[5:] == ["compared: gt(v0, 0)", "result: v6"]


def run(code, cache, **env):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], check=True,
        capture_output=True, text=True, env=os.environ | {"AUTOGRAD_MINI_CACHE": str(cache)} | env
    ).stdout


@pytest.mark.slow  # two processes, the first compiles
def test_the_second_process_compiles_nothing(tmp_path):
    """The machine is kept on disk: the first process writes it, the second only reads."""
    code = """
        import autograd_mini as ag
        print(ag.grad(ag.compile(lambda x: x.sin() * x))(2.0))
    """
    first = run(code, tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert any(path.suffix == ".nbc" for path in files)
    assert run(code, tmp_path) == first
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()} == files


def test_without_numba_the_error_says_what_to_install(tmp_path):
    """Importing the package doesn't need it; compiling does."""
    assert "pip install 'autograd-mini[fast]'" in run("""
        import sys
        sys.modules["numba"] = None
        import autograd_mini as ag
        try:
            ag.compile(lambda x: x)
        except ag.errors.MissingExtraError as error:
            print(error)
    """, tmp_path)


# ── what a replay mustn't freeze, nor lose ───────────────────────────────────────────────────

def lazily(holder=[]):
    if not holder:
        holder.append(Value(2.0))
    return holder[0]


def changing(x):
    first, x[0] = x[0], 0.0
    return first**2 + x[1]


@pytest.mark.parametrize(("f", "recorded", "replayed"), [
    (lambda x: x * x.data, math.nan, 3.0),
    (lambda x: x + math.copysign(1.0, x.data), 0.0, -0.0),
    (lambda x: copy.deepcopy(x) * x, 2.0, 3.0),
    (lambda x: x if np.greater.outer(x, 1.0) else -x, 2.0, 0.5),
    (lambda x: x if x > np.int64(3) and x < 10**400 else -x, 5.0, 1.0),
    (changing, [2.0, 5.0], [4.0, 5.0]),
    (lambda x: 1 / (x + x + x + x), 1.0, -0.0),
    (lambda x: ag.sum([x, -x, x, -x, x]), 1.0, 1e308),
    (lambda x: x * (x * 0.1 + x * 0.2 + x * 0.3 + 0.7).data, 0.3, 0.7),
], ids=str)
def test_what_was_looked_at_is_no_constant(f, recorded, replayed):
    """Recorded for one number and asked for another, a program gives what f gives."""
    program = ag.compile(f)
    for x in (recorded, replayed):
        with np.errstate(all="ignore"):
            expected = f(list(map(Value, x)) if isinstance(x, list) else Value(x)).data
            got = program(list(x) if isinstance(x, list) else x)
        np.testing.assert_equal(got, expected)
        assert math.copysign(1, got) == math.copysign(1, expected) or math.isnan(got)


def test_values_made_by_the_first_call_are_read_too():
    """A layer that makes its weights when it is first called may have them changed later."""
    program = ag.compile(lambda x: lazily() * x)
    assert program(1.0) == 2.0
    lazily().data = 7.0
    assert program(1.0) == 7.0


def test_programs_inside_programs_and_transforms():
    """Inside, a program is its function: also of arrays, also where it closes over a variable."""
    inner = ag.compile(lambda x: np.sum(x**2))
    x = np.array([2.0, 3.0])
    assert ag.compile(lambda x: inner(x) * 2)(x) == 26.0
    np.testing.assert_array_equal(ag.compile(ag.grad(lambda x: inner(x) * 2))(x), [8.0, 12.0])

    def closing(x):
        return ag.compile(lambda y: x * y)(2.0) * x

    program = ag.compile(closing)
    assert ag.grad(closing)(3.0) == 12.0
    assert [program(3.0), program(4.0)] == [18.0, 32.0]


@pytest.mark.slow  # each of seven is compiled twice over
@pytest.mark.parametrize("f", [
    lambda x: ag.where(ag.relu(x), ag.sqrt(x), 0.0), lambda x: ag.relu(np.log(x)),
    lambda x: np.maximum(1.0, np.sqrt(x)), lambda x: ag.clip(1 / x, 0.0, 1.0),
    lambda x: ag.where(ag.sqrt(x), x, 2 * x) * x, lambda x: np.copysign(x * 0 + 1.0, np.log(x)) * x,
    lambda x: ag.grad(lambda t: ag.where(ag.relu(t), ag.sqrt(t), t * t))(x) + x,
])
def test_silence_at_second_order(f):
    """What wasn't chosen sends nothing in a derivative of a derivative either."""
    with np.errstate(all="ignore"):
        for transform in (ag.grad, ag.hessian):
            assert ag.compile(transform(f))(0.0) == transform(f)(0.0)


def test_the_form_of_the_arguments_counts():
    """A list isn't a tuple, nor a dict, nor are two arguments one."""
    program = ag.compile(lambda *args: args)
    assert program([1.0]) == ([1.0],)
    assert program((1.0,)) == ((1.0,),)
    assert program({0: 1.0}) == ({0: 1.0},)
    assert program(2.0, []) == (2.0, [])
    assert program([], 2.0) == ([], 2.0)


@pytest.mark.slow  # machines for batches are compiled
def test_the_batch_axis_belongs_to_what_is_batched(rng):
    """The gradient of a sum has one where the argument has one, whatever its value depends on."""
    B = np.arange(1.0, 6.0)
    np.testing.assert_array_equal(
        ag.grad(ag.compile(lambda x: x, batched=0, reduce="sum"))(B), np.ones(5))
    np.testing.assert_array_equal(
        ag.compile(lambda x: ag.sum([Value(3.0)]), batched=0)(B), [3.0] * 5)
    np.testing.assert_array_equal(ag.compile(lambda a, b: a - 2 * b, batched=(1, 0))(B, 2 * B),
                                  -3 * B)
    second = ag.hessian(ag.compile(lambda w, x: (w[0] * x) * w[1], batched=1, reduce="sum"))
    np.testing.assert_allclose(second(np.array([0.3, 0.7]), B), [[0, 15], [15, 0]])
    each = ag.jacobian(ag.compile(lambda x: x**2, batched=0))
    np.testing.assert_allclose(each(rng.normal(size=(4, 2)) * 0 + 3)[2], [[6, 0], [0, 6]])


@pytest.mark.slow  # several programs are compiled
def test_a_wrapped_gradient_is_not_mistaken_for_one():
    """functools.wraps copies attributes; what a wrapper does counts all the same."""
    slope = ag.grad(lambda x: x**3)

    @functools.wraps(slope)
    def doubled(x):
        return 2 * slope(x)

    assert ag.compile(doubled)(2.0) == doubled(2.0) == 24.0


@pytest.mark.slow  # several programs are compiled
def test_rows_that_differ_only_in_what_they_capture():
    """A machine is told from another by defaults and captured variables too."""
    rows = [ag.elementwise(lambda x, k=k: x * k, lambda x, k=k: x * k, lambda y, x, k=k: k,
                           name=f"times {k}") for k in (2, 5)]
    assert [ag.compile(lambda x, row=row: row(x))(3.0) for row in rows] == [6.0, 15.0]


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
    (lambda: ag.compile(lambda x: ag.elementwise(
        np.sin, lambda x: x if x.hex() else 0.0, lambda y, x: 1.0, name="mixed")(2.0 + 0 * x))(2.0),
     "GraphError", "Numba can't compile"),
], ids=range(15))
def test_more_refusals(make, error, message):
    """Clear words, wherever an obscure error or a wrong number used to be."""
    with pytest.raises(getattr(ag.errors, error)) as caught:
        make()
    assert message in str(caught.value)


def test_a_node_computed_beforehand_counts_with_its_number():
    """Its leaf may have been updated since: the function sees the node, and so does the program."""
    w = Value(2.0)
    z = w * 2
    w.data = 10.0
    assert ag.compile(lambda x: z * x)(1.0) == 4.0
    program = ag.compile(lambda x: z * x * w, parameters=[w])
    with pytest.raises(ag.errors.GraphError, match="computed from a parameter before the call"):
        program(np.array([3.0]), 1.0)


def test_a_value_updated_halfway_is_refused():
    """One program can't hold both of its numbers."""
    def halfway(x, w=Value(2.0)):
        z = w * 2
        w.data = w.data + 8.0
        return z * x

    with pytest.raises(ag.errors.GraphError, match=r"updated to 10.0 after something was computed"):
        ag.compile(halfway)(1.0)
