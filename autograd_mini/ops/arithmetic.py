"""The table, part 1: arithmetic and the functions that choose.

The language of the table. y: the output; a, b, x: the inputs; g: the cotangent of the output.
Each may be a number, an array or a node. An elementwise row reads

    name = elementwise(NumPy's function, its twin on floats, ∂y/∂a, ∂y/∂b)

and a slope of 1 or −1 is written as that number. Where a slope may leave the range of floats, and
its product with the cotangent doesn't, the row also says how to multiply: `pullbacks`, per
argument g·∂y/∂x as a function of (g, y, *inputs).
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..primitive import Elementwise, also, elementwise
from .extremes import (
    product_of,
    quotient_of,
    scalar_in_range,
    scalar_product_of,
    scalar_quotient_of,
)

# ── derivatives at kinks, constant in pieces ─────────────────────────────────────────────────
#
# They are rows themselves, with no slope: so a recorded rule holds for other numbers too, and
# doesn't freeze what was decided for these. nan is passed on, never laundered into 0.

NAN = math.nan


def in_pieces(forward: Any, scalar: Any, arity: int, name: str) -> Elementwise:
    """A function that is constant in pieces; no gradient comes back through it."""
    return elementwise(lambda *xs: forward(*xs)[()], scalar, *[None] * arity, name=name)


def _or_nan(y: Any, chosen: Any) -> Any:
    return np.where(y == y, 1.0 * np.asarray(chosen), np.nan)


def _share_of(y: float, mine: float, other: float) -> float:
    return NAN if y != y else 0.0 if mine != y else 0.5 if mine == other else 1.0


nonzero = in_pieces(lambda c: np.asarray(1.0 * (c != 0)), lambda c: 1.0 if c != 0 else 0.0, 1, "≠0")
zero = in_pieces(lambda c: np.asarray(1.0 * (c == 0)), lambda c: 1.0 if c == 0 else 0.0, 1, "=0")
compared = {
    np.greater: in_pieces(lambda a, b: 1.0 * (a > b), lambda a, b: 1.0 if a > b else 0.0, 2, ">"),
    np.less: in_pieces(lambda a, b: 1.0 * (a < b), lambda a, b: 1.0 if a < b else 0.0, 2, "<"),
    np.greater_equal: in_pieces(
        lambda a, b: 1.0 * (a >= b), lambda a, b: 1.0 if a >= b else 0.0, 2, "≥"),
    np.less_equal: in_pieces(
        lambda a, b: 1.0 * (a <= b), lambda a, b: 1.0 if a <= b else 0.0, 2, "≤"),
    np.equal: in_pieces(lambda a, b: 1.0 * (a == b), lambda a, b: 1.0 if a == b else 0.0, 2, "=="),
    np.not_equal: in_pieces(
        lambda a, b: 1.0 * (a != b), lambda a, b: 1.0 if a != b else 0.0, 2, "≠"),
}  # for `where` in a program over a batch, whose samples may differ: nodes that hold 0 or 1
share = in_pieces(
    lambda y, mine, other: _or_nan(y, (mine == y) / (1.0 + (mine == other))), _share_of, 3, "share"
)  # 1 where `mine` alone is y, ½ where both are (a tie is shared evenly)
_sign = elementwise(
    lambda x: np.sign(x), lambda x: 1.0 if x > 0 else -1.0 if x < 0 else 0.0 if x == 0 else x,
    lambda y, x: y * 0.0, name="sign", selects=True,
)  # not np.sign itself: to users that is constant by nature; as a derivative it must pass nan on
_step = elementwise(
    lambda x: np.heaviside(x, np.zeros_like(x)), lambda x: 1.0 if x > 0 else 0.0 if x <= 0 else x,
    lambda y, x: y * 0.0, name="step", selects=True,
)


def sign(x: Any) -> Any:
    """−1, 0 or 1, and nan for nan: the derivative of |x| (0 at the kink)."""
    return _sign.scalar(x) if type(x) is float else _sign(x)  # type: ignore[misc]


def step(x: Any) -> Any:
    """1 for x > 0 and 0 for x ≤ 0, and nan for nan: the derivative of relu."""
    return _step.scalar(x) if type(x) is float else _step(x)  # type: ignore[misc]


_sign_of_b = in_pieces(
    lambda b: np.copysign(1.0, b), lambda b: math.copysign(1.0, b), 1, "sign of b"
)
_floored = in_pieces(lambda a, b: np.floor_divide(a, b), lambda a, b: a // b, 2, "⌊a/b⌋")
_turns = in_pieces(
    lambda y, a, b: np.rint((a - y) / b), lambda y, a, b: float(np.rint((a - y) / b)), 3, "turns"
)  # not the quotient cut: 1/0.1 is 10, but 0.1 goes 9 times into 1
_never = in_pieces(lambda y: _or_nan(y, False), lambda y: 0.0 if y == y else y, 1, "0 or nan")
_at_zero = in_pieces(
    lambda y, x: _or_nan(y, x == 0), lambda y, x: NAN if y != y else 1.0 if x == 0 else 0.0, 2,
    "heaviside at 0",
)
_inside = in_pieces(
    lambda y, x, low, high: _or_nan(y, (x == y) & (low <= high)),
    lambda y, x, low, high: NAN if y != y else 1.0 if x == y and low <= high else 0.0, 4, "inside",
)
_below = in_pieces(
    lambda y, x, low, high: _or_nan(y, (x < low) & (low <= high)),
    lambda y, x, low, high: NAN if y != y else 1.0 if x < low <= high else 0.0, 4, "below",
)
_above = in_pieces(
    lambda y, x, low, high: _or_nan(y, (x > high) | (low > high)),
    lambda y, x, low, high: NAN if y != y else 1.0 if x > high or low > high else 0.0, 4, "above",
)


# ── the rows ─────────────────────────────────────────────────────────────────────────────────

add = elementwise(np.add, operator.add, 1, 1, symbol="+")
subtract = elementwise(np.subtract, operator.sub, 1, -1, symbol="-")
multiply = elementwise(
    np.multiply, operator.mul, lambda y, a, b: b, lambda y, a, b: a, symbol="*"
)
divide = elementwise(
    np.divide, operator.truediv, lambda y, a, b: 1 / b, lambda y, a, b: -y / b, symbol="/",
    pullbacks=(lambda g, y, a, b: g / b, lambda g, y, a, b: quotient(-g, y, b)),
)  # −y/b rather than −a/b², which overflows from b = 1e154
negative = elementwise(np.negative, operator.neg, -1, symbol="neg")
positive = elementwise(np.positive, operator.pos, 1, symbol="=")
standing_in = elementwise(
    lambda x, s: np.broadcast_arrays(x, s)[1].copy(), lambda x, s: s, 1, None, name="standing in"
)  # s in the place of x, with the slope of x: for a function of infinite x by its limit
stop_gradient = elementwise(lambda x: np.positive(x), lambda x: x, None, name="stop_gradient")

abs = elementwise(np.abs, math.fabs, lambda y, x: sign(x), name="abs", symbol="abs")
abs.radial = True
square = elementwise(np.square, lambda x: x * x, lambda y, x: 2 * x)
also(np.fabs, abs)
reciprocal = elementwise(
    np.reciprocal, lambda x: 1 / x, lambda y, x: -y * y,
    pullbacks=(lambda g, y, x: product(-g, y, y),),
)
copysign = elementwise(
    np.copysign, math.copysign, lambda y, a, b: sign(a) * _sign_of_b(b), None
)
copysign.radial = True
remainder = elementwise(
    np.remainder, operator.mod, 1, lambda y, a, b: -_floored(a, b), symbol="mod"
)
fmod = elementwise(np.fmod, math.fmod, 1, lambda y, a, b: -_turns(y, a, b))
heaviside = elementwise(
    np.heaviside, lambda x, h: 1.0 if x > 0 else 0.0 if x < 0 else h if x == 0 else x,
    lambda y, x, h: _never(y), lambda y, x, h: _at_zero(y, x), selects=True,
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
    np.fmax, lambda a, b: a if a >= b or b != b else b,
    lambda y, a, b: share(y, a, b), lambda y, a, b: share(y, b, a), selects=True
)  # as maximum and minimum, but a nan is not chosen
fmin = elementwise(
    np.fmin, lambda a, b: a if a <= b or b != b else b,
    lambda y, a, b: share(y, a, b), lambda y, a, b: share(y, b, a), selects=True
)
where = elementwise(
    np.where, lambda c, a, b: a if c else b,
    None, lambda y, c, a, b: nonzero(c), lambda y, c, a, b: zero(c),
    selects=True,
)
clip = elementwise(
    np.clip, lambda x, low, high: NAN if x != x or low != low or high != high
    else high if low > high or x > high else low if x < low else x,
    lambda y, x, low, high: _inside(y, x, low, high),
    lambda y, x, low, high: _below(y, x, low, high),
    lambda y, x, low, high: _above(y, x, low, high), selects=True,
)  # at a bound the slope in x is 1, as in PyTorch

# ── three numbers, multiplied without leaving the range of floats on the way ─────────────────

_product = elementwise(
    product_of, scalar_product_of,
    lambda y, p, q, r: q * r, lambda y, p, q, r: p * r, lambda y, p, q, r: p * q,
    name="p·q·r", symbol="*",
    pullbacks=(lambda g, y, p, q, r: product(g, q, r), lambda g, y, p, q, r: product(g, p, r),
               lambda g, y, p, q, r: product(g, p, q)),
)
_quotient = elementwise(
    quotient_of, scalar_quotient_of,
    lambda y, p, q, d: q / d, lambda y, p, q, d: p / d, lambda y, p, q, d: -y / d,
    name="p·q/d", symbol="/",
    pullbacks=(lambda g, y, p, q, d: quotient(g, q, d), lambda g, y, p, q, d: quotient(g, p, d),
               lambda g, y, p, q, d: quotient(-g, y, d)),
)


def product(p: Any, q: Any, r: Any) -> Any:
    """p·q·r, exact to a rounding or two wherever that is a float, whatever p·q may be."""
    if type(p) is float is type(q) and type(r) is float:
        t = p * q
        return t * r if scalar_in_range(t) else scalar_product_of(p, q, r)
    return _product(p, q, r)


def quotient(p: Any, q: Any, d: Any) -> Any:
    """p·q/d, exact to a rounding or two wherever that is a float, whatever p·q may be."""
    if type(p) is float is type(q) and type(d) is float:
        t = p * q
        return t / d if scalar_in_range(t) else scalar_quotient_of(p, q, d)
    return _quotient(p, q, d)
