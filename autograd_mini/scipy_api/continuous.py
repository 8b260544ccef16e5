"""Distributions with a density, each by its formula at z = (x − loc)/scale.

The formulas are those of Johnson, Kotz and Balakrishnan, "Continuous univariate distributions"
(1994), in SciPy's parameters; each class says which. Differentiable in x, loc, scale and the
shapes; but the distribution functions of beta, chi2, gamma and t not in their shapes, for which no
rule is stated here: these are refused by name.
"""

from __future__ import annotations

import math
from typing import Any

from ..functions.composed import is_above, is_equal
from ..ops import abs, arctan2, exp, expm1, log, log1p, ndtr, sigmoid, softplus, square, where
from .distributions import Continuous, chosen, states
from .special import (
    betainc,
    betaincc,
    betaln,
    gammainc,
    gammaincc,
    gammaln,
    log_ndtr,
    logit,
    ndtri,
    xlog1py,
    xlogy,
)
from .student import log_ratio, stdtr, tail

__all__ = ["Beta", "Cauchy", "Chi2", "Expon", "Gamma", "Laplace", "Logistic", "Lognorm", "Norm",
           "T", "Uniform"]

LOG_2, HALF_LOG_2_PI = math.log(2.0), 0.5 * math.log(2.0 * math.pi)


@states("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf", "ppf")
class Norm(Continuous):
    """log f = −z²/2 − ½ log 2π, F = Φ(z); log F is finite as long as −z² is.

    >>> import autograd_mini as ag
    >>> norm = ag.scipy.stats.norm
    >>> round(norm.logpdf(ag.Value(1.0), scale=2.0).data, 6)
    -1.737086
    >>> ag.grad(norm.logpdf, (1, 2))(3.0, 1.0, 2.0)
    (0.5, 0.0)
    """

    def _logpdf(self, z: Any) -> Any:
        return -0.5 * square(z) - HALF_LOG_2_PI

    def _cdf(self, z: Any) -> Any:
        return ndtr(z)

    def _sf(self, z: Any) -> Any:
        return ndtr(-z)

    def _logcdf(self, z: Any) -> Any:
        return log_ndtr(z)

    def _logsf(self, z: Any) -> Any:
        return log_ndtr(-z)

    def _ppf(self, q: Any) -> Any:
        return ndtri(q)


class Lognorm(Continuous):
    """log f = −½(log z / s)² − log(s z √2π), F = Φ(log z / s), for z > 0."""

    name, shapes, support = "lognorm", ("s",), (0.0, math.inf)

    def _standard(self, z: Any, s: Any) -> Any:
        return log(z) / s

    def _logpdf(self, z: Any, s: Any) -> Any:
        none = is_equal(z, 0.0)
        z = chosen(none, 1.0, z)
        y = -0.5 * square(self._standard(z, s)) - log(s * z) - HALF_LOG_2_PI
        return chosen(none, -math.inf, y)

    def _cdf(self, z: Any, s: Any) -> Any:
        return ndtr(self._standard(z, s))

    def _sf(self, z: Any, s: Any) -> Any:
        return ndtr(-self._standard(z, s))

    def _logcdf(self, z: Any, s: Any) -> Any:
        return log_ndtr(self._standard(z, s))

    def _logsf(self, z: Any, s: Any) -> Any:
        return log_ndtr(-self._standard(z, s))


class T(Continuous):
    """log f = log Γ((ν+1)/2) − log Γ(ν/2) − ½ log νπ − (ν+1)/2 · log(1 + z²/ν), of ν = df.

    Its slope in df is right to the last digits for any df, where the terms cancel too: with
    df → ∞ it is (z⁴ − 2z² − 1)/(4ν²).
    """

    shapes, fixed = ("df",), ("df",)

    def _logpdf(self, z: Any, df: Any) -> Any:
        normal = is_equal(df, math.inf)
        df = chosen(normal, 1.0, df)
        y = log_ratio(0.5 * df) - HALF_LOG_2_PI - tail(z, df)
        return chosen(normal, -0.5 * square(z) - HALF_LOG_2_PI, y)

    def _cdf(self, z: Any, df: Any) -> Any:
        return stdtr(df, z)

    def _sf(self, z: Any, df: Any) -> Any:
        return stdtr(df, -z)


class Gamma(Continuous):
    """log f = (a − 1) log z − z − log Γ(a), F = P(a, z), for z ≥ 0 (DLMF 8.2.4)."""

    shapes, support, fixed = ("a",), (0.0, math.inf), ("a",)

    def _logpdf(self, z: Any, a: Any) -> Any:
        return xlogy(a - 1, z) - z - gammaln(a)

    def _cdf(self, z: Any, a: Any) -> Any:
        return gammainc(a, z)

    def _sf(self, z: Any, a: Any) -> Any:
        return gammaincc(a, z)


