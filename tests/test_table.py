"""Every row of the table, from the table itself: a new row has these tests before it is written."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.check.numeric import slope_along
from autograd_mini.primitive import (
    PRIMITIVES,
    TABLE,
    Elementwise,
    Structural,
    _built_in as BUILT_IN,
)

EPS = np.finfo(float).eps

# Points inside each row's domain, away from kinks, one tuple of arguments each.
ANYWHERE = [(-1.7,), (-0.3,), (0.4,), (2.6,)]
POSITIVE = [(0.2,), (1.1,), (7.3,)]
UNIT = [(-0.9,), (-0.2,), (0.6,)]
PAIRS = [(1.3, 0.7), (-0.4, 2.5), (3.1, -1.2)]
POINTS: dict[str, list[tuple[float, ...]]] = {
    "log": POSITIVE, "sqrt": POSITIVE, "log1p": [(-0.6,), (0.3,), (4.0,)],
    "arcsin": UNIT, "arccos": UNIT, "1-x²": UNIT,
    "power": [(1.3, 0.7), (0.4, -2.5), (2.1, 3.0)],
    "where": [(1.0, 0.3, 2.0), (0.0, 0.3, 2.0)],
    "clip": [(0.3, -1.0, 1.0), (-2.0, -1.0, 1.0), (2.0, -1.0, 1.0)],
}
ROWS = [row for row in PRIMITIVES.values() if isinstance(row, Elementwise)]
CASES = [
    pytest.param(row, point, id=f"{row.name}{point}")
    for row in ROWS
    for point in POINTS.get(row.name, ANYWHERE if len(row.slopes) == 1 else PAIRS)
]


def differentiable(row: Elementwise) -> list[int]:
    return [i for i, slope in enumerate(row.slopes) if slope is not None]


@pytest.mark.parametrize(("row", "point"), CASES)
def test_float_equals_array(row, point):
    """The twin on floats and NumPy's function on arrays give the same number to rounding."""
    on_floats = row(*point)
    on_arrays = row(*(np.array([x]) for x in point))[0]
    assert on_floats == pytest.approx(on_arrays, rel=4 * EPS, abs=4 * EPS)


@pytest.mark.parametrize(("row", "point"), CASES)
def test_value_equals_tensor(row, point):
    """A graph of Values and a graph of Tensors give the same gradient."""
    for i in differentiable(row):
        def f(x, i=i):
            return row(*(x if j == i else p for j, p in enumerate(point)))
        scalar = ag.grad(f)(point[i])
        array = ag.grad(lambda x, f=f: ag.sum(f(x)))(np.array([point[i]]))[0]
        assert scalar == pytest.approx(array, rel=8 * EPS, abs=8 * EPS)


@pytest.mark.parametrize(("row", "point"), CASES)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_slope_is_finite_difference(row, point, order):
    """Each derivative, of order 1 to 3, is the finite difference of the one below it."""
    for i in differentiable(row):
        def f(x, i=i):
            return row(*(x if j == i else p for j, p in enumerate(point)))
        below = f
        for _ in range(order - 1):
            below = ag.grad(below)
        exact = ag.grad(below)(point[i])
        measured = slope_along(lambda v, g=below: float(g(v)), point[i])
        assert measured.error <= 1e-6 * max(abs(exact), 1.0)
        assert exact == pytest.approx(
            measured.value, abs=10 * measured.error + 1e-9 * abs(exact) + 1e-10
        )


@pytest.mark.parametrize(("row", "point"), CASES)
def test_numbers_equal_nodes(row, point):
    """The rule fed nodes (create_graph) gives what it gives when fed numbers."""
    for i in differentiable(row):
        leaves = [Value(x) if j == i else x for j, x in enumerate(point)]
        y = row(*leaves)
        plain = ag.gradients(y, leaves[i])
        node = ag.gradients(y, leaves[i], create_graph=True)
        assert float(node) == pytest.approx(plain, rel=4 * EPS, abs=4 * EPS)


@pytest.mark.parametrize("row", [r for r in ROWS if len(r.slopes) == 2], ids=lambda r: r.name)
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3),
       seed=st.integers(0, 2**32 - 1))
