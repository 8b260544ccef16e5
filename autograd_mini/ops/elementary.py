"""The table, part 2: the elementary functions and the activations, one row each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..primitive import also, elementwise
from .arithmetic import abs, reciprocal, square, where
from .extremes import all_in_range, in_range, product, quotient, scalar_in_range, unless_in_range
from .facts import in_python, state
from .kinks import in_pieces, nonzero, sign, step, zero

exp = elementwise(np.exp, math.exp, lambda y, x: y)
log = elementwise(
    np.log, math.log, lambda y, x: 1 / x, pullbacks=(lambda g, y, x: g / x,)
)  # g/x, for 1/x is inf below 5.6e-309
tanh = elementwise(
    np.tanh, math.tanh, lambda y, x: square(_sech(x)),
    pullbacks=(unless_in_range(lambda y, x: _tanh_slope(x),
                               lambda g, y, x: product(g, _sech(x), _sech(x))),),
)  # not (1 − y)(1 + y), which has no digits left by x = 20
relu = elementwise(
    lambda x: np.maximum(x, 0), lambda x: x if x > 0 or x != x else 0.0, lambda y, x: sign(y),
    name="relu", symbol="ReLU", selects=True,
)  # the sign of y, which is 0, 1 or nan, takes a tenth of the time of a step function of x

# ── below: what the idea doesn't need ────────────────────────────────────────────────────────

FEW = 128  # numbers: calling NumPy takes longer than they do
LOG_2, LOG_10, DEGREE = math.log(2.0), math.log(10.0), math.pi / 180.0

sqrt = elementwise(np.sqrt, math.sqrt, lambda y, x: 0.5 / y)
expm1 = elementwise(np.expm1, math.expm1, lambda y, x: exp(x))
# not y + 1, which has lost every digit by x = −37
exp2 = elementwise(np.exp2, math.exp2, lambda y, x: 2 * LOG_2 * exp2(x - 1))
# not log 2 · y, which is inf at 1024, where the slope is 1.2e308
log2 = elementwise(
    np.log2, math.log2, lambda y, x: 1 / (LOG_2 * x), pullbacks=(lambda g, y, x: g / LOG_2 / x,)
)
log10 = elementwise(
    np.log10, math.log10, lambda y, x: 1 / (LOG_10 * x), pullbacks=(lambda g, y, x: g / LOG_10 / x,)
)
log1p = elementwise(
    np.log1p, math.log1p, lambda y, x: 1 / (1 + x), pullbacks=(lambda g, y, x: g / (1 + x),)
)
cbrt = elementwise(np.cbrt, math.cbrt, lambda y, x: square(reciprocal(y)) / 3)


def _power_base(y: Any, a: Any, b: Any) -> Any:
    """b·a^(b−1), and 0 for b = 0 also at a = 0, where 0·0⁻¹ would be nan."""
    if isinstance(b, int | float):
        return b * power(a, b - 1) if b else 0.0
    limit = zero(b) * zero(a)  # and only there, for it has a slope in b elsewhere
    return where(limit, 0.0, b * power(a, where(limit, 1.0, b - 1)))


def _sent_to_base(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g·b·a^(b−1): by way of y/a where a^(b−1) isn't a normal number and y is."""
    if isinstance(b, int | float):
        if not b:
            return g * 0.0
        if b == 2:  # 2a is exact
            return g * (2 * a)
        lowered: Any = math.pow(a, b - 1) if type(a) is float else power(a, b - 1)
        if type(lowered) is float is type(g) and scalar_in_range(lowered):
            return product(g, float(b), lowered)  # numbers, nearly always
    else:
        limit = zero(b) * zero(a)
        lowered = where(limit, 0.0, power(a, where(limit, 1.0, b - 1)))
    if all_in_range(lowered):
        return product(g, b, lowered)
    other = _in_range(y) * (1.0 - _in_range(lowered)) * nonzero(a)
    by_y = quotient(g, b * where(other, y, 1.0), where(other, a, 1.0))
    return where(other, by_y, product(g, b, where(other, 1.0, lowered)))


_in_range = in_pieces(
    lambda x: np.asarray(1.0 * in_range(x)), lambda x: 1.0 if scalar_in_range(x) else 0.0, 1,
    "in range",
)
_vanishing = in_pieces(
    lambda a, b: np.asarray(1.0 * ((a == 0) & (b >= 0))),
    lambda a, b: 1.0 if a == 0 and b >= 0 else 0.0, 2, "0ᵇ",
)


def _power_exponent(y: Any, a: Any, b: Any) -> Any:
    """y·log a; its limit 0 at a = 0 when b ≥ 0 (0·log 0 would be nan); nan for a < 0."""
    limit = _vanishing(a, b)
    return where(limit, 0.0, y * log(where(limit, 1.0, a)))


