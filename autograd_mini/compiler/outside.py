"""Values from outside are what a function finds by itself, in what it closes over and can reach.

A program is its function only as long as the function would find the same nodes again. So when
it is recorded, all is gone through that the function can reach by name: what it closes over, its
globals, defaults and object, the functions it calls, and in these the attributes, lists, tuples,
dicts and arrays of objects. The path from there to each node that was used is kept, and checked
in each call: what was replaced, added or deleted on it means that the recording is no longer the
function's. Reference counts play no part in it.
"""

from __future__ import annotations

import collections
import functools
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import GraphError
from ..graph import VARIABLE, Node, clock, topological_order

__all__ = ["LIBRARIES", "MISSING", "Environment", "References", "get", "is_of_library", "is_plain",
           "modules_named", "names_in", "references_in"]

MOST_OBJECTS = 200_000
"""So many objects are gone through; a node beyond counts as not found."""
MISSING = object()
LIBRARIES = frozenset({"autograd_mini", "numpy", "scipy", "numba", "pandas", "torch", "jax",
                       "sympy", "pytest", "_pytest", *sys.stdlib_module_names})
"""Packages whose functions and modules hold no Values of a user's."""
DEFAULTS = ("__defaults__", "__kwdefaults__")
PLAIN = frozenset({str, bytes, int, float, bool, complex, type(None), type(...), np.ufunc,
                   types.CodeType, type(NotImplemented)})


def is_plain(x: Any) -> bool:
    """Whether x never changes, and holds nothing that does: a number, text, a function in C."""
    kind = type(x)
    if kind is types.BuiltinFunctionType:  # of an object it is a method, which may change that
        return x.__self__ is None or isinstance(x.__self__, types.ModuleType | type)
    return kind in PLAIN or (issubclass(kind, np.generic) and kind.__module__ == "numpy"
                             and kind is not np.void)


def is_of_library(x: Any) -> bool:
    """Whether a class, a function or a module belongs to one of these packages.

    A function is where its code is: `functools.wraps` gives it another's `__module__`.
    """
    if isinstance(x, types.FunctionType):
        name = x.__globals__.get("__name__")
    else:
        name = x.__name__ if isinstance(x, types.ModuleType) else x.__module__
    return str(name).partition(".")[0] in LIBRARIES


Reference = tuple[Any, Any, Any]
"""(the container, the key, the object that it holds under this key)."""


class Environment:
    """What a function can reach by name, before it is called and after it.

    references: for each object reached after the call, where it is held, by its id.
    """

    def __init__(self, function: Any) -> None:
        self._function = function
        self._began = clock.tick()
        self._before = _reachable(function)
        self.references: dict[int, list[Reference]] = {}

    def note_after_call(self) -> None:
        """Go through it once more, for the function may have made what it will find next time."""
        self.references = _reachable(self._function)

    def nodes_outside(self, root: Node, inputs: dict[Any, int], parameters: Sequence[Node]
                      ) -> tuple[list[Node], list[Node]]:
        """The nodes, besides the inputs, that `root` depends on and whose numbers are to be read.

        A leaf that the call made, and that can't be found, is a constant. Also returns all nodes
        that `root` depends on, root first; but not what a node from outside was computed from,
        which doesn't count: its number is what it is.
        """
        needed = topological_order(root)
        computed = {node for node in needed if node.op is not None and id(node) in self._before}
        if computed:  # seldom, and sorting once more takes time
            needed = topological_order(root, tuple(computed))
            computed = computed.intersection([p for node in needed for p in node.parents])
            _check_independent(computed, set(parameters))
        leaves = [node for node in needed if node.op is None and node not in inputs]
        return [*computed, *[node for node in leaves if id(node) in self.references or (
            node.params == VARIABLE and node.made_at < self._began)]], needed


def _check_independent(computed: set[Node], parameters: set[Node]) -> None:
    """Refuse a node that was computed from a parameter beforehand."""
    for node in computed:
        if parameters.intersection(topological_order(node)):
            raise GraphError(
                "a node that was computed from a parameter before the call is part of the "
                "program, which has no gradient through it: compute it inside the function")


def _reachable(function: Any) -> dict[int, list[Reference]]:
    """For each object that the function can reach by name, where it is held, by its id."""
    references: dict[int, list[Reference]] = {id(function): []}
    waiting = [function]
    while waiting and len(references) < MOST_OBJECTS:
        holder = waiting.pop()
        for container, key, thing in references_in(holder):
            if is_plain(thing):
                continue
            if id(thing) not in references:
                references[id(thing)] = []
                waiting.append(thing)
            references[id(thing)].append((container, key, thing))
    return references


def references_in(x: Any) -> Iterator[Reference]:
    """What x holds, each with its key."""
    if isinstance(x, Node | types.ModuleType):
        return
    if isinstance(x, type):
        yield from _of_class(x)
        yield from _of_class(type(x))
    elif type(x) is types.BuiltinFunctionType:
        yield x, "__self__", x.__self__
    elif isinstance(x, types.FunctionType):
        yield from _of_function(x)
    elif isinstance(x, types.MethodType | functools.partial):
        for name in ("__self__", "__func__", "func", "args", "keywords"):
            if hasattr(x, name):
                yield x, name, getattr(x, name)
    elif isinstance(x, types.CellType):
        yield x, "cell_contents", get(x, "cell_contents")
    elif isinstance(x, dict):
        yield from [(x, key, value) for key, value in list(x.items())]
    elif isinstance(x, np.ndarray) and x.dtype == object and not x.ndim:
        yield x, (), x[()]
    elif isinstance(x, list | tuple | collections.deque) or (
            isinstance(x, np.ndarray) and x.dtype == object):
        yield from [(x, i, value) for i, value in enumerate(x)]
        yield from _of_class(type(x))
    elif isinstance(x, set | frozenset):
        yield from [(x, value, value) for value in x]
    elif not isinstance(x, np.ndarray):
        yield from _of_object(x)


