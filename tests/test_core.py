"""Values and Tensors: what they compute, record, refuse and forget."""

from __future__ import annotations

import copy
import functools
import gc
import math
import pickle
import re
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import (
    DTypeError,
    GraphError,
    NotComputedWarning,
    NotDifferentiableError,
    ShapeError,
)
from autograd_mini.graph import topological_order
from autograd_mini.not_computed import not_computed
from autograd_mini.passes import sweep

EPS = np.finfo(float).eps


# ── gradients ────────────────────────────────────────────────────────────────────────────────


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


# ── updates, aliasing ────────────────────────────────────────────────────────────────────────


def test_update_after_recording_keeps_the_recorded_gradient():
    """A graph recorded before `p.data -= …` gives the gradient at the recorded numbers."""
    v, t = Value(3.0), Tensor([3.0])
    y, z = v * v, (t * t).sum()
    v.data -= 1.0
    t.data -= 1.0
    y.backward()
    z.backward()
    assert v.grad == 6.0 and t.grad.tolist() == [6.0]
    assert v.data == 2.0 and t.data.tolist() == [2.0]


def test_in_place_update_reaches_the_parameter_not_the_graph():
    """`t.data[...] = …` and a handle taken before recording never change what was recorded."""
    t = Tensor([1.0, 2.0])
    handle = t.data
    y = (t * t).sum()
    with pytest.raises(ValueError, match="read-only"):
        handle[0] = 5.0
    t.data[0] = 5.0
    y.backward()
    assert t.data.tolist() == [5.0, 2.0] and t.grad.tolist() == [2.0, 4.0]


def test_create_graph_after_an_update_is_refused():
    """Rules fed nodes would use the new numbers: refused, naming the parameter."""
    for leaf in (Value(3.0, label="w"), Tensor([3.0], label="w")):
        y = ag.sum(leaf * leaf)
        leaf.data -= 1.0
        with pytest.raises(GraphError, match="'w' was updated after .* run the forward pass again"):
            ag.gradients(y, leaf, create_graph=True)


def test_reading_data_is_not_an_update():
    """Looking at .data between forward and backward changes nothing."""
    t = Tensor([3.0])
    y = (t * t).sum()
    _ = t.data
    assert ag.gradients(y, t, create_graph=True).data.tolist() == [6.0]


def test_constants_are_recorded_not_referenced():
    """A buffer used as a constant and overwritten afterwards doesn't change the gradient."""
    buffer = np.array([1.0, 2.0])
    t = Tensor([1.0, 1.0])
    y = (t * buffer).sum()
    buffer[:] = 100.0
    y.backward()
    assert t.grad.tolist() == [1.0, 2.0]


def test_the_users_array_is_copied_in():
    """Tensor(a) doesn't see later changes of a, nor a those of the Tensor."""
    a = np.array([1.0, 2.0])
    t = Tensor(a)
    a[0] = 9.0
    t.data -= 1.0
    assert a.tolist() == [9.0, 2.0] and t.data.tolist() == [0.0, 1.0]


def test_gradients_of_two_parents_are_not_one_array():
    """add passes the same cotangent to both; scaling one .grad must not scale the other."""
    a, b = Tensor([1.0]), Tensor([2.0])
    (a + b).sum().backward()
    a.grad *= 10.0
    assert b.grad.tolist() == [1.0]


def test_gradient_of_a_computed_node_is_read_only():
    """It may be shared, so it can be looked at and not changed."""
    a = Tensor([1.0])
    b = a * 2
    b.sum().backward()
    with pytest.raises(ValueError, match="read-only"):
        b.grad[0] = 3.0


def test_only_leaves_can_be_assigned():
    """A computed node's data is the result of its operation."""
    for leaf in (Value(1.0), Tensor([1.0])):
        with pytest.raises(GraphError, match="was computed by multiply"):
            (leaf * 2).data = 3.0
    with pytest.raises(ShapeError, match="can't replace"):
        Tensor([1.0]).data = np.ones(3)


def test_a_view_of_data_cannot_reach_the_graph():
    """Writing through a view taken before recording changes neither the graph nor its gradient."""
    p = Tensor([1.0, 2.0])
    for view in (p.data.ravel(), p.data[:1]):
        y = (p * p).sum()
        view -= 50.0
        assert ag.gradients(y, p).tolist() == [2.0, 4.0]


