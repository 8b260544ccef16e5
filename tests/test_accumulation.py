"""Contributions of several uses are all added up, whatever their kinds and their order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from python_machine import slow_machine
from test_fast import engine

import autograd_mini as ag
from autograd_mini import Tensor, Value, ops
from autograd_mini.compiler import replay, schedule
from autograd_mini.passes import sweep

# Uses of one node: linear ones send plain numbers, the others nodes when a graph is created.
USES = {
    "2x": lambda x: 2 * x, "-x": lambda x: -x, "x/2": lambda x: x / 2, "x + x": lambda x: x + x,
    "exp": np.exp, "sin": np.sin, "x²": lambda x: x * x, "tanh": np.tanh,
    "x·c": lambda x: x * np.array([0.5, -2.0]), "x[::-1]": lambda x: x[::-1],
    "clip": lambda x: np.clip(x, -0.4, 0.8), "cumsum": np.cumsum,
}
programs = st.lists(st.sampled_from(sorted(USES)), min_size=3, max_size=7)


def sums(names, x):
    """Σ of each use, added from the left."""
    total = np.sum(USES[names[0]](x))
    for name in names[1:]:
        total = total + np.sum(USES[name](x))
    return total


@given(names=programs, inner=st.sampled_from(["x²", "sin", "exp", "2x"]))
def test_a_recorded_gradient_is_the_gradient(names, inner):
    """`create_graph=True` returns the same numbers, for a leaf and for a node used many times.

    Both ways add the same contributions, in an order of their own and each right to 4 ε: they
    differ by no more than 4 ε of all contributions' sizes, once for each that is added.
    """
    x = Tensor([0.5, 1.0])
    for node in (x, USES[inner](x)):
        y = sums(names, node)
        plain, recorded = ag.gradients(y, x), ag.gradients(y, x, create_graph=True)
        sizes = sum(abs(ag.gradients(np.sum(USES[name](node)), x)) for name in names)
        rounding = 4 * np.finfo(float).eps * len(names) * sizes
        assert (abs(recorded.data - plain) <= rounding).all()


@pytest.mark.slow  # many programs
@given(names=programs, inner=st.sampled_from(["x²", "sin", "exp"]))
def test_second_and_third_orders_are_those_of_each_use(names, inner):
    """The derivatives of a sum of uses are the sums of theirs, each taken alone, to order three."""
    x, v = np.array([0.5, 1.0]), np.array([0.3, -0.7])

    def along(f):
        return lambda t: f(USES[inner](x + t * v))

    whole, parts = along(lambda s: sums(names, s)), [
        along(lambda s, u=USES[name]: np.sum(u(s))) for name in names]
    for _ in range(3):
        whole, parts = ag.grad(whole), [ag.grad(part) for part in parts]
        expected = [part(0.0) for part in parts]
        size = 1.0 + sum(map(abs, expected))
        assert whole(0.0) == pytest.approx(sum(expected), abs=1e-13 * size)


USED_TWICE = {  # of b = x⁶⁴, the log of eᵃ + eᵇ at a = b, whose slopes in a and b are told apart
    "product": lambda b: np.logaddexp(b, b) * b, "sum": lambda b: b * b + np.logaddexp(b, b) * b,
    "difference": lambda b: b * np.arctan(b - b) + b * b, "within": lambda b: (b - b) ** 2 * b + b,
}
TRUE = {"product": lambda x: 128 * 127 * x**126 + 64 * 63 * np.log(2.0) * x**62,
        "sum": lambda x: 2 * 128 * 127 * x**126 + 64 * 63 * np.log(2.0) * x**62,
        "difference": lambda x: 128 * 127 * x**126, "within": lambda x: 64 * 63 * x**62}


@pytest.mark.parametrize("how", ["eager", "arrays", "in Python", "in machine code"])
@pytest.mark.parametrize("name", USED_TWICE)
def test_what_one_operation_sends_twice_to_a_node_is_added_first(name, how, monkeypatch):
    """x − x sends K and −K, whose sum is 0 even where another contribution is much smaller."""
    def f(x):
        for _ in range(6):
            x = x * x
        return USED_TWICE[name](x)

    second = ag.hessian(f)
    if how == "arrays":
        second = lambda x: ag.hessian(lambda v: f(v[0]))(np.array([x]))[0, 0]
    elif how != "eager":
        second = ag.compile(second)
        if how == "in machine code":
            monkeypatch.setattr(schedule, "machine", slow_machine)
            monkeypatch.setattr(replay, "LARGE", -1)
    for x in (-2.13, 1.5, 0.9):
        assert second(x) == pytest.approx(TRUE[name](x), rel=1e-12)


def test_the_hessian_of_a_node_used_linearly_twice_and_once_not():
    """∇² of Σ(3s + sin s − s/2) at s = x² is 5 + 2 cos s − 4s·sin s on the diagonal."""
    def f(x):
        s = x**2
        return np.sum(3 * s + np.sin(s) - s / 2)

    x = np.array([0.5, 1.0])
    s = x**2
    expected = np.diag(5 + 2 * np.cos(s) - 4 * s * np.sin(s))
    np.testing.assert_allclose(ag.hessian(f)(x), expected, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(ag.hvp(f, (x,), (np.ones(2),))[0], expected.sum(1), rtol=1e-14)
    scalar = ag.grad(ag.grad(lambda v: 3 * v**2 + np.sin(v**2) - v**2 / 2))
    assert scalar(0.5) == pytest.approx(expected[0, 0], rel=1e-14)
    assert ag.gradients(Value(1.0) * 2.0 + 1.0, [], create_graph=True) == []


# ── many slices of one array ─────────────────────────────────────────────────────────────────

SLICED = {
    "steps": lambda x: [x[t] for t in range(len(x))], "rows": list,
    "columns": lambda x: [x[:, t] for t in range(x.shape[1])],
    "split": lambda x: np.split(x, 4), "hsplit": lambda x: np.hsplit(x, 3),
    "reversed twice": lambda x: [x[::-1][t] for t in range(len(x))],
    "entries": lambda x: [x[i, j] for i in range(len(x)) for j in range(x.shape[1])],
    "overlapping": lambda x: [x[1:], x[:-1], x[..., ::2], x[None, 2], x],
    "rows by number": lambda x: [x[np.array([0, 2, 0])], x[[-1]], x[[1, 1]], x[[3]], x[[2]]],
    "masks": lambda x: [x[np.arange(len(x)) % 2 == k] for k in (0, 1, 0, 1, 0, 1)],
    "of a long array": lambda x: [np.repeat(x, 8)[[i, -1, i]] for i in range(7)],
    "pairs of numbers": lambda x: [x[[0, 0, t], [1, 1, 2]] for t in range(len(x))],
    **({"unstack": lambda x: np.unstack(x, axis=1)} if hasattr(np, "unstack") else {}),
}


@pytest.mark.parametrize("name", SLICED)
def test_slices_send_the_same_bits_by_each_engine(name, rng):
    """Added in their places, put together in one node, replayed in a program, or as zeros."""
    cut, x = SLICED[name], rng.normal(size=(4, 3))
    loss = lambda x: sum([np.sum(np.sin(1.0 + i + a) * a) for i, a in enumerate(cut(x * x))], 0.0)
    gradient = ag.grad(loss)
    again = ag.grad(lambda x: np.sum(gradient(x) * np.cos(x)))
    functions = [gradient, again]
    if ag.engine() != "plain":
        functions += [ag.compile(f, arrays="whole") for f in functions]
        program = functions[-2]
        np.testing.assert_array_equal(program(2.0 * x), gradient(2.0 * x))  # recorded before x
    found = [f(x) for f in functions]
    with engine(()):
        expected = [f(x) for f in (gradient, again)]
    for one, other in zip(found, expected * 2, strict=False):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", SLICED)
def test_slices_send_each_its_own_part(name, dtype, rng):
    """Σ w·sin(part) of all parts of x, and of 2x, has the gradient and the second derivatives that
    masks of x in the parts' places give."""
    cut, x = SLICED[name], rng.normal(size=(4, 3)).astype(dtype)
    places = [np.asarray(p) for p in cut(np.arange(12).reshape(4, 3))]
    weights = [rng.normal(size=p.shape) for p in places]

    def loss(x):
        parts = zip(cut(x), cut(2.0 * x), weights, strict=True)
        return sum([np.sum(w * np.sin(a) + b * b * w) for a, b, w in parts], 0.0)

    total = np.zeros(12)
    for place, w in zip(places, weights, strict=True):
        np.add.at(total, place, w)
    total = total.reshape(4, 3)
    node = Tensor(x)
    g = ag.gradients(loss(node), node)
    eps = float(np.finfo(dtype).eps)
    assert g.dtype == dtype
    np.testing.assert_allclose(g, total * (np.cos(x) + 8 * x), rtol=60 * eps, atol=60 * eps)
    slope = ag.gradients(loss(node), node, create_graph=True)
    np.testing.assert_allclose(slope.data, g, rtol=60 * eps, atol=60 * eps)
    np.testing.assert_allclose(ag.gradients(np.sum(slope), node), total * (8 - np.sin(x)),
                               rtol=60 * eps, atol=60 * eps)


