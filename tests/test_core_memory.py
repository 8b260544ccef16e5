"""The compiled core, memory and signals: what is freed and counted; what if there is none left."""

from __future__ import annotations

import gc
import os
import signal
import weakref

import numpy as np
import pytest
from test_core import run, there

import autograd_mini as ag
from autograd_mini import Tensor, Value
from autograd_mini.primitive import PRIMITIVES


@there
def test_the_collector_is_not_told_of_nodes_that_the_core_made():
    """But of those that lead to a function of the user's, which may hold nodes itself."""
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
@pytest.mark.slow  # five times as long
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
    from autograd_mini import Tensor, Value, graph

    a, b, w, seed = Value(0.5), Value(2.0), Tensor([1.0, 2.0]), np.ones(2)

    def program():
        y = ag.dot([a, b], [b, a], a) * 2 + ag.sin(a) / b - b * b + ag.sum([a, b, a])
        y.backward()
        z = w * 2.0 * w + ag.tanh(w) - a * w  # without np.sum, whose own failures crash NumPy
        z.backward(seed)
        return y.gradient, z.gradient

    program()
    y = ag.dot([a, b], [b, a], a) * 2 + ag.sin(a) / b
    z = w * 2.0 * w + ag.tanh(w) - a * w
    for out, g in ((y, None), (z, seed)):  # a pass that fails leaves the gradients of before
        out.backward(g)
        nodes = graph.topological_order(out)
        for start in range(1, 250):
            before = [n.gradient for n in nodes]
            _testcapi.set_nomemory(start, start + 1)
            try:
                out.backward(g)
                before = None
            except (MemoryError, SystemError):
                pass
            finally:
                _testcapi.remove_mem_hooks()
            assert before is None or all(
                np.array_equal(n.gradient, x) for n, x in zip(nodes, before))
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


INTERRUPTED = """
    import gc, signal
    from autograd_mini import Value

    def under_way():
        return nodes[-1].gradient is not None and nodes[1].gradient is None

    def interrupt(*_):
        global within
        within += under_way()
        raise KeyboardInterrupt

    x = Value(1.0)
    nodes = [x]
    for _ in range(50_000):  # two nodes each: the core looks for signals at every 65,536th
        nodes.append(nodes[-1] * 0.9999 + 1e-6)
    gc.disable()
    signal.signal(signal.SIGALRM, interrupt)
    interrupted = clean = within = 0
    for k in range(TIMES):
        for n in nodes:
            n.gradient = None
        try:
            signal.setitimer(signal.ITIMER_REAL, 1e-5 + 1.2e-2 * k / TIMES)
            nodes[-1].backward()
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        except KeyboardInterrupt:
            interrupted += 1
            having = sum(n.gradient is not None for n in nodes)
            clean += having in (0, len(nodes))  # all of them: backward had returned
    print(interrupted == clean, within)

    def again(*_):  # on the very graph
        global passes, within
        within += under_way()
        nodes[-1].backward()
        passes += 1

    for n in nodes:
        n.gradient = None
    nodes[-1].backward()
    one, passes, within = x.grad, 1, 0
    signal.signal(signal.SIGALRM, again)
    for k in range(TIMES // 3):
        for n in nodes[1:]:
            n.gradient = None
        signal.setitimer(signal.ITIMER_REAL, 5e-4 * (k + 1))
        nodes[-1].backward()
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        passes += 1
    times = x.grad / one  # a handler may come between reading x.grad and adding to it
    print(abs(times - round(times)) < 1e-6 and TIMES // 3 < round(times) <= passes, within)
"""


@there
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no such timers")
def test_an_interrupt_at_any_moment_leaves_no_gradients():
    """Within the core's pass, too, and when all is computed and nobody has it yet. A handler may
    have a pass of its own.
    """
    within = [0, 0]
    for _ in range(5):  # whether a signal meets the pass depends on the machine's speed
        lines = [line.split() for line in run(INTERRUPTED.replace("TIMES", "60")).splitlines()]
        assert [right for right, _ in lines] == ["True", "True"], lines
        within = [n + int(more) for n, (_, more) in zip(within, lines, strict=True)]
        if all(within):
            break
    assert all(within)
