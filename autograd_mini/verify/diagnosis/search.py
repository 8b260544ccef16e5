"""Which mistake explains this gradient? Each is tried out on the recorded graph.

A mistake is a wrong rule at one place. What it sends differs from what is right by some δ, and the
chain rule is linear: δ adds ⟨δ, tangent⟩ to a parameter's gradient in a direction. So a mistake is
tried by one product with tangents that were computed once; what fits in three random directions is
then confirmed entry by entry. First single mistakes, then one made wherever a line of code ran (in
a loop), then pairs. If nothing fits, that is the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from ...backprop import NOTHING, sweep
from ...graph import Node
from ...ops import shape, unbroadcast
from .alternatives import FORGOTTEN, LIKELY, Alternative, alternatives, scalings
from .blocks import blocks
from .budget import Budget
from .factor_names import Roles
from .known_factors import Constants, same
from .record import Record, Site

__all__ = ["Claim", "Finding", "Search", "like", "patience"]

# The work of a rule tried at a site, of a pair, of the loss at another point, of one more term in a
# sum, each as measured in steps of a sweep; and what may be spent in all on a graph.
TRIAL, PAIR, POINT, SUM = 7.0, 11.0, 4.0, 0.1
ON_SMALL, ON_LARGE, PER_NODE = 270_000.0, 15_000.0, 133.0
SMALL = 150  # nodes

TOGETHER = 8  # so many wrong gradients are looked at together
PAIRED = 400  # so many mistakes are tried two at a time
Gradients = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Claim:
    """A parameter's gradient, as given and as it is; `terms` are the sizes of what it adds up."""

    given: np.ndarray
    true: np.ndarray
    terms: np.ndarray
    eps: float
    wrong: bool

    @property
    def sizes(self) -> np.ndarray:
        """What rounding is relative to, entry by entry."""
        terms = np.where(np.isfinite(self.terms), self.terms, 0.0)
        sizes: np.ndarray = np.maximum(terms, 1e-3 * np.max(np.abs(self.given), initial=0.0))
        return sizes

    def evidence(self, gradient: np.ndarray) -> float:
        """The largest relative difference, if the gradient explains the numbers given; else inf."""
        off = np.abs(self.given - gradient)
        room = max(1e-9, 1e3 * self.eps) * np.abs(gradient) + 1e3 * self.eps * self.sizes
        if not np.isfinite(gradient).all() or (off > room).any():
            return np.inf
        if np.max(off) > 1e-3 * np.max(np.abs(self.given - self.true)):
            return np.inf  # the difference that is to be explained is rounding itself
        return float(np.max(off) / max(np.max(np.abs(self.given)), 1e-300))


@dataclass(eq=False)
class Finding:
    """A mistake at some sites, and the parameters whose wrong gradients it explains."""

    kind: str
    said: str  # a template: {x}, {y}, {f} … are the first site's
    sites: tuple[Site, ...]
    cost: float
    gradients: Gradients = field(repr=False)  # what it makes of them all
    local: float = 1.0  # a constant factor of what the sites sent besides
    parts: tuple[Finding, ...] = ()  # of a pair
    explains: dict[str, tuple[float, float]] = field(default_factory=dict)
    # parameter → (a constant factor of all its gradient besides, evidence)
    spoils: frozenset[str] = frozenset()  # parameters that are right, but would not be

    def rank(self, name: str) -> tuple[float, ...]:
        """The order among what explains a parameter: the best first."""
        factor, _ = self.explains[name]
        plain = sum(1 for f, _ in self.explains.values() if f == 1.0)
        far = self.cost + 2.0 * (factor != 1.0) + 1.5 * (self.local != 1.0)
        return (len(self.parts), bool(self.spoils) + (factor != 1.0), -plain, far)


def ratio(u: np.ndarray, v: np.ndarray, room: np.ndarray) -> float | None:
    """c if u = c·v but for rounding; None if not, or if v is nothing."""
    size = float(v @ v)
    if not np.isfinite(size) or not (np.abs(v) > room).any():
        return None
    c = float(u @ v) / size
    return c if (np.abs(u - c * v) <= room * max(1.0, abs(c))).all() else None


