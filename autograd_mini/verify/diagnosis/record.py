"""The graph of a loss at one point, swept once, with the lines and the names it was written with.

What the search for a mistake asks: which cotangent arrived where, which line made a node, and what
the user called it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...backprop import Rules, one_like
from ...debug import AnomalyObserver
from ...graph import Node, topological_order
from ...passes import sweep
from ...places import Place
from ...primitive import Structural
from ...recording import observed_by
from .budget import weight
from .names import name_of_node
from .nearby import NearbyArrays
from .site import Site, sites_of

__all__ = ["NAMELESS", "Record"]

NAMELESS = "the output of"


def _only_reshapes(node: Node) -> bool:
    """Whether a node is another, in another shape."""
    return node.op is not None and node.op.name in ("reshape", "expand_dims", "squeeze")


def _is_window(part: Any) -> bool:
    """Whether an index is a slice from here to there."""
    return isinstance(part, slice) and part.step is None and isinstance(
        part.start, int) and isinstance(part.stop, int)


class Record:
    """One graph: its nodes, what the backward pass did, and where each node comes from."""

    def __init__(self, output: Node, places: Mapping[Node, Place], parameters: Mapping[str, Node],
                 names: Mapping[Node, str] | None = None,
                 constants: Mapping[str, Any] | None = None,
                 given: Mapping[Node, Any] | None = None, incoming: Sequence[Any] = ()) -> None:
        self.incoming = incoming  # of a backward pass what arrives: the loss is ⟨output, this⟩
        self.output, self.parameters = output, dict(parameters)
        self.given = dict(given or {})  # cotangents to go on with, in place of the right ones
        self.order = topological_order(output)
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
        self.updates: dict[Any, list[Any]] = {}  # what an update may have moved a parameter by
        self.uses: dict[Node, list[Site]] = {node: [] for node in self.order}
        for node in self.order:
            if node.op is not None:
                for site in sites_of(node):
                    self.uses[site.input].append(site)
        self._steps: dict[int, tuple[int, ...]] = {}
        self.names = self._names(names or {})
        self.groups = self._groups()
        self.arrays = NearbyArrays(self.order, self.names, self.groups, dict(constants or {}))

    @classmethod
    def of(cls, call: Callable[[], tuple[Node, Mapping[str, Node]]],
           constants: Mapping[str, Any] | None = None, incoming: Sequence[Any] = ()) -> Record:
        """The record of what `call` computes: (the loss, its parameters by name)."""
        (output, parameters), places = cls.watched(call)
        return cls(output, places, parameters, constants=constants, incoming=incoming)

    @staticmethod
    def watched(call: Callable[[], Any]) -> tuple[Any, Mapping[Node, Place]]:
        """What `call` returns, and where each node on the way was made."""
        current_observer = AnomalyObserver(refuse=False)
        with observed_by(current_observer):
            return call(), current_observer.places

    def _names(self, given: Mapping[Node, str]) -> dict[Node, str]:
        by_node = {node: name for name, node in self.parameters.items()}
        names = {}
        for node in self.order:
            place = self.places.get(node)
            last = all(self.places.get(use.output) != place for use in self.uses[node])
            names[node] = given.get(node) or by_node.get(node) or name_of_node(node, place, last)
        for node in reversed(self.order):  # a vector that NumPy's product makes a matrix of
            shaped = [use.output for use in self.uses[node] if _only_reshapes(use.output)]
            if names[node].startswith(NAMELESS) and _only_reshapes(node):
                names[node] = names[node.parents[0]]  # type: ignore[index]
            elif names[node].startswith(NAMELESS) and len(shaped) == len(self.uses[node]) == 1:
                names[node] = names[shaped[0]]
        return names

    def line(self, node: Node) -> Any:
        """The file and line where a node was made; of an argument, itself."""
        place = self.places.get(node)
        return (place.file, place.line) if place is not None else id(node)

    def _groups(self) -> dict[Node, int]:
        """A number for each node, the same for all that one piece of code made, as a loop does."""
        keys: dict[Any, int] = {}
        groups = {}
        for node in self.order:
            place, name = self.places.get(node), node.op.name if node.op else ""
            # One function called from two places makes two groups, a loop one.
            key = (place, name) if place and place.line and name else id(node)
            groups[node] = keys.setdefault(key, len(keys))
        return groups

    def updated(self, steps: Mapping[Node, list[Any]]) -> None:
        """Note what updates would change, in the parameters and in what is only taken from them."""
        self.updates = dict(steps)
        for node in reversed(self.order):
            if isinstance(node.op, Structural) and node.op.moves and len(node.parents) == 1 and (
                    node.parents[0] in self.updates and "chooses" not in node.op.facts):
                self.updates[node] = [node.op.compute([step], node.params or {})
                                      for step in self.updates[node.parents[0]]]

    def steps_of_windows(self, node: Node) -> tuple[int, ...]:
        """How far apart the windows x[…, a:b] are that one piece of code took, axis by axis; 0 for
        an axis along which they are one, or aren't slices.
        """
        if not self._steps:
            starts: dict[int, list[Any]] = {}
            for other in self.order:
                if other.op is ops.getitem and isinstance(
                        index := (other.params or {})["index"], tuple):
                    starts.setdefault(self.groups[other], []).append([
                        part.start if _is_window(part) else 0 for part in index])
            self._steps = {group: tuple(map(math.gcd, *found)) if len(
                {len(one) for one in found}) == 1 and len(found) > 1 else ()
                for group, found in starts.items()}
        return self._steps.get(self.groups[node], ())

    def arrives(self, x: Any) -> bool:
        """Whether an array is a cotangent that a backward pass was given."""
        return np.ndim(x) > 0 and any(np.array_equal(x, g) for g in self.incoming)

    # ── sweeps ───────────────────────────────────────────────────────────────────────────────

    def swept(self, instead: Rules | None = None, seed: Any = None) -> Iterator[tuple[Any, ...]]:
        """The turns of a sweep, as always or with some rules replaced."""
        seed = one_like(self.output) if seed is None else seed
        instead = {node: self._going_on(node) for node in self.given} | dict(instead or {})
        with np.errstate(all="ignore"):
            yield from sweep(self.output, seed, exact=self.exact, instead=instead or None)

    def _going_on(self, node: Node) -> Callable[[Any], Iterator[tuple[Node, Any]]]:
        """A rule that sends on what was given for a node, whatever arrived."""
        def sends(_: Any) -> Iterator[tuple[Node, Any]]:
            if node.op is not None:
                for site in sites_of(node):
                    yield site.input, site.sent(self.given[node])
        return sends

    def gradient(self, name: str) -> Any:
        """∂loss/∂parameter."""
        return self.cotangents.get(self.parameters[name], 0.0)