def test_a_view_survives_an_update_without_harm():
    """A row taken before `W.data -= …` can't reach what is recorded after it."""
    W = Tensor([[1.0, 2.0], [3.0, 4.0]])
    row = W.data[0]
    W.data -= 0.0
    loss = np.sum(W * W)
    row[:] = 100.0
    loss.backward()
    assert W.grad.tolist() == [[2.0, 4.0], [6.0, 8.0]]


def test_small_integers_beside_a_value_are_doubles():
    """A Value is a float64, whatever the array beside it."""
    assert (Value(3e8) + np.array([1], np.int8) - 3e8).data.tolist() == [1.0]
    assert np.isfinite((Value(1e39) * np.array([1], np.uint8)).data).all()
    assert (Tensor(np.ones(2, np.float32)) * np.array([3, 4], np.uint8)).dtype == np.float32


def test_initial_is_refused():
    """np.sum(a, initial=node) would keep the plain number."""
    with pytest.raises((NotDifferentiableError, TypeError, ValueError)):
        np.sum(np.ones(2), initial=Value(3.0))


@pytest.mark.parametrize("make", [lambda b: np.broadcast_to(b, (2, 2)), lambda b: b.T,
                                  lambda b: b[::-1]], ids=["broadcast", "T", "slice"])
def test_views_of_a_buffer_are_recorded_by_value(make):
    """A constant that shares memory with something writable is copied, read-only or not."""
    buffer = np.array([3.0, 4.0])
    t = Tensor(np.ones((2, 2)))
    y = (t * make(buffer)).sum()
    before = ag.gradients(y, t)
    buffer[:] = 100.0
    assert (ag.gradients(y, t) == before).all() and (before < 5).all()


def test_results_of_no_grad_share_nothing():
    """A view made inside no_grad can be changed without changing what it came from."""
    a = Tensor([1.0, 2.0])
    h = a * a
    with ag.no_grad():
        v = h.reshape(2, 1)
    y = (h * h).sum()
    v.data[0] = 100.0
    assert ag.gradients(y, a).tolist() == [4.0, 32.0]


def test_returned_gradients_are_the_callers():
    """Scaling one result, or the seed, changes no other."""
    a, b = Tensor([1.0]), Tensor([2.0])
    seed = np.array([1.0])
    ga, gb = ag.gradients(a + b, [a, b], seed=seed)
    ga *= 10.0
    assert gb.tolist() == [1.0] and seed.tolist() == [1.0]
    y = a + b
    y.backward(seed)
    seed[:] = 9.0
    assert y.grad.tolist() == [1.0]


def test_filling_a_plain_array_is_refused():
    """a[i] = node would store a plain number and lose the gradient, without a word."""

    def f(w):
        out = np.zeros(2)
        for i in range(2):
            out[i] = w[i] ** 2
        return np.sum(out)

    for x in (np.ones(2), [1.0, 2.0]):
        with pytest.raises((NotDifferentiableError, ValueError)) as caught:
            ag.grad(f)(x)
        error = caught.value  # NumPy may wrap ours into its own
        assert "np.stack" in str(error.__cause__ or error)
    log = np.zeros(1)
    log[0] = float(Value(2.0))
    assert log[0] == 2.0


# ── what is refused, by name ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("bad", [np.ones(2, complex), np.array(["a"]), np.array([object()]),
                                 np.ones(2, np.float16)])
def test_dtypes_refused_by_name(bad):
    """Complex, strings, objects and half precision are refused as leaves and as constants."""
    with pytest.raises(DTypeError, match=re.escape(str(bad.dtype))):
        Tensor(bad)
    with pytest.raises(DTypeError, match=re.escape(str(bad.dtype))):
        ag.add(Tensor([1.0, 1.0]), bad)


@pytest.mark.parametrize("bad", [1j, "2", None, [1.0], np.ones(2), Value(1.0)])
def test_a_value_holds_one_real_number(bad):
    """Anything else is refused, and the message says what it was."""
    with pytest.raises(DTypeError, match="a Value holds one real number"):
        Value(bad)


