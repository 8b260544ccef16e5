"""Graphs of a million nodes, copies of nodes, memory, threads, and the topological order."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import threading

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.errors import (
    GraphError,
)
from autograd_mini.graph import topological_order
from autograd_mini.not_computed import not_computed

EPS = np.finfo(float).eps


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
