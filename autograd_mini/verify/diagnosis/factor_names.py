"""What a factor is called, by where it was forgotten: a sign, a mean's 1/n, a term, a path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...graph import Node
from ...primitive import Elementwise
from .blocks import nodes_inside
from .known_factors import same
from .record import Record
from .site import Site, constant_factor

__all__ = ["FactorNames"]


class FactorNames:
    """What a wrong factor is called, by the site in a graph where it was used."""

    def __init__(self, record: Record, blocks: Sequence[Site]) -> None:
        self.record = record
        self.inside: set[Node] = set()  # of a function written out, where a slip is less likely
        for block in blocks:
            self.inside |= nodes_inside(block.output, block.input)

    def factor(self, site: Site, c: float, whole: bool, parameter: Node) -> tuple[str, str, float]:
        """(kind, what to say, cost) of sending c times what is right.

        whole: whether all of the parameter's gradient comes this way.
        """
        cost = 1.0 + (site.output in self.inside)
        if c == 0.0:
            cost += 0.1 * (len(self.record.uses[site.input]) < 2)
            return (*self.omitted(site, whole, parameter), cost)
        natural = _natural(site, c)
        if natural is not None:
            return natural
        if same(c, -1.0):
            return "sign", "what comes through {f} has the wrong sign", cost
        if same(c, 2.0) and not whole:
            return "doubled-term", "what comes through {f} was counted twice", cost - 0.7
        return "factor", "what comes through {f} is {c} times what it should be", cost + 0.4

    def omitted(self, site: Site, whole: bool, parameter: Node) -> tuple[str, str]:
        """What it is called if a use of a value was forgotten."""
        if whole:
            return "missing-path", "the gradient is 0: what comes through {f} was forgotten"
        if self._is_term(site, parameter):
            return "missing-term", "the term that comes through {f} is missing"
        if len(self.record.uses[site.input]) < 2:
            return "missing-path", "what comes back through {f} was forgotten"
        return "missing-path", ("{x} is used in several places, and what comes back through {f} "
                                "was forgotten (or overwritten: = for +=)")

    def _is_term(self, site: Site, parameter: Node) -> bool:
        """Whether this use is a term of a sum, or of a normaliser, rather than another path."""
        below = self._below(site.output)
        after = self._below(parameter) | {parameter}

        def meets(node: Node) -> bool:
            """Whether something else of the parameter's arrives there."""
            return any(q is not None and q in after and q not in below and q is not site.output
                       and not (node is site.output and i == site.i)
                       for i, q in enumerate(node.parents))

        meetings = [node for node in below | {site.output} if meets(node)]
        first = max(meetings, key=lambda node: self.record.rank[node], default=None)
        if first is None or first.op is None:
            return False
        if first.op.name in ("add", "subtract") and all(map(_is_linear, self._below(first))):
            return True
        sizes = [np.size(q.value) for q in first.parents if q is not None and q in after]
        # x meets a reduction of itself, as x − mean(x) or exp(x) / Σ exp(x) do
        return isinstance(first.op, Elementwise) and len(sizes) == 2 and (
            1 <= min(sizes) < max(sizes) == np.size(first.value))

    def _below(self, node: Node) -> set[Node]:
        """All that depends on a node, towards the loss."""
        found: set[Node] = set()
        stack = [node]
        while stack:
            for use in self.record.uses[stack.pop()]:
                if use.output not in found:
                    found.add(use.output)
                    stack.append(use.output)
        return found


def _is_linear(node: Node) -> bool:
    """Whether a node only adds up, moves or scales by constants."""
    assert node.op is not None
    if "linear" in node.op.facts:
        return True
    if node.op.name in ("multiply", "divide"):
        nodes = [q is not None for q in node.parents]
        return nodes == [True, False] or (node.op.name == "multiply" and nodes == [False, True])
    return bool(getattr(node.op, "moves", False)) and "chooses" not in node.op.facts


def _natural(site: Site, c: float) -> tuple[str, str, float] | None:
    """The usual reasons for a factor: a minus sign, a square, a mean, a constant."""
    op, xs, i = site.output.op, site.output.inputs, site.i
    name = site.name
    if same(c, -1.0) and (name == "negative" or (name == "subtract" and i == 1)):
        return "sign", ("the minus sign of {f} is missing in the gradient: what goes to {x} "
                        "is -d{y}"), 0.3
    if same(c, -1.0) and (name, i) in (("divide", 1), ("reciprocal", 0)):
        return "sign", "the minus sign of the derivative of {f} is missing", 0.5
    if same(c, 0.5) and (name == "square" or (name == "power" and np.all(xs[1] == 2.0))):
        return "factor", "the 2 of the derivative of the square is missing: it is 2 * {x}", 0.3
    spread = np.size(site.output.value) / max(np.size(site.input.value), 1)
    if isinstance(op, Elementwise) and spread > 1 and same(c, 1 / spread):
        return "mean-for-sum", ("the gradient was averaged over the {n} places where {x} is "
                                "used; it is their sum").replace("{n}", f"{spread:.0f}"), 0.3
    k = constant_factor(site)
    if k is None:
        return None
    words = f"1/{1 / k:g}" if name == "divide" else f"{k:g}"
    if same(c, 1 / k):
        return "factor", f"the factor {words} of {{f}} is missing", 0.2
    if same(c, k):
        return "factor", f"the factor {words} of {{f}} was applied twice", 0.6
    if same(c, 1 / k**2):
        return "factor", f"the gradient was divided by the factor {words} of {{f}}", 0.6
    return None
