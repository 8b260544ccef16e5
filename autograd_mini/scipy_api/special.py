"""The functions of scipy.special: more rows of the table, read when SciPy is there.

Whoever calls `scipy.special.erf(node)` needs nothing from here: SciPy's ufuncs arrive through
NumPy's protocol, and the first one brings these rows in. What SciPy writes in Python doesn't:
`polygamma`, `multigammaln`, `logsumexp`, `softmax`, `log_softmax` are called from here.

The formulas are those of the Digital Library of Mathematical Functions, https://dlmf.nist.gov.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ..errors import NotDifferentiableError, missing_extra
from ..functions import log_softmax, logsigmoid, softmax
from ..graph import value_of
from ..ops import cbrt, exp, exp2, expm1, log, log1p, logsumexp, ndtr, sigmoid, where
from ..ops.extremes import quotient
from ..ops.kinks import zero
from ..primitive import also, elementwise

try:
    import scipy.special as sp
except ImportError as error:
    raise missing_extra("scipy", "scipy", "ag.scipy.special") from error

__all__ = ["log_softmax", "logsumexp", "multigammaln", "polygamma", "softmax"]


def _row(function: Any, *slopes: Any, name: str | None = None, pullbacks: Any = ()) -> Any:
    """A row for SciPy's function, which NumPy's protocol then finds."""
    symbol = name or function.__name__
    row = elementwise(function, None, *slopes, name=f"scipy.special.{symbol}", symbol=symbol,
                      pullbacks=pullbacks)
    if isinstance(function, np.ufunc):
        also(function, row)
    return row


also(sp.expit, sigmoid)
also(sp.log_expit, logsigmoid)
also(sp.ndtr, ndtr)
for _theirs, _ours in ((sp.log1p, log1p), (sp.expm1, expm1), (sp.cbrt, cbrt), (sp.exp2, exp2)):
    also(_theirs, _ours)

# ── the normal distribution ──────────────────────────────────────────────────────────────────

_2_PI = 2 / math.sqrt(math.pi)
erf = _row(sp.erf, lambda y, x: _2_PI * exp(-x * x))
erfc = _row(sp.erfc, lambda y, x: -_2_PI * exp(-x * x))
erfinv = _row(sp.erfinv, lambda y, x: exp(y * y) / _2_PI)
erfcinv = _row(sp.erfcinv, lambda y, x: -exp(y * y) / _2_PI)
ndtri = _row(sp.ndtri, lambda y, x: math.sqrt(2 * math.pi) * exp(0.5 * y * y))
log_ndtr = _row(sp.log_ndtr, lambda y, x: mills(x))
mills = _row(
    lambda x: math.sqrt(2 / math.pi) / sp.erfcx(-x * math.sqrt(0.5)),
    lambda y, x: -y * _above_asymptote(y, x), name="φ/Φ",
)  # not exp(log φ − log Φ), two numbers of 5·10¹⁹ at x = −10¹⁰


def _above_asymptote(y: Any, x: Any) -> Any:
    """φ/Φ + x; for x → −∞ both cancel, and Laplace's continued fraction (DLMF 7.9.3) is left."""
    far = value_of(x) < -4.0
    t = -where(far, x, -4.0)
    fraction = 0.0 * t
    for k in range(60, 0, -1):
        fraction = k / (t + fraction)
    return where(far, fraction, y + x)


logit = _row(sp.logit, lambda y, x: 1 / x + 1 / (1 - x),
             pullbacks=(lambda g, y, x: g / x + g / (1 - x),))

# ── gamma and its kin ────────────────────────────────────────────────────────────────────────


def polygamma(n: int, x: Any) -> Any:
    """ψ⁽ⁿ⁾(x), the n-th derivative of the digamma function; n is a plain integer."""
    if n not in _POLYGAMMA:
        _POLYGAMMA[n] = _row(
            lambda x: sp.polygamma(n, x)[()], lambda y, x: polygamma(n + 1, x),
            name=f"polygamma({n})",
        )
    return _POLYGAMMA[n](x)


digamma = _row(sp.psi, lambda y, x: polygamma(1, x))
also(sp.digamma, digamma)
_POLYGAMMA: dict[int, Any] = {0: digamma}
gammaln = _row(sp.gammaln, lambda y, x: digamma(x))
gamma = _row(sp.gamma, lambda y, x: y * digamma(x))


def _less(m: int, c: Any, b: Any) -> Any:
    """c⁻ᵐ − (c + b)⁻ᵐ without cancellation; for m = 0 its limit over m, log(c + b) − log c."""
    gap = np.log1p(b / c)
    return np.expm1(m * gap) / (c + b) ** m if m else gap


