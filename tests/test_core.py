"""The compiled core: what it is told is what the table says, and it does what Python does."""

from __future__ import annotations

import copy
import os
import pickle
import re
import struct
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from fuzz.engines import bits, check_engines, simpler_engine
from hypothesis import given, settings, strategies as st
from test_fast import NUMBERS, PROGRAMS

import autograd_mini as ag
from autograd_mini import Tensor, Value, graph as graphs, ops
from autograd_mini.primitive import PRIMITIVES, Elementwise

if ag.engine() == "plain":
    INTERFACE = None
else:
    from autograd_mini.fast.core import INTERFACE

there = pytest.mark.skipif(ag.engine() != "core", reason="autograd-mini-core isn't at work")


def run(code, **environment):
    """What a fresh interpreter prints; its errors, if it fails."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("AUTOGRAD_MINI")}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True,
                          text=True, env=variables | environment, check=False)
    return done.stdout.strip() if done.returncode == 0 else f"{done.returncode}: {done.stderr}"


# ── what it is told ──────────────────────────────────────────────────────────────────────────


def planned(row, g, inputs):
    """What a row sends by its plan, as the C code reads it."""
    from autograd_mini.fast.core import plan

    numbers = struct.unpack(f"{len(inputs)}i", plan(row, len(inputs)))
    return [g if n == -1 else -g if n == -2 else g * inputs[n] for n in numbers]


@pytest.mark.skipif(ag.engine() == "plain", reason="plans are for the core, which isn't imported")
@pytest.mark.parametrize("row", [ops.add, ops.subtract, ops.multiply, ops.negative])
def test_the_plan_of_an_elementwise_row_is_what_the_table_says(row):
    """For numbers of every kind, to the last bit."""
    n = len(row.slopes)
    for g in NUMBERS:
        for xs in [(a, b)[:n] for a in NUMBERS for b in NUMBERS]:
            y = Value(0.0)
            expected = row.pull(g, row.scalar(*xs), xs, type("Of", (), {"parents": (y,) * n}))
            assert bits(planned(row, g, xs)) == bits(expected), (row, g, xs)


@pytest.mark.skipif(ag.engine() == "plain", reason="plans are for the core, which isn't imported")
@pytest.mark.parametrize(("row", "counts"), [(ops.weighted_sum, [1, 3, 5, 21]),
                                             (ops.total, [0, 1, 2, 7])])
def test_the_plan_of_a_sum_is_what_the_table_says(row, counts, rng):
    """For any number of operands."""
    for n in counts:
        for _ in range(20):
            xs = tuple(float(rng.choice(NUMBERS)) for _ in range(n))
            g = float(rng.choice(NUMBERS))
            assert bits(planned(row, g, xs)) == bits(row.pullbacks[0](g, None, *xs))


@pytest.mark.skipif(ag.engine() == "plain", reason="plans are for the core, which isn't imported")
def test_only_products_have_a_plan():
    """A rule that computes, asks what a number is, or selects, has none; nor has it a wrong one."""
    from autograd_mini.fast.core import plan

    found = {row.name for row in PRIMITIVES.values() if isinstance(row, Elementwise)
             and row.trusted and plan(row, len(row.slopes)) is not None}
    assert {"add", "subtract", "multiply", "negative"} <= found
    assert not found & {"divide", "power", "relu", "maximum", "where", "exp", "tanh", "sqrt"}
    assert not [row.name for row in PRIMITIVES.values() if isinstance(row, Elementwise)
                and None in row.slopes and plan(row, len(row.slopes)) is not None]
    branching = ag.elementwise(np.positive, None, lambda y, x: x if x > 0 else 1, name="branching")
    equal = ag.elementwise(np.positive, None, lambda y, x: x if x == 0 else 1, name="equal")
    chosen = ag.elementwise(np.positive, None, lambda y, x: x or 1, name="chosen")
    of_y = ag.elementwise(np.positive, None, lambda y, x: y, name="of_y")
    assert [plan(row, 1) for row in (branching, equal, chosen, of_y)] == [None] * 4


def test_the_c_file_is_short_and_states_no_mathematics():
    """No function of C's mathematical library, no row of the table, is named in its 600 lines."""
    text = (Path(__file__).parents[1] / "core" / "autograd_mini_core.c").read_text("utf-8")
    assert len(text.splitlines()) <= 600 and "math.h" not in text
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    called = set(re.findall(r"\b([a-z]\w*)\(", code))
    assert not called & {row.name for row in PRIMITIVES.values()}
    assert INTERFACE is None or f'"INTERFACE", {INTERFACE})' in code


# ── whether it is there ──────────────────────────────────────────────────────────────────────


