"""Arrays seen through windows or moved about: turned round, or taken one place apart."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from .... import ops
from ....graph import Node
from ....primitive import Structural
from ..record import NAMELESS, Record
from ..site import Site
from .alternative import Alternative

__all__ = ["moved_operands", "windows"]


def moved_operands(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """A product with the array that its other operand was made of turned round, or with windows
    that are taken one place apart.
    """
    other = site.output.parents[1 - site.i] if len(site.output.parents) == 2 else None
    if site.block or other is None or site.output.op not in (ops.multiply, ops.matmul):
        return
    axes = 1 + (site.output.op is ops.matmul)  # of what isn't a kernel
    for base, chain in _moved_from(other):
        name = record.names[base]
        if np.ndim(base.value) > axes and not name.startswith(NAMELESS):
            yield Alternative("index", f"in the gradient of {{x}}, {name} stands the wrong way "
                              "round along its last two axes: turn it, [::-1, ::-1], or don't",
                              partial(_sent_beside, site, g, base, chain, _turned), 1.4)
        if chain and (index := _one_apart(chain[-1], record)) is not None:
            yield Alternative("index", f"in the gradient of {{x}} the windows of {name} were taken "
                              "one place apart: their stride was forgotten",
                              partial(_sent_beside, site, g, base, chain[:-1],
                                      operator.itemgetter(index)), 1.4)


def _turned(x: Any) -> Any:
    return np.flip(x, (-2, -1))


def _sent_beside(site: Site, g: Any, base: Node, chain: Sequence[Node],
                 change: Callable[[Any], Any]) -> Any:
    """What a product sends if its other operand is made of a changed array."""
    value = change(base.value)
    for node in reversed(chain):
        assert node.op is not None
        value = node.op.compute([value], node.params or {})
    if site.output.op is ops.multiply:
        return g * value
    own = site.output.inputs[site.i]
    pullback = ops.matmul.pullbacks[site.i]
    return pullback(g, site.output.value, *((value, own) if site.i else (own, value)))


def windows(site: Site, g: Any, record: Record) -> Iterator[Alternative]:
    """What belongs to a window put back as if the windows were one place apart."""
    if not site.block and (index := _one_apart(site.output, record)) is not None:
        yield Alternative("index", "what belongs to the windows of {x} was put back one place "
                          "apart: their stride was forgotten", lambda: ops.scatter(
                              np.asarray(g), index=index, shape=np.shape(site.input.value)), 1.2)


def _moved_from(node: Node) -> Iterator[tuple[Node, list[Node]]]:
    """A node and what it was moved from, each with the moves from there to it, the last first."""
    chain: list[Node] = []
    yield node, []
    while isinstance(node.op, Structural) and node.op.moves and len(node.parents) == 1 and (
            "chooses" not in node.op.facts and node.parents[0] is not None):
        chain = [*chain, node]
        node = node.parents[0]
        yield node, chain


def _one_apart(node: Node, record: Record) -> Any:
    """The index of a window if the windows of its loop were one place apart; None if they are."""
    if node.op is not ops.getitem or not isinstance(index := (node.params or {})["index"], tuple):
        return None
    steps = record.steps_of_windows(node)
    if all(step < 2 for step in steps):
        return None
    return tuple(slice(part.start // step, part.start // step + part.stop - part.start)
                 if step > 1 else part for part, step in zip(index, steps, strict=True))
