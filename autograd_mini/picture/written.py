"""How rows of the table are written, where it isn't as a call by their name.

Also their slopes as a textbook has them, where the rule is made for accuracy rather than to be
read; a test holds the two equal. A row of one's own is written as a call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import ops
from ..ops import kinks
from ..primitive import PRIMITIVES
from .notation import (
    ONE,
    PRODUCT,
    SUM,
    TWO,
    Bars,
    Formula,
    Fraction,
    Holds,
    Infix,
    Name,
    Power,
    Root,
    Summed,
    Transposed,
    call,
    difference,
    infix,
    negated,
    power,
    product,
)

__all__ = ["EACH", "FORMULAS", "SENT", "SHOWN"]


def _weighted(*parts: Formula) -> Formula:
    """w₁·x₁ + … + b, of the formulas of w…, x… and b."""
    count = (len(parts) - 1) // 2
    products = [product(w, x) for w, x in zip(parts, parts[count:2 * count], strict=False)]
    return infix("+", SUM)(*products, *parts[2 * count:])


def _layer(x: Formula, w: Formula, *b: Formula) -> Formula:
    """x Wᵀ + b."""
    return infix("+", SUM)(infix("", PRODUCT)(x, Transposed(w)), *b)


FORMULAS: dict[str, Callable[..., Formula]] = {
    "add": infix("+", SUM), "subtract": difference, "multiply": product, "divide": Fraction,
    "negative": negated, "positive": lambda a: a, "square": lambda a: Power(a, TWO),
    "reciprocal": lambda a: Fraction(ONE, a), "power": power, "abs": Bars, "sqrt": Root,
    "maximum": call("max"), "minimum": call("min"), "exp": lambda a: Power(Name("e"), a),
    "relu": call("relu"), "sigmoid": call("σ"), "ndtr": call("Φ"), "step": Holds,
    "hypot": lambda a, b: Root(Infix("+", (Power(a, TWO), Power(b, TWO)), SUM)),
    "1-x²": lambda a: difference(ONE, Power(a, TWO)),
    "matmul": infix("", PRODUCT), "transpose": Transposed, "sum": Summed, "linear": _layer,
    "weighted_sum": _weighted,
    **{sign: infix(sign, 0.5) for sign in (">", "<", "≥", "≤", "==", "≠")},
}
"""By the name of a row: its formula, of the formulas of its arguments."""

_abs: Any = ops.abs  # a plain number, an array or a node
SHOWN: dict[str, Sequence[Callable[..., Any] | None]] = {
    "tanh": [lambda y, x: 1 - y**2], "sigmoid": [lambda y, x: y * (1 - y)],
    "relu": [lambda y, x: kinks.step(x)], "sqrt": [lambda y, x: 1 / (2 * y)],
    "cbrt": [lambda y, x: 1 / (3 * y**2)], "divide": [None, lambda y, a, b: -(a / b**2)],
    "reciprocal": [lambda y, x: -(1 / x**2)], "arctan": [lambda y, x: 1 / (1 + x**2)],
    "log10": [lambda y, x: 1 / (x * math.log(10))], "log2": [lambda y, x: 1 / (x * math.log(2))],
    "softsign": [lambda y, x: 1 / (1 + _abs(x)) ** 2],
    "arcsinh": [lambda y, x: 1 / ops.sqrt(x**2 + 1)],
    "arccosh": [lambda y, x: 1 / ops.sqrt(x**2 - 1)],
    "hypot": [lambda y, a, b: a / y, lambda y, a, b: b / y],
}
"""By the name of an elementwise row: for each argument its slope, (y, *inputs) → ∂y/∂input, in the
language of the rules; None where the rule reads well."""

EACH = -1
SENT: dict[str, dict[int, Callable[[Formula], Formula]]] = {
    "sum": {EACH: call("spread")}, "linear": {2: Summed},
    **{name: {EACH: call("reshape")} for name in ("reshape", "squeeze", "expand_dims")},
    **{name: {EACH: call("part of")} for name in ("concatenate", "stack", "pad")},
    "every_window": {EACH: call("overlap-add")}, "add_windows": {EACH: call("windows")},
    "getitem": {EACH: call("put back")}, "broadcast_to": {EACH: Summed},
}
"""By the name of a structural row and the argument: what is sent to it, of what arrives."""

assert PRIMITIVES.keys() >= {*FORMULAS, *SHOWN, *SENT} - {"ndtr"}
