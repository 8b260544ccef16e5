"""The functions of scipy.special: more rows of the table, read when SciPy is there.

Who calls `scipy.special.erf(node)` needs nothing from here: SciPy's ufuncs arrive through
NumPy's protocol, and the first one brings these rows in. What SciPy writes in Python doesn't:
`polygamma`, `multigammaln`, `logsumexp`, `softmax`, `log_softmax` are called from here.

The formulas are those of the Digital Library of Mathematical Functions, https://dlmf.nist.gov.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import functions, ops
from ..errors import NotDifferentiableError, missing_extra
from ..functions import logsigmoid
from ..functions.composed import is_above, is_equal, is_nan, without
from ..graph import Node, value_of
from ..ops import cbrt, exp, exp2, expm1, log, log1p, ndtr, sigmoid, where
from ..ops.extremes import quotient
from ..ops.kinks import in_pieces, sign, zero
from ..primitive import Elementwise, also, elementwise
from .calls import array_of, missing, must_be_plain, of_plain, on_nodes

try:
    import scipy.special as sp
except ImportError as error:
    raise missing_extra("scipy", "scipy", "ag.scipy.special") from error

__all__ = ["log_softmax", "logsumexp", "multigammaln", "polygamma", "softmax"]


def __getattr__(name: str) -> Any:
    """A function of SciPy's that has no name here: a ufunc takes nodes, or refuses them itself."""
    if not name.startswith("_") and hasattr(sp, name):
        return of_plain(f"scipy.special.{name}", getattr(sp, name))
    there = [n for n, row in globals().items() if hasattr(sp, n) and isinstance(row, Elementwise)]
    raise missing("ag.scipy.special", name, [*__all__, *sorted(there)])


class _OfConstants(Elementwise):
    """A function of constants and of numbers with a slope; the constants come first."""

    __slots__ = ("constants",)
    constants: tuple[str, ...]

    def apply(self, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """As ever, unless a node is given where a constant belongs."""
        for x, what in zip(args, self.constants, strict=False):
            if isinstance(x, Node):
                raise NotDifferentiableError(
                    f"{self.name} isn't differentiable here in its {what}: give it a plain number "
                    "or array (x.data, if a constant is meant)")
        return super().apply(args, params)


def _row(function: Any, *slopes: Any, name: str | None = None, pullbacks: Any = (),
         constants: Sequence[str] = ()) -> Any:
    """A row for SciPy's function, which NumPy's protocol then finds.

    constants: what its first arguments are called, which have no slope and must be plain.
    """
    symbol = name or function.__name__
    full = f"scipy.special.{symbol}"
    if constants:
        row: Any = _OfConstants(function, None, *[_refused] * len(constants), *slopes, name=full,
                                symbol=symbol)
        row.constants = tuple(constants)
    else:
        row = elementwise(function, None, *slopes, name=full, symbol=symbol, pullbacks=pullbacks)
    if isinstance(function, np.ufunc):
        also(function, row)
    return row


def _refused(y: Any, *xs: Any) -> Any:
    raise NotDifferentiableError("a constant argument has no slope")


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


def _psi(n: int, x: Any) -> Any:
    """ψ⁽ⁿ⁾(x), a row for each n."""
    if n not in _POLYGAMMA:
        _POLYGAMMA[n] = _row(
            lambda x: sp.polygamma(n, x)[()], lambda y, x: _psi(n + 1, x), name=f"polygamma({n})",
        )
    return _POLYGAMMA[n](x)


@on_nodes("scipy.special.polygamma", sp.polygamma)
def polygamma(n: int, x: Any) -> Any:
    """ψ⁽ⁿ⁾(x), the n-th derivative of the digamma function (DLMF 5.15); n is a plain integer.

    Raises `NotDifferentiableError` for a node n, or an array of several n.

    >>> import autograd_mini as ag
    >>> round(ag.grad(lambda x: ag.scipy.special.polygamma(1, x))(1.0), 12)
    -2.404113806319
    """
    must_be_plain("scipy.special.polygamma", n=n)
    if np.ndim(n) or int(n) != n or n < 0:
        raise NotDifferentiableError("scipy.special.polygamma of a node needs one n, an integer "
                                     f"of at least 0, not {n!r}: call it once for each")
    return _psi(int(n), array_of(x))


digamma = _row(sp.psi, lambda y, x: _psi(1, x))
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
        lambda y, a, b: -_psi(n + 1, a + b), name=f"gap({n})",
    )


