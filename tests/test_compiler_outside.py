"""Programs read the Values that their functions find outside, wherever they are held."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Value


class Holder:
    """Something with attributes, a slot-less home for Values."""

    shared = Value(1.5)

    def __init__(self):
        self.w, self.list, self.dict = Value(2.0), [Value(0.5)], {"a": Value(-1.0)}

    @property
    def first(self):
        return self.list[0] * 2


class Slots:
    """Something whose Value lies in a slot."""

    __slots__ = ("w",)


OUTSIDE = Value(0.75)


def of_global(x):
    return OUTSIDE * x


def all_of(x, holder, slots, closed, computed):
    """Every way in which a function finds a Value."""
    total = x * holder.w + closed() * x + computed[0] * x + slots.w + holder.first * Holder.shared
    for v in holder.list:
        total = total + v * x
    for key, v in holder.dict.items():
        total = total + v * len(key)
    return total + of_global(x)


CHANGES = [
    lambda h, s, c, z, x: setattr(h, "w", Value(x)),
    lambda h, s, c, z, x: setattr(h, "w", Value(x) * 2),
    lambda h, s, c, z, x: h.list.append(Value(x)), lambda h, s, c, z, x: h.list.pop(),
    lambda h, s, c, z, x: h.list.__setitem__(0, Value(x)),
    lambda h, s, c, z, x: setattr(h, "list", [Value(x), Value(1.0)]),
    lambda h, s, c, z, x: h.dict.update(b=Value(x)), lambda h, s, c, z, x: h.dict.pop("b", None),
    lambda h, s, c, z, x: setattr(h.dict["a"], "data", x),
    lambda h, s, c, z, x: setattr(s, "w", Value(x)), lambda h, s, c, z, x: c(Value(x)),
    lambda h, s, c, z, x: z.__setitem__(0, Value(x) * 3), lambda h, s, c, z, x: z.__setitem__(
        0, h.dict["a"] * 3),
    lambda h, s, c, z, x: setattr(Holder, "shared", Value(x)),
    lambda h, s, c, z, x: globals().__setitem__("OUTSIDE", Value(x)),
]


@pytest.mark.parametrize("seed", range(6))
def test_a_program_is_its_function_whatever_happens_outside(interpreted, monkeypatch, seed):
    """Values and computed nodes, replaced, updated, added, deleted, wherever they are held."""
    monkeypatch.setattr(Holder, "shared", Value(1.5))
    monkeypatch.setitem(globals(), "OUTSIDE", Value(0.75))
    rng = np.random.default_rng(seed)
    holder, slots, inner, computed = Holder(), Slots(), Value(3.0), [Value(2.0) * 5]
    slots.w = Value(4.0)

    def change_inner(v):
        nonlocal inner
        inner = v

    def f(x):
        return all_of(x, holder, slots, lambda: inner, computed)

    program, slope = ag.compile(f), ag.grad(ag.compile(f))
    for i in range(40):
        x = float(rng.normal())
        if rng.random() < 0.7 and (holder.list or i % 2):
            CHANGES[rng.integers(len(CHANGES))](holder, slots, change_inner, computed,
                                                float(rng.normal()))
        holder.list = holder.list or [Value(1.0)]
        v = Value(x)
        y = f(v)
        assert program(x) == pytest.approx(y.data, rel=1e-12, abs=1e-12)
        assert slope(x) == pytest.approx(ag.gradients(y, v), rel=1e-12, abs=1e-12)


def test_values_from_outside_are_read_in_each_call():
    """A parameter that the function closes over may change; a Value made inside is a constant."""
    w = Value(2.0)
    program = ag.value_and_grad(ag.compile(lambda x: w * x * Value(5.0)))
    assert program(3.0) == (30.0, 10.0)
    w.data = 4.0
    assert program(3.0) == (60.0, 20.0)


def lazily(holder=[]):
    if not holder:
        holder.append(Value(2.0))
    return holder[0]


def test_values_made_by_the_first_call_are_read_too():
    """A layer that makes its weights when it is first called may have them changed later."""
    program = ag.compile(lambda x: lazily() * x)
    assert program(1.0) == 2.0
    lazily().data = 7.0
    assert program(1.0) == 7.0


def test_a_plain_number_in_the_place_of_a_value_is_seen(interpreted):
    """A Value that gives way to a number is a change like any other."""
    holder = Holder()
    program = ag.compile(lambda x: holder.w * x)
    assert program(3.0) == 6.0
    holder.w = 7.0
    assert program(3.0) == 21.0


def test_what_did_not_change_outside_is_not_recorded_again(interpreted):
    """Updates in place, as an optimizer makes them, need no new recording."""
    calls = []
    w = [Value(2.0), Value(3.0)]

    def f(x):
        calls.append(x)
        return ag.sum([v * x for v in w]) * Value(2.0)

    program = ag.compile(f)
    for k in range(5):
        w[1].data = float(k)
        assert program(2.0) == (2.0 + k) * 4
    assert len(calls) == 1


def test_a_value_that_is_found_nowhere_is_read_by_recording_again(interpreted):
    """With a Value from a generator the function is recorded in each call, so nothing is wrong."""
    values = iter([Value(2.0), Value(3.0), Value(4.0)])
    source = (v for v in values)
    program = ag.compile(lambda x: next(source) * x)
    assert [program(1.0) for _ in range(3)] == [2.0, 3.0, 4.0]


def test_a_state_that_each_call_replaces_is_read_again(interpreted):
    """A function that leaves a node for its next call is recorded again."""
    state = [Value(1.0)]

    def f(x):
        state[0] = state[0] * x
        return state[0] * 1.0

    program = ag.compile(f)
    assert [program(2.0) for _ in range(3)] == [2.0, 4.0, 8.0]


def test_an_array_of_no_axes_that_holds_a_value_is_looked_into():
    """A Value in an object array of shape () is found there, and seen when it is replaced."""
    box = np.array(None, dtype=object)
    box[()] = Value(2.0)
    program = ag.compile(lambda x: x * box[()])
    assert program(3.0) == 6.0
    box[()] = Value(5.0)
    assert program(3.0) == 15.0


def test_a_node_computed_beforehand_counts_with_its_number():
    """A node computed before the call counts with its number, even if its leaf was updated."""
    w = Value(2.0)
    z = w * 2
    w.data = 10.0
    assert ag.compile(lambda x: z * x)(1.0) == 4.0
    program = ag.compile(lambda x: z * x * w, parameters=[w])
    with pytest.raises(ag.errors.GraphError, match="computed from a parameter before the call"):
        program(np.array([3.0]), 1.0)


def test_a_value_updated_halfway_is_refused():
    """A Value that the function updates after using it is refused, for it has two numbers."""
    def halfway(x, w=Value(2.0)):
        z = w * 2
        w.data = w.data + 8.0
        return z * x

    with pytest.raises(ag.errors.GraphError, match=r"updated to 10.0 after something was computed"):
        ag.compile(halfway)(1.0)


def test_looking_for_values_outside_computes_nothing(interpreted):
    """What a function can reach is looked through by reading slots, never by calling a property."""
    class Slotted:
        __slots__ = ("held",)

    class Lazy(Slotted):
        __slots__ = ()

        @property
        def held(self):
            raise AssertionError("a property was called")

    lazy, box = Lazy(), Slotted()
    box.held = ag.Value(3.0)

    def f(x):
        return x * box.held if lazy is not None else x

    program = ag.compile(f)
    assert program(2.0) == 6.0
    box.held = ag.Value(5.0)
    assert program(2.0) == 10.0