def fitted(sent: Any, to: tuple[int, ...]) -> Any:
    """`sent` in a shape, if NumPy would bring it there; else None."""
    have = np.shape(sent)
    if sent is None or have == to:
        return sent
    lead = len(have) - len(to)
    if lead >= 0 and all(h == n or n == 1 for h, n in zip(have[lead:], to, strict=True)):
        return unbroadcast(np.asarray(sent), to)
    try:
        return np.broadcast_to(sent, to)
    except ValueError:
        return None


def patience(nodes: int) -> float:
    """How much work to put into searching a graph; what is cut short is said."""
    return ON_SMALL if nodes < SMALL else ON_LARGE + PER_NODE * nodes


class Search:
    """The search for what explains the wrong ones among some claims, in one recorded graph."""

    def __init__(self, record: Record, claims: Mapping[str, Claim], constants: Constants,
                 elsewhere: Callable[[], Iterator[tuple[str, Gradients]]] | None = None) -> None:
        self.record, self.constants, self.elsewhere = record, constants, elsewhere
        self.claims = {name: claims[name] for name in record.parameters}
        # Of many wrong ones some stand for all; what explains them is tried on the others too.
        wrong = sorted((name for name, claim in self.claims.items() if claim.wrong),
                       key=lambda name: record.rank[record.parameters[name]])
        self.names = wrong[:: max(1, len(wrong) // TOGETHER)][:TOGETHER]
        self.others = [name for name in wrong if name not in self.names]
        self.budget = Budget(patience(len(record.order)))
        self.cut_short = False
        self.findings: dict[Any, Finding] = {}
        record.push(self.names)
        self.wrong = list(range(len(self.names)))
        numbers = [np.unique(np.round(claims[name].given, 12)).size for name in self.names]
        self.few, self.one = [n < 3 for n in numbers], [n < 2 for n in numbers]
        self.given = record.weighed({n: c.given for n, c in self.claims.items()})
        self.true = record.weighed({n: c.true for n, c in self.claims.items()})
        self.rest = record.weighed({n: c.given - c.true for n, c in self.claims.items()})
        self.room = record.weighed(
            {n: 1e-8 * np.abs(c.given - c.true) + 1e3 * c.eps * c.sizes + 1e-300
             for n, c in self.claims.items()}, size=True)
        record.updated({x: [claims[n].given, claims[n].true] for n, x in record.parameters.items()})
        self.blocks = [s for s in blocks(record) if s.input in record.tangents]
        self.roles = Roles(record, self.blocks)
        self.sites = [site for node in record.order for site in record.uses[node]
                      if node in record.tangents and record.cotangents[site.output] is not NOTHING]

    def run(self) -> list[Finding]:
        """All that explains something; it stops when everything is plainly explained."""
        with np.errstate(all="ignore"):
            self.whole()
            if self._all_plain() and len(self.record.order) * len(self.names) > 5000:
                return list(self.findings.values())  # in a graph so large that is all that is said
            for step in (self.singles, self.uses, self.extras, self.loops, self.stale, self.pairs):
                step()
                if self.late() or self._all_plain():
                    break
        return list(self.findings.values())

    def late(self) -> bool:
        """Whether the budget is spent; that something was left out is then told."""
        self.cut_short = self.cut_short or self.budget.over
        return self.cut_short

    def _plainly(self, name: str) -> bool:
        """Whether something explains a parameter, and neither needs a factor nor spoils another."""
        return any(name in f.explains and f.explains[name][0] == 1.0 and not f.spoils
                   for f in self.findings.values())

    def _all_plain(self) -> bool:
        return all(self._plainly(self.names[p]) for p in self.wrong)

    def _at_all(self, name: str) -> bool:
        return any(name in f.explains for f in self.findings.values())

    # ── what fits is kept ────────────────────────────────────────────────────────────────────

    def _allowed(self, c: float | None, p: int) -> bool:
        """Whether a factor is a number of this problem, not one that happens to fit."""
        return c is not None and abs(c) > 1e-9 and self.constants.name(c, self.few[p]) is not None

    def _keep(self, key: Any, p: int, factor: float, make: Callable[[], Finding]) -> None:
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

    def _made(self, kind: str, said: str, sites: tuple[Site, ...], cost: float,
              gradients: Gradients | Callable[[], Gradients], **more: Any) -> Finding:
        gradients = gradients() if callable(gradients) else gradients
        spoils = frozenset(
            name for name, claim in self.claims.items()
            if not claim.wrong and not np.allclose(gradients[name], claim.true, rtol=1e-6,
                                                   atol=1e-9 * np.max(claim.sizes, initial=0.0)))
        return Finding(kind, said, sites, cost, gradients, spoils=spoils, **more)

    def _after(self, node: Node, more: Any) -> Gradients:
        """All gradients if `more` were sent to a node besides."""
        found = {n: c.true for n, c in self.claims.items()}
        of = {parameter: name for name, parameter in self.record.parameters.items()}
        more = like(node, more)
        with np.errstate(all="ignore"):
            for other, g, _ in sweep(node, more, exact=self.record.exact):
                if other in of and g is not NOTHING:
                    found[of[other]] = found[of[other]] + g
        return found

    # ── relations of the whole ───────────────────────────────────────────────────────────────

    def whole(self) -> None:
        """All of a gradient times a constant."""
        for p in self.wrong:
            c = ratio(self.given[p], self.true[p], self.room[p])
            if c is None or abs(c) < 1e-9 or (
                    self.few[p] and self.constants.name(c, few=self.one[p]) is None):
                continue
            c = float(f"{c:.8g}")
            kind = "sign" if c == -1.0 else "factor"
            said = "the gradient has the wrong sign" if kind == "sign" else (
                "the gradient is {c} times what it should be")
            gradients = {n: c * k.true if k.wrong else k.true for n, k in self.claims.items()}
            cost = 0.95 if kind == "sign" else 1.3
            self._keep(("whole", c), p, 1.0, partial(self._made, kind, said, (), cost, gradients))

    # ── one mistake at one place ─────────────────────────────────────────────────────────────

    def singles(self) -> None:
        """Each site with each wrong rule, and each with a factor."""
        for site in self._usual_sites():
            if self.late():
                return
            g = self.record.cotangents[site.output]
            with np.errstate(all="ignore"):
                true = site.sent(g)
            sent = self.record.moves(site.input, true)
            if not np.isfinite(sent).all():
                continue
            if not site.block:
                self._scaled(site, true, sent)
            for alternative in alternatives(site, g, self.record):
                self._try(site, alternative, true, sent)

    def _usual_sites(self) -> Iterator[Site]:
        """The sites; of what a loop made often the first and the last two, which may differ."""
        alike: dict[Any, list[Site]] = {}
        for site in [*self.sites, *self.blocks]:
            group = self.record.groups[site.output]
            alike.setdefault((group, site.name, site.i, site.block), []).append(site)
        for sites in alike.values():
            yield from sites if len(sites) <= 4 else [*sites[:2], *sites[-2:]]

    def _scalings(self, site: Site, g: Any) -> Iterator[Alternative]:
        return alternatives(site, g, self.record, [scalings])

    def _scaled(self, site: Site, true: Any, sent: np.ndarray) -> None:
        """The right rule, c times: −1 a sign, 0 forgotten, 2 counted twice."""
        self.budget.spend(TRIAL * self.record.weights[site.output])
        for p in self.wrong:
            c = ratio(self.rest[p], sent[p], self.room[p])
            if c is None:
                continue
            c = 0.0 if abs(c + 1) < 1e-7 else c + 1
            if c and not self._allowed(c, p) and self.few[p]:
                continue
            kind, said, cost = self._named_factor(site, c, p)
            self._keep((site, "scaled", float(f"{c:.6g}")), p, 1.0, partial(
                self._made, kind, said, (site,), cost,
                partial(self._after, site.input, (c - 1) * true)))

    def _try(self, site: Site, alternative: Alternative, true: Any, sent: np.ndarray) -> None:
        """Whether a wrong rule gives the numbers: as it is, or with a constant factor."""
        self.budget.spend(TRIAL * self.record.weights[site.output])
        wrongly = fitted(alternative.sent, shape(site.input))
        if wrongly is None:
            return
        moved = self.record.moves(site.input, wrongly)
        if not np.isfinite(moved).all():
            return
        if alternative.added:
            self._try_added(site, alternative, wrongly, moved)
            return
        for p in self.wrong:
            if (np.abs(moved[p] - sent[p]) <= self.room[p]).all():
                continue
            local = ratio(self.rest[p] + sent[p], moved[p], self.room[p])
            factor: float | None = 1.0
            simple = local is not None and any(
                same(abs(local), c) for c in ((1.0,) if self.one[p] else (1.0, 2.0, 0.5)))
            if self.few[p] and not simple:
                continue  # with a factor almost anything fits one number
            if not self._allowed(local, p):
                local = 1.0
                factor = ratio(self.given[p], self.true[p] - sent[p] + moved[p], self.room[p])
                if not self._allowed(factor, p):
                    continue
            assert local is not None and factor is not None
            local = 1.0 if same(local, 1.0) else local
            self._keep(
                (site, alternative.kind, alternative.said, float(f"{local:.6g}")), p, factor,
                partial(self._made, alternative.kind, alternative.said, (site,), alternative.cost,
                        partial(self._after, site.input, local * wrongly - true), local=local))

    def _try_added(self, site: Site, alternative: Alternative, wrongly: Any, moved: np.ndarray
                   ) -> None:
        """Whether some constant times something was added to what is right."""
        for p in self.wrong:
            c = ratio(self.rest[p], moved[p], self.room[p])
            if c is None or same(c, 1.0) or (self.few[p] and not self._allowed(c, p)):
                continue
            if alternative.kind == "stale" and not -1.0 <= c < 0:  # a step against the gradient
                continue
            self._keep((site, alternative.said, float(f"{c:.6g}")), p, 1.0, partial(
                self._made, alternative.kind, alternative.said, (site,), alternative.cost,
                partial(self._after, site.input, c * wrongly)))

    def _named_factor(self, site: Site, c: float, p: int) -> tuple[str, str, float]:
        """(kind, what to say, cost) of sending c times what is right, as parameter p sees it."""
        sent = self.record.moves(site.input, site.sent(self.record.cotangents[site.output]))[p]
        whole = bool((np.abs(sent - self.true[p]) <= self.room[p]).all())
        return self.roles.factor(site, c, whole, self.record.parameters[self.names[p]])

    def _changed_by(self, site: Site) -> Node:
        """A wrong parameter that a site's input depends on."""
        for p in self.wrong:
            if self.record.tangents[site.input][p].any():
                return self.record.parameters[self.names[p]]
        return self.record.parameters[self.names[self.wrong[0]]]

    # ── some of several uses ─────────────────────────────────────────────────────────────────

    def uses(self) -> None:
        """A value used often: only its first or last use counted, or all but one overwritten."""
        for node, sites in self.record.uses.items():
            if node not in self.record.tangents or len(sites) < 2:
                continue
            heard = [s for s in sites if self.record.cotangents[s.output] is not NOTHING]
            groups = {(s.name, s.i, self.record.groups[s.output]): s for s in heard}
            alike = [[s for s in heard if (s.name, s.i, self.record.groups[s.output]) == key]
                     for key in groups]
            for some in [heard, *alike] if len(alike) > 1 else [heard]:
                if len(some) > 1:
                    self._some_uses(node, some)

    def _some_uses(self, node: Node, sites: list[Site]) -> None:
        sends = [s.sent(self.record.cotangents[s.output]) for s in sites]
        options: list[tuple[Callable[[], Any], str, str]] = [
            (partial(sum_of, sends, kept), "missing-path", said)
            for kept, said in self._choices(len(sends))]
        if all(s.name == "getitem" for s in sites):
            options += [(partial(overwritten, sites, sends), "index", _OVERLAP),
                        (partial(overwritten, sites[::-1], sends[::-1]), "index", _OVERLAP)]
        for make, kind, said in options:
            if self.late():
                return
            self.budget.spend(SUM * len(sites) * self.record.weights[node])
            kept = make()
            more = kept - sum_of(sends)
            moved = self.record.moves(node, more)
            for p in self.wrong:
                if (np.abs(self.rest[p] - moved[p]) <= self.room[p]).all():
                    self._keep((node, said), p, 1.0, partial(
                        self._made, kind, said, (sites[0],), 1.5,
                        partial(self._after, node, more)))

    @staticmethod
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

    # ── a term too many ──────────────────────────────────────────────────────────────────────

    def extras(self) -> None:
        """Something of the right shape, times a constant, that was added."""
        for p in self.wrong:
            name = self.names[p]
            parameter = self.record.parameters[name]
            for value, said, cost in self._terms(parameter):
                v = np.array([np.sum(value * way) for way in self.record.ways[p]])
                c = ratio(self.rest[p], v, self.room[p])
                if c is None or (self.few[p] and self.constants.name(c) is None) or (
                        cost > 1.0 and self.constants.name(c, few=True) is None):
                    continue
                said = said.replace("{c}", "" if same(c, 1.0) else f"{c:.6g} * ")
                gradients = {n: k.true for n, k in self.claims.items()}
                gradients[name] = gradients[name] + c * value
                uses = tuple(self.record.uses[parameter][:1])
                self._keep((name, said), p, 1.0, partial(
                    self._made, "extra-term", said, uses, cost, gradients))

    def _terms(self, parameter: Node) -> Iterator[tuple[np.ndarray, str, float]]:
        """What people add to a gradient: a regulariser's share; something of the same shape."""
        x = np.asarray(parameter.value, float)
        said = "{c}{x} was added, as for a regulariser that the loss doesn't have"
        yield x, said, 1.0
        yield np.sign(x), said.replace("{x}", "np.sign({x})"), 2.0
        yield np.ones_like(x), "a constant, {c}1, was added", 3.0
        for node in self.record.order:
            if node is not parameter and shape(node) == x.shape and x.size > 2:
                g, name = self.record.cotangents[node], self.record.names[node]
                if g is not NOTHING:
                    yield np.asarray(g), f"{{c}}d{name} was added, which doesn't belong there", 4.0
                said = f"{{c}}{name} was added, which doesn't belong there"
                yield np.asarray(node.value), said, 4.0

    # ── a mistake wherever a line of code ran ────────────────────────────────────────────────

    def loops(self) -> None:
        """The same mistake at all nodes that one piece of code made, as in a loop over time."""
        groups: dict[Any, list[Site]] = {}
        rank = self.record.rank
        largest = sorted(self.blocks, key=lambda site: rank[site.output] - rank[site.input])
        for site in [*largest, *self.sites]:  # what was written out first: it says more
            entry = self.record.groups[site.input] if site.block else site.i
            key = (site.block, site.name, self.record.groups[site.output], entry)
            groups.setdefault(key, []).append(site)
        for sites in groups.values():
            if len(sites) > 1:
                self._loop(tuple(sites))

    def _loop(self, sites: tuple[Site, ...]) -> None:
        """Each wrong rule at all of these."""
        first = sites[0]
        g = self.record.cotangents[first.output]
        options = [a for a in alternatives(first, g, self.record)
                   if not a.added and (a.cost < 3.0 or len(sites) < 12)]
        for option in sorted([*self._scalings(first, g), *options], key=lambda a: a.cost):
            if self.late() or self._all_plain():
                return
            gradients = self.swept({site: self._rule(site, option) for site in sites})
            if gradients is None:
                continue
            kind, said = option.kind, option.said
            if said == FORGOTTEN:
                kind, said = self.roles.omitted(first, False, self._changed_by(first))
            self._fit((sites, kind, said), gradients, partial(
                self._made, kind, said, sites, option.cost, gradients))

    def _fit(self, key: Any, gradients: Gradients, make: Callable[[], Finding]) -> None:
        """Keep what gives a parameter's gradient, or a constant times it."""
        weighed = self.record.weighed(gradients)
        for p in self.wrong:
            if np.isfinite(weighed[p]).all():
                factor = ratio(self.given[p], weighed[p], self.room[p])
                if self._allowed(factor, p) and (
                        np.abs(weighed[p] - self.true[p]) > self.room[p]).any():
                    assert factor is not None
                    self._keep(key, p, factor, make)

    def _rule(self, site: Site, option: Alternative) -> Callable[[Any], Any]:
        """From a cotangent at the site's output, what the wrong rule sends."""
        def rule(g: Any) -> Any:
            assert option.source is not None
            for other in option.source(site, g, self.record):
                if other.said == option.said and other.kind == option.kind:
                    return fitted(other.sent, shape(site.input))
            return None
        return rule

    def swept(self, rules: Mapping[Site, Callable[[Any], Any]]) -> Gradients | None:
        """All gradients with wrong rules at some sites; None if one doesn't fit there."""
        at: dict[Node, list[tuple[Site, Callable[[Any], Any]]]] = {}
        for site, rule in rules.items():
            at.setdefault(site.output, []).append((site, rule))

        def instead(node: Node, seen: dict[Node, Any]) -> Callable[[Any], Any]:
            def sends(g: Any) -> Iterator[tuple[Node, Any]]:
                seen[node] = g
                for site in sites_of(node):
                    yield site.input, site.sent(g)
                for site, rule in at[node]:
                    wrongly = rule(g)
                    if wrongly is None:
                        raise Misfit
                    yield site.input, wrongly - site.sent(g)
            return sends

        found = {n: np.zeros_like(c.true) for n, c in self.claims.items()}
        of = {parameter: name for name, parameter in self.record.parameters.items()}
        seen: dict[Node, Any] = {}
        self.record.current = seen
        try:
            for node, g, _ in self.record.swept({node: instead(node, seen) for node in at}):
                seen[node] = g
                self.budget.spend(self.record.weights[node])
                if node in of:
                    found[of[node]] = np.asarray(g, float)
        except Misfit:
            return None
        finally:
            self.record.current = self.record.cotangents
        return found

    # ── the right formula elsewhere ──────────────────────────────────────────────────────────

    def stale(self) -> None:
        """The gradient at other parameters: after an update, say."""
        for said, gradients in self.elsewhere() if self.elsewhere is not None else ():
            if self.late():
                return
            self.budget.spend(POINT * self.record.work)
            self._fit((said,), gradients, partial(self._made, "stale", said, (), 1.5, gradients))

    # ── two mistakes ─────────────────────────────────────────────────────────────────────────

    def pairs(self) -> None:
        """Two mistakes, for what no single one explains."""
        self.wrong = [p for p in self.wrong
                      if not self._at_all(self.names[p]) and not self.few[p]]
        if not self.wrong:
            return
        tried = self._mistakes()
        changed: list[dict[Node, Any]] = []  # by each mistake: the cotangents, as they are then
        for k, (site, option, _) in enumerate(tried):
            changed.append({})
            self._resweep(site, self._rule(site, option), changed[k])
            for m in range(k):  # the likeliest pairs first
                if self.late():
                    return
                first, second = (m, k) if site.output in changed[m] else (k, m)
                if tried[first][0].output is not tried[second][0].output:
                    self._try_pair(tried[first], tried[second], changed[first])

    def _try_pair(self, first: Any, second: Any, changed: Mapping[Node, Any]) -> None:
        """A mistake, and another one among what it has changed, or elsewhere."""
        self.budget.spend(PAIR)
        site, option, moved = second
        if site.output in changed:
            g = changed[site.output]
            sent = self._rule(site, option)(g)
            if sent is None:
                return
            moved = self.record.moves(site.input, sent - site.sent(g))
        self._pair(first[2] + moved, first[:2], second[:2])

    def _mistakes(self) -> list[tuple[Site, Alternative, np.ndarray]]:
        """The likelier mistakes, each with what it adds to the weighted gradients."""
        found = []
        for site in [*self.sites, *self.blocks]:
            g = self.record.cotangents[site.output]
            with np.errstate(all="ignore"):
                true = site.sent(g)
            options = [a for a in alternatives(site, g, self.record)
                       if a.source in LIKELY and a.cost <= 2.5]
            options += [] if site.block else self._scalings(site, g)
            for option in options:
                sent = self._rule(site, option)(g)
                if sent is None or not np.all(np.isfinite(sent)):
                    continue
                moved = self.record.moves(site.input, sent - true)
                if (np.abs(moved[self.wrong]) > self.room[self.wrong]).any():
                    found.append((site, option, moved))
        found.sort(key=lambda one: one[1].cost)
        return found[:PAIRED]

    def _resweep(self, site: Site, rule: Callable[[Any], Any], changed: dict[Node, Any]) -> None:
        """Fill in the cotangents that one mistake changes."""
        g = self.record.cotangents[site.output]
        more = like(site.input, rule(g) - site.sent(g))
        with np.errstate(all="ignore"):
            for node, extra, _ in sweep(site.input, more, exact=self.record.exact):
                self.budget.spend(self.record.weights[node])
                if extra is not NOTHING and node in self.record.cotangents:
                    before = self.record.cotangents[node]
                    changed[node] = extra if before is NOTHING else before + extra

    def _pair(self, moved: np.ndarray, *pair: tuple[Site, Alternative]) -> None:
        for p in self.wrong:
            factor = ratio(self.given[p], self.true[p] + moved[p], self.room[p])
            if not self._allowed(factor, p):
                continue
            gradients = self.swept({site: self._rule(site, option) for site, option in pair})
            if gradients is None or factor is None:
                continue
            self._keep(tuple((site, a.kind, a.said) for site, a in pair), p, factor,
                       partial(self._made, pair[0][1].kind, "", (pair[0][0],),
                               sum(a.cost for _, a in pair), gradients,
                               parts=tuple(self._part(site, a) for site, a in pair)))

    def _part(self, site: Site, option: Alternative) -> Finding:
        kind, said = option.kind, option.said
        if said == FORGOTTEN:
            kind, said = self.roles.omitted(site, False, self._changed_by(site))
        return Finding(kind, said, (site,), option.cost, {})


_OVERLAP = ("where several pieces taken from {x} overlap, one overwrites the other (= for +=): "
            "what each sends adds up")


def overwritten(sites: Sequence[Site], sends: Sequence[Any]) -> Any:
    """What several indices send back if the later overwrites the earlier where they overlap."""
    out = np.zeros_like(sites[0].input.value)
    for site, sent in zip(reversed(sites), reversed(sends), strict=True):
        there = site.sent(np.ones_like(site.output.value)) != 0
        out = np.where(there, sent, out)
    return out


class Misfit(Exception):  # noqa: N818  it is caught where it is raised
    """A wrong rule that gives no array of the right shape at some node."""


def sites_of(node: Node) -> Iterator[Site]:
    """The edges from a node to what it was made from."""
    assert node.op is not None
    for i, parent in enumerate(node.parents):
        if parent is not None:
            yield Site(node.op.name, node, parent, i)


def like(node: Node, g: Any) -> Any:
    """A cotangent in the form of a node's value: a float, or an array."""
    if type(node.value) is float:
        return float(g)
    return np.asarray(np.broadcast_to(g, shape(node)), float)


def sum_of(parts: Sequence[Any], kept: Sequence[int] | None = None) -> Any:
    """Their sum, or that of those kept."""
    first, *others = range(len(parts)) if kept is None else kept
    total = parts[first]
    for k in others:
        total = total + parts[k]
    return total