def _polygamma_gap(n: int, a: Any, b: Any) -> Any:
    """ψ⁽ⁿ⁾(a) − ψ⁽ⁿ⁾(a + b) for a, b > 0: 20 steps up, then Stirling's series (DLMF 5.15)."""
    steps = math.factorial(n) * sum(_less(n + 1, a + j, b) for j in range(20))
    c = a + 20.0
    tail = math.factorial(max(n - 1, 0)) * _less(n, c, b) + 0.5 * math.factorial(n) * _less(
        n + 1, c, b)
    for k, bernoulli in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730), 1):
        size = bernoulli * math.factorial(2 * k + n - 1) / math.factorial(2 * k)
        tail = tail + size * _less(2 * k + n, c, b)
    direct = sp.polygamma(n, a) - sp.polygamma(n, np.add(a, b))
    return np.where((np.asarray(a) > 0) & (np.asarray(b) > 0), (-1) ** (n + 1) * (steps + tail),
                    direct)[()]


@functools.cache
def _gap(n: int) -> Any:
    """The row of ψ⁽ⁿ⁾(a) − ψ⁽ⁿ⁾(a + b), two numbers that may agree in all their digits."""
    return _row(
        lambda a, b: _polygamma_gap(n, a, b), lambda y, a, b: _gap(n + 1)(a, b),
        lambda y, a, b: -polygamma(n + 1, a + b), name=f"gap({n})",
    )


beta = _row(sp.beta, lambda y, a, b: y * _gap(0)(a, b), lambda y, a, b: y * _gap(0)(b, a))
betaln = _row(sp.betaln, lambda y, a, b: _gap(0)(a, b), lambda y, a, b: _gap(0)(b, a))


def multigammaln(a: Any, d: int) -> Any:
    """log of the multivariate gamma function of dimension d."""
    constant = 0.25 * d * (d - 1) * math.log(math.pi)
    return constant + sum([gammaln(a - 0.5 * j) for j in range(d)])


# ── x·log y and entropies ────────────────────────────────────────────────────────────────────


def _quotient(x: Any, y: Any) -> Any:
    """x/y, and 0 at (0, 0), where x·log y is 0 for every y."""
    nothing = (value_of(x) == 0) & (value_of(y) == 0)
    return x / where(nothing, 1.0, y)


def _sent_to_quotient(g: Any, x: Any, y: Any) -> Any:
    """g·x/y, and 0 at (0, 0)."""
    nothing = zero(x) * zero(y)
    return quotient(g, x, where(nothing, 1.0, y))


def _log_ratio(x: Any, y: Any) -> Any:
    """log(x/y): no quotient where that would overflow, no difference where it would cancel."""
    near = np.abs(value_of(x) - value_of(y)) < 0.5 * value_of(y)
    small = where(near, x - y, 0.0) / where(near, y, 1.0)
    return where(near, log1p(small), log(x) - log(y))


xlogy = _row(sp.xlogy, lambda f, x, y: log(y), lambda f, x, y: _quotient(x, y),
             pullbacks=(None, lambda g, f, x, y: _sent_to_quotient(g, x, y)))
xlog1py = _row(sp.xlog1py, lambda f, x, y: log1p(y), lambda f, x, y: _quotient(x, 1 + y),
               pullbacks=(None, lambda g, f, x, y: _sent_to_quotient(g, x, 1 + y)))
entr = _row(sp.entr, lambda y, x: -1 - log(x))
rel_entr = _row(
    sp.rel_entr, lambda f, x, y: 1 + _log_ratio(x, y), lambda f, x, y: -_quotient(x, y),
    pullbacks=(None, lambda g, f, x, y: _sent_to_quotient(-g, x, y)),
)
kl_div = _row(sp.kl_div, lambda f, x, y: _log_ratio(x, y), lambda f, x, y: 1 - _quotient(x, y))


def _constant_order(name: str) -> Any:
    def slope(y: Any, *xs: Any) -> Any:
        raise NotDifferentiableError(
            f"scipy.special.{name} isn't differentiable here in its order: pass a plain number")
    return slope


# ── Bessel functions, of a constant order n ──────────────────────────────────────────────────

jv = _row(sp.jv, _constant_order("jv"), lambda y, n, x: (jv(n - 1, x) - jv(n + 1, x)) / 2)
yv = _row(sp.yv, _constant_order("yv"), lambda y, n, x: (yv(n - 1, x) - yv(n + 1, x)) / 2)
iv = _row(sp.iv, _constant_order("iv"), lambda y, n, x: (iv(n - 1, x) + iv(n + 1, x)) / 2)
kv = _row(sp.kv, _constant_order("kv"), lambda y, n, x: -(kv(n - 1, x) + kv(n + 1, x)) / 2)
also(sp.yn, yv)
also(sp.kn, kv)
j0 = _row(sp.j0, lambda y, x: -j1(x))
j1 = _row(sp.j1, lambda y, x: (j0(x) - jv(2, x)) / 2)
y0 = _row(sp.y0, lambda y, x: -y1(x))
y1 = _row(sp.y1, lambda y, x: (y0(x) - yv(2, x)) / 2)
i0 = _row(sp.i0, lambda y, x: i1(x))
i1 = _row(sp.i1, lambda y, x: (i0(x) + iv(2, x)) / 2)