SAYS = "import warnings; warnings.simplefilter('always'); import autograd_mini as ag; "


@pytest.mark.parametrize(("content", "says"), [
    ("raise ImportError('not on this Python')", "not on this Python"),
    ("INTERFACE = 0", "of another version"),
    ("", "of another version"),
    ("def begin(*args): raise ImportError('a node has no slot op')\nINTERFACE = 1", "no slot op"),
])
def test_a_core_that_refuses_is_left_out_with_a_warning(tmp_path, content, says):
    """And where it is asked for, the import fails and says why."""
    (tmp_path / "autograd_mini_core.py").write_text(content)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {SAYS} "
    code += "x = ag.Value(3.0); (x * x).backward(); print(ag.engine(), x.grad)"
    assert run(code) == "fast 6.0"
    assert says in run(code.replace("'always'", "'error'"))
    required = run(code, AUTOGRAD_MINI_CORE="1")
    assert "ImportError: AUTOGRAD_MINI_CORE=1 asks for the compiled core" in required
    assert says in required


def test_the_environment_leaves_the_core_out():
    """Without it all is as if it weren't installed, and nothing is said."""
    code = "import autograd_mini as ag; print(ag.engine())"
    assert run(code, AUTOGRAD_MINI_CORE="0") == "fast"
    assert run(code, AUTOGRAD_MINI_PLAIN="1") == "plain"
    asked = run(code, AUTOGRAD_MINI_CORE="1")
    assert asked == "core" or "it isn't installed (pip install . ./core)" in asked


# ── what it gives ────────────────────────────────────────────────────────────────────────────


@there
def test_the_core_gives_what_the_fast_engine_gives():
    """Every gradient of random programs, to the last bit."""
    for program, seed in PROGRAMS:
        with np.errstate(all="ignore"):
            given = program(seed)
            with simpler_engine():
                assert given == program(seed), (program.__name__, seed)


@there
@given(st.lists(st.tuples(st.sampled_from("+-*/nerdw"), st.integers(0, 9), st.integers(0, 9)),
                max_size=12),
       st.lists(st.one_of(st.sampled_from(NUMBERS), st.floats()), min_size=3, max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_graph_is_the_same(steps, numbers):
    """Of the core's own operations, on numbers of every kind: all nodes have the same bits."""
    def graph():
        leaves = [Value(x) for x in numbers]
        pool = [*leaves, numbers[0], 3]
        for name, i, j in steps:
            a, b = pool[i % len(pool)], pool[j % len(pool)]
            if not isinstance(a, Value) and not isinstance(b, Value):
                a = leaves[0]
            pool.append({
                "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
                "/": lambda a, b: a / (b + 1.5), "n": lambda a, b: -a if b is not a else b - a,
                "e": lambda a, b: ag.sin(a) * b, "r": lambda a, b: ag.relu(a) + b,
                "d": lambda a, b: ag.sum([leaves[1], a, b, a]),
                "w": lambda a, b: ag.dot([leaves[0], leaves[1]], [leaves[2], leaves[2]], leaves[0]),
            }[name](a, b))
        nodes = [x for x in pool if isinstance(x, Value)]
        return ag.sum(nodes[-3:]), leaves

    with np.errstate(all="ignore"):
        check_engines(graph)


@there
def test_numbers_of_numpy_are_operands_as_pythons():
    """A float64 is its number; a float32, an int64 and a bool are what the table makes of them."""
    for number in (np.float64(2.5), np.float32(0.1), np.int64(3), True, np.bool_(True), 10**400):
        def graph(number=number):
            v, t = Value(0.5), Tensor([0.5, 1.5])
            small = number if not isinstance(number, int) or number < 10 else 1
            y = np.sum(t * small + small * t) * v + v * small + small * v - small / (v * 2)
            return y, [v, t]

        check_engines(graph)
    with pytest.raises(OverflowError):
        Value(1.0) + 10**400


@there
def test_a_mixed_graph_of_numbers_and_arrays_is_the_same(rng):
    """Values that Tensors come from, and the other way round; slices; a value used twice."""
    x = rng.normal(size=(3, 4))

    def graph():
        t, v = Tensor(x), Value(0.3)
        a = t * v + v
        parts = [a[i, j] * v for i in range(3) for j in range(4)]
        b = np.stack(parts) + np.where(a.ravel() > 0, a.ravel(), v)
        return np.sum(b * b) + ag.dot(parts[:3], parts[3:6], v) + a.sum() * a.mean(), [t, v]

    check_engines(graph)


@there
def test_a_rule_that_has_a_pass_of_its_own():
    """It runs within the core's pass, over nodes that both share."""
    inner = ag.elementwise(
        np.exp, None, lambda y, x: ag.grad(lambda u: np.exp(u) * 1.0)(x), name="with its own pass")
    shared = Value(0.7)
    middle = shared * shared

    def slope(y, x):
        (middle * 2.0).backward()
        return 1.0

    outer = ag.elementwise(np.positive, None, slope, name="over shared nodes")
    (outer(middle) * inner(shared)).backward()
    assert shared.grad == pytest.approx(np.exp(0.7) * (2 * 0.7 + 0.7**2) + 4 * 0.7, abs=1e-12)


@there
@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, ValueError])
def test_an_error_in_a_rule_leaves_all_as_it_was(error):
    """The gradients of before are there again, of all nodes."""
    for number in (3.0, np.array([3.0, 4.0])):
        raised: list[type[BaseException]] = []

        def slope(y, x, raised=raised):
            if raised:
                raise raised[0]("as asked")
            return 2.0 * np.ones_like(x) if np.ndim(x) else 2.0

        bad = ag.elementwise(np.positive, None, slope, name="raises when asked")
        x, w = (Tensor(number), Tensor([1.0])) if np.ndim(number) else (Value(number), Value(2.0))
        y = np.sum(bad(x * w) * w - w)
        y.backward()
        nodes = graphs.topological_order(y)
        before = [bits(n.gradient) for n in nodes]
        assert None not in before
        raised.append(error)
        with pytest.raises(error):
            y.backward()
        assert [bits(n.gradient) for n in nodes] == before
        raised.clear()
        y.backward()
        assert bits(x.grad) == bits(2 * np.asarray(2.0 * np.asarray(w.data) ** 2 + 0 * number))


