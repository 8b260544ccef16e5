"""What the search is asked and what it answers: claims, and the mistakes that explain them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .site import Site

__all__ = ["Claim", "Finding", "Gradients"]

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
