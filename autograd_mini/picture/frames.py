"""What Python's frames tell of a call: what it is, its arguments, the user's names around it."""

from __future__ import annotations

import dis
import functools
import inspect
import os
import re
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..graph import Node
from ..places import Place, Spot, is_users_file, place_in

__all__ = ["BUILTIN", "arguments_of", "calls", "constant_in", "in_nn", "is_method", "kind_of",
           "nodes_held", "paths_in", "spot", "variables_in"]

OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep
COMPOSED = tuple(OURS + room for room in ("functions" + os.sep, "scipy_api" + os.sep, "special.py"))
BUILTIN = re.compile(r"(sum|max|min|map|reduce|functools\.reduce|math\.\w+)\(")


def calls(place: Place, code: CodeType) -> bool:
    """Whether a line calls a function itself, and not sum or map, which call it in turn."""
    name = "" if code.co_name in ("__call__", "forward") else re.escape(code.co_name)
    return not BUILTIN.match(place.code) and bool(
        re.match(rf"[\w.\[\]'\"]*{name}\(", place.code))


def is_method(itself: Any, code: CodeType) -> bool:
    """Whether code is that of a method of an object."""
    method = getattr(type(itself), code.co_name, None)
    return getattr(inspect.unwrap(method) if callable(method) else None, "__code__", None) is code


def kind_of(code: CodeType, module: str) -> str:
    """What kind of part the call of a function is; "" if it is none."""
    if code.co_name.startswith("<") or code.co_name == "__init__":
        return ""
    of_nn = in_nn(module)
    users = is_users_file(code.co_filename) and not of_nn
    if (users or of_nn) and code.co_name in ("__call__", "forward") and code.co_argcount:
        return "module"
    if users:
        return "function"
    ours = code.co_filename.startswith(COMPOSED) or (of_nn and module.endswith(".losses"))
    return "composite" if ours and not code.co_name.startswith("_") and (
        "<" not in code.co_qualname) else ""


def variables_in(frame: FrameType) -> dict[str, Any]:
    """The local variables of a frame, without keeping them alive.

    Before Python 3.13 a frame keeps the dict that f_locals returns, and with it what is deleted
    from the variables later.
    """
    snapshot = frame.f_locals
    found = dict(snapshot)
    if frame.f_code.co_flags & inspect.CO_OPTIMIZED and type(snapshot) is dict:
        snapshot.clear()
    return found


def arguments_of(frame: FrameType) -> list[tuple[str, Any]] | None:
    """The arguments of a call that has just begun; None if one may have another value by now.

    Those behind one that was left to its default are given with their names.
    """
    code = frame.f_code
    of_nn = in_nn(frame.f_globals.get("__name__", ""))
    ours = not is_users_file(code.co_filename) or of_nn  # which changes no list it is given
    given = inspect.getargs(code)
    if _stored(code, frame.f_lasti) & {*given.args, given.varargs, given.varkw}:
        return None
    known, defaults = variables_in(frame), _defaults(code, frame.f_globals.get(code.co_name))
    missing = inspect.Parameter.empty
    found: list[tuple[str, Any]] = []
    named = False
    for k, name in enumerate(given.args):
        if k == code.co_argcount:
            found += [("", _kept(x, ours)) for x in known.get(given.varargs or "", ())]
            named = True
        named = named or defaults.get(name, missing) is not missing  # it might have been left out
        if name in known and known[name] is not defaults.get(name, missing):
            found.append((name if named else "", _kept(known[name], ours)))
    if code.co_argcount == len(given.args):
        found += [("", _kept(x, ours)) for x in known.get(given.varargs or "", ())]
    return found + [(k, _kept(x, ours)) for k, x in known.get(given.varkw or "", {}).items()]


def in_nn(module: Any) -> bool:
    """Whether a module, by its `__name__`, is of the package nn."""
    return str(module).startswith("autograd_mini.nn")