@there
def test_threads_share_leaves():
    """Each has a graph of its own on them; who finds a pass under way goes by Python."""
    leaves = [Value(0.1 * k) for k in range(1, 20)]
    grad = ag.grad(lambda v: sum((ag.sin(x) * v for x in leaves), v) ** 2)
    expected, found = grad(1.5), []

    def work():
        for _ in range(60):
            found.append(grad(1.5))
            x = Value(2.0)
            y = sum((leaf * x for leaf in leaves), x)
            y.backward()
            found.append(expected + x.grad - (1.0 + sum(leaf.data for leaf in leaves)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        [t.start() for t in threads]
        [t.join() for t in threads]
    finally:
        sys.setswitchinterval(switch)
    assert len(found) == 480
    assert {abs(g - expected) < 1e-9 for g in found} == {True}


CHANGES = {
    "parents elsewhere": lambda y, z: setattr(y, "_from_a", z),
    "parents that are none": lambda y, z: setattr(y, "_from_a", 7),
    "no operand": lambda y, z: delattr(y, "_a"),
    "no value": lambda y, z: delattr(y, "value"),
}


@there
@pytest.mark.parametrize("change", CHANGES)
def test_a_graph_that_is_changed_during_its_pass_is_an_error(change):
    """Not a crash: what was sent has nowhere to go."""
    x, z = Value(1.0), Value(1.0)
    y = x * 2.0

    def slope(_, __):
        CHANGES[change](y, z)
        return 1.0

    bad = ag.elementwise(np.positive, None, slope, name="changes the graph")
    with pytest.raises((RuntimeError, AttributeError, TypeError)):
        bad(y).backward()
    assert x.gradient is None


@there
def test_a_second_copy_of_the_package_has_a_core_of_its_own():
    """As a notebook has that reloads it: nodes of the first go on as before."""
    assert run("""
        import sys
        import autograd_mini as first
        x = first.Tensor([1.0, 2.0])
        for name in [n for n in sys.modules if n.startswith("autograd_mini")]:
            del sys.modules[name]
        import autograd_mini as second
        for ag, t in ((first, x), (second, second.Tensor([1.0, 2.0]))):
            y = (t * t + t).sum()
            y.backward()
            print(ag.engine(), t.grad.tolist(), type(t * 2.0) is ag.Tensor)
        print(first is not second)
    """) == "core [3.0, 5.0] True\ncore [3.0, 5.0] True\nTrue"


@there
def test_what_is_replaced_still_says_what_it_is():
    """Documentation, names and signatures are those of the functions replaced."""
    import inspect

    assert ag.dot.__doc__.startswith("a·b + bias")
    assert list(inspect.signature(ag.dot).parameters) == ["a", "b", "bias"]
    assert ag.dot.__name__ == "dot" and type(ag.dot) is type(run)
    for thing in (ag.dot, ag.Value.tanh, ag.Tensor.__add__):
        assert pickle.loads(pickle.dumps(thing)) is copy.deepcopy(thing) is thing
