"""The chain rule over a graph: backward() and gradients()."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import GraphError, ShapeError
from autograd_mini.graph import topological_order
from autograd_mini.not_computed import not_computed
from autograd_mini.passes import sweep

EPS = np.finfo(float).eps


def test_readme_expression():
    """The gradient of tanh(ab + a²) is (1 − y²)(b + 2a) for a, and (1 − y²) a for b."""
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    y = ag.tanh(a * b + a**2)
    y.backward()
    slope = 1 - math.tanh(-2.0) ** 2
    assert a.grad == pytest.approx(slope * 1.0, rel=8 * EPS)
    assert b.grad == pytest.approx(slope * 2.0, rel=8 * EPS)
    assert type(a.grad) is float and type(y.data) is float


def test_backward_twice_accumulates_in_leaves():
    """A second backward() adds to the gradient of a leaf; a computed node shows the last sweep
    only."""
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
    """In X @ W with a plain X the rule for X is never run (here it would raise)."""

    def explode(*_):
        raise AssertionError("the constant's pullback was computed")

    product = ag.structural(np.matmul, explode, lambda g, y, a, b: a.T @ g, name="product")
    W = Tensor(np.ones((3, 2)))
    product(np.ones((4, 3)), W).sum().backward()
    assert W.grad.tolist() == [[4, 4]] * 3


def test_gradients_stores_nothing_and_refuses_what_is_not_reached():
    """gradients() leaves .grad as it was, and takes an unrelated node for an error, not for a 0."""
    x, other = Value(3.0, label="x"), Value(1.0, label="other")
    y = x**3
    assert ag.gradients(y, [x]) == [27.0]
    assert x.grad is not_computed
    with pytest.raises(GraphError, match="doesn't depend on input 1, the Value 'other'"):
        ag.gradients(y, [x, other])


def test_non_scalar_backward_needs_a_seed():
    """Backward from an array without a seed is refused before anything changes; with one it is the
    pullback."""
    t = Tensor([1.0, 2.0])
    y = t * t
    with pytest.raises(ShapeError, match=r"reduce it first .* or give the cotangent"):
        y.backward()
    assert t.grad is None
    with pytest.raises(ShapeError, match="the seed has shape"):
        y.backward(np.ones(3))
    y.backward(np.array([1.0, 10.0]))
    assert t.grad.tolist() == [2.0, 40.0]


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


def test_a_failed_backward_leaves_no_half(recwarn):
    """After an error in a rule no node shows a gradient of the sweep that failed."""
    fails = ag.elementwise(lambda x: x * 1, None, lambda y, x: [][0], name="fails")
    x = Value(2.0)
    inner = x * 3
    y = fails(inner) + inner
    with pytest.raises(IndexError):
        y.backward()
    assert x.gradient is None and y.gradient is None and inner.gradient is None


def test_linear_is_silent_where_nothing_was_chosen():
    """Through ag.linear, as through x @ Wᵀ + b, a row that isn't asked for sends nothing through an
    infinite slope."""
    z, W, b = Tensor([[0.0, 0.0], [1.0, 4.0]]), Tensor(np.ones((2, 2))), Tensor(np.ones(2))
    np.sum(ag.linear(np.sqrt(z), W, b)[1]).backward()
    np.testing.assert_array_equal(z.grad, [[0, 0], [1.0, 0.5]])
    np.testing.assert_array_equal(ag.hessian(lambda x: np.sum(ag.linear(x, W, b) ** 2))(
        np.ones(2)).data, [[4, 4], [4, 4]])
    with pytest.raises(ag.errors.ShapeError, match=r"linear takes x"):
        ag.linear(np.ones((2, 3)), W, b)


# ── whose array a gradient is ────────────────────────────────────────────────────────────────


def test_gradients_of_two_parents_are_not_one_array():
    """Two parents are sent the same cotangent by add, but scaling one .grad doesn't scale the
    other."""
    a, b = Tensor([1.0]), Tensor([2.0])
    (a + b).sum().backward()
    a.grad *= 10.0
    assert b.grad.tolist() == [1.0]


def test_gradient_of_a_computed_node_is_read_only():
    """The gradient of a computed node may be shared, so it can be looked at and not changed."""
    a = Tensor([1.0])
    b = a * 2
    b.sum().backward()
    with pytest.raises(ValueError, match="read-only"):
        b.grad[0] = 3.0


def test_returned_gradients_are_the_callers():
    """Scaling one of the gradients that are returned, or the seed, changes no other."""
    a, b = Tensor([1.0]), Tensor([2.0])
    seed = np.array([1.0])
    ga, gb = ag.gradients(a + b, [a, b], seed=seed)
    ga *= 10.0
    assert gb.tolist() == [1.0] and seed.tolist() == [1.0]
    y = a + b
    y.backward(seed)
    seed[:] = 9.0
    assert y.grad.tolist() == [1.0]


def test_what_a_node_sends_is_shown_before_it_is_added_up():
    """Both contributions of x·x to x are shown as x, also where they are added up in place."""
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
