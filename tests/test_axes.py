"""Arrays rolled, stacked, cut and repeated: NumPy's numbers and refusals, and the adjoint."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import NotDifferentiableError

EPS = np.finfo(float).eps
AXES = st.one_of(st.none(), st.integers(-4, 3))
SECTIONS = st.one_of(st.integers(1, 4), st.lists(st.integers(-5, 5), max_size=3))
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)

CALLS = {
    "roll": (np.roll, st.tuples(st.integers(-5, 5), AXES)),
    "roll by two": (np.roll, st.tuples(st.just((1, -2)), st.just((0, -1)))),
    "repeat": (np.repeat, st.tuples(st.integers(0, 3), AXES)),
    "tile": (np.tile, st.tuples(st.sampled_from([2, (2,), (1, 2), (2, 1, 2), 0]))),
    "diag": (np.diag, st.tuples(st.integers(-2, 2))),
    "flip": (np.flip, st.tuples(AXES)),
    "tril": (np.tril, st.tuples(st.integers(-2, 2))),
    "resize": (np.resize, st.tuples(st.just((3, 2)))),
    "split": (np.split, st.tuples(SECTIONS, st.integers(-2, 2))),
    "array_split": (np.array_split, st.tuples(SECTIONS, st.integers(-2, 2))),
    "vstack": (lambda x: np.vstack([x, 2.0 * x]), st.just(())),
    "hstack": (lambda x: np.hstack((x, 2.0 * x)), st.just(())),
    "dstack": (lambda x: np.dstack([x, x]), st.just(())),
    "column_stack": (lambda x: np.column_stack([x, x]), st.just(())),
    "hstack of two kinds": (lambda x: np.hstack([x, x[..., None]]), st.just(())),
    "vstack of one": (np.vstack, st.just(())),
}


def parts(y):
    return list(y) if isinstance(y, list | tuple) else [y]


@pytest.mark.slow  # a second and a half in all
@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
def test_what_moves_numbers_is_numpys(name, data):
    """Values, shapes and dtypes are those of NumPy on plain arrays, which is refused where nodes
    are; and with weights w, the gradient g of Σ w·f(x) has g·d = Σ w·f(d) for any d: f is linear.
    """
    function, others = CALLS[name]
    args, shape = data.draw(others), data.draw(SHAPES)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x = rng.normal(size=shape).astype(data.draw(st.sampled_from([np.float64, np.float32])))
    try:
        expected = parts(function(x, *args))
    except (ValueError, IndexError, TypeError) as error:
        with pytest.raises(type(error)):
            function(Tensor(x), *args)
        return
    node = Tensor(x)
    found = parts(function(node, *args))
    assert len(found) == len(expected)
    for ours, numpys in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.data, numpys, strict=True)
    if name == "roll by two" or not found:
        return
    d = rng.normal(size=shape).astype(x.dtype)
    weights = [rng.normal(size=y.shape) for y in expected]
    loss = sum([np.sum(w * y) for w, y in zip(weights, found, strict=True)], Tensor(0.0))
    loss = loss + np.sum(0.0 * node)
    terms = [w * y for w, y in zip(weights, parts(function(d, *args)), strict=True)]
    size = sum(np.sum(np.abs(term)) for term in terms)
    eps = np.finfo(x.dtype).eps
    assert np.sum(ag.gradients(loss, node) * d) == pytest.approx(
        sum(np.sum(term) for term in terms), abs=200 * eps * size)


@given(st.integers(0, 99), st.sampled_from([0, 1, -1, None]))
def test_sort_sends_each_number_its_own_weight(seed, axis):
    """The gradient of Σ w·sort(x) has at each number the weight of the place it was sorted to."""
    rng = np.random.default_rng(seed)
    x = Tensor(rng.integers(0, 4, (3, 4)).astype(float))  # with ties: the first comes first
    y = np.sort(x, axis)
    w = rng.normal(size=np.shape(y))
    flat = x.data.ravel() if axis is None else x.data
    rank = np.argsort(np.argsort(flat, axis=-1 if axis is None else axis, kind="stable"),
                      axis=-1 if axis is None else axis)
    expected = np.take_along_axis(w, rank, -1 if axis is None else axis).reshape(x.shape)
    np.testing.assert_array_equal(ag.gradients(np.sum(w * y), x), expected)


def test_one_node_for_what_moves_a_vector():
    """Of a vector one node is recorded; nothing is joined to it where no zero is filled in."""
    x = Tensor([3.0, 1.0, 2.0])
    for y, name in ((np.roll(x, 1), "roll"), (np.sort(x), "getitem"), (np.repeat(x, 2), "getitem"),
                    (np.tile(x, 2), "getitem"), (np.split(x, 3)[1], "getitem"),
                    (np.hstack([x, x]), "concatenate"), (np.flip(x), "getitem"),
                    (np.outer(x, x), "outer")):
        assert y.op.name.lstrip("_") == name and set(y.parents) == {x}


def test_a_shift_is_kept_as_it_was():
    """An array of shifts that is changed afterwards changes no gradient."""
    shift = np.array([1, 0])
    x = Tensor(np.arange(4.0).reshape(2, 2))
    y = np.roll(x, shift, axis=(0, 1))
    shift[:] = 5
    w = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert ag.gradients(np.sum(w * y), x).tolist() == [[3.0, 4.0], [1.0, 2.0]]


WIDTHS = [1, (1, 2), [[1], [2]], ((0, 1), (2, 0)), np.array([2, 1]), np.int64(1), ((1, 0),)]
CONSTANTS = [{}, {"constant_values": -0.0}, {"constant_values": (1, np.nan)},
             {"constant_values": [[1.5, 2.5], [np.inf, 0.1]]}]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("constants", CONSTANTS, ids=str)
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_a_border_of_constants(widths, constants, dtype):
    """np.pad of a node has NumPy's numbers to the sign of zero, in the node's dtype; its gradient
    is what arrives within the border, and one row records all of it."""
    x = np.array([[-0.0, 1.0, np.nan], [np.inf, 0.1, -2.0]], dtype)
    node, expected = Tensor(x), np.pad(x, widths, **constants)
    y = np.pad(node, widths, **constants)
    assert y.op.name == "pad" and y.dtype == dtype
    np.testing.assert_array_equal(y.data.view(np.uint8), expected.view(np.uint8), strict=True)
    seed = np.arange(1.0, 1.0 + expected.size).reshape(expected.shape).astype(dtype)
    places = np.pad(np.arange(1, 7).reshape(2, 3), widths)
    np.testing.assert_array_equal(
        ag.gradients(y, node, seed=seed),
        np.array([seed[places == i].item() for i in range(1, 7)], dtype).reshape(2, 3), strict=True)


def test_a_border_to_the_second_order():
    """∇² of Σ pad(x²)³ is that of Σ x⁶; the rule passes the checks of a primitive."""
    x, d = np.array([[0.5, -1.0, 2.0]]), np.array([[1.0, 0.3, -2.0]])
    (product,) = ag.hvp(lambda x: np.sum(np.pad(x**2, 1, constant_values=7.0) ** 3), (x,), (d,))
    np.testing.assert_allclose(product, 30 * x**4 * d, rtol=8 * EPS)
    for widths in (2, ((0, 1), (2, 0))):
        ag.check_primitive(ag.ops.pad, (x,), widths=widths, constants=0.5)
    ag.check_primitive(ag.ops.pad, (x,), widths=((0, 1), (2, 0)), constants=[[1.0, 2.0]])


def test_borders_at_the_edges():
    """A number has no axis to pad; an empty array has; what NumPy refuses is refused; what is
    outside of the mask of a border is never sent."""
    assert np.pad(Value(2.0), 3).data == 2.0 and isinstance(np.pad(Value(2.0), 1), Value)
    assert np.pad(Tensor(2.0), 1).shape == () and np.pad(Tensor(np.ones((0, 2))), 1).shape == (2, 4)
    x = Tensor([0.0, 4.0])
    np.testing.assert_array_equal(ag.gradients(np.sum(np.pad(np.sqrt(x), 1)[2:]), x), [0.0, 0.25])
    for wrong, error in ((lambda: np.pad(x, -1), ValueError), (lambda: np.pad(x, 1.0), TypeError),
                         (lambda: np.pad(x, ((1, 1), (1, 1))), ValueError),
                         (lambda: np.pad(x, ((1, 1),), stat_length=2), ValueError),
                         (lambda: np.pad(x, 1, constant_values=x), NotDifferentiableError)):
        with pytest.raises(error):
            wrong()


def test_the_widths_of_a_border_are_kept_as_they_were():
    """An array of widths that is changed afterwards changes no gradient."""
    widths, x = np.array([1, 2]), Tensor([1.0, 2.0])
    y = np.pad(x, widths)
    widths[:] = 0
    assert ag.gradients(np.sum(y * np.arange(5.0)), x).tolist() == [1.0, 2.0]


@pytest.mark.oracle
def test_borders_are_torchs(rng):
    """Value and gradients of two orders are those of torch.nn.functional.pad."""
    torch = pytest.importorskip("torch", reason="the oracles extra isn't installed")
    x, w = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 6, 5))
    t = torch.tensor(x, requires_grad=True)
    y = torch.nn.functional.pad(t**3, (1, 0, 2, 1), value=0.5)
    (first,) = torch.autograd.grad((y**2 * torch.tensor(w)).sum(), t, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), t)

    def loss(x):
        return np.sum(np.pad(x**3, ((0, 0), (2, 1), (1, 0)), constant_values=0.5) ** 2 * w)

    for order, theirs in ((ag.grad(loss), first),
                          (ag.grad(lambda x: np.sum(ag.grad(loss)(x))), second)):
        np.testing.assert_allclose(order(x), theirs.numpy(force=True), rtol=1e-13, atol=1e-13)


def test_nodes_dont_say_where_numbers_go():
    """A node as a shift or as a number of sections is refused by name."""
    x = Tensor([1.0, 2.0])
    for call, what in ((lambda: np.roll(x, Value(1.0)), "roll can't take a node as shift"),
                       (lambda: np.split(x, Value(2.0)), "split can't take a node as indices"),
                       (lambda: np.repeat(x, Value(2.0)), "repeat can't take a node as repeats")):
        with pytest.raises(NotDifferentiableError, match=what):
            call()


@given(st.integers(0, 999))
def test_outer_is_a_product_of_shapes(seed):
    """∂/∂a Σ G·(a bᵀ) = G b and ∂/∂b = Gᵀ a, of arrays of any shapes, to the second order."""
    rng = np.random.default_rng(seed)
    a, b = (Tensor(rng.normal(size=tuple(rng.integers(1, 4, rng.integers(0, 3)))))
            for _ in range(2))
    y = np.outer(a, b)
    np.testing.assert_array_equal(y.data, np.outer(a.data, b.data))
    G = Tensor(rng.normal(size=y.shape))
    of_a, of_b = ag.gradients(np.sum(G * y), [a, b], create_graph=True)
    np.testing.assert_allclose(of_a.data.ravel(), G.data @ b.data.ravel(), atol=64 * EPS)
    np.testing.assert_allclose(of_b.data.ravel(), G.data.T @ a.data.ravel(), atol=64 * EPS)
    u = rng.normal(size=a.shape)
    again = ag.gradients(np.sum(u * of_a), b)  # Gᵀ u
    np.testing.assert_allclose(again.ravel(), G.data.T @ u.ravel(), atol=64 * EPS)


@given(hnp.arrays(np.float64, (3, 4), elements=st.floats(allow_nan=True, width=64)),
       st.sampled_from([None, 0, 1]))
def test_a_length_is_the_same_with_and_without_scaling(x, axis):
    """Scaled by a power of 2, √Σx² has the same bits, in range or not: leaving the scaling out
    where nothing over- or underflows changes nothing."""
    with np.errstate(all="ignore"):
        ours = ag.ops.length(Tensor(x), axis=axis).data
        top = np.max(np.abs(x), axis=axis, keepdims=True)
        scale = np.exp2(np.floor(np.log2(np.where((top > 0) & np.isfinite(top), top, 1.0))))
        scaled = np.sqrt(np.sum(np.square(x / scale), axis=axis, keepdims=True)) * scale
    np.testing.assert_array_equal(ours, scaled)
