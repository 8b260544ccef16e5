"""Every row of the table, from the table itself: a new row has these tests before it is written."""

from __future__ import annotations

import functools
import itertools
import math
import pickle
import re

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp
from numpy_cases import CASES, CONSTANTS, VARIABLES

import autograd_mini as ag
import autograd_mini.special  # its rows are tested with the others
from autograd_mini import Tensor, Value
from autograd_mini.fast import written_out
from autograd_mini.graph import topological_order
from autograd_mini.numpy_api.catalog import supported_names
from autograd_mini.numpy_api.conventions import EDGES
from autograd_mini.primitive import (
    PRIMITIVES,
    TABLE,
    Elementwise,
    Structural,
    _built_in as BUILT_IN,
)
from autograd_mini.verify.numeric import slope_along

EPS = np.finfo(float).eps

# Points that the usual ones leave out; the rest are tried at those (see check_primitive).
POINTS: dict[str, list[tuple[float, ...]]] = {
    "log": [(7.3,), (0.2,)], "sqrt": [(7.3,)], "arccosh": [(1.2,), (9.0,)],
    "power": [(1.3, 0.7), (0.4, -2.5), (2.1, 3.0)],
    "where": [(1.0, 0.3, 2.0), (0.0, 0.3, 2.0)],
    "clip": [(0.3, -1.0, 1.0), (-2.0, -1.0, 1.0), (2.0, -1.0, 1.0)],
    "logaddexp": [(900.0, 899.0), (-3.0, -3.0)], "hypot": [(3e-5, -4e-5)],
    "scipy.special.jv": [(2.0, 1.5), (0.0, 0.1)],
    "scipy.special.polygamma(1)": [(0.3,), (20.0,)], "scipy.special.φ/Φ": [(-4.5,), (-30.0,)],
    "sinc": [(0.0,), (1.0,), (-2.0,), (1.5e-3,)],
}
for n in (1, 2):  # rows that are made when they are first needed …
    ag.special.polygamma(n, 1.0)
