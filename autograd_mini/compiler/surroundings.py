"""What a function of arrays finds around it must stay as it was when the function was recorded.

A program of arrays takes what it is given, and the Tensors from outside, anew in each call. All
else that the function can reach by name is part of the program: numbers, strings, flags such as
`training`, what lists and dicts hold, plain arrays. These are kept, and compared in each call.
"""

from __future__ import annotations

import abc
import collections
import contextlib
import datetime
import decimal
import enum
import functools
import random
import re
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..followed import refuse
from ..graph import Node
from .array_recorder import same
from .outside import MISSING, get, is_of_library, is_plain, modules_named, references_in
from .putting_back import (
    Contents,
    Generators,
    alike,
    put_containers_back,
    put_entry,
    put_objects_back,
    same_entries,
    same_things,
    set_slot,
)
from .reads import STATE, globals_read, is_harmless, modules_read

__all__ = ["Surroundings"]

MOST_ENTRIES, MOST_BYTES = 4000, 1 << 20
"""So many entries, and bytes of arrays, are compared in each call; of more a program is refused."""

GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
_Named = collections.namedtuple("_Named", "x")
CONSTANT = (Node, type, tuple, frozenset, range, slice, np.dtype, re.Pattern, datetime.date,
            datetime.time, datetime.timedelta, datetime.tzinfo, property, types.ModuleType,
            types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.CellType,
            weakref.ReferenceType, types.MethodDescriptorType, types.WrapperDescriptorType,
            types.GetSetDescriptorType, types.MemberDescriptorType, types.MethodWrapperType,
            types.GenericAlias, type(vars(_Named)["x"]))
"""What doesn't change, or holds what is looked at by itself."""

CONTAINERS = (dict, list, set, tuple, collections.deque)
MARKS = (object, type(threading.Lock()), type(threading.RLock()), type(vars(abc.ABC)["_abc_impl"]))
"""What has no contents of a user's."""

OPEN = (object, types.SimpleNamespace, functools.partial, staticmethod, classmethod,
        str, bytes, int, float, complex, enum.Enum)
"""Classes whose objects can be seen through, or have something in them that never changes."""

CONTENTS = vars(types.CellType)["cell_contents"]


