"""What a graph records: copies of numbers and arrays, and nothing that later changes can reach."""

from __future__ import annotations

import copy
import gc
import pickle

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import GraphError, ShapeError
from autograd_mini.graph import topological_order
from autograd_mini.not_computed import not_computed

# ── the graph ────────────────────────────────────────────────────────────────────────────────


def test_topological_order_is_a_topological_order():
    """In topological_order every node comes before its parents, and once, whatever is shared."""
    a = Value(1.0)
    b = a * a
    c = b + a
    d = c * b + c
    order = list(topological_order(d))
    position = {node: i for i, node in enumerate(order)}
    assert len(position) == len(order) == 5 and order[0] is d
    assert all(position[n] < position[p] for n in order for p in n.parents if p is not None)


@pytest.mark.slow  # a million nodes
def test_a_chain_of_a_million_nodes():
    """On a chain of a million nodes neither forward, backward, repr, nor freeing recurses, nor does
    copying its leaf."""
    leaf = Value(1.0, label="x")
    y = leaf
    for _ in range(1_000_000):
        y = y + 0.0
    y.backward()
    assert leaf.grad == 1.0
    assert repr(y).startswith("Value(data=1.0")
    for twin in (copy.copy(leaf), copy.deepcopy(leaf), pickle.loads(pickle.dumps(leaf))):
        assert (twin.data, twin.grad, twin.label) == (1.0, 1.0, "x") and twin is not leaf
    assert ag.gradients(y, leaf, create_graph=True).data == 1.0
    del y


def test_copies_of_computed_nodes():
    """A shallow copy of a computed node shares the graph; a deep one or a pickle is refused,
    without recursion."""
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


@pytest.mark.slow  # a second
def test_a_dropped_graph_leaves_nothing_to_the_collector():
    """A graph has no reference cycles: the reference count alone frees it, gradients and all."""

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


# ── updates of leaves ────────────────────────────────────────────────────────────────────────


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
    """After an update create_graph=True is refused, naming the parameter, for rules that are fed
    nodes would use the new numbers."""
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


def test_only_leaves_can_be_assigned():
    """Only the data of a leaf can be assigned; a computed node's is the result of its operation."""
    for leaf in (Value(1.0), Tensor([1.0])):
        with pytest.raises(GraphError, match="was computed by multiply"):
            (leaf * 2).data = 3.0
    with pytest.raises(ShapeError, match="can't replace"):
        Tensor([1.0]).data = np.ones(3)


# ── arrays are copied ────────────────────────────────────────────────────────────────────────


def test_constants_are_recorded_not_referenced():
    """A buffer used as a constant and overwritten afterwards doesn't change the gradient."""
    buffer = np.array([1.0, 2.0])
    t = Tensor([1.0, 1.0])
    y = (t * buffer).sum()
    buffer[:] = 100.0
    y.backward()
    assert t.grad.tolist() == [1.0, 2.0]


def test_the_users_array_is_copied_in():
    """Tensor(a) doesn't see later changes of a, and a sees none of the Tensor's."""
    a = np.array([1.0, 2.0])
    t = Tensor(a)
    a[0] = 9.0
    t.data -= 1.0
    assert a.tolist() == [9.0, 2.0] and t.data.tolist() == [0.0, 1.0]


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


def test_read_only_arrays_are_copied_too():
    """A read-only constant is copied too, since a view that was made before may still write
    to it."""
    a = np.ones(3)
    view = a[:]
    a.flags.writeable = False
    x = Tensor([1.0, 2.0, 3.0])
    y = np.sum(x * a)
    view[:] = 5.0
    y.backward()
    np.testing.assert_array_equal(x.grad, np.ones(3))
