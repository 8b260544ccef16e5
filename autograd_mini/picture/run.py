"""What a picture is of: a node, or what a function computes, and the names of its nodes."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

import numpy as np

from ..call import inside_transform, variable
from ..errors import AutogradError, with_article
from ..graph import Node, topological_order
from ..places import Place, refused_at
from ..recording import recording, watched_by
from ..trees import is_nested, rebuilt, steps_into
from .frames import paths_in, variables_in
from .watched import Part, Watcher

__all__ = ["Run", "run_of"]

CURABLE = AutogradError, TypeError, AttributeError, ValueError, IndexError
"""What is raised by code that can't take nodes as it is: x.median(), range(n), out[i] = x …"""
SURE = 3  # different numbers in an array, by which it is known again
MANY = 10_000
"""So many entries of the user's variables are looked at for names."""


class Run:
    """A node, its graph in forward order, and the user's names for what is in it.

    Of a function that raised there is no output, but all that it had computed of what was given;
    `error` says where and why.
    """

    error = ""

    def __init__(self, output: Node | None, watcher: Watcher, names: Mapping[Node, str],
                 arrays: Sequence[tuple[str, np.ndarray]] = (),
                 objects: Mapping[int, str] | None = None, given: Sequence[Node] = ()) -> None:
        self.watcher = watcher
        self.order = (topological_order(output)[::-1] if output is not None
                      else _all_of(watcher, given))
        self.output = output if output is not None else self.order[-1]
        watcher.forget_all_but(self.order)
        constants = {**_named_constants(self.order, arrays), **watcher.constants}
        self._constants = _numbered_constants(constants)
        self.framed = watcher.framed(self.order)
        known = {**watcher.parameters(objects or {}), **names, **watcher.assigned(self.order)}
        self.names = {node: known[node] for node in self.order if known.get(node)}

    def path(self, node: Node) -> tuple[Part, ...]:
        """The parts of the program in which a node was made; of a leaf none."""
        return self.watcher.paths.get(node, ())

    def place(self, node: Node) -> Place | None:
        """The user's line that made it, if it is known."""
        return self.watcher.place(node)

    def constant_name(self, node: Node, i: int) -> str:
        """What the user calls the plain array that is argument i of a node; "" if unknown."""
        return self._constants.get((node, i), "")


def _all_of(watcher: Watcher, given: Sequence[Node]) -> list[Node]:
    """The arguments and all nodes that were made, each after what it was made of."""
    order = {node: None for node in given if node.op is None}
    for node in watcher.paths:
        order |= dict.fromkeys([p for p in node.parents if p is not None] + [node])
    return list(order)


def _named_constants(order: Sequence[Node], arrays: Sequence[tuple[str, np.ndarray]]
                     ) -> dict[tuple[Node, int], str]:
    """The names of plain arrays, by where they are an argument: those of equal arrays."""
    by_shape: dict[Any, list[tuple[str, np.ndarray]]] = {}
    for name, array in arrays:
        if np.unique(array[:MANY].ravel()[:MANY]).size < SURE:  # ones, a mask: it may be any
            continue
        by_shape.setdefault(array.shape, []).append((name, array))
    found = {}
    for node in order if by_shape else ():
        for i, (parent, x) in enumerate(zip(node.parents, node.inputs, strict=True)):
            if parent is None and np.ndim(x):
                equal = {id(array): name for name, array in by_shape.get(np.shape(x), ())
                         if np.array_equal(array, x)}
                if len(equal) == 1:  # of several it isn't known which one it was
                    found[node, i] = next(iter(equal.values()))
    return found


def _numbered_constants(names: Mapping[tuple[Node, int], str]) -> dict[tuple[Node, int], str]:
    """The same names, with a number where one was that of several arrays, as in a loop."""
    arrays: dict[str, list[Any]] = {}
    told = {}
    for (node, i), name in names.items():
        x = node.inputs[i]
        known = arrays.setdefault(name, [])
        k = next((k for k, other in enumerate(known) if np.array_equal(other, x)), len(known))
        if k == len(known):
            known.append(x)
        told[node, i] = name, k
    return {at: name if len(arrays[name]) == 1 else f"{name}({k + 1})"
            for at, (name, k) in told.items()}


def run_of(what: Any, args: Sequence[Any], frame: FrameType | None, doing: str) -> Run:
    """The run that a node, or a function with its arguments, stands for.

    frame: whose variables name the nodes. doing: the name of the function that the user called.
    Raises `TypeError` for what is neither, or a function that doesn't return one node.
    """
    if isinstance(what, Node):
        if args:
            raise TypeError(f"{doing} takes arguments after a function; this is a node, which is "
                            "computed already")
        names, arrays, objects = _variables_of(frame)
        return Run(what, Watcher(), names, arrays, objects)
    if not callable(what):
        raise TypeError(f"{doing} takes a Value, a Tensor or a function, not "
                        f"{with_article(type(what).__name__)}")
    return _watched(what, args, frame, doing)


# ── a function, called on variables ──────────────────────────────────────────────────────────


