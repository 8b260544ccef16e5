"""Parameters that live in objects: where they are, other numbers put there, and all put back."""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Node, leaf, value_of
from .names import forms_of, meant

__all__ = ["Home", "parameters_of", "value_at"]

AT_MOST = 20_000  # objects that are looked into
STORES = ("grads", "gradients", "grad", "dparams", "d_params")
ATOMS = (str, bytes, int, float, complex, bool, type(None), np.generic, np.dtype, ModuleType, type,
         BuiltinFunctionType, np.ufunc, range, slice)


def parameters_of(params: Any) -> dict[str, Any]:
    """The parameters that `params` means, by name: a dict's, a module's, or an object's arrays."""
    if hasattr(params, "named_parameters"):
        return dict(params.named_parameters())
    if not isinstance(params, Mapping) and isinstance(getattr(params, "params", None), Mapping):
        params = params.params
    if not isinstance(params, Mapping):
        held = dict(_entries(params))
        params = {name: x for name, x in held.items()
                  if _is_parameter(x) and not meant([name], [n for n in held if n != name])}
    if not params:
        raise ShapeError("params has no arrays of floats in it: give them by name, such as "
                         'params={"W": layer.W}')
    if wrong := [name for name, x in params.items() if not _is_parameter(x)]:
        raise ShapeError(f"params[{wrong[0]!r}] is no array of floats: it is put back where it was "
                         "found, which only an array can be")
    twice = [(a, b) for a, b in itertools.combinations(params, 2) if params[a] is params[b]]
    if twice:
        raise ShapeError(f"{' and '.join(twice[0])} are one array under two names: give each an "
                         "array of its own")
    return dict(params)


def _is_parameter(x: Any) -> bool:
    return isinstance(x, Node) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


State = list[tuple[Any, dict[Any, Any]]]


class Home:
    """The objects that hold some parameters, found from the functions that use them."""

    def __init__(self, params: Mapping[str, Any], *roots: Any) -> None:
        self.params = dict(params)
        self.containers: list[Any] = []  # objects, dicts, lists and cells that were reached
        self.owners: dict[int, Any] = {}  # of a dict or list: what holds it
        self._reach([f for f in roots if callable(f)])
        self.places: dict[str, list[tuple[Any, Any]]] = {name: [] for name in params}
        names = {id(x): name for name, x in params.items()}
        for container in self.containers:
            for key, x in _entries(container):
                if id(x) in names:
                    self.places[names[id(x)]].append((container, key))
        for name, found in self.places.items():
            if any(isinstance(container, tuple) for container, _ in found):
                raise ShapeError(f"params[{name!r}] is held in a tuple, where no other numbers can "
                                 "be put: hold the parameters in a list or a dict, or let the loss "
                                 "take them as arguments")
        if lost := [name for name, found in self.places.items() if not found]:
            raise ShapeError(f"params[{lost[0]!r}] isn't found in what the loss uses: give the "
                             "array itself, as in params={'W': layer.W}, not a copy of it")

    def _reach(self, rest: list[Any]) -> None:
        """Note all that functions can reach: what they are bound to, close over, and name."""
        seen: dict[int, Any] = {}
        while rest and len(seen) < AT_MOST:
            x = rest.pop()
            if isinstance(x, (*ATOMS, np.ndarray, Node)) or id(x) in seen:
                continue
            seen[id(x)] = x
            if isinstance(x, MethodType):
                rest += [x.__self__, x.__func__]
            elif isinstance(x, partial):
                rest += [x.func, *x.args, *x.keywords.values()]
            elif isinstance(x, FunctionType):
                space = _Globals(x)
                self.containers += [*(x.__closure__ or ()), space]
                rest += [v for c in (*(x.__closure__ or ()), space) for _, v in _entries(c)]
                rest += x.__defaults__ or ()
            elif isinstance(x, dict | list | tuple) or _is_users(type(x)):
                self.containers.append(x)
                inside = [v for _, v in _entries(x)]
                self.owners |= {id(v): x for v in inside if isinstance(v, dict | list)}
                rest += inside

    def inner(self, *outer: Any) -> list[str]:
        """The classes of the objects further in that hold arrays of floats."""
        found = [type(c).__name__ for c in self.containers
                 if _is_users(type(c)) and not any(c is x for x in outer)
                 and not isinstance(c, dict | list | tuple | _Globals)
                 and type(c).__name__ != "cell" and any(_is_parameter(x) for _, x in _entries(c))]
        return list(dict.fromkeys(found))

    def keep_only(self, reads: Callable[[Mapping[str, Any]], bool]) -> None:
        """Forget the arrays of an object that its forward pass writes and doesn't read."""
        for name, x in [*self.params.items()]:
            old = np.asarray(value_of(x), float)
            uneven = 0.125 + 0.1 * np.sin(np.arange(1.0, old.size + 1)).reshape(old.shape)
            if not reads({name: old * 1.0625 + uneven}):
                del self.params[name]

    @contextmanager
    def holding(self, values: Mapping[str, Any]) -> Iterator[None]:
        """A block in which other numbers are in the parameters' places; after it all is as before.
        """
        with self.in_state([]):
            for name, value in values.items():
                is_node = isinstance(self.params[name], Node) and not isinstance(value, Node)
                for container, key in self.places[name]:
                    _put(container, key, leaf(value) if is_node else value)
            yield

    def state(self) -> State:
        """What each container holds now."""
        return [(c, dict(_entries(c))) for c in self.containers if not isinstance(c, tuple)]

    @contextmanager
    def in_state(self, state: State, largest: float = np.inf) -> Iterator[None]:
        """A block that begins in a state; after it all is as before, and the numbers in arrays of
        up to so many entries, too.
        """
        before = self.state()
        arrays = [(x, x.copy()) for _, entries in before for x in entries.values()
                  if isinstance(x, np.ndarray) and x.flags.writeable and x.size <= largest]
        for container, entries in state:
            _restore(container, entries)
        try:
            yield
        finally:
            for container, entries in before:
                if not _holds_the_same(container, entries):
                    _restore(container, entries)
            for x, numbers in arrays:
                x[...] = numbers

    def gradients(self, of: Callable[[Any], Any]) -> dict[str, Any]:
        """The gradients that were stored beside the parameters, or in a dict of gradients.

        of: what stands for an object, a copy perhaps.
        """
        found: dict[str, Any] = {}
        for name, places in self.places.items():
            for container, key in places:
                owner = of(self.owners.get(id(container), container))
                beside = dict(_entries(of(container)))
                beside.pop(key, None)
                stores = [dict(_entries(getattr(owner, store, None))) for store in STORES]
                own = [key] if isinstance(key, int) else forms_of(key)
                wanted = [*own, *forms_of(name)]
                for entries in (beside, *stores):
                    for k in wanted:
                        if k in entries and entries[k] is not None:
                            found.setdefault(name, entries[k])
        return found


