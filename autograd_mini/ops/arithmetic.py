"""The table, part 1: arithmetic, and the functions that choose.

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

import numpy as np

from ..primitive import also, elementwise
from . import kinks
from .extremes import product, summed_quotient
from .facts import in_python, state

add = elementwise(np.add, operator.add, 1, 1, symbol="+")
subtract = elementwise(np.subtract, operator.sub, 1, -1, symbol="-")
multiply = elementwise(
    np.multiply, operator.mul, lambda y, a, b: b, lambda y, a, b: a, symbol="*"
)
divide = elementwise(
    np.divide, operator.truediv, lambda y, a, b: 1 / b, lambda y, a, b: -y / b, symbol="/",
    pullbacks=(lambda g, y, a, b: g / b, lambda g, y, a, b: summed_quotient(g, y, -b)),
)  # −y/b, not −a/b², which overflows from b = 1e154; (p, q, d) becomes p·q/d, (p, q, r) p·q·r
negative = elementwise(np.negative, operator.neg, -1, symbol="neg")
square = elementwise(np.square, lambda x: x * x, lambda y, x: 2 * x)
reciprocal = elementwise(
    np.reciprocal, lambda x: 1 / x, lambda y, x: -y * y,
    pullbacks=(lambda g, y, x: product(-g, y, y),),
)

# ── below: what the idea doesn't need ────────────────────────────────────────────────────────

positive = elementwise(np.positive, operator.pos, 1, symbol="=")
standing_in = elementwise(
    lambda x, s: np.broadcast_arrays(x, s)[1].copy(), lambda x, s: s, 1, None, name="standing in"
)  # s in the place of x, with the slope of x: for a function of infinite x by its limit


def _attached_to_nothing(x):  # type: ignore[no-untyped-def]
    """x itself, through which no gradient comes back."""
    return np.positive(x)


stop_gradient = elementwise(_attached_to_nothing, lambda x: x, None, name="stop_gradient")

abs = elementwise(np.abs, math.fabs, lambda y, x: kinks.sign(x), name="abs", symbol="abs")
abs.radial = True
also(np.fabs, abs)
copysign = elementwise(
    np.copysign, math.copysign, lambda y, a, b: kinks.sign(a) * kinks.sign_of_b(b), None
)
copysign.radial = True
remainder = elementwise(
    np.remainder, operator.mod, 1, lambda y, a, b: -kinks.floored(a, b), symbol="mod"
)
fmod = elementwise(np.fmod, math.fmod, 1, lambda y, a, b: -kinks.rounded_quotient(y, a, b))
heaviside = elementwise(
    np.heaviside, lambda x, h: 1.0 if x > 0 else 0.0 if x < 0 else h if x == 0 else x,
    lambda y, x, h: kinks.zero_or_nan(y), lambda y, x, h: kinks.at_zero(y, x), selects=True,
)

maximum = elementwise(
    np.maximum, lambda a, b: a if a > b or a != a else b,  # of 0.0 and −0.0 the second, as NumPy's
    lambda y, a, b: kinks.share(y, a, b), lambda y, a, b: kinks.share(y, b, a),
    symbol="max", selects=True,
)
minimum = elementwise(
    np.minimum, lambda a, b: a if a < b or a != a else b,
    lambda y, a, b: kinks.share(y, a, b), lambda y, a, b: kinks.share(y, b, a),
    symbol="min", selects=True,
)
fmax = elementwise(
    np.fmax, lambda a, b: a if a >= b or b != b else b,
    lambda y, a, b: kinks.share(y, a, b), lambda y, a, b: kinks.share(y, b, a), selects=True
)  # as maximum and minimum, but a nan is not chosen
fmin = elementwise(
    np.fmin, lambda a, b: a if a <= b or b != b else b,
    lambda y, a, b: kinks.share(y, a, b), lambda y, a, b: kinks.share(y, b, a), selects=True
)
where = elementwise(
    np.where, lambda c, a, b: a if c else b,
    None, lambda y, c, a, b: kinks.nonzero(c), lambda y, c, a, b: kinks.zero(c),
    selects=True,
)
clip = elementwise(
    np.clip, lambda x, low, high: math.nan if x != x or low != low or high != high
    else high if low > high or x > high else low if x < low else x,
    lambda y, x, low, high: kinks.inside(y, x, low, high),
    lambda y, x, low, high: kinks.below(y, x, low, high),
    lambda y, x, low, high: kinks.above(y, x, low, high), selects=True,
)  # at a bound the slope in x is 1, as in PyTorch

in_python(add, "{0} + {1}")
in_python(subtract, "{0} - {1}")
in_python(multiply, "{0} * {1}")
in_python(divide, "{0} / {1}")
in_python(negative, "-{0}")
in_python(square, "{0} * {0}")
in_python(reciprocal, "1.0 / {0}")
in_python(abs, "abs({0})")
in_python(maximum, "{0} if {0} > {1} or {0} != {0} else {1}")
in_python(minimum, "{0} if {0} < {1} or {0} != {0} else {1}")
in_python(where, "{1} if {0} else {2}")
state("linear", add, subtract, negative, positive)
state("sums up", divide)
state("chooses", maximum, minimum)
state("kink at 0", abs)
