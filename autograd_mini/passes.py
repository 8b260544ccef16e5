"""Reverse passes that know more than arithmetic, tried where a nan shows.

One has masks for what was never sent (masks.py), another takes limits where two eigenvalues or
singular values are equal (ops/equal_values.py). `sweep()` is a reverse pass with all of that at
hand, for those who look at its steps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from .backprop import PASSES, Pairs, Rules, Step, pull, reverse_pass
from .graph import Node, topological_order, value_of
from .limits import smooth_at_zero
from .masks import Masks
from .ops.equal_values import rules_for_equal_values
from .recording import current_observer

__all__ = ["sweep"]


def sweep(output: Node, seed: Any, *, create_graph: bool = False, exact: bool = False,
          instead: Rules | None = None, last: Node | None = None) -> Iterator[Step]:
    """Backpropagate `seed` (∂L/∂output, of its shape) and yield each node's step.

    create_graph: rules are fed nodes and record themselves: the result can be differentiated.
    exact: nothing, not even 0·inf = nan, comes back along a path that `where`, an index … did not
    choose (of floats always; of arrays it takes masks, needed only when a nan has turned up).
    instead: what some nodes send in place of what their rule says: how a mistake is tried out.
    last: a node to end at, if all ways lead through it.
    """
    answer = smooth_at_zero(output) if create_graph else pull
    rules: Any = dict(instead or {})
    if last is not None:
        rules[last] = lambda g: ()
    if exact:
        masks = Masks(output, seed)
        answer, rules = masks.masked(answer), masks.opened(rules)
    if last is None:
        return reverse_pass(output, seed, answer, rules)
    return _until(last, reverse_pass(output, seed, answer, rules, last.parents))


def _until(last: Node, steps: Iterator[Step]) -> Iterator[Step]:
    """The steps up to that of `last`."""
    for step in steps:
        yield step
        if step[0] is last:
            return


def _pairs(steps: Iterator[Step], wanted: Collection[Node] | None) -> Pairs:
    return [(node, g) for node, g, _ in steps if wanted is None or node in wanted]


def plainly(output: Node, seed: Any, wanted: Collection[Node] | None, create_graph: bool
            ) -> Pairs | None:
    """One pass as it comes; none inside `detect_anomaly`, which would report what masks know."""
    if current_observer() is not None:
        return None
    return _pairs(sweep(output, seed, create_graph=create_graph), wanted)


def with_masks(output: Node, seed: Any, wanted: Collection[Node] | None, create_graph: bool
               ) -> Pairs | None:
    """A pass along which nothing that was never sent meets an infinite slope."""
    steps = sweep(output, seed, create_graph=create_graph, exact=True)
    if (observer := current_observer()) is not None:
        steps = observer.look_at(steps)
    return _pairs(steps, wanted)


def with_limits_of_vectors(output: Node, seed: Any, wanted: Collection[Node] | None,
                           create_graph: bool) -> Pairs | None:
    """A pass that goes by limits where eigenvalues or singular values are equal, if any are."""
    rules = rules_for_equal_values(topological_order(output), sweep)
    if not rules:
        return None
    found = _pairs(sweep(output, seed, create_graph=True, exact=True, instead=rules), wanted)
    return found if create_graph else [(node, value_of(g)) for node, g in found]


PASSES[:] = plainly, with_masks, with_limits_of_vectors
