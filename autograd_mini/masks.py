"""0·∞: a cotangent that was never sent isn't the number 0.

A 0 that arithmetic made times inf is nan, and should be; a 0 that says "this branch was not chosen"
times inf is 0. In a graph of floats nothing is sent to what wasn't chosen. An array has entries
that were chosen and others that weren't; to tell them apart a mask travels beside the cotangent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .backprop import Pull, Rules
from .graph import Node, value_of
from .ops import shape, sum, unbroadcast, where
from .primitive import Elementwise, Structural

__all__ = ["Masks"]


class Masks:
    """For the nodes of one reverse pass, which entries of their cotangents were never sent.

    An entry is inactive if all its uses are: behind a `where` that chose the other side, an index
    that took something else, or a 0 in the seed.
    """

    def __init__(self, output: Node, seed: Any) -> None:
        self.inactive = {output: value_of(seed) == 0} if np.ndim(value_of(seed)) else {}

    def masked(self, pull: Pull) -> Pull:
        """`pull`, with zeros in what a node sends to entries that are inactive."""
        def masked_pull(node: Node, g: Any) -> Sequence[Any]:
            contributions = pull(node, g)
            if type(node.value) is not np.ndarray:
                return contributions
            return self.silenced(node, contributions)

        return masked_pull

    def opened(self, rules: Rules) -> Rules:
        """These rules, whose receivers are active from then on."""
        def opened_rule(rule: Callable[[Any], Iterable[Any]]) -> Callable[[Any], Iterable[Any]]:
            def answer(g: Any) -> Iterable[tuple[Node | None, Any]]:
                for receiver, contribution in rule(g):
                    if receiver is not None:
                        self.inactive[receiver] = np.zeros(shape(receiver), bool)
                    yield receiver, contribution

            return answer

        return {node: opened_rule(rule) for node, rule in rules.items()}

    def silenced(self, node: Node, contributions: Sequence[Any]) -> list[Any]:
        """The contributions with zeros for what `node`, or a consumer of it, has not chosen."""
        op, y = node.op, node.value
        inactive = self.inactive.pop(node, np.zeros(y.shape, bool))
        reach = reached(node, 1.0 * ~inactive)
        found: list[Any] = []
        for i, (parent, sent) in enumerate(zip(node.parents, contributions, strict=True)):
            if parent is None or sent is None:
                found.append(sent)
                continue
            to = shape(parent)
            if isinstance(op, Elementwise):
                slope = op.slope(i, y, node.inputs) if op.selects else 1
                mask = inactive | (np.asarray(slope) == 0)
                active = unbroadcast(1.0 * ~mask, to)
            else:
                active = reach[i]
                mask = np.asarray(active) == 0
            found.append(
                None if mask.all() else where(mask, 0.0, sent) if mask.any() else sent)
            self.inactive[parent] = self.inactive.get(parent, True) & (
                np.broadcast_to(active, to) == 0)
        return found


def reached(node: Node, active: np.ndarray) -> Sequence[Any]:
    """For each input of a structural node, > 0 where an active output depends on it.

    A row's `reach` says how a mask goes from the output to the inputs: "moved", as cotangents do;
    "product", where rows and columns meet; "reduction", to all that were reduced; "row", to all
    along the axis; "matrix", to all of its own matrix in a stack.
    """
    op, xs, params = node.op, node.inputs, node.params or {}
    if not isinstance(op, Structural):
        return ()
    if op.reach == "product":  # rows and columns meet, whatever their numbers
        xs = tuple(np.ones_like(x, float) for x in xs)
    if op.reach in ("moved", "product"):
        return op.pull(active, node.value, xs, node)
    if op.reach == "reduction":  # every entry reduced counts, as in a sum
        return [sum.pullbacks[0](active, node.value, xs[0], **params)]
    if op.reach == "row":
        return [np.broadcast_to(np.sum(active, params["axis"], keepdims=True), shape(xs[0]))]
    if op.reach == "matrix":
        of_one = tuple(range(np.ndim(xs[0]) - 2, active.ndim))
        alive = 1.0 * np.asarray(active.any(axis=of_one))
        return [np.broadcast_to(alive[..., None, None], shape(xs[0]))]
    some = float(active.any())  # unknown: inactive only if all of it is
    return [np.full(shape(x), some) for x in xs]
