"""The reverse pass: what is added up where, and which arrays it gives and keeps."""

from __future__ import annotations

import functools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import (
    GraphError,
    NotComputedWarning,
    ShapeError,
)
from autograd_mini.graph import topological_order
from autograd_mini.not_computed import not_computed
from autograd_mini.passes import sweep

EPS = np.finfo(float).eps


def test_readme_expression():
    """d tanh(ab + a²): (1 − y²)(b + 2a) and (1 − y²) a."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = ag.tanh(a * b + a**2)
    y.backward()
    slope = 1 - math.tanh(-2.0) ** 2
    assert a.grad == pytest.approx(slope * 1.0, rel=8 * EPS)
    assert b.grad == pytest.approx(slope * 2.0, rel=8 * EPS)
    assert type(a.grad) is float and type(y.data) is float


def test_three_spellings_are_one():
    """ag.tanh(x), x.tanh() and np.tanh(x) record the same operation."""
    x = Value(0.3)
    assert {f.op for f in (ag.tanh(x), x.tanh(), np.tanh(x))} == {ag.tanh}


def test_backward_twice_accumulates_in_leaves():
    """b = a + a: 2, then 4; the computed node shows the last sweep only."""
    a = Value(1.0)
    b = a + a
    b.backward()
    assert (a.grad, b.grad) == (2.0, 1.0)
    b.backward()
    assert (a.grad, b.grad) == (4.0, 1.0)


@pytest.mark.parametrize("kind", [Value, Tensor])
@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda a: a + a, 2.0),
        (lambda a: a * a, 6.0),
        (lambda a: a - a, 0.0),
        (lambda a: (a + a) * (a + a), 24.0),
        (lambda a: (lambda b: b * b + b)(a * a), 114.0),
        (lambda a: (lambda b: (lambda c: b * c + c)(b + a))(a * 2.0), 6 * 6.0 + 3.0),
        (lambda a: ag.dot([a, a], [a, 2.0], a) if type(a) is Value else a * a + a * 2 + a, 9.0),
    ],
)
def test_reuse_and_diamonds(kind, f, slope):
    """Every use of a node adds its share, however the paths meet again."""
    a = kind(3.0)
    f(a).backward()
    assert float(a.grad) == slope


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99), st.integers(0, 99)),
                min_size=1, max_size=25))
def test_random_graphs_accumulate_like_the_sum_over_paths(recipe):
    """On a random DAG the gradient equals forward-mode (dual numbers) through the same steps."""
    a = Value(0.7)
    values, duals = [a], [(0.7, 1.0)]
    for op, i, j in recipe:
        (x, dx), (z, dz) = duals[i % len(duals)], duals[j % len(duals)]
        v, w = values[i % len(values)], values[j % len(values)]
        if op == 0:
            values.append(v + w), duals.append((x + z, dx + dz))
        elif op == 1:
            values.append(v * w * 0.5), duals.append((x * z * 0.5, 0.5 * (dx * z + x * dz)))
        elif op == 2:
            values.append(v.tanh()), duals.append((math.tanh(x), (1 - math.tanh(x) ** 2) * dx))
        else:
            values.append(v - w), duals.append((x - z, dx - dz))
    values[-1].backward()
    grad = 0.0 if values[-1] is not a and a.grad is not_computed else a.grad
    scale = max(abs(d) for _, d in duals) * 2.0 ** len(recipe)
    assert abs(grad - duals[-1][1]) <= 64 * EPS * max(scale, 1.0)


def test_values_and_tensors_mix_in_one_graph():
    """A Value under a Tensor gets its cotangent summed to one float; a list of Values stacks."""
    s = Value(3.0)
    t = Tensor([1.0, 2.0])
    y = (s * t).sum() + s
    y.backward()
    assert s.grad == 4.0 and type(s.grad) is float
    assert t.grad.tolist() == [3.0, 3.0]
    joined = np.stack([s, s * s])
    assert isinstance(joined, Tensor) and ag.gradients(joined.sum(), s) == 7.0


def test_a_constant_gets_no_gradient_computed():
    """X @ W with a plain X: the rule for X is never run (here it would raise)."""

    def explode(*_):
        raise AssertionError("the constant's pullback was computed")

    product = ag.structural(np.matmul, explode, lambda g, y, a, b: a.T @ g, name="product")
    W = Tensor(np.ones((3, 2)))
    product(np.ones((4, 3)), W).sum().backward()
    assert W.grad.tolist() == [[4, 4]] * 3


def test_gradients_stores_nothing_and_refuses_what_is_not_reached():
    """gradients() returns; .grad stays as it was; an unrelated node is an error, not a 0."""
    x, other = Value(3.0, label="x"), Value(1.0, label="other")
    y = x**3
    assert ag.gradients(y, [x]) == [27.0]
    assert x.grad is not_computed
    with pytest.raises(GraphError, match="doesn't depend on input 1, the Value 'other'"):
        ag.gradients(y, [x, other])


def test_non_scalar_backward_needs_a_seed():
    """Without a seed it is refused before anything changes; with one it is the pullback."""
    t = Tensor([1.0, 2.0])
    y = t * t
    with pytest.raises(ShapeError, match=r"reduce it first .* or give the cotangent"):
        y.backward()
    assert t.grad is None
    with pytest.raises(ShapeError, match="the seed has shape"):
        y.backward(np.ones(3))
    y.backward(np.array([1.0, 10.0]))
    assert t.grad.tolist() == [2.0, 40.0]


def test_a_gradient_not_computed_says_so():
    """Before backward a gradient prints as "not computed", equals 0, and formats as 0.0000."""
    v = Value(1.0)
    assert repr(v) == "Value(data=1.0, grad=not computed)" and str(v.grad) == f"{v.grad}"
    assert "%.4f" % v.grad == f"{v.grad:.4f}" == "0.0000" and v.grad == 0 and not v.grad
    assert v.grad is not_computed and v.grad == v.grad and v.grad != 1.0
    assert Tensor([1.0]).grad is None


@pytest.mark.parametrize(("use", "expected"), [
    (lambda g: 0.1 * g, 0.0), (lambda g: np.float64(2) * g, 0.0), (lambda g: g + 1, 1.0),
    (lambda g: -g, 0.0), (lambda g: g < 1, True), (float, 0.0), (int, 0), (abs, 0.0),
    (np.asarray, 0.0), (np.exp, 1.0), (lambda g: 3.0 - g, 3.0), (lambda g: g - g, 0.0),
    (lambda g: max(g, 2.0), 2.0), (lambda g: round(g, 2), 0.0), (lambda g: math.sqrt(g), 0.0),
], ids=str)
def test_a_gradient_not_computed_counts_as_zero_with_a_warning(use, expected):
    """As a number it is 0, and the warning names what to do, at the line that used it."""
    with pytest.warns(NotComputedWarning, match="was not computed") as found:
        assert use(Value(1.0).grad) == expected
    assert all(w.filename == __file__ for w in found)


def test_the_lectures_update_before_any_backward_runs():
    """`a.data += 0.01 * a.grad` changes nothing before a backward, and warns once for its line."""
    a = Value(2.0)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        for _ in range(3):
            a.data += 0.01 * a.grad
    assert a.data == 2.0 and len(found) == 1
    a.grad = 0.5
    a.data += 0.01 * a.grad
    assert a.data == 2.005


def test_a_step_of_the_backward_pass_by_hand():
    """`node._backward()` adds what the node's own row sends, and adds again when called again."""
    a, b = Value(2.0), Value(-3.0)
    c = a * b
    y = (c + a).tanh()
    y.grad = 1.0
    order = [y, *topological_order(y)[1:]]
    for node in order:
        node._backward()
    by_hand = a.grad, b.grad
    z = (a * b + a).tanh()
    a.grad = b.grad = None
    z.backward()
    assert by_hand == (a.grad, b.grad)
    (inner,) = z.parents
    once = inner.grad
    z._backward()
    assert inner.grad == 2 * once
    t = Tensor([1.0, 2.0])
    u = t * t
    u.grad = np.array([1.0, 10.0])
    u._backward()
    assert t.grad.tolist() == [2.0, 40.0]
    with pytest.raises(GraphError, match=r"ag\.elementwise"):
        y._backward = lambda: None
    Value(1.0)._backward()


