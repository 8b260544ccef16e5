"""Hidden state made visible: where the first nan or inf arose, and where a graph was cut."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from .backprop import Step
from .errors import AnomalyError, DTypeError
from .graph import Node, consumers_first, raw, watched_by, watcher
from .ops import shape
from .primitive import Elementwise
from .transforms import tree_leaves

__all__ = ["CutReport", "cut_report", "detect_anomaly"]

CURES = {
    "log": "keep the argument above 0 (np.log(x + 1e-12)), choose where it is "
           "(np.where(x > 0, np.log(x), 0.0)), or stay in logarithms: ag.log_softmax, np.log1p",
    "sqrt": "its slope at 0 is infinite: add a little (np.sqrt(x + 1e-12)), or take "
            "np.linalg.norm, whose slope at 0 is 0",
    "divide": "keep the divisor away from 0, or choose: np.where(b != 0, a / b, 0.0)",
    "reciprocal": "keep the argument away from 0",
    "exp": "it overflows above 709: subtract the largest first, as ag.softmax and ag.logsumexp do",
    "power": "a fractional power needs a positive base, and has an infinite slope at 0",
    "multiply": "0 · inf, or too large: look at where the inf came from",
    "matmul": "look at the inputs: one of them holds a nan or inf, or is far too large",
    "arcsin": "keep the argument inside (-1, 1): np.clip",
    "arccos": "keep the argument inside (-1, 1): np.clip",
    "eigenvectors": "two eigenvalues are equal, and their vectors not determined",
    "left vectors": "two singular values are equal or 0, and their vectors not determined",
    "right vectors": "two singular values are equal or 0, and their vectors not determined",
}


_NOT_THE_USERS = tuple(os.path.dirname(file) + os.sep for file in (__file__, np.__file__))


class Place(NamedTuple):
    """A line of the user's, and the part of it that ran."""

    file: str
    line: int
    code: str

    def __str__(self) -> str:
        where = f"{os.path.basename(self.file)}:{self.line}"
        return f"`{self.code}` at {where}" if self.code else where


def _users_frame() -> FrameType | None:
    """The innermost frame that is neither ours nor NumPy's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        inside = frame.f_code.co_filename.startswith(_NOT_THE_USERS)
        if not inside and not frame.f_globals.get("__name__", "").startswith("autograd_mini.nn"):
            return frame
        frame = frame.f_back
    return None


def _place() -> Place:
    """Where the user's program is."""
    frame = _users_frame()
    if frame is None:
        return Place("?", 0, "")
    positions = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    first, last, start, stop = positions
    file, line = frame.f_code.co_filename, first or frame.f_lineno
    text = linecache.getline(file, line)
    part = text.encode()[start:stop].decode() if first == last and start is not None else text
    return Place(file, line, part.strip())


class Watcher:
    """What a block of `detect_anomaly` remembers: where each node was made, and each cut."""

    def __init__(self, refuse: bool = True) -> None:
        self.refuse = refuse
        self.places: dict[Node, Place] = {}
        self.cuts: list[tuple[Node, Place]] = []
        self.bad: dict[Node, None] = {}  # a nan or inf arose there …
        self.pending: dict[Node, None] = {}  # … and nothing has used it yet

    def made(self, node: Node) -> None:
        """A node was computed. Its nan or inf is an anomaly if it spreads, or is a result.

        What a where, a maximum … doesn't choose may be inf: the chosen result is finite.
        """
        self.places[node] = _place()
        if not self.refuse:
            return
        if np.all(np.isfinite(node.value)):
            for parent in node.parents:
                self.pending.pop(parent, None)  # type: ignore[arg-type]
            return
        for parent in node.parents:
            if parent in self.bad:
                self.report(parent)
        self.bad[node] = self.pending[node] = None

    def report(self, node: Node) -> None:
        """Raise for a node where a nan or inf arose."""
        raise AnomalyError(_forward_message(node, self.places[node]))

    def finish(self) -> None:
        """Raise if a nan or inf arose that nothing has used, and that nothing hides."""
        for node in self.pending:
            self.report(node)

    def cut(self, *nodes: Node) -> None:
        """Plain numbers were taken out of nodes."""
        place = _place()
        self.cuts.extend((node, place) for node in nodes)

    def look_at(self, turns: Iterator[Step]) -> Iterator[Step]:
        """The turns of a sweep, as they come, unless one sends a nan or inf."""
        self.finish()
        for node, g, sends in turns:
            for i, sent in enumerate(sends):
                if self.refuse and sent is not None and not np.all(np.isfinite(raw(sent))):
                    made = self.places.get(node)
                    raise AnomalyError(_backward_message(node, i, raw(g), raw(sent), made))
            yield node, g, sends


def _name(node: Any, i: int) -> str:
    label = node.label if isinstance(node, Node) else ""
    return label or f"argument {i}"


def _first_bad(array: Any) -> tuple[int, ...]:
    """The index of the first nan or inf."""
    places = np.argwhere(~np.isfinite(array))
    return tuple(map(int, places[0]))


def _at(index: tuple[int, ...]) -> str:
    return f" at [{', '.join(map(str, index))}]" if index else ""


