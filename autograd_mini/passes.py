"""Reverse passes that know more than arithmetic, tried where a nan shows.

One has masks for what was never sent (masks.py), another takes limits where two eigenvalues or
singular values are equal (ops/equal_values.py). `sweep()` is a reverse pass with all of that at
hand, for those who look at its steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .backprop import PASSES, Pairs, Rules, Step, pull, reverse_pass
from .graph import Node, value_of, ways
from .limits import smooth_at_zero
from .masks import Masks
from .ops.equal_values import rules_for_equal_values
from .recording import current_observer

__all__ = ["NotFiniteError", "sweep"]


class NotFiniteError(Exception):
    """An observer has met a nan or inf in a pass that doesn't know what was never sent."""


def sweep(output: Node, seed: Any, *, create_graph: bool = False, exact: bool = False,
          instead: Rules | None = None, wanted: set[Node] | None = None) -> Iterator[Step]:
    """Backpropagate `seed` (∂L/∂output, of its shape) and yield each node's step.

    create_graph: rules are fed nodes and record themselves: the result can be differentiated.
    exact: nothing, not even 0·inf = nan, comes back along a path that `where`, an index … did not
    choose (of floats always; of arrays it takes masks, needed only when a nan has turned up).
    instead: what some nodes send in place of what their rule says: how a mistake is tried out.
    wanted: only nodes on the way to these are visited, and the way ends there.
    """
    answer = smooth_at_zero(output, wanted) if create_graph else pull
    rules = instead or {}
    if exact:
        masks = Masks(output, seed)
        answer, rules = masks.masked(answer), masks.opened(rules)
    return reverse_pass(output, seed, answer, rules, wanted)


def _pairs(steps: Iterator[Step], wanted: set[Node] | None) -> Pairs:
    return [(node, g) for node, g, _ in steps if wanted is None or node in wanted]


def plainly(output: Node, seed: Any, wanted: set[Node] | None, create_graph: bool
            ) -> Pairs | None:
    """One pass as it comes; None if it has a nan or inf that `detect_anomaly` must know more of."""
    steps = sweep(output, seed, create_graph=create_graph, wanted=wanted)
    if (observer := current_observer()) is not None:
        steps = observer.glance(steps)
    try:
        return _pairs(steps, wanted)
    except NotFiniteError:
        return None


def with_masks(output: Node, seed: Any, wanted: set[Node] | None, create_graph: bool
               ) -> Pairs | None:
    """A pass along which nothing that was never sent meets an infinite slope."""
    steps = sweep(output, seed, create_graph=create_graph, exact=True, wanted=wanted)
    if (observer := current_observer()) is not None:
        steps = observer.look_at(steps)
    return _pairs(steps, wanted)


def with_limits_of_vectors(output: Node, seed: Any, wanted: set[Node] | None,
                           create_graph: bool) -> Pairs | None:
    """A pass that goes by limits where eigenvalues or singular values are equal, if any are."""
    rules = rules_for_equal_values(ways(output, wanted)[0], sweep)
    if not rules:
        return None
    steps = sweep(output, seed, create_graph=True, exact=True, instead=rules, wanted=wanted)
    found = _pairs(steps, wanted)
    return found if create_graph else [(node, value_of(g)) for node, g in found]


PASSES[:] = plainly, with_masks, with_limits_of_vectors
