"""What a function of arrays finds around it must stay as it was when the function was recorded.

A program of arrays takes what it is given, and the Tensors from outside, anew in each call. All
else that the function can reach by name is part of the program: numbers, strings, flags such as
`training`, what lists and dicts hold, plain arrays. These are kept, and compared in each call.
"""

from __future__ import annotations

import abc
import array
import collections
import copy
import datetime
import decimal
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
from .outside import LIBRARIES, MISSING, PLAIN, get, references_in

__all__ = ["Surroundings"]

MOST_ENTRIES, MOST_BYTES = 4000, 1 << 20
"""So many entries, and bytes of arrays, are compared in each call; of more a program is refused."""

GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
CONSTANT = (*PLAIN, Node, type, tuple, frozenset, range, slice, np.dtype, re.Pattern,
            decimal.Decimal, datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo,
            property, types.ModuleType, types.FunctionType, types.MethodType, types.CellType,
            weakref.ReferenceType,
            types.MethodDescriptorType, types.WrapperDescriptorType, types.GetSetDescriptorType,
            types.MemberDescriptorType, types.MethodWrapperType, types.GenericAlias)
"""What doesn't change, or holds what is looked at by itself."""

MARKS = (object, type(threading.Lock()), type(threading.RLock()), type(vars(abc.ABC)["_abc_impl"]))
"""What has no contents of a user's."""


class Surroundings:
    """What some functions can reach: kept, to be compared.

    changing: for the id of an object's attributes the names of those that are set in each call.
    Raises `NotFollowedError` for what can't be watched.
    """

    def __init__(self, *functions: Any, changing: dict[int, tuple[str, ...]] | None = None) -> None:
        self.changing = changing or {}
        self.checks: list[Callable[[], bool]] = []
        self.generators: list[Any] = [np.random.mtrand._rand, random._inst]
        self._entries = self._bytes = 0
        self._classes: set[type] = set()
        self._dicts: list[tuple[Any, dict[Any, Any]]] = []
        self._lists: list[tuple[list[Any], list[Any]]] = []
        self._arrays: list[tuple[np.ndarray, np.ndarray]] = []
        self._states: list[Any] = []
        self._gone_through(functions)
        self.note_generators()

    def _gone_through(self, functions: Any) -> None:
        waiting, seen = list(functions), {id(f) for f in functions}
        while waiting:
            holder = waiting.pop()
            self._keep(holder)
            for _, _, thing in self._in(holder):
                if not isinstance(thing, PLAIN) and id(thing) not in seen:
                    seen.add(id(thing))
                    waiting.append(thing)

    def _in(self, holder: Any) -> Iterator[Any]:
        """What it holds; single entries of functions and objects with slots are noted at once."""
        leave = self.changing.get(id(holder), ())
        for container, key, thing in references_in(holder):
            if key in leave if isinstance(key, str) else False:
                continue
            if container is not holder or not isinstance(holder, dict | list | tuple | set):
                self._single(container, key, thing)
            yield container, key, thing

    def _single(self, container: Any, key: Any, thing: Any) -> None:
        """Note a global, a cell, an attribute without a dict."""
        if isinstance(container, dict):
            self._count(1)
            self.checks.append(lambda: _alike(container.get(key, MISSING), thing))
        elif isinstance(key, types.MemberDescriptorType) or isinstance(container, types.CellType):
            self._count(1)
            self.checks.append(lambda: _alike(get(container, key), thing))

    def _keep(self, x: Any) -> None:
        """Note a container's contents, an array's numbers, what an object's class has."""
        for base in (x if isinstance(x, type) else type(x)).__mro__:
            if base not in self._classes and base.__module__.partition(".")[0] not in LIBRARIES:
                self._classes.add(base)
                self._dicts.append((vars(base), dict(vars(base))))
        if isinstance(x, dict):
            self._count(len(x))
            leave = self.changing.get(id(x), ())
            if leave:
                kept = {key: v for key, v in x.items() if key not in leave}
                self.checks.append(lambda: _alike(
                    {key: v for key, v in x.items() if key not in leave}, kept))
            else:
                self._dicts.append((x, dict(x)))
        elif isinstance(x, list):
            self._count(len(x))
            self._lists.append((x, list(x)))
        elif isinstance(x, types.MappingProxyType):
            self._dicts.append((x, dict(x)))
        elif isinstance(x, set | collections.deque | bytearray | array.array):
            self._count(len(x))
            now = copy.copy(x)
            self.checks.append(lambda: x == now)
        elif isinstance(x, np.ndarray):
            self._keep_array(x)
        elif isinstance(x, GENERATORS):
            self.generators.append(x)
        elif hasattr(x, "__next__"):
            refuse(f"it can reach an iterator ({type(x).__name__}), which is used up")
        elif not _is_seen_through(x):
            refuse(f"it can reach a {type(x).__name__}, which can't be watched")

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
        try:
            for now, kept in self._dicts:
                if now != kept:
                    return False
            for listed, before in self._lists:
                if listed != before:
                    return False
        except (ValueError, TypeError):  # arrays or nodes that aren't the same ones any longer
            return False
        return (all([_same_bits(x, kept) for x, kept in self._arrays])
                and all([holds() for holds in self.checks]))

    def restore(self) -> None:
        """Put back what has been changed since."""
        for now, kept in self._dicts:
            if isinstance(now, dict) and now != kept:
                now.clear()
                now.update(kept)
        for listed, before in self._lists:
            listed[:] = before
        for held, numbers in self._arrays:
            if not _same_bits(held, numbers):
                held[...] = numbers
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
    if isinstance(x, CONSTANT) or hasattr(x, "__dict__") or type(x) in MARKS:
        return True
    return any([vars(kind).get("__slots__") for kind in type(x).__mro__])


def _alike(a: Any, b: Any) -> bool:
    """Whether two things are the same, or equal plain ones."""
    if a is b:
        return True
    try:
        return type(a) is type(b) and bool(a == b)
    except (ValueError, TypeError):
        return False


def _same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


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