def _of_object(x: Any) -> Iterator[Reference]:
    """Its attributes, its class's, and the methods of the class."""
    attributes = getattr(x, "__dict__", None)
    if type(x).__name__ in ("Program", "ArrayProgram") and isinstance(attributes, dict):
        yield attributes, "function", attributes["function"]
        return
    if isinstance(attributes, dict):
        yield x, "__dict__", attributes
    for kind in type(x).__mro__:
        for thing in list(vars(kind).values()):
            if isinstance(thing, types.MemberDescriptorType):  # a slot, read without its name, for
                yield x, thing, get(x, thing)  # a property of that name may be a computation
    yield from _of_class(type(x))


def _of_class(kind: type) -> Iterator[Reference]:
    """The methods and attributes of a class and of those that it inherits from."""
    for base in kind.__mro__:
        if not is_of_library(base):
            yield from [(base, name, _unwrapped(thing)) for name, thing in list(
                vars(base).items()) if name not in ("__dict__", "__weakref__", "__doc__")]


def _of_function(f: types.FunctionType) -> Iterator[Reference]:
    """What it closes over, its defaults, and the globals that it names, itself or further in."""
    for cell in f.__closure__ or ():
        yield f, cell, cell
    of_library = is_of_library(f)
    for name in ("__wrapped__", "__dict__", *(() if of_library else DEFAULTS)):
        if getattr(f, name, None):
            yield f, name, getattr(f, name)
    if of_library:
        return
    spaces = [f.__globals__, *map(vars, modules_named(f))]
    for name in dict.fromkeys(names_in(f.__code__)):
        for space in spaces:
            if not isinstance(thing := space.get(name, MISSING), types.ModuleType) and (
                    thing is not MISSING):
                yield space, name, thing


def modules_named(f: types.FunctionType) -> list[types.ModuleType]:
    """A user's modules of which a function has the name: `import config` and then `config.w`."""
    if is_of_library(f):
        return []
    names, found = set(names_in(f.__code__)), []
    waiting: list[dict[str, Any]] = [sys.modules, f.__globals__]  # it may import in its code
    while waiting:
        space = waiting.pop()
        for module in [space[name] for name in names if name in space]:
            if isinstance(module, types.ModuleType) and module not in found and (
                    not is_of_library(module)):
                found.append(module)
                waiting.append(vars(module))
    return found


def names_in(code: types.CodeType) -> Iterator[str]:
    """The global names and attributes in a piece of code and in those inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_in(constant)


def get(x: Any, key: Any) -> Any:
    """An attribute or a slot, or MISSING if there is none (a slot or a cell that is empty)."""
    try:
        return key.__get__(x) if isinstance(key, types.MemberDescriptorType) else getattr(x, key)
    except (AttributeError, ValueError):
        return MISSING


class References:
    """The paths from a function to some nodes, as they were when the function was recorded.

    missing: the nodes to which no path is known.
    """

    def __init__(self, references: dict[int, list[Reference]], nodes: list[Node]) -> None:
        self.missing = [node for node in nodes if id(node) not in references]
        on_a_path: dict[tuple[int, Any], Reference] = {}
        waiting: list[Any] = [node for node in nodes if id(node) in references]
        seen: set[int] = set()
        while waiting:
            thing = waiting.pop()
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            for reference in references.get(id(thing), ()):
                on_a_path[id(reference[0]), id(thing)] = reference
                waiting.append(reference[0])
        found = on_a_path.values()
        self._in_dicts = [r for r in found if isinstance(r[0], dict)]  # most, and asked quickly
        self._checks = [_check(*r) for r in found if not isinstance(r[0], dict | set | frozenset
                                                                    | types.MethodType | tuple)
                        and not isinstance(r[1], types.CellType)]
        containers = {id(x): x for x, _, _ in on_a_path.values()}.values()
        self._lengths = [(x, len(x)) for x in containers
                         if isinstance(x, list | collections.deque | set) or (
                             isinstance(x, dict) and "__builtins__" not in x)]

    def unchanged(self) -> bool:
        """Whether everything is where it was."""
        for container, key, thing in self._in_dicts:
            if container.get(key, MISSING) is not thing:
                return False
        for x, n in self._lengths:
            if len(x) != n:
                return False
        return all([is_same() for is_same in self._checks])


def _check(container: Any, key: Any, thing: Any) -> Callable[[], bool]:
    """A function that tells whether the container still holds this thing under this key.

    A set's length is checked; a function keeps its cells, a tuple its entries.
    """
    if isinstance(container, np.ndarray) and not container.ndim:
        return lambda: container[()] is thing
    if isinstance(container, list | collections.deque | np.ndarray):
        return lambda: len(container) > key and container[key] is thing
    if key == "__dict__":
        return lambda: container.__dict__ is thing
    if isinstance(container, type):
        return lambda: _unwrapped(vars(container).get(key, MISSING)) is thing
    return lambda: get(container, key) is thing


def _unwrapped(thing: Any) -> Any:
    """The function in a property or in a static or class method."""
    if isinstance(thing, property):
        return thing.fget
    return thing.__func__ if isinstance(thing, staticmethod | classmethod) else thing