beta = _row(sp.beta, lambda y, a, b: y * _gap(0)(a, b), lambda y, a, b: y * _gap(0)(b, a))
betaln = _row(sp.betaln, lambda y, a, b: _gap(0)(a, b), lambda y, a, b: _gap(0)(b, a))


@on_nodes("scipy.special.multigammaln", sp.multigammaln)
def multigammaln(a: Any, d: int) -> Any:
    """log of the multivariate gamma function, ¼d(d−1) log π + Σⱼ log Γ(a − j/2), j < d; d is plain.

    Raises `ValueError` unless a > (d − 1)/2, as SciPy.

    >>> import autograd_mini as ag
    >>> round(ag.grad(lambda a: ag.scipy.special.multigammaln(a, 2))(2.0), 12)
    0.459274309077
    """
    must_be_plain("scipy.special.multigammaln", d=d)
    a = array_of(a)
    sp.multigammaln(value_of(a), d)  # its checks
    constant = 0.25 * d * (d - 1) * math.log(math.pi)
    return constant + sum([gammaln(a - 0.5 * j) for j in range(int(d))])


def _rgamma_slope(y: Any, x: Any) -> Any:
    """−ψ(x)/Γ(x); for x < ½ by reflection (DLMF 5.5.3), as ψ is infinite where 1/Γ is 0."""
    left = is_above(0.5, x)
    right, mirrored = where(left, 1.0, x), 1 - where(left, x, 0.0)
    angle = math.pi * ops.remainder(x, 2.0)
    reflected = gamma(mirrored) * (
        ops.cos(angle) - digamma(mirrored) * ops.sin(angle) / math.pi)
    return where(left, reflected, -rgamma(right) * digamma(right))


rgamma = _row(sp.rgamma, _rgamma_slope)
gammasgn = in_pieces(sp.gammasgn, None, 1, "scipy.special.gammasgn")
also(sp.gammasgn, gammasgn)

# ── incomplete gamma and beta functions, and Student's t, in their last argument ─────────────


def _gamma_density(a: Any, x: Any) -> Any:
    """xᵃ⁻¹ e⁻ˣ / Γ(a), the slope of P(a, x) (DLMF 8.8.13)."""
    return exp(xlogy(a - 1, x) - x - gammaln(a))


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    """xᵃ⁻¹ (1 − x)ᵇ⁻¹ / B(a, b), the slope of I(a, b; x) (DLMF 8.17.1)."""
    return exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))


def _t_density(df: Any, x: Any) -> Any:
    """The density of Student's t of df degrees of freedom."""
    return exp(-0.5 * (df + 1) * log1p(x * x / df) - betaln(0.5 * df, 0.5)) / df**0.5


_shape, _two_shapes = ("argument a",), ("argument a", "argument b")
gammainc = _row(sp.gammainc, lambda y, a, x: _gamma_density(a, x), constants=_shape)
gammaincc = _row(sp.gammaincc, lambda y, a, x: -_gamma_density(a, x), constants=_shape)
betainc = _row(sp.betainc, lambda y, a, b, x: _beta_density(a, b, x), constants=_two_shapes)
betaincc = _row(sp.betaincc, lambda y, a, b, x: -_beta_density(a, b, x), constants=_two_shapes)
stdtr = _row(sp.stdtr, lambda y, df, x: _t_density(df, x), constants=("degrees of freedom",))


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


# ── Bessel functions, of a constant order n ──────────────────────────────────────────────────

