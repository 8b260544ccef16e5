"""The pass of `backward` whose cotangents lie in the nodes: alone, in threads, and interrupted."""

from __future__ import annotations

import copy
import math
import pickle
import threading

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, ops
from autograd_mini.fast import floats


def network(leaves, depth=30):
    """A value of many additions, products, differences and others, with reuse."""
    values = list(leaves)
    for i in range(depth):
        a, b = values[-1], values[i % len(values)]
        values.append((a * b - ag.tanh(a) + b) * 0.5 + a / (b * b + 1.0) - a * a)
    return sum(values) * 0.01


def expected(numbers):
    """Its gradient by a pass of the other kind, which stores nothing."""
    leaves = list(map(Value, numbers))
    return ag.gradients(network(leaves), leaves)


NUMBERS = [0.5, -0.3, 0.8, 0.1]


def test_gradients_are_those_of_the_pass_that_stores_nothing():
    """All gradients, also those in between, are the same to the last bit."""
    leaves = list(map(Value, NUMBERS))
    y = network(leaves)
    y.backward()
    assert [v.grad for v in leaves] == expected(NUMBERS)
    y.backward()
    assert [v.grad for v in leaves] == [2 * g for g in expected(NUMBERS)]


def test_what_is_sent_is_written_from_the_table():
    """The branches for sums, differences and products are made from the slopes of the rows."""
    assert floats.contributions(ops.multiply) == ["g * node._b", "g * node._a"]
    assert floats.contributions(ops.subtract) == ["g", "-g"]


@pytest.mark.parametrize("held", [False, True])
def test_many_threads_share_nodes(held):
    """Passes at the same time, over graphs that share nodes, don't disturb each other, whether they
    find the lock free or not.
    """
    leaves = list(map(Value, NUMBERS))
    shared = [leaves[0] * leaves[1], leaves[2] - leaves[3], leaves[1] + leaves[2]]
    own = Value(0.25)
    known = ag.gradients(network([own, *[Value(x.data) for x in shared]]), own)
    wrong = []

    def work():
        for _ in range(30):
            own = Value(0.25)
            network([own, *shared]).backward()
            if own.grad != known:
                wrong.append(own.grad)

    threads = [threading.Thread(target=work) for _ in range(4)]
    if held:
        floats.LOCK.acquire()
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        if held:
            floats.LOCK.release()
    assert not wrong


def test_a_pass_within_a_rule():
    """A rule that runs a backward pass of its own, over a node of the same graph, gets its numbers
    and disturbs none.
    """
    shared = Value(2.0)

    def slope(y, x):
        inner = shared * shared * 3.0
        inner.backward()
        return 12.0 if inner.parents[0].grad == 3.0 else math.nan

    row = ag.elementwise(lambda x: 6 * x**2, lambda x: 6 * x**2, slope, name="pass within")
    x = Value(1.0)
    y = row(x * shared) * shared + shared
    y.backward()
    assert x.grad == 12.0 * 2.0 * 2.0


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, SystemExit])
def test_after_an_interruption_all_is_as_it_was(error):
    """Gradients are what they were, also those in between; and nothing of it is added later."""
    calls = []

    def slope(y, x):
        calls.append(x)
        if len(calls) == at:
            raise error
        return 2.0

    at = 0
    row = ag.elementwise(lambda x: 2 * x, lambda x: 2 * x, slope, name=f"stops {error.__name__}")
    leaves = list(map(Value, NUMBERS))
    inner = leaves[0] * leaves[1]
    y = row(row(inner + leaves[2]) * leaves[3]) + inner * 2.0
    y.backward()
    before = [(node, node.grad) for node in (*leaves, inner, y)]
    expected = [node.grad for node, _ in before]
    for at in (1, 2):
        del calls[:]
        with pytest.raises(error):
            y.backward()
        assert [node.grad for node, _ in before] == expected
    at = 0
    for leaf in leaves:
        leaf.grad = None
    y.backward()
    assert [node.grad for node, _ in before] == expected


def test_graphs_with_arrays_and_copied_leaves():
    """A Tensor on the way, or a leaf that was copied or pickled, is no obstacle."""
    x, t = Value(0.5), Tensor([1.0, 2.0])
    (np.sum(x * t) * x).backward()
    assert x.grad == 2 * 0.5 * 3.0 and t.grad.tolist() == [0.25, 0.25]
    for made in (copy.deepcopy, lambda y: pickle.loads(pickle.dumps(y))):
        leaves = [made(Value(x)) for x in NUMBERS]
        network(leaves).backward()
        assert [leaf.grad for leaf in leaves] == expected(NUMBERS)


def test_a_branch_that_was_not_chosen_has_no_gradient():
    """What nothing was sent to counts as 0, and sends nothing on, as in the other passes."""
    x = Value(0.0)
    y = ag.where(0.0, ag.sqrt(x), 2.0 * x)
    y.backward()
    assert x.grad == 2.0


@pytest.mark.slow  # a second
def test_a_deep_chain():
    """A chain of 200,000 nodes doesn't recurse."""
    x = Value(1.0)
    y = x
    for _ in range(200_000):
        y = y * 1.0 + 0.0
    y.backward()
    assert x.grad == 1.0
