"""A function without a source file is run with stand-ins in the place of its globals.

So are functions made by `exec`, or typed at a prompt. The code stays as it is; what it reads by a
global name, `np.zeros`, `math.exp`, `float`, a helper, is an object that calls through `call`.
Stores of outer names can't be seen in this way, and are refused; what attributes hold is made plain
when the run is over.
"""

from __future__ import annotations

import builtins
import dis
from collections.abc import Callable
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..errors import NotDifferentiableError
from .runs import current_run, seen
from .stores import CONCATENATORS, getitem

__all__ = ["StandIn", "arguments_held", "plain_of", "with_stand_ins"]

_UNSEEN = {"STORE_GLOBAL", "DELETE_GLOBAL"}


class StandIn:
    """A function, a class or a module, whose calls are followed."""

    __slots__ = ("_call", "_plain")

    def __init__(self, plain: Any, call: Callable[..., Any]) -> None:
        self._plain, self._call = plain, call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A call, followed."""
        return self._call(self._plain, *map(plain_of, args),
                          **{k: plain_of(v) for k, v in kwargs.items()})

    def __getattr__(self, name: str) -> Any:
        return _stood_in(getattr(self._plain, name), self._call)

    @property
    def dtype(self) -> Any:
        """What NumPy asks a class for that is given as `dtype=`."""
        return np.dtype(self._plain)

    def __getitem__(self, index: Any) -> Any:
        return getitem(self._plain, index)

    def __repr__(self) -> str:
        return repr(self._plain)


def plain_of(x: Any) -> Any:
    """What a stand-in stands for, also inside a tuple or list; anything else as it is."""
    if type(x) is StandIn:
        return x._plain
    return type(x)(map(plain_of, x)) if type(x) is tuple or type(x) is list else x


def _stood_in(x: Any, call: Callable[..., Any]) -> Any:
    if isinstance(x, type) and (x is np.ndarray or issubclass(x, BaseException)):
        return x  # for `type(x) is np.ndarray`, and `except`
    if isinstance(x, ModuleType) or type(x) in CONCATENATORS or (
            callable(x) and not hasattr(type(x), "__array_function__")):
        return StandIn(x, call)
    if isinstance(x, list | dict | set) or hasattr(x, "__dict__"):
        _hold(x)
    return seen(x)


def _hold(x: Any) -> None:
    if (run := current_run()) is not None:
        run.holds(x)


class _Globals(dict[str, Any]):
    """The globals of a function, read live, with a stand-in for each function and module."""

    def __init__(self, own: dict[str, Any], call: Callable[..., Any]) -> None:
        imports = {"__import__": lambda *args, **kwargs: StandIn(__import__(*args, **kwargs), call)}
        super().__init__(__name__=own.get("__name__", ""), __builtins__=vars(builtins) | imports)
        self.own, self.call = own, call

    def __missing__(self, name: str) -> Any:
        if name in self.own:
            return _stood_in(self.own[name], self.call)
        found = self.own.get("__builtins__", builtins)
        space = found if isinstance(found, dict) else vars(found)
        if name not in space:
            raise KeyError(name)
        x = space[name]
        return x if name in _AS_THEY_ARE else _stood_in(x, self.call)


_AS_THEY_ARE = {"super", "locals", "globals", "vars", "dir", "__build_class__", "property",
                "staticmethod", "classmethod"}


def with_stand_ins(f: FunctionType, call: Callable[..., Any]) -> FunctionType:
    """The function with its own code, and stand-ins for what it reads from outside.

    Raises `NotDifferentiableError` if it stores outer names.
    """
    if _check_stores(f.__code__, f) and (run := current_run()) is not None:
        run.tells("it stores attributes, and has no source file")
    cells = tuple([CellType(_stood_in(c.cell_contents, call)) for c in f.__closure__ or ()])
    new = FunctionType(f.__code__, _Globals(f.__globals__, call), f.__name__, None, cells)
    new.__defaults__ = f.__defaults__ and tuple(map(seen, f.__defaults__))
    new.__kwdefaults__ = f.__kwdefaults__
    return new


def _check_stores(code: CodeType, f: FunctionType) -> bool:
    """Whether there is a store of an attribute; a store of an outer name is refused."""
    found = False
    for ins in dis.get_instructions(code):
        outer = ins.opname == "STORE_DEREF" and ins.argval in code.co_freevars
        if (outer and code is f.__code__) or ins.opname in _UNSEEN:
            raise NotDifferentiableError(
                f"{f.__name__} has no source file, and stores {ins.argval!r} outside of it, which "
                "can't be followed then: put the function in a file"
            )
        found = found or ins.opname == "STORE_ATTR"
    inner = [_check_stores(c, f) for c in code.co_consts if isinstance(c, CodeType)]
    return found or any(inner)


def arguments_held(args: Any) -> None:
    """Objects among the arguments may get attributes, as `self` does."""
    for x in args:
        if hasattr(x, "__dict__") and not isinstance(x, type | ModuleType):
            _hold(x)
