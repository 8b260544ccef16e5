"""What a function of arrays finds around it must stay as it was when the function was recorded.

A program of arrays takes what it is given, and the Tensors from outside, anew in each call. All
else that the function can reach by name is part of the program: numbers, strings, flags such as
`training`, what lists and dicts hold, plain arrays. These are kept, and compared in each call.
"""

from __future__ import annotations

import abc
import collections
import copy
import datetime
import decimal
import functools
import operator
import pickle
import random
import re
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..followed import refuse
from ..graph import Node
from .array_recorder import same
from .outside import MISSING, PLAIN, get, is_of_library, modules_named, references_in

__all__ = ["Surroundings"]

MOST_ENTRIES, MOST_BYTES = 4000, 1 << 20
"""So many entries, and bytes of arrays, are compared in each call; of more a program is refused."""

GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
_Named = collections.namedtuple("_Named", "x")
CONSTANT = (*PLAIN, Node, type, tuple, frozenset, range, slice, np.dtype, re.Pattern,
            decimal.Decimal, datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo,
            property, types.ModuleType, types.FunctionType, types.MethodType, types.CellType,
            weakref.ReferenceType,
            types.MethodDescriptorType, types.WrapperDescriptorType, types.GetSetDescriptorType,
            types.MemberDescriptorType, types.MethodWrapperType, types.GenericAlias,
            type(vars(_Named)["x"]))
"""What doesn't change, or holds what is looked at by itself."""

CONTAINERS = (dict, list, set, tuple, collections.deque)
MARKS = (object, type(threading.Lock()), type(threading.RLock()), type(vars(abc.ABC)["_abc_impl"]))
"""What has no contents of a user's."""

OPEN = (object, types.SimpleNamespace, functools.partial, type(functools.lru_cache(len)),
        staticmethod, classmethod)
"""Classes in C whose objects can be seen through."""

is_ = operator.is_
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
        self.generators: list[Any] = [np.random.mtrand._rand, random._inst] if watched else []
        self._entries = self._bytes = 0
        self._watched: set[Any] = set()  # classes and modules
        self._dicts: list[tuple[Any, dict[Any, Any], Any]] = []  # or of a class, and it
        self._lists: list[tuple[Any, list[Any]]] = []
        self._arrays: list[tuple[np.ndarray, np.ndarray]] = []
        self._states: list[Any] = []
        self._gone_through(roots)
        self.note_generators()

    def _gone_through(self, roots: Any) -> None:
        waiting, seen = list(roots), {id(x) for x in roots}
        while waiting:
            holder = waiting.pop()
            self._keep(holder)
            for thing in self._in(holder):
                if not isinstance(thing, PLAIN) and id(thing) not in seen:
                    seen.add(id(thing))
                    waiting.append(thing)

    def _in(self, holder: Any) -> Iterator[Any]:
        """What it holds; single entries of functions and objects with slots are noted at once."""
        leave = self.changing.get(id(holder), ())
        if isinstance(holder, types.FunctionType):
            for module in modules_named(holder):
                if module not in self._watched:
                    self._watched.add(module)
                    self._keep_dict(vars(module))
        for container, key, thing in references_in(holder):
            if isinstance(key, str) and key in leave:
                continue
            if container is not holder or not isinstance(holder, CONTAINERS):
                self._single(container, key, thing)
            yield thing

    def _single(self, container: Any, key: Any, thing: Any) -> None:
        """Note a global, a cell, an attribute without a dict, what a function has."""
        if isinstance(container, dict):
            self._note(lambda: container.get(key, MISSING), lambda x: container.update({key: x}),
                       thing)
        elif isinstance(container, types.CellType):
            self._note(lambda: get(container, key), lambda x: _set(CONTENTS, container, x), thing)
        elif isinstance(key, types.MemberDescriptorType):
            if thing is not MISSING or not is_of_library(key.__objclass__):  # which may cache there
                self._note(lambda: get(container, key), lambda x: _set(key, container, x), thing)
        elif isinstance(container, types.FunctionType) and isinstance(key, str):
            self._note(lambda: getattr(container, key), lambda x: setattr(container, key, x), thing)

    def _note(self, now: Callable[[], Any], put: Callable[[Any], object], thing: Any) -> None:
        self._count(1)
        self.checks.append(lambda: _alike(now(), thing))
        self.puts.append(lambda: None if now() is thing else put(thing))

    def _keep(self, x: Any) -> None:
        """Note a container's contents, an array's numbers, what an object's class has."""
        kind = type(x)
        for base in (*kind.__mro__, *type(kind).__mro__, *getattr(x, "__mro__", ())):
            if base not in self._watched and (
                    not is_of_library(base) or base.__module__.startswith("autograd_mini.nn")):
                self._watched.add(base)
                self._dicts.append((vars(base), dict(vars(base)), base))
        if isinstance(x, Node) and self.watched:
            self._note(lambda: x.label, lambda label: setattr(x, "label", label), x.label)
        if isinstance(x, CONTAINERS) and kind.__module__ not in ("builtins", "collections") and (
                hasattr(x, "__dict__") or not isinstance(x, tuple)):  # but for a named tuple
            refuse(f"it can reach a {kind.__name__}, a container of a kind of its own")
        if isinstance(x, types.ModuleType) and not is_of_library(x):
            refuse(f"it can reach the module {x.__name__} by another way than its name, which "
                   "can't be watched")
        if isinstance(x, dict | types.MappingProxyType):
            self._keep_dict(x)
        elif isinstance(x, list | set | collections.deque):
            self._count(len(x))
            self._lists.append((x, list(x)))
        elif isinstance(x, np.ndarray):
            self._keep_array(x)
        elif isinstance(x, GENERATORS):
            if self.watched:
                self.generators.append(x)
        elif isinstance(x, types.FunctionType) and not is_of_library(x):
            self._note(lambda: x.__code__, lambda code: setattr(x, "__code__", code), x.__code__)
        elif hasattr(kind, "__next__"):
            refuse(f"it can reach an iterator ({kind.__name__}), which is used up")
        elif not _is_seen_through(x):
            refuse(f"it can reach a {kind.__name__}, which can't be watched")

    def _keep_dict(self, x: Any) -> None:
        self._count(len(x))
        leave = self.changing.get(id(x), ())
        if not leave:
            self._dicts.append((x, dict(x), x))
            return

        def now() -> dict[Any, Any]:
            return {key: v for key, v in x.items() if key not in leave}

        kept = now()
        self.checks.append(lambda: _same_entries(now(), kept))
        self.puts.append(lambda: None if _same_entries(now(), kept) else x.update(kept))

    def _keep_array(self, x: np.ndarray) -> None:
        if x.dtype.kind not in "fiubSU":
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
        for now, kept, _ in self._dicts:
            if len(now) == len(kept) and all(map(is_, now, kept)) and (
                    all(map(is_, now.values(), kept.values()))):
                continue  # nearly always
            if not _same_entries(now, kept):
                return False
        for listed, before in self._lists:
            if not _same_things(listed, before):
                return False
        return (all([same(x, kept) for x, kept in self._arrays])
                and all([holds() for holds in self.checks]))

    def restore(self) -> None:
        """Put back what has been changed since."""
        for now, kept, owner in self._dicts:
            if not _same_entries(now, kept):
                _put_back(owner, kept)
        for listed, before in self._lists:
            if not _same_things(listed, before):
                listed.clear()
                (listed.update if isinstance(listed, set) else listed.extend)(before)
        for held, numbers in self._arrays:
            if not same(held, numbers):
                held[...] = numbers
        for put in self.puts:
            put()
        if self.drew():
            for generator, state in zip(self.generators, self._states, strict=True):
                _set_state(generator, state)

    def note_generators(self) -> None:
        """Forget what was drawn so far."""
        self._states = [_state(generator) for generator in self.generators]

    def drew(self) -> bool:
        """Whether random numbers were drawn since."""
        return any([pickle.dumps(_state(g)) != pickle.dumps(state)
                    for g, state in zip(self.generators, self._states, strict=True)])


