"""no_grad, and threads: when operations are recorded; and what of constants."""

from __future__ import annotations

import math
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import autograd_mini as ag
from autograd_mini import Tensor, Value, recording
from autograd_mini.graph import topological_order


def test_no_grad_records_nothing_and_ends_with_the_block():
    """Inside no_grad results are leaves; after an exception recording is on again."""
    x = Tensor([1.0])
    with ag.no_grad():
        assert (x * 2).is_leaf and (Value(1.0) * 2).is_leaf and ag.tanh(Value(1.0)).is_leaf
    with pytest.raises(ZeroDivisionError), ag.no_grad():
        raise ZeroDivisionError
    assert not (x * 2).is_leaf


def test_results_of_no_grad_share_nothing():
    """A view made inside no_grad can be changed without changing what it came from."""
    a = Tensor([1.0, 2.0])
    h = a * a
    with ag.no_grad():
        v = h.reshape(2, 1)
    y = (h * h).sum()
    v.data[0] = 100.0
    assert ag.gradients(y, a).tolist() == [4.0, 32.0]


def test_threads_do_not_disturb_each_other():
    """Several threads differentiate, some of them often inside no_grad, and every gradient is
    right."""
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


# ── constants are kept once ──────────────────────────────────────────────────────────────────


@pytest.fixture
def all_are_large(monkeypatch):
    """Arrays of any size are kept once."""
    monkeypatch.setattr(recording, "LARGE", 0)


def test_a_constant_is_kept_once():
    """Five products with one array of 800 kB hold it once, as one object; and with the last of them
    it goes."""
    X, w = np.ones((1000, 100)), Tensor(np.ones(100))
    np.dot(X, w)  # what is made once, whoever calls
    tracemalloc.start()
    try:
        products = [np.dot(X, w) for _ in range(5)]
        held = tracemalloc.get_traced_memory()[0]
        assert X.nbytes <= held < 1.2 * X.nbytes
        copies = {id(y.inputs[0]) for node in products for y in topological_order(node)
                  if y.op is not None and y.op.name == "matmul"}
        assert len(copies) == 1
        del products
        assert tracemalloc.get_traced_memory()[0] < 0.1 * X.nbytes
    finally:
        tracemalloc.stop()


def test_integers_are_kept_once_as_floats():
    """Pixels, which rules need as floats, are held once in both forms."""
    X, w = np.arange(200_000, dtype=np.uint8).reshape(2000, 100), Tensor(np.ones(100))
    tracemalloc.start()
    try:
        products = [X * w for _ in range(5)]
        held = tracemalloc.get_traced_memory()[0] - sum(y.value.nbytes for y in products)
        assert held < 1.1 * 9 * X.nbytes
    finally:
        tracemalloc.stop()
    assert len({id(y.inputs[0]) for y in products}) == 1
    np.testing.assert_array_equal(products[0].inputs[0], X)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_changes_in_place_never_reach_a_graph(all_are_large, data):
    """However an array is changed between its uses, each use has the gradient of its own moment."""
    kinds = st.sampled_from([np.float64, np.float32, np.int64, np.uint8, bool])
    X = np.zeros((2, 3), data.draw(kinds))
    w = Tensor(np.array([1.0, -2.0, 0.5]))
    uses = []
    for _ in range(data.draw(st.integers(1, 6))):
        numbers = st.sampled_from([0.0, -0.0, 1.0, 2.0, np.nan] if X.dtype.kind == "f" else [0, 1])
        X[data.draw(st.integers(0, 1)), data.draw(st.integers(0, 2))] = data.draw(numbers)
        if data.draw(st.booleans()):
            X = X[::-1].copy()  # perhaps in the place of one that is gone
        uses.append((X * w, X.copy()))
    for y, then in uses:
        g = ag.gradients(y, w, seed=np.ones((2, 3)))
        np.testing.assert_array_equal(g, np.sum(then * 1.0, axis=0))
        assert np.signbit(y.inputs[0]).tolist() == np.signbit(then * 1.0).tolist()


def test_zeros_of_either_sign_and_nans_are_told_apart(all_are_large):
    """−0.0 isn't taken for 0.0, and a nan is the same as itself."""
    X, w = np.array([0.0, np.nan]), Tensor([1.0, 1.0])
    first = X * w
    assert (X * w).inputs[0] is first.inputs[0]
    X[0] = -0.0
    second = X * w
    assert second.inputs[0] is not first.inputs[0]
    assert np.signbit(second.value[0]) and not np.signbit(first.value[0])


def test_the_kept_copy_is_read_only(all_are_large):
    """A forward function of a user's that writes to its arguments is stopped: others hold them."""
    careless = ag.structural(lambda a, b: b.__imul__(2.0) + a, lambda g, y, a, b: g,
                             lambda g, y, a, b: g, name="careless")
    with pytest.raises(ValueError, match="read-only"):
        careless(Tensor([1.0]), np.array([2.0]))


def test_threads_share_constants(all_are_large):
    """Threads that change and use arrays of their own get their own numbers."""
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        X, w = np.zeros(8), Tensor(np.ones(8))
        for _ in range(300):
            X[rng.integers(8)] = rng.normal()
            if not np.array_equal(ag.gradients(np.sum(X * w), w), X):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
