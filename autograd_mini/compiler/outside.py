"""Where a function finds the Values that it doesn't get as arguments, and whether it still does.

A program is its function only as long as the function would find the same nodes again. So when
it is recorded, all is gone through that the function can reach by name: what it closes over, its
globals, defaults and object, the functions it calls, and in these the attributes, lists, tuples,
dicts and arrays of objects. The way from there to each node that was used is kept, and looked at
again in each call: what was replaced, added or deleted on it means that the recording is no
longer the function's. No reference is counted.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..graph import Node

__all__ = ["Places", "reachable"]

MOST = 200_000
"""So many objects are gone through; a node beyond counts as not found."""
NOTHING = object()
LIBRARIES = ("autograd_mini", "builtins", "math", "numpy", "scipy", "numba")
"""Packages whose functions and modules hold no Values of a user's."""
PLAIN = (str, bytes, int, float, complex, type(None), np.generic, type(...), np.ufunc,
         types.BuiltinFunctionType, types.CodeType)

Link = tuple[Any, Any, Any]
"""(what holds it, under which key, what)."""


def reachable(function: Any) -> dict[int, list[Link]]:
    """For each object that the function can reach by name, where it is held, by its id."""
    held: dict[int, list[Link]] = {id(function): []}
    waiting = [function]
    while waiting and len(held) < MOST:
        holder = waiting.pop()
        for container, key, thing in _links(holder):
            if isinstance(thing, PLAIN):
                continue
            if id(thing) not in held:
                held[id(thing)] = []
                waiting.append(thing)
            held[id(thing)].append((container, key, thing))
    return held


def _links(x: Any) -> Iterator[Link]:
    """What x holds, each with its place."""
    if isinstance(x, Node | types.ModuleType):
        return
    if isinstance(x, type):
        yield from _of_class(x)
    elif isinstance(x, types.FunctionType):
        yield from _of_function(x)
    elif isinstance(x, types.MethodType | functools.partial):
        for name in ("__self__", "__func__", "func", "args", "keywords"):
            if hasattr(x, name):
                yield x, name, getattr(x, name)
    elif isinstance(x, types.CellType):
        yield x, "cell_contents", _get(x, "cell_contents")
    elif isinstance(x, dict):
        yield from [(x, key, value) for key, value in list(x.items())]
    elif isinstance(x, np.ndarray) and x.dtype == object and not x.ndim:
        yield x, (), x[()]
    elif isinstance(x, list | tuple) or (isinstance(x, np.ndarray) and x.dtype == object):
        yield from [(x, i, value) for i, value in enumerate(x)]
    elif isinstance(x, set | frozenset):
        yield from [(x, value, value) for value in x]
    elif not isinstance(x, np.ndarray):
        yield from _of_object(x)


def _of_object(x: Any) -> Iterator[Link]:
    """Its attributes, its class's, and the methods of the class."""
    attributes = getattr(x, "__dict__", None)
    if type(x).__name__ == "Program" and isinstance(attributes, dict):
        yield attributes, "function", attributes["function"]
        return
    if isinstance(attributes, dict):
        yield x, "__dict__", attributes
    for kind in type(x).__mro__:
        for name, thing in list(vars(kind).items()):
            if isinstance(thing, types.MemberDescriptorType):  # a slot
                yield x, name, _get(x, name)
    yield from _of_class(type(x))


def _of_class(kind: type) -> Iterator[Link]:
    """The methods and attributes of a class and of those that it inherits from."""
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] not in LIBRARIES:
            yield from [(base, name, _unwrapped(thing)) for name, thing in list(
                vars(base).items()) if name not in ("__dict__", "__weakref__", "__doc__")]


def _of_function(f: types.FunctionType) -> Iterator[Link]:
    """What it closes over, its defaults, and the globals that it names, itself or further in."""
    for cell in f.__closure__ or ():
        yield f, cell, cell
    for name in ("__defaults__", "__kwdefaults__", "__wrapped__", "__dict__"):
        if getattr(f, name, None):
            yield f, name, getattr(f, name)
    if (f.__module__ or "").partition(".")[0] in LIBRARIES:
        return
    names = list(_names(f.__code__))
    for name in names:
        thing = f.__globals__.get(name, NOTHING)
        if isinstance(thing, types.ModuleType):  # `import config` and then `config.w`
            if thing.__name__.partition(".")[0] not in LIBRARIES:
                yield from [(vars(thing), inner, vars(thing)[inner]) for inner in names
                            if inner in vars(thing)]
        elif thing is not NOTHING:
            yield f.__globals__, name, thing


def _names(code: types.CodeType) -> Iterator[str]:
    """The global names and attributes in a piece of code and in those inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _get(x: Any, name: str) -> Any:
    """An attribute, or NOTHING if there is none (a slot or a cell that is empty)."""
    try:
        return getattr(x, name)
    except (AttributeError, ValueError):
        return NOTHING


class Places:
    """The way to each of some nodes, as it was; `hold` says whether it still is."""

    def __init__(self, held: dict[int, list[Link]], nodes: list[Node]) -> None:
        self.missing = [node for node in nodes if id(node) not in held]
        links: dict[tuple[int, Any], Link] = {}
        waiting: list[Any] = [node for node in nodes if id(node) in held]
        seen: set[int] = set()
        while waiting:
            thing = waiting.pop()
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            for link in held.get(id(thing), ()):
                links[id(link[0]), id(thing)] = link
                waiting.append(link[0])
        self.checks = [_check(*link) for link in links.values()]
        self.lengths = [(x, len(x)) for x in {id(x): x for x, _, _ in links.values()}.values()
                        if isinstance(x, list | dict | set) and "__builtins__" not in x]

    def hold(self) -> bool:
        """Whether everything is where it was."""
        return all([still() for still in self.checks]) and all(
            [len(x) == n for x, n in self.lengths])


def _check(container: Any, key: Any, thing: Any) -> Callable[[], bool]:
    """A question: is this thing still held there?"""
    if isinstance(container, dict):
        return lambda: container.get(key, NOTHING) is thing
    if isinstance(container, np.ndarray) and not container.ndim:
        return lambda: container[()] is thing
    if isinstance(container, list | tuple | np.ndarray):
        return lambda: len(container) > key and container[key] is thing
    if isinstance(container, set | frozenset) or isinstance(key, types.CellType):
        return lambda: True  # a set's length is looked at; a function keeps its cells
    if isinstance(container, type):
        return lambda: _unwrapped(vars(container).get(key, NOTHING)) is thing
    return lambda: _get(container, key) is thing


def _unwrapped(thing: Any) -> Any:
    """The function in a property or in a static or class method."""
    if isinstance(thing, property):
        return thing.fget
    return thing.__func__ if isinstance(thing, staticmethod | classmethod) else thing
