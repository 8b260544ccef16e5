"""Whether things are as they were, to the bit, and how what was changed is put back."""

from __future__ import annotations

import contextlib
import copy
import operator
import pickle
import types
from itertools import chain
from typing import Any

import numpy as np

from .array_recorder import same
from .outside import MISSING, is_plain

__all__ = ["Contents", "Generators", "alike", "put_containers_back", "put_entry",
           "put_objects_back", "same_entries", "same_things", "set_slot"]

is_ = operator.is_


def alike(a: Any, b: Any) -> bool:
    """Whether two things are the same, or plain ones that can't be told apart."""
    if a is b:
        return True
    if type(a) is not type(b) or not is_plain(a) or isinstance(a, types.CodeType):
        return False
    return same(a, b) if isinstance(a, float | complex | np.generic) else bool(a == b)


def same_things(now: Any, kept: Any) -> bool:
    """Whether a list holds the same things, in the same order."""
    return len(now) == len(kept) and (
        all(map(is_, now, kept)) or all(map(alike, now, kept)))


def same_entries(now: Any, kept: dict[Any, Any]) -> bool:
    """Whether a dict has the same things under the same keys, in the same order."""
    return same_things(now, kept) and same_things(now.values(), kept.values())


class Contents:
    """What dicts and lists hold, to be compared at once: one by one takes ten times as long.

    False may mean that something is only equal to what was there before.
    """

    def __init__(self, dicts: list[Any], lists: list[Any]) -> None:
        self._keys = [d.keys() for d in dicts]
        self._things = [*[d.values() for d in dicts], *lists]  # views, which show what there is
        self._sizes = list(map(len, self._things))
        self._names = list(chain.from_iterable(self._keys))
        self._held = list(chain.from_iterable(self._things))
        self._usable = all([type(name) is str for name in self._names])

    def are_the_same(self) -> bool:
        """Whether they are the very same things, under the same names, in the same order."""
        return (self._usable and list(map(len, self._things)) == self._sizes
                and list(chain.from_iterable(self._keys)) == self._names
                and all(map(is_, chain.from_iterable(self._things), self._held)))


def put_objects_back(objects: list[tuple[Any, type, Any, str]]) -> None:
    """Give objects their class and their dict again, and classes those that they inherit from."""
    for x, kind, held, name in objects:
        with contextlib.suppress(Exception):
            if type(x) is not kind:
                x.__class__ = kind
            if getattr(x, name, None) is not held:
                setattr(x, name, held)


def put_containers_back(dicts: Any, lists: Any, arrays: Any) -> None:
    """Give dicts, lists, sets and arrays what they held: (it, what), of dicts (it, what, whose)."""
    for now, kept, owner in dicts:
        with contextlib.suppress(Exception):
            if not same_entries(now, kept):
                put_back(owner, kept)
    for listed, before in lists:
        if not same_things(listed, before):
            listed.clear()
            (listed.update if isinstance(listed, set) else listed.extend)(before)
    for array, numbers in arrays:
        with contextlib.suppress(Exception):  # it may have another shape, or be locked
            if not same(array, numbers):
                array[...] = numbers


def put_entry(space: dict[Any, Any], key: Any, thing: Any) -> None:
    """Give a dict an entry that it had, or take away one that it hadn't."""
    if thing is MISSING:
        space.pop(key, None)
    else:
        space[key] = thing


def set_slot(slot: Any, x: Any, thing: Any) -> None:
    """Put into a slot of x what was there, or nothing."""
    if thing is MISSING:
        slot.__delete__(x)
    else:
        slot.__set__(x, thing)


def put_back(x: Any, kept: dict[Any, Any]) -> None:
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


class Generators:
    """Generators of random numbers, and how far they had come."""

    def __init__(self, generators: list[Any]) -> None:
        self.all, self._states = generators, list[Any]()

    def note(self) -> None:
        """Forget what was drawn so far."""
        self._states = list(map(_state, self.all))

    def drew(self) -> bool:
        """Whether random numbers were drawn since."""
        return any([pickle.dumps(_state(generator)) != pickle.dumps(state)
                    for generator, state in zip(self.all, self._states, strict=True)])

    def put_back(self) -> None:
        """Undraw them."""
        if self.drew():
            for generator, state in zip(self.all, self._states, strict=True):
                _set_state(generator, state)


def _state(generator: Any) -> Any:
    """How far a generator of random numbers has come."""
    if isinstance(generator, np.random.Generator):
        return copy.deepcopy(generator.bit_generator.state)
    return generator.get_state() if isinstance(generator, np.random.RandomState) else (
        generator.getstate())


def _set_state(generator: Any, state: Any) -> None:
    """Put a generator of random numbers back to where it was."""
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    else:
        generator.setstate(state)
