"""Hidden state made visible: where the first nan or inf arose, and where a graph was cut."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from .backprop import Step
from .errors import AnomalyError, DTypeError, NotDifferentiableError
from .graph import Node, topological_order, value_of
from .ops import common_consumer, shape
from .passes import NotFiniteError
from .places import Place, here
from .primitive import Elementwise
from .recording import Observer, current_observer, observed_by
from .trees import tree_leaves

__all__ = ["CutReport", "cut_report", "detect_anomaly", "strict"]

ANOTHER_ARGUMENT = "it came in with an argument: look where that was made"
CURES = {
    # the operation; what went wrong: "domain" (nan of finite numbers), "range" (inf), "slope"
    ("log", "range"): "keep the argument above 0 (np.log(x + 1e-12)), or stay in logarithms: "
                      "ag.log_softmax, ag.logsumexp, np.log1p",
    ("log", "domain"): "the argument is negative: choose where it isn't, "
                       "np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), 0.0)",
    ("sqrt", "domain"): "the argument is negative, perhaps by rounding: np.maximum(x, 0.0)",
    ("sqrt", "slope"): "its slope at 0 is infinite: add a little (np.sqrt(x + 1e-12)), or take "
                       "np.linalg.norm, whose slope at 0 is 0",
    ("divide", "range"): "keep the divisor away from 0, or choose: np.where(b != 0, a / b, 0.0)",
    ("divide", "domain"): "0/0 or ∞/∞: choose where the divisor isn't 0",
    ("exp", "range"): "it overflows (from 709 on, in float32 from 88): subtract the largest first, "
                      "as ag.softmax and ag.logsumexp do",
    ("power", "domain"): "a fractional power of a negative number: use np.abs, or a whole power",
    ("power", "slope"): "a power below 1 has an infinite slope at 0: add a little to the base",
    ("multiply", "domain"): "0 · ∞: look where the ∞ was made",
    ("arcsin", "domain"): "outside [-1, 1]: np.clip(x, -1.0, 1.0)",
    ("arccos", "domain"): "outside [-1, 1]: np.clip(x, -1.0, 1.0)",
    ("arcsin", "slope"): "its slope at ±1 is infinite: np.clip(x, -1 + 1e-7, 1 - 1e-7)",
    ("arccos", "slope"): "its slope at ±1 is infinite: np.clip(x, -1 + 1e-7, 1 - 1e-7)",
    ("eigenvectors", "slope"): "two eigenvalues are equal, and their vectors not determined",
    ("left vectors", "slope"): "two singular values are equal or 0, and nothing determines these",
    ("right vectors", "slope"): "two singular values are equal or 0, and nothing determines these",
}
USUAL = {
    "domain": "the arguments are outside the function's domain",
    "range": "the result is too large for its dtype, or the argument is at a pole",
    "slope": "the slope is infinite or too large there: keep the argument away from it",
}


class AnomalyObserver(Observer):
    """What a block of `detect_anomaly` remembers: where each node was made, and each cut.

    Of a graph that has been swept it forgets all, so that a training loop fits into a block.
    """

    def __init__(self, refuse: bool = True, reports: bool = False) -> None:
        self.refuse, self.reports = refuse, reports  # of cuts, which are then let happen
        self.places: dict[Node, Place] = {}  # in the order of making
        self.results: dict[Node, None] = {}  # nan or inf in them, and nothing has used them yet
        most = None if reports else 1000  # of a block, which may hold a whole training
        self.cuts: deque[tuple[Node, Place]] = deque(maxlen=most)
        self.losses: deque[tuple[Node, Place]] = deque(maxlen=most)  # those that aren't by nature
        self.forgot = False  # whether there were more

    def made(self, node: Node) -> None:
        """A node was computed."""
        self.places[node] = here()
        if self.results:
            for parent in node.parents:
                self.results.pop(parent, None)  # type: ignore[arg-type]  # None is no key
        if self.refuse and not _is_finite(node.value):
            self.results[node] = None

    def detached(self, *nodes: Node) -> None:
        """Plain numbers were taken out of nodes."""
        place = here()
        self.forgot = self.forgot or len(self.cuts) == self.cuts.maxlen
        self.cuts.extend([(node, place) for node in nodes if not self._is_swept(node)])

    def _is_swept(self, node: Node) -> bool:
        """Whether all of a node has been swept, so that no graph need be kept for it."""
        return node.op is not None and node.gradient is not None and node not in self.places

    def lost(self, *nodes: Node) -> None:
        """And a gradient may be lost with them: what was taken isn't constant by nature."""
        place = here()
        self.losses.extend([(node, place) for node in nodes if not self._is_swept(node)])

    def finish(self) -> None:
        """Raise if a nan or inf is the result of something."""
        for node in self.results:
            self.report(node)

    def report(self, output: Node) -> None:
        """Raise for the first nan or inf that `output`, in which there is one, is made of."""
        bad = {node for node in topological_order(output)
               if node.op and not _is_finite(node.value)}
        first = [node for node in self.places if node in bad and bad.isdisjoint(node.parents)]
        if first:
            raise AnomalyError(_forward_message(first[0], self.places[first[0]]))

    def glance(self, turns: Iterator[Step]) -> Iterator[Step]:
        """The turns of a pass of plain arithmetic; where a nan or inf arrives it is given up.

        Then `look_at` has another pass, which knows what was never sent, and finds out. What was
        sent needn't be looked at: of what arrives, added up, one nan or inf makes another.
        """
        swept: list[Node] = []
        for node, g, sends in turns:
            if not swept and self.refuse and not _is_finite(node.value):
                raise NotFiniteError
            swept.append(node)
            if self.refuse and not _is_finite(value_of(g)):
                raise NotFiniteError
            yield node, g, sends
        self._forget(swept)

    def look_at(self, turns: Iterator[Step]) -> Iterator[Step]:
        """The turns of a sweep, as they come; raise if a nan or inf goes in, or reaches its end.

        What is stopped on its way (by a relu, a clip …) does no harm.
        """
        message = ""
        swept: list[Node] = []
        for node, g, sends in turns:
            if not swept and self.refuse and not _is_finite(node.value):
                self.report(node)
            swept.append(node)
            for i, sent in enumerate(sends):
                if not message and sent is not None and not _is_finite(value_of(sent)):
                    message = _backward_message(node, i, value_of(g), value_of(sent),
                                                self.places.get(node))
            if self.refuse and not sends and not _is_finite(value_of(g)):
                raise AnomalyError(message or _sum_message(node, value_of(g)))
            yield node, g, sends
        self._forget(swept)

    def _forget(self, swept: list[Node]) -> None:
        """Forget the nodes of a graph that has been swept."""
        for node in swept:
            self.places.pop(node, None)
            self.results.pop(node, None)
        forgotten = set(swept)  # what they are made of has a gradient
        self.cuts = deque((c for c in self.cuts if c[0] not in forgotten), maxlen=1000)


