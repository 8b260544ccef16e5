"""The graph of a loss at one point, swept once, with the lines and the names it was written with.

What the search for a mistake asks: which cotangent arrived where, which line made a node and what
the user called it, and how much a wrong number sent somewhere would move a parameter's gradient.
"""

from __future__ import annotations

import ast
import functools
import linecache
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...backprop import Instead, gradients, one_like, sweep
from ...graph import Node, consumers_first, leaf, recording, watched_by
from ...ops import convolve, divide, einsum, matmul, max, min, multiply, shape, sum, unbroadcast
from ...places import Place
from ...primitive import Elementwise, Structural
from ...watch import Watcher
from .budget import weight

__all__ = ["Record", "Site", "as_factor", "assigned_names", "cotangent_of"]

MULTILINEAR = {matmul, einsum, convolve}
CHOICES = {max, min}  # they move cotangents, but which ones depends on the numbers
DIRECTIONS = 3  # each a random weighting of a gradient's entries: three agree by no accident


# ── what the user called it ──────────────────────────────────────────────────────────────────


RETURNED = ast.Name("return")  # what is returned has the name that the caller gives it


@functools.lru_cache(maxsize=64)
def assigned_names(file: str) -> dict[tuple[int, int, int, int], str]:
    """By the span (line, column, end line, end column) of an expression: what it is assigned to."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return {}
    names: dict[tuple[int, int, int, int], str] = {}
    for statement in ast.walk(tree):
        match statement:
            case ast.Assign(targets=[ast.Tuple(elts=left)], value=ast.Tuple(elts=right)):
                pairs = list(zip(left, right, strict=False))
            case ast.Assign(targets=[target, *_], value=value):
                pairs = [(target, value)]
            case ast.AugAssign(target=target):
                pairs = [(target, statement)]  # type: ignore[list-item]
            case ast.NamedExpr(target=target, value=value):
                pairs = [(target, value)]
            case ast.Return(value=ast.expr() as value):
                pairs = [(RETURNED, value)]
            case _:
                continue
        for target, part in pairs:
            if isinstance(target, ast.Name | ast.Attribute | ast.Subscript):
                span = (part.lineno, part.col_offset, part.end_lineno, part.end_col_offset)
                names[span] = ast.unparse(target)  # type: ignore[index]
    return names


def _name(node: Node, place: Place | None, last: bool) -> str:
    """The variable a node was assigned to, or its code, or what made it."""
    if node.label:
        return node.label
    if place is not None and place.code and last:
        name = assigned_names(place.file).get((place.line, *place.span))
        if name == RETURNED.id and place.caller is not None:
            return _name(node, place.caller, last)
        if name and name != RETURNED.id:
            return name
        if place.line == place.span[1] and len(place.code) <= 40:
            return place.code
    return f"the output of {node.op.name}" if node.op else "an input"


def as_factor(name: str) -> str:
    """A name that may stand in a product: an expression in parentheses."""
    return name if re.fullmatch(r"[\w.\[\]'\"]+(\([^()]*\))?", name) else f"({name})"


def cotangent_of(name: str) -> str:
    """What the gradient that arrives at something is called: dz, or d(x @ w)."""
    return f"d{name}" if re.fullmatch(r"[\w.\[\]'\"]+", name) else f"d({name})"


# ── where a mistake can be made ──────────────────────────────────────────────────────────────


class Site(NamedTuple):
    """A function of one of its arguments: where a local derivative is used, rightly or wrongly.

    Of a primitive it is argument i; of a `block` (a sigmoid written out) the only one.
    """

    name: str  # the row of the table of mistakes
    output: Node
    input: Node
    i: int = 0
    block: bool = False

    def sent(self, g: Any) -> Any:
        """What it rightly sends to `input` if the cotangent `g` arrives at `output`."""
        if self.block:
            return _through(self.output, g, self.input)
        op, y, xs = self.output.op, self.output.value, self.output.inputs
        if isinstance(op, Elementwise):
            slope = op.slope(self.i, y, xs)
            sent = g if slope is None else g * slope
        else:
            assert isinstance(op, Structural)
            params = self.output.params or {}
            if op.many:
                sent = op.pull(g, y, xs, self.output)[self.i]
            else:
                sent = op.pullbacks[self.i](g, y, *xs, **params)
        return unbroadcast(sent, shape(self.input))


def _through(output: Node, g: Any, wanted: Node) -> Any:
    """The cotangent that `g` at `output` gives to `wanted`."""
    *_, (_, cotangent, _) = sweep(output, g, exact=True, last=wanted)
    return cotangent


def constant_factor(site: Site) -> float | None:
    """k where the site's function is k·x with a plain number k, as in 0.5 * x or x / n."""
    op, other = site.output.op, 1 - site.i
    if site.block or op not in (multiply, divide) or (op is divide and site.i):
        return None
    k = site.output.inputs[other]
    if site.output.parents[other] is not None or np.ndim(k) or not k:
        return None
    return float(k) if op is multiply else 1 / float(k)


