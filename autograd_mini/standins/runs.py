"""One run of a function as it is written: what it made, what it wrote to outside, what it did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ..graph import Node
from ..recording import following
from ..tensor import Tensor
from .buffers import Buffer, as_buffer, numbers, root_of
from .memory import Memory
from .twins import original

__all__ = ["Run", "computed", "current_run", "finished", "running", "seen"]


Given = dict[int, Node]
"""The nodes among the arguments, by their id: in a plain run they are numbers."""


class Run:
    """What must be known until the function has returned.

    `given` has the nodes among the arguments. `known` has the Buffer of each array from outside, so
    that an array has one Buffer and is itself to `is`. `made` has the containers and objects that
    were made inside, and `written` those from outside that something was stored in. `effects` says
    what the function did besides computing: it isn't run a second time then.
    """

    def __init__(self) -> None:
        self.known: dict[int, tuple[Any, Buffer]] = {}
        self.given: dict[int, Node] = {}
        self.memories: dict[int, Memory] = {}
        self.made: dict[int, Any] = {}
        self.written: dict[int, Any] = {}
        self.held: dict[int, Any] = {}
        self.namespaces: dict[int, Any] = {}
        self.cells: list[Any] = []
        self.effects: dict[str, None] = {}
        self.wrote_outside = False

    def tells(self, what: str) -> None:
        """The function did something besides computing."""
        self.effects[what] = None

    def seen(self, x: Any) -> Any:
        """The Buffer of an array of floats from outside; anything else as it is."""
        if (found := self.known.get(id(x))) is not None:
            return found[1]
        if type(x) is not np.ndarray or x.dtype.kind != "f":
            return x
        buffer = as_buffer(x)
        if type(buffer) is Buffer:
            root = root_of(x)
            buffer.memory = self.memories.setdefault(id(root), buffer.memory)
            buffer.memory.on_write = self._written_outside
            self.known[id(x)] = (x, buffer)
        return buffer

    def within(self, x: Any) -> Any:
        """x with the Buffers of the arrays from outside in nested lists, once one was written to.
        """
        if self.wrote_outside and type(x) in (list, tuple):
            return type(x)(map(self.within, x))
        if self.wrote_outside and type(x) is dict:
            return {key: self.within(v) for key, v in x.items()}
        return self.seen(x)

    def _written_outside(self) -> None:
        self.wrote_outside = True
        self.effects["it writes to an array from outside"] = None

    def argument(self, x: Any) -> Any:
        """An argument of the function: nodes in the place of arrays become Buffers as well."""
        if isinstance(x, Node):
            self.given[id(x)] = x
        if type(x) is Tensor and x.value.ndim and id(x) not in self.known:
            self.known[id(x)] = (x, Buffer(x))
        elif type(x) in (list, tuple):
            for entry in x:
                self.argument(entry)
        elif type(x) is dict:
            for entry in x.values():
                self.argument(entry)
        return self.seen(x)

    def writes(self, thing: Any, what: str) -> None:
        """Something is stored in a container or an object."""
        if id(thing) not in self.made:
            self.written[id(thing)] = thing
            self.effects[what] = None

    def names(self, f: Any, stored: frozenset[str]) -> None:
        """The function assigns to these names outside of it: global ones, and of its closure."""
        _, others = self.namespaces.get(id(f.__globals__), (None, frozenset()))
        self.namespaces[id(f.__globals__)] = f.__globals__, stored | others
        free = zip(f.__code__.co_freevars, f.__closure__ or (), strict=True)
        self.cells += [cell for name, cell in free if name in stored]
        self.effects["it assigns to a name outside of it"] = None

    def holds(self, thing: Any) -> None:
        """Something from outside may be changed, or what it holds, in a way that isn't seen."""
        if id(thing) not in self.made:
            self.held[id(thing)] = thing

    def make(self, thing: Any) -> Any:
        """A container or an object was made inside; it is held, so that its id stays its own."""
        self.made[id(thing)] = thing
        return thing

    def leave_plain(self) -> None:
        """Let what was written outside hold plain numbers, as after a plain run."""
        given = self.given
        for thing in self.made.values():
            if original(type(thing)) is not type(thing):
                object.__setattr__(thing, "__class__", original(type(thing)))
            if not isinstance(thing, list | dict | set | tuple):
                _leave_plain(thing, given)  # it may be kept outside
        for thing in self.written.values():
            _leave_plain(thing, given)
        done: set[int] = set()
        for thing in self.held.values():
            _leave_all_plain(thing, given, done)
        for space, names in self.namespaces.values():
            for name in names & space.keys():
                space[name] = finished(space[name], given)
        for cell in self.cells:
            cell.cell_contents = finished(cell.cell_contents, given)


