"""One mistake at one place: each site with each wrong rule, and each with a factor."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ....ops import shape
from ..alternatives import Alternative, alternatives
from ..budget import TRIAL
from ..fitting import in_shape, ratio
from ..known_factors import same
from ..search import Search
from ..site import Site

__all__ = ["single_sites"]


def single_sites(search: Search) -> None:
    """Each site with each wrong rule, and each with a factor."""
    for site in _usual_sites(search):
        if search.out_of_budget():
            return
        g = search.record.cotangents[site.output]
        with np.errstate(all="ignore"):
            true = site.sent(g)
        sent = search.moves(site, true)
        if not np.isfinite(sent).all():
            continue
        if not site.block:
            _try_factor(search, site, true, sent)
        for alternative in alternatives(site, g, search.record):
            _try(search, site, alternative, true, sent)


def _usual_sites(search: Search) -> Iterator[Site]:
    """The sites; of what a loop made often the first and the last two, which may differ."""
    alike: dict[Any, list[Site]] = {}
    for site in [*search.sites, *search.blocks]:
        group = search.record.groups[site.output]
        alike.setdefault((group, site.name, site.i, site.block), []).append(site)
    for sites in alike.values():
        yield from sites if len(sites) <= 4 else [*sites[:2], *sites[-2:]]


def _try_factor(search: Search, site: Site, true: Any, sent: np.ndarray) -> None:
    """The right rule, c times: −1 a sign, 0 forgotten, 2 counted twice."""
    search.budget.spend(TRIAL * search.record.weights[site.output])
    for p in search.wrong:
        c = ratio(search.error[p], sent[p], search.room[p])
        if c is None:
            continue
        c = 0.0 if abs(c + 1) < 1e-7 else c + 1
        if c and not search.is_known(c, p) and search.few[p]:
            continue
        kind, said, cost = _named_factor(search, site, c, p)
        search.keep((site, "scaled", float(f"{c:.6g}")), p, 1.0, partial(
            search.finding, kind, said, (site,), cost,
            partial(search.gradients_after, site.input, (c - 1) * true)))


def _named_factor(search: Search, site: Site, c: float, p: int) -> tuple[str, str, float]:
    """(kind, what to say, cost) of sending c times what is right, as parameter p sees it."""
    sent = search.moves(site, site.sent(search.record.cotangents[site.output]))[p]
    whole = bool((np.abs(sent - search.true[p]) <= search.room[p]).all())
    return search.factor_names.factor(site, c, whole, search.record.parameters[search.names[p]])


def _try(search: Search, site: Site, alternative: Alternative, true: Any, sent: np.ndarray
         ) -> None:
    """Whether a wrong rule gives the numbers: as it is, or with a constant factor."""
    search.budget.spend(TRIAL * search.record.weights[site.output])
    wrongly = in_shape(alternative.sent, shape(site.input))
    if wrongly is None:
        return
    moved = search.moves(site, wrongly)
    if not np.isfinite(moved).all():
        return
    if alternative.added:
        _try_added(search, site, alternative, wrongly, moved)
        return
    for p in search.wrong:
        fit = _fit(search, p, sent[p], moved[p])
        if fit is None:
            continue
        local, factor = fit
        search.keep(
            (site, alternative.kind, alternative.said, float(f"{local:.6g}")), p, factor,
            partial(search.finding, alternative.kind, alternative.said, (site,), alternative.cost,
                    partial(search.gradients_after, site.input, local * wrongly - true),
                    local=local))


def _fit(search: Search, p: int, sent: np.ndarray, moved: np.ndarray
         ) -> tuple[float, float] | None:
    """(a factor of what the site sends, one of the whole gradient), one of them 1; or None.

    sent, moved: what the site rightly and wrongly adds to parameter p's gradient, weighed.
    """
    if (np.abs(moved - sent) <= search.room[p]).all():
        return None
    local = ratio(search.error[p] + sent, moved, search.room[p])
    simple = local is not None and any(
        same(abs(local), c) for c in ((1.0,) if search.one[p] else (1.0, 2.0, 0.5)))
    if search.few[p] and not simple:
        return None  # with a factor almost anything fits one number
    if search.is_known(local, p):
        assert local is not None
        return (1.0 if same(local, 1.0) else local), 1.0
    factor = ratio(search.given[p], search.true[p] - sent + moved, search.room[p])
    if not search.is_known(factor, p):
        return None
    assert factor is not None
    return 1.0, factor


def _try_added(search: Search, site: Site, alternative: Alternative, wrongly: Any,
               moved: np.ndarray) -> None:
    """Whether some constant times something was added to what is right."""
    for p in search.wrong:
        c = ratio(search.error[p], moved[p], search.room[p])
        if c is None or same(c, 1.0) or (search.few[p] and not search.is_known(c, p)):
            continue
        if alternative.kind == "stale" and not -1.0 <= c < 0:  # a step against the gradient
            continue
        search.keep((site, alternative.said, float(f"{c:.6g}")), p, 1.0, partial(
            search.finding, alternative.kind, alternative.said, (site,), alternative.cost,
            partial(search.gradients_after, site.input, c * wrongly)))
