"""The table, part 1: arithmetic and the functions that choose.

The language of the table. y: the output; a, b, x: the inputs; g: the cotangent of the output.
Each may be a number, an array or a node. An elementwise row reads

    name = elementwise(NumPy's function, its twin on floats, ∂y/∂a, ∂y/∂b)

and a slope of 1 or −1 is written as that number.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..graph import raw
from ..primitive import also, elementwise

# ── derivatives at kinks, constant in pieces ─────────────────────────────────────────────────


def picked(y: Any, x: Any) -> Any:
    """1 where x is what was chosen as y, 0 where it isn't, nan where y is nan."""
    y, x = raw(y), raw(x)
    if type(y) is float and type(x) is float:
        return 1.0 if x == y else 0.0 if y == y else y
    return np.where(y == y, 1.0 * (x == y), np.nan)[()]


def or_nan(y: Any, chosen: Any) -> Any:
    """1 where `chosen`, 0 where not, nan where y is nan."""
    return np.where(raw(y) == raw(y), 1.0 * np.asarray(chosen), np.nan)[()]


def share(y: Any, mine: Any, other: Any) -> Any:
    """1 where `mine` alone is y, ½ where both are (a tie is shared evenly), nan where y is nan."""
    return picked(y, mine) / (1.0 + (raw(mine) == raw(other)))


def _flat(y: Any, x: Any) -> Any:
    """The slope of a function that is constant in pieces: 0, but nan where y is nan."""
    return raw(y) * 0.0


def _sign_of(x: float) -> float:
    return 1.0 if x > 0 else -1.0 if x < 0 else 0.0 if x == 0 else x


def _step_of(x: float) -> float:
    return 1.0 if x > 0 else 0.0 if x <= 0 else x


_sign = elementwise(
    lambda x: np.sign(x), _sign_of, _flat, name="sign", selects=True
)  # not np.sign itself: to users that is constant by nature; as a derivative it must pass nan on
_step = elementwise(
    lambda x: np.heaviside(x, np.zeros_like(x)), _step_of, _flat, name="step", selects=True
)


def sign(x: Any) -> Any:
    """−1, 0 or 1, and nan for nan: the derivative of |x| (0 at the kink)."""
    return _sign_of(x) if type(x) is float else _sign(x)


def step(x: Any) -> Any:
    """1 for x > 0 and 0 for x ≤ 0, and nan for nan: the derivative of relu."""
    return _step_of(x) if type(x) is float else _step(x)


# ── the rows ─────────────────────────────────────────────────────────────────────────────────

add = elementwise(np.add, operator.add, 1, 1, symbol="+")
subtract = elementwise(np.subtract, operator.sub, 1, -1, symbol="-")
multiply = elementwise(
    np.multiply, operator.mul, lambda y, a, b: b, lambda y, a, b: a, symbol="*"
)
divide = elementwise(
    np.divide, operator.truediv, lambda y, a, b: 1 / b, lambda y, a, b: -y / b, symbol="/"
)  # −y/b rather than −a/b², which overflows from b = 1e154
negative = elementwise(np.negative, operator.neg, -1, symbol="neg")
positive = elementwise(np.positive, operator.pos, 1, symbol="=")

abs = elementwise(np.abs, math.fabs, lambda y, x: sign(x), name="abs", symbol="abs")
square = elementwise(np.square, lambda x: x * x, lambda y, x: 2 * x)
also(np.fabs, abs)
reciprocal = elementwise(np.reciprocal, lambda x: 1 / x, lambda y, x: -y * y)
copysign = elementwise(
    np.copysign, math.copysign, lambda y, a, b: sign(a) * np.copysign(1.0, raw(b)), None
)
remainder = elementwise(
    np.remainder, operator.mod, 1, lambda y, a, b: -np.floor_divide(raw(a), raw(b)), symbol="mod"
)
fmod = elementwise(
    np.fmod, math.fmod, 1, lambda y, a, b: -np.rint((raw(a) - raw(y)) / raw(b))
)  # not the quotient cut: 1/0.1 is 10, but 0.1 goes 9 times into 1
heaviside = elementwise(
    np.heaviside, None,
    lambda y, x, h: or_nan(y, False), lambda y, x, h: or_nan(y, raw(x) == 0), selects=True,
)

maximum = elementwise(
    np.maximum, lambda a, b: a if a >= b or a != a else b,
    lambda y, a, b: share(y, a, b), lambda y, a, b: share(y, b, a),
    symbol="max", selects=True,
)
minimum = elementwise(
    np.minimum, lambda a, b: a if a <= b or a != a else b,
    lambda y, a, b: share(y, a, b), lambda y, a, b: share(y, b, a),
    symbol="min", selects=True,
)
fmax = elementwise(
    np.fmax, None, lambda y, a, b: share(y, a, b), lambda y, a, b: share(y, b, a), selects=True
)  # as maximum and minimum, but a nan is not chosen
fmin = elementwise(
    np.fmin, None, lambda y, a, b: share(y, a, b), lambda y, a, b: share(y, b, a), selects=True
)
where = elementwise(
    np.where, lambda c, a, b: a if c else b,
    None, lambda y, c, a, b: 1.0 * (raw(c) != 0), lambda y, c, a, b: 1.0 * (raw(c) == 0),
    selects=True,
)
clip = elementwise(
    np.clip, None,
    lambda y, x, low, high: picked(y, x) * (raw(low) <= raw(high)),
    lambda y, x, low, high: or_nan(y, (raw(x) < raw(low)) & (raw(low) <= raw(high))),
    lambda y, x, low, high: or_nan(y, (raw(x) > raw(high)) | (raw(low) > raw(high))),
    selects=True,
)  # at a bound the slope in x is 1, as in PyTorch
