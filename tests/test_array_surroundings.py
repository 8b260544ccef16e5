"""What a program of whole arrays finds around it: it is seen, put back, or refused by name."""

from __future__ import annotations

import collections
import cProfile
import enum
import functools
import profile
import pstats
import sys
import threading
import types
import typing

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import nn

X = np.array([0.5, -1.0, 2.0])
NotFollowed = ag.errors.NotFollowedError
counted = 1.0
settings = types.ModuleType("settings_of_a_test")
settings.k = 1.0


class Slotted:
    """An object without a dict."""

    __slots__ = ("k",)

    def __init__(self):
        self.k = 1.0

    def __call__(self, x):
        """x, and this number."""
        return x * self.k


class Meta(type):
    """A class of classes, with a number."""

    k = 1.0


class Classed(metaclass=Meta):
    """A class with a number."""

    here = 1.0


class Pair(typing.NamedTuple):
    """A tuple with a method, which reads a global number."""

    name: str = "pair"

    def times(self, x):
        """x, and this number."""
        return x * counted


@functools.wraps(nn.cross_entropy)
def disguised(x):
    """A function that says it is the library's."""
    return x * counted


def set_counted(to):
    """Change a global number."""
    global counted
    counted = to


def closing_over(k=1.0):
    """A function that closes over a number, and one that changes it."""
    def change():
        nonlocal k
        k = 2.0

    return (lambda x: x * k), change


def importing(x):
    """It finds a module when it is called."""
    import settings_of_a_test as found

    return x * found.k


def with_default(x, k=1.0):
    """A number that is a default."""
    return x * k


def in_order(things):
    """A function of x that applies what a dict holds, in its order."""
    return lambda x: functools.reduce(lambda x, f: f(x), things.values(), x)


def cases():
    """By name: a function, and what changes its surroundings so that it gives something else."""
    cell, change_cell = closing_over()
    slotted, classed, numbers, line = Slotted(), Classed(), {1.0}, collections.deque([1.0])
    tensor, plain, steps = ag.Tensor(1.0), np.ones(3), {"a": np.exp, "b": np.tanh}
    held, pair = types.SimpleNamespace(k=True, f=np.exp, zero=0.0, of=slotted), Pair()
    first = lambda x: x * 1.0
    other = lambda x: x * 2.0
    reordered = lambda: steps.update(a=steps.pop("a"))
    return {
        "a global": (lambda x: x * counted, lambda: set_counted(2.0)),
        "a cell": (cell, change_cell),
        "a slot": (lambda x: x * slotted.k, lambda: setattr(slotted, "k", 2.0)),
        "an object that is called": (slotted, lambda: setattr(slotted, "k", 3.0)),
        "an attribute's attribute": (lambda x: x * held.of.k, lambda: setattr(held.of, "k", 4.0)),
        "a set": (lambda x: x * sum(numbers), lambda: numbers.add(2.0)),
        "a deque": (lambda x: x * line[0], lambda: line.appendleft(2.0)),
        "a class's attribute": (lambda x: x * classed.here, lambda: setattr(Classed, "here", 2.0)),
        "a metaclass's": (lambda x: x * Classed.k, lambda: setattr(Meta, "k", 2.0)),
        "a named tuple's method": (lambda x: pair.times(x), lambda: set_counted(3.0)),
        "a function in disguise": (lambda x: disguised(x), lambda: set_counted(4.0)),
        "a default": (lambda x: with_default(x),
                      lambda: setattr(with_default, "__defaults__", (2.0,))),
        "a function's code": (lambda x: first(x),
                              lambda: setattr(first, "__code__", other.__code__)),
        "a module by its name": (lambda x: x * settings.k, lambda: setattr(settings, "k", 2.0)),
        "a module imported inside": (importing, lambda: setattr(settings, "k", 3.0)),
        "a label": (lambda x: x * (2.0 if tensor.label == "two" else 1.0),
                    lambda: setattr(tensor, "label", "two")),
        "an array": (lambda x: x * plain, lambda: plain.__setitem__(1, 2.0)),
        "the order of a dict": (in_order(steps), reordered),
        "1 in the place of True": (lambda x: x * (2.0 if held.k is True else 1.0),
                                   lambda: setattr(held, "k", 1)),
        "-0.0 in the place of 0.0": (lambda x: x + np.copysign(1.0, held.zero),
                                     lambda: setattr(held, "zero", -0.0)),
        "a function of NumPy's": (lambda x: held.f(x), lambda: setattr(held, "f", np.tanh)),
        **hidden_cases(),
    }


Doubled = type("Doubled", (Classed,), {"here": 2.0})
Bent = type("Bent", (float,), {})


class Mode(enum.Enum):
    """A member with an attribute."""

    ONE = "one"