def test_broadcasting_is_undone(row, shapes, seed):
    """The gradient has its argument's shape, and equals that of the arguments spread out first."""
    rng = np.random.default_rng(seed)
    a, b = (rng.uniform(0.5, 2.0, s) for s in shapes.input_shapes)
    weight = rng.normal(size=shapes.result_shape)

    def f(x, z):
        return ag.sum(row(x, z) * weight)

    spread = ag.grad(f, (0, 1))(*(np.array(np.broadcast_to(v, weight.shape)) for v in (a, b)))
    for got, whole, v in zip(ag.grad(f, (0, 1))(a, b), spread, (a, b), strict=True):
        lead = tuple(range(whole.ndim - v.ndim))
        kept = tuple(i for i, n in enumerate(v.shape) if n == 1)
        expected = whole.sum(lead).sum(kept, keepdims=True) if whole.size else np.zeros(v.shape)
        assert np.shape(got) == v.shape
        np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-13 * max(weight.size, 1))


@pytest.mark.parametrize("function", [f for f in TABLE if isinstance(f, np.ufunc)],
                         ids=lambda f: f.__name__)
def test_numpys_own_name_finds_the_row(function):
    """`np.f(node)` is the row `f`, for Values and Tensors, and gives its number."""
    count = function.nin
    x = [0.4, 0.7][:count]
    for kind in (Value, lambda v: Tensor([[v]])):
        nodes = [kind(v) for v in x]
        if function is np.matmul:
            nodes = [Tensor([[v]]) for v in x]
        y = function(*nodes)
        plain = function(*([[v]] for v in x)) if function is np.matmul else function(*x)
        assert isinstance(y, Value | Tensor) and y.op is not None
        assert y.item() == pytest.approx(np.asarray(plain).item(), rel=4 * EPS)


# ── structural rows: calls for each, checked like the elementwise ones ────────────────────────

X = np.random.default_rng(3).uniform(0.5, 2.0, (2, 3, 4))
INDEX = np.array([[0, 1], [1, 1]])
CALLS = {
    "sum": [lambda x: ag.sum(x), lambda x: np.sum(x, 1), lambda x: np.sum(x, axis=(0, -1)),
            lambda x: np.add.reduce(x), lambda x: x.sum(axis=2, keepdims=True)],
    "max": [lambda x: ag.max(x), lambda x: np.max(x, axis=-1), lambda x: np.maximum.reduce(x)],
    "min": [lambda x: ag.min(x), lambda x: x.min((0, 1), keepdims=True)],
    "prod": [lambda x: ag.prod(x), lambda x: np.prod(x, axis=(0, 2)), lambda x: x.prod(1)],
    "logsumexp": [lambda x: ag.logsumexp(x), lambda x: ag.logsumexp(x, axis=(0, 1)),
                  lambda x: ag.softmax(x, axis=1), lambda x: ag.log_softmax(x)],
    "reshape": [lambda x: np.reshape(x, (4, 6)), lambda x: x.reshape(-1, 2), lambda x: x.ravel()],
    "transpose": [lambda x: x.T, lambda x: np.transpose(x, (-1, 0, 1)),
                  lambda x: np.transpose(x, [2, 0, 1]), lambda x: x.transpose(1, 2, 0),
                  lambda x: np.swapaxes(x, 0, -1)],
    "expand_dims": [lambda x: np.expand_dims(x, 1), lambda x: np.expand_dims(x, (0, -1))],
    "squeeze": [lambda x: np.squeeze(x[:1]), lambda x: np.squeeze(x[:, :1], axis=1)],
    "broadcast_to": [lambda x: np.broadcast_to(x, (5, 2, 3, 4)),
                     lambda x: np.broadcast_to(x[:1], (2, 3, 4))],
    "astype": [lambda x: x.astype(np.float64)],
    "concatenate": [lambda x: np.concatenate([x, X, x * 2], axis=1),
                    lambda x: np.concatenate([x, x[0]], axis=None),
                    lambda x: np.concatenate((x, X), -1)],
    "stack": [lambda x: np.stack([x, X, x * x], axis=-1), lambda x: np.stack([x, x])],
    "getitem": [lambda x: x[1], lambda x: x[..., ::2], lambda x: x[:, INDEX], lambda x: x[X > 1],
                lambda x: x[(0, 0, 1),], lambda x: x[:, (2, 2)], lambda x: x[[1, 1], :, [0, 0]],
                lambda x: x[[]], lambda x: x[None, 0, ..., None]],
    "scatter": [lambda x: ag.gradients(x[[0, 0]] ** 2, x, seed=np.ones((2, 3, 4)),
                                       create_graph=True)],
    "matmul": [lambda x: x @ X[0].T, lambda x: X[1].T @ x, lambda x: x @ np.swapaxes(x, 1, 2),
               lambda x: np.dot(x, X[0].T), lambda x: x[0] @ np.ones(4), lambda x: np.ones(3) @ x],
    "weighted_sum": [lambda x: ag.dot([ag.sum(x[0]) * 1.0, 2.0], [3.0, ag.sum(x)], ag.sum(x))],
}