def _operands(node: Node, index: tuple[int, ...]) -> str:
    """The arguments at the bad index, or what is wrong with them as a whole."""
    lines = []
    for i, (parent, x) in enumerate(zip(node.parents, node.inputs, strict=True)):
        if isinstance(node.op, Elementwise):
            there = np.broadcast_to(x, shape(node))[index] if index else np.asarray(x).item()
            lines.append(f"{_name(parent, i)} is {float(there):.6g} there")
        else:
            bad = int(np.size(x) - np.count_nonzero(np.isfinite(x)))
            state = f"{bad} nan or inf in it" if bad else (
                f"all finite, |x| up to {np.max(np.abs(x), initial=0.0):.6g}")
            lines.append(f"{_name(parent, i)} has shape {np.shape(x)}, {state}")
    return "; ".join(lines)


def _cure(node: Node) -> str:
    if not all(np.all(np.isfinite(x)) for x in node.inputs):
        return "it came in with an argument: look where that was made"
    assert node.op is not None
    return CURES.get(node.op.name, "look at the arguments: outside its domain, or too large")


def _forward_message(node: Node, place: Place) -> str:
    assert node.op is not None
    index = _first_bad(node.value)
    value = float(np.asarray(node.value)[index])
    return (f"{node.op.name} gave {value}{_at(index)}, computed by {place}\n"
            f"  {_operands(node, index)}\n  usual cure: {_cure(node)}")


def _backward_message(node: Node, i: int, g: Any, sent: Any, place: Place | None) -> str:
    assert node.op is not None
    index = _first_bad(sent)
    value = float(np.asarray(sent)[index])
    where = f"computed by {place}" if place else "computed before the block began"
    heard = g if np.shape(g) == np.shape(sent) else None
    cotangent = "" if heard is None else f"; the cotangent is {float(np.asarray(g)[index]):.6g}"
    there = index if np.shape(sent) == shape(node) else ()
    operands = _operands(node, there) if there or not shape(node) else ""
    return (f"in the backward pass {node.op.name} sent {value}{_at(index)} to "
            f"{_name(node.parents[i], i)}; the node was {where}\n"
            f"  {operands}{cotangent}\n  usual cure: {_cure(node)}")


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """A `with` block in which the first nan or inf, forward or backward, raises `AnomalyError`.

    It names the operation, your file and line, the operands at the bad index, and the usual cure.
    What isn't chosen (by where, maximum, an index …) may be inf: a nan or inf is an anomaly once
    it spreads to another result, or is one itself. Everything is slower in there.

    >>> import numpy as np, autograd_mini as ag
    >>> x = ag.Tensor([4.0, 0.0], label="x")
    >>> with ag.detect_anomaly():
    ...     np.sum(np.sqrt(x)).backward()
    Traceback (most recent call last):
    ...
    autograd_mini.errors.AnomalyError: in the backward pass sqrt sent inf at [1] to x; ...
    """
    someone = Watcher()
    with watched_by(someone):
        yield
    someone.finish()


class CutReport(NamedTuple):
    """Which parameters a loss doesn't reach, each with the places where it may have been cut."""

    reached: list[str]
    cut: dict[str, list[Place]]

    def __str__(self) -> str:
        if not self.cut:
            return f"all {len(self.reached)} parameters have a gradient"
        lines = []
        for name, places in self.cut.items():
            if places:
                because = " and ".join(dict.fromkeys(map(str, places)))
                lines.append(f"{name} has no gradient because of {because}")
            else:
                lines.append(f"{name} has no gradient: the loss isn't made of it, and no cut was "
                             "seen: give cut_report the function that computes the loss")
        return "\n".join(lines)


def cut_report(loss: Any, parameters: Any) -> CutReport:
    """Why parameters have no gradient: where float(), .data, np.sign … took plain numbers.

    loss: a function without arguments that computes the loss, which is watched; or a node, of
    which is known what the `detect_anomaly` block around has seen. parameters: a Module, or
    nodes in (nested) lists and dicts.

    Raises `DTypeError` if the loss isn't a node, or a parameter isn't.

    >>> import autograd_mini as ag
    >>> w = ag.Value(2.0, label="w")
    >>> print(ag.cut_report(lambda: ag.Value(float(w * 3.0)) + 1.0, [w]))
    w has no gradient because of `float(w * 3.0)` at ...
    """
    someone = watcher() or Watcher(refuse=False)
    if isinstance(loss, Callable) and not isinstance(loss, Node):  # type: ignore[arg-type]
        with watched_by(someone):
            loss = loss()
    named = _named(parameters)
    reached = set(consumers_first(loss)) if isinstance(loss, Node) else set()
    behind = [(set(consumers_first(node)), place) for node, place in someone.cuts]
    cut = {name: [place for nodes, place in behind if p in nodes]
           for name, p in named if p not in reached}
    return CutReport([name for name, p in named if p in reached], cut)


def _named(parameters: Any) -> list[tuple[str, Node]]:
    """(name, node) of each: its label, or its place."""
    if hasattr(parameters, "named_parameters"):
        return list(parameters.named_parameters())
    tree = [parameters] if isinstance(parameters, Node) else parameters
    named = [(node.label if isinstance(node, Node) and node.label else path, node)
             for path, node in tree_leaves(tree)]
    for path, node in named:
        if not isinstance(node, Node):
            raise DTypeError(f"parameter {path} is a {type(node).__name__}, not a node")
    return named