@pytest.mark.parametrize(
    ("attempt", "error", "message"),
    [
        (lambda t: np.asarray(t), NotDifferentiableError, "leave np.asarray out"),
        (lambda t: np.array([t, t]), NotDifferentiableError, "np.stack"),
        (lambda t: t.__setitem__(0, 1.0), NotDifferentiableError, "np.where"),
        (lambda t: np.add(t, 1.0, out=np.zeros(2)), NotDifferentiableError, "out="),
        (lambda t: np.zeros(2).__iadd__(t), NotDifferentiableError, r"a = a \+ b"),
        (lambda t: np.roots(t), NotDifferentiableError, "complex"),
        (lambda t: np.copyto(np.zeros(2), t), NotDifferentiableError, "in place; use np.where"),
        (lambda t: np.linalg.eig(t), NotDifferentiableError, "np.linalg.eigh if the matrix"),
        (lambda t: np.full(2, t[0]), NotDifferentiableError, r"ag\.full"),
        (lambda t: np.quantile(t, 0.5, method="inverted_cdf"), NotDifferentiableError, "linear"),
        (lambda t: np.fft.fft(t), NotDifferentiableError, r"np\.fft"),
        (lambda t: np.exp(t, where=[True, False]), NotDifferentiableError, "where"),
        (lambda t: np.exp(t, dtype=np.float32), NotDifferentiableError, "dtype"),
        (lambda t: np.divide.accumulate(t), NotDifferentiableError, "accumulate"),
        (lambda t: np.add.accumulate(ag.stack([t, t]), axis=None), ValueError, "along one axis"),
        (lambda t: t[t], GraphError, "an index must be made of plain integers"),
        (lambda t: t @ 2.0, ShapeError, "at least one axis"),
        (lambda t: t + "a", DTypeError, "can't take a str"),
        (lambda t: t.astype(int), NotDifferentiableError, "no gradient"),
        (lambda t: np.unique(t, return_counts=True), NotDifferentiableError, "return_counts"),
        (lambda t: np.add.at(np.zeros(2), [0, 1], t), NotDifferentiableError, "add.at"),
        (lambda t: np.mean(t, dtype=float), NotDifferentiableError, "dtype=…"),
        (lambda t: np.var(t, dtype=float), NotDifferentiableError, "dtype=…"),
        (lambda t: t * np.ma.array([1.0, 2.0]), DTypeError, "mask would be lost"),
        (lambda t: np.reshape(t), TypeError, "shape"),
        (lambda t: ag.gradients(t.sum(), [3.0]), GraphError, "input 0 is a float"),
        (lambda t: float(t), TypeError, "0-dimensional|size-1|scalar"),
        (lambda t: bool(t), ValueError, "ambiguous"),
        (lambda t: t.item(), ShapeError, "exactly one"),
        (lambda t: ag.dot([Value(1.0)], [1.0, 2.0]), ShapeError, "one length"),
        (lambda t: ag.tanh(t, t), TypeError, "takes 1 arguments"),
        (lambda t: iter(t.sum()), TypeError, r"shape \(\)"),
    ],
)
def test_refusals_say_what_and_what_to_do(attempt, error, message):
    """Each refusal is of the class a NumPy user would catch and names the way round."""
    with pytest.raises(error, match=message):
        attempt(Tensor([1.0, 2.0]))


def test_a_wrong_rule_is_caught():
    """A pullback that returns another shape than its input's is an error, not a broadcast."""
    bad = ag.structural(np.sum, lambda g, y, x: g, name="bad_sum")
    with pytest.raises(GraphError, match="the rule of bad_sum returned .* shape"):
        bad(Tensor([1.0, 2.0])).backward()


def test_a_users_primitive_never_replaces_a_row():
    """A rule under a row's name is refused; one for NumPy's function leaves np.f with the row."""
    with pytest.raises(GraphError, match="give yours another name"):
        ag.structural(np.sum, lambda g, y, x: g)
    ag.structural(np.sum, lambda g, y, x: g, name="my_sum")
    assert np.sum(Tensor([1.0, 2.0])).op.name == "sum"


# ── NumPy and Python manners ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [2, 2.0, True, np.float64(2), np.float32(2), np.int64(2)])
def test_python_and_numpy_numbers_from_both_sides(number):
    """a ∘ n and n ∘ a work for every kind of number and stay Values of plain floats."""
    for f in (lambda a, n: a + n, lambda a, n: n + a, lambda a, n: a - n, lambda a, n: n - a,
              lambda a, n: a * n, lambda a, n: n * a, lambda a, n: a / n, lambda a, n: n / a,
              lambda a, n: a**n, lambda a, n: n**a):
        y = f(Value(3.0), number)
        assert type(y) is Value and type(y.data) is float
        assert y.data == pytest.approx(float(f(3.0, float(number))), rel=4 * EPS)


def test_arrays_from_both_sides_make_tensors():
    """An ndarray beside a Value or a Tensor gives a Tensor, whichever side it stands on."""
    x = np.array([1.0, 2.0])
    for node in (Value(3.0), Tensor([3.0, 4.0])):
        for y in (x * node, node * x, x - node, x / node, x**node):
            assert isinstance(y, Tensor) and y.shape == (2,)
    assert isinstance(np.ones((2, 2)) @ Tensor([1.0, 2.0]), Tensor)


