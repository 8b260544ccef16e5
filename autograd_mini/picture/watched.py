"""A function watched as it computes: where each node was made, and what the user calls it.

A node is made in parts of the program: calls of modules (of any object with a `forward` or a
`__call__`), functions, `scope` blocks. These are read off Python's stack when the node is made, so
that a program which isn't being drawn pays nothing for it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..graph import Node
from ..places import (
    RETURNED,
    Place,
    Spot,
    assigned_names,
    is_users_file,
    place_in,
    users_frame,
)
from ..recording import Observer

__all__ = ["Part", "Watcher", "paths_in", "scope"]

OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep
COMPOSED = tuple(OURS + room for room in ("functions" + os.sep, "scipy_api" + os.sep, "special.py"))


class Part:
    """One call, or one block, in which nodes were made.

    kind: "module", "function" (of the user's), "composite" (a function of ours) or "scope".
    """

    def __init__(self, name: str, kind: str, of: Any = None) -> None:
        self.name, self.kind, self.of = name, kind, of

    @property
    def is_ours(self) -> bool:
        """Whether it is a call of the library's, and no line of the user's is inside."""
        return self.kind == "composite" or (
            self.kind == "module" and type(self.of).__module__.startswith("autograd_mini."))

    @property
    def title(self) -> str:
        """The name, and of a module its class: `layers.0 · Linear`."""
        own = type(self.of).__name__ if self.kind == "module" else self.name
        return self.name if own == self.name else f"{self.name} · {own}"


_open: ContextVar[tuple[tuple[Part, FrameType], ...]] = ContextVar("autograd_mini.scope",
                                                                   default=())


class scope(ContextDecorator):  # noqa: N801, it is called like a function
    """A `with` block that is one part of a drawing, under a name, as the call of a module is.

    A drawing of a function (`ag.draw(f, x)`) shows the part as one box when it is folded, and with
    a frame around it when it isn't. It changes nothing in what is computed.

    >>> import autograd_mini as ag
    >>> def f(x):
    ...     with ag.scope("the square"):
    ...         y = x * x
    ...     return y + 1.0
    >>> f(3.0)
    10.0
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"scope takes a name, not a {type(name).__name__}")
        self.name = name
        self._tokens: list[Token[Any]] = []

    def __enter__(self) -> None:
        entered = Part(self.name, "scope"), sys._getframe(1)
        self._tokens.append(_open.set((*_open.get(), entered)))

    def __exit__(self, *error: object) -> None:
        _open.reset(self._tokens.pop())


class Watcher(Observer):
    """Notes of each node the parts it is made in, its line, and the names of its constants."""

    def __init__(self) -> None:
        self.paths: dict[Node, tuple[Part, ...]] = {}
        self.spots: dict[Node, tuple[Spot, Spot | None]] = {}
        self.constants: dict[tuple[Node, int], str] = {}
        self._calls: list[tuple[FrameType, Part | None]] = []  # of the last node, outermost first
        self._base: FrameType | None = None

    def begin(self) -> None:
        """What the calling frame calls is the program; its own callers aren't."""
        self._base = sys._getframe(1)

    def end(self) -> None:
        """Let go of the frames."""
        self._calls, self._base = [], None

    def made(self, node: Node) -> None:
        """A node was computed."""
        self.paths[node] = self._path()
        frame = users_frame()
        if frame is None:
            return
        back = frame.f_back
        caller = _spot(back) if back is not None and back is not self._base else None
        self.spots[node] = _spot(frame), caller
        for i, (parent, x) in enumerate(zip(node.parents, node.inputs, strict=True)):
            if parent is None and np.ndim(x) and (name := _constant_in(frame, x)):
                self.constants[node, i] = name

    def _path(self) -> tuple[Part, ...]:
        """The parts that are open just now, the outermost first."""
        stack: list[FrameType] = []
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame is not self._base:
            stack.append(frame)
            frame = frame.f_back
        stack.reverse()
        known = 0
        while known < min(len(stack), len(self._calls)) and self._calls[known][0] is stack[known]:
            known += 1
        calls = self._calls[:known]
        for f in stack[known:]:
            calls.append((f, self._part(f, [part for _, part in calls if part is not None])))
        self._calls = calls
        blocks = _open.get()
        path = [part for part, f in blocks if f not in stack and f is not self._base]
        for f, part in calls:
            path += [part] if part is not None else []
            path += [block for block, entered_in in blocks if entered_in is f]
        return tuple(path)

    def _part(self, frame: FrameType, around: Sequence[Part]) -> Part | None:
        """The part that a call is, if it is one."""
        kind = _kind(frame.f_code, frame.f_globals.get("__name__", ""))
        if not kind or any(part.kind == "composite" for part in around):
            return None
        name = frame.f_code.co_name
        if kind != "module":  # the function that is drawn is the whole drawing
            return Part(name, kind) if kind == "composite" or self._inside(frame) else None
        itself = frame.f_locals.get(frame.f_code.co_varnames[0])
        if any(part.of is itself for part in around[-1:]):  # __call__ calls forward
            return None
        holder = next((part.of for part in reversed(around) if part.of is not None), None)
        path = next((p for p, x in paths_in(holder) if x is itself), "")
        return Part(path or type(itself).__name__, "module", itself)

    def _inside(self, frame: FrameType) -> bool:
        """Whether a function of the user's is called by another."""
        back = frame.f_back
        while back is not None and back is not self._base:
            if _kind(back.f_code, back.f_globals.get("__name__", "")) in ("function", "module"):
                return True
            back = back.f_back
        return False

    # ── names ────────────────────────────────────────────────────────────────────────────────

    def place(self, node: Node) -> Place | None:
        """The user's line that made a node."""
        if node not in self.spots:
            return None
        spot, caller = self.spots[node]
        return place_in(spot, place_in(caller) if caller is not None else None)

    def assigned(self, order: Sequence[Node]) -> dict[Node, str]:
        """The variables that nodes were assigned to, by the source."""
        library = {node: next((p for p in self.paths.get(node, ()) if p.is_ours), None)
                   for node in order}
        inside = {(parent, library[node]) for node in order for parent in node.parents}
        names = {}
        for node in order:
            place, call = self.place(node), library[node]
            if place is None or (call is not None and (node, call) in inside):
                continue  # it is on the way to what the function returns
            known = assigned_names(place.file).get((place.line, *place.span))
            if known == RETURNED and place.caller is not None:
                place = place.caller
                known = assigned_names(place.file).get((place.line, *place.span))
            if known and known != RETURNED:
                names[node] = known.removeprefix("self.")
        return names

    def parameters(self) -> dict[Node, str]:
        """The nodes that the modules hold, by their paths."""
        called = dict.fromkeys(path[0] for path in self.paths.values() if path)
        roots = {id(part.of): part for part in called if part.kind == "module"}
        names: dict[Node, str] = {}
        for part in roots.values():
            for path, x in paths_in(part.of):
                if isinstance(x, Node):
                    names.setdefault(x, path if len(roots) == 1 else f"{part.name}.{path}")
        return names


