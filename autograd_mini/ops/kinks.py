"""The table, part 3: functions that are constant in pieces, the derivatives of others at kinks.

They are rows themselves, with no slope: so a recorded rule holds for other numbers too, and
doesn't freeze what was decided for these. nan is passed on, never laundered into 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..graph import value_of
from ..primitive import Elementwise, elementwise
from ..recording import is_live

NAN = math.nan


def in_pieces(forward: Any, scalar: Any, arity: int, name: str) -> Elementwise:
    """A function that is constant in pieces; no gradient comes back through it."""
    return elementwise(lambda *xs: forward(*xs)[()], scalar, *[None] * arity, name=name)


def _or_nan(y: Any, chosen: Any) -> Any:
    """What was chosen, as numbers, and nan where y is."""
    missing = np.isnan(y)
    if missing.any() or np.shape(chosen) != np.shape(y):
        return np.where(missing, np.nan, 1.0 * np.asarray(chosen))
    return np.asarray(chosen, np.result_type(y, np.float32))  # in a third of the time


def equal(a: Any, b: Any) -> Any:
    """Where a is b: a mask of plain numbers, or 0 and 1 of a row that holds for others too."""
    return compared[np.equal](a, b) if is_live(a, b) else value_of(a) == value_of(b)


def _shares_of(y: Any, mine: Any, other: Any) -> Any:
    """Whose each entry of an extreme is: 1 where it is mine, ½ of a tie, nan for nan."""
    hits, tied = np.asarray(mine == y), np.asarray(mine == other)
    if hits.shape == np.shape(y) and not tied.any() and _has_no_nan(y):
        return hits.astype(np.result_type(y, np.float32))  # nearly always, in half the time
    return _or_nan(y, hits / (1.0 + tied))


def _has_no_nan(y: Any) -> bool:
    """A sum of squares is nan only if one of them is; found in a fifth of the time."""
    squares = np.vdot(y, y)
    return bool(squares == squares)


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
    lambda y, mine, other: _shares_of(y, mine, other), _share_of, 3, "share"
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


sign_of_b = in_pieces(
    lambda b: np.copysign(1.0, b), lambda b: math.copysign(1.0, b), 1, "sign of b"
)
floored = in_pieces(lambda a, b: np.floor_divide(a, b), lambda a, b: a // b, 2, "⌊a/b⌋")
rounded_quotient = in_pieces(
    lambda y, a, b: np.rint((a - y) / b), lambda y, a, b: float(np.rint((a - y) / b)), 3, "turns"
)  # not the quotient cut: 1/0.1 is 10, but 0.1 goes 9 times into 1
zero_or_nan = in_pieces(lambda y: _or_nan(y, False), lambda y: 0.0 if y == y else y, 1, "0 or nan")
at_zero = in_pieces(
    lambda y, x: _or_nan(y, x == 0), lambda y, x: NAN if y != y else 1.0 if x == 0 else 0.0, 2,
    "heaviside at 0",
)


def _and(chosen: Any, valid: Any) -> Any:
    """Both; of what is valid everywhere, as bounds are, the first as it is."""
    return chosen if valid is True or np.all(valid) else chosen & valid


inside = in_pieces(
    lambda y, x, low, high: _or_nan(y, _and(x == y, low <= high)),
    lambda y, x, low, high: NAN if y != y else 1.0 if x == y and low <= high else 0.0, 4, "inside",
)
below = in_pieces(
    lambda y, x, low, high: _or_nan(y, (x < low) & (low <= high)),
    lambda y, x, low, high: NAN if y != y else 1.0 if x < low <= high else 0.0, 4, "below",
)
above = in_pieces(
    lambda y, x, low, high: _or_nan(y, (x > high) | (low > high)),
    lambda y, x, low, high: NAN if y != y else 1.0 if x > high or low > high else 0.0, 4, "above",
)
