"""A term too many: something of the right shape, times a constant, that was added."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from ....graph import Node
from ....ops import shape
from ..fitting import ratio
from ..known_factors import same
from ..search import Search

__all__ = ["extra_terms"]


def extra_terms(search: Search) -> None:
    """Something of the right shape, times a constant, that was added."""
    for p in search.wrong:
        name = search.names[p]
        parameter = search.record.parameters[name]
        for value, said, cost in _terms(search, parameter):
            v = np.array([np.sum(value * d) for d in search.tangents.directions[p]])
            c = ratio(search.error[p], v, search.room[p])
            if c is None or (search.few[p] and search.factors.name(c) is None) or (
                    cost > 1.0 and search.factors.name(c, few=True) is None):
                continue
            said = said.replace("{c}", "" if same(c, 1.0) else f"{c:.6g} * ")
            gradients = {n: k.true for n, k in search.claims.items()}
            gradients[name] = gradients[name] + c * value
            uses = tuple(search.record.uses[parameter][:1])
            search.keep((name, said), p, 1.0, partial(
                search.finding, "extra-term", said, uses, cost, gradients))


def _terms(search: Search, parameter: Node) -> Iterator[tuple[np.ndarray, str, float]]:
    """What people add to a gradient: a regulariser's share; something of the same shape."""
    record, x = search.record, np.asarray(parameter.value, float)
    said = "{c}{x} was added, as for a regulariser that the loss doesn't have"
    yield x, said, 1.0
    yield np.sign(x), said.replace("{x}", "np.sign({x})"), 2.0
    yield np.ones_like(x), "a constant, {c}1, was added", 3.0
    for node in record.order:
        if node is not parameter and shape(node) == x.shape and x.size > 2:
            g, name = record.cotangents[node], record.names[node]
            yield np.asarray(g), f"{{c}}d{name} was added, which doesn't belong there", 4.0
            said = f"{{c}}{name} was added, which doesn't belong there"
            yield np.asarray(node.value), said, 4.0