def value_twin(x):
    """A neuron of Values whose weights are entries of x."""
    return ag.dot([x * 1.0, x * x], [2.0, x], x)


def test_every_structural_row_has_calls():
    """A new row must be given its calls here."""
    ours = {row.name for row in PRIMITIVES.values()
            if isinstance(row, Structural) and row.name in BUILT_IN}
    assert ours == set(CALLS)


@pytest.mark.parametrize(("name", "call"), [
    pytest.param(name, call, id=f"{name}-{i}") for name, calls in CALLS.items()
    for i, call in enumerate(calls) if name != "weighted_sum"])
def test_structural_rows(name, call, rng):
    """First and second derivatives along a direction are the finite differences; plain = node."""
    v = rng.normal(size=X.shape)
    y = call(Tensor(X))
    if name not in ("scatter", "logsumexp"):  # the rest NumPy computes itself
        np.testing.assert_allclose(y.data, call(X), rtol=1e-13)
    weight = rng.normal(size=y.shape)

    def f(x):
        return ag.sum(call(x) ** 2 * weight)

    def along(g, s):
        return float(ag.sum(g(Tensor(X + s * v))).data)

    with np.errstate(all="ignore"):
        first = slope_along(lambda s: along(f, s), 0.0)
        g = np.sum(ag.grad(f)(X) * v)
        assert g == pytest.approx(first.value, abs=10 * first.error + 1e-9 * abs(g) + 1e-12)
        assert first.error <= 1e-6 * max(abs(g), 1.0)
        second = slope_along(lambda s: float(np.sum(ag.grad(f)(X + s * v) * v)), 0.0)
        h = np.sum(ag.hvp(f, (X,), (v,))[0] * v)
        assert h == pytest.approx(second.value, abs=10 * second.error + 1e-9 * abs(h) + 1e-10)


def test_weighted_sum_to_order_three():
    """d/dx (2x + x³ + x) = 3 + 3x², 6x, 6."""
    derivative = ag.grad(value_twin)
    for expected in (3 + 3 * 0.7**2, 6 * 0.7, 6.0):
        assert derivative(0.7) == pytest.approx(expected, rel=1e-15)
        derivative = ag.grad(derivative)


# ── the edges: DESIGN's conventions, for Value and for Tensor, orders 1 and 2 ────────────────

