"""Updates and aliasing: what a user's array, a view of it and a recorded graph share."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import (
    GraphError,
    NotDifferentiableError,
    ShapeError,
)

EPS = np.finfo(float).eps


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