class Record:
    """One graph: its nodes, what the backward pass did, and where each node comes from."""

    def __init__(self, output: Node, places: Mapping[Node, Place], parameters: Mapping[str, Node],
                 names: Mapping[Node, str] | None = None,
                 constants: Mapping[str, Any] | None = None,
                 given: Mapping[Node, Any] | None = None) -> None:
        self.output, self.parameters = output, dict(parameters)
        self.given = dict(given or {})  # cotangents to go on with, in place of the right ones
        self.constants = dict(constants or {})
        self.order = consumers_first(output)
        self.rank = {node: i for i, node in enumerate(self.order)}
        self.weights = {node: weight(node.value, *node.inputs) for node in self.order}
        self.work = math.fsum(self.weights.values())  # of one sweep
        self.places = places
        self.exact = False  # without masks, which are needed only where a nan shows
        self.arrived = {node: g for node, g, _ in self.swept()}
        if any(np.isnan(g).any() for g in self.arrived.values()):
            self.exact = True
            self.arrived = {node: g for node, g, _ in self.swept()}
        self.cotangents = self.arrived | self.given
        self.current: Mapping[Node, Any] = self.cotangents  # those of the sweep that is under way
        self._near: dict[Any, list[tuple[str, Any]]] = {}
        self._plain: dict[tuple[int, ...], dict[int, Any]] = {}
        self.updates: dict[Any, list[Any]] = {}  # what an update may have moved a parameter by
        self.uses: dict[Node, list[Site]] = {node: [] for node in self.order}
        for node in self.order:
            for i, parent in enumerate(node.parents):
                if parent is not None and node.op is not None:
                    self.uses[parent].append(Site(node.op.name, node, parent, i))
        self.names = self._names(names or {})
        self.groups = self._groups()

    @classmethod
    def of(cls, call: Callable[[], tuple[Node, Mapping[str, Node]]],
           constants: Mapping[str, Any] | None = None) -> Record:
        """The record of what `call` computes: (the loss, its parameters by name)."""
        (output, parameters), places = cls.watched(call)
        return cls(output, places, parameters, constants=constants)

    @staticmethod
    def watched(call: Callable[[], Any]) -> tuple[Any, Mapping[Node, Place]]:
        """What `call` returns, and where each node on the way was made."""
        watcher = Watcher(refuse=False)
        with watched_by(watcher):
            return call(), watcher.places

    def _names(self, given: Mapping[Node, str]) -> dict[Node, str]:
        by_node = {node: name for name, node in self.parameters.items()}
        names = {}
        for node in self.order:
            place = self.places.get(node)
            last = all(self.places.get(use.output) != place for use in self.uses[node])
            names[node] = given.get(node) or by_node.get(node) or _name(node, place, last)
        return names

    def line(self, node: Node) -> Any:
        """The file and line where a node was made; of an argument, itself."""
        place = self.places.get(node)
        return (place.file, place.line) if place is not None else id(node)

    def _groups(self) -> dict[Node, int]:
        """A number for each node, the same for all that one piece of code made, as a loop does."""
        keys: dict[Any, int] = {}
        seen: Counter[Any] = Counter()
        groups = {}
        for node in self.order:
            place, name = self.places.get(node), node.op.name if node.op else ""
            # One function called from two places makes two groups, a loop one.
            key = (place, name) if place and place.line and name else id(node)
            groups[node] = keys.setdefault(key, len(keys))
            seen[groups[node]] += 1
        return groups

    def updated(self, steps: Mapping[Node, list[Any]]) -> None:
        """Note what updates would change, in the parameters and in what is only taken from them."""
        self.updates = dict(steps)
        for node in reversed(self.order):
            if isinstance(node.op, Structural) and node.op.moves and len(node.parents) == 1 and (
                    node.parents[0] in self.updates and node.op not in CHOICES):
                self.updates[node] = [node.op.compute([step], node.params or {})
                                      for step in self.updates[node.parents[0]]]

    def near(self, node: Node, shape: tuple[int, ...]) -> list[tuple[str, Any]]:
        """The program's arrays of a shape, each under its name as seen from a node.

        Of what a loop makes again and again the nearest before it, the one before that, and the
        next one: so the same words mean the same at every step.
        """
        if (node, shape) in self._near:
            return self._near[node, shape]
        here, found = self.rank[node], list[tuple[str, Any]]()
        for made in self._by_shape().get(shape, {}).values():
            name = self.names[made[0]]
            if len(made) == 1:
                found.append((name, made[0].value))
                continue
            before = [other for other in made if self.rank[other] > here]
            after = [other for other in made if self.rank[other] < here]
            found += [(said, other[0].value) for said, other in (
                (name, before[:1]), (f"{name} of the step before", before[1:2]),
                (f"{name} of the next step", after[-1:])) if other]
        constants = self._constants(shape)
        found += [(self.constant_name(x), x) for x in list(constants.values())[:8]]
        self._near[node, shape] = found[:40]
        return self._near[node, shape]

    def _constants(self, shape: tuple[int, ...]) -> dict[int, Any]:
        """The plain arrays of a shape that were computed with."""
        if not self._plain:
            for n in self.order:
                for q, x in zip(n.parents, n.inputs, strict=True):
                    if q is None and np.ndim(x):
                        self._plain.setdefault(np.shape(x), {})[id(x)] = x
        return self._plain.get(shape, {})

    def _by_shape(self) -> dict[tuple[int, ...], dict[int, list[Node]]]:
        """By shape and by the piece of code that made them: the nodes, the latest first."""
        if not hasattr(self, "_shapes"):
            self._shapes: dict[tuple[int, ...], dict[int, list[Node]]] = {}
            for node in self.order:
                by_group = self._shapes.setdefault(shape(node), {})
                by_group.setdefault(self.groups[node], []).append(node)
        return self._shapes

    def constant_name(self, value: Any) -> str:
        """What the user calls a plain array of the graph, if it is one of the arguments."""
        for name, known in self.constants.items():
            if np.shape(known) == np.shape(value) and np.array_equal(known, value):
                return name
        return "another array"

    # ── sweeps ───────────────────────────────────────────────────────────────────────────────

    def swept(self, instead: Instead | None = None, seed: Any = None) -> Iterator[tuple[Any, ...]]:
        """The turns of a sweep, as always or with some rules replaced."""
        seed = one_like(self.output) if seed is None else seed
        instead = {node: self._going_on(node) for node in self.given} | dict(instead or {})
        with np.errstate(all="ignore"):
            yield from sweep(self.output, seed, exact=self.exact, instead=instead or None)

    def _going_on(self, node: Node) -> Callable[[Any], Iterator[tuple[Node, Any]]]:
        """A rule that sends on what was given for a node, whatever arrived."""
        def sends(_: Any) -> Iterator[tuple[Node, Any]]:
            for i, parent in enumerate(node.parents):
                if parent is not None and node.op is not None:
                    site = Site(node.op.name, node, parent, i)
                    yield parent, site.sent(self.given[node])
        return sends

    def gradient(self, name: str) -> Any:
        """∂loss/∂parameter."""
        return self.cotangents.get(self.parameters[name], 0.0)

    # ── how much something sent to a node would move each parameter's gradient ───────────────

    def push(self, names: Sequence[str]) -> None:
        """Prepare `moves`: forward passes, in some random directions of each of some parameters.

        What is sent to a node adds ⟨sent, tangent of the node⟩ to a parameter's gradient, weighted
        by the direction. So to try a mistake out takes one product, not another backward pass.
        """
        rng = np.random.default_rng(0)
        self.pushed = list(names)
        some = [self.parameters[name] for name in names]
        self.ways = [
            [rng.uniform(0.5, 1.5, shape(p)) * rng.choice([-1.0, 1.0], shape(p))
             for _ in range(DIRECTIONS)] for p in some
        ]
        self.tangents: dict[Node, np.ndarray] = {}
        pairs = zip(some, self.ways, strict=True)
        for i, (parameter, ways) in enumerate(pairs):
            for k, way in enumerate(ways):
                for node, tangent in self._pushed_from(parameter, way).items():
                    if node not in self.tangents:
                        sizes = (len(some), DIRECTIONS, size_of(node))
                        self.tangents[node] = np.zeros(sizes)
                    self.tangents[node][i, k] = np.ravel(tangent)

    def _pushed_from(self, parameter: Node, way: Any) -> dict[Node, Any]:
        moved: dict[Node | None, Any] = {parameter: way}
        with np.errstate(all="ignore"), recording(watched=False):
            for node in reversed(self.order):
                if node.op is None or (node in self.given and node is not parameter):
                    continue  # what is sent there goes no further: other numbers were given
                if any(p in moved for p in node.parents):
                    moved[node] = pushed(node, [moved.get(p) for p in node.parents])
        return moved  # type: ignore[return-value]

    def moves(self, node: Node, sent: Any) -> np.ndarray:
        """What `sent` to a node adds to each parameter's gradient: (parameters, directions)."""
        with np.errstate(all="ignore"):
            found: np.ndarray = self.tangents[node] @ np.ravel(sent)
        return found

    def weighed(self, gradients: Mapping[str, Any], size: bool = False) -> np.ndarray:
        """Gradients, or the sizes of their entries, in each parameter's random weightings."""
        return np.array([
            [np.sum(np.abs(gradients[name] * way) if size else gradients[name] * way)
             for way in ways] for name, ways in zip(self.pushed, self.ways, strict=True)
        ])