def test_read_only_arrays_are_copied_too():
    """A view made before may still write to one; the gradient is that of what was recorded."""
    a = np.ones(3)
    view = a[:]
    a.flags.writeable = False
    x = Tensor([1.0, 2.0, 3.0])
    y = np.sum(x * a)
    view[:] = 5.0
    y.backward()
    np.testing.assert_array_equal(x.grad, np.ones(3))


def test_a_rule_of_ones_own_cannot_write_to_what_is_recorded():
    """It is given arrays that refuse, whoever made them."""
    wrong = ag.structural(np.exp, lambda g, y, x: np.multiply(y, g, out=y), name="wrong exp")
    x = Tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        np.sum(wrong(x)).backward()
    with pytest.raises(ValueError, match="read-only"):
        np.sum(ag.elementwise(lambda x: x + 1, None, lambda y, x: np.subtract(x, 1, out=x),
                              name="wrong plus")(x * 2)).backward()
    with pytest.raises(ag.errors.NotDifferentiableError, match="out="):
        np.fix(np.ones(2), x * 1.0)


def test_a_failed_backward_leaves_no_half(recwarn):
    """After an error in a rule no node shows a gradient of the sweep that failed."""
    fails = ag.elementwise(lambda x: x * 1, None, lambda y, x: [][0], name="fails")
    x = Value(2.0)
    inner = x * 3
    y = fails(inner) + inner
    with pytest.raises(IndexError):
        y.backward()
    assert x.gradient is None and y.gradient is None and inner.gradient is None


