"""What a program of whole arrays couldn't do again is refused by name."""

from __future__ import annotations

import decimal
import functools
import importlib
import io
import logging
import operator
import os
import pathlib
import sys
import threading
import time
import types
import warnings
import weakref

import numpy as np
import pytest

import autograd_mini as ag

X = np.array([0.5, -1.0, 2.0])
NotFollowed = ag.errors.NotFollowedError


class Classed:
    """A class, which may have others below it."""


class Stack(list):
    """A list with a number."""

    k = 1.0


def caught(x):
    """A refusal that nobody sees."""
    try:
        return x * float(ag.sum(x))
    except Exception:
        return x


def uses_up(iterator):
    """A function that takes one thing from an iterator."""
    return lambda x: x * next(iterator)


tensor_with_gradient = ag.Tensor(X)
stack, outside = Stack(), ag.Tensor(X)
weak = weakref.ref(stack)
finds, clock = operator.attrgetter("value"), functools.partial(time.time)
masked, record = np.ma.array(X, mask=[0, 1, 0]), np.ones(1, [("k", float)])[0]
own = type("Own", (ag.Tensor,), {})(X)
cached = functools.lru_cache(lambda: 1.0)
FILE = pathlib.Path(__file__)
REFUSED = {
    "an environment variable": (lambda x: x * len(os.environ["PATH"]), "os.environ"),
    "or none": (lambda x: x * len(os.environ.get("NO_SUCH_VARIABLE", "")), "os.environ"),
    "a message": (lambda x: logging.info("here") or x, "logging"),
    "a warning": (lambda x: warnings.warn("here", stacklevel=2) or x, "warn"),
    "a file": (lambda x: x * len(FILE.read_text()), "file|pathlib"),
    "a file by NumPy": (lambda x: x * np.fromfile(FILE, np.uint8).size, "fromfile"),
    "a refusal that is caught": (caught, "taken out"),
    "a label in a set": (lambda x, i: x * (2.0 if i[0] in {0, 1} else 1.0), "set or a dict"),
    "a label in a dict": (lambda x, i: x * {0: 2.0}.get(i[0], 1.0), "set or a dict"),
    "a node's numbers": (lambda x: x * tensor_with_gradient.value[0], "value"),
    "a node's text": (lambda x: x * len(repr(x)), "taken out"),
    "a gradient": (lambda x: x * tensor_with_gradient.grad, "taken out"),
    "an array written to by position": (lambda x, i: x * np.clip(i, 0, 1, np.zeros(3)), "writes"),
    "and by a method": (lambda x, i: x * i.clip(0, 1, np.zeros(3)), "writes"),
    "a sum written to": (lambda x, i: x * np.cumsum(i, 0, float, np.zeros(3)), "writes"),
    "a product written to": (lambda x, i: x * np.dot(i, i, np.zeros((), int)), "output array"),
    "a list of its own kind": (lambda x: x * stack.k, "kind of its own"),
    "an iterator": (uses_up(iter([1.0, 2.0, 3.0])), "iterator"),
    "how errors are treated": (lambda x: x * (np.geterr()["over"] == "warn"), "geterr"),
    "the classes that there are": (lambda x: x * len(Classed.__subclasses__()), "calls"),
    "an object": (lambda x: types.SimpleNamespace(y=x), "result"),
    "a number that getattr finds": (lambda x: x * getattr(outside, "value")[0], "value"),
    "a function that finds it": (lambda x: x * finds(outside)[0], "attrgetter"),
    "an array of a kind of its own": (lambda x: x * float(masked.sum()), "MaskedArray"),
    "a Tensor of a kind of its own": (lambda x: x * own, "kind of its own"),
    "a record": (lambda x: x * record["k"], "void"),
    "a cache": (lambda x: x * cached(), "lru_cache"),
    "the modules that there are": (lambda x: x * len(sys.modules), "sys.modules"),
    "a module by a function": (lambda x: x * len(importlib.import_module("math").__name__), "asks"),
    "whether there is a file": (lambda x: x * os.path.exists(FILE), "asks"),
    "how large it is": (lambda x: x * FILE.stat().st_size, "pathlib"),
    "a class of files": (lambda x: x * len(io.FileIO.__name__), "FileIO"),
    "a weak reference": (lambda x: x * (weak() is None), "weak reference"),
    "a Decimal": (lambda x: x * float(decimal.Decimal(1) / 3), "Decimal"),
    "how numbers are printed": (lambda x: x * np.get_printoptions()["precision"], "printoptions"),
    "a logger's level": (lambda x: x * logging.root.level, "logging.root"),
    "the arguments of the program": (lambda x: x * len(sys.argv), "sys.argv"),
    "a thread's name": (lambda x: x * len(threading.current_thread().name), "threading"),
    "a clock": (lambda x: x * clock(), "can reach time"),
    "numbers stored in a Tensor": (lambda x: setattr(outside, "data", X) or x, "stored"),
    "a gradient that is deleted": (lambda x: setattr(outside, "grad", None) or x, "stored"),
    "how deep calls may go": (lambda x: x * sys.getrecursionlimit(), "reads"),
}


@pytest.mark.filterwarnings("ignore:here:UserWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_seen_is_refused(name):
    """And says what it was."""
    tensor_with_gradient.grad = X
    function, why = REFUSED[name]
    arguments = (X, np.array([0, 1, 2]))[: function.__code__.co_argcount]
    with pytest.raises(ag.errors.AutogradError, match=why):
        ag.compile(function, arrays="whole")(*arguments)


@pytest.mark.parametrize(("first", "second"), [
    (range(0, 3, 2), range(0, 4, 2)), (frozenset({1}), frozenset({True})), ({1}, {1, 2}),
    (np.dtype("f4"), np.dtype("f8")), (1, True), (0.0, -0.0), ("a", "b"), (b"a", "a")])
def test_arguments_that_are_no_arrays(first, second):
    """Others are another program, though they are equal."""
    program = ag.compile(lambda x, of: x * len(repr(of)), arrays="whole")
    for of in (first, second, first):
        if isinstance(of, float):
            continue  # which is an argument like an array
        np.testing.assert_array_equal(program(X, of), X * len(repr(of)))


def test_an_argument_that_is_changed_is_refused():
    """A dict, a list: the program wouldn't do it again."""
    for change in (lambda x, d: d.update(n=3) or x * 2, lambda x, d: d["list"].append(1) or x * 2):
        with pytest.raises(NotFollowed, match="an argument is changed"):
            ag.compile(change, arrays="whole")(X, {"list": []})