class Surroundings:
    """What some functions, and objects that they are given, can reach: kept, to be compared.

    changing: for the id of an object's attributes the names of those that are set in each call.
    watched: whether code of a user's is called, which may draw random numbers.
    Raises `NotFollowedError` for what can't be watched.
    """

    def __init__(self, *roots: Any, changing: dict[int, tuple[str, ...]] | None = None,
                 watched: bool = True) -> None:
        self.changing, self.watched = changing or {}, watched
        self.checks: list[Callable[[], bool]] = []
        self.puts: list[Callable[[], object]] = []  # what puts back what a check is about
        self.generators = Generators([np.random.mtrand._rand, random._inst] if watched else [])
        self._entries = self._bytes = 0
        self._watched: set[Any] = set()  # classes and modules
        self._dicts: list[tuple[Any, dict[Any, Any], Any]] = []  # or of a class, and it
        self._lists: list[tuple[Any, list[Any]]] = []
        self._arrays: list[tuple[np.ndarray, np.ndarray]] = []
        self.objects: list[tuple[Any, type, Any, str]] = []  # (x, its class, an attribute, which)
        self._nodes: list[tuple[Node, Any, Any]] = []  # and what they held; read in each call
        self._gone_through(roots)
        self.generators.note()
        self.contents = Contents([d for d, _, _ in self._dicts], [x for x, _ in self._lists])

    def _gone_through(self, roots: Any) -> None:
        waiting, seen = [x for x in roots if not is_plain(x)], {id(x) for x in roots}
        while waiting:
            holder = waiting.pop()
            self._keep(holder)
            for thing in self._in(holder):
                if type(thing) is types.BuiltinFunctionType and not is_harmless(_where(thing)):
                    refuse(f"it can reach {thing.__name__}, which isn't of its arguments")
                if not is_plain(thing) and id(thing) not in seen:
                    seen.add(id(thing))
                    waiting.append(thing)

    def _in(self, holder: Any) -> Iterator[Any]:
        """What it holds; single entries of functions and objects with slots are noted at once."""
        leave = self.changing.get(id(holder), ())
        if isinstance(holder, types.FunctionType) and not is_of_library(holder):
            self._keep_reads(holder)
        for container, key, thing in references_in(holder):
            if isinstance(key, str) and key in leave:
                continue
            if container is not holder or not isinstance(holder, CONTAINERS):
                self._single(container, key, thing)
            yield thing

    def _keep_reads(self, f: types.FunctionType) -> None:
        """Note the modules that a function names, what it reads of them, and globals that miss."""
        for module in modules_named(f):
            if module not in self._watched:
                self._watched.add(module)
                if "__getattr__" in vars(module):
                    refuse(f"the module {module.__name__} makes its attributes when they are read")
                self._keep_dict(vars(module))
        for name in globals_read(f.__code__):
            if name not in f.__globals__:
                self._single(f.__globals__, name, MISSING)
        self._keep_dict(vars(f))
        for where, name in modules_read(f):
            space = vars(sys.modules.get(where, types))
            thing = space.get(name, MISSING)
            if not is_of_library(sys.modules.get(where, f)) or thing is MISSING:
                continue
            if _tells(where, name, thing):
                refuse(f"{f.__name__} reads {where}.{name}, which can't be watched")
            self._single(space, name, thing)

    def _single(self, container: Any, key: Any, thing: Any) -> None:
        """Note a global, a cell, an attribute without a dict, what a function has."""
        if isinstance(container, dict):
            self._note(lambda: container.get(key, MISSING), lambda x: put_entry(container, key, x),
                       thing)
        elif isinstance(container, types.CellType):
            self._note(lambda: get(container, key),
                       lambda x: set_slot(CONTENTS, container, x), thing)
        elif isinstance(key, types.MemberDescriptorType):
            if thing is not MISSING or not is_of_library(key.__objclass__):  # which may cache there
                self._note(lambda: get(container, key),
                           lambda x: set_slot(key, container, x), thing)
        elif isinstance(container, types.FunctionType) and isinstance(key, str):
            self._note(lambda: getattr(container, key), lambda x: setattr(container, key, x), thing)

    def _note(self, now: Callable[[], Any], put: Callable[[Any], object], thing: Any) -> None:
        self._count(1)
        self.checks.append(lambda: alike(now(), thing))
        self.puts.append(lambda: None if now() is thing else put(thing))

    def _keep(self, x: Any) -> None:
        """Note a container's contents, an array's numbers, what an object's class has."""
        kind = type(x)
        if self.watched:
            self._keep_kind(x, kind)
        for base in (*kind.__mro__, *type(kind).__mro__, *getattr(x, "__mro__", ())):
            if base not in self._watched and (
                    not is_of_library(base) or base.__module__.startswith("autograd_mini.nn")):
                self._watched.add(base)
                self._dicts.append((vars(base), dict(vars(base)), base))
        if isinstance(x, Node) and self.watched:
            self._note(lambda: x.label, lambda label: setattr(x, "label", label), x.label)
            self._nodes.append((x, x.value, x.gradient))
        if isinstance(x, collections.defaultdict):
            factory = x.default_factory
            self._note(lambda: x.default_factory, lambda to: setattr(x, "default_factory", to),
                       factory)
        _refuse_kinds(x, kind)
        if isinstance(x, dict | types.MappingProxyType):
            self._keep_dict(x)
        elif isinstance(x, list | set | collections.deque):
            self._count(len(x))
            self._lists.append((x, list(x)))
        elif isinstance(x, np.ndarray):
            self._keep_array(x)
        elif isinstance(x, GENERATORS):
            if self.watched:
                self.generators.all.append(x)
        elif isinstance(x, types.FunctionType) and not is_of_library(x):
            self._note(lambda: x.__code__, lambda code: setattr(x, "__code__", code), x.__code__)
        elif hasattr(kind, "__next__"):
            refuse(f"it can reach an iterator ({kind.__name__}), which is used up")
        elif not _is_seen_through(x):
            refuse(f"it can reach a {kind.__name__}, which can't be watched")

    def _keep_kind(self, x: Any, kind: type) -> None:
        """Note what an object of a user's class is, and where its attributes are."""
        if isinstance(x, type):
            if not is_of_library(x):
                self.objects.append((x, kind, x.__bases__, "__bases__"))
        elif not is_of_library(kind) and not isinstance(x, Node):
            self.objects.append((x, kind, getattr(x, "__dict__", None), "__dict__"))

    def _keep_dict(self, x: Any) -> None:
        self._count(len(x))
        leave = self.changing.get(id(x), ())
        if not leave:
            self._dicts.append((x, dict(x), x))
            return

        def now() -> dict[Any, Any]:
            return {key: v for key, v in x.items() if key not in leave}

        kept = now()
        self.checks.append(lambda: same_entries(now(), kept))
        self.puts.append(lambda: None if same_entries(now(), kept) else x.update(kept))

    def _keep_array(self, x: np.ndarray) -> None:
        if x.dtype.kind not in "fiubSU" or type(x) is not np.ndarray:
            refuse(f"it can reach an array of {x.dtype}, which can't be watched")
        self._bytes += x.nbytes
        if self._bytes > MOST_BYTES:
            refuse(f"it can reach more than {MOST_BYTES >> 20} MB of plain arrays, which would be "
                   "compared in each call: give them as arguments, or as Tensors")
        self._arrays.append((x, x.copy()))

    def _count(self, n: int) -> None:
        self._entries += n
        if self._entries > MOST_ENTRIES:
            refuse(f"it can reach more than {MOST_ENTRIES} things, which would be compared in "
                   "each call: give it less to hold")

    def unchanged(self) -> bool:
        """Whether all is as it was."""
        if not (self.contents.are_the_same() or (
                all([same_entries(now, kept) for now, kept, _ in self._dicts])
                and all([same_things(listed, before) for listed, before in self._lists]))):
            return False
        for x, kind, held, name in self.objects:
            if type(x) is not kind or getattr(x, name, None) is not held:
                return False
        return (all([same(x, kept) for x, kept in self._arrays])
                and all([holds() for holds in self.checks]))

    def nodes_unchanged(self) -> bool:
        """Whether nodes hold what they held when this was made: a function may not store in them.
        """
        return all([same(x.value, value) and x.gradient is g for x, value, g in self._nodes])

    def restore(self) -> None:
        """Put back what has been changed since, as far as it can be."""
        put_objects_back(self.objects)
        for node, value, gradient in self._nodes:
            node.value, node.gradient = value, gradient
        put_containers_back(self._dicts, self._lists, self._arrays)
        for put in self.puts:
            with contextlib.suppress(Exception):
                put()
        self.generators.put_back()


