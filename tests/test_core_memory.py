"""The compiled core and memory: what is freed, what is counted, and what if there is none left."""

from __future__ import annotations

import gc
import os
import weakref

import numpy as np
import pytest
from test_core import run, there

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.primitive import PRIMITIVES


@there
def test_computed_nodes_are_none_of_the_collectors_business():
    """But for those that lead to a function of the user's, which may hold nodes itself."""
    x = Value(2.0)
    y = ag.dot([x, x], [x * x, x], x) + ag.sin(x) * 2.0
    assert not gc.is_tracked(y)
    assert not gc.is_tracked(ag.tanh(Tensor([1.0]) * 2.0) * Tensor([3.0]))

    class Rule:
        """A slope that holds the graph which it is part of."""

        def __call__(self, y, x):
            return self.held

    rule = Rule()
    there = weakref.ref(rule)
    closed = ag.elementwise(np.positive, None, rule, name="holds its graph")
    rule.held = closed(x * 3.0) * 2.0
    assert gc.is_tracked(rule.held)
    PRIMITIVES.pop("holds its graph")
    del rule, closed
    gc.collect()
    assert there() is None


def chain(length):
    """So many operations, one after the other, forward and backward."""
    x = y = Value(1.0)
    for _ in range(length):
        y = y * 0.999999 + 1e-9
    y.backward()
    return x.grad


@there
def test_a_long_chain_is_swept_and_freed():
    """No recursion anywhere."""
    assert chain(100_000) == pytest.approx(0.999999**100_000)


@there
@pytest.mark.slow  # ten times as long
def test_a_chain_of_a_million():
    """Forward, backward, freed."""
    assert chain(500_000) == pytest.approx(0.999999**500_000)


FLAT = """
    import resource, sys
    import numpy as np
    import autograd_mini as ag
    from autograd_mini import Tensor, Value

    def step(a, b, w, t):
        c = a * b + ag.tanh(a) / (b + 3.0) - ag.dot([a, b], [b, a], a) + ag.sum([a, b, c0])
        c.backward()
        if t:
            np.sum(np.tanh(w * a + w) / 3.0).backward()
        a.grad = b.grad = w.grad = None

    def resident():
        return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

    a, b, c0, w = Value(0.5), Value(2.0), Value(1.0), Tensor([1.0, 2.0])
    assert ag.engine() == "core"
    counts = [sys.getrefcount(x) for x in (ag.multiply, Value, Tensor, a, w)]
    for i in range(STEPS // 20):
        step(a, b, w, i % 10 == 0)
    before = resident()
    for i in range(STEPS):
        step(a, b, w, i % 10 == 0)
    after = [sys.getrefcount(x) for x in (ag.multiply, Value, Tensor, a, w)]
    print(resident() - before < 400_000, max(abs(m - n) for m, n in zip(counts, after)) < 5)
"""


@there
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="Linux tells it")
@pytest.mark.parametrize("steps", [
    20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])  # half a minute
def test_memory_stays_as_it_is(steps):
    """After so many steps the process is as large as before, and so are reference counts."""
    assert run(FLAT.replace("STEPS", str(steps))) == "True True"


NO_MEMORY = """
    import _testcapi
    import numpy as np
    import autograd_mini as ag
    from autograd_mini import Tensor, Value

    a, b, w, seed = Value(0.5), Value(2.0), Tensor([1.0, 2.0]), np.ones(2)

    def program():
        y = ag.dot([a, b], [b, a], a) * 2 + ag.sin(a) / b - b * b + ag.sum([a, b, a])
        y.backward()
        z = w * 2.0 * w + ag.tanh(w) - a * w  # without np.sum, whose own failures crash NumPy
        z.backward(seed)
        return y.gradient, z.gradient

    program()
    failed = 0
    for start in range(1, 400):
        a.grad = b.grad = w.grad = None
        _testcapi.set_nomemory(start, start + 1)
        try:
            program()
        except MemoryError:
            failed += 1
        except SystemError as error:  # NumPy forgets to say so, here and there
            assert "numpy" in str(error), error
        finally:
            _testcapi.remove_mem_hooks()
    a.grad = b.grad = w.grad = None
    program()
    print(failed > 50, a.grad, b.grad)
"""


@there
def test_a_failed_allocation_is_a_memory_error_and_nothing_else():
    """Whichever allocation it is; afterwards everything works as before."""
    pytest.importorskip("_testcapi", reason="this Python is built without its own tests' module")
    a, b = Value(0.5), Value(2.0)
    w = Tensor([1.0, 2.0])
    (ag.dot([a, b], [b, a], a) * 2 + ag.sin(a) / b - b * b + ag.sum([a, b, a])).backward()
    (w * 2.0 * w + ag.tanh(w) - a * w).backward(np.ones(2))
    assert run(NO_MEMORY) == f"True {a.grad} {b.grad}"
