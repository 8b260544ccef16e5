"""A backward pass with wrong rules at some of its sites."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...graph import Node
from ...ops import shape
from .alternatives import Alternative
from .finding import Gradients
from .fitting import in_shape
from .record import Record
from .search import Search
from .site import Site, sites_of

__all__ = ["gradients_with", "rule_at"]

Rule = Callable[[Any], Any]  # from a cotangent at a site's output, what is sent to its input


def rule_at(site: Site, option: Alternative, record: Record) -> Rule:
    """What an alternative, perhaps of another site, sends here; None if it doesn't fit."""
    def rule(g: Any) -> Any:
        assert option.source is not None
        for other in option.source(site, g, record):
            if other.said == option.said and other.kind == option.kind:
                return in_shape(other.sent, shape(site.input))
        return None
    return rule


def gradients_with(search: Search, rules: Mapping[Site, Rule]) -> Gradients | None:
    """All gradients with wrong rules at some sites; None if one doesn't fit there."""
    at: dict[Node, list[tuple[Site, Rule]]] = {}
    for site, rule in rules.items():
        at.setdefault(site.output, []).append((site, rule))
    record, seen = search.record, dict[Node, Any]()
    found = {n: np.zeros_like(c.true) for n, c in search.claims.items()}
    of = {parameter: name for name, parameter in record.parameters.items()}
    record.current = seen
    try:
        instead = {node: _sends(node, wrong, seen) for node, wrong in at.items()}
        for node, g, _ in record.swept(instead):
            seen[node] = g
            search.budget.spend(record.weights[node])
            if node in of:
                found[of[node]] = np.asarray(g, float)
    except Misfit:
        return None
    finally:
        record.current = record.cotangents
    return found


def _sends(node: Node, wrong: list[tuple[Site, Rule]], seen: dict[Node, Any]) -> Callable[
        [Any], Iterator[tuple[Node, Any]]]:
    """What a node sends with wrong rules at some of its sites: what is right, and the difference.

    seen: the cotangents of the pass, in which that of the node is entered before a rule looks.
    """
    def sends(g: Any) -> Iterator[tuple[Node, Any]]:
        seen[node] = g
        for site in sites_of(node):
            yield site.input, site.sent(g)
        for site, rule in wrong:
            wrongly = rule(g)
            if wrongly is None:
                raise Misfit
            yield site.input, wrongly - site.sent(g)
    return sends


class Misfit(Exception):  # noqa: N818  it is caught where it is raised
    """A wrong rule that gives no array of the right shape at some node."""
