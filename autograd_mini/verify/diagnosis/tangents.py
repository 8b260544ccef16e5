"""How much a wrong number sent to a node would move each parameter's gradient: forward passes.

What is sent to a node adds ⟨sent, tangent of the node⟩ to a parameter's gradient, weighted by the
direction of the tangent. So to try a mistake out takes one product, not another backward pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...backprop import gradients
from ...graph import Node, leaf
from ...ops import multiply, shape, sum
from ...primitive import Elementwise, Structural
from ...recording import recording
from .record import Record

__all__ = ["Tangents"]

DIRECTIONS = 3  # each a random weighting of a gradient's entries: three agree by no accident


class Tangents:
    """The tangents of all nodes, in some random directions of each of some parameters."""

    def __init__(self, record: Record, names: Sequence[str]) -> None:
        rng = np.random.default_rng(0)
        self.record, self.names = record, list(names)
        parameters = [record.parameters[name] for name in names]
        self.directions = [
            [rng.uniform(0.5, 1.5, shape(p)) * rng.choice([-1.0, 1.0], shape(p))
             for _ in range(DIRECTIONS)] for p in parameters
        ]
        self.at: dict[Node, np.ndarray] = {}  # by node: (parameters, directions, its numbers)
        for i, (parameter, directions) in enumerate(zip(parameters, self.directions, strict=True)):
            for k, direction in enumerate(directions):
                for node, tangent in self._pushed_from(parameter, direction).items():
                    if node not in self.at:
                        sizes = (len(parameters), DIRECTIONS, _size_of(node))
                        self.at[node] = np.zeros(sizes)
                    self.at[node][i, k] = np.ravel(tangent)

    def _pushed_from(self, parameter: Node, direction: Any) -> dict[Node, Any]:
        """The tangents of all that depends on a parameter, if this moves in a direction."""
        given, moved = self.record.given, dict[Node | None, Any]({parameter: direction})
        with np.errstate(all="ignore"), recording(watched=False):
            for node in reversed(self.record.order):
                if node.op is None or (node in given and node is not parameter):
                    continue  # what is sent there goes no further: other numbers were given
                if any(p in moved for p in node.parents):
                    moved[node] = _pushed(node, [moved.get(p) for p in node.parents])
        return moved  # type: ignore[return-value]

    def moves(self, node: Node, sent: Any) -> np.ndarray:
        """What `sent` to a node adds to each parameter's gradient: (parameters, directions)."""
        with np.errstate(all="ignore"):
            found: np.ndarray = self.at[node] @ np.ravel(sent)
        return found

    def weighed(self, gradients: Mapping[str, Any], size: bool = False) -> np.ndarray:
        """Gradients, or the sizes of their entries, in each parameter's random directions."""
        return np.array([
            [np.sum(np.abs(gradients[name] * d) if size else gradients[name] * d)
             for d in directions]
            for name, directions in zip(self.names, self.directions, strict=True)
        ])


def _size_of(node: Node) -> int:
    """How many numbers a node holds."""
    return int(np.size(node.value))


def _pushed(node: Node, tangents: list[Any]) -> Any:
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
    if op.moves and "chooses" not in op.facts:
        still = [np.zeros(np.shape(x)) if t is None else t
                 for x, t in zip(xs, tangents, strict=True)]
        return op.compute(still, params)
    if "multilinear" in op.facts:
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