@pytest.mark.skipif(ag.engine() == "plain", reason="the plain engine has no programs")
def test_what_a_sum_hands_on_is_no_buffer_for_slices():
    """z = a + b sends both the same array, into which no slice of a may be added."""
    def f(a, b):
        p, q = a[0:2], a[1:3]
        z = a + b
        return np.sum(p**2) + np.sum(q**2) + np.sum(np.exp(z[0:2])) + np.sum(z[1:3])

    gradient = ag.grad(f, (0, 1))
    for start in (np.zeros(3), np.ones(3)):
        program, b = ag.compile(gradient, arrays="whole"), np.arange(3.0)
        program(start, b)
        for a in (np.array([1.0, 2.0, 3.0]), -start):
            for ours, expected in zip(program(a, b), gradient(a, b), strict=True):
                np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint64, np.int64])
def test_rows_by_numbers_of_any_kind(dtype):
    """Few of many rows, by numbers whose type can't hold how many rows there are."""
    index = np.array([1, 2, 2, 100], dtype)
    f = lambda x: np.sum(x[index] ** 2) + np.sum(x[index] ** 3) + np.sum(x[1:3])
    expected = np.zeros(1000)
    np.add.at(expected, [1, 2, 2, 100], 5.0)
    expected[1:3] += 1.0
    x = np.ones(1000)
    np.testing.assert_array_equal(ag.grad(f)(x), expected)
    np.testing.assert_array_equal(ag.grad(lambda x: np.sum(ag.grad(f)(x)))(x)[[2, 100]], [16, 8])
    if ag.engine() != "plain":
        program = ag.compile(ag.grad(f), arrays="whole")
        program(x)
        np.testing.assert_array_equal(program(x), expected)


