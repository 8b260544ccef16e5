"""A value used in several places: only some of the uses were counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ....graph import Node
from ..budget import SUM
from ..search import Search
from ..site import Site

__all__ = ["several_uses"]

_OVERLAP = ("where several pieces taken from {x} overlap, one overwrites the other (= for +=): "
            "what each sends adds up")


def several_uses(search: Search) -> None:
    """A value used often: only its first or last use counted, or all but one overwritten."""
    record = search.record
    for node, sites in record.uses.items():
        if node not in search.tangents.at or len(sites) < 2:
            continue
        groups = {(s.name, s.i, record.groups[s.output]): s for s in sites}
        alike = [[s for s in sites if (s.name, s.i, record.groups[s.output]) == key]
                 for key in groups]
        for some in [sites, *alike] if len(alike) > 1 else [sites]:
            if len(some) > 1:
                _some_uses(search, node, some)


def _some_uses(search: Search, node: Node, sites: list[Site]) -> None:
    """Whether some of these uses, added up, give the numbers."""
    sends = [s.sent(search.record.cotangents[s.output]) for s in sites]
    options: list[tuple[Callable[[], Any], str, str]] = [
        (partial(sum_of, sends, kept), "missing-path", said)
        for kept, said in _choices(len(sends))]
    if all(s.name == "getitem" for s in sites):
        options += [(partial(overwritten, sites, sends), "index", _OVERLAP),
                    (partial(overwritten, sites[::-1], sends[::-1]), "index", _OVERLAP)]
    for make, kind, said in options:
        if search.out_of_budget():
            return
        search.budget.spend(SUM * len(sites) * search.record.weights[node])
        kept = make()
        more = kept - sum_of(sends)
        moved = search.tangents.moves(node, more)
        for p in search.wrong:
            if (np.abs(search.error[p] - moved[p]) <= search.room[p]).all():
                search.keep((node, said), p, 1.0, partial(
                    search.finding, kind, said, (sites[0],), 1.5,
                    partial(search.gradients_after, node, more)))


def _choices(n: int) -> Iterator[tuple[Sequence[int], str]]:
    """Which of n uses were counted, the last in the program first."""
    for k in range(1, n):
        yield range(k), (f"{{x}} is used {n} times, and only the last {k} in the program were "
                         "counted: what each use sends adds up")
        yield range(n - k, n), (f"{{x}} is used {n} times, and only the first {k} in the "
                                "program were counted: what each use sends adds up")
    for k in range(n):
        yield [k], (f"{{x}} is used {n} times, and only one of the uses was counted (= for "
                    "+=): what each sends adds up")


def sum_of(parts: Sequence[Any], kept: Sequence[int] | None = None) -> Any:
    """Their sum, or that of those kept."""
    first, *others = range(len(parts)) if kept is None else kept
    total = parts[first]
    for k in others:
        total = total + parts[k]
    return total


def overwritten(sites: Sequence[Site], sends: Sequence[Any]) -> Any:
    """What several indices send back if the later overwrites the earlier where they overlap."""
    out = np.zeros_like(sites[0].input.value)
    for site, sent in zip(reversed(sites), reversed(sends), strict=True):
        there = site.sent(np.ones_like(site.output.value)) != 0
        out = np.where(there, sent, out)
    return out
