"""Which arguments a function is differentiated by: their positions, or their names."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Mapping, Sequence
from inspect import Parameter
from typing import Any

import numpy as np

from .errors import ArgumentError, DTypeError, ShapeError, with_article
from .spellings import refuse_keywords

__all__ = ["Argnums", "check_names", "checked", "places", "positions"]

Argnums = int | str | tuple[int | str, ...]

_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_COLLECTS = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def checked(transform: str, argnums: Any, other: Mapping[str, Any]) -> Argnums:
    """argnums as a plain int, a name, or a tuple of them; refused if it is something else.

    other: what the transform was given besides. HIPS autograd's `argnum` is argnums; all else is
    refused with what it is here.
    """
    if set(other) == {"argnum"} and type(argnums) is int and argnums == 0:
        argnums, other = other["argnum"], {}
    refuse_keywords(transform, other)
    if not isinstance(argnums, tuple | list | range):
        return _one(argnums, argnums)
    numbers = tuple([_one(i, argnums) for i in argnums])
    if not numbers:
        raise ShapeError(f"argnums={argnums!r} names no argument: give a position, as 0, a name, "
                         "or a tuple of them")
    _check_each_once(numbers, argnums)
    return numbers


def _one(i: Any, argnums: Any) -> int | str:
    if type(i) is str:
        return i
    try:
        if not isinstance(i, bool | np.bool_):
            return operator.index(i)
    except TypeError:
        pass
    raise DTypeError(f"argnums={argnums!r}: it is the position of an argument, as 0 or -1, its "
                     "name, as 'x', or a tuple of these, as (0, 2), not "
                     f"{with_article(type(i).__name__)}")


def _check_each_once(found: Sequence[Any], argnums: Any) -> None:
    if len(set(found)) < len(found):
        raise ShapeError(f"argnums {argnums} names an argument twice")


# ── names ────────────────────────────────────────────────────────────────────────────────────


def check_names(f: Any, argnums: Argnums) -> None:
    """Raise `ArgumentError` for a name that no argument of f has, with the names there are."""
    known = _parameters(f)
    for name in argnums if isinstance(argnums, tuple) else (argnums,):
        if not isinstance(name, str) or not known:
            continue
        if any([p.kind is Parameter.VAR_KEYWORD and p.name != name for p in known.values()]):
            continue  # whether it is there, the call tells
        if name not in known or known[name].kind in _COLLECTS:
            names = [p.name for p in known.values() if p.kind not in _COLLECTS]
            of = getattr(f, "__name__", "the function")
            raise ArgumentError(f"argnums={name!r}: {of} has no argument of that name; "
                                + (f"it has {', '.join(names)}" if names else "give a position"))


def _parameters(f: Any) -> Mapping[str, Parameter]:
    """The parameters of f by name; empty for a function that doesn't tell."""
    try:
        return inspect.signature(f).parameters
    except (TypeError, ValueError):
        return {}


def _by_position(known: Mapping[str, Parameter]) -> list[str]:
    return [p.name for p in known.values() if p.kind in _BY_POSITION]


def positions(f: Any, argnums: Argnums, before: int = 0) -> Any:
    """argnums with a position for each name; before: how many arguments f's own come after."""
    check_names(f, argnums)
    if isinstance(argnums, tuple):
        return tuple([positions(f, i, before) for i in argnums])
    if not isinstance(argnums, str):
        return argnums
    ordered = _by_position(_parameters(f))
    if argnums not in ordered:
        raise ArgumentError(f"argnums={argnums!r}: a program takes its arguments by position, and "
                            f"{argnums} has none")
    return ordered.index(argnums) + before


def places(f: Any, argnums: Argnums, args: Sequence[Any], kwargs: dict[str, Any]
           ) -> tuple[list[int | str], dict[str, Any]]:
    """Where a call has the arguments to differentiate by: a position or a keyword for each.

    Returns them, and the keywords, to which the default is added of an argument that was named
    but not given. Raises `ShapeError` or `ArgumentError` for what the call doesn't have.
    """
    found: list[int | str] = []
    for i in argnums if isinstance(argnums, tuple) else (argnums,):
        if isinstance(i, str):
            i, kwargs = _place(f, i, args, kwargs)
        elif not -len(args) <= i < len(args):
            cure = (f": give {', '.join(kwargs)} by position, or name it, "
                    f"argnums={next(iter(kwargs))!r}") if kwargs and i >= 0 else ""
            raise ShapeError(f"argnums {i} for a call with {len(args)} positional arguments{cure}")
        found.append(i if isinstance(i, str) else i % len(args))
    if len(found) > 1:
        _check_each_once(found, argnums)
    return found, kwargs


def _place(f: Any, name: str, args: Sequence[Any], kwargs: dict[str, Any]
           ) -> tuple[int | str, dict[str, Any]]:
    """Where a call has the argument of this name."""
    if name in kwargs:
        return name, kwargs
    known = _parameters(f)
    ordered = _by_position(known)
    if name in ordered[: len(args)]:
        return ordered.index(name), kwargs
    parameter = known.get(name)
    if parameter is None or parameter.default is Parameter.empty:
        raise ArgumentError(f"argnums={name!r}: the call gives no {name}" + (
            "" if known else ", or the function doesn't tell the names of its arguments: give "
            "a position"))
    if parameter.kind is Parameter.POSITIONAL_ONLY:
        raise ArgumentError(f"argnums={name!r}: give {name}, which has only a position")
    return name, {**kwargs, name: parameter.default}