def test_comparisons_give_plain_bools():
    """For a Value a bool, for a Tensor an array of bools; both sides."""
    v, t = Value(1.0), Tensor([1.0, 3.0])
    assert (v < 2) is True and (v == 1.0) is True and (2 > v) is True and (v != v) is False
    assert (t > 2).tolist() == [False, True] and type(t > 2) is np.ndarray
    assert type(np.array([0.0, 5.0]) < t) is np.ndarray
    assert (v == None) is False  # noqa: E711  the comparison itself is tested
    assert len({Value(1.0), Value(1.0)}) == 2  # hashed by identity


def test_constant_functions_give_plain_arrays():
    """np.sign, argmax, isnan … have derivative 0 or none: plain NumPy comes back."""
    t = Tensor([1.0, -3.0])
    assert type(np.sign(t)) is np.ndarray and np.argmax(t) == 0 and t.argmax() == 0
    assert np.shape(t) == (2,) and np.zeros_like(t).tolist() == [0, 0] and np.ndim(Value(1.0)) == 0


def test_plain_numbers_out():
    """float, int, bool, format, len and iteration behave as a NumPy user expects."""
    v, t = Value(2.5), Tensor([[1.0, 2.0], [3.0, 4.0]])
    assert (float(v), int(v), bool(v), f"{v:.2f}") == (2.5, 2, True, "2.50")
    assert len(t) == 2 and [row.shape for row in t] == [(2,), (2,)]
    assert f"{t.sum():.1f}" == "10.0" and t.T.shape == (2, 2) and t.reshape(4).size == 4
    with pytest.raises(TypeError):
        iter(v)


@pytest.mark.parametrize("index", [0, -1, slice(1, None), (0, 1), (..., 0), (None, 0), [0, 0, 1],
                                   np.array([[0, 1], [1, 1]]), np.array([True, False, True]),
                                   ([0, 2], [1, 1])], ids=str)
def test_indexing_as_numpy(index):
    """Values as NumPy's, and the gradient counts how often each entry was taken."""
    x = np.arange(6.0).reshape(3, 2) + 1
    t = Tensor(x)
    np.testing.assert_array_equal(t[index].data, x[index])
    counts = np.zeros_like(x)
    np.add.at(counts, index, 1.0)
    np.testing.assert_array_equal(ag.grad(lambda z: ag.sum(z[index] * 1.0))(x), counts)
    np.testing.assert_array_equal(ag.hessian(lambda z: ag.sum(z[index] ** 2))(x).sum((2, 3)),
                                  2 * counts)


def test_dtypes():
    """float32 stays float32, forward and back; integers and bools become float64."""
    w = Tensor(np.ones((3, 2), np.float32))
    y = ag.mean(ag.tanh(np.ones((4, 3), np.float32) @ w * 2 + 1) ** 2)
    y.backward()
    assert y.dtype == w.grad.dtype == np.float32
    mixed = Tensor(np.ones(2, np.float32))
    (mixed * np.ones(2)).sum().backward()
    assert mixed.grad.dtype == np.float32
    assert Tensor([1, 2]).dtype == Tensor([True]).dtype == np.float64
    assert ag.grad(lambda x: ag.sum(x * x))(np.array([1, 2])).tolist() == [2.0, 4.0]
    half = Tensor([1.0]).astype(np.float32)
    assert half.dtype == np.float32 and ag.grad(lambda x: ag.sum(x.astype(np.float32)))(
        np.ones(2)).dtype == np.float64


def test_division_by_zero_of_values_is_ieee():
    """Where Python raises, a Value has IEEE 754's answer and NumPy's warning."""
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert (Value(1.0) / 0.0).data == math.inf
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert ag.exp(Value(1000.0)).data == math.inf


def test_no_grad_records_nothing_and_ends_with_the_block():
    """Inside, results are leaves; after an exception recording is on again."""
    x = Tensor([1.0])
    with ag.no_grad():
        assert (x * 2).is_leaf and (Value(1.0) * 2).is_leaf and ag.tanh(Value(1.0)).is_leaf
    with pytest.raises(ZeroDivisionError), ag.no_grad():
        raise ZeroDivisionError
    assert not (x * 2).is_leaf