def _kind(code: CodeType, module: str) -> str:
    """What kind of part the call of a function is; "" if it is none."""
    if code.co_name.startswith("<") or code.co_name == "__init__":
        return ""
    in_nn = module.startswith("autograd_mini.nn")
    users = is_users_file(code.co_filename) and not in_nn
    if (users or in_nn) and code.co_name in ("__call__", "forward") and code.co_argcount:
        return "module"
    if users:
        return "function"
    ours = code.co_filename.startswith(COMPOSED) or (in_nn and module.endswith(".losses"))
    return "composite" if ours and not code.co_name.startswith("_") and (
        "<" not in code.co_qualname) else ""


def _spot(frame: FrameType) -> Spot:
    return Spot(frame.f_code, frame.f_lasti, frame.f_lineno)


def _constant_in(frame: FrameType, x: Any) -> str:
    """The name that a plain array has in the line of the user's that is running; "" if none."""
    code = place_in(frame).code
    for name in dict.fromkeys(re.findall(r"(?<![\w.])[^\W\d]\w*", code)):
        value = frame.f_locals.get(name, frame.f_globals.get(name))
        for i, array in enumerate(value[:MANY] if isinstance(value, list | tuple) else [value]):
            if isinstance(array, np.ndarray) and array.shape == np.shape(x) and (
                    np.array_equal(array, x)):
                return str(name) if array is value else f"{name}[{i}]"
    return ""


DEEP, MANY = 6, 1000
"""So far into containers and objects, and into so much of a list, names are looked for."""


def paths_in(x: Any, path: str = "", depth: int = 0, entered: frozenset[int] = frozenset()
             ) -> Iterator[tuple[str, Any]]:
    """(path, part) of what an object, a list or a dict holds: `layers.0.w.1`."""
    if id(x) in entered or depth > DEEP:
        return
    if isinstance(x, dict):
        branches = [(str(key), branch) for key, branch in x.items()]
    elif isinstance(x, list | tuple):
        branches = [(str(i), branch) for i, branch in enumerate(x)]
    elif isinstance(x, Node | np.ndarray) or not hasattr(x, "__dict__") or isinstance(x, type) or (
            type(x).__module__ == "builtins" or (callable(x) and not hasattr(x, "forward")
            and "__call__" not in type(x).__dict__)):
        return
    else:
        branches = list(vars(x).items())
    for key, branch in branches:
        here = f"{path}.{key}" if path else key
        yield here, branch
        yield from paths_in(branch, here, depth + 1, entered | {id(x)})
