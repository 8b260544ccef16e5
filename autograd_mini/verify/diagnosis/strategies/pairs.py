"""Two mistakes, for what no single one explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ....graph import Node
from ....passes import sweep
from ..alternatives import FORGOTTEN, LIKELY, Alternative, alternatives, scalings
from ..budget import PAIR
from ..finding import Finding
from ..fitting import like, ratio
from ..search import Search
from ..site import Site
from ..wrong_sweep import gradients_with, rule_at

__all__ = ["pairs"]

PAIRED = 400  # so many mistakes are tried two at a time


class Tried(NamedTuple):
    """One mistake, and what it adds to the weighed gradients if it is alone."""

    site: Site
    option: Alternative
    moved: np.ndarray


def pairs(search: Search) -> None:
    """Two mistakes, for what no single one explains."""
    search.wrong = [p for p in search.wrong
                    if not search.is_explained(search.names[p]) and not search.few[p]]
    if not search.wrong:
        return
    tried = _mistakes(search)
    changed: list[dict[Node, Any]] = []  # by each mistake: the cotangents, as they are then
    for k, (site, option, _) in enumerate(tried):
        changed.append({})
        _resweep(search, site, rule_at(site, option, search.record), changed[k])
        for m in range(k):  # the likeliest pairs first
            if search.out_of_budget():
                return
            first, second = (m, k) if site.output in changed[m] else (k, m)
            if tried[first].site.output is not tried[second].site.output:
                _try_pair(search, tried[first], tried[second], changed[first])


def _mistakes(search: Search) -> list[Tried]:
    """The likelier mistakes, each with what it adds to the weighed gradients."""
    found, record = [], search.record
    for site in [*search.sites, *search.blocks]:
        g = record.cotangents[site.output]
        with np.errstate(all="ignore"):
            true = site.sent(g)
        options = [a for a in alternatives(site, g, record)
                   if a.source in LIKELY and a.cost <= 2.5]
        options += [] if site.block else alternatives(site, g, record, [scalings])
        for option in options:
            sent = rule_at(site, option, record)(g)
            if sent is None or not np.all(np.isfinite(sent)):
                continue
            moved = search.moves(site, sent - true)
            if (np.abs(moved[search.wrong]) > search.room[search.wrong]).any():
                found.append(Tried(site, option, moved))
    found.sort(key=lambda one: one.option.cost)
    return found[:PAIRED]


def _resweep(search: Search, site: Site, rule: Callable[[Any], Any], changed: dict[Node, Any]
             ) -> None:
    """Fill in the cotangents that one mistake changes."""
    cotangents = search.record.cotangents
    g = cotangents[site.output]
    more = like(site.input, rule(g) - site.sent(g))
    with np.errstate(all="ignore"):
        for node, extra, _ in sweep(site.input, more, exact=search.record.exact):
            search.budget.spend(search.record.weights[node])
            if node in cotangents:
                changed[node] = cotangents[node] + extra


def _try_pair(search: Search, first: Tried, second: Tried, changed: Mapping[Node, Any]) -> None:
    """A mistake, and another one among what it has changed, or elsewhere."""
    search.budget.spend(PAIR)
    site, option, moved = second
    if site.output in changed:
        g = changed[site.output]
        sent = rule_at(site, option, search.record)(g)
        if sent is None:
            return
        moved = search.moves(site, sent - site.sent(g))
    _fit_pair(search, first.moved + moved, first, second)


def _fit_pair(search: Search, moved: np.ndarray, *pair: Tried) -> None:
    """Keep two mistakes whose sum gives the numbers, or a constant times it."""
    for p in search.wrong:
        factor = ratio(search.given[p], search.true[p] + moved[p], search.room[p])
        if not search.is_known(factor, p):
            continue
        rules = {one.site: rule_at(one.site, one.option, search.record) for one in pair}
        gradients = gradients_with(search, rules)
        if gradients is None or factor is None:
            continue
        key = tuple((one.site, one.option.kind, one.option.said) for one in pair)
        search.keep(key, p, factor, partial(
            search.finding, pair[0].option.kind, "", (pair[0].site,),
            sum(one.option.cost for one in pair), gradients,
            parts=tuple(_part(search, one.site, one.option) for one in pair)))


def _part(search: Search, site: Site, option: Alternative) -> Finding:
    """One of the two, as it is told."""
    kind, said = option.kind, option.said
    if said == FORGOTTEN:
        kind, said = search.factor_names.omitted(site, False, search.changed_by(site))
    return Finding(kind, said, (site,), option.cost, {})