def _is_seen_through(x: Any) -> bool:
    """Whether all that an object is can be seen: its attributes, or that it never changes."""
    return isinstance(x, CONSTANT) or type(x) in MARKS or all(
        [kind in OPEN or _is_of_python(kind) for kind in type(x).__mro__])


def _is_of_python(kind: type) -> bool:
    """Whether a class is written in Python, so that a dict and slots are all that it has.

    Classes in C are mostly static, or can't be changed: these are bits of `PyTypeObject.tp_flags`.
    """
    return bool(kind.__flags__ & 1 << 9) and not kind.__flags__ & 1 << 8


def _alike(a: Any, b: Any) -> bool:
    """Whether two things are the same, or plain ones that can't be told apart."""
    if a is b:
        return True
    if type(a) is not type(b) or not isinstance(a, PLAIN) or isinstance(a, types.CodeType):
        return False
    return same(a, b) if isinstance(a, float | complex | np.generic) else bool(a == b)


def _same_things(now: Any, kept: Any) -> bool:
    """Whether a list holds the same things, in the same order."""
    return len(now) == len(kept) and (
        all(map(is_, now, kept)) or all(map(_alike, now, kept)))


def _same_entries(now: Any, kept: dict[Any, Any]) -> bool:
    """Whether a dict has the same things under the same keys, in the same order."""
    return _same_things(now, kept) and _same_things(now.values(), kept.values())


def _set(slot: Any, x: Any, thing: Any) -> None:
    """Put into a slot of x what was there, or nothing."""
    if thing is MISSING:
        slot.__delete__(x)
    else:
        slot.__set__(x, thing)


def _put_back(x: Any, kept: dict[Any, Any]) -> None:
    """Give a dict what it had, or a class the attributes that it had."""
    of_class = isinstance(x, type)
    now = vars(x) if of_class else x
    for key in [key for key in now if key not in kept]:
        delattr(x, key) if of_class else x.pop(key)
    for key, thing in kept.items():
        if now.get(key, MISSING) is not thing:
            setattr(x, key, thing) if of_class else x.update({key: thing})
    if not of_class and [*x] != [*kept]:  # in this order
        x.clear()
        x.update(kept)


def _state(generator: Any) -> Any:
    """How far a generator of random numbers has come."""
    if isinstance(generator, np.random.Generator):
        return copy.deepcopy(generator.bit_generator.state)
    return generator.get_state() if isinstance(generator, np.random.RandomState) else (
        generator.getstate())


def _set_state(generator: Any, state: Any) -> None:
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    else:
        generator.setstate(state)
