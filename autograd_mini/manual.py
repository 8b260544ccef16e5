"""What `help(ag.tanh)` says: the documentation and the signature of a row, made from the row."""

from __future__ import annotations

import inspect
from inspect import Parameter, Signature
from typing import Any

import numpy as np

__all__ = ["documentation", "signature"]


def signature(row: Any) -> Signature:
    """The arguments that are differentiated, by position, then the row's own parameters."""
    from .primitive import REQUIRED

    arrays = [Parameter(name, Parameter.POSITIONAL_ONLY) for name in _arguments(row)]
    defaults = getattr(row, "defaults", {})
    needed = [name for name, value in defaults.items() if value is REQUIRED]
    in_order = list(defaults)[:len(needed)] == needed  # else only keywords can be written so
    kind = Parameter.POSITIONAL_OR_KEYWORD if in_order else Parameter.KEYWORD_ONLY
    return Signature(arrays + [
        Parameter(name, kind, default=Parameter.empty if value is REQUIRED else value)
        for name, value in defaults.items()])


def documentation(row: Any) -> str:
    """How the row is called, what it computes, what it takes and returns."""
    taken = "a list of " if getattr(row, "many", False) else ""
    each = ", on each number alone" if hasattr(row, "slopes") else ""
    looked_up = f"`ag.convention({row.name!r})` tells what the gradient is where there is a choice."
    return (f"{row.name}{signature(row)}\n\n{_computed(row)}\n\n"
            f"It takes {taken}numbers, arrays and nodes (`Value`, `Tensor`){each}.\n"
            "If one of them is a node it gives a node, else a number or an array.\n"
            f"{_example(row)}\n{looked_up}")


def _example(row: Any) -> str:
    """A call of a row that `ag` has a name for, with what it gives; of another one nothing."""
    import autograd_mini as ag

    if row.name not in ag.__all__ or getattr(ag, row.name) is not row:
        return ""
    arrays = getattr(row, "many", False)
    numbers = ([1.0, 2.0], [3.0, 4.0]) if hasattr(row, "pullbacks") and not hasattr(
        row, "slopes") else (0.5, 2.0) if len(_arguments(row)) < 3 else (True, 2.0, 3.0)
    args: Any = [list(map(np.array, numbers))] if arrays else numbers[:len(_arguments(row))]
    written = "[np.array([1.0, 2.0]), np.array([3.0, 4.0])]" if arrays else ", ".join(
        f"np.array({x})" if isinstance(x, list) else repr(x) for x in args)
    needs = "numpy as np, autograd_mini as ag" if "np." in written else "autograd_mini as ag"
    given = row(*map(np.array, args)) if isinstance(args[0], list) and not arrays else row(*args)
    return f"\n>>> import {needs}\n>>> ag.{row.name}({written})\n{given!r}\n"


def _arguments(row: Any) -> list[str]:
    """The names that the rules have for the inputs, which come after y (and g); else a, b, …"""
    if getattr(row, "many", False):
        return ["arrays"]
    slopes = getattr(row, "slopes", None)
    rules = row.pullbacks if slopes is None else slopes
    before = 2 if slopes is None else 1
    for rule in rules:
        code = getattr(rule, "__code__", None)
        if code is not None and code.co_argcount == before + len(rules):
            return list(code.co_varnames[before:code.co_argcount])
    return ["x"] if len(rules) == 1 else [f"x{i + 1}" for i in range(len(rules))]


def _computed(row: Any) -> str:
    """The function of NumPy or SciPy that the row is; else what its own function says of itself."""
    from .methods import Methods
    from .primitive import TABLE

    names = [_name(f) for f, function in TABLE.items() if function is row]
    if not names and _name(row.forward):
        names = [_name(row.forward)]
    own = None if names else (
        inspect.getdoc(row.forward) or getattr(vars(Methods).get(row.name), "__doc__", ""))
    if own:
        return own.splitlines()[0]
    known = ", ".join(f"`{name}`" for name in sorted(set(names)) if name)
    return f"{known}, and its derivative." if known else "A function, and its derivative."


def _name(function: Any) -> str:
    """As a user writes it: `np.tanh`, `np.linalg.inv`, `scipy.special.erf`; "" for others."""
    name = getattr(function, "__name__", "")
    for room, there in (("np", np), ("np.linalg", np.linalg)):
        if getattr(there, name, None) is function:
            return f"{room}.{name}"
    is_scipys = isinstance(function, np.ufunc) and getattr(np, name, None) is None
    return f"scipy.special.{name}" if is_scipys else ""
