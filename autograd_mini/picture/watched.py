"""A function watched as it computes: where each node was made, and what the user calls it.

A node is made in parts of the program: calls of modules (of any object with a `forward` or a
`__call__`), functions, `scope` blocks. These are read off Python's stack when the node is made, so
that a program which isn't being drawn pays nothing for it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from types import FrameType
from typing import Any

import numpy as np

from ..graph import Node
from ..places import (
    RETURNED,
    Place,
    Spot,
    assigned_names,
    place_in,
    users_frame,
)
from ..recording import Observer
from .frames import (
    BUILTIN,
    arguments_of,
    calls,
    constant_in,
    is_method,
    kind_of,
    nodes_held,
    paths_in,
    spot,
    variables_in,
)
from .notation import printable

__all__ = ["Part", "Watcher", "scope"]


class Part:
    """One call, or one block, in which nodes were made.

    kind: "module", "function" (of the user's), "composite" (a function of ours) or "scope". of: the
    module. arguments: of a call, each as (its name if it is to be written, else "", what it was): a
    node, a float, or a text; None if they aren't known any longer.
    """

    def __init__(self, name: str, kind: str, of: Any = None,
                 arguments: Sequence[tuple[str, Any]] | None = None) -> None:
        self.name, self.kind, self.of, self.arguments = printable(name), kind, of, arguments

    @property
    def title(self) -> str:
        """The name, and of a module its class: `layers.0 · Linear`."""
        own = printable(type(self.of).__name__) if self.kind == "module" else self.name
        return self.name if own == self.name else f"{self.name} · {own}"


# The blocks that are open, each with the id of the frame that opened it (which lives as long as the
# block is open, and is not to be kept alive by this), and the object that did.
_open: ContextVar[tuple[tuple[Part, int, object], ...]] = ContextVar(
    "autograd_mini.scope", default=())


class scope(contextlib.ContextDecorator):  # noqa: N801, it is called like a function
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

    def __enter__(self) -> None:
        frame = sys._getframe(1)
        while frame.f_code.co_filename == contextlib.__file__ and frame.f_back is not None:
            frame = frame.f_back  # an ExitStack, or a decorated function
        _open.set((*_open.get(), (Part(self.name, "scope"), id(frame), self)))

    def __exit__(self, *error: object) -> None:
        blocks = _open.get()  # not those of another thread, or of a generator that goes on
        own = max((k for k, (_, _, opener) in enumerate(blocks) if opener is self), default=None)
        if own is not None:
            _open.set(blocks[:own] + blocks[own + 1:])


class Watcher(Observer):
    """Notes of each node the parts it is made in, its line, and the names of its constants."""

    def __init__(self) -> None:
        self.paths: dict[Node, tuple[Part, ...]] = {}
        self.spots: dict[Node, tuple[Spot, Spot | None]] = {}
        self.executions: dict[Node, int] = {}  # which call of the user's made it
        self.constants: dict[tuple[Node, int], str] = {}
        self._entries: dict[FrameType, int] = {}  # what the user's lines called, while it runs
        self._calls: list[tuple[FrameType, Part | None]] = []  # of the last node, outermost first
        self._held: dict[int, tuple[Any, dict[int, str]]] = {}
        self._base: FrameType | None = None

    def begin(self) -> None:
        """What the calling frame calls is the program; its own callers aren't."""
        self._base = sys._getframe(1)

    def end(self) -> None:
        """Let go of the frames."""
        self._calls, self._base, self._entries, self._held = [], None, {}, {}

    def forget_all_but(self, order: Sequence[Node]) -> None:
        """Let go of nodes that the output isn't made of."""
        kept = set(order)
        self.paths = {node: path for node, path in self.paths.items() if node in kept}
        self.spots = {node: spots for node, spots in self.spots.items() if node in kept}
        self.executions = {node: k for node, k in self.executions.items() if node in kept}
        self.constants = {at: name for at, name in self.constants.items() if at[0] in kept}

    def made(self, node: Node) -> None:
        """A node was computed."""
        self.paths[node] = self._path()
        frame = users_frame()
        if frame is None:
            return
        back = frame.f_back
        caller = spot(back) if back is not None and back is not self._base else None
        self.spots[node] = spot(frame), caller
        running = {f for f, _ in self._calls}
        self._entries = {f: k for f, k in self._entries.items() if f in running}
        entry = next((f for f, _ in self._calls if f.f_back is frame), None)
        self.executions[node] = len(self.executions) if entry is None else (
            self._entries.setdefault(entry, len(self.executions)))
        for i, (parent, x) in enumerate(zip(node.parents, node.inputs, strict=True)):
            if parent is None and np.ndim(x) and (name := constant_in(frame, x)):
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
        running = self._calls = self._calls[:known]
        for f in stack[known:]:
            running.append((f, self._part(f, [part for _, part in running if part is not None])))
        blocks = _open.get()
        path: list[Part] = []  # a block of a generator that waits isn't where this is made
        for f, part in running:
            path += [part] if part is not None else []
            path += [block for block, opened_in, _ in blocks if opened_in == id(f)]
        return tuple(path)

    def _part(self, frame: FrameType, around: Sequence[Part]) -> Part | None:
        """The part that a call is, if it is one."""
        kind = kind_of(frame.f_code, frame.f_globals.get("__name__", ""))
        if not kind or any(part.kind == "composite" for part in around):
            return None
        name, code = frame.f_code.co_name, frame.f_code
        itself = variables_in(frame).get(code.co_varnames[0]) if kind == "module" else None
        if kind == "module" and not is_method(itself, code):  # a function called forward
            kind = "function"
        if kind != "module":  # the function that is drawn is the whole drawing
            again = any(f.f_code is code for f, _ in self._calls)  # it calls itself: one part
            inside = kind == "composite" or (self._inside(frame) and not again)
            return Part(name, kind, arguments=arguments_of(frame)) if inside else None
        if any(part.of is itself for part in around[-1:]):  # __call__ calls forward
            return None
        holder = next((part.of for part in reversed(around) if part.of is not None), None)
        path = self._names_in(holder).get(id(itself), "")
        given = arguments_of(frame)
        return Part(path or type(itself).__name__, "module", itself,
                    given[1:] if given is not None else None)  # without itself

    def _names_in(self, holder: Any) -> dict[int, str]:
        """By the ids of what an object holds, the paths to it."""
        if id(holder) not in self._held:  # it is kept, so that no other object has its id
            self._held[id(holder)] = holder, {}
            names = self._held[id(holder)][1]
            for path, x in paths_in(holder):
                names.setdefault(id(x), path)
        return self._held[id(holder)][1]

    def _inside(self, frame: FrameType) -> bool:
        """Whether a function of the user's is called by another."""
        back = frame.f_back
        while back is not None and back is not self._base:
            kind = kind_of(back.f_code, back.f_globals.get("__name__", ""))
            if kind in ("function", "module") or back.f_code.co_name == "<lambda>":
                return True
            back = back.f_back
        return False

    # ── names ────────────────────────────────────────────────────────────────────────────────

    def place(self, node: Node) -> Place | None:
        """The user's line that made a node."""
        if node not in self.spots:
            return None
        made_at, caller = self.spots[node]
        return place_in(made_at, place_in(caller) if caller is not None else None)

    def assigned(self, order: Sequence[Node]) -> dict[Node, str]:
        """The variables that nodes were assigned to, by the source.

        Of the nodes that one call made, it is the last that no other of them uses.
        """
        used = {(parent, self.executions.get(node)) for node in order for parent in node.parents}
        steps = {(parent, self.spots.get(node)) for node in order for parent in node.parents}
        unseen = {parent for parent, execution in used if execution is None}  # by a backward pass
        last = {self.executions[node]: node for node in self.executions
                if (node, self.executions[node]) not in used}
        names = {}
        for node in order:
            place = self.place(node)
            if place is None or node in unseen or last.get(self.executions[node]) is not node:
                continue
            known = assigned_names(place.file).get((place.line, *place.span))
            if known == RETURNED and place.caller is not None:
                place = place.caller if calls(place.caller, self.spots[node][0].f_code) else place
                known = assigned_names(place.file).get((place.line, *place.span))
            within = BUILTIN.match(place.code) and (node, self.spots[node]) in steps
            if known and known != RETURNED and not within:
                names[node] = known.removeprefix("self.")
        return names

    def parameters(self, variables: Mapping[int, str]) -> dict[Node, str]:
        """The nodes that the modules hold, by their paths.

        variables: by the id of an object, the name of the variable that holds it.
        """
        called = dict.fromkeys(path[0] for path in self.paths.values() if path)
        roots = {id(part.of): part for part in called if part.kind == "module"}
        names: dict[Node, str] = {}
        for part in roots.values():
            holder = variables.get(id(part.of), part.name)
            for call in called:  # two layers of one class aren't two calls of one layer
                if call.of is part.of and holder != "self" and call.name == type(part.of).__name__:
                    call.name = printable(holder)
            for path, x in paths_in(part.of):
                if isinstance(x, Node):
                    names.setdefault(x, path if len(roots) == 1 else f"{holder}.{path}")
        return names

    def framed(self, order: Sequence[Node]) -> set[Node]:
        """The parameters that are used in calls of the module that holds them, and nowhere else.
        """
        held: dict[int, set[Node]] = {}
        inside: dict[Node, bool] = {}
        for node in order:
            parts = [part.of for part in self.paths.get(node, ()) if part.kind == "module"]
            for of in parts:
                if id(of) not in held:
                    held[id(of)] = nodes_held(of)
            for parent in node.parents:
                if parent is not None and parent.op is None:
                    own = any(parent in held[id(of)] for of in parts)
                    inside[parent] = inside.get(parent, True) and own
        return {parameter for parameter, own in inside.items() if own}