def _is_finite(x: Any) -> bool:
    """Whether a number or an array has neither a nan nor an inf in it."""
    if type(x) is float:
        return x - x == 0.0
    if type(x) is np.ndarray and x.size < 1 << 12 and x.dtype.kind == "f":
        squares = float(np.vdot(x, x))  # takes a third of the time, and may overflow
        if squares - squares == 0.0:
            return True
    return bool(np.isfinite(x).all())


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


def _cure(node: Node, kind: str) -> str:
    if not all(np.all(np.isfinite(x)) for x in node.inputs):
        return ANOTHER_ARGUMENT
    assert node.op is not None
    return CURES.get((node.op.name, kind), USUAL[kind])


def _forward_message(node: Node, place: Place) -> str:
    assert node.op is not None
    index = _first_bad(node.value)
    value = float(np.asarray(node.value)[index])
    return (f"{node.op.name} gave {value}{_at(index)}, computed by {place}\n"
            f"  {_operands(node, index)}\n"
            f"  usual cure: {_cure(node, 'domain' if np.isnan(value) else 'range')}")


def _backward_message(node: Node, i: int, g: Any, sent: Any, place: Place | None) -> str:
    assert node.op is not None
    index = _first_bad(sent)
    value = float(np.asarray(sent)[index])
    where = f"computed by {place}" if place else (
        "made before the block, in a sweep, or has been swept already")
    heard = g if np.shape(g) == np.shape(sent) else None
    cotangent = "" if heard is None else f"; the cotangent is {float(np.asarray(g)[index]):.6g}"
    there = index if np.shape(sent) == shape(node) else ()
    operands = _operands(node, there) if there or not shape(node) else ""
    return (f"in the backward pass {node.op.name} sent {value}{_at(index)} to "
            f"{_name(node.parents[i], i)}; the node was {where}\n"
            f"  {operands}{cotangent}\n  usual cure: {_cure(node, 'slope')}")


