"""Distributions of counts: differentiable in their parameters, not in what is counted.

The formulas are those of Johnson, Kemp and Kotz, "Univariate discrete distributions" (2005).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..functions.composed import is_at_least
from .distributions import Discrete
from .special import betainc, betaincc, betaln, gammainc, gammaincc, gammaln, xlog1py, xlogy

__all__ = ["Bernoulli", "Binom", "Poisson"]


class Poisson(Discrete):
    """log P(k) = k log μ − log k! − μ, P(at most k) = Q(k + 1, μ) (DLMF 8.2.4).

    >>> import autograd_mini as ag
    >>> ag.grad(lambda mu: ag.scipy.stats.poisson.logpmf(3, mu))(2.0)
    0.5
    """

    shapes = ("mu",)

    def _invalid(self, mu: Any) -> Any:
        return 1 - is_at_least(mu, 0.0)

    def _logpmf(self, k: Any, mu: Any) -> Any:
        return xlogy(k, mu) - gammaln(k + 1.0) - mu

    def _cdf(self, k: Any, mu: Any) -> Any:
        return gammaincc(k + 1.0, mu)

    def _sf(self, k: Any, mu: Any) -> Any:
        return gammainc(k + 1.0, mu)


class Binom(Discrete):
    """log P(k) = log C(n, k) + k log p + (n − k) log(1 − p), P(more than k) = I(k+1, n−k; p)."""

    shapes: tuple[str, ...] = ("n", "p")
    counts: tuple[str, ...] = ("n",)

    def _invalid(self, n: Any, p: Any) -> Any:
        good = is_at_least(p, 0.0) * is_at_least(1.0, p)
        return 1 - good * (1.0 * ((np.asarray(n) >= 0) & (np.floor(n) == n)))

    def _last(self, n: Any, p: Any) -> Any:
        return n

    def _logpmf(self, k: Any, n: Any, p: Any) -> Any:
        ways = -betaln(k + 1.0, n - k + 1.0) - np.log(np.add(n, 1.0))
        return xlogy(k, p) + xlog1py(n - k, -p) + ways

    def _cdf(self, k: Any, n: Any, p: Any) -> Any:
        return betaincc(k + 1.0, n - k, p)

    def _sf(self, k: Any, n: Any, p: Any) -> Any:
        return betainc(k + 1.0, n - k, p)


class Bernoulli(Binom):
    """P(1) = p and P(0) = 1 − p: binom with n = 1."""

    shapes, counts = ("p",), ()

    def _invalid(self, p: Any) -> Any:  # type: ignore[override]
        return super()._invalid(1.0, p)

    def _last(self, p: Any) -> Any:  # type: ignore[override]
        return 1.0

    def _logpmf(self, k: Any, p: Any) -> Any:  # type: ignore[override]
        return super()._logpmf(k, 1.0, p)

    def _cdf(self, k: Any, p: Any) -> Any:  # type: ignore[override]
        return super()._cdf(k, 1.0, p)

    def _sf(self, k: Any, p: Any) -> Any:  # type: ignore[override]
        return super()._sf(k, 1.0, p)