def _leave_plain(thing: Any, given: Given) -> None:
    """Let a container, or an object with its attributes, hold plain numbers."""
    if isinstance(thing, set):
        changed = [x for x in thing if finished(x, given) is not x]
        thing.difference_update(changed)
        thing.update([finished(x, given) for x in changed])
    elif isinstance(thing, list):
        thing[:] = [finished(x, given) for x in thing]
    elif isinstance(thing, dict):
        thing.update({k: finished(x, given) for k, x in thing.items()})
    else:
        for name in _attributes(thing):
            x = getattr(thing, name)
            if finished(x, given) is not x:
                object.__setattr__(thing, name, finished(x, given))


def _attributes(thing: Any) -> list[str]:
    """The names that the object itself has, in its `__dict__` or in slots."""
    slots = [n for kind in type(thing).__mro__ for n in np.atleast_1d(
        getattr(kind, "__slots__", [])).tolist() if isinstance(n, str) and hasattr(thing, n)]
    return [*getattr(thing, "__dict__", {}), *slots]


def _leave_all_plain(thing: Any, given: Given, done: set[int]) -> None:
    """The same for all that is held by it, however deep."""
    if id(thing) in done:
        return
    done.add(id(thing))
    _leave_plain(thing, given)
    held = thing if isinstance(thing, list | set) else thing.values() if isinstance(
        thing, dict) else getattr(thing, "__dict__", {}).values()
    for x in list(held):
        if isinstance(x, list | dict | set) or (
                hasattr(x, "__dict__") and not isinstance(x, type | ModuleType | FunctionType)):
            _leave_all_plain(x, given, done)


def finished(x: Any, given: Given) -> Any:
    """x with plain numbers for Buffers and computed nodes; x itself if there are none inside.

    A leaf that the function got from elsewhere, as a parameter of a model, stays what it is.
    """
    if type(x) is Buffer or (isinstance(x, Node) and (x.op is not None or id(x) in given)):
        return np.array(x.array) if type(x) is Buffer and x.memory is None else numbers(x)
    if type(x) in (list, tuple):
        entries = [finished(v, given) for v in x]
        same = all([a is b for a, b in zip(entries, x, strict=True)])
        return x if same else type(x)(entries)
    if type(x) is dict:
        named = {k: finished(v, given) for k, v in x.items()}
        return x if all([named[k] is v for k, v in x.items()]) else named
    return x


current_run = following.get
"""The run that is going on, or None."""


@contextmanager
def running() -> Iterator[Run]:
    """A `with` block that is one run; whatever it wrote outside is plain at the end."""
    run = Run()
    token = following.set(run)
    try:
        yield run
    finally:
        following.reset(token)
        run.leave_plain()


def computed(x: Any) -> Any:
    """What an operator has made of arrays of whole numbers or truths: a Buffer, if it is floats."""
    kind = type(x)
    if kind is np.ndarray or kind is Tensor:
        run = following.get()
        if run is not None and (found := run.known.get(id(x))) is not None:
            return found[1]
        return x if run is None else as_buffer(x)
    return x


def seen(x: Any) -> Any:
    """An array of floats that was read from outside, as a Buffer; anything else as it is."""
    kind = type(x)
    if kind is np.ndarray or kind is Tensor:
        run = following.get()
        return x if run is None else run.seen(x)
    return x