class Asks(type):
    """A class of classes that reads a dict."""

    numbers: typing.ClassVar = {}

    @property
    def k(cls):
        """From the dict."""
        return cls.numbers["k"]


class Asked(metaclass=Asks):
    """It has a number by its metaclass."""


def looked_up(x):
    """A function that may have an attribute, a global that may be there, and one of Python's."""
    try:
        k = later
    except NameError:
        k = 1.0
    return x * getattr(looked_up, "k", 1.0) * k * max([1.0])


def hidden_cases():
    """The same where the way to what changes is an unusual one."""
    table, classed, inherits = {"k": 1.0}, Classed(), type("Inherits", (Classed,), {})
    changed, bent, line = types.SimpleNamespace(k=1.0), Bent(1.0), collections.defaultdict(float)
    get, partial = table.get, functools.partial(table.__getitem__, "k")
    bent.k = Mode.ONE.k = Asked.numbers["k"] = 1.0
    line.default_factory = lambda: 1.0
    held = Classed()
    held.k = 1.0
    for name in ("later", "max"):
        globals().pop(name, None)
    vars(looked_up).clear()
    return {
        "a dict's method": (lambda x: x * get("k"), lambda: table.update(k=2.0)),
        "a method in a partial": (lambda x: x * partial(), lambda: table.update(k=2.0)),
        "a number's attribute": (lambda x: x * bent.k, lambda: setattr(bent, "k", 2.0)),
        "an enum's attribute": (lambda x: x * Mode.ONE.k, lambda: setattr(Mode.ONE, "k", 2.0)),
        "an object's class": (lambda x: x * classed.here,
                              lambda: setattr(classed, "__class__", Doubled)),
        "an object's dict": (lambda x: x * changed.k, lambda: vars(changed).update(k=2.0)),
        "another dict": (lambda x: x * held.k, lambda: setattr(held, "__dict__", {"k": 2.0})),
        "what is inherited": (lambda x: x * inherits.here,
                              lambda: setattr(inherits, "__bases__", (Doubled,))),
        "a property of a metaclass": (lambda x: x * Asked.k, lambda: Asked.numbers.update(k=2.0)),
        "a default dict": (lambda x: x * line.default_factory(),
                           lambda: setattr(line, "default_factory", lambda: 2.0)),
        "a function's new attribute": (looked_up, lambda: setattr(looked_up, "k", 2.0)),
        "a new global": (looked_up, lambda: globals().update(later=2.0)),
        "a global with the name of a function of Python's": (
            looked_up, lambda: globals().update(max=lambda x: 2.0)),
    }


@pytest.fixture(autouse=True)
def _as_it_was():
    """The globals of this file, before and after each test."""
    sys.modules["settings_of_a_test"] = settings
    set_counted(1.0)
    Classed.here = Meta.k = settings.k = 1.0
    with_default.__defaults__ = (1.0,)
    yield
    del sys.modules["settings_of_a_test"]
    for name in ("later", "max"):
        globals().pop(name, None)


@pytest.mark.parametrize("name", cases())
def test_what_changes_between_calls_is_seen(name):
    """The program is recorded anew, and gives what the function gives."""
    function, change = cases()[name]
    program = ag.compile(function, arrays="whole")
    before = np.asarray(function(X))
    for _ in range(3):
        np.testing.assert_array_equal(program(X), before)
    change()
    after = np.asarray(function(X))
    assert not np.array_equal(before, after)
    for _ in range(3):
        np.testing.assert_array_equal(program(X), after)


@pytest.mark.parametrize("name", cases())
def test_what_a_function_changes_is_put_back(name):
    """The function is called once, and not a second time by an attempt to record it."""
    function, change = cases()[name]
    calls = []

    def changing(x):
        calls.append(1)
        found = function(x)
        change()
        return found

    before = np.asarray(function(X))
    with pytest.raises(NotFollowed, match="changed or stored|asks|isn't of its"):
        ag.compile(changing, arrays="whole")(X)
    assert calls == [1]  # the attempt's entry is gone
    assert not np.array_equal(np.asarray(function(X)), before)  # what the call itself has changed


def test_an_attempt_leaves_no_trace():
    """What is in order already is put back, too, when the recording alone changes it."""
    kept, line, numbers, slotted = {"b": 1, "a": 2}, collections.deque([1]), {1}, Slotted()
    tensor, classed, seen = ag.Tensor(1.0), Classed(), []

    def changing(x):
        seen.append(1)
        if isinstance(x, ag.Node):  # in the recording alone
            kept["b"] = kept.pop("b")
            line.append(2), numbers.add(2), seen.append(2)
            slotted.k = type(classed).here = settings.k = 5.0
            with_default.__defaults__, tensor.label = (5.0,), "five"
            set_counted(5.0)
        return with_default(x) * tensor * settings.k * counted

    with pytest.raises(NotFollowed):
        ag.compile(changing, arrays="whole")(X)
    assert ([*kept], line, numbers, seen) == (["b", "a"], collections.deque([1]), {1}, [1])
    assert slotted.k == Classed.here == settings.k == counted == 1.0
    assert with_default.__defaults__ == (1.0,) and tensor.label != "five"