def test_what_a_node_sends_is_shown_before_it_is_added_up():
    """Both sends of x·x are x, also where they are added up in place."""
    x = Tensor([1.0, 2.0])
    y = x * x
    for node, _, sends in sweep(y, np.ones(2)):
        if node is y:
            np.testing.assert_array_equal(sends, [[1.0, 2.0], [1.0, 2.0]])


def test_in_place_sums_change_nobody_elses_array(rng):
    """Gradients of leaves are their own arrays; a second backward adds the very same again."""
    x, w = Tensor(rng.normal(size=3)), Tensor(rng.normal(size=3))
    y = x + w
    z = y * y + y + np.tanh(y) * x + y
    np.sum(z).backward()
    first = {node: np.array(node.grad) for node in (x, w, y, z)}
    assert not np.shares_memory(x.grad, w.grad) and not np.shares_memory(x.grad, y.grad)
    x.grad *= 100
    np.sum(z).backward()
    for node in (y, z):
        np.testing.assert_array_equal(node.grad, first[node])
    np.testing.assert_array_equal(w.grad, 2 * first[w])


def test_linear_is_silent_where_nothing_was_chosen():
    """As x @ Wᵀ + b: a row that isn't asked for sends nothing through an infinite slope."""
    z, W, b = Tensor([[0.0, 0.0], [1.0, 4.0]]), Tensor(np.ones((2, 2))), Tensor(np.ones(2))
    np.sum(ag.linear(np.sqrt(z), W, b)[1]).backward()
    np.testing.assert_array_equal(z.grad, [[0, 0], [1.0, 0.5]])
    np.testing.assert_array_equal(ag.hessian(lambda x: np.sum(ag.linear(x, W, b) ** 2))(
        np.ones(2)).data, [[4, 4], [4, 4]])
    with pytest.raises(ag.errors.ShapeError, match=r"linear takes x"):
        ag.linear(np.ones((2, 3)), W, b)


def test_a_sum_of_values_and_arrays_is_refused():
    """A list of Values is one number each; an array among them would be broadcast."""
    with pytest.raises(ag.errors.NotDifferentiableError):
        ag.sum([Value(1.0), Tensor([1.0, 2.0])])


def test_a_pullback_may_be_a_partial():
    """Its keyword-only parameters are found, whatever kind of callable it is."""
    def pull(g, y, x, *, axis=0, scale):
        return ag.broadcast_to(g * scale, x.shape)

    row = ag.structural(lambda x, axis: np.sum(x, axis), functools.partial(pull, scale=1.0),
                        name="partial sum")
    assert row.defaults.keys() == {"axis", "scale"}


def test_the_front_door_reads_later_what_it_names():
    """Every public name is there, and listed, whether its room has been read or not."""
    assert set(ag.__all__) <= set(dir(ag))
    assert all(getattr(ag, name) is not None for name in ag.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ag.nothing