def _watched(function: Callable[..., Any], args: Sequence[Any], frame: FrameType | None,
             doing: str) -> Run:
    """The run of a function: plainly, or else as it is written."""
    first: Exception | None = None
    y: Any = None
    known: tuple[Watcher, dict[Node, str]]
    try:
        for whole, way in itertools.product((True, False), (_plainly, _as_written)):
            watcher = Watcher()
            names: dict[Node, str] = {}
            given = [_as_variables(x, name, names, whole)
                     for x, name in zip(args, _parameters(function, len(args)), strict=True)]
            try:
                y = _called(way(function), given, watcher)
            except Exception as error:
                if first is None:
                    first, known = error, (watcher, names)
                if isinstance(error, CURABLE):
                    continue
                break
            if isinstance(y, Node):
                return _named_run(y, watcher, names, function, frame)
            break  # the function is fine, but for what it returns
        if first is not None and doing == "draw" and known[0].paths:
            run = _named_run(None, *known, function, frame)
            run.error = refused_at(first)
            return run
        if first is not None:
            raise first
        raise TypeError(_no_node(y, doing))
    finally:
        del first  # it holds this frame, and that it


def _named_run(output: Node | None, watcher: Watcher, names: Mapping[Node, str],
               function: Callable[..., Any], frame: FrameType | None) -> Run:
    """The run, with the names that the function and the calling code have."""
    around, _, objects = _variables_of(frame)
    own, held = _closed_over(function)
    return Run(output, watcher, {**around, **own, **names}, (), {**objects, **held}, list(names))


def _called(function: Callable[..., Any], given: Sequence[Any], watcher: Watcher) -> Any:
    with recording(), watched_by(watcher), inside_transform(), np.errstate(all="ignore"):
        watcher.begin()
        try:
            return function(*given)
        finally:
            watcher.end()


def _plainly(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def _as_written(function: Callable[..., Any]) -> Callable[..., Any]:
    from ..standins import as_written

    written: Callable[..., Any] = as_written(function)
    return written


def _no_node(y: Any, doing: str) -> str:
    """Why what a function returned can't be drawn, and what to do."""
    if isinstance(y, tuple | list | dict) and any(isinstance(x, Node) for _, x in paths_in(y)):
        found = next(path for path, x in paths_in(y) if isinstance(x, Node))
        key = found if found.isdigit() else repr(found)
        return (f"the function returned {with_article(type(y).__name__)} of {len(y)}, and {doing} "
                f"takes one node: choose one, as in lambda *args: f(*args)[{key}]")
    return (f"the function returned {with_article(type(y).__name__)}, not a Value or a Tensor that "
            "its arguments made (numbers and arrays that are given with it become variables; "
            "defaults don't)")


def _parameters(function: Callable[..., Any], count: int) -> list[str]:
    """The names of the first arguments; "" where there is none."""
    names: list[str] = []
    try:
        for p in inspect.signature(function).parameters.values():
            if p.kind is p.VAR_POSITIONAL:
                names += [f"{p.name}[{i}]" for i in range(count - len(names))]
            elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
                names.append(p.name)
    except (TypeError, ValueError):
        pass
    return (names + [""] * count)[:count]


def _as_variables(x: Any, name: str, names: dict[Node, str], whole: bool) -> Any:
    """An argument with a variable for each number of it that can be differentiated by.

    whole: whether a whole number is one, too, and not a count or an index. Arrays of whole numbers
    stay as they are: they choose, or are labels.
    """
    if is_nested(x):
        return rebuilt(x, [_as_variables(branch, name + _step(step), names, whole)
                           for step, branch in steps_into(x)])
    if isinstance(x, Node):
        if not x.label:
            names[x] = name
        return x
    number = isinstance(x, float | np.floating) or (
        whole and isinstance(x, int | np.integer) and not isinstance(x, bool))
    if number or (isinstance(x, np.ndarray) and x.dtype.kind == "f"):
        node = variable(x)
        names[node] = name
        return node
    return x


def _closed_over(function: Callable[..., Any]) -> tuple[dict[Node, str], dict[int, str]]:
    """The nodes, and by their ids the objects, that a function uses without being given them, by
    its own names for them.
    """
    try:
        used = inspect.getclosurevars(function)
    except (TypeError, ValueError):
        return {}, {}
    space = {**used.globals, **used.nonlocals}
    return _nodes_in(space), {id(x): name for name, x in space.items()}


def _step(step: str) -> str:
    """One step into a container: `[0]` or `.key`."""
    key = step.strip("[].'\"")
    return f"[{key}]" if key.isdigit() else f".{key}" if key.isidentifier() else f"[{key!r}]"


# ── a node, named by the variables of whoever asks ───────────────────────────────────────────


def _variables_of(frame: FrameType | None) -> tuple[
        dict[Node, str], list[tuple[str, np.ndarray]], dict[int, str]]:
    """The nodes, the plain arrays and the objects that a frame has names for."""
    names: dict[Node, str] = {}
    arrays: list[tuple[str, np.ndarray]] = []
    objects: dict[int, str] = {}
    if frame is None:
        return names, arrays, objects
    for space in (variables_in(frame), frame.f_globals):
        known = {name: x for name, x in list(space.items())
                 if name.isidentifier() and not name.startswith("_")}
        names = {**_nodes_in(known), **names}
        arrays += [(name, x) for name, x in known.items() if isinstance(x, np.ndarray)]
        objects = {**{id(x): name for name, x in known.items()}, **objects}
    return names, arrays, objects


def _nodes_in(space: Mapping[str, Any]) -> dict[Node, str]:
    """The nodes among variables, and in the containers and objects that are among these."""
    names: dict[Node, str] = {}
    inside = ((f"{name}.{path}", part) for name, x in space.items() for path, part in paths_in(x))
    for name, x in itertools.chain(space.items(), itertools.islice(inside, MANY)):
        if isinstance(x, Node):
            names.setdefault(x, name)
    return names