@pytest.mark.parametrize("arguments", [(lambda x: x * settings.k,), (settings,)],
                         ids=["named", "passed"])
def test_a_module_that_is_passed(arguments):
    """It is watched, or refused."""
    program = ag.compile(lambda x, of: (of(x) if callable(of) else x * of.k), arrays="whole")
    try:
        np.testing.assert_array_equal(program(X, *arguments), X)
    except NotFollowed:
        return
    settings.k = 2.0
    np.testing.assert_array_equal(program(X, *arguments), 2 * X)


def test_objects_and_functions_as_arguments():
    """They are looked into; another one is another program, though it says that it is equal."""
    class Equal:
        """Equal to all others."""

        def __init__(self, k):
            self.k = k

        def __eq__(self, other):
            return True

        def __hash__(self):
            return 1

    one, (function, change) = Equal(1.0), closing_over()
    program = ag.compile(lambda x, held, f: f(x) * held.k, arrays="whole")
    np.testing.assert_array_equal(program(X, one, function), X)
    np.testing.assert_array_equal(program(X, Equal(3.0), function), 3 * X)
    one.k = 2.0
    np.testing.assert_array_equal(program(X, one, function), 2 * X)
    change()
    np.testing.assert_array_equal(program(X, one, function), 4 * X)


def test_what_cannot_be_put_back_keeps_nothing_else_from_it():
    """An array that is locked."""
    array, calls = np.zeros(3), []

    def changing(x):
        calls.append(1)
        if array.flags.writeable:
            array[0] = 5.0
        array.flags.writeable = isinstance(x, np.ndarray)
        return x * 2

    with pytest.raises(NotFollowed, match="changed or stored"):
        ag.compile(changing, arrays="whole")(X)
    assert calls == [1]


def test_a_scalar_of_numpy_is_another_kind_than_a_float():
    """What is asked of its kind was asked of it."""
    program = ag.compile(lambda x, k: x * (2.0 if isinstance(k, np.floating) else 1.0),
                         arrays="whole")
    np.testing.assert_array_equal(program(X, 1.0), X)
    with pytest.raises(NotFollowed, match="replayed, it doesn't give"):
        program(X, np.float64(1.0))


def test_the_order_in_memory_is_decided():
    """`ravel("K")` of a transposed array is another one."""
    program = ag.compile(lambda x, y: x * y.ravel("K"), arrays="whole")
    x, y = np.ones(6), np.arange(6).reshape(2, 3)
    for z in (y, np.asfortranarray(y), y):
        np.testing.assert_array_equal(program(x, z), z.ravel("K"))


@pytest.mark.parametrize("name", ["w0", "a0", "b0", "seen", "program", "np", "_t", "k0"])
def test_names_of_ones_own(name):
    """A row may have the name of anything in a program's text."""
    cube = ag.structural(lambda x: x**3, lambda g, y, x: g * 3 * x**2, name=name)
    program = ag.compile(ag.grad(lambda x: ag.sum(cube(np.sin(x)) * np.exp(x))), arrays="whole")
    for x in (X, 2 * X, X):
        expected = ag.grad(lambda x: ag.sum(cube(np.sin(x)) * np.exp(x)))(x)
        np.testing.assert_array_equal(program(x), expected)


@pytest.mark.parametrize("profiler", [cProfile.Profile, profile.Profile])
def test_a_profiler_goes_on(profiler):
    """A program that is recorded under a profile is as ever, and what is called later is seen."""
    seen = profiler()

    def works():
        program = ag.compile(lambda x: np.sum(x * x), arrays="whole")
        later()
        return program(X)

    def later():
        """It is called after the recording."""

    def all_of_it():
        return works(), later()

    assert seen.runcall(all_of_it)[0] == np.sum(X * X)
    calls = {name: ncalls for (_, _, name), (ncalls, *_) in pstats.Stats(seen).stats.items()}
    assert calls["later"] == 2


def test_recordings_in_several_threads():
    """All get their results, and what is printed goes where it went."""
    stream, wrong = sys.stdout, []

    def works(seed):
        for n in range(2, 12):
            f = lambda x: np.sum(np.tanh(x * seed) * x)
            x = np.arange(float(n))
            wrong.append(ag.compile(f, arrays="whole")(x) != f(x))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=works, args=(i + 1.0,)) for i in range(3)]
        [t.start() for t in threads]
        [t.join() for t in threads]
    finally:
        sys.setswitchinterval(interval)
    assert sys.stdout is stream and len(wrong) == 30 and not any(wrong)