def _is_users(kind: type) -> bool:
    """Whether a class is neither Python's nor a library's, but for our own modules."""
    top = kind.__module__.partition(".")[0]
    if top == "autograd_mini":
        return hasattr(kind, "named_parameters")
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return top not in sys.stdlib_module_names - {"__main__"} and "site-packages" not in file


def value_at(container: Any, key: Any) -> Any:
    """What a container holds in a place."""
    return dict(_entries(container))[key]


def _holds_the_same(container: Any, entries: Mapping[Any, Any]) -> bool:
    """Whether a container holds the very objects that it held."""
    now = dict(_entries(container))
    return now.keys() == entries.keys() and all(x is entries[key] for key, x in now.items())


class _Globals:
    """The globals that a function names, as a container."""

    def __init__(self, function: FunctionType) -> None:
        self.space = function.__globals__
        inside = [c for c in function.__code__.co_consts if inspect.iscode(c)]
        self.named = {name for code in (function.__code__, *inside) for name in code.co_names
                      if name in self.space}


def _entries(container: Any) -> list[tuple[Any, Any]]:
    """(key, what is there) of a container of any kind."""
    if isinstance(container, dict):
        return [*container.items()]
    if isinstance(container, list | tuple):
        return [*enumerate(container)]
    if isinstance(container, _Globals):
        return [(name, container.space[name]) for name in container.named]
    if type(container).__name__ == "cell":
        try:
            return [(None, container.cell_contents)]
        except ValueError:
            return []
    return [*getattr(container, "__dict__", {}).items(), *_in_slots(container)]


def _in_slots(x: Any) -> list[tuple[str, Any]]:
    """What an object of a class with __slots__ holds."""
    names = [name for kind in type(x).__mro__ for name in _names_of_slots(kind)]
    return [(name, getattr(x, name)) for name in names if hasattr(x, name)]


def _names_of_slots(kind: type) -> list[str]:
    slots = vars(kind).get("__slots__", ())
    names = [slots] if isinstance(slots, str) else list(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _put(container: Any, key: Any, value: Any) -> None:
    if isinstance(container, dict | list):
        container[key] = value
    elif isinstance(container, _Globals):
        container.space[key] = value
    elif type(container).__name__ == "cell":
        container.cell_contents = value
    elif not isinstance(container, tuple):
        own = getattr(container, "__dict__", None)
        if own is not None and key in own:
            own[key] = value
        else:
            object.__setattr__(container, key, value)


def _restore(container: Any, entries: dict[Any, Any]) -> None:
    """Put back what a container held."""
    if isinstance(container, list):
        container[:] = entries.values()
        return
    for key in [k for k, _ in _entries(container) if k not in entries]:
        if isinstance(container, dict):
            del container[key]
        elif not isinstance(container, _Globals):
            object.__delattr__(container, key)
    for key, value in entries.items():
        _put(container, key, value)
