"""Which mistake explains this gradient? What the search knows, and what it keeps of what it tries.

A mistake is a wrong rule at one place. What it sends differs from what is right by some δ, and the
chain rule is linear: δ adds ⟨δ, tangent⟩ to a parameter's gradient in a direction. So a mistake is
tried by one product with tangents that were computed once; what fits in three random directions is
then confirmed entry by entry. What is tried, and in which order: see strategies/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...graph import Node, topological_order
from ...passes import sweep
from .blocks import blocks
from .budget import Budget, search_budget
from .factor_names import FactorNames
from .finding import Claim, Finding, Gradients
from .fitting import like, ratio
from .known_factors import KnownFactors, same
from .mistakes.normalisation import without_epsilon
from .record import Record
from .site import Site
from .tangents import Tangents

__all__ = ["Search"]

TOGETHER = 8  # so many wrong gradients are looked at together


class Search:
    """The search for what explains the wrong ones among some claims, in one recorded graph."""

    def __init__(self, record: Record, claims: Mapping[str, Claim], factors: KnownFactors,
                 points: Callable[[], Iterator[tuple[str, Gradients]]] | None = None) -> None:
        self.record, self.factors, self.points = record, factors, points
        self.claims = {name: claims[name] for name in record.parameters}
        # Of many wrong ones some stand for all; what explains them is tried on the others too.
        wrong = sorted((name for name, claim in self.claims.items() if claim.wrong),
                       key=lambda name: record.rank[record.parameters[name]])
        self.names = wrong[:: max(1, len(wrong) // TOGETHER)][:TOGETHER]
        self.others = [name for name in wrong if name not in self.names]
        self.wrong = list(range(len(self.names)))  # those still to be explained, by position
        self.budget = Budget(search_budget(len(record.order)))
        self.cut_short = False
        self.findings: dict[Any, Finding] = {}
        numbers = [np.unique(np.round(claims[name].given, 12)).size for name in self.names]
        self.few, self.one = [n < 3 for n in numbers], [n < 2 for n in numbers]
        self.tangents = Tangents(record, self.names)
        weighed = self.tangents.weighed
        self.given = weighed({n: c.given for n, c in self.claims.items()})
        self.true = weighed({n: c.true for n, c in self.claims.items()})
        self.error = weighed({n: c.given - c.true for n, c in self.claims.items()})
        self.room = weighed({n: 1e-8 * np.abs(c.given - c.true) + 1e3 * c.eps * c.sizes + 1e-300
                             for n, c in self.claims.items()}, size=True)
        record.updated({x: [claims[n].given, claims[n].true] for n, x in record.parameters.items()})
        self.blocks = [s for s in blocks(record) if s.input in self.tangents.at
                       and not _leaps(record, s)]
        for block in self.blocks:
            if block.name == "standardized" and block.scale is None:
                record.arrays.derived(f"{record.names[block.output]} without its ε",
                                      without_epsilon(block.output.value, block.input.value))
        self.factor_names = FactorNames(record, self.blocks)
        self.sites = [site for node in record.order for site in record.uses[node]
                      if node in self.tangents.at]

    # ── when to stop ─────────────────────────────────────────────────────────────────────────

    def out_of_budget(self) -> bool:
        """Whether the budget is spent; that something was left out is then told."""
        self.cut_short = self.cut_short or self.budget.over
        return self.cut_short

    def all_plain(self) -> bool:
        """Whether every wrong gradient has a plain explanation."""
        return all(self._plainly(self.names[p]) for p in self.wrong)

    def _plainly(self, name: str) -> bool:
        """Whether something explains a parameter, and neither needs a factor nor spoils another."""
        return any(name in f.explains and f.explains[name][0] == 1.0 and not f.spoils
                   for f in self.findings.values())

    def is_explained(self, name: str) -> bool:
        """Whether something explains a parameter, plainly or not."""
        return any(name in f.explains for f in self.findings.values())

    # ── what fits is kept ────────────────────────────────────────────────────────────────────

    def is_known(self, c: float | None, p: int) -> bool:
        """Whether a factor is a number of this problem, not one that happens to fit."""
        return c is not None and abs(c) > 1e-9 and self.factors.name(c, self.few[p]) is not None

    def keep(self, key: Any, p: int, factor: float, make: Callable[[], Finding]) -> None:
        """Enter what fits a parameter, if it gives all the entries."""
        if key not in self.findings:
            self.findings[key] = make()
        finding = self.findings[key]
        name = self.names[p]
        factor = 1.0 if same(factor, 1.0) else factor
        evidence = self.claims[name].evidence(factor * finding.gradients[name])
        if np.isfinite(evidence):
            finding.explains.setdefault(name, (factor, evidence))
            for other in self.others:
                evidence = self.claims[other].evidence(finding.gradients[other])
                if np.isfinite(evidence):
                    finding.explains.setdefault(other, (1.0, evidence))
        elif not finding.explains:
            del self.findings[key]

    def keep_multiples(self, key: Any, gradients: Gradients, make: Callable[[], Finding]) -> None:
        """Keep what gives a parameter's gradient, or a constant times it."""
        weighed = self.tangents.weighed(gradients)
        for p in self.wrong:
            if np.isfinite(weighed[p]).all():
                factor = ratio(self.given[p], weighed[p], self.room[p])
                if self.is_known(factor, p) and (
                        np.abs(weighed[p] - self.true[p]) > self.room[p]).any():
                    assert factor is not None
                    self.keep(key, p, factor, make)

    def finding(self, kind: str, said: str, sites: tuple[Site, ...], cost: float,
                gradients: Gradients | Callable[[], Gradients], **more: Any) -> Finding:
        """A mistake that makes these gradients, and which right ones it would spoil."""
        gradients = gradients() if callable(gradients) else gradients
        spoils = frozenset(
            name for name, claim in self.claims.items()
            if not claim.wrong and not np.allclose(gradients[name], claim.true, rtol=1e-6,
                                                   atol=1e-9 * np.max(claim.sizes, initial=0.0)))
        return Finding(kind, said, sites, cost, gradients, spoils=spoils, **more)

    def gradients_after(self, node: Node, more: Any) -> Gradients:
        """All gradients if `more` were sent to a node besides."""
        found = {n: c.true for n, c in self.claims.items()}
        of = {parameter: name for name, parameter in self.record.parameters.items()}
        more = like(node, more)
        with np.errstate(all="ignore"):
            for other, g, _ in sweep(node, more, exact=self.record.exact):
                if other in of:
                    found[of[other]] = found[of[other]] + g
        return found

    # ── of a site ────────────────────────────────────────────────────────────────────────────

    def moves(self, site: Site, sent: Any) -> np.ndarray:
        """What `sent` to a site's input adds to the weighed gradients."""
        return self.tangents.moves(site.input, sent)

    def changed_by(self, site: Site) -> Node:
        """A wrong parameter that a site's input depends on."""
        for p in self.wrong:
            if self.tangents.at[site.input][p].any():
                return self.record.parameters[self.names[p]]
        return self.record.parameters[self.names[self.wrong[0]]]


def _leaps(record: Record, block: Site) -> bool:
    """Whether a gradient was given inside of a block: then its lines were derived one by one."""
    leads_to_y = set(topological_order(block.output)) if record.given else set()
    return any(node is not block.output and node is not block.input and node in leads_to_y
               and block.input in set(topological_order(node)) for node in record.given)