def _sent_to_exponent(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g·y·log a, with y in two halves where it isn't a normal number."""
    limit = _vanishing(a, b)
    logarithm = log(where(limit, 1.0, a))
    if all_in_range(y):
        return where(limit, 0.0, product(g, y, logarithm))
    other = (1.0 - _in_range(y)) * (1.0 - limit)
    half = power(where(other, a, 1.0), where(other, 0.5 * b, 1.0))
    usual = product(g, where(other, 1.0, y), logarithm)
    return where(limit, 0.0, where(other, product(g, half, half * logarithm), usual))


power = elementwise(
    np.power, math.pow, _power_base, _power_exponent, symbol="**",
    pullbacks=(_sent_to_base, _sent_to_exponent),
)

sin = elementwise(np.sin, math.sin, lambda y, x: cos(x))
cos = elementwise(np.cos, math.cos, lambda y, x: -sin(x))
tan = elementwise(np.tan, math.tan, lambda y, x: 1 + y * y)
_complement = elementwise(
    lambda x: (1 - x) * (1 + x), lambda x: (1 - x) * (1 + x), lambda y, x: -2 * x, name="1-x²"
)  # 1 − x² without cancellation near 1, and (unlike the product) with a derivative exact there
arcsin = elementwise(np.arcsin, math.asin, lambda y, x: 1 / sqrt(_complement(x)))
arccos = elementwise(np.arccos, math.acos, lambda y, x: -1 / sqrt(_complement(x)))
arctan = elementwise(
    np.arctan, math.atan, lambda y, x: square(_cosine(1.0, x)),
    pullbacks=(unless_in_range(lambda y, x: square(_cosine(1.0, x)),
                               lambda g, y, x: product(g, _cosine(1.0, x), _cosine(1.0, x))),),
)  # not 1/(1 + x²): its second derivative has x⁴, which overflows at 1e77

deg2rad = elementwise(np.deg2rad, math.radians, lambda y, x: DEGREE)
rad2deg = elementwise(np.rad2deg, math.degrees, lambda y, x: 1 / DEGREE)
also(np.radians, deg2rad)
also(np.degrees, rad2deg)


def _of_unit(a: Any, b: Any) -> Any:
    """a/√(a² + b²), and 0 at (0, 0)."""
    h = np.hypot(a, b)
    return np.where(h == 0, 0.0, a / np.where(h == 0, 1.0, h))[()]


def _sent_to_leg(g: Any, y: Any, a: Any, b: Any) -> Any:
    """g·a/√(a² + b²), and 0 at (0, 0)."""
    nothing = zero(y)
    return where(nothing, g * _cosine(a, b), quotient(g, a, where(nothing, 1.0, y)))


hypot = elementwise(
    np.hypot, math.hypot, lambda y, a, b: _cosine(a, b), lambda y, a, b: _cosine(b, a),
    pullbacks=(
        unless_in_range(lambda y, a, b: _cosine(a, b), _sent_to_leg),
        unless_in_range(lambda y, a, b: _cosine(b, a), lambda g, y, a, b: _sent_to_leg(g, y, b, a)),
    ),
)
hypot.radial = True
_cosine = elementwise(
    _of_unit, lambda a, b: a / math.hypot(a, b) if a != 0 or b != 0 else 0.0,
    lambda y, a, b: square(_cosine(b, a)) / hypot(a, b),
    lambda y, a, b: -y * _cosine(b, a) / hypot(a, b), name="a/hypot",
)  # the cosine and sine of the angle of (a, b): unlike a/h², they neither overflow nor cancel. At
# (0, 0) they are 0, the least subgradient of the length, where their slopes are nan: it has none
arctan2 = elementwise(
    np.arctan2, math.atan2, lambda y, a, b: _inverse(b, a), lambda y, a, b: -_inverse(a, b),
    pullbacks=(
        unless_in_range(lambda y, a, b: _inverse(b, a),
                        lambda g, y, a, b: quotient(g, _cosine(b, a), hypot(a, b))),
        unless_in_range(lambda y, a, b: -_inverse(a, b),
                        lambda g, y, a, b: quotient(-g, _cosine(a, b), hypot(a, b))),
    ),
)
_inverse = elementwise(
    lambda a, b: a / np.hypot(a, b) / np.hypot(a, b),
    lambda a, b: a / math.hypot(a, b) / math.hypot(a, b),
    lambda y, a, b: (_cosine(b, a) - _cosine(a, b)) * (_cosine(b, a) + _cosine(a, b))
    / hypot(a, b) / hypot(a, b),
    lambda y, a, b: -2 * _cosine(a, b) * _cosine(b, a) / hypot(a, b) / hypot(a, b), name="a/h²",
)  # the real part of 1/(a − ib): where 1/h² overflows its slopes are still 0 on the diagonals

sinh = elementwise(np.sinh, math.sinh, lambda y, x: cosh(x))
cosh = elementwise(np.cosh, math.cosh, lambda y, x: sinh(x))


def _fading(x: Any) -> Any:
    """e^−|x|, which never overflows, in a new array, also of one number."""
    e = np.asarray(np.copysign(x, -1.0))
    return np.exp(e, out=e)


def _inverse_cosh(x: Any) -> Any:
    """1/cosh x, with an exponential that never overflows."""
    y = _fading(x)
    e = np.asarray(y * y)
    e += 1
    y *= 2
    y /= e
    return y[()]


def _scalar_inverse_cosh(x: float) -> float:
    e = math.exp(-math.fabs(x))
    return 2 * e / (1 + e * e)


def _tanh_slope(x: Any) -> Any:
    """1/cosh² x, in a new array. Of a few numbers by cosh, which takes longer in half the calls."""
    if type(x) is np.ndarray and x.size <= FEW:
        c = np.cosh(x)
        return 1 / (c * c)
    return square(_sech(x))


_sech = elementwise(
    _inverse_cosh, _scalar_inverse_cosh, lambda y, x: -y * tanh(x), name="sech",
)
arcsinh = elementwise(
    np.arcsinh, math.asinh, lambda y, x: 1 / hypot(x, 1.0),
    pullbacks=(lambda g, y, x: g / hypot(x, 1.0),),
)
arccosh = elementwise(
    np.arccosh, math.acosh, lambda y, x: reciprocal(sqrt(x - 1)) * reciprocal(sqrt(x + 1)),
    pullbacks=(lambda g, y, x: g / sqrt(x - 1) / sqrt(x + 1),),
)  # two roots, so that neither x² overflows nor x < −1 passes
arctanh = elementwise(np.arctanh, math.atanh, lambda y, x: 1 / _complement(x))


def _sigmoid(x: Any) -> Any:
    """1/(1 + e⁻ˣ), with an exponential that never overflows, and e/(1 + e) below 0."""
    e = _fading(x)
    y = np.asarray(np.maximum(e, np.greater_equal(x, 0)))  # a `where` takes ten times as long
    e += 1
    y /= e
    return y[()]


def _scalar_sigmoid(x: float) -> float:
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    e = math.exp(x)
    return e / (1 + e)


def _bell(x: Any) -> Any:
    """σ(x)·σ(−x), which is even."""
    y = _fading(x)
    e = np.asarray(1 + y)
    e *= e
    y /= e
    return y[()]


def _scalar_bell(x: float) -> float:
    e = math.exp(-math.fabs(x))
    return e / ((1 + e) * (1 + e))


def _softplus(x: Any) -> Any:
    """log(1 + eˣ), exact on both sides of 0."""
    y = _fading(x)
    np.log1p(y, out=y)
    y += np.maximum(x, 0)
    return y[()]


sigmoid = elementwise(
    _sigmoid, _scalar_sigmoid, lambda y, x: _sigmoid_slope(x), name="sigmoid",
    pullbacks=(unless_in_range(
        lambda y, x: _sigmoid_slope(x),
        lambda g, y, x: product(0.25 * g, _sech(0.5 * x), _sech(0.5 * x))),),
)
_sigmoid_slope = elementwise(
    _bell, _scalar_bell, lambda y, x: -y * tanh(0.5 * x), name="σ′"
)  # not y(1 − y), which has lost its digits by x = 30; and so has its slope at 0
softplus = elementwise(
    _softplus, lambda x: max(x, 0.0) + math.log1p(math.exp(-math.fabs(x))),
    lambda y, x: sigmoid(x), name="softplus",
)


_both_infinite = in_pieces(
    lambda a, b: np.asarray(1.0 * (np.isinf(a) & (a == b))),
    lambda a, b: 1.0 if math.isinf(a) and a == b else 0.0, 2, "both ±∞",
)


def _first(a: Any, b: Any, unit: float = 1.0) -> Any:
    """eᵃ/(eᵃ + eᵇ), with its limits at the infinities: ½ each at (∞, ∞), 0 at (−∞, −∞)."""
    limit = _both_infinite(a, b)
    return where(limit, 0.5 * step(a), sigmoid(unit * where(limit, 0.0, a - b)))


def _scalar_logaddexp(a: float, b: float) -> float:
    if a == b:  # also where both are infinite
        return a + LOG_2
    return max(a, b) + math.log1p(math.exp(-math.fabs(a - b)))


logaddexp = elementwise(
    np.logaddexp, _scalar_logaddexp, lambda y, a, b: _first(a, b), lambda y, a, b: _first(b, a)
)
logaddexp2 = elementwise(
    np.logaddexp2, lambda a, b: _scalar_logaddexp(a * LOG_2, b * LOG_2) / LOG_2,
    lambda y, a, b: _first(a, b, LOG_2), lambda y, a, b: _first(b, a, LOG_2)
)


def _softsign(x: Any) -> Any:
    """x/(1 + |x|)."""
    return x / (1 + np.abs(x))


softsign = elementwise(
    _softsign, lambda x: x / (1 + math.fabs(x)),
    lambda y, x: square(reciprocal(1 + abs(x))), name="softsign",
    pullbacks=(unless_in_range(
        lambda y, x: square(reciprocal(1 + abs(x))),
        lambda g, y, x: product(g, reciprocal(1 + abs(x)), reciprocal(1 + abs(x)))),),
)

in_python(relu, "{0} if {0} > 0.0 or {0} != {0} else 0.0")
state("kink at 0", relu)