def size_of(node: Node) -> int:
    """How many numbers a node holds."""
    return int(np.size(node.value))


def pushed(node: Node, tangents: list[Any]) -> Any:
    """∂y = Σ ∂y/∂xᵢ·∂xᵢ at one node; None for what doesn't move."""
    op, y, xs, params = node.op, node.value, node.inputs, node.params or {}
    if isinstance(op, Elementwise):
        total: Any = 0.0
        for i, t in enumerate(tangents):
            slope = None if t is None else op.slope(i, y, xs)
            if slope is not None:
                total = total + np.where(np.equal(slope, 0), 0.0, slope * t)
        return total if type(y) is float else np.broadcast_to(total, y.shape)
    assert isinstance(op, Structural)
    if op.moves and op not in CHOICES:
        still = [np.zeros(np.shape(x)) if t is None else t
                 for x, t in zip(xs, tangents, strict=True)]
        return op.compute(still, params)
    if op in MULTILINEAR:
        return np.sum([op.compute([t if j == i else x for j, x in enumerate(xs)], params)
                       for i, t in enumerate(tangents) if t is not None], axis=0)
    # The pullback is linear in its cotangent: differentiated by that, it is the way forward.
    u = leaf(0.0 if type(y) is float else np.zeros_like(y))
    sends = op.pull(u, y, xs, node)
    total = 0.0
    for t, sent in zip(tangents, sends, strict=True):
        if t is not None and sent is not None:
            total = total + sum(multiply(sent, t))
    return gradients(total, u) if isinstance(total, Node) else 0.0 * y
