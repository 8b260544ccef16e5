"""Where a mistake can be made: a function, and the one of its arguments that is differentiated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ...graph import Node
from ...ops import divide, multiply, shape, unbroadcast
from ...passes import sweep
from ...primitive import Elementwise, Structural

__all__ = ["Site", "constant_factor", "sites_of"]


class Site(NamedTuple):
    """A function of one of its arguments: where a local derivative is used, rightly or wrongly.

    Of a primitive it is argument i; of a `block` (a sigmoid written out) the only one.
    """

    name: str  # the row of the table of mistakes
    output: Node
    input: Node
    i: int = 0
    block: bool = False
    scale: Node | None = None  # of a block: what its output is multiplied by, as in γ·(x − μ)/σ

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
    *_, (_, cotangent, _) = sweep(output, g, exact=True, wanted={wanted})
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


def sites_of(node: Node) -> Iterator[Site]:
    """The sites of a node: one for each argument that is a node too."""
    assert node.op is not None
    for i, parent in enumerate(node.parents):
        if parent is not None:
            yield Site(node.op.name, node, parent, i)