def _refuse_kinds(x: Any, kind: type) -> None:
    """Refuse what has more to it than a thing of its kind shows."""
    if isinstance(x, CONTAINERS) and kind.__module__ not in ("builtins", "collections") and (
            hasattr(x, "__dict__") or not isinstance(x, tuple)):  # but for a named tuple
        refuse(f"it can reach a {kind.__name__}, a container of a kind of its own")
    if isinstance(x, Node | np.ndarray) and getattr(x, "__dict__", None) is not None:
        refuse(f"it can reach a {kind.__name__}, an array of a kind of its own")
    if isinstance(x, types.ModuleType) and not is_of_library(x):
        refuse(f"it can reach the module {x.__name__} by another way than its name, which can't be "
               "watched")
    if issubclass(kind, weakref.ReferenceType) or kind in weakref.ProxyTypes:
        refuse("it can reach a weak reference")  # and what it leads to would be kept alive
    if isinstance(x, decimal.Decimal) or x is decimal.Decimal:
        refuse("it can reach a Decimal, whose arithmetic depends on a context")


def _is_seen_through(x: Any) -> bool:
    """Whether all that an object is can be seen: its attributes, or that it never changes."""
    return isinstance(x, CONSTANT) or type(x) in MARKS or all(
        [kind in OPEN or _is_of_python(kind) for kind in type(x).__mro__])


def _is_of_python(kind: type) -> bool:
    """Whether a class is written in Python, so that a dict and slots are all that it has.

    Classes in C are mostly static, or can't be changed: these are bits of `PyTypeObject.tp_flags`.
    """
    return bool(kind.__flags__ & 1 << 9) and not kind.__flags__ & 1 << 8


def _tells(where: str, name: str, thing: Any) -> bool:
    """Whether an attribute of a library's module tells what may be another thing next time."""
    package = where.partition(".")[0]
    if package == "numpy" and name in STATE:
        return True
    if is_harmless(where) or isinstance(thing, types.ModuleType | types.FunctionType):
        return False  # a function's calls are watched
    if isinstance(thing, type | types.BuiltinFunctionType):
        return not is_harmless(_where(thing))
    return not is_plain(thing)


def _where(x: Any) -> str:
    """The module of a function in C or of a class."""
    of = getattr(x, "__self__", None)
    kind = of if isinstance(of, type) else type(of)
    module = getattr(x, "__module__", None)
    return str(module if module is not None else kind.__module__)
