"""`ag.as_written(f)`: a function of ordinary NumPy code, differentiated as it is written."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CellType, FunctionType, MethodType
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

from ..errors import ArgumentTypeError
from ..graph import Node
from ..recording import recording_mode
from ..trees import flat
from .agreement import check_agreement, recorded
from .calls import call
from .runs import Run, current_run

__all__ = ["AsWritten", "as_written"]

P = ParamSpec("P")
R = TypeVar("R")


MOST_COMPARED = 10_000
_compared: set[Any] = set()
"""The code of functions that were compared with a plain run, with the kinds of arguments."""


def _code_of(f: Any) -> Any:
    """What a function is made of: its code, and that of the functions it closes over."""
    if not isinstance(f, FunctionType):
        return object()  # no other is equal to it
    inner = [c.cell_contents for c in f.__closure__ or () if c != CellType()]
    return f.__code__, *[x.__code__ for x in inner if isinstance(x, FunctionType)]


class AsWritten(Generic[P, R]):
    """A function that is run as it is written, so that nodes go where its numbers go.

    `unchecked` says why the recorded function has not been compared with a plain run, "" if it has.
    """

    def __init__(self, f: Callable[P, R]) -> None:
        functools.update_wrapper(self, f)
        self.__wrapped__ = f
        self.unchecked = "it has not been called yet"
        self._code = _code_of(f)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """f(*args, **kwargs), followed by the graph."""
        f: Any = self.__wrapped__
        if current_run() is not None:
            return call(f, *args, **kwargs)  # type: ignore[no-any-return]
        run, found = recorded(f, args, kwargs)
        self._compare(run, args, kwargs, found)
        return found  # type: ignore[no-any-return]

    def _compare(self, run: Run, args: Any, kwargs: Any, found: Any) -> None:
        """At the first call with arguments of these kinds: is what was recorded the function?"""
        nodes = [x for x in flat([list(args), kwargs]) if isinstance(x, Node)]
        kinds = self._code, *[(type(x), np.shape(x.value)) for x in nodes]
        if not nodes or not recording_mode():
            return
        self.unchecked = ""
        if kinds in _compared:
            return
        if run.effects:
            self.unchecked = ", and ".join(run.effects)
            return
        check_agreement(self.__wrapped__, args, kwargs, found)
        if len(_compared) >= MOST_COMPARED:
            _compared.clear()
        _compared.add(kinds)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        why = f", not compared with a plain run: {self.unchecked}" if self.unchecked else ""
        return f"as_written({self.__wrapped__!r}){why}"

    def __reduce__(self) -> Any:
        return as_written, (self.__wrapped__,)


def as_written(f: Callable[P, R]) -> AsWritten[P, R]:
    """Let ordinary NumPy code differentiate as it is written: buffers, in-place writes, `math`.

    f: a function of numbers and arrays. Returns a function of the same arguments, which `grad`,
    `value_and_grad`, `jacobian`, `hessian` and all others take; it is a decorator, too. Inside, an
    array that was made by `np.zeros` takes nodes, `np.array([a, b])` joins them, `float(x)` and
    `math.exp(x)` keep them in the graph, and so it is in the functions, methods and classes
    of your own that f calls. Without nodes among its arguments and parameters, f gives what it
    always does.

    What is written to arrays, lists and objects from outside are plain numbers. The first call
    with arguments of a kind compares the value with a plain run's, and the gradient with a
    difference of plain runs. A function that prints, draws random numbers or writes outside isn't
    run a second time: `unchecked` and its repr say so.

    Raises `NotDifferentiableError` for what can't be followed, and if the comparison fails.

    >>> import math, numpy as np, autograd_mini as ag
    >>> @ag.as_written
    ... def energy(x):
    ...     out = np.zeros(len(x))
    ...     for i in range(len(x)):
    ...         out[i] = math.exp(-x[i] ** 2)
    ...     out[0] *= 3.0
    ...     return float(np.sum(out))
    >>> ag.grad(energy)(np.array([0.5, 1.0]))
    array([-2.33640235, -0.73575888])
    """
    if isinstance(f, AsWritten):
        return f
    if not callable(f) or isinstance(f, Node):
        raise ArgumentTypeError(f"as_written takes a function, not a {type(f).__name__}: "
                                "ag.as_written(f), and then ag.grad(ag.as_written(f))(x)")
    return AsWritten(f)