def _sum_message(node: Node, g: Any) -> str:
    index = _first_bad(g)
    return (f"the gradient of {node.label or 'a leaf'} is {float(np.asarray(g)[index])}{_at(index)}"
            f", though all that was sent to it is finite: the sum is too large for "
            f"{np.asarray(g).dtype}\n  usual cure: scale the loss, or clip what is sent")


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """A `with` block in which the first nan or inf, forward or backward, raises `AnomalyError`.

    It names the operation, your file and line, the operands at the bad index, and the usual cure.
    A nan or inf counts if it is in a result: of a backward pass's output, of a leaf's gradient,
    or of something that nothing has used when the block ends; then the first that it came from is
    named. What a where, a maximum, an index … doesn't choose may be inf. Blocks of no_grad and
    other threads aren't watched. Everything is slower in there.

    >>> import numpy as np, autograd_mini as ag
    >>> x = ag.Tensor([4.0, 0.0], label="x")
    >>> with ag.detect_anomaly():
    ...     np.sum(np.sqrt(x)).backward()
    Traceback (most recent call last):
    ...
    autograd_mini.errors.AnomalyError: in the backward pass sqrt sent inf at [1] to x; ...
    """
    observer = AnomalyObserver()
    with observed_by(observer):
        yield
    observer.finish()


class _Strict(AnomalyObserver):
    """What a block of `strict` does: it lets no number out."""

    strict = True

    def made(self, node: Node) -> None:
        """A node was computed."""

    def detached(self, *nodes: Node) -> None:
        """Plain numbers are about to be taken out of nodes."""
        raise NotDifferentiableError(
            f"{here()} takes plain numbers out of a node, and no gradient comes back through them; "
            "ag.strict() refuses that: keep to nodes, or write ag.stop_gradient(x) if a constant "
            "is meant"
        )

    def glance(self, turns: Iterator[Step]) -> Iterator[Step]:
        """The turns of a sweep, as they come."""
        return turns

    look_at = glance

    def finish(self) -> None:
        """Nothing is kept."""


@contextmanager
def strict() -> Iterator[None]:
    """A `with` block in which every cut of the graph is refused, at the line that makes it.

    float(v), v.data, v.item(), np.sign(v), v // 1 … give plain numbers, through which no gradient
    comes back. Comparisons don't count, for they only choose; `ag.stop_gradient(x)` says that a
    constant is meant. Raises `NotDifferentiableError`.

    >>> import autograd_mini as ag
    >>> v = ag.Value(2.0)
    >>> with ag.strict():
    ...     float(v) * v
    Traceback (most recent call last):
    ...
    autograd_mini.errors.NotDifferentiableError: `float(v)` at ... takes plain numbers out of ...
    """
    with observed_by(_Strict()):
        yield


