"""The table, part 2: the elementary functions and the activations, one row each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..graph import raw
from ..primitive import elementwise
from .arithmetic import step, where

exp = elementwise(np.exp, math.exp, lambda y, x: y)
expm1 = elementwise(np.expm1, math.expm1, lambda y, x: exp(x))
# not y + 1, which has lost every digit by x = −37
log = elementwise(np.log, math.log, lambda y, x: 1 / x)
log1p = elementwise(np.log1p, math.log1p, lambda y, x: 1 / (1 + x))
sqrt = elementwise(np.sqrt, math.sqrt, lambda y, x: 0.5 / y)


def _power_base(y: Any, a: Any, b: Any) -> Any:
    """b·a^(b−1), and 0 for b = 0 also at a = 0, where 0·0⁻¹ would be nan."""
    if isinstance(b, int | float):
        return b * power(a, b - 1) if b else 0.0
    zero = raw(b) == 0
    return where(zero, 0.0, b * power(a, where(zero, 1.0, b - 1)))


def _power_exponent(y: Any, a: Any, b: Any) -> Any:
    """y·log a; its limit 0 at a = 0 when b ≥ 0 (0·log 0 would be nan); nan for a < 0."""
    limit = (raw(a) == 0) & (raw(b) >= 0)
    return where(limit, 0.0, y * log(where(limit, 1.0, a)))


power = elementwise(np.power, math.pow, _power_base, _power_exponent, symbol="**")

sin = elementwise(np.sin, math.sin, lambda y, x: cos(x))
cos = elementwise(np.cos, math.cos, lambda y, x: -sin(x))
tan = elementwise(np.tan, math.tan, lambda y, x: 1 + y * y)
_complement = elementwise(
    lambda x: (1 - x) * (1 + x), lambda x: (1 - x) * (1 + x), lambda y, x: -2 * x, name="1-x²"
)  # 1 − x² without cancellation near 1, and (unlike the product) with a derivative exact there
arcsin = elementwise(np.arcsin, math.asin, lambda y, x: 1 / sqrt(_complement(x)))
arccos = elementwise(np.arccos, math.acos, lambda y, x: -1 / sqrt(_complement(x)))
arctan = elementwise(np.arctan, math.atan, lambda y, x: 1 / (1 + x * x))

sinh = elementwise(np.sinh, math.sinh, lambda y, x: cosh(x))
cosh = elementwise(np.cosh, math.cosh, lambda y, x: sinh(x))
tanh = elementwise(np.tanh, math.tanh, lambda y, x: (1 - y) * (1 + y))
# in y, not 1/cosh² x: that overflows at 356, and then the higher derivatives are nan


def _sigmoid(x: Any) -> Any:
    """1/(1 + e⁻ˣ), with an exponential that never overflows."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))[()]


def _scalar_sigmoid(x: float) -> float:
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    e = math.exp(x)
    return e / (1 + e)


def _softplus(x: Any) -> Any:
    """log(1 + eˣ), exact on both sides of 0."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


relu = elementwise(
    lambda x: np.maximum(x, 0), lambda x: x if x > 0 or x != x else 0.0, lambda y, x: step(x),
    name="relu", symbol="ReLU", selects=True,
)
sigmoid = elementwise(_sigmoid, _scalar_sigmoid, lambda y, x: y * sigmoid(-x), name="sigmoid")
# not y(1 − y), which has lost its digits by x = 30
softplus = elementwise(
    _softplus, lambda x: max(x, 0.0) + math.log1p(math.exp(-math.fabs(x))),
    lambda y, x: sigmoid(x), name="softplus",
)
