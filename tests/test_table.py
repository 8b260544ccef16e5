"""Every row of the table, from the table itself: a new row has these tests before it is written."""

from __future__ import annotations

import functools
import itertools
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
    ag.special.polygamma(n, Value(1.0))
ag.grad(ag.grad(np.sinc))(0.5)  # … are to be tested too
ag.grad(ag.grad(ag.special.betaln))(0.5, 1.5)
# What is cut on purpose has no slope, or one of nan, and isn't constant.
CUT = {"stop_gradient", "held", "how many tie", "0·x", "corner", "standing in"}
ROWS = [row for row in PRIMITIVES.values() if isinstance(row, Elementwise) and row.name not in CUT]
assert set(POINTS) <= {row.name for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_elementwise_rows(row):
    """An elementwise row gives the same for floats and arrays, Values and Tensors, numbers and
    nodes, and agrees with finite differences to order 3."""
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
    """A gradient has its argument's shape, and equals that of the arguments spread out first."""
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


# ── structural rows: calls for each, checked like the elementwise ones ───────────────────────

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
    """Every structural row, and every function of NumPy in the table, is met by one of
    the cases."""
    met, named = {"weighted_sum", "total", "linear", "ag.softmax", "max_windows", "sent_to_largest",
                  "taken_from_largest", "taken_at", "put_at",  # these have their own tests
                  "scatter_all"}, set()
    with np.errstate(all="ignore"):
        for case in CASES:
            named.update(re.findall(r"np\.(?:linalg\.|lib\.stride_tricks\.)?\w+", case))
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
    """NumPy code gives the same on Tensors as on arrays, and its first two derivatives along a line
    are those by finite differences."""
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
    """A weighted sum that is 2x + x³ + x has the derivatives 3 + 3x², 6x and 6."""
    derivative = ag.grad(value_twin)
    for expected in (3 + 3 * 0.7**2, 6 * 0.7, 6.0):
        assert derivative(0.7) == pytest.approx(expected, rel=1e-15)
        derivative = ag.grad(derivative)


@pytest.mark.parametrize("shape", [(4, 3), (2, 4, 3)])
def test_linear_is_matmul_transpose_and_add(shape, rng):
    """ag.linear(x, W, b) is x Wᵀ + b, to order two, for all three arguments and both dtypes."""
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
    """ag.sum([x, x², 2]) is one node of three inputs, right to order three, and ag.mean is a third
    of it."""
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
                if not any(mask):
                    continue
                try:
                    node = row(*nodes)
                    p, q = (*node.parents, None)[:2]
                    sent = written_out(row)(g, y, xs[0], (*xs, None)[1], p, q)
                    expected = list(row.pull(g, y, tuple(xs), node))
                except (ArithmeticError, ValueError, ag.errors.NotDifferentiableError):
                    continue  # the sweep asks again, with NumPy's numbers; or it is refused
                assert len(sent) == 2
                np.testing.assert_equal(list(sent)[: len(xs)], expected)


def test_logsumexp_hessian_is_diag_p_minus_pp():
    """The Hessian of logsumexp is diag(p) − p pᵀ, where p is the softmax."""
    x = np.array([0.3, -1.2, 2.0])
    p = np.exp(x) / np.exp(x).sum()
    np.testing.assert_allclose(ag.hessian(ag.logsumexp)(x), np.diag(p) - np.outer(p, p),
                               atol=8 * EPS)