INF, NAN = math.inf, math.nan
EDGES = [
    # function, x, first derivative, second derivative
    ("relu at 0", ag.relu, 0.0, 0.0, 0.0),
    ("relu at nan", ag.relu, NAN, NAN, None),
    ("abs at 0", ag.abs, 0.0, 0.0, 0.0),
    ("abs at -0", ag.abs, -0.0, 0.0, 0.0),
    ("abs at nan", ag.abs, NAN, NAN, None),
    ("maximum at a tie", lambda x: ag.maximum(x, 2.0), 2.0, 0.5, 0.0),
    ("maximum of itself", lambda x: ag.maximum(x, x), 2.0, 1.0, 0.0),
    ("minimum at a tie", lambda x: ag.minimum(2.0, x), 2.0, 0.5, 0.0),
    ("maximum with nan", lambda x: ag.maximum(x, 1.0), NAN, NAN, None),
    ("clip at its bound", lambda x: ag.clip(x, -1.0, 1.0), 1.0, 1.0, 0.0),
    ("clip with crossed bounds", lambda x: ag.clip(x, 3.0, 2.0), 2.0, 0.0, 0.0),
    ("clip beyond", lambda x: ag.clip(x, -1.0, 1.0), 2.0, 0.0, 0.0),
    ("sqrt at 0", ag.sqrt, 0.0, INF, -INF),
    ("log at 0", ag.log, 0.0, INF, -INF),
    ("1/x at 0", lambda x: 1 / x, 0.0, -INF, INF),
    ("x**0 at 0", lambda x: x**0, 0.0, 0.0, 0.0),
    ("x**1 at 0", lambda x: x**1, 0.0, 1.0, 0.0),
    ("x**2 at 0", lambda x: x**2, 0.0, 0.0, 2.0),
    ("x**½ at 0", lambda x: x**0.5, 0.0, INF, -INF),
    ("x**3, x<0", lambda x: x**3, -2.0, 12.0, -12.0),
    ("0**y at y=0", lambda y: 0.0**y, 0.0, 0.0, 0.0),
    ("0**y at y=2", lambda y: 0.0**y, 2.0, 0.0, 0.0),
    ("tanh at 1000", ag.tanh, 1000.0, 0.0, 0.0),
    ("tanh at -1000", ag.tanh, -1000.0, 0.0, 0.0),
    ("sigmoid at 1000", ag.sigmoid, 1000.0, 0.0, 0.0),
    ("sigmoid at -1000", ag.sigmoid, -1000.0, 0.0, 0.0),
    ("sigmoid at 40", ag.sigmoid, 40.0, math.exp(-40), -math.exp(-40)),
    ("softplus at 50", ag.softplus, 50.0, 1.0, math.exp(-50)),
    ("softplus at -800", ag.softplus, -800.0, 0.0, 0.0),
    ("expm1 at -40", ag.expm1, -40.0, math.exp(-40), math.exp(-40)),
    ("arcsin at 1", ag.arcsin, 1.0, INF, INF),
    ("arccos at -1", ag.arccos, -1.0, -INF, INF),
    ("arctan at 1e200", ag.arctan, 1e200, 0.0, 0.0),
    ("sqrt masked by where", lambda x: ag.where(x > 0, ag.sqrt(x), 0.0), 0.0, 0.0, 0.0),
    ("log masked by where", lambda x: ag.where(x > 0, ag.log(x), x), 0.0, 1.0, 0.0),
    ("exp overflowing, masked", lambda x: ag.where(x < 9, ag.log1p(ag.exp(x)), x), 1e3, 1.0, 0.0),
    ("sqrt of a negative, masked", lambda x: ag.where(x > 0, ag.sqrt(x), 3 * x), -1.0, 3.0, 0.0),
    ("relu stops an infinite slope", lambda x: ag.relu(ag.log(x)), 0.0, 0.0, 0.0),
    ("0·inf of arithmetic isn't hidden", lambda x: ag.sqrt(x) ** 2, 0.0, NAN, None),
]


def same(got, expected):
    """Equal to rounding, with nan equal to nan and the infinities by sign."""
    return got == expected or (got != got and expected != expected) or (
        np.isfinite(expected) and abs(got - expected) <= 8 * EPS * abs(expected)
    )


@pytest.mark.parametrize("kind", ["Value", "Tensor"])
@pytest.mark.parametrize(("function", "x", "first", "second"),
                         [pytest.param(*case[1:], id=case[0]) for case in EDGES])
def test_edges(kind, function, x, first, second):
    """At its edges each function has the derivative that the convention says, orders 1 and 2."""
    if kind == "Tensor":
        def whole(t):
            return ag.sum(function(t))
        point = np.array([x])
    else:
        whole, point = function, x
    with np.errstate(all="ignore"):
        one = np.asarray(ag.grad(whole)(point)).item()
        assert same(one, first), f"first derivative {one}, expected {first}"
        if second is not None:
            two = np.asarray(ag.hessian(whole)(point)).item()
            assert same(two, second), f"second derivative {two}, expected {second}"


def test_power_slope_in_the_exponent_only_if_a_node():
    """(−2)³: dx is exact; dy is nan, but only where y is a node at all."""
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
    """Two largest entries get half each; so do two smallest."""
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


def test_logsumexp_hessian_is_diag_p_minus_pp():
    """∂²logsumexp = diag(p) − p pᵀ with p the softmax."""
    x = np.array([0.3, -1.2, 2.0])
    p = np.exp(x) / np.exp(x).sum()
    np.testing.assert_allclose(ag.hessian(ag.logsumexp)(x), np.diag(p) - np.outer(p, p),
                               atol=8 * EPS)


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
    """NumPy lets a scalar be reduced over axis 0 or −1; so do we, forward and back."""
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
    """Large common offsets cost no digits."""
    np.testing.assert_allclose(ag.softmax(1e15 + np.array([0.0, 1.0])),
                               ag.softmax(np.array([0.0, 1.0])), rtol=1e-15)


def test_std_at_zero_has_slope_zero():
    """The standard deviation of equal numbers is a kink: the least subgradient is 0."""
    assert ag.grad(ag.std)(np.array([2.0, 2.0, 2.0])).tolist() == [0, 0, 0]
