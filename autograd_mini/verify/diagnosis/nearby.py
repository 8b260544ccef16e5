"""The program's arrays by shape, under the names that they have as seen from a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...graph import Node
from ...ops import shape

__all__ = ["NearbyArrays"]

Shape = tuple[int, ...]


class NearbyArrays:
    """The arrays of a graph that may stand by mistake where another of their shape belongs."""

    def __init__(self, order: Sequence[Node], names: Mapping[Node, str],
                 groups: Mapping[Node, int], constants: Mapping[str, Any]) -> None:
        self.order, self.names, self.groups, self.constants = order, names, groups, constants
        self.rank = {node: i for i, node in enumerate(order)}
        self._found: dict[tuple[Node, Shape], list[tuple[str, Any]]] = {}
        self._plain: dict[Shape, dict[int, Any]] = {}  # constants of a shape, by identity
        self._derived: dict[Shape, list[tuple[str, Any]]] = {}
        self._made: dict[Shape, dict[int, list[Node]]] = {}  # nodes, by the code that made them

    def derived(self, name: str, value: Any) -> None:
        """Enter an array that isn't in the graph, but that a gradient may well compute."""
        self._derived.setdefault(np.shape(value), []).append((name, value))

    def of_shape(self, node: Node, shape: Shape) -> list[tuple[str, Any]]:
        """The program's arrays of a shape, each under its name as seen from a node.

        Of what a loop makes again and again the nearest before it, the one before that, and the
        next one: so the same words mean the same at every step.
        """
        if (node, shape) in self._found:
            return self._found[node, shape]
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
        self._found[node, shape] = [*found[:40], *self._derived.get(shape, [])]
        return self._found[node, shape]

    def _constants(self, shape: Shape) -> dict[int, Any]:
        """The plain arrays of a shape that were computed with."""
        if not self._plain:
            for n in self.order:
                for q, x in zip(n.parents, n.inputs, strict=True):
                    if q is None and np.ndim(x):
                        self._plain.setdefault(np.shape(x), {})[id(x)] = x
        return self._plain.get(shape, {})

    def _by_shape(self) -> dict[Shape, dict[int, list[Node]]]:
        """By shape and by the piece of code that made them: the nodes, the latest first."""
        if not self._made:
            for node in self.order:
                by_group = self._made.setdefault(shape(node), {})
                by_group.setdefault(self.groups[node], []).append(node)
        return self._made

    def constant_name(self, value: Any) -> str:
        """What the user calls a plain array of the graph, if it is one of the arguments."""
        for name, known in self.constants.items():
            if np.shape(known) == np.shape(value) and np.array_equal(known, value):
                return name
        return "another array"