class Chi2(Continuous):
    """log f = (k/2 − 1) log z − z/2 − log Γ(k/2) − ½ k log 2, F = P(k/2, z/2), k = df, z ≥ 0."""

    shapes, support, fixed = ("df",), (0.0, math.inf), ("df",)

    def _logpdf(self, z: Any, df: Any) -> Any:
        return xlogy(0.5 * df - 1, z) - 0.5 * z - gammaln(0.5 * df) - 0.5 * LOG_2 * df

    def _cdf(self, z: Any, df: Any) -> Any:
        return gammainc(0.5 * df, 0.5 * z)

    def _sf(self, z: Any, df: Any) -> Any:
        return gammaincc(0.5 * df, 0.5 * z)


class Beta(Continuous):
    """log f = (a−1) log z + (b−1) log(1−z) − log B(a, b), F = I(a, b; z), 0 ≤ z ≤ 1 (DLMF 8.17)."""

    shapes, support, inside, fixed = ("a", "b"), (0.0, 1.0), 0.5, ("a", "b")

    def _logpdf(self, z: Any, a: Any, b: Any) -> Any:
        return xlogy(a - 1, z) + xlog1py(b - 1, -z) - betaln(a, b)

    def _cdf(self, z: Any, a: Any, b: Any) -> Any:
        return betainc(a, b, z)

    def _sf(self, z: Any, a: Any, b: Any) -> Any:
        return betaincc(a, b, z)


@states("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf", "ppf")
class Expon(Continuous):
    """log f = −z, F = 1 − e⁻ᶻ, for z ≥ 0."""

    support = (0.0, math.inf)

    def _logpdf(self, z: Any) -> Any:
        return -z

    def _cdf(self, z: Any) -> Any:
        return -expm1(-z)

    def _sf(self, z: Any) -> Any:
        return exp(-z)

    def _logsf(self, z: Any) -> Any:
        return -z

    def _ppf(self, q: Any) -> Any:
        return -log1p(-q)


@states("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf", "ppf")
class Uniform(Continuous):
    """f = 1 and F = z, for 0 ≤ z ≤ 1."""

    support, inside = (0.0, 1.0), 0.5

    def _logpdf(self, z: Any) -> Any:
        return 0.0 * z

    def _cdf(self, z: Any) -> Any:
        return z

    def _ppf(self, q: Any) -> Any:
        return q


@states("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf", "ppf")
class Laplace(Continuous):
    """log f = −|z| − log 2, F = ½eᶻ below 0 and 1 − ½e⁻ᶻ above; f's slope at 0 is 0."""

    def _logpdf(self, z: Any) -> Any:
        return -abs(z) - LOG_2

    def _cdf(self, z: Any) -> Any:
        above = is_above(z, 0.0)
        half = 0.5 * exp(where(above, -z, z))  # not −|z|, whose slope at 0 is 0
        return where(above, 1 - half, half)

    def _sf(self, z: Any) -> Any:
        return self._cdf(-z)

    def _logcdf(self, z: Any) -> Any:
        above = is_above(z, 0.0)
        return where(above, log1p(-0.5 * exp(-where(above, z, 0.0))), z - LOG_2)

    def _logsf(self, z: Any) -> Any:
        return self._logcdf(-z)

    def _ppf(self, q: Any) -> Any:
        above = is_above(q, 0.5)
        return where(above, -log(2 * (1 - q)), log(2 * q))


@states("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf", "ppf")
class Logistic(Continuous):
    """f = σ(z)·σ(−z), F = σ(z), the sigmoid."""

    def _logpdf(self, z: Any) -> Any:
        return -softplus(z) - softplus(-z)

    def _cdf(self, z: Any) -> Any:
        return sigmoid(z)

    def _sf(self, z: Any) -> Any:
        return sigmoid(-z)

    def _logcdf(self, z: Any) -> Any:
        return -softplus(-z)

    def _logsf(self, z: Any) -> Any:
        return -softplus(z)

    def _ppf(self, q: Any) -> Any:
        return logit(q)


class Cauchy(Continuous):
    """f = 1/(π(1 + z²)), F = ½ + arctan(z)/π."""

    def _logpdf(self, z: Any) -> Any:
        return -log1p(square(z)) - math.log(math.pi)

    def _cdf(self, z: Any) -> Any:
        return arctan2(1.0, -z) / math.pi  # not ½ + arctan(z)/π, which has no digits at −1e16

    def _sf(self, z: Any) -> Any:
        return arctan2(1.0, z) / math.pi
