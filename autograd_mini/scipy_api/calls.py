"""A call with SciPy's signature: of plain numbers it is SciPy's own, of nodes it is ours."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..errors import DTypeError, NotDifferentiableError
from ..functions.composed import as_array, keeps_kind
from ..graph import Node
from ..ops import stack
from ..primitive import OTHER_ARRAYS

__all__ = ["array_of", "dotted", "has_node", "missing", "must_be_plain", "of_plain",
           "on_nodes"]

F = TypeVar("F", bound=Callable[..., Any])

IGNORED = frozenset({"overwrite_a", "overwrite_b", "overwrite_c", "check_finite", "lapack_driver",
                     "driver", "copy", "disp"})
"""Keywords of SciPy's that say how, not what, and change no number."""


def has_node(x: Any) -> bool:
    """Whether there is a node in an argument, also inside of lists, tuples and dicts.

    Raises `DTypeError` for an array of dtype object that holds nodes, as SciPy would take it apart.
    """
    if isinstance(x, Node) or type(x) in OTHER_ARRAYS:
        return True
    if isinstance(x, list | tuple):
        return any([has_node(part) for part in x])
    if isinstance(x, dict):
        return any([has_node(part) for part in x.values()])
    if isinstance(x, np.ndarray) and x.dtype == object and any([has_node(v) for v in x.flat]):
        raise DTypeError("an array of dtype object holds nodes: join them with np.stack([...]), "
                         "which is one node, instead of np.array([...])")
    return False


def array_of(x: Any) -> Any:
    """x as a node, a float or an array of floats; of a list with nodes in it, one node."""
    if isinstance(x, int | float | np.generic):
        return float(x)  # one number never decides the dtype
    if isinstance(x, list | tuple) and has_node(x):
        return stack([array_of(part) for part in x])
    return as_array(x)


def on_nodes(name: str, theirs: Callable[..., Any]) -> Callable[[F], F]:
    """A decorator: `theirs`, SciPy's function `name`, for plain numbers; the function for nodes.

    Raises `NotDifferentiableError` for a keyword of SciPy's that the function doesn't have.
    """
    def enter(function: F) -> F:
        ours, parameters = keeps_kind(function), inspect.signature(function).parameters
        open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            if not (has_node(args) or has_node(kwargs)):
                return theirs(*args, **kwargs)
            kwargs = {k: v for k, v in kwargs.items() if k not in IGNORED}
            unknown = kwargs.keys() - parameters
            if unknown and not open_ended:
                raise NotDifferentiableError(
                    f"{name}({', '.join(sorted(unknown))}=…) isn't supported for nodes; "
                    f"supported: {', '.join(parameters)}")
            return ours(*args, **kwargs)

        called.scipys = name  # type: ignore[attr-defined]
        return called  # type: ignore[return-value]

    return enter


def dotted(function: Any) -> str:
    """SciPy's dotted name of a function of ours; "" for another."""
    return str(getattr(function, "scipys", ""))


def must_be_plain(name: str, **arguments: Any) -> None:
    """Raise `NotDifferentiableError` if one of the arguments is a node, by its name."""
    for argument, x in arguments.items():
        if has_node(x):
            raise NotDifferentiableError(
                f"{name} isn't differentiable here in {argument}: give it a plain number or array "
                f"({argument}.data, if a constant is meant)")


def of_plain(name: str, theirs: Any) -> Any:
    """SciPy's function `name`, which has no twin here: of plain numbers itself, of nodes refused.

    What is no function, and a ufunc (which NumPy's protocol looks after), comes back as it is.
    """
    if not callable(theirs) or isinstance(theirs, np.ufunc | type):
        return theirs

    @functools.wraps(theirs)
    def called(*args: Any, **kwargs: Any) -> Any:
        if has_node(args) or has_node(kwargs):
            raise NotDifferentiableError(
                f"{name} isn't differentiable here: give it plain numbers (x.data, if a constant "
                f"is meant); dir(ag.{name.rpartition('.')[0]}) lists what is")
        return theirs(*args, **kwargs)

    return called


def missing(room: str, name: str, there: Any) -> AttributeError:
    """The error for a name that a room of `ag.scipy` doesn't have, with those that it has."""
    return AttributeError(f"{room} has no {name!r}; it has: {', '.join(there)}")