def test_repr():
    """Both show their numbers; a Tensor says what made it."""
    v = Value(2.0, label="w")
    (v * 3).backward()
    assert repr(v) == "Value(data=2.0, grad=3.0, label='w')"
    assert repr(Tensor([1, 2], label="t")) == "Tensor([1., 2.], label='t')"
    assert "op=multiply" in repr(Tensor([1.0]) * 2) and "float32" in repr(
        Tensor(np.ones(1, np.float32)))


# ── size, memory, threads ────────────────────────────────────────────────────────────────────


@pytest.mark.slow  # a million nodes
def test_a_chain_of_a_million_nodes():
    """Forward, backward, repr, a drawn summary, copies of the leaf and freeing: no recursion."""
    leaf = Value(1.0, label="x")
    y = leaf
    for _ in range(1_000_000):
        y = y + 0.0
    y.backward()
    assert leaf.grad == 1.0
    assert repr(y).startswith("Value(data=1.0")
    assert "1,000,001 nodes" in ag.draw(y).source
    for twin in (copy.copy(leaf), copy.deepcopy(leaf), pickle.loads(pickle.dumps(leaf))):
        assert (twin.data, twin.grad, twin.label) == (1.0, 1.0, "x") and twin is not leaf
    assert ag.gradients(y, leaf, create_graph=True).data == 1.0
    del y


def test_copies_of_computed_nodes():
    """A shallow copy shares the graph; a deep one or a pickle is refused, without recursion."""
    t = Tensor([1.0], label="t")
    y = t * 2
    assert copy.copy(y).parents == y.parents
    twin = copy.copy(t)
    twin.data -= 1.0
    assert t.data.tolist() == [1.0] and copy.deepcopy(t).label == "t"
    for attempt in (copy.deepcopy, pickle.dumps):
        with pytest.raises(GraphError, match="only a leaf"):
            attempt(y)
    assert pickle.loads(pickle.dumps(Value(1.0).grad)) is not_computed


def test_a_dropped_graph_leaves_nothing_to_the_collector():
    """No reference cycles: the reference count alone frees a graph, gradients and all."""

    def run():
        x, t = Value(0.5), Tensor(np.ones((3, 3)))
        y = ag.tanh(x * x) + (t @ t).sum() + ag.dot([x, x], [x, 1.0])
        y.backward()
        ag.gradients(y, [x, t], create_graph=True)
        ag.hessian(lambda v: ag.sum(v**3))(np.ones(2))

    run()
    gc.collect()
    gc.disable()
    try:
        run()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_threads_do_not_disturb_each_other():
    """Two threads differentiate, one of them often inside no_grad; every gradient is right."""
    wrong = []

    def work(k: int) -> None:
        for i in range(300):
            x = Value(float(i))
            if k:
                with ag.no_grad():
                    _ = x * x
            y = (x * x + k * x).tanh() if i % 2 else x * x + k * x
            u = float(i) ** 2 + k * i
            slope = (2.0 * i + k) * (1 - math.tanh(u) ** 2 if i % 2 else 1.0)
            if y.is_leaf or abs(ag.gradients(y, x) - slope) > 1e-12 * max(slope, 1.0):
                wrong.append(i)
            t = Tensor(np.full(3, float(i)))
            (t * t).sum().backward()
            if t.grad.tolist() != [2.0 * i] * 3:
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_topological_order_is_a_topological_order():
    """Every node comes before its parents, each once, whatever the sharing."""
    a = Value(1.0)
    b = a * a
    c = b + a
    d = c * b + c
    order = list(topological_order(d))
    position = {node: i for i, node in enumerate(order)}
    assert len(position) == len(order) == 5 and order[0] is d
    assert all(position[n] < position[p] for n in order for p in n.parents if p is not None)


def test_lecture_draw_dot_runs_unchanged():
    """The lecture's trace() walks our nodes by _prev and reads _op, label, data and grad."""

    def trace(root):
        nodes, edges = set(), set()

        def build(v):
            if v not in nodes:
                nodes.add(v)
                for child in v._prev:
                    edges.add((child, v))
                    build(child)

        build(root)
        return nodes, edges

    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    e = a * b
    e.label = "e"
    d = (e + 10.0).tanh()
    for backward in (False, True):
        if backward:
            d.backward()
        nodes, edges = trace(d)
        text = ["{ %s | data %.4f | grad %.4f } %s" % (n.label, n.data, n.grad, n._op)
                for n in nodes]
        assert len(nodes) == 5 and len(edges) == 4
        assert sorted(n._op for n in nodes) == ["", "", "*", "+", "tanh"]
    assert any("grad 0.0013" in line for line in text)


# ── who holds which array ────────────────────────────────────────────────────────────────────

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
