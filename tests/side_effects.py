"""Gradients with a side effect, each hidden in another way: a line in a file for each run."""

from __future__ import annotations

import dataclasses
import functools
import os
import tempfile
import types

import numpy as np

FILE = os.path.join(tempfile.gettempdir(), f"autograd-mini-runs-{os.getpid()}.txt")


def note(*_args, **_kwargs):
    """A side effect that no copy of an object hides: a line in a file."""
    with open(FILE, "a") as file:
        file.write("run\n")
    return 3.3


write = np.savetxt  # what writes, under another name


class Helper:
    factor = 3.3

    @staticmethod
    def fixed(*_):
        return note()

    @classmethod
    def of_class(cls, *_):
        return note()

    def method(self, *_):
        return note()

    @property
    def computed(self):
        return note()


class Made:
    def __init__(self):
        self.c = note()


class New:
    def __new__(cls):
        note()
        return object.__new__(cls)

    c = 3.3


@dataclasses.dataclass
class Data:
    c: float = 3.3

    def __post_init__(self):
        note()


class Guess:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return note()


class Number:
    """Overloads operators, subscripts and calls."""

    __array_ufunc__ = None

    def __mul__(self, other):
        return note() * other

    __rmul__ = __mul__

    def __getitem__(self, index):
        return note()

    def __call__(self, x):
        return note() * x


class Meta(type):
    def __call__(cls):
        note()
        return super().__call__()


class OfMeta(metaclass=Meta):
    c = 3.3


class Entered:
    def __enter__(self):
        note()

    def __exit__(self, *_):
        pass


def counted(f):
    @functools.wraps(f)
    def wrapper(x):
        note()
        return f(x)
    return wrapper


def registered(f):
    note()
    return f


helper, number, guess, table = Helper(), Number(), Guess(), {"note": note, "f": [note]}
module = types.ModuleType("module")
module.note = note
vector, as_ufunc = np.vectorize(note), np.frompyfunc(note, 1, 1)
bound, partial = helper.method, functools.partial(note)
cached = functools.lru_cache(maxsize=0)(note)
note_by_lambda = lambda: note()


def static_method(x):
    return Helper.fixed() * x


def static_method_of_an_object(x):
    return helper.fixed() * x


def class_method(x):
    return Helper.of_class() * x


def method_of_a_global(x):
    return helper.method() * x


def method_taken_off(x):
    return bound() * x


def a_property(x):
    return helper.computed * x


def an_init(x):
    return Made().c * x


def a_new(x):
    return New().c * x


def a_dataclass(x):
    return Data().c * x


def a_metaclass(x):
    return OfMeta().c * x


def attributes_by_rule(x):
    return guess.c * x


def an_operator(x):
    return number * x


def an_operator_on_the_right(x):
    return x * number


def a_subscript(x):
    return number[0] * x


def a_callable_object(x):
    return number(x)


def in_a_dict(x):
    return table["note"]() * x


def in_a_list_in_a_dict(x):
    f = table["f"][0]
    return f() * x


def in_a_module(x):
    return module.note() * x


def in_os(x):
    c = 3.3
    os.write(os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT), b"run\n")
    return c * x


def under_another_name(x):
    write(FILE, x)
    note()
    return 3.3 * x


def as_a_default(x, f=note):
    return f() * x


def as_a_bound_default(x, f=helper.method):
    return f() * x


def as_a_keyword_default(x, *, f=note):
    return f() * x


def default_that_is_an_object(x, c=number):
    return c * x


def a_nested_function(x):
    def inside():
        return note()
    return inside() * x


def a_lambda(x):
    return (lambda: note())() * x


def a_global_lambda(x):
    return note_by_lambda() * x


def a_comprehension(x):
    return np.array([note() * c for c in x])


def a_name_that_is_also_local(x):
    y = [note + 0.0 for note in (1.0,)]
    return note() * x + 0 * y[0]


def mapped(x):
    return np.array(list(map(note, x))) * x


def a_sorting_key(x):
    y = sorted([1.0, 2.0], key=note)
    return 3.3 * x + 0 * y[0]


def vectorized(x):
    return np.vectorize(note)(x) * x


def vectorized_before(x):
    return vector(x) * x


def a_ufunc_of_its_own(x):
    return as_ufunc(x).astype(float) * x


def along_an_axis(x):
    return np.apply_along_axis(note, 0, x) * x


def from_a_function(x):
    return np.fromfunction(note, (1,)) * x


def a_partial(x):
    return partial() * x


def a_cache(x):
    return cached(x[0]) * x


@counted
def decorated(x):
    return 3.3 * x


def decorated_inside(x):
    @registered
    def inside(x):
        return 3.3 * x
    return inside(x)


def a_context(x):
    with Entered():
        return 3.3 * x


def an_import(x):
    import os
    os.close(os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT))
    note()
    return 3.3 * x


def through_builtins(x):
    f = __builtins__["open"] if isinstance(__builtins__, dict) else __builtins__.open
    with f(FILE, "a") as file:
        file.write("run\n")
    return 3.3 * x


def by_getattr(x):
    return getattr(helper, "method")() * x


def by_globals(x):
    return globals()["note"]() * x


def through_a_function(x):
    return as_a_default.__globals__["note"]() * x


def saved_by_numpy(x):
    x.tofile(FILE)
    note()
    return 3.3 * x


def formatted(x):
    return float(f"{Shown()}") * x


class Shown:
    def __str__(self):
        return str(note())


KINDS = [f for f in list(vars().values()) if isinstance(f, types.FunctionType)
         and f.__code__.co_varnames[:1] == ("x",) and f.__module__ == __name__]
