"""Derivatives at the zero of a length, by L'Hôpital's rule: ‖x‖² is smooth, although ‖x‖ isn't.

g·x/‖x‖ has no slope at x = 0 in general, and the rows say nan. But where the cotangent g vanishes
with ‖x‖, what is sent has a limit, and a derivative.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .backprop import Pull, as_seed, pull_nodes, reverse_pass, zero_like
from .graph import Node, value_of, ways
from .ops import where
from .ops.reductions import flat, no_slope, through_zero
from .recording import compared, current_tracer

__all__ = ["both_zero", "smooth_at_zero", "smooth_pull"]


def smooth_at_zero(output: Node, wanted: set[Node] | None = None) -> Pull:
    """`pull_nodes` for a pass from `output` to the `wanted` nodes, with the limits of what lengths
    send where they are 0.
    """
    return functools.partial(smooth_pull, output, wanted)


def smooth_pull(output: Node, wanted: set[Node] | None, node: Node, g: Any) -> Sequence[Any]:
    """What `node` sends in such a pass."""
    contributions = pull_nodes(node, g)
    if not node.op.radial:
        return contributions
    return _smoothed(node, g, contributions, lambda: ways(output, wanted)[0])


def _smoothed(node: Node, g: Any, sends: Sequence[Any], on_the_way: Callable[[], list[Node]]
              ) -> Sequence[Any]:
    """What a length y = ‖x‖ sends, in a form that can be differentiated again where y is 0.

    Where g is 0 as well, a function of y that vanishes with it, the limit of g·x/y is (∂g/∂y)·x.
    (∂g/∂y is the limit of g/y, but as a function of y another: where it was taken in an earlier
    pass and depends on y, two more derivatives are right, and those beyond are nan.)
    """
    tracer, both = current_tracer(), both_zero(node.value, value_of(g))
    if tracer is not None and tracer.follows:
        tracer.compared(both_zero, node, g, both)
    elif tracer is not None and type(node.value) is float:
        compared(operator.eq, node, 0.0)
    if not isinstance(g, Node) or not both.any():
        return sends
    rate = _rate(g, node, both)
    inputs = [x if p is None else p for p, x in zip(node.parents, node.inputs, strict=True)]
    if not np.all(np.isfinite(np.asarray(value_of(rate))[both])):  # no limit: no derivative
        return [sent if sent is None else where(both[()], no_slope(x), sent)
                for x, sent in zip(inputs, sends, strict=True)]
    again = any(n.op is through_zero and any(n.parents[1] is p for p in node.parents)
                for n in on_the_way())
    return [sent if sent is None else
            where(both[()], through_zero(rate, flat(x) if again else x), sent)
            for x, sent in zip(inputs, sends, strict=True)]


def both_zero(y: Any, g: Any) -> Any:
    """Where a length and its cotangent are 0."""
    return (np.asarray(y) == 0) & (np.asarray(g) == 0)


def _rate(g: Node, node: Node, there: np.ndarray) -> Any:
    """∂gᵢ/∂yᵢ at the entries i of `there`; nan if they depend on other entries of y as well.

    Two passes tell: a diagonal Jacobian takes weights w to w times what it takes ones to.
    """
    weights = 1.0 + np.modf(0.618 * np.arange(there.size).reshape(there.shape))[0]
    found = []
    for seed in (1.0 * there, weights * there):
        cotangent: Any = None
        for reached, c, _ in reverse_pass(g, as_seed(seed, g), pull_nodes, wanted={node}):
            if reached is node:
                cotangent = c
        found.append(zero_like(node) if cotangent is None else cotangent)
    ones, weighted = (np.asarray(value_of(c)) for c in found)
    apart = np.abs(weighted - weights * ones * there) > 1e-9 * np.max(np.abs(ones), initial=0.0)
    return found[0] * np.nan if apart.any() else found[0]
