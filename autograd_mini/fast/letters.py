"""What a row sends back, written out by itself: its rule is fed letters instead of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Never

from ..primitive import Elementwise

__all__ = ["G", "MINUS_G", "Letter", "NotWrittenOut", "letters", "sent_by"]

G, MINUS_G, RESULT = -1, -2, -3
"""The cotangent g, its negative, and the result, among the numbers of operands (0, 1, …)."""


class NotWrittenOut(Exception):  # noqa: N818  (it is an answer)
    """A rule does with its arguments what a letter can't write down."""


class Letter:
    """Stands for an argument of a rule: the operand of this number, or G, or RESULT.

    g can be multiplied by an operand. All else is refused, so that no rule can take a branch that
    it would not take for every number.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, number: int) -> None:
        self.number = number

    def __mul__(self, other: Any) -> Product:
        if self.number != G or type(other) is not Letter or other.number < 0:
            raise NotWrittenOut
        return Product(other.number)

    def _refused(self, *_: Any) -> Never:
        raise NotWrittenOut

    __bool__ = __lt__ = __le__ = __gt__ = __ge__ = __float__ = __int__ = __index__ = _refused
    __iter__ = __len__ = __array__ = _refused
    __eq__ = __ne__ = _refused


class Product:
    """g times the operand of this number."""

    def __init__(self, number: int) -> None:
        self.number = number


def letters(count: int) -> list[Letter]:
    """One for each operand."""
    return [Letter(number) for number in range(count)]


def sent_by(row: Any, operands: Sequence[Letter]) -> list[int]:
    """For each operand what the row's rule sends to it: G, MINUS_G, or the number of the operand by
    which it multiplies g.

    Raises `NotWrittenOut` for a rule that says anything else.
    """
    g, y = Letter(G), Letter(RESULT)
    try:
        if not isinstance(row, Elementwise):
            sends = row.pullbacks[0](g, y, *operands)
            return [_number(x) for x in sends]
        if row.selects or None in row.slopes or any([p is not None for p in row.pullbacks]):
            raise NotWrittenOut
        return [_number(g * slope(y, *operands)) if callable(slope) else
                G if slope == 1 else MINUS_G for slope in row.slopes]
    except (TypeError, AttributeError):
        raise NotWrittenOut from None


def _number(sent: Any) -> int:
    if isinstance(sent, Product) or (isinstance(sent, Letter) and sent.number == G):
        return sent.number
    raise NotWrittenOut