@pytest.mark.parametrize("slices", [3, 16, 17, 40])
def test_many_slices_that_are_differentiated_again(slices, rng):
    """By one node, or one by one: the same, and H·v is that of differences."""
    x, v = rng.normal(size=6), rng.normal(size=6)
    cuts = [slice(i, i + 3) for i in rng.integers(0, 4, slices)]
    f = lambda x: sum([np.sum(np.sin(x[cut] * x[1:4])) for cut in cuts]) + np.sum(x**3)
    h = 1e-6
    expected = (ag.grad(f)(x + h * v) - ag.grad(f)(x - h * v)) / (2 * h)
    np.testing.assert_allclose(ag.hvp(f, (x,), (v,))[0], expected, rtol=1e-7, atol=1e-7 * slices)
    with engine(()):
        expected = ag.hvp(f, (x,), (v,))[0], ag.grad(f)(x)
    np.testing.assert_allclose(ag.hvp(f, (x,), (v,))[0], expected[0], rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(ag.grad(f)(x), expected[1])
    total = lambda x: np.sum(ag.grad(f)(x))
    assert ag.grad(total)(x) == pytest.approx(ag.hessian(f)(x).sum(0), rel=1e-12, abs=1e-11)


def test_a_loop_over_the_slices_takes_one_array_of_zeros(monkeypatch):
    """However many slices there are, zeros are put around one of them, in the fast engine."""
    made, scattered = [], ops.scatter.forward
    monkeypatch.setattr(ops.scatter, "forward",
                        lambda *args, **kwargs: made.append(1) or scattered(*args, **kwargs))
    x = Tensor(np.ones((50, 2)))
    loss = lambda x: np.sum(np.stack([np.tanh(x[t]) for t in range(50)]))
    loss(x).backward()
    assert len(made) == (1 if ag.engine() != "plain" else 50)
    assert np.ptp(x.grad) == 0.0
    if ag.engine() != "plain":
        ag.gradients(loss(x), x, create_graph=True)
        assert len(made) == 1
        program = ag.compile(ag.grad(loss), arrays="whole")
        program(x.data)
        made.clear()
        assert "add_at" in str(program) and np.ptp(program(x.data)) == 0.0 and len(made) <= 1


def test_gradients_of_slices_share_no_memory():
    """What comes back of an array and of its slices is the caller's, and of the seed no view; what
    was stored isn't changed by a second pass."""
    x, seed = Tensor(np.ones((3, 2))), np.ones(2)
    y = 1.0 * x
    parts = [x[0], y[0], y[1], x[:2], x[0]]
    out = parts[0] + parts[1] + parts[2] + parts[3][1] + parts[4]
    nodes = [x, y, *parts]
    found = ag.gradients(out, nodes, seed=seed)
    for i, g in enumerate(found):
        assert g.flags.writeable and not np.shares_memory(g, seed)
        assert not any(np.shares_memory(g, other) for other in found[:i])
    out.backward(seed)
    first = x.grad
    out.backward(seed)
    assert first.tolist() == [[3.0, 3.0], [2.0, 2.0], [0.0, 0.0]]
    assert x.grad.tolist() == [[6.0, 6.0], [4.0, 4.0], [0.0, 0.0]]


def test_who_looks_at_a_pass_sees_what_each_slice_sends():
    """Each step of a pass has the zeros around its slice, whether or not they were needed."""
    x = Tensor(np.arange(3.0))
    y = x[0] * 2.0 + x[1] * 3.0 + x[2:].sum() * 4.0 + x[0]
    for exact in (False, True):
        seen = {tuple(sent[0].tolist()) for node, _, sent in sweep(y, np.ones(()), exact=exact)
                if node.op is ops.getitem and len(sent) == 1}
        assert seen == {(2.0, 0, 0), (0, 3.0, 0), (0, 0, 4.0), (1.0, 0, 0)}
    with ag.detect_anomaly():
        assert ag.gradients(y, x).tolist() == [3.0, 3.0, 4.0]


def test_what_a_slice_leaves_out_never_meets_an_infinite_slope():
    """√0 is in no slice that is used: 0·∞ doesn't turn up in a sum of other slices."""
    x = Tensor([0.0, 4.0, 16.0])
    y = np.sqrt(x)
    assert ag.gradients(y[1] + y[2] + y[1:].sum(), x).tolist() == [0.0, 0.5, 0.25]


def test_an_array_that_a_rule_keeps_is_not_added_to():
    """A rule of the user's may send one array of its own to both arguments, at every pass."""
    kept = np.array([10.0, 20.0])
    both = ag.elementwise(lambda x, z: 2.0 * x + z, None, lambda y, x, z: 2.0, lambda y, x, z: 1.0,
                          pullbacks=(lambda g, *_: kept, lambda g, *_: kept), name="sends its own")
    for order in (0, 1):
        a, b = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
        c, e = a * 1.5, b * 2.5
        other = c * 0.3 + e * 0.1
        y = both(c, e) + other if order else other + both(c, e)
        y.backward(np.ones(2))
        np.testing.assert_array_equal(kept, [10.0, 20.0])
        np.testing.assert_allclose(a.grad, 1.5 * (kept + 0.3), rtol=1e-15)
        np.testing.assert_allclose(b.grad, 2.5 * (kept + 0.1), rtol=1e-15)


def test_what_a_rule_of_the_users_sends_is_added_in_double_precision():
    """A float32 for a Value is its number; as is one in a seed."""
    single = ag.elementwise(np.positive, None, lambda y, x: np.float32(0.1), name="sends float32")
    x = Value(1.0)
    (single(x * 1.0) + x / 3.0).backward()
    assert x.gradient == float(np.float32(0.1)) + 1.0 / 3.0
    a = Value(1.0 / 3.0)
    (a * 0.7).backward(Tensor(np.float32(0.1)))
    assert a.gradient == float(np.float32(0.1)) * 0.7