jv = _row(sp.jv, lambda y, n, x: (jv(n - 1, x) - jv(n + 1, x)) / 2, constants=("order",))
yv = _row(sp.yv, lambda y, n, x: (yv(n - 1, x) - yv(n + 1, x)) / 2, constants=("order",))
iv = _row(sp.iv, lambda y, n, x: (iv(n - 1, x) + iv(n + 1, x)) / 2, constants=("order",))
kv = _row(sp.kv, lambda y, n, x: -(kv(n - 1, x) + kv(n + 1, x)) / 2, constants=("order",))
ive = _row(sp.ive, lambda y, n, x: (ive(n - 1, x) + ive(n + 1, x)) / 2 - sign(x) * y,
           constants=("order",))  # e^−|x| I
kve = _row(sp.kve, lambda y, n, x: y - (kve(n - 1, x) + kve(n + 1, x)) / 2, constants=("order",))
also(sp.yn, yv)
also(sp.kn, kv)
j0 = _row(sp.j0, lambda y, x: -j1(x))
j1 = _row(sp.j1, lambda y, x: (j0(x) - jv(2, x)) / 2)
y0 = _row(sp.y0, lambda y, x: -y1(x))
y1 = _row(sp.y1, lambda y, x: (y0(x) - yv(2, x)) / 2)
i0 = _row(sp.i0, lambda y, x: i1(x))
i1 = _row(sp.i1, lambda y, x: (i0(x) + iv(2, x)) / 2)
k0 = _row(sp.k0, lambda y, x: -k1(x))
k1 = _row(sp.k1, lambda y, x: -(k0(x) + kv(2, x)) / 2)
i0e = _row(sp.i0e, lambda y, x: i1e(x) - sign(x) * y)
i1e = _row(sp.i1e, lambda y, x: (i0e(x) + ive(2, x)) / 2 - sign(x) * y)

# ── sums of exponentials ─────────────────────────────────────────────────────────────────────


@on_nodes("scipy.special.softmax", sp.softmax)
def softmax(x: Any, axis: Any = None) -> Any:
    """eˣ / Σ eˣ over `axis`: as SciPy, over all numbers unless an axis is given.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.grad(lambda x: ag.scipy.special.softmax(x)[0])(np.zeros(2))
    array([ 0.25, -0.25])
    """
    return functions.softmax(array_of(x), axis=axis)


@on_nodes("scipy.special.log_softmax", sp.log_softmax)
def log_softmax(x: Any, axis: Any = None) -> Any:
    """x − log Σ eˣ over `axis`: as SciPy, over all numbers unless an axis is given.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.grad(lambda x: ag.scipy.special.log_softmax(x)[0])(np.zeros(2))
    array([ 0.5, -0.5])
    """
    return functions.log_softmax(array_of(x), axis=axis)


@on_nodes("scipy.special.logsumexp", sp.logsumexp)
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False,
              return_sign: bool = False) -> Any:
    """log Σ b·eᵃ over `axis`; with return_sign the log of its size, and its sign, a constant.

    Without return_sign a negative sum gives nan, as SciPy.

    >>> import numpy as np, autograd_mini as ag
    >>> ag.grad(lambda a: ag.scipy.special.logsumexp(a, b=np.array([1.0, 3.0])))(np.zeros(2))
    array([0.25, 0.75])
    """
    a = array_of(a)
    if b is None:
        y = ops.logsumexp(a, axis=axis, keepdims=keepdims)
        return (y, np.ones_like(value_of(y))) if return_sign else y
    b = array_of(b)
    with np.errstate(all="ignore"):
        a = where(is_equal(b, 0.0), -np.inf, a + 0.0 * b)
        top = ops.stop_gradient(functions.max(a, axis=axis, keepdims=True))
        top = where(is_nan(top - top), 0.0, top)  # ±∞
        total = ops.sum(b * exp(a - top), axis=axis, keepdims=True)
        y = log(ops.abs(total)) + top
        if not return_sign:
            y = where(is_above(0.0, total), np.nan, y)
    y = without(y, axis, keepdims)
    return (y, np.sign(value_of(without(total, axis, keepdims)))) if return_sign else y