class CutReport(NamedTuple):
    """Which parameters a loss doesn't reach, each with the places where it may have been cut.

    partly: parameters that have a gradient, of which numbers were taken out as well, so that it
    may not be all of it; with the places.
    """

    reached: list[str]
    cut: dict[str, list[Place]]
    watched: bool = True
    partly: dict[str, list[Place]] = {}  # noqa: RUF012  a default, never changed

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        also = [f"{name} has a gradient, but numbers were taken from it as well, through which "
                f"none comes back, by {' and '.join(dict.fromkeys(map(str, places)))}"
                for name, places in self.partly.items()]
        if not self.cut:
            return "\n".join([f"all {len(self.reached)} parameters have a gradient", *also])
        unseen = "no number was taken from it" if self.watched else (
            "where it was cut isn't known: give cut_report the function that computes the loss")
        return "\n".join([
            *[f"{name} has no gradient: the loss isn't made of it, " + (
                f"and numbers were taken from it by {' and '.join(dict.fromkeys(map(str, places)))}"
                if places else unseen)
              for name, places in self.cut.items()], *also])


def cut_report(loss: Any, parameters: Any) -> CutReport:
    """Why parameters have no gradient: where float(), .data, np.sign … took plain numbers.

    loss: a function without arguments that computes the loss, which is watched; or the loss, of
    which is known what the `detect_anomaly` block around has seen. parameters: a Module, or
    nodes and Modules in (nested) lists and dicts.

    Raises `DTypeError` if the loss isn't a number, or a parameter isn't a node.

    >>> import autograd_mini as ag
    >>> w = ag.Value(2.0, label="w")
    >>> print(ag.cut_report(lambda: ag.Value(float(w * 3.0)) + 1.0, [w]))
    w has no gradient: the loss isn't made of it, and numbers were taken from it by
    `float(w * 3.0)` at ...
    """
    around = current_observer()
    observer = around or AnomalyObserver(refuse=False, reports=True)
    is_function = callable(loss) and not isinstance(loss, Node)
    if is_function:
        reported, observer.reports = observer.reports, True
        try:
            with observed_by(observer):
                loss = loss()
        finally:
            observer.reports = reported
    if not isinstance(loss, Node | int | float | np.number | np.ndarray):
        raise DTypeError(f"the loss is a {type(loss).__name__}, not a number")
    named = _named(parameters)
    reached = set(topological_order(loss)) if isinstance(loss, Node) else set()
    cut = _taken_from({name: p for name, p in named.items() if p not in reached}, observer.cuts)
    partly = _taken_from({name: p for name, p in named.items() if p in reached}, observer.losses)
    return CutReport([name for name, p in named.items() if p in reached], cut,
                     (is_function or around is not None) and not observer.forgot,
                     {name: places for name, places in partly.items() if places})


def _taken_from(parameters: dict[str, Node], cuts: Any) -> dict[str, list[Place]]:
    """By parameter, where numbers were taken out of nodes that depend on it."""
    cuts = list(cuts)
    bit = {p: 1 << i for i, p in enumerate(parameters.values())}
    reached: dict[Node | None, int] = {None: 0}  # for a node, the bits of what it depends on
    for node in reversed(topological_order(common_consumer([node for node, _ in cuts]))):
        reached[node] = bit.get(node, 0)
        for parent in node.parents:
            reached[node] |= reached[parent]
    return {name: [place for node, place in cuts if reached[node] & bit[p]]
            for name, p in parameters.items()}


def _named(parameters: Any) -> dict[str, Node]:
    """Each parameter by its name: its label, or its place; both if two have one label."""
    if isinstance(parameters, Node) or hasattr(parameters, "named_parameters"):
        parameters = [parameters]
    elif not isinstance(parameters, list | tuple | dict):
        parameters = list(parameters)
    named: dict[str, Node] = {}
    for path, part in tree_leaves(parameters):
        inside = getattr(part, "named_parameters", lambda part=part: [("", part)])
        for name, node in inside():
            if not isinstance(node, Node):
                raise DTypeError(f"parameter {path} is a {type(node).__name__}, not a node")
            name = name or node.label or path
            named[f"{name}, {path}" if name in named else name] = node
    return named