def _kept(x: Any, whole: bool) -> Any:
    """An argument as it is kept: nodes and numbers themselves, of all else a text.

    whole: a short list with what is in it, for the function doesn't change it.
    """
    if isinstance(x, Node):
        return x
    if isinstance(x, bool | None | str) or (isinstance(x, tuple) and all(
            isinstance(v, int) for v in x)):
        return repr(x) if len(repr(x)) < 30 else "…"
    if isinstance(x, int | float | np.number):
        return float(x)
    if isinstance(x, np.ndarray):
        return f"const {'×'.join(map(str, x.shape))}"
    if whole and isinstance(x, list) and len(x) <= 4:
        return [_kept(part, whole) for part in x]
    return "[…]" if isinstance(x, list | tuple) else "…"


def _defaults(code: CodeType, function: Any) -> dict[str, Any]:
    """The defaults of the function that has this code, if that is the one which is given."""
    function = inspect.unwrap(function) if callable(function) else None
    if getattr(function, "__code__", None) is not code:
        return {}
    return {p.name: p.default for p in inspect.signature(function).parameters.values()}


@functools.lru_cache(maxsize=256)
def _stored(code: CodeType, instruction: int) -> frozenset[str]:
    """The variables that a function may have stored by an instruction: those before it, or if it
    jumps back anywhere, all; and those that a function inside of it stores.
    """
    steps = list(dis.get_instructions(code))
    jumps_back = any("JUMP_BACKWARD" in step.opname for step in steps)
    found: set[str] = set()
    for step in steps:
        changes = step.opname.startswith(("STORE_FAST", "STORE_DEREF", "DELETE_"))
        if changes and (jumps_back or step.offset < instruction):
            found |= {step.argval} if isinstance(step.argval, str) else set(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found |= {step.argval for step in dis.get_instructions(inner)
                      if step.opname in ("STORE_DEREF", "DELETE_DEREF")}
    return frozenset(found)


def spot(frame: FrameType) -> Spot:
    """What a frame is at, without keeping it."""
    return Spot(frame.f_code, frame.f_lasti, frame.f_lineno)


def constant_in(frame: FrameType, x: Any) -> str:
    """The name that a plain array has in the line of the user's that is running; "" if none, or
    if several of different arrays would do.
    """
    found: dict[int, str] = {}
    code, variables = place_in(frame).code, variables_in(frame)
    for name in dict.fromkeys(re.findall(r"(?<![\w.])[^\W\d]\w*", code)):
        value = variables.get(name, frame.f_globals.get(name))
        for i, array in enumerate(value[:LISTED] if isinstance(value, list | tuple) else [value]):
            if isinstance(array, np.ndarray) and array.shape == np.shape(x) and (
                    np.array_equal(array, x)):
                found.setdefault(id(array), name if array is value else f"{name}[{i}]")
    return next(iter(found.values())) if len(found) == 1 else ""


DEEP, MANY, LISTED = 6, 1000, 50
"""So far into containers and objects, into so much of a list, and in so many arrays of one, names
are looked for."""


def _fields(x: Any) -> dict[str, Any]:
    """The attributes of an object; none of one that won't tell."""
    try:
        return dict(vars(x))
    except Exception:  # a property of the user's may raise whatever it likes
        return {}


def paths_in(x: Any, path: str = "", depth: int = 0, entered: frozenset[int] = frozenset()
             ) -> Iterator[tuple[str, Any]]:
    """(path, part) of what an object, a list or a dict holds: `layers.0.w.1`."""
    if id(x) in entered or depth > DEEP:
        return
    if isinstance(x, dict):
        branches = [(str(key), branch) for key, branch in x.items()]
    elif isinstance(x, list | tuple):  # a list of numbers holds no nodes, however long it is
        branches = [(str(i), branch) for i, branch in enumerate(x[:MANY]) if not isinstance(
            branch, float | int | str)]
    elif isinstance(x, Node | np.ndarray | type) or type(x).__module__ == "builtins" or (
            inspect.isroutine(x) or inspect.ismodule(x)):
        return
    else:
        branches = list(_fields(x).items())
    for key, branch in branches:
        here = f"{path}.{key}" if path else key
        yield here, branch
        yield from paths_in(branch, here, depth + 1, entered | {id(x)})


def nodes_held(x: Any) -> set[Node]:
    """The nodes that an object holds."""
    return {part for _, part in paths_in(x) if isinstance(part, Node)}