ag.grad(ag.grad(np.sinc))(0.5)  # … are to be tested too
ag.grad(ag.grad(ag.special.betaln))(0.5, 1.5)
# What is cut on purpose has no slope, or one of nan, and isn't constant.
CUT = {"stop_gradient", "held", "how many tie", "0·x", "corner", "standing in"}
ROWS = [row for row in PRIMITIVES.values() if isinstance(row, Elementwise) and row.name not in CUT]
assert set(POINTS) <= {row.name for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_elementwise_rows(row):
    """Float = array, Value = Tensor, numbers = nodes, and finite differences to order 3."""
    ag.check_primitive(row)
    if row.name in POINTS:
        ag.check_primitive(row, *POINTS[row.name])


@pytest.mark.slow  # thirty rows, fifty shapes each
@pytest.mark.filterwarnings("ignore::autograd_mini.errors.BroadcastWarning")  # (n, 1) meets (n,)
@pytest.mark.parametrize("row", [r for r in ROWS if len(r.slopes) == 2 and r.name in BUILT_IN],
                         ids=lambda r: r.name)
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


@pytest.mark.parametrize("function", [
    f for f, row in TABLE.items() if isinstance(row, Elementwise) and isinstance(f, np.ufunc)
    and row.name in BUILT_IN], ids=lambda f: f.__name__)
def test_numpys_own_name_finds_the_row(function):
    """`np.f(node)` is the row `f`, for Values and Tensors, and gives its number."""
    count = function.nin
    x = [0.4, 0.7][:count] if function is not np.arccosh else [1.4]
    for kind in (Value, lambda v: Tensor([[v]])):
        y = function(*map(kind, x))
        plain = function(*x)
        assert isinstance(y, Value | Tensor) and y.op is not None
        assert y.item() == pytest.approx(np.asarray(plain).item(), rel=4 * EPS)


# ── structural rows: calls for each, checked like the elementwise ones ────────────────────────

def value_twin(x):
    """A neuron of Values whose weights are entries of x."""
    return ag.dot([x * 1.0, x * x], [2.0, x], x)


def evaluate(case, arrays, xp=np):
    """The expression, with these arrays for its variables."""
    return eval(compiled(case), {"np": xp, **CONSTANTS, **VARIABLES, **arrays})


compiled = functools.cache(lambda case: compile(case, "case", "eval"))


def variables_of(case):
    names = compiled(case).co_names
    return {name: VARIABLES[name] for name in VARIABLES if name in names}


def test_every_structural_row_is_met_by_a_case():
    """A new row, and every function of NumPy in the table, must be given a case there."""
    met, named = {"weighted_sum", "total", "linear"}, set()  # these have tests of their own
    with np.errstate(all="ignore"):
        for case in CASES:
            named.update(re.findall(r"np\.(?:linalg\.)?\w+", case))
            leaves = {name: Tensor(x) for name, x in variables_of(case).items()}
            y = evaluate(case, leaves)
            gradients = ag.gradients(ag.sum(y * y), list(leaves.values()), create_graph=True)
            for node in (y, *gradients):
                met.update(n.op.name for n in topological_order(node) if n.op)
    ours = {row.name for row in PRIMITIVES.values()
            if isinstance(row, Structural) and row.name in BUILT_IN}
    assert ours <= met, f"no case meets {sorted(ours - met)}"
    table = {name for name in supported_names() if name.startswith("np.")}
    table -= {"np.row_stack", "np.trapz"}  # deprecated: NumPy warns, and calls what we have
    assert table <= named, f"no case names {sorted(table - named)}"


def first_cases():
    """The cases; one that calls nothing new, after those before it, is slow."""
    met = set()
    for case in CASES:
        called = set(re.findall(r"\.?\w+(?=\()|@|\*\*|\[", case))
        yield case if called - met else pytest.param(case, marks=pytest.mark.slow)
        met |= called


@pytest.mark.parametrize("case", list(first_cases()))
def test_numpy_code_differentiates(case, rng):
    """On Tensors as on arrays; the first two derivatives along a line are finite differences."""
    arrays = variables_of(case)
    directions = {name: rng.normal(size=x.shape) for name, x in arrays.items()}
    plain = np.asarray(evaluate(case, arrays))
    y = evaluate(case, {name: Tensor(x) for name, x in arrays.items()})
    assert isinstance(y, Tensor) and y.dtype == plain.dtype
    np.testing.assert_allclose(y.data, plain, rtol=1e-12, atol=1e-13)
    weight = rng.normal(size=plain.shape)

    def f(s):
        moved = {name: x + s * directions[name] for name, x in arrays.items()}
        y = evaluate(case, moved)
        return ag.sum(y * (1.0 + y) * weight)

    with np.errstate(all="ignore"):
        first = slope_along(lambda s: float(ag.sum(f(s))), 0.0)
        g = ag.grad(f)(0.0)
        assert g == pytest.approx(first.value, abs=10 * first.error + 1e-9 * abs(g) + 1e-11)
        assert first.error <= 1e-5 * max(abs(g), 1.0)
        second = slope_along(ag.grad(f), 0.0)
        h = ag.grad(ag.grad(f))(0.0)
        assert h == pytest.approx(second.value, abs=10 * second.error + 1e-8 * abs(h) + 1e-9)


def test_weighted_sum_to_order_three():
    """d/dx (2x + x³ + x) = 3 + 3x², 6x, 6."""
    derivative = ag.grad(value_twin)
    for expected in (3 + 3 * 0.7**2, 6 * 0.7, 6.0):
        assert derivative(0.7) == pytest.approx(expected, rel=1e-15)
        derivative = ag.grad(derivative)


# ── the edges: DESIGN's conventions, for Value and for Tensor, orders 1 and 2 ────────────────

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
    """It names the point, the slope and the reason; an unknown name is refused with a near one."""
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


@pytest.mark.parametrize("shape", [(4, 3), (2, 4, 3)])
def test_linear_is_matmul_transpose_and_add(shape, rng):
    """ag.linear(x, W, b) = x Wᵀ + b, to order two, for all three arguments and both dtypes."""
    x, W, b = rng.normal(size=shape), rng.normal(size=(5, 3)), rng.normal(size=5)

    def loss(layer):
        return lambda x, W, b: ag.sum(ag.tanh(layer(x, W, b)) ** 2)

    ours, theirs = loss(ag.linear), loss(lambda x, W, b: x @ ag.transpose(W) + b)
    for transform in (ag.grad, lambda f, i: ag.grad(lambda *a: ag.sum(ag.grad(f, 1)(*a) ** 2), i)):
        for g, h in zip(transform(ours, (0, 1, 2))(x, W, b),
                        transform(theirs, (0, 1, 2))(x, W, b), strict=True):
            np.testing.assert_allclose(g, h, rtol=1e-12, atol=1e-13)
    small = ag.linear(Tensor(x.astype(np.float32)), W.astype(np.float32), b.astype(np.float32))
    assert small.dtype == np.float32
    assert ag.linear(Tensor(x.astype(np.float32)), W.astype(np.float32), b).dtype == np.float64


def test_sum_and_mean_of_a_list_are_one_node():
    """ag.sum([x, x², 2]) has three inputs; d/dx (x + x² + 2)² to order three; mean is that / n."""
    x = Value(0.7)
    y = ag.sum([x, x * x, 2.0])
    assert len(y.parents) == 3 and y.parents[2] is None and y.data == 0.7 + 0.7 * 0.7 + 2
    assert ag.mean((x, x * x, 2.0)).data == y.data / 3 and ag.sum([x, 1.0], initial=2).data == 3.7
    derivative = ag.grad(lambda x: ag.sum([x, x * x, 2.0]) ** 2)
    s, d = 0.7 + 0.49 + 2, 1 + 1.4
    for expected in (2 * s * d, 2 * d * d + 4 * s, 12 * d):
        assert derivative(0.7) == pytest.approx(expected, rel=1e-14)
        derivative = ag.grad(derivative)
    with pytest.raises(ag.errors.NotDifferentiableError):
        ag.sum([x, "a"])


@pytest.mark.parametrize("row", [r for r in PRIMITIVES.values()
                                 if isinstance(r, Elementwise) and len(r.slopes) < 3], ids=str)
def test_the_rule_written_out_is_the_rule(row, rng):
    """What a row sends for floats, written out, is what pull() sends; nothing to a constant."""
    for _ in range(20):
        *xs, g = (float(v) for v in rng.choice([0.5, -0.5, 2.0, 1.0, -1.0], 3))
        xs = xs[: len(row.slopes)]
        with np.errstate(all="ignore"):
            y = row.compute(xs, {})  # (a pole is inf or nan, with or without a twin)
            for mask in itertools.product((True, False), repeat=len(xs)):
                nodes = [Value(x) if m else x for x, m in zip(xs, mask, strict=True)]
                node = row(*nodes)
                if not any(mask):
                    continue
                p, q = (*node.parents, None)[:2]
                try:
                    sent = written_out(row)(g, y, xs[0], (*xs, None)[1], p, q)
                    expected = list(row.pull(g, y, tuple(xs), node))
                except (ArithmeticError, ValueError, ag.errors.NotDifferentiableError):
                    continue  # the sweep asks again, with NumPy's numbers; or it is refused
                assert len(sent) == 2
                np.testing.assert_equal(list(sent)[: len(xs)], expected)


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


# ── the checks themselves must be able to fail ───────────────────────────────────────────────

WRONG = [
    # a name, the rule's primitive made anew, a point, what the error must say
    ("slope too large", lambda: ag.elementwise(
        lambda x: np.sin(x), math.sin, lambda y, x: 2 * ag.cos(x), name="wrong"),
     (0.4,), "order 1, is 1.84"),
    ("another function's twin", lambda: ag.elementwise(
        lambda x: np.sin(x), math.cos, lambda y, x: ag.cos(x), name="wrong"), (0.4,), "on floats"),
    ("wrong from order 2 on", lambda: ag.elementwise(
        lambda x: np.sin(x), math.sin, lambda y, x: np.cos(
            getattr(ag.stop_gradient(x), "value", x)) if np.ndim(x) == 0 else ag.cos(x),
        name="wrong"), (0.4,), "order 2"),
    ("the other argument's slope", lambda: ag.elementwise(
        lambda a, b: a * b * b, None, lambda y, a, b: b * b, lambda y, a, b: a * b, name="wrong"),
     (0.4, 1.3), "argument 1"),
    ("a pullback without its minus", lambda: ag.structural(
        lambda x: -np.cumsum(x), lambda g, y, x: np.cumsum(g[::-1])[::-1], name="wrong"),
     (np.array([1.0, 2.0, 4.0]),), "pullback of argument 0 gives"),
]


@pytest.mark.parametrize(("make", "point", "words"), [pytest.param(*w[1:], id=w[0]) for w in WRONG])
def test_check_primitive_finds_what_is_wrong(make, point, words):
    """Each kind of mistake is named, with both numbers; the right rule passes."""
    with pytest.raises(ag.errors.GradientError, match=words):
        ag.check_primitive(make(), point)


def test_a_primitive_is_checked_when_it_is_stated():
    """A slope that is no function, 1, −1 or None; a lambda without a name."""
    with pytest.raises(TypeError, match=r"write lambda y, \*xs: 2"):
        ag.elementwise(np.sin, None, 2, name="wrong")
    with pytest.raises(ag.errors.GraphError, match="add name="):
        ag.elementwise(lambda x: x, None, 1)
    with pytest.raises(TypeError, match="takes 1 array"):
        ag.reshape(Tensor([1.0]), (1,), 3)
    assert pickle.loads(pickle.dumps(ag.tanh)) is ag.tanh


def test_check_primitive_says_what_it_needs():
    """Not a primitive; a structural one without arguments; a pullback of a wrong shape."""
    with pytest.raises(ag.errors.DTypeError, match="made by ag.elementwise"):
        ag.check_primitive(np.sin)
    total = ag.structural(lambda x: np.sum(x), lambda g, y, x: g, name="wrong")
    with pytest.raises(TypeError, match="at least one tuple"):
        ag.check_primitive(total)
    with pytest.raises(ag.errors.GradientError, match="must return its input's shape"):
        ag.check_primitive(total, (np.array([1.0, 2.0]),))
    forgotten = ag.elementwise(lambda x: np.cosh(x), None, lambda y, x: None, name="wrong")
    with pytest.raises(ag.errors.GradientError, match="is a return missing"):
        ag.check_primitive(forgotten, 0.3)
    half = ag.elementwise(lambda a, b: a * b, None, lambda y, a, b: b, None, name="wrong")
    with pytest.raises(ag.errors.GradientError, match="isn't constant in it"):
        ag.check_primitive(half)
    cubes = ag.structural(lambda x, p=3: np.sum(x**p), lambda g, y, x, *, p=3: g * p * x ** (p - 1),
                          name="right")
    ag.check_primitive(cubes, (np.array([1.0, 2.0]),), (np.array([[0.5]]),), p=4)
