"""The same mistake at all nodes that one piece of code made, as in a loop over time."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..alternatives import FORGOTTEN, alternatives, scalings
from ..search import Search
from ..site import Site
from ..wrong_sweep import gradients_with, rule_at

__all__ = ["loops"]


def loops(search: Search) -> None:
    """The same mistake at all nodes that one piece of code made, as in a loop over time."""
    groups: dict[Any, list[Site]] = {}
    rank, group = search.record.rank, search.record.groups
    largest = sorted(search.blocks, key=lambda site: rank[site.output] - rank[site.input])
    for site in [*largest, *search.sites]:  # what was written out first: it says more
        entry = group[site.input] if site.block else site.i
        groups.setdefault((site.block, site.name, group[site.output], entry), []).append(site)
    for sites in groups.values():
        if len(sites) > 1:
            _loop(search, tuple(sites))


def _loop(search: Search, sites: tuple[Site, ...]) -> None:
    """Each wrong rule at all of these."""
    first, record = sites[0], search.record
    g = record.cotangents[first.output]
    options = [a for a in alternatives(first, g, record)
               if not a.added and (a.cost < 3.0 or len(sites) < 12)]
    options = [*alternatives(first, g, record, [scalings]), *options]
    for option in sorted(options, key=lambda a: a.cost):
        if search.out_of_budget() or search.all_plain():
            return
        gradients = gradients_with(search, {s: rule_at(s, option, record) for s in sites})
        if gradients is None:
            continue
        kind, said = option.kind, option.said
        if said == FORGOTTEN:
            kind, said = search.factor_names.omitted(first, False, search.changed_by(first))
        search.keep_multiples((sites, kind, said), gradients, partial(
            search.finding, kind, said, sites, option.cost, gradients))
